use crate::world::World;
use submit::State;
use testkit::on_each_engine;

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_falls_out_is_not_the_end() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        world.mine(3).await;
        let id = world.enqueue(world.payment(5)).await;
        world.settle().await;
        world.mine(1).await;
        let mined = world.get(id).await;
        assert_eq!(mined.state, State::Mined);
        world.node.reorg(1, &[]);
        world.settle().await;
        let after = world.get(id).await;
        assert_eq!(after.transaction, mined.transaction, "the same bytes");
        assert!(
            matches!(after.state, State::Accepted | State::Reorged),
            "{after:?}"
        );
        assert_eq!(world.bobs(), 0);
        world.settle().await;
        world.mine(3).await;
        assert_eq!(
            (world.state(id).await, world.nonce(), world.bobs()),
            (State::Final, 1, 5)
        );
        assert_eq!(
            submit::sent(&world.submit, &world.who, id)
                .await
                .unwrap()
                .len(),
            1
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_with_the_key_stops_the_lane() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let first = world.enqueue(world.payment(1)).await;
        world.settle().await;
        world.mine(3).await;
        assert_eq!(world.state(first).await, State::Final);
        // The node holds the same key and signs for whoever asks.
        world.somebody_else_pays(2);
        world.mine(1).await;
        let stuck = world.enqueue(world.payment(3)).await;
        world.settle().await;
        assert_eq!(world.state(stuck).await, State::Permitted);
        let lane = submit::lane_status(&world.submit, &world.who, &world.chain(), &world.signer)
            .await
            .unwrap()
            .unwrap();
        assert!(
            lane.paused
                .as_deref()
                .is_some_and(|why| why.contains("foreign use")),
            "{lane:?}"
        );
        submit::resume_lane(
            &world.submit,
            &world.who,
            &world.chain(),
            &world.signer,
            "it was me",
        )
        .await
        .unwrap();
        world.settle().await;
        world.mine(3).await;
        assert_eq!(
            (world.state(stuck).await, world.nonce(), world.bobs()),
            (State::Final, 3, 6)
        );
    })
    .await;
}
