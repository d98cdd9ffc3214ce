//! Starts runs for chain events: final events only, or pending events with a declared compensation
//! for reverts.

use super::config::{Config, Finality};
use super::deliver::{Delivery, EventDelivery};
use super::outcome::{FeedOutcome, ReadMark};
use super::{Listener, ListenerCursor, ListenerSpec};
use crate::error::to_stored;
use crate::table::listener::{self as table, Delivered};
use crate::table::run as runs;
use crate::{Error, Result, Workflow};
use chain::Connector;
use index::{EventFilter, StoredEvent};
use serde_json::json;
use std::sync::Arc;
use store::{Lease, UnscopedTx};
use types::{ChainId, Height, Namespace};

/// The cursor advances without an event after this many blocks.
const IDLE_BLOCKS: u64 = 100;

/// What one snapshot contains for a listener.
struct Snapshot {
    /// The last block to read.
    through: Height,
    /// The final watermark.
    finalized: Height,
    /// Where to continue: after the last delivered event, or earlier if its block was dropped.
    cursor: ListenerCursor,
    events: Vec<StoredEvent>,
    /// Delivered earlier and reverted since.
    reverted: Vec<Delivered>,
    /// How many more runs the listener accepts.
    capacity: u32,
    mark: String,
}

/// Starts runs for new events.
pub(super) async fn feed(
    workflow: &Workflow,
    lease: &Lease,
    namespace: &Namespace,
    listener: &Listener,
    last: Option<&ReadMark>,
) -> Result<FeedOutcome> {
    let ListenerSpec::Chain { config } = &listener.spec else {
        return Ok(FeedOutcome::idle(None));
    };
    let config = Config::read(config)?;
    let chain = listener
        .chain
        .ok_or_else(|| Error::corrupt("listener", "it has no chain"))?;
    let connector = workflow.parts().submit.chain(&chain)?.clone();
    let Some(snapshot) =
        read_snapshot(workflow, namespace, listener, &config, &chain, last).await?
    else {
        return Ok(FeedOutcome::idle(last));
    };
    let deliveries = deliveries(&connector, namespace, listener, &config, &snapshot)?;
    let complete = snapshot.events.len() < usize::try_from(snapshot.capacity).unwrap_or(usize::MAX);
    let cursor = next_cursor(&snapshot, complete);
    let delivered = deliveries.len();
    let moved = delivered > 0 || Some(&cursor) != listener.cursor.as_ref();
    let mark = complete.then(|| ReadMark {
        version: listener.version + u64::from(moved),
        fingerprint: snapshot.mark.clone(),
    });
    if moved {
        let delivery = Delivery::new(workflow, namespace, &config, snapshot.finalized);
        delivery.commit(lease, listener, deliveries, cursor).await?;
    }
    Ok(FeedOutcome { delivered, mark })
}

async fn read_snapshot(
    workflow: &Workflow,
    namespace: &Namespace,
    listener: &Listener,
    config: &Config,
    chain: &ChainId,
    last: Option<&ReadMark>,
) -> Result<Option<Snapshot>> {
    let last = last
        .filter(|last| last.version == listener.version)
        .cloned();
    let (namespace, listener, chain) = (*namespace, listener.clone(), *chain);
    let pending = config.finality == Finality::Pending;
    let limit = workflow.settings().queued_runs_per_listener;
    let filter = EventFilter {
        chain,
        sources: config.sources(&chain)?,
        topics: config.topics(&chain)?,
    };
    let read = move |tx: &mut UnscopedTx| {
        let status = index::status(tx, &chain)?;
        let Some((Some(head), finalized)) = status.map(|status| (status.head, status.finalized))
        else {
            return Ok(None);
        };
        let finalized = finalized.map(|tip| tip.height);
        let Some(through) = pending.then_some(head.height).or(finalized) else {
            return Ok(None);
        };
        let mark = if pending {
            format!("{through}/{}/{finalized:?}", head.hash)
        } else {
            through.to_string()
        };
        if last.as_ref().is_some_and(|last| last.fingerprint == mark) {
            return Ok(None);
        }
        let reverted = if pending {
            reverted(tx, &namespace, &listener, &chain)?
        } else {
            Vec::new()
        };
        let cursor = resume_cursor(tx, &listener, &chain, finalized)?;
        let waiting = runs::count_unfinished(&mut tx.scoped(&namespace), listener.id)?;
        let capacity = limit.saturating_sub(u32::try_from(waiting).unwrap_or(u32::MAX));
        let after = index::EventCursor {
            height: cursor.height,
            index: cursor.index,
        };
        let events = if capacity == 0 {
            Vec::new()
        } else {
            index::events_through(tx, &filter, after, through, capacity)?
        };
        let finalized = finalized.unwrap_or_default();
        Ok::<_, Error>(Some(Snapshot {
            through,
            finalized,
            cursor,
            events,
            reverted,
            capacity,
            mark,
        }))
    };
    workflow.db().read_unscoped(read).await
}

