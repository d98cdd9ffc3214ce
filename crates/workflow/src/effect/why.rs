//! Why a step failed, where no other engine has a word for it.

use types::{Code, Coded, codes};

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Why {
    /// The other side answered with a status that is not accepted.
    #[error("{0}")]
    HttpStatus(String),
    /// Florin stopped while a call was under way.
    #[error("Florin stopped while the call was under way, and nobody knows whether it happened")]
    Interrupted,
    /// The step's time was up.
    #[error("{0}")]
    Timeout(String),
    /// Policy said no.
    #[error("{0}")]
    Denied(String),
    /// The chain undid the transaction.
    #[error("{0}")]
    Reverted(String),
    /// The submission came to nothing.
    #[error("{0}")]
    NotDone(String),
    /// A person said that a parked step failed.
    #[error("{0}")]
    GivenUp(String),
    /// The step broke off.
    #[error("the step broke off: {0}")]
    Broken(String),
}

codes! { Why {
    Self::HttpStatus(_) => ("workflow.http_status", 502, Never),
    Self::Interrupted => ("workflow.interrupted", 500, Never),
    Self::Timeout(_) => ("workflow.timeout", 504, Never),
    Self::Denied(_) => ("workflow.denied", 403, Never),
    Self::Reverted(_) => ("workflow.reverted", 409, Never),
    Self::NotDone(_) => ("workflow.not_done", 409, Never),
    Self::GivenUp(_) => ("workflow.given_up", 409, Never),
    Self::Broken(_) => ("workflow.broken", 500, Never),
}}

impl Coded for Why {
    fn code(&self) -> Code {
        self.own_code()
    }
}

impl Why {
    /// As a failure, of no step yet.
    pub(crate) fn failure(&self) -> crate::Failure {
        crate::Failure {
            code: self.code().code.to_owned(),
            message: self.to_string(),
            step: None,
        }
    }
}
