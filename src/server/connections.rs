//! Accepts connections and keeps each within its limits.
//!
//! The transport of tonic would cut calls off at a connection's age, says nothing of a peer that never sends its
//! preface, and has no clock for idle connections; so connections are served with hyper directly.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http2};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};
use tonic::body::Body;
use tower::{Service, ServiceExt as _};
use tracing::{debug, warn};

use super::{
    activity::Activity,
    auth::PeerAddr,
    lifecycle::{Lifecycle, Phase},
    tls::{self, ClientSubject, Tls},
};
use crate::telemetry::Metrics;

/// What every HTTP/2 connection begins with (RFC 9113, section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Idle time after which a connection is probed, and the time to answer the probe.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(20));

/// What HTTP/2 buffers of a call and of a whole connection. A stream whose documents are not read
/// keeps its window full: a connection's window of many calls' lets the others go on.
const CALL_WINDOW_BYTES: u32 = 256 << 10;
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;

/// How long nothing is accepted after an error of the listener, such as too many open files.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The age of connections differs by up to this part, so that those opened together do not all close together
/// (gRPC proposal A9).
const AGE_JITTER: f64 = 0.1;

/// What connections may take, and how long they may last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Connections at a time; beyond that new ones wait.
    pub max_connections: usize,
    /// Calls of one connection at a time.
    pub max_calls: u32,
    /// Largest header of a call in bytes.
    pub max_header_bytes: u32,
    /// Time that a new connection has for TLS and HTTP/2's preface.
    pub first_byte: Duration,
    /// Time without calls after which a connection is closed.
    pub idle: Option<Duration>,
    /// Age at which a connection takes no further calls and is closed after those in flight.
    pub max_age: Option<Duration>,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            max_calls: 256,
            max_header_bytes: 16 << 10,
            first_byte: Duration::from_secs(10),
            idle: Some(Duration::from_secs(600)),
            max_age: None,
        }
    }
}

/// All that a connection is served with.
#[derive(Clone)]
pub(super) struct Connections<S> {
    pub service: S,
    pub limits: Arc<ConnectionLimits>,
    pub tls: Option<Arc<Tls>>,
    pub lifecycle: Lifecycle,
    pub metrics: Metrics,
}

impl<S> Connections<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
{
    /// Accepts until the server drains; ends when every connection has ended. Dropping the future cuts them off.
    pub async fn serve(self, listener: TcpListener) {
        let places = Arc::new(Semaphore::new(
            self.limits.max_connections.min(Semaphore::MAX_PERMITS),
        ));
        let mut draining = std::pin::pin!(self.lifecycle.reached(Phase::Draining));
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut draining => break,
                Some(_) = connections.join_next() => continue,
                accepted = accept(&listener, &places) => accepted,
            };
            match accepted {
                Ok((stream, peer, place)) => {
                    connections.spawn(self.clone().serve_one(stream, peer, place));
                }
                Err(error) => {
                    // The listener has failed for now, not for ever: asking again at once would only burn a CPU.
                    warn!(%error, "a connection cannot be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        while connections.join_next().await.is_some() {}
    }

    async fn serve_one(self, stream: TcpStream, peer: SocketAddr, place: OwnedSemaphorePermit) {
        let _open = self.metrics.connection_open();
        let _place = place;
        // Answers are small and somebody waits for them.
        let _ = stream.set_nodelay(true);
        let opened = Instant::now();
        let until = opened + self.limits.first_byte;
        let Some(tls) = &self.tls else {
            let caller = Peer {
                address: PeerAddr(peer),
                subject: None,
            };
            return self.begin(stream, caller, opened, until).await;
        };
        let stream = match tokio::time::timeout_at(until, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return debug!(%peer, %error, "no TLS"),
            Err(_) => return debug!(%peer, "TLS took too long"),
        };
        let caller = Peer {
            address: PeerAddr(peer),
            subject: tls::subject(stream.get_ref().1).map(ClientSubject),
        };
        self.begin(stream, caller, opened, until).await;
    }

    /// Waits for the preface: a peer that opens connections and says nothing must not hold them.
    async fn begin<T>(self, mut stream: T, peer: Peer, opened: Instant, until: Instant)
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let mut preface = [0; PREFACE.len()];
        match tokio::time::timeout_at(until, stream.read_exact(&mut preface)).await {
            Ok(Ok(_)) if preface == *PREFACE => {}
            Ok(Ok(_)) => return debug!(peer = %peer.address.0, "no HTTP/2"),
            Ok(Err(error)) => return debug!(peer = %peer.address.0, %error, "no preface"),
            Err(_) => return debug!(peer = %peer.address.0, "the preface took too long"),
        }
        self.talk(Prefaced::new(stream), peer, opened).await;
    }

    async fn talk<T>(self, stream: Prefaced<T>, peer: Peer, opened: Instant)
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let limits = &self.limits;
        let activity = Arc::new(Activity::default());
        let service = PerConnection {
            inner: self.service.clone(),
            peer,
            activity: Arc::clone(&activity),
        };
        let (idle, answer) = KEEPALIVE;
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(Some(idle))
            .keep_alive_timeout(answer)
            .max_concurrent_streams(limits.max_calls)
            .max_header_list_size(limits.max_header_bytes)
            // A caller may give up all of its calls at once, and that is no attack (CVE-2023-44487).
            .max_pending_accept_reset_streams(Some(limits.max_calls as usize))
            .initial_stream_window_size(CALL_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = &mut connection => Some(ended),
            () = self.lifecycle.reached(Phase::Draining) => None,
            () = aged(opened, limits.max_age) => None,
            () = activity.idle_for(limits.idle) => None,
        };
        let ended = match ended {
            Some(ended) => ended,
            None => {
                // GOAWAY: no further calls, those in flight go on.
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            debug!(%error, "a connection broke");
        }
    }
}

/// Waits for a place and then for a connection.
pub(super) async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places);
    let place = place.acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

