//! Watchlists as files: CSV, JSON lines or TOML.

use std::{collections::BTreeMap, fs, io, path::Path};

use serde::Deserialize;
use thiserror::Error;

use super::{Target, TargetError, TargetType, Watchlist};

/// Most bytes of a file.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// Why a file cannot be used as a watchlist.
#[derive(Debug, Error)]
pub enum FileError {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is too large.
    #[error("has {0} bytes; at most {MAX_FILE_BYTES} are accepted")]
    TooLarge(u64),
    /// Its name does not say what it is.
    #[error("must end in .csv, .jsonl or .toml")]
    Kind,
    /// A line is not of the format.
    #[error("line {line}: {reason}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// It is not TOML with `[[targets]]`.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// A target cannot be used.
    #[error("{place}: {field} {error}")]
    Target {
        /// The line, or the target's place among the others.
        place: String,
        /// Which field of the target.
        field: String,
        /// What is wrong.
        error: TargetError,
    },
}

/// A target as files have it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    names: Vec<String>,
    #[serde(default, rename = "type")]
    target_type: Option<RowType>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RowType {
    Person,
    Organization,
    Location,
    Miscellaneous,
    Topic,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tables {
    targets: Vec<Row>,
}

/// Reads a watchlist. The end of the file's name says what it is: `.csv` with the columns `id`, `names` (separated by
/// `|`) and `type`; `.jsonl` with one object on a line; `.toml` with `[[targets]]`.
///
/// # Errors
/// [`FileError`], which names the line.
pub fn read(path: &Path) -> Result<Watchlist, FileError> {
    let bytes = fs::metadata(path)?.len();
    if bytes > MAX_FILE_BYTES {
        return Err(FileError::TooLarge(bytes));
    }
    let content = fs::read_to_string(path)?;
    let content = content.trim_start_matches('\u{feff}');
    let kind = path.extension().and_then(|kind| kind.to_str());
    let (targets, lines) = match kind {
        Some("csv") => csv(content)?,
        Some("jsonl" | "ndjson") => json_lines(content)?,
        Some("toml") => (toml::from_str::<Tables>(content)?.targets, Vec::new()),
        _ => return Err(FileError::Kind),
    };
    let targets = targets.into_iter().map(Target::from).collect();
    Watchlist::new(targets).map_err(|errors| first_of(errors, &lines))
}

/// The first of the errors, with its line where lines are known.
fn first_of(errors: Vec<TargetError>, lines: &[usize]) -> FileError {
    let Some(error) = errors.into_iter().next() else {
        return FileError::Kind;
    };
    let target = error.target();
    let place = match lines.get(target) {
        Some(line) => format!("line {line}"),
        None => format!("targets[{target}]"),
    };
    let path = error.path();
    let field = path.split_once('.').map_or("", |(_, field)| field);
    FileError::Target {
        place,
        field: field.to_owned(),
        error,
    }
}

impl From<Row> for Target {
    fn from(row: Row) -> Self {
        let target_type = match row.target_type {
            None => TargetType::Any,
            Some(RowType::Person) => TargetType::Person,
            Some(RowType::Organization) => TargetType::Organization,
            Some(RowType::Location) => TargetType::Location,
            Some(RowType::Miscellaneous) => TargetType::Miscellaneous,
            Some(RowType::Topic) => TargetType::Topic,
        };
        Self {
            id: row.id,
            names: row.names,
            target_type,
        }
    }
}

/// The rows with their lines.
fn json_lines(content: &str) -> Result<(Vec<Row>, Vec<usize>), FileError> {
    let lines = content.lines().enumerate();
    let filled = lines.filter(|(_, line)| !line.trim().is_empty());
    let rows = filled.map(|(index, line)| {
        let line_number = index + 1;
        let row = serde_json::from_str::<Row>(line).map_err(|error| FileError::Line {
            line: line_number,
            reason: error.to_string(),
        })?;
        Ok((row, line_number))
    });
    let rows: Vec<(Row, usize)> = rows.collect::<Result<_, FileError>>()?;
    Ok(rows.into_iter().unzip())
}

fn csv(content: &str) -> Result<(Vec<Row>, Vec<usize>), FileError> {
    // Spreadsheets of German offices write semicolons.
    let first = content.lines().next().unwrap_or("");
    let separator = if first.contains(';') { ';' } else { ',' };
    let mut records = records(content, separator)?.into_iter();
    let fail = |line, reason: String| FileError::Line { line, reason };
    let Some((_, header)) = records.next() else {
        return Err(fail(
            1,
            "has no header with the columns id, names and type".into(),
        ));
    };
    let columns: BTreeMap<String, usize> = header
        .iter()
        .enumerate()
        .map(|(index, name)| (name.trim().to_lowercase(), index))
        .collect();
    if let Some(other) = columns
        .keys()
        .find(|c| !matches!(c.as_str(), "id" | "names" | "type"))
    {
        return Err(fail(
            1,
            format!("{other:?} is none of the columns id, names and type"),
        ));
    }
    let column = |name: &str| columns.get(name).copied();
    let (Some(id), Some(names)) = (column("id"), column("names")) else {
        return Err(fail(1, "needs the columns id and names".into()));
    };
    let kind = column("type");
    let rows = records.map(|(line, record)| {
        let cell = |at: usize| record.get(at).map_or("", |cell| cell.trim());
        if record.len() > columns.len() {
            return Err(fail(line, format!("has {} columns, the header {}", record.len(), columns.len())));
        }
        let target_type = match kind.map_or("", cell).to_lowercase().as_str() {
            "" => None,
            "person" => Some(RowType::Person),
            "organization" => Some(RowType::Organization),
            "location" => Some(RowType::Location),
            "miscellaneous" => Some(RowType::Miscellaneous),
            "topic" => Some(RowType::Topic),
            other => {
                return Err(fail(
                    line,
                    format!("{other:?} is no type; person, organization, location, miscellaneous and topic are"),
                ));
            }
        };
        let row = Row {
            id: cell(id).to_owned(),
            names: cell(names)
                .split('|')
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
            target_type,
        };
        Ok((row, line))
    });
    let rows: Vec<(Row, usize)> = rows.collect::<Result<_, _>>()?;
    Ok(rows.into_iter().unzip())
}

/// A line's number and its cells.
type Record = (usize, Vec<String>);

/// The records of a CSV file (RFC 4180), without empty ones.
fn records(content: &str, separator: char) -> Result<Vec<Record>, FileError> {
    let mut records = Vec::new();
    let (mut record, mut cell) = (Vec::new(), String::new());
    let (mut line, mut began) = (1, 1);
    let mut quoted = false;
    let mut characters = content.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if cell.trim().is_empty() => {
                cell.clear();
                quoted = true;
            }
            _ if quoted => {
                line += usize::from(c == '\n');
                cell.push(c);
            }
            '\r' if characters.peek() == Some(&'\n') => {}
            '\n' => {
                record.push(std::mem::take(&mut cell));
                records.push((began, std::mem::take(&mut record)));
                line += 1;
                began = line;
            }
            _ if c == separator => record.push(std::mem::take(&mut cell)),
            _ => cell.push(c),
        }
    }
    if quoted {
        return Err(FileError::Line {
            line: began,
            reason: "a quotation mark is not closed".into(),
        });
    }
    if !cell.is_empty() || !record.is_empty() {
        record.push(cell);
        records.push((began, record));
    }
    records.retain(|(_, cells)| cells.iter().any(|cell| !cell.trim().is_empty()));
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, content: &str) -> Result<Watchlist, FileError> {
        let folder = std::env::temp_dir().join(format!("tagwerk-watchlist-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        fs::write(&path, content).unwrap();
        read(&path)
    }

    #[test]
    fn one_list_reads_the_same_from_every_format() {
        let files = [
            (
                "a.csv",
                "id,names,type\nvw,Volkswagen|VW,organization\nlimit,Tempolimit,topic\n",
            ),
            (
                "b.csv",
                "\u{feff}type;id;names\r\norganization;vw;\"Volkswagen|VW\"\r\ntopic;limit;Tempolimit",
            ),
            (
                "c.jsonl",
                "{\"id\":\"vw\",\"names\":[\"Volkswagen\",\"VW\"],\"type\":\"organization\"}\n\n{\"id\":\"limit\",\"names\":[\"Tempolimit\"],\"type\":\"topic\"}\n",
            ),
            (
                "d.toml",
                "[[targets]]\nid = \"vw\"\nnames = [\"Volkswagen\", \"VW\"]\ntype = \"organization\"\n[[targets]]\nid = \"limit\"\nnames = [\"Tempolimit\"]\ntype = \"topic\"\n",
            ),
        ];
        for (name, content) in files {
            let list = written(name, content).unwrap();
            let ids: Vec<&str> = list.targets().iter().map(|t| t.id.as_str()).collect();
            assert_eq!(ids, ["vw", "limit"], "{name}");
            assert_eq!(list.targets()[0].names, ["Volkswagen", "VW"], "{name}");
            assert_eq!(list.targets()[1].target_type, TargetType::Topic, "{name}");
        }
    }

    #[test]
    fn an_error_names_the_line() {
        let files = [
            (
                "e.csv",
                "id,names\nvw,Volkswagen\nvw,Audi\n",
                "line 3: id is the id of another target too",
            ),
            (
                "f.csv",
                "id,names\n\nvw,\n",
                "line 3: names must have at least one name",
            ),
            (
                "g.csv",
                "id,names,type\nvw,VW,firm\n",
                "line 2: \"firm\" is no type",
            ),
            (
                "h.csv",
                "id,name\nvw,VW\n",
                "line 1: \"name\" is none of the columns",
            ),
            ("i.csv", "id,names\nvw,\"VW\n", "line 2: a quotation mark"),
            ("j.csv", "", "line 1: has no header"),
            (
                "k.jsonl",
                "{\"id\":\"vw\",\"names\":[\"VW\"]}\n{\"id\":1}\n",
                "line 2: ",
            ),
            (
                "l.toml",
                "[[targets]]\nid = \"vw\"\nnames = [\"!\"]\n",
                "targets[0]: names[0] must have",
            ),
            ("m.txt", "vw", "must end in"),
        ];
        for (name, content, expected) in files {
            let error = written(name, content).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{name}: {error}");
        }
    }
}
