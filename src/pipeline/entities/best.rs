//! The best form of an entity's name.

use super::grammar::Grammar;
use super::known::known;
use super::name::{Name, clean};
use crate::pipeline::document::{EntityType, Mention};
use crate::pipeline::text::Text;
use std::collections::{HashMap, HashSet};

/// One spelling within a group.
struct Candidate {
    /// The spelling with blanks and signs made plain.
    surface: String,
    name: Name,
    key: String,
    /// What the inflected forms of one spelling share.
    class: String,
    count: usize,
    byname: bool,
}

/// The fullest form of the mentions' name: not inflected where the name occurs uninflected, not in capitals where
/// it occurs otherwise.
pub(super) fn best_name(
    text: &Text,
    mentions: &[Mention],
    members: &[usize],
    entity_type: EntityType,
    grammar: Grammar,
) -> String {
    if let [only] = members {
        let surface = mentions.get(*only).map_or("", |m| text.slice(m.span));
        return without_mark(&clean(surface)).to_owned();
    }
    let candidates = candidates(text, mentions, members, entity_type, grammar);
    let fullest = candidates
        .iter()
        .enumerate()
        .max_by_key(|(i, c)| (!c.byname, fullness(c, entity_type), std::cmp::Reverse(*i)));
    let Some((_, fullest)) = fullest else {
        return String::new();
    };
    let best = candidates
        .iter()
        .enumerate()
        .filter(|(_, c)| c.class == fullest.class)
        .min_by_key(|(i, c)| {
            let raw_words = c.surface.split(' ').count();
            (
                c.name.capitals && c.name.acronym.is_none() || shouts(c, &candidates),
                std::cmp::Reverse(raw_words),
                inflection(&c.surface, entity_type, grammar),
                std::cmp::Reverse(c.count),
                *i,
            )
        })
        .map_or(fullest, |(_, c)| c);
    without_genitive(best, &candidates, entity_type, grammar)
}

fn candidates(
    text: &Text,
    mentions: &[Mention],
    members: &[usize],
    entity_type: EntityType,
    grammar: Grammar,
) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut index: HashMap<String, usize> = HashMap::new();
    for &member in members {
        let Some(mention) = mentions.get(member) else {
            continue;
        };
        let surface = clean(text.slice(mention.span));
        if let Some(candidate) = index.get(&surface).and_then(|&i| candidates.get_mut(i)) {
            candidate.count += 1;
            continue;
        }
        index.insert(surface.clone(), candidates.len());
        let name = Name::read(&surface, entity_type, grammar);
        let known = known(&name, entity_type, grammar);
        candidates.push(Candidate {
            key: name.key(),
            class: String::new(),
            count: 1,
            byname: entity_type != EntityType::Person && known.is_some_and(|k| k.byname),
            surface,
            name,
        });
    }
    classify(&mut candidates, entity_type, grammar);
    candidates
}

fn classify(candidates: &mut [Candidate], entity_type: EntityType, grammar: Grammar) {
    let keys: HashSet<String> = candidates.iter().map(|c| c.key.clone()).collect();
    for candidate in candidates {
        let stem = candidate.name.stem_key(entity_type, grammar);
        candidate.class = stem.unwrap_or_else(|| {
            let bases = grammar.bases(&candidate.key, true);
            let base = bases.into_iter().find(|base| keys.contains(*base));
            base.unwrap_or(&candidate.key).to_owned()
        });
    }
}

fn fullness(candidate: &Candidate, entity_type: EntityType) -> (usize, usize) {
    let words = candidate.name.words.len();
    let letters = candidate.class.chars().count();
    match entity_type {
        // Inflected endings make no name fuller, so that a person's letters count for nothing but a spelt-out
        // initial.
        EntityType::Person => {
            let spelt = candidate.name.words.iter().filter(|w| !w.initial).count();
            (words, spelt)
        }
        _ => (words, letters),
    }
}

/// Whether the spelling is in capitals and another of its class is not.
fn shouts(candidate: &Candidate, all: &[Candidate]) -> bool {
    candidate.name.capitals
        && all
            .iter()
            .take(32)
            .any(|c| c.class == candidate.class && !c.name.capitals)
}

/// How much a spelling looks inflected; the nominative has the least.
fn inflection(surface: &str, entity_type: EntityType, grammar: Grammar) -> usize {
    let words: Vec<String> = surface.split(' ').map(str::to_lowercase).collect();
    let last = words.len().saturating_sub(1);
    let rank = |(i, word): (usize, &String)| match grammar {
        Grammar::German if entity_type == EntityType::Person || i == last => {
            let adjectival = words.len() == 1 && word.ends_with("en");
            2 * usize::from(adjectival) + usize::from(word.ends_with('s')) * 4
        }
        Grammar::German => match word.as_str() {
            w if w.ends_with("en") || w.ends_with("em") => 3,
            w if w.ends_with("es") => 0,
            w if w.ends_with("er") || w.ends_with('e') => 1,
            _ => 0,
        },
        Grammar::Polish => polish_rank(word),
        Grammar::Dutch | Grammar::Fixed => usize::from(word.ends_with("'s") || word.ends_with('s')),
    };
    words.iter().enumerate().map(rank).sum()
}

fn polish_rank(word: &str) -> usize {
    const OBLIQUE: &[&str] = &[
        "ego", "emu", "owi", "em", "im", "ą", "ę", "iej", "ej", "ach", "ami", "om", "ów", "ych",
        "ich", "ymi", "u", "ie", "ii", "ji", "ce", "dze",
    ];
    match word {
        "niemcy" | "węgry" | "włochy" | "katowice" => 0,
        "niemiec" | "węgier" | "włoch" | "katowic" | "kielc" => 4,
        w if OBLIQUE.iter().any(|end| w.ends_with(end)) => 3,
        w if w.ends_with(['i', 'y']) => 2,
        w if w.ends_with(['a', 'e', 'o']) => 1,
        _ => 0,
    }
}

/// Takes off the apostrophe of the genitive of a name in -s.
fn without_mark(surface: &str) -> &str {
    surface
        .strip_suffix('\'')
        .filter(|rest| rest.ends_with(['s', 'x', 'z', 'ß', 'S', 'X', 'Z']))
        .unwrap_or(surface)
}

/// Takes the genitive off, where the document shows that it is one: a mark, or the last word without it.
fn without_genitive(
    best: &Candidate,
    all: &[Candidate],
    entity_type: EntityType,
    grammar: Grammar,
) -> String {
    let surface = without_mark(&best.surface);
    // Without -s alone, "Internationalen Strafgerichtshofs" would be no nominative either.
    if entity_type != EntityType::Person {
        return surface.to_owned();
    }
    let Some(last) = best.name.words.last().filter(|_| best.name.words.len() > 1) else {
        return surface.to_owned();
    };
    for base in grammar.bases(&last.text, false) {
        let ending = last.text.len() - base.len();
        let alone = all.iter().any(|c| c.key == base);
        let cut = surface
            .len()
            .checked_sub(ending)
            .and_then(|at| surface.split_at_checked(at));
        if let (true, Some((stem, end))) = (alone, cut)
            && last.text.ends_with(&end.to_lowercase())
        {
            return stem.to_owned();
        }
    }
    surface.to_owned()
}
