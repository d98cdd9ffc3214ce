use crate::world::{Brought, World, brought, numbers};
use serde_json::json;
use std::collections::BTreeMap;
use testkit::http::{Answer, Server};
use testkit::on_each_engine;

/// Where the process dies.
#[derive(Debug, Clone, Copy, PartialEq)]
enum At {
    Dispatched,
    Claimed,
    Posted,
    Recorded,
}

/// Do the parts of a turn one after the other, and die behind one of them.
async fn die(mut world: World, at: At) -> World {
    for shard in &mut world.shards {
        shard.dispatch().await.unwrap();
        if at == At::Dispatched {
            continue;
        }
        for outgoing in shard.claim().await.unwrap() {
            if at == At::Claimed {
                continue;
            }
            let answer = shard.post(&outgoing).await;
            if at == At::Recorded {
                assert!(shard.record(&outgoing, &answer).await.unwrap());
            }
        }
    }
    world.crash().await
}

/// Every number arrived; what arrived more than once came with the same bytes under the same id.
fn judge(got: &[Brought], all: u64, repeats: usize, at: &str) {
    let mut first: BTreeMap<&str, &Brought> = BTreeMap::new();
    let again = got
        .iter()
        .filter(|one| {
            first
                .insert(&one.delivery, one)
                .is_some_and(|before| before.body == one.body)
        })
        .count();
    let mut numbers = numbers(&first.values().map(|one| (*one).clone()).collect::<Vec<_>>());
    numbers.sort_unstable();
    assert_eq!(numbers, (0..all).collect::<Vec<u64>>(), "{at}");
    assert_eq!(
        got.len() - first.len(),
        again,
        "{at}: a repeat has other bytes"
    );
    assert_eq!(again, repeats, "{at}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dying_between_any_two_steps_loses_and_invents_nothing() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let mut told = 0;
        for at in [At::Dispatched, At::Claimed, At::Posted, At::Recorded] {
            let server = Server::start();
            let id = world.hook(&format!("{at:?}"), &server).await;
            world.say(told..told + 3).await;
            world = die(world, at).await;
            // On PostgreSQL the call of the dead process may still be under way until its time is
            // over.
            world.advance(20_000).await;
            world.settle().await;
            let from_zero: Vec<Brought> = brought(&server)
                .into_iter()
                .map(|mut one| {
                    one.events.iter_mut().for_each(|e| {
                        e["data"]["n"] = (e["data"]["n"].as_u64().unwrap() - told).into()
                    });
                    one
                })
                .collect();
            judge(
                &from_zero,
                3,
                usize::from(at == At::Posted),
                &format!("{at:?}"),
            );
            streams::unsubscribe(&world.streams, &crate::world::who("ns"), id)
                .await
                .unwrap();
            told += 3;
        }
    })
    .await;
}

/// The answer is lost with the connection: nobody knows, so it comes again, and the receiver can
/// tell.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_a_repeat_that_can_be_told() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        server.script([Answer::Drop]);
        world.hook("a", &server).await;
        world.say(0..3).await;
        world.settle().await;
        let mut world = world.crash().await;
        world.advance(1_000).await;
        world.settle().await;
        judge(&brought(&server), 3, 1, "dropped");
    })
    .await;
}

/// A process that hangs is replaced; when it wakes, its answers count no more, and it begins
/// nothing.
#[tokio::test(flavor = "multi_thread")]
async fn who_lost_the_lease_records_nothing() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        world.hook("a", &server).await;
        world.say(0..1).await;
        let mut old = None;
        for (number, shard) in (0..).zip(&mut world.shards) {
            shard.dispatch().await.unwrap();
            old = shard
                .claim()
                .await
                .unwrap()
                .pop()
                .map(|claimed| (number, claimed))
                .or(old);
        }
        let (number, claimed) = old.unwrap();
        world
            .test
            .clock
            .advance_millis(testkit::LEASE_MS as i64 + 1);
        let lease = world.test.lease(&streams::shard_partition(number)).await;
        let mut successor = streams::Shard::new(world.streams.clone(), number, lease);
        successor.turn().await.unwrap();
        successor.rest().await.unwrap();
        assert_eq!(server.count(), 1);

        let shard = &mut world.shards[number as usize];
        let answer = shard.post(&claimed).await;
        assert_ne!(shard.record(&claimed, &answer).await, Ok(true));
        world.say(1..2).await;
        let shard = &mut world.shards[number as usize];
        assert!(shard.claim().await.unwrap().is_empty());
        judge(&brought(&server), 1, 1, "taken over");
    })
    .await;
}

