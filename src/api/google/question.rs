//! What a call asks, whichever version it speaks.

use tonic_types::FieldViolation;

use super::super::status::{Failure, Surface};
use crate::{
    pipeline::{
        document::Features,
        html::Html,
        text::{OffsetUnit, Text},
    },
    proto::google::language::v1::{EncodingType, document::Type},
};

/// Largest document in bytes, as Google has it.
const MAX_CONTENT_BYTES: usize = 1_000_000;

/// The analyses that a call can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Analyses {
    /// Entities with their mentions.
    pub(super) entities: bool,
    /// Entities with their mentions and the stances toward them.
    pub(super) entity_sentiment: bool,
    /// Sentences and document with their tone.
    pub(super) sentiment: bool,
}

impl Analyses {
    /// What `AnalyzeEntities` asks of version 1.
    pub(super) const ENTITIES: Self = Self {
        entities: true,
        entity_sentiment: false,
        sentiment: false,
    };

    /// What `AnalyzeEntitySentiment` asks.
    pub(super) const ENTITY_SENTIMENT: Self = Self {
        entities: true,
        entity_sentiment: true,
        sentiment: false,
    };

    /// What `AnalyzeSentiment` asks.
    pub(super) const SENTIMENT: Self = Self {
        entities: false,
        entity_sentiment: false,
        sentiment: true,
    };

    /// The layers that these are made of.
    fn features(self) -> Features {
        Features {
            mentions: self.entities || self.entity_sentiment,
            entities: self.entities || self.entity_sentiment,
            stances: self.entity_sentiment,
            sentences: self.sentiment,
            sentiment: self.sentiment,
            ..Features::NONE
        }
    }
}

/// What Google's API has and this server does not.
#[derive(Debug, Clone, Copy)]
pub(super) enum NotOffered {
    /// The grammar of sentences.
    Syntax,
    /// The subjects of a text.
    Categories,
    /// Harmful content.
    Moderation,
}

impl From<NotOffered> for Failure {
    fn from(missing: NotOffered) -> Self {
        Self::unimplemented(match missing {
            NotOffered::Syntax => {
                "syntax is not analysed: this server tags names, stances and sentiment; sentences come with \
                 AnalyzeSentiment, for words and their grammar use a parser"
            }
            NotOffered::Categories => {
                "texts are not sorted into categories: this server tags names, stances and sentiment"
            }
            NotOffered::Moderation => {
                "texts are not rated for harmful content: this server tags names, stances and sentiment"
            }
        })
    }
}

/// A document as it comes; the numbers mean the same in both versions.
#[derive(Debug, Default)]
pub(super) struct Submitted {
    pub(super) kind: i32,
    pub(super) content: Option<Content>,
    pub(super) language: String,
}

/// Where the text of a document is.
#[derive(Debug)]
pub(super) enum Content {
    /// In the document itself.
    Inline(String),
    /// In a bucket of Google's.
    Bucket,
}

/// A call that can be answered.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) surface: Surface,
    /// As submitted; taken by [`Source::read`].
    pub(super) content: String,
    is_html: bool,
    /// The tag as given; empty where the language is to be detected.
    pub(super) language: String,
    /// The unit of offsets; `None` where no offsets are asked for.
    pub(super) unit: Option<OffsetUnit>,
    pub(super) features: Features,
}

impl Question {
    /// Checks what a call asks.
    ///
    /// # Errors
    /// Everything that is wrong, each with its field.
    pub(super) fn new(
        surface: Surface,
        document: Option<Submitted>,
        encoding: i32,
        analyses: Analyses,
    ) -> Result<Self, Failure> {
        let mut violations = Vec::new();
        let mut refuse = |field: &str, description: String| {
            violations.push(FieldViolation::new(field, description));
        };
        if analyses == Analyses::default() {
            refuse("features", "must name at least one analysis".to_owned());
        }
        let unit = unit(encoding).unwrap_or_else(|| {
            refuse(
                "encoding_type",
                format!("{encoding} is not an EncodingType of this version of the API"),
            );
            None
        });
        let submitted = document.unwrap_or_else(|| {
            refuse("document", "is required".to_owned());
            // Nothing more is to be said of it.
            Submitted {
                kind: Type::PlainText.into(),
                content: Some(Content::Inline(String::new())),
                language: String::new(),
            }
        });
        let is_html = match Type::try_from(submitted.kind) {
            Ok(Type::PlainText) => false,
            Ok(Type::Html) => true,
            Ok(Type::Unspecified) | Err(_) => {
                refuse("document.type", "must be PLAIN_TEXT or HTML".to_owned());
                false
            }
        };
        let content = match submitted.content {
            Some(Content::Inline(content)) => content,
            Some(Content::Bucket) => {
                refuse(
                    "document.gcs_content_uri",
                    "cannot be read: this server fetches nothing; send the text as content"
                        .to_owned(),
                );
                String::new()
            }
            None => {
                refuse("document.content", "is required".to_owned());
                String::new()
            }
        };
        if content.len() > MAX_CONTENT_BYTES {
            let bytes = content.len();
            refuse(
                surface.text(),
                format!("has {bytes} bytes, the limit is {MAX_CONTENT_BYTES}"),
            );
        }
        if !violations.is_empty() {
            return Err(Failure::invalid(violations));
        }
        Ok(Self {
            surface,
            content,
            is_html,
            language: submitted.language,
            unit,
            features: analyses.features(),
        })
    }
}

