//! The domain's own types: what is submitted and what comes back. They know neither protobuf nor tensors.

use tokio::time::Instant;

use super::text::{OffsetUnit, Span, Text};
pub use super::watchlist::{TargetAnswer, TargetSpan, TargetStance, Watch};
pub use crate::model::{Distribution, EntityType, Polarity};

/// A text to be tagged.
#[derive(Debug, Clone)]
pub struct Document {
    /// The caller's id, returned unchanged.
    pub id: String,
    /// The text.
    pub text: Text,
    /// The language as a BCP 47 tag; empty where it is to be detected.
    pub language: String,
}

/// How a document is to be tagged.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TagOptions {
    /// The unit of the answer's offsets.
    pub offset_unit: OffsetUnit,
    /// The layers to compute.
    pub features: Features,
    /// Mentions and stances below this probability are left out.
    pub min_probability: f32,
    /// The targets that are asked about.
    pub watch: Watch,
}

/// The layers of an answer. Layers that need others say so in [`Features::mentions`] and [`Features::sentences`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Features {
    /// Named mentions.
    pub mentions: bool,
    /// Entities.
    pub entities: bool,
    /// Stances with their holders.
    pub stances: bool,
    /// Quotations with their speakers.
    pub quotes: bool,
    /// Sentence spans.
    pub sentences: bool,
    /// Sentiment of sentences and document.
    pub sentiment: bool,
}

impl Features {
    /// No layer at all.
    pub const NONE: Self = Self {
        mentions: false,
        entities: false,
        stances: false,
        quotes: false,
        sentences: false,
        sentiment: false,
    };

    /// The layers that are among others too.
    #[must_use]
    pub fn within(self, others: Self) -> Self {
        Self {
            mentions: self.mentions && others.mentions,
            entities: self.entities && others.entities,
            stances: self.stances && others.stances,
            quotes: self.quotes && others.quotes,
            sentences: self.sentences && others.sentences,
            sentiment: self.sentiment && others.sentiment,
        }
    }

    /// Adds the layers that the chosen ones refer to.
    pub fn closed(mut self) -> Self {
        self.mentions |= self.entities | self.stances | self.quotes;
        self.sentences |= self.sentiment;
        self
    }
}

impl Default for Features {
    /// Every layer.
    fn default() -> Self {
        Self {
            mentions: true,
            entities: true,
            stances: true,
            quotes: true,
            sentences: true,
            sentiment: true,
        }
    }
}

/// A judged polarity with its distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// The polarity that was decided on.
    pub polarity: Polarity,
    /// The distribution behind it.
    pub distribution: Distribution,
}

/// A span that names an entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Mention {
    /// Where it stands.
    pub span: Span,
    /// What kind of thing it names.
    pub entity_type: EntityType,
    /// How sure the model is of span and type.
    pub probability: f32,
    /// Index of its entity, where entities were asked for.
    pub entity: Option<usize>,
    /// The stance toward it, where stances were asked for.
    pub stance: Option<Judgement>,
}

/// One thing that the document names.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// The best form of the name.
    pub name: String,
    /// Its type.
    pub entity_type: EntityType,
    /// Indices of its mentions, ascending.
    pub mentions: Vec<usize>,
    /// Share of the document's attention; all saliences sum to 1.
    pub salience: f32,
    /// What the stances toward its mentions add up to.
    pub stance: Option<EntityStance>,
}

/// What the stances toward the mentions of one entity add up to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EntityStance {
    /// The polarity of the score.
    pub polarity: Polarity,
    /// Mean score of the mentions with a non-neutral stance.
    pub score: f32,
    /// Mentions with a favourable stance.
    pub favorable_count: usize,
    /// Mentions with an unfavourable stance.
    pub unfavorable_count: usize,
}

/// Who holds a stance, or who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// The mention with this index.
    Mention(usize),
    /// The author or the narration.
    Author,
    /// Someone who is only described.
    Unnamed,
    /// Not told: the model judges without a holder.
    Unknown,
}

/// A non-neutral stance.
#[derive(Debug, Clone, PartialEq)]
pub struct StanceRelation {
    /// Index of the mention that the stance is about.
    pub target: usize,
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

/// A passage in quotation marks in which somebody is quoted.
#[derive(Debug, Clone, PartialEq)]
pub struct Quote {
    /// The passage with its marks.
    pub span: Span,
    /// Who speaks.
    pub speaker: Holder,
}

/// A sentence, headline or other line of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Sentence {
    /// Where it stands, without blanks around it.
    pub span: Span,
    /// Its tone, where sentiment was asked for.
    pub sentiment: Option<Judgement>,
}

/// Proof of what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Coverage {
    /// Bytes that went through the model, blanks between them included.
    pub bytes_read: usize,
    /// Bytes of the text.
    pub bytes_total: usize,
    /// Windows that the text was cut into.
    pub windows: usize,
}

/// A document with its tagged spans.
#[derive(Debug, Clone)]
pub struct TaggedDocument {
    /// The id of the submitted document.
    pub id: String,
    /// The text, which all spans refer to.
    pub text: Text,
    /// The unit in which the caller wants offsets.
    pub offset_unit: OffsetUnit,
    /// The language: given, detected, or "und".
    pub language: String,
    /// How probable the language is; 1 where it was given.
    pub language_probability: f32,
    /// Mentions in the order of the text; they do not overlap.
    pub mentions: Vec<Mention>,
    /// Entities by falling salience.
    pub entities: Vec<Entity>,
    /// One for each mention with a non-neutral stance.
    pub stances: Vec<StanceRelation>,
    /// Quotations in the order of the text.
    pub quotes: Vec<Quote>,
    /// Sentences in the order of the text.
    pub sentences: Vec<Sentence>,
    /// The tone of the whole, where sentiment was asked for and there is a sentence.
    pub sentiment: Option<Judgement>,
    /// What the document says of each target, in their order.
    pub targets: Vec<TargetAnswer>,
    /// What was read.
    pub coverage: Coverage,
    /// Few bits away from that of a text that is nearly the same.
    pub near_duplicate_key: u64,
    /// When the last window had been read.
    pub read: Instant,
}
