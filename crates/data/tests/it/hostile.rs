//! Hostile tokens and hostile callers.

use crate::world::{ALICE, BOB, TOKEN, World, ZERO, ann, erc20, with_each_engine};
use data::Type;
use serde_json::{Value, json};
use testkit::SeededEntropy;
use types::{Amount, Coded, Entropy, TransferKind};

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_with_a_balance_above_256_bits_becomes_untrusted_and_indexing_continues() {
    with_each_engine(|world| async move {
        let mut mint = erc20("0xt1", "0", "000000000001/000000/000000", ZERO, ALICE, 0);
        mint.amount = Amount::MAX;
        let mut again = erc20("0xt2", "0", "000000000002/000000/000000", ZERO, ALICE, 0);
        again.amount = Amount::MAX;
        let reference = format!("{TOKEN}/main");
        world.apply(1, "0xb1", &[mint]).await;
        assert_eq!(
            world.get(Type::Pool, &reference).await.unwrap()["trusted"],
            true
        );
        world.apply(2, "0xb2", &[again]).await;
        assert_eq!(
            world.get(Type::Pool, &reference).await.unwrap()["trusted"],
            false
        );
        let twice: num_bigint::BigInt =
            (num_bigint::BigInt::from(1) << 257) - num_bigint::BigInt::from(2);
        assert_eq!(world.balance(ALICE, &reference).await, twice.to_string());
        world
            .apply(
                3,
                "0xb3",
                &[erc20(
                    "0xt3",
                    "0",
                    "000000000003/000000/000000",
                    BOB,
                    ALICE,
                    1,
                )],
            )
            .await;
        assert_eq!(world.balance(BOB, &reference).await, "-1");
        let distrusted: Vec<String> = world
            .facts()
            .await
            .into_iter()
            .map(|fact| fact.kind)
            .filter(|kind| kind.contains("distrusted"))
            .collect();
        assert_eq!(distrusted.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chain_text_that_a_database_rejects_is_sanitized() {
    with_each_engine(|world| async move {
        let endless = "n\0".repeat(5_000);
        let mut transfer = erc20("0xt", "0", "000000000001/000000/000000", ZERO, ALICE, 4);
        transfer.standard = endless.clone();
        transfer.contract = endless.clone();
        transfer.operator = Some(endless.clone());
        let mut second = transfer.clone();
        second.transaction = endless.clone();
        second.path = endless.clone();
        second.protocol_id = endless.clone();
        second.from = endless.clone();
        second.to = "to\0".into();
        second.what = TransferKind::NonFungible {
            token_id: Amount::MAX,
        };
        let hash = "0xb\0".repeat(3_000);
        world.apply(1, &hash, &[transfer, second]).await;
        let listing = data::objects(&world.data, &ann(), Type::Transfer, &[])
            .await
            .unwrap();
        assert_eq!(listing.count, 2);
        let pools = data::objects(&world.data, &ann(), Type::Pool, &[])
            .await
            .unwrap();
        let address = pools.items[0].text("address").unwrap();
        assert!(
            address.starts_with("sha256:") && address.len() == 71,
            "{address}"
        );
        assert_eq!(
            pools.items[0]
                .text("standard")
                .unwrap()
                .chars()
                .filter(|c| *c == '\u{fffd}')
                .count(),
            5_000
        );
        assert_eq!(
            world.get(Type::Address, "to\u{fffd}").await.unwrap()["address"],
            "to\u{fffd}"
        );
        world.undo(1, &hash).await;
        assert_eq!(
            data::objects(&world.data, &ann(), Type::Transfer, &[])
                .await
                .unwrap()
                .count,
            0
        );
        assert_eq!(
            data::objects(
                &world.data,
                &ann(),
                Type::Transfer,
                &[("status".into(), "reverted".into())]
            )
            .await
            .unwrap()
            .count,
            2
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_nft_minted_twice_has_one_owner() {
    with_each_engine(|world| async move {
        let mint = |n: u64, to: &str| {
            let mut transfer = erc20(
                &format!("0xt{n}"),
                "0",
                &format!("00000000000{n}/000000/000000"),
                ZERO,
                to,
                1,
            );
            transfer.what = TransferKind::NonFungible {
                token_id: Amount::from(1),
            };
            transfer
        };
        world.apply(1, "0xb1", &[mint(1, ALICE)]).await;
        world.apply(2, "0xb2", &[mint(2, BOB)]).await;
        let reference = format!("{TOKEN}/id-1");
        assert_eq!(
            world.get(Type::Nft, &reference).await.unwrap()["owner"],
            BOB
        );
        world.undo(2, "0xb2").await;
        assert_eq!(
            world.get(Type::Nft, &reference).await.unwrap()["owner"],
            ALICE
        );
    })
    .await;
}

/// Mutates valid bodies: some bytes, or some values.
struct Mutator(SeededEntropy);

impl Mutator {
    fn below(&self, bound: usize) -> usize {
        self.0.below(bound as u64) as usize
    }

    fn mutate_text(&self, text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..1 + self.below(4) {
            let at = self.below(bytes.len());
            match self.below(3) {
                0 => bytes[at] = b"\"{}[],:0-e\\n\xff"[self.below(13)],
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, b"{}[]\",:\x00"[self.below(8)]),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn unusual_value(&self) -> Value {
        let values = [
            json!(null),
            json!(true),
            json!(-1),
            json!(1.5),
            json!(""),
            json!("\u{0}"),
            json!([]),
            json!({}),
            json!([[[]]]),
            json!("obj:"),
            json!("0x"),
            json!("a/b/c/d"),
            json!(Amount::MAX),
            json!({"value": "1", "unit": "X"}),
            json!("\u{10ffff}"),
            json!("eip155:1/"),
        ];
        values[self.below(values.len())].clone()
    }

    fn mutate_value(&self, value: &mut Value) {
        match value {
            Value::Array(items) if !items.is_empty() && self.below(4) > 0 => {
                let at = self.below(items.len());
                self.mutate_value(&mut items[at]);
            }
            Value::Object(members) if !members.is_empty() && self.below(5) > 0 => {
                let name = members
                    .keys()
                    .nth(self.below(members.len()))
                    .unwrap()
                    .clone();
                if self.below(8) == 0 {
                    let moved = members.remove(&name).unwrap();
                    members.insert(
                        ["", "parent", "name", "amount", "or", "eq", "limit"][self.below(7)]
                            .to_owned(),
                        moved,
                    );
                } else {
                    self.mutate_value(members.get_mut(&name).unwrap());
                }
            }
            other => *other = self.unusual_value(),
        }
    }
}

async fn fact_count(world: &World) -> usize {
    world.facts().await.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn mutated_bodies_are_accepted_or_rejected_with_a_code() {
    with_each_engine(|world| async move {
        let good_update = crate::traps::indexer_update("1/2/3", 42, ZERO, ALICE, 10);
        let good_query = json!({
            "transfers": {"eq": [{"field": "to", "value": ALICE, "caseInsensitive": true}], "gte": [{"field": "amount", "value": "5"}],
                "or": [{"in": [{"field": "parent.ref", "values": ["main", TOKEN]}]}, {"labels": {"eq": [{"field": "desk", "value": "fx"}]}}],
                "null": [{"field": "info.x.y", "not": true}], "sort": ["-created", "amount"], "limit": 20, "count": true, "fields": ["amount"]},
            "balanceChanges": {"contains": [{"field": "operation", "value": "a"}]}
        });
        let mutator = Mutator(SeededEntropy::new(5));
        for round in 0..150 {
            for (good, is_update) in [(&good_update, true), (&good_query, false)] {
                let mut value = good.clone();
                (0..1 + mutator.below(2)).for_each(|_| mutator.mutate_value(&mut value));
                let body = if round % 3 == 0 { mutator.mutate_text(&good.to_string()) } else { value.to_string() };
                let before = fact_count(&world).await;
                let error = if is_update {
                    data::bulk_update(&world.data, &ann(), &body).await.err()
                } else {
                    data::bulk_query(&world.data, &ann(), &body).await.err()
                };
                if let Some(error) = error {
                    let code = error.code();
                    assert!((400..500).contains(&code.status), "{body}: {error}");
                    assert!(code.code.starts_with("data."), "{body}: {error}");
                    assert_eq!(fact_count(&world).await, before, "{body}");
                }
            }
        }
        let mut noise = [0u8; 64];
        for _ in 0..300 {
            mutator.0.fill(&mut noise);
            let text = String::from_utf8_lossy(&noise).into_owned();
            assert!(data::bulk_update(&world.data, &ann(), &text).await.is_err());
            assert!(data::bulk_query(&world.data, &ann(), &text).await.is_err());
            let params = vec![("label".to_owned(), text.clone()), ("limit".to_owned(), "5".to_owned())];
            let _ = data::objects(&world.data, &ann(), Type::Asset, &params).await;
            let after = vec![("after".to_owned(), hex(&noise))];
            assert_eq!(data::objects(&world.data, &ann(), Type::Asset, &after).await.unwrap_err().code().status, 400);
            for kind in Type::WRITABLE {
                let error = data::object(&world.data, &ann(), kind, &text).await.unwrap_err();
                assert!((400..500).contains(&error.code().status), "{error}");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn masked_values_cannot_be_searched() {
    with_each_engine(|world| async move {
        let fragments =
            json!([{"name": "pin", "value": "4711", "valueMasked": true}, {"name": "open", "value": "4712"}]);
        world.bulk(json!({"fragments": fragments, "assets": [{"name": "gold"}]})).await.unwrap();
        for (query, expected) in [
            (json!({"eq": [{"field": "value", "value": "4711"}]}), vec![]),
            (json!({"startsWith": [{"field": "value", "value": "47"}]}), vec!["open"]),
            (json!({"contains": [{"field": "value", "value": "1", "caseInsensitive": true}]}), vec!["open"]),
            (json!({"lt": [{"field": "value", "value": "5"}], "null": [{"field": "info.x"}]}), vec!["open"]),
            (
                json!({"in": [{"field": "value", "values": ["4711", "4712"]}], "null": [{"field": "info.x"}]}),
                vec!["open"],
            ),
            (json!({"null": [{"field": "value"}]}), vec!["pin"]),
            (json!({"sort": ["-value"]}), vec!["open", "pin"]),
        ] {
            let answer = crate::queries::bulk_query(&world, json!({ "fragments": query })).await.unwrap();
            let names: Vec<&str> = answer["fragments"]["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["name"].as_str().unwrap())
                .collect();
            assert_eq!(names, expected, "{query}");
        }
        let first = json!({"fragments": {"sort": ["value"], "limit": 1}});
        let page = crate::queries::bulk_query(&world, first).await.unwrap()["fragments"].take();
        assert_eq!(page["items"][0]["name"], "pin");
        assert!(!page["after"].as_str().unwrap().contains(&hex(b"4711")), "a cursor must not contain it either");
        let facts = world.facts().await;
        assert!(
            facts.iter().all(|fact| fact.payload.as_ref().is_none_or(|payload| !payload.as_str().contains("4711")))
        );
    })
    .await;
}

fn combinations(values: &[Value]) -> impl Iterator<Item = (&Value, &Value, &Value)> {
    values.iter().flat_map(move |a| {
        values
            .iter()
            .flat_map(move |b| values.iter().map(move |c| (a, b, c)))
    })
}

/// A cursor as a caller who knows the format could forge it.
fn forged(order: &str, values: &[Value]) -> String {
    hex(json!({"order": order, "values": values})
        .to_string()
        .as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_cursor_is_rejected_or_is_a_valid_position() {
    with_each_engine(|world| async move {
        world
            .bulk(crate::traps::indexer_update("1/2/3", 42, ZERO, ALICE, 10))
            .await
            .unwrap();
        let cursor_values = [
            json!(null),
            json!({"i": i64::MIN}),
            json!({"t": "\u{10ffff}"}),
            json!({"t": ""}),
            json!({"b": "00ff"}),
        ];
        for (kind, order) in [
            ("pools", None),
            ("pools", Some("name")),
            ("pools", Some("asset")),
            ("pools", Some("-description")),
            ("transfers", Some("-amount")),
            ("transfers", Some("status")),
            ("transfers", Some("parent.ref")),
            ("balanceChanges", None),
            ("events", Some("sequence")),
        ] {
            let order_text = match order.map(|key| key.strip_prefix('-').ok_or(key)) {
                None => format!("{kind}:"),
                Some(Ok(descending)) => format!("{kind}:-{descending}"),
                Some(Err(ascending)) => format!("{kind}:+{ascending}"),
            };
            let (mut accepted, mut refused) = (0, 0);
            for (first, second, third) in combinations(&cursor_values) {
                for count in 1..4 {
                    let values = [first.clone(), second.clone(), third.clone()];
                    let sort: Vec<&str> = order.into_iter().collect();
                    let query =
                        json!({kind: {"sort": sort, "after": forged(&order_text, &values[..count])}});
                    match crate::queries::bulk_query(&world, query).await {
                        Ok(_) => accepted += 1,
                        Err(error) => {
                            let error_fields = (error.code().code, error.field());
                            assert_eq!(error_fields, ("data.invalid_field", Some(format!("{kind}.after"))));
                            refused += 1;
                        }
                    }
                }
            }
            assert!(accepted > 0 && refused > 50, "{order_text}: {accepted} {refused}");
        }
    })
    .await;
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
