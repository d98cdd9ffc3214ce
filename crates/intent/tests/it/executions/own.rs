//! Standards without a maintained implementation: ERC-223, ERC-677, ERC-1400, ERC-3009, ERC-7943,
//! and batches of an account (ERC-7821, EIP-7702).

use super::code::{openzeppelin, own};
use super::facts::partition;
use super::world::{CHAIN, World};
use intent::Standard::*;
use serde_json::{Value, json};

const MAX: &str = "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";

/// ERC-677 and ERC-223.
pub(super) fn calling_token(world: &mut World) {
    let code = own("CallingToken");
    world.deploy("token", &code, json!(["@alice"]), &[Erc20, Erc223, Erc677]);
    let with_data = "transfer(address,uint256,bytes)";
    let and_call = "transferAndCall(address,uint256,bytes)";
    for signature in [with_data, and_call] {
        world.complete(world.call("alice", "token", signature, json!(["@bob", 5, "0x"])));
    }
    world.deploy("hook", &own("Receiver"), json!([]), &[]);
    world.setup(
        "alice",
        "token",
        "approve(address,uint256)",
        json!(["@hook", MAX]),
    );
    let words = world.data(
        "f(address,address,address,uint256)",
        json!(["@token", "@alice", "@erin", 9]),
    );
    let words = format!("0x{}", &words[10..]);
    for signature in [with_data, and_call] {
        world.incomplete(world.call("alice", "token", signature, json!(["@hook", 5, words])));
    }
}

/// ERC-3009.
pub(super) fn authorized_token(world: &mut World) {
    world.deploy(
        "token",
        &own("AuthorizedToken"),
        json!(["@alice"]),
        &[Erc20, Erc3009],
    );
    let words = "address,address,uint256,uint256,uint256,bytes32";
    let kinds = [
        (
            "transferWithAuthorization",
            "TransferWithAuthorization",
            "@bob",
        ),
        (
            "receiveWithAuthorization",
            "ReceiveWithAuthorization",
            "@carol",
        ),
    ];
    let mut nonce = 0;
    for (function, kind, to) in kinds {
        for end in ["uint8,bytes32,bytes32", "bytes"] {
            let hash = format!("0x{nonce:064x}");
            let signed = signed(world, &authorization(kind, to, &hash), end);
            let mut arguments = vec![json!("@alice"), json!(to), json!(5), json!(0)];
            arguments.extend([json!(MAX_TIME), json!(hash)]);
            arguments.extend(signed);
            let signature = format!("{function}({words},{end})");
            world.complete(world.call("carol", "token", &signature, json!(arguments)));
            nonce += 1;
        }
    }
    for end in ["uint8,bytes32,bytes32", "bytes"] {
        let hash = format!("0x{nonce:064x}");
        let signed = signed(world, &cancellation(&hash), end);
        let arguments: Vec<Value> = [json!("@alice"), json!(hash)]
            .into_iter()
            .chain(signed)
            .collect();
        let signature = format!("cancelAuthorization(address,bytes32,{end})");
        world.complete(world.call("carol", "token", &signature, json!(arguments)));
        nonce += 1;
    }
}

/// A signature by alice as three values, or as bytes.
fn signed(world: &World, data: &Value, end: &str) -> Vec<Value> {
    match end {
        "bytes" => vec![json!(world.packed("alice", data))],
        _ => world.typed("alice", data).to_vec(),
    }
}

pub(super) const MAX_TIME: u64 = 1 << 40;

fn authorization(kind: &str, to: &str, nonce: &str) -> Value {
    let names = ["from", "to", "value", "validAfter", "validBefore", "nonce"];
    let types = [
        "address", "address", "uint256", "uint256", "uint256", "bytes32",
    ];
    let values = [
        json!("@alice"),
        json!(to),
        json!(5),
        json!(0),
        json!(MAX_TIME),
        json!(nonce),
    ];
    typed(kind, &names, &types, &values)
}

fn cancellation(nonce: &str) -> Value {
    let values = [json!("@alice"), json!(nonce)];
    typed(
        "CancelAuthorization",
        &["authorizer", "nonce"],
        &["address", "bytes32"],
        &values,
    )
}

fn typed(kind: &str, names: &[&str], types: &[&str], values: &[Value]) -> Value {
    let fields: Vec<Value> = names
        .iter()
        .zip(types)
        .map(|(name, ty)| json!({"name": name, "type": ty}))
        .collect();
    let message = names
        .iter()
        .map(|name| (*name).to_owned())
        .zip(values.iter().cloned());
    json!({
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"}, {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"}, {"name": "verifyingContract", "type": "address"}
            ],
            kind: fields,
        },
        "primaryType": kind,
        "domain": {
            "name": "Authorized token", "version": "1", "chainId": CHAIN, "verifyingContract": "@token"
        },
        "message": message.collect::<serde_json::Map<_, _>>(),
    })
}

