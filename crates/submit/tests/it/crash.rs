use crate::world::World;
use serde_json::json;
use submit::State;
use testkit::{Fault, on_each_engine};

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_after_any_turn_pays_once() {
    on_each_engine(|test| async move {
        let Some(mut world) = World::new(test).await else {
            return;
        };
        let id = world.enqueue(world.payment(5)).await;
        for _ in 0..6 {
            world.turn().await;
            world = world.crash_and_restart().await;
        }
        world.run_until_idle().await;
        world.mine(1).await;
        world = world.crash_and_restart().await;
        world.mine(2).await;
        assert_eq!(
            (world.state(id).await, world.nonce(), world.bob_balance()),
            (State::Final, 1, 5)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_is_not_sent_twice() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        world
            .proxy
            .fail_next("eth_sendRawTransaction", Fault::LoseReply);
        let id = world.enqueue(world.payment(5)).await;
        world.run_until_idle().await;
        let unconfirmed = world.get(id).await;
        assert_eq!(unconfirmed.state, State::Signed, "{:?}", unconfirmed.reason);
        let world = world.crash_and_restart().await;
        world.wait(2_000).await;
        world.run_until_idle().await;
        assert_eq!(world.state(id).await, State::Accepted);
        world.mine(3).await;
        assert_eq!(
            (world.state(id).await, world.nonce(), world.bob_balance()),
            (State::Final, 1, 5)
        );
        let again = world.get(id).await;
        assert_eq!(
            submit::transactions(&world.submit, &world.principal, id)
                .await
                .unwrap()
                .len(),
            1,
            "{again:?}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_never_arrived_is_sent_again() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        world
            .proxy
            .fail_next("eth_sendRawTransaction", Fault::LoseCall);
        let id = world.enqueue(world.payment(5)).await;
        world.run_until_idle().await;
        assert_eq!(world.state(id).await, State::Signed);
        world.wait(2_000).await;
        world.run_until_idle().await;
        world.mine(3).await;
        assert_eq!(
            (world.state(id).await, world.nonce(), world.bob_balance()),
            (State::Final, 1, 5)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_a_node_drops_is_rebroadcast() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let id = world.enqueue(world.payment(5)).await;
        world.run_until_idle().await;
        let hash = world.get(id).await.transaction.unwrap();
        world.node.rpc("anvil_dropTransaction", json!([hash]));
        world.mine(1).await;
        assert_eq!(world.nonce(), 0);
        world.wait(31_000).await;
        world.run_until_idle().await;
        world.mine(3).await;
        assert_eq!(
            (world.state(id).await, world.nonce(), world.bob_balance()),
            (State::Final, 1, 5)
        );
        assert_eq!(
            world.get(id).await.transaction,
            Some(hash),
            "the same bytes"
        );
    })
    .await;
}
