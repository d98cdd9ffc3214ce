//! The test world: a policy engine on a fresh database, and decision requests for plain payments.

use async_trait::async_trait;
use intent::{FeeLimits, FeeTerms, Intent, KnownContract, Permit, Standard};
use policy::{
    AccountInfo, ApiKeys, ContractInfo, Contracts, DecisionRequest, KeyStanding, LocalSigner, Lock,
    Lookup, LookupError, Lookups, NewPolicy, NewVersion, Parts, Policy, Purpose, Reason, Settings,
    Target, Verdict, WalletRef,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use store::{Lease, Tx};
use testkit::{TestDb, namespace};
use tokio::sync::oneshot;
use types::{
    Amount, ApiKeyId, ChainId, Namespace, PermitId, Principal, PrincipalKind, Role, Ulid, WalletId,
};
use zeroize::Zeroizing;

pub(crate) const SELF: &str = "0x5e1f00000000000000000000000000000000005e";
pub(crate) const BOB: &str = "0xb0b0000000000000000000000000000000000b0b";

pub(crate) struct World {
    pub(crate) policy: Policy,
    pub(crate) principal: Principal,
    pub(crate) signer: Arc<LocalSigner>,
    pub(crate) lookups: Arc<FakeLookups>,
    pub(crate) contracts: Arc<FakeContracts>,
    pub(crate) api_keys: Arc<FakeApiKeys>,
}

/// API keys as the test sets them.
#[derive(Default)]
pub(crate) struct FakeApiKeys(Mutex<BTreeMap<ApiKeyId, KeyStanding>>);

impl FakeApiKeys {
    /// A live key with these roles.
    pub(crate) fn issue(&self, roles: &[Role]) -> ApiKeyId {
        let mut keys = self.0.lock().unwrap();
        let id = ApiKeyId::from_ulid(Ulid::from_bits(keys.len() as u128 + 1));
        let (roles, is_live) = (roles.to_vec(), true);
        keys.insert(id, KeyStanding { id, roles, is_live });
        id
    }

    pub(crate) fn revoke(&self, id: ApiKeyId) {
        self.0.lock().unwrap().get_mut(&id).unwrap().is_live = false;
    }

    pub(crate) fn set_roles(&self, id: ApiKeyId, roles: &[Role]) {
        self.0.lock().unwrap().get_mut(&id).unwrap().roles = roles.to_vec();
    }
}

impl ApiKeys for FakeApiKeys {
    fn standing(&self, _: &mut Tx, keys: &[ApiKeyId], _: Lock) -> store::Result<Vec<KeyStanding>> {
        let known = self.0.lock().unwrap();
        Ok(keys
            .iter()
            .filter_map(|id| known.get(id).cloned())
            .collect())
    }
}

/// Fake lookups: labels of addresses, and lookups that fail. Counts its calls.
#[derive(Default)]
pub(crate) struct FakeLookups {
    labels: Mutex<BTreeMap<String, BTreeSet<String>>>,
    pub(crate) calls: AtomicUsize,
    /// Pauses the next lookup: it signals the sender, then waits for the receiver.
    pub(crate) pause: Mutex<Option<(oneshot::Sender<()>, oneshot::Receiver<()>)>>,
}

#[async_trait]
impl Lookups for FakeLookups {
    fn knows(&self, name: &str) -> bool {
        ["address.labels", "broken", "silent", "price"].contains(&name)
    }

    async fn answer(&self, lookup: &Lookup) -> Result<Value, LookupError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let pause = self.pause.lock().unwrap().take();
        if let Some((reached, resume)) = pause {
            reached.send(()).unwrap();
            resume.await.unwrap();
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
                why: "the connection is lost".into(),
            }),
            name => Err(LookupError::Unknown { name: name.into() }),
        }
    }
}

/// Fake knowledge of accounts: registered contracts, and an error for all; every other account has
/// no code.
#[derive(Default)]
pub(crate) struct FakeContracts {
    registered: Mutex<BTreeMap<String, ContractInfo>>,
    pub(crate) failure: Mutex<Option<String>>,
}

#[async_trait]
impl Contracts for FakeContracts {
    async fn known(
        &self,
        _: &Namespace,
        _: &ChainId,
        addresses: &[String],
    ) -> Result<BTreeMap<String, AccountInfo>, String> {
        if let Some(why) = self.failure.lock().unwrap().clone() {
            return Err(why);
        }
        let registered = self.registered.lock().unwrap();
        let info = |address: &String| match registered.get(address) {
            Some(info) => AccountInfo::Contract(Box::new(info.clone())),
            None => AccountInfo::NoCode,
        };
        Ok(addresses.iter().map(|a| (a.clone(), info(a))).collect())
    }
}

impl FakeContracts {
    /// Register a token.
    pub(crate) fn register(&self, address: &str, standard: Standard, asset: Option<&str>) {
        let contract = KnownContract {
            name: "token".into(),
            standards: [standard].into(),
            ..KnownContract::default()
        };
        let info = ContractInfo {
            contract,
            decimals: Some(6),
            assets: asset.map(str::to_owned).into_iter().collect(),
            ..ContractInfo::default()
        };
        self.registered.lock().unwrap().insert(address.into(), info);
    }
}

