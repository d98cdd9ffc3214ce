//! A chain of coins played in memory: blocks, forks, a pool, a faucet, and a node before it that
//! can be late, deaf or lying.
//!
//! [`FakeCoins`] is a [`chain::Connector`] for a `bip122` chain, and as strict as a node: it reads
//! raw bytes by itself, checks each signature against the owner of the coin that is spent, refuses
//! what spends a coin twice or pays out more than it takes in, replaces by fee as Bitcoin Core
//! does, and counts every arrival, so that a test can say *exactly once*. What tests do to it and
//! ask of it is not behind the connector: [`FakeCoins::fund`], [`FakeCoins::mine`],
//! [`FakeCoins::reorg`], [`FakeCoins::switch_to`], [`FakeCoins::arrivals`].
//!
//! What it is not: proof of work, scripts, block rewards, ripening of fresh coins, or limits on a
//! block's size.

mod connector;
mod drive;
mod fault;
mod judge;
mod key;
mod plan;
mod pool;
mod read;
mod tree;

pub use drive::Fate;
pub use fault::{Fault, Lie};
pub use key::CoinKey;

use chain::Finality;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tree::{Coins, Tree, Tx};
use types::ChainId;

/// The rules of a chain and of the node before it.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Which chain it plays.
    pub chain: ChainId,
    /// What the connector says of finality.
    pub finality: Finality,
    /// What a quote asks at first, in satoshi a virtual byte.
    pub fee_rate: u64,
    /// Below this the node takes nothing at first.
    pub least_fee_rate: u64,
    /// What a replacement pays for its own way beyond what it evicts (BIP-125, rule 4).
    pub relay_step: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            chain: "bip122:coins-in-memory".parse().expect("a CAIP-2 name"),
            finality: Finality::Depth { blocks: 3 },
            fee_rate: 2,
            least_fee_rate: 1,
            relay_step: 1,
        }
    }
}

/// The chain and the node before it. Share it as `Arc<FakeCoins>`: the test drives it while the
/// engines ask it.
#[derive(Debug)]
pub struct FakeCoins {
    rules: Rules,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tree: Tree,
    /// What waits for a block, parents before children.
    pool: Vec<Arc<Tx>>,
    /// Every transaction that was ever in a block or the pool.
    known: BTreeMap<String, Arc<Tx>>,
    /// Every coin there ever was, on whatever branch: what it is worth and whose it is never
    /// changes.
    ever: Coins,
    /// How often bytes of a transaction arrived, whatever was answered.
    arrivals: BTreeMap<String, usize>,
    /// What a quote asks now, and below what the node takes nothing now.
    fee_rate: u64,
    least_fee_rate: u64,
    faults: fault::Faults,
}

impl FakeCoins {
    /// A chain with nothing but its first block, by the usual rules.
    pub fn new() -> Self {
        Self::with(Rules::default())
    }

    /// A chain with nothing but its first block.
    ///
    /// # Panics
    /// If the chain is not of the family `bip122`.
    pub fn with(rules: Rules) -> Self {
        assert_eq!(
            rules.chain.family(),
            Some(types::Family::Utxo),
            "a chain of coins"
        );
        let state = State {
            tree: Tree::new(),
            pool: Vec::new(),
            known: BTreeMap::new(),
            ever: Coins::new(),
            arrivals: BTreeMap::new(),
            fee_rate: rules.fee_rate,
            least_fee_rate: rules.least_fee_rate,
            faults: fault::Faults::default(),
        };
        Self {
            rules,
            state: Mutex::new(state),
        }
    }

    /// The rules it plays by.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for FakeCoins {
    fn default() -> Self {
        Self::new()
    }
}
