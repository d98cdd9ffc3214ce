//! What can be wrong with an intent, with bytes, or with a permit.

use types::{ChainId, Code, Coded, codes};

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

/// What can be wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The chain is of no family that Florin knows.
    #[error("no module knows how transactions of {chain} look")]
    UnknownFamily {
        /// The chain.
        chain: ChainId,
    },
    /// Not an address of the chain, or its checksum is wrong.
    #[error("{text:?} is not an address of this chain: {why}")]
    Address {
        /// As written.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The interface, a method's name or its arguments do not fit together.
    #[error("{at}: {why}")]
    Abi {
        /// Where, as a path such as `params[1].amount`.
        at: String,
        /// What is wrong.
        why: String,
    },
    /// The bytes are not an unsigned transaction of the chain.
    #[error("the bytes are not an unsigned transaction of the chain: {why}")]
    Undecodable {
        /// What is wrong.
        why: String,
    },
    /// The intent cannot be put into a transaction of the chain.
    #[error("the intent does not fit the chain: {why}")]
    Unsuitable {
        /// What is wrong.
        why: String,
    },
    /// A signature is not by the account that the bytes name, or its form is wrong.
    #[error("a signature does not belong to {account}")]
    WrongSignature {
        /// Whose it should be.
        account: String,
    },
    /// The permit was not signed by the pinned policy key, or was changed since.
    #[error("the permit is not signed by this installation's policy key")]
    ForgedPermit,
    /// The policy key is not an Ed25519 key, or a weak one.
    #[error("the policy key is not a sound Ed25519 key")]
    PolicyKey,
}

codes! { Error {
    Self::UnknownFamily { .. } => ("intent.unknown_family", 400, Never),
    Self::Address { .. } => ("intent.address", 400, Never),
    Self::Abi { .. } => ("intent.abi", 400, Never),
    Self::Undecodable { .. } => ("intent.undecodable", 400, Never),
    Self::Unsuitable { .. } => ("intent.unsuitable", 400, Never),
    Self::WrongSignature { .. } => ("intent.wrong_signature", 500, Never),
    Self::ForgedPermit => ("intent.forged_permit", 403, Never),
    Self::PolicyKey => ("intent.policy_key", 500, Never),
}}

impl Error {
    /// [`Error::Undecodable`], in the words of one who reads bytes.
    pub(crate) fn undecodable(why: impl Into<String>) -> Self {
        Self::Undecodable { why: why.into() }
    }

    /// [`Error::Unsuitable`], in the words of one who builds bytes.
    pub(crate) fn unsuitable(why: impl Into<String>) -> Self {
        Self::Unsuitable { why: why.into() }
    }

    /// [`Error::Abi`] at a path.
    pub(crate) fn abi(at: impl std::fmt::Display, why: impl Into<String>) -> Self {
        Self::Abi {
            at: at.to_string(),
            why: why.into(),
        }
    }
}

impl Coded for Error {
    fn code(&self) -> Code {
        self.own_code()
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::Abi { at, .. } => Some(at.clone()),
            _ => None,
        }
    }
}
