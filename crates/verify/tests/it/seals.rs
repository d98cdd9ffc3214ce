use crate::world::{FACTS, SECRET, World, in_each_world, names, public, say, words};
use std::sync::{Arc, Mutex};
use testkit::on_each_engine;
use verify::{Flaw, Options, Place};

fn seal(number: i64) -> Place {
    Place::Seal { number }
}

fn edited(line: &str, edit: impl FnOnce(&mut serde_json::Value)) -> String {
    let mut json = serde_json::from_str(line).unwrap();
    edit(&mut json);
    json.to_string()
}

/// The same line in the database and in the export.
fn put_both(world: &World, number: usize, line: &str) {
    let mut lines = world.lines();
    lines[number - 1] = line.to_owned();
    world.put_lines(&lines);
    world.tamper(&format!(
        "UPDATE seal SET line = '{line}' WHERE number = {number}"
    ));
}

/// Another history, whole and linked from its first fact, and the true seals beside it.
#[tokio::test(flavor = "multi_thread")]
async fn a_history_rewritten_from_the_start_is_found() {
    let truth = Arc::new(Mutex::new(Vec::new()));
    in_each_world(|world| {
        let truth = truth.clone();
        async move { *truth.lock().unwrap() = world.lines() }
    })
    .await;
    let truth = truth.lock().unwrap().clone();
    assert_eq!(truth.len(), 3);
    on_each_engine(|test| {
        let truth = truth.clone();
        async move {
            // The forger has no key: he puts the true seals beside his facts.
            let forged = World::new(test, SECRET, "as he wishes").await;
            for (at, line) in truth.iter().enumerate() {
                put_both(&forged, at + 1, line);
            }
            let report = forged.verify().await;
            let rewritten = |flaw: &Flaw| matches!(flaw, Flaw::Rewritten { partition, .. } if partition == "p/0");
            for number in 1..=3 {
                assert!(names(&report, &seal(number), rewritten), "{:?}", words(&report));
            }
            let by_itself = |place: &Place| matches!(place, Place::Fact { .. } | Place::Partition { .. });
            let faults = report.problems.iter().filter(|problem| by_itself(&problem.place)).count();
            assert_eq!(faults, 0, "by itself the chain is without a fault: {:?}", words(&report));
        }
    })
    .await;
}

