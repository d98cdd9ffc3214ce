//! The interface to every chain.

use crate::{Finality, Result, SubmitOutcome};
use async_trait::async_trait;
use intent::{FeeLimits, FeeTerms, Intent, Interface, Signature, Signed, Unsigned};
use serde_json::Value;
use std::collections::BTreeSet;
use types::{
    Amount, Block, ChainEvent, ChainId, ExecutionStatus, Height, ReplayKey, Time, Transfer,
};

/// The capabilities of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// How the chain stores balances.
    pub model: AccountModel,
    /// What orders a signer's transactions and prevents replay.
    pub sequencing: Sequencing,
    pub contracts: bool,
    pub memo: bool,
}

/// How a chain stores balances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountModel {
    /// Account balances.
    Account,
    /// Unspent outputs, each spent as a whole.
    Utxo,
}

/// What a transaction consumes to prevent replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sequencing {
    /// Consecutive nonces of an account.
    Nonce,
    /// Unspent outputs.
    Inputs,
}

/// Identifies a block and its parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockRef {
    pub height: Height,
    pub hash: String,
    /// The parent's hash.
    pub parent: String,
    pub time: Time,
}

/// Selects what is returned of a block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watch {
    /// Signers, in canonical form, whose transactions are returned.
    pub signers: BTreeSet<String>,
    /// Topics (EVM: first topics, lower-case hexadecimal) whose events are returned from every
    /// source.
    pub topics: BTreeSet<String>,
    /// Sources (contracts, scripts) all of whose events are returned.
    pub sources: BTreeSet<String>,
    /// Return every event.
    pub everything: bool,
}

/// The current cost of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// Gas, price and maximum fee.
    pub terms: FeeTerms,
}

/// The nonce or coins that a plan must use or avoid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reservations {
    /// The nonce, on chains with nonces.
    pub nonce: Option<u64>,
    /// Replay keys that must not be used.
    pub excluded: BTreeSet<ReplayKey>,
    /// Replay keys that must be used: those of the replaced transaction.
    pub required: BTreeSet<ReplayKey>,
}

/// A transaction to plan.
#[derive(Debug, Clone)]
pub struct Plan<'a> {
    pub intent: &'a Intent,
    /// Limits on fees.
    pub terms: FeeTerms,
    /// Replay keys to use or avoid.
    pub reservations: &'a Reservations,
    /// The signatures of the intent's authorizations, in their order (EVM, EIP-7702).
    pub authorizations: &'a [Signature],
}

/// A signer's next nonces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sequence {
    /// The next nonce after the mined transactions.
    pub mined: u64,
    /// The next nonce after the node's consecutive pending transactions.
    pub pending: u64,
}

/// The status of a transaction at one node. A missing transaction proves nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TxStatus {
    /// The node does not know it.
    Unknown,
    /// In the node's pool.
    Pending,
    Included {
        block: String,
        height: Height,
        status: ExecutionStatus,
    },
}

/// A read-only contract call.
#[derive(Debug, Clone)]
pub struct CallRequest<'a> {
    /// The caller seen by the contract.
    pub from: Option<&'a str>,
    pub to: &'a str,
    pub data: Vec<u8>,
    /// The block to read at, by hash. `None` for the newest.
    pub block_hash: Option<&'a str>,
}

/// What the chain says of a contract at a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractState {
    /// The height of the block.
    pub height: Height,
    /// EVM: Keccak-256 of the code, hexadecimal with 0x.
    pub code_hash: String,
    /// What a proxy delegates to.
    pub implementation: Option<Implementation>,
    /// What `decimals()` returns.
    pub decimals: Option<u8>,
    /// What `symbol()` returns, if it is a text of at most 64 bytes.
    pub symbol: Option<String>,
    /// What `asset()` returns: the token that a vault holds (ERC-4626).
    pub underlying: Option<String>,
}

/// The implementation behind a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Implementation {
    pub kind: ProxyKind,
    /// In the chain's canonical form.
    pub address: String,
    /// As [`ContractState::code_hash`]; that of no bytes if there is no code.
    pub code_hash: String,
}

