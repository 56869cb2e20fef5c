//! What a document says of each target.

use std::collections::HashSet;

use crate::pipeline::{
    clauses,
    document::{
        EntityStance, EntityType, Holder, Judgement, Mention, Polarity, Quote, StanceRelation,
    },
    sentences::is_line_break,
    stances::{self, Candidates},
    text::{Span, Text},
};

use super::{Occurrence, Target, TargetType, Watch};

/// Longest line, in bytes, that can be a headline.
const HEADLINE: usize = 250;

/// What a document says of one target.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetAnswer {
    /// The target's id.
    pub id: String,
    /// Where the document names it; empty where it does not.
    pub spans: Vec<TargetSpan>,
    /// What the stances toward its spans add up to, where stances were asked for and there is a span.
    pub stance: Option<EntityStance>,
    /// One for each span with a non-neutral stance.
    pub stances: Vec<TargetStance>,
    /// Indices of the quotes that it speaks.
    pub quotes_of: Vec<usize>,
    /// Indices of the quotes in which it is named.
    pub quotes_about: Vec<usize>,
    /// Whether the headline names it.
    pub in_headline: bool,
    /// Whether the first paragraph names it.
    pub in_first_paragraph: bool,
    /// Its share of all that the document names, in [0, 1].
    pub share: f32,
    /// Indices of the entities whose mentions its spans meet, ascending.
    pub entities: Vec<usize>,
}

/// A place where a target is named.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetSpan {
    /// The name.
    pub span: Span,
    /// The sentence around it.
    pub sentence: Option<Span>,
    /// Index of the mention that it meets.
    pub mention: Option<usize>,
    /// The stance toward it, where stances were asked for.
    pub stance: Option<Judgement>,
}

/// Who stands where on a target.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetStance {
    /// Index in [`TargetAnswer::spans`].
    pub span: usize,
    /// Whose stance it is.
    pub holder: Holder,
    /// Favourable or unfavourable.
    pub polarity: Polarity,
    /// Probability of the polarity.
    pub probability: f32,
    /// Probability of the holder, given the stance.
    pub holder_probability: f32,
    /// The clause or sentence that carries it.
    pub evidence: Span,
}

/// What is known of a document when its targets are answered.
pub struct Seen<'a> {
    pub text: &'a Text,
    pub sentences: &'a [Span],
    pub mentions: &'a [Mention],
    pub quotes: &'a [Quote],
    /// The stances toward the mentions.
    pub relations: &'a [StanceRelation],
    /// The places of the occurrences, ascending.
    pub watched: &'a [Span],
    /// For each of them, the stance and its holders.
    pub judged: &'a [Option<(Judgement, Candidates)>],
    /// Stances that are less probable are left out.
    pub min_probability: f32,
    /// Whether stances were asked for.
    pub stances: bool,
}

/// The answers in the order of the targets.
pub fn answers(watch: &Watch, occurrences: &[Occurrence], seen: &Seen) -> Vec<TargetAnswer> {
    if watch.is_empty() {
        return Vec::new();
    }
    let count = watch.targets().count();
    let mut of_target: Vec<Vec<Occurrence>> = vec![Vec::new(); count];
    for &occurrence in occurrences {
        if let Some(own) = of_target.get_mut(occurrence.target) {
            own.push(occurrence);
        }
    }
    let layout = Layout::new(seen.text);
    let targets = watch.targets().zip(of_target);
    let answers = targets.map(|(target, own)| {
        if own.is_empty() {
            return absent(target);
        }
        seen.answer(target, own, &layout)
    });
    answers
        .filter(|answer| !watch.present_only || !answer.spans.is_empty())
        .collect()
}

fn absent(target: &Target) -> TargetAnswer {
    TargetAnswer {
        id: target.id.clone(),
        spans: Vec::new(),
        stance: None,
        stances: Vec::new(),
        quotes_of: Vec::new(),
        quotes_about: Vec::new(),
        in_headline: false,
        in_first_paragraph: false,
        share: 0.0,
        entities: Vec::new(),
    }
}

