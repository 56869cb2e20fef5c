//! The gRPC API: requests into the domain's terms, answers and errors back into protobuf.

pub mod caller;
pub mod convert;
pub mod google;
pub mod service;
pub mod status;

pub use service::{CallLimits, Deadline, Tagger};
