//! The HTTP port: probes, metrics, and a line for whoever looks.

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};

use super::lifecycle::{Lifecycle, Phase};
use crate::telemetry::Metrics;

/// The media type of the metrics page.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The routes of the HTTP port.
pub fn router(metrics: Metrics, lifecycle: Lifecycle) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/livez", get(live))
        .route("/readyz", get(ready).with_state(lifecycle))
        .route("/metrics", get(page).with_state(metrics))
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
        Phase::Serving if lifecycle.is_cut_off() => {
            (StatusCode::SERVICE_UNAVAILABLE, "not connected\n")
        }
        Phase::Serving => (StatusCode::OK, "ok\n"),
        Phase::Draining | Phase::Stopped => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
    }
}

async fn page(State(metrics): State<Metrics>) -> impl IntoResponse {
    ([(CONTENT_TYPE, OPENMETRICS)], metrics.page())
}
