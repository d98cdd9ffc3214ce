//! Read facts after the cursors, and commit deliveries and cursors together, so that a crash
//! neither loses nor duplicates events.

use super::Worker;
use super::gather::{Gathered, Group, Member, PendingEvent, gather};
use crate::error::Result;
use crate::subscription::Configuration;
use crate::table::cursor::{self, Lagging, Move, Position};
use crate::table::delivery::{self, DeliveryState, NewDelivery};
use crate::table::progress::{self, Reservation};
use crate::table::subscription;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use store::{Cursor, Fact, InNamespace, StoredFact, UnscopedTx};
use types::{Principal, SubscriptionId};

/// Facts read per group and turn.
const MAX_FACTS: u32 = 256;
/// Groups of a partition processed per turn; the others follow in later turns.
const MAX_GROUPS: usize = 16;
/// Subscriptions per group, to bound the size of a transaction.
const MAX_MEMBERS: usize = 64;

/// The subscriptions of the shard, cached between turns.
#[derive(Default)]
pub(super) struct SubscriptionCache {
    members: HashMap<SubscriptionId, Member>,
    /// Versions of subscriptions that this release cannot parse. They are not served.
    unreadable: HashMap<SubscriptionId, i64>,
    /// Partitions for which all members have a cursor.
    joined: HashSet<String>,
    /// Partitions that all members have read, up to this head: no member lags until the head moves
    /// or a subscription changes.
    caught_up: HashMap<String, i64>,
    turns: usize,
}

/// The result of a dispatch.
#[derive(Debug, Default)]
pub(super) struct Dispatched {
    pub(super) events: u64,
    /// Cursors advanced, so there may be more to read.
    pub(super) moved: bool,
    pub(super) stuck: Vec<String>,
}

pub(super) async fn dispatch(shard: &mut Worker) -> Result<Dispatched> {
    let mut dispatched = Dispatched::default();
    refresh_cache(shard).await?;
    if shard.cache.members.is_empty() {
        return Ok(dispatched);
    }
    let heads = shard.streams.db().read_unscoped(store::partitions).await?;
    join_partitions(shard, &heads).await?;
    for (partition, lagging) in find_lagging(shard, heads).await? {
        for group in groups(shard, &partition, lagging) {
            process_group(shard, group, &mut dispatched).await?;
        }
    }
    shard.cache.turns += 1;
    if dispatched.events > 0 {
        shard.streams.notify_ready();
    }
    Ok(dispatched)
}

/// Reload the cached subscriptions if one of them changed.
async fn refresh_cache(shard: &mut Worker) -> Result<()> {
    let number = shard.number;
    let db = shard.streams.db();
    let current = db
        .read_unscoped(move |tx| subscription::versions(tx, number))
        .await?;
    if shard.cache.is_current(&current) {
        return Ok(());
    }
    let rows = db
        .read_unscoped(move |tx| subscription::settings(tx, number))
        .await?;
    let previous = std::mem::take(&mut shard.cache);
    shard.cache.turns = previous.turns;
    for InNamespace { namespace, row } in rows {
        let (id, version) = (row.id, row.version);
        match serde_json::from_str::<Configuration>(&row.settings) {
            Ok(settings) => {
                let member = Member {
                    namespace,
                    id,
                    version,
                    filter: Arc::new(settings.filter),
                };
                shard.cache.members.insert(id, member);
            }
            Err(error) => {
                subscription::report_unreadable(id, &error);
                shard.cache.unreadable.insert(id, version);
            }
        }
    }
    // A subscription may be created at the same time as a partition and have no cursor for it.
    if shard
        .cache
        .members
        .keys()
        .all(|id| previous.members.contains_key(id))
    {
        shard.cache.joined = previous.joined;
    }
    Ok(())
}

impl SubscriptionCache {
    fn is_current(&self, current: &[(SubscriptionId, i64)]) -> bool {
        let known = |id| {
            self.members
                .get(id)
                .map(|member| member.version)
                .or_else(|| self.unreadable.get(id).copied())
        };
        current.len() == self.members.len() + self.unreadable.len()
            && current
                .iter()
                .all(|(id, version)| known(id) == Some(*version))
    }
}

