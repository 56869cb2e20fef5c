//! `tagwerk tag`: reads documents, has them tagged, several at once, and writes the answers in their order.

use std::{
    fs::{self, File},
    future::Future,
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    pin::pin,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use clap::{Args, ValueEnum};
use futures::StreamExt;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;

use super::{
    client::{AccessArgs, ServerAddress, StreamTagger},
    input::{FileIdentity, InputError, Inputs, Located, Place, identity, is_stdin, total_bytes},
    local::{self, LocalTagger},
    render::{self, Format, Renderer},
};
use crate::{
    config::ModelArgs,
    proto::tagwerk::v1::{Document, Feature, OffsetUnit, TagOptions, TaggedDocument},
};

/// The arguments of `tagwerk tag`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct TagArgs {
    /// Text files, JSON lines ({"id", "text", "language"} each), folders of both, or - for standard input
    #[arg(value_name = "FILE|FOLDER|-")]
    pub inputs: Vec<PathBuf>,

    /// How to print answers; default: pretty on a terminal, json elsewhere
    #[arg(long, value_enum)]
    pub format: Option<Format>,

    /// The unit of the offsets in JSON
    #[arg(long, value_enum, default_value_t = Offsets::CodePoint)]
    pub offsets: Offsets,

    /// The language of documents that do not name theirs, for example de; default: it is detected
    #[arg(long, value_name = "TAG", value_parser = language)]
    pub language: Option<String>,

    /// The layers to compute, separated by commas; default: all
    #[arg(long, value_enum, value_delimiter = ',', value_name = "LAYERS")]
    pub features: Vec<FeatureName>,

    /// Leave out mentions and stances that are less probable than this
    #[arg(long, value_name = "P", default_value_t = 0.0, value_parser = probability)]
    pub min_probability: f32,

    /// Tag on a server, host:port, http://host:port or https://host:port, instead of in this process
    #[arg(long, value_name = "ADDR")]
    pub server: Option<ServerAddress>,

    /// Colours in the pretty format; auto heeds NO_COLOR
    #[arg(long, value_enum, default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,

    /// Write to this file instead of to standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// What the server asks of its callers.
    #[command(flatten)]
    pub access: AccessArgs,

    /// The model of this process; without effect where a server does the work.
    #[command(flatten)]
    pub model: ModelArgs,
}

const EXAMPLES: &str = "\
A text file is one document, its path is the id. Answers come in the order of the
input. What cannot be tagged is told on standard error with file and line, and the
rest goes on. With --server, the options of the model have no effect.

Exit code: 0 all went well, 1 something was not tagged, 2 wrong usage.

Examples:
  tagwerk tag article.txt
  tagwerk tag archive/ --format html --output archive.html
  tagwerk tag articles.jsonl --offsets utf16 --features entities,stances > tagged.jsonl
  curl -s https://news.example/article.txt | tagwerk tag --language de
  tagwerk tag --server tagger:50051 articles.ndjson";

/// The unit of offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Offsets {
    /// Unicode code points (Python)
    CodePoint,
    /// UTF-16 code units (Java, JavaScript, C#)
    Utf16,
    /// Bytes of UTF-8 (Rust, Go, C++)
    Utf8,
}

/// A layer of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FeatureName {
    /// Named mentions
    Mentions,
    /// Entities with their mentions
    Entities,
    /// Stances with their holders
    Stances,
    /// Quotations with their speakers
    Quotes,
    /// Sentence spans
    Sentences,
    /// Sentiment of sentences and document
    Sentiment,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

fn probability(given: &str) -> Result<f32, String> {
    match given.parse::<f32>() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("a number from 0 to 1 is expected".to_owned()),
    }
}

fn language(given: &str) -> Result<String, String> {
    let subtag = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    match given.split('-').all(subtag) {
        true => Ok(given.to_owned()),
        false => Err("a BCP 47 language tag is expected, for example de or pt-BR".to_owned()),
    }
}

