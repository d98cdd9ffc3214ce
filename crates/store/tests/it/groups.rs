use crate::note;
use store::{Error, Fact};
use testkit::{namespace, on_each_engine};

const UPSERT: &str =
    "INSERT INTO note (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2";
const READ: &str = "SELECT value FROM note WHERE name = ?1";

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_command_fails_no_other_in_its_group() {
    on_each_engine(|test| async move {
        note::create(&test).await;
        let lease = test.lease("p/0").await;
        let all: Vec<_> = (0..64u32)
            .map(|n| {
                test.db.on(&lease).write_unscoped(move |tx| {
                    tx.execute(UPSERT, (format!("k{n}"), "v".to_owned()))?;
                    match n % 8 {
                        3 => panic!("an assertion of command {n}"),
                        5 => Err(Error::NulCharacter),
                        7 => tx
                            .execute(
                                "INSERT INTO note (name, value) VALUES (?1, ?1), (?1, ?1)",
                                ("twice".to_owned(),),
                            )
                            .map(drop),
                        _ => Ok(()),
                    }
                })
            })
            .collect();
        let results = futures::future::join_all(all).await;
        for (n, result) in results.iter().enumerate() {
            match n % 8 {
                3 => assert_eq!(
                    *result,
                    Err(Error::AssertionFailed {
                        what: format!("an assertion of command {n}")
                    })
                ),
                5 => assert_eq!(*result, Err(Error::NulCharacter)),
                7 => assert!(matches!(result, Err(Error::Database { .. })), "{result:?}"),
                _ => assert_eq!(*result, Ok(())),
            }
        }
        for n in 0..64 {
            let row: Option<(String,)> = test
                .db
                .read_unscoped(move |tx| tx.row::<(String,)>(READ, (format!("k{n}"),)))
                .await
                .map_err(|e: Error| e)
                .unwrap();
            assert_eq!(row.is_some(), !matches!(n % 8, 3 | 5 | 7), "command {n}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_without_writes_does_not_affect_others() {
    on_each_engine(|test| async move {
        note::create(&test).await;
        let lease = test.lease("p/0").await;
        let runs = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
        let all: Vec<_> = (0..32u32)
            .map(|n| {
                let runs = runs.clone();
                test.db.on(&lease).write_unscoped(move |tx| {
                    runs.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    let _: Option<(String,)> = tx.row(READ, ("nothing".to_owned(),))?;
                    if n % 2 == 0 {
                        Err(Error::NulCharacter)
                    } else {
                        tx.execute(UPSERT, ("k".to_owned(), format!("{n}")))
                            .map(drop)
                    }
                })
            })
            .collect();
        let results = futures::future::join_all(all).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 16);
        assert_eq!(
            runs.load(std::sync::atomic::Ordering::SeqCst),
            32,
            "no closure ran twice"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_has_limits() {
    on_each_engine(|test| async move {
        note::create(&test).await;
        let lease = test.lease("p/0").await;
        let result = test
            .db
            .on(&lease)
            .write_unscoped(|tx| {
                loop {
                    let _: Option<(String,)> = tx.row(READ, ("nothing".to_owned(),))?;
                }
                #[allow(unreachable_code)]
                Ok::<(), Error>(())
            })
            .await;
        assert_eq!(
            result,
            Err(Error::LimitExceeded {
                what: "statements",
                limit: 5_000
            })
        );
    })
    .await;
}

/// The server closes connections at random: nothing that was confirmed is lost, nothing is applied
/// twice.
#[tokio::test(flavor = "multi_thread")]
async fn closed_connections_neither_lose_nor_repeat() {
    on_each_engine(|test| async move {
        let Some(server) = test.server() else { return };
        let lease = test.lease("p/0").await;
        let mut confirmed = 0;
        for round in 0..40u32 {
            let write = test.db.on(&lease).write(&namespace("ns"), move |tx| {
                tx.append(Fact::new("test.counted", 1).payload(&round));
                Ok::<_, Error>(())
            });
            let cut = async {
                server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'florin' AND datname = current_database()");
            };
            let (result, ()) = tokio::join!(write, cut);
            confirmed += u32::from(result.is_ok());
        }
        let facts = test.db.read_unscoped(|tx| store::facts_after(tx, &store::Cursor { partition: "p/0".into(), seq: 0 }, 1000)).await.unwrap();
        let mut rounds: Vec<String> = facts.iter().map(|fact| fact.payload.clone().unwrap().as_str().to_owned()).collect();
        let stored = rounds.len();
        rounds.dedup();
        assert_eq!(rounds.len(), stored, "no round is applied twice");
        assert_eq!(stored as u32, confirmed, "exactly what was confirmed is stored");
        assert!(confirmed > 0);
    }).await;
}

/// A closure that ignores a failed statement gets an error, not its success value.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_statement_cannot_be_ignored() {
    on_each_engine(|test| async move {
        note::create(&test).await;
        let lease = test.lease("p/0").await;
        let result = test
            .db
            .on(&lease)
            .write_unscoped(|tx| {
                tx.execute(UPSERT, ("k".to_owned(), "v".to_owned()))?;
                let _ = tx.execute("INSERT INTO note (name, value) VALUES ('x', NULL)", ());
                Ok::<_, Error>("done")
            })
            .await;
        assert!(matches!(result, Err(Error::Database { .. })), "{result:?}");
    })
    .await;
}

/// Closures that write and then fail do not cost the others a commit each: most of a group still
/// commits together.
#[tokio::test(flavor = "multi_thread")]
async fn failures_do_not_scatter_the_group() {
    on_each_engine(|test| async move {
        let lease = test.lease("p/0").await;
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let gate = std::sync::Mutex::new(gate);
        let held = test.db.on(&lease).write_unscoped(move |_| {
            let _ = gate.lock().unwrap().recv();
            Ok::<_, Error>(())
        });
        let runs = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
        let all: Vec<_> = (0..200u32)
            .map(|n| {
                let runs = runs.clone();
                test.db.on(&lease).write(&namespace("ns"), move |tx| {
                    runs.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    tx.append(Fact::new("test.counted", 1).payload(&n));
                    if n % 50 == 49 {
                        Err(Error::NulCharacter)
                    } else {
                        Ok(())
                    }
                })
            })
            .collect();
        drop(open);
        held.await.unwrap();
        let results = futures::future::join_all(all).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 196);
        let commits: Option<(i64,)> = test
            .db
            .read_unscoped(|tx| {
                tx.row(
                    "SELECT commits FROM partition_head WHERE partition = 'p/0'",
                    (),
                )
            })
            .await
            .map_err(|e: Error| e)
            .unwrap();
        assert!(
            commits.unwrap().0 < 20,
            "{commits:?} transactions for 196 commands"
        );
        assert!(
            runs.load(std::sync::atomic::Ordering::SeqCst) <= 2 * 200,
            "each runs twice at most"
        );
        let order: Vec<u32> = test
            .db
            .read_unscoped(|tx| {
                store::facts_after(
                    tx,
                    &store::Cursor {
                        partition: "p/0".into(),
                        seq: 0,
                    },
                    1_000,
                )
            })
            .await
            .unwrap()
            .iter()
            .map(|fact| fact.payload.as_ref().unwrap().as_str().parse().unwrap())
            .collect();
        assert!(order.is_sorted(), "they keep their order");
    })
    .await;
}

/// The destructor of a closure may panic on the writer's thread: others are still served.
#[tokio::test(flavor = "multi_thread")]
async fn a_panic_outside_of_a_closure_stops_no_thread() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "dropped on purpose");
        }
    }
    on_each_engine(|test| async move {
        note::create(&test).await;
        let lease = test.lease("p/0").await;
        for _ in 0..8 {
            let (bomb, other) = (Bomb, Bomb);
            let _ = test
                .db
                .on(&lease)
                .write_unscoped(move |_| {
                    let _ = &bomb;
                    Ok::<_, Error>(())
                })
                .await;
            let _ = test
                .db
                .read_unscoped(move |_| {
                    let _ = &other;
                    Ok::<_, Error>(())
                })
                .await;
        }
        let write = test
            .db
            .on(&lease)
            .write_unscoped(|tx| tx.execute(UPSERT, ("k".to_owned(), "v".to_owned())));
        let served = tokio::time::timeout(std::time::Duration::from_secs(20), write).await;
        assert_eq!(served.expect("a thread still serves"), Ok(1));
        let read = test
            .db
            .read_unscoped(|tx| tx.row::<(String,)>(READ, ("k".to_owned(),)));
        let served = tokio::time::timeout(std::time::Duration::from_secs(20), read).await;
        assert_eq!(
            served.expect("a thread still serves"),
            Ok(Some(("v".to_owned(),)))
        );
    })
    .await;
}

/// A queued write is committed even if its caller is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_queued_write_is_committed_without_its_caller() {
    on_each_engine(|test| async move {
        let lease = test.lease("p/0").await;
        for n in 0..100u32 {
            drop(test.db.on(&lease).write(&namespace("ns"), move |tx| {
                tx.append(Fact::new("test.counted", 1).payload(&n));
                Ok::<_, Error>(())
            }));
        }
        let test = test.reopen().await; // closing runs what is queued
        let heads = test.db.read_unscoped(store::partitions).await.unwrap();
        assert_eq!(heads[0].seq, 100);
    })
    .await;
}

