use crate::world::{World, numbers, principal, received};
use serde_json::json;
use streams::{DeadLetterSelection, Settings};
use testkit::http::{Server, ServerReply};
use testkit::on_each_engine;

fn hook(server: &Server, more: serde_json::Value) -> serde_json::Value {
    let mut new = json!({
        "name": "a",
        "filter": { "types": ["test.*"] },
        "delivery": { "type": "webhook", "url": server.url("/"), "batchSize": 3 },
        "retry": { "initialMs": 1_000, "maxMs": 4_000, "attempts": 4 }
    });
    new.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    new
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_batch_is_retried_with_backoff() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        server.script([
            ServerReply::status(500).with_body(b"not today"),
            ServerReply::Drop,
            ServerReply::status(503),
        ]);
        let id = world
            .subscribe(hook(&server, json!({})))
            .await
            .subscription
            .id;
        world.emit(0..2).await;
        world.run_until_idle().await;
        assert_eq!(server.count(), 1);
        let status = world.status(id).await;
        assert_eq!(
            (status.state, status.attempts, status.waiting),
            ("waiting", 1, 2)
        );
        assert_eq!(
            status.last_error.as_deref(),
            Some("the receiver answered 500: not today")
        );
        assert!(status.remedy.is_some());

        // Half of each delay is fixed: 500, 1,000, 2,000; the rest is jitter.
        for (fixed, full, count) in [(500, 1_000, 2), (1_000, 2_000, 3), (2_000, 4_000, 4)] {
            world.advance(fixed - 1).await;
            world.run_until_idle().await;
            assert_eq!(server.count(), count - 1, "not before half of the delay");
            world.advance(full - fixed + 1).await;
            world.run_until_idle().await;
            assert_eq!(server.count(), count, "not after the whole delay");
        }
        let calls = received(&server);
        assert!(
            calls
                .windows(2)
                .all(|pair| pair[0].body == pair[1].body && pair[0].delivery == pair[1].delivery)
        );
        assert_eq!(
            calls
                .iter()
                .map(|call| call.attempt.as_str())
                .collect::<Vec<_>>(),
            ["1", "2", "3", "4"]
        );
        let status = world.status(id).await;
        assert_eq!(
            (status.state, status.delivered, status.dead_letters),
            ("idle", 2, 0)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_is_honored() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        server.script([ServerReply::status(429).with_header("retry-after", "60")]);
        world.subscribe(hook(&server, json!({}))).await;
        world.emit(0..1).await;
        world.run_until_idle().await;
        world.advance(59_999).await;
        world.run_until_idle().await;
        assert_eq!(server.count(), 1);
        world.advance(1).await;
        world.run_until_idle().await;
        assert_eq!(server.count(), 2);
    })
    .await;
}

