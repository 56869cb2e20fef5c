//! The settings of the program: flags, the environment variables that stand for them, and the file of the server.
//!
//! Each group of flags is one struct, so that several commands can share it. The structs are the only list of the
//! settings: the keys of the file, the checks of single values, the printed settings and the reference are read off
//! them. A flag comes before its variable, the variable before the file, the file before the default.

mod again;
mod file;
mod models;
mod origin;
mod print;
mod setting;

use std::{net::SocketAddr, path::PathBuf, thread, time::Duration};

use clap::{ArgAction, Args, ValueEnum, builder::NonEmptyStringValueParser, value_parser};
use http::Uri;
use tracing_subscriber::EnvFilter;

use crate::{
    api::caller::Quota,
    cache::SharedSettings,
    model::Precision,
    pipeline::watchlist::Source,
    server::{
        ConnectionLimits, PageSettings, ServerConfig,
        auth::{AuthSettings, JwtSettings},
        tls::TlsSettings,
    },
    telemetry::traces::{Share, TraceSettings},
};

pub use again::{Changes, RunningSettings};
pub use models::{NamedModel, NamedModels, Part, section};
pub use origin::{Problems, ServeCommand, Settings};
pub use print::reference;

/// Tokens of the longest window; no batch can be smaller.
const MIN_BATCH_TOKENS: usize = 512;

/// Largest accepted limit for a document: offsets and message sizes then fit 32 bits.
const MAX_DOCUMENT_BYTES: usize = 256 << 20;

/// Largest accepted number of documents in flight per stream.
const MAX_STREAM_DOCUMENTS: usize = 4096;

/// Longest time that a setting in seconds may name: 30 days.
const MAX_SECONDS: u64 = 30 * 24 * 60 * 60;

/// What a message holds beside the text: id, options, protobuf's framing.
const MESSAGE_SLACK_BYTES: usize = 64 << 10;

/// Settings that contradict each other or cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("--{} {value}: {problem}", setting.replace('_', "-"))]
pub struct ConfigError {
    /// The setting: its flag without the leading dashes, in underscores.
    pub setting: &'static str,
    /// Its value.
    pub value: String,
    /// What is wrong, and what would be right.
    pub problem: String,
    /// The other settings that make it wrong.
    pub with: &'static [&'static str],
}

impl ConfigError {
    fn new(setting: &'static str, value: impl ToString, problem: impl Into<String>) -> Self {
        Self {
            setting,
            value: value.to_string(),
            problem: problem.into(),
            with: &[],
        }
    }

    fn with(mut self, others: &'static [&'static str]) -> Self {
        self.with = others;
        self
    }
}

/// Which model package answers, and with what resources.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Model")]
pub struct ModelArgs {
    /// The model package: a directory, or the name of a package in the packages' directory [default: `base`].
    #[arg(long, env = "TAGWERK_MODEL", value_name = "DIR|NAME")]
    pub model: Option<String>,

    /// Directory that holds model packages [default: `models` beside the program or checkout].
    #[arg(long, env = "TAGWERK_MODELS", value_name = "DIR")]
    pub models: Option<PathBuf>,

    /// Number format of the encoder. auto takes the fastest for the processor: int8 with AVX2, else bf16 or fp32.
    #[arg(
        long,
        env = "TAGWERK_PRECISION",
        value_name = "FORMAT",
        default_value = "auto"
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
        default_value_t = 1024
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

