//! Work that exceeds the budget of one transaction is split over several.

use crate::counting_projection::{self, CountingProjection, counted};
use crate::tree::{Tree, tx};
use crate::world::{EVERYTHING, World, blocks_of, events_of};
use chain::Finality;
use index::{BlockId, NamespaceBlocks, Progress, Projection, Settings, Worker};
use std::sync::Arc;
use store::UnscopedTx;
use testkit::on_each_engine;
use types::Height;

/// A projection whose blocks cost as much as if a hundred namespaces tracked them.
struct ExpensiveProjection;

impl Projection for ExpensiveProjection {
    fn name(&self) -> &'static str {
        counting_projection::NAME
    }

    fn apply(&self, tx: &mut UnscopedTx, applied: &[NamespaceBlocks]) -> store::Result<()> {
        applied
            .iter()
            .flat_map(|applied| &applied.blocks)
            .try_for_each(|_| spend(tx))?;
        CountingProjection.apply(tx, applied)
    }

    fn undo(&self, tx: &mut UnscopedTx, dropped: &[BlockId]) -> store::Result<()> {
        CountingProjection.undo(tx, dropped)?;
        dropped.iter().try_for_each(|_| spend(tx))
    }
}

/// Spends a third of a transaction's budget.
fn spend(tx: &mut UnscopedTx) -> store::Result<()> {
    (0..1_500).try_for_each(|_| {
        tx.row::<(i64,)>("SELECT COUNT(*) FROM counted WHERE times < 0", ())
            .map(drop)
    })
}

fn expensive_worker(world: &World) -> Worker {
    let settings = Settings {
        blocks_per_turn: 10,
        ..EVERYTHING
    };
    world.worker_with(Arc::new(ExpensiveProjection), settings)
}

#[tokio::test(flavor = "multi_thread")]
async fn work_beyond_the_budget_of_a_transaction_is_split() {
    on_each_engine(|test| async move {
        let world = World::new(test, Tree::new(Finality::Depth { blocks: 6 }), EVERYTHING).await;
        world.track("ns-a", "*", 0).await;
        assert_eq!(world.run_until_idle().await, Progress::Idle);
        for number in 0..10 {
            world.chain.mine(&[tx(number, &[0])]);
        }
        let worker = expensive_worker(&world);
        assert_eq!(
            worker.turn().await,
            Ok(Progress::Extended { to: Height(2) }),
            "two of ten blocks at a time"
        );
        while worker.turn().await.unwrap() != Progress::Idle {}
        assert_eq!(
            world.final_height().await,
            Some(4),
            "the watermark follows the stored head"
        );

        let mut end = world.chain.at(&world.chain.head_hash(), Height(5)).unwrap();
        for number in 20..26 {
            end = world.chain.grow(&end, &[tx(number, &[1])]);
        }
        world.chain.switch_to(&end);
        assert_eq!(
            worker.turn().await,
            Ok(Progress::Rewound { to: Height(7) }),
            "the first part"
        );
        assert_eq!(
            worker.turn().await,
            Ok(Progress::Rewound { to: Height(5) }),
            "the rest"
        );
        while worker.turn().await.unwrap() != Progress::Idle {}
        assert_matches_branch(&world, &end).await;
    })
    .await;
}

async fn assert_matches_branch(world: &World, end: &str) {
    let blocks = world.chain.branch(end, Height(0));
    assert_eq!(
        (world.canonical().await, world.events().await),
        (blocks_of(&blocks), events_of(&blocks))
    );
    assert_applied_once(world, 11).await;
}

async fn assert_applied_once(world: &World, transfers: usize) {
    let times: Vec<i64> = counted(&world.test.db)
        .await
        .into_iter()
        .map(|row| row.times)
        .collect();
    assert_eq!(times, vec![1; transfers], "each transfer is applied once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_beyond_the_budget_of_a_transaction_is_split() {
    on_each_engine(|test| async move {
        let world = World::new(test, Tree::new(Finality::Depth { blocks: 6 }), EVERYTHING).await;
        for number in 0..10 {
            world.chain.mine(&[tx(number, &[0])]);
        }
        assert_eq!(world.run_until_idle().await, Progress::Idle);
        world.track("ns-a", "*", 0).await;
        let worker = expensive_worker(&world);
        while worker.backfill().await.unwrap() > 0 {}
        assert_applied_once(&world, 10).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_commits_as_many_blocks_as_the_settings_allow() {
    on_each_engine(|test| async move {
        let settings = Settings {
            blocks_per_turn: *index::BLOCKS_PER_TURN.end(),
            ..EVERYTHING
        };
        let tree = Tree::new(Finality::Depth { blocks: 5_000 });
        let world = World::new(test, tree, settings).await;
        let genesis = world.chain.head_hash();
        for number in 0..1_000 {
            world.chain.mine(&[tx(number, &[0])]);
        }
        let branch = world.chain.head_hash();
        let (to, end) = (Height(999), Height(1_000));
        assert_eq!(world.turn().await, Progress::Extended { to });
        assert_eq!(world.turn().await, Progress::Extended { to: end });
        world.track("ns-a", "*", 0).await;
        assert_eq!(world.backfill().await, 1_000);

        // Blocks that return take the most statements.
        let other = world.chain.grow(&genesis, &[]);
        world.chain.switch_to(&other);
        world.run_until_idle().await;
        world.chain.switch_to(&branch);
        assert_eq!(world.run_until_idle().await, Progress::Idle);
        assert_eq!(world.canonical().await.len(), 1_001);
    })
    .await;
}
