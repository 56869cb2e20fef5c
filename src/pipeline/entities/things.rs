//! Which spellings of organisations, places and other things name the same one.

use super::forms::{Form, Forms};
use super::grammar::Grammar;
use super::known::known;
use super::name::Word;
use super::sets::Sets;
use crate::pipeline::document::{EntityType, Mention};
use crate::pipeline::text::Text;
use std::collections::{BTreeSet, HashMap};

/// Most candidates that are kept for one key: a document that names more things alike is beyond telling apart.
const CANDIDATES: usize = 64;

/// Words of one name that take part in the search for its parts.
const WORDS: usize = 6;

/// Joins the forms of one type, which is none of persons.
pub(super) fn join(
    text: &Text,
    mentions: &[Mention],
    forms: &Forms,
    entity_type: EntityType,
    grammar: Grammar,
    sets: &mut Sets,
) {
    join_inflected(forms, entity_type, grammar, sets);
    join_known(forms, entity_type, grammar, sets);
    join_bracketed(text, mentions, forms, entity_type, grammar, sets);
    if entity_type == EntityType::Location {
        join_places(forms, sets);
        return;
    }
    join_acronyms(forms, entity_type, sets);
    join_parts(text, mentions, forms, entity_type, grammar, sets);
}

fn join_inflected(forms: &Forms, entity_type: EntityType, grammar: Grammar, sets: &mut Sets) {
    let mut stems: HashMap<String, usize> = HashMap::new();
    for (i, form) in forms.of_type(entity_type) {
        let short = form.name.capitals && form.name.acronym.is_some();
        if short {
            continue;
        }
        let mixed_acronym = form.name.acronym.is_some() && form.key.len() <= 4;
        if let Some(stem) = form
            .name
            .stem_key(entity_type, grammar)
            .filter(|_| !mixed_acronym)
        {
            let first = *stems.entry(stem).or_insert(i);
            sets.join(i, first);
        }
        let adjectival = form.name.words.len() == 1 && entity_type != EntityType::Location;
        for base in grammar.bases(&form.key, adjectival) {
            if let Some(other) = forms.find(entity_type, base) {
                sets.join(i, other);
                break;
            }
        }
    }
}

fn join_known(forms: &Forms, entity_type: EntityType, grammar: Grammar, sets: &mut Sets) {
    let mut things: HashMap<usize, usize> = HashMap::new();
    for (i, form) in forms.of_type(entity_type) {
        if let Some(known) = known(&form.name, entity_type, grammar) {
            let first = *things.entry(known.thing).or_insert(i);
            sets.join(i, first);
        }
    }
}

/// Joins "Deutsche Umwelthilfe (DUH)" and "DUH (Deutsche Umwelthilfe)".
fn join_bracketed(
    text: &Text,
    mentions: &[Mention],
    forms: &Forms,
    entity_type: EntityType,
    grammar: Grammar,
    sets: &mut Sets,
) {
    for (i, pair) in mentions.windows(2).enumerate() {
        let [outer, inner] = pair else { continue };
        if outer.entity_type != entity_type || inner.entity_type != entity_type {
            continue;
        }
        if !bracketed(text, outer, inner) {
            continue;
        }
        let (Some(&a), Some(&b)) = (forms.of_mention.get(i), forms.of_mention.get(i + 1)) else {
            continue;
        };
        let (Some(first), Some(second)) = (forms.forms.get(a), forms.forms.get(b)) else {
            continue;
        };
        if introduces(first, second, grammar) || introduces(second, first, grammar) {
            sets.join(a, b);
        }
    }
}

fn bracketed(text: &Text, outer: &Mention, inner: &Mention) -> bool {
    /// More bytes than a bracket with its blanks has.
    const WINDOW: usize = 8;
    let (from, to) = (outer.span.end(), inner.span.start());
    if to < from || to - from > WINDOW {
        return false;
    }
    let between = text.slice(text.span_around(from..to)).trim();
    let end = inner.span.end();
    let behind = text.slice(text.span_around(end..end.saturating_add(1)));
    matches!(between, "(" | "[") && matches!(behind, ")" | "]")
}

