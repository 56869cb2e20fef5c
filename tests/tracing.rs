//! What a collector gets to see of calls, and what becomes of calls where there is none.

mod support;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::any_value,
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use support::{TestServer, article, config, document, queued, server_with, tag};
use tagwerk::{
    proto::tagwerk::v1::{Document, GetInfoRequest},
    server::ServerConfig,
    telemetry::traces::TraceSettings,
};
use tokio::{net::TcpListener, time::timeout};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

/// A word that stands in the texts alone.
const SECRET: &str = "Zwiebelturmwächter";

/// Far longer than a server may take to end whose collector is dead.
const END: Duration = Duration::from_secs(15);

/// Keeps the spans that it gets.
#[derive(Debug, Clone, Default)]
struct Collector(Arc<Mutex<Vec<Span>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let resources = request.into_inner().resource_spans.into_iter();
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        let spans = scopes.flat_map(|scope| scope.spans);
        self.0.lock().unwrap().extend(spans);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    /// A collector on a port of its own.
    async fn start() -> (Self, SocketAddr) {
        let collector = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = TraceServiceServer::new(collector.clone());
        let server = Server::builder().add_service(service);
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        (collector, address)
    }

    fn spans(&self) -> Vec<Span> {
        self.0.lock().unwrap().clone()
    }

    fn named(&self, name: &str) -> Vec<Span> {
        let spans = self.spans().into_iter();
        spans.filter(|span| span.name == name).collect()
    }

    /// The only span with this name.
    fn one(&self, name: &str) -> Span {
        let [span] = self.named(name).try_into().unwrap();
        span
    }
}

/// A server that sends its traces there.
async fn traced(collector: SocketAddr, share: &str) -> TestServer {
    let trace = TraceSettings {
        endpoint: format!("http://{collector}"),
        share: share.parse().unwrap(),
    };
    server_with(ServerConfig {
        trace: Some(trace),
        ..config()
    })
    .await
}

/// Ends a server, which sends the last spans before.
async fn end(server: TestServer) {
    server.signal();
    let ended = timeout(END, server.ended()).await;
    ended.expect("the end takes too long").unwrap();
}

/// A request within a trace whose number is this, and whose caller samples it or does not.
fn within<T>(trace: u8, flags: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let parent = format!("00-{trace:032x}-00000000000000aa-{flags}");
    let metadata = request.metadata_mut();
    metadata.insert("traceparent", parent.parse().unwrap());
    metadata.insert("tracestate", "vendor=7".parse().unwrap());
    request
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    let attribute = span.attributes.iter().find(|a| a.key == key)?;
    match attribute.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text.clone()),
        any_value::Value::IntValue(number) => Some(number.to_string()),
        other => panic!("{other:?}"),
    }
}

