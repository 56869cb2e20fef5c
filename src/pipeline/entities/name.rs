//! One spelling of a name, made comparable.

use super::grammar::{Grammar, german_adjective_stem, german_noun_stem, polish_stem};
use crate::pipeline::document::EntityType;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A name as words that can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    /// Folded words, without articles, legal forms and generation.
    pub(super) words: Vec<Word>,
    /// "jr" or "sr" of a person, which tells father and son apart.
    pub(super) generation: Option<&'static str>,
    /// The letters in lower case, where the spelling is that of an acronym.
    pub(super) acronym: Option<String>,
    /// Whether all letters are capitals, as in an acronym or a headline.
    pub(super) capitals: bool,
}

/// A folded word of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Lower case, without diacritics that do not tell names apart.
    pub(super) text: String,
    /// Whether it stands for the beginning of given names: the "J." of "J. Meier".
    pub(super) initial: bool,
}

/// Company forms of several words, as folded words.
const LEGAL_PHRASES: &[&[&str]] = &[
    &["gmbh", "co", "kg"],
    &["gmbh", "co", "kgaa"],
    &["ag", "co", "kg"],
    &["ag", "co", "kgaa"],
    &["se", "co", "kgaa"],
    &["se", "co", "kg"],
    &["co", "kg"],
    &["sp", "z", "oo"],
    &["spolka", "akcyjna"],
    &["e", "v"],
    &["s", "a"],
    &["s", "p", "a"],
    &["public", "limited", "company"],
];

/// Company forms of one word, folded.
const LEGAL_WORDS: &[&str] = &[
    "ag",
    "se",
    "gmbh",
    "kgaa",
    "kg",
    "ohg",
    "gbr",
    "ug",
    "ggmbh",
    "ev",
    "eg",
    "mbh",
    "inc",
    "corp",
    "corporation",
    "ltd",
    "limited",
    "plc",
    "llc",
    "llp",
    "lp",
    "co",
    "sa",
    "sas",
    "sarl",
    "sca",
    "spa",
    "srl",
    "snc",
    "nv",
    "bv",
    "cv",
    "vof",
    "sp",
    "zoo",
    "lda",
    "ltda",
    "sl",
    "slu",
    "spolka",
];

/// Articles that may stand at the head of a name, folded.
const ARTICLES: &[&str] = &[
    "der", "die", "das", "den", "dem", "the", "le", "la", "les", "el", "los", "las", "il", "lo",
    "gli", "de", "het", "o", "os",
];

/// Words that mark the younger or the elder of two persons with one name.
const GENERATIONS: &[(&str, &str)] = &[
    ("jr", "jr"),
    ("junior", "jr"),
    ("jun", "jr"),
    ("filho", "jr"),
    ("neto", "jr"),
    ("hijo", "jr"),
    ("fils", "jr"),
    ("sr", "sr"),
    ("senior", "sr"),
    ("sen", "sr"),
    ("padre", "sr"),
    ("pai", "sr"),
];

impl Name {
    /// Reads the spelling of a mention.
    pub(super) fn read(surface: &str, entity_type: EntityType, grammar: Grammar) -> Self {
        let person = entity_type == EntityType::Person;
        let cleaned = clean(surface);
        let mut words = split(&cleaned, person, grammar);
        let mut generation = None;
        if person {
            strip_title(&mut words);
            generation = take_generation(&mut words);
        } else {
            strip_legal_form(&mut words);
            strip_article(&mut words, entity_type, grammar);
        }
        if words.is_empty() {
            // Nothing but signs: the spelling itself is the name.
            words.push(Word {
                text: cleaned.clone(),
                initial: false,
            });
        }
        Self {
            words,
            generation,
            acronym: acronym(&cleaned),
            capitals: !cleaned.chars().any(char::is_lowercase),
        }
    }

