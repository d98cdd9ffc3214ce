//! What comes in with blocks: their rows, and the facts that stand for the rows.

use crate::commit::follower;
use crate::event::{self, BlockPayload, Dropped};
use crate::table;
use store::{Batch, Fact, Result, Unbound, Value};
use types::{Block, ChainId, Namespace, Ulid};

/// A block with the rows that are to be stored of it.
struct Kept<'b> {
    block: &'b Block,
    events: Vec<Vec<Value<'b>>>,
    included: Vec<Vec<Value<'b>>>,
}

/// Store blocks as canonical with what happened in them, and say so in their order. The facts carry
/// the cursor's next `version`: a block that comes back has a higher one than it had before.
pub(crate) fn keep(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    blocks: &[&Block],
    version: i64,
) -> Result<()> {
    let returning = table::block::known(tx, chain, blocks)?;
    table::block::insert(tx, blocks)?;
    let (mut events, mut included) = (Vec::new(), Vec::new());
    for block in blocks
        .iter()
        .filter(|block| !returning.contains(&block.hash))
    {
        events.extend(table::event::rows(block));
        included.extend(table::included::rows(block));
    }
    table::event::insert(tx, &events)?;
    table::included::insert(tx, &included)?;
    for block in blocks {
        if returning.contains(&block.hash) {
            keep_again(tx, block, version)?;
        } else {
            let (events, included) = (table::event::rows(block), table::included::rows(block));
            tell(
                tx,
                Kept {
                    block,
                    events,
                    included,
                },
                block.events.len() as u64,
                "",
                version,
            );
        }
    }
    Ok(())
}

/// A block that was canonical before is so again: its rows stand under their first facts; what is
/// watched since then is added.
fn keep_again(tx: &mut Unbound<'_, '_>, block: &Block, version: i64) -> Result<()> {
    let known = table::event::revive(tx, &block.chain, &block.hash)?;
    table::included::revive(tx, &block.chain, &block.hash)?;
    let intake = new_intake(tx);
    let events = missing_events(tx, block, &intake)?;
    let rows = table::included::rows(block);
    let added = table::included::insert_missing(tx, &rows, &intake)?;
    let is_added = |row: &Vec<Value<'_>>| matches!(&row[1], Value::Text(witness) if added.iter().any(|one| one.as_str() == witness));
    let included = rows.into_iter().filter(is_added).collect();
    let count = known + events.len() as u64;
    table::block::count(
        tx,
        &block.chain,
        &block.hash,
        count,
        block.included.len() as u64,
    )?;
    tell(
        tx,
        Kept {
            block,
            events,
            included,
        },
        count,
        &intake,
        version,
    );
    Ok(())
}

/// Store the events of a canonical block that were not kept at the time, with a fact for them.
pub(crate) fn keep_late(tx: &mut Unbound<'_, '_>, block: &Block, source: &str) -> Result<()> {
    let intake = new_intake(tx);
    let added = missing_events(tx, block, &intake)?;
    if added.is_empty() {
        return Ok(());
    }
    let batch = event_batch(block, &intake, &added);
    let said = serde_json::json!({ "chain": block.chain, "hash": block.hash, "source": source, "batch": batch });
    let fact = Fact::new("chain.events_added", 1);
    let fact = fact
        .about(
            &format!("events:{}/{}/{intake}", block.chain, block.hash),
            1,
        )
        .by(&follower())
        .says(&said);
    tx.append(&Namespace::installation(), fact);
    Ok(())
}

/// Under which what was not kept with its block is found again. It is never used twice, or a batch
/// would grow behind its fact.
fn new_intake(tx: &mut Unbound<'_, '_>) -> String {
    let now = tx.now();
    Ulid::new(now, tx.entropy()).to_string()
}

fn missing_events<'b>(
    tx: &mut Unbound<'_, '_>,
    block: &'b Block,
    intake: &str,
) -> Result<Vec<Vec<Value<'b>>>> {
    let rows = table::event::rows(block);
    let added = table::event::insert_missing(tx, &rows, intake)?;
    Ok(rows
        .into_iter()
        .zip(&block.events)
        .filter(|(_, event)| added.contains(&event.index))
        .map(|(row, _)| row)
        .collect())
}

fn tell(tx: &mut Unbound<'_, '_>, kept: Kept<'_>, event_count: u64, intake: &str, version: i64) {
    let (block, version) = (kept.block, u64::try_from(version).unwrap_or(0));
    let named = Dropped {
        chain: block.chain.clone(),
        height: block.height,
        hash: block.hash.clone(),
    };
    let batch = event_batch(block, intake, &kept.events);
    let payload = BlockPayload {
        block: named,
        event_count,
        included_count: block.included.len() as u64,
        batch,
    };
    let fact =
        Fact::new(event::BLOCK, 1).about(&format!("block:{}/{}", block.chain, block.hash), version);
    tx.append(
        &Namespace::installation(),
        fact.by(&follower()).says(&payload),
    );
    if let Some(batch) = included_batch(block, intake, &kept.included) {
        let said = serde_json::json!({ "chain": block.chain, "hash": block.hash, "batch": batch });
        let fact = Fact::new("chain.included", 1)
            .about(&format!("included:{}/{}", block.chain, block.hash), version);
        tx.append(&Namespace::installation(), fact.by(&follower()).says(&said));
    }
}

fn event_batch(block: &Block, intake: &str, rows: &[Vec<Value<'_>>]) -> Option<Batch> {
    let batch = || {
        Batch::of(
            "chain_event",
            &table::event::COLUMNS,
            &key(block, intake),
            &["event_index"],
            rows,
        )
    };
    (!rows.is_empty()).then(batch)
}

fn included_batch(block: &Block, intake: &str, rows: &[Vec<Value<'_>>]) -> Option<Batch> {
    let batch = || {
        Batch::of(
            "chain_included",
            &table::included::COLUMNS,
            &key(block, intake),
            &["witness"],
            rows,
        )
    };
    (!rows.is_empty()).then(batch)
}

fn key(block: &Block, intake: &str) -> [(&'static str, serde_json::Value); 3] {
    [
        ("chain", serde_json::json!(block.chain)),
        ("block_hash", serde_json::json!(block.hash)),
        ("intake", serde_json::json!(intake)),
    ]
}
