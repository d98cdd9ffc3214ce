//! Random histories of a chain and of those who follow it, against a model that is nothing but the
//! tree of blocks.

use crate::ledger::{self, Counted};
use crate::replay::{replay, verify_batches};
use crate::tree::{Tree, Tx, account, transfer, tx};
use crate::world::{World, events_of, included_of, names};
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

/// One thing that happens.
#[derive(Debug, Clone)]
enum Op {
    /// The head grows.
    Grow {
        blocks: u64,
        txs: u64,
    },
    /// A branch leaves the chain some blocks below the head and grows; transactions of the blocks
    /// beside it may stand in it again.
    Fork {
        back: u64,
        blocks: u64,
        again: bool,
        switch: bool,
    },
    /// The head moves to the end of a branch.
    Switch {
        which: usize,
    },
    /// The head moves while the follower asks.
    Flip {
        which: usize,
        after: u64,
    },
    /// The node falls behind, or catches up.
    Lag {
        blocks: u64,
    },
    Turn,
    Backfill,
    Crash,
    /// Another owner takes over; the old one tries to go on.
    TakeOver,
    /// A namespace asks for a contract, or for all.
    Track {
        who: usize,
        contract: Option<u64>,
        from: u64,
    },
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (1..4u64, 0..3u64).prop_map(|(blocks, txs)| Op::Grow { blocks, txs }),
        3 => (1..4u64, 1..5u64, any::<bool>(), any::<bool>())
            .prop_map(|(back, blocks, again, switch)| Op::Fork { back, blocks, again, switch }),
        3 => any::<usize>().prop_map(|which| Op::Switch { which }),
        2 => (any::<usize>(), 0..9u64).prop_map(|(which, after)| Op::Flip { which, after }),
        1 => (0..3u64).prop_map(|blocks| Op::Lag { blocks }),
        8 => Just(Op::Turn),
        3 => Just(Op::Backfill),
        1 => Just(Op::Crash),
        1 => Just(Op::TakeOver),
        1 => (0..2usize, proptest::option::of(0..CONTRACTS), 0..6u64)
            .prop_map(|(who, contract, from)| Op::Track { who, contract, from }),
    ]
}

#[derive(Debug, Clone)]
struct Story {
    depth: u64,
    start: Start,
    keep_all: bool,
    blocks_per_turn: u64,
    crash_always: bool,
    ops: Vec<Op>,
}

fn story() -> impl Strategy<Value = Story> {
    let start = prop_oneof![Just(Start::Latest), (0..5u64).prop_map(Start::Height)];
    let settings = (
        1..4u64,
        start,
        any::<bool>(),
        1..5u64,
        proptest::bool::weighted(0.2),
    );
    (settings, proptest::collection::vec(op(), 5..40)).prop_map(
        |((depth, start, keep_all, blocks_per_turn, crash_always), ops)| Story {
            depth,
            start,
            keep_all,
            blocks_per_turn,
            crash_always,
            ops,
        },
    )
}

