use store::{Cursor, Error, Fact, facts_after, partitions};
use testkit::{namespace, on_each_engine};
use types::{Digest, Principal};

fn fact(n: u64) -> Fact {
    let principal = Principal::system("test", namespace("ns"));
    Fact::new("test.written", 1)
        .subject(&"object:1", n)
        .actor(&principal)
        .causation(&"cmd:9")
        .payload(&serde_json::json!({ "n": n }))
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_form_one_chain_in_the_order_of_commits() {
    on_each_engine(|test| async move {
        let lease = test.lease("p/0").await;
        for n in 0..5 {
            test.db
                .on(&lease)
                .write(&namespace("ns"), move |tx| {
                    tx.append(fact(2 * n));
                    tx.append(fact(2 * n + 1));
                    Ok::<_, Error>(())
                })
                .await
                .unwrap();
        }
        let facts = test
            .db
            .read_unscoped(|tx| {
                facts_after(
                    tx,
                    &Cursor {
                        partition: "p/0".into(),
                        seq: 0,
                    },
                    100,
                )
            })
            .await
            .unwrap();
        let order: Vec<i64> = facts.iter().map(|fact| fact.cursor.seq).collect();
        assert_eq!(order, (1..=10).collect::<Vec<_>>());
        let payloads: Vec<String> = facts
            .iter()
            .map(|fact| fact.payload.as_ref().unwrap().as_str().to_owned())
            .collect();
        assert_eq!(payloads[3], r#"{"n":3}"#);
        assert_eq!(facts[3].subjects[0].version, 3);
        let hashes: std::collections::BTreeSet<Digest> =
            facts.iter().map(|fact| fact.hash).collect();
        assert_eq!(hashes.len(), 10);
        let heads = test.db.read_unscoped(partitions).await.unwrap();
        assert_eq!(
            heads,
            vec![Cursor {
                partition: "p/0".into(),
                seq: 10
            }]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_transaction_leaves_no_fact_and_no_gap() {
    on_each_engine(|test| async move {
        let lease = test.lease("p/0").await;
        let on = test.db.on(&lease);
        on.write(&namespace("ns"), |tx| {
            tx.append(fact(1));
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
        let failed = on
            .write(&namespace("ns"), |tx| {
                tx.append(fact(2));
                Err::<(), _>(Error::NulCharacter)
            })
            .await;
        assert_eq!(failed, Err(Error::NulCharacter));
        on.write(&namespace("ns"), |tx| {
            tx.append(fact(3));
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
        let facts = test
            .db
            .read_unscoped(|tx| {
                facts_after(
                    tx,
                    &Cursor {
                        partition: "p/0".into(),
                        seq: 0,
                    },
                    9,
                )
            })
            .await
            .unwrap();
        let payloads: Vec<_> = facts
            .iter()
            .map(|fact| {
                (
                    fact.cursor.seq,
                    fact.payload.clone().unwrap().as_str().to_owned(),
                )
            })
            .collect();
        assert_eq!(
            payloads,
            vec![(1, r#"{"n":1}"#.to_owned()), (2, r#"{"n":3}"#.to_owned())]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chain_continues_after_a_restart() {
    on_each_engine(|test| async move {
        let lease = test.lease("p/0").await;
        test.db
            .on(&lease)
            .write(&namespace("ns"), |tx| {
                tx.append(fact(1));
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        let test = test.reopen().await;
        let lease = test.lease("p/0").await;
        assert_eq!(lease.partition().epoch(), 2);
        test.db
            .on(&lease)
            .write(&namespace("ns"), |tx| {
                tx.append(fact(2));
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        let heads = test.db.read_unscoped(partitions).await.unwrap();
        assert_eq!(
            heads,
            vec![Cursor {
                partition: "p/0".into(),
                seq: 2
            }]
        );
    })
    .await;
}
