//! Hearing what submissions did: the facts of lanes wake the runs that wait for them. Whoever hears
//! nothing looks by himself, later.

use crate::table::run as table;
use crate::{Result, Workflow};
use std::collections::{BTreeSet, HashMap};
use store::{Cursor, Lease, Unbound, facts_after, partitions};

/// Where the facts of submissions stand.
const LANES: &str = "lanes/";
/// Facts that one turn reads of a partition.
const PAGE: u32 = 500;

/// Wake the runs of a shard whose submissions moved on.
pub(crate) async fn submissions(workflow: &Workflow, shard: i64, lease: &Lease) -> Result<()> {
    let read = move |tx: &mut Unbound<'_, '_>| {
        let known: HashMap<String, i64> = table::cursors(tx, shard)?.into_iter().collect();
        let mut heard = Heard::default();
        for head in partitions(tx)?
            .into_iter()
            .filter(|head| head.partition.starts_with(LANES))
        {
            heard.read(tx, known.get(&head.partition).copied(), &head)?;
        }
        Ok::<_, crate::Error>(heard)
    };
    let heard = workflow.db().read_unbound(read).await?;
    if heard.cursors.is_empty() {
        return Ok(());
    }
    let write = move |tx: &mut Unbound<'_, '_>| {
        let (subjects, now): (Vec<(String,)>, _) = (
            heard.subjects.iter().map(|id| (id.clone(),)).collect(),
            tx.now(),
        );
        table::wake(tx, shard, &subjects, now)?;
        table::put_cursors(tx, shard, &heard.cursors)
    };
    workflow.db().on(lease).write_unbound(write).await
}

#[derive(Default)]
struct Heard {
    subjects: BTreeSet<String>,
    cursors: Vec<(String, i64)>,
}

impl Heard {
    /// Read on in a partition. A shard that sees it for the first time begins at its end: what
    /// waited before looks by itself.
    fn read(&mut self, tx: &mut Unbound<'_, '_>, from: Option<i64>, head: &Cursor) -> Result<()> {
        let Some(seq) = from else {
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
