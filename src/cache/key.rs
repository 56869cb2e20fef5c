//! Under what a reading is remembered.

use std::{fmt, ops::Range};

use sha2::{Digest as _, Sha256};

use crate::model::Window;

/// What reads: a model package in a number format, computed by this version of the program on this kind of processor.
/// The last bits of a number depend on all of these, and an answer must not depend on where it was first computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model([u8; 32]);

impl Model {
    /// The package and its number format by their fingerprint.
    pub fn new(fingerprint: &str) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let processor = processor();
        let all = format!("{fingerprint}\n{version}\n{processor}");
        Self(Sha256::digest(all).into())
    }
}

/// The kind of processor: libtorch chooses its kernels by it.
fn processor() -> String {
    let told = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = |name: &str| told.lines().find(|line| line.starts_with(name));
    let lines = ["model name", "flags", "Features"]
        .into_iter()
        .filter_map(line);
    lines.fold(std::env::consts::ARCH.to_owned(), |all, line| {
        all + "\n" + line
    })
}

/// A hash of a model and a window: two windows that differ in anything that the model sees have different
/// keys (SHA-256).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// The key of a window that this model reads.
    pub fn of(model: &Model, window: &Window) -> Self {
        let mut hash = Sha256::new_with_prefix(model.0);
        let mut number = |number: usize| hash.update((number as u64).to_le_bytes());
        let heads = [window.heads.ner, window.heads.stance, window.heads.tone];
        heads.into_iter().for_each(|head| number(usize::from(head)));
        number(window.tokens.len());
        window
            .tokens
            .iter()
            .for_each(|&token| number(token as usize));
        number(window.words.len());
        for word in &window.words {
            range(&mut number, &word.tokens);
            number(usize::from(word.starts_line));
        }
        number(window.sentences.len());
        window
            .sentences
            .iter()
            .for_each(|sentence| range(&mut number, sentence));
        // Left out where there are none, so that the keys of ordinary windows stay what they were.
        if !window.sequences.is_empty() {
            number(usize::MAX);
            number(window.sequences.len());
        }
        for sequence in &window.sequences {
            range(&mut number, &sequence.tokens);
            number(sequence.second);
        }
        number(
            window
                .targets
                .as_ref()
                .map_or(0, |targets| targets.len() + 1),
        );
        window
            .targets
            .iter()
            .flatten()
            .for_each(|target| range(&mut number, target));
        // Most windows have none, and keep the key that they have without this.
        if !window.watched.is_empty() {
            number(window.watched.len());
            let watched = window.watched.iter();
            watched.for_each(|target| range(&mut number, target));
        }
        Self(hash.finalize().into())
    }

    /// The bytes of the hash.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

fn range(number: &mut impl FnMut(usize), range: &Range<usize>) {
    number(range.start);
    number(range.end);
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([first, second, third, fourth, ..]) = self;
        write!(f, "Key({first:02x}{second:02x}{third:02x}{fourth:02x})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Word;

    #[test]
    fn everything_that_the_model_sees_is_in_the_key() {
        let window = Window {
            tokens: vec![0, 7, 2],
            words: vec![Word {
                tokens: 1..2,
                starts_line: true,
            }],
            ..Window::default()
        };
        let model = Model::new("model");
        let key = Key::of(&model, &window);
        assert_eq!(key, Key::of(&model, &window.clone()));
        assert_ne!(key, Key::of(&Model::new("other"), &window));
        type Change = fn(&mut Window);
        let changes: [(&str, Change); 9] = [
            ("a token", |w| w.tokens[1] = 8),
            ("one token more", |w| w.tokens.push(2)),
            ("a word's tokens", |w| w.words[0].tokens = 1..3),
            ("a line", |w| w.words[0].starts_line = false),
            ("a sentence", |w| w.sentences.push(0..1)),
            ("a sequence", |w| {
                w.sequences.push(crate::model::Sequence {
                    tokens: 0..3,
                    second: 2,
                });
            }),
            ("a head", |w| w.heads.stance = true),
            ("a watched span", |w| w.watched.push(0..1)),
            ("no targets, and none given", |w| {
                w.targets = Some(Vec::new())
            }),
        ];
        let mut keys = vec![key];
        for (name, change) in changes {
            let mut changed = window.clone();
            change(&mut changed);
            let key = Key::of(&model, &changed);
            assert!(!keys.contains(&key), "{name}");
            keys.push(key);
        }
    }
}
