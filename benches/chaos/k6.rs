//! The same overload from outside: offered and counted by k6, which shares nothing with this harness.

use std::{fs, path::Path, time::Duration};

use serde::Deserialize;

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
    let ended = k6.succeeded(length + PATIENCE).await;
    ended.map_err(|error| format!("k6: {error}"))?;
    Ok(Some(serde_json::from_slice(&fs::read(summary)?)?))
}

impl Offered {
    /// The line of the result, against the capacity in documents per second.
    pub fn row(&self, capacity: f64) -> Row {
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
                "{:.3} ({goodput:.1} of {capacity:.1} documents/s); a refusal: median {median:.1} ms, p99 {p99:.1} ms; \
                 {} refused, {} without RetryInfo, {} answered, {} timed out, {} failed",
                goodput / capacity,
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
