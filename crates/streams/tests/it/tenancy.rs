use crate::world::{World, principal, received};
use serde_json::json;
use streams::{DeadLetterSelection, Error, StartAt};
use testkit::http::{Server, ServerReply};
use testkit::on_each_engine;
use types::Page;

#[tokio::test(flavor = "multi_thread")]
async fn no_event_of_one_namespace_reaches_another() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let servers = [Server::start(), Server::start()];
        for (ns, server) in ["ns", "other"].iter().zip(&servers) {
            let delivery = json!({ "type": "webhook", "url": server.url("/") });
            let new = json!({ "name": "all", "delivery": delivery, "from": "oldest" });
            streams::subscribe(
                &world.streams,
                &principal(ns),
                serde_json::from_value(new).unwrap(),
                None,
            )
            .await
            .unwrap();
        }
        world
            .facts("work/0", "ns", "test.numbered", vec![json!({ "n": 1 })])
            .await;
        world
            .facts("work/0", "other", "test.numbered", vec![json!({ "n": 2 })])
            .await;
        world.run_until_idle().await;
        for (ns, server) in ["ns", "other"].iter().zip(&servers) {
            let events: Vec<_> = received(server)
                .into_iter()
                .flat_map(|call| call.events)
                .collect();
            assert!(
                events.iter().all(|event| event["namespace"] == json!(ns)),
                "{events:?}"
            );
            assert_eq!(
                events
                    .iter()
                    .filter(|event| event["type"] == "test.numbered")
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
async fn no_operation_reaches_another_namespace() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::with_handler(|_| ServerReply::status(500));
        let delivery = json!({ "type": "webhook", "url": server.url("/") });
        let retry = json!({ "initialMs": 100, "maxMs": 100, "attempts": 1 });
        let filter = json!({ "types": ["test.*"] });
        let new = json!({ "name": "a", "filter": filter, "delivery": delivery, "retry": retry });
        let id = world.subscribe(new).await.subscription.id;
        world.emit(0..1).await;
        world.run_until_idle().await;
        let before = (
            world.status(id).await,
            streams::subscription(&world.streams, &principal("ns"), id)
                .await
                .unwrap(),
        );
        assert_eq!(before.0.dead_letters, 1);

        let (s, other) = (&world.streams, &principal("other"));
        let unknown = Error::UnknownSubscription { id };
        let change = || serde_json::from_value(json!({ "name": "b" })).unwrap();
        assert_eq!(
            streams::subscription(s, other, id).await.unwrap_err(),
            unknown
        );
        assert_eq!(streams::status(s, other, id).await.unwrap_err(), unknown);
        assert_eq!(
            streams::update(s, other, id, change()).await.unwrap_err(),
            unknown
        );
        assert_eq!(streams::suspend(s, other, id).await.unwrap_err(), unknown);
        assert_eq!(streams::resume(s, other, id).await.unwrap_err(), unknown);
        assert_eq!(
            streams::rewind(s, other, id, StartAt::Oldest)
                .await
                .unwrap_err(),
            unknown
        );
        assert_eq!(
            streams::rotate_secret(s, other, id, 0).await.unwrap_err(),
            unknown
        );
        assert_eq!(
            streams::retire_secret(s, other, id, "x").await.unwrap_err(),
            unknown
        );
        assert_eq!(streams::secrets(s, other, id).await.unwrap_err(), unknown);
        assert_eq!(
            streams::dead_letters(s, other, id, &Page::default())
                .await
                .unwrap_err(),
            unknown
        );
        assert_eq!(
            streams::retry_dead_letters(s, other, id, DeadLetterSelection::All)
                .await
                .unwrap_err(),
            unknown
        );
        assert_eq!(
            streams::skip_event(s, other, id, 1).await.unwrap_err(),
            unknown
        );
        assert_eq!(
            streams::open_session(s, other, id).await.err(),
            Some(unknown.clone())
        );
        assert_eq!(
            streams::unsubscribe(s, other, id).await.unwrap_err(),
            unknown
        );
        assert_eq!(
            streams::subscriptions(s, other, &Page::default())
                .await
                .unwrap(),
            []
        );
        let after = (
            world.status(id).await,
            streams::subscription(&world.streams, &principal("ns"), id)
                .await
                .unwrap(),
        );
        assert_eq!(after, before);
    })
    .await;
}
