//! The encoder in 8-bit integers, on kernels of our own.
//!
//! The tokens of all windows of a batch lie in one matrix without padding; attention runs within each window. Every
//! token's numbers are computed by themselves, or from its own window, in one order: a window gets the same bits
//! whatever it is batched with, and on every processor.

mod attention;
mod lanes;
mod matrix;
mod rows;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86;

use attention::Attend;
use lanes::{LANES, Lanes, Pass, Portable};
use matrix::{Activations, Levels, Matrix, Tile};
use rows::{Gelu, Norm, Normalise, Quantise};

/// Tokens that go through a layer's products together: what they need in between stays in the processor's cache.
const BLOCK: usize = 64;

/// What a processor computes with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kernel(Instructions);

#[derive(Debug, Clone, Copy)]
enum Instructions {
    /// Those of any processor.
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(x86::Avx2),
    #[cfg(target_arch = "x86_64")]
    Vnni(x86::Vnni),
}

impl Kernel {
    /// Plain code, slower than fp32 on any processor: the reference for the others.
    pub(super) const PORTABLE: Self = Self(Instructions::Portable);

    /// The fastest for this processor; `None` where fp32 is faster than any.
    pub(super) fn detect() -> Option<Self> {
        Self::all().pop()
    }

    /// Those that this processor has beside the plain one, the fastest last.
    fn all() -> Vec<Self> {
        #[cfg(target_arch = "x86_64")]
        return [
            x86::Avx2::detect().map(Instructions::Avx2),
            x86::Vnni::detect().map(Instructions::Vnni),
        ]
        .into_iter()
        .flatten()
        .map(Self)
        .collect();
        #[cfg(not(target_arch = "x86_64"))]
        Vec::new()
    }

    fn pass(self, pass: impl Pass) {
        match self.0 {
            Instructions::Portable => Portable.pass(pass),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2(avx2) => avx2.pass(pass),
            #[cfg(target_arch = "x86_64")]
            Instructions::Vnni(vnni) => vnni.lanes().pass(pass),
        }
    }

    fn multiply(self, tile: Tile) {
        match self.0 {
            Instructions::Portable => tile.multiply(),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2(avx2) => avx2.multiply(tile),
            #[cfg(target_arch = "x86_64")]
            Instructions::Vnni(vnni) => vnni.multiply(tile),
        }
    }
}

/// The shape of an encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    width: usize,
    heads: usize,
    inner: usize,
}

impl Shape {
    /// # Errors
    /// What these kernels cannot do about it.
    pub(super) fn new(width: usize, heads: usize, inner: usize) -> Result<Self, String> {
        let multiple = |size: usize| size > 0 && size.is_multiple_of(LANES);
        let head_size = width.checked_div(heads).unwrap_or(0);
        if head_size * heads != width || !multiple(head_size) || !multiple(inner) {
            return Err(format!(
                "int8 wants heads and an inner layer of a multiple of {LANES} values, found {head_size} and {inner}"
            ));
        }
        Ok(Self {
            width,
            heads,
            inner,
        })
    }
}

/// Weights and bias of a linear layer as a package has them: `[outputs][inputs]` and `[outputs]`.
#[derive(Debug, Clone)]
pub(super) struct Linear {
    pub(super) weight: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

/// A layer's weights as a package has them.
#[derive(Debug)]
pub(super) struct Unpacked {
    pub(super) query: Linear,
    pub(super) key: Linear,
    pub(super) value: Linear,
    pub(super) context: Linear,
    pub(super) context_norm: Linear,
    pub(super) inner: Linear,
    pub(super) outer: Linear,
    pub(super) outer_norm: Linear,
}

/// One layer.
#[derive(Debug)]
pub(super) struct Layer {
    /// Query, key and value, of all heads each.
    projections: Matrix,
    context: Matrix,
    context_norm: Norm,
    inner: Matrix,
    outer: Matrix,
    outer_norm: Norm,
}

impl Layer {
    /// Packs a layer. `None` where a weight is not finite.
    pub(super) fn new(shape: Shape, weights: Unpacked, epsilon: f32) -> Option<Self> {
        let scale = 1.0 / ((shape.width / shape.heads) as f32).sqrt();
        let Linear {
            mut weight,
            mut bias,
        } = weights.query;
        weight
            .iter_mut()
            .chain(&mut bias)
            .for_each(|value| *value *= scale);
        for part in [weights.key, weights.value] {
            weight.extend(part.weight);
            bias.extend(part.bias);
        }
        let pack = |linear: &Linear, levels| Matrix::new(&linear.weight, &linear.bias, levels);
        Some(Self {
            projections: Matrix::new(&weight, &bias, Levels::Centered)?,
            context: pack(&weights.context, Levels::Centered)?,
            context_norm: Norm::new(weights.context_norm, epsilon),
            inner: pack(&weights.inner, Levels::Centered)?,
            outer: pack(&weights.outer, Levels::Lifted)?,
            outer_norm: Norm::new(weights.outer_norm, epsilon),
        })
    }
}

/// All layers, shared by all threads.
#[derive(Debug)]
pub(super) struct Layers {
    shape: Shape,
    embedding_norm: Norm,
    layers: Vec<Layer>,
}

/// The memory of one thread, used again by each batch.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// `[tokens][width]`: embeddings of words that go in, vectors that come out.
    pub(super) rows: Vec<f32>,
    /// `[tokens][width]`: what else is in the embeddings.
    pub(super) added: Vec<f32>,
    projections: Vec<f32>,
    context: Vec<f32>,
    product: Vec<f32>,
    levels: Activations,
    inner_levels: Activations,
    attention: attention::Scratch,
}

