//! Errors of submissions.

use crate::state::IllegalTransition;
use crate::statement::IllegalStatementTransition;
use types::{ChainId, Code, Coded, StatementId, SubmissionId, codes};

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an operation on submissions failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The signer is not a key of this namespace.
    #[error("no key {signer} on {chain} in this namespace")]
    UnknownSigner { chain: ChainId, signer: String },
    /// The chain is not configured in this installation.
    #[error("chain {chain} is not configured")]
    UnknownChain { chain: ChainId },
    /// The namespace has no submission with this id.
    #[error("no submission {id} in this namespace")]
    UnknownSubmission { id: SubmissionId },
    /// The namespace has no statement with this id.
    #[error("no signature {id} in this namespace")]
    UnknownStatement { id: StatementId },
    /// The statement is signed or has ended, so that it cannot be withdrawn.
    #[error("signature {id} {reason}")]
    StatementEnded { id: StatementId, reason: String },
    /// A limit other than that of a lane.
    #[error("the limit of {limit} {what} is reached")]
    LimitExceeded { what: &'static str, limit: u32 },
    /// A field exceeds its limits.
    #[error("{field} {reason}")]
    InvalidField { field: &'static str, reason: String },
    /// The idempotency key was used with another command, which created `resource`.
    #[error("this idempotency key was used with a different command, which created {resource}")]
    IdempotencyKeyReused { resource: String },
    /// The lane holds as many submissions as its limit allows.
    #[error("{signer} already has {limit} submissions waiting on {chain}")]
    LaneFull {
        chain: ChainId,
        signer: String,
        limit: u32,
    },
    /// The submission's state does not allow the operation.
    #[error("submission {id} {reason}")]
    WrongState { id: SubmissionId, reason: String },
    /// The lane does not exist or is not paused.
    #[error("the lane of {signer} on {chain} is not paused")]
    LaneNotPaused { chain: ChainId, signer: String },
    /// A bug in Florin: an event that the state machine does not allow.
    #[error(transparent)]
    IllegalTransition(#[from] IllegalTransition),
    /// A bug in Florin: the same of a statement.
    #[error(transparent)]
    IllegalStatementTransition(#[from] IllegalStatementTransition),
    #[error(transparent)]
    Intent(#[from] intent::Error),
    #[error(transparent)]
    Chain(#[from] chain::Error),
    #[error(transparent)]
    Keys(#[from] keys::Error),
    #[error(transparent)]
    Policy(#[from] policy::Error),
    #[error(transparent)]
    Contracts(#[from] contracts::Error),
    #[error(transparent)]
    Index(#[from] index::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
}

codes! { Error {
    Self::UnknownSigner { .. } => ("submit.unknown_signer", 404, Never),
    Self::UnknownChain { .. } => ("submit.unknown_chain", 404, Never),
    Self::UnknownSubmission { .. } => ("submit.unknown_submission", 404, Never),
    Self::UnknownStatement { .. } => ("submit.unknown_statement", 404, Never),
    Self::StatementEnded { .. } => ("submit.statement_ended", 409, Never),
    Self::LimitExceeded { .. } => ("submit.limit_exceeded", 429, Later),
    Self::InvalidField { .. } => ("submit.invalid_field", 400, Never),
    Self::IdempotencyKeyReused { .. } => ("submit.idempotency_key_reused", 409, Never),
    Self::LaneFull { .. } => ("submit.lane_full", 429, Later),
    Self::WrongState { .. } => ("submit.wrong_state", 409, Never),
    Self::LaneNotPaused { .. } => ("submit.lane_not_paused", 409, Never),
    Self::IllegalTransition(_) | Self::IllegalStatementTransition(_) => ("submit.illegal_transition", 500, Never),
    ;
    Self::Intent(inner) => inner,
    Self::Chain(inner) => inner,
    Self::Keys(inner) => inner,
    Self::Policy(inner) => inner,
    Self::Contracts(inner) => inner,
    Self::Index(inner) => inner,
    Self::Store(inner) => inner,
}}

impl Error {
    /// The error for a row that another transaction changed since it was read.
    pub(crate) fn contended() -> Self {
        store::Error::Contended { attempts: 1 }.into()
    }
}

impl Coded for Error {
    fn code(&self) -> Code {
        self.own_code()
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::UnknownSigner { .. } => Some("signer".to_owned()),
            Self::UnknownChain { .. } => Some("chain".to_owned()),
            Self::InvalidField { field, .. } => Some((*field).to_owned()),
            Self::IdempotencyKeyReused { .. } => Some("Idempotency-Key".to_owned()),
            Self::Intent(inner) => inner.field(),
            Self::Chain(inner) => inner.field(),
            Self::Keys(inner) => inner.field(),
            Self::Policy(inner) => inner.field(),
            Self::Contracts(inner) => inner.field(),
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
