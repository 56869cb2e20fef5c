//! `tagwerk key`: makes an API key for a caller.

use std::{
    fs::File,
    io::{self, Read as _},
    process::ExitCode,
};

use clap::Args;

use crate::server::auth::hash_of;

/// Bytes of chance in a key.
const KEY_BYTES: usize = 32;

/// The arguments of `tagwerk key`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct KeyArgs {
    /// The caller's name, by which metrics and quotas know it
    #[arg(value_name = "NAME", value_parser = name)]
    pub name: String,
}

const EXAMPLES: &str = "\
Prints the entry for the file of `serve --auth-keys` to standard output and the key itself to standard error. The file
holds only the hash: the key cannot be shown again.

Example:
  tagwerk key ingest >> keys.toml";

/// Makes a key and prints it.
pub fn run(args: &KeyArgs) -> ExitCode {
    match new_key() {
        Ok(key) => {
            print!("{}", entry(&args.name, &key));
            eprintln!("{key}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("tagwerk: the system gives no random numbers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn new_key() -> io::Result<String> {
    let mut bytes = [0; KEY_BYTES];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn entry(name: &str, key: &str) -> String {
    format!(
        "[[key]]\nname = \"{name}\"\nsha256 = \"{}\"\n",
        hash_of(key)
    )
}

/// A name that needs no quoting anywhere.
fn name(value: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if value.is_empty() || value.len() > 64 || !value.chars().all(plain) {
        return Err("1 to 64 letters, digits, hyphens, underscores or dots".to_owned());
    }
    Ok(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::auth::keys::Keys;

    #[test]
    fn a_new_key_is_known_to_the_file_that_holds_its_entry() {
        let (key, other) = (new_key().unwrap(), new_key().unwrap());
        assert_ne!(key, other);
        let keys = Keys::parse(&entry("ingest", &key)).unwrap();
        assert_eq!(keys.find(key.as_bytes()).unwrap().name, "ingest");
        assert!(keys.find(other.as_bytes()).is_none());
    }

    #[test]
    fn names_that_would_need_quoting_are_refused() {
        for wrong in ["", "a b", "a\"b", "ä", "a\n"] {
            assert!(name(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(name("ingest-1.prod_eu"), Ok("ingest-1.prod_eu".to_owned()));
    }
}
