//! Subword tokens of a line, with the bytes that they stand for.

use std::{fs, panic::catch_unwind, path::Path};

use serde::de::IgnoredAny;

use super::{ModelError, SpecialTokens};

/// Longest run without a blank that goes into the tokenizer as one piece, in bytes. Its search holds several
/// values for each byte of such a run; news has none of this length.
const MAX_RUN: usize = 4096;

/// One subword token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// Its id in the vocabulary.
    pub id: u32,
    /// First byte of the text it stands for.
    pub start: u32,
    /// Byte behind the last.
    pub end: u32,
}

/// One text or a pair of them, with the special tokens that the model expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The ids.
    pub tokens: Vec<u32>,
    /// Where the second text begins, as the model sees it; the number of tokens where there is none.
    pub second: usize,
}

/// The tokenizer of a model package, without special tokens, padding or truncation.
#[derive(Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
}

impl Tokenizer {
    /// Loads `tokenizer.json` in the format of the Hugging Face `tokenizers` library.
    pub(super) fn open(path: &Path) -> Result<Self, ModelError> {
        let file = fs::read(path).map_err(|source| ModelError::Io {
            path: path.to_owned(),
            source,
        })?;
        let wrong =
            |problem: String| ModelError::Tokenizer(format!("{}: {problem}", path.display()));
        serde_json::from_slice::<IgnoredAny>(&file).map_err(|e| wrong(e.to_string()))?;
        // The library panics where a part of the file is not what its name says.
        let mut inner = catch_unwind(|| tokenizers::Tokenizer::from_bytes(&file))
            .map_err(|_| wrong("it is no tokenizer".to_owned()))?
            .map_err(|e| wrong(e.to_string()))?;
        inner.with_padding(None);
        inner
            .with_truncation(None)
            .map_err(|e| ModelError::Tokenizer(e.to_string()))?;
        Ok(Self { inner })
    }

    /// Number of ids.
    pub(super) fn vocabulary_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// Tokenises one line; offsets are bytes of `line`, ascending, on character boundaries.
    ///
    /// # Errors
    /// [`ModelError::Tokenizer`] where the library refuses the text.
    pub fn tokenize(&self, line: &str) -> Result<Vec<Token>, ModelError> {
        let mut tokens = Vec::with_capacity(line.len() / 3);
        let mut start = 0;
        for piece in (Pieces { rest: line }) {
            self.tokenize_piece(piece, start, &mut tokens)?;
            start += piece.len();
        }
        Ok(tokens)
    }

    /// Encodes a text or a pair of texts with special tokens.
    ///
    /// # Errors
    /// As [`tokenize`](Self::tokenize).
    pub fn encode(&self, first: &str, second: Option<&str>) -> Result<Encoded, ModelError> {
        let encoding = match second {
            Some(second) => self.inner.encode((first, second), true),
            None => self.inner.encode(first, true),
        };
        let encoding = encoding.map_err(|e| ModelError::Tokenizer(e.to_string()))?;
        let types = encoding.get_type_ids();
        Ok(Encoded {
            tokens: encoding.get_ids().to_vec(),
            second: types
                .iter()
                .position(|&kind| kind == 1)
                .unwrap_or(types.len()),
        })
    }

    /// The special tokens that stand around one text.
    ///
    /// # Errors
    /// [`ModelError::Tokenizer`] where there is not one before and one behind.
    pub(super) fn special_tokens(&self) -> Result<SpecialTokens, ModelError> {
        let bare = self.tokenize("a")?;
        let whole = self.encode("a", None)?.tokens;
        match whole.as_slice() {
            [begin, inner @ .., end] if inner.iter().eq(bare.iter().map(|token| &token.id)) => {
                Ok(SpecialTokens {
                    begin: *begin,
                    end: *end,
                })
            }
            _ => Err(ModelError::Tokenizer(
                "does not put one special token before a text and one behind it".to_owned(),
            )),
        }
    }

    fn tokenize_piece(
        &self,
        piece: &str,
        offset: usize,
        tokens: &mut Vec<Token>,
    ) -> Result<(), ModelError> {
        let encoding = self
            .inner
            .encode(piece, false)
            .map_err(|e| ModelError::Tokenizer(e.to_string()))?;
        for (&id, &(start, end)) in encoding.get_ids().iter().zip(encoding.get_offsets()) {
            // A normaliser may map one character to several: boundaries inside it widen to the whole.
            let start = piece.floor_char_boundary(start.min(piece.len()));
            let end = piece.ceil_char_boundary(end.min(piece.len())).max(start);
            tokens.push(Token {
                id,
                start: (offset + start) as u32,
                end: (offset + end) as u32,
            });
        }
        Ok(())
    }
}

/// Cuts a line into pieces without an overlong run: the whole line, except where somebody sends one.
struct Pieces<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let mut run_start = 0;
        let mut cut = self.rest.len();
        for (at, c) in self.rest.char_indices() {
            if c.is_whitespace() {
                run_start = at;
            } else if at - run_start >= MAX_RUN {
                cut = at;
                break;
            }
        }
        let (piece, rest) = self.rest.split_at(cut);
        self.rest = rest;
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_ordinary_words_is_one_piece() {
        let line = "ein Satz ".repeat(2000);
        assert_eq!(Pieces { rest: &line }.count(), 1);
    }

    #[test]
    fn a_run_without_blank_is_cut_and_nothing_is_lost() {
        let line = "ä".repeat(50_000);
        let pieces: Vec<_> = Pieces { rest: &line }.collect();
        assert!(pieces.len() > 1);
        assert!(pieces.iter().all(|p| p.len() <= MAX_RUN + 4));
        assert_eq!(pieces.concat(), line);
    }
}
