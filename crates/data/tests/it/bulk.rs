//! The bulk update: update types, references in any order, and the field path of every error.

use crate::world::{
    ALICE, BOB, TOKEN, World, ZERO, ann, erc20, json as shown, principal, with_each_engine,
};
use data::{Error, Type};
use serde_json::{Value, json};
use types::Coded;

#[tokio::test(flavor = "multi_thread")]
async fn each_update_type_behaves_as_documented() {
    with_each_engine(|world| async move {
        let send = |mode: &str, name: &str, extra: Value| {
            let mut item = json!({"updateType": mode, "name": name});
            item.as_object_mut()
                .unwrap()
                .extend(extra.as_object().unwrap().clone());
            let world = world.clone();
            async move { world.bulk(json!({"assets": [item]})).await }
        };
        for mode in [
            "create_only",
            "create_or_ignore",
            "create_or_update",
            "create_or_replace",
        ] {
            let created = send(
                mode,
                mode,
                json!({"displayName": "first", "labels": {"a": "1"}}),
            )
            .await
            .unwrap();
            assert_eq!(created["assets"]["created"][0]["name"], mode);
        }
        assert!(matches!(
            send("create_only", "create_only", json!({})).await,
            Err(Error::AlreadyExists { .. })
        ));
        assert!(matches!(
            send("update_only", "nobody", json!({})).await,
            Err(Error::NothingToUpdate { .. })
        ));
        let second = json!({"description": "second", "labels": {"b": "2"}});
        for (mode, listed, title, labels) in [
            (
                "create_or_ignore",
                "ignored",
                Some("first"),
                json!({"a": "1"}),
            ),
            (
                "create_or_update",
                "updated",
                Some("first"),
                json!({"a": "1", "b": "2"}),
            ),
            (
                "update_only",
                "updated",
                Some("first"),
                json!({"a": "1", "b": "2"}),
            ),
            ("create_or_replace", "replaced", None, json!({"b": "2"})),
        ] {
            let name = if mode == "update_only" {
                "create_only"
            } else {
                mode
            };
            let before = world.get(Type::Asset, name).await.unwrap();
            let answer = send(mode, name, second.clone()).await.unwrap();
            assert_eq!(answer["assets"][listed][0]["id"], before["id"], "{mode}");
            let after = world.get(Type::Asset, name).await.unwrap();
            assert_eq!(
                (after["displayName"].as_str(), &after["labels"]),
                (title, &labels),
                "{mode}"
            );
            assert_eq!(after["created"], before["created"]);
        }
        let cleared = json!({"displayName": null, "labels": {"a": null}});
        send("create_or_update", "create_only", cleared)
            .await
            .unwrap();
        let after = world.get(Type::Asset, "create_only").await.unwrap();
        assert_eq!(
            (after.get("displayName"), &after["labels"]),
            (None, &json!({"b": "2"}))
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn references_inside_a_batch_resolve_in_any_order_and_by_any_name() {
    with_each_engine(|world| async move {
        let pool = format!("{TOKEN}/main");
        let body = json!({
            "events": [{"name": "e", "activity": "history", "parent": {"type": "transfer", "ref": "t-1"}}],
            "transfers": [{"protocolId": "t-1", "to": ALICE, "amount": "1", "parent": {"type": "pool", "ref": pool}}],
            "data": [{"name": "second", "parent": {"type": "data", "ref": "first"}}, {"name": "first", "parent": {"type": "event", "ref": "e"}}],
            "pools": [{"name": "main", "address": TOKEN, "asset": "gold"}],
            "activities": [{"name": "history"}],
            "addresses": [{"address": TOKEN}],
            "assets": [{"name": "gold", "collection": "metals"}],
            "collections": [{"name": "metals"}]
        });
        let answer = world.bulk(body).await.unwrap();
        let keys: Vec<&String> = answer.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["collections", "assets", "addresses", "activities", "pools", "data", "transfers", "events"]);
        assert_eq!(answer["events"]["created"][0]["parent"], "history");
        let transfer = world.get(Type::Transfer, "t-1").await.unwrap();
        assert_eq!((transfer["asset"].as_str(), transfer["parent"]["ref"].as_str()), (Some("gold"), Some(&*pool)));
        let event = world.get(Type::Event, "e").await.unwrap();
        assert_eq!((event["topic"].as_str(), event["sequence"].as_i64()), (Some("history/e"), Some(1)));
        assert_eq!(event["parent"], json!({"type": "transfer", "ref": transfer["id"]}));
        let second = world.get(Type::Data, "second").await.unwrap();
        assert_eq!(second["parent"], json!({"type": "data", "ref": "first"}));
        assert_eq!(world.get(Type::Data, "first").await.unwrap()["parent"]["ref"], event["id"]);
        let asset = world.get(Type::Asset, "gold").await.unwrap();
        let by_id = json!({"pools": [{"name": "other", "address": TOKEN, "asset": asset["id"]}]});
        world.bulk(by_id).await.unwrap();
        assert_eq!(world.get(Type::Pool, "other").await.unwrap()["asset"], "gold");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn event_sequences_are_not_reused_and_a_replaced_event_keeps_its_own() {
    with_each_engine(|world| async move {
        let event = |name: &str| json!({"updateType": "create_or_replace", "name": name, "activity": "log"});
        world.bulk(json!({"activities": [{"name": "log"}], "events": [event("a"), event("b")]})).await.unwrap();
        world.bulk(json!({"events": [event("c"), event("a")]})).await.unwrap();
        data::delete(&world.data, &ann(), Type::Event, "c").await.unwrap();
        let changed =
            json!({"updateType": "create_or_replace", "name": "a", "activity": "log", "description": "again"});
        world.bulk(json!({"events": [event("d"), changed]})).await.unwrap();
        let mut numbers = Vec::new();
        for name in ["a", "b", "d"] {
            numbers.push(world.get(Type::Event, name).await.unwrap()["sequence"].as_i64().unwrap());
        }
        assert_eq!(numbers, [1, 2, 4]);
        let notified: Vec<String> = world
            .facts()
            .await
            .into_iter()
            .filter(|fact| fact.kind == "data.event.created")
            .map(|fact| fact.payload.unwrap().to_value()["object"]["name"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(notified, ["a", "b", "c", "d"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_are_strings_integers_of_any_length_or_values_in_a_unit() {
    with_each_engine(|world| async move {
        let units = json!([{"name": "ETH", "decimals": 18, "default": true}, {"name": "GWEI", "decimals": 9}]);
        world
            .bulk(json!({
                "assets": [{"name": "ether", "units": units}],
                "addresses": [{"address": TOKEN}],
                "pools": [{"name": "main", "address": TOKEN, "asset": "ether"}, {"name": "bare", "address": TOKEN}]
            }))
            .await
            .unwrap();
        assert_eq!(world.get(Type::Asset, "ether").await.unwrap()["units"], units);
        let max = types::Amount::MAX.to_string();
        let send = |amount: &str, pool: &str| {
            let body = format!(
                r#"{{"transfers": [{{"protocolId": "p", "to": "{ALICE}", "amount": {amount}, "parent": {{"type": "pool", "ref": "{pool}"}}}}]}}"#
            );
            let data = world.data.clone();
            async move { data::bulk_update(&data, &ann(), &body).await }
        };
        for (amount, stored) in [
            ("\"7\"", "7"),
            ("7", "7"),
            (&*max, &*max),
            (r#"{"value": "0.5", "unit": "ETH"}"#, "500000000000000000"),
            (r#"{"unit": "GWEI", "value": 1.5}"#, "1500000000"),
        ] {
            send(amount, "main").await.unwrap();
            assert_eq!(world.get(Type::Transfer, "p").await.unwrap()["amount"], stored);
            assert_eq!(world.balance(ALICE, &format!("{TOKEN}/main")).await, stored);
        }
        let above = format!("{max}0");
        for bad in [
            "\"-1\"", "-1", "1.5", "\"1.5\"", "1e3", "\"\"", "true", "[1]", &above,
            r#"{"value": "0.0000000001", "unit": "GWEI"}"#, r#"{"value": "1", "unit": "WEI"}"#, r#"{"value": "1"}"#,
            r#"{"value": "1", "unit": "ETH", "x": 1}"#,
        ] {
            let error = send(bad, "main").await.unwrap_err();
            let field = error.field().unwrap();
            assert!(field.starts_with("transfers[0].amount"), "{bad}: {field}");
        }
        assert!(send(r#"{"value": "1", "unit": "ETH"}"#, "bare").await.is_err());
        assert_eq!(world.get(Type::Transfer, "p").await.unwrap()["amount"], "1500000000");
        let explicit = json!({"transfers": [{"protocolId": "q", "parent": {"type": "pool", "ref": "main"},
            "balanceChanges": [{"address": BOB, "operation": "add", "amount": {"value": "2", "unit": "GWEI"}},
                               {"address": ALICE, "operation": "subtract", "amount": 3}]}]});
        world.bulk(explicit).await.unwrap();
        assert_eq!(world.balance(BOB, &format!("{TOKEN}/main")).await, "2000000000");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_names_its_field_and_changes_nothing() {
    with_each_engine(|world| async move {
        let long = "x".repeat(300);
        for (body, field) in [
            (json!({"assets": [{"name": "a"}, {"name": "b", "color": 1}]}), "assets[1].color"),
            (json!({"treasures": []}), "treasures"),
            (json!({"assets": [{"displayName": "no name"}]}), "assets[0].name"),
            (json!({"assets": [{"name": ""}]}), "assets[0].name"),
            (json!({"assets": [{"name": 5}]}), "assets[0].name"),
            (json!({"assets": [{"name": long}]}), "assets[0].name"),
            (json!({"assets": [{"name": "a\0b"}]}), "assets[0].name"),
            (json!({"assets": [{"name": "obj:01KDVDNA0041FVF3CXK7P77HE2"}]}), "assets[0].name"),
            (json!({"assets": "many"}), "assets"),
            (json!({"assets": [7]}), "assets[0]"),
            (json!({"assets": [{"name": "a", "updateType": "upsert"}]}), "assets[0].updateType"),
            (json!({"assets": [{"name": "a", "labels": {"k": 5}}]}), "assets[0].labels.k"),
            (json!({"assets": [{"name": "a", "labels": ["k"]}]}), "assets[0].labels"),
            (json!({"assets": [{"name": "a", "units": [{"name": "x", "decimals": 78}]}]}), "assets[0].units[0]"),
            (json!({"assets": [{"name": "a", "units": [{"name": "x", "decimals": 1}, {"name": "x", "decimals": 2}]}]}), "assets[0].units[1]"),
            (json!({"addresses": [{"address": "a/b"}]}), "addresses[0].address"),
            (json!({"addresses": [{"address": ALICE, "chain": "mainnet"}]}), "addresses[0].chain"),
            (json!({"addresses": [{"address": ALICE, "contract": "yes"}]}), "addresses[0].contract"),
            (json!({"pools": [{"name": "p"}]}), "pools[0].address"),
            (json!({"nfts": [{"name": "n", "tokenIndex": "0x10"}]}), "nfts[0].tokenIndex"),
            (json!({"events": [{"name": "e"}]}), "events[0].activity"),
            (json!({"transfers": [{"amount": "1"}]}), "transfers[0].protocolId"),
            (json!({"transfers": [{"protocolId": "p"}]}), "transfers[0].parent"),
            (json!({"transfers": [{"protocolId": "p", "parent": {"type": "pool"}}]}), "transfers[0].parent"),
            (json!({"transfers": [{"protocolId": "p", "parent": {"type": "purse", "ref": "x"}}]}), "transfers[0].parent.type"),
            (json!({"transfers": [{"protocolId": "p", "balanceChanges": [{"address": ALICE, "operation": "multiply", "amount": 1}]}]}),
                "transfers[0].balanceChanges[0].operation"),
            (json!({"data": [{"name": "d", "firefly": {"api": 5}}]}), "data[0].firefly.api"),
        ] {
            let error = world.bulk(body.clone()).await.unwrap_err();
            assert_eq!(error.field().as_deref(), Some(field), "{body}: {error}");
            assert!((400..500).contains(&error.code().status), "{error}");
        }
        for body in ["", "[]", "{", "null", "\"x\"", r#"{"assets": [], "assets": []}"#, "{\"assets\": [}"] {
            let error = data::bulk_update(&world.data, &ann(), body).await.unwrap_err();
            assert_eq!(error.code().code, "data.invalid_body", "{body}");
        }
        let deep = format!(r#"{{"assets": [{{"name": "a", "info": {}{}}}]}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(data::bulk_update(&world.data, &ann(), &deep).await.unwrap_err().field().unwrap(), "assets[0].info");
        let many: Vec<Value> = (0..10_001).map(|n| json!({"name": format!("a{n}")})).collect();
        assert_eq!(world.bulk(json!({ "assets": many })).await.unwrap_err().code().code, "data.limit_exceeded");
        assert!(world.facts().await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_object_can_be_written_back_and_free_json_keeps_its_text() {
    with_each_engine(|world| async move {
        let info = r#"{"long":123456789012345678901234567890,"price":1.10,"text":"\u00e9"}"#;
        let body = format!(r#"{{"assets": [{{"name": "gold", "info": {info}}}]}}"#);
        data::bulk_update(&world.data, &ann(), &body).await.unwrap();
        let view = data::object(&world.data, &ann(), Type::Asset, "gold")
            .await
            .unwrap();
        assert_eq!(view.get("info").unwrap().as_str(), info);
        let text = serde_json::to_string(&view).unwrap();
        assert!(text.contains(info));
        let facts = world.facts().await.len();
        let again = data::put(&world.data, &ann(), Type::Asset, "gold", &text)
            .await
            .unwrap();
        assert_eq!(again, view);
        assert_eq!(
            world.facts().await.len(),
            facts,
            "an unchanged object appends no fact"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fragments_and_nfts_without_an_address_need_an_unused_name() {
    with_each_engine(|world| async move {
        world.bulk(json!({"fragments": [{"name": "vault", "value": "9", "valueMasked": true}], "nfts": [{"name": "deed"}]})).await.unwrap();
        let vault = world.get(Type::Fragment, "vault").await.unwrap();
        assert_eq!((vault["qualifiedName"].as_str(), vault.get("value"), vault.get("address")), (Some("vault"), None, None));
        let placed = json!({"addresses": [{"address": ALICE}], "fragments": [{"name": "box", "address": ALICE, "value": "3"}]});
        world.bulk(placed).await.unwrap();
        assert_eq!(world.get(Type::Fragment, &format!("{ALICE}/box")).await.unwrap()["value"], "3");
        let taken = world.bulk(json!({"fragments": [{"name": "box"}]})).await.unwrap_err();
        assert!(matches!(taken, Error::AlreadyExists { .. }), "{taken}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chain_fields_are_immutable_and_user_fields_survive_a_reorg() {
    with_each_engine(|world| async move {
        let at = "000000000001/000000/000000";
        let mint = [erc20("0xt0", "0", at, ZERO, ALICE, 100)];
        world.apply(1, "0xb1", &mint).await;
        let pool = format!("{TOKEN}/main");
        for (field, value) in [("amount", json!("5")), ("to", json!(BOB)), ("from", json!(BOB))] {
            let mut item = json!({"updateType": "create_or_update", "protocolId": at});
            item[field] = value;
            let error = world.bulk(json!({"transfers": [item]})).await.unwrap_err();
            assert_eq!((error.code().code, error.field().unwrap()), ("data.immutable_transfer", format!("transfers[0].{field}")));
        }
        assert!(matches!(data::delete(&world.data, &ann(), Type::Transfer, at).await, Err(Error::ImmutableTransfer { .. })));
        let with_changes = |address: &str, amount: &str| {
            json!({"updateType": "create_or_replace", "protocolId": at, "labels": {"desk": "fx"}, "parent": {"type": "pool", "ref": pool},
                "balanceChanges": [{"address": address, "operation": "add", "amount": amount}]})
        };
        for (address, amount) in [(BOB, "1"), (ALICE, "99"), (BOB, "100")] {
            let error = world.bulk(json!({"transfers": [with_changes(address, amount)]})).await.unwrap_err();
            assert_eq!((error.code().code, error.field().unwrap().as_str()), ("data.immutable_transfer", "transfers[0].balanceChanges"));
        }
        // What an indexer derives from the same log can be sent.
        world.bulk(json!({"transfers": [with_changes(ALICE, "100")]})).await.unwrap();
        let shown = world.get(Type::Transfer, at).await.unwrap();
        assert_eq!((shown["amount"].as_str(), shown["labels"]["desk"].as_str()), (Some("100"), Some("fx")));
        assert_eq!(world.balance(ALICE, &pool).await, "100");
        world.undo(1, "0xb1").await;
        assert_eq!(world.balance(ALICE, &pool).await, "0");
        world.apply(1, "0xb1", &mint).await;
        assert_eq!(world.balance(ALICE, &pool).await, "100");
        assert_eq!(world.get(Type::Transfer, at).await.unwrap()["labels"]["desk"], "fx");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_written_before_its_block_is_indexed_keeps_its_id() {
    with_each_engine(|world| async move {
        let (at, pool) = ("000000000004/000000/000000", format!("{TOKEN}/main"));
        world
            .bulk(json!({"addresses": [{"address": TOKEN}], "pools": [{"name": "main", "address": TOKEN}],
                "transfers": [{"protocolId": at, "to": BOB, "amount": "9", "labels": {"desk": "fx"}, "parent": {"type": "pool", "ref": pool}}]}))
            .await
            .unwrap();
        let before = world.get(Type::Transfer, at).await.unwrap();
        assert_eq!(before["status"], "final");
        world.apply(4, "0xb4", &[erc20("0xt4", "0", at, ZERO, ALICE, 10)]).await;
        let after = world.get(Type::Transfer, at).await.unwrap();
        assert_eq!((&after["id"], after["status"].as_str()), (&before["id"], Some("pending")));
        assert_eq!((after["to"].as_str(), after["amount"].as_str(), after["labels"]["desk"].as_str()), (Some(ALICE), Some("10"), Some("fx")));
        assert_eq!((world.balance(BOB, &pool).await, world.balance(ALICE, &pool).await), ("0".into(), "10".into()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn renaming_a_transfer_frees_its_old_protocol_id() {
    with_each_engine(|world| async move {
        let transfer = |id: &str, amount: &str| json!({"protocolId": id, "to": ALICE, "amount": amount, "parent": {"type": "pool", "ref": "main"}});
        world
            .bulk(json!({"addresses": [{"address": TOKEN}], "pools": [{"name": "main", "address": TOKEN}], "transfers": [transfer("a", "1")]}))
            .await
            .unwrap();
        let id = world.get(Type::Transfer, "a").await.unwrap()["id"].as_str().unwrap().to_owned();
        let renamed = data::put(&world.data, &ann(), Type::Transfer, &id, &transfer("b", "2").to_string()).await.unwrap();
        assert_eq!((renamed.text("id"), renamed.text("protocolId").as_deref()), (Some(id), Some("b")));
        world.bulk(json!({"transfers": [transfer("a", "4")]})).await.unwrap();
        assert_eq!(world.balance(ALICE, &format!("{TOKEN}/main")).await, "6");
        let taken = data::patch(&world.data, &ann(), Type::Transfer, renamed.text("id").unwrap().as_str(), r#"{"protocolId": "a"}"#).await;
        assert!(matches!(taken, Err(Error::AlreadyExists { .. })));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_unreferenced_objects_can_be_deleted() {
    with_each_engine(|world| async move {
        world
            .bulk(json!({
                "collections": [{"name": "c"}], "assets": [{"name": "a", "collection": "c"}], "addresses": [{"address": TOKEN}],
                "activities": [{"name": "log"}], "pools": [{"name": "p", "address": TOKEN, "asset": "a", "labels": {"k": "v"}}],
                "transfers": [{"protocolId": "t", "to": ALICE, "amount": "4", "parent": {"type": "pool", "ref": "p"}}],
                "events": [{"name": "e", "activity": "log", "parent": {"type": "transfer", "ref": "t"}}]
            }))
            .await
            .unwrap();
        let delete = |kind: Type, name: &'static str| {
            let world = world.clone();
            async move { data::delete(&world.data, &ann(), kind, name).await }
        };
        let order = [
            (Type::Event, "e"), (Type::Transfer, "t"), (Type::Pool, "p"), (Type::Asset, "a"), (Type::Collection, "c"),
            (Type::Address, TOKEN), (Type::Activity, "log"),
        ];
        for (kind, name) in &order[1..] {
            let refused = delete(*kind, name).await.unwrap_err();
            assert_eq!(refused.code().code, "data.referenced", "{kind}: {refused}");
        }
        for (kind, name) in order {
            delete(kind, name).await.unwrap();
            assert!(matches!(world.get(kind, name).await, Err(Error::UnknownObject { .. })), "{kind}");
            assert!(matches!(delete(kind, name).await, Err(Error::UnknownObject { .. })), "{kind}");
        }
        let left: Vec<(i64,)> = world
            .test
            .db
            .read(&ann().namespace, |tx| {
                tx.rows("SELECT (SELECT COUNT(*) FROM label WHERE namespace = ?ns) + (SELECT COUNT(*) FROM balance WHERE namespace = ?ns)", ())
            })
            .await
            .map_err(|error: store::Error| error)
            .unwrap();
        assert_eq!(left, vec![(0,)]);
    })
    .await;
}

/// Create one object of each type. Returns their names.
async fn create_one_of_each(world: &World) -> Vec<(Type, String)> {
    let id = "1/1/1";
    world
        .bulk(json!({
            "collections": [{"name": "c"}], "assets": [{"name": "a", "labels": {"k": "v"}}], "addresses": [{"address": TOKEN}, {"address": ALICE}],
            "activities": [{"name": "log"}], "pools": [{"name": "p", "address": TOKEN, "asset": "a"}], "nfts": [{"name": "n"}],
            "fragments": [{"name": "f"}], "data": [{"name": "d"}],
            "transfers": [{"protocolId": id, "to": ALICE, "amount": "4", "parent": {"type": "pool", "ref": "p"}}],
            "events": [{"name": "e", "activity": "log"}]
        }))
        .await
        .unwrap();
    let names = ["c", "a", TOKEN, "log", "p", "n", "f", "d", id, "e"];
    Type::WRITABLE
        .into_iter()
        .zip(names.map(str::to_owned))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_namespace_reads_and_changes_nothing() {
    with_each_engine(|world| async move {
        let stranger = principal("other");
        let mut references = create_one_of_each(&world).await;
        for (kind, name) in references.clone() {
            let own = world.get(kind, &name).await.unwrap();
            references.extend(
                own.get("id")
                    .map(|id| (kind, id.as_str().unwrap().to_owned())),
            );
        }
        for (kind, name) in &references {
            let data = &world.data;
            assert!(
                matches!(
                    data::object(data, &stranger, *kind, name).await,
                    Err(Error::UnknownObject { .. })
                ),
                "{kind} {name}"
            );
            assert!(
                matches!(
                    data::patch(data, &stranger, *kind, name, "{}").await,
                    Err(Error::UnknownObject { .. })
                ),
                "{kind}"
            );
            assert!(
                matches!(
                    data::delete(data, &stranger, *kind, name).await,
                    Err(Error::UnknownObject { .. })
                ),
                "{kind}"
            );
            let listed = data::objects(data, &stranger, *kind, &[]).await.unwrap();
            assert_eq!(listed.count, 0, "{kind}");
        }
        let everything: serde_json::Map<String, Value> = Type::WRITABLE
            .into_iter()
            .chain([Type::Balance, Type::BalanceChange])
            .map(|kind| (kind.plural().to_owned(), json!({"count": true})))
            .collect();
        let answer = data::bulk_query(&world.data, &stranger, &Value::from(everything).to_string())
            .await
            .unwrap();
        assert!(
            answer
                .0
                .iter()
                .all(|(_, listing)| listing.count == 0 && listing.total == Some(0))
        );
        let foreign_reference =
            json!({"assets": [{"name": "mine", "collection": "c"}]}).to_string();
        let refused = data::bulk_update(&world.data, &stranger, &foreign_reference)
            .await
            .unwrap_err();
        assert_eq!(refused.code().code, "data.bad_reference");
        let value = data::lookup(
            &world.data,
            &stranger.namespace,
            "asset.labels",
            &json!({"asset": "a"}),
        )
        .await
        .unwrap();
        assert_eq!(value, None);
        assert_eq!(
            data::lookup(
                &world.data,
                &ann().namespace,
                "asset.labels",
                &json!({"asset": "a"})
            )
            .await
            .unwrap()
            .unwrap()
            .as_str(),
            r#"{"k":"v"}"#
        );
        data::put(&world.data, &stranger, Type::Asset, "a", "{}")
            .await
            .map(shown)
            .unwrap();
        assert_eq!(
            world.get(Type::Asset, "a").await.unwrap()["labels"]["k"],
            "v"
        );
    })
    .await;
}
