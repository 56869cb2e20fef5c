//! Three-way classification, of stances and of tone: confusion and calibration.

use std::ops::AddAssign;

use super::counts::{Matches, POLARITIES, percent, polarity_index};
use super::gold::GoldText;
use crate::pipeline::document::{Distribution, Polarity};

/// Gold polarity by predicted polarity, each in the order of [`POLARITIES`]; the last column is "no prediction".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Confusion(pub [[u64; 4]; 3]);

impl Confusion {
    pub fn add(&mut self, gold: Polarity, predicted: Option<Polarity>) {
        let column = predicted.map_or(3, polarity_index);
        if let Some(cell) = self
            .0
            .get_mut(polarity_index(gold))
            .and_then(|r| r.get_mut(column))
        {
            *cell += 1;
        }
    }

    /// The matches of one class.
    pub fn class(&self, polarity: Polarity) -> Matches {
        let index = polarity_index(polarity);
        let column = |row: &[u64; 4]| row.get(index).copied().unwrap_or(0);
        let row = self.0.get(index).copied().unwrap_or_default();
        Matches {
            right: column(&row),
            predicted: self.0.iter().map(column).sum(),
            gold: row.iter().sum(),
        }
    }

    /// The number of items to be judged.
    pub fn items(&self) -> u64 {
        self.0.iter().flatten().sum()
    }

    pub fn accuracy(&self) -> Option<f64> {
        let right = POLARITIES.map(|polarity| self.class(polarity).right);
        percent(right.iter().sum(), self.items())
    }

    /// The mean F1 of the classes that occur in gold or prediction.
    pub fn macro_f1(&self) -> Option<f64> {
        let f1: Vec<f64> = POLARITIES
            .iter()
            .filter_map(|&p| self.class(p).f1())
            .collect();
        (!f1.is_empty()).then(|| f1.iter().sum::<f64>() / f1.len() as f64)
    }
}

impl AddAssign for Confusion {
    fn add_assign(&mut self, other: Self) {
        for (mine, theirs) in self.0.iter_mut().flatten().zip(other.0.iter().flatten()) {
            *mine += theirs;
        }
    }
}

const BINS: usize = 15;

/// How often predictions of a certain confidence are right: 15 bins of equal width, open below and closed above.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Calibration([Bin; BINS]);

#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Bin {
    count: u64,
    right: u64,
    confidence: f64,
}

impl Calibration {
    pub fn add(&mut self, gold: Polarity, predicted: Distribution) {
        let confidence = f64::from(predicted.of(predicted.polarity()));
        // A value that is no number falls into the lowest bin.
        let confidence = if confidence.is_nan() {
            0.0
        } else {
            confidence.clamp(0.0, 1.0)
        };
        let above = (confidence * BINS as f64).ceil() as usize;
        if let Some(bin) = self.0.get_mut(above.saturating_sub(1)) {
            bin.count += 1;
            bin.right += u64::from(predicted.polarity() == gold);
            bin.confidence += confidence;
        }
    }

    /// The expected calibration error in percent: the mean gap between confidence and accuracy, weighted by bin.
    pub fn error(&self) -> Option<f64> {
        let count: u64 = self.0.iter().map(|bin| bin.count).sum();
        let gap: f64 = self
            .0
            .iter()
            .map(|bin| (bin.confidence - bin.right as f64).abs())
            .sum();
        (count > 0).then(|| 100.0 * gap / count as f64)
    }
}

impl AddAssign for Calibration {
    fn add_assign(&mut self, other: Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            mine.count += theirs.count;
            mine.right += theirs.right;
            mine.confidence += theirs.confidence;
        }
    }
}

