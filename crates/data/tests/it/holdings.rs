//! Balances and listings as the API returns them.

use crate::queries::bulk_query;
use crate::world::{ALICE, BOB, TOKEN, World, ZERO, ann, erc20, erc721, with_each_engine};
use data::{BalanceFilter, Error, Type};
use serde_json::{Value, json};
use types::Coded;

fn params(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

async fn balances(
    world: &World,
    of: BalanceFilter<'_>,
    pairs: &[(&str, &str)],
) -> Result<Value, Error> {
    data::balances(&world.data, &ann(), of, &params(pairs))
        .await
        .map(|listing| serde_json::to_value(listing).unwrap())
}

async fn list(world: &World, kind: Type, pairs: &[(&str, &str)]) -> Result<Value, Error> {
    data::objects(&world.data, &ann(), kind, &params(pairs))
        .await
        .map(|listing| serde_json::to_value(listing).unwrap())
}

fn column<'v>(listing: &'v Value, name: &str) -> Vec<&'v str> {
    listing["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item[name].as_str().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn balances_show_pending_and_final_amounts() {
    with_each_engine(|world| async move {
        world
            .apply(
                1,
                "0xb1",
                &[erc20(
                    "0xt1",
                    "0",
                    "000000000001/000000/000000",
                    ZERO,
                    ALICE,
                    100,
                )],
            )
            .await;
        world
            .apply(
                2,
                "0xb2",
                &[erc20(
                    "0xt2",
                    "0",
                    "000000000002/000000/000000",
                    ALICE,
                    BOB,
                    30,
                )],
            )
            .await;
        world.finalize(1);
        let both = |listing: &Value| {
            let pair = |item: &Value| {
                (
                    item["balanceAfter"].as_str().unwrap().to_owned(),
                    item["balanceFinal"].as_str().unwrap().to_owned(),
                )
            };
            listing["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(pair)
                .collect::<Vec<_>>()
        };
        let pool = format!("{TOKEN}/main");
        let in_pool = balances(&world, BalanceFilter::Pool(&pool), &[("sort", "address")])
            .await
            .unwrap();
        assert_eq!(column(&in_pool, "address"), [ALICE, BOB]);
        assert_eq!(
            both(&in_pool),
            [("70".into(), "100".into()), ("30".into(), "0".into())]
        );
        let of_alice = balances(&world, BalanceFilter::Address(ALICE), &[])
            .await
            .unwrap();
        assert_eq!(
            (both(&of_alice), of_alice["items"][0]["pool"].as_str()),
            (vec![("70".into(), "100".into())], Some(&*pool))
        );
        let id = of_alice["items"][0]["id"].as_str().unwrap();
        assert_eq!(
            world.get(Type::Balance, id).await.unwrap()["balanceFinal"],
            "100"
        );
        world.finalize(2);
        let listing = balances(&world, BalanceFilter::All, &[("sort", "-balanceAfter")])
            .await
            .unwrap();
        assert_eq!(
            both(&listing),
            [("70".into(), "70".into()), ("30".into(), "30".into())]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_asset_sums_its_pools_for_each_address() {
    with_each_engine(|world| async move {
        let transfer = |n: usize, pool: &str, to: &str, amount: &str| {
            json!({"protocolId": format!("t{n}"), "to": to, "amount": amount, "parent": {"type": "pool", "ref": pool}})
        };
        let max = types::Amount::MAX.to_string();
        world
            .bulk(json!({
                "assets": [{"name": "euro"}], "addresses": [{"address": TOKEN}],
                "pools": [{"name": "a", "address": TOKEN, "asset": "euro"}, {"name": "b", "address": TOKEN, "asset": "euro"}, {"name": "c", "address": TOKEN}],
                "transfers": [transfer(1, "a", ALICE, "5"), transfer(2, "b", ALICE, &max), transfer(3, "c", ALICE, "9"), transfer(4, "b", BOB, "2")]
            }))
            .await
            .unwrap();
        let all = balances(&world, BalanceFilter::Asset("euro"), &[]).await.unwrap();
        let sum: num_bigint::BigInt = num_bigint::BigInt::parse_bytes(max.as_bytes(), 10).unwrap() + num_bigint::BigInt::from(5);
        assert_eq!(column(&all, "balanceAfter"), [sum.to_string().as_str(), "2"]);
        assert_eq!(column(&all, "asset"), ["euro", "euro"]);
        let first = balances(&world, BalanceFilter::Asset("euro"), &[("limit", "1")]).await.unwrap();
        assert_eq!((column(&first, "address"), first["allItems"].as_bool()), (vec![ALICE], Some(false)));
        let after = first["after"].as_str().unwrap();
        let second = balances(&world, BalanceFilter::Asset("euro"), &[("limit", "1"), ("after", after)]).await.unwrap();
        assert_eq!((column(&second, "address"), second["allItems"].as_bool()), (vec![BOB], Some(true)));
        let of_bob = balances(&world, BalanceFilter::Asset("euro"), &[("address", &BOB.to_uppercase().replace("0X", "0x"))]).await.unwrap();
        assert_eq!(column(&of_bob, "address"), [BOB]);
        let in_asset = list(&world, Type::Balance, &[("asset", "euro"), ("count", "true")]).await.unwrap();
        assert_eq!(in_asset["total"], 3);
        assert!(matches!(balances(&world, BalanceFilter::Asset("yen"), &[]).await, Err(Error::UnknownObject { .. })));
        assert!(matches!(balances(&world, BalanceFilter::Pool("zz"), &[]).await, Err(Error::UnknownObject { .. })));
        assert_eq!(balances(&world, BalanceFilter::Asset("euro"), &[("sort", "x")]).await.unwrap_err().code().code, "data.unknown_field");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nft_balances_are_listed_only_on_request() {
    with_each_engine(|world| async move {
        world
            .apply(
                1,
                "0xb1",
                &[erc721("0xt1", "000000000001/000000/000000", 7, ZERO, ALICE)],
            )
            .await;
        assert_eq!(
            balances(&world, BalanceFilter::Address(ALICE), &[])
                .await
                .unwrap()["count"],
            0
        );
        let held = balances(
            &world,
            BalanceFilter::Address(ALICE),
            &[("parent.type", "nft")],
        )
        .await
        .unwrap();
        assert_eq!(held["items"][0]["nft"], format!("{TOKEN}/id-7"));
        let owned = list(&world, Type::Nft, &[("owner", ALICE)]).await.unwrap();
        assert_eq!(column(&owned, "tokenIndex"), ["7"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn listing_parameters_filter_sort_and_page() {
    with_each_engine(|world| async move {
        let assets: Vec<Value> = (0..30)
            .map(|n| json!({"name": format!("a{n:02}"), "labels": {"parity": if n % 2 == 1 { "odd" } else { "even" }, "path=x": "a=b"}}))
            .collect();
        world.bulk(json!({ "assets": assets })).await.unwrap();
        let page = list(&world, Type::Asset, &[("sort", "-name"), ("limit", "4"), ("skip", "2"), ("count", "true")]).await.unwrap();
        assert_eq!(column(&page, "name"), ["a27", "a26", "a25", "a24"]);
        assert_eq!((page["count"].as_u64(), page["total"].as_u64()), (Some(4), Some(30)));
        let odd = list(&world, Type::Asset, &[("label", "parity=odd"), ("sort", "name"), ("limit", "2")]).await.unwrap();
        assert_eq!(column(&odd, "name"), ["a01", "a03"]);
        assert_eq!(list(&world, Type::Asset, &[("label", "parity")]).await.unwrap()["count"], 25);
        assert_eq!(list(&world, Type::Asset, &[("label", "color")]).await.unwrap()["count"], 0);
        let two = list(&world, Type::Asset, &[("name", "a03"), ("name", "a05"), ("sort", "name")]).await.unwrap();
        assert_eq!(column(&two, "name"), ["a03", "a05"]);
        for (name, value) in [("limit", "0"), ("limit", "1001"), ("limit", "x"), ("skip", "10001"), ("count", "maybe"), ("color", "red"), ("sort", "color"), ("after", "zz")] {
            let error = list(&world, Type::Asset, &[(name, value)]).await.unwrap_err();
            assert_eq!(error.code().status, 400, "{name}={value}: {error}");
        }
        let fields = json!({"assets": {"fields": ["name", "labels"], "sort": ["name"], "limit": 1}});
        let answer = bulk_query(&world, fields).await.unwrap();
        assert_eq!(answer["assets"]["items"][0].as_object().unwrap().keys().collect::<Vec<_>>(), ["name", "labels"]);
        for (bad, code) in [
            (json!({"assets": {"like": []}}), "data.unknown_operator"),
            (json!({"assets": {"eq": [{"field": "color", "value": "x"}]}}), "data.unknown_field"),
            (json!({"assets": {"eq": [{"field": "name", "value": "x", "nicht": true}]}}), "data.unknown_field"),
            (json!({"assets": {"eq": [{"field": "name"}]}}), "data.invalid_field"),
            (json!({"assets": {"contains": [{"field": "created", "value": "x"}]}}), "data.unknown_operator"),
            (json!({"assets": {"eq": [{"field": "created", "value": "yesterday"}]}}), "data.invalid_field"),
            (json!({"assets": {"or": [{"limit": 5}]}}), "data.unknown_operator"),
            (json!({"assets": {"sort": ["info.x"]}}), "data.undeclared_field"),
            (json!({"assets": {"fields": ["color"]}}), "data.unknown_field"),
            (json!({"treasures": {}}), "data.unknown_field"),
            (json!({"transfers": {"gt": [{"field": "amount", "value": "1.5"}]}}), "data.invalid_field"),
            (json!({"nfts": {"eq": [{"field": "active", "value": "yes"}]}}), "data.invalid_field"),
        ] {
            assert_eq!(bulk_query(&world, bad.clone()).await.unwrap_err().code().code, code, "{bad}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_operator_is_rejected_by_the_name_that_the_caller_wrote() {
    with_each_engine(|world| async move {
        for (query, message) in [
            (
                json!({"pools": {"contains": [{"field": "created", "value": "x"}]}}),
                "pools.contains[0]: the operator contains does not apply to this field",
            ),
            (
                json!({"pools": {"gte": [{"field": "info", "value": "x"}]}}),
                "pools.gte[0]: the operator gte does not apply to this field",
            ),
        ] {
            let error = bulk_query(&world, query).await.unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    })
    .await;
}

#[tokio::test]
async fn sorting_by_an_undeclared_path_asks_for_its_declaration() {
    with_each_engine(|world| async move {
        let query = json!({"assets": {"sort": ["info.grade"]}});
        let error = bulk_query(&world, query).await.unwrap_err();
        assert_eq!(error.code().code, "data.undeclared_field");
        assert_eq!(
            error.to_string(),
            "info.grade cannot be sorted by: it is not a declared field; declare it"
        );
    })
    .await;
}
