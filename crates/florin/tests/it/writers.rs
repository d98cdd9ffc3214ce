//! What a chain did has one writer: a listener's task that writes the transfers of a tracked token
//! into a pool of its own changes nothing of the chain's. Balances are compared with the token.

use crate::installation::{Installation, Process};
use serde_json::{Value, json};
use testkit::anvil::{self, Anvil, Options};
use testkit::{postgres, wait_until};

const BOB: &str = "0x00000000000000000000000000000000000b0b00";
const WAIT_MS: u64 = 30_000;
struct World {
    installation: Installation,
    process: Process,
    node: Anvil,
    token: String,
}

impl World {
    fn start(database: Option<postgres::Database>) -> Option<Self> {
        let node = anvil::start(&Options::default())?;
        let chain = format!(
            "[[chains]]\npreset = \"anvil\"\nnumber = 31337\nurl = \"{}\"\n\
             start = 0\npoll_interval_ms = 50\nfinality = {{ rule = \"instant\" }}\n",
            node.url()
        );
        let installation = Installation::new(database, &chain);
        let process = installation.serve();
        let token = deploy(&node);
        let world = Self {
            installation,
            process,
            node,
            token,
        };
        world.put(
            "/namespaces/current",
            &json!({ "defaultChain": "eip155:31337" }),
        );
        Some(world)
    }

    fn put(&self, path: &str, body: &Value) -> Value {
        (self.installation).request_ok(&self.process, "PUT", path, body)
    }

    fn get(&self, path: &str) -> Value {
        (self.installation).request_ok(&self.process, "GET", path, &Value::Null)
    }

    fn listen(&self) {
        let abi = testkit::artifact("DemoToken").abi;
        let transfers: Vec<Value> = (abi.as_array().unwrap().iter())
            .filter(|entry| entry["name"] == "Transfer")
            .cloned()
            .collect();
        self.put("/tasks/books", &json!({ "name": "books" }));
        let path = "/tasks/books/versions";
        (self.installation).request_ok(&self.process, "POST", path, &books());
        let events = json!({ "abiEvents": transfers, "locations": [{ "address": self.token }] });
        let config = json!({ "taskName": "books", "firstEvent": "0", "blockchainEvents": events });
        self.put("/listeners/firefly/books", &json!({ "config": config }));
    }

    fn mint(&self, amount: u64) {
        let data = (self.node).calldata("mint(address,uint256)", &[BOB, &format!("{amount:x}")]);
        let issuer = &self.node.accounts()[0].address;
        self.node.transact(issuer, Some(&self.token), &data);
    }

    /// Bob's balance by the token, in decimals.
    fn tokens(&self) -> String {
        let answer = self.node.call(
            &self.token,
            &self.node.calldata("balanceOf(address)", &[BOB]),
        );
        u64::from_str_radix(answer.trim_start_matches("0x").trim_start_matches('0'), 16)
            .unwrap_or(0)
            .to_string()
    }

    /// Bob's final balance in a listing.
    fn balance(&self, of: &str) -> Value {
        let listing = self.get(&format!("/{of}/balances?address={BOB}"));
        listing["items"][0]["balanceFinal"].clone()
    }
}

/// A task that writes each transfer, ten times as high, under its own protocol id into the pool
/// `books`.
fn books() -> Value {
    let pools = r#"[{"updateType": "create_or_ignore", "name": "books", "address": input.blockchainEvent.info.address,
        "asset": "share"}]"#;
    let transfers = r#"[{"updateType": "create_or_replace", "protocolId": input.blockchainEvent.protocolId,
        "from": input.blockchainEvent.output.from, "to": input.blockchainEvent.output.to,
        "amount": input.blockchainEvent.output.value & "0",
        "parent": {"type": "pool", "ref": input.blockchainEvent.info.address & "/books"}}]"#;
    let options = json!({ "pools": pools, "transfers": transfers });
    json!({ "steps": [{ "name": "write", "type": "data_model_update", "dynamicOptions": options }] })
}

fn deploy(node: &Anvil) -> String {
    let word = |text: &str| format!("{:0>64}", text.trim_start_matches("0x"));
    let text = |text: &str| format!("{:064x}{:0<64}", text.len(), hex::encode(text));
    let arguments = [
        word("80"),
        word("c0"),
        word("12"),
        word(&node.accounts()[0].address),
        text("Demo Share"),
        text("DEMO"),
    ];
    node.deploy(&(testkit::artifact("DemoToken").bytecode + &arguments.concat()))
}

fn check(world: &World) {
    let tracked = format!("/chains/eip155:31337/tracked/{}", world.token);
    world.mint(306);
    world.put(&tracked, &json!({}));
    let chains = format!("pools/{}/main", world.token);
    let followed = || {
        let path = format!("/{chains}/balances?address={BOB}");
        let answer = (world.installation).request(&world.process, "GET", &path, &Value::Null);
        answer.status == 200 && answer.json()["items"][0]["balanceFinal"] == world.tokens()
    };
    assert!(wait_until(WAIT_MS, followed));
    world.put(
        "/bulk/datamodel",
        &json!({ "assets": [{ "name": "share" }] }),
    );
    world.put(
        "/bulk/datamodel",
        &json!({ "pools": [{ "name": "main", "address": world.token, "asset": "share" }] }),
    );
    world.listen();
    world.mint(4);
    let books = format!("pools/{}/books", world.token);
    let written = || {
        let path = format!("/{books}/balances?address={BOB}");
        let answer = (world.installation).request(&world.process, "GET", &path, &Value::Null);
        answer.status == 200 && answer.json()["items"][0]["balanceFinal"] == "3100"
    };
    assert!(wait_until(WAIT_MS, written), "{}", world.get("/runs"));
    let tokens = json!(world.tokens());
    assert_eq!(tokens, "310");
    assert_eq!(world.balance(&chains), tokens);
    assert_eq!(world.balance("assets/share"), tokens);
    let transfers = world.get("/transfers?limit=10");
    assert_eq!(transfers["items"].as_array().unwrap().len(), 4);
    for transfer in transfers["items"].as_array().unwrap() {
        let id = transfer["protocolId"].as_str().unwrap();
        let shown = world.get(&format!("/transfers/{id}"));
        assert_eq!(shown["parent"]["ref"], format!("{}/main", world.token));
    }
}

#[test]
fn a_listeners_task_moves_nothing_of_what_the_chain_did() {
    let Some(world) = World::start(None) else {
        return;
    };
    check(&world);
    if let Some(world) =
        postgres::fresh_database().and_then(|database| World::start(Some(database)))
    {
        check(&world);
    }
}
