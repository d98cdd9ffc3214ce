//! Lists: who may write them, and what requests look like.

use crate::client::ApiRequest;
use crate::world::{BOB, World};
use serde_json::{Value, json};
use testkit::on_each_engine;
use types::Role;

async fn as_role(world: &World, role: Role, method: &str, path: &str, body: &Value) -> u16 {
    let key = world.key("a", vec![role], None).await;
    let request = ApiRequest::new(method, &format!("/api/v1{path}")).key(&key);
    let request = match body {
        Value::Null => request,
        body => request.json(body),
    };
    world.send(request).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_writes_lists_and_an_operator_reads_them() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let new = json!({ "kind": "account", "coolingMs": 0 });
        let entries = json!({ "entries": [{ "address": BOB }] });
        for role in [Role::Operator, Role::Reader] {
            assert_eq!(as_role(&world, role, "PUT", "/lists/paid", &new).await, 403);
        }
        let controller = Role::Controller;
        assert_eq!(
            as_role(&world, controller, "PUT", "/lists/paid", &new).await,
            200
        );
        let path = "/lists/paid/entries";
        assert_eq!(
            as_role(&world, Role::Operator, "POST", path, &entries).await,
            403
        );
        assert_eq!(
            as_role(&world, controller, "POST", path, &entries).await,
            200
        );
        assert_eq!(
            as_role(&world, Role::Operator, "GET", path, &Value::Null).await,
            200
        );
        let added = world.get(path).await.success();
        let entry = format!("{path}/{}", added["items"][0]["id"].as_str().unwrap());
        let remove = |role| {
            let (world, entry) = (&world, entry.as_str());
            async move { as_role(world, role, "DELETE", entry, &Value::Null).await }
        };
        assert_eq!(remove(Role::Operator).await, 403);
        assert_eq!(remove(controller).await, 204);
        assert_eq!(remove(controller).await, 404);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_put_filled_filtered_and_sent_back_as_read() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let new = json!({ "kind": "call", "description": "the pool" });
        let list = world.request("PUT", "/lists/pool", new).await.success();
        assert_eq!(
            (&list["coolingMs"], &list["entries"]),
            (&json!(86_400_000), &json!(0))
        );
        assert_eq!(
            world
                .request("PUT", "/lists/pool", list.clone())
                .await
                .success()["kind"],
            "call"
        );
        let call = |function: &str| json!({ "contract": BOB, "selector": function, "note": "n" });
        let entries = json!({ "entries": [call("pause()"), call("0xa9059cbb"), call("pause()")] });
        let added = world.post("/lists/pool/entries", entries).await.success();
        assert_eq!(added["count"], 3);
        assert_eq!(added["items"][0], added["items"][2]);
        let expected = ("0x8456cb59", "pause()", "eip155:31337");
        let item = &added["items"][0];
        let text = |name: &str| item[name].as_str().unwrap_or_default();
        assert_eq!(
            (text("selector"), text("signature"), text("chain")),
            expected
        );
        for (query, count) in [
            ("active=false", 2),
            ("active=true", 0),
            ("chain=eip155:1", 0),
            (&format!("address={BOB}"), 2),
            ("limit=1", 1),
        ] {
            let page = world
                .get(&format!("/lists/pool/entries?{query}"))
                .await
                .success();
            assert_eq!(page["count"], count, "{query}");
        }
        let unknown = json!({ "entries": [{ "contract": "nowhere", "selector": "f()" }] });
        let refused = world.post("/lists/pool/entries", unknown).await;
        assert_eq!(refused.code_and_field().0, "contracts.unknown_contract");
        for (body, field) in [
            (json!({ "entries": [{ "address": BOB }] }), "entries[0]"),
            (json!({ "entries": [{ "contract": BOB }] }), "entries[0]"),
            (
                json!({ "entries": [call("pause()"), call("pause")] }),
                "entries[1].selector",
            ),
        ] {
            let refused = world.post("/lists/pool/entries", body).await;
            assert_eq!(refused.code_and_field().1, field);
        }
    })
    .await;
}