/// A receiver that fails by chance, a process that dies by chance, anywhere: each event arrives,
/// first arrivals are in order, and a repeat has the same bytes under the same id.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_nothing_is_lost() {
    on_each_engine(|test| async move {
        let chance = testkit::SeededEntropy::new(1);
        let server = moody(7);
        let mut world = World::new(test).await;
        let delivery = json!({ "type": "webhook", "url": server.url("/"), "batch_size": 4 });
        let retry = json!({ "initial_ms": 100, "max_ms": 1_000, "attempts": 100 });
        world
            .subscribe(json!({ "name": "a", "filter": { "types": ["test.*"] }, "delivery": delivery, "retry": retry }))
            .await;
        let mut told = 0;
        for _ in 0..60 {
            match chance.below(8) {
                0..=2 => {
                    let more = chance.below(9);
                    world.say(told..told + more).await;
                    told += more;
                }
                3 => world.advance(chance.below(900) as i64).await,
                4 => {
                    let at = [At::Dispatched, At::Claimed, At::Posted, At::Recorded][chance.below(4) as usize];
                    world = die(world, at).await;
                }
                5 => world = world.crash().await,
                _ => {
                    world.turn().await;
                    world.rest().await;
                }
            }
        }
        for _ in 0..200 {
            world.advance(16_000).await;
            world.settle().await;
        }
        let got = brought(&server);
        let mut bodies: BTreeMap<&str, &[u8]> = BTreeMap::new();
        for one in &got {
            assert_eq!(*bodies.entry(&one.delivery).or_insert(&one.body), one.body, "{}", one.delivery);
        }
        let mut firsts = Vec::new();
        numbers(&got).into_iter().for_each(|n| {
            if !firsts.contains(&n) {
                firsts.push(n)
            }
        });
        assert_eq!(firsts, (0..told).collect::<Vec<u64>>());
        assert!(told > 50 && got.len() > bodies.len(), "{told} events, {} calls", got.len());
    })
    .await;
}

/// A receiver that fails half of the time, in every way.
fn moody(seed: u64) -> Server {
    let chance = testkit::SeededEntropy::new(seed);
    Server::answering(move |_| match chance.below(8) {
        0 => Answer::status(500),
        1 => Answer::status(429).with_header("retry-after", "1"),
        2 => Answer::Drop,
        3 => Answer::redirect(307, "http://10.0.0.1/"),
        _ => Answer::status(204),
    })
}

/// Two processes on one server: each serves the shards whose leases it has, and takes over what the
/// other leaves.
#[tokio::test(flavor = "multi_thread")]
async fn another_process_takes_over() {
    on_each_engine(|test| async move {
        if test.server().is_none() {
            return; // SQLite belongs to one process
        }
        let mut world = World::new(test).await;
        let server = Server::start();
        world.hook("a", &server).await;
        world.say(0..3).await;
        for shard in &mut world.shards {
            shard.dispatch().await.unwrap();
            shard.claim().await.unwrap(); // and then it hangs
        }
        let beside = world.test.open_beside().await;
        assert!(
            beside
                .lease("streams/0", testkit::LEASE_MS)
                .await
                .unwrap()
                .is_none()
        );
        world
            .test
            .clock
            .advance_millis(testkit::LEASE_MS as i64 + 1);
        let api = beside
            .lease("api/1", testkit::LEASE_MS)
            .await
            .unwrap()
            .unwrap();
        let other = world.streams_over(beside.clone(), api);
        for number in 0..streams::SHARDS {
            let name = streams::shard_partition(number);
            let lease = beside
                .lease(&name, testkit::LEASE_MS)
                .await
                .unwrap()
                .unwrap();
            let mut shard = streams::Shard::new(other.clone(), number, lease);
            while shard.turn().await.unwrap().more {
                shard.rest().await.unwrap();
            }
        }
        assert_eq!(numbers(&brought(&server)), [0, 1, 2]);
        assert_eq!(
            brought(&server)[0].attempt,
            "2",
            "the call that was claimed by the other counts as an attempt"
        );
        for shard in &mut world.shards {
            assert!(
                shard.turn().await.is_err() || server.count() == 1,
                "the old one does nothing more"
            );
        }
        assert_eq!(server.count(), 1);
    })
    .await;
}
