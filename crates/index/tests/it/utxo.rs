//! A UTXO chain: the replay keys of a transaction are its inputs.

use crate::replay::{replay, verify_batches};
use crate::world::{EVERYTHING, World};
use chain::{Connector, Plan, Reservations, SubmitOutcome};
use index::{Progress, Settings};
use intent::{Intent, Signed};
use std::sync::Arc;
use testkit::utxo::{CoinKey, Fate, Lie};
use testkit::{FakeUtxoChain, on_each_engine};
use types::{Amount, Height, ReplayKey};

async fn payment(coins: &FakeUtxoChain, from: &CoinKey, to: &CoinKey, satoshi: u64) -> Signed {
    let chain = *coins.chain();
    let (signer, to) = (from.address(&chain), to.address(&chain));
    let intent = Intent::call(chain, signer, Some(to), Amount::from(satoshi), vec![]);
    let terms = coins
        .quote(std::slice::from_ref(&intent))
        .await
        .remove(0)
        .unwrap()
        .terms;
    let plan = Plan {
        intent: &intent,
        terms,
        reservations: &Reservations::default(),
        authorizations: &[],
    };
    from.sign(&coins.plan(&[plan]).await.remove(0).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_inputs_are_two_replay_keys_through_a_reorganization() {
    on_each_engine(|test| async move {
        let coins = Arc::new(FakeUtxoChain::new());
        let (payer, payee) = (CoinKey::new(1), CoinKey::new(2));
        let payer_address = payer.address(coins.chain());
        let world = World::new(
            test,
            coins.clone(),
            Settings {
                store_all_events: false,
                ..EVERYTHING
            },
        )
        .await;
        world
            .watch_signers("ns-a", vec![payer_address.clone()])
            .await;
        world
            .watch_events("ns-a", vec![payer_address.clone()], vec![])
            .await;
        let funded = [
            coins.fund(&payer_address, 40_000),
            coins.fund(&payer_address, 30_000),
        ];
        let signed = payment(&coins, &payer, &payee, 60_000).await;
        assert_eq!(
            coins.submit(std::slice::from_ref(&signed)).await,
            [SubmitOutcome::Accepted]
        );
        let first = coins.mine();
        assert_eq!(world.run_until_idle().await, Progress::Idle);

        let mut replay_keys: Vec<ReplayKey> = funded
            .iter()
            .map(|coin| ReplayKey::outpoint(&coin.transaction, coin.output))
            .collect();
        replay_keys.sort();
        let expected = |block: &str| -> Vec<(String, String, String)> {
            let row = |replay_key: &ReplayKey| {
                (
                    replay_key.as_str().to_owned(),
                    block.to_owned(),
                    signed.id.clone(),
                )
            };
            replay_keys.iter().map(row).collect()
        };
        assert_eq!(world.inclusions().await, expected(&first));
        let paths: Vec<String> = world
            .events()
            .await
            .into_iter()
            .map(|row| row.path)
            .collect();
        assert_eq!(paths, ["out/0", "out/0", "in/0", "in/1", "out/1"]);

        coins.reorg(1, |_| Fate::Pooled);
        world.run_until_idle().await;
        assert_eq!(world.inclusions().await, vec![]);
        let second = coins.mine();
        let world = world.crash().await;
        world.run_until_idle().await;
        assert_eq!(world.inclusions().await, expected(&second));
        coins.mine_empty(3);
        world.run_until_idle().await;
        let height = coins.tip().0;
        assert_eq!(world.final_height().await, Some(height.0 - 3));
        let chain = world.id();
        let read =
            move |tx: &mut store::UnscopedTx| index::inclusions_between(tx, &chain, None, height);
        let mut inclusions = world.test.db.read_unscoped(read).await.unwrap();
        inclusions.retain(|inclusion| replay_keys.contains(&inclusion.replay_key));
        assert!(
            inclusions.len() == 2
                && inclusions.iter().all(|inclusion| {
                    inclusion.transaction == signed.id && inclusion.height == Height(4)
                })
        );
        assert_eq!(
            (coins.arrivals(&signed.id), coins.mined()),
            (1, vec![signed.id.clone()])
        );
        let replayed = replay(&world.facts().await, false);
        assert_eq!(replayed.finalized.unwrap(), (height.stored() - 3, second));
        verify_batches(&world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lagging_or_faulty_utxo_node_changes_nothing() {
    on_each_engine(|test| async move {
        let coins = Arc::new(FakeUtxoChain::new());
        let (payer, payer_address) = (CoinKey::new(1), CoinKey::new(1).address(coins.chain()));
        let world = World::new(test, coins.clone(), EVERYTHING).await;
        world
            .watch_signers("ns-a", vec![payer_address.clone()])
            .await;
        coins.fund(&payer_address, 90_000);
        world.run_until_idle().await;
        coins
            .submit(&[payment(&coins, &payer, &CoinKey::new(2), 20_000).await])
            .await;
        let tip = coins.tip().1;
        let next = coins.mine();
        coins.set_lag(1);
        assert_eq!(world.turn().await, Progress::Idle);
        coins.clear_faults();
        for (lie, expected) in [
            (Lie::NoResponse, None),
            (Lie::ParentBlock, None),
            (Lie::MissingBlock(next.clone()), Some(Progress::Again)),
            (Lie::ForkHeights(tip.clone()), Some(Progress::Again)),
        ] {
            coins.lie(lie.clone());
            assert_eq!(world.worker().turn().await.ok(), expected, "{lie:?}");
            assert_eq!(world.head().await.as_ref(), Some(&tip), "{lie:?}");
            coins.clear_faults();
        }
        world.run_until_idle().await;
        assert_eq!(
            (world.head().await, world.inclusions().await.len()),
            (Some(next), 1)
        );
    })
    .await;
}
