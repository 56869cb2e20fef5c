//! The store that several processes share: Valkey or Redis, asked once for each window and given up for a while when
//! it does not answer well.

mod breaker;

use std::{sync::Arc, time::Duration};

use redis::{
    AsyncCommands as _, Client, RedisError, SetExpiry, SetOptions,
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
#[derive(Debug, Clone)]
pub struct SharedSettings {
    /// `redis://[[user]:password@]host[:port][/database]`, or `rediss://` for TLS. May hold a password.
    pub url: String,
    /// How long an answer is waited for. Reading a window takes tens of milliseconds.
    pub patience: Duration,
    /// How long a reading is kept after it was written.
    pub keep: Duration,
}

/// The store cannot be used as it is set.
#[derive(Debug, thiserror::Error)]
#[error("the shared cache cannot be used: {0}; its URL looks like redis://host:6379/0")]
pub struct SharedError(String);

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
    /// [`SharedError`] where the URL cannot be read. A store that is not there is no error.
    pub fn new(settings: SharedSettings, metrics: Metrics) -> Result<Self, SharedError> {
        let wrong = |error: RedisError| SharedError(error.to_string());
        let client = Client::open(settings.url.as_str()).map_err(wrong)?;
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
            self.metrics.cache_store_failed();
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
        self.metrics.cache_store_failed();
        if let Some(pause) = self.breaker.failed() {
            let seconds = pause.as_secs_f64();
            tracing::warn!(reason, seconds, "the shared cache is left alone for a while");
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL may hold a password.
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

fn name(key: &Key) -> Vec<u8> {
    [PREFIX, key.bytes()].concat()
}
