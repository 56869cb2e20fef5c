//! Against what Transformers says with the models of tests/models (scripts/tiny-models.py makes them).

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Deserialize;

use super::{
    Checkpoint, Classifier, EntitySettings, ModelError, StanceSettings, classifier::Input,
};

/// How far a logit may be from that of Transformers, of 1 or of its size.
const NEAR: f32 = 1e-4;

/// One model and what Transformers says with it.
#[derive(Deserialize)]
struct Expected {
    model: String,
    tokenizer: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    texts: Vec<String>,
    tokens: Vec<u32>,
    logits: Vec<f32>,
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models")
}

fn expected() -> Vec<Expected> {
    serde_json::from_slice(&fs::read(fixtures().join("expected.json")).unwrap()).unwrap()
}

/// A directory of a test's own.
struct Folder(PathBuf);

impl Folder {
    /// A copy of a model with its tokenizer.
    fn of(expected: &Expected, test: &str) -> Self {
        let name = format!("tagwerk-{}-{test}-{}", std::process::id(), expected.model);
        let folder = Self(std::env::temp_dir().join(name));
        fs::create_dir_all(&folder.0).unwrap();
        let model = fixtures().join(&expected.model);
        for name in ["config.json", "model.safetensors"] {
            fs::copy(model.join(name), folder.0.join(name)).unwrap();
        }
        let tokenizer = format!("tokenizers/{}.json", expected.tokenizer);
        fs::copy(fixtures().join(tokenizer), folder.0.join("tokenizer.json")).unwrap();
        folder
    }

    /// A copy of a model by its name.
    fn named(model: &str, test: &str) -> Self {
        let of_name = |expected: &Expected| expected.model == model;
        Self::of(&expected().into_iter().find(of_name).unwrap(), test)
    }

    fn entities(&self) -> Result<Checkpoint, ModelError> {
        Checkpoint::for_entities(&self.0, &EntitySettings::default(), "tiny", &[])
    }

