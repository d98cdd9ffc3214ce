//! Reads that are not of blocks: accounts, contracts, where a transaction stands; and events by
//! their interface.

use super::Evm;
use super::parts::TransactionJson;
use super::revert;
use crate::evm::numerals::{Big, Bytes, Quantity, show_bytes};
use crate::evm::receipts::ReceiptJson;
use crate::evm::rpc::{Call, Failure};
use crate::{CallRequest, DecodedEvent, Result, Sequence, TxStatus};
use intent::Interface;
use intent::evm::{Abi, Log};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use types::{Amount, ChainEvent, Digest, Height};

/// No account has sent so many: 10,000 a second for ten thousand years are fewer. A nonce beyond it
/// could not be counted on from.
const MOST_SENT: u64 = 1 << 52;
/// No pool holds so many of one account. A nonce that far ahead would not be mined in its signer's
/// life.
const MOST_PENDING: u64 = 1 << 20;

impl Evm {
    pub(super) async fn sequence_of(&self, signer: &str) -> Result<Sequence> {
        let count = |tag: &str| Call::new("eth_getTransactionCount", json!([signer, tag]));
        let (Quantity(mined), Quantity(pending)) =
            self.two(count("latest"), count("pending")).await?;
        if mined > MOST_SENT || pending > mined.saturating_add(MOST_PENDING) {
            return Err(self.untrusted(format!(
                "it counts {mined} transactions of one account and {pending} with its pool"
            )));
        }
        Ok(Sequence {
            mined,
            pending: pending.max(mined),
        })
    }

    pub(super) async fn balance_of(&self, account: &str) -> Result<Amount> {
        let Big(balance) = self
            .ask("eth_getBalance", json!([account, "latest"]))
            .await?;
        Ok(balance)
    }

    pub(super) async fn status_of(&self, id: &str) -> Result<TxStatus> {
        let transaction = Call::new("eth_getTransactionByHash", json!([id]));
        let receipt = Call::new("eth_getTransactionReceipt", json!([id]));
        let (transaction, receipt): (Option<TransactionJson>, Option<ReceiptJson>) =
            self.two(transaction, receipt).await?;
        match (transaction, receipt) {
            (_, Some(receipt)) => self.included_status(id, &receipt),
            (Some(transaction), None) if transaction.hash.to_string() != id => {
                Err(self.untrusted("it gave another transaction than was asked for"))
            }
            // It may have been mined between the two answers: then the next look tells.
            (Some(_), None) => Ok(TxStatus::Pending),
            (None, None) => Ok(TxStatus::Unknown),
        }
    }

    fn included_status(&self, id: &str, receipt: &ReceiptJson) -> Result<TxStatus> {
        if receipt.transaction_hash.to_string() != id {
            return Err(self.untrusted("it gave another transaction's receipt than was asked for"));
        }
        let status = receipt
            .status()
            .ok_or_else(|| self.untrusted("a receipt does not say how its transaction ended"))?;
        Ok(TxStatus::Included {
            block: receipt.block_hash.to_string(),
            height: Height(receipt.block_number.0),
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
        // EIP-1898: a block is named by its hash, so that a balanced node cannot answer from
        // another branch. geth before 1.9 refuses it.
        let at = request
            .at
            .map_or(json!("latest"), |hash| json!({"blockHash": hash}));
        self.execute(call, at, interface).await
    }

    /// Run a call without a transaction.
    pub(super) async fn execute(
        &self,
        call: Value,
        at: Value,
        interface: Option<&Interface>,
    ) -> Result<Vec<u8>> {
        match self.rpc.ask::<Bytes>("eth_call", json!([call, at])).await {
            Ok(Bytes(data)) if revert::is_revert(&data) => Err(revert::reverts(interface, &data)),
            Ok(Bytes(data)) => Ok(data),
            Err(Failure::Said(error)) => Err(revert::error(&self.chain, interface, &error)),
            Err(failure) => Err(self.error(failure)),
        }
    }

    /// Two questions in one round trip.
    async fn two<A: DeserializeOwned, B: DeserializeOwned>(
        &self,
        first: Call,
        second: Call,
    ) -> Result<(A, B)> {
        let replies: Option<[_; 2]> = self.read(vec![first, second]).await?.try_into().ok();
        let [first, second] =
            replies.ok_or_else(|| self.untrusted("two questions have not two answers"))?;
        Ok((self.parse(first)?, self.parse(second)?))
    }
}

/// Interfaces that were read already: reading one costs far more than decoding an event by it.
#[derive(Default)]
pub(super) struct Abis(Mutex<HashMap<Digest, Arc<Abi>>>);

/// More interfaces than this are not in use at one time; beyond it all are forgotten and read
/// again.
const MOST_ABIS: usize = 1_024;

impl Abis {
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
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(abi) = known.get(&interface.hash) {
            return Ok(Arc::clone(abi));
        }
        let abi = Arc::new(Abi::parse(interface)?);
        if known.len() >= MOST_ABIS {
            known.clear();
        }
        known.insert(interface.hash, Arc::clone(&abi));
        Ok(abi)
    }
}
