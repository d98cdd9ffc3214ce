//! The transactions of watched signers in a block: how submissions learn that they are done.

use super::super::Evm;
use super::super::parts::TransactionJson;
use super::fetch::Fetched;
use crate::evm::numerals::show;
use crate::evm::receipts::ReceiptJson;
use crate::evm::rpc::{Call, parse};
use crate::{Result, Watch};
use serde_json::json;
use types::{Included, Witness};

impl Evm {
    /// Those of the watch; none if the block turns out to be of a branch that the node has left,
    /// whose receipts it no longer gives.
    pub(super) async fn included(
        &self,
        fetched: &Fetched,
        watch: &Watch,
    ) -> Result<Option<Vec<Included>>> {
        let ours: Vec<(usize, &TransactionJson)> = fetched
            .transactions
            .iter()
            .enumerate()
            .filter(|(_, transaction)| watch.signers.contains(&transaction.from.to_string()))
            .collect();
        let receipts = match &fetched.receipts {
            Some(receipts) => ours
                .iter()
                .map(|(place, _)| receipts[*place].clone())
                .collect(),
            None => match self.single_receipts(fetched, &ours).await? {
                Some(receipts) => receipts,
                None => return Ok(None),
            },
        };
        ours.iter()
            .zip(&receipts)
            .map(|((place, one), receipt)| self.include(*place, one, receipt))
            .collect::<Result<_>>()
            .map(Some)
    }

    async fn single_receipts(
        &self,
        fetched: &Fetched,
        ours: &[(usize, &TransactionJson)],
    ) -> Result<Option<Vec<ReceiptJson>>> {
        let call = |(_, one): &(usize, &TransactionJson)| {
            Call::new("eth_getTransactionReceipt", json!([one.hash.to_string()]))
        };
        let mut receipts = Vec::with_capacity(ours.len());
        for ((place, one), reply) in ours
            .iter()
            .zip(self.read(ours.iter().map(call).collect()).await?)
        {
            let receipt: Option<ReceiptJson> =
                parse(reply).map_err(|failure| self.error(failure))?;
            match receipt.filter(|receipt| receipt.block_hash == fetched.header.hash) {
                Some(receipt) if fits(&receipt, *place, one) => receipts.push(receipt),
                Some(_) => return Err(self.untrusted("a receipt is of another transaction")),
                None if self.is_left(fetched).await? => return Ok(None),
                None => return Err(self.untrusted("a transaction of a block has no receipt")),
            }
        }
        Ok(Some(receipts))
    }

    /// Whether the node follows another branch at the block's height.
    async fn is_left(&self, fetched: &Fetched) -> Result<bool> {
        let canonical = self
            .header_by_number(&show(fetched.header.number.0))
            .await?;
        Ok(canonical.is_none_or(|header| header.hash != fetched.header.hash))
    }

    fn include(
        &self,
        place: usize,
        one: &TransactionJson,
        receipt: &ReceiptJson,
    ) -> Result<Included> {
        let signer = one.from.to_string();
        Ok(Included {
            transaction: one.hash.to_string(),
            witnesses: vec![Witness::nonce(&signer, one.nonce.0)],
            signer,
            index: u32::try_from(place)
                .map_err(|_| self.untrusted("a block of more than 2^32 transactions"))?,
            status: receipt.status().ok_or_else(|| {
                self.untrusted("a receipt does not say how its transaction ended")
            })?,
            fee: receipt
                .fee(one)
                .ok_or_else(|| self.untrusted("a fee beyond 2^256"))?,
            created: receipt.created(one),
        })
    }
}

fn fits(receipt: &ReceiptJson, place: usize, one: &TransactionJson) -> bool {
    let index = u64::try_from(place).ok();
    receipt.transaction_hash == one.hash && Some(receipt.transaction_index.0) == index
}
