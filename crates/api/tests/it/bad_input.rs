//! Invalid input is rejected with a code and a field, and changes nothing.

use crate::client::ApiRequest;
use crate::world::{BOB, BODY_LIMIT, SIGNER, World};
use serde_json::{Value, json};
use testkit::on_each_engine;

const ABI: &str = r#"[{"type":"function","name":"transfer","inputs":[{"name":"to","type":"address"},{"name":"amount","type":"uint256"}],"outputs":[]}]"#;
const ABOVE_UINT256: &str =
    "115792089237316195423570985008687907853269984665640564039457584007913129639936";

fn payment(with: Value) -> Value {
    let mut body = json!({ "signer": SIGNER, "to": BOB });
    body.as_object_mut()
        .unwrap()
        .extend(with.as_object().unwrap().clone());
    body
}

fn contract_call(params: Value) -> Value {
    payment(
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
        row(
            payment(json!({ "color": "red" })),
            "api.invalid_field",
            "color",
        ),
        row(
            payment(json!({ "signer": wrong_checksum })),
            "intent.invalid_address",
            "signer",
        ),
        row(
            payment(json!({ "to": "0x12" })),
            "intent.invalid_address",
            "to",
        ),
        row(
            payment(json!({ "value": ABOVE_UINT256 })),
            "api.invalid_field",
            "value",
        ),
        row(
            payment(json!({ "value": "-1" })),
            "api.invalid_field",
            "value",
        ),
        row(
            payment(json!({ "value": "1.5" })),
            "api.invalid_field",
            "value",
        ),
        row(
            payment(json!({ "value": 1.5 })),
            "api.invalid_field",
            "value",
        ),
        row(
            payment(json!({ "value": { "value": "0.0000000000000000001", "unit": "ether" } })),
            "api.invalid_field",
            "value",
        ),
        row(
            payment(json!({ "value": { "value": "1", "unit": "florin" } })),
            "api.invalid_field",
            "value",
        ),
        row(
            payment(json!({ "chain": "mainnet" })),
            "api.invalid_field",
            "chain",
        ),
        row(
            payment(json!({ "chain": "eip155:5" })),
            "submit.unknown_chain",
            "chain",
        ),
        row(
            payment(json!({ "data": "0xzz" })),
            "api.invalid_field",
            "data",
        ),
        row(
            payment(json!({ "data": "0x00", "method": "transfer" })),
            "api.invalid_field",
            "method",
        ),
        row(
            payment(json!({ "method": "transfer" })),
            "api.invalid_field",
            "abi",
        ),
        row(
            payment(json!({ "abi": ["x".repeat(1 << 20)] })),
            "submit.invalid_field",
            "abi",
        ),
        row(
            payment(json!({ "params": [] })),
            "api.invalid_field",
            "params",
        ),
        row(json!({ "signer": SIGNER }), "api.invalid_field", "to"),
        row(json!({ "to": BOB }), "api.invalid_field", "signer"),
        row(contract_call(json!([BOB])), "intent.abi_mismatch", "params"),
        row(
            contract_call(json!([BOB, "-1"])),
            "intent.abi_mismatch",
            "params[1]",
        ),
        row(
            contract_call(json!({ "to": BOB, "amount": ABOVE_UINT256 })),
            "intent.abi_mismatch",
            "params.amount",
        ),
        row(
            contract_call(json!(["bob", "1"])),
            "intent.abi_mismatch",
            "params[0]",
        ),
        row(
            json!({ "signer": SIGNER, "deploy": { "bytecode": "0x6001", "params": [1] } }),
            "intent.abi_mismatch",
            "deploy.params",
        ),
        row(
            json!({ "signer": SIGNER, "deploy": { "bytecode": "0x60_1" } }),
            "api.invalid_field",
            "deploy.bytecode",
        ),
        row(
            payment(json!({ "signer": BOB })),
            "submit.unknown_signer",
            "signer",
        ),
    ]
}

