//! The page at the HTTP port, in a real browser, and the calls that it makes.

mod support;

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use prost::Message as _;
use serde_json::{Value, json};
use support::{
    PATIENCE, TestServer, config, document,
    http::{self, Answer},
    server, server_with, start, tag, tag_with,
};
use tagwerk::{
    api::caller::Quota,
    proto::tagwerk::v1::{
        Coverage, Document, Entity, EntityStance, GetInfoResponse, Mention, OffsetUnit, Polarity,
        PolarityProbabilities, Prominence, Quote, Sentence, Sentiment, Span, Stance,
        StanceRelation, TagOptions, TagRequest, TagResponse, TaggedDocument, TargetAnswer,
        TargetSpan, TargetStance,
    },
    server::{
        ConnectionLimits, PageSettings, ServerConfig,
        auth::{AuthSettings, hash_of},
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::oneshot,
    task::spawn_blocking,
    time::timeout,
};
use tonic::Code;

const TAG: &str = "/tagwerk.v1.TaggingService/Tag";
const INFO: &str = "/tagwerk.v1.TaggingService/GetInfo";

const BINARY: (&str, &str) = ("content-type", "application/grpc-web+proto");
const TEXT: (&str, &str) = ("content-type", "application/grpc-web-text+proto");

/// The key that locked servers know.
const KEY: &str = "key-of-north";

/// A file of keys of one test's own.
fn keys(test: &str) -> AuthSettings {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("page-{test}.toml"));
    let keys = format!("[[key]]\nname = \"north\"\nsha256 = \"{}\"\n", hash_of(KEY));
    fs::write(&path, keys).unwrap();
    AuthSettings {
        keys: Some(path),
        ..AuthSettings::default()
    }
}

/// A message in the frame that gRPC puts around it.
fn framed(message: &impl prost::Message) -> Vec<u8> {
    let message = message.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap();
    [&[0], length.to_be_bytes().as_slice(), &message].concat()
}

/// What an answer of gRPC-Web holds.
struct Web {
    message: Option<Vec<u8>>,
    trailers: String,
}

impl Web {
    fn code(&self) -> Code {
        let status = |line: &str| Some(line.strip_prefix("grpc-status:")?.trim().to_owned());
        let status = self.trailers.lines().find_map(status);
        Code::from_bytes(status.expect("no status").as_bytes())
    }
}

/// Takes an answer apart; where it has no message, its status may stand in the head.
fn unframed(answer: &Answer, body: &[u8]) -> Web {
    assert_eq!(answer.status, 200);
    let mut web = Web {
        message: None,
        trailers: String::new(),
    };
    for name in ["grpc-status", "grpc-message"] {
        if let Some(value) = answer.header(name) {
            web.trailers += &format!("{name}:{value}\r\n");
        }
    }
    let mut rest = body;
    while let [flags, a, b, c, d, content @ ..] = rest {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let (frame, others) = content.split_at(length);
        if flags & 0x80 == 0 {
            web.message = Some(frame.to_vec());
        } else {
            web.trailers += str::from_utf8(frame).unwrap();
        }
        rest = others;
    }
    web
}

/// Calls with the binary form.
async fn call(
    server: &TestServer,
    path: &str,
    headers: &[(&str, &str)],
    message: &impl prost::Message,
) -> Web {
    let headers = [&[BINARY], headers].concat();
    let answer = http::send(server.http, "POST", path, &headers, &framed(message)).await;
    assert_eq!(answer.header("content-type"), Some(BINARY.1));
    unframed(&answer, &answer.body)
}

/// A request that can be made out of nothing but its document.
fn request() -> TagRequest {
    tag(document(
        "web",
        "Jana Roth lobt die Reederei Ostwind aus Kiel.",
    ))
}

#[tokio::test]
async fn a_binary_call_gets_the_answer_of_the_grpc_port_and_trailers() {
    let server = server().await;
    let expected = server.client().await.tag(request()).await.unwrap();
    let web = call(&server, TAG, &[], &request()).await;
    assert_eq!(web.code(), Code::Ok);
    let answer = TagResponse::decode(web.message.unwrap().as_slice()).unwrap();
    assert_eq!(answer, expected.into_inner());
    assert!(!answer.document.unwrap().mentions.is_empty());
}

