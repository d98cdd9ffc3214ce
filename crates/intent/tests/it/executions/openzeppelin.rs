//! Contracts of OpenZeppelin's library: tokens, roles, owners, proxies, vaults, timelocks.

use super::code::{openzeppelin, own};
use super::world::{CHAIN, World};
use intent::Standard::*;
use serde_json::{Value, json};

const MAX: &str = "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
const MINTER: &str = "0x9f2df0fed2c77648de5860a4cc508cd0818c85b8b8a1ab4ceeef8d981c8956a6";
const ADMIN: &str = "0x0000000000000000000000000000000000000000000000000000000000000000";

/// Payments and plain accounts.
pub(super) fn native(world: &mut World) {
    world.complete(world.payment("alice", "bob", 5));
    world.complete(world.payment("alice", "alice", 5));
    let code = own("Receiver").bytecode;
    world.either(world.deployment("alice", &code));
}

fn deploy_role_token(world: &mut World) {
    let standards = [
        Erc20,
        Erc2612,
        Erc1363,
        Mintable,
        Burnable,
        Pausable,
        AccessControl,
        Multicall,
    ];
    world.deploy("token", &own("RoleToken"), json!(["@admin"]), &standards);
    for actor in ["@alice", "@bob"] {
        world.setup(
            "admin",
            "token",
            "mint(address,uint256)",
            json!([actor, 1000]),
        );
    }
}

/// ERC-20 with the usual extensions.
pub(super) fn role_token(world: &mut World) {
    deploy_role_token(world);
    let token = |world: &World, from: &str, signature: &str, arguments: Value| {
        world.call(from, "token", signature, arguments)
    };
    let calls = [
        ("alice", "transfer(address,uint256)", json!(["@bob", 5])),
        ("alice", "transfer(address,uint256)", json!(["@alice", 5])),
        ("alice", "approve(address,uint256)", json!(["@bob", 50])),
        (
            "bob",
            "transferFrom(address,address,uint256)",
            json!(["@alice", "@carol", 7]),
        ),
        ("bob", "burnFrom(address,uint256)", json!(["@alice", 3])),
        (
            "bob",
            "transferFrom(address,address,uint256)",
            json!(["@alice", "@alice", 2]),
        ),
        ("alice", "approve(address,uint256)", json!(["@bob", 0])),
        ("alice", "approve(address,uint256)", json!(["@carol", MAX])),
        (
            "carol",
            "transferFrom(address,address,uint256)",
            json!(["@alice", "@dave", 1]),
        ),
        ("alice", "burn(uint256)", json!([2])),
        ("admin", "mint(address,uint256)", json!(["@dave", 11])),
        (
            "admin",
            "grantRole(bytes32,address)",
            json!([MINTER, "@erin"]),
        ),
        (
            "erin",
            "renounceRole(bytes32,address)",
            json!([MINTER, "@erin"]),
        ),
        (
            "admin",
            "grantRole(bytes32,address)",
            json!([ADMIN, "@erin"]),
        ),
        (
            "admin",
            "revokeRole(bytes32,address)",
            json!([ADMIN, "@erin"]),
        ),
        ("admin", "pause()", json!([])),
        ("admin", "unpause()", json!([])),
        (
            "alice",
            "transferAndCall(address,uint256)",
            json!(["@hook", 4]),
        ),
        (
            "alice",
            "transferAndCall(address,uint256,bytes)",
            json!(["@hook", 4, "0x"]),
        ),
        (
            "alice",
            "approveAndCall(address,uint256)",
            json!(["@hook", 6]),
        ),
        (
            "alice",
            "approveAndCall(address,uint256,bytes)",
            json!(["@hook", 6, "0x"]),
        ),
    ];
    world.deploy("hook", &own("Receiver"), json!([]), &[SmartAccount]);
    for (from, signature, arguments) in calls {
        world.complete(token(world, from, signature, arguments));
    }
    let from_hook = token(
        world,
        "carol",
        "transferFromAndCall(address,address,uint256)",
        json!(["@alice", "@hook", 2]),
    );
    world.complete(from_hook);
    let with_data = "transferFromAndCall(address,address,uint256,bytes)";
    let arguments = json!(["@alice", "@hook", 2, "0x"]);
    world.complete(world.call("carol", "token", with_data, arguments));
    hooks_with_data(world);
}

