//! The metrics, in one table: [`Metrics`] holds each, [`Metrics::new`] names and explains each.

use std::{
    fmt,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

use crate::model::Description;

/// Every metric of the process. A clone shares the same values.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    calls: Family<CallLabels, Counter>,
    call_duration: Family<MethodLabels, Histogram, fn() -> Histogram>,
    documents: Family<ResultLabels, Counter>,
    documents_in_flight: Gauge,
    document_bytes: Counter,
    windows: Counter,
    tokens: Counter,
    queue_tokens: Gauge,
    queue_seconds: Gauge<f64, AtomicU64>,
    tokens_in_hand: Gauge,
    queue_duration: Histogram,
    dead_windows: Counter,
    batches: Counter,
    batch_tokens: Histogram,
    encode_duration: Histogram,
    worker_restarts: Family<CauseLabels, Counter>,
    connections: Gauge,
    reloads: Family<ReloadLabels, Counter>,
    model: Family<ModelLabels, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    method: &'static str,
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MethodLabels {
    method: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CauseLabels {
    cause: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    what: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelLabels {
    name: String,
    version: String,
    fingerprint: String,
}

impl Metrics {
    /// Names and registers every metric.
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Arc::default(),
            calls: Family::default(),
            call_duration: Family::new_with_constructor(duration_buckets),
            documents: Family::default(),
            documents_in_flight: Gauge::default(),
            document_bytes: Counter::default(),
            windows: Counter::default(),
            tokens: Counter::default(),
            queue_tokens: Gauge::default(),
            queue_seconds: Gauge::default(),
            tokens_in_hand: Gauge::default(),
            queue_duration: duration_buckets(),
            dead_windows: Counter::default(),
            batches: Counter::default(),
            // 16 to 65,536 tokens.
            batch_tokens: Histogram::new(exponential_buckets(16.0, 2.0, 13)),
            encode_duration: duration_buckets(),
            worker_restarts: Family::default(),
            connections: Gauge::default(),
            reloads: Family::default(),
            model: Family::default(),
        };
        metrics.registry = Arc::new(metrics.table());
        metrics
    }

    /// The table. Counters get the suffix `_total`, help texts a full stop.
    #[rustfmt::skip]
    fn table(&self) -> Registry {
        let mut table = Registry::with_prefix("tagwerk");
        table.register("calls", "Calls that ended, by gRPC method and status code", self.calls.clone());
        table.register("call_duration_seconds", "Time from a call's head to its last byte", self.call_duration.clone());
        table.register("documents", "Documents that were answered, by result", self.documents.clone());
        table.register("documents_in_flight", "Documents read whose answers have not been taken yet", self.documents_in_flight.clone());
        table.register("document_bytes", "Bytes of the texts that were tagged", self.document_bytes.clone());
        table.register("windows", "Windows that went through the encoder", self.windows.clone());
        table.register("tokens", "Tokens that went through the encoder, without padding", self.tokens.clone());
        table.register("queue_tokens", "Tokens that wait for the encoder", self.queue_tokens.clone());
        table.register("queue_seconds", "Time in which the workers get through what waits, at their pace of the last seconds", self.queue_seconds.clone());
        table.register("tokens_in_hand", "Tokens that workers read at the moment", self.tokens_in_hand.clone());
        table.register("queue_duration_seconds", "Time that a window waited for the encoder", self.queue_duration.clone());
        table.register("dead_windows", "Windows that left the queue unread, since their call had ended", self.dead_windows.clone());
        table.register("batches", "Batches that went through the encoder", self.batches.clone());
        table.register("batch_tokens", "Tokens of a batch, without padding", self.batch_tokens.clone());
        table.register("encode_duration_seconds", "Time of a batch in encoder and heads", self.encode_duration.clone());
        table.register("worker_restarts", "Workers that were replaced, by cause", self.worker_restarts.clone());
        table.register("connections", "Open connections of the gRPC port", self.connections.clone());
        table.register("reloads", "Files taken up while the server ran, by what they hold and result", self.reloads.clone());
        table.register("model_info", "The loaded model package; always 1", self.model.clone());
        table
    }

    /// A call ended with this code after this time.
    pub fn call_ended(&self, method: &'static str, code: &'static str, duration: Duration) {
        self.calls.get_or_create(&CallLabels { method, code }).inc();
        self.call_duration
            .get_or_create(&MethodLabels { method })
            .observe(duration.as_secs_f64());
    }

    /// A document was answered. `result` is "ok" or the name of a gRPC code.
    pub fn document_answered(&self, result: &'static str) {
        self.documents.get_or_create(&ResultLabels { result }).inc();
    }

    /// A text was tagged.
    pub fn document_tagged(&self, bytes: usize) {
        self.document_bytes.inc_by(bytes as u64);
    }

    /// Counts a document as in flight for as long as the returned value lives.
    pub fn document_in_flight(&self) -> InFlight {
        InFlight::begin(&self.documents_in_flight)
    }

    /// Counts a connection as open for as long as the returned value lives.
    pub fn connection_open(&self) -> InFlight {
        InFlight::begin(&self.connections)
    }

    /// Files were taken up or refused. `what` is "certificates", "keys" or "model", `result` "ok" or "refused".
    pub fn reloaded(&self, what: &'static str, result: &'static str) {
        self.reloads
            .get_or_create(&ReloadLabels { what, result })
            .inc();
    }

    /// A batch went through the encoder in this time. `tokens` leaves out the padding.
    pub fn batch_encoded(&self, windows: usize, tokens: usize, duration: Duration) {
        self.encode_duration.observe(duration.as_secs_f64());
        self.windows.inc_by(windows as u64);
        self.tokens.inc_by(tokens as u64);
        self.batches.inc();
        self.batch_tokens.observe(tokens as f64);
    }

    /// So many tokens wait for the encoder now, and will for so long.
    pub fn set_queue(&self, tokens: usize, time: Duration) {
        self.queue_tokens
            .set(i64::try_from(tokens).unwrap_or(i64::MAX));
        self.queue_seconds.set(time.as_secs_f64());
    }

    /// Workers are at so many tokens now.
    pub fn set_tokens_in_hand(&self, tokens: usize) {
        self.tokens_in_hand
            .set(i64::try_from(tokens).unwrap_or(i64::MAX));
    }

    /// A window left the queue for the encoder after this time.
    pub fn window_waited(&self, duration: Duration) {
        self.queue_duration.observe(duration.as_secs_f64());
    }

    /// Windows left the queue unread.
    pub fn windows_died(&self, windows: usize) {
        self.dead_windows.inc_by(windows as u64);
    }

    /// A worker was replaced. `cause` is "panic" or "hang".
    pub fn worker_restarted(&self, cause: &'static str) {
        self.worker_restarts
            .get_or_create(&CauseLabels { cause })
            .inc();
    }

    /// This model package answers from now on.
    pub fn model_loaded(&self, description: &Description) {
        let labels = ModelLabels {
            name: description.name.clone(),
            version: description.version.clone(),
            fingerprint: description.fingerprint.clone(),
        };
        self.model.clear();
        self.model.get_or_create(&labels).set(1);
    }

    /// The page for Prometheus in the OpenMetrics text format.
    pub fn page(&self) -> String {
        let mut page = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut page, &self.registry);
        page
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Something that is counted for as long as it lasts; see [`Metrics::document_in_flight`].
#[derive(Debug)]
pub struct InFlight(Gauge);

impl InFlight {
    fn begin(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// 1 ms to 65 s.
fn duration_buckets() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 17))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(metrics: &Metrics, series: &str) -> Option<String> {
        let page = metrics.page();
        let line = page.lines().find_map(|line| line.strip_prefix(series))?;
        Some(line.trim().to_owned())
    }

    #[test]
    fn each_event_shows_on_the_page() {
        let metrics = Metrics::new();
        metrics.call_ended(
            "tagwerk.v1.TaggingService/Tag",
            "OK",
            Duration::from_millis(3),
        );
        metrics.document_answered("ok");
        metrics.document_tagged(1200);
        metrics.batch_encoded(4, 1000, Duration::from_millis(300));
        metrics.set_queue(77, Duration::from_millis(1500));
        metrics.set_tokens_in_hand(55);
        metrics.window_waited(Duration::from_millis(20));
        metrics.windows_died(3);
        metrics.worker_restarted("hang");
        let call = r#"method="tagwerk.v1.TaggingService/Tag""#;
        let expected = [
            (format!(r#"tagwerk_calls_total{{{call},code="OK"}}"#), "1"),
            (
                format!("tagwerk_call_duration_seconds_count{{{call}}}"),
                "1",
            ),
            (
                format!(r#"tagwerk_call_duration_seconds_bucket{{le="0.004",{call}}}"#),
                "1",
            ),
            (r#"tagwerk_documents_total{result="ok"}"#.into(), "1"),
            ("tagwerk_document_bytes_total".into(), "1200"),
            ("tagwerk_windows_total".into(), "4"),
            ("tagwerk_tokens_total".into(), "1000"),
            ("tagwerk_queue_tokens".into(), "77"),
            ("tagwerk_queue_seconds".into(), "1.5"),
            ("tagwerk_tokens_in_hand".into(), "55"),
            ("tagwerk_queue_duration_seconds_count".into(), "1"),
            ("tagwerk_dead_windows_total".into(), "3"),
            ("tagwerk_encode_duration_seconds_sum".into(), "0.3"),
            ("tagwerk_batches_total".into(), "1"),
            ("tagwerk_batch_tokens_sum".into(), "1000.0"),
            (r#"tagwerk_worker_restarts_total{cause="hang"}"#.into(), "1"),
        ];
        for (series, expected) in expected {
            assert_eq!(
                value(&metrics, &series).as_deref(),
                Some(expected),
                "{series}"
            );
        }
    }

    #[test]
    fn a_document_is_in_flight_until_it_is_dropped() {
        let metrics = Metrics::new();
        let one = metrics.document_in_flight();
        let two = metrics.clone().document_in_flight();
        assert_eq!(
            value(&metrics, "tagwerk_documents_in_flight").as_deref(),
            Some("2")
        );
        drop((one, two));
        assert_eq!(
            value(&metrics, "tagwerk_documents_in_flight").as_deref(),
            Some("0")
        );
    }

    #[test]
    fn only_the_loaded_model_is_named() {
        let metrics = Metrics::new();
        for version in ["1", "2"] {
            metrics.model_loaded(&description(version));
        }
        let page = metrics.page();
        let series: Vec<&str> = page
            .lines()
            .filter(|l| l.starts_with("tagwerk_model_info{"))
            .collect();
        assert_eq!(
            series,
            [r#"tagwerk_model_info{name="news",version="2",fingerprint="ab"} 1"#]
        );
    }

    #[test]
    fn every_metric_is_explained_and_the_page_is_closed() {
        let metrics = Metrics::new();
        // Families without a series are left out of the page.
        metrics.call_ended("other", "OK", Duration::ZERO);
        metrics.document_answered("ok");
        metrics.worker_restarted("panic");
        metrics.reloaded("keys", "ok");
        metrics.model_loaded(&description("1"));
        let page = metrics.page();
        let help = page.lines().filter(|l| l.starts_with("# HELP tagwerk_"));
        let kinds = page.lines().filter(|l| l.starts_with("# TYPE tagwerk_"));
        assert_eq!((help.count(), kinds.count()), (19, 19));
        assert!(page.ends_with("# EOF\n"));
    }

    fn description(version: &str) -> Description {
        Description {
            name: "news".into(),
            version: version.into(),
            fingerprint: "ab".into(),
            license: String::new(),
            languages: vec![],
            labels: vec![],
            figures: vec![],
        }
    }
}