#[tokio::test]
async fn a_call_in_base64_gets_an_answer_in_base64() {
    let server = server().await;
    let headers = [TEXT, ("accept", TEXT.1)];
    let body = to_base64(&framed(&request()));
    let answer = http::send(server.http, "POST", TAG, &headers, body.as_bytes()).await;
    assert_eq!(answer.header("content-type"), Some(TEXT.1));
    let web = unframed(&answer, &from_base64(&answer.body));
    assert_eq!(web.code(), Code::Ok);
    let answer = TagResponse::decode(web.message.unwrap().as_slice()).unwrap();
    assert_eq!(answer.document.unwrap().id, "web");
}

const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn to_base64(bytes: &[u8]) -> String {
    let groups = bytes.chunks(3).flat_map(|three| {
        let bits = three
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        (0..4).map(move |place| {
            let sextet = bits >> (18 - 6 * place) & 63;
            match place <= three.len() {
                true => char::from(BASE64[sextet as usize]),
                false => '=',
            }
        })
    });
    groups.collect()
}

/// Reads pieces of base64 one behind the other, each with its own padding, as gRPC-Web writes them.
fn from_base64(text: &[u8]) -> Vec<u8> {
    let groups = text.chunks(4).flat_map(|four| {
        let sextets = four.iter().filter(|sign| **sign != b'=');
        let sextets: Vec<u32> = sextets
            .map(|sign| BASE64.iter().position(|one| one == sign).unwrap() as u32)
            .collect();
        let bits = sextets.iter().fold(0, |bits, sextet| bits << 6 | sextet);
        let bits = bits << (6 * (4 - sextets.len()));
        let bytes = bits.to_be_bytes();
        bytes[1..sextets.len()].to_vec()
    });
    groups.collect()
}

#[tokio::test]
async fn a_refused_request_names_the_field_in_its_trailers() {
    let server = server().await;
    let web = call(&server, TAG, &[], &TagRequest::default()).await;
    assert_eq!(web.code(), Code::InvalidArgument);
    assert!(web.trailers.contains("document"), "{}", web.trailers);
}

#[tokio::test]
async fn what_is_no_call_of_grpc_web_is_refused() {
    let server = server().await;
    let body = framed(&request());
    let reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    for (method, path, media, status) in [
        ("POST", TAG, "application/grpc", 400),
        // What a form of any site can send without being asked.
        ("POST", TAG, "text/plain", 400),
        ("GET", TAG, BINARY.1, 405),
        // Reflection is for other clients.
        ("POST", reflection, BINARY.1, 404),
    ] {
        let headers = [("content-type", media)];
        let answer = http::send(server.http, method, path, &headers, &body).await;
        assert_eq!(answer.status, status, "{method} {path} {media}");
    }
}

#[tokio::test]
async fn credentials_are_demanded_where_the_grpc_port_demands_them() {
    let auth = keys("demanded");
    let server = server_with(ServerConfig { auth, ..config() }).await;
    for (headers, code) in [
        (vec![], Code::Unauthenticated),
        (vec![("x-api-key", "key-of-west")], Code::Unauthenticated),
        (
            vec![("authorization", "Bearer a.b.c")],
            Code::Unauthenticated,
        ),
        (vec![("x-api-key", KEY)], Code::Ok),
    ] {
        for path in [TAG, INFO] {
            let web = call(&server, path, &headers, &request()).await;
            assert_eq!(web.code(), code, "{path} {headers:?}");
            assert_eq!(web.message.is_some(), code == Code::Ok, "{path}");
        }
    }
}

#[tokio::test]
async fn calls_at_both_ports_share_one_quota() {
    let auth = AuthSettings {
        quota: Quota {
            tokens_per_second: Some(1),
            ..Quota::default()
        },
        ..keys("quota")
    };
    let server = server_with(ServerConfig { auth, ..config() }).await;
    let mut of_north = tonic::Request::new(tag(document("first", &support::article(1))));
    let key = KEY.parse().unwrap();
    of_north.metadata_mut().insert("x-api-key", key);
    server.client().await.tag(of_north).await.unwrap();
    let web = call(&server, TAG, &[("x-api-key", KEY)], &request()).await;
    assert_eq!(web.code(), Code::ResourceExhausted);
}

