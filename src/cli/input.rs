//! Reads documents from files, folders and standard input, one after the other and in bounded memory.

use std::{
    fmt,
    fs::{self, File},
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Map, Value};

use super::bulk::{Carried, ColumnArgs, CsvRecords, ParquetRows, with_title};
use crate::proto::tagwerk::v1::Document;

/// The most bytes of one text file or one JSON line. What is longer is never held in memory.
pub const MAX_RECORD_BYTES: usize = 64 << 20;

/// Where a document was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The path as given, or `-` for standard input.
    pub file: Arc<str>,
    /// The line, or the row of a Parquet file, counted from 1, where it is known.
    pub line: Option<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file),
            None => f.write_str(&self.file),
        }
    }
}

/// A document with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Located {
    /// Where it was read from.
    pub place: Place,
    /// The document. Its text is never blank.
    pub document: Document,
    /// Bytes of the input that were read for it.
    pub bytes: u64,
    /// What else its line or row holds.
    pub carried: Carried,
}

/// A line or row that holds no text.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// Its id.
    pub id: String,
    /// What else it holds.
    pub carried: Carried,
}

/// An input that gave no document.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct InputError {
    /// Where.
    pub place: Place,
    /// Why.
    pub problem: Problem,
    /// The line or row, where that could be read.
    pub row: Option<Box<Refused>>,
}

/// Why an input gave no document.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file or folder cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// The bytes are not UTF-8.
    #[error("invalid UTF-8 at byte {byte}{}", .line.map(|line| format!(" (line {line})")).unwrap_or_default())]
    InvalidUtf8 {
        /// The first wrong byte, counted from 0 in the file or in the JSON line.
        byte: usize,
        /// The line of a text file that holds it, counted from 1.
        line: Option<usize>,
    },
    /// The file begins with the mark of UTF-16.
    #[error("the text is encoded in UTF-16, not in UTF-8")]
    Utf16,
    /// The line is no JSON document.
    #[error("no JSON document: {0}")]
    NotJson(String),
    /// The line is no CSV.
    #[error("no CSV: {0}")]
    NotCsv(String),
    /// The line of CSV has more or fewer columns than the first.
    #[error("{found} column{} where the first line has {expected}", if *.found == 1 { "" } else { "s" })]
    Columns {
        /// Columns of the first line.
        expected: u64,
        /// Columns of this line.
        found: u64,
    },
    /// A value of CSV is not UTF-8.
    #[error("invalid UTF-8 at byte {byte} of the column \"{column}\"")]
    InvalidColumn {
        /// The column.
        column: String,
        /// The first wrong byte of the value, counted from 0.
        byte: usize,
    },
    /// A value of CSV does not end.
    #[error("longer than {} MiB; is there a quote that is not closed?", MAX_RECORD_BYTES >> 20)]
    OpenQuote,
    /// The file is no Parquet, or is damaged.
    #[error("no Parquet: {0}")]
    NotParquet(String),
    /// A column that is needed is not there.
    #[error("there is no column \"{wanted}\"; there are: {found}")]
    NoColumn {
        /// What was looked for.
        wanted: String,
        /// The columns that are there.
        found: String,
    },
    /// The column of the text holds something else.
    #[error("the column \"{0}\" holds no texts")]
    NotText(String),
    /// The document is not the one that was tagged in an earlier run.
    #[error("{0}")]
    Changed(String),
    /// There is no text, or nothing but blanks.
    #[error("the text is empty")]
    Empty,
    /// The file or line is too long to be held.
    #[error("longer than {} MiB", MAX_RECORD_BYTES >> 20)]
    TooLong,
    /// A folder without articles.
    #[error("no .txt, .jsonl, .ndjson, .csv, .tsv or .parquet file in this folder")]
    NoArticles,
    /// The input is where the answers are written.
    #[error("this is the file that the answers are written to")]
    IsOutput,
}

/// What tells one file from another, whatever its name.
pub type FileIdentity = (u64, u64);

/// The identity of a regular file; `None` for everything else (terminals, pipes, folders).
#[cfg(unix)]
pub fn identity(metadata: &fs::Metadata) -> Option<FileIdentity> {
    use std::os::unix::fs::MetadataExt;
    metadata.is_file().then(|| (metadata.dev(), metadata.ino()))
}

