//! The command line: `tagwerk serve`, `worker`, `tag`, `report`, `model`, `health` and `key`.

pub mod bulk;
pub mod client;
pub mod health;
pub mod input;
pub mod key;
pub mod local;
pub mod model;
pub mod offsets;
pub mod progress;
pub mod render;
pub mod report;
pub mod tag;
pub mod worker;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{
    config::{RunningSettings, ServeCommand, Settings},
    pipeline::watchlist::Watchlists,
    server::{self, Reread},
    telemetry::{self, LogFilter},
};

/// Tags news: who is in the text, and who stands where on whom.
#[derive(Debug, Parser)]
#[command(name = "tagwerk", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the gRPC service
    Serve(Box<ServeCommand>),
    /// Tag the documents of a queue (NATS JetStream)
    Worker(Box<worker::WorkerArgs>),
    /// Tag articles and print the answers
    Tag(Box<tag::TagArgs>),
    /// Sum up tagged articles: who is named how often, who praises and who criticises
    Report(report::ReportArgs),
    /// Show, check or evaluate a model package
    Model(model::ModelCommand),
    /// Ask a running service whether it is serving
    Health(health::HealthArgs),
    /// Make an API key for a caller
    Key(key::KeyArgs),
}

/// Runs a command.
pub async fn run(cli: Cli) -> ExitCode {
    match cli.command {
        Command::Serve(command) => serve(*command).await,
        Command::Worker(args) => worker::run(*args).await,
        Command::Tag(args) => tag::run(*args).await,
        Command::Report(args) => report::run(&args),
        Command::Model(command) => model::run(command).await,
        Command::Health(args) => health::run(args).await,
        Command::Key(args) => key::run(&args),
    }
}

async fn serve(command: ServeCommand) -> ExitCode {
    let settings = match command.resolve() {
        Ok(settings) => settings,
        Err(problems) => {
            eprintln!("tagwerk: {problems}");
            return ExitCode::from(2);
        }
    };
    if command.print_config {
        print!("{}", settings.to_toml());
        return ExitCode::SUCCESS;
    }
    match listen(command, settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tagwerk: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn listen(
    command: ServeCommand,
    settings: Settings,
) -> Result<(), Box<dyn std::error::Error>> {
    let args = settings.args.clone();
    let models = settings.models.clone();
    let config = args.server_config()?;
    let filter = telemetry::init(&args.log)?;
    let in_file = command.config.is_some();
    let running = in_file.then(|| follow(RunningSettings::new(command, settings), filter));
    let metrics = telemetry::Metrics::new();
    let watchlists = Watchlists::open(args.watchlists.sources)?;
    let loader = local::Loader::new(args.model, metrics.clone())
        .with_express_lane()
        .with_cache(args.cache)
        .with_watchlists(watchlists)
        .with_models(models);
    let load = move |fingerprint| loader.clone().load(fingerprint);
    Ok(server::run(config, running, load, metrics).await?)
}

/// Takes up what can change of the settings while the server runs: the filter of the log.
fn follow(mut settings: RunningSettings, filter: LogFilter) -> Reread {
    Reread::new(move || {
        let Some(changes) = settings.read()? else {
            return Ok(false);
        };
        if !changes.need_restart.is_empty() {
            let settings = changes.need_restart.join(", ");
            tracing::warn!(settings, "changed settings need a restart");
        }
        let Some(log) = changes.log else {
            return Ok(false);
        };
        filter.set(&log)?;
        Ok(true)
    })
}

const EXAMPLES: &str = "\
Examples:
  tagwerk serve --config tagwerk.toml
  tagwerk tag article.txt
  tagwerk tag articles.jsonl --output tagged.jsonl
  tagwerk report tagged.jsonl --format html --output report.html
  tagwerk health --server localhost:50051";

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn wrong_values_are_usage_errors() {
        for arguments in [
            vec!["tag", "--min-probability", "1.5"],
            vec!["tag", "--min-probability", "NaN"],
            vec!["tag", "--features", "mentions,opinions"],
            vec!["tag", "--offsets", "utf32"],
            vec!["tag", "--format", "xml"],
            vec!["tag", "--language", "de de"],
            vec!["tag", "--server", "localhost"],
            vec!["tag", "--server", "https://tagger.example"],
            vec!["tag", "--client-key", "key.pem"],
            vec!["tag", "--server", "host:port:1"],
            vec!["health", "--server", ""],
            vec!["health", "--timeout", "0"],
            vec!["frobnicate"],
        ] {
            let parsed = Cli::try_parse_from(["tagwerk"].iter().chain(&arguments));
            let error = parsed.expect_err(&format!("{arguments:?}"));
            assert_eq!(error.exit_code(), 2, "{arguments:?}");
        }
    }

    #[test]
    fn lists_of_features_are_separated_by_commas() {
        let cli = Cli::try_parse_from(["tagwerk", "tag", "--features", "quotes,sentiment", "-"]);
        let Ok(Cli {
            command: Command::Tag(args),
        }) = cli
        else {
            panic!("{cli:?}");
        };
        assert_eq!(
            args.features,
            [tag::FeatureName::Quotes, tag::FeatureName::Sentiment]
        );
        assert_eq!(args.inputs, [std::path::PathBuf::from("-")]);
    }
}
