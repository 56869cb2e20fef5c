//! Counts, times, logs and traces every gRPC call.
//!
//! A call is over when the last byte of its answer is handed over, or when the caller has gone;
//! both show only in the body, so that the layer follows it to its end.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use http::{HeaderMap, Request, Response};
use http_body::{Body as _, Frame, SizeHint};
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};
use tracing::{Instrument as _, Span, debug, debug_span, field, info, info_span};

use super::{
    Metrics, milliseconds,
    traces::{CallTrace, Traces},
};

/// The methods that are named in metrics; any other path is counted as [`OTHER`], since a caller
/// could otherwise create series without end.
const METHODS: [&str; 19] = [
    "tagwerk.v1.TaggingService/Tag",
    "tagwerk.v1.TaggingService/TagStream",
    "tagwerk.v1.TaggingService/GetInfo",
    "google.cloud.language.v1.LanguageService/AnalyzeSentiment",
    "google.cloud.language.v1.LanguageService/AnalyzeEntities",
    "google.cloud.language.v1.LanguageService/AnalyzeEntitySentiment",
    "google.cloud.language.v1.LanguageService/AnalyzeSyntax",
    "google.cloud.language.v1.LanguageService/ClassifyText",
    "google.cloud.language.v1.LanguageService/ModerateText",
    "google.cloud.language.v1.LanguageService/AnnotateText",
    "google.cloud.language.v2.LanguageService/AnalyzeSentiment",
    "google.cloud.language.v2.LanguageService/AnalyzeEntities",
    "google.cloud.language.v2.LanguageService/ClassifyText",
    "google.cloud.language.v2.LanguageService/ModerateText",
    "google.cloud.language.v2.LanguageService/AnnotateText",
    "grpc.health.v1.Health/Check",
    "grpc.health.v1.Health/Watch",
    "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// The label of unknown methods.
pub(super) const OTHER: &str = "other";

/// Wraps a service in [`Calls`].
#[derive(Debug, Clone)]
pub struct CallsLayer {
    metrics: Metrics,
    traces: Traces,
}

impl CallsLayer {
    /// A layer that counts in `metrics` and records in `traces`.
    pub fn new(metrics: Metrics, traces: Traces) -> Self {
        Self { metrics, traces }
    }
}

impl<S> Layer<S> for CallsLayer {
    type Service = Calls<S>;

    fn layer(&self, inner: S) -> Calls<S> {
        Calls {
            inner,
            metrics: self.metrics.clone(),
            traces: self.traces.clone(),
        }
    }
}

/// Counts, times, logs and traces the calls of the service within, which finds the [`Trace`](super::traces::Trace) of a
/// call in the extensions of its request.
#[derive(Debug, Clone)]
pub struct Calls<S> {
    inner: S,
    metrics: Metrics,
    traces: Traces,
}

impl<S> Service<Request<Body>> for Calls<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let method = method(request.uri().path());
        let trace = is_tagging(method).then(|| self.traces.begin(method, request.headers()));
        if let Some(trace) = &trace {
            request.extensions_mut().insert(trace.trace());
        }
        let call = Call::begin(method, self.metrics.clone(), trace);
        let span = call.span.clone();
        let answer = span.in_scope(|| self.inner.call(request)).instrument(span);
        Box::pin(async move {
            let mut call = call;
            let (head, body) = answer.await?.into_parts();
            // An answer without messages has its status in the head.
            call.see_status(&head.headers);
            Ok(Response::from_parts(head, call.follow(body)))
        })
    }
}

fn method(path: &str) -> &'static str {
    let path = path.strip_prefix('/').unwrap_or(path);
    METHODS
        .into_iter()
        .find(|&method| method == path)
        .unwrap_or(OTHER)
}

/// One call, from its head to its end. Dropping it ends it.
struct Call {
    method: &'static str,
    began: Instant,
    /// None until the status has been sent.
    code: Option<Code>,
    metrics: Metrics,
    span: Span,
    /// None for probes.
    trace: Option<CallTrace>,
    trace_id: Option<String>,
}

impl Call {
    fn begin(method: &'static str, metrics: Metrics, trace: Option<CallTrace>) -> Self {
        let trace_id = trace.as_ref().and_then(CallTrace::id);
        // The service fills in what it learns of the call.
        let span = if is_tagging(method) {
            info_span!(
                "call",
                method,
                document = field::Empty,
                documents = field::Empty,
                bytes = field::Empty,
                windows = field::Empty,
                trace_id,
            )
        } else {
            debug_span!("call", method)
        };
        Self {
            method,
            began: Instant::now(),
            code: None,
            metrics,
            span,
            trace,
            trace_id,
        }
    }

    fn see_status(&mut self, headers: &HeaderMap) {
        if let Some(status) = headers.get(Status::GRPC_STATUS) {
            self.code = Some(Code::from_bytes(status.as_bytes()));
        }
    }