/// Files cannot be told apart here.
#[cfg(not(unix))]
pub fn identity(_: &fs::Metadata) -> Option<FileIdentity> {
    None
}

/// The documents of all inputs in their order. A fault of one input or line is one error item; the rest goes on.
pub struct Inputs {
    /// What is still to be read, the next one last.
    pending: Vec<Pending>,
    open: Option<Records>,
    columns: ColumnArgs,
    /// Files found in folders so far.
    found: u64,
    output: Option<FileIdentity>,
}

enum Pending {
    Stdin,
    Named(PathBuf),
    Found(PathBuf),
    EndOfFolder { folder: PathBuf, found_before: u64 },
}

type Reader = Box<dyn BufRead + Send>;
/// The documents of a file that holds many.
type Records = Box<dyn Iterator<Item = Item> + Send>;
type Item = Result<Located, InputError>;

impl Inputs {
    /// Takes paths of files and folders, `-` for standard input. No path at all is standard input too.
    /// The file with the identity `output` is not read.
    pub fn new(paths: &[PathBuf], output: Option<FileIdentity>) -> Self {
        let named = |path: &PathBuf| match is_stdin(path) {
            true => Pending::Stdin,
            false => Pending::Named(path.clone()),
        };
        let mut pending: Vec<Pending> = paths.iter().rev().map(named).collect();
        if pending.is_empty() {
            pending.push(Pending::Stdin);
        }
        Self {
            pending,
            open: None,
            columns: ColumnArgs::default(),
            found: 0,
            output,
        }
    }

    /// Says which columns and fields hold what.
    #[must_use]
    pub fn with_columns(mut self, columns: ColumnArgs) -> Self {
        self.columns = columns;
        self
    }

    fn visit(&mut self, pending: Pending) -> Option<Item> {
        match pending {
            Pending::Stdin => {
                let reader = Box::new(BufReader::with_capacity(1 << 16, io::stdin()));
                self.read("-".into(), reader, false)
            }
            Pending::Named(path) if path.is_dir() => self.list(path),
            Pending::Named(path) => self.read_file(&path),
            // Answers written into the folder that is read are no mistake.
            Pending::Found(path) => match self.read_file(&path) {
                Some(Err(InputError {
                    problem: Problem::IsOutput,
                    ..
                })) => None,
                item => item,
            },
            Pending::EndOfFolder {
                folder,
                found_before,
            } => (self.found == found_before).then(|| fault(&folder, Problem::NoArticles)),
        }
    }

    /// Queues a named folder's files and, behind them, the check that there were any.
    fn list(&mut self, folder: PathBuf) -> Option<Item> {
        self.pending.push(Pending::EndOfFolder {
            folder: folder.clone(),
            found_before: self.found,
        });
        self.list_entries(&folder)
    }

    fn list_entries(&mut self, folder: &Path) -> Option<Item> {
        match articles(folder) {
            Ok(paths) => {
                self.pending
                    .extend(paths.into_iter().rev().map(Pending::Found));
                None
            }
            Err(error) => {
                // A folder that cannot be listed is not called empty as well.
                self.found += 1;
                Some(fault(folder, error.into()))
            }
        }
    }

