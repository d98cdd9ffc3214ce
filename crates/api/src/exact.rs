//! Lossless parsing of JSON and YAML values: duplicate keys are rejected, numbers keep every digit,
//! and YAML aliases cannot expand without bound.

use crate::{Error, Result};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use serde_saphyr::{Budget, Options};

/// The largest number of values in one document. Fits the largest bulk update.
const MAX_NODES: usize = 1_000_000;
/// The largest number of anchors and aliases. People use few.
const MAX_ALIASES: usize = 200;
const MAX_DEPTH: usize = 64;
/// The largest integer that every JSON reader represents exactly; larger ones become strings.
const EXACT: u64 = 1 << 53;

/// Converts a YAML document to JSON text. Error: `api.invalid_field` with the line.
pub(crate) fn yaml_to_json(text: &str) -> Result<String> {
    let invalid = |error: serde_saphyr::Error| Error::field("body", error);
    let Exact(value) = serde_saphyr::from_str_with_options(text, options()).map_err(invalid)?;
    Ok(value.to_string())
}

fn options() -> Options {
    let mut budget = Budget::default();
    (budget.max_aliases, budget.max_anchors) = (MAX_ALIASES, MAX_ALIASES);
    (budget.max_depth, budget.max_documents) = (MAX_DEPTH, 1);
    (budget.max_nodes, budget.max_events) = (MAX_NODES, 4 * MAX_NODES);
    let mut options = Options::default();
    options.alias_limits.max_total_replayed_events = MAX_NODES;
    options.budget = Some(budget);
    options.strict_booleans = true; // As in YAML 1.2: `no` is a string.
    options.with_snippet = false;
    options
}

/// A value with unique keys and exact numbers. Integers beyond 2^53 become strings; other numbers
/// that would lose digits are rejected.
pub(crate) struct Exact(pub(crate) Value);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        d.deserialize_any(ExactVisitor).map(Exact)
    }
}

struct ExactVisitor;

impl<'de> Visitor<'de> for ExactVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> std::result::Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> std::result::Result<Value, E> {
        Ok(if value.unsigned_abs() > EXACT {
            Value::String(value.to_string())
        } else {
            Value::from(value)
        })
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> std::result::Result<Value, E> {
        Ok(if value > EXACT {
            Value::String(value.to_string())
        } else {
            Value::from(value)
        })
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> std::result::Result<Value, E> {
        Ok(Value::String(value.to_string()))
    }

    fn visit_u128<E: de::Error>(self, value: u128) -> std::result::Result<Value, E> {
        Ok(Value::String(value.to_string()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> std::result::Result<Value, E> {
        if !value.is_finite() || value.abs() > EXACT as f64 {
            return Err(E::custom(
                "numbers beyond 2^53 are not exact: write it as a string, in quotes",
            ));
        }
        Ok(Value::from(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> std::result::Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E: de::Error>(self) -> std::result::Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> std::result::Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> std::result::Result<Value, D::Error> {
        d.deserialize_any(ExactVisitor)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Exact(item)) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some((name, Exact(value))) = map.next_entry::<String, Exact>()? {
            if members.insert(name.clone(), value).is_some() {
                return Err(de::Error::custom(format!("duplicate key {name:?}")));
            }
        }
        Ok(Value::Object(members))
    }
}

/// Deserializes the members of an object with [`Exact`] values.
pub(crate) fn members<'de, D: Deserializer<'de>>(
    d: D,
) -> std::result::Result<Map<String, Value>, D::Error> {
    match Exact::deserialize(d)?.0 {
        Value::Object(members) => Ok(members),
        _ => Err(de::Error::custom("expected an object")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_keep_their_digits() {
        let yaml = "a: 1\nb: 12345678901234567890\nc: -3\nd: '007'\ne: '123456789012345678901234567890'\nf: 1.5\ng: [~, true, no]";
        let json = r#"{"a":1,"b":"12345678901234567890","c":-3,"d":"007","e":"123456789012345678901234567890","f":1.5,"g":[null,true,"no"]}"#;
        assert_eq!(yaml_to_json(yaml).unwrap(), json);
    }

    #[test]
    fn invalid_documents_are_rejected() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        for invalid in [
            "a: 1\na: 2",
            "a: [",
            "a: *b",
            "--- 1\n--- 2",
            "a: 1e300",
            "a: 123456789012345678901234567890",
            &deep,
        ] {
            let error = yaml_to_json(invalid).unwrap_err();
            assert_eq!(
                types::Coded::code(&error).code,
                "api.invalid_field",
                "{invalid}"
            );
        }
    }

    #[test]
    fn exponential_alias_expansion_is_rejected() {
        let mut yaml = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..9 {
            let below = format!("*a{},", level - 1).repeat(10);
            yaml.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        assert!(yaml_to_json(&yaml).is_err());
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text: String) {
            let _ = yaml_to_json(&text);
        }
    }
}
