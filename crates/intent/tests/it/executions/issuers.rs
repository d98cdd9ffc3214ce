//! Tokens with the rules of their issuers: two-step administrators, and the calls of DAI, USDC and
//! USDT.

use super::code::{own, published};
use super::own::MAX_TIME;
use super::world::{CHAIN, World};
use intent::Standard::*;
use serde_json::{Value, json};

/// An administrator of roles who is replaced in two steps.
pub(super) fn guarded_token(world: &mut World) {
    world.deploy(
        "token",
        &own("GuardedToken"),
        json!(["@admin"]),
        &[Erc20, AccessControl],
    );
    let begin = "beginDefaultAdminTransfer(address)";
    let calls = [
        ("admin", begin, json!(["@bob"])),
        ("admin", "cancelDefaultAdminTransfer()", json!([])),
        ("admin", begin, json!(["@carol"])),
        ("carol", "acceptDefaultAdminTransfer()", json!([])),
        ("carol", "changeDefaultAdminDelay(uint48)", json!([60])),
        ("carol", "rollbackDefaultAdminDelay()", json!([])),
    ];
    for (from, signature, arguments) in calls {
        // The transfer is accepted in a later second than it began.
        world.anvil.rpc("evm_increaseTime", json!([5]));
        world.complete(world.call(from, "token", signature, arguments));
    }
}

/// `permit` of DAI.
pub(super) fn dai_token(world: &mut World) {
    world.deploy(
        "token",
        &own("DaiToken"),
        json!(["@alice"]),
        &[Erc20, DaiPermit],
    );
    for (nonce, allowed) in [(0, true), (1, false)] {
        let data = dai_permit(nonce, allowed);
        let [v, r, s] = world.typed("alice", &data);
        let signature = "permit(address,address,uint256,uint256,bool,uint8,bytes32,bytes32)";
        let arguments = json!(["@alice", "@bob", nonce, MAX_TIME, allowed, v, r, s]);
        world.complete(world.call("carol", "token", signature, arguments));
    }
}

fn dai_permit(nonce: u64, allowed: bool) -> Value {
    json!({
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"}, {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"}, {"name": "verifyingContract", "type": "address"}
            ],
            "Permit": [
                {"name": "holder", "type": "address"}, {"name": "spender", "type": "address"},
                {"name": "nonce", "type": "uint256"}, {"name": "expiry", "type": "uint256"},
                {"name": "allowed", "type": "bool"}
            ]
        },
        "primaryType": "Permit",
        "domain": {
            "name": "Dai token", "version": "1", "chainId": CHAIN, "verifyingContract": "@token"
        },
        "message": {
            "holder": "@alice", "spender": "@bob", "nonce": nonce, "expiry": MAX_TIME,
            "allowed": allowed
        }
    })
}

/// The calls of USDC.
pub(super) fn fiat_token(world: &mut World) {
    let standards = [Erc20, FiatToken, Mintable, Burnable, Pausable, Ownable];
    world.deploy("token", &own("FiatToken"), json!(["@admin"]), &standards);
    world.deploy(
        "other",
        &own("AuthorizedToken"),
        json!(["@alice"]),
        &[Erc20],
    );
    world.setup(
        "alice",
        "other",
        "transfer(address,uint256)",
        json!(["@token", 100]),
    );
    let calls = [
        (
            "admin",
            "configureMinter(address,uint256)",
            json!(["@bob", 1000]),
        ),
        ("bob", "mint(address,uint256)", json!(["@alice", 400])),
        ("bob", "mint(address,uint256)", json!(["@bob", 40])),
        ("bob", "burn(uint256)", json!([30])),
        ("admin", "removeMinter(address)", json!(["@bob"])),
        ("alice", "transfer(address,uint256)", json!(["@bob", 5])),
        ("admin", "blacklist(address)", json!(["@alice"])),
        ("admin", "unBlacklist(address)", json!(["@alice"])),
        ("admin", "pause()", json!([])),
        ("admin", "unpause()", json!([])),
        (
            "admin",
            "rescueERC20(address,address,uint256)",
            json!(["@other", "@dave", 60]),
        ),
        ("admin", "updateMasterMinter(address)", json!(["@bob"])),
        ("admin", "updatePauser(address)", json!(["@bob"])),
        ("admin", "updateBlacklister(address)", json!(["@bob"])),
        ("admin", "updateRescuer(address)", json!(["@bob"])),
        ("admin", "transferOwnership(address)", json!(["@bob"])),
    ];
    for (from, signature, arguments) in calls {
        world.complete(world.call(from, "token", signature, arguments));
    }
}

