//! A running server, peers that send it bytes, and a look at what became of it.

use std::{
    net::SocketAddr,
    panic,
    sync::{Mutex, Once, PoisonError},
    thread,
    time::Duration,
};

use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime::Runtime,
    time::timeout,
};

use crate::support::{PATIENCE, TestServer, document, http, server, tag};

/// Where a thread of a server has panicked.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps the places of panics: those of a server's task are seen by nobody else.
fn watch_for_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panicked| {
            if is_of_a_server() {
                let place = panicked.location().map(ToString::to_string);
                let mut places = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
                places.push(place.unwrap_or_default());
            }
            before(panicked);
        }));
    });
}

/// Threads of tokio and of the engine bear these names; those of tests are called after the test.
fn is_of_a_server() -> bool {
    let thread = thread::current();
    let name = thread.name().unwrap_or_default();
    name.starts_with("tokio-") || name.starts_with("worker-")
}

fn panics() -> Vec<String> {
    PANICS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// Sends each value to one server by `send`; then, an honest caller of both ports is served and nothing has panicked.
pub fn withstands<S: proptest::strategy::Strategy>(
    strategy: S,
    send: impl AsyncFn(&TestServer, S::Value),
) {
    watch_for_panics();
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(server());
    let config = Config {
        // Each is a connection of its own.
        cases: Config::default().cases / 2,
        failure_persistence: None,
        ..Config::default()
    };
    let said = TestRunner::new(config).run(&strategy, |value| {
        runtime.block_on(send(&server, value));
        match panics() {
            none if none.is_empty() => Ok(()),
            places => Err(TestCaseError::fail(format!("panicked at {places:?}"))),
        }
    });
    said.unwrap_or_else(|error| panic!("{error}"));
    runtime.block_on(serves(&server));
    drop(server);
}

/// What honest callers see.
async fn serves(server: &TestServer) {
    let mut client = server.client().await;
    let answer = client.tag(tag(document("honest", "Jana Roth aus Kiel")));
    let answer = timeout(PATIENCE, answer).await.unwrap().unwrap();
    assert_eq!(answer.into_inner().document.unwrap().id, "honest");
    drop(client);
    let page = http::get(server.http, "/metrics").await;
    assert_eq!(page.status, 200);
    assert!(page.body.ends_with("# EOF\n"));
    // Nobody's connection outlives its peer.
    server.until_metric("tagwerk_connections", 0.0).await;
}

/// How long a server is listened to that may have nothing to say.
const SILENCE: Duration = Duration::from_millis(20);

/// Sends bytes and listens; then says that there are no more, and waits until the server ends the connection.
pub async fn send(address: SocketAddr, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may hang up at any time.
    let _ = stream.write_all(bytes).await;
    let mut some = [0; 4096];
    while let Ok(Ok(1..)) = timeout(SILENCE, stream.read(&mut some)).await {}
    let _ = stream.shutdown().await;
    let ended = timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await;
    let _ = ended.expect("the connection stays open");
}

/// Sends bytes and listens until these come back.
pub async fn answers(address: SocketAddr, bytes: &[u8], wanted: &[u8]) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut said = Vec::new();
    while !said.windows(wanted.len()).any(|some| some == wanted) {
        let read = timeout(PATIENCE, stream.read_buf(&mut said)).await;
        assert!(read.unwrap().unwrap() > 0, "only {said:?}");
    }
}
