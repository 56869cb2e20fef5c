//! The streams and the consumer, and the pulls that bring messages.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use async_nats::{
    Client, StatusCode, Subscriber,
    jetstream::{
        self, AckKind, Context, ErrorCode, Message,
        consumer::{AckPolicy, PullConsumer, pull},
        context::GetStreamErrorKind,
        stream::{self, ConsumerErrorKind},
    },
};
use futures::StreamExt as _;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{sleep, timeout},
};
use tracing::{info, warn};

use super::format::AnswerFormat;

/// How long a pull waits at the server for messages.
const PULL: Duration = Duration::from_secs(5);

/// How much later the end of a pull is taken for lost.
const SLACK: Duration = Duration::from_secs(2);

/// Time that messages on their way have to arrive when they are not wanted any more.
const ON_THE_WAY: Duration = Duration::from_millis(500);

/// Time before what JetStream did not answer is asked again.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Where documents come from and go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSettings {
    /// The stream that holds requests.
    pub stream: String,
    /// The durable consumer that the workers of a queue share.
    pub consumer: String,
    /// The subjects of the stream that are taken; without it all.
    pub subject: Option<String>,
    /// Where tagged documents go.
    pub output: String,
    /// Where messages go that cannot be tagged.
    pub dead_letters: String,
    /// Documents in hand at a time.
    pub documents: usize,
    /// How long the server waits for a sign of life before it delivers a message again.
    pub ack_wait: Duration,
    /// Deliveries after which a message is given up.
    pub max_deliveries: u32,
    /// Messages that all workers together may have in hand.
    pub max_ack_pending: u32,
    /// The form of the answers.
    pub answers: AnswerFormat,
}

/// Why a queue cannot be worked on.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// There is no such stream.
    #[error(
        "there is no stream {0:?}; make it, for example with: nats stream add {0} \
         --subjects 'documents.>' --retention work --storage file --defaults"
    )]
    NoStream(String),
    /// No stream keeps what would be published.
    #[error(
        "no stream takes the subject {0:?}, so nothing published there would be kept; make one, for example with: \
         nats stream add NAME --subjects '{0}' --storage file --dupe-window 10m --defaults"
    )]
    NoStreamFor(String),
    /// Answers would come back as requests.
    #[error(
        "answers on {output:?} would come back as requests, since the consumer of {stream:?} takes that subject; \
         publish to another stream or narrow --subject"
    )]
    Circle {
        /// Where the worker publishes.
        output: String,
        /// The stream of requests.
        stream: String,
    },
    /// The consumer loses messages.
    #[error(
        "the consumer {0:?} has another acknowledgement policy than explicit, and would lose messages"
    )]
    AckPolicy(String),
    /// JetStream refuses what the worker needs.
    #[error("JetStream refuses {what}: {reason}")]
    Refused {
        /// What was asked for.
        what: String,
        /// What the server says.
        reason: String,
    },
    /// JetStream does not answer.
    #[error("JetStream does not answer: {0}")]
    Silent(String),
}

/// A consumer that is there, and how to reach it.
#[derive(Debug)]
pub(super) struct Queue {
    client: Client,
    pub(super) jetstream: Context,
    connected: watch::Receiver<bool>,
    pub(super) settings: QueueSettings,
    consumer: PullConsumer,
}

/// How a pull ended.
enum Pulled {
    /// With all that was asked for, or its time.
    Over,
    /// Since nothing is wanted any more.
    Stopped,
    /// The server ended it.
    Refused(String),
}

impl Queue {
    /// Looks at the streams and takes the consumer, or makes it. Waits while JetStream does not answer.
    pub(super) async fn open(
        client: Client,
        connected: watch::Receiver<bool>,
        settings: QueueSettings,
    ) -> Result<Self, QueueError> {
        let jetstream = jetstream::new(client.clone());
        let consumer = loop {
            let consumer = async {
                for subject in [&settings.output, &settings.dead_letters] {
                    check_output(&jetstream, subject, &settings).await?;
                }
                consumer(&jetstream, &settings).await
            };
            match consumer.await {
                Ok(consumer) => break consumer,
                Err(error @ QueueError::Silent(_)) => warn!(%error, "it is asked again"),
                Err(error) => return Err(error),
            }
            sleep(ASK_AGAIN_AFTER).await;
        };
        let present = &consumer.cached_info().config;
        if present.ack_policy != AckPolicy::Explicit {
            return Err(QueueError::AckPolicy(settings.consumer));
        }
        for contradiction in contradictions(&settings, present) {
            warn!(contradiction, "the consumer is used as it is");
        }
        info!(
            stream = settings.stream,
            consumer = settings.consumer,
            pending = consumer.cached_info().num_pending,
            "taking documents"
        );
        Ok(Self {
            client,
            jetstream,
            connected,
            settings,
            consumer,
        })
    }

