//! The data model through the API: objects of every type, qualified names, balances, bulk requests,
//! metadata fields.

use crate::client::{ApiRequest, ApiResponse};
use crate::world::{BOB, World};
use serde_json::{Value, json};
use testkit::on_each_engine;

const TOKEN: &str = "0x77cc00000000000000000000000000000000c0de";
const TRANSFER: &str = "000000000001/000000/000000";

/// One object of each type, after the objects that it refers to: type, reference, body.
fn objects() -> Vec<(&'static str, String, Value)> {
    let pool = format!("{TOKEN}/main");
    let parent = json!({ "type": "pool", "ref": pool });
    vec![
        ("collections", "metals".into(), json!({ "name": "metals" })),
        (
            "assets",
            "gold bar".into(),
            json!({ "name": "gold bar", "collection": "metals" }),
        ),
        (
            "addresses",
            TOKEN.into(),
            json!({ "address": TOKEN, "contract": true }),
        ),
        ("activities", "history".into(), json!({ "name": "history" })),
        (
            "pools",
            pool.clone(),
            json!({ "name": "main", "address": TOKEN, "standard": "ERC20", "asset": "gold bar" }),
        ),
        (
            "nfts",
            format!("{TOKEN}/one"),
            json!({ "name": "one", "address": TOKEN, "tokenIndex": "1" }),
        ),
        (
            "fragments",
            format!("{TOKEN}/part"),
            json!({ "name": "part", "address": TOKEN, "value": "7" }),
        ),
        (
            "data",
            "paper".into(),
            json!({ "name": "paper", "parent": { "type": "asset", "ref": "gold bar" } }),
        ),
        (
            "transfers",
            TRANSFER.into(),
            json!({ "protocolId": TRANSFER, "from": TOKEN, "to": BOB, "amount": "5", "parent": parent }),
        ),
        (
            "events",
            "first".into(),
            json!({ "name": "first", "activity": "history", "parent": parent }),
        ),
    ]
}

/// The path of an object: spaces are encoded, slashes are not.
fn object_path(kind: &str, reference: &str) -> String {
    format!("/{kind}/{}", reference.replace(' ', "%20"))
}

async fn create_objects(world: &World) {
    for (kind, _, body) in objects() {
        world.post(&format!("/{kind}"), body).await.success();
    }
}

