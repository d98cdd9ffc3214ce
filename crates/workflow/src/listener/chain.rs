//! Chain events into a task: final ones by themselves, pending ones with what is to be done if they
//! are taken back.

use super::config::{Config, Finality};
use super::deliver::{Delivery, Item};
use super::feed::{Fed, Seen};
use super::{BEHIND_ALL, Given, Listener, Place};
use crate::table::listener::{self as table, Delivered};
use crate::table::run as runs;
use crate::{Error, Result, Workflow};
use chain::Connector;
use index::{EventFilter, StoredEvent};
use serde_json::json;
use std::sync::Arc;
use store::{Lease, Unbound};
use types::{ChainId, Height, Json, Namespace};

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

/// Begin runs for what is new.
pub(super) async fn feed(
    workflow: &Workflow,
    lease: &Lease,
    namespace: &Namespace,
    listener: &Listener,
    seen: Option<&Seen>,
) -> Result<Fed> {
    let Given::Chain { config } = &listener.given else {
        return Ok(Fed {
            heard: 0,
            seen: None,
        });
    };
    let config = Config::read(config)?;
    let chain = listener
        .chain
        .clone()
        .ok_or_else(|| Error::corrupt("listener", "it names no chain"))?;
    let connector = workflow.parts().submit.chain(&chain)?.clone();
    let Some(read) = read(workflow, namespace, listener, &config, &chain, seen).await? else {
        return Ok(Fed {
            heard: 0,
            seen: seen.cloned(),
        });
    };
    let items = items(&connector, namespace, listener, &config, &read)?;
    let whole = read.events.len() < usize::try_from(read.room).unwrap_or(usize::MAX);
    let cursor = cursor(&read, whole, listener);
    let heard = items.len();
    let moved = heard > 0 || cursor.as_ref() != listener.cursor.as_ref();
    let seen = whole.then(|| (listener.version + u64::from(moved), read.seen.clone()));
    if moved {
        let delivery = Delivery::new(workflow, namespace, &config, read.finalized);
        delivery.commit(lease, listener, items, cursor).await?;
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
    let (namespace, listener, config, chain, seen) = (
        namespace.clone(),
        listener.clone(),
        config.clone(),
        chain.clone(),
        seen.cloned(),
    );
    let lane = workflow.settings().lane;
    let filter = EventFilter {
        chain: chain.clone(),
        sources: config.sources(&chain)?,
        topics: config.topics(&chain)?,
    };
    let read = move |tx: &mut Unbound<'_, '_>| {
        let Some(status) = index::status(tx, &chain)? else {
            return Ok(None);
        };
        let Some(head) = status.head else {
            return Ok(None);
        };
        let finalized = status.finalized.map(|tip| tip.height);
        let pending = config.finality == Finality::Pending;
        let Some(through) = (if pending {
            Some(head.height)
        } else {
            finalized
        }) else {
            return Ok(None);
        };
        let mark = if pending {
            format!("{through}/{}/{finalized:?}", head.hash)
        } else {
            through.to_string()
        };
        if seen
            .as_ref()
            .is_some_and(|(version, words)| *version == listener.version && *words == mark)
        {
            return Ok(None);
        }
        let reverted = if pending {
            reverted(tx, &namespace, &listener, &chain)?
        } else {
            Vec::new()
        };
        let from = from(tx, &listener, &chain, finalized)?;
        let waiting = runs::count_lane(&mut tx.bound(&namespace), listener.id)?;
        let room = lane.saturating_sub(u32::try_from(waiting).unwrap_or(u32::MAX));
        let after = index::Cursor {
            height: from.height,
            index: from.index,
        };
        let events = if room == 0 {
            Vec::new()
        } else {
            index::events_through(tx, &filter, after, through, room)?
        };
        let finalized = finalized.unwrap_or_default();
        Ok::<_, Error>(Some(Read {
            through,
            finalized,
            from,
            events,
            reverted,
            room,
            seen: mark,
        }))
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

/// Where it reads on. Where the block that it stands in was dropped, it begins again behind the
/// last final one: what it has delivered from there is known by its run.
fn from(
    tx: &mut Unbound<'_, '_>,
    listener: &Listener,
    chain: &ChainId,
    finalized: Option<Height>,
) -> Result<Place> {
    let place = listener.cursor.clone().unwrap_or(Place {
        height: Height(0),
        index: -1,
        hash: None,
    });
    let Some(hash) = &place.hash else {
        return Ok(place);
    };
    let stands = finalized.is_some_and(|height| place.height <= height);
    if stands || index::block_at(tx, chain, place.height)?.as_ref() == Some(hash) {
        return Ok(place);
    }
    Ok(match finalized {
        Some(height) => Place {
            height,
            index: BEHIND_ALL,
            hash: None,
        },
        None => Place {
            height: Height(0),
            index: -1,
            hash: None,
        },
    })
}

/// Where it stands afterwards: behind what was delivered; a longer way without events is left
/// behind too, as far as it is final.
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
        return Some(Place {
            height: idle,
            index: BEHIND_ALL,
            hash: None,
        });
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
        // An event of another kind with the same topic, or one that does not decode, is none of
        // this listener's.
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
    Ok(Item {
        event: id,
        block_hash,
        height,
        input,
        reverted: false,
    })
}
