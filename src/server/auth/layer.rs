//! Lets calls in whose caller is known, and tells the service within who it is.

use std::{
    convert::Infallible,
    future::Future,
    mem,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use http::{Extensions, Request, Response};
use tonic::body::Body;
use tower::{Layer, Service};
use tracing::debug;

use super::{Authentication, Credential, Refusal};
use crate::{
    api::{caller::Caller, status::Failure},
    server::tls::ClientSubject,
};

/// The service that needs no credentials: whoever probes it has none.
const HEALTH: &str = "/grpc.health.v1.Health/";

/// The address of the other end of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// Wraps a service in [`Auth`].
#[derive(Debug, Clone)]
pub struct AuthLayer {
    authentication: Authentication,
}

impl AuthLayer {
    /// A layer that lets in whom this knows.
    pub fn new(authentication: Authentication) -> Self {
        Self { authentication }
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = Auth<S>;

    fn layer(&self, inner: S) -> Auth<S> {
        Auth {
            inner,
            authentication: self.authentication.clone(),
        }
    }
}

/// Answers calls without valid credentials with `UNAUTHENTICATED`. The service within finds the [`Caller`] of any
/// other among the request's extensions, and no credentials.
#[derive(Debug, Clone)]
pub struct Auth<S> {
    inner: S,
    authentication: Authentication,
}

impl<S> Service<Request<Body>> for Auth<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let credential = Credential::take(request.headers_mut());
        if request.uri().path().starts_with(HEALTH) {
            return Box::pin(self.inner.call(request));
        }
        // The clone has not been asked whether it is ready; the one that was has to take the call.
        let clone = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, clone);
        let authentication = self.authentication.clone();
        Box::pin(async move {
            match caller(&authentication, credential, request.extensions()).await {
                Ok(caller) => {
                    request.extensions_mut().insert(caller);
                    inner.call(request).await
                }
                Err(refusal) => {
                    let address = address(request.extensions());
                    debug!(address, reason = %refusal, "the credentials are refused");
                    Ok(failure(&authentication, refusal).into_status().into_http())
                }
            }
        })
    }
}

async fn caller(
    authentication: &Authentication,
    credential: Result<Credential, Refusal>,
    connection: &Extensions,
) -> Result<Caller, Refusal> {
    if authentication.is_required() {
        return authentication.caller(&credential?).await;
    }
    let id = match connection.get::<ClientSubject>() {
        Some(ClientSubject(subject)) => format!("certificate:{subject}"),
        None => format!("peer:{}", address(connection)),
    };
    Ok(authentication.caller_without_credential(id))
}

/// The caller's address without the port, which differs from connection to connection.
fn address(connection: &Extensions) -> String {
    match connection.get::<PeerAddr>() {
        Some(PeerAddr(address)) => address.ip().to_canonical().to_string(),
        None => "unknown".to_owned(),
    }
}

