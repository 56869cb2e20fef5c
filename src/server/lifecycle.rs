//! The phases of a server's life, and who waits for them.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::watch;

/// Where the server is between start and stop. The order is that of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The ports are bound, the model loads.
    Starting,
    /// Calls are answered.
    Serving,
    /// Nothing new is accepted, what is in flight is finished.
    Draining,
    /// What is in flight is cut off.
    Stopped,
}

/// The present phase. A clone shares it.
#[derive(Debug, Clone)]
pub struct Lifecycle {
    phase: Arc<watch::Sender<Phase>>,
    cut_off: Arc<AtomicBool>,
}

impl Lifecycle {
    /// Begins with [`Phase::Starting`].
    pub fn new() -> Self {
        let (phase, _) = watch::channel(Phase::Starting);
        Self {
            phase: Arc::new(phase),
            cut_off: Arc::default(),
        }
    }

    /// Notes whether what the work comes from cannot be reached.
    pub fn set_cut_off(&self, cut_off: bool) {
        self.cut_off.store(cut_off, Ordering::Relaxed);
    }

    /// Whether what the work comes from cannot be reached at present.
    pub fn is_cut_off(&self) -> bool {
        self.cut_off.load(Ordering::Relaxed)
    }

    /// The present phase.
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Goes on to a later phase; an earlier one is ignored.
    pub fn advance(&self, next: Phase) {
        self.phase.send_if_modified(|phase| {
            let later = next > *phase;
            *phase = next.max(*phase);
            later
        });
    }

    /// Waits until the phase, or a later one, is reached.
    pub fn reached(&self, phase: Phase) -> impl Future<Output = ()> + Send + use<> {
        let mut phases = self.watch();
        async move {
            // A server that is gone has reached every phase.
            let _ = phases.wait_for(|&now| now >= phase).await;
        }
    }

    /// Follows the phases.
    pub fn watch(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn phases_do_not_go_back() {
        let lifecycle = Lifecycle::new();
        lifecycle.advance(Phase::Draining);
        lifecycle.advance(Phase::Serving);
        assert_eq!(lifecycle.phase(), Phase::Draining);
    }

    #[test]
    fn a_later_phase_has_reached_the_earlier_ones() {
        let lifecycle = Lifecycle::new();
        let mut draining = Box::pin(lifecycle.reached(Phase::Draining));
        lifecycle.advance(Phase::Serving);
        assert!(draining.as_mut().now_or_never().is_none());
        lifecycle.clone().advance(Phase::Stopped);
        assert!(draining.now_or_never().is_some());
    }
}