    fn stances(&self, settings: &StanceSettings) -> Result<Checkpoint, ModelError> {
        Checkpoint::for_stances(&self.0, settings, "tiny", &[])
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn opened(expected: &Expected, folder: &Folder) -> Result<Arc<Checkpoint>, ModelError> {
    let opened = match expected.model.ends_with("-tokens") {
        true => folder.entities(),
        false => folder.stances(&StanceSettings::default()),
    };
    opened.map(Arc::new)
}

#[test]
fn every_architecture_says_what_transformers_says() {
    let mut problems = Vec::new();
    for expected in expected() {
        let folder = Folder::of(&expected, "logits");
        let checkpoint = match opened(&expected, &folder) {
            Ok(checkpoint) => checkpoint,
            Err(error) => {
                problems.push(format!("{}: {error}", expected.model));
                continue;
            }
        };
        let classifier = Classifier::new(Arc::clone(&checkpoint)).unwrap();
        for case in &expected.cases {
            let second = case.texts.get(1).map(String::as_str);
            let encoded = checkpoint
                .tokenizer()
                .encode(&case.texts[0], second)
                .unwrap();
            assert_eq!(
                encoded.tokens, case.tokens,
                "{} {:?}",
                expected.model, case.texts
            );
            let input = Input {
                tokens: &encoded.tokens,
                second: encoded.second,
            };
            let logits = classifier.logits(&[input]).unwrap().remove(0);
            assert_eq!(logits.len(), case.logits.len(), "{}", expected.model);
            let pairs = logits.iter().zip(&case.logits);
            let apart = |(a, b): (&f32, &f32)| (a - b).abs() / b.abs().max(1.0);
            let farthest = pairs.map(apart).fold(0.0, f32::max);
            if farthest.is_nan() || farthest > NEAR {
                problems.push(format!("{} {:?}: {farthest}", expected.model, case.texts));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_sequence_says_the_same_bits_whatever_it_is_batched_with() {
    for expected in expected() {
        let folder = Folder::of(&expected, "bits");
        let classifier = Classifier::new(opened(&expected, &folder).unwrap()).unwrap();
        let inputs: Vec<Input<'_>> = expected
            .cases
            .iter()
            .map(|case| Input {
                tokens: &case.tokens,
                second: case.tokens.len(),
            })
            .collect();
        // Far more than go through the network at a time.
        let many: Vec<Input<'_>> = inputs.iter().copied().cycle().take(150).collect();
        let alone: Vec<Vec<f32>> = inputs
            .iter()
            .map(|input| classifier.logits(&[*input]).unwrap().remove(0))
            .collect();
        let together = classifier.logits(&many).unwrap();
        for (logits, alone) in together.iter().zip(alone.iter().cycle()) {
            assert!(logits == alone, "{}", expected.model);
        }
    }
}

#[test]
fn each_file_that_is_missing_is_named_with_the_way_to_get_it() {
    for (change, told) in [
        (&["config.json"][..], &["config.json is missing"][..]),
        (
            &["tokenizer.json"],
            &["tokenizer.json is missing, and there is no vocabulary"],
        ),
        (&["model.safetensors"], &["model.safetensors is missing"]),
        (
            &["tokenizer.json", "model.safetensors"],
            &["tokenizer.json", "model.safetensors"],
        ),
    ] {
        let folder = Folder::named("bert-tokens", &format!("missing-{}", change.join("-")));
        for name in change {
            fs::remove_file(folder.0.join(name)).unwrap();
        }
        let error = folder.entities().unwrap_err().to_string();
        for told in told {
            assert!(error.contains(told), "{told}: {error}");
        }
    }
}

#[test]
fn files_in_older_formats_are_refused_with_their_conversion() {
    for (missing, present, told) in [
        ("tokenizer.json", "vocab.txt", "AutoTokenizer"),
        ("tokenizer.json", "sentencepiece.bpe.model", "AutoTokenizer"),
        ("model.safetensors", "pytorch_model.bin", "can run any code"),
        ("model.safetensors", "tf_model.h5", "save_pretrained"),
    ] {
        let folder = Folder::named("bert-tokens", &format!("older-{present}"));
        fs::remove_file(folder.0.join(missing)).unwrap();
        fs::write(folder.0.join(present), "").unwrap();
        let error = folder.entities().unwrap_err().to_string();
        assert!(error.contains(told) && error.contains(present), "{error}");
    }
}

#[test]
fn weights_may_be_cut_into_parts() {
    let whole = Folder::named("bert-tokens", "whole");
    let cut = Folder::named("bert-tokens", "cut");
    let part = "model-00001-of-00001.safetensors";
    fs::rename(cut.0.join("model.safetensors"), cut.0.join(part)).unwrap();
    let index = format!(r#"{{"weight_map": {{"classifier.weight": "{part}"}}}}"#);
    fs::write(cut.0.join("model.safetensors.index.json"), index).unwrap();
    let (whole, cut) = (whole.entities().unwrap(), cut.entities().unwrap());
    assert_ne!(
        whole.description().fingerprint,
        cut.description().fingerprint
    );
    let missing = r#"{"weight_map": {"classifier.weight": "model-2.safetensors"}}"#;
    let escaping = r#"{"weight_map": {"classifier.weight": "../model.safetensors"}}"#;
    for (index, told) in [
        (missing, "model-2.safetensors is missing"),
        (escaping, "is no name of a file"),
    ] {
        let folder = Folder::named("bert-tokens", "index");
        fs::remove_file(folder.0.join("model.safetensors")).unwrap();
        fs::write(folder.0.join("model.safetensors.index.json"), index).unwrap();
        let error = folder.entities().unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn the_fingerprint_is_that_of_the_files_and_of_the_settings_that_decide() {
    let folder = Folder::named("bert-tokens", "fingerprint");
    let fingerprint = |settings: &EntitySettings| {
        let opened = Checkpoint::for_entities(&folder.0, settings, "tiny", &[]);
        opened.unwrap().description().fingerprint.clone()
    };
    let plain = fingerprint(&EntitySettings::default());
    assert_eq!(plain, fingerprint(&EntitySettings::default()));
    let settings = EntitySettings {
        labels: [("MISC".to_owned(), "none".to_owned())].into(),
        ..EntitySettings::default()
    };
    assert_ne!(plain, fingerprint(&settings));
    let config = folder.0.join("config.json");
    fs::write(&config, fs::read_to_string(&config).unwrap() + "\n").unwrap();
    assert_ne!(plain, fingerprint(&EntitySettings::default()));
}

#[test]
fn a_model_that_cannot_do_the_work_is_refused_with_the_reason() {
    let edit = |model: &str, from: &str, to: &str| {
        let name: String = to.chars().filter(char::is_ascii_alphanumeric).collect();
        let folder = Folder::named(model, &format!("refused-{name}"));
        let config = folder.0.join("config.json");
        let text = fs::read_to_string(&config).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(&config, text.replacen(from, to, 1)).unwrap();
        folder
    };
    for (from, to, told) in [
        (
            "\"model_type\": \"bert\"",
            "\"model_type\": \"gpt2\"",
            "model_type is \"gpt2\"",
        ),
        (
            "\"model_type\": \"bert\"",
            "\"model_type\": \"bart\"",
            "for entities there are",
        ),
        (
            "\"model_type\": \"bert\"",
            "\"model_type\": \"deberta-v2\"",
            "otherwise than Transformers",
        ),
        ("\"B-PER\"", "\"B-DATE\"", "\"B-DATE\" means nothing known"),
        (
            "\"hidden_size\": 8",
            "\"hidden_size\": 80000000",
            "do not fit the word embeddings",
        ),
        (
            "\"intermediate_size\": 12",
            "\"intermediate_size\": 99999999",
            "intermediate_size",
        ),
        (
            "\"num_hidden_layers\": 2",
            "\"num_hidden_layers\": 3",
            "is missing",
        ),
        (
            "\"num_hidden_layers\": 2",
            "\"num_hidden_layers\": 99999999",
            "number of layers",
        ),
        (
            "\"max_position_embeddings\": 96",
            "\"max_position_embeddings\": 9",
            "window_tokens",
        ),
        ("{", "[", "config.json"),
    ] {
        let error = edit("bert-tokens", from, to)
            .entities()
            .unwrap_err()
            .to_string();
        assert!(error.contains(told), "{told}: {error}");
    }
    let electra = Folder::named("electra-tokens", "refused");
    let error = electra.stances(&StanceSettings::default()).unwrap_err();
    assert!(
        error.to_string().contains("for stances there are"),
        "{error}"
    );
}

#[test]
fn weights_of_another_hash_are_refused() {
    let folder = Folder::named("bert-tokens", "hash");
    let settings = EntitySettings {
        sha256: Some("00".repeat(32)),
        ..EntitySettings::default()
    };
    let error = Checkpoint::for_entities(&folder.0, &settings, "tiny", &[]).unwrap_err();
    assert!(error.to_string().starts_with("sha256: "), "{error}");
}

#[test]
fn a_long_sentence_is_cut_around_its_target_and_a_long_target_is_left_out() {
    let folder = Folder::named("roberta-sequence", "long");
    let checkpoint = folder.stances(&StanceSettings::default()).unwrap();
    let target = |side: usize, target: &'static str| {
        (" ä🚢".repeat(side), target, " und so weiter".repeat(side))
    };
    for side in [0, 1, 30, 3000] {
        let (before, target, after) = target(side, "Jana Roth");
        let asked = super::Target {
            before: &before,
            target,
            after: &after,
        };
        let window = checkpoint.ask(asked).unwrap().unwrap();
        assert!(window.tokens.len() <= checkpoint.windows().max_tokens);
        // The target stands in both texts.
        let own = checkpoint
            .tokenizer()
            .encode(" Jana Roth", None)
            .unwrap()
            .tokens;
        let own = &own[2..own.len() - 1];
        let found = window.tokens.windows(own.len()).filter(|w| *w == own);
        assert!(found.count() >= 1, "{side}");
    }
    let long = "Jana Roth ".repeat(90);
    let asked = super::Target {
        before: "",
        target: &long,
        after: "",
    };
    assert_eq!(checkpoint.ask(asked).unwrap(), None);
}
