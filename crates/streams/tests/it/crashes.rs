use crate::world::{Received, World, numbers, received};
use serde_json::json;
use std::collections::BTreeMap;
use testkit::http::{Server, ServerReply};
use testkit::on_each_engine;

/// The step after which the process crashes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Dispatched,
    Claimed,
    Posted,
    Recorded,
}

/// Run the steps of a turn, and crash after one of them.
async fn crash_after(mut world: World, step: Step) -> World {
    for shard in &mut world.shards {
        shard.dispatch().await.unwrap();
        if step == Step::Dispatched {
            continue;
        }
        for outgoing in shard.claim().await.unwrap() {
            if step == Step::Claimed {
                continue;
            }
            let outcome = shard.post(&outgoing).await;
            if step == Step::Recorded {
                assert!(shard.record(&outgoing, &outcome).await.unwrap());
            }
        }
    }
    world.crash().await
}

/// Every number was received, and duplicates have the same bytes under the same id.
fn check(calls: &[Received], count: u64, duplicates: usize, step: &str) {
    let mut first: BTreeMap<&str, &Received> = BTreeMap::new();
    let repeated = calls
        .iter()
        .filter(|call| {
            first
                .insert(&call.delivery, call)
                .is_some_and(|before| before.body == call.body)
        })
        .count();
    let mut numbers = numbers(
        &first
            .values()
            .map(|call| (*call).clone())
            .collect::<Vec<_>>(),
    );
    numbers.sort_unstable();
    assert_eq!(numbers, (0..count).collect::<Vec<u64>>(), "{step}");
    assert_eq!(
        calls.len() - first.len(),
        repeated,
        "{step}: a duplicate has other_streams bytes"
    );
    assert_eq!(repeated, duplicates, "{step}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_any_two_steps_loses_and_duplicates_nothing() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let mut emitted = 0;
        for step in [
            Step::Dispatched,
            Step::Claimed,
            Step::Posted,
            Step::Recorded,
        ] {
            let server = Server::start();
            let id = world.hook(&format!("{step:?}"), &server).await;
            world.emit(emitted..emitted + 3).await;
            world = crash_after(world, step).await;
            // On PostgreSQL the call of the crashed process counts as in flight until it times out.
            world.advance(20_000).await;
            world.run_until_idle().await;
            let renumbered: Vec<Received> = received(&server)
                .into_iter()
                .map(|mut call| {
                    call.events.iter_mut().for_each(|e| {
                        e["data"]["n"] = (e["data"]["n"].as_u64().unwrap() - emitted).into()
                    });
                    call
                })
                .collect();
            check(
                &renumbered,
                3,
                usize::from(step == Step::Posted),
                &format!("{step:?}"),
            );
            streams::unsubscribe(&world.streams, &crate::world::principal("ns"), id)
                .await
                .unwrap();
            emitted += 3;
        }
    })
    .await;
}

/// A response lost with the connection: the outcome is unknown, so the batch is sent again.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_response_causes_an_identifiable_duplicate() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        server.script([ServerReply::Drop]);
        world.hook("a", &server).await;
        world.emit(0..3).await;
        world.run_until_idle().await;
        let mut world = world.crash().await;
        world.advance(1_000).await;
        world.run_until_idle().await;
        check(&received(&server), 3, 1, "dropped");
    })
    .await;
}

/// A process that hung and was replaced: when it wakes, its outcomes are ignored and it claims
/// nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_its_lease_records_nothing() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        world.hook("a", &server).await;
        world.emit(0..1).await;
        let mut outgoing = None;
        for (number, shard) in (0..).zip(&mut world.shards) {
            shard.dispatch().await.unwrap();
            outgoing = shard
                .claim()
                .await
                .unwrap()
                .pop()
                .map(|claimed| (number, claimed))
                .or(outgoing);
        }
        let (number, claimed) = outgoing.unwrap();
        world
            .test
            .clock
            .advance_millis(testkit::LEASE_MS as i64 + 1);
        let lease = world.test.lease(&streams::shard_partition(number)).await;
        let mut successor = streams::Worker::new(world.streams.clone(), number, lease);
        successor.turn().await.unwrap();
        successor.wait_for_calls().await.unwrap();
        assert_eq!(server.count(), 1);

        let shard = &mut world.shards[number as usize];
        let outcome = shard.post(&claimed).await;
        assert_ne!(shard.record(&claimed, &outcome).await, Ok(true));
        world.emit(1..2).await;
        let shard = &mut world.shards[number as usize];
        assert!(shard.claim().await.unwrap().is_empty());
        check(&received(&server), 1, 1, "taken over");
    })
    .await;
}

