//! The server: listeners, health, reflection, the HTTP port, and the way from start to stop.
//!
//! The listeners are bound first and answer while the model loads, with `NOT_SERVING` and
//! `UNAVAILABLE`. On the first signal the server drains: health says so, nothing new is accepted,
//! and what is in flight has the grace time to end. Then, or on a second signal, it stops.

mod activity;
pub mod auth;
mod connections;
mod health;
pub(crate) mod http;
pub(crate) mod lifecycle;
mod lifetime;
mod page;
mod reload;
pub mod shutdown;
pub mod tls;
mod web;

use std::{error::Error, future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use futures::{Stream, StreamExt as _, stream};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::{JoinHandle, JoinSet, spawn_blocking},
    time::{sleep, timeout},
};
use tonic::{codec::CompressionEncoding, server::NamedService as _, service::Routes};
use tonic_health::pb::health_server::HealthServer;
use tonic_reflection::server::Builder as Reflection;
use tower::ServiceBuilder;
use tracing::{info, warn};

use self::{
    auth::{AuthError, AuthLayer, AuthSettings, Authentication},
    connections::Connections,
    health::Health,
    lifecycle::{Lifecycle, Phase},
    lifetime::LifetimeLayer,
    reload::Reload,
    tls::{Tls, TlsError, TlsSettings},
    web::Web,
};
pub use self::{connections::ConnectionLimits, reload::Reread, web::PageSettings};
use crate::{
    api::{CallLimits, Tagger, google::Language},
    pipeline::Pipeline,
    proto::{
        DESCRIPTORS, GOOGLE_DESCRIPTORS,
        google::language::{
            v1::language_service_server::LanguageServiceServer as LanguageServiceV1,
            v2::language_service_server::LanguageServiceServer as LanguageServiceV2,
        },
        tagwerk::v1::tagging_service_server::TaggingServiceServer,
    },
    telemetry::{
        Metrics,
        calls::CallsLayer,
        traces::{TraceError, TraceSettings, Traces},
    },
};

/// Text of a stream's documents in flight.
const STREAM_BYTES: usize = 8 << 20;

/// Time for the last statuses to leave after the hard stop.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The settings of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// Address for gRPC; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Address for probes and metrics over HTTP; port 0 takes a free one.
    pub http_listen: SocketAddr,
    /// The page at the HTTP port, and gRPC-Web with it; without it there is neither.
    pub page: Option<PageSettings>,
    /// Largest gRPC message in bytes.
    pub max_message_bytes: usize,
    /// Documents of one stream in flight.
    pub stream_documents: usize,
    /// Time for calls in flight to end after the first signal.
    pub grace: Duration,
    /// Whether clients of Google's API are answered too.
    pub google: bool,
    /// What connections may take.
    pub connections: ConnectionLimits,
    /// The files of TLS, where connections are secured.
    pub tls: Option<TlsSettings>,
    /// How callers show who they are, and how much each may use.
    pub auth: AuthSettings,
    /// Time between looks at files that may change; without it they are read again on SIGHUP only.
    pub watch: Option<Duration>,
    /// Where traces go; without it there are none.
    pub trace: Option<TraceSettings>,
}

/// Free ports of this machine alone, for everybody on it.
impl Default for ServerConfig {
    fn default() -> Self {
        let local = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            listen: local,
            http_listen: local,
            page: Some(PageSettings::default()),
            max_message_bytes: 5 << 20,
            stream_documents: 32,
            grace: Duration::from_secs(30),
            google: true,
            connections: ConnectionLimits::default(),
            tls: None,
            auth: AuthSettings::default(),
            watch: None,
            trace: None,
        }
    }
}

