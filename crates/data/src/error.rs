//! Errors of the data model.

use crate::Type;
use types::{Code, Coded, codes};

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Errors of the data model. `field` is the path in the request, such as `transfers[0].amount`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The body is not JSON, or not an object where one is expected.
    #[error("the body cannot be read: {reason}")]
    InvalidBody { reason: String },
    /// A field has an invalid value.
    #[error("{field}: {reason}")]
    InvalidField { field: String, reason: String },
    /// The field, type or member does not exist.
    #[error("{field} is not a known field, type or member")]
    UnknownField { field: String },
    /// The operator does not exist or does not apply to the field.
    #[error("{field}: the operator {operator} does not apply to this field")]
    UnknownOperator { field: String, operator: String },
    /// The request exceeds a limit.
    #[error("{field}: the limit of {limit} is exceeded")]
    LimitExceeded { field: String, limit: usize },
    /// A reference to an object that does not exist. Public bulk clients search the message for
    /// `KA090801`.
    #[error("KA090801: {field} refers to {kind} {reference:?}, which does not exist")]
    BadReference {
        field: String,
        kind: Type,
        reference: String,
    },
    /// Several objects have the name.
    #[error(
        "{field}: several objects of type {kind} are named {reference:?}; use an id or a qualified name"
    )]
    AmbiguousName {
        field: String,
        kind: Type,
        reference: String,
    },
    /// An object with this key exists.
    #[error("{field}: {kind} {key:?} already exists")]
    AlreadyExists {
        field: String,
        kind: Type,
        key: String,
    },
    /// `update_only` names an object that does not exist.
    #[error("{field}: {kind} {key:?} does not exist and cannot be updated")]
    NothingToUpdate {
        field: String,
        kind: Type,
        key: String,
    },
    /// A transfer that came from a chain cannot be deleted, and its chain fields cannot be changed.
    #[error("{field}: transfer {key:?} comes from a chain and cannot be changed")]
    ImmutableTransfer {
        field: String,
        /// The protocol id of the transfer.
        key: String,
    },
    /// The object does not exist.
    #[error("{kind} {key:?} does not exist")]
    UnknownObject {
        kind: Type,
        /// The reference as the caller wrote it.
        key: String,
    },
    /// The object cannot be deleted because others refer to it.
    #[error("{kind} {key:?} cannot be deleted: an object of type {by} refers to it")]
    Referenced {
        kind: Type,
        /// The reference as the caller wrote it.
        key: String,
        /// The type of the referring object.
        by: String,
    },
    /// A filter on an undeclared path would have to read too many objects.
    #[error(
        "{field} is not a declared field, and more than {limit} objects would have to be read: declare it, or add filters"
    )]
    UndeclaredField {
        /// As a path, such as `info.score`.
        field: String,
        /// The number of objects that a query may read.
        limit: u64,
    },
    /// A sort order uses a path that no index has in order.
    #[error("{field} cannot be sorted by: {reason}")]
    NotSortable {
        /// As a path, such as `info.score`.
        field: String,
        /// Why, and a way out.
        reason: &'static str,
    },
    /// A query would scan too many rows because a field has no index.
    #[error(
        "{field} has no index, and more than {limit} rows would be scanned: also filter by one of {indexed}"
    )]
    NotIndexed {
        field: String,
        /// The number of rows that a query may scan.
        limit: u64,
        /// The indexed fields of the type.
        indexed: String,
    },
    /// A stored object cannot be decoded: a bug in Florin, or a database that was changed by hand.
    #[error("a stored {kind} cannot be decoded: {reason}")]
    Corrupt { kind: Type, reason: &'static str },
}

codes! { Error {
    Self::InvalidBody { .. } => ("data.invalid_body", 400, Never),
    Self::InvalidField { .. } => ("data.invalid_field", 400, Never),
    Self::UnknownField { .. } => ("data.unknown_field", 400, Never),
    Self::UnknownOperator { .. } => ("data.unknown_operator", 400, Never),
    Self::LimitExceeded { .. } => ("data.limit_exceeded", 400, Never),
    Self::BadReference { .. } => ("data.bad_reference", 400, Never),
    Self::AmbiguousName { .. } => ("data.ambiguous_name", 400, Never),
    Self::AlreadyExists { .. } => ("data.already_exists", 409, Never),
    Self::NothingToUpdate { .. } => ("data.nothing_to_update", 409, Never),
    Self::ImmutableTransfer { .. } => ("data.immutable_transfer", 409, Never),
    Self::UnknownObject { .. } => ("data.unknown_object", 404, Never),
    Self::Referenced { .. } => ("data.referenced", 409, Never),
    Self::UndeclaredField { .. } | Self::NotSortable { .. } => ("data.undeclared_field", 400, Never),
    Self::NotIndexed { .. } => ("data.not_indexed", 400, Never),
    Self::Corrupt { .. } => ("data.corrupt", 500, Never),
    ; Self::Store(inner) => inner,
}}

impl Error {
    pub(crate) fn invalid(field: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self::InvalidField {
            field: field.into(),
            reason: reason.to_string(),
        }
    }

    pub(crate) fn limit(field: impl Into<String>, limit: usize) -> Self {
        Self::LimitExceeded {
            field: field.into(),
            limit,
        }
    }

    /// [`Error::LimitExceeded`] for more than `limit`.
    pub(crate) fn check_limit(field: impl Into<String>, count: usize, limit: usize) -> Result<()> {
        if count > limit {
            return Err(Self::limit(field, limit));
        }
        Ok(())
    }

    pub(crate) fn unknown_field(field: impl Into<String>) -> Self {
        Self::UnknownField {
            field: field.into(),
        }
    }

    pub(crate) fn unknown_object(kind: Type, key: impl Into<String>) -> Self {
        Self::UnknownObject {
            kind,
            key: key.into(),
        }
    }

    pub(crate) fn already_exists(
        field: impl Into<String>,
        kind: Type,
        key: impl Into<String>,
    ) -> Self {
        Self::AlreadyExists {
            field: field.into(),
            kind,
            key: key.into(),
        }
    }
}

impl Coded for Error {
    fn code(&self) -> Code {
        self.own_code()
    }

    fn field(&self) -> Option<String> {
        match self {
            Error::InvalidField { field, .. }
            | Error::UnknownField { field }
            | Error::UnknownOperator { field, .. }
            | Error::LimitExceeded { field, .. }
            | Error::BadReference { field, .. }
            | Error::AmbiguousName { field, .. }
            | Error::AlreadyExists { field, .. }
            | Error::NothingToUpdate { field, .. }
            | Error::ImmutableTransfer { field, .. }
            | Error::UndeclaredField { field, .. }
            | Error::NotSortable { field, .. }
            | Error::NotIndexed { field, .. } => Some(field.clone()),
            _ => None,
        }
    }
}
