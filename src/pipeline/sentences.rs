//! Lines and sentences.
//!
//! One scan looks at every mark that can end a sentence (`.`, `!`, `?`, `…` and their like) and
//! decides by what stands before and behind it: abbreviations, initials and ordinals do not end
//! one, and neither does a mark that is followed by a small letter or a comma, as in a quotation
//! with its attribution. Where a mark can be either, a word that sentences begin with ("Die",
//! "The") decides. A line break always ends a sentence.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;

use super::text::{Span, Text};

/// Characters that are looked at on either side of a mark; what is longer is no abbreviation and no
/// word.
const REACH: usize = 32;

/// The non-empty lines of a text, without the blanks around them, in order.
///
/// Lines end at `\n`, `\r\n`, `\r`, vertical tab, form feed, NEL, U+2028 and U+2029.
pub fn lines(text: &Text) -> Vec<Span> {
    let mut lines = Vec::new();
    let mut start = 0;
    for (at, c) in text
        .as_str()
        .char_indices()
        .filter(|&(_, c)| is_line_break(c))
    {
        push_trimmed(text, start, at, &mut lines);
        start = at + c.len_utf8();
    }
    push_trimmed(text, start, text.len(), &mut lines);
    lines
}

/// The sentences of a text, without the blanks around them, in order.
///
/// None crosses a line break, none overlaps another, and every character that is not blank is in
/// one. `language` is a primary BCP 47 subtag; for a language without rules of its own ("und" too)
/// the rules of all are joined.
pub fn sentences(text: &Text, language: &str) -> Vec<Span> {
    let rules = RULES.get(language).unwrap_or(&*JOINED_RULES);
    let mut sentences = Vec::new();
    for line in lines(text) {
        let mut start = line.start();
        for end in ends(&Line::new(text.slice(line), rules)) {
            push_trimmed(text, start, line.start() + end, &mut sentences);
            start = line.start() + end;
        }
        push_trimmed(text, start, line.end(), &mut sentences);
    }
    sentences
}

fn push_trimmed(text: &Text, start: usize, end: usize, spans: &mut Vec<Span>) {
    let span = text.trim(text.span_around(start..end));
    if !span.is_empty() {
        spans.push(span);
    }
}

