//! Callers, and how they come: one call after the other, or at times fixed beforehand.
//!
//! In an open loop the time of a call counts from the moment at which it was to be sent: a server that stalls cannot
//! make the load wait with it and so hide its stall (coordinated omission).

use std::{
    error::Error as _,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::stream;
use tagwerk::proto::tagwerk::v1::{
    Document, Feature, TagOptions, TagRequest, TagStreamRequest, TaggedDocument,
    tag_stream_response, tagging_service_client::TaggingServiceClient,
};
use tokio::{
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep_until, timeout},
};
use tonic::{
    Code, Request, Status,
    metadata::{Ascii, MetadataValue},
    transport::Channel,
};

use super::{Failure, plan::PATIENCE, texts::SENTENCE};

/// A generated client.
pub type Client = TaggingServiceClient<Channel>;

/// How much later than its deadline a call may end before it counts as hanging.
const LATE: Duration = Duration::from_secs(10);

/// Largest answer that is taken.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// The layers of one pass of the encoder.
pub const ONE_PASS: &[Feature] = &[
    Feature::Mentions,
    Feature::Entities,
    Feature::Stances,
    Feature::Quotes,
    Feature::Sentences,
];

/// How a call ended.
#[derive(Debug)]
pub enum Outcome {
    /// With an answer.
    Answered(Box<TaggedDocument>),
    /// With `RESOURCE_EXHAUSTED`.
    Refused,
    /// With its deadline, on whichever side.
    TimedOut,
    /// It did not reach the server, or its answer did not reach the caller; it may be sent again.
    Lost(String),
    /// In any other way.
    Failed(Status),
}

impl Outcome {
    fn of(status: Status) -> Self {
        let client_side_timeout =
            status.code() == Code::Cancelled && status.message().contains("Timeout expired");
        match status.code() {
            Code::ResourceExhausted if status.source().is_none() => Self::Refused,
            Code::DeadlineExceeded => Self::TimedOut,
            _ if client_side_timeout => Self::TimedOut,
            Code::Unavailable => Self::Lost(status.to_string()),
            // What the transport says and not the server has a source.
            _ if status.source().is_some() => Self::Lost(status.to_string()),
            _ => Self::Failed(status),
        }
    }

    /// Whether there is an answer.
    pub fn is_answered(&self) -> bool {
        matches!(self, Self::Answered(_))
    }

    /// Whether the server was too busy.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Refused)
    }

    /// Whether the deadline passed.
    pub fn is_timed_out(&self) -> bool {
        matches!(self, Self::TimedOut)
    }

    /// What went wrong, where it is neither of these.
    pub fn failure(&self) -> Option<String> {
        match self {
            Self::Failed(status) => Some(status.to_string()),
            Self::Lost(reason) => Some(reason.clone()),
            Self::Answered(_) | Self::Refused | Self::TimedOut => None,
        }
    }
}

/// Somebody who calls. Clones share the connection.
#[derive(Debug, Clone)]
pub struct Caller {
    client: Client,
    key: Option<MetadataValue<Ascii>>,
    features: Vec<i32>,
}

impl Caller {
    /// A caller without a key who asks for all layers.
    pub fn new(channel: Channel) -> Self {
        Self {
            client: Client::new(channel).max_decoding_message_size(MAX_ANSWER_BYTES),
            key: None,
            features: Vec::new(),
        }
    }

    /// With an API key.
    pub fn with_key(mut self, key: &str) -> Result<Self, Failure> {
        self.key = Some(key.parse()?);
        Ok(self)
    }

    /// With these layers only.
    pub fn asking_for(mut self, features: &[Feature]) -> Self {
        self.features = features.iter().map(|&feature| feature.into()).collect();
        self
    }

    fn options(&self) -> Option<TagOptions> {
        Some(TagOptions {
            features: self.features.clone(),
            ..TagOptions::default()
        })
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(key) = &self.key {
            request.metadata_mut().insert("x-api-key", key.clone());
        }
        request
    }

    /// One call.
    pub async fn tag(&self, text: &str, deadline: Duration) -> Outcome {
        let document = Document {
            text: text.to_owned(),
            ..Document::default()
        };
        self.tag_document(document, deadline).await
    }

