//! The steps of the demo, in order.

use super::environment::Environment;
use super::{Step, policies};
use crate::harness::api::text;
use crate::harness::fund;
use crate::harness::judge::{expect_eq, nonce, transfers_to};
use anyhow::{Context, Result};
use serde_json::{Value, json};

/// Base units of one DemoCallToken.
const ONE: u128 = 1_000_000_000_000_000_000;

pub(super) const STEPS: [Step; 12] = [
    (
        "Wallets: a treasury for the organization, an address for Alice",
        wallets,
    ),
    (
        "A policy: the treasury issues, and no payment is above a million",
        policies::issuer,
    ),
    (
        "The token is deployed by the treasury, registered and tracked",
        deploy,
    ),
    ("An application subscribes to events", subscribe),
    ("Ten million are minted to the treasury", mint),
    (
        "A transfer of two million is denied before any key is used",
        policies::denied_transfer,
    ),
    (
        "So is two million by transferAndCall, which moves tokens too",
        policies::denied_transfer_and_call,
    ),
    (
        "A workflow transfers a hundred, waits for finality, and the balances match the chain",
        workflow_transfer,
    ),
    (
        "An allow list: a new recipient is paid only after the cooling time",
        policies::allow_list,
    ),
    (
        "A reorganization drops a transfer: reverted, rebroadcast, mined, with one id throughout",
        reorganization,
    ),
    (
        "kill -9 between signing and broadcast: exactly one transfer",
        crash,
    ),
    (
        "An independent verifier checks every fact and tree head",
        verification,
    ),
];

fn wallets(environment: &mut Environment) -> Result<String> {
    let org = json!({ "name": "treasury", "kind": "org" });
    environment.api.post("/wallets", &org)?;
    let key = environment
        .api
        .post("/wallets/treasury/keys", &json!({ "name": "operations" }))?;
    environment.treasury = text(&key, "address")?;
    environment
        .api
        .post("/wallets", &json!({ "name": "customers", "kind": "user" }))?;
    let issued = environment
        .api
        .post("/wallets/customers/addresses", &json!({ "count": 1 }))?;
    environment.alice = text(&issued["items"][0], "address")?;
    fund(&environment.node, &environment.treasury);
    Ok(format!(
        "treasury {}, Alice {}",
        environment.treasury, environment.alice
    ))
}

fn deploy(environment: &mut Environment) -> Result<String> {
    let artifact = testkit::artifact("DemoCallToken");
    let body = json!({
        "signer": environment.treasury,
        "deploy": { "abi": artifact.abi, "bytecode": artifact.bytecode, "params": ["Demo Share", "DEMO", environment.treasury] },
    });
    let id = text(&environment.api.post("/submissions", &body)?, "id")?;
    let done = environment.mine_until_final(&id)?;
    environment.token = text(&done, "createdContract")?;
    let code = environment
        .node
        .rpc("eth_getCode", json!([environment.token, "latest"]));
    expect_eq(
        "code on the chain",
        code.as_str().is_some_and(|code| code.len() > 10),
        true,
    )?;
    policies::register(environment)?;
    let chain = format!("eip155:{}", environment.node.chain_id());
    environment.api.put(
        &format!("/chains/{chain}/tracked/{}", environment.token),
        &json!({}),
    )?;
    Ok(format!(
        "{} in block {}",
        environment.token, done["blockHeight"]
    ))
}

fn subscribe(environment: &mut Environment) -> Result<String> {
    let body = json!({
        "name": "accounting", "from": "newest",
        "filter": { "types": ["event.pending", "event.final", "event.reverted"], "sources": [environment.token] },
        "delivery": { "type": "webhook", "url": environment.webhooks.url("/events") },
    });
    let subscription = environment.api.post("/subscriptions", &body)?;
    Ok(format!(
        "webhook {}",
        text(&subscription["subscription"], "id").or_else(|_| text(&subscription, "id"))?
    ))
}