impl Layers {
    pub(super) fn new(
        shape: Shape,
        embedding_norm: Linear,
        epsilon: f32,
        layers: Vec<Layer>,
    ) -> Self {
        Self {
            shape,
            embedding_norm: Norm::new(embedding_norm, epsilon),
            layers,
        }
    }

    /// Turns the embeddings of windows of these lengths into their vectors: `scratch.rows`, window behind window.
    pub(super) fn run(&self, kernel: Kernel, lengths: &[usize], scratch: &mut Scratch) {
        let Shape {
            width,
            heads,
            inner,
        } = self.shape;
        let tokens = scratch.rows.len() / width;
        let Scratch {
            rows,
            added,
            projections,
            context,
            product,
            levels,
            inner_levels,
            attention,
        } = scratch;
        let Some(first_layer) = self.layers.first() else {
            return;
        };
        let projected = first_layer.projections.stride();
        projections.resize(tokens * projected, 0.0);
        context.resize(tokens * width, 0.0);
        for (first, rows) in blocks(rows, width) {
            let count = rows.len() / width;
            levels.reset(count, width);
            kernel.pass(Normalise {
                rows,
                width,
                added: &added[first * width..],
                stride: width,
                norm: &self.embedding_norm,
                to: levels,
            });
            let out = &mut projections[first * projected..][..count * projected];
            first_layer.projections.multiply(kernel, levels, out);
        }
        for (number, layer) in self.layers.iter().enumerate() {
            let mut first = 0;
            for &length in lengths {
                kernel.pass(Attend {
                    projections: &projections[first * projected..][..length * projected],
                    stride: projected,
                    heads,
                    head_size: width / heads,
                    scratch: attention,
                    out: &mut context[first * width..][..length * width],
                });
                first += length;
            }
            for (first, rows) in blocks(rows, width) {
                let count = rows.len() / width;
                levels.reset(count, width);
                kernel.pass(Quantise {
                    rows: &context[first * width..][..count * width],
                    width,
                    to: levels,
                });
                let stride = layer.context.stride();
                product.resize(count * stride, 0.0);
                layer.context.multiply(kernel, levels, product);
                kernel.pass(Normalise {
                    rows,
                    width,
                    added: product,
                    stride,
                    norm: &layer.context_norm,
                    to: levels,
                });

                let stride = layer.inner.stride();
                product.resize(count * stride, 0.0);
                layer.inner.multiply(kernel, levels, product);
                inner_levels.reset(count, inner);
                kernel.pass(Gelu {
                    rows: product,
                    stride,
                    width: inner,
                    to: inner_levels,
                });

                let stride = layer.outer.stride();
                product.resize(count * stride, 0.0);
                layer.outer.multiply(kernel, inner_levels, product);
                kernel.pass(Normalise {
                    rows,
                    width,
                    added: product,
                    stride,
                    norm: &layer.outer_norm,
                    to: levels,
                });
                // The rows and their levels are still in the cache.
                if let Some(next) = self.layers.get(number + 1) {
                    let out = &mut projections[first * projected..][..count * projected];
                    next.projections.multiply(kernel, levels, out);
                }
            }
        }
    }
}

/// Blocks of rows with the number of their first.
fn blocks(rows: &mut [f32], width: usize) -> impl Iterator<Item = (usize, &mut [f32])> {
    let firsts = (0..).step_by(BLOCK);
    firsts.zip(rows.chunks_mut(BLOCK * width))
}

impl Norm {
    fn new(linear: Linear, epsilon: f32) -> Self {
        Self {
            weight: linear.weight,
            bias: linear.bias,
            epsilon,
        }
    }
}
