//! Subscriptions through the door: making and steering them, secrets, dead letters, and the
//! WebSocket on a real connection.

use crate::client::Call;
use crate::socket::{Consumer, listen};
use crate::world::World;
use serde_json::{Value, json};
use store::{Fact, Lease};
use streams::{SHARDS, Shard, shard_partition};
use testkit::{TestDb, namespace, on_each_engine};

/// The workers of the streams, and a partition on which something happens.
struct House {
    world: World,
    shards: Vec<Shard>,
    work: Lease,
}

impl House {
    async fn new(test: TestDb) -> Self {
        let world = World::new(test).await;
        let mut shards = Vec::new();
        for number in 0..SHARDS {
            let lease = world.test.lease(&shard_partition(number)).await;
            shards.push(Shard::new(world.app.streams.clone(), number, lease));
        }
        let work = world.test.lease("work/0").await;
        Self {
            world,
            shards,
            work,
        }
    }

    /// Things happen in namespace `a`, and the workers see them.
    async fn say(&mut self, numbers: std::ops::Range<u64>) {
        let write = self
            .world
            .test
            .db
            .on(&self.work)
            .write(&namespace("a"), move |tx| {
                for n in numbers.clone() {
                    tx.append(
                        Fact::new("test.said", 1)
                            .about(&"thing:1", 1)
                            .says(&json!({ "n": n })),
                    );
                }
                Ok::<_, store::Error>(())
            });
        write.await.unwrap();
        self.settle().await;
    }

    async fn settle(&mut self) {
        loop {
            let mut more = false;
            for shard in &mut self.shards {
                let progress = shard.turn().await.unwrap();
                shard.rest().await.unwrap();
                more |= progress.more || progress.in_flight > 0;
            }
            if !more {
                return;
            }
        }
    }

    /// A subscription to what happens here, fetched over a WebSocket.
    async fn subscribe(&self, with: Value) -> String {
        let mut new = json!({ "name": "books", "filter": { "types": ["test.*"] }, "delivery": { "type": "websocket", "batchSize": 2 } });
        new.as_object_mut()
            .unwrap()
            .extend(with.as_object().unwrap().clone());
        let made = self.world.post("/subscriptions", new).await.good();
        made["subscription"]["id"].as_str().unwrap().to_owned()
    }

    async fn status(&self, id: &str) -> Value {
        self.world
            .get(&format!("/subscriptions/{id}/status"))
            .await
            .good()
    }
}

fn webhook() -> Value {
    json!({
        "name": "books", "filter": { "types": ["submission.*"], "finality": ["final"], "chain": "eip155:31337" },
        "delivery": { "type": "webhook", "url": "https://hooks.example.org/in?a=1", "headers": { "X-Team": "hush-hush" }, "timeoutMs": 5000 },
        "retry": { "initialMs": 500, "maxMs": 1000, "attempts": 3 }, "onError": "hold",
    })
}

