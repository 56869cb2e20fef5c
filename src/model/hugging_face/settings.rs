//! How a model from Hugging Face is used: what a `[models.NAME]` section says of it.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

/// Where the files of a model come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The directory that holds them.
    pub path: Option<PathBuf>,
    /// The model's id on a hub, `owner/name`, from which they are fetched once.
    pub hub: Option<String>,
    /// The branch, tag or commit on the hub; `main` where none is named.
    pub revision: Option<String>,
    /// The SHA-256 that the weights must have, in hexadecimal.
    pub sha256: Option<String>,
}

/// What the subwords of a word say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// The first subword decides.
    #[default]
    First,
    /// The mean of all subwords decides.
    Average,
    /// The surest subword decides.
    Max,
}

/// A token classification model that finds names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct EntitySettings {
    /// The directory that holds the files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// The model's id on a hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hub: Option<String>,
    /// The branch, tag or commit on the hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The SHA-256 that the weights must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The longest window in tokens, special tokens included; 512 or what the model can read where nothing is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_tokens: Option<usize>,
    /// Number format of the weights and of the computation.
    #[serde(skip_serializing_if = "is_default")]
    pub precision: Precision,
    /// What the subwords of a word say together.
    #[serde(skip_serializing_if = "is_default")]
    pub aggregation: Aggregation,
    /// What labels mean that do not speak for themselves: `PER`, `ORG`, `LOC`, `MISC`, with `B-` or `I-` before them
    /// where the label has the place of no beginning, or `none`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// The number format that a model from Hugging Face computes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 32-bit floating point.
    #[default]
    Fp32,
    /// bfloat16: about twice as fast on processors with AVX-512 BF16 or AMX, slower on others.
    Bf16,
}

impl Precision {
    /// libtorch's name of it.
    pub(super) fn kind(self) -> tch::Kind {
        match self {
            Self::Fp32 => tch::Kind::Float,
            Self::Bf16 => tch::Kind::BFloat16,
        }
    }
}

/// How a sequence classification model is asked for a stance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The model's labels are polarities.
    #[default]
    Classification,
    /// The model tells whether a text entails a hypothesis; there is one for each polarity.
    Nli,
}

/// A sequence classification model that judges a target.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct StanceSettings {
    /// The directory that holds the files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// The model's id on a hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hub: Option<String>,
    /// The branch, tag or commit on the hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The SHA-256 that the weights must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The longest sequence in tokens, special tokens included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_tokens: Option<usize>,
    /// Number format of the weights and of the computation.
    #[serde(skip_serializing_if = "is_default")]
    pub precision: Precision,
    /// How the model is asked.
    #[serde(skip_serializing_if = "is_default")]
    pub method: Method,
    /// The first text, with `{sentence}`, or `{before}`, `{target}` and `{after}`; the sentence where nothing is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The second text, with `{target}`; the target where nothing is set, and none where it is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pair: Option<String>,
    /// What labels mean that do not speak for themselves: `favorable`, `neutral` or `unfavorable`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The label that means entailment, where it is not called so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entailment: Option<String>,
    /// The hypothesis for each polarity, with `{target}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hypotheses: Option<Hypotheses>,
}

/// One hypothesis for each polarity, each with `{target}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Hypotheses {
    /// Entailed by a favourable text.
    pub favorable: String,
    /// Entailed by a text that takes no side.
    pub neutral: String,
    /// Entailed by an unfavourable text.
    pub unfavorable: String,
}

impl Default for Hypotheses {
    fn default() -> Self {
        Self {
            favorable: "This text speaks well of {target}.".to_owned(),
            neutral: "This text takes no side on {target}.".to_owned(),
            unfavorable: "This text speaks ill of {target}.".to_owned(),
        }
    }
}

impl EntitySettings {
    /// Where the files come from.
    pub fn place(&self) -> Place {
        Place {
            path: self.path.clone(),
            hub: self.hub.clone(),
            revision: self.revision.clone(),
            sha256: self.sha256.clone(),
        }
    }
}

impl StanceSettings {
    /// Where the files come from.
    pub fn place(&self) -> Place {
        Place {
            path: self.path.clone(),
            hub: self.hub.clone(),
            revision: self.revision.clone(),
            sha256: self.sha256.clone(),
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
