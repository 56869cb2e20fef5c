//! The counts of one text that figures are made of, and the matching behind them.

use std::cmp::Ordering;
use std::ops::AddAssign;

use crate::pipeline::document::{Holder, Mention, Polarity};
use crate::pipeline::text::Span;

/// The polarities in the order of every table.
pub(super) const POLARITIES: [Polarity; 3] = [
    Polarity::Unfavorable,
    Polarity::Neutral,
    Polarity::Favorable,
];

/// The place of a polarity in [`POLARITIES`].
pub(super) fn polarity_index(polarity: Polarity) -> usize {
    match polarity {
        Polarity::Unfavorable => 0,
        Polarity::Neutral => 1,
        Polarity::Favorable => 2,
    }
}

/// How a report names a polarity.
pub(super) fn polarity_label(polarity: Polarity) -> &'static str {
    match polarity {
        Polarity::Unfavorable => "unfavorable",
        Polarity::Neutral => "neutral",
        Polarity::Favorable => "favorable",
    }
}

/// A share in percent; `None` of nothing.
pub(super) fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| 100.0 * part as f64 / whole as f64)
}

/// How many things were to be found, how many were found, and how many of these are right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Matches {
    pub right: u64,
    pub predicted: u64,
    pub gold: u64,
}

impl Matches {
    pub fn precision(self) -> Option<f64> {
        percent(self.right, self.predicted)
    }

    pub fn recall(self) -> Option<f64> {
        percent(self.right, self.gold)
    }

    /// Undefined only where nothing was to be found and nothing was found.
    pub fn f1(self) -> Option<f64> {
        percent(2 * self.right, self.predicted + self.gold)
    }
}

impl AddAssign for Matches {
    fn add_assign(&mut self, other: Self) {
        self.right += other.right;
        self.predicted += other.predicted;
        self.gold += other.gold;
    }
}

/// How many answers were asked for, and how many were right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Answers {
    pub right: u64,
    pub asked: u64,
}

impl Answers {
    pub fn add(&mut self, right: bool) {
        self.asked += 1;
        self.right += u64::from(right);
    }

    pub fn accuracy(self) -> Option<f64> {
        percent(self.right, self.asked)
    }
}

impl AddAssign for Answers {
    fn add_assign(&mut self, other: Self) {
        self.right += other.right;
        self.asked += other.asked;
    }
}

/// The pairs of two sorted lists that `compare` calls equal; nothing is paired twice. Linear.
pub(super) fn pairs<'a, G, P>(
    gold: &'a [G],
    predicted: &'a [P],
    compare: impl Fn(&G, &P) -> Ordering,
) -> Vec<(&'a G, &'a P)> {
    let (mut gold, mut predicted) = (gold.iter().peekable(), predicted.iter().peekable());
    let mut pairs = Vec::new();
    while let (Some(&g), Some(&p)) = (gold.peek(), predicted.peek()) {
        let order = compare(g, p);
        if order == Ordering::Equal {
            pairs.push((g, p));
        }
        if order != Ordering::Greater {
            gold.next();
        }
        if order != Ordering::Less {
            predicted.next();
        }
    }
    pairs
}

/// A holder or speaker with the place where it is named, free of indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NamedHolder {
    Author,
    Unnamed,
    Mention(Span),
}

impl NamedHolder {
    /// Looks up an index into `mentions`; `None` where it leads nowhere.
    pub fn of(holder: Holder, span: impl Fn(usize) -> Option<Span>) -> Option<Self> {
        Some(match holder {
            Holder::Author => Self::Author,
            Holder::Unnamed => Self::Unnamed,
            Holder::Unknown => return None,
            Holder::Mention(index) => Self::Mention(span(index)?),
        })
    }

    /// Looks up an index into the mentions that a model found.
    pub fn predicted(holder: Holder, mentions: &[Mention]) -> Option<Self> {
        Self::of(holder, |index| {
            mentions.get(index).map(|mention| mention.span)
        })
    }

    /// Orders by kind and place; two mentions that overlap are the same holder.
    pub fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Mention(a), Self::Mention(b)) if a.overlaps(b) => Ordering::Equal,
            _ => self.cmp(&other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_recall_and_f1_are_those_of_the_textbook() {
        let matches = Matches {
            right: 3,
            predicted: 4,
            gold: 6,
        };
        assert_eq!(matches.precision(), Some(75.0));
        assert_eq!(matches.recall(), Some(50.0));
        assert_eq!(matches.f1(), Some(60.0));
    }

    #[test]
    fn a_share_of_nothing_is_undefined() {
        let found_in_vain = Matches {
            right: 0,
            predicted: 2,
            gold: 0,
        };
        assert_eq!(found_in_vain.recall(), None);
        assert_eq!(found_in_vain.f1(), Some(0.0));
        assert_eq!(Matches::default().f1(), None);
        assert_eq!(Answers::default().accuracy(), None);
    }

    #[test]
    fn one_prediction_is_paired_with_one_gold_item_only() {
        let compare = |a: &i32, b: &i32| a.cmp(b);
        assert_eq!(pairs(&[1, 1, 4], &[1, 3, 4], compare), [(&1, &1), (&4, &4)]);
        assert_eq!(pairs(&[1], &[1, 1], compare), [(&1, &1)]);
        assert_eq!(pairs(&[], &[1], compare), []);
    }
}
