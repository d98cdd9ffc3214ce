//! One try at a block: as few round trips as the watch allows.

use super::super::Evm;
use super::super::parts::{Hashes, TransactionJson, Transactions};
use super::{by_hash, has_no_block};
use crate::evm::config::{BlockHash, Receipts, ReceiptsRoot};
use crate::evm::header::Header;
use crate::evm::logs::{Frame, LogJson, events};
use crate::evm::numerals::Word;
use crate::evm::receipts::{ReceiptJson, are_proven};
use crate::evm::rpc::{Call, Failure, Reply, parse};
use crate::{Result, Watch};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use types::{Block, Height};

/// What else is asked beside the block.
#[derive(Clone, Copy, PartialEq)]
enum Beside {
    Receipts,
    Logs,
    Nothing,
}

/// A block as it was fetched and checked.
pub(super) struct Fetched {
    pub(super) header: Header,
    /// Its transactions' hashes, in order.
    pub(super) hashes: Vec<Word>,
    /// Its transactions; none where no signer is watched.
    pub(super) transactions: Vec<TransactionJson>,
    /// Its receipts; none where they were not asked for.
    pub(super) receipts: Option<Vec<ReceiptJson>>,
    /// All its logs; none where they were not asked for.
    logs: Vec<LogJson>,
}

impl Evm {
    pub(super) async fn fetch_block(&self, hash: &Word, watch: &Watch) -> Result<Option<Block>> {
        let Some(fetched) = self.fetch(hash, watch).await? else {
            return Ok(None);
        };
        let Some(included) = self.included(&fetched, watch).await? else {
            return Ok(None);
        };
        Ok(Some(Block {
            chain: self.chain.clone(),
            height: Height(fetched.header.number.0),
            hash: fetched.header.hash.to_string(),
            parent: fetched.header.parent_hash.to_string(),
            time: fetched.header.time(),
            events: events(&fetched.logs, watch).map_err(|why| self.untrusted(why))?,
            included,
        }))
    }

    async fn fetch(&self, hash: &Word, watch: &Watch) -> Result<Option<Fetched>> {
        let (reply, beside, replied) = self.ask_for(hash, watch).await?;
        let Some(mut fetched) = self.read_block(hash, !watch.signers.is_empty(), reply)? else {
            return Ok(None);
        };
        match (beside, replied) {
            (Beside::Receipts, Some(reply)) => self.add_receipts(&mut fetched, reply)?,
            (Beside::Logs, Some(reply)) => fetched.logs = self.part(reply)?,
            _ => return Ok(Some(fetched)),
        }
        let proven =
            beside == Beside::Receipts && self.config.check.receipts_root == ReceiptsRoot::Strict;
        let rule = self.config.check.logs_bloom;
        let frame = Frame {
            header: &fetched.header,
            transactions: &fetched.hashes,
            rule,
            proven,
        };
        frame
            .check(&fetched.logs)
            .map_err(|why| self.untrusted(why))?;
        Ok(Some(fetched))
    }

    /// The block and what stands beside it, in one round trip; two on the first time that a node
    /// turns out not to know receipts by block.
    async fn ask_for(&self, hash: &Word, watch: &Watch) -> Result<(Reply, Beside, Option<Reply>)> {
        loop {
            let beside = self.beside(watch);
            let mut replies = self
                .read(calls(hash, !watch.signers.is_empty(), beside))
                .await?
                .into_iter();
            let block = replies.next().unwrap_or_else(|| {
                Err(Failure::Silent {
                    why: "no reply".to_owned(),
                })
            });
            let replied = replies.next();
            match &replied {
                Some(Err(Failure::Said(error)))
                    if beside == Beside::Receipts && error.is_not_offered() =>
                {
                    tracing::info!(chain = %self.chain, "the node gives no receipts by block: fetching logs and single receipts");
                    self.has_block_receipts.store(false, Ordering::Relaxed);
                }
                _ => return Ok((block, beside, replied)),
            }
        }
    }

