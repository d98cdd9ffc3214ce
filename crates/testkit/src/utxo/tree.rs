//! The block tree. Each block stores the unspent coins after it, so that any block can become the
//! head.

use crate::START;
use chain::BlockRef;
use std::collections::BTreeMap;
use std::sync::Arc;
use types::{Digest, Height, Time};

/// Seconds between blocks.
const BLOCK_INTERVAL_SECS: i64 = 600;

/// A transaction id and an output index.
pub(super) type OutPoint = (String, u32);

/// Unspent coins.
pub(super) type Coins = BTreeMap<OutPoint, Coin>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Coin {
    pub(super) owner: String,
    pub(super) value: u64,
}

/// A validated transaction. Faucet transactions have no inputs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tx {
    pub(super) id: String,
    pub(super) spends: Vec<(OutPoint, Coin)>,
    /// Recipient and value; a memo output has no recipient.
    pub(super) outputs: Vec<(Option<String>, u64)>,
    pub(super) memo: Vec<u8>,
    pub(super) fee: u64,
    /// In virtual bytes.
    pub(super) size: u64,
}

#[derive(Debug)]
pub(super) struct Block {
    pub(super) name: BlockRef,
    pub(super) transactions: Vec<Arc<Tx>>,
    /// Unspent coins after this block.
    pub(super) coins: Coins,
}

/// All blocks of all branches, and the head.
#[derive(Debug)]
pub(super) struct Tree {
    blocks: BTreeMap<String, Block>,
    head: String,
    block_count: u32,
}

impl Tx {
    /// The coins that the transaction creates.
    pub(super) fn coins(&self) -> impl Iterator<Item = (OutPoint, Coin)> + '_ {
        self.outputs
            .iter()
            .zip(0u32..)
            .filter_map(|((to, value), index)| {
                let owner = to.clone()?;
                Some((
                    (self.id.clone(), index),
                    Coin {
                        owner,
                        value: *value,
                    },
                ))
            })
    }

    /// Whether it is a faucet transaction: unsigned and without a fee.
    pub(super) fn is_faucet(&self) -> bool {
        self.spends.is_empty()
    }

    pub(super) fn spends(&self, point: &OutPoint) -> bool {
        self.spends.iter().any(|(own, _)| own == point)
    }

    /// Whether all its inputs are unspent.
    pub(super) fn fits(&self, coins: &Coins) -> bool {
        self.spends
            .iter()
            .all(|(point, _)| coins.contains_key(point))
    }

    /// Remove its inputs and add its outputs.
    pub(super) fn apply(&self, coins: &mut Coins) {
        for (point, _) in &self.spends {
            coins.remove(point);
        }
        coins.extend(self.coins());
    }
}

impl Tree {
    pub(super) fn new() -> Self {
        let mut tree = Self {
            blocks: BTreeMap::new(),
            head: String::new(),
            block_count: 0,
        };
        tree.head = tree.insert(Height(0), &"00".repeat(32), Vec::new(), Coins::new());
        tree
    }

    pub(super) fn head(&self) -> &Block {
        &self.blocks[&self.head]
    }

    pub(super) fn set_head(&mut self, hash: &str) {
        assert!(self.blocks.contains_key(hash), "no block {hash}");
        self.head = hash.to_owned();
    }

    pub(super) fn block(&self, hash: &str) -> Option<&Block> {
        self.blocks.get(hash)
    }

    /// Add a block on top of any block.
    ///
    /// # Panics
    /// If the parent does not exist, or a transaction spends a missing coin.
    pub(super) fn grow(&mut self, parent: &str, transactions: Vec<Arc<Tx>>) -> String {
        let parent_block = self
            .blocks
            .get(parent)
            .unwrap_or_else(|| panic!("no block {parent}"));
        let (height, mut coins) = (parent_block.name.height.next(), parent_block.coins.clone());
        for tx in &transactions {
            assert!(tx.fits(&coins), "{} spends a missing coin", tx.id);
            tx.apply(&mut coins);
        }
        self.insert(height, parent, transactions, coins)
    }

    fn insert(
        &mut self,
        height: Height,
        parent: &str,
        transactions: Vec<Arc<Tx>>,
        coins: Coins,
    ) -> String {
        let seconds = i64::try_from(height.0).unwrap_or_default() * BLOCK_INTERVAL_SECS;
        let time = Time::from_secs(START.secs() + seconds);
        self.block_count += 1;
        let hash = header_hash(parent, &root(&transactions), time, height, self.block_count);
        let name = BlockRef {
            height,
            hash: hash.clone(),
            parent: parent.to_owned(),
            time,
        };
        self.blocks.insert(
            hash.clone(),
            Block {
                name,
                transactions,
                coins,
            },
        );
        hash
    }

    /// A block and its ancestors, downwards.
    pub(super) fn down_from<'t>(&'t self, hash: &str) -> impl Iterator<Item = &'t Block> + use<'t> {
        std::iter::successors(self.blocks.get(hash), |block| {
            self.blocks.get(&block.name.parent)
        })
    }

    /// The block at this height on the branch that ends in `of`.
    pub(super) fn ancestor(&self, of: &str, height: Height) -> Option<&Block> {
        self.down_from(of).find(|block| block.name.height == height)
    }

    /// Whether a block is on the branch that ends in `branch`.
    pub(super) fn is_on(&self, branch: &str, block: &BlockRef) -> bool {
        self.ancestor(branch, block.height)
            .is_some_and(|ancestor| ancestor.name.hash == block.hash)
    }

    /// The block of a branch that contains a transaction.
    pub(super) fn holder(&self, branch: &str, id: &str) -> Option<&Block> {
        self.down_from(branch)
            .find(|block| block.transactions.iter().any(|tx| tx.id == id))
    }
}

/// Bitcoin's block hash: double SHA-256 over version, parent, Merkle root, time, target (here the
/// height) and nonce.
fn header_hash(parent: &str, root: &[u8], time: Time, height: Height, number: u32) -> String {
    let seconds = u32::try_from(time.secs()).unwrap_or_default();
    let height = u32::try_from(height.0).unwrap_or_default();
    let header = [
        &2u32.to_le_bytes()[..],
        &reversed(parent),
        root,
        &seconds.to_le_bytes(),
        &height.to_le_bytes(),
        &number.to_le_bytes(),
    ];
    show_hash(&double_sha256(&header.concat()))
}

/// Bitcoin's Merkle root over the transaction ids: an odd last node is duplicated.
fn root(transactions: &[Arc<Tx>]) -> Vec<u8> {
    let mut level: Vec<Vec<u8>> = transactions.iter().map(|tx| reversed(&tx.id)).collect();
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| double_sha256(&[&pair[0][..], &pair[pair.len() - 1]].concat()).to_vec())
            .collect();
    }
    level.pop().unwrap_or_else(|| vec![0; 32])
}

/// Double SHA-256.
pub(super) fn double_sha256(bytes: &[u8]) -> [u8; 32] {
    Digest::of(&Digest::of(bytes).0).0
}

/// A hash in display order: bytes reversed.
pub(super) fn show_hash(hash: &[u8]) -> String {
    hex::encode(hash.iter().rev().copied().collect::<Vec<u8>>())
}

fn reversed(text: &str) -> Vec<u8> {
    let mut bytes = hex::decode(text).unwrap_or_default();
    bytes.reverse();
    bytes
}
