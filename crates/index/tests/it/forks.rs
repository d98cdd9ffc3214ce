//! Forks: branches that are left, returned to, or fork below the final watermark.

use crate::replay::replay;
use crate::tree::{Tree, account, tx};
use crate::world::{EVERYTHING, World, blocks_of, events_of};
use chain::Finality;
use index::{Error, Progress, Settings, Start};
use testkit::on_each_engine;
use types::Height;

fn tree_with_depth(blocks: u64) -> std::sync::Arc<Tree> {
    Tree::new(Finality::Depth { blocks })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_below_the_watermark_halts_until_an_operator_permits_the_rewind() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree_with_depth(2), EVERYTHING).await;
        for number in 0..6 {
            world.chain.mine(&[tx(number, &[0])]);
        }
        world.track("ns-a", "*", 0).await;
        assert_eq!(world.run_until_idle().await, Progress::Idle);
        assert_eq!(world.final_height().await, Some(4));
        let (stored, events) = (world.canonical().await, world.events().await);

        let old = world.chain.head_hash();
        let base = world.chain.at(&old, Height(2)).unwrap();
        let mut end = base;
        for number in 10..16 {
            end = world.chain.grow(&end, &[tx(number, &[1])]);
        }
        world.chain.switch_to(&end);
        assert_eq!(world.run_until_idle().await, Progress::Halted);
        assert_eq!(world.turn().await, Progress::Halted);
        let halted = world.status().await.unwrap().halted.unwrap();
        assert!(halted.contains("final block 4"), "{halted}");
        assert_eq!(
            (world.canonical().await, world.events().await),
            (stored.clone(), events),
            "nothing changed"
        );
        world.track("ns-b", "*", 0).await;
        assert_eq!(
            world.backfill().await,
            0,
            "nothing is projected while the chain is halted"
        );

        let world = world.crash().await;
        assert_eq!(
            world.turn().await,
            Progress::Halted,
            "still halted after a restart"
        );
        for reason in ["", "  ", &"x".repeat(501)] {
            assert_eq!(
                world.resume(Some(2), reason).await,
                Err(Error::InvalidReason)
            );
        }
        for rewind_to in [None, Some(4), Some(3)] {
            world.resume(rewind_to, "investigated").await.unwrap();
            assert_eq!(
                world.run_until_idle().await,
                Progress::Halted,
                "{rewind_to:?} does not reach down to the fork"
            );
        }
        world
            .resume(
                Some(2),
                "the provider confirms that the old branch was an attack",
            )
            .await
            .unwrap();
        assert_eq!(world.turn().await, Progress::Rewound { to: Height(2) });
        assert_eq!(world.final_height().await, Some(2));
        assert_eq!(world.run_until_idle().await, Progress::Idle);
        let blocks = world.chain.branch(&end, Height(0));
        assert_eq!(
            (world.canonical().await, world.events().await),
            (blocks_of(&blocks), events_of(&blocks))
        );
        assert_eq!(world.final_height().await, Some(6));
        let replayed = replay(&world.facts().await, true);
        assert_eq!(
            (replayed.blocks, replayed.finalized.unwrap().0),
            (blocks_of(&blocks), 6)
        );
        let kinds: Vec<String> = world
            .facts_of("api/0")
            .await
            .into_iter()
            .map(|fact| fact.kind)
            .collect();
        assert_eq!(
            kinds.iter().filter(|kind| *kind == "chain.resumed").count(),
            4
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn permission_to_rewind_ends_when_the_node_extends_the_stored_chain() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree_with_depth(2), EVERYTHING).await;
        world.chain.mine_empty(6);
        world.run_until_idle().await;
        let original = world.chain.head_hash();
        let base = world.chain.at(&original, Height(1)).unwrap();
        let mut other = base;
        for _ in 0..9 {
            other = world.chain.grow(&other, &[]);
        }
        world.chain.switch_to(&other);
        assert_eq!(world.run_until_idle().await, Progress::Halted);
        world.chain.switch_to(&original);
        world
            .resume(
                Some(0),
                "a fault of the provider; it is on the stored chain again",
            )
            .await
            .unwrap();
        world.chain.mine_empty(1);
        assert_eq!(world.run_until_idle().await, Progress::Idle);
        world.chain.switch_to(&other);
        assert_eq!(
            world.run_until_idle().await,
            Progress::Halted,
            "the permission has ended"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_halted_chain_can_be_resumed() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree_with_depth(2), EVERYTHING).await;
        assert_eq!(
            world.resume(None, "why not").await,
            Err(Error::UnknownChain { chain: world.id() })
        );
        world.run_until_idle().await;
        assert_eq!(
            world.resume(None, "why not").await,
            Err(Error::NotHalted { chain: world.id() })
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_block_can_be_undone_while_nothing_is_final() {
    on_each_engine(|test| async move {
        let tree = tree_with_depth(10);
        let base = tree.mine_empty(3);
        tree.mine(&[tx(1, &[0])]);
        let world = World::new(
            test,
            tree,
            Settings {
                start: Start::Latest,
                ..EVERYTHING
            },
        )
        .await;
        world.track("ns-a", "*", 0).await;
        world.run_until_idle().await;
        world.chain.mine(&[tx(2, &[0])]);
        world.run_until_idle().await;
        assert_eq!(world.status().await.unwrap().first, Height(4));
        assert_eq!(world.canonical().await.len(), 2);

        let other = world.chain.grow(&base, &[tx(1, &[0]), tx(3, &[1])]);
        let end = world.chain.grow(&other, &[]);
        world.chain.switch_to(&end);
        assert_eq!(world.turn().await, Progress::Rewound { to: Height(4) });
        assert_eq!(
            (world.canonical().await, world.head().await),
            (vec![], None)
        );
        let world = world.crash().await;
        assert_eq!(world.run_until_idle().await, Progress::Idle);
        let blocks = world.chain.branch(&end, Height(4));
        assert_eq!(
            (world.canonical().await, world.events().await),
            (blocks_of(&blocks), events_of(&blocks))
        );
        assert_eq!(
            crate::counting_projection::counted(&world.test.db)
                .await
                .len(),
            2
        );

        // A node that was reset: the index waits until there is a block to compare, then starts
        // over.
        let genesis = world.chain.at(&end, Height(0)).unwrap();
        let reset = world.chain.grow(&genesis, &[]);
        world.chain.switch_to(&reset);
        assert_eq!(
            world.turn().await,
            Progress::Idle,
            "the node is below the first block"
        );
        world.chain.mine_empty(3);
        assert_eq!(world.turn().await, Progress::Rewound { to: Height(4) });
        assert_eq!(world.run_until_idle().await, Progress::Idle);
        assert_eq!(world.canonical().await.len(), 1);
        replay(&world.facts().await, false);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_keeps_its_id_in_another_block_and_is_canonical_once() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree_with_depth(5), EVERYTHING).await;
        world.watch_signers("ns-a", vec![account(1)]).await;
        let base = world.chain.head_hash();
        let moved = tx(4, &[0, 1]);
        let first = world.chain.mine(std::slice::from_ref(&moved));
        world.run_until_idle().await;
        let second = world.chain.grow(&base, &[tx(7, &[2]), moved.clone()]);
        world.chain.switch_to(&second);
        world.run_until_idle().await;

        let chain = world.id();
        let (a, b) = (first.clone(), second.clone());
        let (reverted, canonical) = world
            .test
            .db
            .read_unscoped(move |tx| {
                Ok::<_, store::Error>((
                    index::events_in_block(tx, &chain, &a, -1, 100)?,
                    index::events_in_block(tx, &chain, &b, -1, 100)?,
                ))
            })
            .await
            .unwrap();
        assert!(reverted.iter().all(|stored| stored.reverted));
        assert!(canonical.iter().all(|stored| !stored.reverted));
        let ids = |events: &[index::StoredEvent]| -> Vec<String> {
            let of_moved = events
                .iter()
                .filter(|stored| stored.event.transaction == moved.id);
            of_moved
                .map(|stored| stored.event.id(&stored.chain))
                .collect()
        };
        assert_eq!(ids(&reverted), ids(&canonical));
        assert_ne!(
            reverted[0].event.index, canonical[1].event.index,
            "the index in the block differs"
        );
        let duplicates: Vec<(i64,)> = world
            .rows(
                "SELECT COUNT(*) FROM chain_event WHERE reverted = 0
                  GROUP BY chain, tx_id, path HAVING COUNT(*) > 1",
            )
            .await;
        assert_eq!(duplicates, vec![]);

        // Back on the first branch: the old rows are canonical again under their first fact, and
        // another fact records that the block has returned.
        world.chain.switch_to(&first);
        world.run_until_idle().await;
        let blocks = world.chain.branch(&first, Height(0));
        assert_eq!(world.events().await, events_of(&blocks));
        assert_eq!(
            world.inclusions().await,
            vec![(
                format!("nonce/{}/4", account(1)),
                first.clone(),
                moved.id.clone()
            )]
        );
        replay(&world.facts().await, false);
    })
    .await;
}

