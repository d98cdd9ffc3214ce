//! Finds the transactions of watched signers in a block.

use super::super::Evm;
use super::super::read::MAX_NONCE;
use super::fetch::Fetched;
use crate::evm::numerals::show;
use crate::evm::receipts::ReceiptJson;
use crate::evm::rpc::{Call, parse};
use crate::evm::transactions::TransactionJson;
use crate::{Result, Watch};
use serde_json::json;
use types::{Inclusion, ReplayKey};

impl Evm {
    /// Returns the inclusions of watched signers. `None` if the block is on a branch that the node
    /// has left and whose receipts it no longer returns.
    pub(super) async fn inclusions(
        &self,
        fetched: &Fetched,
        watch: &Watch,
    ) -> Result<Option<Vec<Inclusion>>> {
        let watched: Vec<(usize, &TransactionJson)> = fetched
            .transactions
            .iter()
            .enumerate()
            .filter(|(_, transaction)| watch.signers.contains(&transaction.from.to_string()))
            .collect();
        let receipts = match &fetched.receipts {
            Some(receipts) => watched
                .iter()
                .map(|(index, _)| receipts[*index].clone())
                .collect(),
            None => match self.single_receipts(fetched, &watched).await? {
                Some(receipts) => receipts,
                None => return Ok(None),
            },
        };
        watched
            .iter()
            .zip(&receipts)
            .map(|((index, transaction), receipt)| self.inclusion(*index, transaction, receipt))
            .collect::<Result<_>>()
            .map(Some)
    }

    async fn single_receipts(
        &self,
        fetched: &Fetched,
        watched: &[(usize, &TransactionJson)],
    ) -> Result<Option<Vec<ReceiptJson>>> {
        let call = |(_, transaction): &(usize, &TransactionJson)| {
            Call::new(
                "eth_getTransactionReceipt",
                json!([transaction.hash.to_string()]),
            )
        };
        let mut receipts = Vec::with_capacity(watched.len());
        for ((index, transaction), reply) in watched
            .iter()
            .zip(self.request_all(watched.iter().map(call).collect()).await?)
        {
            let receipt: Option<ReceiptJson> =
                parse(reply).map_err(|failure| self.error(failure))?;
            match receipt.filter(|receipt| receipt.block_hash == fetched.header.hash) {
                Some(receipt) if matches(&receipt, *index, transaction) => receipts.push(receipt),
                Some(_) => {
                    return Err(self.invalid_response("a receipt belongs to another transaction"));
                }
                None if self.is_orphaned(fetched).await? => return Ok(None),
                None => {
                    return Err(self.invalid_response("a transaction of a block has no receipt"));
                }
            }
        }
        Ok(Some(receipts))
    }

    /// Whether the node's canonical chain has another block at this height.
    async fn is_orphaned(&self, fetched: &Fetched) -> Result<bool> {
        let canonical = self.header_by_number(&show(*fetched.header.number)).await?;
        Ok(canonical.is_none_or(|header| header.hash != fetched.header.hash))
    }

    fn inclusion(
        &self,
        index: usize,
        transaction: &TransactionJson,
        receipt: &ReceiptJson,
    ) -> Result<Inclusion> {
        let signer = transaction.from.to_string();
        if *transaction.nonce > MAX_NONCE {
            return Err(self.invalid_response("a transaction has a nonce that is not plausible"));
        }
        Ok(Inclusion {
            transaction: transaction.hash.to_string(),
            replay_keys: vec![ReplayKey::nonce(&signer, *transaction.nonce)],
            signer,
            index: u32::try_from(index)
                .map_err(|_| self.invalid_response("a block has more than 2^32 transactions"))?,
            status: receipt
                .status()
                .ok_or_else(|| self.invalid_response("a receipt has no status"))?,
            fee: receipt
                .fee(transaction)
                .ok_or_else(|| self.invalid_response("a fee exceeds 2^256"))?,
            created: receipt.created(transaction),
        })
    }
}

fn matches(receipt: &ReceiptJson, index: usize, transaction: &TransactionJson) -> bool {
    let index = u64::try_from(index).ok();
    receipt.transaction_hash == transaction.hash && Some(*receipt.transaction_index) == index
}
