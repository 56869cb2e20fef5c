//! The answers of a run that is under way, in a file beside the output, so that a run that was broken off goes on
//! where it stopped.
//!
//! A journal is a line that says what is done, and then one record for each document that was tagged:
//! number of the document (u64), checksum of the document (u64), length (u32), checksum of the record (u64), and the
//! answer in protobuf; numbers in little endian. A record that was only half written is cut off.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use prost::Message as _;
use sha2::{Digest as _, Sha256};

use crate::{
    cli::input::{InputError, Located, Problem},
    proto::tagwerk::v1::{Document, TaggedDocument},
};

const HEADER: &str = "tagwerk journal 1 ";
/// Bytes of a record before the answer.
const RECORD_HEAD: usize = 28;
/// An answer longer than this is no answer.
const MAX_ANSWER_BYTES: u32 = 1 << 30;

/// Why a run cannot go on from a journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// The journal.
        path: String,
        /// What happened.
        error: io::Error,
    },
    /// It belongs to another task.
    #[error(
        "{0} is of a run with other inputs or options; go on with those, or begin anew with --restart"
    )]
    OtherJob(String),
    /// Another process is at it.
    #[error("{0}: another run is writing to the same output")]
    Busy(String),
}

/// A document that was tagged before, as the journal remembers it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Which of the documents it was, counted from 0.
    pub number: u64,
    /// The checksum of the document.
    pub document: u64,
    /// What it was answered.
    pub answer: TaggedDocument,
}

/// A journal that is open for more.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// The model that gave the answers so far.
    fingerprint: Option<String>,
}

/// The entries of a journal, from the first on.
#[derive(Debug)]
pub struct Recalled {
    reader: BufReader<File>,
    next: Option<Entry>,
}

impl Journal {
    /// Opens the journal beside an output, and what it remembers. `job` says in one line what is done; with
    /// `restart`, what was done before is forgotten.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open(
        path: &Path,
        job: &str,
        restart: bool,
    ) -> Result<(Self, Recalled, u64), JournalError> {
        let told = |error| JournalError::Io {
            path: path.display().to_string(),
            error,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(told)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(JournalError::Busy(path.display().to_string()));
            }
            Err(TryLockError::Error(error)) => return Err(told(error)),
        }
        let header = format!("{HEADER}{}\n", hexadecimal(job.as_bytes()));
        let mut first = String::new();
        let mut reader = BufReader::new(file.try_clone().map_err(told)?);
        // What is no text is no journal either.
        let begun = !restart
            && reader
                .by_ref()
                .take(1 << 10)
                .read_line(&mut first)
                .unwrap_or(0)
                > 0;
        // A header that a kill has cut short remembers nothing.
        if begun && first.ends_with('\n') && first != header {
            return Err(JournalError::OtherJob(path.display().to_string()));
        }
        let mut recalled = 0;
        let mut fingerprint = None;
        let mut end = header.len() as u64;
        if begun && first == header {
            while let Some((entry, length)) = read_entry(&mut reader).map_err(told)? {
                fingerprint = fingerprint.or(entry.answer.model.map(|model| model.fingerprint));
                recalled += 1;
                end += length;
            }
        } else {
            file.set_len(0).map_err(told)?;
            file.seek(SeekFrom::Start(0)).map_err(told)?;
            file.write_all(header.as_bytes()).map_err(told)?;
        }
        file.set_len(end).map_err(told)?;
        file.seek(SeekFrom::Start(end)).map_err(told)?;
        // The entries are read through a handle of its own, whose place is not that of the writer.
        let mut reader = BufReader::new(File::open(path).map_err(told)?);
        reader
            .seek(SeekFrom::Start(header.len() as u64))
            .map_err(told)?;
        let mut entries = Recalled { reader, next: None };
        entries.advance().map_err(told)?;
        let journal = Self {
            path: path.to_owned(),
            file,
            fingerprint,
        };
        Ok((journal, entries, recalled))
    }

    /// Writes down an answer.
    ///
    /// # Errors
    /// A message, where it cannot be written, or another model than before gave it.
    pub fn append(
        &mut self,
        number: u64,
        document: &Document,
        answer: &TaggedDocument,
    ) -> Result<(), String> {
        let given = answer
            .model
            .as_ref()
            .map(|model| model.fingerprint.as_str());
        match (&self.fingerprint, given) {
            (Some(before), Some(now)) if before != now => {
                return Err(format!(
                    "the model is not the one that the answers so far are from; begin anew with --restart, or remove {}",
                    self.path.display()
                ));
            }
            (None, Some(now)) => self.fingerprint = Some(now.to_owned()),
            _ => {}
        }
        let answer = answer.encode_to_vec();
        let mut record = Vec::with_capacity(RECORD_HEAD + answer.len());
        record.extend_from_slice(&number.to_le_bytes());
        record.extend_from_slice(&checksum_of(document).to_le_bytes());
        let length = u32::try_from(answer.len()).map_err(|_| "an answer is too long".to_owned())?;
        record.extend_from_slice(&length.to_le_bytes());
        let sum = checksum(&[&record, &answer]);
        record.extend_from_slice(&sum.to_le_bytes());
        record.extend_from_slice(&answer);
        // One write, so that little can be cut in half.
        self.file
            .write_all(&record)
            .map_err(|error| format!("{}: {error}", self.path.display()))
    }

    /// Removes the journal: the output is complete.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn remove(self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}

