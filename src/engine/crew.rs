//! The workers, and the watchdog that replaces one that hangs.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{self, Builder, JoinHandle},
    time::{Duration, Instant},
};

use crate::model::Source;

use super::{
    EngineError, Lane, Settings, StartError,
    queue::{Queue, Waiting},
    worker::{self, Place},
};

/// How often the watchdog looks, at most.
const ROUND: Duration = Duration::from_millis(250);

/// How often the end of a worker is looked for.
const END_ROUND: Duration = Duration::from_millis(2);

/// Workers that may be given up for each one that there is. A thread that hangs cannot be ended and may use a CPU for
/// ever; past this the process is beyond repair and a restart is the better answer.
const GIVEN_UP_PER_WORKER: usize = 4;

/// All workers of an engine.
#[derive(Debug)]
pub(super) struct Crew {
    queue: Arc<Queue>,
    source: Source,
    hang_after: Duration,
    workers: Mutex<Vec<Worker>>,
}

#[derive(Debug)]
struct Worker {
    number: usize,
    place: Place,
    thread: JoinHandle<()>,
}

/// The watchdog's thread; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Watchdog {
    over: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Crew {
    /// Starts the workers; waits until each has a model and has read a first window.
    pub fn start(
        queue: Arc<Queue>,
        source: Source,
        settings: Settings,
    ) -> Result<Self, StartError> {
        let crew = Self {
            queue,
            source,
            hang_after: settings.hang_after,
            workers: Mutex::default(),
        };
        let lanes = std::iter::repeat_n(None, settings.workers.max(1)).chain(std::iter::repeat_n(
            Some(Lane::Express),
            settings.express_workers,
        ));
        for (number, lane) in lanes.enumerate() {
            match crew.hire(number, lane) {
                Ok(worker) => crew.lock().push(worker),
                Err(error) => {
                    crew.dismiss();
                    return Err(error);
                }
            }
        }
        Ok(crew)
    }

    fn hire(&self, number: usize, lane: Option<Lane>) -> Result<Worker, StartError> {
        let place = Place {
            queue: Arc::clone(&self.queue),
            source: self.source.clone(),
            bench: Arc::default(),
            lane,
        };
        let (ready, started) = std::sync::mpsc::sync_channel(1);
        let own = place.clone();
        let thread = Builder::new()
            .name(format!("worker-{number}"))
            .spawn(move || worker::run(&own, &ready))
            .map_err(StartError::Thread)?;
        match started.recv() {
            Ok(result) => result?,
            Err(_) => {
                let ended = std::io::Error::other("it ended while it made its model");
                return Err(StartError::Thread(ended));
            }
        }
        Ok(Worker {
            number,
            place,
            thread,
        })
    }

    /// Replaces workers that have been at one batch for too long.
    fn inspect(&self, given_up: &mut usize) {
        for worker in self.lock().iter_mut() {
            let Some(batch) = worker.place.bench.take_away(self.hang_after) else {
                continue;
            };
            tracing::error!(
                worker = worker.number,
                windows = batch.len(),
                "a worker hangs"
            );
            self.queue.metrics.worker_restarted("hang");
            *given_up += 1;
            match self.hire(worker.number, worker.place.lane) {
                // The thread that hangs is let go: nothing can end it.
                Ok(new) => *worker = new,
                Err(error) => tracing::error!(%error, "a worker could not be replaced"),
            }
            self.settle(batch);
        }
    }

    /// A lone window that hung is the culprit; of several, each is tried alone.
    fn settle(&self, mut batch: Vec<Waiting>) {
        self.queue
            .given_back(batch.iter().map(|w| w.window.tokens.len()).sum());
        if batch.len() > 1 {
            return self.queue.push_alone(batch);
        }
        if let Some(waiting) = batch.pop() {
            let message = "the model came to no end on this text".to_owned();
            let _ = waiting.answer.send(Err(EngineError::Failed(message)));
        }
    }

    /// Closes the queue and waits for the workers to end, but not for one that hangs.
    pub fn dismiss(&self) {
        self.queue.close();
        let workers = std::mem::take(&mut *self.lock());
        let began = Instant::now();
        for worker in workers {
            while !worker.thread.is_finished() && began.elapsed() < self.hang_after {
                thread::sleep(END_ROUND);
            }
            if worker.thread.is_finished() {
                // A worker that panicked has nothing to hand over.
                let _ = worker.thread.join();
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Worker>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watchdog {
    /// Watches a crew until it is dropped.
    pub fn start(crew: Arc<Crew>) -> Result<Self, StartError> {
        let over = Arc::new((Mutex::new(false), Condvar::new()));
        let (own, round) = (Arc::clone(&over), ROUND.min(crew.hang_after / 4));
        let most = GIVEN_UP_PER_WORKER * crew.lock().len();
        let watch = move || {
            let (is_over, changed) = &*own;
            let mut given_up = 0;
            let mut state = is_over.lock().unwrap_or_else(PoisonError::into_inner);
            while !*state {
                state = changed
                    .wait_timeout(state, round)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
                crew.inspect(&mut given_up);
                if given_up > most {
                    tracing::error!("too many workers hang; the process ends");
                    std::process::abort();
                }
            }
        };
        let thread = Builder::new()
            .name("watchdog".to_owned())
            .spawn(watch)
            .map_err(StartError::Thread)?;
        Ok(Self {
            over,
            thread: Some(thread),
        })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        *self.over.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.over.1.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
