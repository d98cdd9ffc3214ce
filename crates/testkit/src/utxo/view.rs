//! The node's view of the chain, with its lag and lies.

use super::fault::Lie;
use super::tree::{Block as Stored, OutPoint, Tx};
use super::{FakeUtxoChain, State};
use chain::{BlockRef, Error, Result, TxStatus, Watch};
use serde_json::json;
use types::{Amount, Block, ChainEvent, ExecutionStatus, Height, Inclusion, ReplayKey};

/// Topic of a created coin. Source: the owner; body: `{coin, output, value, transaction, memo}`.
const CREATED: &str = "utxo.created";
/// Topic of a spent coin. Source: the owner; body: `{coin, output, value, transaction}`.
const SPENT: &str = "utxo.spent";

impl State {
    /// The newest block that the node knows.
    pub(super) fn seen_head(&self) -> &Stored {
        let head = self.tree.head();
        let height = Height(head.name.height.0.saturating_sub(self.faults.lag));
        self.tree.ancestor(&head.name.hash, height).unwrap_or(head)
    }

    /// A block by its hash, if the node's view contains it.
    fn seen(&self, hash: &str) -> Option<&Stored> {
        let block = self
            .tree
            .block(hash)
            .filter(|_| !self.faults.has(&Lie::MissingBlock(hash.to_owned())))?;
        let too_new = block.name.height > self.seen_head().name.height
            && self.tree.is_on(&self.tree.head().name.hash, &block.name);
        (!too_new).then_some(block)
    }
}

impl FakeUtxoChain {
    /// Query the state; fails if the node is silent.
    pub(super) fn query<T>(&self, read: impl FnOnce(&State) -> T) -> Result<T> {
        let state = self.state();
        if state.faults.has(&Lie::NoResponse) {
            return Err(Error::Unreachable {
                chain: self.rules.chain.to_string(),
                why: "no response".to_owned(),
            });
        }
        Ok(read(&state))
    }

    pub(super) fn seen_at(&self, height: Height) -> Result<Option<BlockRef>> {
        self.query(|state| {
            let branch = state.faults.lies.iter().find_map(|lie| match lie {
                Lie::ForkHeights(hash) => Some(hash),
                _ => None,
            });
            let branch = branch.unwrap_or(&state.seen_head().name.hash);
            state
                .tree
                .ancestor(branch, height)
                .map(|block| block.name.clone())
        })
    }

    pub(super) fn seen_header(&self, hash: &str) -> Result<Option<BlockRef>> {
        self.query(|state| state.seen(hash).map(|block| block.name.clone()))
    }

    pub(super) fn seen_block(&self, hash: &str, watch: &Watch) -> Result<Option<Block>> {
        self.query(|state| {
            let mut block = state.seen(hash)?;
            if state.faults.has(&Lie::ParentBlock) {
                block = state.tree.block(&block.name.parent)?;
            }
            let mut result = self.watched_block(block, watch);
            if state.faults.has(&Lie::EmptyBlocks) {
                (result.events, result.inclusions) = (Vec::new(), Vec::new());
            }
            Some(result)
        })
    }

    pub(super) fn seen_status(&self, id: &str) -> Result<TxStatus> {
        self.query(
            |state| match state.tree.holder(&state.seen_head().name.hash, id) {
                Some(block) => {
                    let (block, height) = (block.name.hash.clone(), block.name.height);
                    TxStatus::Included {
                        block,
                        height,
                        status: ExecutionStatus::Succeeded,
                    }
                }
                None if state.is_pooled(id) => TxStatus::Pending,
                None => TxStatus::Unknown,
            },
        )
    }

    pub(super) fn seen_worth(&self, account: &str) -> Result<Amount> {
        self.query(|state| {
            let coins = state
                .seen_head()
                .coins
                .values()
                .filter(|coin| coin.owner == account);
            Amount::from(coins.map(|coin| coin.value).sum::<u64>())
        })
    }

    fn watched_block(&self, block: &Stored, watch: &Watch) -> Block {
        let name = block.name.clone();
        let numbered = || block.transactions.iter().zip(0u32..);
        let events = numbered()
            .flat_map(|(tx, index)| events(tx, index))
            .zip(0u32..);
        let events = events
            .map(|(event, index)| ChainEvent { index, ..event })
            .filter(|event| is_watched(event, watch));
        Block {
            chain: self.rules.chain,
            height: name.height,
            hash: name.hash,
            parent: name.parent,
            time: name.time,
            events: events.collect(),
            inclusions: numbered()
                .filter_map(|(tx, index)| included(tx, index, watch))
                .collect(),
        }
    }
}

fn is_watched(event: &ChainEvent, watch: &Watch) -> bool {
    watch.everything || watch.topics.contains(&event.topic) || watch.sources.contains(&event.source)
}

/// The events of a transaction: each spent coin, then each created coin. The caller fills in the
/// index within the block.
fn events(tx: &Tx, transaction_index: u32) -> Vec<ChainEvent> {
    let event = |path: String, source: &str, topic: &str, body: serde_json::Value| ChainEvent {
        transaction: tx.id.clone(),
        path,
        transaction_index,
        index: 0,
        source: source.to_owned(),
        topic: topic.to_owned(),
        body: body.to_string(),
    };
    let coin_json = |(id, output): &OutPoint, value: u64| json!({"coin": id, "output": output, "value": value.to_string(), "transaction": tx.id});
    let spent = tx.spends.iter().enumerate().map(|(number, (point, coin))| {
        event(
            format!("in/{number}"),
            &coin.owner,
            SPENT,
            coin_json(point, coin.value),
        )
    });
    let created = tx.coins().map(|(point, coin)| {
        let mut body = coin_json(&point, coin.value);
        body["memo"] = json!(hex::encode(&tx.memo));
        event(format!("out/{}", point.1), &coin.owner, CREATED, body)
    });
    spent.chain(created).collect()
}

/// The inclusion of a transaction of a watched signer. If several signers own its inputs, the first
/// watched one is reported: all inputs are spent together.
fn included(tx: &Tx, index: u32, watch: &Watch) -> Option<Inclusion> {
    let signer = tx
        .spends
        .iter()
        .map(|(_, coin)| &coin.owner)
        .find(|owner| watch.signers.contains(*owner))?;
    Some(Inclusion {
        transaction: tx.id.clone(),
        signer: signer.clone(),
        replay_keys: tx
            .spends
            .iter()
            .map(|((id, output), _)| ReplayKey::outpoint(id, *output))
            .collect(),
        index,
        status: ExecutionStatus::Succeeded,
        fee: Amount::from(tx.fee),
        created: None,
    })
}