    /// Seconds that a worker may be at one batch before it counts as hanging and is replaced.
    #[arg(
        long,
        env = "TAGWERK_HANG_SECONDS",
        value_name = "SECONDS",
        default_value_t = 60,
        value_parser = value_parser!(u64).range(1..=MAX_SECONDS)
    )]
    pub hang_seconds: u64,

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
        first(self.problems())
    }

    fn problems(&self) -> Vec<ConfigError> {
        let mut problems = Vec::new();
        if self.batch_tokens < MIN_BATCH_TOKENS {
            let problem = format!("a batch must hold one window of {MIN_BATCH_TOKENS} tokens");
            problems.push(ConfigError::new("batch_tokens", self.batch_tokens, problem));
        }
        if self.queue_tokens < self.batch_tokens {
            let problem = format!("must be at least batch_tokens ({})", self.batch_tokens);
            let error = ConfigError::new("queue_tokens", self.queue_tokens, problem);
            problems.push(error.with(&["batch_tokens"]));
        }
        if !(1..=MAX_DOCUMENT_BYTES).contains(&self.max_document_bytes) {
            let problem = format!("must be between 1 and {MAX_DOCUMENT_BYTES}");
            let bytes = self.max_document_bytes;
            problems.push(ConfigError::new("max_document_bytes", bytes, problem));
        }
        problems
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

/// What is remembered of windows that have been read.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Cache")]
pub struct CacheArgs {
    /// Bytes of readings that are kept in memory, about; 0 keeps none and turns the cache off.
    #[arg(
        id = "cache_memory_bytes",
        long = "cache-memory-bytes",
        env = "TAGWERK_CACHE_MEMORY_BYTES",
        value_name = "BYTES",
        default_value_t = 32 << 20
    )]
    pub memory_bytes: u64,

    /// Valkey or Redis that keeps readings for several servers, such as `redis://cache:6379/0`; `rediss` means TLS.
    #[arg(
        id = "cache_url",
        long = "cache-url",
        env = "TAGWERK_CACHE_URL",
        value_name = "URL",
        value_parser = store
    )]
    pub url: Option<String>,

    /// The name to log in to it with.
    #[arg(
        id = "cache_user",
        long = "cache-user",
        env = "TAGWERK_CACHE_USER",
        value_name = "NAME",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub user: Option<String>,

    /// File that holds the password for it.
    #[arg(
        id = "cache_password",
        long = "cache-password",
        env = "TAGWERK_CACHE_PASSWORD",
        value_name = "FILE"
    )]
    pub password: Option<PathBuf>,

    /// Certificates that its certificate must be signed by (PEM) [default: those of the system].
    #[arg(
        id = "cache_ca",
        long = "cache-ca",
        env = "TAGWERK_CACHE_CA",
        value_name = "FILE"
    )]
    pub ca: Option<PathBuf>,

    /// Milliseconds that an answer of it is waited for. A window that is read takes tens of milliseconds.
    #[arg(
        id = "cache_patience_milliseconds",
        long = "cache-patience-milliseconds",
        env = "TAGWERK_CACHE_PATIENCE_MILLISECONDS",
        value_name = "MILLISECONDS",
        default_value_t = 20,
        value_parser = value_parser!(u64).range(1..=10_000)
    )]
    pub patience_milliseconds: u64,

    /// Seconds that it keeps a reading.
    #[arg(
        id = "cache_keep_seconds",
        long = "cache-keep-seconds",
        env = "TAGWERK_CACHE_KEEP_SECONDS",
        value_name = "SECONDS",
        default_value_t = 172_800,
        value_parser = value_parser!(u64).range(1..=MAX_SECONDS)
    )]
    pub keep_seconds: u64,
}

impl CacheArgs {
    /// The store that several servers share, where there is one.
    pub fn shared_settings(&self) -> Option<SharedSettings> {
        Some(SharedSettings {
            url: self.url.clone()?,
            user: self.user.clone(),
            password: self.password.clone(),
            ca: self.ca.clone(),
            patience: Duration::from_millis(self.patience_milliseconds),
            keep: Duration::from_secs(self.keep_seconds),
        })
    }

    /// Checks what clap cannot see.
    ///
    /// # Errors
    /// The first setting that cannot work.
    pub fn check(&self) -> Result<(), ConfigError> {
        first(self.problems())
    }

    fn problems(&self) -> Vec<ConfigError> {
        let mut problems = Vec::new();
        match &self.url {
            Some(url) if self.memory_bytes == 0 => {
                let problem = "cache.memory_bytes is 0, which turns the cache off";
                let error = ConfigError::new("cache_url", url, problem);
                problems.push(error.with(&["cache_memory_bytes"]));
            }
            Some(url) if self.ca.is_some() && !url.starts_with("rediss:") => {
                let problem = "cache.ca is set, but only rediss:// means TLS";
                let error = ConfigError::new("cache_url", url, problem);
                problems.push(error.with(&["cache_ca"]));
            }
            Some(_) => {}
            None => {
                let files = [
                    ("cache_user", self.user.clone()),
                    ("cache_password", self.password.as_ref().map(shown)),
                    ("cache_ca", self.ca.as_ref().map(shown)),
                ];
                problems.extend(files.into_iter().filter_map(|(setting, value)| {
                    let error = ConfigError::new(setting, value?, "cache.url is missing");
                    Some(error.with(&["cache_url"]))
                }));
            }
        }
        problems
    }
}

fn shown(path: impl AsRef<std::path::Path>) -> String {
    path.as_ref().display().to_string()
}

