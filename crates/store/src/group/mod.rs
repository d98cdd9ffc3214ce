//! Group commit: closures that wait at the same time run in one database transaction.
//!
//! When a closure fails or an unexpected error occurs, the transaction is rolled back and the group
//! is split until the failing closure runs alone, so that it does not fail the others.

use crate::engine::{Connection, EngineResult, Failure, Mode};
use crate::hash_chain::{self, HeadCache, HeadUpdate};
use crate::partition::Partition;
use crate::tx::{Core, Usage};
use crate::{Error, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use telemetry::{COMMIT_SECONDS, Timer};
use types::{Clock, Entropy};

/// How often a transaction may conflict or lose its connection before the caller gets the error.
const MAX_ATTEMPTS: u32 = 12;
const PAUSE: Duration = Duration::from_millis(3);
/// How long to wait, in all, for the database to come back before a commit whose reply was lost is
/// reported as failed.
const RECONNECT_ATTEMPTS: u32 = 40;
const RECONNECT_PAUSE: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 250 });

/// A queued closure.
pub(crate) trait Job: Send {
    /// Run the closure and keep its result. Returns whether it succeeded.
    fn run(&mut self, core: &mut Core<'_>) -> bool;
    /// Send the caller the closure's result, or the error that rolled it back.
    fn finish(self: Box<Self>, outcome: Result<()>);
}

/// A closure and the partition it writes; none for lease maintenance.
pub(crate) struct Queued {
    pub(crate) partition: Option<Partition>,
    pub(crate) job: Box<dyn Job>,
}

/// What a group needs to run.
pub(crate) struct GroupContext<'a> {
    pub(crate) connection: &'a mut dyn Connection,
    pub(crate) heads: &'a HeadCache,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) entropy: &'a dyn Entropy,
    pub(crate) lease_clock: crate::LeaseClock,
}

/// What to do after an attempt that did not commit.
enum AttemptError {
    /// Run all of it again. Holds the error to report if this was the last attempt.
    Retry(Option<Error>),
    /// Split the group: around the closure of this index, or in half if the culprit is unknown.
    Split(Option<usize>),
    /// The only closure failed; `None` if its own result reports the failure.
    Failed(Option<Error>),
    /// The commit may have succeeded, so nothing of it may run again.
    Unknown(Error),
}

/// Run a group until every job is finished. Returns whether any fact was committed.
#[expect(
    clippy::disallowed_methods,
    reason = "the database decides when a conflict is over"
)]
pub(crate) fn run(context: &mut GroupContext<'_>, mut group: Vec<Queued>) -> bool {
    let mut last_error = None;
    for attempt in 1..=MAX_ATTEMPTS {
        match try_group(context, &mut group) {
            Ok(facts) => {
                finish(group, &Ok(()));
                return facts;
            }
            Err(AttemptError::Retry(error)) => last_error = error,
            Err(AttemptError::Split(index)) => {
                return split(group, index)
                    .into_iter()
                    .map(|part| run(context, part))
                    .fold(false, |any, facts| any | facts);
            }
            Err(AttemptError::Failed(error)) => {
                finish(group, &error.map_or(Ok(()), Err));
                return false;
            }
            Err(AttemptError::Unknown(error)) => {
                finish(group, &Err(error));
                return true; // notify anyway: the commit may have succeeded
            }
        }
        std::thread::sleep(PAUSE * attempt);
    }
    finish(
        group,
        &Err(last_error.unwrap_or(Error::Contended {
            attempts: MAX_ATTEMPTS,
        })),
    );
    false
}

fn finish(group: Vec<Queued>, outcome: &Result<()>) {
    group
        .into_iter()
        .for_each(|queued| queued.job.finish(outcome.clone()));
}

/// Separate the failing closure. The others still commit together, and all keep their order.
fn split(mut group: Vec<Queued>, index: Option<usize>) -> Vec<Vec<Queued>> {
    let parts = match index {
        Some(index) => {
            let after = group.split_off(index + 1);
            let bad = group.split_off(index);
            vec![group, bad, after]
        }
        None => {
            let after = group.split_off(group.len() / 2);
            vec![group, after]
        }
    };
    parts.into_iter().filter(|part| !part.is_empty()).collect()
}

fn try_group(
    context: &mut GroupContext<'_>,
    group: &mut [Queued],
) -> std::result::Result<bool, AttemptError> {
    let alone = group.len() == 1;
    let result = run_transaction(context, group);
    if result.is_err() {
        context.connection.rollback();
    }
    result.map_err(|failure| match failure {
        TxFailure::Contended(error) => AttemptError::Retry(error),
        TxFailure::Unknown(error) => AttemptError::Unknown(error),
        TxFailure::Closure(_, error) if alone => AttemptError::Failed(error),
        TxFailure::Closure(index, _) => AttemptError::Split(Some(index)),
        TxFailure::Other(error) if alone => AttemptError::Failed(Some(error)),
        TxFailure::Other(_) => AttemptError::Split(None),
    })
}

/// Why a transaction did not commit.
enum TxFailure {
    /// It conflicted with others, or the connection broke.
    Contended(Option<Error>),
    /// The closure of this index failed; `None` if its own result reports the failure.
    Closure(usize, Option<Error>),
    /// A failure that no single closure caused.
    Other(Error),
    /// The outcome of the commit is unknown.
    Unknown(Error),
}

