//! A model package: a directory with `config.json`, `tokenizer.json`, `model.safetensors` and `MODEL_CARD.md`.

use std::{
    fs,
    panic::resume_unwind,
    path::{Path, PathBuf},
    thread,
    time::SystemTime,
};

use rust_bert::bert::BertConfig;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{
    Description, EntityType, Figure, Format, ModelError, Precision, Tokenizer, encoder,
    weights::{self, Tensors, WordEmbeddings},
};

/// The files that make up a model; the fingerprint is taken over them in this order.
const FILES: [&str; 3] = ["config.json", "tokenizer.json", "model.safetensors"];

/// How long windows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct WindowLimits {
    /// The longest window in tokens, special tokens included.
    pub max_tokens: usize,
    /// The length that windows are filled to in tokens, special tokens included: the one the model was measured
    /// best at. A longer sentence may exceed it, up to `max_tokens`.
    pub tokens: usize,
    /// Whether a window may hold several lines, with the special token between them.
    #[serde(default = "yes")]
    pub joins_lines: bool,
}

fn yes() -> bool {
    true
}

/// What the tone head was trained to see. A package whose head wants anything else is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ToneContext {
    /// The words of a sentence in the window in which it stands.
    Window,
}

/// Special token ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpecialTokens {
    /// `<s>`, the first token of a window.
    pub begin: u32,
    /// `</s>`, behind each segment.
    pub end: u32,
}

#[derive(Debug, Deserialize)]
struct Config {
    name: String,
    version: String,
    license: String,
    languages: Vec<String>,
    labels: Labels,
    windows: WindowLimits,
    #[serde(rename = "tone")]
    _tone: Tone,
    #[serde(default)]
    figures: Vec<Figure>,
    model_type: String,
    bos_token_id: u32,
    eos_token_id: u32,
}

#[derive(Debug, Deserialize)]
struct Tone {
    #[serde(rename = "context")]
    _context: ToneContext,
}

#[derive(Debug, Deserialize)]
struct Labels {
    ner: Vec<String>,
    polarity: Vec<String>,
    tone: Vec<String>,
    holder_special: Vec<String>,
}

/// An opened and checked model package. Its weights are held once, whatever the number of models made of it.
#[derive(Debug)]
pub struct Package {
    description: Description,
    windows: WindowLimits,
    special_tokens: SpecialTokens,
    entity_types: Vec<EntityType>,
    tokenizer: Tokenizer,
    pub(super) bert: BertConfig,
    format: Format,
    pub(super) word_embeddings: WordEmbeddings,
    pub(super) encoder: encoder::Weights,
    pub(super) heads: Tensors,
}

impl Package {
    /// Opens a package directory.
    ///
    /// # Errors
    /// [`ModelError`] naming the file and what is wrong with it.
    pub fn open(directory: &Path, precision: Precision) -> Result<Self, ModelError> {
        let path = directory.join("config.json");
        let text = read(&path)?;
        let wrong = |message: String| ModelError::Config {
            path: path.clone(),
            message,
        };
        let config: Config = serde_json::from_slice(&text).map_err(|e| wrong(e.to_string()))?;
        let bert = bert_config(&text).map_err(|e| wrong(e.to_string()))?;
        let entity_types = config.check(&bert).map_err(&wrong)?;
        let format = precision.format(&bert)?;
        // The three take about as long as each other.
        let (tokenizer, files, weights) = thread::scope(|scope| {
            let tokenizer = scope.spawn(|| Tokenizer::open(&directory.join("tokenizer.json")));
            let files = scope.spawn(|| digest(directory));
            let path = directory.join("model.safetensors");
            let weights = Weights::open(&path, &bert, format, wrong);
            (tokenizer.join(), files.join(), weights)
        });
        let tokenizer = tokenizer.unwrap_or_else(|panic| resume_unwind(panic))?;
        let Weights {
            word_embeddings,
            encoder,
            heads,
        } = weights?;
        let files = files.unwrap_or_else(|panic| resume_unwind(panic))?;
        let rows = word_embeddings.rows;
        if tokenizer.vocabulary_size() > rows {
            return Err(ModelError::Tokenizer(format!(
                "has {} tokens, the word embeddings have {rows}",
                tokenizer.vocabulary_size()
            )));
        }
        Ok(Self {
            encoder,
            description: config.describe(mark(files, format)),
            windows: config.windows,
            special_tokens: SpecialTokens {
                begin: config.bos_token_id,
                end: config.eos_token_id,
            },
            entity_types,
            tokenizer,
            bert,
            format,
            word_embeddings,
            heads,
        })
    }

