//! Who does not answer is not asked for a while.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Failures one after the other at which a pause begins.
const FAILURES: u32 = 5;

/// How long a pause lasts. At its end one asker goes ahead; if he fails, the next pause begins.
const PAUSE: Duration = Duration::from_secs(5);

/// A circuit breaker: closed while things go well, open during a pause.
#[derive(Debug, Default)]
pub struct Breaker {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// Until when nobody asks.
    paused_until: Option<Instant>,
}

impl Breaker {
    /// Whether one may ask now. Behind a pause that is true for one asker; the next pause begins with him and ends
    /// when he succeeds.
    pub fn lets_through(&self) -> bool {
        let mut state = self.lock();
        match state.paused_until {
            None => true,
            Some(until) if Instant::now() < until => false,
            Some(_) => {
                state.paused_until = Some(Instant::now() + PAUSE);
                true
            }
        }
    }

    /// Whether there is a pause.
    pub fn is_open(&self) -> bool {
        self.lock().paused_until.is_some()
    }

    /// An asker got an answer.
    pub fn succeeded(&self) {
        *self.lock() = State::default();
    }

    /// An asker got none. The length of the pause, where that begins one.
    pub fn failed(&self) -> Option<Duration> {
        let mut state = self.lock();
        state.failures = state.failures.saturating_add(1);
        let begins = state.failures >= FAILURES && state.paused_until.is_none();
        if !begins {
            return None;
        }
        state.paused_until = Some(Instant::now() + PAUSE);
        Some(PAUSE)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn opened() -> Breaker {
        let breaker = Breaker::default();
        for _ in 1..FAILURES {
            assert_eq!(breaker.failed(), None);
            assert!(breaker.lets_through());
        }
        assert_eq!(breaker.failed(), Some(PAUSE));
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn several_failures_in_a_row_begin_a_pause() {
        let breaker = opened();
        assert!(!breaker.lets_through() && breaker.is_open());
        assert_eq!(breaker.failed(), None, "a late failure tells nothing new");
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_between_them_starts_the_count_anew() {
        let breaker = Breaker::default();
        for _ in 0..10 {
            (1..FAILURES).for_each(|_| assert_eq!(breaker.failed(), None));
            breaker.succeeded();
        }
        assert!(breaker.lets_through());
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_pause_one_goes_ahead() {
        let breaker = opened();
        advance(PAUSE).await;
        assert!(breaker.lets_through());
        assert!(!breaker.lets_through(), "the others wait for him");
        breaker.succeeded();
        assert!(breaker.lets_through() && !breaker.is_open());
    }
}
