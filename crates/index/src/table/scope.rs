//! Projection scopes.

use crate::scope::Scope;
use store::{FromRow as _, Result, Row, Tx, UnscopedTx};
use types::{ChainId, Height, Namespace};

/// The scopes of a chain, of every namespace.
pub(crate) fn of_chain(tx: &mut UnscopedTx<'_, '_>, chain: &ChainId) -> Result<Vec<Scope>> {
    let rows: Vec<Row> = tx.rows(
        "SELECT namespace, projection, source, from_height, next_height, caught_up, quarantined, version FROM projection_scope
          WHERE chain = ?1 ORDER BY namespace, projection, source",
        (chain,),
    )?;
    rows.into_iter().map(|row| scope(chain, row)).collect()
}

/// The scopes of the namespace on a chain.
pub(crate) fn of_namespace(tx: &mut Tx<'_, '_>, chain: &ChainId) -> Result<Vec<Scope>> {
    let rows: Vec<Row> = tx.rows(
        "SELECT namespace, projection, source, from_height, next_height, caught_up, quarantined, version FROM projection_scope
          WHERE namespace = ?ns AND chain = ?1 ORDER BY projection, source",
        (chain,),
    )?;
    rows.into_iter().map(|row| scope(chain, row)).collect()
}

fn scope(chain: &ChainId, row: Row) -> Result<Scope> {
    type Columns = (
        Namespace,
        String,
        String,
        Height,
        Height,
        bool,
        Option<String>,
        i64,
    );
    let (namespace, projection, source, from, next, caught_up, quarantined, version) =
        Columns::from_row(row)?;
    Ok(Scope {
        namespace,
        projection,
        chain: *chain,
        source,
        from,
        next,
        caught_up,
        quarantined,
        version,
    })
}

/// Inserts a scope. Returns false if it already exists.
pub(crate) fn insert(tx: &mut Tx<'_, '_>, scope: &Scope) -> Result<bool> {
    let inserted = tx.execute(
        "INSERT INTO projection_scope (namespace, projection, chain, source, from_height, next_height, caught_up, quarantined, version)
         VALUES (?ns, ?1, ?2, ?3, ?4, ?4, 0, NULL, 1) ON CONFLICT DO NOTHING",
        (&scope.projection, &scope.chain, &scope.source, scope.from),
    )?;
    Ok(inserted == 1)
}

/// Deletes a scope. Returns it with its next version, if it existed.
pub(crate) fn delete(
    tx: &mut Tx<'_, '_>,
    projection: &str,
    chain: &ChainId,
    source: &str,
) -> Result<Option<Scope>> {
    let row: Option<Row> = tx.row(
        "DELETE FROM projection_scope WHERE namespace = ?ns AND projection = ?1 AND chain = ?2 AND source = ?3
         RETURNING namespace, projection, source, from_height, next_height, caught_up, quarantined, version + 1",
        (projection, chain, source),
    )?;
    row.map(|row| scope(chain, row)).transpose()
}

/// Moves a scope's cursor. Returns false if the scope was deleted or changed since it was read.
pub(crate) fn advance(
    tx: &mut UnscopedTx<'_, '_>,
    scope: &Scope,
    next: Height,
    caught_up: bool,
) -> Result<bool> {
    let moved = tx.execute(
        "UPDATE projection_scope SET next_height = ?5, caught_up = ?6, version = version + 1
          WHERE namespace = ?1 AND projection = ?2 AND chain = ?3 AND source = ?4 AND version = ?7",
        (
            &scope.namespace,
            &scope.projection,
            &scope.chain,
            &scope.source,
            next,
            caught_up,
            scope.version,
        ),
    )?;
    Ok(moved == 1)
}

/// Rewinds scopes with the chain, whose next height is now `next`. Scopes beyond it continue there;
/// scopes that start later wait for their start height again.
pub(crate) fn rewind(tx: &mut UnscopedTx<'_, '_>, chain: &ChainId, next: Height) -> Result<()> {
    tx.execute(
        "UPDATE projection_scope SET next_height = ?2, version = version + 1
          WHERE chain = ?1 AND next_height > ?2 AND from_height <= ?2",
        (chain, next),
    )?;
    tx.execute(
        "UPDATE projection_scope SET next_height = from_height, caught_up = 0, version = version + 1
          WHERE chain = ?1 AND from_height > ?2 AND (caught_up = 1 OR next_height > from_height)",
        (chain, next),
    )?;
    Ok(())
}

/// Quarantines a scope. Returns false if it was deleted or changed since it was read.
pub(crate) fn quarantine(tx: &mut UnscopedTx<'_, '_>, scope: &Scope, reason: &str) -> Result<bool> {
    let changed = tx.execute(
        "UPDATE projection_scope SET quarantined = ?5, version = version + 1
          WHERE namespace = ?1 AND projection = ?2 AND chain = ?3 AND source = ?4 AND version = ?6",
        (
            &scope.namespace,
            &scope.projection,
            &scope.chain,
            &scope.source,
            reason,
            scope.version,
        ),
    )?;
    Ok(changed == 1)
}
