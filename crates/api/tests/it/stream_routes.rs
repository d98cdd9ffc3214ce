//! Subscriptions through the API: life cycle, secrets, dead letters, and the WebSocket on a real
//! connection.

use crate::client::ApiRequest;
use crate::websocket::{Consumer, serve};
use crate::world::World;
use serde_json::{Value, json};
use store::{Fact, Lease};
use streams::{SHARDS, Worker, shard_partition};
use testkit::{TestDb, namespace, on_each_engine};

/// A world with the workers of subscriptions, and a partition to append facts to.
struct StreamsWorld {
    world: World,
    shards: Vec<Worker>,
    work: Lease,
}

impl StreamsWorld {
    async fn new(test: TestDb) -> Self {
        let world = World::new(test).await;
        let mut shards = Vec::new();
        for number in 0..SHARDS {
            let lease = world.test.lease(&shard_partition(number)).await;
            shards.push(Worker::new(world.app.streams.clone(), number, lease));
        }
        let work = world.test.lease("work/0").await;
        Self {
            world,
            shards,
            work,
        }
    }

    /// Appends facts to namespace `a` and runs the workers.
    async fn append_facts(&mut self, numbers: std::ops::Range<u64>) {
        let write = self
            .world
            .test
            .db
            .on(&self.work)
            .write(&namespace("a"), move |tx| {
                for n in numbers.clone() {
                    tx.append(
                        Fact::new("test.noted", 1)
                            .subject(&"thing:1", 1)
                            .payload(&json!({ "n": n })),
                    );
                }
                Ok::<_, store::Error>(())
            });
        write.await.unwrap();
        self.run_until_idle().await;
    }

    async fn run_until_idle(&mut self) {
        loop {
            let mut more = false;
            for shard in &mut self.shards {
                let progress = shard.turn().await.unwrap();
                shard.wait_for_calls().await.unwrap();
                more |= progress.more || progress.in_flight > 0;
            }
            if !more {
                return;
            }
        }
    }

    /// Creates a WebSocket subscription to the appended facts.
    async fn subscribe(&self, with: Value) -> String {
        let mut new = json!({ "name": "books", "filter": { "types": ["test.*"] }, "delivery": { "type": "websocket", "batchSize": 2 } });
        new.as_object_mut()
            .unwrap()
            .extend(with.as_object().unwrap().clone());
        let created = self.world.post("/subscriptions", new).await.success();
        created["subscription"]["id"].as_str().unwrap().to_owned()
    }

    async fn status(&self, id: &str) -> Value {
        self.world
            .get(&format!("/subscriptions/{id}/status"))
            .await
            .success()
    }
}

fn webhook() -> Value {
    json!({
        "name": "books", "filter": { "types": ["submission.*"], "finality": ["final"], "chain": "eip155:31337" },
        "delivery": { "type": "webhook", "url": "https://hooks.example.org/in?a=1", "headers": { "X-Team": "hush-hush" }, "timeoutMs": 5000 },
        "retry": { "initialMs": 500, "maxMs": 1000, "attempts": 3 }, "onError": "hold",
    })
}

