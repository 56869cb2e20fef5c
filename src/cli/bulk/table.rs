//! Tables of answers: CSV, Parquet, and JSON lines that hold their input.

use std::{
    io::{self, Write},
    sync::Arc,
};

use arrow_array::{
    ArrayRef, Float32Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema};
use arrow_select::interleave::interleave;
use clap::ValueEnum;
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::properties::WriterProperties,
};
use serde::Serialize;
use serde_json::{Map, Value};

use super::carried::{Carried, Header, shown};
use crate::{
    cli::offsets::Slices,
    proto::tagwerk::v1::{
        EntityType, HolderKind, Mention, OffsetUnit, Polarity, Span, TaggedDocument,
    },
};

/// Rows that are put into columns at a time.
const BATCH_ROWS: usize = 256;
/// Bytes of text and answers that are put into columns at a time.
const BATCH_BYTES: usize = 8 << 20;
/// Encoded bytes of a row group of Parquet.
const ROW_GROUP_BYTES: usize = 64 << 20;

/// What a row of the output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RowsOf {
    /// One row for each document, its answer in it
    Documents,
    /// One row for each mention
    Mentions,
    /// One row for each stance
    Stances,
}

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFormat {
    /// JSON lines.
    Json,
    /// CSV with a line of names.
    Csv,
    /// Parquet, compressed with zstd.
    Parquet,
}

/// What is kept of the input, and in which unit the answers count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The column of the text, which rows of mentions and stances leave out.
    pub text_column: String,
    /// The unit of the offsets.
    pub unit: OffsetUnit,
}

/// A document with what became of it.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Its id.
    pub id: &'a str,
    /// The text that was tagged; `None` where there was none.
    pub text: Option<&'a str>,
    /// The other columns of its input.
    pub carried: &'a Carried,
    /// The answer, or why there is none.
    pub answer: Result<&'a TaggedDocument, &'a str>,
}

/// Why a row is not written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The writer fails.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Parquet has no form for what is carried.
    #[error("the columns cannot be written as Parquet: {0}")]
    Encoding(String),
    /// The columns of the input are not those of the table.
    #[error("the columns are not those of the first document: {0}")]
    OtherColumns(String),
    /// A column of the input has the name of a column of the answers.
    #[error("the input has a column \"{0}\", which the answers need for themselves")]
    Taken(String),
    /// The answer has a value that JSON has no name for.
    #[error("a strange answer: {0}")]
    Strange(#[from] serde_json::Error),
}

impl TableError {
    /// Whether this row alone is not written, and the table can go on.
    pub fn is_about_row(&self) -> bool {
        matches!(self, Self::OtherColumns(_) | Self::Strange(_))
    }
}

impl From<ArrowError> for TableError {
    fn from(error: ArrowError) -> Self {
        Self::Encoding(error.to_string())
    }
}

impl From<ParquetError> for TableError {
    fn from(error: ParquetError) -> Self {
        Self::Encoding(error.to_string())
    }
}

/// Writes rows.
pub struct Table {
    rows: RowsOf,
    format: TableFormat,
    kept: Kept,
    shape: Option<Shape>,
    parquet: Option<Pages>,
}

/// The columns that are carried through.
#[derive(Debug, Clone, PartialEq)]
enum Shape {
    /// Id, text and the other fields as JSON: inputs without columns.
    Plain,
    Record(Arc<Header>),
    Row(Arc<Schema>),
}

impl Shape {
    fn of(carried: &Carried) -> Self {
        match carried {
            Carried::Nothing | Carried::Fields(_) => Self::Plain,
            Carried::Record { header, .. } => Self::Record(Arc::clone(header)),
            Carried::Row { batch, .. } => Self::Row(batch.schema()),
        }
    }

    fn names(&self) -> Vec<&str> {
        match self {
            Self::Plain => vec!["id", "text", "input"],
            Self::Record(header) => header.names.iter().map(String::as_str).collect(),
            Self::Row(schema) => schema
                .fields()
                .iter()
                .map(|field| field.name().as_str())
                .collect(),
        }
    }

    /// Whether the columns are the same, whatever else is known of them.
    fn has_columns_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Record(one), Self::Record(other)) => one.names == other.names,
            (Self::Row(one), Self::Row(other)) => {
                let types = |schema: &Schema| -> Vec<(String, DataType)> {
                    let fields = schema.fields().iter();
                    fields
                        .map(|field| (field.name().clone(), field.data_type().clone()))
                        .collect()
                };
                Arc::ptr_eq(one, other) || types(one) == types(other)
            }
            _ => self == other,
        }
    }
}

