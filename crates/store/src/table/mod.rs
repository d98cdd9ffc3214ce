//! The only SQL of the store: facts, heads and leases, tree heads, idempotency keys; and that of
//! named rows.

pub(crate) mod fact;
pub(crate) mod head;
pub(crate) mod idempotency;
pub(crate) mod lease;
pub(crate) mod migration;
pub(crate) mod named;
pub(crate) mod tree_head;

use crate::engine::{Connection, EngineResult, Statement};
use crate::record::all_rows;
use crate::{FromRow, Params, UnscopedTable, Value, ValueKind};

/// Run a query outside of a closure.
fn query<T: FromRow>(
    connection: &mut dyn Connection,
    sql: &str,
    params: impl Params,
) -> EngineResult<Vec<T>> {
    let rows = connection.query(&Statement {
        sql,
        params: &params.values(),
        namespace: None,
    })?;
    rows.into_iter()
        .map(|row| T::from_row(row).map_err(Into::into))
        .collect()
}

/// Insert rows outside of a closure.
fn insert<R: UnscopedTable>(connection: &mut dyn Connection, rows: &[R]) -> EngineResult<()> {
    let rows = all_rows(rows, false);
    let Some(first) = rows.first() else {
        return Ok(());
    };
    let kinds: Vec<ValueKind> = first.iter().map(Value::kind).collect();
    let statement = Statement {
        sql: R::INSERT,
        params: &[],
        namespace: None,
    };
    connection.execute_rows(&statement, &kinds, &rows)?;
    Ok(())
}