    fn beside(&self, watch: &Watch) -> Beside {
        let logs = watch.everything || !watch.topics.is_empty() || !watch.sources.is_empty();
        let by_block = self.config.receipts == Receipts::Block
            && self.has_block_receipts.load(Ordering::Relaxed);
        match (watch.signers.is_empty(), logs) {
            (false, _) if by_block => Beside::Receipts,
            (_, true) => Beside::Logs,
            (_, false) => Beside::Nothing,
        }
    }

    fn read_block(&self, hash: &Word, full: bool, reply: Reply) -> Result<Option<Fetched>> {
        let text = reply.map_err(|failure| self.error(failure))?;
        let Some(header) = self.named(self.sound(self.shape(&text)?)?, hash)? else {
            return Ok(None);
        };
        let transactions = if full {
            self.shape::<Transactions>(&text)?.transactions
        } else {
            Vec::new()
        };
        let hashes = match full {
            true => transactions
                .iter()
                .map(|transaction| transaction.hash)
                .collect(),
            false => self.shape::<Hashes>(&text)?.transactions,
        };
        if hashes.is_empty()
            && self.config.check.block_hash == BlockHash::Strict
            && header.has_transactions()
        {
            return Err(self.untrusted("it gave a block without its transactions"));
        }
        self.check_places(&header, &transactions)?;
        Ok(Some(Fetched {
            header,
            hashes,
            transactions,
            receipts: None,
            logs: Vec::new(),
        }))
    }

    fn check_places(&self, header: &Header, transactions: &[TransactionJson]) -> Result<()> {
        let in_place = |(transaction, place): (&TransactionJson, u64)| {
            transaction.block_hash == Some(header.hash)
                && transaction.transaction_index.is_some_and(|i| i.0 == place)
        };
        let holds = transactions.iter().zip(0..).all(in_place);
        if holds {
            Ok(())
        } else {
            Err(self
                .untrusted("a transaction says that it stands elsewhere than where it was found"))
        }
    }

    fn add_receipts(&self, fetched: &mut Fetched, reply: Reply) -> Result<()> {
        let mut receipts: Vec<ReceiptJson> = self.part(reply)?;
        let fits = |(receipt, (hash, place)): (&ReceiptJson, (&Word, u64))| {
            receipt.transaction_hash == *hash
                && receipt.transaction_index.0 == place
                && receipt.block_hash == fetched.header.hash
                && receipt.owns_its_logs()
        };
        let strict = self.config.check.receipts_root == ReceiptsRoot::Strict;
        // State synchronisation may add a receipt at the end (Polygon). Elsewhere it belongs to a
        // transaction that was kept back.
        let counts = receipts.len() == fetched.hashes.len()
            || (!strict && receipts.len() > fetched.hashes.len());
        if !counts
            || !receipts
                .iter()
                .zip(fetched.hashes.iter().zip(0..))
                .all(fits)
        {
            return Err(self.untrusted("the receipts are not those of the block's transactions"));
        }
        if strict && !are_proven(&fetched.header, &receipts) {
            return Err(self.untrusted("the receipts do not have the root that the header holds"));
        }
        fetched.logs = receipts
            .iter_mut()
            .flat_map(|receipt| std::mem::take(&mut receipt.logs))
            .collect();
        fetched.receipts = Some(receipts);
        Ok(())
    }

    /// What stands beside a block that the node has. That it does not have it, or has no such
    /// block, cannot be right.
    fn part<T: DeserializeOwned>(&self, reply: Reply) -> Result<T> {
        match parse::<Option<T>>(reply) {
            Ok(Some(part)) => Ok(part),
            Ok(None) => Err(self.untrusted("it has a block, but not what is in it")),
            Err(failure) if has_no_block(&failure) => {
                Err(self.untrusted("it has a block, and then does not have it"))
            }
            Err(failure) => Err(self.error(failure)),
        }
    }
}

fn calls(hash: &Word, full: bool, beside: Beside) -> Vec<Call> {
    let mut calls = vec![Call::new("eth_getBlockByHash", by_hash(hash, full))];
    let hash: Value = hash.to_string().into();
    match beside {
        Beside::Receipts => calls.push(Call::new("eth_getBlockReceipts", json!([hash]))),
        Beside::Logs => calls.push(Call::new("eth_getLogs", json!([{"blockHash": hash}]))),
        Beside::Nothing => {}
    }
    calls
}
