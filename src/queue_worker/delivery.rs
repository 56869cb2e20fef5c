//! One message from its delivery to its acknowledgement.

use std::{pin::pin, sync::Arc, time::Duration};

use async_nats::{
    HeaderMap, HeaderValue,
    jetstream::{
        self, AckKind, Context, ErrorCode, Message,
        context::{PublishError, PublishErrorKind},
        message::PublishMessage,
    },
};
use prost::bytes::Bytes;
use tokio::time::{Instant, interval_at, sleep, timeout};
use tonic::Code;
use tracing::{debug, error, warn};

use super::{
    format::{CONTENT_TYPE, Format},
    queue::{Queue, QueueSettings, hand_back},
};
use crate::{
    api::{
        service::{Busy, answer},
        status::Failure,
    },
    pipeline::{Origin, Pipeline},
    proto::tagwerk::v1,
    server::lifecycle::{Lifecycle, Phase},
    telemetry::{Metrics, calls::code_name, loggable, milliseconds},
};

/// Time before a message is published again, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest such time.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Time before a message is delivered again that this worker could not work on.
const NOT_HERE: Duration = Duration::from_secs(1);

/// How often an acknowledgement is sent that is not confirmed. The message is delivered again otherwise.
const CONFIRMATIONS: usize = 3;

/// Time that a sign of life has to leave.
const SIGN_PATIENCE: Duration = Duration::from_millis(500);

/// Headers of a dead letter.
const CODE: &str = "Tagwerk-Code";
const MESSAGE: &str = "Tagwerk-Message";
const SUBJECT: &str = "Tagwerk-Subject";
const STREAM: &str = "Tagwerk-Stream";
const SEQUENCE: &str = "Tagwerk-Sequence";
const DELIVERIES: &str = "Tagwerk-Deliveries";
const OMITTED: &str = "Tagwerk-Omitted-Bytes";

/// What NATS does with a message by its headers begins so.
const OF_NATS: &str = "Nats-";

/// Works on messages.
#[derive(Debug)]
pub(super) struct Deliveries {
    pipeline: Arc<Pipeline>,
    jetstream: Context,
    settings: QueueSettings,
    progress: Duration,
    lifecycle: Lifecycle,
    metrics: Metrics,
}

/// Where a message comes from.
#[derive(Debug, Clone)]
struct Place {
    stream: String,
    sequence: u64,
    deliveries: i64,
    pending: u64,
    /// The same for each delivery of the message, and for no other message.
    id: String,
}

impl Place {
    fn of(message: &Message) -> Result<Self, async_nats::Error> {
        let info = message.info()?;
        // The time tells a stream apart from one of the same name before it.
        let id = format!(
            "{}.{}.{}",
            info.stream,
            info.stream_sequence,
            info.published.unix_timestamp_nanos()
        );
        Ok(Self {
            stream: info.stream.to_owned(),
            sequence: info.stream_sequence,
            deliveries: info.delivered,
            pending: info.pending,
            id,
        })
    }
}

/// What is done about a message.
enum Outcome {
    /// Its answer is published, now or before.
    Answered { is_new: bool },
    /// It is a dead letter.
    Dead,
    /// It is to be delivered again.
    NotHere,
}

/// Why a message cannot be tagged, now or ever.
struct Rejection {
    code: Code,
    reason: String,
}

/// A message with its headers is larger than NATS or the stream takes.
struct TooLarge;

impl Deliveries {
    pub(super) fn new(
        pipeline: Pipeline,
        queue: &Queue,
        lifecycle: Lifecycle,
        metrics: Metrics,
    ) -> Self {
        Self {
            pipeline: Arc::new(pipeline),
            jetstream: queue.jetstream.clone(),
            settings: queue.settings.clone(),
            progress: queue.progress_period(),
            lifecycle,
            metrics,
        }
    }

    /// Tags and publishes, then acknowledges. A hard stop hands the message back.
    pub(super) async fn work_on(&self, message: Message) {
        let _in_flight = self.metrics.document_in_flight();
        let place = match Place::of(&message) {
            Ok(place) => place,
            Err(error) => return error!(error, "this is no message of JetStream"),
        };
        self.metrics
            .message_taken(place.deliveries > 1, place.pending);
        tokio::select! {
            () = self.settle(&message, &place) => {}
            () = self.lifecycle.reached(Phase::Stopped) => {
                hand_back(&message).await;
                self.metrics.message_settled("returned");
            }
        }
    }

