//! Chain events into a task: final ones by themselves, pending ones with what is to be done if they are taken back.

use super::config::{Config, Finality, OnError, OnRevert};
use super::feed::{Fed, Seen};
use super::{BEHIND_ALL, Given, Listener, Place};
use crate::run::start::{Begun, HEARD, Order, begin};
use crate::run::{Lane, NewRun, Origin};
use crate::table::listener::{self as table, Delivered};
use crate::table::run as runs;
use crate::{Error, Result, Workflow};
use chain::Connector;
use index::{EventFilter, StoredEvent};
use serde_json::json;
use std::sync::Arc;
use store::{Lease, Tx, Unbound, idempotency};
use types::{ChainId, Digest, Height, Json, Namespace, Principal, RunId};

/// Blocks without an event after which a listener's place is moved on all the same.
const IDLE_BLOCKS: u64 = 100;

/// What was read for a listener in one snapshot.
struct Read {
    /// Up to where there was something to read.
    through: Height,
    /// Final up to here.
    finalized: Height,
    /// Where it reads on: behind the events that were delivered, unless blocks were dropped.
    from: Place,
    events: Vec<StoredEvent>,
    /// Delivered before, and taken back since.
    reverted: Vec<Delivered>,
    /// How many more runs its lane takes.
    room: u32,
    seen: String,
}

/// A run to be begun for an event.
struct Item {
    event: String,
    block_hash: String,
    height: Height,
    input: Json,
    reverted: bool,
}

/// Begin runs for what is new.
pub(super) async fn feed(
    workflow: &Workflow,
    lease: &Lease,
    namespace: &Namespace,
    listener: &Listener,
    seen: Option<&Seen>,
) -> Result<Fed> {
    let Given::Chain { config } = &listener.given else { return Ok(Fed { heard: 0, seen: None }) };
    let config = Config::read(config)?;
    let chain = listener.chain.clone().ok_or_else(|| Error::corrupt("listener", "it names no chain"))?;
    let connector = workflow.parts().submit.chain(&chain)?.clone();
    let Some(read) = read(workflow, namespace, listener, &config, &chain, seen).await? else {
        return Ok(Fed { heard: 0, seen: seen.cloned() });
    };
    let items = items(&connector, namespace, listener, &config, &read)?;
    let whole = read.events.len() < usize::try_from(read.room).unwrap_or(usize::MAX);
    let cursor = cursor(&read, whole, listener);
    let heard = items.len();
    let moved = heard > 0 || cursor.as_ref() != listener.cursor.as_ref();
    let seen = whole.then(|| (listener.version + u64::from(moved), read.seen.clone()));
    if moved {
        commit(workflow, lease, namespace, listener, &config, items, cursor, read.finalized).await?;
    }
    Ok(Fed { heard, seen })
}

async fn read(
    workflow: &Workflow,
    namespace: &Namespace,
    listener: &Listener,
    config: &Config,
    chain: &ChainId,
    seen: Option<&Seen>,
) -> Result<Option<Read>> {
    let (namespace, listener, config, chain, seen) =
        (namespace.clone(), listener.clone(), config.clone(), chain.clone(), seen.cloned());
    let lane = workflow.settings().lane;
    let filter = EventFilter { chain: chain.clone(), sources: config.sources(&chain)?, topics: config.topics(&chain)? };
    let read = move |tx: &mut Unbound<'_, '_>| {
        let Some(status) = index::status(tx, &chain)? else { return Ok(None) };
        let Some(head) = status.head else { return Ok(None) };
        let finalized = status.finalized.map(|tip| tip.height);
        let pending = config.finality == Finality::Pending;
        let Some(through) = (if pending { Some(head.height) } else { finalized }) else { return Ok(None) };
        let mark = if pending { format!("{through}/{}/{finalized:?}", head.hash) } else { through.to_string() };
        if seen.as_ref().is_some_and(|(version, words)| *version == listener.version && *words == mark) {
            return Ok(None);
        }
        let reverted = if pending { reverted(tx, &namespace, &listener, &chain)? } else { Vec::new() };
        let from = from(tx, &listener, &chain, finalized)?;
        let waiting = runs::count_lane(&mut tx.bound(&namespace), listener.id)?;
        let room = lane.saturating_sub(u32::try_from(waiting).unwrap_or(u32::MAX));
        let after = index::Cursor { height: from.height, index: from.index };
        let events = if room == 0 { Vec::new() } else { index::events_through(tx, &filter, after, through, room)? };
        let finalized = finalized.unwrap_or_default();
        Ok::<_, Error>(Some(Read { through, finalized, from, events, reverted, room, seen: mark }))
    };
    workflow.db().read_unbound(read).await
}

