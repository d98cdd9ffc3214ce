//! The shipped policies on the interfaces of published contracts: every function that a transaction
//! may call, with amounts above every limit and accounts on no list. What moves value or power is
//! denied, although the contract is registered with all that its interface shows.
//!
//! `cargo xtask setup` collects the interfaces: see contracts/corpus/collect.mjs.

use async_trait::async_trait;
use intent::{
    FeeLimits, FeeTerms, Intent, Interface, Knowledge, KnownAccount, KnownContract, Standard,
};
use policy::{
    AccountInfo, ContractInfo, Contracts, DecisionRequest, LocalSigner, Lookup, LookupError,
    Lookups, NewPolicy, NewVersion, NoApiKeys, Parts, Policy, Purpose, Settings, Target, Verdict,
    WalletRef,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use testkit::{TestDb, namespace};
use types::{Amount, ChainId, Namespace, Principal, PrincipalKind, Role, Ulid, WalletId};
use zeroize::Zeroizing;

/// The policies that are tried, each alone: what one of them permits is what an installation with
/// this policy alone would sign.
const POLICIES: [&str; 4] = ["limit", "allowlist", "issuer", "calls"];
/// The least number of interfaces.
const ENOUGH: usize = 300;
const SIGNER: &str = "0x5e1f00000000000000000000000000000000005e";
const STRANGER: &str = "0xb0b0000000000000000000000000000000000b0b";
/// 10^33: above every limit, with any decimals up to 18.
const HUGE: &str = "1000000000000000000000000000000000";
/// Calls decided together.
const BATCH: usize = 500;
/// Pairs of standards that no contract has both: the test tries each.
const EITHER: [(Standard, Standard); 1] = [(Standard::Erc20, Standard::Erc721)];

/// Calls that are permitted although nothing lists them, and why nothing is lost by it.
const HARMLESS: &[(&str, &str)] = &[
    ("decreaseAllowance(address,uint256)", "ends a right"),
    ("revokeOperator(address)", "ends a right"),
    ("cancelAuthorization(address,bytes32,bytes)", "ends a right"),
    (
        "cancelAuthorization(address,bytes32,uint8,bytes32,bytes32)",
        "ends a right",
    ),
    ("aggregate((address,bytes)[])", NO_DATA),
    ("aggregate3((address,bool,bytes)[])", NO_DATA),
    ("blockAndAggregate((address,bytes)[])", NO_DATA),
    ("tryAggregate(bool,(address,bytes)[])", NO_DATA),
    ("tryBlockAndAggregate(bool,(address,bytes)[])", NO_DATA),
    ("multiSend(bytes)", "no calls are in it"),
];
const NO_DATA: &str = "the call in it has neither data nor value, to an account without code";

#[derive(Deserialize)]
struct Published {
    package: String,
    contract: String,
    abi: Vec<Value>,
}

/// A call of a registered contract.
struct Case {
    name: String,
    signature: String,
    contract: String,
    data: Vec<u8>,
}

/// The registered contracts; every other account has no code.
struct Registry(BTreeMap<String, ContractInfo>);

#[async_trait]
impl Contracts for Registry {
    async fn known(
        &self,
        _: &Namespace,
        _: &ChainId,
        addresses: &[String],
    ) -> Result<BTreeMap<String, AccountInfo>, String> {
        let info = |address: &String| match self.0.get(address) {
            Some(info) => AccountInfo::Contract(Box::new(info.clone())),
            None => AccountInfo::NoCode,
        };
        Ok(addresses.iter().map(|a| (a.clone(), info(a))).collect())
    }
}

impl Registry {
    fn knowledge(&self, contract: &str) -> Knowledge {
        let known = KnownAccount::Contract(self.0[contract].contract.clone());
        let stranger = (STRANGER.to_owned(), KnownAccount::NoCode);
        let accounts = [(contract.to_owned(), known), stranger].into();
        Knowledge { accounts }
    }
}

/// Lists without entries.
struct EmptyLists;

#[async_trait]
impl Lookups for EmptyLists {
    fn knows(&self, _: &str) -> bool {
        true
    }

    async fn answer(&self, _: &Lookup) -> Result<Value, LookupError> {
        Ok(json!(false))
    }
}

#[tokio::test]
#[expect(
    clippy::print_stdout,
    reason = "the share of complete calls is printed"
)]
async fn shipped_policies_permit_nothing_that_moves_value_or_power() {
    let Some(published) = published() else {
        testkit::skip("the interfaces of published contracts are missing: cargo xtask setup");
        return;
    };
    assert!(published.len() >= ENOUGH, "{} interfaces", published.len());
    let (registry, cases) = register(&published);
    let complete = cases.iter().filter(|case| is_complete(&registry, case));
    let complete = complete.count();
    println!(
        "{} interfaces, {} calls, {complete} of them complete ({} %)",
        published.len(),
        cases.len(),
        complete * 100 / cases.len()
    );
    let test = TestDb::sqlite().await;
    let policy = engine(&test, registry).await;
    // One contract per function and policy.
    let mut permitted: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    for name in POLICIES {
        attach(&policy, name).await;
        for batch in cases.chunks(BATCH) {
            let requests: Vec<_> = batch.iter().map(|case| request(name, case)).collect();
            let verdicts = policy::decide(&policy, &requests).await.unwrap();
            for (case, verdict) in batch.iter().zip(verdicts) {
                if matches!(verdict, Verdict::Permit { .. }) {
                    let of_function = permitted.entry(&case.signature).or_default();
                    of_function.entry(name).or_insert(&case.name);
                }
            }
        }
    }
    for (signature, why) in HARMLESS {
        assert!(permitted.remove(signature).is_some(), "{signature}: {why}");
    }
    assert!(permitted.is_empty(), "permitted: {permitted:#?}");
}