/// The subscriptions that lag, by partition.
async fn find_lagging(
    shard: &mut Worker,
    heads: Vec<Cursor>,
) -> Result<Vec<(String, Vec<Lagging>)>> {
    let number = shard.number;
    let moved: Vec<Cursor> = heads
        .into_iter()
        .filter(|head| shard.cache.caught_up.get(&head.partition) != Some(&head.seq))
        .collect();
    if moved.is_empty() {
        return Ok(Vec::new());
    }
    let read = shard.streams.db().read_unscoped(move |tx| {
        let find = |head: &Cursor| Ok((head.clone(), cursor::lagging(tx, number, head)?));
        moved.iter().map(find).collect::<Result<Vec<_>>>()
    });
    let mut lagging = Vec::new();
    for (head, subscriptions) in read.await? {
        if subscriptions.is_empty() {
            shard.cache.caught_up.insert(head.partition, head.seq);
        } else {
            lagging.push((head.partition, subscriptions));
        }
    }
    Ok(lagging)
}

/// Create the cursors for partitions that are newer than a subscription, at their start.
async fn join_partitions(shard: &mut Worker, heads: &[Cursor]) -> Result<()> {
    let is_new = |name: &String| !shard.cache.joined.contains(name);
    let new_partitions: Vec<String> = heads
        .iter()
        .map(|head| head.partition.clone())
        .filter(is_new)
        .collect();
    if new_partitions.is_empty() {
        return Ok(());
    }
    let number = shard.number;
    let write = shard.streams.db().on(&shard.lease).write_unscoped_with(
        new_partitions.clone(),
        move |tx, names| {
            names
                .iter()
                .try_for_each(|name| cursor::join(tx, number, name).map(drop))
        },
    );
    write.await?;
    shard.cache.joined.extend(new_partitions);
    Ok(())
}

/// Group subscriptions at the same position, so that facts are read once for all of them.
/// Subscriptions at their backlog limit are left out.
fn groups(shard: &Worker, partition: &str, lagging: Vec<Lagging>) -> Vec<Group> {
    let limit = i64::from(shard.streams.settings.backlog_per_subscription);
    let mut positions: BTreeMap<_, Vec<Member>> = BTreeMap::new();
    for subscription in lagging
        .into_iter()
        .filter(|lagging| lagging.backlog() < limit)
    {
        if let Some(member) = shard
            .cache
            .members
            .get(&subscription.id)
            .filter(|member| member.namespace == subscription.namespace)
        {
            positions
                .entry(subscription.position)
                .or_default()
                .push(member.clone());
        }
    }
    let chunks = |(position, members): (&Position, &Vec<Member>)| -> Vec<Group> {
        let group = |members: &[Member]| Group {
            partition: partition.to_owned(),
            position: position.clone(),
            members: members.to_vec(),
        };
        members.chunks(MAX_MEMBERS).map(group).collect()
    };
    let mut groups: Vec<Group> = positions.iter().flat_map(chunks).collect();
    let start = if groups.len() > MAX_GROUPS {
        shard.cache.turns * MAX_GROUPS % groups.len()
    } else {
        0
    };
    groups.rotate_left(start);
    groups.truncate(MAX_GROUPS);
    groups
}

async fn process_group(shard: &Worker, group: Group, dispatched: &mut Dispatched) -> Result<()> {
    let cursor = Cursor {
        partition: group.partition.clone(),
        seq: group.position.seq,
    };
    let facts: Vec<StoredFact> = shard
        .streams
        .db()
        .read_unscoped(move |tx| store::facts_after(tx, &cursor, MAX_FACTS))
        .await?;
    let mut gathered = gather(shard.streams.parts.expand.as_ref(), &group, &facts).await;
    if let Some(why) = gathered.stuck.take() {
        tracing::warn!(
            event = "partition.blocked",
            partition = group.partition,
            reason = why,
            "facts cannot be expanded at the moment"
        );
        dispatched.stuck.push(format!("{}: {why}", group.partition));
    }
    if gathered.to.as_ref().is_some_and(|to| *to != group.position) {
        dispatched.events += commit(shard, group, gathered).await?;
        dispatched.moved = true;
    }
    Ok(())
}