/// What was delivered from blocks that are canonical no more, newest first.
fn reverted(
    tx: &mut Unbound<'_, '_>,
    namespace: &Namespace,
    listener: &Listener,
    chain: &ChainId,
) -> Result<Vec<Delivered>> {
    let delivered = table::delivered(&mut tx.bound(namespace), listener.id)?;
    let mut reverted = Vec::new();
    for one in delivered {
        if index::block_at(tx, chain, one.height)?.as_deref() != Some(one.block_hash.as_str()) {
            reverted.push(one);
        }
    }
    Ok(reverted)
}

/// Where it reads on. Where the block that it stands in was dropped, it begins again behind the last final one: what it has delivered
/// from there is known by its run.
fn from(tx: &mut Unbound<'_, '_>, listener: &Listener, chain: &ChainId, finalized: Option<Height>) -> Result<Place> {
    let place = listener.cursor.clone().unwrap_or(Place { height: Height(0), index: -1, hash: None });
    let Some(hash) = &place.hash else { return Ok(place) };
    let stands = finalized.is_some_and(|height| place.height <= height);
    if stands || index::block_at(tx, chain, place.height)?.as_ref() == Some(hash) {
        return Ok(place);
    }
    Ok(match finalized {
        Some(height) => Place { height, index: BEHIND_ALL, hash: None },
        None => Place { height: Height(0), index: -1, hash: None },
    })
}

/// Where it stands afterwards: behind what was delivered; a longer way without events is left behind too, as far as it is final.
fn cursor(read: &Read, whole: bool, listener: &Listener) -> Option<Place> {
    let last = read.events.last().map(|event| Place {
        height: event.height,
        index: i64::from(event.event.index),
        hash: (event.height > read.finalized).then(|| event.block_hash.clone()),
    });
    let place = last.or_else(|| Some(read.from.clone()));
    let stands = place.as_ref().map_or(Height(0), |place| place.height);
    let idle = read.through.min(read.finalized);
    if whole && read.room > 0 && idle.0 >= stands.0 + IDLE_BLOCKS {
        return Some(Place { height: idle, index: BEHIND_ALL, hash: None });
    }
    place.or_else(|| listener.cursor.clone())
}

fn items(
    connector: &Arc<dyn Connector>,
    namespace: &Namespace,
    listener: &Listener,
    config: &Config,
    read: &Read,
) -> Result<Vec<Item>> {
    let mut items: Vec<Item> = read
        .reverted
        .iter()
        .map(|one| Item {
            event: one.event.clone(),
            block_hash: one.block_hash.clone(),
            height: one.height,
            input: one.input.clone(),
            reverted: true,
        })
        .collect();
    let interface = config.interface();
    for event in &read.events {
        // An event of another kind with the same topic, or one that does not decode, is none of this listener's.
        if let Ok(Some(decoded)) = connector.decode_event(&interface, &event.event) {
            items.push(item(namespace, listener, config, event, &decoded)?);
        }
    }
    Ok(items)
}

/// The event record: `id` and `blockchainEvent`, integers as decimal texts.
fn item(
    namespace: &Namespace,
    listener: &Listener,
    config: &Config,
    stored: &StoredEvent,
    decoded: &chain::DecodedEvent,
) -> Result<Item> {
    let (id, event) = (stored.event.id(&stored.chain), &stored.event);
    let input = json!({
        "id": id,
        "blockchainEvent": {
            "name": decoded.name,
            "namespace": config.namespace.as_deref().unwrap_or(namespace.as_str()),
            "protocolId": event.protocol_id(stored.height),
            "timestamp": stored.block_time,
            "listener": listener.name,
            "output": decoded.output,
            "info": {
                "address": event.source,
                "blockNumber": stored.height.to_string(),
                "logIndex": event.index.to_string(),
                "transactionHash": event.transaction,
                "transactionIndex": event.transaction_index.to_string(),
                "signature": decoded.signature,
            },
        },
        "chain": stored.chain,
        "blockHash": stored.block_hash,
    });
    let input = Json::of(&input).map_err(|error| Error::corrupt("event", error.to_string()))?;
    let (block_hash, height) = (stored.block_hash.clone(), stored.height);
    Ok(Item { event: id, block_hash, height, input, reverted: false })
}