    /// The directory of a package, given as a path or as a name. A name is looked for in `models`, which may
    /// be given, and in `models/` beside the binary's checkout or installation.
    ///
    /// # Errors
    /// [`ModelError::NotFound`] with the places that were tried.
    pub fn find(name: &str, models: Option<&Path>) -> Result<PathBuf, ModelError> {
        let mut candidates = vec![PathBuf::from(name)];
        if Path::new(name).components().count() == 1 {
            candidates.clear();
            let roots = models.map(Path::to_owned).into_iter().chain(model_roots());
            candidates.extend(roots.map(|root| root.join(name)));
            candidates.push(PathBuf::from(name));
        }
        candidates
            .iter()
            .find(|candidate| candidate.join("config.json").is_file())
            .cloned()
            .ok_or(ModelError::NotFound {
                name: name.to_owned(),
                looked_in: candidates,
            })
    }

    /// Whether the package in a directory has this fingerprint, in whichever number format it is read.
    ///
    /// # Errors
    /// [`ModelError::Io`] with the file that cannot be read.
    pub fn has_fingerprint(directory: &Path, fingerprint: &str) -> Result<bool, ModelError> {
        let files = digest(directory)?;
        let mut known = Format::ALL.into_iter();
        Ok(known.any(|format| mark(files.clone(), format) == fingerprint))
    }

    /// Size and time of change of the files of the package in a directory: while they stay the same, so does the
    /// fingerprint, which takes far longer.
    ///
    /// # Errors
    /// [`ModelError::Io`] with the file that cannot be looked at.
    pub fn stamp(directory: &Path) -> Result<Vec<(u64, SystemTime)>, ModelError> {
        let stamp = |name: &str| {
            let path = directory.join(name);
            let stamp = fs::metadata(&path).and_then(|meta| Ok((meta.len(), meta.modified()?)));
            stamp.map_err(|source| ModelError::Io { path, source })
        };
        FILES.iter().map(|name| stamp(name)).collect()
    }

    /// What the package says of itself.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The number format that its encoders compute in.
    pub fn format(&self) -> Format {
        self.format
    }

    /// How long windows are.
    pub fn windows(&self) -> WindowLimits {
        self.windows
    }

    /// The tokens around segments.
    pub fn special_tokens(&self) -> SpecialTokens {
        self.special_tokens
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The types of the NER head, in the order of its labels.
    pub(super) fn entity_types(&self) -> &[EntityType] {
        &self.entity_types
    }
}

/// What is in the file of weights.
struct Weights {
    word_embeddings: WordEmbeddings,
    encoder: encoder::Weights,
    heads: Tensors,
}

impl Weights {
    /// `wrong` makes an error of what the configuration says wrongly.
    fn open(
        path: &Path,
        bert: &BertConfig,
        format: Format,
        wrong: impl Fn(String) -> ModelError,
    ) -> Result<Self, ModelError> {
        let (word_embeddings, mut tensors) = weights::open(path)?;
        let (rows, width) = (word_embeddings.rows, word_embeddings.width);
        if (rows as i64, width as i64) != (bert.vocab_size, bert.hidden_size) {
            return Err(wrong(format!(
                "vocab_size {} and hidden_size {} do not fit the word embeddings [{rows}, {width}]",
                bert.vocab_size, bert.hidden_size
            )));
        }
        Ok(Self {
            word_embeddings,
            heads: tensors.split_off("heads."),
            encoder: encoder::Weights::new(&tensors, bert, format)?,
        })
    }
}

impl Config {
    /// Checks what the code relies on and gives the types of the NER head.
    fn check(&self, bert: &BertConfig) -> Result<Vec<EntityType>, String> {
        if self.model_type != "bert" {
            return Err(format!(
                "model_type is {:?}, expected \"bert\"",
                self.model_type
            ));
        }
        let (width, heads) = (bert.hidden_size, bert.num_attention_heads);
        if width < 1 || heads < 1 || width % heads != 0 || bert.num_hidden_layers < 1 {
            return Err(format!(
                "expected num_hidden_layers >= 1 and a hidden_size that num_attention_heads divide, found {}, {width} \
                 and {heads}",
                bert.num_hidden_layers
            ));
        }
        for (name, token) in [
            ("bos_token_id", self.bos_token_id),
            ("eos_token_id", self.eos_token_id),
        ] {
            if i64::from(token) >= bert.vocab_size {
                return Err(format!(
                    "{name} is {token}, expected less than vocab_size {}",
                    bert.vocab_size
                ));
            }
        }
        let longest = usize::try_from(bert.max_position_embeddings).unwrap_or(0);
        let WindowLimits {
            max_tokens, tokens, ..
        } = self.windows;
        if max_tokens > longest || tokens > max_tokens || tokens < 8 {
            return Err(format!(
                "windows: expected 8 <= tokens <= max_tokens <= {longest}, found tokens {tokens} and \
                 max_tokens {max_tokens}"
            ));
        }
        if self.languages.is_empty() {
            return Err("languages is empty".to_owned());
        }
        let expect = |name: &str, labels: &[String], expected: &[&str]| {
            if labels
                .iter()
                .map(String::as_str)
                .eq(expected.iter().copied())
            {
                return Ok(());
            }
            Err(format!(
                "labels.{name} is {labels:?}, expected {expected:?}"
            ))
        };
        expect(
            "polarity",
            &self.labels.polarity,
            &["negative", "neutral", "positive"],
        )?;
        expect(
            "tone",
            &self.labels.tone,
            &["negative", "neutral", "positive"],
        )?;
        expect(
            "holder_special",
            &self.labels.holder_special,
            &["author", "unnamed"],
        )?;
        let types: Option<Vec<EntityType>> = self
            .labels
            .ner
            .iter()
            .filter_map(|label| label.strip_prefix("B-"))
            .map(EntityType::from_label)
            .collect();
        let types =
            types.ok_or_else(|| format!("labels.ner has unknown types: {:?}", self.labels.ner))?;
        let bio: Vec<String> = std::iter::once("O".to_owned())
            .chain(
                types
                    .iter()
                    .flat_map(|t| ["B-", "I-"].map(|bi| format!("{bi}{}", t.label()))),
            )
            .collect();
        if self.labels.ner != bio {
            return Err(format!(
                "labels.ner is {:?}, expected {bio:?}",
                self.labels.ner
            ));
        }
        Ok(types)
    }