fn mint(environment: &mut Environment) -> Result<String> {
    let amount = (1_000_000 * ONE).to_string();
    for _ in 0..10 {
        let id = environment.submit_token_call("mint", &json!([environment.treasury, amount]))?;
        environment.mine_until_final(&id)?;
    }
    expect_eq(
        "tokens of the treasury",
        environment.tokens(&environment.treasury)?,
        10_000_000 * ONE,
    )?;
    check_balance(environment, &environment.treasury)
}

const TASK: &str = r#"
description: Transfer tokens and check the balance
steps:
- name: pay
  type: contract_invoke
  options: {method: transfer, until: final}
  dynamicOptions:
    signer: input.signer
    address: input.token
    abi: input.abi
    params: '[input.to, input.amount]'
- name: check
  type: contract_query
  options: {method: balanceOf}
  dynamicOptions:
    address: input.token
    abi: input.abi
    params: '[input.to]'
"#;

fn workflow_transfer(environment: &mut Environment) -> Result<String> {
    environment
        .api
        .put("/tasks/pay", &json!({ "name": "pay" }))?;
    environment.api.post_yaml("/tasks/pay/versions", TASK)?;
    let input = json!({
        "signer": environment.treasury, "token": environment.token, "abi": environment.token_abi, "to": environment.alice, "amount": (100 * ONE).to_string(),
    });
    let run = text(
        &environment
            .api
            .post("/tasks/pay/runs", &json!({ "input": input }))?,
        "id",
    )?;
    let mut last = Value::Null;
    let outcome = environment.until("the run ends", || {
        environment.node.mine(1);
        last = environment
            .api
            .get(&format!("/runs/{run}"))
            .unwrap_or(Value::Null);
        ["succeeded", "failed", "parked"].contains(&last["state"].as_str().unwrap_or_default())
    });
    outcome.with_context(|| format!("last response: {last}"))?;
    expect_eq(
        "state of the run",
        last["state"].as_str(),
        Some("succeeded"),
    )
    .with_context(|| last.to_string())?;
    expect_eq(
        "tokens of Alice",
        environment.tokens(&environment.alice)?,
        100 * ONE,
    )?;
    check_balance(environment, &environment.alice)
}

/// Assert that the data model has the balance that the chain has.
fn check_balance(environment: &Environment, account: &str) -> Result<String> {
    let on_chain = environment.tokens(account)?.to_string();
    let mut balances = Value::Null;
    environment
        .until("the balance matches the chain", || {
            balances = environment
                .api
                .get(&format!("/addresses/{account}/balances"))
                .unwrap_or(Value::Null);
            balances["items"][0]["balanceAfter"].as_str() == Some(on_chain.as_str())
        })
        .with_context(|| format!("{on_chain} on the chain, the data model has {balances}"))?;
    Ok(format!(
        "by eth_call and in the data model: {on_chain} base units"
    ))
}

/// The events of a transaction that the application received: type and id, in order.
fn received(environment: &Environment, transaction: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for request in environment.webhooks.requests() {
        let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
            continue;
        };
        for event in body["events"].as_array().into_iter().flatten() {
            if event["data"]["transaction"] == transaction {
                let kind = event["type"].as_str().unwrap_or_default().to_owned();
                all.push((kind, event["id"].as_str().unwrap_or_default().to_owned()));
            }
        }
    }
    all
}

fn expect_events(environment: &Environment, transaction: &str, kinds: &[&str]) -> Result<String> {
    environment
        .until(&format!("the application received {kinds:?}"), || {
            received(environment, transaction)
                .iter()
                .map(|(kind, _)| kind.as_str())
                .eq(kinds.iter().copied())
        })
        .with_context(|| format!("it received {:?}", received(environment, transaction)))?;
    let ids: std::collections::BTreeSet<String> = received(environment, transaction)
        .into_iter()
        .map(|(_, id)| id)
        .collect();
    expect_eq("ids of the event", ids.len(), 1)?;
    ids.into_iter().next().context("no id")
}

