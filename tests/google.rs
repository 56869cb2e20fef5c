//! Clients of Google's Natural Language API, unmodified, against the real server.

mod support;

use std::{
    io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::LazyLock,
    thread,
    time::Duration,
};

use support::{
    TestServer, config,
    secrets::{Authority, Folder, entry},
    server, server_with,
};
use tagwerk::{
    cli::local,
    config::ModelArgs,
    proto::{
        GOOGLE_DESCRIPTORS,
        google::language::{
            v1::{
                AnalyzeEntitiesRequest, Document, document,
                language_service_client::LanguageServiceClient,
            },
            v2,
        },
    },
    server::{ServerConfig, auth::AuthSettings},
};
use tokio::time::{sleep, timeout};
use tonic::{Code, transport::Channel};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_types::StatusExt as _;

/// The clients, installed where they are missing.
static TOOLS: LazyLock<PathBuf> = LazyLock::new(|| support::tools("google"));

/// The scripts that the clients run.
fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/google")
}

/// Runs a script of the Python client; it says itself what it found wrong.
async fn python(script: &str, environment: &[(&str, &str)]) {
    let mut command = Command::new(TOOLS.join("python"));
    command
        .arg(scripts().join(script))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    run(command, environment).await;
}

/// Runs a script of the Node.js client.
async fn node(script: &str, environment: &[(&str, &str)]) {
    let mut command = Command::new(TOOLS.join("node"));
    command
        .arg(scripts().join(script))
        .env("NODE_PATH", TOOLS.join("../npm-google/node_modules"));
    run(command, environment).await;
}

