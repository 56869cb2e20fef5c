//! The room of the queue: that of each lane, and of each caller within.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{EngineError, Lane, Ticket};

/// One part of the queue's tokens that one caller may hold, and one part that is added for the express lane.
const CALLERS_PART: usize = 2;
const EXPRESS_PART: usize = 8;

/// Callers that are remembered before those without windows are forgotten.
const REMEMBERED: usize = 1024;

/// Some tokens of the caller's share and of the lane, given back when this is dropped.
#[derive(Debug)]
pub struct Room {
    #[expect(dead_code, reason = "held for its drop")]
    share: OwnedSemaphorePermit,
    #[expect(dead_code, reason = "held for its drop")]
    lane: OwnedSemaphorePermit,
}

/// The tokens that may wait.
#[derive(Debug)]
pub struct Shares {
    bulk: Arc<Semaphore>,
    express: Arc<Semaphore>,
    express_tokens: usize,
    bulk_tokens: usize,
    callers: Mutex<HashMap<Arc<str>, Weak<Semaphore>>>,
}

impl Shares {
    pub fn new(queue_tokens: usize) -> Self {
        let bulk_tokens = queue_tokens.min(Semaphore::MAX_PERMITS);
        let express_tokens = (bulk_tokens / EXPRESS_PART).max(1);
        Self {
            bulk: Arc::new(Semaphore::new(bulk_tokens)),
            express: Arc::new(Semaphore::new(express_tokens)),
            express_tokens,
            bulk_tokens,
            callers: Mutex::default(),
        }
    }

    /// Waits for room.
    ///
    /// # Errors
    /// [`EngineError::Stopped`] once closed.
    pub async fn room(&self, tokens: usize, ticket: &Ticket) -> Result<Room, EngineError> {
        let (lane, of_lane) = self.lane(ticket.lane);
        let stopped = |_| EngineError::Stopped;
        let share = self
            .share(&ticket.caller)
            .acquire_many_owned(permits(tokens, self.of_caller()))
            .await
            .map_err(stopped)?;
        let lane = Arc::clone(lane)
            .acquire_many_owned(permits(tokens, of_lane))
            .await
            .map_err(stopped)?;
        Ok(Room { share, lane })
    }

    /// Room, where there is some now.
    pub fn try_room(&self, tokens: usize, ticket: &Ticket) -> Option<Room> {
        let (lane, of_lane) = self.lane(ticket.lane);
        let share = self.share(&ticket.caller);
        let share = share
            .try_acquire_many_owned(permits(tokens, self.of_caller()))
            .ok()?;
        let lane = Arc::clone(lane)
            .try_acquire_many_owned(permits(tokens, of_lane))
            .ok()?;
        Some(Room { share, lane })
    }

    /// Whether there is less room than this for a caller.
    pub fn is_full(&self, least: usize, ticket: &Ticket) -> bool {
        let (lane, of_lane) = self.lane(ticket.lane);
        lane.available_permits() < least.min(of_lane)
            || self.share(&ticket.caller).available_permits() < least.min(self.of_caller())
    }

    fn lane(&self, lane: Lane) -> (&Arc<Semaphore>, usize) {
        match lane {
            Lane::Express => (&self.express, self.express_tokens),
            Lane::Bulk => (&self.bulk, self.bulk_tokens),
        }
    }

    pub fn close(&self) {
        self.bulk.close();
        self.express.close();
    }

    fn of_caller(&self) -> usize {
        (self.bulk_tokens / CALLERS_PART).max(1)
    }

    fn share(&self, caller: &Arc<str>) -> Arc<Semaphore> {
        // No code panics while it holds the lock.
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = callers.get(caller).and_then(Weak::upgrade) {
            return share;
        }
        if callers.len() >= REMEMBERED {
            callers.retain(|_, share| share.strong_count() > 0);
        }
        let share = Arc::new(Semaphore::new(self.of_caller()));
        callers.insert(Arc::clone(caller), Arc::downgrade(&share));
        share
    }
}

/// The tokens as permits; what is larger than all the room may use all of it.
fn permits(tokens: usize, most: usize) -> u32 {
    u32::try_from(tokens.min(most)).unwrap_or(u32::MAX)
}
