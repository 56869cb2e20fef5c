//! `tagwerk report`: what many tagged articles say about each target.

mod csv;
mod html;
mod lines;
mod table;

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, IsTerminal as _, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, ValueEnum, value_parser};

use self::lines::{Line, Wanted};
use super::{
    input::JsonLines,
    render::{score, terminal_width},
};
use crate::report::{Counts, Date, Holder, Leaning, Period, Report, Settings, Tally};

/// The arguments of `tagwerk report`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ReportArgs {
    /// Answers of `tagwerk tag --format json --with-input`, or - for standard input
    #[arg(value_name = "FILE|-")]
    pub inputs: Vec<PathBuf>,

    /// How to write the report
    #[arg(long, value_enum, default_value_t = ReportFormat::Table)]
    pub format: ReportFormat,

    /// Which of its tables to write as csv
    #[arg(long, value_enum, default_value_t = TableName::Targets)]
    pub table: TableName,

    /// How to group the timelines; default: days for a month, weeks for half a year, else months
    #[arg(long, value_enum)]
    pub by: Option<By>,

    /// The first day that counts, for example 2025-09-01
    #[arg(long, value_name = "DAY")]
    pub from: Option<Date>,

    /// The last day that counts
    #[arg(long, value_name = "DAY")]
    pub to: Option<Date>,

    /// Targets to look for by the names of entities, instead of those of a watchlist: one a line, its other names
    /// behind semicolons
    #[arg(long, value_name = "FILE")]
    pub targets: Option<PathBuf>,

    /// Entities to show where there are no targets
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = value_parser!(u16).range(1..=1000))]
    pub top: u16,

    /// The field of the input that holds the day; default: date, published and the like
    #[arg(long, value_name = "NAME")]
    pub date_field: Option<String>,

    /// The field of the input that holds the medium; default: source, medium and the like
    #[arg(long, value_name = "NAME")]
    pub source_field: Option<String>,

    /// What to call the report
    #[arg(long, value_name = "TEXT", default_value = "Media resonance")]
    pub title: String,

    /// Write to this file instead of to standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Evidence, days and media come from the input of the answers: tag with --with-input.
Lines that are no answers are told on standard error, and the rest goes on.

Exit code: 0 all went well, 1 something could not be read, 2 wrong usage.

Examples:
  tagwerk tag week.jsonl --with-input --output tagged.jsonl
  tagwerk report tagged.jsonl --by day
  tagwerk report tagged.jsonl --targets clients.txt --format html --output monday.html
  tagwerk report tagged.jsonl --format csv --table timeline > timeline.csv";

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Tables for a terminal
    Table,
    /// One of the tables as CSV
    Csv,
    /// One page of HTML with charts
    Html,
}

/// A table of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TableName {
    /// One row for each target
    Targets,
    /// One row for each target and period
    Timeline,
    /// One row for each target and named holder
    Holders,
    /// One row for each target and medium
    Sources,
    /// One row for each sentence of evidence
    Evidence,
}

/// How timelines are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// Days
    Day,
    /// Weeks, from Monday
    Week,
    /// Months
    Month,
}

impl From<By> for Period {
    fn from(by: By) -> Self {
        match by {
            By::Day => Self::Day,
            By::Week => Self::Week,
            By::Month => Self::Month,
        }
    }
}

/// Runs the command and says how it went.
pub fn run(args: &ReportArgs) -> ExitCode {
    let wanted = match wanted(args) {
        Ok(wanted) => wanted,
        Err(message) => {
            eprintln!("tagwerk: {message}");
            return ExitCode::from(2);
        }
    };
    let (report, faults) = count(args, &wanted);
    if report.documents == 0 {
        eprintln!("tagwerk: there is no document to report on");
        return ExitCode::FAILURE;
    }
    match write(args, &report) {
        Ok(()) if faults == 0 => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("tagwerk: {message}");
            ExitCode::FAILURE
        }
    }
}

