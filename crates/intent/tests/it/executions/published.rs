//! Contracts of published packages: tokens, exchanges, governance.

use super::code::{Functions, own, published};
use super::world::{CHAIN, World};
use super::{issuers, suites};
use intent::Standard::*;
use serde_json::{Value, json};

const MAX: &str = "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
const MINTER: &str = "0x9f2df0fed2c77648de5860a4cc508cd0818c85b8b8a1ab4ceeef8d981c8956a6";
const ZERO: &str = "0x0000000000000000000000000000000000000000";
/// Later than any block.
const DEADLINE: u64 = 1 << 40;

pub(super) const SCENARIOS: &[super::Scenario] = &[
    ("WETH9", weth9),
    ("ERC20PresetMinterPauser", fungible_preset),
    ("ERC721PresetMinterPauser", collectible_preset),
    ("ERC1155PresetMinterPauser", items_preset),
    ("L2StandardERC20", bridged_token),
    ("ERC777PresetFixedSupply", operator_token),
    ("ZRXToken, 0x Exchange", zero_ex),
    ("Uniswap V2", uniswap),
    ("UNI, Compound timelock", governance),
    ("Permit2", permit2),
    ("Multicall2", multicall2),
    ("OpenZeppelin 4 proxies", issuers::older_proxies),
    ("MinimalForwarder", issuers::minimal_forwarder),
    ("T-REX", suites::trex),
    ("Safe", suites::safe),
    ("EntryPoint, SimpleAccount", suites::account_abstraction),
];

fn complete(world: &mut World, contract: &str, calls: Vec<(&str, &str, Value)>) {
    for (from, signature, arguments) in calls {
        world.complete(world.call(from, contract, signature, arguments));
    }
}

fn weth9(world: &mut World) {
    world.deploy("weth", &published("WETH9"), json!([]), &[Weth]);
    world.complete(
        world
            .call("alice", "weth", "deposit()", json!([]))
            .value(100),
    );
    world.complete(world.payment("alice", "weth", 20));
    let calls = vec![
        ("alice", "transfer(address,uint256)", json!(["@bob", 5])),
        ("alice", "approve(address,uint256)", json!(["@bob", 7])),
        (
            "bob",
            "transferFrom(address,address,uint256)",
            json!(["@alice", "@carol", 6]),
        ),
        ("alice", "withdraw(uint256)", json!([30])),
    ];
    complete(world, "weth", calls);
    let unknown = world.call(
        "alice",
        "weth",
        "allowance(address,address)",
        json!(["@bob", "@bob"]),
    );
    // The fallback of WETH9 takes any data as a deposit.
    world.incomplete(
        world
            .call("alice", "weth", "anything()", json!([]))
            .value(3),
    );
    world.incomplete(unknown);
}

fn fungible_preset(world: &mut World) {
    let standards = [Erc20, Mintable, Burnable, Pausable, AccessControl];
    let code = published("ERC20PresetMinterPauser");
    world.deploy("token", &code, json!(["Token", "TOK"]), &standards);
    let calls = vec![
        ("admin", "mint(address,uint256)", json!(["@alice", 100])),
        ("alice", "transfer(address,uint256)", json!(["@bob", 5])),
        (
            "alice",
            "increaseAllowance(address,uint256)",
            json!(["@bob", 9]),
        ),
        (
            "alice",
            "increaseAllowance(address,uint256)",
            json!(["@bob", 9]),
        ),
        (
            "bob",
            "transferFrom(address,address,uint256)",
            json!(["@alice", "@carol", 6]),
        ),
        ("bob", "burnFrom(address,uint256)", json!(["@alice", 6])),
        (
            "alice",
            "decreaseAllowance(address,uint256)",
            json!(["@bob", 1]),
        ),
        ("alice", "burn(uint256)", json!([6])),
        (
            "admin",
            "grantRole(bytes32,address)",
            json!([MINTER, "@bob"]),
        ),
        (
            "admin",
            "revokeRole(bytes32,address)",
            json!([MINTER, "@bob"]),
        ),
        ("admin", "pause()", json!([])),
        ("admin", "unpause()", json!([])),
    ];
    complete(world, "token", calls);
}

