//! What can go wrong with the data model.

use crate::Type;
use types::{Code, Coded, codes};

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong. `field` is a path into the request, such as `transfers[0].amount`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The body is not JSON, or not of the form that is expected.
    #[error("the body cannot be read: {why}")]
    Body {
        /// What the parser says.
        why: String,
    },
    /// A field has a value it cannot have.
    #[error("{field}: {why}")]
    Invalid {
        /// Which field.
        field: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is no such field.
    #[error("{field} is not a field that can be given here")]
    UnknownField {
        /// Which field.
        field: String,
    },
    /// There is no such operator.
    #[error("{field}: {operator} is not an operator for this field")]
    UnknownOperator {
        /// Where it stands.
        field: String,
        /// The operator.
        operator: String,
    },
    /// More than the limit allows.
    #[error("{field}: at most {limit}")]
    TooMany {
        /// Of what.
        field: String,
        /// The limit.
        limit: usize,
    },
    /// A reference to something that is not there. `KA090801` is what the public bulk clients look
    /// for.
    #[error("KA090801: {field} refers to {kind} {reference:?}, which does not exist")]
    BadReference {
        /// Which field.
        field: String,
        /// The type it should name.
        kind: Type,
        /// What it names.
        reference: String,
    },
    /// A name that several objects have.
    #[error(
        "{field}: several objects of type {kind} are called {reference:?}; name one by its id or qualified name"
    )]
    Ambiguous {
        /// Which field.
        field: String,
        /// The type.
        kind: Type,
        /// The name.
        reference: String,
    },
    /// An object of that key is there already.
    #[error("{field}: a {kind} {key:?} exists already")]
    Exists {
        /// Where it was named.
        field: String,
        /// The type.
        kind: Type,
        /// Its key.
        key: String,
    },
    /// `update_only` names an object that is not there.
    #[error("{field}: there is no {kind} {key:?} to update")]
    NothingToUpdate {
        /// Where it was named.
        field: String,
        /// The type.
        kind: Type,
        /// Its key.
        key: String,
    },
    /// What a chain said of a transfer cannot be changed, nor the transfer deleted.
    #[error("{field}: transfer {key:?} is on a chain, which is not changed by us")]
    OnChain {
        /// Which field.
        field: String,
        /// The transfer's protocol id.
        key: String,
    },
    /// There is no such object.
    #[error("there is no {kind} {key:?}")]
    Unknown {
        /// The type.
        kind: Type,
        /// As it was named.
        key: String,
    },
    /// Others refer to the object that should be deleted.
    #[error("{kind} {key:?} cannot be deleted: {by} refers to it")]
    ReferredTo {
        /// The type.
        kind: Type,
        /// As it was named.
        key: String,
        /// What refers to it.
        by: String,
    },
    /// A path into free metadata that would have to be read from too many objects.
    #[error(
        "{field} is not a declared field, and more than {limit} objects are left to read: declare it, or filter further"
    )]
    Undeclared {
        /// The path.
        field: String,
        /// How many objects may be left.
        limit: u64,
    },
    /// A query that would read too many rows for want of an index.
    #[error(
        "{field} has no index, and more than {limit} rows would be read: filter by one of {indexed} as well"
    )]
    NotIndexed {
        /// The field without an index.
        field: String,
        /// How many rows may be read.
        limit: u64,
        /// Fields that have one.
        indexed: String,
    },
    /// A stored object cannot be read. A mistake in Florin, or a database that was changed by hand.
    #[error("a stored {kind} cannot be read: {what}")]
    Corrupt {
        /// The type.
        kind: Type,
        /// What is wrong.
        what: &'static str,
    },
}

codes! { Error {
    Self::Body { .. } => ("data.body", 400, Never),
    Self::Invalid { .. } => ("data.invalid", 400, Never),
    Self::UnknownField { .. } => ("data.unknown_field", 400, Never),
    Self::UnknownOperator { .. } => ("data.unknown_operator", 400, Never),
    Self::TooMany { .. } => ("data.too_many", 400, Never),
    Self::BadReference { .. } => ("data.bad_reference", 400, Never),
    Self::Ambiguous { .. } => ("data.ambiguous", 400, Never),
    Self::Exists { .. } => ("data.exists", 409, Never),
    Self::NothingToUpdate { .. } => ("data.nothing_to_update", 409, Never),
    Self::OnChain { .. } => ("data.on_chain", 409, Never),
    Self::Unknown { .. } => ("data.unknown", 404, Never),
    Self::ReferredTo { .. } => ("data.referred_to", 409, Never),
    Self::Undeclared { .. } => ("data.undeclared", 400, Never),
    Self::NotIndexed { .. } => ("data.not_indexed", 400, Never),
    Self::Corrupt { .. } => ("data.corrupt", 500, Never),
    ; Self::Store(inner) => inner,
}}

impl Error {
    pub(crate) fn invalid(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.into(),
            why: why.into(),
        }
    }
}

impl Coded for Error {
    fn code(&self) -> Code {
        self.own_code()
    }

    fn field(&self) -> Option<String> {
        match self {
            Error::Invalid { field, .. }
            | Error::UnknownField { field }
            | Error::UnknownOperator { field, .. }
            | Error::TooMany { field, .. }
            | Error::BadReference { field, .. }
            | Error::Ambiguous { field, .. }
            | Error::Exists { field, .. }
            | Error::NothingToUpdate { field, .. }
            | Error::OnChain { field, .. }
            | Error::Undeclared { field, .. }
            | Error::NotIndexed { field, .. } => Some(field.clone()),
            _ => None,
        }
    }
}
