//! `tagwerk worker`: tags the documents of a queue.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use clap::{Args, builder::NonEmptyStringValueParser, value_parser};

use super::local::Loader;
use crate::{
    config::{self, CacheArgs, LogArgs, ModelArgs},
    queue_worker::{self, AnswerFormat, NatsSettings, QueueSettings, WorkerConfig},
    telemetry::{self, Metrics},
};

/// The settings of `tagwerk worker`.
#[derive(Debug, Clone, Args)]
pub struct WorkerArgs {
    /// Address for probes and metrics over HTTP; port 0 takes a free one.
    #[arg(
        long,
        env = "TAGWERK_HTTP_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:9090",
        value_parser = config::address
    )]
    pub http_listen: SocketAddr,

    /// Seconds that documents in hand have to be finished after SIGTERM or SIGINT; the rest is handed back.
    #[arg(
        long,
        env = "TAGWERK_GRACE_SECONDS",
        value_name = "SECONDS",
        default_value_t = 30
    )]
    pub grace_seconds: u64,

    /// Where NATS is.
    #[command(flatten)]
    pub nats: NatsArgs,

    /// Where documents come from and go to.
    #[command(flatten)]
    pub queue: QueueArgs,

    /// Which model answers.
    #[command(flatten)]
    pub model: ModelArgs,

    /// What is remembered.
    #[command(flatten)]
    pub cache: CacheArgs,

    /// What is logged.
    #[command(flatten)]
    pub log: LogArgs,
}

/// Where NATS is, and how it is logged in to.
#[derive(Clone, Args)]
#[command(next_help_heading = "NATS")]
pub struct NatsArgs {
    /// Servers of NATS, separated by commas, such as `nats://nats:4222`; `tls` means TLS.
    #[arg(
        id = "nats_url",
        long = "nats",
        env = "TAGWERK_NATS_URL",
        hide_env_values = true,
        value_name = "URL",
        required = true
    )]
    pub url: String,

    /// The name to log in with.
    #[arg(
        id = "nats_user",
        long = "nats-user",
        env = "TAGWERK_NATS_USER",
        value_name = "NAME"
    )]
    pub user: Option<String>,

    /// File that holds the password.
    #[arg(
        id = "nats_password",
        long = "nats-password",
        env = "TAGWERK_NATS_PASSWORD",
        value_name = "FILE"
    )]
    pub password: Option<PathBuf>,

    /// File that holds a token.
    #[arg(
        id = "nats_token",
        long = "nats-token",
        env = "TAGWERK_NATS_TOKEN",
        value_name = "FILE"
    )]
    pub token: Option<PathBuf>,

    /// File of credentials (JWT and seed), as nsc writes it.
    #[arg(
        id = "nats_credentials",
        long = "nats-credentials",
        env = "TAGWERK_NATS_CREDENTIALS",
        value_name = "FILE"
    )]
    pub credentials: Option<PathBuf>,

    /// Certificates that the servers' must be signed by (PEM); with it TLS is demanded [default: those of the system].
    #[arg(
        id = "nats_ca",
        long = "nats-ca",
        env = "TAGWERK_NATS_CA",
        value_name = "FILE"
    )]
    pub ca: Option<PathBuf>,

    /// The worker's own certificate (PEM).
    #[arg(
        id = "nats_certificate",
        long = "nats-certificate",
        env = "TAGWERK_NATS_CERTIFICATE",
        value_name = "FILE"
    )]
    pub certificate: Option<PathBuf>,

    /// The private key of it (PEM).
    #[arg(
        id = "nats_key",
        long = "nats-key",
        env = "TAGWERK_NATS_KEY",
        value_name = "FILE"
    )]
    pub key: Option<PathBuf>,
}

/// The URL can hold a password.
impl std::fmt::Debug for NatsArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.settings().fmt(f)
    }
}

impl NatsArgs {
    fn settings(&self) -> NatsSettings {
        NatsSettings {
            url: self.url.clone(),
            user: self.user.clone(),
            password: self.password.clone(),
            token: self.token.clone(),
            credentials: self.credentials.clone(),
            ca: self.ca.clone(),
            certificate: self.certificate.clone(),
            key: self.key.clone(),
        }
    }
}

/// Where documents come from and go to.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Queue")]
pub struct QueueArgs {
    /// The stream that holds the requests.
    #[arg(
        long,
        env = "TAGWERK_NATS_STREAM",
        value_name = "NAME",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub stream: String,

    /// The durable consumer that all workers of this queue share; it is made where it is missing.
    #[arg(
        long,
        env = "TAGWERK_NATS_CONSUMER",
        value_name = "NAME",
        default_value = "tagwerk",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub consumer: String,

    /// The subjects of the stream that are taken, such as `documents.de.>` [default: all].
    #[arg(
        long,
        env = "TAGWERK_NATS_SUBJECT",
        value_name = "SUBJECT",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub subject: Option<String>,

