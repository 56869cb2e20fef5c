//! Watchlists: the things that a caller wants an answer about in every document, and where a text names them.
//!
//! A name is found in the forms that a sentence gives it: inflected, as the first part of a compound, in capitals,
//! spelt with ae for ä, cut by a soft hyphen. It is not found within another word.

mod answers;
mod file;
mod fold;
mod forms;
mod known;
mod names;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use aho_corasick::{AhoCorasick, Anchored, Input, MatchKind, StartKind};
use thiserror::Error;

use super::text::{Span, Text};
pub(super) use answers::{Seen, answers};
pub use answers::{TargetAnswer, TargetSpan, TargetStance};
pub use file::{FileError, read};
use fold::Folded;
pub use known::{ListError, Source, Watchlists};
use names::{Match, Name};

/// Most names of one target.
pub const MAX_NAMES: usize = 64;

/// Longest name in bytes.
pub const MAX_NAME_BYTES: usize = 256;

/// Longest id in bytes.
pub const MAX_ID_BYTES: usize = 256;

/// What kind of thing a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TargetType {
    /// It is not said.
    #[default]
    Any,
    /// A person: the surname alone counts where the full name stands in the same document.
    Person,
    /// An organisation.
    Organization,
    /// A place.
    Location,
    /// Something else with a name.
    Miscellaneous,
    /// A topic: a common noun or a phrase, in small letters or capitals, singular or plural.
    Topic,
}

/// Something that every document is asked about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// The caller's id; it comes back with the answer.
    pub id: String,
    /// The name and other names, in their base form.
    pub names: Vec<String>,
    /// What kind of thing it is.
    pub target_type: TargetType,
}

/// Why a list of targets cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TargetError {
    /// A target has no id.
    #[error("is required")]
    NoId {
        /// Which target.
        target: usize,
    },
    /// The id is too long.
    #[error("has {bytes} bytes; at most {MAX_ID_BYTES} are accepted")]
    LongId {
        /// Which target.
        target: usize,
        /// Its length.
        bytes: usize,
    },
    /// Two targets have the same id.
    #[error("is the id of another target too")]
    SameId {
        /// The later one.
        target: usize,
    },
    /// A target has no name.
    #[error("must have at least one name")]
    NoNames {
        /// Which target.
        target: usize,
    },
    /// A target has too many names.
    #[error("has {count} names; at most {MAX_NAMES} are accepted")]
    ManyNames {
        /// Which target.
        target: usize,
        /// How many.
        count: usize,
    },
    /// A name is too long.
    #[error("has {bytes} bytes; at most {MAX_NAME_BYTES} are accepted")]
    LongName {
        /// Which target.
        target: usize,
        /// Which of its names.
        name: usize,
        /// Its length.
        bytes: usize,
    },
    /// A name could not be told from the words around it.
    #[error("must have at least two letters or digits, on one line")]
    BadName {
        /// Which target.
        target: usize,
        /// Which of its names.
        name: usize,
    },
}

impl TargetError {
    /// Index of the target.
    pub fn target(&self) -> usize {
        match *self {
            Self::NoId { target }
            | Self::LongId { target, .. }
            | Self::SameId { target }
            | Self::NoNames { target }
            | Self::ManyNames { target, .. }
            | Self::LongName { target, .. }
            | Self::BadName { target, .. } => target,
        }
    }

    /// What is wrong, seen from the list: `[3].names[0]`.
    pub fn path(&self) -> String {
        match self {
            Self::NoId { target } | Self::LongId { target, .. } | Self::SameId { target } => {
                format!("[{target}].id")
            }
            Self::NoNames { target } | Self::ManyNames { target, .. } => {
                format!("[{target}].names")
            }
            Self::LongName { target, name, .. } | Self::BadName { target, name } => {
                format!("[{target}].names[{name}]")
            }
        }
    }
}

/// A place where a text names a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    /// Index of the target in the list.
    pub target: usize,
    /// The name with its case ending, without the rest of a compound.
    pub span: Span,
    /// Whether it is only the surname of a person whose full name stands elsewhere in the document.
    pub surname: bool,
}

/// Targets whose names can be found in a text. It is made once and used for every document.
#[derive(Debug)]
pub struct Watchlist {
    targets: Vec<Target>,
    ids: HashSet<String>,
    names: Vec<Name>,
    /// Finds the beginnings of names; `None` where there are none.
    beginnings: Option<AhoCorasick>,
    /// For each beginning, the names that it may be of.
    of_beginning: Vec<Vec<usize>>,
}

impl Watchlist {
    /// Prepares a list.
    ///
    /// # Errors
    /// Everything that is wrong with it, in order.
    pub fn new(targets: Vec<Target>) -> Result<Self, Vec<TargetError>> {
        let errors = errors(&targets);
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut names = Vec::new();
        let mut beginnings: Vec<Vec<u8>> = Vec::new();
        let mut of_beginning: Vec<Vec<usize>> = Vec::new();
        let mut known: HashMap<Vec<u8>, usize> = HashMap::new();
        for (index, target) in targets.iter().enumerate() {
            for name in names::of(index, target) {
                for beginning in name.beginnings() {
                    let place = *known.entry(beginning.clone()).or_insert_with(|| {
                        beginnings.push(beginning);
                        of_beginning.push(Vec::new());
                        of_beginning.len() - 1
                    });
                    if let Some(names_there) = of_beginning.get_mut(place) {
                        names_there.push(names.len());
                    }
                }
                names.push(name);
            }
        }
        // Overlapping matches: one beginning may begin another. It fails for more patterns than memory holds.
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .start_kind(StartKind::Unanchored)
            .build(&beginnings);
        Ok(Self {
            ids: targets.iter().map(|target| target.id.clone()).collect(),
            targets,
            names,
            beginnings: automaton.ok(),
            of_beginning,
        })
    }

