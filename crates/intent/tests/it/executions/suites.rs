//! Published suites of several contracts: T-REX, Safe, account abstraction.

use super::code::{openzeppelin, own, published};
use super::world::{Call, World};
use alloy_primitives::keccak256;
use intent::Standard::*;
use serde_json::{Value, json};

const ZERO: &str = "0x0000000000000000000000000000000000000000";

fn complete(world: &mut World, contract: &str, calls: Vec<(&str, &str, Value)>) {
    for (from, signature, arguments) in calls {
        world.complete(world.call(from, contract, signature, arguments));
    }
}

fn wire_trex(world: &mut World) {
    let registry = [Erc3643Registry, Ownable];
    let parts: [(&'static str, &str); 5] = [
        ("topics", "ClaimTopicsRegistry"),
        ("issuers", "TrustedIssuersRegistry"),
        ("storage", "IdentityRegistryStorage"),
        ("registry", "IdentityRegistry"),
        ("compliance", "ModularCompliance"),
    ];
    for (name, contract) in parts {
        world.deploy(name, &published(contract), json!([]), &registry);
    }
    world.deploy(
        "token",
        &published("Token"),
        json!([]),
        &[Erc20, Erc3643, Ownable],
    );
    for name in ["topics", "issuers", "storage", "compliance"] {
        world.setup("admin", name, "init()", json!([]));
    }
    world.part("storage");
    world.part("compliance");
    let identities = json!(["@issuers", "@topics", "@storage"]);
    world.setup(
        "admin",
        "registry",
        "init(address,address,address)",
        identities,
    );
    let bind = "bindIdentityRegistry(address)";
    world.setup("admin", "storage", bind, json!(["@registry"]));
    let init = "init(address,address,string,string,uint8,address)";
    let arguments = json!(["@registry", "@compliance", "Token", "TOK", 0, ZERO]);
    world.setup("admin", "token", init, arguments);
    world.deploy(
        "identity",
        &published("Identity"),
        json!(["@erin", false]),
        &[],
    );
}

pub(super) fn trex(world: &mut World) {
    wire_trex(world);
    let register = "registerIdentity(address,address,uint16)";
    let registry = vec![
        ("admin", "addAgent(address)", json!(["@admin"])),
        ("admin", register, json!(["@alice", "@identity", 756])),
        (
            "admin",
            "batchRegisterIdentity(address[],address[],uint16[])",
            json!([["@bob", "@carol"], ["@identity", "@identity"], [756, 276]]),
        ),
        (
            "admin",
            "updateCountry(address,uint16)",
            json!(["@carol", 756]),
        ),
        ("admin", "deleteIdentity(address)", json!(["@carol"])),
        ("admin", register, json!(["@carol", "@identity", 756])),
    ];
    complete(world, "registry", registry);
    let token = vec![
        ("admin", "addAgent(address)", json!(["@admin"])),
        ("admin", "addAgent(address)", json!(["@dave"])),
        ("admin", "removeAgent(address)", json!(["@dave"])),
        ("admin", "unpause()", json!([])),
        ("admin", "mint(address,uint256)", json!(["@alice", 1000])),
        (
            "admin",
            "batchMint(address[],uint256[])",
            json!([["@alice", "@bob"], [10, 20]]),
        ),
        ("admin", "burn(address,uint256)", json!(["@alice", 7])),
        (
            "admin",
            "batchBurn(address[],uint256[])",
            json!([["@alice", "@bob"], [1, 2]]),
        ),
        ("alice", "transfer(address,uint256)", json!(["@bob", 5])),
        (
            "alice",
            "batchTransfer(address[],uint256[])",
            json!([["@bob", "@carol"], [5, 6]]),
        ),
        ("alice", "approve(address,uint256)", json!(["@bob", 9])),
        (
            "bob",
            "transferFrom(address,address,uint256)",
            json!(["@alice", "@carol", 6]),
        ),
        (
            "admin",
            "freezePartialTokens(address,uint256)",
            json!(["@alice", 900]),
        ),
        (
            "admin",
            "unfreezePartialTokens(address,uint256)",
            json!(["@alice", 50]),
        ),
        // More than what is free: some of what is frozen moves.
        (
            "admin",
            "forcedTransfer(address,address,uint256)",
            json!(["@alice", "@bob", 200]),
        ),
        ("admin", "burn(address,uint256)", json!(["@alice", 10])),
        (
            "admin",
            "batchForcedTransfer(address[],address[],uint256[])",
            json!([["@alice"], ["@carol"], [20]]),
        ),
        (
            "admin",
            "batchFreezePartialTokens(address[],uint256[])",
            json!([["@bob"], [20]]),
        ),
        (
            "admin",
            "batchUnfreezePartialTokens(address[],uint256[])",
            json!([["@bob"], [20]]),
        ),
        (
            "admin",
            "setAddressFrozen(address,bool)",
            json!(["@alice", true]),
        ),
        (
            "admin",
            "setAddressFrozen(address,bool)",
            json!(["@alice", false]),
        ),
        (
            "admin",
            "batchSetAddressFrozen(address[],bool[])",
            json!([["@alice", "@bob"], [true, false]]),
        ),
        ("admin", "pause()", json!([])),
        ("admin", "unpause()", json!([])),
        ("admin", "setName(string)", json!(["Other"])),
        ("admin", "setSymbol(string)", json!(["OTH"])),
        ("admin", "setOnchainID(address)", json!(["@identity"])),
        (
            "admin",
            "recoveryAddress(address,address,address)",
            json!(["@alice", "@erin", "@identity"]),
        ),
    ];
    // The registry changes identities when tokens are recovered.
    world.setup("admin", "registry", "addAgent(address)", json!(["@token"]));
    complete(world, "token", token);
    trex_rules(world);
}

fn trex_rules(world: &mut World) {
    let registries = [
        ("topics", "addClaimTopic(uint256)", json!([7])),
        (
            "issuers",
            "addTrustedIssuer(address,uint256[])",
            json!(["@identity", [7]]),
        ),
        (
            "issuers",
            "removeTrustedIssuer(address)",
            json!(["@identity"]),
        ),
        ("topics", "removeClaimTopic(uint256)", json!([7])),
        (
            "registry",
            "setClaimTopicsRegistry(address)",
            json!(["@issuers"]),
        ),
        (
            "registry",
            "setClaimTopicsRegistry(address)",
            json!(["@topics"]),
        ),
        (
            "registry",
            "setTrustedIssuersRegistry(address)",
            json!(["@topics"]),
        ),
        (
            "registry",
            "setTrustedIssuersRegistry(address)",
            json!(["@issuers"]),
        ),
        (
            "registry",
            "setIdentityRegistryStorage(address)",
            json!(["@topics"]),
        ),
        (
            "registry",
            "setIdentityRegistryStorage(address)",
            json!(["@storage"]),
        ),
        (
            "registry",
            "updateIdentity(address,address)",
            json!(["@bob", "@token"]),
        ),
        (
            "storage",
            "bindIdentityRegistry(address)",
            json!(["@topics"]),
        ),
        (
            "storage",
            "unbindIdentityRegistry(address)",
            json!(["@topics"]),
        ),
        ("registry", "transferOwnership(address)", json!(["@bob"])),
        ("token", "setIdentityRegistry(address)", json!(["@topics"])),
        (
            "token",
            "setIdentityRegistry(address)",
            json!(["@registry"]),
        ),
    ];
    for (contract, signature, arguments) in registries {
        world.complete(world.call("admin", contract, signature, arguments));
    }
    world.deploy("module", &published("CountryAllowModule"), json!([]), &[]);
    world.part("module");
    let call = world.call(
        "admin",
        "compliance",
        "addModule(address)",
        json!(["@module"]),
    );
    world.complete(call);
    let allow = world.data("batchAllowCountries(uint16[])", json!([[756]]));
    let call = "callModuleFunction(bytes,address)";
    world.either(world.call("admin", "compliance", call, json!([allow, "@module"])));
    let call = world.call(
        "admin",
        "compliance",
        "removeModule(address)",
        json!(["@module"]),
    );
    world.complete(call);
    world.deploy(
        "other",
        &published("ModularCompliance"),
        json!([]),
        &[Erc3643Registry],
    );
    world.setup("admin", "other", "init()", json!([]));
    world.part("other");
    let call = world.call(
        "admin",
        "token",
        "setCompliance(address)",
        json!(["@other"]),
    );
    world.complete(call);
}

/// Comes before the first item of a Safe's lists.
const FIRST: &str = "0x0000000000000000000000000000000000000001";
const EXECUTE: &str =
    "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)";

/// A transaction of the Safe, sent by its owner, which is its signature.
fn safe_call(world: &World, to: &str, value: u64, data: &str, operation: u8, price: u64) -> Call {
    let owner = world.at("alice");
    let owner = owner.trim_start_matches("0x");
    let signature = format!("0x{owner:0>64}{:0>64}01", "");
    let to = world.at(to);
    let arguments = json!([
        to, value, data, operation, 0, 0, price, ZERO, ZERO, signature
    ]);
    let call = world.call("alice", "safe", EXECUTE, arguments);
    call.label(&format!(
        "execTransaction: {operation} {}",
        &data[..data.len().min(10)]
    ))
}

fn deploy_safe(world: &mut World) {
    let code = published("Safe");
    world.deploy("singleton", &code, json!([]), &[]);
    world.deploy("factory", &published("SafeProxyFactory"), json!([]), &[]);
    let handler = published("CompatibilityFallbackHandler");
    world.deploy("handler", &handler, json!([]), &[]);
    let setup = "setup(address[],uint256,address,bytes,address,address,uint256,address)";
    let arguments = json!([["@alice"], 1, ZERO, "0x", "@handler", ZERO, 0, ZERO]);
    let initializer = world.data(setup, arguments);
    let create = "createProxyWithNonce(address,bytes,uint256)";
    let arguments = json!(["@singleton", initializer, 7]);
    let address = world.read_address("factory", create, arguments.clone());
    world.incomplete(world.call("bob", "factory", create, arguments));
    world.register("safe", &address, &code.functions, &[Safe]);
    world.deploy(
        "token",
        &own("AuthorizedToken"),
        json!(["@alice"]),
        &[Erc20],
    );
    world.setup(
        "alice",
        "token",
        "transfer(address,uint256)",
        json!(["@safe", 1000]),
    );
    world.complete(world.payment("alice", "safe", 1000));
}

pub(super) fn safe(world: &mut World) {
    deploy_safe(world);
    let transfer = world.data("transfer(address,uint256)", json!(["@bob", 5]));
    let approve = world.data("approve(address,uint256)", json!(["@bob", 5]));
    world.complete(safe_call(world, "token", 0, &transfer, 0, 0));
    world.complete(safe_call(world, "token", 0, &approve, 0, 0));
    world.complete(safe_call(world, "bob", 9, "0x", 0, 0));
    // The Safe pays for gas.
    world.incomplete(safe_call(world, "bob", 9, "0x", 0, 1));
    world.deploy("guard", &published("DebugTransactionGuard"), json!([]), &[]);
    let own_calls = [
        ("addOwnerWithThreshold(address,uint256)", json!(["@bob", 1])),
        // The newest owner comes first.
        (
            "swapOwner(address,address,address)",
            json!([FIRST, "@bob", "@carol"]),
        ),
        ("changeThreshold(uint256)", json!([1])),
        (
            "removeOwner(address,address,uint256)",
            json!([FIRST, "@carol", 1]),
        ),
        ("enableModule(address)", json!(["@dave"])),
        ("setFallbackHandler(address)", json!(["@guard"])),
    ];
    for (signature, arguments) in own_calls {
        let data = world.data(signature, arguments);
        world.complete(safe_call(world, "safe", 0, &data, 0, 0));
    }
    safe_module(world, &transfer);
    safe_batches(world);
}

fn safe_module(world: &mut World, transfer: &str) {
    let execute = "execTransactionFromModule(address,uint256,bytes,uint8)";
    let call = world.call("dave", "safe", execute, json!(["@token", 0, transfer, 0]));
    world.complete(call);
    let call = world.call("dave", "safe", execute, json!(["@token", 0, transfer, 1]));
    world.incomplete(call);
    let returning = "execTransactionFromModuleReturnData(address,uint256,bytes,uint8)";
    let call = world.call("dave", "safe", returning, json!(["@token", 0, transfer, 0]));
    world.complete(call);
    let data = world.data("disableModule(address,address)", json!([FIRST, "@dave"]));
    world.complete(safe_call(world, "safe", 0, &data, 0, 0));
    let data = world.data("setGuard(address)", json!(["@guard"]));
    world.complete(safe_call(world, "safe", 0, &data, 0, 0));
    let data = world.data("setGuard(address)", json!([ZERO]));
    world.complete(safe_call(world, "safe", 0, &data, 0, 0));
    let data = world.data("setModuleGuard(address)", json!([ZERO]));
    world.complete(safe_call(world, "safe", 0, &data, 0, 0));
    let hash = format!("0x{}", hex::encode(keccak256("any")));
    world.either(world.call("alice", "safe", "approveHash(bytes32)", json!([hash])));
}

/// Packed calls of MultiSend: operation, receiver, value, length, data.
fn packed(world: &World, calls: &[(u8, &str, u64, String)]) -> String {
    let one = |(operation, to, value, data): &(u8, &str, u64, String)| {
        let (to, data) = (world.at(to), data.trim_start_matches("0x"));
        let to = to.trim_start_matches("0x");
        format!(
            "{operation:02x}{to}{value:064x}{:064x}{data}",
            data.len() / 2
        )
    };
    format!("0x{}", calls.iter().map(one).collect::<String>())
}

fn safe_batches(world: &mut World) {
    world.deploy(
        "multisend",
        &published("MultiSend"),
        json!([]),
        &[MultiSend],
    );
    let only = published("MultiSendCallOnly");
    world.deploy("multisend calls", &only, json!([]), &[MultiSend]);
    let transfer = world.data("transfer(address,uint256)", json!(["@bob", 5]));
    let approve = world.data("approve(address,uint256)", json!(["@carol", 8]));
    let calls = [
        (0, "token", 0, transfer.clone()),
        (0, "token", 0, approve),
        (0, "dave", 3, String::new()),
    ];
    let batch = |world: &World, calls: &[(u8, &str, u64, String)]| {
        world.data("multiSend(bytes)", json!([packed(world, calls)]))
    };
    for contract in ["multisend", "multisend calls"] {
        let data = batch(world, &calls);
        world.complete(safe_call(world, contract, 0, &data, 1, 0));
    }
    let approve = world.data("approve(address,uint256)", json!(["@carol", 9]));
    let data = batch(world, &[(1, "token", 0, approve.clone())]);
    world.incomplete(safe_call(world, "multisend", 0, &data, 1, 0));
    world.incomplete(safe_call(world, "token", 0, &approve, 1, 0));
    let enable = world.data("enableModule(address)", json!(["@dave"]));
    let data = batch(
        world,
        &[(0, "safe", 0, enable), (0, "token", 0, transfer.clone())],
    );
    world.either(safe_call(world, "multisend", 0, &data, 1, 0));
    // Without a delegated call it is the batch that holds the tokens.
    world.setup(
        "alice",
        "token",
        "transfer(address,uint256)",
        json!(["@multisend calls", 50]),
    );
    let data = batch(world, &[(0, "token", 0, transfer.clone())]);
    world.either(safe_call(world, "multisend calls", 0, &data, 0, 0));
    upgradeable(world);
    let upgrade = "upgradeToAndCall(address,bytes)";
    let upgrade = world.data(upgrade, json!(["@second", "0x"]));
    let data = batch(
        world,
        &[
            (0, "upgradeable", 0, upgrade),
            (0, "upgradeable", 0, transfer),
        ],
    );
    world.incomplete(safe_call(world, "multisend", 0, &data, 1, 0));
}

/// A token that the Safe may upgrade.
fn upgradeable(world: &mut World) {
    let code = own("UpgradeableToken");
    let first = world.deploy("first", &code, json!([]), &[]);
    world.deploy("second", &code, json!([]), &[]);
    let initialize = world.data("initialize(address,uint256)", json!(["@safe", 1000]));
    let proxy = openzeppelin("ERC1967Proxy");
    let address = world.deploy("proxy", &proxy, json!([first, initialize]), &[]);
    world.register(
        "upgradeable",
        &address,
        &code.functions,
        &[Erc20, Ownable, Upgradeable],
    );
}

const OPERATION: &str = "(address,uint256,bytes,bytes,bytes32,uint256,bytes32,bytes,bytes)";

pub(super) fn account_abstraction(world: &mut World) {
    let point = published("EntryPoint");
    world.deploy("entry point", &point, json!([]), &[EntryPoint]);
    world.deploy(
        "factory",
        &published("SimpleAccountFactory"),
        json!(["@entry point"]),
        &[],
    );
    let creator = world.read_address("entry point", "senderCreator()", json!([]));
    let create = "createAccount(address,uint256)";
    world.setup(&creator, "factory", create, json!(["@alice", 1]));
    let address = world.read_address(
        "factory",
        "getAddress(address,uint256)",
        json!(["@alice", 1]),
    );
    let functions = published("SimpleAccount").functions;
    world.register(
        "account",
        &address,
        &functions,
        &[SmartAccount, Upgradeable],
    );
    world.deploy(
        "token",
        &own("AuthorizedToken"),
        json!(["@alice"]),
        &[Erc20],
    );
    world.setup(
        "alice",
        "token",
        "transfer(address,uint256)",
        json!(["@account", 1000]),
    );
    world.either(world.payment("alice", "account", 1000));
    let transfer = world.data("transfer(address,uint256)", json!(["@bob", 5]));
    let approve = world.data("approve(address,uint256)", json!(["@bob", 5]));
    let execute = "execute(address,uint256,bytes)";
    let calls = json!([
        ["@token", 0, transfer],
        ["@token", 0, approve],
        ["@dave", 7, "0x"]
    ]);
    let batch = "executeBatch((address,uint256,bytes)[])";
    let own_calls = vec![
        ("alice", execute, json!(["@token", 0, transfer])),
        ("alice", execute, json!(["@bob", 5, "0x"])),
        ("alice", batch, json!([calls])),
    ];
    complete(world, "account", own_calls);
    let deposit = world.call(
        "alice",
        "entry point",
        "depositTo(address)",
        json!(["@account"]),
    );
    world.either(deposit.value(10_000_000));
    operations(world, &transfer);
    deposits(world);
    world.deploy(
        "new code",
        &published("SimpleAccount"),
        json!(["@entry point"]),
        &[],
    );
    let upgrade = json!(["@new code", "0x"]);
    world.complete(world.call(
        "alice",
        "account",
        "upgradeToAndCall(address,bytes)",
        upgrade,
    ));
}

fn operations(world: &mut World, transfer: &str) {
    let execute = world.data(
        "execute(address,uint256,bytes)",
        json!(["@token", 0, transfer]),
    );
    let handle = format!("handleOps({OPERATION}[],address)");
    let operation = signed_operation(world, 0, &execute, 0);
    let call = world.call("bob", "entry point", &handle, json!([[operation], "@bob"]));
    world.complete(call);
    // The account pays the beneficiary from its deposit.
    let operation = signed_operation(world, 1, &execute, 1);
    let call = world.call(
        "bob",
        "entry point",
        &handle,
        json!([[operation], "@carol"]),
    );
    world.either(call);
    created_account(world, transfer);
    let failing = world.data("transfer(address,uint256)", json!(["@bob", 5_000_000]));
    let execute = world.data(
        "execute(address,uint256,bytes)",
        json!(["@token", 0, failing]),
    );
    // A failing operation does not fail the transaction: less happens than is declared.
    let operation = signed_operation(world, 2, &execute, 0);
    let call = world.call("bob", "entry point", &handle, json!([[operation], "@bob"]));
    world.attempt(call.label("handleOps: fails"));
}

/// The operation creates its account first.
fn created_account(world: &mut World, transfer: &str) {
    let create = "createAccount(address,uint256)";
    let create = world.data(create, json!(["@alice", 2]));
    let code = format!("{}{}", world.at("factory"), &create[2..]);
    let address = world.read_address(
        "factory",
        "getAddress(address,uint256)",
        json!(["@alice", 2]),
    );
    world.setup(
        "alice",
        "token",
        "transfer(address,uint256)",
        json!([address, 50]),
    );
    let execute = world.data(
        "execute(address,uint256,bytes)",
        json!(["@token", 0, transfer]),
    );
    let operation = signed(world, &address, 0, &code, &execute, 0);
    let handle = format!("handleOps({OPERATION}[],address)");
    let call = world.call("bob", "entry point", &handle, json!([[operation], "@bob"]));
    world.incomplete(call.label("handleOps: a new account"));
}

/// An operation of the account, signed by its owner.
fn signed_operation(world: &World, nonce: u64, call: &str, price: u64) -> Value {
    signed(world, "@account", nonce, "0x", call, price)
}

fn signed(world: &World, sender: &str, nonce: u64, code: &str, call: &str, price: u64) -> Value {
    let limits = format!("0x{:032x}{:032x}", 1_000_000, 200_000);
    let fees = format!("0x{price:032x}{price:032x}");
    let operation = |signature: Value| {
        json!([
            sender, nonce, code, call, limits, 50_000, fees, "0x", signature
        ])
    };
    let hash = format!("getUserOpHash({OPERATION})");
    let hash = world.read("entry point", &hash, json!([operation(json!("0x"))]));
    let digest: alloy_primitives::B256 = hash.parse().unwrap();
    operation(json!(world.packed_digest("alice", digest.0)))
}

fn deposits(world: &mut World) {
    let add = world
        .call("alice", "account", "addDeposit()", json!([]))
        .value(100);
    world.either(add);
    let withdraw = "withdrawDepositTo(address,uint256)";
    world.either(world.call("alice", "account", withdraw, json!(["@dave", 50])));
    let deposit = world.call("bob", "entry point", "depositTo(address)", json!(["@bob"]));
    world.either(deposit.value(100));
    let withdraw = "withdrawTo(address,uint256)";
    world.either(world.call("bob", "entry point", withdraw, json!(["@dave", 60])));
    let stake = world.call("bob", "entry point", "addStake(uint32)", json!([1]));
    world.either(stake.value(50));
    world.either(world.call("bob", "entry point", "unlockStake()", json!([])));
}
