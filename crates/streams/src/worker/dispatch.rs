//! Read facts behind the cursors, and commit deliveries and cursors together: a crash neither loses
//! nor invents any.

use super::gather::{Gathered, Group, Member, gather};
use super::shard::Shard;
use crate::error::Result;
use crate::table::cursor::{self, Behind, Move, Position};
use crate::table::delivery::{self, New};
use crate::table::{progress, subscription};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use store::{Cursor, Fact, StoredFact, Unbound};
use types::{Namespace, Principal, SubscriptionId};

/// Facts that are read at a time.
const FACTS: u32 = 256;
/// Groups of one partition that are served in a turn; the others follow in the next ones.
const GROUPS: usize = 16;
/// Subscriptions of a group, so that what one transaction writes stays bounded.
const MEMBERS: usize = 64;

/// What the worker remembers between turns.
#[derive(Default)]
pub(super) struct Memory {
    members: HashMap<SubscriptionId, Member>,
    /// Subscriptions that this release cannot read, by version. They are left alone.
    illegible: HashMap<SubscriptionId, i64>,
    /// Partitions that all of these members know.
    joined: HashSet<String>,
    /// Partitions that all of them have read, and how far: nobody is behind until the head moves
    /// or a subscription changes.
    level: HashMap<String, i64>,
    turns: usize,
}

/// What a dispatch came to.
#[derive(Debug, Default)]
pub(super) struct Dispatched {
    pub(super) events: u64,
    /// Cursors moved, so there may be more to read.
    pub(super) moved: bool,
    pub(super) stuck: Vec<String>,
}

pub(super) async fn dispatch(shard: &mut Shard) -> Result<Dispatched> {
    let mut dispatched = Dispatched::default();
    recall(shard).await?;
    if shard.memory.members.is_empty() {
        return Ok(dispatched);
    }
    let heads = shard.streams.db.read_unbound(store::partitions).await?;
    join(shard, &heads).await?;
    for (partition, behind) in look(shard, heads).await? {
        for group in groups(shard, &partition, behind) {
            serve(shard, group, &mut dispatched).await?;
        }
    }
    shard.memory.turns += 1;
    if dispatched.events > 0 {
        shard.streams.announce();
    }
    Ok(dispatched)
}

/// Know the subscriptions of the shard as they are now.
async fn recall(shard: &mut Shard) -> Result<()> {
    let number = shard.number;
    let current = shard
        .streams
        .db
        .read_unbound(move |tx| subscription::versions(tx, number))
        .await?;
    if shard.memory.is_current(&current) {
        return Ok(());
    }
    let rows = shard
        .streams
        .db
        .read_unbound(move |tx| subscription::settings(tx, number))
        .await?;
    let before = std::mem::take(&mut shard.memory);
    shard.memory.turns = before.turns;
    for (namespace, id, version, settings) in rows {
        match subscription::Settings::parse(&settings) {
            Ok(settings) => {
                let filter = Arc::new(settings.filter);
                shard.memory.members.insert(
                    id,
                    Member {
                        namespace,
                        id,
                        version,
                        filter,
                    },
                );
            }
            Err(error) => {
                tracing::error!(subscription = %id, %error, "the subscription cannot be read; it is left alone");
                shard.memory.illegible.insert(id, version);
            }
        }
    }
    // A new one may have been made beside a new partition, and know nothing of it.
    if shard
        .memory
        .members
        .keys()
        .all(|id| before.members.contains_key(id))
    {
        shard.memory.joined = before.joined;
    }
    Ok(())
}

impl Memory {
    fn is_current(&self, current: &[(SubscriptionId, i64)]) -> bool {
        let known = |id| {
            self.members
                .get(id)
                .map(|member| member.version)
                .or_else(|| self.illegible.get(id).copied())
        };
        current.len() == self.members.len() + self.illegible.len()
            && current
                .iter()
                .all(|(id, version)| known(id) == Some(*version))
    }
}

/// Who is behind in which partition.
async fn look(shard: &mut Shard, heads: Vec<Cursor>) -> Result<Vec<(String, Vec<Behind>)>> {
    let number = shard.number;
    let moved: Vec<Cursor> = heads
        .into_iter()
        .filter(|head| shard.memory.level.get(&head.partition) != Some(&head.seq))
        .collect();
    if moved.is_empty() {
        return Ok(Vec::new());
    }
    let asked = moved.clone();
    let read = shard.streams.db.read_unbound(move |tx| {
        let find = |head: &Cursor| cursor::behind(tx, number, &head.partition, head.seq);
        asked.iter().map(find).collect::<Result<Vec<_>>>()
    });
    let mut found = Vec::new();
    for (head, behind) in moved.into_iter().zip(read.await?) {
        if behind.is_empty() {
            shard.memory.level.insert(head.partition, head.seq);
        } else {
            found.push((head.partition, behind));
        }
    }
    Ok(found)
}

/// Late partitions are joined at their start.
async fn join(shard: &mut Shard, heads: &[Cursor]) -> Result<()> {
    let is_late = |name: &String| !shard.memory.joined.contains(name);
    let late: Vec<String> = heads
        .iter()
        .map(|head| head.partition.clone())
        .filter(is_late)
        .collect();
    if late.is_empty() {
        return Ok(());
    }
    let (number, names) = (shard.number, late.clone());
    let write = shard.streams.db.on(&shard.lease).write_unbound(move |tx| {
        names
            .iter()
            .try_for_each(|name| cursor::join(tx, number, name).map(drop))
    });
    write.await?;
    shard.memory.joined.extend(late);
    Ok(())
}

