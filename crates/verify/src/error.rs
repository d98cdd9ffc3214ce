//! Why nothing could be verified at all. What is wrong with facts or seals is a
//! [`Problem`](crate::Problem), not an error.

use std::fmt;

/// Why the verifier stopped.
#[derive(Debug)]
pub enum Error {
    /// The database cannot be opened or read, or does not have Florin's tables.
    Database(String),
    /// The exported seals cannot be read.
    Export(std::io::Error),
    /// A pinned key is no Ed25519 key, or one under which anything would verify.
    Key(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(why) => write!(f, "the database cannot be read: {why}"),
            Self::Export(why) => write!(f, "the exported seals cannot be read: {why}"),
            Self::Key(key) => write!(f, "{key} is not a sound Ed25519 public key"),
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
        let said = error.as_db_error().map(|said| said.message().to_owned());
        Self::Database(said.unwrap_or_else(|| error.to_string()))
    }
}