    fn read_file(&mut self, path: &Path) -> Option<Item> {
        if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
            return self.list_entries(path);
        }
        self.found += 1;
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
        let (metadata, file) = match opened {
            Ok(opened) => opened,
            Err(error) => return Some(fault(path, error.into())),
        };
        if self.output.is_some() && identity(&metadata) == self.output {
            return Some(fault(path, Problem::IsOutput));
        }
        if has_extension(path, CSV) || has_extension(path, PARQUET) {
            return self.read_table(path, file);
        }
        let reader = Box::new(BufReader::with_capacity(1 << 16, file));
        self.read(name(path), reader, has_extension(path, JSON_LINES))
    }

    fn read_table(&mut self, path: &Path, file: File) -> Option<Item> {
        let opened: Result<Records, Problem> =
            match has_extension(path, CSV) {
                true => CsvRecords::open(name(path), file, &self.columns)
                    .map(|rows| Box::new(rows) as _),
                false => ParquetRows::open(name(path), file, &self.columns)
                    .map(|rows| Box::new(rows) as _),
            };
        match opened {
            Ok(records) => {
                self.open = Some(records);
                None
            }
            Err(problem) => Some(fault(path, problem)),
        }
    }

    /// Reads one text whole, or leaves JSON lines open to be read one by one.
    fn read(&mut self, file: Arc<str>, mut reader: Reader, json_lines: bool) -> Option<Item> {
        let mut first = Vec::new();
        let end = match read_line(&mut reader, &mut first, MAX_RECORD_BYTES) {
            Ok(end) => end,
            Err(error) => {
                let place = Place { file, line: None };
                return Some(Err(InputError {
                    place,
                    problem: error.into(),
                    row: None,
                }));
            }
        };
        if json_lines || is_json_document(&first) {
            let lines = JsonLines {
                file,
                reader,
                line: 0,
                first: Some((first, end)),
            };
            self.open = Some(Box::new(JsonDocuments {
                lines,
                columns: self.columns.clone(),
            }));
            return None;
        }
        Some(read_text(file, reader, first, end))
    }
}

impl Iterator for Inputs {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(lines) = &mut self.open {
                match lines.next() {
                    Some(item) => return Some(item),
                    None => self.open = None,
                }
            }
            let pending = self.pending.pop()?;
            if let Some(item) = self.visit(pending) {
                return Some(item);
            }
        }
    }
}

/// Whether a path stands for standard input.
pub fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The bytes of all inputs together, where they are regular files; `None` where that cannot be known.
pub fn total_bytes(paths: &[PathBuf]) -> Option<u64> {
    if paths.is_empty() {
        return None;
    }
    let mut total = 0;
    let mut pending = paths.to_vec();
    while let Some(path) = pending.pop() {
        let metadata = fs::metadata(&path).ok()?;
        if metadata.is_dir() {
            pending.extend(articles(&path).ok()?);
        } else if metadata.is_file() && !is_stdin(&path) {
            total += metadata.len();
        } else {
            return None;
        }
    }
    Some(total)
}

const TEXT: &[&str] = &["txt"];
const JSON_LINES: &[&str] = &["jsonl", "ndjson"];
const CSV: &[&str] = &["csv", "tsv"];
const PARQUET: &[&str] = &["parquet"];

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|given| {
        extensions
            .iter()
            .any(|known| known.eq_ignore_ascii_case(given))
    })
}

/// The folders and articles directly in a folder, sorted by name. Links to folders are not followed: they may
/// lead back.
fn articles(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let is_article = [TEXT, JSON_LINES, CSV, PARQUET]
            .iter()
            .any(|known| has_extension(&path, known));
        let kind = entry.file_type()?;
        if kind.is_dir() || (is_article && (kind.is_file() || path.is_file())) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> Arc<str> {
    path.to_string_lossy().into()
}

fn fault(path: &Path, problem: Problem) -> Item {
    let place = Place {
        file: name(path),
        line: None,
    };
    Err(InputError {
        place,
        problem,
        row: None,
    })
}

/// How the reading of a line ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    /// At its line feed or at the end of the file.
    Complete,
    /// Behind the limit; the rest of the line is still to be read.
    TooLong,
}

/// Reads up to and including the next line feed, but no more than `limit` bytes. Nothing read is the end.
fn read_line(reader: &mut Reader, line: &mut Vec<u8>, limit: usize) -> io::Result<LineEnd> {
    line.clear();
    reader.by_ref().take(limit as u64).read_until(b'\n', line)?;
    let complete = line.len() < limit || line.last() == Some(&b'\n');
    Ok(match complete {
        true => LineEnd::Complete,
        false => LineEnd::TooLong,
    })
}

/// Reads on to the next line feed and keeps nothing. Returns the bytes that were passed over.
fn skip_line(reader: &mut Reader) -> io::Result<u64> {
    let mut skipped = 0;
    loop {
        let buffer = match reader.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        let line_feed = buffer.iter().position(|&byte| byte == b'\n');
        let length = line_feed.map_or(buffer.len(), |at| at + 1);
        reader.consume(length);
        skipped += length as u64;
        if line_feed.is_some() || length == 0 {
            return Ok(skipped);
        }
    }
}

