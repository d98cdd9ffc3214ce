//! Queries of the index, and resuming a halted chain.

use crate::event::{EventCursor, EventFilter, StoredEvent};
use crate::table::cursor::{Status, status};
use crate::table::event::events_through;
use crate::{Error, Index, Result, table};
use store::{Fact, UnscopedTx};
use types::{ChainId, Height, Namespace, Principal};

/// The longest reason, in bytes.
const MAX_REASON: usize = 500;

/// How far chains are indexed, in order; none for each before its first stored block.
pub async fn statuses(index: &Index, chains: Vec<ChainId>) -> Result<Vec<Option<Status>>> {
    let read = |tx: &mut UnscopedTx, chains: &Vec<ChainId>| {
        let statuses = chains.iter().map(|chain| status(tx, chain));
        statuses.collect::<store::Result<_>>()
    };
    Ok(index.db().read_unscoped_with(chains, read).await?)
}

/// How far a chain is indexed; none before its first stored block.
pub async fn status_of(index: &Index, chain: &ChainId) -> Result<Option<Status>> {
    Ok(index.db().read_unscoped_with(*chain, status).await?)
}

/// Canonical events in chain order, and how far they are final.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventsPage {
    pub events: Vec<StoredEvent>,
    /// The final watermark: events up to this height are final.
    pub finalized: Option<Height>,
}

/// The canonical events after a cursor, up to the head.
pub async fn events_page(
    index: &Index,
    filter: EventFilter,
    after: EventCursor,
    limit: u32,
) -> Result<EventsPage> {
    let read = move |tx: &mut UnscopedTx, filter: &EventFilter| {
        let status = status(tx, &filter.chain)?;
        let Some((head, finalized)) =
            status.and_then(|status| Some((status.head_height()?, status.final_height())))
        else {
            return Ok(EventsPage::default());
        };
        let events = events_through(tx, filter, after, head, limit)?;
        Ok::<_, store::Error>(EventsPage { events, finalized })
    };
    Ok(index.db().read_unscoped_with(filter, read).await?)
}

/// A request to resume a halted chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResumeRequest {
    /// The height down to which final blocks may be undone; none to undo no final block.
    pub rewind_to: Option<Height>,
    /// Recorded; 1 to 500 bytes.
    pub reason: String,
}

/// Resumes a halted chain on behalf of an operator. Errors: `index.invalid_reason`,
/// `index.unknown_chain`, `index.not_halted`.
pub async fn resume(
    index: &Index,
    principal: &Principal,
    chain: &ChainId,
    request: ResumeRequest,
) -> Result<()> {
    if request.reason.trim().is_empty() || request.reason.len() > MAX_REASON {
        return Err(Error::InvalidReason);
    }
    let args = (principal.clone(), *chain, request);
    let leased = index.on();
    leased
        .write_unscoped_with(args, |tx, (principal, chain, request)| {
            resume_in(tx, principal, *chain, request)
        })
        .await
}

fn resume_in(
    tx: &mut UnscopedTx,
    principal: &Principal,
    chain: ChainId,
    request: &ResumeRequest,
) -> Result<()> {
    let mut status = status(tx, &chain)?.ok_or(Error::UnknownChain { chain })?;
    let Some(halt_reason) = status.halted.take() else {
        return Err(Error::NotHalted { chain });
    };
    status.rewind_to = request.rewind_to;
    status.version += 1;
    if !table::cursor::put(tx, &status)? {
        return Err(store::Error::Contended { attempts: 1 }.into());
    }
    let payload = serde_json::json!({
        "halt_reason": halt_reason,
        "rewind_to": request.rewind_to,
        "reason": request.reason,
    });
    let fact = Fact::new("chain.resumed", 1)
        .subject(&chain, status.version)
        .actor(principal)
        .payload(&payload);
    tx.append(&Namespace::installation(), fact);
    Ok(())
}
