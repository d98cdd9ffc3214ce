//! The connection breaks around a COMMIT: what was confirmed is applied once, what failed not at
//! all.

use crate::proxy::{Cut, Proxy};
use std::collections::BTreeMap;
use store::{Config, Cursor, Db, Error, Fact, LeaseClock};
use testkit::{LEASE_MS, TestDb, namespace, on_each_engine, wait_until};

async fn open_through(test: &TestDb, proxy: &Proxy) -> Db {
    let config = Config::Postgres {
        url: proxy.url().to_owned(),
        writers: 1,
        readers: 1,
    };
    Db::open(
        config,
        test.clock.clone(),
        test.entropy.clone(),
        LeaseClock::Injected,
    )
    .await
    .unwrap()
}

async fn payloads(db: &Db) -> Vec<String> {
    let all = Cursor {
        partition: "p/0".into(),
        seq: 0,
    };
    let facts = db
        .read_unscoped(move |tx| store::facts_after(tx, &all, 10_000))
        .await
        .unwrap();
    facts
        .iter()
        .map(|fact| fact.payload.clone().unwrap().as_str().to_owned())
        .collect()
}

fn write_fact(
    db: &Db,
    lease: &store::Lease,
    text: String,
) -> impl Future<Output = store::Result<()>> + Send + 'static {
    db.on(lease).write(&namespace("ns"), move |tx| {
        tx.append(Fact::new("test.written", 1).payload(&text));
        Ok::<_, Error>(())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_whose_reply_is_lost_is_applied_once() {
    on_each_engine(|test| async move {
        let Some(server) = test.server() else { return };
        let proxy = Proxy::to(server.url());
        let db = open_through(&test, &proxy).await;
        let lease = db.lease("p/0", LEASE_MS).await.unwrap().unwrap();
        let mut confirmed = 0;
        for round in 0..30u32 {
            proxy.cut(
                [Cut::Before, Cut::After, Cut::During][round as usize % 3],
                false,
            );
            let all: Vec<_> = (0..8)
                .map(|n| write_fact(&db, &lease, format!("{round}/{n}")))
                .collect();
            let results = futures::future::join_all(all).await;
            assert!(proxy.is_cut());
            confirmed += results.iter().filter(|result| result.is_ok()).count();
            assert!(
                results.iter().all(Result::is_ok),
                "round {round}: {results:?}"
            );
        }
        let mut counts = BTreeMap::new();
        payloads(&test.db)
            .await
            .into_iter()
            .for_each(|text| *counts.entry(text).or_insert(0) += 1);
        assert_eq!(counts.len(), confirmed);
        assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    })
    .await;
}

/// While the reply is lost and the connection is down, another process takes over the partition and
/// commits.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_takeover_a_lost_reply_is_reported_correctly() {
    on_each_engine(|test| async move {
        let Some(server) = test.server() else { return };
        for (cut, committed) in [(Cut::After, true), (Cut::Before, false)] {
            let proxy = Proxy::to(server.url());
            let db = open_through(&test, &proxy).await;
            let lease = db.lease("p/0", LEASE_MS).await.unwrap().unwrap();
            write_fact(&db, &lease, format!("first {committed}"))
                .await
                .unwrap();
            proxy.cut(cut, true);
            let late = tokio::spawn(write_fact(&db, &lease, format!("late {committed}")));
            assert!(wait_until(5_000, || proxy.is_cut()));
            test.clock.advance_millis(LEASE_MS as i64 + 1);
            let other = test.lease("p/0").await;
            write_fact(&test.db, &other, format!("other {committed}"))
                .await
                .unwrap();
            proxy.up();
            let late = late.await.unwrap();
            assert_eq!(late.is_ok(), committed, "{late:?}");
            assert_eq!(
                matches!(late, Err(Error::Fenced { .. })),
                !committed,
                "{late:?}"
            );
            assert_eq!(
                payloads(&test.db)
                    .await
                    .contains(&format!("\"late {committed}\"")),
                committed
            );
            test.db.release(&other).await.unwrap();
        }
    })
    .await;
}
