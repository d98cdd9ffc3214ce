//! Decisions of the shipped document about contracts on a real node.
#![allow(clippy::unwrap_used)]

use super::KnownContracts;
use chain::Connector;
use chain::evm::{Evm, EvmConfig};
use contracts::{Contracts, NewContract, NoReferences, Verification};
use data::{Data, OffChain};
use intent::Intent;
use policy::{
    DecisionRequest, LocalSigner, NewPolicy, NewVersion, NoLookups, Policy, Target, Verdict,
};
use secrets::{KdfCost, MasterKey};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use testkit::anvil::{self, Anvil};
use testkit::{Fault, Proxy, TestDb, namespace, on_each_engine, proxy_code};
use types::{Amount, ChainId, Json, Principal, PrincipalKind, Role};

const LIMIT: &str = include_str!("../../../../../policies/limit.rego");
const SLOT: &str = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc";
/// A proxy of the token.
const PROXY: &str = "0x00000000000000000000000000000000000f00f1";
const SIGNER: &str = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
/// An account without code.
const BOB: &str = "0x00000000000000000000000000000000000b0b00";
/// Longer than an observation is believed.
const LATER_MS: i64 = 31_000;

fn chain() -> ChainId {
    ChainId::evm(31337)
}

fn interface(artifact: &str) -> intent::Interface {
    intent::Interface::new(testkit::artifact(artifact).abi.to_string())
}

fn deploy_token(anvil: &Anvil, decimals: u8) -> String {
    let code = testkit::artifact("DemoToken").bytecode;
    let code = hex::decode(code.trim_start_matches("0x")).unwrap();
    let params = json!(["Demo", "DEM", decimals, SIGNER]);
    let data = intent::encode_deploy(&chain(), &interface("DemoToken"), &code, &params).unwrap();
    anvil.deploy(&format!("0x{}", hex::encode(data)))
}

struct World {
    test: TestDb,
    anvil: Anvil,
    proxy: Proxy,
    token: String,
    contracts: Contracts,
    data: Data,
    policy: Policy,
    who: Principal,
}

impl World {
    /// A namespace under the shipped limit, with a proxy of a token that is not registered.
    async fn new(test: TestDb) -> Option<Self> {
        let anvil = anvil::start(&anvil::Options::default())?;
        let proxy = Proxy::in_front_of(&anvil.url());
        let token = deploy_token(&anvil, 18);
        let lease = test.lease("api/0").await;
        let config: EvmConfig = serde_json::from_value(json!({
            "preset": "anvil", "number": 31337, "url": proxy.url(),
            "retry": { "attempts": 1, "first_ms": 1, "max_ms": 1 },
        }))
        .unwrap();
        let connector: Arc<dyn Connector> =
            Arc::new(Evm::new(config, test.entropy.clone()).unwrap());
        let parts = contracts::Parts {
            db: test.db.clone(),
            lease: lease.clone(),
            chains: vec![connector],
            references: Arc::new(NoReferences),
        };
        let contracts = Contracts::new(parts, contracts::Settings::default());
        let data = Data::new(data::Parts {
            db: test.db.clone(),
            lease: lease.clone(),
            chains: Arc::new(OffChain(chain())),
        });
        let master = MasterKey::Passphrase("test".to_owned().into(), KdfCost::TEST);
        let keyring = secrets::open_keyring(&test.db, &lease, master)
            .await
            .unwrap();
        let signer = LocalSigner::load_or_create(&test.db, &lease, &keyring).await;
        let parts = policy::Parts {
            db: test.db.clone(),
            lease,
            signer: Arc::new(signer.unwrap()),
            lookups: Arc::new(NoLookups),
            contracts: Arc::new(KnownContracts::new(contracts.clone(), data.clone())),
            api_keys: Arc::new(policy::NoApiKeys),
        };
        let world = Self {
            policy: Policy::new(parts, policy::Settings::default()),
            who: Principal::system("test", namespace("ns")),
            test,
            anvil,
            proxy,
            token,
            contracts,
            data,
        };
        world.set_code(PROXY, &proxy_code(SLOT));
        world.upgrade(&world.token);
        world.attach_limit().await;
        Some(world)
    }