/// How a proxy names its implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyKind {
    /// In the storage slot of EIP-1967.
    Eip1967,
    /// In a beacon (EIP-1967), which is called.
    Beacon,
    /// In the storage slot of ZeppelinOS.
    ZeppelinOs,
    /// In the storage slot of EIP-1822.
    Eip1822,
    /// In its code: a minimal proxy (EIP-1167).
    Eip1167,
    /// In its code: an account that delegates (EIP-7702).
    Eip7702,
}

impl ProxyKind {
    /// The name in responses and facts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eip1967 => "eip1967",
            Self::Beacon => "beacon",
            Self::ZeppelinOs => "zeppelinos",
            Self::Eip1822 => "eip1822",
            Self::Eip1167 => "eip1167",
            Self::Eip7702 => "eip7702",
        }
    }
}

/// A connection to one chain.
#[async_trait]
pub trait Connector: Send + Sync {
    /// The chain's id.
    fn chain(&self) -> &ChainId;

    /// The chain's capabilities.
    fn capabilities(&self) -> Capabilities;

    /// The chain's finality rule.
    fn finality(&self) -> Finality;

    /// The absolute limits on the fees of a transaction, as configured. Neither a quote nor a plan
    /// exceeds them.
    fn fee_limits(&self) -> FeeLimits;

    /// Estimates gas and price of each intent. For an intent that would revert, returns the reason
    /// ([`Error::ExecutionReverted`](crate::Error::ExecutionReverted)).
    async fn quote(&self, intents: &[Intent]) -> Vec<Result<Quote>>;

    /// Returns a signer's next nonces.
    async fn sequence(&self, signer: &str) -> Result<Sequence>;

    /// Plans the exact bytes of each transaction. A later plan of a batch takes account of the
    /// coins used by earlier ones.
    async fn plan(&self, plans: &[Plan<'_>]) -> Vec<Result<Unsigned>>;

    /// Sends each transaction once. [`SubmitOutcome::Unknown`] means that it may have been sent.
    async fn submit(&self, signed: &[Signed]) -> Vec<SubmitOutcome>;

    /// Returns the status of a transaction.
    async fn status(&self, id: &str) -> Result<TxStatus>;

    /// Returns the newest block.
    async fn head(&self) -> Result<BlockRef>;

    /// Returns the block at a height of the node's current canonical chain. `None` above its head.
    async fn block_at(&self, height: Height) -> Result<Option<BlockRef>>;

    /// Returns a block's header by hash. `None` if the node does not have it.
    async fn header(&self, hash: &str) -> Result<Option<BlockRef>>;

    /// Returns a block by hash, with what `watch` selects. `None` if the node does not have it.
    async fn block(&self, hash: &str, watch: &Watch) -> Result<Option<Block>>;

    /// Returns the newest block with this tag. `None` if the node does not support tags.
    async fn tagged(&self, tag: crate::FinalityTag) -> Result<Option<BlockRef>>;

    /// Executes a read-only call. A revert is
    /// [`Error::ExecutionReverted`](crate::Error::ExecutionReverted) with its reason decoded by the
    /// interface.
    async fn call(
        &self,
        request: &CallRequest<'_>,
        interface: Option<&Interface>,
    ) -> Result<Vec<u8>>;

    /// Returns what the chain says of a contract at a block. `None` if the address has no code
    /// there, and on chains without contracts.
    async fn contract(&self, _address: &str, _at: &BlockRef) -> Result<Option<ContractState>> {
        Ok(None)
    }

    /// Returns the balance of an account in the native coin.
    async fn balance(&self, account: &str) -> Result<Amount>;

    /// Decodes the transfers that an event reports by the built-in token standards. Pure. Empty for
    /// any other event.
    fn transfers(&self, height: Height, event: &ChainEvent) -> Vec<Transfer>;

    /// Decodes an event by its interface: name, canonical signature, named values with integers as
    /// decimal strings. Pure.
    fn decode_event(
        &self,
        interface: &Interface,
        event: &ChainEvent,
    ) -> Result<Option<DecodedEvent>>;
}

/// An event decoded by its interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodedEvent {
    pub name: String,
    /// Such as `Transfer(address,address,uint256)`.
    pub signature: String,
    /// The parameters by name.
    pub output: Value,
}