/// A hook with data moves another account's tokens.
fn hooks_with_data(world: &mut World) {
    world.setup(
        "bob",
        "token",
        "approve(address,uint256)",
        json!(["@hook", 100]),
    );
    let types = "f(address,address,address,uint256)";
    let data = world.data(types, json!(["@token", "@bob", "@erin", 9]));
    let data = format!("0x{}", &data[10..]);
    for signature in [
        "transferAndCall(address,uint256,bytes)",
        "approveAndCall(address,uint256,bytes)",
    ] {
        world.incomplete(world.call("alice", "token", signature, json!(["@hook", 1, data])));
    }
    // Of a contract without a standard it is not known whether it keeps what it gets.
    world.known("hook").as_mut().unwrap().standards.clear();
    world.setup("admin", "hook", "passOn(address)", json!(["@erin"]));
    let passed_on = world.call(
        "alice",
        "token",
        "transferAndCall(address,uint256)",
        json!(["@hook", 4]),
    );
    world.incomplete(passed_on.label("transferAndCall: passed on"));
    *world.known("hook") = None;
    for signature in [
        "transferAndCall(address,uint256)",
        "approveAndCall(address,uint256)",
    ] {
        world.incomplete(world.call("alice", "token", signature, json!(["@hook", 1])));
    }
}

/// A call of a contract that is not registered, or not any more what was registered.
pub(super) fn unknown(world: &mut World) {
    deploy_role_token(world);
    let transfer = |world: &World| {
        world.call(
            "alice",
            "token",
            "transfer(address,uint256)",
            json!(["@bob", 5]),
        )
    };
    world.known("token").as_mut().unwrap().changed = Some("other code".to_owned());
    world.incomplete(transfer(world));
    *world.known("token") = None;
    world.incomplete(transfer(world));
    world.incomplete(world.call(
        "alice",
        "token",
        "approve(address,uint256)",
        json!(["@bob", 5]),
    ));
    world.incomplete(world.call("admin", "token", "pause()", json!([])));
}

/// Contracts with two standards that read a call differently.
pub(super) fn ambiguous(world: &mut World) {
    deploy_role_token(world);
    world
        .known("token")
        .as_mut()
        .unwrap()
        .standards
        .insert(Erc721);
    let calls = [
        ("alice", "approve(address,uint256)", json!(["@bob", 1])),
        (
            "bob",
            "transferFrom(address,address,uint256)",
            json!(["@alice", "@bob", 1]),
        ),
    ];
    for (from, signature, arguments) in calls {
        world.incomplete(world.call(from, "token", signature, arguments));
    }
}

/// ERC-2612.
pub(super) fn permit(world: &mut World) {
    deploy_role_token(world);
    let data = json!({
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"}, {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"}, {"name": "verifyingContract", "type": "address"}
            ],
            "Permit": [
                {"name": "owner", "type": "address"}, {"name": "spender", "type": "address"},
                {"name": "value", "type": "uint256"}, {"name": "nonce", "type": "uint256"},
                {"name": "deadline", "type": "uint256"}
            ]
        },
        "primaryType": "Permit",
        "domain": {
            "name": "Role token", "version": "1", "chainId": CHAIN, "verifyingContract": "@token"
        },
        "message": {
            "owner": "@alice", "spender": "@bob", "value": 40, "nonce": 0, "deadline": MAX
        }
    });
    let [v, r, s] = world.typed("alice", &data);
    let signature = "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)";
    let arguments = json!(["@alice", "@bob", 40, MAX, v, r, s]);
    world.complete(world.call("carol", "token", signature, arguments));
}