/// Commit cursors and deliveries in one transaction. A subscription that changed since it was read
/// is skipped, and reads the same facts again.
async fn commit(shard: &Worker, group: Group, gathered: Gathered) -> Result<u64> {
    let Some(to) = gathered.to else { return Ok(0) };
    let move_of = |member: &Member| Move {
        namespace: member.namespace,
        id: member.id,
        version: member.version,
    };
    let moves: Vec<Move> = group.members.iter().map(move_of).collect();
    let events = gathered.events;
    let write = shard
        .streams
        .db()
        .on(&shard.lease)
        .write_unscoped(move |tx| {
            let moved = cursor::advance(tx, &group.partition, &moves, &group.position, &to)?;
            let rows = number_events(tx, &group.partition, moved, &events)?;
            delivery::insert(tx, &rows)?;
            let versions: HashMap<SubscriptionId, i64> =
                moves.iter().map(|m| (m.id, m.version)).collect();
            for row in rows.iter().filter(|row| row.error.is_some()) {
                let version = u64::try_from(versions[&row.subscription]).unwrap_or_default();
                append_dead_letter_fact(tx, row, version);
            }
            Ok(rows.len() as u64)
        });
    write.await
}

/// The rows of the events for the subscriptions whose cursor advanced, with their sequences.
fn number_events<'a>(
    tx: &mut UnscopedTx,
    partition: &'a str,
    moved: Vec<SubscriptionId>,
    events: &'a [PendingEvent],
) -> Result<Vec<NewDelivery<'a>>> {
    let moved: HashSet<SubscriptionId> = moved.into_iter().collect();
    let kept = || {
        events
            .iter()
            .filter(|event| moved.contains(&event.subscription))
    };
    let mut next = reserve(tx, kept())?;
    let now = tx.now();
    let number = |event: &'a PendingEvent| {
        let sequence = next.entry(event.subscription).or_default();
        *sequence += 1;
        NewDelivery {
            namespace: event.namespace,
            subscription: event.subscription,
            sequence: *sequence - 1,
            state: event
                .error
                .as_ref()
                .map_or(DeliveryState::Waiting, |_| DeliveryState::Dead),
            event_id: &event.event_id,
            kind: &event.kind,
            partition,
            fact_seq: event.fact_seq,
            body: &event.body,
            size: i64::try_from(event.body.len()).unwrap_or(i64::MAX),
            isolated: false,
            attempts: 0,
            at: now,
            error: event.error.as_deref(),
        }
    };
    Ok(kept().map(number).collect())
}

/// Reserve a sequence for each event; returns the first one of each subscription.
fn reserve<'a>(
    tx: &mut UnscopedTx,
    events: impl Iterator<Item = &'a PendingEvent>,
) -> Result<HashMap<SubscriptionId, i64>> {
    let mut reservations: BTreeMap<SubscriptionId, Reservation> = BTreeMap::new();
    for event in events {
        let (namespace, id) = (event.namespace, event.subscription);
        let none = Reservation {
            namespace,
            id,
            count: 0,
        };
        reservations.entry(id).or_insert(none).count += 1;
    }
    let rows: Vec<Reservation> = reservations.values().copied().collect();
    let ends = progress::reserve_all(tx, &rows)?;
    assert_eq!(
        ends.len(),
        rows.len(),
        "a subscription with a cursor has a progress row"
    );
    Ok(ends
        .into_iter()
        .map(|(id, end)| (id, end - reservations[&id].count))
        .collect())
}

fn append_dead_letter_fact(tx: &mut UnscopedTx, row: &NewDelivery<'_>, version: u64) {
    let actor = Principal::system("streams", row.namespace);
    let payload = serde_json::json!({ "sequence": row.sequence, "event": row.event_id, "type": row.kind, "error": row.error });
    tx.append(
        &row.namespace,
        Fact::new("delivery.dead", 1)
            .subject(&row.subscription, version)
            .actor(&actor)
            .payload(&payload),
    );
}
