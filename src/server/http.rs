//! The HTTP port: probes, metrics, and the page or else a line for whoever looks.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::sleep,
};
use tower::ServiceExt as _;
use tracing::{debug, warn};

use super::{
    auth::PeerAddr,
    connections::{ACCEPT_PAUSE, ConnectionLimits, accept},
    lifecycle::{Lifecycle, Phase},
    web::Web,
};
use crate::telemetry::Metrics;

/// The media type of the metrics page.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The smallest buffer that hyper takes. A head has to fit into it.
const MIN_BUFFER_BYTES: usize = 8192;

/// The routes of the HTTP port.
pub fn router(metrics: Metrics, lifecycle: Lifecycle, web: Option<&Web>) -> Router {
    let router = Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready).with_state(lifecycle))
        .route("/metrics", get(numbers).with_state(metrics));
    match web {
        Some(web) => router.merge(web.router()),
        None => router.route("/", get(index)),
    }
}

/// Accepts connections and keeps each within the limits that HTTP/1.1 has a sense for: how many there are, how long a
/// head may take, and how large it may be. Dropping the future cuts them off.
pub async fn serve(listener: TcpListener, router: Router, limits: ConnectionLimits) {
    let places = Arc::new(Semaphore::new(
        limits.max_connections.min(Semaphore::MAX_PERMITS),
    ));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, peer, place)) => {
                let served = serve_one(stream, PeerAddr(peer), router.clone(), limits.clone());
                connections.spawn(async move {
                    served.await;
                    drop(place);
                });
            }
            Err(error) => {
                // The listener has failed for now, not for ever: asking again at once would only burn a CPU.
                warn!(%error, "a connection cannot be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_one(stream: TcpStream, peer: PeerAddr, router: Router, limits: ConnectionLimits) {
    // Answers are small and somebody waits for them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.clone().oneshot(request)
    });
    let ended = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.first_byte)
        .max_buf_size((limits.max_header_bytes as usize).max(MIN_BUFFER_BYTES))
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = ended {
        debug!(peer = %peer.0, %error, "a connection broke");
    }
}

async fn index() -> &'static str {
    concat!(
        "tagwerk ",
        env!("CARGO_PKG_VERSION"),
        ": /livez /readyz /metrics\n"
    )
}

/// Alive means that this answers: load and a loading model are no reason for a restart.
async fn live() -> &'static str {
    "ok\n"
}

async fn ready(State(lifecycle): State<Lifecycle>) -> (StatusCode, &'static str) {
    match lifecycle.phase() {
        Phase::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
        Phase::Serving if lifecycle.is_cut_off() => {
            (StatusCode::SERVICE_UNAVAILABLE, "not connected\n")
        }
        Phase::Serving => (StatusCode::OK, "ok\n"),
        Phase::Draining | Phase::Stopped => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
    }
}

async fn numbers(State(metrics): State<Metrics>) -> impl IntoResponse {
    ([(CONTENT_TYPE, OPENMETRICS)], metrics.page())
}
