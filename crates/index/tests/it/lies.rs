//! A node that lies, forgets, or tears its answers: the follower tries again or says so, and never
//! writes a wrong row.

use crate::tree::{Tree, account, tx};
use crate::world::{EVERYTHING, World, events_of, names};
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
    world.settle().await;
    world
}

/// What is stored, facts included.
async fn stored(world: &World) -> (Vec<(i64, String)>, usize, usize, usize) {
    let (events, included) = (world.events().await.len(), world.included().await.len());
    (
        world.canonical().await,
        events,
        included,
        world.facts().await.len(),
    )
}

/// And when it is honest again, all is right.
async fn heals(world: &World) {
    world.chain.be_honest();
    assert_eq!(world.settle().await, Progress::Idle);
    let blocks = world.chain.branch(&world.chain.head_hash(), Height(0));
    assert_eq!(
        (world.canonical().await, world.events().await),
        (names(&blocks), events_of(&blocks))
    );
}

type Bend = (&'static str, fn(&mut Block));

const BENDS: [Bend; 9] = [
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
        let again = block.included[0].clone();
        block.included.push(again);
    }),
    (
        "a transaction that another block of the chain holds",
        |block| block.events[0].transaction = tx(1, &[]).id,
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn no_block_that_contradicts_itself_is_stored() {
    on_each_engine(|test| async move {
        let world = world(test).await;
        world.chain.mine(&[tx(4, &[1, 2])]);
        let before = stored(&world).await;
        for (what, bend) in BENDS {
            world.chain.bend(bend);
            let turn = world.follower().turn().await;
            assert!(turn.is_err(), "{what}: {turn:?}");
            let last = what.starts_with("a transaction");
            assert!(
                last || matches!(turn, Err(Error::Contradiction { .. })),
                "{what}: {turn:?}"
            );
            assert_eq!(stored(&world).await, before, "{what}");
        }
        heals(&world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_reader_is_as_strict() {
    on_each_engine(|test| async move {
        let world = world(test).await;
        world.track("ns-a", "*", 0).await;
        world.chain.bend(|block| block.hash = "0xelse".to_owned());
        let before = stored(&world).await;
        assert!(matches!(
            world.follower().backfill().await,
            Err(Error::Contradiction { .. })
        ));
        assert_eq!(stored(&world).await, before);
        heals(&world).await;
        assert_eq!(crate::ledger::counted(&world.test.db).await.len(), 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forgotten_torn_or_not_said_is_asked_again() {
    on_each_engine(|test| async move {
        let world = world(test).await;
        let tip = world.chain.head_hash();
        let next = world.chain.mine(&[tx(4, &[1])]);
        world.chain.mine(&[tx(5, &[1])]);
        let before = stored(&world).await;

        world.chain.forget(&next);
        assert_eq!(world.turn().await, Progress::Again);
        world.chain.be_honest();

        // Heights of a branch that leaves ours, whose blocks the node then does not have; of one
        // that is torn; and of one too short.
        let other = world.chain.grow(&tip, &[]);
        let strange = world.chain.grow(&other, &[]);
        world.chain.tell_heights_of(&strange);
        world.chain.forget(&other);
        assert_eq!(world.turn().await, Progress::Again);
        world.chain.be_honest();
        world.chain.tell_heights_of(&tip);
        assert_eq!(world.turn().await, Progress::Again);
        world.chain.be_honest();

        world.chain.silence();
        assert!(matches!(
            world.follower().turn().await,
            Err(Error::Chain(_))
        ));
        assert_eq!(stored(&world).await, before);
        heals(&world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_whose_roots_are_not_told_moves_nothing() {
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
        heals(&world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_no_database_takes_stops_nothing() {
    on_each_engine(|test| async move {
        let world = world(test).await;
        world.track("ns-a", "*", 0).await;
        world.settle().await;
        world.chain.mine(&[tx(4, &[1, 2])]);
        world.chain.bend(|block| {
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
            .rfind(|row| row.3 == 0)
            .unwrap();
        assert_eq!(row.5, "a\u{fffd}b");
        assert_eq!(crate::replay::verify_batches(&world).await, 8);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_of_many_rows_ends_a_transaction_and_loses_none() {
    on_each_engine(|test| async move {
        let world = world(test).await;
        let many: Vec<_> = (0..30)
            .map(|n| (account(100), crate::tree::MOVED, n))
            .collect();
        for number in 0..4u64 {
            let heavy: Vec<_> = (0..300)
                .map(|n| crate::tree::Tx {
                    events: many.clone(),
                    ..tx(1_000 + number * 300 + n, &[])
                })
                .collect();
            world.chain.mine(&heavy);
        }
        // 9,300 rows a block: the third passes the bound.
        assert_eq!(world.turn().await, Progress::Extended { to: Height(6) });
        assert_eq!(world.turn().await, Progress::Extended { to: Height(7) });
        heals(&world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lagging_node_moves_nothing() {
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