fn other_routes() -> Vec<Row> {
    vec![
        (
            "POST",
            "/wallets",
            json!({ "name": " ", "kind": "user" }),
            "keys.invalid_name",
            "name",
        ),
        (
            "POST",
            "/wallets",
            json!({ "name": "w", "kind": "paper" }),
            "api.invalid_field",
            "kind",
        ),
        (
            "POST",
            "/wallets",
            json!({ "name": "w", "kind": "org", "metadata": [] }),
            "keys.invalid_metadata",
            "metadata",
        ),
        (
            "POST",
            "/wallets",
            json!({ "name": "w", "kind": "org", "secret": { "kind": "mnemonic", "words": "no such words" } }),
            "keys.invalid_mnemonic",
            "secret.words",
        ),
        (
            "POST",
            "/wallets",
            json!({ "name": "w", "kind": "org", "secret": { "kind": "privateKey", "key": "0".repeat(64), "chain": "eip155:31337" } }),
            "keys.invalid_private_key",
            "secret.key",
        ),
        (
            "POST",
            "/wallets/treasury/addresses",
            json!({ "count": 0 }),
            "keys.limit_exceeded",
            "count",
        ),
        (
            "POST",
            "/freezes",
            json!({ "scope": "everything", "reason": "x" }),
            "api.invalid_field",
            "scope",
        ),
        (
            "POST",
            "/freezes",
            json!({ "scope": "namespace", "reason": " " }),
            "api.invalid_field",
            "reason",
        ),
        (
            "PUT",
            "/policies/p",
            json!({ "name": "q" }),
            "api.invalid_field",
            "name",
        ),
        (
            "POST",
            "/policies/rule/versions",
            json!({ "document": "package florin.x\nallow if {" }),
            "policy.invalid_document",
            "document",
        ),
        (
            "POST",
            "/policies/rule/attachments",
            json!({ "target": { "kind": "planet" } }),
            "api.invalid_field",
            "target.kind",
        ),
        ("POST", "/api-keys", json!({}), "api.invalid_field", "name"),
        (
            "POST",
            "/wallets",
            json!({ "name": "w", "kind": "org", "secret": { "kind": "mnemonic" } }),
            "api.invalid_field",
            "secret.words",
        ),
        (
            "GET",
            "/facts",
            Value::Null,
            "api.invalid_field",
            "partition",
        ),
        (
            "GET",
            "/facts?limit=1",
            Value::Null,
            "api.invalid_field",
            "partition",
        ),
        (
            "GET",
            "/submissions?state=lost",
            Value::Null,
            "api.invalid_field",
            "state",
        ),
        (
            "GET",
            "/submissions?limit=0",
            Value::Null,
            "api.invalid_field",
            "limit",
        ),
        (
            "GET",
            "/submissions?limit=1&limit=2",
            Value::Null,
            "api.invalid_field",
            "limit",
        ),
        (
            "GET",
            "/submissions?after=zzz",
            Value::Null,
            "api.invalid_field",
            "after",
        ),
        (
            "GET",
            "/submissions?signer=a%00b",
            Value::Null,
            "api.invalid_field",
            "signer",
        ),
        (
            "GET",
            "/wallets?after=zzz",
            Value::Null,
            "api.invalid_field",
            "after",
        ),
        (
            "GET",
            "/wallets/treasury/keys?after=0",
            Value::Null,
            "api.invalid_field",
            "after",
        ),
        (
            "GET",
            "/wallets/treasury/addresses?after=x",
            Value::Null,
            "api.invalid_field",
            "after",
        ),
        (
            "GET",
            "/wallets/a%00b",
            Value::Null,
            "api.invalid_field",
            "wallet",
        ),
        (
            "GET",
            "/wallets/%ff",
            Value::Null,
            "api.invalid_field",
            "path",
        ),
        (
            "GET",
            "/subscriptions?after=zzz",
            Value::Null,
            "api.invalid_field",
            "after",
        ),
        (
            "GET",
            "/policy-attachments?after=zzz",
            Value::Null,
            "api.invalid_field",
            "after",
        ),
        (
            "GET",
            "/api-keys?after=zzz",
            Value::Null,
            "api.invalid_field",
            "after",
        ),
        (
            "GET",
            "/namespaces/%ff/wallets",
            Value::Null,
            "api.invalid_field",
            "path",
        ),
        ("POST", "/assets", json!([1]), "data.invalid_field", "body"),
        (
            "PUT",
            "/bulk/datamodel",
            json!("x"),
            "data.invalid_body",
            "body",
        ),
        (
            "POST",
            "/bulk/query",
            json!([1]),
            "data.invalid_body",
            "body",
        ),
        (
            "POST",
            "/tasks/t/versions",
            json!("x"),
            "workflow.invalid_definition",
            "body",
        ),
        (
            "GET",
            "/submissions?color=red",
            Value::Null,
            "api.invalid_field",
            "color",
        ),
        (
            "GET",
            "/submissions/sub:1",
            Value::Null,
            "api.invalid_field",
            "id",
        ),
        (
            "GET",
            "/wallets?skip=10001",
            Value::Null,
            "api.invalid_field",
            "skip",
        ),
        (
            "GET",
            "/chains/eip155:31337/events?after=x",
            Value::Null,
            "api.invalid_field",
            "after",
        ),
        (
            "PUT",
            "/chains/eip155:31337/tracked/bob",
            json!({}),
            "index.invalid_source",
            "source",
        ),
        (
            "POST",
            "/api-keys",
            json!({ "name": "", "roles": [] }),
            "api.invalid_field",
            "name",
        ),
        (
            "POST",
            "/api-keys",
            json!({ "name": "system/policy", "roles": [] }),
            "api.invalid_field",
            "name",
        ),
        (
            "POST",
            "/api-keys",
            json!({ "name": "n", "roles": ["god"] }),
            "api.invalid_field",
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
            "intent.abi_mismatch",
            "method",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_input_names_its_field_and_changes_nothing() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        world.treasury().await;
        world
            .request("PUT", "/policies/rule", json!({}))
            .await
            .success();
        let before = world.fact_count("a").await;
        for (method, path, body, code, field) in submissions().into_iter().chain(other_routes()) {
            let response = world.request(method, path, body.clone()).await;
            let (actual_code, actual_field) = response.code_and_field();
            assert_eq!(
                (actual_code.as_str(), actual_field.as_str()),
                (code, field),
                "{method} {path} {body}: {}",
                response.text
            );
        }
        assert_eq!(world.fact_count("a").await, before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_bodies_are_rejected() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let before = world.fact_count("a").await;
        let post = |kind: &str, body: &str| {
            ApiRequest::new("POST", "/api/v1/wallets")
                .key(&world.a)
                .text(kind, body)
        };
        let rows = [
            (
                post("application/json", "{\"name\": "),
                400,
                "api.invalid_field",
            ),
            (post("application/json", ""), 400, "api.invalid_field"),
            (post("application/json", "{} {}"), 400, "api.invalid_field"),
            (post("application/json", "\u{0}"), 400, "api.invalid_field"),
            (post("text/plain", "{}"), 415, "api.unsupported_media_type"),
            (
                post(
                    "application/json",
                    &format!("\"{}\"", "x".repeat(BODY_LIMIT)),
                ),
                413,
                "api.body_too_large",
            ),
            (
                post("application/json", &"[".repeat(10_000)),
                400,
                "api.invalid_field",
            ),
        ];
        for (request, status, code) in rows {
            let response = world.send(request).await;
            assert_eq!(
                (response.status, response.code_and_field().0.as_str()),
                (status, code),
                "{}",
                response.text
            );
        }
        assert_eq!(world.fact_count("a").await, before);
    })
    .await;
}
