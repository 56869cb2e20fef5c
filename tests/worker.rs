//! The queue worker against a real NATS: whatever breaks in the middle, each document is in the output once.

mod support;

use std::{
    collections::HashMap,
    convert::Infallible,
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, LazyLock, Mutex},
    thread,
    time::Duration,
};

use async_nats::{
    HeaderMap,
    jetstream::{
        self, AckKind, Context,
        consumer::{AckPolicy, pull},
        message::StreamMessage,
        stream::{self, RetentionPolicy},
    },
};
use futures::StreamExt as _;
use prost::Message as _;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use support::{PATIENCE, article, document, free_port, http, tag, until};
use tagwerk::{
    proto::tagwerk::v1::TaggedDocument,
    queue_worker::{self, AnswerFormat, NatsSettings, QueueSettings, WorkerConfig, WorkerError},
    telemetry::Metrics,
};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tokio_stream::wrappers::UnboundedReceiverStream;

const INPUT: &str = "DOCUMENTS";
const OUTPUT: &str = "TAGGED";
const DEAD: &str = "DEAD";

/// The server, installed where it is missing.
static PROGRAM: LazyLock<PathBuf> =
    LazyLock::new(|| support::tools("services").join("nats-server"));

/// A NATS server of our own with JetStream, killed when dropped.
struct Nats {
    process: Child,
    port: u16,
    store: PathBuf,
    arguments: &'static [&'static str],
}

impl Nats {
    /// With the three streams.
    async fn start(name: &str) -> Self {
        let nats = Self::start_bare(name).await;
        let jetstream = nats.jetstream().await;
        let input = stream::Config {
            retention: RetentionPolicy::WorkQueue,
            ..streamed(INPUT, "documents.>")
        };
        for config in [input, streamed(OUTPUT, "tagged"), streamed(DEAD, "dead")] {
            jetstream.create_stream(config).await.unwrap();
        }
        nats
    }

    async fn start_bare(name: &str) -> Self {
        Self::start_with(name, &[]).await
    }

    async fn start_with(name: &str, arguments: &'static [&'static str]) -> Self {
        let port = free_port();
        let store = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("worker-{name}"));
        let _ = fs::remove_dir_all(&store);
        fs::create_dir_all(&store).unwrap();
        // Larger than the largest document.
        fs::write(store.join("nats.conf"), "max_payload: 4MB").unwrap();
        let process = Self::spawn(port, &store, arguments);
        let nats = Self {
            process,
            port,
            store,
            arguments,
        };
        nats.listens().await;
        nats
    }

    fn spawn(port: u16, store: &Path, arguments: &[&str]) -> Child {
        Command::new(PROGRAM.as_path())
            .args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"])
            .arg(store)
            .arg("-c")
            .arg(store.join("nats.conf"))
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    async fn listens(&self) {
        until("NATS listens", || async {
            std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        })
        .await;
    }

    fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// JetStream over a connection of its own, once it answers.
    async fn jetstream(&self) -> Context {
        let client = async_nats::connect(self.url()).await.unwrap();
        let jetstream = jetstream::new(client);
        until("JetStream answers", || async {
            jetstream.query_account().await.is_ok()
        })
        .await;
        jetstream
    }

    fn stop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    async fn start_again(&mut self) {
        self.process = Self::spawn(self.port, &self.store, self.arguments);
        self.listens().await;
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.store);
    }
}

fn streamed(name: &str, subject: &str) -> stream::Config {
    stream::Config {
        name: name.to_owned(),
        subjects: vec![subject.to_owned()],
        ..stream::Config::default()
    }
}

fn settings() -> QueueSettings {
    QueueSettings {
        stream: INPUT.to_owned(),
        consumer: "tagwerk".to_owned(),
        subject: None,
        output: "tagged".to_owned(),
        dead_letters: "dead".to_owned(),
        documents: 8,
        ack_wait: PATIENCE * 10,
        max_deliveries: 20,
        max_ack_pending: 1000,
        answers: AnswerFormat::Same,
    }
}

