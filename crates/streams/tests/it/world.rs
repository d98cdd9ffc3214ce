//! The test fixture: a database, the streams engine and the worker of every shard.

use outbound::{AddressPolicy, Outbound};
use secrets::{Keyring, MasterKey, Secrets};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::{Fact, Lease, StoredFact};
use streams::{
    Created, Event, Expand, ExpandError, Expansion, NewSubscription, Parts, Progress, SHARDS,
    Settings, Streams, Worker, shard_partition,
};
use testkit::http::{Request, Server};
use testkit::{TestDb, namespace};
use types::{Json, Namespace, Principal, PrincipalKind, Role, SubscriptionId};

pub(crate) struct World {
    pub(crate) test: TestDb,
    pub(crate) streams: Streams,
    pub(crate) shards: Vec<Worker>,
    leases: BTreeMap<String, Lease>,
    keyring: Keyring,
    pub(crate) expand: Arc<FakeExpander>,
    settings: Settings,
    allow: Vec<String>,
}

/// Expands `chain.*` facts into as many events as their payload states.
#[derive(Default)]
pub(crate) struct FakeExpander {
    /// Whether expansion fails temporarily.
    pub(crate) unavailable: AtomicBool,
}

#[async_trait::async_trait]
impl Expand for FakeExpander {
    fn event_types(&self, fact_type: &str) -> Option<&'static [&'static str]> {
        match fact_type {
            "chain.block" | "chain.broken" => Some(&["event.pending"]),
            "chain.final" => Some(&["event.final"]),
            "chain.reorg" => Some(&["event.reverted"]),
            _ => None,
        }
    }

    async fn expand(
        &self,
        fact: &StoredFact,
        continuation: Option<&str>,
    ) -> Result<Expansion, ExpandError> {
        if fact.kind == "chain.broken" {
            return Err(ExpandError::Permanent("its rows are missing".to_owned()));
        }
        if self.unavailable.load(Ordering::SeqCst) {
            return Err(ExpandError::Temporary(
                "the chain is unavailable".to_owned(),
            ));
        }
        let kind = self.event_types(&fact.kind).unwrap()[0];
        let payload = fact.payload.as_ref().unwrap().to_value();
        let chain: types::ChainId = "eip155:1337".parse().unwrap();
        let count = payload["count"].as_u64().unwrap();
        let event = |n: u64| Event {
            id: format!("{chain}/{}/{n}", payload["tx"].as_str().unwrap()),
            kind: kind.to_owned(),
            namespace: None,
            chain: Some(chain),
            source: Some(format!("0xaa{}", n % 2)),
            topic: Some("0xdd".to_owned()),
            data: Json::parse(&format!("{{\"n\":{n}}}")),
            ..Event::from_fact(fact)
        };
        let from: u64 = continuation.map_or(0, |text| text.parse().unwrap());
        let to = count.min(from + 300);
        Ok(Expansion {
            events: (from..to).map(event).collect(),
            continuation: (to < count).then(|| to.to_string()),
        })
    }
}

/// A webhook call as received.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) delivery: String,
    pub(crate) attempt: String,
    pub(crate) events: Vec<Value>,
    pub(crate) body: Vec<u8>,
}

pub(crate) fn principal(name: &str) -> Principal {
    Principal {
        id: format!("{name}/app"),
        kind: PrincipalKind::Service,
        namespace: namespace(name),
        roles: vec![Role::Operator],
        key: None,
        chain_of: Vec::new(),
        trace: None,
    }
}

pub(crate) fn outbound(allow: &[&str]) -> Outbound {
    let rules = allow.iter().map(|rule| rule.parse().unwrap()).collect();
    Outbound::new(outbound::Settings::new(AddressPolicy::new(rules))).unwrap()
}

fn master() -> MasterKey {
    MasterKey::Raw([7; 32].into())
}

impl World {
    pub(crate) async fn new(test: TestDb) -> Self {
        Self::with(test, Settings::default(), &["127.0.0.1"]).await
    }