    /// How often a message must show a sign of life: well within the time that the server waits for one.
    pub(super) fn progress_period(&self) -> Duration {
        let config = &self.consumer.cached_info().config;
        let waits = config.backoff.iter().chain([&config.ack_wait]);
        let shortest = waits.min().copied().unwrap_or(self.settings.ack_wait);
        (shortest / 3).max(Duration::from_millis(50))
    }

    /// Takes messages until `stop`, each as soon as it has one of the slots.
    pub(super) async fn take_until(
        &self,
        stop: impl Future<Output = ()>,
        slots: &Arc<Semaphore>,
        begin: &mut impl FnMut(Message, OwnedSemaphorePermit),
    ) {
        let mut stop = pin!(stop);
        let mut consumer = self.consumer.clone();
        loop {
            let slot = tokio::select! {
                biased;
                () = &mut stop => return,
                slot = Arc::clone(slots).acquire_owned() => slot,
            };
            // Nobody closes it.
            let Ok(mut free) = slot else { return };
            let most = usize::try_from(consumer.cached_info().config.max_batch).unwrap_or(0);
            let most = if most == 0 { usize::MAX } else { most };
            while free.num_permits() < most
                && let Ok(slot) = Arc::clone(slots).try_acquire_owned()
            {
                free.merge(slot);
            }
            let reason = match self.pull(&consumer, free, stop.as_mut(), begin).await {
                Pulled::Over => continue,
                Pulled::Stopped => return,
                Pulled::Refused(reason) => reason,
            };
            warn!(reason, "no messages come; they are asked for again");
            let again = async {
                loop {
                    sleep(ASK_AGAIN_AFTER).await;
                    match self::consumer(&self.jetstream, &self.settings).await {
                        Ok(consumer) => return consumer,
                        Err(error) => warn!(%error, "the consumer is not to be had"),
                    }
                }
            };
            consumer = tokio::select! {
                () = &mut stop => return,
                consumer = again => consumer,
            };
        }
    }

    /// Asks once for as many messages as there are permits.
    async fn pull(
        &self,
        consumer: &PullConsumer,
        mut free: OwnedSemaphorePermit,
        mut stop: std::pin::Pin<&mut impl Future<Output = ()>>,
        begin: &mut impl FnMut(Message, OwnedSemaphorePermit),
    ) -> Pulled {
        let mut connected = self.connected.clone();
        connected.mark_unchanged();
        let inbox = self.client.new_inbox();
        let mut arriving = match self.client.subscribe(inbox.clone()).await {
            Ok(arriving) => arriving,
            Err(error) => return Pulled::Refused(error.to_string()),
        };
        let longest = consumer.cached_info().config.max_expires;
        let expires = if longest.is_zero() {
            PULL
        } else {
            PULL.min(longest)
        };
        let request = pull::BatchConfig {
            batch: free.num_permits(),
            expires: Some(expires),
            ..pull::BatchConfig::default()
        };
        if let Err(error) = consumer.request_batch(request, inbox.into()).await {
            return Pulled::Refused(error.to_string());
        }
        let mut lost = pin!(sleep(expires + SLACK));
        let ended = loop {
            let message = tokio::select! {
                biased;
                () = stop.as_mut() => break Pulled::Stopped,
                message = arriving.next() => message,
                () = &mut lost => break Pulled::Over,
                // What was asked of the server before is forgotten.
                _ = connected.changed() => break Pulled::Over,
            };
            let Some(message) = message else {
                return Pulled::Over;
            };
            match message.status.unwrap_or(StatusCode::OK) {
                StatusCode::OK => {}
                StatusCode::IDLE_HEARTBEAT => continue,
                StatusCode::TIMEOUT | StatusCode::NOT_FOUND => return Pulled::Over,
                status => {
                    let reason = message.description.unwrap_or_default();
                    return Pulled::Refused(format!("{status} {reason}"));
                }
            }
            let context = self.jetstream.clone();
            let message = Message { message, context };
            match free.split(1) {
                Some(slot) => begin(message, slot),
                None => hand_back(&message).await,
            }
            if free.num_permits() == 0 {
                return Pulled::Over;
            }
        };
        self.hand_back_all(arriving).await;
        ended
    }

