//! The signals that stop the server.

use std::io;

use futures::{Stream, stream};
use tokio::signal::unix::{SignalKind, signal};

/// SIGTERM and SIGINT as they come. They no longer end the process by themselves from here on.
///
/// # Errors
/// What the system says where handlers cannot be set.
pub fn signals() -> io::Result<impl Stream<Item = ()> + Send> {
    let both = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    Ok(stream::unfold(both, |(mut term, mut int)| async move {
        let name = tokio::select! {
            _ = term.recv() => "SIGTERM",
            _ = int.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "signal received");
        Some(((), (term, int)))
    }))
}
