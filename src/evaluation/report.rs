//! The figures of an evaluation, as JSON (through serde) and as tables for terminals (through `Display`).

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::counts::{Answers, Matches, POLARITIES, polarity_label};
use super::sample::{Estimate, Resamples};
use crate::pipeline::document::EntityType;

/// The figures of an evaluation. All shares are in percent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Entity types that were left out, in gold and prediction alike.
    pub ignored_types: Vec<&'static str>,
    /// Whether they were left out because the gold file never marks them.
    pub ignored_as_unmarked: bool,
    /// How often the texts were resampled for the 95 % intervals.
    pub resamples: usize,
    /// What the resampling started from.
    pub seed: u64,
    /// The figures over all texts.
    pub overall: Figures,
    /// The figures over the texts of each language.
    pub languages: BTreeMap<String, Figures>,
}

/// The figures over some texts. A task is absent where no text is annotated for it or the model does not do it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Texts read.
    pub texts: usize,
    /// Named-entity recognition.
    pub ner: Option<NerFigures>,
    /// The polarity toward given mentions.
    pub polarity: Option<PolarityFigures>,
    /// The holders of stances toward given mentions.
    pub holder: Option<HolderFigures>,
    /// The tone of the text.
    pub tone: Option<PolarityFigures>,
    /// Quotations and their speakers.
    pub quotes: Option<QuoteFigures>,
    /// Stance relations between mentions that the model found itself.
    pub relations: Option<RelationFigures>,
}

/// Named-entity recognition: exact span and type.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NerFigures {
    /// Texts measured.
    pub texts: usize,
    /// All types together (micro average).
    pub all: MatchFigures,
    /// Each type.
    pub types: BTreeMap<&'static str, MatchFigures>,
}

/// Three-way classification.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PolarityFigures {
    /// Texts measured.
    pub texts: usize,
    /// Items that were to be judged.
    pub judged: u64,
    /// Share of right judgements.
    pub accuracy: Option<Estimate>,
    /// Mean F1 of the classes that occur.
    pub macro_f1: Option<Estimate>,
    /// Expected calibration error over 15 bins.
    pub calibration_error: Option<f64>,
    /// Each class: unfavorable, neutral, favorable.
    pub classes: Vec<ClassFigures>,
    /// A row for each gold class; columns are the predicted class in the same order, then "none".
    pub confusion: [[u64; 4]; 3],
}

/// One class of a classification.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassFigures {
    /// The class.
    pub polarity: &'static str,
    /// Its matches.
    #[serde(flatten)]
    pub matches: MatchFigures,
}

/// Holders of stances toward given mentions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HolderFigures {
    /// Texts measured.
    pub texts: usize,
    /// All kinds of holders.
    pub all: ShareFigures,
    /// Each kind of gold holder: author, unnamed, mention.
    pub kinds: Vec<(&'static str, ShareFigures)>,
}

/// Quotations.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QuoteFigures {
    /// Texts measured.
    pub texts: usize,
    /// Exact spans.
    pub spans: MatchFigures,
    /// The speakers of the quotations that were found.
    pub speakers: ShareFigures,
}

/// Stance relations end to end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RelationFigures {
    /// Texts measured.
    pub texts: usize,
    /// Holder, target and polarity.
    pub relations: MatchFigures,
    /// Target and polarity, whoever holds the stance.
    pub targets: MatchFigures,
}

/// What was found of what was to be found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MatchFigures {
    /// Items to be found.
    pub gold: u64,
    /// Items found.
    pub predicted: u64,
    /// Items found that are right.
    pub right: u64,
    /// Share of the found that is right; absent where nothing was found.
    pub precision: Option<Estimate>,
    /// Share of the gold that was found; absent where there is none.
    pub recall: Option<Estimate>,
    /// Harmonic mean of the two; absent where there is neither.
    pub f1: Option<Estimate>,
}

