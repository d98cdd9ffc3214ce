//! Who and what is watched, from when on.

use crate::replay::verify_batches;
use crate::tree::{MOVED, NOISE, Tree, Tx, account, tx};
use crate::world::{EVERYTHING, World};
use chain::Finality;
use index::{Progress, Settings};
use std::sync::Arc;
use testkit::on_each_engine;

const WATCHED_ONLY: Settings = Settings {
    keep_all: false,
    ..EVERYTHING
};

fn tree() -> Arc<Tree> {
    Tree::new(Finality::Depth { blocks: 5 })
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_watched_is_kept() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree(), WATCHED_ONLY).await;
        world.chain.mine(&[tx(4, &[0, 1, 2])]);
        world.settle().await;
        assert_eq!(world.events().await, vec![]);
        world.watch_events("ns-a", vec![account(101)], vec![]).await;
        world.chain.mine(&[tx(8, &[0, 1, 2])]);
        world.settle().await;
        world
            .watch_events("ns-b", vec![], vec![NOISE.to_owned()])
            .await;
        world.chain.mine(&[tx(12, &[0, 1, 2])]);
        world.settle().await;
        let kept: Vec<(String, String)> = world
            .events()
            .await
            .into_iter()
            .map(|row| (row.0, row.4))
            .collect();
        let of = |number| tx(number, &[]).id;
        assert_eq!(
            kept,
            vec![
                (of(8), account(101)),
                (of(12), account(101)),
                (of(12), account(200))
            ]
        );
        world
            .watch_events("ns-b", vec![], vec![MOVED.to_owned()])
            .await;
        world
            .watch_events("ns-b", vec![], vec![MOVED.to_owned(), NOISE.to_owned()])
            .await;
        world.chain.mine(&[tx(16, &[0, 1, 2])]);
        world.settle().await;
        assert_eq!(world.events().await.len(), 3 + 4);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signer_is_seen_from_his_next_transaction_on() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree(), WATCHED_ONLY).await;
        let base = world.chain.head_hash();
        let early = world.chain.mine(&[tx(1, &[])]);
        world.settle().await;
        world
            .watch_signers("ns-a", vec![account(1), account(2)])
            .await;
        assert_eq!(world.included().await, vec![]);
        world.chain.mine(&[tx(0, &[]), tx(2, &[]), tx(4, &[])]);
        world.settle().await;
        let seen: Vec<String> = world
            .included()
            .await
            .into_iter()
            .map(|row| row.2)
            .collect();
        assert_eq!(seen, vec![tx(2, &[]).id, tx(4, &[]).id]);

        // A block that was read before he was watched goes, and comes back: now it tells of him.
        let other = world.chain.grow(&base, &[]);
        world.chain.switch_to(&other);
        world.settle().await;
        assert_eq!(world.included().await, vec![]);
        world.chain.switch_to(&early);
        world.settle().await;
        assert_eq!(
            world.included().await,
            vec![(format!("nonce/{}/1", account(1)), early, tx(1, &[]).id)]
        );
        assert!(
            verify_batches(&world).await >= 2,
            "each is covered by a fact, then and now"
        );
    })
    .await;
}

/// Someone is watched, signs, sends and is mined, all while the follower asks for the names of
/// blocks.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_watched_before_he_sends_is_seen_whatever_the_follower_does() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree(), WATCHED_ONLY).await;
        world.settle().await;
        for questions in 0..6u64 {
            let parent = world.chain.head_hash();
            let empty = world.chain.grow(&parent, &[]);
            let signer = 500 + questions;
            let mut sent = tx(signer, &[]);
            sent.signer = account(signer);
            let end = world.chain.grow(&empty, &[sent.clone()]);
            world.chain.switch_to(&empty);
            world.watch_signers("ns-a", vec![account(signer)]).await;
            world.chain.flip_after(questions, &end);
            assert_ne!(world.turn().await, Progress::Halted);
            world.chain.flip_now();
            world.settle().await;
            assert!(
                world.included().await.iter().any(|row| row.2 == sent.id),
                "after {questions} questions"
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_of_very_many_is_seen_too() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree(), WATCHED_ONLY).await;
        // Beyond what one transaction reads, in both namespaces.
        for who in ["ns-a", "ns-b"] {
            for part in 0..5 {
                world
                    .watch_signers(
                        who,
                        (0..10_000)
                            .map(|n| account(1_000_000 + part * 10_000 + n))
                            .collect(),
                    )
                    .await;
            }
        }
        world
            .watch_events("ns-a", vec![account(100)], vec![NOISE.to_owned()])
            .await;
        let sent = |signer: u64, nonce| Tx {
            signer: account(signer),
            ..tx(nonce, &[0])
        };
        let all = [
            sent(1_000_000, 1),
            sent(1_019_999, 2),
            sent(1_020_000, 3),
            sent(1_049_999, 4),
            sent(1_050_000, 5),
        ];
        world.chain.mine(&all);
        world.settle().await;
        let mut seen: Vec<String> = world
            .included()
            .await
            .into_iter()
            .map(|row| row.2)
            .collect();
        let mut expected: Vec<String> = all[..4].iter().map(|tx| tx.id.clone()).collect();
        seen.sort();
        expected.sort();
        assert_eq!(seen, expected);
        assert_eq!(world.events().await.len(), 6);
    })
    .await;
}
