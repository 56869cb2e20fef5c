//! The metrics. [`Metrics::with_table`] is their one table: the page and the documentation are both made of it.

use std::{
    borrow::Cow,
    fmt,
    fmt::Write as _,
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, SystemTime},
};

use prometheus_client::{
    encoding::text,
    metrics::{
        MetricType, TypedMetric,
        counter::Counter,
        exemplar::HistogramWithExemplars,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Metric, Registry, Unit},
};
use tonic::Code;

use super::calls::code_name;
use crate::{
    model::{Description, EntityType, Polarity},
    pipeline::{
        document::{Holder, TaggedDocument},
        language,
    },
};

/// What stands before every name.
const PREFIX: &str = "tagwerk";

/// The value of a label for all that its list leaves out.
const OTHER: &str = "other";

/// The trace that a value is an example of, as a label.
type TraceId = [(&'static str, String); 1];

/// Every metric of the process. A clone shares the same values.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    calls: Labelled<Counter, 2>,
    call_duration: Labelled<HistogramWithExemplars<TraceId>, 1>,
    documents: Labelled<Counter, 1>,
    documents_in_flight: Gauge,
    document_bytes: Counter,
    document_languages: Labelled<Counter, 1>,
    mentions: Labelled<Counter, 1>,
    entities: Labelled<Counter, 1>,
    stances: Labelled<Counter, 2>,
    quotes: Labelled<Counter, 1>,
    windows: Counter,
    tokens: Counter,
    queue_tokens: Gauge,
    queue_seconds: Gauge<f64, AtomicU64>,
    tokens_in_hand: Gauge,
    queue_duration: Histogram,
    dead_windows: Counter,
    cache_lookups: Labelled<Counter, 1>,
    cache_bytes: Gauge,
    cache_failures: Counter,
    batches: Counter,
    batch_tokens: Histogram,
    encode_duration: Histogram,
    postprocess_duration: Histogram,
    worker_restarts: Labelled<Counter, 1>,
    connections: Gauge,
    reloads: Labelled<Counter, 2>,
    nats_connected: Gauge,
    nats_messages: Labelled<Counter, 1>,
    nats_redeliveries: Counter,
    nats_pending: Gauge,
    nats_publish_failures: Counter,
    model: Labelled<Gauge, 3>,
}

const METHOD: Label = Label::told(
    "method",
    "`tagwerk.v1.TaggingService/Tag` and the other methods served, those of `google.cloud.language` too; `other`",
);
const CODE: Label = Label::listed("code", codes);
const RESULT: Label = Label::listed("result", results);
const LANGUAGE: Label = Label::listed("language", languages);
const TYPE: Label = Label::listed("type", || EntityType::ALL.map(type_name).to_vec());
const POLARITY: Label = Label::listed("polarity", polarities);
const HOLDER: Label = Label::listed("holder", holder_kinds);
const SPEAKER: Label = Label::listed("speaker", speaker_kinds);
const CAUSE: Label = Label::listed("cause", || vec!["panic", "hang"]);
const FOUND: Label = Label::listed("found", || vec!["memory", "shared", "nowhere"]);
const WHAT: Label = Label::listed("what", || {
    vec!["config", "certificates", "keys", "model", "watchlists"]
});
const OUTCOME: Label = Label::listed("outcome", || {
    vec!["published", "duplicate", "dead", "returned"]
});
const RELOAD_RESULT: Label = Label::listed("result", || vec!["ok", "refused"]);
const MODEL: [Label; 3] = [
    Label::told("name", "from the model package"),
    Label::told("version", "from the model package"),
    Label::told("fingerprint", "from the model package"),
];

impl Metrics {
    /// Metrics that have counted nothing yet.
    pub fn new() -> Self {
        Self::with_table().0
    }

    /// The table: name, help, labels, and the metric itself, which has the type. Counters get the suffix `_total`,
    /// help texts a full stop; a unit is the end of its name.
    #[rustfmt::skip]
    fn with_table() -> (Self, Vec<Row>) {
        let mut table = Table::new();
        let metrics = Self {
            calls: table.labelled("calls", "Calls that ended, by gRPC method and status code", [METHOD, CODE], Counter::default),
            call_duration: table.labelled("call_duration_seconds", "Time from a call's head to its last byte", [METHOD], traced_durations),
            documents: table.labelled("documents", "Documents that were answered, by result", [RESULT], Counter::default),
            documents_in_flight: table.add("documents_in_flight", "Documents read whose answers have not been taken yet", Gauge::default()),
            document_bytes: table.add("document_bytes", "Bytes of the texts that were tagged", Counter::default()),
            document_languages: table.labelled("document_languages", "Documents that were tagged, by the language given or detected", [LANGUAGE], Counter::default),
            mentions: table.labelled("mentions", "Mentions in the answers, by type", [TYPE], Counter::default),
            entities: table.labelled("entities", "Entities in the answers, by type", [TYPE], Counter::default),
            stances: table.labelled("stances", "Stances in the answers that are not neutral, by polarity and kind of holder", [POLARITY, HOLDER], Counter::default),
            quotes: table.labelled("quotes", "Quotations in the answers, by kind of speaker", [SPEAKER], Counter::default),
            windows: table.add("windows", "Windows that went through the encoder", Counter::default()),
            tokens: table.add("tokens", "Tokens that went through the encoder, without padding", Counter::default()),
            queue_tokens: table.add("queue_tokens", "Tokens that wait for the encoder", Gauge::default()),
            queue_seconds: table.add("queue_seconds", "Time in which the workers get through what waits, at their pace of the last seconds", Gauge::default()),
            tokens_in_hand: table.add("tokens_in_hand", "Tokens that workers read at the moment", Gauge::default()),
            queue_duration: table.add("queue_duration_seconds", "Time that a window waited for the encoder", durations()),
            dead_windows: table.add("dead_windows", "Windows that left the queue unread, since their call had ended", Counter::default()),
            cache_lookups: table.labelled("cache_lookups", "Windows looked up in the cache, by where they were found", [FOUND], Counter::default),
            cache_bytes: table.add("cache_bytes", "Bytes of the readings that the cache holds in memory, about", Gauge::default()),
            cache_failures: table.add("cache_failures", "Requests to the shared cache that failed or came to no answer in time", Counter::default()),
            batches: table.add("batches", "Batches that went through the encoder", Counter::default()),
            batch_tokens: table.add("batch_tokens", "Tokens of a batch, without padding", batch_sizes()),
            encode_duration: table.add("encode_duration_seconds", "Time of a batch in encoder and heads", durations()),
            postprocess_duration: table.add("postprocess_duration_seconds", "Time of a document from its last reading to its finished answer", short_durations()),
            worker_restarts: table.labelled("worker_restarts", "Workers that were replaced, by cause", [CAUSE], Counter::default),
            connections: table.add("connections", "Open connections of the gRPC port", Gauge::default()),
            reloads: table.labelled("reloads", "Files taken up while the server ran, by what they hold and result", [WHAT, RELOAD_RESULT], Counter::default),
            nats_connected: table.add("nats_connected", "Whether the connection of a queue worker to NATS stands: 1 or 0", Gauge::default()),
            nats_messages: table.labelled("nats_messages", "Messages of the queue that a worker is done with, by outcome", [OUTCOME], Counter::default),
            nats_redeliveries: table.add("nats_redeliveries", "Messages of the queue that had been delivered before", Counter::default()),
            nats_pending: table.add("nats_pending", "Messages that waited in the queue at the latest delivery", Gauge::default()),
            nats_publish_failures: table.add("nats_publish_failures", "Attempts to publish that JetStream did not acknowledge", Counter::default()),
            model: table.labelled("model_info", "The loaded model package; always 1", MODEL, Gauge::default),
            registry: Arc::new(table.registry),
        };
        (metrics, table.rows)
    }

    /// A call ended with this code after this time. `trace_id` names its trace where that is exported.
    pub fn call_ended(
        &self,
        method: &'static str,
        code: &'static str,
        duration: Duration,
        trace_id: Option<String>,
    ) {
        self.calls.with([method, code]).inc();
        let durations = self.call_duration.with([method]);
        let example = trace_id.map(|id| [("trace_id", id)]);
        let now = example.is_some().then(SystemTime::now);
        durations.observe(duration.as_secs_f64(), example, now);
    }

    /// A document was answered. `result` is "ok" or the name of a gRPC code.
    pub fn document_answered(&self, result: &'static str) {
        self.documents.with([result]).inc();
    }

    /// A text was tagged; `postprocessing` is the time from its last reading to its answer.
    pub fn document_tagged(&self, tagged: &TaggedDocument, postprocessing: Duration) {
        self.postprocess_duration
            .observe(postprocessing.as_secs_f64());
        self.document_bytes
            .inc_by(tagged.coverage.bytes_total as u64);
        // A package can name languages of its own.
        let language = language::listed().find(|&listed| listed == tagged.language);
        self.document_languages
            .with([language.unwrap_or(OTHER)])
            .inc();
        for mention in &tagged.mentions {
            self.mentions.with([type_name(mention.entity_type)]).inc();
        }
        for entity in &tagged.entities {
            self.entities.with([type_name(entity.entity_type)]).inc();
        }
        for stance in &tagged.stances {
            let labels = [polarity_name(stance.polarity), holder_kind(stance.holder)];
            self.stances.with(labels).inc();
        }
        for quote in &tagged.quotes {
            self.quotes.with([holder_kind(quote.speaker)]).inc();
        }
    }

    /// Counts a document as in flight for as long as the returned value lives.
    pub fn document_in_flight(&self) -> InFlight {
        InFlight::begin(&self.documents_in_flight)
    }

    /// Counts a connection as open for as long as the returned value lives.
    pub fn connection_open(&self) -> InFlight {
        InFlight::begin(&self.connections)
    }

    /// Files were taken up or refused. `what` is "config", "certificates", "keys" or "model", `result` "ok" or "refused".
    pub fn reloaded(&self, what: &'static str, result: &'static str) {
        self.reloads.with([what, result]).inc();
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

    /// A window was looked up in the cache. `found` is "memory", "shared" or "nowhere".
    pub fn cache_asked(&self, found: &'static str) {
        self.cache_lookups.with([found]).inc();
    }

    /// The cache holds about so many bytes in memory now.
    pub fn set_cache_bytes(&self, bytes: u64) {
        self.cache_bytes
            .set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// A request to the shared cache came to nothing.
    pub fn cache_failed(&self) {
        self.cache_failures.inc();
    }

    /// A worker was replaced. `cause` is "panic" or "hang".
    pub fn worker_restarted(&self, cause: &'static str) {
        self.worker_restarts.with([cause]).inc();
    }

    /// The connection to NATS stands, or is lost.
    pub fn set_nats_connected(&self, stands: bool) {
        self.nats_connected.set(stands.into());
    }

    /// A message of the queue was delivered, with so many others waiting behind it.
    pub fn message_taken(&self, was_before: bool, pending: u64) {
        self.nats_redeliveries.inc_by(was_before.into());
        self.nats_pending
            .set(i64::try_from(pending).unwrap_or(i64::MAX));
    }

    /// The worker is done with a message. `outcome` is "published", "duplicate", "dead" or "returned".
    pub fn message_settled(&self, outcome: &'static str) {
        self.nats_messages.with([outcome]).inc();
    }

    /// JetStream did not acknowledge what was published.
    pub fn publish_failed(&self) {
        self.nats_publish_failures.inc();
    }

    /// This model package answers from now on.
    pub fn model_loaded(&self, description: &Description) {
        let Description {
            name,
            version,
            fingerprint,
            ..
        } = description;
        let values = [name, version, fingerprint].map(|value| Cow::Owned(value.clone()));
        self.model.family.clear();
        self.model.series(values).set(1);
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
fn durations() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 17))
}

/// The same, each bucket with the trace of the latest call in it.
fn traced_durations() -> HistogramWithExemplars<TraceId> {
    HistogramWithExemplars::new(exponential_buckets(0.001, 2.0, 17))
}

/// 0.1 ms to 6.5 s.
fn short_durations() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 2.0, 17))
}

