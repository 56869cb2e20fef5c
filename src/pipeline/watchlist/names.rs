//! One name of a target, word by word, and whether it stands at a place of a text.

use super::{
    Target, TargetType,
    fold::Folded,
    forms::{self, Place},
};

/// Names up to this many letters that have several capitals must have them in the text too: "WHO" is not "Who".
const ACRONYM: usize = 3;

/// From this many letters on a name written with accents is found without them: "Elysee".
const BARE: usize = 5;

/// From this many letters on a name written without accents is found with them: "Sánchez".
const ACCENTED: usize = 7;

/// Longest word of a text, in folded bytes, that is looked at; names are not longer.
pub const LONGEST_WORD: usize = 512;

/// Words of a line from which on it is taken for a headline in capitals.
const HEADLINE_WORDS: usize = 3;

/// Words that begin a surname of several words.
const PARTICLES: [&str; 19] = [
    "von", "van", "de", "der", "den", "zu", "zur", "vom", "di", "da", "del", "della", "le", "la",
    "du", "dos", "das", "ten", "ter",
];

/// Names of two parts that are no compound of the first or last. In order of length where one begins another.
const DOUBLE_NAMES: [&str; 21] = [
    "baden-baden",
    "baden-wuerttemberg",
    "rheinland-pfalz",
    "schleswig-holstein",
    "mecklenburg-vorpommern",
    "nordrhein-westfalen",
    "sachsen-anhalt",
    "bosnien-herzegowina",
    "elsass-lothringen",
    "oesterreich-ungarn",
    "guinea-bissau",
    "papua-neuguinea",
    "ile-de-france",
    "hauts-de-france",
    "emilia-romagna",
    "castilla-la",
    "noord-holland",
    "zuid-holland",
    "noord-brabant",
    "timor-leste",
    "sierra-leone",
];

/// What may stand in front of a person's name with a hyphen.
const PREFIXES: [&str; 8] = ["ex", "anti", "pro", "nicht", "post", "neo", "vize", "co"];

/// Small words of eight languages that are acronyms when all letters of a line are capitals.
const SMALL_WORDS: [&str; 40] = [
    "who", "us", "it", "is", "as", "am", "an", "at", "be", "by", "can", "do", "go", "he", "if",
    "in", "may", "me", "my", "no", "of", "on", "or", "so", "to", "up", "we", "all", "die", "der",
    "das", "des", "eu", "un", "une", "ont", "con", "per", "non", "een",
];

/// One name of a target.
#[derive(Debug)]
pub struct Name {
    /// Index of its target.
    pub target: usize,
    /// Whether it is the surname of a full name.
    pub surname: bool,
    target_type: TargetType,
    words: Vec<Word>,
    /// Whether the first word is an article.
    article: bool,
}

/// A word of a name.
#[derive(Debug, Clone)]
struct Word {
    folded: String,
    /// As written, one for each byte of `folded`.
    letters: Vec<char>,
    capitals: usize,
    /// What stands between it and the word before, folded.
    gap: String,
}

/// Where a name stands, in the folded text.
#[derive(Debug, Clone, Copy)]
pub struct Match {
    /// Its first byte; an article in front is left out.
    pub from: usize,
    /// Behind its last byte.
    pub to: usize,
}

/// Whether this can be looked for.
pub fn is_name(written: &str) -> bool {
    let folded = Folded::new(written.trim());
    let letters = (0..folded.bytes.len()).filter(|&at| folded.is_word(at));
    letters.count() >= 2 && !folded.bytes.contains(&b'\n')
}

/// The names of a target, and the surnames of a person.
pub fn of(index: usize, target: &Target) -> Vec<Name> {
    let mut names = Vec::new();
    for written in &target.names {
        let words = words(written);
        let article = words.len() > 1
            && words
                .first()
                .is_some_and(|first| forms::articles(&first.folded).is_some());
        if target.target_type == TargetType::Person {
            let surname = surname(&words);
            if !surname.is_empty() {
                names.push(Name {
                    target: index,
                    surname: true,
                    target_type: TargetType::Person,
                    words: surname,
                    article: false,
                });
            }
        }
        names.push(Name {
            target: index,
            surname: false,
            target_type: target.target_type,
            words,
            article,
        });
    }
    names
}

fn words(written: &str) -> Vec<Word> {
    let folded = Folded::new(written.trim());
    let mut words = Vec::new();
    let (mut at, mut gap_from) = (0, 0);
    while at < folded.bytes.len() {
        let end = folded.word_end(at);
        if end == at {
            at += 1;
            continue;
        }
        let slice =
            |range| String::from_utf8_lossy(folded.bytes.get(range).unwrap_or(&[])).into_owned();
        let letters: Vec<char> = folded.units[at..end]
            .iter()
            .map(|unit| unit.letter)
            .collect();
        words.push(Word {
            folded: slice(at..end),
            capitals: letters.iter().filter(|c| c.is_uppercase()).count(),
            letters,
            gap: slice(gap_from..at),
        });
        (at, gap_from) = (end, end);
    }
    words
}

