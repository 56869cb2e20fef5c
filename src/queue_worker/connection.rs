//! The connection to NATS: servers, credentials, TLS, and what becomes of it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, ServerAddr};
use tokio::{sync::watch, time::sleep};
use tracing::{info, warn};

use crate::{server::lifecycle::Lifecycle, telemetry::Metrics};

/// Time between attempts to reach a server that is not there yet.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Time that one attempt may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where NATS is, and how it is logged in to. What is secret stands in files, or in the URL.
#[derive(Clone, Default)]
pub struct NatsSettings {
    /// Servers of one cluster, separated by commas. The scheme `tls` demands TLS.
    pub url: String,
    /// The name to log in with.
    pub user: Option<String>,
    /// File that holds the password.
    pub password: Option<PathBuf>,
    /// File that holds a token.
    pub token: Option<PathBuf>,
    /// File of credentials, as `nsc` writes it.
    pub credentials: Option<PathBuf>,
    /// Certificates that the servers' must be signed by (PEM); without it those of the system.
    pub ca: Option<PathBuf>,
    /// The worker's own certificate (PEM).
    pub certificate: Option<PathBuf>,
    /// The private key of it (PEM).
    pub key: Option<PathBuf>,
}

/// The URL can hold a password.
impl std::fmt::Debug for NatsSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NatsSettings")
            .field("servers", &self.hosts())
            .finish_non_exhaustive()
    }
}

/// Why there is no connection. Nothing here repeats a secret.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is none of a NATS server.
    #[error("--nats is no list of NATS servers; give for example nats://localhost:4222")]
    Url,
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error("{} holds no credentials of NATS: give the file that nsc wrote", .0.display())]
    Credentials(PathBuf),
    /// The settings contradict each other.
    #[error("{0}")]
    Settings(&'static str),
    /// The server does not let the worker in.
    #[error("NATS at {servers} refuses the worker: {reason}")]
    Refused {
        /// Host and port.
        servers: String,
        /// What the server says.
        reason: String,
    },
}

impl NatsSettings {
    /// Host and port of each server, without what else the URL holds.
    pub fn hosts(&self) -> String {
        let hosts = self.servers().unwrap_or_default();
        let hosts = hosts
            .iter()
            .map(|server| format!("{}:{}", server.host(), server.port()));
        hosts.collect::<Vec<_>>().join(",")
    }

    fn servers(&self) -> Result<Vec<ServerAddr>, ConnectError> {
        self.url.split(',').map(|url| server(url.trim())).collect()
    }

    fn options(&self) -> Result<ConnectOptions, ConnectError> {
        let mut options = ConnectOptions::new()
            .name("tagwerk")
            .connection_timeout(PATIENCE);
        match (&self.user, &self.password) {
            (Some(user), Some(password)) => {
                options = options.user_and_password(user.clone(), secret(password)?);
            }
            (None, None) => {}
            _ => {
                let problem = "--nats-user and --nats-password belong together";
                return Err(ConnectError::Settings(problem));
            }
        }
        if let Some(token) = &self.token {
            options = options.token(secret(token)?);
        }
        if let Some(path) = &self.credentials {
            let wrong = |_| ConnectError::Credentials(path.clone());
            options = options.credentials(&read(path)?).map_err(wrong)?;
        }
        if let Some(ca) = &self.ca {
            options = options.add_root_certificates(ca.clone()).require_tls(true);
        }
        match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => {
                options = options.add_client_certificate(certificate.clone(), key.clone());
            }
            (None, None) => {}
            _ => {
                let problem = "--nats-certificate and --nats-key belong together";
                return Err(ConnectError::Settings(problem));
            }
        }
        Ok(options)
    }
}

fn server(url: &str) -> Result<ServerAddr, ConnectError> {
    let server: ServerAddr = url.parse().map_err(|_| ConnectError::Url)?;
    let is_known = ["nats", "tls"].contains(&server.scheme());
    match is_known && !server.host().is_empty() {
        true => Ok(server),
        false => Err(ConnectError::Url),
    }
}

fn read(path: &Path) -> Result<String, ConnectError> {
    fs::read_to_string(path).map_err(|source| ConnectError::File {
        path: path.to_owned(),
        source,
    })
}

/// The content of a file without the line break at its end.
fn secret(path: &Path) -> Result<String, ConnectError> {
    Ok(read(path)?.trim_end_matches(['\r', '\n']).to_owned())
}

/// Connects, and waits for a server that is not there yet. The channel says whether the connection stands; it is made
/// again by itself.
pub(super) async fn connect(
    settings: &NatsSettings,
    lifecycle: &Lifecycle,
    metrics: &Metrics,
) -> Result<(Client, watch::Receiver<bool>), ConnectError> {
    let servers = settings.servers()?;
    let (tell, connected) = watch::channel(false);
    loop {
        let (tell, lifecycle, metrics) = (tell.clone(), lifecycle.clone(), metrics.clone());
        let options = settings.options()?.event_callback(move |event| {
            note(&event, &tell, &lifecycle, &metrics);
            std::future::ready(())
        });
        let error = match options.connect(servers.clone()).await {
            Ok(client) => return Ok((client, connected)),
            Err(error) => error,
        };
        let servers = settings.hosts();
        match error.kind() {
            ConnectErrorKind::Io | ConnectErrorKind::Dns | ConnectErrorKind::TimedOut => {
                warn!(servers, %error, "NATS cannot be reached; it is tried again");
            }
            _ => {
                let reason = error.to_string();
                return Err(ConnectError::Refused { servers, reason });
            }
        }
        sleep(RETRY_AFTER).await;
    }
}

fn note(event: &Event, tell: &watch::Sender<bool>, lifecycle: &Lifecycle, metrics: &Metrics) {
    let stands = match event {
        Event::Connected => true,
        Event::Disconnected | Event::Closed => false,
        Event::LameDuckMode => return info!("the NATS server is about to stop"),
        Event::Draining => return,
        other => return warn!(event = %other, "the connection to NATS has trouble"),
    };
    match stands {
        true => info!("connected to NATS"),
        false => warn!("the connection to NATS is lost; it is made again"),
    }
    metrics.set_nats_connected(stands);
    lifecycle.set_cut_off(!stands);
    tell.send_replace(stands);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> NatsSettings {
        NatsSettings {
            url: url.to_owned(),
            ..NatsSettings::default()
        }
    }

    #[test]
    fn servers_are_named_without_their_secrets() {
        let settings = at("nats://bote:geheim@a.example:4333, tls://wertmarke@b.example");
        assert_eq!(settings.hosts(), "a.example:4333,b.example:4222");
        let shown = format!("{settings:?}");
        assert!(
            !shown.contains("geheim") && !shown.contains("wertmarke"),
            "{shown}"
        );
    }

    #[test]
    fn a_wrong_url_is_refused_without_repeating_it() {
        for url in ["", "http://bote:geheim@a:1", "nats://a:bote:geheim"] {
            let error = at(url).servers().unwrap_err().to_string();
            assert!(!error.contains("geheim"), "{error}");
        }
    }

    #[test]
    fn half_of_a_pair_is_refused() {
        let mut settings = at("nats://a");
        settings.user = Some("bote".to_owned());
        assert!(settings.options().is_err());
        settings.user = None;
        settings.key = Some("key.pem".into());
        assert!(settings.options().is_err());
    }

    #[test]
    fn a_file_that_is_missing_is_named() {
        let mut settings = at("nats://a");
        settings.token = Some("no/such/token".into());
        let error = settings.options().unwrap_err().to_string();
        assert!(error.contains("no/such/token"), "{error}");
    }
}
