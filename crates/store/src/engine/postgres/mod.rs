//! PostgreSQL: for several processes. Uses the synchronous client, each on a thread of its own.

mod encode;

use super::{Connection, EngineResult, Failure, Mode, Statement};
use crate::sql::{self, Dialect};
use crate::{Cell, Error, RowCells, Value, ValueKind};
use encode::columns;
use postgres::error::{Severity, SqlState};
use postgres::types::{ToSql, Type};
use std::collections::HashMap;
use std::error::Error as StdError;
use std::time::Duration;

/// Prepared statements per connection before all are discarded. Florin itself has a few hundred.
const MAX_PREPARED: usize = 4_096;
/// Uses of a prepared statement before it is prepared again for the first time. The server plans
/// the first five executions individually.
const FIRST_REPLAN: u64 = 16;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long sent bytes may stay unacknowledged before the connection counts as broken.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(30);
/// A process that is stopped inside a transaction holds its locks. The idle timeout makes the
/// server end that transaction, so that a successor does not wait for long.
const SESSION: &str = "SET default_transaction_isolation = 'repeatable read'; SET synchronous_commit = on; \
     SET statement_timeout = '60s'; SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '15s'; \
     SET client_min_messages = warning; SET jit = off";

pub(crate) struct Postgres {
    url: String,
    client: Option<postgres::Client>,
    statements: HashMap<String, Vec<Prepared>>,
    prepared: usize,
    open: bool,
}

/// A statement prepared for parameters of these types.
struct Prepared {
    kinds: Vec<ValueKind>,
    statement: postgres::Statement,
    uses: u64,
}

impl Prepared {
    /// Whether to prepare the statement again. The server caches a generic plan that fits the table
    /// sizes at that time, so a statement is prepared again whenever its number of uses doubles: a
    /// plan made for an empty table is soon replaced.
    fn is_stale(&mut self) -> bool {
        self.uses += 1;
        self.uses >= FIRST_REPLAN && self.uses.is_power_of_two()
    }
}

impl Postgres {
    pub(crate) fn connect(url: &str) -> Result<Self, Error> {
        let mut this = Self {
            url: url.to_owned(),
            client: None,
            statements: HashMap::new(),
            prepared: 0,
            open: false,
        };
        match this.client() {
            Ok(_) => Ok(this),
            Err(Failure::Failed(error) | Failure::Disconnected(error)) => Err(error),
            Err(Failure::Contended) => Err(Error::Contended { attempts: 1 }),
        }
    }

    fn client(&mut self) -> EngineResult<&mut postgres::Client> {
        if self.client.as_ref().is_none_or(postgres::Client::is_closed) {
            if self.open {
                return Err(Failure::Disconnected(Error::Database {
                    why: "the connection was lost".to_owned(),
                }));
            }
            self.statements.clear();
            self.prepared = 0;
            self.client = Some(connect_client(&self.url)?);
        }
        self.client.as_mut().ok_or(Failure::Failed(Error::Closed))
    }

    fn prepare(
        &mut self,
        sql: &str,
        kinds: &[ValueKind],
        text: impl FnOnce() -> String,
    ) -> EngineResult<postgres::Statement> {
        if let Some(statement) = self.prepared(sql, kinds) {
            return Ok(statement);
        }
        let types: Vec<Type> = kinds.iter().map(|kind| scalar(*kind)).collect();
        self.prepare_text(sql, &text(), kinds.to_vec(), &types)
    }

    fn prepare_text(
        &mut self,
        sql: &str,
        text: &str,
        key: Vec<ValueKind>,
        types: &[Type],
    ) -> EngineResult<postgres::Statement> {
        if sql::parameters(text) != types.len() {
            let why = format!(
                "a statement names {} parameters and has {}",
                sql::parameters(text),
                types.len()
            );
            return Err(Failure::Failed(Error::Database { why }));
        }
        let statement = self.client()?.prepare_typed(text, types).map_err(failure)?;
        self.remember(sql, key, statement.clone());
        Ok(statement)
    }

    fn remember(&mut self, sql: &str, kinds: Vec<ValueKind>, statement: postgres::Statement) {
        if self.prepared >= MAX_PREPARED {
            self.statements.clear();
            self.prepared = 0;
        }
        let variants = self.statements.entry(sql.to_owned()).or_default();
        match variants.iter_mut().find(|prepared| prepared.kinds == kinds) {
            Some(prepared) => prepared.statement = statement,
            None => {
                variants.push(Prepared {
                    kinds,
                    statement,
                    uses: 0,
                });
                self.prepared += 1;
            }
        }
    }

    /// The prepared statement; none if there is none, or if it should be prepared again.
    fn prepared(&mut self, sql: &str, kinds: &[ValueKind]) -> Option<postgres::Statement> {
        let prepared = self
            .statements
            .get_mut(sql)?
            .iter_mut()
            .find(|prepared| prepared.kinds == kinds)?;
        if prepared.is_stale() {
            None
        } else {
            Some(prepared.statement.clone())
        }
    }

