use crate::world::{World, brought, who};
use serde_json::json;
use streams::{Error, From, Letters};
use testkit::http::{Answer, Server};
use testkit::on_each_engine;
use types::Page;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_one_namespace_reaches_another() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let servers = [Server::start(), Server::start()];
        for (ns, server) in ["ns", "other"].iter().zip(&servers) {
            let delivery = json!({ "type": "webhook", "url": server.url("/") });
            let new = json!({ "name": "all", "delivery": delivery, "from": "oldest" });
            streams::subscribe(
                &world.streams,
                &who(ns),
                serde_json::from_value(new).unwrap(),
                None,
            )
            .await
            .unwrap();
        }
        world
            .facts("work/0", "ns", "test.said", vec![json!({ "n": 1 })])
            .await;
        world
            .facts("work/0", "other", "test.said", vec![json!({ "n": 2 })])
            .await;
        world.settle().await;
        for (ns, server) in ["ns", "other"].iter().zip(&servers) {
            let events: Vec<_> = brought(server)
                .into_iter()
                .flat_map(|one| one.events)
                .collect();
            assert!(
                events.iter().all(|event| event["namespace"] == json!(ns)),
                "{events:?}"
            );
            assert_eq!(
                events
                    .iter()
                    .filter(|event| event["type"] == "test.said")
                    .count(),
                1
            );
            assert_eq!(
                events
                    .iter()
                    .filter(|event| event["type"] == "subscription.created")
                    .count(),
                1
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_verb_reaches_into_another_namespace() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::answering(|_| Answer::status(500));
        let delivery = json!({ "type": "webhook", "url": server.url("/") });
        let retry = json!({ "initial_ms": 100, "max_ms": 100, "attempts": 1 });
        let filter = json!({ "types": ["test.*"] });
        let new = json!({ "name": "a", "filter": filter, "delivery": delivery, "retry": retry });
        let id = world.subscribe(new).await.subscription.id;
        world.say(0..1).await;
        world.settle().await;
        let before = (
            world.status(id).await,
            streams::subscription(&world.streams, &who("ns"), id)
                .await
                .unwrap(),
        );
        assert_eq!(before.0.dead, 1);

        let (s, them) = (&world.streams, &who("other"));
        let unknown = Error::Unknown { id };
        let change = || serde_json::from_value(json!({ "name": "b" })).unwrap();
        assert_eq!(
            streams::subscription(s, them, id).await.unwrap_err(),
            unknown
        );
        assert_eq!(streams::status(s, them, id).await.unwrap_err(), unknown);
        assert_eq!(
            streams::update(s, them, id, change()).await.unwrap_err(),
            unknown
        );
        assert_eq!(streams::suspend(s, them, id).await.unwrap_err(), unknown);
        assert_eq!(streams::resume(s, them, id).await.unwrap_err(), unknown);
        assert_eq!(
            streams::rewind(s, them, id, From::Oldest)
                .await
                .unwrap_err(),
            unknown
        );
        assert_eq!(
            streams::rotate_secret(s, them, id, 0).await.unwrap_err(),
            unknown
        );
        assert_eq!(
            streams::retire_secret(s, them, id, "x").await.unwrap_err(),
            unknown
        );
        assert_eq!(streams::secrets(s, them, id).await.unwrap_err(), unknown);
        assert_eq!(
            streams::dead_letters(s, them, id, &Page::default())
                .await
                .unwrap_err(),
            unknown
        );
        assert_eq!(
            streams::retry_dead(s, them, id, Letters::All)
                .await
                .unwrap_err(),
            unknown
        );
        assert_eq!(streams::skip(s, them, id, 1).await.unwrap_err(), unknown);
        assert_eq!(
            streams::open(s, them, id).await.err(),
            Some(unknown.clone())
        );
        assert_eq!(
            streams::unsubscribe(s, them, id).await.unwrap_err(),
            unknown
        );
        assert_eq!(
            streams::subscriptions(s, them, &Page::default())
                .await
                .unwrap(),
            []
        );
        let after = (
            world.status(id).await,
            streams::subscription(&world.streams, &who("ns"), id)
                .await
                .unwrap(),
        );
        assert_eq!(after, before);
    })
    .await;
}