/// Whether `short` is an acronym that a bracket may introduce for `full`.
fn introduces(full: &Form, short: &Form, grammar: Grammar) -> bool {
    let Some(acronym) = short.name.acronym.as_deref() else {
        return false;
    };
    if full.name.acronym.is_some() {
        return false;
    }
    let spelt = is_subsequence(acronym, &full.key);
    // An agency in brackets ("Radio Elbtal (AFP)") is a source, no other name.
    let strange = known(&short.name, short.entity_type, grammar).is_some();
    let long = full.name.words.len() > 1 && full.entity_type != EntityType::Location;
    spelt || (long && !strange)
}

fn is_subsequence(short: &str, long: &str) -> bool {
    let mut letters = long.chars();
    short.chars().all(|c| letters.any(|l| l == c))
}

/// Words that an acronym may pass over.
const SMALL_WORDS: &[&str] = &[
    "der", "die", "das", "des", "dem", "den", "und", "für", "fur", "von", "vom", "zur", "zum",
    "zu", "im", "in", "of", "the", "and", "for", "on", "de", "du", "la", "le", "les", "et", "pour",
    "del", "los", "las", "y", "e", "da", "do", "di", "della", "per", "van", "en", "voor", "i",
];

/// Joins an acronym with the one name that it abbreviates.
fn join_acronyms(forms: &Forms, entity_type: EntityType, sets: &mut Sets) {
    let mut index: HashMap<(char, char), Vec<usize>> = HashMap::new();
    /// More words than any abbreviated name has.
    const LONGEST: usize = 16;
    let abbreviable = |form: &Form| form.name.words.len() <= LONGEST;
    for (i, form) in forms.of_type(entity_type).filter(|(_, f)| abbreviable(f)) {
        if let Some(initials) = leading_initials(form) {
            let bucket = index.entry(initials).or_default();
            if bucket.len() < CANDIDATES {
                bucket.push(i);
            }
        }
    }
    for (i, form) in forms.of_type(entity_type) {
        let Some(acronym) = form.name.acronym.as_deref() else {
            continue;
        };
        let letters: Vec<char> = acronym.chars().collect();
        let Some((&first, rest)) = letters.split_first() else {
            continue;
        };
        let mut found = BTreeSet::new();
        for second in rest.iter().collect::<BTreeSet<_>>() {
            for &full in index.get(&(first, *second)).into_iter().flatten() {
                if forms.forms.get(full).is_some_and(|f| spells(&letters, f)) {
                    found.insert(sets.find(full));
                }
            }
        }
        let own = sets.find(i);
        if let (1, Some(&full)) = (found.len(), found.first())
            && full != own
        {
            sets.join(i, full);
        }
    }
}

/// The initials of the first two words that an acronym cannot pass over.
fn leading_initials(form: &Form) -> Option<(char, char)> {
    let mut initials = form
        .name
        .words
        .iter()
        .filter(|w| !SMALL_WORDS.contains(&w.text.as_str()))
        .filter_map(|w| w.text.chars().next());
    Some((initials.next()?, initials.next()?))
}

/// Whether the letters abbreviate the words in order: each word gives its first letter, one of them another
/// ("Deutsche Umwelthilfe": DUH), small words need give none.
fn spells(letters: &[char], form: &Form) -> bool {
    let small = |w: &&Word| SMALL_WORDS.contains(&w.text.as_str());
    let large = form.name.words.iter().filter(|w| !small(w)).count();
    // One letter from inside a compound is usual; with more, an acronym could be read into anything.
    let given_by_small = form.name.words.len() - large;
    if letters.len() > large + given_by_small.min(2) + 1 || large > letters.len() {
        return false;
    }
    let mut reached = BTreeSet::from([0usize]);
    for word in &form.name.words {
        let mut next = BTreeSet::new();
        for &at in &reached {
            if SMALL_WORDS.contains(&word.text.as_str()) {
                next.insert(at);
            }
            next.extend(taken(letters.get(at..).unwrap_or(&[]), &word.text).map(|n| at + n));
        }
        reached = next;
    }
    reached.contains(&letters.len())
}

/// How many of the letters the word can give: its first, or that and another.
fn taken<'a>(letters: &'a [char], word: &'a str) -> impl Iterator<Item = usize> + 'a {
    /// Letters of a word that are looked at.
    const REACH: usize = 40;
    (1..=2usize).filter(move |&n| {
        let Some(wanted) = letters.get(..n) else {
            return false;
        };
        let mut given = word.chars().take(REACH);
        given.next() == wanted.first().copied()
            && wanted.iter().skip(1).all(|c| given.any(|g| g == *c))
    })
}

