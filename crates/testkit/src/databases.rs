//! A fresh database of each engine for a story: the same test body runs on SQLite and on
//! PostgreSQL.

use crate::{ManualClock, SeededEntropy, postgres};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use store::{Config, Db, EngineKind, Lease, LeaseTime};
use types::{Namespace, Time};

/// When every story begins: 2026-01-01T00:00:00Z.
pub const START: Time = Time::from_secs(1_767_225_600);
/// How long leases last in stories.
pub const LEASE_MS: u64 = 30_000;
/// How often a closed database is looked at before it counts as never closed.
const LOOKS: u32 = 2_000;

/// A database of one engine, all to itself, with a clock and chance that the test drives.
pub struct TestDb {
    /// The open database.
    pub db: Db,
    /// Its clock; leases are reckoned by it too.
    pub clock: Arc<ManualClock>,
    /// Its chance.
    pub entropy: Arc<SeededEntropy>,
    config: Config,
    dir: Arc<tempfile::TempDir>,
    server: Option<Arc<postgres::Database>>,
}

impl TestDb {
    async fn new(kind: EngineKind) -> Option<Self> {
        let dir = Arc::new(tempfile::tempdir().expect("a temporary folder"));
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

    /// Which engine this is, for messages.
    pub fn engine(&self) -> EngineKind {
        self.db.engine()
    }

    /// How it was opened.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The PostgreSQL database behind it, to look from outside; none on SQLite.
    pub fn server(&self) -> Option<&postgres::Database> {
        self.server.as_deref()
    }

    /// A lease that must be free.
    pub async fn lease(&self, name: &str) -> Lease {
        self.db
            .lease(name, LEASE_MS)
            .await
            .expect("the database answers")
            .expect("nobody holds it")
    }

    /// Open the same database once more, as another process would. Only PostgreSQL allows it.
    pub async fn open_beside(&self) -> Db {
        open(&self.config, &self.clock, &self.entropy).await
    }

    /// Close and open again, as after a crash: memory is lost, what was committed stays. Every
    /// clone of `db` must be gone.
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
            .expect("closes");
        if server.is_some() {
            clock.advance_millis(LEASE_MS as i64 + 1); // another process waits until the old leases have run out
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

/// Open once whoever had the file lets go of it: a thread of the database that was closed may still
/// be ending.
async fn open_when_free(
    config: &Config,
    clock: &Arc<ManualClock>,
    entropy: &Arc<SeededEntropy>,
) -> Db {
    for _ in 0..LOOKS {
        match Db::open(
            config.clone(),
            clock.clone(),
            entropy.clone(),
            LeaseTime::Clock,
        )
        .await
        {
            Err(store::Error::Locked { .. }) => tokio::time::sleep(Duration::from_millis(5)).await,
            opened => return opened.expect("the database opens"),
        }
    }
    panic!("a clone of the database is still open")
}

async fn open(config: &Config, clock: &Arc<ManualClock>, entropy: &Arc<SeededEntropy>) -> Db {
    Db::open(
        config.clone(),
        clock.clone(),
        entropy.clone(),
        LeaseTime::Clock,
    )
    .await
    .expect("the database opens")
}

/// Run a story on SQLite and on PostgreSQL, each with a database of its own. Call it in a
/// `#[tokio::test(flavor = "multi_thread")]`.
pub async fn on_each_engine<F, Fut>(story: F)
where
    F: Fn(TestDb) -> Fut,
    Fut: Future<Output = ()>,
{
    for kind in [EngineKind::Sqlite, EngineKind::Postgres] {
        match TestDb::new(kind).await {
            Some(database) => {
                // A story's closure may capture only some of the fields, and drop the rest before
                // it ends: hold on to what it stands on.
                let _ground = (database.dir.clone(), database.server.clone());
                story(database).await;
            }
            None => continue, // counted as skipped by whoever looked for the server
        }
    }
}

/// A namespace by its name.
pub fn namespace(name: &str) -> Namespace {
    name.parse().expect("a legal namespace")
}
