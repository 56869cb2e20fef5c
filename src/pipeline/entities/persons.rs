//! Which mentions of persons name the same one.
//!
//! Full names are compared over the whole document first. A surname alone is then given, mention by mention, to
//! the person of that name whom the reader has in mind; two full names are never joined by it.

use super::forms::{Form, Forms};
use super::gender::{Gender, of_given_name, of_title};
use super::grammar::{Grammar, polish_stem};
use super::name::Word;
use super::sets::Sets;
use crate::pipeline::document::{EntityType, Mention};
use crate::pipeline::text::Text;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Most persons that are kept for one key.
const CANDIDATES: usize = 64;

/// Words of one name that take part in the search for its parts.
const WORDS: usize = 8;

/// Words that belong to a surname, folded.
const PARTICLES: &[&str] = &[
    "von", "vom", "zu", "zur", "zum", "van", "der", "den", "ter", "ten", "te", "de", "del",
    "della", "dalla", "di", "da", "do", "dos", "das", "du", "des", "le", "la", "lo", "el", "al",
    "bin", "ibn", "abu", "af", "av", "y", "e", "san",
];

/// Surnames that stand before the given name.
const LEADING_SURNAMES: &[&str] = &[
    "xi", "li", "wang", "zhang", "liu", "chen", "yang", "huang", "zhao", "wu", "zhou", "xu", "sun",
    "ma", "zhu", "hu", "guo", "he", "lin", "gao", "luo", "deng", "mao", "kim", "park", "lee",
    "moon", "yoon", "choi", "jung", "nguyen", "tran", "pham", "orban",
];

/// The grouping of persons: forms of full names are joined in `sets`; the answer gives for each mention the
/// form whose set it belongs to, where that is not its own.
pub(super) fn resolve(
    text: &Text,
    mentions: &[Mention],
    forms: &Forms,
    grammar: Grammar,
    sets: &mut Sets,
) -> HashMap<usize, usize> {
    let spellings = spellings(forms, grammar);
    let mut same: HashMap<&str, usize> = HashMap::new();
    for spelling in &spellings {
        let first = *same.entry(&spelling.key).or_insert(spelling.form);
        sets.join(first, spelling.form);
    }
    let index = Index::of(&spellings);
    for spelling in spellings.iter().filter(|s| index.is_full(s)) {
        join_full(spelling, &spellings, &index, sets);
    }
    Reading::new(text, mentions, forms, &spellings, &index, grammar, sets).run()
}

/// A form of a person's name with its inflection undone.
#[derive(Debug)]
struct Spelling {
    form: usize,
    words: Vec<Word>,
    generation: Option<&'static str>,
    key: String,
}

impl Spelling {
    fn first(&self) -> &str {
        self.words.first().map_or("", |w| w.text.as_str())
    }

    fn last(&self) -> &str {
        self.words.last().map_or("", |w| w.text.as_str())
    }

    fn middle(&self) -> &[Word] {
        let end = self.words.len().saturating_sub(1);
        self.words.get(1..end).unwrap_or(&[])
    }

    fn has_given_name(&self) -> bool {
        self.words.len() > 1 && !PARTICLES.contains(&self.first())
    }
}

fn spellings(forms: &Forms, grammar: Grammar) -> Vec<Spelling> {
    let vocabulary = Vocabulary::of(forms);
    forms
        .of_type(EntityType::Person)
        .map(|(i, form)| {
            let mut words = form.name.words.clone();
            if grammar == Grammar::Polish {
                for word in words.iter_mut().filter(|w| !w.initial) {
                    word.text = polish_stem(&word.text, true);
                }
            } else if let Some(base) = vocabulary.base(form, forms, grammar)
                && let Some(last) = words.last_mut()
            {
                last.text = base;
            }
            let mut key = key(&words);
            if let Some(generation) = form.name.generation {
                key.push('~');
                key.push_str(generation);
            }
            Spelling {
                form: i,
                words,
                generation: form.name.generation,
                key,
            }
        })
        .collect()
}

fn key(words: &[Word]) -> String {
    let words: Vec<&str> = words.iter().map(|w| w.text.as_str()).collect();
    words.join(" ")
}

