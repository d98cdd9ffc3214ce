//! Random queries, compared with an independent evaluator over the JSON that the API returns.

use crate::world::{ALICE, BOB, TOKEN, World, ZERO, ann, erc20, with_each_engine};
use num_bigint::BigInt;
use serde_json::{Value, json};
use std::cmp::Ordering;
use std::collections::HashMap;
use testkit::SeededEntropy;
use types::Amount;

const TYPES: [&str; 11] = [
    "collections",
    "assets",
    "addresses",
    "activities",
    "pools",
    "nfts",
    "fragments",
    "data",
    "transfers",
    "events",
    "balanceChanges",
];
const AMOUNTS: [&str; 3] = ["amount", "tokenIndex", "balanceAfter"];
const INTS: [&str; 2] = ["sequence", "block"];
const FLAGS: [&str; 5] = ["contract", "active", "valueMasked", "trusted", "belowZero"];
const TIMES: [&str; 3] = ["created", "updated", "blockTime"];
const REFERENCES: [&str; 4] = ["asset", "collection", "activity", "parent.ref"];
const CASELESS: [&str; 5] = ["address", "from", "to", "signer", "owner"];

fn fields(kind: &str) -> Vec<&'static str> {
    let mut fields = vec![
        "displayName",
        "description",
        "info.grade",
        "info.n",
        "info.deep.flag",
        "info.list.1",
    ];
    if kind != "balanceChanges" {
        fields.extend(["created", "updated"]);
    }
    fields.extend(match kind {
        "collections" | "activities" => vec!["id", "name"],
        "assets" => vec!["id", "name", "collection"],
        "addresses" => vec!["address", "chain", "contract", "status", "block"],
        "pools" => vec![
            "id",
            "name",
            "address",
            "qualifiedName",
            "standard",
            "asset",
            "trusted",
            "status",
            "chain",
        ],
        "nfts" => vec![
            "id",
            "name",
            "address",
            "qualifiedName",
            "tokenIndex",
            "active",
            "asset",
            "uri",
        ],
        "fragments" => vec![
            "id",
            "name",
            "address",
            "qualifiedName",
            "asset",
            "valueMasked",
            "valueReference",
        ],
        "data" => vec![
            "id",
            "name",
            "uri",
            "role",
            "parent.type",
            "parent.ref",
            "asset",
        ],
        "transfers" => vec![
            "id",
            "protocolId",
            "type",
            "from",
            "to",
            "signer",
            "amount",
            "transactionHash",
            "parent.type",
            "parent.ref",
            "asset",
            "block",
            "status",
            "blockTime",
            "firefly.namespace",
        ],
        "events" => vec![
            "id",
            "name",
            "activity",
            "topic",
            "sequence",
            "parent.type",
            "parent.ref",
            "asset",
        ],
        _ => {
            return vec![
                "id",
                "address",
                "operation",
                "amount",
                "parent.type",
                "parent.ref",
                "chain",
            ];
        }
    });
    fields
}

fn at<'v>(item: &'v Value, path: &str) -> Option<&'v Value> {
    let member = path.split('.').try_fold(item, |value, step| match value {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => value.get(step),
    });
    member.filter(|value| !value.is_null() && !value.is_object() && !value.is_array())
}

/// All names of a reference, by its displayed name.
type Aliases = HashMap<String, Vec<String>>;

fn number(text: &str) -> Option<(BigInt, u32)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{fraction}");
    Some((digits.parse().ok()?, fraction.len() as u32))
}

fn compare_numbers(a: &str, b: &str) -> Option<Ordering> {
    let ((a, p), (b, q)) = (number(a)?, number(b)?);
    let ten = BigInt::from(10);
    Some((a * ten.pow(q)).cmp(&(b * ten.pow(p))))
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Fold case, one character at a time; the Kelvin sign does not become k.
fn lower(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c == '\u{212a}' {
                c.to_string()
            } else {
                c.to_lowercase().to_string()
            }
        })
        .collect()
}

/// Compare a value with an operand; none if they are not comparable.
fn order(field: &str, value: &Value, operand: &str, fold: bool) -> Option<Ordering> {
    let shown = text(value);
    if AMOUNTS.contains(&field) || INTS.contains(&field) || field.contains('.') && value.is_number()
    {
        return compare_numbers(&shown, operand);
    }
    if fold && !FLAGS.contains(&field) && !TIMES.contains(&field) || CASELESS.contains(&field) {
        return Some(lower(&shown).cmp(&lower(operand)));
    }
    Some(shown.as_str().cmp(operand))
}