/// Each mention of one text that has a gold polarity, with the model's judgement of it.
pub(super) fn judged<'a>(
    gold: &'a GoldText,
    judgements: &'a [Option<Distribution>],
) -> impl Iterator<Item = (Polarity, Option<Distribution>)> + 'a {
    let judgement = |index: usize| judgements.get(index).copied().flatten();
    let targets = gold.mentions.iter().enumerate();
    targets.filter_map(move |(index, mention)| Some((mention.polarity?, judgement(index))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Polarity::{Favorable, Neutral, Unfavorable};

    /// Gold 4 unfavorable, 4 neutral, 2 favorable.
    fn confusion() -> Confusion {
        Confusion([[3, 1, 0, 0], [1, 2, 0, 1], [0, 0, 2, 0]])
    }

    #[test]
    fn items_go_into_the_row_of_the_gold_and_the_column_of_the_prediction() {
        let mut counted = Confusion::default();
        counted.add(Unfavorable, Some(Favorable));
        counted.add(Neutral, None);
        assert_eq!(
            counted,
            Confusion([[0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]])
        );
    }

    #[test]
    fn a_class_is_measured_against_the_rest() {
        let unfavorable = Matches {
            right: 3,
            predicted: 4,
            gold: 4,
        };
        assert_eq!(confusion().class(Unfavorable), unfavorable);
        // The one without a prediction is missed, but not found elsewhere.
        assert_eq!(
            confusion().class(Neutral),
            Matches {
                right: 2,
                predicted: 3,
                gold: 4
            }
        );
    }

    #[test]
    fn accuracy_counts_an_item_without_prediction_as_wrong() {
        assert_eq!(confusion().accuracy(), Some(70.0));
    }

    #[test]
    fn macro_f1_is_the_mean_of_the_classes() {
        // F1 is 6/8, 4/7 and 4/4.
        let expected = 100.0 * (0.75 + 4.0 / 7.0 + 1.0) / 3.0;
        assert!((confusion().macro_f1().unwrap() - expected).abs() < 1e-9);
    }

    #[test]
    fn macro_f1_leaves_out_a_class_that_does_not_occur() {
        let two_classes = Confusion([[1, 1, 0, 0], [0, 2, 0, 0], [0; 4]]);
        // F1 is 2/3 and 4/5.
        let expected = 100.0 * (2.0 / 3.0 + 0.8) / 2.0;
        assert!((two_classes.macro_f1().unwrap() - expected).abs() < 1e-9);
        assert_eq!(Confusion::default().macro_f1(), None);
    }

    fn favorable(favorable: f32) -> Distribution {
        let rest = (1.0 - favorable) / 2.0;
        Distribution {
            favorable,
            neutral: rest,
            unfavorable: rest,
        }
    }

    #[test]
    fn the_calibration_error_is_the_gap_between_confidence_and_accuracy() {
        let mut calibration = Calibration::default();
        // One bin (0.8 to 0.867): confidence 0.85, 2 of 4 right, gap 0.35.
        for gold in [Favorable, Favorable, Neutral, Unfavorable] {
            calibration.add(gold, favorable(0.85));
        }
        assert!((calibration.error().unwrap() - 35.0).abs() < 1e-4);
        // A second one: confidence 0.75, always right, gap 0.25. Each holds half of the items.
        for _ in 0..4 {
            calibration.add(Favorable, favorable(0.75));
        }
        assert!((calibration.error().unwrap() - 30.0).abs() < 1e-4);
    }

    #[test]
    fn gaps_within_one_bin_cancel_out() {
        let mut calibration = Calibration::default();
        // Confidence 0.98 and 0.96 stand in the same bin: 1.94 expected, 1 right of 2.
        calibration.add(Favorable, favorable(0.98));
        calibration.add(Neutral, favorable(0.96));
        assert!((calibration.error().unwrap() - 47.0).abs() < 1e-4);
    }

    #[test]
    fn a_certain_or_broken_distribution_finds_a_bin() {
        for probability in [0.0, 1.0, f32::NAN, f32::INFINITY, -1.0] {
            let mut calibration = Calibration::default();
            calibration.add(Favorable, favorable(probability));
            let error = calibration.error().unwrap();
            assert!((0.0..=100.0).contains(&error), "{probability}: {error}");
        }
    }
}
