//! PostgreSQL, in one read-only snapshot.

use super::{Cell, Database, Param, Row};
use crate::Error;
use postgres::types::{ToSql, Type};
use postgres::{Client, IsolationLevel, NoTls, Statement, Transaction};
use std::collections::HashMap;

/// Rows per fetch of a query that may return many.
const FETCH: i32 = 500;
/// A verification may take long, so the server's timeouts are disabled.
const SESSION: &str = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET client_min_messages = warning";

struct Postgres<'c> {
    snapshot: Transaction<'c>,
    /// The verifier's own queries, prepared once: there are few, and each runs many times.
    prepared: HashMap<String, Statement>,
}

/// Run `work` in one snapshot of the database.
pub(crate) fn with_postgres<T>(
    url: &str,
    work: impl FnOnce(&mut dyn Database) -> Result<T, Error>,
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

impl Database for Postgres<'_> {
    fn query(&mut self, sql: &str, params: &[Param]) -> Result<Vec<Row>, Error> {
        let statement = match self.prepared.get(sql) {
            Some(known) => known.clone(),
            None => {
                let statement = self.snapshot.prepare(&dollar_parameters(sql))?;
                self.prepared.insert(sql.to_owned(), statement.clone());
                statement
            }
        };
        self.snapshot
            .query(&statement, &values(params))?
            .iter()
            .map(decode_row)
            .collect()
    }

    fn each(
        &mut self,
        sql: &str,
        params: &[Param],
        take: &mut dyn FnMut(Row),
    ) -> Result<(), Error> {
        let mut savepoint = self.snapshot.transaction()?;
        let portal = savepoint.bind(&dollar_parameters(sql), &values(params))?;
        loop {
            let rows = savepoint.query_portal(&portal, FETCH)?;
            rows.iter()
                .try_for_each(|row| decode_row(row).map(&mut *take))?;
            if rows.is_empty() {
                break;
            }
        }
        Ok(savepoint.commit()?)
    }
}

/// The verifier's queries contain question marks only in parameters.
fn dollar_parameters(sql: &str) -> String {
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

fn decode_row(row: &postgres::Row) -> Result<Row, Error> {
    (0..row.len()).map(|index| cell(row, index)).collect()
}

fn cell(row: &postgres::Row, index: usize) -> Result<Cell, Error> {
    let value = match *row.columns()[index].type_() {
        Type::INT8 => row.try_get::<_, Option<i64>>(index)?.map(Cell::Int),
        Type::TEXT => row
            .try_get::<_, Option<String>>(index)?
            .map(|text| Cell::Text(text.into_bytes())),
        Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(index)?.map(Cell::Blob),
        ref other => return Err(Error::Database(format!("a column has type {other}"))),
    };
    Ok(value.unwrap_or(Cell::Null))
}
