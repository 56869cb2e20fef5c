//! From label probabilities to mentions: the best legal BIO sequence.
//!
//! Labels are `O`, then `B-` and `I-` of each type. `I-X` may follow only `B-X` or `I-X` of the same line
//! (Viterbi search over the legal transitions). A package may weight them: the words of a line are then a
//! linear-chain CRF (Lafferty et al. 2001), and probabilities come from all of its legal paths.

use std::ops::Range;

/// Weights and log probabilities keep within this, so that no sum of them is infinite or not a number.
const LIMIT: f32 = 1e6;

/// A decoded mention: its words, the index of its type, the probability of its least sure word, and what its words
/// say of each type, summing to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    pub words: Range<usize>,
    pub type_index: usize,
    pub probability: f32,
    pub types: Vec<f32>,
}

/// Log weights of the steps between the labels of neighbouring words, and of a line's first and last label. Those
/// that are not given are 0.
#[derive(Debug, Default)]
pub struct Transitions {
    /// A row for each label, a column for each that follows.
    between: Vec<f32>,
    start: Vec<f32>,
    end: Vec<f32>,
}

impl Transitions {
    /// Weights of `[from, to]`, row-major, and of the labels at both ends of a line.
    pub fn new(between: &[f32], start: &[f32], end: &[f32]) -> Self {
        Self {
            between: bounded(between),
            start: bounded(start),
            end: bounded(end),
        }
    }

    /// Decodes rows as [`decode`] does, with these weights.
    pub fn decode(
        &self,
        log_probabilities: &[f32],
        types: usize,
        starts_line: &[bool],
    ) -> Vec<Decoded> {
        let labels = 1 + 2 * types;
        let values = bounded(log_probabilities);
        let rows: Vec<&[f32]> = values.chunks_exact(labels).collect();
        let path = best_path(&rows, starts_line, self);
        mentions(&path, &self.marginals(&rows, starts_line), types)
    }

    /// The weight of a label behind another one, or of a window's first label; infinitely low where it is illegal.
    fn step(&self, from: Option<usize>, to: usize, starts_line: bool) -> f32 {
        let weight = |weights: &[f32], i: usize| weights.get(i).copied().unwrap_or(0.0);
        let inside = to > 0 && to.is_multiple_of(2);
        match from {
            None if inside => f32::NEG_INFINITY,
            None => weight(&self.start, to),
            Some(_) if starts_line && inside => f32::NEG_INFINITY,
            Some(from) if starts_line => weight(&self.end, from) + weight(&self.start, to),
            Some(from) if inside && from != to && from + 1 != to => f32::NEG_INFINITY,
            Some(from) => weight(&self.between, from * self.start.len() + to),
        }
    }

    /// The probability of each label of each word over all legal paths (forward-backward algorithm).
    fn marginals(&self, rows: &[&[f32]], starts_line: &[bool]) -> Vec<Vec<f32>> {
        let before = self.before(rows, starts_line);
        let behind = self.behind(rows, starts_line);
        let of_word = |(before, behind): (&Vec<f64>, &Vec<f64>)| {
            let paths = before.iter().zip(behind).map(|(a, b)| a + b);
            let all = log_sum(paths.clone());
            paths
                .map(|path| (path - all).exp().min(1.0) as f32)
                .collect()
        };
        before.iter().zip(&behind).map(of_word).collect()
    }

    /// For each label of each word the log sum over the paths up to it, its own value included.
    fn before(&self, rows: &[&[f32]], starts_line: &[bool]) -> Vec<Vec<f64>> {
        let mut all: Vec<Vec<f64>> = Vec::with_capacity(rows.len());
        for (word, row) in rows.iter().enumerate() {
            let starts = starts(starts_line, word);
            let sum_to = |to| match all.last() {
                None => f64::from(self.step(None, to, starts)),
                Some(sums) => log_sum(
                    sums.iter()
                        .enumerate()
                        .map(|(from, sum)| sum + f64::from(self.step(Some(from), to, starts))),
                ),
            };
            let values = row.iter().enumerate();
            let sums = values
                .map(|(to, &value)| sum_to(to) + f64::from(value))
                .collect();
            all.push(sums);
        }
        all
    }

