//! SQLite: embedded, one process per file.

use super::{Connection, EngineResult, Failure, Mode, Statement};
use crate::sql::{self, Dialect};
use crate::{Cell, Error, RowCells, Value, ValueKind};
use rusqlite::OpenFlags;
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Rows per statement: more gains nothing, and SQLite accepts 32,766 parameters at most.
const MAX_ROWS: usize = 512;
const MAX_PARAMS: usize = 30_000;
const MAX_PREPARED: usize = 512;
/// Translated statements that are cached before the cache is cleared.
const MAX_CACHED_TEXTS: usize = 4_096;
/// 8 MiB of page cache per connection. Negative values are in KiB.
const CACHE_KIB: i64 = -8_192;

pub(crate) struct Sqlite {
    connection: rusqlite::Connection,
    /// Translated SQL by portable SQL.
    texts: HashMap<String, Arc<str>>,
}

impl Sqlite {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        // Without SQLITE_OPEN_URI, so that a path is never parsed as a URI.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = rusqlite::Connection::open_with_flags(path, flags).map_err(plain)?;
        // A double-quoted name that is not a column is an error, as in PostgreSQL, not a string.
        for option in [
            DbConfig::SQLITE_DBCONFIG_DQS_DML,
            DbConfig::SQLITE_DBCONFIG_DQS_DDL,
        ] {
            connection.set_db_config(option, false).map_err(plain)?;
        }
        // One stable plan per statement: otherwise SQLite prepares a statement again whenever a
        // value changes that its planner has looked at.
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
            .map_err(plain)?;
        connection.set_prepared_statement_cache_capacity(MAX_PREPARED);
        connection
            .busy_timeout(std::time::Duration::from_secs(30))
            .map_err(plain)?;
        let mode: String = connection
            .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
            .map_err(plain)?;
        if mode != "wal" {
            return Err(Error::Database {
                why: format!("SQLite uses journal mode {mode} instead of WAL"),
            });
        }
        for (name, value) in [
            ("synchronous", "FULL"),
            ("temp_store", "MEMORY"),
            ("foreign_keys", "ON"),
        ] {
            connection.pragma_update(None, name, value).map_err(plain)?;
        }
        connection
            .pragma_update(None, "cache_size", CACHE_KIB)
            .map_err(plain)?;
        connection
            .pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)
            .map_err(plain)?;
        Ok(Self {
            connection,
            texts: HashMap::new(),
        })
    }

    fn run<T>(
        &mut self,
        text: &str,
        params: &[&Value<'_>],
        run: impl FnOnce(&mut rusqlite::CachedStatement<'_>) -> rusqlite::Result<T>,
    ) -> EngineResult<T> {
        let mut statement = self.connection.prepare_cached(text).map_err(failure)?;
        if statement.parameter_count() != params.len() {
            let why = format!(
                "a statement names {} parameters and has {}",
                statement.parameter_count(),
                params.len()
            );
            return Err(Failure::Failed(Error::Database { why }));
        }
        for (index, value) in params.iter().enumerate() {
            statement
                .raw_bind_parameter(index + 1, Param(value))
                .map_err(failure)?;
        }
        run(&mut statement).map_err(failure)
    }

    fn translated(&mut self, statement: &Statement<'_>) -> Arc<str> {
        let text = || sql::translate(Dialect::Sqlite, statement.sql, statement.params.len());
        self.cached(statement.sql, text)
    }

    /// Get the SQL of a key from the cache or build it. Queries composed by users have an unlimited
    /// number of forms, so the cache is bounded.
    fn cached(&mut self, key: &str, text: impl FnOnce() -> String) -> Arc<str> {
        if let Some(text) = self.texts.get(key) {
            return text.clone();
        }
        if self.texts.len() >= MAX_CACHED_TEXTS {
            self.texts.clear();
        }
        let text: Arc<str> = text().into();
        self.texts.insert(key.to_owned(), text.clone());
        text
    }

    /// Run a `{rows}` statement in chunks whose sizes are powers of two, so that few statements are
    /// prepared.
    fn in_chunks<T>(
        &mut self,
        statement: &Statement<'_>,
        rows: &[Vec<Value<'_>>],
        mut run: impl FnMut(&mut Self, &str, &[&Value<'_>]) -> EngineResult<T>,
    ) -> EngineResult<Vec<T>> {
        let width = rows.first().map_or(0, Vec::len);
        let namespace = namespace_value(statement);
        let fixed: Vec<&Value<'_>> = statement.params.iter().chain(namespace.as_ref()).collect();
        let max_rows = MAX_ROWS.min(MAX_PARAMS / width.max(1)).max(1);
        let mut results = Vec::new();
        let mut remaining = rows;
        while !remaining.is_empty() {
            let count = max_rows.min(1 << remaining.len().ilog2());
            let (chunk, rest) = remaining.split_at(count);
            let key = format!("{count}\u{1f}{}", statement.sql);
            let text = self.cached(&key, || {
                let expanded = sql::expand_rows(
                    statement.sql,
                    fixed.len(),
                    width,
                    count,
                    statement.params.len() + 1,
                );
                sql::translate(Dialect::Sqlite, &expanded, statement.params.len())
            });
            let params: Vec<&Value<'_>> = fixed
                .iter()
                .copied()
                .chain(chunk.iter().flatten())
                .collect();
            results.push(run(self, &text, &params)?);
            remaining = rest;
        }
        Ok(results)
    }
}

fn namespace_value<'a>(statement: &Statement<'a>) -> Option<Value<'a>> {
    statement
        .namespace
        .map(|namespace| Value::Text(namespace.into()))
}

fn collect(statement: &mut rusqlite::CachedStatement<'_>) -> rusqlite::Result<Vec<RowCells>> {
    let width = statement.column_count();
    let mut result = Vec::new();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        result.push(
            (0..width)
                .map(|column| row.get_ref(column).map(cell))
                .collect::<rusqlite::Result<RowCells>>()?,
        );
    }
    Ok(result)
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(value) => Cell::Int(value),
        ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Cell::Blob(bytes.to_vec()),
        // No column holds floats. If an expression returns one, no reader can mistake this text for
        // a number.
        ValueRef::Real(value) => Cell::Text(format!("float {value}")),
    }
}

