//! The contract registry, on a real node.

use crate::client::{ApiRequest, ApiResponse};
use crate::world::{BOB, SIGNER, World};
use serde_json::{Value, json};
use testkit::anvil::{self, Anvil};
use testkit::on_each_engine;
use types::{ChainId, Role};

/// A node with a token of six decimals, whose block is final.
fn node() -> Option<(Anvil, String)> {
    let anvil = anvil::start(&anvil::Options::default())?;
    let artifact = testkit::artifact("DemoToken");
    let code = hex::decode(artifact.bytecode.trim_start_matches("0x")).unwrap();
    let interface = intent::Interface::new(artifact.abi.to_string());
    let params = json!(["Demo", "DEM", 6, anvil.accounts()[0].address]);
    let chain = ChainId::evm(31337);
    let data = intent::encode_deploy(&chain, &interface, &code, &params).unwrap();
    let token = anvil.deploy(&format!("0x{}", hex::encode(data)));
    anvil.mine(3);
    Some((anvil, token))
}

fn registration(token: &str) -> Value {
    json!({ "name": "euro", "address": token, "abi": testkit::artifact("DemoToken").abi })
}

impl World {
    async fn by(&self, key: &str, method: &str, path: &str, body: &Value) -> ApiResponse {
        let request = ApiRequest::new(method, &format!("/api/v1{path}")).key(key);
        self.send(request.json(body)).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_is_registered_listed_changed_verified_and_deleted() {
    on_each_engine(|test| async move {
        let Some((anvil, token)) = node() else { return };
        let world = World::with(test, &anvil.url()).await;
        let key = world.key("a", vec![Role::Controller], None).await;
        let created = world
            .by(&key, "POST", "/contracts", &registration(&token))
            .await;
        assert_eq!(created.status, 201, "{}", created.text);
        let created = created.success();
        assert_eq!(created["standards"][0], "erc20");
        assert_eq!(
            (&created["decimals"], &created["symbol"]),
            (&json!(6), &json!("DEM"))
        );
        assert_eq!(created["abi"], testkit::artifact("DemoToken").abi);
        assert!(created["codeHash"].as_str().unwrap().starts_with("0x"));
        let again = world
            .by(&key, "POST", "/contracts", &registration(&token))
            .await;
        assert_eq!((again.status, again.success()), (200, created.clone()));
        let other = json!({ "name": "other", "address": token });
        let other = world.by(&key, "POST", "/contracts", &other).await;
        assert_eq!(
            (other.status, other.code_and_field().0.as_str()),
            (409, "contracts.already_registered")
        );

        assert_eq!(world.get("/contracts/euro").await.success(), created);
        for (query, count) in [
            ("registered=true", 1),
            ("name=euro&standard=erc20", 1),
            ("standard=erc721", 0),
            ("chain=eip155:1", 0),
        ] {
            let list = world.get(&format!("/contracts?{query}")).await.success();
            assert_eq!(list["count"], count, "{query}");
        }
        let patched = world
            .by(&key, "PATCH", "/contracts/euro", &json!({ "name": "usd" }))
            .await;
        assert_eq!(patched.success()["name"], "usd");
        anvil.rpc("anvil_setCode", json!([token, "0x00"]));
        anvil.mine(3);
        let verified = world
            .by(&key, "POST", "/contracts/usd/verify", &json!({}))
            .await;
        let changed = verified.success()["changed"].as_str().unwrap().to_owned();
        assert!(changed.starts_with("its code changed from"), "{changed}");
        let accept = json!({ "accept": true });
        let accepted = world
            .by(&key, "POST", "/contracts/usd/verify", &accept)
            .await;
        assert_eq!(accepted.success()["changed"], Value::Null);
        let deleted = world
            .by(&key, "DELETE", "/contracts/usd", &Value::Null)
            .await;
        assert_eq!(deleted.status, 204, "{}", deleted.text);
        assert_eq!(world.get("/contracts/usd").await.status, 404);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_controller_or_an_administrator_writes_the_registry() {
    on_each_engine(|test| async move {
        let Some((anvil, token)) = node() else { return };
        let world = World::with(test, &anvil.url()).await;
        world
            .post("/contracts", registration(&token))
            .await
            .success();
        let before = world.get("/contracts/euro").await.success();
        let writes = [
            (
                "POST",
                "/contracts",
                json!({ "name": "x", "address": token }),
            ),
            (
                "PATCH",
                "/contracts/euro",
                json!({ "standards": [], "abi": [] }),
            ),
            ("DELETE", "/contracts/euro", Value::Null),
            (
                "POST",
                "/contracts/euro/verify",
                json!({ "accept": true, "abi": [] }),
            ),
        ];
        for roles in [vec![Role::Operator, Role::Reader], vec![Role::KeyExporter]] {
            let key = world.key("a", roles.clone(), None).await;
            for (method, path, body) in &writes {
                let refused = world.by(&key, method, path, body).await;
                assert_eq!(refused.status, 403, "{roles:?} {method} {path}");
            }
        }
        // What an operator mentions changes nothing about it.
        let admin = json!({ "contract": token, "signer": BOB, "abi": [] });
        world
            .request("PUT", "/bindings/euro", admin)
            .await
            .success();
        let operator = world.key("a", vec![Role::Operator], None).await;
        let path = format!("/chains/eip155:31337/tracked/{token}");
        assert_eq!(
            world.by(&operator, "PUT", &path, &json!({})).await.status,
            204
        );
        let read = ApiRequest::new("GET", "/api/v1/contracts/euro").key(&operator);
        assert_eq!(world.send(read).await.success(), before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_registration_names_its_field() {
    on_each_engine(|test| async move {
        let Some((anvil, token)) = node() else { return };
        let world = World::with(test, &anvil.url()).await;
        for (body, code, field) in [
            (
                json!({ "name": "x", "address": BOB }),
                "contracts.no_code",
                "address",
            ),
            (
                json!({ "name": "x", "address": "0x1" }),
                "intent.invalid_address",
                "address",
            ),
            (
                json!({ "name": "query", "address": token }),
                "contracts.invalid_field",
                "name",
            ),
            (
                json!({ "name": "x", "address": token, "abi": 7 }),
                "contracts.invalid_field",
                "abi",
            ),
            (
                json!({ "name": "x", "address": token, "standards": ["erc20", "erc721"] }),
                "contracts.invalid_field",
                "standards",
            ),
            (
                json!({ "name": "x", "address": token, "standards": ["erc7"] }),
                "api.invalid_field",
                "standards[0]",
            ),
        ] {
            let refused = world.post("/contracts", body.clone()).await;
            let (actual, named) = refused.code_and_field();
            assert_eq!(
                (refused.status, actual.as_str(), named.as_str()),
                (400, code, field),
                "{body}"
            );
        }
        let elsewhere = json!({ "name": "x", "address": token, "chain": "eip155:1" });
        assert_eq!(world.post("/contracts", elsewhere).await.status, 404);
        assert_eq!(world.get("/contracts").await.success()["count"], 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_an_interface_uses_the_registered_one() {
    on_each_engine(|test| async move {
        let Some((anvil, token)) = node() else { return };
        let world = World::with(test, &anvil.url()).await;
        world.treasury().await;
        let call =
            json!({ "signer": SIGNER, "to": token, "method": "transfer", "params": [BOB, "5"] });
        let holder = anvil.accounts()[0].address.clone();
        let query = json!({ "to": token, "method": "balanceOf", "params": [holder] });
        for (path, body) in [("/submissions", &call), ("/contracts/query", &query)] {
            let refused = world.post(path, body.clone()).await;
            let (code, field) = refused.code_and_field();
            assert_eq!(
                (code.as_str(), field.as_str()),
                ("api.invalid_field", "abi"),
                "{path}"
            );
        }
        // A mention does not register an interface.
        let binding = json!({ "contract": token, "abi": testkit::artifact("DemoToken").abi });
        world
            .request("PUT", "/bindings/euro", binding)
            .await
            .success();
        assert_eq!(world.post("/submissions", call.clone()).await.status, 400);
        world
            .post("/contracts", registration(&token))
            .await
            .success();
        let checksummed = intent::evm::checksum(&token).unwrap();
        let submission = json!({ "to": checksummed });
        let mut call = call;
        call["to"] = submission["to"].clone();
        let submission = world.post("/submissions", call).await.success();
        let data = submission["intent"]["act"]["data"]
            .as_str()
            .unwrap()
            .to_owned();
        let interface = intent::Interface::new(testkit::artifact("DemoToken").abi.to_string());
        let chain = ChainId::evm(31337);
        let expected = intent::encode_call(&chain, &interface, "transfer", &json!([BOB, "5"]));
        assert!(data.ends_with(&hex::encode(expected.unwrap())), "{data}");
        let answer = world.post("/contracts/query", query).await.success();
        assert_eq!(answer["output"]["output"], "0");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_without_events_takes_those_of_the_registered_interface() {
    on_each_engine(|test| async move {
        let Some((anvil, token)) = node() else { return };
        let world = World::with(test, &anvil.url()).await;
        world
            .request("PUT", "/tasks/greet", json!({ "name": "greet" }))
            .await
            .success();
        let events = json!({ "locations": [{ "address": token }] });
        let listener = json!({ "config": { "taskName": "greet", "blockchainEvents": events } });
        let put = || world.request("PUT", "/listeners/firefly/moves", listener.clone());
        let refused = put().await;
        let field = "config.blockchainEvents.abiEvents".to_owned();
        let code = "workflow.invalid_field".to_owned();
        assert_eq!(refused.code_and_field(), (code, field), "{}", refused.text);
        world
            .post("/contracts", registration(&token))
            .await
            .success();
        let stored = put().await.success();
        let stored = &stored["config"]["blockchainEvents"]["abiEvents"];
        let abi = testkit::artifact("DemoToken").abi;
        let events = abi.as_array().unwrap().iter();
        let events: Vec<&Value> = events.filter(|entry| entry["type"] == "event").collect();
        assert!(!events.is_empty());
        assert_eq!(*stored, json!(events));
    })
    .await;
}
