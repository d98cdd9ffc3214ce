//! The test world: a registry on a fresh database.

use chain::Connector;
use chain::evm::{Evm, EvmConfig};
use contracts::{
    Contract, Contracts, Filter, Interface, Known, NewContract, Parts, References, Result, Settings,
};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use store::{Lease, StoredFact, Tx, UnscopedTx};
use testkit::anvil::{self, Anvil};
use testkit::{TestDb, namespace};
use types::{ChainId, ContractId, Digest, Json, Page, Principal};

pub(crate) const ADDRESS: &str = "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed";
pub(crate) const ABI: &str = r#"[ {"type": "event", "name": "Moved", "inputs": []} ]"#;

pub(crate) fn chain() -> ChainId {
    ChainId::evm(31337)
}

pub(crate) fn principal(name: &str) -> Principal {
    Principal::system("test", namespace(name))
}

pub(crate) fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

pub(crate) fn new(name: &str, address: &str) -> NewContract {
    NewContract {
        name: name.to_owned(),
        chain: chain(),
        address: address.to_owned(),
        standards: None,
        interface: None,
    }
}

/// The interface of an artifact.
pub(crate) fn abi(artifact: &str) -> Option<Json> {
    Some(json(&testkit::artifact(artifact).abi.to_string()))
}

/// A node with a token of six decimals.
pub(crate) struct Node {
    pub(crate) anvil: Anvil,
    pub(crate) token: String,
}

/// Starts a node; none if it is not installed.
pub(crate) fn node() -> Option<Node> {
    let anvil = anvil::start(&anvil::Options::default())?;
    let token = deploy_token(&anvil, 6);
    anvil.mine(3);
    Some(Node { anvil, token })
}

pub(crate) fn deploy_token(anvil: &Anvil, decimals: u8) -> String {
    let artifact = testkit::artifact("DemoToken");
    let code = hex::decode(artifact.bytecode.trim_start_matches("0x")).unwrap();
    let interface = intent::Interface::new(artifact.abi.to_string());
    let params = serde_json::json!(["Demo", "DEM", decimals, anvil.accounts()[0].address]);
    let data = intent::encode_deploy(&chain(), &interface, &code, &params).unwrap();
    anvil.deploy(&format!("0x{}", hex::encode(data)))
}

impl Node {
    /// Changes the code of an address, in a block that becomes final.
    pub(crate) fn set_code(&self, address: &str, code: &str) {
        self.anvil
            .rpc("anvil_setCode", serde_json::json!([address, code]));
        self.anvil.mine(3);
    }

    /// Puts an address into a storage slot, in a block that becomes final.
    pub(crate) fn set_slot(&self, address: &str, slot: &str, value: &str) {
        let word = format!("0x{:0>64}", value.trim_start_matches("0x"));
        self.anvil.rpc(
            "anvil_setStorageAt",
            serde_json::json!([address, slot, word]),
        );
        self.anvil.mine(3);
    }
}

/// What the test says refers to contracts. Counts how often what was decided is withdrawn.
#[derive(Default)]
pub(crate) struct Referring(Mutex<Option<(ContractId, String)>>, AtomicUsize);

impl Referring {
    pub(crate) fn set(&self, contract: ContractId, by: &str) {
        *self.0.lock().unwrap() = Some((contract, by.to_owned()));
    }

    /// How often what was decided was withdrawn.
    pub(crate) fn withdrawals(&self) -> usize {
        self.1.load(Ordering::SeqCst)
    }
}

impl References for Referring {
    fn find(&self, _: &mut Tx, contract: &ContractId) -> store::Result<Option<String>> {
        let referring = self.0.lock().unwrap();
        let found = referring.as_ref().filter(|(id, _)| id == contract);
        Ok(found.map(|(_, by)| by.clone()))
    }

    fn withdraw(&self, _: &mut Tx) -> store::Result<()> {
        self.1.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

fn connector(test: &TestDb, url: &str) -> Arc<dyn Connector> {
    let config: EvmConfig = serde_json::from_value(serde_json::json!({
        "preset": "anvil", "number": 31337, "url": url,
        "retry": { "attempts": 1, "first_ms": 1, "max_ms": 1 },
    }))
    .unwrap();
    Arc::new(Evm::new(config, test.entropy.clone()).unwrap())
}

pub(crate) struct World {
    pub(crate) test: TestDb,
    pub(crate) contracts: Contracts,
    pub(crate) lease: Lease,
    pub(crate) referring: Arc<Referring>,
}

impl World {
    /// A registry without a node.
    pub(crate) async fn new(test: TestDb) -> Self {
        Self::with(test, Settings::default(), None).await
    }

    /// A registry on a node.
    pub(crate) async fn on(test: TestDb, url: &str) -> Self {
        Self::with(test, Settings::default(), Some(url)).await
    }

    pub(crate) async fn with(test: TestDb, settings: Settings, url: Option<&str>) -> Self {
        let lease = test.lease("api/0").await;
        let referring = Arc::new(Referring::default());
        let parts = Parts {
            db: test.db.clone(),
            lease: lease.clone(),
            chains: url.map(|url| connector(&test, url)).into_iter().collect(),
            references: referring.clone(),
        };
        Self {
            contracts: Contracts::new(parts, settings),
            test,
            lease,
            referring,
        }
    }

    pub(crate) async fn register(&self, ns: &str, new: NewContract) -> Result<Contract> {
        let principal = principal(ns);
        let registered = contracts::register(&self.contracts, &principal, new).await;
        registered.map(|(contract, _)| contract)
    }

    /// What a decision sees of an address.
    pub(crate) async fn known(&self, ns: &str, address: &str) -> Known {
        let addresses = [address.to_owned()];
        let (namespace, chain) = (namespace(ns), chain());
        let known = contracts::known(&self.contracts, &namespace, &chain, &addresses).await;
        known.unwrap().remove(address).unwrap()
    }

    /// Why a decision does not trust a registered contract.
    pub(crate) async fn problem(&self, ns: &str, address: &str) -> Option<String> {
        match self.known(ns, address).await {
            Known::Registered(known) => known.problem,
            other => panic!("{other:?}"),
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
        self.list_by(ns, Filter::default(), &Page::default()).await
    }

    pub(crate) async fn list_by(&self, ns: &str, filter: Filter, page: &Page) -> Vec<Contract> {
        contracts::contracts(&self.contracts, &principal(ns), filter, page)
            .await
            .unwrap()
    }

    /// The types of the facts of the registry, in order.
    pub(crate) async fn facts(&self) -> Vec<String> {
        let facts = self.stored_facts().await;
        facts.into_iter().map(|fact| fact.kind).collect()
    }

    pub(crate) async fn stored_facts(&self) -> Vec<StoredFact> {
        let start = store::Cursor {
            partition: "api/0".to_owned(),
            seq: 0,
        };
        let read = move |tx: &mut UnscopedTx| store::facts_after(tx, &start, 1_000);
        self.test.db.read_unscoped(read).await.unwrap()
    }
}