/// The words of the persons' names as they stand, by which a genitive is told from a name in -s.
#[derive(Debug)]
struct Vocabulary<'a> {
    given: HashSet<&'a str>,
    surnames: HashSet<&'a str>,
    alone: HashSet<&'a str>,
}

impl<'a> Vocabulary<'a> {
    fn of(forms: &'a Forms) -> Self {
        let (mut given, mut surnames, mut alone) = Default::default();
        for (_, form) in forms.of_type(EntityType::Person) {
            match form.name.words.as_slice() {
                [] => {}
                [one] => {
                    let set: &mut HashSet<&str> = &mut alone;
                    set.insert(one.text.as_str());
                }
                [first, .., last] => {
                    let set: &mut HashSet<&str> = &mut given;
                    set.insert(first.text.as_str());
                    let set: &mut HashSet<&str> = &mut surnames;
                    set.insert(last.text.as_str());
                }
            }
        }
        Self {
            given,
            surnames,
            alone,
        }
    }

    /// The last word of the form without the genitive, where the document knows it so.
    fn base(&self, form: &Form, forms: &Forms, grammar: Grammar) -> Option<String> {
        let last = form.name.words.last()?.text.as_str();
        let full = form.name.words.len() > 1;
        let found = if full {
            let stem = form.key.strip_suffix(last)?;
            grammar.bases(last, false).into_iter().find(|base| {
                let whole = format!("{stem}{base}");
                let known = forms.find(EntityType::Person, &whole).is_some();
                known || (self.alone.contains(base) && !self.alone.contains(last))
            })
        } else {
            let itself = self.surnames.contains(last) || self.given.contains(last);
            grammar
                .bases(last, false)
                .into_iter()
                .filter(|_| !itself)
                .find(|base| self.surnames.contains(base) || self.alone.contains(base))
        };
        found.map(str::to_owned)
    }
}

/// Full names by what they may be shortened to. The numbers are those of spellings.
#[derive(Debug, Default)]
struct Index {
    /// Runs of words that do not begin with the given name.
    surnames: HashMap<String, Vec<usize>>,
    /// Runs of two words and more that begin with the given name.
    heads: HashMap<String, Vec<usize>>,
    /// Given name and last word.
    ends: HashMap<(String, String), Vec<usize>>,
    /// First letter of the given name and last word.
    initials: HashMap<(char, String), Vec<usize>>,
    /// The words in alphabetical order, hyphens undone.
    unordered: HashMap<String, Vec<usize>>,
    /// Given names alone.
    given: HashMap<String, Vec<usize>>,
    /// The parts of hyphenated surnames.
    halves: HashMap<String, Vec<usize>>,
}

impl Index {
    fn of(spellings: &[Spelling]) -> Self {
        let mut index = Self::default();
        let mut seen = HashSet::new();
        for (i, spelling) in spellings.iter().enumerate() {
            if spelling.has_given_name() && seen.insert(spelling.key.as_str()) {
                index.add(i, spelling);
            }
        }
        // "De Vries" may be short for "Jan de Vries", or be all that there is of a name.
        for (i, spelling) in spellings.iter().enumerate() {
            if spelling.words.len() > 1
                && !spelling.has_given_name()
                && index.is_full(spelling)
                && seen.insert(spelling.key.as_str())
            {
                index.add(i, spelling);
            }
        }
        index
    }

    fn is_full(&self, spelling: &Spelling) -> bool {
        spelling.words.len() > 1
            && (spelling.has_given_name() || !self.surnames.contains_key(&spelling.key))
    }

    fn add(&mut self, i: usize, spelling: &Spelling) {
        let count = spelling.words.len().min(WORDS);
        let first = spelling.first().to_owned();
        let last = spelling.last().to_owned();
        for start in 0..count {
            for end in start + 1..=count {
                let Some(run) = spelling.words.get(start..end) else {
                    continue;
                };
                let middle_name = end < spelling.words.len()
                    && run.len() == 1
                    && run.iter().all(|w| of_given_name(&w.text).is_some());
                if start > 0 && !middle_name && run.last().is_some_and(is_surname) {
                    push(&mut self.surnames, key(run), i);
                } else if start == 0 && end > 1 && end < spelling.words.len() {
                    push(&mut self.heads, key(run), i);
                }
            }
        }
        for half in last.split('-').filter(|half| half.len() < last.len()) {
            push(&mut self.halves, half.to_owned(), i);
        }
        if let Some(letter) = first.chars().next() {
            push(&mut self.initials, (letter, last.clone()), i);
        }
        push(&mut self.ends, (first.clone(), last), i);
        push(&mut self.given, first, i);
        push(&mut self.unordered, unordered(spelling), i);
    }
}

