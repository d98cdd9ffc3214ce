//! Backfills scopes that were added late: each reads the stored chain from its start height, in
//! transactions of its own, and joins the committer when it is caught up with the head.

use crate::fan_out::fan_out;
use crate::read::Status;
use crate::scope::{Scope, scope_fact};
use crate::{DecodedBlock, Error, Result, Worker, commit, fetch, ingest, table};
use chain::BlockRef;
use std::sync::Arc;
use store::UnscopedTx;
use types::{Coded as _, Height, Retry};

/// Characters of a quarantine reason that are stored.
const MAX_REASON: usize = 500;

impl Worker {
    /// One turn for every scope of the chain that is not caught up. Returns the number of blocks
    /// read. A scope whose projection fails is quarantined and does not affect the others. Nothing
    /// is projected while the chain is halted.
    pub async fn backfill(&self) -> Result<u64> {
        let chain = *self.chain.chain();
        let scopes = self
            .db
            .read_unscoped(move |tx| table::scope::of_chain(tx, &chain))
            .await?;
        let mut blocks_read = 0;
        for scope in scopes
            .into_iter()
            .filter(|scope| !scope.caught_up && scope.quarantined.is_none())
        {
            blocks_read += match self.backfill_scope(&scope).await {
                Err(Error::Store(error)) if error.code().retry == Retry::Never => {
                    self.quarantine(scope, &error).await?
                }
                outcome => outcome?,
            };
        }
        Ok(blocks_read)
    }

    async fn backfill_scope(&self, scope: &Scope) -> Result<u64> {
        let Some(refs) = self.next_blocks(scope).await? else {
            return Ok(0);
        };
        let Some(blocks) = fetch::blocks(self.chain.as_ref(), &refs, &scope.watch()).await? else {
            return Ok(0); // the node lacks one of the blocks: a reorganisation is likely
        };
        let count = blocks.len() as u64;
        let next = blocks
            .last()
            .map_or(scope.next, |last| last.block.height.next());
        Ok(if self.advance(scope, blocks, next).await? {
            count
        } else {
            0
        })
    }

    /// The next stored blocks of a scope; none if the stored chain does not reach it yet.
    async fn next_blocks(&self, scope: &Scope) -> Result<Option<Vec<BlockRef>>> {
        let (chain, from) = (scope.chain, scope.next);
        let limit = u32::try_from(self.settings.blocks_per_turn).unwrap_or(u32::MAX);
        let page = self.db.read_unscoped(move |tx| {
            let reached =
                table::cursor::get(tx, &chain)?.is_some_and(|status| reaches(&status, from));
            reached
                .then(|| table::block::from_height(tx, &chain, from, limit))
                .transpose()
        });
        Ok(page.await?)
    }

    /// Stores missing events, projects the blocks for this scope alone, and moves its cursor. The
    /// scope is caught up once it has reached the head. Returns false, and writes nothing, if the
    /// blocks were reorganised away or the scope was changed since they were read.
    async fn advance(
        &self,
        scope: &Scope,
        blocks: Vec<DecodedBlock>,
        next: Height,
    ) -> Result<bool> {
        let (projections, scope) = (self.projections.clone(), scope.clone());
        let advance = move |tx: &mut UnscopedTx<'_, '_>| {
            let Some(status) = table::cursor::get(tx, &scope.chain)? else {
                return Ok(false);
            };
            if !reaches(&status, next) || !are_canonical(tx, &blocks)? {
                return Ok(false);
            }
            let caught_up = status
                .head
                .as_ref()
                .is_some_and(|tip| next == tip.height.next());
            if !table::scope::advance(tx, &scope, next, caught_up)? {
                return Ok(false);
            }
            blocks
                .iter()
                .try_for_each(|decoded| ingest::ingest_late(tx, &decoded.block, &scope.source))?;
            let applied = fan_out(&scope.projection, std::slice::from_ref(&scope), &blocks);
            projections
                .iter()
                .filter(|projection| projection.name() == scope.projection && !applied.is_empty())
                .try_for_each(|projection| projection.apply(tx, &applied))?;
            if caught_up {
                let after = Scope {
                    next,
                    caught_up,
                    version: scope.version + 1,
                    ..scope.clone()
                };
                tx.append(
                    &scope.namespace,
                    scope_fact("index.caught_up", &commit::system(), &after),
                );
            }
            Ok::<_, store::Error>(true)
        };
        Ok(self.db.on(&self.lease).write_unscoped(advance).await?)
    }

    async fn quarantine(&self, scope: Scope, error: &store::Error) -> Result<u64> {
        let reason: String = error.to_string().chars().take(MAX_REASON).collect();
        tracing::error!(
            event = "scope.quarantined",
            chain = %scope.chain,
            namespace = %scope.namespace,
            source = scope.source,
            reason,
            "the projection of a scope failed; the scope is quarantined"
        );
        let scope = Arc::new(scope);
        let quarantine = move |tx: &mut UnscopedTx<'_, '_>| {
            if table::scope::quarantine(tx, &scope, &reason)? {
                let after = Scope {
                    version: scope.version + 1,
                    quarantined: Some(reason.clone()),
                    ..(*scope).clone()
                };
                tx.append(
                    &scope.namespace,
                    scope_fact("index.quarantined", &commit::system(), &after),
                );
            }
            Ok::<_, store::Error>(0)
        };
        Ok(self.db.on(&self.lease).write_unscoped(quarantine).await?)
    }
}

/// Whether the stored chain reaches this height: it has a block there, or the next block will be
/// there.
fn reaches(status: &Status, next: Height) -> bool {
    status.halted.is_none()
        && status
            .head
            .as_ref()
            .is_some_and(|tip| next <= tip.height.next())
}

fn are_canonical(tx: &mut UnscopedTx<'_, '_>, blocks: &[DecodedBlock]) -> store::Result<bool> {
    for decoded in blocks {
        if table::block::canonical_height(tx, &decoded.block.chain, &decoded.block.hash)?.is_none()
        {
            return Ok(false);
        }
    }
    Ok(true)
}
