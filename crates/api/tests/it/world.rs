//! The fixture of every test: a database, every engine, the router, and API keys of two namespaces.

use crate::client::{ApiRequest, ApiResponse};
use api::access::{self, NewApiKey};
use api::{App, Engines};
use axum::Router;
use chain::Connector;
use chain::evm::{Evm, EvmConfig};
use data::{Data, OffChain};
use keys::Keys;
use outbound::{AddressPolicy, Outbound};
use policy::{LocalSigner, NoContracts, NoLookups, PermitSigner as _, Policy};
use secrets::{KdfCost, Keyring, MasterKey};
use serde_json::{Value, json};
use std::sync::Arc;
use store::Lease;
use streams::{NoExpansion, Streams};
use submit::Submit;
use testkit::{TestDb, namespace};
use types::{ChainId, Principal, PrincipalKind, Role};
use workflow::{Parts, Workflow};

pub(crate) const BODY_LIMIT: usize = 2 * 1024 * 1024;
pub(crate) const MNEMONIC: &str = "test test test test test test test test test test test junk";
/// The first account of [`MNEMONIC`].
pub(crate) const SIGNER: &str = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
pub(crate) const BOB: &str = "0x00000000000000000000000000000000000b0b00";

pub(crate) struct World {
    pub(crate) test: TestDb,
    pub(crate) app: App,
    pub(crate) submit: Submit,
    pub(crate) router: Router,
    pub(crate) lease: Lease,
    /// The administrator's API keys of the namespaces `a` and `b`.
    pub(crate) a: String,
    pub(crate) b: String,
}

pub(crate) fn chain() -> ChainId {
    ChainId::evm(31337)
}

async fn open_keyring(db: &store::Db, lease: &Lease) -> Keyring {
    secrets::open_keyring(
        db,
        lease,
        MasterKey::Passphrase("test".to_owned().into(), KdfCost::TEST),
    )
    .await
    .unwrap()
}

impl World {
    /// A world without a node: these tests do not reach the chain.
    pub(crate) async fn new(test: TestDb) -> Self {
        Self::with(test, "http://127.0.0.1:9").await
    }

    pub(crate) async fn with(test: TestDb, node: &str) -> Self {
        let lease = test.lease("api/0").await;
        let engines = engines(&test, &lease, node).await;
        let submit = engines.submit.clone();
        let app = App::new(engines);
        let router = api::router(app.clone());
        let mut world = Self {
            test,
            app,
            submit,
            router,
            lease,
            a: String::new(),
            b: String::new(),
        };
        world.a = world.tenant("a").await;
        world.b = world.tenant("b").await;
        world
    }

    /// Creates a namespace with a default chain; returns an API key with every role except
    /// `keyexporter`.
    async fn tenant(&self, name: &str) -> String {
        let principal = Principal::system("test", namespace(name));
        let created = access::create_namespace(
            &self.test.db,
            &self.lease,
            &principal,
            &principal.namespace,
            Some(chain()),
        )
        .await;
        assert!(created.unwrap());
        self.key(
            name,
            vec![Role::Admin, Role::Operator, Role::Controller],
            None,
        )
        .await
    }

    /// Issues an API key of a namespace.
    pub(crate) async fn key(
        &self,
        name: &str,
        roles: Vec<Role>,
        expires: Option<types::Time>,
    ) -> String {
        let principal = Principal::system("test", namespace(name));
        let new = NewApiKey {
            name: format!("{name}-key"),
            kind: PrincipalKind::Service,
            roles,
            expires,
        };
        access::issue_api_key(&self.test.db, &self.lease, &principal, new)
            .await
            .unwrap()
            .secret
    }

    pub(crate) async fn send(&self, request: ApiRequest) -> ApiResponse {
        request.send(&self.router).await
    }