/// What is logged, and how. Logs go to standard error.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Logging")]
pub struct LogArgs {
    /// What is logged: a level, or a filter such as `info,tagwerk=debug`. A change in the file is taken up.
    #[arg(
        long,
        env = "TAGWERK_LOG",
        value_name = "FILTER",
        default_value = "info",
        value_parser = log_filter
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

/// When the HTTP port serves the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PageChoice {
    /// Where only this machine reaches the port, and callers need no certificate.
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// Where traces go, and how many.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Tracing")]
pub struct TraceArgs {
    /// Collector that gets traces, over OTLP with gRPC, such as `http://localhost:4317`. Without it there are none.
    #[arg(
        id = "trace_endpoint",
        long = "trace-endpoint",
        env = "TAGWERK_TRACE_ENDPOINT",
        value_name = "URL",
        value_parser = collector
    )]
    pub endpoint: Option<String>,

    /// Share of calls that are traced where the caller has not decided, from 0 to 1.
    #[arg(
        id = "trace_share",
        long = "trace-share",
        env = "TAGWERK_TRACE_SHARE",
        value_name = "SHARE",
        default_value = "1"
    )]
    pub share: Share,
}

/// Which lists of targets are known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Watchlists")]
pub struct WatchlistArgs {
    /// Watchlists that callers can name, separated by commas: CSV, JSON lines or TOML files with id, names and type.
    #[arg(
        id = "watchlists_files",
        long = "watchlists-files",
        visible_alias = "watchlist",
        env = "TAGWERK_WATCHLISTS_FILES",
        value_name = "NAME=FILE",
        value_parser = source
    )]
    pub sources: Vec<Source>,
}

/// A watchlist by name and file.
fn source(value: &str) -> Result<Source, String> {
    match value.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok(Source {
            name: name.to_owned(),
            path: path.into(),
        }),
        _ => Err("give a name and a file, for example companies=/etc/tagwerk/companies.csv".into()),
    }
}

/// The certificates that connections are secured with.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "TLS")]
pub struct TlsArgs {
    /// The server's certificate and those that sign it (PEM). With it, connections without TLS are refused.
    #[arg(
        id = "tls_certificate",
        long = "tls-certificate",
        env = "TAGWERK_TLS_CERTIFICATE",
        value_name = "FILE"
    )]
    pub certificate: Option<PathBuf>,

    /// The private key of the certificate (PEM).
    #[arg(
        id = "tls_key",
        long = "tls-key",
        env = "TAGWERK_TLS_KEY",
        value_name = "FILE"
    )]
    pub key: Option<PathBuf>,

    /// Certificates that callers' certificates must be signed by (PEM). With it, callers without one are refused.
    #[arg(
        id = "tls_client_ca",
        long = "tls-client-ca",
        env = "TAGWERK_TLS_CLIENT_CA",
        value_name = "FILE"
    )]
    pub client_ca: Option<PathBuf>,
}

/// Who may call, and how much.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Authentication")]
pub struct AuthArgs {
    /// File of the API keys that callers may show.
    #[arg(
        id = "auth_keys",
        long = "auth-keys",
        env = "TAGWERK_AUTH_KEYS",
        value_name = "FILE"
    )]
    pub keys: Option<PathBuf>,

    /// The public keys that sign callers' JSON web tokens (a JWK set): a file or a URL.
    #[arg(
        id = "auth_jwks",
        long = "auth-jwks",
        env = "TAGWERK_AUTH_JWKS",
        value_name = "FILE|URL",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub jwks: Option<String>,

    /// The issuer that a token must name.
    #[arg(
        id = "auth_issuer",
        long = "auth-issuer",
        env = "TAGWERK_AUTH_ISSUER",
        value_name = "ISSUER",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub issuer: Option<String>,

    /// The audiences of which a token must name one, separated by commas.
    #[arg(
        id = "auth_audience",
        long = "auth-audience",
        env = "TAGWERK_AUTH_AUDIENCE",
        value_name = "AUDIENCES",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub audience: Vec<String>,

    /// Seconds by which the clocks of issuer and server may differ.
    #[arg(
        id = "auth_leeway_seconds",
        long = "auth-leeway-seconds",
        env = "TAGWERK_AUTH_LEEWAY_SECONDS",
        value_name = "SECONDS",
        default_value_t = 60,
        value_parser = value_parser!(u64).range(..=600)
    )]
    pub leeway_seconds: u64,

    /// Tokens of the model that one caller may use per second; 0 sets no limit.
    #[arg(
        id = "auth_tokens_per_second",
        long = "auth-tokens-per-second",
        env = "TAGWERK_AUTH_TOKENS_PER_SECOND",
        value_name = "N",
        default_value_t = 0,
        value_parser = value_parser!(u32).range(..=1_000_000_000)
    )]
    pub tokens_per_second: u32,

    /// Calls that one caller may have in flight; 0 sets no limit.
    #[arg(
        id = "auth_concurrent_calls",
        long = "auth-concurrent-calls",
        env = "TAGWERK_AUTH_CONCURRENT_CALLS",
        value_name = "N",
        default_value_t = 0,
        value_parser = value_parser!(u32).range(..=1_000_000)
    )]
    pub concurrent_calls: u32,
}

