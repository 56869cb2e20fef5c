//! API keys: a file with the hash of each, and the caller that it stands for.
//!
//! Keys are random and long, so that a plain SHA-256 hides them. The file never holds a key itself.

use std::{collections::HashMap, ops::Range};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};
use toml::Spanned;

use crate::api::caller::Quota;

/// Longest name of a key in bytes: it becomes part of log lines.
const MAX_NAME_BYTES: usize = 128;

type Hash = [u8; 32];

/// What is wrong with a file of keys. Never repeats a value of the file: it could be a key that somebody put there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct KeysError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub problem: String,
}

/// The SHA-256 of a key in hexadecimal, as it stands in the file of keys.
pub fn hash_of(key: &str) -> String {
    use std::fmt::Write as _;

    let mut hex = String::with_capacity(64);
    for byte in hash(key.as_bytes()) {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

fn hash(key: &[u8]) -> Hash {
    Sha256::digest(key).into()
}

/// A key's caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOwner {
    /// The name in the file.
    pub name: String,
    /// The quota in the file.
    pub quota: Quota,
}

/// The keys of a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Keys {
    hashes: Vec<Hash>,
    owners: Vec<KeyOwner>,
}

impl Keys {
    /// Reads a TOML file of `[[key]]` tables with `name`, `sha256` and, where the key has a quota of its own,
    /// `tokens_per_second` and `concurrent_calls`.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn parse(text: &str) -> Result<Self, KeysError> {
        let file: File = toml::from_str(text).map_err(|error| KeysError {
            line: error.span().map_or(1, |span| line_of(text, &span)),
            problem: safe(error.message()),
        })?;
        let mut keys = Self {
            hashes: Vec::with_capacity(file.key.len()),
            owners: Vec::with_capacity(file.key.len()),
        };
        // Of names and of hashes.
        let mut lines = (HashMap::new(), HashMap::new());
        for entry in file.key {
            let wrong = |span: Range<usize>, problem: String| KeysError {
                line: line_of(text, &span),
                problem,
            };
            let (name_span, hash_span) = (entry.name.span(), entry.sha256.span());
            let name = entry.name.into_inner();
            if !is_name(&name) {
                let problem = format!(
                    "name must be 1 to {MAX_NAME_BYTES} bytes long, without control characters"
                );
                return Err(wrong(name_span, problem));
            }
            let Some(hash) = unhex(entry.sha256.get_ref()) else {
                let problem = "sha256 must be 64 hexadecimal digits, as `tagwerk key` prints them; the key itself does not \
                     belong here";
                return Err(wrong(hash_span, problem.into()));
            };
            if let Some(line) = lines.0.insert(name.clone(), line_of(text, &name_span)) {
                let problem = format!("name is the same as in line {line}; give each key its own");
                return Err(wrong(name_span, problem));
            }
            if let Some(line) = lines.1.insert(hash, line_of(text, &hash_span)) {
                let problem = format!("sha256 is the same as in line {line}; make another key");
                return Err(wrong(hash_span, problem));
            }
            let limit = |limit: Option<Spanned<u32>>, field: &str| match limit {
                Some(limit) if *limit.get_ref() == 0 => {
                    let problem =
                        format!("{field} must be at least 1; remove the key to refuse it");
                    Err(wrong(limit.span(), problem))
                }
                limit => Ok(limit.map(Spanned::into_inner)),
            };
            let quota = Quota {
                tokens_per_second: limit(entry.tokens_per_second, "tokens_per_second")?,
                concurrent_calls: limit(entry.concurrent_calls, "concurrent_calls")?,
            };
            keys.hashes.push(hash);
            keys.owners.push(KeyOwner { name, quota });
        }
        Ok(keys)
    }

    /// Whose key this is. The time that it takes depends on the number of keys alone.
    pub fn find(&self, key: &[u8]) -> Option<&KeyOwner> {
        let presented = hash(key);
        let mut found = u64::MAX;
        for (index, stored) in (0..).zip(&self.hashes) {
            found.conditional_assign(&index, stored.ct_eq(&presented));
        }
        self.owners.get(usize::try_from(found).ok()?)
    }

    /// Whether there is no key at all.
    pub fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    key: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Spanned<String>,
    sha256: Spanned<String>,
    tokens_per_second: Option<Spanned<u32>>,
    concurrent_calls: Option<Spanned<u32>>,
}

fn line_of(text: &str, span: &Range<usize>) -> usize {
    let before = text.as_bytes().get(..span.start).unwrap_or_default();
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len()) && !name.contains(char::is_control)
}

fn unhex(hex: &str) -> Option<Hash> {
    let mut hash = Hash::default();
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    if pairs.len() != hash.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
        let digit = |digit: &u8| char::from(*digit).to_digit(16);
        *byte = u8::try_from(16 * digit(high)? + digit(low)?).ok()?;
    }
    Some(hash)
}