/// ERC-1400.
pub(super) fn partition_token(world: &mut World) {
    let code = own("PartitionToken");
    let standards = [Erc20, Erc1400, Ownable];
    world.deploy("token", &code, json!(["@admin", "@erin"]), &standards);
    let default = json!(partition("default").to_string());
    let reserved = json!(partition("reserved").to_string());
    let by_partition = "issueByPartition(bytes32,address,uint256,bytes)";
    world.setup(
        "admin",
        "token",
        by_partition,
        json!([default, "@alice", 1000, "0x"]),
    );
    world.setup(
        "admin",
        "token",
        by_partition,
        json!([reserved, "@alice", 1000, "0x"]),
    );
    let operator_transfer =
        "operatorTransferByPartition(bytes32,address,address,uint256,bytes,bytes)";
    let calls = [
        ("alice", "transfer(address,uint256)", json!(["@bob", 5])),
        ("alice", "approve(address,uint256)", json!(["@bob", 50])),
        (
            "bob",
            "transferFrom(address,address,uint256)",
            json!(["@alice", "@carol", 7]),
        ),
        (
            "alice",
            "transferWithData(address,uint256,bytes)",
            json!(["@bob", 5, "0x"]),
        ),
        (
            "bob",
            "transferFromWithData(address,address,uint256,bytes)",
            json!(["@alice", "@bob", 5, "0x"]),
        ),
        (
            "alice",
            "transferByPartition(bytes32,address,uint256,bytes)",
            json!([reserved, "@bob", 6, "0x"]),
        ),
        ("alice", "authorizeOperator(address)", json!(["@dave"])),
        (
            "dave",
            operator_transfer,
            json!([reserved, "@alice", "@bob", 6, "0x", "0x"]),
        ),
        ("alice", "revokeOperator(address)", json!(["@dave"])),
        (
            "alice",
            "authorizeOperatorByPartition(bytes32,address)",
            json!([reserved, "@dave"]),
        ),
        (
            "dave",
            "operatorRedeemByPartition(bytes32,address,uint256,bytes)",
            json!([reserved, "@alice", 6, "0x"]),
        ),
        (
            "dave",
            "operatorRedeemByPartition(bytes32,address,uint256,bytes,bytes)",
            json!([reserved, "@alice", 6, "0x", "0x"]),
        ),
        (
            "alice",
            "revokeOperatorByPartition(bytes32,address)",
            json!([reserved, "@dave"]),
        ),
        (
            "admin",
            "issue(address,uint256,bytes)",
            json!(["@dave", 9, "0x"]),
        ),
        ("admin", by_partition, json!([reserved, "@dave", 9, "0x"])),
        ("alice", "redeem(uint256,bytes)", json!([3, "0x"])),
        (
            "bob",
            "redeemFrom(address,uint256,bytes)",
            json!(["@alice", 3, "0x"]),
        ),
        (
            "alice",
            "redeemByPartition(bytes32,uint256,bytes)",
            json!([reserved, 3, "0x"]),
        ),
        (
            "erin",
            "controllerTransfer(address,address,uint256,bytes,bytes)",
            json!(["@alice", "@carol", 3, "0x", "0x"]),
        ),
        (
            "erin",
            "controllerRedeem(address,uint256,bytes,bytes)",
            json!(["@alice", 3, "0x", "0x"]),
        ),
        (
            "admin",
            "setDocument(bytes32,string,bytes32)",
            json!([default, "https://example.org", reserved]),
        ),
        ("admin", "removeDocument(bytes32)", json!([default])),
        (
            "alice",
            "approveByPartition(bytes32,address,uint256)",
            json!([reserved, "@bob", 6]),
        ),
        (
            "admin",
            "setControllers(address[])",
            json!([["@dave", "@carol"]]),
        ),
        ("admin", "renounceControl()", json!([])),
        ("admin", "renounceIssuance()", json!([])),
        ("admin", "transferOwnership(address)", json!(["@bob"])),
    ];
    for (from, signature, arguments) in calls {
        world.complete(world.call(from, "token", signature, arguments));
    }
}

