//! Inspection of the true chain state, for assertions. Unlike the node, it never lags or lies.

use super::FakeUtxoChain;
use types::Height;

impl FakeUtxoChain {
    /// How often this transaction was submitted, whatever the answer.
    pub fn arrivals(&self, id: &str) -> usize {
        self.state().arrivals.get(id).copied().unwrap_or_default()
    }

    /// The mempool, parents before children.
    pub fn pool(&self) -> Vec<String> {
        self.state().pool.iter().map(|tx| tx.id.clone()).collect()
    }

    /// The height and hash of the true head.
    pub fn tip(&self) -> (Height, String) {
        let state = self.state();
        let head = &state.tree.head().name;
        (head.height, head.hash.clone())
    }

    /// The block of the main chain that contains a transaction.
    pub fn block_of(&self, id: &str) -> Option<String> {
        let state = self.state();
        let block = state.tree.holder(&state.tree.head().name.hash, id);
        block.map(|block| block.name.hash.clone())
    }

    /// The confirmations of a transaction, including its own block; 0 if it is not mined.
    pub fn confirmations(&self, id: &str) -> u64 {
        let state = self.state();
        let head = &state.tree.head().name;
        let holder = state.tree.holder(&head.hash, id);
        holder.map_or(0, |block| head.height.0 - block.name.height.0 + 1)
    }

    /// The transactions of the main chain without those of the faucet, oldest first.
    pub fn mined(&self) -> Vec<String> {
        let state = self.state();
        let blocks: Vec<_> = state.tree.down_from(&state.tree.head().name.hash).collect();
        let transactions = blocks
            .into_iter()
            .rev()
            .flat_map(|block| &block.transactions);
        transactions
            .filter(|tx| !tx.is_faucet())
            .map(|tx| tx.id.clone())
            .collect()
    }

    /// Payments to an address on the main chain as (transaction, output, satoshi), spent or not,
    /// without faucet payments and change.
    pub fn payments_to(&self, address: &str) -> Vec<(String, u32, u64)> {
        let state = self.state();
        let blocks: Vec<_> = state.tree.down_from(&state.tree.head().name.hash).collect();
        let transactions = blocks
            .into_iter()
            .rev()
            .flat_map(|block| &block.transactions);
        let by_others = transactions.filter(|tx| {
            !tx.is_faucet() && tx.spends.iter().all(|(_, coin)| coin.owner != address)
        });
        let coins = by_others
            .flat_map(|tx| tx.coins())
            .filter(|(_, coin)| coin.owner == address);
        coins
            .map(|((id, output), coin)| (id, output, coin.value))
            .collect()
    }

    /// The balance of an address on the main chain, in satoshi.
    pub fn balance_of(&self, address: &str) -> u64 {
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

    /// The transaction that spends a coin on the main chain.
    pub fn spender(&self, transaction: &str, output: u32) -> Option<String> {
        let state = self.state();
        let spender = state.spender(&(transaction.to_owned(), output));
        spender.map(|tx| tx.id.clone())
    }
}
