use crate::world::{World, brought, numbers, who};
use serde_json::json;
use streams::{Letters, Limits};
use testkit::http::{Answer, Server};
use testkit::on_each_engine;

fn hook(server: &Server, more: serde_json::Value) -> serde_json::Value {
    let mut new = json!({
        "name": "a",
        "filter": { "types": ["test.*"] },
        "delivery": { "type": "webhook", "url": server.url("/"), "batch_size": 3 },
        "retry": { "initial_ms": 1_000, "max_ms": 4_000, "attempts": 4 }
    });
    new.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    new
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_batch_comes_again_later_and_later() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        server.script([
            Answer::status(500).with_body(b"not today"),
            Answer::Drop,
            Answer::status(503),
        ]);
        let id = world
            .subscribe(hook(&server, json!({})))
            .await
            .subscription
            .id;
        world.say(0..2).await;
        world.settle().await;
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

        // Half of each wait is certain: 500, 1,000, 2,000; the rest is chance.
        for (certain, whole, count) in [(500, 1_000, 2), (1_000, 2_000, 3), (2_000, 4_000, 4)] {
            world.advance(certain - 1).await;
            world.settle().await;
            assert_eq!(server.count(), count - 1, "not before half of the wait");
            world.advance(whole - certain + 1).await;
            world.settle().await;
            assert_eq!(server.count(), count, "not after the whole wait");
        }
        let got = brought(&server);
        assert!(
            got.windows(2)
                .all(|two| two[0].body == two[1].body && two[0].delivery == two[1].delivery)
        );
        assert_eq!(
            got.iter()
                .map(|one| one.attempt.as_str())
                .collect::<Vec<_>>(),
            ["1", "2", "3", "4"]
        );
        let status = world.status(id).await;
        assert_eq!(
            (status.state, status.delivered, status.dead),
            ("idle", 2, 0)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receiver_says_when_to_come_again() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        server.script([Answer::status(429).with_header("retry-after", "60")]);
        world.subscribe(hook(&server, json!({}))).await;
        world.say(0..1).await;
        world.settle().await;
        world.advance(59_999).await;
        world.settle().await;
        assert_eq!(server.count(), 1);
        world.advance(1).await;
        world.settle().await;
        assert_eq!(server.count(), 2);
    })
    .await;
}

