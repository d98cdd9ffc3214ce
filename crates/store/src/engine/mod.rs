//! One connection to either engine, behind one small trait.

pub(crate) mod postgres;
pub(crate) mod sqlite;

use crate::sql::Dialect;
use crate::{Error, RowCells, Value, ValueKind};

/// How a transaction is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// One read-only snapshot.
    Read,
    /// SQLite: immediate. PostgreSQL: repeatable read.
    Write,
    /// Single statements on leases. They see the newest row and do not wait long for one that
    /// another transaction has locked.
    Maintenance,
    /// Schema changes: one process at a time, without a timeout.
    Migrate,
}

/// Why a statement or a commit failed, by how the caller can react.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// It conflicted with a concurrent transaction: the whole transaction may be retried.
    Contended,
    /// The connection is gone. During a commit the outcome is unknown.
    Disconnected(Error),
    /// Any other error.
    Failed(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

pub(crate) type EngineResult<T> = std::result::Result<T, Failure>;

/// A statement: its portable SQL, its parameters, and the namespace appended to them if the
/// transaction is scoped.
pub(crate) struct Statement<'a> {
    pub(crate) sql: &'a str,
    pub(crate) params: &'a [Value<'a>],
    pub(crate) namespace: Option<&'a str>,
}

/// One connection.
pub(crate) trait Connection: Send {
    fn dialect(&self) -> Dialect;
    fn begin(&mut self, mode: Mode) -> EngineResult<()>;
    fn commit(&mut self) -> EngineResult<()>;
    /// Roll back. This also makes a connection usable again after a failure.
    fn rollback(&mut self);
    fn query(&mut self, statement: &Statement<'_>) -> EngineResult<Vec<RowCells>>;
    fn execute(&mut self, statement: &Statement<'_>) -> EngineResult<u64>;
    /// Run a statement with `{rows}` for all rows. `kinds` are the types of the columns.
    fn query_rows(
        &mut self,
        statement: &Statement<'_>,
        kinds: &[ValueKind],
        rows: &[Vec<Value<'_>>],
    ) -> EngineResult<Vec<RowCells>>;
    fn execute_rows(
        &mut self,
        statement: &Statement<'_>,
        kinds: &[ValueKind],
        rows: &[Vec<Value<'_>>],
    ) -> EngineResult<u64>;
    /// Insert many rows by the fastest way of the engine.
    fn bulk_insert(
        &mut self,
        table: &str,
        columns: &[&str],
        kinds: &[ValueKind],
        rows: &[Vec<Value<'_>>],
    ) -> EngineResult<u64>;
    /// Run several statements without parameters.
    fn script(&mut self, sql: &str) -> EngineResult<()>;
    /// Microseconds since 1970 by the clock that all processes share; none where a single process
    /// has the database open.
    fn shared_clock(&mut self) -> EngineResult<Option<i64>>;
}
