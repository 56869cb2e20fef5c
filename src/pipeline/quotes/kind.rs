//! Whether a passage in quotation marks quotes somebody or names something.

use std::ops::Range;

use super::lexicon::{DEFINITE, INDEFINITE, Lexicon, TITLE};
use super::passages::is_mark;
use crate::pipeline::document::{EntityType, Mention};

/// Most words of a passage whose capitals can make a title of it.
const LONGEST_TITLE: usize = 6;
/// How far before a passage the word is searched that says what is named, in bytes.
const CONTEXT: usize = 48;

/// Votes of analysts and test marks, which stand in quotation marks without being anybody's words.
#[rustfmt::skip]
const VOTES: &[&str] = &[
    "kaufen", "halten", "verkaufen", "buy", "hold", "sell", "neutral", "stabil", "negativ",
    "positiv", "outperform", "underperform", "overweight", "underweight", "sehr gut", "gut",
    "befriedigend", "ausreichend", "mangelhaft", "ungenügend", "aufstocken", "reduzieren",
    "übergewichten", "untergewichten", "equal weight", "market perform", "comprar", "mantener",
    "vender", "acheter", "conserver", "vendre", "kupuj", "trzymaj", "sprzedaj",
];

/// Whether the passage, marks included, quotes somebody. `mentions` are those that begin near it.
pub(super) fn quotes_somebody(
    source: &str,
    passage: &Range<usize>,
    mentions: &[&Mention],
    lexicon: &Lexicon,
) -> bool {
    let Some(content) = content(source, passage) else {
        return false;
    };
    let words = source.get(content.clone()).unwrap_or("");
    if words.chars().filter(|c| c.is_alphabetic()).take(2).count() < 2 {
        return false;
    }
    let speech = words.ends_with(['.', '!', '?', ',', '…']) && words.contains(' ');
    !(names(source, passage, &content, mentions, lexicon)
        || is_vote(words)
        || is_joined(source, passage, words)
        || (!speech && follows_title_word(source, passage, words, lexicon)))
}

/// The passage without marks and the blanks inside them.
fn content(source: &str, passage: &Range<usize>) -> Option<Range<usize>> {
    let words = source.get(passage.clone())?;
    let inner = words.trim_matches(|c: char| is_mark(c) || c.is_whitespace());
    let start = passage.start
        + (words.len()
            - words
                .trim_start_matches(|c: char| is_mark(c) || c.is_whitespace())
                .len());
    Some(start..start + inner.len())
}

/// Whether a mention is the passage, or all of it but an article before it.
fn names(
    source: &str,
    passage: &Range<usize>,
    content: &Range<usize>,
    mentions: &[&Mention],
    lexicon: &Lexicon,
) -> bool {
    mentions.iter().any(|mention| {
        let span = mention.span.range();
        if span.start <= passage.start && passage.end <= span.end {
            return true;
        }
        let fits = span.end >= content.end && span.end <= passage.end;
        if fits && span.start <= content.start {
            return true;
        }
        let rest = source.get(content.start..span.start).unwrap_or("").trim();
        let work = matches!(
            mention.entity_type,
            EntityType::Miscellaneous | EntityType::Organization
        );
        fits && work
            && lexicon.class(rest) & (DEFINITE | INDEFINITE) != 0
            && rest.starts_with(char::is_uppercase)
    })
}

fn is_vote(words: &str) -> bool {
    words.len() <= 24 && VOTES.contains(&words.to_lowercase().as_str())
}

/// Whether a compound goes on behind the mark: „Neue Woche“-Redakteur.
fn is_joined(source: &str, passage: &Range<usize>, words: &str) -> bool {
    let mut rest = source.get(passage.end..).unwrap_or("").chars();
    rest.next() == Some('-')
        && rest.next().is_some_and(char::is_alphabetic)
        && words.split(' ').nth(3).is_none()
}

/// Whether the word right before the marks says that a work, an outlet or a label is named.
fn follows_title_word(
    source: &str,
    passage: &Range<usize>,
    words: &str,
    lexicon: &Lexicon,
) -> bool {
    let from = source.floor_char_boundary(passage.start.saturating_sub(CONTEXT));
    let before = source.get(from..passage.start).unwrap_or("").trim_end();
    if !before.ends_with(|c: char| c.is_alphanumeric() || c == '-') || before.contains('\n') {
        return false;
    }
    let word = before
        .rsplit(|c: char| !c.is_alphanumeric() && c != '-')
        .next()
        .unwrap_or("");
    let named = lexicon.class(word) & TITLE != 0
        || word
            .rsplit('-')
            .next()
            .is_some_and(|last| lexicon.class(last) & TITLE != 0);
    named && words.split_whitespace().take(LONGEST_TITLE + 1).count() <= LONGEST_TITLE
}
