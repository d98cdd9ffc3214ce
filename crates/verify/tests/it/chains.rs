use crate::world::{fact, has_flaw, in_each_world, texts};
use verify::{Flaw, Location, Options};

/// Matches the expected flaw.
type Matches = fn(&Flaw) -> bool;

/// Every column of a fact, with a minimal change.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_in_any_column_is_found() {
    in_each_world(|world| async move {
        let payload = r#"{"text":"number 4"}"#;
        assert_eq!(world.query_text("SELECT payload FROM fact WHERE partition = 'p/0' AND seq = 4").await, payload);
        let subjects = world.query_text("SELECT subjects FROM fact WHERE partition = 'p/0' AND seq = 4").await;
        let subjects = subjects.replace("object:1", "object:2");
        let changed = format!("'{subjects}'");
        let zeros = format!("x'{}'", "00".repeat(32));
        let changes: [(&str, &str, Matches); 14] = [
            ("type", "'test.wr1tten'", |flaw| *flaw == Flaw::Hash),
            ("schema_version", "3", |flaw| *flaw == Flaw::Hash),
            ("namespace", "'nt'", |flaw| *flaw == Flaw::Hash),
            ("subjects", &changed, |flaw| *flaw == Flaw::Hash),
            ("actor", "''", |flaw| *flaw == Flaw::Hash),
            ("causation", "NULL", |flaw| *flaw == Flaw::Hash),
            ("causation", "''", |flaw| *flaw == Flaw::Hash),
            ("correlation", "'operation:2'", |flaw| *flaw == Flaw::Hash),
            ("at", "at + 1", |flaw| *flaw == Flaw::Hash),
            ("payload", r#"'{"text":"number 5"}'"#, |flaw| *flaw == Flaw::Payload),
            ("salt", "x'00000000000000000000000000000000'", |flaw| *flaw == Flaw::Payload),
            ("payload_hash", &zeros, |flaw| *flaw == Flaw::Hash),
            ("prev", &zeros, |flaw| *flaw == Flaw::Link),
            ("hash", &zeros, |flaw| *flaw == Flaw::Hash),
        ];
        world.tamper("CREATE TABLE original AS SELECT * FROM fact WHERE partition = 'p/0' AND seq = 4");
        for (column, value, flaw) in changes {
            world.tamper(&format!("UPDATE fact SET {column} = {value} WHERE partition = 'p/0' AND seq = 4"));
            let report = world.verify().await;
            assert!(has_flaw(&report, &fact(4), flaw), "{column} = {value}: {:?}", texts(&report));
            assert!(!report.is_valid());
            world.tamper(&format!(
                "UPDATE fact SET {column} = (SELECT {column} FROM original) WHERE partition = 'p/0' AND seq = 4"
            ));
        }
        assert!(world.verify().await.is_valid(), "everything is restored");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payload_and_salt_are_erased_together() {
    in_each_world(|world| async move {
        for column in ["payload", "salt"] {
            world.tamper(&format!(
                "CREATE TABLE original_{column} AS SELECT {column} FROM fact WHERE partition = 'p/0' AND seq = 4"
            ));
            world.tamper(&format!("UPDATE fact SET {column} = NULL WHERE partition = 'p/0' AND seq = 4"));
            let report = world.verify().await;
            assert_eq!(texts(&report), ["partition p/0, fact 4: only one of payload and salt was erased"]);
            world.tamper(&format!(
                "UPDATE fact SET {column} = (SELECT {column} FROM original_{column}) WHERE partition = 'p/0' AND seq = 4"
            ));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_fact_is_found_in_both_places() {
    in_each_world(|world| async move {
        world.tamper("UPDATE fact SET partition = 'p/9' WHERE partition = 'p/0' AND seq = 4");
        let report = world.verify().await;
        assert!(
            has_flaw(&report, &fact(4), |flaw| *flaw
                == Flaw::Missing { through: 4 }),
            "{:?}",
            texts(&report)
        );
        let location = Location::Fact {
            partition: "p/9".to_owned(),
            seq: 4,
        };
        assert!(
            has_flaw(&report, &location, |flaw| *flaw == Flaw::Hash),
            "{:?}",
            texts(&report)
        );
        let location = Location::Partition {
            partition: "p/9".to_owned(),
        };
        assert!(
            has_flaw(&report, &location, |flaw| *flaw == Flaw::NoHead),
            "{:?}",
            texts(&report)
        );
        assert!(has_flaw(
            &report,
            &Location::TreeHead { number: 1 },
            |flaw| matches!(flaw, Flaw::Truncated { seq: 4, .. })
        ));
        world.tamper("UPDATE fact SET partition = 'p/0', seq = -4 WHERE partition = 'p/9'");
        let report = world.verify().await;
        assert!(
            has_flaw(&report, &fact(-4), |flaw| *flaw == Flaw::InvalidNumber),
            "{:?}",
            texts(&report)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn swapped_rows_are_found() {
    in_each_world(|world| async move {
        for (from, to) in [(5, 99), (6, 5), (99, 6)] {
            world.tamper(&format!(
                "UPDATE fact SET seq = {to} WHERE partition = 'p/0' AND seq = {from}"
            ));
        }
        let report = world.verify().await;
        for seq in [5, 6] {
            assert!(
                has_flaw(&report, &fact(seq), |flaw| *flaw == Flaw::Hash),
                "{:?}",
                texts(&report)
            );
            assert!(
                has_flaw(&report, &fact(seq), |flaw| *flaw == Flaw::Link),
                "{:?}",
                texts(&report)
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_is_found() {
    in_each_world(|world| async move {
        world.tamper("DELETE FROM fact WHERE partition = 'p/0' AND seq IN (5, 6)");
        let report = world.verify().await;
        assert_eq!(
            texts(&report),
            ["partition p/0, fact 5: missing, through fact 6"]
        );
        world.tamper("DELETE FROM fact WHERE partition = 'p/0' AND seq < 4");
        let report = world.verify().await;
        assert!(
            has_flaw(&report, &fact(1), |flaw| *flaw
                == Flaw::Missing { through: 3 }),
            "{:?}",
            texts(&report)
        );
    })
    .await;
}

/// A truncated chain with a corrected head is consistent: only the tree heads show the truncation.
#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_partition_is_found() {
    in_each_world(|world| async move {
        world.tamper("DELETE FROM fact WHERE partition = 'p/0' AND seq > 8");
        let report = world.verify().await;
        let location = Location::Partition { partition: "p/0".to_owned() };
        assert!(has_flaw(&report, &location, |flaw| *flaw == Flaw::Head { head: 12, last: 8 }), "{:?}", texts(&report));
        world.tamper(
            "UPDATE partition_head SET seq = 8, hash = (SELECT hash FROM fact WHERE partition = 'p/0' AND seq = 8)
              WHERE partition = 'p/0'",
        );
        let report = world.verify().await;
        assert_eq!(texts(&report), ["tree head 3: it signs fact 10 of p/0, which is missing"]);
        // If the stored tree heads are deleted too, the exported ones show it.
        world.tamper("DELETE FROM tree_head WHERE number = 3");
        let report = world.verify().await;
        assert!(has_flaw(&report, &Location::TreeHead { number: 3 }, |flaw| *flaw == Flaw::NotStored), "{:?}", texts(&report));
        assert!(has_flaw(&report, &Location::TreeHead { number: 3 }, |flaw| matches!(flaw, Flaw::Truncated { seq: 10, .. })));
        // Only the export shows it: that is why tree heads are exported.
        assert!(world.verify_with(Options { tree_heads: None, ..world.options.clone() }).await.is_valid());
        // A whole partition, deleted with its head.
        world.tamper("DELETE FROM fact WHERE partition = 'p/1'; DELETE FROM partition_head WHERE partition = 'p/1'");
        let report = world.verify().await;
        let gone = |flaw: &Flaw| matches!(flaw, Flaw::Truncated { partition, .. } if partition == "p/1");
        assert!(has_flaw(&report, &Location::TreeHead { number: 1 }, gone), "{:?}", texts(&report));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_head_is_found() {
    in_each_world(|world| async move {
        let location = Location::Partition {
            partition: "p/0".to_owned(),
        };
        world.tamper(&format!(
            "UPDATE partition_head SET hash = x'{}' WHERE partition = 'p/0'",
            "11".repeat(32)
        ));
        assert!(has_flaw(&world.verify().await, &location, |flaw| *flaw
            == Flaw::HeadHash));
        world.tamper("UPDATE partition_head SET seq = 13 WHERE partition = 'p/0'");
        assert!(has_flaw(&world.verify().await, &location, |flaw| *flaw
            == Flaw::Head { head: 13, last: 12 }));
        world.tamper("DELETE FROM partition_head WHERE partition = 'p/0'");
        assert!(has_flaw(&world.verify().await, &location, |flaw| *flaw
            == Flaw::NoHead));
    })
    .await;
}

/// The listed problems are limited, and all of them are counted.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_problems_are_listed_and_all_are_counted() {
    in_each_world(|world| async move {
        world.tamper("UPDATE fact SET actor = 'another' WHERE partition = 'p/0'");
        let report = world
            .verify_with(Options {
                max_problems: 3,
                ..world.options.clone()
            })
            .await;
        assert_eq!((report.problems.len(), report.problem_count), (3, 12));
        assert_eq!(
            report.problems[0].to_string(),
            "partition p/0, fact 1: the hash does not match the columns"
        );
    })
    .await;
}
