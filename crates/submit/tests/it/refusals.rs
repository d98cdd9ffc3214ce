use crate::world::{BOB, World};
use submit::{Enqueue, Error, State};
use testkit::on_each_engine;
use types::ChainId;

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_burns_neither_key_nor_nonce() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let keyed = |wei: u64| Enqueue {
            key: Some("order-7".into()),
            ..world.payment(wei)
        };
        let denied = world.enqueue(keyed(2_000_000)).await;
        world.settle().await;
        let one = world.get(denied).await;
        assert_eq!(one.state, State::Denied);
        assert!(
            one.reason
                .as_deref()
                .is_some_and(|reason| reason.contains("more than a million")),
            "{:?}",
            one.reason
        );
        assert!(one.transaction.is_none());
        // The same key carries a better command, and nothing was used up.
        let better = world.enqueue(keyed(7)).await;
        assert_ne!(better, denied);
        world.settle().await;
        world.mine(3).await;
        assert_eq!(
            (world.state(better).await, world.state(denied).await),
            (State::Final, State::Denied)
        );
        assert_eq!((world.nonce(), world.bobs()), (1, 7));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_known_is_refused_at_the_door() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let mut stranger = world.payment(1);
        stranger.intent.signer = BOB.into();
        assert!(matches!(
            submit::enqueue(&world.submit, &world.who, stranger).await,
            Err(Error::UnknownSigner { .. })
        ));
        let mut elsewhere = world.payment(1);
        elsewhere.intent.chain = ChainId::evm(999);
        assert!(matches!(
            submit::enqueue(&world.submit, &world.who, elsewhere).await,
            Err(Error::UnknownChain { .. })
        ));
        let other = types::Principal {
            namespace: testkit::namespace("other"),
            ..world.who.clone()
        };
        assert!(matches!(
            submit::enqueue(&world.submit, &other, world.payment(1)).await,
            Err(Error::UnknownSigner { .. })
        ));
        world.settle().await;
        assert_eq!(world.nonce(), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_wallet_signs_nothing_until_it_is_thawed() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        keys::freeze(
            &world.keys,
            &world.who,
            keys::Scope::Namespace,
            false,
            "drill",
        )
        .await
        .unwrap();
        let id = world.enqueue(world.payment(5)).await;
        world.settle().await;
        let waiting = world.get(id).await;
        assert_eq!(waiting.state, State::Permitted);
        assert!(
            waiting
                .reason
                .as_deref()
                .is_some_and(|reason| reason.contains("frozen")),
            "{:?}",
            waiting.reason
        );
        keys::unfreeze(&world.keys, &world.who, keys::Scope::Namespace, "over")
            .await
            .unwrap();
        world.wait(6_000).await;
        world.settle().await;
        world.mine(3).await;
        assert_eq!(
            (world.state(id).await, world.nonce(), world.bobs()),
            (State::Final, 1, 5)
        );
    })
    .await;
}
