use crate::world::{World, brought, who};
use serde_json::json;
use std::sync::atomic::Ordering;
use testkit::http::Server;
use testkit::on_each_engine;

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_event_has_one_id_through_its_life() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        world.hook("all", &server).await;
        for kind in ["chain.block", "chain.reorg", "chain.block", "chain.final"] {
            world.block(kind, "0xab", 2).await;
        }
        world.settle().await;
        let events: Vec<_> = brought(&server)
            .into_iter()
            .flat_map(|one| one.events)
            .filter(|e| e["chain"].is_string())
            .collect();
        let told: Vec<String> = events
            .iter()
            .map(|e| {
                format!(
                    "{} {}",
                    e["type"].as_str().unwrap(),
                    e["id"].as_str().unwrap()
                )
            })
            .collect();
        let expected = |kind: &str| {
            [0, 1]
                .map(|n| format!("{kind} eip155:1337/0xab/{n}"))
                .to_vec()
        };
        let life = [
            "event.pending",
            "event.reverted",
            "event.pending",
            "event.final",
        ];
        assert_eq!(
            told,
            life.iter()
                .flat_map(|kind| expected(kind))
                .collect::<Vec<_>>()
        );
        let keys: std::collections::BTreeSet<String> = events
            .iter()
            .map(|e| format!("{}{}{}", e["id"], e["type"], e["cursor"]))
            .collect();
        assert_eq!(
            keys.len(),
            events.len(),
            "id, type and cursor together are unique"
        );
        assert_eq!(events[0]["namespace"], "ns");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_choose_among_the_events_of_a_fact() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        let filter =
            json!({ "types": ["event.*"], "finality": ["final"], "sources": ["0xAA1"], "chain": "eip155:1337" });
        let delivery = json!({ "type": "webhook", "url": server.url("/") });
        world.subscribe(json!({ "name": "a", "filter": filter, "delivery": delivery })).await;
        world.block("chain.block", "0xab", 6).await;
        world.block("chain.final", "0xab", 6).await;
        world.settle().await;
        let ids: Vec<_> = brought(&server).into_iter().flat_map(|one| one.events).map(|e| e["id"].clone()).collect();
        assert_eq!(ids, ["eip155:1337/0xab/1", "eip155:1337/0xab/3", "eip155:1337/0xab/5"]);
    })
    .await;
}

/// A fact that stands for more than one transaction should write is taken in parts, across a crash
/// too.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_fact_is_taken_in_parts() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        let delivery = json!({ "type": "webhook", "url": server.url("/"), "batch_size": 1_000 });
        world
            .subscribe(
                json!({ "name": "a", "filter": { "types": ["event.*"] }, "delivery": delivery }),
            )
            .await;
        world.block("chain.block", "0xab", 4_500).await;
        for shard in &mut world.shards {
            shard.dispatch().await.unwrap(); // the first part
        }
        let mut world = world.crash().await;
        world.settle().await;
        let numbers: Vec<u64> = crate::world::numbers(&brought(&server));
        assert_eq!(numbers, (0..4_500).collect::<Vec<u64>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fact_that_cannot_be_read_stops_nobody() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        let id = world.hook("a", &server).await;
        let delivery = json!({ "type": "webhook", "url": server.url("/") });
        let filter = json!({ "types": ["test.said"] });
        let careless = world
            .subscribe(json!({ "name": "b", "filter": filter, "delivery": delivery }))
            .await
            .subscription
            .id;
        world.block("chain.broken", "0xab", 1).await;
        world.block("chain.block", "0xcd", 1).await;
        world.settle().await;
        let ids: Vec<_> = brought(&server)
            .into_iter()
            .flat_map(|one| one.events)
            .map(|e| e["id"].clone())
            .collect();
        assert!(ids.contains(&json!("eip155:1337/0xcd/0")));
        let dead = world.dead(id).await;
        assert_eq!((dead.len(), dead[0].kind.as_str()), (1, "chain.broken"));
        assert!(
            dead[0]
                .error
                .as_ref()
                .unwrap()
                .contains("its rows are gone")
        );
        assert_eq!(
            world.dead(careless).await,
            [],
            "who could want nothing of it is not bothered"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fact_that_cannot_be_read_now_holds_its_partition_only() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        world.hook("a", &server).await;
        world.expand.away.store(true, Ordering::SeqCst);
        world.block("chain.block", "0xab", 1).await;
        world.say(0..1).await;
        world.settle().await;
        let kinds = |server: &Server| -> Vec<_> {
            brought(server)
                .into_iter()
                .flat_map(|one| one.events)
                .map(|e| e["type"].clone())
                .collect()
        };
        assert!(
            kinds(&server).contains(&json!("test.said"))
                && !kinds(&server).contains(&json!("event.pending"))
        );
        let stuck: Vec<String> = world
            .turn()
            .await
            .into_iter()
            .flat_map(|progress| progress.stuck)
            .collect();
        assert_eq!(stuck, ["chain/1337: the chain is away"]);
        world.expand.away.store(false, Ordering::SeqCst);
        world.settle().await;
        assert!(kinds(&server).contains(&json!("event.pending")));
    })
    .await;
}

/// A fact of the installation that is one event is nobody's, whatever the filter.
#[tokio::test(flavor = "multi_thread")]
async fn facts_of_the_installation_are_not_told() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        let id = world.hook("a", &server).await;
        world
            .facts("work/0", "_", "house.secret", vec![json!({ "n": 1 })])
            .await;
        world.settle().await;
        assert!(
            brought(&server)
                .iter()
                .flat_map(|one| &one.events)
                .all(|e| e["type"] != "house.secret")
        );
        assert!(
            streams::status(&world.streams, &who("ns"), id)
                .await
                .unwrap()
                .behind
                == 0
        );
    })
    .await;
}
