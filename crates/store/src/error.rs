//! What can go wrong between Florin and its database.

use types::{Code, Coded, codes};

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The database does not answer, or said no to something that should work.
    #[error("the database failed: {why}")]
    Database {
        /// Its words, without any value of ours.
        why: String,
    },
    /// Concurrent transactions stood in each other's way more often than is reasonable.
    #[error("the transaction lost against others {attempts} times")]
    Contended {
        /// How often it was tried.
        attempts: u32,
    },
    /// Another process owns this partition now; nothing of this transaction was kept.
    #[error("partition {partition} has another owner now")]
    Fenced {
        /// The partition.
        partition: String,
    },
    /// More transactions wait than the limit allows.
    #[error("{limit} transactions wait already")]
    Busy {
        /// The limit.
        limit: usize,
    },
    /// One transaction asked for more than its share.
    #[error("one transaction used more than {limit} {what}")]
    Budget {
        /// Rows or statements.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// A statement of a bound transaction does not name the namespace. A mistake in Florin.
    #[error("a statement of a transaction that is bound to a namespace does not use ?ns: {sql}")]
    Unbound {
        /// The statement.
        sql: String,
    },
    /// A column does not hold what the code expects. A mistake in Florin, or a database that was
    /// changed by hand.
    #[error("column {column} holds {found}, not {expected}")]
    Column {
        /// Which column, from 0.
        column: usize,
        /// What is there.
        found: &'static str,
        /// What should be.
        expected: &'static str,
    },
    /// A text holds the character NUL, which PostgreSQL cannot store.
    #[error("text cannot contain the character NUL")]
    Nul,
    /// Code inside a transaction failed an assertion; the transaction was undone.
    #[error("an assertion failed inside a transaction: {what}")]
    Assertion {
        /// Its words.
        what: String,
    },
    /// Another process has the database file open.
    #[error("another process uses {path}; talk to it through its API, or stop it first")]
    Locked {
        /// The file.
        path: String,
    },
    /// The database holds migrations that this release does not know, or other ones than it knows.
    #[error("the schema does not belong to this release: {why}")]
    Schema {
        /// What differs.
        why: String,
    },
    /// A secret does not open: another passphrase or key, or the bytes were changed or moved.
    #[error("a secret does not open: {why}")]
    Secret {
        /// What is known, never a part of the secret.
        why: &'static str,
    },
    /// A secret is sealed under a data key that another process has begun since this one unlocked
    /// the keyring.
    #[error("data key {version} is not known to this process yet")]
    KeyUnknown {
        /// Its version.
        version: u32,
    },
    /// The seals in the database do not fit its heads, or those that were exported: it was
    /// restored, or changed by hand.
    #[error("the seals do not fit the database: {why}")]
    Seals {
        /// What does not fit.
        why: String,
    },
    /// The database is shutting down.
    #[error("the database was closed")]
    Closed,
}

codes! { Error {
    Self::Database { .. } => ("store.database", 503, Later),
    Self::Contended { .. } => ("store.contended", 503, Later),
    Self::Fenced { .. } => ("store.fenced", 503, Later),
    Self::Busy { .. } => ("store.busy", 503, Later),
    Self::Budget { .. } => ("store.budget", 400, Never),
    Self::Unbound { .. } => ("store.unbound", 500, Never),
    Self::Column { .. } => ("store.column", 500, Never),
    Self::Nul => ("store.nul", 400, Never),
    Self::Assertion { .. } => ("store.assertion", 500, Never),
    Self::Locked { .. } => ("store.locked", 503, Later),
    Self::Schema { .. } => ("store.schema", 500, Never),
    Self::Secret { .. } => ("store.secret", 500, Never),
    Self::KeyUnknown { .. } => ("store.key_unknown", 503, Later),
    Self::Seals { .. } => ("store.seals", 503, Never),
    Self::Closed => ("store.closed", 503, Later),
}}

impl Coded for Error {
    fn code(&self) -> Code {
        self.own_code()
    }
}

/// A place that was told to fail (never in a binary that is shipped): an error that proves nothing,
/// and goes away.
impl From<fail::Injected> for Error {
    fn from(_: fail::Injected) -> Self {
        Error::Contended { attempts: 0 }
    }
}
