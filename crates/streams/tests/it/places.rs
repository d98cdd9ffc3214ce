use crate::world::{World, brought, numbers, who};
use serde_json::json;
use streams::From;
use testkit::http::{Answer, Server};
use testkit::on_each_engine;

fn new(server: &Server, from: &str) -> serde_json::Value {
    let delivery = json!({ "type": "webhook", "url": server.url("/") });
    json!({ "name": format!("a-{}", from.replace('/', ".").replace(',', "_")), "filter": { "types": ["test.*"] }, "delivery": delivery, "from": from })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_subscription_begins_where_it_says() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        world.say(0..10).await;
        let [newest, oldest, place] = [Server::start(), Server::start(), Server::start()];
        world.subscribe(new(&newest, "newest")).await;
        world.subscribe(new(&oldest, "oldest")).await;
        world.subscribe(new(&place, "work/0/7")).await;
        world.say(10..12).await;
        world.settle().await;
        assert_eq!(numbers(&brought(&newest)), [10, 11]);
        assert_eq!(numbers(&brought(&oldest)), (0..12).collect::<Vec<u64>>());
        assert_eq!(numbers(&brought(&place)), [7, 8, 9, 10, 11]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_is_none_is_refused() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        world.say(0..3).await;
        let server = Server::start();
        let id = world.hook("a", &server).await;
        for from in ["work/0/4", "nowhere/0/0", "work/0/1,work/0/2"] {
            let parsed = serde_json::from_value(new(&server, from)).unwrap();
            let refused = streams::subscribe(&world.streams, &who("ns"), parsed, None)
                .await
                .unwrap_err();
            assert!(
                matches!(&refused, streams::Error::Invalid { field, .. } if field == "from"),
                "{from}: {refused}"
            );
            let refused = streams::rewind(&world.streams, &who("ns"), id, from.parse().unwrap())
                .await
                .unwrap_err();
            assert!(
                matches!(&refused, streams::Error::Invalid { field, .. } if field == "from"),
                "{from}: {refused}"
            );
        }
        for text in ["", "yesterday", "work/0/x", "/3", "work/0/-1"] {
            assert!(text.parse::<From>().is_err(), "{text}");
        }
    })
    .await;
}

/// A partition that appears after the subscription is joined at its start: its first facts are
/// newer than the subscription.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_partition_is_read_from_its_start() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        world.say(0..3).await;
        world.hook("a", &server).await;
        world.settle().await;
        world
            .facts(
                "work/9",
                "ns",
                "test.said",
                vec![json!({ "n": 100 }), json!({ "n": 101 })],
            )
            .await;
        world.settle().await;
        let mut world = world.crash().await;
        world
            .facts("work/10", "ns", "test.said", vec![json!({ "n": 200 })])
            .await;
        world.settle().await;
        assert_eq!(numbers(&brought(&server)), [100, 101, 200]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewind_tells_again_what_was_told() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        world.say(0..5).await;
        let id = world
            .subscribe(new(&server, "oldest"))
            .await
            .subscription
            .id;
        world.settle().await;
        let first = brought(&server);
        streams::rewind(&world.streams, &who("ns"), id, "work/0/3".parse().unwrap())
            .await
            .unwrap();
        world.settle().await;
        assert_eq!(numbers(&brought(&server)), [0, 1, 2, 3, 4, 3, 4]);
        let again = &brought(&server)[first.len()].events[0];
        assert_eq!(again["id"], first[0].events[3]["id"]);
        assert_eq!(again["cursor"], first[0].events[3]["cursor"]);
        assert_eq!(again["sequence"], 6);
        streams::rewind(&world.streams, &who("ns"), id, From::Oldest)
            .await
            .unwrap();
        world.settle().await;
        assert_eq!(
            numbers(&brought(&server)),
            [0, 1, 2, 3, 4, 3, 4, 0, 1, 2, 3, 4]
        );
    })
    .await;
}

/// A rewind while a batch is under way and others wait: nothing comes twice for it, and the old
/// answer counts no more.
#[tokio::test(flavor = "multi_thread")]
async fn a_rewind_makes_void_what_is_under_way() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        let id = world
            .subscribe(new(&server, "newest"))
            .await
            .subscription
            .id;
        world.say(0..4).await;
        let mut taken = None;
        for (n, shard) in world.shards.iter_mut().enumerate() {
            shard.dispatch().await.unwrap();
            taken = shard
                .claim()
                .await
                .unwrap()
                .pop()
                .map(|outgoing| (n, outgoing))
                .or(taken);
        }
        let (n, outgoing) = taken.unwrap();
        streams::rewind(&world.streams, &who("ns"), id, From::Newest)
            .await
            .unwrap();
        let answer = world.shards[n].post(&outgoing).await;
        assert_eq!(world.shards[n].record(&outgoing, &answer).await, Ok(false));
        streams::rewind(&world.streams, &who("ns"), id, "work/0/2".parse().unwrap())
            .await
            .unwrap();
        world.settle().await;
        assert_eq!(numbers(&brought(&server)[1..]), [2, 3]);
        assert_eq!(world.status(id).await.delivered, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_suspended_hears_it_later() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        server.script([Answer::status(500)]);
        let id = world.hook("a", &server).await;
        world.say(0..2).await;
        world.settle().await;
        streams::suspend(&world.streams, &who("ns"), id)
            .await
            .unwrap();
        world.say(2..4).await;
        world.advance(3_600_000).await;
        world.settle().await;
        let status = world.status(id).await;
        assert_eq!(
            (server.count(), status.state, status.waiting),
            (1, "suspended", 2)
        );
        streams::resume(&world.streams, &who("ns"), id)
            .await
            .unwrap();
        world.settle().await;
        assert_eq!(numbers(&brought(&server)[1..]), [0, 1, 2, 3]);
    })
    .await;
}