/// A value of a column of the answers.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Null,
    Text(String),
    Whole(i64),
    Number(f32),
}

/// The type of a column of the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Whole,
    Number,
}

type Columns = &'static [(&'static str, Kind)];

const DOCUMENT: Columns = &[
    ("tagged_language", Kind::Text),
    ("tagged_sentiment", Kind::Number),
    ("tagged", Kind::Text),
    ("error", Kind::Text),
];
const MENTION: Columns = &[
    ("mention", Kind::Text),
    ("mention_type", Kind::Text),
    ("entity", Kind::Text),
    ("mention_start", Kind::Whole),
    ("mention_end", Kind::Whole),
    ("probability", Kind::Number),
    ("polarity", Kind::Text),
    ("score", Kind::Number),
];
const STANCE: Columns = &[
    ("target", Kind::Text),
    ("target_type", Kind::Text),
    ("target_entity", Kind::Text),
    ("holder_kind", Kind::Text),
    ("holder", Kind::Text),
    ("holder_entity", Kind::Text),
    ("polarity", Kind::Text),
    ("probability", Kind::Number),
    ("holder_probability", Kind::Number),
    ("evidence", Kind::Text),
    ("evidence_start", Kind::Whole),
    ("evidence_end", Kind::Whole),
];
const ERROR: Columns = &[("error", Kind::Text)];
/// Columns of lists, which only Parquet has.
const LISTS: [(&str, Columns); 2] = [("tagged_mentions", MENTION), ("tagged_stances", STANCE)];

impl RowsOf {
    fn columns(self) -> Vec<(&'static str, Kind)> {
        match self {
            Self::Documents => DOCUMENT.to_vec(),
            Self::Mentions => [MENTION, ERROR].concat(),
            Self::Stances => [STANCE, ERROR].concat(),
        }
    }
}

impl Table {
    /// An empty table.
    pub fn new(format: TableFormat, rows: RowsOf, kept: Kept) -> Self {
        Self {
            rows,
            format,
            kept,
            shape: None,
            parquet: None,
        }
    }

    /// Writes what became of a document, or keeps it for the next part of the file.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn write(&mut self, out: &mut impl Write, row: &Row) -> Result<(), TableError> {
        match (self.format, self.rows) {
            (TableFormat::Json, RowsOf::Documents) => self.line(out, row),
            (TableFormat::Json, _) => self.short_lines(out, row),
            (TableFormat::Csv, _) => self.record(out, row),
            (TableFormat::Parquet, _) => {
                self.begin(row.carried)?;
                let Some(pages) = &mut self.parquet else {
                    return Ok(());
                };
                let slices = Slices::new(row.text.unwrap_or_default(), self.kept.unit);
                pages.push(self.rows, row, &slices)?;
                pages.write_full(out)
            }
        }
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn end(&mut self, out: &mut impl Write) -> Result<(), TableError> {
        if self.format == TableFormat::Parquet {
            // Without any document there are at least the columns of the answers.
            if self.parquet.is_none() {
                self.begin(&Carried::Nothing)?;
            }
            if let Some(pages) = self.parquet.take() {
                pages.end(out)?;
            }
        }
        if self.format == TableFormat::Csv && self.shape.is_none() {
            self.begin(&Carried::Nothing)?;
            self.csv_names(out)?;
        }
        Ok(out.flush()?)
    }

    /// Takes the columns from the first document, and checks those of the others. Says whether it is the first.
    fn begin(&mut self, carried: &Carried) -> Result<bool, TableError> {
        let shape = Shape::of(carried);
        if let Some(known) = &self.shape {
            return match known.has_columns_of(&shape) {
                true => Ok(false),
                false => Err(TableError::OtherColumns(shape.names().join(", "))),
            };
        }
        let lists = LISTS.iter().map(|(name, _)| *name);
        let own: Vec<&str> = self
            .rows
            .columns()
            .iter()
            .map(|(name, _)| *name)
            .chain(lists)
            .collect();
        if let Some(taken) = shape.names().iter().find(|name| own.contains(name)) {
            return Err(TableError::Taken((*taken).to_owned()));
        }
        if self.format == TableFormat::Parquet {
            self.parquet = Some(Pages::new(&shape, self.rows, &self.kept)?);
        }
        self.shape = Some(shape);
        Ok(true)
    }