fn push<K: std::hash::Hash + Eq>(index: &mut HashMap<K, Vec<usize>>, key: K, i: usize) {
    let bucket = index.entry(key).or_default();
    if bucket.len() < CANDIDATES {
        bucket.push(i);
    }
}

/// Whether a run of words that ends with this one can be a surname.
fn is_surname(word: &Word) -> bool {
    let numeral = word.text.chars().all(|c| matches!(c, 'i' | 'v' | 'x'));
    !word.initial && !numeral && !PARTICLES.contains(&word.text.as_str())
}

fn unordered(spelling: &Spelling) -> String {
    let mut words: Vec<&str> = spelling
        .words
        .iter()
        .flat_map(|w| w.text.split('-'))
        .collect();
    words.sort_unstable();
    let generation = spelling.generation.unwrap_or("");
    words.join(" ") + generation
}

/// Joins a full name with the one fuller name that it is short for.
fn join_full(spelling: &Spelling, spellings: &[Spelling], index: &Index, sets: &mut Sets) {
    for &i in index
        .unordered
        .get(&unordered(spelling))
        .into_iter()
        .flatten()
    {
        if let Some(other) = spellings.get(i) {
            sets.join(spelling.form, other.form);
        }
    }
    let ends = (spelling.first().to_owned(), spelling.last().to_owned());
    let parts = index.heads.get(&spelling.key).into_iter().flatten();
    let parts = parts.chain(index.surnames.get(&spelling.key).into_iter().flatten());
    let parts = parts.filter_map(|&i| spellings.get(i));
    let ends = index.ends.get(&ends).into_iter().flatten();
    let ends = ends
        .filter_map(|&i| spellings.get(i))
        .filter(|other| abbreviates(spelling, other));
    let wholes: Vec<&Spelling> = parts
        .chain(ends)
        .filter(|other| other.generation == spelling.generation)
        .collect();
    join_only(spelling, &wholes, sets);
    let initial = spelling.words.first().filter(|w| w.initial);
    if let Some(letter) = initial.and_then(|w| w.text.chars().next()) {
        let key = (letter, spelling.last().to_owned());
        let spelt: Vec<&Spelling> = index
            .initials
            .get(&key)
            .into_iter()
            .flatten()
            .filter_map(|&i| spellings.get(i))
            .filter(|other| other.words.first().is_some_and(|w| !w.initial))
            .collect();
        join_only(spelling, &spelt, sets);
    }
}

/// Joins where all the others are one person.
fn join_only(spelling: &Spelling, others: &[&Spelling], sets: &mut Sets) {
    let own = sets.find(spelling.form);
    let persons: BTreeSet<usize> = others
        .iter()
        .map(|other| sets.find(other.form))
        .filter(|person| *person != own)
        .collect();
    if let (1, Some(&person)) = (persons.len(), persons.first()) {
        sets.join(own, person);
    }
}

/// Whether `short` is `long` with middle names left out or cut to their initials.
fn abbreviates(short: &Spelling, long: &Spelling) -> bool {
    if short.words.len() > WORDS || long.words.len() > WORDS {
        return false;
    }
    let (few, many) = (short.middle(), long.middle());
    if few.len() > many.len() || short.key == long.key {
        return false;
    }
    // "George W." is no short form of "George H. W.".
    if !few.is_empty() && many.iter().all(|w| w.initial) {
        return false;
    }
    let mut rest = many.iter();
    few.iter().all(|word| {
        rest.any(|other| {
            word.text == other.text
                || (word.initial && other.text.starts_with(word.text.get(..1).unwrap_or("\0")))
        })
    })
}

