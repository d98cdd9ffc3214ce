//! A fresh database per engine: runs the same test body on SQLite and on PostgreSQL.

use crate::{ManualClock, SeededEntropy, postgres};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use store::{Config, Db, EngineKind, Lease, LeaseClock};
use types::{Namespace, Time};

/// The time at which every test starts: 2026-01-01T00:00:00Z.
pub const START: Time = Time::from_secs(1_767_225_600);
/// Duration of leases in tests.
pub const LEASE_MS: u64 = 30_000;
/// Attempts to reopen a database file before the test fails.
const OPEN_TRIES: u32 = 2_000;

/// A database of one engine, private to a test, with a manual clock and seeded entropy.
pub struct TestDb {
    pub db: Db,
    /// Also the clock of the leases.
    pub clock: Arc<ManualClock>,
    pub entropy: Arc<SeededEntropy>,
    config: Config,
    dir: Arc<tempfile::TempDir>,
    server: Option<Arc<postgres::Database>>,
}

impl TestDb {
    /// Create a SQLite database, for tests of what no database changes.
    pub async fn sqlite() -> Self {
        let created = Self::new(EngineKind::Sqlite).await;
        created.expect("SQLite is always there")
    }

    async fn new(kind: EngineKind) -> Option<Self> {
        let dir = Arc::new(tempfile::tempdir().expect("a temporary directory can be created"));
        let server = match kind {
            EngineKind::Sqlite => None,
            EngineKind::Postgres => Some(Arc::new(postgres::fresh_database()?)),
        };
        let config = match &server {
            None => Config::sqlite(dir.path().join("florin.db")),
            Some(server) => Config::postgres(server.url()),
        };
        let (clock, entropy) = (
            Arc::new(ManualClock::at(START)),
            Arc::new(SeededEntropy::new(7)),
        );
        let db = open(&config, &clock, &entropy).await;
        Some(Self {
            db,
            clock,
            entropy,
            config,
            dir,
            server,
        })
    }

    /// The storage engine.
    pub fn engine(&self) -> EngineKind {
        self.db.engine()
    }

    /// The configuration that it was opened with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The PostgreSQL database, for checks from outside; `None` on SQLite.
    pub fn server(&self) -> Option<&postgres::Database> {
        self.server.as_deref()
    }

    /// Acquire a lease that must be free.
    pub async fn lease(&self, name: &str) -> Lease {
        self.db
            .lease(name, LEASE_MS)
            .await
            .expect("the database responds")
            .expect("the lease is free")
    }

    /// Open the same database again, as another process would. PostgreSQL only.
    pub async fn open_another(&self) -> Db {
        open(&self.config, &self.clock, &self.entropy).await
    }

    /// Close and reopen, as after a crash: only committed data remains. Every clone of `db` must be
    /// dropped before.
    pub async fn reopen(self) -> Self {
        let Self {
            db,
            clock,
            entropy,
            config,
            dir,
            server,
        } = self;
        tokio::task::spawn_blocking(move || drop(db))
            .await
            .expect("closing does not panic");
        if server.is_some() {
            // A new process has to wait until the old leases have expired.
            clock.advance_millis(LEASE_MS as i64 + 1);
        }
        let db = open_when_free(&config, &clock, &entropy).await;
        Self {
            db,
            clock,
            entropy,
            config,
            dir,
            server,
        }
    }
}

/// Open as soon as the file lock is released: a thread of the closed database may still be ending.
async fn open_when_free(
    config: &Config,
    clock: &Arc<ManualClock>,
    entropy: &Arc<SeededEntropy>,
) -> Db {
    for _ in 0..OPEN_TRIES {
        match Db::open(
            config.clone(),
            clock.clone(),
            entropy.clone(),
            LeaseClock::Injected,
        )
        .await
        {
            Err(store::Error::Locked { .. }) => tokio::time::sleep(Duration::from_millis(5)).await,
            opened => return opened.expect("the database can be opened"),
        }
    }
    panic!("a clone of the database is still open")
}

async fn open(config: &Config, clock: &Arc<ManualClock>, entropy: &Arc<SeededEntropy>) -> Db {
    Db::open(
        config.clone(),
        clock.clone(),
        entropy.clone(),
        LeaseClock::Injected,
    )
    .await
    .expect("the database can be opened")
}

/// Run a test body on SQLite and on PostgreSQL, each with its own database. Call it in a
/// `#[tokio::test(flavor = "multi_thread")]`.
pub async fn on_each_engine<F, Fut>(test: F)
where
    F: Fn(TestDb) -> Fut,
    Fut: Future<Output = ()>,
{
    for kind in [EngineKind::Sqlite, EngineKind::Postgres] {
        match TestDb::new(kind).await {
            Some(database) => {
                // The test may move single fields out of the database and drop the others early:
                // keep the directory and the server alive until it ends.
                let _keep_alive = (database.dir.clone(), database.server.clone());
                test(database).await;
            }
            None => continue, // fresh_database() has counted the test as skipped
        }
    }
}

/// Parse a namespace.
pub fn namespace(name: &str) -> Namespace {
    name.parse().expect("a legal namespace")
}