    fn prepare_plain(&mut self, statement: &Statement<'_>) -> EngineResult<postgres::Statement> {
        let mut kinds: Vec<ValueKind> = statement.params.iter().map(Value::kind).collect();
        kinds.extend(statement.namespace.map(|_| ValueKind::Text));
        self.prepare(statement.sql, &kinds, || {
            sql::translate(Dialect::Postgres, statement.sql, statement.params.len())
        })
    }

    /// Prepare a `{rows}` statement. The cache key holds the types of the fixed parameters, then of
    /// the columns. Within one text the arrays always follow the fixed parameters, so the key is
    /// unambiguous.
    fn prepare_rows(
        &mut self,
        statement: &Statement<'_>,
        columns: &[ValueKind],
    ) -> EngineResult<postgres::Statement> {
        let mut kinds: Vec<ValueKind> = statement.params.iter().map(Value::kind).collect();
        kinds.extend(statement.namespace.map(|_| ValueKind::Text));
        let fixed = kinds.len();
        let key: Vec<ValueKind> = kinds.iter().chain(columns).copied().collect();
        if let Some(statement) = self.prepared(statement.sql, &key) {
            return Ok(statement);
        }
        let types: Vec<Type> = kinds
            .iter()
            .map(|kind| scalar(*kind))
            .chain(columns.iter().map(|kind| array(*kind)))
            .collect();
        let unnested = sql::unnest_rows(statement.sql, fixed, columns, statement.params.len() + 1);
        let text = sql::translate(Dialect::Postgres, &unnested, statement.params.len());
        self.prepare_text(statement.sql, &text, key, &types)
    }
}

fn connect_client(url: &str) -> EngineResult<postgres::Client> {
    let mut config: postgres::Config = url.parse().map_err(failure)?;
    config
        .connect_timeout(CONNECT_TIMEOUT)
        .keepalives_idle(Duration::from_secs(30))
        .tcp_user_timeout(SILENCE_TIMEOUT);
    if config.get_application_name().is_none() {
        config.application_name("florin");
    }
    let mut client = config.connect(postgres::NoTls).map_err(failure)?;
    client.batch_execute(SESSION).map_err(failure)?;
    Ok(client)
}

fn scalar(kind: ValueKind) -> Type {
    match kind {
        ValueKind::Int => Type::INT8,
        ValueKind::Text => Type::TEXT,
        ValueKind::Blob => Type::BYTEA,
    }
}

fn array(kind: ValueKind) -> Type {
    match kind {
        ValueKind::Int => Type::INT8_ARRAY,
        ValueKind::Text => Type::TEXT_ARRAY,
        ValueKind::Blob => Type::BYTEA_ARRAY,
    }
}

fn namespace_value<'a>(statement: &Statement<'a>) -> Option<Value<'a>> {
    statement
        .namespace
        .map(|namespace| Value::Text(namespace.into()))
}

fn params<'a>(
    fixed: &'a [Value<'a>],
    namespace: Option<&'a Value<'a>>,
) -> Vec<&'a (dyn ToSql + Sync)> {
    fixed
        .iter()
        .chain(namespace)
        .map(|value| value as &(dyn ToSql + Sync))
        .collect()
}

fn rows_of(rows: Vec<postgres::Row>) -> EngineResult<Vec<RowCells>> {
    rows.iter()
        .map(|row| (0..row.len()).map(|index| cell(row, index)).collect())
        .collect()
}

fn cell(row: &postgres::Row, index: usize) -> EngineResult<Cell> {
    let type_ = row.columns()[index].type_();
    let value = match *type_ {
        Type::INT8 => row
            .try_get::<_, Option<i64>>(index)
            .map(|v| v.map(Cell::Int)),
        Type::INT4 => row
            .try_get::<_, Option<i32>>(index)
            .map(|v| v.map(|v| Cell::Int(v.into()))),
        Type::BOOL => row
            .try_get::<_, Option<bool>>(index)
            .map(|v| v.map(|v| Cell::Int(v.into()))),
        Type::BYTEA => row
            .try_get::<_, Option<Vec<u8>>>(index)
            .map(|v| v.map(Cell::Blob)),
        Type::TEXT | Type::VARCHAR | Type::NAME => row
            .try_get::<_, Option<String>>(index)
            .map(|v| v.map(Cell::Text)),
        _ => {
            let why = format!("column {index} has type {type_}, which is not portable");
            return Err(Failure::Failed(Error::Database { why }));
        }
    };
    value
        .map(|value| value.unwrap_or(Cell::Null))
        .map_err(failure)
}

impl Connection for Postgres {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn begin(&mut self, mode: Mode) -> EngineResult<()> {
        let text = match mode {
            Mode::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Mode::Write => "BEGIN ISOLATION LEVEL REPEATABLE READ",
            Mode::Maintenance => {
                "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '2s'"
            }
            // Read committed, so that what the previous process wrote is visible once the lock is
            // acquired.
            Mode::Migrate => {
                "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0; \
                 SELECT pg_advisory_xact_lock(7235419)"
            }
        };
        self.open = false;
        let result = self.client()?.batch_execute(text).map_err(failure);
        self.open = result.is_ok();
        result
    }