/// Reads the mentions in the order of the text and gives each surname alone to a person.
struct Reading<'a> {
    text: &'a Text,
    mentions: &'a [Mention],
    forms: &'a Forms,
    /// The spelling of each form.
    spelling_of: HashMap<usize, &'a Spelling>,
    index: &'a Index,
    spellings: &'a [Spelling],
    grammar: Grammar,
    sets: &'a mut Sets,
    /// Where the lines begin.
    lines: Vec<usize>,
    persons: BTreeMap<usize, Person>,
    /// The persons mentioned so far by the surnames that stand alone somewhere, the last first.
    recent: HashMap<String, Vec<usize>>,
}

/// What the reading knows of a person.
#[derive(Debug, Default)]
struct Person {
    gender: Option<Gender>,
    /// Surnames of the person that stand alone somewhere in the text.
    surnames: BTreeSet<String>,
    /// Mentions with the full name in the whole text.
    full: usize,
    /// First mention with the full name.
    first: Option<usize>,
    /// Mentions so far.
    seen: usize,
    /// Line of the last mention so far.
    line: usize,
}

impl<'a> Reading<'a> {
    fn new(
        text: &'a Text,
        mentions: &'a [Mention],
        forms: &'a Forms,
        spellings: &'a [Spelling],
        index: &'a Index,
        grammar: Grammar,
        sets: &'a mut Sets,
    ) -> Self {
        let breaks = text.as_str().match_indices('\n').map(|(at, _)| at);
        let mut reading = Self {
            text,
            mentions,
            forms,
            spelling_of: spellings.iter().map(|s| (s.form, s)).collect(),
            index,
            spellings,
            grammar,
            sets,
            lines: breaks.collect(),
            persons: BTreeMap::new(),
            recent: HashMap::new(),
        };
        reading.introduce();
        reading
    }

    /// Sets up the persons that have a full name.
    fn introduce(&mut self) {
        for spelling in self.spellings {
            if !self.index.is_full(spelling) {
                for &i in self.surname(&spelling.key) {
                    if let Some(full) = self.spellings.get(i) {
                        let person = self.sets.find(full.form);
                        let surnames = &mut self.persons.entry(person).or_default().surnames;
                        surnames.insert(spelling.key.clone());
                    }
                }
                continue;
            }
            let person = self.sets.find(spelling.form);
            let form = self.forms.forms.get(spelling.form);
            let mentions = form.map_or(&[][..], |form| form.mentions.as_slice());
            let given = form.and_then(|f| f.name.words.first());
            let title = mentions.first().and_then(|&m| self.title(m));
            let entry = self.persons.entry(person).or_default();
            entry.full += mentions.len();
            entry.first = entry
                .first
                .into_iter()
                .chain(mentions.first().copied())
                .min();
            entry.gender = entry
                .gender
                .or_else(|| given.and_then(|w| of_given_name(&w.text)))
                .or(title);
        }
    }

