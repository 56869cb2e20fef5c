//! A text as the words, names, passages and stops that attribution is read from.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use super::lexicon::{Class, Lexicon, SPEECH};
use super::passages::is_mark;
use crate::pipeline::document::Mention;
use crate::pipeline::text::Span;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word outside of mentions and passages.
    Word {
        /// What the lexicon knows of it.
        class: Class,
        /// Whether it begins with a capital.
        capital: bool,
    },
    /// A mention, by its index.
    Mention(usize),
    /// A passage in quotation marks, by its index.
    Passage(usize),
    /// A comma.
    Comma,
    /// A colon.
    Colon,
    /// A hyphen or another joint within a word.
    Joint,
    /// A dash between parts of a sentence.
    Dash,
    /// A parenthesis that opens.
    Opening,
    /// A parenthesis that closes.
    Closing,
    /// A semicolon, full stop, question or exclamation mark, or another sign.
    Stop,
}

/// One token, with the sentence and the line that it begins in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Index of the sentence that it ends in.
    pub(super) sentence: usize,
    /// Number of the line that it ends in.
    pub(super) line: usize,
    /// Sentence that it begins in; another than `sentence` only for a passage.
    pub(super) first_sentence: usize,
    /// Line that it begins in.
    pub(super) first_line: usize,
}

impl Token {
    pub(super) fn class(&self) -> Class {
        match self.kind {
            Kind::Word { class, .. } => class,
            _ => 0,
        }
    }

    pub(super) fn is(&self, class: Class) -> bool {
        self.class() & class != 0
    }

    pub(super) fn is_capital(&self) -> bool {
        matches!(self.kind, Kind::Word { capital: true, .. })
    }

    pub(super) fn is_word(&self) -> bool {
        matches!(self.kind, Kind::Word { .. })
    }
}

/// The tokens of a text.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) tokens: Vec<Token>,
    /// The token of each passage.
    pub(super) passages: Vec<usize>,
    /// The mentions inside of each passage.
    inside: Vec<Vec<usize>>,
    /// Whether each passage begins with a small letter.
    fragments: Vec<bool>,
    /// Numbers for the first and the last word of each mention's name.
    names: Vec<(u64, u64)>,
    /// How often each number of a last word occurs.
    counts: HashMap<u64, usize>,
}

impl Reading {
    /// A reading without tokens yet.
    fn new(source: &str, mentions: &[Mention], passages: &[Range<usize>]) -> Self {
        let part = |range: Range<usize>| source.get(range).unwrap_or("");
        let begins_small = |passage: &Range<usize>| {
            let mut letters = part(passage.clone())
                .chars()
                .filter(|c| c.is_alphanumeric());
            letters.next().is_some_and(char::is_lowercase)
        };
        let names: Vec<_> = mentions
            .iter()
            .map(|m| name_of(part(m.span.range())))
            .collect();
        let mut counts = HashMap::new();
        for name in &names {
            *counts.entry(name.1).or_default() += 1;
        }
        Self {
            tokens: Vec::new(),
            passages: Vec::with_capacity(passages.len()),
            inside: vec![Vec::new(); passages.len()],
            fragments: passages.iter().map(begins_small).collect(),
            names,
            counts,
        }
    }

    /// Whether two mentions end in the same word, as "Ada Lovelace" and "Lovelace" do.
    pub(super) fn same_name(&self, a: usize, b: usize) -> bool {
        self.names
            .get(a)
            .zip(self.names.get(b))
            .is_some_and(|(a, b)| a.1 == b.1)
    }

    /// Whether a mention's name, or its first word, occurs in a passage.
    pub(super) fn is_named_in(&self, mention: usize, passage: usize) -> bool {
        let Some(name) = self.names.get(mention) else {
            return false;
        };
        let inside = self.inside.get(passage).into_iter().flatten();
        inside
            .filter_map(|&i| self.names.get(i))
            .any(|other| other.1 == name.1 || other.0 == name.0)
    }

    /// Whether a mention's name occurs more than once.
    pub(super) fn is_repeated(&self, mention: usize) -> bool {
        let count = self
            .names
            .get(mention)
            .and_then(|name| self.counts.get(&name.1));
        count.is_some_and(|&count| count > 1)
    }

    /// Whether a passage begins with a small letter.
    pub(super) fn is_fragment(&self, passage: usize) -> bool {
        self.fragments.get(passage).copied().unwrap_or(false)
    }
}

