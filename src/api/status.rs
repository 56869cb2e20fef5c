//! Errors as gRPC statuses: the single place that decides on codes, reasons and details.

use std::{collections::HashMap, time::Duration};

use prost::Message as _;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _, pb};

use super::caller::QuotaExceeded;
use crate::pipeline::error::TagError;

/// The domain of every `google.rpc.ErrorInfo` of this service.
pub const DOMAIN: &str = "tagwerk";

/// Longest message of a status in bytes. It travels in a header, and clients take few KiB of those.
const MAX_MESSAGE_BYTES: usize = 512;

/// When a call that came too early may be tried again.
const START_RETRY_AFTER: Duration = Duration::from_secs(1);

/// The API that a failure is told through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// `tagwerk.v1`.
    Tagwerk,
    /// `google.cloud.language.v1`.
    GoogleV1,
    /// `google.cloud.language.v2`.
    GoogleV2,
}

impl Surface {
    /// The field of the text.
    pub fn text(self) -> &'static str {
        match self {
            Self::Tagwerk => "document.text",
            Self::GoogleV1 | Self::GoogleV2 => "document.content",
        }
    }

    /// The field of the language.
    pub fn language(self) -> &'static str {
        match self {
            Self::Tagwerk | Self::GoogleV1 => "document.language",
            Self::GoogleV2 => "document.language_code",
        }
    }

    /// The code of a queue that has no room now. Google's clients try again by themselves, but not on
    /// `RESOURCE_EXHAUSTED`.
    fn busy(self) -> Code {
        match self {
            Self::Tagwerk => Code::ResourceExhausted,
            Self::GoogleV1 | Self::GoogleV2 => Code::Unavailable,
        }
    }
}

/// Why a call, or one document of a stream, failed, in the terms of gRPC.
#[derive(Debug, Clone)]
pub struct Failure {
    code: Code,
    message: String,
    /// Boxed, since it would make every result on the way large.
    details: Box<ErrorDetails>,
}

impl Failure {
    fn new(code: Code, reason: &str, message: impl Into<String>) -> Self {
        let mut details = ErrorDetails::new();
        details.set_error_info(reason, DOMAIN, HashMap::new());
        Self {
            code,
            message: cut(message.into()),
            details: Box::new(details),
        }
    }

    fn violating(mut self, violations: Vec<FieldViolation>) -> Self {
        self.details.set_bad_request(violations);
        self
    }

    fn retry_after(mut self, delay: Duration) -> Self {
        self.details.set_retry_info(Some(delay));
        self
    }

    /// The request itself is wrong in these fields.
    pub fn invalid(violations: Vec<FieldViolation>) -> Self {
        let fields: Vec<String> = violations
            .iter()
            .map(|v| format!("{} {}", v.field, v.description))
            .collect();
        Self::new(Code::InvalidArgument, "REQUEST_INVALID", fields.join("; ")).violating(violations)
    }

    /// The model is not loaded yet.
    pub fn starting() -> Self {
        Self::new(Code::Unavailable, "STARTING", "the server is starting")
            .retry_after(START_RETRY_AFTER)
    }

    /// The server goes down.
    pub fn stopping() -> Self {
        Self::new(Code::Unavailable, "STOPPING", "the server is stopping")
    }

    /// The caller's deadline has passed.
    pub fn deadline_exceeded() -> Self {
        Self::new(
            Code::DeadlineExceeded,
            "DEADLINE_EXCEEDED",
            "the deadline of the call has passed",
        )
    }

    /// The caller's credentials are missing or not accepted. The message must not repeat any of them.
    pub fn unauthenticated(reason: &str, message: impl Into<String>) -> Self {
        Self::new(Code::Unauthenticated, reason, message)
    }

    /// The server does not offer this.
    pub fn unimplemented(message: impl Into<String>) -> Self {
        Self::new(Code::Unimplemented, "NOT_OFFERED", message)
    }

    /// A defect of the server that shows with this document.
    pub fn defect() -> Self {
        Self::new(
            Code::Internal,
            "DEFECT",
            "the server failed on this document",
        )
    }