fn collectible_preset(world: &mut World) {
    let standards = [Erc721, Burnable, Pausable, AccessControl];
    let code = published("ERC721PresetMinterPauserAutoId");
    world.deploy("nft", &code, json!(["Token", "TOK", ""]), &standards);
    for _ in 0..4 {
        world.setup("admin", "nft", "mint(address)", json!(["@alice"]));
    }
    let safe = "safeTransferFrom(address,address,uint256)";
    let calls = vec![
        (
            "alice",
            "transferFrom(address,address,uint256)",
            json!(["@alice", "@bob", 0]),
        ),
        ("alice", safe, json!(["@alice", "@bob", 1])),
        ("alice", "approve(address,uint256)", json!(["@carol", 2])),
        ("carol", safe, json!(["@alice", "@carol", 2])),
        (
            "bob",
            "setApprovalForAll(address,bool)",
            json!(["@dave", true]),
        ),
        ("bob", "burn(uint256)", json!([0])),
        ("admin", "pause()", json!([])),
        ("admin", "unpause()", json!([])),
    ];
    complete(world, "nft", calls);
    // The id is the contract's.
    world.either(world.call("admin", "nft", "mint(address)", json!(["@bob"])));
}

fn items_preset(world: &mut World) {
    let standards = [Erc1155, Mintable, Burnable, Pausable, AccessControl];
    let code = published("ERC1155PresetMinterPauser");
    world.deploy("items", &code, json!([""]), &standards);
    let calls = vec![
        (
            "admin",
            "mint(address,uint256,uint256,bytes)",
            json!(["@alice", 1, 100, "0x"]),
        ),
        (
            "admin",
            "mintBatch(address,uint256[],uint256[],bytes)",
            json!(["@alice", [2, 3], [100, 100], "0x"]),
        ),
        (
            "alice",
            "safeTransferFrom(address,address,uint256,uint256,bytes)",
            json!(["@alice", "@bob", 1, 5, "0x"]),
        ),
        (
            "alice",
            "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)",
            json!(["@alice", "@bob", [1, 2], [5, 6], "0x"]),
        ),
        (
            "alice",
            "setApprovalForAll(address,bool)",
            json!(["@carol", true]),
        ),
        (
            "carol",
            "burn(address,uint256,uint256)",
            json!(["@alice", 3, 2]),
        ),
        (
            "carol",
            "burnBatch(address,uint256[],uint256[])",
            json!(["@alice", [3], [2]]),
        ),
        ("admin", "pause()", json!([])),
    ];
    complete(world, "items", calls);
}

/// `burn` of a bridge has the selector of ERC-3643's.
fn bridged_token(world: &mut World) {
    let code = published("L2StandardERC20");
    let arguments = json!(["@admin", ZERO, "Token", "TOK"]);
    world.deploy("token", &code, arguments, &[Erc20, Erc2612, Mintable]);
    let calls = vec![
        ("admin", "mint(address,uint256)", json!(["@alice", 100])),
        ("alice", "transfer(address,uint256)", json!(["@bob", 5])),
    ];
    complete(world, "token", calls);
    world.either(world.call(
        "admin",
        "token",
        "burn(address,uint256)",
        json!(["@alice", 9]),
    ));
}

/// ERC-777, with the registry of ERC-1820 at its address.
fn operator_token(world: &mut World) {
    let registry = world.deploy("registry", &own("InterfaceRegistry"), json!([]), &[]);
    let code = world.anvil.rpc("eth_getCode", json!([registry, "latest"]));
    let address = "0x1820a4b7618bde71dce8cdc73aab6c95905fad24";
    world.anvil.rpc("anvil_setCode", json!([address, code]));
    let arguments = json!(["Token", "TOK", ["@erin"], 1000, "@alice"]);
    world.deploy(
        "token",
        &published("ERC777PresetFixedSupply"),
        arguments,
        &[Erc20, Erc777],
    );
    let send = "operatorSend(address,address,uint256,bytes,bytes)";
    let burn = "operatorBurn(address,uint256,bytes,bytes)";
    let calls = vec![
        ("alice", "transfer(address,uint256)", json!(["@bob", 5])),
        (
            "alice",
            "send(address,uint256,bytes)",
            json!(["@bob", 5, "0x"]),
        ),
        ("alice", "approve(address,uint256)", json!(["@bob", 9])),
        (
            "bob",
            "transferFrom(address,address,uint256)",
            json!(["@alice", "@carol", 6]),
        ),
        ("alice", "authorizeOperator(address)", json!(["@dave"])),
        ("dave", send, json!(["@alice", "@bob", 7, "0x", "0x"])),
        ("dave", burn, json!(["@alice", 7, "0x", "0x"])),
        ("alice", "revokeOperator(address)", json!(["@dave"])),
        ("alice", "revokeOperator(address)", json!(["@erin"])),
        ("alice", "burn(uint256,bytes)", json!([7, "0x"])),
    ];
    complete(world, "token", calls);
    let with_data = json!(["@bob", 5, "0x0102"]);
    world.incomplete(world.call("alice", "token", "send(address,uint256,bytes)", with_data));
    world.deploy("hook", &own("Receiver"), json!([]), &[]);
    *world.known("hook") = None;
    let hash = "0xb281fc8c12954d22544db45de3159a39272895b169a852b314f9cc762e44c53b";
    let set = "setInterfaceImplementer(address,bytes32,address)";
    world.register("1820", address, &own("InterfaceRegistry").functions, &[]);
    world.either(world.call("alice", "1820", set, json!(["@alice", hash, ZERO])));
}

