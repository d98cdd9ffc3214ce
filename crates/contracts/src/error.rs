//! Errors of the contract registry.

use store::named::NameErrors;
use types::{ChainId, Characters, Code, Coded, ContractId, NameRule, codes};

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a contract cannot be registered, changed or read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The contract does not exist in this namespace.
    #[error("there is no contract {contract:?} in this namespace")]
    UnknownContract {
        /// The name or id.
        contract: String,
    },
    /// The chain is not configured.
    #[error("the chain {chain} is not configured")]
    UnknownChain { chain: ChainId },
    /// A field of a request is invalid.
    #[error("{field}: {reason}")]
    InvalidField { field: &'static str, reason: String },
    /// Another contract has this name.
    #[error("there is already a contract called {name:?}")]
    NameTaken { name: String },
    /// The address is registered with another name, other standards or another interface.
    #[error("this address is already registered as {contract}, differently: change it instead")]
    AlreadyRegistered { contract: ContractId },
    /// Only the address is known: a binding or a tracked source names it.
    #[error("{contract} is only mentioned: register it first, with its chain and address")]
    NotRegistered { contract: ContractId },
    /// Something refers to the contract.
    #[error("the contract cannot be deleted: {by} refers to it")]
    Referenced { by: String },
    /// There is no code at the address in the final block.
    #[error("{address} has no code on {chain} at the final block {height}")]
    NoCode {
        chain: ChainId,
        address: String,
        height: u64,
    },
    /// The chain has no final block yet.
    #[error("{chain} has no final block yet: try again later")]
    NoFinalBlock { chain: ChainId },
    /// A limit of the namespace, or the size of an interface, is exceeded.
    #[error("{field}: at most {limit} {unit}")]
    LimitExceeded {
        /// The field or collection.
        field: &'static str,
        unit: &'static str,
        limit: usize,
    },
    /// The address does not suit the chain.
    #[error(transparent)]
    Intent(#[from] intent::Error),
    /// The chain cannot be read now.
    #[error(transparent)]
    Chain(#[from] chain::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
}

codes! { Error {
    Self::UnknownContract { .. } => ("contracts.unknown_contract", 404, Never),
    Self::UnknownChain { .. } => ("contracts.unknown_chain", 404, Never),
    Self::InvalidField { .. } => ("contracts.invalid_field", 400, Never),
    Self::NameTaken { .. } => ("contracts.name_taken", 409, Never),
    Self::AlreadyRegistered { .. } => ("contracts.already_registered", 409, Never),
    Self::NotRegistered { .. } => ("contracts.not_registered", 409, Never),
    Self::Referenced { .. } => ("contracts.referenced", 409, Never),
    Self::NoCode { .. } => ("contracts.no_code", 400, Never),
    Self::NoFinalBlock { .. } => ("contracts.no_final_block", 503, Later),
    Self::LimitExceeded { .. } => ("contracts.limit_exceeded", 400, Never),
    ;
    Self::Intent(inner) => inner,
    Self::Chain(inner) => inner,
    Self::Store(inner) => inner,
}}

impl Error {
    pub(crate) fn invalid(field: &'static str, reason: impl Into<String>) -> Self {
        Self::InvalidField {
            field,
            reason: reason.into(),
        }
    }

    pub(crate) fn contended() -> Self {
        store::Error::Contended { attempts: 1 }.into()
    }
}

impl Coded for Error {
    fn code(&self) -> Code {
        self.own_code()
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::InvalidField { field, .. } | Self::LimitExceeded { field, .. } => {
                Some((*field).to_owned())
            }
            Self::NoCode { .. } => Some("address".to_owned()),
            Self::UnknownChain { .. } => Some("chain".to_owned()),
            Self::NameTaken { .. } => Some("name".to_owned()),
            Self::Intent(inner) => inner.field().or_else(|| Some("address".to_owned())),
            Self::Chain(inner) => inner.field(),
            _ => None,
        }
    }
}

/// The segment of a path that is no contract: `POST /contracts/query`.
const RESERVED: &str = "query";
/// A name is one segment of a path.
const NAME: NameRule = NameRule::new(128, Characters::Segment);

impl NameErrors for Error {
    fn accepts(name: &str) -> bool {
        NAME.accepts(name) && name != RESERVED
    }

    fn invalid_name() -> Self {
        Self::invalid(
            "name",
            format!("a name has {NAME}, is not {RESERVED}, and is not an id"),
        )
    }

    fn unknown(_: &'static str, contract: String) -> Self {
        Self::UnknownContract { contract }
    }

    fn name_taken(_: &'static str, name: String) -> Self {
        Self::NameTaken { name }
    }
}
