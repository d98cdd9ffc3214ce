//! One attempt to fetch a block, in as few round trips as the watch allows.

use super::super::Evm;
use super::{by_hash, is_block_not_found};
use crate::evm::config::{BlockHash, Receipts, ReceiptsRoot};
use crate::evm::header::Header;
use crate::evm::logs::{LogChecker, LogJson, events};
use crate::evm::numerals::Word;
use crate::evm::receipts::{ReceiptJson, matches_root};
use crate::evm::rpc::{Call, Failure, Reply, parse};
use crate::evm::transactions::{Hashes, TransactionJson, Transactions};
use crate::{Result, Watch};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use types::{Block, Height};

/// What is requested together with the block.
#[derive(Clone, Copy, PartialEq)]
enum BlockExtra {
    Receipts,
    Logs,
    Nothing,
}

/// A fetched and verified block.
pub(super) struct Fetched {
    pub(super) header: Header,
    /// Transaction hashes, in order.
    pub(super) hashes: Vec<Word>,
    /// Empty if no signer is watched.
    pub(super) transactions: Vec<TransactionJson>,
    /// `None` if not requested.
    pub(super) receipts: Option<Vec<ReceiptJson>>,
    /// All logs of the block. Empty if not requested.
    logs: Vec<LogJson>,
}

impl Evm {
    pub(super) async fn fetch_block(&self, hash: &Word, watch: &Watch) -> Result<Option<Block>> {
        let Some(fetched) = self.fetch(hash, watch).await? else {
            return Ok(None);
        };
        let Some(watched_inclusions) = self.inclusions(&fetched, watch).await? else {
            return Ok(None);
        };
        Ok(Some(Block {
            chain: self.chain,
            height: Height(*fetched.header.number),
            hash: fetched.header.hash.to_string(),
            parent: fetched.header.parent_hash.to_string(),
            time: fetched.header.time(),
            events: events(&fetched.logs, watch).map_err(|why| self.invalid_response(why))?,
            inclusions: watched_inclusions,
        }))
    }

    async fn fetch(&self, hash: &Word, watch: &Watch) -> Result<Option<Fetched>> {
        let (reply, extra, extra_reply) = self.request_block(hash, watch).await?;
        let Some(mut fetched) = self.read_block(hash, !watch.signers.is_empty(), reply)? else {
            return Ok(None);
        };
        match (extra, extra_reply) {
            (BlockExtra::Receipts, Some(reply)) => self.add_receipts(&mut fetched, reply)?,
            (BlockExtra::Logs, Some(reply)) => fetched.logs = self.extra_data(reply)?,
            _ => return Ok(Some(fetched)),
        }
        let proven = extra == BlockExtra::Receipts
            && self.config.check.receipts_root == ReceiptsRoot::Strict;
        let rule = self.config.check.logs_bloom;
        let checker = LogChecker {
            header: &fetched.header,
            transactions: &fetched.hashes,
            rule,
            proven,
        };
        checker
            .check(&fetched.logs)
            .map_err(|why| self.invalid_response(why))?;
        Ok(Some(fetched))
    }

    /// Requests the block and its extra data in one round trip; in two, the first time that a node
    /// turns out not to support receipts by block.
    async fn request_block(
        &self,
        hash: &Word,
        watch: &Watch,
    ) -> Result<(Reply, BlockExtra, Option<Reply>)> {
        loop {
            let extra = self.extra(watch);
            let mut replies = self
                .request_all(calls(hash, !watch.signers.is_empty(), extra))
                .await?
                .into_iter();
            let block = replies.next().unwrap_or_else(|| {
                Err(Failure::NoResponse {
                    why: "no reply".to_owned(),
                })
            });
            let extra_reply = replies.next();
            match &extra_reply {
                Some(Err(Failure::RpcError(error)))
                    if extra == BlockExtra::Receipts && error.is_unsupported() =>
                {
                    tracing::info!(
                        event = "node.block_receipts_unsupported",
                        chain = %self.chain,
                        "the node does not support eth_getBlockReceipts: fetching logs and single receipts"
                    );
                    self.has_block_receipts.store(false, Ordering::Relaxed);
                }
                _ => return Ok((block, extra, extra_reply)),
            }
        }
    }

