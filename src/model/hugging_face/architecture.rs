//! The architectures: rust-bert's models with a token or a sequence classification head, by `model_type`.

use rust_bert::{
    RustBertError,
    albert::{AlbertForSequenceClassification, AlbertForTokenClassification},
    bart::BartForSequenceClassification,
    bert::{BertForSequenceClassification, BertForTokenClassification},
    distilbert::{DistilBertForTokenClassification, DistilBertModelClassifier},
    electra::ElectraForTokenClassification,
    fnet::{FNetForSequenceClassification, FNetForTokenClassification},
    longformer::{LongformerForSequenceClassification, LongformerForTokenClassification},
    mobilebert::{MobileBertForSequenceClassification, MobileBertForTokenClassification},
    roberta::{RobertaForSequenceClassification, RobertaForTokenClassification},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tch::{Tensor, nn::Path};

/// Fields that rust-bert wants and that only training needs, or that configurations leave out where they have their
/// usual value.
const USUAL: [(&str, f64); 11] = [
    ("activation_dropout", 0.0),
    ("attention_dropout", 0.0),
    ("attention_probs_dropout_prob", 0.0),
    ("decoder_layerdrop", 0.0),
    ("dropout", 0.0),
    ("encoder_layerdrop", 0.0),
    ("hidden_dropout_prob", 0.0),
    ("init_std", 0.0),
    ("initializer_range", 0.0),
    ("qa_dropout", 0.0),
    ("seq_classif_dropout", 0.0),
];

/// The kinds of head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeadKind {
    /// A label for each token.
    Tokens,
    /// A label for the whole sequence.
    Sequence,
}

/// What a model is built like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Architecture {
    Albert,
    Bart,
    Bert,
    DistilBert,
    Electra,
    FNet,
    Longformer,
    MobileBert,
    Roberta,
}

impl Architecture {
    /// All values of `model_type` that are known.
    pub(super) const TYPES: [(&str, Self); 11] = [
        ("albert", Self::Albert),
        ("bart", Self::Bart),
        ("bert", Self::Bert),
        ("camembert", Self::Roberta),
        ("distilbert", Self::DistilBert),
        ("electra", Self::Electra),
        ("fnet", Self::FNet),
        ("longformer", Self::Longformer),
        ("mobilebert", Self::MobileBert),
        ("roberta", Self::Roberta),
        ("xlm-roberta", Self::Roberta),
    ];

    /// Why an architecture that rust-bert has is not run.
    pub(super) fn refused(model_type: &str) -> Option<&'static str> {
        match model_type {
            "deberta" | "deberta-v2" => Some(
                "rust-bert 0.23 computes its attention otherwise than Transformers, so the model would say something else",
            ),
            "xlnet" => Some("its special tokens stand behind the text"),
            _ => None,
        }
    }

    /// The architecture of a `model_type`.
    pub(super) fn of(model_type: &str) -> Option<Self> {
        let mut types = Self::TYPES.into_iter();
        types.find_map(|(name, kind)| (name == model_type).then_some(kind))
    }

    /// Whether rust-bert has the architecture with such a head.
    pub(super) fn has(self, head: HeadKind) -> bool {
        match head {
            HeadKind::Tokens => self != Self::Bart,
            HeadKind::Sequence => self != Self::Electra,
        }
    }

    /// The part of all names of tensors before the encoder's own, as Transformers writes them.
    pub(super) fn word_embeddings(self) -> &'static str {
        match self {
            Self::Albert => "albert.embeddings.word_embeddings.weight",
            Self::Bart => "model.shared.weight",
            Self::Bert => "bert.embeddings.word_embeddings.weight",
            Self::DistilBert => "distilbert.embeddings.word_embeddings.weight",
            Self::Electra => "electra.embeddings.word_embeddings.weight",
            Self::FNet => "fnet.embeddings.word_embeddings.weight",
            Self::Longformer => "longformer.embeddings.word_embeddings.weight",
            Self::MobileBert => "mobilebert.embeddings.word_embeddings.weight",
            Self::Roberta => "roberta.embeddings.word_embeddings.weight",
        }
    }

    /// Positions of the table that no token can have: RoBERTa counts from behind the padding's id.
    pub(super) fn lost_positions(self, pad: u32) -> usize {
        match self {
            Self::Roberta | Self::Longformer => pad as usize + 1,
            _ => 0,
        }
    }

    /// The multiple that sequences are padded to. FNet mixes all positions and takes no mask, so that padding would
    /// change what it says.
    pub(super) fn pads_to(self) -> usize {
        match self {
            Self::FNet => 1,
            _ => 8,
        }
    }

    /// Whether the model tells a first text from a second by the types of tokens.
    pub(super) fn takes_types(self) -> bool {
        !matches!(
            self,
            Self::Bart | Self::DistilBert | Self::Longformer | Self::Roberta
        )
    }
}