/// The numbers that the events of a batch carry.
fn numbers(batch: &Value) -> Vec<u64> {
    assert_eq!(batch["type"], "batch", "{batch}");
    batch["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["data"]["n"].as_u64().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_is_made_once_for_a_key_changed_steered_and_deleted() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let world = &house.world;
        let keyed = || {
            Call::new("POST", "/api/v1/subscriptions")
                .key(&world.a)
                .with("idempotency-key", "k")
        };
        let made = world.send(keyed().json(&webhook())).await;
        let again = world.send(keyed().json(&webhook())).await;
        assert_eq!(
            (
                made.status,
                again.status,
                again.header("idempotency-replayed")
            ),
            (201, 200, "true")
        );
        assert!(
            made.good()["secret"]["secret"]
                .as_str()
                .unwrap()
                .starts_with("whsec_")
        );
        assert_eq!(again.good().get("secret"), None, "a secret is shown once");
        let one = made.good()["subscription"].clone();
        assert_eq!(one["delivery"]["headers"], json!({ "X-Team": "" }));
        assert_eq!(
            (&one["delivery"]["batchSize"], &one["delivery"]["timeoutMs"]),
            (&json!(50), &json!(5000))
        );
        assert_eq!(
            (&one["retry"], &one["onError"]),
            (&webhook()["retry"], &json!("hold"))
        );

        let at = format!("/subscriptions/{}", one["id"].as_str().unwrap());
        let change =
            json!({ "version": one["version"], "name": "ledger", "onError": "dead_letter" });
        let changed = world.ask("PATCH", &at, change.clone()).await.good();
        assert_eq!(
            (&changed["name"], &changed["filter"]),
            (&json!("ledger"), &one["filter"])
        );
        assert_eq!(
            world.ask("PATCH", &at, change).await.refusal().0,
            "streams.stale"
        );
        assert_eq!(world.get(&at).await.good(), changed);
        assert_eq!(
            world.get("/subscriptions?limit=1").await.good()["next"],
            one["id"]
        );
        assert_eq!(
            world
                .post(&format!("{at}/suspend"), Value::Null)
                .await
                .good()["suspended"],
            true
        );
        assert_eq!(
            world.get(&format!("{at}/status")).await.good()["state"],
            "suspended"
        );
        assert_eq!(
            world
                .post(&format!("{at}/resume"), Value::Null)
                .await
                .good()["suspended"],
            false
        );
        assert_eq!(
            world
                .post(&format!("{at}/rewind"), json!({ "from": "oldest" }))
                .await
                .status,
            200
        );
        assert!(
            !world
                .get(&format!("{at}/status"))
                .await
                .text
                .contains("hush-hush")
        );
        assert_eq!(world.ask("DELETE", &at, Value::Null).await.status, 204);
        assert_eq!(
            world.get(&at).await.refusal().0,
            "streams.unknown_subscription"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_rotated_listed_and_retired() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let world = &house.world;
        let made = world.post("/subscriptions", webhook()).await.good();
        let at = format!(
            "/subscriptions/{}/secrets",
            made["subscription"]["id"].as_str().unwrap()
        );
        let fresh = world.post(&at, json!({ "overlapMs": 60_000 })).await;
        assert_eq!(
            (
                fresh.status,
                fresh.good()["secret"] == made["secret"]["secret"]
            ),
            (201, false)
        );
        assert_eq!(
            world.post(&at, json!({})).await.refusal().0,
            "streams.two_secrets"
        );
        let live = world.get(&at).await;
        assert_eq!(
            (live.good()["count"].as_u64(), live.text.contains("whsec_")),
            (Some(2), false)
        );
        let old = format!("{at}/{}", made["secret"]["id"].as_str().unwrap());
        assert_eq!(world.ask("DELETE", &old, Value::Null).await.status, 204);
        assert_eq!(
            world.ask("DELETE", &old, Value::Null).await.refusal().0,
            "streams.unknown_secret"
        );
        let last = format!("{at}/{}", fresh.good()["id"].as_str().unwrap());
        assert_eq!(
            world.ask("DELETE", &last, Value::Null).await.refusal().0,
            "streams.last_secret"
        );
        assert_eq!(
            world
                .post(&at, json!({ "overlapMs": 2_592_000_001u64 }))
                .await
                .refusal(),
            ("api.field".into(), "overlapMs".into())
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_takes_batches_in_order_and_what_it_left_comes_to_the_next() {
    on_each_engine(|test| async move {
        let mut house = House::new(test).await;
        let id = house.subscribe(json!({})).await;
        let address = listen(&house.world.router).await;
        house.say(0..5).await;
        let mut one = Consumer::open(address, &id, &house.world.a).await.unwrap();
        let first = one.next().await;
        assert_eq!(
            (numbers(&first), &first["number"], &first["refused"]),
            (vec![0, 1], &json!(1), &json!(0))
        );
        one.say(json!({ "type": "ack", "number": 1 })).await;
        let second = one.next().await;
        assert_eq!(
            (numbers(&second), &second["number"]),
            (vec![2, 3], &json!(2))
        );
        one.say(json!({ "type": "nack", "number": 2, "why": "the disk is full" }))
            .await;
        let again = one.next().await;
        assert_eq!(
            (numbers(&again), &again["number"], &again["refused"]),
            (vec![2, 3], &json!(3), &json!(1))
        );
        one.leave().await;

        let mut two = Consumer::open(address, &id, &house.world.a).await.unwrap();
        assert_eq!(
            numbers(&two.next().await),
            [2, 3],
            "not acknowledged, so it comes again"
        );
        two.say(json!({ "type": "ack", "number": 1 })).await;
        assert_eq!(numbers(&two.next().await), [4]);
        two.say(json!({ "type": "ack", "number": 2 })).await;
        house.say(5..6).await;
        assert_eq!(
            numbers(&two.next().await),
            [5],
            "what happens while it waits comes at once"
        );
        two.say(json!({ "type": "ack", "number": 3 })).await;
        two.leave().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_message_is_told_and_ends_nothing() {
    on_each_engine(|test| async move {
        let mut house = House::new(test).await;
        let id = house.subscribe(json!({})).await;
        let address = listen(&house.world.router).await;
        let mut one = Consumer::open(address, &id, &house.world.a).await.unwrap();
        for (message, code, field) in [
            (json!("hello"), "api.field", "body"),
            (json!({ "type": "shout" }), "api.field", "type"),
            (
                json!({ "type": "ack", "number": "1" }),
                "api.field",
                "number",
            ),
            (
                json!({ "type": "ack", "number": 7 }),
                "streams.unknown_batch",
                "",
            ),
        ] {
            one.say(message.clone()).await;
            let told = one.next().await;
            assert_eq!(
                (told["type"].as_str(), told["code"].as_str()),
                (Some("error"), Some(code)),
                "{message}"
            );
            if field != "type" {
                assert!(
                    field.is_empty() || told["field"].as_str().is_some(),
                    "{told}"
                );
            }
        }
        house.say(0..1).await;
        assert_eq!(numbers(&one.next().await), [0]);
        one.leave().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_opens_a_subscription_takes_it_over() {
    on_each_engine(|test| async move {
        let mut house = House::new(test).await;
        let id = house.subscribe(json!({})).await;
        let address = listen(&house.world.router).await;
        let mut one = Consumer::open(address, &id, &house.world.a).await.unwrap();
        house.say(0..1).await;
        assert_eq!(numbers(&one.next().await), [0]);
        let mut two = Consumer::open(address, &id, &house.world.a).await.unwrap();
        assert_eq!(numbers(&two.next().await), [0]);
        let told = one.next().await;
        assert_eq!(told["code"], "streams.taken_over");
        assert_eq!(one.ended().await, "streams.taken_over");
        two.say(json!({ "type": "ack", "number": 1 })).await;
        two.leave().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_listens_without_a_key_of_the_namespace() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let world = &house.world;
        let id = house.subscribe(json!({})).await;
        let reader = world.key("a", vec![types::Role::Reader], None).await;
        let address = listen(&world.router).await;
        for (key, status) in [
            ("flr_x_y", 401),
            (world.b.as_str(), 404),
            (reader.as_str(), 403),
        ] {
            assert_eq!(Consumer::open(address, &id, key).await.err(), Some(status));
        }
        let plain = world.get(&format!("/subscriptions/{id}/ws")).await;
        assert_eq!(
            (plain.status, plain.refusal()),
            (400, ("api.field".into(), "Upgrade".into()))
        );
        let hook = world
            .post(
                "/subscriptions",
                json!({ "name": "hook", "delivery": webhook()["delivery"] }),
            )
            .await
            .good();
        let refused = Consumer::open(
            address,
            hook["subscription"]["id"].as_str().unwrap(),
            &world.a,
        )
        .await
        .err();
        assert_eq!(refused, Some(409), "a webhook is posted, not fetched");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_good_is_listed_sent_again_and_given_up() {
    on_each_engine(|test| async move {
        let mut house = House::new(test).await;
        let with =
            json!({ "delivery": { "type": "websocket", "batchSize": 1, "window": 1 }, "retry": { "attempts": 1 } });
        let id = house.subscribe(with).await;
        let address = listen(&house.world.router).await;
        house.say(0..2).await;
        let mut one = Consumer::open(address, &id, &house.world.a).await.unwrap();
        for number in 1..3u64 {
            assert_eq!(numbers(&one.next().await), [number - 1]);
            one.say(json!({ "type": "nack", "number": number, "why": "no" })).await;
        }
        one.settled(&house.world, &id, "dead", 2).await;
        let letters = house.world.get(&format!("/subscriptions/{id}/dead-letters?limit=1")).await.good();
        let first = &letters["items"][0];
        assert_eq!(
            (&first["type"], &first["error"], &first["event"]["data"]["n"]),
            (&json!("test.said"), &json!("no"), &json!(0))
        );
        let after = letters["next"].as_str().unwrap();
        let rest = house.world.get(&format!("/subscriptions/{id}/dead-letters?after={after}")).await.good();
        assert_eq!((&rest["count"], &rest["items"][0]["event"]["data"]["n"]), (&json!(1), &json!(1)));

        let retry = format!("/subscriptions/{id}/dead-letters/retry");
        let unknown = house.world.post(&retry, json!({ "sequences": [999] })).await;
        assert_eq!((unknown.status, unknown.refusal().0.as_str()), (404, "streams.unknown_letter"));
        assert_eq!(house.world.post(&retry, json!({ "sequences": [] })).await.refusal().1, "sequences");
        let put_back = house.world.post(&retry, json!({ "sequences": [first["sequence"]] })).await.good();
        assert_eq!(put_back, json!({ "retried": 1 }));
        assert_eq!(numbers(&one.next().await), [0]);
        one.say(json!({ "type": "ack", "number": 3 })).await;

        let skip = format!("/subscriptions/{id}/skip");
        let gone = house.world.post(&skip, json!({ "sequence": rest["items"][0]["sequence"] })).await;
        assert_eq!((gone.status, gone.text.as_str()), (204, ""));
        assert_eq!(house.world.post(&skip, json!({ "sequence": 999 })).await.refusal().0, "streams.unknown_letter");
        assert_eq!(house.status(&id).await["dead"], 0);
        one.leave().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named_and_changes_nothing() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let world = &house.world;
        let id = house.subscribe(json!({})).await;
        let before = world.facts("a").await;
        let with = |pointer: &str, value: Value| {
            let mut body = webhook();
            *body.pointer_mut(pointer).unwrap() = value;
            body
        };
        for (body, code, field) in [
            (with("/name", json!("two words")), "streams.invalid", "name"),
            (with("/name", json!("books")), "streams.name_taken", "name"),
            (
                with("/filter/types", json!([""])),
                "streams.invalid",
                "filter.types[0]",
            ),
            (
                with("/filter/finality", json!(["soon"])),
                "api.field",
                "filter.finality[0]",
            ),
            (
                with("/filter/chain", json!("mainnet")),
                "api.field",
                "filter.chain",
            ),
            (
                with("/delivery/url", json!("http://10.0.0.1/")),
                "streams.invalid",
                "delivery.url",
            ),
            (
                with("/delivery/timeoutMs", json!(5)),
                "streams.invalid",
                "delivery.timeoutMs",
            ),
            (
                with("/delivery/headers", json!({ "Host": "x" })),
                "streams.invalid",
                "delivery.headers.Host",
            ),
            (
                with("/retry/maxMs", json!(1)),
                "streams.invalid",
                "retry.maxMs",
            ),
            (with("/onError", json!("panic")), "api.field", "onError"),
        ] {
            let refused = world.post("/subscriptions", body.clone()).await;
            assert_eq!(
                refused.refusal(),
                (code.into(), field.into()),
                "{body}: {}",
                refused.text
            );
        }
        let at = |rest: &str| format!("/subscriptions/{id}{rest}");
        assert_eq!(
            world
                .post(&at("/rewind"), json!({ "from": "yesterday" }))
                .await
                .refusal()
                .1,
            "from"
        );
        assert_eq!(
            world.post(&at("/secrets"), json!({})).await.refusal().0,
            "streams.kind"
        );
        assert_eq!(
            world.get(&at("/dead-letters?after=x")).await.refusal().1,
            "after"
        );
        assert_eq!(world.get("/subscriptions/x").await.refusal().1, "id");
        assert_eq!(
            world
                .ask("PATCH", &at(""), json!({ "suspended": true }))
                .await
                .refusal()
                .1,
            "suspended"
        );
        assert_eq!(world.facts("a").await, before);
    })
    .await;
}