/// One event that always fails: it becomes a dead letter with its bytes, and all others arrive in
/// order.
#[tokio::test(flavor = "multi_thread")]
async fn a_failing_event_is_isolated() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::with_handler(|request| {
            let fails = request.json()["events"]
                .as_array()
                .unwrap()
                .iter()
                .any(|event| event["data"]["n"] == 1);
            ServerReply::status(if fails { 422 } else { 200 })
        });
        let id = world
            .subscribe(hook(&server, json!({})))
            .await
            .subscription
            .id;
        world.emit(0..7).await;
        for _ in 0..12 {
            world.run_until_idle().await;
            world.advance(4_000).await;
        }
        let delivered: Vec<_> = received(&server)
            .into_iter()
            .filter(|call| call.events.iter().all(|e| e["data"]["n"] != 1))
            .collect();
        assert_eq!(numbers(&delivered), [0, 2, 3, 4, 5, 6]);
        assert_eq!(
            server.count() - delivered.len(),
            8,
            "four attempts as a batch, four on its own"
        );
        let dead = world.dead_letters(id).await;
        assert_eq!(dead.len(), 1);
        assert_eq!(
            (dead[0].sequence, dead[0].kind.as_str()),
            (2, "test.numbered")
        );
        assert_eq!(dead[0].event.as_ref().unwrap().to_value()["data"]["n"], 1);
        assert_eq!(dead[0].error.as_deref(), Some("the receiver answered 422"));
        let status = world.status(id).await;
        assert_eq!(
            (
                status.state,
                status.delivered,
                status.dead_letters,
                status.waiting
            ),
            ("idle", 6, 1, 0)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_retried_or_skipped() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        let new = hook(
            &server,
            json!({ "retry": { "initialMs": 100, "maxMs": 100, "attempts": 1 } }),
        );
        let id = world.subscribe(new).await.subscription.id;
        server.script(std::iter::repeat_n(ServerReply::status(500), 3));
        world.emit(0..2).await; // fails as a batch, then each event on its own
        world.run_until_idle().await;
        assert_eq!(
            world
                .dead_letters(id)
                .await
                .iter()
                .map(|dead| dead.sequence)
                .collect::<Vec<_>>(),
            [1, 2]
        );

        let principal = principal("ns");
        let unknown = streams::retry_dead_letters(
            &world.streams,
            &principal,
            id,
            DeadLetterSelection::Sequences(vec![2, 9]),
        )
        .await;
        assert_eq!(
            unknown,
            Err(streams::Error::UnknownDeadLetter { sequence: 9 })
        );
        streams::skip_event(&world.streams, &principal, id, 1)
            .await
            .unwrap();
        assert_eq!(
            streams::skip_event(&world.streams, &principal, id, 1).await,
            Err(streams::Error::UnknownDeadLetter { sequence: 1 })
        );
        world.emit(2..3).await;
        world.run_until_idle().await;
        assert_eq!(
            streams::retry_dead_letters(&world.streams, &principal, id, DeadLetterSelection::All)
                .await,
            Ok(1)
        );
        assert_eq!(
            streams::retry_dead_letters(&world.streams, &principal, id, DeadLetterSelection::All)
                .await,
            Ok(0)
        );
        world.run_until_idle().await;
        let calls = &received(&server)[3..];
        assert_eq!(numbers(calls), [2, 1]);
        assert_eq!(
            calls[1].events[0]["sequence"], 4,
            "the same event has a new sequence"
        );
        assert_eq!(
            calls[1].events[0]["id"],
            received(&server)[0].events[1]["id"]
        );
        assert_eq!(world.dead_letters(id).await, []);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_can_be_held_instead() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        let rule = json!({ "onError": "hold", "retry": { "initialMs": 100, "maxMs": 100, "attempts": 1 } });
        let id = world.subscribe(hook(&server, rule)).await.subscription.id;
        server.script(std::iter::repeat_n(ServerReply::status(500), 3));
        world.emit(0..1).await;
        world.run_until_idle().await;
        world.emit(1..3).await;
        world.advance(3_600_000).await;
        world.run_until_idle().await;
        assert_eq!(server.count(), 1, "it is held");
        let status = world.status(id).await;
        assert_eq!((status.state, status.waiting, status.dead_letters), ("held", 3, 0));
        assert_eq!(status.why.as_deref(), Some("the receiver answered 500"));

        streams::resume(&world.streams, &principal("ns"), id).await.unwrap();
        world.run_until_idle().await;
        assert_eq!((server.count(), world.status(id).await.state), (2, "held"));
        let result = streams::skip_event(&world.streams, &principal("ns"), id, 2).await;
        assert_eq!(result, Err(streams::Error::UnknownDeadLetter { sequence: 2 }), "only the event at which it is held");
        streams::skip_event(&world.streams, &principal("ns"), id, 1).await.unwrap();
        // The third failure: the next two as a batch, which is then split.
        world.run_until_idle().await;
        assert_eq!(numbers(&received(&server)), [0, 0, 1, 2, 1, 2]);
        assert_eq!(world.status(id).await.delivered, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_410_suspends_the_subscription() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        server.script([ServerReply::status(410)]);
        let id = world
            .subscribe(hook(&server, json!({})))
            .await
            .subscription
            .id;
        world.emit(0..1).await;
        world.run_until_idle().await;
        world.advance(3_600_000).await;
        world.run_until_idle().await;
        assert_eq!(server.count(), 1);
        let status = world.status(id).await;
        assert_eq!(status.state, "suspended");
        assert!(status.why.unwrap().contains("410"));
        streams::resume(&world.streams, &principal("ns"), id)
            .await
            .unwrap();
        world.run_until_idle().await;
        assert_eq!(numbers(&received(&server)), [0, 0], "no event is lost");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_413_splits_the_batch_immediately() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::with_handler(|request| {
            ServerReply::status(if request.json()["events"].as_array().unwrap().len() > 1 {
                413
            } else {
                200
            })
        });
        world.subscribe(hook(&server, json!({}))).await;
        world.emit(0..3).await;
        world.run_until_idle().await;
        assert_eq!(numbers(&received(&server)), [0, 1, 2, 0, 1, 2]);
    })
    .await;
}

/// A receiver that always fails cannot fill the database with dead letters.
#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_limited() {
    on_each_engine(|test| async move {
        let limits = Settings {
            dead_letters_per_subscription: 2,
            ..Settings::default()
        };
        let mut world = World::with(test, limits, &["127.0.0.1"]).await;
        let server = Server::with_handler(|_| ServerReply::status(500));
        let rule = json!({ "retry": { "initialMs": 100, "maxMs": 100, "attempts": 1 } });
        let id = world.subscribe(hook(&server, rule)).await.subscription.id;
        world.emit(0..6).await;
        world.run_until_idle().await;
        let status = world.status(id).await;
        assert_eq!(
            (status.state, status.dead_letters, status.waiting),
            ("held", 2, 4)
        );
    })
    .await;
}

/// Two failing receivers that subscribe to delivery events do not cause dead letters about each
/// other without end.
#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_of_delivery_events_cause_no_events() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::with_handler(|_| ServerReply::status(500));
        let rule = json!({ "initialMs": 100, "maxMs": 100, "attempts": 1 });
        for name in ["a", "b"] {
            let delivery = json!({ "type": "webhook", "url": server.url("/") });
            let filter = json!({ "types": ["test.numbered", "delivery.*"] });
            world
                .subscribe(
                    json!({ "name": name, "filter": filter, "delivery": delivery, "retry": rule }),
                )
                .await;
        }
        world.emit(0..1).await;
        world.run_until_idle().await;
        let kinds: Vec<_> = received(&server)
            .iter()
            .flat_map(|call| call.events.clone())
            .map(|e| e["type"].clone())
            .collect();
        assert_eq!(
            kinds
                .iter()
                .filter(|kind| **kind == "test.numbered")
                .count(),
            2
        );
        assert!(kinds.iter().any(|kind| *kind == "delivery.dead"));
    })
    .await;
}
