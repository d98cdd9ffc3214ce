//! The only SQL of the index.

use crate::event::{Dropped, StoredEvent, StoredIncluded};
use crate::read::{Cursor, EventFilter, Status as ChainStatus};
use crate::scope::Scope;
use crate::state::Tip;
use store::{FromRow, Result, Row, Tx, Unbound, Value};
use types::{Block, ChainEvent, ChainId, Height, Included, Namespace, Status, Time, Witness};

/// The columns of a chain event that never change, in the order that the fact's root covers them.
pub(crate) const EVENT_COLUMNS: [&str; 10] =
    ["chain", "tx_id", "path", "block_hash", "height", "tx_index", "event_index", "source", "topic", "body"];

/// How far a chain is read.
pub(crate) fn cursor(tx: &mut Unbound<'_, '_>, chain: &ChainId) -> Result<Option<ChainStatus>> {
    let row: Option<Row> = tx.row(
        "SELECT head_height, head_hash, final_height, final_hash, first_height, halted, rewind_to, version
           FROM chain_cursor WHERE chain = ?1",
        (chain,),
    )?;
    type Columns =
        (Option<Height>, Option<String>, Option<Height>, Option<String>, Height, Option<String>, Option<Height>, i64);
    let tip =
        |height: Option<Height>, hash: Option<String>| height.zip(hash).map(|(height, hash)| Tip { height, hash });
    row.map(|row| {
        let (height, hash, final_height, final_hash, first, halted, rewind_to, version) = Columns::from_row(row)?;
        let (head, finalized) = (tip(height, hash), tip(final_height, final_hash));
        Ok(ChainStatus { chain: chain.clone(), head, finalized, first, halted, rewind_to, version })
    })
    .transpose()
}

/// Write how far a chain is read; false if another wrote since `version`.
pub(crate) fn put_cursor(tx: &mut Unbound<'_, '_>, status: &ChainStatus) -> Result<bool> {
    let changed = tx.execute(
        "INSERT INTO chain_cursor (chain, head_height, head_hash, final_height, final_hash, first_height, halted, rewind_to, version)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 + 1)
         ON CONFLICT (chain) DO UPDATE SET head_height = ?2, head_hash = ?3, final_height = ?4, final_hash = ?5,
                halted = ?7, rewind_to = ?8, version = chain_cursor.version + 1
          WHERE chain_cursor.version = ?9",
        (
            &status.chain,
            status.head.as_ref().map(|tip| tip.height),
            status.head.as_ref().map(|tip| &tip.hash),
            status.finalized.as_ref().map(|tip| tip.height),
            status.finalized.as_ref().map(|tip| &tip.hash),
            status.first,
            &status.halted,
            status.rewind_to,
            status.version,
        ),
    )?;
    Ok(changed == 1)
}

/// Store blocks as canonical; one that was canonical before and came back is so again.
pub(crate) fn insert_blocks(tx: &mut Unbound<'_, '_>, blocks: &[&Block]) -> Result<()> {
    let rows: Vec<_> = blocks
        .iter()
        .map(|block| {
            let (events, included) = (block.events.len() as i64, block.included.len() as i64);
            (&block.chain, &block.hash, block.height, &block.parent, block.time, events, included, true)
        })
        .collect();
    tx.execute_rows(
        "INSERT INTO block (chain, hash, height, parent, time, event_count, included_count, canonical) {rows}
         ON CONFLICT (chain, hash) DO UPDATE SET canonical = 1",
        (),
        &rows,
    )?;
    Ok(())
}

/// The rows of a block's events, as inserted and as covered by its fact.
pub(crate) fn event_rows(block: &Block) -> Vec<Vec<Value<'_>>> {
    use store::ToValue as _;
    block
        .events
        .iter()
        .map(|event| {
            vec![
                block.chain.to_value(),
                event.transaction.to_value(),
                event.path.to_value(),
                block.hash.to_value(),
                block.height.to_value(),
                event.transaction_index.to_value(),
                event.index.to_value(),
                event.source.to_value(),
                event.topic.to_value(),
                event.body.to_value(),
            ]
        })
        .collect()
}

