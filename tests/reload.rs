//! A model package that changes while the server runs.

mod support;

use std::{fs, path::Path, time::Duration};

use support::{config, document, tag, until};
use tagwerk::{
    cli::local::Loader,
    config::ModelArgs,
    proto::tagwerk::v1::GetInfoRequest,
    server::{Server, ServerConfig},
    telemetry::Metrics,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_package_answers_without_a_failed_call_and_a_broken_one_is_refused() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/base");
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reload");
    let _ = fs::remove_dir_all(&copy);
    fs::create_dir_all(&copy).unwrap();
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        fs::copy(models.join(name), copy.join(name)).unwrap();
    }
    let args = ModelArgs {
        model: Some(copy.display().to_string()),
        ..support::model(1)
    };
    let metrics = Metrics::new();
    let loader = Loader::new(args, metrics.clone());
    let config = ServerConfig {
        watch: Some(Duration::from_millis(50)),
        ..config()
    };
    let server = Server::bind(config, metrics).await.unwrap();
    let server = support::run_with(server, move |present| loader.clone().load(present));
    server.until_ready().await;
    let client = server.client().await;

    // Somebody calls all the time.
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let mut caller = client.clone();
    let calls = tokio::spawn(async move {
        let mut answered = 0;
        while stopped.try_recv() == Err(tokio::sync::oneshot::error::TryRecvError::Empty) {
            caller
                .tag(tag(document("", "Guten Tag, Kiel.")))
                .await
                .unwrap();
            answered += 1;
        }
        answered
    });

    let text = fs::read_to_string(copy.join("config.json")).unwrap();
    fs::write(copy.join("config.json"), "{}").unwrap();
    let refused = r#"tagwerk_reloads_total{what="model",result="refused"}"#;
    until("refused", || async { server.metric(refused).await >= 1.0 }).await;
    let version = async || {
        let mut client = client.clone();
        let info = client.get_info(GetInfoRequest {}).await.unwrap();
        info.into_inner().models[0].model.clone().unwrap().version
    };
    let old = version().await;

    let start = text.find("\"version\": \"").unwrap() + "\"version\": \"".len();
    let mut changed = text.clone();
    changed.replace_range(start..start + old.len(), "99.0.0");
    fs::write(copy.join("config.json"), changed).unwrap();
    until("reloaded", || async { version().await == "99.0.0" }).await;

    stop.send(()).unwrap();
    assert!(calls.await.unwrap() > 0);
    fs::remove_dir_all(&copy).unwrap();
}
