//! The settings of the program: flags and the environment variables that stand for them.
//!
//! Each group of flags is one struct, so that several commands can share it.

use std::{net::SocketAddr, path::PathBuf, thread, time::Duration};

use clap::{Args, ValueEnum};

use crate::{model::Precision, server::ServerConfig};

/// Tokens of the longest window; no batch can be smaller.
const MIN_BATCH_TOKENS: usize = 512;

/// Largest accepted limit for a document: offsets and message sizes then fit 32 bits.
const MAX_DOCUMENT_BYTES: usize = 256 << 20;

/// Largest accepted number of documents in flight per stream.
const MAX_STREAM_DOCUMENTS: usize = 4096;

/// What a message holds beside the text: id, options, protobuf's framing.
const MESSAGE_SLACK_BYTES: usize = 64 << 10;

/// Settings that contradict each other or cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("--{flag} {value}: {problem}")]
pub struct ConfigError {
    /// The flag without its dashes.
    pub flag: &'static str,
    /// Its value.
    pub value: usize,
    /// What is wrong, and what would be right.
    pub problem: String,
}

/// Which model package answers, and with what resources.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Model")]
pub struct ModelArgs {
    /// The model package: a directory, or the name of a package in the packages' directory.
    #[arg(long, env = "TAGWERK_MODEL", value_name = "DIR|NAME")]
    pub model: Option<String>,

    /// Directory that holds model packages [default: `models` beside the program or checkout].
    #[arg(long, env = "TAGWERK_MODELS", value_name = "DIR")]
    pub models: Option<PathBuf>,

    /// Number format of the encoder. bf16 is faster on processors with AVX-512 BF16 or AMX, and less exact.
    #[arg(
        long,
        env = "TAGWERK_PRECISION",
        value_name = "FORMAT",
        default_value = "fp32"
    )]
    pub precision: Precision,

    /// Worker threads, each with a model; 0 takes one for each CPU of the process's limit.
    #[arg(long, env = "TAGWERK_WORKERS", value_name = "N", default_value_t = 0)]
    pub workers: usize,

    /// Tokens of one batch, padding included. More: better throughput; fewer: shorter waits.
    #[arg(
        long,
        env = "TAGWERK_BATCH_TOKENS",
        value_name = "N",
        default_value_t = 2048
    )]
    pub batch_tokens: usize,

    /// Tokens that may wait for the encoder before calls are refused.
    #[arg(
        long,
        env = "TAGWERK_QUEUE_TOKENS",
        value_name = "N",
        default_value_t = 262_144
    )]
    pub queue_tokens: usize,

    /// Largest text of one document in bytes of UTF-8.
    #[arg(
        long,
        env = "TAGWERK_MAX_DOCUMENT_BYTES",
        value_name = "BYTES",
        default_value_t = 1 << 20
    )]
    pub max_document_bytes: usize,
}

impl ModelArgs {
    /// Checks what clap cannot see.
    ///
    /// # Errors
    /// The first setting that cannot work.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.batch_tokens < MIN_BATCH_TOKENS {
            let problem = format!("a batch must hold one window of {MIN_BATCH_TOKENS} tokens");
            return Err(error("batch-tokens", self.batch_tokens, problem));
        }
        if self.queue_tokens < self.batch_tokens {
            let problem = format!("must be at least --batch-tokens ({})", self.batch_tokens);
            return Err(error("queue-tokens", self.queue_tokens, problem));
        }
        if !(1..=MAX_DOCUMENT_BYTES).contains(&self.max_document_bytes) {
            let problem = format!("must be between 1 and {MAX_DOCUMENT_BYTES}");
            return Err(error(
                "max-document-bytes",
                self.max_document_bytes,
                problem,
            ));
        }
        Ok(())
    }

    /// The number of workers: as set, or one for each CPU that the process may use. Limits of a
    /// container (cgroup quota, affinity) count.
    pub fn worker_count(&self) -> usize {
        match self.workers {
            0 => thread::available_parallelism().map_or(1, usize::from),
            workers => workers,
        }
    }
}

/// What is logged, and how. Logs go to standard error.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Logging")]
pub struct LogArgs {
    /// What is logged: a level, or a filter such as `info,tagwerk=debug`.
    #[arg(
        long,
        env = "TAGWERK_LOG",
        value_name = "FILTER",
        default_value = "info"
    )]
    pub log: String,

    /// How it is logged.
    #[arg(
        long,
        env = "TAGWERK_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "auto"
    )]
    pub log_format: LogFormat,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Pretty on a terminal, JSON otherwise.
    Auto,
    /// Lines for people.
    Pretty,
    /// One JSON object per line.
    Json,
}

