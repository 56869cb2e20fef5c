//! Certificates and keys on the real server: who gets in, who does not, and what changes while it runs.

mod support;

use std::time::Duration;

use support::{
    config, document,
    secrets::{Authority, Folder, entry},
    server_with, tag, until,
};
use tagwerk::{
    api::caller::Quota,
    proto::tagwerk::v1::{TagRequest, tagging_service_client::TaggingServiceClient},
    server::{ServerConfig, auth::AuthSettings, tls::TlsSettings},
};
use tonic::{
    Code, Request, Status,
    transport::{Channel, ClientTlsConfig, Endpoint, Identity},
};
use tonic_types::StatusExt as _;

fn tls(folder: &Folder, authority: &Authority, clients: Option<&Authority>) -> TlsSettings {
    authority.serve(folder, "tagwerk.test", clients)
}

async fn call(server: &support::TestServer, tls: ClientTlsConfig) -> Result<(), String> {
    let endpoint = Endpoint::from_shared(format!("https://{}", server.grpc)).unwrap();
    let endpoint = endpoint.tls_config(tls).map_err(|e| e.to_string())?;
    let channel = endpoint.connect().await.map_err(|e| format!("{e:?}"))?;
    let request = tag(document("", "Guten Tag"));
    let answer = TaggingServiceClient::new(channel).tag(request).await;
    answer.map(drop).map_err(|status| status.to_string())
}

#[tokio::test]
async fn over_tls_only_those_who_trust_the_right_authority_are_served() {
    let folder = Folder::new("tls");
    let (own, other) = (Authority::new("own"), Authority::new("other"));
    let server = server_with(ServerConfig {
        tls: Some(tls(&folder, &own, None)),
        ..config()
    })
    .await;
    assert_eq!(call(&server, own.trusted()).await, Ok(()));
    assert!(call(&server, other.trusted()).await.is_err());
    let mut in_the_clear = server.client().await;
    let answer = in_the_clear.tag(tag(document("", "Guten Tag"))).await;
    assert!(answer.is_err());
}

#[tokio::test]
async fn with_mutual_tls_a_client_needs_a_certificate_of_the_right_authority() {
    let folder = Folder::new("mutual-tls");
    let (own, clients, other) = (
        Authority::new("own"),
        Authority::new("clients"),
        Authority::new("other"),
    );
    let server = server_with(ServerConfig {
        tls: Some(tls(&folder, &own, Some(&clients))),
        ..config()
    })
    .await;
    let with = |authority: &Authority| {
        let (certificate, key) = authority.issue("ingest.test");
        own.trusted().identity(Identity::from_pem(certificate, key))
    };
    assert_eq!(call(&server, with(&clients)).await, Ok(()));
    assert!(call(&server, with(&other)).await.is_err());
    assert!(call(&server, own.trusted()).await.is_err(), "without one");
}

#[tokio::test]
async fn a_renewed_certificate_is_taken_up_and_a_broken_one_refused() {
    let folder = Folder::new("renewal");
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let server = server_with(ServerConfig {
        tls: Some(tls(&folder, &old, None)),
        watch: Some(Duration::from_millis(20)),
        ..config()
    })
    .await;
    let refused = r#"tagwerk_reloads_total{what="certificates",result="refused"}"#;
    folder.write("server.pem", "no certificate");
    until("refused", || async { server.metric(refused).await > 0.0 }).await;
    assert_eq!(call(&server, old.trusted()).await, Ok(()));

    let (certificate, key) = new.issue("tagwerk.test");
    folder.write("server.key", &key);
    folder.write("server.pem", &certificate);
    until("renewed", || async {
        call(&server, new.trusted()).await.is_ok()
    })
    .await;
}

fn with_key(header: &'static str, value: &str) -> Request<TagRequest> {
    let mut request = Request::new(tag(document("", "Guten Tag")));
    request
        .metadata_mut()
        .insert(header, value.parse().unwrap());
    request
}

async fn code(client: &mut TaggingServiceClient<Channel>, request: Request<TagRequest>) -> Code {
    client
        .tag(request)
        .await
        .err()
        .map_or(Code::Ok, |s| s.code())
}

#[tokio::test]
async fn only_callers_with_a_known_key_are_served() {
    let folder = Folder::new("keys");
    let keys = folder.write("keys.toml", entry("ingest", "geheim-eins", ""));
    let server = server_with(ServerConfig {
        auth: AuthSettings {
            keys: Some(keys),
            ..AuthSettings::default()
        },
        watch: Some(Duration::from_millis(20)),
        ..config()
    })
    .await;
    let client = &mut server.client().await;
    let none = Request::new(tag(document("", "Guten Tag")));
    assert_eq!(code(client, none).await, Code::Unauthenticated);
    for (header, value, expected) in [
        ("x-api-key", "geheim-eins", Code::Ok),
        ("x-goog-api-key", "geheim-eins", Code::Ok),
        ("authorization", "Bearer geheim-eins", Code::Ok),
        ("x-api-key", "geheim-zwei", Code::Unauthenticated),
        ("x-api-key", "", Code::Unauthenticated),
        ("authorization", "Basic geheim-eins", Code::Unauthenticated),
    ] {
        let got = code(client, with_key(header, value)).await;
        assert_eq!(got, expected, "{header}: {value}");
    }

    // A key that is taken away opens nothing any more.
    folder.write("keys.toml", entry("ingest", "geheim-zwei", ""));
    until("the new key", || {
        let mut client = client.clone();
        async move { code(&mut client, with_key("x-api-key", "geheim-zwei")).await == Code::Ok }
    })
    .await;
    let old = code(client, with_key("x-api-key", "geheim-eins")).await;
    assert_eq!(old, Code::Unauthenticated);
}

#[tokio::test]
async fn probes_need_no_credentials() {
    let folder = Folder::new("probes");
    let keys = folder.write("keys.toml", entry("ingest", "geheim", ""));
    let server = server_with(ServerConfig {
        auth: AuthSettings {
            keys: Some(keys),
            ..AuthSettings::default()
        },
        ..config()
    })
    .await;
    let mut health = tonic_health::pb::health_client::HealthClient::new(server.channel().await);
    let request = tonic_health::pb::HealthCheckRequest::default();
    let answer = health.check(request).await.unwrap().into_inner();
    assert_eq!(answer.status(), tonic_health::ServingStatus::Serving.into());
}

#[tokio::test]
async fn a_caller_beyond_its_quota_is_told_when_to_come_back_and_the_others_are_served() {
    let folder = Folder::new("quota");
    let both = entry("small", "klein", "tokens_per_second = 1") + &entry("large", "gross", "");
    let keys = folder.write("keys.toml", &both);
    let server = server_with(ServerConfig {
        auth: AuthSettings {
            keys: Some(keys),
            quota: Quota::default(),
            ..AuthSettings::default()
        },
        ..config()
    })
    .await;
    let client = &mut server.client().await;
    let mut refused: Option<Status> = None;
    for _ in 0..20 {
        refused = refused.or(client.tag(with_key("x-api-key", "klein")).await.err());
    }
    let refused = refused.expect("the quota is not kept");
    assert_eq!(refused.code(), Code::ResourceExhausted);
    let info = refused.get_details_error_info().unwrap();
    assert_eq!(info.reason, "QUOTA_EXCEEDED");
    assert!(
        refused
            .get_details_retry_info()
            .unwrap()
            .retry_delay
            .is_some()
    );
    assert_eq!(code(client, with_key("x-api-key", "gross")).await, Code::Ok);
}
