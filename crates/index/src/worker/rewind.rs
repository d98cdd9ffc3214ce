//! Rewinds the stored chain to the branch of the node, or halts it.

use super::{Progress, Worker};
use crate::state::Tip;
use crate::table::cursor::Status;
use crate::{Error, Result, commit, table};
use chain::BlockRef;
use store::UnscopedTx;
use types::Height;

/// Where another branch forks from the stored chain.
enum Ancestor {
    /// After this stored block.
    Common(Tip),
    /// Below the lowest height that may be undone. The block is the lowest one seen of the branch.
    BelowFinal(BlockRef),
    /// Below the first block of the index, while nothing is final.
    None,
    /// The node no longer has the branch.
    Unknown,
}

/// The node's head is not above the tip: the node lags behind on the stored chain, or it is on
/// another branch.
pub(super) async fn compare(worker: &Worker, status: Status, head: BlockRef) -> Result<Progress> {
    match canonical_height(worker, &head.hash).await? {
        Some(_) => Ok(Progress::Idle),
        None => rewind(worker, status, head).await,
    }
}

/// The node is on another branch: rewinds to the common ancestor, or halts the chain.
pub(super) async fn rewind(worker: &Worker, status: Status, branch: BlockRef) -> Result<Progress> {
    match ancestor(worker, &status, branch).await? {
        Ancestor::Unknown => Ok(Progress::Again),
        Ancestor::Common(common) => rewind_to(worker, status, Some(common)).await,
        Ancestor::None => rewind_to(worker, status, None).await,
        Ancestor::BelowFinal(block) => halt(worker, status, &block).await,
    }
}

/// Rewinds to the common ancestor. Goes only part of the way if that exceeds the budget of one
/// transaction; the next turn continues.
async fn rewind_to(worker: &Worker, status: Status, common: Option<Tip>) -> Result<Progress> {
    let to = (common.as_ref()).map_or(status.first, |common| common.height);
    tracing::warn!(
        event = "chain.reorganized",
        chain = %status.chain,
        to = %to,
        "the chain was reorganized and is rewound"
    );
    let head = status.head_height();
    let mut max_blocks = head.map_or(1, |head| head.0.saturating_sub(to.0) + 1);
    loop {
        let args = (worker.projections(), status.clone(), common.clone());
        let rewound = worker.write(args, move |tx, (projections, status, common)| {
            commit::rewind(tx, projections, status.clone(), common.clone(), max_blocks)
        });
        match rewound.await {
            Ok(after) => {
                let to = after.head_height().unwrap_or(to);
                return Ok(Progress::Rewound { to });
            }
            Err(error) if error.exceeds_budget() && max_blocks > 1 => max_blocks /= 2,
            Err(error) => return Err(error),
        }
    }
}

async fn halt(worker: &Worker, status: Status, block: &BlockRef) -> Result<Progress> {
    let watermark = status.final_height().unwrap_or(status.first);
    let reason = format!(
        "the node is on a branch that forks at or below the final block {watermark} \
         (its block: {} at {})",
        block.hash, block.height
    );
    tracing::error!(
        event = "chain.halted",
        chain = %status.chain,
        reason,
        "the chain is halted until an operator resumes it"
    );
    worker
        .write((status, reason), |tx, (status, reason)| {
            commit::halt(tx, status.clone(), reason)
        })
        .await?;
    Ok(Progress::Halted)
}

/// Walks back by parent hash, never by height, to a block that is canonical here.
async fn ancestor(worker: &Worker, status: &Status, branch: BlockRef) -> Result<Ancestor> {
    let floor = status.rewind_to.into_iter().chain(status.final_height());
    let floor = floor.min();
    let mut block = branch;
    loop {
        match canonical_height(worker, &block.parent).await? {
            Some(height) if height.next() != block.height => {
                return Err(wrong_height(status, &block));
            }
            Some(height) if floor.is_some_and(|floor| height < floor) => {
                return Ok(Ancestor::BelowFinal(block));
            }
            Some(height) => {
                let hash = block.parent;
                return Ok(Ancestor::Common(Tip { height, hash }));
            }
            None if floor.is_some_and(|floor| block.height <= floor) => {
                return Ok(Ancestor::BelowFinal(block));
            }
            None if block.height <= status.first => return Ok(Ancestor::None),
            None => {}
        }
        match worker.chain().header(&block.parent).await? {
            Some(parent) if parent.height.next() == block.height => block = parent,
            _ => return Ok(Ancestor::Unknown),
        }
    }
}

async fn canonical_height(worker: &Worker, hash: &str) -> Result<Option<Height>> {
    let args = (*worker.chain().chain(), hash.to_owned());
    let read = |tx: &mut UnscopedTx, (chain, hash): &(_, String)| {
        table::block::canonical_height(tx, chain, hash)
    };
    Ok(worker.db().read_unscoped_with(args, read).await?)
}

fn wrong_height(status: &Status, block: &BlockRef) -> Error {
    let reason = format!(
        "{} is not one above its parent ({})",
        block.hash, block.height
    );
    Error::InconsistentBlock {
        chain: status.chain,
        reason,
    }
}