fn reorganization(environment: &mut Environment) -> Result<String> {
    let before = environment.tokens(&environment.alice)?;
    let id = environment.submit_token_call(
        "transfer",
        &json!([environment.alice, (7 * ONE).to_string()]),
    )?;
    environment.until_state(&id, "accepted")?;
    environment.node.mine(1);
    let mined = environment.until_state(&id, "mined")?;
    let transaction = text(&mined, "transaction")?;
    expect_eq(
        "tokens of Alice",
        environment.tokens(&environment.alice)?,
        before + 7 * ONE,
    )?;
    expect_events(environment, &transaction, &["event.pending"])?;

    environment.node.reorg(1, &[]);
    expect_eq(
        "tokens of Alice after the reorganization",
        environment.tokens(&environment.alice)?,
        before,
    )?;
    expect_events(
        environment,
        &transaction,
        &["event.pending", "event.reverted"],
    )?;
    environment.until("the same bytes are sent to the node again", || {
        !environment
            .node
            .rpc("eth_getTransactionByHash", json!([transaction]))
            .is_null()
    })?;
    environment.node.mine(1);
    expect_eq(
        "tokens of Alice, mined again",
        environment.tokens(&environment.alice)?,
        before + 7 * ONE,
    )?;
    environment.until_state(&id, "mined")?;
    environment.node.mine(3);
    let done = environment.until_state(&id, "final")?;
    expect_eq(
        "the transaction",
        text(&done, "transaction")?,
        transaction.clone(),
    )?;
    let event = expect_events(
        environment,
        &transaction,
        &[
            "event.pending",
            "event.reverted",
            "event.pending",
            "event.final",
        ],
    )?;
    check_balance(environment, &environment.alice)?;
    Ok(format!("event {event}"))
}

fn crash(environment: &mut Environment) -> Result<String> {
    let (before, count) = (
        nonce(&environment.node, &environment.treasury)?,
        transfers_to(&environment.node, &environment.token, &environment.alice),
    );
    let hold = environment.file("hold");
    let held = environment.file("hold.held");
    environment.kill()?;
    let fail = format!("submit.committed:hold:{}", hold.display());
    environment.start_server(&[("FLORIN_FAIL", &fail)])?;
    let id =
        environment.submit_token_call("transfer", &json!([environment.alice, ONE.to_string()]))?;
    environment.until("the process is held between signing and broadcast", || {
        held.exists()
    })?;
    environment.kill()?;
    environment.node.mine(1);
    expect_eq(
        "nonce while the server is down",
        nonce(&environment.node, &environment.treasury)?,
        before,
    )?;
    let startup = environment.start_server(&[])?;
    let done = environment.mine_until_final(&id)?;
    expect_eq(
        "nonce of the treasury",
        nonce(&environment.node, &environment.treasury)?,
        before + 1,
    )?;
    expect_eq(
        "transfers to Alice",
        transfers_to(&environment.node, &environment.token, &environment.alice),
        count + 1,
    )?;
    check_balance(environment, &environment.alice)?;
    Ok(format!(
        "{} is final; the server was ready {} ms after its restart",
        text(&done, "transaction")?,
        startup.as_millis()
    ))
}

fn verification(environment: &mut Environment) -> Result<String> {
    let exported = std::fs::read_to_string(environment.file("florin-data/tree-heads.jsonl"))?;
    let first = exported
        .lines()
        .next()
        .context("no tree head was exported")?;
    let tree_head: Value = serde_json::from_str(first)?;
    let report = environment.florin(&["verify", "--json", "--key", &text(&tree_head, "key")?])?;
    let report: Value = serde_json::from_str(&report).context(report)?;
    expect_eq("problems", report["problem_count"].as_u64(), Some(0))?;
    let facts: u64 = report["partitions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|partition| partition["facts"].as_u64())
        .sum();
    Ok(format!(
        "{facts} facts, {} tree heads",
        report["tree_heads"]["count"]
    ))
}