    /// What is told of a document that was not tagged.
    pub fn of(error: TagError, surface: Surface) -> Self {
        let message = error.to_string();
        let violation = |field| vec![FieldViolation::new(field, cut(message.clone()))];
        let invalid = |reason, field| {
            Self::new(Code::InvalidArgument, reason, message.clone()).violating(violation(field))
        };
        match error {
            TagError::TooLarge { limit, .. } => {
                let mut failure = invalid("TEXT_TOO_LARGE", surface.text());
                let limit = HashMap::from([("max_document_bytes".into(), limit.to_string())]);
                failure
                    .details
                    .set_error_info("TEXT_TOO_LARGE", DOMAIN, limit);
                failure
            }
            TagError::MalformedLanguage { .. } => invalid("LANGUAGE_MALFORMED", surface.language()),
            TagError::UnsupportedLanguage { .. } => {
                invalid("LANGUAGE_UNSUPPORTED", surface.language())
            }
            TagError::Overloaded { retry_after } => {
                Self::new(surface.busy(), "OVERLOADED", message).retry_after(retry_after)
            }
            TagError::TooLate { retry_after, .. } => {
                Self::new(surface.busy(), "DEADLINE_TOO_SHORT", message).retry_after(retry_after)
            }
            TagError::Expired => Self::deadline_exceeded(),
            TagError::Stopped => Self::stopping(),
            TagError::Inference(_) => Self::new(Code::Internal, "INFERENCE_FAILED", message),
        }
    }

    /// The code that the caller gets.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The failure of a whole call.
    pub fn into_status(self) -> Status {
        Status::with_error_details(self.code, self.message, *self.details)
    }

    /// The failure of one document of a stream.
    pub fn into_rpc_status(self) -> pb::Status {
        let status = self.into_status();
        // The details of a status are, by gRPC's convention, this very message in encoded form.
        pb::Status::decode(status.details()).unwrap_or_else(|_| pb::Status {
            code: status.code().into(),
            message: status.message().to_owned(),
            details: Vec::new(),
        })
    }
}

impl From<QuotaExceeded> for Failure {
    fn from(exceeded: QuotaExceeded) -> Self {
        Self::new(
            Code::ResourceExhausted,
            "QUOTA_EXCEEDED",
            exceeded.to_string(),
        )
        .retry_after(exceeded.retry_after)
    }
}

impl From<TagError> for Failure {
    fn from(error: TagError) -> Self {
        Self::of(error, Surface::Tagwerk)
    }
}