async fn send(world: &World, method: &str, path: &str, kind: &str, body: &str) -> ApiResponse {
    world
        .send(
            ApiRequest::new(method, &format!("/api/v1{path}"))
                .key(&world.a)
                .text(kind, body),
        )
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_each_type_is_created_read_updated_replaced_and_deleted() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        for (kind, reference, body) in objects() {
            let created = world.post(&format!("/{kind}"), body.clone()).await;
            assert_eq!(created.status, 201, "{kind}: {}", created.text);
            let taken = world.post(&format!("/{kind}"), body.clone()).await;
            assert_eq!(
                (taken.status, taken.code_and_field().0.as_str()),
                (409, "data.already_exists"),
                "{kind}"
            );

            let path = object_path(kind, &reference);
            assert_eq!(
                world.get(&path).await.success(),
                created.success(),
                "{kind}"
            );
            let patched = world
                .request(
                    "PATCH",
                    &path,
                    json!({ "displayName": "shown", "labels": { "desk": "fx" } }),
                )
                .await;
            assert_eq!(patched.success()["displayName"], "shown", "{kind}");
            let listed = world
                .get(&format!("/{kind}?label=desk=fx&count=true&limit=5"))
                .await
                .success();
            assert_eq!(
                (&listed["count"], &listed["total"], &listed["allItems"]),
                (&json!(1), &json!(1), &json!(true))
            );
            let put = world.request("PUT", &path, body).await;
            assert_eq!(
                (put.status, put.success().get("displayName")),
                (200, None),
                "{kind}: replaced completely"
            );
            assert_eq!(
                put.success()["created"],
                created.success()["created"],
                "{kind}"
            );
        }
        for (kind, reference, _) in objects().into_iter().rev() {
            let gone = world
                .request("DELETE", &object_path(kind, &reference), Value::Null)
                .await;
            assert_eq!((gone.status, gone.text.as_str()), (204, ""), "{kind}");
            let missing = world.get(&object_path(kind, &reference)).await;
            assert_eq!(
                (missing.status, missing.code_and_field().0.as_str()),
                (404, "data.unknown_object"),
                "{kind}"
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_by_name_creates_and_a_put_by_id_renames() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        for (kind, reference, body) in objects() {
            let created = world
                .request("PUT", &object_path(kind, &reference), body)
                .await;
            assert_eq!(created.status, 200, "{kind}: {}", created.text);
        }
        let first = world.get("/collections/metals").await.success();
        let id = first["id"].as_str().unwrap();
        let renamed = world
            .request(
                "PUT",
                &format!("/collections/{id}"),
                json!({ "name": "ores" }),
            )
            .await
            .success();
        assert_eq!(
            (&renamed["id"], &renamed["name"]),
            (&first["id"], &json!("ores"))
        );
        assert_eq!(world.get("/collections/metals").await.status, 404);
        assert_eq!(
            world.get("/assets/gold%20bar").await.success()["collection"],
            "ores"
        );

        let unknown = id.replace(&id[4..], "01ARZ3NDEKTSV4RRFFQ69G5FAV");
        let missing = world
            .request(
                "PUT",
                &format!("/collections/{unknown}"),
                json!({ "name": "x" }),
            )
            .await;
        assert_eq!(
            (missing.status, missing.code_and_field().0.as_str()),
            (404, "data.unknown_object")
        );
        let referred = world
            .request("DELETE", "/collections/ores", Value::Null)
            .await;
        assert_eq!(
            (referred.status, referred.code_and_field().0.as_str()),
            (409, "data.referenced")
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn balances_are_listed_by_address_asset_and_pool_with_a_qualified_name() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        create_objects(&world).await;
        let balance_of = |path: String, address: &'static str| {
            let world = &world;
            async move {
                let page = world.get(&path).await.success();
                let items = page["items"].as_array().unwrap().clone();
                let mine = items.into_iter().find(|item| item["address"] == address);
                mine.map_or(Value::Null, |item| item["balanceAfter"].clone())
            }
        };
        assert_eq!(
            balance_of(format!("/pools/{TOKEN}/main/balances"), BOB).await,
            "5"
        );
        assert_eq!(
            world
                .get(&format!("/addresses/{BOB}/balances"))
                .await
                .status,
            404,
            "Bob's address does not exist yet"
        );
        world
            .post("/addresses", json!({ "address": BOB }))
            .await
            .success();
        assert_eq!(
            balance_of(format!("/addresses/{BOB}/balances"), BOB).await,
            "5"
        );
        assert_eq!(
            balance_of("/assets/gold%20bar/balances".into(), TOKEN).await,
            "-5"
        );
        assert_eq!(
            balance_of(
                format!("/pools/{TOKEN}/main/balances?address={BOB}&limit=1"),
                BOB
            )
            .await,
            "5"
        );
        let all = world.get("/balances").await.success();
        assert_eq!(all["count"], 2);
        let balance = &all["items"][0];
        let again = world
            .get(&format!("/balances/{}", balance["id"].as_str().unwrap()))
            .await
            .success();
        assert_eq!(again, *balance);

        assert_eq!(
            world
                .get(&format!("/pools/{TOKEN}/other/balances"))
                .await
                .status,
            404
        );
        assert_eq!(world.get("/balances/none").await.status, 404);
        let computed = world.post("/balances", json!({})).await;
        assert_eq!(
            (computed.status, computed.code_and_field().0.as_str()),
            (405, "api.method_not_allowed")
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_base_path_serves_the_same_objects_and_none_of_another_namespace() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        create_objects(&world).await;
        for base in [
            "/api/v1",
            "/rest/api/v1",
            "/endpoint/e1/s1/rest/api/v1",
            "/api/v1/namespaces/a",
        ] {
            let pool = world
                .send(ApiRequest::new("GET", &format!("{base}/pools/{TOKEN}/main")).key(&world.a))
                .await
                .success();
            assert_eq!(pool["qualifiedName"], format!("{TOKEN}/main"), "{base}");
            let list = world
                .send(
                    ApiRequest::new("GET", &format!("{base}/pools/{TOKEN}/main/balances"))
                        .key(&world.a),
                )
                .await;
            assert_eq!(list.success()["count"], 2, "{base}");
        }
        let foreign = world
            .send(ApiRequest::new("GET", "/api/v1/namespaces/a/assets").key(&world.b))
            .await;
        assert_eq!(
            (foreign.status, foreign.code_and_field().0.as_str()),
            (403, "api.namespace_mismatch")
        );
        for (kind, reference, body) in objects() {
            let path = format!("/api/v1{}", object_path(kind, &reference));
            assert_eq!(
                world
                    .send(ApiRequest::new("GET", &path).key(&world.b))
                    .await
                    .status,
                404,
                "{kind}"
            );
            assert_eq!(
                world
                    .send(ApiRequest::new("DELETE", &path).key(&world.b))
                    .await
                    .status,
                404,
                "{kind}"
            );
            let patch = ApiRequest::new("PATCH", &path).key(&world.b).json(&body);
            assert_eq!(world.send(patch).await.status, 404, "{kind}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_update_in_json_or_yaml_is_atomic() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let created = world.request("PUT", "/bulk/datamodel", json!({ "assets": [{ "name": "gold" }] })).await.success();
        assert_eq!(created["assets"]["created"][0]["name"], "gold");
        let yaml = "pools:\n- {name: main, address: '0xAB00000000000000000000000000000000000000', asset: silver}\n\
                    assets:\n- name: silver\n  info: {serial: 12345678901234567890}\n\
                    - {name: gold, updateType: create_or_ignore}\naddresses:\n- address: '0xab00000000000000000000000000000000000000'\n";
        let both = send(&world, "PUT", "/bulk/datamodel", "application/x-yaml", yaml).await.success();
        assert_eq!((&both["assets"]["created"][0]["name"], &both["assets"]["ignored"][0]["name"]), (&json!("silver"), &json!("gold")));
        assert_eq!(world.get("/assets/silver").await.success()["info"]["serial"], "12345678901234567890");

        let before = world.fact_count("a").await;
        let dangling = json!({ "collections": [{ "name": "new" }], "assets": [{ "name": "x", "collection": "nowhere" }] });
        let refused = world.request("PUT", "/bulk/datamodel", dangling).await;
        assert_eq!(refused.code_and_field(), ("data.bad_reference".into(), "assets[0].collection".into()));
        assert!(refused.text.contains("KA090801"), "{}", refused.text);
        assert_eq!(world.get("/collections/new").await.status, 404);
        for (yaml, code) in [("assets: [", "api.invalid_field"), ("a: 1\na: 2", "api.invalid_field"), ("- 1", "data.invalid_body")] {
            let refused = send(&world, "PUT", "/bulk/datamodel", "application/yaml", yaml).await;
            assert_eq!((refused.status, refused.code_and_field().0.as_str()), (400, code), "{yaml}");
        }
        assert_eq!(world.fact_count("a").await, before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_query_covers_every_type_and_filters_by_metadata_fields() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        create_objects(&world).await;
        for (name, grade) in [("a", 9), ("b", 10), ("c", 11)] {
            world.post("/assets", json!({ "name": name, "info": { "grade": grade } })).await.success();
        }
        let field = world.request("PUT", "/metadata-fields/assets/info.grade", json!({ "form": "integer" })).await.success();
        assert_eq!(field, json!({ "type": "assets", "path": "info.grade", "form": "integer", "ready": true }));
        assert_eq!(world.get("/metadata-fields").await.success()["items"][0], field);
        let query = json!({
            "assets": { "gte": [{ "field": "info.grade", "value": "10" }], "sort": ["-info.grade"], "fields": ["name"], "count": true },
            "transfers": { "gt": [{ "field": "amount", "value": "4" }] },
            "balanceChanges": {},
        });
        let response = world.post("/bulk/query", query).await.success();
        assert_eq!(response["assets"]["items"], json!([{ "name": "c" }, { "name": "b" }]));
        assert_eq!((&response["assets"]["total"], &response["assets"]["allItems"]), (&json!(2), &json!(true)));
        assert_eq!((&response["transfers"]["count"], &response["balanceChanges"]["count"]), (&json!(1), &json!(2)));
        assert_eq!(response.get("pools"), None, "types without a query are absent");

        assert_eq!(world.request("DELETE", "/metadata-fields/assets/info.grade", Value::Null).await.status, 204);
        let again = world.request("DELETE", "/metadata-fields/assets/info.grade", Value::Null).await;
        assert_eq!((again.status, again.code_and_field().0.as_str()), (404, "api.unknown_metadata_field"));
    })
    .await;
}

/// Method, path, body, status, code, field.
type Row = (&'static str, String, Value, u16, &'static str, &'static str);

fn bad_input() -> Vec<Row> {
    let row = |method, path: &str, body, status, code, field| {
        (method, path.to_owned(), body, status, code, field)
    };
    let eq = |field: &str| json!({ "assets": { "eq": [{ "field": field, "value": "1" }] } });
    vec![
        row(
            "POST",
            "/assets",
            json!({ "name": "x", "color": 1 }),
            400,
            "data.unknown_field",
            "color",
        ),
        row(
            "POST",
            "/assets",
            json!({}),
            400,
            "data.invalid_field",
            "name",
        ),
        row(
            "POST",
            "/assets",
            json!({ "name": "a/b" }),
            400,
            "data.invalid_field",
            "name",
        ),
        row(
            "POST",
            "/assets",
            json!({ "name": "x", "collection": "none" }),
            400,
            "data.bad_reference",
            "collection",
        ),
        row(
            "POST",
            "/transfers",
            json!({ "protocolId": "x", "amount": "-1", "parent": { "type": "pool", "ref": "p" } }),
            400,
            "data.invalid_field",
            "amount",
        ),
        row(
            "POST",
            "/transfers",
            json!({ "protocolId": "x", "amount": "1.5", "parent": { "type": "pool", "ref": "p" } }),
            400,
            "data.invalid_field",
            "amount",
        ),
        row(
            "PUT",
            "/assets/one",
            json!({ "name": "other" }),
            400,
            "data.invalid_field",
            "name",
        ),
        row(
            "PUT",
            &format!("/pools/{TOKEN}/balances"),
            json!({ "name": "balances", "address": TOKEN }),
            400,
            "data.invalid_field",
            "name",
        ),
        row(
            "PATCH",
            "/assets/none",
            json!({}),
            404,
            "data.unknown_object",
            "",
        ),
        row(
            "GET",
            "/assets?limit=0",
            Value::Null,
            400,
            "data.invalid_field",
            "limit",
        ),
        row(
            "GET",
            "/assets?limit=x",
            Value::Null,
            400,
            "data.invalid_field",
            "limit",
        ),
        row(
            "GET",
            "/assets?color=1",
            Value::Null,
            400,
            "data.unknown_field",
            "color",
        ),
        row(
            "POST",
            "/bulk/query",
            json!({ "planets": {} }),
            400,
            "data.unknown_field",
            "planets",
        ),
        row(
            "POST",
            "/bulk/query",
            eq("color"),
            400,
            "data.unknown_field",
            "assets.eq[0]: color",
        ),
        row(
            "POST",
            "/bulk/query",
            json!({ "assets": { "like": [] } }),
            400,
            "data.unknown_operator",
            "assets.like",
        ),
        row(
            "POST",
            "/bulk/query",
            json!([]),
            400,
            "data.invalid_body",
            "body",
        ),
        row(
            "PUT",
            "/bulk/datamodel",
            json!({ "planets": [] }),
            400,
            "data.unknown_field",
            "planets",
        ),
        row(
            "PUT",
            "/bulk/datamodel",
            json!({ "assets": [{ "name": "x", "updateType": "upsert" }] }),
            400,
            "data.invalid_field",
            "assets[0].updateType",
        ),
        row(
            "PUT",
            "/metadata-fields/planets/info.x",
            json!({ "form": "text" }),
            400,
            "api.invalid_field",
            "type",
        ),
        row(
            "PUT",
            "/metadata-fields/assets/name",
            json!({ "form": "text" }),
            400,
            "data.invalid_field",
            "path",
        ),
        row(
            "PUT",
            "/metadata-fields/assets/info.x",
            json!({ "form": "float" }),
            400,
            "api.invalid_field",
            "form",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_input_names_its_field_and_changes_nothing() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let before = world.fact_count("a").await;
        for (method, path, body, status, code, field) in bad_input() {
            let response = world.request(method, &path, body.clone()).await;
            let (actual, error_field) = response.code_and_field();
            let actual = (response.status, actual.as_str(), error_field.as_str());
            assert_eq!(
                actual,
                (status, code, field),
                "{method} {path} {body}: {}",
                response.text
            );
        }
        let broken = send(&world, "POST", "/assets", "application/json", "{\"name\": ").await;
        assert_eq!(
            broken.code_and_field(),
            ("api.invalid_field".into(), "body".into())
        );
        let xml = send(&world, "POST", "/assets", "text/xml", "<a/>").await;
        assert_eq!(
            (xml.status, xml.code_and_field().0.as_str()),
            (415, "api.unsupported_media_type")
        );
        assert_eq!(world.fact_count("a").await, before);
    })
    .await;
}

/// The properties of a schema of the OpenAPI document.
fn members(document: &Value, name: &str) -> Vec<String> {
    let properties = &document["components"]["schemas"][name]["properties"];
    properties
        .as_object()
        .unwrap_or_else(|| panic!("no schema {name}"))
        .keys()
        .cloned()
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schemas_describe_every_returned_field_and_no_rejected_input_field() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let document = serde_json::to_value(api::openapi()).unwrap();
        let assert_described = |name: &str, object: &Value| {
            let described = members(&document, name);
            let unknown: Vec<_> = object.as_object().unwrap().keys().filter(|key| !described.contains(key)).collect();
            assert!(unknown.is_empty(), "{name} does not describe {unknown:?}");
        };
        for (kind, reference, mut body) in objects() {
            let singular = data::Type::from_plural(kind).unwrap().singular();
            let schema = singular[..1].to_uppercase() + &singular[1..];
            for member in members(&document, &format!("{schema}Input")) {
                body.as_object_mut().unwrap().entry(member).or_insert(Value::Null);
            }
            let created = world.post(&format!("/{kind}"), body).await;
            assert_eq!(created.status, 201, "{kind}: {}", created.text);
            let full = json!({ "displayName": "d", "description": "e", "info": { "a": 1 }, "labels": { "b": "c" } });
            assert_described(&format!("{schema}Object"), &world.request("PATCH", &object_path(kind, &reference), full).await.success());
        }
        assert_described("BalanceObject", &world.get("/balances").await.success()["items"][0]);
        let changes = world.post("/bulk/query", json!({ "balanceChanges": {} })).await.success();
        assert_described("BalanceChangeObject", &changes["balanceChanges"]["items"][0]);
    })
    .await;
}
