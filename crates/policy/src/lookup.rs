//! Lookups: data that a policy needs and the transaction does not contain. The user of this crate
//! implements where the answers come from.

use async_trait::async_trait;
use serde_json::Value;
use types::{Namespace, canonical_json};

/// The largest integer that every Rego engine keeps exactly.
const MAX_EXACT: u64 = 1 << 53;

/// The longest argument of a lookup, in bytes.
const MAX_ARGUMENT: usize = 1_024;

/// A lookup requested by a policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Lookup {
    /// The namespace of the request; an answer must not contain data of another namespace.
    pub namespace: Namespace,
    /// The name of the lookup, such as `address.labels`.
    pub name: String,
    /// The arguments, as the policy gave them.
    pub args: Value,
}

/// Why a lookup has no answer. A decision that needs it is a denial.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// There is no lookup with this name.
    #[error("there is no lookup {name:?}")]
    Unknown { name: String },
    /// The lookup does not accept the arguments.
    #[error("{name} does not take these arguments: {why}")]
    Arguments { name: String, why: String },
    /// The lookup failed.
    #[error("{name} failed: {why}")]
    Failed { name: String, why: String },
}

/// The source of lookup answers. Answers contain final state, unless a lookup specifies otherwise,
/// and amounts as decimal strings.
#[async_trait]
pub trait Lookups: Send + Sync {
    /// Whether there is a lookup with this name. Checked when a policy is uploaded with an example.
    fn knows(&self, name: &str) -> bool;

    /// Answer a lookup.
    async fn answer(&self, lookup: &Lookup) -> Result<Value, LookupError>;
}

/// An installation without lookups: every policy that requests one denies.
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

/// A lookup that this engine answers itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LookupInfo {
    pub(crate) name: &'static str,
    /// The arguments, all of them required.
    pub(crate) arguments: &'static [&'static str],
    /// What it returns, for the documentation.
    #[cfg_attr(not(test), allow(dead_code, reason = "printed by a test"))]
    pub(crate) doc: &'static str,
}

impl LookupInfo {
    /// The arguments as texts, in the declared order.
    pub(crate) fn read<'l>(&self, lookup: &'l Lookup) -> Result<Vec<&'l str>, LookupError> {
        let invalid = |why: String| LookupError::Arguments {
            name: self.name.to_owned(),
            why,
        };
        let members = lookup.args.as_object();
        let members = members.ok_or_else(|| invalid("expected an object".to_owned()))?;
        let is_unknown = |name: &&String| !self.arguments.contains(&name.as_str());
        if let Some(unknown) = members.keys().find(is_unknown) {
            return Err(invalid(format!("there is no argument {unknown:?}")));
        }
        let text = |name: &&str| {
            let text = members.get(*name).and_then(Value::as_str);
            let text = text.filter(|text| text.len() <= MAX_ARGUMENT && !text.contains('\0'));
            text.ok_or_else(|| invalid(format!("{name}: expected a text")))
        };
        self.arguments.iter().map(text).collect()
    }
}

impl Lookup {
    /// The canonical text, which is equal for equal lookups in one namespace.
    pub(crate) fn canonical(&self) -> String {
        format!("{} {}", self.name, canonical_json(&self.args))
    }
}

/// Whether a value contains a number that Rego may not keep exactly.
pub(crate) fn has_inexact_number(value: &Value) -> bool {
    match value {
        Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(whole), ..) => whole > MAX_EXACT,
            (_, Some(negative), _) => negative.unsigned_abs() > MAX_EXACT,
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
    fn numbers_that_rego_would_round_are_detected() {
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
