//! The API through real channels: what a caller may send, and what comes back.

mod support;

use std::collections::BTreeSet;

use futures::{StreamExt as _, future::join_all};
use support::{PATIENCE, article, document, queued, server, server_with, tag, tag_with};
use tagwerk::{
    proto::tagwerk::v1::{
        Document, Feature, GetInfoRequest, OffsetUnit, Span, TagOptions, TagRequest,
        TagStreamRequest, TagStreamResponse, TaggedDocument,
        tag_stream_response::Result as StreamResult,
    },
    server::ServerConfig,
};
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming, codec::CompressionEncoding};
use tonic_types::StatusExt as _;

const IN_FLIGHT: &str = "tagwerk_documents_in_flight";
const ANSWERED: &str = r#"tagwerk_documents_total{result="ok"}"#;
const CANCELLED: &str =
    r#"tagwerk_calls_total{method="tagwerk.v1.TaggingService/Tag",code="CANCELLED"}"#;
const CANCELLED_STREAMS: &str =
    r#"tagwerk_calls_total{method="tagwerk.v1.TaggingService/TagStream",code="CANCELLED"}"#;

/// A text that keeps any model busy for a while.
fn long_article() -> String {
    article(5_000)
}

async fn tagged(request: TagRequest) -> Result<TaggedDocument, Status> {
    let server = server().await;
    let response = server.client().await.tag(request).await?;
    Ok(response.into_inner().document.unwrap())
}

/// The fields that an answer names as violated.
fn violated(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    let violations = details.bad_request().map(|b| b.field_violations.as_slice());
    violations
        .unwrap_or_default()
        .iter()
        .map(|v| v.field.clone())
        .collect()
}

fn reason(status: &Status) -> String {
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!(info.domain, "tagwerk");
    info.reason.clone()
}

/// The characters that a span of code points selects.
fn selected(text: &str, span: Span) -> String {
    let length = (span.end - span.start) as usize;
    text.chars()
        .skip(span.start as usize)
        .take(length)
        .collect()
}

#[tokio::test]
async fn the_answer_names_the_document_and_selects_its_mentions() {
    let text = article(2);
    let answer = tagged(tag(document("news/7", &text))).await.unwrap();
    assert_eq!(
        (answer.id.as_str(), answer.language.as_str()),
        ("news/7", "de")
    );
    assert_eq!(answer.language_probability, 1.0);
    assert!(!answer.mentions.is_empty());
    for mention in &answer.mentions {
        assert_eq!(selected(&text, mention.span.unwrap()), mention.text);
    }
    let coverage = answer.coverage.unwrap();
    assert_eq!(coverage.bytes_read, coverage.bytes_total);
    assert_eq!(coverage.bytes_total as usize, text.len());
    assert!(!answer.model.unwrap().fingerprint.is_empty());
}

#[tokio::test]
async fn offsets_count_in_the_unit_that_was_asked_for() {
    let text = format!("😀 {}", article(1));
    for unit in [
        OffsetUnit::Utf8Byte,
        OffsetUnit::Utf16CodeUnit,
        OffsetUnit::CodePoint,
    ] {
        let options = TagOptions {
            offset_unit: unit.into(),
            ..Default::default()
        };
        let answer = tagged(tag_with(document("", &text), options))
            .await
            .unwrap();
        assert!(!answer.mentions.is_empty());
        for mention in &answer.mentions {
            let span = mention.span.unwrap();
            let range = span.start as usize..span.end as usize;
            let found = match unit {
                OffsetUnit::Utf8Byte => text[range].to_owned(),
                OffsetUnit::Utf16CodeUnit => {
                    let units: Vec<u16> = text.encode_utf16().collect();
                    String::from_utf16(&units[range]).unwrap()
                }
                _ => selected(&text, span),
            };
            assert_eq!(found, mention.text, "{unit:?}");
        }
    }
}

#[tokio::test]
async fn an_empty_text_has_a_valid_empty_answer() {
    let empty = Document {
        id: "leer".into(),
        ..Default::default()
    };
    let answer = tagged(tag(empty)).await.unwrap();
    assert_eq!(answer.id, "leer");
    assert!(answer.mentions.is_empty() && answer.sentences.is_empty());
    assert!(answer.sentiment.is_none());
    assert_eq!(answer.coverage.unwrap().bytes_total, 0);
}

