use crate::world::{World, principal, received};
use serde_json::json;
use std::sync::atomic::Ordering;
use testkit::http::Server;
use testkit::on_each_engine;

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_event_keeps_one_id() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        world.hook("all", &server).await;
        for kind in ["chain.block", "chain.reorg", "chain.block", "chain.final"] {
            world.chain_fact(kind, "0xab", 2).await;
        }
        world.run_until_idle().await;
        let events: Vec<_> = received(&server)
            .into_iter()
            .flat_map(|call| call.events)
            .filter(|e| e["chain"].is_string())
            .collect();
        let actual: Vec<String> = events
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
        let types = [
            "event.pending",
            "event.reverted",
            "event.pending",
            "event.final",
        ];
        assert_eq!(
            actual,
            types
                .iter()
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
async fn filters_apply_to_each_event_of_a_fact() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        let filter =
            json!({ "types": ["event.*"], "finality": ["final"], "sources": ["0xAA1"], "chain": "eip155:1337" });
        let delivery = json!({ "type": "webhook", "url": server.url("/") });
        world.subscribe(json!({ "name": "a", "filter": filter, "delivery": delivery })).await;
        world.chain_fact("chain.block", "0xab", 6).await;
        world.chain_fact("chain.final", "0xab", 6).await;
        world.run_until_idle().await;
        let ids: Vec<_> = received(&server).into_iter().flat_map(|call| call.events).map(|e| e["id"].clone()).collect();
        assert_eq!(ids, ["eip155:1337/0xab/1", "eip155:1337/0xab/3", "eip155:1337/0xab/5"]);
    })
    .await;
}

/// A fact with more events than one transaction may write is expanded in pages, across a crash too.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_fact_is_expanded_in_pages() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        let delivery = json!({ "type": "webhook", "url": server.url("/"), "batchSize": 1_000 });
        world
            .subscribe(
                json!({ "name": "a", "filter": { "types": ["event.*"] }, "delivery": delivery }),
            )
            .await;
        world.chain_fact("chain.block", "0xab", 4_500).await;
        for shard in &mut world.shards {
            shard.dispatch().await.unwrap(); // the first pages
        }
        let mut world = world.crash().await;
        world.run_until_idle().await;
        let numbers: Vec<u64> = crate::world::numbers(&received(&server));
        assert_eq!(numbers, (0..4_500).collect::<Vec<u64>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fact_that_cannot_be_expanded_becomes_a_dead_letter() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        let id = world.hook("a", &server).await;
        let delivery = json!({ "type": "webhook", "url": server.url("/") });
        let filter = json!({ "types": ["test.numbered"] });
        let unrelated = world
            .subscribe(json!({ "name": "b", "filter": filter, "delivery": delivery }))
            .await
            .subscription
            .id;
        world.chain_fact("chain.broken", "0xab", 1).await;
        world.chain_fact("chain.block", "0xcd", 1).await;
        world.run_until_idle().await;
        let ids: Vec<_> = received(&server)
            .into_iter()
            .flat_map(|call| call.events)
            .map(|e| e["id"].clone())
            .collect();
        assert!(ids.contains(&json!("eip155:1337/0xcd/0")));
        let dead = world.dead_letters(id).await;
        assert_eq!((dead.len(), dead[0].kind.as_str()), (1, "chain.broken"));
        assert!(
            dead[0]
                .error
                .as_ref()
                .unwrap()
                .contains("its rows are missing")
        );
        assert_eq!(
            world.dead_letters(unrelated).await,
            [],
            "a filter that cannot match gets no dead letter"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fact_that_cannot_be_expanded_yet_blocks_only_its_partition() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        world.hook("a", &server).await;
        world.expand.unavailable.store(true, Ordering::SeqCst);
        world.chain_fact("chain.block", "0xab", 1).await;
        world.emit(0..1).await;
        world.run_until_idle().await;
        let kinds = |server: &Server| -> Vec<_> {
            received(server)
                .into_iter()
                .flat_map(|call| call.events)
                .map(|e| e["type"].clone())
                .collect()
        };
        assert!(
            kinds(&server).contains(&json!("test.numbered"))
                && !kinds(&server).contains(&json!("event.pending"))
        );
        let stuck: Vec<String> = world
            .turn()
            .await
            .into_iter()
            .flat_map(|progress| progress.blocked)
            .collect();
        assert_eq!(stuck, ["chain/1337: the chain is unavailable"]);
        world.expand.unavailable.store(false, Ordering::SeqCst);
        world.run_until_idle().await;
        assert!(kinds(&server).contains(&json!("event.pending")));
    })
    .await;
}

/// A fact of the installation that is itself one event belongs to no namespace.
#[tokio::test(flavor = "multi_thread")]
async fn facts_of_the_installation_are_not_delivered() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        let id = world.hook("a", &server).await;
        world
            .facts(
                "work/0",
                "_",
                "installation.secret",
                vec![json!({ "n": 1 })],
            )
            .await;
        world.run_until_idle().await;
        assert!(
            received(&server)
                .iter()
                .flat_map(|call| &call.events)
                .all(|e| e["type"] != "installation.secret")
        );
        assert!(
            streams::status(&world.streams, &principal("ns"), id)
                .await
                .unwrap()
                .unread_facts
                == 0
        );
    })
    .await;
}
