//! Several servers behind a load balancer: what two do more than one, and whether an update of all loses a call. A
//! process stands for a pod; nothing else is stubbed, but there is no Kubernetes.
//!
//! `cargo bench --bench cluster --features faults -- [--scale 0.1] [--only NAME,NAME] [--write docs/kubernetes.md]`.
//! Prints a row for each promise and ends with 1 where one was not kept. Linux only: it reads `/proc` and binds
//! processes to CPUs. Needs Envoy and the Python packages of the clients (`scripts/tools.sh cluster client`), and helm.

mod balance;
mod chart;
mod envoy;
#[path = "../harness/mod.rs"]
mod harness;
mod rolling;

use std::{process::ExitCode, time::Duration};

use self::harness::{
    Failure, answers, child, load, plan, row,
    run::{Bench, Scenario},
    texts, tools,
};
use self::rolling::Way;

/// Every scenario, in the order of the table.
const SCENARIOS: [Scenario; 4] = [
    ("balance", |plan| Box::pin(balance::balance(plan))),
    ("rolling", |plan| {
        let way = Way::Envoy { retries: false };
        Box::pin(rolling::rolling(plan, way, 20_000))
    }),
    ("retries", |plan| {
        let way = Way::Envoy { retries: true };
        Box::pin(rolling::rolling(plan, way, 5_000))
    }),
    ("client", |plan| {
        Box::pin(rolling::rolling(plan, Way::Client, 5_000))
    }),
];

fn main() -> Result<ExitCode, Failure> {
    let bench = Bench {
        name: "cluster",
        scenarios: &SCENARIOS,
        limit: Duration::from_secs(1200),
    };
    bench.run()
}