/// `multicall` of a contract on itself.
pub(super) fn multicall(world: &mut World) {
    deploy_role_token(world);
    let transfer = world.data("transfer(address,uint256)", json!(["@carol", 5]));
    let approve = world.data("approve(address,uint256)", json!(["@dave", 9]));
    let inner = world.data("multicall(bytes[])", json!([[approve]]));
    let call = json!([[transfer, inner, transfer]]);
    world.complete(world.call("alice", "token", "multicall(bytes[])", call));
    let mint = world.data("mint(address,uint256)", json!(["@carol", 5]));
    let grant = world.data("grantRole(bytes32,address)", json!([MINTER, "@dave"]));
    world.complete(world.call(
        "admin",
        "token",
        "multicall(bytes[])",
        json!([[grant, mint]]),
    ));
    let other = world.data("nonces(address)", json!(["@carol"]));
    let call = json!([[transfer, other]]);
    world.incomplete(world.call("alice", "token", "multicall(bytes[])", call));
}

/// An owner in two steps.
pub(super) fn owned_token(world: &mut World) {
    let standards = [Erc20, Mintable, Ownable];
    world.deploy("token", &own("OwnedToken"), json!(["@admin"]), &standards);
    let calls = [
        ("admin", "mint(address,uint256)", json!(["@alice", 100])),
        ("admin", "transferOwnership(address)", json!(["@bob"])),
        ("bob", "acceptOwnership()", json!([])),
        ("bob", "mint(address,uint256)", json!(["@alice", 100])),
        ("bob", "renounceOwnership()", json!([])),
        (
            "alice",
            "increaseAllowance(address,uint256)",
            json!(["@bob", 5]),
        ),
        (
            "alice",
            "decreaseAllowance(address,uint256)",
            json!(["@bob", 2]),
        ),
    ];
    for (from, signature, arguments) in calls {
        world.complete(world.call(from, "token", signature, arguments));
    }
}

/// ERC-4626: what moves of the asset or the shares is exact on one side only.
pub(super) fn vault(world: &mut World) {
    let standards = [Erc20, Mintable, Ownable];
    world.deploy("asset", &own("OwnedToken"), json!(["@admin"]), &standards);
    world.deploy("vault", &own("Vault"), json!(["@asset"]), &[Erc20, Erc4626]);
    let asset = world.at("asset");
    world.known("vault").as_mut().unwrap().underlying = Some(asset);
    for actor in ["alice", "bob"] {
        let to = format!("@{actor}");
        world.setup("admin", "asset", "mint(address,uint256)", json!([to, 1000]));
        world.setup(
            actor,
            "asset",
            "approve(address,uint256)",
            json!(["@vault", MAX]),
        );
    }
    let calls = [
        ("alice", "deposit(uint256,address)", json!([100, "@alice"])),
        ("alice", "mint(uint256,address)", json!([50, "@carol"])),
        ("alice", "transfer(address,uint256)", json!(["@bob", 10])),
        (
            "bob",
            "withdraw(uint256,address,address)",
            json!([4, "@dave", "@bob"]),
        ),
        (
            "bob",
            "redeem(uint256,address,address)",
            json!([4, "@dave", "@bob"]),
        ),
        ("alice", "approve(address,uint256)", json!(["@bob", 30])),
        (
            "bob",
            "withdraw(uint256,address,address)",
            json!([3, "@bob", "@alice"]),
        ),
        (
            "bob",
            "redeem(uint256,address,address)",
            json!([2, "@bob", "@alice"]),
        ),
    ];
    for (from, signature, arguments) in calls {
        world.complete(world.call(from, "vault", signature, arguments));
    }
    world.setup(
        "admin",
        "asset",
        "mint(address,uint256)",
        json!(["@vault", 77]),
    );
    let calls = [
        ("alice", "deposit(uint256,address)", json!([100, "@bob"])),
        (
            "alice",
            "redeem(uint256,address,address)",
            json!([9, "@carol", "@alice"]),
        ),
    ];
    for (from, signature, arguments) in calls {
        world.complete(world.call(from, "vault", signature, arguments));
    }
    world.known("vault").as_mut().unwrap().underlying = None;
    let deposit = world.call(
        "alice",
        "vault",
        "deposit(uint256,address)",
        json!([1, "@bob"]),
    );
    world.incomplete(deposit);
}

