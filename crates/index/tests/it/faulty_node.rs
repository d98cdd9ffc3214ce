//! A node that returns wrong, missing or inconsistent data: the worker retries or reports an error,
//! and never writes a wrong row.

use crate::tree::{Tree, account, tx};
use crate::world::{EVERYTHING, World, blocks_of, events_of};
use chain::Finality;
use index::{Error, Progress};
use testkit::on_each_engine;
use types::{Block, Height};

async fn world(test: testkit::TestDb) -> World {
    let world = World::new(test, Tree::new(Finality::Depth { blocks: 4 }), EVERYTHING).await;
    world
        .watch_signers("ns-a", (0..3).map(account).collect())
        .await;
    for number in 0..3 {
        world.chain.mine(&[tx(number, &[0])]);
    }
    world.run_until_idle().await;
    world
}

/// A summary of the stored rows: blocks, and the number of events, inclusions and facts.
async fn stored(world: &World) -> (Vec<(i64, String)>, usize, usize, usize) {
    let (events, inclusions) = (world.events().await.len(), world.inclusions().await.len());
    (
        world.canonical().await,
        events,
        inclusions,
        world.facts().await.len(),
    )
}

/// Removes all faults, and checks that the index ends with the node's chain.
async fn assert_recovers(world: &World) {
    world.chain.clear_faults();
    assert_eq!(world.run_until_idle().await, Progress::Idle);
    let blocks = world.chain.branch(&world.chain.head_hash(), Height(0));
    assert_eq!(
        (world.canonical().await, world.events().await),
        (blocks_of(&blocks), events_of(&blocks))
    );
}

