//! Declared fields, and queries that are rejected because they would read too much.

use crate::queries::bulk_query;
use crate::world::{World, ann, with_each_engine};
use data::{Error, Type, ValueType};
use serde_json::{Value, json};
use types::Coded;

async fn names(world: &World, query: Value) -> Result<Vec<String>, Error> {
    let answer = bulk_query(world, json!({ "assets": query })).await?;
    let items = answer["assets"]["items"].as_array().unwrap();
    Ok(items
        .iter()
        .map(|item| item["name"].as_str().unwrap().to_owned())
        .collect())
}

fn by(operator: &str, field: &str, value: &str) -> Value {
    json!({operator: [{"field": field, "value": value}], "sort": ["name"]})
}

#[tokio::test(flavor = "multi_thread")]
async fn declared_fields_compare_by_value_type_for_old_and_new_objects() {
    with_each_engine(|world| async move {
        let long = "z".repeat(1_000);
        let info = |n: usize| match n {
            0 => json!({"score": 20, "when": "2026-03-01T00:00:00+01:00", "grade": "Ab"}),
            1 => json!({"score": "100", "when": "2026-02-28T22:59:59Z", "grade": long}),
            2 => json!({"score": "340282366920938463463374607431768211456", "grade": 7, "open": true}),
            _ => json!({"score": "many", "grade": {"not": "text"}, "open": "false"}),
        };
        let assets: Vec<Value> = (0..4).map(|n| json!({"name": format!("a{n}"), "info": info(n)})).collect();
        world.bulk(json!({ "assets": assets })).await.unwrap();
        let text_order = names(&world, by("gt", "info.score", "19")).await.unwrap();
        assert_eq!(text_order, ["a0", "a2", "a3"], "undeclared: numbers as numbers, strings as text");
        for (path, form) in [
            ("info.score", ValueType::Integer),
            ("info.when", ValueType::Time),
            ("info.grade", ValueType::Text),
            ("info.open", ValueType::Boolean),
        ] {
            data::declare_field(&world.data, &ann(), Type::Asset, path, form).await.unwrap();
        }
        assert_eq!(names(&world, by("gt", "info.score", "19")).await.unwrap(), ["a0", "a1", "a2"]);
        assert_eq!(names(&world, by("lt", "info.when", "2026-02-28T23:00:00Z")).await.unwrap(), ["a1"]);
        assert_eq!(names(&world, by("eq", "info.open", "true")).await.unwrap(), ["a2"]);
        assert_eq!(names(&world, by("eq", "info.grade", &long)).await.unwrap(), ["a1"]);
        assert_eq!(names(&world, by("startsWith", "info.grade", "zzz")).await.unwrap(), ["a1"]);
        assert_eq!(names(&world, by("eq", "info.grade", "7")).await.unwrap(), ["a2"]);
        assert_eq!(names(&world, json!({"null": [{"field": "info.grade"}]})).await.unwrap(), ["a3"]);
        assert_eq!(names(&world, json!({"sort": ["-info.score"]})).await.unwrap(), ["a2", "a1", "a0", "a3"]);
        let invalid = names(&world, by("gt", "info.score", "a lot")).await.unwrap_err();
        assert_eq!(invalid.code().code, "data.invalid_field");
        world
            .bulk(json!({"assets": [{"name": "a0", "info": {"score": -5}}, {"name": "a4", "info": {"score": 21}}]}))
            .await
            .unwrap();
        assert_eq!(names(&world, by("gt", "info.score", "19")).await.unwrap(), ["a1", "a2", "a4"]);
        data::delete(&world.data, &ann(), Type::Asset, "a4").await.unwrap();
        assert_eq!(names(&world, by("gt", "info.score", "19")).await.unwrap(), ["a1", "a2"]);
        let known = data::declared_fields(&world.data, &ann()).await.unwrap();
        assert_eq!(known.len(), 4);
        assert!(known.iter().all(|field| field.ready));
        let other = data::declare_field(&world.data, &ann(), Type::Asset, "info.score", ValueType::Text).await.unwrap_err();
        assert_eq!(other.code().code, "data.already_exists");
        assert!(data::withdraw_field(&world.data, &ann(), Type::Asset, "info.score").await.unwrap());
        assert_eq!(names(&world, by("gt", "info.score", "19")).await.unwrap(), ["a2", "a3"]);
        for bad in ["score", "info", "info.", "name.x", "info..x"] {
            let error = data::declare_field(&world.data, &ann(), Type::Asset, bad, ValueType::Text).await.unwrap_err();
            assert_eq!(error.field().unwrap(), "path", "{bad}");
        }
    })
    .await;
}

