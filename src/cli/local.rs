//! A pipeline within this process, for the commands that need one.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::task::spawn_blocking;

use super::tag::{TagFailure, Tagger};
use crate::{
    api::{convert, status::Failure},
    cache::{self, Cache, Shared, SharedError},
    config::{CacheArgs, ModelArgs},
    engine::{self, Engine},
    model::{ModelError, Package},
    pipeline::{Origin, Pipeline, error::TagError},
    proto::tagwerk::v1,
    telemetry::Metrics,
};

/// The package that is taken where none is named.
const DEFAULT_PACKAGE: &str = "base";

/// The directory of the package that the settings name.
///
/// # Errors
/// [`ModelError::NotFound`].
pub fn package_directory(args: &ModelArgs) -> Result<PathBuf, ModelError> {
    let name = args.model.as_deref().unwrap_or(DEFAULT_PACKAGE);
    Package::find(name, args.models.as_deref())
}

/// Why there is no pipeline.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The settings contradict each other.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// The engine does not start.
    #[error(transparent)]
    Start(#[from] engine::StartError),
    /// The shared cache cannot be used as it is set.
    #[error(transparent)]
    Cache(#[from] SharedError),
    /// Loading ended without a result.
    #[error("loading the model ended without a result")]
    Ended,
}

/// Opens the package, starts the engine, and puts a pipeline in front of it.
///
/// # Errors
/// [`LoadError`].
pub async fn pipeline(args: ModelArgs) -> Result<Pipeline, LoadError> {
    start(args, 0, None, Metrics::new()).await
}

/// Makes the pipelines of a server: with its metrics, and a worker for the express lane. A later one is made only
/// where the package has changed.
#[derive(Debug, Clone)]
pub struct Loader {
    args: ModelArgs,
    cache: Option<CacheArgs>,
    metrics: Metrics,
    /// What the files looked like when they were last read.
    seen: Arc<Mutex<Option<Stamp>>>,
}

/// Size and time of change of each file of a package.
type Stamp = Vec<(u64, SystemTime)>;

impl Loader {
    /// Loads the package that the settings name.
    pub fn new(args: ModelArgs, metrics: Metrics) -> Self {
        Self {
            args,
            cache: None,
            metrics,
            seen: Arc::default(),
        }
    }

    /// Puts a cache in front of the engine.
    #[must_use]
    pub fn with_cache(mut self, cache: CacheArgs) -> Self {
        self.cache = Some(cache);
        self
    }

    /// A pipeline; `None` where the package still has this fingerprint.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn load(self, fingerprint: Option<String>) -> Result<Option<Pipeline>, LoadError> {
        let own = self.clone();
        let changed = spawn_blocking(move || own.has_changed(fingerprint.as_deref()));
        if !changed.await.map_err(|_| LoadError::Ended)?? {
            return Ok(None);
        }
        start(self.args, 1, self.cache, self.metrics)
            .await
            .map(Some)
    }

    /// Whether the package differs from one with this fingerprint. Where the files look as they did, they are not read
    /// again, so that a broken package is refused once.
    fn has_changed(&self, fingerprint: Option<&str>) -> Result<bool, LoadError> {
        let wrong = |error: ModelError| LoadError::Start(error.into());
        let directory = package_directory(&self.args).map_err(wrong)?;
        let stamp = Some(Package::stamp(&directory).map_err(wrong)?);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(fingerprint) = fingerprint else {
            *seen = stamp;
            return Ok(true);
        };
        if *seen == stamp {
            return Ok(false);
        }
        let same = Package::has_fingerprint(&directory, fingerprint).map_err(wrong)?;
        *seen = stamp;
        Ok(!same)
    }
}

async fn start(
    args: ModelArgs,
    express_workers: usize,
    cache: Option<CacheArgs>,
    metrics: Metrics,
) -> Result<Pipeline, LoadError> {
    args.check()?;
    // Connections belong to the runtime, which work elsewhere does not see.
    let shared = cache.as_ref().and_then(CacheArgs::shared_settings);
    let shared = shared.map(|settings| Shared::new(settings, metrics.clone()));
    let shared = shared.transpose()?;
    let start = move || {
        let directory = package_directory(&args).map_err(engine::StartError::from)?;
        let package =
            Package::open(&directory, args.precision).map_err(engine::StartError::from)?;
        let settings = engine::Settings {
            workers: args.worker_count(),
            express_workers,
            batch_tokens: args.batch_tokens,
            queue_tokens: args.queue_tokens,
            hang_after: Duration::from_secs(args.hang_seconds),
        };
        let model = cache::Model::new(&package.description().fingerprint);
        let engine = Engine::start(Arc::new(package), settings, metrics.clone())?;
        let pipeline = Pipeline::new(Arc::new(engine), args.max_document_bytes);
        let memory = cache.map_or(0, |cache| cache.memory_bytes);
        Ok(match memory {
            0 => pipeline,
            bytes => pipeline.with_cache(Cache::new(bytes, shared, model, metrics)),
        })
    };
    spawn_blocking(start).await.map_err(|_| LoadError::Ended)?
}

/// Tags in this process.
#[derive(Debug)]
pub struct LocalTagger(pub Pipeline);

impl Tagger for LocalTagger {
    async fn tag(
        &self,
        document: v1::Document,
        options: v1::TagOptions,
    ) -> Result<v1::TaggedDocument, TagFailure> {
        let refused =
            |failure: Failure| TagFailure::Refused(failure.into_status().message().to_owned());
        let (document, options) = convert::request(Some(document), Some(options))
            .map_err(|violations| refused(Failure::invalid(violations)))?;
        match self.0.tag(document, options, &Origin::alone()).await {
            Ok(tagged) => Ok(convert::tagged_document(&tagged, self.0.description())),
            Err(error @ TagError::Overloaded { retry_after }) => Err(TagFailure::Busy {
                retry_after,
                reason: error.to_string(),
            }),
            Err(TagError::Stopped) => Err(TagFailure::Lost(TagError::Stopped.to_string())),
            Err(error) => Err(TagFailure::Refused(error.to_string())),
        }
    }
}
