//! A transaction as a closure sees it: bound to a namespace, or unbound for those few who must be.

use crate::engine::{Answer, Connection, Failure, Statement};
use crate::fact::PendingFact;
use crate::{Error, Fact, FromRow, Kind, Params, Result, Value, sql};
use types::{Entropy, Namespace, Time};

/// Statements that one closure may run: a verb over a slice needs some ten.
const MAX_STATEMENTS: u64 = 5_000;
/// Rows that one closure may write or read.
const MAX_ROWS: u64 = 500_000;

/// What all closures of one database transaction share.
pub(crate) struct Core<'c> {
    pub(crate) connection: &'c mut dyn Connection,
    pub(crate) now: Time,
    pub(crate) entropy: &'c dyn Entropy,
    pub(crate) facts: Vec<PendingFact>,
    pub(crate) partition: usize,
    pub(crate) writable: bool,
    pub(crate) use_: Use,
}

/// What the closure that runs now has done so far.
#[derive(Debug, Default)]
pub(crate) struct Use {
    statements: u64,
    rows: u64,
    /// Something was written, so a failure must undo it.
    pub(crate) wrote: bool,
    /// A statement failed, so the database transaction is spoilt.
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
            use_: Use::default(),
        }
    }

    fn spend(&mut self, rows: usize) -> Result<()> {
        self.use_.statements += 1;
        self.use_.rows += rows as u64;
        if self.use_.statements > MAX_STATEMENTS {
            return Err(Error::Budget {
                what: "statements",
                limit: MAX_STATEMENTS,
            });
        }
        if self.use_.rows > MAX_ROWS {
            return Err(Error::Budget {
                what: "rows",
                limit: MAX_ROWS,
            });
        }
        Ok(())
    }

    fn settle<T>(&mut self, answer: Answer<T>) -> Result<T> {
        answer.map_err(|failure| {
            let error = match &failure {
                Failure::Contended => Error::Contended { attempts: 1 },
                Failure::Disconnected(error) | Failure::Failed(error) => error.clone(),
            };
            self.use_.failure = Some(failure);
            error
        })
    }

    fn rows<T: FromRow>(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        namespace: Option<&str>,
    ) -> Result<Vec<T>> {
        self.spend(0)?;
        refuse_nul(params)?;
        self.use_.wrote |= is_writing(sql);
        let answer = self.connection.query(&Statement {
            sql,
            params,
            namespace,
        });
        let rows = self.settle(answer)?;
        self.use_.rows += rows.len() as u64;
        rows.into_iter().map(T::from_row).collect()
    }

    fn execute(&mut self, sql: &str, params: &[Value<'_>], namespace: Option<&str>) -> Result<u64> {
        self.spend(1)?;
        refuse_nul(params)?;
        self.use_.wrote = true;
        let answer = self.connection.execute(&Statement {
            sql,
            params,
            namespace,
        });
        self.settle(answer)
    }

    fn many<T>(
        &mut self,
        statement: &Statement<'_>,
        rows: &[Vec<Value<'_>>],
        act: impl FnOnce(&mut dyn Connection, &Statement<'_>, &[Kind], &[Vec<Value<'_>>]) -> Answer<T>,
    ) -> Result<T> {
        self.spend(rows.len())?;
        refuse_nul(statement.params)?;
        rows.iter().try_for_each(|row| refuse_nul(row))?;
        self.use_.wrote |= is_writing(statement.sql);
        let kinds: Vec<Kind> = rows
            .first()
            .map_or_else(Vec::new, |row| row.iter().map(Value::kind).collect());
        let alike = |row: &Vec<Value<'_>>| row.iter().map(Value::kind).eq(kinds.iter().copied());
        assert!(
            rows.iter().all(alike),
            "the rows of one statement have the same columns: {}",
            statement.sql
        );
        let answer = act(self.connection, statement, &kinds, rows);
        self.settle(answer)
    }
}

