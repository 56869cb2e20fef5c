//! Models from Hugging Face: rust-bert's token classification for names, its sequence classification for stances.
//!
//! A [`Checkpoint`] is a directory as Transformers writes it, opened and checked for one of the two tasks. rust-bert's
//! own pipelines are not used: its token classification takes the features of other inputs once there are more than
//! fit into a batch, and its offsets mix bytes and characters. Here are its models, the `tokenizers` library, and
//! batches in which nothing depends on a neighbour.

mod architecture;
mod classifier;
mod files;
mod hub;
mod labels;
mod proposal;
mod question;
mod settings;
#[cfg(test)]
mod tests;
mod words;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, OnceLock},
};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tch::{Device, nn};

use super::{
    Description, ModelError, SpecialTokens, Tokenizer, Window, WindowLimits,
    package::read,
    weights::{self, Tensors},
};
use architecture::{Architecture, HeadKind, Network};
pub(super) use classifier::Classifier;
use files::Files;
pub use hub::Hub;
use labels::WordLabel;
pub use proposal::{Proposal, Purpose, Settings};
use question::Question;
pub use question::Target;
pub use settings::{
    Aggregation, EntitySettings, Hypotheses, Method, Place, Precision, StanceSettings,
};

/// Tokens of a window where nothing is set: what nearly all models can read, and longer than nearly all lines.
const WINDOW_TOKENS: usize = 512;

/// The shortest window that still holds a few words.
const MIN_WINDOW_TOKENS: usize = 16;

/// What a model does.
#[derive(Debug)]
enum Task {
    /// It finds names.
    Entities {
        labels: Vec<WordLabel>,
        aggregation: Aggregation,
    },
    /// It judges targets.
    Stances { question: Question, answer: Answer },
}

/// How outputs become a distribution over polarities.
#[derive(Debug)]
enum Answer {
    /// Each label is a polarity.
    Labels(Vec<super::Polarity>),
    /// Each sequence of a question is a hypothesis on a polarity, and one label means entailment.
    Entailment(usize),
}

/// An opened and checked model from Hugging Face. Its weights are held once, whatever the number of models made of it.
#[derive(Debug)]
pub struct Checkpoint {
    description: Description,
    architecture: Architecture,
    head: HeadKind,
    config: Map<String, Value>,
    vocabulary: u32,
    pad: u32,
    has_types: bool,
    tokenizer: Tokenizer,
    special_tokens: SpecialTokens,
    windows: WindowLimits,
    variables: Tensors,
    task: Task,
    /// What the first model found out about this processor's kernels.
    keeps_bits: OnceLock<bool>,
}

/// What of `config.json` is needed beside rust-bert's own reading.
#[derive(Debug, Deserialize)]
struct Facts {
    model_type: String,
    #[serde(alias = "dim", alias = "d_model")]
    hidden_size: usize,
    #[serde(default)]
    embedding_size: Option<usize>,
    #[serde(default, alias = "hidden_dim", alias = "encoder_ffn_dim")]
    intermediate_size: Option<usize>,
    #[serde(default, alias = "n_layers", alias = "encoder_layers")]
    layers: Option<usize>,
    vocab_size: usize,
    max_position_embeddings: usize,
    #[serde(default)]
    pad_token_id: Option<u32>,
    #[serde(default)]
    type_vocab_size: usize,
    #[serde(default)]
    id2label: Option<BTreeMap<String, String>>,
}

impl Facts {
    /// The labels in the order of the model's outputs.
    fn labels(&self) -> Result<Vec<String>, String> {
        let Some(labels) = &self.id2label else {
            // What Transformers leaves out.
            return Ok(vec!["LABEL_0".to_owned(), "LABEL_1".to_owned()]);
        };
        let in_order: Option<Vec<String>> = (0..labels.len())
            .map(|index| labels.get(&index.to_string()).cloned())
            .collect();
        in_order.ok_or_else(|| "id2label does not number its labels from 0 on".to_owned())
    }
}

