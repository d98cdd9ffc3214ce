//! What the chain itself knows: the judge of a test. Never what the node in front of it says: it
//! may be late or lie.

use super::FakeCoins;
use types::Height;

impl FakeCoins {
    /// How often bytes of this transaction arrived, whatever was answered.
    pub fn arrivals(&self, id: &str) -> usize {
        self.state().arrivals.get(id).copied().unwrap_or_default()
    }

    /// Every transaction that ever arrived, with how often.
    pub fn all_arrivals(&self) -> Vec<(String, usize)> {
        self.state()
            .arrivals
            .iter()
            .map(|(id, count)| (id.clone(), *count))
            .collect()
    }

    /// What waits in the pool, parents before children.
    pub fn pool(&self) -> Vec<String> {
        self.state().pool.iter().map(|tx| tx.id.clone()).collect()
    }

    /// The height and hash of the true head.
    pub fn tip(&self) -> (Height, String) {
        let state = self.state();
        let head = &state.tree.head().name;
        (head.height, head.hash.clone())
    }

    /// The hash of the block at a height of the chain.
    pub fn hash_at(&self, height: u64) -> Option<String> {
        let state = self.state();
        let found = state
            .tree
            .ancestor(&state.tree.head().name.hash, Height(height));
        found.map(|block| block.name.hash.clone())
    }

    /// The block of the chain that holds a transaction.
    pub fn block_of(&self, id: &str) -> Option<String> {
        let state = self.state();
        let found = state.tree.holder(&state.tree.head().name.hash, id);
        found.map(|block| block.name.hash.clone())
    }

    /// How many blocks of the chain stand on a transaction, its own among them; 0 for one that is
    /// in none.
    pub fn confirmations(&self, id: &str) -> u64 {
        let state = self.state();
        let head = &state.tree.head().name;
        let holder = state.tree.holder(&head.hash, id);
        holder.map_or(0, |block| head.height.0 - block.name.height.0 + 1)
    }

    /// The transactions of the chain, but for the faucet's, oldest first.
    pub fn mined(&self) -> Vec<String> {
        let state = self.state();
        let blocks: Vec<_> = state.tree.down_from(&state.tree.head().name.hash).collect();
        let transactions = blocks
            .into_iter()
            .rev()
            .flat_map(|block| &block.transactions);
        transactions
            .filter(|tx| !tx.is_faucets())
            .map(|tx| tx.id.clone())
            .collect()
    }

    /// What a block of the chain or of any branch holds.
    pub fn transactions_in(&self, hash: &str) -> Vec<String> {
        let state = self.state();
        let block = state.tree.block(hash);
        block
            .map(|block| block.transactions.iter().map(|tx| tx.id.clone()).collect())
            .unwrap_or_default()
    }

    /// Each payment to an address on the chain: transaction, output, satoshi; spent or not, without
    /// the faucet's and without change.
    pub fn payments_to(&self, address: &str) -> Vec<(String, u32, u64)> {
        let state = self.state();
        let blocks: Vec<_> = state.tree.down_from(&state.tree.head().name.hash).collect();
        let transactions = blocks
            .into_iter()
            .rev()
            .flat_map(|block| &block.transactions);
        let by_others = transactions.filter(|tx| {
            !tx.is_faucets() && tx.spends.iter().all(|(_, coin)| coin.owner != address)
        });
        let coins = by_others
            .flat_map(|tx| tx.coins())
            .filter(|(_, coin)| coin.owner == address);
        coins
            .map(|((id, output), coin)| (id, output, coin.value))
            .collect()
    }

    /// The satoshi of an address on the chain.
    pub fn worth(&self, address: &str) -> u64 {
        let state = self.state();
        state
            .tree
            .head()
            .coins
            .values()
            .filter(|coin| coin.owner == address)
            .map(|coin| coin.value)
            .sum()
    }

    /// Who spends a coin on the chain.
    pub fn spender(&self, transaction: &str, output: u32) -> Option<String> {
        let state = self.state();
        let spender = state.spender(&(transaction.to_owned(), output));
        spender.map(|tx| tx.id.clone())
    }
}