    /// One call with a document of the caller's own making.
    pub async fn tag_document(&self, document: Document, deadline: Duration) -> Outcome {
        let mut request = self.request(TagRequest {
            document: Some(document),
            options: self.options(),
        });
        request.set_timeout(deadline);
        let mut client = self.client.clone();
        match timeout(deadline + LATE, client.tag(request)).await {
            Ok(Ok(answer)) => match answer.into_inner().document {
                Some(document) => Outcome::Answered(Box::new(document)),
                None => Outcome::Failed(Status::internal("an answer without a document")),
            },
            Ok(Err(status)) => Outcome::of(status),
            Err(_) => Outcome::Failed(Status::internal("the call hangs")),
        }
    }

    /// Sends documents in one stream and hands each answer to `take` until that says false or the stream ends.
    ///
    /// # Errors
    /// How the stream ended otherwise.
    pub async fn stream(
        &self,
        documents: Vec<Document>,
        mut take: impl FnMut(String, Box<TaggedDocument>) -> bool,
        limit: Duration,
    ) -> Result<(), Outcome> {
        let options = self.options();
        let requests = documents.into_iter().map(move |document| TagStreamRequest {
            document: Some(document),
            options: options.clone(),
        });
        let request = self.request(stream::iter(requests));
        let mut client = self.client.clone();
        let exchange = async {
            let mut answers = client.tag_stream(request).await?.into_inner();
            while let Some(answer) = answers.message().await? {
                match answer.result {
                    Some(tag_stream_response::Result::Document(document)) => {
                        if !take(answer.id, Box::new(document)) {
                            return Ok(());
                        }
                    }
                    Some(tag_stream_response::Result::Error(error)) => {
                        return Err(Status::new(Code::from_i32(error.code), error.message));
                    }
                    None => return Err(Status::internal("an answer without a result")),
                }
            }
            Ok(())
        };
        match timeout(limit, exchange).await {
            Ok(ended) => ended.map_err(Outcome::of),
            Err(_) => Err(Outcome::Failed(Status::internal("the stream hangs"))),
        }
    }

