//! The life of the server as seen from outside: health, reflection, the HTTP port, the stop.

mod support;

use std::{collections::BTreeSet, time::Duration};

use support::{PATIENCE, article, config, document, http, queued, server, server_with, tag, until};
use tagwerk::{
    proto::tagwerk::v1::{GetInfoRequest, tagging_service_client::TaggingServiceClient},
    server::{ServerConfig, ServerError},
    telemetry::Metrics,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};
use tonic::{Code, Status};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_types::StatusExt as _;

const TAGGING: &str = "tagwerk.v1.TaggingService";

async fn health(server: &support::TestServer, service: &str) -> Result<ServingStatus, Status> {
    let mut client = HealthClient::new(server.channel().await);
    let service = service.to_owned();
    let response = client.check(HealthCheckRequest { service }).await?;
    Ok(response.into_inner().status())
}

#[tokio::test]
async fn a_server_whose_model_loads_is_not_serving_and_says_so() {
    let pipeline = support::pipeline().await;
    let (loaded, waits) = oneshot::channel::<()>();
    let server = support::start(config(), async move {
        let _ = waits.await;
        Ok(pipeline)
    })
    .await;

    for service in ["", TAGGING] {
        assert_eq!(
            health(&server, service).await.unwrap(),
            ServingStatus::NotServing
        );
    }
    assert_eq!(http::get(server.http, "/livez").await.status, 200);
    assert_eq!(http::get(server.http, "/readyz").await.status, 503);
    let mut client = server.client().await;
    let status = client
        .tag(tag(document("", "Guten Tag")))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.get_error_details().retry_info().is_some());
    let status = client.get_info(GetInfoRequest {}).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);

    loaded.send(()).unwrap();
    server.until_ready().await;
    for service in ["", TAGGING] {
        assert_eq!(
            health(&server, service).await.unwrap(),
            ServingStatus::Serving
        );
    }
    client.tag(tag(document("", "Guten Tag"))).await.unwrap();
}

#[tokio::test]
async fn a_model_that_cannot_be_loaded_ends_the_server_with_the_reason() {
    let server = tagwerk::server::Server::bind(config(), Metrics::new())
        .await
        .unwrap();
    let load = |_| async { Err("no such package: news") };
    let error = server
        .serve(load, futures::stream::pending())
        .await
        .unwrap_err();
    assert!(matches!(error, ServerError::Load(_)));
    assert!(error.to_string().contains("no such package: news"));
}

#[tokio::test]
async fn the_health_of_an_unknown_service_is_not_found() {
    let server = server().await;
    let status = health(&server, "tagwerk.v9.Nothing").await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}

#[tokio::test]
async fn a_watch_follows_the_health_to_its_end() {
    let server = server().await;
    let mut client = HealthClient::new(server.channel().await);
    let service = TAGGING.to_owned();
    let watch = client.watch(HealthCheckRequest { service }).await.unwrap();
    let mut watch = watch.into_inner();
    let first = watch.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);
    server.signal();
    let second = watch.message().await.unwrap().unwrap();
    assert_eq!(second.status(), ServingStatus::NotServing);
    assert!(watch.message().await.unwrap().is_none());
    server.ended().await.unwrap();
}

#[tokio::test]
async fn reflection_lists_the_services_in_both_versions() {
    use tonic_reflection::pb::{v1, v1alpha};

    let server = server().await;
    let expected = [
        TAGGING,
        "google.cloud.language.v1.LanguageService",
        "google.cloud.language.v2.LanguageService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    ];

    let mut client =
        v1::server_reflection_client::ServerReflectionClient::new(server.channel().await);
    let request = v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(v1::server_reflection_request::MessageRequest::ListServices(
            String::new(),
        )),
    };
    let answers = client
        .server_reflection_info(tokio_stream::once(request))
        .await
        .unwrap();
    let answer = answers.into_inner().message().await.unwrap().unwrap();
    let Some(v1::server_reflection_response::MessageResponse::ListServicesResponse(list)) =
        answer.message_response
    else {
        panic!("no list");
    };
    let names: BTreeSet<String> = list.service.into_iter().map(|s| s.name).collect();
    assert!(
        expected.iter().all(|&name| names.contains(name)),
        "{names:?}"
    );

    let mut client =
        v1alpha::server_reflection_client::ServerReflectionClient::new(server.channel().await);
    let request = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(
            v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol(
                TAGGING.into(),
            ),
        ),
    };
    let answers = client
        .server_reflection_info(tokio_stream::once(request))
        .await
        .unwrap();
    let answer = answers.into_inner().message().await.unwrap().unwrap();
    assert!(matches!(
        answer.message_response,
        Some(v1alpha::server_reflection_response::MessageResponse::FileDescriptorResponse(_))
    ));
}