/// The numbers in the events of a batch.
fn event_numbers(batch: &Value) -> Vec<u64> {
    assert_eq!(batch["type"], "batch", "{batch}");
    batch["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["data"]["n"].as_u64().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_is_created_once_per_idempotency_key_and_has_a_full_life_cycle() {
    on_each_engine(|test| async move {
        let streams = StreamsWorld::new(test).await;
        let world = &streams.world;
        let keyed = || {
            ApiRequest::new("POST", "/api/v1/subscriptions")
                .key(&world.a)
                .with("idempotency-key", "k")
        };
        let created = world.send(keyed().json(&webhook())).await;
        let again = world.send(keyed().json(&webhook())).await;
        assert_eq!(
            (
                created.status,
                again.status,
                again.header("idempotency-replayed")
            ),
            (201, 200, "true")
        );
        assert!(
            created.success()["secret"]["secret"]
                .as_str()
                .unwrap()
                .starts_with("whsec_")
        );
        assert_eq!(again.success().get("secret"), None, "a secret is returned only once");
        let subscription = created.success()["subscription"].clone();
        assert_eq!(subscription["delivery"]["headers"], json!({ "X-Team": "" }));
        assert_eq!(
            (&subscription["delivery"]["batchSize"], &subscription["delivery"]["timeoutMs"]),
            (&json!(50), &json!(5000))
        );
        assert_eq!(
            (&subscription["retry"], &subscription["onError"]),
            (&webhook()["retry"], &json!("hold"))
        );

        let path = format!("/subscriptions/{}", subscription["id"].as_str().unwrap());
        let change =
            json!({ "version": subscription["version"], "name": "ledger", "onError": "dead_letter" });
        let changed = world.request("PATCH", &path, change.clone()).await.success();
        assert_eq!(
            (&changed["name"], &changed["filter"]),
            (&json!("ledger"), &subscription["filter"])
        );
        assert_eq!(
            world.request("PATCH", &path, change).await.code_and_field().0,
            "streams.version_conflict"
        );
        assert_eq!(world.get(&path).await.success(), changed);
        assert_eq!(
            world.get("/subscriptions?limit=1").await.success()["next"],
            subscription["id"]
        );
        assert_eq!(
            world
                .post(&format!("{path}/suspend"), Value::Null)
                .await
                .success()["suspended"],
            true
        );
        assert_eq!(
            world.get(&format!("{path}/status")).await.success()["state"],
            "suspended"
        );
        assert_eq!(
            world
                .post(&format!("{path}/resume"), Value::Null)
                .await
                .success()["suspended"],
            false
        );
        assert_eq!(
            world
                .post(&format!("{path}/rewind"), json!({ "from": "oldest" }))
                .await
                .status,
            200
        );
        assert!(
            !world
                .get(&format!("{path}/status"))
                .await
                .text
                .contains("hush-hush")
        );
        assert_eq!(world.request("DELETE", &path, Value::Null).await.status, 204);
        assert_eq!(
            world.get(&path).await.code_and_field().0,
            "streams.unknown_subscription"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_rotated_listed_and_retired() {
    on_each_engine(|test| async move {
        let streams = StreamsWorld::new(test).await;
        let world = &streams.world;
        let created = world.post("/subscriptions", webhook()).await.success();
        let path = format!(
            "/subscriptions/{}/secrets",
            created["subscription"]["id"].as_str().unwrap()
        );
        let rotated = world.post(&path, json!({ "overlapMs": 60_000 })).await;
        assert_eq!(
            (
                rotated.status,
                rotated.success()["secret"] == created["secret"]["secret"]
            ),
            (201, false)
        );
        assert_eq!(
            world.post(&path, json!({})).await.code_and_field().0,
            "streams.rotation_in_progress"
        );
        let secrets = world.get(&path).await;
        assert_eq!(
            (
                secrets.success()["count"].as_u64(),
                secrets.text.contains("whsec_")
            ),
            (Some(2), false)
        );
        let old = format!("{path}/{}", created["secret"]["id"].as_str().unwrap());
        assert_eq!(world.request("DELETE", &old, Value::Null).await.status, 204);
        assert_eq!(
            world
                .request("DELETE", &old, Value::Null)
                .await
                .code_and_field()
                .0,
            "streams.unknown_secret"
        );
        let last = format!("{path}/{}", rotated.success()["id"].as_str().unwrap());
        assert_eq!(
            world
                .request("DELETE", &last, Value::Null)
                .await
                .code_and_field()
                .0,
            "streams.last_secret"
        );
        assert_eq!(
            world
                .post(&path, json!({ "overlapMs": 2_592_000_001u64 }))
                .await
                .code_and_field(),
            ("api.invalid_field".into(), "overlapMs".into())
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unacknowledged_batches_are_delivered_to_the_next_consumer_in_order() {
    on_each_engine(|test| async move {
        let mut streams = StreamsWorld::new(test).await;
        let id = streams.subscribe(json!({})).await;
        let address = serve(&streams.world.router).await;
        streams.append_facts(0..5).await;
        let mut consumer = Consumer::open(address, &id, &streams.world.a)
            .await
            .unwrap();
        let first = consumer.next().await;
        assert_eq!(
            (
                event_numbers(&first),
                &first["number"],
                &first["rejections"]
            ),
            (vec![0, 1], &json!(1), &json!(0))
        );
        consumer.send(json!({ "type": "ack", "number": 1 })).await;
        let second = consumer.next().await;
        assert_eq!(
            (event_numbers(&second), &second["number"]),
            (vec![2, 3], &json!(2))
        );
        consumer
            .send(json!({ "type": "nack", "number": 2, "reason": "the disk is full" }))
            .await;
        let again = consumer.next().await;
        assert_eq!(
            (
                event_numbers(&again),
                &again["number"],
                &again["rejections"]
            ),
            (vec![2, 3], &json!(3), &json!(1))
        );
        consumer.close().await;

        let mut second_consumer = Consumer::open(address, &id, &streams.world.a)
            .await
            .unwrap();
        assert_eq!(
            event_numbers(&second_consumer.next().await),
            [2, 3],
            "an unacknowledged batch is delivered again"
        );
        second_consumer
            .send(json!({ "type": "ack", "number": 1 }))
            .await;
        assert_eq!(event_numbers(&second_consumer.next().await), [4]);
        second_consumer
            .send(json!({ "type": "ack", "number": 2 }))
            .await;
        streams.append_facts(5..6).await;
        assert_eq!(
            event_numbers(&second_consumer.next().await),
            [5],
            "a new event is delivered while the consumer waits"
        );
        second_consumer
            .send(json!({ "type": "ack", "number": 3 }))
            .await;
        second_consumer.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_message_is_reported_and_keeps_the_connection_open() {
    on_each_engine(|test| async move {
        let mut streams = StreamsWorld::new(test).await;
        let id = streams.subscribe(json!({})).await;
        let address = serve(&streams.world.router).await;
        let mut consumer = Consumer::open(address, &id, &streams.world.a)
            .await
            .unwrap();
        for (message, code, field) in [
            (json!("hello"), "api.invalid_field", "body"),
            (json!({ "type": "shout" }), "api.invalid_field", "type"),
            (
                json!({ "type": "ack", "number": "1" }),
                "api.invalid_field",
                "number",
            ),
            (
                json!({ "type": "ack", "number": 7 }),
                "streams.unknown_batch",
                "",
            ),
        ] {
            consumer.send(message.clone()).await;
            let reply = consumer.next().await;
            assert_eq!(
                (reply["type"].as_str(), reply["code"].as_str()),
                (Some("error"), Some(code)),
                "{message}"
            );
            if field != "type" {
                assert!(
                    field.is_empty() || reply["field"].as_str().is_some(),
                    "{reply}"
                );
            }
        }
        streams.append_facts(0..1).await;
        assert_eq!(event_numbers(&consumer.next().await), [0]);
        consumer.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_connection_replaces_the_current_consumer() {
    on_each_engine(|test| async move {
        let mut streams = StreamsWorld::new(test).await;
        let id = streams.subscribe(json!({})).await;
        let address = serve(&streams.world.router).await;
        let mut consumer = Consumer::open(address, &id, &streams.world.a)
            .await
            .unwrap();
        streams.append_facts(0..1).await;
        assert_eq!(event_numbers(&consumer.next().await), [0]);
        let mut second_consumer = Consumer::open(address, &id, &streams.world.a)
            .await
            .unwrap();
        assert_eq!(event_numbers(&second_consumer.next().await), [0]);
        let message = consumer.next().await;
        assert_eq!(message["code"], "streams.taken_over");
        assert_eq!(consumer.close_reason().await, "streams.taken_over");
        second_consumer
            .send(json!({ "type": "ack", "number": 1 }))
            .await;
        second_consumer.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_requires_an_api_key_with_permission_in_the_namespace() {
    on_each_engine(|test| async move {
        let streams = StreamsWorld::new(test).await;
        let world = &streams.world;
        let id = streams.subscribe(json!({})).await;
        let reader = world.key("a", vec![types::Role::Reader], None).await;
        let address = serve(&world.router).await;
        for (key, status) in [
            ("flr_x_y", 401),
            (world.b.as_str(), 404),
            (reader.as_str(), 403),
        ] {
            assert_eq!(Consumer::open(address, &id, key).await.err(), Some(status));
        }
        let plain = world.get(&format!("/subscriptions/{id}/ws")).await;
        assert_eq!(
            (plain.status, plain.code_and_field()),
            (400, ("api.invalid_field".into(), "Upgrade".into()))
        );
        let hook = world
            .post(
                "/subscriptions",
                json!({ "name": "hook", "delivery": webhook()["delivery"] }),
            )
            .await
            .success();
        let refused = Consumer::open(
            address,
            hook["subscription"]["id"].as_str().unwrap(),
            &world.a,
        )
        .await
        .err();
        assert_eq!(
            refused,
            Some(409),
            "a webhook subscription has no WebSocket"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_listed_retried_and_skipped() {
    on_each_engine(|test| async move {
        let mut streams = StreamsWorld::new(test).await;
        let with =
            json!({ "delivery": { "type": "websocket", "batchSize": 1, "window": 1 }, "retry": { "attempts": 1 } });
        let id = streams.subscribe(with).await;
        let address = serve(&streams.world.router).await;
        streams.append_facts(0..2).await;
        let mut consumer = Consumer::open(address, &id, &streams.world.a).await.unwrap();
        for number in 1..3u64 {
            assert_eq!(event_numbers(&consumer.next().await), [number - 1]);
            consumer.send(json!({ "type": "nack", "number": number, "reason": "no" })).await;
        }
        consumer.wait_for_status(&streams.world, &id, "deadLetters", 2).await;
        let letters = streams.world.get(&format!("/subscriptions/{id}/dead-letters?limit=1")).await.success();
        let first = &letters["items"][0];
        assert_eq!(
            (&first["type"], &first["error"], &first["event"]["data"]["n"]),
            (&json!("test.noted"), &json!("no"), &json!(0))
        );
        let after = letters["next"].as_str().unwrap();
        let rest = streams.world.get(&format!("/subscriptions/{id}/dead-letters?after={after}")).await.success();
        assert_eq!((&rest["count"], &rest["items"][0]["event"]["data"]["n"]), (&json!(1), &json!(1)));

        let retry = format!("/subscriptions/{id}/dead-letters/retry");
        let unknown = streams.world.post(&retry, json!({ "sequences": [999] })).await;
        assert_eq!((unknown.status, unknown.code_and_field().0.as_str()), (404, "streams.unknown_dead_letter"));
        assert_eq!(streams.world.post(&retry, json!({ "sequences": [] })).await.code_and_field().1, "sequences");
        let put_back = streams.world.post(&retry, json!({ "sequences": [first["sequence"]] })).await.success();
        assert_eq!(put_back, json!({ "retried": 1 }));
        assert_eq!(event_numbers(&consumer.next().await), [0]);
        consumer.send(json!({ "type": "ack", "number": 3 })).await;

        let skip = format!("/subscriptions/{id}/skip");
        let gone = streams.world.post(&skip, json!({ "sequence": rest["items"][0]["sequence"] })).await;
        assert_eq!((gone.status, gone.text.as_str()), (204, ""));
        assert_eq!(streams.world.post(&skip, json!({ "sequence": 999 })).await.code_and_field().0, "streams.unknown_dead_letter");
        assert_eq!(streams.status(&id).await["deadLetters"], 0);
        consumer.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_input_names_its_field_and_changes_nothing() {
    on_each_engine(|test| async move {
        let streams = StreamsWorld::new(test).await;
        let world = &streams.world;
        let id = streams.subscribe(json!({})).await;
        let before = world.fact_count("a").await;
        let with = |pointer: &str, value: Value| {
            let mut body = webhook();
            *body.pointer_mut(pointer).unwrap() = value;
            body
        };
        for (body, code, field) in [
            (
                with("/name", json!("two words")),
                "streams.invalid_field",
                "name",
            ),
            (with("/name", json!("books")), "streams.name_taken", "name"),
            (
                with("/filter/types", json!([""])),
                "streams.invalid_field",
                "filter.types[0]",
            ),
            (
                with("/filter/finality", json!(["soon"])),
                "api.invalid_field",
                "filter.finality[0]",
            ),
            (
                with("/filter/chain", json!("mainnet")),
                "api.invalid_field",
                "filter.chain",
            ),
            (
                with("/delivery/url", json!("http://10.0.0.1/")),
                "streams.invalid_field",
                "delivery.url",
            ),
            (
                with("/delivery/timeoutMs", json!(5)),
                "streams.invalid_field",
                "delivery.timeoutMs",
            ),
            (
                with("/delivery/headers", json!({ "Host": "x" })),
                "streams.invalid_field",
                "delivery.headers.Host",
            ),
            (
                with("/retry/maxMs", json!(1)),
                "streams.invalid_field",
                "retry.maxMs",
            ),
            (
                with("/onError", json!("panic")),
                "api.invalid_field",
                "onError",
            ),
        ] {
            let refused = world.post("/subscriptions", body.clone()).await;
            assert_eq!(
                refused.code_and_field(),
                (code.into(), field.into()),
                "{body}: {}",
                refused.text
            );
        }
        let path = |rest: &str| format!("/subscriptions/{id}{rest}");
        assert_eq!(
            world
                .post(&path("/rewind"), json!({ "from": "yesterday" }))
                .await
                .code_and_field()
                .1,
            "from"
        );
        assert_eq!(
            world
                .post(&path("/secrets"), json!({}))
                .await
                .code_and_field()
                .0,
            "streams.delivery_type_mismatch"
        );
        assert_eq!(
            world
                .get(&path("/dead-letters?after=x"))
                .await
                .code_and_field()
                .1,
            "after"
        );
        assert_eq!(world.get("/subscriptions/x").await.code_and_field().1, "id");
        assert_eq!(
            world
                .request("PATCH", &path(""), json!({ "suspended": true }))
                .await
                .code_and_field()
                .1,
            "suspended"
        );
        assert_eq!(world.fact_count("a").await, before);
    })
    .await;
}