    async fn attach_limit(&self) {
        let (policy, who) = (&self.policy, &self.who);
        policy::put_policy(policy, who, "limit", NewPolicy::default())
            .await
            .unwrap();
        let version = NewVersion {
            description: String::new(),
            document: LIMIT.to_owned(),
            example_input: None,
        };
        policy::add_version(policy, who, "limit", version)
            .await
            .unwrap();
        policy::attach(policy, who, "limit", Target::Namespace)
            .await
            .unwrap();
    }

    fn set_code(&self, address: &str, code: &str) {
        self.anvil.rpc("anvil_setCode", json!([address, code]));
        self.anvil.mine(3);
    }

    /// Replaces the implementation of the proxy, in a block that becomes final.
    fn upgrade(&self, implementation: &str) {
        let word = format!("0x{:0>64}", implementation.trim_start_matches("0x"));
        self.anvil
            .rpc("anvil_setStorageAt", json!([PROXY, SLOT, word]));
        self.anvil.mine(3);
    }

    async fn register(&self, name: &str, address: &str) {
        let new = NewContract {
            name: name.to_owned(),
            chain: chain(),
            address: address.to_owned(),
            standards: None,
            interface: Json::parse(&testkit::artifact("DemoToken").abi.to_string()),
        };
        contracts::register(&self.contracts, &self.who, new)
            .await
            .unwrap();
    }

    async fn accept(&self, name: &str) {
        let accept = Verification {
            accept: true,
            ..Verification::default()
        };
        contracts::verify(&self.contracts, &self.who, name, accept)
            .await
            .unwrap();
    }

    /// A call of a token in an interface of the caller's choice.
    async fn decide_by(
        &self,
        given: Option<intent::Interface>,
        to: &str,
        method: &str,
        params: Value,
    ) -> Result<(), String> {
        let data = intent::encode_call(&chain(), &interface("DemoToken"), method, &params);
        let (to, none) = (Some(to.to_owned()), Amount::ZERO);
        let request = DecisionRequest {
            initiator: Principal {
                id: "payouts".to_owned(),
                kind: PrincipalKind::Service,
                roles: vec![Role::Operator],
                ..self.who.clone()
            },
            subject: "test".to_owned(),
            intent: Intent::call(chain(), SIGNER.to_owned(), to, none, data.unwrap()),
            purpose: policy::Purpose::Act,
            interface: given,
            quote: intent::FeeTerms::default(),
            limits: intent::FeeLimits {
                max_tip: Amount::MAX,
                max_fee_per_gas: Amount::MAX,
                max_total_fee: Amount::MAX,
                floor: Amount::ZERO,
            },
            wallet: None,
            key: None,
            task: None,
            assets: Vec::new(),
            policies: Vec::new(),
            labels: BTreeMap::new(),
            approvals: Vec::new(),
        };
        let verdict = policy::decide(&self.policy, &[request]).await.unwrap();
        match verdict.into_iter().next().unwrap() {
            Verdict::Permit { .. } => Ok(()),
            Verdict::Denied { reasons, decision } => {
                let logged = policy::decision(&self.policy, &self.who, decision).await;
                let texts: Vec<&str> = reasons.iter().map(|one| one.text.as_str()).collect();
                Err(format!("{} {:?}", texts.join("; "), logged.unwrap()))
            }
            Verdict::Needs { .. } => panic!("the document has no obligations"),
        }
    }

    /// The decision about a small transfer.
    async fn decide(&self, token: &str) -> Result<(), String> {
        self.decide_by(None, token, "transfer", json!([BOB, "5"]))
            .await
    }

