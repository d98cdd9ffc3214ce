//! A transaction as a closure sees it: scoped to a namespace, or unscoped for the few callers that
//! work across namespaces.

use crate::engine::{Connection, EngineResult, Failure, Statement};
use crate::fact::PendingFact;
use crate::{Error, Fact, FromCell, FromRow, Params, Result, RowCells, Value, ValueKind, sql};
use types::{Entropy, Namespace, Time};

/// Statements that one closure may run. A verb over a slice needs about ten.
const MAX_STATEMENTS: u64 = 5_000;
/// Rows that one closure may write or read.
const MAX_ROWS: u64 = 500_000;

/// The state that all closures of one database transaction share.
pub(crate) struct Core<'c> {
    pub(crate) connection: &'c mut dyn Connection,
    pub(crate) now: Time,
    pub(crate) entropy: &'c dyn Entropy,
    pub(crate) facts: Vec<PendingFact>,
    pub(crate) partition: usize,
    pub(crate) writable: bool,
    pub(crate) usage: Usage,
}

/// What the running closure has used and done so far.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    statements: u64,
    rows: u64,
    /// Something was written, so a failure must undo it.
    pub(crate) wrote: bool,
    /// A statement failed, so the database transaction cannot be used any more.
    pub(crate) failure: Option<Failure>,
}

impl<'c> Core<'c> {
    pub(crate) fn new(
        connection: &'c mut dyn Connection,
        now: Time,
        entropy: &'c dyn Entropy,
        writable: bool,
    ) -> Self {
        Self {
            connection,
            now,
            entropy,
            facts: Vec::new(),
            partition: 0,
            writable,
            usage: Usage::default(),
        }
    }

    fn charge(&mut self, rows: usize) -> Result<()> {
        self.usage.statements += 1;
        self.usage.rows += rows as u64;
        if self.usage.statements > MAX_STATEMENTS {
            return Err(Error::LimitExceeded {
                what: "statements",
                limit: MAX_STATEMENTS,
            });
        }
        if self.usage.rows > MAX_ROWS {
            return Err(Error::LimitExceeded {
                what: "rows",
                limit: MAX_ROWS,
            });
        }
        Ok(())
    }

    fn record_failure<T>(&mut self, result: EngineResult<T>) -> Result<T> {
        result.map_err(|failure| {
            let error = match &failure {
                Failure::Contended => Error::Contended { attempts: 1 },
                Failure::Disconnected(error) | Failure::Failed(error) => error.clone(),
            };
            self.usage.failure = Some(failure);
            error
        })
    }

    fn rows<T: FromRow>(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        namespace: Option<&str>,
    ) -> Result<Vec<T>> {
        self.charge(0)?;
        reject_nul(params)?;
        self.usage.wrote |= is_writing(sql);
        let result = self.connection.query(&Statement {
            sql,
            params,
            namespace,
        });
        let rows = self.record_failure(result)?;
        self.usage.rows += rows.len() as u64;
        rows.into_iter().map(T::from_row).collect()
    }

