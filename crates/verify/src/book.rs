//! The database as the verifier sees it: questions and rows, in one snapshot, never a change.

mod postgres;
mod sqlite;

pub(crate) use self::postgres::with_postgres;
pub(crate) use self::sqlite::with_sqlite;

use crate::Error;

/// A value that came back. Text is bytes: it is hashed as it is stored, whether it is text or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

/// A row that came back.
pub(crate) type Row = Vec<Cell>;

/// A value of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Param {
    Int(i64),
    Text(String),
}

/// A database, open for reading.
pub(crate) trait Book {
    /// All rows of a question of ours, whose parameters are `?1`, `?2`, …
    fn ask(&mut self, sql: &str, params: &[Param]) -> Result<Vec<Row>, Error>;

    /// The rows of a question that a fact asks, one after the other. That it cannot be asked is an
    /// answer too, and spoils nothing.
    fn each(&mut self, sql: &str, params: &[Param], take: &mut dyn FnMut(Row))
    -> Result<(), Error>;
}

/// Reads a row's cells in their order.
pub(crate) struct Cells(std::vec::IntoIter<Cell>);

impl Cells {
    pub(crate) fn of(row: Row) -> Self {
        Self(row.into_iter())
    }

    pub(crate) fn int(&mut self) -> Result<i64, Error> {
        match self.0.next() {
            Some(Cell::Int(number)) => Ok(number),
            other => Err(odd("an integer", &other)),
        }
    }

    pub(crate) fn text(&mut self) -> Result<Vec<u8>, Error> {
        match self.0.next() {
            Some(Cell::Text(text)) => Ok(text),
            other => Err(odd("text", &other)),
        }
    }

    /// A text that names something.
    pub(crate) fn name(&mut self) -> Result<String, Error> {
        String::from_utf8(self.text()?)
            .map_err(|_| Error::Database("a name is not UTF-8".to_owned()))
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, Error> {
        match self.0.next() {
            Some(Cell::Blob(bytes)) => Ok(bytes),
            other => Err(odd("bytes", &other)),
        }
    }

    pub(crate) fn optional(&mut self) -> Result<Option<Vec<u8>>, Error> {
        match self.0.next() {
            Some(Cell::Text(bytes) | Cell::Blob(bytes)) => Ok(Some(bytes)),
            Some(Cell::Null) => Ok(None),
            other => Err(odd("text, bytes or nothing", &other)),
        }
    }
}

fn odd(expected: &str, found: &Option<Cell>) -> Error {
    let found = match found {
        None => "no column",
        Some(Cell::Null) => "nothing",
        Some(Cell::Int(_)) => "an integer",
        Some(Cell::Text(_)) => "text",
        Some(Cell::Blob(_)) => "bytes",
    };
    Error::Database(format!("a column holds {found} instead of {expected}"))
}
