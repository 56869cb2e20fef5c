//! The end of the process, asked for and unasked for: whoever sends again what was not answered loses nothing.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use prost::Message as _;
use tagwerk::proto::tagwerk::v1::{Document, TaggedDocument};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    Failure,
    child::Child,
    load::{Caller, ONE_PASS, Outcome},
    plan::{PATIENCE, Plan},
    row::Row,
    texts,
};

/// Time that calls in flight have to end.
const GRACE: Duration = Duration::from_secs(20);

/// Time beyond the grace that the process has to be gone.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Callers that never pause.
const CALLERS: usize = 8;

/// Time before a call is sent again.
const RETRY_AFTER: Duration = Duration::from_millis(50);

/// The first answer to each text, and how many later ones differ from it.
#[derive(Debug, Default)]
struct Answers {
    first: Mutex<HashMap<usize, Vec<u8>>>,
    all: AtomicUsize,
    different: AtomicUsize,
}

impl Answers {
    fn note(&self, text: usize, mut answer: TaggedDocument) {
        answer.id.clear();
        let bytes = answer.encode_to_vec();
        self.all.fetch_add(1, Ordering::Relaxed);
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if *first.entry(text).or_insert_with(|| bytes.clone()) != bytes {
            self.different.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn all(&self) -> usize {
        self.all.load(Ordering::Relaxed)
    }

    fn different(&self) -> usize {
        self.different.load(Ordering::Relaxed)
    }
}

/// SIGTERM under load, again and again, with a restart on the same port.
pub async fn sigterm(plan: &Plan) -> Result<Vec<Row>, Failure> {
    let grace = GRACE.as_secs().to_string();
    let arguments = ["--grace-seconds", grace.as_str()];
    let mut child = Child::start(plan, &arguments).await?;
    let port = child.grpc;
    let answers = Arc::new(Answers::default());
    let (over, resent) = (Arc::new(AtomicBool::new(false)), Arc::default());
    let texts = Arc::new(texts::articles()?);
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        let caller = Persistent {
            caller: Caller::new(child.channel()?).asking_for(ONE_PASS),
            texts: Arc::clone(&texts),
            answers: Arc::clone(&answers),
            resent: Arc::clone(&resent),
            over: Arc::clone(&over),
        };
        callers.spawn(caller.call_on(number));
    }

    let times = plan.count(20, 3);
    let mut chance = plan.chance(5);
    let (mut slowest, mut clean) = (Duration::ZERO, 0);
    let mut ends = Vec::new();
    for _ in 0..times {
        sleep(Duration::from_millis(chance.u64(300..1200))).await;
        let asked = Instant::now();
        child.signal("TERM")?;
        let status = child.ended(GRACE + LAST_WORDS).await?;
        slowest = slowest.max(asked.elapsed());
        if status.code() == Some(0) && asked.elapsed() < GRACE {
            clean += 1;
        } else {
            ends.push(status.to_string());
        }
        child = Child::start_at(plan, port, &arguments).await?;
    }
    over.store(true, Ordering::Relaxed);
    let mut lost = Vec::new();
    while let Some(caller) = callers.join_next().await {
        lost.extend(caller.map_err(|error| error.to_string()).flatten().err());
    }
    let (all, different) = (answers.all(), answers.different());
    let resent: usize = resent.load(Ordering::Relaxed);
    Ok(vec![
        Row {
            name: "SIGTERM: answers",
            done: format!(
                "{times} times under load of {CALLERS} callers, restart on the same port; a call that finds the \
                 server gone is sent again ({resent} times)"
            ),
            figure: format!(
                "{all} documents answered, {} lost, {different} answers differ{}",
                lost.len(),
                lost.first()
                    .map_or(String::new(), |first| format!("; {first}"))
            ),
            bound: "none lost; the same text has the same bytes",
            passed: lost.is_empty() && different == 0 && all >= texts.len(),
        },
        Row {
            name: "SIGTERM: the end",
            done: format!("the same; {} s of grace", GRACE.as_secs()),
            figure: format!(
                "{clean} of {times} with code 0, slowest {:.2} s{}",
                slowest.as_secs_f64(),
                ends.first()
                    .map_or(String::new(), |first| format!("; {first}"))
            ),
            bound: "all with code 0 within the grace",
            passed: clean == times,
        },
    ])
}

/// A caller who sends a text until it is answered.
struct Persistent {
    caller: Caller,
    texts: Arc<Vec<String>>,
    answers: Arc<Answers>,
    resent: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

impl Persistent {
    /// Calls until it is told that it is over. An error names what was lost.
    async fn call_on(self, first: usize) -> Result<(), String> {
        let mut number = first;
        while !self.over.load(Ordering::Relaxed) {
            let text = number % self.texts.len();
            let answer = self.until_answered(&self.texts[text]).await?;
            self.answers.note(text, answer);
            number += 1;
        }
        Ok(())
    }