/// Subscriptions that stand at the same place share the reading. Those with too much that waits
/// read nothing.
fn groups(shard: &Shard, partition: &str, behind: Vec<Behind>) -> Vec<Group> {
    let limit = i64::from(shard.streams.limits.backlog);
    let mut places: BTreeMap<_, Vec<Member>> = BTreeMap::new();
    for one in behind.into_iter().filter(|one| one.backlog < limit) {
        if let Some(member) = shard
            .memory
            .members
            .get(&one.id)
            .filter(|member| member.namespace == one.namespace)
        {
            places.entry(one.at).or_default().push(member.clone());
        }
    }
    let group = |(at, members): (&Position, &Vec<Member>)| -> Vec<Group> {
        let part = |part: &[Member]| Group {
            partition: partition.to_owned(),
            at: at.clone(),
            members: part.to_vec(),
        };
        members.chunks(MEMBERS).map(part).collect()
    };
    let mut all: Vec<Group> = places.iter().flat_map(group).collect();
    let start = if all.len() > GROUPS {
        shard.memory.turns * GROUPS % all.len()
    } else {
        0
    };
    all.rotate_left(start);
    all.truncate(GROUPS);
    all
}

async fn serve(shard: &Shard, group: Group, dispatched: &mut Dispatched) -> Result<()> {
    let at = Cursor {
        partition: group.partition.clone(),
        seq: group.at.seq,
    };
    let facts: Vec<StoredFact> = shard
        .streams
        .db
        .read_unbound(move |tx| store::facts_after(tx, &at, FACTS))
        .await?;
    let mut gathered = gather(shard.streams.expand.as_ref(), &group, &facts).await;
    if let Some(why) = gathered.stuck.take() {
        tracing::warn!(
            partition = group.partition,
            why,
            "facts cannot be expanded now"
        );
        dispatched.stuck.push(format!("{}: {why}", group.partition));
    }
    if gathered.to.as_ref().is_some_and(|to| *to != group.at) {
        dispatched.events += commit(shard, group, gathered).await?;
        dispatched.moved = true;
    }
    Ok(())
}

/// Cursors and deliveries, in one transaction. A subscription that changed since it was read gets
/// nothing of it.
async fn commit(shard: &Shard, group: Group, gathered: Gathered) -> Result<u64> {
    let Some(to) = gathered.to else { return Ok(0) };
    let moves: Vec<Move> = group
        .members
        .iter()
        .map(|m| Move {
            namespace: m.namespace.clone(),
            id: m.id,
            version: m.version,
            from: group.at.clone(),
            to: to.clone(),
        })
        .collect();
    let (partition, rows) = (group.partition, gathered.rows);
    let write = shard.streams.db.on(&shard.lease).write_unbound(move |tx| {
        let moved = cursor::advance(tx, &partition, &moves)?;
        let numbered = number(tx, &moved, &rows)?;
        delivery::insert(tx, &numbered)?;
        let versions: HashMap<SubscriptionId, i64> =
            moves.iter().map(|m| (m.id, m.version)).collect();
        for row in numbered.iter().filter(|row| row.error.is_some()) {
            tell_dead(
                tx,
                row,
                u64::try_from(versions[&row.subscription]).unwrap_or_default(),
            );
        }
        Ok(numbered.len() as u64)
    });
    write.await
}

/// Give the rows of those that moved their sequences.
fn number(
    tx: &mut Unbound<'_, '_>,
    moved: &[(Namespace, SubscriptionId)],
    rows: &[New],
) -> Result<Vec<New>> {
    let moved: HashSet<SubscriptionId> = moved.iter().map(|(_, id)| *id).collect();
    let mut counts: BTreeMap<SubscriptionId, (&Namespace, i64)> = BTreeMap::new();
    let kept: Vec<&New> = rows
        .iter()
        .filter(|row| moved.contains(&row.subscription))
        .collect();
    kept.iter().for_each(|row| {
        counts
            .entry(row.subscription)
            .or_insert((&row.namespace, 0))
            .1 += 1
    });
    let wanted: Vec<_> = counts
        .iter()
        .map(|(id, (namespace, count))| (*namespace, *id, *count))
        .collect();
    let behind = progress::take_all(tx, &wanted)?;
    assert_eq!(
        behind.len(),
        wanted.len(),
        "a subscription whose cursor moved has a progress"
    );
    let mut next: HashMap<SubscriptionId, i64> = behind
        .into_iter()
        .map(|(id, behind)| (id, behind - counts[&id].1))
        .collect();
    let number = |row: &&New| {
        let slot = next.entry(row.subscription).or_default();
        *slot += 1;
        New {
            sequence: *slot - 1,
            ..(*row).clone()
        }
    };
    Ok(kept.iter().map(number).collect())
}

fn tell_dead(tx: &mut Unbound<'_, '_>, row: &New, version: u64) {
    let who = Principal::system("streams", row.namespace.clone());
    let says = serde_json::json!({ "sequence": row.sequence, "event": row.event_id, "type": row.kind, "error": row.error });
    tx.append(
        &row.namespace,
        Fact::new("delivery.dead", 1)
            .about(&row.subscription, version)
            .by(&who)
            .says(&says),
    );
}
