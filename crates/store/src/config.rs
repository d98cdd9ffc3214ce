//! Which database to open, and how.

use crate::engine::{Connection, postgres::Postgres, sqlite::Sqlite};
use crate::{Result, lock};
use std::path::PathBuf;

/// Which database to open.
#[derive(Debug, Clone)]
pub enum Config {
    /// One file, one process.
    Sqlite {
        /// Created if it is missing.
        path: PathBuf,
        /// Maximum concurrent reads.
        readers: usize,
    },
    /// A server that several processes share.
    Postgres {
        /// `postgresql://user:password@host/database`.
        url: String,
        /// Maximum concurrent write transactions.
        writers: usize,
        /// Maximum concurrent reads.
        readers: usize,
    },
}

/// The database engine in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineKind {
    Sqlite,
    Postgres,
}

/// The clock that decides whether a lease has expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LeaseClock {
    /// The database server's clock, which all processes share.
    #[default]
    Database,
    /// The clock passed to [`Db::open`], so that a test can advance it.
    Injected,
}

impl Config {
    /// SQLite with the default number of readers.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self::Sqlite {
            path: path.into(),
            readers: 4,
        }
    }

    /// PostgreSQL with the default pool sizes.
    pub fn postgres(url: impl Into<String>) -> Self {
        Self::Postgres {
            url: url.into(),
            writers: 6,
            readers: 4,
        }
    }

    pub(crate) fn resolved(self) -> Result<Self> {
        Ok(match self {
            Config::Sqlite { path, readers } => Config::Sqlite {
                path: lock::resolve(&path)?,
                readers,
            },
            other => other,
        })
    }

    pub(crate) fn connect(&self) -> Result<Box<dyn Connection>> {
        Ok(match self {
            Config::Sqlite { path, .. } => Box::new(Sqlite::open(path)?),
            Config::Postgres { url, .. } => Box::new(Postgres::connect(url)?),
        })
    }

    /// The numbers of threads that write and that read.
    pub(crate) fn pool(&self) -> (usize, usize) {
        match self {
            Config::Sqlite { readers, .. } => (1, (*readers).max(1)),
            Config::Postgres {
                writers, readers, ..
            } => ((*writers).max(1), (*readers).max(1)),
        }
    }

    pub(crate) fn engine(&self) -> EngineKind {
        match self {
            Config::Sqlite { .. } => EngineKind::Sqlite,
            Config::Postgres { .. } => EngineKind::Postgres,
        }
    }
}
