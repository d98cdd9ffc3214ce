//! The one door of the stories: a policy engine on a fresh database, and questions about plain
//! payments.

use async_trait::async_trait;
use intent::{FeeTerms, Intent, Permit};
use policy::{
    Config, LocalSigner, Lookup, LookupError, Lookups, NewVersion, Policy, Question, Reason,
    Target, Verdict, WalletRef,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use testkit::{TestDb, namespace};
use tokio::sync::oneshot;
use types::{Amount, ChainId, Kind, Principal, Role, Ulid, WalletId};
use zeroize::Zeroizing;

pub(crate) const SELF: &str = "0x5e1f00000000000000000000000000000000005e";
pub(crate) const BOB: &str = "0xb0b0000000000000000000000000000000000b0b";

pub(crate) struct World {
    pub(crate) policy: Policy,
    pub(crate) who: Principal,
    pub(crate) signer: Arc<LocalSigner>,
    pub(crate) book: Arc<Book>,
}

/// Labels of addresses, as the data model would tell them; counts how often it is asked.
#[derive(Default)]
pub(crate) struct Book {
    labels: Mutex<BTreeMap<String, BTreeSet<String>>>,
    pub(crate) asked: AtomicUsize,
    /// Whoever waits here is let go when a lookup is asked; the answer waits for the other.
    pub(crate) meanwhile: Mutex<Option<(oneshot::Sender<()>, oneshot::Receiver<()>)>>,
}

#[async_trait]
impl Lookups for Book {
    fn knows(&self, name: &str) -> bool {
        ["address.labels", "broken", "silent", "price"].contains(&name)
    }

    async fn answer(&self, lookup: &Lookup) -> Result<Value, LookupError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some((reached, go_on)) = meanwhile {
            reached.send(()).unwrap();
            go_on.await.unwrap();
        }
        match lookup.name.as_str() {
            "address.labels" => {
                let address = lookup.args["address"].as_str().unwrap_or_default();
                Ok(json!(
                    self.labels
                        .lock()
                        .unwrap()
                        .get(address)
                        .cloned()
                        .unwrap_or_default()
                ))
            }
            "price" => Ok(json!({ "value": 1e30 })),
            "silent" => std::future::pending().await,
            "broken" => Err(LookupError::Failed {
                name: "broken".into(),
                why: "the wire is cut".into(),
            }),
            name => Err(LookupError::Unknown { name: name.into() }),
        }
    }
}

impl Book {
    pub(crate) fn label(&self, address: &str, label: &str) {
        self.labels
            .lock()
            .unwrap()
            .entry(address.to_owned())
            .or_default()
            .insert(label.to_owned());
    }

    pub(crate) fn unlabel(&self, address: &str) {
        self.labels.lock().unwrap().remove(address);
    }
}

impl World {
    pub(crate) async fn new(test: &TestDb) -> Self {
        Self::with(test, Config::default()).await
    }

    pub(crate) async fn with(test: &TestDb, config: Config) -> Self {
        let signer = Arc::new(LocalSigner::from_seed(&Zeroizing::new([7; 32])).unwrap());
        let book = Arc::new(Book::default());
        let lease = test.lease("policy/0").await;
        let policy = Policy::new(test.db.clone(), lease, signer.clone(), book.clone(), config);
        Self {
            policy,
            who: controller("ns"),
            signer,
            book,
        }
    }

    /// A policy with this document, attached to the namespace.
    pub(crate) async fn attach(&self, name: &str, document: &str) {
        self.upload(name, document).await;
        policy::attach(&self.policy, &self.who, name, Target::Namespace)
            .await
            .unwrap();
    }

    /// A policy with this document.
    pub(crate) async fn upload(&self, name: &str, document: &str) -> policy::StoredVersion {
        policy::put(&self.policy, &self.who, name, "for a story")
            .await
            .unwrap();
        policy::add_version(&self.policy, &self.who, name, new_version(document))
            .await
            .unwrap()
    }

    pub(crate) async fn decide(&self, question: &Question) -> Verdict {
        policy::decide(&self.policy, std::slice::from_ref(question))
            .await
            .unwrap()
            .remove(0)
    }

    /// Permitted, or a panic that says why not.
    pub(crate) async fn permit(&self, question: &Question) -> Permit {
        match self.decide(question).await {
            Verdict::Permit { permit, .. } => *permit,
            other => panic!("not permitted: {other:?}"),
        }
    }

    /// Denied, or a panic.
    pub(crate) async fn denial(&self, question: &Question) -> Vec<Reason> {
        match self.decide(question).await {
            Verdict::Denied { reasons, .. } => reasons,
            other => panic!("not denied: {other:?}"),
        }
    }
}

pub(crate) fn controller(ns: &str) -> Principal {
    Principal {
        id: "anna".into(),
        kind: Kind::Person,
        namespace: namespace(ns),
        roles: vec![Role::Controller],
    }
}

pub(crate) fn new_version(document: &str) -> NewVersion {
    NewVersion {
        description: "first".into(),
        document: document.to_owned(),
        example_input: None,
    }
}

pub(crate) fn chain() -> ChainId {
    ChainId::evm(1337)
}

pub(crate) fn wallet() -> WalletRef {
    WalletRef {
        id: WalletId::from_ulid(Ulid::from_bits(1)),
        name: "treasury".into(),
        kind: "org".into(),
    }
}

/// Bob is paid so much of the chain's coin.
pub(crate) fn pay(amount: &str) -> Question {
    ask(Intent::call(
        chain(),
        SELF.into(),
        Some(BOB.into()),
        amount.parse().unwrap(),
        Vec::new(),
    ))
}

pub(crate) fn ask(intent: Intent) -> Question {
    let gas_price = Amount::from(10);
    Question {
        initiator: Principal {
            id: "ops".into(),
            kind: Kind::Service,
            namespace: namespace("ns"),
            roles: vec![Role::Operator],
        },
        subject: "sub:1".into(),
        intent,
        interface: None,
        quote: FeeTerms {
            gas: 21_000,
            fee_per_gas: gas_price,
            tip: Amount::from(1),
            total_fee: Amount::from(210_000),
        },
        wallet: Some(wallet()),
        key: None,
        task: None,
        assets: Vec::new(),
        policies: Vec::new(),
        labels: BTreeMap::new(),
        approvals: Vec::new(),
    }
}

pub(crate) const YES: &str = "package florin.yes\nallow := true";
