//! The queue between callers and workers, bounded in tokens.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::{
    model::{Reading, Window},
    telemetry::Metrics,
};

use super::{EngineError, Settings};

/// Waiting windows that are looked through for ones of a length that fits the batch.
const LOOK_AHEAD: usize = 512;

/// Windows whose lengths differ by at most this many tokens share a batch.
const SIMILAR: usize = 32;

/// A window that waits for a worker.
#[derive(Debug)]
pub(super) struct Waiting {
    pub window: Window,
    /// Where the reading goes. Closed when the caller has gone.
    pub answer: oneshot::Sender<Result<Reading, EngineError>>,
    /// The window's part of the queue's tokens, given back when it has been read.
    #[expect(dead_code, reason = "held for its drop")]
    pub room: OwnedSemaphorePermit,
}

/// Windows in the order in which they came.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    room: Arc<Semaphore>,
    settings: Settings,
    pub metrics: Metrics,
}

#[derive(Debug)]
struct State {
    waiting: VecDeque<Waiting>,
    tokens: usize,
    closed: bool,
    pace: Pace,
}

/// Tokens per second that the workers get through together, smoothed.
#[derive(Debug, Default)]
struct Pace {
    since: Option<Instant>,
    tokens: usize,
    per_second: Option<f64>,
}

