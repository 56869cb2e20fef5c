//! Remembers what the engine has read: agencies send one text to many papers, and a window that has been read before
//! need not go through the encoder again.
//!
//! A reading depends on nothing but the window and the [`Model`] that read it, so it is kept under a hash of both
//! ([`Key`]) and never grows stale. It lies in the memory of the process and, where one is set, in a store that several
//! processes share ([`shared`]). A store that is slow, full, gone or holds rubbish costs speed and nothing else.

mod code;
mod key;
mod shared;

use std::sync::Arc;

use moka::sync::Cache as Memory;

use crate::{
    model::{Reading, Window},
    telemetry::Metrics,
};

pub use key::{Key, Model};
pub use shared::{Shared, SharedError, SharedSettings};

/// Remembered readings. A clone shares them.
#[derive(Debug, Clone)]
pub struct Cache {
    model: Model,
    memory: Memory<Key, Arc<Reading>>,
    shared: Option<Shared>,
    metrics: Metrics,
}

impl Cache {
    /// A cache that holds about so many bytes of readings, least used ones leaving first, in front of a shared store
    /// where there is one.
    pub fn new(memory_bytes: u64, shared: Option<Shared>, model: Model, metrics: Metrics) -> Self {
        let memory = Memory::builder()
            .max_capacity(memory_bytes)
            .weigher(|_, reading: &Arc<Reading>| size(reading))
            .build();
        Self {
            model,
            memory,
            shared,
            metrics,
        }
    }

    /// This cache for another model: it shares the room, and the keys tell the models apart.
    #[must_use]
    pub fn of_model(&self, model: Model) -> Self {
        Self {
            model,
            ..self.clone()
        }
    }

    /// The key of a window.
    pub fn key(&self, window: &Window) -> Key {
        Key::of(&self.model, window)
    }

    /// What is remembered of a window, if it fits the window.
    pub async fn get(&self, key: &Key, window: &Window) -> Option<Reading> {
        self.metrics.set_cache_bytes(self.memory.weighted_size());
        if let Some(reading) = self.memory.get(key) {
            self.metrics.cache_asked("memory");
            return Some(Reading::clone(&reading));
        }
        if let Some(shared) = &self.shared
            && let Some(reading) = shared.get(key).await
            && fits(&reading, window)
        {
            self.metrics.cache_asked("shared");
            self.remember(*key, &reading);
            return Some(reading);
        }
        self.metrics.cache_asked("nowhere");
        None
    }

    /// Remembers a reading. Returns at once; the shared store gets it in the background.
    pub fn put(&self, key: Key, reading: &Reading) {
        self.remember(key, reading);
        if let Some(shared) = &self.shared {
            shared.put(key, code::encode(reading));
        }
    }

    fn remember(&self, key: Key, reading: &Reading) {
        self.memory.insert(key, Arc::new(reading.clone()));
    }
}

/// Bytes that a reading and its key occupy, about.
fn size(reading: &Reading) -> u32 {
    let stances = reading.mentions.iter().filter_map(|m| m.stance.as_ref());
    let watched = reading.watched.iter().flatten();
    let holders: usize = stances
        .chain(watched)
        .map(|stance| stance.mentions.len())
        .sum();
    let mentions = std::mem::size_of_val(reading.mentions.as_slice());
    let tones = std::mem::size_of_val(reading.tones.as_slice());
    let watched_bytes = std::mem::size_of_val(reading.watched.as_slice());
    // The hash table and the order of use take about as much as a key each.
    let overhead = 4 * size_of::<Key>() + size_of::<Reading>();
    u32::try_from(overhead + mentions + tones + watched_bytes + 4 * holders).unwrap_or(u32::MAX)
}

