//! Ends calls that outlive their deadline or the server.
//!
//! The transport has a timeout of its own, but that one answers `CANCELLED` where gRPC wants
//! `DEADLINE_EXCEEDED`, and it lets go of a stream as soon as its head is sent. This layer lies
//! within the transport's, so that its clock starts first and its answer wins.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures::FutureExt as _;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use tokio::time::{Instant, sleep_until};
use tonic::{Status, body::Body};
use tower::{Layer, Service};

use super::lifecycle::{Lifecycle, Phase};
use crate::api::{Deadline, status::Failure};

/// Wraps a service in [`Lifetime`].
#[derive(Debug, Clone)]
pub struct LifetimeLayer {
    lifecycle: Lifecycle,
}

impl LifetimeLayer {
    /// A layer that ends calls with the server of this lifecycle.
    pub fn new(lifecycle: Lifecycle) -> Self {
        Self { lifecycle }
    }
}

impl<S> Layer<S> for LifetimeLayer {
    type Service = Lifetime<S>;

    fn layer(&self, inner: S) -> Lifetime<S> {
        Lifetime {
            inner,
            lifecycle: self.lifecycle.clone(),
        }
    }
}

/// Ends the calls of the service within when their time is over.
#[derive(Debug, Clone)]
pub struct Lifetime<S> {
    inner: S,
    lifecycle: Lifecycle,
}

impl<S> Service<Request<Body>> for Lifetime<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let deadline = deadline(request.headers()).map(|time| Instant::now() + time);
        if let Some(deadline) = deadline {
            request.extensions_mut().insert(Deadline(deadline));
        }
        let mut end = end(deadline, last_phase(request.uri().path()), &self.lifecycle);
        let answer = self.inner.call(request);
        Box::pin(async move {
            tokio::select! {
                biased;
                failure = &mut end => Ok(failure.into_status().into_http()),
                answer = answer => Ok(answer?.map(|body| bounded(body, end))),
            }
        })
    }
}

/// What ends a call before its time, and with which status.
type End = Pin<Box<dyn Future<Output = Failure> + Send>>;

fn end(deadline: Option<Instant>, last: Phase, lifecycle: &Lifecycle) -> End {
    let stopped = lifecycle.reached(last).map(|()| Failure::stopping());
    let Some(deadline) = deadline else {
        return Box::pin(stopped);
    };
    let expired = sleep_until(deadline);
    Box::pin(async move {
        tokio::select! {
            biased;
            () = expired => Failure::deadline_exceeded(),
            failure = stopped => failure,
        }
    })
}

/// The phase that a call does not outlive. A client may keep reflection open for ever, for no work
/// at all, so that it ends with the drain already.
fn last_phase(path: &str) -> Phase {
    if path.starts_with("/grpc.reflection.") {
        Phase::Draining
    } else {
        Phase::Stopped
    }
}

