//! Scopes that joined late: they read the stored chain from where they were asked to begin, apart from the committer, and join it when
//! they are level.

use crate::event::Dropped;
use crate::scope::Scope;
use crate::{Applied, Follower, Result, Work, commit, fetch, table};
use chain::Watch;
use types::Height;

/// Blocks that a scope takes at a time.
const PAGE: u32 = 50;

impl Follower {
    /// One turn for every scope of the chain that is not level. How many blocks were caught up on.
    pub async fn backfill(&self) -> Result<u64> {
        let chain = self.chain.chain().clone();
        let scopes = self.db.read_unbound(move |tx| table::chain_scopes(tx, &chain)).await?;
        let mut caught_up = 0;
        for scope in scopes.into_iter().filter(|scope| !scope.level && scope.quarantined.is_none()) {
            caught_up += self.catch_up(scope).await?;
        }
        Ok(caught_up)
    }

    async fn catch_up(&self, scope: Scope) -> Result<u64> {
        let chain = scope.chain.clone();
        let from = scope.next;
        let blocks = self.db.read_unbound(move |tx| table::blocks_from(tx, &chain, from, PAGE)).await?;
        let Some(work) = self.read_again(&scope, &blocks).await? else {
            return Ok(0); // the node does not have one of the blocks: a reorganisation is on its way
        };
        let next = blocks.last().map_or(scope.next, |last| last.height.next());
        self.advance(scope, blocks, work, next).await?;
        Ok(u64::from(next.0 > from.0) * (next.0 - from.0))
    }

    /// The blocks with the events that the scope wants, from the node: they may not have been kept at the time.
    async fn read_again(&self, scope: &Scope, blocks: &[Dropped]) -> Result<Option<Vec<Work>>> {
        let mut watch = Watch { everything: scope.source == crate::scope::ALL, ..Watch::default() };
        watch.sources.insert(scope.source.clone());
        let mut work = Vec::with_capacity(blocks.len());
        for block in blocks {
            let Some(found) = self.chain.block(&block.hash, &watch).await? else { return Ok(None) };
            work.push(fetch::understood(self.chain.as_ref(), found));
        }
        Ok(Some(work))
    }

    /// Store what was missing, project it for this scope alone, and move its cursor; level once it has reached the head.
    async fn advance(&self, scope: Scope, blocks: Vec<Dropped>, work: Vec<Work>, next: Height) -> Result<()> {
        let projections = self.projections.clone();
        self.db
            .on(&self.lease)
            .write_unbound(move |tx| {
                let Some(status) = table::cursor(tx, &scope.chain)? else { return Ok(()) };
                for block in &blocks {
                    if table::canonical_height(tx, &scope.chain, &block.hash)?.is_none() {
                        return Ok(()); // reorganised since it was read: the next turn reads again
                    }
                }
                let level = status.head.as_ref().is_some_and(|tip| next > tip.height);
                if !table::move_scope(tx, &scope, next, level)? {
                    return Ok(());
                }
                work.iter().try_for_each(|one| keep_late(tx, &one.block, &scope.source))?;
                let applied: Vec<Applied> = commit::share(&scope.projection, std::slice::from_ref(&scope), &work);
                projections
                    .iter()
                    .filter(|projection| projection.name() == scope.projection && !applied.is_empty())
                    .try_for_each(|projection| projection.apply(tx, &applied))
            })
            .await
            .map_err(|error: store::Error| error.into())
    }
}

/// Keep the events of a block that were not kept at the time, with a fact for them.
fn keep_late(tx: &mut store::Unbound<'_, '_>, block: &types::Block, source: &str) -> store::Result<()> {
    let added = commit::insert_missing(tx, block, source)?;
    if !added.is_empty() {
        let fact = commit::late_events_fact(block, &added, source);
        tx.append(&types::Namespace::installation(), fact);
    }
    Ok(())
}