    /// Takes no more, and hands back what is on its way already.
    async fn hand_back_all(&self, mut arriving: Subscriber) {
        let handed_back = async {
            let _ = arriving.drain().await;
            while let Some(message) = arriving.next().await {
                if message.status.unwrap_or(StatusCode::OK) == StatusCode::OK {
                    let context = self.jetstream.clone();
                    hand_back(&Message { message, context }).await;
                }
            }
        };
        let _ = timeout(ON_THE_WAY, handed_back).await;
    }

    /// Waits until all that was sent has left.
    pub(super) async fn flush(&self) {
        let _ = self.client.flush().await;
    }
}

/// Lets the server deliver a message again at once. Where that does not reach it, it does so after the ack wait.
pub(super) async fn hand_back(message: &Message) {
    if let Err(error) = message.ack_with(AckKind::Nak(None)).await {
        warn!(error, "a message could not be handed back");
    }
}

async fn check_output(
    jetstream: &Context,
    subject: &str,
    settings: &QueueSettings,
) -> Result<(), QueueError> {
    use jetstream::context::GetStreamByNameErrorKind as Kind;

    let stream = match jetstream.stream_by_subject(subject).await {
        Ok(stream) => stream,
        Err(error) if error.kind() == Kind::NotFound => {
            return Err(QueueError::NoStreamFor(subject.to_owned()));
        }
        Err(error) if error.kind() == Kind::Request => {
            return Err(QueueError::Silent(error.to_string()));
        }
        Err(error) => {
            return Err(QueueError::Refused {
                what: format!("a look at the stream of {subject:?}"),
                reason: error.to_string(),
            });
        }
    };
    let taken = settings.subject.as_deref().unwrap_or(">");
    if stream == settings.stream && is_among(subject, taken) {
        return Err(QueueError::Circle {
            output: subject.to_owned(),
            stream,
        });
    }
    let window = stream_of(jetstream, &stream).await?;
    let window = window.cached_info().config.duplicate_window;
    if window < settings.ack_wait * 2 {
        warn!(
            stream,
            window_seconds = window.as_secs(),
            "the duplicate window is shorter than twice the ack wait: a message delivered again may be published twice"
        );
    }
    Ok(())
}

async fn stream_of(jetstream: &Context, name: &str) -> Result<stream::Stream, QueueError> {
    jetstream.get_stream(name).await.map_err(|error| {
        let reason = error.to_string();
        match error.kind() {
            GetStreamErrorKind::JetStream(error)
                if error.error_code() == ErrorCode::STREAM_NOT_FOUND =>
            {
                QueueError::NoStream(name.to_owned())
            }
            GetStreamErrorKind::Request => QueueError::Silent(reason),
            _ => QueueError::Refused {
                what: format!("the stream {name:?}"),
                reason,
            },
        }
    })
}