/// The collected interfaces; none if they are not collected.
fn published() -> Option<Vec<Published>> {
    let path = testkit::workspace_root().join("contracts/corpus/abis.jsonl");
    let text = std::fs::read_to_string(path).ok()?;
    let read = |line| serde_json::from_str(line).unwrap();
    Some(text.lines().map(read).collect())
}

/// Registers every contract under an address of its own, and builds its calls.
fn register(published: &[Published]) -> (Registry, Vec<Case>) {
    let (mut registry, mut cases) = (BTreeMap::new(), Vec::new());
    for one in published {
        let interface = Interface::new(Value::Array(one.abi.clone()).to_string());
        let Ok(functions) = intent::function_signatures(&chain(), &interface) else {
            continue; // Not an ABI: nothing could be registered.
        };
        for standards in standards(&functions) {
            let contract = format!("0xc0de{:036x}", registry.len());
            let known = KnownContract {
                name: format!("{} {}", one.package, one.contract),
                standards,
                interface: Some(interface.clone()),
                underlying: Some(STRANGER.to_owned()),
                ..KnownContract::default()
            };
            let calls = one.abi.iter().filter(|entry| may_be_sent(entry));
            cases.extend(calls.filter_map(|entry| case(&known, &contract, entry)));
            let info = ContractInfo {
                contract: known,
                decimals: functions.contains("decimals()").then_some(18),
                ..ContractInfo::default()
            };
            registry.insert(contract, info);
        }
    }
    (Registry(registry), cases)
}

/// What the registry proposes; each choice where it asks for one.
fn standards(functions: &BTreeSet<String>) -> Vec<BTreeSet<Standard>> {
    let shown = contracts::shown_standards(functions);
    let conflict = EITHER
        .iter()
        .find(|(a, b)| shown.contains(a) && shown.contains(b));
    let without = |standard: &Standard| shown.iter().filter(|s| *s != standard).copied().collect();
    match conflict {
        None => vec![shown],
        Some((a, b)) => vec![without(a), without(b)],
    }
}

fn may_be_sent(entry: &Value) -> bool {
    let is_view = ["view", "pure"].contains(&entry["stateMutability"].as_str().unwrap_or_default());
    entry["type"] == "function" && !is_view && entry["constant"] != true
}

fn case(known: &KnownContract, contract: &str, entry: &Value) -> Option<Case> {
    let inputs = entry["inputs"].as_array()?;
    let types: Vec<String> = inputs.iter().map(kind).collect();
    let signature = format!("{}({})", entry["name"].as_str()?, types.join(","));
    let arguments: Vec<Value> = inputs.iter().map(argument).collect();
    let interface = known.interface.as_ref()?;
    let data = intent::encode_call(&chain(), interface, &signature, &json!(arguments))
        .unwrap_or_else(|error| panic!("{} {signature}: {error}", known.name));
    Some(Case {
        name: format!("{} {signature}", known.name),
        signature,
        contract: contract.to_owned(),
        data,
    })
}

