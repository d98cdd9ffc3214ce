//! Who tracks what: from where on, late, twice, no longer; and level with the committer without
//! losing or doubling anything.

use crate::ledger::{self, NAME};
use crate::replay::{replay, verify_batches};
use crate::tree::{Tree, account, tx};
use crate::world::{EVERYTHING, World, user};
use chain::Finality;
use index::{Applied, Dropped, Error, Follower, Progress, Projection, Settings};
use std::sync::Arc;
use store::Unbound;
use testkit::on_each_engine;

const WATCHED_ONLY: Settings = Settings {
    keep_all: false,
    ..EVERYTHING
};

fn tree() -> Arc<Tree> {
    Tree::new(Finality::Depth { blocks: 5 })
}

/// What is counted for a namespace: how many transfers, and the most times that one of them was
/// applied.
async fn counted(world: &World, who: &str) -> (usize, i64) {
    let rows = ledger::counted(&world.test.db).await;
    let mine: Vec<i64> = rows
        .into_iter()
        .filter(|row| row.0 == who)
        .map(|row| row.4)
        .collect();
    (mine.len(), mine.into_iter().max().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_late_gets_what_was_not_kept() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree(), WATCHED_ONLY).await;
        for number in 0..120 {
            world.chain.mine(&[tx(number, &[number % 2, 2])]);
        }
        world.settle().await;
        assert_eq!(world.events().await, vec![]);
        assert!(world.track("ns-a", &account(100), 0).await);
        assert!(world.track("ns-b", "*", 101).await);
        world.settle().await;
        assert_eq!(counted(&world, "ns-a").await, (60, 1));
        assert_eq!(counted(&world, "ns-b").await, (40, 1));
        world.chain.mine(&[tx(200, &[0]), tx(201, &[1])]);
        world.settle().await;
        assert_eq!(counted(&world, "ns-a").await, (61, 1));
        assert_eq!(counted(&world, "ns-b").await, (42, 1));
        assert!(verify_batches(&world).await > 60);
        replay(&world.facts().await, false);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_of_the_future_waits_for_its_block() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree(), EVERYTHING).await;
        world.track("ns-a", "*", 6).await;
        assert_eq!(world.backfill().await, 0, "nobody follows yet");
        world.settle().await;
        world.settle().await;
        let scopes = index::scopes(&world.index(), &user("ns-a"), &world.id())
            .await
            .unwrap();
        assert_eq!(
            (scopes[0].version, scopes[0].level),
            (1, false),
            "waiting writes nothing"
        );
        let writes = world.facts().await.len();
        for number in 1..=8 {
            world.chain.mine(&[tx(number, &[0])]);
            world.settle().await;
        }
        assert_eq!(counted(&world, "ns-a").await, (3, 1), "blocks 6, 7 and 8");
        // Back below where it begins: it waits again.
        let end = world.chain.head_hash();
        let mut other = world.chain.at(&end, types::Height(4)).unwrap();
        for number in 11..=13 {
            other = world.chain.grow(&other, &[tx(number, &[0])]);
            world.chain.switch_to(&other);
            world.settle().await;
        }
        assert_eq!(
            counted(&world, "ns-a").await,
            (2, 1),
            "the other blocks 6 and 7"
        );
        assert!(world.facts().await.len() > writes);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tracking_twice_is_tracking_once_and_sources_are_addresses() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree(), EVERYTHING).await;
        world.chain.mine(&[tx(1, &[0])]);
        assert!(world.track("ns-a", &account(100), 0).await);
        assert!(!world.track("ns-a", &account(100), 5).await);
        assert!(
            world.track("ns-b", &account(100), 5).await,
            "each namespace for itself"
        );
        let scopes = index::scopes(&world.index(), &user("ns-a"), &world.id())
            .await
            .unwrap();
        assert_eq!((scopes.len(), scopes[0].from.0), (1, 0));
        world.settle().await;
        let scopes = index::scopes(&world.index(), &user("ns-a"), &world.id())
            .await
            .unwrap();
        assert!(scopes[0].level);
        for wrong in [
            "",
            "0x12",
            "somewhere",
            &"0".repeat(500),
            "0x00000000000000000000000000000000000000AB",
        ] {
            let wanted = world.wanted(wrong);
            let refused =
                index::track(&world.index(), &user("ns-a"), &wanted, types::Height(0)).await;
            let right = matches!(refused, Err(Error::Source { .. })) || wrong.ends_with("AB");
            assert!(right, "{wrong}: {refused:?}");
        }
        assert!(
            index::untrack(&world.index(), &user("ns-b"), &world.wanted(&account(100)))
                .await
                .unwrap()
        );
        assert!(
            !index::untrack(&world.index(), &user("ns-b"), &world.wanted(&account(100)))
                .await
                .unwrap()
        );
        let kinds: Vec<String> = world
            .facts_of("api/0")
            .await
            .into_iter()
            .map(|fact| fact.kind)
            .collect();
        assert!(
            kinds.starts_with(&["index.tracked".to_owned(), "index.tracked".to_owned()]),
            "{kinds:?}"
        );
        assert_eq!(kinds.last().unwrap(), "index.untracked");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_projected_stays_and_can_be_taken_up_again() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree(), WATCHED_ONLY).await;
        world.chain.mine(&[tx(1, &[0])]);
        world.track("ns-a", &account(100), 0).await;
        world.settle().await;
        index::untrack(&world.index(), &user("ns-a"), &world.wanted(&account(100)))
            .await
            .unwrap();
        world.chain.mine(&[tx(2, &[0])]);
        world.settle().await;
        assert_eq!(counted(&world, "ns-a").await.0, 1);
        world.track("ns-a", &account(100), 0).await;
        world.settle().await;
        assert_eq!(
            counted(&world, "ns-a").await.0,
            2,
            "the one between, and no other twice by its key"
        );
        assert!(verify_batches(&world).await >= 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_that_overlap_give_each_transfer_to_a_namespace_once_when_level() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree(), EVERYTHING).await;
        for source in ["*", &account(100), &account(101)] {
            world.track("ns-a", source, 0).await;
        }
        world.settle().await;
        world.chain.mine(&[tx(1, &[0, 1, 2])]);
        world.settle().await;
        assert_eq!(counted(&world, "ns-a").await, (3, 1));
    })
    .await;
}