/// Something that tags documents: a model in this process, or a server.
pub trait Tagger: Send + Sync + 'static {
    /// Tags one document. Called for several documents at once.
    ///
    /// # Errors
    /// See [`TagFailure`].
    fn tag(
        &self,
        document: Document,
        options: TagOptions,
    ) -> impl Future<Output = Result<TaggedDocument, TagFailure>> + Send;
}

/// Why a document was not tagged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagFailure {
    /// This document alone is refused, for the reason told.
    Refused(String),
    /// There is no room at the moment; the same document is tried again.
    Busy {
        /// How long to wait.
        retry_after: Duration,
        /// What to tell where there is no room for long.
        reason: String,
    },
    /// No further document can be tagged, for the reason told.
    Lost(String),
}

/// Documents that are tagged at once.
const IN_FLIGHT: usize = 32;
/// The most text in flight, in KiB. A larger document goes alone.
const IN_FLIGHT_KIB: usize = 64 << 10;
/// Documents that are read ahead.
const READ_AHEAD: usize = 4;
/// How long a document is tried again while there is no room.
const MAX_BUSY: Duration = Duration::from_secs(60);
/// Fewer documents than this need no progress bar.
const FEW: u64 = 5;

/// Runs the command and says how it went.
pub async fn run(args: TagArgs) -> ExitCode {
    let job = match Job::prepare(&args) {
        Ok(job) => job,
        Err(message) => {
            eprintln!("tagwerk: {message}");
            return ExitCode::from(2);
        }
    };
    let result = match &args.server {
        Some(address) => match StreamTagger::open(address, &args.access).await {
            Ok((tagger, call)) => {
                let result = job.run(tagger).await;
                call.ended().await;
                result
            }
            Err(message) => Err(message),
        },
        None => match local::pipeline(args.model).await {
            Ok(pipeline) => job.run(LocalTagger(pipeline)).await,
            Err(error) => Err(error.to_string()),
        },
    };
    match result {
        Ok(tally) if tally.failed == 0 => ExitCode::SUCCESS,
        Ok(tally) => {
            if tally.tagged + tally.failed > 1 {
                eprintln!("tagwerk: {tally}");
            }
            ExitCode::FAILURE
        }
        Err(message) => {
            eprintln!("tagwerk: {message}");
            ExitCode::FAILURE
        }
    }
}

/// How many documents went well and how many did not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    tagged: u64,
    failed: u64,
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} tagged, {} failed", self.tagged, self.failed)
    }
}

/// Everything that is known before the first document is read.
struct Job {
    inputs: Inputs,
    options: TagOptions,
    language: String,
    renderer: Renderer,
    output: Box<dyn Write>,
    progress: Progress,
}

impl Job {
    fn prepare(args: &TagArgs) -> Result<Self, String> {
        let output = open_output(args)?;
        let format = args.format.unwrap_or(match output.terminal {
            true => Format::Pretty,
            false => Format::Json,
        });
        let reads_stdin = args.inputs.is_empty() || args.inputs.iter().any(|path| is_stdin(path));
        if reads_stdin && io::stdin().is_terminal() {
            eprintln!("tagwerk: reading from the terminal; end the text with Ctrl-D");
        }
        let coloured = match args.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => output.terminal && colours_wanted(),
        };
        Ok(Self {
            inputs: Inputs::new(&args.inputs, output.identity),
            options: options(args, format),
            language: args.language.clone().unwrap_or_default(),
            renderer: Renderer::new(format, render::terminal_width(), coloured),
            // Answers on the same terminal would run into the bar.
            progress: match output.terminal {
                true => Progress::hidden(),
                false => Progress::new(total_bytes(&args.inputs)),
            },
            output: output.writer,
        })
    }

    async fn run(self, tagger: impl Tagger) -> Result<Tally, String> {
        let language = self.language;
        let inputs = self.inputs.map(move |item| {
            item.map(|mut located| {
                if located.document.language.is_empty() {
                    located.document.language.clone_from(&language);
                }
                located
            })
        });
        let mut answers = Answers {
            renderer: self.renderer,
            output: self.output,
            progress: self.progress,
            tally: Tally::default(),
        };
        answers.write_all(inputs, tagger, self.options).await?;
        Ok(answers.tally)
    }
}

