//! The head of each partition. One `UPDATE` extends the hash chain and checks the lease's fencing
//! token.

use crate::engine::{Connection, EngineResult, Failure};
use crate::fact::{FactLink, PendingFact};
use crate::partition::Partition;
use crate::table::head::{self, Head};
use crate::{Error, table};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

/// The heads of the partitions that this process owns, as of its last commit; one epoch per
/// partition.
#[derive(Default)]
pub(crate) struct HeadCache(Mutex<HashMap<Box<str>, (i64, Head)>>);

impl HeadCache {
    fn get(&self, partition: &Partition) -> Option<Head> {
        let heads = self.lock();
        heads
            .get(partition.name())
            .and_then(|(epoch, head)| (*epoch == partition.epoch()).then_some(*head))
    }

    pub(crate) fn insert(&self, partition: &Partition, head: Head) {
        self.lock()
            .insert(partition.name().into(), (partition.epoch(), head));
    }

    pub(crate) fn remove(&self, partition: &Partition) {
        self.lock().remove(partition.name());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, (i64, Head)>> {
        self.0
            .lock()
            .expect("no thread panics while it holds this lock")
    }
}

/// The new head of a partition after a transaction.
pub(crate) struct HeadUpdate {
    pub(crate) partition: Partition,
    pub(crate) head: Head,
    /// Whether the transaction has facts; if not, only `commits` increases.
    has_facts: bool,
}

/// Move the head of each partition that was written, and store the facts linked behind it.
///
/// The heads are updated first: an owner that lost its lease stops here, before its facts collide
/// with those of the new owner.
pub(crate) fn link(
    connection: &mut dyn Connection,
    heads: &HeadCache,
    partitions: &[Partition],
    written: &[bool],
    facts: &[PendingFact],
) -> EngineResult<Vec<HeadUpdate>> {
    let mut tips = Vec::with_capacity(partitions.len());
    for (partition, written) in partitions.iter().zip(written) {
        tips.push(if *written {
            Some(ChainTip::load(connection, heads, partition)?)
        } else {
            None
        });
    }
    let linked: Vec<FactLink> = facts
        .iter()
        .map(|fact| {
            let tip = tips[fact.partition]
                .as_mut()
                .expect("appending a fact marks the partition as written, so its head is loaded");
            tip.append(fact, partitions[fact.partition].name())
        })
        .collect();
    let mut updates = Vec::with_capacity(tips.len());
    for (partition, tip) in partitions.iter().zip(tips) {
        updates.extend(
            tip.map(|tip| tip.store(connection, heads, partition))
                .transpose()?,
        );
    }
    let named = facts.iter().zip(&linked);
    let named = named.map(|(fact, link)| (partitions[fact.partition].name(), fact, link));
    table::fact::insert_all(connection, named)?;
    Ok(updates)
}

/// The end of a hash chain while facts are appended to it.
struct ChainTip {
    old: Head,
    new: Head,
    /// Whether `old` comes from the cache.
    cached: bool,
}

impl ChainTip {
    fn load(
        connection: &mut dyn Connection,
        heads: &HeadCache,
        partition: &Partition,
    ) -> EngineResult<Self> {
        let cached = heads.get(partition);
        let old = match cached {
            Some(head) => head,
            // What this transaction reads is cached only once it commits: it may still be rolled
            // back.
            None => head::get(connection, partition)?.ok_or_else(|| fenced(partition))?,
        };
        Ok(Self {
            old,
            new: Head {
                commits: old.commits + 1,
                ..old
            },
            cached: cached.is_some(),
        })
    }

    fn append(&mut self, fact: &PendingFact, partition: &str) -> FactLink {
        let link = fact.link(partition, self.new.seq + 1, self.new.hash);
        (self.new.seq, self.new.hash) = (link.seq, link.hash);
        link
    }

    fn store(
        self,
        connection: &mut dyn Connection,
        heads: &HeadCache,
        partition: &Partition,
    ) -> EngineResult<HeadUpdate> {
        if head::advance(connection, partition, &self.new)? {
            let has_facts = self.new.seq > self.old.seq;
            return Ok(HeadUpdate {
                partition: partition.clone(),
                head: self.new,
                has_facts,
            });
        }
        heads.remove(partition);
        // A cached head may be out of date; one read in this snapshot cannot be, so there it means
        // another owner.
        Err(if self.cached {
            Failure::Contended
        } else {
            fenced(partition)
        })
    }
}

fn fenced(partition: &Partition) -> Failure {
    // Logged here too: the caller may have been cancelled by the loss of its lease and never
    // report the error.
    tracing::warn!(
        event = "commit.fenced",
        partition = partition.name(),
        epoch = partition.epoch(),
        "a commit was refused: another process owns the partition"
    );
    Failure::Failed(Error::Fenced {
        partition: partition.name().to_owned(),
    })
}

/// Whether a commit succeeded whose reply was lost; none if that can no longer be determined. Needs
/// a working connection.
///
/// All partitions of a transaction commit together, so the first known outcome holds for all.
pub(crate) fn was_committed(
    connection: &mut dyn Connection,
    updates: &[HeadUpdate],
) -> EngineResult<Option<bool>> {
    for update in updates {
        let outcome = update.was_committed(connection)?;
        if outcome.is_some() {
            return Ok(outcome);
        }
    }
    Ok(None)
}

impl HeadUpdate {
    fn was_committed(&self, connection: &mut dyn Connection) -> EngineResult<Option<bool>> {
        // Waits for the row lock until the lost transaction has ended on the server.
        let Some(count) = head::lock(connection, &self.partition)? else {
            return Ok(Some(false));
        };
        if count.commits < self.head.commits {
            return Ok(Some(false));
        }
        if count.epoch == self.partition.epoch() {
            return Ok(Some(true));
        }
        // Another owner has committed since. Its facts either follow this transaction's or replace
        // them.
        if self.has_facts {
            let Head { seq, hash, .. } = self.head;
            return table::fact::exists(connection, self.partition.name(), seq, hash).map(Some);
        }
        Ok(None)
    }
}
