use crate::world::{World, numbers, principal, received};
use serde_json::json;
use streams::Settings;
use testkit::http::{Server, ServerReply};
use testkit::on_each_engine;

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_in_the_order_of_their_facts() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        world.hook("a", &server).await;
        for start in (0..900).step_by(90) {
            world.emit(start..start + 90).await;
            world.turn().await;
        }
        world.run_until_idle().await;
        let calls = received(&server);
        assert_eq!(numbers(&calls), (0..900).collect::<Vec<u64>>());
        let sequences: Vec<i64> = calls
            .iter()
            .flat_map(|call| &call.events)
            .map(|e| e["sequence"].as_i64().unwrap())
            .collect();
        assert_eq!(sequences, (1..=900).collect::<Vec<i64>>());
    })
    .await;
}

/// One receiver fails and one never responds: the third gets every event without delay.
#[tokio::test(flavor = "multi_thread")]
async fn a_failing_or_hanging_receiver_delays_only_itself() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let (failing, hanging, healthy) = (
            Server::with_handler(|_| ServerReply::status(500)),
            Server::with_handler(|_| ServerReply::NoResponse),
            Server::start(),
        );
        world.hook("failing", &failing).await;
        world.hook("hanging", &hanging).await;
        world.hook("healthy", &healthy).await;
        for start in (0..500).step_by(50) {
            world.emit(start..start + 50).await;
            world.turn().await;
            assert!(
                healthy.wait_for(start as usize / 50 + 1, 10_000),
                "it is served although another call hangs"
            );
            // The call has arrived; let its outcome be recorded without waiting for the hanging
            // one.
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
        assert_eq!(numbers(&received(&healthy)), (0..500).collect::<Vec<u64>>());
        assert_eq!(
            failing.count(),
            1,
            "the clock stands still, so there is no second attempt"
        );
        assert_eq!(hanging.count(), 1, "call batch in flight, never two");
    })
    .await;
}

/// A namespace with many hanging receivers does not use up the calls of others.
#[tokio::test(flavor = "multi_thread")]
async fn calls_in_flight_are_shared_among_namespaces() {
    on_each_engine(|test| async move {
        let limits = Settings { in_flight: 4, in_flight_per_namespace: 2, ..Settings::default() };
        let mut world = World::with(test, limits, &["127.0.0.1"]).await;
        let (hanging, healthy) = (Server::with_handler(|_| ServerReply::NoResponse), Server::start());
        for n in 0..40 {
            world.hook(&format!("hanging-{n}"), &hanging).await;
        }
        world.emit(0..1).await;
        world.turn().await;
        let new = json!({ "name": "healthy", "filter": { "types": ["test.*"] }, "delivery": { "type": "webhook", "url": healthy.url("/") } });
        streams::subscribe(&world.streams, &principal("other"), serde_json::from_value(new).unwrap(), None).await.unwrap();
        world.facts("work/0", "other", "test.numbered", vec![json!({ "n": 7 })]).await;
        world.turn().await;
        assert!(healthy.wait_for(1, 10_000));
        let in_flight: Vec<usize> = world.turn().await.iter().map(|progress| progress.in_flight).collect();
        assert!(in_flight.iter().all(|count| *count <= 3), "{in_flight:?}");
    })
    .await;
}

/// The backlog of a failing receiver is bounded: its cursor stops instead.
#[tokio::test(flavor = "multi_thread")]
async fn the_backlog_is_limited_and_loses_nothing() {
    on_each_engine(|test| async move {
        let limits = Settings {
            backlog_per_subscription: 300,
            ..Settings::default()
        };
        let mut world = World::with(test, limits, &["127.0.0.1"]).await;
        let server = Server::start();
        server.script([ServerReply::status(500)]);
        let id = world.hook("a", &server).await;
        for start in (0..2_000).step_by(500) {
            world.emit(start..start + 500).await;
        }
        world.run_until_idle().await;
        let waiting = count(&world).await;
        assert!((300..600).contains(&waiting), "{waiting}");
        let status = world.status(id).await;
        assert!(status.unread_facts > 1_000, "{status:?}");
        world.advance(1_000).await;
        world.run_until_idle().await;
        assert_eq!(
            numbers(&received(&server)[1..]),
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
        .read_unscoped(|tx| tx.rows("SELECT COUNT(*) FROM delivery", ()))
        .await
        .map_err(|error: store::Error| error)
        .unwrap();
    rows[0].0
}

/// A row that cannot be parsed and one whose secrets cannot be decrypted affect no other
/// subscription.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_subscription_affects_no_other() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let (broken, undecryptable, healthy) = (Server::start(), Server::start(), Server::start());
        // More than there are shards, so that the broken subscriptions share theirs with others.
        for n in 0..8 {
            world.hook(&format!("healthy-{n}"), &healthy).await;
        }
        let broken_id = world.hook("broken", &broken).await;
        let undecryptable_id = world.hook("undecryptable", &undecryptable).await;
        let lease = world.lease("api/0").await;
        let corrupt = world.test.db.on(&lease).write_unscoped(move |tx| {
            tx.execute(
                "UPDATE subscription SET settings = '{}', version = 2 WHERE id = ?1",
                (broken_id,),
            )?;
            tx.execute(
                "UPDATE subscription SET encrypted = ?2, version = 2 WHERE id = ?1",
                (undecryptable_id, vec![1u8; 60]),
            )
        });
        corrupt.await.map_err(|error: store::Error| error).unwrap();
        world.emit(0..3).await;
        world.run_until_idle().await;
        assert_eq!(healthy.count(), 8);
        assert_eq!((broken.count(), undecryptable.count()), (0, 0));
        let status = world.status(undecryptable_id).await;
        assert_eq!((status.state, status.waiting), ("waiting", 3));
        assert_eq!(
            status.last_error.as_deref(),
            Some("the secrets of the subscription cannot be decrypted")
        );
    })
    .await;
}
