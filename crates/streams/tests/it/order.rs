use crate::world::{World, brought, numbers, who};
use serde_json::json;
use streams::Limits;
use testkit::http::{Answer, Server};
use testkit::on_each_engine;

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_in_the_order_of_their_facts() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        world.hook("a", &server).await;
        for start in (0..900).step_by(90) {
            world.say(start..start + 90).await;
            world.turn().await;
        }
        world.settle().await;
        let got = brought(&server);
        assert_eq!(numbers(&got), (0..900).collect::<Vec<u64>>());
        let sequences: Vec<i64> = got
            .iter()
            .flat_map(|one| &one.events)
            .map(|e| e["sequence"].as_i64().unwrap())
            .collect();
        assert_eq!(sequences, (1..=900).collect::<Vec<i64>>());
    })
    .await;
}

/// One receiver refuses, one never answers: the third hears everything, in time.
#[tokio::test(flavor = "multi_thread")]
async fn who_fails_or_hangs_holds_up_only_itself() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let (failing, hanging, well) = (
            Server::answering(|_| Answer::status(500)),
            Server::answering(|_| Answer::Silence),
            Server::start(),
        );
        world.hook("failing", &failing).await;
        world.hook("hanging", &hanging).await;
        world.hook("well", &well).await;
        for start in (0..500).step_by(50) {
            world.say(start..start + 50).await;
            world.turn().await;
            assert!(
                well.wait_for(start as usize / 50 + 1, 10_000),
                "it is told although another call hangs"
            );
            // The call has arrived; let its answer be recorded, without waiting for the one that
            // hangs.
            while world
                .turn()
                .await
                .iter()
                .map(|progress| progress.in_flight)
                .sum::<usize>()
                > 1
            {
                tokio::task::yield_now().await;
            }
        }
        assert_eq!(numbers(&brought(&well)), (0..500).collect::<Vec<u64>>());
        assert_eq!(
            failing.count(),
            1,
            "the clock stands still, so there is no second attempt"
        );
        assert_eq!(hanging.count(), 1, "one batch under way, never two");
    })
    .await;
}

/// A namespace with many hanging receivers leaves room for others.
#[tokio::test(flavor = "multi_thread")]
async fn room_is_shared_among_namespaces() {
    on_each_engine(|test| async move {
        let limits = Limits { in_flight: 4, in_flight_per_namespace: 2, ..Limits::default() };
        let mut world = World::with(test, limits, &["127.0.0.1"]).await;
        let (hanging, well) = (Server::answering(|_| Answer::Silence), Server::start());
        for n in 0..40 {
            world.hook(&format!("hanging-{n}"), &hanging).await;
        }
        world.say(0..1).await;
        world.turn().await;
        let others = json!({ "name": "well", "filter": { "types": ["test.*"] }, "delivery": { "type": "webhook", "url": well.url("/") } });
        streams::subscribe(&world.streams, &who("other"), serde_json::from_value(others).unwrap(), None).await.unwrap();
        world.facts("work/0", "other", "test.said", vec![json!({ "n": 7 })]).await;
        world.turn().await;
        assert!(well.wait_for(1, 10_000));
        let in_flight: Vec<usize> = world.turn().await.iter().map(|progress| progress.in_flight).collect();
        assert!(in_flight.iter().all(|count| *count <= 3), "{in_flight:?}");
    })
    .await;
}

/// Who does not take its events does not make the database grow: its cursor waits instead.
#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_has_a_limit_and_loses_nothing() {
    on_each_engine(|test| async move {
        let limits = Limits {
            backlog: 300,
            ..Limits::default()
        };
        let mut world = World::with(test, limits, &["127.0.0.1"]).await;
        let server = Server::start();
        server.script([Answer::status(500)]);
        let id = world.hook("a", &server).await;
        for start in (0..2_000).step_by(500) {
            world.say(start..start + 500).await;
        }
        world.settle().await;
        let waiting = count(&world).await;
        assert!((300..600).contains(&waiting), "{waiting}");
        let status = world.status(id).await;
        assert!(status.behind > 1_000, "{status:?}");
        world.advance(1_000).await;
        world.settle().await;
        assert_eq!(
            numbers(&brought(&server)[1..]),
            (0..2_000).collect::<Vec<u64>>()
        );
        assert_eq!(count(&world).await, 0);
    })
    .await;
}

async fn count(world: &World) -> i64 {
    let rows: Vec<(i64,)> = world
        .test
        .db
        .read_unbound(|tx| tx.rows("SELECT COUNT(*) FROM delivery", ()))
        .await
        .map_err(|error: store::Error| error)
        .unwrap();
    rows[0].0
}

/// One row that cannot be read, one whose secrets do not open: both are left alone, and everybody
/// else is served.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_subscription_stops_only_itself() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let (broken, sealed, well) = (Server::start(), Server::start(), Server::start());
        // More than there are shards, so that the broken ones share theirs with others.
        for n in 0..8 {
            world.hook(&format!("well-{n}"), &well).await;
        }
        let broken_id = world.hook("broken", &broken).await;
        let sealed_id = world.hook("sealed", &sealed).await;
        let lease = world.lease("api/0").await;
        let spoil = world.test.db.on(&lease).write_unbound(move |tx| {
            tx.execute(
                "UPDATE subscription SET settings = '{}', version = 2 WHERE id = ?1",
                (broken_id,),
            )?;
            tx.execute(
                "UPDATE subscription SET sealed = ?2, version = 2 WHERE id = ?1",
                (sealed_id, vec![1u8; 60]),
            )
        });
        spoil.await.map_err(|error: store::Error| error).unwrap();
        world.say(0..3).await;
        world.settle().await;
        assert_eq!(well.count(), 8);
        assert_eq!((broken.count(), sealed.count()), (0, 0));
        let status = world.status(sealed_id).await;
        assert_eq!((status.state, status.waiting), ("waiting", 3));
        assert_eq!(
            status.last_error.as_deref(),
            Some("the secrets of the subscription do not open")
        );
    })
    .await;
}
