//! The distinct spellings of a document's mentions.

use super::grammar::Grammar;
use super::name::Name;
use crate::pipeline::document::{EntityType, Mention};
use crate::pipeline::text::Text;
use std::collections::HashMap;

/// All mentions of one type whose spellings are equal but for signs and case.
#[derive(Debug)]
pub(super) struct Form {
    /// The type of the mentions.
    pub(super) entity_type: EntityType,
    /// The spelling.
    pub(super) name: Name,
    /// [`Name::key`] of the spelling.
    pub(super) key: String,
    /// Indices of the mentions, ascending.
    pub(super) mentions: Vec<usize>,
}

/// The forms of a document in the order of their first mentions.
#[derive(Debug)]
pub(super) struct Forms {
    /// The forms.
    pub(super) forms: Vec<Form>,
    /// The form of each mention.
    pub(super) of_mention: Vec<usize>,
    index: HashMap<(EntityType, String), usize>,
}

impl Forms {
    /// Reads the mentions.
    pub(super) fn read(text: &Text, mentions: &[Mention], grammar: Grammar) -> Self {
        let mut forms: Vec<Form> = Vec::new();
        let mut index = HashMap::new();
        let mut of_mention = Vec::with_capacity(mentions.len());
        for (i, mention) in mentions.iter().enumerate() {
            let name = Name::read(text.slice(mention.span), mention.entity_type, grammar);
            let key = name.key();
            let at = *index
                .entry((mention.entity_type, key.clone()))
                .or_insert(forms.len());
            match forms.get_mut(at) {
                Some(form) => {
                    form.mentions.push(i);
                    if form.name.acronym.is_none() {
                        form.name.acronym = name.acronym;
                    }
                }
                None => forms.push(Form {
                    entity_type: mention.entity_type,
                    name,
                    key,
                    mentions: vec![i],
                }),
            }
            of_mention.push(at);
        }
        Self {
            forms,
            of_mention,
            index,
        }
    }

    /// The form of a type and key.
    pub(super) fn find(&self, entity_type: EntityType, key: &str) -> Option<usize> {
        self.index.get(&(entity_type, key.to_owned())).copied()
    }

    /// The forms of one type with their numbers.
    pub(super) fn of_type(&self, entity_type: EntityType) -> impl Iterator<Item = (usize, &Form)> {
        self.forms
            .iter()
            .enumerate()
            .filter(move |(_, form)| form.entity_type == entity_type)
    }
}
