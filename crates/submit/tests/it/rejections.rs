use crate::world::{BOB, World};
use submit::{Enqueue, Error, State};
use testkit::on_each_engine;
use types::ChainId;

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_consumes_neither_idempotency_key_nor_nonce() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let keyed = |wei: u64| Enqueue {
            idempotency_key: Some("order-7".into()),
            ..world.payment(wei)
        };
        let denied = world.enqueue(keyed(2_000_000)).await;
        world.run_until_idle().await;
        let submission = world.get(denied).await;
        assert_eq!(submission.state, State::Denied);
        assert!(
            submission
                .reason
                .as_deref()
                .is_some_and(|reason| reason.contains("more than a million")),
            "{:?}",
            submission.reason
        );
        assert!(submission.transaction.is_none());
        // The same key works with a corrected command, and no nonce was used.
        let corrected = world.enqueue(keyed(7)).await;
        assert_ne!(corrected, denied);
        world.run_until_idle().await;
        world.mine(3).await;
        assert_eq!(
            (world.state(corrected).await, world.state(denied).await),
            (State::Final, State::Denied)
        );
        assert_eq!((world.nonce(), world.bob_balance()), (1, 7));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_signers_and_chains_are_rejected() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let mut unknown_signer = world.payment(1);
        unknown_signer.intent.signer = BOB.into();
        assert!(matches!(
            submit::enqueue(&world.submit, &world.principal, unknown_signer).await,
            Err(Error::UnknownSigner { .. })
        ));
        let mut unknown_chain = world.payment(1);
        unknown_chain.intent.chain = ChainId::evm(999);
        assert!(matches!(
            submit::enqueue(&world.submit, &world.principal, unknown_chain).await,
            Err(Error::UnknownChain { .. })
        ));
        let other = types::Principal {
            namespace: testkit::namespace("other"),
            ..world.principal.clone()
        };
        assert!(matches!(
            submit::enqueue(&world.submit, &other, world.payment(1)).await,
            Err(Error::UnknownSigner { .. })
        ));
        world.run_until_idle().await;
        assert_eq!(world.nonce(), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_wallet_signs_nothing_until_it_is_unfrozen() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        keys::freeze(
            &world.keys,
            &world.principal,
            keys::Scope::Namespace,
            false,
            "drill",
        )
        .await
        .unwrap();
        let id = world.enqueue(world.payment(5)).await;
        world.run_until_idle().await;
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
        keys::unfreeze(
            &world.keys,
            &world.principal,
            keys::Scope::Namespace,
            "over",
        )
        .await
        .unwrap();
        world.wait(6_000).await;
        world.run_until_idle().await;
        world.mine(3).await;
        assert_eq!(
            (world.state(id).await, world.nonce(), world.bob_balance()),
            (State::Final, 1, 5)
        );
    })
    .await;
}
