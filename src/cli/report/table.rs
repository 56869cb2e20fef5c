//! A report for a terminal: plain tables, which also read well in a mail.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use super::{balance, difference, holder_name, leaning_word, notes, period_word, scope};
use crate::{
    cli::render::{percent, type_tag, visible},
    report::{Leaning, Report, TargetReport},
};

/// Columns of a name in a table.
const NAME: usize = 28;
/// Narrower than this, sentences are not wrapped further.
const NARROWEST: usize = 40;

/// The report in lines of at most `columns`.
pub fn page(report: &Report, title: &str, columns: usize) -> String {
    let mut page = format!("{}\n{}\n\n", visible(title), scope(report));
    overview(&mut page, report);
    for note in notes(report) {
        wrapped(&mut page, &note, "", columns);
    }
    for target in &report.targets {
        if target.total.mentions > 0 {
            section(&mut page, report, target, columns);
        }
    }
    page
}

/// Rows of cells under their names, numbers to the right.
struct Grid {
    rows: Vec<Vec<String>>,
}

impl Grid {
    fn new(names: &[&str]) -> Self {
        Self {
            rows: vec![names.iter().map(|name| (*name).to_owned()).collect()],
        }
    }

    fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    fn write(&self, page: &mut String, indent: &str) {
        let columns = self.rows.first().map_or(0, Vec::len);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column));
                cells.map(|cell| cell.width()).max().unwrap_or(0)
            })
            .collect();
        for row in &self.rows {
            page.push_str(indent);
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let gap = " ".repeat(width.saturating_sub(cell.width()));
                match column {
                    0 => _ = write!(page, "{cell}{gap}"),
                    _ => _ = write!(page, "  {gap}{cell}"),
                }
            }
            page.truncate(page.trim_end_matches(' ').len());
            page.push('\n');
        }
    }
}

fn name(text: &str) -> String {
    let text = visible(text);
    if text.width() <= NAME {
        return text;
    }
    let mut cut = String::new();
    for c in text.chars() {
        if cut.width() + unicode_width::UnicodeWidthChar::width(c).unwrap_or(0) >= NAME {
            break;
        }
        cut.push(c);
    }
    format!("{}…", cut.trim_end())
}

fn target_name(target: &TargetReport) -> String {
    match target.target.kind {
        Some(kind) => format!("{} {}", name(&target.target.name), type_tag(kind)),
        None => name(&target.target.name),
    }
}

fn overview(page: &mut String, report: &Report) {
    let mut names = vec![
        "Target",
        "Documents",
        "Mentions",
        "Share",
        "▲ fav.",
        "▼ unfav.",
        "Balance",
    ];
    let changes = report
        .targets
        .iter()
        .any(|target| target.change().is_some());
    if changes {
        names.push("Change");
    }
    let mut grid = Grid::new(&names);
    for target in &report.targets {
        let stances = target.total.stances;
        let mut row = vec![
            target_name(target),
            target.total.documents.to_string(),
            target.total.mentions.to_string(),
            percent(target.share_of_voice as f32),
            stances.favorable.to_string(),
            stances.unfavorable.to_string(),
            balance(stances),
        ];
        if let Some((now, before)) = target.change() {
            row.push(difference(now.mentions, before.mentions));
        }
        grid.push(row);
    }
    grid.write(page, "");
    page.push('\n');
    if let (true, [.., before, last]) = (changes, report.periods.as_slice()) {
        let _ = writeln!(
            page,
            "Change: mentions, {} against {}.",
            last.label(report.period),
            before.label(report.period)
        );
    }
}

