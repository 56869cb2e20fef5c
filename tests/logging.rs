//! What the log tells of a call, what it keeps to itself, and how its filter changes.

mod support;

use std::{
    env, fs,
    io::{self, BufRead as _, BufReader, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::Value;
use support::{document, http, queued, server, tag, until};
use tagwerk::proto::tagwerk::v1::Document;
use tonic::{Request, transport::Endpoint};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

/// A word that stands in the texts alone.
const SECRET: &str = "Zwiebelturmwächter";

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The lines that end a call of the tagging service.
    fn calls(&self) -> Vec<Value> {
        let lines = self.text();
        let lines = lines
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .filter(|line| line["message"] == "call ended")
            .filter(|line| {
                line["span"]["method"]
                    .as_str()
                    .unwrap()
                    .starts_with("tagwerk.")
            })
            .collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The trace that a caller names, and its header.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

/// One test, since a process has one log.
#[tokio::test]
async fn a_call_is_logged_with_its_figures_and_without_its_text() {
    let log = Log::default();
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(EnvFilter::new("tagwerk=trace"))
        .with_writer(log.clone())
        .init();

    let server = server().await;
    let mut client = server.client().await;
    let text = format!("Der {SECRET} grüßt.");
    let mut request = Request::new(tag(document("a\nb", &text)));
    let traceparent = TRACEPARENT.parse().unwrap();
    request.metadata_mut().insert("traceparent", traceparent);
    client.tag(request).await.unwrap();
    let foreign = Document {
        language: "ja".into(),
        ..document("foreign", &text)
    };
    client.tag(tag(foreign.clone())).await.unwrap_err();
    let requests = [queued(document("c", &text)), queued(foreign)];
    let stream = client
        .tag_stream(futures::stream::iter(requests))
        .await
        .unwrap();
    let mut stream = stream.into_inner();
    while stream.message().await.unwrap().is_some() {}
    until("three calls in the log", || async {
        log.calls().len() == 3
    })
    .await;

    let calls = log.calls();
    let (good, bad, stream) = (&calls[0], &calls[1], &calls[2]);
    assert_eq!(good["code"], "OK");
    assert_eq!(good["span"]["method"], "tagwerk.v1.TaggingService/Tag");
    assert_eq!(good["span"]["document"], "a\\nb");
    assert_eq!(good["span"]["bytes"], text.len());
    assert_eq!(good["span"]["windows"], 1);
    assert!(good["milliseconds"].as_f64().unwrap() > 0.0);
    assert_eq!(good["trace_id"], TRACE);
    assert_eq!(bad["trace_id"], Value::Null);
    assert_eq!(bad["code"], "INVALID_ARGUMENT");
    assert_eq!(stream["code"], "OK");
    assert_eq!(
        stream["span"]["method"],
        "tagwerk.v1.TaggingService/TagStream"
    );
    assert_eq!(stream["span"]["documents"], 2);
    assert_eq!(stream["span"]["bytes"], 2 * text.len());
    assert!(log.text().contains("document answered"));
    assert!(!log.text().contains(SECRET), "{}", log.text());
}

/// A running `tagwerk serve` with its log, killed when dropped.
struct Served {
    child: Child,
    events: Arc<Mutex<Vec<Value>>>,
}

impl Served {
    fn start(settings: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagwerk"));
        command.arg("serve").arg("--config").arg(settings);
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("TAGWERK_") {
                command.env_remove(name);
            }
        }
        let command = command.stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let events: Arc<Mutex<Vec<Value>>> = Arc::default();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let heard = Arc::clone(&events);
        thread::spawn(move || {
            let lines = lines.map_while(Result::ok);
            let read = lines.filter_map(|line| serde_json::from_str(&line).ok());
            read.for_each(|event| heard.lock().unwrap().push(event));
        });
        Self { child, events }
    }

    /// The first event with this field, as soon as it is there.
    async fn event(&self, field: &str, value: &str) -> Value {
        let find = || {
            let events = self.events.lock().unwrap();
            let found = |e: &&Value| e[field].as_str().is_some_and(|v| v.contains(value));
            events.iter().find(found).cloned()
        };
        until(value, || async { find().is_some() }).await;
        find().unwrap()
    }

    /// Calls of the health service in the log.
    fn probes(&self) -> usize {
        let events = self.events.lock().unwrap();
        let probes = events.iter().filter(|e| {
            e["message"] == "call ended" && e["span"]["method"] == "grpc.health.v1.Health/Check"
        });
        probes.count()
    }

    fn hang_up(&self) {
        let pid = self.child.id().to_string();
        let kill = Command::new("kill").args(["-HUP", &pid]).status();
        assert!(kill.unwrap().success());
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A settings file of this test's own, removed at its end.
struct File(PathBuf);

impl File {
    /// Settings with this filter of the log, and more.
    fn write(&self, filter: &str, more: &str) {
        let text = format!(
            "[log]\nformat = 'json'\nlog = '{filter}'\n[server]\nlisten = '127.0.0.1:0'\n\
             http_listen = '127.0.0.1:0'\nwatch_seconds = 0\n{more}\n"
        );
        fs::write(&self.0, text).unwrap();
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn a_hangup_takes_up_the_filter_of_the_settings_file_alone_and_refuses_a_broken_one() {
    let file = File(Path::new(env!("CARGO_TARGET_TMPDIR")).join("filter.toml"));
    file.write("info", "");
    let served = Served::start(&file.0);
    let listening = served.event("message", "listening").await;
    served.event("message", "serving").await;
    let grpc = listening["grpc"].as_str().unwrap();
    let endpoint = Endpoint::from_shared(format!("http://{grpc}")).unwrap();
    let mut client = HealthClient::new(endpoint.connect().await.unwrap());
    client.check(HealthCheckRequest::default()).await.unwrap();

    file.write("tagwerk=debug", "grace_seconds = 7\nidle_seconds = 5");
    served.hang_up();
    let warning = served.event("message", "need a restart").await;
    let expected = "server.grace_seconds, server.idle_seconds";
    assert_eq!(warning["settings"], expected);
    let reloaded = served.event("message", "reloaded").await;
    assert_eq!(reloaded["what"], "config");
    client.check(HealthCheckRequest::default()).await.unwrap();
    until("a probe in the log", || async { served.probes() > 0 }).await;
    assert_eq!(served.probes(), 1, "one of them came before");

    file.write("tagwerk=loud", "");
    served.hang_up();
    let refused = served.event("message", "not reloaded").await;
    let error = refused["error"].as_str().unwrap();
    assert!(error.contains("filter.toml:3: log.log"), "{error}");
    let address: SocketAddr = listening["http"].as_str().unwrap().parse().unwrap();
    let page = http::get(address, "/metrics").await.body;
    for result in ["ok", "refused"] {
        let series = format!(r#"tagwerk_reloads_total{{what="config",result="{result}"}} 1"#);
        assert!(page.lines().any(|line| line == series), "{series}");
    }
}