/// Insert many assets directly in SQL.
async fn insert_assets(world: &World, count: i64) {
    world
        .test
        .db
        .on(&world.lease)
        .write(&ann().namespace, move |tx| {
            tx.execute(
                "INSERT INTO asset (namespace, id, name, version, created, updated, description, info)
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                 SELECT ?ns, 'obj:' || i, 'a' || i, 1, i, i, 'of ' || (i % 7), '{\"n\":' || i || '}' FROM n",
                (count,),
            )
        })
        .await
        .map_err(|error: store::Error| error)
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undeclared_path_is_read_from_at_most_ten_thousand_objects() {
    with_each_engine(|world| async move {
        insert_assets(&world, 10_000).await;
        let query =
            || json!({"gt": [{"field": "info.n", "value": "9990"}], "sort": ["-created"], "count": true, "limit": 3});
        let answer = bulk_query(&world, json!({ "assets": query() })).await.unwrap();
        assert_eq!(
            (answer["assets"]["total"].as_u64(), answer["assets"]["allItems"].as_bool()),
            (Some(10), Some(false))
        );
        world.bulk(json!({"assets": [{"name": "one more"}]})).await.unwrap();
        let error = names(&world, query()).await.unwrap_err();
        assert_eq!((error.code().code, error.field().as_deref()), ("data.undeclared_field", Some("info.n")));
        let mut narrowed = query();
        narrowed["startsWith"] = json!([{"field": "name", "value": "a"}]);
        assert_eq!(names(&world, narrowed).await.unwrap(), ["a10000", "a9999", "a9998"]);
        let total = bulk_query(&world, json!({"assets": {"count": true}})).await.unwrap();
        assert_eq!((total["assets"].get("total"), total["assets"]["totalAtLeast"].as_u64()), (None, Some(10_000)));
        data::declare_field(&world.data, &ann(), Type::Asset, "info.n", ValueType::Integer).await.unwrap();
        assert_eq!(names(&world, query()).await.unwrap(), ["a10000", "a9999", "a9998"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_without_an_index_is_rejected_if_it_would_scan_too_much() {
    with_each_engine(|world| async move {
        insert_assets(&world, 100_000).await;
        let slow = || by("eq", "description", "of 3");
        assert_eq!(names(&world, slow()).await.unwrap().len(), 25);
        world
            .bulk(json!({"assets": [{"name": "one more"}]}))
            .await
            .unwrap();
        let error = names(&world, slow()).await.unwrap_err();
        assert_eq!(
            (error.code().code, error.field().as_deref()),
            ("data.not_indexed", Some("description"))
        );
        assert!(error.to_string().contains("name"), "{error}");
        let mut narrowed = slow();
        narrowed["in"] = json!([{"field": "name", "values": ["a3", "a4"]}]);
        assert_eq!(names(&world, narrowed).await.unwrap(), ["a3"]);
        assert_eq!(
            names(&world, json!({"limit": 2})).await.unwrap(),
            ["one more", "a100000"]
        );
        let sorted = names(&world, json!({"sort": ["description"]}))
            .await
            .unwrap_err();
        assert_eq!(sorted.field().as_deref(), Some("description"));
        let deep = names(
            &world,
            json!({"skip": 10_000, "limit": 1, "sort": ["created"]}),
        )
        .await
        .unwrap();
        assert_eq!(deep, ["a10001"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_accepted_queries_run() {
    with_each_engine(|world| async move {
        world.bulk(json!({"assets": [{"name": "gold"}]})).await.unwrap();
        let values = |count: usize| (0..count).map(|n| format!("0xA{n}/p{n}")).collect::<Vec<_>>();
        let entry = |field: &str, count: usize| json!({"field": field, "values": values(count), "caseInsensitive": true});
        for (kind, field, max) in [
            ("transfers", "parent.ref", 250),
            ("transfers", "asset", 750),
            ("transfers", "from", 1_000),
            ("pools", "qualifiedName", 1_000),
            ("assets", "name", 1_000),
            ("assets", "info.x", 1_000),
        ] {
            for operator in ["in", "nin"] {
                let query = json!({kind: {operator: [entry(field, max)], "sort": ["-updated"], "count": true}});
                bulk_query(&world, query).await.unwrap_or_else(|error| panic!("{kind} {field}: {error}"));
            }
        }
        let many = json!({"transfers": {"nin": vec![entry("parent.ref", 2); 100]}});
        bulk_query(&world, many).await.unwrap();
        for too_many in [
            json!({"transfers": {"in": [entry("parent.ref", 251)]}}),
            json!({"assets": {"in": [entry("name", 1_001)]}}),
            json!({"assets": {"in": vec![entry("name", 1_000); 7]}}),
            json!({"assets": {"eq": vec![json!({"field": "name", "value": "x"}); 101]}}),
            json!({"assets": {"sort": ["name", "id", "created", "updated", "-description"]}}),
        ] {
            assert_eq!(bulk_query(&world, too_many).await.unwrap_err().code().code, "data.limit_exceeded");
        }
        let mut nested = json!({"eq": [{"field": "name", "value": "gold"}]});
        for _ in 0..8 {
            nested = json!({"or": [nested]});
        }
        assert_eq!(names(&world, nested.clone()).await.unwrap(), ["gold"]);
        let deeper = names(&world, json!({"or": [nested]})).await.unwrap_err();
        assert_eq!(deeper.code().code, "data.limit_exceeded");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_sorted_by_long_texts_can_be_continued() {
    with_each_engine(|world| async move {
        let long = "\u{1}".repeat(60_000);
        let asset = |n: usize| json!({"name": format!("a{n}"), "description": format!("{}{long}{n}", n / 2)});
        world.bulk(json!({"assets": (0..6).map(asset).collect::<Vec<_>>()})).await.unwrap();
        let (mut after, mut numbers) = (Value::Null, Vec::new());
        loop {
            let sort = json!({"sort": ["description", "displayName"], "limit": 1, "after": after, "fields": ["name"]});
            let answer = bulk_query(&world, json!({"assets": sort})).await.unwrap()["assets"].take();
            numbers.push(answer["items"][0]["name"].as_str().unwrap()[1..].parse::<usize>().unwrap());
            after = answer["after"].clone();
            if after.is_null() {
                break;
            }
        }
        assert_eq!(numbers.iter().map(|n| n / 2).collect::<Vec<_>>(), [0, 0, 1, 1, 2, 2]);
        numbers.sort_unstable();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5], "each once");
    })
    .await;
}