/// What the model knows.
struct Model {
    world: Option<World>,
    depth: u64,
    /// Ends of branches.
    tips: Vec<String>,
    /// The highest that the head ever was: what a watermark can follow from.
    highest: u64,
    made: u64,
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
        let number = self.made;
        self.made += count;
        (number..number + count)
            .map(|number| tx(number, &[number % CONTRACTS, (number / 3) % CONTRACTS]))
            .collect()
    }

    fn note_head(&mut self) {
        let head = self.tree().head_hash();
        self.highest = self.highest.max(self.tree().name(&head).height.0);
    }

    /// A chain with this finality never leaves a block that is so deep.
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

    fn fork(&mut self, back: u64, blocks: u64, again: bool, switch: bool) {
        let tree = self.tree();
        let head = tree.head_hash();
        let height = tree.name(&head).height.0;
        let base = height.saturating_sub(back);
        let left = tree.branch(&head, Height(base + 1));
        let mut end = tree.at(&head, Height(base)).unwrap();
        for place in 0..blocks {
            let old = left
                .get(place as usize)
                .filter(|_| again)
                .map(same_transactions);
            let transactions = match old {
                Some(old) => old,
                None if again => Vec::new(),
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

    /// The end of a branch that the head may move to.
    fn branch(&self, which: usize) -> Option<String> {
        let head = self.tree().head_hash();
        let open: Vec<&String> = self
            .tips
            .iter()
            .filter(|tip| self.may_switch(&head, tip))
            .collect();
        (!open.is_empty()).then(|| open[which % open.len()].clone())
    }

    async fn act(&mut self, op: &Op) {
        // A flip that never came must not outlive the reasoning about how deep a branch may leave.
        if !matches!(op, Op::Turn | Op::Backfill) {
            let lag = self.tree();
            lag.flip_now();
            self.note_head();
        }
        match op {
            Op::Grow { blocks, txs } => self.grow(*blocks, *txs),
            Op::Fork {
                back,
                blocks,
                again,
                switch,
            } => self.fork(*back, *blocks, *again, *switch),
            Op::Switch { which } => self.switch(*which),
            Op::Flip { which, after } => self.flip(*which, *after),
            Op::Lag { blocks } => self.tree().lag((*blocks).min(self.tree_height())),
            Op::Turn => self.turn().await,
            Op::Backfill => drop(self.world().backfill().await),
            Op::Crash => self.crash().await,
            Op::TakeOver => self.take_over().await,
            Op::Track {
                who,
                contract,
                from,
            } => self.track(*who, *contract, *from).await,
        }
    }

    fn tree_height(&self) -> u64 {
        let tree = self.tree();
        tree.name(&tree.head_hash()).height.0
    }

    fn switch(&mut self, which: usize) {
        if let Some(to) = self.branch(which) {
            self.tips.push(self.tree().head_hash());
            self.tree().switch_to(&to);
            self.note_head();
        }
    }

    fn flip(&mut self, which: usize, after: u64) {
        if let Some(to) = self.branch(which) {
            self.tips.push(self.tree().head_hash());
            let height = self.tree().name(&to).height.0;
            self.tree().flip_after(after, &to);
            self.highest = self.highest.max(height);
        }
    }

    async fn turn(&mut self) {
        let progress = self.world().turn().await;
        assert_ne!(
            progress,
            Progress::Halted,
            "no branch leaves below what is final"
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
        let late = world.take_over().await;
        let before = (world.head().await, world.facts().await.len());
        match late.turn().await {
            Ok(progress) => assert!(
                matches!(progress, Progress::Idle | Progress::Again),
                "it wrote: {progress:?}"
            ),
            Err(error) => assert!(
                matches!(error, index::Error::Store(store::Error::Fenced { .. })),
                "{error:?}"
            ),
        }
        assert_eq!((world.head().await, world.facts().await.len()), before);
    }

    async fn track(&mut self, who: usize, contract: Option<u64>, from: u64) {
        let source = contract.map_or("*".to_owned(), |contract| account(100 + contract));
        if self.world().track(NAMESPACES[who], &source, from).await {
            self.tracked.push((who, contract, from));
        }
    }

    /// What the projection should hold, times aside.
    fn expected(&self, first: Height) -> BTreeSet<(String, String, String, String)> {
        let tree = self.tree();
        let blocks = tree.branch(&tree.head_hash(), first);
        let mut expected = BTreeSet::new();
        for (who, contract, from) in &self.tracked {
            for block in blocks.iter().filter(|block| block.height.0 >= *from) {
                let moved = block.events.iter().filter_map(transfer);
                let wanted = moved.filter(|one| {
                    contract.is_none_or(|contract| account(100 + contract) == one.contract)
                });
                let hash = block.hash.clone();
                let row = |one: types::Transfer| {
                    (
                        NAMESPACES[*who].to_owned(),
                        one.transaction,
                        one.path,
                        hash.clone(),
                    )
                };
                expected.extend(wanted.map(row));
            }
        }
        expected
    }

    async fn check(&self, keep_all: bool) {
        let (world, tree) = (self.world(), self.tree());
        let status = world.status().await.unwrap();
        let blocks = tree.branch(&tree.head_hash(), status.first);
        assert_eq!(world.canonical().await, names(&blocks));
        assert_eq!(world.included().await, included_of(&blocks));
        if keep_all {
            assert_eq!(world.events().await, events_of(&blocks));
        }
        let counted: Vec<Counted> = ledger::counted(&world.test.db).await;
        let rows = counted
            .iter()
            .map(|(a, b, c, d, _)| (a.clone(), b.clone(), c.clone(), d.clone()))
            .collect();
        assert_eq!(self.expected(status.first), rows);
        let overlap = self
            .tracked
            .iter()
            .any(|(_, contract, _)| contract.is_none());
        assert!(
            overlap || counted.iter().all(|row| row.4 == 1),
            "something was applied twice: {counted:?}"
        );

        let due = blocks
            .last()
            .and_then(|tip| tip.height.0.checked_sub(self.depth))
            .filter(|due| *due >= status.first.0);
        assert!(
            self.watermark >= due,
            "{:?} is final, and {due:?} should be",
            self.watermark
        );
        let known = replay(&world.facts().await, false);
        assert_eq!(known.blocks, names(&blocks));
        assert_eq!(
            known.finalized,
            status.finalized.map(|tip| (tip.height.stored(), tip.hash))
        );
        verify_batches(world).await;
    }
}

/// The transactions of a block, as they would stand in another.
fn same_transactions(block: &types::Block) -> Vec<Tx> {
    block
        .included
        .iter()
        .map(|one| {
            tx(
                one.witnesses[0].as_nonce().unwrap(),
                &[one_of(one), other_of(one)],
            )
        })
        .collect()
}

fn one_of(one: &types::Included) -> u64 {
    one.witnesses[0].as_nonce().unwrap() % CONTRACTS
}

fn other_of(one: &types::Included) -> u64 {
    (one.witnesses[0].as_nonce().unwrap() / 3) % CONTRACTS
}

async fn run(test: TestDb, story: Story) {
    let tree = Tree::new(Finality::Depth {
        blocks: story.depth,
    });
    tree.mine_empty(2);
    let settings = Settings {
        start: story.start,
        keep_all: story.keep_all,
        blocks_per_turn: story.blocks_per_turn,
    };
    let world = World::new(test, tree, settings).await;
    world
        .watch_signers("ns-a", (0..3).map(account).collect())
        .await;
    let (depth, tips, tracked) = (story.depth, Vec::new(), Vec::new());
    let mut model = Model {
        world: Some(world),
        depth,
        tips,
        highest: 2,
        made: 0,
        tracked,
        watermark: None,
    };
    for op in &story.ops {
        model.act(op).await;
        if story.crash_always && matches!(op, Op::Turn | Op::Backfill) {
            model.crash().await;
        }
    }
    model.tree().be_honest();
    model.grow(5, 1); // past every start
    model.world().settle().await;
    model.turn().await;
    model.check(story.keep_all).await;
}

#[test]
fn whatever_the_chain_does_the_index_ends_as_one_that_saw_the_end_only() {
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
    proptest!(config, |(story in story())| {
        runtime.block_on(on_each_engine(|test| run(test, story.clone())));
    });
}