fn zero_ex(world: &mut World) {
    world.deploy("zrx", &published("ZRXToken"), json!([]), &[Erc20]);
    world.deploy(
        "other",
        &own("AuthorizedToken"),
        json!(["@bob"]),
        &[Erc20, Erc3009],
    );
    world.deploy("proxy", &published("ERC20Proxy"), json!([]), &[Ownable]);
    world.deploy(
        "exchange",
        &published("Exchange"),
        json!([CHAIN]),
        &[ZeroEx, Ownable],
    );
    let calls = vec![
        (
            "admin",
            "transfer(address,uint256)",
            json!(["@alice", 1000]),
        ),
        ("alice", "approve(address,uint256)", json!(["@proxy", MAX])),
        ("alice", "approve(address,uint256)", json!(["@bob", 10])),
        (
            "bob",
            "transferFrom(address,address,uint256)",
            json!(["@alice", "@bob", 10]),
        ),
    ];
    complete(world, "zrx", calls);
    world.complete(world.call(
        "bob",
        "other",
        "approve(address,uint256)",
        json!(["@proxy", MAX]),
    ));
    let authorize = "addAuthorizedAddress(address)";
    world.either(world.call("admin", "proxy", authorize, json!(["@exchange"])));
    world.setup(
        "admin",
        "exchange",
        "registerAssetProxy(address)",
        json!(["@proxy"]),
    );
    let asset = |name: &str| {
        let address = world.at(name);
        json!(format!(
            "0xf47261b0{:0>64}",
            address.trim_start_matches("0x")
        ))
    };
    let order = json!([
        "@alice",
        ZERO,
        ZERO,
        ZERO,
        20,
        30,
        0,
        0,
        DEADLINE,
        1,
        asset("zrx"),
        asset("other"),
        "0x",
        "0x"
    ]);
    let info = world.read(
        "exchange",
        &format!("getOrderInfo({ORDER})"),
        json!([order]),
    );
    let hash = json!(format!("0x{}", &info[66..130]));
    world.incomplete(world.call("alice", "exchange", "preSign(bytes32)", json!([hash])));
    let fill = format!("fillOrder({ORDER},uint256,bytes)");
    world.incomplete(world.call("bob", "exchange", &fill, json!([order, 15, "0x06"])));
    world.incomplete(world.call("alice", "exchange", "cancelOrdersUpTo(uint256)", json!([9])));
    let owner = "transferOwnership(address)";
    world.complete(world.call("admin", "exchange", owner, json!(["@bob"])));
}

const ORDER: &str = "(address,address,address,address,uint256,uint256,uint256,uint256,uint256,uint256,bytes,bytes,bytes,bytes)";

