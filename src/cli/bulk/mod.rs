//! Many documents at once: tables in and out (CSV, Parquet), what is carried through them, and the journal by which
//! a run that was broken off goes on.

mod carried;
mod columns;
mod csv;
mod journal;
mod parquet;
mod table;

pub use carried::{Carried, Header};
pub use columns::{ColumnArgs, with_title};
pub use csv::CsvRecords;
pub use journal::{Entry, Journal, JournalError, Recalled, recalled};
pub use parquet::ParquetRows;
pub use table::{Kept, Row, RowsOf, Table, TableError, TableFormat};
