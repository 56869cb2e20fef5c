//! A client that loses nothing: has JSON lines tagged over one stream, and where the stream breaks connects again and
//! sends exactly those documents once more that have no answer yet.
//!
//! ```sh
//! cargo run --release --example ingest -- --server http://127.0.0.1:50051 articles.jsonl > tagged.jsonl
//! cargo run --release --example ingest -- --output tagged.jsonl --resume articles.jsonl
//! ```
//!
//! Each line of the input is a document, `{"id", "text", "language"?}`; ids are unique. Each line of the output is the
//! answer for one of them, in the order in which they come: the tagged document, or `{"id", "error": {"code",
//! "message"}}` with the code of gRPC where the document itself was refused. Sending twice does no harm, since the same
//! text has the same answer; writing twice would, and each id is written once.
//!
//! Exit code: 0 all were tagged; 1 all were answered, some with an error, or a line was no document; 2 wrong usage;
//! 3 given up, and `--resume` goes on from there.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufRead as _, Write},
    path::{Path, PathBuf},
    pin::pin,
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use futures::{TryFutureExt as _, TryStreamExt as _};
use serde::Deserialize;
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, BufReader, Split},
    select,
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Code, Request, Response, Status,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};
use tonic_types::{RpcStatusExt as _, StatusExt as _};

// In a project of your own: what tonic-prost-build makes of the files in `proto/`.
use tagwerk::proto::tagwerk::v1::{
    Document, GetInfoRequest, TagStreamRequest, TagStreamResponse,
    tag_stream_response::Result as Answer, tagging_service_client::TaggingServiceClient,
};

/// How long a connection and a first call may take.
const CONNECT: Duration = Duration::from_secs(10);
/// The first pause is at most this, the second at most twice that, and so on.
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Silence after which a connection is probed, and the time to answer the probe.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));
/// An answer is several times as long as its text; the usual 4 MiB would refuse answers for large documents.
const MAX_ANSWER_BYTES: usize = 256 << 20;

/// Has JSON lines tagged by a server, and loses none of them.
#[derive(Debug, Clone, Parser)]
pub struct Arguments {
    /// Documents, {"id", "text", "language"?} each, or - for standard input
    #[arg(value_name = "FILE")]
    pub input: PathBuf,

    /// host:port, http://host:port or https://host:port
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:50051")]
    pub server: String,

    /// Write to this new file instead of to standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Go on with an output that is there already: its ids are not sent again
    #[arg(long, requires = "output")]
    pub resume: bool,

    /// Documents that may be on the way at a time
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = at_least_one)]
    pub in_flight: usize,

    /// Give up after so many connections in a row that brought no answer
    #[arg(long, value_name = "N", default_value_t = 120)]
    pub attempts: u32,

    /// The authority that issued the server's certificate, where it is no public one [PEM]
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,

    /// The certificate to show to the server [PEM]
    #[arg(long, value_name = "FILE", requires = "client_key")]
    pub client_certificate: Option<PathBuf>,

    /// The key of this certificate [PEM]
    #[arg(long, value_name = "FILE", requires = "client_certificate")]
    pub client_key: Option<PathBuf>,

    /// The file that holds the API key or token to show to the server
    #[arg(long, value_name = "FILE")]
    pub api_key_file: Option<PathBuf>,
}

fn at_least_one(given: &str) -> Result<usize, String> {
    match given.parse() {
        Ok(number @ 1..) => Ok(number),
        _ => Err("a number from 1 on is expected".to_owned()),
    }
}

#[tokio::main]
pub async fn main() -> ExitCode {
    run(Arguments::parse()).await
}

/// Does what the arguments say and tells how it went.
pub async fn run(arguments: Arguments) -> ExitCode {
    let (output, written): (Box<dyn Write>, _) = match &arguments.output {
        None => (Box::new(io::stdout()), HashSet::new()),
        Some(path) => match open(path, arguments.resume) {
            Ok((file, written)) => (Box::new(file), written),
            Err(error) => {
                eprintln!("ingest: cannot write {}: {error}", path.display());
                return ExitCode::from(2);
            }
        },
    };
    let mut ingest = match Ingest::new(&arguments, output, written).await {
        Ok(ingest) => ingest,
        Err(error) => {
            eprintln!("ingest: cannot read {}: {error}", arguments.input.display());
            return ExitCode::from(2);
        }
    };
    let ended = ingest.run().await;
    let Tally {
        answered,
        refused,
        unreadable,
        connections,
    } = ingest.tally;
    eprintln!(
        "ingest: {answered} answered, {refused} of them with an error; {unreadable} lines were no document; \
         {connections} connections"
    );
    match ended {
        Ok(()) if refused + unreadable == 0 => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("ingest: given up: {error}; --output FILE --resume goes on from here");
            ExitCode::from(3)
        }
    }
}