    fn surname(&self, key: &str) -> &'a [usize] {
        self.index.surnames.get(key).map_or(&[], Vec::as_slice)
    }

    fn title(&self, mention: usize) -> Option<Gender> {
        let german = self.grammar == Grammar::German;
        let span = self.mentions.get(mention)?.span;
        of_title(self.text, span, german)
    }

    fn line(&self, mention: usize) -> usize {
        let start = self.mentions.get(mention).map_or(0, |m| m.span.start());
        self.lines.partition_point(|at| *at < start)
    }

    fn run(mut self) -> HashMap<usize, usize> {
        let mut resolved = HashMap::new();
        for (mention, form) in self.forms.of_mention.iter().enumerate() {
            let Some(&spelling) = self.spelling_of.get(form) else {
                continue;
            };
            if self.index.is_full(spelling) {
                let person = self.sets.find(spelling.form);
                self.see(person, mention);
            } else if let Some(person) = self.person(spelling, mention) {
                let title = self.title(mention);
                let entry = self.persons.entry(person).or_default();
                entry.gender = entry.gender.or(title);
                self.see(person, mention);
                resolved.insert(mention, person);
            }
        }
        resolved
    }

    /// Notes that a person has been mentioned.
    fn see(&mut self, person: usize, mention: usize) {
        /// Persons of one surname that are kept in mind.
        const RECENT: usize = 16;
        let line = self.line(mention);
        let entry = self.persons.entry(person).or_default();
        entry.seen += 1;
        entry.line = line;
        for surname in &entry.surnames {
            let recent = self.recent.entry(surname.clone()).or_default();
            recent.retain(|p| *p != person);
            recent.insert(0, person);
            recent.truncate(RECENT);
        }
    }

    /// The person that a surname or a given name alone names.
    fn person(&mut self, spelling: &Spelling, mention: usize) -> Option<usize> {
        let title = self.title(mention);
        let fits = |persons: &BTreeMap<usize, Person>, person: &usize| {
            let known = persons.get(person).and_then(|p| p.gender);
            title.is_none() || known.is_none() || title == known
        };
        let bearers = self.surname(&spelling.key);
        if bearers.is_empty() {
            return self
                .by_given_name(spelling)
                .or_else(|| self.by_half(spelling))
                .filter(|p| fits(&self.persons, p));
        }
        let recent = self.recent.get(&spelling.key).into_iter().flatten();
        let recent: Vec<usize> = recent.copied().filter(|p| fits(&self.persons, p)).collect();
        if let Some(person) = self.prominent(&recent, mention) {
            return Some(person);
        }
        let mut persons = BTreeSet::new();
        for &i in bearers {
            if let Some(full) = self.spellings.get(i) {
                persons.insert(self.sets.find(full.form));
            }
        }
        persons
            .into_iter()
            .filter(|p| fits(&self.persons, p))
            .max_by_key(|p| {
                let full = self.persons.get(p).map_or(0, |person| person.full);
                (full, std::cmp::Reverse(*p))
            })
    }

    /// Of the persons mentioned so far (the last first) the last, unless another is far more prominent.
    fn prominent(&self, recent: &[usize], mention: usize) -> Option<usize> {
        /// Mentions by which a person must be ahead of the last one.
        const LEAD: usize = 2;
        let &last = recent.first()?;
        let seen = |p: &usize| self.persons.get(p).map_or(0, |person| person.seen);
        let near = self
            .persons
            .get(&last)
            .is_some_and(|p| p.line == self.line(mention));
        let foremost = recent
            .iter()
            .copied()
            .rev()
            .max_by_key(seen)
            .unwrap_or(last);
        let ahead = seen(&foremost) >= seen(&last) + LEAD;
        Some(if ahead && !near { foremost } else { last })
    }

    /// The only person with this given name, if the text has introduced him or her before.
    fn by_given_name(&mut self, spelling: &Spelling) -> Option<usize> {
        let bearers = self.index.given.get(&spelling.key)?;
        let mut persons = BTreeSet::new();
        let mut numbered = false;
        for &i in bearers {
            let full = self.spellings.get(i)?;
            persons.insert(self.sets.find(full.form));
            numbered |= full.words.get(1).is_some_and(|w| !is_surname(w));
        }
        let (1, Some(&person)) = (persons.len(), persons.first()) else {
            return None;
        };
        // "Xi" and "Leo" (the Fourteenth) are named so in headlines as well.
        let leading = LEADING_SURNAMES.contains(&spelling.key.as_str());
        // What the name means behind the introduction it means in the headline too.
        let form = self.forms.forms.get(spelling.form);
        let last = form.and_then(|form| form.mentions.last()).copied();
        let first = self.persons.get(&person).and_then(|p| p.first);
        let introduced = first.is_some() && first < last;
        (introduced || leading || numbered).then_some(person)
    }

    /// The only person with this half of a double surname, if the text has introduced him or her before.
    fn by_half(&mut self, spelling: &Spelling) -> Option<usize> {
        let bearers = self.index.halves.get(&spelling.key)?;
        let mut persons = BTreeSet::new();
        for &i in bearers {
            persons.insert(self.sets.find(self.spellings.get(i)?.form));
        }
        let (1, Some(&person)) = (persons.len(), persons.first()) else {
            return None;
        };
        let introduced = self.persons.get(&person).is_some_and(|p| p.seen > 0);
        introduced.then_some(person)
    }
}