    /// The subject that tagged documents are published to.
    #[arg(
        long,
        env = "TAGWERK_NATS_OUTPUT",
        value_name = "SUBJECT",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub output: String,

    /// The subject that messages are published to which cannot be tagged, with the reason.
    #[arg(
        long,
        env = "TAGWERK_NATS_DEAD_LETTERS",
        value_name = "SUBJECT",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub dead_letters: String,

    /// The form of the answers.
    #[arg(
        long,
        env = "TAGWERK_NATS_ANSWERS",
        value_name = "FORM",
        default_value = "same"
    )]
    pub answers: AnswerFormat,

    /// Documents in hand at a time.
    #[arg(
        long,
        env = "TAGWERK_NATS_DOCUMENTS",
        value_name = "N",
        default_value_t = 32,
        value_parser = value_parser!(u32).range(1..=4096)
    )]
    pub documents: u32,

    /// Milliseconds without a sign of life after which the server delivers a message again.
    #[arg(
        long,
        env = "TAGWERK_NATS_ACK_WAIT_MILLISECONDS",
        value_name = "MILLISECONDS",
        default_value_t = 30_000,
        value_parser = value_parser!(u64).range(500..=3_600_000)
    )]
    pub ack_wait_milliseconds: u64,

    /// Deliveries after which a message is given up as a dead letter.
    #[arg(
        long,
        env = "TAGWERK_NATS_MAX_DELIVERIES",
        value_name = "N",
        default_value_t = 10,
        value_parser = value_parser!(u32).range(1..)
    )]
    pub max_deliveries: u32,

    /// Messages that all workers of the consumer together may have in hand.
    #[arg(
        long,
        env = "TAGWERK_NATS_MAX_ACK_PENDING",
        value_name = "N",
        default_value_t = 10_000,
        value_parser = value_parser!(u32).range(1..)
    )]
    pub max_ack_pending: u32,
}

impl QueueArgs {
    fn settings(&self) -> QueueSettings {
        QueueSettings {
            stream: self.stream.clone(),
            consumer: self.consumer.clone(),
            subject: self.subject.clone(),
            output: self.output.clone(),
            dead_letters: self.dead_letters.clone(),
            documents: usize::try_from(self.documents).unwrap_or(usize::MAX),
            ack_wait: Duration::from_millis(self.ack_wait_milliseconds),
            max_deliveries: self.max_deliveries,
            max_ack_pending: self.max_ack_pending,
            answers: self.answers,
        }
    }
}

/// Works until a signal; says what went wrong.
pub async fn run(args: WorkerArgs) -> ExitCode {
    match work(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tagwerk: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn work(args: WorkerArgs) -> Result<(), Box<dyn std::error::Error>> {
    args.model.check()?;
    args.cache.check()?;
    telemetry::init(&args.log)?;
    let config = WorkerConfig {
        http_listen: args.http_listen,
        grace: Duration::from_secs(args.grace_seconds),
        nats: args.nats.settings(),
        queue: args.queue.settings(),
    };
    let metrics = Metrics::new();
    let loader = Loader::new(args.model, metrics.clone()).with_cache(args.cache);
    Ok(queue_worker::run(config, loader.load(None), metrics).await?)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        args: WorkerArgs,
    }

    const NEEDED: [&str; 5] = [
        "worker",
        "--nats=nats://bote:geheim@localhost",
        "--stream=NEWS",
        "--output=tagged",
        "--dead-letters=dead",
    ];

    fn parse(more: &[&str]) -> Result<WorkerArgs, clap::Error> {
        let parsed = Command::try_parse_from(NEEDED.iter().chain(more));
        parsed.map(|command| command.args)
    }

    #[test]
    fn four_settings_are_needed_and_the_rest_has_defaults() {
        let settings = parse(&[]).unwrap().queue.settings();
        let expected = QueueSettings {
            stream: "NEWS".to_owned(),
            consumer: "tagwerk".to_owned(),
            subject: None,
            output: "tagged".to_owned(),
            dead_letters: "dead".to_owned(),
            documents: 32,
            ack_wait: Duration::from_secs(30),
            max_deliveries: 10,
            max_ack_pending: 10_000,
            answers: AnswerFormat::Same,
        };
        assert_eq!(settings, expected);
        for left_out in 1..NEEDED.len() {
            let mut arguments = NEEDED.to_vec();
            arguments.remove(left_out);
            assert!(Command::try_parse_from(arguments).is_err(), "{left_out}");
        }
    }

    #[test]
    fn the_password_in_the_url_is_not_shown() {
        let args = format!("{:?}", parse(&[]).unwrap());
        assert!(!args.contains("geheim"), "{args}");
    }

    #[test]
    fn values_that_cannot_work_are_refused() {
        for wrong in [
            "--documents=0",
            "--ack-wait-milliseconds=100",
            "--max-deliveries=0",
            "--max-ack-pending=0",
            "--answers=xml",
            "--stream=",
        ] {
            assert!(parse(&[wrong]).is_err(), "{wrong}");
        }
    }
}
