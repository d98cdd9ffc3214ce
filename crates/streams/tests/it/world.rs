//! What the stories stand on: a database, the streams over it, every shard's worker, and a
//! receiver.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::secret::{self, Keyring};
use store::{Fact, Lease, StoredFact};
use streams::outbound::{Guard, Outbound, Settings};
use streams::{
    Created, Event, Expand, Expansion, Limits, NewSubscription, Progress, SHARDS, Shard, Streams,
    Unexpanded, shard_partition,
};
use testkit::http::{Request, Server};
use testkit::{TestDb, namespace};
use types::{Json, Kind, Principal, Role, SubscriptionId};

pub(crate) struct World {
    pub(crate) test: TestDb,
    pub(crate) streams: Streams,
    pub(crate) shards: Vec<Shard>,
    leases: BTreeMap<String, Lease>,
    keyring: Arc<Keyring>,
    pub(crate) expand: Arc<Fake>,
    limits: Limits,
    allow: Vec<String>,
}

/// Facts `chain.*` stand for the events in their payload.
#[derive(Default)]
pub(crate) struct Fake {
    /// Whether what facts stand for cannot be read now.
    pub(crate) away: AtomicBool,
}

#[async_trait::async_trait]
impl Expand for Fake {
    fn becomes(&self, fact_type: &str) -> Option<&'static [&'static str]> {
        match fact_type {
            "chain.block" | "chain.broken" => Some(&["event.pending"]),
            "chain.final" => Some(&["event.final"]),
            "chain.reorg" => Some(&["event.reverted"]),
            _ => None,
        }
    }

    async fn expand(&self, fact: &StoredFact, rest: Option<&str>) -> Result<Expansion, Unexpanded> {
        if fact.kind == "chain.broken" {
            return Err(Unexpanded::Never("its rows are gone".to_owned()));
        }
        if self.away.load(Ordering::SeqCst) {
            return Err(Unexpanded::Later("the chain is away".to_owned()));
        }
        let kind = self.becomes(&fact.kind).unwrap()[0];
        let payload = fact.payload.as_ref().unwrap().to_value();
        let chain: types::ChainId = "eip155:1337".parse().unwrap();
        let count = payload["count"].as_u64().unwrap();
        let event = |n: u64| Event {
            id: format!("{chain}/{}/{n}", payload["tx"].as_str().unwrap()),
            kind: kind.to_owned(),
            namespace: None,
            chain: Some(chain.clone()),
            source: Some(format!("0xaa{}", n % 2)),
            topic: Some("0xdd".to_owned()),
            data: Json::parse(&format!("{{\"n\":{n}}}")),
            ..Event::of(fact)
        };
        let from: u64 = rest.map_or(0, |rest| rest.parse().unwrap());
        let to = count.min(from + 300);
        Ok(Expansion {
            events: (from..to).map(event).collect(),
            rest: (to < count).then(|| to.to_string()),
        })
    }
}

/// What a webhook brought.
#[derive(Debug, Clone)]
pub(crate) struct Brought {
    pub(crate) delivery: String,
    pub(crate) attempt: String,
    pub(crate) events: Vec<Value>,
    pub(crate) body: Vec<u8>,
}

pub(crate) fn who(name: &str) -> Principal {
    Principal {
        id: format!("{name}/app"),
        kind: Kind::Service,
        namespace: namespace(name),
        roles: vec![Role::Operator],
    }
}

pub(crate) fn outbound(allow: &[&str]) -> Outbound {
    let rules = allow.iter().map(|rule| rule.parse().unwrap()).collect();
    Outbound::new(Settings::new(Guard::new(rules))).unwrap()
}

impl World {
    pub(crate) async fn new(test: TestDb) -> Self {
        Self::with(test, Limits::default(), &["127.0.0.1"]).await
    }

    pub(crate) async fn with(test: TestDb, limits: Limits, allow: &[&str]) -> Self {
        let loaded = test
            .db
            .read_unbound(|tx| secret::load(tx, "streams"))
            .await
            .unwrap();
        let keyring = Arc::new(loaded.begin(test.entropy.as_ref()));
        let allow = allow.iter().map(|rule| (*rule).to_owned()).collect();
        Self::over(test, keyring, Arc::new(Fake::default()), limits, allow).await
    }

    async fn over(
        test: TestDb,
        keyring: Arc<Keyring>,
        expand: Arc<Fake>,
        limits: Limits,
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
        let streams = Streams::new(
            test.db.clone(),
            api,
            expand.clone(),
            outbound(&rules),
            keyring.clone(),
        )
        .within(limits);
        let shards = (0..SHARDS)
            .map(|n| Shard::new(streams.clone(), n, leases[&shard_partition(n)].clone()))
            .collect();
        Self {
            test,
            streams,
            shards,
            leases,
            keyring,
            expand,
            limits,
            allow,
        }
    }

    /// The streams of another process on the same database.
    pub(crate) fn streams_over(&self, db: store::Db, api: Lease) -> Streams {
        let rules: Vec<&str> = self.allow.iter().map(String::as_str).collect();
        Streams::new(
            db,
            api,
            self.expand.clone(),
            outbound(&rules),
            self.keyring.clone(),
        )
        .within(self.limits)
    }

