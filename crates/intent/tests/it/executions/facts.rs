//! What a transaction changed on the chain: balances, rights and powers, read before and after it
//! by one contract, and the storage and code that the node's trace shows.

use super::world::{ACTORS, Contract, IDS, World};
use alloy_dyn_abi::{DynSolType, DynSolValue};
use alloy_primitives::{Address, B256, U256, keccak256};
use intent::PowerKind::{self, *};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The slots of EIP-1967.
const SLOTS: [(&str, PowerKind); 3] = [
    (
        "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc",
        Upgrade,
    ),
    (
        "0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50",
        Upgrade,
    ),
    (
        "0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103",
        Ownership,
    ),
];
const ROLES: [&str; 6] = [
    "MINTER_ROLE",
    "PAUSER_ROLE",
    "ENFORCER_ROLE",
    "PROPOSER_ROLE",
    "EXECUTOR_ROLE",
    "CANCELLER_ROLE",
];
/// Names of partitions (ERC-1400).
pub(crate) const PARTITIONS: [&str; 2] = ["default", "reserved"];
/// Calls of one `eth_call`.
const BATCH: usize = 2000;

/// A value that a transaction changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// Empty for the chain's coin.
    pub(crate) contract: String,
    pub(crate) what: What,
    pub(crate) before: U256,
    pub(crate) after: U256,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    Balance {
        account: String,
        id: Option<U256>,
    },
    Allowance {
        owner: String,
        spender: String,
        id: Option<U256>,
        /// The token, if another contract keeps the allowance (Permit2).
        token: Option<String>,
    },
    /// A right over all of the owner's assets.
    Operator {
        owner: String,
        spender: String,
    },
    Role {
        account: String,
        role: Option<B256>,
    },
    Power {
        kinds: &'static [PowerKind],
        function: String,
        subject: Option<String>,
    },
    /// Storage of a contract that nothing else here reads.
    Storage,
}

/// What a function of a contract says.
struct Reading {
    function: &'static str,
    keys: &'static [Key],
    meaning: Meaning,
}

