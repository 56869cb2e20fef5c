//! Model packages and what they compute. The only room that knows tensors.
//!
//! A [`Package`] is a directory that has been opened and checked, and so is a [`Checkpoint`], a model from Hugging Face;
//! a [`Model`] is one thread's handle on either. A [`Window`] goes in, a [`Reading`] comes out.

mod decode;
mod description;
mod encoder;
mod error;
mod heads;
pub mod hugging_face;
mod label;
mod package;
mod tokenizer;
mod weights;
mod window;

pub use description::{Description, Figure};
pub use encoder::{Encoder, Format, Precision};
pub use error::ModelError;
pub use hugging_face::Checkpoint;
pub use label::{Distribution, EntityType, Polarity, TypeProbabilities};
pub use package::{Package, SpecialTokens, WindowLimits};
pub use tokenizer::{Encoded, Token, Tokenizer};
#[cfg(feature = "faults")]
pub use window::Fault;
pub use window::{Heads, Reading, Sequence, Window, WindowMention, WindowStance, Word};

use std::sync::Arc;

use heads::HeadWeights;
use hugging_face::Classifier;

/// What workers make their models of. A clone shares the weights.
#[derive(Debug, Clone)]
pub enum Source {
    /// A model package.
    Package(Arc<Package>),
    /// A model from Hugging Face.
    Checkpoint(Arc<Checkpoint>),
}

impl Source {
    /// What the model says of itself.
    pub fn description(&self) -> &Description {
        match self {
            Self::Package(package) => package.description(),
            Self::Checkpoint(checkpoint) => checkpoint.description(),
        }
    }

    /// How long windows are.
    pub fn windows(&self) -> WindowLimits {
        match self {
            Self::Package(package) => package.windows(),
            Self::Checkpoint(checkpoint) => checkpoint.windows(),
        }
    }

    /// The tokens around segments.
    pub fn special_tokens(&self) -> SpecialTokens {
        match self {
            Self::Package(package) => package.special_tokens(),
            Self::Checkpoint(checkpoint) => checkpoint.special_tokens(),
        }
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        match self {
            Self::Package(package) => package.tokenizer(),
            Self::Checkpoint(checkpoint) => checkpoint.tokenizer(),
        }
    }

    /// A window of ordinary length, which makes libtorch allocate and choose its kernels.
    pub fn first_window(&self) -> Window {
        match self {
            Self::Checkpoint(checkpoint) => checkpoint.first_window(),
            Self::Package(package) => {
                let special = package.special_tokens();
                let mut tokens = vec![special.begin];
                tokens.resize(package.windows().tokens, special.end);
                Window {
                    tokens,
                    ..Window::default()
                }
            }
        }
    }
}

impl From<Arc<Package>> for Source {
    fn from(package: Arc<Package>) -> Self {
        Self::Package(package)
    }
}

impl From<Arc<Checkpoint>> for Source {
    fn from(checkpoint: Arc<Checkpoint>) -> Self {
        Self::Checkpoint(checkpoint)
    }
}

/// One thread's model. The weights are shared between all models of a source.
#[derive(Debug)]
pub struct Model(Kind);

#[derive(Debug)]
enum Kind {
    Package {
        heads: Box<HeadWeights>,
        encoder: Box<Encoder>,
    },
    Checkpoint(Box<Classifier>),
}

impl Model {
    /// Makes a model.
    ///
    /// # Errors
    /// [`ModelError::Tensor`] where a tensor is missing or has another shape than the configuration says.
    pub fn new(source: impl Into<Source>) -> Result<Self, ModelError> {
        Ok(Self(match source.into() {
            Source::Package(package) => Kind::Package {
                heads: Box::new(HeadWeights::new(&package)?),
                encoder: Box::new(Encoder::new(package)?),
            },
            Source::Checkpoint(checkpoint) => {
                Kind::Checkpoint(Box::new(hugging_face::model(checkpoint)?))
            }
        }))
    }

    /// Reads windows. A window's reading depends on nothing but the window: neither on its neighbours in the
    /// batch nor on their order.
    ///
    /// # Errors
    /// [`ModelError::Window`] for a window that is too long or names tokens that do not exist,
    /// [`ModelError::Torch`] where libtorch refuses an operation.
    pub fn read(&mut self, windows: &[&Window]) -> Result<Vec<Reading>, ModelError> {
        let _no_gradients = tch::no_grad_guard();
        match &mut self.0 {
            Kind::Checkpoint(classifier) => classifier.read(windows),
            Kind::Package { heads, encoder } => {
                let states = encoder.encode(windows)?;
                let read = |(window, states)| heads.read(window, &states);
                windows.iter().copied().zip(states).map(read).collect()
            }
        }
    }
}
