//! The committer: blocks, events, projections, cursor, watermark and facts in one transaction; and
//! its reverse.

use crate::event::{self, Dropped, FinalMoved, ReorgPayload};
use crate::finality::Candidate;
use crate::read::Status;
use crate::scope::Scope;
use crate::share::share;
use crate::state::{self, Tip};
use crate::{Projection, Work, intake, table};
use chain::Watch;
use std::sync::Arc;
use store::{Fact, Result, Unbound};
use types::{Height, Namespace, Principal};

/// Who the facts of a chain are by.
pub(crate) fn follower() -> Principal {
    Principal::system("index", Namespace::installation())
}

/// Append blocks that build on the tip, and move the watermark. What the cursor is then; none, and
/// nothing done, if a scope is level by now that was not yet watched for when the blocks were
/// fetched: what they hold of it would be missed.
pub(crate) fn extend(
    tx: &mut Unbound<'_, '_>,
    projections: &[Arc<dyn Projection>],
    mut status: Status,
    work: &[Work],
    watch: &Watch,
    candidate: &Candidate,
) -> Result<Option<Status>> {
    let scopes: Vec<Scope> = table::scope::of_chain(tx, &status.chain)?
        .into_iter()
        .filter(|scope| scope.level)
        .collect();
    if scopes
        .iter()
        .any(|scope| scope.quarantined.is_none() && !scope.is_watched(watch))
    {
        return Ok(None);
    }
    let blocks: Vec<&types::Block> = work.iter().map(|one| &one.block).collect();
    intake::keep(tx, &status.chain, &blocks, status.version + 1)?;
    for projection in projections {
        let applied = share(projection.name(), &scopes, work);
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
    // The node goes on from where we stand: an operator's leave to go back has had its day.
    status.rewind_to = None;
    move_watermark(tx, &mut status, candidate)?;
    put(tx, status).map(Some)
}

/// Take away every block above the one that is common, and all that was made of them; without one,
/// every block. No more than so many, the newest first.
pub(crate) fn rewind(
    tx: &mut Unbound<'_, '_>,
    projections: &[Arc<dyn Projection>],
    mut status: Status,
    common: Option<Tip>,
    most: u64,
) -> Result<Status> {
    let halfway = halfway(tx, &status, common.as_ref(), most)?;
    let rewind_to = status.rewind_to.filter(|_| halfway.is_some()); // an operator's leave holds until the whole way is gone
    let common = halfway.or(common);
    let first_dropped = common
        .as_ref()
        .map_or(status.first, |common| common.height.next());
    let mut dropped: Vec<Dropped> =
        table::block::from_height(tx, &status.chain, first_dropped, u32::MAX)?
            .into_iter()
            .map(|block| Dropped {
                chain: status.chain.clone(),
                height: block.height,
                hash: block.hash,
            })
            .collect();
    dropped.reverse();
    projections
        .iter()
        .try_for_each(|projection| projection.undo(tx, &dropped))?;
    table::block::revert_from(tx, &status.chain, first_dropped)?;
    table::scope::rewind(tx, &status.chain, first_dropped)?;
    if status
        .finalized
        .as_ref()
        .is_some_and(|finalized| finalized.height >= first_dropped)
    {
        status.finalized = common.clone(); // only an operator's word leads here: what was called final was not
    }
    (status.head, status.rewind_to) = (common, rewind_to);
    let fact = about(event::REORG, &status).says(&ReorgPayload { dropped });
    tx.append(&Namespace::installation(), fact);
    put(tx, status)
}

/// Our block that so many stand above, if it stands above the one that is common.
fn halfway(
    tx: &mut Unbound<'_, '_>,
    status: &Status,
    common: Option<&Tip>,
    most: u64,
) -> Result<Option<Tip>> {
    let goal = common.map_or(status.first, |common| common.height.next());
    let height = status
        .head
        .as_ref()
        .and_then(|head| head.height.0.checked_sub(most))
        .map(Height);
    let Some(height) = height.filter(|height| *height >= goal) else {
        return Ok(None);
    };
    let hash = table::block::canonical_hash(tx, &status.chain, height)?;
    Ok(hash.map(|hash| Tip { height, hash }))
}

/// Halt the chain: no new block, no new nonce, until an operator resumes it.
pub(crate) fn halt(tx: &mut Unbound<'_, '_>, mut status: Status, reason: &str) -> Result<Status> {
    status.halted = Some(reason.to_owned());
    let fact = about("chain.halted", &status).says(&serde_json::json!({ "reason": reason }));
    tx.append(&Namespace::installation(), fact);
    put(tx, status)
}

/// Move the watermark as far as the candidate allows, with no new block. What the cursor is then.
pub(crate) fn settle(
    tx: &mut Unbound<'_, '_>,
    mut status: Status,
    candidate: &Candidate,
) -> Result<Status> {
    if move_watermark(tx, &mut status, candidate)? {
        put(tx, status)
    } else {
        Ok(status)
    }
}

fn put(tx: &mut Unbound<'_, '_>, mut status: Status) -> Result<Status> {
    if !table::cursor::put(tx, &status)? {
        return Err(store::Error::Contended { attempts: 1 });
    }
    status.version += 1;
    Ok(status)
}

fn move_watermark(
    tx: &mut Unbound<'_, '_>,
    status: &mut Status,
    candidate: &Candidate,
) -> Result<bool> {
    let Some(through) = movable(status, candidate) else {
        return Ok(false);
    };
    let Some(hash) = agreed(tx, status, through, candidate)? else {
        return Ok(false);
    };
    let above = status.finalized.as_ref().map(|before| before.height);
    status.finalized = Some(Tip {
        height: through,
        hash: hash.clone(),
    });
    let moved = FinalMoved {
        chain: status.chain.clone(),
        above,
        through,
        hash,
    };
    tx.append(
        &Namespace::installation(),
        about(event::FINAL, status).says(&moved),
    );
    Ok(true)
}

/// Where the watermark would move, if it does.
pub(crate) fn movable(status: &Status, candidate: &Candidate) -> Option<Height> {
    let tip = status.head.as_ref()?;
    let before = status.finalized.as_ref().map(|before| before.height);
    state::watermark(before, candidate.height, status.first, tip.height)
        .filter(|through| Some(*through) != before)
}

/// The hash of our block at the new watermark, unless the chain named another block than ours as
/// settled.
fn agreed(
    tx: &mut Unbound<'_, '_>,
    status: &Status,
    through: Height,
    candidate: &Candidate,
) -> Result<Option<String>> {
    if let Some(named) = &candidate.named
        && let Some(ours) = table::block::canonical_hash(tx, &status.chain, named.height)?
        && ours != named.hash
    {
        tracing::warn!(chain = %status.chain, height = %named.height, ours, named = named.hash, "the chain calls another block final");
        return Ok(None);
    }
    table::block::canonical_hash(tx, &status.chain, through)
}

/// A fact about the chain, with the version that its cursor is about to have.
fn about(kind: &'static str, status: &Status) -> Fact {
    Fact::new(kind, 1)
        .about(
            &status.chain,
            u64::try_from(status.version + 1).unwrap_or(0),
        )
        .by(&follower())
}
