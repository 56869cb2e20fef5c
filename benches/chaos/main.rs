//! Proves the server's promises on the program itself: a child process on loopback, overloaded, left, ended, restarted,
//! given new files, wrong input and wrong credentials.
//!
//! `cargo bench --bench chaos --features faults -- [--scale 0.1] [--only NAME,NAME] [--write docs/reliability.md]`.
//! Prints a row for each promise and ends with 1 where one was not kept. Linux only: it reads `/proc`.

mod cache;
mod cancellation;
mod credentials;
mod day;
mod faults;
#[path = "../harness/mod.rs"]
mod harness;
#[allow(dead_code)]
#[path = "../../examples/ingest.rs"]
mod ingest;
mod k6;
mod malformed;
mod overload;
mod queue;
mod restart;
mod rotation;
mod soak;
mod wire;

use std::{ffi::OsString, process::ExitCode, time::Duration};

use clap::Parser as _;
use tokio::runtime::Runtime;

use self::harness::{
    Failure, answers, child, load, plan, row,
    run::{Bench, Scenario},
    texts, tools,
};

/// Every scenario, in the order of the table.
const SCENARIOS: [Scenario; 12] = [
    ("overload", |plan| Box::pin(overload::overload(plan))),
    ("fairness", |plan| Box::pin(overload::fairness(plan))),
    ("cancellation", |plan| {
        Box::pin(cancellation::cancellation(plan))
    }),
    ("faults", |plan| Box::pin(faults::faults(plan))),
    ("sigterm", |plan| Box::pin(restart::sigterm(plan))),
    ("sigkill", |plan| Box::pin(restart::sigkill(plan))),
    ("rotation", |plan| Box::pin(rotation::rotation(plan))),
    ("malformed", |plan| Box::pin(malformed::malformed(plan))),
    ("credentials", |plan| {
        Box::pin(credentials::credentials(plan))
    }),
    ("cache", |plan| Box::pin(cache::cache(plan))),
    ("queue", |plan| Box::pin(queue::queue(plan))),
    ("soak", |plan| Box::pin(soak::soak(plan))),
];

fn main() -> Result<ExitCode, Failure> {
    let is_client = |first: OsString| first == restart::RUST_CLIENT;
    if std::env::args_os().nth(1).is_some_and(is_client) {
        let arguments = ingest::Arguments::parse_from(std::env::args_os().skip(1));
        return Ok(Runtime::new()?.block_on(ingest::run(arguments)));
    }
    let bench = Bench {
        name: "chaos",
        scenarios: &SCENARIOS,
        limit: Duration::from_secs(600),
    };
    bench.run()
}
