//! The tables of a report as CSV.

use std::io;

use super::{TableName, holder_name, leaning_word};
use crate::{
    cli::render::type_tag,
    report::{Counts, Report, Resonance, Target, TargetReport},
};

/// One of the tables.
///
/// # Errors
/// Those of the writer.
pub fn page(report: &Report, table: TableName) -> io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let (names, rows) = match table {
        TableName::Targets => targets(report),
        TableName::Timeline => timeline(report),
        TableName::Holders => holders(report),
        TableName::Sources => sources(report),
        TableName::Evidence => evidence(report),
    };
    writer.write_record(names)?;
    for row in rows {
        writer.write_record(row)?;
    }
    writer
        .into_inner()
        .map_err(|error| io::Error::other(error.to_string()))
}

type Table = (Vec<&'static str>, Vec<Vec<String>>);

fn kind(target: &Target) -> String {
    target.kind.map(type_tag).unwrap_or_default().to_owned()
}

/// A number with up to four digits behind the point, without a sign of its own.
fn number(value: f64) -> String {
    let rounded = (value * 1e4).round() / 1e4;
    // Minus nothing is nothing.
    (rounded + 0.0).to_string()
}

fn balance(counts: Counts) -> String {
    counts.balance().map(number).unwrap_or_default()
}

fn targets(report: &Report) -> Table {
    let names = vec![
        "target",
        "type",
        "documents",
        "mentions",
        "share_of_voice",
        "favorable",
        "unfavorable",
        "balance",
        "author_favorable",
        "author_unfavorable",
        "named_favorable",
        "named_unfavorable",
        "unnamed_favorable",
        "unnamed_unfavorable",
        "last_period",
        "last_mentions",
        "previous_mentions",
        "last_balance",
        "previous_balance",
    ];
    let last = report
        .periods
        .last()
        .map(|start| start.label(report.period));
    let row = |target: &TargetReport| {
        let mut row = vec![
            target.target.name.clone(),
            kind(&target.target),
            target.total.documents.to_string(),
            target.total.mentions.to_string(),
            number(target.share_of_voice),
            target.total.stances.favorable.to_string(),
            target.total.stances.unfavorable.to_string(),
            balance(target.total.stances),
        ];
        for counts in [target.author, target.named, target.unnamed] {
            row.push(counts.favorable.to_string());
            row.push(counts.unfavorable.to_string());
        }
        match target.change() {
            Some((now, before)) => row.extend([
                last.clone().unwrap_or_default(),
                now.mentions.to_string(),
                before.mentions.to_string(),
                balance(now.stances),
                balance(before.stances),
            ]),
            None => row.extend(std::iter::repeat_n(String::new(), 5)),
        }
        row
    };
    (names, report.targets.iter().map(row).collect())
}

fn counted(seen: Resonance) -> Vec<String> {
    vec![
        seen.documents.to_string(),
        seen.mentions.to_string(),
        seen.stances.favorable.to_string(),
        seen.stances.unfavorable.to_string(),
        balance(seen.stances),
    ]
}

fn timeline(report: &Report) -> Table {
    let names = vec![
        "target",
        "type",
        "period",
        "documents",
        "mentions",
        "favorable",
        "unfavorable",
        "balance",
    ];
    let rows = report.targets.iter().flat_map(|target| {
        report
            .periods
            .iter()
            .zip(&target.timeline)
            .map(|(start, seen)| {
                let mut row = vec![
                    target.target.name.clone(),
                    kind(&target.target),
                    start.to_string(),
                ];
                row.extend(counted(*seen));
                row
            })
    });
    (names, rows.collect())
}

fn holders(report: &Report) -> Table {
    let names = vec![
        "target",
        "type",
        "holder",
        "favorable",
        "unfavorable",
        "balance",
    ];
    let rows = report.targets.iter().flat_map(|target| {
        target.holders.iter().map(|holder| {
            vec![
                target.target.name.clone(),
                kind(&target.target),
                holder.name.clone(),
                holder.stances.favorable.to_string(),
                holder.stances.unfavorable.to_string(),
                balance(holder.stances),
            ]
        })
    });
    (names, rows.collect())
}

fn sources(report: &Report) -> Table {
    let names = vec![
        "target",
        "type",
        "source",
        "documents",
        "mentions",
        "favorable",
        "unfavorable",
        "balance",
    ];
    let rows = report.targets.iter().flat_map(|target| {
        target.sources.iter().map(|(source, seen)| {
            let mut row = vec![
                target.target.name.clone(),
                kind(&target.target),
                source.clone(),
            ];
            row.extend(counted(*seen));
            row
        })
    });
    (names, rows.collect())
}

fn evidence(report: &Report) -> Table {
    let names = vec![
        "target",
        "type",
        "polarity",
        "holder",
        "probability",
        "text",
        "document",
        "date",
        "source",
    ];
    let rows = report.targets.iter().flat_map(|target| {
        target.evidence.iter().map(|evidence| {
            vec![
                target.target.name.clone(),
                kind(&target.target),
                leaning_word(evidence.leaning).to_owned(),
                holder_name(&evidence.holder).to_owned(),
                number(f64::from(evidence.probability)),
                evidence.text.clone(),
                evidence.document.clone(),
                evidence
                    .date
                    .map(|date| date.to_string())
                    .unwrap_or_default(),
                evidence.source.clone().unwrap_or_default(),
            ]
        })
    });
    (names, rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits_at_most() {
        for (value, written) in [
            (0.5, "0.5"),
            (1.0 / 3.0, "0.3333"),
            (-0.0, "0"),
            (-1.0, "-1"),
        ] {
            assert_eq!(number(value), written);
        }
    }
}