fn passes(item: &Value, operator: &str, entry: &Value, aliases: &Aliases, label: bool) -> bool {
    let field = entry["field"].as_str().unwrap();
    let fold = entry["caseInsensitive"] == true;
    let value = if label {
        item.get("labels").and_then(|labels| labels.get(field))
    } else {
        at(item, field)
    };
    let equal = |operand: &str| {
        let Some(value) = value else { return false };
        if !label && REFERENCES.contains(&field) {
            let shown = text(value);
            let known = aliases.get(&shown).cloned().unwrap_or_default();
            let same = |known: &str| {
                if fold && !known.starts_with("obj:") {
                    lower(known) == lower(operand)
                } else {
                    known == operand
                }
            };
            return known.iter().chain([&shown]).any(|known| same(known));
        }
        order(if label { "" } else { field }, value, operand, fold) == Some(Ordering::Equal)
    };
    let operand = entry["value"].as_str().unwrap_or_default();
    let ordered = |allowed: &[Ordering]| {
        let ordering =
            value.and_then(|value| order(if label { "" } else { field }, value, operand, fold));
        ordering.is_some_and(|ordering| allowed.contains(&ordering))
    };
    let part = |is_in: fn(&str, &str) -> bool| {
        let Some(value) = value else { return false };
        let caseless = fold || !label && CASELESS.contains(&field);
        if caseless {
            is_in(&lower(&text(value)), &lower(operand))
        } else {
            is_in(&text(value), operand)
        }
    };
    use Ordering::{Equal, Greater, Less};
    let holds = match operator {
        "eq" => equal(operand),
        "neq" => !equal(operand),
        "lt" => ordered(&[Less]),
        "lte" => ordered(&[Less, Equal]),
        "gt" => ordered(&[Greater]),
        "gte" => ordered(&[Greater, Equal]),
        "contains" => part(|text, part| text.contains(part)),
        "startsWith" => part(|text, part| text.starts_with(part)),
        "endsWith" => part(|text, part| text.ends_with(part)),
        "in" => entry["values"]
            .as_array()
            .unwrap()
            .iter()
            .any(|value| equal(value.as_str().unwrap())),
        "nin" => !entry["values"]
            .as_array()
            .unwrap()
            .iter()
            .any(|value| equal(value.as_str().unwrap())),
        "null" => value.is_none(),
        other => panic!("{other}"),
    };
    holds != (entry["not"] == true)
}

fn matches(item: &Value, query: &Value, aliases: &Aliases) -> bool {
    query
        .as_object()
        .unwrap()
        .iter()
        .all(|(name, list)| match name.as_str() {
            "or" => list
                .as_array()
                .unwrap()
                .iter()
                .any(|nested| matches(item, nested, aliases)),
            "labels" => list.as_object().unwrap().iter().all(|(operator, entries)| {
                entries
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|entry| passes(item, operator, entry, aliases, true))
            }),
            "sort" | "limit" | "skip" | "count" | "fields" => true,
            operator => list
                .as_array()
                .unwrap()
                .iter()
                .all(|entry| passes(item, operator, entry, aliases, false)),
        })
}

/// Generates queries from a seed.
struct QueryGenerator<'a> {
    entropy: SeededEntropy,
    items: &'a [Value],
    aliases: &'a Aliases,
    kind: &'static str,
}