/// ERC-7943 for non-fungible tokens and multi-tokens, whose calls have other arguments.
pub(super) fn restricted_collections(world: &mut World) {
    let code = own("RestrictedCollectible");
    world.deploy("nft", &code, json!(["@admin"]), &[Erc721, Erc7943, Ownable]);
    let freeze = "setFrozenTokens(address,uint256,bool)";
    let calls = [
        (
            "admin",
            "transferFrom(address,address,uint256)",
            json!(["@admin", "@alice", 1]),
        ),
        ("admin", freeze, json!(["@admin", 2, true])),
        ("admin", freeze, json!(["@admin", 2, false])),
        (
            "admin",
            "forcedTransfer(address,address,uint256)",
            json!(["@alice", "@bob", 1]),
        ),
    ];
    for (from, signature, arguments) in calls {
        world.complete(world.call(from, "nft", signature, arguments));
    }
    let code = own("RestrictedItems");
    world.deploy(
        "items",
        &code,
        json!(["@admin"]),
        &[Erc1155, Erc7943, Ownable],
    );
    let transfer = "safeTransferFrom(address,address,uint256,uint256,bytes)";
    let forced = "forcedTransfer(address,address,uint256,uint256)";
    let calls = [
        ("admin", transfer, json!(["@admin", "@alice", 1, 50, "0x"])),
        (
            "admin",
            "setFrozenTokens(address,uint256,uint256)",
            json!(["@alice", 1, 40]),
        ),
        ("admin", forced, json!(["@alice", "@bob", 1, 20])),
    ];
    for (from, signature, arguments) in calls {
        world.complete(world.call(from, "items", signature, arguments));
    }
}

/// ERC-7943.
pub(super) fn restricted_token(world: &mut World) {
    let code = own("RestrictedToken");
    let standards = [Erc20, Erc7943, Mintable, AccessControl];
    world.deploy("token", &code, json!(["@admin"]), &standards);
    world.setup(
        "admin",
        "token",
        "mint(address,uint256)",
        json!(["@alice", 100]),
    );
    let calls = [
        ("alice", "transfer(address,uint256)", json!(["@bob", 5])),
        (
            "admin",
            "setFrozenTokens(address,uint256)",
            json!(["@alice", 60]),
        ),
        (
            "admin",
            "forcedTransfer(address,address,uint256)",
            json!(["@alice", "@bob", 10]),
        ),
        // It also reduces what is frozen.
        (
            "admin",
            "forcedTransfer(address,address,uint256)",
            json!(["@alice", "@bob", 40]),
        ),
        (
            "admin",
            "setFrozenTokens(address,uint256)",
            json!(["@alice", 0]),
        ),
        ("admin", "mint(address,uint256)", json!(["@carol", 7])),
    ];
    for (from, signature, arguments) in calls {
        world.complete(world.call(from, "token", signature, arguments));
    }
}

/// ERC-7821 by an account with EIP-7702.
pub(super) fn delegate(world: &mut World) {
    let code = own("Delegate");
    world.deploy("delegate", &code, json!([]), &[SmartAccount]);
    world.deploy(
        "token",
        &own("AuthorizedToken"),
        json!(["@alice"]),
        &[Erc20, Erc3009],
    );
    let (alice, delegate) = (world.at("alice"), world.at("delegate"));
    let nonce = world.anvil.nonce(&alice);
    let delegation = world
        .payment("bob", "carol", 1)
        .authorize(&alice, &delegate, nonce);
    world.complete(delegation);
    world.register("alice's account", &alice, &code.functions, &[SmartAccount]);
    let transfer = world.data("transfer(address,uint256)", json!(["@bob", 5]));
    let approve = world.data("approve(address,uint256)", json!(["@carol", 5]));
    let calls = json!([
        ["@token", 0, transfer],
        ["@token", 0, approve],
        ["@dave", 7, "0x"]
    ]);
    let batch = world.data("f((address,uint256,bytes)[])", json!([calls]));
    let batch = format!("0x{}", &batch[10..]);
    let mode = format!("0x{:0<64}", "01");
    let execute = "execute(bytes32,bytes)";
    world.complete(world.call("alice", "alice", execute, json!([mode, batch])));
    // The code of the account is another one before the call.
    let nonce = world.anvil.nonce(&alice) + 1;
    let call = world.call("alice", "alice", execute, json!([mode, batch]));
    world.incomplete(call.authorize(&alice, &delegate, nonce));
    let nonce = world.anvil.nonce(&alice);
    let end = world
        .payment("bob", "carol", 1)
        .authorize(&alice, ZERO, nonce);
    world.either(end.label("end of a delegation"));
    let (bob, token) = (world.at("bob"), world.at("token"));
    let nonce = world.anvil.nonce(&bob);
    let call = world
        .payment("carol", "dave", 1)
        .authorize(&bob, &delegate, nonce);
    world.incomplete(call.on_every_chain().label("delegation on every chain"));
    let nonce = world.anvil.nonce(&bob);
    let call = world
        .payment("carol", "dave", 1)
        .authorize(&bob, &token, nonce);
    world.incomplete(call.label("delegation to a token"));
}

