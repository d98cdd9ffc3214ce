//! Scopes that joined late: they read the stored chain from where they were asked to begin, apart
//! from the committer, and join it when they are level.

use crate::read::Status;
use crate::scope::{Scope, scope_fact};
use crate::share::share;
use crate::{Error, Follower, Result, Work, commit, fetch, intake, table};
use chain::BlockRef;
use std::sync::Arc;
use store::Unbound;
use types::{Coded as _, Height, Retry};

/// The longest reason for setting a scope aside.
const MAX_REASON: usize = 500;

impl Follower {
    /// One turn for every scope of the chain that is not level. How many blocks were caught up on.
    /// A scope whose projection cannot take what it is given is set aside, and stops no other;
    /// a chain that is halted gives nothing to anyone.
    pub async fn backfill(&self) -> Result<u64> {
        let chain = self.chain.chain().clone();
        let scopes = self
            .db
            .read_unbound(move |tx| table::scope::of_chain(tx, &chain))
            .await?;
        let mut caught_up = 0;
        for scope in scopes
            .into_iter()
            .filter(|scope| !scope.level && scope.quarantined.is_none())
        {
            caught_up += match self.catch_up(&scope).await {
                Err(Error::Store(error)) if error.code().retry == Retry::Never => {
                    self.set_aside(scope, &error).await?
                }
                outcome => outcome?,
            };
        }
        Ok(caught_up)
    }

    async fn catch_up(&self, scope: &Scope) -> Result<u64> {
        let Some(names) = self.page(scope).await? else {
            return Ok(0);
        };
        let Some(work) = fetch::blocks(self.chain.as_ref(), &names, &scope.watch()).await? else {
            return Ok(0); // the node does not have one of the blocks: a reorganisation is on its way
        };
        let count = work.len() as u64;
        let next = work
            .last()
            .map_or(scope.next, |last| last.block.height.next());
        Ok(if self.advance(scope, work, next).await? {
            count
        } else {
            0
        })
    }

    /// The stored blocks that come next; none if the scope's time has not come.
    async fn page(&self, scope: &Scope) -> Result<Option<Vec<BlockRef>>> {
        let (chain, from) = (scope.chain.clone(), scope.next);
        let most = u32::try_from(self.settings.blocks_per_turn).unwrap_or(u32::MAX);
        let page = self.db.read_unbound(move |tx| {
            let open = table::cursor::get(tx, &chain)?.is_some_and(|status| reaches(&status, from));
            open.then(|| table::block::from_height(tx, &chain, from, most))
                .transpose()
        });
        Ok(page.await?)
    }

    /// Store what was missing, project it for this scope alone, and move its cursor; level once it
    /// has reached the head. Whether it did: the next turn reads again what was reorganised
    /// since it was read.
    async fn advance(&self, scope: &Scope, work: Vec<Work>, next: Height) -> Result<bool> {
        let (projections, scope) = (self.projections.clone(), scope.clone());
        let advance = move |tx: &mut Unbound<'_, '_>| {
            let Some(status) = table::cursor::get(tx, &scope.chain)? else {
                return Ok(false);
            };
            if !reaches(&status, next) || !are_canonical(tx, &work)? {
                return Ok(false);
            }
            let level = status
                .head
                .as_ref()
                .is_some_and(|tip| next == tip.height.next());
            if !table::scope::move_on(tx, &scope, next, level)? {
                return Ok(false);
            }
            work.iter()
                .try_for_each(|one| intake::keep_late(tx, &one.block, &scope.source))?;
            let applied = share(&scope.projection, std::slice::from_ref(&scope), &work);
            projections
                .iter()
                .filter(|projection| projection.name() == scope.projection && !applied.is_empty())
                .try_for_each(|projection| projection.apply(tx, &applied))?;
            if level {
                let after = Scope {
                    next,
                    level,
                    version: scope.version + 1,
                    ..scope.clone()
                };
                tx.append(
                    &scope.namespace,
                    scope_fact("index.level", &commit::follower(), &after),
                );
            }
            Ok::<_, store::Error>(true)
        };
        Ok(self.db.on(&self.lease).write_unbound(advance).await?)
    }

    async fn set_aside(&self, scope: Scope, error: &store::Error) -> Result<u64> {
        let why: String = error.to_string().chars().take(MAX_REASON).collect();
        tracing::error!(chain = %scope.chain, namespace = %scope.namespace, source = scope.source, why, "a scope is set aside");
        let scope = Arc::new(scope);
        let set_aside = move |tx: &mut Unbound<'_, '_>| {
            if table::scope::quarantine(tx, &scope, &why)? {
                let after = Scope {
                    version: scope.version + 1,
                    quarantined: Some(why.clone()),
                    ..(*scope).clone()
                };
                tx.append(
                    &scope.namespace,
                    scope_fact("index.set_aside", &commit::follower(), &after),
                );
            }
            Ok::<_, store::Error>(0)
        };
        Ok(self.db.on(&self.lease).write_unbound(set_aside).await?)
    }
}

/// Whether the stored chain reaches a scope that goes on at this height: a block is there, or the
/// next one will be it.
fn reaches(status: &Status, next: Height) -> bool {
    status.halted.is_none()
        && status
            .head
            .as_ref()
            .is_some_and(|tip| next <= tip.height.next())
}

fn are_canonical(tx: &mut Unbound<'_, '_>, work: &[Work]) -> store::Result<bool> {
    for one in work {
        if table::block::canonical_height(tx, &one.block.chain, &one.block.hash)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}