/// Ends when a connection has reached its age, somewhat sooner or later.
async fn aged(opened: Instant, max_age: Option<Duration>) {
    let Some(age) = max_age else {
        return std::future::pending().await;
    };
    let part = 1.0 + AGE_JITTER * (2.0 * fastrand::f64() - 1.0);
    sleep_until(opened + age.mul_f64(part)).await;
}

/// Who is at the other end.
#[derive(Debug, Clone)]
struct Peer {
    address: PeerAddr,
    subject: Option<ClientSubject>,
}

/// Tells the service within who is at the other end, and counts the calls.
#[derive(Debug, Clone)]
struct PerConnection<S> {
    inner: S,
    peer: Peer,
    activity: Arc<Activity>,
}

impl<S> Service<Request<Incoming>> for PerConnection<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(self.peer.address);
        if let Some(subject) = &self.peer.subject {
            request.extensions_mut().insert(subject.clone());
        }
        let busy = self.activity.begin();
        // A clone is not ready because its original was.
        let answer = self.inner.clone().oneshot(request);
        Box::pin(async move {
            let response = answer.await?;
            Ok(response.map(|body| Body::new(busy.until_end_of(body))))
        })
    }
}

/// A stream whose preface has been read and is given out again.
struct Prefaced<T> {
    /// Bytes of the preface that have been given out.
    given: usize,
    stream: T,
}

impl<T> Prefaced<T> {
    fn new(stream: T) -> Self {
        Self { given: 0, stream }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Prefaced<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = PREFACE.get(self.given..).unwrap_or(&[]);
        if rest.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let count = rest.len().min(buffer.remaining());
        buffer.put_slice(rest.get(..count).unwrap_or(&[]));
        self.given += count;
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Prefaced<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn ages_differ_by_a_tenth_at_most() {
        let age = Duration::from_secs(100);
        for _ in 0..50 {
            let opened = Instant::now();
            aged(opened, Some(age)).await;
            let lived = opened.elapsed().as_secs_f64();
            assert!((90.0..=110.1).contains(&lived), "{lived} s");
        }
    }

    #[tokio::test]
    async fn a_preface_is_given_out_again_in_pieces_of_any_size() {
        for size in [1, 5, 24, 100] {
            let mut stream = Prefaced::new(io::Cursor::new(b"SETTINGS".to_vec()));
            let mut all = Vec::new();
            let mut piece = vec![0; size];
            loop {
                match stream.read(&mut piece).await.unwrap() {
                    0 => break,
                    count => all.extend_from_slice(&piece[..count]),
                }
            }
            assert_eq!(all, [PREFACE.as_slice(), b"SETTINGS"].concat());
        }
    }
}