/// A model with one of the heads.
pub(super) enum Network {
    AlbertTokens(AlbertForTokenClassification),
    AlbertSequence(AlbertForSequenceClassification),
    BartSequence(BartForSequenceClassification),
    BertTokens(BertForTokenClassification),
    BertSequence(BertForSequenceClassification),
    DistilBertTokens(DistilBertForTokenClassification),
    DistilBertSequence(DistilBertModelClassifier),
    ElectraTokens(ElectraForTokenClassification),
    FNetTokens(FNetForTokenClassification),
    FNetSequence(FNetForSequenceClassification),
    LongformerTokens(LongformerForTokenClassification),
    LongformerSequence(LongformerForSequenceClassification),
    MobileBertTokens(MobileBertForTokenClassification),
    MobileBertSequence(MobileBertForSequenceClassification),
    RobertaTokens(RobertaForTokenClassification),
    RobertaSequence(RobertaForSequenceClassification),
}

impl Network {
    /// A model with random weights.
    ///
    /// # Errors
    /// What rust-bert or the configuration's format says.
    pub(super) fn new(
        architecture: Architecture,
        head: HeadKind,
        root: &Path<'_>,
        config: &Map<String, Value>,
    ) -> Result<Self, RustBertError> {
        use Architecture as A;
        use HeadKind::{Sequence, Tokens};

        Ok(match (architecture, head) {
            (A::Albert, Tokens) => {
                Self::AlbertTokens(AlbertForTokenClassification::new(root, &typed(config)?)?)
            }
            (A::Albert, Sequence) => {
                Self::AlbertSequence(AlbertForSequenceClassification::new(root, &typed(config)?)?)
            }
            (A::Bart, _) => {
                Self::BartSequence(BartForSequenceClassification::new(root, &typed(config)?)?)
            }
            (A::Bert, Tokens) => {
                Self::BertTokens(BertForTokenClassification::new(root, &typed(config)?)?)
            }
            (A::Bert, Sequence) => {
                Self::BertSequence(BertForSequenceClassification::new(root, &typed(config)?)?)
            }
            (A::DistilBert, Tokens) => {
                let config = typed(config)?;
                Self::DistilBertTokens(DistilBertForTokenClassification::new(root, &config)?)
            }
            (A::DistilBert, Sequence) => {
                Self::DistilBertSequence(DistilBertModelClassifier::new(root, &typed(config)?)?)
            }
            (A::Electra, _) => {
                Self::ElectraTokens(ElectraForTokenClassification::new(root, &typed(config)?)?)
            }
            (A::FNet, Tokens) => {
                Self::FNetTokens(FNetForTokenClassification::new(root, &typed(config)?)?)
            }
            (A::FNet, Sequence) => {
                Self::FNetSequence(FNetForSequenceClassification::new(root, &typed(config)?)?)
            }
            (A::Longformer, Tokens) => {
                let config = typed(config)?;
                Self::LongformerTokens(LongformerForTokenClassification::new(root, &config)?)
            }
            (A::Longformer, Sequence) => {
                let config = typed(config)?;
                Self::LongformerSequence(LongformerForSequenceClassification::new(root, &config)?)
            }
            (A::MobileBert, Tokens) => {
                let config = typed(config)?;
                Self::MobileBertTokens(MobileBertForTokenClassification::new(root, &config)?)
            }
            (A::MobileBert, Sequence) => {
                let config = typed(config)?;
                Self::MobileBertSequence(MobileBertForSequenceClassification::new(root, &config)?)
            }
            (A::Roberta, Tokens) => {
                Self::RobertaTokens(RobertaForTokenClassification::new(root, &typed(config)?)?)
            }
            (A::Roberta, Sequence) => {
                let config = typed(config)?;
                Self::RobertaSequence(RobertaForSequenceClassification::new(root, &config)?)
            }
        })
    }

