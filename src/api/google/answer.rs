//! What an answer says, whichever version puts it into messages.

use super::{
    super::convert::rounded,
    question::{Question, Source},
};
use crate::{
    pipeline::{
        document::{self, EntityType, Judgement, TaggedDocument},
        text::{Offsets, Span},
    },
    proto::google::language::v1::entity::Type,
};

/// The offset where none are asked for.
const NO_OFFSET: i32 = -1;

/// The parts of an answer.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Answer {
    /// The language given, or detected.
    pub(super) language: String,
    /// Whether the model lists it.
    pub(super) language_supported: bool,
    /// By falling salience.
    pub(super) entities: Vec<Entity>,
    /// In the order of the text.
    pub(super) sentences: Vec<Sentence>,
    /// The tone of the document, where it was asked for.
    pub(super) sentiment: Option<Sentiment>,
}

/// One thing that the document names.
#[derive(Debug, PartialEq)]
pub(super) struct Entity {
    pub(super) name: String,
    /// The number of its type, the same in both versions.
    pub(super) kind: i32,
    pub(super) salience: f32,
    pub(super) mentions: Vec<Mention>,
    pub(super) sentiment: Option<Sentiment>,
}

/// A place where it is named.
#[derive(Debug, PartialEq)]
pub(super) struct Mention {
    pub(super) text: TextSpan,
    pub(super) probability: f32,
    pub(super) sentiment: Option<Sentiment>,
}

/// A sentence with its tone.
#[derive(Debug, PartialEq)]
pub(super) struct Sentence {
    pub(super) text: TextSpan,
    pub(super) sentiment: Sentiment,
}

/// Characters, and where they begin.
#[derive(Debug, PartialEq)]
pub(super) struct TextSpan {
    pub(super) content: String,
    pub(super) begin_offset: i32,
}

/// A tone or stance: its direction in [-1, 1], and how much of it there is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sentiment {
    pub(super) score: f32,
    pub(super) magnitude: f32,
}

impl Sentiment {
    /// That of one sentence or mention: as much of it as it is one-sided.
    fn of(judgement: Option<Judgement>) -> Self {
        let score = judgement.map_or(0.0, |judgement| judgement.distribution.score());
        Self {
            score: rounded(score),
            magnitude: rounded(score.abs()),
        }
    }

    /// That of a whole: its own score, and all that there is in its parts.
    fn over(score: f32, parts: impl Iterator<Item = Self>) -> Self {
        Self {
            score: rounded(score),
            magnitude: rounded(parts.map(|part| part.magnitude).sum()),
        }
    }
}

impl Answer {
    /// What is told of a tagged document.
    pub(super) fn new(
        tagged: &TaggedDocument,
        question: &Question,
        source: &Source,
        supported: &[String],
    ) -> Self {
        let offsets = question
            .unit
            .map(|unit| Offsets::new(&source.submitted, unit));
        let spans = Spans {
            tagged,
            source,
            offsets,
        };
        let with_stances = question.features.stances;
        let entities = tagged.entities.iter();
        let sentences: Vec<Sentence> = tagged
            .sentences
            .iter()
            .map(|sentence| Sentence {
                text: spans.text_span(sentence.span),
                sentiment: Sentiment::of(sentence.sentiment),
            })
            .collect();
        let sentiment = question.features.sentiment.then(|| {
            let score = Sentiment::of(tagged.sentiment).score;
            Sentiment::over(score, sentences.iter().map(|sentence| sentence.sentiment))
        });
        let language = match question.language.as_str() {
            "" => &tagged.language,
            given => given,
        };
        Self {
            language: language.to_owned(),
            language_supported: supported.contains(&tagged.language),
            entities: entities.map(|e| spans.entity(e, with_stances)).collect(),
            sentences,
            sentiment,
        }
    }
}

/// Where the spans of a document stand in what was submitted.
struct Spans<'a> {
    tagged: &'a TaggedDocument,
    source: &'a Source,
    offsets: Option<Offsets<'a>>,
}

impl Spans<'_> {
    fn text_span(&self, span: Span) -> TextSpan {
        TextSpan {
            content: self.tagged.text.slice(span).to_owned(),
            begin_offset: self.begin_offset(span),
        }
    }

    fn begin_offset(&self, span: Span) -> i32 {
        let Some(offsets) = &self.offsets else {
            return NO_OFFSET;
        };
        let at = self.source.origin(span.start());
        let begin = offsets.convert(self.source.submitted.span_around(at..at));
        i32::try_from(begin.start).unwrap_or(i32::MAX)
    }

    fn entity(&self, entity: &document::Entity, with_stances: bool) -> Entity {
        let mentions: Vec<Mention> = entity
            .mentions
            .iter()
            .filter_map(|&index| self.tagged.mentions.get(index))
            .map(|mention| Mention {
                text: self.text_span(mention.span),
                probability: rounded(mention.probability),
                sentiment: with_stances.then(|| Sentiment::of(mention.stance)),
            })
            .collect();
        let sentiment = with_stances.then(|| {
            let score = entity.stance.map_or(0.0, |stance| stance.score);
            Sentiment::over(score, mentions.iter().filter_map(|m| m.sentiment))
        });
        Entity {
            name: entity.name.clone(),
            kind: kind(entity.entity_type).into(),
            salience: rounded(entity.salience),
            mentions,
            sentiment,
        }
    }
}

fn kind(entity_type: EntityType) -> Type {
    match entity_type {
        EntityType::Person => Type::Person,
        EntityType::Location => Type::Location,
        EntityType::Organization => Type::Organization,
        EntityType::Miscellaneous => Type::Other,
    }
}
