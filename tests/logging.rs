//! What the log tells of a call, and what it keeps to itself.

mod support;

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use serde_json::Value;
use support::{document, queued, server, tag};
use tagwerk::proto::tagwerk::v1::Document;
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
    client.tag(tag(document("a\nb", &text))).await.unwrap();
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
    support::until("three calls in the log", || async {
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
