use crate::world::{FACTS, PRIVATE_KEY, World, has_flaw, in_each_world, public, texts, write_fact};
use std::sync::{Arc, Mutex};
use testkit::on_each_engine;
use verify::{Flaw, Location, Options};

fn tree_head(number: i64) -> Location {
    Location::TreeHead { number }
}

fn edited(line: &str, edit: impl FnOnce(&mut serde_json::Value)) -> String {
    let mut json = serde_json::from_str(line).unwrap();
    edit(&mut json);
    json.to_string()
}

/// Put the same line into the database and the export.
fn put_both(world: &World, number: usize, line: &str) {
    let mut lines = world.lines();
    lines[number - 1] = line.to_owned();
    world.put_lines(&lines);
    world.tamper(&format!(
        "UPDATE tree_head SET line = '{line}' WHERE number = {number}"
    ));
}

/// Another history that is consistent from its first fact, with the original tree heads beside it.
#[tokio::test(flavor = "multi_thread")]
async fn a_history_rewritten_from_the_start_is_found() {
    let original = Arc::new(Mutex::new(Vec::new()));
    in_each_world(|world| {
        let original = original.clone();
        async move { *original.lock().unwrap() = world.lines() }
    })
    .await;
    let original = original.lock().unwrap().clone();
    assert_eq!(original.len(), 3);
    on_each_engine(|test| {
        let original = original.clone();
        async move {
            // The forger has no private key, and puts the original tree heads beside its facts.
            let forged = World::new(test, PRIVATE_KEY, "a forged text").await;
            for (index, line) in original.iter().enumerate() {
                put_both(&forged, index + 1, line);
            }
            let report = forged.verify().await;
            let rewritten = |flaw: &Flaw| matches!(flaw, Flaw::Rewritten { partition, .. } if partition == "p/0");
            for number in 1..=3 {
                assert!(has_flaw(&report, &tree_head(number), rewritten), "{:?}", texts(&report));
            }
            let in_chain = |location: &Location| matches!(location, Location::Fact { .. } | Location::Partition { .. });
            let faults = report.problems.iter().filter(|problem| in_chain(&problem.location)).count();
            assert_eq!(faults, 0, "the chain alone is consistent: {:?}", texts(&report));
        }
    })
    .await;
}

