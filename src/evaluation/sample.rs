//! Counts kept text by text, and the interval that resampling the texts gives a figure made of them.

use std::ops::AddAssign;

use serde::Serialize;

/// A figure in percent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The figure over all texts.
    pub value: f64,
    /// The bounds of its 95 % bootstrap interval; absent where nothing was resampled.
    pub interval: Option<[f64; 2]>,
}

/// The counts of each text.
#[derive(Debug, Clone)]
pub(super) struct Samples<C> {
    rows: Vec<C>,
}

impl<C> Default for Samples<C> {
    fn default() -> Self {
        Self { rows: Vec::new() }
    }
}

impl<C: Copy + Default + Ord + AddAssign> Samples<C> {
    pub fn push(&mut self, row: C) {
        self.rows.push(row);
    }

    pub fn extend(&mut self, other: &Self) {
        self.rows.extend_from_slice(&other.rows);
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The counts of all texts, and of `resamples` draws of as many texts with replacement.
    pub fn resample(&self, resamples: usize, seed: u64) -> Resamples<C> {
        let mut rows = self.rows.clone();
        // The draws then do not depend on the order in which the texts came.
        rows.sort_unstable();
        let mut random = fastrand::Rng::with_seed(seed);
        let drawn = (0..resamples)
            .map(|_| sum((0..rows.len()).filter_map(|_| random.choice(&rows))))
            .collect();
        Resamples {
            total: sum(&rows),
            drawn,
        }
    }
}

fn sum<'a, C: Copy + Default + AddAssign + 'a>(rows: impl IntoIterator<Item = &'a C>) -> C {
    let mut total = C::default();
    for row in rows {
        total += *row;
    }
    total
}

/// The counts of all texts and of the draws.
pub(super) struct Resamples<C> {
    pub total: C,
    drawn: Vec<C>,
}

impl<C> Resamples<C> {
    /// One figure with its interval. Draws in which it is undefined are left out.
    pub fn estimate(&self, figure: impl Fn(&C) -> Option<f64>) -> Option<Estimate> {
        let value = figure(&self.total)?;
        let mut drawn: Vec<f64> = self.drawn.iter().filter_map(figure).collect();
        drawn.sort_unstable_by(f64::total_cmp);
        Some(Estimate {
            value,
            interval: interval(value, &drawn),
        })
    }
}

/// The middle 95 % of the sorted values, widened to hold the figure itself.
fn interval(value: f64, sorted: &[f64]) -> Option<[f64; 2]> {
    let last = sorted.len().checked_sub(1)?;
    let low = sorted.get((0.025 * last as f64).floor() as usize)?;
    let high = sorted.get(((0.975 * last as f64).ceil() as usize).min(last))?;
    Some([low.min(value), high.max(value)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn samples(rows: &[u64]) -> Samples<u64> {
        Samples {
            rows: rows.to_vec(),
        }
    }

    #[test]
    fn the_interval_is_the_middle_95_percent() {
        let values: Vec<f64> = (0..=1000).map(f64::from).collect();
        assert_eq!(interval(500.0, &values), Some([25.0, 975.0]));
    }

    #[test]
    fn the_interval_holds_the_figure_even_where_the_draws_miss_it() {
        assert_eq!(interval(9.0, &[1.0, 2.0]), Some([1.0, 9.0]));
        assert_eq!(interval(0.5, &[1.0, 2.0]), Some([0.5, 2.0]));
    }

    #[test]
    fn without_resampling_there_is_no_interval() {
        let estimate = samples(&[1, 2])
            .resample(0, 7)
            .estimate(|&n| Some(n as f64));
        assert_eq!(
            estimate,
            Some(Estimate {
                value: 3.0,
                interval: None
            })
        );
    }

    #[test]
    fn equal_texts_leave_no_doubt() {
        let estimate = samples(&[5; 20])
            .resample(100, 7)
            .estimate(|&n| Some(n as f64));
        assert_eq!(
            estimate,
            Some(Estimate {
                value: 100.0,
                interval: Some([100.0; 2])
            })
        );
    }

    #[test]
    fn the_width_is_that_of_the_binomial_distribution() {
        // 400 coins, half of them heads: a standard error of 2.5 points, so 45.1 to 54.9.
        let rows: Vec<u64> = (0..400).map(|i| i % 2).collect();
        let estimate = samples(&rows)
            .resample(2000, 7)
            .estimate(|&n| Some(n as f64 / 4.0));
        let [low, high] = estimate.unwrap().interval.unwrap();
        assert!((low - 45.1).abs() < 0.8, "{low}");
        assert!((high - 54.9).abs() < 0.8, "{high}");
    }

    #[test]
    fn no_texts_give_no_figure() {
        let resamples = samples(&[]).resample(10, 7);
        assert_eq!(resamples.estimate(|&n| (n > 0).then_some(1.0)), None);
    }

    proptest! {
        #[test]
        fn the_order_of_the_texts_is_of_no_matter(rows in prop::collection::vec(0u64..9, 0..40)) {
            let mut reversed = rows.clone();
            reversed.reverse();
            let figure = |&n: &u64| Some(n as f64);
            prop_assert_eq!(
                samples(&rows).resample(50, 7).estimate(figure),
                samples(&reversed).resample(50, 7).estimate(figure)
            );
        }
    }
}
