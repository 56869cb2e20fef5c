//! The client side of the command line: channels to a server, and documents tagged over one stream.

use std::{
    collections::HashMap,
    fmt, fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use clap::Args;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Code, Request, Status, Streaming,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity, Uri},
};

use super::tag::{TagFailure, Tagger};
use crate::proto::tagwerk::v1::{
    Document, TagOptions, TagStreamRequest, TagStreamResponse, TaggedDocument,
    tag_stream_response::Result as Answer, tagging_service_client::TaggingServiceClient,
};

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the end of a call is waited for when all answers are there.
const LAST_WORD: Duration = Duration::from_secs(1);
/// An answer is several times as long as its text; the usual 4 MiB would refuse answers for large documents.
const MAX_ANSWER_BYTES: usize = 256 << 20;
/// Requests that wait for the transport; more would only be memory.
const OUTBOUND: usize = 4;
/// How long to wait where a server refuses a document because it is busy.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// The address of a server: `host:port`, `http://host:port`, or `https://host:port` for TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress(Uri);

/// Why an address cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is of none of the forms.
    #[error("the address must be host:port, http://host:port or https://host:port")]
    Malformed,
}

impl std::str::FromStr for ServerAddress {
    type Err = AddressError;

    fn from_str(address: &str) -> Result<Self, AddressError> {
        let with_scheme = match address.contains("://") {
            true => address.to_owned(),
            false => format!("http://{address}"),
        };
        let uri: Uri = with_scheme.parse().map_err(|_| AddressError::Malformed)?;
        match uri.scheme_str() {
            Some("http" | "https") => {}
            _ => return Err(AddressError::Malformed),
        }
        let named = uri.host().is_some_and(|host| !host.is_empty());
        if !named || uri.port_u16().is_none() || uri.path() != "/" || uri.query().is_some() {
            return Err(AddressError::Malformed);
        }
        Ok(Self(uri))
    }
}

impl ServerAddress {
    fn asks_for_tls(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.authority() {
            Some(authority) => authority.fmt(f),
            None => self.0.fmt(f),
        }
    }
}

/// What a server asks of its callers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Access to a server")]
pub struct AccessArgs {
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
    #[arg(long, env = "TAGWERK_API_KEY_FILE", value_name = "FILE")]
    pub api_key_file: Option<PathBuf>,
}

impl AccessArgs {
    fn tls(&self) -> Result<ClientTlsConfig, String> {
        let mut tls = ClientTlsConfig::new();
        tls = match &self.ca {
            Some(ca) => tls.ca_certificate(Certificate::from_pem(read(ca)?)),
            None => tls.with_enabled_roots(),
        };
        if let (Some(certificate), Some(key)) = (&self.client_certificate, &self.client_key) {
            tls = tls.identity(Identity::from_pem(read(certificate)?, read(key)?));
        }
        Ok(tls)
    }

