//! Watchlists: where the names of targets are found, and what the answer says about each.

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod matching;