    /// The key that equal spellings share.
    pub(super) fn key(&self) -> String {
        let mut key = join(self.words.iter().map(|w| w.text.as_str()));
        if let Some(generation) = self.generation {
            key.push('~');
            key.push_str(generation);
        }
        key
    }

    /// The key that the inflected spellings of a name of several words share (in Polish, of any name).
    pub(super) fn stem_key(&self, entity_type: EntityType, grammar: Grammar) -> Option<String> {
        let person = entity_type == EntityType::Person;
        match grammar {
            Grammar::Polish => Some(join(
                self.words.iter().map(|w| polish_stem(&w.text, person)),
            )),
            Grammar::German if !person && self.words.len() > 1 => {
                let last = self.words.len() - 1;
                let declined = self
                    .words
                    .first()
                    .is_some_and(|w| german_adjective_stem(&w.text) != w.text);
                Some(join(self.words.iter().enumerate().map(|(i, w)| {
                    if i == last {
                        german_noun_stem(&w.text, declined)
                    } else {
                        german_adjective_stem(&w.text)
                    }
                })))
            }
            _ => None,
        }
    }
}

fn join<S: AsRef<str>>(words: impl Iterator<Item = S>) -> String {
    let mut joined = String::new();
    for word in words {
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(word.as_ref());
    }
    joined
}

/// One kind of blank, hyphen and apostrophe; no invisible signs; composed characters.
pub(super) fn clean(surface: &str) -> String {
    let plain = |b: u8| b.is_ascii_graphic() && b != b'`';
    let single = |pair: &[u8]| pair != b"  ";
    if surface.bytes().all(|b| plain(b) || b == b' ') && surface.as_bytes().windows(2).all(single) {
        return surface.trim().to_owned();
    }
    let mut cleaned = String::with_capacity(surface.len());
    let mut blank = false;
    for c in surface.nfc() {
        let c = match c {
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => continue,
            '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
            '\u{2018}'..='\u{201b}' | '\u{2bc}' | '\u{b4}' | '`' => '\'',
            c if c.is_whitespace() || c.is_control() => ' ',
            c => c,
        };
        if c == ' ' {
            blank = !cleaned.is_empty();
            continue;
        }
        if blank {
            cleaned.push(' ');
            blank = false;
        }
        cleaned.push(c);
    }
    cleaned
}

/// Lower case without marks, so that "ÉLYSÉE", "ELYSEE" and "Élysée" are equal.
fn fold(word: &str, grammar: Grammar) -> String {
    if word.is_ascii() {
        return word.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(word.len());
    let mut base = ' ';
    for c in word.nfd() {
        if is_combining_mark(c) {
            let umlaut = c == '\u{308}' && matches!(base, 'a' | 'o' | 'u');
            if umlaut && grammar.keeps_umlauts() {
                folded.push(c);
            }
            continue;
        }
        for lower in c.to_lowercase().filter(|c| !is_combining_mark(*c)) {
            base = lower;
            match lower {
                'ß' => folded.push_str("ss"),
                'æ' => folded.push_str("ae"),
                'œ' => folded.push_str("oe"),
                'ø' => folded.push('o'),
                'ł' => folded.push('l'),
                'đ' => folded.push('d'),
                'ı' => folded.push('i'),
                c => folded.push(c),
            }
        }
    }
    folded.nfc().collect()
}

fn split(cleaned: &str, person: bool, grammar: Grammar) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let separators: &[char] = if person { &[] } else { &['-', '/'] };
    for part in cleaned.split(' ') {
        for (i, raw) in part.split(separators).enumerate() {
            if i > 0 && grammar == Grammar::Polish && CASE_ENDINGS.contains(&raw) {
                continue;
            }
            push_raw(&mut words, raw, person, grammar);
        }
    }
    words
}

/// What stands behind the hyphen of a declined Polish acronym: "PiS-u".
const CASE_ENDINGS: &[&str] = &["u", "em", "owi", "ie", "a", "y", "i", "om", "ów", "owie"];

