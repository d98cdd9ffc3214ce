//! Concurrent writers.

use crate::world::{ALICE, BOB, TOKEN, World, ZERO, ann, chain, erc20, with_each_engine};
use data::{BlockTransfers, Data, Parts, Type};
use serde_json::json;
use std::sync::Arc;
use types::{Height, Time};

async fn apply(world: &World, lease: &store::Lease, height: u64, to: &str) {
    let transfers = vec![erc20(
        &format!("0xt{height}"),
        "0",
        &format!("{height:012}/000000/000000"),
        ZERO,
        to,
        1,
    )];
    let namespace = ann().namespace;
    world
        .test
        .db
        .on(lease)
        .write_unscoped(move |tx| {
            let block = BlockTransfers {
                height: Height(height),
                hash: "0xb",
                time: Time::EPOCH,
                transfers: &transfers,
            };
            data::apply(tx, &namespace, &chain(), &[block])
        })
        .await
        .unwrap();
}

/// The index worker and two API processes change the same balances, each in its own partition.
/// The data model as another process opens it.
fn off_chain(db: &store::Db, lease: store::Lease) -> Data {
    Data::new(Parts {
        db: db.clone(),
        lease,
        chains: Arc::new(data::OffChain(chain())),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_several_partitions_lose_no_delta() {
    with_each_engine(|world| async move {
        let pool = format!("{TOKEN}/main");
        world.apply(1, "0xb1", &[erc20("0xt0", "0", "000000000001/000000/000000", ZERO, ALICE, 1_000)]).await;
        let desk = format!("{TOKEN}/desk");
        world.bulk(json!({"pools": [{"name": "desk", "address": TOKEN}]})).await.unwrap();
        let mut tasks = Vec::new();
        let chain_lease = world.test.lease("chain/eip155:1337").await;
        for height in 0..20u64 {
            let (world, lease) = (world.clone(), chain_lease.clone());
            tasks.push(tokio::spawn(async move { apply(&world, &lease, 100 + height, ALICE).await }));
        }
        for process in 1..3 {
            let lease = world.test.lease(&format!("api/{process}")).await;
            let data = off_chain(&world.test.db, lease);
            for n in 0..20 {
                let (data, desk) = (data.clone(), desk.clone());
                tasks.push(tokio::spawn(async move {
                    let body = json!({
                        "activities": [{"updateType": "create_or_ignore", "name": "log"}],
                        "transfers": [{"protocolId": format!("p{process}-{n}"), "from": ALICE, "to": BOB, "amount": "1",
                                       "parent": {"type": "pool", "ref": desk}}],
                        "events": [{"name": format!("e{process}-{n}"), "activity": "log"}]
                    });
                    data::bulk_update(&data, &ann(), &body.to_string()).await.unwrap();
                }));
            }
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(world.balance(ALICE, &pool).await, "1020");
        assert_eq!((world.balance(ALICE, &desk).await, world.balance(BOB, &desk).await), ("-40".into(), "40".into()));
        let query = json!({"events": {"sort": ["sequence"], "limit": 1000}});
        let answer = crate::queries::bulk_query(&world, query).await.unwrap();
        let numbers: Vec<i64> =
            answer["events"]["items"].as_array().unwrap().iter().map(|e| e["sequence"].as_i64().unwrap()).collect();
        assert_eq!(numbers, (1..=40).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_concurrent_creates_of_a_name_succeeds() {
    with_each_engine(|world| async move {
        let mut tasks = Vec::new();
        for process in 1..5 {
            let lease = world.test.lease(&format!("api/{process}")).await;
            let data = off_chain(&world.test.db, lease);
            for _ in 0..4 {
                let data = data.clone();
                tasks.push(tokio::spawn(async move {
                    data::create(&data, &ann(), Type::Asset, r#"{"name": "gold"}"#)
                        .await
                        .is_ok()
                }));
            }
        }
        let mut created = 0;
        for task in tasks {
            created += usize::from(task.await.unwrap());
        }
        assert_eq!(created, 1);
        assert_eq!(
            data::objects(&world.data, &ann(), Type::Asset, &[])
                .await
                .unwrap()
                .count,
            1
        );
    })
    .await;
}

/// Accepted writes survive a crash, and the chain resumes where it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_two_blocks_loses_and_doubles_nothing() {
    testkit::on_each_engine(|test| async move {
        let block = |height: u64| {
            vec![erc20(
                &format!("0xt{height}"),
                "0",
                &format!("{height:012}/000000/000000"),
                ZERO,
                ALICE,
                10,
            )]
        };
        let mut test = test;
        for height in 1..4u64 {
            let lease = test.lease("chain/1").await;
            let namespace = ann().namespace;
            for _ in 0..2 {
                let (transfers, namespace) = (block(height), namespace);
                test.db
                    .on(&lease)
                    .write_unscoped(move |tx| {
                        let block = BlockTransfers {
                            height: Height(height),
                            hash: "0xb",
                            time: Time::EPOCH,
                            transfers: &transfers,
                        };
                        data::apply(tx, &namespace, &chain(), &[block])
                    })
                    .await
                    .unwrap();
            }
            test = test.reopen().await;
        }
        let lease = test.lease("api/0").await;
        let data = off_chain(&test.db, lease);
        let listing = data::objects(&data, &ann(), Type::Balance, &[])
            .await
            .unwrap();
        assert_eq!(listing.items[0].text("balanceAfter").as_deref(), Some("30"));
    })
    .await;
}

/// One process deletes an object while another begins to refer to it: exactly one of the two fails.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_delete_and_reference_leave_no_dangling_reference() {
    with_each_engine(|world| async move {
        let lease = world.test.lease("api/9").await;
        let other = off_chain(&world.test.db, lease);
        let (mut deleted, mut referred) = (0, 0);
        for n in 0..40 {
            let token = format!("0x{n:040x}");
            let existing = json!({
                "collections": [{"name": format!("c{n}")}], "assets": [{"name": format!("a{n}")}],
                "activities": [{"name": format!("h{n}")}], "addresses": [{"address": TOKEN}, {"address": token}],
            });
            world.bulk(existing).await.unwrap();
            for (kind, name, refers) in [
                (
                    Type::Collection,
                    format!("c{n}"),
                    json!({"assets": [{"name": format!("b{n}"), "collection": format!("c{n}")}]}),
                ),
                (
                    Type::Asset,
                    format!("a{n}"),
                    json!({"pools": [{"name": format!("p{n}"), "address": TOKEN, "asset": format!("a{n}")}]}),
                ),
                (Type::Address, token.clone(), json!({"pools": [{"name": "main", "address": token}]})),
                (Type::Activity, format!("h{n}"), json!({"events": [{"name": "e", "activity": format!("h{n}")}]})),
            ] {
                let (deleter, writer, reference) = (world.data.clone(), other.clone(), name.clone());
                let delete = tokio::spawn(async move { data::delete(&deleter, &ann(), kind, &reference).await });
                let write = tokio::spawn(async move { data::bulk_update(&writer, &ann(), &refers.to_string()).await });
                match (delete.await.unwrap(), write.await.unwrap()) {
                    (Ok(()), Err(data::Error::BadReference { .. })) => deleted += 1,
                    (Err(data::Error::Referenced { .. }), Ok(_)) => referred += 1,
                    (delete, write) => panic!("{kind} {name}: {delete:?} {:?}", write.err()),
                }
            }
        }
        assert_eq!(deleted + referred, 160);
    })
    .await;
}