/// Opens the output and tells which ids it has already.
///
/// # Errors
/// A file that is there without `resume`, that another process writes, or that holds something else.
pub fn open(path: &Path, resume: bool) -> io::Result<(File, HashSet<String>)> {
    #[derive(Deserialize)]
    struct Written {
        id: String,
    }

    let mut options = File::options();
    options.read(true).append(true);
    let file = match resume {
        true => options.create(true).open(path)?,
        false => options.create_new(true).open(path)?,
    };
    file.try_lock()?;
    let (mut reader, mut line) = (io::BufReader::new(&file), Vec::new());
    let (mut written, mut whole) = (HashSet::new(), 0);
    while reader.read_until(b'\n', &mut line)? > 0 && line.ends_with(b"\n") {
        written.insert(serde_json::from_slice::<Written>(&line)?.id);
        whole += line.len() as u64;
        line.clear();
    }
    // Whoever is killed while writing leaves half a line behind, which counts as not written.
    file.set_len(whole)?;
    Ok((file, written))
}

/// What ends the work before its time.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A call, or the stream.
    #[error("{}", cause(.0))]
    Call(#[from] Status),
    /// The input, the output, or a file with a key.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The address of the server or the files for TLS.
    #[error("{}", cause(.0))]
    Address(#[from] tonic::transport::Error),
}

/// The cause at the bottom: "connection refused" says more than "transport error".
fn cause(mut error: &(dyn std::error::Error + 'static)) -> String {
    while let Some(next) = error.source() {
        error = next;
    }
    match error.downcast_ref::<Status>() {
        Some(status) => format!("{:?}: {}", status.code(), status.message()),
        None => error.to_string(),
    }
}

/// What was done.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Documents whose answer is written.
    pub answered: usize,
    /// Those of them with an error.
    pub refused: usize,
    /// Lines without a document, or with an id that has come before.
    pub unreadable: usize,
    /// Streams that were opened.
    pub connections: usize,
}

/// A document without an answer.
#[derive(Debug)]
struct Waiting {
    document: Document,
    /// Whether the present stream has it.
    is_sent: bool,
}

/// Lines on the way from the input to the output.
pub struct Ingest<W> {
    arguments: Arguments,
    input: Split<Box<dyn AsyncBufRead + Unpin + Send>>,
    /// Whether the input has come to its end.
    is_read: bool,
    lines: usize,
    output: W,
    /// The ids that an earlier run has written.
    written: HashSet<String>,
    /// The ids that have been read.
    ids: HashSet<String>,
    /// At most as many as may be on the way: what is not read yet waits in the input.
    waiting: Vec<Waiting>,
    /// Until then nothing is sent: the server has said so, or a pause is due.
    not_before: Instant,
    /// The largest text that the server takes.
    max_bytes: usize,
    /// What was done so far.
    pub tally: Tally,
}

impl<W: Write> Ingest<W> {
    /// From the input of these arguments to an output that holds the ids `written` already.
    ///
    /// # Errors
    /// An input that cannot be opened.
    pub async fn new(
        arguments: &Arguments,
        output: W,
        written: HashSet<String>,
    ) -> io::Result<Self> {
        let input: Box<dyn AsyncBufRead + Unpin + Send> = match arguments.input.to_str() {
            Some("-") => Box::new(BufReader::new(tokio::io::stdin())),
            _ => Box::new(BufReader::new(
                tokio::fs::File::open(&arguments.input).await?,
            )),
        };
        Ok(Self {
            arguments: arguments.clone(),
            input: input.split(b'\n'),
            is_read: false,
            lines: 0,
            output,
            written,
            ids: HashSet::new(),
            waiting: Vec::new(),
            not_before: Instant::now(),
            max_bytes: 0,
            tally: Tally::default(),
        })
    }

    /// Works until each document has its answer in the output.
    ///
    /// # Errors
    /// A file that fails, a call that would never succeed, or too many connections in a row that brought nothing.
    pub async fn run(&mut self) -> Result<(), Error> {
        let mut failures = 0;
        loop {
            let answered = self.tally.answered;
            let status = match self.exchange().await {
                Ok(()) => return Ok(()),
                Err(Error::Call(status)) if !is_final(status.code()) => status,
                Err(error) => return Err(error),
            };
            failures = match self.tally.answered > answered {
                true => 0,
                false => failures + 1,
            };
            if failures >= self.arguments.attempts {
                return Err(status.into());
            }
            let told = status.get_details_retry_info();
            self.pause(told.and_then(|info| info.retry_delay), failures);
            eprintln!(
                "ingest: {}; in {:.1} s again, with {} documents that have no answer",
                cause(&status),
                (self.not_before - Instant::now()).as_secs_f64(),
                self.waiting.len()
            );
            sleep_until(self.not_before).await;
        }
    }

    /// Opens a stream and keeps it busy until there is nothing left to do.
    async fn exchange(&mut self) -> Result<(), Error> {
        let mut client = self.client()?;
        let mut question = self.request(GetInfoRequest {})?;
        question.set_timeout(CONNECT);
        let info = client.get_info(question).await?.into_inner();
        let limit = info.limits.map(|limits| limits.max_document_bytes);
        self.max_bytes = limit.map_or(usize::MAX, |bytes| bytes as usize);

        // There is a place for every document that waits, so that sending never blocks.
        let (requests, receiver) = mpsc::channel(self.arguments.in_flight);
        let stream = self.request(ReceiverStream::new(receiver))?;
        // Not awaited here: a proxy may answer the call only when there is a first answer.
        let call = client
            .tag_stream(stream)
            .map_ok(Response::into_inner)
            .try_flatten_stream();
        let mut answers = pin!(call);
        self.tally.connections += 1;
        for waiting in &mut self.waiting {
            waiting.is_sent = false;
        }
        while !(self.is_read && self.waiting.is_empty()) {
            if self.not_before <= Instant::now() {
                self.send(&requests);
            }
            let is_held = self.waiting.iter().any(|waiting| !waiting.is_sent);
            let has_room = self.waiting.len() < self.arguments.in_flight;
            select! {
                answer = answers.try_next() => match answer? {
                    Some(answer) => self.take(answer)?,
                    None => return Err(Status::unavailable("the server ended the stream").into()),
                },
                line = self.input.next_segment(), if has_room && !self.is_read => match line? {
                    Some(line) => self.read(&line)?,
                    None => self.is_read = true,
                },
                () = sleep_until(self.not_before), if is_held => {}
            }
        }
        // Ends the stream as it should end. Everything is written, so that its status says nothing new.
        drop(requests);
        let _ = answers.try_next().await;
        Ok(())
    }

    fn send(&mut self, requests: &mpsc::Sender<TagStreamRequest>) {
        for waiting in self.waiting.iter_mut().filter(|waiting| !waiting.is_sent) {
            let request = TagStreamRequest {
                document: Some(waiting.document.clone()),
                options: None,
            };
            // A stream that has just ended takes none; its end is the next thing that it says.
            let _ = requests.try_send(request);
            waiting.is_sent = true;
        }
    }

    /// Takes up a line of the input.
    fn read(&mut self, line: &[u8]) -> io::Result<()> {
        self.lines += 1;
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let document = match document(line) {
            Ok(document) if self.ids.insert(document.id.clone()) => document,
            Ok(document) => return self.skip(&format!("the id {} has come before", document.id)),
            Err(reason) => return self.skip(&reason),
        };
        let bytes = document.text.len();
        if self.written.contains(&document.id) {
            return Ok(());
        }
        // Far larger messages end a stream, so that the server could not answer this one by itself.
        if bytes > self.max_bytes {
            let reason = format!("the text has {bytes} bytes, of {} at most", self.max_bytes);
            return self.refuse(&document.id, Code::InvalidArgument.into(), &reason);
        }
        self.waiting.push(Waiting {
            document,
            is_sent: false,
        });
        Ok(())
    }

    fn skip(&mut self, reason: &str) -> io::Result<()> {
        eprintln!(
            "ingest: {}:{}: {reason}",
            self.arguments.input.display(),
            self.lines
        );
        self.tally.unreadable += 1;
        Ok(())
    }

    /// Writes an answer, unless it says to ask again.
    fn take(&mut self, answer: TagStreamResponse) -> Result<(), Error> {
        let mut waiting = self.waiting.iter();
        let Some(place) = waiting.position(|waiting| waiting.document.id == answer.id) else {
            return Ok(());
        };
        match answer.result {
            Some(Answer::Document(document)) => {
                self.write(serde_json::to_vec(&document).map_err(io::Error::from)?)?;
            }
            Some(Answer::Error(status)) if is_passing(status.code.into()) => {
                let told = status.get_details_retry_info();
                self.pause(told.and_then(|info| info.retry_delay), 0);
                self.waiting[place].is_sent = false;
                return Ok(());
            }
            Some(Answer::Error(status)) => self.refuse(&answer.id, status.code, &status.message)?,
            None => return Err(Status::internal("an answer without a result").into()),
        }
        self.waiting.remove(place);
        Ok(())
    }

    fn refuse(&mut self, id: &str, code: i32, message: &str) -> io::Result<()> {
        let error = serde_json::json!({ "code": code, "message": message });
        let line = serde_json::json!({ "id": id, "error": error });
        self.tally.refused += 1;
        self.write(line.to_string().into_bytes())
    }

    /// Writes a line at once and in one piece: it is in the output or it is not.
    fn write(&mut self, mut line: Vec<u8>) -> io::Result<()> {
        line.push(b'\n');
        self.output.write_all(&line)?;
        self.output.flush()?;
        self.tally.answered += 1;
        Ok(())
    }

    /// Holds back what is to be sent: for the time that the server has told and up to twice that, or else for a random
    /// time that may grow with the number of failures. Without chance all clients would come back in the same moment.
    fn pause(&mut self, told: Option<Duration>, failures: u32) {
        let growing = SHORTEST_PAUSE * 2_u32.pow(failures.min(10));
        let random = told.unwrap_or(growing.min(LONGEST_PAUSE));
        let pause = told.unwrap_or_default() + random.mul_f64(fastrand::f64());
        self.not_before = self.not_before.max(Instant::now() + pause);
    }

    /// A client on a new connection. It is opened with the first call.
    fn client(&self) -> Result<TaggingServiceClient<Channel>, Error> {
        let arguments = &self.arguments;
        let address = match arguments.server.contains("://") {
            true => arguments.server.clone(),
            false => format!("http://{}", arguments.server),
        };
        let is_encrypted = address.starts_with("https://");
        let mut endpoint = Endpoint::from_shared(address)?
            .connect_timeout(CONNECT)
            .http2_keep_alive_interval(KEEPALIVE.0)
            .keep_alive_timeout(KEEPALIVE.1);
        if is_encrypted {
            let mut tls = match &arguments.ca {
                Some(ca) => {
                    ClientTlsConfig::new().ca_certificate(Certificate::from_pem(content(ca)?))
                }
                None => ClientTlsConfig::new().with_enabled_roots(),
            };
            if let (Some(certificate), Some(key)) =
                (&arguments.client_certificate, &arguments.client_key)
            {
                tls = tls.identity(Identity::from_pem(content(certificate)?, content(key)?));
            }
            endpoint = endpoint.tls_config(tls)?;
        }
        let client = TaggingServiceClient::new(endpoint.connect_lazy());
        Ok(client.max_decoding_message_size(MAX_ANSWER_BYTES))
    }

    /// A call that shows the API key. The file is read each time, so that a new key is taken up.
    fn request<T>(&self, message: T) -> Result<Request<T>, Error> {
        let mut request = Request::new(message);
        if let Some(path) = &self.arguments.api_key_file {
            let value = format!("Bearer {}", content(path)?.trim());
            let mut value: tonic::metadata::AsciiMetadataValue = value
                .parse()
                .map_err(|_| io::Error::other(format!("{}: this is no key", path.display())))?;
            value.set_sensitive(true);
            request.metadata_mut().insert("authorization", value);
        }
        Ok(request)
    }
}

/// The document of a line.
fn document(line: &[u8]) -> Result<Document, String> {
    #[derive(Deserialize)]
    struct Line {
        id: serde_json::Value,
        text: String,
        language: Option<String>,
    }

    let line: Line = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let id = match line.id {
        serde_json::Value::String(id) if !id.is_empty() => id,
        serde_json::Value::Number(id) => id.to_string(),
        _ => return Err("the id must be a string or a number".to_owned()),
    };
    Ok(Document {
        id,
        text: line.text,
        language: line.language.unwrap_or_default(),
    })
}

/// Whether a call that ended so would always end so. Everything else may be the network, a proxy or a server that
/// stops, and all of that passes.
fn is_final(code: Code) -> bool {
    use Code::*;
    matches!(
        code,
        InvalidArgument
            | NotFound
            | PermissionDenied
            | Unauthenticated
            | FailedPrecondition
            | OutOfRange
            | Unimplemented
    )
}

/// Whether a document that was answered so is to be sent again. With every other code the cause is the document.
fn is_passing(code: Code) -> bool {
    matches!(code, Code::ResourceExhausted | Code::Unavailable)
}

fn content(path: &Path) -> io::Result<String> {
    let named = |error| io::Error::other(format!("{}: {error}", path.display()));
    std::fs::read_to_string(path).map_err(named)
}