/// Blocks are on their way to the committer that were asked for without the scope; meanwhile it
/// joins and is level.
#[tokio::test(flavor = "multi_thread")]
async fn who_becomes_level_while_blocks_are_under_way_misses_none() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree(), WATCHED_ONLY).await;
        world.settle().await;
        let next = world.chain.mine(&[tx(1, &[0])]);
        let gate = world.chain.hold(&next);
        let follower = world.follower();
        let under_way = tokio::spawn(async move { follower.turn().await });
        gate.reached().await;
        world.track("ns-a", &account(100), 1).await;
        assert_eq!(world.backfill().await, 0);
        let scopes = index::scopes(&world.index(), &user("ns-a"), &world.id())
            .await
            .unwrap();
        assert!(scopes[0].level, "nothing is stored that it has not seen");
        gate.open();
        assert_eq!(
            under_way.await.unwrap().unwrap(),
            Progress::Again,
            "what was fetched lacks its events"
        );
        world.settle().await;
        assert_eq!(counted(&world, "ns-a").await, (1, 1));
        assert_eq!(world.events().await.len(), 1);
    })
    .await;
}

/// The block that a scope reads is reorganised away before it writes.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_read_of_a_block_that_is_gone_writes_nothing() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree(), WATCHED_ONLY).await;
        let base = world.chain.mine(&[tx(1, &[0])]);
        let gone = world.chain.mine(&[tx(2, &[0])]);
        world.settle().await;
        let other = world.chain.grow(&base, &[tx(3, &[0])]);
        world.track("ns-a", "*", 0).await;
        let gate = world.chain.hold(&gone);
        let follower = world.follower();
        let late = tokio::spawn(async move { follower.backfill().await });
        gate.reached().await;
        world.chain.switch_to(&other);
        assert_eq!(
            world.turn().await,
            Progress::Rewound {
                to: types::Height(1)
            }
        );
        assert_eq!(
            world.turn().await,
            Progress::Extended {
                to: types::Height(2)
            }
        );
        gate.open();
        assert_eq!(late.await.unwrap().unwrap(), 0);
        assert_eq!(counted(&world, "ns-a").await, (0, 0));
        world.settle().await;
        assert_eq!(counted(&world, "ns-a").await, (2, 1));
        let sources: Vec<(String,)> = world
            .rows("SELECT DISTINCT block_hash FROM counted ORDER BY block_hash")
            .await;
        assert!(!sources.contains(&(gone,)));
    })
    .await;
}

/// One that cannot take what it is given.
struct Picky;

impl Projection for Picky {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&self, tx: &mut Unbound<'_, '_>, applied: &[Applied]) -> store::Result<()> {
        assert!(
            applied.iter().all(|one| one.namespace.as_str() != "ns-bad"),
            "what a mess"
        );
        ledger::Ledger.apply(tx, applied)
    }

    fn undo(&self, tx: &mut Unbound<'_, '_>, dropped: &[Dropped]) -> store::Result<()> {
        ledger::Ledger.undo(tx, dropped)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_that_cannot_be_projected_is_set_aside_and_stops_no_other() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree(), EVERYTHING).await;
        world.chain.mine(&[tx(1, &[0])]);
        world.settle().await;
        world.track("ns-bad", "*", 0).await;
        world.track("ns-good", "*", 0).await;
        let projections: Vec<Arc<dyn Projection>> = vec![Arc::new(Picky)];
        let (db, lease) = (world.test.db.clone(), world.lease.clone());
        let follower = Follower::new(db, lease, world.chain.clone(), projections, EVERYTHING);
        assert_eq!(follower.backfill().await.unwrap(), 2);
        world.chain.mine(&[tx(2, &[0])]);
        assert_eq!(
            follower.turn().await.unwrap(),
            Progress::Extended {
                to: types::Height(2)
            }
        );
        assert_eq!(counted(&world, "ns-good").await, (2, 1));
        let scopes = index::scopes(&world.index(), &user("ns-bad"), &world.id())
            .await
            .unwrap();
        assert!(
            scopes[0]
                .quarantined
                .as_ref()
                .unwrap()
                .contains("what a mess")
                && !scopes[0].level
        );
        assert!(
            world
                .facts()
                .await
                .iter()
                .any(|fact| fact.kind == "index.set_aside")
        );
        drop(follower);

        index::untrack(&world.index(), &user("ns-bad"), &world.wanted("*"))
            .await
            .unwrap();
        world.track("ns-bad", "*", 0).await;
        world.settle().await;
        assert_eq!(
            counted(&world, "ns-bad").await,
            (2, 1),
            "the projection was mended"
        );
    })
    .await;
}
