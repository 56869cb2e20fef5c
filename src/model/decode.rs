//! From label probabilities to mentions: the best legal BIO sequence.
//!
//! Labels are `O`, then `B-` and `I-` of each type. `I-X` may follow only `B-X` or `I-X` of the same line
//! (Viterbi search over the legal transitions; no transition is weighted).

use std::ops::Range;

/// A decoded mention: its words, the index of its type, the probability of its least sure word, and what its words
/// say of each type, summing to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    pub words: Range<usize>,
    pub type_index: usize,
    pub probability: f32,
    pub types: Vec<f32>,
}

/// Decodes `log_probabilities`, one row of `1 + 2 * types` values for each word.
pub fn decode(log_probabilities: &[f32], types: usize, starts_line: &[bool]) -> Vec<Decoded> {
    let labels = 1 + 2 * types;
    let rows: Vec<&[f32]> = log_probabilities.chunks_exact(labels).collect();
    let path = best_path(&rows, starts_line);
    let mut mentions: Vec<Decoded> = Vec::new();
    let mut open = false;
    for (word, (&label, row)) in path.iter().zip(&rows).enumerate() {
        let probability = row.get(label).copied().unwrap_or(f32::NEG_INFINITY).exp();
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
        mention.types = type_shares(rows.get(mention.words.clone()).unwrap_or(&[]), types);
    }
    mentions
}

/// The mean over the words of the probability that a word begins or goes on each type, scaled to sum 1.
fn type_shares(rows: &[&[f32]], types: usize) -> Vec<f32> {
    let mut shares = vec![0.0; types];
    for row in rows {
        for (share, labels) in shares
            .iter_mut()
            .zip(row.get(1..).unwrap_or(&[]).chunks_exact(2))
        {
            *share += labels.iter().map(|l| l.exp()).sum::<f32>();
        }
    }
    let sum: f32 = shares.iter().sum();
    if sum > 0.0 {
        shares.iter_mut().for_each(|share| *share /= sum);
    }
    shares
}

fn best_path(rows: &[&[f32]], starts_line: &[bool]) -> Vec<usize> {
    let labels = rows.first().map_or(0, |row| row.len());
    let mut back: Vec<Vec<usize>> = Vec::with_capacity(rows.len());
    let mut scores = vec![0.0_f32; labels];
    for (word, row) in rows.iter().enumerate() {
        let starts = word == 0 || starts_line.get(word).copied().unwrap_or(false);
        let best = argmax(&scores);
        let mut next = Vec::with_capacity(labels);
        let mut from = Vec::with_capacity(labels);
        for (label, &score) in row.iter().enumerate() {
            let inside = label > 0 && label % 2 == 0;
            let previous = match (inside, starts) {
                (true, true) => None,
                (true, false) if scores[label - 1] >= scores[label] => Some(label - 1),
                (true, false) => Some(label),
                (false, _) => Some(best),
            };
            next.push(previous.map_or(f32::NEG_INFINITY, |p| scores[p] + score));
            from.push(previous.unwrap_or(0));
        }
        scores = next;
        back.push(from);
    }
    let mut path = vec![0; rows.len()];
    let mut label = argmax(&scores);
    for (slot, from) in path.iter_mut().zip(&back).rev() {
        *slot = label;
        label = from[label];
    }
    path
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
}
