//! The worker of one shard of lanes. Each stage of a turn loads due submissions, acts, and records
//! the result.

mod broadcast;
mod chain_facts;
mod collect;
mod commit;
mod decide;
mod holes;
mod lane;
mod replacement;
mod request;
mod signers;
mod standing;
mod statement;
mod withdraw;

pub(crate) use decide::release_idempotency_keys;
pub(crate) use standing::end_permit;
pub(crate) use withdraw::withdraw as withdraw_request;

use crate::state::{Event, State};
use crate::submission::Submission;
use crate::{Error, Result, Submit, record, table};
use futures::future::join_all;
use store::{Db, Lease, UnscopedTx};
use tracing::Span;
use types::{Backoff, ChainId, Time};

/// Paused submissions resumed per chain and turn.
const RESUMED_PER_TURN: u32 = 200;
/// How long a submission waits before it is planned and signed again, for example while its key is
/// frozen or its node unreachable.
const WAIT_MS: i64 = 5_000;
/// How long a submission whose price is too low, and may not be raised, waits for it to fall.
const PRICE_RETRY_MS: i64 = 60_000;
/// The longest pause between two attempts: quotes, or broadcasts of the same bytes.
const MAX_RETRY_MS: i64 = 60_000;

/// The result of one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Number of submissions that changed.
    pub changed: usize,
}

/// Processes the submissions of one shard. Holds the lease of `lanes/<shard>`.
#[derive(Clone)]
pub struct Worker {
    submit: Submit,
    shard: i64,
    lease: Lease,
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

    /// One turn: apply chain facts, decide, sign, collect late signatures, broadcast, resume. The
    /// running worker calls this in a loop.
    pub async fn turn(&self) -> Result<Progress> {
        let mut changed = chain_facts::apply(self).await?;
        changed += each_chain(self, "decide", decide::decide).await?;
        changed += each_chain(self, "decide_statements", statement::decide).await?;
        changed += each_chain(self, "sign_statements", statement::sign).await?;
        changed += each_chain(self, "collect_statements", statement::collect).await?;
        changed += each_chain(self, "sign", lane::sign).await?;
        changed += each_chain(self, "collect", collect::collect).await?;
        changed += each_chain(self, "fill", holes::fill).await?;
        changed += each_chain(self, "broadcast", broadcast::broadcast).await?;
        changed += resume_due(self).await?;
        Ok(Progress { changed })
    }

    fn db(&self) -> &Db {
        self.submit.db()
    }

    fn now(&self) -> Time {
        self.submit.now()
    }

    /// The configured chains. Submissions of a chain that is not configured wait until it is.
    fn chains(&self) -> Vec<ChainId> {
        self.submit.chains().map(|chain| *chain.chain()).collect()
    }

    /// Whether the lease is still valid, so that this worker may start an external effect.
    fn may_act(&self) -> bool {
        self.lease.may_act(self.db().clock().monotonic_ms())
    }

    /// Whether a block of the chain that counted as final was reorganized away: until an operator
    /// resumes the chain, nothing new is signed, requested, collected or sent for it.
    async fn is_halted(&self, chain: ChainId) -> Result<bool> {
        let read = move |tx: &mut UnscopedTx| is_halted(tx, &chain);
        self.db().read_unscoped(read).await
    }

    /// When something that failed after `attempts` earlier failures is tried again.
    fn retry_at(&self, attempts: u32) -> Time {
        let first_ms = self.submit.settings().retry_backoff_ms;
        let pause = Backoff::doubling(first_ms, MAX_RETRY_MS).pause(attempts);
        self.now().plus_millis(pause)
    }

    /// Writes to this worker's partition, fenced by its lease. The closure may run more than once.
    async fn write<A, T, F>(&self, args: A, write: F) -> Result<T>
    where
        A: Send + 'static,
        T: Send + 'static,
        F: FnMut(&mut UnscopedTx, &A) -> Result<T> + Send + 'static,
    {
        let db = self.db().on(&self.lease);
        db.write_unscoped_with(args, write).await
    }

    /// Writes changed submissions, each with a fact of its state. Those that were changed
    /// concurrently are skipped; the next turn sees their new state.
    async fn save(&self, changed: Vec<Submission>) -> Result<usize> {
        if changed.is_empty() {
            return Ok(0);
        }
        self.write(changed, |tx, changed| record::save(tx, changed))
            .await
    }

    /// Due submissions of this shard on a chain in one of these states, oldest first.
    async fn due<const N: usize>(
        &self,
        chain: ChainId,
        states: [State; N],
        limit: u32,
    ) -> Result<Vec<Submission>> {
        let (shard, now) = (self.shard, self.now());
        let read = move |tx: &mut UnscopedTx| {
            table::submission::due(tx, shard, &chain, &states, now, limit)
        };
        Ok(self.db().read_unscoped(read).await?)
    }
}

/// The end of a lane's pause for a submission that is sent again at `retry`. Signing precedes
/// sending in a turn: nothing may be signed behind it before it is known how that ends.
fn after_retry(retry: Time) -> Time {
    retry.plus_millis(2 * WAIT_MS)
}

/// See [`Worker::is_halted`].
fn is_halted(tx: &mut UnscopedTx, chain: &ChainId) -> Result<bool> {
    let status = index::status(tx, chain)?;
    Ok(status.is_some_and(|status| status.halted.is_some()))
}

/// Runs a stage on all chains concurrently, so that an unresponsive node blocks only its own chain.
async fn each_chain(
    worker: &Worker,
    stage: &'static str,
    run: impl AsyncFn(&Worker, ChainId) -> Result<usize>,
) -> Result<usize> {
    let turns = worker.chains().into_iter().map(|chain| {
        let turn = run(worker, chain);
        async move { isolate_failure(turn.await, stage, &chain) }
    });
    join_all(turns).await.into_iter().sum()
}

/// The spans of submissions in a stage, which end when they are dropped.
fn open_spans<'s>(
    stage: &'static str,
    submissions: impl IntoIterator<Item = &'s Submission>,
) -> Vec<Span> {
    let open = |submission: &Submission| {
        let Submission {
            id,
            namespace,
            chain,
            ..
        } = submission;
        let trace = tracing::field::Empty;
        let span = tracing::info_span!("submission", %id, %namespace, %chain, stage, trace);
        telemetry::continue_trace(&span, submission.initiator.trace);
        span
    };
    submissions.into_iter().map(open).collect()
}

/// Logs a stage's failure and continues with the other stages, chains and lanes. A lost lease or
/// closed database stops the whole turn.
fn isolate_failure<T: Default>(
    result: Result<T>,
    stage: &str,
    subject: &impl std::fmt::Display,
) -> Result<T> {
    match result {
        Err(Error::Store(error)) if error.ends_worker() => Err(error.into()),
        Err(error) => {
            tracing::warn!(
                event = "submission.stage_failed",
                stage,
                %subject,
                %error,
                "a stage of the turn failed and is retried"
            );
            Ok(T::default())
        }
        result => result,
    }
}

/// Resumes paused submissions whose pause has expired.
async fn resume_due(worker: &Worker) -> Result<usize> {
    let mut changed = 0;
    for chain in worker.chains() {
        let mut due = worker.due(chain, [State::Paused], RESUMED_PER_TURN).await?;
        for submission in &mut due {
            submission.apply(Event::Resumed, worker.now())?;
            submission.reason = None;
        }
        changed += worker.save(due).await?;
    }
    Ok(changed)
}