    /// Names of the carried columns that are shown.
    fn carried_names(&self) -> Vec<String> {
        let names = self.shape.as_ref().map(Shape::names).unwrap_or_default();
        let text = match self.shape {
            Some(Shape::Plain) => "text",
            _ => &self.kept.text_column,
        };
        names
            .into_iter()
            .filter(|name| self.rows == RowsOf::Documents || *name != text)
            .map(str::to_owned)
            .collect()
    }

    fn delimiter(&self) -> u8 {
        match &self.shape {
            Some(Shape::Record(header)) => header.delimiter,
            _ => b',',
        }
    }

    fn csv_names(&self, out: &mut impl Write) -> Result<(), TableError> {
        let own = self.rows.columns();
        let own = own.iter().map(|(name, _)| (*name).to_owned());
        let names: Vec<String> = self.carried_names().into_iter().chain(own).collect();
        write_record(out, self.delimiter(), &names)
    }

    fn record(&mut self, out: &mut impl Write, row: &Row) -> Result<(), TableError> {
        if self.begin(row.carried)? {
            self.csv_names(out)?;
        }
        let texts = texts(row, self.rows, &self.kept.text_column);
        let slices = Slices::new(row.text.unwrap_or_default(), self.kept.unit);
        for cells in cells(self.rows, row, &slices)? {
            let carried = texts.iter().map(|text| text.clone().unwrap_or_default());
            let own = cells.iter().map(|cell| match cell {
                Cell::Null => String::new(),
                Cell::Text(text) => text.clone(),
                Cell::Whole(number) => number.to_string(),
                Cell::Number(number) => number.to_string(),
            });
            let values: Vec<String> = carried.chain(own).collect();
            write_record(out, self.delimiter(), &values)?;
        }
        Ok(())
    }

    /// An answer with its input in one line of JSON.
    fn line(&self, out: &mut impl Write, row: &Row) -> Result<(), TableError> {
        #[derive(Serialize)]
        struct Tagged<'a> {
            #[serde(flatten)]
            answer: &'a TaggedDocument,
            text: &'a str,
            #[serde(rename = "offsetUnit")]
            unit: &'a str,
            input: Map<String, Value>,
        }
        #[derive(Serialize)]
        struct Failed<'a> {
            id: &'a str,
            error: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            text: Option<&'a str>,
            input: Map<String, Value>,
        }
        let input = row.carried.fields(&self.kept.text_column);
        let mut line = match row.answer {
            Ok(answer) => serde_json::to_vec(&Tagged {
                answer,
                text: row.text.unwrap_or_default(),
                unit: self.kept.unit.as_str_name(),
                input,
            })?,
            Err(error) => serde_json::to_vec(&Failed {
                id: row.id,
                error,
                text: row.text,
                input,
            })?,
        };
        line.push(b'\n');
        Ok(out.write_all(&line)?)
    }

    /// Mentions or stances, each in a line of JSON with the other fields of the input.
    fn short_lines(&self, out: &mut impl Write, row: &Row) -> Result<(), TableError> {
        let slices = Slices::new(row.text.unwrap_or_default(), self.kept.unit);
        let columns = self.rows.columns();
        let input = row.carried.fields(&self.kept.text_column);
        for cells in cells(self.rows, row, &slices)? {
            let mut object = Map::new();
            object.insert("id".to_owned(), row.id.into());
            for ((name, _), cell) in columns.iter().zip(cells) {
                let value = match cell {
                    Cell::Null => continue,
                    Cell::Text(text) => Value::String(text),
                    Cell::Whole(number) => number.into(),
                    Cell::Number(number) => json_number(number),
                };
                object.insert((*name).to_owned(), value);
            }
            object.insert("input".to_owned(), Value::Object(input.clone()));
            let mut line = serde_json::to_vec(&object)?;
            line.push(b'\n');
            out.write_all(&line)?;
        }
        Ok(())
    }
}

/// The shortest number that reads back as this one.
fn json_number(number: f32) -> Value {
    serde_json::from_str(&number.to_string()).unwrap_or(Value::Null)
}

fn write_record(out: &mut impl Write, delimiter: u8, values: &[String]) -> Result<(), TableError> {
    let mut writer = csv::WriterBuilder::new()
        .delimiter(delimiter)
        .from_writer(Vec::new());
    writer.write_record(values).map_err(io::Error::from)?;
    let line = writer
        .into_inner()
        .map_err(|error| io::Error::other(error.to_string()))?;
    Ok(out.write_all(&line)?)
}

