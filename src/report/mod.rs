//! Media resonance: what many tagged documents say about each target. Readings go in, tables come out; nothing here
//! reads files or draws.

mod date;
mod tally;

pub use date::{Date, DateError, Period};
pub use tally::{Settings, Tally};

use crate::proto::tagwerk::v1::EntityType;

/// What a report takes from one tagged document.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// The document's id.
    pub id: String,
    /// When it was published, where that is known.
    pub date: Option<Date>,
    /// The medium that published it, where that is known.
    pub source: Option<String>,
    /// The targets it names, each once.
    pub sightings: Vec<Sighting>,
}

/// One target in one document.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// Who is named.
    pub target: Target,
    /// How often; 0 where a target was looked for and is not there.
    pub mentions: u32,
    /// The stances toward it that are not neutral.
    pub stances: Vec<Position>,
}

/// What a report counts for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// The name to show.
    pub name: String,
    /// Its type; `None` for a target of a watchlist.
    pub kind: Option<EntityType>,
}

/// A stance toward a target that is not neutral.
#[derive(Debug, Clone, PartialEq)]
pub struct Position {
    /// Which of the two it is.
    pub leaning: Leaning,
    /// Whose it is.
    pub holder: Holder,
    /// How probable it is, in [0, 1].
    pub probability: f32,
    /// The words that carry it, where the text is at hand.
    pub evidence: Option<String>,
}

/// The polarity of a stance that is not neutral.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaning {
    /// Praise, support, success.
    Favorable,
    /// Criticism, rejection, failure.
    Unfavorable,
}

/// Whose a stance is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Holder {
    /// The author of the document.
    Author,
    /// Somebody whom the document names.
    Named(String),
    /// Somebody whom it only describes.
    Unnamed,
}

/// Numbers of stances, one for each polarity that counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Favourable stances.
    pub favorable: u64,
    /// Unfavourable stances.
    pub unfavorable: u64,
}

impl Counts {
    /// All of them.
    pub fn total(self) -> u64 {
        self.favorable + self.unfavorable
    }

    /// Favourable less unfavourable, as a share of both, in [-1, 1]; `None` where there is no stance.
    pub fn balance(self) -> Option<f64> {
        (self.total() > 0)
            .then(|| (self.favorable as f64 - self.unfavorable as f64) / self.total() as f64)
    }

    fn add(&mut self, leaning: Leaning) {
        match leaning {
            Leaning::Favorable => self.favorable += 1,
            Leaning::Unfavorable => self.unfavorable += 1,
        }
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.favorable += other.favorable;
        self.unfavorable += other.unfavorable;
    }
}

/// What was counted in some stretch of time, or in all of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resonance {
    /// Documents that name the target.
    pub documents: u64,
    /// Mentions of the target.
    pub mentions: u64,
    /// Stances toward it.
    pub stances: Counts,
}

impl std::ops::AddAssign for Resonance {
    fn add_assign(&mut self, other: Self) {
        self.documents += other.documents;
        self.mentions += other.mentions;
        self.stances += other.stances;
    }
}

/// The tables of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Documents that were counted.
    pub documents: u64,
    /// Of these, documents without a date. They are in every figure but the timelines.
    pub undated: u64,
    /// The first and the last day that a counted document has.
    pub days: Option<(Date, Date)>,
    /// How the timelines are grouped.
    pub period: Period,
    /// The first days of the periods, in their order. Those between the first and the last have no gap.
    pub periods: Vec<Date>,
    /// The targets: of a watchlist all, of entities those with the most mentions. By falling mentions.
    pub targets: Vec<TargetReport>,
    /// Targets that are not shown.
    pub left_out: u64,
    /// How many documents an entity may have been counted short by, because there were too many names to remember.
    pub uncertainty: u64,
}

/// The tables of one target.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetReport {
    /// Whose they are.
    pub target: Target,
    /// All that was counted.
    pub total: Resonance,
    /// The mentions as a share of the mentions of all targets, those left out included, in [0, 1].
    pub share_of_voice: f64,
    /// Stances of the authors.
    pub author: Counts,
    /// Stances of named holders.
    pub named: Counts,
    /// Stances of holders who are only described.
    pub unnamed: Counts,
    /// What was counted in each of [`Report::periods`].
    pub timeline: Vec<Resonance>,
    /// Named holders, by falling number of stances.
    pub holders: Vec<Tallied>,
    /// Media, by falling number of mentions.
    pub sources: Vec<(String, Resonance)>,
    /// The most probable stances of each polarity, each sentence once.
    pub evidence: Vec<Evidence>,
}

impl TargetReport {
    /// What was counted in the last period and in the one before it; `None` where there are no two.
    pub fn change(&self) -> Option<(Resonance, Resonance)> {
        match self.timeline.as_slice() {
            [.., before, last] => Some((*last, *before)),
            _ => None,
        }
    }
}

/// A holder with the stances held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tallied {
    /// The holder.
    pub name: String,
    /// The stances.
    pub stances: Counts,
}

/// A stance with the words that carry it.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Which polarity.
    pub leaning: Leaning,
    /// Whose stance it is.
    pub holder: Holder,
    /// How probable the stance is, in [0, 1].
    pub probability: f32,
    /// The words.
    pub text: String,
    /// The document that says so.
    pub document: String,
    /// When.
    pub date: Option<Date>,
    /// Where.
    pub source: Option<String>,
}