impl Recalled {
    fn advance(&mut self) -> io::Result<()> {
        self.next = read_entry(&mut self.reader)?.map(|(entry, _)| entry);
        Ok(())
    }

    /// The answer to a document that was tagged before. `Err` where the journal tells of another document.
    fn take(&mut self, number: u64, document: &Document) -> io::Result<Option<TaggedDocument>> {
        let changed = || {
            io::Error::other(
                "this is not what was tagged here before the run was broken off; begin anew with --restart",
            )
        };
        match self.next.take() {
            Some(entry) if entry.number == number => {
                if entry.document != checksum_of(document) {
                    return Err(changed());
                }
                self.advance()?;
                Ok(Some(entry.answer))
            }
            later => {
                self.next = later;
                Ok(None)
            }
        }
    }
}

/// Gives each document its number and the answer that it got before, if it did. Ends behind the first document that
/// is not what it was then.
pub fn recalled(
    inputs: impl Iterator<Item = Result<Located, InputError>>,
    mut journal: Option<Recalled>,
) -> impl Iterator<Item = Result<(Located, u64, Option<TaggedDocument>), InputError>> {
    let mut number = 0;
    let mut changed = false;
    inputs.map_while(move |item| {
        if changed {
            return None;
        }
        let located = match item {
            Ok(located) => located,
            Err(error) => return Some(Err(error)),
        };
        let answer = journal
            .as_mut()
            .map(|journal| journal.take(number, &located.document));
        match answer.transpose() {
            Ok(answer) => {
                number += 1;
                Some(Ok((located, number - 1, answer.flatten())))
            }
            Err(error) => {
                changed = true;
                Some(Err(InputError {
                    place: located.place,
                    problem: Problem::Changed(error.to_string()),
                    row: None,
                }))
            }
        }
    })
}

/// The next entry and its length in bytes; `None` at the end, and where what follows is no whole entry.
fn read_entry(reader: &mut BufReader<File>) -> io::Result<Option<(Entry, u64)>> {
    let mut head = [0; RECORD_HEAD];
    if !filled(reader.read_exact(&mut head))? {
        return Ok(None);
    }
    let (covered, sum) = head.split_at(20);
    let number = |range: std::ops::Range<usize>| {
        let bytes = covered.get(range).unwrap_or_default();
        bytes
            .iter()
            .rev()
            .fold(0u64, |number, &byte| (number << 8) | u64::from(byte))
    };
    let length = u32::try_from(number(16..20)).unwrap_or(u32::MAX);
    if length > MAX_ANSWER_BYTES {
        return Ok(None);
    }
    let mut answer = Vec::new();
    reader
        .by_ref()
        .take(u64::from(length))
        .read_to_end(&mut answer)?;
    let whole =
        answer.len() == length as usize && checksum(&[covered, &answer]).to_le_bytes() == sum;
    let (true, Ok(decoded)) = (whole, TaggedDocument::decode(answer.as_slice())) else {
        return Ok(None);
    };
    let entry = Entry {
        number: number(0..8),
        document: number(8..16),
        answer: decoded,
    };
    Ok(Some((entry, (RECORD_HEAD + answer.len()) as u64)))
}

