//! Callers who leave: what they had asked for is not computed, and nothing of them stays.

use std::time::Duration;

use tagwerk::proto::tagwerk::v1::{Feature, GetInfoRequest};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::{
    Failure,
    child::Child,
    load::{Caller, Client, Outcome},
    plan::{PATIENCE, Plan},
    row::Row,
    texts,
};

/// Tokens of a batch: small, so that much more is sent than the workers have in hand.
const BATCH_TOKENS: &str = "512";

/// Calls of one round that their caller drops, and that their deadline ends.
const DROPPED: usize = 100;
const TIMED: usize = 50;

/// Rounds before memory is looked at.
const WARM_UP: usize = 4;

/// Sentences of a text: one window of about a hundred tokens.
const SENTENCES: usize = 4;

const READ: &str = "tagwerk_windows_total";
const ANSWERED: &str = r#"tagwerk_documents_total{result="ok"}"#;
const TOKENS: &str = "tagwerk_tokens_total";

/// How many windows are read for nobody, and what is left of calls that ended early.
pub async fn cancellation(plan: &Plan) -> Result<Vec<Row>, Failure> {
    let child = Child::start(plan, &["--batch-tokens", BATCH_TOKENS]).await?;
    let caller = Caller::new(child.channel()?).asking_for(&[Feature::Mentions]);
    let text = texts::line(SENTENCES);
    let in_hand = windows_in_hand(&child, &caller, &text).await?;
    let mut chance = plan.chance(4);
    let mut round = async || one_round(&caller, &text, moment(&mut chance)).await;
    for _ in 0..WARM_UP {
        round().await;
    }
    child.quiets_down(PATIENCE).await?;
    let (memory, before) = (child.memory()?, child.metrics().await?);

    let rounds = plan.count(70, 4);
    let mut ended = Ended::default();
    for _ in 0..rounds {
        ended.add(round().await);
        // The next round finds an empty queue, and perhaps a batch that is still read.
        let empty = |tokens| tokens == 0.0;
        if !child
            .reaches("tagwerk_queue_tokens", empty, PATIENCE)
            .await?
        {
            break;
        }
    }
    let quiet = child.quiets_down(PATIENCE).await?;
    let after = child.metrics().await?;
    let grown = 100.0 * (child.memory()? / memory - 1.0);

    let since = |series| after.value(series) - before.value(series);
    let for_nobody = since(READ) - since(ANSWERED);
    let a_round = for_nobody / rounds as f64;
    let done = format!(
        "{rounds} rounds of {DROPPED} calls that are dropped and {TIMED} whose deadline passes at one random moment \
         ({} given up, {} answered, {} refused)",
        ended.given_up, ended.answered, ended.refused
    );
    let waiting = after.value("tagwerk_queue_tokens");
    Ok(vec![
        Row {
            name: "cancellation: windows read for nobody",
            done: done.clone(),
            figure: format!(
                "{a_round:.1} a round, {in_hand} fit in the batches in hand; {:.0} never read{}",
                since("tagwerk_dead_windows_total"),
                ended.failure_note()
            ),
            bound: "≤ what the batches in hand hold",
            passed: a_round <= in_hand as f64 && ended.failed.is_none() && ended.given_up > 0,
        },
        Row {
            name: "cancellation: what is left",
            done,
            figure: format!("{waiting:.0} tokens in the queue, memory {grown:+.1} %"),
            bound: "queue empty, memory < +5 %",
            passed: quiet && waiting == 0.0 && grown < 5.0,
        },
    ])
}

/// When a round is broken off.
fn moment(chance: &mut fastrand::Rng) -> Instant {
    Instant::now() + Duration::from_millis(chance.u64(50..1500))
}

/// Windows of this text that all workers together have in hand.
async fn windows_in_hand(child: &Child, caller: &Caller, text: &str) -> Result<usize, Failure> {
    let mut client = Client::new(child.channel()?);
    let info = client.get_info(GetInfoRequest {}).await?.into_inner();
    let limits = info.limits.ok_or("no limits")?;
    // The express lane has a worker of its own.
    let workers = limits.workers as usize + 1;
    let before = child.metrics().await?;
    let answer = caller.tag(text, PATIENCE).await;
    if !answer.is_answered() {
        return Err(format!("a first call was not answered: {answer:?}").into());
    }
    let after = child.metrics().await?;
    let since = |series| after.value(series) - before.value(series);
    if since(READ) != 1.0 {
        return Err("the text is not one window".into());
    }
    let batch: usize = BATCH_TOKENS.parse()?;
    Ok(workers * (batch / since(TOKENS) as usize).max(1))
}

/// How the calls of rounds ended.
#[derive(Debug, Default)]
struct Ended {
    answered: usize,
    refused: usize,
    given_up: usize,
    failed: Option<String>,
}

impl Ended {
    fn count(&mut self, outcome: Option<&Outcome>) {
        match outcome {
            None | Some(Outcome::TimedOut) => self.given_up += 1,
            Some(Outcome::Answered(_)) => self.answered += 1,
            Some(Outcome::Refused) => self.refused += 1,
            Some(other) => self.failed = self.failed.take().or_else(|| other.failure()),
        }
    }

    fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.refused += other.refused;
        self.given_up += other.given_up;
        self.failed = self.failed.take().or(other.failed);
    }

    fn failure_note(&self) -> String {
        let note = self.failed.as_ref();
        note.map_or(String::new(), |failed| format!("; a call failed: {failed}"))
    }
}

/// Calls that all begin now and end at one moment, if they are not answered before.
async fn one_round(caller: &Caller, text: &str, moment: Instant) -> Ended {
    let mut calls = JoinSet::new();
    for number in 0..DROPPED + TIMED {
        let (caller, text) = (caller.clone(), text.to_owned());
        calls.spawn(async move {
            if number % 3 == 0 {
                let left = moment.saturating_duration_since(Instant::now());
                return Some(caller.tag(&text, left).await);
            }
            tokio::select! {
                outcome = caller.tag(&text, PATIENCE) => Some(outcome),
                () = sleep_until(moment) => None,
            }
        });
    }
    let mut ended = Ended::default();
    while let Some(call) = calls.join_next().await {
        match call {
            Ok(outcome) => ended.count(outcome.as_ref()),
            Err(error) => ended.failed = Some(error.to_string()),
        }
    }
    ended
}