/// Reads a text in one pass. Mentions and passages are in order; mentions inside a passage are part
/// of it.
pub(super) fn read(
    source: &str,
    sentences: &[Span],
    mentions: &[Mention],
    passages: &[Range<usize>],
    lexicon: &Lexicon,
) -> Reading {
    let mut order: Vec<usize> = (0..mentions.len()).collect();
    order.sort_by_key(|&i| mentions.get(i).map(|m| m.span));
    let mut reader = Reader {
        place: Place {
            source,
            sentences,
            at: 0,
            sentence: 0,
            line: 0,
        },
        lexicon,
    };
    let mut reading = Reading::new(source, mentions, passages);
    let mut named = order.into_iter().peekable();
    let mut quoted = passages.iter().enumerate().peekable();
    let mut at = 0;
    loop {
        let name = named
            .peek()
            .and_then(|&i| mentions.get(i))
            .map(|m| m.span.range());
        let passage = quoted.peek().map(|(_, p)| (*p).clone());
        let next = match (&name, &passage) {
            (Some(n), Some(p)) if n.start < p.start => n.clone(),
            (_, Some(p)) => p.clone(),
            (Some(n), None) => n.clone(),
            (None, None) => break,
        };
        let kind = if passage.as_ref() == Some(&next) {
            quoted.next().map(|(i, _)| Kind::Passage(i))
        } else {
            named.next().map(Kind::Mention)
        };
        // A mention inside of the passage before it.
        if next.start < at {
            if let Some(Kind::Mention(mention)) = kind
                && let Some(inside) = reading
                    .passages
                    .len()
                    .checked_sub(1)
                    .and_then(|i| reading.inside.get_mut(i))
            {
                inside.push(mention);
            }
            if matches!(kind, Some(Kind::Passage(_))) {
                reading
                    .passages
                    .push(reading.tokens.len().saturating_sub(1));
            }
            continue;
        }
        reader.words(at..next.start, &mut reading.tokens);
        if let Some(kind) = kind {
            if matches!(kind, Kind::Passage(_)) {
                reading.passages.push(reading.tokens.len());
            }
            let token = reader.token(kind, next.clone());
            reading.tokens.push(token);
        }
        at = next.end;
    }
    reader.words(at..source.len(), &mut reading.tokens);
    find_verbs_behind(&mut reading, source, passages);
    reading
}

fn name_of(mention: &str) -> (u64, u64) {
    let first = mention.split(char::is_whitespace).next().unwrap_or(mention);
    let last = mention
        .rsplit(char::is_whitespace)
        .next()
        .unwrap_or(mention);
    (number_of(first), number_of(last))
}

fn number_of(word: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    word.hash(&mut hasher);
    hasher.finish()
}

/// Takes the small word that follows a closed passage for a verb of speech, known or not: „…“,
/// brummte sie.
fn find_verbs_behind(reading: &mut Reading, source: &str, passages: &[Range<usize>]) {
    for (&at, passage) in reading.passages.iter().zip(passages) {
        let words = source.get(passage.clone()).unwrap_or("");
        let closed = words
            .trim_end_matches(is_mark)
            .trim_end()
            .ends_with([',', '.', '!', '?', '…']);
        let stop = reading
            .tokens
            .get(at + 1)
            .is_some_and(|t| matches!(t.kind, Kind::Comma | Kind::Dash));
        if !closed && !stop {
            continue;
        }
        let Some(token) = reading.tokens.get_mut(at + 1 + usize::from(stop)) else {
            continue;
        };
        if let Kind::Word {
            class,
            capital: false,
        } = &mut token.kind
            && *class == 0
        {
            *class = SPEECH;
        }
    }
}

struct Reader<'a> {
    place: Place<'a>,
    lexicon: &'a Lexicon,
}

impl Reader<'_> {
    fn token(&mut self, kind: Kind, range: Range<usize>) -> Token {
        let (first_sentence, first_line) = self.place.of(range.start);
        let (sentence, line) = self.place.of(range.end.saturating_sub(1).max(range.start));
        Token {
            kind,
            sentence,
            line,
            first_sentence,
            first_line,
        }
    }

    fn words(&mut self, range: Range<usize>, tokens: &mut Vec<Token>) {
        let source = self.place.source.get(range.clone()).unwrap_or("");
        let mut word: Option<usize> = None;
        let mut before = ' ';
        let mut chars = source.char_indices().peekable();
        while let Some((i, c)) = chars.next() {
            if c.is_alphanumeric() || (word.is_some() && is_mark_of_letter(c)) {
                word.get_or_insert(i);
            } else {
                if let Some(start) = word.take() {
                    tokens.push(self.word(source, start..i, range.start));
                }
                let after = chars.peek().map_or(' ', |&(_, c)| c);
                if let Some(kind) = sign(before, c, after) {
                    tokens.push(self.token(kind, range.start + i..range.start + i + c.len_utf8()));
                }
            }
            before = c;
        }
        if let Some(start) = word {
            tokens.push(self.word(source, start..source.len(), range.start));
        }
    }

    fn word(&mut self, source: &str, range: Range<usize>, offset: usize) -> Token {
        let word = source.get(range.clone()).unwrap_or("");
        let kind = Kind::Word {
            class: self.lexicon.class(word),
            capital: word.starts_with(char::is_uppercase),
        };
        self.token(kind, offset + range.start..offset + range.end)
    }
}

fn is_mark_of_letter(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{ad}')
}

fn sign(before: char, c: char, after: char) -> Option<Kind> {
    Some(match c {
        ',' => Kind::Comma,
        ':' => Kind::Colon,
        '-' | '‑' | '/' if !after.is_whitespace() || !before.is_whitespace() => Kind::Joint,
        '-' | '–' | '—' | '―' => Kind::Dash,
        '(' | '[' => Kind::Opening,
        ')' | ']' => Kind::Closing,
        ';' | '.' | '?' | '!' | '…' => Kind::Stop,
        _ => return None,
    })
}

/// Finds sentence and line of ascending positions in one pass.
struct Place<'a> {
    source: &'a str,
    sentences: &'a [Span],
    at: usize,
    sentence: usize,
    line: usize,
}

impl Place<'_> {
    fn of(&mut self, position: usize) -> (usize, usize) {
        if position > self.at {
            let passed = self.source.as_bytes().get(self.at..position).unwrap_or(&[]);
            self.line += passed.iter().filter(|&&b| b == b'\n').count();
            self.at = position;
        }
        while self
            .sentences
            .get(self.sentence + 1)
            .is_some_and(|s| s.start() <= position)
        {
            self.sentence += 1;
        }
        (self.sentence, self.line)
    }
}