/// Tree heads signed by another key verify only if no key is pinned.
#[tokio::test(flavor = "multi_thread")]
async fn a_tree_head_by_another_key_is_found() {
    on_each_engine(|test| async move {
        let forged = World::new(test, [9; 32], "a forged text").await;
        assert!(
            forged
                .verify_with(Options {
                    keys: Vec::new(),
                    ..forged.options.clone()
                })
                .await
                .is_valid()
        );
        let both = vec![public(PRIVATE_KEY), public([9; 32])];
        assert!(
            forged
                .verify_with(Options {
                    keys: both,
                    ..forged.options.clone()
                })
                .await
                .is_valid(),
            "two keys are known"
        );
        let report = forged.verify().await;
        assert!(
            has_flaw(&report, &tree_head(1), |flaw| matches!(
                flaw,
                Flaw::UnknownKey { .. }
            )),
            "{:?}",
            texts(&report)
        );
        assert_eq!(report.problem_count, 3);
        // The forger replaces the key in the line by the original one.
        let line = edited(&forged.lines()[1], |json| {
            json["key"] = types::Digest(public(PRIVATE_KEY)).to_string().into()
        });
        put_both(&forged, 2, &line);
        let report = forged.verify().await;
        assert!(
            has_flaw(&report, &tree_head(2), |flaw| *flaw == Flaw::Signature),
            "{:?}",
            texts(&report)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_in_any_member_of_a_tree_head_is_found() {
    in_each_world(|world| async move {
        let (original, zeros) = (world.lines()[1].clone(), "00".repeat(32));
        type Edit = fn(&mut serde_json::Value, &str);
        type Matches = fn(&Flaw) -> bool;
        let changes: [(Edit, Matches); 9] = [
            (
                |json, _| json["at"] = "2026-01-01T00:00:00.000001Z".into(),
                |flaw| *flaw == Flaw::Signature,
            ),
            (
                |json, zeros| json["root"] = zeros.into(),
                |flaw| *flaw == Flaw::Root,
            ),
            (
                |json, zeros| json["prev"] = zeros.into(),
                |flaw| *flaw == Flaw::TreeHeadLink,
            ),
            (
                |json, zeros| json["signature"] = format!("{zeros}{zeros}").into(),
                |flaw| *flaw == Flaw::Signature,
            ),
            (
                |json, zeros| json["heads"][0]["hash"] = zeros.into(),
                |flaw| matches!(flaw, Flaw::Rewritten { .. }),
            ),
            (
                |json, _| json["heads"][0]["seq"] = 99.into(),
                |flaw| matches!(flaw, Flaw::Truncated { seq: 99, .. }),
            ),
            (
                |json, _| json["heads"][0]["seq"] = 1.into(),
                |flaw| matches!(flaw, Flaw::HeadOrder { .. }),
            ),
            (
                |json, _| json["note"] = "unknown member".into(),
                |flaw| matches!(flaw, Flaw::NotATreeHead { .. }),
            ),
            (
                |json, _| json["at"] = "yesterday".into(),
                |flaw| matches!(flaw, Flaw::NotATreeHead { .. }),
            ),
        ];
        for (edit, flaw) in changes {
            let line = edited(&original, |json| edit(json, &zeros));
            put_both(&world, 2, &line);
            let report = world.verify().await;
            let misplaced = report
                .problems
                .iter()
                .any(|p| p.location == Location::Line { line: 2 } && flaw(&p.flaw));
            assert!(
                has_flaw(&report, &tree_head(2), flaw) || misplaced,
                "{line}: {:?}",
                texts(&report)
            );
        }
        put_both(&world, 2, &original);
        assert!(world.verify().await.is_valid());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_tree_heads_are_found() {
    in_each_world(|world| async move {
        let original = world.lines();
        // Deleted from the export, in the middle; then from both; then from the database only; then
        // all of them.
        world.put_lines(&[original[0].clone(), original[2].clone()]);
        let report = world.verify().await;
        assert_eq!(
            texts(&report),
            ["tree head 2: in the database, but missing between exported ones"]
        );
        world.tamper("DELETE FROM tree_head WHERE number = 2");
        let report = world.verify().await;
        assert_eq!(
            texts(&report),
            ["tree head 2: missing in the database and in the export"]
        );
        world.put_lines(&original);
        let report = world.verify().await;
        assert_eq!(
            texts(&report),
            ["tree head 2: exported, but not in the database"]
        );
        world.tamper("DELETE FROM tree_head");
        let report = world.verify().await;
        assert_eq!(report.problem_count, 3, "{:?}", texts(&report));
        world.put_lines(&[]);
        let report = world.verify().await;
        assert_eq!(
            texts(&report),
            ["tree heads: there are facts but no tree heads"]
        );
        assert!(
            world.verify_with(Options::default()).await.is_valid(),
            "tree heads are not required without an export or a pinned key"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tree_heads_out_of_order_are_found() {
    in_each_world(|world| async move {
        let original = world.lines();
        world.put_lines(&[
            original[0].clone(),
            original[2].clone(),
            original[1].clone(),
        ]);
        let report = world.verify().await;
        let order = |flaw: &Flaw| *flaw == Flaw::OutOfOrder { expected: 4 };
        assert!(
            has_flaw(&report, &Location::Line { line: 3 }, order),
            "{:?}",
            texts(&report)
        );
        world.put_lines(&[
            original[0].clone(),
            original[0].clone(),
            original[1].clone(),
            original[2].clone(),
        ]);
        let report = world.verify().await;
        assert!(
            has_flaw(&report, &Location::Line { line: 2 }, |flaw| *flaw
                == Flaw::OutOfOrder { expected: 2 }),
            "{:?}",
            texts(&report)
        );
        world.put_lines(&original);
        for (from, to) in [(2, 99), (3, 2), (99, 3)] {
            world.tamper(&format!(
                "UPDATE tree_head SET number = {to} WHERE number = {from}"
            ));
        }
        let report = world.verify().await;
        for number in [2, 3] {
            assert!(
                has_flaw(&report, &tree_head(number), |flaw| *flaw
                    == Flaw::LineMismatch),
                "{:?}",
                texts(&report)
            );
            assert!(
                has_flaw(&report, &tree_head(number), |flaw| *flaw
                    == Flaw::ColumnMismatch),
                "{:?}",
                texts(&report)
            );
        }
    })
    .await;
}

/// Truncated and empty lines.
#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_line_is_reported() {
    in_each_world(|world| async move {
        let mut lines = world.lines();
        lines[2].truncate(50);
        world.put_lines(&lines);
        let report = world.verify().await;
        assert!(
            has_flaw(&report, &Location::Line { line: 3 }, |flaw| matches!(
                flaw,
                Flaw::NotATreeHead { .. }
            )),
            "{:?}",
            texts(&report)
        );
        world.tamper("UPDATE tree_head SET line = 'nothing' WHERE number = 3");
        let report = world.verify().await;
        assert!(
            has_flaw(&report, &tree_head(3), |flaw| matches!(
                flaw,
                Flaw::NotATreeHead { .. }
            )),
            "{:?}",
            texts(&report)
        );
    })
    .await;
}

/// Facts after the last tree head are counted, since no tree head protects them yet.
#[tokio::test(flavor = "multi_thread")]
async fn facts_without_a_tree_head_are_counted() {
    in_each_world(|world: World| async move {
        write_fact(
            &world.test.db,
            &world.leases[0],
            FACTS + 1,
            "later".to_owned(),
        )
        .await;
        let report = world.verify().await;
        assert_eq!(
            (
                report.partitions[0].signed_seq,
                report.partitions[0].unsigned_facts
            ),
            (10, 3)
        );
    })
    .await;
}
