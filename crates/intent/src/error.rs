//! Errors about an intent, bytes or a permit.

use types::{ChainId, Code, Coded, codes};

/// The result type of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error about an intent, bytes or a permit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The chain's family (the CAIP-2 namespace) is not supported.
    #[error("the chain family of {chain} is not supported")]
    UnknownFamily { chain: ChainId },
    /// The text is not an address of the chain, or its checksum is wrong.
    #[error("{text:?} is not an address of this chain: {why}")]
    InvalidAddress { text: String, why: &'static str },
    /// The interface, the method name or the arguments do not match.
    #[error("{at}: {why}")]
    AbiMismatch {
        /// A path such as `params[1].amount`.
        at: String,
        why: String,
    },
    /// The bytes are not an unsigned transaction of the chain.
    #[error("the bytes are not an unsigned transaction of the chain: {why}")]
    Undecodable { why: String },
    /// The intent cannot be encoded as a transaction or statement of the chain.
    #[error("the intent is not valid on this chain: {why}")]
    InvalidIntent { why: String },
    /// A signature is missing, malformed, or not made by the signer's key.
    #[error("a signature is not by {account}")]
    WrongSignature { account: String },
    /// The permit is not signed by the pinned policy key, or was changed after signing.
    #[error("the permit is not signed by this installation's policy key")]
    InvalidPermitSignature,
    /// The policy key is not an Ed25519 key, or is a weak one.
    #[error("the policy key is not a valid Ed25519 public key")]
    InvalidPolicyKey,
}

codes! { Error {
    Self::UnknownFamily { .. } => ("intent.unknown_family", 400, Never),
    Self::InvalidAddress { .. } => ("intent.invalid_address", 400, Never),
    Self::AbiMismatch { .. } => ("intent.abi_mismatch", 400, Never),
    Self::Undecodable { .. } => ("intent.undecodable", 400, Never),
    Self::InvalidIntent { .. } => ("intent.invalid_intent", 400, Never),
    Self::WrongSignature { .. } => ("intent.wrong_signature", 500, Never),
    Self::InvalidPermitSignature => ("intent.invalid_permit_signature", 403, Never),
    Self::InvalidPolicyKey => ("intent.invalid_policy_key", 500, Never),
}}

impl Error {
    /// [`Error::Undecodable`] with this reason.
    pub(crate) fn undecodable(why: impl Into<String>) -> Self {
        Self::Undecodable { why: why.into() }
    }

    /// [`Error::InvalidIntent`] with this reason.
    pub(crate) fn invalid_intent(why: impl Into<String>) -> Self {
        Self::InvalidIntent { why: why.into() }
    }

    /// [`Error::AbiMismatch`] at a path.
    pub(crate) fn abi_mismatch(at: impl std::fmt::Display, why: impl Into<String>) -> Self {
        Self::AbiMismatch {
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
            Self::AbiMismatch { at, .. } => Some(at.clone()),
            _ => None,
        }
    }
}