type Corruption = (&'static str, fn(&mut Block));

const CORRUPTIONS: [Corruption; 9] = [
    ("another hash", |block| {
        block.hash = format!("0x{}", "ab".repeat(32))
    }),
    ("another parent", |block| {
        block.parent = format!("0x{}", "cd".repeat(32))
    }),
    ("another height", |block| {
        block.height = Height(block.height.0 + 1)
    }),
    ("another chain", |block| {
        block.chain = types::ChainId::evm(1)
    }),
    ("events out of order", |block| block.events.reverse()),
    ("one event twice", |block| {
        let again = block.events[0].clone();
        block.events.insert(0, again);
    }),
    ("two events of one identity", |block| {
        let path = block.events[0].path.clone();
        block.events[1].path = path;
    }),
    ("one nonce used twice", |block| {
        let again = block.inclusions[0].clone();
        block.inclusions.push(again);
    }),
    (
        "a transaction that another block of the chain holds",
        |block| block.events[0].transaction = tx(1, &[]).id,
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_inconsistent_block_is_never_stored() {
    on_each_engine(|test| async move {
        let world = world(test).await;
        world.chain.mine(&[tx(4, &[1, 2])]);
        let before = stored(&world).await;
        for (name, corrupt) in CORRUPTIONS {
            world.chain.corrupt_blocks(corrupt);
            let turn = world.worker().turn().await;
            assert!(turn.is_err(), "{name}: {turn:?}");
            // The last one is consistent in itself; the database rejects it.
            let last = name.starts_with("a transaction");
            assert!(
                last || matches!(turn, Err(Error::InconsistentBlock { .. })),
                "{name}: {turn:?}"
            );
            assert_eq!(stored(&world).await, before, "{name}");
        }
        assert_recovers(&world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn backfill_rejects_inconsistent_blocks_too() {
    on_each_engine(|test| async move {
        let world = world(test).await;
        world.track("ns-a", "*", 0).await;
        world
            .chain
            .corrupt_blocks(|block| block.hash = "0xelse".to_owned());
        let before = stored(&world).await;
        assert!(matches!(
            world.worker().backfill().await,
            Err(Error::InconsistentBlock { .. })
        ));
        assert_eq!(stored(&world).await, before);
        assert_recovers(&world).await;
        assert_eq!(
            crate::counting_projection::counted(&world.test.db)
                .await
                .len(),
            3
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_and_broken_responses_are_requested_again() {
    on_each_engine(|test| async move {
        let world = world(test).await;
        let tip = world.chain.head_hash();
        let next = world.chain.mine(&[tx(4, &[1])]);
        world.chain.mine(&[tx(5, &[1])]);
        let before = stored(&world).await;

        world.chain.forget(&next);
        assert_eq!(world.turn().await, Progress::Again);
        world.chain.clear_faults();

        // Heights of another branch whose blocks the node then lacks, and of a branch that is too
        // short.
        let other = world.chain.grow(&tip, &[]);
        let other_tip = world.chain.grow(&other, &[]);
        world.chain.serve_heights_of(&other_tip);
        world.chain.forget(&other);
        assert_eq!(world.turn().await, Progress::Again);
        world.chain.clear_faults();
        world.chain.serve_heights_of(&tip);
        assert_eq!(world.turn().await, Progress::Again);
        world.chain.clear_faults();

        world.chain.stop_responding();
        assert!(matches!(world.worker().turn().await, Err(Error::Chain(_))));
        assert_eq!(stored(&world).await, before);
        assert_recovers(&world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_with_missing_ancestors_changes_nothing() {
    on_each_engine(|test| async move {
        let world = world(test).await;
        let base = world.chain.at(&world.chain.head_hash(), Height(1)).unwrap();
        let middle = world.chain.grow(&base, &[]);
        let end = world.chain.grow(&middle, &[]);
        let end = world.chain.grow(&end, &[]);
        world.chain.switch_to(&end);
        world.chain.forget(&middle);
        let before = stored(&world).await;
        assert_eq!(world.turn().await, Progress::Again);
        assert_eq!(stored(&world).await, before);
        assert_recovers(&world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_with_nul_characters_is_sanitized_and_stored() {
    on_each_engine(|test| async move {
        let world = world(test).await;
        world.track("ns-a", "*", 0).await;
        world.run_until_idle().await;
        world.chain.mine(&[tx(4, &[1, 2])]);
        world.chain.corrupt_blocks(|block| {
            if let Some(event) = block.events.first_mut() {
                (event.body, event.topic, event.source) =
                    ("a\0b".to_owned(), "\0".to_owned(), "c\0".repeat(20_000));
            }
        });
        assert_eq!(world.turn().await, Progress::Extended { to: Height(4) });
        let row = world
            .events()
            .await
            .into_iter()
            .rfind(|row| row.index == 0)
            .unwrap();
        assert_eq!(row.body, "a\u{fffd}b");
        assert_eq!(crate::replay::verify_batches(&world).await, 8);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_with_many_rows_are_split_over_transactions_and_none_is_lost() {
    on_each_engine(|test| async move {
        let world = world(test).await;
        let events: Vec<_> = (0..30)
            .map(|n| (account(100), crate::tree::TRANSFER_TOPIC, n))
            .collect();
        for number in 0..4u64 {
            let transactions: Vec<_> = (0..300)
                .map(|n| crate::tree::Tx {
                    events: events.clone(),
                    ..tx(1_000 + number * 300 + n, &[])
                })
                .collect();
            world.chain.mine(&transactions);
        }
        // 9,300 rows per block: the third block exceeds the limit.
        assert_eq!(world.turn().await, Progress::Extended { to: Height(6) });
        assert_eq!(world.turn().await, Progress::Extended { to: Height(7) });
        assert_recovers(&world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lagging_node_changes_nothing() {
    on_each_engine(|test| async move {
        let world = world(test).await;
        let before = stored(&world).await;
        for lag in 1..=3 {
            world.chain.lag(lag);
            assert_eq!(world.turn().await, Progress::Idle);
        }
        assert_eq!(stored(&world).await, before);
    })
    .await;
}