pub(super) fn is_line_break(c: char) -> bool {
    matches!(
        c,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// A line with random access to its characters.
struct Line<'a> {
    chars: Vec<(u32, char)>,
    rules: &'a Rules,
    /// Without any capital a small letter says nothing about the start of a sentence.
    has_capitals: bool,
}

/// A mark, or a run of marks, that may end a sentence, with the closing quotes and brackets behind
/// it.
#[derive(Debug, Clone, Copy)]
struct Stop {
    /// Index of the first mark.
    first: usize,
    /// Index behind the last mark or closing sign.
    behind: usize,
    kind: StopKind,
    /// Whether a quote is closed behind the mark.
    closes_quote: bool,
    /// Whether a bracket is closed behind the mark that was opened within the sentence.
    closes_aside: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StopKind {
    /// One `.`, which may belong to an abbreviation or a number.
    Period,
    /// `…` or `...`.
    Ellipsis,
    /// `!`, `?`, or several marks.
    Strong,
    /// A full stop of a script that writes no blank behind it.
    Ideographic,
}

/// What stands behind a stop and the blanks after it.
struct Follower {
    /// The first character that is neither an opening sign nor a dash.
    first: char,
    /// The word that it begins, in small letters; empty where it begins none.
    word: String,
    /// Whether the word is itself followed by a full stop.
    dotted: bool,
    /// Index of `first`.
    at: usize,
}

/// The byte offsets at which sentences of the line end, ascending, without the end of the line.
fn ends(line: &Line<'_>) -> Vec<usize> {
    let mut ends = Vec::new();
    let (mut start, mut i, mut has_word, mut aside) = (0, 0, false, false);
    while let Some(c) = line.at(i) {
        if !is_terminator(c) {
            has_word |= c.is_alphanumeric();
            if c == '(' {
                aside = has_word;
            }
            i += 1;
            continue;
        }
        let mut stop = line.stop(i);
        stop.closes_aside = aside && line.before(stop.behind) == Some(')');
        if has_word && line.ends_sentence(start, stop) {
            ends.push(line.byte(stop.behind));
            start = stop.behind;
            has_word = false;
        }
        i = stop.behind;
    }
    ends
}

impl<'a> Line<'a> {
    fn new(line: &str, rules: &'a Rules) -> Self {
        Self {
            chars: line.char_indices().map(|(at, c)| (at as u32, c)).collect(),
            rules,
            has_capitals: line.chars().any(char::is_uppercase),
        }
    }

    fn at(&self, i: usize) -> Option<char> {
        self.chars.get(i).map(|&(_, c)| c)
    }

    fn before(&self, i: usize) -> Option<char> {
        self.at(i.checked_sub(1)?)
    }

    fn byte(&self, i: usize) -> usize {
        match self.chars.get(i).or(self.chars.last()) {
            Some(&(at, _)) if i < self.chars.len() => at as usize,
            Some(&(at, c)) => at as usize + c.len_utf8(),
            None => 0,
        }
    }

    /// Index of the first character from `i` on that is not blank.
    fn skip_blanks(&self, mut i: usize) -> usize {
        while self.at(i).is_some_and(char::is_whitespace) {
            i += 1;
        }
        i
    }

    /// Reads the run of marks and closing signs that begins at `first`.
    fn stop(&self, first: usize) -> Stop {
        let (mut i, mut marks, mut dots, mut ellipsis) = (first, 0, 0, false);
        let (mut ideographic, mut closes_quote) = (false, false);
        loop {
            match self.at(i) {
                Some(c) if is_terminator(c) => {
                    marks += 1;
                    dots += usize::from(c == '.');
                    ellipsis |= c == '…';
                    ideographic |= is_ideographic(c);
                    i += 1;
                }
                Some(c) if is_closing(c) => {
                    closes_quote |= !is_bracket(c);
                    i += 1;
                }
                Some('[') => match self.footnote(i) {
                    Some(behind) => i = behind,
                    None => break,
                },
                Some(c) if c.is_whitespace() => match self.spaced_quote(i) {
                    Some(behind) => {
                        closes_quote = true;
                        i = behind;
                    }
                    None => break,
                },
                _ => break,
            }
        }
        let kind = match (marks, dots) {
            _ if ideographic => StopKind::Ideographic,
            (1, 1) => StopKind::Period,
            (3.., _) if dots == marks => StopKind::Ellipsis,
            _ if ellipsis && dots + 1 >= marks => StopKind::Ellipsis,
            _ => StopKind::Strong,
        };
        Stop {
            first,
            behind: i,
            kind,
            closes_quote,
            closes_aside: false,
        }
    }

    /// The index behind a reference such as `[12]` that begins at `i`.
    fn footnote(&self, i: usize) -> Option<usize> {
        let digits = (i + 1..i + 5)
            .take_while(|&j| self.at(j).is_some_and(|c| c.is_ascii_digit()))
            .count();
        (digits > 0 && self.at(i + 1 + digits) == Some(']')).then_some(i + digits + 2)
    }

    /// The index behind a closing quote that is set off by one blank, as in French.
    fn spaced_quote(&self, i: usize) -> Option<usize> {
        let closes = matches!(self.at(i + 1), Some('»' | '›' | '”' | '"' | '“'));
        let behind = self.at(i + 2);
        let set_off = behind.is_none_or(|c| c.is_whitespace() || is_continuing(c) || c == '.');
        (closes && set_off).then_some(i + 2)
    }

    fn ends_sentence(&self, start: usize, stop: Stop) -> bool {
        if self.is_bracketed_mark(stop) {
            return false;
        }
        if stop.kind == StopKind::Ideographic {
            return true;
        }
        let Some(follower) = self.follower(stop.behind) else {
            return true;
        };
        if self.at(stop.behind).is_some_and(char::is_whitespace) {
            self.can_start(stop, &follower) && self.ends_before(start, stop, &follower)
        } else {
            self.ends_without_blank(stop, &follower)
        }
    }

    /// `(!)`, `[…]` and `(sic!)` comment on a sentence; they do not end it.
    fn is_bracketed_mark(&self, stop: Stop) -> bool {
        self.before(stop.first)
            .is_some_and(|c| matches!(c, '(' | '['))
            && self
                .before(stop.behind)
                .is_some_and(|c| matches!(c, ')' | ']'))
    }

    /// What stands behind `i`; `None` where nothing does.
    fn follower(&self, i: usize) -> Option<Follower> {
        let mut at = self.skip_blanks(i);
        self.at(at)?;
        at = self.skip_openings(at);
        let first = self.at(at).unwrap_or(' ');
        let letters = (at..at + REACH).take_while(|&j| self.at(j).is_some_and(is_letter));
        let behind = at + letters.count();
        Some(Follower {
            first,
            word: self.key(at, behind).to_lowercase(),
            dotted: self.at(behind) == Some('.'),
            at,
        })
    }

    /// The characters from `from` to `to`, composed and without soft hyphens.
    fn key(&self, from: usize, to: usize) -> String {
        let chars = self.chars.get(from..to).unwrap_or_default().iter();
        chars
            .map(|&(_, c)| c)
            .filter(|&c| c != '\u{ad}')
            .nfc()
            .collect()
    }

    /// Whether a sentence can begin with what follows.
    fn can_start(&self, stop: Stop, follower: &Follower) -> bool {
        let c = follower.first;
        if is_continuing(self.at(self.skip_blanks(stop.behind)).unwrap_or(' ')) {
            return false;
        }
        if !c.is_lowercase() {
            return !is_continuing(c);
        }
        // "iPhone" and "eBay" begin sentences as they are.
        let camel = self.at(follower.at + 1).is_some_and(char::is_uppercase);
        // So does the Dutch "'s Avonds".
        let clitic = self
            .before(follower.at)
            .is_some_and(|c| matches!(c, '\'' | '’' | '‘'))
            && self.at(follower.at + 2).is_some_and(char::is_uppercase);
        camel || clitic || (!self.has_capitals && !stop.closes_quote)
    }

    /// A missing blank ends a sentence only where it is plain that one begins: dots are everywhere
    /// in names.
    fn ends_without_blank(&self, stop: Stop, follower: &Follower) -> bool {
        let next = self.at(stop.behind).unwrap_or(' ');
        if matches!(next, '„' | '«' | '¿' | '¡') && stop.kind != StopKind::Period {
            return true;
        }
        next.is_uppercase()
            && !follower.dotted
            && self.rules.starts(follower)
            && self.before(stop.first).is_some_and(char::is_lowercase)
            && !self.token(stop.first).contains(['.', '/', '@'])
    }

    fn ends_before(&self, start: usize, stop: Stop, follower: &Follower) -> bool {
        if stop.closes_aside {
            let dash = self.at(self.skip_blanks(stop.behind)).is_some_and(is_dash);
            if dash || !self.rules.starts(follower) {
                return false;
            }
        }
        match stop.kind {
            StopKind::Strong if stop.closes_quote => !self.is_attribution(follower),
            StopKind::Strong => {
                !EXCLAIMED_NAMES.contains(&self.token(stop.first).as_str())
                    || self.rules.starts(follower)
            }
            StopKind::Ellipsis => {
                let attached = !self.before(stop.first).is_none_or(char::is_whitespace);
                attached || !self.rules.capital_nouns || self.rules.starts(follower)
            }
            StopKind::Period => self.period_ends(start, stop, follower),
            StopKind::Ideographic => true,
        }
    }

    /// Whether "Smith asked" and the like follow a quoted question.
    fn is_attribution(&self, follower: &Follower) -> bool {
        if self.rules.speech_verbs.is_empty() || self.rules.starts(follower) {
            return false;
        }
        let clause: String = (follower.at..follower.at + 2 * REACH)
            .map_while(|i| self.at(i))
            .take_while(|&c| !is_terminator(c) && !is_continuing(c) && !is_opening(c))
            .collect();
        let mut words = clause.split_whitespace().take(4);
        words.any(|word| self.rules.speech_verbs.contains(word))
    }

    /// The characters before `end` back to a blank or an opening sign, without more than [`REACH`].
    fn token_start(&self, end: usize) -> usize {
        let mut start = end;
        while end - start < REACH && self.before(start).is_some_and(is_token) {
            start -= 1;
        }
        start
    }

    fn token(&self, end: usize) -> String {
        self.key(self.token_start(end), end)
    }

    fn period_ends(&self, start: usize, stop: Stop, follower: &Follower) -> bool {
        let token_start = self.token_start(stop.first);
        let token = self.key(token_start, stop.first);
        let opens = self.skip_openings(start) >= token_start;
        // A dash belongs to a dateline: "ANNAPOLIS, Md. — The".
        let dash = self.at(self.skip_blanks(stop.behind)).is_some_and(is_dash);
        let starts = self.rules.starts(follower) && !dash;
        if token.is_empty() {
            return true;
        }
        if token.chars().all(|c| c.is_ascii_digit() || c == '.') {
            return self.number_ends(token_start, &token, opens, follower);
        }
        let word = token.rsplit(['-', '–']).next().unwrap_or("");
        let letters = word.chars().filter(|c| !is_mark(*c)).count();
        let chain = self.chain(token_start, word);
        let known = [token.as_str(), chain.as_str(), word];
        if let Some(class) = known.iter().find_map(|form| self.rules.find(form, opens)) {
            return match class {
                Abbreviation::Never => false,
                Abbreviation::BeforeNumber => !is_number(follower),
                Abbreviation::MayEnd => starts,
                Abbreviation::OftenEnds => true,
                Abbreviation::Year => !self.is_short(start, stop.first),
            };
        }
        let clitic = self
            .before(token_start)
            .is_some_and(|c| matches!(c, '\'' | '’'));
        if letters == 1 && clitic && !opens {
            // "Holm's."
            return true;
        }
        if letters == 1 && word.chars().any(char::is_alphabetic) {
            // "J. Müller", "Plan B. Die": an initial unless a sentence begins; "J. De Vries" is a
            // name.
            let lettered = LETTERED.contains(&self.word_before(token_start).as_str());
            let name = self.rules.particles.contains(follower.word.as_str());
            return !opens && (lettered || (starts && !name));
        }
        if self.rules.ordinals && is_roman(word) {
            let before = self.word_before(token_start).to_lowercase();
            return !opens && (starts || !ARTICLES.contains(&before.as_str()));
        }
        if self.rules.ordinals && word.len() > 3 && word.ends_with("str") {
            return starts;
        }
        if is_dotted_letters(word) || is_clipped(word) {
            return starts;
        }
        true
    }

    /// Dotted single letters that stand apart, "z. B." or "i. d. R.", as they would be written in
    /// one.
    fn chain(&self, token_start: usize, token: &str) -> String {
        let (mut chain, mut at) = (token.to_string(), token_start);
        for _ in 0..3 {
            let Some(letter) = at.checked_sub(3).and_then(|i| self.at(i)) else {
                break;
            };
            let blank = self.before(at).is_some_and(char::is_whitespace);
            let alone = at
                .checked_sub(4)
                .is_none_or(|i| !self.at(i).is_some_and(is_letter));
            if !(blank && alone && letter.is_alphabetic() && self.at(at - 2) == Some('.')) {
                break;
            }
            chain = format!("{letter}.{chain}");
            at -= 3;
        }
        chain
    }

    /// Index of the first character from `i` on that opens nothing, looked for within [`REACH`].
    fn skip_openings(&self, i: usize) -> usize {
        let opens = |c: char| c.is_whitespace() || is_opening(c) || is_dash(c);
        i + (i..i + REACH)
            .take_while(|&j| self.at(j).is_some_and(opens))
            .count()
    }

    fn number_ends(&self, at: usize, token: &str, opens: bool, follower: &Follower) -> bool {
        let digits = token.len();
        if opens && digits <= 5 {
            return false;
        }
        if !self.rules.ordinals {
            return true;
        }
        if token.contains('.') {
            return !follower.first.is_numeric() || digits > 5;
        }
        let before = self.word_before(at);
        let ordinal = MONTHS.contains(&follower.word.as_str())
            || ARTICLES.contains(&before.to_lowercase().as_str())
            || (digits <= 3 && !self.is_counted(&before));
        !ordinal || self.rules.starts(follower)
    }

    /// Whether a number behind this word counts or names something: "Tempo 60", "waren es 77".
    fn is_counted(&self, before: &str) -> bool {
        let capital = before.chars().next().is_some_and(char::is_uppercase);
        let noun = self.rules.capital_nouns
            && capital
            && !before.ends_with(['s', ',', '.', ':'])
            && !ARTICLES.contains(&before.to_lowercase().as_str());
        noun || COUNTING.contains(&before)
    }

    /// The word that ends one blank before `at`; empty where a comma or another sign does.
    fn word_before(&self, at: usize) -> String {
        self.token(at.saturating_sub(1))
    }

    /// Whether the sentence has only just begun, as in "W 2021 r. Nowak".
    fn is_short(&self, start: usize, end: usize) -> bool {
        let chars = self.chars.get(start..end).unwrap_or_default();
        chars.len() < 2 * REACH
            && chars
                .split(|(_, c)| c.is_whitespace())
                .filter(|word| !word.is_empty())
                .count()
                <= 5
    }
}

fn is_terminator(c: char) -> bool {
    matches!(
        c,
        '.' | '!' | '?' | '…' | '‼' | '⁇' | '⁈' | '⁉' | '।' | '؟' | '۔' | '։' | '።'
    ) || is_ideographic(c)
}

fn is_ideographic(c: char) -> bool {
    matches!(c, '。' | '！' | '？' | '．' | '｡')
}

fn is_bracket(c: char) -> bool {
    matches!(c, ')' | ']' | '}' | '）' | '］')
}

fn is_closing(c: char) -> bool {
    matches!(
        c,
        '"' | '\'' | '”' | '’' | '“' | '‘' | '»' | '«' | '›' | '‹' | '」' | '』'
    ) || is_bracket(c)
}

fn is_opening(c: char) -> bool {
    matches!(
        c,
        '"' | '\''
            | '„'
            | '‚'
            | '“'
            | '‘'
            | '”'
            | '’'
            | '«'
            | '»'
            | '‹'
            | '›'
            | '('
            | '['
            | '{'
            | '¿'
            | '¡'
            | '「'
            | '『'
    )
}

fn is_dash(c: char) -> bool {
    matches!(c, '-' | '–' | '—' | '―' | '−')
}

/// Signs that go on with a sentence.
fn is_continuing(c: char) -> bool {
    matches!(
        c,
        ',' | ';' | ':' | ')' | ']' | '}' | '/' | '&' | '|' | '%' | '='
    )
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{ad}')
}

fn is_letter(c: char) -> bool {
    c.is_alphabetic() || is_mark(c)
}

fn is_token(c: char) -> bool {
    is_letter(c)
        || c.is_numeric()
        || matches!(c, '.' | '-' | '/' | '@' | '_' | ':' | ',' | '%' | '€' | '$')
}

/// "U.S", "a.m", "S.p.A".
fn is_dotted_letters(token: &str) -> bool {
    token.contains('.')
        && token
            .split('.')
            .all(|part| part.chars().count() == 1 && part.chars().all(char::is_alphabetic))
}

/// A word that has lost its vowels, "bspw" or "Pkt"; "SPD" has not.
fn is_clipped(word: &str) -> bool {
    word.chars().count() > 1
        && !UNITS.contains(&word)
        && word
            .chars()
            .all(|c| c.is_ascii_alphabetic() && !"aeiouyAEIOUY".contains(c))
        && word.chars().skip(1).all(|c| c.is_ascii_lowercase())
}

/// A Roman numeral of two letters or more.
fn is_roman(word: &str) -> bool {
    word.len() > 1 && word.chars().all(|c| "IVXL".contains(c))
}

fn is_number(follower: &Follower) -> bool {
    follower.first.is_numeric()
        || follower.first == '§'
        || (!follower.word.is_empty() && follower.word.chars().all(|c| "ivxl".contains(c)))
}

/// Words before an ordinal of German, which may have any length.
const ARTICLES: [&str; 20] = [
    "der", "die", "das", "dem", "den", "des", "am", "im", "vom", "zum", "zur", "beim", "ihr",
    "sein", "ihrem", "seinem", "ihren", "seinen", "jeder", "jedem",
];

/// German and Polish words before a cardinal.
const COUNTING: [&str; 36] = [
    "es",
    "waren",
    "sind",
    "war",
    "auf",
    "um",
    "allein",
    "nur",
    "rund",
    "etwa",
    "fast",
    "knapp",
    "insgesamt",
    "sogar",
    "über",
    "unter",
    "gegen",
    "mit",
    "von",
    "gleich",
    "mindestens",
    "höchstens",
    "noch",
    "nach",
    "nr",
    "godz.",
    "ponad",
    "około",
    "tylko",
    "jest",
    "było",
    "jeszcze",
    "prawie",
    "niemal",
    "niespełna",
    "aż",
];

/// Units, which are written without a full stop.
const UNITS: [&str; 10] = ["km", "kg", "cm", "mm", "dm", "hl", "ml", "mg", "kW", "kHz"];

/// Nouns before a letter that is no initial: "Vitamin C".
const LETTERED: [&str; 16] = [
    "Typ",
    "Teil",
    "Gruppe",
    "Klasse",
    "Plan",
    "Vitamin",
    "Kategorie",
    "Block",
    "Stufe",
    "Phase",
    "Hepatitis",
    "Variante",
    "Group",
    "Grupo",
    "girone",
    "gironi",
];

const MONTHS: [&str; 13] = [
    "januar",
    "jänner",
    "februar",
    "märz",
    "april",
    "mai",
    "juni",
    "juli",
    "august",
    "september",
    "oktober",
    "november",
    "dezember",
];

/// Names that end with a mark.
const EXCLAIMED_NAMES: [&str; 6] = ["Yahoo", "Jeopardy", "Yum", "Wham", "Joomla", "Kahoot"];

/// How an abbreviation stands to the end of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Abbreviation {
    /// Something always follows it: "Dr.", "z. B.".
    Never,
    /// It is an abbreviation only before a number: "Art. 5".
    BeforeNumber,
    /// It ends a sentence where a word follows that sentences begin with: "Mio.", "Inc.".
    MayEnd,
    /// It ends a sentence where a capital follows: "usw.".
    OftenEnds,
    /// The year of a Polish date.
    Year,
}

/// What is known of one language; words are divided by blanks.
///
/// Abbreviations are in their usual case, without the last dot; one in small letters is also found
/// with a capital at the start of a sentence.
struct Lexicon {
    language: &'static str,
    never: &'static str,
    before_number: &'static str,
    may_end: &'static str,
    often_ends: &'static str,
    /// Words that sentences begin with and that are in small letters elsewhere.
    starters: &'static str,
    /// Starters that are also parts of surnames.
    particles: &'static str,
    /// Words before which an attribution may begin with a name.
    speech_verbs: &'static str,
    /// Whether "3." is an ordinal.
    ordinals: bool,
    /// Whether every noun is capitalised.
    capital_nouns: bool,
}

const LEXICONS: [Lexicon; 8] = [
    Lexicon {
        language: "de",
        never: "Dr Prof Hr Hrn Fr Frl St Skt Hl hl Dipl Ing Mag Univ Priv Doz med jur phil rer nat \
            pol oec Gebr Fa Nr Nrn ca bzw vgl geb gest verh sog gem lt inkl exkl zzgl abzgl \
            ggf evtl eventl bspw insb insbes mind bes einschl ausschl gegr zz betr Betr u.a.m \
            eig z.B z.b d.h z.T z.Zt z.Hd i.d.R i.d i.S.d i.S u.U v.a m.E s.o s.u o.g u.s.w \
            a.d a.d.R i.A i.V h.c Frhr Hptm Oblt Uffz RA Mr Mrs Ms vs cf Th Tel Fax röm kath \
            ev amtl staatl städt dt engl frz ital span lat griech amerik brit russ jap österr \
            schweiz bayer",
        before_number: "Art Abs Kap Ziff Bd Bde lit Lit Abb Tab Anm Fn Rn Rdnr Aufl Jg Az Abt Anl Ausg Pos \
            Kl",
        may_end: "Mio Mrd Tsd Std Min Sek Jan Jän Feb Mrz Apr Jun Jul Aug Sep Sept Okt Nov Dez Jh \
            Jhd Jhdt Chr v.Chr n.Chr u.a u.ä o.ä o.Ä u.Ä e.V a.D i.R i.Br a.M a.Rh d.Ä d.J \
            d.Red max min Co Inc Ltd Corp Jr Sr Str Pl Hbf Bhf Ber Hrsg Red Verf Gen Obb Ndb \
            Kt Bez Krs tgl jährl monatl wöchentl versch allg ehem durchschn U.S U.S.A p.a a.m \
            p.m Ph.D",
        often_ends: "usw etc usf ff",
        starters: "der die das den dem des ein eine einen einem einer eines er sie es wir ihr ich man \
            dieser diese dieses diesen diesem dies jener jene jenes auch aber und oder doch \
            denn sondern nach nachdem danach dann dabei damit daher darum darauf darin daran \
            daraus darüber dafür davon davor dazu dagegen dadurch deshalb deswegen außerdem \
            zudem ferner seit seitdem für in im am an auf aus bei beim bis durch gegen mit \
            ohne um unter über vom von vor während wegen zu zum zur zwischen neben hinter \
            trotz laut wie was wer wem wen wo warum wieso weshalb wann wohin woher wenn weil \
            obwohl obgleich als ob so dass da sodass heute gestern jetzt nun hier dort kein \
            keine keiner keinen alle alles viele einige manche mehrere beide beides noch schon \
            nur bereits allerdings jedoch dennoch trotzdem hingegen ebenso sein seine seinen \
            seinem seiner ihre ihren ihrem ihrer unser unsere mein meine dein deine zwar zuvor \
            zuletzt zunächst später schließlich insgesamt inzwischen mittlerweile ja nein \
            nicht nichts niemand jeder jede jedes jemand etwas wenig wenige mehr weitere \
            welche welcher welches somit folglich stattdessen vielmehr immerhin immer nie \
            niemals vielleicht wohl leider erst ist sind war waren hat haben wird werden kann \
            können soll will muss sollte könnte würde gibt derzeit bisher bislang anschließend \
            kurz rund etwa knapp fast gut statt sowohl weder entweder solche sogar selbst eben \
            gerade genau demnach dementsprechend ebenfalls",
        particles: "",
        speech_verbs: "",
        ordinals: true,
        capital_nouns: true,
    },
    Lexicon {
        language: "en",
        never: "Mr Mrs Ms Messrs Dr Prof Gov Sen Sens Rep Reps Gen Col Lt Sgt Capt Cmdr Adm Maj \
            Rev Hon Pres Supt Det Insp Mt Ft Mme Mlle vs approx e.g i.e cf viz esp incl Mgr Fr \
            Cpl Pvt Amb Atty Asst Assoc",
        before_number: "No Nos Art Sec Fig Figs Vol Vols pp p Ch para",
        may_end: "St Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Inc Ltd Corp Co Cos Bros Plc \
            Jr Sr Ave Blvd Rd Hwy U.S U.S.A U.K U.N E.U D.C L.A N.Y a.m p.m A.M P.M Ph.D M.D \
            B.A M.A B.C A.D al Calif Mass Pa Fla Tex Conn Ill Ind Mich Minn Wis Wash Ore Ariz \
            Colo Ga Va Md Del Tenn Ky La Okla Kan Neb Mo Ala Miss Dept dept est Est Univ Assn \
            ft lb lbs oz hr hrs min mins sec ed eds",
        often_ends: "etc",
        starters: "the a an he she it they we i you this that these those there his her its their our \
            my your but and or so yet for in on at by to from with without of as if when while \
            after before since until because although though during under over between about \
            against among through despite according what who whom whose where why how which is \
            are was were do does did has have had can could will would should may might not no \
            yes all some many most few several both each every any one another other such then \
            now here today yesterday tomorrow later earlier meanwhile however moreover \
            furthermore therefore thus still also even only just once last next more less \
            instead nevertheless nonetheless perhaps neither either nobody nothing everyone \
            everything someone let",
        particles: "",
        speech_verbs: "said says asked asks added adds told tells replied replies wrote writes shouted \
            shouts cried wondered wonders demanded demands tweeted quipped joked recalled \
            insisted exclaimed answered",
        ordinals: false,
        capital_nouns: false,
    },
    Lexicon {
        language: "fr",
        never: "M MM Mme Mmes Mlle Mlles Mgr Dr Pr Prof St Ste Sts p.ex ex c.-à-d c.à.d cf apr av \
            boul bd gén Vve Nr vs adj",
        before_number: "art Art no No n p pp vol chap fig al tél Tél éd sect par",
        may_end: "col cap lt janv févr fév avr juill juil oct nov déc Cie min hab Inc Ltd Corp Co Jr \
            S.A U.S a.m p.m N.D.L.R env M.D",
        often_ends: "etc J.-C av.J.-C ap.J.-C",
        starters: "le la les l un une des du de d il elle ils elles on nous vous je j tu ce cet cette \
            ces c ça cela ceci celui celle ceux son sa ses leur leurs notre nos votre vos mon \
            ma mes mais et ou donc or ni car que qu qui quoi dont où quand comme comment \
            pourquoi si lorsque lorsqu puis ensuite alors ainsi aussi après avant pendant \
            depuis dès pour par dans en sur sous avec sans chez vers entre contre selon malgré \
            parmi à au aux y ne n pas plus moins très tout toute tous toutes chaque plusieurs \
            certains certaines aucun aucune autre autres même hier aujourd demain maintenant \
            ici là enfin toutefois cependant pourtant néanmoins désormais également outre face \
            grâce afin est sont a ont était oui non voilà voici quel quelle quels quelles \
            jusqu bien peu tandis parce puisque s",
        particles: "le la les du des de d",
        speech_verbs: "",
        ordinals: false,
        capital_nouns: false,
    },
    Lexicon {
        language: "es",
        never: "Sr Sra Srta Sres Sras Dr Dra Dres Prof Profa Lic Ing Arq D Dña Da Dn Mons Fr Sto \
            Sta S.M S.A.R Excmo Excma Ilmo Ilma Gral Cnel Cap Tte Sgto Cdte Pdte Pte EE RR DD \
            p.ej ej aprox cf vs Av Avda Avd Ud Uds Vd Vds Hno Hnos Vda",
        before_number: "art arts Art núm núms Núm No n pág págs p pp vol cap fig tel Tel apdo inc párr",
        may_end: "CC OO FF AA ene feb abr jun jul ago sept sep oct nov dic S.A S.L Cía Inc Ltd Corp \
            Co Jr a.C d.C a.m p.m hab min seg U.S C.F ed dpto depto izq dcha",
        often_ends: "etc UU EE.UU EE.UU.AA AA.UU",
        starters: "el la los las lo un una unos unas él ella ellos ellas yo tú usted ustedes nosotros \
            este esta estos estas esto ese esa esos esas eso aquel aquella su sus mi mis \
            nuestro nuestra nuestros nuestras pero y e o u ni que qué quien quién cual cuál \
            cuando cuándo como cómo donde dónde por porque para si sí no de del a al en con \
            sin sobre bajo entre hasta desde hacia según tras ante contra durante mediante \
            después antes luego entonces así además también tampoco aunque embargo mientras ya \
            aún todavía hoy ayer mañana ahora aquí allí todo toda todos todas cada muchos \
            muchas algunos algunas varios otro otra otros otras más menos muy tan es son era \
            fue fueron está están estaba hay había ha han se le les me nos te solo sólo nadie \
            nada ningún ninguna ambos finalmente actualmente asimismo incluso pese gracias \
            junto dicho dicha",
        particles: "de del la las los el",
        speech_verbs: "",
        ordinals: false,
        capital_nouns: false,
    },
    Lexicon {
        language: "it",
        never: "sig sigg sig.ra Sig Sigg dott Dott dr Dr dott.ssa prof Prof prof.ssa on On sen Sen \
            avv Avv ing Ing arch Arch geom rag mons Mons card Card gen Gen col cap ten s S ss \
            SS p.es es cfr ca c.a v.le p.zza l.go c.so cav comm rev Rev fam Soc soc Coop spett \
            Spett gent egr Egr dep lit vs f.lli F.lli st St tel Tel",
        before_number: "art Art artt n nn nr N num pag pagg p pp vol cap fig par co tab",
        may_end: "gen genn feb febb apr mag giu lug sett nov dic S.p.A S.r.l s.r.l s.p.a a.C d.C a.m \
            p.m Inc Ltd Corp Co Jr U.S Agr min sec ab circ ed",
        often_ends: "ecc etc",
        starters: "il lo la i gli le l un uno una egli lui lei essi loro noi voi io tu questo questa \
            questi queste quest quello quella quelli quelle quel quell ciò suo sua suoi sue \
            mio mia nostro nostra ma e ed o oppure né che chi cui quando come dove perché se \
            sì no non di del dello della dei degli delle dell da dal dalla dai dagli dalle \
            dall in nel nello nella nei negli nelle nell a ad al allo alla ai agli alle all su \
            sul sulla sui sugli sulle sull con per tra fra senza sotto sopra dopo prima \
            durante secondo contro verso presso attraverso poi quindi così anche inoltre \
            infatti però tuttavia invece mentre intanto già ancora oggi ieri domani adesso ora \
            qui là tutto tutta tutti tutte ogni molti molte alcuni alcune altri altre altro \
            altra più meno molto è sono era erano ha hanno c ci si vi mi ne nessuno niente \
            nulla entrambi grazie nonostante sebbene poiché dunque insomma infine finora solo \
            soltanto proprio",
        particles: "di de del della lo la li da dal",
        speech_verbs: "",
        ordinals: false,
        capital_nouns: false,
    },
    Lexicon {
        language: "nl",
        never: "dhr Dhr mevr Mevr mw Mw mr Mr mrs Mrs drs Drs dr Dr prof Prof ir Ir ing Ing bijv \
            bv d.w.z d.i t.w t.a.v m.b.t m.b.v i.v.m i.p.v t.o.v z.g.n zgn ca o.l.v a.d n.a.v \
            t/m incl excl resp vgl St Sint jhr Jhr ds Ds gebr Gebr kard mgr Mgr kol kapt lt \
            geb vs nl m.n t.b.v i.h.k.v v.d v.h wnd Zr.Ms Hr.Ms fa Fa tel Tel",
        before_number: "art Art nr Nr nrs blz p pp par hfst afb fig lid dl vol",
        may_end: "gen jan feb mrt apr jun jul aug sep sept okt nov dec mln mld min sec o.a e.a e.d \
            m.a.w N.V B.V v.Chr n.Chr Chr Inc Ltd Corp Co Jr Sr str a.m p.m U.S s.v.p a.u.b \
            j.l jl ll afd",
        often_ends: "enz etc enzovoort e.d",
        starters: "de het een hij zij ze wij we ik je jij u jullie dit dat deze die er daar hier zijn \
            haar hun ons onze mijn maar en of want dus toch dan toen nadat daarna daarbij \
            daarom daardoor daarmee daarnaast daartegen bovendien verder ook niet nog al nu \
            vandaag gisteren morgen in op aan bij met zonder voor na van naar uit over onder \
            boven tussen tegen door om tot sinds vanaf tijdens volgens wegens ondanks te als \
            wanneer omdat hoewel terwijl zodra wie wat waar waarom hoe welke welk is was waren \
            heeft hebben wordt worden kan kunnen zal moet geen alle alles veel sommige enkele \
            meer minder elk elke ieder iedereen niemand niets iets beide zo zelfs echter \
            immers namelijk eerst later inmiddels ondertussen intussen uiteindelijk volgende \
            afgelopen vorige sommigen anderen ja nee 't",
        particles: "de van het den der te ter ten",
        speech_verbs: "",
        ordinals: false,
        capital_nouns: false,
    },
    Lexicon {
        language: "pl",
        never: "prof Prof dr Dr hab inż mgr lek med ks Ks bp abp kard o św Św śp gen płk ppłk kpt \
            por ppor mjr sierż asp nadkom kom insp ul Ul al Al pl os pt np Np tzw tzn tj m.in \
            M.in wg ok ur zm woj pow gm dot ds zob pn płn płd zach wsch poł red Red sp ob ss \
            hr b bł ang niem franc łac ros wł sygn vs St tel Tel",
        before_number: "art Art ust pkt poz nr Nr str s rozdz t vol godz par § Dz",
        may_end: "tys mln mld gr min sek im n.e p.n.e S.A o.o z.o.o r.ż Inc Ltd Corp Co Jr U.S b.r \
            ub br cdn dn",
        often_ends: "itd itp etc in proc",
        starters: "w we na po z ze do od o u za przed przez pod nad przy dla bez między podczas \
            według zdaniem mimo pomimo dzięki wobec i a ale lecz lub albo oraz jednak \
            natomiast zaś więc dlatego ponieważ bo gdy kiedy jeśli jeżeli choć chociaż aby \
            żeby to ten ta te ci tego tej tych tym tę tam tu tutaj tak takie taki taka jak \
            jako jego jej ich on ona ono oni one my wy ja ty mój moja nasz nasza nasze swoje \
            sam sama nie nic nikt już jeszcze też także również tylko nawet właśnie teraz dziś \
            dzisiaj wczoraj jutro potem później następnie wcześniej ponadto poza co czy kto \
            który która które gdzie dlaczego skąd ile ilu jest są był była było byli będzie \
            będą ma mają miał każdy każda wszyscy wszystkie wszystko wielu wiele kilka kilku \
            niektórzy obaj obie oba inni inne tymczasem wówczas wtedy zatem ostatecznie \
            obecnie niestety jedynie może można trzeba należy się",
        particles: "",
        speech_verbs: "",
        ordinals: true,
        capital_nouns: false,
    },
    Lexicon {
        language: "pt",
        never: "Sr Sra Srta Srs Sras Dr Dra Drs Prof Profa Prof.ª Eng Enga Arq D Exmo Exma Exmos \
            Ilmo Gen Cel Cap Ten Sgt Maj Pe Fr Sto Sta Des p.ex ex aprox cf vs Av R Pça Trav \
            Dep Sen Gov Pres V.Ex.ª V.Exa Mons Card",
        before_number: "art arts Art n nº núm No pág págs p pp vol cap fig tel Tel inc par al",
        may_end: "jan fev abr jun jul nov S.A Ltda Lda Cia Inc Ltd Corp Co Jr a.C d.C a.m p.m U.S \
            hab min seg ed apto dpto Inst",
        often_ends: "etc E.U.A",
        starters: "o a os as um uma uns umas ele ela eles elas eu tu você vocês nós este esta estes \
            estas isto esse essa esses essas isso aquele aquela aquilo seu sua seus suas meu \
            minha nosso nossa mas e ou nem porém contudo todavia entretanto que quem qual \
            quando como onde por porque para se sim não de do da dos das em no na nos nas num \
            numa ao aos à às com sem sobre sob entre até desde segundo após antes depois \
            durante contra perante conforme então assim também ainda além já só apenas hoje \
            ontem amanhã agora aqui ali lá todo toda todos todas cada muitos muitas alguns \
            algumas vários outro outra outros outras mais menos muito é são era eram foi foram \
            está estão estava há havia tem têm embora enquanto pois logo ninguém nada nenhum \
            ambos finalmente atualmente inclusive apesar graças pelo pela pelos pelas",
        particles: "de da do dos das e",
        speech_verbs: "",
        ordinals: false,
        capital_nouns: false,
    },
];

/// A [`Lexicon`], indexed.
#[derive(Default)]
struct Rules {
    abbreviations: HashMap<&'static str, Abbreviation>,
    starters: HashSet<&'static str>,
    particles: HashSet<&'static str>,
    speech_verbs: HashSet<&'static str>,
    ordinals: bool,
    capital_nouns: bool,
}

static RULES: LazyLock<HashMap<&'static str, Rules>> = LazyLock::new(|| {
    let rules = LEXICONS
        .iter()
        .map(|lexicon| (lexicon.language, Rules::new(&[lexicon])));
    rules.collect()
});

