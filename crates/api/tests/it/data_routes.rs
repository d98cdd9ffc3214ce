//! The data model through the door: objects of every type, names with a slash, balances, bulk
//! bodies, declared metadata.

use crate::client::{Answer, Call};
use crate::world::{BOB, World};
use serde_json::{Value, json};
use testkit::on_each_engine;

const TOKEN: &str = "0x77cc00000000000000000000000000000000c0de";
const TRANSFER: &str = "000000000001/000000/000000";

/// One object of each type, each behind those it refers to: type, reference, body.
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

/// A reference as it stands in a path: blanks encoded, slashes as they are.
fn path(kind: &str, reference: &str) -> String {
    format!("/{kind}/{}", reference.replace(' ', "%20"))
}

async fn fill(world: &World) {
    for (kind, _, body) in objects() {
        world.post(&format!("/{kind}"), body).await.good();
    }
}

async fn send(world: &World, method: &str, path: &str, kind: &str, body: &str) -> Answer {
    world
        .send(
            Call::new(method, &format!("/api/v1{path}"))
                .key(&world.a)
                .text(kind, body),
        )
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_each_type_is_made_read_changed_replaced_and_deleted() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        for (kind, reference, body) in objects() {
            let made = world.post(&format!("/{kind}"), body.clone()).await;
            assert_eq!(made.status, 201, "{kind}: {}", made.text);
            let taken = world.post(&format!("/{kind}"), body.clone()).await;
            assert_eq!(
                (taken.status, taken.refusal().0.as_str()),
                (409, "data.exists"),
                "{kind}"
            );

            let at = path(kind, &reference);
            assert_eq!(world.get(&at).await.good(), made.good(), "{kind}");
            let patched = world
                .ask(
                    "PATCH",
                    &at,
                    json!({ "displayName": "shown", "labels": { "desk": "fx" } }),
                )
                .await;
            assert_eq!(patched.good()["displayName"], "shown", "{kind}");
            let listed = world
                .get(&format!("/{kind}?label=desk=fx&count=true&limit=5"))
                .await
                .good();
            assert_eq!(
                (&listed["count"], &listed["total"], &listed["allItems"]),
                (&json!(1), &json!(1), &json!(true))
            );
            let put = world.ask("PUT", &at, body).await;
            assert_eq!(
                (put.status, put.good().get("displayName")),
                (200, None),
                "{kind}: replaced as a whole"
            );
            assert_eq!(put.good()["created"], made.good()["created"], "{kind}");
        }
        for (kind, reference, _) in objects().into_iter().rev() {
            let gone = world
                .ask("DELETE", &path(kind, &reference), Value::Null)
                .await;
            assert_eq!((gone.status, gone.text.as_str()), (204, ""), "{kind}");
            let missing = world.get(&path(kind, &reference)).await;
            assert_eq!(
                (missing.status, missing.refusal().0.as_str()),
                (404, "data.unknown"),
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
            let made = world.ask("PUT", &path(kind, &reference), body).await;
            assert_eq!(made.status, 200, "{kind}: {}", made.text);
        }
        let first = world.get("/collections/metals").await.good();
        let id = first["id"].as_str().unwrap();
        let renamed = world
            .ask(
                "PUT",
                &format!("/collections/{id}"),
                json!({ "name": "ores" }),
            )
            .await
            .good();
        assert_eq!(
            (&renamed["id"], &renamed["name"]),
            (&first["id"], &json!("ores"))
        );
        assert_eq!(world.get("/collections/metals").await.status, 404);
        assert_eq!(
            world.get("/assets/gold%20bar").await.good()["collection"],
            "ores"
        );

        let unknown = id.replace(&id[4..], "01ARZ3NDEKTSV4RRFFQ69G5FAV");
        let nobody = world
            .ask(
                "PUT",
                &format!("/collections/{unknown}"),
                json!({ "name": "x" }),
            )
            .await;
        assert_eq!(
            (nobody.status, nobody.refusal().0.as_str()),
            (404, "data.unknown")
        );
        let referred = world.ask("DELETE", "/collections/ores", Value::Null).await;
        assert_eq!(
            (referred.status, referred.refusal().0.as_str()),
            (409, "data.referred_to")
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn balances_stand_behind_addresses_assets_and_pools_whose_names_hold_a_slash() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        fill(&world).await;
        let of = |path: String, address: &'static str| {
            let world = &world;
            async move {
                let page = world.get(&path).await.good();
                let items = page["items"].as_array().unwrap().clone();
                let mine = items.into_iter().find(|item| item["address"] == address);
                mine.map_or(Value::Null, |item| item["balanceAfter"].clone())
            }
        };
        assert_eq!(of(format!("/pools/{TOKEN}/main/balances"), BOB).await, "5");
        assert_eq!(
            world
                .get(&format!("/addresses/{BOB}/balances"))
                .await
                .status,
            404,
            "Bob's row is not written yet"
        );
        world
            .post("/addresses", json!({ "address": BOB }))
            .await
            .good();
        assert_eq!(of(format!("/addresses/{BOB}/balances"), BOB).await, "5");
        assert_eq!(of("/assets/gold%20bar/balances".into(), TOKEN).await, "-5");
        assert_eq!(
            of(
                format!("/pools/{TOKEN}/main/balances?address={BOB}&limit=1"),
                BOB
            )
            .await,
            "5"
        );
        let all = world.get("/balances").await.good();
        assert_eq!(all["count"], 2);
        let one = &all["items"][0];
        let again = world
            .get(&format!("/balances/{}", one["id"].as_str().unwrap()))
            .await
            .good();
        assert_eq!(again, *one);

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
            (computed.status, computed.refusal().0.as_str()),
            (405, "api.method")
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_base_serves_the_same_objects_and_none_of_another_namespace() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        fill(&world).await;
        for base in [
            "/api/v1",
            "/rest/api/v1",
            "/endpoint/e1/s1/rest/api/v1",
            "/api/v1/namespaces/a",
        ] {
            let pool = world
                .send(Call::new("GET", &format!("{base}/pools/{TOKEN}/main")).key(&world.a))
                .await
                .good();
            assert_eq!(pool["qualifiedName"], format!("{TOKEN}/main"), "{base}");
            let list = world
                .send(
                    Call::new("GET", &format!("{base}/pools/{TOKEN}/main/balances")).key(&world.a),
                )
                .await;
            assert_eq!(list.good()["count"], 2, "{base}");
        }
        let foreign = world
            .send(Call::new("GET", "/api/v1/namespaces/a/assets").key(&world.b))
            .await;
        assert_eq!(
            (foreign.status, foreign.refusal().0.as_str()),
            (403, "api.other_namespace")
        );
        for (kind, reference, body) in objects() {
            let at = format!("/api/v1{}", path(kind, &reference));
            assert_eq!(
                world.send(Call::new("GET", &at).key(&world.b)).await.status,
                404,
                "{kind}"
            );
            assert_eq!(
                world
                    .send(Call::new("DELETE", &at).key(&world.b))
                    .await
                    .status,
                404,
                "{kind}"
            );
            let patch = Call::new("PATCH", &at).key(&world.b).json(&body);
            assert_eq!(world.send(patch).await.status, 404, "{kind}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_update_in_json_or_yaml_is_all_or_nothing() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let made = world.ask("PUT", "/bulk/datamodel", json!({ "assets": [{ "name": "gold" }] })).await.good();
        assert_eq!(made["assets"]["created"][0]["name"], "gold");
        let yaml = "pools:\n- {name: main, address: '0xAB00000000000000000000000000000000000000', asset: silver}\n\
                    assets:\n- name: silver\n  info: {serial: 12345678901234567890}\n\
                    - {name: gold, updateType: create_or_ignore}\naddresses:\n- address: '0xab00000000000000000000000000000000000000'\n";
        let both = send(&world, "PUT", "/bulk/datamodel", "application/x-yaml", yaml).await.good();
        assert_eq!((&both["assets"]["created"][0]["name"], &both["assets"]["ignored"][0]["name"]), (&json!("silver"), &json!("gold")));
        assert_eq!(world.get("/assets/silver").await.good()["info"]["serial"], "12345678901234567890");

        let before = world.facts("a").await;
        let dangling = json!({ "collections": [{ "name": "new" }], "assets": [{ "name": "x", "collection": "nowhere" }] });
        let refused = world.ask("PUT", "/bulk/datamodel", dangling).await;
        assert_eq!(refused.refusal(), ("data.bad_reference".into(), "assets[0].collection".into()));
        assert!(refused.text.contains("KA090801"), "{}", refused.text);
        assert_eq!(world.get("/collections/new").await.status, 404);
        for (yaml, code) in [("assets: [", "api.field"), ("a: 1\na: 2", "api.field"), ("- 1", "data.body")] {
            let refused = send(&world, "PUT", "/bulk/datamodel", "application/yaml", yaml).await;
            assert_eq!((refused.status, refused.refusal().0.as_str()), (400, code), "{yaml}");
        }
        assert_eq!(world.facts("a").await, before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bulk_query_asks_all_types_and_declared_metadata_is_found_by_value() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        fill(&world).await;
        for (name, grade) in [("a", 9), ("b", 10), ("c", 11)] {
            world.post("/assets", json!({ "name": name, "info": { "grade": grade } })).await.good();
        }
        let field = world.ask("PUT", "/metadata-fields/assets/info.grade", json!({ "form": "integer" })).await.good();
        assert_eq!(field, json!({ "type": "assets", "path": "info.grade", "form": "integer", "ready": true }));
        assert_eq!(world.get("/metadata-fields").await.good()["items"][0], field);
        let query = json!({
            "assets": { "gte": [{ "field": "info.grade", "value": "10" }], "sort": ["-info.grade"], "fields": ["name"], "count": true },
            "transfers": { "gt": [{ "field": "amount", "value": "4" }] },
            "balanceChanges": {},
        });
        let answer = world.post("/bulk/query", query).await.good();
        assert_eq!(answer["assets"]["items"], json!([{ "name": "c" }, { "name": "b" }]));
        assert_eq!((&answer["assets"]["total"], &answer["assets"]["allItems"]), (&json!(2), &json!(true)));
        assert_eq!((&answer["transfers"]["count"], &answer["balanceChanges"]["count"]), (&json!(1), &json!(2)));
        assert_eq!(answer.get("pools"), None, "types that are not asked for are absent");

        assert_eq!(world.ask("DELETE", "/metadata-fields/assets/info.grade", Value::Null).await.status, 204);
        let again = world.ask("DELETE", "/metadata-fields/assets/info.grade", Value::Null).await;
        assert_eq!((again.status, again.refusal().0.as_str()), (404, "api.unknown"));
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
            json!({ "name": "x", "colour": 1 }),
            400,
            "data.unknown_field",
            "colour",
        ),
        row("POST", "/assets", json!({}), 400, "data.invalid", "name"),
        row(
            "POST",
            "/assets",
            json!({ "name": "a/b" }),
            400,
            "data.invalid",
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
            "data.invalid",
            "amount",
        ),
        row(
            "POST",
            "/transfers",
            json!({ "protocolId": "x", "amount": "1.5", "parent": { "type": "pool", "ref": "p" } }),
            400,
            "data.invalid",
            "amount",
        ),
        row(
            "PUT",
            "/assets/one",
            json!({ "name": "other" }),
            400,
            "data.invalid",
            "name",
        ),
        row(
            "PUT",
            &format!("/pools/{TOKEN}/balances"),
            json!({ "name": "balances", "address": TOKEN }),
            400,
            "data.invalid",
            "name",
        ),
        row("PATCH", "/assets/none", json!({}), 404, "data.unknown", ""),
        row(
            "GET",
            "/assets?limit=0",
            Value::Null,
            400,
            "data.invalid",
            "limit",
        ),
        row(
            "GET",
            "/assets?limit=x",
            Value::Null,
            400,
            "data.invalid",
            "limit",
        ),
        row(
            "GET",
            "/assets?colour=1",
            Value::Null,
            400,
            "data.unknown_field",
            "colour",
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
            eq("colour"),
            400,
            "data.unknown_field",
            "assets.eq[0]: colour",
        ),
        row(
            "POST",
            "/bulk/query",
            json!({ "assets": { "like": [] } }),
            400,
            "data.unknown_operator",
            "assets.like",
        ),
        row("POST", "/bulk/query", json!([]), 400, "data.body", "body"),
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
            "data.invalid",
            "assets[0].updateType",
        ),
        row(
            "PUT",
            "/metadata-fields/planets/info.x",
            json!({ "form": "text" }),
            400,
            "api.field",
            "type",
        ),
        row(
            "PUT",
            "/metadata-fields/assets/name",
            json!({ "form": "text" }),
            400,
            "data.invalid",
            "path",
        ),
        row(
            "PUT",
            "/metadata-fields/assets/info.x",
            json!({ "form": "float" }),
            400,
            "api.field",
            "form",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named_and_changes_nothing() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let before = world.facts("a").await;
        for (method, path, body, status, code, field) in bad_input() {
            let answer = world.ask(method, &path, body.clone()).await;
            let (found, named) = answer.refusal();
            let found = (answer.status, found.as_str(), named.as_str());
            assert_eq!(
                found,
                (status, code, field),
                "{method} {path} {body}: {}",
                answer.text
            );
        }
        let broken = send(&world, "POST", "/assets", "application/json", "{\"name\": ").await;
        assert_eq!(broken.refusal(), ("api.field".into(), "body".into()));
        let xml = send(&world, "POST", "/assets", "text/xml", "<a/>").await;
        assert_eq!(
            (xml.status, xml.refusal().0.as_str()),
            (415, "api.media_type")
        );
        assert_eq!(world.facts("a").await, before);
    })
    .await;
}

/// The members of a schema of the OpenAPI document.
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
async fn the_description_knows_every_member_that_is_shown_and_names_none_that_is_refused() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let document = serde_json::to_value(api::openapi()).unwrap();
        let shown = |name: &str, object: &Value| {
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
            let made = world.post(&format!("/{kind}"), body).await;
            assert_eq!(made.status, 201, "{kind}: {}", made.text);
            let full = json!({ "displayName": "d", "description": "e", "info": { "a": 1 }, "labels": { "b": "c" } });
            shown(&format!("{schema}Object"), &world.ask("PATCH", &path(kind, &reference), full).await.good());
        }
        shown("BalanceObject", &world.get("/balances").await.good()["items"][0]);
        let changes = world.post("/bulk/query", json!({ "balanceChanges": {} })).await.good();
        shown("BalanceChangeObject", &changes["balanceChanges"]["items"][0]);
    })
    .await;
}