/// The last word of a person's full name, with the particles in front of it.
fn surname(words: &[Word]) -> Vec<Word> {
    let Some((last, before)) = words.split_last() else {
        return Vec::new();
    };
    // Both parts of "Kosiniak-Kamysz" make the surname.
    let mut first = before.len();
    while let Some(earlier) = first.checked_sub(1).filter(|&earlier| earlier > 0)
        && let (Some(word), Some(earlier_word)) = (words.get(first), words.get(earlier))
        && (word.gap == "-" || PARTICLES.contains(&earlier_word.folded.as_str()))
    {
        first = earlier;
    }
    let long = last.folded.len() >= 3;
    if first == 0 || !long {
        return Vec::new();
    }
    words.get(first..).unwrap_or(&[]).to_vec()
}

impl Name {
    /// Byte sequences one of which begins the name in every form.
    pub fn beginnings(&self) -> Vec<Vec<u8>> {
        let Some(first) = self.words.first() else {
            return Vec::new();
        };
        let folded = first.folded.as_bytes();
        if self.article {
            let articles = forms::articles(&first.folded).unwrap_or(&[]);
            return articles.iter().map(|a| a.as_bytes().to_vec()).collect();
        }
        // What inflection leaves alone: "Praga" becomes "Pradze", "Sosnowiec" "Sosnowca".
        let kept = match folded.len() {
            length @ ..=3 => length,
            4 if folded.ends_with(b"a") => 2,
            4 | 5 => 3,
            length => length - 3,
        };
        vec![folded.get(..kept).unwrap_or(folded).to_vec()]
    }

    /// Whether the name stands at a place of a text, which begins a word.
    pub fn matched(&self, text: &Folded, at: usize, language: &str) -> Option<Match> {
        let mut from = at;
        let mut to = at;
        let mut start = at;
        for (index, word) in self.words.iter().enumerate() {
            if index > 0 {
                from = behind_gap(text, to, &word.gap)?;
            }
            if index == 1 && self.article {
                start = from;
            }
            let last = index + 1 == self.words.len();
            to = self.word(word, text, from, index, last, language)?;
        }
        self.stands_alone(text, start, to, language)
            .then_some(Match { from: start, to })
    }

    /// Behind the word that starts at `from`, if it is a form of this word of the name.
    fn word(
        &self,
        word: &Word,
        text: &Folded,
        from: usize,
        index: usize,
        last: bool,
        language: &str,
    ) -> Option<usize> {
        let end = text.word_end(from);
        if end - from > LONGEST_WORD {
            return None;
        }
        let found = std::str::from_utf8(text.bytes.get(from..end)?).ok()?;
        if self.article && index == 0 {
            let articles = forms::articles(&word.folded)?;
            return articles.contains(&found).then_some(end);
        }
        let place = Place {
            language,
            target_type: self.target_type,
            last,
        };
        let length = forms::matched(&word.folded, found, place)?;
        let units = text.units.get(from..end)?;
        // The name must not end within a character: "Bla" is not in "Blä".
        if let (Some(inside), Some(behind)) = (units.get(length.checked_sub(1)?), units.get(length))
            && inside.start == behind.start
        {
            return None;
        }
        let letters: Vec<char> = units.iter().map(|unit| unit.letter).collect();
        let bare = self
            .words
            .iter()
            .map(|word| word.letters.len())
            .sum::<usize>()
            >= BARE;
        let fits = word.has_case_of(&letters, self.target_type)
            && word.has_accents_of(found, &letters, language, bare)
            && !(word.is_acronym()
                && SMALL_WORDS.contains(&found)
                && self.words.len() == 1
                && is_headline_in_capitals(text, from));
        fits.then_some(from + length)
    }