/// The parts of a checkpoint before it is known what it is for.
struct Opened {
    files: Files,
    architecture: Architecture,
    facts: Facts,
    config: Map<String, Value>,
    labels: Vec<String>,
    tokenizer: Tokenizer,
    config_path: std::path::PathBuf,
}

impl Opened {
    fn open(directory: &Path, head: HeadKind) -> Result<Self, ModelError> {
        let files = Files::find(directory)?;
        let config_path = files.config.clone();
        let wrong = |message: String| ModelError::Config {
            path: config_path.clone(),
            message,
        };
        let text = read(&files.config)?;
        let mut config: Map<String, Value> =
            serde_json::from_slice(&text).map_err(|e| wrong(e.to_string()))?;
        let model_type = config
            .get("model_type")
            .and_then(Value::as_str)
            .unwrap_or("");
        let known = || {
            let types = Architecture::TYPES.into_iter();
            let usable = types.filter(|(_, architecture)| architecture.has(head));
            usable.map(|(name, _)| name).collect::<Vec<_>>().join(", ")
        };
        let architecture = Architecture::of(model_type)
            .filter(|architecture| architecture.has(head))
            .ok_or_else(|| {
                let purpose = match head {
                    HeadKind::Tokens => "entities",
                    HeadKind::Sequence => "stances",
                };
                let reason = match Architecture::refused(model_type) {
                    Some(reason) => format!(" ({reason})"),
                    None => String::new(),
                };
                wrong(format!(
                    "model_type is {model_type:?}{reason}; for {purpose} there are {}",
                    known()
                ))
            })?;
        let facts: Facts = serde_json::from_slice(&text).map_err(|e| wrong(e.to_string()))?;
        let labels = facts.labels().map_err(wrong)?;
        let numbered = labels.iter().enumerate();
        config.insert(
            "id2label".to_owned(),
            numbered
                .map(|(i, label)| (i.to_string(), json!(label)))
                .collect::<Map<_, _>>()
                .into(),
        );
        // Two labels of one name are one entry there, and nothing reads it.
        config.remove("label2id");
        let tokenizer = Tokenizer::open(&files.tokenizer)?;
        if tokenizer.vocabulary_size() > facts.vocab_size {
            return Err(ModelError::Tokenizer(format!(
                "has {} tokens, the model knows {}",
                tokenizer.vocabulary_size(),
                facts.vocab_size
            )));
        }
        Ok(Self {
            files,
            architecture,
            facts,
            config,
            labels,
            tokenizer,
            config_path,
        })
    }

    fn windows(&self, given: Option<usize>) -> Result<WindowLimits, ModelError> {
        let pad = self.facts.pad_token_id.unwrap_or(1);
        let lost = self.architecture.lost_positions(pad);
        let longest = self.facts.max_position_embeddings.saturating_sub(lost);
        let tokens = given.unwrap_or(WINDOW_TOKENS.min(longest));
        if tokens < MIN_WINDOW_TOKENS || tokens > longest {
            return Err(ModelError::Setting {
                setting: "window_tokens",
                problem: format!(
                    "{tokens} is not between {MIN_WINDOW_TOKENS} and the {longest} tokens that the model can read"
                ),
            });
        }
        Ok(WindowLimits {
            max_tokens: tokens,
            tokens,
            joins_lines: false,
        })
    }

    fn finish(
        self,
        head: HeadKind,
        task: Task,
        windows: WindowLimits,
        precision: Precision,
        description: Description,
    ) -> Result<Checkpoint, ModelError> {
        let special_tokens = self.tokenizer.special_tokens()?;
        let tensors = tensors(&self.files, precision)?;
        self.check_shape(&tensors)?;
        let mut variables = Tensors::default();
        // An empty model names its variables and their shapes.
        let store = nn::VarStore::new(Device::Cpu);
        Network::new(self.architecture, head, &store.root(), &self.config)?;
        for (name, variable) in store.variables() {
            // rust-bert makes some poolers that a head of tokens does not use, and checkpoints leave out.
            let is_unused = head == HeadKind::Tokens && name.contains(".pooler.");
            if is_unused && !tensors.contains(&name) {
                continue;
            }
            let tensor = tensors.get(&name, &variable.size())?;
            variables.insert(name, tensor);
        }
        let types = self.facts.type_vocab_size > 1 && self.architecture.takes_types();
        Ok(Checkpoint {
            description,
            architecture: self.architecture,
            head,
            vocabulary: u32::try_from(self.facts.vocab_size).unwrap_or(u32::MAX),
            pad: self.facts.pad_token_id.unwrap_or(0),
            config: self.config,
            has_types: types,
            tokenizer: self.tokenizer,
            special_tokens,
            windows,
            variables,
            task,
            keeps_bits: OnceLock::new(),
        })
    }