/// The caller's deadline: `grpc-timeout` of at most eight digits and a unit. One that is malformed
/// counts as absent.
fn deadline(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

fn bounded(body: Body, end: End) -> Body {
    Body::new(Bounded {
        body: Some(body),
        end,
    })
}

/// An answer's body that is cut off, with the status in the trailers, when the call has to end.
struct Bounded {
    /// `None` once cut off: with it goes all work for the call.
    body: Option<Body>,
    end: End,
}

impl http_body::Body for Bounded {
    type Data = <Body as http_body::Body>::Data;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Status>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        // First, since a body that always has a frame ready would otherwise never end.
        if let Poll::Ready(failure) = this.end.as_mut().poll(cx) {
            this.body = None;
            let mut trailers = HeaderMap::new();
            let sent = failure.into_status().add_header(&mut trailers);
            return Poll::Ready(Some(sent.map(|()| Frame::trailers(trailers))));
        }
        Pin::new(body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }
}

#[cfg(test)]
mod tests {
    use futures::future::poll_fn;
    use http_body::Body as _;
    use tokio::time;
    use tonic::Code;
    use tower::service_fn;

    use super::*;

    const TAG: &str = "/tagwerk.v1.TaggingService/Tag";
    const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

    fn request(path: &str, timeout: &str) -> Request<Body> {
        Request::builder()
            .uri(path)
            .header("grpc-timeout", timeout)
            .body(Body::empty())
            .unwrap()
    }

    fn code(headers: &HeaderMap) -> Code {
        Code::from_bytes(headers[Status::GRPC_STATUS].as_bytes())
    }

    /// A body without an end.
    struct Endless;

    impl http_body::Body for Endless {
        type Data = <Body as http_body::Body>::Data;
        type Error = Status;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Self::Data>, Status>>> {
            Poll::Pending
        }
    }

    #[test]
    fn deadlines_are_read_in_every_unit() {
        let cases = [
            ("2H", Some(Duration::from_secs(7200))),
            ("3M", Some(Duration::from_secs(180))),
            ("15S", Some(Duration::from_secs(15))),
            ("250m", Some(Duration::from_millis(250))),
            ("99999999u", Some(Duration::from_micros(99_999_999))),
            ("7n", Some(Duration::from_nanos(7))),
            ("100000000S", None),
            ("S", None),
            ("", None),
            ("5", None),
            ("-5S", None),
            ("+5S", None),
            ("5s", None),
        ];
        for (value, expected) in cases {
            let headers = request(TAG, value).into_parts().0.headers;
            assert_eq!(deadline(&headers), expected, "{value:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_past_its_deadline_is_answered_with_deadline_exceeded() {
        let inner = service_fn(|_| std::future::pending::<Result<Response<Body>, Infallible>>());
        let mut lifetime = LifetimeLayer::new(Lifecycle::new()).layer(inner);
        let began = Instant::now();
        let response = lifetime.call(request(TAG, "2S")).await.unwrap();
        assert_eq!(code(response.headers()), Code::DeadlineExceeded);
        assert_eq!(began.elapsed().as_secs(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_past_its_deadline_ends_with_deadline_exceeded() {
        let inner =
            service_fn(|_| async { Ok::<_, Infallible>(Response::new(Body::new(Endless))) });
        let mut lifetime = LifetimeLayer::new(Lifecycle::new()).layer(inner);
        let response = lifetime.call(request(TAG, "2S")).await.unwrap();
        let mut body = response.into_body();
        let frame = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
        let trailers = frame.unwrap().unwrap().into_trailers().unwrap();
        assert_eq!(code(&trailers), Code::DeadlineExceeded);
        assert!(body.is_end_stream());
    }

    #[tokio::test]
    async fn calls_are_cut_off_at_the_stop_and_reflection_at_the_drain() {
        for (path, last) in [(TAG, Phase::Stopped), (REFLECTION, Phase::Draining)] {
            let inner =
                service_fn(|_| std::future::pending::<Result<Response<Body>, Infallible>>());
            let lifecycle = Lifecycle::new();
            let mut lifetime = LifetimeLayer::new(lifecycle.clone()).layer(inner);
            let mut answer = lifetime.call(request(path, "1H"));
            lifecycle.advance(Phase::Serving);
            assert!((&mut answer).now_or_never().is_none(), "{path}");
            lifecycle.advance(last);
            let response = answer.now_or_never().unwrap().unwrap();
            assert_eq!(code(response.headers()), Code::Unavailable, "{path}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_within_its_deadline_is_left_alone() {
        let inner = service_fn(|_| async {
            time::sleep(Duration::from_secs(1)).await;
            Ok::<_, Infallible>(Response::new(Body::empty()))
        });
        let mut lifetime = LifetimeLayer::new(Lifecycle::new()).layer(inner);
        let response = lifetime.call(request(TAG, "2S")).await.unwrap();
        assert!(response.headers().is_empty());
    }
}