/// The carried columns of a row as texts, in the order of [`Shape::names`].
fn texts(row: &Row, rows: RowsOf, text_column: &str) -> Vec<Option<String>> {
    let whole = rows == RowsOf::Documents;
    match row.carried {
        Carried::Nothing | Carried::Fields(_) => {
            let mut fields = row.carried.fields(text_column);
            fields.remove("id");
            let input = (!fields.is_empty()).then(|| Value::Object(fields).to_string());
            let mut texts = vec![Some(row.id.to_owned())];
            if whole {
                texts.push(row.text.map(str::to_owned));
            }
            texts.push(input);
            texts
        }
        Carried::Record { header, values } => {
            let pairs = header.names.iter().zip(values);
            pairs
                .filter(|(name, _)| whole || *name != text_column)
                .map(|(_, value)| Some(value.clone()))
                .collect()
        }
        Carried::Row { batch, row } => {
            let schema = batch.schema();
            let pairs = schema.fields().iter().zip(batch.columns());
            pairs
                .filter(|(field, _)| whole || field.name() != text_column)
                .map(|(_, column)| shown(column, *row))
                .collect()
        }
    }
}

/// The rows of the answer to a document: one, or one for each mention or stance. What failed is one row with its
/// error.
fn cells(rows: RowsOf, row: &Row, slices: &Slices) -> Result<Vec<Vec<Cell>>, TableError> {
    let answer = match row.answer {
        Ok(answer) => answer,
        Err(error) => {
            let mut cells = vec![Cell::Null; rows.columns().len()];
            if let Some(last) = cells.last_mut() {
                *last = Cell::Text(error.to_owned());
            }
            return Ok(vec![cells]);
        }
    };
    let without_error = |mut rows: Vec<Vec<Cell>>| {
        rows.iter_mut().for_each(|cells| cells.push(Cell::Null));
        rows
    };
    Ok(match rows {
        RowsOf::Documents => vec![vec![
            Cell::Text(answer.language.clone()),
            answer
                .sentiment
                .as_ref()
                .map_or(Cell::Null, |sentiment| Cell::Number(sentiment.score)),
            Cell::Text(serde_json::to_string(answer)?),
            Cell::Null,
        ]],
        RowsOf::Mentions => without_error(mentions(answer)),
        RowsOf::Stances => without_error(stances(answer, slices)),
    })
}

fn mentions(answer: &TaggedDocument) -> Vec<Vec<Cell>> {
    let cells = |mention: &Mention| {
        let stance = mention.stance.as_ref();
        vec![
            Cell::Text(mention.text.clone()),
            type_name(mention),
            entity_name(answer, mention),
            mention
                .span
                .map_or(Cell::Null, |span| Cell::Whole(span.start.into())),
            mention
                .span
                .map_or(Cell::Null, |span| Cell::Whole(span.end.into())),
            Cell::Number(mention.probability),
            stance.map_or(Cell::Null, |stance| polarity_name(stance.polarity())),
            stance.map_or(Cell::Null, |stance| Cell::Number(stance.score)),
        ]
    };
    answer.mentions.iter().map(cells).collect()
}

fn stances(answer: &TaggedDocument, slices: &Slices) -> Vec<Vec<Cell>> {
    let named = |index: Option<u32>| index.and_then(|index| answer.mentions.get(index as usize));
    let text = |mention: Option<&Mention>| {
        mention.map_or(Cell::Null, |mention| Cell::Text(mention.text.clone()))
    };
    let entity = |mention: Option<&Mention>| {
        mention.map_or(Cell::Null, |mention| entity_name(answer, mention))
    };
    let stances = answer.stances.iter();
    stances
        .map(|stance| {
            let (target, holder) = (named(Some(stance.target)), named(stance.holder));
            let bound = |of: fn(Span) -> u32| {
                stance
                    .evidence
                    .map_or(Cell::Null, |span| Cell::Whole(of(span).into()))
            };
            let kind = match stance.holder_kind() {
                HolderKind::Mention => "named",
                HolderKind::Author => "author",
                HolderKind::Unnamed | HolderKind::Unspecified => "unnamed",
            };
            let evidence = stance.evidence.and_then(|span| slices.get(span));
            vec![
                text(target),
                target.map_or(Cell::Null, type_name),
                entity(target),
                Cell::Text(kind.to_owned()),
                text(holder),
                entity(holder),
                polarity_name(stance.polarity()),
                Cell::Number(stance.probability),
                Cell::Number(stance.holder_probability),
                evidence.map_or(Cell::Null, |text| Cell::Text(text.to_owned())),
                bound(|span| span.start),
                bound(|span| span.end),
            ]
        })
        .collect()
}