fn uniswap(world: &mut World) {
    world.deploy("weth", &published("WETH9"), json!([]), &[Weth]);
    world.deploy("a", &own("AuthorizedToken"), json!(["@alice"]), &[Erc20]);
    world.deploy("b", &own("AuthorizedToken"), json!(["@alice"]), &[Erc20]);
    world.deploy(
        "factory",
        &published("UniswapV2Factory"),
        json!(["@admin"]),
        &[],
    );
    let router = published("UniswapV2Router02");
    world.deploy("router", &router, json!(["@factory", "@weth"]), &[]);
    let create = world.call(
        "alice",
        "factory",
        "createPair(address,address)",
        json!(["@a", "@b"]),
    );
    world.incomplete(create);
    world.incomplete(world.call("admin", "factory", "setFeeTo(address)", json!(["@dave"])));
    let pair = world.read_address("factory", "getPair(address,address)", json!(["@a", "@b"]));
    let functions = published("UniswapV2Pair").functions;
    world.register("pair", &pair, &functions, &[Erc20, Erc2612]);
    for token in ["a", "b"] {
        let approve = json!(["@router", MAX]);
        world.complete(world.call("alice", token, "approve(address,uint256)", approve));
    }
    let add = "addLiquidity(address,address,uint256,uint256,uint256,uint256,address,uint256)";
    let arguments = json!(["@a", "@b", 100_000, 100_000, 0, 0, "@alice", DEADLINE]);
    world.incomplete(world.call("alice", "router", add, arguments));
    let swap = "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)";
    let arguments = json!([1000, 0, ["@a", "@b"], "@bob", DEADLINE]);
    world.incomplete(world.call("alice", "router", swap, arguments));
    let add = "addLiquidityETH(address,uint256,uint256,uint256,address,uint256)";
    let arguments = json!(["@a", 10_000, 0, 0, "@alice", DEADLINE]);
    world.incomplete(world.call("alice", "router", add, arguments).value(10_000));
    let swap = "swapExactETHForTokens(uint256,address[],address,uint256)";
    let arguments = json!([0, ["@weth", "@a"], "@bob", DEADLINE]);
    world.incomplete(world.call("alice", "router", swap, arguments).value(100));
    pair_token(world);
}

/// The shares of a pair are a token, and move in and out of the pair.
fn pair_token(world: &mut World) {
    let calls = vec![
        ("alice", "transfer(address,uint256)", json!(["@bob", 5])),
        ("alice", "approve(address,uint256)", json!(["@bob", 9])),
        (
            "bob",
            "transferFrom(address,address,uint256)",
            json!(["@alice", "@carol", 6]),
        ),
    ];
    complete(world, "pair", calls);
    world.complete(world.call(
        "alice",
        "a",
        "transfer(address,uint256)",
        json!(["@pair", 50]),
    ));
    let skim = world.call("carol", "pair", "skim(address)", json!(["@dave"]));
    world.incomplete(skim);
    world.setup(
        "alice",
        "pair",
        "transfer(address,uint256)",
        json!(["@pair", 100]),
    );
    world.incomplete(world.call("alice", "pair", "burn(address)", json!(["@alice"])));
}

fn governance(world: &mut World) {
    let code = published("Uni");
    let start = world
        .anvil
        .rpc("eth_getBlockByNumber", json!(["latest", false]));
    let start = start["timestamp"].as_str().unwrap().to_owned();
    let arguments = json!(["@alice", "@admin", format!("{:#x}", later(&start, 10))]);
    world.deploy("uni", &code, arguments, &[Erc20, Mintable]);
    let calls = vec![
        ("alice", "transfer(address,uint256)", json!(["@bob", 5])),
        ("alice", "approve(address,uint256)", json!(["@bob", 9])),
        (
            "bob",
            "transferFrom(address,address,uint256)",
            json!(["@alice", "@carol", 6]),
        ),
    ];
    complete(world, "uni", calls);
    world.either(world.call("alice", "uni", "delegate(address)", json!(["@bob"])));
    world.deploy(
        "timelock",
        &published("Timelock"),
        json!(["@admin", 172_800]),
        &[],
    );
    world.setup(
        "alice",
        "uni",
        "transfer(address,uint256)",
        json!(["@timelock", 100]),
    );
    let types = "(address,uint256,string,bytes,uint256)";
    let eta = later(&start, 200_000);
    let data = world.data("transfer(address,uint256)", json!(["@dave", 40]));
    let operation = json!(["@uni", 0, "", data, eta]);
    let queue = format!("queueTransaction{types}");
    world.incomplete(world.call("admin", "timelock", &queue, operation.clone()));
    world
        .anvil
        .rpc("evm_setNextBlockTimestamp", json!([eta + 1]));
    let execute = format!("executeTransaction{types}");
    world.incomplete(world.call("admin", "timelock", &execute, operation));
    world.complete(world.call("admin", "uni", "mint(address,uint256)", json!(["@bob", 5])));
    world.incomplete(world.call("admin", "uni", "setMinter(address)", json!(["@bob"])));
    let governor = published("GovernorAlpha");
    world.deploy("governor", &governor, json!(["@timelock", "@uni"]), &[]);
    let propose = "propose(address[],uint256[],string[],bytes[],string)";
    let arguments = json!([["@uni"], [0], ["transfer(address,uint256)"], ["0x"], "text"]);
    world.incomplete(world.call("bob", "governor", propose, arguments));
}

