//! The story, in the order in which it is told.

use super::Step;
use super::stage::Stage;
use crate::stage::api::text;
use crate::stage::fund;
use crate::stage::judge::{nonce, same, tokens, transfers_to};
use serde_json::{Value, json};

/// One token: DemoToken has this many base units.
const ONE: u128 = 1_000_000_000_000_000_000;

pub(super) const STEPS: [Step; 10] = [
    (
        "Wallets: a treasury for the organisation, an address for Alice",
        wallets,
    ),
    ("A policy: no transfer above a million", policy),
    ("The token is deployed by the treasury, and tracked", deploy),
    ("An application subscribes to what happens", subscribe),
    ("Ten million are minted to the treasury", mint),
    (
        "A transfer of two million is stopped before any key is touched",
        denied,
    ),
    (
        "A transfer of a hundred goes through a workflow to finality, and the books agree",
        workflow,
    ),
    (
        "A reorganisation drops a transfer: reverted, sent again, mined, one id throughout",
        reorganised,
    ),
    (
        "kill -9 between signing and broadcast: exactly one transfer",
        killed,
    ),
    (
        "An independent verifier checks every fact and seal",
        verified,
    ),
];

fn wallets(stage: &mut Stage) -> Result<String, String> {
    let org = json!({ "name": "treasury", "kind": "org" });
    stage.api.post("/wallets", &org)?;
    let key = stage
        .api
        .post("/wallets/treasury/keys", &json!({ "name": "operations" }))?;
    stage.treasury = text(&key, "address")?;
    stage
        .api
        .post("/wallets", &json!({ "name": "customers", "kind": "user" }))?;
    let handed = stage
        .api
        .post("/wallets/customers/addresses", &json!({ "count": 1 }))?;
    stage.alice = text(&handed["items"][0], "address")?;
    fund(&stage.node, &stage.treasury);
    Ok(format!(
        "treasury {}, Alice {}",
        stage.treasury, stage.alice
    ))
}

fn policy(stage: &mut Stage) -> Result<String, String> {
    let document = std::fs::read_to_string(testkit::workspace_root().join("policies/limit.rego"))
        .map_err(|e| e.to_string())?;
    stage.api.put(
        "/policies/limit",
        &json!({ "name": "limit", "description": "at most a million" }),
    )?;
    let version = stage
        .api
        .post("/policies/limit/versions", &json!({ "document": document }))?;
    stage.api.post(
        "/policies/limit/attachments",
        &json!({ "target": { "kind": "namespace" } }),
    )?;
    Ok(format!("sha256 {}", text(&version, "hash")?))
}

fn deploy(stage: &mut Stage) -> Result<String, String> {
    let artifact = testkit::artifact("DemoToken");
    let body = json!({
        "signer": stage.treasury,
        "deploy": { "abi": artifact.abi, "bytecode": artifact.bytecode, "params": ["Demo Share", "DEMO", 18, stage.treasury] },
    });
    let id = text(&stage.api.post("/submissions", &body)?, "id")?;
    let done = stage.mine_until_final(&id)?;
    stage.token = text(&done, "createdContract")?;
    let code = stage
        .node
        .rpc("eth_getCode", json!([stage.token, "latest"]));
    same(
        "code on the chain",
        code.as_str().is_some_and(|code| code.len() > 10),
        true,
    )?;
    let chain = format!("eip155:{}", stage.node.chain_id());
    stage.api.put(
        &format!("/chains/{chain}/tracked/{}", stage.token),
        &json!({}),
    )?;
    Ok(format!("{} in block {}", stage.token, done["blockHeight"]))
}

fn subscribe(stage: &mut Stage) -> Result<String, String> {
    let body = json!({
        "name": "books", "from": "newest",
        "filter": { "types": ["event.pending", "event.final", "event.reverted"], "sources": [stage.token] },
        "delivery": { "type": "webhook", "url": stage.hooks.url("/events") },
    });
    let made = stage.api.post("/subscriptions", &body)?;
    Ok(format!(
        "webhook {}",
        text(&made["subscription"], "id").or_else(|_| text(&made, "id"))?
    ))
}

