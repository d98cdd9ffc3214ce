//! An in-memory UTXO chain: blocks, forks, a mempool, a faucet, and a node in front of it that can
//! lag, be silent or lie.
//!
//! [`FakeUtxoChain`] is a [`chain::Connector`] for a `bip122` chain, and as strict as a real node:
//! it decodes raw bytes, checks each signature against the owner of the spent coin, rejects double
//! spends and transactions that pay out more than they take in, replaces by fee like Bitcoin Core,
//! and counts every submission, so that tests can check *exactly once*. Control and inspection
//! bypass the connector: [`FakeUtxoChain::fund`], [`FakeUtxoChain::mine`],
//! [`FakeUtxoChain::reorg`], [`FakeUtxoChain::switch_to`], [`FakeUtxoChain::arrivals`].
//!
//! Not simulated: proof of work, scripts, block rewards, coinbase maturity, block size limits.

mod connector;
mod control;
mod fault;
mod inspect;
mod key;
mod plan;
mod pool;
mod tree;
mod view;

pub use control::Fate;
pub use fault::{Fault, Lie};
pub use key::CoinKey;

use chain::Finality;
use intent::FeeLimits;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tree::{Coins, Tree, Tx};
use types::{Amount, ChainId};

/// The rules of the chain and of its node.
#[derive(Debug, Clone)]
pub struct Rules {
    pub chain: ChainId,
    /// The finality rule that the connector reports.
    pub finality: Finality,
    /// The limits on fees that the connector reports.
    pub fees: FeeLimits,
    /// Initial fee rate of quotes, in satoshi per virtual byte.
    pub fee_rate: u64,
    /// Initial minimum fee rate that the node accepts.
    pub min_fee_rate: u64,
    /// Fee rate that a replacement adds to the fees it evicts (BIP-125, rule 4).
    pub incremental_relay_fee: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            chain: "bip122:coins-in-memory".parse().expect("a CAIP-2 name"),
            finality: Finality::Depth { blocks: 3 },
            fees: FeeLimits {
                max_tip: Amount::from(10_000),
                max_fee_per_gas: Amount::from(10_000),
                max_total_fee: Amount::from(10_000_000),
                floor: Amount::ZERO,
            },
            fee_rate: 2,
            min_fee_rate: 1,
            incremental_relay_fee: 1,
        }
    }
}

/// The chain and its node. Share it as `Arc<FakeUtxoChain>` between the test and the engines.
#[derive(Debug)]
pub struct FakeUtxoChain {
    rules: Rules,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tree: Tree,
    /// The mempool, parents before children.
    pool: Vec<Arc<Tx>>,
    /// Every transaction that was ever in a block or the mempool.
    known: BTreeMap<String, Arc<Tx>>,
    /// Every coin ever created, on any branch; its owner and value never change.
    all_coins: Coins,
    /// Submissions of each transaction, whatever the answer.
    arrivals: BTreeMap<String, usize>,
    /// Current fee rate of quotes.
    fee_rate: u64,
    min_fee_rate: u64,
    faults: fault::Faults,
}

impl FakeUtxoChain {
    /// A chain with only its genesis block and the default rules.
    pub fn new() -> Self {
        Self::with_rules(Rules::default())
    }

    /// A chain with only its genesis block.
    ///
    /// # Panics
    /// If the chain is not of the family `bip122`.
    fn with_rules(rules: Rules) -> Self {
        assert_eq!(
            rules.chain.family(),
            Some(types::Family::Utxo),
            "the chain is of family bip122"
        );
        let state = State {
            tree: Tree::new(),
            pool: Vec::new(),
            known: BTreeMap::new(),
            all_coins: Coins::new(),
            arrivals: BTreeMap::new(),
            fee_rate: rules.fee_rate,
            min_fee_rate: rules.min_fee_rate,
            faults: fault::Faults::default(),
        };
        Self {
            rules,
            state: Mutex::new(state),
        }
    }

    /// The rules of the chain.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for FakeUtxoChain {
    fn default() -> Self {
        Self::new()
    }
}