static JOINED_RULES: LazyLock<Rules> = LazyLock::new(|| {
    let mut rules = Rules::new(&LEXICONS.iter().collect::<Vec<_>>());
    // A word in small letters that one language shortens may be a whole word of the text's.
    let languages = |word: &str| {
        RULES
            .values()
            .filter(|r| r.abbreviations.contains_key(word))
            .count()
    };
    rules.abbreviations.retain(|word, _| {
        word.contains('.') || word.starts_with(char::is_uppercase) || languages(word) > 1
    });
    rules
});

impl Rules {
    fn new(lexicons: &[&Lexicon]) -> Self {
        let mut rules = Self::default();
        for lexicon in lexicons {
            for (words, class) in [
                (lexicon.never, Abbreviation::Never),
                (lexicon.before_number, Abbreviation::BeforeNumber),
                (lexicon.may_end, Abbreviation::MayEnd),
                (lexicon.often_ends, Abbreviation::OftenEnds),
            ] {
                for word in words.split_whitespace() {
                    rules.abbreviations.entry(word).or_insert(class);
                }
            }
            if lexicon.language == "pl" {
                rules.abbreviations.insert("r", Abbreviation::Year);
            }
            rules.starters.extend(lexicon.starters.split_whitespace());
            rules.particles.extend(lexicon.particles.split_whitespace());
            rules
                .speech_verbs
                .extend(lexicon.speech_verbs.split_whitespace());
            rules.ordinals |= lexicon.ordinals;
            rules.capital_nouns |= lexicon.capital_nouns;
        }
        rules
    }

