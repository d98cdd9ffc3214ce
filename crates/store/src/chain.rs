//! The head of each partition: the link of the hash chain and the fence of the lease in one
//! statement.

use crate::engine::{Answer, Connection, Failure};
use crate::fact::{Linked, PendingFact};
use crate::lease::Partition;
use crate::{Error, table};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use types::Digest;

/// How far a partition has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) seq: i64,
    pub(crate) hash: Digest,
    /// Counts transactions, so that after a lost connection it is known whether the last one
    /// counted.
    pub(crate) turn: i64,
}

/// The heads of the partitions that this process owns, as of its last commit; one epoch a
/// partition.
#[derive(Default)]
pub(crate) struct Heads(Mutex<HashMap<Box<str>, (i64, Head)>>);

impl Heads {
    fn known(&self, partition: &Partition) -> Option<Head> {
        let heads = self.lock();
        heads
            .get(partition.name())
            .and_then(|(epoch, head)| (*epoch == partition.epoch()).then_some(*head))
    }

    pub(crate) fn keep(&self, partition: &Partition, head: Head) {
        self.lock()
            .insert(partition.name().into(), (partition.epoch(), head));
    }

    pub(crate) fn forget(&self, partition: &Partition) {
        self.lock().remove(partition.name());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, (i64, Head)>> {
        self.0
            .lock()
            .expect("no thread panics while it holds the heads")
    }
}

/// Where a partition's head goes with a transaction.
pub(crate) struct Link {
    pub(crate) partition: Partition,
    pub(crate) head: Head,
    /// Whether it has facts; if not, only the turn moves.
    with_facts: bool,
}

/// Move the head of each partition in which something was written, and store the facts linked
/// behind it.
///
/// The heads go first: who lost the lease stops here, before its facts run into those of the new
/// owner.
pub(crate) fn link(
    connection: &mut dyn Connection,
    heads: &Heads,
    partitions: &[Partition],
    touched: &[bool],
    facts: &[PendingFact],
) -> Answer<Vec<Link>> {
    let mut ends = Vec::with_capacity(partitions.len());
    for (partition, touched) in partitions.iter().zip(touched) {
        ends.push(if *touched {
            Some(End::load(connection, heads, partition)?)
        } else {
            None
        });
    }
    let linked: Vec<Linked> = facts
        .iter()
        .map(|fact| {
            let end = ends[fact.partition]
                .as_mut()
                .expect("to append is to write, so its head was loaded");
            end.append(fact, partitions[fact.partition].name())
        })
        .collect();
    let mut links = Vec::with_capacity(ends.len());
    for (partition, end) in partitions.iter().zip(ends) {
        links.extend(
            end.map(|end| end.store(connection, heads, partition))
                .transpose()?,
        );
    }
    table::insert_facts(connection, partitions, facts, &linked)?;
    Ok(links)
}

/// The end of a chain while facts are linked behind it.
struct End {
    old: Head,
    new: Head,
    /// Whether the old one is from memory.
    remembered: bool,
}

impl End {
    fn load(connection: &mut dyn Connection, heads: &Heads, partition: &Partition) -> Answer<Self> {
        let known = heads.known(partition);
        let old = match known {
            Some(head) => head,
            // What this transaction sees is remembered only once it committed: it may be about to
            // lose.
            None => table::head(connection, partition)?.ok_or_else(|| fenced(partition))?,
        };
        Ok(Self {
            old,
            new: Head {
                turn: old.turn + 1,
                ..old
            },
            remembered: known.is_some(),
        })
    }

    fn append(&mut self, fact: &PendingFact, partition: &str) -> Linked {
        let link = fact.link(partition, self.new.seq + 1, self.new.hash);
        (self.new.seq, self.new.hash) = (link.seq, link.hash);
        link
    }

    fn store(
        self,
        connection: &mut dyn Connection,
        heads: &Heads,
        partition: &Partition,
    ) -> Answer<Link> {
        if table::move_head(connection, partition, &self.old, &self.new)? {
            let with_facts = self.new.seq > self.old.seq;
            return Ok(Link {
                partition: partition.clone(),
                head: self.new,
                with_facts,
            });
        }
        heads.forget(partition);
        // What was remembered may be out of date; what the database said in this snapshot cannot
        // be.
        Err(if self.remembered {
            Failure::Contended
        } else {
            fenced(partition)
        })
    }
}

fn fenced(partition: &Partition) -> Failure {
    // Told here: whoever asked for the commit may have been ended by the loss of its lease before
    // it hears.
    tracing::warn!(
        partition = partition.name(),
        epoch = partition.epoch(),
        "a commit was refused"
    );
    Failure::Failed(Error::Fenced {
        partition: partition.name().to_owned(),
    })
}

/// After a commit whose answer was lost: whether it counted; none if that can no longer be known.
/// Needs a connection that works again.
///
/// All partitions of a transaction commit together, so the first that gives an answer gives it for
/// all.
pub(crate) fn counted(connection: &mut dyn Connection, links: &[Link]) -> Answer<Option<bool>> {
    for link in links {
        let answer = link.counted(connection)?;
        if answer.is_some() {
            return Ok(answer);
        }
    }
    Ok(None)
}

impl Link {
    fn counted(&self, connection: &mut dyn Connection) -> Answer<Option<bool>> {
        // Waits until the lost transaction has ended, should the server still be at it.
        let Some((turn, epoch)) = table::settled_head(connection, &self.partition)? else {
            return Ok(Some(false));
        };
        if turn < self.head.turn {
            return Ok(Some(false));
        }
        if epoch == self.partition.epoch() {
            return Ok(Some(true));
        }
        // Another owner went on since. Its facts stand behind ours, or in the place of ours.
        if self.with_facts {
            return table::is_fact(
                connection,
                self.partition.name(),
                self.head.seq,
                self.head.hash,
            )
            .map(Some);
        }
        Ok(None)
    }
}