fn filled(read: io::Result<()>) -> io::Result<bool> {
    match read {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn checksum_of(document: &Document) -> u64 {
    checksum(&[&document.encode_to_vec()])
}

/// The first eight bytes of SHA-256.
fn checksum(parts: &[&[u8]]) -> u64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize()
        .iter()
        .take(8)
        .fold(0, |sum, &byte| (sum << 8) | u64::from(byte))
}

fn hexadecimal(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cli::input::Place, proto::tagwerk::v1::Model};
    use std::fs;

    fn path(test: &str) -> PathBuf {
        let path =
            std::env::temp_dir().join(format!("tagwerk-journal-{test}-{}", std::process::id()));
        let _ = fs::remove_file(&path);
        path
    }

    fn document(text: &str) -> Document {
        Document {
            text: text.to_owned(),
            ..Document::default()
        }
    }

    fn answer(id: &str, fingerprint: &str) -> TaggedDocument {
        TaggedDocument {
            id: id.to_owned(),
            model: Some(Model {
                fingerprint: fingerprint.to_owned(),
                ..Model::default()
            }),
            ..TaggedDocument::default()
        }
    }

    /// A journal of two of the documents a, b, c: the second one failed.
    fn written(test: &str) -> PathBuf {
        let path = path(test);
        let (mut journal, _, recalled) = Journal::open(&path, "job", false).unwrap();
        assert_eq!(recalled, 0);
        journal
            .append(0, &document("a"), &answer("A", "m"))
            .unwrap();
        journal
            .append(2, &document("c"), &answer("C", "m"))
            .unwrap();
        path
    }

    fn located(text: &str) -> Result<Located, InputError> {
        Ok(Located {
            place: Place {
                file: "a.jsonl".into(),
                line: None,
            },
            document: document(text),
            bytes: 0,
            carried: Default::default(),
        })
    }

    /// `NUMBER TEXT ANSWER` of what is recalled for some documents, or the error.
    fn recall(entries: Recalled, texts: &[&str]) -> Vec<String> {
        let inputs: Vec<_> = texts.iter().map(|text| located(text)).collect();
        recalled(inputs.into_iter(), Some(entries))
            .map(|item| match item {
                Ok((located, number, answer)) => {
                    let answer = answer.map_or("-".to_owned(), |answer| answer.id);
                    format!("{number} {} {answer}", located.document.text)
                }
                Err(error) => error.to_string(),
            })
            .collect()
    }

    #[test]
    fn answers_are_recalled_for_the_documents_they_belong_to() {
        let path = written("recall");
        let (_, entries, recalled) = Journal::open(&path, "job", false).unwrap();
        assert_eq!(recalled, 2);
        assert_eq!(
            recall(entries, &["a", "b", "c", "d"]),
            ["0 a A", "1 b -", "2 c C", "3 d -"]
        );
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn whatever_is_cut_off_or_damaged_at_the_end_is_forgotten_and_the_rest_is_kept() {
        let path = written("cut");
        let whole = fs::read(&path).unwrap();
        let first = {
            let (mut journal, _, _) = Journal::open(&path, "job", true).unwrap();
            journal
                .append(0, &document("a"), &answer("A", "m"))
                .unwrap();
            fs::read(&path).unwrap().len()
        };
        for length in 0..=whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let (mut journal, entries, recalled) = Journal::open(&path, "job", false).unwrap();
            let expected = u64::from(length >= first) + u64::from(length == whole.len());
            assert_eq!(recalled, expected, "{length}");
            drop(entries);
            journal
                .append(3, &document("d"), &answer("D", "m"))
                .unwrap();
            drop(journal);
            let (_, _, recalled) = Journal::open(&path, "job", false).unwrap();
            assert_eq!(recalled, expected + 1, "{length}");
        }
        for at in first..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            fs::write(&path, damaged).unwrap();
            assert_eq!(Journal::open(&path, "job", false).unwrap().2, 1, "{at}");
        }
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_document_that_has_changed_ends_the_run() {
        let path = written("changed");
        let (_, entries, _) = Journal::open(&path, "job", false).unwrap();
        let told = "a.jsonl: this is not what was tagged here before the run was broken off; begin anew with --restart";
        assert_eq!(
            recall(entries, &["a", "b", "x", "d"]),
            ["0 a A", "1 b -", told]
        );
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn another_job_and_another_model_are_refused_and_a_second_run_as_well() {
        let path = written("other");
        let other = Journal::open(&path, "other", false).map(|_| ());
        assert!(matches!(other, Err(JournalError::OtherJob(_))), "{other:?}");
        let (mut journal, _, _) = Journal::open(&path, "job", false).unwrap();
        assert!(
            journal
                .append(3, &document("d"), &answer("D", "n"))
                .is_err()
        );
        let second = Journal::open(&path, "job", false).map(|_| ());
        assert!(matches!(second, Err(JournalError::Busy(_))), "{second:?}");
        drop(journal);
        assert_eq!(Journal::open(&path, "other", true).unwrap().2, 0);
        fs::remove_file(path).unwrap();
    }
}
