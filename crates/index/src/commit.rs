//! The committer: blocks, events, projections, cursor, watermark and facts in one transaction; and its reverse.

use crate::event::{self, BlockPayload, Dropped, FinalMoved, ReorgPayload};
use crate::finality::Candidate;
use crate::read::Status;
use crate::scope::Scope;
use crate::state::{self, Tip};
use crate::{Applied, Projection, Work, table};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Batch, Fact, Result, Unbound};
use types::{Height, Namespace, Principal};

/// Who the facts of a chain are by.
pub(crate) fn follower() -> Principal {
    Principal::system("index", Namespace::installation())
}

/// Append blocks that build on the tip, and move the watermark. What the cursor is then.
pub(crate) fn extend(
    tx: &mut Unbound<'_, '_>,
    projections: &[Arc<dyn Projection>],
    mut status: Status,
    work: &[Work],
    candidate: &Candidate,
) -> Result<Status> {
    let blocks: Vec<&types::Block> = work.iter().map(|one| &one.block).collect();
    let returning = table::known_blocks(tx, &status.chain, &blocks)?;
    table::insert_blocks(tx, &blocks)?;
    for block in &blocks {
        let fact =
            if returning.contains(&block.hash) { keep_again(tx, block, status.version + 1)? } else { keep(tx, block)? };
        tx.append(&Namespace::installation(), fact);
        table::insert_included(tx, block, &block.included)?;
    }
    let scopes: Vec<Scope> = table::chain_scopes(tx, &status.chain)?.into_iter().filter(|scope| scope.level).collect();
    for projection in projections {
        let applied = share(projection.name(), &scopes, work);
        if !applied.is_empty() {
            projection.apply(tx, &applied)?;
        }
    }
    if let Some(last) = blocks.last() {
        status.head = Some(Tip { height: last.height, hash: last.hash.clone() });
    }
    finish(tx, status, candidate)
}

/// Store the events of a new block.
fn keep(tx: &mut Unbound<'_, '_>, block: &types::Block) -> Result<Fact> {
    let rows = table::event_rows(block);
    table::insert_events(tx, &rows)?;
    Ok(block_fact(block, event_batch(block, &rows, "")))
}

/// A block that was canonical before is so again: its rows stand under their first fact; what is watched since then is added.
fn keep_again(tx: &mut Unbound<'_, '_>, block: &types::Block, version: i64) -> Result<Fact> {
    table::revive_events(tx, &block.chain, &block.hash)?;
    let intake = format!("again/{version}");
    let added = insert_missing(tx, block, &intake)?;
    Ok(block_fact(block, event_batch(block, &added, &intake)))
}

/// Store the events of a block that are not there yet; their rows.
pub(crate) fn insert_missing<'b>(
    tx: &mut Unbound<'_, '_>,
    block: &'b types::Block,
    intake: &str,
) -> Result<Vec<Vec<store::Value<'b>>>> {
    let rows = table::event_rows(block);
    let added = table::insert_missing_events(tx, &rows, intake)?;
    let missing = |event: &types::ChainEvent| added.contains(&(event.index,));
    Ok(rows.into_iter().zip(&block.events).filter(|(_, event)| missing(event)).map(|(row, _)| row).collect())
}

/// What of the blocks concerns each namespace, by its scopes of a projection.
pub(crate) fn share(projection: &str, scopes: &[Scope], work: &[Work]) -> Vec<Applied> {
    let mut by_namespace: BTreeMap<&Namespace, Vec<&Scope>> = BTreeMap::new();
    for scope in scopes.iter().filter(|scope| scope.projection == projection && scope.quarantined.is_none()) {
        by_namespace.entry(&scope.namespace).or_default().push(scope);
    }
    by_namespace
        .into_iter()
        .map(|(namespace, scopes)| Applied {
            namespace: namespace.clone(),
            work: work.iter().filter_map(|one| covered(&scopes, one)).collect(),
        })
        .filter(|applied| !applied.work.is_empty())
        .collect()
}

fn covered(scopes: &[&Scope], work: &Work) -> Option<Work> {
    let transfers: Vec<_> =
        work.transfers.iter().filter(|transfer| scopes.iter().any(|scope| scope.covers(transfer))).cloned().collect();
    // A projection needs the block's name, not its raw events.
    let block = types::Block { events: Vec::new(), included: Vec::new(), ..work.block.clone() };
    (!transfers.is_empty()).then_some(Work { block, transfers })
}

