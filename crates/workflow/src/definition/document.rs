//! Reads a posted version, YAML or JSON, into one tree. Rejects duplicate keys, unbounded aliases
//! and numbers that would lose digits.

use super::DefinitionError;
use crate::expression::long_numerals_as_texts;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use serde_saphyr::Budget;
use std::fmt::Display;

/// Maximum size of a document, in bytes.
pub(crate) const MAX_BYTES: usize = 1 << 20;
const MAX_DEPTH: usize = 40;
/// Nodes of the tree with aliases expanded.
const MAX_NODES: usize = 20_000;
/// Anchors and aliases: hand-written documents use few.
const MAX_ALIASES: usize = 200;

/// The syntax of a posted version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Format {
    /// YAML 1.2. JSON is a subset, but [`Format::Json`] preserves long numerals exactly.
    Yaml,
    Json,
}

/// Reads a document. The error contains position and reason.
pub(crate) fn read(text: &str, format: Format) -> Result<Map<String, Value>, DefinitionError> {
    if text.len() > MAX_BYTES {
        return Err(DefinitionError::document(format!(
            "it is longer than {MAX_BYTES} bytes"
        )));
    }
    if text.contains('\0') {
        return Err(DefinitionError::document("it contains the character NUL"));
    }
    let tree = match format {
        Format::Yaml => yaml(text),
        Format::Json => json(text),
    }?;
    match tree.0 {
        Value::Object(members) => Ok(members),
        _ => Err(DefinitionError::document("expected an object with `steps`")),
    }
}

fn json(text: &str) -> Result<Tree, DefinitionError> {
    // Parsed unmodified first, so that syntax errors report the true line and column.
    serde_json::from_str::<de::IgnoredAny>(text).map_err(DefinitionError::document)?;
    let tree: Tree =
        serde_json::from_str(&long_numerals_as_texts(text)).map_err(DefinitionError::document)?;
    check_size(&tree.0)?;
    Ok(tree)
}

fn yaml(text: &str) -> Result<Tree, DefinitionError> {
    let mut budget = Budget::default();
    (budget.max_aliases, budget.max_anchors) = (MAX_ALIASES, MAX_ALIASES);
    (budget.max_depth, budget.max_documents) = (MAX_DEPTH, 1);
    (budget.max_nodes, budget.max_events) = (MAX_NODES, 4 * MAX_NODES);
    budget.max_total_scalar_bytes = MAX_BYTES;
    let mut options = serde_saphyr::Options::default();
    options.alias_limits.max_total_replayed_events = MAX_NODES;
    options.budget = Some(budget);
    options.strict_booleans = true; // YAML 1.2: a name may be `no`
    options.with_snippet = false;
    let tree: Tree =
        serde_saphyr::from_str_with_options(text, options).map_err(DefinitionError::document)?;
    check_size(&tree.0)?;
    Ok(tree)
}

fn check_size(value: &Value) -> Result<(), DefinitionError> {
    let nodes = count(value, 0)?;
    if nodes > MAX_NODES {
        Err(DefinitionError::document(format!(
            "it has more than {MAX_NODES} values"
        )))
    } else {
        Ok(())
    }
}

fn count(value: &Value, depth: usize) -> Result<usize, DefinitionError> {
    if depth > MAX_DEPTH {
        return Err(DefinitionError::document(format!(
            "it nests deeper than {MAX_DEPTH} levels"
        )));
    }
    let children_size = |values: &mut dyn Iterator<Item = &Value>| {
        values
            .map(|inner| count(inner, depth + 1))
            .sum::<Result<usize, _>>()
    };
    Ok(1 + match value {
        Value::Array(items) => children_size(&mut items.iter())?,
        Value::Object(members) => children_size(&mut members.values())?,
        _ => 0,
    })
}

/// A value without duplicate keys in which every number is exact; long integers become strings.
struct Tree(Value);

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(TreeVisitor).map(Tree)
    }
}

struct TreeVisitor;

/// Every JSON reader represents integers up to this value exactly.
const EXACT: u64 = 1 << 53;

fn integer(value: impl Copy + Display + TryInto<i64>) -> Value {
    match value.try_into() {
        Ok(small) if small.unsigned_abs() <= EXACT => Value::from(small),
        _ => Value::String(value.to_string()),
    }
}

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(integer(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(integer(value))
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Value, E> {
        Ok(integer(value))
    }

    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Value, E> {
        Ok(integer(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        if !value.is_finite() || value.abs() > EXACT as f64 {
            return Err(E::custom(
                "a number beyond 2^53 is not exact: write it as a string, in quotes",
            ));
        }
        Ok(Value::from(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        d.deserialize_any(TreeVisitor)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Tree(item)) = seq.next_element()? {
            items.push(item);
            if items.len() > MAX_NODES {
                return Err(de::Error::custom(format!(
                    "a list has more than {MAX_NODES} items"
                )));
            }
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some((name, Tree(value))) = map.next_entry::<String, Tree>()? {
            if members.len() > MAX_NODES {
                return Err(de::Error::custom(format!(
                    "an object has more than {MAX_NODES} members"
                )));
            }
            if members.contains_key(&name) {
                return Err(de::Error::custom(format!("{name:?} is given twice")));
            }
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}