    pub(crate) async fn with(test: TestDb, settings: Settings, allow: &[&str]) -> Self {
        let lease = test.lease("secrets/0").await;
        let keyring = secrets::open_keyring(&test.db, &lease, master())
            .await
            .unwrap();
        let allow = allow.iter().map(|rule| (*rule).to_owned()).collect();
        Self::build(
            test,
            keyring,
            Arc::new(FakeExpander::default()),
            settings,
            allow,
        )
        .await
    }

    async fn build(
        test: TestDb,
        keyring: Keyring,
        expand: Arc<FakeExpander>,
        settings: Settings,
        allow: Vec<String>,
    ) -> Self {
        let rules: Vec<&str> = allow.iter().map(String::as_str).collect();
        let mut leases = BTreeMap::new();
        for name in ["api/0", "chain/1337"]
            .map(str::to_owned)
            .into_iter()
            .chain((0..SHARDS).map(shard_partition))
        {
            leases.insert(name.clone(), test.lease(&name).await);
        }
        let api = leases["api/0"].clone();
        let parts = Parts {
            db: test.db.clone(),
            lease: api,
            expand: expand.clone(),
            outbound: outbound(&rules),
            keyring: keyring.clone(),
        };
        let streams = Streams::new(parts, settings);
        let shards = (0..SHARDS)
            .map(|n| Worker::new(streams.clone(), n, leases[&shard_partition(n)].clone()))
            .collect();
        Self {
            test,
            streams,
            shards,
            leases,
            keyring,
            expand,
            settings,
            allow,
        }
    }

    /// The engine of another process on the same database.
    pub(crate) fn streams_over(&self, db: store::Db, api: Lease) -> Streams {
        let rules: Vec<&str> = self.allow.iter().map(String::as_str).collect();
        let parts = Parts {
            db,
            lease: api,
            expand: self.expand.clone(),
            outbound: outbound(&rules),
            keyring: self.keyring.clone(),
        };
        Streams::new(parts, self.settings)
    }

    /// Crash the process and start another one.
    pub(crate) async fn crash(self) -> Self {
        let Self {
            test,
            streams,
            shards,
            leases,
            keyring,
            expand,
            settings,
            allow,
        } = self;
        drop((streams, shards, leases));
        Self::build(test.reopen().await, keyring, expand, settings, allow).await
    }

    /// Rotate the data key; secrets encrypted before can still be decrypted.
    pub(crate) async fn rotate_keys(self) -> Self {
        let lease = format!("secrets/{}", self.keyring.current_version());
        let parts = secrets::Parts {
            db: self.test.db.clone(),
            lease: self.test.lease(&lease).await,
            keyring: self.keyring.clone(),
            master_source: Some(Arc::new(|| Ok(master()))),
        };
        let engine = Secrets::new(parts, secrets::Settings::default());
        let principal = Principal::system("test", Namespace::installation());
        secrets::rotate(&engine, &principal).await.unwrap();
        drop(engine);
        self.crash().await
    }

    pub(crate) async fn lease(&mut self, partition: &str) -> Lease {
        if !self.leases.contains_key(partition) {
            self.leases
                .insert(partition.to_owned(), self.test.lease(partition).await);
        }
        self.leases[partition].clone()
    }

    /// Append one fact per payload to a partition.
    pub(crate) async fn facts(
        &mut self,
        partition: &str,
        ns: &str,
        kind: &'static str,
        payloads: Vec<Value>,
    ) {
        let lease = self.lease(partition).await;
        let namespace = types::Namespace::from_stored(ns).unwrap();
        self.test
            .db
            .on(&lease)
            .write(&namespace, move |tx| {
                for payload in &payloads {
                    tx.append(Fact::new(kind, 1).subject(&"object:1", 1).payload(payload));
                }
                Ok::<_, store::Error>(())
            })
            .await
            .unwrap();
    }

    /// Append `test.numbered` facts with the numbers of a range, in the namespace `ns`.
    pub(crate) async fn emit(&mut self, numbers: std::ops::Range<u64>) {
        let payloads = numbers.map(|n| json!({ "n": n })).collect();
        self.facts("work/0", "ns", "test.numbered", payloads).await;
    }

    /// Append a fact of the installation that expands to `count` events of a transaction.
    pub(crate) async fn chain_fact(&mut self, kind: &'static str, tx: &str, count: u64) {
        self.facts(
            "chain/1337",
            "_",
            kind,
            vec![json!({ "tx": tx, "count": count })],
        )
        .await;
    }

