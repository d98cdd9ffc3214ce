//! Response bodies of chains and their events.

use crate::shapes::to_json;
use chain::{AccountModel, Connector, Sequencing};
use serde::Serialize;
use types::{ChainId, Height, Json, Time};
use utoipa::ToSchema;

/// A chain of the installation and its indexing status.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Chain {
    chain: ChainId,
    /// The newest indexed block; `null` before the first.
    head: Option<BlockRef>,
    /// The newest final block; `null` while no block is final.
    finalized: Option<BlockRef>,
    /// The first indexed height.
    first: Option<Height>,
    /// Why the chain is halted; `null` if it is not.
    halted: Option<String>,
    /// The rule by which a block becomes final.
    finality: Json,
    /// The account model: `account` or `utxo`.
    #[schema(value_type = String)]
    model: AccountModel,
    /// What orders a signer's transactions: `nonce` or `inputs`.
    #[schema(value_type = String)]
    sequencing: Sequencing,
    /// Whether the chain supports contracts.
    contracts: bool,
    /// Whether a payment can carry a memo.
    memo: bool,
}

/// A block by height and hash.
#[derive(Serialize, ToSchema)]
struct BlockRef {
    height: Height,
    hash: String,
}

impl From<index::Tip> for BlockRef {
    fn from(tip: index::Tip) -> Self {
        Self {
            height: tip.height,
            hash: tip.hash,
        }
    }
}

impl Chain {
    pub(super) fn of(connector: &dyn Connector, status: Option<index::Status>) -> Self {
        let capabilities = connector.capabilities();
        let first = status.as_ref().map(|status| status.first);
        let (head, finalized, halted) = status.map_or((None, None, None), |status| {
            (status.head, status.finalized, status.halted)
        });
        Self {
            chain: *connector.chain(),
            head: head.map(BlockRef::from),
            finalized: finalized.map(BlockRef::from),
            first,
            halted,
            finality: to_json(&connector.finality()),
            model: capabilities.model,
            sequencing: capabilities.sequencing,
            contracts: capabilities.contracts,
            memo: capabilities.memo,
        }
    }
}

/// A chain event.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    /// The id. It stays the same if a reorganization moves the transaction to another block.
    id: String,
    height: Height,
    block_hash: String,
    block_time: Time,
    transaction: String,
    transaction_index: u32,
    /// The index of the event in the block.
    index: u32,
    /// The contract or script that emitted the event.
    source: String,
    /// The first topic of an EVM log; empty if it has none.
    topic: String,
    /// The event's data in a form that depends on the family of the chain.
    body: Json,
    /// `pending` or `final`.
    status: &'static str,
}

impl Event {
    pub(super) fn of(stored: index::StoredEvent, finalized: Option<Height>) -> Self {
        let (height, event) = (stored.height, stored.event);
        let is_final = finalized.is_some_and(|through| height <= through);
        Self {
            id: event.id(&stored.chain),
            height,
            block_hash: stored.block_hash,
            block_time: stored.block_time,
            transaction: event.transaction,
            transaction_index: event.transaction_index,
            index: event.index,
            source: event.source,
            topic: event.topic,
            body: Json::parse(&event.body).unwrap_or_else(|| to_json(&event.body)),
            status: if is_final { "final" } else { "pending" },
        }
    }
}

/// A source whose transfers are projected into the data model.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TrackedSource {
    chain: ChainId,
    /// The contract, or `*` for all contracts.
    source: String,
    projection: String,
    /// Whether the projection has reached the head of the chain and follows it.
    caught_up: bool,
    /// The next height to project while it has not caught up.
    next: Height,
    /// Why the source is quarantined; `null` if it is not.
    quarantined: Option<String>,
}

impl From<index::Scope> for TrackedSource {
    fn from(scope: index::Scope) -> Self {
        Self {
            chain: scope.chain,
            source: scope.source,
            projection: scope.projection,
            caught_up: scope.caught_up,
            next: scope.next,
            quarantined: scope.quarantined,
        }
    }
}