fn read_text(file: Arc<str>, reader: Reader, first: Vec<u8>, end: LineEnd) -> Item {
    let result = match end {
        LineEnd::TooLong => Err(Problem::TooLong),
        LineEnd::Complete => read_rest(reader, first).and_then(|bytes| {
            let length = bytes.len() as u64;
            Ok((text_of(bytes)?, length))
        }),
    };
    let place = Place {
        file: Arc::clone(&file),
        line: None,
    };
    match result {
        Ok((text, bytes)) => Ok(Located {
            place,
            document: Document {
                id: file.to_string(),
                text,
                language: String::new(),
            },
            bytes,
            carried: Carried::Nothing,
        }),
        Err(problem) => Err(InputError {
            place,
            problem,
            row: None,
        }),
    }
}

fn read_rest(reader: Reader, mut bytes: Vec<u8>) -> Result<Vec<u8>, Problem> {
    let room = (MAX_RECORD_BYTES + 1).saturating_sub(bytes.len());
    reader.take(room as u64).read_to_end(&mut bytes)?;
    match bytes.len() > MAX_RECORD_BYTES {
        true => Err(Problem::TooLong),
        false => Ok(bytes),
    }
}

const BOM: &[u8] = b"\xef\xbb\xbf";

/// The text of a file: unchanged but for a byte order mark, which is about the encoding and no part of the text.
fn text_of(bytes: Vec<u8>) -> Result<String, Problem> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(Problem::Utf16);
    }
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let byte = error.utf8_error().valid_up_to();
        let before = error.as_bytes().iter().take(byte);
        Problem::InvalidUtf8 {
            byte,
            line: Some(1 + before.filter(|&&byte| byte == b'\n').count()),
        }
    })?;
    if text.as_bytes().starts_with(BOM) {
        text.drain(..BOM.len());
    }
    match text.trim().is_empty() {
        true => Err(Problem::Empty),
        false => Ok(text),
    }
}

/// Reads the lines of one file of JSON lines.
pub struct JsonLines {
    file: Arc<str>,
    reader: Reader,
    /// Lines read so far.
    line: u64,
    /// The first line, which was read to see what kind of file this is.
    first: Option<(Vec<u8>, LineEnd)>,
}

impl JsonLines {
    /// The lines of a file, or of standard input where the path is `-`.
    ///
    /// # Errors
    /// Those of opening the file.
    pub fn open(path: &Path) -> io::Result<Self> {
        let reader: Reader = match is_stdin(path) {
            true => Box::new(BufReader::with_capacity(1 << 16, io::stdin())),
            false => Box::new(BufReader::with_capacity(1 << 16, File::open(path)?)),
        };
        Ok(Self {
            file: name(path),
            reader,
            line: 0,
            first: None,
        })
    }

    /// The next line that is not blank, with its place and the bytes that were read for it, or `None` at the end.
    pub fn next_filled(&mut self) -> Option<(Place, u64, Result<Vec<u8>, Problem>)> {
        let mut bytes = 0;
        loop {
            let result = self.read(&mut bytes).transpose()?;
            let is_blank = result
                .as_ref()
                .is_ok_and(|line| line.trim_ascii().is_empty());
            if !is_blank {
                let place = Place {
                    file: Arc::clone(&self.file),
                    line: Some(self.line),
                };
                return Some((place, bytes, result));
            }
        }
    }

    /// The next line without a byte order mark, or `None` at the end. Adds to `bytes` what was read.
    fn read(&mut self, bytes: &mut u64) -> Result<Option<Vec<u8>>, Problem> {
        self.line += 1;
        let (mut line, end) = match self.first.take() {
            Some(first) => first,
            None => {
                let mut line = Vec::new();
                match read_line(&mut self.reader, &mut line, MAX_RECORD_BYTES) {
                    Ok(end) => (line, end),
                    Err(error) => {
                        // A reader that has failed once may fail for ever.
                        self.reader = Box::new(io::empty());
                        return Err(error.into());
                    }
                }
            }
        };
        *bytes += line.len() as u64;
        if end == LineEnd::TooLong {
            *bytes += skip_line(&mut self.reader)?;
            return Err(Problem::TooLong);
        }
        if line.is_empty() {
            return Ok(None);
        }
        if self.line == 1 && line.starts_with(BOM) {
            line.drain(..BOM.len());
        }
        Ok(Some(line))
    }
}

