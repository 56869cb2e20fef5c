//! The end of the process, asked for and unasked for: whoever sends again what was not answered loses nothing.

use std::{
    collections::HashSet,
    fs, iter,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use tagwerk::proto::tagwerk::v1::TaggedDocument;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    Failure,
    answers::Answers,
    child::Child,
    load::{Caller, ONE_PASS, Outcome},
    plan::{Folder, PATIENCE, Plan},
    row::Row,
    texts,
    tools::{Running, in_checkout, tool},
};

/// The first argument that makes this program the Rust client of the examples.
pub const RUST_CLIENT: &str = "ingest";

/// Time that calls in flight have to end.
const GRACE: Duration = Duration::from_secs(20);

/// Time beyond the grace that the process has to be gone.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Callers that never pause.
const CALLERS: usize = 8;

/// Time before a call is sent again.
const RETRY_AFTER: Duration = Duration::from_millis(50);

/// Time between looks at what a client has written.
const LOOK: Duration = Duration::from_millis(5);

/// Who is killed in the middle of the work, in this order.
const VICTIMS: [Victim; 7] = {
    use Victim::{Client, Server};
    [Server, Server, Client, Server, Server, Client, Server]
};

#[derive(Debug, Clone, Copy)]
enum Victim {
    Server,
    Client,
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

/// A client of the examples, and how it is started.
struct Client {
    name: &'static str,
    source: &'static str,
    program: PathBuf,
    /// The arguments before its own.
    first: String,
}

impl Client {
    /// The one in Rust: this very program, told so by its first argument.
    fn in_rust() -> Result<Self, Failure> {
        Ok(Self {
            name: "SIGKILL: Rust client",
            source: "examples/ingest.rs",
            program: std::env::current_exe()?,
            first: RUST_CLIENT.to_owned(),
        })
    }

    /// The one in Python, with stubs made for it in `folder`. `None`, and a line that says so, where its packages are
    /// not installed.
    async fn in_python(folder: &Folder) -> Result<Option<Self>, Failure> {
        let source = "examples/python/ingest.py";
        let skipped = |reason: &str| {
            println!("SIGKILL, Python client: skipped, {reason} (scripts/tools.sh client)");
            Ok(None)
        };
        let Some(program) = tool("python") else {
            return skipped("there is no target/tools");
        };
        let (script, log) = (folder.path("ingest.py"), folder.path("stubs.log"));
        // Beside the script, where Python looks first.
        fs::copy(in_checkout(source), &script)?;
        let stubs = [
            format!("PYTHON={}", program.display()),
            in_checkout("examples/python/stubs.sh")
                .display()
                .to_string(),
            folder.path(""),
        ];
        let mut stubs = Running::start(Path::new("env"), stubs, Path::new(&log))?;
        if let Err(error) = stubs.succeeded(PATIENCE).await {
            return skipped(&error.to_string());
        }
        Ok(Some(Self {
            name: "SIGKILL: Python client",
            source,
            program,
            first: script,
        }))
    }

