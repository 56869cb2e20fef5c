//! Reads documents from CSV, in bounded memory.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    sync::Arc,
};

use csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder};

use super::{
    carried::{Carried, Header},
    columns::{ColumnArgs, with_title},
};
use crate::{
    cli::input::{InputError, Located, MAX_RECORD_BYTES, Place, Problem, Refused},
    proto::tagwerk::v1::Document,
};

const BOM: &[u8] = b"\xef\xbb\xbf";
/// What may part columns, where none is given.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The documents of one CSV file. A line that gives none is one error; the rest goes on.
pub struct CsvRecords {
    file: Arc<str>,
    reader: Reader<Bounded<BufReader<File>>>,
    header: Arc<Header>,
    places: Places,
    record: ByteRecord,
    /// Whether lines end with CR LF. The reader leaves that LF to the next record, and counts it there.
    crlf: bool,
    /// Bytes of the records that were read.
    read: u64,
    ended: bool,
}

/// Where the columns that matter stand.
#[derive(Debug, Clone, Copy)]
struct Places {
    text: usize,
    id: Option<usize>,
    language: Option<usize>,
    title: Option<usize>,
}

impl CsvRecords {
    /// Reads the first line.
    ///
    /// # Errors
    /// [`Problem`] where the file cannot be read, or lacks the column of the text.
    pub fn open(file: Arc<str>, opened: File, columns: &ColumnArgs) -> Result<Self, Problem> {
        let mut input = BufReader::with_capacity(1 << 16, opened);
        let start = input.fill_buf()?;
        if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
            return Err(Problem::Utf16);
        }
        let mark = if start.starts_with(BOM) { BOM.len() } else { 0 };
        let body = start.get(mark..).unwrap_or_default();
        let delimiter = columns.delimiter.unwrap_or_else(|| detect(body));
        let first_line = body.split(|&byte| byte == b'\n').next();
        let crlf = first_line.is_some_and(|line| line.len() < body.len() && line.ends_with(b"\r"));
        input.consume(mark);
        let mut reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .from_reader(Bounded {
                inner: input,
                left: MAX_RECORD_BYTES,
            });
        let first = reader.byte_headers().map_err(problem)?.clone();
        let mut names = Vec::with_capacity(first.len());
        for name in &first {
            let name = std::str::from_utf8(name).map_err(|error| Problem::InvalidUtf8 {
                byte: error.valid_up_to(),
                line: Some(1),
            })?;
            names.push(name.trim().to_owned());
        }
        let place = |wanted: &str| names.iter().position(|name| name == wanted);
        let missing = |wanted: &str| Problem::NoColumn {
            wanted: wanted.to_owned(),
            found: names.join(", "),
        };
        let places = Places {
            text: place(&columns.text).ok_or_else(|| missing(&columns.text))?,
            id: place(&columns.id),
            language: place(&columns.language),
            title: match &columns.title {
                Some(title) => Some(place(title).ok_or_else(|| missing(title))?),
                None => None,
            },
        };
        Ok(Self {
            file,
            read: reader.position().byte(),
            reader,
            header: Arc::new(Header { names, delimiter }),
            places,
            record: ByteRecord::new(),
            crlf,
            ended: false,
        })
    }

    fn document(&self, place: &Place, bytes: u64) -> Result<Located, InputError> {
        let fault = |problem| InputError {
            place: place.clone(),
            problem,
            row: None,
        };
        let mut values = Vec::with_capacity(self.record.len());
        for (index, value) in self.record.iter().enumerate() {
            let value = std::str::from_utf8(value).map_err(|error| {
                fault(Problem::InvalidColumn {
                    column: self.header.names.get(index).cloned().unwrap_or_default(),
                    byte: error.valid_up_to(),
                })
            })?;
            values.push(value.to_owned());
        }
        let value = |at: Option<usize>| {
            let value = at.and_then(|at| values.get(at)).map(|value| value.trim());
            value.filter(|value| !value.is_empty())
        };
        let id = value(self.places.id).map_or_else(|| place.to_string(), str::to_owned);
        let language = value(self.places.language).unwrap_or_default().to_owned();
        let text = values.get(self.places.text).cloned().unwrap_or_default();
        let text = match text.trim().is_empty() {
            true => None,
            false => Some(with_title(value(self.places.title), text)),
        };
        let carried = Carried::Record {
            header: Arc::clone(&self.header),
            values,
        };
        match text {
            Some(text) => Ok(Located {
                place: place.clone(),
                document: Document { id, text, language },
                bytes,
                carried,
            }),
            None => Err(InputError {
                place: place.clone(),
                problem: Problem::Empty,
                row: Some(Box::new(Refused { id, carried })),
            }),
        }
    }
}

impl Iterator for CsvRecords {
    type Item = Result<Located, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        self.reader.get_mut().left = MAX_RECORD_BYTES;
        let begun = self.reader.position().line() + u64::from(self.crlf);
        let read = self.reader.read_byte_record(&mut self.record);
        let place = Place {
            file: Arc::clone(&self.file),
            line: Some(begun),
        };
        match read {
            Ok(false) => None,
            Ok(true) => {
                let end = self.reader.position().byte();
                let bytes = end.saturating_sub(self.read);
                self.read = end;
                Some(self.document(&place, bytes))
            }
            Err(error) => {
                // Behind a line with too few columns the next one can be read; behind a broken disk nothing.
                self.ended = matches!(error.kind(), ErrorKind::Io(_));
                Some(Err(InputError {
                    place,
                    problem: problem(error),
                    row: None,
                }))
            }
        }
    }
}