impl Seen<'_> {
    fn answer(
        &self,
        target: &Target,
        occurrences: Vec<Occurrence>,
        layout: &Layout,
    ) -> TargetAnswer {
        let mut places: Vec<(Span, Option<usize>)> = self
            .kept(target, &occurrences)
            .map(|occurrence| (occurrence.span, self.met(occurrence.span)))
            .collect();
        self.add_person(target, &mut places);
        if places.is_empty() {
            return absent(target);
        }
        let mut answer = absent(target);
        for &(span, mention) in &places {
            answer.spans.push(TargetSpan {
                span,
                sentence: stances::sentence_of(self.sentences, span),
                mention,
                stance: self.judgement(span, mention),
            });
        }
        if self.stances {
            let judged = answer.spans.iter().filter_map(|span| span.stance);
            answer.stance = Some(stances::sum(judged));
        }
        answer.stances = self.relations(&answer.spans);
        let named = |mention: &Mention| places.iter().any(|(span, _)| span.overlaps(mention.span));
        let met = places.iter().filter_map(|&(_, mention)| mention);
        let entities: HashSet<usize> = met
            .filter_map(|mention| self.mentions.get(mention)?.entity)
            .collect();
        for (index, quote) in self.quotes.iter().enumerate() {
            let speaks = match quote.speaker {
                Holder::Mention(speaker) => self.mentions.get(speaker).is_some_and(|mention| {
                    named(mention) || mention.entity.is_some_and(|e| entities.contains(&e))
                }),
                Holder::Author | Holder::Unnamed | Holder::Unknown => false,
            };
            if speaks {
                answer.quotes_of.push(index);
            }
            if places.iter().any(|&(span, _)| quote.span.contains(span)) {
                answer.quotes_about.push(index);
            }
        }
        let lies_in = |part: Option<Span>| {
            part.is_some_and(|part| places.iter().any(|&(span, _)| part.contains(span)))
        };
        answer.in_headline = lies_in(layout.headline);
        answer.in_first_paragraph = lies_in(layout.first_paragraph);
        let beside = places
            .iter()
            .filter(|(_, mention)| mention.is_none())
            .count();
        let all = self.mentions.len() + beside;
        answer.share = (places.len() as f32 / all.max(1) as f32).min(1.0);
        answer.entities = entities.into_iter().collect();
        answer.entities.sort_unstable();
        answer
    }

    /// The occurrences that are no part of another name, as the mentions and entities of the document show it.
    fn kept<'o>(
        &self,
        target: &Target,
        occurrences: &'o [Occurrence],
    ) -> impl Iterator<Item = &'o Occurrence> {
        // Whom the full name names.
        let of_full: HashSet<usize> = occurrences
            .iter()
            .filter(|occurrence| !occurrence.surname)
            .filter_map(|occurrence| self.mention_at(occurrence.span)?.entity)
            .collect();
        occurrences.iter().filter(move |occurrence| {
            let Some(mention) = self.mention_at(occurrence.span) else {
                return true;
            };
            if occurrence.surname {
                let other = mention.entity.is_some_and(|e| !of_full.contains(&e));
                return of_full.is_empty() || !other;
            }
            let within = mention.span.contains(occurrence.span) && mention.span != occurrence.span;
            !within || !self.is_other_name(target, mention, occurrence.span)
        })
    }

    /// Whether a longer mention names something else than the target within it: "Brandt" in "Nora-Brandt-Stiftung".
    fn is_other_name(&self, target: &Target, mention: &Mention, span: Span) -> bool {
        let slice = |range: std::ops::Range<usize>| self.text.slice(self.text.span_around(range));
        let before = slice(mention.span.start()..span.start());
        let behind = slice(span.end()..mention.span.end());
        let hyphen = |c: char| matches!(c, '-' | '‐' | '‑' | '–');
        if before.ends_with(hyphen) || behind.starts_with(hyphen) {
            return true;
        }
        matches!(
            (target.target_type, mention.entity_type),
            (
                TargetType::Person,
                EntityType::Organization | EntityType::Location
            ) | (
                TargetType::Organization | TargetType::Location,
                EntityType::Person
            )
        )
    }

    /// Other mentions of a person whose name was found: forms that no list of endings has.
    fn add_person(&self, target: &Target, places: &mut Vec<(Span, Option<usize>)>) {
        if !matches!(target.target_type, TargetType::Person | TargetType::Any) {
            return;
        }
        let persons: HashSet<usize> = places
            .iter()
            .filter_map(|&(span, mention)| {
                let mention = self.mentions.get(mention?)?;
                // The whole name, not a part of a longer one.
                (mention.entity_type == EntityType::Person && span.contains(mention.span))
                    .then_some(mention.entity?)
            })
            .collect();
        for (index, mention) in self.mentions.iter().enumerate() {
            let same = mention.entity.is_some_and(|e| persons.contains(&e));
            if same && !places.iter().any(|(span, _)| span.overlaps(mention.span)) {
                places.push((mention.span, Some(index)));
            }
        }
        places.sort_unstable();
    }

    /// Who stands where on the target: what is said of the mention that a span meets, or of the span itself.
    fn relations(&self, spans: &[TargetSpan]) -> Vec<TargetStance> {
        let relations = spans.iter().enumerate().filter_map(|(index, place)| {
            if let Some(mention) = place.mention {
                let at = self.relations.binary_search_by_key(&mention, |r| r.target);
                let relation = self.relations.get(at.ok()?)?;
                return Some(TargetStance {
                    span: index,
                    holder: relation.holder,
                    polarity: relation.polarity,
                    probability: relation.probability,
                    holder_probability: relation.holder_probability,
                    evidence: relation.evidence,
                });
            }
            let (judgement, candidates) = self.judged(place.span)?;
            let probability = judgement.distribution.of(judgement.polarity);
            if judgement.polarity == Polarity::Neutral || probability < self.min_probability {
                return None;
            }
            let (holder, holder_probability) = candidates.best();
            let evidence = match place.sentence {
                Some(sentence) => clauses::evidence(self.text, sentence, place.span),
                None => place.span,
            };
            Some(TargetStance {
                span: index,
                holder,
                polarity: judgement.polarity,
                probability,
                holder_probability,
                evidence,
            })
        });
        relations.collect()
    }

    fn met(&self, span: Span) -> Option<usize> {
        let index = self
            .mentions
            .partition_point(|m| m.span.end() <= span.start());
        let mention = self.mentions.get(index)?;
        mention.span.overlaps(span).then_some(index)
    }

    fn mention_at(&self, span: Span) -> Option<&Mention> {
        self.mentions.get(self.met(span)?)
    }

    fn judged(&self, span: Span) -> Option<&(Judgement, Candidates)> {
        let index = self.watched.binary_search(&span).ok()?;
        self.judged.get(index)?.as_ref()
    }

    /// The stance of the mention that a span meets, or of its own.
    fn judgement(&self, span: Span, mention: Option<usize>) -> Option<Judgement> {
        if !self.stances {
            return None;
        }
        let of_mention = mention.and_then(|mention| self.mentions.get(mention)?.stance);
        of_mention.or_else(|| self.judged(span).map(|(judgement, _)| *judgement))
    }
}

