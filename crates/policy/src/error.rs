//! What can be wrong with a policy, or with asking one. A denial is not among it: that is an
//! answer.

use crate::document::Refusal;
use types::{Code, Coded, codes};

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

/// What can be wrong.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// There is no such policy in the namespace.
    #[error("there is no policy {name:?} in this namespace")]
    UnknownPolicy {
        /// As asked for.
        name: String,
    },
    /// The policy has no such version.
    #[error("there is no policy version {version:?} in this namespace")]
    UnknownVersion {
        /// As asked for.
        version: String,
    },
    /// There is no such decision in the namespace.
    #[error("there is no decision {id} in this namespace")]
    UnknownDecision {
        /// As asked for.
        id: String,
    },
    /// A policy's name is empty, too long, or looks like an id.
    #[error(
        "a policy's name has 1 to {limit} characters, none of them a control character, and does not begin with \"pol:\""
    )]
    Name {
        /// The longest.
        limit: usize,
    },
    /// Another policy has the name.
    #[error("another policy is called {name:?}")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The document is not a policy that can be asked.
    #[error("the document is not a policy: {0}")]
    Document(Refusal),
    /// The example input does not fit the schema, or the document cannot be asked about it.
    #[error("the example input does not work: {why}")]
    ExampleInput {
        /// What is wrong, and where in the input.
        why: String,
    },
    /// The input of a dry run does not fit the schema.
    #[error("the input does not fit the schema of policy inputs: {why}")]
    Input {
        /// What is wrong, and where in the input.
        why: String,
    },
    /// As many of a kind exist as the limit allows, or a text is longer than it.
    #[error("at most {limit} {what}")]
    Limit {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
        /// The field that is at fault, if one is.
        field: Option<&'static str>,
    },
    /// The policy is attached somewhere; deleting it would loosen what may be signed there.
    #[error("policy {name:?} is attached {count} times; detach it first")]
    Attached {
        /// The policy.
        name: String,
        /// How often.
        count: usize,
    },
    /// A target of an attachment is not an account of its chain.
    #[error("the target is no account of the chain: {why}")]
    Target {
        /// What is wrong.
        why: String,
    },
    /// A page's cursor was not given by the page before.
    #[error("the cursor is not one that a page gave")]
    Cursor,
    /// The key that signs permits does not answer.
    #[error("the key that signs permits does not answer: {why}")]
    Signer {
        /// What is known.
        why: String,
    },
    /// Evaluation stopped before it came to an answer. A mistake in Florin.
    #[error("evaluation stopped: {why}")]
    Stopped {
        /// What is known.
        why: String,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
}

codes! { Error {
    Self::UnknownPolicy { .. } => ("policy.unknown_policy", 404, Never),
    Self::UnknownVersion { .. } => ("policy.unknown_version", 404, Never),
    Self::UnknownDecision { .. } => ("policy.unknown_decision", 404, Never),
    Self::Name { .. } => ("policy.name", 400, Never),
    Self::NameTaken { .. } => ("policy.name_taken", 409, Never),
    Self::Document(_) => ("policy.document", 400, Never),
    Self::ExampleInput { .. } => ("policy.example_input", 400, Never),
    Self::Input { .. } => ("policy.input", 400, Never),
    Self::Limit { .. } => ("policy.limit", 400, Never),
    Self::Attached { .. } => ("policy.attached", 409, Never),
    Self::Target { .. } => ("policy.target", 400, Never),
    Self::Cursor => ("policy.cursor", 400, Never),
    Self::Signer { .. } => ("policy.signer", 503, Later),
    Self::Stopped { .. } => ("policy.stopped", 500, Never),
    ;
    Self::Store(inner) => inner,
}}

impl Coded for Error {
    fn code(&self) -> Code {
        self.own_code()
    }

    fn field(&self) -> Option<String> {
        let field = match self {
            Self::Name { .. } | Self::NameTaken { .. } => "name",
            Self::Document(_) => "document",
            Self::ExampleInput { .. } => "exampleInput",
            Self::Input { .. } => "input",
            Self::Target { .. } => "target",
            Self::Cursor => "after",
            Self::Limit { field, .. } => return field.map(str::to_owned),
            _ => return None,
        };
        Some(field.to_owned())
    }
}
