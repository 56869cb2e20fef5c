//! A long mixed load: what is opened is closed again, and memory does not grow.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tagwerk::proto::tagwerk::v1::Document;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tonic::Code;

use super::{
    Failure,
    child::Child,
    load::{Caller, Outcome},
    plan::{PATIENCE, Plan},
    row::Row,
    texts,
};

/// How long a call of the mixture may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// Articles of one stream.
const STREAMED: usize = 10;

/// Memory and open files after a mixed load, against those after a shorter one.
pub async fn soak(plan: &Plan) -> Result<Vec<Row>, Failure> {
    let child = Child::start(plan, &[]).await?;
    let texts = Arc::new(texts::articles()?);
    // Every allocator and pool has its size after this.
    load(plan, &child, &texts, plan.seconds(40.0), 9).await?;
    let before = settled(&child).await?;
    let length = plan.seconds(60.0);
    let totals = load(plan, &child, &texts, length, 10).await?;
    let after = settled(&child).await?;

    let grown = 100.0 * (after.memory / before.memory - 1.0);
    let failed = totals.failed.lock().unwrap_or_else(PoisonError::into_inner);
    let panics = child.log().panics;
    Ok(vec![Row {
        name: "soak",
        done: format!(
            "{:.0} s of calls, streams, dropped calls, wrong calls and new connections ({} calls ended), after a \
             warm-up",
            length.as_secs_f64(),
            totals.ended.load(Ordering::Relaxed)
        ),
        figure: format!(
            "memory {grown:+.2} % to {:.0} MB; open files {} before, {} after; {} unexpected ends{}",
            after.memory / 1024.0,
            before.files,
            after.files,
            failed.len(),
            failed
                .first()
                .map_or(String::new(), |first| format!("; {first}"))
        ),
        bound: "memory < +2 %; no more open files; no unexpected end",
        passed: grown < 2.0 && after.files <= before.files && failed.is_empty() && panics == 0,
    }])
}

/// What the process holds when nobody is connected.
struct Held {
    memory: f64,
    files: usize,
}

async fn settled(child: &Child) -> Result<Held, Failure> {
    let gone = |connections| connections == 0.0;
    let quiet = child.quiets_down(PATIENCE).await?
        && child.reaches("tagwerk_connections", gone, PATIENCE).await?;
    if !quiet {
        return Err("the server does not come to rest".into());
    }
    sleep(Duration::from_secs(1)).await;
    Ok(Held {
        memory: child.memory()?,
        files: child.files()?,
    })
}

/// What came of a load.
#[derive(Debug, Default)]
struct Totals {
    ended: AtomicUsize,
    failed: Mutex<Vec<String>>,
}

impl Totals {
    fn note(&self, what: &str, failure: Option<String>) {
        self.ended.fetch_add(1, Ordering::Relaxed);
        if let Some(failure) = failure {
            self.failed
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(format!("{what}: {failure}"));
        }
    }
}

/// All kinds of callers side by side. Every connection of it is closed at its end.
async fn load(
    plan: &Plan,
    child: &Child,
    texts: &Arc<Vec<String>>,
    length: Duration,
    purpose: u64,
) -> Result<Arc<Totals>, Failure> {
    let totals = Arc::new(Totals::default());
    let until = Instant::now() + length;
    let mut tasks = JoinSet::new();
    for number in 0..12_u64 {
        let endpoint = child.endpoint()?;
        let (texts, totals) = (Arc::clone(texts), Arc::clone(&totals));
        let mut chance = plan.chance(purpose << 8 | number);
        tasks.spawn(async move {
            let mut caller = Caller::new(endpoint.connect_lazy());
            while Instant::now() < until {
                let text = chance.choice(texts.iter()).cloned().unwrap_or_default();
                match number {
                    // Articles without a pause.
                    0..2 => totals.note("article", unanswered(&caller.tag(&text, DEADLINE).await)),
                    2..4 => totals.note("stream", stream(&caller, &texts).await),
                    // A connection for each call.
                    4..6 => {
                        caller = Caller::new(endpoint.connect_lazy());
                        let outcome = caller.tag(texts::SENTENCE, DEADLINE).await;
                        totals.note("sentence", unanswered(&outcome));
                    }
                    // Callers who leave.
                    6..9 => {
                        let patience = Duration::from_millis(chance.u64(1..150));
                        let call = caller.tag(&text, DEADLINE);
                        if let Ok(outcome) = timeout(patience, call).await {
                            totals.note("dropped call", unanswered(&outcome));
                        }
                    }
                    _ => totals.note("wrong call", wrong(&caller, text, &mut chance).await),
                }
                sleep(Duration::from_millis(chance.u64(1..100))).await;
            }
        });
    }
    let ended = timeout(length + PATIENCE, tasks.join_all()).await;
    ended.map_err(|_| "a caller of the mixture does not come to an end")?;
    Ok(totals)
}

/// What is wrong with the end of a call that should be answered. A refusal is an answer under load.
fn unanswered(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Answered(_) | Outcome::Refused => None,
        other => Some(format!("{other:?}")),
    }
}

async fn stream(caller: &Caller, texts: &[String]) -> Option<String> {
    let documents = texts.iter().cycle().take(STREAMED).map(|text| Document {
        text: text.clone(),
        ..Document::default()
    });
    let mut count = 0;
    let take = |_, _| {
        count += 1;
        true
    };
    let ended = caller.stream(documents.collect(), take, PATIENCE).await;
    match ended {
        Ok(()) if count == STREAMED => None,
        Ok(()) => Some(format!("{count} of {STREAMED} answers")),
        Err(outcome) => Some(format!("{outcome:?}")),
    }
}

/// A call that has to be told what is wrong with it.
async fn wrong(caller: &Caller, text: String, chance: &mut fastrand::Rng) -> Option<String> {
    let (language, text) = match chance.u8(..3) {
        0 => ("ja".to_owned(), text),
        1 => ("no language".to_owned(), text),
        _ => (String::new(), "x".repeat((1 << 20) + 1)),
    };
    let document = Document {
        text,
        language,
        ..Document::default()
    };
    match caller.tag_document(document, DEADLINE).await {
        Outcome::Failed(status) if status.code() == Code::InvalidArgument => None,
        Outcome::Refused => None,
        other => Some(format!("{other:?}")),
    }
}
