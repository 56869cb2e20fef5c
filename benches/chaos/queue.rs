//! A work queue whose workers are killed again and again, and whose server is killed once: each document is in the
//! output once, and what cannot be tagged among the dead letters.

use std::{
    collections::{HashMap, HashSet},
    net::TcpListener,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use async_nats::{
    HeaderMap,
    jetstream::{
        self, Context,
        message::StreamMessage,
        stream::{Config, RetentionPolicy},
    },
};
use prost::Message as _;
use tagwerk::proto::tagwerk::v1::{Document, TagRequest, TaggedDocument};
use tokio::time::{sleep, timeout};

use super::{
    Failure,
    plan::{Folder, PATIENCE, Plan},
    row::Row,
    tools::{Running, tool},
};

const INPUT: &str = "DOCUMENTS";
const OUTPUT: &str = "TAGGED";
const DEAD: &str = "DEAD";

/// Workers at a time.
const WORKERS: usize = 2;

/// One message of so many cannot be tagged.
const POISON_EVERY: usize = 100;

/// Messages that are published before their acknowledgements are waited for.
const AT_A_TIME: usize = 500;

/// Time between looks at how far the work is.
const LOOK: Duration = Duration::from_millis(20);

/// Kills workers and the server while a queue is worked on.
pub async fn queue(plan: &Plan) -> Result<Vec<Row>, Failure> {
    let Some(program) = tool("nats-server") else {
        println!("queue: skipped, NATS is not installed (scripts/tools.sh services)");
        return Ok(Vec::new());
    };
    let folder = plan.folder("queue")?;
    let mut nats = Nats::start(&program, &folder).await?;
    let jetstream = nats.jetstream().await?;
    let input = Config {
        retention: RetentionPolicy::WorkQueue,
        ..stream(INPUT, "documents")
    };
    for config in [input, stream(OUTPUT, "tagged"), stream(DEAD, "dead")] {
        jetstream.create_stream(config).await?;
    }
    let count = plan.count(20_000, 1000);
    let mut chance = plan.chance(12);
    let poison = deliver(&jetstream, count, &mut chance).await?;

    let began = Instant::now();
    let kills = plan.count(20, 5);
    let good = count - poison.len();
    let mut workers = Vec::new();
    for number in 0..WORKERS {
        workers.push(worker(plan, &nats, &folder, number)?);
    }
    let mut goal = 0;
    for kill in 0..kills {
        // The steps together are shorter than the whole, so that each finds the work under way.
        goal += chance.usize(1..=good / (kills + 1));
        reached(&jetstream, OUTPUT, goal).await?;
        if kill == kills / 2 {
            nats.restart().await?;
        }
        let number = chance.usize(0..WORKERS);
        // Replacing drops the old one, and that kills it.
        workers[number] = worker(plan, &nats, &folder, number)?;
    }
    let emptied = async {
        while left(&jetstream, INPUT).await != Some(0) {
            sleep(LOOK).await;
        }
    };
    let emptied = timeout(PATIENCE * 3, emptied).await.is_ok();
    let seconds = began.elapsed().as_secs_f64();
    drop(workers);

    let mut ids: HashMap<String, usize> = HashMap::new();
    for message in messages(&jetstream, OUTPUT).await? {
        let answer = TaggedDocument::decode(message.payload)?;
        *ids.entry(answer.id).or_default() += 1;
    }
    let expected = (0..count).filter(|number| !poison.contains(number));
    let lost = expected
        .filter(|number| !ids.contains_key(&number.to_string()))
        .count();
    let twice = ids.values().filter(|&&times| times > 1).count();
    let strange = ids.len() + lost - good;

    let letters = messages(&jetstream, DEAD).await?;
    let named = letters.iter().filter_map(number_of);
    let found: HashSet<usize> = named.clone().collect();
    let reasons = letters
        .iter()
        .filter(|letter| letter.headers.get("Tagwerk-Message").is_some());
    let reasons = reasons.count();
    let done = format!(
        "{count} documents of a few words and {} messages that cannot be tagged among them, {WORKERS} workers: one \
         killed {kills} times, the NATS server once; {seconds:.0} s",
        poison.len()
    );
    Ok(vec![
        Row {
            name: "queue: output",
            done: done.clone(),
            figure: format!("{} documents, {lost} lost, {twice} twice", ids.len()),
            bound: "each document once",
            passed: emptied && lost == 0 && twice == 0 && strange == 0,
        },
        Row {
            name: "queue: dead letters",
            done,
            figure: format!(
                "{} letters for {} messages, {reasons} with the reason",
                letters.len(),
                found.len()
            ),
            bound: "each message that cannot be tagged once, with the reason; no other",
            passed: found == poison && letters.len() == poison.len() && reasons == letters.len(),
        },
    ])
}

/// A NATS server with JetStream.
struct Nats {
    program: PathBuf,
    arguments: Vec<String>,
    log: PathBuf,
    port: u16,
    server: Option<Running>,
}

impl Nats {
    async fn start(program: &Path, folder: &Folder) -> Result<Self, Failure> {
        let port = {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            listener.local_addr()?.port()
        };
        let (port_argument, store) = (port.to_string(), folder.path("store"));
        let arguments = [
            "-a",
            "127.0.0.1",
            "-p",
            &port_argument,
            "-js",
            "-sd",
            &store,
        ];
        let mut nats = Self {
            program: program.to_owned(),
            arguments: arguments.map(str::to_owned).to_vec(),
            log: folder.path("nats.log").into(),
            port,
            server: None,
        };
        nats.restart().await?;
        Ok(nats)
    }

    /// Kills the server where there is one, and starts it.
    async fn restart(&mut self) -> Result<(), Failure> {
        self.server = None;
        self.server = Some(Running::start(&self.program, &self.arguments, &self.log)?);
        let listens = async {
            while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
                sleep(LOOK).await;
            }
        };
        timeout(PATIENCE, listens)
            .await
            .map_err(|_| "NATS does not listen")?;
        Ok(())
    }

    fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// JetStream, once it answers.
    async fn jetstream(&self) -> Result<Context, Failure> {
        let jetstream = jetstream::new(async_nats::connect(self.url()).await?);
        let answers = async {
            while jetstream.query_account().await.is_err() {
                sleep(LOOK).await;
            }
        };
        timeout(PATIENCE, answers)
            .await
            .map_err(|_| "JetStream does not answer")?;
        Ok(jetstream)
    }
}

