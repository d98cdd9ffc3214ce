//! Statements.

use crate::statement::{Statement, StatementFilter, StatementState};
use std::collections::BTreeSet;
use store::{
    Record as _, Result, ScopedTable as _, ToValue, Tx, UnscopedTable as _, UnscopedTx, Value,
    params,
};
use types::{ApiKeyId, ChainId, Namespace, Page, SignatureRequestId, StatementId, Time};

/// A statement whose signature is requested.
#[derive(Debug, Clone, store::Record)]
pub(crate) struct RequestedStatement {
    pub(crate) namespace: Namespace,
    pub(crate) id: StatementId,
    pub(crate) request: SignatureRequestId,
}

/// Stores new statements.
pub(crate) fn insert(tx: &mut Tx, new: &[Statement]) -> Result<()> {
    Statement::insert(tx, new, "").map(drop)
}

/// Writes statements whose version is unchanged since they were read. Returns the written ids.
pub(crate) fn update(tx: &mut UnscopedTx, changed: &[Statement]) -> Result<BTreeSet<StatementId>> {
    let written: Vec<(StatementId,)> = Statement::update_all(tx, changed, "statement.id")?;
    Ok(written.into_iter().map(|(id,)| id).collect())
}

/// One statement of the namespace.
pub(crate) fn get(tx: &mut Tx, id: StatementId) -> Result<Option<Statement>> {
    let sql = Statement::select("WHERE namespace = ?ns AND id = ?1");
    tx.row(&sql, (id,))
}

/// Statements of the namespace, newest first.
pub(crate) fn list(tx: &mut Tx, filter: &StatementFilter, page: &Page) -> Result<Vec<Statement>> {
    let sql = Statement::select(
        "WHERE namespace = ?ns AND (?state IS NULL OR state = ?state) AND (?signer IS NULL OR signer = ?signer)
            AND (?chain IS NULL OR chain = ?chain) AND (?kind IS NULL OR kind = ?kind)
            AND (?after IS NULL OR received_seq < (SELECT received_seq FROM statement WHERE namespace = ?ns AND id = ?after))
          ORDER BY received_seq DESC, id DESC LIMIT ?limit OFFSET ?skip",
    );
    let StatementFilter {
        state,
        kind,
        signer,
        chain,
    } = filter;
    let Page { limit, skip, after } = page;
    tx.rows(
        &sql,
        params! { state, kind, signer, chain, limit, skip, after },
    )
}

/// Number of statements of a signer that have not ended.
pub(crate) fn count_open(tx: &mut Tx, chain: &ChainId, signer: &str) -> Result<u64> {
    tx.count(
        "SELECT COUNT(*) FROM statement WHERE namespace = ?ns AND chain = ?1 AND signer = ?2
            AND state IN ('received', 'deciding', 'permitted', 'signing')",
        (chain, signer),
    )
}

/// What was requested with an API key of the namespace and has not ended, oldest first.
pub(crate) fn open_of(tx: &mut Tx, key: ApiKeyId, limit: u32) -> Result<Vec<Statement>> {
    let sql = Statement::select(
        "WHERE namespace = ?ns AND initiator_key = ?1
            AND state IN ('received', 'deciding', 'permitted', 'signing')
          ORDER BY received_seq, id LIMIT ?2",
    );
    tx.rows(&sql, (key, limit))
}

/// Due statements of a shard on a chain in one of these states, oldest first.
pub(crate) fn due(
    tx: &mut UnscopedTx,
    shard: i64,
    chain: &ChainId,
    states: &[StatementState],
    now: Time,
    limit: u32,
) -> Result<Vec<Statement>> {
    let mut params: Vec<Value<'_>> = vec![
        shard.to_value(),
        now.to_value(),
        limit.to_value(),
        chain.to_value(),
    ];
    params.extend(states.iter().map(ToValue::to_value));
    let placeholders: Vec<String> = (0..states.len())
        .map(|index| format!("?{}", index + 5))
        .collect();
    let sql = Statement::select(&format!(
        "WHERE shard = ?1 AND chain = ?4 AND state IN ({}) AND next_at <= ?2
          ORDER BY received_seq, id LIMIT ?3",
        placeholders.join(", ")
    ));
    tx.rows(&sql, params)
}

/// Statements of a shard whose signature is requested, ordered by id and starting after `after`.
pub(crate) fn requested(
    tx: &mut UnscopedTx,
    shard: i64,
    chain: &ChainId,
    after: &str,
    limit: u32,
) -> Result<Vec<RequestedStatement>> {
    tx.rows(
        "SELECT namespace, id, request FROM statement
          WHERE shard = ?1 AND chain = ?2 AND state = 'signing' AND request IS NOT NULL AND id > ?3
          ORDER BY id LIMIT ?4",
        (shard, chain, after, limit),
    )
}

/// The statement with the same bytes whose permit is the last that was used for them.
pub(crate) fn latest(tx: &mut Tx, like: &Statement) -> Result<Option<Statement>> {
    let sql = Statement::select(
        "WHERE namespace = ?ns AND chain = ?1 AND signer = ?2 AND intent_hash = ?3 AND latest = 1",
    );
    tx.row(&sql, (like.chain, &like.signer, like.intent_hash))
}

/// Makes a statement the [`latest`] of its bytes.
pub(crate) fn make_latest(tx: &mut Tx, statement: &Statement) -> Result<()> {
    tx.execute(
        "UPDATE statement SET latest = 0
          WHERE namespace = ?ns AND chain = ?1 AND signer = ?2 AND intent_hash = ?3 AND latest = 1",
        (statement.chain, &statement.signer, statement.intent_hash),
    )?;
    tx.execute(
        "UPDATE statement SET latest = 1 WHERE namespace = ?ns AND id = ?1",
        (statement.id,),
    )?;
    Ok(())
}

/// The ids of those statements whose version is unchanged since they were read.
pub(crate) fn unchanged(tx: &mut UnscopedTx, read: &[Statement]) -> Result<BTreeSet<StatementId>> {
    let versions: Vec<_> = read
        .iter()
        .map(|statement| (statement.namespace, statement.id, statement.version))
        .collect();
    let unchanged: Vec<(StatementId,)> = tx.query_rows(
        "WITH n(ns, id, version) AS ({rows}) SELECT s.id FROM statement s
           JOIN n ON s.namespace = n.ns AND s.id = n.id AND s.version = n.version",
        (),
        &versions,
    )?;
    Ok(unchanged.into_iter().map(|(id,)| id).collect())
}