/// The settings of `tagwerk serve`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Server")]
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

    /// Whether the HTTP port serves the page, and with it gRPC-Web. `auto`: where that port is on this machine alone.
    #[arg(
        long,
        env = "TAGWERK_PAGE",
        value_name = "WHEN",
        default_value = "auto"
    )]
    pub page: PageChoice,

    /// Names under which browsers find the page, beside IP addresses and localhost, separated by commas.
    #[arg(
        long,
        env = "TAGWERK_PAGE_HOSTS",
        value_name = "NAMES",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub page_hosts: Vec<String>,

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

    /// Let other machines call without authentication: something else decides who reaches the port.
    #[arg(
        long,
        env = "TAGWERK_INSECURE",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value = "false",
        default_missing_value = "true",
        hide_possible_values = true,
        action = ArgAction::Set
    )]
    pub insecure: bool,

    /// Answer clients of Google's Cloud Natural Language API too, on the same port.
    #[arg(
        long,
        env = "TAGWERK_GOOGLE",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value = "true",
        default_missing_value = "true",
        hide_possible_values = true,
        action = ArgAction::Set
    )]
    pub google: bool,

    /// Connections at a time; beyond that new ones wait.
    #[arg(
        long,
        env = "TAGWERK_MAX_CONNECTIONS",
        value_name = "N",
        default_value_t = 1024,
        value_parser = value_parser!(u32).range(1..=1_000_000)
    )]
    pub max_connections: u32,

    /// Calls of one connection at a time.
    #[arg(
        long,
        env = "TAGWERK_MAX_CALLS_PER_CONNECTION",
        value_name = "N",
        default_value_t = 256,
        value_parser = value_parser!(u32).range(1..=65_536)
    )]
    pub max_calls_per_connection: u32,

    /// Largest header of a call in bytes.
    #[arg(
        long,
        env = "TAGWERK_MAX_HEADER_BYTES",
        value_name = "BYTES",
        default_value_t = 16_384,
        value_parser = value_parser!(u32).range(1024..=1 << 20)
    )]
    pub max_header_bytes: u32,

    /// Seconds that a new connection has for TLS and HTTP/2's preface.
    #[arg(
        long,
        env = "TAGWERK_FIRST_BYTE_SECONDS",
        value_name = "SECONDS",
        default_value_t = 10,
        value_parser = value_parser!(u64).range(1..=3600)
    )]
    pub first_byte_seconds: u64,

    /// Seconds after which a connection without calls is closed; 0 never closes it.
    #[arg(
        long,
        env = "TAGWERK_IDLE_SECONDS",
        value_name = "SECONDS",
        default_value_t = 600,
        value_parser = value_parser!(u64).range(..=MAX_SECONDS)
    )]
    pub idle_seconds: u64,

    /// Seconds after which a connection takes no further calls and is closed; 0 never closes it.
    #[arg(
        long,
        env = "TAGWERK_MAX_CONNECTION_AGE_SECONDS",
        value_name = "SECONDS",
        default_value_t = 0,
        value_parser = value_parser!(u64).range(..=MAX_SECONDS)
    )]
    pub max_connection_age_seconds: u64,

    /// Seconds between looks at the files of settings, certificates, keys and model for changes; 0 looks on SIGHUP only.
    #[arg(
        long,
        env = "TAGWERK_WATCH_SECONDS",
        value_name = "SECONDS",
        default_value_t = 10,
        value_parser = value_parser!(u64).range(..=MAX_SECONDS)
    )]
    pub watch_seconds: u64,

    /// How connections are secured.
    #[command(flatten)]
    pub tls: TlsArgs,

    /// Who may call.
    #[command(flatten)]
    pub auth: AuthArgs,

    /// Which model answers.
    #[command(flatten)]
    pub model: ModelArgs,

    /// What is remembered.
    #[command(flatten)]
    pub cache: CacheArgs,

    /// Which lists of targets are known.
    #[command(flatten)]
    pub watchlists: WatchlistArgs,

    /// What is logged.
    #[command(flatten)]
    pub log: LogArgs,

    /// What is traced.
    #[command(flatten)]
    pub trace: TraceArgs,
}

impl ServeArgs {
    /// The server's part of the settings, after a check of all of them.
    ///
    /// # Errors
    /// The first setting that cannot work.
    pub fn server_config(&self) -> Result<ServerConfig, ConfigError> {
        first(self.problems())?;
        Ok(ServerConfig {
            listen: self.listen,
            http_listen: self.http_listen,
            page: self.page_settings(),
            max_message_bytes: self.max_message_bytes(),
            stream_documents: self.stream_documents,
            grace: Duration::from_secs(self.grace_seconds),
            google: self.google,
            connections: self.connection_limits(),
            tls: self.tls_settings(),
            auth: self.auth_settings(),
            watch: self.watch(),
            trace: self.trace_settings(),
        })
    }