fn options(args: &TagArgs, format: Format) -> TagOptions {
    let feature = |name: &FeatureName| match name {
        FeatureName::Mentions => Feature::Mentions,
        FeatureName::Entities => Feature::Entities,
        FeatureName::Stances => Feature::Stances,
        FeatureName::Quotes => Feature::Quotes,
        FeatureName::Sentences => Feature::Sentences,
        FeatureName::Sentiment => Feature::Sentiment,
    };
    let unit = match (format, args.offsets) {
        // The other formats show the text itself and cut it by bytes.
        (Format::Pretty | Format::Html, _) | (_, Offsets::Utf8) => OffsetUnit::Utf8Byte,
        (_, Offsets::Utf16) => OffsetUnit::Utf16CodeUnit,
        (_, Offsets::CodePoint) => OffsetUnit::CodePoint,
    };
    TagOptions {
        offset_unit: unit.into(),
        features: args
            .features
            .iter()
            .map(|name| feature(name).into())
            .collect(),
        min_probability: args.min_probability,
        ..TagOptions::default()
    }
}

fn colours_wanted() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    !set("NO_COLOR") && !dumb
}

/// Where answers are written.
struct Output {
    writer: Box<dyn Write>,
    /// Which file it is, if it is one.
    identity: Option<FileIdentity>,
    terminal: bool,
}

fn open_output(args: &TagArgs) -> Result<Output, String> {
    let Some(path) = &args.output else {
        return Ok(Output {
            identity: stdout_identity(),
            terminal: io::stdout().is_terminal(),
            writer: Box::new(io::BufWriter::new(io::stdout())),
        });
    };
    refuse_own_input(path, &args.inputs)?;
    let told = |error| format!("{}: cannot be written: {error}", path.display());
    let file = File::create(path).map_err(told)?;
    let metadata = file.metadata().map_err(told)?;
    Ok(Output {
        identity: identity(&metadata),
        terminal: file.is_terminal(),
        writer: Box::new(io::BufWriter::new(file)),
    })
}

/// Opening the output empties it, so an input of that name has to be found before.
fn refuse_own_input(output: &Path, inputs: &[PathBuf]) -> Result<(), String> {
    let of = |path: &Path| {
        fs::metadata(path)
            .ok()
            .and_then(|metadata| identity(&metadata))
    };
    let Some(target) = of(output) else {
        return Ok(());
    };
    match inputs.iter().find(|input| of(input) == Some(target)) {
        Some(input) => Err(format!(
            "{} is both an input and the output",
            input.display()
        )),
        None => Ok(()),
    }
}

#[cfg(unix)]
fn stdout_identity() -> Option<FileIdentity> {
    use std::os::fd::AsFd;
    let descriptor = io::stdout().as_fd().try_clone_to_owned().ok()?;
    identity(&File::from(descriptor).metadata().ok()?)
}

#[cfg(not(unix))]
fn stdout_identity() -> Option<FileIdentity> {
    None
}

/// What became of one input.
enum Outcome {
    Tagged(Located, Box<TaggedDocument>, OwnedSemaphorePermit),
    Unreadable(InputError),
    Failed(Place, u64, TagFailure),
}

/// Writes answers and faults.
struct Answers<W> {
    renderer: Renderer,
    output: W,
    progress: Progress,
    tally: Tally,
}