/// The consumer as it is, or a new one as the settings say.
async fn consumer(
    jetstream: &Context,
    settings: &QueueSettings,
) -> Result<PullConsumer, QueueError> {
    let stream = stream_of(jetstream, &settings.stream).await?;
    let wanted = pull::Config {
        durable_name: Some(settings.consumer.clone()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: settings.ack_wait,
        // The worker counts: what the server gave up would be in nobody's hands.
        max_deliver: -1,
        max_ack_pending: settings.max_ack_pending.into(),
        filter_subject: settings.subject.clone().unwrap_or_default(),
        ..pull::Config::default()
    };
    let made = stream.get_or_create_consumer(&settings.consumer, wanted);
    made.await.map_err(|error| {
        let reason = error.to_string();
        match error.kind() {
            ConsumerErrorKind::TimedOut | ConsumerErrorKind::Request => QueueError::Silent(reason),
            _ => QueueError::Refused {
                what: format!("the consumer {:?}", settings.consumer),
                reason,
            },
        }
    })
}

/// Where a consumer differs from the settings, in words.
fn contradictions(settings: &QueueSettings, present: &jetstream::consumer::Config) -> Vec<String> {
    let mut found = Vec::new();
    if present.ack_wait != settings.ack_wait {
        found.push(format!(
            "its ack wait is {} s, not {} s",
            present.ack_wait.as_secs_f64(),
            settings.ack_wait.as_secs_f64()
        ));
    }
    if present.max_ack_pending != i64::from(settings.max_ack_pending) {
        found.push(format!(
            "its max ack pending is {}, not {}",
            present.max_ack_pending, settings.max_ack_pending
        ));
    }
    if present.max_deliver > 0 {
        found.push(format!(
            "the server gives a message up after {} deliveries, without a dead letter; set max deliver to -1",
            present.max_deliver
        ));
    }
    let mut subjects = present.filter_subjects.clone();
    subjects.extend((!present.filter_subject.is_empty()).then(|| present.filter_subject.clone()));
    if subjects != Vec::from_iter(settings.subject.clone()) {
        found.push(format!(
            "it takes the subjects {subjects:?}, not {:?}",
            settings.subject.as_deref().unwrap_or("all")
        ));
    }
    found
}

/// Whether a subject is among those of a filter with the wildcards `*` and `>`.
fn is_among(subject: &str, filter: &str) -> bool {
    let (mut tokens, mut parts) = (subject.split('.'), filter.split('.'));
    loop {
        match (tokens.next(), parts.next()) {
            (None, None) => return true,
            (Some(_), Some(">")) => return true,
            (Some(_), Some("*")) => {}
            (Some(token), Some(part)) if token == part => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> QueueSettings {
        QueueSettings {
            stream: "NEWS".to_owned(),
            consumer: "tagwerk".to_owned(),
            subject: Some("news.>".to_owned()),
            output: "tagged".to_owned(),
            dead_letters: "dead".to_owned(),
            documents: 32,
            ack_wait: Duration::from_secs(30),
            max_deliveries: 10,
            max_ack_pending: 1000,
            answers: AnswerFormat::Same,
        }
    }

    fn as_set() -> jetstream::consumer::Config {
        jetstream::consumer::Config {
            ack_wait: Duration::from_secs(30),
            max_deliver: -1,
            max_ack_pending: 1000,
            filter_subject: "news.>".to_owned(),
            ..jetstream::consumer::Config::default()
        }
    }

    #[test]
    fn a_consumer_as_set_contradicts_nothing() {
        assert_eq!(contradictions(&settings(), &as_set()), [""; 0]);
    }

    #[test]
    fn each_contradiction_of_a_consumer_is_told() {
        type Change = fn(&mut jetstream::consumer::Config);
        let changes: [(Change, &str); 5] = [
            (|c| c.ack_wait = Duration::from_secs(5), "5 s, not 30 s"),
            (|c| c.max_ack_pending = 1, "1, not 1000"),
            (|c| c.max_deliver = 3, "after 3 deliveries"),
            (|c| c.filter_subject.clear(), "news.>"),
            (|c| c.filter_subjects.push("more".to_owned()), "more"),
        ];
        for (change, expected) in changes {
            let mut present = as_set();
            change(&mut present);
            let found = contradictions(&settings(), &present);
            assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
        }
    }

    #[test]
    fn a_subject_is_among_those_of_a_filter_by_its_tokens() {
        for (subject, filter, expected) in [
            ("a", "a", true),
            ("a", ">", true),
            ("a.b", "a", false),
            ("a.b", "a.*", true),
            ("a.b.c", "a.*", false),
            ("a.b.c", "a.>", true),
            ("a", "a.>", false),
            ("b.a", "a.>", false),
        ] {
            assert_eq!(is_among(subject, filter), expected, "{subject} {filter}");
        }
    }
}
