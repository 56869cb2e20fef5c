//! What can go wrong with a model package and with a window.

use std::path::PathBuf;

/// Why a package cannot be opened or a window cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// There is no package where one was looked for.
    #[error("no model package {name:?}; looked in {}", looked_in.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", "))]
    NotFound {
        /// The name or path as given.
        name: String,
        /// The directories that were tried.
        looked_in: Vec<PathBuf>,
    },
    /// A file of the package cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// `config.json` is not what it should be.
    #[error("{}: {message}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column where known.
        message: String,
    },
    /// `tokenizer.json` cannot be loaded, or a text cannot be tokenised.
    #[error("tokenizer: {0}")]
    Tokenizer(String),
    /// A tensor is missing, or has another type or shape than expected.
    #[error("tensor {name}: {message}")]
    Tensor {
        /// The tensor's name.
        name: String,
        /// What is wrong with it.
        message: String,
    },
    /// The labels of a model mean nothing known, or the settings name others.
    #[error("labels: {0}")]
    Labels(String),
    /// A setting of a model does not fit the model.
    #[error("{setting}: {problem}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// Files of a model from Hugging Face are missing, or are none that can be read here.
    #[error("{}: {}", place.display(), problems.join("; "))]
    Files {
        /// The directory.
        place: PathBuf,
        /// What is missing, each with how to get it.
        problems: Vec<String>,
    },
    /// A model cannot be fetched from its hub.
    #[error("{url}: {problem}")]
    Hub {
        /// What was asked for.
        url: String,
        /// What went wrong.
        problem: String,
    },
    /// The package has a shape that the number format asked for cannot have.
    #[error("precision: {0}")]
    Precision(String),
    /// A window that this model cannot read.
    #[error("window: {0}")]
    Window(String),
    /// libtorch refused an operation.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
    /// rust-bert refused an operation.
    #[error("encoder: {0}")]
    Encoder(#[from] rust_bert::RustBertError),
}