    fn extra(&self, watch: &Watch) -> BlockExtra {
        let logs = watch.everything || !watch.topics.is_empty() || !watch.sources.is_empty();
        let by_block = self.config.receipts == Receipts::Block
            && self.has_block_receipts.load(Ordering::Relaxed);
        match (watch.signers.is_empty(), logs) {
            (false, _) if by_block => BlockExtra::Receipts,
            (_, true) => BlockExtra::Logs,
            (_, false) => BlockExtra::Nothing,
        }
    }

    fn read_block(&self, hash: &Word, full: bool, reply: Reply) -> Result<Option<Fetched>> {
        let text = reply.map_err(|failure| self.error(failure))?;
        let Some(header) = self.check_hash(self.check_header(self.deserialize(&text)?)?, hash)?
        else {
            return Ok(None);
        };
        let transactions = if full {
            self.deserialize::<Transactions>(&text)?.transactions
        } else {
            Vec::new()
        };
        let hashes = match full {
            true => transactions
                .iter()
                .map(|transaction| transaction.hash)
                .collect(),
            false => self.deserialize::<Hashes>(&text)?.transactions,
        };
        if hashes.is_empty()
            && self.config.check.block_hash == BlockHash::Strict
            && header.has_transactions()
        {
            return Err(self.invalid_response("it returned a block without its transactions"));
        }
        self.check_positions(&header, &transactions)?;
        Ok(Some(Fetched {
            header,
            hashes,
            transactions,
            receipts: None,
            logs: Vec::new(),
        }))
    }

    fn check_positions(&self, header: &Header, transactions: &[TransactionJson]) -> Result<()> {
        let in_position = |(transaction, index): (&TransactionJson, u64)| {
            transaction.block_hash == Some(header.hash)
                && transaction.transaction_index.is_some_and(|i| *i == index)
        };
        let valid = transactions.iter().zip(0..).all(in_position);
        if valid {
            Ok(())
        } else {
            Err(self.invalid_response("a transaction names another block or index than its own"))
        }
    }

    fn add_receipts(&self, fetched: &mut Fetched, reply: Reply) -> Result<()> {
        let mut receipts: Vec<ReceiptJson> = self.extra_data(reply)?;
        let matches = |(receipt, (hash, index)): (&ReceiptJson, (&Word, u64))| {
            receipt.transaction_hash == *hash
                && *receipt.transaction_index == index
                && receipt.block_hash == fetched.header.hash
                && receipt.has_own_logs()
        };
        let strict = self.config.check.receipts_root == ReceiptsRoot::Strict;
        // State sync may add a receipt at the end (Polygon). Elsewhere, an additional receipt means
        // that a transaction was withheld.
        let count_matches = receipts.len() == fetched.hashes.len()
            || (!strict && receipts.len() > fetched.hashes.len());
        if !count_matches
            || !receipts
                .iter()
                .zip(fetched.hashes.iter().zip(0..))
                .all(matches)
        {
            return Err(self.invalid_response("the receipts do not match the block's transactions"));
        }
        if strict && !matches_root(&fetched.header, &receipts) {
            return Err(
                self.invalid_response("the receipts do not match the header's receipts root")
            );
        }
        fetched.logs = receipts
            .iter_mut()
            .flat_map(|receipt| std::mem::take(&mut receipt.logs))
            .collect();
        fetched.receipts = Some(receipts);
        Ok(())
    }

    /// Reads the extra data of a block that the node has. Missing data is an invalid response.
    fn extra_data<T: DeserializeOwned>(&self, reply: Reply) -> Result<T> {
        match parse::<Option<T>>(reply) {
            Ok(Some(data)) => Ok(data),
            Ok(None) => {
                Err(self.invalid_response("it returned a block, but not its logs or receipts"))
            }
            Err(failure) if is_block_not_found(&failure) => {
                Err(self.invalid_response("it returned a block, then reported it as unknown"))
            }
            Err(failure) => Err(self.error(failure)),
        }
    }
}

fn calls(hash: &Word, full: bool, extra: BlockExtra) -> Vec<Call> {
    let mut calls = vec![Call::new("eth_getBlockByHash", by_hash(hash, full))];
    let hash: Value = hash.to_string().into();
    match extra {
        BlockExtra::Receipts => calls.push(Call::new("eth_getBlockReceipts", json!([hash]))),
        BlockExtra::Logs => calls.push(Call::new("eth_getLogs", json!([{"blockHash": hash}]))),
        BlockExtra::Nothing => {}
    }
    calls
}
