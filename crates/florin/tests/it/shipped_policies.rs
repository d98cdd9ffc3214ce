//! The shipped policies on a running server and a real node. Their inputs are recorded in
//! `policies/recorded`, where stock OPA and `cargo test -p policy` evaluate them.
//!
//! Record them again with `FLORIN_RECORD_INPUTS=1 cargo test -p florin --test it shipped`.

use crate::installation::{Installation, Process};
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use testkit::anvil::{self, Anvil, Options};
use testkit::wait_until;

/// Base units of one token.
const ONE: u128 = 1_000_000_000_000_000_000;
const BOB: &str = "0x00000000000000000000000000000000000b0b00";
const MINTER_ROLE: &str = "0x9f2df0fed2c77648de5860a4cc508cd0818c85b8b8a1ab4ceeef8d981c8956a6";
const WAIT_MS: u64 = 30_000;
const COOLING_MS: u64 = 2_000;

/// A server, a chain, and a registered token whose issuer is the wallet `issuer`.
struct World {
    installation: Installation,
    process: Process,
    node: Anvil,
    issuer: String,
    treasury: String,
    token: String,
    recorded: Vec<Value>,
}

/// The result of a submission.
struct Outcome {
    id: String,
    is_permitted: bool,
    reason: String,
}

impl World {
    /// None if there is no node to test with.
    fn start() -> Option<Self> {
        let node = anvil::start(&Options::default())?;
        let chain = format!(
            "[submit]\nretry_backoff_ms = 100\n[[chains]]\npreset = \"anvil\"\nnumber = 31337\nurl = \"{}\"\n\
             start = 0\npoll_interval_ms = 50\nfinality = {{ rule = \"instant\" }}\n",
            node.url()
        );
        let installation = Installation::new(None, &chain);
        let process = installation.serve();
        let mut world = Self {
            installation,
            process,
            node,
            issuer: String::new(),
            treasury: String::new(),
            token: String::new(),
            recorded: Vec::new(),
        };
        world.put(
            "/namespaces/current",
            json!({ "defaultChain": "eip155:31337" }),
        );
        world.issuer = world.wallet("issuer");
        world.treasury = world.wallet("treasury");
        world.token = world.deploy_token();
        world.mint_by_node();
        Some(world)
    }

    fn put(&self, path: &str, body: Value) -> Value {
        self.installation
            .request_ok(&self.process, "PUT", path, &body)
    }

    fn post(&self, path: &str, body: Value) -> Value {
        self.installation
            .request_ok(&self.process, "POST", path, &body)
    }

    fn get(&self, path: &str) -> Value {
        self.installation
            .request_ok(&self.process, "GET", path, &Value::Null)
    }

    /// A wallet with a funded key; returns its address.
    fn wallet(&self, name: &str) -> String {
        self.post("/wallets", json!({ "name": name, "kind": "org" }));
        let key = self.post(&format!("/wallets/{name}/keys"), json!({ "name": "main" }));
        let address = key["address"].as_str().unwrap().to_owned();
        let ether = format!("0x{:x}", 1_000 * ONE);
        self.node.rpc("anvil_setBalance", json!([address, ether]));
        address
    }

    fn deploy_token(&self) -> String {
        let artifact = testkit::artifact("DemoCallToken");
        let word = |text: &str| format!("{:0>64}", text.trim_start_matches("0x"));
        let text = |text: &str| format!("{:064x}{:0<64}", text.len(), hex::encode(text));
        let arguments = [
            word("60"),
            word("a0"),
            word(&self.issuer),
            text("Demo Share"),
            text("DEMO"),
        ];
        let token = self.node.deploy(&(artifact.bytecode + &arguments.concat()));
        let contract = json!({
            "name": "demo-share",
            "address": token,
            "abi": artifact.abi,
            "standards": ["erc20", "erc677", "mintable", "access_control"],
        });
        self.post("/contracts", contract);
        token
    }

    /// A token with approvals by signature (ERC-2612), all of it with the treasury.
    fn deploy_permit_token(&self) -> String {
        let artifact = testkit::artifact("PermitToken");
        let holder = self.treasury.trim_start_matches("0x");
        let arguments = format!("{holder:0>64}{:064x}", 10_000_000 * ONE);
        self.node.deploy(&(artifact.bytecode + &arguments))
    }