fn section(page: &mut String, report: &Report, target: &TargetReport, columns: usize) {
    let _ = write!(
        page,
        "\n{}\n{}\n",
        target_name(target),
        "─".repeat(target_name(target).width())
    );
    let mut kinds = Grid::new(&["Whose stance", "▲ fav.", "▼ unfav.", "Balance"]);
    for (whose, counts) in [
        ("author", target.author),
        ("named", target.named),
        ("unnamed", target.unnamed),
    ] {
        kinds.push(vec![
            whose.to_owned(),
            counts.favorable.to_string(),
            counts.unfavorable.to_string(),
            balance(counts),
        ]);
    }
    kinds.write(page, "  ");
    if target.timeline.len() > 1 {
        page.push('\n');
        timeline(page, report, target);
    }
    if !target.holders.is_empty() {
        page.push('\n');
        let mut grid = Grid::new(&["Holder", "▲ fav.", "▼ unfav.", "Balance"]);
        for holder in &target.holders {
            grid.push(vec![
                name(&holder.name),
                holder.stances.favorable.to_string(),
                holder.stances.unfavorable.to_string(),
                balance(holder.stances),
            ]);
        }
        grid.write(page, "  ");
    }
    if !target.sources.is_empty() {
        page.push('\n');
        let mut grid = Grid::new(&[
            "Medium",
            "Documents",
            "Mentions",
            "▲ fav.",
            "▼ unfav.",
            "Balance",
        ]);
        for (source, seen) in &target.sources {
            grid.push(vec![
                name(source),
                seen.documents.to_string(),
                seen.mentions.to_string(),
                seen.stances.favorable.to_string(),
                seen.stances.unfavorable.to_string(),
                balance(seen.stances),
            ]);
        }
        grid.write(page, "  ");
    }
    for evidence in &target.evidence {
        let mark = match evidence.leaning {
            Leaning::Favorable => '▲',
            Leaning::Unfavorable => '▼',
        };
        let mut from = vec![visible(holder_name(&evidence.holder))];
        from.extend(evidence.source.as_deref().map(visible));
        from.extend(evidence.date.map(|date| date.to_string()));
        from.push(visible(&evidence.document));
        page.push('\n');
        let words = format!("{mark} {}", visible(&evidence.text));
        wrapped(page, &words, "  ", columns);
        let about = format!("{}, {}", leaning_word(evidence.leaning), from.join(", "));
        wrapped(page, &about, "    ", columns);
    }
}

/// Periods with bars of mentions.
fn timeline(page: &mut String, report: &Report, target: &TargetReport) {
    const BAR: u64 = 24;
    let most = target
        .timeline
        .iter()
        .map(|seen| seen.mentions)
        .max()
        .unwrap_or(0)
        .max(1);
    let mut grid = Grid::new(&[
        period_word(report.period),
        "Mentions",
        "▲ fav.",
        "▼ unfav.",
        "Balance",
    ]);
    for (start, seen) in report.periods.iter().zip(&target.timeline) {
        grid.push(vec![
            start.label(report.period),
            seen.mentions.to_string(),
            seen.stances.favorable.to_string(),
            seen.stances.unfavorable.to_string(),
            balance(seen.stances),
        ]);
    }
    let mut lines = String::new();
    grid.write(&mut lines, "  ");
    let width = lines.lines().map(|line| line.width()).max().unwrap_or(0);
    for (index, line) in lines.lines().enumerate() {
        let mentions = index.checked_sub(1).and_then(|at| target.timeline.get(at));
        let cells = mentions.map_or(0, |seen| (seen.mentions * BAR).div_ceil(most));
        let bar = "█".repeat(usize::try_from(cells).unwrap_or(0));
        let gap = " ".repeat(width.saturating_sub(line.width()));
        let _ = writeln!(page, "{}", format!("{line}{gap}  {bar}").trim_end());
    }
}

/// A sentence in lines of at most so many columns.
fn wrapped(page: &mut String, text: &str, indent: &str, columns: usize) {
    let room = columns.max(NARROWEST);
    let mut line = indent.to_owned();
    let mut is_empty = true;
    for word in text.split(' ') {
        if !is_empty && line.width() + 1 + word.width() > room {
            page.push_str(line.trim_end());
            page.push('\n');
            line = format!("{indent}  ");
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    page.push_str(line.trim_end());
    page.push('\n');
}
