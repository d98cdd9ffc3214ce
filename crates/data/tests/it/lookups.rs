//! Lookups for policies.

use crate::world::{ALICE, BOB, TOKEN, World, ZERO, ann, erc20, with_each_engine};
use data::Error;
use serde_json::{Value, json};
use types::Coded;

/// A chain other than the default.
const OTHER: &str = "eip155:1";

async fn look_up(world: &World, name: &str, args: Value) -> Result<Option<Value>, Error> {
    let value = data::lookup(&world.data, &ann().namespace, name, &args).await?;
    Ok(value.map(|json| json.to_value()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lookup_returns_the_object_of_its_chain() {
    with_each_engine(|world| async move {
        let here = json!({"address": ALICE, "labels": {"list": "allowed"}});
        let there = json!({"address": ALICE, "chain": OTHER, "labels": {"list": "blocked"}});
        let alone = json!({"address": BOB, "labels": {"list": "allowed"}});
        let addresses = json!({"addresses": [here, there, alone]});
        world.bulk(addresses).await.unwrap();
        let labels = |args| look_up(&world, "address.labels", args);

        let of_default = labels(json!({"address": ALICE})).await.unwrap();
        assert_eq!(of_default, Some(json!({"list": "allowed"})));
        let of_other = labels(json!({"address": ALICE, "chain": OTHER}));
        assert_eq!(of_other.await.unwrap(), Some(json!({"list": "blocked"})));
        let missing = labels(json!({"address": BOB, "chain": OTHER}));
        assert_eq!(missing.await.unwrap(), None);

        let id = world.get(data::Type::Address, ALICE).await.unwrap()["id"].clone();
        for reference in [id, json!(format!("eip155:1337/{ALICE}"))] {
            let args = json!({"address": reference, "chain": OTHER});
            let error = labels(args).await.unwrap_err();
            assert_eq!(error.code().code, "data.invalid_field", "{error}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unsuitable_arguments_and_unknown_lookups_are_errors() {
    with_each_engine(|world| async move {
        for args in [
            Value::Null,
            json!({}),
            json!({"address": 1}),
            json!({"address": ALICE, "chian": OTHER}),
            json!({"address": ALICE, "chain": "mainnet"}),
            json!({"address": "a".repeat(1_025)}),
        ] {
            let error = look_up(&world, "address.labels", args.clone()).await;
            assert_eq!(
                error.unwrap_err().code().code,
                "data.invalid_field",
                "{args}"
            );
        }
        for name in ["nft.owner", "address.active", "labels"] {
            let error = look_up(&world, name, json!({"address": ALICE})).await;
            assert_eq!(error.unwrap_err().code().code, "data.unknown_field");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ambiguous_reference_is_an_error() {
    with_each_engine(|world| async move {
        let pool = |address| json!({"name": "main", "address": address, "standard": "ERC-20", "asset": "gold"});
        let model = json!({
            "collections": [{"name": "metals"}],
            "assets": [{"name": "gold", "collection": "metals"}],
            "addresses": [{"address": ALICE}, {"address": BOB}],
            "pools": [pool(ALICE), pool(BOB)],
        });
        world.bulk(model).await.unwrap();
        let error = look_up(&world, "pool.standard", json!({"pool": "main"})).await;
        assert_eq!(error.unwrap_err().code().code, "data.ambiguous_name");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_final_balance_does_not_count_pending_transfers() {
    with_each_engine(|world| async move {
        let mint = erc20("0xt1", "0", "000000000001/000000/000000", ZERO, ALICE, 100);
        world.apply(1, "0xb1", &[mint]).await;
        let payment = erc20("0xt2", "0", "000000000002/000000/000000", ALICE, BOB, 30);
        world.apply(2, "0xb2", &[payment]).await;
        world.finalize(1);
        let pool = format!("{TOKEN}/main");
        for (address, pool, expected) in [
            (ALICE, &*pool, Some(json!("100"))),
            (BOB, &*pool, Some(json!("0"))),
            (TOKEN, &*pool, Some(json!("0"))),
            (ALICE, "nowhere/main", None),
        ] {
            let args = json!({"address": address, "pool": pool, "chain": "eip155:1337"});
            let balance = look_up(&world, "balance.final", args).await.unwrap();
            assert_eq!(balance, expected, "{address} in {pool}");
        }
        world.bulk(json!({"assets": [{"name": "gold"}], "pools": [{"name": "main", "address": TOKEN, "asset": "gold"}]})).await.unwrap();
        for (address, chain, expected) in [
            (ALICE, "eip155:1337", Some(json!("100"))),
            (BOB, "eip155:1337", Some(json!("0"))),
            (ALICE, OTHER, Some(json!("0"))),
        ] {
            let args = json!({"address": address, "asset": "gold", "chain": chain});
            let holding = look_up(&world, "holding.final", args).await.unwrap();
            assert_eq!(holding, expected, "{address} on {chain}");
        }
        let unknown = json!({"address": ALICE, "asset": "silver"});
        let holding = look_up(&world, "holding.final", unknown).await;
        assert_eq!(holding.unwrap(), None);
        let standard = look_up(&world, "pool.standard", json!({"pool": pool})).await;
        assert_eq!(standard.unwrap(), Some(json!("ERC-20")));
        let elsewhere = json!({"address": ALICE, "pool": pool, "chain": OTHER});
        let balance = look_up(&world, "balance.final", elsewhere).await.unwrap();
        assert_eq!(balance, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn assets_and_objects_of_any_type_are_read() {
    with_each_engine(|world| async move {
        let units = json!([{"name": "EURC", "decimals": 6, "default": true}]);
        let model = json!({
            "assets": [{"name": "euro", "units": units, "labels": {"class": "cash"}}],
            "addresses": [{"address": ALICE}],
            "fragments": [{"name": "kyc", "address": ALICE, "value": "v", "info": {"level": 2}}],
        });
        world.bulk(model).await.unwrap();
        let asset = look_up(&world, "asset", json!({"asset": "euro"})).await;
        let asset = asset.unwrap().unwrap();
        assert_eq!(asset["name"], "euro");
        assert_eq!(asset["units"][0]["decimals"], 6);
        assert_eq!(
            (&asset["labels"]["class"], &asset["info"]),
            (&json!("cash"), &Value::Null)
        );
        let object =
            |kind, reference| look_up(&world, "object", json!({"type": kind, "object": reference}));
        let fragment = object("fragment", format!("{ALICE}/kyc")).await.unwrap();
        let fragment = fragment.unwrap();
        assert_eq!(fragment["info"]["level"], 2);
        assert_eq!(fragment.get("value"), None, "only what describes it");
        assert_eq!(object("nft", "x/y".to_owned()).await.unwrap(), None);
        let error = object("balance", "x".to_owned()).await.unwrap_err();
        assert_eq!(error.code().code, "data.invalid_field");
    })
    .await;
}