/// A process that is killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn run(mut command: Command, environment: &[(&str, &str)]) {
    let script = format!("{command:?}");
    let (mut said, says) = io::pipe().unwrap();
    let command = command
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(says.try_clone().unwrap())
        .stderr(says);
    let mut running = Running(command.spawn().unwrap());
    // It holds the other end of the pipe, which would not be at its end otherwise.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let said = thread::spawn(move || io::read_to_string(&mut said));
    let ended = async {
        loop {
            if let Some(status) = running.0.try_wait().unwrap() {
                return status;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let status = timeout(3 * support::PATIENCE, ended).await;
    let status = status.expect("the script hangs");
    let said = said.join().unwrap().unwrap();
    assert!(status.success(), "{script}\n{said}");
}

/// A server on `127.0.0.1` with TLS and one key.
async fn secured(folder: &Folder, authority: &Authority, key: &str) -> TestServer {
    let keys = folder.write("keys.toml", entry("monitor", key, ""));
    server_with(ServerConfig {
        tls: Some(authority.serve(folder, "127.0.0.1", None)),
        auth: AuthSettings {
            keys: Some(keys),
            ..AuthSettings::default()
        },
        ..config()
    })
    .await
}

fn question(content: &str) -> AnalyzeEntitiesRequest {
    AnalyzeEntitiesRequest {
        document: Some(Document {
            r#type: document::Type::PlainText.into(),
            source: Some(document::Source::Content(content.into())),
            language: "de".into(),
        }),
        encoding_type: 0,
    }
}

async fn client(server: &TestServer) -> LanguageServiceClient<Channel> {
    LanguageServiceClient::new(server.channel().await)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_client_gets_what_its_documentation_says() {
    let server = server().await;
    python("plaintext.py", &[("SERVER", &server.grpc.to_string())]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_client_shows_its_api_key_over_tls() {
    let folder = Folder::new("google-python");
    let authority = Authority::new("own");
    let server = secured(&folder, &authority, "geheim").await;
    let roots = folder.write("roots.pem", &authority.pem);
    let environment = [
        ("SERVER", &*server.grpc.to_string()),
        ("API_KEY", "geheim"),
        ("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", roots.to_str().unwrap()),
    ];
    python("tls.py", &environment).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_client_tries_again_by_itself_where_the_queue_is_full() {
    let args = ModelArgs {
        batch_tokens: 512,
        queue_tokens: 1024,
        ..support::model(1)
    };
    let load = async move { Ok(local::pipeline(args).await.expect("no model package")) };
    let server = support::start(config(), load).await;
    server.until_ready().await;
    let text = support::article(6);
    let environment = [("SERVER", &*server.grpc.to_string()), ("TEXT", &text)];
    python("busy.py", &environment).await;
    let method = "google.cloud.language.v1.LanguageService/AnalyzeEntities";
    let refused = format!(r#"tagwerk_calls_total{{method="{method}",code="UNAVAILABLE"}}"#);
    assert!(server.metric(&refused).await > 0.0, "nothing was refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_messages_are_those_of_the_python_client() {
    let folder = Folder::new("google-messages");
    let descriptors = folder.write("descriptors.bin", GOOGLE_DESCRIPTORS);
    let environment = [
        ("SERVER", "nowhere"),
        ("DESCRIPTORS", descriptors.to_str().unwrap()),
    ];
    python("messages.py", &environment).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_client_is_answered_in_the_clear_and_over_tls() {
    let folder = Folder::new("google-node");
    let authority = Authority::new("own");
    let (clear, secured) = (server().await, secured(&folder, &authority, "geheim").await);
    let roots = folder.write("roots.pem", &authority.pem);
    let environment = [
        ("PLAINTEXT_PORT", &*clear.grpc.port().to_string()),
        ("TLS_PORT", &secured.grpc.port().to_string()),
        ("API_KEY", "geheim"),
        ("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", roots.to_str().unwrap()),
    ];
    node("client.js", &environment).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_beyond_its_quota_gets_a_status_that_clients_do_not_try_again() {
    let folder = Folder::new("google-quota");
    let keys = entry("monitor", "geheim", "tokens_per_second = 1");
    let server = server_with(ServerConfig {
        auth: AuthSettings {
            keys: Some(folder.write("keys.toml", keys)),
            ..AuthSettings::default()
        },
        ..config()
    })
    .await;
    let mut client = client(&server).await;
    let mut refused = None;
    for _ in 0..20 {
        let mut request = tonic::Request::new(question("Guten Tag"));
        let key = "geheim".parse().unwrap();
        request.metadata_mut().insert("x-goog-api-key", key);
        refused = refused.or(client.analyze_entities(request).await.err());
    }
    let refused = refused.expect("the quota is not kept");
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(refused.get_details_retry_info().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_counted_by_method_and_health_is_told_by_service() {
    let server = server().await;
    let mut client = client(&server).await;
    client
        .analyze_entities(question("Guten Tag"))
        .await
        .unwrap();
    let method = "google.cloud.language.v1.LanguageService/AnalyzeEntities";
    let series = format!(r#"tagwerk_calls_total{{method="{method}",code="OK"}}"#);
    server.until_metric(&series, 1.0).await;
    let answered = r#"tagwerk_documents_total{result="ok"}"#;
    assert_eq!(server.metric(answered).await, 1.0);
    assert_eq!(health(&server).await, [Code::Ok; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_so_does_not_know_this_api() {
    let server = server_with(ServerConfig {
        google: false,
        ..config()
    })
    .await;
    let mut client = client(&server).await;
    let refused = client.analyze_entities(question("Guten Tag")).await;
    assert_eq!(refused.unwrap_err().code(), Code::Unimplemented);
    let client = v2::language_service_client::LanguageServiceClient::new(server.channel().await);
    let request = v2::AnalyzeEntitiesRequest::default();
    let refused = client.clone().analyze_entities(request).await;
    assert_eq!(refused.unwrap_err().code(), Code::Unimplemented);
    assert_eq!(health(&server).await, [Code::NotFound; 2]);
}

/// Whether health is told of both services.
async fn health(server: &TestServer) -> [Code; 2] {
    let mut health = HealthClient::new(server.channel().await);
    let mut codes = [Code::Ok; 2];
    for (code, version) in codes.iter_mut().zip(["v1", "v2"]) {
        let service = format!("google.cloud.language.{version}.LanguageService");
        let answer = health.check(HealthCheckRequest { service }).await;
        *code = answer.err().map_or(Code::Ok, |status| status.code());
    }
    codes
}