/// Store chain events with their block.
pub(crate) fn insert_events(tx: &mut Unbound<'_, '_>, rows: &[Vec<Value<'_>>]) -> Result<()> {
    tx.execute_rows(
        "INSERT INTO chain_event (chain, tx_id, path, block_hash, height, tx_index, event_index, source, topic, body, intake, reverted)
         {rows}",
        (),
        &with_intake(rows, ""),
    )?;
    Ok(())
}

/// The events of a block that came back are valid again.
pub(crate) fn revive_events(tx: &mut Unbound<'_, '_>, chain: &ChainId, block_hash: &str) -> Result<u64> {
    tx.execute("UPDATE chain_event SET reverted = 0 WHERE chain = ?1 AND block_hash = ?2", (chain, block_hash))
}

/// Which of these blocks were stored before.
pub(crate) fn known_blocks(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    blocks: &[&Block],
) -> Result<std::collections::BTreeSet<String>> {
    let rows: Vec<(&String,)> = blocks.iter().map(|block| (&block.hash,)).collect();
    let known: Vec<(String,)> = tx.query_rows(
        "WITH n(h) AS ({rows}) SELECT hash FROM block JOIN n ON hash = n.h WHERE chain = ?1",
        (chain,),
        &rows,
    )?;
    Ok(known.into_iter().map(|(hash,)| hash).collect())
}

fn with_intake<'a>(rows: &[Vec<Value<'a>>], intake: &'a str) -> Vec<Vec<Value<'a>>> {
    let behind = [Value::Text(intake.into()), Value::Int(0)];
    rows.iter().map(|row| row.iter().chain(&behind).cloned().collect()).collect()
}

/// Store chain events that were not kept when their block was read first; the indexes of those that were missing.
pub(crate) fn insert_missing_events(
    tx: &mut Unbound<'_, '_>,
    rows: &[Vec<Value<'_>>],
    intake: &str,
) -> Result<Vec<(u32,)>> {
    tx.query_rows(
        "INSERT INTO chain_event (chain, tx_id, path, block_hash, height, tx_index, event_index, source, topic, body, intake, reverted)
         {rows} ON CONFLICT (chain, block_hash, event_index) DO NOTHING RETURNING event_index",
        (),
        &with_intake(rows, intake),
    )
}

/// Store transactions of watched signers.
pub(crate) fn insert_included(tx: &mut Unbound<'_, '_>, block: &Block, included: &[Included]) -> Result<()> {
    let rows: Vec<_> = included
        .iter()
        .flat_map(|one| one.witnesses.iter().map(move |witness| (one, witness)))
        .map(|(one, witness)| {
            let fixed = (&block.chain, witness, &block.hash, &one.transaction, &one.signer, block.height);
            (
                fixed.0,
                fixed.1,
                fixed.2,
                fixed.3,
                fixed.4,
                fixed.5,
                one.index,
                status_text(one.status),
                one.fee,
                &one.created,
                false,
            )
        })
        .collect();
    tx.execute_rows(
        "INSERT INTO chain_included (chain, witness, block_hash, tx_id, signer, height, tx_index, status, fee, created, reverted)
         {rows} ON CONFLICT (chain, witness, block_hash) DO UPDATE SET reverted = 0",
        (),
        &rows,
    )?;
    Ok(())
}

fn status_text(status: Status) -> &'static str {
    match status {
        Status::Succeeded => "succeeded",
        Status::Reverted => "reverted",
    }
}

/// The canonical block of this hash, if it is one: its height.
pub(crate) fn canonical_height(tx: &mut Unbound<'_, '_>, chain: &ChainId, hash: &str) -> Result<Option<Height>> {
    let row: Option<(Height,)> =
        tx.row("SELECT height FROM block WHERE chain = ?1 AND hash = ?2 AND canonical = 1", (chain, hash))?;
    Ok(row.map(|(height,)| height))
}

/// The hash of the canonical block at a height.
pub(crate) fn canonical_hash(tx: &mut Unbound<'_, '_>, chain: &ChainId, height: Height) -> Result<Option<String>> {
    let row: Option<(String,)> =
        tx.row("SELECT hash FROM block WHERE chain = ?1 AND height = ?2 AND canonical = 1", (chain, height))?;
    Ok(row.map(|(hash,)| hash))
}

/// Canonical blocks from a height on, oldest first.
pub(crate) fn blocks_from(tx: &mut Unbound<'_, '_>, chain: &ChainId, from: Height, limit: u32) -> Result<Vec<Dropped>> {
    let rows: Vec<(Height, String)> = tx.rows(
        "SELECT height, hash FROM block WHERE chain = ?1 AND height >= ?2 AND canonical = 1 ORDER BY height LIMIT ?3",
        (chain, from, limit),
    )?;
    Ok(rows.into_iter().map(|(height, hash)| Dropped { chain: chain.clone(), height, hash }).collect())
}

/// Mark everything from a height on as reverted.
pub(crate) fn revert_from(tx: &mut Unbound<'_, '_>, chain: &ChainId, first: Height) -> Result<()> {
    tx.execute("UPDATE block SET canonical = 0 WHERE chain = ?1 AND height >= ?2 AND canonical = 1", (chain, first))?;
    tx.execute(
        "UPDATE chain_event SET reverted = 1 WHERE chain = ?1 AND height >= ?2 AND reverted = 0",
        (chain, first),
    )?;
    tx.execute(
        "UPDATE chain_included SET reverted = 1 WHERE chain = ?1 AND height >= ?2 AND reverted = 0",
        (chain, first),
    )?;
    Ok(())
}

