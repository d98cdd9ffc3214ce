//! The worker of one shard of lanes: load, act, record.

use crate::submission::Submission;
use crate::{Error, Result, Submit, table};
use std::collections::BTreeSet;
use store::{Fact, Lease, Unbound};
use types::{ChainId, Namespace, Principal, SubmissionId, Time};

/// What a turn did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Submissions that changed.
    pub changed: usize,
}

/// Moves the submissions of one shard on. Holds the lease of `lanes/<shard>`.
#[derive(Clone)]
pub struct Worker {
    pub(crate) submit: Submit,
    pub(crate) shard: i64,
    pub(crate) lease: Lease,
}

impl Worker {
    /// The worker of a shard.
    pub fn new(submit: Submit, shard: u32, lease: Lease) -> Self {
        Self {
            submit,
            shard: i64::from(shard),
            lease,
        }
    }

    /// One turn: learn what the chain says, decide, sign, send. The running worker is a loop around
    /// it.
    pub async fn turn(&self) -> Result<Progress> {
        let mut changed = self.complete().await?;
        changed += self.decide().await?;
        changed += self.sign().await?;
        changed += self.broadcast().await?;
        changed += self.resume_due().await?;
        Ok(Progress { changed })
    }

    /// When something is due next, if anything is.
    pub async fn next_due(&self) -> Result<Option<Time>> {
        let (shard, chains) = (self.shard, self.chains());
        let next = move |tx: &mut Unbound<'_, '_>| {
            let due = chains
                .iter()
                .map(|chain| table::next_due(tx, shard, chain))
                .collect::<store::Result<Vec<_>>>()?;
            Ok::<_, store::Error>(due.into_iter().flatten().min())
        };
        Ok(self.submit.0.db.read_unbound(next).await?)
    }

    /// The chains that are configured: submissions of another wait until theirs is.
    pub(crate) fn chains(&self) -> Vec<ChainId> {
        self.submit
            .chains()
            .map(|chain| chain.chain().clone())
            .collect()
    }

    pub(crate) fn now(&self) -> Time {
        self.submit.0.db.clock().now()
    }

    /// Whether this worker may still begin an effect (law 9).
    pub(crate) fn may_act(&self) -> bool {
        self.lease.may_act(self.submit.0.db.clock().monotonic_ms())
    }

    /// Write on this worker's partition.
    pub(crate) async fn write<T, F>(&self, write: F) -> Result<T>
    where
        F: FnMut(&mut Unbound<'_, '_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.submit.0.db.on(&self.lease).write_unbound(write).await
    }

    /// Write submissions that changed, with a fact for each that is in another state than before.
    /// One that somebody else changed meanwhile is left as he left it; the next turn sees it.
    pub(crate) async fn save(&self, changed: Vec<Submission>) -> Result<usize> {
        if changed.is_empty() {
            return Ok(0);
        }
        self.write(move |tx| save(tx, &changed)).await
    }

    /// A part that fails stops only itself, and is told; a lost lease stops the worker.
    pub(crate) fn apart(
        &self,
        done: Result<usize>,
        what: &str,
        of: &impl std::fmt::Display,
    ) -> Result<usize> {
        match done {
            Err(error @ Error::Store(store::Error::Fenced { .. } | store::Error::Closed)) => {
                Err(error)
            }
            Err(error) => {
                tracing::warn!(%of, %error, "{what} waits");
                Ok(0)
            }
            done => done,
        }
    }
}

/// Write submissions in a transaction; how many were written.
pub(crate) fn save(tx: &mut Unbound<'_, '_>, changed: &[Submission]) -> Result<usize> {
    save_by(tx, changed, None)
}

/// The same, by the hand of whoever asked for it.
pub(crate) fn save_by(
    tx: &mut Unbound<'_, '_>,
    changed: &[Submission],
    who: Option<&Principal>,
) -> Result<usize> {
    let written: BTreeSet<SubmissionId> = table::update(tx, changed)?.into_iter().collect();
    for one in changed.iter().filter(|one| written.contains(&one.id)) {
        tx.append(
            &one.namespace,
            fact(one, who.unwrap_or(&system(&one.namespace))),
        );
    }
    Ok(written.len())
}

/// Write submissions in a transaction that means nothing without every one of them.
pub(crate) fn save_all(tx: &mut Unbound<'_, '_>, changed: &[Submission]) -> Result<()> {
    if save(tx, changed)? == changed.len() {
        Ok(())
    } else {
        Err(Error::Store(store::Error::Contended { attempts: 1 }))
    }
}

/// Who acts when nobody asks.
pub(crate) fn system(namespace: &Namespace) -> Principal {
    Principal::system("submit", namespace.clone())
}

fn fact(one: &Submission, who: &Principal) -> Fact {
    let said = serde_json::json!({
        "chain": one.chain, "signer": one.signer, "state": one.state, "transaction": one.transaction, "reason": one.reason,
        "block_hash": one.block_hash, "block_height": one.block_height, "outcome": one.outcome, "fee": one.fee,
        "created_contract": one.created_contract,
    });
    Fact::new(one.state.fact(), 1)
        .about(&one.id, one.version + 1)
        .by(who)
        .part_of(&one.id)
        .says(&said)
}
