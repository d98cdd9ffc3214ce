//! The one door of the stories: a database and everything that tasks work with.

use data::{Data, OffChain};
use keys::Keys;
use policy::{LocalSigner, NoLookups, PermitSigner as _, Policy};
use serde_json::Value;
use std::sync::Arc;
use store::secret::{Cost, Keyring, Master};
use store::{Db, Lease};
use streams::outbound::{Guard, Outbound};
use submit::Submit;
use testkit::{TestDb, namespace};
use types::{ChainId, Json, Kind, Principal, Role, RunId};
use workflow::state::State;
use workflow::{Format, NewRun, NewTask, Parts, RunView, Settings, Started, Worker, Workflow};

pub(crate) struct World {
    pub(crate) test: TestDb,
    pub(crate) workflow: Workflow,
    pub(crate) data: Data,
    pub(crate) policy: Policy,
    pub(crate) worker: Worker,
    pub(crate) who: Principal,
    pub(crate) settings: Settings,
    leases: Vec<Lease>,
}

/// Somebody of a namespace who may do everything but export keys.
pub(crate) fn somebody(name: &str) -> Principal {
    let roles = vec![Role::Admin, Role::Operator, Role::Controller];
    Principal { id: "ann".into(), kind: Kind::Person, namespace: namespace(name), roles }
}

pub(crate) fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

impl World {
    pub(crate) async fn new(test: TestDb) -> Self {
        Self::with(test, Settings::default()).await
    }

    pub(crate) async fn with(test: TestDb, settings: Settings) -> Self {
        let db = test.db.clone();
        let (api, runs) = (test.lease("api/0").await, test.lease("runs/0").await);
        let keyring = keyring(&db, &api).await;
        let permits = Arc::new(LocalSigner::open(&db, &api, &keyring).await.unwrap());
        let own = Arc::new(self::keyring(&db, &api).await);
        let keys = Keys::new(db.clone(), api.clone(), keyring, permits.public(), keys::Settings::default());
        let policy = Policy::new(db.clone(), api.clone(), permits, Arc::new(NoLookups), policy::Config::default());
        let submit =
            Submit::new(db.clone(), api.clone(), keys, policy.clone(), Vec::new(), submit::Settings::default());
        let chains = Arc::new(OffChain(ChainId::evm(1337)));
        let data = Data::new(db.clone(), api.clone(), chains.clone());
        let guard = Guard::new(vec!["127.0.0.1".parse().unwrap()]);
        let outbound = Outbound::new(streams::outbound::Settings::new(guard)).unwrap();
        let parts = Parts {
            db,
            lease: api.clone(),
            submit,
            data: data.clone(),
            chains,
            policy: policy.clone(),
            outbound,
            keyring: own,
        };
        let workflow = Workflow::new(parts, settings);
        let worker = Worker::new(workflow.clone(), 0, runs.clone());
        let leases = vec![api, runs];
        Self { test, workflow, data, policy, worker, who: somebody("ns"), settings, leases }
    }

    /// Everything that was in memory is gone.
    pub(crate) async fn crash_and_restart(self) -> Self {
        let Self { test, workflow, data, policy, worker, settings, leases, .. } = self;
        worker.stop().await;
        for lease in &leases {
            // What was queued before is done, and holds the database no longer.
            let _ = test.db.on(lease).write_unbound(|_| Ok::<_, store::Error>(())).await;
            let _ = test.db.on(lease).write_unbound(|_| Ok::<_, store::Error>(())).await;
        }
        drop((workflow, data, policy));
        Self::with(test.reopen().await, settings).await
    }

    /// Let time pass; leases are kept alive, as the running process keeps them.
    pub(crate) async fn wait(&self, millis: i64) {
        self.test.clock.advance_millis(millis);
        for lease in &self.leases {
            self.test.db.renew(lease).await.unwrap();
        }
    }

    /// Step the worker until nothing is due any more.
    pub(crate) async fn settle(&mut self) {
        for _ in 0..1_000 {
            let progress = self.worker.turn().await.unwrap();
            if progress.moved == 0 && progress.heard == 0 && progress.under_way == 0 {
                return;
            }
        }
        panic!("the worker does not come to rest");
    }

    /// A task with one version.
    pub(crate) async fn task(&self, name: &str, document: &str) {
        workflow::put_task(&self.workflow, &self.who, name, NewTask::default()).await.unwrap();
        workflow::post_version(&self.workflow, &self.who, name, document, Format::Yaml).await.unwrap();
    }

    pub(crate) async fn begin(&self, task: &str, input: &str) -> RunId {
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
        workflow::start(&self.workflow, &self.who, new).await.unwrap()
    }

    pub(crate) async fn run(&self, id: RunId) -> RunView {
        workflow::run(&self.workflow, &self.who, id).await.unwrap()
    }

    /// Begin a run and let it go as far as it goes.
    pub(crate) async fn through(&mut self, task: &str, input: &str) -> RunView {
        let id = self.begin(task, input).await;
        self.settle().await;
        self.run(id).await
    }

    pub(crate) async fn query(&self, body: &str) -> Value {
        let answer = data::bulk_query(&self.data, &self.who, body).await.unwrap();
        serde_json::to_value(answer).unwrap()
    }
}

async fn keyring(db: &Db, lease: &Lease) -> Keyring {
    keys::open_keyring(db, lease, Master::Passphrase("test".to_owned().into(), Cost::TEST)).await.unwrap()
}

/// The data of a step.
pub(crate) fn data_of(run: &RunView, step: &str) -> Value {
    let step = run.steps.iter().find(|known| known.name == step).expect("the step ran");
    step.output.as_ref().map_or(Value::Null, Json::to_value)
}

/// A run has succeeded, or its error is told.
pub(crate) fn assert_succeeded(run: &RunView) {
    assert_eq!(run.state, State::Succeeded, "{:?} {:?}", run.error, run.reason);
}
