//! Queries of the index, and resuming a halted chain.

use crate::event::{StoredEvent, StoredInclusion};
use crate::state::Tip;
use crate::{Error, Result, table};
use store::{Db, Fact, Lease, UnscopedTx};
use types::{ChainId, Height, Namespace, Principal, ReplayKey};

/// The longest reason, in bytes.
const MAX_REASON: usize = 500;

/// How far a chain is indexed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub chain: ChainId,
    /// The newest stored block; none before the first.
    pub head: Option<Tip>,
    /// The final watermark: everything up to this block is final. None while nothing is.
    pub finalized: Option<Tip>,
    /// The height at which the index starts.
    pub first: Height,
    /// Why the chain is halted, if it is.
    pub halted: Option<String>,
    /// The height down to which an operator allowed one rewind below the final watermark.
    pub(crate) rewind_to: Option<Height>,
    pub(crate) version: i64,
}

/// A position in the events of a chain: after this event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventCursor {
    pub height: Height,
    /// The event's index in the block; -1 is before its first event.
    pub index: i64,
}

/// Selects chain events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFilter {
    pub chain: ChainId,
    /// Empty for all sources.
    pub sources: Vec<String>,
    /// Empty for all topics.
    pub topics: Vec<String>,
}

/// How far a chain is indexed; none before its first stored block.
pub fn status(tx: &mut UnscopedTx<'_, '_>, chain: &ChainId) -> store::Result<Option<Status>> {
    table::cursor::get(tx, chain)
}

/// The hash of the canonical block at a height.
pub fn block_at(
    tx: &mut UnscopedTx<'_, '_>,
    chain: &ChainId,
    height: Height,
) -> store::Result<Option<String>> {
    table::block::canonical_hash(tx, chain, height)
}

/// The events of one block, in order, after an event index (-1 for all). Includes reverted blocks.
pub fn events_in_block(
    tx: &mut UnscopedTx<'_, '_>,
    chain: &ChainId,
    block_hash: &str,
    after: i64,
    limit: u32,
) -> store::Result<Vec<StoredEvent>> {
    table::event::in_block(tx, chain, block_hash, after, limit)
}

/// Canonical events after a cursor, up to and including a height (the final watermark, or the
/// head), in chain order.
pub fn events_through(
    tx: &mut UnscopedTx<'_, '_>,
    filter: &EventFilter,
    after: EventCursor,
    through: Height,
    limit: u32,
) -> store::Result<Vec<StoredEvent>> {
    table::event::through(tx, filter, after, through, limit)
}

/// The transactions of watched signers in a block. Includes reverted blocks.
pub fn inclusions_in_block(
    tx: &mut UnscopedTx<'_, '_>,
    chain: &ChainId,
    block_hash: &str,
) -> store::Result<Vec<StoredInclusion>> {
    table::inclusion::in_block(tx, chain, block_hash)
}

/// The canonical transactions of watched signers above one height, up to and including another:
/// those that became final with a move of the watermark.
pub fn inclusions_between(
    tx: &mut UnscopedTx<'_, '_>,
    chain: &ChainId,
    above: Option<Height>,
    through: Height,
) -> store::Result<Vec<StoredInclusion>> {
    table::inclusion::between(tx, chain, above, through)
}

/// The canonical transactions that used these replay keys.
pub fn inclusions_by_replay_key(
    tx: &mut UnscopedTx<'_, '_>,
    chain: &ChainId,
    replay_keys: &[ReplayKey],
) -> store::Result<Vec<StoredInclusion>> {
    table::inclusion::by_replay_key(tx, chain, replay_keys)
}

/// The index as seen by callers other than its worker. Writes to the caller's own partition.
#[derive(Clone)]
pub struct Index {
    pub(crate) db: Db,
    pub(crate) lease: Lease,
}

impl Index {
    /// Creates a handle. `lease` is the partition that receives the facts of its operations.
    pub fn new(db: Db, lease: Lease) -> Self {
        Self { db, lease }
    }
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
    let (principal, chain) = (principal.clone(), *chain);
    index
        .db
        .on(&index.lease)
        .write_unscoped(move |tx| {
            let mut status = table::cursor::get(tx, &chain)?
                .ok_or_else(|| Error::UnknownChain { chain: chain })?;
            let Some(halt_reason) = status.halted.take() else {
                return Err(Error::NotHalted { chain: chain });
            };
            status.rewind_to = request.rewind_to;
            if !table::cursor::put(tx, &status)? {
                return Err(store::Error::Contended { attempts: 1 }.into());
            }
            let payload = serde_json::json!({
                "halt_reason": halt_reason,
                "rewind_to": request.rewind_to,
                "reason": request.reason,
            });
            let version = u64::try_from(status.version + 1).unwrap_or(0);
            let fact = Fact::new("chain.resumed", 1)
                .subject(&chain, version)
                .actor(&principal)
                .payload(&payload);
            tx.append(&Namespace::installation(), fact);
            Ok(())
        })
        .await
}
