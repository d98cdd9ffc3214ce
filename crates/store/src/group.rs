//! Group commit: closures that wait at the same time run in one database transaction.
//!
//! Should anything unexpected happen, the transaction is undone and each closure runs again alone,
//! so that a bad one fails by itself.

use crate::chain::{self, Heads, Link};
use crate::engine::{Answer, Connection, Failure, Mode};
use crate::lease::Partition;
use crate::tx::{Core, Use};
use crate::{Error, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use types::{Clock, Entropy};

/// How often a transaction may lose against others, or its connection, before the caller hears of
/// it.
const MAX_ATTEMPTS: u32 = 12;
const PAUSE: Duration = Duration::from_millis(3);
/// How long to wait for the database to come back, in all, before a commit whose answer was lost is
/// reported as failed.
const RECONNECT_ATTEMPTS: u32 = 40;
const RECONNECT_PAUSE: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 250 });

/// A closure that waits for its turn.
pub(crate) trait Job: Send {
    /// Run it and keep what it returned; whether that was a success.
    fn run(&mut self, core: &mut Core<'_>) -> bool;
    /// Tell the caller: what the closure returned, or the error that undid it.
    fn finish(self: Box<Self>, outcome: Result<()>);
}

/// A closure and the partition it writes; none for the upkeep of leases themselves.
pub(crate) struct Queued {
    pub(crate) partition: Option<Partition>,
    pub(crate) job: Box<dyn Job>,
}

/// What a group runs with.
pub(crate) struct Turn<'a> {
    pub(crate) connection: &'a mut dyn Connection,
    pub(crate) heads: &'a Heads,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) entropy: &'a dyn Entropy,
    pub(crate) lease_time: crate::LeaseTime,
}

/// Why an attempt did not commit.
enum Setback {
    /// Run all of it again; the error, should this have been the last attempt.
    Again(Option<Error>),
    /// One of several is bad: this one, or nobody knows which.
    Split(Option<usize>),
    /// The one closure there is failed; `None` if what it returned says it best.
    Failed(Option<Error>),
    /// The commit may have counted, so nothing of it may run again.
    Unknown(Error),
}

