//! Scopes: added late, twice, removed, and caught up with the committer without losing or
//! duplicating a transfer.

use crate::counting_projection::{self, NAME};
use crate::replay::{replay, verify_batches};
use crate::tree::{Tree, account, tx};
use crate::world::{EVERYTHING, World, user};
use chain::Finality;
use index::{BlockId, Error, NamespaceBlocks, Progress, Projection, Settings};
use std::sync::Arc;
use store::UnscopedTx;
use testkit::on_each_engine;

const WATCHED_ONLY: Settings = Settings {
    store_all_events: false,
    ..EVERYTHING
};

fn tree() -> Arc<Tree> {
    Tree::new(Finality::Depth { blocks: 5 })
}

/// The number of transfers counted for a namespace, and how often the most applied one was applied.
async fn counted(world: &World, namespace: &str) -> (usize, i64) {
    let rows = counting_projection::counted(&world.test.db).await;
    let times: Vec<i64> = rows
        .into_iter()
        .filter(|row| row.namespace == namespace)
        .map(|row| row.times)
        .collect();
    (times.len(), times.into_iter().max().unwrap_or_default())
}

/// The only scope of a namespace.
async fn only_scope(world: &World, namespace: &str) -> index::Scope {
    let mut scopes = index::scopes(&world.index(), &user(namespace), &world.id())
        .await
        .unwrap();
    assert_eq!(scopes.len(), 1);
    scopes.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_scope_receives_events_that_were_not_stored() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree(), WATCHED_ONLY).await;
        for number in 0..120 {
            world.chain.mine(&[tx(number, &[number % 2, 2])]);
        }
        world.run_until_idle().await;
        assert_eq!(world.events().await, vec![]);
        assert!(world.track("ns-a", &account(100), 0).await);
        assert!(world.track("ns-b", "*", 101).await);
        world.run_until_idle().await;
        assert_eq!(counted(&world, "ns-a").await, (60, 1));
        assert_eq!(counted(&world, "ns-b").await, (40, 1));
        world.chain.mine(&[tx(200, &[0]), tx(201, &[1])]);
        world.run_until_idle().await;
        assert_eq!(counted(&world, "ns-a").await, (61, 1));
        assert_eq!(counted(&world, "ns-b").await, (42, 1));
        assert!(verify_batches(&world).await > 60);
        replay(&world.facts().await, false);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_waits_for_its_start_height() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree(), EVERYTHING).await;
        world.track("ns-a", "*", 6).await;
        assert_eq!(world.backfill().await, 0, "no block is stored yet");
        world.run_until_idle().await;
        world.run_until_idle().await;
        let scope = only_scope(&world, "ns-a").await;
        assert_eq!(
            (scope.version, scope.caught_up),
            (1, false),
            "waiting writes nothing"
        );
        let fact_count = world.facts().await.len();
        for number in 1..=8 {
            world.chain.mine(&[tx(number, &[0])]);
            world.run_until_idle().await;
        }
        assert_eq!(counted(&world, "ns-a").await, (3, 1), "blocks 6, 7 and 8");
        // Rewound below its start height: it waits again.
        let end = world.chain.head_hash();
        let mut other = world.chain.at(&end, types::Height(4)).unwrap();
        for number in 11..=13 {
            other = world.chain.grow(&other, &[tx(number, &[0])]);
            world.chain.switch_to(&other);
            world.run_until_idle().await;
        }
        assert_eq!(
            counted(&world, "ns-a").await,
            (2, 1),
            "the other blocks 6 and 7"
        );
        assert!(world.facts().await.len() > fact_count);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tracking_is_idempotent_and_sources_are_addresses() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree(), EVERYTHING).await;
        world.chain.mine(&[tx(1, &[0])]);
        assert!(world.track("ns-a", &account(100), 0).await);
        assert!(!world.track("ns-a", &account(100), 5).await);
        assert!(
            world.track("ns-b", &account(100), 5).await,
            "namespaces are independent"
        );
        assert_eq!(only_scope(&world, "ns-a").await.from.0, 0);
        world.run_until_idle().await;
        assert!(only_scope(&world, "ns-a").await.caught_up);
        for source in [
            "",
            "0x12",
            "somewhere",
            &"0".repeat(500),
            "0x00000000000000000000000000000000000000AB",
        ] {
            let scope = world.scope(source);
            let result = index::track(&world.index(), &user("ns-a"), &scope, None).await;
            let as_expected =
                matches!(result, Err(Error::InvalidSource { .. })) || source.ends_with("AB");
            assert!(as_expected, "{source}: {result:?}");
        }
        assert!(world.untrack("ns-b", &account(100)).await);
        assert!(!world.untrack("ns-b", &account(100)).await);
        let facts = world.facts_of("api/0").await;
        let kinds: Vec<&str> = facts.iter().map(|fact| fact.kind.as_str()).collect();
        let first_mention_and_scope = ["contract.mentioned", "index.tracked"];
        assert_eq!(kinds[..4], first_mention_and_scope.repeat(2), "{kinds:?}");
        assert_eq!(kinds.last(), Some(&"index.untracked"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn projected_data_stays_after_untracking_and_tracking_can_resume() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree(), WATCHED_ONLY).await;
        world.chain.mine(&[tx(1, &[0])]);
        world.track("ns-a", &account(100), 0).await;
        world.run_until_idle().await;
        world.untrack("ns-a", &account(100)).await;
        world.chain.mine(&[tx(2, &[0])]);
        world.run_until_idle().await;
        assert_eq!(counted(&world, "ns-a").await.0, 1);
        world.track("ns-a", &account(100), 0).await;
        world.run_until_idle().await;
        assert_eq!(
            counted(&world, "ns-a").await.0,
            2,
            "the missed transfer is added, the other keeps its row"
        );
        assert!(verify_batches(&world).await >= 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn overlapping_scopes_deliver_each_transfer_once_when_caught_up() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree(), EVERYTHING).await;
        for source in ["*", &account(100), &account(101)] {
            world.track("ns-a", source, 0).await;
        }
        world.run_until_idle().await;
        world.chain.mine(&[tx(1, &[0, 1, 2])]);
        world.run_until_idle().await;
        assert_eq!(counted(&world, "ns-a").await, (3, 1));
    })
    .await;
}

