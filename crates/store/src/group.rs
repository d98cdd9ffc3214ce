//! Group commit: closures that wait at the same time run in one database transaction.
//!
//! Should anything unexpected happen, the transaction is undone and each closure runs again alone, so that a bad one fails by itself.

use crate::chain::{self, Head, Heads};
use crate::engine::{Answer, Connection, Failure, Mode};
use crate::lease::Partition;
use crate::tx::{Core, Use};
use crate::{Error, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use types::{Clock, Entropy};

/// How often a transaction may lose against others, or its connection, before the caller hears of it.
const MAX_ATTEMPTS: u32 = 12;
const PAUSE: Duration = Duration::from_millis(3);
/// How long to wait for the database to come back, in all, before a commit whose answer was lost is reported as failed.
const RECONNECT_ATTEMPTS: u32 = 40;
const RECONNECT_PAUSE: Duration = Duration::from_millis(250);

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
    /// Run all of it again.
    Again,
    /// One of several is bad: run them one by one.
    Split,
    /// The one closure there is failed; `None` if what it returned says it best.
    Failed(Option<Error>),
}

/// Run a group to its end: every job is finished. Whether any fact was committed.
pub(crate) fn run(turn: &mut Turn<'_>, mut group: Vec<Queued>) -> bool {
    for attempt in 1..=MAX_ATTEMPTS {
        match attempt_once(turn, &mut group) {
            Ok(facts) => {
                group.into_iter().for_each(|queued| queued.job.finish(Ok(())));
                return facts;
            }
            Err(Setback::Again) => std::thread::sleep(PAUSE * attempt),
            Err(Setback::Split) if group.len() > 1 => {
                return group.into_iter().map(|queued| run(turn, vec![queued])).fold(false, |any, facts| any | facts);
            }
            Err(Setback::Split) => unreachable!("a single closure is not split"),
            Err(Setback::Failed(error)) => {
                let outcome = error.map_or(Ok(()), Err);
                group.into_iter().for_each(|queued| queued.job.finish(outcome.clone()));
                return false;
            }
        }
    }
    let outcome = Err(Error::Contended { attempts: MAX_ATTEMPTS });
    group.into_iter().for_each(|queued| queued.job.finish(outcome.clone()));
    false
}

fn attempt_once(turn: &mut Turn<'_>, group: &mut [Queued]) -> std::result::Result<bool, Setback> {
    let alone = group.len() == 1;
    let result = perform(turn, group);
    if result.is_err() {
        turn.connection.rollback();
    }
    result.map_err(|failure| match failure {
        Undone::Contended => Setback::Again,
        Undone::Other(_) if !alone => Setback::Split,
        Undone::Other(error) => Setback::Failed(error),
    })
}

/// Why a transaction was undone.
enum Undone {
    Contended,
    Other(Option<Error>),
}

impl From<Failure> for Undone {
    fn from(failure: Failure) -> Self {
        match failure {
            // A connection that broke before the commit leaves nothing behind.
            Failure::Contended | Failure::Disconnected(_) => Undone::Contended,
            Failure::Failed(error) => Undone::Other(Some(error)),
        }
    }
}

fn perform(turn: &mut Turn<'_>, group: &mut [Queued]) -> std::result::Result<bool, Undone> {
    turn.connection.begin(Mode::Write)?;
    let partitions = partitions_of(group);
    let now = time_of(turn, group)?;
    let mut core = Core {
        connection: turn.connection,
        now,
        entropy: turn.entropy,
        facts: Vec::new(),
        partition: 0,
        writable: true,
        use_: Use::default(),
    };
    let mut touched = vec![false; partitions.len()];
    let mut wrote = false;
    for queued in group.iter_mut() {
        let place = queued.partition.as_ref().and_then(|own| partitions.iter().position(|p| p == own));
        core.partition = place.unwrap_or(usize::MAX);
        run_one(&mut core, queued.job.as_mut())?;
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
    let heads = link_touched(turn, &partitions, &touched, &facts)?;
    commit(turn, &heads)?;
    heads.iter().for_each(|(partition, head)| turn.heads.keep(partition, *head));
    Ok(!facts.is_empty())
}

/// Run one closure inside the group. What it returned stays with the job; an error here undoes the transaction.
fn run_one(core: &mut Core<'_>, job: &mut dyn Job) -> std::result::Result<(), Undone> {
    core.use_ = Use::default();
    let kept = catch_unwind(AssertUnwindSafe(|| job.run(core)));
    if let Some(failure) = core.use_.failure.take() {
        return Err(match Undone::from(failure) {
            Undone::Other(_) if kept.is_ok() => Undone::Other(None),
            other => other,
        });
    }
    match kept {
        Ok(true) => Ok(()),
        // It looked, wrote nothing and said no: nothing needs undoing.
        Ok(false) if !core.use_.wrote => Ok(()),
        Ok(false) => Err(Undone::Other(None)),
        Err(panic) => Err(Undone::Other(Some(Error::Assertion { what: words_of(&*panic) }))),
    }
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no words".to_owned())
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

/// Leases are reckoned in the time that all processes share; everything else in the clock that was handed in.
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

/// Link only partitions in which something was written; the facts keep their partition's new place.
fn link_touched(
    turn: &mut Turn<'_>,
    partitions: &[Partition],
    touched: &[bool],
    facts: &[crate::fact::PendingFact],
) -> Answer<Vec<(Partition, Head)>> {
    let kept: Vec<usize> = (0..partitions.len()).filter(|place| touched[*place]).collect();
    let owned: Vec<Partition> = kept.iter().map(|place| partitions[*place].clone()).collect();
    let mut moved = facts.to_vec();
    for fact in &mut moved {
        fact.partition = kept
            .iter()
            .position(|place| *place == fact.partition)
            .expect("a fact is appended in a partition, and appending counts as writing");
    }
    chain::link(turn.connection, turn.heads, &owned, &moved)
}

/// Commit. If the answer is lost with the connection, the turn of the heads tells whether it counted.
fn commit(turn: &mut Turn<'_>, heads: &[(Partition, Head)]) -> Answer<()> {
    let lost = match turn.connection.commit() {
        Ok(()) => return Ok(()),
        Err(Failure::Disconnected(error)) => error,
        Err(other) => return Err(other),
    };
    heads.iter().for_each(|(partition, _)| turn.heads.forget(partition));
    turn.connection.rollback();
    if heads.is_empty() {
        return Err(Failure::Contended); // upkeep of leases: safe to run again
    }
    for _ in 0..RECONNECT_ATTEMPTS {
        match chain::counted(turn.connection, heads) {
            Ok(true) => return Ok(()),
            Ok(false) => return Err(Failure::Contended),
            Err(_) => {
                turn.connection.rollback();
                std::thread::sleep(RECONNECT_PAUSE);
            }
        }
    }
    Err(Failure::Failed(lost))
}
