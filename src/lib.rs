//! Tagwerk reads news: who is in a text, and who stands where on whom.
//!
//! Data flows one way and in the same way back: [`api`] -> [`pipeline`] -> [`engine`] -> [`model`]. Nothing in
//! `model` knows gRPC, nothing in `api` knows tensors.

pub mod api;
pub mod cache;
pub mod cli;
pub mod config;
pub mod engine;
pub mod evaluation;
pub mod model;
pub mod pipeline;
pub mod proto;
pub mod queue_worker;
pub mod report;
pub mod server;
pub mod telemetry;
