//! What can go wrong between Florin and a node.

use types::{Amount, Code, Coded, codes};

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
        /// The reason in words: the text, the panic's meaning, or the custom error with its
        /// arguments.
        reason: String,
        /// The raw data, hexadecimal with 0x.
        data: String,
    },
    /// The node serves another chain than the one that is configured.
    #[error("the node of {chain} serves eip155:{found}")]
    WrongChain {
        /// The chain that is configured.
        chain: String,
        /// The number of the chain that it serves.
        found: u64,
    },
    /// The chain's price is above the configured cap.
    #[error("{chain} asks {price} for a unit of work, above the configured cap of {cap}")]
    TooDear {
        /// The chain.
        chain: String,
        /// Its price now, in base units.
        price: Amount,
        /// The cap, in base units.
        cap: Amount,
    },
    /// The configuration of a chain makes no sense.
    #[error("{field}: {why}")]
    Config {
        /// Which setting.
        field: &'static str,
        /// What is wrong with it.
        why: String,
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
    Self::WrongChain { .. } => ("chain.wrong_chain", 503, Never),
    Self::TooDear { .. } => ("chain.too_dear", 503, Later),
    Self::Config { .. } => ("chain.config", 400, Never),
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
            Self::Config { field, .. } => Some((*field).to_owned()),
            _ => None,
        }
    }
}
