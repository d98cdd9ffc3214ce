//! The steps about policies.

use super::environment::Environment;
use crate::harness::api::text;
use crate::harness::judge::{expect_eq, nonce};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

/// Base units of one token.
const ONE: u128 = 1_000_000_000_000_000_000;
/// How long a new entry of a list of the demo waits before it counts.
const COOLING_MS: u64 = 1_500;
/// An account that is not on the allow list at first.
const SUPPLIER: &str = "0x00000000000000000000000000000000005b9911";

/// Upload a shipped document after changes of its text, and attach it.
fn attach(
    environment: &Environment,
    name: &str,
    changes: &[(&str, &str)],
    target: &Value,
) -> Result<Value> {
    let path = testkit::workspace_root().join(format!("policies/{name}.rego"));
    let mut document = std::fs::read_to_string(path)?;
    for (from, to) in changes {
        ensure!(document.contains(from), "{name}.rego does not have {from}");
        document = document.replace(from, to);
    }
    let api = &environment.api;
    api.put(&format!("/policies/{name}"), &json!({ "name": name }))?;
    let version = api.post(
        &format!("/policies/{name}/versions"),
        &json!({ "document": document }),
    )?;
    api.post(
        &format!("/policies/{name}/attachments"),
        &json!({ "target": target }),
    )?;
    Ok(version)
}

pub(super) fn issuer(environment: &mut Environment) -> Result<String> {
    let issuers = [("issuers := {\"issuer\"}", "issuers := {\"treasury\"}")];
    let namespace = json!({ "kind": "namespace" });
    let version = attach(environment, "issuer", &issuers, &namespace)?;
    Ok(format!("sha256 {}", text(&version, "hash")?))
}

/// Register the token: from then on, policies know what its calls do.
pub(super) fn register(environment: &Environment) -> Result<()> {
    let contract = json!({
        "name": "demo-share",
        "address": environment.token,
        "standards": ["erc20", "erc677", "mintable", "access_control"],
        "abi": environment.token_abi,
    });
    environment.api.post("/contracts", &contract)?;
    Ok(())
}

pub(super) fn denied_transfer(environment: &mut Environment) -> Result<String> {
    let params = json!([environment.alice, (2_000_000 * ONE).to_string()]);
    denied(environment, "transfer", &params)
}

pub(super) fn denied_transfer_and_call(environment: &mut Environment) -> Result<String> {
    let params = json!([environment.alice, (2_000_000 * ONE).to_string(), "0x"]);
    denied(environment, "transferAndCall", &params)
}

/// Submit a call of the token that must be denied, and check that nothing was signed.
fn denied(environment: &Environment, method: &str, params: &Value) -> Result<String> {
    let before = nonce(&environment.node, &environment.treasury)?;
    let id = environment.submit_token_call(method, params)?;
    let submission = environment.until_state(&id, "denied")?;
    environment.node.mine(1);
    expect_eq(
        "nonce of the treasury",
        nonce(&environment.node, &environment.treasury)?,
        before,
    )?;
    let receiver = params[0].as_str().context("a receiver")?;
    expect_eq("tokens of the receiver", environment.tokens(receiver)?, 0)?;
    text(&submission, "reason")
}

pub(super) fn allow_list(environment: &mut Environment) -> Result<String> {
    let wallet = environment.api.get("/wallets/treasury")?;
    let target = json!({ "kind": "wallet", "id": text(&wallet, "id")? });
    for list in ["recipients", "contracts"] {
        let new = json!({ "kind": "account", "coolingMs": COOLING_MS });
        environment.api.put(&format!("/lists/{list}"), &new)?;
    }
    attach(environment, "allowlist", &[], &target)?;
    let payment = json!([SUPPLIER, (5 * ONE).to_string()]);
    denied(environment, "transfer", &payment).context("not on the list")?;

    add(environment, "contracts", &environment.token)?;
    let entry = add(environment, "recipients", SUPPLIER)?;
    denied(environment, "transfer", &payment).context("within the cooling time")?;
    environment.until("the entries count", || {
        counts(environment, "contracts") && counts(environment, "recipients")
    })?;
    let id = environment.submit_token_call("transfer", &payment)?;
    environment.mine_until_final(&id)?;
    expect_eq(
        "tokens of the supplier",
        environment.tokens(SUPPLIER)?,
        5 * ONE,
    )?;

    let path = format!("/lists/recipients/entries/{entry}");
    environment.api.call("DELETE", &path, None, &[])?;
    let id = environment.submit_token_call("transfer", &payment)?;
    let submission = environment.until_state(&id, "denied")?;
    environment
        .api
        .post("/policies/allowlist/detach", &json!({ "target": target }))?;
    Ok(format!(
        "denied, denied within the cooling time, paid, removed and {}",
        text(&submission, "reason")?
    ))
}

fn add(environment: &Environment, list: &str, address: &str) -> Result<String> {
    let entries = json!({ "entries": [{ "address": address }] });
    let path = format!("/lists/{list}/entries");
    let added = environment.api.post(&path, &entries)?;
    text(&added["items"][0], "id")
}

/// Whether the list has an entry that counts.
fn counts(environment: &Environment, list: &str) -> bool {
    let path = format!("/lists/{list}/entries?active=true");
    let active = environment.api.get(&path);
    active.is_ok_and(|page| page["count"] == 1)
}