    async fn until_answered(&self, text: &str) -> Result<TaggedDocument, String> {
        let began = Instant::now();
        loop {
            let outcome = self.caller.tag(text, PATIENCE).await;
            let reason = match outcome {
                Outcome::Answered(document) => return Ok(*document),
                Outcome::Lost(reason) => reason,
                Outcome::Refused => "refused for its whole time".to_owned(),
                other => return Err(format!("{other:?}")),
            };
            if began.elapsed() > PATIENCE {
                return Err(reason);
            }
            self.resent.fetch_add(1, Ordering::Relaxed);
            sleep(RETRY_AFTER).await;
        }
    }
}

/// SIGKILL in the middle of a stream; the client sends the documents again that were not answered.
pub async fn sigkill(plan: &Plan) -> Result<Vec<Row>, Failure> {
    let mut child = Child::start(plan, &[]).await?;
    let port = child.grpc;
    let caller = Caller::new(child.channel()?).asking_for(ONE_PASS);
    let texts = texts::articles()?;
    let count = plan.count(200, 40);
    let documents: Vec<Document> = (0..count)
        .map(|number| Document {
            id: number.to_string(),
            text: texts[number % texts.len()].clone(),
            ..Document::default()
        })
        .collect();
    let answers = Answers::default();
    let mut pending: HashSet<String> = documents.iter().map(|d| d.id.clone()).collect();
    let mut chance = plan.chance(6);
    let (kills, mut killed, mut unexpected) = (5, 0, None);
    while !pending.is_empty() && unexpected.is_none() {
        let rest: Vec<Document> = documents
            .iter()
            .filter(|document| pending.contains(&document.id))
            .cloned()
            .collect();
        // Each time about a sixth of all is left unanswered at least.
        let goal = (killed < kills).then(|| chance.usize(1..=(count / 6).min(rest.len())));
        let mut seen = 0;
        let take = |id: String, answer: Box<TaggedDocument>| {
            let text = id.parse::<usize>().map_or(0, |number| number % texts.len());
            answers.note(text, *answer);
            if !pending.remove(&id) {
                unexpected = Some(format!("a second answer for {id}"));
            }
            seen += 1;
            if Some(seen) == goal && child.kill().is_ok() {
                killed += 1;
            }
            true
        };
        match caller.stream(rest, take, PATIENCE * 2).await {
            Ok(()) | Err(Outcome::Lost(_)) => {}
            Err(other) => unexpected = Some(format!("{other:?}")),
        }
        if !child.is_alive() {
            child = Child::start_at(plan, port, &[]).await?;
        }
    }
    let (all, different) = (answers.all(), answers.different());
    Ok(vec![Row {
        name: "SIGKILL",
        done: format!(
            "{killed} times in the middle of a stream of {count} documents; restart, and the unanswered ids again"
        ),
        figure: format!(
            "{all} answered, {} lost, {different} answers differ{}",
            pending.len(),
            unexpected.map_or(String::new(), |what| format!("; {what}"))
        ),
        bound: "nothing lost; the same text has the same bytes",
        passed: pending.is_empty() && different == 0 && all == count && killed > 0,
    }])
}
