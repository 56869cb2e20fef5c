//! What an input holds beside what is tagged, on its way to the output.

use std::sync::Arc;

use arrow_array::{Array, BooleanArray, RecordBatch};
use arrow_cast::{
    cast,
    display::{ArrayFormatter, FormatOptions},
};
use arrow_schema::DataType;
use serde_json::{Map, Value};

/// The first line of a CSV file.
#[derive(Debug, PartialEq, Eq)]
pub struct Header {
    /// The names of the columns.
    pub names: Vec<String>,
    /// What parts them.
    pub delimiter: u8,
}

/// The other columns or fields of a document.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Carried {
    /// None: a plain text.
    #[default]
    Nothing,
    /// The fields of a JSON line, without its text.
    Fields(Map<String, Value>),
    /// All columns of a line of CSV.
    Record {
        /// Their names.
        header: Arc<Header>,
        /// Their values.
        values: Vec<String>,
    },
    /// All columns of a row of a Parquet file.
    Row {
        /// Some rows of the file.
        batch: Arc<RecordBatch>,
        /// Which of them it is.
        row: usize,
    },
}

impl Carried {
    /// The fields and columns without that of the text, as JSON.
    pub fn fields(&self, text: &str) -> Map<String, Value> {
        match self {
            Self::Nothing => Map::new(),
            Self::Fields(fields) => fields.clone(),
            Self::Record { header, values } => {
                let pairs = header.names.iter().zip(values);
                pairs
                    .filter(|(name, _)| *name != text)
                    .map(|(name, value)| (name.clone(), Value::String(value.clone())))
                    .collect()
            }
            Self::Row { batch, row } => {
                let schema = batch.schema();
                let pairs = schema.fields().iter().zip(batch.columns());
                pairs
                    .filter(|(field, _)| field.name() != text)
                    .map(|(field, column)| (field.name().clone(), json(column, *row)))
                    .collect()
            }
        }
    }
}

/// A value of a column; `None` where it is null. Moments are told in UTC. Lists and structs are shown as Arrow does.
pub fn shown(column: &dyn Array, row: usize) -> Option<String> {
    if column.is_null(row) {
        return None;
    }
    let value = column.slice(row, 1);
    let value = match value.data_type() {
        // Without a list of all time zones, a moment can only be told in UTC.
        DataType::Timestamp(unit, Some(_)) => {
            cast(&value, &DataType::Timestamp(*unit, Some("+00:00".into()))).ok()?
        }
        _ => value,
    };
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(&value, &options).ok()?;
    formatter.value(0).try_to_string().ok()
}

fn json(column: &dyn Array, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Boolean => {
            let booleans = column.as_any().downcast_ref::<BooleanArray>();
            booleans.map_or(Value::Null, |booleans| Value::Bool(booleans.value(row)))
        }
        kind if kind.is_integer() || kind.is_floating() => {
            let shown = shown(column, row).unwrap_or_default();
            // A number that JSON has no form for ("NaN") stays a text.
            serde_json::from_str(&shown).unwrap_or(Value::String(shown))
        }
        _ => shown(column, row).map_or(Value::Null, Value::String),
    }
}

/// A column as texts, whatever its type.
pub fn as_texts(column: &dyn Array) -> Option<arrow_array::StringArray> {
    let texts = cast(column, &DataType::Utf8).ok()?;
    texts.as_any().downcast_ref().cloned()
}
