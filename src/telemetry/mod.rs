//! What is seen from outside: logs on standard error, metrics for Prometheus, traces over OTLP.
//!
//! The text of a document is in none of them, and no label of a metric comes from a caller.

pub mod calls;
pub mod metrics;
pub mod traces;

use std::{
    io::{self, IsTerminal as _},
    panic,
    time::Duration,
};

use tracing_subscriber::{
    EnvFilter, Registry, layer::SubscriberExt as _, reload, util::SubscriberInitExt as _,
};

use crate::config::{LogArgs, LogFormat};

pub use metrics::Metrics;

/// Characters of a caller's id that are logged.
const MAX_LOGGED_ID: usize = 128;

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not of the form that tracing understands.
    #[error("the log filter {filter:?} cannot be read: {source}; try `info` or `tagwerk=debug`")]
    Filter {
        /// The filter as given.
        filter: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// A subscriber has been set before.
    #[error("logging has been set up already")]
    Twice,
    /// The log whose filter should change is not there any more.
    #[error("the filter of the log cannot be changed: {0}")]
    Gone(#[from] reload::Error),
}

/// The filter of the log, which can change while the program runs.
#[derive(Debug, Clone)]
pub struct LogFilter(reload::Handle<EnvFilter, Registry>);

impl LogFilter {
    /// Filters by other rules from now on.
    ///
    /// # Errors
    /// A filter that cannot be read; the old one stays in use.
    pub fn set(&self, filter: &str) -> Result<(), TelemetryError> {
        Ok(self.0.reload(parse(filter)?)?)
    }
}

fn parse(filter: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::try_new(filter).map_err(|source| TelemetryError::Filter {
        filter: filter.to_owned(),
        source,
    })
}

/// Sends events to standard error: pretty on a terminal, as JSON lines otherwise. Panics become
/// events, too.
///
/// # Errors
/// A filter that cannot be read, or a second call in one process.
pub fn init(args: &LogArgs) -> Result<LogFilter, TelemetryError> {
    let (filter, handle) = reload::Layer::new(parse(&args.log)?);
    let registry = tracing_subscriber::registry().with(filter);
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let json = match args.log_format {
        LogFormat::Auto => !io::stderr().is_terminal(),
        LogFormat::Pretty => false,
        LogFormat::Json => true,
    };
    let set = if json {
        // The innermost span holds all that is known of a call.
        let layer = layer.json().flatten_event(true).with_span_list(false);
        registry.with(layer).try_init()
    } else {
        registry.with(layer.with_ansi(colour)).try_init()
    };
    set.map_err(|_| TelemetryError::Twice)?;
    log_panics();
    Ok(LogFilter(handle))
}

/// Makes a panic an event with its place alone: its message can quote the text of a document.
fn log_panics() {
    panic::set_hook(Box::new(|panicked| {
        let place = panicked.location().map(ToString::to_string);
        tracing::error!(place, "panicked");
    }));
}

/// A duration in milliseconds, to the microsecond.
pub fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// A caller's id as it may stand in a log: escaped, so that it cannot forge a line, and cut.
pub fn loggable(id: &str) -> String {
    id.chars()
        .flat_map(char::escape_debug)
        .take(MAX_LOGGED_ID)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logged_id_cannot_forge_a_line() {
        assert_eq!(loggable("a\nb\u{1b}[31m\0"), "a\\nb\\u{1b}[31m\\0");
    }

    #[test]
    fn a_logged_id_is_cut() {
        assert_eq!(loggable(&"x".repeat(1 << 20)).len(), MAX_LOGGED_ID);
    }

    #[test]
    fn an_ordinary_id_is_logged_as_it_is() {
        assert_eq!(
            loggable("dpa/2025-09-17/0815 Größe"),
            "dpa/2025-09-17/0815 Größe"
        );
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_an_error_with_a_hint() {
        let args = LogArgs {
            log: "tagwerk=loud".into(),
            log_format: LogFormat::Json,
        };
        let message = init(&args).unwrap_err().to_string();
        assert!(
            message.contains("tagwerk=loud") && message.contains("try"),
            "{message}"
        );
    }
}
