//! Rego values: immutable, shared, with the order of OPA, and a size that is known at all times.

use super::number::Number;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// The size counted for each value, in bytes.
const VALUE_BYTES: usize = 32;

/// A Rego value.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    Text(Arc<str>),
    Array(Arc<Items>),
    Object(Arc<Fields>),
    Set(Arc<Items>),
}

/// The items of an array in order, or of a set in the order of values and each once.
#[derive(Debug)]
pub(crate) struct Items {
    items: Vec<Value>,
    bytes: usize,
}

/// The fields of an object, in the order of their keys.
#[derive(Debug)]
pub(crate) struct Fields {
    fields: Vec<(Value, Value)>,
    bytes: usize,
}

/// An object cannot have two values for one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyConflict;

impl Value {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn int(int: i64) -> Self {
        Self::Number(Number::Int(int))
    }

    pub(crate) fn count(count: usize) -> Self {
        Self::int(i64::try_from(count).unwrap_or(i64::MAX))
    }

    pub(crate) fn array(items: Vec<Value>) -> Self {
        Self::Array(Arc::new(Items::new(items)))
    }

    /// A set of these values, each once.
    pub(crate) fn set(mut items: Vec<Value>) -> Self {
        items.sort();
        items.dedup();
        Self::Set(Arc::new(Items::new(items)))
    }

    /// An object. Equal fields count once.
    pub(crate) fn object(mut fields: Vec<(Value, Value)>) -> Result<Self, KeyConflict> {
        fields.sort_by(|(a, _), (b, _)| a.cmp(b));
        let conflict = |pair: &[(Value, Value)]| pair[0].0 == pair[1].0 && pair[0].1 != pair[1].1;
        if fields.windows(2).any(conflict) {
            return Err(KeyConflict);
        }
        fields.dedup_by(|(a, _), (b, _)| a == b);
        let bytes = |total: usize, (key, value): &(Value, Value)| {
            total
                .saturating_add(key.bytes())
                .saturating_add(value.bytes())
        };
        let bytes = fields.iter().fold(VALUE_BYTES, bytes);
        Ok(Self::Object(Arc::new(Fields { fields, bytes })))
    }

    /// The size of the value if nothing were shared, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) => VALUE_BYTES,
            Self::Text(text) => VALUE_BYTES + text.len(),
            Self::Array(items) | Self::Set(items) => items.bytes,
            Self::Object(fields) => fields.bytes,
        }
    }

    /// The element under a key: of an array by its index, of a set the element itself.
    pub(crate) fn get(&self, key: &Value) -> Option<&Value> {
        match self {
            Self::Array(items) => items.items.get(key.index()?),
            Self::Object(fields) => fields.get(key),
            Self::Set(items) => {
                let found = items.items.binary_search(key).ok()?;
                items.items.get(found)
            }
            _ => None,
        }
    }

    /// An object with one more field, or with a field replaced; none if this is no object.
    pub(crate) fn with_field(&self, name: &str, value: Self) -> Option<Self> {
        let Self::Object(fields) = self else {
            return None;
        };
        let others = fields.iter().filter(|(key, _)| *key != Self::text(name));
        let mut fields: Vec<(Self, Self)> = others.cloned().collect();
        fields.push((Self::text(name), value));
        Self::object(fields).ok()
    }

    /// The value as an index of an array.
    fn index(&self) -> Option<usize> {
        match self {
            Self::Number(number) => usize::try_from(number.whole()?).ok(),
            _ => None,
        }
    }

    /// The name of the kind of value, as `type_name` gives it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
            Self::Set(_) => "set",
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Number(_) => 2,
            Self::Text(_) => 3,
            Self::Array(_) => 4,
            Self::Object(_) => 5,
            Self::Set(_) => 6,
        }
    }

    /// The value as JSON: sets as arrays. An error for an object key that is not a text.
    pub(crate) fn to_json(&self) -> Result<serde_json::Value, String> {
        use serde_json::Value as Json;
        Ok(match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Number(number) => number.to_json(),
            Self::Text(text) => Json::String(text.to_string()),
            Self::Array(items) | Self::Set(items) => {
                let items = items.iter().map(Self::to_json);
                Json::Array(items.collect::<Result<_, _>>()?)
            }
            Self::Object(fields) => {
                let mut json = serde_json::Map::new();
                for (key, value) in fields.iter() {
                    let Self::Text(key) = key else {
                        return Err(format!("{key} is not a text, but a key of an object"));
                    };
                    json.insert(key.to_string(), value.to_json()?);
                }
                Json::Object(json)
            }
        })
    }
}

impl Items {
    fn new(items: Vec<Value>) -> Self {
        let bytes = |total: usize, item: &Value| total.saturating_add(item.bytes());
        let bytes = items.iter().fold(VALUE_BYTES, bytes);
        Self { items, bytes }
    }

    pub(crate) fn as_slice(&self) -> &[Value] {
        &self.items
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Value> {
        self.items.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }
}

impl Fields {
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, (Value, Value)> {
        self.fields.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    pub(crate) fn get(&self, key: &Value) -> Option<&Value> {
        match key {
            Value::Text(name) => self.field(name),
            _ => {
                let found = self.fields.binary_search_by(|(have, _)| have.cmp(key));
                found.ok().map(|index| &self.fields[index].1)
            }
        }
    }

    fn field(&self, name: &str) -> Option<&Value> {
        let found = self.fields.binary_search_by(|(key, _)| match key {
            Value::Text(text) => (**text).cmp(name),
            other => other.rank().cmp(&3),
        });
        found.ok().map(|index| &self.fields[index].1)
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Array(a), Self::Array(b)) | (Self::Set(a), Self::Set(b)) => {
                Arc::ptr_eq(a, b) || (a.len() == b.len() && a.items == b.items)
            }
            (Self::Object(a), Self::Object(b)) => {
                Arc::ptr_eq(a, b) || (a.len() == b.len() && a.fields == b.fields)
            }
            _ => self.cmp(other) == Ordering::Equal,
        }
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Array(a), Self::Array(b)) | (Self::Set(a), Self::Set(b)) => {
                a.items.cmp(&b.items)
            }
            (Self::Object(a), Self::Object(b)) => a.fields.cmp(&b.fields),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

/// The form of OPA's `%v`: texts within collections in quotes.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::Array(items) => list(f, "[", items, "]"),
            Self::Set(items) if items.len() == 0 => f.write_str("set()"),
            Self::Set(items) => list(f, "{", items, "}"),
            Self::Object(fields) => {
                f.write_str("{")?;
                for (index, (key, value)) in fields.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{key}: {value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, open: &str, items: &Items, close: &str) -> fmt::Result {
    f.write_str(open)?;
    for (index, item) in items.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        write!(f, "{comma}{item}")?;
    }
    f.write_str(close)
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::int(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        let int = i64::try_from(value).map_err(|_| E::custom("a number is above 2^63"))?;
        Ok(Value::int(int))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::fraction(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom(format!("the number {value} is not exact")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(64));
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry::<Value, Value>()? {
            fields.push(field);
        }
        Value::object(fields).map_err(|_| A::Error::custom("an object has one key twice"))
    }
}
