use crate::world::World;
use submit::State;
use testkit::on_each_engine;

#[tokio::test(flavor = "multi_thread")]
async fn a_reorganized_submission_is_mined_again_with_the_same_bytes() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        world.mine(3).await;
        let id = world.enqueue(world.payment(5)).await;
        world.run_until_idle().await;
        world.mine(1).await;
        let mined = world.get(id).await;
        assert_eq!(mined.state, State::Mined);
        world.node.reorg(1, &[]);
        world.run_until_idle().await;
        let after = world.get(id).await;
        assert_eq!(after.transaction, mined.transaction, "the bytes changed");
        assert!(
            matches!(after.state, State::Accepted | State::Reorged),
            "{after:?}"
        );
        assert_eq!(world.bob_balance(), 0);
        world.run_until_idle().await;
        world.mine(3).await;
        assert_eq!(
            (world.state(id).await, world.nonce(), world.bob_balance()),
            (State::Final, 1, 5)
        );
        assert_eq!(
            submit::transactions(&world.submit, &world.principal, id)
                .await
                .unwrap()
                .len(),
            1
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_use_of_the_key_pauses_the_lane() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let first = world.enqueue(world.payment(1)).await;
        world.run_until_idle().await;
        world.mine(3).await;
        assert_eq!(world.state(first).await, State::Final);
        // The node has the same key and signs with it.
        world.pay_outside_florin(2);
        world.mine(1).await;
        let stuck = world.enqueue(world.payment(3)).await;
        world.run_until_idle().await;
        assert_eq!(world.state(stuck).await, State::Permitted);
        let lane = submit::lane_status(
            &world.submit,
            &world.principal,
            &world.chain(),
            &world.signer,
        )
        .await
        .unwrap();
        assert!(
            lane.paused
                .as_deref()
                .is_some_and(|reason| reason.contains("foreign use")),
            "{lane:?}"
        );
        submit::resume_lane(
            &world.submit,
            &world.principal,
            &world.chain(),
            &world.signer,
            "it was me",
        )
        .await
        .unwrap();
        world.run_until_idle().await;
        world.mine(3).await;
        assert_eq!(
            (world.state(stuck).await, world.nonce(), world.bob_balance()),
            (State::Final, 3, 6)
        );
    })
    .await;
}
