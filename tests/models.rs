//! Models from Hugging Face beside the package, through the real server.
//!
//! The models of tests/models have random weights: what they find is nonsense, and the same nonsense as in Transformers.

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde::Deserialize;
use support::{TestServer, config, queued, tag_with};
use tagwerk::{
    cli::local::Loader,
    config::{NamedModel, NamedModels, Part},
    model::hugging_face::{EntitySettings, Method, StanceSettings},
    proto::tagwerk::v1::{
        Document, EntityType, Feature, GetInfoRequest, HolderKind, OffsetUnit, TagOptions,
        TagStreamRequest, TaggedDocument, tag_stream_response::Result as StreamResult,
    },
    server::Server,
    telemetry::Metrics,
};
use tokio::sync::OnceCell;
use tokio_stream::StreamExt as _;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

#[derive(Deserialize)]
struct Expected {
    model: String,
    tokenizer: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    texts: Vec<String>,
    #[serde(default)]
    mentions: Vec<Found>,
}

/// A mention, in code points.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
struct Found {
    start: u32,
    end: u32,
    r#type: String,
}

fn expected() -> Vec<Expected> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/expected.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn cases(model: &str) -> Vec<Case> {
    let all = expected().into_iter();
    all.filter(|expected| expected.model == model)
        .flat_map(|expected| expected.cases)
        .collect()
}

/// A directory with a model and its tokenizer.
fn folder(model: &str, test: &str) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("models-{test}-{model}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    for name in ["config.json", "model.safetensors"] {
        fs::copy(fixtures.join(model).join(name), folder.join(name)).unwrap();
    }
    let of_name = |expected: &Expected| expected.model == model;
    let tokenizer = expected().into_iter().find(of_name).unwrap().tokenizer;
    let tokenizer = fixtures.join(format!("tokenizers/{tokenizer}.json"));
    fs::copy(tokenizer, folder.join("tokenizer.json")).unwrap();
    folder
}

fn entities(model: &str) -> Part<EntitySettings> {
    Part::Own(EntitySettings {
        path: Some(folder(model, "server")),
        ..EntitySettings::default()
    })
}

fn stances(model: &str, settings: StanceSettings) -> Option<Part<StanceSettings>> {
    Some(Part::Own(StanceSettings {
        path: Some(folder(model, "server")),
        ..settings
    }))
}

fn named(entities: Part<EntitySettings>, stances: Option<Part<StanceSettings>>) -> NamedModel {
    NamedModel {
        languages: Vec::new(),
        workers: 1,
        entities,
        stances,
    }
}

/// The models of the shared server.
fn models() -> NamedModels {
    let nli = StanceSettings {
        method: Method::Nli,
        entailment: Some("positive".to_owned()),
        ..StanceSettings::default()
    };
    let marked = StanceSettings {
        text: Some("{before}* {target} *{after}".to_owned()),
        pair: Some(String::new()),
        ..StanceSettings::default()
    };
    NamedModels::from([
        ("names".to_owned(), named(entities("bert-tokens"), None)),
        (
            "roberta".to_owned(),
            named(entities("roberta-tokens"), None),
        ),
        (
            "xlm".to_owned(),
            named(entities("xlm-roberta-tokens"), None),
        ),
        (
            "both".to_owned(),
            named(
                entities("bert-tokens"),
                stances("xlm-roberta-sequence", StanceSettings::default()),
            ),
        ),
        (
            "nli".to_owned(),
            named(Part::Package, stances("bart-sequence", nli)),
        ),
        (
            "marked".to_owned(),
            named(Part::Package, stances("bert-sequence", marked)),
        ),
        (
            "judged".to_owned(),
            named(entities("bert-tokens"), Some(Part::Package)),
        ),
    ])
}

/// A server of each test on the engines that all share.
async fn server() -> TestServer {
    static LOADED: OnceCell<tagwerk::pipeline::Pipeline> = OnceCell::const_new();
    let load = || async {
        let loader = Loader::new(support::model(1), Metrics::new()).with_models(models());
        loader.load(None).await.unwrap().unwrap()
    };
    let pipeline = LOADED.get_or_init(load).await.clone();
    let server = Server::bind(config(), Metrics::new()).await.unwrap();
    let server = support::run(server, async { Ok(pipeline) });
    server.until_ready().await;
    server
}

