//! Puts a document together from the readings of its windows.

use std::sync::Arc;

use tokio::time::Instant;

use crate::model::{Distribution, Reading, TypeProbabilities, WindowStance};

use super::{
    document::{Coverage, Holder, Judgement, Mention, Sentence, TagOptions, TaggedDocument},
    duplicates, entities,
    language::Detected,
    quotes,
    stances::{self, Candidates},
    text::{Span, Text},
    types,
    watchlist::{self, Occurrence, Seen},
    windows::Piece,
};

/// A document being put together.
#[derive(Debug)]
pub(super) struct Assembly {
    text: Text,
    sentences: Arc<Vec<Span>>,
    options: TagOptions,
    mentions: Vec<Mention>,
    candidates: Vec<Candidates>,
    types: Vec<TypeProbabilities>,
    /// For each sentence, its tones so far with their weights: several where it was too long for one window.
    tones: Vec<Vec<(Distribution, f32)>>,
    /// Where the targets are named, by their starts, each once.
    watched: Arc<Vec<Span>>,
    /// For each of them, the stance and its holders, where a window judged it.
    judged: Vec<Option<(Judgement, Candidates)>>,
    occurrences: Vec<Occurrence>,
    windows: usize,
    covered: Covered,
}

/// Counts what lies between the segments of the windows.
#[derive(Debug, Default)]
struct Covered {
    /// Everything before this byte has been looked at.
    to: usize,
    /// Bytes that are no blanks and were in no window.
    missed: usize,
}

impl Assembly {
    pub fn new(
        text: Text,
        sentences: Arc<Vec<Span>>,
        options: TagOptions,
        occurrences: Vec<Occurrence>,
        watched: Arc<Vec<Span>>,
    ) -> Self {
        Self {
            judged: vec![None; watched.len()],
            watched,
            occurrences,
            tones: vec![Vec::new(); sentences.len()],
            text,
            sentences,
            options,
            mentions: Vec::new(),
            candidates: Vec::new(),
            types: Vec::new(),
            windows: 0,
            covered: Covered::default(),
        }
    }

    /// Takes the next window of the document. Windows come in the order in which they were made.
    pub fn add(&mut self, piece: &Piece, reading: Reading) {
        self.windows += 1;
        for &segment in &piece.segments {
            self.covered.add(&self.text, segment);
        }
        self.add_tones(piece, &reading);
        self.add_mentions(piece, reading);
    }

    /// The spans of the mentions so far.
    pub fn mention_spans(&self) -> Vec<Span> {
        self.mentions.iter().map(|mention| mention.span).collect()
    }

    /// Takes what another model says of the mentions, which are the targets of its window, and of the sentences.
    pub fn judge(&mut self, piece: &Piece, reading: &Reading) {
        self.add_tones(piece, reading);
        for (&index, mention) in piece.targets.iter().zip(&reading.mentions) {
            let Some(stance) = &mention.stance else {
                continue;
            };
            let found = candidates(stance, |local| piece.targets.get(local).copied());
            if let Some(slot) = self.candidates.get_mut(index) {
                *slot = found;
            }
            self.set_polarity(index, stance.polarity);
        }
    }

    /// Sets the stance toward a mention.
    pub fn set_polarity(&mut self, index: usize, polarity: Distribution) {
        if let Some(mention) = self.mentions.get_mut(index) {
            mention.stance = Some(judgement(polarity));
        }
    }

    fn add_tones(&mut self, piece: &Piece, reading: &Reading) {
        for (&(sentence, words), &tone) in piece.sentences.iter().zip(&reading.tones) {
            if let Some(tones) = self.tones.get_mut(sentence) {
                tones.push((tone, words as f32));
            }
        }
    }

    fn add_mentions(&mut self, piece: &Piece, reading: Reading) {
        // Index in the document of each mention of the window.
        let mut kept: Vec<Option<usize>> = Vec::with_capacity(reading.mentions.len());
        let mut stances = Vec::new();
        let met = met(piece, &reading);
        for found in reading.mentions {
            let span = piece
                .words
                .get(found.words.clone())
                .and_then(|words| Some(words.first()?.to(*words.last()?)));
            let own = piece.own.contains(&found.words.start);
            let behind = |span: Span| {
                self.mentions
                    .last()
                    .is_none_or(|last| last.span.end() <= span.start())
            };
            let (Some(span), Some(entity_type)) = (span, found.entity_type) else {
                kept.push(None);
                continue;
            };
            if !own || !behind(span) || found.probability < self.options.min_probability {
                kept.push(None);
                continue;
            }
            kept.push(Some(self.mentions.len()));
            let judgement = found
                .stance
                .as_ref()
                .map(|stance| judgement(stance.polarity));
            self.mentions.push(Mention {
                span,
                entity_type,
                probability: found.probability,
                entity: None,
                stance: judgement,
            });
            self.types.push(found.type_probabilities);
            stances.push(found.stance);
        }
        let index = |local: usize| kept.get(local).copied().flatten();
        for (&watched, answer) in piece.watched.iter().zip(&reading.watched) {
            let Some(&span) = self.watched.get(watched) else {
                continue;
            };
            // The stance of its own, or of the mention that it meets.
            let met = || {
                let mut of_window = met.iter();
                of_window.find_map(|(m, stance)| m.overlaps(span).then_some(stance.as_ref()?))
            };
            if let (Some(stance), Some(slot)) =
                (answer.as_ref().or_else(met), self.judged.get_mut(watched))
            {
                *slot = Some((judgement(stance.polarity), candidates(stance, index)));
            }
        }
        self.candidates.extend(stances.into_iter().map(|stance| {
            stance.map_or_else(Candidates::default, |stance| {
                candidates(&stance, |local| kept.get(local).copied().flatten())
            })
        }));
    }