/// The settings of `tagwerk serve`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ServeArgs {
    /// Address for gRPC; port 0 takes a free one.
    #[arg(
        long,
        env = "TAGWERK_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:50051",
        value_parser = address
    )]
    pub listen: SocketAddr,

    /// Address for probes and metrics over HTTP; port 0 takes a free one.
    #[arg(
        long,
        env = "TAGWERK_HTTP_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:9090",
        value_parser = address
    )]
    pub http_listen: SocketAddr,

    /// Largest gRPC message in bytes [default: 4 times the largest document and 1 MiB].
    #[arg(long, env = "TAGWERK_MAX_MESSAGE_BYTES", value_name = "BYTES")]
    pub max_message_bytes: Option<usize>,

    /// Documents of one stream that are worked on at a time; beyond that the stream is not read.
    #[arg(
        long,
        env = "TAGWERK_STREAM_DOCUMENTS",
        value_name = "N",
        default_value_t = 32
    )]
    pub stream_documents: usize,

    /// Seconds that calls in flight have to end after SIGTERM or SIGINT.
    #[arg(
        long,
        env = "TAGWERK_GRACE_SECONDS",
        value_name = "SECONDS",
        default_value_t = 30
    )]
    pub grace_seconds: u64,

    /// Which model answers.
    #[command(flatten)]
    pub model: ModelArgs,

    /// What is logged.
    #[command(flatten)]
    pub log: LogArgs,
}

impl ServeArgs {
    /// The server's part of the settings, after a check of all of them.
    ///
    /// # Errors
    /// The first setting that cannot work.
    pub fn server_config(&self) -> Result<ServerConfig, ConfigError> {
        self.model.check()?;
        if !(1..=MAX_STREAM_DOCUMENTS).contains(&self.stream_documents) {
            let problem = format!("must be between 1 and {MAX_STREAM_DOCUMENTS}");
            return Err(error("stream-documents", self.stream_documents, problem));
        }
        Ok(ServerConfig {
            listen: self.listen,
            http_listen: self.http_listen,
            max_message_bytes: self.message_limit()?,
            stream_documents: self.stream_documents,
            grace: Duration::from_secs(self.grace_seconds),
        })
    }

    fn message_limit(&self) -> Result<usize, ConfigError> {
        let document = self.model.max_document_bytes;
        // Far above the largest document: a text that is too large then gets an answer that names
        // the field and the limit instead of the transport's.
        let limit = self.max_message_bytes.unwrap_or(4 * document + (1 << 20));
        let bounds = document + MESSAGE_SLACK_BYTES..=u32::MAX as usize;
        if bounds.contains(&limit) {
            return Ok(limit);
        }
        let (least, most) = bounds.into_inner();
        let problem = format!(
            "must be between {least} (the largest document and {MESSAGE_SLACK_BYTES}) and {most}"
        );
        Err(error("max-message-bytes", limit, problem))
    }
}

fn error(flag: &'static str, value: usize, problem: String) -> ConfigError {
    ConfigError {
        flag,
        value,
        problem,
    }
}

/// Reads an address with its port.
fn address(value: &str) -> Result<SocketAddr, String> {
    value.parse().map_err(|_| {
        "give an IP address and a port, for example 127.0.0.1:50051, 0.0.0.0:50051 or [::]:50051"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        serve: ServeArgs,
    }

    fn parse(flags: &[&str]) -> Result<ServeArgs, clap::Error> {
        Cli::try_parse_from([&["tagwerk"], flags].concat()).map(|cli| cli.serve)
    }

    #[test]
    fn the_defaults_are_sound_and_reach_this_machine_only() {
        let config = parse(&[]).unwrap().server_config().unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:50051");
        assert_eq!(config.http_listen.to_string(), "127.0.0.1:9090");
        assert_eq!(config.max_message_bytes, 5 << 20);
        assert_eq!(config.grace, Duration::from_secs(30));
    }

    #[test]
    fn the_message_limit_follows_the_document_limit() {
        let args = parse(&["--max-document-bytes", "4096"]).unwrap();
        let limit = args.server_config().unwrap().max_message_bytes;
        assert_eq!(limit, 4 * 4096 + (1 << 20));
    }

    #[test]
    fn settings_that_cannot_work_are_refused_by_name() {
        let cases: [&[&str]; 8] = [
            &["--batch-tokens", "511"],
            &["--queue-tokens", "2047"],
            &["--max-document-bytes", "0"],
            &["--max-document-bytes", "268435457"],
            &["--max-message-bytes", "1048576"],
            &["--max-message-bytes", "4294967296"],
            &["--stream-documents", "0"],
            &["--stream-documents", "4097"],
        ];
        for flags in cases {
            let error = parse(flags).unwrap().server_config().unwrap_err();
            let message = error.to_string();
            assert!(
                message.starts_with(&format!("{} {}: ", flags[0], flags[1])),
                "{message}"
            );
        }
    }

    #[test]
    fn a_wrong_address_is_answered_with_an_example() {
        for value in ["50051", ":50051", "localhost", "127.0.0.1:70000", ""] {
            let message = parse(&["--listen", value]).unwrap_err().to_string();
            assert!(message.contains("127.0.0.1:50051"), "{message}");
        }
    }

    #[test]
    fn zero_workers_mean_one_for_each_cpu() {
        let workers = |flags: &[&str]| parse(flags).unwrap().model.worker_count();
        assert!(workers(&["--workers", "0"]) >= 1);
        assert_eq!(workers(&["--workers", "3"]), 3);
    }
}