/// Whether a reading can be one of this window: whatever the shared store holds, nothing behind it may stumble.
fn fits(reading: &Reading, window: &Window) -> bool {
    let words = window.words.len();
    let count = reading.mentions.len();
    let mut end = 0;
    let in_order = reading.mentions.iter().all(|mention| {
        let starts_behind = window.targets.is_some() || mention.words.start >= end;
        end = mention.words.end;
        starts_behind && mention.words.start < mention.words.end && mention.words.end <= words
    });
    let judged = |mention: &crate::model::WindowMention| match &mention.stance {
        Some(stance) => stance.mentions.len() == count,
        None => !window.heads.stance,
    };
    let targets = window.targets.as_ref().map_or(count, Vec::len);
    let tones = if window.heads.tone {
        window.sentences.len()
    } else {
        0
    };
    let watched = if window.heads.stance {
        window.watched.len()
    } else {
        0
    };
    let held = |stance: &crate::model::WindowStance| stance.mentions.len() == count;
    in_order
        && reading.watched.len() == watched
        && reading.watched.iter().flatten().all(held)
        && targets == count
        && reading.tones.len() == tones
        && reading.mentions.iter().all(judged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Distribution, EntityType, Heads, TypeProbabilities, WindowMention, WindowStance, Word,
    };

    pub fn reading() -> Reading {
        let polarity = Distribution {
            favorable: 0.1,
            neutral: 0.2,
            unfavorable: 0.7,
        };
        Reading {
            mentions: vec![WindowMention {
                words: 1..3,
                entity_type: Some(EntityType::Organization),
                probability: 0.99,
                type_probabilities: TypeProbabilities([0.0, 1.0, 0.0, 0.0]),
                stance: Some(WindowStance {
                    polarity,
                    author: 0.5,
                    unnamed: 0.25,
                    mentions: vec![0.0],
                }),
            }],
            tones: vec![polarity],
            watched: Vec::new(),
        }
    }

    fn window() -> Window {
        Window {
            tokens: vec![0, 5, 6, 7, 2],
            words: (1..4)
                .map(|token| Word {
                    tokens: token..token + 1,
                    starts_line: token == 1,
                })
                .collect(),
            sentences: std::iter::once(0..3).collect(),
            heads: Heads {
                ner: true,
                stance: true,
                tone: true,
            },
            ..Window::default()
        }
    }

    fn cache(bytes: u64) -> Cache {
        Cache::new(bytes, None, Model::new("model"), Metrics::new())
    }

    #[tokio::test]
    async fn a_reading_comes_back_as_it_was_put() {
        let cache = cache(1 << 20);
        let key = cache.key(&window());
        assert_eq!(cache.get(&key, &window()).await, None);
        cache.put(key, &reading());
        assert_eq!(cache.get(&key, &window()).await, Some(reading()));
    }

    #[tokio::test]
    async fn what_does_not_fit_into_memory_is_let_go() {
        let cache = cache(64 << 10);
        for token in 0..1000 {
            let mut window = window();
            window.tokens[1] = token;
            cache.put(cache.key(&window), &reading());
        }
        cache.memory.run_pending_tasks();
        assert!(cache.memory.weighted_size() <= 64 << 10);
        assert!(cache.memory.entry_count() > 50);
    }

    #[test]
    fn a_reading_fits_its_own_window_alone() {
        assert!(fits(&reading(), &window()));
        type Change = fn(&mut Reading, &mut Window);
        let changes: [(&str, Change); 7] = [
            ("a mention behind the last word", |r, _| {
                r.mentions[0].words = 2..4
            }),
            ("a mention without words", |r, _| r.mentions[0].words = 2..2),
            ("another number of sentences", |_, w| w.sentences.clear()),
            ("no stance where one was asked for", |r, _| {
                r.mentions[0].stance = None
            }),
            ("holders of another number of mentions", |r, _| {
                r.mentions[0].stance.as_mut().unwrap().mentions.push(0.5);
            }),
            ("a watched span without an answer", |_, w| {
                w.watched.push(0..1)
            }),
            ("another number of targets", |_, w| {
                w.targets = Some(vec![0..1, 1..2])
            }),
        ];
        for (name, change) in changes {
            let (mut reading, mut window) = (reading(), window());
            change(&mut reading, &mut window);
            assert!(!fits(&reading, &window), "{name}");
        }
    }
}
