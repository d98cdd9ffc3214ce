//! The tree of blocks. Each block knows the coins there are after it, so that any of them can
//! become the head.

use crate::START;
use chain::BlockRef;
use std::collections::BTreeMap;
use std::sync::Arc;
use types::{Digest, Height, Time};

/// Seconds between blocks.
const PACE: i64 = 600;

/// A transaction and the number of its output.
pub(super) type OutPoint = (String, u32);

/// Coins that nobody has spent.
pub(super) type Coins = BTreeMap<OutPoint, Coin>;

/// A coin: what it is worth, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Coin {
    pub(super) owner: String,
    pub(super) value: u64,
}

/// A transaction that was read and checked. The faucet's spend nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tx {
    pub(super) id: String,
    pub(super) spends: Vec<(OutPoint, Coin)>,
    /// A memo pays nobody.
    pub(super) outputs: Vec<(Option<String>, u64)>,
    pub(super) memo: Vec<u8>,
    pub(super) fee: u64,
    /// In virtual bytes.
    pub(super) size: u64,
}

/// A block.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) name: BlockRef,
    pub(super) transactions: Vec<Arc<Tx>>,
    /// What can be spent after it.
    pub(super) coins: Coins,
}

/// Every block there ever was, and which one is the head.
#[derive(Debug)]
pub(super) struct Tree {
    blocks: BTreeMap<String, Block>,
    head: String,
    made: u32,
}

impl Tx {
    /// The coins it makes.
    pub(super) fn coins(&self) -> impl Iterator<Item = (OutPoint, Coin)> + '_ {
        self.outputs
            .iter()
            .zip(0u32..)
            .filter_map(|((to, value), place)| {
                let owner = to.clone()?;
                Some((
                    (self.id.clone(), place),
                    Coin {
                        owner,
                        value: *value,
                    },
                ))
            })
    }

    /// Whether the faucet made it: nobody signed it, and it costs nothing.
    pub(super) fn is_faucets(&self) -> bool {
        self.spends.is_empty()
    }

    pub(super) fn spends(&self, point: &OutPoint) -> bool {
        self.spends.iter().any(|(own, _)| own == point)
    }

    /// Whether all it spends is there.
    pub(super) fn fits(&self, coins: &Coins) -> bool {
        self.spends
            .iter()
            .all(|(point, _)| coins.contains_key(point))
    }

    /// Take what it spends, and put what it makes.
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
            made: 0,
        };
        tree.head = tree.put(Height(0), &"00".repeat(32), Vec::new(), Coins::new());
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

    /// A new block on any other.
    ///
    /// # Panics
    /// If there is no such parent, or a transaction spends what is not there.
    pub(super) fn grow(&mut self, parent: &str, transactions: Vec<Arc<Tx>>) -> String {
        let below = self
            .blocks
            .get(parent)
            .unwrap_or_else(|| panic!("no block {parent}"));
        let (height, mut coins) = (below.name.height.next(), below.coins.clone());
        for tx in &transactions {
            assert!(tx.fits(&coins), "{} spends what is not there", tx.id);
            tx.apply(&mut coins);
        }
        self.put(height, parent, transactions, coins)
    }

    fn put(
        &mut self,
        height: Height,
        parent: &str,
        transactions: Vec<Arc<Tx>>,
        coins: Coins,
    ) -> String {
        let seconds = i64::try_from(height.0).unwrap_or_default() * PACE;
        let time = Time::from_secs(START.secs() + seconds);
        self.made += 1;
        let hash = header_hash(parent, &root(&transactions), time, height, self.made);
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

    /// A block and all below it, downwards.
    pub(super) fn down_from<'t>(&'t self, hash: &str) -> impl Iterator<Item = &'t Block> + use<'t> {
        std::iter::successors(self.blocks.get(hash), |block| {
            self.blocks.get(&block.name.parent)
        })
    }

    /// The block of this height on the branch that ends in another.
    pub(super) fn ancestor(&self, of: &str, height: Height) -> Option<&Block> {
        self.down_from(of).find(|block| block.name.height == height)
    }

    /// Whether a block belongs to the branch that ends in another.
    pub(super) fn is_on(&self, branch: &str, block: &BlockRef) -> bool {
        self.ancestor(branch, block.height)
            .is_some_and(|found| found.name.hash == block.hash)
    }

    /// The block of a branch that holds a transaction.
    pub(super) fn holder(&self, branch: &str, id: &str) -> Option<&Block> {
        self.down_from(branch)
            .find(|block| block.transactions.iter().any(|tx| tx.id == id))
    }
}

/// As Bitcoin does it: SHA-256 of SHA-256 over version, parent, root, time, what stands for the
/// target (here the height), and a number.
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
    show_hash(&twice(&header.concat()))
}

/// Bitcoin's tree over the transactions' ids: the last of an odd level stands twice.
fn root(transactions: &[Arc<Tx>]) -> Vec<u8> {
    let mut level: Vec<Vec<u8>> = transactions.iter().map(|tx| reversed(&tx.id)).collect();
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| twice(&[&pair[0][..], &pair[pair.len() - 1]].concat()).to_vec())
            .collect();
    }
    level.pop().unwrap_or_else(|| vec![0; 32])
}

/// SHA-256 of SHA-256.
pub(super) fn twice(bytes: &[u8]) -> [u8; 32] {
    Digest::of(&Digest::of(bytes).0).0
}

/// A hash as people write it: backwards.
pub(super) fn show_hash(hash: &[u8]) -> String {
    hex::encode(hash.iter().rev().copied().collect::<Vec<u8>>())
}

fn reversed(text: &str) -> Vec<u8> {
    let mut bytes = hex::decode(text).unwrap_or_default();
    bytes.reverse();
    bytes
}
