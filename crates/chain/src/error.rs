//! Errors about a node or its answers.

use types::{Amount, Code, Coded, codes};

/// The result type of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error about a node or its answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No usable answer: time-out, refused connection, server error, rate limit.
    #[error("the node of {chain} does not answer: {why}")]
    Unreachable { chain: String, why: String },
    /// An invalid answer: too large, a wrong id, a hash that does not match.
    #[error("the node of {chain} gave an invalid answer: {why}")]
    InvalidResponse { chain: String, why: String },
    /// The node answered with an error.
    #[error("the node of {chain} returned an error: {message} ({number})")]
    RequestRejected {
        chain: String,
        /// The JSON-RPC error code or the HTTP status.
        number: i64,
        message: String,
    },
    /// The contract reverts the call.
    #[error("the contract reverts: {reason}")]
    ExecutionReverted {
        /// The reason as text: the contract's message, the meaning of the panic, or the custom
        /// error with its arguments.
        reason: String,
        /// The revert data, hexadecimal with 0x.
        data: String,
    },
    /// The node serves another chain than the configured one.
    #[error("the node of {chain} serves eip155:{actual}")]
    WrongChain {
        chain: String,
        /// The chain id that the node reports.
        actual: u64,
    },
    /// The fee exceeds a configured limit.
    #[error("the fee is {price}, above the limit of {cap} that {setting} of the chain sets")]
    FeeTooHigh {
        /// The setting of the chain, such as `fees.max_tip`.
        setting: &'static str,
        /// What is needed, in base units.
        price: Amount,
        /// The limit, in base units.
        cap: Amount,
    },
    /// The configuration of a chain is invalid.
    #[error("{field}: {why}")]
    InvalidConfig { field: &'static str, why: String },
    /// The request is not valid on this chain.
    #[error(transparent)]
    Intent(#[from] intent::Error),
}

codes! { Error {
    Self::Unreachable { .. } => ("chain.unreachable", 503, Later),
    Self::InvalidResponse { .. } => ("chain.invalid_response", 502, Later),
    Self::RequestRejected { .. } => ("chain.request_rejected", 502, Never),
    Self::ExecutionReverted { .. } => ("chain.execution_reverted", 422, Never),
    Self::WrongChain { .. } => ("chain.wrong_chain", 503, Never),
    Self::FeeTooHigh { .. } => ("chain.fee_too_high", 503, Later),
    Self::InvalidConfig { .. } => ("chain.invalid_config", 400, Never),
    ;
    Self::Intent(inner) => inner,
}}

impl Error {
    /// [`intent::Error::InvalidIntent`] with this reason.
    pub(crate) fn invalid_intent(why: impl Into<String>) -> Self {
        Self::Intent(intent::Error::InvalidIntent { why: why.into() })
    }
}

impl Coded for Error {
    fn code(&self) -> Code {
        self.own_code()
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::Intent(inner) => inner.field(),
            Self::InvalidConfig { field, .. } => Some((*field).to_owned()),
            _ => None,
        }
    }
}
