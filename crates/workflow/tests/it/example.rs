//! The ERC-1155 indexer of `docs/examples`: from events to the data model.

use crate::world::{World, assert_succeeded};
use serde_json::json;
use testkit::on_each_engine;

const INDEXER: &str = include_str!("../../../../docs/examples/erc1155-indexer.yaml");
const CONTRACT: &str = "0x77cc00000000000000000000000000000000c0de";
const ZERO_ADDRESS: &str = "0x0000000000000000000000000000000000000000";
const ALICE: &str = "0x00000000000000000000000000000000000a11ce";
const BOB: &str = "0x00000000000000000000000000000000000b0b00";

fn event(height: u64, from: &str, to: &str, amount: &str) -> String {
    json!({
        "id": format!("eip155:1337/0x{height:064x}/0"),
        "blockchainEvent": {
            "name": "TransferSingle", "namespace": "ns", "protocolId": format!("{height:012}/000000/000000"),
            "timestamp": "2026-01-01T00:00:00Z", "listener": "l",
            "output": {"operator": ALICE, "from": from, "to": to, "id": "42", "value": amount},
            "info": {"address": CONTRACT, "blockNumber": height.to_string(), "logIndex": "0", "transactionIndex": "0",
                     "transactionHash": format!("0x{height:064x}"),
                     "signature": "TransferSingle(address,address,address,uint256,uint256)"},
        },
    })
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_indexer_builds_pools_transfers_balances_and_a_history() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        world.task("erc1155_metadata", "steps: [{name: a, type: jsonata_template, options: {template: input.tokenId}}]").await;
        world.task("indexer", INDEXER).await;

        let million = "1000000000000000000000001";
        let mint = world.run_task("indexer", &event(7, ZERO_ADDRESS, ALICE, million)).await;
        assert_succeeded(&mint);
        let moved = world.run_task("indexer", &event(8, ALICE, BOB, "1")).await;
        assert_succeeded(&moved);
        assert_eq!(moved.steps.last().unwrap().state.as_str(), "skipped", "metadata is only loaded for minted tokens");
        let other = world.run_task("indexer", r#"{"id":"x","blockchainEvent":{"name":"URI","output":{}}}"#).await;
        assert_succeeded(&other);
        assert_eq!(other.steps.len(), 1, "another event ends the run successfully after its first step");

        let answer = world
            .query(r#"{"pools":{}, "transfers":{"sort":["protocolId"]}, "events":{"sort":["sequence"]}, "addresses":{}, "activities":{}}"#)
            .await;
        assert_eq!(answer["pools"]["items"][0]["name"], "id-42");
        let transfers = answer["transfers"]["items"].as_array().unwrap();
        assert_eq!(transfers.len(), 2);
        assert_eq!((&transfers[0]["type"], &transfers[0]["amount"]), (&json!("mint"), &json!(million)));
        assert_eq!((&transfers[1]["type"], &transfers[1]["amount"]), (&json!("transfer"), &json!("1")));
        assert_eq!(answer["events"]["items"].as_array().unwrap().len(), 2);
        assert_eq!(answer["activities"]["items"][0]["name"], format!("erc1155-{CONTRACT}"));

        // The same event delivered again changes nothing.
        let again = world.run_task("indexer", &event(8, ALICE, BOB, "1")).await;
        assert_succeeded(&again);
        let after = world.query(r#"{"transfers":{}, "events":{}}"#).await;
        assert_eq!(after["transfers"]["items"].as_array().unwrap().len(), 2);
        assert_eq!(after["events"]["items"].as_array().unwrap().len(), 2);

        // The metadata task ran once: its key is the event's id.
        let minted = world.run_task("indexer", &event(7, ZERO_ADDRESS, ALICE, million)).await;
        assert_succeeded(&minted);
        let filter = workflow::RunFilter { task: Some("erc1155_metadata".into()), ..Default::default() };
        let runs = workflow::runs(&world.workflow, &world.principal, filter, types::Page::default()).await.unwrap();
        assert_eq!(runs.len(), 1);
        assert_eq!(runs[0].activity.as_deref(), Some(format!("erc1155-{CONTRACT}").as_str()));
        assert_succeeded(&runs[0]);
    })
    .await;
}
