use crate::note;
use store::{Error, Fact};
use testkit::{LEASE_MS, namespace, on_each_engine};
use types::Clock;

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_held_until_it_expires() {
    on_each_engine(|test| async move {
        let first = test.lease("p/0").await;
        assert!(test.db.lease("p/0", LEASE_MS).await.unwrap().is_none());
        test.clock.advance_millis(LEASE_MS as i64 - 1);
        test.db.renew(&first).await.unwrap();
        test.clock.advance_millis(LEASE_MS as i64 - 1);
        assert!(
            test.db.lease("p/0", LEASE_MS).await.unwrap().is_none(),
            "it was renewed"
        );
        test.clock.advance_millis(1);
        let second = test.lease("p/0").await;
        assert_eq!(second.partition().epoch(), first.partition().epoch() + 1);
        assert!(matches!(
            test.db.renew(&first).await,
            Err(Error::Fenced { .. })
        ));
        assert!(first.is_lost());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_lost_its_lease_commits_nothing() {
    on_each_engine(|test| async move {
        note::create(&test).await;
        let old = test.lease("p/0").await;
        let write = |lease: &store::Lease, text: &'static str| {
            test.db.on(lease).write(&namespace("ns"), move |tx| {
                tx.append(Fact::new("test.written", 1).payload(&text));
                Ok::<_, Error>(())
            })
        };
        write(&old, "before").await.unwrap();
        test.clock.advance_millis(LEASE_MS as i64 + 1);
        let new = test.lease("p/0").await;
        // The old owner resumes as if nothing had happened, also without any fact.
        assert!(matches!(
            write(&old, "late").await,
            Err(Error::Fenced { .. })
        ));
        let without_fact = test
            .db
            .on(&old)
            .write_unscoped(|tx| {
                tx.execute(
                    "INSERT INTO note (name, value) VALUES (?1, ?1)",
                    ("late".to_owned(),),
                )
                .map(drop)
            })
            .await;
        assert!(
            matches!(without_fact, Err(Error::Fenced { .. })),
            "{without_fact:?}"
        );
        write(&new, "after").await.unwrap();
        let facts = test
            .db
            .read_unscoped(|tx| {
                store::facts_after(
                    tx,
                    &store::Cursor {
                        partition: "p/0".into(),
                        seq: 0,
                    },
                    10,
                )
            })
            .await
            .unwrap();
        let payloads: Vec<_> = facts
            .iter()
            .map(|fact| fact.payload.clone().unwrap().as_str().to_owned())
            .collect();
        assert_eq!(payloads, vec!["\"before\"", "\"after\""]);
        let stored: Option<(String,)> = test
            .db
            .read_unscoped(|tx| {
                tx.row::<(String,)>(
                    "SELECT value FROM note WHERE name = ?1",
                    ("late".to_owned(),),
                )
            })
            .await
            .map_err(|e: Error| e)
            .unwrap();
        assert_eq!(stored, None);
    })
    .await;
}

/// Two processes on one server: the database checks the fencing token, not this process's cache.
#[tokio::test(flavor = "multi_thread")]
async fn another_process_takes_over() {
    on_each_engine(|test| async move {
        if test.server().is_none() {
            let second = store::Db::open(
                test.config().clone(),
                test.clock.clone(),
                test.entropy.clone(),
                store::LeaseClock::Injected,
            )
            .await;
            assert!(
                matches!(second.err(), Some(Error::Locked { .. })),
                "SQLite belongs to first_db process"
            );
            return;
        }
        let second_db = test.open_another().await;
        let old = test.lease("p/0").await;
        assert!(second_db.lease("p/0", LEASE_MS).await.unwrap().is_none());
        test.clock.advance_millis(LEASE_MS as i64 + 1);
        let new = second_db.lease("p/0", LEASE_MS).await.unwrap().unwrap();
        let late = test
            .db
            .on(&old)
            .write(&namespace("ns"), |tx| {
                tx.append(Fact::new("test.late", 1));
                Ok::<_, Error>(())
            })
            .await;
        assert!(matches!(late, Err(Error::Fenced { .. })));
        second_db
            .on(&new)
            .write(&namespace("ns"), |tx| {
                tx.append(Fact::new("test.new", 1));
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_are_leased_in_order_and_reused() {
    on_each_engine(|test| async move {
        let first = test
            .db
            .lease_slot("api", 2, LEASE_MS)
            .await
            .unwrap()
            .unwrap();
        let second = test
            .db
            .lease_slot("api", 2, LEASE_MS)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (first.partition().name(), second.partition().name()),
            ("api/0", "api/1")
        );
        assert!(
            test.db
                .lease_slot("api", 2, LEASE_MS)
                .await
                .unwrap()
                .is_none()
        );
        test.db.release(&first).await.unwrap();
        let again = test
            .db
            .lease_slot("api", 2, LEASE_MS)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(again.partition().name(), "api/0");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_new_effect_starts_after_two_thirds_of_the_lease() {
    on_each_engine(|test| async move {
        let lease = test.lease("p/0").await;
        assert!(lease.may_act(test.clock.monotonic_ms()));
        test.clock.advance_millis(LEASE_MS as i64 / 3 * 2 + 1);
        assert!(!lease.may_act(test.clock.monotonic_ms()));
        test.db.renew(&lease).await.unwrap();
        assert!(lease.may_act(test.clock.monotonic_ms()));
    })
    .await;
}

/// A commit of the old owner after the new one has written reports the lost lease, not a database
/// error.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_commit_is_reported_as_fenced() {
    on_each_engine(|test| async move {
        let write = |lease: &store::Lease| {
            test.db.on(lease).write(&namespace("ns"), |tx| {
                tx.append(Fact::new("test.written", 1));
                Ok::<_, Error>(())
            })
        };
        let old = test.lease("p/0").await;
        write(&old).await.unwrap();
        test.clock.advance_millis(LEASE_MS as i64 + 1);
        let new = test.lease("p/0").await;
        write(&new).await.unwrap();
        let late = write(&old).await;
        assert!(matches!(late, Err(Error::Fenced { .. })), "{late:?}");
        let results =
            futures::future::join_all((0..20).map(|n| write(if n % 2 == 0 { &old } else { &new })))
                .await;
        for (n, result) in results.iter().enumerate() {
            assert_eq!(result.is_ok(), n % 2 == 1, "{n}: {result:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_released_lease_cannot_be_renewed() {
    on_each_engine(|test| async move {
        let lease = test.lease("p/0").await;
        test.db.release(&lease).await.unwrap();
        assert!(matches!(
            test.db.renew(&lease).await,
            Err(Error::Fenced { .. })
        ));
        assert!(test.db.lease("p/0", LEASE_MS).await.unwrap().is_some());
    })
    .await;
}

/// A partition that commits without a pause does not keep its own lease from being renewed.
#[tokio::test(flavor = "multi_thread")]
async fn renewals_succeed_under_load() {
    on_each_engine(|test| async move {
        let lease = test.lease("p/0").await;
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let load = |_: u32| {
            let (db, lease, stop) = (test.db.clone(), lease.clone(), stop.clone());
            tokio::spawn(async move {
                while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                    db.on(&lease)
                        .write(&namespace("ns"), |tx| {
                            tx.append(Fact::new("test.written", 1));
                            Ok::<_, Error>(())
                        })
                        .await
                        .unwrap();
                }
            })
        };
        let loads: Vec<_> = (0..4).map(load).collect();
        for n in 0..300 {
            let renewed = test.db.renew(&lease).await;
            assert_eq!(renewed, Ok(()), "renewal {n}");
        }
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
        futures::future::join_all(loads)
            .await
            .into_iter()
            .for_each(|ended| ended.unwrap());
    })
    .await;
}

/// Leases expire by the clock of the database, which no process can set, as in production.
#[tokio::test(flavor = "multi_thread")]
async fn leases_expire_by_the_clock_of_the_database() {
    on_each_engine(|test| async move {
        let Some(server) = test.server() else { return };
        let open = || async {
            store::Db::open(test.config().clone(), test.clock.clone(), test.entropy.clone(), store::LeaseClock::Database)
                .await
                .unwrap()
        };
        let (first_db, second_db) = (open().await, open().await);
        let short = 2_500;
        let first = first_db.lease("p/0", short).await.unwrap().unwrap();
        test.clock.advance_millis(3_600_000); // this clock is not used
        assert!(second_db.lease("p/0", short).await.unwrap().is_none());
        let left: i64 = server
            .psql("SELECT (expires_at - extract(epoch FROM clock_timestamp()) * 1000000)::bigint FROM partition_head")
            .trim()
            .parse()
            .unwrap();
        assert!(left <= 2_500_000 && left > -30_000_000, "{left}");
        first_db.renew(&first).await.unwrap();
        let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
        let second = loop {
            if let Some(lease) = second_db.lease("p/0", short).await.unwrap() {
                break lease;
            }
            assert!(std::time::Instant::now() < until, "it never expires");
        };
        assert_eq!(second.partition().epoch(), 2);
        assert!(matches!(first_db.renew(&first).await, Err(Error::Fenced { .. })));
        // A lease of absurd length is a lease, not an overflow.
        let forever = first_db.lease("p/1", u64::MAX).await.unwrap().unwrap();
        first_db.renew(&forever).await.unwrap();
        assert!(forever.may_act(u64::MAX / 4));
        assert!(second_db.lease("p/1", short).await.unwrap().is_none());
    })
    .await;
}

/// A process that is stopped inside a transaction holds its row locks. That blocks neither the
/// renewal of other leases nor, for long, a successor.
#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_owner_does_not_block_renewals_of_others() {
    on_each_engine(|test| async move {
        let Some(server) = test.server() else { return };
        let (frozen, mine) = (test.lease("p/0").await, test.lease("p/1").await);
        let url = server.url().to_owned();
        let freeze = move || {
            let mut stopped = postgres::Client::connect(&url, postgres::NoTls).unwrap();
            stopped
                .batch_execute(
                    "BEGIN; UPDATE partition_head SET commits = commits WHERE partition = 'p/0'",
                )
                .unwrap();
            stopped
        };
        let stopped = tokio::task::spawn_blocking(freeze).await.unwrap();
        let started = std::time::Instant::now();
        let blocked = test.db.renew(&frozen);
        let unaffected = test.db.renew(&mine);
        let (blocked, unaffected) = tokio::join!(blocked, unaffected);
        assert_eq!(unaffected, Ok(()));
        assert!(
            matches!(blocked, Err(Error::Contended { .. })),
            "{blocked:?}"
        );
        assert!(
            started.elapsed() < std::time::Duration::from_secs(8),
            "{:?}",
            started.elapsed()
        );
        tokio::task::spawn_blocking(move || drop(stopped))
            .await
            .unwrap();
    })
    .await;
}

/// A symbolic link is the same file.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_the_file_is_the_same_file() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, entropy) = (
        std::sync::Arc::new(testkit::ManualClock::default()),
        std::sync::Arc::new(testkit::SeededEntropy::new(1)),
    );
    let open = |name: &str| {
        store::Db::open(
            store::Config::sqlite(dir.path().join(name)),
            clock.clone(),
            entropy.clone(),
            store::LeaseClock::Injected,
        )
    };
    std::os::unix::fs::symlink(dir.path().join("real.db"), dir.path().join("dangling.db")).unwrap();
    std::fs::create_dir(dir.path().join("sub")).unwrap();
    std::os::unix::fs::symlink(dir.path(), dir.path().join("sub/up")).unwrap();
    let first = open("dangling.db").await.unwrap();
    for name in ["real.db", "dangling.db", "sub/up/real.db", "sub/../real.db"] {
        assert!(
            matches!(open(name).await.err(), Some(Error::Locked { .. })),
            "{name}"
        );
    }
    tokio::task::spawn_blocking(move || drop(first))
        .await
        .unwrap();
    open("real.db").await.unwrap();
}
