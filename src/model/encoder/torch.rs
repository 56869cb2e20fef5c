//! The encoder in floating point: rust-bert's BERT over the package's weights.
//!
//! Word vectors are looked up here and handed to the model as `input_embeds`, so that the word embeddings can stay
//! packed.

use std::sync::{Arc, OnceLock};

use rust_bert::bert::{BertConfig, BertEmbeddings, BertModel};
use tch::{Device, Kind, Tensor, nn};

use super::{
    super::{ModelError, Package, Window, weights::Tensors},
    States,
};

/// Windows are padded to a multiple of this many tokens.
const PAD_TO: usize = 8;

/// Tokens of one pass, padding included: past a few hundred, more windows in a pass make it slower, as their
/// intermediate values leave the processor's cache.
const PASS_TOKENS: usize = 512;

/// The encoder's variables, for all encoders of a package.
#[derive(Debug)]
pub(super) struct Variables {
    tensors: Tensors,
    kind: Kind,
    /// What the first encoder found out about this processor's kernels.
    keeps_bits: OnceLock<bool>,
}

impl Variables {
    pub(super) fn new(
        weights: &Tensors,
        config: &BertConfig,
        kind: Kind,
    ) -> Result<Self, ModelError> {
        // An empty model names its variables and their shapes.
        let store = nn::VarStore::new(Device::Cpu);
        build(&store, config);
        let mut tensors = Tensors::default();
        for (name, variable) in store.variables() {
            if !is_word_embedding(&name) {
                let tensor = weights.get(&name, &variable.size())?;
                tensors.insert(name, tensor.f_to_kind(kind)?);
            }
        }
        Ok(Self {
            tensors,
            kind,
            keeps_bits: OnceLock::new(),
        })
    }
}

/// Checks the shape that the configuration gives, since a model takes room for it before its weights are looked for.
pub(super) fn check_shape(weights: &Tensors, config: &BertConfig) -> Result<(), ModelError> {
    let width = config.hidden_size;
    let last = config.num_hidden_layers - 1;
    for (name, shape) in [
        (
            "embeddings.position_embeddings.weight",
            &[config.max_position_embeddings, width][..],
        ),
        (
            "embeddings.token_type_embeddings.weight",
            &[config.type_vocab_size, width],
        ),
        (
            &format!("encoder.layer.{last}.intermediate.dense.bias"),
            &[config.intermediate_size],
        ),
    ] {
        let _ = weights.get(name, shape)?;
    }
    Ok(())
}

/// One thread's encoder in floating point.
pub(super) struct Encoder {
    model: BertModel<BertEmbeddings>,
    package: Arc<Package>,
    kind: Kind,
    /// Whether passes may hold several windows.
    keeps_bits: bool,
}

impl Encoder {
    /// Makes an encoder that shares the package's weights.
    pub(super) fn new(package: Arc<Package>, variables: &Variables) -> Result<Self, ModelError> {
        let store = nn::VarStore::new(Device::Cpu);
        let model = build(&store, &package.bert);
        let kind = variables.kind;
        for (name, mut variable) in store.variables() {
            let shape = variable.size();
            tch::no_grad(|| {
                if is_word_embedding(&name) {
                    return Ok(variable.f_set_data(&variable.f_to_kind(kind)?)?);
                }
                Ok::<_, ModelError>(variable.f_set_data(&variables.tensors.get(&name, &shape)?)?)
            })?;
        }
        let mut encoder = Self {
            model,
            package,
            kind,
            keeps_bits: false,
        };
        encoder.keeps_bits = match variables.keeps_bits.get() {
            Some(&known) => known,
            None => {
                let found = tch::no_grad(|| encoder.check_bits())?;
                *variables.keeps_bits.get_or_init(|| found)
            }
        };
        Ok(encoder)
    }

