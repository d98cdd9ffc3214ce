//! New entries of the data model into a task: read from the facts that made them, in the order of
//! each partition.

use super::feed::{Fed, Seen};
use super::verbs::filter;
use super::{Given, Listener};
use crate::run::start::{HEARD, Order, begin};
use crate::run::{Lane, NewRun, Origin};
use crate::table::listener as table;
use crate::table::run as runs;
use crate::{Error, Result, Workflow};
use serde_json::Value;
use std::collections::HashMap;
use store::{Cursor, Lease, StoredFact, Tx, Unbound, facts_after, partitions};
use types::{Json, Namespace, Principal, RunId};

/// The type of fact of a new entry.
const CREATED: &str = "data.event.created";
/// Facts that one turn reads for a listener.
const PAGE: u32 = 500;

/// What was read in one snapshot.
struct Read {
    facts: Vec<StoredFact>,
    cursors: Vec<Cursor>,
    seen: String,
    whole: bool,
}

/// Begin runs for entries that are new.
pub(super) async fn feed(
    workflow: &Workflow,
    lease: &Lease,
    namespace: &Namespace,
    listener: &Listener,
    seen: Option<&Seen>,
) -> Result<Fed> {
    let Given::Model { topic_filter, .. } = &listener.given else {
        return Ok(Fed {
            heard: 0,
            seen: None,
        });
    };
    let regex = filter(topic_filter)?;
    let Some(read) = read(workflow, namespace, listener, seen).await? else {
        return Ok(Fed {
            heard: 0,
            seen: seen.cloned(),
        });
    };
    let entries: Vec<(String, Json)> = read
        .facts
        .iter()
        .filter_map(entry)
        .filter(|(_, entry)| fits(entry, &regex))
        .collect();
    let heard = entries.len();
    let moved = heard > 0 || !read.cursors.is_empty();
    let version = listener.version + u64::from(heard > 0);
    let seen = read.whole.then(|| (version, read.seen.clone()));
    if moved {
        commit(workflow, lease, namespace, listener, entries, read.cursors).await?;
    }
    Ok(Fed { heard, seen })
}

async fn read(
    workflow: &Workflow,
    namespace: &Namespace,
    listener: &Listener,
    seen: Option<&Seen>,
) -> Result<Option<Read>> {
    let (namespace, id, lane) = (namespace.clone(), listener.id, workflow.settings().lane);
    let seen = seen
        .filter(|(version, _)| *version == listener.version)
        .cloned();
    let read = move |tx: &mut Unbound<'_, '_>| {
        let heads = partitions(tx)?;
        let words = heads
            .iter()
            .map(|head| format!("{}:{}", head.partition, head.seq))
            .collect::<Vec<_>>()
            .join(" ");
        if seen.as_ref().is_some_and(|(_, known)| *known == words) {
            return Ok(None);
        }
        let known: HashMap<String, i64> = table::cursors(&mut tx.bound(&namespace), id)?
            .into_iter()
            .collect();
        let waiting = runs::count_lane(&mut tx.bound(&namespace), id)?;
        let full = waiting >= i64::from(lane);
        let mut read = Read {
            facts: Vec::new(),
            cursors: Vec::new(),
            seen: words,
            whole: !full,
        };
        for head in heads.into_iter().filter(|_| !full) {
            read.partition(
                tx,
                &namespace,
                known.get(&head.partition).copied().unwrap_or(0),
                &head,
            )?;
        }
        Ok::<_, Error>(Some(read))
    };
    workflow.db().read_unbound(read).await
}

impl Read {
    fn partition(
        &mut self,
        tx: &mut Unbound<'_, '_>,
        namespace: &Namespace,
        seq: i64,
        head: &Cursor,
    ) -> Result<()> {
        if seq >= head.seq || self.facts.len() >= PAGE as usize {
            self.whole &= seq >= head.seq;
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
        self.whole &= last >= head.seq;
        self.cursors.push(Cursor {
            partition: head.partition.clone(),
            seq: last,
        });
        self.facts.extend(
            facts
                .into_iter()
                .filter(|fact| fact.kind == CREATED && fact.namespace == *namespace),
        );
        Ok(())
    }
}

/// The id of a new entry, and the entry as its fact tells it; none once that was erased.
fn entry(fact: &StoredFact) -> Option<(String, Json)> {
    let payload = fact.payload.as_ref()?.to_value();
    let object = payload.get("object")?;
    let id = object.get("id").and_then(Value::as_str)?.to_owned();
    Some((id, Json::of(object).ok()?))
}

fn fits(entry: &Json, regex: &regex::Regex) -> bool {
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
    let (this, listener, owner) = (workflow.clone(), listener.clone(), namespace.clone());
    let write = move |tx: &mut Tx<'_, '_>| {
        let mut next = listener.clone();
        for (id, input) in &entries {
            let order = order(tx, &owner, &next, id, input)?;
            begin(&this, tx, &order)?;
            next.next_place += 1;
        }
        table::put_cursors(tx, next.id, &cursors)?;
        let changed = !entries.is_empty() || next.problem.is_some();
        (next.problem, next.version) = (None, next.version + u64::from(changed));
        if !table::note(tx, &next, listener.version)? {
            return Err(Error::Stale);
        }
        let now = tx.now();
        runs::release_lane(tx, next.id, now)
    };
    workflow.db().on(lease).write(namespace, write).await
}

fn order(
    tx: &mut Tx<'_, '_>,
    namespace: &Namespace,
    listener: &Listener,
    id: &str,
    input: &Json,
) -> Result<Order> {
    let now = tx.now();
    Ok(Order {
        id: RunId::new(now, tx.entropy()),
        new: NewRun {
            task: listener.task()?,
            version: None,
            input: input.clone(),
            idempotency_key: None,
            activity: None,
        },
        sealed: None,
        who: Principal::system(&format!("listener/{}", listener.name), namespace.clone()),
        origin: Origin::Listener {
            listener: listener.id,
            event: id.to_owned(),
            reverted: false,
        },
        lane: Some(Lane {
            listener: listener.id,
            place: listener.next_place,
            holds: true,
        }),
        released: false,
        key: Some((HEARD, format!("{}/{id}", listener.id))),
        command: None,
    })
}
