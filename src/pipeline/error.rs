//! What can go wrong with one document.

use std::time::Duration;

/// Why a document was not tagged. Each variant is one kind of answer to the caller.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TagError {
    /// The text is longer than the configured limit.
    #[error("the text has {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// Bytes of the text.
        bytes: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The language tag is not of the form that BCP 47 gives.
    #[error("{tag:?} is not a BCP 47 language tag")]
    MalformedLanguage {
        /// The tag as given.
        tag: String,
    },
    /// The model does not list the language.
    #[error("the language {tag:?} is not supported; supported are {}", supported.join(", "))]
    UnsupportedLanguage {
        /// The tag as given.
        tag: String,
        /// The languages of the model.
        supported: Vec<String>,
    },
    /// The queue for the encoder is full.
    #[error("the server is busy; try again in {} ms", retry_after.as_millis())]
    Overloaded {
        /// When there may be room again.
        retry_after: Duration,
    },
    /// The call's deadline would pass before the answer.
    #[error(
        "the answer would take about {} ms, longer than the call's deadline allows",
        time.as_millis()
    )]
    TooLate {
        /// How long the answer would take, waiting included.
        time: Duration,
        /// When there may be less waiting.
        retry_after: Duration,
    },
    /// The call's deadline passed while its windows waited.
    #[error("the deadline of the call has passed")]
    Expired,
    /// The engine has been stopped.
    #[error("the server is stopping")]
    Stopped,
    /// The model failed on a window of this document.
    #[error("the model failed on this text: {0}")]
    Inference(String),
}

impl TagError {
    /// The kind of error, for traces: nothing of a text.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            Self::MalformedLanguage { .. } => "malformed_language",
            Self::UnsupportedLanguage { .. } => "unsupported_language",
            Self::Overloaded { .. } => "overloaded",
            Self::TooLate { .. } => "too_late",
            Self::Expired => "expired",
            Self::Stopped => "stopped",
            Self::Inference(_) => "inference",
        }
    }
}
