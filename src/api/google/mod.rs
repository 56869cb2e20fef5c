//! Google's Cloud Natural Language API, versions 1 and 2, in front of the same pipeline: its clients change the
//! address and nothing else.
//!
//! What both versions have in common is written once: [`question`] turns a request into the domain's terms,
//! [`answer`] says what they call a mention, a sentiment, a salience. [`v1`] and [`v2`] put that into messages.

mod answer;
mod question;

/// Reads and writes the messages that differ in nothing but their version.
macro_rules! common_messages {
    ($version:ident) => {
        impl From<$version::document::Source> for Content {
            fn from(source: $version::document::Source) -> Self {
                match source {
                    $version::document::Source::Content(content) => Self::Inline(content),
                    $version::document::Source::GcsContentUri(_) => Self::Bucket,
                }
            }
        }

        impl From<answer::TextSpan> for $version::TextSpan {
            fn from(text: answer::TextSpan) -> Self {
                Self {
                    content: text.content,
                    begin_offset: text.begin_offset,
                }
            }
        }

        impl From<answer::Sentiment> for $version::Sentiment {
            fn from(sentiment: answer::Sentiment) -> Self {
                Self {
                    magnitude: sentiment.magnitude,
                    score: sentiment.score,
                }
            }
        }

        impl From<answer::Sentence> for $version::Sentence {
            fn from(sentence: answer::Sentence) -> Self {
                Self {
                    text: Some(sentence.text.into()),
                    sentiment: Some(sentence.sentiment.into()),
                }
            }
        }
    };
}

mod v1;
mod v2;

use std::sync::Arc;

use tokio::sync::watch;
use tonic::Status;
use tracing::Span;

use self::{
    answer::Answer,
    question::{Question, Source},
};
use super::{
    service::{Busy, Untagged, begin_call, count, origin, spend, tag_alone},
    status::{Failure, Surface},
};
use crate::{
    pipeline::{
        Origin, Pipeline,
        document::{Document, TagOptions},
        error::TagError,
        language,
    },
    telemetry::Metrics,
};

/// Answers `google.cloud.language.v1.LanguageService` and `google.cloud.language.v2.LanguageService`. A clone serves
/// the same pipeline.
#[derive(Clone)]
pub struct Language {
    /// `None` until the model is loaded.
    pipeline: watch::Receiver<Option<Arc<Pipeline>>>,
    metrics: Metrics,
}

impl Language {
    /// A service that answers with the latest pipeline, and `UNAVAILABLE` as long as there is none.
    pub fn new(pipeline: watch::Receiver<Option<Arc<Pipeline>>>, metrics: Metrics) -> Self {
        Self { pipeline, metrics }
    }

    /// Answers one call of either version.
    async fn answer(
        &self,
        extensions: &http::Extensions,
        question: Result<Question, Failure>,
    ) -> Result<Answer, Status> {
        let (origin, caller) = origin(extensions);
        let _call = begin_call(caller.as_ref())?;
        let _in_flight = self.metrics.document_in_flight();
        let answer = async {
            let question = question?;
            let surface = question.surface;
            Span::current().record("bytes", question.content.len());
            let pipeline = self.pipeline.borrow().clone();
            let pipeline = pipeline.ok_or_else(Failure::starting)?;
            let (question, source) = read(question).await?;
            spend(caller.as_ref(), Some(source.text().as_str()))?;
            self.tag(&pipeline, question, source, &origin)
                .await
                .map_err(|failed| failed.told_by(surface))
        };
        let answer = answer.await;
        count(&self.metrics, &answer);
        answer.map_err(Failure::into_status)
    }

    async fn tag(
        &self,
        pipeline: &Pipeline,
        question: Question,
        source: Source,
        origin: &Origin,
    ) -> Result<Answer, Untagged> {
        let supported = &pipeline.description().languages;
        let language = language_of(&question, &source, supported).map_err(Untagged::Error)?;
        let document = Document {
            id: String::new(),
            text: source.text().clone(),
            language,
        };
        let options = TagOptions {
            features: question.features,
            ..TagOptions::default()
        };
        let tagged = tag_alone(pipeline, document, options, origin, Busy::Refuse).await?;
        let answer = Answer::new(&tagged, &question, &source, supported);
        self.metrics.document_tagged(&tagged, tagged.read.elapsed());
        Span::current().record("windows", tagged.coverage.windows);
        Ok(answer)
    }
}

/// Each part of an answer as its message.
fn all<T, M: From<T>>(parts: Vec<T>) -> Vec<M> {
    parts.into_iter().map(M::from).collect()
}

/// The text of a question. HTML is read where it holds up no other call.
async fn read(question: Question) -> Result<(Question, Source), Failure> {
    let read = tokio::task::spawn_blocking(move || {
        let mut question = question;
        let source = Source::read(&mut question)?;
        Ok((question, source))
    });
    // Whatever makes it panic is a defect.
    read.await.unwrap_or_else(|_| Err(Failure::defect()))
}

/// The language to read a text as; empty where it is to be detected.
///
/// The answers of version 1 have no word for a language that is not supported, so that a text in one is refused.
fn language_of(
    question: &Question,
    source: &Source,
    supported: &[String],
) -> Result<String, TagError> {
    if question.surface != Surface::GoogleV1 || !question.language.is_empty() {
        return Ok(question.language.clone());
    }
    let detected = language::detect(source.text().as_str(), supported).language;
    match detected.as_str() {
        "und" => Ok(String::new()),
        tag => language::primary(tag, supported),
    }
}