    fn execute(&mut self, sql: &str, params: &[Value<'_>], namespace: Option<&str>) -> Result<u64> {
        self.charge(1)?;
        reject_nul(params)?;
        self.usage.wrote = true;
        let result = self.connection.execute(&Statement {
            sql,
            params,
            namespace,
        });
        self.record_failure(result)
    }

    fn run_rows<T>(
        &mut self,
        statement: &Statement<'_>,
        rows: &[Vec<Value<'_>>],
        run: impl FnOnce(
            &mut dyn Connection,
            &Statement<'_>,
            &[ValueKind],
            &[Vec<Value<'_>>],
        ) -> EngineResult<T>,
    ) -> Result<T> {
        self.charge(rows.len())?;
        reject_nul(statement.params)?;
        rows.iter().try_for_each(|row| reject_nul(row))?;
        self.usage.wrote |= is_writing(statement.sql);
        let kinds: Vec<ValueKind> = rows
            .first()
            .map_or_else(Vec::new, |row| row.iter().map(Value::kind).collect());
        let same_columns =
            |row: &Vec<Value<'_>>| row.iter().map(Value::kind).eq(kinds.iter().copied());
        assert!(
            rows.iter().all(same_columns),
            "the rows of one statement have the same columns: {}",
            statement.sql
        );
        let result = run(self.connection, statement, &kinds, rows);
        self.record_failure(result)
    }
}

fn reject_nul(params: &[Value<'_>]) -> Result<()> {
    let has_nul =
        |value: &Value<'_>| matches!(value, Value::Text(text) if text.as_bytes().contains(&0));
    if params.iter().any(has_nul) {
        Err(Error::NulCharacter)
    } else {
        Ok(())
    }
}

/// Whether a statement that returns rows may change some: anything but a plain `SELECT`.
fn is_writing(sql: &str) -> bool {
    !sql.trim_start()
        .get(..6)
        .is_some_and(|head| head.eq_ignore_ascii_case("select"))
}

fn value_rows<'a, P: Params>(rows: &'a [P]) -> Vec<Vec<Value<'a>>> {
    rows.iter().map(Params::values).collect()
}

macro_rules! statements {
    ($type:ty) => {
        impl $type {
            /// Run a query and return its rows.
            pub fn rows<T: FromRow>(&mut self, sql: &str, params: impl Params) -> Result<Vec<T>> {
                let sql = &*sql::numbered(sql, params.names())?;
                let namespace = self.namespace_for(sql)?;
                self.core()
                    .rows(sql, &params.values(), namespace.as_deref())
            }

            /// Run a query and return its row, if any. Panics if there is more than one.
            pub fn row<T: FromRow>(&mut self, sql: &str, params: impl Params) -> Result<Option<T>> {
                let mut rows = self.rows(sql, params)?;
                assert!(
                    rows.len() <= 1,
                    "a statement for one row returned {}",
                    rows.len()
                );
                Ok(rows.pop())
            }

            /// Run a query for one value. None if there is no row, or the value is NULL.
            pub fn value<T: FromCell>(
                &mut self,
                sql: &str,
                params: impl Params,
            ) -> Result<Option<T>> {
                let row: Option<(Option<T>,)> = self.row(sql, params)?;
                Ok(row.and_then(|(value,)| value))
            }

            /// Run a query and return the value of each row.
            pub fn values<T: FromCell>(
                &mut self,
                sql: &str,
                params: impl Params,
            ) -> Result<Vec<T>> {
                let rows: Vec<(T,)> = self.rows(sql, params)?;
                Ok(rows.into_iter().map(|(value,)| value).collect())
            }

            /// Run a `SELECT COUNT(*) …`.
            pub fn count(&mut self, sql: &str, params: impl Params) -> Result<u64> {
                Ok(self.value(sql, params)?.unwrap_or(0))
            }

            /// Run a query and return whether it finds a row. It should say `LIMIT 1`.
            pub fn exists(&mut self, sql: &str, params: impl Params) -> Result<bool> {
                Ok(!self.rows::<RowCells>(sql, params)?.is_empty())
            }

            /// Run a statement and return the number of rows it changed.
            pub fn execute(&mut self, sql: &str, params: impl Params) -> Result<u64> {
                let sql = &*sql::numbered(sql, params.names())?;
                let namespace = self.namespace_for(sql)?;
                self.core()
                    .execute(sql, &params.values(), namespace.as_deref())
            }

            /// Run a `{rows}` statement for many rows at once and return the number of rows it
            /// changed. No key may occur twice among the rows.
            pub fn execute_rows<P: Params>(
                &mut self,
                sql: &str,
                fixed: impl Params,
                rows: &[P],
            ) -> Result<u64> {
                let sql = sql::numbered(sql, fixed.names())?;
                self.execute_with(&sql, &fixed.values(), value_rows(rows))
            }

            /// Run a `{rows}` statement for many rows at once and return its rows, in no
            /// guaranteed order.
            pub fn query_rows<T: FromRow, P: Params>(
                &mut self,
                sql: &str,
                fixed: impl Params,
                rows: &[P],
            ) -> Result<Vec<T>> {
                let sql = sql::numbered(sql, fixed.names())?;
                self.query_with(&sql, &fixed.values(), value_rows(rows))
            }

            pub(crate) fn execute_values(
                &mut self,
                sql: &str,
                rows: Vec<Vec<Value<'_>>>,
            ) -> Result<u64> {
                self.execute_with(sql, &[], rows)
            }

            pub(crate) fn query_values<T: FromRow>(
                &mut self,
                sql: &str,
                rows: Vec<Vec<Value<'_>>>,
            ) -> Result<Vec<T>> {
                self.query_with(sql, &[], rows)
            }

            fn execute_with(
                &mut self,
                sql: &str,
                params: &[Value<'_>],
                rows: Vec<Vec<Value<'_>>>,
            ) -> Result<u64> {
                let namespace = self.namespace_for(sql)?;
                if rows.is_empty() {
                    return Ok(0);
                }
                let statement = Statement {
                    sql,
                    params,
                    namespace: namespace.as_deref(),
                };
                self.core()
                    .run_rows(&statement, &rows, |connection, statement, kinds, rows| {
                        connection.execute_rows(statement, kinds, rows)
                    })
            }

            fn query_with<T: FromRow>(
                &mut self,
                sql: &str,
                params: &[Value<'_>],
                rows: Vec<Vec<Value<'_>>>,
            ) -> Result<Vec<T>> {
                let namespace = self.namespace_for(sql)?;
                if rows.is_empty() {
                    return Ok(Vec::new());
                }
                let statement = Statement {
                    sql,
                    params,
                    namespace: namespace.as_deref(),
                };
                let rows = self.core().run_rows(
                    &statement,
                    &rows,
                    |connection, statement, kinds, rows| {
                        connection.query_rows(statement, kinds, rows)
                    },
                )?;
                rows.into_iter().map(T::from_row).collect()
            }

            /// The time of this transaction, the same for everything it writes.
            pub fn now(&mut self) -> Time {
                self.core().now
            }

            /// Randomness for ids and salts. A transaction that is retried draws new bytes.
            pub fn entropy(&mut self) -> &dyn Entropy {
                self.core().entropy
            }
        }
    };
}

/// A transaction scoped to a namespace: every statement must use `?ns`, which is filled in here.
///
/// A statement without it is rejected ([`Error::MissingNamespace`]), so that a forgotten `WHERE
/// namespace` cannot reach the database.
pub struct Tx<'t, 'c> {
    core: &'t mut Core<'c>,
    namespace: Namespace,
}

/// A transaction across namespaces: only for chain ingestion, claims of workers and migrations.
pub struct UnscopedTx<'t, 'c> {
    core: &'t mut Core<'c>,
}

statements!(Tx<'_, '_>);
statements!(UnscopedTx<'_, '_>);

impl<'t, 'c> Tx<'t, 'c> {
    pub(crate) fn new(core: &'t mut Core<'c>, namespace: Namespace) -> Self {
        Self { core, namespace }
    }

    /// The namespace that every statement is scoped to.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Append a fact. It is linked into the hash chain of the partition at commit.
    pub fn append(&mut self, fact: Fact) {
        let namespace = self.namespace;
        append(self.core, namespace, fact);
    }

    fn namespace_for(&self, sql: &str) -> Result<Option<String>> {
        if sql::uses_namespace(sql) {
            Ok(Some(self.namespace.as_str().to_owned()))
        } else {
            Err(Error::MissingNamespace {
                sql: sql.to_owned(),
            })
        }
    }

    fn core(&mut self) -> &mut Core<'c> {
        self.core
    }
}

impl<'t, 'c> UnscopedTx<'t, 'c> {
    pub(crate) fn new(core: &'t mut Core<'c>) -> Self {
        Self { core }
    }

    /// The same transaction, scoped to a namespace.
    pub fn scoped(&mut self, namespace: &Namespace) -> Tx<'_, 'c> {
        Tx::new(self.core, *namespace)
    }

    /// Append a fact that belongs to a namespace.
    pub fn append(&mut self, namespace: &Namespace, fact: Fact) {
        append(self.core, *namespace, fact);
    }

    /// Insert many rows by the fastest way: `COPY` on PostgreSQL, multi-row `VALUES` on SQLite. A
    /// conflict is an error.
    pub fn bulk_insert<P: Params>(
        &mut self,
        table: &'static str,
        columns: &[&str],
        rows: &[P],
    ) -> Result<u64> {
        if rows.is_empty() {
            return Ok(0);
        }
        let rows = value_rows(rows);
        let statement = Statement {
            sql: "COPY",
            params: &[],
            namespace: None,
        };
        self.core
            .run_rows(&statement, &rows, |connection, _, kinds, rows| {
                connection.bulk_insert(table, columns, kinds, rows)
            })
    }

    fn namespace_for(&self, sql: &str) -> Result<Option<String>> {
        assert!(
            !sql::uses_namespace(sql),
            "?ns in a statement that is not scoped to a namespace: {sql}"
        );
        Ok(None)
    }

    fn core(&mut self) -> &mut Core<'c> {
        self.core
    }
}

fn append(core: &mut Core<'_>, namespace: Namespace, fact: Fact) {
    assert!(
        core.writable,
        "a fact was appended in a read-only transaction"
    );
    core.usage.wrote = true;
    let (at, partition) = (core.now, core.partition);
    match fact.check() {
        Ok(()) => core.facts.push(PendingFact::new(
            fact,
            namespace,
            at,
            partition,
            core.entropy,
        )),
        // Like a failed statement: the closure is undone, whatever it returns.
        Err(error) => {
            core.usage.failure = core.usage.failure.take().or(Some(Failure::Failed(error)))
        }
    }
}
