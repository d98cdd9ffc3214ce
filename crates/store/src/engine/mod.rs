//! One connection to either engine, behind one small interface.

pub(crate) mod postgres;
pub(crate) mod sqlite;

use crate::sql::Dialect;
use crate::{Error, Kind, Row, Value};

/// How a transaction begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// One snapshot, nothing is written.
    Read,
    /// SQLite: immediate. PostgreSQL: repeatable read.
    Write,
    /// Single statements on leases, which judge the newest row and do not wait long for one that
    /// another transaction holds.
    Upkeep,
    /// The schema changes: one process at a time, however long it takes.
    Migrate,
}

/// Why a statement or a commit failed, by what can be done about it.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// Lost against a concurrent transaction: the whole may be run again.
    Contended,
    /// The connection is gone. During a commit nobody knows yet whether it counted.
    Disconnected(Error),
    /// Anything else.
    Failed(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

pub(crate) type Answer<T> = std::result::Result<T, Failure>;

/// A statement: its text before translation, its parameters, and the namespace behind them if it is
/// bound.
pub(crate) struct Statement<'a> {
    pub(crate) sql: &'a str,
    pub(crate) params: &'a [Value<'a>],
    pub(crate) namespace: Option<&'a str>,
}

/// One connection.
pub(crate) trait Connection: Send {
    fn dialect(&self) -> Dialect;
    fn begin(&mut self, mode: Mode) -> Answer<()>;
    fn commit(&mut self) -> Answer<()>;
    /// Undo; also what makes a connection usable again after a failure.
    fn rollback(&mut self);
    fn query(&mut self, statement: &Statement<'_>) -> Answer<Vec<Row>>;
    fn execute(&mut self, statement: &Statement<'_>) -> Answer<u64>;
    /// A statement with `{rows}`, for all rows. `kinds` are the columns' types.
    fn query_rows(
        &mut self,
        statement: &Statement<'_>,
        kinds: &[Kind],
        rows: &[Vec<Value<'_>>],
    ) -> Answer<Vec<Row>>;
    fn execute_rows(
        &mut self,
        statement: &Statement<'_>,
        kinds: &[Kind],
        rows: &[Vec<Value<'_>>],
    ) -> Answer<u64>;
    /// The fastest way in for many rows.
    fn bulk_insert(
        &mut self,
        table: &str,
        columns: &[&str],
        kinds: &[Kind],
        rows: &[Vec<Value<'_>>],
    ) -> Answer<u64>;
    /// Several statements without parameters.
    fn script(&mut self, sql: &str) -> Answer<()>;
    /// Microseconds since 1970 by the clock that all processes share; none where the process has
    /// the database alone.
    fn shared_clock(&mut self) -> Answer<Option<i64>>;
}
