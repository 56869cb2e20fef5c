//! One worker: a thread that owns a model and reads batches until the queue closes.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc::SyncSender},
    time::Duration,
};

use tokio::time::Instant;

use crate::model::{Model, ModelError, Reading, Source, Window};

use super::{
    Batch, EngineError, Lane,
    queue::{Queue, Waiting},
};

/// How much nicer than the rest of the process a worker for whole articles is: it gets a third of the time of a thread
/// beside it that always wants to run.
#[cfg(target_os = "linux")]
const STEP_BACK: i32 = 5;

/// What a worker is at, so that the watchdog can see it and take it away.
#[derive(Debug, Default)]
pub(super) struct Bench {
    work: Mutex<Work>,
}

#[derive(Debug, Default)]
enum Work {
    /// The worker waits for a batch.
    #[default]
    None,
    /// It reads one.
    Batch { since: Instant, batch: Vec<Waiting> },
    /// The watchdog has given the worker up: whatever it still comes to is for nobody.
    TakenAway,
}

impl Bench {
    fn put(&self, batch: Vec<Waiting>) {
        let since = Instant::now();
        *self.lock() = Work::Batch { since, batch };
    }

    /// The batch, now read; `None` where the watchdog has taken it.
    fn take_back(&self) -> Option<Vec<Waiting>> {
        let mut work = self.lock();
        match std::mem::take(&mut *work) {
            Work::Batch { batch, .. } => Some(batch),
            Work::None => None,
            Work::TakenAway => {
                *work = Work::TakenAway;
                None
            }
        }
    }

    /// Takes away a batch that has been read for longer than `limit`.
    pub fn take_away(&self, limit: Duration) -> Option<Vec<Waiting>> {
        let mut work = self.lock();
        match &*work {
            Work::Batch { since, .. } if since.elapsed() > limit => {}
            _ => return None,
        }
        match std::mem::replace(&mut *work, Work::TakenAway) {
            Work::Batch { batch, .. } => Some(batch),
            Work::None | Work::TakenAway => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Work> {
        // Nothing panics while it holds the lock.
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a worker needs.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub queue: Arc<Queue>,
    pub source: Source,
    pub bench: Arc<Bench>,
    /// The only lane that it serves, or all.
    pub lane: Option<Lane>,
}

/// Makes a model, says whether that went well, and works until the queue closes or the watchdog gives it up.
pub(super) fn run(place: &Place, ready: &SyncSender<Result<(), ModelError>>) {
    // Every worker computes on its own thread alone: workers side by side beat threads within one.
    tch::set_num_threads(1);
    if place.lane.is_none() {
        stand_back();
    }
    let model = Model::new(place.source.clone()).and_then(|mut model| {
        model.read(&[&place.source.first_window()])?;
        Ok(model)
    });
    let mut model = match model {
        Ok(model) => model,
        Err(error) => {
            let _ = ready.send(Err(error));
            return;
        }
    };
    if ready.send(Ok(())).is_err() {
        return;
    }
    while let Some(batch) = place.queue.take(place.lane) {
        if !place.work(&mut model, batch) {
            return;
        }
    }
}

/// Lets the other threads of the process go first where CPUs are short: those that answer callers, and the worker for
/// short calls. A batch takes a tenth of a second, and the others need a few milliseconds at a time.
fn stand_back() {
    // On Linux this is a property of the thread, and other processes of another control group do not see it.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(STEP_BACK) {
        tracing::debug!(%error, "a worker could not lower its priority");
    }
}

impl Place {
    /// Reads a batch and answers its windows. Where it fails as a whole, each window is read alone, so that only the
    /// culprit fails. False where the watchdog has given this worker up.
    fn work(&self, model: &mut Model, batch: Vec<Waiting>) -> bool {
        let windows: Vec<Arc<Window>> = batch.iter().map(|w| Arc::clone(&w.window)).collect();
        let tokens = windows.iter().map(|window| window.tokens.len()).sum();
        self.bench.put(batch);
        let began = Instant::now();
        let result = self.read(model, &windows);
        let Some(batch) = self.bench.take_back() else {
            return false;
        };
        let time = began.elapsed();
        match result {
            Ok(readings) => {
                let together = Batch {
                    began,
                    ended: began + time,
                    windows: windows.len(),
                    tokens,
                };
                let metrics = &self.queue.metrics;
                metrics.batch_encoded(windows.len(), tokens, time);
                for (waiting, reading) in batch.into_iter().zip(readings) {
                    // The caller may have gone.
                    let _ = waiting.answer.send(Ok((reading, together)));
                }
                self.queue.worked_off(tokens, time);
            }
            Err(_) if batch.len() > 1 => {
                return batch
                    .into_iter()
                    .all(|waiting| self.work(model, vec![waiting]));
            }
            Err(error) => {
                tracing::error!(%error, "a window could not be read");
                self.queue.given_back(tokens);
                for waiting in batch {
                    let _ = waiting.answer.send(Err(error.clone()));
                }
            }
        }
        true
    }

    fn read(
        &self,
        model: &mut Model,
        windows: &[Arc<Window>],
    ) -> Result<Vec<Reading>, EngineError> {
        let windows: Vec<&Window> = windows.iter().map(Arc::as_ref).collect();
        let read = || {
            #[cfg(feature = "faults")]
            windows.iter().filter_map(|w| w.fault).for_each(strike);
            model.read(&windows)
        };
        match catch_unwind(AssertUnwindSafe(read)) {
            Ok(Ok(readings)) if readings.len() == windows.len() => Ok(readings),
            Ok(Ok(_)) => Err(EngineError::Failed("a window was left out".to_owned())),
            Ok(Err(error)) => Err(EngineError::Failed(error.to_string())),
            Err(panic) => {
                // What the panic left behind in the model is unknown: the next batch gets a new one.
                self.queue.metrics.worker_restarted("panic");
                if let Ok(new) = Model::new(self.source.clone()) {
                    *model = new;
                }
                Err(EngineError::Failed(message(panic.as_ref())))
            }
        }
    }
}

/// A fault on demand, for the tests that show that it stays where it is.
#[cfg(feature = "faults")]
fn strike(fault: crate::model::Fault) {
    match fault {
        crate::model::Fault::Panic => panic!("on demand"),
        crate::model::Fault::Hang => loop {
            std::thread::park();
        },
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic".to_owned())
}