/// Words that tie a river, a landscape or a coast to a town: "Frankfurt am Main".
const PLACE_LINKS: &[&str] = &[
    "am", "an", "a", "im", "in", "bei", "ob", "auf", "vor", "upon", "sur", "aan", "nad", "city",
    "dc",
];

/// Joins a town with its name with an addition.
fn join_places(forms: &Forms, sets: &mut Sets) {
    let mut longer: HashMap<&str, Option<usize>> = HashMap::new();
    for (i, form) in forms.of_type(EntityType::Location) {
        let [first, link, ..] = form.name.words.as_slice() else {
            continue;
        };
        let (town, link) = if PLACE_LINKS.contains(&link.text.as_str()) {
            (first.text.as_str(), true)
        } else {
            let cut = form.key.rfind(' ').unwrap_or(0);
            let last = form.name.words.last().map_or("", |w| w.text.as_str());
            let (town, _) = form.key.split_at(cut);
            (town, matches!(last, "city" | "dc"))
        };
        if link {
            longer
                .entry(town)
                .and_modify(|known| {
                    if known.is_some_and(|k| !sets.together(k, i)) {
                        *known = None;
                    }
                })
                .or_insert(Some(i));
        }
    }
    for (i, form) in forms.of_type(EntityType::Location) {
        if let Some(Some(full)) = longer.get(form.key.as_str()) {
            sets.join(i, *full);
        }
    }
}

/// Words that say what kind of thing a name names and add nothing to it: "Wagner-Gruppe".
const DESCRIPTORS: &[&str] = &[
    "gruppe",
    "group",
    "konzern",
    "institut",
    "institute",
    "verlag",
    "partei",
    "party",
    "fraktion",
    "stiftung",
    "foundation",
    "holding",
    "miliz",
    "bewegung",
    "groupe",
    "grupo",
    "gruppo",
    "groep",
    "grupa",
    "koncern",
    "unternehmen",
    "company",
    "international",
    "media",
    "zeitung",
    "bank",
    "banque",
    "banco",
    "records",
];

/// What the first word of an institution ends with whose name goes on with a place or a field, folded: "Landgericht
/// Neustadt" is not meant by "Neustadt".
const INSTITUTIONS: &[&str] = &[
    "gericht",
    "gerichtshof",
    "universität",
    "universitat",
    "hochschule",
    "ministerium",
    "amt",
    "polizei",
    "anwaltschaft",
    "kammer",
    "museum",
    "theater",
    "oper",
    "klinik",
    "klinikum",
    "krankenhaus",
    "werke",
    "feuerwehr",
    "messe",
    "flughafen",
    "betriebe",
    "kasse",
    "institut",
    "institute",
    "rat",
    "verband",
    "bund",
    "bündnis",
    "bundnis",
    "partei",
    "landtag",
    "senat",
    "direktion",
    "präsidium",
    "prasidium",
    "zentrale",
    "rundfunk",
    "radio",
    "university",
    "universite",
    "universidad",
    "universidade",
    "universita",
    "universiteit",
    "uniwersytet",
    "court",
    "tribunal",
    "tribunale",
    "corte",
    "police",
    "policia",
    "polizia",
    "politie",
    "policja",
    "ministry",
    "ministere",
    "ministerio",
    "ministero",
    "ministerstwo",
    "instituto",
    "istituto",
    "instytut",
    "party",
    "council",
    "school",
    "hospital",
    "tv",
    "greenpeace",
    "amazon",
];

/// Words that many organisations end with; alone they name none of those, folded.
const GENERIC: &[&str] = &[
    "congress",
    "council",
    "senate",
    "court",
    "party",
    "bank",
    "police",
    "parliament",
    "assembly",
    "guard",
    "army",
    "kongress",
    "rat",
    "senat",
    "gericht",
    "partei",
    "polizei",
    "parlament",
    "armee",
    "conseil",
    "senat",
    "parti",
    "banque",
    "congreso",
    "senado",
    "partido",
    "banco",
    "congresso",
    "consiglio",
    "senato",
    "partito",
    "banca",
    "raad",
    "partij",
    "rada",
    "sejm",
    "partia",
];