fn entity_name(answer: &TaggedDocument, mention: &Mention) -> Cell {
    let entity = mention
        .entity
        .and_then(|index| answer.entities.get(index as usize));
    entity.map_or(Cell::Null, |entity| Cell::Text(entity.name.clone()))
}

fn type_name(mention: &Mention) -> Cell {
    let name = match mention.r#type() {
        EntityType::Person => "person",
        EntityType::Organization => "organization",
        EntityType::Location => "location",
        EntityType::Miscellaneous => "miscellaneous",
        EntityType::Unspecified => return Cell::Null,
    };
    Cell::Text(name.to_owned())
}

fn polarity_name(polarity: Polarity) -> Cell {
    let name = match polarity {
        Polarity::Favorable => "favorable",
        Polarity::Neutral => "neutral",
        Polarity::Unfavorable => "unfavorable",
        Polarity::Unspecified => return Cell::Null,
    };
    Cell::Text(name.to_owned())
}

/// A file of Parquet under way.
struct Pages {
    writer: ArrowWriter<Vec<u8>>,
    schema: Arc<Schema>,
    rows: RowsOf,
    text_column: String,
    /// Rows that are not yet in columns.
    pending: Vec<Pending>,
    pending_bytes: usize,
}

/// One row of the output.
struct Pending {
    carried: CarriedRow,
    cells: Vec<Cell>,
    /// The rows of each list of [`LISTS`]; `None` where there is no answer.
    lists: Option<[Vec<Vec<Cell>>; 2]>,
}

enum CarriedRow {
    Texts(Vec<Option<String>>),
    Row(Arc<RecordBatch>, usize),
}

fn field(name: &str, kind: Kind) -> Field {
    let data_type = match kind {
        Kind::Text => DataType::Utf8,
        Kind::Whole => DataType::Int64,
        Kind::Number => DataType::Float32,
    };
    Field::new(name, data_type, true)
}

fn fields(columns: Columns) -> Fields {
    columns
        .iter()
        .map(|(name, kind)| field(name, *kind))
        .collect()
}

fn array<'a>(kind: Kind, cells: impl Iterator<Item = Option<&'a Cell>>) -> ArrayRef {
    match kind {
        Kind::Text => Arc::new(StringArray::from_iter(cells.map(|cell| match cell {
            Some(Cell::Text(text)) => Some(text.as_str()),
            _ => None,
        }))),
        Kind::Whole => Arc::new(Int64Array::from_iter(cells.map(|cell| match cell {
            Some(Cell::Whole(number)) => Some(*number),
            _ => None,
        }))),
        Kind::Number => Arc::new(Float32Array::from_iter(cells.map(|cell| match cell {
            Some(Cell::Number(number)) => Some(*number),
            _ => None,
        }))),
    }
}