    /// The page at the HTTP port, where there is one.
    pub fn page_settings(&self) -> Option<PageSettings> {
        let served = match self.page {
            PageChoice::On => true,
            PageChoice::Off => false,
            PageChoice::Auto => {
                self.http_listen.ip().to_canonical().is_loopback() && self.tls.client_ca.is_none()
            }
        };
        served.then(|| PageSettings {
            hosts: self.page_hosts.clone(),
        })
    }

    /// What connections may take, and how long they may last.
    pub fn connection_limits(&self) -> ConnectionLimits {
        ConnectionLimits {
            max_connections: usize::try_from(self.max_connections).unwrap_or(usize::MAX),
            max_calls: self.max_calls_per_connection,
            max_header_bytes: self.max_header_bytes,
            first_byte: Duration::from_secs(self.first_byte_seconds),
            idle: seconds(self.idle_seconds),
            max_age: seconds(self.max_connection_age_seconds),
        }
    }

    /// The files of TLS, where connections are secured.
    pub fn tls_settings(&self) -> Option<TlsSettings> {
        Some(TlsSettings {
            certificate: self.tls.certificate.clone()?,
            key: self.tls.key.clone()?,
            client_ca: self.tls.client_ca.clone(),
        })
    }

    /// How callers show who they are.
    pub fn auth_settings(&self) -> AuthSettings {
        let auth = &self.auth;
        AuthSettings {
            keys: auth.keys.clone(),
            jwt: auth.jwks.clone().map(|jwks| JwtSettings {
                jwks,
                issuer: auth.issuer.clone(),
                audience: auth.audience.clone(),
                leeway: Duration::from_secs(auth.leeway_seconds),
            }),
            quota: Quota {
                tokens_per_second: (auth.tokens_per_second > 0).then_some(auth.tokens_per_second),
                concurrent_calls: (auth.concurrent_calls > 0).then_some(auth.concurrent_calls),
            },
        }
    }

    /// Where traces go, where there are any.
    pub fn trace_settings(&self) -> Option<TraceSettings> {
        Some(TraceSettings {
            endpoint: self.trace.endpoint.clone()?,
            share: self.trace.share,
        })
    }

    /// How often files are looked at for changes; without it, on SIGHUP only.
    pub fn watch(&self) -> Option<Duration> {
        seconds(self.watch_seconds)
    }

    fn problems(&self) -> Vec<ConfigError> {
        let mut problems = self.model.problems();
        if !(1..=MAX_STREAM_DOCUMENTS).contains(&self.stream_documents) {
            let problem = format!("must be between 1 and {MAX_STREAM_DOCUMENTS}");
            let documents = self.stream_documents;
            problems.push(ConfigError::new("stream_documents", documents, problem));
        }
        problems.extend(self.message_problem());
        problems.extend(self.listen_problem());
        problems.extend(self.page_problem());
        problems.extend(self.tls.problems());
        problems.extend(self.auth.problems());
        problems.extend(self.cache.problems());
        problems
    }

    /// The largest message: far above the largest document, unless it is set. A text that is too large then gets an
    /// answer that names the field and the limit instead of the transport's.
    fn max_message_bytes(&self) -> usize {
        let document = self.model.max_document_bytes;
        let default = document.saturating_mul(4).saturating_add(1 << 20);
        self.max_message_bytes.unwrap_or(default)
    }

    fn message_problem(&self) -> Option<ConfigError> {
        let limit = self.max_message_bytes?;
        let document = self.model.max_document_bytes.min(MAX_DOCUMENT_BYTES);
        let bounds = document + MESSAGE_SLACK_BYTES..=u32::MAX as usize;
        if bounds.contains(&limit) {
            return None;
        }
        let (least, most) = bounds.into_inner();
        let problem = format!(
            "must be between {least} (the largest document and {MESSAGE_SLACK_BYTES}) and {most}"
        );
        let error = ConfigError::new("max_message_bytes", limit, problem);
        Some(error.with(&["max_document_bytes"]))
    }

