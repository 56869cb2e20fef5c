//! Passages in quotation marks, and dialogue introduced by dashes, whatever they are there for.

use std::ops::Range;

use super::lexicon::{Lexicon, SPEECH};

/// Longest passage in bytes; a mark that is not closed by then is a stray.
const LONGEST: usize = 3_000;
/// Line breaks that one passage may hold.
const MOST_LINES: usize = 4;
/// Marks that are looked at for the closing of one.
const MOST_MARKS: usize = 48;
/// Longest part of a line that is searched for the words between two dashes.
const LONGEST_TURN: usize = 2_000;

/// A quotation mark with what stands around it.
#[derive(Debug, Clone, Copy)]
struct Mark {
    at: usize,
    mark: char,
    line: usize,
    /// Whether it can open a passage.
    opens: bool,
    /// Whether it begins a line.
    begins_line: bool,
    /// Whether anything but a blank stands before it.
    ends_text: bool,
    /// Whether no letter or digit stands behind it.
    ends_word: bool,
    /// Whether it may as well be the apostrophe of a genitive ("the growers’ union").
    may_be_genitive: bool,
}

impl Mark {
    fn new(source: &str, at: usize, mark: char, before: Option<char>, line: usize) -> Self {
        let mut rest = source.get(at + mark.len_utf8()..).unwrap_or("").chars();
        let after = rest.next();
        let word_follows = after == Some(' ') && rest.next().is_some_and(char::is_lowercase);
        Self {
            at,
            mark,
            line,
            opens: opens(mark, before, after),
            begins_line: before == Some('\n'),
            ends_text: before.is_some_and(|c| !c.is_whitespace()),
            ends_word: after.is_none_or(|c| !c.is_alphanumeric()),
            may_be_genitive: matches!(mark, '’' | '\'') && before == Some('s') && word_follows,
        }
    }

    fn end(self) -> usize {
        self.at + self.mark.len_utf8()
    }

    /// Whether it can close a passage that `opening` has opened.
    fn closes(self, opening: char) -> bool {
        let fits = match opening {
            '„' => matches!(self.mark, '“' | '”' | '"'),
            '“' => matches!(self.mark, '”' | '“' | '"'),
            '”' => self.mark == '”',
            '"' => matches!(self.mark, '"' | '”'),
            '«' => self.mark == '»',
            '»' => self.mark == '«',
            '‚' => matches!(self.mark, '‘' | '’' | '\''),
            '‘' => matches!(self.mark, '’' | '\''),
            '’' => self.mark == '’',
            '\'' => self.mark == '\'',
            '‹' => self.mark == '›',
            '›' => self.mark == '‹',
            _ => false,
        };
        fits && match self.mark {
            '»' => true,
            '"' | '\'' | '’' | '‘' => self.ends_text && self.ends_word,
            // The mark that closes in German opens in English.
            '“' if opening == '“' => self.ends_text && self.ends_word,
            _ => self.ends_text,
        }
    }
}

/// Whether a mark between two characters can open a passage.
fn opens(mark: char, before: Option<char>, after: Option<char>) -> bool {
    let outside = before.is_none_or(|c| !joins(c) && !closes_word(c));
    let text_follows = after.is_some_and(|c| !c.is_whitespace());
    match mark {
        '„' => after.is_some(),
        // French sets a blank inside of its marks.
        '«' => outside && after.is_some(),
        '»' | '"' | '“' | '”' | '‹' | '›' | '‚' => outside && text_follows,
        '‘' | '’' | '\'' => outside && after.is_some_and(|c| c.is_alphabetic() || c == '…'),
        _ => false,
    }
}

fn joins(c: char) -> bool {
    c.is_alphanumeric()
}

fn closes_word(c: char) -> bool {
    matches!(
        c,
        '.' | ',' | '!' | '?' | ';' | '%' | ')' | '…' | '\u{301}' | '\u{308}'
    )
}

/// The outermost passages in quotation marks, marks included, in order. Linear in the text's
/// length.
pub(super) fn in_marks(source: &str) -> Vec<Range<usize>> {
    let marks = marks(source);
    let mut passages = Vec::new();
    let mut next = 0;
    while let Some(&opening) = marks.get(next) {
        match closing(source, &marks, next) {
            Some(last) => {
                passages.push(opening.at..marks.get(last).map_or(opening.end(), |m| m.end()));
                next = last + 1;
            }
            None => next += 1,
        }
    }
    passages
}

