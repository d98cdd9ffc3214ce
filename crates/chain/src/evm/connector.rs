//! The connector: everything above Florin's `chain` speaks to an EVM node through this.

mod blocks;
mod fees;
mod parts;
mod plan;
mod quote;
mod read;
mod revert;
mod submit;

use super::config::EvmConfig;
use super::numerals::Quantity;
use super::rpc::{Call, Counters, Failure, Reply, Rpc, parse, shape};
use crate::{
    BlockRef, CallRequest, Caps, Connector, DecodedEvent, Error, Finality, FinalityTag, Model,
    Plan, Quote, Result, Sequence, Sequencing, Submitted, TxStatus, Watch,
};
use async_trait::async_trait;
use fees::Format;
use intent::{Intent, Interface, Signed, Unsigned};
pub(super) use parts::TransactionJson;
use read::Abis;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::OnceCell;
use types::{Amount, Block, ChainEvent, ChainId, Entropy, Height, Transfer};

/// An EVM chain, by way of one node. Keeps nothing but what it has learnt about the node's
/// abilities.
pub struct Evm {
    config: EvmConfig,
    chain: ChainId,
    rpc: Rpc,
    /// Set once the node has proven to serve the configured chain.
    verified: OnceCell<()>,
    /// Whether the chain takes EIP-1559 prices, as last seen.
    format: Format,
    /// Cleared when the node does not know `eth_getBlockReceipts`.
    has_block_receipts: AtomicBool,
    abis: Abis,
}

impl Evm {
    /// A connector; nothing is sent before the first question. `entropy` keeps waiting connectors
    /// out of step.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub fn new(config: EvmConfig, entropy: Arc<dyn Entropy>) -> Result<Self> {
        let config = config.checked()?;
        let rpc = Rpc::new(
            &config.url,
            config.proxy.as_ref(),
            config.limits,
            config.retry,
            entropy,
        )?;
        Ok(Self {
            chain: config.chain(),
            rpc,
            verified: OnceCell::new(),
            format: Format::default(),
            has_block_receipts: AtomicBool::new(true),
            abis: Abis::default(),
            config,
        })
    }

    /// How it is set up.
    pub fn config(&self) -> &EvmConfig {
        &self.config
    }

    /// What was asked of the node so far, and how it went.
    pub fn counters(&self) -> Counters {
        self.rpc.counters()
    }

    /// The node serves the configured chain. Asked once: a node that changes its chain afterwards
    /// is caught by the block hashes.
    async fn ready(&self) -> Result<()> {
        self.verified
            .get_or_try_init(|| self.verify())
            .await
            .copied()
    }

    async fn verify(&self) -> Result<()> {
        let Quantity(found) = self
            .rpc
            .ask("eth_chainId", json!([]))
            .await
            .map_err(|failure| self.error(failure))?;
        if found == self.config.number {
            return Ok(());
        }
        tracing::error!(chain = %self.chain, found, node = %self.config.url, "the node serves another chain");
        Err(Error::WrongChain {
            chain: self.chain.to_string(),
            found,
        })
    }

    /// Ask one thing that changes nothing.
    async fn ask<T: DeserializeOwned>(&self, method: &'static str, params: Value) -> Result<T> {
        self.ready().await?;
        self.rpc
            .ask(method, params)
            .await
            .map_err(|failure| self.error(failure))
    }

    /// Ask several things that change nothing.
    async fn read(&self, calls: Vec<Call>) -> Result<Vec<Reply>> {
        self.ready().await?;
        Ok(self.rpc.read(calls).await)
    }

    /// A reply as `T`.
    fn parse<T: DeserializeOwned>(&self, reply: Reply) -> Result<T> {
        parse(reply).map_err(|failure| self.error(failure))
    }

    /// A result's text as `T`.
    fn shape<T: DeserializeOwned>(&self, text: &RawValue) -> Result<T> {
        shape(text).map_err(|failure| self.error(failure))
    }

    fn error(&self, failure: Failure) -> Error {
        failure.into_error(&self.chain)
    }

    fn untrusted(&self, why: impl Into<String>) -> Error {
        Error::Untrusted {
            chain: self.chain.to_string(),
            why: why.into(),
        }
    }
}

#[async_trait]
impl Connector for Evm {
    fn chain(&self) -> &ChainId {
        &self.chain
    }

    fn caps(&self) -> Caps {
        Caps {
            model: Model::Account,
            sequencing: Sequencing::Nonce,
            contracts: true,
            memo: false,
        }
    }

    fn finality(&self) -> Finality {
        self.config.finality
    }

    async fn quote(&self, intents: &[Intent]) -> Vec<Result<Quote>> {
        self.quote_all(intents).await
    }

    async fn sequence(&self, signer: &str) -> Result<Sequence> {
        self.sequence_of(signer).await
    }

    async fn plan(&self, plans: &[Plan<'_>]) -> Vec<Result<Unsigned>> {
        self.plan_all(plans).await
    }

    async fn submit(&self, signed: &[Signed]) -> Vec<Submitted> {
        self.submit_all(signed).await
    }

    async fn status(&self, id: &str) -> Result<TxStatus> {
        self.status_of(id).await
    }

    async fn head(&self) -> Result<BlockRef> {
        let head = self.header_by_number("latest").await?;
        head.map(|header| header.block_ref())
            .ok_or_else(|| self.untrusted("it has no newest block"))
    }

    async fn block_at(&self, height: Height) -> Result<Option<BlockRef>> {
        self.block_ref_at(height).await
    }

    async fn header(&self, hash: &str) -> Result<Option<BlockRef>> {
        Ok(self
            .header_by_hash(hash)
            .await?
            .map(|header| header.block_ref()))
    }

    async fn block(&self, hash: &str, watch: &Watch) -> Result<Option<Block>> {
        self.block_by_hash(hash, watch).await
    }

    async fn tagged(&self, tag: FinalityTag) -> Result<Option<BlockRef>> {
        self.block_ref_tagged(tag).await
    }

    async fn call(
        &self,
        request: &CallRequest<'_>,
        interface: Option<&Interface>,
    ) -> Result<Vec<u8>> {
        self.call_contract(request, interface).await
    }

    async fn balance(&self, account: &str) -> Result<Amount> {
        self.balance_of(account).await
    }

    fn transfers(&self, height: Height, event: &ChainEvent) -> Vec<Transfer> {
        intent::evm::transfers(height, event)
    }

    fn decode_event(
        &self,
        interface: &Interface,
        event: &ChainEvent,
    ) -> Result<Option<DecodedEvent>> {
        self.abis.decode_event(interface, event)
    }
}