impl From<Failure> for TxFailure {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Contended => TxFailure::Contended(None),
            // A connection that broke before the commit leaves no changes.
            Failure::Disconnected(error) => TxFailure::Contended(Some(error)),
            Failure::Failed(error) => TxFailure::Other(error),
        }
    }
}

fn run_transaction(
    context: &mut GroupContext<'_>,
    group: &mut [Queued],
) -> std::result::Result<bool, TxFailure> {
    let timer = Timer::start();
    context.connection.begin(group_mode(group))?;
    let partitions = group_partitions(group);
    let now = group_time(context, group)?;
    let mut core = Core::new(context.connection, now, context.entropy, true);
    let mut written = vec![false; partitions.len()];
    let mut wrote = false;
    for (index, queued) in group.iter_mut().enumerate() {
        let partition_index = queued
            .partition
            .as_ref()
            .and_then(|own| partitions.iter().position(|p| p == own));
        core.partition = partition_index.unwrap_or(usize::MAX);
        run_closure(&mut core, index, queued.job.as_mut())?;
        wrote |= core.usage.wrote;
        if let Some(partition_index) = partition_index {
            written[partition_index] |= core.usage.wrote;
        }
    }
    let facts = core.facts;
    if !wrote {
        context.connection.rollback();
        return Ok(false);
    }
    let updates = hash_chain::link(
        context.connection,
        context.heads,
        &partitions,
        &written,
        &facts,
    )?;
    commit(context, &updates)?;
    COMMIT_SECONDS.record(timer.seconds(), []);
    updates
        .iter()
        .for_each(|update| context.heads.insert(&update.partition, update.head));
    Ok(!facts.is_empty())
}

/// Run one closure of the group. Its result stays with the job; an error here rolls back the
/// transaction.
fn run_closure(
    core: &mut Core<'_>,
    index: usize,
    job: &mut dyn Job,
) -> std::result::Result<(), TxFailure> {
    core.usage = Usage::default();
    let result = catch_unwind(AssertUnwindSafe(|| job.run(core)));
    match (result, core.usage.failure.take()) {
        // A statement failed, and the closure returned an error of its own.
        (Ok(false), Some(Failure::Failed(_))) => Err(TxFailure::Closure(index, None)),
        // A statement failed and the closure ignored it: the transaction is unusable all the same.
        (_, Some(Failure::Failed(error))) => Err(TxFailure::Closure(index, Some(error))),
        (_, Some(failure)) => Err(failure.into()),
        (Ok(true), None) => Ok(()),
        // It wrote nothing and returned an error: there is nothing to roll back.
        (Ok(false), None) if !core.usage.wrote => Ok(()),
        (Ok(false), None) => Err(TxFailure::Closure(index, None)),
        (Err(panic), None) => Err(TxFailure::Closure(
            index,
            Some(Error::AssertionFailed {
                what: panic_message(&*panic),
            }),
        )),
    }
}

/// The message of a panic.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

/// Lease maintenance always has a group of its own.
fn group_mode(group: &[Queued]) -> Mode {
    if group.iter().all(|queued| queued.partition.is_none()) {
        Mode::Maintenance
    } else {
        Mode::Write
    }
}

fn group_partitions(group: &[Queued]) -> Vec<Partition> {
    let mut partitions: Vec<Partition> = Vec::new();
    for partition in group.iter().filter_map(|queued| queued.partition.as_ref()) {
        if !partitions.contains(partition) {
            partitions.push(partition.clone());
        }
    }
    partitions
}

/// Leases use the time that all processes share; everything else uses the process's clock.
fn group_time(context: &mut GroupContext<'_>, group: &[Queued]) -> EngineResult<types::Time> {
    let maintenance = group.iter().any(|queued| queued.partition.is_none());
    if maintenance
        && context.lease_clock == crate::LeaseClock::Database
        && let Some(micros) = context.connection.shared_clock()?
    {
        return Ok(types::Time::from_micros(micros));
    }
    Ok(context.clock.now())
}

/// Commit. If the reply is lost with the connection, the heads show whether the commit succeeded.
/// Until that is known nothing runs again, since a repeat could apply a closure twice.
#[expect(
    clippy::disallowed_methods,
    reason = "the database decides when a connection is back"
)]
fn commit(
    context: &mut GroupContext<'_>,
    updates: &[HeadUpdate],
) -> std::result::Result<(), TxFailure> {
    let lost = match context.connection.commit() {
        Ok(()) => return Ok(()),
        Err(Failure::Disconnected(error)) => error,
        Err(other) => return Err(other.into()),
    };
    updates
        .iter()
        .for_each(|update| context.heads.remove(&update.partition));
    context.connection.rollback();
    if updates.is_empty() {
        return Err(TxFailure::Contended(Some(lost))); // lease maintenance: safe to run again
    }
    for _ in 0..RECONNECT_ATTEMPTS {
        match hash_chain::was_committed(context.connection, updates) {
            Ok(Some(true)) => return Ok(()),
            Ok(Some(false)) => return Err(TxFailure::Contended(Some(lost))),
            Ok(None) => break,
            Err(_) => {
                context.connection.rollback();
                std::thread::sleep(RECONNECT_PAUSE);
            }
        }
    }
    Err(TxFailure::Unknown(lost))
}

#[cfg(test)]
mod tests;
