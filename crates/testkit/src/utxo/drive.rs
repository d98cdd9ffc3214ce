//! What a test makes the chain do: pay out, mine, fork, go back and forth between branches, forget.

use super::tree::{Tx, show_hash, twice};
use super::{FakeCoins, State};
use intent::utxo::Coin;
use std::sync::Arc;
use types::{Amount, Height};

/// What becomes of a transaction whose block is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is mined again, in the first of the new blocks.
    Mined,
    /// It waits in the pool again.
    Pooled,
    /// Nobody remembers it.
    Lost,
}

impl FakeCoins {
    /// Pay out of nothing, in a block of its own. The coin.
    pub fn fund(&self, address: &str, satoshi: u64) -> Coin {
        let to = intent::parse_recipient(&self.rules.chain, address)
            .expect("an address of this chain")
            .account;
        let mut state = self.state();
        let number = state.known.len() as u64;
        let id = show_hash(&twice(
            format!("faucet {number} pays {satoshi} to {to}").as_bytes(),
        ));
        let (outputs, memo) = (vec![(Some(to), satoshi)], Vec::new());
        let tx = Arc::new(Tx {
            id: id.clone(),
            spends: Vec::new(),
            outputs,
            memo,
            fee: 0,
            size: 0,
        });
        state.remember(&tx);
        state.grow_head(vec![tx]);
        Coin {
            transaction: id,
            output: 0,
            value: Amount::from(satoshi),
        }
    }

    /// A block on the head with all that waits in the pool; its hash.
    pub fn mine(&self) -> String {
        let mut state = self.state();
        let waiting = state.pool.clone();
        state.mine(waiting)
    }

    /// A block on the head with these transactions of the pool and no other; its hash.
    ///
    /// # Panics
    /// If one of them is not there, or spends what is not.
    pub fn mine_only(&self, ids: &[&str]) -> String {
        let mut state = self.state();
        let chosen: Vec<Arc<Tx>> = state
            .pool
            .iter()
            .filter(|tx| ids.contains(&tx.id.as_str()))
            .cloned()
            .collect();
        assert_eq!(
            chosen.len(),
            ids.len(),
            "not all of {ids:?} wait in the pool"
        );
        state.grow_head(chosen)
    }

    /// So many blocks on the head with nothing in them; the hash of the last.
    ///
    /// # Panics
    /// If `blocks` is 0.
    pub fn mine_empty(&self, blocks: u64) -> String {
        let mut state = self.state();
        (0..blocks)
            .map(|_| state.grow_head(Vec::new()))
            .last()
            .expect("at least one block")
    }

    /// Replace the last `depth` blocks by as many others. `fate` says what becomes of each
    /// transaction that they held, by its id; what cannot be any more, because what it spends
    /// is gone, is lost. The hash of the new head.
    ///
    /// # Panics
    /// If there are not so many blocks.
    pub fn reorg(&self, depth: u64, fate: impl Fn(&str) -> Fate) -> String {
        assert!(depth > 0, "a reorganisation replaces something");
        let mut state = self.state();
        let base = state.below_head(depth);
        let left = state.transactions_above(&base);
        let of = |wanted: Fate| {
            left.iter()
                .filter(|tx| fate(&tx.id) == wanted)
                .cloned()
                .collect::<Vec<_>>()
        };
        let (mined, pooled) = (of(Fate::Mined), of(Fate::Pooled));
        let first = State::minable(
            mined,
            &state.tree.block(&base).expect("the base is there").coins,
        );
        let mut hash = state.tree.grow(&base, first);
        for _ in 1..depth {
            hash = state.tree.grow(&hash, Vec::new());
        }
        state.tree.set_head(&hash);
        state.refill(pooled);
        hash
    }

    /// A block on any other, with these transactions, without making it the head; its hash.
    /// Branches grow by it: see [`FakeCoins::switch_to`].
    ///
    /// # Panics
    /// If there is no such parent, nobody ever saw one of the transactions, or one spends what that
    /// branch does not have.
    pub fn grow(&self, parent: &str, ids: &[&str]) -> String {
        let mut state = self.state();
        let known = |id: &&str| {
            state
                .known
                .get(*id)
                .unwrap_or_else(|| panic!("nobody ever saw {id}"))
                .clone()
        };
        let chosen = ids.iter().map(known).collect();
        state.tree.grow(parent, chosen)
    }

    /// Make a block the head, on whatever branch, higher or lower. What people had signed in the
    /// blocks that are left waits in the pool again, where it still can be mined; what the
    /// faucet paid there is gone until the branch is the chain again.
    pub fn switch_to(&self, hash: &str) {
        let mut state = self.state();
        let now = state
            .tree
            .block(hash)
            .unwrap_or_else(|| panic!("no block {hash}"))
            .name
            .clone();
        let head = state.tree.head().name.hash.clone();
        let left: Vec<Arc<Tx>> = state
            .tree
            .down_from(&head)
            .take_while(|block| !state.tree.is_on(&now.hash, &block.name))
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .flat_map(|block| {
                block
                    .transactions
                    .iter()
                    .filter(|tx| !tx.is_faucets())
                    .cloned()
            })
            .collect();
        state.tree.set_head(hash);
        state.refill(left);
    }

    /// What a quote asks from now on, and below what the node takes nothing; in satoshi a virtual
    /// byte.
    pub fn set_fee_rates(&self, quoted: u64, least: u64) {
        let mut state = self.state();
        (state.fee_rate, state.least_fee_rate) = (quoted, least);
    }

    /// Throw a transaction out of the pool, with whatever spends what it makes. Whether it was
    /// there.
    pub fn drop_from_pool(&self, id: &str) -> bool {
        self.state().forget(id)
    }
}

impl State {
    fn mine(&mut self, waiting: Vec<Arc<Tx>>) -> String {
        let chosen = Self::minable(waiting, &self.tree.head().coins);
        self.grow_head(chosen)
    }

    /// A block on the head, which becomes the head.
    fn grow_head(&mut self, transactions: Vec<Arc<Tx>>) -> String {
        let parent = self.tree.head().name.hash.clone();
        let hash = self.tree.grow(&parent, transactions);
        self.tree.set_head(&hash);
        self.refill(Vec::new());
        hash
    }

    fn below_head(&self, depth: u64) -> String {
        let head = &self.tree.head().name;
        let height = head
            .height
            .0
            .checked_sub(depth)
            .unwrap_or_else(|| panic!("there are no {depth} blocks"));
        let base = self.tree.ancestor(&head.hash, Height(height));
        base.expect("every height below the head has a block")
            .name
            .hash
            .clone()
    }

    /// What the blocks above another hold, in order.
    fn transactions_above(&self, base: &str) -> Vec<Arc<Tx>> {
        let head = &self.tree.head().name.hash;
        let above: Vec<_> = self
            .tree
            .down_from(head)
            .take_while(|block| block.name.hash != base)
            .collect();
        above
            .into_iter()
            .rev()
            .flat_map(|block| block.transactions.iter().cloned())
            .collect()
    }
}
