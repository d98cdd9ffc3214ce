//! The one interface to every chain.

use crate::{Finality, Result, Submitted};
use async_trait::async_trait;
use intent::{FeeTerms, Intent, Interface, Signature, Signed, Unsigned};
use serde_json::Value;
use std::collections::BTreeSet;
use types::{Amount, Block, ChainEvent, ChainId, Height, Status, Time, Transfer, Witness};

/// What a chain is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Accounts or coins.
    pub model: Model,
    /// What orders a signer's transactions and is used once.
    pub sequencing: Sequencing,
    /// Whether contracts can be deployed and called.
    pub contracts: bool,
    /// Whether a payment can carry a memo.
    pub memo: bool,
}

/// How a chain keeps value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// Balances of accounts.
    Account,
    /// Coins, each spent whole.
    Utxo,
}

/// What a chain lets be used once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequencing {
    /// A nonce, without gaps.
    Nonce,
    /// The inputs.
    Inputs,
}

/// A block by name: enough to follow the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockRef {
    /// How high.
    pub height: Height,
    /// Its hash.
    pub hash: String,
    /// The hash below.
    pub parent: String,
    /// When it was made.
    pub time: Time,
}

/// What to keep of a block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watch {
    /// Signers whose transactions are reported, in canonical form.
    pub signers: BTreeSet<String>,
    /// Topics (EVM: first topics, lower-case hexadecimal) whose events are kept from every source.
    pub topics: BTreeSet<String>,
    /// Sources (contracts, scripts) all of whose events are kept.
    pub sources: BTreeSet<String>,
    /// Keep every event.
    pub everything: bool,
}

/// What a transaction would buy, and at what price now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// Work, price and the most it can cost.
    pub terms: FeeTerms,
}

/// What is taken already: the next nonce, or the coins that other transactions of ours spend.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reservations {
    /// The nonce to use, where the chain has nonces.
    pub nonce: Option<u64>,
    /// Witnesses that may not be used.
    pub held: BTreeSet<Witness>,
    /// Witnesses that must be used: those of the transaction that is replaced.
    pub required: BTreeSet<Witness>,
}

/// One transaction to plan.
#[derive(Debug, Clone)]
pub struct Plan<'a> {
    /// What it is to do.
    pub intent: &'a Intent,
    /// What it may spend on fees.
    pub terms: FeeTerms,
    /// What it may and may not use up.
    pub reservations: &'a Reservations,
    /// The signatures of the authorisations that the intent carries, in their order (EVM,
    /// EIP-7702).
    pub authorisations: &'a [Signature],
}

/// How far a signer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sequence {
    /// The next nonce after what is mined.
    pub mined: u64,
    /// The next nonce after what the node has pending without a gap.
    pub pending: u64,
}

/// Where a transaction stands, as one node tells it now. A missing one proves nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TxStatus {
    /// This node does not know it.
    Unknown,
    /// Waiting in this node's pool.
    Pending,
    /// In a block.
    Included {
        /// Which.
        block: String,
        /// How high.
        height: Height,
        /// How it ended.
        status: Status,
    },
}

/// A read of a contract.
#[derive(Debug, Clone)]
pub struct CallRequest<'a> {
    /// Who asks, where that matters to the contract.
    pub from: Option<&'a str>,
    /// The contract.
    pub to: &'a str,
    /// The encoded call.
    pub data: Vec<u8>,
    /// At which block, by hash; none for the newest.
    pub at: Option<&'a str>,
}

/// A chain.
#[async_trait]
pub trait Connector: Send + Sync {
    /// Which chain it is.
    fn chain(&self) -> &ChainId;

    /// What it is like.
    fn caps(&self) -> Caps;

    /// How it becomes final.
    fn finality(&self) -> Finality;

    /// What each intent would buy and cost now. An intent that would fail says why
    /// ([`Error::Reverts`](crate::Error::Reverts)).
    async fn quote(&self, intents: &[Intent]) -> Vec<Result<Quote>>;

    /// How far a signer has come.
    async fn sequence(&self, signer: &str) -> Result<Sequence>;

    /// The exact bytes of each transaction. The next plan of a batch sees what the ones before it
    /// took.
    async fn plan(&self, plans: &[Plan<'_>]) -> Vec<Result<Unsigned>>;

    /// Send. Each gets its own answer; [`Submitted::Unknown`] means perhaps.
    async fn submit(&self, signed: &[Signed]) -> Vec<Submitted>;

    /// Where a transaction stands.
    async fn status(&self, id: &str) -> Result<TxStatus>;

    /// The newest block.
    async fn head(&self) -> Result<BlockRef>;

    /// The block at a height of what this node now holds for the canonical chain; none above its
    /// head.
    async fn block_at(&self, height: Height) -> Result<Option<BlockRef>>;

    /// A block's header by its hash; none if this node does not have it.
    async fn header(&self, hash: &str) -> Result<Option<BlockRef>>;

    /// A block by its hash, with what the watch asks for; none if this node does not have it.
    async fn block(&self, hash: &str, watch: &Watch) -> Result<Option<Block>>;

    /// The newest block that the chain itself calls by this tag; none where the node knows no tags.
    async fn tagged(&self, tag: crate::FinalityTag) -> Result<Option<BlockRef>>;

    /// Read a contract. A revert is [`Error::Reverts`](crate::Error::Reverts) with its reason
    /// decoded by the interface.
    async fn call(
        &self,
        request: &CallRequest<'_>,
        interface: Option<&Interface>,
    ) -> Result<Vec<u8>>;

    /// The chain's own coin of an account.
    async fn balance(&self, account: &str) -> Result<Amount>;

    /// The movements of value that an event of this chain tells, by the token standards built in.
    /// Pure; an event of another kind, or one that does not decode, gives none.
    fn transfers(&self, height: Height, event: &ChainEvent) -> Vec<Transfer>;

    /// An event by its interface: name, canonical signature, named values with integers as decimal
    /// strings. Pure.
    fn decode_event(
        &self,
        interface: &Interface,
        event: &ChainEvent,
    ) -> Result<Option<DecodedEvent>>;
}

/// An event as its interface reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodedEvent {
    /// The event's name.
    pub name: String,
    /// Canonical text such as `Transfer(address,address,uint256)`.
    pub signature: String,
    /// Its parameters by name.
    pub output: Value,
}