impl MatchFigures {
    pub(super) fn new<C>(resamples: &Resamples<C>, matches: impl Fn(&C) -> Matches) -> Self {
        let total = matches(&resamples.total);
        Self {
            gold: total.gold,
            predicted: total.predicted,
            right: total.right,
            precision: resamples.estimate(|counts| matches(counts).precision()),
            recall: resamples.estimate(|counts| matches(counts).recall()),
            f1: resamples.estimate(|counts| matches(counts).f1()),
        }
    }
}

/// A share of right answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShareFigures {
    /// Answers asked for.
    pub asked: u64,
    /// Right answers.
    pub right: u64,
    /// Their share; absent where nothing was asked.
    pub accuracy: Option<Estimate>,
}

impl ShareFigures {
    pub(super) fn new<C>(resamples: &Resamples<C>, answers: impl Fn(&C) -> Answers) -> Self {
        let total = answers(&resamples.total);
        Self {
            asked: total.asked,
            right: total.right,
            accuracy: resamples.estimate(|counts| answers(counts).accuracy()),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.preamble())?;
        for table in self.tables().iter().filter(|table| !table.rows.is_empty()) {
            write!(f, "\n{table}")?;
        }
        Ok(())
    }
}

const MATCHES: [&str; 7] = ["gold", "found", "right", "P", "R", "F1", "95 %"];
const SHARE: [&str; 4] = ["asked", "right", "accuracy", "95 %"];

impl Report {
    fn preamble(&self) -> String {
        let mut lines = vec![format!("{} texts, figures in percent", self.overall.texts)];
        if self.resamples > 0 {
            let resamples = self.resamples;
            lines.push(format!(
                "95 % intervals from {resamples} resamples of the texts"
            ));
        }
        if !self.ignored_types.is_empty() {
            let types = self.ignored_types.join(", ");
            let reason = if self.ignored_as_unmarked {
                "the file marks none"
            } else {
                "as asked"
            };
            lines.push(format!("{types} ignored in gold and prediction ({reason})"));
        }
        lines.join("\n")
    }

    fn tables(&self) -> [Table; 9] {
        let mut ner = Table::new("Named entities (span and type)", &["", "type"], &MATCHES);
        let mut polarity = Table::polarity("Polarity toward given mentions");
        let mut classes = Table::new("Polarity by class", &["", "class"], &MATCHES);
        let mut confusion = Table::confusion("Polarity, gold by predicted");
        let mut holder = Table::new("Holder of given stances", &["", "kind"], &SHARE);
        let mut tone = Table::polarity("Tone");
        let mut quotes = Table::new("Quotations (span)", &["", ""], &MATCHES);
        let mut speakers = Table::new("Speaker of quotations found", &["", ""], &SHARE);
        let mut relations = Table::new("Stances end to end", &["", "match of"], &MATCHES);
        for (name, figures) in self.groups() {
            ner.add_ner(name, figures.ner.as_ref());
            polarity.add_polarity(name, figures.polarity.as_ref());
            classes.add_classes(name, figures.polarity.as_ref());
            holder.add_holders(name, figures.holder.as_ref());
            tone.add_polarity(name, figures.tone.as_ref());
            quotes.add_quotes(name, figures.quotes.as_ref());
            speakers.add_speakers(name, figures.quotes.as_ref());
            relations.add_relations(name, figures.relations.as_ref());
        }
        confusion.add_confusion(self.overall.polarity.as_ref());
        [
            ner, polarity, classes, confusion, holder, tone, quotes, speakers, relations,
        ]
    }

    /// All texts and each language; a single language stands for all.
    fn groups(&self) -> impl Iterator<Item = (&str, &Figures)> {
        let overall = (self.languages.len() != 1).then_some(("all", &self.overall));
        overall
            .into_iter()
            .chain(self.languages.iter().map(|(name, f)| (name.as_str(), f)))
    }
}

/// Rows of cells under a title; the first two columns are flush left, the others flush right.
struct Table {
    title: &'static str,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

const LEFT_COLUMNS: usize = 2;

impl Table {
    fn new(title: &'static str, left: &[&str; LEFT_COLUMNS], right: &[&str]) -> Self {
        let head = left
            .iter()
            .chain(right)
            .map(|&name| name.to_owned())
            .collect();
        Self {
            title,
            head,
            rows: Vec::new(),
        }
    }