    /// The logits of a batch: `[sequences, length, labels]`, or `[sequences, labels]` for a label of the whole.
    /// `ids` and `mask` are `[sequences, length]`, and so are `types`, where the model takes any.
    pub(super) fn logits(
        &self,
        ids: &Tensor,
        mask: &Tensor,
        types: Option<&Tensor>,
    ) -> Result<Tensor, RustBertError> {
        let (input, some_mask) = (Some(ids), Some(mask));
        Ok(match self {
            Self::AlbertTokens(m) => {
                m.forward_t(input, some_mask, types, None, None, false)
                    .logits
            }
            Self::AlbertSequence(m) => {
                m.forward_t(input, some_mask, types, None, None, false)
                    .logits
            }
            Self::BartSequence(m) => {
                m.forward_t(ids, some_mask, None, None, None, false)
                    .decoder_output
            }
            Self::BertTokens(m) => {
                m.forward_t(input, some_mask, types, None, None, false)
                    .logits
            }
            Self::BertSequence(m) => {
                m.forward_t(input, some_mask, types, None, None, false)
                    .logits
            }
            Self::DistilBertTokens(m) => m.forward_t(input, some_mask, None, false)?.logits,
            Self::DistilBertSequence(m) => m.forward_t(input, some_mask, None, false)?.logits,
            Self::ElectraTokens(m) => {
                // Its mask is added to the scores as it is.
                let added = (1 - mask) * -10_000_i64;
                m.forward_t(input, Some(&added), types, None, None, false)
                    .logits
            }
            Self::FNetTokens(m) => m.forward_t(input, types, None, None, false)?.logits,
            Self::FNetSequence(m) => m.forward_t(input, types, None, None, false)?.logits,
            Self::LongformerTokens(m) => {
                m.forward_t(input, some_mask, None, None, None, None, false)?
                    .logits
            }
            Self::LongformerSequence(m) => {
                m.forward_t(input, some_mask, None, None, None, None, false)?
                    .logits
            }
            Self::MobileBertTokens(m) => {
                m.forward_t(input, types, None, None, some_mask, false)?
                    .logits
            }
            Self::MobileBertSequence(m) => {
                m.forward_t(input, types, None, None, some_mask, false)?
                    .logits
            }
            Self::RobertaTokens(m) => {
                m.forward_t(input, some_mask, None, None, None, false)
                    .logits
            }
            Self::RobertaSequence(m) => {
                m.forward_t(input, some_mask, None, None, None, false)
                    .logits
            }
        })
    }
}

/// rust-bert's own type of configuration.
pub(super) fn typed<T: DeserializeOwned>(config: &Map<String, Value>) -> Result<T, RustBertError> {
    let mut fields = config.clone();
    for (name, value) in USUAL {
        fields.entry(name).or_insert_with(|| value.into());
    }
    for (name, value) in [
        ("bos_token_id", json!(2)),
        ("eos_token_id", json!(3)),
        ("pad_token_id", json!(0)),
        ("sinusoidal_pos_embds", json!(false)),
        ("tie_weights_", json!(true)),
    ] {
        // BERT's configuration knows none of these and ignores them.
        fields.entry(name).or_insert(value);
    }
    serde_json::from_value(fields.into())
        .map_err(|error| RustBertError::InvalidConfigurationError(error.to_string()))
}
