//! The test world: a registry on a fresh database.

use contracts::{Contract, Contracts, Interface, NewContract, Parts, Result, Settings};
use store::{Lease, Tx, UnscopedTx};
use testkit::{TestDb, namespace};
use types::{ChainId, Digest, Json, Page, Principal};

pub(crate) const ADDRESS: &str = "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed";
pub(crate) const ABI: &str = r#"[ {"type": "event", "name": "Moved", "inputs": []} ]"#;

pub(crate) fn chain() -> ChainId {
    ChainId::evm(1337)
}

pub(crate) fn principal(name: &str) -> Principal {
    Principal::system("test", namespace(name))
}

pub(crate) fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

pub(crate) fn new(address: &str) -> NewContract {
    NewContract {
        chain: chain(),
        address: address.to_owned(),
        standard: None,
        interface: None,
    }
}

pub(crate) struct World {
    pub(crate) test: TestDb,
    pub(crate) contracts: Contracts,
    pub(crate) lease: Lease,
}

impl World {
    pub(crate) async fn new(test: TestDb) -> Self {
        Self::with(test, Settings::default()).await
    }

    pub(crate) async fn with(test: TestDb, settings: Settings) -> Self {
        let lease = test.lease("api/0").await;
        let parts = Parts {
            db: test.db.clone(),
            lease: lease.clone(),
        };
        Self {
            contracts: Contracts::new(parts, settings),
            test,
            lease,
        }
    }

    /// Mentions a contract in a transaction of another engine.
    pub(crate) async fn ensure(&self, ns: &str, address: &str) -> Result<Contract> {
        let args = (
            *self.contracts.settings(),
            principal(ns),
            address.to_owned(),
        );
        let ensure = |tx: &mut Tx, args: &(Settings, Principal, String)| {
            let (settings, principal, address) = args;
            contracts::ensure(settings, tx, principal, &chain(), address)
        };
        let db = self.test.db.on(&self.lease);
        db.write_with(&namespace(ns), args, ensure).await
    }

    pub(crate) async fn add_interface(&self, ns: &str, text: &str) -> Result<Digest> {
        let settings = *self.contracts.settings();
        let interface = Interface::parse(&settings, &chain(), json(text))?;
        let args = (settings, principal(ns), interface);
        let add = |tx: &mut Tx, args: &(Settings, Principal, Interface)| {
            contracts::add_interface(&args.0, tx, &args.1, &args.2)
        };
        let db = self.test.db.on(&self.lease);
        db.write_with(&namespace(ns), args, add).await
    }

    /// The text of an interface as a namespace sees it.
    pub(crate) async fn interface(&self, ns: &str, hash: Digest) -> Option<String> {
        let read = |tx: &mut Tx, hash: &Digest| contracts::interfaces(tx, &[*hash]);
        let read = self.test.db.read_with(&namespace(ns), hash, read);
        let texts = read.await.unwrap();
        texts.get(&hash).map(|text| text.as_str().to_owned())
    }

    pub(crate) async fn list(&self, ns: &str) -> Vec<Contract> {
        contracts::contracts(&self.contracts, &principal(ns), None, &Page::default())
            .await
            .unwrap()
    }

    /// The types of the facts of the registry, in order.
    pub(crate) async fn facts(&self) -> Vec<String> {
        let start = store::Cursor {
            partition: "api/0".to_owned(),
            seq: 0,
        };
        let read = move |tx: &mut UnscopedTx| store::facts_after(tx, &start, 1_000);
        let facts = self.test.db.read_unscoped(read).await.unwrap();
        facts.into_iter().map(|fact| fact.kind).collect()
    }
}
