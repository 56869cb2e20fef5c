//! Named-entity recognition: exact matches of span and type.

use std::cmp::Ordering;
use std::ops::AddAssign;

use super::counts::{Matches, pairs};
use super::gold::{GoldText, GoldType};
use crate::pipeline::document::{EntityType, Mention};
use crate::pipeline::text::Span;

/// The matches of each of [`EntityType::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct TypeMatches([Matches; 4]);

impl TypeMatches {
    /// The matches of one type.
    pub fn of(&self, entity_type: EntityType) -> Matches {
        self.types()
            .find(|&(t, _)| t == entity_type)
            .map_or(Matches::default(), |(_, m)| m)
    }

    /// The matches of all types but the ignored ones together.
    pub fn without(&self, ignored: &[EntityType]) -> Matches {
        let mut total = Matches::default();
        for (_, matches) in self.types().filter(|(t, _)| !ignored.contains(t)) {
            total += matches;
        }
        total
    }

    fn types(&self) -> impl Iterator<Item = (EntityType, Matches)> {
        EntityType::ALL.into_iter().zip(self.0)
    }

    fn of_mut(&mut self, entity_type: EntityType) -> &mut Matches {
        let [person, organization, location, miscellaneous] = &mut self.0;
        match entity_type {
            EntityType::Person => person,
            EntityType::Organization => organization,
            EntityType::Location => location,
            EntityType::Miscellaneous => miscellaneous,
        }
    }
}

impl AddAssign for TypeMatches {
    fn add_assign(&mut self, other: Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}

/// Counts the mentions of one text whose entities are annotated. A topic is no entity.
pub(super) fn count(gold: &GoldText, predicted: &[Mention]) -> TypeMatches {
    let entity = |entity_type| match entity_type {
        Some(GoldType::Entity(entity_type)) => Some(entity_type),
        Some(GoldType::Topic) | None => None,
    };
    let mut wanted: Vec<(Span, EntityType)> = gold
        .mentions
        .iter()
        .filter_map(|m| Some((m.span, entity(m.entity_type)?)))
        .collect();
    let mut found: Vec<(Span, EntityType)> =
        predicted.iter().map(|m| (m.span, m.entity_type)).collect();
    wanted.sort_unstable();
    found.sort_unstable();

    let mut counts = TypeMatches::default();
    for &(_, entity_type) in &wanted {
        counts.of_mut(entity_type).gold += 1;
    }
    for &(_, entity_type) in &found {
        counts.of_mut(entity_type).predicted += 1;
    }
    for (&(_, entity_type), _) in pairs(&wanted, &found, Ord::cmp as fn(&_, &_) -> Ordering) {
        counts.of_mut(entity_type).right += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::fixtures;
    use EntityType::{Location, Miscellaneous, Organization, Person};

    const TEXT: &str = r#"{"lang":"de","text":"Ida Ode traf Aran in Kork","annotated":["entities"],"entities":[{"id":1,"type":"PER","start":0,"end":7},{"id":2,"type":"ORG","start":13,"end":17},{"id":3,"type":"TOPIC","start":21,"end":25}]}"#;

    fn count_of(found: &[(std::ops::Range<usize>, EntityType)]) -> TypeMatches {
        let gold = fixtures::gold(TEXT);
        let found: Vec<Mention> = found
            .iter()
            .map(|(range, t)| fixtures::mention(&gold, range.clone(), *t))
            .collect();
        count(&gold, &found)
    }

    #[test]
    fn a_mention_is_right_only_with_its_exact_span_and_type() {
        let cases = [
            (0..7, Person, 1),
            (0..3, Person, 0),
            (0..8, Person, 0),
            (0..7, Organization, 0),
            (13..17, Organization, 1),
        ];
        for (range, entity_type, right) in cases {
            let counts = count_of(&[(range.clone(), entity_type)]);
            let expected = Matches {
                right,
                predicted: 1,
                gold: 2,
            };
            assert_eq!(counts.without(&[]), expected, "{range:?} {entity_type:?}");
        }
    }

    #[test]
    fn a_wrong_type_counts_against_both_types() {
        let counts = count_of(&[(13..17, Location)]);
        assert_eq!(
            counts.of(Location),
            Matches {
                right: 0,
                predicted: 1,
                gold: 0
            }
        );
        assert_eq!(
            counts.of(Organization),
            Matches {
                right: 0,
                predicted: 0,
                gold: 1
            }
        );
    }

    #[test]
    fn a_mention_found_twice_is_right_once() {
        let counts = count_of(&[(0..7, Person), (0..7, Person)]);
        assert_eq!(
            counts.of(Person),
            Matches {
                right: 1,
                predicted: 2,
                gold: 1
            }
        );
    }

    #[test]
    fn the_order_of_the_mentions_is_of_no_matter() {
        let mut gold = fixtures::gold(TEXT);
        gold.mentions.reverse();
        let found =
            [(0..7, Person), (13..17, Organization)].map(|(r, t)| fixtures::mention(&gold, r, t));
        for found in [found.clone(), {
            let [a, b] = found;
            [b, a]
        }] {
            let all = Matches {
                right: 2,
                predicted: 2,
                gold: 2,
            };
            assert_eq!(count(&gold, &found).without(&[]), all);
        }
    }

    #[test]
    fn a_topic_is_no_entity() {
        let counts = count_of(&[(21..25, Miscellaneous)]);
        assert_eq!(
            counts.of(Miscellaneous),
            Matches {
                right: 0,
                predicted: 1,
                gold: 0
            }
        );
        assert_eq!(
            counts.without(&[Miscellaneous]),
            Matches {
                right: 0,
                predicted: 0,
                gold: 2
            }
        );
    }
}
