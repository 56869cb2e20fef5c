//! Names that are known to name one thing, across the languages.

use super::grammar::Grammar;
use super::name::Name;
use crate::pipeline::document::EntityType;
use std::collections::HashMap;
use std::sync::LazyLock;

/// One thing a line, its names set apart by tabs; `#` begins a comment.
const TABLE: &str = include_str!("known.tsv");

/// What the table says of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    /// The number of the thing.
    pub(super) thing: usize,
    /// Whether the name is a byname, which is never the best form.
    pub(super) byname: bool,
}

static GERMAN: LazyLock<HashMap<String, Known>> = LazyLock::new(|| index(Grammar::German));
static POLISH: LazyLock<HashMap<String, Known>> = LazyLock::new(|| index(Grammar::Polish));
static OTHER: LazyLock<HashMap<String, Known>> = LazyLock::new(|| index(Grammar::Fixed));

/// What is known of a name.
pub(super) fn known(name: &Name, entity_type: EntityType, grammar: Grammar) -> Option<Known> {
    let index = match grammar {
        Grammar::German => &*GERMAN,
        Grammar::Polish => &*POLISH,
        Grammar::Dutch | Grammar::Fixed => &*OTHER,
    };
    let key = name.key();
    if let Some(row) = index.get(&key) {
        return Some(*row);
    }
    let inflected = name
        .stem_key(entity_type, grammar)
        .and_then(|stems| index.get(&stem_entry(&stems)));
    let based = || {
        grammar
            .bases(&key, false)
            .into_iter()
            .find_map(|base| index.get(base))
    };
    inflected.or_else(based).copied()
}

/// The entry of a stem; the mark keeps stems and whole names apart.
fn stem_entry(stems: &str) -> String {
    format!("*{stems}")
}

fn index(grammar: Grammar) -> HashMap<String, Known> {
    let mut index = HashMap::new();
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    for (thing, line) in lines.enumerate() {
        for entry in line.split('\t') {
            let surface = entry.trim_start_matches('~');
            let row = Known {
                thing,
                byname: surface != entry,
            };
            // Organisations lose articles and legal forms, places keep them: both keys are entered.
            for entity_type in [EntityType::Organization, EntityType::Location] {
                let name = Name::read(surface, entity_type, grammar);
                index.entry(name.key()).or_insert(row);
                // A short stem ("ko") would catch words that have nothing to do with the acronym.
                if name.acronym.is_none()
                    && let Some(stems) = name.stem_key(entity_type, grammar)
                {
                    index.entry(stem_entry(&stems)).or_insert(row);
                }
            }
        }
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;
    use EntityType::{Location, Organization};

    fn row(surface: &str, entity_type: EntityType, language: &str) -> Option<usize> {
        let grammar = Grammar::of(language);
        let name = Name::read(surface, entity_type, grammar);
        known(&name, entity_type, grammar).map(|known| known.thing)
    }

    #[test]
    fn names_of_one_thing_share_a_row() {
        for (a, b, entity_type, language) in [
            ("US", "Vereinigten Staaten", Location, "de"),
            ("EE. UU.", "Estados Unidos", Location, "es"),
            ("USA", "Stanów Zjednoczonych", Location, "pl"),
            (
                "ONZ",
                "Organizacji Narodów Zjednoczonych",
                Organization,
                "pl",
            ),
            ("IWF", "Internationalen Währungsfonds", Organization, "de"),
            ("UE", "União Europeia", Organization, "pt"),
            ("États-Unis", "Etats-Unis", Location, "fr"),
        ] {
            let first = row(a, entity_type, language);
            assert!(first.is_some(), "{a}");
            assert_eq!(first, row(b, entity_type, language), "{a} {b}");
        }
    }

    #[test]
    fn no_name_stands_in_two_rows() {
        let mut seen: HashMap<String, usize> = HashMap::new();
        for (row, line) in TABLE.lines().filter(|l| !l.starts_with('#')).enumerate() {
            for surface in line.split('\t') {
                let key = Name::read(
                    surface.trim_start_matches('~'),
                    Organization,
                    Grammar::German,
                )
                .key();
                let before = *seen.entry(key).or_insert(row);
                assert_eq!(before, row, "{surface}");
            }
        }
    }

    #[test]
    fn an_unknown_name_has_no_row() {
        assert_eq!(row("Zellenwerk Elbe AG", Organization, "de"), None);
    }
}