fn wanted(args: &ReportArgs) -> Result<Wanted, String> {
    if args.from.zip(args.to).is_some_and(|(from, to)| from > to) {
        return Err("--from is behind --to".to_owned());
    }
    let mut wanted = Wanted {
        date: args.date_field.clone(),
        source: args.source_field.clone(),
        ..Wanted::default()
    };
    if let Some(path) = &args.targets {
        let told = |error| format!("{}: cannot be read: {error}", path.display());
        let list = fs::read_to_string(path).map_err(told)?;
        (wanted.targets, wanted.names) =
            targets(&list).map_err(|message| format!("{}:{message}", path.display()))?;
    }
    Ok(wanted)
}

/// The targets of a list, and under which names they go. A name in front of the first semicolon is the target's own.
fn targets(list: &str) -> Result<(Vec<String>, HashMap<String, String>), String> {
    let mut targets = Vec::new();
    let mut names: HashMap<String, String> = HashMap::new();
    for (index, line) in list.trim_start_matches('\u{feff}').lines().enumerate() {
        let number = index + 1;
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut written = line
            .split(';')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        let Some(target) = written.next() else {
            return Err(format!("{number}: there is no name"));
        };
        if targets.iter().any(|known| known == target) {
            return Err(format!("{number}: \"{target}\" is there twice"));
        }
        for name in std::iter::once(target).chain(written) {
            let other = names.insert(name.to_lowercase(), target.to_owned());
            if let Some(other) = other.filter(|other| other != target) {
                return Err(format!(
                    "{number}: \"{name}\" is a name of \"{other}\" as well"
                ));
            }
        }
        targets.push(target.to_owned());
    }
    match targets.is_empty() {
        true => Err(" there is no target".to_owned()),
        false => Ok((targets, names)),
    }
}

/// Reads all inputs, and says how many lines or files could not be read.
fn count(args: &ReportArgs, wanted: &Wanted) -> (Report, u64) {
    let mut tally = Tally::new(Settings {
        period: args.by.map(Period::from),
        from: args.from,
        to: args.to,
        top: args.top.into(),
        ..Settings::default()
    });
    let (mut faults, mut failed) = (0, 0u64);
    let stdin = [PathBuf::from("-")];
    let inputs = match args.inputs.is_empty() {
        true => &stdin[..],
        false => &args.inputs,
    };
    for path in inputs {
        let mut lines = match JsonLines::open(path) {
            Ok(lines) => lines,
            Err(error) => {
                eprintln!("{}: cannot be read: {error}", path.display());
                faults += 1;
                continue;
            }
        };
        while let Some((place, _, line)) = lines.next_filled() {
            match line.and_then(|line| lines::read(&line, wanted)) {
                Ok(Line::Tagged(reading)) => tally.add(&reading),
                Ok(Line::Failed) => failed += 1,
                Err(problem) => {
                    eprintln!("{place}: {problem}");
                    faults += 1;
                }
            }
        }
    }
    if failed > 0 {
        let (documents, do_not) = match failed {
            1 => ("document", "does not"),
            _ => ("documents", "do not"),
        };
        eprintln!("tagwerk: {failed} {documents} had not been tagged and {do_not} count");
    }
    (tally.report(), faults)
}

fn write(args: &ReportArgs, report: &Report) -> Result<(), String> {
    let written = match args.format {
        ReportFormat::Table => Ok(table::page(report, &args.title, columns(args)).into_bytes()),
        ReportFormat::Csv => csv::page(report, args.table),
        ReportFormat::Html => Ok(html::page(report, &args.title).into_bytes()),
    };
    let told = |error: io::Error| format!("the report cannot be written: {error}");
    let page = written.map_err(told)?;
    match &args.output {
        Some(path) => save(path, &page).map_err(|error| format!("{}: {error}", path.display())),
        None => match io::stdout().write_all(&page) {
            // Whoever reads may have seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(told),
        },
    }
}

fn save(path: &Path, page: &[u8]) -> io::Result<()> {
    File::create(path)?.write_all(page)
}

fn columns(args: &ReportArgs) -> usize {
    match args.output.is_none() && io::stdout().is_terminal() {
        true => terminal_width(),
        false => 100,
    }
}

