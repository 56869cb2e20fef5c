//! Whether the same text has the same answer.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use prost::Message as _;
use tagwerk::proto::tagwerk::v1::TaggedDocument;

/// The first answer to each text from each model, and how many later ones differ from it.
#[derive(Debug, Default)]
pub struct Answers(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    first: HashMap<(usize, String), Vec<u8>>,
    all: usize,
    different: usize,
}

impl Answers {
    /// Compares an answer, but for its id, with the first one.
    pub fn note(&self, text: usize, mut answer: TaggedDocument) {
        answer.id.clear();
        let model = answer.model.as_ref();
        let fingerprint = model.map(|model| model.fingerprint.clone());
        let bytes = answer.encode_to_vec();
        let mut noted = self.noted();
        noted.all += 1;
        let key = (text, fingerprint.unwrap_or_default());
        let first = noted.first.entry(key).or_insert_with(|| bytes.clone());
        if *first != bytes {
            noted.different += 1;
        }
    }

    /// How many answers there are.
    pub fn all(&self) -> usize {
        self.noted().all
    }

    /// How many of them differ from the first answer to the same text from the same model.
    pub fn different(&self) -> usize {
        self.noted().different
    }

    /// How many models have answered.
    pub fn models(&self) -> usize {
        let noted = self.noted();
        let fingerprints = noted.first.keys().map(|(_, fingerprint)| fingerprint);
        fingerprints.collect::<BTreeSet<_>>().len()
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
