//! What can go wrong between Florin and a node.

use types::{Code, Coded, codes};

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No answer: time-out, refused connection, server error, throttling.
    #[error("the node of {chain} does not answer: {why}")]
    Unreachable {
        /// The chain.
        chain: String,
        /// What was seen instead.
        why: String,
    },
    /// An answer that cannot be right: too large, another id, a hash that does not match.
    #[error("the node of {chain} gave an answer that cannot be right: {why}")]
    Untrusted {
        /// The chain.
        chain: String,
        /// What is wrong with it.
        why: String,
    },
    /// The node understood and said no.
    #[error("the node of {chain} refused: {message} ({number})")]
    Refused {
        /// The chain.
        chain: String,
        /// The JSON-RPC error code.
        number: i64,
        /// Its words.
        message: String,
    },
    /// The call would be undone by the contract.
    #[error("the contract reverts: {reason}")]
    Reverts {
        /// The reason in words: the text, the panic's meaning, or the custom error with its arguments.
        reason: String,
        /// The raw data, hexadecimal with 0x.
        data: String,
    },
    /// What was asked makes no sense on this chain.
    #[error(transparent)]
    Intent(#[from] intent::Error),
}

codes! { Error {
    Self::Unreachable { .. } => ("chain.unreachable", 503, Later),
    Self::Untrusted { .. } => ("chain.untrusted", 502, Later),
    Self::Refused { .. } => ("chain.refused", 502, Never),
    Self::Reverts { .. } => ("chain.reverts", 422, Never),
    ;
    Self::Intent(inner) => inner,
}}

impl Coded for Error {
    fn code(&self) -> Code {
        self.own_code()
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::Intent(inner) => inner.field(),
            _ => None,
        }
    }
}
