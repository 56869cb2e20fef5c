//! The example client: whatever breaks in the middle, each document is answered once, and as on a quiet day.

mod support;

#[allow(dead_code)]
#[path = "../examples/ingest.rs"]
mod ingest;

use std::{
    collections::HashSet,
    fs,
    io::{self, BufRead as _, BufReader, Write},
    net::SocketAddr,
    path::PathBuf,
    pin::Pin,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use clap::Parser as _;
use futures::{Stream, StreamExt as _, stream};
use ingest::{Arguments, Error, Ingest, Tally};
use serde_json::{Value, json};
use tagwerk::proto::tagwerk::v1::{
    GetInfoRequest, GetInfoResponse, TagRequest, TagResponse, TagStreamRequest, TagStreamResponse,
    TaggedDocument,
    tag_stream_response::Result as Answer,
    tagging_service_server::{TaggingService, TaggingServiceServer},
};
use tokio::{
    net::TcpListener,
    time::{Instant, timeout},
};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_types::{ErrorDetails, StatusExt as _};

/// Documents of a delivery.
const DOCUMENTS: usize = 40;
/// Documents on the way at a time: few, so that whatever breaks finds some on the way and more in the input.
const IN_FLIGHT: &str = "8";

/// A `tagwerk serve`, killed when dropped.
struct Served {
    process: Child,
    address: SocketAddr,
}

impl Served {
    /// Starts the program and waits until it listens; the model is loaded later.
    fn start(address: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagwerk"));
        command.args(["serve", "--listen", address]).args([
            "--http-listen",
            "127.0.0.1:0",
            "--log-format",
            "json",
        ]);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TAGWERK_") {
                command.env_remove(name);
            }
        }
        let command = command.stdin(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = log.by_ref().find_map(|line| {
            let event: Value = serde_json::from_str(&line.ok()?).ok()?;
            event["grpc"].as_str()?.parse().ok()
        });
        thread::spawn(move || log.for_each(drop));
        let address = address.expect("the server does not listen");
        Self { process, address }
    }

    /// Ends the program without a warning and starts it on the same port.
    fn kill_and_start_again(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        *self = Self::start(&self.address.to_string());
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Keeps the lines and does something behind each.
struct Lines<F> {
    lines: Vec<String>,
    behind: F,
}

impl<F: FnMut(usize)> Write for Lines<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = str::from_utf8(bytes).unwrap();
        assert!(line.ends_with('\n'), "a line in pieces: {line}");
        self.lines.push(line.to_owned());
        (self.behind)(self.lines.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes so many lines and half of the next one, as a process that is killed may.
struct Cut<W> {
    output: W,
    lines: usize,
}

impl<W: Write> Write for Cut<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.lines == 0 {
            self.output.write_all(&bytes[..bytes.len() / 2])?;
            return Err(io::Error::other("killed"));
        }
        self.lines -= 1;
        self.output.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// A file of one test.
fn path(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("ingest-{name}.jsonl"));
    let _ = fs::remove_file(&path);
    path
}

/// An input with these lines.
fn input(name: &str, lines: impl IntoIterator<Item = Value>) -> PathBuf {
    let path = path(name);
    let lines: String = lines.into_iter().map(|line| format!("{line}\n")).collect();
    fs::write(&path, lines).unwrap();
    path
}

/// A delivery of short reports, no two alike.
fn delivery() -> impl Iterator<Item = Value> {
    (0..DOCUMENTS).map(|number| {
        let text = format!("Meldung {number} aus Kiel: Jana Roth lobt die Reederei Ostwind.");
        json!({ "id": format!("report-{number}"), "text": text })
    })
}

fn arguments(server: SocketAddr, input: &std::path::Path) -> Arguments {
    let (server, input) = (server.to_string(), input.to_str().unwrap());
    Arguments::parse_from([
        "ingest",
        "--server",
        &server,
        "--in-flight",
        IN_FLIGHT,
        input,
    ])
}

async fn run(arguments: &Arguments, output: impl Write) -> (Tally, Result<(), Error>) {
    let mut ingest = Ingest::new(arguments, output, HashSet::new())
        .await
        .unwrap();
    // Three starts of the program may be in it.
    let ended = timeout(3 * support::PATIENCE, ingest.run()).await;
    let ended = ended.expect("the client hangs");
    (ingest.tally, ended)
}

/// Whether an output has the lines of a quiet run, in whatever order: answers come as they are ready.
fn assert_like(quiet: &str, output: &str) {
    let sorted = |output: &str| {
        let mut lines: Vec<String> = output.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    let (quiet, output) = (sorted(quiet), sorted(output));
    assert_eq!(output.len(), quiet.len());
    for (line, expected) in output.iter().zip(&quiet) {
        assert!(line == expected, "{line}\ninstead of\n{expected}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_twice_costs_no_answer_and_doubles_none() {
    let input = input("kill", delivery());
    let mut served = Served::start("127.0.0.1:0");
    let arguments = arguments(served.address, &input);
    let mut quiet = Vec::new();
    let (tally, ended) = run(&arguments, &mut quiet).await;
    ended.unwrap();
    assert_eq!((tally.answered, tally.connections), (DOCUMENTS, 1));

    let mut output = Lines {
        lines: Vec::new(),
        behind: |lines| {
            if [5, 17].contains(&lines) {
                served.kill_and_start_again();
            }
        },
    };
    let (tally, ended) = run(&arguments, &mut output).await;
    ended.unwrap();
    assert_eq!((tally.answered, tally.connections), (DOCUMENTS, 3));
    let (quiet, output) = (String::from_utf8(quiet).unwrap(), output.lines.concat());
    assert_like(&quiet, &output);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_killed_in_the_middle_of_a_line_goes_on_where_it_was() {
    let server = support::server().await;
    let arguments = arguments(server.grpc, &input("resume", delivery()));
    let mut quiet = Vec::new();
    run(&arguments, &mut quiet).await.1.unwrap();

    let output = path("resumed");
    let (file, written) = ingest::open(&output, false).unwrap();
    assert_eq!(written.len(), 0);
    let cut = Cut {
        output: &file,
        lines: 11,
    };
    let (tally, ended) = run(&arguments, cut).await;
    assert!(matches!(ended, Err(Error::File(_))), "{ended:?}");
    assert_eq!(tally.answered, 11);
    drop(file);

    let (file, written) = ingest::open(&output, true).unwrap();
    assert_eq!(written.len(), 11);
    let mut ingest = Ingest::new(&arguments, file, written).await.unwrap();
    ingest.run().await.unwrap();
    assert_eq!(ingest.tally.answered, DOCUMENTS - 11);
    let (quiet, output) = (
        String::from_utf8(quiet).unwrap(),
        fs::read_to_string(&output).unwrap(),
    );
    assert_like(&quiet, &output);
}

#[test]
fn an_output_that_is_there_is_neither_overwritten_nor_shared() {
    let output = path("there");
    let (first, _) = ingest::open(&output, false).unwrap();
    let error = ingest::open(&output, true).expect_err("two writers");
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    drop(first);
    let error = ingest::open(&output, false).expect_err("an old output");
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_tagged_is_told_once_and_holds_up_nothing() {
    let server = support::server().await;
    let lines = [
        json!({ "id": "good", "text": "Jana Roth lobt die Reederei Ostwind." }),
        json!({ "id": 7, "text": "Guten Tag" }),
        json!({ "id": "foreign", "text": "Guten Tag", "language": "ja" }),
        json!({ "id": "large", "text": "Tag ".repeat(1 << 19) }),
        json!({ "id": "larger", "text": "Tag ".repeat(1 << 21) }),
        json!({ "id": "good", "text": "Ein zweites Mal." }),
        json!({ "text": "Ohne Namen." }),
        json!({ "id": "empty" }),
    ];
    let mut output = Vec::new();
    let (tally, ended) = run(&arguments(server.grpc, &input("odd", lines)), &mut output).await;
    ended.unwrap();
    assert_eq!(
        tally,
        Tally {
            answered: 5,
            refused: 3,
            unreadable: 3,
            connections: 1
        }
    );
    let mut answers: Vec<(String, Option<i64>)> = String::from_utf8(output)
        .unwrap()
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            let id = line["id"].as_str().unwrap().to_owned();
            (id, line["error"]["code"].as_i64())
        })
        .collect();
    answers.sort();
    let invalid = Some(Code::InvalidArgument as i64);
    let expected = [
        ("7", None),
        ("foreign", invalid),
        ("good", None),
        ("large", invalid),
        ("larger", invalid),
    ];
    assert_eq!(answers, expected.map(|(id, code)| (id.to_owned(), code)));
}

/// What a scripted server wants to be left alone for.
const DELAY: Duration = Duration::from_millis(150);

/// Refuses its first stream and, of the second, the first arrival of each document; answers the second arrival twice.
/// With credentials wanted, it refuses everything.
#[derive(Clone, Default)]
struct Scripted {
    wants_credentials: bool,
    streams: Arc<AtomicUsize>,
    /// Ids in the order in which they arrived, and when.
    arrived: Arc<Mutex<Vec<(String, Instant)>>>,
    refused: Arc<Mutex<Vec<Instant>>>,
}

impl Scripted {
    async fn serve(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tonic::transport::Server::builder()
            .add_service(TaggingServiceServer::new(self.clone()))
            .serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(server);
        address
    }

    fn busy(&self) -> Status {
        self.refused.lock().unwrap().push(Instant::now());
        let details = ErrorDetails::with_retry_info(Some(DELAY));
        Status::with_error_details(Code::ResourceExhausted, "full", details)
    }

    fn answer(&self, id: &str) -> Vec<Answer> {
        let mut arrived = self.arrived.lock().unwrap();
        let is_first = arrived.iter().all(|(other, _)| other != id);
        arrived.push((id.to_owned(), Instant::now()));
        if is_first {
            let status = prost::Message::decode(self.busy().details()).unwrap();
            return vec![Answer::Error(status)];
        }
        let document = TaggedDocument {
            id: id.to_owned(),
            ..TaggedDocument::default()
        };
        vec![Answer::Document(document); 2]
    }
}

#[tonic::async_trait]
impl TaggingService for Scripted {
    type TagStreamStream = Pin<Box<dyn Stream<Item = Result<TagStreamResponse, Status>> + Send>>;

    async fn tag(&self, _: Request<TagRequest>) -> Result<Response<TagResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn get_info(
        &self,
        _: Request<GetInfoRequest>,
    ) -> Result<Response<GetInfoResponse>, Status> {
        Ok(Response::new(GetInfoResponse::default()))
    }

    async fn tag_stream(
        &self,
        requests: Request<Streaming<TagStreamRequest>>,
    ) -> Result<Response<Self::TagStreamStream>, Status> {
        let is_first = self.streams.fetch_add(1, Ordering::Relaxed) == 0;
        match (self.wants_credentials, is_first) {
            (true, _) => return Err(Status::unauthenticated("who are you?")),
            (false, true) => return Err(self.busy()),
            (false, false) => {}
        }
        let server = self.clone();
        let answers = requests.into_inner().flat_map(move |request| {
            let id = request.unwrap().document.unwrap().id;
            let answers = server.answer(&id).into_iter().map(move |answer| {
                Ok(TagStreamResponse {
                    id: id.clone(),
                    sequence: 0,
                    result: Some(answer),
                })
            });
            stream::iter(answers)
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

#[tokio::test]
async fn a_busy_server_is_left_alone_for_as_long_as_it_says() {
    let server = Scripted::default();
    let lines = ["a", "b"].map(|id| json!({ "id": id, "text": "Guten Tag" }));
    let arguments = arguments(server.serve().await, &input("busy", lines));
    let mut output = Vec::new();
    let (tally, ended) = run(&arguments, &mut output).await;
    ended.unwrap();
    assert_eq!((tally.answered, tally.refused), (2, 0));
    assert_eq!(String::from_utf8(output).unwrap().lines().count(), 2);

    let (refused, arrived) = (
        server.refused.lock().unwrap(),
        server.arrived.lock().unwrap(),
    );
    // The stream, then each of the two documents.
    assert_eq!((refused.len(), arrived.len()), (3, 4));
    assert!(arrived[0].1 - refused[0] >= DELAY);
    assert!(arrived[2].1 - refused[2] >= DELAY);
}

#[tokio::test]
async fn a_call_that_would_never_succeed_is_not_tried_again() {
    let server = Scripted {
        wants_credentials: true,
        ..Scripted::default()
    };
    let lines = [json!({ "id": "a", "text": "Guten Tag" })];
    let arguments = arguments(server.serve().await, &input("stranger", lines));
    let (tally, ended) = run(&arguments, Vec::new()).await;
    let Err(Error::Call(status)) = ended else {
        panic!("{ended:?}");
    };
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(
        (tally.answered, server.streams.load(Ordering::Relaxed)),
        (0, 1)
    );
}

#[tokio::test]
async fn a_server_that_stays_away_is_given_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let mut arguments = arguments(nobody, &input("away", delivery()));
    arguments.attempts = 2;
    let (tally, ended) = run(&arguments, Vec::new()).await;
    assert!(matches!(ended, Err(Error::Call(_))), "{ended:?}");
    assert_eq!(tally, Tally::default());
}
