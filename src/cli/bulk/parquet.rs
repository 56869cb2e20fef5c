//! Reads documents from Parquet, a few rows at a time: a file may be larger than memory.

use std::{fs::File, sync::Arc};

use arrow_array::{Array as _, RecordBatch, StringArray};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::{
    carried::{Carried, as_texts},
    columns::{ColumnArgs, with_title},
};
use crate::{
    cli::input::{InputError, Located, Place, Problem, Refused},
    proto::tagwerk::v1::Document,
};

/// Rows that are decoded at a time.
const BATCH_ROWS: usize = 64;

/// The documents of one Parquet file. A row that gives none is one error; the rest goes on.
pub struct ParquetRows {
    file: Arc<str>,
    reader: ParquetRecordBatchReader,
    columns: ColumnArgs,
    batch: Option<Batch>,
    /// Rows that were passed.
    passed: u64,
    rows: u64,
    bytes: u64,
    ended: bool,
}

/// Some rows, with their columns that matter as texts.
struct Batch {
    batch: Arc<RecordBatch>,
    next: usize,
    text: StringArray,
    id: Option<StringArray>,
    language: Option<StringArray>,
    title: Option<StringArray>,
}

impl ParquetRows {
    /// Reads the description of the file.
    ///
    /// # Errors
    /// [`Problem`] where the file is no Parquet, or lacks the column of the text.
    pub fn open(file: Arc<str>, opened: File, columns: &ColumnArgs) -> Result<Self, Problem> {
        let bytes = opened.metadata()?.len();
        let not_parquet =
            |error: parquet::errors::ParquetError| Problem::NotParquet(error.to_string());
        let builder = ParquetRecordBatchReaderBuilder::try_new(opened).map_err(not_parquet)?;
        let schema = builder.schema();
        let needed = std::iter::once(&columns.text).chain(&columns.title);
        for wanted in needed {
            if schema.field_with_name(wanted).is_err() {
                let names: Vec<&str> = schema
                    .fields()
                    .iter()
                    .map(|field| field.name().as_str())
                    .collect();
                return Err(Problem::NoColumn {
                    wanted: wanted.clone(),
                    found: names.join(", "),
                });
            }
        }
        let rows = builder.metadata().file_metadata().num_rows();
        let reader = builder
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(not_parquet)?;
        Ok(Self {
            file,
            reader,
            columns: columns.clone(),
            batch: None,
            passed: 0,
            rows: u64::try_from(rows).unwrap_or_default(),
            bytes,
            ended: false,
        })
    }

    /// Decodes the next rows.
    fn advance(&mut self) -> Option<Result<Batch, Problem>> {
        let batch = match self.reader.next()? {
            Ok(batch) => batch,
            Err(error) => return Some(Err(Problem::NotParquet(error.to_string()))),
        };
        let texts = |name: &String| {
            batch
                .column_by_name(name)
                .and_then(|column| as_texts(column))
        };
        let Some(text) = texts(&self.columns.text) else {
            return Some(Err(Problem::NotText(self.columns.text.clone())));
        };
        Some(Ok(Batch {
            text,
            id: texts(&self.columns.id),
            language: texts(&self.columns.language),
            title: self.columns.title.as_ref().and_then(texts),
            batch: Arc::new(batch),
            next: 0,
        }))
    }

    /// The share of the file that a row stands for, for the progress.
    fn bytes_of(&self, row: u64) -> u64 {
        let until =
            |row: u64| u128::from(self.bytes) * u128::from(row) / u128::from(self.rows.max(1));
        u64::try_from(until(row) - until(row - 1)).unwrap_or_default()
    }

    fn document(
        &self,
        batch: &Batch,
        row: usize,
        place: Place,
        bytes: u64,
    ) -> Result<Located, InputError> {
        let value = |texts: &Option<StringArray>| {
            let texts = texts.as_ref().filter(|texts| texts.is_valid(row))?;
            Some(texts.value(row).trim().to_owned()).filter(|value| !value.is_empty())
        };
        let id = value(&batch.id).unwrap_or_else(|| place.to_string());
        let carried = Carried::Row {
            batch: Arc::clone(&batch.batch),
            row,
        };
        let text = match batch.text.is_valid(row) {
            true => batch.text.value(row),
            false => "",
        };
        if text.trim().is_empty() {
            return Err(InputError {
                place,
                problem: Problem::Empty,
                row: Some(Box::new(Refused { id, carried })),
            });
        }
        Ok(Located {
            place,
            document: Document {
                id,
                text: with_title(value(&batch.title).as_deref(), text.to_owned()),
                language: value(&batch.language).unwrap_or_default(),
            },
            bytes,
            carried,
        })
    }
}

impl Iterator for ParquetRows {
    type Item = Result<Located, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let has_rows = |batch: &Batch| batch.next < batch.batch.num_rows();
        while !self.batch.as_ref().is_some_and(has_rows) {
            match self.advance()? {
                Ok(batch) => self.batch = Some(batch),
                Err(problem) => {
                    self.ended = true;
                    let place = Place {
                        file: Arc::clone(&self.file),
                        line: Some(self.passed + 1),
                    };
                    return Some(Err(InputError {
                        place,
                        problem,
                        row: None,
                    }));
                }
            }
        }
        let mut batch = self.batch.take()?;
        self.passed += 1;
        let row = batch.next;
        batch.next += 1;
        let place = Place {
            file: Arc::clone(&self.file),
            line: Some(self.passed),
        };
        let item = self.document(&batch, row, place, self.bytes_of(self.passed));
        self.batch = Some(batch);
        Some(item)
    }
}