    fn credentials(&self) -> Result<Credentials, String> {
        let Some(path) = &self.api_key_file else {
            return Ok(Credentials(None));
        };
        let key = read(path)?;
        let value = format!("Bearer {}", String::from_utf8_lossy(&key).trim());
        let mut value: MetadataValue<Ascii> = value
            .parse()
            .map_err(|_| format!("{}: this is no API key", path.display()))?;
        value.set_sensitive(true);
        Ok(Credentials(Some(value)))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// Shows the caller's key with each call.
#[derive(Debug, Clone)]
pub struct Credentials(Option<MetadataValue<Ascii>>);

impl Interceptor for Credentials {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = &self.0 {
            request
                .metadata_mut()
                .insert("authorization", value.clone());
        }
        Ok(request)
    }
}

/// A channel that shows the caller's credentials.
pub type Connection = InterceptedService<Channel, Credentials>;

/// Connects to a server, waiting for at most `timeout`.
///
/// # Errors
/// A message that names the address and the cause, where no connection comes about, or the file that cannot be used.
pub async fn connect(
    address: &ServerAddress,
    access: &AccessArgs,
    timeout: Duration,
) -> Result<Connection, String> {
    let credentials = access.credentials()?;
    let mut endpoint = Endpoint::from(address.0.clone())
        .connect_timeout(timeout)
        .http2_keep_alive_interval(Duration::from_secs(30))
        .keep_alive_while_idle(false);
    if address.asks_for_tls() {
        endpoint = endpoint
            .tls_config(access.tls()?)
            .map_err(|error| format!("TLS cannot be set up: {}", innermost(&error)))?;
    }
    // A name that resolves slowly is not covered by the timeout of the connection.
    match tokio::time::timeout(timeout, endpoint.connect()).await {
        Ok(Ok(channel)) => Ok(InterceptedService::new(channel, credentials)),
        Ok(Err(error)) => Err(format!(
            "cannot connect to {address}: {}",
            innermost(&error)
        )),
        Err(_) => Err(format!(
            "cannot connect to {address}: no answer within {} s",
            timeout.as_secs()
        )),
    }
}

/// The cause at the bottom of an error: "connection refused" says more than "transport error".
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// Tags documents over one `TagStream` call, any number at once.
#[derive(Debug)]
pub struct StreamTagger {
    outbound: tokio::sync::Mutex<Outbound>,
    pending: Arc<Mutex<Pending>>,
}

/// The call behind a [`StreamTagger`]. It ends when that is dropped.
#[derive(Debug)]
pub struct Call(JoinHandle<()>);

impl Call {
    /// Waits for the server's last word: without it, the server takes the call for broken off.
    pub async fn ended(self) {
        // All answers are there; a server that says no more is not worth waiting for.
        let _ = tokio::time::timeout(LAST_WORD, self.0).await;
    }
}

#[derive(Debug)]
struct Outbound {
    requests: mpsc::Sender<TagStreamRequest>,
    /// The place in the stream that the next request gets.
    sequence: u64,
}

type Reply = oneshot::Sender<Result<TaggedDocument, TagFailure>>;

/// Who waits for which answer, until the stream breaks.
#[derive(Debug)]
enum Pending {
    Open(HashMap<u64, Reply>),
    Broken(String),
}

impl StreamTagger {
    /// Connects and opens the stream.
    ///
    /// # Errors
    /// A message that names the address and the cause.
    pub async fn open(
        address: &ServerAddress,
        access: &AccessArgs,
    ) -> Result<(Self, Call), String> {
        let connection = connect(address, access, CONNECT_TIMEOUT).await?;
        Ok(Self::over(connection))
    }

    fn over(channel: Connection) -> (Self, Call) {
        let (requests, receiver) = mpsc::channel(OUTBOUND);
        let pending = Arc::new(Mutex::new(Pending::Open(HashMap::new())));
        // The call only answers once the server has something to say, so it is not awaited here.
        let call = tokio::spawn(exchange(channel, receiver, Arc::clone(&pending)));
        let outbound = Outbound {
            requests,
            sequence: 0,
        };
        let tagger = Self {
            outbound: tokio::sync::Mutex::new(outbound),
            pending,
        };
        (tagger, Call(call))
    }

