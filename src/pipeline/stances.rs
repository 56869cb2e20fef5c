//! Stances: from what the windows say of each mention to who stands where on whom.

use super::{
    clauses,
    document::{
        Distribution, Entity, EntityStance, Holder, Judgement, Mention, Polarity, StanceRelation,
    },
    text::{Span, Text},
};

/// Scores nearer to zero than this are neutral in sum.
const BALANCED: f32 = 0.2;

/// The holder of the stance toward one mention: each candidate with its probability.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Candidates(pub Vec<(Holder, f32)>);

impl Candidates {
    /// The most probable; unknown where there is no candidate.
    pub(super) fn best(&self) -> (Holder, f32) {
        let mut best = (Holder::Unknown, 0.0);
        for &(holder, probability) in &self.0 {
            if probability > best.1 {
                best = (holder, probability);
            }
        }
        best
    }
}

/// One relation for each mention with a non-neutral stance. `candidates` has one entry for each mention.
pub fn relations(
    text: &Text,
    sentences: &[Span],
    mentions: &[Mention],
    candidates: &[Candidates],
    min_probability: f32,
) -> Vec<StanceRelation> {
    let mut relations = Vec::new();
    for (target, (mention, candidates)) in mentions.iter().zip(candidates).enumerate() {
        let Some(stance) = mention.stance else {
            continue;
        };
        let probability = stance.distribution.of(stance.polarity);
        if stance.polarity == Polarity::Neutral || probability < min_probability {
            continue;
        }
        let (holder, holder_probability) = candidates.best();
        let evidence = match sentence_of(sentences, mention.span) {
            Some(sentence) => clauses::evidence(text, sentence, mention.span),
            None => mention.span,
        };
        relations.push(StanceRelation {
            target,
            holder,
            polarity: stance.polarity,
            probability,
            holder_probability,
            evidence,
        });
    }
    relations
}

/// The sentence in which a span lies wholly.
pub(super) fn sentence_of(sentences: &[Span], span: Span) -> Option<Span> {
    let sentence = sentences.partition_point(|s| s.end() <= span.start());
    let sentence = sentences.get(sentence).copied();
    sentence.filter(|sentence| sentence.contains(span))
}

/// Sums up for each entity the stances toward its mentions.
pub fn sum_up(entities: &mut [Entity], mentions: &[Mention]) {
    for entity in entities {
        let stances = entity
            .mentions
            .iter()
            .filter_map(|&m| mentions.get(m)?.stance);
        entity.stance = Some(sum(stances));
    }
}

/// What stances add up to.
pub(super) fn sum(stances: impl Iterator<Item = Judgement>) -> EntityStance {
    let (mut favorable_count, mut unfavorable_count, mut sum) = (0, 0, 0.0);
    for stance in stances {
        match stance.polarity {
            Polarity::Favorable => favorable_count += 1,
            Polarity::Unfavorable => unfavorable_count += 1,
            Polarity::Neutral => continue,
        }
        sum += stance.distribution.score();
    }
    let score = sum / (favorable_count + unfavorable_count).max(1) as f32;
    let polarity = match score {
        score if score >= BALANCED => Polarity::Favorable,
        score if score <= -BALANCED => Polarity::Unfavorable,
        _ => Polarity::Neutral,
    };
    EntityStance {
        polarity,
        score,
        favorable_count,
        unfavorable_count,
    }
}

/// The mean of several distributions, each with its weight; `None` where they weigh nothing.
pub fn mean(parts: impl IntoIterator<Item = (Distribution, f32)>) -> Option<Distribution> {
    let mut sum = Distribution {
        favorable: 0.0,
        neutral: 0.0,
        unfavorable: 0.0,
    };
    let mut weights = 0.0;
    for (part, weight) in parts {
        sum.favorable += part.favorable * weight;
        sum.neutral += part.neutral * weight;
        sum.unfavorable += part.unfavorable * weight;
        weights += weight;
    }
    (weights > 0.0).then(|| Distribution {
        favorable: sum.favorable / weights,
        neutral: sum.neutral / weights,
        unfavorable: sum.unfavorable / weights,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::document::EntityType;

    const PRAISE: Distribution = Distribution {
        favorable: 0.8,
        neutral: 0.2,
        unfavorable: 0.0,
    };
    const BLAME: Distribution = Distribution {
        favorable: 0.0,
        neutral: 0.4,
        unfavorable: 0.6,
    };
    const NOTHING: Distribution = Distribution {
        favorable: 0.0,
        neutral: 1.0,
        unfavorable: 0.0,
    };

    fn mention(text: &Text, surface: &str, distribution: Distribution) -> Mention {
        let start = text.as_str().find(surface).unwrap();
        Mention {
            span: text.span(start..start + surface.len()).unwrap(),
            entity_type: EntityType::Person,
            probability: 1.0,
            entity: None,
            stance: Some(Judgement {
                polarity: distribution.polarity(),
                distribution,
            }),
        }
    }

    #[test]
    fn each_non_neutral_mention_has_one_relation_with_its_most_probable_holder() {
        let text = Text::new("Weber lobt Kahl.").unwrap();
        let mentions = [
            mention(&text, "Weber", NOTHING),
            mention(&text, "Kahl", PRAISE),
        ];
        let candidates = [
            Candidates::default(),
            Candidates(vec![
                (Holder::Author, 0.2),
                (Holder::Unnamed, 0.1),
                (Holder::Mention(0), 0.7),
            ]),
        ];
        let found = relations(&text, &[text.whole()], &mentions, &candidates, 0.0);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].target, found[0].holder), (1, Holder::Mention(0)));
        assert_eq!(
            (found[0].polarity, found[0].probability),
            (Polarity::Favorable, 0.8)
        );
        assert!(found[0].evidence.contains(mentions[1].span));
    }

    #[test]
    fn a_stance_below_the_asked_probability_is_left_out() {
        let text = Text::new("Kahl versagt.").unwrap();
        let mentions = [mention(&text, "Kahl", BLAME)];
        let candidates = [Candidates::default()];
        let found = |min| relations(&text, &[text.whole()], &mentions, &candidates, min).len();
        assert_eq!((found(0.6), found(0.61)), (1, 0));
    }

    #[test]
    fn an_entity_counts_both_signs_and_takes_the_mean_of_the_non_neutral_scores() {
        let text = Text::new("A B C").unwrap();
        let mentions = ["A", "B", "C"]
            .into_iter()
            .zip([PRAISE, BLAME, NOTHING])
            .map(|(surface, distribution)| mention(&text, surface, distribution))
            .collect::<Vec<_>>();
        let mut entities = [Entity {
            name: "A".into(),
            entity_type: EntityType::Person,
            mentions: vec![0, 1, 2],
            salience: 1.0,
            stance: None,
        }];
        sum_up(&mut entities, &mentions);
        let stance = entities[0].stance.unwrap();
        assert_eq!((stance.favorable_count, stance.unfavorable_count), (1, 1));
        assert!((stance.score - 0.1).abs() < 1e-6);
        assert_eq!(stance.polarity, Polarity::Neutral);
    }

    #[test]
    fn the_mean_of_nothing_is_nothing() {
        assert_eq!(mean([]), None);
        assert_eq!(mean([(PRAISE, 0.0)]), None);
    }
}
