//! Connections: what one may take, and how it ends.

mod support;

use std::time::Duration;

use futures::future::join_all;
use support::{config, document, queued, server_with, tag, until};
use tagwerk::server::{ConnectionLimits, ServerConfig};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
    time::timeout,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

fn limited(connections: ConnectionLimits) -> ServerConfig {
    ServerConfig {
        connections,
        ..config()
    }
}

/// Waits until the other end closes.
async fn closed(mut stream: TcpStream) {
    let mut rest = Vec::new();
    let end = timeout(support::PATIENCE, stream.read_to_end(&mut rest)).await;
    // A reset is an end as well.
    let _ = end.expect("the connection stays open");
}

#[tokio::test]
async fn peers_that_say_nothing_or_speak_another_protocol_are_disconnected() {
    let server = server_with(limited(ConnectionLimits {
        first_byte: Duration::from_millis(50),
        ..ConnectionLimits::default()
    }))
    .await;
    let said: [&[u8]; 4] = [
        b"",
        b"PRI * HTTP/2.0\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ];
    for bytes in said {
        let mut stream = TcpStream::connect(server.grpc).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        closed(stream).await;
    }
}

#[tokio::test]
async fn five_hundred_silent_peers_do_not_keep_a_caller_out() {
    let server = server_with(config()).await;
    let connect = || TcpStream::connect(server.grpc);
    let silent = join_all((0..500).map(|_| connect())).await;
    let mut client = server.client().await;
    client.tag(tag(document("", "Guten Tag"))).await.unwrap();
    drop(silent);
}

#[tokio::test]
async fn a_connection_beyond_the_limit_waits_for_a_place() {
    let server = server_with(limited(ConnectionLimits {
        max_connections: 1,
        ..ConnectionLimits::default()
    }))
    .await;
    let first = server.client().await;
    server.until_metric("tagwerk_connections", 1.0).await;
    let mut second = server.endpoint().connect_lazy();
    let mut second =
        tagwerk::proto::tagwerk::v1::tagging_service_client::TaggingServiceClient::new(&mut second);
    let mut call = Box::pin(second.tag(tag(document("", "Guten Tag"))));
    assert!(futures::poll!(call.as_mut()).is_pending());
    drop(first);
    timeout(support::PATIENCE, call).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_connection_without_calls_is_closed() {
    let server = server_with(limited(ConnectionLimits {
        idle: Some(Duration::from_millis(30)),
        ..ConnectionLimits::default()
    }))
    .await;
    let mut client = server.client().await;
    client.tag(tag(document("", "Guten Tag"))).await.unwrap();
    server.until_metric("tagwerk_connections", 0.0).await;
    client.tag(tag(document("", "Guten Tag"))).await.unwrap();
}

#[tokio::test]
async fn a_connection_of_age_takes_no_calls_and_finishes_those_in_flight() {
    let server = server_with(limited(ConnectionLimits {
        max_age: Some(Duration::from_millis(50)),
        ..ConnectionLimits::default()
    }))
    .await;
    let mut client = server.client().await;
    let (sender, requests) = mpsc::channel(8);
    let stream = client.tag_stream(ReceiverStream::new(requests)).await;
    let mut stream = stream.unwrap().into_inner();
    // The next calls go over new connections, while the old one lives for its stream.
    until("a second connection", || {
        let mut client = client.clone();
        let server = &server;
        async move {
            // A call that meets the GOAWAY on its way has not reached the server: its client sends it again.
            let _ = client.tag(tag(document("", "Guten Tag"))).await;
            server.metric("tagwerk_connections").await >= 2.0
        }
    })
    .await;
    sender
        .send(queued(document("late", "Guten Tag")))
        .await
        .unwrap();
    drop(sender);
    assert_eq!(stream.message().await.unwrap().unwrap().id, "late");
    assert!(stream.message().await.unwrap().is_none());
}

#[tokio::test]
async fn a_caller_may_give_up_all_of_its_calls_at_once() {
    let server = server_with(config()).await;
    let client = server.client().await;
    let text = support::article(30);
    for _ in 0..3 {
        let calls: Vec<_> = (0..200)
            .map(|_| {
                let mut client = client.clone();
                let request = tag(document("", &text));
                tokio::spawn(async move { client.tag(request).await })
            })
            .collect();
        until("calls in flight", || async {
            server.metric("tagwerk_documents_in_flight").await > 0.0
                || calls.iter().all(|call| call.is_finished())
        })
        .await;
        calls.iter().for_each(|call| call.abort());
    }
    let mut client = client;
    client.tag(tag(document("", "Guten Tag"))).await.unwrap();
    server
        .until_metric("tagwerk_documents_in_flight", 0.0)
        .await;
    until("nothing is read for nobody", || async {
        support::is_idle()
    })
    .await;
}

#[tokio::test]
async fn a_header_beyond_the_limit_is_refused() {
    let server = server_with(config()).await;
    let mut client = server.client().await;
    let mut request = tonic::Request::new(tag(document("", "Guten Tag")));
    let value = "x".repeat(64 << 10).parse().unwrap();
    request.metadata_mut().insert("x-large", value);
    let status = client.tag(request).await.unwrap_err();
    assert_ne!(status.code(), Code::Ok);
    client.tag(tag(document("", "Guten Tag"))).await.unwrap();
}
