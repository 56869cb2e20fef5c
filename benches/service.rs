//! Through gRPC against the bare encoder: the same windows, the same threads, alternating runs.
//!
//! `cargo bench --bench service [-- --runs N --workers N]`. Prints tables for `docs/benchmarks.md`: first the bare
//! encoder in the number format that `auto` takes here against fp32, on one thread, then the service.

use std::{
    error::Error,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tagwerk::{
    engine::{self, Engine},
    model::{Heads, Model, Package, Precision, Window},
    pipeline::{
        Pipeline, sentences,
        text::Text,
        windows::{Purpose, Windower},
    },
    proto::tagwerk::v1::{
        Document, Feature, TagOptions, TagStreamRequest, tag_stream_response,
        tagging_service_client::TaggingServiceClient,
    },
    server::{Server, ServerConfig},
    telemetry::Metrics,
};
use tokio::runtime::Runtime;
use tokio_stream::StreamExt as _;

type Failure = Box<dyn Error + Send + Sync>;

const LANGUAGES: [&str; 8] = ["de", "en", "fr", "es", "it", "nl", "pl", "pt"];

/// Rounds through all example articles in one run.
const ROUNDS: usize = 3;

fn argument(name: &str, default: usize) -> usize {
    let mut arguments = std::env::args().skip_while(|a| a != name);
    arguments
        .nth(1)
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

fn main() -> Result<(), Failure> {
    let runs = argument("--runs", 5);
    let cpus = std::thread::available_parallelism()?.get();
    let workers = argument("--workers", cpus);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let package = Arc::new(Package::open(&folder.join("models/base"), Precision::Auto)?);
    let mut articles = Vec::new();
    for language in LANGUAGES {
        let article =
            std::fs::read_to_string(folder.join(format!("examples/article-{language}.txt")))?;
        articles.push((language, article));
    }
    // Half of the articles are German, as in the mixture that the service is made for.
    let articles: Vec<(&str, String)> = (0..ROUNDS)
        .flat_map(|_| {
            articles
                .iter()
                .skip(1)
                .flat_map(|other| [articles[0].clone(), other.clone()])
        })
        .collect();
    let windows = windows(&package, &articles)?;
    let tokens: usize = windows.iter().map(|w| w.tokens.len()).sum();
    println!(
        "{} articles, {} windows, {tokens} tokens; {}",
        articles.len(),
        windows.len(),
        cpu_name()
    );
    let fp32 = Arc::new(Package::open(&folder.join("models/base"), Precision::Fp32)?);
    compare(&package, &fp32, &windows[..windows.len() / ROUNDS], runs)?;
    drop(fp32);
    println!(
        "\n{workers} workers of one thread, {}",
        package.format().name()
    );

    let runtime = Runtime::new()?;
    let service = runtime.block_on(Service::start(&package, workers))?;
    let mut ratios = Vec::new();
    println!(
        "| run | bare encoder, tokens/s | through gRPC, tokens/s | ratio | all layers, tokens/s |"
    );
    println!("|---|---|---|---|---|");
    for run in 1..=runs {
        let bare = tokens as f64 / bare(&package, &windows, workers)?.as_secs_f64();
        let one_pass = runtime.block_on(service.tag(&articles, &ONE_PASS))?;
        let all = runtime.block_on(service.tag(&articles, &[]))?;
        let through = tokens as f64 / one_pass.as_secs_f64();
        let all = tokens as f64 / all.as_secs_f64();
        ratios.push(through / bare);
        println!(
            "| {run} | {bare:.0} | {through:.0} | {:.3} | {all:.0} |",
            through / bare
        );
    }
    ratios.sort_by(f64::total_cmp);
    println!("median ratio {:.3}", ratios[ratios.len() / 2]);
    runtime.block_on(long_document(&service))
}

/// The bare encoder in two number formats on one thread, by turns.
fn compare(
    fast: &Arc<Package>,
    fp32: &Arc<Package>,
    windows: &[Window],
    runs: usize,
) -> Result<(), Failure> {
    let tokens = windows.iter().map(|w| w.tokens.len()).sum::<usize>() as f64;
    let name = fast.format().name();
    println!("\n| run | {name}, tokens/s | fp32, tokens/s | ratio |\n|---|---|---|---|");
    let mut ratios = Vec::new();
    for run in 1..=runs {
        let fast = tokens / bare(fast, windows, 1)?.as_secs_f64();
        let slow = tokens / bare(fp32, windows, 1)?.as_secs_f64();
        ratios.push(fast / slow);
        println!("| {run} | {fast:.0} | {slow:.0} | {:.2} |", fast / slow);
    }
    ratios.sort_by(f64::total_cmp);
    println!("median ratio {:.2}", ratios[ratios.len() / 2]);
    Ok(())
}

/// Every layer that one pass of the encoder gives.
const ONE_PASS: [Feature; 5] = [
    Feature::Mentions,
    Feature::Entities,
    Feature::Stances,
    Feature::Quotes,
    Feature::Sentences,
];

/// The windows that the pipeline makes of the articles.
fn windows(package: &Package, articles: &[(&str, String)]) -> Result<Vec<Window>, Failure> {
    let mut windows = Vec::new();
    for (language, article) in articles {
        let text = Text::new(article.as_str()).ok_or("too long")?;
        let sentences = Arc::new(sentences::sentences(&text, language));
        let purpose = Purpose {
            heads: Heads {
                ner: true,
                stance: true,
                tone: false,
            },
            ..Purpose::default()
        };
        let (limits, special) = (package.windows(), package.special_tokens());
        let mut windower = Windower::new(text, sentences, purpose, limits, special);
        let pieces = windower.next_pieces(package.tokenizer(), usize::MAX)?;
        windows.extend(pieces.into_iter().map(|piece| Window {
            // Without words no head is computed.
            words: Vec::new(),
            ..piece.window
        }));
    }
    Ok(windows)
}

/// The encoder alone: each thread takes the next window until none is left.
fn bare(package: &Arc<Package>, windows: &[Window], workers: usize) -> Result<Duration, Failure> {
    let next = AtomicUsize::new(0);
    let began = Mutex::new(None::<Instant>);
    let ready = std::sync::Barrier::new(workers);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers)
            .map(|_| {
                scope.spawn(|| {
                    tch::set_num_threads(1);
                    let mut model = Model::new(Arc::clone(package))?;
                    ready.wait();
                    if let Ok(mut began) = began.lock() {
                        began.get_or_insert_with(Instant::now);
                    }
                    while let Some(window) = windows.get(next.fetch_add(1, Ordering::Relaxed)) {
                        model.read(&[window])?;
                    }
                    Ok::<_, Failure>(())
                })
            })
            .collect();
        for thread in threads {
            thread.join().map_err(|_| "a thread panicked")??;
        }
        let began = began.lock().ok().and_then(|began| *began);
        Ok(began.ok_or("no thread began")?.elapsed())
    })
}

