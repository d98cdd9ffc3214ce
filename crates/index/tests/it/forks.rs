//! Branches: left, gone back to, and those that leave below what is final.

use crate::replay::replay;
use crate::tree::{Tree, account, tx};
use crate::world::{EVERYTHING, World, events_of, names};
use chain::Finality;
use index::{Error, Progress, Settings, Start};
use testkit::on_each_engine;
use types::Height;

fn deep(blocks: u64) -> std::sync::Arc<Tree> {
    Tree::new(Finality::Depth { blocks })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_below_what_is_final_halts_until_an_operator_says_how_far_back() {
    on_each_engine(|test| async move {
        let world = World::new(test, deep(2), EVERYTHING).await;
        for number in 0..6 {
            world.chain.mine(&[tx(number, &[0])]);
        }
        world.track("ns-a", "*", 0).await;
        assert_eq!(world.settle().await, Progress::Idle);
        assert_eq!(world.final_height().await, Some(4));
        let (stored, events) = (world.canonical().await, world.events().await);

        let old = world.chain.head_hash();
        let base = world.chain.at(&old, Height(2)).unwrap();
        let mut end = base;
        for number in 10..16 {
            end = world.chain.grow(&end, &[tx(number, &[1])]);
        }
        world.chain.switch_to(&end);
        assert_eq!(world.settle().await, Progress::Halted);
        assert_eq!(world.turn().await, Progress::Halted);
        let halted = world.status().await.unwrap().halted.unwrap();
        assert!(halted.contains("final block 4"), "{halted}");
        assert_eq!(
            (world.canonical().await, world.events().await),
            (stored.clone(), events),
            "nothing moved"
        );
        world.track("ns-b", "*", 0).await;
        assert_eq!(
            world.backfill().await,
            0,
            "no new credits from a chain in doubt"
        );

        let world = world.crash().await;
        assert_eq!(
            world.turn().await,
            Progress::Halted,
            "a restart forgets nothing"
        );
        for wordless in ["", "  ", &"x".repeat(501)] {
            assert_eq!(world.resume(Some(2), wordless).await, Err(Error::Reason));
        }
        for too_little in [None, Some(4), Some(3)] {
            world.resume(too_little, "looked at it").await.unwrap();
            assert_eq!(
                world.settle().await,
                Progress::Halted,
                "{too_little:?} does not reach down to the fork"
            );
        }
        world
            .resume(
                Some(2),
                "the provider confirms: the other branch was attacked",
            )
            .await
            .unwrap();
        assert_eq!(world.turn().await, Progress::Rewound { to: Height(2) });
        assert_eq!(world.final_height().await, Some(2));
        assert_eq!(world.settle().await, Progress::Idle);
        let blocks = world.chain.branch(&end, Height(0));
        assert_eq!(
            (world.canonical().await, world.events().await),
            (names(&blocks), events_of(&blocks))
        );
        assert_eq!(world.final_height().await, Some(6));
        let known = replay(&world.facts().await, true);
        assert_eq!(
            (known.blocks, known.finalized.unwrap().0),
            (names(&blocks), 6)
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
async fn leave_to_go_back_does_not_outlive_the_doubt() {
    on_each_engine(|test| async move {
        let world = World::new(test, deep(2), EVERYTHING).await;
        world.chain.mine_empty(6);
        world.settle().await;
        let ours = world.chain.head_hash();
        let base = world.chain.at(&ours, Height(1)).unwrap();
        let mut strange = base;
        for _ in 0..9 {
            strange = world.chain.grow(&strange, &[]);
        }
        world.chain.switch_to(&strange);
        assert_eq!(world.settle().await, Progress::Halted);
        world.chain.switch_to(&ours);
        world
            .resume(
                Some(0),
                "it was the provider's fault; it is on our chain again",
            )
            .await
            .unwrap();
        world.chain.mine_empty(1);
        assert_eq!(world.settle().await, Progress::Idle);
        world.chain.switch_to(&strange);
        assert_eq!(
            world.settle().await,
            Progress::Halted,
            "what was allowed then is not allowed now"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_be_resumed() {
    on_each_engine(|test| async move {
        let world = World::new(test, deep(2), EVERYTHING).await;
        assert_eq!(
            world.resume(None, "why not").await,
            Err(Error::UnknownChain { chain: world.id() })
        );
        world.settle().await;
        assert_eq!(
            world.resume(None, "why not").await,
            Err(Error::NotHalted { chain: world.id() })
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_very_first_block_may_go_while_nothing_is_final() {
    on_each_engine(|test| async move {
        let tree = deep(10);
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
        world.settle().await;
        world.chain.mine(&[tx(2, &[0])]);
        world.settle().await;
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
        assert_eq!(world.settle().await, Progress::Idle);
        let blocks = world.chain.branch(&end, Height(4));
        assert_eq!(
            (world.canonical().await, world.events().await),
            (names(&blocks), events_of(&blocks))
        );
        assert_eq!(crate::ledger::counted(&world.test.db).await.len(), 2);

        // A node that was wiped: it waits until there is something to compare, and then begins
        // anew.
        let genesis = world.chain.at(&end, Height(0)).unwrap();
        let wiped = world.chain.grow(&genesis, &[]);
        world.chain.switch_to(&wiped);
        assert_eq!(world.turn().await, Progress::Idle, "it has not come so far");
        world.chain.mine_empty(3);
        assert_eq!(world.turn().await, Progress::Rewound { to: Height(4) });
        assert_eq!(world.settle().await, Progress::Idle);
        assert_eq!(world.canonical().await.len(), 1);
        replay(&world.facts().await, false);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_keeps_its_id_in_another_block_and_counts_once() {
    on_each_engine(|test| async move {
        let world = World::new(test, deep(5), EVERYTHING).await;
        world.watch_signers("ns-a", vec![account(1)]).await;
        let base = world.chain.head_hash();
        let moved = tx(4, &[0, 1]);
        let first = world.chain.mine(std::slice::from_ref(&moved));
        world.settle().await;
        let second = world.chain.grow(&base, &[tx(7, &[2]), moved.clone()]);
        world.chain.switch_to(&second);
        world.settle().await;

        let chain = world.id();
        let (a, b) = (first.clone(), second.clone());
        let (gone, here) = world
            .test
            .db
            .read_unbound(move |tx| {
                Ok::<_, store::Error>((
                    index::events_in(tx, &chain, &a, -1, 100)?,
                    index::events_in(tx, &chain, &b, -1, 100)?,
                ))
            })
            .await
            .unwrap();
        assert!(gone.iter().all(|one| one.reverted) && here.iter().all(|one| !one.reverted));
        let ids = |events: &[index::StoredEvent]| -> Vec<String> {
            let of = events.iter().filter(|one| one.event.transaction == moved.id);
            of.map(|one| one.event.id(&one.chain)).collect()
        };
        assert_eq!(ids(&gone), ids(&here));
        assert_ne!(gone[0].event.index, here[1].event.index, "the place in the block is another");
        let twice: Vec<(i64,)> = world
            .rows("SELECT COUNT(*) FROM chain_event WHERE reverted = 0 GROUP BY chain, tx_id, path HAVING COUNT(*) > 1")
            .await;
        assert_eq!(twice, vec![]);

        // Back on the first branch: the old rows count again, under their first fact and one that says that the block is back.
        world.chain.switch_to(&first);
        world.settle().await;
        let blocks = world.chain.branch(&first, Height(0));
        assert_eq!(world.events().await, events_of(&blocks));
        assert_eq!(world.included().await, vec![(format!("nonce/{}/4", account(1)), first.clone(), moved.id.clone())]);
        replay(&world.facts().await, false);
    })
    .await;
}

/// What subscribers are told of a block follows from the number of events in its fact: one that
/// comes back has all it had, even if nobody would ask a node for them now.
#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_returns_says_how_much_of_it_is_kept() {
    on_each_engine(|test| async move {
        let world = World::new(
            test,
            deep(5),
            Settings {
                keep_all: false,
                ..EVERYTHING
            },
        )
        .await;
        world.track("ns-a", &account(100), 0).await;
        world.settle().await;
        let base = world.chain.head_hash();
        let first = world.chain.mine(&[tx(1, &[0, 1])]);
        world.settle().await;
        assert_eq!(world.events().await.len(), 1);
        assert!(
            index::untrack(
                &world.index(),
                &crate::world::user("ns-a"),
                &world.wanted(&account(100))
            )
            .await
            .unwrap()
        );
        let other = world.chain.grow(&base, &[]);
        world.chain.switch_to(&other);
        world.settle().await;
        world.chain.switch_to(&first);
        world.settle().await;
        assert_eq!(world.events().await.len(), 1);
        let last = world
            .facts()
            .await
            .into_iter()
            .rfind(|fact| fact.kind == "chain.block")
            .unwrap();
        let said: serde_json::Value = serde_json::from_str(last.payload.unwrap().as_str()).unwrap();
        assert_eq!(
            (said["hash"].as_str(), said["event_count"].as_u64()),
            (Some(first.as_str()), Some(1))
        );
        let counts: Vec<(i64,)> = world
            .rows("SELECT event_count FROM block WHERE height = 1 AND canonical = 1")
            .await;
        assert_eq!(counts, vec![(1,)]);
    })
    .await;
}
