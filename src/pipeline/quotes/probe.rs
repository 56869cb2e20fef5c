//! Writes down what `training/quotes.py` fits the rules to: the cues of every candidate of a gold
//! file.
//!
//! `QUOTES_GOLD` names the gold file (JSON lines as in `docs/evaluation.md`), `QUOTES_ROWS` the file
//! that is written. Its first line names the cues in the order of their bits:
//!
//! ```json
//! {"cues": ["BIAS", "PERSON", "ORGANIZATION"]}
//! ```
//!
//! Each further line is a row: a gold passage, and the candidates in the order in which they are
//! weighed.
//!
//! ```json
//! {"text": "Ada Berg was content. \"Good.\"", "candidates": [
//!   {"speaks": false, "place": "Nowhere", "cues": ["BIAS", "NO_PERSON"]},
//!   {"speaks": true, "place": "Before", "cues": ["BIAS", "PERSON"]}]}
//! ```
//!
//! `text` is the whole text, `place` one of `Place`, and `speaks` tells whether the candidate is the
//! gold speaker, who may be missing among the candidates. Mentions, passages and the speaker of the
//! passage before are those of the gold file, sentences those of the service.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::ops::Range;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::cues::{Cues, NAMES};
use super::lexicon::Lexicon;
use super::speaker::{Candidate, candidates};
use super::{phrase, reading};
use crate::evaluation::{GoldReader, GoldText, GoldType, Lines};
use crate::pipeline::document::{Holder, Mention};
use crate::pipeline::sentences::sentences;

#[test]
#[ignore = "writes the rows of a refit: see training/quotes.py"]
fn writes_the_cues_of_every_candidate() {
    let gold = GoldReader::open(&path_in("QUOTES_GOLD"), Lines::ALL).unwrap();
    let mut file = BufWriter::new(File::create(path_in("QUOTES_ROWS")).unwrap());
    writeln!(file, "{}", json!({ "cues": NAMES })).unwrap();
    for text in gold {
        for row in rows(&text.unwrap()) {
            writeln!(file, "{row}").unwrap();
        }
    }
    file.flush().unwrap();
}

/// The path in an environment variable.
fn path_in(variable: &str) -> PathBuf {
    match std::env::var_os(variable) {
        Some(path) => path.into(),
        None => panic!("{variable} names no file"),
    }
}

/// The rows of a text, one for each passage that no other holds.
fn rows(gold: &GoldText) -> Vec<Value> {
    let (mentions, indices) = entities(gold);
    let (passages, speakers) = outermost(gold, &indices);
    let lexicon = Lexicon::for_language(&gold.language);
    let sentences = sentences(&gold.text, &gold.language);
    let reading = reading::read(
        gold.text.as_str(),
        &sentences,
        &mentions,
        &passages,
        lexicon,
    );
    let own = phrase::cues(&reading, &mentions);
    let before = std::iter::once(None).chain(speakers.iter().copied().map(Some));
    let passages = reading.passages.iter().zip(&speakers).zip(before);
    passages
        .map(|((&token, &speaker), last)| {
            let candidates = candidates(&reading, &mentions, &own, token, last);
            let candidates: Vec<Value> = candidates.iter().map(|c| described(c, speaker)).collect();
            json!({ "text": gold.text.as_str(), "candidates": candidates })
        })
        .collect()
}

/// The gold mentions that name an entity, and for each gold mention its index among them: topics
/// and mentions without a type are none that the service finds.
fn entities(gold: &GoldText) -> (Vec<Mention>, Vec<Option<usize>>) {
    let mut mentions = Vec::new();
    let mut indices = Vec::new();
    for mention in &gold.mentions {
        let Some(GoldType::Entity(entity_type)) = mention.entity_type else {
            indices.push(None);
            continue;
        };
        indices.push(Some(mentions.len()));
        mentions.push(Mention {
            span: mention.span,
            entity_type,
            probability: 1.0,
            entity: None,
            stance: None,
        });
    }
    (mentions, indices)
}

/// The gold passages that no other holds, with their speakers.
fn outermost(gold: &GoldText, indices: &[Option<usize>]) -> (Vec<Range<usize>>, Vec<Holder>) {
    let quotes = gold.quotes.iter();
    let outermost = quotes.clone().filter(|quote| {
        let mut others = quotes.clone().filter(|other| other.span != quote.span);
        !others.any(|other| other.span.contains(quote.span))
    });
    let speaker = |holder| match holder {
        Holder::Mention(index) => indices[index].map_or(Holder::Unnamed, Holder::Mention),
        other => other,
    };
    outermost
        .map(|quote| (quote.span.range(), speaker(quote.speaker)))
        .unzip()
}

/// A candidate as a row has it.
fn described(candidate: &Candidate, speaker: Holder) -> Value {
    json!({
        "speaks": candidate.holder == speaker,
        "place": format!("{:?}", candidate.place),
        "cues": names(candidate.cues),
    })
}

/// The names of the cues in a set.
fn names(cues: Cues) -> Vec<&'static str> {
    let bits = NAMES.iter().enumerate();
    bits.filter(|(bit, _)| cues >> bit & 1 == 1)
        .map(|(_, name)| *name)
        .collect()
}
