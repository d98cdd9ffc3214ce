//! The test environment: a database and every engine that tasks use.

use chain::Connector;
use chain::evm::{Evm, EvmConfig};
use contracts::Contracts;
use data::{Data, OffChain};
use keys::{Keys, NewSecret, NewWallet, WalletKind};
use outbound::{AddressPolicy, Outbound};
use policy::{
    ApiKeys, KeyStanding, LocalSigner, Lock, NewPolicy, NoContracts, NoLookups, PermitSigner as _,
    Policy,
};
use secrets::{KdfCost, Keyring, MasterKey, Secrets};
use serde_json::Value;
use std::sync::{Arc, LazyLock};
use store::{Db, Lease, Tx, UnscopedTx};
use submit::Submit;
use testkit::anvil::{self, Anvil, Mining, Options};
use testkit::{TestDb, namespace};
use types::{ApiKeyId, ChainId, Json, Principal, PrincipalKind, Role, RunId, Ulid};
use workflow::state::State;
use workflow::{Format, NewRun, NewTask, Parts, RunView, Settings, Started, Worker, Workflow};

/// The public test mnemonic of the node.
const MNEMONIC: &str = "test test test test test test test test test test test junk";

pub(crate) struct World {
    pub(crate) test: TestDb,
    pub(crate) workflow: Workflow,
    pub(crate) data: Data,
    pub(crate) contracts: Contracts,
    pub(crate) policy: Policy,
    pub(crate) submit: Submit,
    pub(crate) keys: Keys,
    pub(crate) secrets: Secrets,
    pub(crate) worker: Worker,
    pub(crate) principal: Principal,
    pub(crate) settings: Settings,
    /// The signing account, if there is a chain.
    pub(crate) signer: String,
    chain: Option<Chain>,
    leases: Vec<Lease>,
}

/// A real node, with its follower and lanes.
struct Chain {
    node: Arc<Anvil>,
    follower: index::Worker,
    lanes: submit::Worker,
}

/// A principal with every role that tasks need.
pub(crate) fn principal_in(name: &str) -> Principal {
    let roles = vec![Role::Admin, Role::Operator, Role::Controller];
    Principal {
        id: "ann".into(),
        kind: PrincipalKind::Person,
        namespace: namespace(name),
        roles,
        key: Some(ApiKeyId::from_ulid(Ulid::from_bits(1))),
        chain_of: Vec::new(),
        trace: None,
    }
}

/// Every API key is live, and has every role that tasks need.
struct LiveApiKeys;

impl ApiKeys for LiveApiKeys {
    fn standing(&self, _: &mut Tx, keys: &[ApiKeyId], _: Lock) -> store::Result<Vec<KeyStanding>> {
        let live = |id: &ApiKeyId| KeyStanding {
            id: *id,
            roles: vec![Role::Admin, Role::Operator, Role::Controller],
            is_live: true,
        };
        Ok(keys.iter().map(live).collect())
    }
}

pub(crate) fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

impl World {
    pub(crate) async fn new(test: TestDb) -> Self {
        Self::with(test, Settings::default()).await
    }

    pub(crate) async fn with(test: TestDb, settings: Settings) -> Self {
        Self::build(test, settings, None).await
    }

    /// With a real node that mines on demand and finalizes at a depth of two blocks. `None` if
    /// anvil is not installed.
    pub(crate) async fn on_chain(test: TestDb, settings: Settings) -> Option<Self> {
        let options = Options {
            mining: Mining::OnDemand,
            slots_in_an_epoch: 1,
            ..Options::default()
        };
        let node = Arc::new(anvil::start(&options)?);
        let mut world = Self::build(test, settings, Some(node)).await;
        let secret = NewSecret::Mnemonic {
            words: MNEMONIC.to_owned().into(),
            passphrase: String::new().into(),
        };
        let (name, kind) = ("treasury".to_owned(), WalletKind::User);
        let new = NewWallet {
            name,
            kind,
            metadata: json("{}"),
            account: 0,
            backend: keys::DEFAULT_BACKEND.into(),
            secret,
        };
        let wallet = keys::create_wallet(&world.keys, &world.principal, new)
            .await
            .unwrap();
        world.signer = keys::addresses(&world.keys, &world.principal, &wallet.id, &CHAIN, 1)
            .await
            .unwrap()[0]
            .address
            .clone();
        Some(world)
    }