    async fn settle(&self, message: &Message, place: &Place) {
        let mut work = pin!(self.work(message, place));
        let mut signs = interval_at(Instant::now() + self.progress, self.progress);
        let outcome = loop {
            tokio::select! {
                outcome = &mut work => break outcome,
                _ = signs.tick() => {
                    // While the connection is lost, the work goes on.
                    let _ = timeout(SIGN_PATIENCE, message.ack_with(AckKind::Progress)).await;
                }
            }
        };
        let (acknowledgement, settled) = match outcome {
            Outcome::Answered { is_new: true } => (AckKind::Ack, "published"),
            Outcome::Answered { is_new: false } => (AckKind::Ack, "duplicate"),
            Outcome::Dead => (AckKind::Term, "dead"),
            Outcome::NotHere => (AckKind::Nak(Some(NOT_HERE)), "returned"),
        };
        self.metrics.message_settled(settled);
        for _ in 0..CONFIRMATIONS {
            match message.double_ack_with(acknowledgement).await {
                Ok(()) => return,
                Err(error) => debug!(error, place.sequence, "an acknowledgement is not confirmed"),
            }
        }
        warn!(
            place.sequence,
            "no acknowledgement was confirmed; the message will come again"
        );
    }

    async fn work(&self, message: &Message, place: &Place) -> Outcome {
        let began = Instant::now();
        let answered = self.answer(message, place).await;
        let code = match &answered {
            Ok(_) => "OK",
            Err(rejection) => code_name(rejection.code),
        };
        debug!(
            sequence = place.sequence,
            deliveries = place.deliveries,
            bytes = message.payload.len(),
            milliseconds = milliseconds(began.elapsed()),
            code,
            "document answered"
        );
        let rejection = match answered {
            Ok((payload, format)) => {
                let mut headers = HeaderMap::new();
                headers.insert(CONTENT_TYPE, format.content_type());
                headers.insert(async_nats::header::NATS_MESSAGE_ID, place.id.as_str());
                let bytes = payload.len();
                match self.publish(&self.settings.output, headers, payload).await {
                    Ok(is_new) => return Outcome::Answered { is_new },
                    Err(TooLarge) => Rejection {
                        code: Code::OutOfRange,
                        reason: format!("the answer has {bytes} bytes, more than NATS takes"),
                    },
                }
            }
            Err(rejection) => rejection,
        };
        match rejection.code {
            Code::InvalidArgument | Code::Internal | Code::Aborted | Code::OutOfRange => {
                self.bury(message, place, &rejection).await;
                Outcome::Dead
            }
            _ => Outcome::NotHere,
        }
    }

    async fn answer(&self, message: &Message, place: &Place) -> Result<(Bytes, Format), Rejection> {
        let most = self.settings.max_deliveries;
        if place.deliveries > i64::from(most) {
            return Err(Rejection {
                code: Code::Aborted,
                reason: format!("it was given up after {most} deliveries without an answer"),
            });
        }
        let invalid = |error: super::format::FormatError| Rejection {
            code: Code::InvalidArgument,
            reason: error.to_string(),
        };
        let content_type = content_type(message);
        let format = Format::of(content_type, &message.payload).map_err(invalid)?;
        let v1::TagRequest { document, options } =
            format.decode(&message.payload).map_err(invalid)?;
        let origin = Origin::alone();
        let answered = answer(
            &self.pipeline,
            document,
            options,
            &origin,
            Busy::Wait,
            &self.metrics,
        )
        .await;
        let result = answered
            .as_ref()
            .map_or_else(|f| code_name(f.code()), |_| "ok");
        self.metrics.document_answered(result);
        let answer = answered.map_err(Rejection::from)?;
        let format = format.answered_in(self.settings.answers);
        let payload = format.encode(&answer).map_err(|error| Rejection {
            code: Code::Internal,
            reason: error.to_string(),
        })?;
        Ok((payload.into(), format))
    }

