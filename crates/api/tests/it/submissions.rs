//! Submissions through the door: idempotent, found again, explained.

use crate::client::Call;
use crate::world::{BOB, SIGNER, World};
use serde_json::{Value, json};
use testkit::on_each_engine;

fn keyed(world: &World, key: &str, body: &Value) -> Call {
    Call::new("POST", "/api/v1/submissions")
        .key(&world.a)
        .with("idempotency-key", key)
        .json(body)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_makes_one_submission_and_another_command_is_a_conflict() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        world.treasury().await;
        let pay = json!({ "signer": SIGNER, "to": BOB, "value": "5", "labels": { "desk": "fx" } });
        let first = world.send(keyed(&world, "k1", &pay)).await;
        assert_eq!(
            (first.status, first.header("idempotency-replayed")),
            (202, "")
        );
        let again = world.send(keyed(&world, "k1", &pay)).await;
        assert_eq!(
            (again.status, again.header("idempotency-replayed")),
            (200, "true")
        );
        assert_eq!(first.good()["id"], again.good()["id"]);
        let other = world
            .send(keyed(
                &world,
                "k1",
                &json!({ "signer": SIGNER, "to": BOB, "value": "6" }),
            ))
            .await;
        assert_eq!(
            (other.status, other.refusal().0.as_str()),
            (409, "submit.key_reused")
        );
        assert_eq!(world.get("/submissions").await.good()["count"], 1);
        for wrong in ["", &"k".repeat(257)] {
            assert_eq!(
                world.send(keyed(&world, wrong, &pay)).await.refusal().1,
                "Idempotency-Key"
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_is_read_filtered_explained_and_withdrawn() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        world.treasury().await;
        let half =
            json!({ "signer": SIGNER, "to": BOB, "value": { "value": "0.5", "unit": "ether" } });
        let one = world.post("/submissions", half).await.good();
        let id = one["id"].as_str().unwrap();
        assert_eq!(one["state"], "received");
        assert_eq!(
            one["intent"]["act"]["outputs"][0]["value"],
            "500000000000000000"
        );

        let found = |query: &str| {
            let path = format!("/submissions?{query}");
            let world = &world;
            async move { world.get(&path).await.good()["count"].as_u64().unwrap() }
        };
        assert_eq!(found("state=received&limit=5").await, 1);
        assert_eq!(found("state=final").await, 0);
        assert_eq!(
            found(&format!("signer={SIGNER}&chain=eip155:31337")).await,
            1
        );

        let why = world
            .get(&format!("/submissions/{id}/explain"))
            .await
            .good();
        assert_eq!(why["state"], "received");
        assert!(
            why["next"].as_str().unwrap().contains("Policy decides"),
            "{why}"
        );
        assert!(why["can"][0].as_str().unwrap().contains("cancel"), "{why}");
        assert_eq!(
            world
                .get(&format!("/submissions/{id}/transactions"))
                .await
                .good()["count"],
            0
        );

        let withdrawn = world
            .post(&format!("/submissions/{id}/cancel"), Value::Null)
            .await
            .good();
        assert_eq!(withdrawn["state"], "failed");
        let ended = world
            .get(&format!("/submissions/{id}/explain"))
            .await
            .good();
        assert!(
            ended["why"].as_str().unwrap().contains("withdrawn"),
            "{ended}"
        );
        assert_eq!(
            (&ended["nextAt"], &ended["next"]),
            (&Value::Null, &json!("Nothing: it has ended."))
        );

        let lane = world
            .get(&format!("/lanes/eip155:31337/{SIGNER}"))
            .await
            .good();
        assert_eq!(lane["paused"], Value::Null);
        let resume = world
            .post(
                &format!("/lanes/eip155:31337/{SIGNER}/resume"),
                json!({ "reason": "x" }),
            )
            .await;
        assert_eq!(resume.refusal().0, "submit.lane_not_paused");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_answers_by_the_names_of_its_outputs() {
    on_each_engine(|test| async move {
        let Some(node) = testkit::anvil::start(&testkit::anvil::Options::default()) else { return };
        let world = World::with(test, &node.url()).await;
        world.treasury().await;
        // PUSH1 7, PUSH1 0, MSTORE, PUSH1 32, PUSH1 0, RETURN: a contract that answers 7 to whatever it is asked.
        node.rpc("anvil_setCode", json!([BOB, "0x60076000526020600060f3".replace("600060f3", "6000f3")]));
        let abi = json!([{ "type": "function", "name": "seven", "stateMutability": "view", "inputs": [],
            "outputs": [{ "name": "answer", "type": "uint256" }] }]);
        let asked = world.post("/contracts/query", json!({ "to": BOB, "abi": abi, "method": "seven" })).await;
        assert_eq!(asked.good()["output"]["answer"], "7");
    })
    .await;
}
