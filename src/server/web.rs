//! gRPC-Web at the HTTP port, and who may use it: calls of browsers reach the service that answers at the gRPC port,
//! through the same layers.
//!
//! A browser calls for every site that its user visits. So only pages of this very port may call (no answer ever
//! permits another origin), and where no credentials are asked for, the port must be addressed by a name that no
//! stranger can point at it (DNS rebinding).

use std::{convert::Infallible, net::IpAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    middleware::{self, Next},
    response::IntoResponse,
    routing::post,
};
use http::{
    HeaderMap, HeaderName, Request, Response, StatusCode,
    header::{HOST, ORIGIN},
    uri::Authority,
};
use tonic::body::Body;
use tonic_web::GrpcWebLayer;
use tower::{Layer as _, Service, ServiceExt as _, service_fn, util::BoxCloneSyncService};

use super::{
    activity::Activity,
    lifecycle::{Lifecycle, Phase},
    page,
};
use crate::api::status::Failure;

/// The calls that browsers may make. Health has its own paths here, and reflection is for tools.
const CALLS: &str = "/tagwerk.v1.TaggingService/{method}";

/// What browsers say of the page that a request comes from, where the connection is secure or local.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The page at the HTTP port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageSettings {
    /// Names under which browsers find it, beside IP addresses and localhost.
    pub hosts: Vec<String>,
}

type Calls = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// The page and the calls that it makes.
#[derive(Debug, Clone)]
pub struct Web {
    calls: Calls,
    doors: Arc<Doors>,
    lifecycle: Lifecycle,
    activity: Arc<Activity>,
}

impl Web {
    /// Calls go to `service`. `open` says that it asks nobody for credentials.
    pub fn new<S>(service: S, page: PageSettings, open: bool, lifecycle: Lifecycle) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        Self {
            calls: BoxCloneSyncService::new(service),
            doors: Arc::new(Doors {
                names: page.hosts,
                open,
            }),
            lifecycle,
            activity: Arc::default(),
        }
    }

    /// The page and the calls.
    pub fn router(&self) -> Router {
        page::router()
            .route(CALLS, post(call).with_state(self.clone()))
            .layer(middleware::from_fn_with_state(
                Arc::clone(&self.doors),
                addressed,
            ))
    }

    /// Ends when no call is in flight.
    pub async fn ended(&self) {
        self.activity.idle_for(Some(Duration::ZERO)).await;
    }
}

async fn call(
    State(web): State<Web>,
    request: Request<axum::body::Body>,
) -> Result<impl IntoResponse, Refusal> {
    web.doors.origin(request.headers())?;
    // Counted before the look at the phase, so that a drain that begins now waits for it.
    let busy = web.activity.begin();
    let calls = if web.lifecycle.phase() < Phase::Draining {
        web.calls
    } else {
        let stopping = |_| async { Ok(Failure::stopping().into_status().into_http()) };
        BoxCloneSyncService::new(service_fn(stopping))
    };
    let answer = GrpcWebLayer::new().layer(calls).oneshot(request).await;
    let answer = answer.unwrap_or_else(|never| match never {});
    Ok(answer.map(|body| busy.until_end_of(body)))
}

async fn addressed(
    State(doors): State<Arc<Doors>>,
    request: axum::extract::Request,
    next: Next,
) -> Result<axum::response::Response, Refusal> {
    doors.host(request.headers())?;
    Ok(next.run(request).await)
}

/// Why a browser's request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error(
        "the page is not served under this name: open it by its IP address or as localhost, or \
         let page_hosts list the name"
    )]
    Host,
    #[error("calls come from the page of this port only")]
    Origin,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> axum::response::Response {
        let status = match self {
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::Origin => StatusCode::FORBIDDEN,
        };
        (status, format!("{self}\n")).into_response()
    }
}

/// By which names the port may be addressed, and from where it may be called.
#[derive(Debug)]
struct Doors {
    names: Vec<String>,
    /// Whether anybody may call who reaches the port.
    open: bool,
}

