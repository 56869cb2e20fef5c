//! The encoder: BERT over the package's weights, in one of several number formats.
//!
//! BERT: Devlin et al. 2019, <https://arxiv.org/abs/1810.04805>. In 8-bit integers it runs on kernels of our own
//! (`int8`), in floating point through rust-bert and libtorch (`torch`).

mod int8;
mod packed;
mod precision;
mod torch;

use std::sync::Arc;

use rust_bert::bert::BertConfig;
use tch::Kind;

use super::{ModelError, Package, Window, weights::Tensors};

pub use precision::{Format, Precision};

/// The encoder's weights in one format, for all encoders of a package.
#[derive(Debug)]
pub(super) struct Weights(In);

#[derive(Debug)]
enum In {
    Int8(Arc<packed::Weights>),
    Float(torch::Variables),
}

impl Weights {
    /// Makes them of a package's tensors.
    pub(super) fn new(
        tensors: &Tensors,
        config: &BertConfig,
        format: Format,
    ) -> Result<Self, ModelError> {
        torch::check_shape(tensors, config)?;
        let float = |kind| torch::Variables::new(tensors, config, kind).map(In::Float);
        let weights = match format {
            Format::Int8 => In::Int8(Arc::new(packed::Weights::new(tensors, config)?)),
            Format::Bf16 => float(Kind::BFloat16)?,
            Format::Fp32 => float(Kind::Float)?,
        };
        Ok(Self(weights))
    }
}

/// One thread's encoder.
#[derive(Debug)]
pub struct Encoder {
    package: Arc<Package>,
    path: Path,
}

#[derive(Debug)]
enum Path {
    Int8(packed::Encoder),
    Float(torch::Encoder),
}

/// The vectors of one window's tokens: `[tokens, width]`, row-major.
#[derive(Debug)]
pub(super) struct States {
    pub(super) values: Vec<f32>,
    pub(super) width: usize,
}

impl Encoder {
    /// Makes an encoder that shares the package's weights.
    ///
    /// # Errors
    /// [`ModelError::Tensor`] where a tensor is missing.
    pub fn new(package: Arc<Package>) -> Result<Self, ModelError> {
        let path = match &package.encoder.0 {
            In::Int8(weights) => Path::Int8(packed::Encoder::new(Arc::clone(weights))),
            In::Float(variables) => {
                Path::Float(torch::Encoder::new(Arc::clone(&package), variables)?)
            }
        };
        Ok(Self { package, path })
    }

    /// The token vectors of each window, in the order given. A window's vectors are the same bits whatever it is
    /// batched with.
    ///
    /// # Errors
    /// [`ModelError::Window`], [`ModelError::Torch`], [`ModelError::Encoder`].
    pub(super) fn encode(&mut self, windows: &[&Window]) -> Result<Vec<States>, ModelError> {
        let limit = self.package.windows().max_tokens;
        for window in windows {
            let length = window.tokens.len();
            if length == 0 || length > limit {
                return Err(ModelError::Window(format!(
                    "has {length} tokens, expected 1 to {limit}"
                )));
            }
        }
        match &mut self.path {
            Path::Int8(encoder) => encoder.encode(&self.package.word_embeddings, windows),
            Path::Float(encoder) => encoder.encode(windows),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(precision: Precision) -> Arc<Package> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models/base");
        Arc::new(Package::open(&folder, precision).unwrap())
    }

    fn windows(package: &Package) -> Vec<Window> {
        let texts = ["article-de.txt", "article-en.txt", "article-pl.txt"].map(|name| {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
            std::fs::read_to_string(folder.join(name)).unwrap()
        });
        let lines = texts.iter().flat_map(|text| text.lines());
        lines
            .filter(|line| !line.is_empty())
            .map(|line| {
                let special = package.special_tokens();
                let tokens = package.tokenizer().tokenize(line).unwrap();
                let tokens = tokens.iter().map(|token| token.id);
                Window {
                    tokens: std::iter::once(special.begin)
                        .chain(tokens)
                        .chain([special.end])
                        .take(package.windows().max_tokens)
                        .collect(),
                    ..Window::default()
                }
            })
            .collect()
    }

    fn cosine(a: &[f32], b: &[f32]) -> f32 {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    }

    #[test]
    fn int8_gives_nearly_the_vectors_of_fp32() {
        let (int8, fp32) = (package(Precision::Int8), package(Precision::Fp32));
        let windows = windows(&fp32);
        let windows: Vec<&Window> = windows.iter().collect();
        let read = |package: &Arc<Package>| {
            let _no_gradients = tch::no_grad_guard();
            Encoder::new(Arc::clone(package))
                .unwrap()
                .encode(&windows)
                .unwrap()
        };
        let mut cosines: Vec<f32> = Vec::new();
        for (int8, fp32) in read(&int8).iter().zip(read(&fp32)) {
            let rows = int8.values.chunks_exact(int8.width);
            cosines.extend(
                rows.zip(fp32.values.chunks_exact(fp32.width))
                    .map(|(a, b)| cosine(a, b)),
            );
        }
        let mean = cosines.iter().sum::<f32>() / cosines.len() as f32;
        cosines.sort_by(f32::total_cmp);
        assert!(mean > 0.998, "mean {mean}");
        assert!(cosines[0] > 0.97, "least {}", cosines[0]);
    }

    #[test]
    fn a_window_gets_the_same_bits_in_any_batch() {
        for precision in [Precision::Int8, Precision::Fp32] {
            let package = package(precision);
            let mut encoder = Encoder::new(Arc::clone(&package)).unwrap();
            let windows = windows(&package);
            let _no_gradients = tch::no_grad_guard();
            let alone: Vec<States> = windows
                .iter()
                .flat_map(|window| encoder.encode(&[window]).unwrap())
                .collect();
            let order: Vec<usize> = (0..windows.len())
                .map(|i| (i * 7 + 3) % windows.len())
                .collect();
            let batch: Vec<&Window> = order.iter().map(|&i| &windows[i]).collect();
            for (&i, batched) in order.iter().zip(encoder.encode(&batch).unwrap()) {
                assert!(
                    alone[i].values == batched.values,
                    "{precision:?} window {i}"
                );
            }
        }
    }
}
