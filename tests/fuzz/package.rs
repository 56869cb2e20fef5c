//! Model packages with damaged files.

use std::{
    collections::HashMap,
    env, fs,
    path::{Path, PathBuf},
    process,
    sync::Arc,
};

use proptest::prelude::*;
use safetensors::{Dtype, serialize, tensor::TensorView};
use serde_json::{Value, json};
use tagwerk::model::{Heads, Model, ModelError, Package, Precision, Reading, Window, Word};

use crate::changes::changes;

const CONFIG: &str = "config.json";
const TOKENIZER: &str = "tokenizer.json";
const WEIGHTS: &str = "model.safetensors";

/// Width of the small encoder, its inner layer, longest window and vocabulary.
const WIDTH: usize = 32;
const INNER: usize = 48;
const LONGEST: usize = 64;
const VOCABULARY: usize = 16;

/// A package of one small layer in a folder of its own, removed at the end.
struct Small(PathBuf);

impl Small {
    fn new(test: &str) -> Self {
        let folder = env::temp_dir().join(format!("tagwerk-{test}-{}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        let small = Self(folder);
        small.write(CONFIG, config().to_string().as_bytes());
        small.write(TOKENIZER, tokenizer().to_string().as_bytes());
        small.write(WEIGHTS, &weights());
        small
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    fn bytes(&self, file: &str) -> Vec<u8> {
        fs::read(self.path(file)).unwrap()
    }

    fn write(&self, file: &str, bytes: &[u8]) {
        fs::write(self.path(file), bytes).unwrap();
    }

    /// Reads in either kind of number format; says what came of the plainer one.
    fn read(&self) -> Result<Vec<Reading>, ModelError> {
        let _ = read(&self.0, Precision::Int8);
        read(&self.0, Precision::Fp32)
    }

    /// Says what comes of a change of the configuration.
    fn with(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut changed = config();
        change(&mut changed);
        self.write(CONFIG, changed.to_string().as_bytes());
        match self.read() {
            Ok(_) => "it is read".to_owned(),
            Err(error) => error.to_string(),
        }
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Opens a package and reads one window with it.
fn read(folder: &Path, precision: Precision) -> Result<Vec<Reading>, ModelError> {
    let package = Package::open(folder, precision)?;
    let tokens = package.tokenizer().tokenize("ab ba")?;
    let special = package.special_tokens();
    let mut window = Window {
        tokens: vec![special.begin],
        heads: Heads {
            ner: true,
            stance: true,
            tone: true,
        },
        ..Window::default()
    };
    window.tokens.extend(tokens.iter().map(|token| token.id));
    window.tokens.push(special.end);
    window.words = (0..tokens.len().min(2))
        .map(|word| Word {
            tokens: word + 1..word + 2,
            starts_line: word == 0,
        })
        .collect();
    window
        .sentences
        .extend((!window.words.is_empty()).then_some(0..1));
    Model::new(Arc::new(package))?.read(&[&window])
}

fn config() -> Value {
    json!({
        "name": "small", "version": "1", "license": "none", "languages": ["de"],
        "model_type": "bert", "hidden_size": WIDTH, "num_hidden_layers": 1, "num_attention_heads": 4,
        "intermediate_size": INNER, "hidden_act": "gelu", "vocab_size": VOCABULARY,
        "max_position_embeddings": LONGEST, "type_vocab_size": 2, "layer_norm_eps": 1e-12,
        "bos_token_id": 0, "eos_token_id": 1,
        "labels": {
            "ner": ["O", "B-PER", "I-PER"],
            "polarity": ["negative", "neutral", "positive"],
            "tone": ["negative", "neutral", "positive"],
            "holder_special": ["author", "unnamed"],
        },
        "windows": { "max_tokens": LONGEST, "tokens": 32 },
        "tone": { "context": "window" },
    })
}

fn tokenizer() -> Value {
    let mut vocabulary = vec![
        json!(["<s>", 0.0]),
        json!(["</s>", 0.0]),
        json!(["<unk>", 0.0]),
    ];
    let letters = ["▁", "a", "b", "ab", "ba", "▁ab", "▁ba"];
    vocabulary.extend(letters.map(|letters| json!([letters, -1.5])));
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": { "type": "NFKC" },
        "pre_tokenizer": { "type": "Metaspace", "replacement": "▁", "add_prefix_space": true },
        "post_processor": null, "decoder": null,
        "model": { "type": "Unigram", "unk_id": 2, "vocab": vocabulary },
    })
}

/// All weights are small and differ; one matrix is int8, as those of large packages are.
fn weights() -> Vec<u8> {
    weights_with([VOCABULARY, WIDTH / 2], [VOCABULARY, 1])
}

/// Weights with word embeddings of these shapes: the packed values and their scales.
fn weights_with(words: [usize; 2], scales: [usize; 2]) -> Vec<u8> {
    let [h, inner] = [WIDTH, INNER];
    let layer = "encoder.layer.0";
    let mut shapes: Vec<(String, Vec<usize>)> = vec![
        (
            "embeddings.position_embeddings.weight".into(),
            vec![LONGEST, h],
        ),
        ("embeddings.token_type_embeddings.weight".into(), vec![2, h]),
        ("embeddings.word_embeddings.scale".into(), scales.to_vec()),
        ("heads.holder.special".into(), vec![2, 2 * h]),
        ("heads.holder.distance.weight".into(), vec![21, h]),
        (format!("{layer}.output.dense.scale"), vec![h, 1]),
        (format!("{layer}.output.dense.bias"), vec![h]),
    ];
    let norms = [
        "embeddings.LayerNorm",
        "encoder.layer.0.attention.output.LayerNorm",
        "encoder.layer.0.output.LayerNorm",
    ];
    for name in norms {
        shapes.push((format!("{name}.weight"), vec![h]));
        shapes.push((format!("{name}.bias"), vec![h]));
    }
    for (name, outputs, inputs) in [
        ("encoder.layer.0.attention.self.query", h, h),
        ("encoder.layer.0.attention.self.key", h, h),
        ("encoder.layer.0.attention.self.value", h, h),
        ("encoder.layer.0.attention.output.dense", h, h),
        ("encoder.layer.0.intermediate.dense", inner, h),
        ("heads.ner", 3, h),
        ("heads.polarity.dense", h, 3 * h),
        ("heads.polarity.out", 3, h),
        ("heads.tone.dense", h, 2 * h),
        ("heads.tone.out", 3, h),
        ("heads.holder.target", h, 2 * h),
        ("heads.holder.candidate", h, 2 * h),
        ("heads.holder.out", 1, h),
    ] {
        shapes.push((format!("{name}.weight"), vec![outputs, inputs]));
        shapes.push((format!("{name}.bias"), vec![outputs]));
    }
    let floats = |length: usize| -> Vec<u8> {
        (0..length)
            .flat_map(|i| (((i * 37 % 101) as f32 - 50.0) / 500.0).to_le_bytes())
            .collect()
    };
    let data: HashMap<String, (Dtype, Vec<usize>, Vec<u8>)> = shapes
        .into_iter()
        .map(|(name, shape)| {
            let values = floats(shape.iter().product());
            (name, (Dtype::F32, shape, values))
        })
        .chain([
            (
                "embeddings.word_embeddings.weight".to_owned(),
                (
                    Dtype::U8,
                    words.to_vec(),
                    vec![0x5a; words.iter().product()],
                ),
            ),
            (
                format!("{layer}.output.dense.weight"),
                (Dtype::I8, vec![h, inner], vec![3; h * inner]),
            ),
        ])
        .collect();
    let views = data.iter().map(|(name, (kind, shape, bytes))| {
        (name, TensorView::new(*kind, shape.clone(), bytes).unwrap())
    });
    serialize(views, None).unwrap()
}

#[test]
fn an_undamaged_package_is_read() {
    assert_eq!(Small::new("undamaged").read().unwrap().len(), 1);
}

#[test]
fn a_damaged_configuration_is_an_error_or_harmless() {
    let small = Small::new("configuration");
    let original = small.bytes(CONFIG);
    proptest!(|(changes in changes())| {
        small.write(CONFIG, &changes.of(&original));
        let _ = small.read();
    });
}

#[test]
fn a_damaged_tokenizer_is_an_error_or_harmless() {
    let small = Small::new("tokenizer");
    let original = small.bytes(TOKENIZER);
    proptest!(|(changes in changes())| {
        small.write(TOKENIZER, &changes.of(&original));
        let _ = small.read();
    });
}

#[test]
fn a_damaged_header_of_the_weights_is_an_error_or_harmless() {
    let small = Small::new("header");
    let original = small.bytes(WEIGHTS);
    let length = original
        .iter()
        .take(8)
        .rev()
        .fold(0, |n, byte| n << 8 | usize::from(*byte));
    let (header, values) = original.split_at(8 + length);
    proptest!(|(changes in changes(), same_length in any::<bool>())| {
        let mut changed = changes.of(header);
        if same_length && changed.len() > 8 {
            // The reader gets behind the length, to what the length is about.
            let length = (changed.len() - 8) as u64;
            changed[..8].copy_from_slice(&length.to_le_bytes());
        }
        changed.extend(values);
        small.write(WEIGHTS, &changed);
        let _ = small.read();
    });
}

#[test]
fn weights_of_any_value_are_read_without_a_panic() {
    let small = Small::new("values");
    let original = small.bytes(WEIGHTS);
    let tail = original.len() / 3;
    // These packages are read to the end, which takes longer than to refuse one.
    let config = ProptestConfig::with_cases(ProptestConfig::default().cases / 8);
    proptest!(config, |(values in prop::collection::vec(prop_oneof![Just(0x7f_u8), Just(0xff), any::<u8>()], 64))| {
        let mut changed = original.clone();
        let values = values.iter().cycle();
        changed[tail..].iter_mut().zip(values).for_each(|(byte, value)| *byte = *value);
        small.write(WEIGHTS, &changed);
        let _ = small.read();
    });
}

#[test]
fn a_shape_that_the_weights_do_not_have_is_refused_before_room_is_taken_for_it() {
    let small = Small::new("shape");
    for (field, values) in [
        ("num_attention_heads", [0, 5, -4, i64::MAX]),
        ("num_hidden_layers", [0, 2, -1, i64::MAX]),
        ("intermediate_size", [0, 47, -1, 1 << 40]),
        (
            "max_position_embeddings",
            [LONGEST as i64 + 1, 1 << 20, 1 << 40, i64::MAX],
        ),
        ("type_vocab_size", [0, 3, -1, 1 << 40]),
        ("hidden_size", [0, 64, -32, 1 << 40]),
        ("vocab_size", [0, 17, -1, i64::MAX]),
        (
            "bos_token_id",
            [VOCABULARY as i64, 17, 1 << 20, u32::MAX.into()],
        ),
        (
            "eos_token_id",
            [VOCABULARY as i64, 17, 1 << 20, u32::MAX.into()],
        ),
    ] {
        for value in values {
            let said = small.with(|config| config[field] = value.into());
            assert_ne!(said, "it is read", "{field} = {value}");
        }
    }
}

#[test]
fn a_tokenizer_with_a_part_that_is_none_is_refused() {
    let small = Small::new("part");
    for (part, value) in [
        ("decoder", json!("{")),
        ("decoder", json!({ "type": "Metaspace", "replacement": "" })),
        (
            "normalizer",
            json!({ "type": "Precompiled", "precompiled_charsmap": "AAAA" }),
        ),
        ("normalizer", json!({ "type": "Lowercase?" })),
        (
            "model",
            json!({ "type": "Unigram", "unk_id": 9, "vocab": [] }),
        ),
        ("pre_tokenizer", json!([])),
    ] {
        let mut changed = tokenizer();
        changed[part] = value;
        small.write(TOKENIZER, changed.to_string().as_bytes());
        let error = small.read().unwrap_err().to_string();
        assert!(error.contains(TOKENIZER), "{part}: {error}");
    }
    // The library takes the end of the file within a decoder for a fault of its own.
    small.write(
        TOKENIZER,
        br#"{"version": "1.0", "decoder": {"type": "Fuse""#,
    );
    let error = small.read().unwrap_err().to_string();
    assert!(error.contains("EOF"), "{error}");
}

#[test]
fn word_embeddings_without_rows_are_refused_whatever_their_width() {
    let small = Small::new("rows");
    for width in [0, WIDTH / 2, 1 << 59, 1 << 63, usize::MAX] {
        small.write(WEIGHTS, &weights_with([0, width], [0, width]));
        assert!(small.read().is_err(), "{width}");
    }
}

#[test]
fn a_model_with_short_windows_is_read() {
    let small = Small::new("short");
    let said = small.with(|config| config["windows"] = json!({ "max_tokens": 8, "tokens": 8 }));
    assert_eq!(said, "it is read");
}
