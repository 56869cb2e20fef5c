//! The files of a model directory as Transformers writes it.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::model::{ModelError, package::read};

/// The name of the weights that are read first.
const SAFETENSORS: &str = "model.safetensors";

/// Lists the parts of weights that are cut into several files.
const INDEX: &str = "model.safetensors.index.json";

/// Weights in the format of libtorch, as rust-bert's own conversion writes them.
const OT: &str = "rust_model.ot";

/// Vocabularies of tokenizers in older formats.
const VOCABULARIES: [&str; 6] = [
    "vocab.txt",
    "sentencepiece.bpe.model",
    "spiece.model",
    "spm.model",
    "vocab.json",
    "tokenizer.model",
];

/// Weights in formats that are not read.
const OTHER_WEIGHTS: [&str; 5] = [
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "tf_model.h5",
    "flax_model.msgpack",
    "model.onnx",
];

/// The files that make up a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Files {
    pub(super) config: PathBuf,
    pub(super) tokenizer: PathBuf,
    /// One file, or each part.
    pub(super) weights: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct Index {
    weight_map: std::collections::BTreeMap<String, String>,
}

impl Files {
    /// Finds the files in a directory.
    ///
    /// # Errors
    /// [`ModelError::Files`] with everything that is missing and how to get it.
    pub(super) fn find(directory: &Path) -> Result<Self, ModelError> {
        let mut problems = Vec::new();
        let at = |name: &str| directory.join(name);
        let has = |name: &&str| at(name).is_file();
        let here = directory.display();
        if !directory.is_dir() {
            problems.push("there is no such directory".to_owned());
        } else {
            if !has(&"config.json") {
                problems.push("config.json is missing: is this a model's directory?".to_owned());
            }
            if !has(&"tokenizer.json") {
                problems.push(match VOCABULARIES.iter().find(|name| has(name)) {
                    Some(old) => format!(
                        "tokenizer.json is missing; it is made of {old} by: python3 -c \"from transformers import \
                         AutoTokenizer; AutoTokenizer.from_pretrained('{here}').save_pretrained('{here}')\""
                    ),
                    None => "tokenizer.json is missing, and there is no vocabulary to make it of".to_owned(),
                });
            }
        }
        let weights = match problems.is_empty() || directory.is_dir() {
            true => weights(directory, &mut problems),
            false => Vec::new(),
        };
        if !problems.is_empty() {
            return Err(ModelError::Files {
                place: directory.to_owned(),
                problems,
            });
        }
        Ok(Self {
            config: at("config.json"),
            tokenizer: at("tokenizer.json"),
            weights,
        })
    }

    /// SHA-256 over the files and over what else decides on an answer, in hexadecimal.
    pub(super) fn fingerprint(&self, settings: &str) -> Result<String, ModelError> {
        let mut hash = Sha256::new();
        for path in [&self.config, &self.tokenizer]
            .into_iter()
            .chain(&self.weights)
        {
            let name = path.file_name().unwrap_or_default();
            hash.update(name.as_encoded_bytes());
            hash.update(digest(path)?);
        }
        hash.update("settings");
        hash.update(Sha256::digest(settings));
        Ok(hex(&hash.finalize()))
    }

    /// Checks the weights against the hash that the settings name. Weights in several parts have none.
    ///
    /// # Errors
    /// [`ModelError::Setting`].
    pub(super) fn check(&self, sha256: Option<&str>) -> Result<(), ModelError> {
        let Some(wanted) = sha256 else {
            return Ok(());
        };
        let setting = "sha256";
        let [weights] = self.weights.as_slice() else {
            let problem = "the weights are in several files; leave it out".to_owned();
            return Err(ModelError::Setting { setting, problem });
        };
        let found = hex(&digest(weights)?);
        if found.eq_ignore_ascii_case(wanted) {
            return Ok(());
        }
        let problem = format!("{} has {found}, not {wanted}", weights.display());
        Err(ModelError::Setting { setting, problem })
    }
}

fn weights(directory: &Path, problems: &mut Vec<String>) -> Vec<PathBuf> {
    let single = [SAFETENSORS, OT].map(|name| directory.join(name));
    if single[0].is_file() {
        return vec![single[0].clone()];
    }
    let index = directory.join(INDEX);
    if index.is_file() {
        return match parts(&index) {
            Ok(parts) => {
                let missing = parts.iter().filter(|name| !directory.join(name).is_file());
                problems.extend(missing.map(|name| format!("{name} is missing; {INDEX} names it")));
                parts.iter().map(|name| directory.join(name)).collect()
            }
            Err(problem) => {
                problems.push(problem);
                Vec::new()
            }
        };
    }
    if single[1].is_file() {
        return vec![single[1].clone()];
    }
    let others = OTHER_WEIGHTS.iter();
    let here = directory.display();
    let mut others = others.filter(|name| directory.join(name).is_file());
    problems.push(match others.next() {
        Some(other) => format!(
            "{SAFETENSORS} is missing, and {other} is not read{}; convert it by: python3 -c \"from transformers import \
             AutoModelForTokenClassification as M; M.from_pretrained('{here}').save_pretrained('{here}')\" \
             (AutoModelForSequenceClassification for stances)",
            match *other {
                "pytorch_model.bin" | "pytorch_model.bin.index.json" =>
                    " (it is a pickle, which can run any code when it is opened)",
                _ => "",
            }
        ),
        None => format!("{SAFETENSORS} is missing"),
    });
    Vec::new()
}

/// The names of the parts of weights that an index lists.
///
/// # Errors
/// What is wrong with the index.
pub(super) fn parts(index: &Path) -> Result<Vec<String>, String> {
    let wrong = |problem: String| format!("{}: {problem}", index.display());
    let text = std::fs::read(index).map_err(|e| wrong(e.to_string()))?;
    let Index { weight_map } = serde_json::from_slice(&text).map_err(|e| wrong(e.to_string()))?;
    let mut parts: Vec<String> = weight_map.into_values().collect();
    parts.sort();
    parts.dedup();
    match parts.iter().find(|name| !is_plain(name)) {
        Some(name) => Err(wrong(format!("{name:?} is no name of a file"))),
        None => Ok(parts),
    }
}

/// Whether a name stays within its directory.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0'])
}

fn digest(path: &Path) -> Result<[u8; 32], ModelError> {
    Ok(Sha256::digest(read(path)?).into())
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
