//! The errors of secrets. No message contains any part of one.

use types::{Code, Coded, codes};

/// The result type of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a secret, or the key that encrypts it, cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A secret or a data key cannot be decrypted: another passphrase or key, or the bytes were
    /// changed or moved.
    #[error("a secret cannot be decrypted: {why}")]
    Undecryptable {
        /// Never contains a part of the secret.
        why: &'static str,
    },
    /// A secret is encrypted under a data key that another process created after this process
    /// unlocked the keyring.
    #[error("data key {version} is not known to this process yet")]
    UnknownDataKey { version: u32 },
    /// The master key cannot be read again, which a rotation requires.
    #[error("the master key cannot be read: {why}")]
    MasterKeyUnavailable { why: String },
    /// A component could not re-encrypt its secrets.
    #[error("the secrets of {target} cannot be re-encrypted now: {why}")]
    RotationBlocked { target: &'static str, why: String },
    /// A database error.
    #[error(transparent)]
    Store(#[from] store::Error),
}

codes! { Error {
    Self::Undecryptable { .. } => ("secrets.undecryptable", 500, Never),
    Self::UnknownDataKey { .. } => ("secrets.unknown_data_key", 503, Later),
    Self::MasterKeyUnavailable { .. } => ("secrets.master_key_unavailable", 503, Later),
    Self::RotationBlocked { .. } => ("secrets.rotation_blocked", 503, Later),
    ;
    Self::Store(inner) => inner,
}}

impl Coded for Error {
    fn code(&self) -> Code {
        self.own_code()
    }
}

impl Error {
    pub(crate) fn undecryptable(why: &'static str) -> Self {
        Self::Undecryptable { why }
    }
}
