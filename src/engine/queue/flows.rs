//! Waiting windows by caller and lane, in turns.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use tokio::time::Instant;

use super::{
    super::{Lane, Ticket},
    Waiting,
};

/// Tokens that a flow may spend for each of its turns: the longest window, so that a turn always suffices for one.
const QUANTUM: i64 = 512;

/// Waiting windows that are looked through for ones of a length that fits the batch.
const LOOK_AHEAD: usize = 512;

/// Windows whose lengths differ by at most this many tokens share a batch.
const SIMILAR: usize = 32;

type Key = (Arc<str>, Lane);

/// One flow for each caller and lane that has windows waiting.
#[derive(Debug, Default)]
pub struct Flows {
    flows: HashMap<Key, Flow>,
    /// The flows in the order of their turns.
    ring: VecDeque<Key>,
    tokens: usize,
    windows: usize,
}

#[derive(Debug, Default)]
struct Flow {
    waiting: VecDeque<Waiting>,
    tokens: usize,
    /// Tokens that the flow may spend; below nothing where it has been taken along in batches of others.
    deficit: i64,
}

impl Flows {
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    pub fn windows(&self) -> usize {
        self.windows
    }

    pub fn push(&mut self, waiting: Waiting) {
        let key = (Arc::clone(&waiting.ticket.caller), waiting.ticket.lane);
        self.tokens += waiting.tokens();
        self.windows += 1;
        let flow = self.flows.entry(key).or_insert_with_key(|key| {
            self.ring.push_back(key.clone());
            Flow::default()
        });
        flow.tokens += waiting.tokens();
        flow.waiting.push_back(waiting);
    }

    /// Tokens that are worked off before the last of so many new ones of a caller: with turns, no other flow gets
    /// more than this one. Where lanes are served `apart`, only flows of the same lane count.
    pub fn tokens_before(&self, tokens: usize, ticket: &Ticket, apart: bool) -> usize {
        let key = (Arc::clone(&ticket.caller), ticket.lane);
        let own = self.flows.get(&key).map_or(0, |flow| flow.tokens);
        let rivals = |other: &Key| *other != key && (!apart || other.1 == key.1);
        let others = self.flows.iter().filter(|(other, _)| rivals(other));
        own + others
            .map(|(_, flow)| flow.tokens.min(own + tokens))
            .sum::<usize>()
    }

    /// Takes a batch of one lane or of all: the window whose turn it is and others of similar length, first of the
    /// same flow and then of the others. Windows on the way that are dead by the time at which the batch is read go to
    /// `dead`.
    pub fn batch(
        &mut self,
        budget: usize,
        read_by: Instant,
        lane: Option<Lane>,
        dead: &mut Vec<Waiting>,
    ) -> Option<Vec<Waiting>> {
        let (key, first) = self.first(read_by, lane, dead)?;
        let length = first.tokens();
        let mut room = budget.saturating_sub(length);
        let mut batch = vec![first];
        let mut looked = 0;
        let others = self.ring.iter().filter(|&k| *k != key);
        let order: Vec<Key> = std::iter::once(&key).chain(others).cloned().collect();
        for key in order {
            if lane.is_some_and(|lane| lane != key.1) {
                continue;
            }
            let mut index = 0;
            while room > 0 && looked < LOOK_AHEAD {
                let Some(next) = self.flows.get(&key).and_then(|f| f.waiting.get(index)) else {
                    break;
                };
                looked += 1;
                let tokens = next.tokens();
                if next.is_dead_by(read_by) {
                    dead.extend(self.remove(&key, index));
                } else if tokens.abs_diff(length) <= SIMILAR && tokens <= room {
                    room -= tokens;
                    batch.extend(self.spend(&key, index));
                } else {
                    index += 1;
                }
            }
        }
        Some(batch)
    }

    /// The window whose turn it is, with its flow.
    fn first(
        &mut self,
        read_by: Instant,
        lane: Option<Lane>,
        dead: &mut Vec<Waiting>,
    ) -> Option<(Key, Waiting)> {
        self.clear_front(read_by, dead);
        if !self
            .ring
            .iter()
            .any(|key| lane.is_none_or(|lane| lane == key.1))
        {
            return None;
        }
        // Ends, since each round through the ring gives every flow of the lane a quantum.
        loop {
            let key = self.ring.front()?.clone();
            let mine = lane.is_none_or(|lane| lane == key.1);
            if mine && let Some(flow) = self.flows.get_mut(&key) {
                let wanted = flow.waiting.front().map_or(0, Waiting::tokens) as i64;
                if flow.deficit >= wanted {
                    let taken = self.spend(&key, 0)?;
                    return Some((key, taken));
                }
                flow.deficit += QUANTUM;
            }
            self.ring.rotate_left(1);
        }
    }

    /// Takes out the dead at the front of every flow.
    fn clear_front(&mut self, read_by: Instant, dead: &mut Vec<Waiting>) {
        for key in self.ring.clone() {
            while self
                .flows
                .get(&key)
                .and_then(|flow| flow.waiting.front())
                .is_some_and(|waiting| waiting.is_dead_by(read_by))
            {
                dead.extend(self.remove(&key, 0));
            }
        }
    }

    /// Takes out every window that is dead now.
    pub fn sweep(&mut self, now: Instant) -> Vec<Waiting> {
        let mut dead = Vec::new();
        for key in self.ring.clone() {
            let mut index = 0;
            while let Some(waiting) = self.flows.get(&key).and_then(|f| f.waiting.get(index)) {
                if waiting.is_dead_by(now) {
                    dead.extend(self.remove(&key, index));
                } else {
                    index += 1;
                }
            }
        }
        dead
    }

    /// Takes out a window at the expense of its flow.
    fn spend(&mut self, key: &Key, index: usize) -> Option<Waiting> {
        let flow = self.flows.get_mut(key)?;
        flow.deficit -= flow.waiting.get(index)?.tokens() as i64;
        self.remove(key, index)
    }

    /// Takes out a window; an empty flow is forgotten with its deficit.
    fn remove(&mut self, key: &Key, index: usize) -> Option<Waiting> {
        let flow = self.flows.get_mut(key)?;
        let waiting = flow.waiting.remove(index)?;
        flow.tokens -= waiting.tokens();
        self.tokens -= waiting.tokens();
        self.windows -= 1;
        if flow.waiting.is_empty() {
            self.flows.remove(key);
            self.ring.retain(|k| k != key);
        }
        Some(waiting)
    }
}