impl QueryGenerator<'_> {
    fn below(&self, bound: usize) -> usize {
        self.entropy.below(bound as u64) as usize
    }

    fn pick<'v, T>(&self, of: &'v [T]) -> &'v T {
        &of[self.below(of.len())]
    }

    /// A value that occurs, or nearly.
    fn value(&self, field: &str, label: bool) -> String {
        let item = if self.items.is_empty() {
            &Value::Null
        } else {
            self.pick(self.items)
        };
        let chosen = if label {
            item.get("labels").and_then(|l| l.get(field))
        } else {
            at(item, field)
        };
        let mut value = chosen.map(text).unwrap_or_default();
        if !label && REFERENCES.contains(&field) && self.below(2) == 0 {
            value = self
                .aliases
                .get(&value)
                .map(|known| self.pick(known).clone())
                .unwrap_or(value);
        }
        let is = |of: &[&str]| !label && of.contains(&field);
        if is(&AMOUNTS) || is(&INTS) {
            let base = number(&value).map_or_else(|| BigInt::from(5), |(base, _)| base);
            let near: BigInt = base + BigInt::from(self.below(3)) - BigInt::from(1);
            return near.to_string();
        }
        if is(&FLAGS) {
            return ["true", "false"][self.below(2)].to_owned();
        }
        if is(&TIMES) {
            return if value.is_empty() {
                "2026-01-01T00:00:00.000000Z".to_owned()
            } else {
                value
            };
        }
        match self.below(5) {
            0 => value.to_uppercase(),
            1 => "".to_owned(),
            _ => value,
        }
    }

    fn piece(&self, value: &str) -> String {
        let chars: Vec<char> = value.chars().collect();
        let from = self.below(chars.len() + 1);
        let to = from + self.below(chars.len() + 1 - from);
        match self.below(3) {
            0 => chars[..to].iter().collect(),
            1 => chars[from..].iter().collect(),
            _ => chars[from..to].iter().collect(),
        }
    }

    fn entry(&self) -> (bool, &'static str, Value) {
        let label = self.kind != "balanceChanges" && self.below(5) == 0;
        let field = if label {
            *self.pick(&["desk", "Größe"])
        } else {
            *self.pick(&fields(self.kind))
        };
        let is = |of: &[&str]| !label && of.contains(&field);
        let by_value = is(&AMOUNTS) || is(&INTS) || is(&FLAGS) || is(&TIMES);
        let operators: &[&str] = if by_value {
            &["eq", "neq", "lt", "lte", "gt", "gte", "in", "nin", "null"]
        } else {
            &[
                "eq",
                "neq",
                "lt",
                "lte",
                "gt",
                "gte",
                "contains",
                "startsWith",
                "endsWith",
                "in",
                "nin",
                "null",
            ]
        };
        let operator = *self.pick(operators);
        let mut entry = json!({"field": field});
        match operator {
            "in" | "nin" => {
                let values: Vec<String> = (0..self.below(4))
                    .map(|_| self.value(field, label))
                    .collect();
                entry["values"] = json!(values);
            }
            "null" => {}
            "contains" | "startsWith" | "endsWith" => {
                entry["value"] = json!(self.piece(&self.value(field, label)))
            }
            _ => entry["value"] = json!(self.value(field, label)),
        }
        if self.below(4) == 0 {
            entry["not"] = json!(true);
        }
        if self.below(3) == 0 {
            entry["caseInsensitive"] = json!(true);
        }
        (label, operator, entry)
    }

    fn query(&self, depth: usize) -> Value {
        let mut query = json!({});
        for _ in 0..self.below(3) + usize::from(depth > 0) {
            let (label, operator, entry) = self.entry();
            let list = if label {
                &mut query["labels"][operator]
            } else {
                &mut query[operator]
            };
            match list {
                Value::Array(list) => list.push(entry),
                list => *list = json!([entry]),
            }
        }
        if depth < 2 && self.below(3) == 0 {
            query["or"] = (0..1 + self.below(3))
                .map(|_| self.query(depth + 1))
                .collect();
        }
        query
    }

    fn sort(&self) -> Vec<String> {
        let sortable: Vec<&str> = fields(self.kind)
            .into_iter()
            .filter(|field| !field.starts_with("info") && !field.starts_with("firefly"))
            .collect();
        let mut keys: Vec<String> = Vec::new();
        for _ in 0..self.below(3) {
            let field = *self.pick(&sortable);
            if keys.iter().all(|key| key.trim_start_matches('-') != field) {
                keys.push(format!("{}{field}", ["", "-"][self.below(2)]));
            }
        }
        keys
    }
}

fn sort_value(field: &str, item: &Value) -> Option<(Option<BigInt>, String)> {
    let value = at(item, field)?;
    if AMOUNTS.contains(&field) || INTS.contains(&field) {
        return Some((text(value).parse().ok(), String::new()));
    }
    Some((None, text(value)))
}

/// Whether items are in sort order; ties are not checked.
fn is_sorted(items: &[Value], keys: &[String]) -> bool {
    items.windows(2).all(|pair| {
        for key in keys {
            let (field, descending) = key
                .strip_prefix('-')
                .map_or((key.as_str(), false), |field| (field, true));
            let (a, b) = (sort_value(field, &pair[0]), sort_value(field, &pair[1]));
            match a.cmp(&b) {
                Ordering::Equal => {}
                ordering => return (ordering == Ordering::Less) != descending,
            }
        }
        true
    })
}