    /// For each label of each word the log sum over the paths behind it.
    fn behind(&self, rows: &[&[f32]], starts_line: &[bool]) -> Vec<Vec<f64>> {
        let mut all: Vec<Vec<f64>> = Vec::with_capacity(rows.len());
        for (word, row) in rows.iter().enumerate().rev() {
            let next = rows.get(word + 1).zip(all.last());
            let starts = starts(starts_line, word + 1);
            let sum_from = |from| match next {
                None => f64::from(self.end.get(from).copied().unwrap_or(0.0)),
                Some((values, sums)) => log_sum(values.iter().zip(sums).enumerate().map(
                    |(to, (&value, sum))| {
                        f64::from(self.step(Some(from), to, starts)) + f64::from(value) + sum
                    },
                )),
            };
            let sums = (0..row.len()).map(sum_from).collect();
            all.push(sums);
        }
        all.reverse();
        all
    }
}

/// Decodes `log_probabilities`, one row of `1 + 2 * types` values for each word.
pub fn decode(log_probabilities: &[f32], types: usize, starts_line: &[bool]) -> Vec<Decoded> {
    let labels = 1 + 2 * types;
    let values = bounded(log_probabilities);
    let rows: Vec<&[f32]> = values.chunks_exact(labels).collect();
    let path = best_path(&rows, starts_line, &Transitions::default());
    let probabilities: Vec<Vec<f32>> = rows
        .iter()
        .map(|row| row.iter().map(|value| value.exp().min(1.0)).collect())
        .collect();
    mentions(&path, &probabilities, types)
}

fn bounded(values: &[f32]) -> Vec<f32> {
    // Neither `min` nor `max` gives back what is not a number; `clamp` does.
    #[expect(clippy::manual_clamp, reason = "clamp keeps NaN")]
    let bounded = |v: &f32| v.max(-LIMIT).min(LIMIT);
    values.iter().map(bounded).collect()
}

/// The logarithm of the sum of numbers that are given as logarithms.
fn log_sum(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let greatest = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if greatest == f64::NEG_INFINITY {
        return greatest;
    }
    greatest
        + values
            .map(|value| (value - greatest).exp())
            .sum::<f64>()
            .ln()
}

/// The mentions of a path, with the probability of each label of each word.
fn mentions(path: &[usize], probabilities: &[Vec<f32>], types: usize) -> Vec<Decoded> {
    let mut mentions: Vec<Decoded> = Vec::new();
    let mut open = false;
    for (word, (&label, row)) in path.iter().zip(probabilities).enumerate() {
        let probability = row.get(label).copied().unwrap_or(0.0);
        if label == 0 {
            open = false;
        } else if label % 2 == 1 || !open {
            open = true;
            mentions.push(Decoded {
                words: word..word + 1,
                type_index: (label - 1) / 2,
                probability,
                types: Vec::new(),
            });
        } else if let Some(mention) = mentions.last_mut() {
            mention.words.end = word + 1;
            mention.probability = mention.probability.min(probability);
        }
    }
    for mention in &mut mentions {
        let rows = probabilities.get(mention.words.clone()).unwrap_or(&[]);
        mention.types = type_shares(rows, types);
    }
    mentions
}

/// The mean over the words of the probability that a word begins or goes on each type, scaled to sum 1.
fn type_shares(rows: &[Vec<f32>], types: usize) -> Vec<f32> {
    let mut shares = vec![0.0; types];
    for row in rows {
        for (share, labels) in shares
            .iter_mut()
            .zip(row.get(1..).unwrap_or(&[]).chunks_exact(2))
        {
            *share += labels.iter().sum::<f32>();
        }
    }
    let sum: f32 = shares.iter().sum();
    if sum > 0.0 {
        shares.iter_mut().for_each(|share| *share /= sum);
    }
    shares
}

fn best_path(rows: &[&[f32]], starts_line: &[bool], transitions: &Transitions) -> Vec<usize> {
    let mut back: Vec<Vec<usize>> = Vec::with_capacity(rows.len());
    let mut scores: Vec<f32> = Vec::new();
    for (word, row) in rows.iter().enumerate() {
        let starts = starts(starts_line, word);
        let mut next = Vec::with_capacity(row.len());
        let mut from = Vec::with_capacity(row.len());
        for (label, &value) in row.iter().enumerate() {
            let mut best = (0, f32::NEG_INFINITY);
            if word == 0 {
                best.1 = transitions.step(None, label, starts);
            }
            for (previous, score) in scores.iter().enumerate() {
                let score = score + transitions.step(Some(previous), label, starts);
                if score > best.1 {
                    best = (previous, score);
                }
            }
            from.push(best.0);
            next.push(best.1 + value);
        }
        scores = next;
        back.push(from);
    }
    for (label, score) in scores.iter_mut().enumerate() {
        *score += transitions.end.get(label).copied().unwrap_or(0.0);
    }
    let mut path = vec![0; rows.len()];
    let mut label = argmax(&scores);
    for (slot, from) in path.iter_mut().zip(&back).rev() {
        *slot = label;
        label = from.get(label).copied().unwrap_or(0);
    }
    path
}

