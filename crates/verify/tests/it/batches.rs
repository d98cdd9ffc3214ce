use crate::world::{has_flaw, in_each_world, texts};
use verify::{Flaw, Location};

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_added_or_deleted_row_is_found() {
    in_each_world(|world| async move {
        let location = Location::Fact {
            partition: "p/1".to_owned(),
            seq: 2,
        };
        let changed = |why: &'static str| {
            move |flaw: &Flaw| {
                *flaw
                    == Flaw::Batch {
                        why: why.to_owned(),
                    }
            }
        };
        let steps = [
            (
                "UPDATE item SET name = 'other' WHERE position = 98",
                "a row of table item was changed",
            ),
            (
                "UPDATE item SET name = 'ä2', body = x'03' WHERE position = 98",
                "a row of table item was changed",
            ),
            (
                "UPDATE item SET body = x'02', name = NULL WHERE position = 98",
                "a row of table item was changed",
            ),
            (
                "UPDATE item SET name = 'ä2', height = 1 WHERE position = 98",
                "table item has 19 rows, not 20",
            ),
            ("UPDATE item SET height = 0 WHERE position = 98", ""),
            (
                "INSERT INTO item VALUES ('c', 0, 1000, NULL, x'00')",
                "table item has 21 rows, not 20",
            ),
            (
                "DELETE FROM item WHERE position = 1000 OR position = 98",
                "table item has 19 rows, not 20",
            ),
        ];
        for (sql, why) in steps {
            world.tamper(sql);
            let report = world.verify().await;
            assert_eq!(
                report.is_valid(),
                why.is_empty(),
                "{sql}: {:?}",
                texts(&report)
            );
            assert!(
                why.is_empty() || has_flaw(&report, &location, changed(why)),
                "{sql}: {:?}",
                texts(&report)
            );
        }
        world.tamper("DROP TABLE item");
        let report = world.verify().await;
        assert!(
            has_flaw(&report, &location, |flaw| matches!(
                flaw,
                Flaw::Batch { .. }
            )),
            "{:?}",
            texts(&report)
        );
        assert_eq!(
            report.problem_count, 1,
            "the query that failed did not affect the others"
        );
    })
    .await;
}

/// A batch with invalid table or column names runs no query.
#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_batch_runs_no_query() {
    use crate::world::{World, in_each_world};
    use store::{Error, Fact};
    let batch = |table: &str, column: &str, value: serde_json::Value| serde_json::json!({"batch": {"table": table, "columns": [column], "key": {"height": value}, "order": [], "count": 0, "root": "00"}});
    let payloads = [
        batch("item; DROP TABLE fact", "position", serde_json::json!(1)),
        batch("item", "position) FROM fact --", serde_json::json!(1)),
        batch("item", "position", serde_json::json!(1.5)),
        batch("item", "position", serde_json::json!([1])),
        batch("item", "no_such_column", serde_json::json!(1)),
        batch("item", "position", serde_json::json!("text for a number")),
        serde_json::json!({"batch": 7}),
        serde_json::json!({"batch": {"table": "item"}}),
    ];
    in_each_world(|world: World| {
        let payloads = payloads.clone();
        async move {
            let count = payloads.len() as u64;
            for payload in payloads {
                let write = world.test.db.on(&world.leases[0]).write(
                    &testkit::namespace("ns"),
                    move |tx| {
                        tx.append(Fact::new("test.hostile", 1).payload(&payload));
                        Ok::<_, Error>(())
                    },
                );
                write.await.unwrap();
            }
            // These are not batches: null, another member, or not at the top level.
            for payload in [
                serde_json::json!({"batch": null}),
                serde_json::json!({"data": {"batch": 1}}),
                serde_json::json!("batch"),
                serde_json::json!(["batch"]),
            ] {
                let write = world.test.db.on(&world.leases[0]).write(
                    &testkit::namespace("ns"),
                    move |tx| {
                        tx.append(Fact::new("test.harmless", 1).payload(&payload));
                        Ok::<_, Error>(())
                    },
                );
                write.await.unwrap();
            }
            let report = world.verify().await;
            assert_eq!(report.problem_count, count, "{:?}", texts(&report));
            assert!(
                report
                    .problems
                    .iter()
                    .all(|problem| matches!(problem.flaw, Flaw::Batch { .. }))
            );
        }
    })
    .await;
}