/// A full queue rejects more closures of its partition without affecting other partitions or lease
/// maintenance.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_partition_rejects_more_without_affecting_others() {
    on_each_engine(|test| async move {
        let (full, free) = (test.lease("p/0").await, test.lease("p/1").await);
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let gate = std::sync::Mutex::new(gate);
        let (entered, inside) = std::sync::mpsc::channel::<()>();
        let held = test.db.on(&full).write_unscoped(move |_| {
            let _ = entered.send(());
            let _ = gate.lock().unwrap().recv();
            Ok::<_, Error>(())
        });
        inside.recv().unwrap();
        let waiting: Vec<_> = (0..20_000)
            .map(|_| test.db.on(&full).write_unscoped(|_| Ok::<_, Error>(())))
            .collect();
        let rejected = test
            .db
            .on(&full)
            .write_unscoped(|_| Ok::<_, Error>(()))
            .await;
        assert_eq!(rejected, Err(Error::Busy { limit: 20_000 }));
        let other = test
            .db
            .on(&free)
            .write_unscoped(|_| Ok::<_, Error>("served"));
        let mut renewal = Box::pin(test.db.renew(&full));
        assert!(
            futures::poll!(&mut renewal).is_pending(),
            "it waits and is not rejected"
        );
        drop(open);
        renewal.await.unwrap();
        assert_eq!(other.await, Ok("served"));
        held.await.unwrap();
        assert!(
            futures::future::join_all(waiting)
                .await
                .into_iter()
                .all(|result| result.is_ok())
        );
        assert_eq!(
            test.db
                .on(&full)
                .write_unscoped(|_| Ok::<_, Error>(()))
                .await,
            Ok(()),
            "there is room again"
        );
    })
    .await;
}

/// Reads go to connections that cannot write, on both engines.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_cannot_write_and_reports_failed_assertions() {
    on_each_engine(|test| async move {
        note::create(&test).await;
        let wrote = test
            .db
            .read_unscoped(|tx| tx.execute(UPSERT, ("k".to_owned(), "v".to_owned())))
            .await;
        assert!(matches!(wrote, Err(Error::Database { .. })), "{wrote:?}");
        let failed = test
            .db
            .read_unscoped(|tx| {
                let _: Option<(String,)> = tx.row("SELECT 'a' UNION ALL SELECT 'b'", ())?;
                Ok::<_, Error>(())
            })
            .await;
        assert_eq!(
            failed,
            Err(Error::AssertionFailed {
                what: "a statement for one row returned 2".into()
            })
        );
    })
    .await;
}
