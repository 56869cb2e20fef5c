//! The tagging service: single documents and streams of them.

use std::{
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
};

use futures::{FutureExt as _, Stream, StreamExt as _, stream};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    task::JoinSet,
    time::Instant,
};
use tonic::{Request, Response, Status, Streaming};
use tracing::{Instrument as _, Span, debug, error};

use super::{
    caller::{CallPermit, Caller},
    convert,
    status::{Failure, Surface},
};
use crate::{
    pipeline::{
        BYTES_PER_TOKEN, Origin, Pipeline,
        document::{Document, TagOptions, TaggedDocument},
        error::TagError,
    },
    proto::tagwerk::v1::{self, tag_stream_response, tagging_service_server::TaggingService},
    telemetry::{
        Metrics, calls::code_name, loggable, metrics::InFlight, milliseconds, traces::Trace,
    },
};

/// What one call may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLimits {
    /// Largest message in bytes.
    pub max_message_bytes: usize,
    /// Documents of one stream that are worked on, or whose answers have not been taken.
    pub stream_documents: usize,
    /// Bytes of the texts of these documents; a single larger one is let through alone.
    pub stream_bytes: usize,
}

/// Answers `tagwerk.v1.TaggingService`. A clone serves the same pipeline.
#[derive(Clone)]
pub struct Tagger {
    /// `None` until the model is loaded.
    pipeline: watch::Receiver<Option<Arc<Pipeline>>>,
    limits: CallLimits,
    metrics: Metrics,
}

impl Tagger {
    /// A service that answers with the latest pipeline, and `UNAVAILABLE` as long as there is none.
    pub fn new(
        pipeline: watch::Receiver<Option<Arc<Pipeline>>>,
        limits: CallLimits,
        metrics: Metrics,
    ) -> Self {
        Self {
            pipeline,
            limits,
            metrics,
        }
    }

    fn pipeline(&self) -> Result<Arc<Pipeline>, Failure> {
        self.pipeline.borrow().clone().ok_or_else(Failure::starting)
    }
}

#[tonic::async_trait]
impl TaggingService for Tagger {
    type TagStreamStream = Answers;

    async fn tag(
        &self,
        request: Request<v1::TagRequest>,
    ) -> Result<Response<v1::TagResponse>, Status> {
        let (origin, caller) = origin(request.extensions());
        let _call = begin_call(caller.as_ref())?;
        let v1::TagRequest { document, options } = request.into_inner();
        let span = Span::current();
        if let Some(document) = &document {
            span.record("document", loggable(&document.id));
            span.record("bytes", document.text.len());
        }
        let _in_flight = self.metrics.document_in_flight();
        let answer = match self.pipeline() {
            Ok(pipeline) => match spend(caller.as_ref(), text(document.as_ref())) {
                Ok(()) => {
                    let metrics = &self.metrics;
                    answer(&pipeline, document, options, &origin, Busy::Refuse, metrics).await
                }
                Err(failure) => Err(failure),
            },
            Err(failure) => Err(failure),
        };
        count(&self.metrics, &answer);
        let document = answer.map_err(Failure::into_status)?;
        span.record("windows", windows(&document));
        Ok(Response::new(v1::TagResponse {
            document: Some(document),
        }))
    }

    async fn tag_stream(
        &self,
        request: Request<Streaming<v1::TagStreamRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let pipeline = self.pipeline().map_err(Failure::into_status)?;
        let (origin, caller) = origin(request.extensions());
        let call = begin_call(caller.as_ref())?;
        let asker = Asker {
            origin,
            caller,
            _call: call,
        };
        let answers = Answers::begin(
            pipeline,
            request.into_inner(),
            asker,
            self.limits,
            self.metrics.clone(),
        );
        Ok(Response::new(answers))
    }

    async fn get_info(
        &self,
        _: Request<v1::GetInfoRequest>,
    ) -> Result<Response<v1::GetInfoResponse>, Status> {
        let pipeline = self.pipeline().map_err(Failure::into_status)?;
        let limits = convert::limits(pipeline.limits(), self.limits.max_message_bytes);
        Ok(Response::new(v1::GetInfoResponse {
            version: env!("CARGO_PKG_VERSION").into(),
            models: pipeline
                .models()
                .map(|model| convert::model_info(model.description()))
                .collect(),
            limits: Some(limits),
            watchlists: convert::watchlist_infos(pipeline.watchlists()),
        }))
    }
}

