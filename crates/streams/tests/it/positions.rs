use crate::world::{World, numbers, principal, received};
use serde_json::json;
use streams::StartAt;
use testkit::http::{Server, ServerReply};
use testkit::on_each_engine;

fn new(server: &Server, from: &str) -> serde_json::Value {
    let delivery = json!({ "type": "webhook", "url": server.url("/") });
    json!({ "name": format!("a-{}", from.replace('/', ".").replace(',', "_")), "filter": { "types": ["test.*"] }, "delivery": delivery, "from": from })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_subscription_starts_at_its_position() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        world.emit(0..10).await;
        let [newest, oldest, position] = [Server::start(), Server::start(), Server::start()];
        world.subscribe(new(&newest, "newest")).await;
        world.subscribe(new(&oldest, "oldest")).await;
        world.subscribe(new(&position, "work/0/7")).await;
        world.emit(10..12).await;
        world.run_until_idle().await;
        assert_eq!(numbers(&received(&newest)), [10, 11]);
        assert_eq!(numbers(&received(&oldest)), (0..12).collect::<Vec<u64>>());
        assert_eq!(numbers(&received(&position)), [7, 8, 9, 10, 11]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_position_is_rejected() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        world.emit(0..3).await;
        let server = Server::start();
        let id = world.hook("a", &server).await;
        for from in ["work/0/4", "nowhere/0/0", "work/0/1,work/0/2"] {
            let parsed = serde_json::from_value(new(&server, from)).unwrap();
            let error = streams::subscribe(&world.streams, &principal("ns"), parsed, None)
                .await
                .unwrap_err();
            assert!(
                matches!(&error, streams::Error::InvalidField { field, .. } if field == "from"),
                "{from}: {error}"
            );
            let error =
                streams::rewind(&world.streams, &principal("ns"), id, from.parse().unwrap())
                    .await
                    .unwrap_err();
            assert!(
                matches!(&error, streams::Error::InvalidField { field, .. } if field == "from"),
                "{from}: {error}"
            );
        }
        for text in ["", "yesterday", "work/0/x", "/3", "work/0/-1"] {
            assert!(text.parse::<StartAt>().is_err(), "{text}");
        }
    })
    .await;
}

/// A partition created after the subscription is read from its start: all its facts are newer than
/// the subscription.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_partition_is_read_from_its_start() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        world.emit(0..3).await;
        world.hook("a", &server).await;
        world.run_until_idle().await;
        world
            .facts(
                "work/9",
                "ns",
                "test.numbered",
                vec![json!({ "n": 100 }), json!({ "n": 101 })],
            )
            .await;
        world.run_until_idle().await;
        let mut world = world.crash().await;
        world
            .facts("work/10", "ns", "test.numbered", vec![json!({ "n": 200 })])
            .await;
        world.run_until_idle().await;
        assert_eq!(numbers(&received(&server)), [100, 101, 200]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewind_delivers_events_again() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        world.emit(0..5).await;
        let id = world
            .subscribe(new(&server, "oldest"))
            .await
            .subscription
            .id;
        world.run_until_idle().await;
        let first = received(&server);
        streams::rewind(
            &world.streams,
            &principal("ns"),
            id,
            "work/0/3".parse().unwrap(),
        )
        .await
        .unwrap();
        world.run_until_idle().await;
        assert_eq!(numbers(&received(&server)), [0, 1, 2, 3, 4, 3, 4]);
        let redelivered = &received(&server)[first.len()].events[0];
        assert_eq!(redelivered["id"], first[0].events[3]["id"]);
        assert_eq!(redelivered["cursor"], first[0].events[3]["cursor"]);
        assert_eq!(redelivered["sequence"], 6);
        streams::rewind(&world.streams, &principal("ns"), id, StartAt::Oldest)
            .await
            .unwrap();
        world.run_until_idle().await;
        assert_eq!(
            numbers(&received(&server)),
            [0, 1, 2, 3, 4, 3, 4, 0, 1, 2, 3, 4]
        );
    })
    .await;
}

/// A rewind while a batch is in flight and others wait: no event is duplicated, and the outcome of
/// the old batch is ignored.
#[tokio::test(flavor = "multi_thread")]
async fn a_rewind_voids_the_batch_in_flight() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        let id = world
            .subscribe(new(&server, "newest"))
            .await
            .subscription
            .id;
        world.emit(0..4).await;
        let mut claimed = None;
        for (n, shard) in world.shards.iter_mut().enumerate() {
            shard.dispatch().await.unwrap();
            claimed = shard
                .claim()
                .await
                .unwrap()
                .pop()
                .map(|outgoing| (n, outgoing))
                .or(claimed);
        }
        let (n, outgoing) = claimed.unwrap();
        streams::rewind(&world.streams, &principal("ns"), id, StartAt::Newest)
            .await
            .unwrap();
        let outcome = world.shards[n].post(&outgoing).await;
        assert_eq!(world.shards[n].record(&outgoing, &outcome).await, Ok(false));
        streams::rewind(
            &world.streams,
            &principal("ns"),
            id,
            "work/0/2".parse().unwrap(),
        )
        .await
        .unwrap();
        world.run_until_idle().await;
        assert_eq!(numbers(&received(&server)[1..]), [2, 3]);
        assert_eq!(world.status(id).await.delivered, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_subscription_catches_up_on_resume() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        server.script([ServerReply::status(500)]);
        let id = world.hook("a", &server).await;
        world.emit(0..2).await;
        world.run_until_idle().await;
        streams::suspend(&world.streams, &principal("ns"), id)
            .await
            .unwrap();
        world.emit(2..4).await;
        world.advance(3_600_000).await;
        world.run_until_idle().await;
        let status = world.status(id).await;
        assert_eq!(
            (server.count(), status.state, status.waiting),
            (1, "suspended", 2)
        );
        streams::resume(&world.streams, &principal("ns"), id)
            .await
            .unwrap();
        world.run_until_idle().await;
        assert_eq!(numbers(&received(&server)[1..]), [0, 1, 2, 3]);
    })
    .await;
}
