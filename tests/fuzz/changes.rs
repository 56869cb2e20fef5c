//! Bytes that were right once.

use proptest::{prelude::*, sample::Index};

/// What happens to bytes at a place.
#[derive(Debug, Clone)]
enum Change {
    Flip(u8),
    Replace(u8),
    Insert(Vec<u8>),
    Remove(usize),
    Repeat(usize),
    Cut,
}

/// Some changes of the same bytes.
#[derive(Debug, Clone)]
pub struct Changes(Vec<(Index, Change)>);

impl Changes {
    /// The changed bytes.
    pub fn of(&self, original: &[u8]) -> Vec<u8> {
        let mut bytes = original.to_vec();
        for (at, change) in &self.0 {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            let end = |length: usize| (at + length).min(bytes.len());
            match change {
                Change::Flip(bit) => bytes[at] ^= 1 << bit,
                Change::Replace(by) => bytes[at] = *by,
                Change::Insert(more) => drop(bytes.splice(at..at, more.iter().copied())),
                Change::Remove(length) => drop(bytes.drain(at..end(*length))),
                Change::Repeat(length) => {
                    let again = bytes[at..end(*length)].to_vec();
                    bytes.splice(at..at, again);
                }
                Change::Cut => bytes.truncate(at),
            }
        }
        bytes
    }
}

/// One to four changes. Signs that have a meaning in JSON and in numbers come often.
pub fn changes() -> impl Strategy<Value = Changes> {
    let sign = || prop::sample::select(b"0123456789-.e\"{}[]:,\\\0\xff".to_vec());
    let change = prop_oneof![
        3 => (0..8_u8).prop_map(Change::Flip),
        3 => sign().prop_map(Change::Replace),
        2 => prop::collection::vec(prop_oneof![sign(), any::<u8>()], 1..9).prop_map(Change::Insert),
        2 => (1..40_usize).prop_map(Change::Remove),
        1 => (1..40_usize).prop_map(Change::Repeat),
        1 => Just(Change::Cut),
    ];
    prop::collection::vec((any::<Index>(), change), 1..5).prop_map(Changes)
}