#[allow(clippy::too_many_arguments)] // what one transaction is made of
async fn commit(
    workflow: &Workflow,
    lease: &Lease,
    namespace: &Namespace,
    listener: &Listener,
    config: &Config,
    items: Vec<Item>,
    cursor: Option<Place>,
    finalized: Height,
) -> Result<()> {
    let (this, listener, config, owner) = (workflow.clone(), listener.clone(), config.clone(), namespace.clone());
    let write = move |tx: &mut Tx<'_, '_>| {
        let mut next = Listener { cursor: cursor.clone(), problem: None, ..listener.clone() };
        for item in &items {
            deliver(&this, tx, &owner, &mut next, &config, item, finalized)?;
        }
        table::forget(tx, next.id, finalized)?;
        next.version += 1;
        if !table::note(tx, &next, listener.version)? {
            return Err(Error::Stale);
        }
        let now = tx.now();
        runs::release_lane(tx, next.id, now)
    };
    workflow.db().on(lease).write(namespace, write).await
}

fn deliver(
    workflow: &Workflow,
    tx: &mut Tx<'_, '_>,
    namespace: &Namespace,
    next: &mut Listener,
    config: &Config,
    item: &Item,
    finalized: Height,
) -> Result<()> {
    let compensates = match &config.on_revert {
        Some(OnRevert::Compensate { task_name, task_version }) => Some((task_name, task_version)),
        Some(OnRevert::Word(_)) | None => None,
    };
    if item.reverted {
        table::take_back(tx, next.id, &item.event, &item.block_hash)?;
        let Some((task, version)) = compensates else { return Ok(()) };
        return start(workflow, tx, namespace, next, config, item, task, version.as_ref(), true);
    }
    if item.height > finalized {
        let (event, block_hash, input) = (item.event.clone(), item.block_hash.clone(), item.input.clone());
        table::remember(tx, next.id, &Delivered { event, block_hash, height: item.height, input })?;
    }
    // Where a revert is made up for, the event in another block is another occasion.
    start(
        workflow,
        tx,
        namespace,
        next,
        config,
        item,
        &config.task_name,
        config.task_version.as_ref(),
        compensates.is_some(),
    )
}

#[allow(clippy::too_many_arguments)] // what a run is made of
fn start(
    workflow: &Workflow,
    tx: &mut Tx<'_, '_>,
    namespace: &Namespace,
    next: &mut Listener,
    config: &Config,
    item: &Item,
    task: &str,
    version: Option<&String>,
    by_block: bool,
) -> Result<()> {
    let now = tx.now();
    let input = if item.reverted { marked(&item.input)? } else { item.input.clone() };
    let lane = Lane { listener: next.id, place: next.next_place, holds: config.on_error == OnError::Hold };
    let order = Order {
        id: RunId::new(now, tx.entropy()),
        new: NewRun { task: task.to_owned(), version: version.cloned(), input, idempotency_key: None, activity: None },
        sealed: None,
        who: Principal::system(&format!("listener/{}", next.name), namespace.clone()),
        origin: Origin::Listener { listener: next.id, event: item.event.clone(), reverted: item.reverted },
        lane: Some(lane),
        released: false,
        key: Some((HEARD, key(next, item, by_block))),
        command: None,
    };
    if let Begun::Fresh(_) = begin(workflow, tx, &order)? {
        next.next_place += 1;
    }
    Ok(())
}

fn marked(input: &Json) -> Result<Json> {
    let mut value = input.to_value();
    value["reverted"] = true.into();
    Json::of(&value).map_err(|error| Error::corrupt("event", error.to_string()))
}

/// A run is unique by listener and event; where events are made up for, also by the block.
fn key(listener: &Listener, item: &Item, by_block: bool) -> String {
    let mut key = format!("{}/{}", listener.id, item.event);
    if by_block {
        key.push_str(&format!("/{}", item.block_hash));
    }
    if item.reverted {
        key.push_str("/reverted");
    }
    if key.len() > idempotency::MAX_KEY { Digest::of(key.as_bytes()).to_string() } else { key }
}
