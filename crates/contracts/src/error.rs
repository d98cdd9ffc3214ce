//! Errors of the contract registry.

use types::{Code, Coded, ContractId, codes};

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a contract cannot be registered or read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The contract does not exist in this namespace.
    #[error("there is no contract {contract} in this namespace")]
    UnknownContract { contract: ContractId },
    /// A limit of the namespace, or the size of an interface, is exceeded.
    #[error("{field}: at most {limit} {unit}")]
    LimitExceeded {
        /// The field or collection.
        field: &'static str,
        unit: &'static str,
        limit: usize,
    },
    /// The address or the interface does not suit the chain.
    #[error(transparent)]
    Intent(#[from] intent::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
}

codes! { Error {
    Self::UnknownContract { .. } => ("contracts.unknown_contract", 404, Never),
    Self::LimitExceeded { .. } => ("contracts.limit_exceeded", 400, Never),
    ;
    Self::Intent(inner) => inner,
    Self::Store(inner) => inner,
}}

impl Coded for Error {
    fn code(&self) -> Code {
        self.own_code()
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::LimitExceeded { field, .. } => Some((*field).to_owned()),
            Self::Intent(inner) => inner.field(),
            _ => None,
        }
    }
}