/// A server of this process and a client on a socket.
struct Service {
    client: TaggingServiceClient<tonic::transport::Channel>,
}

impl Service {
    async fn start(package: &Arc<Package>, workers: usize) -> Result<Self, Failure> {
        let metrics = Metrics::new();
        let settings = engine::Settings {
            workers,
            express_workers: 0,
            batch_tokens: 2048,
            queue_tokens: 1 << 18,
            hang_after: Duration::from_secs(60),
        };
        let engine = Engine::start(Arc::clone(package), settings, metrics.clone())?;
        let pipeline = Pipeline::new(Arc::new(engine), 1 << 20);
        let config = ServerConfig {
            max_message_bytes: 16 << 20,
            grace: Duration::from_secs(1),
            ..ServerConfig::default()
        };
        let server = Server::bind(config, metrics).await?;
        let address = format!("http://{}", server.local_addr());
        let mut pipeline = Some(pipeline);
        let load = move |_| std::future::ready(Ok::<_, Failure>(pipeline.take()));
        tokio::spawn(server.serve(load, tokio_stream::pending()));
        let client = TaggingServiceClient::connect(address)
            .await?
            .max_decoding_message_size(usize::MAX);
        Ok(Self { client })
    }

    /// Tags all articles through one stream.
    async fn tag(
        &self,
        articles: &[(&str, String)],
        features: &[Feature],
    ) -> Result<Duration, Failure> {
        let features: Vec<i32> = features.iter().map(|&f| f.into()).collect();
        let requests: Vec<TagStreamRequest> = articles
            .iter()
            .map(|(_, text)| TagStreamRequest {
                document: Some(Document {
                    text: text.clone(),
                    ..Document::default()
                }),
                options: Some(TagOptions {
                    features: features.clone(),
                    ..TagOptions::default()
                }),
            })
            .collect();
        let began = Instant::now();
        let stream = self
            .client
            .clone()
            .tag_stream(tokio_stream::iter(requests))
            .await?;
        let mut answers = stream.into_inner();
        let mut count = 0;
        while let Some(answer) = answers.next().await {
            match answer?.result {
                Some(tag_stream_response::Result::Document(_)) => count += 1,
                other => return Err(format!("{other:?}").into()),
            }
        }
        if count != articles.len() {
            return Err("an answer is missing".into());
        }
        Ok(began.elapsed())
    }
}

/// One document of 1 MiB: how long, and how much memory beyond what a small one takes.
async fn long_document(service: &Service) -> Result<(), Failure> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/article-de.txt");
    let article = std::fs::read_to_string(path)?;
    let mut text = article.repeat((1 << 20) / article.len() + 1);
    text.truncate(text.floor_char_boundary(1 << 20));
    let before = memory("VmHWM:");
    let took = service.tag(&[("de", text)], &ONE_PASS).await?;
    println!(
        "1 MiB in one document: {:.0} s, peak memory {} MB, before it {before} MB",
        took.as_secs_f64(),
        memory("VmHWM:")
    );
    Ok(())
}

/// A line of this process's status in MB; 0 where the system has none.
fn memory(line: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find_map(|l| l.strip_prefix(line));
    let kilobytes = found.and_then(|value| value.trim().trim_end_matches(" kB").parse().ok());
    kilobytes.unwrap_or(0_usize) / 1024
}

fn cpu_name() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|l| l.strip_prefix("model name"));
    name.map_or("unknown processor".into(), |n| {
        n.trim_start_matches([' ', '\t', ':']).into()
    })
}