#[tokio::test]
async fn pages_of_other_sites_may_not_call() {
    let server = server().await;
    let own = format!("http://{}", server.http);
    let body = framed(&request());
    for (headers, status) in [
        (vec![("origin", own.as_str())], 200),
        (vec![("origin", "https://evil.example")], 403),
        (vec![("origin", "null")], 403),
        (vec![("sec-fetch-site", "cross-site")], 403),
        // A name of a stranger's that leads here.
        (vec![("host", "evil.example")], 421),
        (
            vec![
                ("host", "evil.example"),
                ("origin", "http://evil.example"),
                ("sec-fetch-site", "same-origin"),
            ],
            421,
        ),
    ] {
        let headers = [vec![BINARY], headers].concat();
        let answer = http::send(server.http, "POST", TAG, &headers, &body).await;
        assert_eq!(answer.status, status, "{headers:?}");
        let permitted = answer.header("access-control-allow-origin");
        assert_eq!(permitted, None, "{headers:?}");
    }
}

#[tokio::test]
async fn a_name_that_is_listed_is_answered() {
    let page = Some(PageSettings {
        hosts: vec!["news.example".to_owned()],
    });
    let server = server_with(ServerConfig { page, ..config() }).await;
    for (host, status) in [("news.example", 200), ("evil.example", 421)] {
        let answer = http::send(server.http, "GET", "/", &[("host", host)], b"").await;
        assert_eq!(answer.status, status, "{host}");
    }
}

#[tokio::test]
async fn without_the_page_the_port_takes_no_calls() {
    let page = None;
    let server = server_with(ServerConfig { page, ..config() }).await;
    let answer = http::send(server.http, "GET", "/", &[], b"").await;
    assert!(answer.body.starts_with(b"tagwerk "));
    let body = framed(&request());
    let answer = http::send(server.http, "POST", TAG, &[BINARY], &body).await;
    assert_eq!(answer.status, 404);
    let answer = http::send(server.http, "GET", "/page/page.js", &[], b"").await;
    assert_eq!(answer.status, 404);
}

/// A connection on which a call has begun whose body is so many bytes long.
async fn begun(server: &TestServer, headers: &str, length: usize, body: &[u8]) -> TcpStream {
    let mut connection = TcpStream::connect(server.http).await.unwrap();
    let head = format!(
        "POST {TAG} HTTP/1.1\r\nHost: {}\r\ncontent-type: {}\r\n{headers}Content-Length: {length}\r\n\r\n",
        server.http, BINARY.1,
    );
    let request = [head.as_bytes(), body].concat();
    connection.write_all(&request).await.unwrap();
    connection
}

