//! What a chain did has one writer: nothing that callers write moves it, and theirs stands apart.

use crate::world::{ALICE, BOB, TOKEN, World, ZERO, ann, erc20, erc721, json, with_each_engine};
use data::{BalanceFilter, Error, Type};
use serde_json::{Value, json};
use types::Coded;

const AT: &str = "000000000001/000000/000000";
const NEXT: &str = "000000000002/000000/000000";

fn main() -> String {
    format!("{TOKEN}/main")
}

/// A mint of 100 for Alice, in block 1.
async fn mint(world: &World) {
    let mint = erc20("0xt0", "0", AT, ZERO, ALICE, 100);
    world.apply(1, "0xb1", &[mint]).await;
}

/// Creates a pool of the token in the asset `euro`.
async fn create_pool(world: &World, name: &str) {
    let pool = json!({"name": name, "address": TOKEN, "asset": "euro"});
    let body =
        json!({"assets": [{"name": "euro"}], "addresses": [{"address": TOKEN}], "pools": [pool]});
    world.bulk(body).await.unwrap();
}

fn transfer(at: &str, pool: &str, to: &str, amount: &str) -> Value {
    json!({"updateType": "create_or_replace", "protocolId": at, "from": ZERO, "to": to, "amount": amount,
        "parent": {"type": "pool", "ref": pool}})
}

async fn write(world: &World, item: &Value) -> Result<Value, Error> {
    world.bulk(json!({ "transfers": [item] })).await
}

