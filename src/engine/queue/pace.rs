//! How fast the workers are.

use std::time::Duration;

/// Tokens per second of one worker that are assumed before anything has been measured.
const FIRST_GUESS: f64 = 500.0;

/// How much the latest batch weighs against those before.
const NEWEST: f64 = 0.2;

/// What is left of a worker's pace when the others work, too: they share memory, caches and the processor's heat.
const SHARED: f64 = 0.75;

/// Tokens per second that one worker reads while all are at work, smoothed over its last batches. Time without work does
/// not count.
#[derive(Debug)]
pub struct Pace {
    per_second: Option<f64>,
    workers: f64,
}

impl Pace {
    /// Nothing measured yet.
    pub fn new(workers: usize) -> Self {
        Self {
            per_second: None,
            workers: workers.max(1) as f64,
        }
    }

    /// A worker has read so many tokens in this time, with all others at work or with some idle. In the second case it
    /// would have been slower in the first: a burst after silence would else be promised more than can be kept.
    pub fn add(&mut self, tokens: usize, time: Duration, all_at_work: bool) {
        let alone = self.workers > 1.0 && !all_at_work;
        let part = if alone { SHARED } else { 1.0 };
        let now = part * tokens as f64 / time.as_secs_f64().max(1e-6);
        let smoothed = |before: f64| (1.0 - NEWEST) * before + NEWEST * now;
        self.per_second = Some(self.per_second.map_or(now, smoothed));
    }

    /// Whether it has been measured.
    pub fn is_known(&self) -> bool {
        self.per_second.is_some()
    }

    /// How long one worker takes for so many tokens.
    pub fn of_one_worker(&self, tokens: usize) -> Duration {
        let per_second = self.per_second.unwrap_or(FIRST_GUESS).max(1.0);
        Duration::from_secs_f64(tokens as f64 / per_second)
    }

    /// How long all workers together take for so many tokens.
    pub fn of_all(&self, tokens: usize) -> Duration {
        self.of_one_worker(tokens).div_f64(self.workers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_that_of_the_batches_and_several_workers_share_the_work() {
        let mut pace = Pace::new(2);
        assert!(!pace.is_known());
        pace.add(1000, Duration::from_secs(2), true);
        assert_eq!(pace.of_one_worker(500), Duration::from_secs(1));
        assert_eq!(pace.of_all(500), Duration::from_millis(500));
    }

    #[test]
    fn a_worker_that_works_alone_tells_less_than_its_pace() {
        let (mut two, mut one) = (Pace::new(2), Pace::new(1));
        for pace in [&mut two, &mut one] {
            pace.add(750, Duration::from_secs(1), false);
        }
        assert_eq!(two.of_one_worker(562), two.of_all(1124));
        assert!(two.of_one_worker(750) > Duration::from_secs(1));
        assert_eq!(one.of_one_worker(750), Duration::from_secs(1));
    }

    #[test]
    fn a_change_of_pace_is_followed_by_and_by() {
        let mut pace = Pace::new(1);
        pace.add(1000, Duration::from_secs(1), true);
        for _ in 0..30 {
            pace.add(1000, Duration::from_secs(4), true);
        }
        let seconds = pace.of_one_worker(1000).as_secs_f64();
        assert!((3.5..=4.0).contains(&seconds), "{seconds} s");
    }
}
