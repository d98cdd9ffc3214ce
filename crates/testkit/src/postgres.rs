//! A real private PostgreSQL: one cluster a test process, one fresh database a test.
//!
//! The cluster listens on 127.0.0.1 only, trusts everyone there, sorts by a locale that is not C
//! (so that a missing `COLLATE "C"` shows), and ends with the process that started it.

mod cluster;
mod locale;
mod programs;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

pub use cluster::{Cluster, Missing, Options};

static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
static NEXT: AtomicU32 = AtomicU32::new(1);

/// An empty database of the shared cluster. Dropping it drops it there, whoever is still connected.
#[derive(Debug)]
pub struct Database {
    name: String,
    url: String,
    cluster: &'static Cluster,
}

impl Database {
    /// `postgres://florin@127.0.0.1:PORT/NAME`; no password is asked.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Run SQL by `psql`, outside our code: the rows come as text, unaligned, columns parted by
    /// `|`.
    ///
    /// # Panics
    /// If PostgreSQL refuses the statement.
    pub fn psql(&self, sql: &str) -> String {
        self.cluster.psql(&self.name, sql)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.cluster.drop_database(&self.name);
    }
}

/// A fresh database of the cluster that all tests of this process share; the first call starts it.
/// `None`, and the test counted as skipped, where there is no PostgreSQL.
///
/// # Panics
/// If PostgreSQL is there and does not start; or is not there, and `FLORIN_REQUIRE_REAL=1`.
pub fn fresh_database() -> Option<Database> {
    let Some(cluster) = shared() else {
        crate::skipped_for_want_of("postgres", "initdb and postgres are in no known folder");
        return None;
    };
    let name = format!("t_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let url = cluster.create_database(&name);
    Some(Database { name, url, cluster })
}

/// Whether PostgreSQL's server is on this machine.
pub fn is_installed() -> bool {
    programs::folder().is_some()
}

fn shared() -> Option<&'static Cluster> {
    SHARED
        .get_or_init(|| Cluster::start(&Options::default()).ok())
        .as_ref()
}
