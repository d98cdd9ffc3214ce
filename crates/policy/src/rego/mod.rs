//! Florin's own evaluator of Rego (version 1), strict where OPA goes on.
//!
//! It takes the part of the language that policies use, and follows OPA: what is undefined makes
//! its statement undefined, also as an argument within a `not`; two values of a rule or of a key
//! are an error, and an error is a denial. What OPA refuses is refused here too; what is not known
//! is refused, never guessed. Each value knows its size, each evaluation has a budget of steps,
//! bytes, depth and time, so that no text and no input can hold a thread.

mod ast;
mod builtins;
mod check;
#[cfg(test)]
mod differential;
mod evaluate;
#[cfg(test)]
mod library_tests;
mod link;
mod lower;
mod names;
mod nodes;
mod number;
mod parse;
mod parse_term;
mod program;
mod recursion;
mod scope;
#[cfg(test)]
mod shipped_tests;
mod token;
mod types;
mod value;

pub(crate) use ast::{Field, Head, Literal, LiteralKind, Module, Rule, Term, TermKind};
pub(crate) use evaluate::{Budget, Evaluation};
pub(crate) use link::{Library, link};
pub(crate) use parse::parse;
pub(crate) use program::{Form, Program};
pub(crate) use value::Value;

/// Why a document is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) line: u32,
    pub(crate) why: String,
}

/// Why an evaluation ends without a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// What OPA calls an error, or what is not known to be equal to it.
    Failed(String),
    Steps,
    Bytes,
    Time,
    Depth,
}

impl Refusal {
    pub(crate) fn at(line: u32, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { line, why }
    }
}
