//! A pipeline within this process, for the commands that need one.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::task::spawn_blocking;

use super::tag::{TagFailure, Tagger};
use crate::{
    api::{convert, status::Failure},
    cache::{self, Cache, Shared, SharedError},
    config::{CacheArgs, ModelArgs, NamedModel, NamedModels, Part},
    engine::{self, Engine},
    model::{
        Checkpoint, Description, ModelError, Package,
        hugging_face::{self, Hub, Place},
    },
    pipeline::{Origin, Pipeline, Reader, error::TagError, watchlist::Watchlists},
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
    /// A model beside the package cannot be used.
    #[error("models.{name}{part}: {source}")]
    Named {
        /// The name of the model.
        name: String,
        /// The part of it, with a dot before it.
        part: &'static str,
        /// What is wrong.
        source: Box<LoadError>,
    },
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

/// Makes the pipelines of a server, with its metrics. A later one is made only where the package has changed.
#[derive(Debug, Clone)]
pub struct Loader {
    args: ModelArgs,
    cache: Option<CacheArgs>,
    express_workers: usize,
    watchlists: Watchlists,
    models: NamedModels,
    metrics: Metrics,
    /// The engines of the models beside the package, which stay where the package changes.
    own: Arc<Mutex<BTreeMap<String, OwnParts>>>,
    /// What the files looked like when they were last read.
    seen: Arc<Mutex<Option<Stamp>>>,
}

/// A named model's own parts: for its entities and for its stances.
type OwnParts = (Option<Own>, Option<Own>);

/// The engine of a model beside the package.
#[derive(Debug, Clone)]
struct Own {
    engine: Arc<Engine>,
    /// What readings are remembered under.
    model: cache::Model,
}

impl Own {
    fn start(
        checkpoint: Checkpoint,
        settings: engine::Settings,
    ) -> Result<Self, engine::StartError> {
        let fingerprint = &checkpoint.description().fingerprint;
        let model = cache::Model::new(fingerprint);
        // The metrics of queue and batches are those of the package.
        let engine = Engine::start(Arc::new(checkpoint), settings, Metrics::new())?;
        let engine = Arc::new(engine);
        Ok(Self { engine, model })
    }

    /// Its reader, with the cache of another.
    fn reader(self, package: &Reader) -> Reader {
        package.with_engine(self.engine, self.model)
    }
}

/// Size and time of change of each file of a package.
type Stamp = Vec<(u64, SystemTime)>;

impl Loader {
    /// Loads the package that the settings name.
    pub fn new(args: ModelArgs, metrics: Metrics) -> Self {
        Self {
            args,
            cache: None,
            express_workers: 0,
            watchlists: Watchlists::default(),
            models: NamedModels::new(),
            metrics,
            own: Arc::default(),
            seen: Arc::default(),
        }
    }

    /// Puts a cache in front of the engine.
    #[must_use]
    pub fn with_cache(mut self, cache: CacheArgs) -> Self {
        self.cache = Some(cache);
        self
    }

    /// Starts a worker for the express lane, which single calls need and a queue does not.
    #[must_use]
    pub fn with_express_lane(mut self) -> Self {
        self.express_workers = 1;
        self
    }

    /// Makes watchlists known by name.
    #[must_use]
    pub fn with_watchlists(mut self, watchlists: Watchlists) -> Self {
        self.watchlists = watchlists;
        self
    }

    /// Adds models beside the package, which requests choose by name.
    #[must_use]
    pub fn with_models(mut self, models: NamedModels) -> Self {
        self.models = models;
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
        let (args, cache) = (self.args.clone(), self.cache.clone());
        let pipeline = start(args, self.express_workers, cache, self.metrics.clone()).await?;
        let pipeline = pipeline.with_watchlists(self.watchlists.clone());
        if self.models.is_empty() {
            return Ok(Some(pipeline));
        }
        let named = spawn_blocking(move || self.named(pipeline));
        named.await.map_err(|_| LoadError::Ended)?.map(Some)
    }

    /// The pipeline of the package with those of the other models.
    fn named(&self, package: Pipeline) -> Result<Pipeline, LoadError> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pipelines = BTreeMap::new();
        for (name, model) in &self.models {
            if *name == package.description().name {
                let problem = "is the name of the package".to_owned();
                let setting = "name";
                let error = ModelError::Setting { setting, problem };
                return Err(wrong(name, "", error.into()));
            }
            if !own.contains_key(name) {
                own.insert(name.clone(), self.start_own(name, model, &package)?);
            }
            let (entities, stances) = own.get(name).cloned().unwrap_or_default();
            let reader = match entities {
                Some(own) => own.reader(package.reader()),
                None => package.reader().clone(),
            };
            let judge = match (&model.stances, stances) {
                (Some(Part::Package), _) => Some(package.reader().clone()),
                (_, own) => own.map(|own| own.reader(package.reader())),
            };
            let description = describe(name, model, &package, &reader, judge.as_ref());
            let bytes = self.args.max_document_bytes;
            let pipeline = Pipeline::of_parts(description, reader, judge, bytes);
            pipelines.insert(name.clone(), pipeline);
        }
        Ok(package.with_models(pipelines))
    }

    /// Starts the engines of a model's own parts.
    fn start_own(
        &self,
        name: &str,
        model: &NamedModel,
        package: &Pipeline,
    ) -> Result<OwnParts, LoadError> {
        let languages = languages(model, package);
        let start = |opened: Result<Checkpoint, ModelError>, part: &'static str| {
            let settings = engine_settings(&self.args, model.workers, 0);
            let started = opened
                .map_err(engine::StartError::from)
                .and_then(|checkpoint| Own::start(checkpoint, settings));
            started.map_err(|error| wrong(name, part, error))
        };
        let entities = match &model.entities {
            Part::Package => None,
            Part::Own(settings) => {
                let opened = directory(&settings.place())
                    .and_then(|d| Checkpoint::for_entities(&d, settings, name, &languages));
                Some(start(opened, ".entities")?)
            }
        };
        let stances = match &model.stances {
            None | Some(Part::Package) => None,
            Some(Part::Own(settings)) => {
                let opened = directory(&settings.place())
                    .and_then(|d| Checkpoint::for_stances(&d, settings, name, &languages));
                Some(start(opened, ".stances")?)
            }
        };
        Ok((entities, stances))
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
        let settings = engine_settings(&args, args.worker_count(), express_workers);
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

fn engine_settings(args: &ModelArgs, workers: usize, express_workers: usize) -> engine::Settings {
    engine::Settings {
        workers,
        express_workers,
        batch_tokens: args.batch_tokens,
        queue_tokens: args.queue_tokens,
        hang_after: Duration::from_secs(args.hang_seconds),
    }
}

fn wrong(name: &str, part: &'static str, error: engine::StartError) -> LoadError {
    LoadError::Named {
        name: name.to_owned(),
        part,
        source: Box::new(error.into()),
    }
}

/// The directory of a model, which is fetched from its hub where it comes from there.
fn directory(place: &Place) -> Result<PathBuf, ModelError> {
    match (&place.path, &place.hub) {
        (Some(path), _) => Ok(path.clone()),
        (None, Some(id)) => Hub::of_environment().fetch(id, place.revision.as_deref()),
        (None, None) => Err(ModelError::Setting {
            setting: "path",
            problem: "is missing".to_owned(),
        }),
    }
}

fn languages(model: &NamedModel, package: &Pipeline) -> Vec<String> {
    match model.languages.is_empty() {
        true => package.description().languages.clone(),
        false => model.languages.clone(),
    }
}

/// What a model that is put together of others says of itself.
fn describe(
    name: &str,
    model: &NamedModel,
    package: &Pipeline,
    reader: &Reader,
    judge: Option<&Reader>,
) -> Description {
    let own = reader.engine().source().description();
    let parts =
        || std::iter::once(own).chain(judge.map(|judge| judge.engine().source().description()));
    let fingerprints = parts().map(|part| part.fingerprint.as_str());
    let fingerprint = match judge {
        None => own.fingerprint.clone(),
        Some(_) => hugging_face::joint_fingerprint(fingerprints),
    };
    let mut labels: Vec<(String, Vec<String>)> = Vec::new();
    for (head, of_head) in parts().flat_map(|part| &part.labels) {
        // The heads of a package that another model stands in for are not asked.
        let is_first = !labels.iter().any(|(known, _)| known == head);
        let asked = head != "polarity" && head != "holder" || judge.is_some();
        if is_first && asked {
            labels.push((head.clone(), of_head.clone()));
        }
    }
    Description {
        name: name.to_owned(),
        version: String::new(),
        fingerprint,
        license: String::new(),
        languages: languages(model, package),
        labels,
        figures: Vec::new(),
    }
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
        let (pipeline, document, options) =
            convert::question(&self.0, Some(document), Some(options))
                .map_err(|violations| refused(Failure::invalid(violations)))?;
        match pipeline.tag(document, options, &Origin::alone()).await {
            Ok(tagged) => Ok(convert::tagged_document(&tagged, pipeline.description())),
            Err(error @ TagError::Overloaded { retry_after }) => Err(TagFailure::Busy {
                retry_after,
                reason: error.to_string(),
            }),
            Err(TagError::Stopped) => Err(TagFailure::Lost(TagError::Stopped.to_string())),
            Err(error) => Err(TagFailure::Refused(error.to_string())),
        }
    }
}