    pub(crate) async fn subscribe(&self, new: Value) -> Created {
        let new: NewSubscription = serde_json::from_value(new).unwrap();
        streams::subscribe(&self.streams, &principal("ns"), new, None)
            .await
            .unwrap()
    }

    /// A webhook subscription from the newest position, for the events of the tests.
    pub(crate) async fn hook(&self, name: &str, server: &Server) -> SubscriptionId {
        let delivery = json!({ "type": "webhook", "url": server.url("/hook") });
        let new = json!({ "name": name, "filter": { "types": ["test.*", "event.*", "installation.*"] }, "delivery": delivery });
        self.subscribe(new).await.subscription.id
    }

    /// One turn of each shard; does not wait for calls.
    pub(crate) async fn turn(&mut self) -> Vec<Progress> {
        let mut results = Vec::new();
        for shard in &mut self.shards {
            results.push(shard.turn().await.unwrap());
        }
        results
    }

    pub(crate) async fn wait_for_calls(&mut self) {
        for shard in &mut self.shards {
            shard.wait_for_calls().await.unwrap();
        }
    }

    /// Run turns until no shard has work.
    pub(crate) async fn run_until_idle(&mut self) {
        loop {
            let more = self
                .turn()
                .await
                .iter()
                .any(|progress| progress.more || progress.in_flight > 0);
            self.wait_for_calls().await;
            if !more {
                return;
            }
        }
    }

    /// Advance the clock and renew the leases, as the binary does.
    pub(crate) async fn advance(&self, millis: i64) {
        self.test.clock.advance_millis(millis);
        for lease in self.leases.values() {
            self.test.db.renew(lease).await.unwrap();
        }
    }

    pub(crate) async fn status(&self, id: SubscriptionId) -> streams::Status {
        streams::status(&self.streams, &principal("ns"), id)
            .await
            .unwrap()
    }

    pub(crate) async fn dead_letters(&self, id: SubscriptionId) -> Vec<streams::DeadLetter> {
        streams::dead_letters(&self.streams, &principal("ns"), id, &types::Page::default())
            .await
            .unwrap()
    }
}

/// HMAC-SHA256 (RFC 2104), implemented independently of the crate under test.
fn hmac(key: &[u8], text: &[u8]) -> String {
    let mut block = [0u8; 64];
    match key.len() {
        0..=64 => block[..key.len()].copy_from_slice(key),
        _ => block[..32].copy_from_slice(&Sha256::digest(key)),
    }
    let pad = |mask: u8| block.map(|byte| byte ^ mask);
    let inner = Sha256::new()
        .chain_update(pad(0x36))
        .chain_update(text)
        .finalize();
    hex::encode(
        Sha256::new()
            .chain_update(pad(0x5c))
            .chain_update(inner)
            .finalize(),
    )
}

/// Check the signature as a receiver does.
pub(crate) fn is_signed(request: &Request, secret: &str) -> bool {
    let value = request.header("florin-signature").unwrap();
    let (time, signatures) = value.split_once(',').unwrap();
    let seconds = time.strip_prefix("t=").unwrap();
    let text = [seconds.as_bytes(), b".", &request.body].concat();
    let expected = format!("v1={}", hmac(secret.as_bytes(), &text));
    signatures.split(',').any(|signature| signature == expected)
}

pub(crate) fn received(server: &Server) -> Vec<Received> {
    server.requests().iter().map(read).collect()
}

pub(crate) fn read(request: &Request) -> Received {
    let body = request.json();
    let delivery = request.header("florin-delivery").unwrap().to_owned();
    assert_eq!(body["delivery"], json!(delivery));
    Received {
        delivery,
        attempt: request.header("florin-attempt").unwrap().to_owned(),
        events: body["events"].as_array().unwrap().clone(),
        body: request.body.clone(),
    }
}

/// The numbers of `test.numbered` events, in the order received.
pub(crate) fn numbers(calls: &[Received]) -> Vec<u64> {
    calls
        .iter()
        .flat_map(|call| &call.events)
        .map(|event| event["data"]["n"].as_u64().unwrap())
        .collect()
}