/// 16 to 65,536 tokens.
fn batch_sizes() -> Histogram {
    Histogram::new(exponential_buckets(16.0, 2.0, 13))
}

/// The names of all status codes.
fn codes() -> Vec<&'static str> {
    (0..=16).map(Code::from_i32).map(code_name).collect()
}

/// "ok", and the codes of failures.
fn results() -> Vec<&'static str> {
    let ok = code_name(Code::Ok);
    let failures = codes().into_iter().filter(|&code| code != ok);
    std::iter::once("ok").chain(failures).collect()
}

fn languages() -> Vec<&'static str> {
    language::listed().chain([OTHER]).collect()
}

/// The name of a type in the API, without its prefix.
fn type_name(entity_type: EntityType) -> &'static str {
    match entity_type {
        EntityType::Person => "PERSON",
        EntityType::Organization => "ORGANIZATION",
        EntityType::Location => "LOCATION",
        EntityType::Miscellaneous => "MISCELLANEOUS",
    }
}

fn polarity_name(polarity: Polarity) -> &'static str {
    match polarity {
        Polarity::Favorable => "FAVORABLE",
        Polarity::Neutral => "NEUTRAL",
        Polarity::Unfavorable => "UNFAVORABLE",
    }
}

/// Those that a stance can have: a neutral one is none.
fn polarities() -> Vec<&'static str> {
    let all = [Polarity::Favorable, Polarity::Unfavorable];
    all.map(polarity_name).to_vec()
}