/// Why the server could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address} for {purpose}: {source}{}", hint(source))]
    Bind {
        /// The address.
        address: SocketAddr,
        /// "gRPC" or "HTTP".
        purpose: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The files of TLS cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The sources of keys cannot be used.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// Traces cannot be exported.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The model could not be loaded.
    #[error("the model cannot be loaded: {0}")]
    Load(#[source] Box<dyn Error + Send + Sync>),
    /// The compiled protobuf descriptors cannot be served.
    #[error("reflection cannot be set up: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The handlers for SIGTERM, SIGINT and SIGHUP could not be set.
    #[error("signals cannot be handled: {0}")]
    Signals(#[source] io::Error),
    /// A listener failed.
    #[error("the {0} listener failed: {1}")]
    Listener(&'static str, #[source] Box<dyn Error + Send + Sync>),
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "; another program has this port: stop it or choose another",
        io::ErrorKind::PermissionDenied => "; choose a port above 1023",
        io::ErrorKind::AddrNotAvailable => "; this machine has no such address",
        _ => "",
    }
}

/// Binds, loads and serves until SIGTERM or SIGINT. `settings` is taken up again while the server runs.
///
/// # Errors
/// Whatever [`Server::bind`] and [`Server::serve`] report.
pub async fn run<F, E>(
    config: ServerConfig,
    settings: Option<Reread>,
    load: impl FnMut(Option<String>) -> F,
    metrics: Metrics,
) -> Result<(), ServerError>
where
    F: Future<Output = Result<Option<Pipeline>, E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let signals = shutdown::signals().map_err(ServerError::Signals)?;
    let server = Server::bind(config, metrics).await?;
    let server = match settings {
        Some(settings) => server.with_settings(settings),
        None => server,
    };
    server.serve(load, signals).await
}

/// A server that holds its ports but does not answer yet.
#[derive(Debug)]
pub struct Server {
    config: ServerConfig,
    metrics: Metrics,
    traces: Traces,
    settings: Option<Reread>,
    tls: Option<Arc<Tls>>,
    authentication: Authentication,
    grpc: TcpListener,
    http: TcpListener,
    local_addr: SocketAddr,
    http_addr: SocketAddr,
}

impl Server {
    /// Reads certificates and keys, and takes both ports.
    ///
    /// # Errors
    /// [`ServerError::Bind`] with the address that cannot be had, [`ServerError::Tls`] and [`ServerError::Auth`] with
    /// the file that cannot be used, [`ServerError::Trace`] where traces cannot be exported.
    pub async fn bind(config: ServerConfig, metrics: Metrics) -> Result<Self, ServerError> {
        let (tls, auth) = (config.tls.clone(), config.auth.clone());
        let secrets = spawn_blocking(move || {
            let tls = tls.as_ref().map(Tls::open).transpose()?;
            Ok::<_, ServerError>((tls.map(Arc::new), Authentication::open(&auth)?))
        });
        let (tls, authentication) = secrets
            .await
            .map_err(|panicked| ServerError::Load(panicked.into()))??;
        let traces = config.trace.as_ref().map(Traces::open).transpose()?;
        let (grpc, local_addr) = listen(config.listen, "gRPC").await?;
        let (http, http_addr) = listen(config.http_listen, "HTTP").await?;
        Ok(Self {
            config,
            metrics,
            traces: traces.unwrap_or_default(),
            settings: None,
            tls,
            authentication,
            grpc,
            http,
            local_addr,
            http_addr,
        })
    }

    /// Takes up settings that change while the server runs.
    #[must_use]
    pub fn with_settings(mut self, settings: Reread) -> Self {
        self.settings = Some(settings);
        self
    }

    /// The address that gRPC is served on, with the real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The address that probes and metrics are served on, with the real port.
    pub fn http_addr(&self) -> SocketAddr {
        self.http_addr
    }

    /// Answers while `load` runs and after, until `signals` says to drain (first item) and to stop
    /// at once (second). A stream of signals that ends without an item never stops the server.
    ///
    /// `load` is called with `None` at first, and later with the fingerprint of the model that answers, to make a new
    /// pipeline where the package has changed; what it cannot load then is refused.
    ///
    /// # Errors
    /// A first model that cannot be loaded, a listener that fails, or signals that cannot be handled.
    pub async fn serve<F, E>(
        self,
        mut load: impl FnMut(Option<String>) -> F,
        signals: impl Stream<Item = ()>,
    ) -> Result<(), ServerError>
    where
        F: Future<Output = Result<Option<Pipeline>, E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        // From now on: until somebody listens, SIGHUP ends the process.
        let hangups = signal(SignalKind::hangup()).map_err(ServerError::Signals)?;
        let lifecycle = Lifecycle::new();
        let (publish, pipeline) = watch::channel(None);
        // Both tasks end with this call, however it ends.
        let mut tasks = JoinSet::new();
        let routes = routes(&self.config, &self.metrics, pipeline, &lifecycle)?;
        let service = ServiceBuilder::new()
            .layer(CallsLayer::new(self.metrics.clone(), self.traces.clone()))
            .layer(LifetimeLayer::new(lifecycle.clone()))
            .layer(AuthLayer::new(self.authentication.clone()))
            .service(routes.prepare());
        let web = self.config.page.clone().map(|page| {
            let open = !self.authentication.is_required();
            Web::new(service.clone(), page, open, lifecycle.clone())
        });
        let router = http::router(self.metrics.clone(), lifecycle.clone(), web.as_ref());
        let limits = self.config.connections.clone();
        tasks.spawn(http::serve(self.http, router, limits));
        let connections = Connections {
            service,
            limits: Arc::new(self.config.connections.clone()),
            tls: self.tls.clone(),
            lifecycle: lifecycle.clone(),
            metrics: self.metrics.clone(),
        };
        let mut grpc = Task(tokio::spawn(connections.serve(self.grpc)));
        let reload = Reload {
            tls: self.tls,
            authentication: self.authentication,
            pipeline: publish,
            metrics: self.metrics,
            watch: self.config.watch,
            settings: self.settings,
        };
        info!(
            grpc = %self.local_addr,
            http = %self.http_addr,
            page = self.config.page.is_some(),
            "listening; the model loads"
        );

        let mut signals = pin!(signals.chain(stream::pending()));
        let loaded = tokio::select! {
            loaded = load(None) => loaded.map_err(|error| ServerError::Load(error.into()))?,
            _ = signals.next() => None,
            Some(failed) = tasks.join_next() => return Err(listener_failed("HTTP", failed)),
            failed = &mut grpc.0 => return Err(listener_failed("gRPC", failed)),
        };
        if let Some(pipeline) = loaded {
            let pipeline = Arc::new(pipeline);
            reload.pipeline.send_replace(Some(Arc::clone(&pipeline)));
            lifecycle.advance(Phase::Serving);
            announce(&pipeline, &reload.metrics);
            tokio::select! {
                _ = signals.next() => {}
                Some(failed) = tasks.join_next() => return Err(listener_failed("HTTP", failed)),
                failed = &mut grpc.0 => return Err(listener_failed("gRPC", failed)),
                never = reload.follow(hangups, load) => match never {},
            }
        }

        info!(grace_seconds = self.config.grace.as_secs(), "draining");
        lifecycle.advance(Phase::Draining);
        tokio::select! {
            _ = async { tokio::join!(&mut grpc.0, ended(web.as_ref())) } => {}
            () = sleep(self.config.grace) => warn!("the grace time is over; calls are cut off"),
            _ = signals.next() => warn!("second signal; calls are cut off"),
        }
        lifecycle.advance(Phase::Stopped);
        if !grpc.0.is_finished() {
            // Connections may hang on for ever: their callers decide when to close them.
            let _ = timeout(LAST_WORDS, &mut grpc.0).await;
        }
        self.traces.close().await;
        info!("stopped");
        Ok(())
    }
}

