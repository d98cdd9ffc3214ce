//! A chain of coins: what a transaction uses up is each of its inputs.

use crate::replay::{replay, verify_batches};
use crate::world::{EVERYTHING, World};
use chain::{Connector, Plan, Reservations, Submitted};
use index::{Progress, Settings};
use intent::{Intent, Signed};
use std::sync::Arc;
use testkit::utxo::{CoinKey, Fate, Lie};
use testkit::{FakeCoins, on_each_engine};
use types::{Amount, Height, Witness};

async fn payment(coins: &FakeCoins, from: &CoinKey, to: &CoinKey, satoshi: u64) -> Signed {
    let chain = coins.chain().clone();
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
        authorisations: &[],
    };
    from.sign(&coins.plan(&[plan]).await.remove(0).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_inputs_are_two_witnesses_through_a_reorganisation() {
    on_each_engine(|test| async move {
        let coins = Arc::new(FakeCoins::new());
        let (me, you) = (CoinKey::new(1), CoinKey::new(2));
        let mine = me.address(coins.chain());
        let world = World::new(
            test,
            coins.clone(),
            Settings {
                keep_all: false,
                ..EVERYTHING
            },
        )
        .await;
        world.watch_signers("ns-a", vec![mine.clone()]).await;
        world.watch_events("ns-a", vec![mine.clone()], vec![]).await;
        let funded = [coins.fund(&mine, 40_000), coins.fund(&mine, 30_000)];
        let signed = payment(&coins, &me, &you, 60_000).await;
        assert_eq!(
            coins.submit(std::slice::from_ref(&signed)).await,
            [Submitted::Accepted]
        );
        let first = coins.mine();
        assert_eq!(world.settle().await, Progress::Idle);

        let mut witnesses: Vec<Witness> = funded
            .iter()
            .map(|coin| Witness::input(&coin.transaction, coin.output))
            .collect();
        witnesses.sort();
        let expected = |block: &str| -> Vec<(String, String, String)> {
            let row = |witness: &Witness| {
                (
                    witness.as_str().to_owned(),
                    block.to_owned(),
                    signed.id.clone(),
                )
            };
            witnesses.iter().map(row).collect()
        };
        assert_eq!(world.included().await, expected(&first));
        let by_me: Vec<String> = world.events().await.into_iter().map(|row| row.1).collect();
        assert_eq!(by_me, ["out/0", "out/0", "in/0", "in/1", "out/1"]);

        coins.reorg(1, |_| Fate::Pooled);
        world.settle().await;
        assert_eq!(world.included().await, vec![]);
        let second = coins.mine();
        let world = world.crash().await;
        world.settle().await;
        assert_eq!(world.included().await, expected(&second));
        coins.mine_empty(3);
        world.settle().await;
        let height = coins.tip().0;
        assert_eq!(world.final_height().await, Some(height.0 - 3));
        let (chain, asked) = (world.id(), witnesses.clone());
        let read = move |tx: &mut store::Unbound<'_, '_>| index::included(tx, &chain, &asked);
        let found = world.test.db.read_unbound(read).await.unwrap();
        assert!(
            found.len() == 2
                && found
                    .iter()
                    .all(|one| one.transaction == signed.id && one.height == Height(4))
        );
        assert_eq!(
            (coins.arrivals(&signed.id), coins.mined()),
            (1, vec![signed.id.clone()])
        );
        let known = replay(&world.facts().await, false);
        assert_eq!(known.finalized.unwrap(), (height.stored() - 3, second));
        verify_batches(&world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_and_lying_node_of_coins_moves_nothing_wrong() {
    on_each_engine(|test| async move {
        let coins = Arc::new(FakeCoins::new());
        let (me, mine) = (CoinKey::new(1), CoinKey::new(1).address(coins.chain()));
        let world = World::new(test, coins.clone(), EVERYTHING).await;
        world.watch_signers("ns-a", vec![mine.clone()]).await;
        coins.fund(&mine, 90_000);
        world.settle().await;
        coins
            .submit(&[payment(&coins, &me, &CoinKey::new(2), 20_000).await])
            .await;
        let tip = coins.tip().1;
        let next = coins.mine();
        coins.lag(1);
        assert_eq!(world.turn().await, Progress::Idle);
        coins.be_honest();
        for (lie, answer) in [
            (Lie::Silence, None),
            (Lie::OtherBlock, None),
            (Lie::Forgets(next.clone()), Some(Progress::Again)),
            (Lie::HeightsOf(tip.clone()), Some(Progress::Again)),
        ] {
            coins.lie(lie.clone());
            assert_eq!(world.follower().turn().await.ok(), answer, "{lie:?}");
            assert_eq!(world.head().await.as_ref(), Some(&tip), "{lie:?}");
            coins.be_honest();
        }
        world.settle().await;
        assert_eq!(
            (world.head().await, world.included().await.len()),
            (Some(next), 1)
        );
    })
    .await;
}