    fn polarity(title: &'static str) -> Self {
        let columns = ["judged", "accuracy", "95 %", "macro F1", "95 %", "ECE"];
        Self::new(title, &["", ""], &columns)
    }

    fn confusion(title: &'static str) -> Self {
        let [a, b, c] = POLARITIES.map(polarity_label);
        Self::new(title, &["gold", ""], &[a, b, c, "none"])
    }

    fn add(&mut self, left: [&str; LEFT_COLUMNS], right: Vec<String>) {
        self.rows
            .push(left.map(str::to_owned).into_iter().chain(right).collect());
    }

    fn add_ner(&mut self, group: &str, figures: Option<&NerFigures>) {
        let Some(figures) = figures else { return };
        self.add([group, "all"], match_cells(&figures.all));
        for entity_type in EntityType::ALL.map(EntityType::label) {
            if let Some(matches) = figures.types.get(entity_type) {
                self.add([group, entity_type], match_cells(matches));
            }
        }
    }

    fn add_polarity(&mut self, group: &str, figures: Option<&PolarityFigures>) {
        let Some(figures) = figures else { return };
        let cells = vec![
            figures.judged.to_string(),
            value(figures.accuracy),
            interval(figures.accuracy),
            value(figures.macro_f1),
            interval(figures.macro_f1),
            decimal(figures.calibration_error),
        ];
        self.add([group, ""], cells);
    }

    fn add_classes(&mut self, group: &str, figures: Option<&PolarityFigures>) {
        for class in figures.map_or(&[][..], |figures| &figures.classes) {
            self.add([group, class.polarity], match_cells(&class.matches));
        }
    }

    fn add_confusion(&mut self, figures: Option<&PolarityFigures>) {
        let Some(figures) = figures else { return };
        for (polarity, row) in POLARITIES.into_iter().zip(figures.confusion) {
            self.add(
                [polarity_label(polarity), ""],
                row.map(|n| n.to_string()).into(),
            );
        }
    }

    fn add_holders(&mut self, group: &str, figures: Option<&HolderFigures>) {
        let Some(figures) = figures else { return };
        self.add([group, "all"], share_cells(&figures.all));
        for (kind, share) in &figures.kinds {
            self.add([group, kind], share_cells(share));
        }
    }

    fn add_quotes(&mut self, group: &str, figures: Option<&QuoteFigures>) {
        let Some(figures) = figures else { return };
        self.add([group, ""], match_cells(&figures.spans));
    }

    fn add_speakers(&mut self, group: &str, figures: Option<&QuoteFigures>) {
        let Some(figures) = figures else { return };
        self.add([group, ""], share_cells(&figures.speakers));
    }