fn stream(name: &str, subject: &str) -> Config {
    Config {
        name: name.to_owned(),
        subjects: vec![subject.to_owned()],
        duplicate_window: Duration::from_secs(600),
        ..Config::default()
    }
}

fn worker(plan: &Plan, nats: &Nats, folder: &Folder, number: usize) -> Result<Running, Failure> {
    let (url, model) = (nats.url(), plan.model.display().to_string());
    #[rustfmt::skip]
    let arguments = [
        "worker", "--nats", &url, "--stream", INPUT, "--output", "tagged", "--dead-letters", "dead",
        "--model", &model, "--workers", "1", "--cache-memory-bytes", "0", "--http-listen", "127.0.0.1:0",
        "--ack-wait-milliseconds", "3000",
    ];
    let log = folder.path(&format!("worker-{number}.log"));
    Running::start(&plan.program, arguments, Path::new(&log))
}

/// Publishes so many messages, the number of each its id. Returns the numbers of those that cannot be tagged.
async fn deliver(
    jetstream: &Context,
    count: usize,
    chance: &mut fastrand::Rng,
) -> Result<HashSet<usize>, Failure> {
    let mut poison = HashSet::new();
    let mut on_the_way = Vec::new();
    for number in 0..count {
        let mut request = TagRequest {
            document: Some(Document {
                id: number.to_string(),
                text: format!("Roth lobt Kiel zum {number}. Mal."),
                language: "de".to_owned(),
            }),
            options: None,
        };
        let (mut headers, mut cut) = (HeaderMap::new(), 0);
        if chance.usize(0..POISON_EVERY) == 0 {
            poison.insert(number);
            match (chance.u8(0..3), &mut request.document) {
                (0, Some(document)) => document.language = "klingonisch-".to_owned(),
                (1, _) => headers.insert("Content-Type", "text/plain"),
                _ => cut = 3,
            }
        }
        headers.insert("Number", number.to_string());
        let mut payload = request.encode_to_vec();
        payload.truncate(payload.len() - cut);
        let sent = jetstream.publish_with_headers("documents", headers, payload.into());
        on_the_way.push(sent.await?);
        if on_the_way.len() >= AT_A_TIME || number + 1 == count {
            for acknowledgement in on_the_way.drain(..) {
                acknowledgement.await?;
            }
        }
    }
    Ok(poison)
}

/// Messages in a stream; `None` while the server does not answer.
async fn left(jetstream: &Context, name: &str) -> Option<u64> {
    let stream = jetstream.get_stream(name).await.ok()?;
    Some(stream.cached_info().state.messages)
}

async fn reached(jetstream: &Context, name: &str, goal: usize) -> Result<(), Failure> {
    let reached = async {
        while left(jetstream, name).await.is_none_or(|n| n < goal as u64) {
            sleep(LOOK).await;
        }
    };
    timeout(PATIENCE, reached)
        .await
        .map_err(|_| format!("{name} does not come to {goal} messages").into())
}

async fn messages(jetstream: &Context, name: &str) -> Result<Vec<StreamMessage>, Failure> {
    let stream = jetstream.get_stream(name).await?;
    let state = stream.cached_info().state.clone();
    let mut messages = Vec::new();
    for sequence in state.first_sequence..=state.last_sequence {
        messages.push(stream.get_raw_message(sequence).await?);
    }
    Ok(messages)
}

fn number_of(letter: &StreamMessage) -> Option<usize> {
    letter.headers.get("Number")?.as_str().parse().ok()
}