    /// Sends texts in turn in one stream without an end, as fast as the server reads.
    pub fn flood(&self, texts: Vec<String>) -> Flood {
        let options = self.options();
        let requests = stream::iter((0_usize..).map(move |number| {
            TagStreamRequest {
                document: Some(Document {
                    text: texts
                        .get(number % texts.len().max(1))
                        .cloned()
                        .unwrap_or_default(),
                    ..Document::default()
                }),
                options: options.clone(),
            }
        }));
        let request = self.request(requests);
        let answered = Arc::new(AtomicUsize::new(0));
        let (mut client, count) = (self.client.clone(), Arc::clone(&answered));
        let task = tokio::spawn(async move {
            let mut answers = client.tag_stream(request).await?.into_inner();
            while answers.message().await?.is_some() {
                count.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        });
        Flood { answered, task }
    }
}

/// A stream without an end; it ends when this is dropped.
#[derive(Debug)]
pub struct Flood {
    answered: Arc<AtomicUsize>,
    task: JoinHandle<Result<(), Status>>,
}

impl Flood {
    /// Documents that have been answered.
    pub fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    /// Whether it still runs.
    pub fn is_running(&self) -> bool {
        !self.task.is_finished()
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A call that has ended.
#[derive(Debug)]
pub struct Sample {
    /// When it ended, from the beginning of the load.
    pub ended: Duration,
    /// How long it took; in an open loop from the planned time on.
    pub took: Duration,
    /// How it ended.
    pub outcome: Outcome,
}

/// So many callers, each with its next call as soon as the last has ended.
pub async fn closed_loop<F>(
    callers: usize,
    length: Duration,
    call: impl Fn(usize) -> F + Clone + Send + 'static,
) -> Vec<Sample>
where
    F: Future<Output = Outcome> + Send,
{
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let call = call.clone();
        tasks.spawn(async move {
            let mut samples = Vec::new();
            let mut number = caller;
            while start.elapsed() < length {
                let sent = Instant::now();
                let outcome = call(number).await;
                samples.push(Sample {
                    ended: start.elapsed(),
                    took: sent.elapsed(),
                    outcome,
                });
                number += callers;
            }
            samples
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

/// Calls at these times, whatever becomes of those before.
pub async fn open_loop<F>(times: Vec<Duration>, call: impl Fn(usize) -> F) -> Vec<Sample>
where
    F: Future<Output = Outcome> + Send + 'static,
{
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for (number, time) in times.into_iter().enumerate() {
        sleep_until(start + time).await;
        let outcome = call(number);
        tasks.spawn(async move {
            let outcome = outcome.await;
            let ended = start.elapsed();
            Sample {
                ended,
                took: ended.saturating_sub(time),
                outcome,
            }
        });
    }
    tasks.join_all().await
}

/// Calls of one sentence per second that occupy a quarter of one worker's time, and 20 at most: few enough that they
/// do not wait for each other, whatever the machine.
pub async fn easy_rate(caller: &Caller) -> Result<f64, Failure> {
    let mut samples = Vec::new();
    for _ in 0..30 {
        let sent = Instant::now();
        let outcome = caller.tag(SENTENCE, PATIENCE).await;
        let took = sent.elapsed();
        samples.push(Sample {
            ended: took,
            took,
            outcome,
        });
    }
    let median = Latencies::of(&samples, Outcome::is_answered).median();
    let median = median.ok_or("a first call was not answered")?;
    Ok((250.0 / median).min(20.0))
}

/// Times at even distances, each moved by up to a quarter of the distance.
pub fn even(per_second: f64, length: Duration, chance: &mut fastrand::Rng) -> Vec<Duration> {
    let count = (per_second * length.as_secs_f64()) as usize;
    (0..count)
        .map(|number| {
            let moved = number as f64 + 0.25 * chance.f64();
            Duration::from_secs_f64(moved / per_second)
        })
        .collect()
}

/// Times that know nothing of each other (a Poisson process).
pub fn random(per_second: f64, length: Duration, chance: &mut fastrand::Rng) -> Vec<Duration> {
    let mut times = Vec::new();
    let mut time = 0.0;
    loop {
        time -= (1.0 - chance.f64()).ln() / per_second;
        if time >= length.as_secs_f64() {
            return times;
        }
        times.push(Duration::from_secs_f64(time));
    }
}

/// Ascending times of calls.
#[derive(Debug)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    /// The times of those calls that ended so.
    pub fn of(samples: &[Sample], counts: impl Fn(&Outcome) -> bool) -> Self {
        let counted = samples.iter().filter(|sample| counts(&sample.outcome));
        let mut times: Vec<Duration> = counted.map(|sample| sample.took).collect();
        times.sort_unstable();
        Self(times)
    }

    /// The time in milliseconds within which this part of the calls ended.
    pub fn quantile(&self, part: f64) -> Option<f64> {
        let last = self.0.len().checked_sub(1)?;
        let index = (part * last as f64).ceil() as usize;
        self.0.get(index).map(|time| time.as_secs_f64() * 1e3)
    }

    /// The median in milliseconds.
    pub fn median(&self) -> Option<f64> {
        self.quantile(0.5)
    }
}

/// Answers per second between two times of a load: the slope of the line through their count, since answers come in
/// batches and a plain count would depend on where the times cut one.
pub fn rate(samples: &[Sample], from: Duration, until: Duration) -> Option<f64> {
    let answered = samples.iter().filter(|sample| sample.outcome.is_answered());
    let mut times: Vec<f64> = answered
        .map(|sample| sample.ended)
        .filter(|ended| (from..until).contains(ended))
        .map(|ended| ended.as_secs_f64())
        .collect();
    times.sort_by(f64::total_cmp);
    let count = times.len() as f64;
    let mean_time = times.iter().sum::<f64>() / count;
    let mean_number = (count - 1.0) / 2.0;
    let (mut up, mut across) = (0.0, 0.0);
    for (number, time) in times.iter().enumerate() {
        up += (number as f64 - mean_number) * (time - mean_time);
        across += (time - mean_time).powi(2);
    }
    (across > 0.0).then(|| up / across)
}

/// The first failure among calls, and how many there are.
pub fn failures(samples: &[Sample]) -> (usize, Option<String>) {
    let mut failures = samples.iter().filter_map(|sample| sample.outcome.failure());
    let first = failures.next();
    (usize::from(first.is_some()) + failures.count(), first)
}