/// A worker in this process. It is dropped in the middle of its work when this is dropped.
struct Worker {
    signals: mpsc::UnboundedSender<()>,
    task: JoinHandle<Result<(), WorkerError>>,
    metrics: Metrics,
}

impl Worker {
    async fn start(nats: &Nats, queue: QueueSettings) -> Self {
        let pipeline = support::pipeline().await;
        let config = WorkerConfig {
            http_listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            grace: PATIENCE,
            nats: NatsSettings {
                url: nats.url(),
                ..NatsSettings::default()
            },
            queue,
        };
        let (signals, received) = mpsc::unbounded_channel();
        let metrics = Metrics::new();
        let own = metrics.clone();
        let task = tokio::spawn(async move {
            let load = std::future::ready(Ok::<_, Infallible>(Some(pipeline)));
            let signals = UnboundedReceiverStream::new(received);
            queue_worker::run_until(config, load, own, signals).await
        });
        Self {
            signals,
            task,
            metrics,
        }
    }

    /// The value of one series; 0 where it is absent.
    fn metric(&self, series: &str) -> f64 {
        let page = self.metrics.page();
        page.lines()
            .filter_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
            .find_map(|value| value.parse().ok())
            .unwrap_or(0.0)
    }

    async fn until_metric(&self, series: &str, reached: impl Fn(f64) -> bool) {
        until(series, || async { reached(self.metric(series)) }).await;
    }

    async fn is_at_work(&self) {
        until("the model is announced", || async {
            self.metrics.page().contains("fingerprint=")
        })
        .await;
    }

    fn signal(&self) {
        self.signals.send(()).unwrap();
    }

    async fn ended(mut self) -> Result<(), WorkerError> {
        timeout(PATIENCE, &mut self.task)
            .await
            .expect("the worker hangs")
            .unwrap()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A `tagwerk worker`, killed when dropped.
struct Process {
    process: Child,
    said: Arc<Mutex<Vec<String>>>,
}

impl Process {
    fn start(nats: &Nats, more: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagwerk"));
        command
            .args(["worker", "--nats", &nats.url(), "--stream", INPUT])
            .args(["--output", "tagged", "--dead-letters", "dead"])
            .args(["--http-listen", "127.0.0.1:0", "--log-format", "json"])
            .args(["--workers", "1", "--documents", "8"])
            .args(["--ack-wait-milliseconds", "1000", "--max-deliveries", "50"])
            .args(more);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TAGWERK_") {
                command.env_remove(name);
            }
        }
        let command = command.stdin(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let said = Arc::new(Mutex::new(Vec::new()));
        let own = Arc::clone(&said);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                own.lock().unwrap().push(line);
            }
        });
        Self { process, said }
    }

    /// What the first event with this field has in it.
    async fn says(&self, field: &str) -> String {
        let find = || {
            let said = self.said.lock().unwrap();
            let mut events = said
                .iter()
                .filter_map(|line| serde_json::from_str(line).ok());
            events.find_map(|event: Value| Some(event[field].as_str()?.to_owned()))
        };
        until(field, || async { find().is_some() }).await;
        find().unwrap()
    }

    async fn http(&self) -> SocketAddr {
        self.says("http").await.parse().unwrap()
    }

    fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    fn has_said(&self, what: &str) -> bool {
        let said = self.said.lock().unwrap();
        said.iter().any(|line| line.contains(what))
    }

    async fn exit_code(&mut self) -> Option<i32> {
        let process = Mutex::new(&mut self.process);
        let ended = || process.lock().unwrap().try_wait().unwrap();
        until("the worker ends", || async { ended().is_some() }).await;
        ended().unwrap().code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A short text of its own for each number.
fn text(number: usize) -> String {
    format!("Jana Roth traf Ömer Falk in Kiel, zum {number}. Mal.")
}

fn request(number: usize) -> Vec<u8> {
    tag(document(&number.to_string(), &text(number))).encode_to_vec()
}

async fn publish(jetstream: &Context, payload: Vec<u8>) {
    publish_with(jetstream, HeaderMap::new(), payload).await;
}

async fn publish_with(jetstream: &Context, headers: HeaderMap, payload: Vec<u8>) {
    let sent = jetstream.publish_with_headers("documents.de", headers, payload.into());
    sent.await.unwrap().await.unwrap();
}

async fn deliver(jetstream: &Context, documents: usize) {
    for number in 0..documents {
        publish(jetstream, request(number)).await;
    }
}

/// How many messages a stream holds.
async fn count(jetstream: &Context, stream: &str) -> u64 {
    let stream = jetstream.get_stream(stream).await.unwrap();
    stream.cached_info().state.messages
}

async fn until_count(jetstream: &Context, stream: &str, expected: u64) {
    until(stream, || async {
        count(jetstream, stream).await == expected
    })
    .await;
}

/// All messages of a stream.
async fn messages(jetstream: &Context, stream: &str) -> Vec<StreamMessage> {
    let stream = jetstream.get_stream(stream).await.unwrap();
    let state = stream.cached_info().state.clone();
    let mut messages = Vec::new();
    for sequence in state.first_sequence..=state.last_sequence {
        messages.push(stream.get_raw_message(sequence).await.unwrap());
    }
    messages
}

fn header<'a>(message: &'a StreamMessage, name: &str) -> &'a str {
    message.headers.get(name).map_or("", |value| value.as_str())
}

