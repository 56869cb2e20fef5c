//! What is sent: news in eight languages, and pieces of it.

use std::{fs, path::Path};

use super::Failure;

const LANGUAGES: [&str; 8] = ["de", "en", "fr", "es", "it", "nl", "pl", "pt"];

/// One sentence, as somebody sends who waits for the answer.
pub const SENTENCE: &str =
    "Die Reederei Ostwind aus Kiel hat Jana Roth gegen den Willen von Ömer Falk berufen.";

/// Short sentences.
pub const SHORT: [&str; 4] = [
    "Jana Roth lobt die Reederei Ostwind.",
    "Ömer Falk kritisiert den Vorstand aus Kiel.",
    "The harbour board trusts Jana Roth.",
    "Le port de Brume refuse le plan de Falk.",
];

/// Bytes of a report: somewhat more than what goes through the express lane.
const REPORT_BYTES: usize = 1100;

/// The example articles.
pub fn articles() -> Result<Vec<String>, Failure> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut articles = Vec::new();
    for language in LANGUAGES {
        let path = folder.join(format!("article-{language}.txt"));
        articles.push(fs::read_to_string(path)?);
    }
    Ok(articles)
}

/// A report of some sentences: the beginning of the German article, cut at a word.
pub fn report() -> Result<String, Failure> {
    let articles = articles()?;
    let article = articles.first().ok_or("no article")?;
    let end = article.floor_char_boundary(REPORT_BYTES.min(article.len()));
    let (text, _) = article[..end].rsplit_once(' ').ok_or("no word")?;
    Ok(text.to_owned())
}

/// A text of so many equal sentences in one line: one window.
pub fn line(sentences: usize) -> String {
    vec![SENTENCE; sentences].join(" ")
}
