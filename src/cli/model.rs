//! `tagwerk model`: shows, checks and measures a model package, and looks at a model from Hugging Face.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::{Args, Subcommand};
use futures::{StreamExt as _, stream};

use super::local;
use crate::{
    config::{self, NamedModel, Part},
    evaluation::{Evaluation, GoldReader, GoldText, IgnoredTypes, Lines, Prediction, Settings},
    model::{
        Model, Package,
        hugging_face::{
            EntitySettings, Hub, Proposal, Purpose, Settings as ModelSettings, StanceSettings,
        },
    },
    pipeline::{
        Judged, Origin, Pipeline,
        document::{Document, EntityType, Features, TagOptions, Watch},
        error::TagError,
        text::OffsetUnit,
    },
};

/// Texts that are measured at a time.
const TEXTS_IN_FLIGHT: usize = 64;

/// The arguments of `tagwerk model`.
#[derive(Debug, Args)]
pub struct ModelCommand {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What can be done with a model package.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Print what the package says of itself
    Info(PackageArgs),
    /// Check that the package is complete and computes
    Verify(PackageArgs),
    /// Measure the model against gold annotation
    #[command(after_help = EXAMPLES)]
    Eval(Box<EvalArgs>),
    /// Look at a model from Hugging Face and print the settings with which it runs
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(ImportArgs),
}

const IMPORT_EXAMPLES: &str = "\
What the settings mean stands in docs/models.md.

Examples:
  tagwerk model import /srv/models/ner
  tagwerk model import owner/name --revision v1 --name press";

const EXAMPLES: &str = "\
The formats and the figures are explained in docs/evaluation.md.

Examples:
  tagwerk model eval germeval_test.jsonl --lines 3601-5100
  tagwerk model eval newsmtsc_test.jsonl --json";

/// Which package.
#[derive(Debug, Args)]
pub struct PackageArgs {
    #[command(flatten)]
    model: config::ModelArgs,
}

/// Which model from Hugging Face.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// A directory, or the id of a model on a hub, from which it is fetched (HF_ENDPOINT, HF_TOKEN, HF_HUB_CACHE)
    #[arg(value_name = "DIR|ID")]
    model: String,

    /// The branch, tag or commit on the hub
    #[arg(long, value_name = "REVISION")]
    revision: Option<String>,

    /// What the model is for; default: what it was trained for
    #[arg(long = "as", value_name = "PURPOSE")]
    purpose: Option<Purpose>,

    /// The name by which requests choose it
    #[arg(long, value_name = "NAME", default_value = "mine")]
    name: String,
}

/// What to measure on.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Gold files: JSON lines, or tables of `language, tone, sentence` (.tsv)
    #[arg(required = true, value_name = "GOLD")]
    files: Vec<PathBuf>,

    /// Lines to measure on, for example 3601-5100
    #[arg(long, value_name = "FIRST-LAST")]
    lines: Option<Lines>,

    /// Entity types to leave out, separated by commas; default: those that the files never mark
    #[arg(long, value_name = "TYPES")]
    ignore_types: Option<String>,

    /// Print the figures as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    model: config::ModelArgs,
}

