//! What can go wrong with a submission.

use crate::state::Illegal;
use types::{ChainId, Code, Coded, SubmissionId, codes};

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The signer is not a key of this namespace.
    #[error("no key {signer} on {chain} in this namespace")]
    UnknownSigner {
        /// The chain.
        chain: ChainId,
        /// As given.
        signer: String,
    },
    /// The chain is not configured here.
    #[error("chain {chain} is not configured")]
    UnknownChain {
        /// As given.
        chain: ChainId,
    },
    /// There is no such submission in this namespace.
    #[error("no submission {id}")]
    NotFound {
        /// As given.
        id: SubmissionId,
    },
    /// A field breaks its limits.
    #[error("{field} {why}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The idempotency key was used by another command.
    #[error("this idempotency key was used for another command, which made {resource}")]
    KeyReused {
        /// What that one made.
        resource: String,
    },
    /// The lane holds as many waiting submissions as its limit allows.
    #[error("{signer} has {limit} submissions waiting on {chain} already")]
    LaneFull {
        /// The chain.
        chain: ChainId,
        /// The signer.
        signer: String,
        /// The limit.
        limit: u32,
    },
    /// What was asked does not fit where the submission stands.
    #[error("submission {id} {why}")]
    WrongState {
        /// The submission.
        id: SubmissionId,
        /// What stands in the way.
        why: String,
    },
    /// The lane does not exist or is not paused.
    #[error("the lane of {signer} on {chain} is not paused")]
    LaneNotPaused {
        /// The chain.
        chain: ChainId,
        /// The signer.
        signer: String,
    },
    /// A mistake in Florin: an event that cannot happen in that state.
    #[error(transparent)]
    Illegal(#[from] Illegal),
    /// The intent.
    #[error(transparent)]
    Intent(#[from] intent::Error),
    /// The node.
    #[error(transparent)]
    Chain(#[from] chain::Error),
    /// The keys.
    #[error(transparent)]
    Keys(#[from] keys::Error),
    /// The policy.
    #[error(transparent)]
    Policy(#[from] policy::Error),
    /// The index.
    #[error(transparent)]
    Index(#[from] index::Error),
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
}

codes! { Error {
    Self::UnknownSigner { .. } => ("submit.unknown_signer", 404, Never),
    Self::UnknownChain { .. } => ("submit.unknown_chain", 404, Never),
    Self::NotFound { .. } => ("submit.not_found", 404, Never),
    Self::Invalid { .. } => ("submit.invalid", 400, Never),
    Self::KeyReused { .. } => ("submit.key_reused", 409, Never),
    Self::LaneFull { .. } => ("submit.lane_full", 429, Later),
    Self::WrongState { .. } => ("submit.wrong_state", 409, Never),
    Self::LaneNotPaused { .. } => ("submit.lane_not_paused", 409, Never),
    Self::Illegal(_) => ("submit.illegal", 500, Never),
    ;
    Self::Intent(inner) => inner,
    Self::Chain(inner) => inner,
    Self::Keys(inner) => inner,
    Self::Policy(inner) => inner,
    Self::Index(inner) => inner,
    Self::Store(inner) => inner,
}}

impl Coded for Error {
    fn code(&self) -> Code {
        self.own_code()
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::UnknownSigner { .. } => Some("signer".to_owned()),
            Self::UnknownChain { .. } => Some("chain".to_owned()),
            Self::Invalid { field, .. } => Some((*field).to_owned()),
            Self::KeyReused { .. } => Some("Idempotency-Key".to_owned()),
            Self::Intent(inner) => inner.field(),
            Self::Chain(inner) => inner.field(),
            Self::Keys(inner) => inner.field(),
            Self::Policy(inner) => inner.field(),
            Self::Index(inner) => inner.field(),
            _ => None,
        }
    }
}

impl From<fail::Injected> for Error {
    fn from(injected: fail::Injected) -> Self {
        Self::Store(injected.into())
    }
}
