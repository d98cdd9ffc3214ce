//! Submissions through the API: idempotency, filters, explanations, contract calls.

use crate::client::ApiRequest;
use crate::world::{BOB, SIGNER, World};
use serde_json::{Value, json};
use testkit::on_each_engine;

fn create_with_key(world: &World, key: &str, body: &Value) -> ApiRequest {
    ApiRequest::new("POST", "/api/v1/submissions")
        .key(&world.a)
        .with("idempotency-key", key)
        .json(body)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_creates_one_submission_and_conflicts_with_another_command() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        world.treasury().await;
        let payment =
            json!({ "signer": SIGNER, "to": BOB, "value": "5", "labels": { "desk": "fx" } });
        let first = world.send(create_with_key(&world, "k1", &payment)).await;
        assert_eq!(
            (first.status, first.header("idempotency-replayed")),
            (202, "")
        );
        let replay = world.send(create_with_key(&world, "k1", &payment)).await;
        assert_eq!(
            (replay.status, replay.header("idempotency-replayed")),
            (200, "true")
        );
        assert_eq!(first.success()["id"], replay.success()["id"]);
        let conflict = world
            .send(create_with_key(
                &world,
                "k1",
                &json!({ "signer": SIGNER, "to": BOB, "value": "6" }),
            ))
            .await;
        assert_eq!(
            (conflict.status, conflict.code_and_field().0.as_str()),
            (409, "submit.idempotency_key_reused")
        );
        assert_eq!(world.get("/submissions").await.success()["count"], 1);
        for invalid in ["", &"k".repeat(257)] {
            assert_eq!(
                world
                    .send(create_with_key(&world, invalid, &payment))
                    .await
                    .code_and_field()
                    .1,
                "Idempotency-Key"
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_is_retrieved_filtered_explained_and_withdrawn() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        world.treasury().await;
        let payment =
            json!({ "signer": SIGNER, "to": BOB, "value": { "value": "0.5", "unit": "ether" } });
        let submission = world.post("/submissions", payment).await.success();
        let id = submission["id"].as_str().unwrap();
        assert_eq!(submission["state"], "received");
        assert_eq!(
            submission["intent"]["act"]["outputs"][0]["value"],
            "500000000000000000"
        );

        let count = |query: &str| {
            let path = format!("/submissions?{query}");
            let world = &world;
            async move { world.get(&path).await.success()["count"].as_u64().unwrap() }
        };
        assert_eq!(count("state=received&limit=5").await, 1);
        assert_eq!(count("state=final").await, 0);
        assert_eq!(
            count(&format!("signer={SIGNER}&chain=eip155:31337")).await,
            1
        );

        let explanation = world
            .get(&format!("/submissions/{id}/explain"))
            .await
            .success();
        assert_eq!(explanation["state"], "received");
        assert!(
            explanation["nextStep"]
                .as_str()
                .unwrap()
                .contains("policies are evaluated"),
            "{explanation}"
        );
        assert!(
            explanation["actions"][0]
                .as_str()
                .unwrap()
                .contains("cancel"),
            "{explanation}"
        );
        assert_eq!(
            world
                .get(&format!("/submissions/{id}/transactions"))
                .await
                .success()["count"],
            0
        );

        let withdrawn = world
            .post(&format!("/submissions/{id}/cancel"), Value::Null)
            .await
            .success();
        assert_eq!(withdrawn["state"], "failed");
        assert_eq!(
            withdrawn["nextAt"],
            Value::Null,
            "it is never checked again"
        );
        let explanation = world
            .get(&format!("/submissions/{id}/explain"))
            .await
            .success();
        assert!(
            explanation["reason"]
                .as_str()
                .unwrap()
                .contains("withdrawn"),
            "{explanation}"
        );
        assert_eq!(
            (&explanation["nextAt"], &explanation["nextStep"]),
            (&Value::Null, &json!("Nothing: it has ended."))
        );

        let lane = world
            .get(&format!("/lanes/eip155:31337/{SIGNER}"))
            .await
            .success();
        assert_eq!(lane["paused"], Value::Null);
        let resume = world
            .post(
                &format!("/lanes/eip155:31337/{SIGNER}/resume"),
                json!({ "reason": "x" }),
            )
            .await;
        assert_eq!(resume.code_and_field().0, "submit.lane_not_paused");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_call_returns_outputs_by_name() {
    on_each_engine(|test| async move {
        let Some(node) = testkit::anvil::start(&testkit::anvil::Options::default()) else { return };
        let world = World::with(test, &node.url()).await;
        world.treasury().await;
        // PUSH1 7, PUSH1 0, MSTORE, PUSH1 32, PUSH1 0, RETURN: a contract that returns 7 for every
        // call.
        node.rpc("anvil_setCode", json!([BOB, "0x60076000526020600060f3".replace("600060f3", "6000f3")]));
        let abi = json!([{ "type": "function", "name": "seven", "stateMutability": "view", "inputs": [],
            "outputs": [{ "name": "answer", "type": "uint256" }] }]);
        let result = world.post("/contracts/query", json!({ "to": BOB, "abi": abi, "method": "seven" })).await;
        assert_eq!(result.success()["output"]["answer"], "7");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_names_its_signing_back_end() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        for (body, backend) in [
            (json!({ "name": "a", "kind": "org" }), "software"),
            (
                json!({ "name": "b", "kind": "org", "backend": "deferred" }),
                "deferred",
            ),
        ] {
            let created = world.post("/wallets", body).await.success();
            assert_eq!(created["backend"], backend);
            let path = format!("/wallets/{}", created["name"].as_str().unwrap());
            assert_eq!(world.get(&path).await.success()["backend"], backend);
        }
        let unknown = json!({ "name": "c", "kind": "org", "backend": "paper" });
        let refused = world.post("/wallets", unknown).await;
        assert_eq!(refused.status, 404);
        assert_eq!(
            refused.code_and_field(),
            ("keys.unknown_backend".to_owned(), "backend".to_owned())
        );
    })
    .await;
}