    /// Starts it, or starts it again: it goes on with the output that is there.
    fn start(
        &self,
        server: SocketAddr,
        input: &str,
        output: &str,
        log: &str,
    ) -> Result<Running, Failure> {
        let server = server.to_string();
        let own = ["--server", &server, "--output", output, "--resume", input];
        let arguments = iter::once(self.first.as_str()).chain(own);
        Running::start(&self.program, arguments, Path::new(log))
    }
}

/// SIGKILL in the middle of a stream, of the server and of the clients of the examples.
pub async fn sigkill(plan: &Plan) -> Result<Vec<Row>, Failure> {
    let folder = plan.folder("sigkill")?;
    let texts = texts::articles()?;
    let mut child = Child::start(plan, &[]).await?;

    let rust = Client::in_rust()?;
    let (input, output) = (folder.path("quiet.jsonl"), folder.path("quiet.out"));
    fs::write(&input, lines(&texts, texts.len()))?;
    let mut client = rust.start(child.grpc, &input, &output, &folder.path("quiet.log"))?;
    client.succeeded(PATIENCE).await?;
    let quiet = answers(&output)?;
    if quiet.len() != texts.len() {
        return Err("the quiet run is not whole".into());
    }

    let mut rows = Vec::new();
    for client in iter::once(rust).chain(Client::in_python(&folder).await?) {
        rows.push(killed(plan, &client, &mut child, &texts, &quiet).await?);
    }
    Ok(rows)
}

/// Kills server and client in turn while a client works, and looks at what it has written in the end.
async fn killed(
    plan: &Plan,
    client: &Client,
    child: &mut Child,
    texts: &[String],
    quiet: &[Value],
) -> Result<Row, Failure> {
    let folder = plan.folder("sigkill-client")?;
    let count = plan.count(120, 40);
    let [input, output, log] = ["in.jsonl", "out.jsonl", "log"].map(|name| folder.path(name));
    fs::write(&input, lines(texts, count))?;
    let mut chance = plan.chance(6);
    let (mut goal, mut of_server, mut of_client) = (0, 0, 0);
    let mut running = client.start(child.grpc, &input, &output, &log)?;
    for victim in VICTIMS {
        // The steps together are shorter than the whole, so that each finds the work under way.
        goal += chance.usize(1..=count / (VICTIMS.len() + 1));
        let began = Instant::now();
        while written(&output) < goal && running.is_alive() && began.elapsed() < PATIENCE {
            sleep(LOOK).await;
        }
        match victim {
            Victim::Server => {
                child.kill()?;
                *child = Child::start_at(plan, child.grpc, &[]).await?;
                of_server += 1;
            }
            Victim::Client if running.is_alive() => {
                // Dropping kills; the new one must not find the old one's lock.
                drop(running);
                running = client.start(child.grpc, &input, &output, &log)?;
                of_client += 1;
            }
            Victim::Client => {}
        }
    }
    running.succeeded(PATIENCE * 2).await?;

    let (mut seen, mut doubled, mut different) = (HashSet::new(), 0, 0);
    let answers = answers(&output)?;
    for mut answer in answers.clone() {
        let id = answer["id"].as_str().unwrap_or_default().to_owned();
        let text = id.parse::<usize>().map_or(0, |number| number % texts.len());
        answer["id"] = text.to_string().into();
        different += usize::from(!quiet.contains(&answer));
        doubled += usize::from(!seen.insert(id));
    }
    let lost = count - seen.len().min(count);
    Ok(Row {
        name: client.name,
        done: format!(
            "{}, a stream of {count} documents: the server killed {of_server} times and started again on the same \
             port, the client {of_client} times and started again with --resume",
            client.source
        ),
        figure: format!(
            "{} answers, {lost} lost, {doubled} twice, {different} differ from those of a quiet run",
            answers.len()
        ),
        bound: "each document answered once; the same text has the same answer",
        passed: lost == 0 && doubled == 0 && different == 0 && of_client > 0,
    })
}

/// So many documents in JSON lines, the texts in turn; the id is the number.
fn lines(texts: &[String], count: usize) -> String {
    let documents = (0..count).zip(texts.iter().cycle());
    documents
        .map(|(number, text)| {
            let document = serde_json::json!({ "id": number.to_string(), "text": text });
            format!("{document}\n")
        })
        .collect()
}

/// What a client has written.
fn answers(output: &str) -> Result<Vec<Value>, Failure> {
    let output = fs::read_to_string(output)?;
    let answers: Result<_, _> = output.lines().map(serde_json::from_str).collect();
    Ok(answers?)
}

/// How many whole lines a client has written.
fn written(output: &str) -> usize {
    let output = fs::read(output).unwrap_or_default();
    output.iter().filter(|&&byte| byte == b'\n').count()
}
