use crate::world::{World, principal};
use serde_json::{Value, json};
use streams::{Batch, Error, Session};
use testkit::on_each_engine;
use types::SubscriptionId;

async fn socket(world: &World, batch_size: u32, window: u32, more: Value) -> SubscriptionId {
    let delivery = json!({ "type": "websocket", "batchSize": batch_size, "window": window });
    let mut new = json!({ "name": "a", "filter": { "types": ["test.*"] }, "delivery": delivery });
    new.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    world.subscribe(new).await.subscription.id
}

async fn open(world: &World, id: SubscriptionId) -> Session {
    streams::open_session(&world.streams, &principal("ns"), id)
        .await
        .unwrap()
}

fn numbers(batch: &Batch) -> Vec<u64> {
    batch
        .events
        .iter()
        .map(|event| event.to_value()["data"]["n"].as_u64().unwrap())
        .collect()
}

async fn next(session: &mut Session) -> Option<(u64, Vec<u64>)> {
    session
        .next_batch()
        .await
        .unwrap()
        .map(|batch| (batch.number, numbers(&batch)))
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_in_flight_are_limited_by_the_window() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let id = socket(&world, 2, 2, json!({})).await;
        let mut session = open(&world, id).await;
        assert_eq!(next(&mut session).await, None);
        world.emit(0..7).await;
        world.run_until_idle().await;
        assert_eq!(next(&mut session).await, Some((1, vec![0, 1])));
        assert_eq!(next(&mut session).await, Some((2, vec![2, 3])));
        assert_eq!(next(&mut session).await, None, "two are in flight");
        session.ack(2).await.unwrap();
        assert_eq!(next(&mut session).await, Some((3, vec![4, 5])));
        session.ack(1).await.unwrap();
        session.ack(3).await.unwrap();
        assert_eq!(session.ack(3).await, Err(Error::UnknownBatch { number: 3 }));
        assert_eq!(next(&mut session).await, Some((4, vec![6])));
        session.ack(4).await.unwrap();
        let status = world.status(id).await;
        assert_eq!(
            (status.state, status.delivered, status.waiting),
            ("idle", 7, 0)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unacknowledged_batches_are_sent_again_on_the_next_connection() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let id = socket(&world, 2, 3, json!({})).await;
        world.emit(0..5).await;
        world.run_until_idle().await;
        let mut session = open(&world, id).await;
        for _ in 0..3 {
            next(&mut session).await.unwrap();
        }
        session.ack(2).await.unwrap();
        drop(session);
        let world = world.crash().await;
        let mut session = open(&world, id).await;
        assert_eq!(
            next(&mut session).await,
            Some((1, vec![0, 1])),
            "numbers start at 1 again"
        );
        assert_eq!(next(&mut session).await, Some((2, vec![4])));
        assert_eq!(session.ack(3).await, Err(Error::UnknownBatch { number: 3 }));
        session.close().await.unwrap();
        let status = world.status(id).await;
        assert_eq!(
            (status.waiting, status.consumer, status.why.as_deref()),
            (3, None, Some("no consumer is connected"))
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_batch_is_sent_again_immediately() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let id = socket(
            &world,
            2,
            1,
            json!({ "retry": { "initialMs": 100, "maxMs": 100, "attempts": 3 } }),
        )
        .await;
        world.emit(0..3).await;
        world.run_until_idle().await;
        let mut session = open(&world, id).await;
        let first = session.next_batch().await.unwrap().unwrap();
        session.nack(first.number, "not now").await.unwrap();
        let second = session.next_batch().await.unwrap().unwrap();
        assert_eq!(
            (second.number, second.rejections, &second.events),
            (2, 1, &first.events)
        );
        assert_eq!(session.ack(1).await, Err(Error::UnknownBatch { number: 1 }));
        session.ack(2).await.unwrap();
        assert_eq!(next(&mut session).await, Some((3, vec![2])));
        assert_eq!(
            world.status(id).await.last_error.as_deref(),
            Some("not now")
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_event_is_isolated() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let id = socket(
            &world,
            3,
            1,
            json!({ "retry": { "initialMs": 100, "maxMs": 100, "attempts": 2 } }),
        )
        .await;
        world.emit(0..4).await;
        world.run_until_idle().await;
        let mut session = open(&world, id).await;
        let mut seen = Vec::new();
        while let Some((number, numbers)) = next(&mut session).await {
            let rejects = numbers.contains(&1);
            seen.push(numbers);
            if rejects {
                session.nack(number, "invalid").await.unwrap()
            } else {
                session.ack(number).await.unwrap()
            }
        }
        assert_eq!(
            seen,
            [
                vec![0, 1, 2],
                vec![0, 1, 2],
                vec![0],
                vec![1],
                vec![1],
                vec![2],
                vec![3]
            ]
        );
        let dead = world.dead_letters(id).await;
        assert_eq!((dead.len(), dead[0].error.as_deref()), (1, Some("invalid")));
        streams::retry_dead_letters(
            &world.streams,
            &principal("ns"),
            id,
            streams::DeadLetterSelection::All,
        )
        .await
        .unwrap();
        assert_eq!(next(&mut session).await.unwrap().1, [1]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_subscription_sends_nothing_until_resumed() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let rule = json!({ "onError": "hold", "retry": { "initialMs": 100, "maxMs": 100, "attempts": 1 } });
        let id = socket(&world, 1, 1, rule).await;
        world.emit(0..2).await;
        world.run_until_idle().await;
        let mut session = open(&world, id).await;
        session.next_batch().await.unwrap().unwrap();
        session.nack(1, "no").await.unwrap();
        assert_eq!(next(&mut session).await, None);
        assert_eq!(world.status(id).await.state, "held");
        streams::resume(&world.streams, &principal("ns"), id).await.unwrap();
        assert_eq!(next(&mut session).await, Some((2, vec![0])));
        session.nack(2, "no").await.unwrap();
        streams::skip_event(&world.streams, &principal("ns"), id, 1).await.unwrap();
        assert_eq!(next(&mut session).await, Some((3, vec![1])));
        session.ack(3).await.unwrap();
        assert_eq!(world.status(id).await.state, "idle");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_to_batches_in_flight_do_not_resume_a_held_subscription() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let rule = json!({ "onError": "hold", "retry": { "initialMs": 100, "maxMs": 100, "attempts": 1 } });
        let id = socket(&world, 1, 3, rule).await;
        world.emit(0..4).await;
        world.run_until_idle().await;
        let mut session = open(&world, id).await;
        for _ in 0..3 {
            next(&mut session).await.unwrap();
        }
        session.nack(1, "no").await.unwrap();
        session.ack(2).await.unwrap();
        session.nack(3, "no again").await.unwrap();
        assert_eq!((next(&mut session).await, world.status(id).await.state), (None, "held"));
        streams::skip_event(&world.streams, &principal("ns"), id, 1).await.unwrap();
        assert_eq!(next(&mut session).await, Some((4, vec![2])), "later events are not lost");
        session.ack(4).await.unwrap();
        assert_eq!(next(&mut session).await, Some((5, vec![3])));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_consumer_takes_over() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let id = socket(&world, 5, 1, json!({})).await;
        world.emit(0..2).await;
        world.run_until_idle().await;
        let mut old = open(&world, id).await;
        next(&mut old).await.unwrap();
        let mut new = open(&world, id).await;
        assert_eq!(old.ack(1).await, Err(Error::TakenOver));
        assert_eq!(old.nack(1, "").await, Err(Error::TakenOver));
        assert_eq!(old.next_batch().await, Err(Error::TakenOver));
        old.close().await.unwrap();
        assert_eq!(
            next(&mut new).await,
            Some((1, vec![0, 1])),
            "closing the old one does not close the new one"
        );
        new.ack(1).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewind_reaches_the_open_connection() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let id = socket(&world, 5, 1, json!({})).await;
        world.emit(0..2).await;
        world.run_until_idle().await;
        let mut session = open(&world, id).await;
        next(&mut session).await.unwrap();
        streams::rewind(
            &world.streams,
            &principal("ns"),
            id,
            "work/0/1".parse().unwrap(),
        )
        .await
        .unwrap();
        world.run_until_idle().await;
        session.ack(1).await.unwrap(); // sent before the rewind: ignored
        assert_eq!(next(&mut session).await, Some((2, vec![0, 1])));
        session.ack(2).await.unwrap();
        assert_eq!(next(&mut session).await, None);
        assert_eq!(world.status(id).await.delivered, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_for_the_other_delivery_type_are_rejected() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let server = testkit::http::Server::start();
        let hook = world.hook("hook", &server).await;
        let opened = streams::open_session(&world.streams, &principal("ns"), hook).await;
        assert_eq!(
            opened.err(),
            Some(Error::DeliveryTypeMismatch {
                expected: "websocket".to_owned()
            })
        );
        let id = socket(&world, 1, 1, json!({})).await;
        let rotated = streams::rotate_secret(&world.streams, &principal("ns"), id, 0).await;
        assert_eq!(
            rotated.err(),
            Some(Error::DeliveryTypeMismatch {
                expected: "webhook".to_owned()
            })
        );
    })
    .await;
}