    /// The process dies and another one starts.
    pub(crate) async fn crash(self) -> Self {
        let Self {
            test,
            streams,
            shards,
            leases,
            keyring,
            expand,
            limits,
            allow,
        } = self;
        drop((streams, shards, leases));
        Self::over(test.reopen().await, keyring, expand, limits, allow).await
    }

    /// The keys of the secrets change; what was sealed before can still be opened.
    pub(crate) async fn rotate_keys(self) -> Self {
        let keyring = Arc::new(self.keyring.rotated(self.test.entropy.as_ref()));
        let Self {
            test,
            streams,
            shards,
            leases,
            expand,
            limits,
            allow,
            ..
        } = self;
        drop((streams, shards, leases));
        Self::over(test.reopen().await, keyring, expand, limits, allow).await
    }

    pub(crate) async fn lease(&mut self, partition: &str) -> Lease {
        if !self.leases.contains_key(partition) {
            self.leases
                .insert(partition.to_owned(), self.test.lease(partition).await);
        }
        self.leases[partition].clone()
    }

    /// Append facts of a type in a namespace, one for each payload, on a partition.
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
                    tx.append(Fact::new(kind, 1).about(&"thing:1", 1).says(payload));
                }
                Ok::<_, store::Error>(())
            })
            .await
            .unwrap();
    }

    /// `test.said` with the numbers of a range, in the namespace `ns`.
    pub(crate) async fn say(&mut self, numbers: std::ops::Range<u64>) {
        let payloads = numbers.map(|n| json!({ "n": n })).collect();
        self.facts("work/0", "ns", "test.said", payloads).await;
    }

    /// A fact of the installation that stands for events of a transaction.
    pub(crate) async fn block(&mut self, kind: &'static str, tx: &str, count: u64) {
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
        streams::subscribe(&self.streams, &who("ns"), new, None)
            .await
            .unwrap()
    }

    /// A webhook to a server, from the newest, for what the stories tell.
    pub(crate) async fn hook(&self, name: &str, server: &Server) -> SubscriptionId {
        let delivery = json!({ "type": "webhook", "url": server.url("/hook") });
        let new = json!({ "name": name, "filter": { "types": ["test.*", "event.*", "house.*"] }, "delivery": delivery });
        self.subscribe(new).await.subscription.id
    }

    /// One turn of each shard, without waiting for the calls.
    pub(crate) async fn turn(&mut self) -> Vec<Progress> {
        let mut all = Vec::new();
        for shard in &mut self.shards {
            all.push(shard.turn().await.unwrap());
        }
        all
    }

    pub(crate) async fn rest(&mut self) {
        for shard in &mut self.shards {
            shard.rest().await.unwrap();
        }
    }

    /// Turns until there is nothing to do now.
    pub(crate) async fn settle(&mut self) {
        loop {
            let more = self
                .turn()
                .await
                .iter()
                .any(|progress| progress.more || progress.in_flight > 0);
            self.rest().await;
            if !more {
                return;
            }
        }
    }

    /// Time passes; leases are renewed, as the binary does.
    pub(crate) async fn advance(&self, millis: i64) {
        self.test.clock.advance_millis(millis);
        for lease in self.leases.values() {
            self.test.db.renew(lease).await.unwrap();
        }
    }

    pub(crate) async fn status(&self, id: SubscriptionId) -> streams::Status {
        streams::status(&self.streams, &who("ns"), id)
            .await
            .unwrap()
    }

    pub(crate) async fn dead(&self, id: SubscriptionId) -> Vec<streams::DeadLetter> {
        streams::dead_letters(&self.streams, &who("ns"), id, &types::Page::default())
            .await
            .unwrap()
    }
}

/// HMAC-SHA256 as RFC 2104 defines it, by nothing but the hash.
fn hmac(key: &[u8], text: &[u8]) -> String {
    let mut block = [0u8; 64];
    match key.len() {
        0..=64 => block[..key.len()].copy_from_slice(key),
        _ => block[..32].copy_from_slice(&Sha256::digest(key)),
    }
    let pad = |with: u8| block.map(|byte| byte ^ with);
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

/// Whether a webhook is signed with a secret, as a receiver would check it.
pub(crate) fn is_signed(request: &Request, secret: &str) -> bool {
    let value = request.header("florin-signature").unwrap();
    let (time, signatures) = value.split_once(',').unwrap();
    let seconds = time.strip_prefix("t=").unwrap();
    let text = [seconds.as_bytes(), b".", &request.body].concat();
    let right = format!("v1={}", hmac(secret.as_bytes(), &text));
    signatures.split(',').any(|one| one == right)
}

pub(crate) fn brought(server: &Server) -> Vec<Brought> {
    server.requests().iter().map(read).collect()
}

pub(crate) fn read(request: &Request) -> Brought {
    let body = request.json();
    let delivery = request.header("florin-delivery").unwrap().to_owned();
    assert_eq!(body["delivery"], json!(delivery));
    Brought {
        delivery,
        attempt: request.header("florin-attempt").unwrap().to_owned(),
        events: body["events"].as_array().unwrap().clone(),
        body: request.body.clone(),
    }
}

/// The numbers that events of `test.said` carry, in the order of their arrival.
pub(crate) fn numbers(brought: &[Brought]) -> Vec<u64> {
    brought
        .iter()
        .flat_map(|one| &one.events)
        .map(|event| event["data"]["n"].as_u64().unwrap())
        .collect()
}