fn options(model: &str, features: &[Feature]) -> TagOptions {
    TagOptions {
        model: model.to_owned(),
        features: features.iter().map(|&feature| feature.into()).collect(),
        offset_unit: OffsetUnit::CodePoint.into(),
        ..TagOptions::default()
    }
}

fn document(text: &str) -> Document {
    support::document("", text)
}

async fn tagged(
    server: &TestServer,
    text: &str,
    options: TagOptions,
) -> Result<TaggedDocument, Status> {
    let response = server
        .client()
        .await
        .tag(tag_with(document(text), options))
        .await?;
    Ok(response.into_inner().document.unwrap())
}

fn found(tagged: &TaggedDocument) -> Vec<Found> {
    let found = |mention: &tagwerk::proto::tagwerk::v1::Mention| {
        let span = mention.span.unwrap();
        let name = EntityType::as_str_name(&mention.r#type());
        Found {
            start: span.start,
            end: span.end,
            r#type: name.trim_start_matches("ENTITY_TYPE_").to_owned(),
        }
    };
    tagged.mentions.iter().map(found).collect()
}

/// The types of one name are made to agree, which is done to nonsense too: spans are what can be compared.
fn spans(found: &[Found]) -> Vec<(u32, u32)> {
    found.iter().map(|f| (f.start, f.end)).collect()
}

fn violated(status: &Status) -> Vec<(String, String)> {
    let details = status.get_error_details();
    let violations = details.bad_request().map(|b| b.field_violations.clone());
    let violations = violations.unwrap_or_default().into_iter();
    violations.map(|v| (v.field, v.description)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_names_are_those_of_transformers_with_umlauts_and_emoji() {
    let server = server().await;
    for (name, model) in [
        ("names", "bert-tokens"),
        ("roberta", "roberta-tokens"),
        ("xlm", "xlm-roberta-tokens"),
    ] {
        for case in cases(model) {
            let text = &case.texts[0];
            let tagged = tagged(&server, text, options(name, &[Feature::Mentions]))
                .await
                .unwrap();
            assert_eq!(
                spans(&found(&tagged)),
                spans(&case.mentions),
                "{name}: {text}"
            );
            for mention in &tagged.mentions {
                let span = mention.span.unwrap();
                let length = (span.end - span.start) as usize;
                let selected: String = text
                    .chars()
                    .skip(span.start as usize)
                    .take(length)
                    .collect();
                assert_eq!(mention.text, selected);
            }
            let model = tagged.model.unwrap();
            assert_eq!((model.name.as_str(), model.fingerprint.len()), (name, 64));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_far_larger_than_a_batch_is_labelled_line_by_line() {
    let server = server().await;
    let cases = cases("bert-tokens");
    let repeats = 60;
    let mut text = String::new();
    let mut expected = Vec::new();
    for case in cases.iter().cycle().take(repeats * cases.len()) {
        let offset = text.chars().count() as u32;
        expected.extend(
            spans(&case.mentions)
                .iter()
                .map(|(s, e)| (s + offset, e + offset)),
        );
        text.push_str(&case.texts[0]);
        text.push('\n');
    }
    let tagged = tagged(&server, &text, options("names", &[Feature::Mentions]))
        .await
        .unwrap();
    assert_eq!(spans(&found(&tagged)), expected);
    let coverage = tagged.coverage.unwrap();
    assert_eq!(coverage.bytes_read, coverage.bytes_total);
    assert_eq!(coverage.windows as usize, repeats * cases.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_may_name_another_model_with_each_document() {
    let server = server().await;
    let text = "Ömer Falk lobte Jana Roth in Brüssel.";
    let names = ["names", "", "roberta", "nothing", "names"];
    let requests = names.map(|name| TagStreamRequest {
        options: Some(options(name, &[])),
        ..queued(document(text))
    });
    let answers = server
        .client()
        .await
        .tag_stream(tokio_stream::iter(requests))
        .await;
    let mut answers = answers.unwrap().into_inner();
    let mut models = vec![String::new(); names.len()];
    while let Some(answer) = answers.next().await {
        let answer = answer.unwrap();
        models[answer.sequence as usize] = match answer.result.unwrap() {
            StreamResult::Document(document) => document.model.unwrap().name,
            StreamResult::Error(status) => format!("code {}", status.code),
        };
    }
    assert_eq!(models[0], "names");
    assert_eq!(models[2], "roberta");
    assert_eq!(models[3], "code 3");
    assert_eq!(models[4], "names");
    assert!(!["names", "roberta", ""].contains(&models[1].as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_model_does_not_have_stays_empty_and_is_refused_where_it_is_named() {
    let server = server().await;
    let text = "Ömer Falk lobte Jana Roth in Brüssel. „Gut so“, sagte er.";
    let answer = tagged(&server, text, options("names", &[])).await.unwrap();
    assert!(!answer.mentions.is_empty() && !answer.entities.is_empty());
    assert!(
        answer
            .mentions
            .iter()
            .all(|mention| mention.stance.is_none())
    );
    assert!(answer.entities.iter().all(|entity| entity.stance.is_none()));
    assert!(answer.stances.is_empty() && answer.sentiment.is_none());
    assert_eq!(answer.sentences.len(), 2);

    let named = [Feature::Mentions, Feature::Stances, Feature::Sentiment];
    let status = tagged(&server, text, options("names", &named))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let fields: Vec<String> = violated(&status)
        .into_iter()
        .map(|(field, _)| field)
        .collect();
    assert_eq!(fields, ["options.features[1]", "options.features[2]"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_there_is_none_of_is_refused_with_those_that_there_are() {
    let server = server().await;
    let status = tagged(&server, "Kiel", options("bert", &[]))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let violations = violated(&status);
    assert_eq!(violations.len(), 1);
    assert_eq!(violations[0].0, "options.model");
    for name in models().keys() {
        assert!(violations[0].1.contains(name), "{violations:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_lists_all_models_the_package_first() {
    let server = server().await;
    let info = server
        .client()
        .await
        .get_info(GetInfoRequest {})
        .await
        .unwrap()
        .into_inner();
    let listed: Vec<String> = info
        .models
        .iter()
        .map(|m| m.model.clone().unwrap().name)
        .collect();
    let expected: Vec<String> = models().into_keys().collect();
    assert_eq!(listed[1..], expected);
    let mut fingerprints: Vec<_> = info
        .models
        .iter()
        .map(|m| &m.model.as_ref().unwrap().fingerprint)
        .collect();
    fingerprints.sort();
    fingerprints.dedup();
    assert_eq!(fingerprints.len(), info.models.len());
    // The package may be named too.
    let own = &listed[0];
    let tagged = tagged(&server, "Kiel", options(own, &[])).await.unwrap();
    assert_eq!(&tagged.model.unwrap().name, own);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_model_judges_each_mention_without_a_holder() {
    let server = server().await;
    let text = "Ömer Falk lobte Jana Roth in Brüssel. Die Firma Quarz & Söhne schwieg 🚢.";
    for name in ["both", "nli", "marked"] {
        let answer = tagged(&server, text, options(name, &[Feature::Stances]))
            .await
            .unwrap();
        assert!(!answer.mentions.is_empty(), "{name}");
        for mention in &answer.mentions {
            let stance = mention.stance.unwrap();
            let p = stance.probabilities.unwrap();
            let sum = p.favorable + p.neutral + p.unfavorable;
            assert!((sum - 1.0).abs() < 1e-3, "{name}: {stance:?}");
        }
        for relation in &answer.stances {
            assert_eq!(relation.holder_kind(), HolderKind::Unspecified);
            assert_eq!(relation.holder_probability, 0.0);
        }
        let again = tagged(&server, text, options(name, &[Feature::Stances]))
            .await
            .unwrap();
        assert_eq!(answer, again, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_package_judges_what_another_model_found_and_tells_holders_and_tone() {
    let server = server().await;
    let text = "Ömer Falk lobte Jana Roth in Brüssel. Er nannte sie unfähig.";
    let answer = tagged(&server, text, options("judged", &[])).await.unwrap();
    assert!(
        answer
            .mentions
            .iter()
            .all(|mention| mention.stance.is_some())
    );
    let told = |relation: &tagwerk::proto::tagwerk::v1::StanceRelation| relation.holder_kind();
    assert!(
        answer
            .stances
            .iter()
            .map(told)
            .all(|kind| kind != HolderKind::Unspecified)
    );
    assert!(answer.sentiment.is_some());
    assert!(
        answer
            .sentences
            .iter()
            .all(|sentence| sentence.sentiment.is_some())
    );
    // Tone alone needs no pass of the model that finds the names.
    let tone = tagged(&server, text, options("judged", &[Feature::Sentiment]))
        .await
        .unwrap();
    assert_eq!(tone.sentiment, answer.sentiment);
    assert_eq!(tone.coverage.unwrap().bytes_read, text.len() as u32);
}

#[tokio::test(flavor = "multi_thread")]
async fn entities_of_the_package_are_the_same_whoever_judges_them() {
    let server = server().await;
    let text = support::article(2);
    let own = tagged(&server, &text, options("", &[Feature::Mentions]))
        .await
        .unwrap();
    let judged = tagged(&server, &text, options("nli", &[])).await.unwrap();
    assert!(!own.mentions.is_empty());
    assert_eq!(found(&own), found(&judged));
    assert!(judged.sentiment.is_some(), "the tone is the package's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_cannot_be_opened_stops_the_start_with_its_name() {
    let empty = folder("bert-tokens", "start");
    fs::remove_file(empty.join("tokenizer.json")).unwrap();
    let settings = EntitySettings {
        path: Some(empty),
        ..EntitySettings::default()
    };
    let models = NamedModels::from([("broken".to_owned(), named(Part::Own(settings), None))]);
    let loader = Loader::new(support::model(1), Metrics::new()).with_models(models);
    let error = loader.load(None).await.unwrap_err().to_string();
    assert!(error.starts_with("models.broken.entities: "), "{error}");
    assert!(error.contains("tokenizer.json is missing"), "{error}");
}

#[test]
fn the_settings_print_the_models_so_that_they_can_be_read_again() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("models.toml");
    let text = "[models.press]\nworkers = 2\nstances = \"package\"\n\n\
                [models.press.entities]\nhub = \"owner/model\"\n\n[models.press.entities.labels]\nDATE = \"none\"\n";
    fs::write(&path, text).unwrap();
    let print = |path: &Path| {
        let mut serve = Command::new(env!("CARGO_BIN_EXE_tagwerk"));
        serve
            .args(["serve", "--print-config", "--config"])
            .arg(path);
        let output = serve.output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    let printed = print(&path);
    let models = |printed: &str| printed[printed.find("[models.press]").unwrap()..].to_owned();
    assert!(models(&printed).contains("DATE = \"none\""), "{printed}");
    fs::write(&path, &printed).unwrap();
    assert_eq!(models(&print(&path)), models(&printed));
}

fn import(arguments: &[&str]) -> (bool, String) {
    let mut import = Command::new(env!("CARGO_BIN_EXE_tagwerk"));
    import.args(["model", "import"]).args(arguments);
    import
        .env("HF_HUB_OFFLINE", "1")
        .env("HF_HUB_CACHE", "/nowhere");
    let output = import.output().unwrap();
    let told = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(told).unwrap())
}

#[test]
fn an_import_prints_a_section_that_the_server_takes() {
    for model in ["bert-tokens", "xlm-roberta-sequence"] {
        let folder = folder(model, "import");
        let purpose = if model.ends_with("tokens") {
            "entities"
        } else {
            "stances"
        };
        let path = folder.to_str().unwrap();
        let (runs, told) = import(&[path, "--name", "press", "--as", purpose]);
        assert!(runs, "{told}");
        let section = &told[told.find("[models.press").unwrap()..];
        let file = folder.join("tagwerk.toml");
        fs::write(&file, section).unwrap();
        let mut serve = Command::new(env!("CARGO_BIN_EXE_tagwerk"));
        serve
            .args(["serve", "--print-config", "--config"])
            .arg(&file);
        let output = serve.output().unwrap();
        let problem = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{section}: {problem}");
        assert!(String::from_utf8_lossy(&output.stdout).contains(path));
    }
}

#[test]
fn an_import_of_what_cannot_run_says_why_and_fails() {
    let whole = folder("bert-tokens", "import-fails");
    let path = whole.to_str().unwrap();
    let (runs, told) = import(&[path]);
    assert!(!runs && told.contains("--as"), "{told}");
    let (runs, told) = import(&["owner/name"]);
    assert!(!runs && told.contains("HF_HUB_OFFLINE is set"), "{told}");
    fs::remove_file(whole.join("tokenizer.json")).unwrap();
    fs::write(whole.join("vocab.txt"), "").unwrap();
    let (runs, told) = import(&[path, "--as", "entities"]);
    assert!(!runs && told.contains("AutoTokenizer"), "{told}");
    let (runs, told) = import(&["/nowhere/at/all"]);
    assert!(!runs && told.contains("no such directory"), "{told}");
}