    /// Whether a target has this id.
    pub fn has(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    /// The targets, as they were given.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// Where a text of this language names the targets, in the order of the text. Of overlapping places the first
    /// counts, and of those with one start the longest; several targets can have the same place.
    pub fn find(&self, text: &Text, language: &str) -> Vec<Occurrence> {
        let Some(beginnings) = &self.beginnings else {
            return Vec::new();
        };
        let folded = Folded::new(text.as_str());
        let mut found: Vec<Found> = Vec::new();
        let input = Input::new(folded.bytes.as_slice()).anchored(Anchored::No);
        for beginning in beginnings.find_overlapping_iter(input) {
            let at = beginning.start();
            if at > 0 && folded.is_word(at - 1) {
                continue;
            }
            let candidates = self.of_beginning.get(beginning.pattern().as_usize());
            for &index in candidates.into_iter().flatten() {
                let Some(name) = self.names.get(index) else {
                    continue;
                };
                if let Some(Match { from, to }) = name.matched(&folded, at, language) {
                    found.push(Found {
                        from,
                        to,
                        target: name.target,
                        surname: name.surname,
                    });
                }
            }
        }
        // The surname counts where the full name does.
        let full = longest(found.iter().copied().filter(|f| !f.surname).collect());
        let named: HashSet<usize> = full.iter().map(|f| f.target).collect();
        found.retain(|f| !f.surname || named.contains(&f.target));
        let occurrences = longest(found).into_iter().filter_map(|found| {
            let (first, last) = (
                folded.units.get(found.from)?,
                folded.units.get(found.to.checked_sub(1)?)?,
            );
            Some(Occurrence {
                target: found.target,
                span: text.span(first.start as usize..last.end as usize)?,
                surname: found.surname,
            })
        });
        occurrences.collect()
    }
}

/// The targets that a document is asked about.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    /// The lists, one after the other. No id is in two of them.
    pub lists: Vec<Arc<Watchlist>>,
    /// Whether only those targets are answered that the document names.
    pub present_only: bool,
}

impl Watch {
    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.lists.iter().all(|list| list.targets.is_empty())
    }

    /// The targets of all lists, in their order.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        self.lists.iter().flat_map(|list| list.targets())
    }

    /// Where a text names the targets, numbered through all lists.
    pub fn find(&self, text: &Text, language: &str) -> Vec<Occurrence> {
        let mut all = Vec::new();
        let mut first = 0;
        for list in &self.lists {
            all.extend(
                list.find(text, language)
                    .into_iter()
                    .map(|found| Occurrence {
                        target: first + found.target,
                        ..found
                    }),
            );
            first += list.targets.len();
        }
        all
    }
}

impl PartialEq for Watch {
    /// Whether these are the very same lists.
    fn eq(&self, other: &Self) -> bool {
        self.present_only == other.present_only
            && self.lists.len() == other.lists.len()
            && self
                .lists
                .iter()
                .zip(&other.lists)
                .all(|(a, b)| Arc::ptr_eq(a, b))
    }
}

/// The places of occurrences in the order of the text, each once.
pub fn places(occurrences: &[Occurrence]) -> Vec<Span> {
    let mut places: Vec<Span> = occurrences.iter().map(|o| o.span).collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// A name in the folded text.
#[derive(Debug, Clone, Copy)]
struct Found {
    from: usize,
    to: usize,
    target: usize,
    surname: bool,
}

/// Leaves of overlapping places the first and longest, with all targets that have it.
fn longest(mut found: Vec<Found>) -> Vec<Found> {
    found.sort_by_key(|f| (f.from, std::cmp::Reverse(f.to), f.target, f.surname));
    found.dedup_by_key(|f| (f.from, f.to, f.target));
    let mut taken: Option<(usize, usize)> = None;
    found.retain(|f| match taken {
        Some((from, to)) if f.from < to => (f.from, f.to) == (from, to),
        _ => {
            taken = Some((f.from, f.to));
            true
        }
    });
    found
}

/// Everything that is wrong with a list.
fn errors(targets: &[Target]) -> Vec<TargetError> {
    let mut errors = Vec::new();
    let mut ids = HashSet::new();
    for (target, Target { id, names, .. }) in targets.iter().enumerate() {
        if id.is_empty() {
            errors.push(TargetError::NoId { target });
        } else if id.len() > MAX_ID_BYTES {
            let bytes = id.len();
            errors.push(TargetError::LongId { target, bytes });
        } else if !ids.insert(id.as_str()) {
            errors.push(TargetError::SameId { target });
        }
        if names.is_empty() {
            errors.push(TargetError::NoNames { target });
        } else if names.len() > MAX_NAMES {
            let count = names.len();
            errors.push(TargetError::ManyNames { target, count });
            continue;
        }
        for (name, written) in names.iter().enumerate() {
            let bytes = written.len();
            if bytes > MAX_NAME_BYTES {
                errors.push(TargetError::LongName {
                    target,
                    name,
                    bytes,
                });
            } else if !names::is_name(written) {
                errors.push(TargetError::BadName { target, name });
            }
        }
    }
    errors
}