/// Cuts a message that is too long for a header, such as one that repeats a field of the request.
fn cut(mut message: String) -> String {
    if message.len() > MAX_MESSAGE_BYTES {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES - '…'.len_utf8()));
        message.push('…');
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_its_code_reason_and_field() {
        let tag = "xx".to_owned();
        let supported = vec!["de".to_owned()];
        let retry_after = Duration::from_millis(250);
        let limit = 20;
        #[rustfmt::skip]
        let cases: [(TagError, Code, &str, Option<&str>); 8] = [
            (TagError::TooLarge { bytes: 30, limit }, Code::InvalidArgument, "TEXT_TOO_LARGE", Some("document.text")),
            (TagError::MalformedLanguage { tag: tag.clone() }, Code::InvalidArgument, "LANGUAGE_MALFORMED", Some("document.language")),
            (TagError::UnsupportedLanguage { tag, supported }, Code::InvalidArgument, "LANGUAGE_UNSUPPORTED", Some("document.language")),
            (TagError::Overloaded { retry_after }, Code::ResourceExhausted, "OVERLOADED", None),
            (TagError::TooLate { time: retry_after, retry_after }, Code::ResourceExhausted, "DEADLINE_TOO_SHORT", None),
            (TagError::Expired, Code::DeadlineExceeded, "DEADLINE_EXCEEDED", None),
            (TagError::Stopped, Code::Unavailable, "STOPPING", None),
            (TagError::Inference("a tensor has no rows".into()), Code::Internal, "INFERENCE_FAILED", None),
        ];
        for (error, code, reason, field) in cases {
            let status = Failure::from(error).into_status();
            let details = status.get_error_details();
            let info = details.error_info().unwrap();
            assert_eq!((status.code(), info.reason.as_str()), (code, reason));
            assert_eq!(info.domain, DOMAIN);
            let violated = details
                .bad_request()
                .map(|b| b.field_violations[0].field.as_str());
            assert_eq!(violated, field);
        }
    }

    #[test]
    fn clients_of_google_get_their_own_fields_and_a_busy_server_that_they_try_again() {
        let tag = "xx".to_owned();
        let retry_after = Duration::from_millis(250);
        let time = retry_after;
        #[rustfmt::skip]
        let cases: [(TagError, Code, Option<[&str; 2]>); 6] = [
            (TagError::TooLarge { bytes: 30, limit: 20 }, Code::InvalidArgument, Some(["document.content", "document.content"])),
            (TagError::MalformedLanguage { tag }, Code::InvalidArgument, Some(["document.language", "document.language_code"])),
            (TagError::Overloaded { retry_after }, Code::Unavailable, None),
            (TagError::TooLate { time, retry_after }, Code::Unavailable, None),
            (TagError::Expired, Code::DeadlineExceeded, None),
            (TagError::Stopped, Code::Unavailable, None),
        ];
        for (error, code, fields) in cases {
            for (version, surface) in [Surface::GoogleV1, Surface::GoogleV2]
                .into_iter()
                .enumerate()
            {
                let status = Failure::of(error.clone(), surface).into_status();
                assert_eq!(status.code(), code);
                let request = status.get_details_bad_request();
                let violated = request.map(|mut request| request.field_violations.remove(0).field);
                assert_eq!(violated.as_deref(), fields.map(|fields| fields[version]));
                let waits = matches!(
                    error,
                    TagError::Overloaded { .. } | TagError::TooLate { .. }
                );
                assert_eq!(status.get_details_retry_info().is_some(), waits);
            }
        }
    }

    #[test]
    fn a_text_that_is_too_large_is_told_the_limit() {
        let error = TagError::TooLarge {
            bytes: 30,
            limit: 20,
        };
        let details = Failure::from(error).into_status().get_error_details();
        assert_eq!(
            details.error_info().unwrap().metadata["max_document_bytes"],
            "20"
        );
        let request = details.bad_request().unwrap();
        assert!(request.field_violations[0].description.contains("20"));
    }

    #[test]
    fn a_caller_without_valid_credentials_is_told_the_reason() {
        let failure = Failure::unauthenticated("CREDENTIALS_INVALID", "expired");
        let status = failure.into_status();
        assert_eq!(status.code(), Code::Unauthenticated);
        assert_eq!(status.message(), "expired");
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, "CREDENTIALS_INVALID");
    }

    #[test]
    fn an_overloaded_server_says_when_to_try_again() {
        let retry_after = Duration::from_millis(250);
        let status = Failure::from(TagError::Overloaded { retry_after }).into_status();
        let details = status.get_error_details();
        assert_eq!(details.retry_info().unwrap().retry_delay, Some(retry_after));
    }

    #[test]
    fn a_message_is_cut_to_what_fits_a_header() {
        let tag = "ä".repeat(1 << 20);
        let status = Failure::from(TagError::MalformedLanguage { tag }).into_status();
        assert!(status.message().len() <= MAX_MESSAGE_BYTES);
        assert!(status.details().len() < 4 * MAX_MESSAGE_BYTES);
    }

    #[test]
    fn a_document_of_a_stream_gets_the_same_status_as_a_call() {
        let failure = Failure::invalid(vec![FieldViolation::new("document", "is required")]);
        let status = failure.clone().into_status();
        let rpc = failure.into_rpc_status();
        assert_eq!(rpc.code, i32::from(Code::InvalidArgument));
        assert_eq!(rpc.message, "document is required");
        assert_eq!(rpc.encode_to_vec(), status.details());
    }
}
