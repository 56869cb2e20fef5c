//! From what a model says of tokens to mentions.

use crate::model::{EntityType, TypeProbabilities, WindowMention, Word};

use super::{labels::WordLabel, settings::Aggregation};

/// The probabilities of the labels for each word, row by row, from those of its tokens. A word without tokens has a
/// row of zeros.
pub(super) fn word_rows(
    words: &[Word],
    token_rows: &[f32],
    labels: usize,
    aggregation: Aggregation,
) -> Vec<f32> {
    let mut rows = Vec::with_capacity(words.len() * labels);
    for word in words {
        let range = word.tokens.start * labels..word.tokens.end * labels;
        let own = token_rows.get(range).unwrap_or(&[]);
        let mut tokens = own.chunks_exact(labels);
        let row = match aggregation {
            Aggregation::First => tokens.next().map(<[f32]>::to_vec),
            Aggregation::Average => mean(tokens),
            Aggregation::Max => tokens
                .reduce(|best, next| {
                    if greatest(next) > greatest(best) {
                        next
                    } else {
                        best
                    }
                })
                .map(<[f32]>::to_vec),
        };
        rows.extend(row.unwrap_or_else(|| vec![0.0; labels]));
    }
    rows
}

fn mean<'a>(tokens: impl ExactSizeIterator<Item = &'a [f32]>) -> Option<Vec<f32>> {
    let count = tokens.len() as f32;
    let mut sum: Option<Vec<f32>> = None;
    for token in tokens {
        match &mut sum {
            None => sum = Some(token.to_vec()),
            Some(sum) => sum
                .iter_mut()
                .zip(token)
                .for_each(|(sum, value)| *sum += value),
        }
    }
    sum.map(|sum| sum.into_iter().map(|value| value / count).collect())
}

fn greatest(row: &[f32]) -> f32 {
    row.iter().copied().fold(0.0, f32::max)
}

/// The mentions that the words' labels make. As in Transformers' own pipeline a label of the inside opens a mention
/// where none goes on, since models of the IOB1 scheme begin most mentions so.
pub(super) fn mentions(rows: &[f32], labels: &[WordLabel], words: &[Word]) -> Vec<WindowMention> {
    let mut mentions: Vec<WindowMention> = Vec::new();
    // The type of the mention that the next word may go on.
    let mut open: Option<EntityType> = None;
    let rows = rows.chunks_exact(labels.len().max(1));
    for (index, (row, word)) in rows.zip(words).enumerate() {
        if word.starts_line {
            open = None;
        }
        let best = crate::model::decode::argmax(row);
        let label = match row.get(best) {
            Some(&probability) if probability > 0.0 => labels.get(best),
            _ => None,
        };
        let Some(&WordLabel::Inside {
            entity_type,
            begins,
            ends,
        }) = label
        else {
            open = None;
            continue;
        };
        let types = types(row, labels);
        let of_type = |shares: &[f32; 4]| {
            let mut all = EntityType::ALL.into_iter().zip(shares);
            all.find_map(|(t, &share)| (t == entity_type).then_some(share))
        };
        let probability = of_type(&types).unwrap_or(0.0).min(1.0);
        match mentions.last_mut() {
            Some(mention) if open == Some(entity_type) && !begins => {
                mention.words.end = index + 1;
                mention.probability = mention.probability.min(probability);
                let sums = mention.type_probabilities.0.iter_mut();
                sums.zip(types).for_each(|(sum, share)| *sum += share);
            }
            _ => mentions.push(WindowMention {
                words: index..index + 1,
                entity_type: Some(entity_type),
                probability,
                type_probabilities: TypeProbabilities(types),
                stance: None,
            }),
        }
        open = (!ends).then_some(entity_type);
    }
    for mention in &mut mentions {
        let sum: f32 = mention.type_probabilities.0.iter().sum();
        if sum > 0.0 {
            mention
                .type_probabilities
                .0
                .iter_mut()
                .for_each(|share| *share /= sum);
        }
    }
    mentions
}

