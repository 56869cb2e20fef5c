//! How the windows of one document went through the engine, for its trace.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::{engine::Batch, telemetry::traces::Trace};

/// Batches of one document that are recorded one by one; a long document would fill its trace otherwise.
const MAX_PASSES: usize = 64;

/// Notes when windows were handed to the engine and in which batches they were read; recorded when dropped.
#[derive(Debug)]
pub(super) struct Passes {
    trace: Trace,
    /// When each window was handed over that has not come back, in order.
    asked: VecDeque<Instant>,
    passes: Vec<Pass>,
}

/// The windows of a document that were read in one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pass {
    /// When the first of them was handed over.
    asked: Instant,
    batch: Batch,
    windows: usize,
    /// Whether it stands for several batches, whose figures are not known then.
    is_rest: bool,
}

impl Passes {
    pub fn new(trace: Trace) -> Self {
        Self {
            trace,
            asked: VecDeque::new(),
            passes: Vec::new(),
        }
    }

    /// A window is handed to the engine.
    pub fn ask(&mut self) {
        if self.trace.is_recorded() {
            self.asked.push_back(Instant::now());
        }
    }

    /// The window that was handed over first has come back, read in this batch, or remembered.
    pub fn answer(&mut self, batch: Option<Batch>) {
        if let Some(asked) = self.asked.pop_front()
            && let Some(batch) = batch
        {
            self.add(asked, batch);
        }
    }

    fn add(&mut self, asked: Instant, batch: Batch) {
        if let Some(pass) = self.passes.iter_mut().find(|pass| pass.batch == batch) {
            pass.windows += 1;
            return;
        }
        let is_full = self.passes.len() >= MAX_PASSES;
        match self.passes.last_mut() {
            // The last one stands for all that follow.
            Some(last) if is_full => {
                last.windows += 1;
                last.batch.ended = last.batch.ended.max(batch.ended);
                last.is_rest = true;
            }
            _ => self.passes.push(Pass {
                asked,
                batch,
                windows: 1,
                is_rest: false,
            }),
        }
    }
}

impl Drop for Passes {
    fn drop(&mut self) {
        for pass in &self.passes {
            let Batch { began, ended, .. } = pass.batch;
            let figures = [
                ("tagwerk.windows", pass.windows),
                ("tagwerk.batch.windows", pass.batch.windows),
                ("tagwerk.batch.tokens", pass.batch.tokens),
            ];
            let (own, all) = (&figures[..1], &figures[..]);
            self.trace.record("queue", pass.asked, began, own);
            let known = if pass.is_rest { own } else { all };
            self.trace.record("encode", began, ended, known);
        }
        // Nobody waits for these any more.
        if let Some(&asked) = self.asked.front() {
            let unread = [("tagwerk.unread_windows", self.asked.len())];
            self.trace.record("queue", asked, Instant::now(), &unread);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn batch(began: Instant, number: u64) -> Batch {
        let began = began + Duration::from_millis(number);
        Batch {
            began,
            ended: began + Duration::from_millis(1),
            windows: 2,
            tokens: 100,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn windows_of_one_batch_are_one_pass_since_the_first_was_handed_over() {
        let start = Instant::now();
        let mut passes = Passes::new(Trace::default());
        passes.add(start, batch(start, 5));
        passes.add(start + Duration::from_millis(1), batch(start, 6));
        passes.add(start + Duration::from_millis(2), batch(start, 5));
        let told: Vec<_> = passes.passes.iter().map(|p| (p.asked, p.windows)).collect();
        assert_eq!(told, [(start, 2), (start + Duration::from_millis(1), 1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_pass_stands_for_all_that_follow() {
        let start = Instant::now();
        let mut passes = Passes::new(Trace::default());
        for number in 0..MAX_PASSES as u64 + 2 {
            passes.add(start, batch(start, number));
        }
        assert_eq!(passes.passes.len(), MAX_PASSES);
        let last = passes.passes[MAX_PASSES - 1];
        assert_eq!((last.windows, last.is_rest), (3, true));
        let end = batch(start, MAX_PASSES as u64 + 1).ended;
        assert_eq!(last.batch.ended, end);
    }

    #[test]
    fn nothing_is_kept_where_nothing_is_recorded() {
        let mut passes = Passes::new(Trace::default());
        passes.ask();
        passes.answer(Some(batch(Instant::now(), 0)));
        assert!(passes.asked.is_empty() && passes.passes.is_empty());
    }
}