/// Create objects of every type by bulk updates and by the projection, with difficult characters.
async fn populate(world: &World) {
    let words = [
        "alpha",
        "Beta",
        "ÄPFEL",
        "äpfel",
        "100%",
        "a_b",
        "x/y",
        "",
        "ß",
        "O'Hara",
        "\u{212a}elvin",
        "日本",
    ];
    let info = |n: usize| match n % 5 {
        0 => json!({"grade": words[n % words.len()], "n": n, "list": [1, "two"]}),
        1 => {
            json!({"grade": (n * 7).to_string(), "n": n as i64 - 10, "deep": {"flag": n.is_multiple_of(2)}})
        }
        2 => json!({"grade": n, "n": "12"}),
        3 => json!({"grade": null, "list": [true, false]}),
        _ => json!([1, 2]),
    };
    let with_metadata = |mut object: Value, n: usize| {
        if n % 4 != 3 {
            object["info"] = info(n);
            object["displayName"] = json!(words[(n * 5) % words.len()]);
        }
        if n.is_multiple_of(3) {
            object["labels"] = json!({"desk": words[n % 4], "Größe": words[(n + 3) % words.len()]});
        }
        object
    };
    let address_of = |n: usize| format!("0x{:040x}", n * 1_000_003 + 10);
    let many = |count: usize, make: &dyn Fn(usize) -> Value| {
        (0..count)
            .map(|n| with_metadata(make(n), n))
            .collect::<Vec<_>>()
    };
    let asset = |n: usize| {
        if n.is_multiple_of(3) {
            Value::Null
        } else {
            json!(format!("asset-{}", n % 7))
        }
    };
    world
        .bulk(json!({
            "collections": many(3, &|n| json!({"name": format!("Coll{n}")})),
            "assets": many(7, &|n| json!({"name": format!("asset-{n}"), "collection": if n % 2 == 0 { json!(format!("Coll{}", n % 3)) } else { Value::Null }})),
            "addresses": many(12, &|n| json!({"address": address_of(n).to_uppercase().replace("0X", "0x"), "contract": n % 3 == 0})),
            "activities": many(3, &|n| json!({"name": format!("act{n}")})),
        }))
        .await
        .unwrap();
    world.test.clock.advance_millis(1_500);
    world
        .bulk(json!({
            "pools": many(14, &|n| json!({"name": format!("p{}", n % 5), "address": address_of(n % 6), "asset": asset(n), "standard": words[n % 6]})),
            "nfts": many(8, &|n| json!({"name": format!("n{n}"), "address": address_of(n % 4), "asset": asset(n + 1), "tokenIndex": Amount::MAX.to_string()[..1 + n * 9].to_owned(), "active": n % 2 == 0})),
            "fragments": many(6, &|n| json!({"name": format!("f{n}"), "address": if n % 2 == 0 { json!(address_of(n)) } else { Value::Null }, "asset": asset(n), "valueMasked": n % 2 == 1, "valueReference": words[n]})),
            "data": many(9, &|n| json!({"name": format!("doc{n}"), "role": words[n % 5], "uri": format!("ipfs://{n}"),
                "parent": match n % 3 { 0 => json!({"type": "asset", "ref": format!("asset-{}", n % 7)}), 1 => json!({"type": "address", "ref": address_of(n)}), _ => json!({"type": "nft", "ref": format!("n{}", n % 8)}) }})),
            "events": many(15, &|n| json!({"name": format!("e{n}"), "activity": format!("act{}", n % 3),
                "parent": if n % 2 == 0 { json!({"type": "pool", "ref": format!("{}/p{}", address_of(n % 5), n % 5)}) } else { Value::Null }})),
        }))
        .await
        .unwrap();
    world.test.clock.advance_millis(1_500);
    let transfers = many(40, &|n| {
        json!({"protocolId": format!("inv-{n:03}"), "from": if n % 5 == 0 { ZERO.to_owned() } else { address_of(n % 6) }, "to": address_of(n % 4 + 1),
            "amount": Amount::MAX.to_string()[..1 + (n * 13) % 77].trim_start_matches('0').to_owned(),
            "firefly": {"namespace": words[n % 3]}, "signer": if n % 4 == 0 { json!(address_of(n)) } else { Value::Null },
            "parent": {"type": "pool", "ref": format!("{}/p{}", address_of(n % 5), n % 5)}})
    });
    world.bulk(json!({ "transfers": transfers })).await.unwrap();
    for height in 1..=6u64 {
        world.test.clock.advance_millis(500);
        let moves: Vec<_> = (0..4)
            .map(|k| {
                let position = format!("{height:012}/{k:06}/000000");
                let (from, to) = if k == 0 { (ZERO, ALICE) } else { (ALICE, BOB) };
                erc20(
                    &format!("0xT{height}{k}"),
                    "0",
                    &position,
                    from,
                    to,
                    height * 10 - k,
                )
            })
            .collect();
        world.apply(height, &format!("0xb{height}"), &moves).await;
    }
    world.undo(6, "0xb6").await;
    world.finalize(3);
    let _ = TOKEN;
}