    fn starts(&self, follower: &Follower) -> bool {
        !follower.dotted && self.starters.contains(follower.word.as_str())
    }

    /// The class of an abbreviation; `opens` where it stands at the start of a sentence.
    fn find(&self, token: &str, opens: bool) -> Option<Abbreviation> {
        let exact = self.abbreviations.get(token);
        let shouted = || {
            let capitals = !token.chars().any(char::is_lowercase);
            let lower = token.to_lowercase();
            if token.chars().count() < 2 || (!opens && !capitals) {
                return None;
            }
            let title = capitalised(&lower);
            self.abbreviations
                .get(lower.as_str())
                .or(self.abbreviations.get(title.as_str()))
        };
        exact.or_else(shouted).copied()
    }
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars
        .next()
        .map(|c| c.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(source: &str, language: &str) -> Vec<String> {
        let text = Text::new(source).unwrap();
        let spans = sentences(&text, language);
        spans
            .into_iter()
            .map(|span| text.slice(span).to_owned())
            .collect()
    }

    /// Each case is a line in which `|` stands for the blank between two sentences.
    fn check(language: &str, cases: &[&str]) {
        for case in cases {
            let expected: Vec<&str> = case.split('|').collect();
            assert_eq!(
                split(&case.replace('|', " "), language),
                expected,
                "{language}"
            );
        }
    }

    #[test]
    fn a_german_abbreviation_does_not_end_a_sentence() {
        check(
            "de",
            &[
                "Betroffen sind u. a. Bremen und Kiel.|Danach folgt Lübeck.",
                "Betroffen sind u.a. Bremen und Kiel.",
                "Viele Städte, z. B. Bremen, klagen.|Andere schweigen.",
                "Viele Städte, z.B. Bremen, klagen.",
                "Z. B. Bremen klagt.",
                "Er verliert, d. h. Die Liste zieht zurück.",
                "I. d. R. Dienstag tagt der Rat.",
                "Es gilt i. d. R. Tempo 30.",
                "Sie kommt v. a. Dienstag.",
                "Das sagte Dr. Holm Eisler.|Er lehrt in Jena.",
                "Prof. Dr. med. Ute Sandmann widerspricht.",
                "Dipl.-Ing. Karl Stolle baute das Haus.",
                "Der Klub aus St. Pauli gewann.",
                "Die Strafe beträgt 14 Mio. Euro.|Das ist viel.",
                "Es geht um 3,1 Mrd. Dollar.",
                "Rund 40 Tsd. Menschen kamen.",
                "Das Haus Nr. 5 brannte.",
                "Haus bzw. Wohnung stehen leer.",
                "Es kamen ca. 300 Leute.",
                "Das regelt das Gesetz, vgl. Paragraf 7.",
                "Nach § 5 Abs. 2 ist das verboten.",
                "Nach Art. 5 Grundgesetz ist das erlaubt.",
                "Vera Kolb, geb. Stein, siegte.",
                "Der sog. Bürgerrat tagt.",
                "Am 5. Jan. 2024 schloss das Werk.",
                "Er wohnt in der Lindenstr. 5 in Hof.",
                "Um 200 v. Chr. Geborene kannten das nicht.",
                "Der Verein Blaues Band e. V. Hof klagt.",
                "Oberst a. D. Wolf Rieger warnte.",
                "Die Feder GmbH & Co. KG schließt.",
                "Am Hbf. Mainz hielt der Zug.",
                "Das gilt lt. Satzung.",
                "Siehe S. 5 und Bd. 3.",
                "Zuständig ist das Landgericht (Az. 3 O 12/24).",
                "Das teilte die Firma Gebr. Vogel mit.",
                "Fr. Kessler und Hr. Blum stimmten zu.",
                "Er spielt für die Hl. Drei Könige.",
                "DR. EISLER WARNT",
                "Der Bau dauert max. Fünf Jahre.",
                "Es fehlen 20 Std. Arbeit.",
                "Die Lehrkräfte, insb. Junglehrer, fehlen.",
            ],
        );
    }

    #[test]
    fn a_german_abbreviation_ends_a_sentence_where_another_begins() {
        check(
            "de",
            &[
                "Er zahlt Miete, Strom, die Kosten usw.|Danach bleibt nichts.",
                "Es kamen Kinder, Eltern usw.|Holm blieb.",
                "Es kostet 14 Mio.|Die Stadt zahlt.",
                "Dort arbeiten Ärzte, Pfleger u. a.|Die Stadt hilft.",
                "So hieß die Feder & Co.|Der Name blieb.",
                "Das war 200 v. Chr.|Danach zerfiel die Stadt.",
                "Er spielt im Verein Blaues Band e. V.|Dort gefällt es ihm.",
                "Fragen dieser Art.|Holm schwieg.",
                "Es fährt ab Hbf.|Die Fahrt dauert lange.",
                "Sie fuhr mit Jan.|Der Weg war weit.",
                "Das ist so.|Danach kam Holm.",
            ],
        );
    }

    #[test]
    fn an_ordinal_does_not_end_a_sentence() {
        check(
            "de",
            &[
                "Der Klub spielt in der 3. Liga.|Das ist neu.",
                "Sie wurde am 17. September gewählt.",
                "Der 2. Senat entschied.",
                "Im 19. Jahrhundert stand hier ein Turm.",
                "Das Derby gegen den 1. FC Grünau fällt aus.",
                "Vom 7. bis 19. April ruht der Verkehr.",
                "Freitag, 21. November: Markt in Hof.",
                "Bis 17. August läuft die Schau.",
                "Er traf in der 71. Minute.|Danach ging er.",
                "Am 17. 9. 2025 beginnt der Prozess.",
                "Am 17.9. beginnt der Prozess.",
                "Zum 250. Geburtstag kam ein Chor.",
                "Der 1000. Besucher bekam Blumen.",
                "König Ludwig XIV. war müde.",
                "Der II. Zivilsenat entschied.",
                "Der I. Zivilsenat entschied.",
                "Das Stück läuft zum 3. „Jugendtag“ der Stadt.",
                "Borussias 2. Mannschaft siegte.",
                "Der 1. Mai ist frei.",
            ],
        );
        check(
            "pl",
            &[
                "Grają w 3. Lidze Okręgowej.|To nowość.",
                "W 21. Festiwalu bierze udział Nowak.",
            ],
        );
    }

    #[test]
    fn a_cardinal_number_ends_a_sentence() {
        check(
            "de",
            &[
                "Das geschah im Jahr 2021.|Danach kam der Regen.",
                "Das geschah 2021.|Holm blieb.",
                "Es waren 77.|Betroffen ist vor allem Hof.",
                "Dort gilt Tempo 60.|Grund sind Messungen.",
                "Sie wird am Sonntag 12.|Die Feier ist klein.",
                "Das Spiel endete 3:1.|Trainer Holm jubelte.",
                "Er zahlte 10.000.|Holm schwieg.",
                "Auf Platz 3.|Das reicht.",
                "Er regierte nach Friedrich II.|Die Zeiten waren hart.",
            ],
        );
        check(
            "en",
            &[
                "It opened in 1999.|Holm was there.",
                "She finished on 3.|Her rival won.",
            ],
        );
    }

    #[test]
    fn a_dot_within_a_number_or_an_address_does_not_end_a_sentence() {
        check(
            "de",
            &[
                "Es kamen 10.000 Menschen.",
                "Die Version 1.5 ist da.|Sie kostet nichts.",
                "Mehr auf www.Beispiel.de und bei Tagblatt.Hof.|Das hilft.",
                "Schreiben Sie an Eva.Holm@beispiel.de bitte.",
                "Die Datei Bericht.Final.pdf fehlt.|Niemand weiß warum.",
                "Siehe https://beispiel.de/Der.Text.html?Frage=1.|Dort steht es.",
                "Um 20.15 Uhr läuft der Film.",
                "Sie kam auf 9.81 Punkte.",
            ],
        );
    }

    #[test]
    fn an_initial_does_not_end_a_sentence() {
        check(
            "de",
            &[
                "Das Buch von J. R. R. Falkner erscheint.",
                "E. T. A. Holm schrieb es.",
                "Der Angeklagte Dieter L. Kaufmann gestand.",
                "Klaus-J. Weber kam.",
            ],
        );
        check(
            "en",
            &[
                "The book by J. R. R. Falkner is out.",
                "George W. Holm spoke.|He was late.",
                "J.K. Falkner wrote it.",
            ],
        );
        check("fr", &["J.-M. Le Goff est là.", "A. de Lorme part."]);
        check(
            "nl",
            &[
                "J. De Wilde komt.",
                "Het boek van A. F. Th. van Dalen is uit.",
            ],
        );
        check("it", &["G. Di Monte è qui."]);
        check("pt", &["O livro de J. A. Lobo saiu."]);
    }

    #[test]
    fn a_letter_that_names_something_ends_a_sentence() {
        check(
            "de",
            &[
                "Es fehlt Vitamin C.|Forscher warnen.",
                "Nun gilt Plan B.|Die Stadt zahlt.",
            ],
        );
        check("en", &["We need a plan B.|The first failed."]);
        check("it", &["Girone B: così nel girone B.|Domenica si gioca."]);
    }

    #[test]
    fn a_name_with_an_exclamation_mark_does_not_end_a_sentence() {
        check(
            "de",
            &[
                "Der Konzern Yahoo! hat verkauft.",
                "Bei Yahoo! Deutschland arbeitet Holm.",
            ],
        );
        check(
            "en",
            &[
                "She won on Jeopardy! last night.",
                "He left Yahoo! Finance in May.",
            ],
        );
    }

    #[test]
    fn an_ellipsis_ends_a_sentence_only_before_a_new_one() {
        check(
            "de",
            &[
                "Die Botschaft lautet … wir sind da.",
                "Er wartete ... und ging.",
                "Er wartete...|Dann ging er.",
                "Er wartete …|Dann ging er.",
                "Der Preis … Stille im Saal.",
                "… und dann kam sie.",
                "Sie nannte es […] Unfug.",
                "Er ging (…) Richtung Hof.",
            ],
        );
        check("en", &["He waited …|Holm left.", "He waited... and left."]);
    }

    #[test]
    fn a_run_of_marks_ends_one_sentence() {
        check(
            "de",
            &[
                "Wirklich?!|Ja.",
                "Nein!!!|Doch!",
                "Was???|Das ist neu.",
                "Er kam (endlich!) nach Hof.",
            ],
        );
        check("en", &["Really?!|Yes.", "No!!|Holm left."]);
        check(
            "de",
            &[
                "Der Sieger (!) Holm lachte.",
                "Der Rat (was für eine Wahl!) Hofs tagt.",
            ],
        );
    }

    #[test]
    fn closing_quotes_and_brackets_belong_to_the_sentence() {
        check(
            "de",
            &[
                "„Wir kommen.“|Danach ging sie.",
                "»Wir kommen.«|Danach ging sie.",
                "“Wir kommen.”|Danach ging sie.",
                "«Wir kommen.»|Danach ging sie.",
                "‚Wir kommen.‘|Danach ging sie.",
                "\"Wir kommen.\"|Danach ging sie.",
                "‹Wir kommen.›|Danach ging sie.",
                "(Wir kommen.)|Danach ging sie.",
                "Er rief: „Wir kommen!“|Holm schwieg.",
                "Er rief „Ja!“.|Holm schwieg.",
                "Das steht im Bericht.[12]|Holm schwieg.",
                "Er sagte: „Ich weiß, ‚er kommt.‘“|Holm schwieg.",
            ],
        );
        check(
            "fr",
            &[
                "« Nous venons. »|Elle part.",
                "«\u{a0}Nous venons.\u{a0}»|Elle part.",
            ],
        );
        check("pl", &["„Idziemy.”|Potem wyszła."]);
    }

    #[test]
    fn a_quotation_with_its_attribution_is_one_sentence() {
        check(
            "de",
            &[
                "„Kommt er?“, fragte sie.|Niemand antwortete.",
                "„Kommt er?“ fragte sie.",
                "»Geh!«, rief Holm.",
                "„Das ist vorbei.“ – so steht es im Brief.",
                "„Die Kosten steigen“, sagte Holm.|Danach ging er.",
            ],
        );
        check(
            "en",
            &[
                "“Why?” he asked.|Nobody knew.",
                "“Why now?” Holm asked.",
                "\"Stop!\" she said.",
                "“Why?”|The mayor had no answer.",
                "‘Why?’ asked Holm.",
            ],
        );
        check(
            "fr",
            &[
                "«Pourquoi ?» demande-t-il.",
                "« Pourquoi ? » demande-t-il.|Elle part.",
            ],
        );
        check(
            "es",
            &[
                "—¿Por qué? —preguntó Olmo.|Nadie contestó.",
                "«¡Basta!», gritó.",
            ],
        );
        check("it", &["«Perché?» chiede Olmi.", "«Basta!», dice."]);
        check(
            "pl",
            &[
                "– Dlaczego? – zapytał Nowak.|Nikt nie wiedział.",
                "„Dlaczego?” – zapytała.",
            ],
        );
        check("nl", &["‘Waarom?’ vroeg hij.", "“Waarom?”, vroeg Holm."]);
        check(
            "pt",
            &["— Por quê? — perguntou Lobo.", "“Por quê?”, perguntou."],
        );
    }

    #[test]
    fn each_sentence_of_a_quotation_is_one_of_its_own() {
        check(
            "de",
            &[
                "„Wir gehen.|Danach sehen wir weiter.|Niemand bleibt“, sagte Holm.",
                "»Das ist gut.|Es hilft allen.«|Holm nickte.",
                "Er sagte: „Sind wir bereit?|Ich glaube nicht.“",
            ],
        );
        check("en", &["“We go.|Nobody stays,” Holm said."]);
        check("es", &["«Nos vamos.|Nadie se queda», dijo Olmo."]);
    }

    #[test]
    fn a_colon_a_semicolon_or_a_dash_does_not_end_a_sentence() {
        check(
            "de",
            &[
                "Eines ist klar: Die Stadt zahlt.",
                "Holm zahlt; Blum nicht.",
                "BERLIN (dpa) – Der Rat tagt.|Danach ist Pause.",
                "NEUHOF (eig. Ber.) – Der Rat tagt.",
                "Holm – er ist neu – lacht.",
            ],
        );
        check(
            "en",
            &[
                "LONDON (AP) — The council met.",
                "ALBANY, N.Y. — The council met.",
            ],
        );
    }

    #[test]
    fn a_list_item_keeps_its_number() {
        check(
            "de",
            &[
                "1. Der Haushalt",
                "2. Punkt: Verkehr",
                "a) Der Haushalt",
                "A. Der Haushalt",
                "II. Die Lage",
                "1.1. Thema",
            ],
        );
        check("en", &["1. The budget", "B. The rest"]);
    }

    #[test]
    fn a_missing_blank_ends_a_sentence_only_before_a_word_that_begins_one() {
        check(
            "de",
            &["Das Team von Book.Com kam.", "Der U.S.A.-Kenner lacht."],
        );
        assert_eq!(
            split("Er kam spät.Die Tür war zu.", "de"),
            ["Er kam spät.", "Die Tür war zu."]
        );
        assert_eq!(
            split("„Ich gehe.“Dann ging er.", "de"),
            ["„Ich gehe.“", "Dann ging er."]
        );
    }

    #[test]
    fn english_sentences() {
        check(
            "en",
            &[
                "Mr. Holm met Mrs. Blum.|They talked.",
                "Dr. Holm and Prof. Blum agree.",
                "Feather Inc. shares fell.|The board met.",
                "He runs Feather Inc.|The firm is small.",
                "Feather Ltd. Chairman Holm left.",
                "The U.S. Senate voted.",
                "He lives in the U.S.|He likes it.",
                "Use a tool, e.g. Saw or hammer.",
                "It starts at 9 a.m. Monday.",
                "It starts at 9 a.m.|The doors open early.",
                "Pens, books, etc.|Holm sold them.",
                "Gov. Holm and Sen. Blum spoke.",
                "It ended on Jan. 14 in court.",
                "St. Mary is a village.",
                "No. 10 said nothing.",
                "He said no.|Holm left.",
                "The house is Holm's.|Blum's is next door.",
                "iPhone sales fell.|iPhone users wait.",
                "Holm Jr. won.|His father lost.",
                "It rose 1.5 percent.|Nobody knew why.",
            ],
        );
    }

    #[test]
    fn french_sentences() {
        check(
            "fr",
            &[
                "M. Lorme est parti.|Il reviendra.",
                "Mme Lorme et Mlle Brun votent.",
                "M. Le Goff est là.",
                "Des villes, p. ex. Lyon, protestent.",
                "Des stylos, des livres, etc.|Lorme les vend.",
                "Le Dr. Brun est là.",
                "L'art. 5 le dit.",
                "Il aime l'art.|Lorme aussi.",
                "Le titre recule de 0,3 %.|Brun monte.",
                "Vraiment ?|Oui !",
                "Vers 50 av. J.-C. la ville tombe.",
            ],
        );
    }

    #[test]
    fn spanish_sentences() {
        check(
            "es",
            &[
                "El Sr. Olmo y la Sra. Ríos votan.|Nadie más.",
                "En EE. UU. la ley cambia.",
                "Vive en EE. UU.|Le gusta.",
                "¿Quién viene?|¡Nadie!|Olmo calla.",
                "Según el art. 5 es legal.",
                "Libros, lápices, etc.|Olmo los vende.",
                "La Dra. Ríos habla.",
                "Conservas Olmo S. A. anunció cambios.",
                "El barco salió al mar.|Olmo lo vio.",
                "Algunas, p. ej. Cuenca, protestan.",
            ],
        );
    }

    #[test]
    fn italian_sentences() {
        check(
            "it",
            &[
                "Il dott. Olmi parla.|Nessuno ascolta.",
                "Il sig. Monte e la sig.ra Olmi votano.",
                "L'on. Monte è assente.",
                "Secondo l'art. 5 è legale.",
                "Libri, penne, ecc.|Olmi li vende.",
                "La Piuma S.p.A. chiude.|È la fine.",
                "Ha perso un set.|L'arbitro tace.",
                "Il prof. Olmi insegna.",
            ],
        );
    }

    #[test]
    fn dutch_sentences() {
        check(
            "nl",
            &[
                "Dhr. Wilde en mevr. Dalen stemmen.|Niemand anders.",
                "Steden, bijv. Gouda, klagen.",
                "Er waren o.a. Wilde en Dalen.",
                "Boeken, pennen, enz.|Wilde verkoopt ze.",
                "Mr. Dalen pleit.",
                "Het kost 3 mln. Euro.",
                "Hij gaat.|'s Avonds komt hij terug.",
                "Volgens art. 5 mag het.",
            ],
        );
    }

    #[test]
    fn polish_sentences() {
        check(
            "pl",
            &[
                "Prof. Nowak i dr. Lis głosują.|Nikt więcej.",
                "Mieszka przy ul. Długiej w Łodzi.",
                "Miasta, np. Łódź, protestują.",
                "Było tam 5 tys. Osób.",
                "Książki, pióra itd.|Nowak je sprzedaje.",
                "W 2021 r. Nowak wygrał.",
                "Wielka wystawa obrazów i rzeźb odbyła się w 2021 r.|Nowak był zachwycony.",
                "Są tam m.in. Nowak i Lis.",
                "Parafia św. Anny zbiera.",
                "Kosztował 3,1 mln zł.|Połowę dołożył Nowak.",
                "Zgodnie z art. 5 wolno.",
            ],
        );
    }

    #[test]
    fn portuguese_sentences() {
        check(
            "pt",
            &[
                "O Sr. Lobo e a Sra. Pinho votam.|Ninguém mais.",
                "O Exmo. Lobo fala.",
                "A Dra. Pinho fala.",
                "Livros, canetas, etc.|Lobo vende tudo.",
                "Segundo o art. 5 é legal.",
                "A Pena S.A. fecha.|O fim chegou.",
                "Saiu para o mar.|Lobo viu.",
                "Algumas, p. ex. Braga, protestam.",
            ],
        );
    }

    #[test]
    fn full_stops_of_chinese_and_japanese_need_no_blank() {
        assert_eq!(
            split("雨が降った。傘がない！なぜ？", "und"),
            ["雨が降った。", "傘がない！", "なぜ？"]
        );
        assert_eq!(
            split("「行く。」彼は去った。", "und"),
            ["「行く。」", "彼は去った。"]
        );
    }

    #[test]
    fn an_unknown_language_has_the_rules_of_all() {
        check(
            "und",
            &[
                "Dr. Holm kam.|Danach ging er.",
                "Mr. Holm came.|The end.",
                "Am 3. Mai kam er.",
            ],
        );
        check("sv", &["Holm kom.|Han gick."]);
    }

    #[test]
    fn decomposed_umlauts_are_the_same_letters() {
        let text = "Ha\u{308}user u. a\u{308}. Bauten fehlen. U\u{308}ber alles wird geredet.";
        let expected = [
            "Ha\u{308}user u. a\u{308}. Bauten fehlen.",
            "U\u{308}ber alles wird geredet.",
        ];
        assert_eq!(split(text, "de"), expected);
    }

    #[test]
    fn small_letters_begin_sentences_where_there_are_no_capitals() {
        check("de", &["das ist gut.|wirklich?|ja."]);
    }

    #[test]
    fn every_kind_of_line_break_ends_a_line_and_a_sentence() {
        for line_break in [
            "\n", "\r\n", "\r", "\u{b}", "\u{c}", "\u{85}", "\u{2028}", "\u{2029}",
        ] {
            let source = format!(" Rat tagt{line_break}{line_break} \u{a0}Er berät ");
            let text = Text::new(source.as_str()).unwrap();
            let found: Vec<&str> = lines(&text)
                .into_iter()
                .map(|line| text.slice(line))
                .collect();
            assert_eq!(found, ["Rat tagt", "Er berät"], "{line_break:?}");
            assert_eq!(
                split(&source, "de"),
                ["Rat tagt", "Er berät"],
                "{line_break:?}"
            );
        }
    }

    #[test]
    fn a_headline_without_a_full_stop_is_a_sentence() {
        let text =
            "Rat beschließt Haushalt\nDer Rat hat beschlossen. Holm ist dagegen\n\nKommentar";
        let expected = [
            "Rat beschließt Haushalt",
            "Der Rat hat beschlossen.",
            "Holm ist dagegen",
            "Kommentar",
        ];
        assert_eq!(split(text, "de"), expected);
    }

    #[test]
    fn a_text_without_blanks_or_ends_is_one_sentence() {
        for unit in ["x", "a.", "„", "1.", "é\u{301}", "👩\u{200d}🚒", "\0"] {
            let text = unit.repeat(100_000);
            assert_eq!(split(&text, "de").len(), 1, "{unit:?}");
        }
    }

    #[test]
    fn the_blank_text_has_no_sentence() {
        for text in ["", " ", "\r\n\r\n", "\u{a0}\u{3000}\n"] {
            assert!(split(text, "de").is_empty());
        }
    }

    /// Runs of what is invisible, turns the direction, hangs on its neighbour or stands alone where it should not.
    fn hostile() -> impl Strategy<Value = String> {
        let parts = [
            "\u{301}",
            "\u{20dd}",
            "\u{200b}",
            "\u{200d}",
            "\u{feff}",
            "\u{ad}",
            "\u{202e}",
            "\u{2067}",
            "\u{2069}",
            "\u{5d0}",
            "\u{627}",
            "\r",
            "\n",
            "\u{85}",
            "\u{2028}",
            "\u{b}",
            "\u{1c}",
            "\0",
            "\u{3000}",
            "👩\u{200d}🚒",
            "🇩🇪",
            "\u{fffd}",
            "\u{10ffff}",
            ".",
            "!?",
            "…",
            "“",
            "„",
            ")",
            "A",
            "z. B.",
            "1.",
        ];
        let run = (prop::sample::select(parts.to_vec()), 1..6_usize);
        let run = run.prop_map(|(part, times)| part.repeat(times));
        let long = prop::sample::select(parts.to_vec()).prop_map(|part| part.repeat(2_000));
        let short = prop::collection::vec(run, 0..40).prop_map(|runs| runs.concat());
        prop_oneof![30 => short, 1 => long]
    }

    fn assert_covers(source: &str, language: &str) {
        let text = Text::new(source).unwrap();
        let (lines, sentences) = (lines(&text), sentences(&text, language));
        let mut covered = 0;
        for &span in &sentences {
            let slice = text.slice(span);
            assert!(!slice.is_empty() && slice.trim() == slice);
            assert!(span.start() >= covered);
            assert!(
                source[covered..span.start()]
                    .chars()
                    .all(char::is_whitespace)
            );
            assert!(lines.iter().any(|line| line.contains(span)));
            covered = span.end();
        }
        assert!(source[covered..].chars().all(char::is_whitespace));
    }

    proptest! {
        #[test]
        fn every_character_that_is_not_blank_is_in_one_sentence(source in any::<String>(), language in "de|en|pl|und") {
            assert_covers(&source, &language);
        }

        #[test]
        fn so_it_is_where_marks_are_dense(source in "([A-ZÄa-zäßIX0-9]{1,3}|[.!?…„“”»«()\\[\\],–—'\" \u{a0}\u{308}\r\n。]){0,120}", language in "de|en|fr|pl|und") {
            assert_covers(&source, &language);
        }

        #[test]
        fn so_it_is_in_texts_that_no_paper_prints(source in hostile(), language in "de|en|fr|pl|und") {
            assert_covers(&source, &language);
        }
    }
}
