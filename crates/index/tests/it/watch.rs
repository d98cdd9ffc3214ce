//! Watched signers, sources and topics.

use crate::replay::verify_batches;
use crate::tree::{OTHER_TOPIC, TRANSFER_TOPIC, Tree, Tx, account, tx};
use crate::world::{EVERYTHING, World};
use chain::Finality;
use index::{Progress, Settings};
use std::sync::Arc;
use testkit::on_each_engine;

const WATCHED_ONLY: Settings = Settings {
    store_all_events: false,
    ..EVERYTHING
};

fn tree() -> Arc<Tree> {
    Tree::new(Finality::Depth { blocks: 5 })
}

#[tokio::test(flavor = "multi_thread")]
async fn only_watched_events_are_stored() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree(), WATCHED_ONLY).await;
        world.chain.mine(&[tx(4, &[0, 1, 2])]);
        world.run_until_idle().await;
        assert_eq!(world.events().await, vec![]);
        world.watch_events("ns-a", vec![account(101)], vec![]).await;
        world.chain.mine(&[tx(8, &[0, 1, 2])]);
        world.run_until_idle().await;
        world
            .watch_events("ns-b", vec![], vec![OTHER_TOPIC.to_owned()])
            .await;
        world.chain.mine(&[tx(12, &[0, 1, 2])]);
        world.run_until_idle().await;
        let stored: Vec<(String, String)> = world
            .events()
            .await
            .into_iter()
            .map(|row| (row.transaction, row.source))
            .collect();
        let id = |number| tx(number, &[]).id;
        assert_eq!(
            stored,
            vec![
                (id(8), account(101)),
                (id(12), account(101)),
                (id(12), account(200))
            ]
        );
        world
            .watch_events("ns-b", vec![], vec![TRANSFER_TOPIC.to_owned()])
            .await;
        world
            .watch_events(
                "ns-b",
                vec![],
                vec![TRANSFER_TOPIC.to_owned(), OTHER_TOPIC.to_owned()],
            )
            .await;
        world.chain.mine(&[tx(16, &[0, 1, 2])]);
        world.run_until_idle().await;
        assert_eq!(world.events().await.len(), 3 + 4);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signers_transactions_are_stored_from_the_next_block_on() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree(), WATCHED_ONLY).await;
        let base = world.chain.head_hash();
        let early = world.chain.mine(&[tx(1, &[])]);
        world.run_until_idle().await;
        world
            .watch_signers("ns-a", vec![account(1), account(2)])
            .await;
        assert_eq!(world.inclusions().await, vec![]);
        world.chain.mine(&[tx(0, &[]), tx(2, &[]), tx(4, &[])]);
        world.run_until_idle().await;
        let seen: Vec<String> = world
            .inclusions()
            .await
            .into_iter()
            .map(|row| row.2)
            .collect();
        assert_eq!(seen, vec![tx(2, &[]).id, tx(4, &[]).id]);

        // A block from before the signer was watched leaves the chain and returns: now its
        // transaction is stored.
        let other = world.chain.grow(&base, &[]);
        world.chain.switch_to(&other);
        world.run_until_idle().await;
        assert_eq!(world.inclusions().await, vec![]);
        world.chain.switch_to(&early);
        world.run_until_idle().await;
        assert_eq!(
            world.inclusions().await,
            vec![(format!("nonce/{}/1", account(1)), early, tx(1, &[]).id)]
        );
        assert!(
            verify_batches(&world).await >= 2,
            "the rows of both ingests are covered by facts"
        );
    })
    .await;
}

/// A signer is watched, signs, sends and is mined while the worker is fetching block references.
#[tokio::test(flavor = "multi_thread")]
async fn a_signer_watched_before_sending_is_stored_at_every_interleaving() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree(), WATCHED_ONLY).await;
        world.run_until_idle().await;
        for requests in 0..6u64 {
            let parent = world.chain.head_hash();
            let empty = world.chain.grow(&parent, &[]);
            let signer = 500 + requests;
            let mut sent = tx(signer, &[]);
            sent.signer = account(signer);
            let end = world.chain.grow(&empty, &[sent.clone()]);
            world.chain.switch_to(&empty);
            world.watch_signers("ns-a", vec![account(signer)]).await;
            world.chain.switch_after(requests, &end);
            assert_ne!(world.turn().await, Progress::Halted);
            world.chain.switch_now();
            world.run_until_idle().await;
            assert!(
                world.inclusions().await.iter().any(|row| row.2 == sent.id),
                "after {requests} requests"
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watched_signers_beyond_one_page_are_stored() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree(), WATCHED_ONLY).await;
        // More than one transaction reads, in both namespaces.
        for namespace in ["ns-a", "ns-b"] {
            for part in 0..5 {
                world
                    .watch_signers(
                        namespace,
                        (0..10_000)
                            .map(|n| account(1_000_000 + part * 10_000 + n))
                            .collect(),
                    )
                    .await;
            }
        }
        world
            .watch_events("ns-a", vec![account(100)], vec![OTHER_TOPIC.to_owned()])
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
        world.run_until_idle().await;
        let mut seen: Vec<String> = world
            .inclusions()
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

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_status_is_an_error_and_not_a_reverted_transaction() {
    on_each_engine(|test| async move {
        let world = World::new(test, tree(), WATCHED_ONLY).await;
        world.run_until_idle().await;
        world.watch_signers("ns-a", vec![account(1)]).await;
        let block = world.chain.mine(&[tx(1, &[])]);
        world.run_until_idle().await;
        world
            .damage("UPDATE chain_inclusion SET status = 'unheard of'")
            .await;

        let chain = world.id();
        let read = world
            .test
            .db
            .read_unscoped(move |tx| index::inclusions_in_block(tx, &chain, &block));
        let error: store::Error = read.await.unwrap_err();
        assert!(error.to_string().contains("status"), "{error}");
    })
    .await;
}