fn aliases(all: &HashMap<&str, Vec<Value>>) -> Aliases {
    let mut aliases = Aliases::new();
    for kind in ["collections", "assets", "activities", "data"] {
        for item in &all[kind] {
            aliases.insert(
                text(&item["name"]),
                vec![text(&item["id"]), text(&item["name"])],
            );
        }
    }
    for kind in ["pools", "nfts", "fragments"] {
        for item in &all[kind] {
            let mut known = vec![
                text(&item["id"]),
                text(&item["name"]),
                text(&item["qualifiedName"]),
            ];
            if let Some(chain) = item.get("chain") {
                known.push(format!("{}/{}", text(chain), text(&item["qualifiedName"])));
            }
            aliases.insert(text(&item["qualifiedName"]), known);
        }
    }
    for item in &all["addresses"] {
        let address = text(&item["address"]);
        aliases.insert(
            address.clone(),
            vec![format!("{}/{address}", text(&item["chain"])), address],
        );
    }
    aliases
}

async fn all(world: &World) -> HashMap<&'static str, Vec<Value>> {
    let mut all = HashMap::new();
    for kind in TYPES {
        let mut query = json!({"limit": 1000});
        if kind == "transfers" {
            query["in"] = json!([{"field": "status", "values": ["pending", "final", "reverted"]}]);
        }
        let answer = bulk_query(world, json!({ kind: query })).await.unwrap();
        assert_eq!(answer[kind]["allItems"], true);
        all.insert(kind, answer[kind]["items"].as_array().unwrap().clone());
    }
    all
}

pub(crate) async fn bulk_query(world: &World, query: Value) -> Result<Value, data::Error> {
    let answer = data::bulk_query(&world.data, &ann(), &query.to_string()).await?;
    Ok(serde_json::to_value(answer).unwrap())
}

fn mentions_status(query: &Value) -> bool {
    query.to_string().contains("\"field\":\"status\"")
}

#[tokio::test(flavor = "multi_thread")]
async fn random_queries_match_an_independent_evaluator() {
    with_each_engine(|world| async move {
        populate(&world).await;
        let all = all(&world).await;
        let aliases = aliases(&all);
        let setting = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
        let (rounds, seed) = (
            setting("FLORIN_QUERIES").unwrap_or(60),
            setting("FLORIN_SEED").unwrap_or(0),
        );
        for kind in TYPES {
            let items = &all[kind];
            assert!(!items.is_empty(), "{kind}");
            let generator = QueryGenerator {
                entropy: SeededEntropy::new(seed + kind.len() as u64),
                items,
                aliases: &aliases,
                kind,
            };
            for round in 0..rounds {
                let (mut query, sort) = (generator.query(0), generator.sort());
                let mut expected: Vec<String> = items
                    .iter()
                    .filter(|item| {
                        mentions_status(&query)
                            || item["status"] != "reverted"
                            || kind != "transfers"
                    })
                    .filter(|item| matches(item, &query, &aliases))
                    .map(Value::to_string)
                    .collect();
                query["sort"] = json!(sort);
                query["count"] = json!(true);
                let limit = 1 + generator.below(30);
                query["limit"] = json!(limit);
                let mut listed: Vec<Value> = Vec::new();
                loop {
                    let answer = bulk_query(&world, json!({ kind: query })).await;
                    let answer =
                        answer.unwrap_or_else(|error| panic!("{kind} {round}: {query} {error}"));
                    let page = &answer[kind];
                    assert_eq!(page["total"], expected.len(), "{kind} {round}: {query}");
                    listed.extend(page["items"].as_array().unwrap().clone());
                    match page.get("after") {
                        Some(after) => query["after"] = after.clone(),
                        None => break,
                    }
                }
                assert!(
                    is_sorted(&listed, &sort),
                    "{kind} {round}: {query}\n{listed:#?}"
                );
                let mut listed: Vec<String> = listed.iter().map(Value::to_string).collect();
                listed.sort();
                expected.sort();
                assert_eq!(
                    listed,
                    expected,
                    "{kind} {round} {:?}: {query}",
                    world.test.engine()
                );
            }
        }
    })
    .await;
}