    /// Checks the sizes that the configuration gives, since a model takes room for them before its weights are looked
    /// for.
    fn check_shape(&self, tensors: &Tensors) -> Result<(), ModelError> {
        let wrong = |message: String| ModelError::Config {
            path: self.config_path.clone(),
            message,
        };
        let facts = &self.facts;
        let name = self.architecture.word_embeddings();
        let shape = tensors.shape(name).ok_or_else(|| ModelError::Tensor {
            name: name.to_owned(),
            message: format!("is missing: these are no weights of {:?}", facts.model_type),
        })?;
        let width = facts.embedding_size.unwrap_or(facts.hidden_size);
        if shape != [facts.vocab_size as i64, width as i64] {
            return Err(wrong(format!(
                "vocab_size {} and a width of {width} do not fit the word embeddings {shape:?}",
                facts.vocab_size
            )));
        }
        let shapes: Vec<Vec<i64>> = tensors.shapes().collect();
        let sizes = [
            ("hidden_size", Some(facts.hidden_size)),
            ("intermediate_size", facts.intermediate_size),
        ];
        for (name, size) in sizes {
            let Some(size) = size else { continue };
            if !shapes.iter().any(|shape| shape.contains(&(size as i64))) {
                return Err(wrong(format!(
                    "{name} is {size}, and no tensor has such a side"
                )));
            }
        }
        let count = [
            "num_hidden_layers",
            "n_layers",
            "encoder_layers",
            "decoder_layers",
        ];
        let counts = count
            .iter()
            .filter_map(|name| self.config.get(*name)?.as_u64());
        if counts.max().unwrap_or(0) > 1000.max(shapes.len() as u64) || facts.layers == Some(0) {
            return Err(wrong(
                "the number of layers does not fit the weights".to_owned(),
            ));
        }
        Ok(())
    }
}

impl Checkpoint {
    /// Opens a directory for the entities of a text. `name` and `languages` are told to callers.
    ///
    /// # Errors
    /// [`ModelError`] naming the file, the label or the setting, and what is wrong with it.
    pub fn for_entities(
        directory: &Path,
        settings: &EntitySettings,
        name: &str,
        languages: &[String],
    ) -> Result<Self, ModelError> {
        let opened = Opened::open(directory, HeadKind::Tokens)?;
        opened.files.check(settings.sha256.as_deref())?;
        let windows = opened.windows(settings.window_tokens)?;
        let task = Task::Entities {
            labels: labels::word_labels(&opened.labels, &settings.labels)?,
            aggregation: settings.aggregation,
        };
        let deciding = json!({
            "windows": windows.tokens,
            "precision": settings.precision,
            "aggregation": settings.aggregation,
            "labels": settings.labels,
        });
        let description = opened.describe("ner", &deciding, name, languages)?;
        opened.finish(
            HeadKind::Tokens,
            task,
            windows,
            settings.precision,
            description,
        )
    }