/// Waits for the calls at the HTTP port.
async fn ended(web: Option<&Web>) {
    if let Some(web) = web {
        web.ended().await;
    }
}

/// A task that ends when this is dropped.
struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(crate) async fn listen(
    address: SocketAddr,
    purpose: &'static str,
) -> Result<(TcpListener, SocketAddr), ServerError> {
    let bind = |source| ServerError::Bind {
        address,
        purpose,
        source,
    };
    let listener = TcpListener::bind(address).await.map_err(bind)?;
    let local = listener.local_addr().map_err(bind)?;
    Ok((listener, local))
}

pub(crate) fn announce(pipeline: &Pipeline, metrics: &Metrics) {
    let model = pipeline.description();
    metrics.model_loaded(model);
    info!(
        model = model.name,
        version = model.version,
        fingerprint = model.fingerprint,
        workers = pipeline.limits().workers,
        "serving"
    );
}

fn routes(
    config: &ServerConfig,
    metrics: &Metrics,
    pipeline: watch::Receiver<Option<Arc<Pipeline>>>,
    lifecycle: &Lifecycle,
) -> Result<Routes, ServerError> {
    let limits = CallLimits {
        max_message_bytes: config.max_message_bytes,
        stream_documents: config.stream_documents,
        stream_bytes: STREAM_BYTES,
    };
    // Each service has the same limits; their types differ.
    macro_rules! limited {
        ($server:ident, $service:expr) => {
            $server::new($service)
                .max_decoding_message_size(config.max_message_bytes)
                .accept_compressed(CompressionEncoding::Gzip)
                .send_compressed(CompressionEncoding::Gzip)
        };
    }
    let tagger = Tagger::new(pipeline.clone(), limits, metrics.clone());
    let mut routes = Routes::new(limited!(TaggingServiceServer, tagger));
    let mut descriptors = vec![DESCRIPTORS];
    let mut services = vec![TaggingServiceServer::<Tagger>::NAME];
    if config.google {
        let language = Language::new(pipeline, metrics.clone());
        routes = routes
            .add_service(limited!(LanguageServiceV1, language.clone()))
            .add_service(limited!(LanguageServiceV2, language));
        descriptors.push(GOOGLE_DESCRIPTORS);
        services.push(LanguageServiceV1::<Language>::NAME);
        services.push(LanguageServiceV2::<Language>::NAME);
    }
    Ok(routes
        .add_service(HealthServer::new(Health::new(lifecycle.clone(), services)))
        .add_service(reflection(&descriptors).build_v1()?)
        .add_service(reflection(&descriptors).build_v1alpha()?))
}

/// Both versions of reflection list every service, each other too.
fn reflection<'a>(descriptors: &[&'a [u8]]) -> Reflection<'a> {
    use tonic_reflection::pb::{v1, v1alpha};

    let own = [
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        v1::FILE_DESCRIPTOR_SET,
        v1alpha::FILE_DESCRIPTOR_SET,
    ];
    descriptors.iter().copied().chain(own).fold(
        Reflection::configure().include_reflection_service(false),
        Reflection::register_encoded_file_descriptor_set,
    )
}

/// The error of a listener that ended although nobody asked it to.
pub(crate) fn listener_failed(
    purpose: &'static str,
    ended: Result<(), tokio::task::JoinError>,
) -> ServerError {
    let source = match ended {
        Ok(()) => "it ended unasked".into(),
        Err(panicked) => panicked.into(),
    };
    ServerError::Listener(purpose, source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_in_use_is_named_with_a_hint() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap();
        let config = ServerConfig {
            listen: address,
            ..ServerConfig::default()
        };
        let error = Server::bind(config, Metrics::new()).await.unwrap_err();
        let message = error.to_string();
        assert!(message.contains(&address.to_string()), "{message}");
        assert!(
            message.contains("another program has this port"),
            "{message}"
        );
    }
}