/// Where the headline and the first paragraph of a text are.
#[derive(Debug, Clone, Copy, Default)]
struct Layout {
    headline: Option<Span>,
    first_paragraph: Option<Span>,
}

impl Layout {
    /// The first line is a headline if it is short, does not end like a sentence and has lines behind it; a line with
    /// a date in front of it is none. The first paragraph is the first line behind it that ends like a sentence.
    fn new(text: &Text) -> Self {
        let mut lines = Vec::new();
        let mut start = 0;
        for line in text.as_str().split(is_line_break).take(64) {
            let span = text.trim(text.span_around(start..start + line.len()));
            if !span.is_empty() {
                lines.push(span);
            }
            let rest = text.as_str().get(start + line.len()..).unwrap_or("");
            start += line.len() + rest.chars().next().map_or(0, char::len_utf8);
        }
        let is_meta = |line: Span| {
            let written = text.slice(line).trim_start_matches("date").trim();
            let mark = |c: char| {
                c.is_ascii_digit() || matches!(c, '-' | '.' | '/' | ':' | ' ' | 'T' | 'Z')
            };
            written.chars().all(mark)
        };
        lines.retain(|&line| !is_meta(line));
        let ends = |line: Span| {
            let line = text.slice(line);
            let line = line.trim_end_matches(['"', '”', '“', '«', '»', '’', ')', ' ']);
            line.ends_with(['.', '…']) || (line.ends_with(['!', '?']) && line.len() > HEADLINE)
        };
        let Some((&first, behind)) = lines.split_first() else {
            return Self::default();
        };
        if behind.is_empty() || ends(first) || first.len() > HEADLINE {
            return Self {
                headline: None,
                first_paragraph: Some(first),
            };
        }
        let paragraph = behind.iter().find(|&&line| ends(line));
        Self {
            headline: Some(first),
            first_paragraph: paragraph.or(behind.first()).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headline_is_the_first_short_line_that_is_no_sentence() {
        let cases = [
            (
                "Hafen bleibt zu\nEis in Kiel.",
                "Hafen bleibt zu",
                "Eis in Kiel.",
            ),
            (
                "date 2025-09-17\nHafen zu\n\nEis in Kiel.",
                "Hafen zu",
                "Eis in Kiel.",
            ),
            ("Hafen zu\nVon Nora Brandt\nEis.", "Hafen zu", "Eis."),
            (
                "Eis in Kiel. Der Hafen ist zu.\nMehr.",
                "",
                "Eis in Kiel. Der Hafen ist zu.",
            ),
            ("Nur eine Zeile", "", "Nur eine Zeile"),
            ("A\r\nB", "A", "B"),
            ("", "", ""),
        ];
        for (source, headline, paragraph) in cases {
            let text = Text::new(source).unwrap();
            let layout = Layout::new(&text);
            let said = |span: Option<Span>| span.map_or("", |span| text.slice(span)).to_owned();
            assert_eq!(said(layout.headline), headline, "{source}");
            assert_eq!(said(layout.first_paragraph), paragraph, "{source}");
        }
    }
}
