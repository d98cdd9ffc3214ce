//! Documents: Rego text, checked and compiled once, shared by whoever asks it.

mod calls;
mod compile;
pub(crate) mod guard;
mod library;
mod scan;

pub(crate) use compile::{Compiled, Entry, compile};
pub(crate) use library::{LIBRARY, SHIPPED_CANCEL, is_reserved};

/// Why a document is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not Rego, or names what is not there.
    #[error("{place}{why}")]
    Rego {
        /// `line 3, column 5: `, where known; else empty.
        place: String,
        /// The compiler's words.
        why: String,
    },
    /// It has no rule `allow`.
    #[error("package {package} has no rule `allow`")]
    NoAllow {
        /// Its package.
        package: String,
    },
    /// Its package belongs to the library, holds it, or is not plain words.
    #[error(
        "package {package:?} cannot be used: it has to be words of letters, digits and _, and none that the library uses"
    )]
    Package {
        /// As written.
        package: String,
    },
    /// A number that Rego does not keep exactly.
    #[error(
        "line {line}: the number {literal} is above 2^53 and would not be exact; write it as a string and compare it with florin.amount"
    )]
    Inexact {
        /// Where.
        line: usize,
        /// As written.
        literal: String,
    },
    /// Two texts of digits are compared as texts.
    #[error(
        "line {line}: {literal} is compared as a text, where \"9\" is above \"10\"; use florin.amount"
    )]
    TextCompared {
        /// Where.
        line: usize,
        /// As written.
        literal: String,
    },
    /// Brackets are nested so deep that to read them takes too long.
    #[error(
        "line {line}: more than {limit} of [ and {{ are nested in one another; give the inner parts rules of their own"
    )]
    Brackets {
        /// Where.
        line: usize,
        /// The limit.
        limit: usize,
    },
    /// A rule that Florin asks for is not of the kind that it has to be.
    #[error("the rule `{rule}` has to be written as {form}")]
    Kind {
        /// The rule.
        rule: &'static str,
        /// How it is written.
        form: &'static str,
    },
    /// A rule has a name of several words, which the compiled form does not evaluate as a part of a
    /// whole.
    #[error(
        "the rule {rule}: a rule's name is one word; write it as an object, or with a variable in brackets"
    )]
    Parts {
        /// The rule.
        rule: String,
    },
    /// A rule calls itself.
    #[error("the rule {rule} calls itself, perhaps by way of others")]
    Recursive {
        /// The rule.
        rule: String,
    },
    /// Rules call rules that call rules, too many in one another.
    #[error("below the rule {rule} more than {limit} rules are nested in one another")]
    Nested {
        /// The rule.
        rule: String,
        /// The limit.
        limit: usize,
    },
    /// A part of `data` is named by something that is only known while the document runs.
    #[error("a rule has to be named in full: `data` with a computed name is not available")]
    Dynamic,
    /// A function that policies may not use.
    #[error("the function {name} is not available to policies{hint}")]
    Function {
        /// Its name.
        name: String,
        /// What to use instead, where there is something.
        hint: &'static str,
    },
}
