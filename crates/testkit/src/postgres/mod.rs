//! A private PostgreSQL: one cluster per test process, one fresh database per test.
//!
//! The cluster listens on 127.0.0.1 only, uses `trust` authentication, has a locale other than C
//! (so that a missing `COLLATE "C"` is found), and ends with the process that started it.

mod cluster;
mod locale;
mod programs;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

pub use cluster::{Cluster, NotInstalled, Options};

static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
static NEXT_ID: AtomicU32 = AtomicU32::new(1);

/// A database of the shared cluster. Dropping it drops the database, even with open connections.
#[derive(Debug)]
pub struct Database {
    name: String,
    url: String,
    cluster: &'static Cluster,
}

impl Database {
    /// `postgres://florin@127.0.0.1:PORT/NAME`, without a password.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Run SQL with `psql`, independently of the code under test. Rows are text, unaligned, columns
    /// separated by `|`.
    ///
    /// # Panics
    /// If the statement fails.
    pub fn psql(&self, sql: &str) -> String {
        self.cluster.psql(&self.name, sql)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.cluster.drop_database(&self.name);
    }
}

/// A fresh database of the cluster that the tests of this process share; the first call starts it.
/// Returns `None` and counts the test as skipped if PostgreSQL is not installed.
///
/// # Panics
/// If PostgreSQL is installed and does not start, or is not installed and `FLORIN_REQUIRE_REAL=1`.
pub fn fresh_database() -> Option<Database> {
    let Some(cluster) = shared_cluster() else {
        crate::skip_missing("postgres", "initdb and postgres were not found");
        return None;
    };
    let name = format!("t_{}", NEXT_ID.fetch_add(1, Ordering::Relaxed));
    let url = cluster.create_database(&name);
    Some(Database { name, url, cluster })
}

/// Whether the PostgreSQL server is installed.
pub fn is_installed() -> bool {
    programs::directory().is_some()
}

fn shared_cluster() -> Option<&'static Cluster> {
    SHARED
        .get_or_init(|| Cluster::start(&Options::default()).ok())
        .as_ref()
}
