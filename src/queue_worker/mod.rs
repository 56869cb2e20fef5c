//! Documents from a work queue of NATS JetStream, tagged and published.
//!
//! A message is acknowledged only when JetStream has acknowledged what came of it: the tagged document, or the message
//! itself on the subject for dead letters. Both carry an id that is made of the message's place in its stream, so that
//! the duplicate window of the stream behind turns a second delivery into no second message. Nothing else in the
//! program knows NATS.

mod connection;
mod delivery;
mod format;
mod queue;

use std::{error::Error, future::Future, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use futures::{Stream, StreamExt as _, stream};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::{info, warn};

pub use self::{
    connection::{ConnectError, NatsSettings},
    format::AnswerFormat,
    queue::{QueueError, QueueSettings},
};
use self::{delivery::Deliveries, queue::Queue};
use crate::{
    pipeline::Pipeline,
    server::{
        self, ConnectionLimits, ServerError,
        lifecycle::{Lifecycle, Phase},
        shutdown,
    },
    telemetry::Metrics,
};

/// Time for the last words to NATS after the hard stop.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The settings of a worker.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// Address for probes and metrics over HTTP; port 0 takes a free one.
    pub http_listen: SocketAddr,
    /// Time for documents in hand to be finished after the first signal.
    pub grace: Duration,
    /// Where NATS is, and how it is logged in to.
    pub nats: NatsSettings,
    /// Where documents come from and go to.
    pub queue: QueueSettings,
}

/// Why the worker could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The HTTP port or the model cannot be had.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// NATS lets nobody in with these settings.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The streams cannot be used as they are.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// Tags what the queue holds until SIGTERM or SIGINT.
///
/// # Errors
/// [`WorkerError`].
pub async fn run<F, E>(config: WorkerConfig, load: F, metrics: Metrics) -> Result<(), WorkerError>
where
    F: Future<Output = Result<Option<Pipeline>, E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let signals = shutdown::signals().map_err(ServerError::Signals)?;
    run_until(config, load, metrics, signals).await
}

/// Tags what the queue holds until `signals` says to drain (first item) and to stop at once (second).
///
/// # Errors
/// [`WorkerError`].
pub async fn run_until<F, E>(
    config: WorkerConfig,
    load: F,
    metrics: Metrics,
    signals: impl Stream<Item = ()>,
) -> Result<(), WorkerError>
where
    F: Future<Output = Result<Option<Pipeline>, E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let mut signals = pin!(signals.chain(stream::pending()));
    let lifecycle = Lifecycle::new();
    let (listener, http) = server::listen(config.http_listen, "HTTP").await?;
    let router = server::http::router(metrics.clone(), lifecycle.clone(), None);
    // It ends with this call, however that ends.
    let mut tasks = JoinSet::new();
    tasks.spawn(server::http::serve(
        listener,
        router,
        ConnectionLimits::default(),
    ));
    info!(%http, servers = config.nats.hosts(), "listening; the model loads");

    let load = async {
        let loaded = load.await;
        loaded.map_err(|error| WorkerError::from(ServerError::Load(error.into())))
    };
    let open = async {
        let (link, connected) = connection::connect(&config.nats, &lifecycle, &metrics).await?;
        let queue = Queue::open(link, connected, config.queue.clone()).await?;
        Ok::<_, WorkerError>(queue)
    };
    let (pipeline, queue) = tokio::select! {
        ready = async { tokio::try_join!(load, open) } => match ready? {
            (Some(pipeline), queue) => (pipeline, queue),
            (None, _) => return Ok(()),
        },
        _ = signals.next() => return Ok(()),
        Some(failed) = tasks.join_next() => {
            return Err(server::listener_failed("HTTP", failed).into());
        }
    };
    server::announce(&pipeline, &metrics);
    lifecycle.advance(Phase::Serving);

    let documents = config.queue.documents.max(1);
    let slots = Arc::new(Semaphore::new(documents));
    let deliveries = Arc::new(Deliveries::new(
        pipeline,
        &queue,
        lifecycle.clone(),
        metrics,
    ));
    let mut in_hand = JoinSet::new();
    {
        let draining = lifecycle.reached(Phase::Draining);
        let mut begin = |message, slot| {
            while in_hand.try_join_next().is_some() {}
            let deliveries = Arc::clone(&deliveries);
            in_hand.spawn(async move {
                deliveries.work_on(message).await;
                drop(slot);
            });
        };
        let mut taking = pin!(queue.take_until(draining, &slots, &mut begin));
        tokio::select! {
            () = &mut taking => {}
            _ = signals.next() => {
                info!(grace_seconds = config.grace.as_secs(), "draining");
                lifecycle.advance(Phase::Draining);
                // What is on its way is handed back.
                let _ = timeout(LAST_WORDS, &mut taking).await;
            }
            Some(failed) = tasks.join_next() => {
                return Err(server::listener_failed("HTTP", failed).into());
            }
        }
    }
    lifecycle.advance(Phase::Draining);
    tokio::select! {
        () = finished(&mut in_hand) => {}
        () = sleep(config.grace) => warn!("the grace time is over; the rest is handed back"),
        _ = signals.next() => warn!("second signal; the rest is handed back"),
    }
    lifecycle.advance(Phase::Stopped);
    let _ = timeout(LAST_WORDS, finished(&mut in_hand)).await;
    let _ = timeout(LAST_WORDS, queue.flush()).await;
    info!("stopped");
    Ok(())
}

async fn finished(in_hand: &mut JoinSet<()>) {
    while in_hand.join_next().await.is_some() {}
}
