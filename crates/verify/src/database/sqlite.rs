//! SQLite, opened read-only, also while a server has the file open.

use super::{Cell, Database, Param, Row};
use crate::Error;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

struct Sqlite {
    connection: Connection,
}

/// Run `work` in one snapshot of the file.
pub(crate) fn with_sqlite<T>(
    path: &Path,
    work: impl FnOnce(&mut dyn Database) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut database = Sqlite {
        connection: open(path)?,
    };
    database.connection.execute_batch("BEGIN DEFERRED")?;
    let result = work(&mut database);
    database.connection.execute_batch("ROLLBACK")?;
    result
}

fn open(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    match probe(&connection) {
        Ok(()) => Ok(connection),
        // A copy on a read-only medium: no process can write there. If a WAL file lies beside it,
        // opening it as immutable would skip the changes in the WAL.
        Err(_) if !wal_path(path).exists() => {
            let flags = flags | OpenFlags::SQLITE_OPEN_URI;
            let connection = Connection::open_with_flags(immutable(path)?, flags)?;
            probe(&connection)?;
            Ok(connection)
        }
        Err(error) => Err(error.into()),
    }
}

fn probe(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |_| Ok(()))
}

fn wal_path(path: &Path) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// What is encoded in the path of a URI: everything but the unreserved characters of RFC 3986 and
/// the separator.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'.')
    .remove(b'_')
    .remove(b'-');

/// The path as a URI (RFC 8089), with every unusual byte percent-encoded.
fn immutable(path: &Path) -> Result<String, Error> {
    let path = std::path::absolute(path).map_err(|error| Error::Database(error.to_string()))?;
    let encoded = percent_encode(path.as_os_str().as_encoded_bytes(), RESERVED);
    Ok(format!("file://{encoded}?immutable=1"))
}

impl Database for Sqlite {
    fn query(&mut self, sql: &str, params: &[Param]) -> Result<Vec<Row>, Error> {
        let mut rows = Vec::new();
        self.each(sql, params, &mut |row| rows.push(row))?;
        Ok(rows)
    }

    fn each(
        &mut self,
        sql: &str,
        params: &[Param],
        take: &mut dyn FnMut(Row),
    ) -> Result<(), Error> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let width = statement.column_count();
        let mut rows = statement.query(rusqlite::params_from_iter(params))?;
        while let Some(row) = rows.next()? {
            take(
                (0..width)
                    .map(|index| row.get_ref(index).map(cell))
                    .collect::<rusqlite::Result<Result<Row, _>>>()??,
            );
        }
        Ok(())
    }
}

fn cell(value: ValueRef<'_>) -> Result<Cell, Error> {
    Ok(match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Int(number),
        ValueRef::Text(text) => Cell::Text(text.to_vec()),
        ValueRef::Blob(bytes) => Cell::Blob(bytes.to_vec()),
        ValueRef::Real(_) => return Err(Error::Database("a column holds a float".to_owned())),
    })
}

impl rusqlite::ToSql for Param {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Param::Int(number) => ToSqlOutput::Owned(Value::Integer(*number)),
            Param::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}