fn mint(stage: &mut Stage) -> Result<String, String> {
    let amount = (1_000_000 * ONE).to_string();
    for _ in 0..10 {
        let id = stage.token_call("mint", &json!([stage.treasury, amount]))?;
        stage.mine_until_final(&id)?;
    }
    same(
        "tokens of the treasury",
        tokens(&stage.node, &stage.token, &stage.treasury)?,
        10_000_000 * ONE,
    )?;
    books(stage, &stage.treasury.clone())
}

fn denied(stage: &mut Stage) -> Result<String, String> {
    let before = nonce(&stage.node, &stage.treasury)?;
    let id = stage.token_call(
        "transfer",
        &json!([stage.alice, (2_000_000 * ONE).to_string()]),
    )?;
    let one = stage.until_state(&id, "denied")?;
    stage.node.mine(1);
    same(
        "nonce of the treasury",
        nonce(&stage.node, &stage.treasury)?,
        before,
    )?;
    same(
        "tokens of Alice",
        tokens(&stage.node, &stage.token, &stage.alice)?,
        0,
    )?;
    text(&one, "reason")
}

const TASK: &str = r#"
description: Pay tokens, and look whether they came
steps:
- name: pay
  type: contract_invoke
  options: {method: transfer, until: final}
  dynamicOptions:
    signer: input.signer
    address: input.token
    abi: input.abi
    params: '[input.to, input.amount]'
- name: look
  type: contract_query
  options: {method: balanceOf}
  dynamicOptions:
    address: input.token
    abi: input.abi
    params: '[input.to]'
"#;

fn workflow(stage: &mut Stage) -> Result<String, String> {
    stage.api.put("/tasks/pay", &json!({ "name": "pay" }))?;
    stage.api.post_yaml("/tasks/pay/versions", TASK)?;
    let input = json!({
        "signer": stage.treasury, "token": stage.token, "abi": stage.token_abi, "to": stage.alice, "amount": (100 * ONE).to_string(),
    });
    let run = text(
        &stage
            .api
            .post("/tasks/pay/runs", &json!({ "input": input }))?,
        "id",
    )?;
    let mut last = Value::Null;
    let told = stage.until("the run ends", || {
        stage.node.mine(1);
        last = stage
            .api
            .get(&format!("/runs/{run}"))
            .unwrap_or(Value::Null);
        ["succeeded", "failed", "parked"].contains(&last["state"].as_str().unwrap_or_default())
    });
    told.map_err(|why| format!("{why}; it is {last}"))?;
    same(
        "state of the run",
        last["state"].as_str(),
        Some("succeeded"),
    )
    .map_err(|why| format!("{why}: {last}"))?;
    same(
        "tokens of Alice",
        tokens(&stage.node, &stage.token, &stage.alice)?,
        100 * ONE,
    )?;
    books(stage, &stage.alice.clone())
}

/// The data model says what the chain says.
fn books(stage: &Stage, account: &str) -> Result<String, String> {
    let on_chain = tokens(&stage.node, &stage.token, account)?.to_string();
    let mut found = Value::Null;
    stage
        .until("the books agree with the chain", || {
            found = stage
                .api
                .get(&format!("/addresses/{account}/balances"))
                .unwrap_or(Value::Null);
            found["items"][0]["balanceAfter"].as_str() == Some(on_chain.as_str())
        })
        .map_err(|why| format!("{why}: the chain says {on_chain}, the books say {found}"))?;
    Ok(format!(
        "by eth_call and in the books: {on_chain} base units"
    ))
}