/// The parser's message without values of the file, which serde puts behind the type that it has found.
fn safe(message: &str) -> String {
    if !message.starts_with("invalid type: ") && !message.starts_with("invalid value: ") {
        return message.to_owned();
    }
    match message.rsplit_once(", expected ") {
        Some((_, expected)) => format!("the value is wrong, expected {expected}"),
        None => "the value is wrong".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INGEST: &str = "tw_4f2c";
    const ARCHIVE: &str = "tw_91be";

    /// What `printf %s tw_4f2c | sha256sum` and the same of the other key print.
    const INGEST_SHA256: &str = "3f01ab4499f29b925b1d1c7616aa3f0baee80e7294455aaa366054cfcc96a992";
    const ARCHIVE_SHA256: &str = "2ea984484611a060c8b18e6d10567c7fe10faea8db6ef0e7c96282fee292d117";

    fn file() -> String {
        format!(
            "# Who may call.\n\
             [[key]]\n\
             name = \"ingest\"\n\
             sha256 = \"{INGEST_SHA256}\"\n\
             tokens_per_second = 5000\n\
             concurrent_calls = 64\n\
             \n\
             [[key]]\n\
             name = \"archive\"\n\
             sha256 = \"{}\"\n",
            ARCHIVE_SHA256.to_uppercase()
        )
    }

    #[test]
    fn a_hash_is_the_sha_256_in_hexadecimal() {
        assert_eq!(hash_of(INGEST), INGEST_SHA256);
    }

    #[test]
    fn a_key_is_found_by_its_hash_with_its_name_and_quota() {
        let keys = Keys::parse(&file()).unwrap();
        let quota = Quota {
            tokens_per_second: Some(5000),
            concurrent_calls: Some(64),
        };
        let cases = [
            (INGEST, Some(("ingest", quota))),
            (ARCHIVE, Some(("archive", Quota::default()))),
            ("tw_4f2d", None),
            ("", None),
            (INGEST_SHA256, None),
            ("tw_4f2c ", None),
        ];
        for (key, expected) in cases {
            let owner = keys.find(key.as_bytes());
            let owner = owner.map(|owner| (owner.name.as_str(), owner.quota));
            assert_eq!(owner, expected, "{key:?}");
        }
    }

    #[test]
    fn a_file_without_keys_knows_nobody() {
        let keys = Keys::parse("# All keys are revoked.\n").unwrap();
        assert!(keys.is_empty());
        assert_eq!(keys.find(INGEST.as_bytes()), None);
    }

    #[test]
    fn an_error_names_the_line_and_what_would_be_right() {
        let secret = "Klartext";
        #[rustfmt::skip]
        let cases = [
            (file().replace("concurrent_calls", "calls_at_a_time"), 6, "unknown field `calls_at_a_time`"),
            (file().replace("[[key]]", "[[keys]]"), 2, "unknown field `keys`"),
            (file().replace("archive", "ingest"), 9, "the same as in line 3"),
            (file().replace(&ARCHIVE_SHA256.to_uppercase(), INGEST_SHA256), 10, "the same as in line 4"),
            (file().replace(INGEST_SHA256, secret), 4, "64 hexadecimal digits"),
            (file().replace(INGEST_SHA256, &INGEST_SHA256[1..]), 4, "64 hexadecimal digits"),
            (file().replace(INGEST_SHA256, &format!("{INGEST_SHA256}0")), 4, "64 hexadecimal digits"),
            (file().replace(INGEST_SHA256, &INGEST_SHA256.replace('a', "+")), 4, "64 hexadecimal digits"),
            (file().replace("\"ingest\"", "\"\""), 3, "name must be"),
            (file().replace("ingest", "a\\nb"), 3, "name must be"),
            (file().replace("5000", "0"), 5, "tokens_per_second must be at least 1"),
            (file().replace("64\n", "0\n"), 6, "concurrent_calls must be at least 1"),
            (file().replace("5000", "-1"), 5, "expected u32"),
            (file().replace("5000", "\"Klartext\""), 5, "expected u32"),
            (file().replace("5000", "Klartext"), 5, ""),
            (file().replace("name = \"archive\"\n", ""), 8, "missing field `name`"),
        ];
        for (text, line, problem) in cases {
            let error = Keys::parse(&text).unwrap_err();
            assert_eq!(error.line, line, "{error}\n{text}");
            assert!(error.problem.contains(problem), "{error}");
            assert!(!error.problem.contains(secret), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = Keys::parse(&text);
        }

        #[test]
        fn no_error_repeats_a_key_that_stands_where_a_value_should(
            text in "(\\[\\[key\\]\\]\n|(name|sha256|tokens_per_second|x) = (\\[|\\{x = )?(\"tw_secret\"|'tw_secret'|tw_secret|-?[0-9.e]{1,4})|[\\[{,}\\]]|\n){0,14}",
        ) {
            if let Err(error) = Keys::parse(&text) {
                prop_assert!(!error.problem.contains("tw_secret"), "{}", error);
                prop_assert!((1..=1 + text.matches('\n').count()).contains(&error.line), "{}", error);
            }
        }
    }
}