    /// The token vectors of each window, in the order given.
    ///
    /// A window's vectors are the same bits whatever it is batched with: it is always padded to the same length,
    /// a pass holds windows of one padded length only, and passes hold several windows only where the kernels of
    /// this processor are known to keep the bits then (`check_bits`).
    pub(super) fn encode(&self, windows: &[&Window]) -> Result<Vec<States>, ModelError> {
        let mut order: Vec<usize> = (0..windows.len()).collect();
        order.sort_by_key(|&i| windows[i].tokens.len());
        let mut states: Vec<Option<States>> = windows.iter().map(|_| None).collect();
        for same in order.chunk_by(|&a, &b| self.padded(windows[a]) == self.padded(windows[b])) {
            let length = same.first().map_or(0, |&i| self.padded(windows[i]));
            let in_one_pass = if self.keeps_bits {
                PASS_TOKENS / length
            } else {
                1
            };
            for pass in same.chunks(in_one_pass.max(1)) {
                let batch: Vec<&Window> = pass.iter().map(|&i| windows[i]).collect();
                for (&i, read) in pass.iter().zip(self.pass(&batch, length)?) {
                    states[i] = Some(read);
                }
            }
        }
        Ok(states.into_iter().flatten().collect())
    }

    /// The length that a window is padded to.
    fn padded(&self, window: &Window) -> usize {
        let tokens = window.tokens.len();
        tokens
            .next_multiple_of(PAD_TO)
            .min(self.package.windows().max_tokens.max(tokens))
    }

    /// One pass through the encoder: `[windows, length]` tokens.
    fn pass(&self, windows: &[&Window], length: usize) -> Result<Vec<States>, ModelError> {
        let words = &self.package.word_embeddings;
        let width = words.width;
        let mut input = Vec::with_capacity(windows.len() * length * width);
        let mut mask = Vec::with_capacity(windows.len() * length);
        for (row, window) in windows.iter().enumerate() {
            words.push_rows(window, &mut input)?;
            input.resize((row + 1) * length * width, 0.0);
            mask.resize(row * length + window.tokens.len(), 1_i64);
            mask.resize((row + 1) * length, 0);
        }
        let shape = [windows.len() as i64, length as i64];
        let input = Tensor::f_from_slice(&input)?
            .f_view([shape[0], shape[1], width as i64])?
            .f_to_kind(self.kind)?;
        let mask = Tensor::f_from_slice(&mask)?.f_view(shape)?;
        let output = self.model.forward_t(
            None,
            Some(&mask),
            None,
            None,
            Some(&input),
            None,
            None,
            false,
        )?;
        let output = output.hidden_state.f_to_kind(Kind::Float)?.f_contiguous()?;
        let mut states = Vec::with_capacity(windows.len());
        for (row, window) in windows.iter().enumerate() {
            let mut values = vec![0.0; window.tokens.len() * width];
            let numel = values.len();
            output.f_get(row as i64)?.f_copy_data(&mut values, numel)?;
            states.push(States { values, width });
        }
        Ok(states)
    }

    /// Whether windows that share a pass get the same bits as alone. Matrix kernels choose the order of their sums
    /// by the shape of a batch; libtorch's keep it on the processors that were tried, but promise nothing.
    fn check_bits(&self) -> Result<bool, ModelError> {
        let vocabulary = self.package.word_embeddings.rows as u32;
        let longest = self.package.windows().max_tokens;
        let shapes = [
            (PAD_TO, 9),
            (3 * PAD_TO, 5),
            (9 * PAD_TO, 3),
            (17 * PAD_TO, 3),
        ];
        for (length, windows) in shapes.into_iter().filter(|&(length, _)| length <= longest) {
            let windows: Vec<Window> = (0..windows)
                .map(|window: u32| Window {
                    tokens: (0..length as u32 - window)
                        .map(|i| (i * 7919 + window * 104_729) % vocabulary)
                        .collect(),
                    ..Window::default()
                })
                .collect();
            let windows: Vec<&Window> = windows.iter().collect();
            for (window, batched) in windows.iter().zip(self.pass(&windows, length)?) {
                let alone = self.pass(&[*window], length)?;
                if alone
                    .first()
                    .is_none_or(|alone| alone.values != batched.values)
                {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

fn is_word_embedding(name: &str) -> bool {
    name.starts_with("embeddings.word_embeddings")
}

/// An encoder with random weights. Its word embeddings are one row that is never read.
fn build(store: &nn::VarStore, config: &BertConfig) -> BertModel<BertEmbeddings> {
    let config = BertConfig {
        vocab_size: 1,
        ..config.clone()
    };
    BertModel::new_with_optional_pooler(store.root(), &config, false)
}
