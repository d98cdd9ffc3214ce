//! Why verification could not run. Damage to facts or tree heads is a [`Problem`](crate::Problem),
//! not an error.

use std::fmt;

/// Why the verifier stopped without a report.
#[derive(Debug)]
pub enum Error {
    /// The database cannot be opened or read, or does not have Florin's tables.
    Database(String),
    /// The exported tree heads cannot be read.
    Export(std::io::Error),
    /// A pinned key is not a valid Ed25519 public key, or is a weak one.
    Key(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(why) => write!(f, "the database cannot be read: {why}"),
            Self::Export(error) => write!(f, "the exported tree heads cannot be read: {error}"),
            Self::Key(key) => write!(f, "{key} is not a valid Ed25519 public key"),
        }
    }
}

impl std::error::Error for Error {}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.to_string())
    }
}

impl From<postgres::Error> for Error {
    fn from(error: postgres::Error) -> Self {
        let message = error.as_db_error().map(|error| error.message().to_owned());
        Self::Database(message.unwrap_or_else(|| error.to_string()))
    }
}
