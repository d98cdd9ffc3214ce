//! Extends the stored chain by blocks of the node.

use super::{Progress, Worker, rewind};
use crate::finality::{self, TagAnswer};
use crate::state::{self, Continuity};
use crate::table::cursor::Status;
use crate::{DecodedBlock, Result, commit, fetch, watch};
use chain::Watch;
use std::sync::Arc;
use tracing::Instrument as _;
use types::Height;

/// Fetched blocks, and what was known when they were fetched.
struct Fetched {
    status: Status,
    blocks: Vec<DecodedBlock>,
    watch: Watch,
    answer: TagAnswer,
}

/// Fetches these heights and appends them, if they extend the tip.
pub(super) async fn extend(
    worker: &Worker,
    status: Status,
    from: Height,
    to: Height,
) -> Result<Progress> {
    let chain = worker.chain();
    let answer = finality::query_tag(chain).await;
    let refs = fetch::refs(chain, from, to).await?;
    match state::continuity(status.head.as_ref(), &refs) {
        Continuity::Broken => return Ok(Progress::Again),
        Continuity::Forks => {
            let branch = refs.into_iter().next();
            return match branch {
                Some(branch) => rewind::rewind(worker, status, branch).await,
                None => Ok(Progress::Again),
            };
        }
        Continuity::Extends => {}
    }
    // Loaded after the block references: a signer with a transaction in one of these blocks was
    // watched before the transaction was sent, so it is in this watch.
    let everything = worker.settings.store_all_events;
    let watch = watch::of_chain(worker.db(), chain.chain(), everything).await?;
    let Some(blocks) = fetch::blocks(chain, &refs, &watch).await? else {
        return Ok(Progress::Again);
    };
    let fetched = Fetched {
        status,
        blocks,
        watch,
        answer,
    };
    append(worker, fetched).await
}

/// Commits fetched blocks. Halves their number while they exceed the budget of one transaction:
/// the cost depends on how many namespaces track them.
async fn append(worker: &Worker, fetched: Fetched) -> Result<Progress> {
    fail::point("index.fetched")
        .await
        .map_err(store::Error::from)?;
    let mut count = fetched.blocks.len();
    let fetched = Arc::new(fetched);
    loop {
        match append_first(worker, &fetched, count).await {
            Err(error) if error.exceeds_budget() && count > 1 => count /= 2,
            outcome => return outcome,
        }
    }
}

async fn append_first(worker: &Worker, fetched: &Arc<Fetched>, count: usize) -> Result<Progress> {
    let Some(to) = fetched.blocks[..count].last().map(|last| last.block.height) else {
        return Ok(Progress::Idle);
    };
    let candidate = finality::candidate(worker.chain().finality(), &fetched.answer, to);
    let args = (worker.projections(), fetched.clone(), candidate);
    let chain = worker.chain().chain();
    let span = tracing::info_span!("block", %chain, height = %to, count);
    let extended = worker.write(args, move |tx, (projections, fetched, candidate)| {
        let (status, blocks) = (fetched.status.clone(), &fetched.blocks[..count]);
        commit::extend(tx, projections, status, blocks, &fetched.watch, candidate)
    });
    if extended.instrument(span).await?.is_none() {
        return Ok(Progress::Again);
    }
    fail::point("index.committed")
        .await
        .map_err(store::Error::from)?;
    tracing::debug!(
        event = "chain.extended",
        %chain,
        height = %to,
        "blocks were appended"
    );
    Ok(Progress::Extended { to })
}
