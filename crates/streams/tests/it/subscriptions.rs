use crate::world::{World, principal};
use serde_json::{Value, json};
use streams::{Error, NewSubscription, Settings};
use testkit::http::Server;
use testkit::on_each_engine;
use types::{Coded, Page};

fn valid() -> Value {
    json!({ "name": "a", "delivery": { "type": "webhook", "url": "https://hooks.example.org/x" } })
}

fn parse(value: &Value) -> NewSubscription {
    serde_json::from_value(value.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_name_the_invalid_field() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let long = "x".repeat(300);
        let cases = [
            ("/name", json!(""), "name"),
            ("/name", json!("a b"), "name"),
            ("/name", json!("x".repeat(65)), "name"),
            ("/delivery/url", json!("nowhere"), "delivery.url"),
            ("/delivery/url", json!("http://10.0.0.1/"), "delivery.url"),
            (
                "/delivery/url",
                json!("https://me:word@example.org/"),
                "delivery.url",
            ),
            ("/delivery/batchSize", json!(0), "delivery.batchSize"),
            ("/delivery/batchSize", json!(1_001), "delivery.batchSize"),
            ("/delivery/timeoutMs", json!(60_001), "delivery.timeoutMs"),
            (
                "/delivery/headers",
                json!({ "Host": "x" }),
                "delivery.headers.Host",
            ),
            (
                "/delivery/headers",
                json!({ "Florin-Signature": "x" }),
                "delivery.headers.Florin-Signature",
            ),
            (
                "/delivery/headers",
                json!({ "X-A": "a\r\nb: c" }),
                "delivery.headers.X-A",
            ),
            (
                "/delivery/headers",
                json!({ "a b": "x" }),
                "delivery.headers.a b",
            ),
            (
                "/delivery",
                json!({ "type": "websocket", "window": 33 }),
                "delivery.window",
            ),
            ("/filter", json!({ "types": ["a", ""] }), "filter.types[1]"),
            (
                "/filter",
                json!({ "subjects": [long] }),
                "filter.subjects[0]",
            ),
            (
                "/filter",
                json!({ "sources": vec!["0x"; 101] }),
                "filter.sources",
            ),
            ("/retry", json!({ "attempts": 0 }), "retry.attempts"),
            ("/retry", json!({ "initialMs": 99 }), "retry.initialMs"),
            (
                "/retry",
                json!({ "initialMs": 5_000, "maxMs": 4_000 }),
                "retry.maxMs",
            ),
        ];
        for (pointer, value, field) in cases {
            let mut new = valid();
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            new.pointer_mut(parent).unwrap()[key] = value.clone();
            let error = streams::subscribe(&world.streams, &principal("ns"), parse(&new), None)
                .await
                .unwrap_err();
            assert_eq!(error.field().as_deref(), Some(field), "{value}: {error}");
            assert_eq!(error.code().status, 400);
        }
        for unknown in [
            json!({ "color": 1 }),
            json!({ "delivery": { "type": "pigeon" } }),
            json!({ "filter": { "type": [] } }),
        ] {
            let mut new = valid();
            new.as_object_mut()
                .unwrap()
                .extend(unknown.as_object().unwrap().clone());
            assert!(
                serde_json::from_value::<NewSubscription>(new).is_err(),
                "{unknown}"
            );
        }
        let none = streams::subscriptions(&world.streams, &principal("ns"), &Page::default())
            .await
            .unwrap();
        assert_eq!(none, [], "nothing was created");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_is_returned_as_written() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let new = json!({
            "name": "books",
            "filter": { "types": ["event.*"], "finality": ["final"], "chain": "eip155:1", "topics": ["0x01"] },
            "delivery": { "type": "webhook", "url": "https://hooks.example.org/x", "headers": { "X-Key": "hush" }, "batchSize": 7, "timeoutMs": 1_000 },
            "retry": { "initialMs": 200, "maxMs": 300, "attempts": 4 },
            "onError": "hold",
            "suspended": true
        });
        let created = streams::subscribe(&world.streams, &principal("ns"), parse(&new), None).await.unwrap();
        let read = streams::subscription(&world.streams, &principal("ns"), created.subscription.id).await.unwrap();
        assert_eq!(read, created.subscription);
        let shown = serde_json::to_value(&read).unwrap();
        for member in ["name", "filter", "retry", "onError", "suspended"] {
            assert_eq!(shown[member], new[member], "{member}");
        }
        assert_eq!(shown["delivery"]["headers"], json!({ "X-Key": "" }));
        assert_eq!((shown["version"].as_i64(), shown["delivery"]["batchSize"].as_i64()), (Some(1), Some(7)));
        let listed = streams::subscriptions(&world.streams, &principal("ns"), &Page::default()).await.unwrap();
        assert_eq!(listed, [read]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_unique_and_subscriptions_limited() {
    on_each_engine(|test| async move {
        let world = World::with(
            test,
            Settings {
                subscriptions_per_namespace: 2,
                ..Settings::default()
            },
            &[],
        )
        .await;
        let subscribe = |name: &str| {
            let mut new = valid();
            new["name"] = json!(name);
            let streams = world.streams.clone();
            async move { streams::subscribe(&streams, &principal("ns"), parse(&new), None).await }
        };
        let first = subscribe("a").await.unwrap().subscription;
        assert_eq!(
            subscribe("a").await.unwrap_err(),
            Error::NameTaken {
                name: "a".to_owned()
            }
        );
        let second = subscribe("b").await.unwrap().subscription;
        assert_eq!(
            subscribe("c").await.unwrap_err(),
            Error::LimitExceeded { limit: 2 }
        );
        let rename = |name: &str| serde_json::from_value(json!({ "name": name })).unwrap();
        let taken = streams::update(&world.streams, &principal("ns"), second.id, rename("a")).await;
        assert_eq!(
            taken.unwrap_err(),
            Error::NameTaken {
                name: "a".to_owned()
            }
        );
        streams::unsubscribe(&world.streams, &principal("ns"), first.id)
            .await
            .unwrap();
        assert_eq!(
            streams::update(&world.streams, &principal("ns"), second.id, rename("a"))
                .await
                .unwrap()
                .version,
            2
        );
        let gone = streams::subscription(&world.streams, &principal("ns"), first.id).await;
        assert_eq!(
            gone.unwrap_err(),
            Error::UnknownSubscription { id: first.id }
        );
        subscribe("c").await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_creates_one_subscription() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let subscribe = |new: Value, key: &'static str| {
            let streams = world.streams.clone();
            async move { streams::subscribe(&streams, &principal("ns"), parse(&new), Some(key)).await }
        };
        let created = subscribe(valid(), "k").await.unwrap();
        let again = subscribe(valid(), "k").await.unwrap();
        assert_eq!(
            (again.subscription.id, again.replayed, again.secret),
            (created.subscription.id, true, None)
        );
        let mut other = valid();
        other["name"] = json!("b");
        assert_eq!(
            subscribe(other.clone(), "k").await.unwrap_err(),
            Error::IdempotencyKeyReused
        );
        // An error does not consume the key.
        assert!(matches!(
            subscribe(valid(), "l").await,
            Err(Error::NameTaken { .. })
        ));
        assert!(!subscribe(other, "l").await.unwrap().replayed);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_requires_the_current_version() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        let id = world.hook("a", &server).await;
        let change = |value: Value| serde_json::from_value(value).unwrap();
        let stale = change(json!({ "version": 7, "name": "b" }));
        let refused = streams::update(&world.streams, &principal("ns"), id, stale).await;
        assert_eq!(
            refused.unwrap_err(),
            Error::VersionConflict {
                expected: 7,
                actual: 1
            }
        );
        let other_type = change(json!({ "delivery": { "type": "websocket" } }));
        assert_eq!(
            streams::update(&world.streams, &principal("ns"), id, other_type)
                .await
                .unwrap_err(),
            Error::DeliveryTypeMismatch {
                expected: "webhook".to_owned()
            }
        );
        let filter = change(json!({ "version": 1, "filter": { "types": ["none"] } }));
        assert_eq!(
            streams::update(&world.streams, &principal("ns"), id, filter)
                .await
                .unwrap()
                .version,
            2
        );
        world.emit(0..2).await;
        world.run_until_idle().await;
        assert_eq!(server.count(), 0, "the new filter applies");
    })
    .await;
}

/// Every operation is recorded as a fact with its actor.
#[tokio::test(flavor = "multi_thread")]
async fn every_operation_appends_a_fact() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let server = Server::start();
        let (streams, principal) = (world.streams.clone(), principal("ns"));
        let id = world.hook("a", &server).await;
        streams::suspend(&streams, &principal, id).await.unwrap();
        streams::resume(&streams, &principal, id).await.unwrap();
        streams::rewind(&streams, &principal, id, streams::StartAt::Oldest)
            .await
            .unwrap();
        let secret = streams::rotate_secret(&streams, &principal, id, 1)
            .await
            .unwrap();
        streams::retire_secret(&streams, &principal, id, &secret.id)
            .await
            .unwrap();
        streams::unsubscribe(&streams, &principal, id)
            .await
            .unwrap();
        let at = store::Cursor {
            partition: "api/0".into(),
            seq: 0,
        };
        let facts = world
            .test
            .db
            .read_unscoped(move |tx| store::facts_after(tx, &at, 100))
            .await
            .unwrap();
        let actual: Vec<_> = facts
            .iter()
            .map(|fact| (fact.kind.as_str(), fact.subjects[0].version))
            .collect();
        let expected = [
            ("subscription.created", 1),
            ("subscription.suspended", 2),
            ("subscription.resumed", 3),
            ("subscription.rewound", 4),
            ("subscription.secret_rotated", 5),
            ("subscription.secret_retired", 6),
            ("subscription.deleted", 7),
        ];
        assert_eq!(actual, expected);
        assert!(
            facts
                .iter()
                .all(|fact| fact.actor == "ns/app" && fact.subjects[0].id == id.to_string())
        );
    })
    .await;
}
