//! Rego documents: checked and compiled once, then shared.

pub(crate) mod bounded_builtins;
mod calls;
mod compile;
mod library;
mod lint;

pub(crate) use compile::{Compiled, Entry, compile};
pub(crate) use library::{LIBRARY, SHIPPED_CANCEL, is_reserved};

/// Why a document is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The text is not Rego, or references something that does not exist.
    #[error("{position}{why}")]
    Rego {
        /// `line 3, column 5: `, or empty if unknown.
        position: String,
        /// The compiler's message.
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
    /// The number is too large for Rego to keep it exactly.
    #[error(
        "line {line}: the number {literal} is above 2^53 and is not exact in Rego; write it as a string and compare it with florin.amount"
    )]
    InexactNumber { line: usize, literal: String },
    /// Strings of digits are compared in text order.
    #[error(
        "line {line}: {literal} is compared as text, where \"9\" is above \"10\"; use florin.amount"
    )]
    StringComparison { line: usize, literal: String },
    /// Brackets are nested so deep that parsing takes too long.
    #[error(
        "line {line}: more than {limit} levels of [ and {{ are nested; move the inner parts to rules of their own"
    )]
    BracketNesting { line: usize, limit: usize },
    /// An entry rule does not have the required form.
    #[error("the rule `{rule}` must be written as {form}")]
    RuleForm {
        rule: &'static str,
        /// The required form.
        form: &'static str,
    },
    /// A rule name has several parts, which the compiled form does not evaluate as parts of one
    /// object.
    #[error(
        "the rule {rule}: a rule name must be one word; write an object, or use a variable in brackets"
    )]
    CompoundName { rule: String },
    /// A rule calls itself.
    #[error("the rule {rule} calls itself, directly or through other rules")]
    Recursion { rule: String },
    /// Rule calls are nested too deep.
    #[error("more than {limit} rule calls are nested below the rule {rule}")]
    CallDepth { rule: String, limit: usize },
    /// A reference into `data` is only known at run time.
    #[error("a rule must be named in full: `data` with a computed name is not available")]
    DynamicReference,
    /// The document names a member that the input no longer has.
    #[error("line {line}: the input has no member {name}; {hint}")]
    RemovedMember {
        line: usize,
        name: &'static str,
        /// What to use instead.
        hint: &'static str,
    },
    /// The document calls a function that policies may not use.
    #[error("the function {name} is not available to policies{hint}")]
    ForbiddenFunction {
        name: String,
        /// A suggestion what to use instead, or empty.
        hint: &'static str,
    },
}
