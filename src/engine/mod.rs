//! Runs model packages: windows wait in one bounded queue, worker threads take them in batches.
//!
//! Each worker thread owns a model and computes on one thread; several workers share the weights. Nothing here
//! knows text, and nothing blocks the threads of the asynchronous runtime.

mod queue;
mod worker;

use std::{sync::Arc, thread::JoinHandle, time::Duration};

use tokio::sync::oneshot;

use crate::{
    model::{ModelError, Package, Reading, Window},
    telemetry::Metrics,
};

use queue::{Queue, Waiting};

/// How the engine is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Worker threads. Each computes on one thread of its own.
    pub workers: usize,
    /// Tokens of one batch.
    pub batch_tokens: usize,
    /// Tokens that may wait. A window that finds no room waits outside, without holding memory of the engine.
    pub queue_tokens: usize,
}

/// Why a window was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The model failed on this window, and on no other.
    #[error("{0}")]
    Failed(String),
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
    workers: Vec<JoinHandle<()>>,
    package: Arc<Package>,
    settings: Settings,
}

impl Engine {
    /// Starts the workers and waits until each has a model and has read a first window.
    ///
    /// # Errors
    /// [`StartError`] where a model or a thread cannot be made.
    pub fn start(
        package: Arc<Package>,
        settings: Settings,
        metrics: Metrics,
    ) -> Result<Self, StartError> {
        let queue = Arc::new(Queue::new(settings, metrics));
        let mut engine = Self {
            queue,
            workers: Vec::with_capacity(settings.workers),
            package,
            settings,
        };
        for number in 0..settings.workers.max(1) {
            let (queue, package) = (Arc::clone(&engine.queue), Arc::clone(&engine.package));
            let (ready, started) = std::sync::mpsc::sync_channel(1);
            let worker = std::thread::Builder::new()
                .name(format!("worker-{number}"))
                .spawn(move || worker::run(&queue, &package, &ready))
                .map_err(StartError::Thread)?;
            engine.workers.push(worker);
            match started.recv() {
                Ok(result) => result?,
                Err(_) => {
                    let ended = std::io::Error::other("it ended while it made its model");
                    return Err(StartError::Thread(ended));
                }
            }
        }
        Ok(engine)
    }

    /// The package that the workers run.
    pub fn package(&self) -> &Arc<Package> {
        &self.package
    }

    /// How the engine is laid out.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// Reads one window. Waits for room in the queue, then for the result; dropping the future takes the window
    /// out of the queue.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn read(&self, window: Window) -> Result<Reading, EngineError> {
        let room = self.queue.room(window.tokens.len()).await?;
        let (answer, answered) = oneshot::channel();
        self.queue.push(Waiting {
            window,
            answer,
            room,
        })?;
        answered.await.unwrap_or(Err(EngineError::Stopped))
    }

    /// Whether the queue has no room for another batch.
    pub fn is_full(&self) -> bool {
        self.queue.is_full()
    }

    /// How long a caller should wait before it tries again: until half of the queue is worked off.
    pub fn retry_after(&self) -> Duration {
        self.queue.half_worked_off_in()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.queue.close();
        for worker in self.workers.drain(..) {
            // A worker that panicked has nothing to hand over.
            let _ = worker.join();
        }
    }
}