    async fn build(test: TestDb, settings: Settings, node: Option<Arc<Anvil>>) -> Self {
        let db = test.db.clone();
        let (api, runs) = (
            test.lease("api/0").await,
            test.lease(&workflow::shard_partition(0)).await,
        );
        let mut leases = vec![api.clone(), runs.clone()];
        let keyring = keyring(&db, &api).await;
        let permits = Arc::new(
            LocalSigner::load_or_create(&db, &api, &keyring)
                .await
                .unwrap(),
        );
        let parts = keys::Parts {
            db: db.clone(),
            lease: api.clone(),
            keyring: keyring.clone(),
            policy_key: permits.public(),
            backends: Vec::new(),
        };
        let keys = Keys::new(parts, keys::Settings::default());
        let parts = secrets::Parts {
            db: db.clone(),
            lease: api.clone(),
            keyring: keyring.clone(),
            master_source: Some(Arc::new(|| Ok(master()))),
        };
        let secrets = Secrets::new(parts, secrets::Settings::default());
        let parts = policy::Parts {
            db: db.clone(),
            lease: api.clone(),
            signer: permits,
            lookups: Arc::new(NoLookups),
            contracts: Arc::new(NoContracts),
            api_keys: Arc::new(LiveApiKeys),
        };
        let policy = Policy::new(parts, policy::Settings::default());
        let connector = node.as_ref().map(|node| connector(&test, node));
        let connectors: Vec<Arc<dyn Connector>> = connector.iter().cloned().collect();
        let lanes = submit::Settings::default();
        let parts = contracts::Parts {
            db: db.clone(),
            lease: api.clone(),
            chains: connectors.clone(),
            references: Arc::new(contracts::NoReferences),
        };
        let contracts = Contracts::new(parts, contracts::Settings::default());
        let submit = Submit::new(
            submit::Parts {
                db: db.clone(),
                lease: api.clone(),
                keys: keys.clone(),
                policy: policy.clone(),
                contracts: contracts.clone(),
                chains: connectors,
            },
            lanes,
        );
        let chain = match node.zip(connector) {
            Some((node, connector)) => {
                Some(index_blocks(&test, node, connector, &submit, &mut leases).await)
            }
            None => None,
        };
        let chains = Arc::new(OffChain(*CHAIN));
        let data = Data::new(data::Parts {
            db: db.clone(),
            lease: api.clone(),
            chains: chains.clone(),
        });
        let guard = AddressPolicy::new(vec!["127.0.0.1".parse().unwrap()]);
        let outbound = Outbound::new(outbound::Settings::new(guard)).unwrap();
        let parts = Parts {
            db,
            lease: api,
            submit: submit.clone(),
            contracts: contracts.clone(),
            data: data.clone(),
            chains,
            policy: policy.clone(),
            outbound,
            keyring,
        };
        let workflow = Workflow::new(parts, settings);
        let worker = Worker::new(workflow.clone(), 0, runs);
        let (principal, signer) = (principal_in("ns"), String::new());
        Self {
            test,
            workflow,
            data,
            contracts,
            policy,
            submit,
            keys,
            secrets,
            worker,
            principal,
            settings,
            signer,
            chain,
            leases,
        }
    }

    /// Restarts with all in-memory state lost.
    pub(crate) async fn crash_and_restart(self) -> Self {
        let Self {
            test,
            workflow,
            data,
            contracts,
            policy,
            submit,
            keys,
            secrets,
            worker,
            settings,
            signer,
            chain,
            leases,
            ..
        } = self;
        worker.stop().await;
        for lease in &leases {
            // Waits until queued writes are done, so that they no longer hold the database.
            let _ = test
                .db
                .on(lease)
                .write_unscoped(|_| Ok::<_, store::Error>(()))
                .await;
            let _ = test
                .db
                .on(lease)
                .write_unscoped(|_| Ok::<_, store::Error>(()))
                .await;
        }
        let node = chain.map(|chain| chain.node);
        drop((workflow, data, contracts, policy, submit, keys, secrets));
        Self {
            signer,
            ..Self::build(test.reopen().await, settings, node).await
        }
    }

    /// The payloads of the facts of the verbs whose type begins so, in order.
    pub(crate) async fn facts(&self, kind: &str) -> Vec<Value> {
        let start = store::Cursor {
            partition: "api/0".to_owned(),
            seq: 0,
        };
        let read = move |tx: &mut UnscopedTx| store::facts_after(tx, &start, 1_000);
        let facts = self.test.db.read_unscoped(read).await.unwrap();
        facts
            .iter()
            .filter(|fact| fact.kind.starts_with(kind))
            .map(|fact| fact.payload.as_ref().map_or(Value::Null, Json::to_value))
            .collect()
    }

    /// Advances the clock and renews the leases, as a running process does.
    pub(crate) async fn wait(&self, millis: i64) {
        self.test.clock.advance_millis(millis);
        for lease in &self.leases {
            self.test.db.renew(lease).await.unwrap();
        }
    }

    /// Runs the workers until nothing is due.
    pub(crate) async fn run_until_idle(&mut self) {
        for _ in 0..1_000 {
            let indexed = self.index_blocks().await;
            let progress = self.worker.turn().await.unwrap();
            if !indexed
                && progress.advanced == 0
                && progress.delivered == 0
                && progress.in_flight == 0
            {
                return;
            }
        }
        panic!("the workers do not become idle");
    }

    /// One turn of the follower and the lanes. Returns whether anything changed.
    pub(crate) async fn index_blocks(&self) -> bool {
        let Some(chain) = &self.chain else {
            return false;
        };
        let indexed = !matches!(
            chain.follower.turn().await.unwrap(),
            index::Progress::Idle | index::Progress::Halted
        );
        indexed | (chain.lanes.turn().await.unwrap().changed > 0)
    }

