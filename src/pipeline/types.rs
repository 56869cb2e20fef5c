//! One name keeps one type through a document.
//!
//! A window sees a name once or twice; the document sees all of its mentions. What the model says of each is
//! taken together, so that "Trumps" in one window follows the "Donald Trump" of another.

use std::collections::{HashMap, HashSet};

use crate::model::{EntityType, TypeProbabilities};

use super::{document::Mention, entities::before_legal_form, text::Text};

/// What one mention adds to the evidence against a type is bounded by this probability.
const LEAST: f32 = 0.02;

/// A mention that is surer of its own type than this keeps it.
const SURE: f32 = 0.97;

/// Gives the mentions of one name the type that all of them together speak for. `probabilities` has one entry for
/// each mention.
///
/// One name is: the same characters but for case and a genitive -s or apostrophe, the last word of a person's full
/// name, and what stands in front of an organisation's legal form.
pub fn agree(text: &Text, mentions: &mut [Mention], probabilities: &[TypeProbabilities]) {
    let keys: Vec<String> = mentions.iter().map(|m| key(text.slice(m.span))).collect();
    let names: HashSet<&str> = keys.iter().map(String::as_str).collect();
    // The short forms of full names.
    let mut short: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, (mention, name)) in mentions.iter().zip(&keys).enumerate() {
        let short_form = match mention.entity_type {
            EntityType::Person => name.rsplit_once(' ').map(|(_, surname)| surname),
            EntityType::Organization => before_legal_form(name),
            _ => None,
        };
        if let Some(short_form) = short_form {
            short.entry(short_form).or_default().push(index);
        }
    }
    // A genitive is only reduced to a form that the document has.
    let base = |name: &str| -> Option<String> {
        let reduced = name.strip_suffix(['s', '\''])?;
        (names.contains(reduced) || short.contains_key(reduced)).then(|| reduced.to_owned())
    };
    let mut groups: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, name) in keys.iter().enumerate() {
        let name = base(name).unwrap_or_else(|| name.clone());
        groups.entry(name).or_default().push(index);
    }
    for (name, members) in &groups {
        let full_names = short.get(name.as_str()).into_iter().flatten();
        let mut evidence = [0.0_f32; EntityType::ALL.len()];
        for &index in members.iter().chain(full_names) {
            let Some(probabilities) = probabilities.get(index) else {
                continue;
            };
            for (sum, probability) in evidence.iter_mut().zip(probabilities.0) {
                *sum += probability.max(LEAST).ln();
            }
        }
        let best = EntityType::ALL
            .into_iter()
            .zip(evidence)
            .reduce(|best, next| if next.1 > best.1 { next } else { best });
        let Some((best, _)) = best else {
            continue;
        };
        for &index in members {
            let sure = probabilities
                .get(index)
                .is_some_and(|p| p.0.iter().any(|&p| p >= SURE));
            if let (Some(mention), false) = (mentions.get_mut(index), sure) {
                mention.entity_type = best;
            }
        }
    }
}

fn key(surface: &str) -> String {
    let lower = surface.to_lowercase().replace('’', "'");
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mentions with the probability of their own type; the rest goes to the other types evenly.
    fn types(source: &str, found: &[(&str, EntityType, f32)]) -> Vec<EntityType> {
        let text = Text::new(source).unwrap();
        let mut from = 0;
        let mut mentions = Vec::new();
        let mut probabilities = Vec::new();
        for &(surface, entity_type, probability) in found {
            let start = from + source[from..].find(surface).unwrap();
            from = start + surface.len();
            mentions.push(Mention {
                span: text.span(start..from).unwrap(),
                entity_type,
                probability,
                entity: None,
                stance: None,
            });
            probabilities.push(TypeProbabilities(EntityType::ALL.map(|t| {
                if t == entity_type {
                    probability
                } else {
                    (1.0 - probability) / 3.0
                }
            })));
        }
        agree(&text, &mut mentions, &probabilities);
        mentions.into_iter().map(|m| m.entity_type).collect()
    }

    use EntityType::{Location, Organization, Person};

    #[test]
    fn a_surname_follows_the_full_name() {
        let found = types(
            "Erika Brandner kam. Brandners Rede. Brandner ging.",
            &[
                ("Erika Brandner", Person, 0.99),
                ("Brandners", Organization, 0.6),
                ("Brandner", Person, 0.8),
            ],
        );
        assert_eq!(found, [Person, Person, Person]);
    }

    #[test]
    fn a_mention_that_is_sure_keeps_its_type() {
        let found = types(
            "Erika Brandner kam. Brandner AG. Brandner",
            &[
                ("Erika Brandner", Person, 0.99),
                ("Brandner", Organization, 0.98),
                ("Brandner", Person, 0.9),
            ],
        );
        assert_eq!(found, [Person, Organization, Person]);
    }

    #[test]
    fn a_company_follows_its_name_with_legal_form() {
        let found = types(
            "Die Lithoria AG baut. Lithorias Werk, sagt Lithoria.",
            &[
                ("Lithoria AG", Organization, 0.99),
                ("Lithorias", Location, 0.6),
                ("Lithoria", Location, 0.7),
            ],
        );
        assert_eq!(found, [Organization; 3]);
    }

    #[test]
    fn names_that_only_share_a_last_letter_do_not_meet() {
        let found = types(
            "Paris wuchs. Jens lachte.",
            &[("Paris", Location, 0.9), ("Jens", Person, 0.9)],
        );
        assert_eq!(found, [Location, Person]);
    }
}