#[tokio::test]
async fn a_deadline_ends_a_call() {
    let server = server().await;
    // A body that never comes to its end.
    let mut connection = begun(
        &server,
        "grpc-timeout: 50m\r\nConnection: close\r\n",
        100,
        &[0],
    )
    .await;
    let mut answer = Vec::new();
    let read = timeout(PATIENCE, connection.read_to_end(&mut answer)).await;
    read.expect("the call hangs").unwrap();
    let answer = http::taken_apart(answer);
    let web = unframed(&answer, &answer.body);
    assert_eq!(web.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_caller_who_goes_takes_the_work_along() {
    let server = server().await;
    let body = framed(&tag(document("gone", &support::article(2000))));
    let connection = begun(&server, "", body.len(), &body).await;
    server
        .until_metric("tagwerk_documents_in_flight", 1.0)
        .await;
    drop(connection);
    let series = "tagwerk_calls_total{method=\"tagwerk.v1.TaggingService/Tag\",code=\"CANCELLED\"}";
    server.until_metric(series, 1.0).await;
}

#[tokio::test]
async fn calls_are_counted_as_those_of_the_grpc_port() {
    let server = server().await;
    call(&server, TAG, &[], &request()).await;
    let series = "tagwerk_calls_total{method=\"tagwerk.v1.TaggingService/Tag\",code=\"OK\"}";
    server.until_metric(series, 1.0).await;
}

#[tokio::test]
async fn while_the_model_loads_a_call_is_told_to_come_again() {
    let (loaded, load) = oneshot::channel();
    let server = start(config(), async { Ok(load.await.unwrap()) }).await;
    let web = call(&server, INFO, &[], &TagRequest::default()).await;
    assert_eq!(web.code(), Code::Unavailable);
    loaded.send(support::pipeline().await).unwrap();
    server.until_ready().await;
    let web = call(&server, INFO, &[], &TagRequest::default()).await;
    let info = GetInfoResponse::decode(web.message.unwrap().as_slice()).unwrap();
    assert_eq!(info.version, env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn a_call_in_flight_is_finished_before_the_stop_and_a_new_one_is_told_of_it() {
    let server = server().await;
    let long = framed(&tag(document("long", &support::article(200))));
    let address = server.http;
    let headers = [BINARY];
    let in_flight =
        tokio::spawn(async move { http::send(address, "POST", TAG, &headers, &long).await });
    server
        .until_metric("tagwerk_documents_in_flight", 1.0)
        .await;
    server.signal();
    support::until("draining", || async {
        http::get(address, "/readyz").await.body == "stopping\n"
    })
    .await;
    let web = call(&server, TAG, &[], &request()).await;
    assert_eq!(web.code(), Code::Unavailable);
    let answer = in_flight.await.unwrap();
    assert_eq!(unframed(&answer, &answer.body).code(), Code::Ok);
    server.ended().await.unwrap();
}

#[tokio::test]
async fn a_head_that_does_not_end_does_not_hold_the_connection() {
    let connections = ConnectionLimits {
        first_byte: Duration::from_millis(200),
        ..ConnectionLimits::default()
    };
    let server = server_with(ServerConfig {
        connections,
        ..config()
    })
    .await;
    let mut connection = TcpStream::connect(server.http).await.unwrap();
    connection.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let mut rest = Vec::new();
    let ended = timeout(PATIENCE, connection.read_to_end(&mut rest)).await;
    ended.expect("the connection stays open").unwrap();
}

#[tokio::test]
async fn a_file_that_the_browser_has_is_not_sent_again() {
    let server = server().await;
    for path in ["/", "/page/page.js", "/page/fonts/newsreader-latin.woff2"] {
        let first = http::send(server.http, "GET", path, &[], b"").await;
        assert_eq!(first.status, 200, "{path}");
        let tag = first.header("etag").unwrap();
        for (known, status) in [(tag, 304), ("\"other\"", 200)] {
            let headers = [("if-none-match", known)];
            let again = http::send(server.http, "GET", path, &headers, b"").await;
            assert_eq!(again.status, status, "{path} {known}");
            assert_eq!(again.body.is_empty(), status == 304, "{path}");
        }
    }
}

#[tokio::test]
async fn the_page_may_run_and_call_nothing_but_its_own() {
    let server = server().await;
    let page = http::send(server.http, "GET", "/", &[], b"").await;
    let policy = page.header("content-security-policy").unwrap();
    for rule in [
        "default-src 'none'",
        "script-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.split("; ").any(|one| one == rule), "{rule}");
    }
    assert!(!policy.contains("unsafe"));
    let html = String::from_utf8(page.body).unwrap();
    assert!(!html.contains("http://") && !html.contains("https://"));
    assert!(!html.contains("style="));
    // Attributes such as onclick.
    let attribute = |rest: &str| {
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_lowercase());
        rest.starts_with('=')
    };
    assert!(!html.split(" on").skip(1).any(attribute));
}

/// The browser for the tests, or none where it cannot be had.
fn browser() -> Option<(PathBuf, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let installed = Command::new(root.join("scripts/browser.sh")).status();
    if installed.is_ok_and(|status| status.success()) {
        let tools = root.join("target/tools");
        return Some((tools.join("bin/node"), tools.join("browser")));
    }
    eprintln!(
        "\n*** SKIPPED: there is no browser on this machine (scripts/browser.sh), so the page is not tested ***\n"
    );
    None
}

/// Runs a script of `tests/page`, which gets `input` and says what it finds.
fn node(script: &[&str], variables: &[(&str, &str)], input: &[u8]) -> Option<Vec<u8>> {
    let (node, browser) = browser()?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page");
    let mut process = Command::new(node)
        .args(script)
        .current_dir(folder)
        .envs(variables.iter().copied())
        .env("TAGWERK_BROWSER", browser)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(input).unwrap();
    let output = process.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{script:?} failed:\n{said}");
    Some(output.stdout)
}

/// An answer with every field that the page reads, and some that it does not.
fn answer() -> TaggedDocument {
    let probabilities = PolarityProbabilities {
        favorable: 0.25,
        neutral: 0.5,
        unfavorable: 0.25,
    };
    let span = |start, end| Some(Span { start, end });
    TaggedDocument {
        id: "passed over".to_owned(),
        language: "pl".to_owned(),
        language_probability: 0.75,
        mentions: vec![Mention {
            span: span(0, 4_294_967_295),
            text: "Łódź 🚢".to_owned(),
            r#type: 3,
            entity: Some(0),
            probability: 0.5,
            stance: Some(Stance {
                polarity: Polarity::Unfavorable.into(),
                score: -0.5,
                probabilities: Some(probabilities),
            }),
        }],
        entities: vec![Entity {
            name: "Łódź".to_owned(),
            r#type: 3,
            mentions: vec![0, 127, 128, 300_000],
            salience: 1.0,
            stance: Some(EntityStance {
                polarity: Polarity::Unfavorable.into(),
                score: -0.5,
                favorable_count: 0,
                unfavorable_count: 1,
            }),
        }],
        stances: vec![StanceRelation {
            target: 0,
            holder_kind: 2,
            holder: None,
            polarity: Polarity::Unfavorable.into(),
            probability: 0.5,
            holder_probability: 0.25,
            evidence: span(5, 9),
        }],
        quotes: vec![Quote {
            span: span(1, 2),
            speaker_kind: 1,
            speaker: Some(0),
        }],
        sentences: vec![Sentence {
            span: span(0, 9),
            sentiment: None,
        }],
        sentiment: Some(Sentiment {
            polarity: Polarity::Neutral.into(),
            score: 0.0,
            probabilities: None,
        }),
        coverage: Some(Coverage {
            bytes_read: 9,
            bytes_total: 10,
            windows: 1,
            truncated: false,
        }),
        model: None,
        targets: vec![TargetAnswer {
            id: "łódź".to_owned(),
            spans: vec![TargetSpan {
                span: span(0, 4),
                text: "Łódź".to_owned(),
                sentence: span(0, 9),
                mention: Some(0),
                stance: None,
            }],
            stance: Some(EntityStance {
                polarity: Polarity::Favorable.into(),
                score: 0.5,
                favorable_count: 1,
                unfavorable_count: 0,
            }),
            stances: vec![TargetStance {
                span: 0,
                holder_kind: 1,
                holder: Some(0),
                polarity: Polarity::Favorable.into(),
                probability: 0.75,
                holder_probability: 0.5,
                evidence: span(0, 9),
            }],
            quotes_of: vec![0],
            quotes_about: vec![],
            prominence: Some(Prominence {
                in_headline: true,
                in_first_paragraph: false,
                share: 0.25,
            }),
            entities: vec![0],
        }],
        near_duplicate_key: u64::MAX,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_reads_what_the_server_writes() {
    let response = TagResponse {
        document: Some(answer()),
    };
    let bytes = response.encode_to_vec();
    let read = spawn_blocking(move || node(&["wire.mjs", "read"], &[], &bytes));
    let Some(read) = read.await.unwrap() else {
        return;
    };
    let read: Value = serde_json::from_slice(&read).unwrap();
    let probabilities = json!({ "favorable": 0.25, "neutral": 0.5, "unfavorable": 0.25 });
    let expected = json!({ "document": {
        "language": "pl",
        "languageProbability": 0.75,
        "mentions": [{
            "span": { "start": 0, "end": 4_294_967_295_u32 },
            "text": "Łódź 🚢",
            "type": 3,
            "entity": 0,
            "probability": 0.5,
            "stance": { "polarity": 3, "score": -0.5, "probabilities": probabilities },
        }],
        "entities": [{
            "name": "Łódź",
            "type": 3,
            "mentions": [0, 127, 128, 300_000],
            "salience": 1,
            "stance": { "polarity": 3, "score": -0.5, "favorableCount": 0, "unfavorableCount": 1 },
        }],
        "stances": [{
            "target": 0,
            "holderKind": 2,
            "polarity": 3,
            "probability": 0.5,
            "holderProbability": 0.25,
            "evidence": { "start": 5, "end": 9 },
        }],
        "quotes": [{ "span": { "start": 1, "end": 2 }, "speakerKind": 1, "speaker": 0 }],
        "sentences": [{ "span": { "start": 0, "end": 9 } }],
        "sentiment": { "polarity": 2, "score": 0 },
        "coverage": { "bytesRead": 9, "bytesTotal": 10, "windows": 1 },
        "targets": [{
            "id": "łódź",
            "spans": [{ "span": { "start": 0, "end": 4 }, "text": "Łódź", "mention": 0 }],
            "stance": { "polarity": 1, "score": 0.5, "favorableCount": 1, "unfavorableCount": 0 },
            "stances": [{
                "span": 0,
                "holderKind": 1,
                "holder": 0,
                "polarity": 1,
                "probability": 0.75,
                "holderProbability": 0.5,
                "evidence": { "start": 0, "end": 9 },
            }],
            "prominence": { "inHeadline": 1, "inFirstParagraph": 0, "share": 0.25 },
        }],
    } });
    assert_eq!(read, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_reads_what_the_page_writes() {
    let input = json!({
        "document": { "text": "Łódź 🚢\n".repeat(1000), "language": "pl" },
        "options": { "offsetUnit": 2 },
    });
    let input = input.to_string();
    let written = spawn_blocking(move || node(&["wire.mjs", "write"], &[], input.as_bytes()));
    let Some(written) = written.await.unwrap() else {
        return;
    };
    let expected = TagRequest {
        document: Some(Document {
            id: String::new(),
            text: "Łódź 🚢\n".repeat(1000),
            language: "pl".to_owned(),
        }),
        options: Some(TagOptions {
            offset_unit: OffsetUnit::Utf16CodeUnit.into(),
            ..TagOptions::default()
        }),
    };
    assert_eq!(TagRequest::decode(written.as_slice()).unwrap(), expected);
}

/// How long the browser has for all that it does.
const VISIT: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread")]
async fn the_page_does_in_a_browser_what_the_scripts_expect() {
    let open = server().await;
    let auth = AuthSettings {
        quota: Quota {
            tokens_per_second: Some(20),
            ..Quota::default()
        },
        ..keys("browser")
    };
    let locked = server_with(ServerConfig { auth, ..config() }).await;
    // The page has to show what any other client is told.
    let text = fs::read_to_string("examples/article-de.txt").unwrap();
    let text = format!("🚢 {}", text.trim());
    let article = Document {
        text: text.clone(),
        ..Document::default()
    };
    let options = TagOptions {
        offset_unit: OffsetUnit::Utf16CodeUnit.into(),
        ..TagOptions::default()
    };
    let tagged = open.client().await.tag(tag_with(article, options)).await;
    let tagged = tagged.unwrap().into_inner().document.unwrap();
    let expected = json!({ "text": text, "tagged": tagged }).to_string();
    let urls = [open.http, locked.http].map(|address| format!("http://{address}/"));
    let visit = spawn_blocking(move || {
        let variables = [
            ("TAGWERK_OPEN", urls[0].as_str()),
            ("TAGWERK_LOCKED", urls[1].as_str()),
            ("TAGWERK_KEY", KEY),
        ];
        let script = ["--test", "--test-reporter=spec", "page.test.mjs"];
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page-expected.json");
        fs::write(&path, expected).unwrap();
        let path = path.to_str().unwrap();
        let variables = [&variables[..], &[("TAGWERK_EXPECTED", path)]].concat();
        node(&script, &variables, b"")
    });
    let said = timeout(VISIT, visit).await.expect("the browser hangs");
    if let Some(said) = said.unwrap() {
        println!("{}", String::from_utf8_lossy(&said));
    }
}