/// Joins a name with an unambiguous part of it that stands for the whole: "Zellenwerk" for "Zellenwerk Elbe AG".
fn join_parts(
    text: &Text,
    mentions: &[Mention],
    forms: &Forms,
    entity_type: EntityType,
    grammar: Grammar,
    sets: &mut Sets,
) {
    let parts = Parts::of(forms, entity_type, grammar);
    let headline = text.as_str().find('\n').unwrap_or(0);
    let first_start = |form: &Form| {
        let first = form.mentions.first().and_then(|&m| mentions.get(m));
        first.map_or(0, |m| m.span.start())
    };
    for (i, form) in forms.of_type(entity_type) {
        let known_part = known(&form.name, entity_type, grammar);
        let key = part_key(form, grammar);
        let keys = std::iter::once(key.as_str()).chain(grammar.bases(&key, false));
        let mut found = BTreeSet::new();
        for key in keys {
            for &(full, kind) in parts.index.get(key).into_iter().flatten() {
                let Some(whole) = forms.forms.get(full) else {
                    continue;
                };
                let known_whole = known(&whole.name, entity_type, grammar);
                if known_part.is_some()
                    && known_part.map(|k| k.thing) != known_whole.map(|k| k.thing)
                    && kind != Part::Described
                {
                    continue;
                }
                let introduced =
                    first_start(whole) < first_start(form) || first_start(form) < headline;
                let short = form.name.acronym.is_some() && form.key.len() <= 5;
                let stands = match kind {
                    Part::Described => true,
                    Part::Head => introduced && !short,
                    Part::Inner if entity_type == EntityType::Organization => !short,
                    // "Tromp" for "HNLMS Tromp".
                    Part::Inner => introduced && !short && form.key.len() > 3,
                };
                if stands {
                    found.insert(sets.find(full));
                }
            }
            if !found.is_empty() {
                break;
            }
        }
        if let (1, Some(&whole)) = (found.len(), found.first()) {
            sets.join(i, whole);
        }
    }
}

/// Where in the whole name a part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// At the head, and the rest only describes it.
    Described,
    /// At the head.
    Head,
    /// Behind the first word.
    Inner,
}

/// The parts of the names of one type, each with the names that hold it.
#[derive(Debug)]
struct Parts {
    index: HashMap<String, Vec<(usize, Part)>>,
}

impl Parts {
    fn of(forms: &Forms, entity_type: EntityType, grammar: Grammar) -> Self {
        let mut index: HashMap<String, Vec<(usize, Part)>> = HashMap::new();
        for (i, form) in forms.of_type(entity_type) {
            for (key, part) in parts_of(form, grammar) {
                let bucket = index.entry(key).or_default();
                if bucket.len() < CANDIDATES {
                    bucket.push((i, part));
                }
            }
        }
        Self { index }
    }
}

/// The key by which parts are compared: in Polish every word of a name is inflected, so that stems are.
fn part_key(form: &Form, grammar: Grammar) -> String {
    let stem = form.name.stem_key(form.entity_type, grammar);
    stem.filter(|_| grammar == Grammar::Polish)
        .unwrap_or_else(|| form.key.clone())
}

fn parts_of(form: &Form, grammar: Grammar) -> Vec<(String, Part)> {
    let key = part_key(form, grammar);
    let words: Vec<&str> = key.split(' ').collect();
    let count = words.len().min(WORDS);
    let institution = words
        .first()
        .is_some_and(|first| INSTITUTIONS.iter().any(|end| first.ends_with(end)));
    let mut parts = Vec::new();
    for start in 0..count {
        for end in start + 1..=count {
            let (Some(part), Some(rest)) = (words.get(start..end), words.get(end..)) else {
                continue;
            };
            let whole = part.len() == words.len();
            let number = |w: &&str| w.chars().all(|c| c.is_ascii_digit());
            // "Falcon" is not "Falcon 9".
            if whole || part.iter().all(number) || (start == 0 && rest.iter().all(number)) {
                continue;
            }
            let kind = match start {
                0 if rest.iter().all(|w| DESCRIPTORS.contains(w)) => Part::Described,
                0 => Part::Head,
                _ if institution || GENERIC.contains(&part.first().copied().unwrap_or("")) => {
                    continue;
                }
                _ => Part::Inner,
            };
            let run = part.join(" ");
            // The whole may stand in the genitive: "Kommunalverbunds Nord".
            let bases = grammar.bases(&run, false).into_iter().map(str::to_owned);
            parts.extend(bases.map(|base| (base, kind)));
            parts.push((run, kind));
        }
    }
    parts
}