/// When the caller stops waiting; in the extensions of a request.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(pub Instant);

/// Who sent a request, and until when the answer is of use.
pub(super) fn origin(extensions: &http::Extensions) -> (Origin, Option<Caller>) {
    let caller = extensions.get::<Caller>().cloned();
    let id = caller.as_ref().map(|caller| Arc::clone(caller.id()));
    let origin = Origin {
        caller: id.unwrap_or_else(|| Arc::from("")),
        deadline: extensions.get::<Deadline>().map(|deadline| deadline.0),
        trace: extensions.get::<Trace>().cloned().unwrap_or_default(),
    };
    (origin, caller)
}

/// Counts a call against the quota of its caller for as long as the permit lives.
pub(super) fn begin_call(caller: Option<&Caller>) -> Result<Option<CallPermit>, Status> {
    let permit = caller.map(Caller::begin_call).transpose();
    permit.map_err(|exceeded| Failure::from(exceeded).into_status())
}

/// Counts a text against the quota of its caller.
pub(super) fn spend(caller: Option<&Caller>, text: Option<&str>) -> Result<(), Failure> {
    let (Some(caller), Some(text)) = (caller, text) else {
        return Ok(());
    };
    Ok(caller.spend(estimated_tokens(text))?)
}

fn text(document: Option<&v1::Document>) -> Option<&str> {
    document.map(|document| document.text.as_str())
}

/// About how many tokens a text has: quotas are kept before a text is tokenized.
fn estimated_tokens(text: &str) -> u32 {
    u32::try_from(text.len() / BYTES_PER_TOKEN).map_or(u32::MAX, |tokens| tokens.max(1))
}

/// Who asks with a stream.
struct Asker {
    origin: Origin,
    caller: Option<Caller>,
    _call: Option<CallPermit>,
}

/// What to do with a document when the queue is full.
#[derive(Clone, Copy)]
pub(crate) enum Busy {
    /// Refuse it.
    Refuse,
    /// Let it wait; the place that it holds slows its stream.
    Wait,
}

/// Validates and tags one document, and counts what it holds.
pub(crate) async fn answer(
    pipeline: &Pipeline,
    document: Option<v1::Document>,
    options: Option<v1::TagOptions>,
    origin: &Origin,
    busy: Busy,
    metrics: &Metrics,
) -> Result<v1::TaggedDocument, Failure> {
    let (pipeline, document, options) =
        convert::question(pipeline, document, options).map_err(Failure::invalid)?;
    let tagged = tag_alone(pipeline, document, options, origin, busy).await;
    let tagged = tagged.map_err(|failed| failed.told_by(Surface::Tagwerk))?;
    let answer = convert::tagged_document(&tagged, pipeline.description());
    metrics.document_tagged(&tagged, tagged.read.elapsed());
    Ok(answer)
}

/// Why a document was not tagged.
pub(super) enum Untagged {
    /// For a reason that the pipeline tells.
    Error(TagError),
    /// The pipeline panicked.
    Defect,
}

impl Untagged {
    /// What the caller of an API is told.
    pub(super) fn told_by(self, surface: Surface) -> Failure {
        match self {
            Self::Error(error) => Failure::of(error, surface),
            Self::Defect => Failure::defect(),
        }
    }
}

/// Tags one document. What makes the pipeline panic fails alone.
pub(super) async fn tag_alone(
    pipeline: &Pipeline,
    document: Document,
    options: TagOptions,
    origin: &Origin,
    busy: Busy,
) -> Result<TaggedDocument, Untagged> {
    // A panic must not take the other documents of a stream with it. Nothing that the pipeline
    // shares between documents is left half changed by one: it hands them over by channels.
    let tagged = AssertUnwindSafe(tag(pipeline, document, options, origin, busy)).catch_unwind();
    let tagged = tagged.await.map_err(|_| Untagged::Defect)?;
    tagged.map_err(|tag_error| {
        if let TagError::Inference(reason) = &tag_error {
            error!(reason, "the model failed on a document");
        }
        Untagged::Error(tag_error)
    })
}