    fn commit(&mut self) -> EngineResult<()> {
        let result = self.client()?.batch_execute("COMMIT").map_err(failure);
        self.open = false;
        result
    }

    fn rollback(&mut self) {
        self.open = false;
        let healthy = self
            .client
            .as_mut()
            .is_some_and(|client| client.batch_execute("ROLLBACK").is_ok());
        if !healthy {
            self.client = None;
        }
    }

    fn query(&mut self, statement: &Statement<'_>) -> EngineResult<Vec<RowCells>> {
        let prepared = self.prepare_plain(statement)?;
        let namespace = namespace_value(statement);
        rows_of(
            self.client()?
                .query(&prepared, &params(statement.params, namespace.as_ref()))
                .map_err(failure)?,
        )
    }

    fn execute(&mut self, statement: &Statement<'_>) -> EngineResult<u64> {
        let prepared = self.prepare_plain(statement)?;
        let namespace = namespace_value(statement);
        self.client()?
            .execute(&prepared, &params(statement.params, namespace.as_ref()))
            .map_err(failure)
    }

    fn query_rows(
        &mut self,
        statement: &Statement<'_>,
        kinds: &[ValueKind],
        rows: &[Vec<Value<'_>>],
    ) -> EngineResult<Vec<RowCells>> {
        let prepared = self.prepare_rows(statement, kinds)?;
        let (namespace, columns) = (namespace_value(statement), columns(rows, kinds.len()));
        let mut params = params(statement.params, namespace.as_ref());
        params.extend(columns.iter().map(|column| column as &(dyn ToSql + Sync)));
        rows_of(self.client()?.query(&prepared, &params).map_err(failure)?)
    }

    fn execute_rows(
        &mut self,
        statement: &Statement<'_>,
        kinds: &[ValueKind],
        rows: &[Vec<Value<'_>>],
    ) -> EngineResult<u64> {
        let prepared = self.prepare_rows(statement, kinds)?;
        let (namespace, columns) = (namespace_value(statement), columns(rows, kinds.len()));
        let mut params = params(statement.params, namespace.as_ref());
        params.extend(columns.iter().map(|column| column as &(dyn ToSql + Sync)));
        self.client()?.execute(&prepared, &params).map_err(failure)
    }

    fn bulk_insert(
        &mut self,
        table: &str,
        columns: &[&str],
        kinds: &[ValueKind],
        rows: &[Vec<Value<'_>>],
    ) -> EngineResult<u64> {
        let sql = format!("COPY {table} ({}) FROM STDIN BINARY", columns.join(", "));
        let types: Vec<Type> = kinds.iter().map(|kind| scalar(*kind)).collect();
        let sink = self.client()?.copy_in(&sql).map_err(failure)?;
        let mut writer = postgres::binary_copy::BinaryCopyInWriter::new(sink, &types);
        for row in rows {
            let values: Vec<&(dyn ToSql + Sync)> = row
                .iter()
                .map(|value| value as &(dyn ToSql + Sync))
                .collect();
            writer.write(&values).map_err(failure)?;
        }
        writer.finish().map_err(failure)
    }

    fn script(&mut self, sql: &str) -> EngineResult<()> {
        self.client()?.batch_execute(sql).map_err(failure)
    }

    fn shared_clock(&mut self) -> EngineResult<Option<i64>> {
        let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
        let row = self.client()?.query_one(sql, &[]).map_err(failure)?;
        row.try_get::<_, i64>(0).map(Some).map_err(failure)
    }
}

fn failure(error: postgres::Error) -> Failure {
    if is_disconnected(&error) {
        return Failure::Disconnected(plain(&error));
    }
    match error.code() {
        Some(&SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED) => {
            Failure::Contended
        }
        // The referenced row was deleted after this snapshot was taken, or a row that this
        // transaction deletes was referenced: a retry reads a new snapshot.
        Some(&SqlState::FOREIGN_KEY_VIOLATION) => Failure::Contended,
        // It has already waited for the lock timeout: retrying now would keep others waiting.
        Some(&SqlState::LOCK_NOT_AVAILABLE) => Failure::Failed(Error::Contended { attempts: 1 }),
        _ => Failure::Failed(plain(&error)),
    }
}

/// Whether the connection is gone: an I/O error, or the server closed it. Errors of converting a
/// value have no SQLSTATE either.
fn is_disconnected(error: &postgres::Error) -> bool {
    match error.as_db_error() {
        Some(error) => matches!(
            error.parsed_severity(),
            Some(Severity::Fatal | Severity::Panic)
        ),
        None => {
            error.is_closed()
                || error
                    .source()
                    .is_some_and(|source| source.is::<std::io::Error>())
        }
    }
}

/// The server's message without its detail, which may quote values of a row.
fn plain(error: &postgres::Error) -> Error {
    let why = match error.as_db_error() {
        Some(db) => format!("{} ({})", db.message(), db.code().code()),
        None => {
            let source = error
                .source()
                .map(|source| format!(": {source}"))
                .unwrap_or_default();
            format!("{error}{source}")
        }
    };
    Error::Database { why }
}
