//! The store that several processes share: Valkey or Redis, asked once for each window and given up for a while when
//! it does not answer well.

mod breaker;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use redis::{
    AsyncCommands as _, Client, IntoConnectionInfo as _, RedisError, SetExpiry, SetOptions,
    TlsCertificates,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tokio::sync::Semaphore;

use crate::{model::Reading, telemetry::Metrics};

use super::{code, key::Key};
use breaker::Breaker;

/// What the keys of this program begin with.
const PREFIX: &[u8] = b"tagwerk:reading:";

/// Readings that are on their way to the store; further ones are let go.
const WRITES: usize = 256;

/// Longest time between two tries to connect again.
const RECONNECT: Duration = Duration::from_secs(2);

/// Where the store is and how long it is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedSettings {
    /// `redis://host[:port][/database]`, or `rediss://` for TLS, without a password.
    pub url: String,
    /// The name to log in with; without it the store's default.
    pub user: Option<String>,
    /// File that holds the password.
    pub password: Option<PathBuf>,
    /// Certificates that the store's must be signed by (PEM); without it those of the system.
    pub ca: Option<PathBuf>,
    /// How long an answer is waited for. Reading a window takes tens of milliseconds.
    pub patience: Duration,
    /// How long a reading is kept after it was written.
    pub keep: Duration,
}

/// The store cannot be used as it is set.
#[derive(Debug, thiserror::Error)]
pub enum SharedError {
    /// The URL, or what lies behind it, cannot be used.
    #[error("the shared cache cannot be used: {0}; its URL looks like redis://host:6379/0")]
    Url(String),
    /// A file cannot be read.
    #[error("the shared cache cannot be used: {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

impl SharedSettings {
    fn client(&self) -> Result<Client, SharedError> {
        let wrong = |error: RedisError| SharedError::Url(error.to_string());
        let info = self.url.as_str().into_connection_info().map_err(wrong)?;
        let mut login = info.redis_settings().clone();
        if let Some(user) = &self.user {
            login = login.set_username(user);
        }
        if let Some(path) = &self.password {
            let password = String::from_utf8_lossy(&contents(path)?).into_owned();
            // Editors end a file with a line break.
            login = login.set_password(password.trim_end_matches(['\r', '\n']));
        }
        let info = info.set_redis_settings(login);
        match &self.ca {
            None => Client::open(info).map_err(wrong),
            Some(path) => {
                let certificates = TlsCertificates {
                    client_tls: None,
                    root_cert: Some(contents(path)?),
                };
                Client::build_with_tls(info, certificates).map_err(wrong)
            }
        }
    }
}

fn contents(path: &Path) -> Result<Vec<u8>, SharedError> {
    std::fs::read(path).map_err(|source| SharedError::File {
        path: path.to_owned(),
        source,
    })
}

/// A connection to the store. A clone shares it.
#[derive(Clone)]
pub struct Shared {
    connection: ConnectionManager,
    settings: SharedSettings,
    breaker: Arc<Breaker>,
    writes: Arc<Semaphore>,
    metrics: Metrics,
}

impl Shared {
    /// Prepares a connection, which is made when the store is first asked and again when it breaks. Must be called
    /// within a Tokio runtime.
    ///
    /// # Errors
    /// [`SharedError`] where the URL or a file cannot be read. A store that is not there is no error.
    pub fn new(settings: SharedSettings, metrics: Metrics) -> Result<Self, SharedError> {
        let wrong = |error: RedisError| SharedError::Url(error.to_string());
        let client = settings.client()?;
        let config = ConnectionManagerConfig::new()
            .set_max_delay(RECONNECT)
            .set_number_of_retries(usize::MAX)
            .set_connection_timeout(Some(Duration::from_secs(1)))
            .set_response_timeout(Some(settings.patience));
        let connection = ConnectionManager::new_lazy_with_config(client, config).map_err(wrong)?;
        Ok(Self {
            connection,
            settings,
            breaker: Arc::default(),
            writes: Arc::new(Semaphore::new(WRITES)),
            metrics,
        })
    }

    /// A reading of the store; `None` where it has none, or does not answer in time.
    pub async fn get(&self, key: &Key) -> Option<Reading> {
        if !self.breaker.lets_through() {
            return None;
        }
        let mut connection = self.connection.clone();
        // While the connection is made again, the manager waits for it: so the time is bounded here, too.
        let asked = connection.get::<_, Option<Vec<u8>>>(name(key));
        let bytes = match tokio::time::timeout(self.settings.patience, asked).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(error)) => {
                self.failed(&error.to_string());
                return None;
            }
            Err(_) => {
                self.failed("no answer in time");
                return None;
            }
        };
        self.breaker.succeeded();
        let bytes = bytes?;
        let reading = code::decode(&bytes);
        if reading.is_none() {
            self.metrics.cache_failed();
        }
        reading
    }

    /// Puts a reading into the store in the background, if it is there and keeps up.
    pub fn put(&self, key: Key, bytes: Vec<u8>) {
        if self.breaker.is_open() {
            return;
        }
        let Ok(place) = Arc::clone(&self.writes).try_acquire_owned() else {
            return;
        };
        let shared = self.clone();
        tokio::spawn(async move {
            let _place = place;
            let mut connection = shared.connection.clone();
            let keep = SetExpiry::EX(shared.settings.keep.as_secs().max(1));
            let options = SetOptions::default().with_expiration(keep);
            let written = connection.set_options::<_, _, ()>(name(&key), bytes, options);
            match tokio::time::timeout(shared.settings.patience, written).await {
                Ok(Ok(())) => shared.breaker.succeeded(),
                Ok(Err(error)) => shared.failed(&error.to_string()),
                Err(_) => shared.failed("no answer in time"),
            }
        });
    }

    fn failed(&self, reason: &str) {
        self.metrics.cache_failed();
        if let Some(pause) = self.breaker.failed() {
            let seconds = pause.as_secs_f64();
            tracing::warn!(
                reason,
                seconds,
                "the shared cache is left alone for a while"
            );
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The client knows the password.
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

fn name(key: &Key) -> Vec<u8> {
    [PREFIX, key.bytes()].concat()
}