fn failure(authentication: &Authentication, refusal: Refusal) -> Failure {
    match refusal {
        Refusal::Missing => {
            Failure::unauthenticated("CREDENTIALS_MISSING", authentication.demand())
        }
        refusal => Failure::unauthenticated(
            "CREDENTIALS_INVALID",
            format!("the credentials are not accepted: {refusal}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf, process, time::Duration};

    use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
    use serde_json::{Value, json};
    use tonic::{Code, Status};
    use tonic_types::StatusExt as _;
    use tower::{ServiceExt as _, service_fn};

    use super::*;
    use crate::{
        api::caller::Quota,
        server::auth::{
            AuthSettings, JwtSettings, hash_of,
            jwt::testing::{Issuer, claims},
        },
    };

    const TAG: &str = "/tagwerk.v1.TaggingService/Tag";

    /// A folder of this test's own, removed at its end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(test: &str) -> Self {
            let root = std::env::temp_dir().join(format!("tagwerk-layer-{test}-{}", process::id()));
            fs::create_dir_all(&root).unwrap();
            Self(root)
        }

        fn write(&self, file: &str, content: &str) -> PathBuf {
            let path = self.0.join(file);
            fs::write(&path, content).unwrap();
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn protected(folder: &Folder, issuer: &Issuer) -> Authentication {
        let keys = format!(
            "[[key]]\nname = \"north\"\nsha256 = \"{}\"\n[[key]]\nname = \"south\"\nsha256 = \"{}\"\n",
            hash_of("key-of-north"),
            hash_of("key-of-south"),
        );
        Authentication::open(&AuthSettings {
            keys: Some(folder.write("keys.toml", &keys)),
            jwt: Some(JwtSettings {
                jwks: folder
                    .write("jwks.json", &issuer.jwks())
                    .display()
                    .to_string(),
                issuer: Some("https://id.example".into()),
                audience: vec!["tagwerk".into(), "news".into()],
                leeway: Duration::from_secs(5),
            }),
            quota: Quota::default(),
        })
        .unwrap()
    }

    fn with(name: &str, value: &str) -> Request<Body> {
        request(TAG, &[(name, value)])
    }

    fn request(path: &str, headers: &[(&str, &str)]) -> Request<Body> {
        let mut request = Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::empty()).unwrap()
    }

    /// Calls through the layer. The service within answers with the caller that it sees, and fails if it sees any
    /// credential.
    async fn call(
        authentication: &Authentication,
        request: Request<Body>,
    ) -> Result<String, Status> {
        let inner = service_fn(|request: Request<Body>| async move {
            for name in ["authorization", "x-api-key", "x-goog-api-key"] {
                assert!(!request.headers().contains_key(name));
            }
            let caller = request.extensions().get::<Caller>();
            let id = caller.map_or("nobody", |caller| caller.id());
            let response = Response::builder().header("caller", id);
            Ok::<_, Infallible>(response.body(Body::empty()).unwrap())
        });
        let service = AuthLayer::new(authentication.clone()).layer(inner);
        let response = service.oneshot(request).await.unwrap();
        match Status::from_header_map(response.headers()) {
            Some(status) => Err(status),
            None => Ok(response.headers()["caller"].to_str().unwrap().to_owned()),
        }
    }

    fn changed(claim: &str, value: Value) -> Value {
        let mut claims = claims("north");
        claims[claim] = value;
        claims
    }

    fn without(claim: &str) -> Value {
        let mut claims = claims("north");
        claims.as_object_mut().unwrap().remove(claim);
        claims
    }

    #[tokio::test]
    async fn bad_credentials_are_refused_with_a_reason_that_repeats_nothing_of_them() {
        let folder = Folder::new("refused");
        let mut issuer = Issuer::new();
        issuer.add_es256("a");
        let authentication = protected(&folder, &issuer);
        // Another issuer with a key of the same id, and one that nobody knows.
        let mut other = Issuer::new();
        other.add_es256("a");
        other.add_es256("z");

        let now = get_current_timestamp();
        let good = issuer.sign("a", &claims("north"));
        let parts: Vec<&str> = good.split('.').collect();
        // {"alg":"none","typ":"JWT"} and {"alg":"none","kid":"a"}
        let none = |header| format!("{header}.{}.", parts[1]);
        let (plain, named) = (
            "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0",
            "eyJhbGciOiJub25lIiwia2lkIjoiYSJ9",
        );
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some("a".into());
        let secret = EncodingKey::from_secret(&issuer.public("a"));
        let confused = encode(&header, &claims("north"), &secret).unwrap();
        let foreign_payload = other.sign("a", &claims("south"));
        let spliced = format!(
            "{}.{}.{}",
            parts[0],
            foreign_payload.split('.').nth(1).unwrap(),
            parts[2]
        );
        let mut critical = Header::new(Algorithm::ES256);
        critical.kid = Some("a".into());
        critical.crit = Some(vec!["b64".into()]);

        #[rustfmt::skip]
        let cases = [
            ("a key that nobody has", "x-api-key", "key-of-west".to_owned(), "unknown key"),
            ("a part of a key", "x-api-key", "key-of-nort".to_owned(), "unknown key"),
            ("a key as a token", "authorization", "Bearer key-of-west".to_owned(), "unknown key"),
            ("a hash instead of its key", "x-goog-api-key", hash_of("key-of-north"), "unknown key"),
            ("another scheme", "authorization", "Basic bm9ydGg6c291dGg=".to_owned(), "kind not accepted"),
            ("no token at all", "authorization", "Bearer a.b.c".to_owned(), "malformed"),
            ("alg none", "authorization", none(plain), "malformed"),
            ("alg none with a known kid", "authorization", none(named), "malformed"),
            ("HS256 with the public key as its secret", "authorization", confused, "algorithm not accepted"),
            ("an unknown kid", "authorization", other.sign("z", &claims("north")), "unknown key"),
            ("the signature of another issuer", "authorization", other.sign("a", &claims("north")), "wrong signature"),
            ("claims under another's signature", "authorization", spliced, "wrong signature"),
            ("expired", "authorization", issuer.sign("a", &changed("exp", json!(now - 60))), "expired"),
            ("without an end", "authorization", issuer.sign("a", &without("exp")), "malformed"),
            ("with an end that is no number", "authorization", issuer.sign("a", &changed("exp", json!("never"))), "malformed"),
            ("not yet valid", "authorization", issuer.sign("a", &changed("nbf", json!(now + 60))), "not yet valid"),
            ("wrong audience", "authorization", issuer.sign("a", &changed("aud", json!("weather"))), "wrong audience"),
            ("wrong audiences", "authorization", issuer.sign("a", &changed("aud", json!(["weather", "sport"]))), "wrong audience"),
            ("without an audience", "authorization", issuer.sign("a", &without("aud")), "wrong audience"),
            ("wrong issuer", "authorization", issuer.sign("a", &changed("iss", json!("https://id.example/x"))), "wrong issuer"),
            ("without an issuer", "authorization", issuer.sign("a", &without("iss")), "wrong issuer"),
            ("without a subject", "authorization", issuer.sign("a", &without("sub")), "malformed"),
            ("with an empty subject", "authorization", issuer.sign("a", &claims("")), "malformed"),
            ("with a subject that breaks log lines", "authorization", issuer.sign("a", &claims("a\nb")), "malformed"),
            ("with a critical extension", "authorization", issuer.sign_with(&critical, "a", &claims("north")), "malformed"),
        ];
        for (case, name, mut value, word) in cases {
            if name == "authorization" && !value.contains(' ') {
                value.insert_str(0, "Bearer ");
            }
            let status = call(&authentication, with(name, &value)).await.unwrap_err();
            assert_eq!(status.code(), Code::Unauthenticated, "{case}");
            let details = status.get_error_details();
            assert_eq!(
                details.error_info().unwrap().reason,
                "CREDENTIALS_INVALID",
                "{case}"
            );
            let expected = format!("the credentials are not accepted: {word}");
            assert_eq!(status.message(), expected, "{case}");
        }
    }

    #[tokio::test]
    async fn a_call_without_credentials_is_told_which_ones_it_needs() {
        let folder = Folder::new("missing");
        let mut issuer = Issuer::new();
        issuer.add_es256("a");
        let authentication = protected(&folder, &issuer);
        let status = call(&authentication, request(TAG, &[])).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated);
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, "CREDENTIALS_MISSING");
        assert!(status.message().contains("x-api-key"));
        assert!(status.message().contains("Bearer"));
    }

    #[tokio::test]
    async fn good_credentials_give_each_tenant_a_caller_of_its_own() {
        let folder = Folder::new("accepted");
        let mut issuer = Issuer::new();
        issuer.add_es256("a");
        let authentication = protected(&folder, &issuer);
        let bearer = |claims: &Value| format!("Bearer {}", issuer.sign("a", claims));
        let now = get_current_timestamp();
        #[rustfmt::skip]
        let cases = [
            ("x-api-key", "key-of-north".to_owned(), "key:north"),
            ("x-api-key", "key-of-south".to_owned(), "key:south"),
            ("x-goog-api-key", "key-of-south".to_owned(), "key:south"),
            ("authorization", "Bearer key-of-north".to_owned(), "key:north"),
            ("authorization", bearer(&claims("north")), "jwt:north"),
            ("authorization", bearer(&claims("south")), "jwt:south"),
            ("authorization", bearer(&changed("aud", json!(["weather", "news"]))), "jwt:north"),
            // Within the leeway.
            ("authorization", bearer(&changed("exp", json!(now - 2))), "jwt:north"),
            ("authorization", bearer(&changed("nbf", json!(now + 3))), "jwt:north"),
        ];
        for (name, value, id) in cases {
            let caller = call(&authentication, with(name, &value)).await.unwrap();
            assert_eq!(caller, id, "{name}");
        }
    }

    #[tokio::test]
    async fn health_is_told_to_anybody_and_nothing_else_is() {
        let folder = Folder::new("health");
        let mut issuer = Issuer::new();
        issuer.add_es256("a");
        let authentication = protected(&folder, &issuer);
        for (path, open) in [
            ("/grpc.health.v1.Health/Check", true),
            ("/grpc.health.v1.Health/Watch", true),
            ("/grpc.health.v1.HealthX/Check", false),
            (
                "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                false,
            ),
            (TAG, false),
            ("/", false),
        ] {
            let wrong = request(path, &[("x-api-key", "key-of-west")]);
            for request in [request(path, &[]), wrong] {
                assert_eq!(call(&authentication, request).await.is_ok(), open, "{path}");
            }
        }
    }

    #[tokio::test]
    async fn without_credentials_set_up_the_connection_says_who_calls() {
        let open = Authentication::open(&AuthSettings::default()).unwrap();
        let subject = || ClientSubject("spiffe://news.example/ingest".into());
        let peer = |address: &str| PeerAddr(address.parse().unwrap());
        let certified = "certificate:spiffe://news.example/ingest";
        let cases = [
            (Some(subject()), Some(peer("192.0.2.7:5000")), certified),
            (Some(subject()), None, certified),
            (None, Some(peer("192.0.2.7:5000")), "peer:192.0.2.7"),
            (None, Some(peer("[2001:db8::7]:5000")), "peer:2001:db8::7"),
            (
                None,
                Some(peer("[::ffff:192.0.2.7]:5000")),
                "peer:192.0.2.7",
            ),
            (None, None, "peer:unknown"),
        ];
        for (subject, peer, id) in cases {
            let mut request = with("authorization", "Bearer for.another.service");
            if let Some(subject) = subject {
                request.extensions_mut().insert(subject);
            }
            if let Some(peer) = peer {
                request.extensions_mut().insert(peer);
            }
            assert_eq!(call(&open, request).await.unwrap(), id);
        }
    }

    #[tokio::test]
    async fn a_certificate_does_not_stand_in_for_credentials() {
        let folder = Folder::new("certificate");
        let mut issuer = Issuer::new();
        issuer.add_es256("a");
        let authentication = protected(&folder, &issuer);
        let mut request = request(TAG, &[]);
        request
            .extensions_mut()
            .insert(ClientSubject("ingest".into()));
        assert!(call(&authentication, request).await.is_err());
    }
}