#[tokio::test]
async fn layers_that_were_not_asked_for_are_absent() {
    let options = TagOptions {
        features: vec![Feature::Sentences.into()],
        ..Default::default()
    };
    let answer = tagged(tag_with(document("", &article(1)), options))
        .await
        .unwrap();
    assert!(!answer.sentences.is_empty());
    assert!(answer.mentions.is_empty() && answer.quotes.is_empty());
}

#[tokio::test]
async fn a_request_without_a_document_is_refused() {
    let status = tagged(TagRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(violated(&status), ["document"]);
}

#[tokio::test]
async fn wrong_options_are_refused_with_every_field() {
    let cases: [(TagOptions, &[&str]); 6] = [
        (options(99, &[], 0.0), &["options.offset_unit"]),
        (options(0, &[1, 77], 0.0), &["options.features[1]"]),
        (options(0, &[0], 0.0), &["options.features[0]"]),
        (options(0, &[], f32::NAN), &["options.min_probability"]),
        (options(0, &[], 1.5), &["options.min_probability"]),
        (
            options(-1, &[1, 2, -3], f32::INFINITY),
            &[
                "options.min_probability",
                "options.offset_unit",
                "options.features[2]",
            ],
        ),
    ];
    for (options, expected) in cases {
        let status = tagged(tag_with(document("", "Guten Tag"), options))
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(reason(&status), "REQUEST_INVALID");
        assert_eq!(violated(&status), expected);
    }
}

fn options(offset_unit: i32, features: &[i32], min_probability: f32) -> TagOptions {
    TagOptions {
        offset_unit,
        features: features.to_vec(),
        min_probability,
        ..TagOptions::default()
    }
}

#[tokio::test]
async fn a_language_that_is_malformed_or_not_supported_is_refused() {
    let cases = [
        ("not a language", "LANGUAGE_MALFORMED"),
        ("de_DE", "LANGUAGE_MALFORMED"),
        ("ja", "LANGUAGE_UNSUPPORTED"),
    ];
    for (language, expected) in cases {
        let document = Document {
            language: language.into(),
            ..document("", "Guten Tag")
        };
        let status = tagged(tag(document)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{language}");
        assert_eq!(reason(&status), expected, "{language}");
        assert_eq!(violated(&status), ["document.language"], "{language}");
    }
}

#[tokio::test]
async fn a_text_over_the_limit_is_refused_with_the_limit() {
    let server = server().await;
    let mut client = server.client().await;
    let info = client
        .get_info(GetInfoRequest {})
        .await
        .unwrap()
        .into_inner();
    let limit = info.limits.unwrap().max_document_bytes;
    let text = "x".repeat(limit as usize + 1);
    let status = client.tag(tag(document("", &text))).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(reason(&status), "TEXT_TOO_LARGE");
    assert_eq!(violated(&status), ["document.text"]);
    assert!(status.message().contains(&limit.to_string()), "{status}");
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_and_the_connection_lives() {
    let server = server().await;
    let mut client = server.client().await;
    let text = "x".repeat(6 << 20);
    let status = client.tag(tag(document("", &text))).await.unwrap_err();
    assert!(
        matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted),
        "{status}"
    );
    client.tag(tag(document("", "Guten Tag"))).await.unwrap();
}

#[tokio::test]
async fn bytes_that_are_no_utf8_or_no_message_are_refused_and_the_server_lives() {
    let server = server().await;
    let broken: [&[u8]; 4] = [
        // document { text: "Gr\xfc\xdfe" }
        b"\x0a\x07\x12\x05Gr\xfc\xdfe",
        // document { id: "\xff" }
        b"\x0a\x03\x0a\x01\xff",
        // A field that is longer than the message.
        b"\x0a\x7f\x12",
        // No field has the number 0.
        b"\x00\x00\x00",
    ];
    for message in broken {
        let path = "/tagwerk.v1.TaggingService/Tag";
        let status = support::raw::unary(&server, path, message)
            .await
            .unwrap_err();
        assert!(
            matches!(status.code(), Code::Internal | Code::InvalidArgument),
            "{message:?}: {status}"
        );
    }
    server
        .client()
        .await
        .tag(tag(document("", "Guten Tag")))
        .await
        .unwrap();
}

#[tokio::test]
async fn messages_may_be_compressed_in_both_directions() {
    let server = server().await;
    let mut client = server
        .client()
        .await
        .send_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Gzip);
    let response = client.tag(tag(document("z", &article(3)))).await.unwrap();
    assert_eq!(response.metadata().get("grpc-encoding").unwrap(), "gzip");
    assert_eq!(response.into_inner().document.unwrap().id, "z");
}

#[tokio::test]
async fn the_server_describes_its_model_and_its_limits() {
    let server = server().await;
    let info = server
        .client()
        .await
        .get_info(GetInfoRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(info.version, env!("CARGO_PKG_VERSION"));
    let model = &info.models[0];
    assert_eq!(model.languages[0], "de");
    assert!(!model.license.is_empty() && !model.labels.is_empty());
    assert!(!model.model.as_ref().unwrap().fingerprint.is_empty());
    let limits = info.limits.unwrap();
    assert!(limits.max_message_bytes > limits.max_document_bytes);
    assert!(limits.workers > 0 && limits.max_window_tokens > 0 && limits.queue_tokens > 0);
}

#[tokio::test]
async fn a_call_that_is_given_up_stops_its_work() {
    let server = server().await;
    let mut client = server.client().await;
    let call = tokio::spawn(async move { client.tag(tag(document("", &long_article()))).await });
    server.until_metric(IN_FLIGHT, 1.0).await;
    call.abort();
    server.until_metric(IN_FLIGHT, 0.0).await;
    server.until_metric(CANCELLED, 1.0).await;
}

// Streams.

async fn answers(mut stream: Streaming<TagStreamResponse>) -> Vec<TagStreamResponse> {
    let mut answers = Vec::new();
    while let Some(answer) = timeout(PATIENCE, stream.message()).await.unwrap().unwrap() {
        answers.push(answer);
    }
    answers
}

async fn tag_stream(requests: Vec<TagStreamRequest>) -> Vec<TagStreamResponse> {
    let server = server().await;
    let mut client = server.client().await;
    let stream = client
        .tag_stream(futures::stream::iter(requests))
        .await
        .unwrap();
    answers(stream.into_inner()).await
}

#[tokio::test]
async fn every_document_of_a_stream_is_answered_with_its_id_and_sequence() {
    let requests = (0..60).map(|n| {
        // Of many lengths, so that answers overtake each other.
        let text = format!("Nummer{n} {}", article(n * 7 % 5));
        queued(document(&format!("stream-{}", n % 10), &text))
    });
    let answers = tag_stream(requests.collect()).await;
    let sequences: BTreeSet<u64> = answers.iter().map(|a| a.sequence).collect();
    assert_eq!(sequences, (0..60).collect());
    assert_eq!(answers.len(), 60);
    for answer in answers {
        assert_eq!(answer.id, format!("stream-{}", answer.sequence % 10));
        let Some(StreamResult::Document(document)) = answer.result else {
            panic!("{answer:?}");
        };
        assert_eq!(document.id, answer.id);
        let text = format!(
            "Nummer{} {}",
            answer.sequence,
            article((answer.sequence * 7 % 5) as usize)
        );
        assert_eq!(document.coverage.unwrap().bytes_total as usize, text.len());
    }
}

#[tokio::test]
async fn a_bad_document_fails_alone() {
    let foreign = Document {
        language: "ja".into(),
        ..document("foreign", "Guten Tag")
    };
    let requests = vec![
        queued(document("good", "Guten Tag")),
        TagStreamRequest::default(),
        queued(foreign),
        queued(document("good too", "Auf Wiedersehen")),
    ];
    let mut answers = tag_stream(requests).await;
    answers.sort_by_key(|answer| answer.sequence);
    let outcomes: Vec<(String, i32)> = answers
        .into_iter()
        .map(|answer| match answer.result.unwrap() {
            StreamResult::Document(_) => (answer.id, 0),
            StreamResult::Error(status) => {
                assert!(!status.details.is_empty());
                (answer.id, status.code)
            }
        })
        .collect();
    let invalid = i32::from(Code::InvalidArgument);
    let expected = [
        ("good", 0),
        ("", invalid),
        ("foreign", invalid),
        ("good too", 0),
    ];
    assert_eq!(outcomes, expected.map(|(id, code)| (id.to_owned(), code)));
}

#[tokio::test]
async fn a_stream_without_documents_ends_well() {
    assert!(tag_stream(vec![]).await.is_empty());
}

#[tokio::test]
async fn answers_come_while_the_stream_is_open() {
    let server = server().await;
    let mut client = server.client().await;
    let (sender, requests) = mpsc::channel(1);
    let stream = client
        .tag_stream(ReceiverStream::new(requests))
        .await
        .unwrap();
    let mut stream = stream.into_inner();
    for sequence in 0..3 {
        sender
            .send(queued(document("", "Guten Tag")))
            .await
            .unwrap();
        let answer = timeout(PATIENCE, stream.message())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        assert_eq!(answer.sequence, sequence);
    }
    drop(sender);
    assert!(stream.message().await.unwrap().is_none());
}

#[tokio::test]
async fn documents_before_a_broken_message_are_answered() {
    let server = server().await;
    let mut client = server.client().await;
    let requests = vec![
        queued(document("good", &article(20))),
        queued(document("too large for a message", &"x".repeat(6 << 20))),
    ];
    let stream = client
        .tag_stream(futures::stream::iter(requests))
        .await
        .unwrap();
    let mut stream = stream.into_inner();
    let first = stream.message().await.unwrap().unwrap();
    assert_eq!(first.id, "good");
    let status = stream.message().await.unwrap_err();
    assert!(
        matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted),
        "{status}"
    );
}

#[tokio::test]
async fn a_stream_past_its_deadline_gets_deadline_exceeded() {
    let server = server().await;
    let (_open, requests) = mpsc::channel(1);
    let mut request = tonic::Request::new(ReceiverStream::new(requests));
    request
        .metadata_mut()
        .insert("grpc-timeout", "250m".parse().unwrap());
    let stream = server.client().await.tag_stream(request).await.unwrap();
    let answer = timeout(PATIENCE, stream.into_inner().message())
        .await
        .unwrap();
    assert_eq!(answer.unwrap_err().code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_caller_who_takes_no_answers_is_not_read_from() {
    let bound = 4;
    let server = server_with(ServerConfig {
        stream_documents: bound,
        ..support::config()
    })
    .await;
    let mut client = server.client_with_small_windows().await;
    let documents = 80;
    let requests = (0..documents).map(|_| queued(document("", &article(6))));
    let stream = client
        .tag_stream(futures::stream::iter(requests))
        .await
        .unwrap();

    // With every place taken and none given back, no further document can be read.
    server.until_metric(IN_FLIGHT, bound as f64).await;
    for _ in 0..100 {
        assert!(server.metric(IN_FLIGHT).await <= bound as f64);
        assert!(server.metric(ANSWERED).await < f64::from(documents));
    }

    // Taking the answers sets it going again.
    let answers = answers(stream.into_inner()).await;
    let sequences: BTreeSet<u64> = answers.iter().map(|a| a.sequence).collect();
    assert_eq!(sequences.len(), documents as usize);
    server.until_metric(IN_FLIGHT, 0.0).await;
}

#[tokio::test]
async fn streams_that_stand_still_do_not_hold_up_calls_on_their_connection() {
    let server = server().await;
    let mut client = server.client_with_small_windows().await;
    let mut stuck = Vec::new();
    for _ in 0..8 {
        let requests = futures::stream::repeat_with(|| queued(document("", &article(8))));
        stuck.push(client.tag_stream(requests).await.unwrap());
    }
    server.until_metric(IN_FLIGHT, 64.0).await;
    let call = client.tag(tag(document("", "Guten Tag")));
    timeout(PATIENCE, call).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stream_that_is_given_up_stops_its_work() {
    let server = server().await;
    let mut client = server.client().await;
    let (sender, requests) = mpsc::channel(4);
    let stream = client
        .tag_stream(ReceiverStream::new(requests))
        .await
        .unwrap();
    for _ in 0..4 {
        sender
            .send(queued(document("", &long_article())))
            .await
            .unwrap();
    }
    server.until_metric(IN_FLIGHT, 4.0).await;
    // The client resets the stream once both of its halves are gone.
    drop((stream, sender));
    server.until_metric(IN_FLIGHT, 0.0).await;
    server.until_metric(CANCELLED_STREAMS, 1.0).await;
}

#[tokio::test]
async fn calls_and_streams_go_on_side_by_side() {
    let server = server().await;
    let calls = (0..12).map(|n| {
        let server = &server;
        async move {
            let mut client = server.client().await;
            if n % 2 == 0 {
                let text = article(n);
                let answer = client
                    .tag(tag(document(&n.to_string(), &text)))
                    .await
                    .unwrap();
                assert_eq!(answer.into_inner().document.unwrap().id, n.to_string());
            } else {
                let requests: Vec<_> = (0..n)
                    .map(|m| queued(document(&m.to_string(), &article(m))))
                    .collect();
                let stream = client
                    .tag_stream(futures::stream::iter(requests))
                    .await
                    .unwrap();
                let count = stream.into_inner().count().await;
                assert_eq!(count, n);
            }
        }
    });
    join_all(calls).await;
}
