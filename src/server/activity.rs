//! Which calls are in flight.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use http_body::{Frame, SizeHint};
use tokio::{sync::Notify, time::timeout};
use tonic::{Status, body::Body};

/// Counts calls.
#[derive(Debug, Default)]
pub(super) struct Activity {
    calls: Mutex<usize>,
    changed: Notify,
}

impl Activity {
    /// Counts a call until the value is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.change(1);
        Busy(Arc::clone(self))
    }

    fn change(&self, by: isize) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        *calls = calls.saturating_add_signed(by);
        drop(calls);
        self.changed.notify_one();
    }

    fn is_busy(&self) -> bool {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner) > 0
    }

    /// Ends when there has been no call for so long. One may wait at a time.
    pub(super) async fn idle_for(&self, limit: Option<Duration>) {
        let Some(limit) = limit else {
            return std::future::pending().await;
        };
        loop {
            if self.is_busy() {
                self.changed.notified().await;
            } else if timeout(limit, self.changed.notified()).await.is_err() {
                return;
            }
        }
    }
}

/// A call in progress; its end is the drop of this.
#[derive(Debug)]
pub(super) struct Busy(Arc<Activity>);

impl Busy {
    /// An answer's body; its call lasts as long.
    pub(super) fn until_end_of(self, body: Body) -> Counted {
        Counted { body, _busy: self }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.change(-1);
    }
}

/// A body that its call lasts as long as.
pub(super) struct Counted {
    body: Body,
    _busy: Busy,
}

impl http_body::Body for Counted {
    type Data = <Body as http_body::Body>::Data;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Status>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_with_a_call_is_never_idle() {
        let activity = Arc::new(Activity::default());
        let busy = activity.begin();
        let limit = Duration::from_secs(10);
        let idle = activity.idle_for(Some(limit));
        let mut idle = std::pin::pin!(idle);
        assert!(timeout(limit * 5, &mut idle).await.is_err());
        drop(busy);
        let since = Instant::now();
        idle.await;
        assert_eq!(since.elapsed().as_secs(), 10);
    }
}