/// The unit of an encoding type, `Some(None)` for no offsets, or `None` for a number without a meaning.
fn unit(encoding: i32) -> Option<Option<OffsetUnit>> {
    match EncodingType::try_from(encoding).ok()? {
        EncodingType::None => Some(None),
        EncodingType::Utf8 => Some(Some(OffsetUnit::Utf8Byte)),
        EncodingType::Utf16 => Some(Some(OffsetUnit::Utf16CodeUnit)),
        EncodingType::Utf32 => Some(Some(OffsetUnit::CodePoint)),
    }
}

/// The text of a document, and where it stands in what was submitted.
#[derive(Debug)]
pub(super) struct Source {
    /// As submitted: what offsets count in.
    pub(super) submitted: Text,
    /// `None` where the text is what was submitted.
    html: Option<Html>,
}

impl Source {
    /// Takes the content of a question. Takes milliseconds for a large page.
    ///
    /// # Errors
    /// A text that is larger than offsets can count.
    pub(super) fn read(question: &mut Question) -> Result<Self, Failure> {
        let content = std::mem::take(&mut question.content);
        let too_large = || {
            let violation = FieldViolation::new(question.surface.text(), "is too large");
            Failure::invalid(vec![violation])
        };
        let submitted = Text::new(content).ok_or_else(too_large)?;
        let html = match question.is_html {
            true => Some(Html::read(&submitted).ok_or_else(too_large)?),
            false => None,
        };
        Ok(Self { submitted, html })
    }

    /// The text to be tagged.
    pub(super) fn text(&self) -> &Text {
        self.html.as_ref().map_or(&self.submitted, Html::text)
    }

    /// The byte of what was submitted at which a byte of the text stands.
    pub(super) fn origin(&self, byte: usize) -> usize {
        self.html.as_ref().map_or(byte, |html| html.origin(byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::google::language::v2;

    const SENTIMENT: Analyses = Analyses::SENTIMENT;

    fn plain(content: &str) -> Submitted {
        Submitted {
            kind: 1,
            content: Some(Content::Inline(content.into())),
            language: "de-AT".into(),
        }
    }

    fn violated(document: Option<Submitted>, encoding: i32, analyses: Analyses) -> Vec<String> {
        use tonic_types::StatusExt as _;

        let question = Question::new(Surface::GoogleV1, document, encoding, analyses);
        let status = question.unwrap_err().into_status();
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
        let request = status.get_details_bad_request().unwrap();
        request
            .field_violations
            .into_iter()
            .map(|v| v.field)
            .collect()
    }

    #[test]
    fn each_mistake_is_told_with_its_field() {
        let nothing = Analyses::default();
        let unspecified = |kind| Submitted { kind, ..plain("") };
        let bucket = Submitted {
            content: Some(Content::Bucket),
            ..plain("")
        };
        let missing = Submitted {
            content: None,
            ..plain("")
        };
        let large = "a".repeat(MAX_CONTENT_BYTES + 1);
        #[rustfmt::skip]
        let cases = [
            (None, 0, SENTIMENT, vec!["document"]),
            (Some(unspecified(0)), 0, SENTIMENT, vec!["document.type"]),
            (Some(unspecified(3)), 0, SENTIMENT, vec!["document.type"]),
            (Some(bucket), 0, SENTIMENT, vec!["document.gcs_content_uri"]),
            (Some(missing), 0, SENTIMENT, vec!["document.content"]),
            (Some(plain(&large)), 0, SENTIMENT, vec!["document.content"]),
            (Some(plain("a")), 4, SENTIMENT, vec!["encoding_type"]),
            (Some(plain("a")), -1, SENTIMENT, vec!["encoding_type"]),
            (Some(plain("a")), 0, nothing, vec!["features"]),
            (Some(Submitted::default()), 9, nothing, vec!["features", "encoding_type", "document.type", "document.content"]),
        ];
        for (document, encoding, analyses, fields) in cases {
            assert_eq!(violated(document, encoding, analyses), fields);
        }
    }

    #[test]
    fn a_document_of_the_largest_size_is_taken() {
        let content = "a".repeat(MAX_CONTENT_BYTES);
        let question = Question::new(Surface::GoogleV2, Some(plain(&content)), 0, SENTIMENT);
        assert!(question.is_ok());
    }

    #[test]
    fn each_encoding_type_counts_in_its_unit() {
        for (encoding, expected) in [
            (0, None),
            (1, Some(OffsetUnit::Utf8Byte)),
            (2, Some(OffsetUnit::Utf16CodeUnit)),
            (3, Some(OffsetUnit::CodePoint)),
        ] {
            let question =
                Question::new(Surface::GoogleV1, Some(plain("a")), encoding, SENTIMENT).unwrap();
            assert_eq!(question.unit, expected);
        }
    }

    #[test]
    fn the_numbers_of_both_versions_mean_the_same() {
        for number in -1..6 {
            let (v1, v2) = (
                EncodingType::try_from(number),
                v2::EncodingType::try_from(number),
            );
            assert_eq!(v1.is_ok(), v2.is_ok());
            if let (Ok(v1), Ok(v2)) = (v1, v2) {
                assert_eq!(v1.as_str_name(), v2.as_str_name());
            }
            let (v1, v2) = (Type::try_from(number), v2::document::Type::try_from(number));
            assert_eq!(v1.is_ok(), v2.is_ok());
            if let (Ok(v1), Ok(v2)) = (v1, v2) {
                assert_eq!(v1.as_str_name(), v2.as_str_name());
            }
        }
    }

    #[test]
    fn only_the_layers_that_an_analysis_shows_are_computed() {
        let features = Analyses::ENTITIES.features();
        assert!(features.entities && !features.stances && !features.sentiment);
        assert_eq!(features, features.closed());
        let features = SENTIMENT.features();
        assert!(!features.mentions && features.sentences && !features.quotes);
    }
}
