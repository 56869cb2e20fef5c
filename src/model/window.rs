//! What goes into a model and what comes out: plain numbers, no tensors and no text.

use std::ops::Range;

use super::label::{Distribution, EntityType, TypeProbabilities};

/// The heads to compute for a window. The encoder runs once whatever is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Heads {
    /// Named mentions.
    pub ner: bool,
    /// The stance toward each mention and its holder.
    pub stance: bool,
    /// The tone of each of [`Window::sentences`].
    pub tone: bool,
}

/// One word of a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The tokens that overlap the word, as indices of [`Window::tokens`]. May be empty for a word that the
    /// tokenizer's normaliser drops (a lone control character).
    pub tokens: Range<usize>,
    /// Whether the word is the first of its line. No mention goes on across it.
    pub starts_line: bool,
}

/// A part of a window's tokens that is read by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// The tokens, as a range of [`Window::tokens`].
    pub tokens: Range<usize>,
    /// The first token of the second of two texts; the end of the range where there is one text.
    pub second: usize,
}

/// A token sequence that goes through the encoder once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Window {
    /// Token ids with the special tokens: `<s>`, then each segment closed by `</s>`.
    pub tokens: Vec<u32>,
    /// The words, in order.
    pub words: Vec<Word>,
    /// Spans that are given instead of found, as ranges of [`Window::words`]. They are judged as they stand.
    pub targets: Option<Vec<Range<usize>>>,
    /// Spans that are judged beside the mentions, as ranges of [`Window::words`]. They change nothing else.
    pub watched: Vec<Range<usize>>,
    /// The sentences, as ranges of [`Window::words`] that are not empty.
    pub sentences: Vec<Range<usize>>,
    /// The parts of [`Window::tokens`] that are read each by itself, for a model that takes several sequences to
    /// answer one question. Empty: all tokens are one sequence.
    pub sequences: Vec<Sequence>,
    /// What to compute.
    pub heads: Heads,
    /// What happens when the window is read.
    #[cfg(feature = "faults")]
    pub fault: Option<Fault>,
}

/// A fault on demand, for tests alone: an ordinary build has none.
#[cfg(feature = "faults")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The worker panics.
    Panic,
    /// The worker does not come back.
    Hang,
}

/// What a model found in one window.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    /// The mentions in order: those found, or those given by [`Window::targets`].
    pub mentions: Vec<WindowMention>,
    /// The tone of each of [`Window::sentences`], where asked for.
    pub tones: Vec<Distribution>,
    /// The stance toward each of [`Window::watched`], where stances were asked for; `None` for one that meets a
    /// mention, whose stance it has.
    pub watched: Vec<Option<WindowStance>>,
}

/// A mention within its window.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowMention {
    /// Its words, as a range of [`Window::words`].
    pub words: Range<usize>,
    /// Its type; `None` for a given target.
    pub entity_type: Option<EntityType>,
    /// The probability of its least sure word, in [0, 1]; 1 for a given target.
    pub probability: f32,
    /// How probable each type is; all zero for a given target.
    pub type_probabilities: TypeProbabilities,
    /// The stance toward it, where asked for.
    pub stance: Option<WindowStance>,
}

/// The stance toward a mention as the window alone shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowStance {
    /// The polarity.
    pub polarity: Distribution,
    /// Probability that the holder is the author.
    pub author: f32,
    /// Probability that the holder is only described.
    pub unnamed: f32,
    /// Probability of each mention of the window; 0 for the target itself.
    pub mentions: Vec<f32>,
}
