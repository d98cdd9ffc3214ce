//! Starts runs for new entries of the data model, read from the facts that created them, in the
//! order of each partition.

use super::outcome::{FeedOutcome, ReadMark};
use super::verbs::compile_filter;
use super::{Listener, ListenerSpec};
use crate::run::NewRun;
use crate::run::request::RunRequest;
use crate::run::start::start_in_tx;
use crate::table::listener as table;
use crate::table::run as runs;
use crate::{Error, Result, Workflow};
use serde_json::Value;
use std::collections::HashMap;
use store::{Cursor, Lease, StoredFact, Tx, UnscopedTx, facts_after, partitions};
use types::{Json, Namespace};

/// The fact type of a new entry.
const CREATED: &str = "data.event.created";
/// Facts read per turn and listener.
const PAGE: u32 = 500;

/// What one snapshot contains for a listener.
struct Snapshot {
    facts: Vec<StoredFact>,
    cursors: Vec<Cursor>,
    mark: String,
    complete: bool,
}

/// Starts runs for new entries.
pub(super) async fn feed(
    workflow: &Workflow,
    lease: &Lease,
    namespace: &Namespace,
    listener: &Listener,
    last: Option<&ReadMark>,
) -> Result<FeedOutcome> {
    let ListenerSpec::Model { topic_filter, .. } = &listener.spec else {
        return Ok(FeedOutcome::idle(None));
    };
    let regex = compile_filter(topic_filter)?;
    let Some(snapshot) = read_snapshot(workflow, namespace, listener, last).await? else {
        return Ok(FeedOutcome::idle(last));
    };
    let entries: Vec<(String, Json)> = snapshot
        .facts
        .iter()
        .filter_map(entry)
        .filter(|(_, entry)| matches_topic(entry, &regex))
        .collect();
    let delivered = entries.len();
    let moved = delivered > 0 || !snapshot.cursors.is_empty();
    let mark = snapshot.complete.then(|| ReadMark {
        version: listener.version + u64::from(delivered > 0),
        fingerprint: snapshot.mark.clone(),
    });
    if moved {
        let cursors = snapshot.cursors;
        commit(workflow, lease, namespace, listener, entries, cursors).await?;
    }
    Ok(FeedOutcome { delivered, mark })
}

async fn read_snapshot(
    workflow: &Workflow,
    namespace: &Namespace,
    listener: &Listener,
    last: Option<&ReadMark>,
) -> Result<Option<Snapshot>> {
    let (namespace, id, limit) = (
        *namespace,
        listener.id,
        workflow.settings().queued_runs_per_listener,
    );
    let last = last
        .filter(|last| last.version == listener.version)
        .cloned();
    let read = move |tx: &mut UnscopedTx| {
        let heads = partitions(tx)?;
        let mark = heads
            .iter()
            .map(|head| format!("{}:{}", head.partition, head.seq))
            .collect::<Vec<_>>()
            .join(" ");
        if last.as_ref().is_some_and(|last| last.fingerprint == mark) {
            return Ok(None);
        }
        let known: HashMap<String, i64> = table::cursors(&mut tx.scoped(&namespace), id)?
            .into_iter()
            .collect();
        let waiting = runs::count_unfinished(&mut tx.scoped(&namespace), id)?;
        let is_full = waiting >= u64::from(limit);
        let mut snapshot = Snapshot {
            facts: Vec::new(),
            cursors: Vec::new(),
            mark,
            complete: !is_full,
        };
        for head in heads.into_iter().filter(|_| !is_full) {
            let seq = known.get(&head.partition).copied().unwrap_or(0);
            snapshot.partition(tx, &namespace, seq, &head)?;
        }
        Ok::<_, Error>(Some(snapshot))
    };
    workflow.db().read_unscoped(read).await
}

impl Snapshot {
    fn partition(
        &mut self,
        tx: &mut UnscopedTx,
        namespace: &Namespace,
        seq: i64,
        head: &Cursor,
    ) -> Result<()> {
        if seq >= head.seq || self.facts.len() >= PAGE as usize {
            self.complete &= seq >= head.seq;
            return Ok(());
        }
        let mut cursor = Cursor {
            partition: head.partition.clone(),
            seq,
        };
        let facts = facts_after(tx, &cursor, PAGE)?;
        cursor.seq = facts.last().map_or(seq, |fact| fact.cursor.seq);
        self.complete &= cursor.seq >= head.seq;
        self.cursors.push(cursor);
        self.facts.extend(
            facts
                .into_iter()
                .filter(|fact| fact.kind == CREATED && fact.namespace == *namespace),
        );
        Ok(())
    }
}

/// The id and content of a new entry; `None` if its payload was erased.
fn entry(fact: &StoredFact) -> Option<(String, Json)> {
    let payload = fact.payload.as_ref()?.to_value();
    let object = payload.get("object")?;
    let id = object.get("id").and_then(Value::as_str)?.to_owned();
    Some((id, Json::of(object).ok()?))
}

fn matches_topic(entry: &Json, regex: &regex::Regex) -> bool {
    let value = entry.to_value();
    regex.is_match(
        value
            .get("topic")
            .and_then(Value::as_str)
            .unwrap_or_default(),
    )
}

async fn commit(
    workflow: &Workflow,
    lease: &Lease,
    namespace: &Namespace,
    listener: &Listener,
    entries: Vec<(String, Json)>,
    cursors: Vec<Cursor>,
) -> Result<()> {
    let (engine, listener) = (workflow.clone(), listener.clone());
    let write = move |tx: &mut Tx| {
        let mut next = listener.clone();
        for (id, input) in &entries {
            let new = NewRun {
                task: next.task.clone(),
                version: None,
                input: input.clone(),
                idempotency_key: None,
                activity: None,
            };
            let key = format!("{}/{id}", next.id);
            let request = RunRequest::by_listener(tx, &next, (id, false), new, true, key);
            start_in_tx(&engine, tx, &request)?;
            next.next_queue_index += 1;
        }
        table::put_cursors(tx, next.id, &cursors)?;
        let changed = !entries.is_empty() || next.problem.is_some();
        (next.problem, next.version) = (None, next.version + u64::from(changed));
        table::update_progress(tx, &next, listener.version)?;
        runs::release_next(tx, next.id)
    };
    workflow.db().on(lease).write(namespace, write).await
}
