//! Texts on which the model panics or hangs: each fails alone, and its worker is soon replaced.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use prost::Message as _;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tonic::Code;

use super::{
    Failure,
    child::Child,
    load::{Caller, ONE_PASS, Outcome},
    plan::{PATIENCE, Plan},
    row::Row,
    texts,
};

/// Seconds after which a worker counts as hanging.
const HANG_SECONDS: &str = "1";

/// What makes the worker that reads it panic or hang, in a program built with the feature `faults`.
const PANIC: &str = " ⟦panic⟧";
const HANG: &str = " ⟦hang⟧";

/// Callers of one sentence, and of a report.
const OF_SENTENCES: usize = 3;
const OF_REPORTS: usize = 2;

/// Time between two faults.
const PAUSE: Duration = Duration::from_millis(1500);

/// Time in which the callers beside a culprit have their answers again.
const RECOVERY: Duration = Duration::from_secs(2);

/// A call beside the culprits.
struct Beside {
    began: Instant,
    ended: Instant,
    /// What is wrong with its answer.
    failure: Option<String>,
}

/// Culprits among callers who never pause.
pub async fn faults(plan: &Plan) -> Result<Vec<Row>, Failure> {
    let child = Child::start(plan, &["--hang-seconds", HANG_SECONDS]).await?;
    let caller = Caller::new(child.channel()?).asking_for(ONE_PASS);
    let report = texts::report()?;
    let over = Arc::new(AtomicBool::new(false));
    let mut callers = JoinSet::new();
    for number in 0..OF_SENTENCES + OF_REPORTS {
        let text = if number < OF_SENTENCES {
            texts::SENTENCE.to_owned()
        } else {
            report.clone()
        };
        let expected = answer(caller.tag(&text, PATIENCE).await)?;
        let (caller, over) = (caller.clone(), Arc::clone(&over));
        callers.spawn(async move { calls(&caller, &text, &expected, &over).await });
    }

    // A hanging thread keeps its memory, so the program bears with few of them.
    let (panics, hangs) = (plan.count(12, 2), plan.count(4, 2));
    let mut culprits = Vec::new();
    for number in 0..panics + hangs {
        let fault = if number < panics { PANIC } else { HANG };
        let harmless = if number % 2 == 0 {
            texts::SENTENCE
        } else {
            &report
        };
        sleep(PAUSE).await;
        let outcome = caller.tag(&format!("{harmless}{fault}"), PATIENCE).await;
        culprits.push((Instant::now(), outcome));
    }
    sleep(PAUSE).await;
    over.store(true, Ordering::Relaxed);
    let beside: Vec<Beside> = callers.join_all().await.into_iter().flatten().collect();

    let spared = culprits
        .iter()
        .filter(|(_, outcome)| !is_internal(outcome))
        .count();
    let failed = beside.iter().filter_map(|call| call.failure.as_deref());
    let (first, failed) = (failed.clone().next().unwrap_or_default(), failed.count());
    let recoveries = culprits.iter().map(|(time, _)| recovery(*time, &beside));
    let slowest = recoveries.max().unwrap_or_default();
    let restarts = async |cause: &str| {
        let series = format!(r#"tagwerk_worker_restarts_total{{cause="{cause}"}}"#);
        child.metric(&series).await
    };
    let (after_panics, after_hangs) = (restarts("panic").await?, restarts("hang").await?);
    let done = format!(
        "{panics} texts on which the model panics and {hangs} on which it hangs, beside {OF_SENTENCES} callers of a \
         sentence and {OF_REPORTS} of a report"
    );
    let note = if first.is_empty() {
        String::new()
    } else {
        format!(" ({first})")
    };
    Ok(vec![
        Row {
            name: "faults: who fails",
            done: done.clone(),
            figure: format!(
                "{} of {} culprits got INTERNAL; {failed} of {} others failed or had another answer than alone{note}",
                culprits.len() - spared,
                culprits.len(),
                beside.len()
            ),
            bound: "the culprits alone",
            passed: spared == 0 && failed == 0 && !beside.is_empty(),
        },
        Row {
            name: "faults: recovery",
            done: format!("{done}; a hang is noticed after {HANG_SECONDS} s"),
            figure: format!(
                "every call beside a culprit answered {:.2} s after it had failed; {after_panics:.0} workers replaced \
                 after a panic, {after_hangs:.0} after a hang",
                slowest.as_secs_f64()
            ),
            bound: "< 2 s",
            passed: slowest < RECOVERY && after_panics > 0.0 && after_hangs > 0.0,
        },
    ])
}

/// Calls until it is over.
async fn calls(caller: &Caller, text: &str, expected: &[u8], over: &AtomicBool) -> Vec<Beside> {
    let mut calls = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let began = Instant::now();
        let failure = match answer(caller.tag(text, PATIENCE).await) {
            Ok(bytes) if bytes == expected => None,
            Ok(_) => Some("another answer".to_owned()),
            Err(failure) => Some(failure.to_string()),
        };
        calls.push(Beside {
            began,
            ended: Instant::now(),
            failure,
        });
    }
    calls
}

/// The bytes of an answer.
fn answer(outcome: Outcome) -> Result<Vec<u8>, Failure> {
    match outcome {
        Outcome::Answered(document) => Ok(document.encode_to_vec()),
        other => Err(format!("no answer: {other:?}").into()),
    }
}

fn is_internal(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed(status) if status.code() == Code::Internal)
}

/// How long the calls that were under way at a time still took.
fn recovery(time: Instant, calls: &[Beside]) -> Duration {
    let under_way = calls
        .iter()
        .filter(|call| call.began <= time && call.ended > time);
    under_way
        .map(|call| call.ended - time)
        .max()
        .unwrap_or_default()
}
