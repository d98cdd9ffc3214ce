//! A real node through the real connector: transfers, reorganizations, and a contract that emits
//! malformed events.

use crate::counting_projection;
use crate::replay::{replay, verify_batches};
use crate::world::{EVERYTHING, EventRow, World};
use chain::evm::{Evm, EvmConfig};
use index::{Progress, Settings};
use intent::Interface;
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::anvil::{self, Anvil, Mining, Options};
use testkit::{SeededEntropy, TestDb, on_each_engine};
use types::ChainId;

struct Node {
    anvil: Anvil,
    evm: Arc<Evm>,
}

/// A node that mines on demand, and a connector to it. None, which skips the test, if anvil is not
/// installed.
fn start_node(settings: Value) -> Option<Node> {
    let anvil = anvil::start(&Options {
        mining: Mining::OnDemand,
        ..Options::default()
    })?;
    let mut config = json!({"preset": "anvil", "number": anvil.chain_id(), "url": anvil.url()});
    for (name, value) in settings.as_object().unwrap() {
        config[name] = value.clone();
    }
    let config: EvmConfig = serde_json::from_value(config).unwrap();
    let evm = Evm::new(config, Arc::new(SeededEntropy::new(1))).unwrap();
    Some(Node {
        anvil,
        evm: Arc::new(evm),
    })
}

impl Node {
    fn account(&self, index: usize) -> &str {
        &self.anvil.accounts()[index].address
    }

    fn deploy(&self, contract: &str, arguments: Value) -> String {
        let artifact = testkit::artifact(contract);
        let code = hex::decode(artifact.bytecode.trim_start_matches("0x")).unwrap();
        let interface = Interface::new(artifact.abi.to_string());
        let chain = ChainId::evm(self.anvil.chain_id());
        let data = intent::encode_deploy(&chain, &interface, &code, &arguments).unwrap();
        self.anvil.set_automine(true);
        let address = self.anvil.deploy(&format!("0x{}", hex::encode(data)));
        self.anvil.set_automine(false);
        address
    }

    fn call(&self, from: usize, to: &str, contract: &str, method: &str, params: Value) -> String {
        let interface = Interface::new(testkit::artifact(contract).abi.to_string());
        let chain = ChainId::evm(self.anvil.chain_id());
        let data = intent::encode_call(&chain, &interface, method, &params).unwrap();
        self.anvil.send(
            self.account(from),
            Some(to),
            &format!("0x{}", hex::encode(data)),
        )
    }

    fn token(&self) -> String {
        self.deploy("DemoToken", json!(["Demo", "DMO", 6, self.account(0)]))
    }

