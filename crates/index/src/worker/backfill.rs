//! Backfills scopes that were added late: each reads the stored chain from its start height, in
//! transactions of its own, and joins the committer when it is caught up with the head.

use super::Worker;
use crate::event::system;
use crate::fan_out::fan_out;
use crate::scope::scope_fact;
use crate::table::cursor::Status;
use crate::table::scope::Scope;
use crate::{DecodedBlock, Error, Projection, Result, fetch, ingest, table};
use chain::BlockRef;
use std::sync::Arc;
use store::{UnscopedTable as _, UnscopedTx};
use tracing::Instrument as _;
use types::{Coded as _, Height, Retry, clip};

/// Characters of a quarantine reason that are stored.
const MAX_REASON: usize = 500;

/// One turn for every scope of the chain that is not caught up. Returns the number of blocks read.
pub(super) async fn turn(worker: &Worker) -> Result<u64> {
    let chain = *worker.chain().chain();
    let scopes = worker
        .db()
        .read_unscoped_with(chain, table::scope::of_chain);
    let scopes: Vec<Scope> = scopes.await?;
    let mut blocks_read = 0;
    for scope in scopes
        .into_iter()
        .filter(|scope| !scope.caught_up && scope.quarantined.is_none())
    {
        match step(worker, &scope).await {
            Err(Error::Store(error)) if error.code().retry == Retry::Never => {
                quarantine(worker, scope, &error).await?;
            }
            outcome => blocks_read += outcome?,
        }
    }
    Ok(blocks_read)
}

async fn step(worker: &Worker, scope: &Scope) -> Result<u64> {
    let Some(refs) = next_blocks(worker, scope).await? else {
        return Ok(0);
    };
    let (chain, source) = (&scope.chain, &scope.source);
    let span = tracing::info_span!("job", kind = "backfill", %chain, scope = source);
    read(worker, scope, &refs).instrument(span).await
}

async fn read(worker: &Worker, scope: &Scope, refs: &[BlockRef]) -> Result<u64> {
    let Some(blocks) = fetch::blocks(worker.chain(), refs, &scope.watch()).await? else {
        return Ok(0); // the node lacks one of the blocks: a reorganization is likely
    };
    let mut count = blocks.len();
    let blocks = Arc::new(blocks);
    loop {
        match advance(worker, scope, &blocks, count).await {
            Err(error) if error.exceeds_budget() && count > 1 => count /= 2,
            advanced => return Ok(if advanced? { count as u64 } else { 0 }),
        }
    }
}

/// The next stored blocks of a scope; none if the stored chain does not reach it yet.
async fn next_blocks(worker: &Worker, scope: &Scope) -> Result<Option<Vec<BlockRef>>> {
    let (chain, from) = (scope.chain, scope.next);
    let limit = u32::try_from(worker.settings.blocks_per_turn).unwrap_or(u32::MAX);
    let page = worker.db().read_unscoped(move |tx| {
        let status = table::cursor::status(tx, &chain)?;
        if status.is_some_and(|status| reaches(&status, from)) {
            table::block::from_height(tx, &chain, from, limit).map(Some)
        } else {
            Ok::<_, store::Error>(None)
        }
    });
    Ok(page.await?)
}

/// Stores missing events, projects the first blocks for this scope alone, and moves its cursor. The
/// scope is caught up once it has reached the head. Returns false, and writes nothing, if the
/// blocks were reorganized away or the scope was changed since they were read.
async fn advance(
    worker: &Worker,
    scope: &Scope,
    blocks: &Arc<Vec<DecodedBlock>>,
    count: usize,
) -> Result<bool> {
    let args = (worker.projections(), scope.clone(), blocks.clone());
    worker
        .write(args, move |tx, (projections, scope, blocks)| {
            project(tx, projections, scope, &blocks[..count])
        })
        .await
}

fn project(
    tx: &mut UnscopedTx,
    projections: &[Arc<dyn Projection>],
    scope: &Scope,
    blocks: &[DecodedBlock],
) -> store::Result<bool> {
    let next = (blocks.last()).map_or(scope.next, |last| last.block.height.next());
    let Some(status) = table::cursor::status(tx, &scope.chain)? else {
        return Ok(false);
    };
    let hashes: Vec<&str> = (blocks.iter())
        .map(|decoded| decoded.block.hash.as_str())
        .collect();
    if !reaches(&status, next) || !table::block::are_canonical(tx, &scope.chain, &hashes)? {
        return Ok(false);
    }
    let caught_up = status.head_height().is_some_and(|head| next == head.next());
    let advanced = Scope {
        next,
        caught_up,
        version: scope.version + 1,
        ..scope.clone()
    };
    if !advanced.update_unscoped(tx)? {
        return Ok(false);
    }
    for decoded in blocks {
        ingest::ingest_late(tx, &decoded.block, &scope.source)?;
    }
    let applied = fan_out(&scope.projection, std::slice::from_ref(scope), blocks);
    for projection in projections {
        if projection.name() == scope.projection && !applied.is_empty() {
            projection.apply(tx, &applied)?;
        }
    }
    if caught_up {
        let fact = scope_fact("index.caught_up", &system(), &advanced);
        tx.append(&scope.namespace, fact);
    }
    Ok(true)
}

async fn quarantine(worker: &Worker, scope: Scope, error: &store::Error) -> Result<()> {
    let reason = clip(&error.to_string(), MAX_REASON);
    tracing::error!(
        event = "scope.quarantined",
        chain = %scope.chain,
        namespace = %scope.namespace,
        source = scope.source,
        reason,
        "the projection of a scope failed; the scope is quarantined"
    );
    let quarantined = Scope {
        quarantined: Some(reason),
        version: scope.version + 1,
        ..scope
    };
    worker
        .write(quarantined, |tx, quarantined| {
            if quarantined.update_unscoped(tx)? {
                let fact = scope_fact("index.quarantined", &system(), quarantined);
                tx.append(&quarantined.namespace, fact);
            }
            Ok(())
        })
        .await
}

/// Whether the stored chain reaches this height: it has a block there, or the next block will be
/// there.
fn reaches(status: &Status, next: Height) -> bool {
    let head = status.head_height();
    status.halted.is_none() && head.is_some_and(|head| next <= head.next())
}
