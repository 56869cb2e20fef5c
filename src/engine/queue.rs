//! The queue between callers and workers, bounded in tokens and fair between callers.
//!
//! Every caller has a flow of its own in each lane, and the flows take turns by deficit round robin (Shreedhar and
//! Varghese, "Efficient fair queuing using deficit round robin", SIGCOMM 1995): a caller with ten thousand waiting
//! windows gets as many tokens a turn as one with a single window. Small single calls go through a lane of their own
//! with room of their own, and one worker serves nothing else, so that a bulk stream never stands in front of them.

mod flows;
mod pace;

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::oneshot, time::Instant};

use crate::{
    model::{Reading, Window},
    telemetry::Metrics,
};

use self::{flows::Flows, pace::Pace};
use super::{
    Batch, EngineError, Lane, Settings, Ticket,
    shares::{Room, Shares},
};

/// A window that waits for a worker.
#[derive(Debug)]
pub(super) struct Waiting {
    pub window: Arc<Window>,
    pub ticket: Ticket,
    /// Where the reading goes. Closed when the caller has gone.
    pub answer: oneshot::Sender<Result<(Reading, Batch), EngineError>>,
    /// The window's part of the queue's tokens, given back when it has been read.
    #[expect(dead_code, reason = "held for its drop")]
    pub room: Room,
    pub since: Instant,
}

impl Waiting {
    fn tokens(&self) -> usize {
        self.window.tokens.len()
    }

    /// Whether nobody will wait for the reading any more at a time.
    fn is_dead_by(&self, time: Instant) -> bool {
        self.answer.is_closed() || self.ticket.is_expired_by(time)
    }
}

/// Windows that wait, by caller.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    express_filled: Condvar,
    shares: Shares,
    settings: Settings,
    pub metrics: Metrics,
}

#[derive(Debug)]
struct State {
    flows: Flows,
    /// Windows that are read alone, since a batch with them did not come to an end.
    alone: Vec<Waiting>,
    /// Windows in the queue whose callers have gone, counted since the last sweep.
    abandoned: usize,
    /// Tokens that workers are at.
    in_hand: usize,
    closed: bool,
    pace: Pace,
}

impl Queue {
    pub fn new(settings: Settings, metrics: Metrics) -> Self {
        Self {
            state: Mutex::new(State {
                flows: Flows::default(),
                alone: Vec::new(),
                abandoned: 0,
                in_hand: 0,
                closed: false,
                pace: Pace::new(settings.workers),
            }),
            filled: Condvar::new(),
            express_filled: Condvar::new(),
            shares: Shares::new(settings.queue_tokens),
            settings,
            metrics,
        }
    }

    /// Waits for room for so many tokens in the caller's share and in its lane.
    pub async fn room(&self, tokens: usize, ticket: &Ticket) -> Result<Room, EngineError> {
        self.shares.room(tokens, ticket).await
    }

    /// Whether there is no room for another batch of this caller.
    pub fn is_full(&self, ticket: &Ticket) -> bool {
        let least = self.settings.batch_tokens.min(self.settings.queue_tokens);
        self.shares.is_full(least, ticket)
    }

    /// How long it takes until half of what waits is worked off, at the pace of the last seconds.
    pub fn half_worked_off_in(&self) -> Duration {
        let state = self.lock();
        let half = state.pace.of_all(state.flows.tokens() / 2);
        half.clamp(Duration::from_millis(50), Duration::from_secs(60))
    }

    /// How long so many tokens of a caller will take, waiting included. `None` before the pace is known.
    pub fn time_for(&self, tokens: usize, ticket: &Ticket) -> Option<Duration> {
        let state = self.lock();
        if !state.pace.is_known() {
            return None;
        }
        // The express lane has workers of its own: what waits in the other is not before it.
        let apart = self.settings.express_workers > 0 && ticket.lane == Lane::Express;
        let before = state.flows.tokens_before(tokens, ticket, apart);
        let in_hand = if apart { 0 } else { state.in_hand };
        // The last window is answered with its whole batch.
        let batch = self.settings.batch_tokens.min(before + tokens);
        Some(state.pace.of_all(in_hand + before + tokens) + state.pace.of_one_worker(batch))
    }

