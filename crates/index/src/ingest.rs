//! Stores the rows of incoming blocks, and the facts that cover them.

use crate::event::{self, BlockId, BlockPayload, system};
use crate::table;
use store::{Batch, Fact, Result, UnscopedTx, Value};
use types::{Block, ChainId, Namespace, Ulid};

/// The rows stored for a block, which its facts cover.
struct BlockRows<'b> {
    block: &'b Block,
    events: Vec<Vec<Value<'b>>>,
    inclusions: Vec<Vec<Value<'b>>>,
}

/// Stores blocks as canonical, with their events and inclusions, and appends their facts in order.
/// The facts carry the cursor's next `version`, so that a block that returns after a
/// reorganization has a higher version than before.
pub(crate) fn ingest(
    tx: &mut UnscopedTx,
    chain: &ChainId,
    blocks: &[&Block],
    version: u64,
) -> Result<()> {
    let returning = table::block::known(tx, chain, blocks)?;
    table::block::insert(tx, blocks)?;
    let (mut events, mut inclusions) = (Vec::new(), Vec::new());
    for block in blocks
        .iter()
        .filter(|block| !returning.contains(&block.hash))
    {
        events.extend(table::event::rows(block));
        inclusions.extend(table::inclusion::rows(block));
    }
    table::event::insert(tx, &events)?;
    table::inclusion::insert(tx, &inclusions)?;
    for block in blocks {
        if returning.contains(&block.hash) {
            ingest_returning(tx, block, version)?;
        } else {
            let (events, inclusions) = (table::event::rows(block), table::inclusion::rows(block));
            append_block_facts(
                tx,
                BlockRows {
                    block,
                    events,
                    inclusions,
                },
                block.events.len() as u64,
                "",
                version,
            );
        }
    }
    Ok(())
}

/// A block that was canonical before is canonical again. Its old rows are valid again under their
/// first facts; rows that are watched only since then are added with facts of their own.
fn ingest_returning(tx: &mut UnscopedTx, block: &Block, version: u64) -> Result<()> {
    let revived = table::event::revive(tx, block)?;
    table::inclusion::revive(tx, block)?;
    let ingest_id = new_ingest_id(tx);
    let events = insert_missing_events(tx, block, &ingest_id)?;
    let rows = table::inclusion::rows(block);
    let added = table::inclusion::insert_missing(tx, &rows, &ingest_id)?;
    let is_added = |row: &Vec<Value<'_>>| {
        matches!(&row[1], Value::Text(replay_key)
            if added.iter().any(|added| added.as_str() == replay_key))
    };
    let inclusions = rows.into_iter().filter(is_added).collect();
    let event_count = revived + events.len() as u64;
    table::block::set_counts(tx, block, event_count, block.inclusions.len() as u64)?;
    append_block_facts(
        tx,
        BlockRows {
            block,
            events,
            inclusions,
        },
        event_count,
        &ingest_id,
        version,
    );
    Ok(())
}

/// Stores the events of a canonical block that were not watched when it was ingested, with a fact
/// that covers them.
pub(crate) fn ingest_late(tx: &mut UnscopedTx, block: &Block, source: &str) -> Result<()> {
    let ingest_id = new_ingest_id(tx);
    let added = insert_missing_events(tx, block, &ingest_id)?;
    if added.is_empty() {
        return Ok(());
    }
    let batch = event_batch(block, &ingest_id, &added);
    let payload = serde_json::json!({
        "chain": block.chain, "hash": block.hash, "source": source, "batch": batch,
    });
    let subject = format!("events:{}/{}/{ingest_id}", block.chain, block.hash);
    append(tx, "chain.events_added", &subject, 1, &payload);
    Ok(())
}

/// The id of a group of rows that is added to a stored block. Never reused: rows added to an
/// existing group would not be covered by the group's fact.
fn new_ingest_id(tx: &mut UnscopedTx) -> String {
    let now = tx.now();
    Ulid::new(now, tx.entropy()).to_string()
}

/// Inserts the events of a block that are not stored yet. Returns their rows.
fn insert_missing_events<'b>(
    tx: &mut UnscopedTx,
    block: &'b Block,
    ingest_id: &str,
) -> Result<Vec<Vec<Value<'b>>>> {
    let rows = table::event::rows(block);
    let added = table::event::insert_missing(tx, &rows, ingest_id)?;
    Ok(rows
        .into_iter()
        .zip(&block.events)
        .filter(|(_, event)| added.contains(&event.index))
        .map(|(row, _)| row)
        .collect())
}

fn append_block_facts(
    tx: &mut UnscopedTx,
    rows: BlockRows<'_>,
    event_count: u64,
    ingest_id: &str,
    version: u64,
) {
    let block = rows.block;
    let block_id = BlockId {
        chain: block.chain,
        height: block.height,
        hash: block.hash.clone(),
    };
    let batch = event_batch(block, ingest_id, &rows.events);
    let payload = BlockPayload {
        block: block_id,
        event_count,
        inclusion_count: block.inclusions.len() as u64,
        batch,
    };
    let subject = format!("block:{}/{}", block.chain, block.hash);
    append(tx, event::BLOCK, &subject, version, &payload);
    if let Some(batch) = inclusion_batch(block, ingest_id, &rows.inclusions) {
        let payload =
            serde_json::json!({ "chain": block.chain, "hash": block.hash, "batch": batch });
        let subject = format!("included:{}/{}", block.chain, block.hash);
        append(tx, "chain.included", &subject, version, &payload);
    }
}

fn append(
    tx: &mut UnscopedTx,
    kind: &'static str,
    subject: &str,
    version: u64,
    payload: &impl serde::Serialize,
) {
    let fact = Fact::new(kind, 1)
        .subject(&subject, version)
        .actor(&system())
        .payload(payload);
    tx.append(&Namespace::installation(), fact);
}

fn event_batch(block: &Block, ingest_id: &str, rows: &[Vec<Value<'_>>]) -> Option<Batch> {
    let key = batch_key(block, ingest_id);
    let batch = || {
        Batch::new(
            "chain_event",
            &table::event::COLUMNS,
            &key,
            &["event_index"],
            rows,
        )
    };
    (!rows.is_empty()).then(batch)
}

fn inclusion_batch(block: &Block, ingest_id: &str, rows: &[Vec<Value<'_>>]) -> Option<Batch> {
    let key = batch_key(block, ingest_id);
    let columns = &table::inclusion::COLUMNS;
    let batch = || Batch::new("chain_inclusion", columns, &key, &["replay_key"], rows);
    (!rows.is_empty()).then(batch)
}

fn batch_key(block: &Block, ingest_id: &str) -> [(&'static str, serde_json::Value); 3] {
    [
        ("chain", serde_json::json!(block.chain)),
        ("block_hash", serde_json::json!(block.hash)),
        ("ingest_id", serde_json::json!(ingest_id)),
    ]
}