impl<W: Write> Answers<W> {
    /// Tags all documents and writes what became of them in their order. Fails where nothing more can be tagged
    /// or written; a reader that has gone away is no failure.
    async fn write_all(
        &mut self,
        inputs: impl Iterator<Item = Result<Located, InputError>> + Send + 'static,
        tagger: impl Tagger,
        options: TagOptions,
    ) -> Result<(), String> {
        let mut outcomes = pin!(outcomes(inputs, tagger, options));
        if let Some(end) = ended(self.renderer.begin(&mut self.output)) {
            return end;
        }
        while let Some(outcome) = outcomes.next().await {
            let written = match outcome {
                Outcome::Tagged(located, tagged, _permit) => self.answer(&located, &tagged),
                Outcome::Unreadable(error) => {
                    self.fault(&error, 0);
                    Ok(())
                }
                Outcome::Failed(place, _, TagFailure::Lost(reason)) => {
                    // The page so far is still worth ending properly.
                    let _ = self.renderer.end(&mut self.output);
                    return Err(format!(
                        "{place}: {reason}; nothing from here on was tagged"
                    ));
                }
                Outcome::Failed(
                    place,
                    bytes,
                    TagFailure::Refused(reason) | TagFailure::Busy { reason, .. },
                ) => {
                    self.fault(&format_args!("{place}: {reason}"), bytes);
                    Ok(())
                }
            };
            if let Some(end) = ended(written) {
                return end;
            }
        }
        self.progress.finish();
        ended(self.renderer.end(&mut self.output)).unwrap_or(Ok(()))
    }

    fn answer(&mut self, located: &Located, tagged: &TaggedDocument) -> io::Result<()> {
        let text = &located.document.text;
        match self.renderer.document(&mut self.output, text, tagged) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                let message = format_args!("{}: a strange answer: {error}", located.place);
                self.fault(&message, located.bytes);
                return Ok(());
            }
            written => written?,
        }
        self.output.flush()?;
        self.tally.tagged += 1;
        self.progress.update(self.tally, located.bytes);
        Ok(())
    }

    fn fault(&mut self, message: &dyn std::fmt::Display, bytes: u64) {
        self.tally.failed += 1;
        self.progress.tell(message);
        self.progress.update(self.tally, bytes);
    }
}

/// How a failed write ends the run; `None` where it did not fail.
fn ended(written: io::Result<()>) -> Option<Result<(), String>> {
    match written {
        Ok(()) => None,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Some(Ok(())),
        Err(error) => Some(Err(format!("the answers cannot be written: {error}"))),
    }
}

/// Tags several documents at once; the outcomes come in the order of the inputs.
fn outcomes(
    inputs: impl Iterator<Item = Result<Located, InputError>> + Send + 'static,
    tagger: impl Tagger,
    options: TagOptions,
) -> impl futures::Stream<Item = Outcome> {
    let tagger = Arc::new(tagger);
    let room = Arc::new(Semaphore::new(IN_FLIGHT_KIB));
    ReceiverStream::new(read_ahead(inputs))
        .then(move |item| admit(item, Arc::clone(&room)))
        .map(move |admitted| {
            let (tagger, options) = (Arc::clone(&tagger), options.clone());
            async move {
                match admitted {
                    Ok((located, permit)) => tag_one(tagger, options, located, permit).await,
                    Err(error) => Outcome::Unreadable(error),
                }
            }
        })
        .buffered(IN_FLIGHT)
}