async fn tag(
    pipeline: &Pipeline,
    document: Document,
    options: TagOptions,
    origin: &Origin,
    busy: Busy,
) -> Result<TaggedDocument, TagError> {
    match busy {
        Busy::Refuse => pipeline.try_tag(document, options, origin).await,
        Busy::Wait => pipeline.tag(document, options, origin).await,
    }
}

pub(super) fn count<T>(metrics: &Metrics, answer: &Result<T, Failure>) {
    match answer {
        Ok(_) => metrics.document_answered("ok"),
        Err(failure) => metrics.document_answered(code_name(failure.code())),
    }
}

fn windows(document: &v1::TaggedDocument) -> u32 {
    document.coverage.map_or(0, |coverage| coverage.windows)
}

/// An answer with the place of its document, which is free again when the answer is taken.
type Answered = Result<(v1::TagStreamResponse, Place), Status>;

/// The answers of one stream.
///
/// A task of its own reads and tags the documents: were that done only while the caller takes
/// answers, a caller who stopped could hold up the queue for everybody. Each document holds a
/// place from before it is read until its answer is taken, so that a caller who takes none is not
/// read from any more. Dropping this drops the task with all its documents.
pub struct Answers {
    answered: mpsc::Receiver<Answered>,
    task: JoinSet<()>,
    totals: Totals,
    span: Span,
}

/// What the log says of a whole stream.
#[derive(Default)]
struct Totals {
    documents: u64,
    bytes: u64,
    windows: u64,
}

impl Answers {
    fn begin(
        pipeline: Arc<Pipeline>,
        requests: Streaming<v1::TagStreamRequest>,
        asker: Asker,
        limits: CallLimits,
        metrics: Metrics,
    ) -> Self {
        let (sender, answered) = mpsc::channel(limits.stream_documents.max(1));
        let mut task = JoinSet::new();
        let work = tag_all(pipeline, requests, asker, limits, metrics, sender);
        task.spawn(work.in_current_span());
        Self {
            answered,
            task,
            totals: Totals::default(),
            span: Span::current(),
        }
    }

    /// The end of the stream: an error if the task did not come to its own end.
    fn end(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<v1::TagStreamResponse, Status>>> {
        match ready!(self.task.poll_join_next(cx)) {
            Some(Err(_)) => Poll::Ready(Some(Err(Failure::defect().into_status()))),
            Some(Ok(())) | None => Poll::Ready(None),
        }
    }
}

impl Stream for Answers {
    type Item = Result<v1::TagStreamResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match ready!(self.answered.poll_recv(cx)) {
            Some(Ok((response, place))) => {
                self.totals.add(&response, place.bytes);
                Poll::Ready(Some(Ok(response)))
            }
            Some(Err(status)) => Poll::Ready(Some(Err(status))),
            None => self.end(cx),
        }
    }
}

impl Totals {
    fn add(&mut self, response: &v1::TagStreamResponse, bytes: usize) {
        self.documents += 1;
        self.bytes += bytes as u64;
        if let Some(tag_stream_response::Result::Document(document)) = &response.result {
            self.windows += u64::from(windows(document));
        }
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        self.span.record("documents", self.totals.documents);
        self.span.record("bytes", self.totals.bytes);
        self.span.record("windows", self.totals.windows);
    }
}

/// Reads documents, tags several at a time and hands on the answers as they are ready.
async fn tag_all(
    pipeline: Arc<Pipeline>,
    requests: Streaming<v1::TagStreamRequest>,
    asker: Asker,
    limits: CallLimits,
    metrics: Metrics,
    answered: mpsc::Sender<Answered>,
) {
    let failed = OnceLock::new();
    let documents = read(requests, Places::new(limits, metrics.clone()), &failed);
    let answers = documents
        .map(|queued| queued.answer(&pipeline, &asker, &metrics))
        .buffer_unordered(limits.stream_documents.max(1));
    let mut answers = std::pin::pin!(answers);
    while let Some(answer) = answers.next().await {
        // There is room for every document with a place, so that this never waits.
        if answered.send(Ok(answer)).await.is_err() {
            return;
        }
    }
    if let Some(status) = failed.get() {
        let _ = answered.send(Err(status.clone())).await;
    }
}

