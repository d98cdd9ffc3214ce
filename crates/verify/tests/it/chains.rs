use crate::world::{fact, in_each_world, names, words};
use verify::{Flaw, Options, Place};

/// Whether a flaw is the one that is expected.
type Is = fn(&Flaw) -> bool;

/// Every column of a fact, changed by as little as it can be.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_in_any_column_is_found() {
    in_each_world(|world| async move {
        let payload = r#"{"says":"number 4"}"#;
        assert_eq!(world.asked("SELECT payload FROM fact WHERE partition = 'p/0' AND seq = 4").await, payload);
        let subjects = world.asked("SELECT subjects FROM fact WHERE partition = 'p/0' AND seq = 4").await;
        let subjects = subjects.replace("thing:1", "thing:2");
        let changed = format!("'{subjects}'");
        let zeros = format!("x'{}'", "00".repeat(32));
        let changes: [(&str, &str, Is); 14] = [
            ("type", "'test.sa1d'", |flaw| *flaw == Flaw::Hash),
            ("schema_version", "3", |flaw| *flaw == Flaw::Hash),
            ("namespace", "'nt'", |flaw| *flaw == Flaw::Hash),
            ("subjects", &changed, |flaw| *flaw == Flaw::Hash),
            ("actor", "''", |flaw| *flaw == Flaw::Hash),
            ("causation", "NULL", |flaw| *flaw == Flaw::Hash),
            ("causation", "''", |flaw| *flaw == Flaw::Hash),
            ("correlation", "'affair:2'", |flaw| *flaw == Flaw::Hash),
            ("at", "at + 1", |flaw| *flaw == Flaw::Hash),
            ("payload", r#"'{"says":"number 5"}'"#, |flaw| *flaw == Flaw::Payload),
            ("salt", "x'00000000000000000000000000000000'", |flaw| *flaw == Flaw::Payload),
            ("payload_hash", &zeros, |flaw| *flaw == Flaw::Hash),
            ("prev", &zeros, |flaw| *flaw == Flaw::Link),
            ("hash", &zeros, |flaw| *flaw == Flaw::Hash),
        ];
        world.tamper("CREATE TABLE kept AS SELECT * FROM fact WHERE partition = 'p/0' AND seq = 4");
        for (column, value, flaw) in changes {
            world.tamper(&format!("UPDATE fact SET {column} = {value} WHERE partition = 'p/0' AND seq = 4"));
            let report = world.verify().await;
            assert!(names(&report, &fact(4), flaw), "{column} = {value}: {:?}", words(&report));
            assert!(!report.is_sound());
            world.tamper(&format!(
                "UPDATE fact SET {column} = (SELECT {column} FROM kept) WHERE partition = 'p/0' AND seq = 4"
            ));
        }
        assert!(world.verify().await.is_sound(), "and all was put back");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payload_and_salt_go_together_or_not_at_all() {
    in_each_world(|world| async move {
        for column in ["payload", "salt"] {
            world.tamper(&format!(
                "CREATE TABLE kept_{column} AS SELECT {column} FROM fact WHERE partition = 'p/0' AND seq = 4"
            ));
            world.tamper(&format!("UPDATE fact SET {column} = NULL WHERE partition = 'p/0' AND seq = 4"));
            let report = world.verify().await;
            assert_eq!(words(&report), ["partition p/0, fact 4: payload or salt is gone, and not both"]);
            world.tamper(&format!(
                "UPDATE fact SET {column} = (SELECT {column} FROM kept_{column}) WHERE partition = 'p/0' AND seq = 4"
            ));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fact_that_moved_is_missed_and_found() {
    in_each_world(|world| async move {
        world.tamper("UPDATE fact SET partition = 'p/9' WHERE partition = 'p/0' AND seq = 4");
        let report = world.verify().await;
        assert!(
            names(&report, &fact(4), |flaw| *flaw
                == Flaw::Missing { through: 4 }),
            "{:?}",
            words(&report)
        );
        let place = Place::Fact {
            partition: "p/9".to_owned(),
            seq: 4,
        };
        assert!(
            names(&report, &place, |flaw| *flaw == Flaw::Hash),
            "{:?}",
            words(&report)
        );
        let place = Place::Partition {
            partition: "p/9".to_owned(),
        };
        assert!(
            names(&report, &place, |flaw| *flaw == Flaw::NoHead),
            "{:?}",
            words(&report)
        );
        assert!(names(&report, &Place::Seal { number: 1 }, |flaw| matches!(
            flaw,
            Flaw::Cut { seq: 4, .. }
        )));
        world.tamper("UPDATE fact SET partition = 'p/0', seq = -4 WHERE partition = 'p/9'");
        let report = world.verify().await;
        assert!(
            names(&report, &fact(-4), |flaw| *flaw == Flaw::Number),
            "{:?}",
            words(&report)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_changed_places_are_found() {
    in_each_world(|world| async move {
        for (from, to) in [(5, 99), (6, 5), (99, 6)] {
            world.tamper(&format!(
                "UPDATE fact SET seq = {to} WHERE partition = 'p/0' AND seq = {from}"
            ));
        }
        let report = world.verify().await;
        for seq in [5, 6] {
            assert!(
                names(&report, &fact(seq), |flaw| *flaw == Flaw::Hash),
                "{:?}",
                words(&report)
            );
            assert!(
                names(&report, &fact(seq), |flaw| *flaw == Flaw::Link),
                "{:?}",
                words(&report)
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_is_found() {
    in_each_world(|world| async move {
        world.tamper("DELETE FROM fact WHERE partition = 'p/0' AND seq IN (5, 6)");
        let report = world.verify().await;
        assert_eq!(
            words(&report),
            ["partition p/0, fact 5: missing, from here to 6"]
        );
        world.tamper("DELETE FROM fact WHERE partition = 'p/0' AND seq < 4");
        let report = world.verify().await;
        assert!(
            names(&report, &fact(1), |flaw| *flaw
                == Flaw::Missing { through: 3 }),
            "{:?}",
            words(&report)
        );
    })
    .await;
}

/// Whoever cuts the tail and mends the head leaves a chain without a fault: the seals tell.
#[tokio::test(flavor = "multi_thread")]
async fn a_cut_tail_is_found() {
    in_each_world(|world| async move {
        world.tamper("DELETE FROM fact WHERE partition = 'p/0' AND seq > 8");
        let report = world.verify().await;
        let place = Place::Partition { partition: "p/0".to_owned() };
        assert!(names(&report, &place, |flaw| *flaw == Flaw::Head { head: 12, last: 8 }), "{:?}", words(&report));
        world.tamper(
            "UPDATE partition_head SET seq = 8, hash = (SELECT hash FROM fact WHERE partition = 'p/0' AND seq = 8)
              WHERE partition = 'p/0'",
        );
        let report = world.verify().await;
        assert_eq!(words(&report), ["seal 3: it holds fact 10 of p/0, which is not there"]);
        // Who cuts the stored seals as well is told by the exported ones.
        world.tamper("DELETE FROM seal WHERE number = 3");
        let report = world.verify().await;
        assert!(names(&report, &Place::Seal { number: 3 }, |flaw| *flaw == Flaw::NotStored), "{:?}", words(&report));
        assert!(names(&report, &Place::Seal { number: 3 }, |flaw| matches!(flaw, Flaw::Cut { seq: 10, .. })));
        // Nothing but the export can tell: that is why it is exported.
        assert!(world.verify_with(Options { seals: None, ..world.options.clone() }).await.is_sound());
        // A whole partition, gone with its head.
        world.tamper("DELETE FROM fact WHERE partition = 'p/1'; DELETE FROM partition_head WHERE partition = 'p/1'");
        let report = world.verify().await;
        let gone = |flaw: &Flaw| matches!(flaw, Flaw::Cut { partition, .. } if partition == "p/1");
        assert!(names(&report, &Place::Seal { number: 1 }, gone), "{:?}", words(&report));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_false_head_is_found() {
    in_each_world(|world| async move {
        let place = Place::Partition {
            partition: "p/0".to_owned(),
        };
        world.tamper(&format!(
            "UPDATE partition_head SET hash = x'{}' WHERE partition = 'p/0'",
            "11".repeat(32)
        ));
        assert!(names(&world.verify().await, &place, |flaw| *flaw
            == Flaw::HeadHash));
        world.tamper("UPDATE partition_head SET seq = 13 WHERE partition = 'p/0'");
        assert!(names(&world.verify().await, &place, |flaw| *flaw
            == Flaw::Head { head: 13, last: 12 }));
        world.tamper("DELETE FROM partition_head WHERE partition = 'p/0'");
        assert!(names(&world.verify().await, &place, |flaw| *flaw == Flaw::NoHead));
    })
    .await;
}

/// However much is wrong, what is told stays short, and the count is whole.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_problems_are_told_and_all_are_counted() {
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
            "partition p/0, fact 1: the hash does not fit the columns"
        );
    })
    .await;
}
