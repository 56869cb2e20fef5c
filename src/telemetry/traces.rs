//! Traces over OTLP: what a call spent its time on.
//!
//! Only this file knows OpenTelemetry. A span holds names of this program, times and numbers: the types leave no way
//! for a text into one. Spans are handed to a thread that sends them in batches; where the collector does not keep up
//! or is not there, they are lost, and no call waits.

use std::{
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use http::HeaderMap;
use opentelemetry::{
    Context, KeyValue,
    propagation::{Extractor, TextMapPropagator as _},
    trace::{
        Span as _, SpanContext, SpanKind, Status, TraceContextExt as _, Tracer as _,
        TracerProvider as _,
    },
};
use opentelemetry_otlp::{
    ExporterBuildError, SpanExporter, WithExportConfig as _, WithTonicConfig as _,
};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    propagation::TraceContextPropagator,
    resource::EnvResourceDetector,
    trace::{self as sdk, Sampler, SdkTracer, SdkTracerProvider, SpanData},
};
use tokio::{task::spawn_blocking, time::Instant};
use tonic::{
    Code,
    transport::{ClientTlsConfig, Endpoint},
};
use tracing::warn;

use super::calls::{OTHER, code_name};

/// The headers of the W3C's trace context.
const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// Longest time for one batch of spans to reach the collector.
const EXPORT_TIME: Duration = Duration::from_secs(5);

/// Longest time that the last spans may take when the server ends.
const LAST_EXPORT: Duration = Duration::from_secs(2);

/// Time between two warnings about a collector that takes nothing.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// Where traces go, and how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceSettings {
    /// The collector's URL, for OTLP over gRPC.
    pub endpoint: String,
    /// The share of calls that are traced where the caller has not decided.
    pub share: Share,
}

/// A share from 0 to 1, exact to a millionth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    millionths: u32,
}

impl Share {
    /// Everything.
    pub const ALL: Self = Self {
        millionths: 1_000_000,
    };

    fn ratio(self) -> f64 {
        f64::from(self.millionths) / 1e6
    }
}

/// A share that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("give a number from 0 to 1, for example 0.05")]
pub struct NoShare;

impl FromStr for Share {
    type Err = NoShare;

    fn from_str(text: &str) -> Result<Self, NoShare> {
        let ratio: f64 = text.parse().map_err(|_| NoShare)?;
        if !(0.0..=1.0).contains(&ratio) {
            return Err(NoShare);
        }
        let millionths = (ratio * 1e6).round() as u32;
        Ok(Self { millionths })
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ratio().fmt(f)
    }
}

/// Why traces cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The URL of the collector cannot be used.
    #[error("traces cannot be sent to {endpoint}: {source}")]
    Endpoint {
        /// The URL.
        endpoint: String,
        /// What is wrong with it.
        source: tonic::transport::Error,
    },
    /// The exporter cannot be made, for example because of a variable of OpenTelemetry's.
    #[error("traces cannot be exported: {0}")]
    Exporter(#[from] ExporterBuildError),
}

/// Makes the traces of calls. The default traces nothing; clones share one exporter.
#[derive(Debug, Clone, Default)]
pub struct Traces {
    export: Option<Export>,
}

#[derive(Debug, Clone)]
struct Export {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Traces {
    /// Traces that are exported. The collector need not be there yet. Call it within a runtime.
    ///
    /// # Errors
    /// [`TraceError`].
    pub fn open(settings: &TraceSettings) -> Result<Self, TraceError> {
        let channel = endpoint(settings)?.connect_lazy();
        let exporter = SpanExporter::builder()
            .with_tonic()
            .with_channel(channel)
            .with_timeout(EXPORT_TIME)
            .build()?;
        let sampler = Sampler::TraceIdRatioBased(settings.share.ratio());
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(Warning::new(exporter))
            .with_sampler(Sampler::ParentBased(Box::new(sampler)))
            .with_resource(resource())
            .build();
        let tracer = provider.tracer(env!("CARGO_PKG_NAME"));
        Ok(Self {
            export: Some(Export { provider, tracer }),
        })
    }

