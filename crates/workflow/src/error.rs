//! Errors of tasks, runs and listeners.

use crate::definition::{DefinitionError, DefinitionErrorKind};
use crate::state::IllegalTransition;
use std::fmt::Display;
use store::named::Named;
use types::{Code, Coded, Json, codes};

/// Result with this crate's error.
pub type Result<T> = std::result::Result<T, Error>;

/// Errors of tasks, runs and listeners. `field` is a path into the request, such as
/// `steps[2].type`.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The posted version cannot be parsed.
    #[error("the definition cannot be read: {reason}")]
    InvalidDefinition { reason: String },
    /// A field has an invalid value.
    #[error("{field}: {reason}")]
    InvalidField { field: String, reason: String },
    /// A step has an unknown type.
    #[error("{field}: {reason}")]
    UnknownStepType { field: String, reason: String },
    /// An expression does not parse, is not allowed, or failed.
    #[error("{field}: {reason}")]
    Expression { field: String, reason: String },
    /// The resource does not exist in this namespace.
    #[error("there is no {noun} {name:?} in this namespace")]
    UnknownResource {
        /// The noun: task, version, run, variable set, binding or listener.
        noun: &'static str,
        /// The name or id in the request.
        name: String,
    },
    #[error("task {task:?} has no version: post one first")]
    NoVersion { task: String },
    #[error("{name:?} is already the name of another {noun}")]
    NameTaken {
        /// The noun: task, variable set, binding or listener.
        noun: &'static str,
        name: String,
    },
    /// The resource cannot be deleted because others refer to it.
    #[error("{noun} {name:?} cannot be deleted: {referrer}")]
    Referenced {
        noun: &'static str,
        name: String,
        /// What refers to it.
        referrer: String,
    },
    /// The idempotency key belongs to a different command.
    #[error("this idempotency key was used for a different command, which created {resource}")]
    IdempotencyKeyReused {
        /// What the first command created.
        resource: String,
    },
    #[error("{field}: at most {limit} {unit}")]
    LimitExceeded {
        /// The field or collection.
        field: String,
        unit: &'static str,
        limit: usize,
    },
    /// The run's state does not allow the operation.
    #[error("run {run}: {reason}")]
    WrongState { run: types::RunId, reason: String },
    /// The run or listener changed concurrently.
    #[error("it changed concurrently: read it again")]
    VersionConflict,
    /// The state machine rejected an event. A bug in Florin.
    #[error(transparent)]
    IllegalTransition(#[from] IllegalTransition),
    /// Stored data cannot be read. A bug in Florin, or the database was edited.
    #[error("a stored {noun} cannot be read: {reason}")]
    Corrupt { noun: &'static str, reason: String },
    #[error(transparent)]
    Store(store::Error),
    #[error(transparent)]
    Secrets(#[from] secrets::Error),
    #[error(transparent)]
    Data(#[from] data::Error),
    #[error(transparent)]
    Policy(#[from] policy::Error),
    #[error(transparent)]
    Contracts(contracts::Error),
    #[error(transparent)]
    Submit(#[from] submit::Error),
    #[error(transparent)]
    Chain(#[from] chain::Error),
    #[error(transparent)]
    Intent(#[from] intent::Error),
    /// A call to an address named by a user.
    #[error(transparent)]
    Outbound(#[from] outbound::Error),
}

codes! { Error {
    Self::InvalidDefinition { .. } => ("workflow.invalid_definition", 400, Never),
    Self::InvalidField { .. } => ("workflow.invalid_field", 400, Never),
    Self::UnknownStepType { .. } => ("workflow.unknown_step_type", 400, Never),
    Self::Expression { .. } => ("workflow.expression_error", 400, Never),
    Self::UnknownResource { .. } => ("workflow.unknown_resource", 404, Never),
    Self::NoVersion { .. } => ("workflow.no_version", 409, Never),
    Self::NameTaken { .. } => ("workflow.name_taken", 409, Never),
    Self::Referenced { .. } => ("workflow.referenced", 409, Never),
    Self::IdempotencyKeyReused { .. } => ("workflow.idempotency_key_reused", 409, Never),
    Self::LimitExceeded { .. } => ("workflow.limit_exceeded", 400, Never),
    Self::WrongState { .. } => ("workflow.wrong_state", 409, Never),
    Self::VersionConflict => ("workflow.version_conflict", 409, Later),
    Self::IllegalTransition(_) => ("workflow.illegal_transition", 500, Never),
    Self::Corrupt { .. } => ("workflow.corrupt", 500, Never),
    ;
    Self::Store(source) => source,
    Self::Secrets(source) => source,
    Self::Data(source) => source,
    Self::Policy(source) => source,
    Self::Contracts(source) => source,
    Self::Submit(source) => source,
    Self::Chain(source) => source,
    Self::Intent(source) => source,
    Self::Outbound(source) => source,
}}

impl Error {
    pub(crate) fn invalid(field: impl Into<String>, reason: impl Display) -> Self {
        Self::InvalidField {
            field: field.into(),
            reason: reason.to_string(),
        }
    }

    pub(crate) fn unknown(noun: &'static str, name: impl Display) -> Self {
        Self::UnknownResource {
            noun,
            name: name.to_string(),
        }
    }

    pub(crate) fn referenced<R: Named>(resource: &R, referrer: String) -> Self {
        Self::Referenced {
            noun: R::NOUN,
            name: resource.meta().name,
            referrer,
        }
    }

    pub(crate) fn limit(field: &str, unit: &'static str, limit: usize) -> Self {
        Self::LimitExceeded {
            field: field.to_owned(),
            unit,
            limit,
        }
    }

    /// [`Error::LimitExceeded`] if a value has more bytes than it may have.
    pub(crate) fn check_bytes(field: &str, bytes: usize, limit: usize) -> Result<()> {
        if bytes > limit {
            return Err(Self::limit(field, "bytes", limit));
        }
        Ok(())
    }

    pub(crate) fn corrupt(noun: &'static str, reason: impl Display) -> Self {
        Self::Corrupt {
            noun,
            reason: reason.to_string(),
        }
    }
}

/// A column with an unexpected value makes its run or listener unreadable; every other error
/// concerns the database.
impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::UnexpectedValue { .. } => Self::corrupt("row", error),
            other => Self::Store(other),
        }
    }
}

/// A value as JSON. Errors: [`Error::Corrupt`] with the noun.
pub(crate) fn to_stored(noun: &'static str, value: &impl serde::Serialize) -> Result<Json> {
    Json::of(value).map_err(|error| Error::corrupt(noun, error))
}

/// Errors of the database have one form here, whichever engine reports them.
impl From<contracts::Error> for Error {
    fn from(error: contracts::Error) -> Self {
        match error {
            contracts::Error::Store(error) => error.into(),
            contracts::Error::Intent(error) => error.into(),
            other => Self::Contracts(other),
        }
    }
}

impl From<DefinitionError> for Error {
    fn from(error: DefinitionError) -> Self {
        let DefinitionError {
            kind,
            field,
            reason,
        } = error;
        match kind {
            DefinitionErrorKind::Document => Self::InvalidDefinition { reason },
            DefinitionErrorKind::Field => Self::InvalidField { field, reason },
            DefinitionErrorKind::StepType => Self::UnknownStepType { field, reason },
            DefinitionErrorKind::Expression => Self::Expression { field, reason },
        }
    }
}

impl Coded for Error {
    fn code(&self) -> Code {
        self.own_code()
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::InvalidField { field, .. }
            | Self::UnknownStepType { field, .. }
            | Self::Expression { field, .. }
            | Self::LimitExceeded { field, .. } => Some(field.clone()),
            Self::IdempotencyKeyReused { .. } => Some("Idempotency-Key".to_owned()),
            Self::Data(source) => source.field(),
            Self::Policy(source) => source.field(),
            Self::Contracts(source) => source.field(),
            Self::Submit(source) => source.field(),
            Self::Chain(source) => source.field(),
            Self::Intent(source) => source.field(),
            _ => None,
        }
    }
}
