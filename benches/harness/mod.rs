//! What the benches share that try the program itself: children, callers, texts, the table of promises.

// No bench uses all of it.
#![allow(dead_code)]

pub mod answers;
pub mod child;
pub mod load;
pub mod plan;
pub mod report;
pub mod row;
pub mod run;
pub mod texts;
pub mod tools;

use std::error::Error;

/// Why a scenario came to no result.
pub type Failure = Box<dyn Error + Send + Sync>;