/// The committer is fetching blocks that were requested without the scope's source, while the scope
/// is added and catches up.
#[tokio::test(flavor = "multi_thread")]
async fn a_scope_that_catches_up_during_a_fetch_misses_no_event() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree(), WATCHED_ONLY).await;
        world.run_until_idle().await;
        let next = world.chain.mine(&[tx(1, &[0])]);
        let gate = world.chain.hold(&next);
        let worker = world.worker();
        let turn = tokio::spawn(async move { worker.turn().await });
        gate.reached().await;
        world.track("ns-a", &account(100), 1).await;
        assert_eq!(world.backfill().await, 0);
        assert!(
            only_scope(&world, "ns-a").await.caught_up,
            "it has reached the stored head"
        );
        gate.open();
        assert_eq!(
            turn.await.unwrap().unwrap(),
            Progress::Again,
            "the fetched blocks lack its events"
        );
        world.run_until_idle().await;
        assert_eq!(counted(&world, "ns-a").await, (1, 1));
        assert_eq!(world.events().await.len(), 1);
    })
    .await;
}

/// A block is reorganized away between the backfill's fetch and its write.
#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_of_a_reorganized_block_writes_nothing() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree(), WATCHED_ONLY).await;
        let base = world.chain.mine(&[tx(1, &[0])]);
        let dropped = world.chain.mine(&[tx(2, &[0])]);
        world.run_until_idle().await;
        let other = world.chain.grow(&base, &[tx(3, &[0])]);
        world.track("ns-a", "*", 0).await;
        let gate = world.chain.hold(&dropped);
        let worker = world.worker();
        let backfill = tokio::spawn(async move { worker.backfill().await });
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
        assert_eq!(backfill.await.unwrap().unwrap(), 0);
        assert_eq!(counted(&world, "ns-a").await, (0, 0));
        world.run_until_idle().await;
        assert_eq!(counted(&world, "ns-a").await, (2, 1));
        let blocks: Vec<(String,)> = world
            .rows("SELECT DISTINCT block_hash FROM counted ORDER BY block_hash")
            .await;
        assert!(!blocks.contains(&(dropped,)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tracked_source_names_the_contract_with_its_address() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree(), WATCHED_ONLY).await;
        assert!(world.track("ns-a", &account(100), 0).await);
        assert!(!world.track("ns-a", &account(100), 0).await);
        let list = async |namespace| {
            let page = types::Page::default();
            contracts::contracts(
                &world.contracts(),
                &user(namespace),
                contracts::Filter::default(),
                &page,
            )
            .await
            .unwrap()
        };
        let known = list("ns-a").await;
        assert_eq!(known.len(), 1);
        let scope = only_scope(&world, "ns-a").await;
        assert_eq!(
            (scope.contract, scope.source.as_str()),
            (Some(known[0].id), known[0].address.as_str())
        );
        assert!(world.untrack("ns-a", &account(100)).await);
        assert_eq!(list("ns-a").await, known, "the registry keeps it");
        world.track("ns-b", "*", 0).await;
        assert_eq!(only_scope(&world, "ns-b").await.contract, None);
        assert!(list("ns-b").await.is_empty());
    })
    .await;
}

/// A projection that fails for one namespace.
struct FailingProjection;

impl Projection for FailingProjection {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&self, tx: &mut UnscopedTx, applied: &[NamespaceBlocks]) -> store::Result<()> {
        assert!(
            applied
                .iter()
                .all(|applied| applied.namespace.as_str() != "ns-bad"),
            "cannot project"
        );
        counting_projection::CountingProjection.apply(tx, applied)
    }

    fn undo(&self, tx: &mut UnscopedTx, dropped: &[BlockId]) -> store::Result<()> {
        counting_projection::CountingProjection.undo(tx, dropped)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_whose_projection_fails_is_quarantined_and_affects_no_other() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree(), EVERYTHING).await;
        world.chain.mine(&[tx(1, &[0])]);
        world.run_until_idle().await;
        world.track("ns-bad", "*", 0).await;
        world.track("ns-good", "*", 0).await;
        let worker = world.worker_with(Arc::new(FailingProjection), EVERYTHING);
        assert_eq!(worker.backfill().await.unwrap(), 2);
        world.chain.mine(&[tx(2, &[0])]);
        assert_eq!(
            worker.turn().await.unwrap(),
            Progress::Extended {
                to: types::Height(2)
            }
        );
        assert_eq!(counted(&world, "ns-good").await, (2, 1));
        let scope = only_scope(&world, "ns-bad").await;
        assert!(
            scope
                .quarantined
                .as_ref()
                .unwrap()
                .contains("cannot project")
                && !scope.caught_up
        );
        assert!(
            world
                .facts()
                .await
                .iter()
                .any(|fact| fact.kind == "index.quarantined")
        );
        drop(worker);

        world.untrack("ns-bad", "*").await;
        world.track("ns-bad", "*", 0).await;
        world.run_until_idle().await;
        assert_eq!(
            counted(&world, "ns-bad").await,
            (2, 1),
            "the projection works again"
        );
    })
    .await;
}
