//! Signatures through the API: typed data, messages and authorizations; who sees their bytes; what
//! is refused.

use crate::client::ApiRequest;
use crate::world::{BOB, SIGNER, World};
use serde_json::{Value, json};
use submit::Worker;
use testkit::on_each_engine;
use types::Role;

/// Allows everything but messages that say no.
const EXCEPT_NO: &str = "package florin.signing
default allow := false
allow if input.intent.kind != \"message\"
allow if { input.intent.kind == \"message\"; input.intent.text != \"no\" }
deny contains \"it says no\" if input.intent.text == \"no\"
";

fn note(chain_id: u64, text: &str) -> Value {
    let field = |name: &str, ty: &str| json!({ "name": name, "type": ty });
    json!({
        "types": { "Note": [field("to", "address"), field("text", "string")] },
        "primaryType": "Note",
        "domain": { "name": "Notes", "chainId": chain_id },
        "message": { "to": BOB, "text": text },
    })
}

fn signing(with: Value) -> Value {
    let mut body = json!({ "signer": SIGNER });
    let members = with.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(members);
    body
}

/// A world in which [`SIGNER`] may sign, and the worker that does it.
async fn signing_world(test: testkit::TestDb) -> (World, Worker) {
    let world = World::new(test).await;
    world.treasury().await;
    world
        .request("PUT", "/policies/signing", json!({}))
        .await
        .success();
    let version = json!({ "document": EXCEPT_NO });
    world
        .post("/policies/signing/versions", version)
        .await
        .success();
    let target = json!({ "target": { "kind": "namespace" } });
    world
        .post("/policies/signing/attachments", target)
        .await
        .success();
    let lease = world.test.lease(&submit::shard_partition(0)).await;
    let worker = Worker::new(world.submit.clone(), 0, lease);
    (world, worker)
}

/// Steps the worker that decides and signs.
async fn work(worker: &Worker) {
    while worker.turn().await.unwrap().changed > 0 {}
}

async fn get_as(world: &World, key: &str, path: &str) -> Value {
    let request = ApiRequest::new("GET", &format!("/api/v1{path}")).key(key);
    world.send(request).await.success()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_is_signed_and_shown_in_its_own_form() {
    on_each_engine(|test| async move {
        let (world, worker) = signing_world(test).await;
        let delegation = json!({ "delegate": BOB, "nonce": 7 });
        let everywhere = json!({ "delegate": BOB, "nonce": 8, "anyChain": true });
        let mut paths = Vec::new();
        for body in [
            signing(json!({ "typedData": note(31337, "hello"), "labels": { "desk": "fx" } })),
            signing(json!({ "message": "hello" })),
            signing(json!({ "messageHex": "0x68656c6c6f" })),
            signing(json!({ "authorization": delegation })),
            signing(json!({ "authorization": everywhere })),
        ] {
            let created = world.post("/signatures", body).await;
            assert_eq!(created.status, 202);
            let created = created.success();
            assert_eq!((&created["state"], &created["signature"]), (&json!("received"), &Value::Null));
            paths.push(format!("/signatures/{}", created["id"].as_str().unwrap()));
        }
        work(&worker).await;
        let mut signed = Vec::new();
        for path in &paths {
            let one = world.get(path).await.success();
            assert_eq!(one["state"], "signed", "{one}");
            assert_eq!(one["signature"].as_str().unwrap().len(), 2 + 130, "{one}");
            signed.push(one);
        }
        let [data, text, hex, here, everywhere] = signed.as_slice() else {
            panic!("five were requested");
        };
        assert_eq!(data["labels"], json!({ "desk": "fx" }));
        // As any wallet with this key signs it.
        let of_hello = "0xf16ea9a3478698f695fd1401bfe27e9e4a7e8e3da94aa72b021125e31fa899cc573c48ea3fe1d4ab61a9db10c19032026e3ed2dbccba5a178235ac27f94504311c";
        assert_eq!((&text["signature"], &text["kind"]), (&json!(of_hello), &json!("message")));
        assert_eq!(hex["signature"], text["signature"], "the same bytes");
        assert_ne!(hex["decision"], text["decision"]);
        let parts = |one: &Value| {
            let parts = &one["authorization"];
            let text = |name: &str| parts[name].as_str().unwrap().to_owned();
            (text("chainId"), text("nonce"), text("address"))
        };
        assert_eq!(parts(here), ("0x7a69".into(), "0x7".into(), BOB.into()));
        assert_eq!(parts(everywhere), ("0x0".into(), "0x8".into(), BOB.into()));
        let v = u8::from_str_radix(&here["signature"].as_str().unwrap()[130..], 16).unwrap();
        assert_eq!(here["authorization"]["yParity"], format!("{:#x}", v - 27));
        assert!(data.get("authorization").unwrap().is_null());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_who_may_request_signatures_see_them() {
    on_each_engine(|test| async move {
        let (world, worker) = signing_world(test).await;
        let created = world
            .post("/signatures", signing(json!({ "message": "sign in" })))
            .await;
        let created = created.success();
        let path = format!("/signatures/{}", created["id"].as_str().unwrap());
        work(&worker).await;
        for (role, sees) in [
            (Role::Reader, false),
            (Role::Controller, false),
            (Role::Operator, true),
        ] {
            let key = world.key("a", vec![role], None).await;
            let one = get_as(&world, &key, &path).await;
            assert_eq!(
                (one["state"] == "signed", one["signature"].is_string()),
                (true, sees),
                "{role:?}"
            );
            let list = get_as(&world, &key, "/signatures?kind=message&state=signed").await;
            assert_eq!(
                (&list["count"], &list["items"][0]["signature"]),
                (&json!(1), &Value::Null)
            );
            let request = ApiRequest::new("POST", "/api/v1/signatures").key(&key);
            let body = signing(json!({ "message": "sign in" }));
            let created = world.send(request.json(&body)).await;
            assert_eq!(created.status, if sees { 202 } else { 403 }, "{role:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_requested_once_denied_and_cancelled() {
    on_each_engine(|test| async move {
        let (world, worker) = signing_world(test).await;
        let keyed = |body: Value| {
            let request = ApiRequest::new("POST", "/api/v1/signatures").key(&world.a);
            request.with("idempotency-key", "k1").json(&body)
        };
        let denied = world
            .send(keyed(signing(json!({ "message": "no" }))))
            .await
            .success();
        work(&worker).await;
        let denied = world
            .get(&format!("/signatures/{}", denied["id"].as_str().unwrap()))
            .await;
        let denied = denied.success();
        assert_eq!(
            (&denied["state"], &denied["signature"]),
            (&json!("denied"), &Value::Null)
        );
        assert!(
            denied["reason"].as_str().unwrap().contains("it says no"),
            "{denied}"
        );
        let decision = denied["decision"].as_str().unwrap();
        let decision = world
            .get(&format!("/policy-decisions/{decision}"))
            .await
            .success();
        assert_eq!(decision["subject"], denied["id"]);

        let yes = signing(json!({ "message": "yes" }));
        let first = world.send(keyed(yes.clone())).await;
        assert_eq!(first.status, 202, "a denial does not use up the key");
        let first = first.success();
        let replay = world.send(keyed(yes)).await;
        assert_eq!(
            (replay.status, replay.header("idempotency-replayed")),
            (200, "true")
        );
        assert_eq!(replay.success()["id"], first["id"]);
        let conflict = world
            .send(keyed(signing(json!({ "message": "other" }))))
            .await;
        assert_eq!(conflict.code_and_field().0, "submit.idempotency_key_reused");
        let cancel = format!("/signatures/{}/cancel", first["id"].as_str().unwrap());
        let cancelled = world.post(&cancel, json!({})).await.success();
        assert_eq!(cancelled["state"], "withdrawn");
        work(&worker).await;
        let again = world.post(&cancel, json!({})).await;
        assert_eq!(again.code_and_field().0, "submit.statement_ended");
        let unknown = world
            .get("/signatures/stm:01ARZ3NDEKTSV4RRFFQ69G5FAV")
            .await;
        assert_eq!(unknown.code_and_field().0, "submit.unknown_statement");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_signed_is_refused_with_its_field() {
    on_each_engine(|test| async move {
        let (world, _) = signing_world(test).await;
        let before = world.fact_count("a").await;
        let mut without_chain = note(31337, "x");
        without_chain["domain"]
            .as_object_mut()
            .unwrap()
            .remove("chainId");
        let mut undeclared = note(31337, "x");
        undeclared["message"]["value"] = json!("1000");
        let mut wrong_type = note(31337, "x");
        wrong_type["message"]["to"] = json!("0x12");
        for (with, field) in [
            (json!({}), "body"),
            (
                json!({ "message": "a", "messageHex": "0x00" }),
                "messageHex",
            ),
            (
                json!({ "message": "a", "typedData": note(31337, "x") }),
                "typedData",
            ),
            (json!({ "messageHex": "0xzz" }), "messageHex"),
            (
                json!({ "messageHex": format!("0x{}", "ab".repeat(32)) }),
                "messageHex",
            ),
            (json!({ "message": "x".repeat(65_537) }), "message"),
            (
                json!({ "typedData": note(1, "x") }),
                "typedData.domain.chainId",
            ),
            (
                json!({ "typedData": without_chain }),
                "typedData.domain.chainId",
            ),
            (
                json!({ "typedData": undeclared }),
                "typedData.message.value",
            ),
            (json!({ "typedData": wrong_type }), "typedData.message.to"),
            (
                json!({ "typedData": note(31337, &"x".repeat(140_000)) }),
                "typedData",
            ),
            (json!({ "typedData": { "types": {} } }), "typedData"),
            (json!({ "typedData": "0x" }), "typedData"),
            (
                json!({ "authorization": { "delegate": "0x12", "nonce": 1 } }),
                "authorization.delegate",
            ),
            (
                json!({ "authorization": { "delegate": BOB } }),
                "authorization.nonce",
            ),
            (
                json!({ "authorization": { "delegate": BOB, "nonce": u64::MAX } }),
                "authorization",
            ),
            (json!({ "message": "a", "chain": "eip155:5" }), "chain"),
            (json!({ "message": "a", "signer": BOB }), "signer"),
            (json!({ "message": "a", "signer": "0x1" }), "signer"),
            (
                json!({ "message": "a", "policies": vec!["p"; 65] }),
                "policies",
            ),
            (json!({ "message": "a", "color": "red" }), "color"),
        ] {
            let response = world.post("/signatures", signing(with.clone())).await;
            let (code, found) = response.code_and_field();
            let shown: String = with.to_string().chars().take(200).collect();
            assert_eq!(found, field, "{code} {shown}: {}", response.text);
            assert!(matches!(response.status, 400 | 404), "{shown}");
        }
        assert_eq!(world.fact_count("a").await, before);
    })
    .await;
}
