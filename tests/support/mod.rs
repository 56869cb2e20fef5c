//! The real server in the test's own process, on ports of its own.
#![allow(dead_code)]

pub mod http;
pub mod program;
pub mod raw;
pub mod secrets;

use std::{
    convert::Infallible,
    future::Future,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
    thread,
    time::{Duration, Instant},
};

use tagwerk::{
    cli::local,
    config::ModelArgs,
    model::Precision,
    pipeline::Pipeline,
    proto::tagwerk::v1::{
        Document, TagOptions, TagRequest, TagStreamRequest,
        tagging_service_client::TaggingServiceClient,
    },
    server::{Server, ServerConfig, ServerError},
    telemetry::Metrics,
};
use tokio::{
    sync::{OnceCell, mpsc},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::transport::{Channel, Endpoint};

/// Far longer than anything here takes: what is not there by then never comes.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What the engine of the shared pipeline counts.
static ENGINE: LazyLock<Metrics> = LazyLock::new(Metrics::new);

/// Whether no window waits or is read in the shared pipeline.
pub fn is_idle() -> bool {
    let page = ENGINE.page();
    let is_zero = |series| page.lines().any(|line| line == format!("{series} 0"));
    is_zero("tagwerk_queue_tokens") && is_zero("tagwerk_tokens_in_hand")
}

/// The package of the checkout with so many workers; 0 takes one for each CPU.
pub fn model(workers: usize) -> ModelArgs {
    ModelArgs {
        model: None,
        models: None,
        precision: Precision::Fp32,
        workers,
        batch_tokens: 2048,
        queue_tokens: 1 << 18,
        hang_seconds: 60,
        max_document_bytes: 1 << 20,
    }
}

/// The folder of the development tools, with those of a group of `scripts/tools.sh`.
pub fn tools(group: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let installed = Command::new(root.join("scripts/tools.sh"))
        .arg(group)
        .status()
        .unwrap();
    assert!(installed.success(), "scripts/tools.sh {group} failed");
    root.join("target/tools/bin")
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The pipeline that all test servers of a process share: loading a model takes seconds.
pub async fn pipeline() -> Pipeline {
    static PIPELINE: OnceCell<Pipeline> = OnceCell::const_new();
    let load = || async {
        let loader = local::Loader::new(model(0), ENGINE.clone()).with_express_lane();
        loader.load(None).await.expect("no model package").unwrap()
    };
    PIPELINE.get_or_init(load).await.clone()
}

/// A running server. It is stopped when this is dropped.
pub struct TestServer {
    pub grpc: SocketAddr,
    pub http: SocketAddr,
    signals: mpsc::UnboundedSender<()>,
    task: JoinHandle<Result<(), ServerError>>,
}

/// The settings of a test server.
pub fn config() -> ServerConfig {
    ServerConfig {
        stream_documents: 8,
        grace: PATIENCE,
        ..ServerConfig::default()
    }
}

/// A server that is ready.
pub async fn server() -> TestServer {
    server_with(config()).await
}

/// A server with these settings that is ready.
pub async fn server_with(config: ServerConfig) -> TestServer {
    let pipeline = pipeline().await;
    let server = start(config, async { Ok(pipeline) }).await;
    server.until_ready().await;
    server
}

/// A server whose model loads for as long as `load` takes.
pub async fn start(
    config: ServerConfig,
    load: impl Future<Output = Result<Pipeline, Infallible>> + Send + 'static,
) -> TestServer {
    run(Server::bind(config, Metrics::new()).await.unwrap(), load)
}

/// Runs a server that has its ports.
pub fn run(
    server: Server,
    load: impl Future<Output = Result<Pipeline, Infallible>> + Send + 'static,
) -> TestServer {
    let mut load = Some(load);
    run_with(server, move |_| {
        let load = load.take();
        async move {
            match load {
                Some(load) => load.await.map(Some),
                None => Ok(None),
            }
        }
    })
}

/// Runs a server that has its ports and may load again.
pub fn run_with<F, E>(
    server: Server,
    load: impl FnMut(Option<String>) -> F + Send + 'static,
) -> TestServer
where
    F: Future<Output = Result<Option<Pipeline>, E>> + Send + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
{
    let (grpc, http) = (server.local_addr(), server.http_addr());
    let (signals, received) = mpsc::unbounded_channel();
    let task = tokio::spawn(server.serve(load, UnboundedReceiverStream::new(received)));
    TestServer {
        grpc,
        http,
        signals,
        task,
    }
}

impl TestServer {
    /// A new connection.
    pub async fn channel(&self) -> Channel {
        self.endpoint().connect().await.unwrap()
    }

    /// How to connect.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::from_shared(format!("http://{}", self.grpc)).unwrap()
    }

    /// A client on a connection of its own.
    pub async fn client(&self) -> TaggingServiceClient<Channel> {
        TaggingServiceClient::new(self.channel().await).max_decoding_message_size(64 << 20)
    }

    /// A client with the smallest flow control windows, so that few answers fit on the way.
    pub async fn client_with_small_windows(&self) -> TaggingServiceClient<Channel> {
        let endpoint = self.endpoint().initial_stream_window_size(65_535);
        TaggingServiceClient::new(endpoint.connect().await.unwrap())
    }

    /// What SIGTERM does.
    pub fn signal(&self) {
        self.signals.send(()).unwrap();
    }

    /// The end of the server, after a signal.
    pub async fn ended(mut self) -> Result<(), ServerError> {
        timeout(PATIENCE, &mut self.task)
            .await
            .expect("the server hangs")
            .unwrap()
    }

    /// Waits for readiness.
    pub async fn until_ready(&self) {
        until("ready", || async {
            http::get(self.http, "/readyz").await.status == 200
        })
        .await;
    }

    /// The value of one series of the metrics page; 0 where it is absent.
    pub async fn metric(&self, series: &str) -> f64 {
        let page = http::get(self.http, "/metrics").await.body;
        page.lines()
            .filter_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
            .find_map(|value| value.parse().ok())
            .unwrap_or(0.0)
    }

    /// Waits until a series has this value.
    pub async fn until_metric(&self, series: &str, value: f64) {
        until(series, || async { self.metric(series).await == value }).await;
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.task.abort();
        // A process that ends while a worker is inside libtorch can crash.
        let began = Instant::now();
        while !is_idle() && began.elapsed() < Duration::from_secs(5) {
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Asks again and again until the answer is yes; fails when patience is over.
pub async fn until<F>(what: &str, mut condition: impl FnMut() -> F)
where
    F: Future<Output = bool>,
{
    let asked = async {
        while !condition().await {
            sleep(Duration::from_millis(5)).await;
        }
    };
    let met = timeout(PATIENCE, asked).await;
    assert!(met.is_ok(), "not in time: {what}");
}

/// A document in German.
pub fn document(id: &str, text: &str) -> Document {
    Document {
        id: id.into(),
        text: text.into(),
        language: "de".into(),
    }
}

/// A call with default options.
pub fn tag(document: Document) -> TagRequest {
    TagRequest {
        document: Some(document),
        options: None,
    }
}

/// A call with options.
pub fn tag_with(document: Document, options: TagOptions) -> TagRequest {
    TagRequest {
        document: Some(document),
        options: Some(options),
    }
}

/// A document of a stream with default options.
pub fn queued(document: Document) -> TagStreamRequest {
    TagStreamRequest {
        document: Some(document),
        options: None,
    }
}

/// A text of some paragraphs with names.
pub fn article(paragraphs: usize) -> String {
    "Die Reederei Ostwind aus Kiel hat Jana Roth in den Vorstand berufen. Ihr Vorgänger Ömer \
     Falk lobte sie in Brüssel: „Eine kluge Wahl für Europa.“\n"
        .repeat(paragraphs)
}
