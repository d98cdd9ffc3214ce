use crate::world::{World, brought, is_signed, numbers, who};
use serde_json::json;
use testkit::http::Server;
use testkit::on_each_engine;
use types::Clock;

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_arrives_in_signed_batches() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        world.say(0..3).await;
        let delivery = json!({ "type": "webhook", "url": server.url("/in?x=1"), "batch_size": 4, "headers": { "Authorization": "Bearer hush" } });
        let new = json!({ "name": "books", "filter": { "types": ["test.*"] }, "delivery": delivery });
        let made = world.subscribe(new).await;
        let secret = made.secret.clone().unwrap().secret;
        world.say(3..10).await;
        world.settle().await;

        let got = brought(&server);
        assert_eq!(numbers(&got), (3..10).collect::<Vec<u64>>(), "what was before the subscription is not told");
        assert_eq!(got.iter().map(|one| one.events.len()).collect::<Vec<_>>(), [4, 3]);
        let event = &got[0].events[0];
        assert_eq!(event["type"], "test.said");
        assert_eq!(event["id"], event["cursor"]);
        assert_eq!(event["namespace"], "ns");
        assert_eq!(event["subject"], "thing:1");
        assert_eq!(event["sequence"], 1);
        assert_eq!(got[1].events[0]["sequence"], 5);
        for request in server.requests() {
            assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/in?x=1"));
            assert_eq!(request.header("content-type"), Some("application/json"));
            assert_eq!(request.header("authorization"), Some("Bearer hush"));
            assert_eq!(request.header("florin-subscription"), Some(made.subscription.id.to_string().as_str()));
            assert!(is_signed(&request, &secret));
            assert!(!is_signed(&request, "another"));
        }
        let status = world.status(made.subscription.id).await;
        assert_eq!((status.state, status.waiting, status.dead, status.delivered, status.behind), ("idle", 0, 0, 7, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_secrets_sign_while_one_replaces_the_other() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        let new = json!({ "name": "a", "filter": { "types": ["test.*"] }, "delivery": { "type": "webhook", "url": server.url("/") } });
        let made = world.subscribe(new).await;
        let (id, old) = (made.subscription.id, made.secret.unwrap());
        let new = streams::rotate_secret(&world.streams, &who("ns"), id, 60_000).await.unwrap();
        let third = streams::rotate_secret(&world.streams, &who("ns"), id, 60_000).await;
        assert_eq!(third.unwrap_err(), streams::Error::TwoSecrets);

        let signed = |world: &World| {
            let last = server.requests().pop().unwrap();
            let at = format!("t={},", world.test.clock.now().secs());
            assert!(last.header("florin-signature").unwrap().starts_with(&at));
            [&old.secret, &new.secret].map(|secret| is_signed(&last, secret))
        };
        world.say(0..1).await;
        world.settle().await;
        assert_eq!(signed(&world), [true, true]);
        world.advance(60_000).await;
        world.say(1..2).await;
        world.settle().await;
        assert_eq!(signed(&world), [false, true], "the overlap is over");

        let next = streams::rotate_secret(&world.streams, &who("ns"), id, 60_000).await.unwrap();
        streams::retire_secret(&world.streams, &who("ns"), id, &new.id).await.unwrap();
        world.say(2..3).await;
        world.settle().await;
        assert_eq!(signed(&world), [false, false]);
        assert!(is_signed(&server.requests()[2], &next.secret));
        let last = streams::retire_secret(&world.streams, &who("ns"), id, &next.id).await;
        assert_eq!(last.unwrap_err(), streams::Error::LastSecret);
        let known = streams::secrets(&world.streams, &who("ns"), id).await.unwrap();
        assert_eq!(known.into_iter().map(|one| one.id).collect::<Vec<_>>(), [next.id]);
    })
    .await;
}

/// Neither the signing secret nor the value of a header stands anywhere but sealed, and neither is
/// ever told again.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_kept() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let server = Server::start();
        let delivery = json!({ "type": "webhook", "url": server.url("/"), "headers": { "X-Key": "hush-hush" } });
        let made =
            world.subscribe(json!({ "name": "a", "filter": { "types": ["test.*"] }, "delivery": delivery })).await;
        let (id, secret) = (made.subscription.id, made.secret.clone().unwrap().secret);
        assert!(!format!("{made:?}").contains(&secret));
        let read = streams::subscription(&world.streams, &who("ns"), id).await.unwrap();
        let dump = everything(&world).await;
        for hidden in [secret.as_str(), "hush-hush"] {
            assert!(!serde_json::to_string(&read).unwrap().contains(hidden));
            assert!(!dump.contains(hidden));
        }
        assert!(dump.contains("X-Key"), "the dump shows what is not hidden");

        // A change that names no headers keeps them, so does one that gives back what was read; the keys behind the seal may change.
        let moved = json!({ "delivery": { "type": "webhook", "url": server.url("/moved") } });
        for _ in 0..2 {
            let change = serde_json::from_value(moved.clone()).unwrap();
            let read = streams::update(&world.streams, &who("ns"), id, change).await.unwrap();
            let change = serde_json::from_value(json!({ "delivery": read.delivery })).unwrap();
            streams::update(&world.streams, &who("ns"), id, change).await.unwrap();
        }
        let mut world = world.rotate_keys().await;
        assert_eq!(streams::sealed_before(&world.streams).await, Ok(1));
        let step = streams::reseal(&world.streams, "").await.unwrap();
        assert_eq!((step.resealed, step.broken, &step.after), (1, 0, &Some(format!("ns/{id}"))));
        assert_eq!(streams::reseal(&world.streams, &step.after.unwrap()).await, Ok(Default::default()));
        assert_eq!(streams::sealed_before(&world.streams).await, Ok(0));
        world.say(0..1).await;
        world.settle().await;
        let request = &server.requests()[0];
        assert_eq!((request.target.as_str(), request.header("x-key")), ("/moved", Some("hush-hush")));
        assert!(is_signed(request, &secret));
        let none = json!({ "type": "webhook", "url": server.url("/"), "headers": {} });
        let change = serde_json::from_value(json!({ "delivery": none })).unwrap();
        streams::update(&world.streams, &who("ns"), id, change).await.unwrap();
        world.say(1..2).await;
        world.settle().await;
        assert_eq!(server.requests()[1].header("x-key"), None);
    })
    .await;
}

/// All text of the tables and facts that could hold a secret.
async fn everything(world: &World) -> String {
    let rows: Vec<(String,)> = world
        .test
        .db
        .read_unbound(|tx| {
            let mut all = tx.rows::<(String,)>("SELECT settings FROM subscription", ())?;
            all.extend(tx.rows::<(String,)>("SELECT payload FROM fact", ())?);
            Ok::<_, store::Error>(all)
        })
        .await
        .unwrap();
    rows.into_iter().map(|(text,)| text).collect()
}
