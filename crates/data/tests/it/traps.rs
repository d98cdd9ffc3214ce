//! The traps of the data model (section 10), one test each.

use crate::queries::bulk_query;
use crate::world::{ALICE, BOB, TOKEN, ZERO, ann, json as shown, with_each_engine};
use data::{BalanceFilter, Error, Type};
use serde_json::{Value, json};
use types::Coded;

/// The bulk update that a public ERC-1155 indexer sends for one transfer.
pub(crate) fn indexer_update(
    protocol_id: &str,
    token: u64,
    from: &str,
    to: &str,
    amount: u64,
) -> Value {
    let (minted, burned) = (from == ZERO, to == ZERO);
    let mut changes = Vec::new();
    if !minted {
        changes
            .push(json!({"address": from, "operation": "subtract", "amount": amount.to_string()}));
    }
    if !burned {
        changes.push(json!({"address": to, "operation": "add", "amount": amount.to_string()}));
    }
    let pool = format!("{TOKEN}/id-{token}");
    let history = format!("erc1155-{TOKEN}");
    json!({
        "activities": [{"updateType": "create_or_ignore", "name": history}],
        "addresses": [
            {"updateType": "create_or_update", "address": TOKEN, "contract": true},
            {"updateType": "create_or_ignore", "address": from},
            {"updateType": "create_or_ignore", "address": to}
        ],
        "pools": [{"updateType": "create_or_ignore", "name": format!("id-{token}"), "address": TOKEN,
                   "standard": "ERC-1155", "info": {"tokenId": token.to_string()}}],
        "events": [{"updateType": "create_or_replace", "name": format!("move-{}", protocol_id.replace('/', ".")),
                    "activity": history, "parent": {"type": "pool", "ref": pool}, "info": {"block": 5}}],
        "transfers": [{"updateType": "create_or_replace", "protocolId": protocol_id,
            "type": if minted { "mint" } else if burned { "burn" } else { "transfer" },
            "signer": ALICE, "from": from, "to": to, "amount": amount.to_string(), "transactionHash": "0xfeed",
            "parent": {"type": "pool", "ref": pool}, "balanceChanges": changes}]
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn trap_1_a_slash_in_a_path_is_part_of_a_name_and_balances_is_a_sub_resource() {
    with_each_engine(|world| async move {
        let mixed = "0xAbCd000000000000000000000000000000000001";
        world
            .bulk(json!({
                "addresses": [{"address": mixed}, {"address": ALICE}],
                "pools": [{"name": "main", "address": mixed}],
                "transfers": [{"protocolId": "1/2/3", "to": ALICE, "amount": "5", "parent": {"type": "pool", "ref": format!("{mixed}/main")}}]
            }))
            .await
            .unwrap();
        let pool = world.get(Type::Pool, &format!("{mixed}/main")).await.unwrap();
        assert_eq!(pool["qualifiedName"], format!("{}/main", mixed.to_lowercase()));
        assert_eq!(world.get(Type::Pool, pool["id"].as_str().unwrap()).await.unwrap(), pool);
        assert_eq!(world.get(Type::Pool, "main").await.unwrap(), pool);
        let reference = format!("{mixed}/main");
        let listing = data::balances(&world.data, &ann(), BalanceFilter::Pool(&reference), &[]).await.unwrap();
        let listing = serde_json::to_value(listing).unwrap();
        assert_eq!((listing["count"].as_u64(), listing["items"][0]["balanceAfter"].as_str()), (Some(1), Some("5")));
        assert_eq!(world.get(Type::Transfer, "1/2/3").await.unwrap()["type"], "mint");
        let balances = world.bulk(json!({"pools": [{"name": "balances", "address": mixed}]})).await.unwrap_err();
        assert_eq!(balances.field().unwrap(), "pools[0].name");
        let slash = world.bulk(json!({"assets": [{"name": "a/b"}]})).await.unwrap_err();
        assert_eq!(slash.field().unwrap(), "assets[0].name");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trap_2_a_bad_reference_returns_ka090801_and_writes_nothing() {
    with_each_engine(|world| async move {
        let body = json!({
            "assets": [{"name": "gold"}],
            "pools": [{"name": "main", "address": ALICE, "asset": "gold"}]
        });
        let error = world.bulk(body).await.unwrap_err();
        assert!(error.to_string().contains("KA090801"), "{error}");
        assert_eq!(error.code().code, "data.bad_reference");
        assert_eq!(error.field().unwrap(), "pools[0].address");
        assert!(matches!(
            world.get(Type::Asset, "gold").await,
            Err(Error::UnknownObject { .. })
        ));
        assert!(world.facts().await.is_empty());
        let error = world
            .bulk(json!({"assets": [{"name": "gold", "collection": "metals"}]}))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("KA090801"), "{error}");
        let event = json!({"events": [{"name": "e", "activity": "nowhere"}]});
        assert!(
            world
                .bulk(event)
                .await
                .unwrap_err()
                .to_string()
                .contains("KA090801")
        );
        let parent = json!({"data": [{"name": "d", "parent": {"type": "nft", "ref": "none"}}]});
        let error = world.bulk(parent).await.unwrap_err();
        assert_eq!(
            (
                error.field().as_deref(),
                error.to_string().contains("KA090801")
            ),
            (Some("data[0].parent.ref"), true)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trap_3_numbers_are_strings_both_ways_and_compare_as_numbers() {
    with_each_engine(|world| async move {
        let transfers: Vec<Value> = ["20", "100", "3"]
            .iter()
            .map(|amount| json!({"protocolId": format!("p{amount}"), "amount": amount, "parent": {"type": "pool", "ref": "main"}}))
            .collect();
        world
            .bulk(json!({"addresses": [{"address": TOKEN}], "pools": [{"name": "main", "address": TOKEN}], "transfers": transfers}))
            .await
            .unwrap();
        let query = json!({"transfers": {"gt": [{"field": "amount", "value": "19"}], "sort": ["amount"]}});
        let answer = bulk_query(&world, query).await.unwrap();
        let amounts: Vec<&Value> = answer["transfers"]["items"].as_array().unwrap().iter().map(|t| &t["amount"]).collect();
        assert_eq!(amounts, [&json!("20"), &json!("100")]);
        let bad = json!({"transfers": {"gt": [{"field": "amount", "value": "1.5"}]}});
        assert_eq!(bulk_query(&world, bad).await.unwrap_err().field().unwrap(), "transfers.gt[0].value");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trap_4_a_replaced_transfer_does_not_move_balances_twice() {
    with_each_engine(|world| async move {
        let pool = format!("{TOKEN}/id-42");
        let at = "000000000005/000001/000002";
        let first = world
            .bulk(indexer_update(at, 42, ZERO, ALICE, 10))
            .await
            .unwrap();
        assert_eq!(first["transfers"]["created"][0]["name"], at);
        let second = world
            .bulk(indexer_update(at, 42, ZERO, ALICE, 10))
            .await
            .unwrap();
        assert_eq!(
            second["transfers"]["replaced"][0]["id"],
            first["transfers"]["created"][0]["id"]
        );
        assert_eq!(second["pools"]["ignored"][0]["parent"], TOKEN);
        assert_eq!(world.balance(ALICE, &pool).await, "10");
        world
            .bulk(indexer_update(at, 42, ZERO, BOB, 7))
            .await
            .unwrap();
        assert_eq!(
            (
                world.balance(ALICE, &pool).await,
                world.balance(BOB, &pool).await
            ),
            ("0".into(), "7".into())
        );
        let transfer = world.get(Type::Transfer, at).await.unwrap();
        assert_eq!(
            transfer["balanceChanges"],
            json!([{"address": BOB, "operation": "add", "amount": "7"}])
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trap_5_put_by_name_creates_and_put_by_id_replaces_and_renames() {
    with_each_engine(|world| async move {
        let put = |reference: String, body: Value| {
            let data = world.data.clone();
            async move {
                data::put(
                    &data,
                    &ann(),
                    Type::Collection,
                    &reference,
                    &body.to_string(),
                )
                .await
                .map(shown)
            }
        };
        let created = put(
            "metals".into(),
            json!({"name": "metals", "displayName": "Metals"}),
        )
        .await
        .unwrap();
        let id = created["id"].as_str().unwrap().to_owned();
        let replaced = put(
            id.clone(),
            json!({"name": "metals", "description": "precious"}),
        )
        .await
        .unwrap();
        assert_eq!(
            (replaced["id"].as_str(), replaced.get("displayName")),
            (Some(&*id), None)
        );
        assert_eq!(replaced["created"], created["created"]);
        let renamed = put(id.clone(), json!({"name": "ores"})).await.unwrap();
        assert_eq!(
            (renamed["name"].as_str(), renamed["id"].as_str()),
            (Some("ores"), Some(&*id))
        );
        assert!(matches!(
            world.get(Type::Collection, "metals").await,
            Err(Error::UnknownObject { .. })
        ));
        let other = put("ores".into(), json!({"name": "metals"}))
            .await
            .unwrap_err();
        assert_eq!(other.field().unwrap(), "name");
        put("metals".into(), json!({})).await.unwrap();
        assert!(matches!(
            put(id, json!({"name": "metals"})).await,
            Err(Error::AlreadyExists { .. })
        ));
        let gone = put(
            "obj:01KDVDNA0041FVF3CXK7P77HE2".into(),
            json!({"name": "x"}),
        )
        .await;
        assert!(matches!(gone, Err(Error::UnknownObject { .. })));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trap_6_update_only_finds_objects_of_the_same_batch_and_of_earlier_steps() {
    with_each_engine(|world| async move {
        let body =
            json!({"assets": [{"name": "gold"}, {"updateType": "update_only", "name": "gold", "displayName": "Gold"}]});
        let answer = world.bulk(body).await.unwrap();
        assert_eq!(
            (answer["assets"]["created"][0]["name"].as_str(), answer["assets"]["updated"][0]["name"].as_str()),
            (Some("gold"), Some("gold"))
        );
        world
            .bulk(json!({"assets": [{"updateType": "update_only", "name": "gold", "description": "shiny"}]}))
            .await
            .unwrap();
        let gold = world.get(Type::Asset, "gold").await.unwrap();
        assert_eq!((gold["displayName"].as_str(), gold["description"].as_str()), (Some("Gold"), Some("shiny")));
        let none = world.bulk(json!({"assets": [{"updateType": "update_only", "name": "tin"}]})).await.unwrap_err();
        assert_eq!((none.code().code, none.field().as_deref()), ("data.nothing_to_update", Some("assets[0]")));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trap_7_the_zero_address_is_an_address_like_any_other() {
    with_each_engine(|world| async move {
        world
            .bulk(indexer_update("1/1/1", 1, ZERO, ALICE, 3))
            .await
            .unwrap();
        assert_eq!(
            world.get(Type::Address, ZERO).await.unwrap()["address"],
            ZERO
        );
        assert_eq!(world.balance(ZERO, &format!("{TOKEN}/id-1")).await, "0");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trap_8_standards_roles_signers_and_labels_are_free_text() {
    with_each_engine(|world| async move {
        let body = json!({
            "addresses": [{"address": TOKEN, "labels": {"Größe / size": "ÄÖÜ, \"quoted\" % _"}}],
            "pools": [{"name": "main", "address": TOKEN, "standard": "ERC-20 (ours, v2)"}],
            "data": [{"name": "deed", "role": "Prüfbericht"}],
            "transfers": [{"protocolId": "x", "signer": "the treasury", "parent": {"type": "pool", "ref": "main"}}]
        });
        world.bulk(body).await.unwrap();
        assert_eq!(world.get(Type::Pool, "main").await.unwrap()["standard"], "ERC-20 (ours, v2)");
        assert_eq!(world.get(Type::Transfer, "x").await.unwrap()["signer"], "the treasury");
        let by_label = json!({"addresses": {"labels": {"contains": [{"field": "Größe / size", "value": "% _"}]}}});
        assert_eq!(bulk_query(&world, by_label).await.unwrap()["addresses"]["count"], 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trap_9_names_have_case_and_evm_addresses_have_none() {
    with_each_engine(|world| async move {
        world.bulk(json!({"assets": [{"name": "Gold"}, {"name": "gold"}]})).await.unwrap();
        assert_ne!(
            world.get(Type::Asset, "Gold").await.unwrap()["id"],
            world.get(Type::Asset, "gold").await.unwrap()["id"]
        );
        let upper = ALICE.to_uppercase().replace("0X", "0x");
        let other = "bip122:000000000019d6689c085ae165831e93";
        let body =
            json!({"addresses": [{"address": upper}, {"address": ALICE}, {"address": "bc1QAbC", "chain": other}]});
        let answer = world.bulk(body).await.unwrap();
        assert_eq!(answer["addresses"]["created"].as_array().unwrap().len(), 2);
        assert_eq!(answer["addresses"]["updated"][0]["id"], ALICE);
        assert_eq!(world.get(Type::Address, &upper).await.unwrap()["address"], ALICE);
        assert_eq!(world.get(Type::Address, &format!("{other}/bc1QAbC")).await.unwrap()["address"], "bc1QAbC");
        assert!(world.get(Type::Address, &format!("{other}/bc1qabc")).await.is_err());
        let by_other_case = json!({"addresses": {"in": [{"field": "address", "values": [upper, "bc1qABC"]}]}});
        assert_eq!(bulk_query(&world, by_other_case).await.unwrap()["addresses"]["count"], 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trap_10_one_log_that_moves_several_tokens_makes_several_transfers() {
    with_each_engine(|world| async move {
        let mut batch: Vec<types::Transfer> = (0..12)
            .map(|n| {
                crate::world::erc20(
                    "0xt",
                    &format!("4.{n}"),
                    &format!("000000000001/000000/000004/{n}"),
                    ZERO,
                    ALICE,
                    n + 1,
                )
            })
            .collect();
        for (n, transfer) in batch.iter_mut().enumerate() {
            transfer.what = types::TransferKind::Fungible {
                token_id: Some(types::Amount::from(n as u64 % 2)),
            };
        }
        world.apply(1, "0xb1", &batch).await;
        assert_eq!(world.balance(ALICE, &format!("{TOKEN}/id-0")).await, "36");
        assert_eq!(world.balance(ALICE, &format!("{TOKEN}/id-1")).await, "42");
        // Without the suffix the transfers have one protocol id, and still all of them count.
        for transfer in &mut batch {
            transfer.transaction = "0xu".into();
            transfer.protocol_id = "000000000002/000000/000004".into();
        }
        world.apply(2, "0xb2", &batch).await;
        assert_eq!(world.balance(ALICE, &format!("{TOKEN}/id-1")).await, "84");
    })
    .await;
}