fn problem(error: csv::Error) -> Problem {
    let told = match error.kind() {
        ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => Problem::Columns {
            expected: *expected_len,
            found: *len,
        },
        _ => Problem::NotCsv(error.to_string()),
    };
    match error.into_kind() {
        ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => Problem::OpenQuote,
        ErrorKind::Io(error) => Problem::Unreadable(error),
        _ => told,
    }
}

/// What parts the columns of the first line: the candidate that stands there most often outside quotes.
fn detect(start: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [0usize; DELIMITERS.len()];
    for &byte in start {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            _ if quoted => {}
            _ => {
                let known = DELIMITERS.iter().position(|&delimiter| delimiter == byte);
                if let Some(count) = known.and_then(|known| counts.get_mut(known)) {
                    *count += 1;
                }
            }
        }
    }
    let mut best = (0, b',');
    for (count, delimiter) in counts.into_iter().zip(DELIMITERS) {
        if count > best.0 {
            best = (count, delimiter);
        }
    }
    best.1
}

/// Reads no more than `left` bytes: a quote that is never closed must not bring a whole file into memory.
struct Bounded<R> {
    inner: R,
    left: usize,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let most = buffer.len().min(self.left);
        let read = self
            .inner
            .read(buffer.get_mut(..most).unwrap_or_default())?;
        self.left -= read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::PathBuf};

    /// The documents of a file: `ID|TEXT|LANGUAGE` or the error.
    fn read(test: &str, content: impl AsRef<[u8]>, columns: &ColumnArgs) -> Vec<String> {
        let path: PathBuf =
            std::env::temp_dir().join(format!("tagwerk-csv-{test}-{}", std::process::id()));
        fs::write(&path, content).unwrap();
        let opened = CsvRecords::open("a.csv".into(), File::open(&path).unwrap(), columns);
        let shown = match opened {
            Ok(records) => records
                .map(|item| match item {
                    Ok(Located { document, .. }) => {
                        format!("{}|{}|{}", document.id, document.text, document.language)
                    }
                    Err(error) => error.to_string(),
                })
                .collect(),
            Err(problem) => vec![problem.to_string()],
        };
        fs::remove_file(path).unwrap();
        shown
    }

    #[test]
    fn lines_are_documents_whatever_parts_their_columns() {
        for (name, content) in [
            (
                "comma",
                "id,text,language\n1,\"Eins, \"\"zwei\"\"\nund drei\",de\n2,Vier,\n",
            ),
            (
                "semicolon",
                "\u{feff}id;text;language\r\n1;\"Eins, \"\"zwei\"\"\nund drei\";de\r\n2;Vier;\r\n",
            ),
            (
                "tab",
                "language\tid\ttext\nde\t1\t\"Eins, \"\"zwei\"\"\nund drei\"\n\t2\tVier",
            ),
        ] {
            let expected = ["1|Eins, \"zwei\"\nund drei|de", "2|Vier|"];
            assert_eq!(
                read(name, content, &ColumnArgs::default()),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn columns_can_have_other_names() {
        let columns = ColumnArgs {
            text: "Body".to_owned(),
            title: Some("Head".to_owned()),
            ..ColumnArgs::default()
        };
        assert_eq!(
            read("names", "Head,Body\nTitel,Text\n,Text\n", &columns),
            ["a.csv:2|Titel\nText|", "a.csv:3|Text|"]
        );
        assert_eq!(
            read("missing", "Head,Text\n", &columns),
            ["there is no column \"Body\"; there are: Head, Text"]
        );
    }

    #[test]
    fn a_wrong_line_is_an_error_with_its_number_and_the_rest_goes_on() {
        let content = b"id,text\n1,\"zwei\nZeilen\"\n2\n3,\xffx\n4,\" \"\n5,Ende\n";
        let windows: Vec<u8> = content
            .iter()
            .flat_map(|&byte| {
                if byte == b'\n' {
                    vec![b'\r', b'\n']
                } else {
                    vec![byte]
                }
            })
            .collect();
        for (name, content, parted) in [
            ("wrong", &content[..], "1|zwei\nZeilen|"),
            ("windows", &windows, "1|zwei\r\nZeilen|"),
        ] {
            assert_eq!(
                read(name, content, &ColumnArgs::default()),
                [
                    parted,
                    "a.csv:4: 1 column where the first line has 2",
                    "a.csv:5: invalid UTF-8 at byte 0 of the column \"text\"",
                    "a.csv:6: the text is empty",
                    "5|Ende|",
                ]
            );
        }
    }

    #[test]
    fn utf16_is_told_from_utf8() {
        assert_eq!(
            read("utf16", b"\xff\xfei\0d\0", &ColumnArgs::default()),
            ["the text is encoded in UTF-16, not in UTF-8"]
        );
    }

    #[test]
    fn a_quote_that_is_never_closed_ends_the_file() {
        let mut content = b"text\n\"".to_vec();
        content.resize(MAX_RECORD_BYTES + (1 << 17), b'x');
        let told = "a.csv:2: longer than 64 MiB; is there a quote that is not closed?";
        assert_eq!(read("quote", content, &ColumnArgs::default()), [told]);
    }
}