fn later(quantity: &str, seconds: u64) -> u64 {
    u64::from_str_radix(quantity.trim_start_matches("0x"), 16).unwrap() + seconds
}

fn permit2(world: &mut World) {
    let address = "0x000000000022d473030f116ddee9f6b43ac78ba3";
    world.anvil.rpc(
        "anvil_setCode",
        json!([address, published("permit2").bytecode]),
    );
    let functions = Functions {
        signatures: ["allowance(address,address,address)".to_owned()].into(),
        interface: None,
    };
    world.register("permit2", address, &functions, &[Permit2]);
    world.deploy(
        "token",
        &own("AuthorizedToken"),
        json!(["@alice"]),
        &[Erc20],
    );
    let approve = json!(["@permit2", MAX]);
    world.complete(world.call("alice", "token", "approve(address,uint256)", approve));
    let one = "transferFrom(address,address,uint160,address)";
    let many = "transferFrom((address,address,uint160,address)[])";
    let transfer = json!(["@alice", "@carol", 5, "@token"]);
    let calls = vec![
        (
            "alice",
            "approve(address,address,uint160,uint48)",
            json!(["@token", "@bob", 100, DEADLINE]),
        ),
        ("bob", one, transfer.clone()),
        ("bob", many, json!([[transfer, transfer]])),
        (
            "alice",
            "lockdown((address,address)[])",
            json!([[["@token", "@bob"]]]),
        ),
    ];
    complete(world, "permit2", calls);
    signed_permits(world);
}

/// The members of a type of typed data.
fn fields(members: &[(&str, &str)]) -> Value {
    let member = |(name, ty): &(&str, &str)| json!({"name": name, "type": ty});
    members.iter().map(member).collect()
}

fn signed_permits(world: &mut World) {
    let details = json!(["@token", 60, DEADLINE, 0]);
    let domain = fields(&[
        ("name", "string"),
        ("chainId", "uint256"),
        ("verifyingContract", "address"),
    ]);
    let permissions = fields(&[("token", "address"), ("amount", "uint256")]);
    let detail_types = [
        ("token", "address"),
        ("amount", "uint160"),
        ("expiration", "uint48"),
        ("nonce", "uint48"),
    ];
    let names = json!({"name": "Permit2", "chainId": CHAIN, "verifyingContract": "@permit2"});
    let data = json!({
        "types": {
            "EIP712Domain": domain.clone(),
            "PermitDetails": fields(&detail_types),
            "PermitSingle": fields(&[
                ("details", "PermitDetails"), ("spender", "address"), ("sigDeadline", "uint256")
            ])
        },
        "primaryType": "PermitSingle",
        "domain": names.clone(),
        "message": {
            "details": {"token": "@token", "amount": 60, "expiration": DEADLINE, "nonce": 0},
            "spender": "@dave",
            "sigDeadline": DEADLINE
        }
    });
    let signed = world.packed("alice", &data);
    let permit = "permit(address,((address,uint160,uint48,uint48),address,uint256),bytes)";
    let arguments = json!(["@alice", [details, "@dave", DEADLINE], signed]);
    world.complete(world.call("carol", "permit2", permit, arguments));
    let data = json!({
        "types": {
            "EIP712Domain": domain,
            "TokenPermissions": permissions,
            "PermitTransferFrom": fields(&[
                ("permitted", "TokenPermissions"), ("spender", "address"), ("nonce", "uint256"),
                ("deadline", "uint256")
            ])
        },
        "primaryType": "PermitTransferFrom",
        "domain": names,
        "message": {
            "permitted": {"token": "@token", "amount": 60},
            "spender": "@bob",
            "nonce": 7,
            "deadline": DEADLINE
        }
    });
    let signed = world.packed("alice", &data);
    let transfer =
        "permitTransferFrom(((address,uint256),uint256,uint256),(address,uint256),address,bytes)";
    let permitted = json!([["@token", 60], 7, DEADLINE]);
    let arguments = json!([permitted, ["@erin", 50], "@alice", signed]);
    world.complete(world.call("bob", "permit2", transfer, arguments));
    let calls = vec![
        (
            "alice",
            "invalidateNonces(address,address,uint48)",
            json!(["@token", "@bob", 9]),
        ),
        (
            "alice",
            "invalidateUnorderedNonces(uint256,uint256)",
            json!([0, 1]),
        ),
    ];
    complete(world, "permit2", calls);
    batched_permits(world, &names);
}