    pub fn push(&self, waiting: Waiting) -> Result<(), EngineError> {
        let lane = waiting.ticket.lane;
        let mut state = self.lock();
        if state.closed {
            return Err(EngineError::Stopped);
        }
        state.flows.push(waiting);
        self.show(&state);
        drop(state);
        if lane == Lane::Express {
            self.express_filled.notify_one();
        }
        self.filled.notify_one();
        Ok(())
    }

    /// Puts back the windows of a batch that did not come to an end; each is read alone.
    pub fn push_alone(&self, batch: Vec<Waiting>) {
        self.lock().alone.extend(batch);
        self.filled.notify_all();
    }

    /// Notes that the caller of a waiting window has gone. Where most of the queue is abandoned, it is swept: the
    /// dead would otherwise hold room until their turn comes.
    pub fn abandon(&self) {
        let mut state = self.lock();
        state.abandoned += 1;
        if 2 * state.abandoned > state.flows.windows() {
            state.abandoned = 0;
            let dead = state.flows.sweep(Instant::now());
            self.metrics.windows_died(dead.len());
            self.show(&state);
            drop(state);
            end(dead);
        }
    }

    /// Waits for windows and takes a batch: the one whose turn it is and others of similar length. `None` when the
    /// queue is closed and empty.
    ///
    /// A batch is at most this worker's share of what waits, so that the windows of one document spread over all
    /// workers; with much waiting it is filled to the token budget. No window in it is dead.
    pub fn take(&self, lane: Option<Lane>) -> Option<Vec<Waiting>> {
        let mut state = self.lock();
        loop {
            let mut dead = Vec::new();
            let batch = match state.next_alone(lane, &mut dead) {
                Some(waiting) => Some(vec![waiting]),
                None => state.batch(&self.settings, lane, &mut dead),
            };
            if !dead.is_empty() {
                self.metrics.windows_died(dead.len());
                end(dead);
            }
            for waiting in batch.iter().flatten() {
                self.metrics.window_waited(waiting.since.elapsed());
                state.in_hand += waiting.tokens();
            }
            self.show(&state);
            if batch.is_some() {
                return batch;
            }
            if state.closed {
                return None;
            }
            let filled = match lane {
                Some(Lane::Express) => &self.express_filled,
                _ => &self.filled,
            };
            state = filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Notes that a worker has read so many tokens in this time.
    pub fn worked_off(&self, tokens: usize, time: Duration) {
        let mut state = self.lock();
        state.in_hand = state.in_hand.saturating_sub(tokens);
        // Nothing waits for long while a worker is idle.
        let all_at_work = state.flows.tokens() > 0;
        state.pace.add(tokens, time, all_at_work);
        self.show(&state);
    }

    /// Notes that so many tokens have left a worker's hands unread.
    pub fn given_back(&self, tokens: usize) {
        let mut state = self.lock();
        state.in_hand = state.in_hand.saturating_sub(tokens);
        self.show(&state);
    }

    /// Lets the workers finish what waits and refuses everything new.
    pub fn close(&self) {
        self.lock().closed = true;
        self.shares.close();
        self.filled.notify_all();
        self.express_filled.notify_all();
    }

    fn show(&self, state: &State) {
        let tokens = state.flows.tokens();
        self.metrics.set_queue(tokens, state.pace.of_all(tokens));
        self.metrics.set_tokens_in_hand(state.in_hand);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock; should it ever, the queue is still in order.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The next batch. A window whose deadline would pass while the batch is read is as good as dead.
    fn batch(
        &mut self,
        settings: &Settings,
        lane: Option<Lane>,
        dead: &mut Vec<Waiting>,
    ) -> Option<Vec<Waiting>> {
        let share = self.flows.tokens().div_ceil(settings.workers.max(1));
        let budget = settings.batch_tokens.min(share);
        let read_by = match self.pace.is_known() {
            true => Instant::now() + self.pace.of_one_worker(budget),
            false => Instant::now(),
        };
        self.flows.batch(budget, read_by, lane, dead)
    }

    /// A window to be read alone. The worker of the express lane leaves them to the others: it must not hang.
    fn next_alone(&mut self, lane: Option<Lane>, dead: &mut Vec<Waiting>) -> Option<Waiting> {
        if lane.is_some() {
            return None;
        }
        while let Some(waiting) = self.alone.pop() {
            if !waiting.is_dead_by(Instant::now()) {
                return Some(waiting);
            }
            dead.push(waiting);
        }
        None
    }
}

/// Tells those who still listen that their time is over.
fn end(dead: Vec<Waiting>) {
    for waiting in dead {
        let _ = waiting.answer.send(Err(EngineError::Expired));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Settings = Settings {
        workers: 1,
        express_workers: 0,
        batch_tokens: 100,
        queue_tokens: 1000,
        hang_after: Duration::from_secs(60),
    };

    type Answer = oneshot::Receiver<Result<(Reading, Batch), EngineError>>;

    fn queue() -> Queue {
        Queue::new(SETTINGS, Metrics::new())
    }

    fn ticket(caller: &str) -> Ticket {
        Ticket {
            caller: caller.into(),
            lane: Lane::Bulk,
            deadline: None,
        }
    }

    async fn push_as(queue: &Queue, tokens: usize, ticket: Ticket) -> Answer {
        let window = Arc::new(Window {
            tokens: vec![0; tokens],
            ..Window::default()
        });
        let room = queue.room(tokens, &ticket).await.unwrap();
        let (answer, answered) = oneshot::channel();
        let since = Instant::now();
        queue
            .push(Waiting {
                window,
                ticket,
                answer,
                room,
                since,
            })
            .unwrap();
        answered
    }

    async fn push(queue: &Queue, tokens: usize) -> Answer {
        push_as(queue, tokens, ticket("a")).await
    }

    fn lengths(batch: Option<Vec<Waiting>>) -> Vec<usize> {
        batch
            .into_iter()
            .flatten()
            .map(|waiting| waiting.tokens())
            .collect()
    }

    #[tokio::test]
    async fn a_batch_holds_the_oldest_and_others_of_similar_length_within_the_budget() {
        let queue = queue();
        let mut answers = Vec::new();
        for tokens in [40, 90, 30, 50, 20] {
            answers.push(push(&queue, tokens).await);
        }
        assert_eq!(lengths(queue.take(None)), [40, 30, 20]);
        assert_eq!(lengths(queue.take(None)), [90]);
        assert_eq!(lengths(queue.take(None)), [50]);
    }

    #[tokio::test]
    async fn a_batch_is_the_workers_share_of_what_waits() {
        let workers = 2;
        let settings = Settings {
            workers,
            ..SETTINGS
        };
        let queue = Queue::new(settings, Metrics::new());
        let _answers = [push(&queue, 20).await, push(&queue, 20).await];
        assert_eq!(lengths(queue.take(None)), [20]);
        assert_eq!(lengths(queue.take(None)), [20]);
    }

    #[tokio::test]
    async fn a_window_whose_caller_has_gone_is_never_taken() {
        let queue = queue();
        drop(push(&queue, 10).await);
        let _kept = push(&queue, 11).await;
        drop(push(&queue, 12).await);
        assert_eq!(lengths(queue.take(None)), [11]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_whose_deadline_has_passed_is_never_taken_and_its_caller_is_told() {
        let queue = queue();
        let late = Ticket {
            deadline: Some(Instant::now() + Duration::from_secs(1)),
            ..ticket("a")
        };
        let answer = push_as(&queue, 10, late).await;
        tokio::time::advance(Duration::from_secs(2)).await;
        let _kept = push(&queue, 11).await;
        assert_eq!(lengths(queue.take(None)), [11]);
        assert_eq!(answer.await.unwrap(), Err(EngineError::Expired));
    }

    #[tokio::test]
    async fn callers_take_turns_whatever_they_have_waiting() {
        let settings = Settings {
            batch_tokens: 600,
            queue_tokens: 100_000,
            ..SETTINGS
        };
        let queue = Queue::new(settings, Metrics::new());
        let mut answers = Vec::new();
        for _ in 0..50 {
            answers.push(push_as(&queue, 500, ticket("bulk")).await);
        }
        answers.push(push_as(&queue, 90, ticket("other")).await);
        let taken: Vec<Vec<usize>> = (0..3).map(|_| lengths(queue.take(None))).collect();
        assert!(
            taken.contains(&vec![90]),
            "the other caller waits behind the bulk: {taken:?}"
        );
    }

    #[tokio::test]
    async fn the_express_worker_takes_nothing_but_express_windows() {
        let queue = queue();
        let _bulk = push(&queue, 10).await;
        let express = Ticket {
            lane: Lane::Express,
            ..ticket("b")
        };
        let _express = push_as(&queue, 20, express).await;
        assert_eq!(lengths(queue.take(Some(Lane::Express))), [20]);
        assert_eq!(lengths(queue.take(None)), [10]);
    }

    #[tokio::test]
    async fn one_caller_cannot_fill_the_queue_for_the_others() {
        let queue = queue();
        let mut answers = Vec::new();
        for _ in 0..5 {
            answers.push(push(&queue, 100).await);
        }
        let first = ticket("a");
        let mut room = std::pin::pin!(queue.room(100, &first));
        assert!(queue.is_full(&first));
        assert!(futures::poll!(room.as_mut()).is_pending());
        assert!(!queue.is_full(&ticket("b")));
        answers.push(push_as(&queue, 100, ticket("b")).await);
    }

    #[tokio::test]
    async fn a_full_queue_takes_no_more_until_a_batch_has_left_it() {
        let queue = queue();
        let mut answers = Vec::new();
        for number in 0..10 {
            answers.push(push_as(&queue, 100, ticket(&(number % 2).to_string())).await);
        }
        let other = ticket("other");
        assert!(queue.is_full(&other));
        let mut room = std::pin::pin!(queue.room(100, &other));
        assert!(futures::poll!(room.as_mut()).is_pending());
        drop(queue.take(None));
        assert!(futures::poll!(room.as_mut()).is_ready());
    }

    #[tokio::test]
    async fn room_of_abandoned_windows_is_given_back_before_their_turn() {
        let queue = queue();
        let _first = push(&queue, 100).await;
        let mut answers = Vec::new();
        for _ in 0..4 {
            answers.push(push(&queue, 100).await);
        }
        assert!(queue.is_full(&ticket("a")));
        for answer in answers {
            drop(answer);
            queue.abandon();
        }
        assert!(!queue.is_full(&ticket("a")));
    }

    #[tokio::test]
    async fn windows_of_a_batch_that_hung_are_taken_one_by_one() {
        let queue = queue();
        let _answers = [push(&queue, 10).await, push(&queue, 11).await];
        let batch = queue.take(None).unwrap();
        assert_eq!(batch.len(), 2);
        queue.push_alone(batch);
        assert_eq!(lengths(queue.take(None)).len(), 1);
        assert_eq!(lengths(queue.take(None)).len(), 1);
    }

    #[tokio::test]
    async fn a_closed_queue_gives_out_what_waits_and_refuses_the_rest() {
        let queue = queue();
        let _answer = push(&queue, 10).await;
        queue.close();
        let refused = queue.room(10, &ticket("a")).await.map(drop);
        assert_eq!(refused, Err(EngineError::Stopped));
        assert_eq!(lengths(queue.take(None)), [10]);
        assert!(queue.take(None).is_none());
    }
}
