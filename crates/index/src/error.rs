//! Errors of the index.

use types::{ChainId, Code, Coded, Height, codes};

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

/// Why following or querying a chain failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Chain(#[from] chain::Error),
    #[error(transparent)]
    Contracts(#[from] contracts::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
    /// No block of the chain is stored yet.
    #[error("chain {chain} is not indexed")]
    UnknownChain { chain: ChainId },
    /// The chain was reorganized at or below its final block. An operator must resume it.
    #[error("chain {chain} is halted at {height}: {reason}")]
    Halted {
        chain: ChainId,
        /// The final watermark.
        height: Height,
        reason: String,
    },
    /// Only a halted chain can be resumed.
    #[error("chain {chain} is not halted")]
    NotHalted { chain: ChainId },
    /// Resuming a chain needs a reason for the record.
    #[error("a reason of 1 to 500 bytes is required")]
    InvalidReason,
    /// The node's data about a block cannot be correct. Nothing of it was stored.
    #[error("the node of {chain} returned an inconsistent block: {reason}")]
    InconsistentBlock { chain: ChainId, reason: String },
    /// The source is not an address of the chain.
    #[error("{source_text:?} is not a source on {chain}")]
    InvalidSource { chain: ChainId, source_text: String },
}

codes! { Error {
    Self::UnknownChain { .. } => ("index.unknown_chain", 404, Never),
    Self::Halted { .. } => ("index.halted", 503, Later),
    Self::NotHalted { .. } => ("index.not_halted", 409, Never),
    Self::InvalidReason => ("index.invalid_reason", 400, Never),
    Self::InconsistentBlock { .. } => ("index.inconsistent_block", 502, Later),
    Self::InvalidSource { .. } => ("index.invalid_source", 400, Never),
    ;
    Self::Chain(inner) => inner,
    Self::Contracts(inner) => inner,
    Self::Store(inner) => inner,
}}

impl Error {
    /// Whether the work exceeded the budget of one transaction, so that a smaller part may succeed.
    pub(crate) fn exceeds_budget(&self) -> bool {
        matches!(self, Self::Store(store::Error::LimitExceeded { .. }))
    }
}

impl Coded for Error {
    fn code(&self) -> Code {
        self.own_code()
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::InvalidReason => Some("reason".to_owned()),
            Self::InvalidSource { .. } => Some("source".to_owned()),
            Self::Chain(inner) => inner.field(),
            Self::Contracts(inner) => inner.field(),
            _ => None,
        }
    }
}