/// Run a group to its end: every job is finished. Whether any fact was committed.
pub(crate) fn run(turn: &mut Turn<'_>, mut group: Vec<Queued>) -> bool {
    let mut last = None;
    for attempt in 1..=MAX_ATTEMPTS {
        match attempt_once(turn, &mut group) {
            Ok(facts) => {
                finish(group, &Ok(()));
                return facts;
            }
            Err(Setback::Again(why)) => last = why,
            Err(Setback::Split(at)) => {
                return split(group, at)
                    .into_iter()
                    .map(|part| run(turn, part))
                    .fold(false, |any, facts| any | facts);
            }
            Err(Setback::Failed(error)) => {
                finish(group, &error.map_or(Ok(()), Err));
                return false;
            }
            Err(Setback::Unknown(error)) => {
                finish(group, &Err(error));
                return true; // look again: it may have counted
            }
        }
        std::thread::sleep(PAUSE * attempt);
    }
    finish(
        group,
        &Err(last.unwrap_or(Error::Contended {
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

/// Apart from the bad one, whoever stood together still commits together, and everybody keeps his
/// place in the order.
fn split(mut group: Vec<Queued>, at: Option<usize>) -> Vec<Vec<Queued>> {
    let parts = match at {
        Some(at) => {
            let behind = group.split_off(at + 1);
            let bad = group.split_off(at);
            vec![group, bad, behind]
        }
        None => {
            let behind = group.split_off(group.len() / 2);
            vec![group, behind]
        }
    };
    parts.into_iter().filter(|part| !part.is_empty()).collect()
}

fn attempt_once(turn: &mut Turn<'_>, group: &mut [Queued]) -> std::result::Result<bool, Setback> {
    let alone = group.len() == 1;
    let result = perform(turn, group);
    if result.is_err() {
        turn.connection.rollback();
    }
    result.map_err(|undone| match undone {
        Undone::Contended(why) => Setback::Again(why),
        Undone::Unknown(error) => Setback::Unknown(error),
        Undone::Closure(_, error) if alone => Setback::Failed(error),
        Undone::Closure(at, _) => Setback::Split(Some(at)),
        Undone::Other(error) if alone => Setback::Failed(Some(error)),
        Undone::Other(_) => Setback::Split(None),
    })
}

/// Why a transaction was undone.
enum Undone {
    /// Others stood in its way, or the connection broke.
    Contended(Option<Error>),
    /// The closure of this place failed; `None` if what it returned says it best.
    Closure(usize, Option<Error>),
    /// Something that is no closure's own.
    Other(Error),
    /// Nobody can tell whether it was undone.
    Unknown(Error),
}

impl From<Failure> for Undone {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Contended => Undone::Contended(None),
            // A connection that broke before the commit leaves nothing behind.
            Failure::Disconnected(error) => Undone::Contended(Some(error)),
            Failure::Failed(error) => Undone::Other(error),
        }
    }
}

fn perform(turn: &mut Turn<'_>, group: &mut [Queued]) -> std::result::Result<bool, Undone> {
    turn.connection.begin(mode_of(group))?;
    let partitions = partitions_of(group);
    let now = time_of(turn, group)?;
    let mut core = Core::new(turn.connection, now, turn.entropy, true);
    let mut touched = vec![false; partitions.len()];
    let mut wrote = false;
    for (at, queued) in group.iter_mut().enumerate() {
        let place = queued
            .partition
            .as_ref()
            .and_then(|own| partitions.iter().position(|p| p == own));
        core.partition = place.unwrap_or(usize::MAX);
        run_one(&mut core, at, queued.job.as_mut())?;
        wrote |= core.use_.wrote;
        if let Some(place) = place {
            touched[place] |= core.use_.wrote;
        }
    }
    let facts = core.facts;
    if !wrote {
        turn.connection.rollback();
        return Ok(false);
    }
    let links = chain::link(turn.connection, turn.heads, &partitions, &touched, &facts)?;
    commit(turn, &links)?;
    links
        .iter()
        .for_each(|link| turn.heads.keep(&link.partition, link.head));
    Ok(!facts.is_empty())
}

/// Run one closure inside the group. What it returned stays with the job; an error here undoes the
/// transaction.
fn run_one(core: &mut Core<'_>, at: usize, job: &mut dyn Job) -> std::result::Result<(), Undone> {
    core.use_ = Use::default();
    let kept = catch_unwind(AssertUnwindSafe(|| job.run(core)));
    match (kept, core.use_.failure.take()) {
        // A statement failed, and the closure said so in its own words.
        (Ok(false), Some(Failure::Failed(_))) => Err(Undone::Closure(at, None)),
        // It failed, and the closure looked away: the transaction is spoilt all the same.
        (_, Some(Failure::Failed(error))) => Err(Undone::Closure(at, Some(error))),
        (_, Some(failure)) => Err(failure.into()),
        (Ok(true), None) => Ok(()),
        // It looked, wrote nothing and said no: nothing needs undoing.
        (Ok(false), None) if !core.use_.wrote => Ok(()),
        (Ok(false), None) => Err(Undone::Closure(at, None)),
        (Err(panic), None) => Err(Undone::Closure(
            at,
            Some(Error::Assertion {
                what: words_of(&*panic),
            }),
        )),
    }
}

/// What a panic said.
pub(crate) fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no words".to_owned())
}

/// Upkeep of leases has a group of its own.
fn mode_of(group: &[Queued]) -> Mode {
    if group.iter().all(|queued| queued.partition.is_none()) {
        Mode::Upkeep
    } else {
        Mode::Write
    }
}

fn partitions_of(group: &[Queued]) -> Vec<Partition> {
    let mut partitions: Vec<Partition> = Vec::new();
    for partition in group.iter().filter_map(|queued| queued.partition.as_ref()) {
        if !partitions.contains(partition) {
            partitions.push(partition.clone());
        }
    }
    partitions
}

/// Leases are reckoned in the time that all processes share; everything else in the clock that was
/// handed in.
fn time_of(turn: &mut Turn<'_>, group: &[Queued]) -> Answer<types::Time> {
    let upkeep = group.iter().any(|queued| queued.partition.is_none());
    if upkeep
        && turn.lease_time == crate::LeaseTime::Database
        && let Some(micros) = turn.connection.shared_clock()?
    {
        return Ok(types::Time::from_micros(micros));
    }
    Ok(turn.clock.now())
}

/// Commit. If the answer is lost with the connection, the heads tell whether it counted.
fn commit(turn: &mut Turn<'_>, links: &[Link]) -> std::result::Result<(), Undone> {
    let lost = match turn.connection.commit() {
        Ok(()) => return Ok(()),
        Err(Failure::Disconnected(error)) => error,
        Err(other) => return Err(other.into()),
    };
    links
        .iter()
        .for_each(|link| turn.heads.forget(&link.partition));
    turn.connection.rollback();
    if links.is_empty() {
        return Err(Undone::Contended(Some(lost))); // upkeep of leases: safe to run again
    }
    for _ in 0..RECONNECT_ATTEMPTS {
        match chain::counted(turn.connection, links) {
            Ok(Some(true)) => return Ok(()),
            Ok(Some(false)) => return Err(Undone::Contended(Some(lost))),
            Ok(None) => break,
            Err(_) => {
                turn.connection.rollback();
                std::thread::sleep(RECONNECT_PAUSE);
            }
        }
    }
    Err(Undone::Unknown(lost))
}

#[cfg(test)]
mod tests;