    fn describe(&self, fingerprint: String) -> Description {
        let labels = [
            ("ner", &self.labels.ner),
            ("polarity", &self.labels.polarity),
            ("holder", &self.labels.holder_special),
            ("tone", &self.labels.tone),
        ];
        Description {
            name: self.name.clone(),
            version: self.version.clone(),
            fingerprint,
            license: self.license.clone(),
            languages: self.languages.clone(),
            labels: labels
                .map(|(head, labels)| (head.to_owned(), labels.clone()))
                .to_vec(),
            figures: self.figures.clone(),
        }
    }
}

/// The encoder's shape, with the fields that only training needs filled in.
fn bert_config(text: &[u8]) -> serde_json::Result<BertConfig> {
    let mut fields: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(text)?;
    for name in [
        "attention_probs_dropout_prob",
        "hidden_dropout_prob",
        "initializer_range",
    ] {
        fields.entry(name).or_insert_with(|| 0.0.into());
    }
    serde_json::from_value(fields.into())
}

/// Where packages lie: `models/` in a folder above the binary (a checkout's `target/…`, or an installation's
/// `bin/`), then that of the checkout the binary was built in.
fn model_roots() -> Vec<PathBuf> {
    let binary = std::env::current_exe().and_then(fs::canonicalize);
    let above = binary
        .iter()
        .flat_map(|path| path.ancestors().skip(1).take(4));
    let mut roots: Vec<PathBuf> = above
        .flat_map(|folder| [folder.join("models"), folder.join("share/tagwerk/models")])
        .filter(|folder| folder.is_dir())
        .collect();
    roots.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("models"));
    roots.dedup();
    roots
}

/// The digest of a package's files.
fn digest(directory: &Path) -> Result<Sha256, ModelError> {
    let mut hasher = Sha256::new();
    for name in FILES {
        let content = read(&directory.join(name))?;
        hasher.update(name.as_bytes());
        hasher.update(Sha256::digest(&content));
    }
    Ok(hasher)
}

/// The fingerprint of what gives the same answers: the package's files, read in one number format.
fn mark(mut files: Sha256, format: Format) -> String {
    // fp32 has no mark of its own: it was the only format when fingerprints were first given.
    if format != Format::Fp32 {
        files.update(format.name());
    }
    let digest = files.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, ModelError> {
    fs::read(path).map_err(|source| ModelError::Io {
        path: path.to_owned(),
        source,
    })
}
