//! Quotations: exact spans, and the speakers of those that were found.

use std::ops::AddAssign;

use super::counts::{Answers, Matches, NamedHolder, pairs};
use super::gold::GoldText;
use crate::pipeline::document::{Mention, Quote};

/// The quotations of one text, and the speakers of those that were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct QuoteCounts {
    pub spans: Matches,
    pub speakers: Answers,
}

impl AddAssign for QuoteCounts {
    fn add_assign(&mut self, other: Self) {
        self.spans += other.spans;
        self.speakers += other.speakers;
    }
}

/// Counts the quotations of one text. A speaker that is a mention is right where it overlaps the gold one.
pub(super) fn count(gold: &GoldText, quotes: &[Quote], mentions: &[Mention]) -> QuoteCounts {
    let mut found: Vec<&Quote> = quotes.iter().collect();
    found.sort_by_key(|quote| quote.span);
    let pairs = pairs(&gold.quotes, &found, |gold, found| {
        gold.span.cmp(&found.span)
    });
    let spans = Matches {
        right: pairs.len() as u64,
        predicted: quotes.len() as u64,
        gold: gold.quotes.len() as u64,
    };
    let mut speakers = Answers::default();
    for (wanted, found) in pairs {
        let wanted = NamedHolder::of(wanted.speaker, |index| {
            gold.mentions.get(index).map(|m| m.span)
        });
        let found = NamedHolder::predicted(found.speaker, mentions);
        let right = wanted
            .zip(found)
            .is_some_and(|(wanted, found)| wanted.compare(found).is_eq());
        speakers.add(right);
    }
    QuoteCounts { spans, speakers }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::fixtures;
    use crate::pipeline::document::{EntityType, Holder};

    const TEXT: &str = r#"{"lang":"de","text":"Ida Ode: 'Gut.' Kork: 'Nein.'","annotated":["quotes"],"entities":[{"id":1,"start":0,"end":7},{"id":2,"start":16,"end":20}],"quotes":[{"speaker":1,"start":9,"end":15},{"speaker":"U","start":22,"end":29}]}"#;

    fn count_of(found: &[(std::ops::Range<usize>, Holder)]) -> QuoteCounts {
        let gold = fixtures::gold(TEXT);
        let ranges = [4..7, 16..20];
        let mentions = ranges.map(|range| fixtures::mention(&gold, range, EntityType::Person));
        let quote = |(range, speaker): &(std::ops::Range<usize>, Holder)| Quote {
            span: gold.text.span(range.clone()).unwrap(),
            speaker: *speaker,
        };
        count(
            &gold,
            &found.iter().map(quote).collect::<Vec<_>>(),
            &mentions,
        )
    }

    #[test]
    fn a_quotation_is_found_only_with_its_exact_span() {
        let counts = count_of(&[(9..15, Holder::Mention(0)), (22..28, Holder::Unnamed)]);
        assert_eq!(
            counts.spans,
            Matches {
                right: 1,
                predicted: 2,
                gold: 2
            }
        );
        assert_eq!(counts.speakers, Answers { right: 1, asked: 1 });
    }

    #[test]
    fn a_speaker_is_right_by_kind_and_by_overlap_with_the_gold_mention() {
        let cases = [
            (9..15, Holder::Mention(0), 1),
            (9..15, Holder::Mention(1), 0),
            (9..15, Holder::Mention(7), 0),
            (9..15, Holder::Unnamed, 0),
            (22..29, Holder::Unnamed, 1),
            (22..29, Holder::Author, 0),
        ];
        for (range, speaker, right) in cases {
            let counts = count_of(&[(range, speaker)]);
            assert_eq!(counts.speakers, Answers { right, asked: 1 }, "{speaker:?}");
        }
    }
}