const ZERO: &str = "0x0000000000000000000000000000000000000000";

/// ERC-7579, and the batches of older accounts, by an account with EIP-7702.
pub(super) fn modular_account(world: &mut World) {
    let code = own("ModularAccount");
    world.deploy("delegate", &code, json!([]), &[SmartAccount]);
    world.deploy(
        "token",
        &own("AuthorizedToken"),
        json!(["@alice"]),
        &[Erc20, Erc3009],
    );
    world.deploy("module", &own("AccountModule"), json!([]), &[]);
    let (alice, delegate) = (world.at("alice"), world.at("delegate"));
    let nonce = world.anvil.nonce(&alice);
    world.complete(
        world
            .payment("bob", "carol", 1)
            .authorize(&alice, &delegate, nonce),
    );
    world.register("alice's account", &alice, &code.functions, &[SmartAccount]);
    let transfer = world.data("transfer(address,uint256)", json!(["@bob", 5]));
    let approve = world.data("approve(address,uint256)", json!(["@carol", 5]));
    let calls = json!([
        ["@token", 0, transfer],
        ["@token", 0, approve],
        ["@dave", 7, "0x"]
    ]);
    let batch = world.data("f((address,uint256,bytes)[])", json!([calls]));
    let batch = format!("0x{}", &batch[10..]);
    let token = world.at("token");
    let single = format!("{token}{:064x}{}", 0, &transfer[2..]);
    let mode = |call: &str| format!("0x{call:0<64}");
    let targets = json!(["@token", "@token"]);
    let datas = json!([transfer, approve]);
    let executor = json!([2, "@module", "0x"]);
    let calls = [
        ("execute(bytes32,bytes)", json!([mode("00"), single])),
        ("execute(bytes32,bytes)", json!([mode("01"), batch])),
        ("execute(bytes32,bytes)", json!([mode("0101"), batch])),
        ("execute((address,uint256,bytes)[])", json!([calls])),
        ("executeBatch(address[],bytes[])", json!([targets, datas])),
        (
            "executeBatch(address[],uint256[],bytes[])",
            json!([targets, [0, 0], datas]),
        ),
        ("installModule(uint256,address,bytes)", executor.clone()),
    ];
    for (signature, arguments) in calls {
        world.complete(world.call("alice", "alice", signature, arguments));
    }
    let execute = "executeFromExecutor(bytes32,bytes)";
    let call = world.call("module", "alice", execute, json!([mode("00"), single]));
    world.complete(call);
    let call = world.call(
        "alice",
        "alice",
        "uninstallModule(uint256,address,bytes)",
        executor,
    );
    world.complete(call);
    let execute = "execute(bytes32,bytes)";
    let delegated = format!("{token}{}", &approve[2..]);
    let call = world.call("alice", "alice", execute, json!([mode("ff"), delegated]));
    world.incomplete(call.label("execute: delegated"));
    // The zero address is the account itself.
    let calls = json!([[ZERO, 7, "0x"], ["@token", 0, transfer]]);
    let batch = world.data("f((address,uint256,bytes)[])", json!([calls]));
    let batch = format!("0x{}", &batch[10..]);
    let call = world.call("alice", "alice", execute, json!([mode("01"), batch]));
    world.incomplete(call.label("execute: the zero address"));
}

/// A forwarder (ERC-2771): the receiver sees the account that signed.
pub(super) fn forwarder(world: &mut World) {
    let code = openzeppelin("ERC2771Forwarder");
    world.deploy("forwarder", &code, json!(["Forwarder"]), &[Forwarder]);
    let token = own("ForwardedToken");
    world.deploy("token", &token, json!(["@forwarder", "@alice"]), &[Erc20]);
    let transfer = world.data("transfer(address,uint256)", json!(["@bob", 5]));
    let names = ["from", "to", "value", "gas", "nonce", "deadline", "data"];
    let types = [
        "address", "address", "uint256", "uint256", "uint256", "uint48", "bytes",
    ];
    let values = json!(["@alice", "@token", 0, 100_000, 0, MAX_TIME, transfer]);
    let mut data = typed("ForwardRequest", &names, &types, values.as_array().unwrap());
    data["domain"]["name"] = json!("Forwarder");
    data["domain"]["verifyingContract"] = json!("@forwarder");
    let signed = world.packed("alice", &data);
    let request = json!(["@alice", "@token", 0, 100_000, MAX_TIME, transfer, signed]);
    let execute = "execute((address,address,uint256,uint256,uint48,bytes,bytes))";
    world.either(world.call("carol", "forwarder", execute, json!([request])));
}