impl FakeLookups {
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

fn parts(
    test: &TestDb,
    lease: Lease,
    signer: &Arc<LocalSigner>,
    lookups: &Arc<FakeLookups>,
    contracts: &Arc<FakeContracts>,
    api_keys: &Arc<FakeApiKeys>,
) -> Parts {
    Parts {
        db: test.db.clone(),
        lease,
        signer: signer.clone(),
        lookups: lookups.clone(),
        contracts: contracts.clone(),
        api_keys: api_keys.clone(),
    }
}

impl World {
    pub(crate) async fn new(test: &TestDb) -> Self {
        Self::with(test, Settings::default()).await
    }

    /// The parts of another engine of the same installation.
    pub(crate) fn parts(&self, test: &TestDb, lease: Lease) -> Parts {
        parts(
            test,
            lease,
            &self.signer,
            &self.lookups,
            &self.contracts,
            &self.api_keys,
        )
    }

    pub(crate) async fn with(test: &TestDb, settings: Settings) -> Self {
        let signer = Arc::new(LocalSigner::from_seed(&Zeroizing::new([7; 32])).unwrap());
        let lookups = Arc::new(FakeLookups::default());
        let contracts = Arc::new(FakeContracts::default());
        let api_keys = Arc::new(FakeApiKeys::default());
        let lease = test.lease("policy/0").await;
        let parts = parts(test, lease, &signer, &lookups, &contracts, &api_keys);
        let policy = Policy::new(parts, settings);
        Self {
            policy,
            principal: controller("ns"),
            signer,
            lookups,
            contracts,
            api_keys,
        }
    }

    /// Upload a policy with this document, and attach it to the namespace.
    pub(crate) async fn attach(&self, name: &str, document: &str) {
        self.upload(name, document).await;
        policy::attach(&self.policy, &self.principal, name, Target::Namespace)
            .await
            .unwrap();
    }

    /// Upload a policy with this document.
    pub(crate) async fn upload(&self, name: &str, document: &str) -> policy::StoredVersion {
        policy::put_policy(&self.policy, &self.principal, name, NewPolicy::default())
            .await
            .unwrap();
        policy::add_version(&self.policy, &self.principal, name, new_version(document))
            .await
            .unwrap()
    }

    pub(crate) async fn decide(&self, request: &DecisionRequest) -> Verdict {
        policy::decide(&self.policy, std::slice::from_ref(request))
            .await
            .unwrap()
            .remove(0)
    }

    /// The permit of a request that must be permitted.
    pub(crate) async fn permit(&self, request: &DecisionRequest) -> Permit {
        match self.decide(request).await {
            Verdict::Permit { permit, .. } => *permit,
            other => panic!("not permitted: {other:?}"),
        }
    }

    /// The reasons of a request that must be denied.
    pub(crate) async fn denial(&self, request: &DecisionRequest) -> Vec<Reason> {
        match self.decide(request).await {
            Verdict::Denied { reasons, .. } => reasons,
            other => panic!("not denied: {other:?}"),
        }
    }
}

pub(crate) fn controller(ns: &str) -> Principal {
    Principal {
        id: "anna".into(),
        kind: PrincipalKind::Person,
        namespace: namespace(ns),
        roles: vec![Role::Controller],
        key: None,
        chain_of: Vec::new(),
        trace: None,
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

/// A request to cancel what was signed under some permit.
pub(crate) fn cancel() -> DecisionRequest {
    DecisionRequest {
        purpose: Purpose::Cancel {
            supersedes: PermitId::from_ulid(Ulid::from_bits(7)),
        },
        ..request(Intent::cancel(chain(), SELF.into()))
    }
}

/// A request to pay Bob an amount of the chain's native coin.
pub(crate) fn pay(amount: &str) -> DecisionRequest {
    request(Intent::call(
        chain(),
        SELF.into(),
        Some(BOB.into()),
        amount.parse().unwrap(),
        Vec::new(),
    ))
}

pub(crate) fn request(intent: Intent) -> DecisionRequest {
    let gas_price = Amount::from(10);
    DecisionRequest {
        initiator: Principal {
            id: "ops".into(),
            kind: PrincipalKind::Service,
            namespace: namespace("ns"),
            roles: vec![Role::Operator],
            key: None,
            chain_of: Vec::new(),
            trace: None,
        },
        subject: "sub:1".into(),
        purpose: Purpose::Act,
        intent,
        interface: None,
        quote: FeeTerms {
            gas: 21_000,
            fee_per_gas: gas_price,
            tip: Amount::from(1),
            total_fee: Amount::from(210_000),
            l1_fee: Amount::ZERO,
        },
        limits: FeeLimits {
            max_tip: Amount::MAX,
            max_fee_per_gas: Amount::MAX,
            max_total_fee: Amount::MAX,
            floor: Amount::ZERO,
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

/// Only recipients with the label `allowed` are paid.
pub(crate) const LABELLED: &str = r#"package florin.allowlist
lookups[move.to] := {"from": "address.labels", "args": {"chain": input.chain.id, "address": move.to}} if {
	some move in input.effects.moves
}
listed(recipient) if "allowed" in input.lookups[recipient]
default allow := false
allow if {
	input.effects.complete == true
	every move in input.effects.moves {
		listed(move.to)
	}
}
deny contains msg if {
	some move in input.effects.moves
	not listed(move.to)
	msg := sprintf("%s is not on the allow list", [move.to])
}
"#;
pub(crate) const ALLOW_ALL: &str = "package florin.yes\nallow := true";