/// Random receiver failures and random crashes: each event arrives, first arrivals are in order,
/// and a duplicate has the same bytes under the same id.
#[tokio::test(flavor = "multi_thread")]
async fn random_failures_and_crashes_lose_nothing() {
    on_each_engine(|test| async move {
        let random = testkit::SeededEntropy::new(1);
        let server = unreliable(7);
        let mut world = World::new(test).await;
        let delivery = json!({ "type": "webhook", "url": server.url("/"), "batchSize": 4 });
        let retry = json!({ "initialMs": 100, "maxMs": 1_000, "attempts": 100 });
        world
            .subscribe(json!({ "name": "a", "filter": { "types": ["test.*"] }, "delivery": delivery, "retry": retry }))
            .await;
        let mut emitted = 0;
        for _ in 0..60 {
            match random.below(8) {
                0..=2 => {
                    let more = random.below(9);
                    world.emit(emitted..emitted + more).await;
                    emitted += more;
                }
                3 => world.advance(random.below(900) as i64).await,
                4 => {
                    let step = [Step::Dispatched, Step::Claimed, Step::Posted, Step::Recorded][random.below(4) as usize];
                    world = crash_after(world, step).await;
                }
                5 => world = world.crash().await,
                _ => {
                    world.turn().await;
                    world.wait_for_calls().await;
                }
            }
        }
        for _ in 0..200 {
            world.advance(16_000).await;
            world.run_until_idle().await;
        }
        let calls = received(&server);
        let mut bodies: BTreeMap<&str, &[u8]> = BTreeMap::new();
        for call in &calls {
            assert_eq!(*bodies.entry(&call.delivery).or_insert(&call.body), call.body, "{}", call.delivery);
        }
        let mut firsts = Vec::new();
        numbers(&calls).into_iter().for_each(|n| {
            if !firsts.contains(&n) {
                firsts.push(n)
            }
        });
        assert_eq!(firsts, (0..emitted).collect::<Vec<u64>>());
        assert!(emitted > 50 && calls.len() > bodies.len(), "{emitted} events, {} calls", calls.len());
    })
    .await;
}

/// A receiver that fails half of the time, in various ways.
fn unreliable(seed: u64) -> Server {
    let random = testkit::SeededEntropy::new(seed);
    Server::with_handler(move |_| match random.below(8) {
        0 => ServerReply::status(500),
        1 => ServerReply::status(429).with_header("retry-after", "1"),
        2 => ServerReply::Drop,
        3 => ServerReply::redirect(307, "http://10.0.0.1/"),
        _ => ServerReply::status(204),
    })
}

/// Two processes on one database server: one takes over the shards whose leases the other lost.
#[tokio::test(flavor = "multi_thread")]
async fn another_process_takes_over() {
    on_each_engine(|test| async move {
        if test.server().is_none() {
            return; // SQLite allows one process only
        }
        let mut world = World::new(test).await;
        let server = Server::start();
        world.hook("a", &server).await;
        world.emit(0..3).await;
        for shard in &mut world.shards {
            shard.dispatch().await.unwrap();
            shard.claim().await.unwrap(); // and then the process hangs
        }
        let other_db = world.test.open_another().await;
        assert!(
            other_db
                .lease("streams/0", testkit::LEASE_MS)
                .await
                .unwrap()
                .is_none()
        );
        world
            .test
            .clock
            .advance_millis(testkit::LEASE_MS as i64 + 1);
        let api = other_db
            .lease("api/1", testkit::LEASE_MS)
            .await
            .unwrap()
            .unwrap();
        let other_streams = world.streams_over(other_db.clone(), api);
        for number in 0..streams::SHARDS {
            let name = streams::shard_partition(number);
            let lease = other_db
                .lease(&name, testkit::LEASE_MS)
                .await
                .unwrap()
                .unwrap();
            let mut shard = streams::Worker::new(other_streams.clone(), number, lease);
            while shard.turn().await.unwrap().more {
                shard.wait_for_calls().await.unwrap();
            }
        }
        assert_eq!(numbers(&received(&server)), [0, 1, 2]);
        assert_eq!(
            received(&server)[0].attempt,
            "2",
            "the claim of the other_streams process counts as an attempt"
        );
        for shard in &mut world.shards {
            assert!(
                shard.turn().await.is_err() || server.count() == 1,
                "the old process sends nothing more"
            );
        }
        assert_eq!(server.count(), 1);
    })
    .await;
}
