//! Random histories of a chain and of its index, checked against a model: the tree of blocks.

use crate::counting_projection::{self, Counted};
use crate::replay::{replay, verify_batches};
use crate::tree::{Tree, Tx, account, transfer, tx};
use crate::world::{World, blocks_of, events_of, inclusions_of};
use chain::Finality;
use index::{Progress, Settings, Start};
use proptest::prelude::*;
use proptest::test_runner::Config;
use std::collections::BTreeSet;
use std::sync::Arc;
use testkit::{TestDb, on_each_engine};
use types::Height;

const NAMESPACES: [&str; 2] = ["ns-a", "ns-b"];
const CONTRACTS: u64 = 3;

/// One step of a history.
#[derive(Debug, Clone)]
enum Op {
    /// The head grows.
    Grow {
        blocks: u64,
        txs: u64,
    },
    /// A branch forks some blocks below the head and grows. With `reuse`, its blocks include the
    /// transactions of the blocks it replaces.
    Fork {
        back: u64,
        blocks: u64,
        reuse: bool,
        switch: bool,
    },
    /// The head moves to the end of a branch.
    Switch {
        branch: usize,
    },
    /// The head moves after some requests of the worker.
    SwitchAfter {
        branch: usize,
        requests: u64,
    },
    /// The node falls behind, or catches up.
    Lag {
        blocks: u64,
    },
    Turn,
    Backfill,
    Crash,
    /// Another owner takes over the lease; the old one takes a turn.
    TakeOver,
    /// A namespace tracks a contract, or all.
    Track {
        namespace: usize,
        contract: Option<u64>,
        from: u64,
    },
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (1..4u64, 0..3u64).prop_map(|(blocks, txs)| Op::Grow { blocks, txs }),
        3 => (1..4u64, 1..5u64, any::<bool>(), any::<bool>())
            .prop_map(|(back, blocks, reuse, switch)| Op::Fork { back, blocks, reuse, switch }),
        3 => any::<usize>().prop_map(|branch| Op::Switch { branch }),
        2 => (any::<usize>(), 0..9u64)
            .prop_map(|(branch, requests)| Op::SwitchAfter { branch, requests }),
        1 => (0..3u64).prop_map(|blocks| Op::Lag { blocks }),
        8 => Just(Op::Turn),
        3 => Just(Op::Backfill),
        1 => Just(Op::Crash),
        1 => Just(Op::TakeOver),
        1 => (0..2usize, proptest::option::of(0..CONTRACTS), 0..6u64)
            .prop_map(|(namespace, contract, from)| Op::Track { namespace, contract, from }),
    ]
}

#[derive(Debug, Clone)]
struct History {
    depth: u64,
    start: Start,
    keep_all: bool,
    blocks_per_turn: u64,
    crash_always: bool,
    ops: Vec<Op>,
}

fn history() -> impl Strategy<Value = History> {
    let start = prop_oneof![Just(Start::Latest), (0..5u64).prop_map(Start::Height)];
    let settings = (
        1..4u64,
        start,
        any::<bool>(),
        1..5u64,
        proptest::bool::weighted(0.2),
    );
    (settings, proptest::collection::vec(op(), 5..40)).prop_map(
        |((depth, start, keep_all, blocks_per_turn, crash_always), ops)| History {
            depth,
            start,
            keep_all,
            blocks_per_turn,
            crash_always,
            ops,
        },
    )
}

struct Model {
    world: Option<World>,
    depth: u64,
    /// Ends of branches.
    tips: Vec<String>,
    /// The highest head so far, which bounds the watermark.
    highest: u64,
    /// Number of transactions created so far.
    created: u64,
    /// Namespace, contract (none for all), start height.
    tracked: Vec<(usize, Option<u64>, u64)>,
    watermark: Option<u64>,
}

impl Model {
    fn world(&self) -> &World {
        self.world.as_ref().unwrap()
    }

    fn tree(&self) -> Arc<Tree> {
        self.world().chain.clone()
    }

    fn transactions(&mut self, count: u64) -> Vec<Tx> {
        let number = self.created;
        self.created += count;
        (number..number + count)
            .map(|number| tx(number, &contracts_of(number)))
            .collect()
    }

    fn note_head(&mut self) {
        let head = self.tree().head_hash();
        self.highest = self.highest.max(self.tree().block_ref(&head).height.0);
    }

    /// Whether the head may move between two branches: a chain with this finality depth never
    /// drops a block that deep.
    fn may_switch(&self, from: &str, to: &str) -> bool {
        let floor = Height(self.highest.saturating_sub(self.depth));
        let tree = self.tree();
        tree.at(from, floor).is_some() && tree.at(from, floor) == tree.at(to, floor)
    }

