//! Chains and their events as they are shown.

use crate::wire::shown;
use chain::{Connector, Model, Sequencing};
use serde::Serialize;
use types::{ChainId, Height, Json, Time};
use utoipa::ToSchema;

/// A chain.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Chain {
    chain: ChainId,
    /// The newest block that is stored; absent before the first.
    head: Option<BlockName>,
    /// Everything up to this block is final; absent while nothing is.
    finalized: Option<BlockName>,
    /// Where the index begins.
    first: Option<Height>,
    /// Why the chain is halted, if it is.
    halted: Option<String>,
    /// When a block is final.
    finality: Json,
    /// `account` or `utxo`.
    model: &'static str,
    /// What orders a signer's transactions: `nonce` or `inputs`.
    sequencing: &'static str,
    /// Whether contracts can be deployed and called.
    contracts: bool,
    /// Whether a payment can carry a memo.
    memo: bool,
}

/// A block by height and hash.
#[derive(Serialize, ToSchema)]
struct BlockName {
    height: Height,
    hash: String,
}

impl From<index::state::Tip> for BlockName {
    fn from(tip: index::state::Tip) -> Self {
        Self {
            height: tip.height,
            hash: tip.hash,
        }
    }
}

impl Chain {
    pub(super) fn of(connector: &dyn Connector, status: Option<index::Status>) -> Self {
        let caps = connector.caps();
        let (head, finalized, first, halted) = status.map_or((None, None, None, None), |status| {
            (
                status.head,
                status.finalized,
                Some(status.first),
                status.halted,
            )
        });
        Self {
            chain: connector.chain().clone(),
            head: head.map(BlockName::from),
            finalized: finalized.map(BlockName::from),
            first,
            halted,
            finality: shown(&connector.finality()),
            model: match caps.model {
                Model::Account => "account",
                Model::Utxo => "utxo",
            },
            sequencing: match caps.sequencing {
                Sequencing::Nonce => "nonce",
                Sequencing::Inputs => "inputs",
            },
            contracts: caps.contracts,
            memo: caps.memo,
        }
    }
}

/// Something that happened on a chain.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    /// Stable through re-inclusion in another block.
    id: String,
    height: Height,
    block_hash: String,
    block_time: Time,
    transaction: String,
    transaction_index: u32,
    /// Its place in the block.
    index: u32,
    /// The contract or script it comes from.
    source: String,
    /// For a log its first topic, empty if it has none.
    topic: String,
    /// The rest, as the chain's connector tells it.
    body: Json,
    /// `pending` or `final`.
    status: &'static str,
}

impl Event {
    pub(super) fn of(stored: index::StoredEvent, finalized: Option<Height>) -> Self {
        let index::StoredEvent {
            chain,
            block_hash,
            height,
            block_time,
            event,
            ..
        } = stored;
        let is_final = finalized.is_some_and(|through| height <= through);
        Self {
            id: event.id(&chain),
            height,
            block_hash,
            block_time,
            transaction: event.transaction,
            transaction_index: event.transaction_index,
            index: event.index,
            source: event.source,
            topic: event.topic,
            body: Json::parse(&event.body).unwrap_or_else(|| shown(&event.body)),
            status: if is_final { "final" } else { "pending" },
        }
    }
}

/// What of a chain is projected into the data model.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tracked {
    chain: ChainId,
    /// The contract, or `*` for all.
    source: String,
    /// Which projection.
    projection: String,
    /// Whether it moves with the chain's head.
    level: bool,
    /// Where it goes on while it is not level.
    next: Height,
    /// Why it was set aside, if it was.
    quarantined: Option<String>,
}

impl From<index::Scope> for Tracked {
    fn from(scope: index::Scope) -> Self {
        let index::Scope {
            chain,
            source,
            projection,
            level,
            next,
            quarantined,
            ..
        } = scope;
        Self {
            chain,
            source,
            projection,
            level,
            next,
            quarantined,
        }
    }
}
