//! `grpc.health.v1.Health`, told by the phase of the server.
//!
//! Where the ready-made service of tonic differs, this one keeps to the protocol: a watch of an
//! unknown service is told `SERVICE_UNKNOWN` instead of failing, and a watch ends when the server
//! drains, since it would otherwise hold up the stop until the grace time is over.

use std::pin::Pin;

use futures::{Stream, StreamExt as _, stream};
use tokio::sync::watch;
use tonic::{Request, Response, Status};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus, health_server,
};

use super::lifecycle::{Lifecycle, Phase};

/// Answers health checks for the whole server (the empty name) and its services.
pub struct Health {
    lifecycle: Lifecycle,
    services: Vec<&'static str>,
}

impl Health {
    /// The health of the server with this lifecycle, which offers these services.
    pub fn new(lifecycle: Lifecycle, services: Vec<&'static str>) -> Self {
        Self {
            lifecycle,
            services,
        }
    }

    fn knows(&self, service: &str) -> bool {
        service.is_empty() || self.services.contains(&service)
    }
}

#[tonic::async_trait]
impl health_server::Health for Health {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        if !self.knows(&request.get_ref().service) {
            return Err(Status::not_found("no such service"));
        }
        Ok(Response::new(response(status(self.lifecycle.phase()))))
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let known = self.knows(&request.get_ref().service);
        let statuses = statuses(self.lifecycle.watch(), known);
        Ok(Response::new(
            statuses.map(|status| Ok(response(status))).boxed(),
        ))
    }
}

/// The status now and after each change, up to the one that tells of the drain.
fn statuses(
    phases: watch::Receiver<Phase>,
    known: bool,
) -> impl Stream<Item = ServingStatus> + Send {
    stream::unfold((phases, None), move |(mut phases, told)| async move {
        loop {
            let phase = *phases.borrow_and_update();
            let now = if known {
                status(phase)
            } else {
                ServingStatus::ServiceUnknown
            };
            if told != Some(now) {
                return Some((now, (phases, Some(now))));
            }
            if phase >= Phase::Draining {
                return None;
            }
            phases.changed().await.ok()?;
        }
    })
}

fn status(phase: Phase) -> ServingStatus {
    match phase {
        Phase::Serving => ServingStatus::Serving,
        Phase::Starting | Phase::Draining | Phase::Stopped => ServingStatus::NotServing,
    }
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status.into(),
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn a_watch_tells_each_change_once_and_ends_with_the_drain() {
        use ServingStatus::{NotServing, Serving};

        let lifecycle = Lifecycle::new();
        let mut statuses = Box::pin(statuses(lifecycle.watch(), true));
        assert_eq!(statuses.next().now_or_never(), Some(Some(NotServing)));
        assert_eq!(statuses.next().now_or_never(), None);
        lifecycle.advance(Phase::Serving);
        assert_eq!(statuses.next().now_or_never(), Some(Some(Serving)));
        lifecycle.advance(Phase::Draining);
        assert_eq!(statuses.next().now_or_never(), Some(Some(NotServing)));
        assert_eq!(statuses.next().now_or_never(), Some(None));
    }

    #[test]
    fn a_watch_of_an_unknown_service_says_so_and_stays_until_the_drain() {
        let lifecycle = Lifecycle::new();
        let mut statuses = Box::pin(statuses(lifecycle.watch(), false));
        let unknown = ServingStatus::ServiceUnknown;
        assert_eq!(statuses.next().now_or_never(), Some(Some(unknown)));
        lifecycle.advance(Phase::Serving);
        assert_eq!(statuses.next().now_or_never(), None);
        lifecycle.advance(Phase::Draining);
        assert_eq!(statuses.next().now_or_never(), Some(None));
    }
}
