use crate::world::{in_each_world, names, words};
use verify::{Flaw, Place};

#[tokio::test(flavor = "multi_thread")]
async fn a_row_changed_added_or_removed_is_found() {
    in_each_world(|world| async move {
        let place = Place::Fact {
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
                "UPDATE thing SET name = 'other' WHERE place = 98",
                "a row of table thing was changed",
            ),
            (
                "UPDATE thing SET name = 'ä2', body = x'03' WHERE place = 98",
                "a row of table thing was changed",
            ),
            (
                "UPDATE thing SET body = x'02', name = NULL WHERE place = 98",
                "a row of table thing was changed",
            ),
            (
                "UPDATE thing SET name = 'ä2', height = 1 WHERE place = 98",
                "table thing has 19 rows, not 20",
            ),
            ("UPDATE thing SET height = 0 WHERE place = 98", ""),
            (
                "INSERT INTO thing VALUES ('c', 0, 1000, NULL, x'00')",
                "table thing has 21 rows, not 20",
            ),
            (
                "DELETE FROM thing WHERE place = 1000 OR place = 98",
                "table thing has 19 rows, not 20",
            ),
        ];
        for (sql, why) in steps {
            world.tamper(sql);
            let report = world.verify().await;
            assert_eq!(
                report.is_sound(),
                why.is_empty(),
                "{sql}: {:?}",
                words(&report)
            );
            assert!(
                why.is_empty() || names(&report, &place, changed(why)),
                "{sql}: {:?}",
                words(&report)
            );
        }
        world.tamper("DROP TABLE thing");
        let report = world.verify().await;
        assert!(
            names(&report, &place, |flaw| matches!(flaw, Flaw::Batch { .. })),
            "{:?}",
            words(&report)
        );
        assert_eq!(
            report.problem_count, 1,
            "the question that failed spoilt no other"
        );
    })
    .await;
}

/// A batch that names what is no table or column asks nothing of the database.
#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_batch_asks_nothing() {
    use crate::world::{World, in_each_world};
    use store::{Error, Fact};
    let batch = |table: &str, column: &str, value: serde_json::Value| serde_json::json!({"batch": {"table": table, "columns": [column], "key": {"height": value}, "order": [], "count": 0, "root": "00"}});
    let payloads = [
        batch("thing; DROP TABLE fact", "place", serde_json::json!(1)),
        batch("thing", "place) FROM fact --", serde_json::json!(1)),
        batch("thing", "place", serde_json::json!(1.5)),
        batch("thing", "place", serde_json::json!([1])),
        batch("thing", "no_such_column", serde_json::json!(1)),
        batch("thing", "place", serde_json::json!("text for a number")),
        serde_json::json!({"batch": 7}),
        serde_json::json!({"batch": {"table": "thing"}}),
    ];
    in_each_world(|world: World| {
        let payloads = payloads.clone();
        async move {
            let count = payloads.len() as u64;
            for payload in payloads {
                let say = world.test.db.on(&world.leases[0]).write(
                    &testkit::namespace("ns"),
                    move |tx| {
                        tx.append(Fact::new("test.hostile", 1).says(&payload));
                        Ok::<_, Error>(())
                    },
                );
                say.await.unwrap();
            }
            // These are no batches: nothing by that name, or not at the top, or none.
            for payload in [
                serde_json::json!({"batch": null}),
                serde_json::json!({"data": {"batch": 1}}),
                serde_json::json!("batch"),
                serde_json::json!(["batch"]),
            ] {
                let say = world.test.db.on(&world.leases[0]).write(
                    &testkit::namespace("ns"),
                    move |tx| {
                        tx.append(Fact::new("test.harmless", 1).says(&payload));
                        Ok::<_, Error>(())
                    },
                );
                say.await.unwrap();
            }
            let report = world.verify().await;
            assert_eq!(report.problem_count, count, "{:?}", words(&report));
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