#[derive(Clone, Copy)]
enum Key {
    Account,
    Id,
    Role,
    Partition,
    Number(u64),
    Slot(&'static str),
}

#[derive(Clone, Copy)]
enum Meaning {
    Balance,
    BalanceOfId,
    /// The holder of a non-fungible token.
    Holder,
    Allowance,
    /// An allowance for a token that another contract keeps: owner, token, spender.
    AllowanceOf,
    Approved,
    /// The owner comes first.
    OperatorOf,
    /// The operator comes first.
    IsOperator,
    Role,
    Power(&'static [PowerKind]),
}

const fn reading(function: &'static str, keys: &'static [Key], meaning: Meaning) -> Reading {
    Reading {
        function,
        keys,
        meaning,
    }
}

use Key::{Account, Id, Number, Partition, Slot};
use Meaning::{Allowance, Balance, Power};

static READINGS: &[Reading] = &[
    reading("balanceOf(address)", &[Account], Balance),
    reading(
        "balanceOf(address,uint256)",
        &[Account, Id],
        Meaning::BalanceOfId,
    ),
    reading("ownerOf(uint256)", &[Id], Meaning::Holder),
    reading("allowance(address,address)", &[Account, Account], Allowance),
    reading(
        "allowance(address,address,address)",
        &[Account, Account, Account],
        Meaning::AllowanceOf,
    ),
    reading("getApproved(uint256)", &[Id], Meaning::Approved),
    reading(
        "isApprovedForAll(address,address)",
        &[Account, Account],
        Meaning::OperatorOf,
    ),
    reading(
        "isOperatorFor(address,address)",
        &[Account, Account],
        Meaning::IsOperator,
    ),
    reading(
        "isOperator(address,address)",
        &[Account, Account],
        Meaning::IsOperator,
    ),
    reading(
        "isOperatorForPartition(bytes32,address,address)",
        &[Partition, Account, Account],
        Meaning::IsOperator,
    ),
    reading(
        "hasRole(bytes32,address)",
        &[Key::Role, Account],
        Meaning::Role,
    ),
    reading("isAgent(address)", &[Account], Meaning::Role),
    reading("owner()", &[], Power(&[Ownership])),
    reading("pendingOwner()", &[], Power(&[Ownership])),
    reading("admin()", &[], Power(&[Ownership])),
    reading("pendingAdmin()", &[], Power(&[Ownership])),
    reading(
        "minter()",
        &[],
        Power(&[RoleGrant, Configuration, Ownership]),
    ),
    reading("paused()", &[], Power(&[Pause, Unpause])),
    reading(
        "isFrozen(address)",
        &[Account],
        Power(&[Freeze, Unfreeze, Recovery]),
    ),
    reading(
        "isBlacklisted(address)",
        &[Account],
        Power(&[Freeze, Unfreeze]),
    ),
    reading(
        "isBlackListed(address)",
        &[Account],
        Power(&[Freeze, Unfreeze]),
    ),
    reading(
        "getFrozenTokens(address)",
        &[Account],
        Power(&[Freeze, Unfreeze, ForcedTransfer, Recovery]),
    ),
    reading(
        "getFrozenTokens(address,uint256)",
        &[Account, Id],
        Power(&[Freeze, Unfreeze, ForcedTransfer]),
    ),
    reading("defaultAdmin()", &[], Power(&[Ownership])),
    reading(
        "pendingDefaultAdmin()",
        &[],
        Power(&[Ownership, Configuration]),
    ),
    reading("defaultAdminDelay()", &[], Power(&[Configuration])),
    reading("pendingDefaultAdminDelay()", &[], Power(&[Configuration])),
    reading("controllers()", &[], Power(&[RoleGrant, RoleRevocation])),
    reading(
        "isControllable()",
        &[],
        Power(&[RoleRevocation, Configuration]),
    ),
    reading("isIssuable()", &[], Power(&[RoleRevocation, Configuration])),
    reading("masterMinter()", &[], Power(&[RoleGrant, Ownership])),
    reading("pauser()", &[], Power(&[RoleGrant, Ownership])),
    reading("blacklister()", &[], Power(&[RoleGrant, Ownership])),
    reading("rescuer()", &[], Power(&[RoleGrant, Ownership])),
    reading("isMinter(address)", &[Account], Meaning::Role),
    reading(
        "minterAllowance(address)",
        &[Account],
        Power(&[RoleGrant, RoleRevocation, Configuration]),
    ),
    reading("basisPointsRate()", &[], Power(&[Configuration])),
    reading("upgradedAddress()", &[], Power(&[Upgrade])),
    reading("supportsModule(uint256)", &[Number(2)], Power(&[Module])),
    reading(
        "isRegistryBound(address)",
        &[Account],
        Power(&[Configuration]),
    ),
    reading("getTrustedIssuers()", &[], Power(&[Configuration])),
    reading(
        "getTrustedIssuerClaimTopics(address)",
        &[Account],
        Power(&[Configuration]),
    ),
    reading("implementation()", &[], Power(&[Upgrade])),
    reading("getOwners()", &[], Power(&[Module])),
    reading("getThreshold()", &[], Power(&[Module])),
    reading(
        "getModulesPaginated(address,uint256)",
        &[Number(1), Number(10)],
        Power(&[Module]),
    ),
    // The guard, the fallback handler and the module guard of a Safe.
    reading(
        "getStorageAt(uint256,uint256)",
        &[
            Slot("0x4a204f620c8c5ccdca3fd54d003badd85ba500436a431f0cbda4f558c93c34c8"),
            Number(1),
        ],
        Power(&[Module]),
    ),
    reading(
        "getStorageAt(uint256,uint256)",
        &[
            Slot("0x6c9a6c4a39284e37ed1cf53d337577d14212a4870fb976a4366c693b939918d5"),
            Number(1),
        ],
        Power(&[Module]),
    ),
    reading(
        "getStorageAt(uint256,uint256)",
        &[
            Slot("0xb104e0b93118902c651344349b610029d694cfdec91c589c91ebafbcd0289947"),
            Number(1),
        ],
        Power(&[Module]),
    ),
    reading("identityRegistry()", &[], Power(&[Configuration])),
    reading("compliance()", &[], Power(&[Configuration])),
    reading("onchainID()", &[], Power(&[Configuration])),
    reading("name()", &[], Power(&[Configuration])),
    reading("symbol()", &[], Power(&[Configuration])),
    reading(
        "identity(address)",
        &[Account],
        Power(&[Configuration, Recovery]),
    ),
    reading(
        "investorCountry(address)",
        &[Account],
        Power(&[Configuration, Recovery]),
    ),
    reading(
        "isTrustedIssuer(address)",
        &[Account],
        Power(&[Configuration]),
    ),
    reading("getClaimTopics()", &[], Power(&[Configuration])),
    reading("getModules()", &[], Power(&[Configuration])),
    reading("issuersRegistry()", &[], Power(&[Configuration])),
    reading("topicsRegistry()", &[], Power(&[Configuration])),
    reading("identityStorage()", &[], Power(&[Configuration])),
    reading(
        "getDocument(bytes32)",
        &[Partition],
        Power(&[Configuration]),
    ),
    reading("getMinDelay()", &[], Power(&[Configuration])),
    reading("delay()", &[], Power(&[Configuration])),
    reading("feeTo()", &[], Power(&[Configuration])),
    reading("feeToSetter()", &[], Power(&[Ownership, Configuration])),
    reading(
        "delegates(address)",
        &[Account],
        Power(&[Delegation, RoleGrant]),
    ),
    reading("authorized(address)", &[Account], Meaning::Role),
    reading(
        "getDepositInfo(address)",
        &[Account],
        Power(&[Configuration]),
    ),
];

/// A value to read.
#[derive(Clone)]
struct Probe {
    contract: String,
    reading: Option<&'static Reading>,
    words: Vec<B256>,
    data: Vec<u8>,
}

/// All that a transaction changed.
pub(crate) fn changes(world: &World, receipt: &Value) -> Vec<Change> {
    let height = receipt["blockNumber"].as_str().unwrap();
    let height = u64::from_str_radix(height.trim_start_matches("0x"), 16).unwrap();
    let trace = trace(world, receipt);
    let probes = probes(world, &accounts(world, &trace, receipt));
    let before = read(world, &probes, height - 1);
    let after = read(world, &probes, height);
    let mut changes: Vec<Change> = probes
        .iter()
        .zip(before.iter().zip(&after))
        .filter(|(_, (before, after))| before != after)
        .flat_map(|(probe, (before, after))| meant(probe, before, after))
        .filter(|change| change.before != change.after)
        .collect();
    let is_part = |change: &Change| {
        let part = |item: &&Contract| item.is_part && item.address == change.contract;
        change.what == What::Storage && world.contracts().iter().any(|item| part(&item))
    };
    changes.extend(
        storage(&trace, &changes)
            .into_iter()
            .filter(|change| !is_part(change)),
    );
    changes
}

fn trace(world: &World, receipt: &Value) -> Value {
    let options = json!({"tracer": "prestateTracer", "tracerConfig": {"diffMode": true}});
    let hash = &receipt["transactionHash"];
    world
        .anvil
        .rpc("debug_traceTransaction", json!([hash, options]))
}

/// Every account that took part.
fn accounts(world: &World, trace: &Value, receipt: &Value) -> BTreeSet<Address> {
    let actors = ACTORS.iter().map(|name| world.at(name).parse().unwrap());
    let contracts = world
        .contracts()
        .iter()
        .map(|contract| contract.address.parse().unwrap());
    let sides = ["pre", "post"].into_iter();
    let traced = sides.flat_map(|side| trace[side].as_object().unwrap().keys());
    let logs = receipt["logs"].as_array().unwrap().iter();
    let topics = logs.flat_map(|log| log["topics"].as_array().unwrap().iter().skip(1));
    let topics = topics.map(|topic| topic.as_str().unwrap().parse().unwrap());
    let named = topics.filter(|word: &B256| word[..12] == [0; 12] && word[12..16] != [0; 4]);
    let all = actors
        .chain(contracts)
        .chain(traced.map(|address| address.parse().unwrap()));
    let mut all: BTreeSet<Address> = all.chain(named.map(Address::from_word)).collect();
    all.remove(&world.probe.parse::<Address>().unwrap());
    all.remove(&Address::ZERO);
    all
}

fn probes(world: &World, accounts: &BTreeSet<Address>) -> Vec<Probe> {
    let native = accounts.iter().map(|account| Probe {
        contract: text(*account),
        reading: None,
        words: Vec::new(),
        data: Vec::new(),
    });
    let contracts = world.contracts().iter();
    native
        .chain(contracts.flat_map(|contract| of_contract(contract, accounts)))
        .collect()
}

fn of_contract(contract: &Contract, accounts: &BTreeSet<Address>) -> Vec<Probe> {
    // The balances of a collection follow from its holders, and deposits are read with their stake.
    let others = ["ownerOf(uint256)", "getDepositInfo(address)"];
    let is_collection = others
        .iter()
        .any(|other| contract.functions.contains(*other));
    let applies = |reading: &&Reading| {
        contract.functions.contains(reading.function)
            && !(is_collection && matches!(reading.meaning, Balance))
    };
    let readings = READINGS.iter().filter(applies);
    readings
        .flat_map(|reading| of_reading(&contract.address, reading, accounts))
        .collect()
}

fn of_reading(
    contract: &str,
    reading: &'static Reading,
    accounts: &BTreeSet<Address>,
) -> Vec<Probe> {
    let mut all: Vec<Vec<B256>> = vec![Vec::new()];
    for key in reading.keys {
        let words = words(*key, accounts);
        let extended = all.iter().flat_map(|head| {
            words
                .iter()
                .map(|word| [head.as_slice(), &[*word]].concat())
        });
        all = extended.collect();
    }
    let selector = keccak256(reading.function)[..4].to_vec();
    let probe = |words: Vec<B256>| Probe {
        contract: contract.to_owned(),
        reading: Some(reading),
        data: [selector.clone(), words.concat()].concat(),
        words,
    };
    all.into_iter().map(probe).collect()
}

fn words(key: Key, accounts: &BTreeSet<Address>) -> Vec<B256> {
    match key {
        Account => accounts.iter().map(|account| account.into_word()).collect(),
        Id => IDS.iter().map(|id| B256::from(U256::from(*id))).collect(),
        Key::Role => std::iter::once(B256::ZERO)
            .chain(ROLES.iter().map(keccak256))
            .collect(),
        Partition => PARTITIONS.iter().map(|name| partition(name)).collect(),
        Number(number) => vec![B256::from(U256::from(number))],
        Slot(slot) => vec![slot.parse().unwrap()],
    }
}

/// A name as bytes32.
pub(crate) fn partition(name: &str) -> B256 {
    let mut word = B256::ZERO;
    word[..name.len()].copy_from_slice(name.as_bytes());
    word
}

fn read(world: &World, probes: &[Probe], height: u64) -> Vec<Vec<u8>> {
    probes
        .chunks(BATCH)
        .flat_map(|batch| read_batch(world, batch, height))
        .collect()
}

fn read_batch(world: &World, probes: &[Probe], height: u64) -> Vec<Vec<u8>> {
    let target = |probe: &Probe| DynSolValue::Address(probe.contract.parse().unwrap());
    let targets = DynSolValue::Array(probes.iter().map(target).collect());
    let data = |probe: &Probe| DynSolValue::Bytes(probe.data.clone());
    let calls = DynSolValue::Array(probes.iter().map(data).collect());
    let arguments = DynSolValue::Tuple(vec![targets, calls]).abi_encode_params();
    let selector = &keccak256("read(address[],bytes[])")[..4];
    let data = format!("0x{}{}", hex::encode(selector), hex::encode(arguments));
    let call = json!({"to": world.probe, "data": data, "gas": "0x11e1a300"});
    let answer = world
        .anvil
        .rpc("eth_call", json!([call, format!("{height:#x}")]));
    let bytes = hex::decode(answer.as_str().unwrap().trim_start_matches("0x")).unwrap();
    let ty: DynSolType = "(bytes[])".parse().unwrap();
    let decoded = ty.abi_decode_params(&bytes).unwrap();
    let results = decoded.as_tuple().unwrap()[0].as_array().unwrap();
    results
        .iter()
        .map(|result| result.as_bytes().unwrap().to_vec())
        .collect()
}

/// The changes that two different values of a probe are.
fn meant(probe: &Probe, before: &[u8], after: &[u8]) -> Vec<Change> {
    let Some(reading) = probe.reading else {
        return native(probe, before, after);
    };
    let account = |index: usize| text(Address::from_word(probe.words[index]));
    let id = |index: usize| Some(U256::from_be_bytes(probe.words[index].0));
    let change = |what| change(&probe.contract, what, number(before), number(after));
    match reading.meaning {
        Balance => vec![change(What::Balance {
            account: account(0),
            id: None,
        })],
        Meaning::BalanceOfId => vec![change(What::Balance {
            account: account(0),
            id: id(1),
        })],
        Meaning::Holder => holders(probe, before, after),
        Allowance => vec![change(What::Allowance {
            owner: account(0),
            spender: account(1),
            id: None,
            token: None,
        })],
        Meaning::AllowanceOf => {
            let what = What::Allowance {
                owner: account(0),
                spender: account(2),
                id: None,
                token: Some(account(1)),
            };
            // An expiration and a nonce follow.
            let (before, after) = (number(&before[..32]), number(&after[..32]));
            vec![self::change(&probe.contract, what, before, after)]
        }
        Meaning::Approved => vec![change(What::Allowance {
            owner: String::new(),
            spender: text(Address::from_word(word(after))),
            id: id(0),
            token: None,
        })],
        Meaning::OperatorOf => vec![change(operator(account(0), account(1)))],
        Meaning::IsOperator => {
            let last = probe.words.len() - 1;
            vec![change(operator(account(last), account(last - 1)))]
        }
        Meaning::Role => vec![change(What::Role {
            account: account(probe.words.len() - 1),
            role: (probe.words.len() == 2).then(|| probe.words[0]),
        })],
        Power(kinds) => vec![power(probe, reading, kinds, before, after)],
    }
}

fn operator(owner: String, spender: String) -> What {
    What::Operator { owner, spender }
}

fn power(
    probe: &Probe,
    reading: &Reading,
    kinds: &'static [PowerKind],
    before: &[u8],
    after: &[u8],
) -> Change {
    let account = reading.keys.iter().position(|key| matches!(key, Account));
    let subject = account.map(|index| text(Address::from_word(probe.words[index])));
    let is_owner = kinds == [Ownership] && number(after) != U256::ZERO;
    let owner = is_owner.then(|| text(Address::from_word(word(after))));
    let what = What::Power {
        kinds,
        function: reading.function.to_owned(),
        subject: subject.or(owner),
    };
    change(&probe.contract, what, number(before), number(after))
}

fn native(probe: &Probe, before: &[u8], after: &[u8]) -> Vec<Change> {
    let account = probe.contract.clone();
    let mut changes = Vec::new();
    if before[..32] != after[..32] {
        let what = What::Balance {
            account: account.clone(),
            id: None,
        };
        changes.push(change("", what, number(before), number(after)));
    }
    if before[32..] != after[32..] {
        let what = What::Power {
            kinds: &[Deployment, Delegation],
            function: "its code".to_owned(),
            subject: None,
        };
        changes.push(change(
            &account,
            what,
            number(&before[32..]),
            number(&after[32..]),
        ));
    }
    changes
}

/// A non-fungible token changes the balances of two accounts.
fn holders(probe: &Probe, before: &[u8], after: &[u8]) -> Vec<Change> {
    let id = Some(U256::from_be_bytes(probe.words[0].0));
    let side = |value: &[u8], before: u64, after: u64| {
        let account = text(Address::from_word(word(value)));
        let what = What::Balance { account, id };
        let is_holder = number(value) != U256::ZERO;
        is_holder.then(|| change(&probe.contract, what, U256::from(before), U256::from(after)))
    };
    side(before, 1, 0)
        .into_iter()
        .chain(side(after, 0, 1))
        .collect()
}

fn change(contract: &str, what: What, before: U256, after: U256) -> Change {
    Change {
        contract: contract.to_owned(),
        what,
        before,
        after,
    }
}

/// Proxy slots, and storage of contracts of which nothing else changed.
fn storage(trace: &Value, known: &[Change]) -> Vec<Change> {
    let mut slots: BTreeMap<&String, BTreeSet<&String>> = BTreeMap::new();
    for side in ["pre", "post"] {
        for (account, state) in trace[side].as_object().unwrap() {
            let keys = state["storage"].as_object().into_iter().flatten();
            slots
                .entry(account)
                .or_default()
                .extend(keys.map(|(key, _)| key));
        }
    }
    let value = |side: &str, account: &String, slot: &String| {
        let value = trace[side][account]["storage"][slot].as_str();
        value.map_or(U256::ZERO, |value| value.parse().unwrap())
    };
    let mut changes = Vec::new();
    for (account, slots) in slots.iter().filter(|(_, slots)| !slots.is_empty()) {
        for (slot, kind) in &SLOTS {
            if let Some(slot) = slots.iter().find(|changed| changed.as_str() == *slot) {
                let what = What::Power {
                    kinds: std::slice::from_ref(kind),
                    function: format!("{kind:?} slot"),
                    subject: None,
                };
                let (before, after) = (value("pre", account, slot), value("post", account, slot));
                changes.push(change(account, what, before, after));
            }
        }
        let is_new = trace["pre"][account].is_null();
        if !is_new
            && !known
                .iter()
                .chain(&changes)
                .any(|change| change.contract == **account)
        {
            changes.push(change(account, What::Storage, U256::ZERO, U256::ONE));
        }
    }
    changes
}

fn word(value: &[u8]) -> B256 {
    let mut word = [0; 32];
    let length = value.len().min(32);
    word[..length].copy_from_slice(&value[..length]);
    B256::from(word)
}

/// The number that an answer is; a hash of longer answers.
fn number(value: &[u8]) -> U256 {
    match value.len() {
        0..=64 => U256::from_be_bytes(word(value).0),
        _ => U256::from_be_bytes(keccak256(value).0),
    }
}

fn text(account: Address) -> String {
    format!("{account:#x}")
}
