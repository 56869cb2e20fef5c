//! Hostile bytes: whatever a package holds and whatever a peer sends, the answer is an error and never a panic.
//!
//! `PROPTEST_CASES` sets how much is tried.

mod changes;
mod grpc;
mod http;
mod package;
mod ports;
#[path = "../support/mod.rs"]
mod support;
