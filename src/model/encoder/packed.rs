//! The encoder in 8-bit integers, between the package's tensors and the kernels.

use std::sync::Arc;

use rust_bert::{Activation, bert::BertConfig};
use tch::Tensor;

use super::{
    super::{
        ModelError, Window,
        weights::{Tensors, WordEmbeddings},
    },
    States,
    int8::{Kernel, Layer, Layers, Linear, Scratch, Shape, Unpacked},
};

/// Tokens of one pass: enough to read each weight from memory once for many tokens, few enough that what lies between
/// the layers stays in the processor's cache. A longer window is a pass of its own.
const PASS_TOKENS: usize = 1024;

/// What keeps a layer norm from dividing by 0; rust-bert has it built in.
const EPSILON: f32 = 1e-12;

/// The packed weights of all layers, and what is added to the word embeddings.
#[derive(Debug)]
pub(super) struct Weights {
    layers: Layers,
    kernel: Kernel,
    /// `[positions][width]`: of the position and of the token type, which is always the first.
    positions: Vec<f32>,
}

impl Weights {
    pub(super) fn new(tensors: &Tensors, config: &BertConfig) -> Result<Self, ModelError> {
        let shape = shape(config).map_err(ModelError::Precision)?;
        let source = Source { tensors, config };
        let layers: Result<Vec<Layer>, ModelError> = (0..config.num_hidden_layers)
            .map(|layer| source.layer(shape, layer))
            .collect();
        let norm = source.norm("embeddings.LayerNorm")?;
        Ok(Self {
            layers: Layers::new(shape, norm, EPSILON, layers?),
            kernel: Kernel::detect().unwrap_or(Kernel::PORTABLE),
            positions: source.positions()?,
        })
    }
}

/// The shape in a configuration.
///
/// # Errors
/// What the kernels cannot do about it.
pub(super) fn shape(config: &BertConfig) -> Result<Shape, String> {
    if !matches!(config.hidden_act, Activation::gelu) {
        return Err("int8 wants the hidden_act gelu".to_owned());
    }
    let [width, heads, inner] = [
        config.hidden_size,
        config.num_attention_heads,
        config.intermediate_size,
    ]
    .map(|size| usize::try_from(size).unwrap_or(0));
    Shape::new(width, heads, inner)
}

/// Where the weights come from.
struct Source<'a> {
    tensors: &'a Tensors,
    config: &'a BertConfig,
}

impl Source<'_> {
    fn layer(&self, shape: Shape, number: i64) -> Result<Layer, ModelError> {
        let name = |part: &str| format!("encoder.layer.{number}.{part}");
        let (width, inner) = (self.config.hidden_size, self.config.intermediate_size);
        let square = |part: &str| self.linear(&name(part), width, width);
        let weights = Unpacked {
            query: square("attention.self.query")?,
            key: square("attention.self.key")?,
            value: square("attention.self.value")?,
            context: square("attention.output.dense")?,
            context_norm: self.norm(&name("attention.output.LayerNorm"))?,
            inner: self.linear(&name("intermediate.dense"), inner, width)?,
            outer: self.linear(&name("output.dense"), width, inner)?,
            outer_norm: self.norm(&name("output.LayerNorm"))?,
        };
        Layer::new(shape, weights, EPSILON).ok_or_else(|| ModelError::Tensor {
            name: name("*"),
            message: "has values that are not finite".to_owned(),
        })
    }

    fn linear(&self, name: &str, outputs: i64, inputs: i64) -> Result<Linear, ModelError> {
        Ok(Linear {
            weight: self.values(&format!("{name}.weight"), &[outputs, inputs])?,
            bias: self.values(&format!("{name}.bias"), &[outputs])?,
        })
    }

    fn norm(&self, name: &str) -> Result<Linear, ModelError> {
        let width = self.config.hidden_size;
        Ok(Linear {
            weight: self.values(&format!("{name}.weight"), &[width])?,
            bias: self.values(&format!("{name}.bias"), &[width])?,
        })
    }

    fn positions(&self) -> Result<Vec<f32>, ModelError> {
        let (width, config) = (self.config.hidden_size, self.config);
        let longest = [config.max_position_embeddings, width];
        let mut positions = self.values("embeddings.position_embeddings.weight", &longest)?;
        let types = [config.type_vocab_size, width];
        let types = self.values("embeddings.token_type_embeddings.weight", &types)?;
        for position in positions.chunks_exact_mut(width as usize) {
            for (value, of_type) in position.iter_mut().zip(&types) {
                *value += of_type;
            }
        }
        Ok(positions)
    }

    fn values(&self, name: &str, shape: &[i64]) -> Result<Vec<f32>, ModelError> {
        let tensor: Tensor = self.tensors.get(name, shape)?;
        let mut values = vec![0.0; tensor.numel()];
        let numel = values.len();
        tensor.f_copy_data(&mut values, numel)?;
        Ok(values)
    }
}

/// One thread's encoder: the weights and memory of its own.
#[derive(Debug)]
pub(super) struct Encoder {
    weights: Arc<Weights>,
    scratch: Scratch,
}

impl Encoder {
    pub(super) fn new(weights: Arc<Weights>) -> Self {
        Self {
            weights,
            scratch: Scratch::default(),
        }
    }

    pub(super) fn encode(
        &mut self,
        words: &WordEmbeddings,
        windows: &[&Window],
    ) -> Result<Vec<States>, ModelError> {
        let mut states = Vec::with_capacity(windows.len());
        let mut rest = windows;
        while !rest.is_empty() {
            let (pass, behind) = rest.split_at(in_one_pass(rest));
            rest = behind;
            self.pass(words, pass, &mut states)?;
        }
        Ok(states)
    }

    fn pass(
        &mut self,
        words: &WordEmbeddings,
        windows: &[&Window],
        states: &mut Vec<States>,
    ) -> Result<(), ModelError> {
        let width = words.width;
        let Scratch { rows, added, .. } = &mut self.scratch;
        rows.clear();
        added.clear();
        for window in windows {
            words.push_rows(window, rows)?;
            let positions = window.tokens.len() * width;
            added.extend(self.weights.positions.iter().take(positions));
        }
        let lengths: Vec<usize> = windows.iter().map(|window| window.tokens.len()).collect();
        let weights = &self.weights;
        weights
            .layers
            .run(weights.kernel, &lengths, &mut self.scratch);
        let mut rows = self.scratch.rows.as_slice();
        for length in lengths {
            let (values, behind) = rows.split_at(length * width);
            rows = behind;
            states.push(States {
                values: values.to_vec(),
                width,
            });
        }
        Ok(())
    }
}

/// How many of these windows go through the encoder together: at least one.
fn in_one_pass(windows: &[&Window]) -> usize {
    let mut tokens = 0;
    let fits = windows.iter().take_while(|window| {
        tokens += window.tokens.len();
        tokens <= PASS_TOKENS
    });
    fits.count().max(1)
}
