//! Control of the chain: fund, mine, fork, switch branches, drop transactions.

use super::tree::{Tx, double_sha256, show_hash};
use super::{FakeUtxoChain, State};
use intent::utxo::Coin;
use std::sync::Arc;
use types::{Amount, Height};

/// What happens to a transaction whose block is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Mined again, in the first of the new blocks.
    Mined,
    /// Returned to the mempool.
    Pooled,
    Dropped,
}

impl FakeUtxoChain {
    /// Create a coin for an address, in a block of its own; returns the coin.
    pub fn fund(&self, address: &str, satoshi: u64) -> Coin {
        let to = intent::parse_recipient(&self.rules.chain, address)
            .expect("an address of this chain")
            .account;
        let mut state = self.state();
        let number = state.known.len() as u64;
        let id = show_hash(&double_sha256(
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

    /// Mine a block with the whole mempool; returns its hash.
    pub fn mine(&self) -> String {
        let mut state = self.state();
        let pooled_transactions = state.pool.clone();
        state.mine(pooled_transactions)
    }

    /// Mine empty blocks; returns the hash of the last one.
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

    /// Replace the last `depth` blocks by as many new ones. `fate` decides by transaction id what
    /// happens to their transactions; those whose inputs are gone are dropped. Returns the hash of
    /// the new head.
    ///
    /// # Panics
    /// If there are fewer blocks.
    pub fn reorg(&self, depth: u64, fate: impl Fn(&str) -> Fate) -> String {
        assert!(depth > 0, "a reorg replaces at least one block");
        let mut state = self.state();
        let base = state.below_head(depth);
        let abandoned = state.transactions_above(&base);
        let with_fate = |expected: Fate| {
            abandoned
                .iter()
                .filter(|tx| fate(&tx.id) == expected)
                .cloned()
                .collect::<Vec<_>>()
        };
        let (mined, pooled) = (with_fate(Fate::Mined), with_fate(Fate::Pooled));
        let first = State::minable(
            mined,
            &state
                .tree
                .block(&base)
                .expect("the base block exists")
                .coins,
        );
        let mut hash = state.tree.grow(&base, first);
        for _ in 1..depth {
            hash = state.tree.grow(&hash, Vec::new());
        }
        state.tree.set_head(&hash);
        state.refill(pooled);
        hash
    }

    /// Add a block with these transactions on top of any block, without changing the head; returns
    /// its hash. Used to build branches for [`FakeUtxoChain::switch_to`].
    ///
    /// # Panics
    /// If the parent or a transaction is unknown, or a transaction spends a coin that is missing on
    /// that branch.
    pub fn add_block(&self, parent: &str, ids: &[&str]) -> String {
        let mut state = self.state();
        let known = |id: &&str| {
            state
                .known
                .get(*id)
                .unwrap_or_else(|| panic!("unknown transaction {id}"))
                .clone()
        };
        let chosen = ids.iter().map(known).collect();
        state.tree.grow(parent, chosen)
    }

    /// Make a block of any branch the head. Signed transactions of the abandoned blocks return to
    /// the mempool if they can still be mined; faucet payments there are gone until the branch is
    /// the main chain again.
    pub fn switch_to(&self, hash: &str) {
        let mut state = self.state();
        let new_head = state
            .tree
            .block(hash)
            .unwrap_or_else(|| panic!("no block {hash}"))
            .name
            .clone();
        let head = state.tree.head().name.hash.clone();
        let abandoned: Vec<Arc<Tx>> = state
            .tree
            .down_from(&head)
            .take_while(|block| !state.tree.is_on(&new_head.hash, &block.name))
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .flat_map(|block| {
                block
                    .transactions
                    .iter()
                    .filter(|tx| !tx.is_faucet())
                    .cloned()
            })
            .collect();
        state.tree.set_head(hash);
        state.refill(abandoned);
    }

    /// Set the fee rate of quotes and the minimum that the node accepts, in satoshi per virtual
    /// byte.
    pub fn set_fee_rates(&self, quoted: u64, minimum: u64) {
        let mut state = self.state();
        (state.fee_rate, state.min_fee_rate) = (quoted, minimum);
    }

    /// Drop a transaction and its descendants from the mempool; returns whether it was there.
    pub fn drop_from_pool(&self, id: &str) -> bool {
        self.state().forget(id)
    }
}

impl State {
    fn mine(&mut self, pooled_transactions: Vec<Arc<Tx>>) -> String {
        let chosen = Self::minable(pooled_transactions, &self.tree.head().coins);
        self.grow_head(chosen)
    }

    /// Mine a block and make it the head.
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

    /// The transactions of the blocks above `base`, in order.
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
