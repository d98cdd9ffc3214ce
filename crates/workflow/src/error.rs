//! What can go wrong with tasks, runs and listeners.

use crate::definition::{Refused, What};
use crate::state::Illegal;
use types::{Code, Coded, codes};

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong. `field` is a path into the request, such as `steps[2].type`.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// A version that cannot be read at all.
    #[error("the definition cannot be read: {why}")]
    Definition {
        /// What the parser says.
        why: String,
    },
    /// A field has a value that it cannot have.
    #[error("{field}: {why}")]
    Invalid {
        /// Which field.
        field: String,
        /// What is wrong with it.
        why: String,
    },
    /// A step of no known type.
    #[error("{field}: {why}")]
    StepType {
        /// Which field.
        field: String,
        /// What there is instead.
        why: String,
    },
    /// An expression that does not parse, or is not allowed.
    #[error("{field}: {why}")]
    Expression {
        /// Which field.
        field: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is no such thing in this namespace.
    #[error("there is no {what} {name:?}")]
    Unknown {
        /// What: task, version, run, variable set, binding, listener.
        what: &'static str,
        /// As it was named.
        name: String,
    },
    /// The task has no version yet.
    #[error("task {task:?} has no version yet: post one first")]
    NoVersion {
        /// The task.
        task: String,
    },
    /// The name belongs to another.
    #[error("{name:?} is the name of another {what}")]
    NameTaken {
        /// What: task, variable set, binding, listener.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Others refer to what should be deleted.
    #[error("{what} {name:?} cannot be deleted: {by}")]
    ReferredTo {
        /// What.
        what: &'static str,
        /// As it was named.
        name: String,
        /// What refers to it.
        by: String,
    },
    /// The idempotency key was used by another command.
    #[error("this idempotency key was used for another command, which made {resource}")]
    KeyReused {
        /// What that one made.
        resource: String,
    },
    /// More than the limit allows.
    #[error("{field}: at most {limit} {of}")]
    TooMuch {
        /// Which field, or which thing.
        field: String,
        /// Of what.
        of: &'static str,
        /// The limit.
        limit: usize,
    },
    /// What was asked does not fit where the run stands.
    #[error("run {run}: {why}")]
    WrongState {
        /// The run.
        run: types::RunId,
        /// What stands in the way.
        why: String,
    },
    /// Somebody else changed the run meanwhile.
    #[error("somebody else changed it meanwhile")]
    Stale,
    /// A mistake in Florin: an event that cannot happen there.
    #[error(transparent)]
    Illegal(#[from] Illegal),
    /// What is stored cannot be read. A mistake in Florin, or a database that was changed by hand.
    #[error("a stored {what} cannot be read: {why}")]
    Corrupt {
        /// What.
        what: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The data model.
    #[error(transparent)]
    Data(#[from] data::Error),
    /// Policy.
    #[error(transparent)]
    Policy(#[from] policy::Error),
    /// Submissions.
    #[error(transparent)]
    Submit(#[from] submit::Error),
    /// A node.
    #[error(transparent)]
    Chain(#[from] chain::Error),
    /// An interface or an intent.
    #[error(transparent)]
    Intent(#[from] intent::Error),
    /// A call to an address that a user named.
    #[error(transparent)]
    Outbound(#[from] streams::outbound::Failure),
}

codes! { Error {
    Self::Definition { .. } => ("workflow.definition", 400, Never),
    Self::Invalid { .. } => ("workflow.invalid", 400, Never),
    Self::StepType { .. } => ("workflow.step_type", 400, Never),
    Self::Expression { .. } => ("workflow.expression", 400, Never),
    Self::Unknown { .. } => ("workflow.unknown", 404, Never),
    Self::NoVersion { .. } => ("workflow.no_version", 409, Never),
    Self::NameTaken { .. } => ("workflow.name_taken", 409, Never),
    Self::ReferredTo { .. } => ("workflow.referred_to", 409, Never),
    Self::KeyReused { .. } => ("workflow.key_reused", 409, Never),
    Self::TooMuch { .. } => ("workflow.too_much", 400, Never),
    Self::WrongState { .. } => ("workflow.wrong_state", 409, Never),
    Self::Stale => ("workflow.stale", 409, Later),
    Self::Illegal(_) => ("workflow.illegal", 500, Never),
    Self::Corrupt { .. } => ("workflow.corrupt", 500, Never),
    ;
    Self::Store(inner) => inner,
    Self::Data(inner) => inner,
    Self::Policy(inner) => inner,
    Self::Submit(inner) => inner,
    Self::Chain(inner) => inner,
    Self::Intent(inner) => inner,
    Self::Outbound(inner) => inner,
}}

impl Error {
    pub(crate) fn invalid(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.into(),
            why: why.into(),
        }
    }

    pub(crate) fn unknown(what: &'static str, name: impl std::fmt::Display) -> Self {
        Self::Unknown {
            what,
            name: name.to_string(),
        }
    }

    pub(crate) fn corrupt(what: &'static str, why: impl Into<String>) -> Self {
        Self::Corrupt {
            what,
            why: why.into(),
        }
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        let Refused { what, field, why } = refused;
        match what {
            What::Document => Self::Definition { why },
            What::Field => Self::Invalid { field, why },
            What::StepType => Self::StepType { field, why },
            What::Expression => Self::Expression { field, why },
        }
    }
}

impl Coded for Error {
    fn code(&self) -> Code {
        self.own_code()
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::Invalid { field, .. }
            | Self::StepType { field, .. }
            | Self::Expression { field, .. }
            | Self::TooMuch { field, .. } => Some(field.clone()),
            Self::KeyReused { .. } => Some("Idempotency-Key".to_owned()),
            Self::Data(inner) => inner.field(),
            Self::Policy(inner) => inner.field(),
            Self::Submit(inner) => inner.field(),
            Self::Chain(inner) => inner.field(),
            Self::Intent(inner) => inner.field(),
            _ => None,
        }
    }
}