/// ERC-721.
pub(super) fn collectible(world: &mut World) {
    let code = own("Collectible");
    world.deploy(
        "nft",
        &code,
        json!(["@admin"]),
        &[Erc721, Mintable, Burnable, Ownable],
    );
    world.deploy("hook", &own("Receiver"), json!([]), &[SmartAccount]);
    for id in 1..=5 {
        world.setup(
            "admin",
            "nft",
            "mint(address,uint256)",
            json!(["@alice", id]),
        );
    }
    let transfer = "safeTransferFrom(address,address,uint256)";
    let calls = [
        (
            "alice",
            "transferFrom(address,address,uint256)",
            json!(["@alice", "@bob", 1]),
        ),
        ("alice", "approve(address,uint256)", json!(["@carol", 2])),
        (
            "carol",
            "transferFrom(address,address,uint256)",
            json!(["@alice", "@carol", 2]),
        ),
        (
            "alice",
            "setApprovalForAll(address,bool)",
            json!(["@dave", true]),
        ),
        ("dave", transfer, json!(["@alice", "@erin", 3])),
        ("dave", "approve(address,uint256)", json!(["@erin", 4])),
        (
            "alice",
            "setApprovalForAll(address,bool)",
            json!(["@dave", false]),
        ),
        ("alice", transfer, json!(["@alice", "@hook", 4])),
        (
            "alice",
            "safeTransferFrom(address,address,uint256,bytes)",
            json!(["@alice", "@bob", 5, "0x"]),
        ),
        ("bob", "burn(uint256)", json!([5])),
        ("admin", "mint(address,uint256)", json!(["@alice", 9])),
        ("admin", "transferOwnership(address)", json!(["@bob"])),
        ("bob", "acceptOwnership()", json!([])),
    ];
    for (from, signature, arguments) in calls {
        world.complete(world.call(from, "nft", signature, arguments));
    }
    world.complete(world.call(
        "bob",
        "nft",
        "safeMint(address,uint256)",
        json!(["@bob", 0]),
    ));
    let with_data = "safeMint(address,uint256,bytes)";
    world.complete(world.call("bob", "nft", with_data, json!(["@bob", 7, "0x"])));
    world.known("hook").as_mut().unwrap().standards.clear();
    world.incomplete(world.call("carol", "nft", transfer, json!(["@carol", "@hook", 2])));
    *world.known("hook") = None;
    let unknown = world.call("alice", "nft", transfer, json!(["@alice", "@hook", 9]));
    world.incomplete(unknown);
}

/// ERC-1155.
pub(super) fn items(world: &mut World) {
    let standards = [Erc1155, Mintable, Burnable, AccessControl];
    world.deploy("items", &own("Items"), json!(["@admin"]), &standards);
    let mint = "mint(address,uint256,uint256,bytes)";
    for id in [1, 2, 3] {
        world.setup("admin", "items", mint, json!(["@alice", id, 100, "0x"]));
    }
    let one = "safeTransferFrom(address,address,uint256,uint256,bytes)";
    let many = "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)";
    let calls = [
        ("alice", one, json!(["@alice", "@bob", 1, 5, "0x"])),
        (
            "alice",
            many,
            json!(["@alice", "@bob", [1, 2, 1], [5, 6, 7], "0x"]),
        ),
        (
            "alice",
            "setApprovalForAll(address,bool)",
            json!(["@carol", true]),
        ),
        ("carol", one, json!(["@alice", "@carol", 3, 1, "0x"])),
        (
            "carol",
            "burn(address,uint256,uint256)",
            json!(["@alice", 3, 2]),
        ),
        (
            "alice",
            "setApprovalForAll(address,bool)",
            json!(["@carol", false]),
        ),
        (
            "alice",
            "burnBatch(address,uint256[],uint256[])",
            json!(["@alice", [1, 2], [3, 4]]),
        ),
        ("admin", mint, json!(["@dave", 4, 40, "0x"])),
        (
            "admin",
            "mintBatch(address,uint256[],uint256[],bytes)",
            json!(["@dave", [4, 5], [40, 50], "0x"]),
        ),
        (
            "admin",
            "grantRole(bytes32,address)",
            json!([MINTER, "@erin"]),
        ),
    ];
    for (from, signature, arguments) in calls {
        world.complete(world.call(from, "items", signature, arguments));
    }
}