/// What a period is called in a sentence.
fn period_word(period: Period) -> &'static str {
    match period {
        Period::Day => "day",
        Period::Week => "week",
        Period::Month => "month",
    }
}

fn holder_name(holder: &Holder) -> &str {
    match holder {
        Holder::Author => "author",
        Holder::Named(name) => name,
        Holder::Unnamed => "unnamed",
    }
}

fn leaning_word(leaning: Leaning) -> &'static str {
    match leaning {
        Leaning::Favorable => "favourable",
        Leaning::Unfavorable => "unfavourable",
    }
}

/// A balance with its sign, or a dash where there is none.
fn balance(counts: Counts) -> String {
    counts
        .balance()
        .map_or("–".to_owned(), |balance| score(balance as f32))
}

/// A difference with its sign.
fn difference(now: u64, before: u64) -> String {
    match now.cmp(&before) {
        std::cmp::Ordering::Greater => format!("+{}", now - before),
        std::cmp::Ordering::Less => format!("−{}", before - now),
        std::cmp::Ordering::Equal => "±0".to_owned(),
    }
}

/// What a report covers, in one line.
fn scope(report: &Report) -> String {
    let mut scope = match report.documents {
        1 => "1 document".to_owned(),
        documents => format!("{documents} documents"),
    };
    if let Some((first, last)) = report.days {
        match first == last {
            true => scope.push_str(&format!(", {first}")),
            false => scope.push_str(&format!(", {first} to {last}")),
        }
    }
    if report.undated > 0 && report.days.is_some() {
        scope.push_str(&format!(", {} without a date", report.undated));
    }
    scope
}

/// What a reader has to know of how it was counted.
fn notes(report: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    if report.left_out > 0 {
        let (targets, are) = match report.left_out {
            1 => ("target", "is"),
            _ => ("targets", "are"),
        };
        notes.push(format!(
            "{} more {targets} {are} not shown; the share of voice counts all.",
            report.left_out
        ));
    }
    if report.uncertainty > 0 {
        notes.push(format!(
            "There were too many names to remember: a target may be counted short by up to {} documents.",
            report.uncertainty
        ));
    }
    if report.days.is_none() {
        notes.push(
            "No document has a date, so there are no timelines: name its field with --date-field."
                .to_owned(),
        );
    }
    let stances = report
        .targets
        .iter()
        .any(|target| target.total.stances.total() > 0);
    let evidence = report
        .targets
        .iter()
        .any(|target| !target.evidence.is_empty());
    if stances && !evidence {
        notes.push(
            "The answers do not hold their texts, so there is no evidence: tag with --with-input."
                .to_owned(),
        );
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_targets_names_each_with_its_other_names() {
        let (targets, names) = targets("# clients\nVela AG; Vela ;VELA SE\n\nOstwind\n").unwrap();
        assert_eq!(targets, ["Vela AG", "Ostwind"]);
        for (name, target) in [
            ("vela ag", "Vela AG"),
            ("vela", "Vela AG"),
            ("vela se", "Vela AG"),
            ("ostwind", "Ostwind"),
        ] {
            assert_eq!(names.get(name).map(String::as_str), Some(target));
        }
        assert_eq!(names.len(), 4);
    }

    #[test]
    fn a_wrong_list_is_refused_with_its_line() {
        for (list, told) in [
            ("", " there is no target"),
            ("# nobody\n", " there is no target"),
            ("Vela\n;;\n", "2: there is no name"),
            ("Vela\nOstwind\nVela\n", "3: \"Vela\" is there twice"),
            (
                "Vela; V\nOstwind; v\n",
                "2: \"v\" is a name of \"Vela\" as well",
            ),
        ] {
            assert_eq!(targets(list).unwrap_err(), told, "{list:?}");
        }
    }

    #[test]
    fn differences_have_a_sign() {
        for (now, before, told) in [(5, 3, "+2"), (3, 5, "−2"), (4, 4, "±0")] {
            assert_eq!(difference(now, before), told);
        }
    }
}
