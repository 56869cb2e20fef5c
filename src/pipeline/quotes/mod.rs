//! Quotations with their speakers, by rule.
//!
//! A passage in quotation marks is a quotation unless it names a work, an outlet or the like. Who
//! speaks is decided by the cues in the words around it: verbs of speech, word order, pronouns, the
//! speaker before.

mod cues;
mod kind;
mod lexicon;
mod passages;
mod phrase;
mod reading;
mod rules;
mod scene;
mod speaker;

use std::ops::Range;

use self::lexicon::Lexicon;
use super::document::{Mention, Quote};
use super::text::{Span, Text};

/// Longest stretch in bytes before a passage in which a mention that covers it is looked for.
const LONGEST_NAME: usize = 200;

/// Languages that introduce dialogue by dashes.
const DIALOGUE_IN_DASHES: &[&str] = &["es", "fr", "pl", "pt"];

/// Finds the passages of a text in which somebody is quoted, and who speaks. The quotes come in the
/// order of the text and do not overlap; of nested marks the outermost count. `sentences` and
/// `mentions` are those of the text, in order; `language` is a BCP 47 tag. Linear in the text's
/// length.
pub fn quotes(text: &Text, sentences: &[Span], mentions: &[Mention], language: &str) -> Vec<Quote> {
    let source = text.as_str();
    let lexicon = Lexicon::for_language(language);
    let passages = passages_of_speech(source, mentions, lexicon, language);
    let reading = reading::read(source, sentences, mentions, &passages, lexicon);
    let speakers = speaker::speakers(&reading, mentions);
    passages
        .into_iter()
        .zip(speakers)
        .filter_map(|(passage, speaker)| {
            Some(Quote {
                span: text.span(passage)?,
                speaker,
            })
        })
        .collect()
}

fn passages_of_speech(
    source: &str,
    mentions: &[Mention],
    lexicon: &Lexicon,
    language: &str,
) -> Vec<Range<usize>> {
    let mut first = 0;
    let mut found: Vec<Range<usize>> = passages::in_marks(source)
        .into_iter()
        .filter(|passage| {
            let from = passage.start.saturating_sub(LONGEST_NAME);
            while mentions.get(first).is_some_and(|m| m.span.start() < from) {
                first += 1;
            }
            let near: Vec<&Mention> = mentions
                .get(first..)
                .unwrap_or(&[])
                .iter()
                .take_while(|m| m.span.start() < passage.end)
                .filter(|m| m.span.end() > passage.start)
                .collect();
            kind::quotes_somebody(source, passage, &near, lexicon)
        })
        .collect();
    if DIALOGUE_IN_DASHES.contains(&lexicon::primary(language).as_str()) {
        add_dialogue(&mut found, passages::in_dashes(source, lexicon));
    }
    found
}

/// Adds the turns of dialogue that hold no passage in marks.
fn add_dialogue(found: &mut Vec<Range<usize>>, turns: Vec<Range<usize>>) {
    let mut marked = found.clone().into_iter().peekable();
    let mut free = Vec::new();
    for turn in turns {
        while marked.next_if(|m| m.end <= turn.start).is_some() {}
        if marked.peek().is_none_or(|m| m.start >= turn.end) {
            free.push(turn);
        }
    }
    found.extend(free);
    found.sort_by_key(|range| range.start);
}

#[cfg(test)]
mod probe;
#[cfg(test)]
mod tests;
