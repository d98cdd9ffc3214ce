//! Wakes waiting runs from the facts of submissions. A run that is not woken polls its submission.

use crate::table::run::{self as table, ReadCursor};
use crate::{Result, Workflow};
use std::collections::HashMap;
use store::{Cursor, Lease, UnscopedTx, facts_after, partitions};

/// Facts read per turn and partition.
const PAGE: u32 = 500;

/// Wakes the runs of a shard whose submissions changed.
pub(crate) async fn wake_waiting_runs(
    workflow: &Workflow,
    shard: i64,
    lease: &Lease,
) -> Result<()> {
    let read = move |tx: &mut UnscopedTx| {
        let cursors: HashMap<String, i64> = table::cursors(tx, shard)?.into_iter().collect();
        let mut changes = SubmissionFacts {
            shard,
            subjects: Vec::new(),
            cursors: Vec::new(),
        };
        for head in partitions(tx)?
            .into_iter()
            .filter(|head| head.partition.starts_with(submit::SHARD_PARTITIONS))
        {
            let cursor = cursors.get(&head.partition).copied();
            changes.read(tx, cursor, head)?;
        }
        changes.subjects.sort_unstable();
        changes.subjects.dedup();
        Ok::<_, crate::Error>(changes)
    };
    let changes = workflow.db().read_unscoped(read).await?;
    if changes.cursors.is_empty() {
        return Ok(());
    }
    let write = move |tx: &mut UnscopedTx, changes: &SubmissionFacts| {
        let now = tx.now();
        table::wake(tx, shard, &changes.subjects, now)?;
        table::put_cursors(tx, &changes.cursors)
    };
    workflow
        .db()
        .on(lease)
        .write_unscoped_with(changes, write)
        .await
}

/// New facts of submissions: their subjects, each once, and how far they were read.
struct SubmissionFacts {
    shard: i64,
    subjects: Vec<String>,
    cursors: Vec<ReadCursor>,
}

impl SubmissionFacts {
    /// Reads new facts of a partition. A shard that sees a partition for the first time starts at
    /// its end: runs that wait already poll their submissions.
    fn read(&mut self, tx: &mut UnscopedTx, cursor: Option<i64>, head: Cursor) -> Result<()> {
        let Some(seq) = cursor else {
            self.set_cursor(head.partition, head.seq);
            return Ok(());
        };
        if seq >= head.seq {
            return Ok(());
        }
        let start = Cursor { seq, ..head };
        let facts = facts_after(tx, &start, PAGE)?;
        let last = facts.last().map_or(seq, |fact| fact.cursor.seq);
        let of_submissions = facts
            .into_iter()
            .filter(|fact| fact.kind.starts_with("submission."));
        self.subjects.extend(
            of_submissions
                .flat_map(|fact| fact.subjects)
                .map(|subject| subject.id),
        );
        self.set_cursor(start.partition, last);
        Ok(())
    }

    fn set_cursor(&mut self, partition: String, seq: i64) {
        self.cursors.push(ReadCursor {
            shard: self.shard,
            partition,
            seq,
        });
    }
}