/// The documents of a stream, each with its place. A failure of the transport ends them and is
/// left in `failed`, so that the documents read before are still answered.
fn read(
    requests: Streaming<v1::TagStreamRequest>,
    places: Places,
    failed: &OnceLock<Status>,
) -> impl Stream<Item = Queued> {
    let start = (requests, places, 0);
    stream::unfold(start, move |(mut requests, places, sequence)| async move {
        let slot = places.slot().await?;
        let request = match requests.message().await {
            Ok(request) => request?,
            Err(status) => {
                let _ = failed.set(status);
                return None;
            }
        };
        let bytes = request.document.as_ref().map_or(0, |d| d.text.len());
        let place = places.take(slot, bytes).await?;
        let queued = Queued {
            sequence,
            request,
            place,
        };
        Some((queued, (requests, places, sequence + 1)))
    })
}

/// A document of a stream that has been read.
struct Queued {
    sequence: u64,
    request: v1::TagStreamRequest,
    place: Place,
}

impl Queued {
    async fn answer(
        self,
        pipeline: &Pipeline,
        asker: &Asker,
        metrics: &Metrics,
    ) -> (v1::TagStreamResponse, Place) {
        let began = Instant::now();
        let v1::TagStreamRequest { document, options } = self.request;
        let id = document.as_ref().map(|d| d.id.clone()).unwrap_or_default();
        if let (Some(caller), Some(document)) = (&asker.caller, &document) {
            caller.wait_to_spend(estimated_tokens(&document.text)).await;
        }
        let answer = answer(
            pipeline,
            document,
            options,
            &asker.origin,
            Busy::Wait,
            metrics,
        )
        .await;
        count(metrics, &answer);
        debug!(
            document = loggable(&id),
            sequence = self.sequence,
            bytes = self.place.bytes,
            windows = answer.as_ref().map_or(0, windows),
            milliseconds = milliseconds(began.elapsed()),
            code = answer
                .as_ref()
                .map_or_else(|f| code_name(f.code()), |_| "OK"),
            "document answered"
        );
        let result = match answer {
            Ok(document) => tag_stream_response::Result::Document(document),
            Err(failure) => tag_stream_response::Result::Error(failure.into_rpc_status()),
        };
        let response = v1::TagStreamResponse {
            id,
            sequence: self.sequence,
            result: Some(result),
        };
        (response, self.place)
    }
}

/// The places of one stream, bounded by count and by bytes.
struct Places {
    slots: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    max_bytes: usize,
    metrics: Metrics,
}

impl Places {
    fn new(limits: CallLimits, metrics: Metrics) -> Self {
        let max_bytes = limits.stream_bytes.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            slots: Arc::new(Semaphore::new(limits.stream_documents.max(1))),
            bytes: Arc::new(Semaphore::new(max_bytes)),
            max_bytes,
            metrics,
        }
    }

    /// Waits until one more document may be read. `None` never comes: no semaphore is closed.
    async fn slot(&self) -> Option<OwnedSemaphorePermit> {
        self.slots.clone().acquire_owned().await.ok()
    }

    /// Makes the slot a place for a document of this size, and waits until its bytes are free.
    async fn take(&self, slot: OwnedSemaphorePermit, bytes: usize) -> Option<Place> {
        let weight = u32::try_from(bytes.min(self.max_bytes)).unwrap_or(u32::MAX);
        let in_flight = self.metrics.document_in_flight();
        let weight = self.bytes.clone().acquire_many_owned(weight).await.ok()?;
        Some(Place {
            bytes,
            _slot: slot,
            _weight: weight,
            _in_flight: in_flight,
        })
    }
}

/// The right of one document to be in flight.
struct Place {
    bytes: usize,
    _slot: OwnedSemaphorePermit,
    _weight: OwnedSemaphorePermit,
    _in_flight: InFlight,
}
