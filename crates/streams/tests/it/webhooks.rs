use crate::world::{World, is_signed, numbers, principal, received};
use serde_json::json;
use testkit::http::Server;
use testkit::on_each_engine;
use types::Clock;

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_in_signed_batches() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        world.emit(0..3).await;
        let delivery = json!({ "type": "webhook", "url": server.url("/in?x=1"), "batchSize": 4, "headers": { "Authorization": "Bearer hush" } });
        let new = json!({ "name": "books", "filter": { "types": ["test.*"] }, "delivery": delivery });
        let created = world.subscribe(new).await;
        let secret = created.secret.clone().unwrap().secret;
        world.emit(3..10).await;
        world.run_until_idle().await;

        let calls = received(&server);
        assert_eq!(numbers(&calls), (3..10).collect::<Vec<u64>>(), "events before the subscription are not delivered");
        assert_eq!(calls.iter().map(|call| call.events.len()).collect::<Vec<_>>(), [4, 3]);
        let event = &calls[0].events[0];
        assert_eq!(event["type"], "test.numbered");
        assert_eq!(event["id"], event["cursor"]);
        assert_eq!(event["namespace"], "ns");
        assert_eq!(event["subject"], "object:1");
        assert_eq!(event["sequence"], 1);
        assert_eq!(calls[1].events[0]["sequence"], 5);
        for request in server.requests() {
            assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/in?x=1"));
            assert_eq!(request.header("content-type"), Some("application/json"));
            assert_eq!(request.header("authorization"), Some("Bearer hush"));
            assert_eq!(request.header("florin-subscription"), Some(created.subscription.id.to_string().as_str()));
            assert!(is_signed(&request, &secret));
            assert!(!is_signed(&request, "another"));
        }
        let status = world.status(created.subscription.id).await;
        assert_eq!((status.state, status.waiting, status.dead_letters, status.delivered, status.unread_facts), ("idle", 0, 0, 7, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_secrets_sign_during_a_rotation() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        let new = json!({ "name": "a", "filter": { "types": ["test.*"] }, "delivery": { "type": "webhook", "url": server.url("/") } });
        let created = world.subscribe(new).await;
        let (id, old) = (created.subscription.id, created.secret.unwrap());
        let new = streams::rotate_secret(&world.streams, &principal("ns"), id, 60_000).await.unwrap();
        let third = streams::rotate_secret(&world.streams, &principal("ns"), id, 60_000).await;
        assert_eq!(third.unwrap_err(), streams::Error::RotationInProgress);

        let signed = |world: &World| {
            let last = server.requests().pop().unwrap();
            let at = format!("t={},", world.test.clock.now().secs());
            assert!(last.header("florin-signature").unwrap().starts_with(&at));
            [&old.secret, &new.secret].map(|secret| is_signed(&last, secret))
        };
        world.emit(0..1).await;
        world.run_until_idle().await;
        assert_eq!(signed(&world), [true, true]);
        world.advance(60_000).await;
        world.emit(1..2).await;
        world.run_until_idle().await;
        assert_eq!(signed(&world), [false, true], "the overlap is over");

        let next = streams::rotate_secret(&world.streams, &principal("ns"), id, 60_000).await.unwrap();
        streams::retire_secret(&world.streams, &principal("ns"), id, &new.id).await.unwrap();
        world.emit(2..3).await;
        world.run_until_idle().await;
        assert_eq!(signed(&world), [false, false]);
        assert!(is_signed(&server.requests()[2], &next.secret));
        let last = streams::retire_secret(&world.streams, &principal("ns"), id, &next.id).await;
        assert_eq!(last.unwrap_err(), streams::Error::LastSecret);
        let known = streams::secrets(&world.streams, &principal("ns"), id).await.unwrap();
        assert_eq!(known.into_iter().map(|secret| secret.id).collect::<Vec<_>>(), [next.id]);
    })
    .await;
}

/// Signing secrets and header values are stored only encrypted, and never returned again.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_stored_encrypted() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let server = Server::start();
        let delivery = json!({ "type": "webhook", "url": server.url("/"), "headers": { "X-Key": "hush-hush" } });
        let created =
            world.subscribe(json!({ "name": "a", "filter": { "types": ["test.*"] }, "delivery": delivery })).await;
        let (id, secret) = (created.subscription.id, created.secret.clone().unwrap().secret);
        assert!(!format!("{created:?}").contains(&secret));
        let read = streams::subscription(&world.streams, &principal("ns"), id).await.unwrap();
        let dump = dump_text(&world).await;
        for hidden in [secret.as_str(), "hush-hush"] {
            assert!(!serde_json::to_string(&read).unwrap().contains(hidden));
            assert!(!dump.contains(hidden));
        }
        assert!(dump.contains("X-Key"), "the dump contains what is not secret");

        // A change without headers keeps them, and so does one with the values as read; so does
        // a rotation of the data key.
        let moved = json!({ "delivery": { "type": "webhook", "url": server.url("/moved") } });
        for _ in 0..2 {
            let change = serde_json::from_value(moved.clone()).unwrap();
            let read = streams::update(&world.streams, &principal("ns"), id, change).await.unwrap();
            let change = serde_json::from_value(json!({ "delivery": read.delivery })).unwrap();
            streams::update(&world.streams, &principal("ns"), id, change).await.unwrap();
        }
        let mut world = world.rotate_keys().await;
        assert_eq!(streams::count_outdated_secrets(&world.streams).await, Ok(1));
        let step = streams::reencrypt(&world.streams, "").await.unwrap();
        assert_eq!((step.reencrypted, step.undecryptable, &step.after), (1, 0, &Some(format!("ns/{id}"))));
        assert_eq!(streams::reencrypt(&world.streams, &step.after.unwrap()).await, Ok(Default::default()));
        assert_eq!(streams::count_outdated_secrets(&world.streams).await, Ok(0));
        world.emit(0..1).await;
        world.run_until_idle().await;
        let request = &server.requests()[0];
        assert_eq!((request.target.as_str(), request.header("x-key")), ("/moved", Some("hush-hush")));
        assert!(is_signed(request, &secret));
        let none = json!({ "type": "webhook", "url": server.url("/"), "headers": {} });
        let change = serde_json::from_value(json!({ "delivery": none })).unwrap();
        streams::update(&world.streams, &principal("ns"), id, change).await.unwrap();
        world.emit(1..2).await;
        world.run_until_idle().await;
        assert_eq!(server.requests()[1].header("x-key"), None);
    })
    .await;
}

/// All text of tables and facts that could contain a secret.
async fn dump_text(world: &World) -> String {
    let rows: Vec<(String,)> = world
        .test
        .db
        .read_unscoped(|tx| {
            let mut texts = tx.rows::<(String,)>("SELECT settings FROM subscription", ())?;
            texts.extend(tx.rows::<(String,)>("SELECT payload FROM fact", ())?);
            Ok::<_, store::Error>(texts)
        })
        .await
        .unwrap();
    rows.into_iter().map(|(text,)| text).collect()
}
