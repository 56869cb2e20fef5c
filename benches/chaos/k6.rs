//! The same overload from outside: offered and counted by k6, which shares nothing with this harness.

use std::{
    collections::VecDeque,
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use serde::Deserialize;
use tokio::time::sleep;

use super::{
    Failure,
    child::Child,
    plan::{PATIENCE, Plan},
    row::Row,
    tools::{Running, in_checkout, tool},
};

/// What k6 has counted, as `benches/k6/overload.js` writes it.
#[derive(Debug, Clone, Deserialize)]
pub struct Offered {
    seconds: f64,
    sent: f64,
    never_sent: f64,
    answered: f64,
    answered_in_time: f64,
    refused: f64,
    refused_without_delay: f64,
    timed_out: f64,
    failed: f64,
    refusal_ms: Refusal,
    /// The part of all CPUs that k6 has used itself while it called.
    #[serde(default)]
    cpu_share: f64,
}

/// Times to a refusal in milliseconds.
#[derive(Debug, Clone, Deserialize)]
struct Refusal {
    median: f64,
    p99: f64,
}

/// Has k6 call so many times per second. The answers of the first seconds, one deadline's worth, do not count: the
/// queue fills then. `None`, and a line that says so, where k6 is not installed.
///
/// # Errors
/// A k6 that does not come to its figures.
pub async fn offer(
    plan: &Plan,
    child: &Child,
    text: &str,
    per_second: f64,
    deadline: Duration,
    length: Duration,
) -> Result<Option<Offered>, Failure> {
    let Some(program) = tool("k6") else {
        println!("overload by k6: skipped, k6 is not installed (scripts/tools.sh load)");
        return Ok(None);
    };
    let folder = plan.folder("k6")?;
    let (text, summary) = (folder.write("text", text)?, folder.path("summary.json"));
    let variables = [
        format!("ADDRESS={}", child.grpc),
        format!("TEXT_FILE={text}"),
        format!("SUMMARY={summary}"),
        format!("RATE={per_second}"),
        format!("DEADLINE={}", deadline.as_secs_f64()),
        format!("SECONDS={}", length.as_secs_f64()),
    ];
    let script = in_checkout("benches/k6/overload.js").display().to_string();
    // Its own port for being steered is not needed and must not collide with anything.
    let mut arguments: Vec<&str> = vec!["run", "--no-usage-report", "--quiet", "--no-color"];
    arguments.extend(["--no-thresholds", "--address", "127.0.0.1:0"]);
    for variable in &variables {
        arguments.extend(["--env", variable]);
    }
    arguments.push(&script);
    let log = folder.path("log");
    let mut k6 = Running::start(&program, arguments, Path::new(&log))?;
    let used = cpu_used(&mut k6, length).await?;
    let ended = k6.succeeded(PATIENCE).await;
    ended.map_err(|error| format!("k6: {error}"))?;
    let mut offered: Offered = serde_json::from_slice(&fs::read(summary)?)?;
    let cpus = thread::available_parallelism()?.get() as f64;
    offered.cpu_share = used / (cpus * length.as_secs_f64());
    Ok(Some(offered))
}

/// Seconds of a CPU that a program has used in the last so many seconds before its end: k6 begins with seconds of
/// reading its script.
async fn cpu_used(program: &mut Running, last: Duration) -> Result<f64, Failure> {
    let began = Instant::now();
    let mut samples = VecDeque::new();
    while program.is_alive() {
        if began.elapsed() > last + PATIENCE {
            return Err(format!("k6 is still at work: {}", program.last_line()).into());
        }
        // It may end between the look and the reading.
        if let Ok(used) = program.cpu_seconds() {
            samples.push_back((Instant::now(), used));
        }
        while samples.len() > 1 && samples[1].0.elapsed() > last {
            samples.pop_front();
        }
        sleep(Duration::from_millis(100)).await;
    }
    let first = samples.front().map_or(0.0, |(_, used)| *used);
    Ok(samples.back().map_or(0.0, |(_, used)| *used) - first)
}

impl Offered {
    /// The line of the result, against the capacity in documents per second. What k6 uses of the CPUs is not there for
    /// the server, so the capacity is less by as much.
    pub fn row(&self, capacity: f64) -> Row {
        let capacity = capacity * (1.0 - self.cpu_share);
        let goodput = self.answered_in_time / self.seconds;
        let Refusal { median, p99 } = self.refusal_ms;
        let is_whole = self.never_sent == 0.0 && self.timed_out == 0.0 && self.failed == 0.0;
        let all_say_when = self.refused > 0.0 && self.refused_without_delay == 0.0;
        Row {
            name: "overload: the same offered by k6",
            done: format!(
                "{} calls at even distances, open loop (constant-arrival-rate), {} of them never sent",
                self.sent, self.never_sent
            ),
            figure: format!(
                "{:.3} ({goodput:.1} of {capacity:.1} documents/s, {:.1} % of the CPUs taken by k6 left out); a refusal: median {median:.1} ms, p99 {p99:.1} ms; \
                 {} refused, {} without RetryInfo, {} answered, {} timed out, {} failed",
                goodput / capacity,
                100.0 * self.cpu_share,
                self.refused,
                self.refused_without_delay,
                self.answered,
                self.timed_out,
                self.failed
            ),
            bound: "≥ 0.95 of the capacity; median < 20 ms; each refusal with RetryInfo; none times out or fails",
            passed: goodput >= 0.95 * capacity && median < 20.0 && is_whole && all_say_when,
        }
    }
}