    fn grow(&mut self, blocks: u64, txs: u64) {
        for _ in 0..blocks {
            let transactions = self.transactions(txs);
            self.tree().mine(&transactions);
        }
        self.note_head();
    }

    fn fork(&mut self, back: u64, blocks: u64, reuse: bool, switch: bool) {
        let tree = self.tree();
        let head = tree.head_hash();
        let height = tree.block_ref(&head).height.0;
        let base = height.saturating_sub(back);
        let replaced = tree.branch(&head, Height(base + 1));
        let mut end = tree.at(&head, Height(base)).unwrap();
        for index in 0..blocks {
            let reused = replaced
                .get(index as usize)
                .filter(|_| reuse)
                .map(same_transactions);
            let transactions = match reused {
                Some(reused) => reused,
                None if reuse => Vec::new(),
                None => self.transactions(1),
            };
            end = tree.grow(&end, &transactions);
        }
        self.tips.push(head.clone());
        self.tips.push(end.clone());
        if switch && self.may_switch(&head, &end) {
            tree.switch_to(&end);
            self.note_head();
        }
    }

    /// The end of a branch that the head may move to, chosen by `pick`.
    fn branch(&self, pick: usize) -> Option<String> {
        let head = self.tree().head_hash();
        let reachable: Vec<&String> = self
            .tips
            .iter()
            .filter(|tip| self.may_switch(&head, tip))
            .collect();
        (!reachable.is_empty()).then(|| reachable[pick % reachable.len()].clone())
    }

    async fn act(&mut self, op: &Op) {
        // A scheduled switch was checked against the current head: it must happen before the head
        // moves otherwise.
        if !matches!(op, Op::Turn | Op::Backfill) {
            self.tree().switch_now();
            self.note_head();
        }
        match op {
            Op::Grow { blocks, txs } => self.grow(*blocks, *txs),
            Op::Fork {
                back,
                blocks,
                reuse,
                switch,
            } => self.fork(*back, *blocks, *reuse, *switch),
            Op::Switch { branch } => self.switch(*branch),
            Op::SwitchAfter { branch, requests } => self.switch_after(*branch, *requests),
            Op::Lag { blocks } => self.tree().lag((*blocks).min(self.tree_height())),
            Op::Turn => self.turn().await,
            Op::Backfill => drop(self.world().backfill().await),
            Op::Crash => self.crash().await,
            Op::TakeOver => self.take_over().await,
            Op::Track {
                namespace,
                contract,
                from,
            } => self.track(*namespace, *contract, *from).await,
        }
    }

    fn tree_height(&self) -> u64 {
        let tree = self.tree();
        tree.block_ref(&tree.head_hash()).height.0
    }

    fn switch(&mut self, pick: usize) {
        if let Some(to) = self.branch(pick) {
            self.tips.push(self.tree().head_hash());
            self.tree().switch_to(&to);
            self.note_head();
        }
    }

    fn switch_after(&mut self, pick: usize, requests: u64) {
        if let Some(to) = self.branch(pick) {
            self.tips.push(self.tree().head_hash());
            let height = self.tree().block_ref(&to).height.0;
            self.tree().switch_after(requests, &to);
            self.highest = self.highest.max(height);
        }
    }

    async fn turn(&mut self) {
        let progress = self.world().turn().await;
        assert_ne!(
            progress,
            Progress::Halted,
            "no branch forks below the watermark"
        );
        let watermark = self.world().final_height().await;
        assert!(
            watermark >= self.watermark,
            "the watermark fell from {:?} to {watermark:?}",
            self.watermark
        );
        self.watermark = watermark;
        self.note_head();
    }

    async fn crash(&mut self) {
        let world = self.world.take().unwrap();
        self.world = Some(world.crash().await);
    }

    async fn take_over(&mut self) {
        let world = self.world.as_mut().unwrap();
        let stale = world.take_over().await;
        let before = (world.head().await, world.facts().await.len());
        match stale.turn().await {
            Ok(progress) => assert!(
                matches!(progress, Progress::Idle | Progress::Again),
                "the stale worker wrote: {progress:?}"
            ),
            Err(error) => assert!(
                matches!(error, index::Error::Store(store::Error::Fenced { .. })),
                "{error:?}"
            ),
        }
        assert_eq!((world.head().await, world.facts().await.len()), before);
    }