    /// The document with all layers that were asked for; `read` is when its last window had been read.
    pub fn finish(mut self, id: String, language: Detected, read: Instant) -> TaggedDocument {
        let features = self.options.features.closed();
        types::agree(&self.text, &mut self.mentions, &self.types);
        let mut entities = Vec::new();
        if features.entities {
            entities = entities::entities(&self.text, &mut self.mentions, &language.language);
            if features.stances {
                stances::sum_up(&mut entities, &self.mentions);
            }
        }
        let min_probability = self.options.min_probability;
        let stances = stances::relations(
            &self.text,
            &self.sentences,
            &self.mentions,
            &self.candidates,
            min_probability,
        );
        let quotes = if features.quotes {
            quotes::quotes(
                &self.text,
                &self.sentences,
                &self.mentions,
                &language.language,
            )
        } else {
            Vec::new()
        };
        let tones: Vec<Option<Distribution>> = self
            .tones
            .iter()
            .map(|tones| stances::mean(tones.iter().copied()))
            .collect();
        let weighted = tones.iter().zip(self.sentences.iter());
        let sentiment =
            stances::mean(weighted.filter_map(|(tone, s)| Some(((*tone)?, s.len() as f32))));
        let sentences = if features.sentences {
            let tones = tones.into_iter().map(|tone| tone.map(judgement));
            self.sentences
                .iter()
                .zip(tones)
                .map(|(&span, sentiment)| Sentence { span, sentiment })
                .collect()
        } else {
            Vec::new()
        };
        let targets = watchlist::answers(
            &self.options.watch,
            &self.occurrences,
            &Seen {
                text: &self.text,
                sentences: &self.sentences,
                mentions: &self.mentions,
                quotes: &quotes,
                relations: &stances,
                watched: &self.watched,
                judged: &self.judged,
                min_probability,
                stances: features.stances,
            },
        );
        let bytes_total = self.text.len();
        if self.windows > 0 {
            let end = self.text.span_around(bytes_total..bytes_total);
            self.covered.add(&self.text, end);
        }
        TaggedDocument {
            id,
            offset_unit: self.options.offset_unit,
            language: language.language,
            language_probability: language.probability,
            mentions: self.mentions,
            entities,
            stances,
            quotes,
            sentences,
            sentiment: sentiment.map(judgement),
            targets,
            coverage: Coverage {
                bytes_read: bytes_total - self.covered.missed,
                bytes_total,
                windows: self.windows,
            },
            near_duplicate_key: duplicates::near_duplicate_key(self.text.as_str()),
            text: self.text,
            read,
        }
    }
}

/// The mentions of a window with their stances, where spans are watched.
fn met(piece: &Piece, reading: &Reading) -> Vec<(Span, Option<WindowStance>)> {
    if piece.watched.is_empty() {
        return Vec::new();
    }
    let mentions = reading.mentions.iter().filter_map(|mention| {
        let words = piece.words.get(mention.words.clone())?;
        Some((words.first()?.to(*words.last()?), mention.stance.clone()))
    });
    mentions.collect()
}

impl Covered {
    fn add(&mut self, text: &Text, segment: Span) {
        if self.to < segment.start() {
            let between = text.slice(text.span_around(self.to..segment.start()));
            let blanks = between
                .chars()
                .filter(|c| c.is_whitespace())
                .map(char::len_utf8);
            self.missed += between.len() - blanks.sum::<usize>();
        }
        self.to = self.to.max(segment.end());
    }
}

/// The holders of a stance; `index` gives a window's mention its place in the document, `None` where it has none.
pub(super) fn candidates(
    stance: &WindowStance,
    index: impl Fn(usize) -> Option<usize>,
) -> Candidates {
    let special = [
        (Holder::Author, stance.author),
        (Holder::Unnamed, stance.unnamed),
    ];
    let named = stance.mentions.iter().enumerate();
    Candidates(
        special
            .into_iter()
            .chain(named.filter_map(|(local, &p)| Some((Holder::Mention(index(local)?), p))))
            .collect(),
    )
}

fn judgement(distribution: Distribution) -> Judgement {
    Judgement {
        polarity: distribution.polarity(),
        distribution,
    }
}
