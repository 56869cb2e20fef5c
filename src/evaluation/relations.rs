//! Stance relations end to end: who stands where on whom, with the mentions that the model itself found.

use std::cmp::Ordering;
use std::ops::AddAssign;

use super::counts::{Matches, NamedHolder, pairs, polarity_index};
use super::gold::{GoldText, GoldType};
use crate::pipeline::document::{Mention, StanceRelation};
use crate::pipeline::text::Span;

/// The relations of one text: with their holders, and without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct RelationCounts {
    pub relations: Matches,
    /// Pairs of target and polarity, each counted once.
    pub targets: Matches,
}

impl AddAssign for RelationCounts {
    fn add_assign(&mut self, other: Self) {
        self.relations += other.relations;
        self.targets += other.targets;
    }
}

/// A relation whose mentions are replaced by their spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Relation {
    target: Span,
    polarity: usize,
    holder: NamedHolder,
}

impl Relation {
    fn target(self) -> (Span, usize) {
        (self.target, self.polarity)
    }

    fn compare(&self, other: &Self) -> Ordering {
        let targets = self.target().cmp(&other.target());
        targets.then_with(|| self.holder.compare(other.holder))
    }
}

/// Counts the relations of one text. Topics are not looked for by a model, so they are no targets here.
pub(super) fn count(
    gold: &GoldText,
    predicted: &[StanceRelation],
    mentions: &[Mention],
) -> RelationCounts {
    let mut wanted = wanted(gold);
    let mut found = found(predicted, mentions);
    wanted.sort_unstable();
    found.sort_unstable();
    let relations = Matches {
        right: pairs(&wanted, &found, Relation::compare).len() as u64,
        predicted: predicted.len() as u64,
        gold: wanted.len() as u64,
    };
    RelationCounts {
        relations,
        targets: match_targets(wanted, found),
    }
}

fn match_targets(mut wanted: Vec<Relation>, mut found: Vec<Relation>) -> Matches {
    wanted.dedup_by_key(|relation| relation.target());
    found.dedup_by_key(|relation| relation.target());
    Matches {
        right: pairs(&wanted, &found, |a, b| a.target().cmp(&b.target())).len() as u64,
        predicted: found.len() as u64,
        gold: wanted.len() as u64,
    }
}

fn wanted(gold: &GoldText) -> Vec<Relation> {
    let span = |index: usize| gold.mentions.get(index).map(|mention| mention.span);
    let relation = |stance: &super::gold::GoldStance| {
        let target = gold.mentions.get(stance.target)?;
        (target.entity_type != Some(GoldType::Topic)).then_some(())?;
        Some(Relation {
            target: target.span,
            polarity: polarity_index(stance.polarity),
            holder: NamedHolder::of(stance.holder, span)?,
        })
    };
    gold.stances.iter().filter_map(relation).collect()
}

fn found(predicted: &[StanceRelation], mentions: &[Mention]) -> Vec<Relation> {
    let relation = |stance: &StanceRelation| {
        Some(Relation {
            target: mentions.get(stance.target)?.span,
            polarity: polarity_index(stance.polarity),
            holder: NamedHolder::predicted(stance.holder, mentions)?,
        })
    };
    predicted.iter().filter_map(relation).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::fixtures::{self, relation};
    use crate::pipeline::document::{EntityType, Holder, Polarity};
    use Polarity::{Favorable, Unfavorable};

    const TEXT: &str = r#"{"lang":"de","text":"Ida Ode lobt Aran und Kork wegen Mut","annotated":["stances"],"entities":[{"id":1,"start":0,"end":7,"type":"PER"},{"id":2,"start":13,"end":17,"type":"LOC"},{"id":3,"start":22,"end":26,"type":"ORG"},{"id":4,"start":33,"end":36,"type":"TOPIC"}],"stances":[{"holder":1,"target":2,"polarity":"positive"},{"holder":"U","target":2,"polarity":"positive"},{"holder":"A","target":3,"polarity":"negative"},{"holder":1,"target":4,"polarity":"positive"}]}"#;

    /// The mentions found: a part of the gold 1, the gold 2, the gold 3, and more than the gold 3.
    fn count_of(found: &[StanceRelation]) -> RelationCounts {
        let gold = fixtures::gold(TEXT);
        let ranges = [4..7, 13..17, 22..26, 18..26];
        let mentions = ranges.map(|range| fixtures::mention(&gold, range, EntityType::Person));
        count(&gold, found, &mentions)
    }

    #[test]
    fn a_relation_is_right_with_target_polarity_and_holder() {
        let cases = [
            (relation(Holder::Mention(0), 1, Favorable), 1),
            (relation(Holder::Unnamed, 1, Favorable), 1),
            (relation(Holder::Author, 2, Unfavorable), 1),
            (relation(Holder::Mention(2), 1, Favorable), 0),
            (relation(Holder::Author, 1, Favorable), 0),
            (relation(Holder::Mention(0), 1, Unfavorable), 0),
            (relation(Holder::Author, 3, Unfavorable), 0),
            (relation(Holder::Author, 9, Unfavorable), 0),
            (relation(Holder::Mention(9), 1, Favorable), 0),
        ];
        for (found, right) in cases {
            let counts = count_of(std::slice::from_ref(&found)).relations;
            assert_eq!(
                counts,
                Matches {
                    right,
                    predicted: 1,
                    gold: 3
                },
                "{found:?}"
            );
        }
    }

    #[test]
    fn each_gold_relation_is_found_once() {
        let twice = [(); 2].map(|()| relation(Holder::Unnamed, 1, Favorable));
        assert_eq!(
            count_of(&twice).relations,
            Matches {
                right: 1,
                predicted: 2,
                gold: 3
            }
        );
    }

    #[test]
    fn targets_count_once_whoever_holds_the_stance() {
        let found = [
            relation(Holder::Author, 1, Favorable),
            relation(Holder::Unnamed, 1, Favorable),
        ];
        assert_eq!(
            count_of(&found).targets,
            Matches {
                right: 1,
                predicted: 1,
                gold: 2
            }
        );
    }
}