    async fn track(&mut self, namespace: usize, contract: Option<u64>, from: u64) {
        let source = contract.map_or("*".to_owned(), |contract| account(100 + contract));
        if self
            .world()
            .track(NAMESPACES[namespace], &source, from)
            .await
        {
            self.tracked.push((namespace, contract, from));
        }
    }

    /// The expected rows of the projection, without their counts.
    fn expected(&self, first: Height) -> BTreeSet<(String, (String, String), String)> {
        let tree = self.tree();
        let blocks = tree.branch(&tree.head_hash(), first);
        let mut expected = BTreeSet::new();
        for (namespace, contract, from) in &self.tracked {
            for block in blocks.iter().filter(|block| block.height.0 >= *from) {
                let transfers = block.events.iter().filter_map(transfer);
                let covered = transfers.filter(|transfer| {
                    contract.is_none_or(|contract| account(100 + contract) == transfer.contract)
                });
                let hash = block.hash.clone();
                let row = |transfer: types::Transfer| {
                    let position = (transfer.transaction, transfer.path);
                    (NAMESPACES[*namespace].to_owned(), position, hash.clone())
                };
                expected.extend(covered.map(row));
            }
        }
        expected
    }

    async fn check(&self, keep_all: bool) {
        let (world, tree) = (self.world(), self.tree());
        let status = world.status().await.unwrap();
        let blocks = tree.branch(&tree.head_hash(), status.first);
        assert_eq!(world.canonical().await, blocks_of(&blocks));
        assert_eq!(world.inclusions().await, inclusions_of(&blocks));
        if keep_all {
            assert_eq!(world.events().await, events_of(&blocks));
        }
        let counted: Vec<Counted> = counting_projection::counted(&world.test.db).await;
        let rows = counted
            .iter()
            .map(|row| {
                let transfer = (row.transaction.clone(), row.path.clone());
                (row.namespace.clone(), transfer, row.block_hash.clone())
            })
            .collect();
        assert_eq!(self.expected(status.first), rows);
        let overlap = self
            .tracked
            .iter()
            .any(|(_, contract, _)| contract.is_none());
        assert!(
            overlap || counted.iter().all(|row| row.times == 1),
            "a transfer was applied twice: {counted:?}"
        );

        let due = blocks
            .last()
            .and_then(|tip| tip.height.0.checked_sub(self.depth))
            .filter(|due| *due >= status.first.0);
        assert!(
            self.watermark >= due,
            "the watermark is {:?}, expected {due:?}",
            self.watermark
        );
        let replayed = replay(&world.facts().await, false);
        assert_eq!(replayed.blocks, blocks_of(&blocks));
        assert_eq!(
            replayed.finalized,
            status.finalized.map(|tip| (tip.height.stored(), tip.hash))
        );
        verify_batches(world).await;
    }
}

/// The transactions of a block, for inclusion in another.
fn same_transactions(block: &types::Block) -> Vec<Tx> {
    block
        .inclusions
        .iter()
        .map(|inclusion| {
            let number = inclusion.replay_keys[0].as_nonce().unwrap();
            tx(number, &contracts_of(number))
        })
        .collect()
}

/// The contracts that emit events in a transaction.
fn contracts_of(number: u64) -> [u64; 2] {
    [number % CONTRACTS, (number / 3) % CONTRACTS]
}

async fn run(test: TestDb, history: History) {
    let tree = Tree::new(Finality::Depth {
        blocks: history.depth,
    });
    tree.mine_empty(2);
    let settings = Settings {
        start: history.start,
        store_all_events: history.keep_all,
        blocks_per_turn: history.blocks_per_turn,
    };
    let world = World::new(test, tree, settings).await;
    world
        .watch_signers("ns-a", (0..3).map(account).collect())
        .await;
    let (depth, tips, tracked) = (history.depth, Vec::new(), Vec::new());
    let mut model = Model {
        world: Some(world),
        depth,
        tips,
        highest: 2,
        created: 0,
        tracked,
        watermark: None,
    };
    for op in &history.ops {
        model.act(op).await;
        if history.crash_always && matches!(op, Op::Turn | Op::Backfill) {
            model.crash().await;
        }
    }
    model.tree().clear_faults();
    model.grow(5, 1); // beyond every start height
    model.world().run_until_idle().await;
    model.turn().await;
    model.check(history.keep_all).await;
}

#[test]
fn after_any_history_the_index_equals_one_that_saw_only_the_final_chain() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(40);
    let config = Config {
        failure_persistence: None,
        ..Config::with_cases(cases)
    };
    proptest!(config, |(history in history())| {
        runtime.block_on(on_each_engine(|test| run(test, history.clone())));
    });
}