    /// The typed data by which the treasury lets BOB spend a token.
    fn permit(&self, token: &str, value: &str) -> Value {
        let field = |name: &str, ty: &str| json!({ "name": name, "type": ty });
        json!({
            "types": { "Permit": [
                field("owner", "address"), field("spender", "address"), field("value", "uint256"),
                field("nonce", "uint256"), field("deadline", "uint256"),
            ] },
            "primaryType": "Permit",
            "domain": {
                "name": "Permit Token", "version": "1", "chainId": 31337, "verifyingContract": token,
            },
            "message": {
                "owner": self.treasury, "spender": BOB, "value": value, "nonce": "0", "deadline": "4000000000",
            },
        })
    }

    /// A signature of the treasury once it is decided, or the reason of its denial.
    fn sign(&self, what: &str, content: Value) -> Result<String, String> {
        let id = self.post(
            "/signatures",
            json!({ "signer": self.treasury, what: content }),
        )["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let mut last = Value::Null;
        let ended = wait_until(WAIT_MS, || {
            last = self.get(&format!("/signatures/{id}"));
            ["signed", "denied", "failed"].contains(&last["state"].as_str().unwrap())
        });
        assert!(ended, "{last}");
        let text = |name: &str| last[name].as_str().unwrap_or_default().to_owned();
        match last["state"].as_str() {
            Some("signed") => Ok(text("signature")),
            _ => Err(text("reason")),
        }
    }

    /// Ten million tokens for the treasury, without Florin.
    fn mint_by_node(&self) {
        self.node
            .rpc("anvil_impersonateAccount", json!([self.issuer]));
        let amount = format!("{:x}", 10_000_000 * ONE);
        let data = self
            .node
            .calldata("mint(address,uint256)", &[&self.treasury, &amount]);
        self.node.transact(&self.issuer, Some(&self.token), &data);
    }

    /// Upload a shipped document after changes of its text.
    fn upload(&self, name: &str, changes: &[(&str, &str)]) {
        let path = testkit::workspace_root().join(format!("policies/{name}.rego"));
        let mut document = std::fs::read_to_string(path).unwrap();
        for (from, to) in changes {
            assert!(document.contains(from), "{name}.rego: {from}");
            document = document.replace(from, to);
        }
        self.put(&format!("/policies/{name}"), json!({ "name": name }));
        let path = format!("/policies/{name}/versions");
        self.post(&path, json!({ "document": document }));
    }

    fn attach(&self, name: &str) {
        self.upload(name, &[]);
        let namespace = json!({ "target": { "kind": "namespace" } });
        self.post(&format!("/policies/{name}/attachments"), namespace);
    }

    fn detach(&self, name: &str) {
        let namespace = json!({ "target": { "kind": "namespace" } });
        self.post(&format!("/policies/{name}/detach"), namespace);
    }

    fn submit(&self, body: Value) -> Outcome {
        let id = self.post("/submissions", body)["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let mut last = Value::Null;
        let decided = wait_until(WAIT_MS, || {
            last = self.get(&format!("/submissions/{id}"));
            ["denied", "final", "failed"].contains(&last["state"].as_str().unwrap())
        });
        assert!(decided, "{last}");
        assert_ne!(last["state"], "failed", "{last}");
        Outcome {
            id,
            is_permitted: last["state"] == "final",
            reason: last["reason"].as_str().unwrap_or_default().to_owned(),
        }
    }

    /// Call the token; the caller gives the true interface.
    fn call(&self, signer: &str, method: &str, params: Value) -> Outcome {
        let abi = testkit::artifact("DemoCallToken").abi;
        self.submit(json!({
            "signer": signer, "to": self.token, "abi": abi, "method": method, "params": params,
        }))
    }

    fn tokens(&self, account: &str) -> u128 {
        let data = self.node.calldata("balanceOf(address)", &[account]);
        let answer = self.node.call(&self.token, &data);
        u128::from_str_radix(answer.trim_start_matches("0x").trim_start_matches('0'), 16)
            .unwrap_or(0)
    }

    /// Check the outcome of a case, and record the input of its decision.
    #[track_caller]
    fn expect(&mut self, policy: &str, case: &str, outcome: &Outcome, permitted: bool) {
        assert_eq!(
            outcome.is_permitted, permitted,
            "{case}: {}",
            outcome.reason
        );
        let decisions = self.get(&format!("/policy-decisions?subject={}", outcome.id));
        let decision = &decisions["items"][0];
        self.recorded.push(json!({
            "policy": policy,
            "case": case,
            "permitted": permitted,
            "input": decision["input"],
            "lookups": decision["lookups"],
        }));
    }

    /// Write the recorded inputs of a policy, or compare their form with those written before.
    fn record(&self, policy: &str) {
        let cases: Vec<Value> = (self.recorded.iter())
            .filter(|case| case["policy"] == policy)
            .cloned()
            .collect();
        let path = file_of(policy);
        if std::env::var_os("FLORIN_RECORD_INPUTS").is_some() {
            let text = format!("{:#}\n", json!({ policy: cases }));
            std::fs::write(&path, text).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let written: Value = serde_json::from_str(&text).unwrap_or_default();
        assert_eq!(
            form(&written[policy]),
            form(&json!(cases)),
            "{} is outdated: run this test with FLORIN_RECORD_INPUTS=1",
            path.display()
        );
    }
}

fn file_of(policy: &str) -> PathBuf {
    testkit::workspace_root().join(format!("policies/recorded/{policy}.json"))
}

/// A value without what differs from run to run: accounts, ids, times, prices.
fn form(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let is_address = |name: &str| name.len() == 42 && name.starts_with("0x");
            let members = members.iter().map(|(name, value)| {
                let name = if is_address(name) { "address" } else { name };
                (name.to_owned(), form(value))
            });
            Value::Object(members.collect::<Map<String, Value>>())
        }
        Value::Array(items) => items.iter().map(form).collect(),
        Value::String(_) => json!("text"),
        Value::Number(_) => json!(0),
        other => other.clone(),
    }
}

fn million(n: u128) -> String {
    (n * 1_000_000 * ONE).to_string()
}

#[test]
fn shipped_limit_denies_what_moves_more_or_changes_powers() {
    let Some(mut world) = World::start() else {
        return;
    };
    world.attach("limit");
    let (treasury, issuer) = (world.treasury.clone(), world.issuer.clone());
    let unlimited = format!("0x{}", "f".repeat(64));
    let denied = [
        (
            "transferAndCall above the limit",
            &treasury,
            "transferAndCall",
            json!([BOB, million(5), "0x"]),
        ),
        (
            "transfer above the limit",
            &treasury,
            "transfer",
            json!([BOB, million(2)]),
        ),
        (
            "an unlimited approval",
            &treasury,
            "approve",
            json!([BOB, unlimited]),
        ),
        ("minting", &issuer, "mint", json!([BOB, million(2)])),
        ("a role", &issuer, "grantRole", json!([MINTER_ROLE, BOB])),
    ];
    for (case, signer, method, params) in denied {
        let outcome = world.call(signer, method, params);
        world.expect("limit", case, &outcome, false);
    }
    assert_eq!(world.tokens(BOB), 0);
    let permitted = [
        ("transfer", json!([BOB, million(1)])),
        ("transferAndCall", json!([BOB, million(1), "0x"])),
        ("approve", json!([BOB, million(1)])),
    ];
    for (method, params) in permitted {
        let outcome = world.call(&treasury, method, params);
        world.expect("limit", &format!("{method} of the limit"), &outcome, true);
    }
    assert_eq!(world.tokens(BOB), 2_000_000 * ONE);
    for (case, ether, permitted) in [
        ("a payment", 5, true),
        ("a payment above the limit", 101, false),
    ] {
        let value = (ether * ONE).to_string();
        let outcome = world.submit(json!({ "signer": treasury, "to": BOB, "value": value }));
        world.expect("limit", case, &outcome, permitted);
    }
    world.record("limit");
}

#[test]
fn shipped_issuer_lets_the_wallet_of_the_issuer_mint_and_grant_roles() {
    let Some(mut world) = World::start() else {
        return;
    };
    world.attach("issuer");
    let (treasury, issuer) = (world.treasury.clone(), world.issuer.clone());
    let mint = json!([BOB, million(2)]);
    let role = json!([MINTER_ROLE, treasury]);
    let outcome = world.call(&issuer, "mint", mint.clone());
    world.expect("issuer", "the issuer mints", &outcome, true);
    assert_eq!(world.tokens(BOB), 2_000_000 * ONE);
    let outcome = world.call(&issuer, "mint", json!([BOB, million(11)]));
    world.expect(
        "issuer",
        "the issuer mints above the limit",
        &outcome,
        false,
    );
    let outcome = world.call(&issuer, "grantRole", role);
    world.expect("issuer", "the issuer grants a role", &outcome, true);
    let outcome = world.call(&treasury, "mint", mint);
    world.expect(
        "issuer",
        "another wallet mints, though the token would let it",
        &outcome,
        false,
    );
    let outcome = world.call(&treasury, "transfer", json!([BOB, million(2)]));
    world.expect(
        "issuer",
        "another wallet pays above the limit",
        &outcome,
        false,
    );
    let outcome = world.call(&treasury, "transfer", json!([BOB, million(1)]));
    world.expect("issuer", "another wallet pays", &outcome, true);
    assert_eq!(world.tokens(BOB), 3_000_000 * ONE);
    world.record("issuer");
}

#[test]
fn shipped_allowlist_pays_a_new_recipient_after_the_cooling_time() {
    let Some(mut world) = World::start() else {
        return;
    };
    for list in ["recipients", "contracts"] {
        let new = json!({ "kind": "account", "coolingMs": COOLING_MS });
        world.put(&format!("/lists/{list}"), new);
    }
    world.attach("allowlist");
    let treasury = world.treasury.clone();
    let pay = |world: &World| world.call(&treasury, "transfer", json!([BOB, million(1)]));
    // What operators write decides nothing.
    let label = json!({ "addresses": [{ "address": BOB, "labels": { "allowed": "true" } }] });
    world.put("/bulk/datamodel", label);
    let outcome = pay(&world);
    world.expect("allowlist", "nobody is listed", &outcome, false);

    let add = |world: &World, list: &str, address: &str| {
        let entries = json!({ "entries": [{ "address": address }] });
        world.post(&format!("/lists/{list}/entries"), entries)["items"][0].clone()
    };
    let token = world.token.clone();
    add(&world, "contracts", &token);
    let entry = add(&world, "recipients", BOB);
    let outcome = pay(&world);
    assert!(
        outcome.reason.contains("does not count yet"),
        "{}",
        outcome.reason
    );
    world.expect("allowlist", "within the cooling time", &outcome, false);
    let active =
        |list: &str| world.get(&format!("/lists/{list}/entries?active=true"))["count"] == 1;
    assert!(wait_until(WAIT_MS, || active("contracts") && active("recipients")));
    let outcome = pay(&world);
    world.expect("allowlist", "after the cooling time", &outcome, true);
    assert_eq!(world.tokens(BOB), 1_000_000 * ONE);

    let id = entry["id"].as_str().unwrap();
    let path = format!("/lists/recipients/entries/{id}");
    world
        .installation
        .request_ok(&world.process, "DELETE", &path, &Value::Null);
    let outcome = pay(&world);
    world.expect("allowlist", "after the removal", &outcome, false);
    assert_eq!(world.tokens(BOB), 1_000_000 * ONE);
    world.record("allowlist");
}

#[test]
fn shipped_fees_deny_a_fee_above_the_bounds() {
    let Some(mut world) = World::start() else {
        return;
    };
    world.attach("fees");
    let treasury = world.treasury.clone();
    let payment = json!({ "signer": treasury, "to": BOB, "value": "1" });
    let outcome = world.submit(payment.clone());
    world.expect("fees", "a usual fee", &outcome, true);
    // The base fee of the node rises above the bound of 500 gwei.
    let base_fee = format!("0x{:x}", 600_000_000_000_u64);
    world
        .node
        .rpc("anvil_setNextBlockBaseFeePerGas", json!([base_fee]));
    world.node.mine(1);
    let outcome = world.submit(payment);
    assert!(outcome.reason.contains("fee_per_gas"), "{}", outcome.reason);
    world.expect("fees", "a fee per gas above the bound", &outcome, false);
    world.record("fees");
}

#[test]
fn shipped_calls_and_hours_accept_listed_calls_of_registered_contracts() {
    let Some(mut world) = World::start() else {
        return;
    };
    world.upload("hours", &[
        ("days := {1, 2, 3, 4, 5}", "days := {1, 2, 3, 4, 5, 6, 7}"),
        ("hours := {8, 9, 10, 11, 12, 13, 14, 15, 16, 17}", "hours := {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23}"),
    ]);
    let namespace = json!({ "target": { "kind": "namespace" } });
    world.post("/policies/hours/attachments", namespace);
    world.attach("calls");
    let artifact = testkit::artifact("BurstToken");
    let unknown = world.node.deploy(&artifact.bytecode);
    let treasury = world.treasury.clone();
    let fill = |world: &World| {
        world.submit(json!({
            "signer": treasury, "to": unknown, "abi": artifact.abi, "method": "fill", "params": ["0", "1", "5"],
        }))
    };
    world.put("/lists/calls", json!({ "kind": "call", "coolingMs": 0 }));
    let outcome = fill(&world);
    world.expect("calls", "a call that is not listed", &outcome, false);
    let entry = json!({ "contract": unknown, "selector": "fill(uint256,uint256,uint256)" });
    world.post("/lists/calls/entries", json!({ "entries": [entry] }));
    let named = json!({ "contract": "demo-share", "selector": "pause()" });
    let named = world.post("/lists/calls/entries", json!({ "entries": [named] }));
    assert_eq!(named["items"][0]["address"], world.token);
    let outcome = fill(&world);
    world.expect("calls", "a listed call, not registered", &outcome, false);
    // Registered, a change of its code would be seen.
    world.post(
        "/contracts",
        json!({ "name": "burst", "address": unknown, "abi": artifact.abi, "standards": [] }),
    );
    let outcome = fill(&world);
    world.expect("calls", "a listed call", &outcome, true);
    let outcome = world.call(&treasury, "transfer", json!([BOB, million(2)]));
    world.expect("calls", "a transfer above the limit", &outcome, false);
    world.record("calls");
    world.detach("calls");
}

#[test]
fn shipped_limit_lets_known_permits_below_it_be_signed_and_nothing_unknown() {
    let Some(world) = World::start() else {
        return;
    };
    world.attach("limit");
    let token = world.deploy_permit_token();
    let permit = |value: &str| world.permit(&token, value);
    let unregistered = world.sign("typedData", permit("1000"));
    assert!(unregistered.is_err(), "the contract is not known");
    let contract = json!({
        "name": "permit-token", "address": token, "abi": testkit::artifact("PermitToken").abi,
        "standards": ["erc20", "erc2612"],
    });
    world.post("/contracts", contract);
    let unlimited = format!("0x{}", "f".repeat(64));
    let message = world.sign("message", json!("I agree"));
    let delegation = json!({ "delegate": BOB, "nonce": 0 });
    for (case, denied) in [
        (
            "above the limit",
            world.sign("typedData", permit(&million(2))),
        ),
        ("unlimited", world.sign("typedData", permit(&unlimited))),
        ("a message", message),
        ("a delegation", world.sign("authorization", delegation)),
    ] {
        assert!(denied.is_err(), "{case}: {denied:?}");
    }
    let signed = world.sign("typedData", permit(&million(1))).unwrap();
    let (owner, value) = (&world.treasury, format!("{:x}", 1_000_000 * ONE));
    let deadline = format!("{:x}", 4_000_000_000_u64);
    let (r, s, v) = (&signed[2..66], &signed[66..130], &signed[130..]);
    let data = world.node.calldata(
        "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
        &[owner, BOB, &value, &deadline, v, r, s],
    );
    let relayer = world.node.accounts()[1].address.clone();
    world.node.transact(&relayer, Some(&token), &data);
    let allowance = world
        .node
        .calldata("allowance(address,address)", &[owner, BOB]);
    assert_eq!(
        world.node.call(&token, &allowance),
        format!("0x{value:0>64}")
    );
}
