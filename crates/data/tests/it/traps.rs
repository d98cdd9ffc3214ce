//! The traps of the model, one by one.

use crate::world::{ALICE, BOB, TOKEN, ZERO, ann, in_each_world};
use data::{Error, Type};
use serde_json::{Value, json};
use types::Coded;

/// What a public ERC-1155 indexer sends for one movement.
pub(crate) fn indexed(protocol_id: &str, token: u64, from: &str, to: &str, amount: u64) -> Value {
    let (minted, burned) = (from == ZERO, to == ZERO);
    let mut changes = Vec::new();
    if !minted {
        changes.push(json!({"address": from, "operation": "subtract", "amount": amount.to_string()}));
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
async fn trap_4_a_replaced_transfer_does_not_move_balances_twice() {
    in_each_world(|world| async move {
        let pool = format!("{TOKEN}/id-42");
        let at = "000000000005/000001/000002";
        let first = world.bulk(indexed(at, 42, ZERO, ALICE, 10)).await.unwrap();
        assert_eq!(first["transfers"]["created"][0]["name"], at);
        let second = world.bulk(indexed(at, 42, ZERO, ALICE, 10)).await.unwrap();
        assert_eq!(second["transfers"]["replaced"][0]["id"], first["transfers"]["created"][0]["id"]);
        assert_eq!(second["pools"]["ignored"][0]["parent"], TOKEN);
        assert_eq!(world.balance(ALICE, &pool).await, "10");
        world.bulk(indexed(at, 42, ZERO, BOB, 7)).await.unwrap();
        assert_eq!((world.balance(ALICE, &pool).await, world.balance(BOB, &pool).await), ("0".into(), "7".into()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trap_2_a_bad_reference_says_ka090801_and_writes_nothing() {
    in_each_world(|world| async move {
        let body = json!({
            "assets": [{"name": "gold"}],
            "pools": [{"name": "main", "address": ALICE, "asset": "gold"}]
        });
        let error = world.bulk(body).await.unwrap_err();
        assert!(error.to_string().contains("KA090801"), "{error}");
        assert_eq!(error.code().code, "data.bad_reference");
        assert_eq!(error.field().unwrap(), "pools[0].address");
        assert!(matches!(world.get(Type::Asset, "gold").await, Err(Error::Unknown { .. })));
        assert!(world.facts().await.is_empty());
        let error = world.bulk(json!({"assets": [{"name": "gold", "collection": "metals"}]})).await.unwrap_err();
        assert!(error.to_string().contains("KA090801"), "{error}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trap_5_put_by_name_creates_and_put_by_id_replaces_and_renames() {
    in_each_world(|world| async move {
        let put = |reference: String, body: Value| {
            let data = world.data.clone();
            async move {
                data::put(&data, &ann(), Type::Collection, &reference, &body.to_string()).await.map(crate::world::json)
            }
        };
        let made = put("metals".into(), json!({"name": "metals", "displayName": "Metals"})).await.unwrap();
        let id = made["id"].as_str().unwrap().to_owned();
        let replaced = put(id.clone(), json!({"name": "metals", "description": "precious"})).await.unwrap();
        assert_eq!((replaced["id"].as_str(), replaced.get("displayName")), (Some(&*id), None));
        assert_eq!(replaced["created"], made["created"]);
        let renamed = put(id.clone(), json!({"name": "ores"})).await.unwrap();
        assert_eq!((renamed["name"].as_str(), renamed["id"].as_str()), (Some("ores"), Some(&*id)));
        assert!(matches!(world.get(Type::Collection, "metals").await, Err(Error::Unknown { .. })));
        let other = put("ores".into(), json!({"name": "metals"})).await.unwrap_err();
        assert_eq!(other.field().unwrap(), "name");
    })
    .await;
}