/// The probability that a word is a part of a mention of each type, in the order of [`EntityType::ALL`].
fn types(row: &[f32], labels: &[WordLabel]) -> [f32; EntityType::ALL.len()] {
    EntityType::ALL.map(|wanted| {
        let of_type = row.iter().zip(labels).filter(|(_, label)| {
            matches!(label, WordLabel::Inside { entity_type, .. } if *entity_type == wanted)
        });
        of_type.map(|(probability, _)| probability).sum()
    })
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;
    use EntityType::{Organization, Person};

    fn inside(entity_type: EntityType, begins: bool, ends: bool) -> WordLabel {
        WordLabel::Inside {
            entity_type,
            begins,
            ends,
        }
    }

    fn words(lines: &[usize]) -> Vec<Word> {
        let of_line = |&words: &usize| (0..words).map(|word| word == 0);
        let starts = lines.iter().flat_map(of_line).enumerate();
        starts
            .map(|(token, starts_line)| Word {
                tokens: token..token + 1,
                starts_line,
            })
            .collect()
    }

    /// The mentions of words on whose best label the model lays 0.9.
    fn found(
        labels: &[WordLabel],
        best: &[usize],
        lines: &[usize],
    ) -> Vec<(Range<usize>, EntityType)> {
        let rest = 0.1 / (labels.len() - 1) as f32;
        let value = |l: usize, best: usize| if l == best { 0.9 } else { rest };
        let row = |&best: &usize| (0..labels.len()).map(move |l| value(l, best));
        let rows: Vec<f32> = best.iter().flat_map(row).collect();
        mentions(&rows, labels, &words(lines))
            .into_iter()
            .map(|mention| (mention.words, mention.entity_type.unwrap()))
            .collect()
    }

    #[test]
    fn every_scheme_of_labels_gives_the_mentions_that_it_means() {
        let outside = WordLabel::Outside;
        let bio = [
            outside,
            inside(Person, true, false),
            inside(Person, false, false),
            inside(Organization, true, false),
            inside(Organization, false, false),
        ];
        let bioes = [
            outside,
            inside(Person, true, false),
            inside(Person, false, false),
            inside(Person, false, true),
            inside(Person, true, true),
        ];
        let io = [
            outside,
            inside(Person, false, false),
            inside(Organization, false, false),
        ];
        type Case<'a> = (
            &'a str,
            &'a [WordLabel],
            &'a [usize],
            &'a [usize],
            &'a [(Range<usize>, EntityType)],
        );
        let cases: [Case; 8] = [
            (
                "BIO",
                &bio,
                &[1, 2, 0, 3],
                &[4],
                &[(0..2, Person), (3..4, Organization)],
            ),
            (
                "B after B",
                &bio,
                &[1, 1],
                &[2],
                &[(0..1, Person), (1..2, Person)],
            ),
            (
                "IOB1",
                &bio,
                &[2, 2, 1, 0],
                &[4],
                &[(0..2, Person), (2..3, Person)],
            ),
            (
                "another type",
                &bio,
                &[1, 4],
                &[2],
                &[(0..1, Person), (1..2, Organization)],
            ),
            (
                "a new line",
                &bio,
                &[1, 2],
                &[1, 1],
                &[(0..1, Person), (1..2, Person)],
            ),
            (
                "BIOES",
                &bioes,
                &[1, 2, 3, 4],
                &[4],
                &[(0..3, Person), (3..4, Person)],
            ),
            (
                "behind the end",
                &bioes,
                &[3, 2],
                &[2],
                &[(0..1, Person), (1..2, Person)],
            ),
            (
                "IO",
                &io,
                &[1, 1, 2, 0],
                &[4],
                &[(0..2, Person), (2..3, Organization)],
            ),
        ];
        for (name, labels, best, lines, expected) in cases {
            assert_eq!(found(labels, best, lines), expected, "{name}");
        }
    }

    #[test]
    fn a_mention_is_as_sure_as_its_least_sure_word() {
        let labels = [
            WordLabel::Outside,
            inside(Person, true, false),
            inside(Person, false, false),
            inside(Organization, false, false),
        ];
        let rows = [0.1, 0.6, 0.2, 0.1, 0.3, 0.1, 0.4, 0.2];
        let found = mentions(&rows, &labels, &words(&[2]));
        assert_eq!(found.len(), 1);
        assert!((found[0].probability - 0.5).abs() < 1e-6);
        let types = found[0].type_probabilities.0;
        assert!((types[0] - 1.3 / 1.6).abs() < 1e-6, "{types:?}");
        assert!((types[1] - 0.3 / 1.6).abs() < 1e-6, "{types:?}");
    }

    #[test]
    fn the_subwords_of_a_word_are_put_together_as_set() {
        let word = [Word {
            tokens: 1..3,
            starts_line: true,
        }];
        let tokens = [0.0, 1.0, 0.7, 0.3, 0.1, 0.9];
        for (aggregation, expected) in [
            (Aggregation::First, [0.7, 0.3]),
            (Aggregation::Average, [0.4, 0.6]),
            (Aggregation::Max, [0.1, 0.9]),
        ] {
            let row = word_rows(&word, &tokens, 2, aggregation);
            let near = row.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6);
            assert!(near, "{aggregation:?}: {row:?}");
        }
    }

    #[test]
    fn a_word_without_tokens_is_no_part_of_a_mention() {
        let word = [Word {
            tokens: 1..1,
            starts_line: true,
        }];
        let rows = word_rows(&word, &[0.0, 1.0], 2, Aggregation::First);
        assert!(
            mentions(
                &rows,
                &[inside(Person, true, false), WordLabel::Outside],
                &word
            )
            .is_empty()
        );
    }
}
