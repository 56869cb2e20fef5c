//! What the labels of a model mean.

use std::collections::BTreeMap;

use crate::model::{EntityType, ModelError, Polarity};

/// What a label of a token classification model says of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WordLabel {
    /// The word is no part of a mention.
    Outside,
    /// The word is a part of a mention.
    Inside {
        entity_type: EntityType,
        /// A mention begins here, whatever stands before.
        begins: bool,
        /// The mention ends here, whatever stands behind.
        ends: bool,
    },
}

/// The labels of a model in the order of its outputs, with what they mean.
///
/// # Errors
/// [`ModelError::Labels`] with every label that nothing is known of, and every entry of the map for a label that the
/// model does not have.
pub(super) fn word_labels(
    labels: &[String],
    map: &BTreeMap<String, String>,
) -> Result<Vec<WordLabel>, ModelError> {
    let mut problems = unused(labels, map);
    let mut meanings = Vec::with_capacity(labels.len());
    for label in labels {
        match word_label(label, map) {
            Ok(meaning) => meanings.push(meaning),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() && meanings.iter().all(|m| *m == WordLabel::Outside) {
        problems.push("no label means PER, ORG, LOC or MISC".to_owned());
    }
    told(problems, meanings)
}

fn word_label(label: &str, map: &BTreeMap<String, String>) -> Result<WordLabel, String> {
    let (prefix, name) = split(label);
    let entry = map.get(label).or_else(|| map.get(name));
    let meaning = match entry {
        Some(entry) if entry == "none" => return Ok(WordLabel::Outside),
        Some(entry) => entry.as_str(),
        None if label == "O" => return Ok(WordLabel::Outside),
        None => name,
    };
    let (own_prefix, meant) = split(meaning);
    let known = match entry {
        Some(_) => EntityType::from_label(meant),
        None => plain_type(meant),
    };
    let Some(entity_type) = known else {
        return Err(match entry {
            Some(entry) => format!("{label:?} = {entry:?}: give PER, ORG, LOC, MISC or none"),
            None => format!(
                "{label:?} means nothing known; add {name:?} = \"PER\", \"ORG\", \"LOC\", \"MISC\" or \"none\""
            ),
        });
    };
    let place = own_prefix.or(prefix).unwrap_or(' ');
    Ok(WordLabel::Inside {
        entity_type,
        begins: matches!(place, 'B' | 'S' | 'U'),
        ends: matches!(place, 'E' | 'L' | 'S' | 'U'),
    })
}

/// The letter of the place within a mention (`B`, `I`, `E`, `L`, `S`, `U`), where a label has one, and the rest.
fn split(label: &str) -> (Option<char>, &str) {
    let mut characters = label.chars();
    match (characters.next(), characters.next()) {
        (Some(place), Some('-' | '_')) if "BIELSU".contains(place) => {
            (Some(place), characters.as_str())
        }
        _ => (None, label),
    }
}

/// The type whose name a label is, in one of the forms that are in use.
fn plain_type(name: &str) -> Option<EntityType> {
    match name.to_ascii_uppercase().as_str() {
        "PER" | "PERS" | "PERSON" => Some(EntityType::Person),
        "ORG" | "ORGANIZATION" | "ORGANISATION" => Some(EntityType::Organization),
        "LOC" | "LOCATION" | "GPE" => Some(EntityType::Location),
        "MISC" | "MISCELLANEOUS" => Some(EntityType::Miscellaneous),
        _ => None,
    }
}

/// What a label that nothing is known of may mean: a proposal, for somebody to confirm.
pub(super) fn guess(label: &str) -> (&str, &'static str) {
    let (_, name) = split(label);
    let upper = name.to_ascii_uppercase();
    let meant = match upper.as_str() {
        "NAME" | "PEOPLE" | "HUMAN" => "PER",
        "CORP" | "CORPORATION" | "COMPANY" | "GROUP" | "PARTY" => "ORG",
        "FAC" | "FACILITY" | "PLACE" | "CITY" | "COUNTRY" | "STATE" => "LOC",
        "EVENT" | "EVE" | "PRODUCT" | "PROD" | "WORK_OF_ART" | "WORK" | "LAW" | "OTH" | "OTHER"
        | "CREATIVE-WORK" | "MEDIA" => "MISC",
        _ => "none",
    };
    (name, meant)
}

/// Whether a label of a token classification model speaks for itself.
pub(super) fn speaks_for_itself(label: &str) -> bool {
    label == "O" || plain_type(split(label).1).is_some()
}

/// The polarity that each label means, in the order of a model's outputs.
///
/// # Errors
/// As [`word_labels`]; also where no label is favourable or none is unfavourable.
pub(super) fn polarities(
    labels: &[String],
    map: &BTreeMap<String, String>,
) -> Result<Vec<Polarity>, ModelError> {
    let mut problems = unused(labels, map);
    let mut meanings = Vec::with_capacity(labels.len());
    for label in labels {
        let entry = map.get(label);
        match polarity(entry.unwrap_or(label)) {
            Some(meaning) => meanings.push(meaning),
            None => problems.push(match entry {
                Some(entry) => {
                    format!("{label:?} = {entry:?}: give favorable, neutral or unfavorable")
                }
                None => format!(
                    "{label:?} means nothing known; add {label:?} = \"favorable\", \"neutral\" or \"unfavorable\""
                ),
            }),
        }
    }
    for needed in [Polarity::Favorable, Polarity::Unfavorable] {
        if problems.is_empty() && !meanings.contains(&needed) {
            problems.push(format!("no label means {}", name(needed)));
        }
    }
    told(problems, meanings)
}

pub(super) fn polarity(label: &str) -> Option<Polarity> {
    match label.to_ascii_lowercase().as_str() {
        "favorable" | "favourable" | "favor" | "positive" | "pos" => Some(Polarity::Favorable),
        "neutral" | "neu" => Some(Polarity::Neutral),
        "unfavorable" | "unfavourable" | "against" | "negative" | "neg" => {
            Some(Polarity::Unfavorable)
        }
        _ => None,
    }
}

fn name(polarity: Polarity) -> &'static str {
    match polarity {
        Polarity::Favorable => "favorable",
        Polarity::Neutral => "neutral",
        Polarity::Unfavorable => "unfavorable",
    }
}

/// The place of the label that means entailment.
///
/// # Errors
/// [`ModelError::Labels`] where there is none.
pub(super) fn entailment(labels: &[String], given: Option<&str>) -> Result<usize, ModelError> {
    let found = match given {
        Some(given) => labels.iter().position(|label| label == given),
        None => labels
            .iter()
            .position(|label| label.to_ascii_lowercase().starts_with("entail")),
    };
    found.ok_or_else(|| {
        let all = labels.join(", ");
        ModelError::Labels(match given {
            Some(given) => format!("entailment = {given:?}: the model has {all}"),
            None => format!("none of {all} is called entailment; set entailment to the one"),
        })
    })
}

/// Entries of the map that no label of the model takes.
fn unused(labels: &[String], map: &BTreeMap<String, String>) -> Vec<String> {
    let takes = |key: &String| labels.iter().any(|l| l == key || split(l).1 == key);
    map.keys()
        .filter(|key| !takes(key))
        .map(|key| format!("{key:?}: the model has {}", labels.join(", ")))
        .collect()
}

fn told<T>(problems: Vec<String>, meanings: T) -> Result<T, ModelError> {
    match problems.is_empty() {
        true => Ok(meanings),
        false => Err(ModelError::Labels(problems.join("; "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(labels: &[&str]) -> Vec<String> {
        labels.iter().map(ToString::to_string).collect()
    }

    fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        let entry = |(key, value): &(&str, &str)| (key.to_string(), value.to_string());
        entries.iter().map(entry).collect()
    }

    fn inside(entity_type: EntityType, begins: bool, ends: bool) -> WordLabel {
        WordLabel::Inside {
            entity_type,
            begins,
            ends,
        }
    }

    #[test]
    fn the_schemes_of_labels_in_use_speak_for_themselves() {
        use EntityType::{Location, Miscellaneous, Organization, Person};
        for (label, expected) in [
            ("O", WordLabel::Outside),
            ("B-PER", inside(Person, true, false)),
            ("I-PER", inside(Person, false, false)),
            ("E-ORG", inside(Organization, false, true)),
            ("S-LOC", inside(Location, true, true)),
            ("L-LOC", inside(Location, false, true)),
            ("U-MISC", inside(Miscellaneous, true, true)),
            ("PERSON", inside(Person, false, false)),
            ("person", inside(Person, false, false)),
            ("B-organization", inside(Organization, true, false)),
        ] {
            assert_eq!(word_label(label, &map(&[])), Ok(expected), "{label}");
        }
    }

    #[test]
    fn an_entry_holds_for_one_label_or_for_all_of_a_type() {
        let labels = strings(&["O", "LABEL_1", "LABEL_2", "B-DATE", "I-DATE", "B-CORP"]);
        let map = map(&[
            ("LABEL_1", "B-PER"),
            ("LABEL_2", "I-PER"),
            ("DATE", "none"),
            ("CORP", "ORG"),
        ]);
        let expected = [
            WordLabel::Outside,
            inside(EntityType::Person, true, false),
            inside(EntityType::Person, false, false),
            WordLabel::Outside,
            WordLabel::Outside,
            inside(EntityType::Organization, true, false),
        ];
        assert_eq!(word_labels(&labels, &map).unwrap(), expected);
    }

    #[test]
    fn everything_that_is_wrong_with_the_labels_is_told() {
        for (labels, entries, told) in [
            (
                &["O", "B-PER", "B-DATE", "I-TIME"][..],
                &[][..],
                &["\"B-DATE\"", "add \"DATE\" = ", "\"I-TIME\""][..],
            ),
            (&["O", "B-PER"], &[("PERS", "PER")], &["\"PERS\"", "B-PER"]),
            (
                &["O", "X"],
                &[("X", "human")],
                &["give PER, ORG, LOC, MISC"],
            ),
            (&["O"], &[], &["no label means PER"]),
            (&["O", "DATE"], &[("DATE", "none")], &["no label means PER"]),
        ] {
            let error = word_labels(&strings(labels), &map(entries)).unwrap_err();
            for part in told {
                assert!(error.to_string().contains(part), "{part}: {error}");
            }
        }
    }

    #[test]
    fn several_labels_may_mean_one_polarity() {
        use Polarity::{Favorable, Neutral, Unfavorable};
        let labels = strings(&["1 star", "Negative", "neutral", "POSITIVE"]);
        let found = polarities(&labels, &map(&[("1 star", "unfavorable")])).unwrap();
        assert_eq!(found, [Unfavorable, Unfavorable, Neutral, Favorable]);
        for (labels, entries, told) in [
            (&["LABEL_0"][..], &[][..], "\"LABEL_0\" means nothing known"),
            (&["neutral", "positive"], &[], "no label means unfavorable"),
            (&["a"], &[("a", "good")], "give favorable, neutral"),
        ] {
            let error = polarities(&strings(labels), &map(entries)).unwrap_err();
            assert!(error.to_string().contains(told), "{error}");
        }
    }

    #[test]
    fn entailment_is_the_label_of_that_name_or_the_one_given() {
        let labels = strings(&["contradiction", "neutral", "ENTAILMENT"]);
        assert_eq!(entailment(&labels, None).unwrap(), 2);
        let labels = strings(&["LABEL_0", "LABEL_1"]);
        assert_eq!(entailment(&labels, Some("LABEL_1")).unwrap(), 1);
        assert!(entailment(&labels, Some("LABEL_2")).is_err());
        assert!(entailment(&labels, None).is_err());
    }
}