    fn add_relations(&mut self, group: &str, figures: Option<&RelationFigures>) {
        let Some(figures) = figures else { return };
        self.add(
            [group, "holder, target, polarity"],
            match_cells(&figures.relations),
        );
        self.add([group, "target, polarity"], match_cells(&figures.targets));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = || std::iter::once(&self.head).chain(&self.rows);
        let chars = |cell: &String| cell.chars().count();
        let width_in = |line: &Vec<String>, column: usize| line.get(column).map_or(0, chars);
        let width = |column| {
            lines()
                .map(|line| width_in(line, column))
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        writeln!(f, "{}", self.title)?;
        for line in lines() {
            let mut written = String::new();
            for (column, (cell, &width)) in line.iter().zip(&widths).enumerate() {
                written += &match column {
                    _ if width == 0 => String::new(),
                    0..LEFT_COLUMNS => format!("  {cell:<width$}"),
                    _ => format!("  {cell:>width$}"),
                };
            }
            writeln!(f, "{}", written.trim_end())?;
        }
        Ok(())
    }
}

fn match_cells(figures: &MatchFigures) -> Vec<String> {
    let counts = [figures.gold, figures.predicted, figures.right].map(|n| n.to_string());
    let shares = [figures.precision, figures.recall, figures.f1].map(value);
    counts
        .into_iter()
        .chain(shares)
        .chain([interval(figures.f1)])
        .collect()
}

fn share_cells(figures: &ShareFigures) -> Vec<String> {
    vec![
        figures.asked.to_string(),
        figures.right.to_string(),
        value(figures.accuracy),
        interval(figures.accuracy),
    ]
}

fn value(estimate: Option<Estimate>) -> String {
    decimal(estimate.map(|estimate| estimate.value))
}

fn decimal(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"))
}

fn interval(estimate: Option<Estimate>) -> String {
    let bounds = estimate.and_then(|estimate| estimate.interval);
    bounds.map_or_else(
        || "-".to_owned(),
        |[low, high]| format!("{low:.1} to {high:.1}"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::{Evaluation, IgnoredTypes, Prediction, Settings, fixtures};
    use crate::pipeline::document::EntityType;

    fn settings() -> Settings {
        let miscellaneous = vec![EntityType::Miscellaneous];
        Settings {
            ignored_types: IgnoredTypes::Unmarked(miscellaneous),
            resamples: 0,
            seed: 1,
        }
    }

    fn evaluation() -> Evaluation {
        let mut evaluation = Evaluation::new();
        for (language, found) in [("de", true), ("pl", false)] {
            let gold = fixtures::gold(&format!(
                r#"{{"lang":"{language}","text":"Ode","annotated":["entities","tone"],"entities":[{{"id":1,"type":"PER","start":0,"end":3}}],"tone":"neutral"}}"#
            ));
            let silent = Prediction {
                mentions: Some(Vec::new()),
                ..Prediction::default()
            };
            let prediction = if found {
                fixtures::perfect(&gold)
            } else {
                silent
            };
            evaluation.add(&gold, &prediction);
        }
        evaluation
    }

    #[test]
    fn the_table_is_aligned_and_says_what_it_ignores() {
        let expected = "\
2 texts, figures in percent
MISC ignored in gold and prediction (the file marks none)

Named entities (span and type)
       type  gold  found  right      P      R     F1  95 %
  all  all      2      1      1  100.0   50.0   66.7     -
  all  PER      2      1      1  100.0   50.0   66.7     -
  all  ORG      0      0      0      -      -      -     -
  all  LOC      0      0      0      -      -      -     -
  de   all      1      1      1  100.0  100.0  100.0     -
  de   PER      1      1      1  100.0  100.0  100.0     -
  de   ORG      0      0      0      -      -      -     -
  de   LOC      0      0      0      -      -      -     -
  pl   all      1      0      0      -    0.0    0.0     -
  pl   PER      1      0      0      -    0.0    0.0     -
  pl   ORG      0      0      0      -      -      -     -
  pl   LOC      0      0      0      -      -      -     -

Tone
       judged  accuracy  95 %  macro F1  95 %  ECE
  all       1     100.0     -     100.0     -  0.0
  de        1     100.0     -     100.0     -  0.0
";
        assert_eq!(evaluation().report(&settings()).to_string(), expected);
    }

    #[test]
    fn a_single_language_is_not_told_twice() {
        let mut evaluation = Evaluation::new();
        let gold =
            fixtures::gold(r#"{"lang":"it","text":"","annotated":["tone"],"tone":"negative"}"#);
        evaluation.add(&gold, &fixtures::perfect(&gold));
        let table = evaluation.report(&Settings::default()).to_string();
        assert!(table.contains("\n  it  "), "{table}");
        assert!(!table.contains("\n  all"), "{table}");
    }

    #[test]
    fn the_json_bears_values_and_intervals() {
        let report = evaluation().report(&Settings {
            resamples: 10,
            ..settings()
        });
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["ignored_types"], serde_json::json!(["MISC"]));
        assert_eq!(json["languages"]["de"]["ner"]["all"]["f1"]["value"], 100.0);
        assert_eq!(
            json["overall"]["ner"]["types"]["PER"]["recall"]["value"],
            50.0
        );
        assert!(json["overall"]["ner"]["all"]["f1"]["interval"][1].is_f64());
        assert_eq!(json["overall"]["tone"]["classes"][1]["polarity"], "neutral");
        assert!(json["overall"]["holder"].is_null());
    }
}