/// Fails unless the input is empty and each document is in the output once.
async fn assert_each_once(jetstream: &Context, documents: usize) {
    until_count(jetstream, INPUT, 0).await;
    let mut times: HashMap<String, usize> = HashMap::new();
    for message in messages(jetstream, OUTPUT).await {
        let answer = TaggedDocument::decode(message.payload).unwrap();
        *times.entry(answer.id).or_default() += 1;
    }
    let expected = (0..documents).map(|number| (number.to_string(), 1));
    assert_eq!(times, expected.collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_document_is_in_the_output_once() {
    let nats = Nats::start("once").await;
    let jetstream = nats.jetstream().await;
    deliver(&jetstream, 50).await;
    let worker = Worker::start(&nats, settings()).await;
    assert_each_once(&jetstream, 50).await;
    let published = r#"tagwerk_nats_messages_total{outcome="published"}"#;
    worker.until_metric(published, |value| value == 50.0).await;
    assert_eq!(worker.metric("tagwerk_nats_redeliveries_total"), 0.0);
    assert_eq!(count(&jetstream, DEAD).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_of_one_consumer_share_the_queue() {
    let nats = Nats::start("share").await;
    let jetstream = nats.jetstream().await;
    let one = Worker::start(&nats, settings()).await;
    let other = Worker::start(&nats, settings()).await;
    deliver(&jetstream, 60).await;
    assert_each_once(&jetstream, 60).await;
    let published = r#"tagwerk_nats_messages_total{outcome="published"}"#;
    let by_both = || one.metric(published) + other.metric(published);
    until("all are counted", || async { by_both() == 60.0 }).await;
    assert!(one.metric(published) > 0.0 && other.metric(published) > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_documents_are_in_hand_than_set() {
    let nats = Nats::start("hand").await;
    let jetstream = nats.jetstream().await;
    for _ in 0..6 {
        publish(&jetstream, tag(document("", &article(60))).encode_to_vec()).await;
    }
    let queue = QueueSettings {
        documents: 2,
        ..settings()
    };
    let worker = Worker::start(&nats, queue).await;
    worker
        .until_metric("tagwerk_documents_in_flight", |value| value == 2.0)
        .await;
    let stream = jetstream.get_stream(INPUT).await.unwrap();
    let consumer = stream.consumer_info("tagwerk").await.unwrap();
    assert_eq!((consumer.num_ack_pending, consumer.num_pending), (2, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_have_the_form_of_the_request_and_its_id_and_options() {
    let nats = Nats::start("form").await;
    let jetstream = nats.jetstream().await;
    let in_json = json!({
        "document": { "id": "a/1", "text": "🚢 Jana Roth kam nach Kiel.", "language": "de" },
        "options": { "offsetUnit": "OFFSET_UNIT_UTF16_CODE_UNIT", "features": ["FEATURE_MENTIONS"] },
    });
    publish(&jetstream, in_json.to_string().into()).await;
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/json; charset=utf-8");
    publish_with(&jetstream, headers, format!("\n{in_json}").into()).await;
    publish(&jetstream, request(7)).await;
    let _worker = Worker::start(&nats, settings()).await;
    until_count(&jetstream, OUTPUT, 3).await;

    let (mut in_json, mut in_protobuf) = (0, 0);
    for answer in messages(&jetstream, OUTPUT).await {
        match header(&answer, "Content-Type") {
            "application/json" => {
                in_json += 1;
                let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
                assert_eq!(answer["id"], "a/1");
                assert_eq!(answer["mentions"][0]["text"], "Jana Roth");
                assert_eq!(answer["mentions"][0]["span"]["start"], 3);
                assert_eq!(answer["sentences"], json!([]));
            }
            "application/x-protobuf" => {
                in_protobuf += 1;
                let answer = TaggedDocument::decode(answer.payload).unwrap();
                assert_eq!(answer.id, "7");
                assert_eq!(answer.mentions[0].text, "Jana Roth");
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!((in_json, in_protobuf), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_tagged_is_a_dead_letter_with_the_reason() {
    let nats = Nats::start("dead").await;
    let jetstream = nats.jetstream().await;
    let mut in_klingon = document("b", "Guten Tag.");
    in_klingon.language = "tlh".to_owned();
    let cases = [
        ("", b"\x0a\xff".to_vec(), "INVALID_ARGUMENT", "protobuf"),
        ("", b"{\"text\":".to_vec(), "INVALID_ARGUMENT", "JSON"),
        (
            "text/plain",
            b"Guten Tag".to_vec(),
            "INVALID_ARGUMENT",
            "content type",
        ),
        ("", Vec::new(), "INVALID_ARGUMENT", "document is required"),
        (
            "",
            tag(in_klingon).encode_to_vec(),
            "INVALID_ARGUMENT",
            "tlh",
        ),
        (
            "",
            tag(document("c", &"x".repeat((1 << 20) + 1))).encode_to_vec(),
            "INVALID_ARGUMENT",
            "limit",
        ),
        #[cfg(feature = "faults")]
        (
            "",
            tag(document("d", "Ein ⟦panic⟧ kam.")).encode_to_vec(),
            "INTERNAL",
            "model",
        ),
    ];
    for (content_type, payload, ..) in &cases {
        let mut headers = HeaderMap::new();
        headers.insert("X-Desk", "Politik");
        if !content_type.is_empty() {
            headers.insert("Content-Type", *content_type);
        }
        publish_with(&jetstream, headers, payload.clone()).await;
    }
    publish(&jetstream, request(0)).await;
    let worker = Worker::start(&nats, settings()).await;
    until_count(&jetstream, INPUT, 0).await;

    let letters = messages(&jetstream, DEAD).await;
    assert_eq!(letters.len(), cases.len());
    for (_, payload, code, reason) in &cases {
        let letter = letters.iter().find(|letter| letter.payload == *payload);
        let letter = letter.unwrap_or_else(|| panic!("{reason}"));
        assert_eq!(header(letter, "Tagwerk-Code"), *code, "{reason}");
        let message = header(letter, "Tagwerk-Message");
        assert!(message.contains(reason), "{message}");
        assert_eq!(header(letter, "Tagwerk-Subject"), "documents.de");
        assert_eq!(header(letter, "Tagwerk-Stream"), INPUT);
        assert_ne!(header(letter, "Tagwerk-Sequence"), "");
        assert_eq!(header(letter, "Tagwerk-Deliveries"), "1");
        assert_eq!(header(letter, "X-Desk"), "Politik");
    }
    assert_eq!(count(&jetstream, OUTPUT).await, 1);
    let dead = r#"tagwerk_nats_messages_total{outcome="dead"}"#;
    assert_eq!(worker.metric(dead), letters.len() as f64);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_the_stream_does_not_take_makes_a_dead_letter() {
    let nats = Nats::start("large").await;
    let jetstream = nats.jetstream().await;
    let small = stream::Config {
        max_message_size: 300,
        ..streamed(OUTPUT, "tagged")
    };
    jetstream.update_stream(small).await.unwrap();
    publish(
        &jetstream,
        tag(document("long", &article(3))).encode_to_vec(),
    )
    .await;
    let _worker = Worker::start(&nats, settings()).await;
    until_count(&jetstream, INPUT, 0).await;
    let letters = messages(&jetstream, DEAD).await;
    assert_eq!(header(&letters[0], "Tagwerk-Code"), "OUT_OF_RANGE");
    assert_eq!(count(&jetstream, OUTPUT).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_delivered_too_often_is_a_dead_letter() {
    let nats = Nats::start("often").await;
    let jetstream = nats.jetstream().await;
    publish(&jetstream, request(0)).await;
    let stream = jetstream.get_stream(INPUT).await.unwrap();
    let config = pull::Config {
        durable_name: Some("tagwerk".to_owned()),
        ack_policy: AckPolicy::Explicit,
        ..pull::Config::default()
    };
    let consumer = stream.create_consumer(config).await.unwrap();
    for _ in 0..2 {
        let mut messages = consumer.fetch().max_messages(1).messages().await.unwrap();
        let message = messages.next().await.unwrap().unwrap();
        message.double_ack_with(AckKind::Nak(None)).await.unwrap();
    }
    let queue = QueueSettings {
        max_deliveries: 2,
        ..settings()
    };
    let worker = Worker::start(&nats, queue).await;
    until_count(&jetstream, INPUT, 0).await;
    let letters = messages(&jetstream, DEAD).await;
    assert_eq!(header(&letters[0], "Tagwerk-Code"), "ABORTED");
    assert_eq!(header(&letters[0], "Tagwerk-Deliveries"), "3");
    assert_eq!(worker.metric("tagwerk_nats_redeliveries_total"), 1.0);
    assert_eq!(count(&jetstream, OUTPUT).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_text_keeps_its_message_by_signs_of_life() {
    let nats = Nats::start("long").await;
    let jetstream = nats.jetstream().await;
    let ack_wait = Duration::from_millis(500);
    publish(
        &jetstream,
        tag(document("0", &article(150))).encode_to_vec(),
    )
    .await;
    let queue = QueueSettings {
        ack_wait,
        ..settings()
    };
    let worker = Worker::start(&nats, queue).await;
    worker
        .until_metric("tagwerk_documents_in_flight", |value| value == 1.0)
        .await;
    let began = std::time::Instant::now();
    assert_each_once(&jetstream, 1).await;
    assert!(began.elapsed() > 2 * ack_wait, "the text is too short");
    assert_eq!(worker.metric("tagwerk_nats_redeliveries_total"), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_lets_documents_in_hand_be_finished_and_takes_no_more() {
    let nats = Nats::start("drain").await;
    let jetstream = nats.jetstream().await;
    for number in 0..20 {
        let request = tag(document(&number.to_string(), &article(20)));
        publish(&jetstream, request.encode_to_vec()).await;
    }
    let worker = Worker::start(&nats, settings()).await;
    worker
        .until_metric("tagwerk_documents_in_flight", |value| value == 8.0)
        .await;
    worker.signal();
    worker.ended().await.unwrap();
    let stream = jetstream.get_stream(INPUT).await.unwrap();
    let consumer = stream.consumer_info("tagwerk").await.unwrap();
    assert_eq!(consumer.num_ack_pending, 0);
    let done = count(&jetstream, OUTPUT).await;
    assert!((8..20).contains(&done), "{done}");
    assert_eq!(done + consumer.num_pending, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_signal_hands_back_at_once_what_is_in_hand() {
    let nats = Nats::start("back").await;
    let jetstream = nats.jetstream().await;
    for number in 0..3 {
        let request = tag(document(&number.to_string(), &article(100)));
        publish(&jetstream, request.encode_to_vec()).await;
    }
    let worker = Worker::start(&nats, settings()).await;
    worker
        .until_metric("tagwerk_documents_in_flight", |value| value == 3.0)
        .await;
    worker.signal();
    worker.signal();
    worker.ended().await.unwrap();
    // Without being handed back, they would come again after ten times our patience.
    let other = Worker::start(&nats, settings()).await;
    assert_each_once(&jetstream, 3).await;
    assert!(other.metric("tagwerk_nats_redeliveries_total") > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_where_nats_is_killed_and_started_again() {
    let mut nats = Nats::start("restart").await;
    let jetstream = nats.jetstream().await;
    deliver(&jetstream, 120).await;
    let queue = QueueSettings {
        ack_wait: Duration::from_secs(2),
        ..settings()
    };
    let worker = Worker::start(&nats, queue).await;
    let published = r#"tagwerk_nats_messages_total{outcome="published"}"#;
    worker.until_metric(published, |value| value >= 20.0).await;
    nats.stop();
    worker
        .until_metric("tagwerk_nats_connected", |value| value == 0.0)
        .await;
    nats.start_again().await;
    let jetstream = nats.jetstream().await;
    assert_each_once(&jetstream, 120).await;
    assert_eq!(worker.metric("tagwerk_nats_connected"), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_acknowledged_is_published_again() {
    let nats = Nats::start("again").await;
    let jetstream = nats.jetstream().await;
    let worker = Worker::start(&nats, settings()).await;
    worker.is_at_work().await;
    jetstream.delete_stream(OUTPUT).await.unwrap();
    deliver(&jetstream, 5).await;
    worker
        .until_metric("tagwerk_nats_publish_failures_total", |value| value >= 5.0)
        .await;
    assert_eq!(count(&jetstream, INPUT).await, 5);
    jetstream
        .create_stream(streamed(OUTPUT, "tagged"))
        .await
        .unwrap();
    assert_each_once(&jetstream, 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_tagged_again_is_not_published_again() {
    let nats = Nats::start("twice").await;
    let jetstream = nats.jetstream().await;
    // Of such a stream each consumer gets every message.
    jetstream.delete_stream(INPUT).await.unwrap();
    let kept = streamed(INPUT, "documents.>");
    jetstream.create_stream(kept).await.unwrap();
    deliver(&jetstream, 10).await;
    for (consumer, outcome) in [("one", "published"), ("other", "duplicate")] {
        let queue = QueueSettings {
            consumer: consumer.to_owned(),
            ..settings()
        };
        let worker = Worker::start(&nats, queue).await;
        let settled = format!(r#"tagwerk_nats_messages_total{{outcome="{outcome}"}}"#);
        worker.until_metric(&settled, |value| value == 10.0).await;
    }
    assert_eq!(count(&jetstream, OUTPUT).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_is_gone_is_made_again() {
    let nats = Nats::start("gone").await;
    let jetstream = nats.jetstream().await;
    let _worker = Worker::start(&nats, settings()).await;
    deliver(&jetstream, 1).await;
    assert_each_once(&jetstream, 1).await;
    let stream = jetstream.get_stream(INPUT).await.unwrap();
    stream.delete_consumer("tagwerk").await.unwrap();
    publish(&jetstream, request(1)).await;
    assert_each_once(&jetstream, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_missing_is_told_with_the_command_that_makes_it() {
    let nats = Nats::start_bare("streams").await;
    let jetstream = nats.jetstream().await;
    for (missing, name, subject) in [
        ("\"tagged\"", OUTPUT, "tagged"),
        ("\"dead\"", DEAD, "dead"),
        ("\"DOCUMENTS\"", INPUT, "documents.>"),
    ] {
        let worker = Worker::start(&nats, settings()).await;
        let error = worker.ended().await.unwrap_err().to_string();
        assert!(error.contains(missing), "{error}");
        assert!(error.contains("nats stream add"), "{error}");
        let stream = streamed(name, subject);
        jetstream.create_stream(stream).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_would_come_back_as_requests_are_refused() {
    let nats = Nats::start("circle").await;
    for (subject, is_refused) in [(None, true), (Some("documents.de"), false)] {
        let queue = QueueSettings {
            dead_letters: "documents.dead".to_owned(),
            subject: subject.map(str::to_owned),
            ..settings()
        };
        let worker = Worker::start(&nats, queue).await;
        if is_refused {
            let error = worker.ended().await.unwrap_err().to_string();
            assert!(error.contains("come back as requests"), "{error}");
        } else {
            worker.is_at_work().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_would_lose_messages_is_refused() {
    let nats = Nats::start("policy").await;
    let jetstream = nats.jetstream().await;
    let config = streamed("PLAIN", "plain");
    let stream = jetstream.create_stream(config).await.unwrap();
    let config = pull::Config {
        durable_name: Some("tagwerk".to_owned()),
        ack_policy: AckPolicy::None,
        ..pull::Config::default()
    };
    stream.create_consumer(config).await.unwrap();
    let queue = QueueSettings {
        stream: "PLAIN".to_owned(),
        ..settings()
    };
    let error = Worker::start(&nats, queue).await.ended().await.unwrap_err();
    assert!(error.to_string().contains("explicit"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_where_workers_are_killed() {
    let nats = Nats::start("kill").await;
    let jetstream = nats.jetstream().await;
    deliver(&jetstream, 150).await;
    for goal in [20, 60, 100] {
        let worker = Process::start(&nats, &[]);
        until("some are done", || async {
            count(&jetstream, OUTPUT).await >= goal
        })
        .await;
        // Dropping kills.
        drop(worker);
    }
    let _worker = Process::start(&nats, &[]);
    assert_each_once(&jetstream, 150).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_ready_while_it_has_nats_and_ends_with_code_0() {
    let mut nats = Nats::start("ready").await;
    nats.stop();
    let mut worker = Process::start(&nats, &[]);
    let http = worker.http().await;
    assert_eq!(http::get(http, "/livez").await.status, 200);
    assert_eq!(http::get(http, "/readyz").await.status, 503);
    nats.start_again().await;
    let is_ready = async |expected| {
        until("ready or not", || async {
            (http::get(http, "/readyz").await.status == 200) == expected
        })
        .await;
    };
    is_ready(true).await;
    nats.stop();
    is_ready(false).await;
    assert_eq!(http::get(http, "/livez").await.status, 200);
    nats.start_again().await;
    is_ready(true).await;
    worker.signal("TERM");
    assert_eq!(worker.exit_code().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_logs_in_and_one_that_is_not_let_in_ends_without_telling_its_password() {
    let arguments = ["--user", "bote", "--pass", "kiellinie"];
    let nats = Nats::start_with("login", Box::leak(Box::new(arguments))).await;
    let password = nats.store.join("password");
    for (given, told) in [
        ("kiellinie\n", "no stream takes the subject"),
        ("falschwort", "refuses the worker"),
    ] {
        fs::write(&password, given).unwrap();
        let file = password.display().to_string();
        let login = ["--nats-user", "bote", "--nats-password", &file];
        let mut worker = Process::start(&nats, &login);
        assert_eq!(worker.exit_code().await, Some(1), "{told}");
        let last = || worker.said.lock().unwrap().join("\n");
        until(told, || async { last().contains(told) }).await;
        assert!(!last().contains(given.trim()), "{}", last());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_shows_the_token_of_a_file() {
    let nats = Nats::start_with("token", &["--auth", "wertmarke"]).await;
    let token = nats.store.join("token");
    for (given, told) in [
        ("wertmarke\n", "no stream takes the subject"),
        ("blindgänger", "refuses the worker"),
    ] {
        fs::write(&token, given).unwrap();
        let file = token.display().to_string();
        let mut worker = Process::start(&nats, &["--nats-token", &file]);
        assert_eq!(worker.exit_code().await, Some(1), "{told}");
        until(told, || async { worker.has_said(told) }).await;
        assert!(!worker.has_said(given.trim()));
    }
}

/// A signed claim of NATS: a JSON web token with a signature by an nkey.
fn claim(issuer: &nkeys::KeyPair, subject: &nkeys::KeyPair, nats: Value) -> String {
    let claims = json!({
        "jti": subject.public_key(),
        "iat": 1_700_000_000,
        "iss": issuer.public_key(),
        "name": "bote",
        "sub": subject.public_key(),
        "nats": nats,
    });
    let header = json!({"typ": "JWT", "alg": "ed25519-nkey"});
    let encode = |bytes: &[u8]| data_encoding::BASE64URL_NOPAD.encode(bytes);
    let signed = [header, claims].map(|part| encode(part.to_string().as_bytes()));
    let signed = signed.join(".");
    let signature = issuer.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", encode(&signature))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_logs_in_with_a_file_of_credentials() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("worker-credentials");
    fs::create_dir_all(&folder).unwrap();
    let (operator, account) = (
        nkeys::KeyPair::new_operator(),
        nkeys::KeyPair::new_account(),
    );
    let of_operator = claim(
        &operator,
        &operator,
        json!({"type": "operator", "version": 2}),
    );
    // The system's account, which a server needs that knows accounts by claims, must not have streams.
    let system = nkeys::KeyPair::new_account();
    let accounts = [(&account, -1), (&system, 0)].map(|(of, storage)| {
        let limits = json!({
            "subs": -1, "data": -1, "payload": -1, "conn": -1, "wildcards": true,
            "mem_storage": storage, "disk_storage": storage, "streams": storage, "consumer": storage,
        });
        let kind = json!({"type": "account", "version": 2, "limits": limits});
        format!("{}: {}\n", of.public_key(), claim(&operator, of, kind))
    });
    let config = folder.join("nats.conf");
    let written = format!(
        "operator: {of_operator}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{\n{}}}\n",
        system.public_key(),
        accounts.concat(),
    );
    fs::write(&config, written).unwrap();
    let arguments = ["-c", config.display().to_string().leak() as &str];
    let nats = Nats::start_with("claims", Box::leak(Box::new(arguments))).await;

    let user = nkeys::KeyPair::new_user();
    let other = nkeys::KeyPair::new_account();
    let credentials = folder.join("bote.creds");
    for (issuer, told) in [
        (&account, "no stream takes the subject"),
        (&other, "refuses the worker"),
    ] {
        let rights = json!({
            "type": "user", "version": 2, "pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1,
        });
        let seed = user.seed().unwrap();
        let file = format!(
            "-----BEGIN NATS USER JWT-----\n{}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n",
            claim(issuer, &user, rights),
        );
        fs::write(&credentials, file).unwrap();
        let file = credentials.display().to_string();
        let mut worker = Process::start(&nats, &["--nats-credentials", &file]);
        assert_eq!(worker.exit_code().await, Some(1), "{told}");
        until(told, || async { worker.has_said(told) }).await;
        assert!(!worker.has_said(&seed));
    }
}

/// A new authority's certificate, and a certificate of it for this machine with its key.
fn certificates() -> [String; 3] {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    [authority, certificate.pem(), key.serialize_pem()]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_speaks_tls_with_a_server_of_its_authority_alone() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("worker-certificates");
    fs::create_dir_all(&folder).unwrap();
    let put = |name: &str, content: &str| {
        fs::write(folder.join(name), content).unwrap();
        folder.join(name).display().to_string()
    };
    let [authority, certificate, key] = certificates();
    let (certificate, key) = (put("server.pem", &certificate), put("server.key", &key));
    let arguments = [
        "--tls",
        "--tlscert",
        certificate.leak(),
        "--tlskey",
        key.leak(),
    ];
    let nats = Nats::start_with("tls", Box::leak(Box::new(arguments))).await;

    let authority = put("ca.pem", &authority);
    let mut worker = Process::start(&nats, &["--nats-ca", &authority]);
    assert_eq!(worker.exit_code().await, Some(1));
    let told = "no stream takes the subject";
    until(told, || async { worker.has_said(told) }).await;

    let [other, ..] = certificates();
    let other = put("other.pem", &other);
    let worker = Process::start(&nats, &["--nats-ca", &other]);
    until("the server is not trusted", || async {
        worker.has_said("invalid peer certificate") || worker.has_said("refuses the worker")
    })
    .await;
    assert!(!worker.has_said(told));
}