/// One poisonous event in a batch: it is found, set aside with its bytes, and everything else
/// arrives in order.
#[tokio::test(flavor = "multi_thread")]
async fn poison_stops_only_itself() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::answering(|request| {
            let poisoned = request.json()["events"]
                .as_array()
                .unwrap()
                .iter()
                .any(|event| event["data"]["n"] == 1);
            Answer::status(if poisoned { 422 } else { 200 })
        });
        let id = world
            .subscribe(hook(&server, json!({})))
            .await
            .subscription
            .id;
        world.say(0..7).await;
        for _ in 0..12 {
            world.settle().await;
            world.advance(4_000).await;
        }
        let taken: Vec<_> = brought(&server)
            .into_iter()
            .filter(|one| one.events.iter().all(|e| e["data"]["n"] != 1))
            .collect();
        assert_eq!(numbers(&taken), [0, 2, 3, 4, 5, 6]);
        assert_eq!(
            server.count() - taken.len(),
            8,
            "four attempts together, four alone"
        );
        let dead = world.dead(id).await;
        assert_eq!(dead.len(), 1);
        assert_eq!((dead[0].sequence, dead[0].kind.as_str()), (2, "test.said"));
        assert_eq!(dead[0].event.as_ref().unwrap().to_value()["data"]["n"], 1);
        assert_eq!(dead[0].error.as_deref(), Some("the receiver answered 422"));
        let status = world.status(id).await;
        assert_eq!(
            (status.state, status.delivered, status.dead, status.waiting),
            ("idle", 6, 1, 0)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_retried_or_skipped() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        let new = hook(
            &server,
            json!({ "retry": { "initial_ms": 100, "max_ms": 100, "attempts": 1 } }),
        );
        let id = world.subscribe(new).await.subscription.id;
        server.script(std::iter::repeat_n(Answer::status(500), 3));
        world.say(0..2).await; // refused together, then each alone
        world.settle().await;
        assert_eq!(
            world
                .dead(id)
                .await
                .iter()
                .map(|dead| dead.sequence)
                .collect::<Vec<_>>(),
            [1, 2]
        );

        let who = who("ns");
        let unknown =
            streams::retry_dead(&world.streams, &who, id, Letters::These(vec![2, 9])).await;
        assert_eq!(unknown, Err(streams::Error::UnknownLetter { sequence: 9 }));
        streams::skip(&world.streams, &who, id, 1).await.unwrap();
        assert_eq!(
            streams::skip(&world.streams, &who, id, 1).await,
            Err(streams::Error::UnknownLetter { sequence: 1 })
        );
        world.say(2..3).await;
        world.settle().await;
        assert_eq!(
            streams::retry_dead(&world.streams, &who, id, Letters::All).await,
            Ok(1)
        );
        assert_eq!(
            streams::retry_dead(&world.streams, &who, id, Letters::All).await,
            Ok(0)
        );
        world.settle().await;
        let got = &brought(&server)[3..];
        assert_eq!(numbers(got), [2, 1]);
        assert_eq!(
            got[1].events[0]["sequence"], 4,
            "a new sequence for the same event"
        );
        assert_eq!(got[1].events[0]["id"], brought(&server)[0].events[1]["id"]);
        assert_eq!(world.dead(id).await, []);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_may_hold_instead() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        let rule = json!({ "on_error": "hold", "retry": { "initial_ms": 100, "max_ms": 100, "attempts": 1 } });
        let id = world.subscribe(hook(&server, rule)).await.subscription.id;
        server.script(std::iter::repeat_n(Answer::status(500), 3));
        world.say(0..1).await;
        world.settle().await;
        world.say(1..3).await;
        world.advance(3_600_000).await;
        world.settle().await;
        assert_eq!(server.count(), 1, "it holds");
        let status = world.status(id).await;
        assert_eq!((status.state, status.waiting, status.dead), ("held", 3, 0));
        assert_eq!(status.why.as_deref(), Some("the receiver answered 500"));

        streams::resume(&world.streams, &who("ns"), id).await.unwrap();
        world.settle().await;
        assert_eq!((server.count(), world.status(id).await.state), (2, "held"));
        let wrong = streams::skip(&world.streams, &who("ns"), id, 2).await;
        assert_eq!(wrong, Err(streams::Error::UnknownLetter { sequence: 2 }), "only what it holds at");
        streams::skip(&world.streams, &who("ns"), id, 1).await.unwrap();
        world.settle().await; // the third refusal: both of the next, which then go alone
        assert_eq!(numbers(&brought(&server)), [0, 0, 1, 2, 1, 2]);
        assert_eq!(world.status(id).await.delivered, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_gone_is_left_alone() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        server.script([Answer::status(410)]);
        let id = world
            .subscribe(hook(&server, json!({})))
            .await
            .subscription
            .id;
        world.say(0..1).await;
        world.settle().await;
        world.advance(3_600_000).await;
        world.settle().await;
        assert_eq!(server.count(), 1);
        let status = world.status(id).await;
        assert_eq!(status.state, "suspended");
        assert!(status.why.unwrap().contains("410"));
        streams::resume(&world.streams, &who("ns"), id)
            .await
            .unwrap();
        world.settle().await;
        assert_eq!(numbers(&brought(&server)), [0, 0], "nothing was lost by it");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_at_once_is_parted_at_once() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::answering(|request| {
            Answer::status(if request.json()["events"].as_array().unwrap().len() > 1 {
                413
            } else {
                200
            })
        });
        world.subscribe(hook(&server, json!({}))).await;
        world.say(0..3).await;
        world.settle().await;
        assert_eq!(numbers(&brought(&server)), [0, 1, 2, 0, 1, 2]);
    })
    .await;
}

/// A receiver that refuses everything cannot fill the database with dead letters.
#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_have_a_limit() {
    on_each_engine(|test| async move {
        let limits = Limits {
            dead: 2,
            ..Limits::default()
        };
        let mut world = World::with(test, limits, &["127.0.0.1"]).await;
        let server = Server::answering(|_| Answer::status(500));
        let rule = json!({ "retry": { "initial_ms": 100, "max_ms": 100, "attempts": 1 } });
        let id = world.subscribe(hook(&server, rule)).await.subscription.id;
        world.say(0..6).await;
        world.settle().await;
        let status = world.status(id).await;
        assert_eq!((status.state, status.dead, status.waiting), ("held", 2, 4));
    })
    .await;
}

/// Two dead receivers that want to hear of dead letters do not talk about each other for ever.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_word_about_deliveries_is_not_told() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::answering(|_| Answer::status(500));
        let rule = json!({ "initial_ms": 100, "max_ms": 100, "attempts": 1 });
        for name in ["a", "b"] {
            let delivery = json!({ "type": "webhook", "url": server.url("/") });
            let filter = json!({ "types": ["test.said", "delivery.*"] });
            world
                .subscribe(
                    json!({ "name": name, "filter": filter, "delivery": delivery, "retry": rule }),
                )
                .await;
        }
        world.say(0..1).await;
        world.settle().await;
        let kinds: Vec<_> = brought(&server)
            .iter()
            .flat_map(|one| one.events.clone())
            .map(|e| e["type"].clone())
            .collect();
        assert_eq!(kinds.iter().filter(|kind| **kind == "test.said").count(), 2);
        assert!(kinds.iter().any(|kind| *kind == "delivery.dead"));
    })
    .await;
}
