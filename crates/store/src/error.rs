//! Errors of the store, and their codes.

use types::{Code, Coded, codes};

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a store operation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The database does not respond, or rejected a statement that should work.
    #[error("the database failed: {why}")]
    Database {
        /// The database's message, without any stored value.
        why: String,
    },
    /// The transaction conflicted with concurrent ones more often than the retry limit allows.
    #[error("the transaction conflicted with others {attempts} times")]
    Contended { attempts: u32 },
    /// Another process owns the partition now; the whole transaction was rolled back.
    #[error("partition {partition} has another owner now")]
    Fenced { partition: String },
    /// The queue is full.
    #[error("{limit} transactions are waiting already")]
    Busy { limit: usize },
    /// One transaction exceeded the limit on its statements, rows or fact size.
    #[error("one transaction used more than {limit} {what}")]
    LimitExceeded { what: &'static str, limit: u64 },
    /// A statement of a transaction that is scoped to a namespace does not use it. A bug in Florin.
    #[error("a statement of a transaction that is scoped to a namespace does not use ?ns: {sql}")]
    MissingNamespace { sql: String },
    /// A statement does not use a named parameter, or uses one that is not given. A bug in Florin.
    #[error("the parameter {parameter} of a statement {why}: {sql}")]
    WrongParameter {
        parameter: String,
        why: &'static str,
        sql: String,
    },
    /// A column does not hold what the code expects: a bug in Florin, or a row that was edited by
    /// hand.
    #[error("column {column} holds {found}, not {expected}")]
    UnexpectedValue {
        /// The name of the column; its number, from 1, in a short row without names.
        column: &'static str,
        found: &'static str,
        expected: &'static str,
    },
    /// A text contains the character NUL, which PostgreSQL cannot store.
    #[error("text cannot contain the character NUL")]
    NulCharacter,
    /// Code inside a transaction failed an assertion; the transaction was rolled back.
    #[error("an assertion failed inside a transaction: {what}")]
    AssertionFailed { what: String },
    /// Another process has the database file open.
    #[error("another process uses {path}; use its API, or stop it first")]
    Locked { path: String },
    /// The database holds migrations that this release does not have, or has with another content.
    #[error("the schema does not match this release: {why}")]
    UnknownMigration { why: String },
    /// The signed tree heads in the database do not match its partition heads or the export: the
    /// database was restored from a backup, or edited by hand.
    #[error("the signed tree heads do not match the database: {why}")]
    TreeHeadMismatch { why: String },
    /// The database is closing.
    #[error("the database was closed")]
    Closed,
}

codes! { Error {
    Self::Database { .. } => ("store.database_error", 503, Later),
    Self::Contended { .. } => ("store.contended", 503, Later),
    Self::Fenced { .. } => ("store.fenced", 503, Later),
    Self::Busy { .. } => ("store.busy", 503, Later),
    Self::LimitExceeded { .. } => ("store.limit_exceeded", 400, Never),
    Self::MissingNamespace { .. } => ("store.missing_namespace", 500, Never),
    Self::WrongParameter { .. } => ("store.wrong_parameter", 500, Never),
    Self::UnexpectedValue { .. } => ("store.unexpected_value", 500, Never),
    Self::NulCharacter => ("store.nul_character", 400, Never),
    Self::AssertionFailed { .. } => ("store.assertion_failed", 500, Never),
    Self::Locked { .. } => ("store.locked", 503, Later),
    Self::UnknownMigration { .. } => ("store.unknown_migration", 500, Never),
    Self::TreeHeadMismatch { .. } => ("store.tree_head_mismatch", 503, Never),
    Self::Closed => ("store.closed", 503, Later),
}}

impl Error {
    /// Whether a worker that meets it must stop: its lease or its database is gone.
    pub fn ends_worker(&self) -> bool {
        matches!(self, Self::Fenced { .. } | Self::Closed)
    }
}

impl Coded for Error {
    fn code(&self) -> Code {
        self.own_code()
    }
}

/// An injected fault (test builds only) is reported as a transient error.
impl From<fail::Injected> for Error {
    fn from(_: fail::Injected) -> Self {
        Error::Contended { attempts: 0 }
    }
}