fn push_raw(words: &mut Vec<Word>, raw: &str, person: bool, grammar: Grammar) {
    let trimmed = raw.trim_matches(|c: char| !c.is_alphanumeric());
    if trimmed.is_empty() {
        return;
    }
    let dotted = raw.ends_with('.');
    if trimmed.contains('.') {
        push_dotted(words, trimmed, dotted, person, grammar);
    } else {
        push(words, trimmed, dotted, person, grammar);
    }
}

/// A word with dots inside: "U.S." is one word, "J.F." are initials, "St.Gallen" is two words.
fn push_dotted(words: &mut Vec<Word>, raw: &str, dotted: bool, person: bool, grammar: Grammar) {
    let letters = raw.split('.').all(|part| part.chars().count() <= 1);
    if letters && !person {
        let joined: String = raw.split('.').collect();
        push(words, &joined, false, person, grammar);
        return;
    }
    let last = raw.split('.').count().saturating_sub(1);
    for (i, part) in raw.split('.').enumerate() {
        push(
            words,
            part.trim_matches('-'),
            i < last || dotted,
            person,
            grammar,
        );
    }
}

fn push(words: &mut Vec<Word>, raw: &str, dotted: bool, person: bool, grammar: Grammar) {
    let text = fold(raw, grammar);
    if text.is_empty() {
        return;
    }
    if !person {
        words.push(Word {
            text,
            initial: false,
        });
        return;
    }
    let expanded = match raw {
        "v" | "v." if dotted => Some("von"),
        "d" if dotted && words.last().is_some_and(|w| w.text == "von") => Some("der"),
        _ => None,
    };
    if let Some(particle) = expanded {
        words.push(Word {
            text: particle.to_owned(),
            initial: false,
        });
        return;
    }
    let short = text.chars().count() <= 2 && raw.chars().all(char::is_uppercase);
    let single = text.chars().count() == 1;
    let vowelless = short && !text.contains(['a', 'e', 'i', 'o', 'u', 'y']);
    let initial = (single && (dotted || short)) || (vowelless && words.is_empty());
    // "J. D.", "J.D." and "JD" are all "jd".
    if let Some(before) = words.last_mut().filter(|w| w.initial && initial) {
        before.text.push_str(&text);
        return;
    }
    words.push(Word { text, initial });
}

/// Forms of address that a mention should not hold, folded.
const TITLES: &[&str] = &[
    "dr", "prof", "herr", "herrn", "frau", "mr", "mrs", "ms", "mme", "pani", "pan", "sra",
];

fn strip_title(words: &mut Vec<Word>) {
    let titles = words
        .iter()
        .take_while(|w| TITLES.contains(&w.text.as_str()))
        .count();
    if titles < words.len() {
        words.drain(..titles);
    }
}

fn take_generation(words: &mut Vec<Word>) -> Option<&'static str> {
    if words.len() < 3 {
        return None;
    }
    let last = words.last()?;
    let (_, generation) = GENERATIONS.iter().find(|(word, _)| *word == last.text)?;
    words.pop();
    Some(generation)
}

fn strip_legal_form(words: &mut Vec<Word>) {
    loop {
        let before = words.len();
        for phrase in LEGAL_PHRASES {
            let keep = words.len().saturating_sub(phrase.len());
            let ends = words.get(keep..).is_some_and(|end| {
                end.iter()
                    .map(|w| w.text.as_str())
                    .eq(phrase.iter().copied())
            });
            if keep > 0 && ends {
                words.truncate(keep);
            }
        }
        if words.len() > 1
            && words
                .last()
                .is_some_and(|w| LEGAL_WORDS.contains(&w.text.as_str()))
        {
            words.pop();
        }
        if words.len() == before {
            return;
        }
    }
}

