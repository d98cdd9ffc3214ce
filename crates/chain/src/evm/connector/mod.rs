//! The EVM implementation of [`Connector`].

mod blocks;
mod contract;
mod fees;
mod l1;
mod plan;
mod quote;
mod read;
mod revert;
mod submit;

use super::config::EvmConfig;
use super::numerals::Hex;
use super::rpc::{Call, Counters, Failure, Reply, Rpc, deserialize, parse};
use crate::{
    AccountModel, BlockRef, CallRequest, Capabilities, Connector, ContractState, DecodedEvent,
    Error, Finality, FinalityTag, Plan, Quote, Result, Sequence, Sequencing, SubmitOutcome,
    TxStatus, Watch,
};
use async_trait::async_trait;
use fees::FeeFormat;
use intent::{FeeLimits, Intent, Interface, Signed, Unsigned};
use read::AbiCache;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::OnceCell;
use types::{Amount, Block, ChainEvent, ChainId, Entropy, Height, Transfer};

/// A connection to an EVM chain through one node. Keeps no state except what it learned about the
/// node's features.
pub struct Evm {
    config: EvmConfig,
    chain: ChainId,
    rpc: Rpc,
    /// Set after the node has reported the configured chain id.
    verified: OnceCell<()>,
    /// Whether the chain supports EIP-1559 prices, as last observed.
    fee_format: FeeFormat,
    /// Cleared if the node does not support `eth_getBlockReceipts`.
    has_block_receipts: AtomicBool,
    abis: AbiCache,
}

impl Evm {
    /// Builds a connector without sending anything. `entropy` adds jitter to retries.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`].
    pub fn new(config: EvmConfig, entropy: Arc<dyn Entropy>) -> Result<Self> {
        let config = config.validated()?;
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
            fee_format: FeeFormat::default(),
            has_block_receipts: AtomicBool::new(true),
            abis: AbiCache::default(),
            config,
        })
    }

    /// The settings.
    pub fn config(&self) -> &EvmConfig {
        &self.config
    }

    /// The counts of requests and failures so far.
    pub fn counters(&self) -> Counters {
        self.rpc.counters()
    }

    /// Checks once that the node serves the configured chain. If the node changes its chain later,
    /// the block hashes no longer match.
    async fn ready(&self) -> Result<()> {
        self.verified
            .get_or_try_init(|| self.verify())
            .await
            .copied()
    }

    async fn verify(&self) -> Result<()> {
        let Hex(actual) = self
            .rpc
            .request("eth_chainId", json!([]))
            .await
            .map_err(|failure| self.error(failure))?;
        if actual == self.config.number {
            return Ok(());
        }
        tracing::error!(
            event = "node.wrong_chain",
            chain = %self.chain,
            actual,
            node = %self.config.url,
            "the node serves another chain"
        );
        Err(Error::WrongChain {
            chain: self.chain.to_string(),
            actual,
        })
    }

    /// Makes one read call.
    async fn request<T: DeserializeOwned>(&self, method: &'static str, params: Value) -> Result<T> {
        self.ready().await?;
        self.rpc
            .request(method, params)
            .await
            .map_err(|failure| self.error(failure))
    }

    /// Makes several read calls.
    async fn request_all(&self, calls: Vec<Call>) -> Result<Vec<Reply>> {
        self.ready().await?;
        Ok(self.rpc.request_all(calls).await)
    }

    /// Deserializes a reply.
    fn parse<T: DeserializeOwned>(&self, reply: Reply) -> Result<T> {
        parse(reply).map_err(|failure| self.error(failure))
    }

    /// Deserializes a result's text.
    fn deserialize<T: DeserializeOwned>(&self, text: &RawValue) -> Result<T> {
        deserialize(text).map_err(|failure| self.error(failure))
    }

    fn error(&self, failure: Failure) -> Error {
        failure.into_error(&self.chain)
    }

    fn invalid_response(&self, why: impl Into<String>) -> Error {
        Error::InvalidResponse {
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

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            model: AccountModel::Account,
            sequencing: Sequencing::Nonce,
            contracts: true,
            memo: false,
        }
    }

    fn finality(&self) -> Finality {
        self.config.finality
    }

    fn fee_limits(&self) -> FeeLimits {
        self.config.fees
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

    async fn submit(&self, signed: &[Signed]) -> Vec<SubmitOutcome> {
        self.submit_all(signed).await
    }

    async fn status(&self, id: &str) -> Result<TxStatus> {
        self.status_of(id).await
    }

    async fn head(&self) -> Result<BlockRef> {
        let head = self.header_by_number("latest").await?;
        head.map(|header| header.block_ref())
            .ok_or_else(|| self.invalid_response("it returned no newest block"))
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

    async fn contract(&self, address: &str, at: &BlockRef) -> Result<Option<ContractState>> {
        self.contract_at(address, at).await
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
