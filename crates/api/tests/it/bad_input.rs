//! Bad input gets a problem that names the field and the code, and changes nothing.

use crate::client::Call;
use crate::world::{BOB, BODY_LIMIT, SIGNER, World};
use serde_json::{Value, json};
use testkit::on_each_engine;

const ABI: &str = r#"[{"type":"function","name":"transfer","inputs":[{"name":"to","type":"address"},{"name":"amount","type":"uint256"}],"outputs":[]}]"#;
const ABOVE: &str =
    "115792089237316195423570985008687907853269984665640564039457584007913129639936";

fn pay(with: Value) -> Value {
    let mut body = json!({ "signer": SIGNER, "to": BOB });
    body.as_object_mut()
        .unwrap()
        .extend(with.as_object().unwrap().clone());
    body
}

fn call(params: Value) -> Value {
    pay(
        json!({ "abi": serde_json::from_str::<Value>(ABI).unwrap(), "method": "transfer", "params": params }),
    )
}

/// Method, path, body, code, field.
type Row = (
    &'static str,
    &'static str,
    Value,
    &'static str,
    &'static str,
);

fn submissions() -> Vec<Row> {
    let wrong_checksum = "0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
    let row = |body: Value, code, field| ("POST", "/submissions", body, code, field);
    vec![
        row(pay(json!({ "colour": "red" })), "api.field", "colour"),
        row(
            pay(json!({ "signer": wrong_checksum })),
            "intent.address",
            "signer",
        ),
        row(pay(json!({ "to": "0x12" })), "intent.address", "to"),
        row(pay(json!({ "value": ABOVE })), "api.field", "value"),
        row(pay(json!({ "value": "-1" })), "api.field", "value"),
        row(pay(json!({ "value": "1.5" })), "api.field", "value"),
        row(pay(json!({ "value": 1.5 })), "api.field", "value"),
        row(
            pay(json!({ "value": { "value": "0.0000000000000000001", "unit": "ether" } })),
            "api.field",
            "value",
        ),
        row(
            pay(json!({ "value": { "value": "1", "unit": "florin" } })),
            "api.field",
            "value",
        ),
        row(pay(json!({ "chain": "mainnet" })), "api.field", "chain"),
        row(
            pay(json!({ "chain": "eip155:5" })),
            "submit.unknown_chain",
            "chain",
        ),
        row(pay(json!({ "data": "0xzz" })), "api.field", "data"),
        row(
            pay(json!({ "data": "0x00", "method": "transfer" })),
            "api.field",
            "method",
        ),
        row(pay(json!({ "method": "transfer" })), "api.field", "abi"),
        row(pay(json!({ "params": [] })), "api.field", "params"),
        row(json!({ "signer": SIGNER }), "api.field", "to"),
        row(json!({ "to": BOB }), "api.field", "body"),
        row(call(json!([BOB])), "intent.abi", "params"),
        row(call(json!([BOB, "-1"])), "intent.abi", "params[1]"),
        row(
            call(json!({ "to": BOB, "amount": ABOVE })),
            "intent.abi",
            "params.amount",
        ),
        row(call(json!(["bob", "1"])), "intent.abi", "params[0]"),
        row(
            json!({ "signer": SIGNER, "deploy": { "bytecode": "0x6001", "params": [1] } }),
            "intent.abi",
            "deploy.params",
        ),
        row(
            json!({ "signer": SIGNER, "deploy": { "bytecode": "0x60_1" } }),
            "api.field",
            "deploy.bytecode",
        ),
        row(
            pay(json!({ "signer": BOB })),
            "submit.unknown_signer",
            "signer",
        ),
    ]
}