fn is_within(inner: &Span, outer: &Span) -> bool {
    inner.parent_span_id == outer.span_id
        && inner.trace_id == outer.trace_id
        && outer.start_time_unix_nano <= inner.start_time_unix_nano
        && inner.start_time_unix_nano <= inner.end_time_unix_nano
        && inner.end_time_unix_nano <= outer.end_time_unix_nano
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_on_with_the_trace_of_its_caller_and_shows_its_parts() {
    let (collector, address) = Collector::start().await;
    // The caller's decision counts, whatever the share.
    let server = traced(address, "0").await;
    let text = format!("Der {SECRET} grüßt Jana Roth.");
    let request = within(7, "01", tag(document("Kennung", &text)));
    server.client().await.tag(request).await.unwrap();
    end(server).await;

    let call = collector.one("tagwerk.v1.TaggingService/Tag");
    assert_eq!(call.trace_id, 7u128.to_be_bytes());
    assert_eq!(call.parent_span_id, 0xaau64.to_be_bytes());
    assert_eq!(call.trace_state, "vendor=7");
    assert_eq!(call.kind, SpanKind::Server as i32);
    for (key, value) in [
        ("rpc.system.name", "grpc"),
        ("rpc.method", "tagwerk.v1.TaggingService/Tag"),
        ("rpc.response.status_code", "OK"),
    ] {
        assert_eq!(attribute(&call, key).as_deref(), Some(value), "{key}");
    }
    let document = collector.one("document");
    assert!(is_within(&document, &call), "{document:?}");
    let bytes = attribute(&document, "tagwerk.document.bytes");
    assert_eq!(bytes, Some(text.len().to_string()));
    assert_eq!(attribute(&document, "tagwerk.windows").unwrap(), "1");
    let parts = ["queue", "encode", "decode"].map(|name| collector.one(name));
    for part in &parts {
        assert!(is_within(part, &document), "{part:?}");
    }
    let [queue, encode, decode] = parts;
    assert_eq!(queue.end_time_unix_nano, encode.start_time_unix_nano);
    assert!(encode.end_time_unix_nano <= decode.start_time_unix_nano);
    let tokens = attribute(&encode, "tagwerk.batch.tokens").unwrap();
    assert!(tokens.parse::<usize>().unwrap() > 5, "{tokens}");

    let everything = format!("{:?}", collector.spans());
    for word in [SECRET, "Jana", "Roth", "Kennung"] {
        assert!(!everything.contains(word), "{everything}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_document_of_a_stream_and_each_of_its_batches_is_a_part_of_the_call() {
    let (collector, address) = Collector::start().await;
    let server = traced(address, "1").await;
    let mut client = server.client().await;
    let requests = ["a", "b", "c"].map(|id| queued(document(id, &article(60))));
    let stream = client.tag_stream(futures::stream::iter(requests)).await;
    let mut stream = stream.unwrap().into_inner();
    while stream.message().await.unwrap().is_some() {}
    drop(stream);
    end(server).await;

    let call = collector.one("tagwerk.v1.TaggingService/TagStream");
    assert_eq!(call.parent_span_id, [0u8; 0]);
    let documents = collector.named("document");
    assert_eq!(documents.len(), 3);
    for document in &documents {
        assert!(is_within(document, &call), "{document:?}");
        let windows = |name| {
            let parts = collector.named(name).into_iter();
            let parts = parts.filter(|part| is_within(part, document));
            parts
                .map(|part| attribute(&part, "tagwerk.windows").unwrap())
                .map(|windows| windows.parse::<usize>().unwrap())
                .sum::<usize>()
        };
        let all: usize = attribute(document, "tagwerk.windows")
            .unwrap()
            .parse()
            .unwrap();
        assert!(all > 3, "{all}");
        assert_eq!((windows("queue"), windows("encode")), (all, all));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_caller_does_not_sample_is_not_exported() {
    let (collector, address) = Collector::start().await;
    let server = traced(address, "1").await;
    let mut client = server.client().await;
    for (trace, flags) in [(1, "00"), (2, "01"), (3, "00")] {
        let request = within(trace, flags, tag(document("", "Guten Tag, Kiel.")));
        client.tag(request).await.unwrap();
    }
    end(server).await;
    let traces = collector.spans().into_iter().map(|span| span.trace_id);
    let traces: Vec<Vec<u8>> = traces.collect();
    assert_eq!(traces.len(), 5, "{traces:?}");
    assert!(traces.iter().all(|id| *id == 2u128.to_be_bytes()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_share_decides_where_the_caller_has_not_and_probes_are_not_traced() {
    for (share, expected) in [("0", 0), ("1", 4)] {
        let (collector, address) = Collector::start().await;
        let server = traced(address, share).await;
        let mut client = server.client().await;
        for _ in 0..4 {
            client.get_info(GetInfoRequest {}).await.unwrap();
        }
        let mut health = tonic_health::pb::health_client::HealthClient::new(server.channel().await);
        let check = tonic_health::pb::HealthCheckRequest::default();
        health.check(check).await.unwrap();
        drop((client, health));
        end(server).await;
        assert_eq!(collector.spans().len(), expected, "{share}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_fails_shows_its_code_and_the_kind_of_error() {
    let (collector, address) = Collector::start().await;
    let server = traced(address, "1").await;
    let foreign = Document {
        language: "ja".into(),
        ..document("", SECRET)
    };
    let mut client = server.client().await;
    client.tag(tag(foreign)).await.unwrap_err();
    end(server).await;
    let call = collector.one("tagwerk.v1.TaggingService/Tag");
    let code = attribute(&call, "rpc.response.status_code");
    assert_eq!(code.as_deref(), Some("INVALID_ARGUMENT"));
    // The mistake is the caller's.
    assert_eq!(call.status.unwrap_or_default().code(), StatusCode::Unset);
    let document = collector.one("document");
    let kind = attribute(&document, "error.type");
    assert_eq!(kind.as_deref(), Some("unsupported_language"));
    assert!(!format!("{:?}", collector.spans()).contains(SECRET));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_collector_costs_no_call_and_does_not_hold_up_the_end() {
    // Connections to this one are made and never answered; to the other, they are refused.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refusing = closed.local_addr().unwrap();
    drop(closed);
    for collector in [silent.local_addr().unwrap(), refusing] {
        let server = traced(collector, "1").await;
        let mut client = server.client().await;
        client.tag(tag(document("", &article(2)))).await.unwrap();
        // More than the queue of spans holds.
        for _ in 0..3000 {
            client.get_info(GetInfoRequest {}).await.unwrap();
        }
        drop(client);
        end(server).await;
    }
}
