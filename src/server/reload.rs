//! Takes up changed files while the server runs: settings, certificates, keys, watchlists and the model
//! package.
//!
//! Files are looked at every few seconds and on SIGHUP. What is broken is refused and logged, and what was there before
//! stays in use; calls in progress keep the certificates and the model with which they began.

use std::{
    convert::Infallible,
    error::Error,
    fmt,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    signal::unix::Signal,
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

/// Why something was not taken up.
type Refusal = Box<dyn Error + Send + Sync>;

/// What a [`Reread`] does.
type Take = dyn FnMut() -> Result<bool, Refusal> + Send;

/// Reads the settings again and takes up what can change while the server runs.
#[derive(Clone)]
pub struct Reread(Arc<Mutex<Take>>);

impl Reread {
    /// `take` may block. It gives false where nothing was to be taken up.
    pub fn new(take: impl FnMut() -> Result<bool, Refusal> + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(take)))
    }

    fn take(&self) -> Result<bool, Refusal> {
        (self.0.lock().unwrap_or_else(PoisonError::into_inner))()
    }
}

impl fmt::Debug for Reread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reread").finish_non_exhaustive()
    }
}

/// What can change while the server runs.
pub(super) struct Reload {
    pub tls: Option<Arc<Tls>>,
    pub authentication: Authentication,
    pub pipeline: watch::Sender<Option<Arc<Pipeline>>>,
    pub metrics: Metrics,
    /// Time between looks.
    pub watch: Option<Duration>,
    /// The settings, where they stand in a file.
    pub settings: Option<Reread>,
}

impl Reload {
    /// Follows the files for ever. `load` gets the fingerprint of the present package and makes a new pipeline where
    /// the package has another.
    pub async fn follow<F, E>(
        &self,
        mut hangups: Signal,
        mut load: impl FnMut(Option<String>) -> F,
    ) -> Infallible
    where
        F: Future<Output = Result<Option<Pipeline>, E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let mut looks = interval(self.watch.unwrap_or(REFETCH));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first comes at once.
        looks.tick().await;
        loop {
            let asked = tokio::select! {
                _ = hangups.recv() => true,
                _ = looks.tick() => false,
            };
            if asked || self.watch.is_some() {
                self.settings().await;
            }
            self.secrets().await;
            if asked || self.watch.is_some() {
                self.watchlists().await;
            }
            if asked || self.watch.is_some() {
                self.model(&mut load).await;
            }
        }
    }

    async fn settings(&self) {
        if let Some(settings) = self.settings.clone() {
            let reloaded = spawn_blocking(move || settings.take()).await;
            self.note("config", reloaded.map_err(Into::into).and_then(flat));
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

    async fn watchlists(&self) {
        let present = self.pipeline.borrow().clone();
        if let Some(pipeline) = present {
            let reloaded = spawn_blocking(move || pipeline.watchlists().reload()).await;
            self.note("watchlists", reloaded.map_err(Into::into).and_then(flat));
        }
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

    fn note(&self, what: &'static str, reloaded: Result<bool, Refusal>) {
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

fn flat<E>(reloaded: Result<bool, E>) -> Result<bool, Refusal>
where
    E: Into<Refusal>,
{
    reloaded.map_err(Into::into)
}
