//! The benchmark rows written through the store, as an engine would write them.

use crate::shape::{self, Movement};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use store::{Config, Db, EngineKind, Error, Fact, Lease, LeaseClock, ScopedTable as _, Tx};
use testkit::{ManualClock, SeededEntropy};
use types::{Amount, Namespace, Principal, Quantity, Time};

const LEASE_MS: u64 = 600_000;

pub(crate) struct Layer {
    db: Db,
    lease: Lease,
    namespace: Namespace,
}

impl Layer {
    pub(crate) async fn open(config: Config) -> Self {
        let (clock, entropy) = (
            Arc::new(ManualClock::default()),
            Arc::new(SeededEntropy::new(1)),
        );
        let db = Db::open(config, clock, entropy, LeaseClock::Injected)
            .await
            .unwrap();
        let lease = db.lease("bench/0", LEASE_MS).await.unwrap().unwrap();
        for table in shape::tables(db.engine() == EngineKind::Postgres) {
            db.on(&lease)
                .write_unscoped(move |tx| tx.execute(&table, ()).map(drop))
                .await
                .map_err(|e: Error| e)
                .unwrap();
        }
        Self {
            db,
            lease,
            namespace: testkit::namespace("bench"),
        }
    }

    /// Write a slice in one transaction.
    pub(crate) async fn record(&self, slice: Vec<Movement>) {
        write(&self.db, &self.lease, &self.namespace, slice)
            .await
            .unwrap();
    }

    /// Single commands from many concurrent callers, which the store commits in groups. Returns the
    /// duration of each call and the wall time.
    pub(crate) async fn run_concurrently(
        &self,
        commands: Vec<Movement>,
        callers: usize,
        time: Duration,
    ) -> (Vec<Duration>, Duration) {
        let (next, commands) = (Arc::new(AtomicUsize::new(0)), Arc::new(commands));
        let started = Instant::now();
        let tasks: Vec<_> = (0..callers)
            .map(|_| {
                let (db, lease, namespace) = (self.db.clone(), self.lease.clone(), self.namespace);
                let (next, commands) = (next.clone(), commands.clone());
                tokio::spawn(async move {
                    let mut times = Vec::new();
                    while started.elapsed() < time {
                        let Some(command) = commands.get(next.fetch_add(1, Ordering::Relaxed))
                        else {
                            break;
                        };
                        let call_started = Instant::now();
                        let slice = vec![command.clone()];
                        write(&db, &lease, &namespace, slice).await.unwrap();
                        times.push(call_started.elapsed());
                    }
                    times
                })
            })
            .collect();
        let mut times = Vec::new();
        for task in tasks {
            times.extend(task.await.unwrap());
        }
        (times, started.elapsed())
    }

    /// Rows per second with several partitions written concurrently.
    pub(crate) async fn partitions(&self, count: usize, time: Duration) -> f64 {
        let started = Instant::now();
        let tasks: Vec<_> = (0..count)
            .map(|partition| {
                let (db, namespace) = (
                    self.db.clone(),
                    testkit::namespace(&format!("bench-{count}-{partition}")),
                );
                tokio::spawn(async move {
                    let lease = db
                        .lease(&format!("bench-{count}/{partition}"), LEASE_MS)
                        .await
                        .unwrap()
                        .unwrap();
                    let (mut movements, mut rows) = (shape::movements(), 0usize);
                    while started.elapsed() < time {
                        let slice: Vec<Movement> = movements.by_ref().take(100).collect();
                        write(&db, &lease, &namespace, slice).await.unwrap();
                        rows += 100;
                    }
                    rows
                })
            })
            .collect();
        let mut rows = 0;
        for task in tasks {
            rows += task.await.unwrap();
        }
        rows as f64 / started.elapsed().as_secs_f64()
    }
}

async fn write(
    db: &Db,
    lease: &Lease,
    namespace: &Namespace,
    slice: Vec<Movement>,
) -> Result<(), Error> {
    let principal = Principal::system("bench", *namespace);
    db.on(lease)
        .write(namespace, move |tx| record(tx, &principal, &slice))
        .await
}

#[derive(store::Record)]
#[record(table = "bench_transfer", write)]
struct Transfer<'a> {
    id: &'a str,
    account: &'a str,
    amount: Amount,
    tx_id: &'a str,
    at: Time,
}

fn record(tx: &mut Tx, principal: &Principal, slice: &[Movement]) -> Result<(), Error> {
    let now = tx.now();
    let rows: Vec<_> = slice
        .iter()
        .map(|movement| Transfer {
            id: &movement.id,
            account: &movement.account,
            amount: movement.amount,
            tx_id: &movement.transaction,
            at: now,
        })
        .collect();
    Transfer::insert(tx, &rows, "")?;
    let net = shape::net(slice);
    let accounts: Vec<(&str,)> = net.keys().map(|account| (*account,)).collect();
    let before: std::collections::HashMap<String, Quantity> = tx
        .query_rows::<(String, Quantity), _>(
            "WITH n(a) AS ({rows}) SELECT account, amount FROM bench_balance JOIN n ON account = n.a WHERE namespace = ?ns",
            (),
            &accounts,
        )?
        .into_iter()
        .collect();
    let after: Vec<(&str, Quantity)> = net
        .iter()
        .map(|(account, change)| {
            (
                *account,
                before.get(*account).cloned().unwrap_or_default() + change,
            )
        })
        .collect();
    tx.execute_rows(
        "INSERT INTO bench_balance (namespace, account, amount) {ns_rows}
         ON CONFLICT (namespace, account) DO UPDATE SET amount = excluded.amount",
        (),
        &after,
    )?;
    for movement in slice {
        tx.append(
            Fact::new("bench.moved", 1)
                .subject(&movement.id, 1)
                .actor(principal)
                .payload(&movement.payload()),
        );
    }
    Ok(())
}