    /// Sends a request. The wait for a free place in the transport is the flow control.
    async fn send(
        &self,
        request: TagStreamRequest,
    ) -> Result<oneshot::Receiver<Result<TaggedDocument, TagFailure>>, TagFailure> {
        let mut outbound = self.outbound.lock().await;
        let Outbound { requests, sequence } = &mut *outbound;
        let (reply, answer) = oneshot::channel();
        let permit = requests.reserve().await;
        match &mut *lock(&self.pending) {
            Pending::Broken(reason) => return Err(TagFailure::Lost(reason.clone())),
            Pending::Open(waiting) => waiting.insert(*sequence, reply),
        };
        // A call that has just ended takes no request; it will answer this one with its end.
        if let Ok(permit) = permit {
            permit.send(request);
        }
        *sequence += 1;
        Ok(answer)
    }
}

impl Tagger for StreamTagger {
    async fn tag(
        &self,
        document: Document,
        options: TagOptions,
    ) -> Result<TaggedDocument, TagFailure> {
        let request = TagStreamRequest {
            document: Some(document),
            options: Some(options),
        };
        let answer = self.send(request).await?.await;
        answer.unwrap_or_else(|_| Err(TagFailure::Lost("the stream ended".to_owned())))
    }
}

/// A poisoned lock only says that another task panicked between two complete states of the map.
fn lock(pending: &Mutex<Pending>) -> std::sync::MutexGuard<'_, Pending> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs the call to its end, then fails whoever still waits.
async fn exchange(
    channel: Connection,
    requests: mpsc::Receiver<TagStreamRequest>,
    pending: Arc<Mutex<Pending>>,
) {
    let mut client = TaggingServiceClient::new(channel).max_decoding_message_size(MAX_ANSWER_BYTES);
    let ended = match client.tag_stream(ReceiverStream::new(requests)).await {
        Ok(response) => deliver(response.into_inner(), &pending).await,
        Err(status) => Err(status),
    };
    let reason = match ended {
        Ok(()) => "the server ended the stream".to_owned(),
        Err(status) => describe(status.code(), status.message()),
    };
    let previous = std::mem::replace(&mut *lock(&pending), Pending::Broken(reason.clone()));
    if let Pending::Open(waiting) = previous {
        for (_, reply) in waiting {
            // Nobody waits any more where the caller has given up.
            let _ = reply.send(Err(TagFailure::Lost(reason.clone())));
        }
    }
}

async fn deliver(
    mut answers: Streaming<TagStreamResponse>,
    pending: &Mutex<Pending>,
) -> Result<(), tonic::Status> {
    while let Some(answer) = answers.message().await? {
        let reply = match &mut *lock(pending) {
            Pending::Open(waiting) => waiting.remove(&answer.sequence),
            Pending::Broken(_) => None,
        };
        if let Some(reply) = reply {
            let _ = reply.send(outcome(answer));
        }
    }
    Ok(())
}

fn outcome(answer: TagStreamResponse) -> Result<TaggedDocument, TagFailure> {
    match answer.result {
        Some(Answer::Document(document)) => Ok(document),
        Some(Answer::Error(status)) => Err(match Code::from(status.code) {
            Code::ResourceExhausted => TagFailure::Busy {
                retry_after: RETRY_AFTER,
                reason: status.message,
            },
            code => TagFailure::Refused(describe(code, &status.message)),
        }),
        None => Err(TagFailure::Refused(
            "the server answered with neither a document nor an error".to_owned(),
        )),
    }
}

fn describe(code: Code, message: &str) -> String {
    match message.is_empty() {
        true => code.description().to_owned(),
        false => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::tagwerk::v1::{
        GetInfoRequest, GetInfoResponse, TagRequest, TagResponse,
        tagging_service_server::{TaggingService, TaggingServiceServer},
    };
    use futures::StreamExt;
    use tokio::net::TcpListener;
    use tokio_stream::wrappers::TcpListenerStream;
    use tonic::{Request, Response, Status};

    #[test]
    fn addresses_are_taken_with_and_without_scheme() {
        for (given, shown) in [
            ("localhost:50051", "localhost:50051"),
            ("http://10.0.0.7:80", "10.0.0.7:80"),
            ("http://tagger:50051/", "tagger:50051"),
            ("[::1]:50051", "[::1]:50051"),
        ] {
            let address: ServerAddress = given.parse().expect(given);
            assert_eq!(address.to_string(), shown);
        }
    }

    #[test]
    fn other_addresses_are_refused() {
        for (given, error) in [
            ("", AddressError::Malformed),
            ("localhost", AddressError::Malformed),
            (":50051", AddressError::Malformed),
            ("localhost:99999", AddressError::Malformed),
            ("http://localhost:1/path", AddressError::Malformed),
            ("ftp://localhost:21", AddressError::Malformed),
            ("https://localhost", AddressError::Malformed),
        ] {
            assert_eq!(given.parse::<ServerAddress>(), Err(error), "{given}");
        }
    }

    /// Answers every second document at once and the ones between only then, so that answers change places.
    /// Ends the stream with an error at the text "break".
    struct Swapping;

    type Answers = std::pin::Pin<
        Box<dyn futures::Stream<Item = Result<TagStreamResponse, tonic::Status>> + Send>,
    >;

    #[tonic::async_trait]
    impl TaggingService for Swapping {
        type TagStreamStream = Answers;

        async fn tag(&self, _: Request<TagRequest>) -> Result<Response<TagResponse>, Status> {
            Err(Status::unimplemented("not here"))
        }

        async fn get_info(
            &self,
            _: Request<GetInfoRequest>,
        ) -> Result<Response<GetInfoResponse>, Status> {
            Err(Status::unimplemented("not here"))
        }

        async fn tag_stream(
            &self,
            requests: Request<Streaming<TagStreamRequest>>,
        ) -> Result<Response<Answers>, Status> {
            let numbered = requests.into_inner().enumerate();
            let pairs = numbered.chunks(2).flat_map(|mut pair| {
                pair.reverse();
                futures::stream::iter(pair)
            });
            let answers = pairs.map(|(sequence, request)| {
                let document = request?.document.unwrap_or_default();
                if document.text == "break" {
                    return Err(Status::unavailable("the server is stopping"));
                }
                Ok(TagStreamResponse {
                    id: document.id.clone(),
                    sequence: sequence as u64,
                    result: Some(Answer::Document(TaggedDocument {
                        id: document.id,
                        ..Default::default()
                    })),
                })
            });
            Ok(Response::new(Box::pin(answers)))
        }
    }

    async fn tagger() -> StreamTagger {
        opened().await.0
    }

    async fn opened() -> (StreamTagger, Call) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = tonic::transport::Server::builder()
            .add_service(TaggingServiceServer::new(Swapping))
            .serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(server);
        let access = AccessArgs::default();
        StreamTagger::open(&address.parse().unwrap(), &access)
            .await
            .unwrap()
    }

    async fn tag(
        tagger: &StreamTagger,
        id: &str,
        text: &str,
    ) -> Result<TaggedDocument, TagFailure> {
        let document = Document {
            id: id.to_owned(),
            text: text.to_owned(),
            language: String::new(),
        };
        tagger.tag(document, TagOptions::default()).await
    }

    #[tokio::test]
    async fn each_document_gets_its_own_answer_whatever_their_order() {
        let tagger = tagger().await;
        let ids: Vec<String> = (0..40).map(|id| id.to_string()).collect();
        let answers = ids.iter().map(|id| tag(&tagger, id, "text"));
        let answers = futures::future::join_all(answers).await;
        let answered: Vec<String> = answers
            .into_iter()
            .map(|answer| answer.unwrap().id)
            .collect();
        assert_eq!(answered, ids);
    }

    #[tokio::test]
    async fn the_call_ends_by_itself_when_nobody_has_more_to_send() {
        let (tagger, call) = opened().await;
        let answered = futures::join!(tag(&tagger, "1", "text"), tag(&tagger, "2", "text"));
        assert!(answered.0.is_ok() && answered.1.is_ok());
        drop(tagger);
        tokio::time::timeout(Duration::from_secs(60), call.0)
            .await
            .expect("the call hangs")
            .unwrap();
    }

    #[tokio::test]
    async fn a_broken_stream_fails_who_waits_and_who_comes_later() {
        let tagger = tagger().await;
        let lost = Err(TagFailure::Lost("the server is stopping".to_owned()));
        let waiting = futures::join!(tag(&tagger, "1", "break"), tag(&tagger, "2", "break"));
        assert_eq!(waiting, (lost.clone(), lost.clone()));
        assert_eq!(tag(&tagger, "3", "text").await, lost);
    }

    #[test]
    fn an_error_for_one_document_is_told_in_the_words_of_the_server() {
        let answer = |code, message: &str| TagStreamResponse {
            result: Some(Answer::Error(tonic_types::pb::Status {
                code,
                message: message.to_owned(),
                details: Vec::new(),
            })),
            ..Default::default()
        };
        for (code, message, told) in [
            (3, "the text is too long", "the text is too long"),
            (13, "", "Internal error"),
        ] {
            let failure = outcome(answer(code, message)).expect_err(message);
            assert_eq!(failure, TagFailure::Refused(told.to_owned()));
        }
        assert!(matches!(
            outcome(answer(8, "full")),
            Err(TagFailure::Busy { .. })
        ));
        assert!(outcome(TagStreamResponse::default()).is_err());
    }
}
