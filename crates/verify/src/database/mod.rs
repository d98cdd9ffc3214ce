//! Read-only access to the database, in one snapshot.

mod postgres;
mod sqlite;

pub(crate) use self::postgres::with_postgres;
pub(crate) use self::sqlite::with_sqlite;

use crate::Error;

/// A column value. Text is kept as bytes, because it is hashed as stored even if it is not UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

/// A result row.
pub(crate) type Row = Vec<Cell>;

/// A query parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Param {
    Int(i64),
    Text(String),
}

/// A database opened for reading.
pub(crate) trait Database {
    /// Run one of the verifier's own queries, with parameters `?1`, `?2`, …, and return its rows.
    fn query(&mut self, sql: &str, params: &[Param]) -> Result<Vec<Row>, Error>;

    /// Run a query that a fact defines, passing its rows one by one. If the query fails, later ones
    /// must still work.
    fn each(&mut self, sql: &str, params: &[Param], take: &mut dyn FnMut(Row))
    -> Result<(), Error>;
}

/// Reads the cells of a row in order.
pub(crate) struct Cells {
    cells: std::vec::IntoIter<Cell>,
}

impl Cells {
    pub(crate) fn new(row: Row) -> Self {
        Self {
            cells: row.into_iter(),
        }
    }

    pub(crate) fn int(&mut self) -> Result<i64, Error> {
        match self.cells.next() {
            Some(Cell::Int(number)) => Ok(number),
            other => Err(unexpected("an integer", &other)),
        }
    }

    pub(crate) fn text(&mut self) -> Result<Vec<u8>, Error> {
        match self.cells.next() {
            Some(Cell::Text(text)) => Ok(text),
            other => Err(unexpected("text", &other)),
        }
    }

    /// Read a text that is a name.
    pub(crate) fn name(&mut self) -> Result<String, Error> {
        String::from_utf8(self.text()?)
            .map_err(|_| Error::Database("a name is not UTF-8".to_owned()))
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, Error> {
        match self.cells.next() {
            Some(Cell::Blob(bytes)) => Ok(bytes),
            other => Err(unexpected("bytes", &other)),
        }
    }

    pub(crate) fn optional(&mut self) -> Result<Option<Vec<u8>>, Error> {
        match self.cells.next() {
            Some(Cell::Text(bytes) | Cell::Blob(bytes)) => Ok(Some(bytes)),
            Some(Cell::Null) => Ok(None),
            other => Err(unexpected("text, bytes or nothing", &other)),
        }
    }
}

fn unexpected(expected: &str, cell: &Option<Cell>) -> Error {
    let content = match cell {
        None => "no column",
        Some(Cell::Null) => "nothing",
        Some(Cell::Int(_)) => "an integer",
        Some(Cell::Text(_)) => "text",
        Some(Cell::Blob(_)) => "bytes",
    };
    Error::Database(format!("a column holds {content} instead of {expected}"))
}
