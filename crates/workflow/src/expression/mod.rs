//! JSONata as used by steps: checked at upload, evaluated within limits, exact for amounts.
//!
//! JSONata numbers are doubles. Nothing is converted to a number implicitly if it would lose
//! digits: long numerals of an input arrive as strings; literals and results beyond 2^53 are
//! rejected. Amounts are strings of digits; the functions in `amount` compute with them.

mod amount;
mod bounded_builtins;
mod evaluate;
mod evaluation;
mod exact;
mod output;
mod sandbox;
mod static_check;
#[cfg(test)]
mod tests;

pub(crate) use evaluate::{EvaluationContext, EvaluationPool};
pub(crate) use evaluation::{Evaluation, Limits};
pub(crate) use exact::long_numerals_as_texts;
pub(crate) use sandbox::Evaluators;
pub use sandbox::{EvaluatorCommand, evaluate_expressions};

use jsonata_core::ast::AstNode;
use jsonata_core::parser;
use std::sync::Arc;

/// Maximum length of an expression, in bytes.
pub(crate) const MAX_SOURCE: usize = 64 << 10;

/// A parsed and checked expression.
#[derive(Debug, Clone)]
pub(crate) struct Expression {
    node: AstNode,
    source: Arc<str>,
    /// Number of regular expressions it contains.
    pub(crate) regexes: usize,
}

impl Expression {
    /// Parses and checks an expression. The error is a message for its author.
    pub(crate) fn compile(source: &str) -> Result<Self, String> {
        if source.len() > MAX_SOURCE {
            return Err(format!("it is longer than {MAX_SOURCE} bytes"));
        }
        if nests_too_deep(source) {
            return Err("it nests too deeply".to_owned());
        }
        let mut node = parser::parse(source).map_err(|error| error.to_string())?;
        let regexes = static_check::check_and_rewrite(&mut node)?;
        Ok(Self {
            node,
            source: source.into(),
            regexes,
        })
    }
}

/// Checked before parsing, because the parser is recursive. Counts brackets that are not closed.
fn nests_too_deep(source: &str) -> bool {
    const MAX_OPEN: usize = 400;
    let mut depth = 0usize;
    source.bytes().any(|byte| {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > MAX_OPEN
    })
}