fn starts(starts_line: &[bool], word: usize) -> bool {
    starts_line.get(word).copied().unwrap_or(false)
}

/// The first index of the greatest value; 0 for an empty slice.
pub(super) fn argmax(values: &[f32]) -> usize {
    let mut best = 0;
    for (i, &value) in values.iter().enumerate() {
        if value > values[best] {
            best = i;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Rows in which the given label has the given probability and the others share the rest.
    fn rows(labels: &[(usize, f32)]) -> Vec<f32> {
        let rest = |p: f32| (1.0 - p) / 4.0;
        labels
            .iter()
            .flat_map(|&(label, p)| (0..5).map(move |l| if l == label { p } else { rest(p) }.ln()))
            .collect()
    }

    #[test]
    fn a_run_of_inside_labels_is_one_mention() {
        let found = decode(
            &rows(&[(0, 0.9), (3, 0.9), (4, 0.7), (0, 0.9)]),
            2,
            &[false; 4],
        );
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].words.clone(), found[0].type_index), (1..3, 1));
        assert!((found[0].probability - 0.7).abs() < 1e-6);
    }

    #[test]
    fn begin_after_begin_starts_a_second_mention() {
        let found = decode(&rows(&[(1, 0.9), (1, 0.9)]), 2, &[false; 2]);
        assert_eq!(
            found.iter().map(|m| m.words.clone()).collect::<Vec<_>>(),
            [0..1, 1..2]
        );
    }

    #[test]
    fn an_inside_label_never_opens_a_mention() {
        // I- of the first type is the best label of both words, but nothing has begun.
        for found in [
            decode(&rows(&[(0, 0.5), (2, 0.6)]), 2, &[false; 2]),
            decode(&rows(&[(2, 0.6), (2, 0.6)]), 2, &[false; 2]),
        ] {
            assert!(found.iter().all(|m| m.type_index == 0), "{found:?}");
        }
    }

    #[test]
    fn no_mention_crosses_a_line_break() {
        let found = decode(&rows(&[(1, 0.9), (2, 0.6)]), 2, &[true, true]);
        assert_eq!(found[0].words, 0..1);
        assert!(found.iter().all(|m| m.words.len() == 1));
    }

    #[test]
    fn nothing_decodes_to_nothing() {
        assert!(decode(&[], 4, &[]).is_empty());
    }

    #[test]
    fn without_weights_a_probability_is_the_one_given_to_the_bit() {
        let rows = rows(&[(1, 0.37), (2, 0.73), (0, 0.9)]);
        let found = decode(&rows, 2, &[true, false, false]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].words, 0..2);
        assert_eq!(found[0].probability.to_bits(), rows[1].exp().to_bits());
    }

    /// Weights for one type (`O`, `B`, `I`) from factors: those between two labels, at the start and at the end.
    fn weights(between: &[((usize, usize), f32)], start: [f32; 3], end: [f32; 3]) -> Transitions {
        let mut matrix = [0.0; 9];
        for &((from, to), factor) in between {
            matrix[3 * from + to] = factor.ln();
        }
        Transitions::new(&matrix, &start.map(f32::ln), &end.map(f32::ln))
    }

    fn logarithms(rows: &[[f32; 3]]) -> Vec<f32> {
        rows.iter().flatten().map(|value| value.ln()).collect()
    }

    #[test]
    #[expect(clippy::single_range_in_vec_init, reason = "one mention of two words")]
    fn weights_decide_where_a_mention_ends() {
        let even = [1.0; 3];
        // Alone, both words begin a mention.
        let split = logarithms(&[[0.1, 0.8, 0.1], [0.1, 0.5, 0.4]]);
        type Case<'a> = (&'a str, Transitions, bool, &'a [Range<usize>]);
        let cases: [Case; 6] = [
            ("none", weights(&[], even, even), false, &[0..1, 1..2]),
            (
                "going on",
                weights(&[((1, 2), 2.0)], even, even),
                false,
                &[0..2],
            ),
            (
                "no neighbours",
                weights(&[((1, 1), 0.5)], even, even),
                false,
                &[0..2],
            ),
            (
                "ends inside",
                weights(&[], even, [1.0, 1.0, 2.0]),
                false,
                &[0..2],
            ),
            (
                "starts outside",
                weights(&[], [9.0, 1.0, 1.0], even),
                false,
                &[1..2],
            ),
            (
                "a line between",
                weights(&[((1, 2), 99.0)], even, even),
                true,
                &[0..1, 1..2],
            ),
        ];
        for (name, weights, starts_line, expected) in cases {
            let found = weights.decode(&split, 1, &[true, starts_line]);
            let words: Vec<_> = found.into_iter().map(|mention| mention.words).collect();
            assert_eq!(words, expected, "{name}");
        }
    }

    #[test]
    fn probabilities_are_those_of_all_legal_paths() {
        let rows = logarithms(&[[1.0, 2.0, 5.0], [1.0, 1.0, 3.0]]);
        let weights = weights(&[((1, 2), 2.0)], [1.0, 2.0, 1.0], [1.0, 1.0, 0.5]);
        // The paths OO, OB, BO, BB and BI weigh 1, 1, 4, 4 and 12.
        let found = weights.decode(&rows, 1, &[true, false]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].words, 0..2);
        assert!((found[0].probability - 12.0 / 22.0).abs() < 1e-6);
        // A line apart, OO, OB, BO and BB weigh 1, 2, 4 and 8.
        let found = weights.decode(&rows, 1, &[true, true]);
        let found: Vec<_> = found
            .iter()
            .map(|m| (m.words.clone(), m.probability))
            .collect();
        assert_eq!(found[0].0, 0..1);
        assert!((found[0].1 - 12.0 / 15.0).abs() < 1e-6);
        assert_eq!(found[1].0, 1..2);
        assert!((found[1].1 - 10.0 / 15.0).abs() < 1e-6);
    }

    #[test]
    fn an_illegal_label_has_no_share_in_the_types() {
        let row = [1.0_f32, 2.0, 7.0, 1.0, 7.0].map(f32::ln);
        let weights = Transitions::new(&[0.0; 25], &[0.0; 5], &[0.0; 5]);
        let found = weights.decode(&row, 2, &[true]);
        assert!((found[0].probability - 2.0 / 4.0).abs() < 1e-6);
        assert!((found[0].types[0] - 2.0 / 3.0).abs() < 1e-6);
        assert!((found[0].types[1] - 1.0 / 3.0).abs() < 1e-6);
    }

    fn number() -> impl Strategy<Value = f32> {
        let extreme = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, 0.0];
        prop_oneof![
            3 => -9.0f32..0.0,
            1 => prop::num::f32::ANY,
            1 => prop::sample::select(extreme.to_vec()),
        ]
    }

    proptest! {
        #[test]
        fn whatever_the_numbers_mentions_are_ordered_disjoint_and_of_one_line(
            types in 0..5_usize,
            values in prop::collection::vec(number(), 0..120),
            starts_line in prop::collection::vec(any::<bool>(), 0..40),
        ) {
            let words = values.len() / (1 + 2 * types);
            let mut end = 0;
            for mention in decode(&values, types, &starts_line) {
                prop_assert!(end <= mention.words.start && !mention.words.is_empty());
                prop_assert!(mention.words.end <= words);
                let inside = mention.words.start + 1..mention.words.end;
                let crosses = inside.clone().any(|word| starts_line.get(word) == Some(&true));
                prop_assert!(!crosses, "{:?} crosses a line break", mention.words);
                prop_assert!(mention.type_index < types && mention.types.len() == types);
                end = mention.words.end;
            }
        }

        #[test]
        fn whatever_the_weights_only_legal_paths_are_taken(
            types in 0..4_usize,
            values in prop::collection::vec(number(), 0..120),
            weights in prop::collection::vec(number(), 0..63),
            starts_line in prop::collection::vec(any::<bool>(), 0..40),
        ) {
            let labels = 1 + 2 * types;
            let part = |from: usize, size: usize| {
                weights.iter().skip(from).take(size).copied().collect::<Vec<_>>()
            };
            let (start, end) = (part(0, labels), part(labels, labels));
            let weights = Transitions::new(&part(2 * labels, labels * labels), &start, &end);
            let values = bounded(&values);
            let rows: Vec<&[f32]> = values.chunks_exact(labels).collect();
            let path = best_path(&rows, &starts_line, &weights);
            for (word, &label) in path.iter().enumerate() {
                let opens = word == 0 || starts_line.get(word) == Some(&true);
                if label > 0 && label % 2 == 0 {
                    prop_assert!(!opens && [label, label - 1].contains(&path[word - 1]), "{path:?}");
                }
            }
            for row in weights.marginals(&rows, &starts_line) {
                prop_assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-4, "{row:?}");
            }
            for mention in weights.decode(&values, types, &starts_line) {
                prop_assert!((0.0..=1.0).contains(&mention.probability));
            }
        }
    }
}
