//! Failures of steps that no other engine's error covers.

use types::{Code, Coded, codes};

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StepError {
    /// The receiver answered with a status that the step does not accept.
    #[error("{0}")]
    HttpStatus(String),
    /// The process stopped during the call.
    #[error("the process stopped during the call, and it is unknown whether the call took effect")]
    Interrupted,
    #[error("{0}")]
    Timeout(String),
    #[error("{0}")]
    PolicyDenied(String),
    #[error("{0}")]
    ExecutionReverted(String),
    /// The submission ended without taking effect on the chain.
    #[error("{0}")]
    SubmissionFailed(String),
    /// An operator decided that a parked step failed.
    #[error("{0}")]
    MarkedFailed(String),
    /// The step panicked.
    #[error("internal error: {0}")]
    InternalError(String),
}

codes! { StepError {
    Self::HttpStatus(_) => ("workflow.http_status", 502, Never),
    Self::Interrupted => ("workflow.interrupted", 500, Never),
    Self::Timeout(_) => ("workflow.timeout", 504, Never),
    Self::PolicyDenied(_) => ("workflow.policy_denied", 403, Never),
    Self::ExecutionReverted(_) => ("workflow.execution_reverted", 409, Never),
    Self::SubmissionFailed(_) => ("workflow.submission_failed", 409, Never),
    Self::MarkedFailed(_) => ("workflow.marked_failed", 409, Never),
    Self::InternalError(_) => ("workflow.internal_error", 500, Never),
}}

impl Coded for StepError {
    fn code(&self) -> Code {
        self.own_code()
    }
}