/// Reads the documents of one file of JSON lines.
struct JsonDocuments {
    lines: JsonLines,
    columns: ColumnArgs,
}

impl Iterator for JsonDocuments {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        let (place, bytes, line) = self.lines.next_filled()?;
        let fault = |problem, row| {
            Err(InputError {
                place: place.clone(),
                problem,
                row,
            })
        };
        let fields = match line.and_then(|line| parse(&line)) {
            Ok(fields) => fields,
            Err(problem) => return Some(fault(problem, None)),
        };
        let (id, document, carried) = document(fields, &self.columns, &place);
        Some(match document {
            Ok(document) => Ok(Located {
                place,
                document,
                bytes,
                carried,
            }),
            Err(problem) => fault(problem, Some(Box::new(Refused { id, carried }))),
        })
    }
}

/// Whether the first line of an input shows that it holds JSON lines.
fn is_json_document(line: &[u8]) -> bool {
    let line = line.strip_prefix(BOM).unwrap_or(line).trim_ascii();
    line.starts_with(b"{") && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()
}

/// The fields of a JSON line.
///
/// # Errors
/// [`Problem`] where it is no JSON object.
pub fn parse(line: &[u8]) -> Result<Map<String, Value>, Problem> {
    let line = std::str::from_utf8(line).map_err(|error| Problem::InvalidUtf8 {
        byte: error.valid_up_to(),
        line: None,
    })?;
    if !line.trim_start().starts_with('{') {
        return Err(Problem::NotJson(
            "the line does not begin with {".to_owned(),
        ));
    }
    serde_json::from_str(line).map_err(|error| not_json(&error))
}

/// What a JSON parser has to say of one line. It is always "line 1" to the parser, which would contradict the place.
pub fn not_json(error: &serde_json::Error) -> Problem {
    let told = error.to_string();
    Problem::NotJson(told.replace(" at line 1 column ", " at column "))
}