    /// Sends a request as the administrator of `a`, below `/api/v1`.
    pub(crate) async fn request(&self, method: &str, path: &str, body: Value) -> ApiResponse {
        let request = ApiRequest::new(method, &format!("/api/v1{path}")).key(&self.a);
        self.send(if body.is_null() {
            request
        } else {
            request.json(&body)
        })
        .await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> ApiResponse {
        self.request("POST", path, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> ApiResponse {
        self.request("GET", path, Value::Null).await
    }

    /// Creates the wallet `treasury` of `a`, whose first account is [`SIGNER`].
    pub(crate) async fn treasury(&self) -> String {
        let secret = json!({ "kind": "mnemonic", "words": MNEMONIC });
        let wallet = self
            .post(
                "/wallets",
                json!({ "name": "treasury", "kind": "org", "secret": secret }),
            )
            .await
            .success();
        let key = self
            .post("/wallets/treasury/keys", json!({ "name": "main" }))
            .await
            .success();
        assert_eq!(key["address"], SIGNER);
        wallet["id"].as_str().unwrap().to_owned()
    }

    /// The number of facts of a namespace.
    pub(crate) async fn fact_count(&self, name: &'static str) -> i64 {
        let count = self.test.db.read(&namespace(name), |tx| {
            tx.row::<(i64,)>("SELECT COUNT(*) FROM fact WHERE namespace = ?ns", ())
        });
        count.await.unwrap().map_or(0, |(count,)| count)
    }
}

async fn engines(test: &TestDb, lease: &Lease, node: &str) -> Engines {
    let (db, lease) = (test.db.clone(), lease.clone());
    let keyring = open_keyring(&db, &lease).await;
    let permits = Arc::new(
        LocalSigner::load_or_create(&db, &lease, &keyring)
            .await
            .unwrap(),
    );
    let parts = keys::Parts {
        db: db.clone(),
        lease: lease.clone(),
        keyring: keyring.clone(),
        policy_key: permits.public(),
        backends: Vec::new(),
    };
    let keys = Keys::new(parts, keys::Settings::default());
    let parts = secrets::Parts {
        db: db.clone(),
        lease: lease.clone(),
        keyring: keyring.clone(),
        master_source: None,
    };
    let secrets = secrets::Secrets::new(parts, secrets::Settings::default());
    let parts = policy::Parts {
        db: db.clone(),
        lease: lease.clone(),
        signer: permits,
        lookups: Arc::new(NoLookups),
        contracts: Arc::new(NoContracts),
        api_keys: Arc::new(access::StoredApiKeys),
    };
    let policy = Policy::new(parts, policy::Settings::default());
    let config: EvmConfig = serde_json::from_value(json!({
        "preset": "anvil", "number": 31337, "url": node, "retry": { "attempts": 1, "first_ms": 1, "max_ms": 1 },
    }))
    .unwrap();
    let connector: Arc<dyn Connector> = Arc::new(Evm::new(config, test.entropy.clone()).unwrap());
    let parts = contracts::Parts {
        db: db.clone(),
        lease: lease.clone(),
        chains: vec![connector.clone()],
        references: Arc::new(contracts::NoReferences),
    };
    let contracts = contracts::Contracts::new(parts, contracts::Settings::default());
    let settings = submit::Settings::default();
    let submit = Submit::new(
        submit::Parts {
            db: db.clone(),
            lease: lease.clone(),
            keys: keys.clone(),
            policy: policy.clone(),
            contracts: contracts.clone(),
            chains: vec![connector],
        },
        settings,
    );
    let chains = Arc::new(OffChain(chain()));
    let data = Data::new(data::Parts {
        db: db.clone(),
        lease: lease.clone(),
        chains: chains.clone(),
    });
    let outbound = Outbound::new(outbound::Settings::new(AddressPolicy::new(vec![
        "127.0.0.1".parse().unwrap(),
    ])))
    .unwrap();
    let parts = streams::Parts {
        db: db.clone(),
        lease: lease.clone(),
        expand: Arc::new(NoExpansion),
        outbound: outbound.clone(),
        keyring: keyring.clone(),
    };
    let streams = Streams::new(parts, streams::Settings::default());
    let parts = Parts {
        db: db.clone(),
        lease: lease.clone(),
        submit: submit.clone(),
        contracts: contracts.clone(),
        data: data.clone(),
        chains,
        policy: policy.clone(),
        outbound,
        keyring: keyring.clone(),
    };
    Engines {
        index: index::Index::new(index::Parts {
            db: db.clone(),
            lease: lease.clone(),
            contracts: contracts.clone(),
        }),
        contracts,
        workflow: Workflow::new(parts, workflow::Settings::default()),
        operators_namespace: namespace("operators"),
        on_default_chain_changed: Arc::new(|_, _| ()),
        metrics: Arc::new(|| "florin_up 1\n".to_owned()),
        body_limit_bytes: BODY_LIMIT,
        request_timeout_ms: 30_000,
        concurrency: 64,
        db,
        lease,
        keys,
        secrets,
        policy,
        submit,
        data,
        streams,
    }
}
