use crate::world::{FACTS, TRACEPARENT, World, in_each_world, texts, write_fact};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use verify::{Error, Options, Source};

#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_writes_verifies() {
    in_each_world(|world| async move {
        let report = world.verify().await;
        assert!(report.is_valid(), "{:?}", texts(&report));
        let [first, second, signer] = &report.partitions[..] else {
            panic!("{:?}", report.partitions)
        };
        assert_eq!(
            (
                first.partition.as_str(),
                first.facts,
                first.signed_seq,
                first.unsigned_facts
            ),
            ("p/0", 12, 10, 2)
        );
        assert_eq!(
            (second.facts, second.batches, second.batch_rows),
            (5, 1, 20)
        );
        assert_eq!((signer.partition.as_str(), signer.facts), ("tree-heads", 0));
        assert_eq!(
            (
                report.tree_heads.count,
                report.tree_heads.last,
                report.tree_heads.exported
            ),
            (3, Some(3), Some(3))
        );
        assert!(report.tree_heads.pinned && report.tree_heads.keys.len() == 1);

        let without = world
            .verify_with(Options {
                batches: false,
                ..Options::default()
            })
            .await;
        assert!(
            without.is_valid()
                && !without.tree_heads.pinned
                && without.tree_heads.exported.is_none()
        );
        assert_eq!(without.partitions[1].batches, 0);
        // An export that was started later holds only the later tree heads.
        world.put_lines(&world.lines()[2..]);
        let report = world.verify().await;
        assert!(report.is_valid(), "{:?}", texts(&report));
        // An export that is behind is not damaged: the signer exports the missing lines again.
        world.put_lines(&[]);
        let report = world.verify().await;
        assert!(
            report.is_valid() && report.tree_heads.exported.is_none(),
            "{:?}",
            texts(&report)
        );
    })
    .await;
}

/// The caller chooses it, and it proves nothing about the change.
#[tokio::test(flavor = "multi_thread")]
async fn a_fact_verifies_with_and_without_its_traceparent() {
    in_each_world(|world| async move {
        let stored = "SELECT MIN(traceparent) FROM fact WHERE partition = 'p/0'";
        assert_eq!(world.query_text(stored).await, TRACEPARENT);
        assert!(world.verify().await.is_valid());
        world.tamper("UPDATE fact SET traceparent = NULL");
        let report = world.verify().await;
        assert!(report.is_valid(), "{:?}", texts(&report));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_verifies_while_a_server_writes() {
    in_each_world(|world: World| async move {
        let stop = Arc::new(AtomicBool::new(false));
        let (db, lease, stopped) = (world.test.db.clone(), world.leases[0].clone(), stop.clone());
        let writer = tokio::spawn(async move {
            let mut n = FACTS;
            while !stopped.load(Ordering::SeqCst) {
                n += 1;
                write_fact(&db, &lease, n, "meanwhile".to_owned()).await;
            }
            n
        });
        for _ in 0..20 {
            let report = world.verify().await;
            assert!(report.is_valid(), "{:?}", texts(&report));
        }
        stop.store(true, Ordering::SeqCst);
        let written = writer.await.unwrap();
        let report = world.verify().await;
        assert_eq!(report.partitions[0].facts, written.unsigned_abs());
    })
    .await;
}

/// More facts than a page, and progress that ends with the last fact.
#[tokio::test(flavor = "multi_thread")]
async fn it_reports_its_progress() {
    in_each_world(|world: World| async move {
        let more = (FACTS + 1..700)
            .map(|n| write_fact(&world.test.db, &world.leases[0], n, "more".to_owned()));
        futures::future::join_all(more).await;
        let (source, options) = (world.source(), world.options.clone());
        let updates = tokio::task::spawn_blocking(move || {
            let mut updates = Vec::new();
            verify::run(&source, &options, &mut |progress| {
                updates.push((progress.facts, progress.total_facts))
            })
            .unwrap();
            updates
        })
        .await
        .unwrap();
        assert!(updates.len() > 4 && updates.is_sorted(), "{updates:?}");
        assert_eq!(updates.last(), Some(&(704, 704)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_payload_still_verifies_and_is_counted() {
    in_each_world(|world| async move {
        world.tamper(
            "UPDATE fact SET payload = NULL, salt = NULL WHERE partition = 'p/0' AND seq = 4",
        );
        let report = world.verify().await;
        assert!(report.is_valid(), "{:?}", texts(&report));
        assert_eq!(report.partitions[0].erased, 1);
    })
    .await;
}

#[test]
fn an_unreadable_database_or_export_is_an_error_not_a_report() {
    let dir = tempfile::tempdir().unwrap();
    let run = |source: &Source, options: &Options| verify::run(source, options, &mut |_| ());
    let nothing = Source::Sqlite(dir.path().join("nothing.db"));
    assert!(matches!(
        run(&nothing, &Options::default()),
        Err(Error::Database(_))
    ));
    assert!(
        !dir.path().join("nothing.db").exists(),
        "opening read-only must not create the file"
    );
    std::fs::write(
        dir.path().join("text.db"),
        "this is not a database, though it is long enough to look like one",
    )
    .unwrap();
    assert!(matches!(
        run(
            &Source::Sqlite(dir.path().join("text.db")),
            &Options::default()
        ),
        Err(Error::Database(_))
    ));
    let no_export = Options {
        tree_heads: Some(dir.path().join("none")),
        ..Options::default()
    };
    assert!(matches!(run(&nothing, &no_export), Err(Error::Export(_))));
    let mut weak = [0; 32];
    weak[0] = 1;
    assert!(matches!(
        run(
            &nothing,
            &Options {
                keys: vec![weak],
                ..Options::default()
            }
        ),
        Err(Error::Key(_))
    ));
    let closed = Source::Postgres("postgres://florin@127.0.0.1:1/none".to_owned());
    assert!(matches!(
        run(&closed, &Options::default()),
        Err(Error::Database(_))
    ));
}
