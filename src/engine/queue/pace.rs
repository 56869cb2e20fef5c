//! How fast the workers are.

use std::time::Duration;

use tokio::time::Instant;

/// Tokens per second that are assumed before anything has been measured.
const FIRST_GUESS: f64 = 1000.0;

/// Tokens per second that the workers get through together, smoothed.
#[derive(Debug, Default)]
pub struct Pace {
    since: Option<Instant>,
    tokens: usize,
    per_second: Option<f64>,
}

impl Pace {
    /// So many tokens have been worked off.
    pub fn add(&mut self, tokens: usize) {
        let since = *self.since.get_or_insert_with(Instant::now);
        self.tokens += tokens;
        let seconds = since.elapsed().as_secs_f64();
        if seconds > 0.5 {
            let now = self.tokens as f64 / seconds;
            self.per_second = Some(
                self.per_second
                    .map_or(now, |before| 0.7 * before + 0.3 * now),
            );
            self.pause();
        }
    }

    /// A worker is idle: the time until the next batch says nothing.
    pub fn pause(&mut self) {
        self.since = None;
        self.tokens = 0;
    }

    /// Whether it has been measured.
    pub fn is_known(&self) -> bool {
        self.per_second.is_some()
    }

    /// How long so many tokens take.
    pub fn time_for(&self, tokens: usize) -> Duration {
        let per_second = self.per_second.unwrap_or(FIRST_GUESS).max(1.0);
        Duration::from_secs_f64(tokens as f64 / per_second)
    }
}
