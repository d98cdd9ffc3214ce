//! A third sink: all that it takes is this file and its entry in the list.
#![allow(clippy::unwrap_used)]

use super::{
    Attempt, DeliveryOutcome, Field, Limits, Mode, OutgoingBatch, Sink, SinkDoc, SinkSettings,
};
use crate::{
    NewSubscription, NoExpansion, Parts, SHARDS, Streams, Worker, shard_partition, subscribe,
};
use outbound::{AddressPolicy, Outbound, Settings};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use store::Fact;
use testkit::{TestDb, namespace, on_each_engine};
use types::{Principal, PrincipalKind, Role};

/// Keeps batches in memory.
pub(super) struct Memory;

/// The batches, with the collection that the delivery names.
static KEPT: Mutex<Vec<Kept>> = Mutex::new(Vec::new());

struct Kept {
    collection: String,
    body: Value,
}

#[async_trait::async_trait]
impl Sink for Memory {
    fn doc(&self) -> &'static SinkDoc {
        const DOC: SinkDoc = SinkDoc {
            name: "memory",
            doc: "Batches are kept in memory.",
            fields: &[
                Field::text("collection", "Where batches are kept"),
                Field::integer("batchSize", (1, 10), 2, "Events per batch"),
            ],
            mode: Mode::Push,
            signs: false,
        };
        &DOC
    }

    fn limits(&self, settings: &SinkSettings) -> Limits {
        Limits {
            batch_size: settings.small_integer("batchSize"),
            timeout_ms: 1_000,
            window: 0,
        }
    }

    async fn send(&self, _: &Outbound, batch: &OutgoingBatch, _: Attempt) -> DeliveryOutcome {
        KEPT.lock().unwrap().push(Kept {
            collection: batch.delivery.settings().text("collection").to_owned(),
            body: serde_json::from_slice(&batch.body).unwrap(),
        });
        DeliveryOutcome::Delivered
    }
}

async fn streams(test: &TestDb) -> Streams {
    let lease = test.lease("api/0").await;
    let master = secrets::MasterKey::Raw([7; 32].into());
    let keyring = secrets::open_keyring(&test.db, &lease, master)
        .await
        .unwrap();
    let parts = Parts {
        db: test.db.clone(),
        lease,
        expand: Arc::new(NoExpansion),
        outbound: Outbound::new(Settings::new(AddressPolicy::default())).unwrap(),
        keyring,
    };
    Streams::new(parts, crate::Settings::default())
}

async fn turn_all(test: &TestDb, streams: &Streams) {
    for shard in 0..SHARDS {
        let lease = test.lease(&shard_partition(shard)).await;
        let mut worker = Worker::new(streams.clone(), shard, lease);
        while worker.turn().await.unwrap().more {
            worker.wait_for_calls().await.unwrap();
        }
    }
}

fn principal() -> Principal {
    Principal {
        id: "ns/app".to_owned(),
        kind: PrincipalKind::Service,
        namespace: namespace("ns"),
        roles: vec![Role::Operator],
        key: None,
        chain_of: Vec::new(),
        trace: None,
    }
}

fn new(delivery: &Value) -> serde_json::Result<NewSubscription> {
    let filter = json!({ "types": ["test.*"] });
    serde_json::from_value(json!({ "name": "a", "filter": filter, "delivery": delivery }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_sink_is_one_file_and_one_entry() {
    on_each_engine(|test| async move {
        let streams = streams(&test).await;
        let collection = format!("{:?}", test.db.engine());
        let new = new(&json!({ "type": "memory", "collection": collection })).unwrap();
        let created = subscribe(&streams, &principal(), new, None).await.unwrap();
        assert_eq!(
            created.secret, None,
            "a sink that does not sign has no secret"
        );
        let lease = test.lease("work/0").await;
        let write = test.db.on(&lease).write(&namespace("ns"), |tx| {
            (0..3).for_each(|n| tx.append(Fact::new("test.numbered", 1).payload(&n)));
            Ok::<_, store::Error>(())
        });
        write.await.unwrap();
        turn_all(&test, &streams).await;
        let kept = KEPT.lock().unwrap();
        let bodies = kept.iter().filter(|kept| kept.collection == collection);
        let sizes = bodies.map(|kept| kept.body["events"].as_array().unwrap().len());
        assert_eq!(sizes.collect::<Vec<_>>(), [2, 1]);
    })
    .await;
}

#[test]
fn the_settings_of_a_new_sink_are_checked() {
    for wrong in [
        json!({ "type": "memory" }),
        json!({ "type": "memory", "collection": "top", "url": "https://example.org" }),
        json!({ "type": "memory", "collection": 1 }),
    ] {
        assert!(new(&wrong).is_err(), "{wrong}");
    }
    let too_large =
        new(&json!({ "type": "memory", "collection": "top", "batchSize": 11 })).unwrap();
    let error = too_large.delivery.check(&AddressPolicy::default());
    let expected = crate::Error::invalid("delivery.batchSize", "1 to 10");
    assert_eq!(error, Err(expected));
}
