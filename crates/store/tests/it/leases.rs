use store::{Error, Fact};
use testkit::{LEASE_MS, namespace, on_each_engine};
use types::Clock;

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_held_until_it_runs_out() {
    on_each_engine(|test| async move {
        let first = test.lease("p/0").await;
        assert!(test.db.lease("p/0", LEASE_MS).await.unwrap().is_none());
        test.clock.advance_millis(LEASE_MS as i64 - 1);
        test.db.renew(&first).await.unwrap();
        test.clock.advance_millis(LEASE_MS as i64 - 1);
        assert!(test.db.lease("p/0", LEASE_MS).await.unwrap().is_none(), "it was renewed");
        test.clock.advance_millis(1);
        let second = test.lease("p/0").await;
        assert_eq!(second.partition().epoch(), first.partition().epoch() + 1);
        assert!(matches!(test.db.renew(&first).await, Err(Error::Fenced { .. })));
        assert!(first.is_lost());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lost_the_lease_commits_nothing() {
    on_each_engine(|test| async move {
        let old = test.lease("p/0").await;
        let write = |lease: &store::Lease, text: &'static str| {
            test.db.on(lease).write(&namespace("ns"), move |tx| {
                tx.append(Fact::new("test.said", 1).says(&text));
                Ok::<_, Error>(())
            })
        };
        write(&old, "before").await.unwrap();
        test.clock.advance_millis(LEASE_MS as i64 + 1);
        let new = test.lease("p/0").await;
        // The old owner wakes up and goes on as if nothing had happened, also without any fact.
        assert!(matches!(write(&old, "late").await, Err(Error::Fenced { .. })));
        let silent = test
            .db
            .on(&old)
            .write_unbound(|tx| {
                tx.execute("INSERT INTO installation (name, value) VALUES (?1, ?1)", ("late".to_owned(),)).map(drop)
            })
            .await;
        assert!(matches!(silent, Err(Error::Fenced { .. })), "{silent:?}");
        write(&new, "after").await.unwrap();
        let facts = test
            .db
            .read_unbound(|tx| store::facts_after(tx, &store::Cursor { partition: "p/0".into(), seq: 0 }, 10))
            .await
            .unwrap();
        let said: Vec<_> = facts.iter().map(|fact| fact.payload.clone().unwrap().as_str().to_owned()).collect();
        assert_eq!(said, vec!["\"before\"", "\"after\""]);
        let kept: Option<(String,)> = test
            .db
            .read_unbound(|tx| {
                tx.row::<(String,)>("SELECT value FROM installation WHERE name = ?1", ("late".to_owned(),))
            })
            .await
            .map_err(|e: Error| e)
            .unwrap();
        assert_eq!(kept, None);
    })
    .await;
}

/// Two processes on one server: the fence is judged by the database, not by this process's memory.
#[tokio::test(flavor = "multi_thread")]
async fn another_process_takes_over() {
    on_each_engine(|test| async move {
        if test.server().is_none() {
            let second = store::Db::open(
                test.config().clone(),
                test.clock.clone(),
                test.entropy.clone(),
                store::LeaseTime::Clock,
            )
            .await;
            assert!(matches!(second.err(), Some(Error::Locked { .. })), "SQLite belongs to one process");
            return;
        }
        let beside = test.open_beside().await;
        let old = test.lease("p/0").await;
        assert!(beside.lease("p/0", LEASE_MS).await.unwrap().is_none());
        test.clock.advance_millis(LEASE_MS as i64 + 1);
        let new = beside.lease("p/0", LEASE_MS).await.unwrap().unwrap();
        let late = test
            .db
            .on(&old)
            .write(&namespace("ns"), |tx| {
                tx.append(Fact::new("test.late", 1));
                Ok::<_, Error>(())
            })
            .await;
        assert!(matches!(late, Err(Error::Fenced { .. })));
        beside
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
async fn slots_are_leased_one_by_one_and_reused() {
    on_each_engine(|test| async move {
        let first = test.db.lease_slot("api", 2, LEASE_MS).await.unwrap().unwrap();
        let second = test.db.lease_slot("api", 2, LEASE_MS).await.unwrap().unwrap();
        assert_eq!((first.partition().name(), second.partition().name()), ("api/0", "api/1"));
        assert!(test.db.lease_slot("api", 2, LEASE_MS).await.unwrap().is_none());
        test.db.release(&first).await.unwrap();
        let again = test.db.lease_slot("api", 2, LEASE_MS).await.unwrap().unwrap();
        assert_eq!(again.partition().name(), "api/0");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_new_effect_after_two_thirds() {
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