/// The balances of the asset `euro`: after, final.
async fn euro(world: &World, address: &str) -> Option<(String, String)> {
    let params = [("address".to_owned(), address.to_owned())];
    let (principal, of) = (ann(), BalanceFilter::Asset("euro"));
    let listing = data::balances(&world.data, &principal, of, &params).await;
    let item = listing.unwrap().items.into_iter().next()?;
    let text = |name: &str| item.text(name).unwrap();
    Some((text("balanceAfter"), text("balanceFinal")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_that_a_task_writes_under_another_pool_is_a_row_of_its_own() {
    with_each_engine(|world| async move {
        mint(&world).await;
        create_pool(&world, "coin").await;
        let before = world.get(Type::Transfer, AT).await.unwrap();
        let own = format!("{TOKEN}/coin");
        for amount in ["2", "3"] {
            write(&world, &transfer(AT, &own, BOB, amount))
                .await
                .unwrap();
        }
        assert_eq!(world.get(Type::Transfer, AT).await.unwrap(), before);
        assert_eq!(world.balance(ALICE, &main()).await, "100");
        assert_eq!(
            (
                world.balance(BOB, &main()).await,
                world.balance(BOB, &own).await
            ),
            ("0".into(), "3".into())
        );
        let rows = crate::queries::bulk_query(
            &world,
            json!({"transfers": {"eq": [{"field": "protocolId", "value": AT}]}}),
        )
        .await
        .unwrap();
        let rows = rows["transfers"]["items"].as_array().unwrap();
        assert_eq!(rows.len(), 2);
        let callers = rows.iter().find(|row| row["id"] != before["id"]).unwrap();
        assert_eq!(
            (
                callers["amount"].as_str(),
                callers["parent"]["ref"].as_str()
            ),
            (Some("3"), Some(own.as_str()))
        );
        // Both survive a reorganization of the chain, and the caller's can be deleted by its id.
        world.undo(1, "0xb1").await;
        assert_eq!(
            world.get(Type::Transfer, AT).await.unwrap()["id"],
            callers["id"]
        );
        mint(&world).await;
        assert_eq!(
            world.get(Type::Transfer, AT).await.unwrap()["id"],
            before["id"]
        );
        let id = callers["id"].as_str().unwrap();
        data::delete(&world.data, &ann(), Type::Transfer, id)
            .await
            .unwrap();
        assert_eq!(
            (
                world.balance(ALICE, &main()).await,
                world.balance(BOB, &own).await
            ),
            ("100".into(), "0".into())
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_of_the_chain_cannot_be_moved_to_another_pool() {
    with_each_engine(|world| async move {
        mint(&world).await;
        create_pool(&world, "coin").await;
        let other = json!({"type": "pool", "ref": format!("{TOKEN}/coin")});
        let id = world.get(Type::Transfer, AT).await.unwrap()["id"].as_str().unwrap().to_owned();
        for mode in ["update_only", "create_or_update"] {
            let item = json!({"updateType": mode, "protocolId": AT, "parent": other});
            let error = write(&world, &item).await.unwrap_err();
            assert_eq!((error.code().code, error.field().unwrap().as_str()), ("data.immutable_transfer", "transfers[0].parent"), "{mode}");
        }
        for reference in [AT, &id] {
            let body = json!({ "parent": other }).to_string();
            let error = data::patch(&world.data, &ann(), Type::Transfer, reference, &body).await.unwrap_err();
            assert_eq!((error.code().code, error.field().unwrap().as_str()), ("data.immutable_transfer", "parent"));
            let body = json!({"parent": other, "protocolId": AT, "amount": "100", "from": ZERO, "to": ALICE}).to_string();
            let error = data::put(&world.data, &ann(), Type::Transfer, reference, &body).await.unwrap_err();
            assert_eq!(error.field().unwrap(), "parent");
        }
        let renamed = json!({"protocolId": "other"}).to_string();
        assert!(data::patch(&world.data, &ann(), Type::Transfer, &id, &renamed).await.is_err());
        let annotated = json!({"labels": {"desk": "fx"}, "info": {"a": 1}, "description": "d"}).to_string();
        let shown = json(data::patch(&world.data, &ann(), Type::Transfer, AT, &annotated).await.unwrap());
        assert_eq!((shown["labels"]["desk"].as_str(), shown["info"]["a"].as_i64()), (Some("fx"), Some(1)));
        assert_eq!(world.balance(ALICE, &main()).await, "100");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_projection_uses_the_only_pool_of_a_contract() {
    with_each_engine(|world| async move {
        create_pool(&world, "gold").await;
        mint(&world).await;
        let pool = format!("{TOKEN}/gold");
        assert_eq!(world.balance(ALICE, &pool).await, "100");
        assert_eq!(
            world.get(Type::Transfer, AT).await.unwrap()["parent"]["ref"],
            pool.as_str()
        );
        assert!(world.get(Type::Pool, &main()).await.is_err());
        world.finalize(1);
        assert_eq!(
            euro(&world, ALICE).await,
            Some(("100".into(), "100".into()))
        );
        // It stays the same pool if callers rename it or create others.
        let id = world.get(Type::Pool, &pool).await.unwrap()["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let renamed = json!({"name": "silver"}).to_string();
        data::patch(&world.data, &ann(), Type::Pool, &id, &renamed)
            .await
            .unwrap();
        create_pool(&world, "main").await;
        world
            .apply(2, "0xb2", &[erc20("0xt1", "0", NEXT, ALICE, BOB, 30)])
            .await;
        assert_eq!(world.balance(BOB, &format!("{TOKEN}/silver")).await, "30");
        let item = transfer(NEXT, &format!("{TOKEN}/silver"), BOB, "30");
        let item = json!({"from": ALICE, "labels": {"desk": "fx"}})
            .as_object()
            .unwrap()
            .iter()
            .fold(item, |mut item, (name, value)| {
                item[name] = value.clone();
                item
            });
        write(&world, &item).await.unwrap();
        assert_eq!(
            world.get(Type::Transfer, NEXT).await.unwrap()["labels"]["desk"],
            "fx"
        );
        assert_eq!(world.balance(BOB, &format!("{TOKEN}/silver")).await, "30");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callers_pool_at_a_followed_contract_is_not_summed_into_its_asset() {
    with_each_engine(|world| async move {
        mint(&world).await;
        create_pool(&world, "coin").await;
        let own = format!("{TOKEN}/coin");
        let to_asset = json!({"asset": "euro"}).to_string();
        data::patch(&world.data, &ann(), Type::Pool, &main(), &to_asset)
            .await
            .unwrap();
        write(&world, &transfer(AT, &own, ALICE, "100"))
            .await
            .unwrap();
        write(&world, &transfer("more", &own, BOB, "7"))
            .await
            .unwrap();
        world.finalize(1);
        assert_eq!(
            euro(&world, ALICE).await,
            Some(("100".into(), "100".into()))
        );
        assert_eq!(euro(&world, BOB).await, None);
        assert_eq!(world.balance(BOB, &own).await, "7");
        let pools = [(main(), false), (own, true)];
        for (pool, apart) in pools {
            assert_eq!(
                world.get(Type::Pool, &pool).await.unwrap()["apart"],
                apart,
                "{pool}"
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pools_that_callers_wrote_before_a_contract_is_followed_stand_apart_from_then_on() {
    with_each_engine(|world| async move {
        create_pool(&world, "a").await;
        create_pool(&world, "b").await;
        write(&world, &transfer("x", &format!("{TOKEN}/a"), BOB, "5"))
            .await
            .unwrap();
        assert_eq!(euro(&world, BOB).await, Some(("5".into(), "5".into())));
        mint(&world).await;
        assert_eq!(euro(&world, BOB).await, None);
        assert_eq!(world.balance(ALICE, &main()).await, "100");
        let facts = world
            .facts()
            .await
            .into_iter()
            .filter(|fact| fact.kind == "data.pool.set_apart");
        assert_eq!(facts.count(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_by_hand_in_a_followed_pool_do_not_count() {
    with_each_engine(|world| async move {
        // One is written before the projection takes the pool over, one after.
        create_pool(&world, "gold").await;
        let pool = format!("{TOKEN}/gold");
        write(&world, &transfer("before", &pool, BOB, "5"))
            .await
            .unwrap();
        assert_eq!(world.balance(BOB, &pool).await, "5");
        mint(&world).await;
        write(&world, &transfer("after", &pool, BOB, "7"))
            .await
            .unwrap();
        write(&world, &transfer("changes", &pool, BOB, "9"))
            .await
            .unwrap();
        let changes = json!([{"address": ALICE, "operation": "add", "amount": "50"}]);
        write(
            &world,
            &json!({"protocolId": "changes", "balanceChanges": changes}),
        )
        .await
        .unwrap();
        world.finalize(1);
        assert_eq!(
            (
                world.balance(ALICE, &pool).await,
                world.balance(BOB, &pool).await
            ),
            ("100".into(), "0".into())
        );
        assert_eq!(euro(&world, BOB).await, None);
        assert_eq!(
            euro(&world, ALICE).await,
            Some(("100".into(), "100".into()))
        );
        for (at, apart) in [
            ("before", true),
            ("after", true),
            ("changes", true),
            (AT, false),
        ] {
            assert_eq!(
                world.get(Type::Transfer, at).await.unwrap()["apart"],
                apart,
                "{at}"
            );
        }
        let changes = crate::queries::bulk_query(&world, json!({"balanceChanges": {}}))
            .await
            .unwrap();
        assert_eq!(
            changes["balanceChanges"]["items"].as_array().unwrap().len(),
            1
        );
        // Moved to a pool of the caller's, it counts there; and deleting one changes nothing.
        create_pool(&world, "desk").await;
        let desk = format!("{TOKEN}/desk");
        write(&world, &transfer("after", &desk, BOB, "7"))
            .await
            .unwrap();
        data::delete(&world.data, &ann(), Type::Transfer, "before")
            .await
            .unwrap();
        assert_eq!(
            (
                world.balance(BOB, &desk).await,
                world.balance(BOB, &pool).await
            ),
            ("7".into(), "0".into())
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_by_hand_does_not_move_a_followed_nft() {
    with_each_engine(|world| async move {
        let minted = erc721("0xt1", AT, 7, ZERO, ALICE);
        world.apply(1, "0xb1", &[minted]).await;
        let nft = format!("{TOKEN}/id-7");
        let item = json!({"protocolId": "by hand", "from": ALICE, "to": BOB, "parent": {"type": "nft", "ref": nft}});
        write(&world, &item).await.unwrap();
        assert_eq!(world.get(Type::Nft, &nft).await.unwrap()["owner"], ALICE);
        assert_eq!((world.balance(ALICE, &nft).await, world.balance(BOB, &nft).await), ("1".into(), "0".into()));
    })
    .await;
}
