//! Faults inside the encoder stay with the text that causes them. Built with the feature `faults`, in which a text can
//! ask for one.

mod support;

use std::{sync::Arc, time::Duration};

use support::{config, document, tag};
use tagwerk::{
    engine::{self, Engine},
    model::{Package, Precision},
    pipeline::Pipeline,
    server::Server,
    telemetry::Metrics,
};
use tokio::task::JoinSet;
use tonic::Code;

/// A server with two workers that are given up quickly.
async fn server() -> support::TestServer {
    let metrics = Metrics::new();
    let own = metrics.clone();
    let load = move || {
        let models = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models/base");
        let package = Package::open(&models, Precision::Fp32).expect("no model package");
        let settings = engine::Settings {
            workers: 2,
            express_workers: 1,
            batch_tokens: 2048,
            queue_tokens: 1 << 18,
            hang_after: Duration::from_millis(1500),
        };
        let engine = Engine::start(Arc::new(package), settings, own).expect("no engine");
        Pipeline::new(Arc::new(engine), 1 << 20)
    };
    let pipeline = tokio::task::spawn_blocking(load).await.unwrap();
    let server = Server::bind(config(), metrics).await.unwrap();
    let server = support::run(server, async { Ok(pipeline) });
    server.until_ready().await;
    server
}

/// Sends many texts at once, one of which is the culprit; the code that it got, after all others were answered.
async fn culprit_among_many(server: &support::TestServer, culprit: &str) -> Code {
    let client = server.client().await;
    let text = support::article(2);
    let expected = client.clone().tag(tag(document("", &text))).await.unwrap();
    let expected = expected.into_inner().document.unwrap().mentions;
    let mut calls = JoinSet::new();
    for number in 0..40 {
        let mut client = client.clone();
        let text = if number == 20 {
            format!("{text}{culprit}")
        } else {
            text.clone()
        };
        calls.spawn(async move { (number, client.tag(tag(document("", &text))).await) });
    }
    let mut code = Code::Ok;
    while let Some(call) = calls.join_next().await {
        match call.unwrap() {
            (20, answer) => code = answer.unwrap_err().code(),
            (number, answer) => {
                let document = answer.unwrap().into_inner().document.unwrap();
                assert_eq!(document.mentions, expected, "text {number}");
            }
        }
    }
    code
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_panics_the_worker_fails_alone() {
    let server = server().await;
    assert_eq!(culprit_among_many(&server, "⟦panic⟧").await, Code::Internal);
    let restarts = r#"tagwerk_worker_restarts_total{cause="panic"}"#;
    assert!(server.metric(restarts).await >= 1.0);
    assert_eq!(culprit_among_many(&server, "⟦panic⟧").await, Code::Internal);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_hangs_the_worker_fails_alone_and_the_worker_is_replaced() {
    let server = server().await;
    assert_eq!(culprit_among_many(&server, "⟦hang⟧").await, Code::Internal);
    let restarts = r#"tagwerk_worker_restarts_total{cause="hang"}"#;
    assert!(server.metric(restarts).await >= 1.0);
    let mut client = server.client().await;
    client.tag(tag(document("", "Guten Tag"))).await.unwrap();
}
