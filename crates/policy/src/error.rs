//! The errors of policies and their evaluation. A denial is a result, not an error.

use crate::document::DocumentError;
use types::{Code, Coded, PermitId, codes};

/// The result type of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of this crate.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The namespace has no such policy.
    #[error("there is no policy {name:?} in this namespace")]
    UnknownPolicy { name: String },
    /// The policy has no such version.
    #[error("there is no policy version {version:?} in this namespace")]
    UnknownVersion { version: String },
    /// The namespace has no such decision.
    #[error("there is no decision {id} in this namespace")]
    UnknownDecision { id: String },
    /// The namespace has no such list.
    #[error("there is no list {name:?} in this namespace")]
    UnknownList { name: String },
    /// The list has no such entry.
    #[error("there is no entry {id} in this list")]
    UnknownListEntry { id: String },
    /// The fields of a list or of an entry are not valid.
    #[error("{why}")]
    InvalidList { field: String, why: String },
    /// The namespace has no such permit.
    #[error("there is no permit {id} in this namespace")]
    UnknownPermit { id: PermitId },
    /// The policy's name breaks the naming rules.
    #[error(
        "a policy's name has 1 to {limit} characters, none of them a control character, and does not begin with \"pol:\""
    )]
    InvalidName { limit: usize },
    /// Another policy has this name.
    #[error("another policy has the name {name:?}")]
    NameTaken { name: String },
    /// The document is not a valid policy.
    #[error("the document is not a valid policy: {0}")]
    InvalidDocument(DocumentError),
    /// The example input does not match the schema, or the document cannot be evaluated on it.
    #[error("the example input is not valid: {why}")]
    InvalidExampleInput { why: String },
    /// The input of a dry run does not match the schema.
    #[error("the input does not match the schema of policy inputs: {why}")]
    InvalidInput { why: String },
    /// A limit on a number of items or the length of a text is exceeded.
    #[error("at most {limit} {what}")]
    LimitExceeded {
        what: &'static str,
        limit: usize,
        field: Option<&'static str>,
    },
    /// The policy is attached; deleting it would loosen what may be signed there.
    #[error("policy {name:?} is attached {count} times; detach it first")]
    Referenced { name: String, count: u64 },
    /// The target of an attachment is not an account of its chain.
    #[error("the target is not an account of the chain: {why}")]
    InvalidTarget { why: String },
    /// The cursor was not issued by an earlier page.
    #[error("the cursor was not issued by an earlier page")]
    InvalidCursor,
    /// The key that signs permits is not available.
    #[error("the key that signs permits is not available: {why}")]
    SignerUnavailable { why: String },
    /// An internal error. A bug in Florin.
    #[error("internal error: {why}")]
    Internal { why: String },
    /// A database error.
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Secrets(#[from] secrets::Error),
}

impl Error {
    /// A field of a list or of an entry is not valid.
    pub(crate) fn invalid_list(field: impl Into<String>, why: impl Into<String>) -> Self {
        let (field, why) = (field.into(), why.into());
        Self::InvalidList { field, why }
    }

    /// A namespace or a policy has as many items as it may.
    pub(crate) fn too_many(what: &'static str, limit: usize) -> Self {
        Self::LimitExceeded {
            what,
            limit,
            field: None,
        }
    }

    /// A text is too long, or otherwise no text of its field.
    pub(crate) fn too_long(field: &'static str, what: &'static str, limit: usize) -> Self {
        Self::LimitExceeded {
            what,
            limit,
            field: Some(field),
        }
    }
}

codes! { Error {
    Self::UnknownPolicy { .. } => ("policy.unknown_policy", 404, Never),
    Self::UnknownVersion { .. } => ("policy.unknown_version", 404, Never),
    Self::UnknownDecision { .. } => ("policy.unknown_decision", 404, Never),
    Self::UnknownList { .. } => ("policy.unknown_list", 404, Never),
    Self::UnknownListEntry { .. } => ("policy.unknown_list_entry", 404, Never),
    Self::InvalidList { .. } => ("policy.invalid_list", 400, Never),
    Self::UnknownPermit { .. } => ("policy.unknown_permit", 404, Never),
    Self::InvalidName { .. } => ("policy.invalid_name", 400, Never),
    Self::NameTaken { .. } => ("policy.name_taken", 409, Never),
    Self::InvalidDocument(_) => ("policy.invalid_document", 400, Never),
    Self::InvalidExampleInput { .. } => ("policy.invalid_example_input", 400, Never),
    Self::InvalidInput { .. } => ("policy.invalid_input", 400, Never),
    Self::LimitExceeded { .. } => ("policy.limit_exceeded", 400, Never),
    Self::Referenced { .. } => ("policy.referenced", 409, Never),
    Self::InvalidTarget { .. } => ("policy.invalid_target", 400, Never),
    Self::InvalidCursor => ("policy.invalid_cursor", 400, Never),
    Self::SignerUnavailable { .. } => ("policy.signer_unavailable", 503, Later),
    Self::Internal { .. } => ("policy.internal_error", 500, Never),
    ;
    Self::Store(inner) => inner,
    Self::Secrets(inner) => inner,
}}

impl Coded for Error {
    fn code(&self) -> Code {
        self.own_code()
    }

    fn field(&self) -> Option<String> {
        let field = match self {
            Self::InvalidName { .. } | Self::NameTaken { .. } => "name",
            Self::InvalidDocument(_) => "document",
            Self::InvalidExampleInput { .. } => "exampleInput",
            Self::InvalidInput { .. } => "input",
            Self::InvalidTarget { .. } => "target",
            Self::InvalidCursor => "after",
            Self::InvalidList { field, .. } => return Some(field.clone()),
            Self::LimitExceeded { field, .. } => return field.map(str::to_owned),
            _ => return None,
        };
        Some(field.to_owned())
    }
}
