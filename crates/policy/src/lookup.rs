//! Lookups: what a policy has to know and the transaction does not say. The user of this crate
//! defines where answers come from.

use async_trait::async_trait;
use serde_json::Value;
use types::{Namespace, canonical_json};

/// The largest integer that every Rego engine keeps exactly.
const EXACT: u64 = 1 << 53;

/// What a policy wants to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Lookup {
    /// Where it is asked; an answer never tells of another namespace.
    pub namespace: Namespace,
    /// Which lookup, such as `address.labels`.
    pub name: String,
    /// Its arguments, as the policy gave them.
    pub args: Value,
}

/// Why a lookup has no answer. The decision that wanted it is a denial.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// There is no lookup of this name.
    #[error("there is no lookup {name:?}")]
    Unknown {
        /// The name.
        name: String,
    },
    /// The arguments are not what the lookup takes.
    #[error("{name} does not take these arguments: {why}")]
    Arguments {
        /// The lookup.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// It did not answer.
    #[error("{name} did not answer: {why}")]
    Failed {
        /// The lookup.
        name: String,
        /// What is known.
        why: String,
    },
}

/// Where answers come from. Final state, unless a lookup says otherwise; amounts as decimal
/// strings.
#[async_trait]
pub trait Lookups: Send + Sync {
    /// Whether there is a lookup of this name: checked when a policy is uploaded with an example.
    fn knows(&self, name: &str) -> bool;

    /// The answer.
    async fn answer(&self, lookup: &Lookup) -> Result<Value, LookupError>;
}

/// An installation without lookups: every policy that wants one denies.
#[derive(Debug, Clone, Copy)]
pub struct NoLookups;

#[async_trait]
impl Lookups for NoLookups {
    fn knows(&self, _: &str) -> bool {
        false
    }

    async fn answer(&self, lookup: &Lookup) -> Result<Value, LookupError> {
        Err(LookupError::Unknown {
            name: lookup.name.clone(),
        })
    }
}

impl Lookup {
    /// Its canonical text: the same for the same question in one namespace.
    pub(crate) fn canonical(&self) -> String {
        format!("{} {}", self.name, canonical_json(&self.args))
    }
}

/// Whether a value holds a number that Rego may not keep exactly.
pub(crate) fn has_inexact_number(value: &Value) -> bool {
    match value {
        Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(whole), ..) => whole > EXACT,
            (_, Some(negative), _) => negative.unsigned_abs() > EXACT,
            (.., Some(fraction)) => fraction.abs() >= 9_007_199_254_740_992.0,
            _ => true,
        },
        Value::Array(items) => items.iter().any(has_inexact_number),
        Value::Object(fields) => fields.values().any(has_inexact_number),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_rego_would_round_are_seen() {
        for (text, inexact) in [
            ("9007199254740992", false),
            ("9007199254740993", true),
            ("-9007199254740993", true),
            ("0.35", false),
            ("1e24", true),
            (r#"{"a": ["x", {"b": 18446744073709551616}]}"#, true),
            (r#"{"a": "18446744073709551616"}"#, false),
        ] {
            let value = serde_json::from_str(text).expect("JSON");
            assert_eq!(has_inexact_number(&value), inexact, "{text}");
        }
    }
}