/// The calls of USDT, which may charge a fee.
pub(super) fn tether_token(world: &mut World) {
    let standards = [Erc20, TetherToken, Pausable, Ownable];
    world.deploy("token", &own("TetherToken"), json!(["@admin"]), &standards);
    world.setup(
        "admin",
        "token",
        "transfer(address,uint256)",
        json!(["@alice", 10_000]),
    );
    let calls = [
        ("admin", "issue(uint256)", json!([50])),
        ("admin", "redeem(uint256)", json!([20])),
        ("admin", "addBlackList(address)", json!(["@alice"])),
        ("admin", "removeBlackList(address)", json!(["@alice"])),
        ("admin", "setParams(uint256,uint256)", json!([10, 40])),
        ("admin", "deprecate(address)", json!(["@bob"])),
    ];
    for (from, signature, arguments) in calls {
        world.complete(world.call(from, "token", signature, arguments));
    }
    // The owner gets a part.
    world.either(world.call(
        "alice",
        "token",
        "transfer(address,uint256)",
        json!(["@bob", 5000]),
    ));
    world.setup("admin", "token", "addBlackList(address)", json!(["@bob"]));
    world.complete(world.call(
        "admin",
        "token",
        "destroyBlackFunds(address)",
        json!(["@bob"]),
    ));
}

/// Proxies as they were before version 5 of OpenZeppelin's library.
pub(super) fn older_proxies(world: &mut World) {
    let code = own("UpgradeableToken");
    let first = world.deploy("first", &code, json!([]), &[]);
    let second = world.deploy("second", &code, json!([]), &[]);
    let admin = published("ProxyAdmin");
    world.deploy("proxy admin", &admin, json!([]), &[ProxyAdmin, Ownable]);
    let proxy = published("TransparentUpgradeableProxy");
    for (name, owner) in [("proxy", "@proxy admin"), ("other", "@carol")] {
        world.deploy(name, &proxy, json!([first, owner, "0x"]), &[Upgradeable]);
    }
    let calls = [
        (
            "admin",
            "proxy admin",
            "upgrade(address,address)",
            json!(["@proxy", second]),
        ),
        (
            "admin",
            "proxy admin",
            "changeProxyAdmin(address,address)",
            json!(["@proxy", "@bob"]),
        ),
        ("carol", "other", "upgradeTo(address)", json!([second])),
        ("carol", "other", "changeAdmin(address)", json!(["@dave"])),
    ];
    for (from, to, signature, arguments) in calls {
        world.complete(world.call(from, to, signature, arguments));
    }
    let with_data = "upgradeToAndCall(address,bytes)";
    let name = world.data("name()", json!([]));
    world.incomplete(world.call("bob", "proxy", with_data, json!([first, name])));
}

/// The forwarder of version 4 of OpenZeppelin's library, which does not ask the receiver.
pub(super) fn minimal_forwarder(world: &mut World) {
    world.deploy(
        "forwarder",
        &published("MinimalForwarder"),
        json!([]),
        &[Forwarder],
    );
    let token = own("ForwardedToken");
    world.deploy("token", &token, json!(["@forwarder", "@alice"]), &[Erc20]);
    world.deploy(
        "other",
        &own("AuthorizedToken"),
        json!(["@forwarder"]),
        &[Erc20],
    );
    let transfer = world.data("transfer(address,uint256)", json!(["@bob", 5]));
    for (nonce, token) in ["@token", "@other"].into_iter().enumerate() {
        let data = forward_request(token, nonce, &transfer);
        let signed = world.packed("alice", &data);
        let request = json!(["@alice", token, 0, 100_000, nonce, transfer]);
        let execute = "execute((address,address,uint256,uint256,uint256,bytes),bytes)";
        // The second receiver does not trust the forwarder: it moves the forwarder's tokens.
        world.either(world.call("carol", "forwarder", execute, json!([request, signed])));
    }
}

fn forward_request(to: &str, nonce: usize, data: &str) -> Value {
    json!({
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"}, {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"}, {"name": "verifyingContract", "type": "address"}
            ],
            "ForwardRequest": [
                {"name": "from", "type": "address"}, {"name": "to", "type": "address"},
                {"name": "value", "type": "uint256"}, {"name": "gas", "type": "uint256"},
                {"name": "nonce", "type": "uint256"}, {"name": "data", "type": "bytes"}
            ]
        },
        "primaryType": "ForwardRequest",
        "domain": {
            "name": "MinimalForwarder", "version": "0.0.1", "chainId": CHAIN,
            "verifyingContract": "@forwarder"
        },
        "message": {
            "from": "@alice", "to": to, "value": 0, "gas": 100_000, "nonce": nonce, "data": data
        }
    })
}

/// Multicall3, which calls in its own name and pays with what it gets.
pub(super) fn multicall3(world: &mut World) {
    world.deploy("batcher", &own("Batcher"), json!([]), &[Multicall3]);
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
        json!(["@batcher", 100]),
    );
    let transfer = world.data("transfer(address,uint256)", json!(["@bob", 5]));
    let too_much = world.data("transfer(address,uint256)", json!(["@bob", 500]));
    let calls = json!([["@token", false, transfer], ["@token", false, transfer]]);
    let aggregate = "aggregate3((address,bool,bytes)[])";
    world.complete(world.call("carol", "batcher", aggregate, json!([calls])));
    let calls = json!([["@token", true, transfer], ["@token", true, too_much]]);
    world.attempt(world.call("carol", "batcher", aggregate, json!([calls])));
    let calls = json!([["@token", false, 0, transfer], ["@dave", false, 7, "0x"]]);
    let aggregate = "aggregate3Value((address,bool,uint256,bytes)[])";
    world.complete(
        world
            .call("carol", "batcher", aggregate, json!([calls]))
            .value(7),
    );
}