    fn listen_problem(&self) -> Option<ConfigError> {
        let (auth, tls) = (&self.auth, &self.tls);
        if self.listen == self.http_listen && self.listen.port() != 0 {
            let problem = "gRPC and HTTP cannot share a port; choose another for http_listen";
            let error = ConfigError::new("listen", self.listen, problem);
            return Some(error.with(&["http_listen"]));
        }
        let local = self.listen.ip().to_canonical().is_loopback();
        let asked = auth.keys.is_some() || auth.jwks.is_some() || tls.client_ca.is_some();
        if local || asked || self.insecure {
            return None;
        }
        let problem = format!(
            "other machines could call, and nobody would be asked who they are. Three ways out: \
             listen on this machine alone (127.0.0.1:{}); authenticate callers (auth.keys, \
             auth.jwks or tls.client_ca); or say --insecure, where something else decides who \
             reaches the port",
            self.listen.port()
        );
        let error = ConfigError::new("listen", self.listen, problem);
        Some(error.with(&["insecure", "auth_keys", "auth_jwks", "tls_client_ca"]))
    }

    /// Through the page calls come to the HTTP port: it must not be more open than the gRPC port.
    fn page_problem(&self) -> Option<ConfigError> {
        if self.page != PageChoice::On {
            return None;
        }
        if self.tls.client_ca.is_some() {
            let problem = "callers have to show a certificate (tls.client_ca), which the HTTP port \
                           cannot ask for";
            return Some(ConfigError::new("page", "on", problem).with(&["tls_client_ca"]));
        }
        let local = self.http_listen.ip().to_canonical().is_loopback();
        if local || self.auth.keys.is_some() || self.auth.jwks.is_some() || self.insecure {
            return None;
        }
        let problem = format!(
            "other machines could call at {}, and nobody would be asked who they are: set \
             auth.keys or auth.jwks, or say --insecure, where something else decides who reaches \
             the port",
            self.http_listen
        );
        let error = ConfigError::new("page", "on", problem);
        Some(error.with(&["http_listen", "insecure", "auth_keys", "auth_jwks"]))
    }
}

impl TlsArgs {
    fn problems(&self) -> Vec<ConfigError> {
        let files = [&self.certificate, &self.key, &self.client_ca];
        let [certificate, key, client_ca] = files.map(|file| file.as_ref().map(|f| f.display()));
        let mut problems = Vec::new();
        match (certificate, key) {
            (Some(certificate), None) => {
                let error = ConfigError::new("tls_certificate", certificate, "tls.key is missing");
                problems.push(error.with(&["tls_key"]));
            }
            (None, Some(key)) => {
                let error = ConfigError::new("tls_key", key, "tls.certificate is missing");
                problems.push(error.with(&["tls_certificate"]));
            }
            (None, None) => problems.extend(client_ca.map(|client_ca| {
                let problem = "needs tls.certificate and tls.key";
                let error = ConfigError::new("tls_client_ca", client_ca, problem);
                error.with(&["tls_certificate", "tls_key"])
            })),
            (Some(_), Some(_)) => {}
        }
        problems
    }
}

impl AuthArgs {
    fn problems(&self) -> Vec<ConfigError> {
        let mut problems = Vec::new();
        match &self.jwks {
            Some(jwks) if self.issuer.is_none() && self.audience.is_empty() => {
                let problem =
                    "tokens for other services would pass; set auth.audience, auth.issuer or both";
                let error = ConfigError::new("auth_jwks", jwks, problem);
                problems.push(error.with(&["auth_issuer", "auth_audience"]));
            }
            Some(_) => {}
            None => {
                let problem = "no token is asked for without auth.jwks";
                if let Some(issuer) = &self.issuer {
                    let error = ConfigError::new("auth_issuer", issuer, problem);
                    problems.push(error.with(&["auth_jwks"]));
                }
                if !self.audience.is_empty() {
                    let audience = self.audience.join(",");
                    let error = ConfigError::new("auth_audience", audience, problem);
                    problems.push(error.with(&["auth_jwks"]));
                }
            }
        }
        problems
    }
}

fn first(problems: Vec<ConfigError>) -> Result<(), ConfigError> {
    problems.into_iter().next().map_or(Ok(()), Err)
}