/// Delivered events whose blocks are no longer canonical, newest first.
fn reverted(
    tx: &mut UnscopedTx,
    namespace: &Namespace,
    listener: &Listener,
    chain: &ChainId,
) -> Result<Vec<Delivered>> {
    let delivered = table::delivered(&mut tx.scoped(namespace), listener.id)?;
    let mut reverted = Vec::new();
    for delivery in delivered {
        if index::block_at(tx, chain, delivery.height)?.as_deref()
            != Some(delivery.block_hash.as_str())
        {
            reverted.push(delivery);
        }
    }
    Ok(reverted)
}

/// Where to continue reading. If the cursor's block was dropped, restarts after the final
/// watermark; events delivered from there are recognized by their idempotency keys.
fn resume_cursor(
    tx: &mut UnscopedTx,
    listener: &Listener,
    chain: &ChainId,
    finalized: Option<Height>,
) -> Result<ListenerCursor> {
    let cursor = listener
        .cursor
        .clone()
        .unwrap_or(ListenerCursor::before(Height(0)));
    let Some(hash) = &cursor.hash else {
        return Ok(cursor);
    };
    let is_final = finalized.is_some_and(|height| cursor.height <= height);
    if is_final || index::block_at(tx, chain, cursor.height)?.as_ref() == Some(hash) {
        return Ok(cursor);
    }
    Ok(match finalized {
        Some(height) => ListenerCursor::after(height),
        None => ListenerCursor::before(Height(0)),
    })
}

/// The cursor after the delivery: after the last event. Also skips a long range without events, but
/// only up to the final watermark.
fn next_cursor(snapshot: &Snapshot, complete: bool) -> ListenerCursor {
    let last = snapshot.events.last().map(|event| ListenerCursor {
        height: event.height,
        index: i64::from(event.event.index),
        hash: (event.height > snapshot.finalized).then(|| event.block_hash.clone()),
    });
    let cursor = last.unwrap_or_else(|| snapshot.cursor.clone());
    let idle = snapshot.through.min(snapshot.finalized);
    if complete && snapshot.capacity > 0 && idle.0 >= cursor.height.0 + IDLE_BLOCKS {
        return ListenerCursor::after(idle);
    }
    cursor
}

fn deliveries(
    connector: &Arc<dyn Connector>,
    namespace: &Namespace,
    listener: &Listener,
    config: &Config,
    snapshot: &Snapshot,
) -> Result<Vec<EventDelivery>> {
    let mut deliveries: Vec<EventDelivery> = snapshot
        .reverted
        .iter()
        .cloned()
        .map(|event| EventDelivery {
            event,
            reverted: true,
        })
        .collect();
    let interface = config.interface();
    for event in &snapshot.events {
        // Another event with the same topic, or one that does not decode, is not for this listener.
        if let Ok(Some(decoded)) = connector.decode_event(&interface, &event.event) {
            deliveries.push(EventDelivery {
                event: delivery(namespace, listener, config, event, &decoded)?,
                reverted: false,
            });
        }
    }
    Ok(deliveries)
}

/// The event record: `id` and `blockchainEvent`, integers as decimal strings.
fn delivery(
    namespace: &Namespace,
    listener: &Listener,
    config: &Config,
    stored: &StoredEvent,
    decoded: &chain::DecodedEvent,
) -> Result<Delivered> {
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
    Ok(Delivered {
        listener: listener.id,
        event: id,
        block_hash: stored.block_hash.clone(),
        height: stored.height,
        input: to_stored("event", &input)?,
    })
}