    fn raw(&self, hash: &str) -> String {
        self.anvil
            .rpc("eth_getRawTransactionByHash", json!([hash]))
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The logs of the node's chain: transaction, block, address.
    fn logs(&self) -> Vec<(String, String, String)> {
        let logs = self.anvil.rpc(
            "eth_getLogs",
            json!([{"fromBlock": "0x0", "toBlock": "latest"}]),
        );
        let text = |log: &Value, field: &str| log[field].as_str().unwrap().to_owned();
        let row = |log: &Value| {
            (
                text(log, "transactionHash"),
                text(log, "blockHash"),
                text(log, "address"),
            )
        };
        logs.as_array().unwrap().iter().map(row).collect()
    }
}

fn as_logs(rows: Vec<EventRow>) -> Vec<(String, String, String)> {
    rows.into_iter()
        .map(|row| (row.transaction, row.block_hash, row.source))
        .collect()
}

/// Checks that the stored chain equals the node's, block by block and log by log.
async fn assert_matches_node(world: &World<Evm>, node: &Node) {
    let height = node.anvil.height() as i64;
    let stored = world.canonical().await;
    assert_eq!(stored.last().map(|(height, _)| *height), Some(height));
    for (height, hash) in stored {
        assert_eq!(Some(hash), node.anvil.block_hash(height as u64));
    }
    assert_eq!(as_logs(world.events().await), node.logs());
    verify_batches(world).await;
    replay(&world.facts().await, false);
}

async fn follow(test: TestDb, node: &Node) -> World<Evm> {
    let world = World::new(
        test,
        node.evm.clone(),
        Settings {
            blocks_per_turn: 20,
            ..EVERYTHING
        },
    )
    .await;
    world
        .watch_signers(
            "ns-a",
            (0..3).map(|index| node.account(index).to_owned()).collect(),
        )
        .await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_that_is_reorganized_away_and_mined_again_keeps_its_id() {
    on_each_engine(|test| async move {
        let Some(node) = start_node(json!({})) else {
            return;
        };
        let token = node.token();
        let world = follow(test, &node).await;
        world.track("ns-a", &token, 0).await;
        node.call(
            0,
            &token,
            "DemoToken",
            "mint",
            json!([node.account(1), "1000000"]),
        );
        node.anvil.mine(1);
        for round in 0..50 {
            node.call(
                1,
                &token,
                "DemoToken",
                "transfer",
                json!([node.account(2), (round + 1).to_string()]),
            );
            node.anvil.mine(1);
            if round % 7 == 0 {
                world.run_until_idle().await;
            }
        }
        world.run_until_idle().await;
        assert_matches_node(&world, &node).await;
        let head = node.anvil.height();
        assert_eq!(
            world.final_height().await,
            Some(head - 2),
            "the node's finalized tag: two epochs of one slot"
        );
        let counted = counting_projection::counted(&world.test.db).await;
        assert!(
            counted.len() == 51 && counted.iter().all(|row| row.times == 1),
            "{}",
            counted.len()
        );
        assert_eq!(
            world.inclusions().await.len(),
            1 + 1 + 50,
            "deployment, mint, transfers"
        );

        let last = node.logs().last().unwrap().clone();
        let id = |row: &EventRow| format!("{}/{}/{}", world.id(), row.transaction, row.path);
        let before = id(world.events().await.last().unwrap());
        let raw = node.raw(&last.0);
        node.anvil.reorg(1, &[]);
        world.run_until_idle().await;
        assert_matches_node(&world, &node).await;
        assert!(
            world
                .events()
                .await
                .iter()
                .all(|row| row.transaction != last.0)
        );
        assert_eq!(counting_projection::counted(&world.test.db).await.len(), 50);

        let world = world.crash().await;
        node.anvil.rpc("eth_sendRawTransaction", json!([raw]));
        node.anvil.mine(1);
        world.run_until_idle().await;
        assert_matches_node(&world, &node).await;
        let after = world.events().await.last().unwrap().clone();
        let again = format!("{}/{}/{}", world.id(), after.transaction, after.path);
        assert!(
            before == again && after.block_hash != last.1,
            "the same event in another block"
        );
        assert_eq!(counting_projection::counted(&world.test.db).await.len(), 51);
        assert_eq!(world.inclusions().await.len(), 52);

        node.anvil.mine(3);
        world.run_until_idle().await;
        assert_eq!(world.final_height().await, Some(node.anvil.height() - 2));
        assert!(
            replay(&world.facts().await, false)
                .blocks
                .contains(&(head as i64 + 1, after.block_hash))
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reorganization_of_a_real_node_below_the_watermark_halts_the_chain() {
    on_each_engine(|test| async move {
        let Some(node) = start_node(json!({"finality": {"rule": "depth", "blocks": 3}})) else {
            return;
        };
        let world = follow(test, &node).await;
        node.anvil.mine(10);
        world.run_until_idle().await;
        assert_eq!(world.final_height().await, Some(7));
        node.anvil.reorg(3, &[]);
        assert_eq!(
            world.run_until_idle().await,
            Progress::Idle,
            "down to the watermark is allowed"
        );
        assert_matches_node(&world, &node).await;
        node.anvil.reorg(5, &[]);
        assert_eq!(world.run_until_idle().await, Progress::Halted);
        world
            .resume(Some(5), "a test network was rewound on purpose")
            .await
            .unwrap();
        assert_eq!(world.run_until_idle().await, Progress::Idle);
        assert_eq!(world.final_height().await, Some(7));
        assert_eq!(world.head().await, node.anvil.block_hash(10));
        assert_eq!(replay(&world.facts().await, true).blocks.len(), 11);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_events_of_a_contract_do_not_stop_the_chain() {
    on_each_engine(|test| async move {
        let Some(node) = start_node(json!({})) else {
            return;
        };
        let (hostile, token) = (node.deploy("HostileToken", json!([])), node.token());
        let world = follow(test, &node).await;
        world.track("ns-a", "*", 0).await;
        let (a, b) = (node.account(3).to_owned(), node.account(4).to_owned());
        let dirty = format!("0x{}", "ff".repeat(32));
        node.call(0, &token, "DemoToken", "mint", json!([a, "7"]));
        for (method, params) in [
            ("mint", json!([a, "30"])),
            ("lie", json!([a, b, "1"])),
            ("lieWithTopics", json!(["1", a, b, "1"])),
            ("lieWithTopics", json!(["4", a, b, "1"])),
            ("lieWithData", json!([a, b, "0x"])),
            ("lieWithData", json!([a, b, "0x00ff00"])),
            ("lieWithDirtyTopics", json!([dirty, dirty, "1"])),
            ("lieSingle", json!([a, b, "1", "2"])),
            ("lieBatch", json!([a, b, ["1", "2", "3"], ["1"]])),
            ("lieBatchWithData", json!([a, b, dirty])),
            ("log", json!([[], "0x00"])),
            ("log", json!([[dirty], "0x"])),
        ] {
            node.call(1, &hostile, "HostileToken", method, params);
        }
        node.anvil.mine(1);
        node.call(0, &token, "DemoToken", "mint", json!([b, "8"]));
        node.anvil.mine(1);
        assert_eq!(world.run_until_idle().await, Progress::Idle);
        assert_matches_node(&world, &node).await;
        let rows: Vec<(i64,)> = world.rows("SELECT times FROM counted").await;
        assert!(rows.len() >= 30 + 1 + 2, "{}", rows.len());
    })
    .await;
}