/// A time in seconds, where 0 stands for none.
fn seconds(seconds: u64) -> Option<Duration> {
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

/// Checks a filter of the log.
fn log_filter(value: &str) -> Result<String, String> {
    match EnvFilter::try_new(value) {
        Ok(_) => Ok(value.to_owned()),
        Err(error) => Err(format!("{error}; try `info` or `tagwerk=debug`")),
    }
}

/// Checks the URL of a collector.
fn collector(value: &str) -> Result<String, String> {
    let uri: Option<Uri> = value.parse().ok();
    let scheme = uri.as_ref().and_then(Uri::scheme_str);
    let authority = uri.as_ref().and_then(Uri::authority);
    match (scheme, authority) {
        (Some("http" | "https"), Some(authority)) if authority.as_str().contains('@') => {
            // Settings are printed.
            Err("give the URL without a password".to_owned())
        }
        (Some("http" | "https"), Some(_)) => Ok(value.to_owned()),
        _ => Err("give a URL, for example http://localhost:4317".to_owned()),
    }
}

/// Checks the URL of a shared cache.
fn store(value: &str) -> Result<String, String> {
    let uri: Option<Uri> = value.parse().ok();
    let scheme = uri.as_ref().and_then(Uri::scheme_str);
    let authority = uri.as_ref().and_then(Uri::authority);
    match (scheme, authority) {
        (Some("redis" | "rediss"), Some(authority)) if authority.as_str().contains('@') => {
            // Settings are printed.
            Err("give the URL without a password, and the password in a file".to_owned())
        }
        (Some("redis" | "rediss"), Some(_)) => Ok(value.to_owned()),
        _ => Err("give a URL, for example redis://localhost:6379/0".to_owned()),
    }
}

/// Reads an address with its port.
pub(crate) fn address(value: &str) -> Result<SocketAddr, String> {
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
            &["--queue-tokens", "1023"],
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
    fn the_page_is_served_where_only_this_machine_reaches_it_or_it_is_wanted() {
        let client_ca = ["--tls-certificate=c", "--tls-key=k", "--tls-client-ca=a"];
        let cases: [(&[&str], bool); 7] = [
            (&[], true),
            (&["--http-listen=[::1]:0"], true),
            (&["--page=off"], false),
            (&["--http-listen=0.0.0.0:9090"], false),
            (
                &["--http-listen=0.0.0.0:9090", "--page=on", "--auth-keys=k"],
                true,
            ),
            (
                &["--http-listen=0.0.0.0:9090", "--page=on", "--insecure"],
                true,
            ),
            (&client_ca, false),
        ];
        for (flags, served) in cases {
            let config = parse(flags).unwrap().server_config().unwrap();
            assert_eq!(config.page.is_some(), served, "{flags:?}");
        }
    }

    #[test]
    fn a_page_that_opens_what_the_grpc_port_keeps_closed_is_refused() {
        let message = error(&["--http-listen=192.0.2.7:80", "--page=on"]);
        assert!(message.starts_with("--page on: "), "{message}");
        for way in ["192.0.2.7:80", "auth.keys", "auth.jwks", "--insecure"] {
            assert!(message.contains(way), "{message}");
        }
        let tls = ["--tls-certificate=c", "--tls-key=k", "--tls-client-ca=a"];
        let message = error(&[&["--page=on"], tls.as_slice()].concat());
        assert!(message.contains("tls.client_ca"), "{message}");
    }

    #[test]
    fn a_wrong_address_is_answered_with_an_example() {
        for value in ["50051", ":50051", "localhost", "127.0.0.1:70000", ""] {
            let message = parse(&["--listen", value]).unwrap_err().to_string();
            assert!(message.contains("127.0.0.1:50051"), "{message}");
        }
    }

    fn error(flags: &[&str]) -> String {
        let error = parse(flags).unwrap().server_config().unwrap_err();
        error.to_string()
    }

    #[test]
    fn a_port_that_is_open_to_all_is_refused_with_three_ways_out() {
        for address in ["0.0.0.0:50051", "[::]:1", "192.0.2.7:0", "[2001:db8::1]:1"] {
            let message = error(&["--listen", address]);
            assert!(message.starts_with(&format!("--listen {address}: ")));
            for way in [
                "127.0.0.1",
                "auth.keys",
                "auth.jwks",
                "tls.client_ca",
                "--insecure",
            ] {
                assert!(message.contains(way), "{message}");
            }
        }
    }

    #[test]
    fn a_port_is_opened_where_callers_are_asked_or_it_is_wanted_so_or_only_this_machine_calls() {
        let tls = ["--tls-certificate=c", "--tls-key=k", "--tls-client-ca=a"];
        let ways: [&[&str]; 4] = [
            &["--insecure"],
            &["--auth-keys=k"],
            &["--auth-jwks=j", "--auth-issuer=i"],
            &tls,
        ];
        for way in ways {
            let flags = [&["--listen=0.0.0.0:50051"], way].concat();
            assert!(parse(&flags).unwrap().server_config().is_ok(), "{way:?}");
        }
        for address in [
            "127.0.0.1:1",
            "127.9.9.9:1",
            "[::1]:1",
            "[::ffff:127.0.0.1]:1",
        ] {
            let args = parse(&["--listen", address]).unwrap();
            assert!(args.server_config().is_ok(), "{address}");
        }
    }

    #[test]
    fn a_certificate_without_authentication_does_not_open_the_port() {
        let tls = ["--tls-certificate=c", "--tls-key=k"];
        let message = error(&[&["--listen", "0.0.0.0:1"][..], &tls].concat());
        assert!(message.starts_with("--listen"), "{message}");
    }

    #[test]
    fn settings_that_need_each_other_are_refused_alone() {
        let cases: [(&[&str], &str); 7] = [
            (&["--tls-certificate=c"], "--tls-certificate c: tls.key"),
            (&["--tls-key=k"], "--tls-key k: tls.certificate"),
            (&["--tls-client-ca=a"], "--tls-client-ca a: needs"),
            (&["--auth-jwks=j"], "--auth-jwks j: tokens for other"),
            (&["--auth-issuer=i"], "--auth-issuer i: no token"),
            (&["--auth-audience=a"], "--auth-audience a: no token"),
            (
                &["--listen=127.0.0.1:9", "--http-listen=127.0.0.1:9"],
                "--listen 127.0.0.1:9: gRPC and HTTP",
            ),
        ];
        for (flags, expected) in cases {
            let message = error(flags);
            assert!(message.starts_with(expected), "{message}");
        }
    }

    #[test]
    fn numbers_out_of_their_range_are_refused() {
        for flag in [
            "--max-connections=0",
            "--max-calls-per-connection=0",
            "--max-header-bytes=1023",
            "--first-byte-seconds=0",
            "--idle-seconds=2592001",
            "--watch-seconds=-1",
            "--auth-leeway-seconds=601",
        ] {
            assert!(parse(&[flag]).is_err(), "{flag}");
        }
    }

    #[test]
    fn connections_have_limits_of_which_zero_lifts_those_of_time() {
        let limits = parse(&[]).unwrap().connection_limits();
        let expected = ConnectionLimits {
            max_connections: 1024,
            max_calls: 256,
            max_header_bytes: 16_384,
            first_byte: Duration::from_secs(10),
            idle: Some(Duration::from_secs(600)),
            max_age: None,
        };
        assert_eq!(limits, expected);
        let args = parse(&["--idle-seconds=0", "--max-connection-age-seconds=60"]).unwrap();
        assert_eq!(args.connection_limits().idle, None);
        let age = args.connection_limits().max_age;
        assert_eq!(age, Some(Duration::from_secs(60)));
        assert_eq!(args.watch(), Some(Duration::from_secs(10)));
        assert_eq!(parse(&["--watch-seconds=0"]).unwrap().watch(), None);
    }

    #[test]
    fn the_files_of_tls_and_the_rules_of_authentication_are_passed_on() {
        let args = parse(&[]).unwrap();
        assert_eq!(args.tls_settings(), None);
        assert_eq!(args.auth_settings().jwt, None);
        let args = parse(&[
            "--tls-certificate=c",
            "--tls-key=k",
            "--auth-jwks=j",
            "--auth-audience=a",
            "--auth-audience=b",
            "--auth-concurrent-calls=4",
        ]);
        let args = args.unwrap();
        let tls = TlsSettings {
            certificate: "c".into(),
            key: "k".into(),
            client_ca: None,
        };
        assert_eq!(args.tls_settings(), Some(tls));
        let auth = AuthSettings {
            keys: None,
            jwt: Some(JwtSettings {
                jwks: "j".into(),
                issuer: None,
                audience: vec!["a".to_owned(), "b".to_owned()],
                leeway: Duration::from_secs(60),
            }),
            quota: Quota {
                tokens_per_second: None,
                concurrent_calls: Some(4),
            },
        };
        assert_eq!(args.auth_settings(), auth);
    }

    #[test]
    fn traces_go_nowhere_unless_a_collector_is_named() {
        assert_eq!(parse(&[]).unwrap().trace_settings(), None);
        let args = parse(&["--trace-endpoint=http://c:4317", "--trace-share=0.05"]);
        let expected = TraceSettings {
            endpoint: "http://c:4317".to_owned(),
            share: "0.05".parse().unwrap(),
        };
        assert_eq!(args.unwrap().trace_settings(), Some(expected));
        let all = parse(&["--trace-endpoint=http://c:4317"]).unwrap();
        assert_eq!(all.trace_settings().unwrap().share, Share::ALL);
    }

    #[test]
    fn a_collector_that_is_no_url_or_holds_a_password_is_refused() {
        for url in [
            "",
            "localhost:4317",
            "grpc://c:1",
            "http://",
            "https://a:b@c:1",
        ] {
            assert!(parse(&["--trace-endpoint", url]).is_err(), "{url}");
        }
    }

    #[test]
    fn zero_workers_mean_one_for_each_cpu() {
        let workers = |flags: &[&str]| parse(flags).unwrap().model.worker_count();
        assert!(workers(&["--workers", "0"]) >= 1);
        assert_eq!(workers(&["--workers", "3"]), 3);
    }
}
