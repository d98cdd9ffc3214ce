//! What others ask of the index.

use crate::event::{StoredEvent, StoredIncluded};
use crate::state::Tip;
use crate::{Error, Result, table};
use store::{Db, Fact, Lease, Unbound};
use types::{ChainId, Height, Namespace, Principal, Witness};

/// The longest reason.
const MAX_REASON: usize = 500;

/// How far a chain is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The chain.
    pub chain: ChainId,
    /// The newest block that is stored; none before the first.
    pub head: Option<Tip>,
    /// Everything up to this block is final; none while nothing is.
    pub finalized: Option<Tip>,
    /// Where the index begins.
    pub first: Height,
    /// Why the chain is halted, if it is.
    pub halted: Option<String>,
    /// How far an operator allowed the chain to be rewound, once.
    pub(crate) rewind_to: Option<Height>,
    pub(crate) version: i64,
}

/// A place among the events of a chain: behind this event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// The block's height.
    pub height: Height,
    /// The event's index in the block; -1 before the first.
    pub index: i64,
}

/// Which events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFilter {
    /// The chain.
    pub chain: ChainId,
    /// From these sources; empty for all.
    pub sources: Vec<String>,
    /// Of these topics; empty for all.
    pub topics: Vec<String>,
}

/// How far a chain is read; none if no follower has begun with it.
pub fn status(tx: &mut Unbound<'_, '_>, chain: &ChainId) -> store::Result<Option<Status>> {
    table::cursor::get(tx, chain)
}

/// The hash of the canonical block at a height.
pub fn block_at(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    height: Height,
) -> store::Result<Option<String>> {
    table::block::canonical_hash(tx, chain, height)
}

/// The events of one block, in order, behind an index (-1 for all); also of a block that was
/// reverted.
pub fn events_in(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    block_hash: &str,
    after: i64,
    limit: u32,
) -> store::Result<Vec<StoredEvent>> {
    table::event::in_block(tx, chain, block_hash, after, limit)
}

/// Valid events behind a cursor, up to a height (the final watermark, or the head), in chain order.
pub fn events_through(
    tx: &mut Unbound<'_, '_>,
    filter: &EventFilter,
    after: Cursor,
    through: Height,
    limit: u32,
) -> store::Result<Vec<StoredEvent>> {
    table::event::through(tx, filter, after, through, limit)
}

/// The transactions of watched signers in a block; also of one that was reverted.
pub fn included_in(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    block_hash: &str,
) -> store::Result<Vec<StoredIncluded>> {
    table::included::in_block(tx, chain, block_hash)
}

/// The transactions of watched signers that became final with a move of the watermark.
pub fn included_between(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    above: Option<Height>,
    through: Height,
) -> store::Result<Vec<StoredIncluded>> {
    table::included::between(tx, chain, above, through)
}

/// Who used these things up, on the canonical chain as it is stored.
pub fn included(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    witnesses: &[Witness],
) -> store::Result<Vec<StoredIncluded>> {
    table::included::by_witness(tx, chain, witnesses)
}

/// The verbs of the index, asked by whoever holds a lease of his own.
#[derive(Clone)]
pub struct Index {
    pub(crate) db: Db,
    pub(crate) lease: Lease,
}

impl Index {
    /// On a database, with the partition that the facts of these verbs go to.
    pub fn new(db: Db, lease: Lease) -> Self {
        Self { db, lease }
    }
}

/// How far a chain may be rewound when it is resumed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// The lowest height that may stay common; none if nothing final is to be undone.
    pub rewind_to: Option<Height>,
    /// Why, for the record: 1 to 500 characters.
    pub reason: String,
}

/// An operator's word that a halted chain goes on.
pub async fn resume(index: &Index, who: &Principal, chain: &ChainId, resume: Resume) -> Result<()> {
    if resume.reason.trim().is_empty() || resume.reason.len() > MAX_REASON {
        return Err(Error::Reason);
    }
    let (who, chain) = (who.clone(), chain.clone());
    index
        .db
        .on(&index.lease)
        .write_unbound(move |tx| {
            let mut status =
                table::cursor::get(tx, &chain)?.ok_or_else(|| Error::UnknownChain { chain: chain.clone() })?;
            let Some(halted) = status.halted.take() else {
                return Err(Error::NotHalted { chain: chain.clone() });
            };
            status.rewind_to = resume.rewind_to;
            if !table::cursor::put(tx, &status)? {
                return Err(store::Error::Contended { attempts: 1 }.into());
            }
            let said = serde_json::json!({ "was": halted, "rewind_to": resume.rewind_to, "reason": resume.reason });
            let version = u64::try_from(status.version + 1).unwrap_or(0);
            let fact = Fact::new("chain.resumed", 1).about(&chain, version).by(&who).says(&said);
            tx.append(&Namespace::installation(), fact);
            Ok(())
        })
        .await
}
