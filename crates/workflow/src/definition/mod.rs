//! Definitions: what a version of a task says, read from YAML or JSON and checked as a whole before
//! it is stored.
//!
//! Whatever can be known to be wrong is refused here, with the path of the field: an unknown step
//! type, a name that stands twice, an expression that does not parse, an option that the step does
//! not have. Unknown keys of a step are kept and warned about.

mod document;
mod options;
mod read;
mod step;

pub use document::Format;
pub use read::Warning;
pub(crate) use read::parse;
pub(crate) use step::{Ambiguity, Clause, Fail, Kind, Retry, Return, Step};

/// What a version says, ready to run.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    /// For people.
    pub(crate) description: Option<String>,
    /// The steps, in order.
    pub(crate) steps: Vec<Step>,
    /// Policies that every signature asks besides those attached.
    pub(crate) policies: Vec<String>,
}

/// Why a definition is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// What kind of mistake.
    pub(crate) what: What,
    /// The path of the field; empty for the whole document.
    pub(crate) field: String,
    /// In words.
    pub(crate) why: String,
}

/// Kinds of mistake, each with a code of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// It cannot be read at all.
    Document,
    /// A field has a value that it cannot have.
    Field,
    /// A step of no known type.
    StepType,
    /// An expression that does not parse, or is not allowed.
    Expression,
}

impl Refused {
    pub(crate) fn document(why: impl Into<String>) -> Self {
        Self {
            what: What::Document,
            field: String::new(),
            why: why.into(),
        }
    }

    pub(crate) fn field(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            what: What::Field,
            field: field.into(),
            why: why.into(),
        }
    }
}