/// A permit for several allowances, and one for several transfers.
fn batched_permits(world: &mut World, names: &Value) {
    let domain = fields(&[
        ("name", "string"),
        ("chainId", "uint256"),
        ("verifyingContract", "address"),
    ]);
    let data = json!({
        "types": {
            "EIP712Domain": domain.clone(),
            "PermitDetails": fields(&[
                ("token", "address"), ("amount", "uint160"), ("expiration", "uint48"),
                ("nonce", "uint48")
            ]),
            "PermitBatch": fields(&[
                ("details", "PermitDetails[]"), ("spender", "address"), ("sigDeadline", "uint256")
            ])
        },
        "primaryType": "PermitBatch",
        "domain": names.clone(),
        "message": {
            "details": [{"token": "@token", "amount": 70, "expiration": DEADLINE, "nonce": 0}],
            "spender": "@erin",
            "sigDeadline": DEADLINE
        }
    });
    let signed = world.packed("alice", &data);
    let permit = "permit(address,((address,uint160,uint48,uint48)[],address,uint256),bytes)";
    let details = json!([["@token", 70, DEADLINE, 0]]);
    let arguments = json!(["@alice", [details, "@erin", DEADLINE], signed]);
    world.complete(world.call("carol", "permit2", permit, arguments));
    let data = json!({
        "types": {
            "EIP712Domain": domain,
            "TokenPermissions": fields(&[("token", "address"), ("amount", "uint256")]),
            "PermitBatchTransferFrom": fields(&[
                ("permitted", "TokenPermissions[]"), ("spender", "address"), ("nonce", "uint256"),
                ("deadline", "uint256")
            ])
        },
        "primaryType": "PermitBatchTransferFrom",
        "domain": names.clone(),
        "message": {
            "permitted": [{"token": "@token", "amount": 60}],
            "spender": "@bob",
            "nonce": 8,
            "deadline": DEADLINE
        }
    });
    let signed = world.packed("alice", &data);
    let transfer = "permitTransferFrom(((address,uint256)[],uint256,uint256),(address,uint256)[],address,bytes)";
    let permitted = json!([[["@token", 60]], 8, DEADLINE]);
    let arguments = json!([permitted, [["@erin", 50]], "@alice", signed]);
    world.complete(world.call("bob", "permit2", transfer, arguments));
}

/// Calls in the name of the contract that makes them.
fn multicall2(world: &mut World) {
    world.deploy(
        "multicall",
        &published("Multicall2"),
        json!([]),
        &[Multicall3],
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
        json!(["@multicall", 100]),
    );
    world.setup(
        "alice",
        "token",
        "approve(address,uint256)",
        json!(["@multicall", 100]),
    );
    let transfer = world.data("transfer(address,uint256)", json!(["@bob", 5]));
    let pull = world.data(
        "transferFrom(address,address,uint256)",
        json!(["@alice", "@dave", 4]),
    );
    let calls = json!([["@token", transfer], ["@token", pull]]);
    let aggregate = "aggregate((address,bytes)[])";
    world.complete(world.call("carol", "multicall", aggregate, json!([calls])));
    for attempt in ["tryAggregate", "tryBlockAndAggregate"] {
        let attempt = format!("{attempt}(bool,(address,bytes)[])");
        world.complete(world.call("carol", "multicall", &attempt, json!([true, calls])));
    }
    let aggregate = "blockAndAggregate((address,bytes)[])";
    world.complete(world.call("carol", "multicall", aggregate, json!([calls])));
}