/// What the application was told about events with this transaction: kind and id, in order.
fn told(stage: &Stage, transaction: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for request in stage.hooks.requests() {
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

fn was_told(stage: &Stage, transaction: &str, kinds: &[&str]) -> Result<String, String> {
    stage
        .until(&format!("the application was told {kinds:?}"), || {
            told(stage, transaction)
                .iter()
                .map(|(kind, _)| kind.as_str())
                .eq(kinds.iter().copied())
        })
        .map_err(|why| format!("{why}; it was told {:?}", told(stage, transaction)))?;
    let ids: std::collections::BTreeSet<String> = told(stage, transaction)
        .into_iter()
        .map(|(_, id)| id)
        .collect();
    same("ids of the event", ids.len(), 1)?;
    ids.into_iter().next().ok_or_else(|| "no id".to_owned())
}

fn reorganised(stage: &mut Stage) -> Result<String, String> {
    let before = tokens(&stage.node, &stage.token, &stage.alice)?;
    let id = stage.token_call("transfer", &json!([stage.alice, (7 * ONE).to_string()]))?;
    stage.until_state(&id, "accepted")?;
    stage.node.mine(1);
    let mined = stage.until_state(&id, "mined")?;
    let transaction = text(&mined, "transaction")?;
    same(
        "tokens of Alice",
        tokens(&stage.node, &stage.token, &stage.alice)?,
        before + 7 * ONE,
    )?;
    was_told(stage, &transaction, &["event.pending"])?;

    stage.node.reorg(1, &[]);
    same(
        "tokens of Alice after the reorganisation",
        tokens(&stage.node, &stage.token, &stage.alice)?,
        before,
    )?;
    was_told(stage, &transaction, &["event.pending", "event.reverted"])?;
    stage.until("the same bytes are with the node again", || {
        !stage
            .node
            .rpc("eth_getTransactionByHash", json!([transaction]))
            .is_null()
    })?;
    stage.node.mine(1);
    same(
        "tokens of Alice, mined again",
        tokens(&stage.node, &stage.token, &stage.alice)?,
        before + 7 * ONE,
    )?;
    stage.until_state(&id, "mined")?;
    stage.node.mine(3);
    let done = stage.until_state(&id, "final")?;
    same(
        "the transaction",
        text(&done, "transaction")?,
        transaction.clone(),
    )?;
    let event = was_told(
        stage,
        &transaction,
        &[
            "event.pending",
            "event.reverted",
            "event.pending",
            "event.final",
        ],
    )?;
    books(stage, &stage.alice.clone())?;
    Ok(format!("event {event}"))
}

fn killed(stage: &mut Stage) -> Result<String, String> {
    let (before, count) = (
        nonce(&stage.node, &stage.treasury)?,
        transfers_to(&stage.node, &stage.token, &stage.alice),
    );
    let hold = stage.file("hold");
    let held = stage.file("hold.held");
    stage.kill()?;
    let fail = format!("submit.committed:hold:{}", hold.display());
    stage.start(&[("FLORIN_FAIL", &fail)])?;
    let id = stage.token_call("transfer", &json!([stage.alice, ONE.to_string()]))?;
    stage.until("the process stands between signing and broadcast", || {
        held.exists()
    })?;
    stage.kill()?;
    stage.node.mine(1);
    same(
        "nonce while it is dead",
        nonce(&stage.node, &stage.treasury)?,
        before,
    )?;
    let took = stage.start(&[])?;
    let done = stage.mine_until_final(&id)?;
    same(
        "nonce of the treasury",
        nonce(&stage.node, &stage.treasury)?,
        before + 1,
    )?;
    same(
        "transfers to Alice",
        transfers_to(&stage.node, &stage.token, &stage.alice),
        count + 1,
    )?;
    books(stage, &stage.alice.clone())?;
    Ok(format!(
        "{} is final; ready again {} ms after the start",
        text(&done, "transaction")?,
        took.as_millis()
    ))
}

fn verified(stage: &mut Stage) -> Result<String, String> {
    let key = std::fs::read_to_string(stage.file("florin-data/seals.jsonl"))
        .map_err(|error| error.to_string())?;
    let first = key.lines().next().ok_or("nothing was sealed")?;
    let seal: Value = serde_json::from_str(first).map_err(|error| error.to_string())?;
    let report = stage.florin(&["verify", "--json", "--key", &text(&seal, "key")?])?;
    let report: Value =
        serde_json::from_str(&report).map_err(|error| format!("{report}: {error}"))?;
    same("problems", report["problem_count"].as_u64(), Some(0))?;
    let facts: u64 = report["partitions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["facts"].as_u64())
        .sum();
    Ok(format!("{facts} facts, {} seals", report["seals"]["count"]))
}
