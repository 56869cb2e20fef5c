//! What a model package says of itself.

use serde::Deserialize;

/// Name, licence, languages, labels and measured quality of a model package.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// Name of the package.
    pub name: String,
    /// Version of the package.
    pub version: String,
    /// SHA-256 over the package's files and the number format that they are read in, in hexadecimal.
    pub fingerprint: String,
    /// Licence as an SPDX expression.
    pub license: String,
    /// Languages as BCP 47 primary tags, the best first.
    pub languages: Vec<String>,
    /// Head name and its labels: "ner", "polarity", "holder", "tone".
    pub labels: Vec<(String, Vec<String>)>,
    /// Measured quality.
    pub figures: Vec<Figure>,
}

/// A measured figure of quality.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Figure {
    /// The task: "ner", "polarity", "holder" or "tone".
    pub task: String,
    /// The data it was measured on.
    pub split: String,
    /// The metric: "f1", "macro_f1" or "accuracy".
    pub metric: String,
    /// The value in percent.
    pub value: f32,
    /// The number of texts measured.
    pub count: u32,
}
