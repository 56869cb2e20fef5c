//! Model packages and what they compute. The only room that knows tensors.
//!
//! A [`Package`] is a directory that has been opened and checked; a [`Model`] is one thread's handle on it. A
//! [`Window`] goes in, a [`Reading`] comes out.

mod decode;
mod description;
mod encoder;
mod error;
mod heads;
mod label;
mod package;
mod tokenizer;
mod weights;
mod window;

pub use description::{Description, Figure};
pub use encoder::{Encoder, Format, Precision};
pub use error::ModelError;
pub use label::{Distribution, EntityType, Polarity, TypeProbabilities};
pub use package::{Package, SpecialTokens, WindowLimits};
pub use tokenizer::{Token, Tokenizer};
#[cfg(feature = "faults")]
pub use window::Fault;
pub use window::{Heads, Reading, Window, WindowMention, WindowStance, Word};

use std::sync::Arc;

use heads::HeadWeights;

/// One thread's model: encoder and heads. The weights are shared between all models of a package.
#[derive(Debug)]
pub struct Model {
    heads: HeadWeights,
    encoder: Encoder,
}

impl Model {
    /// Makes a model of a package.
    ///
    /// # Errors
    /// [`ModelError::Tensor`] where a tensor is missing or has another shape than the configuration says.
    pub fn new(package: Arc<Package>) -> Result<Self, ModelError> {
        Ok(Self {
            heads: HeadWeights::new(&package)?,
            encoder: Encoder::new(package)?,
        })
    }

    /// Reads windows. A window's reading depends on nothing but the window: neither on its neighbours in the
    /// batch nor on their order.
    ///
    /// # Errors
    /// [`ModelError::Window`] for a window that is too long or names tokens that do not exist,
    /// [`ModelError::Torch`] where libtorch refuses an operation.
    pub fn read(&mut self, windows: &[&Window]) -> Result<Vec<Reading>, ModelError> {
        let _no_gradients = tch::no_grad_guard();
        let states = self.encoder.encode(windows)?;
        windows
            .iter()
            .zip(states)
            .map(|(window, states)| self.heads.read(window, &states))
            .collect()
    }
}