    /// Makes a dead letter of a message.
    async fn bury(&self, message: &Message, place: &Place, rejection: &Rejection) {
        warn!(
            stream = place.stream,
            sequence = place.sequence,
            deliveries = place.deliveries,
            code = code_name(rejection.code),
            reason = loggable(&rejection.reason),
            "a message is a dead letter"
        );
        let mut headers = kept_headers(message);
        for (name, value) in [
            (CODE, code_name(rejection.code).to_owned()),
            (MESSAGE, rejection.reason.clone()),
            (SUBJECT, message.subject.to_string()),
            (STREAM, place.stream.clone()),
            (SEQUENCE, place.sequence.to_string()),
            (DELIVERIES, place.deliveries.to_string()),
        ] {
            headers.insert(name, header_value(&value));
        }
        headers.insert(async_nats::header::NATS_MESSAGE_ID, place.id.as_str());
        let subject = &self.settings.dead_letters;
        let payload = message.payload.clone();
        let buried = self.publish(subject, headers.clone(), payload).await;
        if let Err(TooLarge) = buried {
            // Its headers make it too large: what remains says where it was and why.
            headers.insert(OMITTED, header_value(&message.payload.len().to_string()));
            if self.publish(subject, headers, Bytes::new()).await.is_err() {
                error!(
                    sequence = place.sequence,
                    "a dead letter is too large without its payload"
                );
            }
        }
    }

    /// Publishes until JetStream acknowledges it; says whether the message is a new one.
    async fn publish(
        &self,
        subject: &str,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<bool, TooLarge> {
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match self.publish_once(subject, &headers, &payload).await {
                Ok(is_new) => return Ok(is_new),
                Err(error) if is_too_large(&error) => return Err(TooLarge),
                Err(error) => error,
            };
            self.metrics.publish_failed();
            if pause == FIRST_PAUSE {
                warn!(subject, %error, "nothing acknowledged what was published; it is published again");
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn publish_once(
        &self,
        subject: &str,
        headers: &HeaderMap,
        payload: &Bytes,
    ) -> Result<bool, PublishError> {
        let message = PublishMessage::build()
            .headers(headers.clone())
            .payload(payload.clone());
        let sent = self.jetstream.send_publish(subject.to_owned(), message);
        let acknowledged = sent.await?.await?;
        Ok(!acknowledged.duplicate)
    }
}

impl From<Failure> for Rejection {
    fn from(failure: Failure) -> Self {
        let status = failure.into_status();
        Self {
            code: status.code(),
            reason: status.message().to_owned(),
        }
    }
}

/// Whether a message can never be published, however often it is tried.
fn is_too_large(error: &PublishError) -> bool {
    use std::error::Error as _;

    let source = error.source();
    let refused = source.and_then(|source| source.downcast_ref::<jetstream::Error>());
    error.kind() == PublishErrorKind::MaxPayloadExceeded
        || refused.is_some_and(|refused| {
            refused.error_code() == ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM
        })
}

/// The form that a message names, however the header is spelled.
fn content_type(message: &Message) -> Option<&str> {
    let headers = message.headers.as_ref()?;
    let mut named = headers.iter().filter(|(name, _)| {
        let name: &str = name.as_ref();
        name.eq_ignore_ascii_case(CONTENT_TYPE)
    });
    named.next()?.1.first().map(HeaderValue::as_str)
}

/// The headers that go on with a dead letter: all but those that NATS acts on.
fn kept_headers(message: &Message) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for (name, values) in message.headers.iter().flat_map(HeaderMap::iter) {
        let shown: &str = name.as_ref();
        let start = shown.get(..OF_NATS.len()).unwrap_or_default();
        if start.eq_ignore_ascii_case(OF_NATS) {
            continue;
        }
        for value in values {
            kept.append(name.clone(), value.clone());
        }
    }
    kept
}

/// A text as the value of a header, which has no line breaks.
fn header_value(text: &str) -> HeaderValue {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    line.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_of_several_lines_makes_one_header() {
        for (text, expected) in [
            ("plain", "plain"),
            ("Größe\r\nForged: yes", "Größe  Forged: yes"),
            ("\0", " "),
        ] {
            assert_eq!(header_value(text).as_str(), expected, "{text:?}");
        }
    }
}
