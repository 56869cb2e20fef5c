//! A pipeline within this process, for the commands that need one.

use std::{path::PathBuf, sync::Arc};

use super::tag::{TagFailure, Tagger};
use crate::{
    api::{convert, status::Failure},
    config::ModelArgs,
    engine::{self, Engine},
    model::{ModelError, Package},
    pipeline::{Pipeline, error::TagError},
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
    /// Loading ended without a result.
    #[error("loading the model ended without a result")]
    Ended,
}

/// Opens the package, starts the engine, and puts a pipeline in front of it.
///
/// # Errors
/// [`LoadError`].
pub async fn pipeline(args: ModelArgs) -> Result<Pipeline, LoadError> {
    load(args, Metrics::new()).await
}

/// As [`pipeline`], with the metrics of a server.
///
/// # Errors
/// [`LoadError`].
pub async fn load(args: ModelArgs, metrics: Metrics) -> Result<Pipeline, LoadError> {
    args.check()?;
    let start = move || {
        let directory = package_directory(&args).map_err(engine::StartError::from)?;
        let package =
            Package::open(&directory, args.precision).map_err(engine::StartError::from)?;
        let settings = engine::Settings {
            workers: args.worker_count(),
            batch_tokens: args.batch_tokens,
            queue_tokens: args.queue_tokens,
        };
        let engine = Engine::start(Arc::new(package), settings, metrics)?;
        Ok(Pipeline::new(Arc::new(engine), args.max_document_bytes))
    };
    tokio::task::spawn_blocking(start)
        .await
        .map_err(|_| LoadError::Ended)?
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
        match self.0.tag(document, options).await {
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
