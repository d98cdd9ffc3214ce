//! Reads of accounts, contracts and transaction status, and decoding of events.

use super::Evm;
use super::revert;
use crate::evm::numerals::{Bytes, Hex, Quantity, show_bytes};
use crate::evm::receipts::ReceiptJson;
use crate::evm::rpc::{Call, Failure};
use crate::evm::transactions::TransactionJson;
use crate::{CallRequest, DecodedEvent, Result, Sequence, TxStatus};
use intent::Interface;
use intent::evm::{Abi, Log};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::Arc;
use types::{Amount, Cache, ChainEvent, Digest, Height};

/// The highest plausible nonce: 10,000 transactions per second for ten thousand years.
pub(super) const MAX_NONCE: u64 = 1 << 52;
/// The highest plausible number of pending transactions of one account.
const MAX_PENDING: u64 = 1 << 20;

impl Evm {
    pub(super) async fn sequence_of(&self, signer: &str) -> Result<Sequence> {
        let count = |tag: &str| Call::new("eth_getTransactionCount", json!([signer, tag]));
        let (Hex(mined), Hex(pending)): (Quantity, Quantity) =
            self.request_pair(count("latest"), count("pending")).await?;
        if mined > MAX_NONCE || pending > mined.saturating_add(MAX_PENDING) {
            return Err(self.invalid_response(format!(
                "it reports {mined} mined and {pending} pending transactions of one account"
            )));
        }
        Ok(Sequence {
            mined,
            pending: pending.max(mined),
        })
    }

    pub(super) async fn balance_of(&self, account: &str) -> Result<Amount> {
        let Hex(balance) = self
            .request("eth_getBalance", json!([account, "latest"]))
            .await?;
        Ok(balance)
    }

    pub(super) async fn status_of(&self, id: &str) -> Result<TxStatus> {
        let transaction = Call::new("eth_getTransactionByHash", json!([id]));
        let receipt = Call::new("eth_getTransactionReceipt", json!([id]));
        let (transaction, receipt): (Option<TransactionJson>, Option<ReceiptJson>) =
            self.request_pair(transaction, receipt).await?;
        match (transaction, receipt) {
            (_, Some(receipt)) => self.included_status(id, &receipt),
            (Some(transaction), None) if transaction.hash.to_string() != id => {
                Err(self.invalid_response("it returned another transaction than the requested one"))
            }
            // If it was mined between the two answers, the next poll reports it.
            (Some(_), None) => Ok(TxStatus::Pending),
            (None, None) => Ok(TxStatus::Unknown),
        }
    }

    fn included_status(&self, id: &str, receipt: &ReceiptJson) -> Result<TxStatus> {
        if receipt.transaction_hash.to_string() != id {
            return Err(self.invalid_response("it returned the receipt of another transaction"));
        }
        let status = receipt
            .status()
            .ok_or_else(|| self.invalid_response("a receipt has no status"))?;
        Ok(TxStatus::Included {
            block: receipt.block_hash.to_string(),
            height: Height(*receipt.block_number),
            status,
        })
    }

    pub(super) async fn call_contract(
        &self,
        request: &CallRequest<'_>,
        interface: Option<&Interface>,
    ) -> Result<Vec<u8>> {
        self.ready().await?;
        let mut call = json!({"to": request.to, "data": show_bytes(&request.data)});
        if let Some(from) = request.from {
            call["from"] = json!(from);
        }
        // EIP-1898: the block is identified by hash, so that a load-balanced node cannot answer
        // from another branch. geth before 1.9 rejects it.
        let at = request
            .block_hash
            .map_or(json!("latest"), |hash| json!({"blockHash": hash}));
        self.execute(call, at, interface).await
    }

    /// Executes a call without a transaction.
    pub(super) async fn execute(
        &self,
        call: Value,
        at: Value,
        interface: Option<&Interface>,
    ) -> Result<Vec<u8>> {
        match self
            .rpc
            .request::<Bytes>("eth_call", json!([call, at]))
            .await
        {
            Ok(Hex(data)) if revert::is_revert_data(&data) => {
                Err(revert::reverts(interface, &data))
            }
            Ok(Hex(data)) => Ok(data),
            Err(Failure::RpcError(error)) => Err(revert::error(&self.chain, interface, &error)),
            Err(failure) => Err(self.error(failure)),
        }
    }

    /// Makes two calls in one round trip.
    async fn request_pair<A: DeserializeOwned, B: DeserializeOwned>(
        &self,
        first: Call,
        second: Call,
    ) -> Result<(A, B)> {
        let replies: Option<[_; 2]> = self.request_all(vec![first, second]).await?.try_into().ok();
        let [first, second] =
            replies.ok_or_else(|| self.invalid_response("two calls did not get two answers"))?;
        Ok((self.parse(first)?, self.parse(second)?))
    }
}

/// A cache of parsed ABIs: parsing costs far more than decoding an event.
pub(super) struct AbiCache {
    abis: Cache<Digest, Abi>,
}

/// The size of the cache.
const MAX_ABIS: usize = 1_024;

impl Default for AbiCache {
    fn default() -> Self {
        Self {
            abis: Cache::new(MAX_ABIS),
        }
    }
}

impl AbiCache {
    pub(super) fn decode_event(
        &self,
        interface: &Interface,
        event: &ChainEvent,
    ) -> Result<Option<DecodedEvent>> {
        let abi = self.get(interface)?;
        let decoded = Log::from_body(&event.body).and_then(|log| abi.decode_event(&log));
        Ok(decoded.map(|event| DecodedEvent {
            name: event.name,
            signature: event.signature,
            output: event.output,
        }))
    }

    fn get(&self, interface: &Interface) -> Result<Arc<Abi>> {
        if let Some(abi) = self.abis.get(&interface.hash) {
            return Ok(abi);
        }
        Ok(self.abis.insert(interface.hash, Abi::parse(interface)?))
    }
}
