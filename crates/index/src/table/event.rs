//! Chain events.

use super::{insert_missing_sql, insert_rows, with_ingest_id};
use crate::event::{EventCursor, EventFilter, StoredEvent};
use std::collections::BTreeSet;
use store::{Result, ToValue as _, UnscopedTx, Value};
use types::{Block, ChainEvent, ChainId, Height, Time};

/// The immutable columns, in the order in which the fact's root covers them.
pub(crate) const COLUMNS: [&str; 10] = [
    "chain",
    "tx_id",
    "path",
    "block_hash",
    "height",
    "tx_index",
    "event_index",
    "source",
    "topic",
    "body",
];

/// The rows of a block's events, as inserted and as covered by the block's fact.
pub(crate) fn rows(block: &Block) -> Vec<Vec<Value<'_>>> {
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

/// Stores chain events with their block.
pub(crate) fn insert(tx: &mut UnscopedTx, rows: &[Vec<Value<'_>>]) -> Result<()> {
    insert_rows(tx, "chain_event", &COLUMNS, rows)
}

/// Unmarks the events of a block that is canonical again. Returns their number.
pub(crate) fn revive(tx: &mut UnscopedTx, block: &Block) -> Result<u64> {
    tx.execute(
        "UPDATE chain_event SET reverted = 0 WHERE chain = ?1 AND block_hash = ?2",
        (block.chain, &block.hash),
    )
}

/// Stores chain events that were not watched yet when their block was ingested. Returns the indexes
/// of the added events.
pub(crate) fn insert_missing(
    tx: &mut UnscopedTx,
    rows: &[Vec<Value<'_>>],
    ingest_id: &str,
) -> Result<BTreeSet<u32>> {
    let sql = insert_missing_sql("chain_event", &COLUMNS, "event_index");
    let added: Vec<(u32,)> = tx.query_rows(&sql, (), &with_ingest_id(rows, ingest_id))?;
    Ok(added.into_iter().map(|(index,)| index).collect())
}

/// An event with the time of its block.
#[derive(store::Record)]
struct Row {
    chain: ChainId,
    tx_id: String,
    path: String,
    block_hash: String,
    height: Height,
    tx_index: u32,
    event_index: u32,
    source: String,
    topic: String,
    body: String,
    reverted: bool,
    block_time: Time,
}

const EVENTS: &str = "SELECT e.chain, e.tx_id, e.path, e.block_hash, e.height, e.tx_index, e.event_index, e.source, e.topic, \
     e.body, e.reverted, b.time FROM chain_event e JOIN block b ON b.chain = e.chain AND b.hash = e.block_hash";

impl From<Row> for StoredEvent {
    fn from(row: Row) -> Self {
        Self {
            chain: row.chain,
            block_hash: row.block_hash,
            height: row.height,
            block_time: row.block_time,
            event: ChainEvent {
                transaction: row.tx_id,
                path: row.path,
                transaction_index: row.tx_index,
                index: row.event_index,
                source: row.source,
                topic: row.topic,
                body: row.body,
            },
            reverted: row.reverted,
        }
    }
}

/// The events of one block, in order, after an event index (-1 for all). Includes reverted blocks.
pub fn events_in_block(
    tx: &mut UnscopedTx,
    chain: &ChainId,
    block_hash: &str,
    after: i64,
    limit: u32,
) -> Result<Vec<StoredEvent>> {
    let sql = format!(
        "{EVENTS} WHERE e.chain = ?1 AND e.block_hash = ?2 AND e.event_index > ?3 ORDER BY e.event_index LIMIT ?4"
    );
    let rows: Vec<Row> = tx.rows(&sql, (chain, block_hash, after, limit))?;
    Ok(rows.into_iter().map(StoredEvent::from).collect())
}

/// Canonical events after a cursor, up to and including a height (the final watermark, or the
/// head), in chain order.
pub fn events_through(
    tx: &mut UnscopedTx,
    filter: &EventFilter,
    after: EventCursor,
    through: Height,
    limit: u32,
) -> Result<Vec<StoredEvent>> {
    let mut params: Vec<Value<'_>> = vec![
        filter.chain.to_value(),
        after.height.to_value(),
        after.index.to_value(),
        through.to_value(),
        limit.to_value(),
    ];
    let mut sql = format!(
        "{EVENTS} WHERE e.chain = ?1 AND e.reverted = 0 AND e.height >= ?2 AND e.height <= ?4
           AND (e.height > ?2 OR e.event_index > ?3)"
    );
    for (column, values) in [("e.source", &filter.sources), ("e.topic", &filter.topics)] {
        if !values.is_empty() {
            let placeholders: Vec<String> = (0..values.len())
                .map(|index| format!("?{}", params.len() + index + 1))
                .collect();
            sql.push_str(&format!(" AND {column} IN ({})", placeholders.join(", ")));
            params.extend(values.iter().map(|value| value.to_value()));
        }
    }
    sql.push_str(" ORDER BY e.height, e.event_index LIMIT ?5");
    let rows: Vec<Row> = tx.rows(&sql, params)?;
    Ok(rows.into_iter().map(StoredEvent::from).collect())
}