/// Takes the article off "Der Spiegel" and "the Netherlands", but leaves "La Paz" and "El Salvador" whole.
fn strip_article(words: &mut Vec<Word>, entity_type: EntityType, grammar: Grammar) {
    let Some(first) = words.first().filter(|_| words.len() > 1) else {
        return;
    };
    let article = if entity_type == EntityType::Location {
        first.text == "the"
            || grammar == Grammar::German && matches!(first.text.as_str(), "der" | "die" | "das")
    } else {
        ARTICLES.contains(&first.text.as_str())
    };
    if article {
        words.remove(0);
    }
}

/// The letters of an acronym: one word of two to eight letters, at least half of them capitals.
fn acronym(cleaned: &str) -> Option<String> {
    let cleaned = cleaned.trim_end_matches("'s");
    if cleaned.len() > 24 {
        return None;
    }
    let letters: String = cleaned
        .chars()
        .filter(|c| !matches!(c, '.' | '\''))
        .collect();
    let count = letters.chars().count();
    let capitals = letters.chars().filter(|c| c.is_uppercase()).count();
    let plain = letters.chars().all(|c| c.is_alphanumeric() || c == '&');
    ((2..=8).contains(&count) && plain && capitals >= 2 && capitals * 2 >= count)
        .then(|| letters.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use EntityType::{Location, Organization, Person};

    fn key(surface: &str, entity_type: EntityType, language: &str) -> String {
        Name::read(surface, entity_type, Grammar::of(language)).key()
    }

    #[test]
    fn spellings_that_differ_in_signs_or_case_share_a_key() {
        for (a, b, entity_type, language) in [
            ("TRUMP", "Trump", Person, "de"),
            ("O’Neill", "O'Neill", Person, "en"),
            ("Strack‑Zimmermann", "Strack-Zimmermann", Person, "de"),
            ("Bundes\u{ad}bank", "Bundesbank", Organization, "de"),
            ("Mu\u{308}ller", "Müller", Person, "de"),
            ("Deutsche  Bank", "Deutsche\u{a0}Bank", Organization, "de"),
            ("ÉLYSÉE", "Elysée", Organization, "fr"),
            ("Weiß", "WEISS", Person, "de"),
            ("U.S.", "US", Location, "en"),
            ("J.D. Vance", "JD Vance", Person, "en"),
            ("J. D. Vance", "J.D. Vance", Person, "en"),
            ("Paris'", "Paris", Location, "de"),
            ("Erdoğan", "Erdogan", Person, "de"),
        ] {
            assert_eq!(
                key(a, entity_type, language),
                key(b, entity_type, language),
                "{a} {b}"
            );
        }
    }

    #[test]
    fn a_legal_form_is_no_part_of_the_key() {
        for (surface, expected) in [
            ("Zellenwerk Elbe AG", "zellenwerk elbe"),
            ("Auer & Sohn GmbH & Co. KG", "auer sohn"),
            ("Hallig Hilfe e. V.", "hallig hilfe"),
            ("Merlow Inc.", "merlow"),
            ("Portalba S.p.A.", "portalba"),
            ("Verdalia, S.A.", "verdalia"),
            ("Drukmet Sp. z o.o.", "drukmet"),
            ("Waterkant B.V.", "waterkant"),
            ("SE", "se"),
        ] {
            assert_eq!(key(surface, Organization, "de"), expected);
        }
    }

    #[test]
    fn an_umlaut_tells_german_names_apart() {
        assert_ne!(key("Müller", Person, "de"), key("Muller", Person, "de"));
    }

    #[test]
    fn an_acronym_is_known_by_its_capitals() {
        for (surface, expected) in [
            ("IWF", Some("iwf")),
            ("AfD", Some("afd")),
            ("U.S.", Some("us")),
            ("Siemens", None),
            ("Deutsche Bank", None),
        ] {
            let name = Name::read(surface, Organization, Grammar::German);
            assert_eq!(name.acronym.as_deref(), expected, "{surface}");
        }
    }
}