/// Subscribers rely on the event count of a block's fact. A block that returns has all its stored
/// events, even those that are no longer watched.
#[tokio::test(flavor = "multi_thread")]
async fn the_fact_of_a_returning_block_counts_its_stored_events() {
    on_each_engine(|test| async move {
        let world = World::new(
            test,
            tree_with_depth(5),
            Settings {
                store_all_events: false,
                ..EVERYTHING
            },
        )
        .await;
        world.track("ns-a", &account(100), 0).await;
        world.run_until_idle().await;
        let base = world.chain.head_hash();
        let first = world.chain.mine(&[tx(1, &[0, 1])]);
        world.run_until_idle().await;
        assert_eq!(world.events().await.len(), 1);
        assert!(world.untrack("ns-a", &account(100)).await);
        let other = world.chain.grow(&base, &[]);
        world.chain.switch_to(&other);
        world.run_until_idle().await;
        world.chain.switch_to(&first);
        world.run_until_idle().await;
        assert_eq!(world.events().await.len(), 1);
        let last = world
            .facts()
            .await
            .into_iter()
            .rfind(|fact| fact.kind == "chain.block")
            .unwrap();
        let payload: serde_json::Value =
            serde_json::from_str(last.payload.unwrap().as_str()).unwrap();
        assert_eq!(
            (payload["hash"].as_str(), payload["event_count"].as_u64()),
            (Some(first.as_str()), Some(1))
        );
        let counts: Vec<(i64,)> = world
            .rows("SELECT event_count FROM block WHERE height = 1 AND canonical = 1")
            .await;
        assert_eq!(counts, vec![(1,)]);
    })
    .await;
}
