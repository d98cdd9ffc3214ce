use crate::world::World;
use submit::{Outcome, State};
use testkit::on_each_engine;
use types::ExecutionStatus;

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_goes_from_received_to_final() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let id = world.enqueue(world.payment(5)).await;
        assert_eq!(world.state(id).await, State::Received);
        world.run_until_idle().await;
        assert_eq!(world.state(id).await, State::Accepted);
        assert_eq!(world.bob_balance(), 0);
        world.mine(1).await;
        let mined = world.get(id).await;
        assert_eq!(
            (mined.state, mined.outcome, mined.block_height.map(|h| h.0)),
            (State::Mined, Some(ExecutionStatus::Succeeded), Some(1))
        );
        assert_eq!(world.bob_balance(), 5);
        world.mine(2).await;
        let done = world.get(id).await;
        assert_eq!(done.state, State::Final);
        assert!(done.fee.is_some_and(|fee| !fee.is_zero()));
        assert_eq!(world.nonce(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_keeps_its_order_and_its_in_flight_limit() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let mut ids = Vec::new();
        for wei in 1..=10 {
            ids.push(world.enqueue(world.payment(wei)).await);
        }
        world.run_until_idle().await;
        let mut accepted = 0;
        for id in &ids {
            accepted += usize::from(world.state(*id).await == State::Accepted);
        }
        assert_eq!(accepted, 4, "at most four are in flight");
        for _ in 0..4 {
            world.mine(1).await;
        }
        world.mine(2).await;
        let mut heights = Vec::new();
        for id in &ids {
            let submission = world.get(*id).await;
            assert_eq!(submission.state, State::Final);
            heights.push(submission.block_height.unwrap());
        }
        assert!(heights.is_sorted(), "mined in the order of receipt");
        assert_eq!((world.nonce(), world.bob_balance()), (10, 55));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_under_the_same_key_returns_the_first_submission() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else { return };
        let keyed = |wei: u64| submit::Enqueue { idempotency_key: Some("order-7".into()), ..world.payment(wei) };
        let first = world.enqueue(keyed(5)).await;
        world.run_until_idle().await;
        world.mine(3).await;
        let again = submit::enqueue(&world.submit, &world.principal, keyed(5)).await.unwrap();
        assert!(matches!(&again, Outcome::Replayed(replayed) if replayed.id == first && replayed.state == State::Final), "{again:?}");
        let other = submit::enqueue(&world.submit, &world.principal, keyed(6)).await;
        assert!(matches!(other, Err(submit::Error::IdempotencyKeyReused { .. })));
        world.mine(1).await;
        assert_eq!((world.nonce(), world.bob_balance()), (1, 5));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_uses_the_replay_key_of_its_target() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let id = world.enqueue(world.payment(5)).await;
        world.run_until_idle().await;
        let cancel = submit::cancel(&world.submit, &world.principal, id)
            .await
            .unwrap();
        assert_ne!(cancel.id, id);
        world.run_until_idle().await;
        assert_eq!(
            world.state(cancel.id).await,
            State::Accepted,
            "{:?}",
            world.get(cancel.id).await.reason
        );
        world.mine(1).await;
        world.mine(2).await;
        assert_eq!(
            (world.state(id).await, world.state(cancel.id).await),
            (State::Cancelled, State::Final)
        );
        assert_eq!((world.nonce(), world.bob_balance()), (1, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_before_signing_sends_no_transaction() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let id = world.enqueue(world.payment(5)).await;
        let withdrawn = submit::cancel(&world.submit, &world.principal, id)
            .await
            .unwrap();
        assert_eq!((withdrawn.id, withdrawn.state), (id, State::Failed));
        world.run_until_idle().await;
        world.mine(3).await;
        assert_eq!((world.nonce(), world.state(id).await), (0, State::Failed));
    })
    .await;
}