    pub(crate) fn node(&self) -> &Anvil {
        &self.chain.as_ref().expect("a world on a chain").node
    }

    /// Mines blocks and runs the workers.
    pub(crate) async fn mine(&mut self, blocks: u64) {
        self.node().mine(blocks);
        self.run_until_idle().await;
    }

    /// Attaches a policy that permits everything to the namespace.
    pub(crate) async fn allow_everything(&self) {
        self.attach(
            "all",
            "package all\ndefault allow := true\n",
            Some(policy::Target::Namespace),
        )
        .await;
    }

    /// Creates a policy with one version and attaches it to a target.
    pub(crate) async fn attach(&self, name: &str, document: &str, target: Option<policy::Target>) {
        policy::put_policy(&self.policy, &self.principal, name, NewPolicy::default())
            .await
            .unwrap();
        let new = policy::NewVersion {
            description: String::new(),
            document: document.into(),
            example_input: None,
        };
        policy::add_version(&self.policy, &self.principal, name, new)
            .await
            .unwrap();
        if let Some(target) = target {
            policy::attach(&self.policy, &self.principal, name, target)
                .await
                .unwrap();
        }
    }

    /// Creates a task with one version.
    pub(crate) async fn task(&self, name: &str, document: &str) {
        workflow::put_task(&self.workflow, &self.principal, name, NewTask::default())
            .await
            .unwrap();
        workflow::post_version(
            &self.workflow,
            &self.principal,
            name,
            document,
            Format::Yaml,
        )
        .await
        .unwrap();
    }

    pub(crate) async fn start_run(&self, task: &str, input: &str) -> RunId {
        self.start(task, input, None).await.run().id
    }

    pub(crate) async fn start(&self, task: &str, input: &str, key: Option<&str>) -> Started {
        let new = NewRun {
            task: task.into(),
            version: None,
            input: json(input),
            idempotency_key: key.map(str::to_owned),
            activity: None,
        };
        workflow::start(&self.workflow, &self.principal, new)
            .await
            .unwrap()
    }

    pub(crate) async fn run(&self, id: RunId) -> RunView {
        workflow::run(&self.workflow, &self.principal, id)
            .await
            .unwrap()
    }

    /// Starts a run and executes it until it waits or ends.
    pub(crate) async fn run_task(&mut self, task: &str, input: &str) -> RunView {
        let id = self.start_run(task, input).await;
        self.run_until_idle().await;
        self.run(id).await
    }

    pub(crate) async fn query(&self, body: &str) -> Value {
        let answer = data::bulk_query(&self.data, &self.principal, body)
            .await
            .unwrap();
        serde_json::to_value(answer).unwrap()
    }
}

/// The default chain.
pub(crate) static CHAIN: LazyLock<ChainId> =
    LazyLock::new(|| ChainId::evm(Options::default().chain_id));

fn connector(test: &TestDb, node: &Anvil) -> Arc<dyn Connector> {
    let config: EvmConfig = serde_json::from_value(serde_json::json!({
        "preset": "anvil", "number": node.chain_id(), "url": node.url(), "finality": { "rule": "depth", "blocks": 2 },
    }))
    .unwrap();
    Arc::new(Evm::new(config, test.entropy.clone()).unwrap())
}

async fn index_blocks(
    test: &TestDb,
    node: Arc<Anvil>,
    connector: Arc<dyn Connector>,
    submit: &Submit,
    leases: &mut Vec<Lease>,
) -> Chain {
    let (lanes, blocks) = (
        test.lease(&submit::shard_partition(0)).await,
        test.lease(&index::partition(connector.chain())).await,
    );
    leases.extend([lanes.clone(), blocks.clone()]);
    let settings = index::Settings {
        start: index::Start::Height(0),
        store_all_events: false,
        blocks_per_turn: 20,
    };
    let parts = index::WorkerParts {
        db: test.db.clone(),
        lease: blocks,
        chain: connector,
        projections: Vec::new(),
    };
    let follower = index::Worker::new(parts, settings);
    Chain {
        node,
        follower,
        lanes: submit::Worker::new(submit.clone(), 0, lanes),
    }
}

async fn keyring(db: &Db, lease: &Lease) -> Keyring {
    secrets::open_keyring(db, lease, master()).await.unwrap()
}

fn master() -> MasterKey {
    MasterKey::Passphrase("test".to_owned().into(), KdfCost::TEST)
}

/// The data of a step.
pub(crate) fn data_of(run: &RunView, step: &str) -> Value {
    let step = run
        .steps
        .iter()
        .find(|known| known.name == step)
        .expect("the step ran");
    step.output.as_ref().map_or(Value::Null, Json::to_value)
}

pub(crate) fn assert_succeeded(run: &RunView) {
    assert_eq!(
        run.state,
        State::Succeeded,
        "{:?} {:?}",
        run.error,
        run.reason
    );
}