#[tokio::test]
async fn the_metrics_page_is_valid_and_counts_calls() {
    let server = server().await;
    let mut client = server.client().await;
    client.tag(tag(document("", "Guten Tag"))).await.unwrap();
    let calls = r#"tagwerk_calls_total{method="tagwerk.v1.TaggingService/Tag",code="OK"}"#;
    server.until_metric(calls, 1.0).await;

    let page = http::get(server.http, "/metrics").await;
    assert!(
        page.head
            .contains("content-type: application/openmetrics-text"),
        "{}",
        page.head
    );
    assert!(page.body.ends_with("# EOF\n"));
    assert!(page.body.contains("tagwerk_model_info{"));
    for line in page.body.lines().filter(|line| !line.starts_with("# ")) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(series.starts_with("tagwerk_"), "{line}");
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
}

#[tokio::test]
async fn without_the_page_the_http_port_has_a_line_for_visitors_and_nothing_else() {
    let page = None;
    let server = server_with(ServerConfig { page, ..config() }).await;
    let page = http::get(server.http, "/").await;
    assert_eq!(page.status, 200);
    assert!(page.body.starts_with("tagwerk "));
    assert_eq!(http::get(server.http, "/etc/passwd").await.status, 404);
}

#[tokio::test]
async fn an_unknown_method_is_unimplemented() {
    let server = server().await;
    let path = "/tagwerk.v1.TaggingService/Guess";
    let status = support::raw::unary(&server, path, b"").await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
}

#[tokio::test]
async fn what_is_in_flight_is_finished_before_the_stop() {
    let server = server().await;
    let mut client = server.client().await;
    let (sender, requests) = mpsc::channel(8);
    let stream = client
        .tag_stream(ReceiverStream::new(requests))
        .await
        .unwrap();
    let mut stream = stream.into_inner();
    sender
        .send(queued(document("a", &article(5))))
        .await
        .unwrap();
    stream.message().await.unwrap().unwrap();

    server.signal();
    until("draining", || async {
        http::get(server.http, "/readyz").await.status == 503
    })
    .await;
    sender
        .send(queued(document("b", &article(5))))
        .await
        .unwrap();
    drop(sender);
    let last = timeout(PATIENCE, stream.message())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(last.id, "b");
    assert!(stream.message().await.unwrap().is_none());
    server.ended().await.unwrap();
}

#[tokio::test]
async fn a_call_that_outlives_the_grace_time_is_told_that_the_server_stops() {
    let grace = Duration::from_millis(10);
    let server = server_with(ServerConfig { grace, ..config() }).await;
    let mut client = server.client().await;
    let (_open, requests) = mpsc::channel(1);
    let stream = client
        .tag_stream(ReceiverStream::new(requests))
        .await
        .unwrap();
    server.signal();
    let status = stream.into_inner().next().await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    server.ended().await.unwrap();
}

#[tokio::test]
async fn a_second_signal_stops_at_once() {
    let server = server().await;
    let mut client = server.client().await;
    let (_open, requests) = mpsc::channel(1);
    let stream = client
        .tag_stream(ReceiverStream::new(requests))
        .await
        .unwrap();
    server.signal();
    server.signal();
    let status = stream.into_inner().next().await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    server.ended().await.unwrap();
}

#[tokio::test]
async fn a_caller_who_takes_no_answers_cannot_hold_up_the_stop() {
    let server = server().await;
    let mut client = server.client_with_small_windows().await;
    let requests = futures::stream::repeat_with(|| queued(document("", &article(8))));
    let _never_read = client.tag_stream(requests).await.unwrap();
    server
        .until_metric("tagwerk_documents_in_flight", 8.0)
        .await;
    server.signal();
    server.signal();
    server.ended().await.unwrap();
}

#[tokio::test]
async fn a_signal_while_the_model_loads_stops_the_server() {
    let server = support::start(config(), futures::future::pending()).await;
    server.signal();
    server.ended().await.unwrap();
}

#[tokio::test]
async fn a_stopped_server_is_no_longer_reachable() {
    let server = server().await;
    let endpoint = server.endpoint();
    let mut client: TaggingServiceClient<_> = server.client().await;
    client.tag(tag(document("", "Guten Tag"))).await.unwrap();
    server.signal();
    server.ended().await.unwrap();
    assert!(endpoint.connect().await.is_err());
}