/// Reads on a thread of its own, which waits while nobody takes what it has read.
fn read_ahead<I: Send + 'static>(
    inputs: impl Iterator<Item = I> + Send + 'static,
) -> mpsc::Receiver<I> {
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    std::thread::spawn(move || {
        for item in inputs {
            if sender.blocking_send(item).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Waits until a document's text fits among those in flight.
async fn admit(
    item: Result<Located, InputError>,
    room: Arc<Semaphore>,
) -> Result<(Located, OwnedSemaphorePermit), InputError> {
    let located = item?;
    let kib = (located.document.text.len() >> 10).clamp(1, IN_FLIGHT_KIB) as u32;
    match room.acquire_many_owned(kib).await {
        Ok(permit) => Ok((located, permit)),
        // The semaphore is never closed.
        Err(closed) => Err(InputError {
            place: located.place,
            problem: io::Error::other(closed).into(),
        }),
    }
}

async fn tag_one(
    tagger: Arc<impl Tagger>,
    options: TagOptions,
    located: Located,
    permit: OwnedSemaphorePermit,
) -> Outcome {
    let document = located.document.clone();
    // A task of its own, so that the work before and behind the model is spread over the cores.
    let task = tokio::spawn(async move { tag_patiently(&*tagger, document, options).await });
    let tagged = task
        .await
        .unwrap_or_else(|error| Err(TagFailure::Refused(format!("the tagger failed: {error}"))));
    match tagged {
        Ok(tagged) => Outcome::Tagged(located, Box::new(tagged), permit),
        Err(failure) => Outcome::Failed(located.place, located.bytes, failure),
    }
}

/// Tags a document, trying again while there is no room.
async fn tag_patiently(
    tagger: &impl Tagger,
    document: Document,
    options: TagOptions,
) -> Result<TaggedDocument, TagFailure> {
    let mut waited = Duration::ZERO;
    loop {
        match tagger.tag(document.clone(), options.clone()).await {
            Err(TagFailure::Busy { retry_after, .. }) if waited < MAX_BUSY => {
                let pause = retry_after.max(Duration::from_millis(1));
                tokio::time::sleep(pause).await;
                waited += pause;
            }
            answer => return answer,
        }
    }
}

/// A bar on standard error, which appears only on a terminal and for more than a few documents.
struct Progress {
    bar: ProgressBar,
    total: Option<u64>,
    read: u64,
}

impl Progress {
    fn hidden() -> Self {
        Self {
            bar: ProgressBar::hidden(),
            total: None,
            read: 0,
        }
    }

    /// A bar over `total` bytes; one without an end where the total is not known.
    fn new(total: Option<u64>) -> Self {
        let bar = match io::stderr().is_terminal() {
            true => ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden()),
            false => return Self::hidden(),
        };
        let template = match total {
            Some(_) => "{bar:30} {percent:>3} %  {msg}  {eta} left",
            None => "{spinner} {msg}  {elapsed}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        Self {
            bar,
            total,
            read: 0,
        }
    }

    fn update(&mut self, tally: Tally, bytes: u64) {
        self.read += bytes;
        if tally.tagged + tally.failed == FEW && self.total != Some(self.read) {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_position(self.read);
        self.bar.set_message(tally.to_string());
    }

    fn tell(&self, message: &dyn std::fmt::Display) {
        self.bar.suspend(|| eprintln!("{message}"));
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::input::Problem;
    use clap::Parser as _;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Answers with the id alone, the sooner the later a document comes. Texts tell it to fail.
    #[derive(Default)]
    struct Scripted {
        busy: AtomicUsize,
        in_flight: AtomicUsize,
        most: Arc<AtomicUsize>,
    }

    impl Tagger for Scripted {
        async fn tag(
            &self,
            document: Document,
            _: TagOptions,
        ) -> Result<TaggedDocument, TagFailure> {
            let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            // Later documents overtake earlier ones.
            for _ in 0..100usize.saturating_sub(document.id.len()) {
                tokio::task::yield_now().await;
            }
            self.in_flight.fetch_sub(1, Ordering::SeqCst);
            match document.text.as_str() {
                "refused" => Err(TagFailure::Refused("the language is not known".into())),
                "lost" => Err(TagFailure::Lost("the connection broke".into())),
                "panic" => panic!("as told"),
                "busy" if self.busy.fetch_add(1, Ordering::SeqCst) < 2 => Err(TagFailure::Busy {
                    retry_after: Duration::from_millis(1),
                    reason: "busy".into(),
                }),
                _ => Ok(TaggedDocument {
                    id: document.id,
                    language: document.language,
                    ..Default::default()
                }),
            }
        }
    }

    fn located(line: u64, text: &str) -> Result<Located, InputError> {
        Ok(Located {
            place: Place {
                file: "a.jsonl".into(),
                line: Some(line),
            },
            document: Document {
                id: line.to_string(),
                text: text.to_owned(),
                language: String::new(),
            },
            bytes: text.len() as u64,
        })
    }

    async fn answers<W: Write>(
        inputs: Vec<Result<Located, InputError>>,
        tagger: Scripted,
        output: W,
    ) -> (Answers<W>, Result<(), String>) {
        let mut answers = Answers {
            renderer: Renderer::new(Format::Json, 80, false),
            output,
            progress: Progress::hidden(),
            tally: Tally::default(),
        };
        let end = answers
            .write_all(inputs.into_iter(), tagger, TagOptions::default())
            .await;
        (answers, end)
    }

    fn ids(output: &[u8]) -> Vec<String> {
        let lines = std::str::from_utf8(output).unwrap().lines();
        lines
            .map(|line| {
                let answer: serde_json::Value = serde_json::from_str(line).unwrap();
                answer["id"].as_str().unwrap().to_owned()
            })
            .collect()
    }

    #[tokio::test]
    async fn answers_keep_the_order_of_the_input_though_several_are_in_flight() {
        let inputs = (1..200).map(|line| located(line, "text")).collect();
        let tagger = Scripted::default();
        let most = Arc::clone(&tagger.most);
        let (answers, end) = answers(inputs, tagger, Vec::new()).await;
        assert_eq!(end, Ok(()));
        let expected: Vec<String> = (1..200).map(|line| line.to_string()).collect();
        assert_eq!(ids(&answers.output), expected);
        let most = most.load(Ordering::SeqCst);
        assert!((2..=IN_FLIGHT).contains(&most), "{most} at once");
    }

    #[tokio::test]
    async fn the_rest_goes_on_behind_a_fault() {
        let unreadable = Err(InputError {
            place: Place {
                file: "a.jsonl".into(),
                line: Some(3),
            },
            problem: Problem::Empty,
        });
        let inputs = vec![
            located(1, "text"),
            located(2, "refused"),
            unreadable,
            located(4, "panic"),
            located(5, "text"),
        ];
        let (answers, end) = answers(inputs, Scripted::default(), Vec::new()).await;
        assert_eq!(end, Ok(()));
        assert_eq!(ids(&answers.output), ["1", "5"]);
        let tally = Tally {
            tagged: 2,
            failed: 3,
        };
        assert_eq!(answers.tally, tally);
    }

    #[tokio::test]
    async fn a_lost_server_ends_the_run_and_the_first_document_without_answer_is_told() {
        let inputs = vec![located(1, "text"), located(2, "lost"), located(3, "lost")];
        let (answers, end) = answers(inputs, Scripted::default(), Vec::new()).await;
        let told = "a.jsonl:2: the connection broke; nothing from here on was tagged";
        assert_eq!(end, Err(told.to_owned()));
        assert_eq!(ids(&answers.output), ["1"]);
    }

    #[tokio::test]
    async fn a_document_is_tried_again_while_there_is_no_room() {
        let inputs = vec![located(1, "busy")];
        let (answers, _) = answers(inputs, Scripted::default(), Vec::new()).await;
        assert_eq!(ids(&answers.output), ["1"]);
    }

    /// A writer that fails at once.
    struct Failing(io::ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_reader_that_goes_away_is_no_failure_but_a_full_disk_is() {
        let run = async |kind| {
            let inputs = (1..9).map(|line| located(line, "text")).collect();
            answers(inputs, Scripted::default(), Failing(kind)).await.1
        };
        assert_eq!(run(io::ErrorKind::BrokenPipe).await, Ok(()));
        assert!(run(io::ErrorKind::StorageFull).await.is_err());
    }

    #[derive(clap::Parser)]
    struct Given {
        #[command(flatten)]
        args: TagArgs,
    }

    #[test]
    fn only_json_has_a_choice_of_offsets() {
        for (format, offsets, unit) in [
            (Format::Json, Offsets::CodePoint, OffsetUnit::CodePoint),
            (Format::Json, Offsets::Utf16, OffsetUnit::Utf16CodeUnit),
            (Format::Json, Offsets::Utf8, OffsetUnit::Utf8Byte),
            (Format::Pretty, Offsets::Utf16, OffsetUnit::Utf8Byte),
            (Format::Html, Offsets::CodePoint, OffsetUnit::Utf8Byte),
        ] {
            let name = offsets.to_possible_value().unwrap();
            let given = ["tag", "--features", "quotes", "--offsets", name.get_name()];
            let Given { args } = Given::try_parse_from(given).unwrap();
            let options = options(&args, format);
            assert_eq!(options.offset_unit(), unit, "{format:?} {offsets:?}");
            assert_eq!(options.features, [i32::from(Feature::Quotes)]);
        }
    }
}
