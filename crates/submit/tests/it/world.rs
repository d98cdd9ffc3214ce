//! The test environment: a database, an anvil node, and every engine between an intent and a final
//! transaction.

use chain::Connector;
use chain::evm::{Evm, EvmConfig};
use index::{Settings, Start};
use intent::Intent;
use keys::{
    AnswerTime, Backend, DEFAULT_BACKEND, Keys, NewSecret, NewWallet, SignOutcome, SigningTask,
    WalletKind,
};
use policy::{
    ApiKeys, KeyStanding, LocalSigner, Lock, NewPolicy, NewVersion, NoContracts, NoLookups,
    PermitSigner as _, Policy, Target,
};
use secrets::{KdfCost, MasterKey};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, mpsc};
use submit::{Enqueue, Outcome, State, Submission, Submit, Worker};
use testkit::anvil::{self, Anvil, Mining, Options};
use testkit::{Proxy, TestDb, namespace};
use types::{Amount, ApiKeyId, ChainId, Json, Principal, PrincipalKind, Role, SubmissionId, Ulid};

/// The mnemonic of the node's own accounts, so that the node can sign with the treasury's key.
pub(crate) const MNEMONIC: &str = "test test test test test test test test test test test junk";
pub(crate) const BOB: &str = "0x00000000000000000000000000000000000b0b00";
/// Allows payments of up to a million wei.
pub(crate) const PAY_SMALL: &str = "package florin.small
import data.florin.amount
default allow := false
allow if { every move in input.effects.moves { amount.at_most(move.amount, \"1000000\") } }
deny contains \"more than a million\" if { some move in input.effects.moves; not amount.at_most(move.amount, \"1000000\") }
";

/// A back end with the treasury's key that answers later, with the outcomes that the test sets.
#[derive(Default)]
pub(crate) struct Scripted(Mutex<VecDeque<SignOutcome>>, pub(crate) Arc<Held>);

/// A back end with the treasury's key that answers at once, but once is held before it does.
#[derive(Default)]
pub(crate) struct Held(Mutex<Option<mpsc::Sender<mpsc::Sender<()>>>>);

impl Held {
    /// Holds the next signature until what is received is dropped or sent to.
    pub(crate) fn hold_next(&self) -> mpsc::Receiver<mpsc::Sender<()>> {
        let (held, receiver) = mpsc::channel();
        *self.0.lock().unwrap() = Some(held);
        receiver
    }
}

impl Backend for Held {
    fn name(&self) -> &'static str {
        "held"
    }

    fn answer_time(&self) -> AnswerTime {
        AnswerTime::AtOnce
    }

    fn sign(&self, task: &SigningTask) -> keys::Result<SignOutcome> {
        let held = self.0.lock().unwrap().take();
        if let Some(held) = held {
            let (release, released) = mpsc::channel();
            held.send(release).unwrap();
            let _ = released.recv();
        }
        let signatures = task.required.iter().map(sign_with_treasury);
        Ok(SignOutcome::Signed(signatures.collect()))
    }
}

impl Scripted {
    /// The answers to the next requests; it signs all others.
    pub(crate) fn answer(&self, outcomes: impl IntoIterator<Item = SignOutcome>) {
        self.0.lock().unwrap().extend(outcomes);
    }

    /// From now on it signs everything.
    pub(crate) fn sign_everything(&self) {
        self.0.lock().unwrap().clear();
    }
}

impl Backend for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn answer_time(&self) -> AnswerTime {
        AnswerTime::Later
    }

    fn sign(&self, task: &SigningTask) -> keys::Result<SignOutcome> {
        let next = self.0.lock().unwrap().pop_front();
        let sign = || SignOutcome::Signed(task.required.iter().map(sign_with_treasury).collect());
        Ok(next.unwrap_or_else(sign))
    }
}

/// Signs with the first key of [`MNEMONIC`].
fn sign_with_treasury(required: &intent::RequiredSignature) -> intent::Signature {
    let key = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
    let key: secp256k1::SecretKey = key.parse().unwrap();
    let digest = secp256k1::Message::from_digest(required.digest);
    let signature = secp256k1::SECP256K1.sign_ecdsa_recoverable(&digest, &key);
    let (id, rs) = signature.serialize_compact();
    intent::Signature {
        rs,
        recovery: u8::try_from(i32::from(id)).unwrap(),
    }
}

/// API keys as the test sets them.
#[derive(Default)]
pub(crate) struct FakeApiKeys(Mutex<BTreeMap<ApiKeyId, KeyStanding>>);

impl FakeApiKeys {
    /// A live key with these roles.
    pub(crate) fn issue(&self, roles: Vec<Role>) -> ApiKeyId {
        let mut keys = self.0.lock().unwrap();
        let id = ApiKeyId::from_ulid(Ulid::from_bits(keys.len() as u128 + 1));
        let is_live = true;
        keys.insert(id, KeyStanding { id, roles, is_live });
        id
    }

    pub(crate) fn revoke(&self, id: ApiKeyId) {
        self.0.lock().unwrap().get_mut(&id).unwrap().is_live = false;
    }

    pub(crate) fn set_roles(&self, id: ApiKeyId, roles: Vec<Role>) {
        self.0.lock().unwrap().get_mut(&id).unwrap().roles = roles;
    }
}

impl ApiKeys for FakeApiKeys {
    fn standing(
        &self,
        _: &mut store::Tx,
        keys: &[ApiKeyId],
        _: Lock,
    ) -> store::Result<Vec<KeyStanding>> {
        let known = self.0.lock().unwrap();
        Ok(keys
            .iter()
            .filter_map(|id| known.get(id).cloned())
            .collect())
    }
}

/// What the engines get instead of the real thing.
#[derive(Default)]
struct Fakes {
    scripted: Arc<Scripted>,
    api_keys: Arc<FakeApiKeys>,
}

pub(crate) struct World {
    pub(crate) test: TestDb,
    pub(crate) node: Arc<Anvil>,
    pub(crate) proxy: Arc<Proxy>,
    pub(crate) principal: Principal,
    pub(crate) signer: String,
    pub(crate) submit: Submit,
    pub(crate) keys: Keys,
    pub(crate) policy: Policy,
    pub(crate) contracts: contracts::Contracts,
    pub(crate) workers: Vec<Worker>,
    pub(crate) settings: submit::Settings,
    pub(crate) scripted: Arc<Scripted>,
    pub(crate) api_keys: Arc<FakeApiKeys>,
    requests: tokio::sync::Mutex<keys::Worker>,
    indexer: index::Worker,
    leases: Vec<store::Lease>,
}

/// A registry that nothing refers to.
pub(crate) fn registry(
    db: &store::Db,
    lease: &store::Lease,
    chains: &[Arc<dyn Connector>],
) -> contracts::Contracts {
    let parts = contracts::Parts {
        db: db.clone(),
        lease: lease.clone(),
        chains: chains.to_vec(),
        references: Arc::new(contracts::NoReferences),
    };
    contracts::Contracts::new(parts, contracts::Settings::default())
}

impl World {
    /// A treasury that may pay up to a million wei. None if anvil is not installed.
    pub(crate) async fn new(test: TestDb) -> Option<Self> {
        Self::with(
            test,
            submit::Settings {
                in_flight_per_lane: 4,
                ..submit::Settings::default()
            },
        )
        .await
    }

    /// As [`World::new`], with the treasury's key in a back end that answers later.
    pub(crate) async fn on(test: TestDb, backend: &str) -> Option<Self> {
        let settings = submit::Settings {
            in_flight_per_lane: 4,
            ..submit::Settings::default()
        };
        Self::with_backend(test, settings, backend).await
    }

    pub(crate) async fn with(test: TestDb, settings: submit::Settings) -> Option<Self> {
        Self::with_backend(test, settings, DEFAULT_BACKEND).await
    }

    /// As [`World::new`], with limits on fees instead of those of the preset.
    pub(crate) async fn with_fees(test: TestDb, fees: Value) -> Option<Self> {
        let settings = submit::Settings::default();
        Self::build_with_treasury(test, settings, DEFAULT_BACKEND, fees).await
    }

    async fn with_backend(test: TestDb, settings: submit::Settings, backend: &str) -> Option<Self> {
        Self::build_with_treasury(test, settings, backend, json!({})).await
    }

    async fn build_with_treasury(
        test: TestDb,
        settings: submit::Settings,
        backend: &str,
        fees: Value,
    ) -> Option<Self> {
        let options = Options {
            mining: Mining::OnDemand,
            slots_in_an_epoch: 1,
            ..Options::default()
        };
        let node = Arc::new(anvil::start(&options)?);
        let proxy = Arc::new(Proxy::in_front_of(&node.url()));
        let fakes = Fakes::default();
        let signer = String::new();
        let mut world = Self::build(test, (node, proxy), signer, settings, fakes, fees).await;
        world.signer = world.set_up_treasury_on(&world.principal, backend).await;
        Some(world)
    }

    /// Creates the treasury's key and the policy that lets it pay, in the principal's namespace.
    /// Returns its address.
    pub(crate) async fn set_up_treasury(&self, principal: &Principal) -> String {
        self.set_up_treasury_on(principal, DEFAULT_BACKEND).await
    }

    async fn set_up_treasury_on(&self, principal: &Principal, backend: &str) -> String {
        let new = NewWallet {
            name: "treasury".into(),
            kind: WalletKind::User,
            metadata: Json::parse("{}").unwrap(),
            account: 0,
            backend: backend.into(),
            secret: NewSecret::Mnemonic {
                words: MNEMONIC.to_owned().into(),
                passphrase: String::new().into(),
            },
        };
        let wallet = keys::create_wallet(&self.keys, principal, new)
            .await
            .unwrap();
        self.attach_policy(principal, "small", PAY_SMALL).await;
        keys::addresses(&self.keys, principal, &wallet.id, &self.chain(), 1)
            .await
            .unwrap()[0]
            .address
            .clone()
    }

    /// Attaches a new policy to the namespace of the principal.
    pub(crate) async fn attach_policy(&self, principal: &Principal, name: &str, document: &str) {
        policy::put_policy(&self.policy, principal, name, NewPolicy::default())
            .await
            .unwrap();
        let version = NewVersion {
            description: String::new(),
            document: document.into(),
            example_input: None,
        };
        policy::add_version(&self.policy, principal, name, version)
            .await
            .unwrap();
        policy::attach(&self.policy, principal, name, Target::Namespace)
            .await
            .unwrap();
    }

    async fn build(
        test: TestDb,
        (node, proxy): (Arc<Anvil>, Arc<Proxy>),
        signer: String,
        settings: submit::Settings,
        Fakes { scripted, api_keys }: Fakes,
        fees: Value,
    ) -> Self {
        let db = test.db.clone();
        let api = test.lease("api/0").await;
        let keyring = secrets::open_keyring(
            &db,
            &api,
            MasterKey::Passphrase("test".to_owned().into(), KdfCost::TEST),
        )
        .await
        .unwrap();
        let permits = Arc::new(
            LocalSigner::load_or_create(&db, &api, &keyring)
                .await
                .unwrap(),
        );
        let parts = keys::Parts {
            db: db.clone(),
            lease: api.clone(),
            keyring,
            policy_key: permits.public(),
            backends: vec![scripted.clone(), scripted.1.clone()],
        };
        let keys = Keys::new(parts, keys::Settings::default());
        let parts = policy::Parts {
            db: db.clone(),
            lease: api.clone(),
            signer: permits,
            lookups: Arc::new(NoLookups),
            contracts: Arc::new(NoContracts),
            api_keys: api_keys.clone(),
        };
        let policy = Policy::new(parts, policy::Settings::default());
        let config: EvmConfig = serde_json::from_value(json!({
            "preset": "anvil", "number": node.chain_id(), "url": proxy.url(), "fees": fees,
            "retry": { "attempts": 2, "first_ms": 1, "max_ms": 5 }, "finality": { "rule": "depth", "blocks": 2 },
        }))
        .unwrap();
        let chain: Arc<dyn Connector> = Arc::new(Evm::new(config, test.entropy.clone()).unwrap());
        let chains: Vec<Arc<dyn Connector>> = vec![chain.clone()];
        let contracts = registry(&db, &api, &chains);
        let submit = Submit::new(
            submit::Parts {
                db: db.clone(),
                lease: api.clone(),
                keys: keys.clone(),
                policy: policy.clone(),
                contracts: contracts.clone(),
                chains,
            },
            settings.clone(),
        );
        let (mut workers, mut leases) = (Vec::new(), vec![api.clone()]);
        for shard in 0..settings.shards {
            let lanes = test.lease(&submit::shard_partition(shard)).await;
            workers.push(Worker::new(submit.clone(), shard, lanes.clone()));
            leases.push(lanes);
        }
        let requests = test.lease(keys::Worker::PARTITION).await;
        leases.push(requests.clone());
        let requests = keys::Worker::new(keys.clone(), requests);
        let blocks = test.lease(&index::partition(chain.chain())).await;
        let index_settings = Settings {
            start: Start::Height(0),
            store_all_events: true,
            blocks_per_turn: 20,
        };
        let parts = index::WorkerParts {
            db,
            lease: blocks.clone(),
            chain,
            projections: Vec::new(),
        };
        let indexer = index::Worker::new(parts, index_settings);
        leases.push(blocks);
        let roles = vec![Role::Admin, Role::Operator, Role::Controller];
        let principal = Principal {
            id: "ann".into(),
            kind: PrincipalKind::Person,
            namespace: namespace("ns"),
            roles,
            key: None,
            chain_of: Vec::new(),
            trace: None,
        };
        Self {
            test,
            node,
            proxy,
            principal,
            signer,
            submit,
            keys,
            policy,
            contracts,
            workers,
            settings,
            scripted,
            api_keys,
            requests: tokio::sync::Mutex::new(requests),
            indexer,
            leases,
        }
    }

    /// Changes rows without the engines.
    pub(crate) async fn execute(&self, sql: &str) {
        let sql = sql.to_owned();
        let db = self.test.db.on(&self.leases[0]);
        db.write_unscoped(move |tx| tx.execute(&sql, ()))
            .await
            .unwrap();
    }

    /// The facts of every partition.
    pub(crate) async fn facts(&self) -> Vec<store::StoredFact> {
        let read = |tx: &mut store::UnscopedTx| {
            let mut facts = Vec::new();
            for cursor in store::partitions(tx)? {
                let start = store::Cursor { seq: 0, ..cursor };
                facts.extend(store::facts_after(tx, &start, 1_000)?);
            }
            Ok::<_, store::Error>(facts)
        };
        self.test.db.read_unscoped(read).await.unwrap()
    }

    /// Advances the clock and renews the leases, as the running process does.
    pub(crate) async fn wait(&self, millis: i64) {
        self.test.clock.advance_millis(millis);
        for lease in &self.leases {
            self.test.db.renew(lease).await.unwrap();
        }
    }

    /// Drops everything in memory and reopens the database. The node keeps running.
    pub(crate) async fn crash_and_restart(self) -> Self {
        self.restart_with_fees(json!({})).await
    }

    /// As [`World::crash_and_restart`], with limits on fees instead of those of the preset.
    pub(crate) async fn restart_with_fees(self, fees: Value) -> Self {
        let Self {
            test,
            node,
            proxy,
            signer,
            submit,
            keys,
            policy,
            contracts,
            workers,
            settings,
            scripted,
            api_keys,
            requests,
            indexer,
            ..
        } = self;
        let fakes = Fakes { scripted, api_keys };
        drop((submit, keys, policy, contracts, workers, requests, indexer));
        let test = test.reopen().await;
        Self::build(test, (node, proxy), signer, settings, fakes, fees).await
    }

    pub(crate) fn chain(&self) -> ChainId {
        ChainId::evm(self.node.chain_id())
    }

    pub(crate) fn payment(&self, wei: u64) -> Enqueue {
        self.payment_to(BOB, wei)
    }

    pub(crate) fn payment_to(&self, to: &str, wei: u64) -> Enqueue {
        let intent = Intent::call(
            self.chain(),
            self.signer.clone(),
            Some(to.into()),
            Amount::from(wei),
            Vec::new(),
        );
        Enqueue {
            idempotency_key: None,
            intent,
            interface: None,
            policies: Vec::new(),
            context: submit::Context::default(),
        }
    }

    pub(crate) async fn enqueue(&self, new: Enqueue) -> SubmissionId {
        self.try_enqueue(new).await.unwrap().submission().id
    }

    pub(crate) async fn try_enqueue(&self, new: Enqueue) -> submit::Result<Outcome> {
        submit::enqueue(&self.submit, &self.principal, new).await
    }

    pub(crate) async fn cancel(&self, id: SubmissionId) -> SubmissionId {
        let cancel = submit::cancel(&self.submit, &self.principal, id).await;
        cancel.unwrap().id
    }

    pub(crate) async fn explain(&self, id: SubmissionId) -> submit::Explanation {
        submit::explain(&self.submit, &self.principal, id)
            .await
            .unwrap()
    }

    pub(crate) async fn transactions(&self, id: SubmissionId) -> usize {
        let all = submit::transactions(&self.submit, &self.principal, id).await;
        all.unwrap().len()
    }

    /// Pays from the treasury without Florin: anvil has its key too.
    pub(crate) fn pay_outside_florin(&self, wei: u64) {
        let payment = json!({ "from": self.signer, "to": BOB, "value": format!("{wei:#x}") });
        self.node.rpc("eth_sendTransaction", json!([payment]));
    }

    pub(crate) async fn lane(&self) -> submit::LaneStatus {
        submit::lane_status(&self.submit, &self.principal, &self.chain(), &self.signer)
            .await
            .unwrap()
    }

    pub(crate) async fn get(&self, id: SubmissionId) -> Submission {
        submit::submission(&self.submit, &self.principal, id)
            .await
            .unwrap()
    }

    pub(crate) async fn state(&self, id: SubmissionId) -> State {
        self.get(id).await.state
    }

    /// One turn of every submission worker. Returns the number of changed submissions.
    pub(crate) async fn turn(&self) -> usize {
        let mut changed = 0;
        for worker in &self.workers {
            changed += worker.turn().await.unwrap().changed;
        }
        changed
    }

    /// One turn of the worker of signature requests. Returns the number of closed requests.
    pub(crate) async fn answer_requests(&self) -> usize {
        self.requests.lock().await.turn().await.unwrap().closed
    }

    /// Steps the workers until nothing changes.
    pub(crate) async fn run_until_idle(&self) {
        for _ in 0..50 {
            let mut progressed = false;
            for _ in 0..20 {
                match self.indexer.turn().await.unwrap() {
                    index::Progress::Idle | index::Progress::Halted => break,
                    _ => progressed = true,
                }
            }
            progressed |= self.turn().await > 0;
            progressed |= self.answer_requests().await > 0;
            if !progressed {
                return;
            }
        }
        panic!("the workers never become idle");
    }

    pub(crate) async fn mine(&self, blocks: u64) {
        self.node.mine(blocks);
        self.run_until_idle().await;
    }

    /// Bob's balance on the chain, in wei.
    pub(crate) fn bob_balance(&self) -> u64 {
        self.balance(BOB)
    }

    pub(crate) fn balance(&self, account: &str) -> u64 {
        let answer = self.node.rpc("eth_getBalance", json!([account, "latest"]));
        u64::from_str_radix(answer.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
    }

    /// The number of the signer's transactions on the chain.
    pub(crate) fn nonce(&self) -> u64 {
        self.node.nonce(&self.signer)
    }
}
