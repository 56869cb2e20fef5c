//! Messages: requests in protobuf or JSON, answers in the same.

use clap::ValueEnum;
use prost::Message as _;

use crate::proto::tagwerk::v1;

/// The header that names the form of a payload.
pub(super) const CONTENT_TYPE: &str = "Content-Type";

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// The first byte of a request in JSON. In protobuf it would begin a group, which no message here has.
const BRACE: u8 = b'{';

/// The form of the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AnswerFormat {
    /// That of the request.
    Same,
    /// Protobuf.
    Protobuf,
    /// The JSON form of protobuf.
    Json,
}

/// The form of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Protobuf,
    Json,
}

/// Why a message is no request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FormatError {
    #[error("the content type {0:?} is neither {JSON} nor {PROTOBUF}")]
    ContentType(String),
    #[error("not a tagwerk.v1.TagRequest in JSON: {0}")]
    Json(String),
    #[error("not a tagwerk.v1.TagRequest in protobuf: {0}")]
    Protobuf(String),
}

impl Format {
    /// The form that the header names, or else the one that the first byte shows.
    pub(super) fn of(content_type: Option<&str>, payload: &[u8]) -> Result<Self, FormatError> {
        let Some(named) = content_type else {
            return Ok(match payload.first() {
                Some(&BRACE) => Self::Json,
                _ => Self::Protobuf,
            });
        };
        let (media, _) = named.split_once(';').unwrap_or((named, ""));
        match media.trim().to_ascii_lowercase().as_str() {
            JSON => Ok(Self::Json),
            PROTOBUF | "application/protobuf" | "application/vnd.google.protobuf" => {
                Ok(Self::Protobuf)
            }
            _ => Err(FormatError::ContentType(named.to_owned())),
        }
    }

    /// The form of the answer to a request in this one.
    pub(super) fn answered_in(self, answers: AnswerFormat) -> Self {
        match answers {
            AnswerFormat::Same => self,
            AnswerFormat::Protobuf => Self::Protobuf,
            AnswerFormat::Json => Self::Json,
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => PROTOBUF,
            Self::Json => JSON,
        }
    }

    pub(super) fn decode(self, payload: &[u8]) -> Result<v1::TagRequest, FormatError> {
        match self {
            Self::Protobuf => v1::TagRequest::decode(payload)
                .map_err(|error| FormatError::Protobuf(error.to_string())),
            Self::Json => serde_json::from_slice(payload)
                .map_err(|error| FormatError::Json(error.to_string())),
        }
    }

    pub(super) fn encode(self, answer: &v1::TaggedDocument) -> Result<Vec<u8>, FormatError> {
        match self {
            Self::Protobuf => Ok(answer.encode_to_vec()),
            Self::Json => {
                serde_json::to_vec(answer).map_err(|error| FormatError::Json(error.to_string()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request() -> v1::TagRequest {
        let document = v1::Document {
            id: "dpa-7".to_owned(),
            text: "Guten Tag aus Kiel.".to_owned(),
            language: "de".to_owned(),
        };
        let options = v1::TagOptions {
            offset_unit: v1::OffsetUnit::Utf16CodeUnit.into(),
            ..v1::TagOptions::default()
        };
        v1::TagRequest {
            document: Some(document),
            options: Some(options),
        }
    }

    const IN_JSON: &str = r#"{"document":{"id":"dpa-7","text":"Guten Tag aus Kiel.","language":"de"},
        "options":{"offsetUnit":"OFFSET_UNIT_UTF16_CODE_UNIT"}}"#;

    #[test]
    fn a_request_is_the_same_in_both_forms() {
        assert_eq!(Format::Json.decode(IN_JSON.as_bytes()), Ok(request()));
        let encoded = request().encode_to_vec();
        assert_eq!(Format::Protobuf.decode(&encoded), Ok(request()));
    }

    #[test]
    fn the_header_decides_on_the_form_and_else_the_first_byte() {
        let (json, protobuf) = (Ok(Format::Json), Ok(Format::Protobuf));
        let encoded = request().encode_to_vec();
        for (content_type, payload, expected) in [
            (None, IN_JSON.as_bytes(), json.clone()),
            (None, encoded.as_slice(), protobuf.clone()),
            (None, b"", protobuf.clone()),
            (Some("application/json"), encoded.as_slice(), json.clone()),
            (Some("Application/JSON; charset=utf-8"), b"", json),
            (
                Some("application/x-protobuf"),
                IN_JSON.as_bytes(),
                protobuf.clone(),
            ),
            (Some("application/protobuf"), b"", protobuf.clone()),
            (Some("application/vnd.google.protobuf"), b"", protobuf),
            (
                Some("text/plain"),
                b"{}",
                Err(FormatError::ContentType("text/plain".to_owned())),
            ),
        ] {
            assert_eq!(
                Format::of(content_type, payload),
                expected,
                "{content_type:?}"
            );
        }
    }

    #[test]
    fn what_is_no_request_is_an_error_that_names_the_message() {
        for (format, payload) in [
            (Format::Json, r#"{"text":"bare"}"#.as_bytes()),
            (Format::Json, b"{"),
            (Format::Json, b"\xff"),
            (Format::Protobuf, b"\x0a\xff"),
            (Format::Protobuf, IN_JSON.as_bytes()),
        ] {
            let error = format.decode(payload).unwrap_err().to_string();
            assert!(error.contains("TagRequest"), "{error}");
        }
    }

    #[test]
    fn answers_have_the_form_of_the_request_unless_one_is_set() {
        for (request, answers, expected) in [
            (Format::Json, AnswerFormat::Same, Format::Json),
            (Format::Protobuf, AnswerFormat::Same, Format::Protobuf),
            (Format::Json, AnswerFormat::Protobuf, Format::Protobuf),
            (Format::Protobuf, AnswerFormat::Json, Format::Json),
        ] {
            assert_eq!(request.answered_in(answers), expected);
        }
    }

    proptest! {
        #[test]
        fn no_payload_makes_decoding_panic(payload: Vec<u8>, content_type: Option<String>) {
            if let Ok(format) = Format::of(content_type.as_deref(), &payload) {
                let _ = format.decode(&payload);
            }
        }
    }
}
