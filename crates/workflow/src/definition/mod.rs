//! Definitions: the content of a task version, read from YAML or JSON and validated completely
//! before it is stored.
//!
//! Everything that can be detected statically is rejected here with the path of the field: an
//! unknown step type, a duplicate name, an expression that does not parse, an option that the step
//! does not have. Unknown keys of a step are stored and reported as warnings.

mod document;
mod read;
mod step;

pub use document::Format;
pub use read::Warning;
pub(crate) use read::parse;
pub(crate) use step::{Ambiguity, Clause, Fail, Retry, Return, Step};

/// A parsed and validated version.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    pub(crate) description: Option<String>,
    pub(crate) steps: Vec<Step>,
    /// Policies evaluated for every signature, in addition to the attached ones.
    pub(crate) policies: Vec<String>,
}

/// Why a definition is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DefinitionError {
    pub(crate) kind: DefinitionErrorKind,
    /// The path of the field; empty for the whole document.
    pub(crate) field: String,
    pub(crate) reason: String,
}

/// Kinds of definition errors; each has its own error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DefinitionErrorKind {
    Document,
    Field,
    StepType,
    Expression,
}

impl DefinitionError {
    pub(crate) fn document(reason: impl std::fmt::Display) -> Self {
        Self {
            kind: DefinitionErrorKind::Document,
            field: String::new(),
            reason: reason.to_string(),
        }
    }

    pub(crate) fn field(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            kind: DefinitionErrorKind::Field,
            field: field.into(),
            reason: reason.into(),
        }
    }
}