    /// Opens a directory for the stances toward targets.
    ///
    /// # Errors
    /// As [`for_entities`](Self::for_entities).
    pub fn for_stances(
        directory: &Path,
        settings: &StanceSettings,
        name: &str,
        languages: &[String],
    ) -> Result<Self, ModelError> {
        let question = Question::new(settings)?;
        let opened = Opened::open(directory, HeadKind::Sequence)?;
        opened.files.check(settings.sha256.as_deref())?;
        let windows = opened.windows(settings.window_tokens)?;
        let answer = match settings.method {
            Method::Classification => {
                Answer::Labels(labels::polarities(&opened.labels, &settings.labels)?)
            }
            Method::Nli => {
                let given = settings.entailment.as_deref();
                Answer::Entailment(labels::entailment(&opened.labels, given)?)
            }
        };
        // The texts of the question are seen in the windows themselves.
        let deciding = json!({
            "windows": windows.tokens,
            "precision": settings.precision,
            "method": settings.method,
            "labels": settings.labels,
            "entailment": settings.entailment,
            "text": settings.text,
            "pair": settings.pair,
            "hypotheses": settings.hypotheses,
        });
        let description = opened.describe("polarity", &deciding, name, languages)?;
        let task = Task::Stances { question, answer };
        opened.finish(
            HeadKind::Sequence,
            task,
            windows,
            settings.precision,
            description,
        )
    }

    /// What callers are told of the model.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// How long windows are.
    pub fn windows(&self) -> WindowLimits {
        self.windows
    }

    /// The tokens around a line.
    pub fn special_tokens(&self) -> SpecialTokens {
        self.special_tokens
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The window that asks for the stance toward a target; `None` where the target alone is too long for the model,
    /// and for a model of entities.
    ///
    /// # Errors
    /// [`ModelError::Tokenizer`].
    pub fn ask(&self, target: Target<'_>) -> Result<Option<Window>, ModelError> {
        match &self.task {
            Task::Stances { question, .. } => {
                question.window(target, &self.tokenizer, self.windows.max_tokens)
            }
            Task::Entities { .. } => Ok(None),
        }
    }

    /// A window to begin with, of ordinary length.
    pub(super) fn first_window(&self) -> Window {
        let mut tokens = vec![self.special_tokens.begin];
        tokens.resize(self.windows.max_tokens.min(64), self.special_tokens.end);
        Window {
            sequences: vec![super::Sequence {
                second: tokens.len(),
                tokens: 0..tokens.len(),
            }],
            tokens,
            ..Window::default()
        }
    }
}

impl Opened {
    fn describe(
        &self,
        head: &str,
        settings: &Value,
        name: &str,
        languages: &[String],
    ) -> Result<Description, ModelError> {
        Ok(Description {
            name: name.to_owned(),
            version: String::new(),
            fingerprint: self.files.fingerprint(&settings.to_string())?,
            license: String::new(),
            languages: languages.to_vec(),
            labels: vec![(head.to_owned(), self.labels.clone())],
            figures: Vec::new(),
        })
    }
}

/// All tensors of the weights, under rust-bert's names.
fn tensors(files: &Files, precision: Precision) -> Result<Tensors, ModelError> {
    let mut tensors = Tensors::default();
    for path in &files.weights {
        if path.extension().is_some_and(|extension| extension == "ot") {
            for (name, tensor) in tch::Tensor::load_multi_with_device(path, Device::Cpu)? {
                tensors.insert(name, tensor.f_to_kind(precision.kind())?);
            }
            continue;
        }
        weights::open_plain(path, precision.kind(), rust_bert_name, &mut tensors)?;
    }
    Ok(tensors)
}

/// The name that rust-bert has for a tensor: old checkpoints name the weights of normalisation as TensorFlow did.
fn rust_bert_name(name: &str) -> String {
    match name {
        _ if name.ends_with(".gamma") => format!("{}.weight", name.trim_end_matches(".gamma")),
        _ if name.ends_with(".beta") => format!("{}.bias", name.trim_end_matches(".beta")),
        _ => name.to_owned(),
    }
}

/// What makes up the answers of a model with two parts, as one fingerprint.
pub fn joint_fingerprint<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    use sha2::{Digest as _, Sha256};
    let mut hash = Sha256::new();
    parts.into_iter().for_each(|part| hash.update(part));
    files::hex(&hash.finalize())
}

/// A model of this checkpoint for one thread.
pub(super) fn model(checkpoint: Arc<Checkpoint>) -> Result<Classifier, ModelError> {
    Classifier::new(checkpoint)
}