/// A proxy whose implementation upgrades it (UUPS, ERC-1967).
pub(super) fn uups(world: &mut World) {
    let code = own("UpgradeableToken");
    let first = world.deploy("first", &code, json!([]), &[]);
    let second = world.deploy("second", &code, json!([]), &[]);
    let initialize = world.data("initialize(address,uint256)", json!(["@admin", 1000]));
    let standards = [Erc20, Mintable, Ownable, Upgradeable];
    let proxy = openzeppelin("ERC1967Proxy");
    world.deploy("proxy", &proxy, json!([first, initialize]), &[]);
    let address = world.at("proxy");
    world.register("token", &address, &code.functions, &standards);
    let upgrade = "upgradeToAndCall(address,bytes)";
    let calls = [
        ("admin", "transfer(address,uint256)", json!(["@bob", 5])),
        ("admin", "mint(address,uint256)", json!(["@bob", 5])),
        ("admin", upgrade, json!([second, "0x"])),
    ];
    for (from, signature, arguments) in calls {
        world.complete(world.call(from, "token", signature, arguments));
    }
    let mint = world.data("mint(address,uint256)", json!(["@bob", 5]));
    world.incomplete(world.call("admin", "token", upgrade, json!([first, mint])));
    let call = world.call(
        "admin",
        "token",
        "transferOwnership(address)",
        json!(["@bob"]),
    );
    world.complete(call);
}

/// A transparent proxy with its administrator, and a beacon.
pub(super) fn transparent(world: &mut World) {
    let code = own("UpgradeableToken");
    let first = world.deploy("first", &code, json!([]), &[]);
    let second = world.deploy("second", &code, json!([]), &[]);
    let initialize = world.data("initialize(address,uint256)", json!(["@admin", 1000]));
    let proxy = openzeppelin("TransparentUpgradeableProxy");
    let arguments = json!([first, "@admin", initialize]);
    let address = world.deploy("raw", &proxy, arguments, &[]);
    world.register(
        "token",
        &address,
        &code.functions,
        &[Erc20, Mintable, Ownable],
    );
    let slot = "0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103";
    let admin = world
        .anvil
        .rpc("eth_getStorageAt", json!([address, slot, "latest"]));
    let admin = format!("0x{}", &admin.as_str().unwrap()[26..]);
    let functions = openzeppelin("ProxyAdmin").functions;
    world.register("proxy admin", &admin, &functions, &[ProxyAdmin, Ownable]);
    world.complete(world.call(
        "admin",
        "token",
        "transfer(address,uint256)",
        json!(["@bob", 5]),
    ));
    let upgrade = "upgradeAndCall(address,address,bytes)";
    let arguments = json!(["@token", second, "0x"]);
    world.complete(world.call("admin", "proxy admin", upgrade, arguments));
    let mint = world.data("mint(address,uint256)", json!(["@bob", 5]));
    world.setup(
        "admin",
        "token",
        "transferOwnership(address)",
        json!(["@proxy admin"]),
    );
    let arguments = json!(["@token", first, mint]);
    world.incomplete(world.call("admin", "proxy admin", upgrade, arguments));
    let call = world.call(
        "admin",
        "proxy admin",
        "transferOwnership(address)",
        json!(["@bob"]),
    );
    world.complete(call);
    let beacon = openzeppelin("UpgradeableBeacon");
    world.deploy(
        "beacon",
        &beacon,
        json!([first, "@admin"]),
        &[Upgradeable, Ownable],
    );
    world.complete(world.call("admin", "beacon", "upgradeTo(address)", json!([second])));
}