impl Queue {
    pub fn new(settings: Settings, metrics: Metrics) -> Self {
        Self {
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                tokens: 0,
                closed: false,
                pace: Pace::default(),
            }),
            filled: Condvar::new(),
            room: Arc::new(Semaphore::new(
                settings.queue_tokens.min(Semaphore::MAX_PERMITS),
            )),
            settings,
            metrics,
        }
    }

    /// Waits for room for so many tokens.
    pub async fn room(&self, tokens: usize) -> Result<OwnedSemaphorePermit, EngineError> {
        // A window larger than the whole queue may use all of it.
        let tokens = tokens.min(self.settings.queue_tokens);
        let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
        Arc::clone(&self.room)
            .acquire_many_owned(tokens)
            .await
            .map_err(|_| EngineError::Stopped)
    }

    /// Whether there is no room for another batch.
    pub fn is_full(&self) -> bool {
        let least = self.settings.batch_tokens.min(self.settings.queue_tokens);
        self.room.available_permits() < least
    }

    /// How long it takes until half of what waits is worked off, at the pace of the last seconds.
    pub fn half_worked_off_in(&self) -> Duration {
        let state = self.lock();
        let per_second = state.pace.per_second.unwrap_or(1000.0).max(1.0);
        let seconds = (state.tokens as f64 / 2.0 / per_second).clamp(0.05, 60.0);
        Duration::from_secs_f64(seconds)
    }

    pub fn push(&self, waiting: Waiting) -> Result<(), EngineError> {
        let mut state = self.lock();
        if state.closed {
            return Err(EngineError::Stopped);
        }
        state.tokens += waiting.window.tokens.len();
        state.waiting.push_back(waiting);
        self.metrics.set_queue_tokens(state.tokens);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits for windows and takes a batch: the oldest and others of similar length. `None` when the queue is
    /// closed and empty.
    ///
    /// A batch is at most this worker's share of what waits, so that the windows of one document spread over all
    /// workers; with much waiting it is filled to the token budget.
    pub fn take(&self) -> Option<Vec<Waiting>> {
        let mut state = self.lock();
        loop {
            state.drop_dead();
            if let Some(batch) = state.batch(&self.settings) {
                self.metrics.set_queue_tokens(state.tokens);
                return Some(batch);
            }
            if state.closed {
                return None;
            }
            state.pace.since = None;
            state = self
                .filled
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Notes that so many tokens have been worked off.
    pub fn worked_off(&self, tokens: usize) {
        self.lock().pace.add(tokens);
    }

    /// Lets the workers finish what waits and refuses everything new.
    pub fn close(&self) {
        self.lock().closed = true;
        self.room.close();
        self.filled.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock; should it ever, the queue is still in order.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes out windows at the front whose callers have gone.
    fn drop_dead(&mut self) {
        while self.waiting.front().is_some_and(|w| w.answer.is_closed()) {
            self.remove(0);
        }
    }

    fn remove(&mut self, index: usize) -> Option<Waiting> {
        let waiting = self.waiting.remove(index)?;
        self.tokens -= waiting.window.tokens.len();
        Some(waiting)
    }

    fn batch(&mut self, settings: &Settings) -> Option<Vec<Waiting>> {
        let share = self.tokens.div_ceil(settings.workers.max(1));
        let budget = settings.batch_tokens.min(share);
        let first = self.remove(0)?;
        let length = first.window.tokens.len();
        let mut room = budget.saturating_sub(length);
        let mut batch = vec![first];
        let mut index = 0;
        for _ in 0..LOOK_AHEAD {
            let Some(next) = self.waiting.get(index) else {
                break;
            };
            let tokens = next.window.tokens.len();
            if next.answer.is_closed() {
                self.remove(index);
            } else if tokens.abs_diff(length) <= SIMILAR && tokens <= room {
                room -= tokens;
                batch.extend(self.remove(index));
            } else {
                index += 1;
            }
            if room == 0 {
                break;
            }
        }
        Some(batch)
    }
}

impl Pace {
    fn add(&mut self, tokens: usize) {
        let since = *self.since.get_or_insert_with(Instant::now);
        self.tokens += tokens;
        let seconds = since.elapsed().as_secs_f64();
        if seconds > 0.5 {
            let now = self.tokens as f64 / seconds;
            self.per_second = Some(
                self.per_second
                    .map_or(now, |before| 0.7 * before + 0.3 * now),
            );
            self.since = None;
            self.tokens = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Settings = Settings {
        workers: 1,
        batch_tokens: 100,
        queue_tokens: 1000,
    };

    type Answer = oneshot::Receiver<Result<Reading, EngineError>>;

    async fn push(queue: &Queue, tokens: usize) -> Answer {
        let window = Window {
            tokens: vec![0; tokens],
            ..Window::default()
        };
        let room = queue.room(tokens).await.unwrap();
        let (answer, answered) = oneshot::channel();
        queue
            .push(Waiting {
                window,
                answer,
                room,
            })
            .unwrap();
        answered
    }

    fn lengths(batch: Option<Vec<Waiting>>) -> Vec<usize> {
        batch
            .into_iter()
            .flatten()
            .map(|w| w.window.tokens.len())
            .collect()
    }

    #[tokio::test]
    async fn a_batch_holds_the_oldest_and_others_of_similar_length_within_the_budget() {
        let queue = Queue::new(SETTINGS, Metrics::new());
        let mut answers = Vec::new();
        for tokens in [40, 90, 30, 50, 20] {
            answers.push(push(&queue, tokens).await);
        }
        assert_eq!(lengths(queue.take()), [40, 30, 20]);
        assert_eq!(lengths(queue.take()), [90]);
        assert_eq!(lengths(queue.take()), [50]);
    }

    #[tokio::test]
    async fn a_batch_is_the_workers_share_of_what_waits() {
        let queue = Queue::new(
            Settings {
                workers: 2,
                ..SETTINGS
            },
            Metrics::new(),
        );
        let _answers = [push(&queue, 20).await, push(&queue, 20).await];
        assert_eq!(lengths(queue.take()), [20]);
        assert_eq!(lengths(queue.take()), [20]);
    }

    #[tokio::test]
    async fn a_window_whose_caller_has_gone_is_never_taken() {
        let queue = Queue::new(SETTINGS, Metrics::new());
        drop(push(&queue, 10).await);
        let _kept = push(&queue, 11).await;
        drop(push(&queue, 12).await);
        assert_eq!(lengths(queue.take()), [11]);
    }

    #[tokio::test]
    async fn a_full_queue_takes_no_more_until_a_batch_has_left_it() {
        let queue = Queue::new(SETTINGS, Metrics::new());
        let mut answers = Vec::new();
        for _ in 0..10 {
            answers.push(push(&queue, 100).await);
        }
        assert!(queue.is_full());
        let mut room = std::pin::pin!(queue.room(100));
        assert!(futures::poll!(room.as_mut()).is_pending());
        drop(queue.take());
        assert!(futures::poll!(room.as_mut()).is_ready());
    }

    #[tokio::test]
    async fn a_closed_queue_gives_out_what_waits_and_refuses_the_rest() {
        let queue = Queue::new(SETTINGS, Metrics::new());
        let _answer = push(&queue, 10).await;
        queue.close();
        assert_eq!(queue.room(10).await.map(drop), Err(EngineError::Stopped));
        assert_eq!(lengths(queue.take()), [10]);
        assert!(queue.take().is_none());
    }
}