/// The id, the document, and the other fields of a JSON line. A line without an id is named by its place. Fields
/// that are no part of a document are tolerated and carried.
fn document(
    mut fields: Map<String, Value>,
    columns: &ColumnArgs,
    place: &Place,
) -> (String, Result<Document, Problem>, Carried) {
    let text = fields.remove(&columns.text);
    let no_string = |name: &str| Problem::NotJson(format!("\"{name}\" is no string"));
    let string = |name: &str| match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(value)) => Ok(Some(value.as_str())),
        Some(_) => Err(no_string(name)),
    };
    // An id as people write it: a string, or a bare number.
    let (id, wrong_id) = match fields.get(&columns.id) {
        Some(Value::String(id)) => (id.clone(), None),
        Some(Value::Number(id)) => (id.to_string(), None),
        None | Some(Value::Null) => (place.to_string(), None),
        Some(_) => {
            let told = format!("\"{}\" is no string and no number", columns.id);
            (place.to_string(), Some(Problem::NotJson(told)))
        }
    };
    let document = || {
        if let Some(problem) = wrong_id {
            return Err(problem);
        }
        let text = match text {
            Some(Value::String(text)) => text,
            None | Some(Value::Null) => {
                return Err(Problem::NotJson(format!("\"{}\" is missing", columns.text)));
            }
            Some(_) => return Err(no_string(&columns.text)),
        };
        let title = match &columns.title {
            Some(name) => string(name)?,
            None => None,
        };
        let language = string(&columns.language)?;
        if text.trim().is_empty() {
            return Err(Problem::Empty);
        }
        Ok(Document {
            id: id.clone(),
            text: with_title(title, text),
            language: language.unwrap_or_default().to_owned(),
        })
    };
    let document = document();
    (id, document, Carried::Fields(fields))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;

    /// What a file of this name and content gives: `ID|TEXT|LANGUAGE` or the error.
    fn read(file: &str, content: &[u8]) -> Vec<String> {
        let mut inputs = Inputs::new(&[], None);
        inputs.pending.clear();
        let reader = Box::new(Cursor::new(content.to_vec()));
        let json_lines = has_extension(Path::new(file), JSON_LINES);
        let first = inputs.read(file.into(), reader, json_lines);
        first.into_iter().chain(inputs).map(show).collect()
    }

    fn show(item: Item) -> String {
        match item {
            Ok(Located { document, .. }) => {
                format!("{}|{}|{}", document.id, document.text, document.language)
            }
            Err(error) => error.to_string(),
        }
    }

    /// A folder of this test's own, removed at its end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(test: &str, files: &[(&str, &str)]) -> Self {
            let root = std::env::temp_dir().join(format!("tagwerk-{test}-{}", std::process::id()));
            for (file, content) in files {
                let path = root.join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content).unwrap();
            }
            Self(root)
        }

        fn read(&self, inputs: Inputs) -> Vec<String> {
            let root = format!("{}/", self.0.display());
            inputs.map(|item| show(item).replace(&root, "")).collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_text_file_is_one_document_named_by_its_path() {
        for (content, text) in [
            ("Ein Satz.", "Ein Satz."),
            ("Titel\r\n\r\nText.\r\n", "Titel\r\n\r\nText.\r\n"),
            ("\u{feff}Mit Marke.", "Mit Marke."),
            ("{ keine Daten }\nText", "{ keine Daten }\nText"),
            ("a\0b", "a\0b"),
        ] {
            assert_eq!(
                read("a/b.txt", content.as_bytes()),
                [format!("a/b.txt|{text}|")]
            );
        }
    }

    #[test]
    fn a_text_that_cannot_be_used_is_an_error_with_its_place() {
        for (content, error) in [
            (&b""[..], "a.txt: the text is empty"),
            (b"\xef\xbb\xbf", "a.txt: the text is empty"),
            (b" \r\n\t\n", "a.txt: the text is empty"),
            (b"ab\nc\xffd", "a.txt: invalid UTF-8 at byte 4 (line 2)"),
            (b"\xff", "a.txt: invalid UTF-8 at byte 0 (line 1)"),
            (
                b"\xff\xfea\0",
                "a.txt: the text is encoded in UTF-16, not in UTF-8",
            ),
        ] {
            assert_eq!(read("a.txt", content), [error]);
        }
    }

    #[test]
    fn json_lines_are_one_document_each() {
        let content = "\u{feff}{\"id\":\"x\",\"text\":\"Eins\",\"language\":\"de\",\"date\":[1]}\r\n\
                       \n\
                       {\"text\":\"Zwei\\nZeilen\",\"id\":7}\n\
                       {\"text\":\"Drei\",\"id\":null}";
        let expected = ["x|Eins|de", "7|Zwei\nZeilen|", "a.jsonl:4|Drei|"];
        assert_eq!(read("a.jsonl", content.as_bytes()), expected);
    }

    #[test]
    fn json_lines_are_recognised_by_their_first_line_too() {
        assert_eq!(read("-", b"{\"text\":\"Eins\"}\n"), ["-:1|Eins|"]);
        assert_eq!(
            read("-", b"{\"text\":\n\"Eins\"}\n"),
            ["-|{\"text\":\n\"Eins\"}\n|"]
        );
    }

    #[test]
    fn a_wrong_line_is_an_error_with_file_and_line_and_the_rest_goes_on() {
        for (line, problem) in [
            (
                &b"nonsense"[..],
                "no JSON document: the line does not begin with {",
            ),
            (
                b"[\"a\",\"b\"]",
                "no JSON document: the line does not begin with {",
            ),
            (
                b"{\"text\" 1}",
                "no JSON document: expected `:` at column 9",
            ),
            (b"{\"id\":1}", "no JSON document: \"text\" is missing"),
            (b"{\"text\":\"a\xffb\"}", "invalid UTF-8 at byte 10"),
            (b"{\"text\":\"\"}", "the text is empty"),
            (b"{\"text\":\" \\n\"}", "the text is empty"),
        ] {
            let content = [
                b"{\"id\":\"v\",\"text\":\"Vor\"}\n",
                line,
                b"\n{\"text\":\"Nach\"}",
            ]
            .concat();
            let expected = [
                "v|Vor|".to_owned(),
                format!("a.ndjson:2: {problem}"),
                "a.ndjson:3|Nach|".to_owned(),
            ];
            assert_eq!(read("a.ndjson", &content), expected);
        }
    }

    #[test]
    fn an_empty_file_of_json_lines_holds_no_document() {
        assert_eq!(read("a.jsonl", b""), Vec::<String>::new());
        assert_eq!(read("a.jsonl", b"\n\n"), Vec::<String>::new());
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let mut content = vec![b'x'; MAX_RECORD_BYTES + 5];
        content.extend_from_slice(b"\n{\"text\":\"Nach\"}\n");
        assert_eq!(
            read("a.jsonl", &content),
            ["a.jsonl:1: longer than 64 MiB", "a.jsonl:2|Nach|"]
        );
        assert_eq!(read("a.txt", &content), ["a.txt: longer than 64 MiB"]);
    }

    #[test]
    fn a_folder_gives_its_articles_in_the_order_of_their_names() {
        let folder = Folder::new(
            "order",
            &[
                ("b.txt", "B"),
                ("a/z.TXT", "Z"),
                ("a/c.jsonl", "{\"text\":\"C\"}"),
                ("notes.md", "no article"),
            ],
        );
        let read = folder.read(Inputs::new(std::slice::from_ref(&folder.0), None));
        assert_eq!(read, ["a/c.jsonl:1|C|", "a/z.TXT|Z|", "b.txt|B|"]);
        assert_eq!(total_bytes(std::slice::from_ref(&folder.0)), Some(14));
    }

    #[test]
    fn a_folder_without_articles_and_a_missing_file_are_errors() {
        let folder = Folder::new("empty", &[("empty/notes.md", "no article")]);
        let paths = [folder.0.join("empty"), folder.0.join("missing.txt")];
        let read = folder.read(Inputs::new(&paths, None));
        assert_eq!(read.len(), 2, "{read:?}");
        assert_eq!(
            read[0],
            "empty: no .txt, .jsonl, .ndjson, .csv, .tsv or .parquet file in this folder"
        );
        assert!(
            read[1].starts_with("missing.txt: cannot be read: "),
            "{read:?}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_link_back_to_its_folder_is_not_followed() {
        let folder = Folder::new("loop", &[("a.txt", "A")]);
        std::os::unix::fs::symlink(&folder.0, folder.0.join("loop")).unwrap();
        std::os::unix::fs::symlink(folder.0.join("a.txt"), folder.0.join("b.txt")).unwrap();
        let read = folder.read(Inputs::new(std::slice::from_ref(&folder.0), None));
        assert_eq!(read, ["a.txt|A|", "b.txt|A|"]);
    }

    #[cfg(unix)]
    #[test]
    fn the_file_that_answers_are_written_to_is_not_read() {
        let folder = Folder::new("output", &[("a.txt", "A"), ("tagged.jsonl", "")]);
        let output = identity(&fs::metadata(folder.0.join("tagged.jsonl")).unwrap());
        let read = folder.read(Inputs::new(std::slice::from_ref(&folder.0), output));
        assert_eq!(read, ["a.txt|A|"]);
        let named = folder.0.join("tagged.jsonl");
        let refused = "tagged.jsonl: this is the file that the answers are written to";
        assert_eq!(folder.read(Inputs::new(&[named], output)), [refused]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(content in any::<Vec<u8>>(), json_lines in any::<bool>()) {
            let file = if json_lines { "a.jsonl" } else { "a" };
            prop_assert!(json_lines || !read(file, &content).is_empty());
        }

        #[test]
        fn anything_like_json_is_read_without_a_panic(line in "\\{((\"(id|text|language|x)\"|[:,{}\\[\\]]|\"[a-z\\\\ud8]{0,9}\"|null|-?[0-9.eE]{1,9}|\\PC) ?){0,12}\\}?") {
            prop_assert_eq!(read("a.jsonl", line.as_bytes()).len(), 1);
        }

        #[test]
        fn every_json_line_gives_an_answer_or_an_error(lines in prop::collection::vec("[^\r\n]*\\S[^\r\n]*", 0..9)) {
            let content = lines.join("\n");
            // A byte order mark belongs to no line, where it begins the file.
            let own = content.strip_prefix('\u{feff}').unwrap_or(&content);
            let filled = own.split('\n').filter(|line| !line.trim_ascii().is_empty());
            prop_assert_eq!(read("a.jsonl", content.as_bytes()).len(), filled.count());
        }
    }
}
