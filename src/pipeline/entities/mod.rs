//! Entities: which mentions name the same thing.
//!
//! Only the names decide, by rules of eight languages; no pair of mentions is compared unless an index brings it
//! up, so that the work grows with the mentions and not with their square. Mentions of different types are never
//! one entity, even where their names are equal: a town and its club are two things, and a type that the model got
//! wrong in one place is for a later rule to mend.

mod best;
mod forms;
mod gender;
mod grammar;
mod known;
mod name;
mod persons;
mod sets;
mod things;

use super::document::{Entity, EntityType, Mention};
use super::text::Text;
use forms::Forms;
use grammar::Grammar;
use sets::Sets;
use std::collections::HashMap;

/// Words that a legal form can have ("& Co. KG aA").
const LEGAL_FORM_WORDS: usize = 4;

/// What stands in front of the legal form of an organisation's name; `None` where it has none.
pub fn before_legal_form(name: &str) -> Option<&str> {
    let key = |name| name::Name::read(name, EntityType::Organization, Grammar::of("und")).key();
    let whole = key(name);
    let blanks = name.char_indices().rev().filter(|(_, c)| c.is_whitespace());
    blanks
        .take(LEGAL_FORM_WORDS)
        .filter_map(|(at, _)| name.get(..at).map(str::trim_end))
        .take_while(|shorter| key(shorter) == whole)
        .last()
        .filter(|shorter| !shorter.is_empty())
}

/// Groups mentions that name the same thing: sets [`Mention::entity`] of each and returns the entities by falling
/// salience, equal ones in the order of their first mentions. Stances are left empty.
///
/// `mentions` are in the order of the text; `language` is a BCP 47 tag.
///
/// The salience of an entity is its share of the weights of all mentions. A mention that starts at byte *s* weighs
/// `1 + 2 · 2^(−s / 400)`: three times as much at the head of a text, where the headline and the first paragraph
/// are, as far down.
pub fn entities(text: &Text, mentions: &mut [Mention], language: &str) -> Vec<Entity> {
    let grammar = Grammar::of(language);
    let groups = groups(text, mentions, grammar);
    let weights: Vec<f64> = groups
        .iter()
        .map(|group| group.iter().map(|&m| weight(mentions, m)).sum())
        .collect();
    let total: f64 = weights.iter().sum();

    let mut order: Vec<usize> = (0..groups.len()).collect();
    let weight_of = |i: &usize| weights.get(*i).copied().unwrap_or(0.0);
    // The groups are in the order of their first mentions, and the sort keeps it among equals.
    order.sort_by(|a, b| weight_of(b).total_cmp(&weight_of(a)));

    let mut entities = Vec::with_capacity(groups.len());
    for i in order {
        let Some(members) = groups.get(i) else {
            continue;
        };
        let Some(entity_type) = members
            .first()
            .and_then(|&m| mentions.get(m))
            .map(|m| m.entity_type)
        else {
            continue;
        };
        for &member in members {
            if let Some(mention) = mentions.get_mut(member) {
                mention.entity = Some(entities.len());
            }
        }
        entities.push(Entity {
            name: best::best_name(text, mentions, members, entity_type, grammar),
            entity_type,
            mentions: members.clone(),
            salience: (weight_of(&i) / total) as f32,
            stance: None,
        });
    }
    entities
}

/// The mentions of each entity, ascending; the entities in the order of their first mentions.
fn groups(text: &Text, mentions: &[Mention], grammar: Grammar) -> Vec<Vec<usize>> {
    let forms = Forms::read(text, mentions, grammar);
    let mut sets = Sets::new(forms.forms.len());
    for entity_type in [
        EntityType::Organization,
        EntityType::Location,
        EntityType::Miscellaneous,
    ] {
        things::join(text, mentions, &forms, entity_type, grammar, &mut sets);
    }
    let persons = persons::resolve(text, mentions, &forms, grammar, &mut sets);

    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut group_of: HashMap<usize, usize> = HashMap::new();
    for (mention, form) in forms.of_mention.iter().enumerate() {
        let form = persons.get(&mention).unwrap_or(form);
        let at = *group_of.entry(sets.find(*form)).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.push(mention),
            None => groups.push(vec![mention]),
        }
    }
    groups
}

fn weight(mentions: &[Mention], mention: usize) -> f64 {
    /// Bytes after which the weight of the head has halved.
    const HALVING: f64 = 400.0;
    let start = mentions.get(mention).map_or(0, |m| m.span.start());
    1.0 + 2.0 * (-(start as f64) / HALVING).exp2()
}

#[cfg(test)]
mod tests;