impl Pages {
    fn new(shape: &Shape, rows: RowsOf, kept: &Kept) -> Result<Self, TableError> {
        let text_column = match shape {
            Shape::Plain => "text".to_owned(),
            _ => kept.text_column.clone(),
        };
        let whole = rows == RowsOf::Documents;
        let carried: Vec<Field> = match shape {
            Shape::Row(schema) => schema
                .fields()
                .iter()
                .map(|field| field.as_ref().clone())
                .collect(),
            _ => shape
                .names()
                .iter()
                .map(|name| field(name, Kind::Text))
                .collect(),
        };
        let mut fields_of_all: Vec<Field> = carried
            .into_iter()
            .filter(|field| whole || *field.name() != text_column)
            .collect();
        fields_of_all.extend(rows.columns().iter().map(|(name, kind)| field(name, *kind)));
        if whole {
            fields_of_all.extend(LISTS.iter().map(|(name, columns)| {
                let item = Field::new("item", DataType::Struct(fields(columns)), false);
                Field::new(*name, DataType::List(Arc::new(item)), true)
            }));
        }
        let schema = Arc::new(Schema::new(fields_of_all));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build();
        Ok(Self {
            writer: ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties))?,
            schema,
            rows,
            text_column,
            pending: Vec::new(),
            pending_bytes: 0,
        })
    }

    fn push(&mut self, rows: RowsOf, row: &Row, slices: &Slices) -> Result<(), TableError> {
        let whole = rows == RowsOf::Documents;
        for cells in cells(rows, row, slices)? {
            let answer = row.answer.ok().filter(|_| whole);
            self.pending_bytes += row.text.map_or(0, str::len);
            self.pending_bytes += cells.iter().map(Cell::bytes).sum::<usize>();
            self.pending.push(Pending {
                carried: match row.carried {
                    Carried::Row { batch, row } => CarriedRow::Row(Arc::clone(batch), *row),
                    _ => CarriedRow::Texts(texts(row, rows, &self.text_column)),
                },
                cells,
                lists: answer.map(|answer| [mentions(answer), stances(answer, slices)]),
            });
        }
        Ok(())
    }

    fn write_full(&mut self, out: &mut impl Write) -> Result<(), TableError> {
        if self.pending.len() >= BATCH_ROWS || self.pending_bytes >= BATCH_BYTES {
            self.write_pending()?;
            if self.writer.in_progress_size() >= ROW_GROUP_BYTES {
                self.writer.flush()?;
            }
            out.write_all(self.writer.inner())?;
            self.writer.inner_mut().clear();
        }
        Ok(())
    }

    fn end(mut self, out: &mut impl Write) -> Result<(), TableError> {
        self.write_pending()?;
        Ok(out.write_all(&self.writer.into_inner()?)?)
    }

    fn write_pending(&mut self) -> Result<(), TableError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let own = self.rows.columns();
        let mut columns = self.carried()?;
        for (index, (_, kind)) in own.iter().enumerate() {
            let cells = self.pending.iter().map(|row| row.cells.get(index));
            columns.push(array(*kind, cells));
        }
        if self.rows == RowsOf::Documents {
            for (list, (_, kinds)) in LISTS.iter().enumerate() {
                columns.push(self.list(list, kinds)?);
            }
        }
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        self.writer.write(&batch)?;
        self.pending.clear();
        self.pending_bytes = 0;
        Ok(())
    }

    fn carried(&self) -> Result<Vec<ArrayRef>, TableError> {
        let own = self.rows.columns().len()
            + if self.rows == RowsOf::Documents {
                LISTS.len()
            } else {
                0
            };
        let width = self.schema.fields().len() - own;
        let mut batches: Vec<&Arc<RecordBatch>> = Vec::new();
        let mut places = Vec::new();
        for pending in &self.pending {
            if let CarriedRow::Row(batch, row) = &pending.carried {
                if !batches.last().is_some_and(|last| Arc::ptr_eq(last, batch)) {
                    batches.push(batch);
                }
                places.push((batches.len() - 1, *row));
            }
        }
        let mut columns = Vec::with_capacity(width);
        for (index, field) in self.schema.fields().iter().take(width).enumerate() {
            if batches.is_empty() {
                let texts = self.pending.iter().map(|pending| match &pending.carried {
                    CarriedRow::Texts(texts) => texts.get(index).cloned().flatten(),
                    CarriedRow::Row(..) => None,
                });
                columns.push(Arc::new(StringArray::from_iter(texts)) as ArrayRef);
                continue;
            }
            let parts: Vec<&dyn arrow_array::Array> = batches
                .iter()
                .filter_map(|batch| batch.column_by_name(field.name()))
                .map(|column| column.as_ref())
                .collect();
            columns.push(interleave(&parts, &places)?);
        }
        Ok(columns)
    }

    /// A column of lists of structs.
    fn list(&self, list: usize, kinds: Columns) -> Result<ArrayRef, TableError> {
        let of = |pending: &'_ Pending| -> usize {
            let rows = pending.lists.as_ref().and_then(|lists| lists.get(list));
            rows.map_or(0, Vec::len)
        };
        let rows: Vec<&Vec<Cell>> = self
            .pending
            .iter()
            .filter_map(|pending| pending.lists.as_ref()?.get(list))
            .flatten()
            .collect();
        let columns: Vec<ArrayRef> = kinds
            .iter()
            .enumerate()
            .map(|(index, (_, kind))| array(*kind, rows.iter().map(|cells| cells.get(index))))
            .collect();
        let structs = StructArray::try_new(fields(kinds), columns, None)?;
        let item = Field::new("item", DataType::Struct(fields(kinds)), false);
        let offsets = OffsetBuffer::from_lengths(self.pending.iter().map(of));
        let present: NullBuffer = self
            .pending
            .iter()
            .map(|pending| pending.lists.is_some())
            .collect();
        let lists = ListArray::try_new(Arc::new(item), offsets, Arc::new(structs), Some(present))?;
        Ok(Arc::new(lists))
    }
}

impl Cell {
    fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            _ => size_of::<Self>(),
        }
    }
}
