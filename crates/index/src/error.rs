//! What can go wrong while a chain is followed.

use types::{ChainId, Code, Coded, Height, codes};

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The node.
    #[error(transparent)]
    Chain(#[from] chain::Error),
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// No follower has begun with this chain.
    #[error("chain {chain} is not followed")]
    UnknownChain {
        /// The chain.
        chain: ChainId,
    },
    /// The chain was reorganised below what was final; an operator must look and resume it.
    #[error("chain {chain} is halted at {height}: {reason}")]
    Halted {
        /// The chain.
        chain: ChainId,
        /// The final watermark.
        height: Height,
        /// What was seen.
        reason: String,
    },
    /// Only a chain that is halted can be resumed.
    #[error("chain {chain} is not halted")]
    NotHalted {
        /// The chain.
        chain: ChainId,
    },
    /// A reason is needed for the record.
    #[error("say why, in 1 to 500 characters")]
    Reason,
    /// What the node said of a block cannot be right; nothing of it was stored.
    #[error("the node of {chain} contradicts itself: {why}")]
    Contradiction {
        /// The chain.
        chain: ChainId,
        /// What cannot be right.
        why: String,
    },
    /// The source is not an address of the chain.
    #[error("{source_text:?} is not a source on {chain}")]
    Source {
        /// The chain.
        chain: ChainId,
        /// As given.
        source_text: String,
    },
}

codes! { Error {
    Self::UnknownChain { .. } => ("index.unknown_chain", 404, Never),
    Self::Halted { .. } => ("index.halted", 503, Later),
    Self::NotHalted { .. } => ("index.not_halted", 409, Never),
    Self::Reason => ("index.reason", 400, Never),
    Self::Contradiction { .. } => ("index.contradiction", 502, Later),
    Self::Source { .. } => ("index.source", 400, Never),
    ;
    Self::Chain(inner) => inner,
    Self::Store(inner) => inner,
}}

impl Error {
    /// Whether it was more than one transaction may do: less at a time may do.
    pub(crate) fn is_too_much(&self) -> bool {
        matches!(self, Self::Store(store::Error::Budget { .. }))
    }
}

impl Coded for Error {
    fn code(&self) -> Code {
        self.own_code()
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::Reason => Some("reason".to_owned()),
            Self::Source { .. } => Some("source".to_owned()),
            Self::Chain(inner) => inner.field(),
            _ => None,
        }
    }
}