    async fn denied(&self, token: &str) -> String {
        self.decide(token).await.unwrap_err()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_between_two_decisions_denies_until_a_controller_accepts_it() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let denied = world.denied(PROXY).await;
        assert!(denied.contains("is not registered"), "{denied}");
        world.register("token", PROXY).await;
        assert_eq!(world.decide(PROXY).await, Ok(()));
        let other = deploy_token(&world.anvil, 18);
        world.upgrade(&other);
        world.test.clock.advance_millis(LATER_MS);
        let denied = world.denied(PROXY).await;
        assert!(denied.contains("not understood"), "{denied}");
        let reason = format!("its implementation changed from {} to {other}", world.token);
        assert!(denied.contains(&reason), "the decision shows why: {denied}");
        world.accept("token").await;
        assert_eq!(world.decide(PROXY).await, Ok(()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_code_denies_until_a_controller_accepts_it() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        world.register("token", &world.token).await;
        assert_eq!(world.decide(&world.token).await, Ok(()));
        // The code does the same, so that its decimals stay known.
        let params = json!([world.token, "latest"]);
        let code = world.anvil.rpc("eth_getCode", params);
        world.set_code(&world.token, &format!("{}00", code.as_str().unwrap()));
        world.test.clock.advance_millis(LATER_MS);
        let denied = world.denied(&world.token).await;
        assert!(denied.contains("its code changed from 0x"), "{denied}");
        world.accept("token").await;
        assert_eq!(world.decide(&world.token).await, Ok(()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_cannot_be_read_denies_once_and_stores_nothing() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        world.register("token", PROXY).await;
        world.test.clock.advance_millis(LATER_MS);
        world
            .proxy
            .fail_always("eth_getStorageAt", Fault::Status(500));
        let denied = world.denied(PROXY).await;
        assert!(denied.contains("it cannot be verified"), "{denied}");
        world.proxy.clear_faults();
        world.test.clock.advance_millis(1_001);
        assert_eq!(world.decide(PROXY).await, Ok(()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_interface_of_a_caller_does_not_change_what_is_decided() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        world.register("token", PROXY).await;
        let function = |name: &str, inputs: &[(&str, &str)]| {
            let inputs: Vec<Value> = (inputs.iter())
                .map(|(name, ty)| json!({ "name": name, "type": ty }))
                .collect();
            json!({ "type": "function", "name": name, "inputs": inputs, "outputs": [] })
        };
        // The amount is called a token, and the contract is said to have owners of tokens.
        let lying = json!([
            function("approve", &[("to", "address"), ("tokenId", "uint256")]),
            function(
                "transferFrom",
                &[
                    ("from", "address"),
                    ("to", "address"),
                    ("tokenId", "uint256")
                ]
            ),
            function("ownerOf", &[("tokenId", "uint256")]),
        ]);
        let all = Amount::MAX.to_string();
        for given in [None, Some(intent::Interface::new(lying.to_string()))] {
            let approve = world.decide_by(given.clone(), PROXY, "approve", json!([BOB, all]));
            let denied = approve.await.unwrap_err();
            assert!(denied.contains("above the limit"), "{denied}");
            let params = json!([SIGNER, BOB, all]);
            let transfer = world.decide_by(given.clone(), PROXY, "transferFrom", params);
            let denied = transfer.await.unwrap_err();
            assert!(denied.contains("above the limit"), "{denied}");
            let approve = world.decide_by(given, PROXY, "approve", json!([BOB, "5"]));
            assert_eq!(approve.await, Ok(()));
        }
    })
    .await;
}

/// The data model is written by operators: it gives no decimals, which decide about amounts, and an
/// additional pool hides no asset, whose policies apply.
#[tokio::test(flavor = "multi_thread")]
async fn the_data_model_adds_assets_and_changes_no_decimals() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        world.register("token", PROXY).await;
        let pool = |name: &str, asset: &str| {
            json!({
                "updateType": "create_or_update", "name": name, "address": PROXY, "asset": asset,
            })
        };
        let asset = |name: &str, decimals: u8| {
            json!({
                "updateType": "create_or_update", "name": name,
                "units": [{ "name": "UNIT", "decimals": decimals }],
            })
        };
        let update = json!({
            "assets": [asset("gold", 6), asset("silver", 0)],
            "addresses": [{ "updateType": "create_or_update", "address": PROXY }],
            "pools": [pool("main", "gold"), pool("other", "silver")],
        });
        data::bulk_update(&world.data, &world.who, &update.to_string())
            .await
            .unwrap();
        let namespace = world.who.namespace;
        let addresses = [PROXY.to_owned()];
        let known = KnownContracts::new(world.contracts.clone(), world.data.clone());
        let known = policy::Contracts::known(&known, &namespace, &chain(), &addresses).await;
        let Some(policy::AccountInfo::Contract(info)) = known.unwrap().remove(PROXY) else {
            panic!("the contract is registered");
        };
        assert_eq!(info.assets, ["gold", "silver"]);
        assert_eq!(info.decimals, Some(18));
    })
    .await;
}
