//! Runs models: windows wait in one bounded queue, worker threads take them in batches.
//!
//! Each worker thread owns a model and computes on one thread; several workers share the weights. Nothing here
//! knows text, and nothing blocks the threads of the asynchronous runtime.

mod crew;
mod queue;
mod shares;
mod worker;

use std::{sync::Arc, time::Duration};

use tokio::{sync::oneshot, time::Instant};

use crate::{
    model::{ModelError, Reading, Source, Window},
    telemetry::Metrics,
};

use crew::{Crew, Watchdog};
use queue::{Queue, Waiting};
use shares::{Room, Shares};

/// How the engine is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Worker threads. Each computes on one thread of its own.
    pub workers: usize,
    /// Worker threads that serve the express lane alone. They are idle where there is no such call.
    pub express_workers: usize,
    /// Tokens of one batch.
    pub batch_tokens: usize,
    /// Tokens that may wait. A window that finds no room waits outside, without holding memory of the engine.
    pub queue_tokens: usize,
    /// How long a worker may be at one batch before it is replaced.
    pub hang_after: Duration,
}

/// Which windows stand in front of which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Short single calls, for which somebody waits.
    Express,
    /// Everything else.
    Bulk,
}

/// Whose work a window is, how urgent it is, and until when it is worth doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Callers share the engine in equal parts, whatever each has waiting.
    pub caller: Arc<str>,
    /// The lane.
    pub lane: Lane,
    /// When nobody waits for the reading any more.
    pub deadline: Option<Instant>,
}

impl Ticket {
    /// The ticket of a caller that the process is alone with, such as its own command line.
    pub fn alone() -> Self {
        Self {
            caller: Arc::from(""),
            lane: Lane::Bulk,
            deadline: None,
        }
    }

    /// Whether the deadline has passed at a time.
    pub fn is_expired_by(&self, time: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= time)
    }
}

/// Windows that went through encoder and heads together, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// When a worker began to read them.
    pub began: Instant,
    /// When it had read them.
    pub ended: Instant,
    /// How many there were.
    pub windows: usize,
    /// Their tokens, without padding.
    pub tokens: usize,
}

/// Why a window was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The model failed on this window, and on no other.
    #[error("{0}")]
    Failed(String),
    /// Its deadline passed while it waited.
    #[error("the deadline has passed")]
    Expired,
    /// The engine has been stopped.
    #[error("the engine has been stopped")]
    Stopped,
}

/// Why the engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The model cannot be made of its package.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A thread cannot be made.
    #[error("a worker thread could not be started: {0}")]
    Thread(std::io::Error),
}

/// A running engine. Dropping it stops the workers after the batches they are at.
#[derive(Debug)]
pub struct Engine {
    queue: Arc<Queue>,
    /// Tokens of the single calls under way. Their windows wait for room in the queue, so the queue alone would not
    /// bound how many calls wait.
    calls: Shares,
    crew: Arc<Crew>,
    watchdog: Option<Watchdog>,
    source: Source,
    settings: Settings,
}

impl Engine {
    /// Starts the workers and waits until each has a model and has read a first window.
    ///
    /// # Errors
    /// [`StartError`] where a model or a thread cannot be made.
    pub fn start(
        source: impl Into<Source>,
        settings: Settings,
        metrics: Metrics,
    ) -> Result<Self, StartError> {
        let source = source.into();
        let queue = Arc::new(Queue::new(settings, metrics));
        let crew = Crew::start(Arc::clone(&queue), source.clone(), settings)?;
        let crew = Arc::new(crew);
        let watchdog = Watchdog::start(Arc::clone(&crew))?;
        Ok(Self {
            queue,
            calls: Shares::new(settings.queue_tokens),
            crew,
            watchdog: Some(watchdog),
            source,
            settings,
        })
    }

    /// What the workers run.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// How the engine is laid out.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// Reads one window, and says in which batch. Waits for room in the queue, then for the result; dropping the future
    /// takes the window out of the queue.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn read(
        &self,
        window: Window,
        ticket: Ticket,
    ) -> Result<(Reading, Batch), EngineError> {
        let room = self.queue.room(window.tokens.len(), &ticket).await?;
        let (answer, answered) = oneshot::channel();
        self.queue.push(Waiting {
            window: Arc::new(window),
            ticket,
            answer,
            room,
            since: Instant::now(),
        })?;
        let mut presence = Presence(Some(&self.queue));
        let reading = answered.await;
        presence.0 = None;
        reading.unwrap_or(Err(EngineError::Stopped))
    }

    /// Admits a single call of about so many tokens for as long as the returned value lives; `None` where the queue
    /// has no room for another batch of this caller, or as many tokens of such calls are under way as it holds.
    pub fn admit(&self, tokens: usize, ticket: &Ticket) -> Option<Admission> {
        if self.queue.is_full(ticket) {
            return None;
        }
        self.calls.try_room(tokens, ticket).map(Admission)
    }

    /// How long a caller should wait before it tries again: until half of the queue is worked off.
    pub fn retry_after(&self) -> Duration {
        self.queue.half_worked_off_in()
    }

    /// How long so many tokens of a caller will take, waiting included, at the pace of the last seconds. `None`
    /// before the pace is known.
    pub fn time_for(&self, tokens: usize, ticket: &Ticket) -> Option<Duration> {
        self.queue.time_for(tokens, ticket)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // The watchdog goes last: a worker that hangs now must not hold up the end.
        self.crew.dismiss();
        self.watchdog = None;
    }
}

/// A single call under way; see [`Engine::admit`].
#[derive(Debug)]
pub struct Admission(#[expect(dead_code, reason = "held for its drop")] Room);

/// Somebody who waits for a reading; dropped before it came, its window is dead.
struct Presence<'a>(Option<&'a Queue>);

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        if let Some(queue) = self.0 {
            queue.abandon();
        }
    }
}
