//! Rego documents: checked and compiled once, then shared.

mod compile;
mod library;
mod lint;

pub(crate) use compile::{Compiled, Entry, compile};
pub(crate) use library::{LIBRARY, SHIPPED_CANCEL, is_reserved};

/// Why a document is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The text is not Rego, uses what policies may not use, or references something that does not
    /// exist.
    #[error("{position}{why}")]
    Rego {
        /// `line 3: `, or empty if unknown.
        position: String,
        why: String,
    },
    /// The document has no rule `allow`.
    #[error("package {package} has no rule `allow`")]
    NoAllow { package: String },
    /// The package belongs to the library, contains it, or is not made of plain words.
    #[error(
        "package {package:?} cannot be used: its parts must be words of letters, digits and _, and must not belong to the library"
    )]
    Package { package: String },
    /// Strings of digits are compared in text order.
    #[error(
        "line {line}: {literal} is compared as text, where \"9\" is above \"10\"; use florin.amount"
    )]
    StringComparison { line: u32, literal: String },
    /// An amount is a text, and every text is above every number.
    #[error(
        "line {line}: {member} is a text, and is above every number; compare it with {function}"
    )]
    NumberComparison {
        line: u32,
        member: String,
        function: &'static str,
    },
    /// The document names a member that the input no longer has.
    #[error("line {line}: the input has no member {name}; {hint}")]
    RemovedMember {
        line: u32,
        name: &'static str,
        /// What to use instead.
        hint: &'static str,
    },
    /// An entry rule does not have the required form.
    #[error("the rule `{rule}` must be written as {form}")]
    RuleForm {
        rule: &'static str,
        /// The required form.
        form: &'static str,
    },
    /// The document asks for approvals.
    #[error(
        "line {line}: the rule `needs` is not available: approvals cannot be given yet; deny instead"
    )]
    Needs { line: u32 },
}