    /// Begins the trace of a call, or goes on with the one that its headers name.
    pub(super) fn begin(&self, method: &'static str, headers: &HeaderMap) -> CallTrace {
        let caller = caller(headers);
        let Some(Export { tracer, .. }) = &self.export else {
            return CallTrace {
                context: caller,
                span: None,
                clock: Clock::start(),
            };
        };
        let clock = Clock::start();
        let parent = caller.map_or_else(Context::new, |caller| {
            Context::new().with_remote_span_context(caller)
        });
        let span = tracer
            .span_builder(method)
            .with_kind(SpanKind::Server)
            .with_start_time(clock.time)
            .with_attributes([
                KeyValue::new("rpc.system.name", "grpc"),
                KeyValue::new(
                    "rpc.method",
                    if method == OTHER { "_OTHER" } else { method },
                ),
            ])
            .start_with_context(tracer, &parent);
        CallTrace {
            context: Some(span.span_context().clone()),
            span: span.is_recording().then(|| (span, tracer.clone())),
            clock,
        }
    }

    /// Sends what has been recorded, for at most two seconds. Nothing is recorded afterwards.
    pub async fn close(&self) {
        let Some(Export { provider, .. }) = self.export.clone() else {
            return;
        };
        // Blocks until the exporter's thread, which needs this runtime, has ended.
        let closed = spawn_blocking(move || provider.shutdown_with_timeout(LAST_EXPORT)).await;
        if !matches!(closed, Ok(Ok(()))) {
            warn!("the last traces were not exported in time");
        }
    }
}

fn endpoint(settings: &TraceSettings) -> Result<Endpoint, TraceError> {
    let unusable = |source| TraceError::Endpoint {
        endpoint: settings.endpoint.clone(),
        source,
    };
    let endpoint = Endpoint::from_shared(settings.endpoint.clone())
        .map_err(unusable)?
        .connect_timeout(EXPORT_TIME)
        .timeout(EXPORT_TIME);
    if endpoint.uri().scheme() != Some(&http::uri::Scheme::HTTPS) {
        return Ok(endpoint);
    }
    let tls = ClientTlsConfig::new().with_enabled_roots();
    endpoint.tls_config(tls).map_err(unusable)
}

/// What all traces of this process say of it; `OTEL_RESOURCE_ATTRIBUTES` comes last.
fn resource() -> Resource {
    Resource::builder_empty()
        .with_service_name(env!("CARGO_PKG_NAME"))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_detector(Box::new(EnvResourceDetector::new()))
        .build()
}

/// The trace that a caller's call belongs to; none where the headers name none or are malformed.
fn caller(headers: &HeaderMap) -> Option<SpanContext> {
    let parent = headers.get(TRACEPARENT)?.to_str().ok()?;
    let states = headers.get_all(TRACESTATE).iter();
    let states: Vec<&str> = states.filter_map(|state| state.to_str().ok()).collect();
    let headers = TraceHeaders {
        parent,
        state: states.join(","),
    };
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &headers);
    let caller = context.span().span_context().clone();
    caller.is_valid().then_some(caller)
}

/// The headers as the propagator reads them: several lines of `tracestate` are one list.
struct TraceHeaders<'a> {
    parent: &'a str,
    state: String,
}

impl Extractor for TraceHeaders<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            TRACEPARENT => Some(self.parent),
            TRACESTATE => Some(&self.state),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT, TRACESTATE]
    }
}

/// Sends spans, and warns now and then where that fails.
#[derive(Debug)]
struct Warning<E> {
    exporter: E,
    failed: Mutex<Failed>,
}

#[derive(Debug, Default)]
struct Failed {
    /// Spans lost since the last warning.
    spans: usize,
    told: Option<Instant>,
}

impl<E> Warning<E> {
    fn new(exporter: E) -> Self {
        Self {
            exporter,
            failed: Mutex::default(),
        }
    }

    /// Counts spans that are lost; gives their number where it is time to tell it.
    fn lose(&self, spans: usize) -> Option<usize> {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.spans += spans;
        if failed.told.is_some_and(|told| told.elapsed() < WARN_EVERY) {
            return None;
        }
        failed.told = Some(Instant::now());
        Some(std::mem::take(&mut failed.spans))
    }
}