/// With a key of his own he can satisfy one who pins none, and nobody else.
#[tokio::test(flavor = "multi_thread")]
async fn a_seal_by_another_key_is_found() {
    on_each_engine(|test| async move {
        let forged = World::new(test, [9; 32], "as he wishes").await;
        assert!(
            forged
                .verify_with(Options {
                    keys: Vec::new(),
                    ..forged.options.clone()
                })
                .await
                .is_sound()
        );
        let both = vec![public(SECRET), public([9; 32])];
        assert!(
            forged
                .verify_with(Options {
                    keys: both,
                    ..forged.options.clone()
                })
                .await
                .is_sound(),
            "two keys are known"
        );
        let report = forged.verify().await;
        assert!(
            names(&report, &seal(1), |flaw| matches!(
                flaw,
                Flaw::ForeignKey { .. }
            )),
            "{:?}",
            words(&report)
        );
        assert_eq!(report.problem_count, 3);
        // He writes the true key over his own.
        let line = edited(&forged.lines()[1], |json| {
            json["key"] = types::Digest(public(SECRET)).to_string().into()
        });
        put_both(&forged, 2, &line);
        let report = forged.verify().await;
        assert!(
            names(&report, &seal(2), |flaw| *flaw == Flaw::Signature),
            "{:?}",
            words(&report)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_in_any_member_of_a_seal_is_found() {
    in_each_world(|world| async move {
        let (truth, zeros) = (world.lines()[1].clone(), "00".repeat(32));
        type Edit = fn(&mut serde_json::Value, &str);
        type Is = fn(&Flaw) -> bool;
        let changes: [(Edit, Is); 9] = [
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
                |flaw| *flaw == Flaw::SealLink,
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
                |flaw| matches!(flaw, Flaw::Cut { seq: 99, .. }),
            ),
            (
                |json, _| json["heads"][0]["seq"] = 1.into(),
                |flaw| matches!(flaw, Flaw::Heads { .. }),
            ),
            (
                |json, _| json["note"] = "more".into(),
                |flaw| matches!(flaw, Flaw::NoSeal { .. }),
            ),
            (
                |json, _| json["at"] = "yesterday".into(),
                |flaw| matches!(flaw, Flaw::NoSeal { .. }),
            ),
        ];
        for (edit, flaw) in changes {
            let line = edited(&truth, |json| edit(json, &zeros));
            put_both(&world, 2, &line);
            let report = world.verify().await;
            let line_three = report
                .problems
                .iter()
                .any(|p| p.place == Place::Line { line: 2 } && flaw(&p.flaw));
            assert!(
                names(&report, &seal(2), flaw) || line_three,
                "{line}: {:?}",
                words(&report)
            );
        }
        put_both(&world, 2, &truth);
        assert!(world.verify().await.is_sound());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn seals_taken_away_are_missed() {
    in_each_world(|world| async move {
        let truth = world.lines();
        // From the export, in the middle; then from both; then from the database alone; then all of
        // them.
        world.put_lines(&[truth[0].clone(), truth[2].clone()]);
        let report = world.verify().await;
        assert_eq!(
            words(&report),
            ["seal 2: in the database, and missing between exported seals"]
        );
        world.tamper("DELETE FROM seal WHERE number = 2");
        let report = world.verify().await;
        assert_eq!(words(&report), ["seal 2: missing, here and in the export"]);
        world.put_lines(&truth);
        let report = world.verify().await;
        assert_eq!(
            words(&report),
            ["seal 2: exported, and not in the database"]
        );
        world.tamper("DELETE FROM seal");
        let report = world.verify().await;
        assert_eq!(report.problem_count, 3, "{:?}", words(&report));
        world.put_lines(&[]);
        let report = world.verify().await;
        assert_eq!(
            words(&report),
            ["seals: there are facts and no seal at all"]
        );
        assert!(
            world.verify_with(Options::default()).await.is_sound(),
            "who asks for no seals hears of none"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn seals_out_of_order_are_found() {
    in_each_world(|world| async move {
        let truth = world.lines();
        world.put_lines(&[truth[0].clone(), truth[2].clone(), truth[1].clone()]);
        let report = world.verify().await;
        let order = |flaw: &Flaw| *flaw == Flaw::Order { due: 4 };
        assert!(
            names(&report, &Place::Line { line: 3 }, order),
            "{:?}",
            words(&report)
        );
        world.put_lines(&[
            truth[0].clone(),
            truth[0].clone(),
            truth[1].clone(),
            truth[2].clone(),
        ]);
        let report = world.verify().await;
        assert!(
            names(&report, &Place::Line { line: 2 }, |flaw| *flaw
                == Flaw::Order { due: 2 }),
            "{:?}",
            words(&report)
        );
        world.put_lines(&truth);
        for (from, to) in [(2, 99), (3, 2), (99, 3)] {
            world.tamper(&format!(
                "UPDATE seal SET number = {to} WHERE number = {from}"
            ));
        }
        let report = world.verify().await;
        for number in [2, 3] {
            assert!(
                names(&report, &seal(number), |flaw| *flaw == Flaw::OtherLine),
                "{:?}",
                words(&report)
            );
            assert!(
                names(&report, &seal(number), |flaw| *flaw == Flaw::Columns),
                "{:?}",
                words(&report)
            );
        }
    })
    .await;
}

/// Lines that are cut short, or nothing at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_no_seal_is_named() {
    in_each_world(|world| async move {
        let mut lines = world.lines();
        lines[2].truncate(50);
        world.put_lines(&lines);
        let report = world.verify().await;
        assert!(
            names(&report, &Place::Line { line: 3 }, |flaw| matches!(
                flaw,
                Flaw::NoSeal { .. }
            )),
            "{:?}",
            words(&report)
        );
        world.tamper("UPDATE seal SET line = 'nothing' WHERE number = 3");
        let report = world.verify().await;
        assert!(
            names(&report, &seal(3), |flaw| matches!(
                flaw,
                Flaw::NoSeal { .. }
            )),
            "{:?}",
            words(&report)
        );
    })
    .await;
}

/// Facts behind the last seal are counted, for nothing outside the database speaks for them.
#[tokio::test(flavor = "multi_thread")]
async fn what_no_seal_holds_is_counted() {
    in_each_world(|world: World| async move {
        say(
            &world.test.db,
            &world.leases[0],
            FACTS + 1,
            "later".to_owned(),
        )
        .await;
        let report = world.verify().await;
        assert_eq!(
            (report.partitions[0].sealed, report.partitions[0].unsealed),
            (10, 3)
        );
    })
    .await;
}
