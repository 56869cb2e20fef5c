//! The HTTP port: probes, metrics, and the page or else a line for whoever looks.

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};

use super::{
    lifecycle::{Lifecycle, Phase},
    web::Web,
};
use crate::telemetry::Metrics;

/// The media type of the metrics page.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The routes of the HTTP port.
pub fn router(metrics: Metrics, lifecycle: Lifecycle, web: Option<&Web>) -> Router {
    let router = Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready).with_state(lifecycle))
        .route("/metrics", get(numbers).with_state(metrics));
    match web {
        Some(web) => router.merge(web.router()),
        None => router.route("/", get(index)),
    }
}

async fn index() -> &'static str {
    concat!(
        "tagwerk ",
        env!("CARGO_PKG_VERSION"),
        ": /livez /readyz /metrics\n"
    )
}

/// Alive means that this answers: load and a loading model are no reason for a restart.
async fn live() -> &'static str {
    "ok\n"
}

async fn ready(State(lifecycle): State<Lifecycle>) -> (StatusCode, &'static str) {
    match lifecycle.phase() {
        Phase::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
        Phase::Serving => (StatusCode::OK, "ok\n"),
        Phase::Draining | Phase::Stopped => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
    }
}

async fn numbers(State(metrics): State<Metrics>) -> impl IntoResponse {
    ([(CONTENT_TYPE, OPENMETRICS)], metrics.page())
}