fn others() -> Vec<Row> {
    vec![
        (
            "POST",
            "/wallets",
            json!({ "name": " ", "kind": "user" }),
            "keys.name",
            "name",
        ),
        (
            "POST",
            "/wallets",
            json!({ "name": "w", "kind": "paper" }),
            "api.field",
            "kind",
        ),
        (
            "POST",
            "/wallets",
            json!({ "name": "w", "kind": "org", "metadata": [] }),
            "keys.metadata",
            "metadata",
        ),
        (
            "POST",
            "/wallets",
            json!({ "name": "w", "kind": "org", "secret": { "kind": "mnemonic", "words": "no such words" } }),
            "keys.mnemonic",
            "secret.words",
        ),
        (
            "POST",
            "/wallets",
            json!({ "name": "w", "kind": "org", "secret": { "kind": "privateKey", "key": "0".repeat(64), "chain": "eip155:31337" } }),
            "keys.private_key",
            "secret.key",
        ),
        (
            "POST",
            "/wallets/treasury/addresses",
            json!({ "count": 0 }),
            "keys.limit",
            "count",
        ),
        (
            "POST",
            "/freezes",
            json!({ "scope": "everything", "reason": "x" }),
            "api.field",
            "scope",
        ),
        (
            "POST",
            "/freezes",
            json!({ "scope": "namespace", "reason": " " }),
            "api.field",
            "reason",
        ),
        (
            "PUT",
            "/policies/p",
            json!({ "name": "q" }),
            "api.field",
            "name",
        ),
        (
            "POST",
            "/policies/rule/versions",
            json!({ "document": "package florin.x\nallow if {" }),
            "policy.document",
            "document",
        ),
        (
            "POST",
            "/policies/rule/attachments",
            json!({ "target": { "kind": "planet" } }),
            "api.field",
            "target.kind",
        ),
        (
            "GET",
            "/submissions?state=lost",
            Value::Null,
            "api.field",
            "state",
        ),
        (
            "GET",
            "/submissions?limit=0",
            Value::Null,
            "api.field",
            "limit",
        ),
        (
            "GET",
            "/submissions?limit=1&limit=2",
            Value::Null,
            "api.field",
            "limit",
        ),
        (
            "GET",
            "/submissions?after=zzz",
            Value::Null,
            "api.field",
            "after",
        ),
        (
            "GET",
            "/submissions?signer=a%00b",
            Value::Null,
            "api.field",
            "signer",
        ),
        (
            "GET",
            "/wallets?after=zzz",
            Value::Null,
            "api.field",
            "after",
        ),
        (
            "GET",
            "/wallets/treasury/keys?after=0",
            Value::Null,
            "api.field",
            "after",
        ),
        (
            "GET",
            "/wallets/treasury/addresses?after=x",
            Value::Null,
            "api.field",
            "after",
        ),
        ("GET", "/wallets/a%00b", Value::Null, "api.field", "wallet"),
        ("GET", "/wallets/%ff", Value::Null, "api.field", "path"),
        (
            "GET",
            "/subscriptions?after=zzz",
            Value::Null,
            "api.field",
            "after",
        ),
        (
            "GET",
            "/policy-attachments?after=zzz",
            Value::Null,
            "api.field",
            "after",
        ),
        (
            "GET",
            "/api-keys?after=zzz",
            Value::Null,
            "api.field",
            "after",
        ),
        (
            "GET",
            "/namespaces/%ff/wallets",
            Value::Null,
            "api.field",
            "path",
        ),
        ("POST", "/assets", json!([1]), "data.invalid", "body"),
        ("PUT", "/bulk/datamodel", json!("x"), "data.body", "body"),
        ("POST", "/bulk/query", json!([1]), "data.body", "body"),
        (
            "POST",
            "/tasks/t/versions",
            json!("x"),
            "workflow.definition",
            "body",
        ),
        (
            "GET",
            "/submissions?colour=red",
            Value::Null,
            "api.field",
            "colour",
        ),
        ("GET", "/submissions/sub:1", Value::Null, "api.field", "id"),
        (
            "GET",
            "/wallets?skip=10001",
            Value::Null,
            "api.field",
            "skip",
        ),
        (
            "GET",
            "/chains/eip155:31337/events?after=x",
            Value::Null,
            "api.field",
            "after",
        ),
        (
            "PUT",
            "/chains/eip155:31337/tracked/bob",
            json!({}),
            "index.source",
            "source",
        ),
        (
            "POST",
            "/api-keys",
            json!({ "name": "", "roles": [] }),
            "api.field",
            "name",
        ),
        (
            "POST",
            "/api-keys",
            json!({ "name": "system/policy", "roles": [] }),
            "api.field",
            "name",
        ),
        (
            "POST",
            "/api-keys",
            json!({ "name": "n", "roles": ["god"] }),
            "api.field",
            "roles[0]",
        ),
        (
            "PUT",
            "/namespaces/current",
            json!({ "defaultChain": "eip155:5" }),
            "submit.unknown_chain",
            "defaultChain",
        ),
        (
            "POST",
            "/contracts/query",
            json!({ "to": BOB, "abi": [], "method": "x" }),
            "intent.abi",
            "method",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_row_names_its_code_and_field_and_changes_nothing() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        world.treasury().await;
        world.ask("PUT", "/policies/rule", json!({})).await.good();
        let before = world.facts("a").await;
        for (method, path, body, code, field) in submissions().into_iter().chain(others()) {
            let answer = world.ask(method, path, body.clone()).await;
            let refusal = answer.refusal();
            assert_eq!(
                (refusal.0.as_str(), refusal.1.as_str()),
                (code, field),
                "{method} {path} {body}: {}",
                answer.text
            );
        }
        assert_eq!(world.facts("a").await, before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_bodies_are_refused_whole() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let before = world.facts("a").await;
        let post = |kind: &str, body: &str| {
            Call::new("POST", "/api/v1/wallets")
                .key(&world.a)
                .text(kind, body)
        };
        let rows = [
            (post("application/json", "{\"name\": "), 400, "api.field"),
            (post("application/json", ""), 400, "api.field"),
            (post("application/json", "{} {}"), 400, "api.field"),
            (post("application/json", "\u{0}"), 400, "api.field"),
            (post("text/plain", "{}"), 415, "api.media_type"),
            (
                post(
                    "application/json",
                    &format!("\"{}\"", "x".repeat(BODY_LIMIT)),
                ),
                413,
                "api.too_large",
            ),
            (
                post("application/json", &"[".repeat(10_000)),
                400,
                "api.field",
            ),
        ];
        for (call, status, code) in rows {
            let answer = world.send(call).await;
            assert_eq!(
                (answer.status, answer.refusal().0.as_str()),
                (status, code),
                "{}",
                answer.text
            );
        }
        assert_eq!(world.facts("a").await, before);
    })
    .await;
}