impl<E: sdk::SpanExporter> sdk::SpanExporter for Warning<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let exported = self.exporter.export(batch).await;
        if let Err(error) = &exported
            && let Some(spans) = self.lose(spans)
        {
            warn!(spans, %error, "spans were lost: they could not be exported");
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// Turns the times of the monotonic clock into those of the calendar, by one reading of both: the spans of a call
/// keep their order although the calendar's clock may be set.
#[derive(Debug, Clone, Copy)]
struct Clock {
    instant: Instant,
    time: SystemTime,
}

impl Clock {
    fn start() -> Self {
        Self {
            instant: Instant::now(),
            time: SystemTime::now(),
        }
    }

    fn time(&self, instant: Instant) -> SystemTime {
        self.time + instant.saturating_duration_since(self.instant)
    }

    fn now(&self) -> SystemTime {
        self.time(Instant::now())
    }
}

/// The trace of one call.
#[derive(Debug)]
pub(super) struct CallTrace {
    /// None where the caller named no trace and none is made.
    context: Option<SpanContext>,
    /// None where the call is not sampled.
    span: Option<(sdk::Span, SdkTracer)>,
    clock: Clock,
}

impl CallTrace {
    /// The trace's id in hexadecimal digits.
    pub fn id(&self) -> Option<String> {
        let context = self.context.as_ref()?;
        Some(context.trace_id().to_string())
    }

    /// Whether the spans of this call are exported.
    pub fn is_sampled(&self) -> bool {
        self.span.is_some()
    }

    /// What the parts of the call are recorded in.
    pub fn trace(&self) -> Trace {
        let Some((span, tracer)) = &self.span else {
            return Trace::default();
        };
        Trace::under(span, tracer, self.clock)
    }

    /// The call ended with this code.
    pub fn end(&mut self, code: Code) {
        let Some((mut span, _)) = self.span.take() else {
            return;
        };
        span.set_attribute(KeyValue::new("rpc.response.status_code", code_name(code)));
        if is_fault(code) {
            span.set_attribute(KeyValue::new("error.type", code_name(code)));
            span.set_status(Status::error(""));
        }
        span.end_with_timestamp(self.clock.now());
    }
}

/// Whether a code is an error of the server's side, by OpenTelemetry's conventions for gRPC.
fn is_fault(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}

/// A place in a trace, under which parts are recorded. The default records nothing and costs nothing.
#[derive(Debug, Clone, Default)]
pub struct Trace(Option<Arc<Place>>);

#[derive(Debug)]
struct Place {
    parent: Context,
    tracer: SdkTracer,
    clock: Clock,
}

impl Trace {
    fn under(span: &sdk::Span, tracer: &SdkTracer, clock: Clock) -> Self {
        let parent = span.span_context().clone();
        Self(Some(Arc::new(Place {
            parent: Context::new().with_remote_span_context(parent),
            tracer: tracer.clone(),
            clock,
        })))
    }

    /// Whether anything is recorded.
    pub fn is_recorded(&self) -> bool {
        self.0.is_some()
    }

    /// Begins a part, which lasts until the returned value is dropped.
    pub fn begin(&self, name: &'static str) -> Part {
        Part(self.0.as_ref().map(|place| {
            let span = place.begin(name, Instant::now());
            let trace = Self::under(&span, &place.tracer, place.clock);
            (span, trace)
        }))
    }

    /// Records a part that is over, with its figures.
    pub fn record(
        &self,
        name: &'static str,
        began: Instant,
        ended: Instant,
        figures: &[(&'static str, usize)],
    ) {
        let Some(place) = &self.0 else {
            return;
        };
        let mut span = place.begin(name, began);
        for (key, value) in figures {
            span.set_attribute(figure(key, *value));
        }
        span.end_with_timestamp(place.clock.time(ended));
    }
}

impl Place {
    fn begin(&self, name: &'static str, began: Instant) -> sdk::Span {
        let builder = self.tracer.span_builder(name);
        builder
            .with_start_time(self.clock.time(began))
            .start_with_context(&self.tracer, &self.parent)
    }
}

fn figure(key: &'static str, value: usize) -> KeyValue {
    KeyValue::new(key, i64::try_from(value).unwrap_or(i64::MAX))
}

/// A part of a call that lasts until it is dropped.
#[derive(Debug)]
pub struct Part(Option<(sdk::Span, Trace)>);

impl Part {
    /// What its own parts are recorded in.
    pub fn trace(&self) -> Trace {
        let trace = self.0.as_ref().map(|(_, trace)| trace.clone());
        trace.unwrap_or_default()
    }

    /// Adds a figure.
    pub fn set(&mut self, key: &'static str, value: usize) {
        if let Some((span, _)) = &mut self.0 {
            span.set_attribute(figure(key, value));
        }
    }

    /// Notes that it failed, with the kind of error.
    pub fn fail(&mut self, kind: &'static str) {
        if let Some((span, _)) = &mut self.0 {
            span.set_attribute(KeyValue::new("error.type", kind));
            span.set_status(Status::error(""));
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some((mut span, Trace(Some(place)))) = self.0.take() {
            span.end_with_timestamp(place.clock.now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let lines = lines
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name: http::HeaderName = name;
            headers.append(name, value);
        }
        headers
    }

    #[test]
    fn a_share_is_a_number_from_0_to_1() {
        for (text, expected) in [
            ("0", "0"),
            ("1", "1"),
            ("0.25", "0.25"),
            ("1e-3", "0.001"),
            ("0.0000001", "0"),
        ] {
            let share: Share = text.parse().unwrap();
            assert_eq!(share.to_string(), expected, "{text}");
        }
        for text in ["", "-0.1", "1.1", "NaN", "inf", "5%", "0,5"] {
            assert_eq!(text.parse::<Share>(), Err(NoShare), "{text}");
        }
    }

    #[test]
    fn a_call_without_an_exporter_has_the_trace_that_its_caller_names_and_records_nothing() {
        let call = Traces::default().begin("m", &headers(&[(TRACEPARENT, PARENT)]));
        let id = "0af7651916cd43dd8448eb211c80319c";
        assert_eq!(call.id().as_deref(), Some(id));
        assert!(!call.is_sampled());
        assert!(!call.trace().is_recorded());
        assert_eq!(Traces::default().begin("m", &HeaderMap::new()).id(), None);
    }

    #[test]
    fn a_malformed_trace_context_counts_as_none() {
        for parent in [
            "",
            "00",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
        ] {
            assert_eq!(caller(&headers(&[(TRACEPARENT, parent)])), None, "{parent}");
        }
    }

    #[test]
    fn several_lines_of_tracestate_are_one_list() {
        let lines = [
            (TRACEPARENT, PARENT),
            (TRACESTATE, "a=1"),
            (TRACESTATE, "b=2"),
        ];
        let caller = caller(&headers(&lines)).unwrap();
        assert_eq!(caller.trace_state().header(), "a=1,b=2");
    }

    #[tokio::test(start_paused = true)]
    async fn lost_spans_are_told_once_a_minute_with_their_number() {
        let warning = Warning::new(());
        assert_eq!(warning.lose(3), Some(3));
        assert_eq!(warning.lose(4), None);
        tokio::time::advance(WARN_EVERY).await;
        assert_eq!(warning.lose(5), Some(9));
    }

    #[tokio::test(start_paused = true)]
    async fn times_of_a_call_keep_their_order_and_distance() {
        let clock = Clock::start();
        let began = Instant::now();
        tokio::time::advance(Duration::from_millis(7)).await;
        let distance = clock.now().duration_since(clock.time(began)).unwrap();
        assert_eq!(distance, Duration::from_millis(7));
    }

    #[test]
    fn faults_of_the_caller_are_no_errors_of_a_span() {
        for (code, fault) in [
            (Code::Ok, false),
            (Code::InvalidArgument, false),
            (Code::ResourceExhausted, false),
            (Code::Cancelled, false),
            (Code::Internal, true),
            (Code::DeadlineExceeded, true),
        ] {
            assert_eq!(is_fault(code), fault, "{code:?}");
        }
    }
}
