//! PostgreSQL, in one read-only snapshot.

use super::{Book, Cell, Param, Row};
use crate::Error;
use postgres::types::{ToSql, Type};
use postgres::{Client, IsolationLevel, NoTls, Statement, Transaction};
use std::collections::HashMap;

/// Rows fetched at a time where there may be many.
const FETCH: i32 = 500;
/// The verifier takes its time: the server's own limits are for the living.
const SESSION: &str = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET client_min_messages = warning";

struct Postgres<'c> {
    snapshot: Transaction<'c>,
    /// Our own questions, prepared once: there are a handful, each asked many times.
    prepared: HashMap<String, Statement>,
}

/// Work on the database, in one snapshot.
pub(crate) fn with_postgres<T>(
    url: &str,
    work: impl FnOnce(&mut dyn Book) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut client = Client::connect(url, NoTls)?;
    client.batch_execute(SESSION)?;
    let snapshot = client
        .build_transaction()
        .read_only(true)
        .isolation_level(IsolationLevel::RepeatableRead)
        .start()?;
    work(&mut Postgres {
        snapshot,
        prepared: HashMap::new(),
    })
}

impl Book for Postgres<'_> {
    fn ask(&mut self, sql: &str, params: &[Param]) -> Result<Vec<Row>, Error> {
        let statement = match self.prepared.get(sql) {
            Some(known) => known.clone(),
            None => {
                let statement = self.snapshot.prepare(&dollars(sql))?;
                self.prepared.insert(sql.to_owned(), statement.clone());
                statement
            }
        };
        self.snapshot
            .query(&statement, &values(params))?
            .iter()
            .map(row)
            .collect()
    }

    fn each(
        &mut self,
        sql: &str,
        params: &[Param],
        take: &mut dyn FnMut(Row),
    ) -> Result<(), Error> {
        let mut savepoint = self.snapshot.transaction()?;
        let portal = savepoint.bind(&dollars(sql), &values(params))?;
        loop {
            let rows = savepoint.query_portal(&portal, FETCH)?;
            rows.iter()
                .try_for_each(|found| row(found).map(&mut *take))?;
            if rows.is_empty() {
                break;
            }
        }
        Ok(savepoint.commit()?)
    }
}

/// Our questions name their parameters `?1` and hold no other question mark.
fn dollars(sql: &str) -> String {
    sql.replace('?', "$")
}

fn values(params: &[Param]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(value).collect()
}

fn value(param: &Param) -> &(dyn ToSql + Sync) {
    match param {
        Param::Int(number) => number,
        Param::Text(text) => text,
    }
}

fn row(found: &postgres::Row) -> Result<Row, Error> {
    (0..found.len()).map(|place| cell(found, place)).collect()
}

fn cell(found: &postgres::Row, place: usize) -> Result<Cell, Error> {
    let value = match *found.columns()[place].type_() {
        Type::INT8 => found.try_get::<_, Option<i64>>(place)?.map(Cell::Int),
        Type::TEXT => found
            .try_get::<_, Option<String>>(place)?
            .map(|text| Cell::Text(text.into_bytes())),
        Type::BYTEA => found.try_get::<_, Option<Vec<u8>>>(place)?.map(Cell::Blob),
        ref other => return Err(Error::Database(format!("a column has type {other}"))),
    };
    Ok(value.unwrap_or(Cell::Null))
}
