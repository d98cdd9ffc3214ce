//! The committer: writes blocks, events, projections, cursor, watermark and facts in one
//! transaction, and undoes them in one.

use crate::event::{self, BlockId, FinalityUpdate, ReorgPayload, system};
use crate::fan_out::fan_out;
use crate::finality::Candidate;
use crate::state::{self, Tip};
use crate::table::cursor::Status;
use crate::table::scope::Scope;
use crate::{DecodedBlock, Projection, ingest, table};
use chain::Watch;
use std::sync::Arc;
use store::{Fact, Result, UnscopedTx};
use types::{Height, Namespace};

/// Appends blocks that extend the tip, and moves the watermark. Returns the new cursor; none, and
/// writes nothing, if a scope caught up that was not watched yet when the blocks were fetched: its
/// events in these blocks would be missed.
pub(crate) fn extend(
    tx: &mut UnscopedTx,
    projections: &[Arc<dyn Projection>],
    mut status: Status,
    decoded: &[DecodedBlock],
    watch: &Watch,
    candidate: &Candidate,
) -> Result<Option<Status>> {
    let scopes: Vec<Scope> = table::scope::of_chain(tx, &status.chain)?
        .into_iter()
        .filter(|scope| scope.caught_up)
        .collect();
    if scopes
        .iter()
        .any(|scope| scope.quarantined.is_none() && !scope.is_watched(watch))
    {
        return Ok(None);
    }
    let blocks: Vec<&types::Block> = decoded.iter().map(|decoded| &decoded.block).collect();
    ingest::ingest(tx, &status.chain, &blocks, status.version + 1)?;
    for projection in projections {
        let applied = fan_out(projection.name(), &scopes, decoded);
        if !applied.is_empty() {
            projection.apply(tx, &applied)?;
        }
    }
    if let Some(last) = blocks.last() {
        status.head = Some(Tip {
            height: last.height,
            hash: last.hash.clone(),
        });
    }
    // The node extends the stored chain, so an operator's permission to rewind has lost its reason.
    status.rewind_to = None;
    move_watermark(tx, &mut status, candidate)?;
    put(tx, status).map(Some)
}

/// Removes the blocks above the common ancestor (all blocks if there is none) and undoes their
/// projections. Removes at most `max_blocks`, the newest first, so that a deep rewind can take
/// several transactions.
pub(crate) fn rewind(
    tx: &mut UnscopedTx,
    projections: &[Arc<dyn Projection>],
    mut status: Status,
    common: Option<Tip>,
    max_blocks: u64,
) -> Result<Status> {
    let intermediate = intermediate_tip(tx, &status, common.as_ref(), max_blocks)?;
    // An operator's permission to rewind holds until the whole rewind is done.
    let rewind_to = status.rewind_to.filter(|_| intermediate.is_some());
    let new_tip = intermediate.or(common);
    let first_dropped = new_tip
        .as_ref()
        .map_or(status.first, |tip| tip.height.next());
    let dropped = table::block::from_height(tx, &status.chain, first_dropped, u32::MAX)?;
    let newest_first = dropped.into_iter().rev();
    let dropped: Vec<BlockId> = newest_first
        .map(|block| BlockId {
            chain: status.chain,
            height: block.height,
            hash: block.hash,
        })
        .collect();
    projections
        .iter()
        .try_for_each(|projection| projection.undo(tx, &dropped))?;
    table::block::revert_from(tx, &status.chain, first_dropped)?;
    table::scope::rewind(tx, &status.chain, first_dropped)?;
    if status.final_height() >= Some(first_dropped) {
        // Only reached with an operator's permission to undo final blocks.
        status.finalized = new_tip.clone();
    }
    (status.head, status.rewind_to) = (new_tip, rewind_to);
    let fact = chain_fact(event::REORG, &status).payload(&ReorgPayload { dropped });
    tx.append(&Namespace::installation(), fact);
    put(tx, status)
}

/// The stored block `max_blocks` below the head, if it is above the common ancestor.
fn intermediate_tip(
    tx: &mut UnscopedTx,
    status: &Status,
    common: Option<&Tip>,
    max_blocks: u64,
) -> Result<Option<Tip>> {
    let lowest = common.map_or(status.first, |common| common.height.next());
    let below = |head: Height| head.0.checked_sub(max_blocks).map(Height);
    let height = status.head_height().and_then(below);
    let Some(height) = height.filter(|height| *height >= lowest) else {
        return Ok(None);
    };
    let hash = table::block::block_at(tx, &status.chain, height)?;
    Ok(hash.map(|hash| Tip { height, hash }))
}

/// Halts the chain: no new block and no new nonce until an operator resumes it.
pub(crate) fn halt(tx: &mut UnscopedTx, mut status: Status, reason: &str) -> Result<Status> {
    status.halted = Some(reason.to_owned());
    let fact =
        chain_fact("chain.halted", &status).payload(&serde_json::json!({ "reason": reason }));
    tx.append(&Namespace::installation(), fact);
    put(tx, status)
}

/// Moves the watermark as far as the candidate allows, without a new block. Returns the new cursor.
pub(crate) fn finalize(
    tx: &mut UnscopedTx,
    mut status: Status,
    candidate: &Candidate,
) -> Result<Status> {
    if move_watermark(tx, &mut status, candidate)? {
        put(tx, status)
    } else {
        Ok(status)
    }
}

fn put(tx: &mut UnscopedTx, mut status: Status) -> Result<Status> {
    status.version += 1;
    if table::cursor::put(tx, &status)? {
        Ok(status)
    } else {
        Err(store::Error::Contended { attempts: 1 })
    }
}

fn move_watermark(tx: &mut UnscopedTx, status: &mut Status, candidate: &Candidate) -> Result<bool> {
    let Some(through) = next_watermark(status, candidate) else {
        return Ok(false);
    };
    let Some(hash) = final_hash(tx, status, through, candidate)? else {
        return Ok(false);
    };
    let above = status.final_height();
    status.finalized = Some(Tip {
        height: through,
        hash: hash.clone(),
    });
    let update = FinalityUpdate {
        chain: status.chain,
        above,
        through,
        hash,
    };
    tx.append(
        &Namespace::installation(),
        chain_fact(event::FINAL, status).payload(&update),
    );
    Ok(true)
}

/// The height that the watermark would move to; none if it would not move.
pub(crate) fn next_watermark(status: &Status, candidate: &Candidate) -> Option<Height> {
    let (tip, before) = (status.head_height()?, status.final_height());
    state::watermark(before, candidate.height, status.first, tip)
        .filter(|through| Some(*through) != before)
}

/// The hash of the stored block at the new watermark; none if the node's final block differs from
/// the stored block at its height.
fn final_hash(
    tx: &mut UnscopedTx,
    status: &Status,
    through: Height,
    candidate: &Candidate,
) -> Result<Option<String>> {
    if let Some(tagged) = &candidate.tagged
        && let Some(stored) = table::block::block_at(tx, &status.chain, tagged.height)?
        && stored != tagged.hash
    {
        tracing::warn!(
            event = "chain.final_block_differs",
            chain = %status.chain,
            height = %tagged.height,
            stored,
            tagged = tagged.hash,
            "the node's final block differs from the stored block"
        );
        return Ok(None);
    }
    table::block::block_at(tx, &status.chain, through)
}

/// A fact about the chain, with the version that its cursor has after this transaction.
fn chain_fact(kind: &'static str, status: &Status) -> Fact {
    Fact::new(kind, 1)
        .subject(&status.chain, status.version + 1)
        .actor(&system())
}
