//! The head of each partition: the link of the hash chain and the fence of the lease in one statement.

use crate::engine::{Answer, Connection, Failure};
use crate::fact::PendingFact;
use crate::lease::Partition;
use crate::{Error, table};
use std::collections::HashMap;
use std::sync::Mutex;
use types::Digest;

/// How far a partition has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) seq: i64,
    pub(crate) hash: Digest,
    /// Counts transactions, so that after a lost connection it is known whether the last one counted.
    pub(crate) turn: i64,
}

/// The heads of the partitions that this process owns, as of its last commit.
#[derive(Default)]
pub(crate) struct Heads(Mutex<HashMap<Partition, Head>>);

impl Heads {
    fn known(&self, partition: &Partition) -> Option<Head> {
        self.0.lock().expect("no thread panics while it holds the heads").get(partition).copied()
    }

    pub(crate) fn keep(&self, partition: &Partition, head: Head) {
        self.0.lock().expect("no thread panics while it holds the heads").insert(partition.clone(), head);
    }

    pub(crate) fn forget(&self, partition: &Partition) {
        self.0.lock().expect("no thread panics while it holds the heads").remove(partition);
    }

    /// The head that the next link goes behind.
    fn load(&self, connection: &mut dyn Connection, partition: &Partition) -> Answer<Head> {
        if let Some(head) = self.known(partition) {
            return Ok(head);
        }
        let head = table::head(connection, partition)?.ok_or_else(|| fenced(partition))?;
        self.keep(partition, head);
        Ok(head)
    }
}

fn fenced(partition: &Partition) -> Failure {
    Failure::Failed(Error::Fenced { partition: partition.name().to_owned() })
}

/// Link all facts of a group, store them, and move each partition's head on. What the heads will be once it commits.
pub(crate) fn link(
    connection: &mut dyn Connection,
    heads: &Heads,
    partitions: &[Partition],
    facts: &[PendingFact],
) -> Answer<Vec<(Partition, Head)>> {
    let mut next = Vec::with_capacity(partitions.len());
    for partition in partitions {
        next.push(heads.load(connection, partition)?);
    }
    let before = next.clone();
    let mut linked = Vec::with_capacity(facts.len());
    for fact in facts {
        let head = &mut next[fact.partition];
        let link = fact.link(partitions[fact.partition].name(), head.seq + 1, head.hash);
        (head.seq, head.hash) = (link.seq, link.hash);
        linked.push(link);
    }
    table::insert_facts(connection, partitions, facts, &linked)?;
    for ((partition, head), old) in partitions.iter().zip(&mut next).zip(&before) {
        head.turn += 1;
        if !table::move_head(connection, partition, old, head)? {
            heads.forget(partition);
            return Err(fenced(partition));
        }
    }
    Ok(partitions.iter().cloned().zip(next).collect())
}

/// After a commit whose answer was lost: whether it counted. Needs a connection that works again.
pub(crate) fn counted(connection: &mut dyn Connection, heads: &[(Partition, Head)]) -> Answer<bool> {
    for (partition, head) in heads {
        // Another owner since then proves nothing either way, but then nothing may be claimed to have happened.
        let Some(stored) = table::head(connection, partition)? else { return Ok(false) };
        if stored.turn < head.turn {
            return Ok(false);
        }
    }
    Ok(true)
}