impl Doors {
    /// Whether the request is addressed to this port by a name that is known to be its own. Where credentials are
    /// asked for the name does not matter: a stranger's page has none.
    fn host(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let known = || {
            let authority = authority(headers.get(HOST)?.to_str().ok()?)?;
            let host = authority.host().to_ascii_lowercase();
            let number = host.trim_start_matches('[').trim_end_matches(']');
            let own = number.parse::<IpAddr>().is_ok()
                || host == "localhost"
                || host.ends_with(".localhost")
                || self.is_listed(&host);
            own.then_some(())
        };
        if self.open {
            known().ok_or(Refusal::Host)
        } else {
            Ok(())
        }
    }

    /// Whether a call comes from the page, or from no page at all.
    fn origin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let own = match (headers.get(FETCH_SITE), headers.get(ORIGIN)) {
            (Some(site), _) => site == "same-origin",
            (None, None) => true,
            (None, Some(origin)) => {
                let origin = origin.to_str().ok();
                let origin = origin.and_then(|origin| authority(origin.split_once("://")?.1));
                let host = headers.get(HOST).and_then(|host| host.to_str().ok());
                origin.is_some_and(|origin| {
                    host.and_then(authority).as_ref() == Some(&origin)
                        || self.is_listed(origin.host())
                })
            }
        };
        own.then_some(()).ok_or(Refusal::Origin)
    }

    fn is_listed(&self, host: &str) -> bool {
        self.names
            .iter()
            .any(|name| name.eq_ignore_ascii_case(host))
    }
}

/// A host with or without a port, and nothing else.
fn authority(value: &str) -> Option<Authority> {
    let authority: Authority = value.parse().ok()?;
    (!authority.as_str().contains('@')).then_some(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doors(names: &[&str], open: bool) -> Doors {
        Doors {
            names: names.iter().map(|&name| name.to_owned()).collect(),
            open,
        }
    }

    fn headers(fields: &[(HeaderName, &str)]) -> HeaderMap {
        let fields = fields.iter();
        fields
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn an_open_port_answers_to_numbers_localhost_and_listed_names_only() {
        let doors = doors(&["news.example"], true);
        for (host, known) in [
            ("127.0.0.1:9090", true),
            ("192.0.2.7", true),
            ("[::1]:9090", true),
            ("localhost:9090", true),
            ("LOCALHOST", true),
            ("tags.localhost:80", true),
            ("news.example", true),
            ("News.Example:8080", true),
            ("evil.example", false),
            ("news.example.evil.example", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example:9090", false),
            ("user@127.0.0.1", false),
            ("", false),
        ] {
            let headers = headers(&[(HOST, host)]);
            assert_eq!(doors.host(&headers).is_ok(), known, "{host:?}");
        }
        assert_eq!(doors.host(&HeaderMap::new()), Err(Refusal::Host));
    }

    #[test]
    fn a_port_that_asks_for_credentials_answers_to_every_name() {
        let doors = doors(&[], false);
        assert_eq!(doors.host(&headers(&[(HOST, "any.example")])), Ok(()));
    }

    #[test]
    fn calls_come_from_the_page_itself_or_from_no_page() {
        let doors = doors(&["news.example"], false);
        let host = (HOST, "127.0.0.1:9090");
        for (from, known) in [
            (vec![], true),
            (vec![(FETCH_SITE, "same-origin")], true),
            (vec![(FETCH_SITE, "same-site")], false),
            (vec![(FETCH_SITE, "cross-site")], false),
            (vec![(FETCH_SITE, "none")], false),
            (vec![(ORIGIN, "http://127.0.0.1:9090")], true),
            (vec![(ORIGIN, "http://127.0.0.1:9091")], false),
            (vec![(ORIGIN, "https://news.example")], true),
            (vec![(ORIGIN, "https://evil.example")], false),
            (vec![(ORIGIN, "null")], false),
            // Behind a proxy that changes the name, the browser's word counts.
            (
                vec![
                    (FETCH_SITE, "same-origin"),
                    (ORIGIN, "https://proxy.example"),
                ],
                true,
            ),
            (
                vec![
                    (FETCH_SITE, "cross-site"),
                    (ORIGIN, "http://127.0.0.1:9090"),
                ],
                false,
            ),
        ] {
            let fields = [vec![host.clone()], from.clone()].concat();
            assert_eq!(doors.origin(&headers(&fields)).is_ok(), known, "{from:?}");
        }
    }
}
