//! A full queue: single calls are refused with a time to come back, streams wait.

mod support;

use std::time::Duration;

use tagwerk::{
    cli::local,
    config::ModelArgs,
    proto::tagwerk::v1::{Feature, TagOptions, TagStreamRequest, tag_stream_response},
};
use tokio::task::JoinSet;
use tokio_stream::StreamExt as _;
use tonic::Code;
use tonic_types::StatusExt as _;

/// A server with one worker and a queue that a few articles fill.
async fn small_server() -> support::TestServer {
    let args = ModelArgs {
        batch_tokens: 512,
        queue_tokens: 1024,
        ..support::model(1)
    };
    let load = async move { Ok(local::pipeline(args).await.expect("no model package")) };
    let server = support::start(support::config(), load).await;
    server.until_ready().await;
    server
}

fn mentions() -> TagOptions {
    TagOptions {
        features: vec![Feature::Mentions.into()],
        ..TagOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_finds_the_queue_full_is_told_when_to_come_back() {
    let server = small_server().await;
    let client = server.client().await;
    let mut calls = JoinSet::new();
    for number in 0..64 {
        let mut client = client.clone();
        calls.spawn(async move {
            let document = support::document(&format!("d{number}"), &support::article(6));
            client.tag(support::tag_with(document, mentions())).await
        });
    }
    let (mut answered, mut refused) = (0, 0);
    while let Some(call) = calls.join_next().await {
        match call.unwrap() {
            Ok(_) => answered += 1,
            Err(status) => {
                assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
                let retry = status
                    .get_details_retry_info()
                    .and_then(|info| info.retry_delay);
                assert!(retry.is_some_and(|delay| delay >= Duration::from_millis(1)));
                refused += 1;
            }
        }
    }
    assert!(
        answered > 0 && refused > 0,
        "{answered} answered, {refused} refused"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_slowed_and_never_refused() {
    const DOCUMENTS: usize = 40;
    let server = small_server().await;
    let mut client = server.client().await;
    let requests = tokio_stream::iter((0..DOCUMENTS).map(|number| TagStreamRequest {
        document: Some(support::document(
            &format!("d{number}"),
            &support::article(6),
        )),
        options: Some(mentions()),
    }));
    let mut answers = client.tag_stream(requests).await.unwrap().into_inner();
    let mut count = 0;
    while let Some(answer) = answers.next().await {
        let result = answer.unwrap().result;
        assert!(
            matches!(result, Some(tag_stream_response::Result::Document(_))),
            "{result:?}"
        );
        count += 1;
    }
    assert_eq!(count, DOCUMENTS);
}