    fn follow(self, body: Body) -> Body {
        if body.is_end_stream() {
            return body;
        }
        Body::new(Followed { body, call: self })
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // Without a status the caller has gone before the answer was complete.
        let code = self.code.unwrap_or(Code::Cancelled);
        let sampled = self.trace.as_ref().is_some_and(CallTrace::is_sampled);
        if let Some(trace) = &mut self.trace {
            trace.end(code);
        }
        let code = code_name(code);
        let duration = self.began.elapsed();
        let exemplar = self.trace_id.clone().filter(|_| sampled);
        self.metrics
            .call_ended(self.method, code, duration, exemplar);
        let milliseconds = milliseconds(duration);
        let _entered = self.span.enter();
        if is_tagging(self.method) {
            info!(code, milliseconds, trace_id = self.trace_id, "call ended");
        } else {
            debug!(code, milliseconds, "call ended");
        }
    }
}

/// Probes come every few seconds and are logged at the level of debugging.
fn is_tagging(method: &str) -> bool {
    !method.starts_with("grpc.")
}

/// An answer's body that ends its call with the trailers.
struct Followed {
    body: Body,
    call: Call,
}

impl http_body::Body for Followed {
    type Data = <Body as http_body::Body>::Data;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Status>>> {
        let this = &mut *self;
        let _entered = this.call.span.clone().entered();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    this.call.see_status(trailers);
                }
            }
            Some(Err(status)) => this.call.code = Some(status.code()),
            None => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The name that gRPC's specification gives to a code.
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use tower::service_fn;

    use super::*;

    const TAG: &str = "/tagwerk.v1.TaggingService/Tag";

    fn request(path: &str) -> Request<Body> {
        Request::builder().uri(path).body(Body::empty()).unwrap()
    }

    /// The body of one answer: no data, then the trailers of a status.
    struct Trailers(Option<HeaderMap>);

    impl http_body::Body for Trailers {
        type Data = <Body as http_body::Body>::Data;
        type Error = Status;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Self::Data>, Status>>> {
            Poll::Ready(self.0.take().map(|trailers| Ok(Frame::trailers(trailers))))
        }
    }

    fn with_trailers(status: Status) -> Response<Body> {
        let mut trailers = HeaderMap::new();
        status.add_header(&mut trailers).unwrap();
        Response::new(Body::new(Trailers(Some(trailers))))
    }

    fn counted(metrics: &Metrics, method: &str, code: &str) -> bool {
        let series = format!(r#"tagwerk_calls_total{{method="{method}",code="{code}"}} 1"#);
        metrics.page().lines().any(|line| line == series)
    }

    async fn answer(metrics: &Metrics, path: &str, response: Response<Body>) -> Response<Body> {
        let mut response = Some(response);
        let inner =
            service_fn(move |_| std::future::ready(Ok::<_, Infallible>(response.take().unwrap())));
        let mut calls = CallsLayer::new(metrics.clone(), Traces::default()).layer(inner);
        calls.call(request(path)).await.unwrap()
    }

    #[tokio::test]
    async fn a_call_that_fails_at_once_is_counted_by_the_status_in_its_head() {
        let metrics = Metrics::new();
        let response = Status::invalid_argument("no").into_http();
        drop(answer(&metrics, TAG, response).await);
        assert!(counted(&metrics, &TAG[1..], "INVALID_ARGUMENT"));
    }

    #[tokio::test]
    async fn a_call_is_counted_by_the_status_in_its_trailers() {
        let metrics = Metrics::new();
        let response = answer(&metrics, TAG, with_trailers(Status::internal("no"))).await;
        let mut body = response.into_body();
        let frame = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
        assert!(frame.unwrap().unwrap().is_trailers());
        assert!(
            !counted(&metrics, &TAG[1..], "INTERNAL"),
            "counted before it ended"
        );
        drop(body);
        assert!(counted(&metrics, &TAG[1..], "INTERNAL"));
    }

    #[tokio::test]
    async fn a_call_whose_answer_is_not_taken_is_counted_as_cancelled() {
        let metrics = Metrics::new();
        drop(answer(&metrics, TAG, with_trailers(Status::ok(""))).await);
        assert!(counted(&metrics, &TAG[1..], "CANCELLED"));
    }

    #[tokio::test]
    async fn a_call_that_is_dropped_before_its_answer_is_counted_as_cancelled() {
        let metrics = Metrics::new();
        let inner = service_fn(|_| std::future::pending::<Result<Response<Body>, Infallible>>());
        let mut calls = CallsLayer::new(metrics.clone(), Traces::default()).layer(inner);
        drop(calls.call(request(TAG)));
        assert!(counted(&metrics, &TAG[1..], "CANCELLED"));
    }

    #[tokio::test]
    async fn unknown_paths_share_one_series() {
        let metrics = Metrics::new();
        let response = Status::unimplemented("no").into_http();
        drop(answer(&metrics, "/made.up/Method", response).await);
        assert!(counted(&metrics, OTHER, "UNIMPLEMENTED"));
    }
}
