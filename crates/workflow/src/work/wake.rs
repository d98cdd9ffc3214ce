//! Wakes waiting runs from the facts of submissions. A run that is not woken polls its submission.

use crate::table::run as table;
use crate::{Result, Workflow};
use std::collections::{BTreeSet, HashMap};
use store::{Cursor, Lease, UnscopedTx, facts_after, partitions};

/// The partitions that hold the facts of submissions.
const LANE_PARTITIONS: &str = "lanes/";
/// Facts read per turn and partition.
const PAGE: u32 = 500;

/// Wakes the runs of a shard whose submissions changed.
pub(crate) async fn wake_waiting_runs(
    workflow: &Workflow,
    shard: i64,
    lease: &Lease,
) -> Result<()> {
    let read = move |tx: &mut UnscopedTx<'_, '_>| {
        let cursors: HashMap<String, i64> = table::cursors(tx, shard)?.into_iter().collect();
        let mut changes = SubmissionFacts::default();
        for head in partitions(tx)?
            .into_iter()
            .filter(|head| head.partition.starts_with(LANE_PARTITIONS))
        {
            changes.read(tx, cursors.get(&head.partition).copied(), &head)?;
        }
        Ok::<_, crate::Error>(changes)
    };
    let changes = workflow.db().read_unscoped(read).await?;
    if changes.cursors.is_empty() {
        return Ok(());
    }
    let write = move |tx: &mut UnscopedTx<'_, '_>| {
        let (subjects, now): (Vec<(String,)>, _) = (
            changes.subjects.iter().map(|id| (id.clone(),)).collect(),
            tx.now(),
        );
        table::wake(tx, shard, &subjects, now)?;
        table::put_cursors(tx, shard, &changes.cursors)
    };
    workflow.db().on(lease).write_unscoped(write).await
}

#[derive(Default)]
struct SubmissionFacts {
    subjects: BTreeSet<String>,
    cursors: Vec<(String, i64)>,
}

impl SubmissionFacts {
    /// Reads new facts of a partition. A shard that sees a partition for the first time starts at
    /// its end: runs that wait already poll their submissions.
    fn read(
        &mut self,
        tx: &mut UnscopedTx<'_, '_>,
        cursor: Option<i64>,
        head: &Cursor,
    ) -> Result<()> {
        let Some(seq) = cursor else {
            self.cursors.push((head.partition.clone(), head.seq));
            return Ok(());
        };
        if seq >= head.seq {
            return Ok(());
        }
        let facts = facts_after(
            tx,
            &Cursor {
                partition: head.partition.clone(),
                seq,
            },
            PAGE,
        )?;
        let last = facts.last().map_or(seq, |fact| fact.cursor.seq);
        let of_submissions = facts
            .into_iter()
            .filter(|fact| fact.kind.starts_with("submission."));
        self.subjects.extend(
            of_submissions
                .flat_map(|fact| fact.subjects)
                .map(|subject| subject.id),
        );
        self.cursors.push((head.partition.clone(), last));
        Ok(())
    }
}