fn holder_kind(holder: Holder) -> &'static str {
    match holder {
        Holder::Mention(_) => "MENTION",
        Holder::Author => "AUTHOR",
        Holder::Unnamed => "UNNAMED",
        Holder::Unknown => "UNKNOWN",
    }
}

/// A stance alone can have an unknown holder.
fn holder_kinds() -> Vec<&'static str> {
    let mut all = speaker_kinds();
    all.push(holder_kind(Holder::Unknown));
    all
}

fn speaker_kinds() -> Vec<&'static str> {
    let all = [Holder::Mention(0), Holder::Author, Holder::Unnamed];
    all.map(holder_kind).to_vec()
}

/// A label of a metric.
#[derive(Clone, Copy)]
struct Label {
    name: &'static str,
    values: Values,
}

/// What a label can be. Nothing here comes from a caller.
#[derive(Clone, Copy)]
enum Values {
    Listed(fn() -> Vec<&'static str>),
    /// In words, for the documentation.
    Told(&'static str),
}

impl Label {
    const fn listed(name: &'static str, values: fn() -> Vec<&'static str>) -> Self {
        let values = Values::Listed(values);
        Self { name, values }
    }

    const fn told(name: &'static str, values: &'static str) -> Self {
        let values = Values::Told(values);
        Self { name, values }
    }

    fn allows(self, value: &str) -> bool {
        match self.values {
            Values::Listed(values) => values().contains(&value),
            Values::Told(_) => true,
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.values {
            Values::Listed(values) => write!(f, "`{}`: `{}`", self.name, values().join("`, `")),
            Values::Told(values) => write!(f, "`{}`: {values}", self.name),
        }
    }
}

/// The values of one series, beside the names of their labels.
type LabelSet<const N: usize> = [(&'static str, Cow<'static, str>); N];

/// A metric with labels. A clone shares the same values.
#[derive(Clone)]
struct Labelled<M, const N: usize> {
    labels: [Label; N],
    family: Family<LabelSet<N>, M>,
}

impl<M: Clone, const N: usize> Labelled<M, N> {
    fn new(labels: [Label; N], new: fn() -> M) -> Self {
        let family = Family::new_with_constructor(new);
        Self { labels, family }
    }

    /// The series with these values, in the order of the labels.
    fn with(&self, values: [&'static str; N]) -> M {
        debug_assert!(
            self.labels
                .iter()
                .zip(values)
                .all(|(label, value)| label.allows(value)),
            "not in the table: {values:?}"
        );
        self.series(values.map(Cow::Borrowed))
    }

    fn series(&self, values: [Cow<'static, str>; N]) -> M {
        let mut set = self.labels.map(|label| (label.name, Cow::Borrowed("")));
        for ((_, place), value) in set.iter_mut().zip(values) {
            *place = value;
        }
        self.family.get_or_create_owned(&set)
    }

    /// Lets every series begin at 0 where all values are known: a rate doesn't see the event that a series begins with.
    fn begin(&self) {
        let mut sets = vec![Vec::new()];
        for label in self.labels {
            let Values::Listed(values) = label.values else {
                return;
            };
            let longer = |set: &Vec<_>| {
                let set = set.clone();
                let with = move |value| [set.as_slice(), &[value]].concat();
                values().into_iter().map(with)
            };
            sets = sets.iter().flat_map(longer).collect();
        }
        for set in sets.into_iter().filter_map(|set| set.try_into().ok()) {
            let _ = self.with(set);
        }
    }
}

/// The metrics as they are entered.
struct Table {
    registry: Registry,
    rows: Vec<Row>,
}

/// What the documentation says of one metric.
struct Row {
    /// As a query names it, but for the suffixes of a histogram.
    name: String,
    kind: MetricType,
    unit: Option<Unit>,
    labels: Vec<Label>,
    help: &'static str,
}

impl Table {
    fn new() -> Self {
        Self {
            registry: Registry::with_prefix(PREFIX),
            rows: Vec::new(),
        }
    }

    fn labelled<M, const N: usize>(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: [Label; N],
        new: fn() -> M,
    ) -> Labelled<M, N>
    where
        M: Metric + TypedMetric + Clone,
    {
        let metric = Labelled::new(labels, new);
        metric.begin();
        self.enter(name, help, labels.to_vec(), metric.family.clone());
        metric
    }

    fn add<M>(&mut self, name: &'static str, help: &'static str, metric: M) -> M
    where
        M: Metric + TypedMetric + Clone,
    {
        self.enter(name, help, Vec::new(), metric.clone());
        metric
    }

    fn enter<M: Metric + TypedMetric>(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: Vec<Label>,
        metric: M,
    ) {
        let suffix = match M::TYPE {
            MetricType::Counter => "_total",
            _ => "",
        };
        let (stem, unit) = stem_and_unit(name);
        self.rows.push(Row {
            name: format!("{PREFIX}_{name}{suffix}"),
            kind: M::TYPE,
            unit: unit.clone(),
            labels,
            help,
        });
        match unit {
            // It comes back onto the name.
            Some(unit) => self.registry.register_with_unit(stem, help, unit, metric),
            None => self.registry.register(name, help, metric),
        }
    }
}

/// OpenMetrics wants a unit at the end of a name.
fn stem_and_unit(name: &str) -> (&str, Option<Unit>) {
    match name.rsplit_once('_') {
        Some((stem, "seconds")) => (stem, Some(Unit::Seconds)),
        Some((stem, "bytes")) => (stem, Some(Unit::Bytes)),
        Some((stem, "tokens")) => (stem, Some(Unit::Other("tokens".to_owned()))),
        _ => (name, None),
    }
}

/// All metrics as a table in Markdown.
pub fn reference() -> String {
    let mut out = "| Name | Type | Unit | Labels | Meaning |\n|---|---|---|---|---|".to_owned();
    for row in Metrics::with_table().1 {
        let labels: Vec<String> = row.labels.iter().map(ToString::to_string).collect();
        // Writing to a string does not fail.
        let _ = write!(
            out,
            "\n| `{}` | {} | {} | {} | {} |",
            row.name,
            row.kind.as_str(),
            row.unit.as_ref().map_or("", Unit::as_str),
            labels.join("<br>"),
            row.help,
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::pipeline::{
        document::{Coverage, Entity, Mention, Quote, StanceRelation},
        text::{OffsetUnit, Text},
    };

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
            None,
        );
        metrics.document_answered("ok");
        metrics.document_tagged(&tagged("de"), Duration::from_micros(300));
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
            ("tagwerk_document_bytes_total".into(), "47"),
            (
                r#"tagwerk_postprocess_duration_seconds_bucket{le="0.0002"}"#.into(),
                "0",
            ),
            (
                r#"tagwerk_postprocess_duration_seconds_bucket{le="0.0004"}"#.into(),
                "1",
            ),
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
    fn what_an_answer_holds_is_counted_by_kind() {
        let metrics = Metrics::new();
        metrics.document_tagged(&tagged("de"), Duration::ZERO);
        for (series, expected) in [
            (r#"mentions_total{type="PERSON"}"#, "1"),
            (r#"mentions_total{type="ORGANIZATION"}"#, "2"),
            (r#"mentions_total{type="LOCATION"}"#, "0"),
            (r#"entities_total{type="PERSON"}"#, "1"),
            (r#"entities_total{type="ORGANIZATION"}"#, "1"),
            (r#"entities_total{type="MISCELLANEOUS"}"#, "0"),
            (
                r#"stances_total{polarity="UNFAVORABLE",holder="MENTION"}"#,
                "1",
            ),
            (
                r#"stances_total{polarity="FAVORABLE",holder="AUTHOR"}"#,
                "1",
            ),
            (
                r#"stances_total{polarity="UNFAVORABLE",holder="AUTHOR"}"#,
                "0",
            ),
            (r#"quotes_total{speaker="UNNAMED"}"#, "1"),
            (r#"quotes_total{speaker="MENTION"}"#, "0"),
            (r#"document_languages_total{language="de"}"#, "1"),
        ] {
            let found = value(&metrics, &format!("tagwerk_{series}"));
            assert_eq!(found.as_deref(), Some(expected), "{series}");
        }
    }

    #[test]
    fn a_language_that_is_not_listed_is_other() {
        let metrics = Metrics::new();
        for language in ["und", "ja", "x\"} 1\n", ""] {
            metrics.document_tagged(&tagged(language), Duration::ZERO);
        }
        let page = metrics.page();
        let seen: Vec<&str> = page
            .lines()
            .filter(|line| line.starts_with("tagwerk_document_languages_total{"))
            .filter(|line| !line.ends_with(" 0"))
            .collect();
        assert_eq!(seen.len(), 2, "{seen:?}");
        for expected in [r#"{language="und"} 1"#, r#"{language="other"} 3"#] {
            assert!(seen.iter().any(|line| line.ends_with(expected)), "{seen:?}");
        }
    }

    #[test]
    fn series_of_known_values_begin_at_zero() {
        let metrics = Metrics::new();
        for (series, count) in [
            ("tagwerk_worker_restarts_total{", 2),
            ("tagwerk_reloads_total{", 10),
            ("tagwerk_stances_total{", 8),
            ("tagwerk_documents_total{", 17),
            ("tagwerk_calls_total{", 0),
        ] {
            let page = metrics.page();
            let lines = page.lines().filter(|line| line.starts_with(series));
            let zeros = lines.filter(|line| line.ends_with(" 0"));
            assert_eq!(zeros.count(), count, "{series}");
        }
    }

    #[test]
    fn every_metric_of_the_table_is_on_the_page_with_type_unit_and_help() {
        let (metrics, rows) = Metrics::with_table();
        // Families without a series are left out of the page.
        metrics.call_ended(OTHER, "OK", Duration::ZERO, None);
        metrics.model_loaded(&description("1"));
        let page = metrics.page();
        for row in &rows {
            let name = row.name.strip_suffix("_total").unwrap_or(&row.name);
            let mut lines = vec![
                format!("# HELP {name} {}.", row.help),
                format!("# TYPE {name} {}", row.kind.as_str()),
            ];
            if let Some(unit) = &row.unit {
                assert!(name.ends_with(unit.as_str()), "{name}");
                lines.push(format!("# UNIT {name} {}", unit.as_str()));
            }
            for line in lines {
                let found = page.lines().filter(|&l| l == line).count();
                assert_eq!(found, 1, "{line}:\n{page}");
            }
        }
        let types = page.lines().filter(|line| line.starts_with("# TYPE "));
        assert_eq!(types.count(), rows.len());
    }

    #[test]
    #[should_panic(expected = "not in the table")]
    fn a_value_that_the_table_does_not_list_is_a_defect() {
        Metrics::new().worker_restarted("boredom");
    }

    /// A person against a company that the author praises, and a quotation of somebody.
    fn tagged(language: &str) -> TaggedDocument {
        let source = "Jana Roth rügt die Vela AG. Vela: „Unsinn“";
        let text = Text::new(source).unwrap();
        let span = |part: &str| {
            let start = source.find(part).unwrap();
            text.span(start..start + part.len()).unwrap()
        };
        let mention = |name, entity_type, entity| Mention {
            span: span(name),
            entity_type,
            probability: 1.0,
            entity: Some(entity),
            stance: None,
        };
        let entity = |name: &str, entity_type, mentions| Entity {
            name: name.into(),
            entity_type,
            mentions,
            salience: 0.5,
            stance: None,
        };
        let stance = |target, holder, polarity| StanceRelation {
            target,
            holder,
            polarity,
            probability: 1.0,
            holder_probability: 1.0,
            evidence: text.whole(),
        };
        TaggedDocument {
            targets: vec![],
            near_duplicate_key: 0,
            id: String::new(),
            offset_unit: OffsetUnit::default(),
            language: language.into(),
            language_probability: 1.0,
            mentions: vec![
                mention("Jana Roth", EntityType::Person, 0),
                mention("Vela AG", EntityType::Organization, 1),
                mention("Vela", EntityType::Organization, 1),
            ],
            entities: vec![
                entity("Vela AG", EntityType::Organization, vec![1, 2]),
                entity("Jana Roth", EntityType::Person, vec![0]),
            ],
            stances: vec![
                stance(1, Holder::Mention(0), Polarity::Unfavorable),
                stance(2, Holder::Author, Polarity::Favorable),
            ],
            quotes: vec![Quote {
                span: span("„Unsinn“"),
                speaker: Holder::Unnamed,
            }],
            sentences: vec![],
            sentiment: None,
            coverage: Coverage {
                bytes_read: source.len(),
                bytes_total: source.len(),
                windows: 1,
            },
            text: text.clone(),
            read: Instant::now(),
        }
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
