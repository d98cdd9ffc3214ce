use store::{Error, Fact};
use testkit::{namespace, on_each_engine};

const UPSERT: &str =
    "INSERT INTO installation (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2";
const READ: &str = "SELECT value FROM installation WHERE name = ?1";

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_command_fails_no_neighbour() {
    on_each_engine(|test| async move {
        let lease = test.lease("p/0").await;
        let all: Vec<_> = (0..64u32)
            .map(|n| {
                test.db.on(&lease).write_unbound(move |tx| {
                    tx.execute(UPSERT, (format!("k{n}"), "v".to_owned()))?;
                    match n % 8 {
                        3 => panic!("an assertion of command {n}"),
                        5 => Err(Error::Nul),
                        7 => tx
                            .execute(
                                "INSERT INTO installation (name, value) VALUES (?1, ?1), (?1, ?1)",
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
                3 => assert_eq!(*result, Err(Error::Assertion { what: format!("an assertion of command {n}") })),
                5 => assert_eq!(*result, Err(Error::Nul)),
                7 => assert!(matches!(result, Err(Error::Database { .. })), "{result:?}"),
                _ => assert_eq!(*result, Ok(())),
            }
        }
        for n in 0..64 {
            let found: Option<(String,)> = test
                .db
                .read_unbound(move |tx| tx.row::<(String,)>(READ, (format!("k{n}"),)))
                .await
                .map_err(|e: Error| e)
                .unwrap();
            assert_eq!(found.is_some(), !matches!(n % 8, 3 | 5 | 7), "command {n}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_wrote_nothing_disturbs_nobody() {
    on_each_engine(|test| async move {
        let lease = test.lease("p/0").await;
        let runs = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
        let all: Vec<_> = (0..32u32)
            .map(|n| {
                let runs = runs.clone();
                test.db.on(&lease).write_unbound(move |tx| {
                    runs.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    let _: Option<(String,)> = tx.row(READ, ("nothing".to_owned(),))?;
                    if n % 2 == 0 {
                        Err(Error::Nul)
                    } else {
                        tx.execute(UPSERT, ("k".to_owned(), format!("{n}"))).map(drop)
                    }
                })
            })
            .collect();
        let results = futures::future::join_all(all).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 16);
        assert_eq!(runs.load(std::sync::atomic::Ordering::SeqCst), 32, "no closure ran twice");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_transaction_may_not_take_everything() {
    on_each_engine(|test| async move {
        let lease = test.lease("p/0").await;
        let result = test
            .db
            .on(&lease)
            .write_unbound(|tx| {
                loop {
                    let _: Option<(String,)> = tx.row(READ, ("nothing".to_owned(),))?;
                }
                #[allow(unreachable_code)]
                Ok::<(), Error>(())
            })
            .await;
        assert_eq!(result, Err(Error::Budget { what: "statements", limit: 5_000 }));
    })
    .await;
}

/// The connection is cut by the server at the worst moments: nothing that was confirmed is lost, nothing counts twice.
#[tokio::test(flavor = "multi_thread")]
async fn cut_connections_neither_lose_nor_repeat() {
    on_each_engine(|test| async move {
        let Some(server) = test.server() else { return };
        let lease = test.lease("p/0").await;
        let mut confirmed = 0;
        for round in 0..40u32 {
            let write = test.db.on(&lease).write(&namespace("ns"), move |tx| {
                tx.append(Fact::new("test.counted", 1).says(&round));
                Ok::<_, Error>(())
            });
            let cut = async {
                server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'florin' AND datname = current_database()");
            };
            let (result, ()) = tokio::join!(write, cut);
            confirmed += u32::from(result.is_ok());
        }
        let facts = test.db.read_unbound(|tx| store::facts_after(tx, &store::Cursor { partition: "p/0".into(), seq: 0 }, 1000)).await.unwrap();
        let mut rounds: Vec<String> = facts.iter().map(|fact| fact.payload.clone().unwrap().as_str().to_owned()).collect();
        let stored = rounds.len();
        rounds.dedup();
        assert_eq!(rounds.len(), stored, "no round counts twice");
        assert_eq!(stored as u32, confirmed, "what was confirmed is there, and nothing else");
        assert!(confirmed > 0);
    }).await;
}
