//! The worker of one shard of lanes. Each turn loads due submissions, acts, and records the result.

use crate::submission::Submission;
use crate::{Error, Result, Submit, table};
use std::collections::BTreeSet;
use store::{Fact, Lease, UnscopedTx};
use types::{ChainId, Namespace, Principal, SubmissionId, Time};

/// The result of one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Number of submissions that changed.
    pub changed: usize,
}

/// Processes the submissions of one shard. Holds the lease of `lanes/<shard>`.
#[derive(Clone)]
pub struct Worker {
    pub(crate) submit: Submit,
    pub(crate) shard: i64,
    pub(crate) lease: Lease,
}

impl Worker {
    /// Creates the worker of a shard. `lease` must be the lease of `lanes/<shard>`.
    pub fn new(submit: Submit, shard: u32, lease: Lease) -> Self {
        Self {
            submit,
            shard: i64::from(shard),
            lease,
        }
    }

    /// One turn: apply chain facts, decide, sign, broadcast, resume. The running worker calls this
    /// in a loop.
    pub async fn turn(&self) -> Result<Progress> {
        let mut changed = self.apply_chain_facts().await?;
        changed += self.decide().await?;
        changed += self.sign().await?;
        changed += self.broadcast().await?;
        changed += self.resume_due().await?;
        Ok(Progress { changed })
    }

    /// The earliest time at which a submission is due, if any.
    pub async fn next_due(&self) -> Result<Option<Time>> {
        let (shard, chains) = (self.shard, self.chains());
        let next = move |tx: &mut UnscopedTx<'_, '_>| {
            let due = chains
                .iter()
                .map(|chain| table::next_due(tx, shard, chain))
                .collect::<store::Result<Vec<_>>>()?;
            Ok::<_, store::Error>(due.into_iter().flatten().min())
        };
        Ok(self.submit.0.db.read_unscoped(next).await?)
    }

    /// The configured chains. Submissions of a chain that is not configured wait until it is.
    pub(crate) fn chains(&self) -> Vec<ChainId> {
        self.submit.chains().map(|chain| *chain.chain()).collect()
    }

    pub(crate) fn now(&self) -> Time {
        self.submit.0.db.clock().now()
    }

    /// Whether the lease is still valid, so that this worker may start an external effect.
    pub(crate) fn may_act(&self) -> bool {
        self.lease.may_act(self.submit.0.db.clock().monotonic_ms())
    }

    /// Writes to this worker's partition, fenced by its lease.
    pub(crate) async fn write<T, F>(&self, write: F) -> Result<T>
    where
        F: FnMut(&mut UnscopedTx<'_, '_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.submit.0.db.on(&self.lease).write_unscoped(write).await
    }

    /// Writes changed submissions, each with a fact of its state. Those that were changed
    /// concurrently are skipped; the next turn sees their new state.
    pub(crate) async fn save(&self, changed: Vec<Submission>) -> Result<usize> {
        if changed.is_empty() {
            return Ok(0);
        }
        self.write(move |tx| save(tx, &changed)).await
    }

    /// Logs a stage's failure and continues with the other stages, chains and lanes. A lost lease
    /// or closed database stops the whole turn.
    pub(crate) fn isolate_failure(
        &self,
        result: Result<usize>,
        stage: &str,
        subject: &impl std::fmt::Display,
    ) -> Result<usize> {
        match result {
            Err(error @ Error::Store(store::Error::Fenced { .. } | store::Error::Closed)) => {
                Err(error)
            }
            Err(error) => {
                tracing::warn!(
                    event = "submit.stage_failed",
                    stage,
                    %subject,
                    %error,
                    "a stage of the turn failed and is retried"
                );
                Ok(0)
            }
            result => result,
        }
    }
}

/// Writes changed submissions and their facts. Returns the number written.
pub(crate) fn save(tx: &mut UnscopedTx<'_, '_>, changed: &[Submission]) -> Result<usize> {
    save_as(tx, changed, None)
}

/// Like [`save`], with `actor` as the actor of the facts, or the worker itself.
pub(crate) fn save_as(
    tx: &mut UnscopedTx<'_, '_>,
    changed: &[Submission],
    actor: Option<&Principal>,
) -> Result<usize> {
    let written: BTreeSet<SubmissionId> = table::update(tx, changed)?.into_iter().collect();
    for submission in changed
        .iter()
        .filter(|submission| written.contains(&submission.id))
    {
        tx.append(
            &submission.namespace,
            fact(submission, actor.unwrap_or(&system(&submission.namespace))),
        );
    }
    Ok(written.len())
}

/// Writes all changed submissions, or fails the transaction if one was changed concurrently.
pub(crate) fn save_all(tx: &mut UnscopedTx<'_, '_>, changed: &[Submission]) -> Result<()> {
    if save(tx, changed)? == changed.len() {
        Ok(())
    } else {
        Err(Error::Store(store::Error::Contended { attempts: 1 }))
    }
}

/// The principal of actions that the worker takes by itself.
pub(crate) fn system(namespace: &Namespace) -> Principal {
    Principal::system("submit", *namespace)
}

fn fact(submission: &Submission, actor: &Principal) -> Fact {
    let payload = serde_json::json!({
        "chain": submission.chain,
        "signer": submission.signer,
        "state": submission.state,
        "transaction": submission.transaction,
        "reason": submission.reason,
        "block_hash": submission.block_hash,
        "block_height": submission.block_height,
        "outcome": submission.outcome,
        "fee": submission.fee,
        "created_contract": submission.created_contract,
    });
    Fact::new(submission.state.fact_type(), 1)
        .subject(&submission.id, submission.version + 1)
        .actor(actor)
        .correlation(&submission.id)
        .payload(&payload)
}
