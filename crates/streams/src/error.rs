//! Errors of the crate.

use types::{Code, Coded, SubscriptionId, codes};

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

/// Errors of subscriptions and their delivery.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("{field}: {why}")]
    InvalidField {
        /// A path such as `delivery.url`.
        field: String,
        why: String,
    },
    #[error("no subscription {id} in this namespace")]
    UnknownSubscription { id: SubscriptionId },
    #[error("another subscription in this namespace is named {name}")]
    NameTaken { name: String },
    #[error("a namespace can have at most {limit} subscriptions")]
    LimitExceeded { limit: u32 },
    #[error("the subscription has version {actual}, not {expected}")]
    VersionConflict { expected: i64, actual: i64 },
    #[error("this idempotency key was used for a different command")]
    IdempotencyKeyReused,
    /// At most two secrets are live at a time.
    #[error("two secrets are live; retire the older one first")]
    RotationInProgress,
    #[error("the last secret cannot be retired; rotate it instead")]
    LastSecret,
    #[error("no live secret {id}")]
    UnknownSecret { id: String },
    /// The call does not apply to the delivery type of the subscription.
    #[error("this call requires a subscription with {expected} delivery")]
    DeliveryTypeMismatch { expected: String },
    /// Neither a dead letter nor the event at which the subscription is held.
    #[error("no dead letter {sequence}")]
    UnknownDeadLetter { sequence: i64 },
    #[error("another consumer has opened this subscription")]
    TakenOver,
    #[error("batch {number} is not in flight on this connection")]
    UnknownBatch { number: u64 },
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Secrets(#[from] secrets::Error),
}

codes! { Error {
    Self::InvalidField { .. } => ("streams.invalid_field", 400, Never),
    Self::UnknownSubscription { .. } => ("streams.unknown_subscription", 404, Never),
    Self::NameTaken { .. } => ("streams.name_taken", 409, Never),
    Self::LimitExceeded { .. } => ("streams.limit_exceeded", 429, Never),
    Self::VersionConflict { .. } => ("streams.version_conflict", 409, Never),
    Self::IdempotencyKeyReused => ("streams.idempotency_key_reused", 409, Never),
    Self::RotationInProgress => ("streams.rotation_in_progress", 409, Never),
    Self::LastSecret => ("streams.last_secret", 409, Never),
    Self::UnknownSecret { .. } => ("streams.unknown_secret", 404, Never),
    Self::DeliveryTypeMismatch { .. } => ("streams.delivery_type_mismatch", 409, Never),
    Self::UnknownDeadLetter { .. } => ("streams.unknown_dead_letter", 404, Never),
    Self::TakenOver => ("streams.taken_over", 409, Never),
    Self::UnknownBatch { .. } => ("streams.unknown_batch", 409, Never),
    ;
    Self::Store(inner) => inner,
    Self::Secrets(inner) => inner,
}}

impl Coded for Error {
    fn code(&self) -> Code {
        self.own_code()
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::InvalidField { field, .. } => Some(field.clone()),
            Self::NameTaken { .. } => Some("name".to_owned()),
            _ => None,
        }
    }
}

impl Error {
    pub(crate) fn invalid(field: &str, why: impl std::fmt::Display) -> Self {
        Self::InvalidField {
            field: field.to_owned(),
            why: why.to_string(),
        }
    }
}

/// [`Error::InvalidField`] for a field, unless it is valid.
pub(crate) fn require(valid: bool, field: &str, why: &str) -> Result<()> {
    if valid {
        Ok(())
    } else {
        Err(Error::invalid(field, why))
    }
}

/// Why a fact cannot be expanded into events.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpandError {
    /// Expansion is retried; until it succeeds, the partition is not read further.
    #[error("temporarily unavailable: {0}")]
    Temporary(String),
    /// The fact becomes a dead letter, and the next facts of its partition are read.
    #[error("cannot be expanded: {0}")]
    Permanent(String),
}