/// Take away every block above the one that is common, and all that was made of them; without one, every block.
pub(crate) fn rewind(
    tx: &mut Unbound<'_, '_>,
    projections: &[Arc<dyn Projection>],
    mut status: Status,
    common: Option<Tip>,
) -> Result<Status> {
    let first_dropped = common.as_ref().map_or(status.first, |common| common.height.next());
    let dropped = table::blocks_from(tx, &status.chain, first_dropped, u32::MAX)?.into_iter().rev().collect::<Vec<_>>();
    projections.iter().try_for_each(|projection| projection.undo(tx, &dropped))?;
    table::revert_from(tx, &status.chain, first_dropped)?;
    table::rewind_scopes(tx, &status.chain, first_dropped)?;
    if status.finalized.as_ref().is_some_and(|finalized| finalized.height >= first_dropped) {
        status.finalized = common.clone(); // only an operator's word leads here: what was called final was not
    }
    (status.head, status.rewind_to) = (common, None);
    let version = status.version + 1;
    let fact = about(event::REORG, &status, version).says(&ReorgPayload { dropped });
    tx.append(&Namespace::installation(), fact);
    finish(tx, status, &Candidate::default())
}

/// Halt the chain: no new block, no new nonce, until an operator resumes it.
pub(crate) fn halt(tx: &mut Unbound<'_, '_>, mut status: Status, reason: &str) -> Result<Status> {
    status.halted = Some(reason.to_owned());
    let fact = about("chain.halted", &status, status.version + 1).says(&serde_json::json!({ "reason": reason }));
    tx.append(&Namespace::installation(), fact);
    finish(tx, status, &Candidate::default())
}

/// Move the watermark as far as the candidate allows, and write the cursor.
pub(crate) fn finish(tx: &mut Unbound<'_, '_>, mut status: Status, candidate: &Candidate) -> Result<Status> {
    if let Some(through) = movable(&status, candidate)
        && let Some(hash) = agreed(tx, &status, through, candidate)?
    {
        let above = status.finalized.as_ref().map(|before| before.height);
        status.finalized = Some(Tip { height: through, hash: hash.clone() });
        let moved = FinalMoved { chain: status.chain.clone(), above, through, hash };
        let fact = about(event::FINAL, &status, status.version + 1).says(&moved);
        tx.append(&Namespace::installation(), fact);
    }
    if !table::put_cursor(tx, &status)? {
        return Err(store::Error::Contended { attempts: 1 });
    }
    status.version += 1;
    Ok(status)
}

/// Where the watermark would move, if it does.
pub(crate) fn movable(status: &Status, candidate: &Candidate) -> Option<Height> {
    let tip = status.head.as_ref()?;
    let before = status.finalized.as_ref().map(|before| before.height);
    state::watermark(before, candidate.height, status.first, tip.height).filter(|through| Some(*through) != before)
}

/// The hash of our block at the new watermark, unless the chain named another block than ours as settled.
fn agreed(tx: &mut Unbound<'_, '_>, status: &Status, through: Height, candidate: &Candidate) -> Result<Option<String>> {
    if let Some(named) = &candidate.named
        && let Some(ours) = table::canonical_hash(tx, &status.chain, named.height)?
        && ours != named.hash
    {
        return Ok(None);
    }
    table::canonical_hash(tx, &status.chain, through)
}

fn block_fact(block: &types::Block, batch: Option<Batch>) -> Fact {
    let named = Dropped { chain: block.chain.clone(), height: block.height, hash: block.hash.clone() };
    let (event_count, included_count) = (block.events.len() as u64, block.included.len() as u64);
    Fact::new(event::BLOCK, 1)
        .about(&format!("block:{}/{}", block.chain, block.hash), 1)
        .by(&follower())
        .says(&BlockPayload { block: named, event_count, included_count, batch })
}

fn about(kind: &'static str, status: &Status, version: i64) -> Fact {
    Fact::new(kind, 1).about(&status.chain, u64::try_from(version).unwrap_or(0)).by(&follower())
}

/// The fact of events that were read later, for a source that came late.
pub(crate) fn late_events_fact(block: &types::Block, rows: &[Vec<store::Value<'_>>], intake: &str) -> Fact {
    let batch = event_batch(block, rows, intake);
    Fact::new("chain.events_added", 1)
        .about(&format!("block:{}/{}", block.chain, block.hash), 1)
        .by(&follower())
        .says(&serde_json::json!({ "chain": block.chain, "hash": block.hash, "source": intake, "batch": batch }))
}

fn event_batch(block: &types::Block, rows: &[Vec<store::Value<'_>>], intake: &str) -> Option<Batch> {
    let key = [
        ("chain", serde_json::json!(block.chain)),
        ("block_hash", serde_json::json!(block.hash)),
        ("intake", serde_json::json!(intake)),
    ];
    (!rows.is_empty()).then(|| Batch::of("chain_event", &table::EVENT_COLUMNS, &key, &["event_index"], rows))
}