impl Connection for Sqlite {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn begin(&mut self, mode: Mode) -> EngineResult<()> {
        self.script(match mode {
            // A connection serves either reads or writes, so `query_only` need not be reset.
            Mode::Read => "PRAGMA query_only = 1; BEGIN DEFERRED",
            Mode::Write | Mode::Maintenance | Mode::Migrate => "BEGIN IMMEDIATE",
        })
    }

    fn commit(&mut self) -> EngineResult<()> {
        self.script("COMMIT")
    }

    fn rollback(&mut self) {
        if !self.connection.is_autocommit() {
            let _ = self.script("ROLLBACK");
        }
    }

    fn query(&mut self, statement: &Statement<'_>) -> EngineResult<Vec<RowCells>> {
        let text = self.translated(statement);
        let namespace = namespace_value(statement);
        let params: Vec<&Value<'_>> = statement.params.iter().chain(namespace.as_ref()).collect();
        self.run(&text, &params, collect)
    }

    fn execute(&mut self, statement: &Statement<'_>) -> EngineResult<u64> {
        let text = self.translated(statement);
        let namespace = namespace_value(statement);
        let params: Vec<&Value<'_>> = statement.params.iter().chain(namespace.as_ref()).collect();
        self.run(&text, &params, |statement| statement.raw_execute())
            .map(|changed| changed as u64)
    }

    fn query_rows(
        &mut self,
        statement: &Statement<'_>,
        _: &[ValueKind],
        rows: &[Vec<Value<'_>>],
    ) -> EngineResult<Vec<RowCells>> {
        let chunks = self.in_chunks(statement, rows, |this, text, params| {
            this.run(text, params, collect)
        })?;
        Ok(chunks.into_iter().flatten().collect())
    }

    fn execute_rows(
        &mut self,
        statement: &Statement<'_>,
        _: &[ValueKind],
        rows: &[Vec<Value<'_>>],
    ) -> EngineResult<u64> {
        let chunks = self.in_chunks(statement, rows, |this, text, params| {
            this.run(text, params, |statement| statement.raw_execute())
        })?;
        Ok(chunks.into_iter().sum::<usize>() as u64)
    }

    fn bulk_insert(
        &mut self,
        table: &str,
        columns: &[&str],
        kinds: &[ValueKind],
        rows: &[Vec<Value<'_>>],
    ) -> EngineResult<u64> {
        let sql = format!("INSERT INTO {table} ({}) {{rows}}", columns.join(", "));
        self.execute_rows(
            &Statement {
                sql: &sql,
                params: &[],
                namespace: None,
            },
            kinds,
            rows,
        )
    }

    fn script(&mut self, sql: &str) -> EngineResult<()> {
        self.connection.execute_batch(sql).map_err(failure)
    }

    fn shared_clock(&mut self) -> EngineResult<Option<i64>> {
        Ok(None)
    }
}

/// A value as an SQLite parameter.
struct Param<'a>(&'a Value<'a>);

impl rusqlite::ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null(_) => ValueRef::Null,
            Value::Int(value) => ValueRef::Integer(*value),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn failure(error: rusqlite::Error) -> Failure {
    Failure::Failed(plain(error))
}

fn plain(error: rusqlite::Error) -> Error {
    Error::Database {
        why: error.to_string(),
    }
}
