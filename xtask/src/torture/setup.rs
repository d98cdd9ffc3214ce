//! Preparation before the first round: signers with tokens, a policy, the task, subscriptions.

use super::world::{TIMEOUT_MS, World};
use crate::harness::api::{Api, text};
use crate::harness::fund;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Initial token balance of each signer.
pub(super) const INITIAL_BALANCE: u128 = 1_000_000_000_000_000_000_000_000;
/// The wallets of the signers, each with its back end and the number of its keys: more than one, so
/// that lanes are in several shards. The signer of the setup is the first.
const WALLETS: [(&str, &str, usize); 2] = [("treasury", "software", 2), ("vault", "deferred", 2)];

/// An outside call, a transfer until it is final, and an asset in the data model that can be
/// created only once.
const TASK: &str = r#"
description: Call the receiver, pay, and create an asset
steps:
- name: call
  type: http_request
  timeout: 1000
  ambiguity: retry
  retry: {attempts: 200, initial_ms: 100, max_ms: 500}
  options: {method: POST}
  dynamicOptions:
    url: input.url
    body: '{"order": input.order, "amount": input.amount}'
- name: pay
  type: contract_invoke
  options: {method: transfer, until: final}
  dynamicOptions:
    signer: input.signer
    address: input.token
    abi: input.abi
    params: '[input.to, input.amount]'
- name: record
  type: data_model_update
  dynamicOptions:
    assets: '[{"updateType": "create_only", "name": input.order}]'
"#;

/// Prepare the world, through one process.
pub(super) fn prepare(world: &mut World) -> Result<()> {
    let api = Api {
        timeout: Duration::from_millis(TIMEOUT_MS),
        ..world.target.apis[0].clone()
    };
    api.put("/policies/all", &json!({ "name": "all" }))?;
    api.post(
        "/policies/all/versions",
        &json!({ "document": "package all\ndefault allow := true\n" }),
    )?;
    api.post(
        "/policies/all/attachments",
        &json!({ "target": { "kind": "namespace" } }),
    )?;
    for (wallet, backend, keys) in WALLETS {
        api.post(
            "/wallets",
            &json!({ "name": wallet, "kind": "org", "backend": backend }),
        )?;
        for number in 0..keys {
            let key = api.post(
                &format!("/wallets/{wallet}/keys"),
                &json!({ "name": format!("signer-{number}") }),
            )?;
            let signer = text(&key, "address")?.to_lowercase();
            world.miner.paused(|node| fund(node, &signer));
            world.signers.push(signer);
        }
    }
    let token = deploy(world, &api)?;
    track_and_subscribe(world, &api, &token)?;
    let target = Arc::get_mut(&mut world.target).context("the target is not shared yet")?;
    target.token = token;
    for signer in world.signers.clone() {
        let body = json!({
            "signer": world.signers[0], "to": world.target.token, "abi": world.target.abi,
            "method": "mint", "params": [signer, INITIAL_BALANCE.to_string()],
        });
        submit_until_final(world, &api, &body)?;
    }
    api.put("/tasks/pay", &json!({ "name": "pay" }))?;
    api.post_yaml(
        "/tasks/pay/versions",
        &TASK.replace(
            "input.url",
            &format!("'\"{}\"'", world.http_receiver.url("/pay")),
        ),
    )?;
    Ok(())
}

fn deploy(world: &World, api: &Api) -> Result<String> {
    let artifact = testkit::artifact("DemoToken");
    let body = json!({
        "signer": world.signers[0],
        "deploy": { "abi": artifact.abi, "bytecode": artifact.bytecode, "params": ["Torture", "TORT", 18, world.signers[0]] },
    });
    Ok(text(&submit_until_final(world, api, &body)?, "createdContract")?.to_lowercase())
}

/// Subscribe the webhook receiver to all events of the token and to the completion of every order.
fn track_and_subscribe(world: &World, api: &Api, token: &str) -> Result<()> {
    let chain = format!("eip155:{}", world.node.chain_id());
    api.put(&format!("/chains/{chain}/tracked/{token}"), &json!({}))?;
    let events =
        json!({ "types": ["event.pending", "event.final", "event.reverted"], "sources": [token] });
    let ends = json!({ "types": ["submission.final", "run.succeeded"] });
    for (name, filter) in [("chain", events), ("ends", ends)] {
        let subscription = json!({
            "name": name, "from": "oldest", "filter": filter,
            "retry": { "initialMs": 100, "maxMs": 500, "attempts": 100 },
            "delivery": { "type": "webhook", "url": world.webhook_receiver.url(&format!("/{name}")), "timeoutMs": 1000 },
        });
        api.post("/subscriptions", &subscription)?;
    }
    Ok(())
}

/// Submit, and wait until the submission is final.
fn submit_until_final(world: &World, api: &Api, body: &Value) -> Result<Value> {
    let id = text(&api.post("/submissions", body)?, "id")?;
    let mut last = Value::Null;
    let path = format!("/submissions/{id}");
    let is_final = testkit::wait_until(TIMEOUT_MS, || {
        last = world.get(&path).unwrap_or(Value::Null);
        last["state"] == "final"
    });
    ensure!(is_final, "setup: {id} did not become final: {last}");
    Ok(last)
}