const EVENTS: &str = "SELECT e.tx_id, e.path, e.block_hash, e.height, e.tx_index, e.event_index, e.source, e.topic, e.body, \
     e.reverted, b.time FROM chain_event e JOIN block b ON b.chain = e.chain AND b.hash = e.block_hash";

fn stored_event(chain: &ChainId, row: Row) -> Result<StoredEvent> {
    type Columns = (String, String, String, Height, u32, u32, String, String, String, bool, Time);
    let (transaction, path, block_hash, height, transaction_index, index, source, topic, body, reverted, block_time) =
        Columns::from_row(row)?;
    let event = ChainEvent { transaction, path, transaction_index, index, source, topic, body };
    Ok(StoredEvent { chain: chain.clone(), block_hash, height, block_time, event, reverted })
}

/// The events of a block, in order, behind an index.
pub(crate) fn events_in(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    block_hash: &str,
    after: i64,
    limit: u32,
) -> Result<Vec<StoredEvent>> {
    let sql = format!(
        "{EVENTS} WHERE e.chain = ?1 AND e.block_hash = ?2 AND e.event_index > ?3 ORDER BY e.event_index LIMIT ?4"
    );
    let rows: Vec<Row> = tx.rows(&sql, (chain, block_hash, after, limit))?;
    rows.into_iter().map(|row| stored_event(chain, row)).collect()
}

/// Valid events behind a cursor and up to a height that a filter lets through, in chain order.
pub(crate) fn events_through(
    tx: &mut Unbound<'_, '_>,
    filter: &EventFilter,
    after: Cursor,
    through: Height,
    limit: u32,
) -> Result<Vec<StoredEvent>> {
    let mut params: Vec<Value<'_>> = vec![
        store::ToValue::to_value(&filter.chain),
        Value::Int(after.height.stored()),
        Value::Int(after.index),
        Value::Int(through.stored()),
        Value::Int(i64::from(limit)),
    ];
    let mut sql = format!(
        "{EVENTS} WHERE e.chain = ?1 AND e.reverted = 0 AND e.height <= ?4
           AND (e.height > ?2 OR (e.height = ?2 AND e.event_index > ?3))"
    );
    for (column, values) in [("e.source", &filter.sources), ("e.topic", &filter.topics)] {
        if !values.is_empty() {
            let marks: Vec<String> = (0..values.len()).map(|place| format!("?{}", params.len() + place + 1)).collect();
            sql.push_str(&format!(" AND {column} IN ({})", marks.join(", ")));
            params.extend(values.iter().map(|value| Value::Text(value.as_str().into())));
        }
    }
    sql.push_str(" ORDER BY e.height, e.event_index LIMIT ?5");
    let rows: Vec<Row> = tx.rows(&sql, params)?;
    rows.into_iter().map(|row| stored_event(&filter.chain, row)).collect()
}

const INCLUDED: &str =
    "SELECT witness, tx_id, signer, block_hash, height, status, fee, created, reverted FROM chain_included";

fn stored_included(row: Row) -> Result<StoredIncluded> {
    type Columns = (Witness, String, String, String, Height, String, types::Amount, Option<String>, bool);
    let (witness, transaction, signer, block_hash, height, status, fee, created, reverted) = Columns::from_row(row)?;
    let status = if status == "succeeded" { Status::Succeeded } else { Status::Reverted };
    Ok(StoredIncluded { witness, transaction, signer, block_hash, height, status, fee, created, reverted })
}

/// Transactions of watched signers in a block.
pub(crate) fn included_in(tx: &mut Unbound<'_, '_>, chain: &ChainId, block_hash: &str) -> Result<Vec<StoredIncluded>> {
    let sql = format!("{INCLUDED} WHERE chain = ?1 AND block_hash = ?2 ORDER BY tx_index, witness");
    let rows: Vec<Row> = tx.rows(&sql, (chain, block_hash))?;
    rows.into_iter().map(stored_included).collect()
}

/// Valid transactions of watched signers above a height and up to another, in chain order.
pub(crate) fn included_between(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    above: Option<Height>,
    through: Height,
) -> Result<Vec<StoredIncluded>> {
    let sql = format!(
        "{INCLUDED} WHERE chain = ?1 AND reverted = 0 AND height > ?2 AND height <= ?3 ORDER BY height, tx_index, witness"
    );
    let above = above.map_or(-1, Height::stored);
    let rows: Vec<Row> = tx.rows(&sql, (chain, above, through))?;
    rows.into_iter().map(stored_included).collect()
}