/// A timelock.
pub(super) fn timelock(world: &mut World) {
    deploy_role_token(world);
    let code = openzeppelin("TimelockController");
    let arguments = json!([0, ["@alice"], ["@bob"], "@admin"]);
    world.deploy("timelock", &code, arguments, &[Timelock, AccessControl]);
    world.setup(
        "admin",
        "token",
        "mint(address,uint256)",
        json!(["@timelock", 100]),
    );
    let transfer = world.data("transfer(address,uint256)", json!(["@carol", 5]));
    let schedule = "schedule(address,uint256,bytes,bytes32,bytes32,uint256)";
    let execute = "execute(address,uint256,bytes,bytes32,bytes32)";
    let operation = json!(["@token", 0, transfer, ADMIN, ADMIN]);
    let mut scheduled = operation.clone();
    scheduled.as_array_mut().unwrap().push(json!(0));
    world.complete(world.call("alice", "timelock", schedule, scheduled));
    world.complete(world.call("bob", "timelock", execute, operation));
    let batch = "executeBatch(address[],uint256[],bytes[],bytes32,bytes32)";
    let delay = world.data("updateDelay(uint256)", json!([9]));
    let operation = json!([
        ["@token", "@timelock"],
        [0, 0],
        [transfer, delay],
        ADMIN,
        ADMIN
    ]);
    let mut scheduled = operation.clone();
    scheduled.as_array_mut().unwrap().push(json!(0));
    let schedule = "scheduleBatch(address[],uint256[],bytes[],bytes32,bytes32,uint256)";
    world.complete(world.call("alice", "timelock", schedule, scheduled));
    world.complete(world.call("bob", "timelock", batch, operation));
    let schedule = "schedule(address,uint256,bytes,bytes32,bytes32,uint256)";
    let salted = json!(["@token", 0, transfer, ADMIN, MINTER, 9]);
    world.complete(world.call("alice", "timelock", schedule, salted));
    let hash = "hashOperation(address,uint256,bytes,bytes32,bytes32)";
    let id = json!(["@token", 0, transfer, ADMIN, MINTER]);
    let id = world.read("timelock", hash, id);
    world.complete(world.call("alice", "timelock", "cancel(bytes32)", json!([id])));
    let proposer = "0xb09aa5aeb3702cfd50b6b62bc4532604938f21248a27a1d5ca736082b6819cc1";
    let grant = json!([proposer, "@dave"]);
    world.complete(world.call("admin", "timelock", "grantRole(bytes32,address)", grant));
}

/// The chain's coin as a token.
pub(super) fn wrapped_coin(world: &mut World) {
    world.deploy("wrapped", &own("WrappedCoin"), json!([]), &[Weth]);
    world.complete(
        world
            .call("alice", "wrapped", "deposit()", json!([]))
            .value(100),
    );
    world.complete(world.payment("alice", "wrapped", 20));
    let calls = [
        ("alice", "transfer(address,uint256)", json!(["@bob", 5])),
        ("alice", "approve(address,uint256)", json!(["@bob", 5])),
        (
            "bob",
            "transferFrom(address,address,uint256)",
            json!(["@alice", "@bob", 5]),
        ),
        ("alice", "withdraw(uint256)", json!([30])),
    ];
    for (from, signature, arguments) in calls {
        world.complete(world.call(from, "wrapped", signature, arguments));
    }
    *world.known("wrapped") = None;
    world.incomplete(world.payment("alice", "wrapped", 20));
}

/// A vesting wallet: a payment to code.
pub(super) fn vesting_wallet(world: &mut World) {
    let code = openzeppelin("VestingWallet");
    world.deploy("wallet", &code, json!(["@alice", 0, 1]), &[Ownable]);
    world.incomplete(world.payment("bob", "wallet", 20));
    world.incomplete(world.call("carol", "wallet", "release()", json!([])));
    world.complete(world.call(
        "alice",
        "wallet",
        "transferOwnership(address)",
        json!(["@bob"]),
    ));
}