fn marks(source: &str) -> Vec<Mark> {
    let mut marks = Vec::new();
    let mut before = None;
    let mut line = 0;
    for (at, c) in source.char_indices() {
        line += usize::from(c == '\n');
        if is_mark(c) {
            marks.push(Mark::new(source, at, c, before, line));
        }
        before = Some(c);
    }
    marks
}

/// Whether a character is a quotation mark of one of the languages, or an apostrophe.
pub(super) fn is_mark(c: char) -> bool {
    matches!(
        c,
        '„' | '“' | '”' | '"' | '«' | '»' | '‚' | '‘' | '’' | '\'' | '‹' | '›'
    )
}

/// The index of the mark that closes the passage that mark `first` opens, if it opens one.
fn closing(source: &str, marks: &[Mark], first: usize) -> Option<usize> {
    let opening = *marks.get(first)?;
    let single = matches!(opening.mark, '‘' | '’' | '\'');
    if !opening.opens || (single && is_elision(source, opening)) {
        return None;
    }
    let mut depth = 0usize;
    let mut genitive = None;
    for (index, mark) in marks.iter().enumerate().skip(first + 1).take(MOST_MARKS) {
        let lines = mark.line - opening.line;
        if mark.end() - opening.at > LONGEST || lines > MOST_LINES || (single && lines > 0) {
            break;
        }
        let closes = mark.closes(opening.mark) && (mark.mark != opening.mark || !mark.opens);
        if closes {
            if depth > 0 {
                depth -= 1;
            } else if single && mark.may_be_genitive {
                genitive = genitive.or(Some(index));
            } else {
                return Some(index);
            }
        } else if mark.mark == opening.mark && mark.opens {
            if single && genitive.is_some() {
                break;
            }
            // A speech of several paragraphs opens each of them and closes the last.
            depth += usize::from(!mark.begins_line);
        }
    }
    genitive
}

/// Whether a single mark stands for left-out letters: ’s avonds, ’t, rock ’n’ roll.
fn is_elision(source: &str, mark: Mark) -> bool {
    let rest = source.get(mark.end()..).unwrap_or("");
    let letters = rest
        .chars()
        .take(4)
        .take_while(|c| c.is_alphanumeric())
        .count();
    letters < 2 && !rest.starts_with(['I', 'A', 'O', 'a', '…'])
}

/// Turns of dialogue that a dash opens at the start of a line and words of speech between dashes
/// attribute: "—Ya veremos —dijo Marta—. No hay prisa." has two. Linear in the text's length.
pub(super) fn in_dashes(source: &str, lexicon: &Lexicon) -> Vec<Range<usize>> {
    let mut turns = Vec::new();
    let mut at = 0;
    for line in source.split_inclusive('\n') {
        turns_of_line(line, at, lexicon, &mut turns);
        at += line.len();
    }
    turns
}

fn turns_of_line(line: &str, at: usize, lexicon: &Lexicon, turns: &mut Vec<Range<usize>>) {
    let line = line
        .get(..line.floor_char_boundary(LONGEST_TURN))
        .unwrap_or(line)
        .trim_end();
    let indent = line.len() - line.trim_start().len();
    if !line.trim_start().starts_with(['—', '–']) {
        return;
    }
    let dashes: Vec<usize> = line
        .char_indices()
        .filter(|&(i, c)| matches!(c, '—' | '–') && stands_free(line, i, c))
        .map(|(i, _)| i)
        .chain([line.len()])
        .collect();
    let parts: Vec<&str> = dashes
        .windows(2)
        .filter_map(|w| line.get(*w.first()?..*w.last()?))
        .collect();
    let said: Vec<bool> = parts
        .iter()
        .map(|part| opens_with_speech(part, lexicon))
        .collect();
    if !said.iter().skip(1).any(|&s| s) {
        return;
    }
    let mut start = at + indent;
    for (part, said) in parts.iter().zip(said) {
        let words = part.trim_end();
        if !said && words.chars().any(char::is_alphabetic) {
            turns.push(start..start + words.len());
        }
        start += part.len();
    }
}

fn stands_free(line: &str, at: usize, dash: char) -> bool {
    let before = line.get(..at).and_then(|s| s.chars().next_back());
    let after = line
        .get(at + dash.len_utf8()..)
        .and_then(|s| s.chars().next());
    !(before.is_some_and(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric))
}

fn opens_with_speech(part: &str, lexicon: &Lexicon) -> bool {
    part.trim_start_matches(['—', '–', ' ', '\u{a0}'])
        .split(|c: char| !c.is_alphabetic())
        .take(2)
        .any(|word| lexicon.class(word) & SPEECH != 0 && word.starts_with(char::is_lowercase))
}
