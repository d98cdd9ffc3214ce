//! JSONata, as steps use it: checked when it is uploaded, evaluated within limits, exact where
//! money is meant.
//!
//! Numbers are doubles in JSONata. So nothing turns into a number by itself that would lose digits:
//! long numerals of an input arrive as texts, a literal beyond 2^53 is refused, and so is a result.
//! Amounts are texts of digits, reckoned with by the functions of `amount`.

mod amount;
mod apart;
mod careful;
mod evaluate;
mod exact;
mod guard;
mod output;
#[cfg(test)]
mod tests;

pub(crate) use apart::Evaluators;
pub use apart::{Launch, evaluate_expressions};
pub(crate) use evaluate::{Answer, Limits, Scene, Threads};
pub(crate) use exact::long_numerals_as_texts;

use jsonata_core::ast::AstNode;
use jsonata_core::parser;
use std::sync::Arc;

/// The longest expression.
pub(crate) const MAX_SOURCE: usize = 64 << 10;

/// An expression that was parsed and checked.
#[derive(Debug, Clone)]
pub(crate) struct Expression {
    node: AstNode,
    source: Arc<str>,
    /// Regular expressions that it has.
    pub(crate) regexes: usize,
}

impl Expression {
    /// Parse and check. An error says what is wrong, for whoever wrote it.
    pub(crate) fn compile(source: &str) -> Result<Self, String> {
        if source.len() > MAX_SOURCE {
            return Err(format!("it is longer than {MAX_SOURCE} bytes"));
        }
        if nests_too_deep(source) {
            return Err("it nests too deep".to_owned());
        }
        let mut node = parser::parse(source).map_err(|error| error.to_string())?;
        let regexes = guard::guard(&mut node)?;
        Ok(Self {
            node,
            source: source.into(),
            regexes,
        })
    }
}

/// A look before the parser, which recurses: brackets that open and never close are no expression.
fn nests_too_deep(source: &str) -> bool {
    const MOST: usize = 400;
    let mut depth = 0usize;
    source.bytes().any(|byte| {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > MOST
    })
}