/// The type of a parameter, with those of a tuple's members.
fn kind(input: &Value) -> String {
    let name = input["type"].as_str().unwrap_or_default();
    match name.strip_prefix("tuple") {
        Some(list) => {
            let members = input["components"].as_array().into_iter().flatten();
            let members: Vec<String> = members.map(kind).collect();
            format!("({}){list}", members.join(","))
        }
        None => name.to_owned(),
    }
}

/// An argument: a huge amount, a stranger, `true`, a list of one.
fn argument(input: &Value) -> Value {
    let name = input["type"].as_str().unwrap_or_default();
    if let Some((element, count)) = name
        .strip_suffix(']')
        .and_then(|list| list.rsplit_once('['))
    {
        let mut of_element = input.clone();
        of_element["type"] = json!(element);
        return Value::Array(vec![argument(&of_element); count.parse().unwrap_or(1)]);
    }
    match name {
        "address" => json!(STRANGER),
        "bool" => json!(true),
        "string" => json!("x"),
        "bytes" => json!("0x"),
        "tuple" => {
            let members = input["components"].as_array().into_iter().flatten();
            Value::Array(members.map(argument).collect())
        }
        "function" => json!(format!("0x{}", "00".repeat(24))),
        _ => match name.strip_prefix("bytes") {
            Some(size) => json!(format!("0x{}", "11".repeat(size.parse().unwrap_or(32)))),
            None => number(name),
        },
    }
}

/// The largest number of a small integer type; otherwise the huge amount.
fn number(name: &str) -> Value {
    let (signed, bits) = match name.strip_prefix("uint") {
        Some(bits) => (0, bits),
        None => (1, name.trim_start_matches("int")),
    };
    let bits: u32 = bits.parse().unwrap_or(256);
    if bits <= 120 {
        json!(((1u128 << (bits - signed)) - 1).to_string())
    } else {
        json!(HUGE)
    }
}

fn is_complete(registry: &Registry, case: &Case) -> bool {
    let knowledge = registry.knowledge(&case.contract);
    intent::effects(&intent(case), &knowledge).is_ok_and(|effects| effects.complete)
}

fn intent(case: &Case) -> Intent {
    let to = Some(case.contract.clone());
    Intent::call(chain(), SIGNER.into(), to, Amount::ZERO, case.data.clone())
}

async fn engine(test: &TestDb, registry: Registry) -> Policy {
    let signer = Arc::new(LocalSigner::from_seed(&Zeroizing::new([7; 32])).unwrap());
    let parts = Parts {
        db: test.db.clone(),
        lease: test.lease("policy/0").await,
        signer,
        lookups: Arc::new(EmptyLists),
        contracts: Arc::new(registry),
        api_keys: Arc::new(NoApiKeys),
    };
    Policy::new(parts, Settings::default())
}

/// Attaches a shipped policy to a namespace of its name.
async fn attach(policy: &Policy, name: &str) {
    let file = testkit::workspace_root().join(format!("policies/{name}.rego"));
    let version = NewVersion {
        description: String::new(),
        document: std::fs::read_to_string(file).unwrap(),
        example_input: None,
    };
    let controller = principal(name, Role::Controller);
    let none = NewPolicy::default();
    policy::put_policy(policy, &controller, name, none)
        .await
        .unwrap();
    policy::add_version(policy, &controller, name, version)
        .await
        .unwrap();
    policy::attach(policy, &controller, name, Target::Namespace)
        .await
        .unwrap();
}

fn request(policy: &str, case: &Case) -> DecisionRequest {
    DecisionRequest {
        initiator: principal(policy, Role::Operator),
        subject: case.signature.clone(),
        intent: intent(case),
        purpose: Purpose::Act,
        interface: None,
        quote: FeeTerms {
            gas: 21_000,
            fee_per_gas: Amount::from(10),
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
        wallet: Some(WalletRef {
            id: WalletId::from_ulid(Ulid::from_bits(1)),
            name: "treasury".into(),
            kind: "org".into(),
        }),
        key: None,
        task: None,
        assets: Vec::new(),
        policies: Vec::new(),
        labels: BTreeMap::new(),
        approvals: Vec::new(),
    }
}

fn principal(policy: &str, role: Role) -> Principal {
    Principal {
        id: role.as_str().to_owned(),
        kind: PrincipalKind::Service,
        namespace: namespace(policy),
        roles: vec![role],
        key: None,
        chain_of: Vec::new(),
        trace: None,
    }
}

fn chain() -> ChainId {
    ChainId::evm(1337)
}