    /// Whether the name is not a part of another name that hyphens make.
    fn stands_alone(&self, text: &Folded, from: usize, to: usize, language: &str) -> bool {
        let hyphen_before = from > 0 && text.bytes.get(from - 1) == Some(&b'-');
        let hyphen_behind = text.bytes.get(to) == Some(&b'-');
        if !hyphen_before && !hyphen_behind {
            return true;
        }
        let part_of_chain = |at: usize| text.is_word(at) || text.bytes.get(at) == Some(&b'-');
        let mut start = from;
        while start > 0 && from - start < LONGEST_WORD && part_of_chain(start - 1) {
            start -= 1;
        }
        let mut end = to;
        while end - to < LONGEST_WORD && part_of_chain(end) {
            end += 1;
        }
        let Ok(chain) = std::str::from_utf8(text.bytes.get(start..end).unwrap_or(&[])) else {
            return false;
        };
        let own = text.bytes.get(from..to).unwrap_or(&[]);
        let own = std::str::from_utf8(own).unwrap_or_default();
        if DOUBLE_NAMES
            .iter()
            .any(|&double| chain.contains(double) && !own.contains(double))
        {
            return false;
        }
        if self.target_type != TargetType::Person {
            return true;
        }
        let last = chain
            .rsplit('-')
            .find(|part| !part.is_empty())
            .unwrap_or_default();
        let noun_behind = hyphen_behind
            && (forms::ends_as_noun(last, language)
                || text
                    .units
                    .get(to + 1)
                    .is_some_and(|unit| unit.letter.is_lowercase()));
        if hyphen_before && !noun_behind {
            let before = &chain[..from - start];
            let prefix = before.trim_end_matches('-').rsplit('-').next();
            return !hyphen_behind && prefix.is_some_and(|prefix| PREFIXES.contains(&prefix));
        }
        // Nothing but a hyphen: the rest of the compound is left out.
        noun_behind || !text.is_word(to + 1)
    }
}

impl Word {
    /// Whether the capitals of the name are capitals in the text.
    fn has_case_of(&self, text: &[char], target_type: TargetType) -> bool {
        if self.is_acronym() {
            let mut both = self.letters.iter().zip(text);
            return both.all(|(name, text)| !name.is_uppercase() || text.is_uppercase());
        }
        let first = |letters: &[char]| letters.first().is_some_and(|c| c.is_uppercase());
        target_type == TargetType::Topic || !first(&self.letters) || first(text)
    }

    fn is_acronym(&self) -> bool {
        self.capitals >= 2 && self.letters.len() <= ACRONYM
    }

    /// Whether the accents are those of the name, or such as are left out or added. `bare` says that the whole name
    /// is long enough to be known without them.
    fn has_accents_of(&self, found: &str, text: &[char], language: &str, bare: bool) -> bool {
        let capitals = text.iter().all(|c| !c.is_lowercase());
        let same = self.folded.bytes().zip(found.bytes());
        let same = same.take_while(|(name, text)| name == text).count();
        let both = self.letters.iter().zip(text).take(same);
        both.into_iter().all(|(&name, &text)| {
            let (name, text) = (lower(name), lower(text));
            let spelt_out = |c| matches!(c, 'ä' | 'ö' | 'ü' | 'æ' | 'œ' | 'ß');
            if name == text || spelt_out(name) || spelt_out(text) {
                return true;
            }
            // Inflection moves Polish accents, and foreign papers leave most letters beyond Latin-1 out.
            let foreign = |c: char| c as u32 > 0xff || (language == "pl" && c == 'ó');
            match (name.is_ascii(), text.is_ascii()) {
                (true, true) => true,
                (true, false) => foreign(text) || self.letters.len() >= ACCENTED,
                (false, true) => capitals || foreign(name) || bare,
                (false, false) => foreign(name) || foreign(text),
            }
        })
    }
}

fn lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

/// Behind what stands between two words of a name, if it is what the name has there: a hyphen may be a blank, and an
/// abbreviation's full stop may be missing.
fn behind_gap(text: &Folded, from: usize, gap: &str) -> Option<usize> {
    let rest = text.bytes.get(from..)?;
    let length = rest
        .iter()
        .take(8)
        .position(|&byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80)?;
    let found = rest.get(..length)?;
    let core = |gap: &[u8]| -> Vec<u8> {
        let kept = gap
            .iter()
            .copied()
            .filter(|b| !matches!(b, b' ' | b'-' | b'.'));
        kept.collect()
    };
    let has = |byte: u8| found.contains(&byte);
    let close = found.iter().filter(|&&b| b == b' ').count() <= 2
        && (core(gap.as_bytes()) != b"" || matches!(found, b" " | b"-" | b"." | b". " | b".-"));
    let stops = !has(b'.') || gap.contains('.');
    (length > 0 && close && stops && core(found) == core(gap.as_bytes())).then_some(from + length)
}

/// Whether all letters of the line are capitals.
fn is_headline_in_capitals(text: &Folded, at: usize) -> bool {
    let is_break = |index: usize| text.bytes.get(index) == Some(&b'\n');
    let mut start = at;
    while start > 0 && !is_break(start - 1) && at - start < 500 {
        start -= 1;
    }
    let mut end = at;
    while end < text.bytes.len() && !is_break(end) && end - at < 500 {
        end += 1;
    }
    let line = text.units.get(start..end).unwrap_or(&[]);
    let words = text
        .bytes
        .get(start..end)
        .unwrap_or(&[])
        .split(|&b| b == b' ')
        .count();
    words >= HEADLINE_WORDS && !line.iter().any(|unit| unit.letter.is_lowercase())
}