fn refuse_nul(params: &[Value<'_>]) -> Result<()> {
    let has_nul =
        |value: &Value<'_>| matches!(value, Value::Text(text) if text.as_bytes().contains(&0));
    if params.iter().any(has_nul) {
        Err(Error::Nul)
    } else {
        Ok(())
    }
}

/// Whether a statement that returns rows may change some: anything but a plain SELECT.
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
            /// The rows of a query.
            pub fn rows<T: FromRow>(&mut self, sql: &str, params: impl Params) -> Result<Vec<T>> {
                let namespace = self.bind(sql)?;
                self.core()
                    .rows(sql, &params.values(), namespace.as_deref())
            }

            /// The one row of a query, or none. More than one is a mistake in the statement.
            pub fn row<T: FromRow>(&mut self, sql: &str, params: impl Params) -> Result<Option<T>> {
                let mut rows = self.rows(sql, params)?;
                assert!(
                    rows.len() <= 1,
                    "a statement for one row found {}",
                    rows.len()
                );
                Ok(rows.pop())
            }

            /// Run a statement; how many rows it changed.
            pub fn execute(&mut self, sql: &str, params: impl Params) -> Result<u64> {
                let namespace = self.bind(sql)?;
                self.core()
                    .execute(sql, &params.values(), namespace.as_deref())
            }

            /// Run a `{rows}` statement for many rows at once; how many it changed. No key may
            /// occur twice among them.
            pub fn execute_rows<P: Params>(
                &mut self,
                sql: &str,
                fixed: impl Params,
                rows: &[P],
            ) -> Result<u64> {
                let namespace = self.bind(sql)?;
                if rows.is_empty() {
                    return Ok(0);
                }
                let (params, rows) = (fixed.values(), value_rows(rows));
                let statement = Statement {
                    sql,
                    params: &params,
                    namespace: namespace.as_deref(),
                };
                self.core()
                    .many(&statement, &rows, |connection, statement, kinds, rows| {
                        connection.execute_rows(statement, kinds, rows)
                    })
            }

            /// Run a `{rows}` statement for many rows at once; what it returns, in no promised
            /// order.
            pub fn query_rows<T: FromRow, P: Params>(
                &mut self,
                sql: &str,
                fixed: impl Params,
                rows: &[P],
            ) -> Result<Vec<T>> {
                let namespace = self.bind(sql)?;
                if rows.is_empty() {
                    return Ok(Vec::new());
                }
                let (params, rows) = (fixed.values(), value_rows(rows));
                let statement = Statement {
                    sql,
                    params: &params,
                    namespace: namespace.as_deref(),
                };
                let found =
                    self.core()
                        .many(&statement, &rows, |connection, statement, kinds, rows| {
                            connection.query_rows(statement, kinds, rows)
                        })?;
                found.into_iter().map(T::from_row).collect()
            }

            /// The time of this transaction: the same for all it writes.
            pub fn now(&mut self) -> Time {
                self.core().now
            }

            /// Chance, for ids and salts. A transaction that is run again draws anew.
            pub fn entropy(&mut self) -> &dyn Entropy {
                self.core().entropy
            }
        }
    };
}

/// A transaction bound to a namespace: every statement must use `?ns`, which is filled in here.
///
/// A statement without it is refused ([`Error::Unbound`]), so that a forgotten `WHERE namespace`
/// cannot be written by accident.
pub struct Tx<'t, 'c> {
    core: &'t mut Core<'c>,
    namespace: Namespace,
}

/// A transaction over all namespaces: only for chain ingestion, workers' claims and migrations.
pub struct Unbound<'t, 'c> {
    core: &'t mut Core<'c>,
}

statements!(Tx<'_, '_>);
statements!(Unbound<'_, '_>);

impl<'t, 'c> Tx<'t, 'c> {
    pub(crate) fn new(core: &'t mut Core<'c>, namespace: Namespace) -> Self {
        Self { core, namespace }
    }

    /// The namespace.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Append a fact. It is linked into the chain of the partition when the transaction commits.
    pub fn append(&mut self, fact: Fact) {
        let namespace = self.namespace.clone();
        append(self.core, namespace, fact);
    }

    fn bind(&self, sql: &str) -> Result<Option<String>> {
        if sql::uses_namespace(sql) {
            Ok(Some(self.namespace.as_str().to_owned()))
        } else {
            Err(Error::Unbound {
                sql: sql.to_owned(),
            })
        }
    }

    fn core(&mut self) -> &mut Core<'c> {
        self.core
    }
}

impl<'t, 'c> Unbound<'t, 'c> {
    pub(crate) fn new(core: &'t mut Core<'c>) -> Self {
        Self { core }
    }

    /// The same transaction, bound to a namespace.
    pub fn bound(&mut self, namespace: &Namespace) -> Tx<'_, 'c> {
        Tx::new(self.core, namespace.clone())
    }

    /// Append a fact that concerns a namespace.
    pub fn append(&mut self, namespace: &Namespace, fact: Fact) {
        append(self.core, namespace.clone(), fact);
    }

    /// The fastest way to insert many rows: COPY on PostgreSQL, multi-row VALUES on SQLite. A
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
            .many(&statement, &rows, |connection, _, kinds, rows| {
                connection.bulk_insert(table, columns, kinds, rows)
            })
    }

    fn bind(&self, sql: &str) -> Result<Option<String>> {
        assert!(
            !sql::uses_namespace(sql),
            "?ns in a statement that is not bound to a namespace: {sql}"
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
        "a fact was appended in a transaction that only reads"
    );
    core.use_.wrote = true;
    let (at, partition) = (core.now, core.partition);
    match fact.check() {
        Ok(()) => core.facts.push(PendingFact::new(
            fact,
            namespace,
            at,
            partition,
            core.entropy,
        )),
        // Like a statement that failed: the closure is undone, whatever it returns.
        Err(error) => core.use_.failure = core.use_.failure.take().or(Some(Failure::Failed(error))),
    }
}