/// The valid transactions that used up these things.
pub(crate) fn included(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    witnesses: &[Witness],
) -> Result<Vec<StoredIncluded>> {
    let rows: Vec<(&Witness,)> = witnesses.iter().map(|witness| (witness,)).collect();
    let found: Vec<Row> = tx.query_rows(
        "WITH n(w) AS ({rows}) SELECT witness, tx_id, signer, block_hash, height, status, fee, created, reverted
           FROM chain_included JOIN n ON witness = n.w WHERE chain = ?1 AND reverted = 0",
        (chain,),
        &rows,
    )?;
    found.into_iter().map(stored_included).collect()
}

/// Everything that is watched on a chain, by whatever namespace.
pub(crate) fn watched(tx: &mut Unbound<'_, '_>, chain: &ChainId) -> Result<Vec<(String, String)>> {
    tx.rows("SELECT DISTINCT kind, value FROM chain_watch WHERE chain = ?1", (chain,))
}

/// Watch more, for a namespace.
pub(crate) fn watch(tx: &mut Tx<'_, '_>, chain: &ChainId, kind: &str, values: &[String]) -> Result<u64> {
    let now = tx.now();
    let rows: Vec<_> = values.iter().map(|value| (chain, kind, value, now)).collect();
    tx.execute_rows(
        "INSERT INTO chain_watch (namespace, chain, kind, value, since) {ns_rows} ON CONFLICT DO NOTHING",
        (),
        &rows,
    )
}

/// The scopes of a chain, of every namespace.
pub(crate) fn chain_scopes(tx: &mut Unbound<'_, '_>, chain: &ChainId) -> Result<Vec<Scope>> {
    let rows: Vec<Row> = tx.rows(
        "SELECT namespace, projection, source, next_height, level, quarantined, version FROM projection_scope
          WHERE chain = ?1 ORDER BY namespace, projection, source",
        (chain,),
    )?;
    rows.into_iter().map(|row| scope(chain, row)).collect()
}

/// The scopes of a namespace.
pub(crate) fn namespace_scopes(tx: &mut Tx<'_, '_>, chain: &ChainId) -> Result<Vec<Scope>> {
    let rows: Vec<Row> = tx.rows(
        "SELECT namespace, projection, source, next_height, level, quarantined, version FROM projection_scope
          WHERE namespace = ?ns AND chain = ?1 ORDER BY projection, source",
        (chain,),
    )?;
    rows.into_iter().map(|row| scope(chain, row)).collect()
}

fn scope(chain: &ChainId, row: Row) -> Result<Scope> {
    type Columns = (Namespace, String, String, Height, bool, Option<String>, i64);
    let (namespace, projection, source, next, level, quarantined, version) = Columns::from_row(row)?;
    Ok(Scope { namespace, projection, chain: chain.clone(), source, next, level, quarantined, version })
}

/// Begin a scope; false if it is there.
pub(crate) fn insert_scope(tx: &mut Tx<'_, '_>, scope: &Scope) -> Result<bool> {
    let inserted = tx.execute(
        "INSERT INTO projection_scope (namespace, projection, chain, source, next_height, level, quarantined, version)
         VALUES (?ns, ?1, ?2, ?3, ?4, ?5, NULL, 1) ON CONFLICT DO NOTHING",
        (&scope.projection, &scope.chain, &scope.source, scope.next, scope.level),
    )?;
    Ok(inserted == 1)
}

/// End a scope; what it was, if there was one.
pub(crate) fn delete_scope(
    tx: &mut Tx<'_, '_>,
    projection: &str,
    chain: &ChainId,
    source: &str,
) -> Result<Option<Scope>> {
    let row: Option<Row> = tx.row(
        "DELETE FROM projection_scope WHERE namespace = ?ns AND projection = ?1 AND chain = ?2 AND source = ?3
         RETURNING namespace, projection, source, next_height, level, quarantined, version + 1",
        (projection, chain, source),
    )?;
    row.map(|row| scope(chain, row)).transpose()
}

/// Move a scope on; false if it was ended or moved meanwhile.
pub(crate) fn move_scope(tx: &mut Unbound<'_, '_>, scope: &Scope, next: Height, level: bool) -> Result<bool> {
    let moved = tx.execute(
        "UPDATE projection_scope SET next_height = ?5, level = ?6, version = version + 1
          WHERE namespace = ?1 AND projection = ?2 AND chain = ?3 AND source = ?4 AND version = ?7",
        (&scope.namespace, &scope.projection, &scope.chain, &scope.source, next, level, scope.version),
    )?;
    Ok(moved == 1)
}

/// Scopes that had gone further than a height go on behind it.
pub(crate) fn rewind_scopes(tx: &mut Unbound<'_, '_>, chain: &ChainId, next: Height) -> Result<()> {
    tx.execute(
        "UPDATE projection_scope SET next_height = ?2, version = version + 1 WHERE chain = ?1 AND next_height > ?2",
        (chain, next),
    )?;
    Ok(())
}
