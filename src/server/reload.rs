//! Takes up changed files while the server runs: certificates, keys and the model package.
//!
//! Files are looked at every few seconds and on SIGHUP. What is broken is refused and logged, and what was there before
//! stays in use; calls in progress keep the certificates and the model with which they began.

use std::{convert::Infallible, error::Error, future::Future, io, sync::Arc, time::Duration};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};
use tracing::{info, warn};

use super::{announce, auth::Authentication, tls::Tls};
use crate::{pipeline::Pipeline, telemetry::Metrics};

/// Without a time between looks, keys from a URL are still fetched again this often: those withdrawn at the issuer
/// would stay valid otherwise.
const REFETCH: Duration = Duration::from_secs(300);

/// What can change while the server runs.
pub(super) struct Reload {
    pub tls: Option<Arc<Tls>>,
    pub authentication: Authentication,
    pub pipeline: watch::Sender<Option<Arc<Pipeline>>>,
    pub metrics: Metrics,
    /// Time between looks.
    pub watch: Option<Duration>,
}

impl Reload {
    /// Follows the files for ever. `load` gets the fingerprint of the present package and makes a new pipeline where
    /// the package has another.
    ///
    /// # Errors
    /// Where SIGHUP cannot be listened for.
    pub async fn follow<F, E>(
        &self,
        mut load: impl FnMut(Option<String>) -> F,
    ) -> io::Result<Infallible>
    where
        F: Future<Output = Result<Option<Pipeline>, E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let mut hangups = signal(SignalKind::hangup())?;
        let mut looks = interval(self.watch.unwrap_or(REFETCH));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first comes at once.
        looks.tick().await;
        loop {
            let asked = tokio::select! {
                _ = hangups.recv() => true,
                _ = looks.tick() => false,
            };
            self.secrets().await;
            if asked || self.watch.is_some() {
                self.model(&mut load).await;
            }
        }
    }

    /// Certificates and keys.
    async fn secrets(&self) {
        if let Some(tls) = self.tls.clone() {
            let reloaded = spawn_blocking(move || tls.reload()).await;
            self.note("certificates", reloaded.map_err(Into::into).and_then(flat));
        }
        let authentication = self.authentication.clone();
        let reloaded = spawn_blocking(move || authentication.reload()).await;
        self.note("keys", reloaded.map_err(Into::into).and_then(flat));
    }

    async fn model<F, E>(&self, load: &mut impl FnMut(Option<String>) -> F)
    where
        F: Future<Output = Result<Option<Pipeline>, E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let present = self.pipeline.borrow().clone();
        let fingerprint = present.map(|p| p.description().fingerprint.clone());
        let loaded = load(fingerprint).await.map_err(Into::into);
        self.note(
            "model",
            loaded.map(|pipeline| {
                let Some(pipeline) = pipeline else {
                    return false;
                };
                announce(&pipeline, &self.metrics);
                // The old one ends with its last call.
                self.pipeline.send_replace(Some(Arc::new(pipeline)));
                true
            }),
        );
    }

    fn note(&self, what: &'static str, reloaded: Result<bool, Box<dyn Error + Send + Sync>>) {
        match reloaded {
            Ok(false) => {}
            Ok(true) => {
                info!(what, "reloaded");
                self.metrics.reloaded(what, "ok");
            }
            Err(error) => {
                warn!(what, %error, "not reloaded; what was there before stays in use");
                self.metrics.reloaded(what, "refused");
            }
        }
    }
}

fn flat<E>(reloaded: Result<bool, E>) -> Result<bool, Box<dyn Error + Send + Sync>>
where
    E: Into<Box<dyn Error + Send + Sync>>,
{
    reloaded.map_err(Into::into)
}