/// Runs the command and says how it went.
pub async fn run(command: ModelCommand) -> ExitCode {
    let result = match command.action {
        Action::Info(args) => info(&args.model),
        Action::Verify(args) => verify(&args.model),
        Action::Eval(args) => eval(*args).await,
        Action::Import(args) => tokio::task::spawn_blocking(move || import(&args))
            .await
            .unwrap_or_else(|error| Err(error.into())),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tagwerk: {error}");
            ExitCode::FAILURE
        }
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn open(args: &config::ModelArgs) -> Result<(PathBuf, Package), Failure> {
    let directory = local::package_directory(args)?;
    let package = Package::open(&directory, args.precision)?;
    Ok((directory, package))
}

fn info(args: &config::ModelArgs) -> Result<(), Failure> {
    let (directory, package) = open(args)?;
    let about = package.description();
    println!("name         {} {}", about.name, about.version);
    println!("directory    {}", directory.display());
    println!("fingerprint  {}", about.fingerprint);
    println!("license      {}", about.license);
    println!("languages    {}", about.languages.join(", "));
    let windows = package.windows();
    println!(
        "windows      {} tokens, at most {}",
        windows.tokens, windows.max_tokens
    );
    for (head, labels) in &about.labels {
        println!("{head:<12} {}", labels.join(", "));
    }
    for figure in &about.figures {
        println!(
            "{:<12} {:>5.1} {} on {} ({} texts)",
            figure.task, figure.value, figure.metric, figure.split, figure.count
        );
    }
    Ok(())
}

fn verify(args: &config::ModelArgs) -> Result<(), Failure> {
    let (directory, package) = open(args)?;
    let fingerprint = package.description().fingerprint.clone();
    let card = directory.join("MODEL_CARD.md");
    // Making a model looks up every tensor and runs the first windows.
    Model::new(Arc::new(package))?;
    if !card.is_file() {
        return Err(format!("{} is missing", card.display()).into());
    }
    println!(
        "{}: complete, every tensor as it should be",
        directory.display()
    );
    println!("fingerprint {fingerprint}");
    Ok(())
}

fn import(args: &ImportArgs) -> Result<(), Failure> {
    let path = Path::new(&args.model);
    let directory = match path.is_dir() || path.is_absolute() || args.model.starts_with('.') {
        true => path.to_owned(),
        false => Hub::of_environment().fetch(&args.model, args.revision.as_deref())?,
    };
    let of_hub = directory != path;
    let proposal = Proposal::of(&directory, args.purpose)?;
    println!("directory    {}", directory.display());
    println!("model type   {}", proposal.model_type);
    println!("labels       {}", proposal.labels.join(", "));
    let (path, hub, revision) = match of_hub {
        true => (None, Some(args.model.clone()), args.revision.clone()),
        false => (Some(directory.clone()), None, None),
    };
    let mut model = NamedModel {
        languages: Vec::new(),
        workers: 1,
        entities: Part::Package,
        stances: None,
    };
    match proposal.settings.clone() {
        ModelSettings::Entities(settings) => {
            model.entities = Part::Own(EntitySettings {
                path,
                hub,
                revision,
                ..settings
            });
        }
        ModelSettings::Stances(settings) => {
            model.stances = Some(Part::Own(StanceSettings {
                path,
                hub,
                revision,
                ..settings
            }));
        }
    }
    let tried = proposal.try_out(&directory);
    if let Ok(checkpoint) = &tried {
        println!("windows      {} tokens", checkpoint.windows().max_tokens);
        println!("fingerprint  {}", checkpoint.description().fingerprint);
    }
    println!("\nThe section of the settings file:\n");
    print!("{}", config::section(&args.name, &model));
    if !proposal.guessed.is_empty() {
        println!(
            "\nThe meaning of these labels is guessed, confirm it: {}",
            proposal.guessed.join(", ")
        );
    }
    tried
        .map(drop)
        .map_err(|error| format!("it cannot run so: {error}").into())
}

async fn eval(args: EvalArgs) -> Result<(), Failure> {
    let pipeline = local::pipeline(args.model.clone()).await?;
    let mut evaluation = Evaluation::new();
    let mut unmarked: Option<Vec<EntityType>> = None;
    for path in &args.files {
        let mut reader = GoldReader::open(path, args.lines.unwrap_or(Lines::ALL))?;
        let mut predictions = stream::iter(reader.by_ref())
            .map(|gold| async {
                let gold = gold?;
                let prediction = predict(&pipeline, &gold).await?;
                Ok::<_, Failure>((gold, prediction))
            })
            .buffer_unordered(TEXTS_IN_FLIGHT);
        while let Some(measured) = predictions.next().await {
            let (gold, prediction) = measured?;
            evaluation.add(&gold, &prediction);
        }
        drop(predictions);
        let here = reader.unmarked_types();
        unmarked = Some(match unmarked {
            Some(before) => before.into_iter().filter(|t| here.contains(t)).collect(),
            None => here,
        });
    }
    let ignored_types = match args.ignore_types {
        Some(list) => IgnoredTypes::Chosen(parse_types(&list)?),
        None => IgnoredTypes::Unmarked(unmarked.unwrap_or_default()),
    };
    let report = evaluation.report(&Settings {
        ignored_types,
        ..Settings::default()
    });
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(())
}

fn parse_types(list: &str) -> Result<Vec<EntityType>, String> {
    list.split(',')
        .map(str::trim)
        .filter(|label| !label.is_empty())
        .map(|label| {
            EntityType::from_label(label)
                .ok_or_else(|| format!("--ignore-types: no type {label:?}"))
        })
        .collect()
}

/// What the pipeline says of one gold text, for the layers that the text is annotated with.
async fn predict(pipeline: &Pipeline, gold: &GoldText) -> Result<Prediction, TagError> {
    let layers = gold.layers;
    let features = Features {
        mentions: layers.entities,
        stances: layers.stances,
        quotes: layers.quotes,
        sentiment: gold.tone.is_some(),
        ..Features::NONE
    };
    let mut prediction = Prediction::default();
    if features != Features::NONE {
        let document = Document {
            id: String::new(),
            text: gold.text.clone(),
            language: gold.language.clone(),
        };
        let options = TagOptions {
            offset_unit: OffsetUnit::Utf8Byte,
            features,
            watch: Watch::default(),
            min_probability: 0.0,
        };
        let tagged = pipeline.tag(document, options, &Origin::alone()).await?;
        prediction.mentions = features.closed().mentions.then_some(tagged.mentions);
        prediction.stances = layers.stances.then_some(tagged.stances);
        prediction.quotes = layers.quotes.then_some(tagged.quotes);
        prediction.tone = tagged.sentiment.map(|tone| tone.distribution);
    }
    if layers.polarity || layers.stances {
        let spans = gold.mentions.iter().map(|mention| mention.span).collect();
        let Judged {
            polarities,
            holders,
        } = pipeline.judge(&gold.text, &gold.language, spans).await?;
        prediction.judgements = polarities;
        prediction.holders = holders
            .into_iter()
            .map(|h| h.map(|candidates| candidates.0))
            .collect();
    }
    Ok(prediction)
}
