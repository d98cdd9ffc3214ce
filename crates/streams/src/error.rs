//! What can go wrong in the streams.

use crate::outbound::Failure;
use types::{Code, Coded, SubscriptionId, codes};

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A field of what was given is not right.
    #[error("{field}: {why}")]
    Invalid {
        /// The field, as a path such as `delivery.url`.
        field: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is no such subscription in this namespace.
    #[error("no subscription {id} in this namespace")]
    Unknown {
        /// Its id.
        id: SubscriptionId,
    },
    /// Another subscription has the name.
    #[error("another subscription is called {name}")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The namespace has as many subscriptions as it may.
    #[error("a namespace has at most {limit} subscriptions")]
    TooMany {
        /// The limit.
        limit: u32,
    },
    /// It was changed since it was read.
    #[error("the subscription has version {found}, not {expected}")]
    Stale {
        /// The version that was to be changed.
        expected: i64,
        /// The version it has.
        found: i64,
    },
    /// Another command used the idempotency key.
    #[error("another command used this idempotency key")]
    KeyReused,
    /// Two secrets are live already.
    #[error("two secrets are live; retire the older one first")]
    TwoSecrets,
    /// It is the only secret: without it nothing could be signed.
    #[error("the last secret cannot be retired; rotate it")]
    LastSecret,
    /// There is no such secret.
    #[error("no live secret {id}")]
    UnknownSecret {
        /// Its id.
        id: String,
    },
    /// It is delivered in another way than the call is for.
    #[error("this is for a subscription that is delivered by {expected}")]
    Kind {
        /// The way it is for.
        expected: &'static str,
    },
    /// No such dead letter, nor the event that the subscription holds at.
    #[error("no dead letter {sequence}")]
    UnknownLetter {
        /// Its sequence.
        sequence: i64,
    },
    /// Another consumer opened the subscription.
    #[error("another consumer has taken the subscription over")]
    TakenOver,
    /// The connection has no such batch under way.
    #[error("batch {number} is not under way on this connection")]
    UnknownBatch {
        /// Its number.
        number: u64,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
}

codes! { Error {
    Self::Invalid { .. } => ("streams.invalid", 400, Never),
    Self::Unknown { .. } => ("streams.unknown_subscription", 404, Never),
    Self::NameTaken { .. } => ("streams.name_taken", 409, Never),
    Self::TooMany { .. } => ("streams.too_many", 429, Never),
    Self::Stale { .. } => ("streams.stale", 409, Never),
    Self::KeyReused => ("streams.key_reused", 409, Never),
    Self::TwoSecrets => ("streams.two_secrets", 409, Never),
    Self::LastSecret => ("streams.last_secret", 409, Never),
    Self::UnknownSecret { .. } => ("streams.unknown_secret", 404, Never),
    Self::Kind { .. } => ("streams.kind", 409, Never),
    Self::UnknownLetter { .. } => ("streams.unknown_letter", 404, Never),
    Self::TakenOver => ("streams.taken_over", 409, Never),
    Self::UnknownBatch { .. } => ("streams.unknown_batch", 409, Never),
    ;
    Self::Store(inner) => inner,
}}

impl Coded for Error {
    fn code(&self) -> Code {
        self.own_code()
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::Invalid { field, .. } => Some(field.clone()),
            Self::NameTaken { .. } => Some("name".to_owned()),
            _ => None,
        }
    }
}

impl Error {
    pub(crate) fn invalid(field: &str, why: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.to_owned(),
            why: why.into(),
        }
    }

    pub(crate) fn url(failure: &Failure) -> Self {
        Self::invalid("delivery.url", failure.to_string())
    }
}

/// Why a fact cannot be turned into events.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unexpanded {
    /// What it stands for cannot be read now. Its partition waits.
    #[error("not now: {0}")]
    Later(String),
    /// What it stands for cannot be read at all. It becomes a dead letter, and its partition goes
    /// on.
    #[error("never: {0}")]
    Never(String),
}
