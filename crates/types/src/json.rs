//! JSON as its exact text, and the canonical form that is hashed.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// A JSON value as its exact text: long numbers and the order of keys are preserved.
#[derive(Debug, Clone)]
pub struct Json(Box<RawValue>);

impl Json {
    /// Parse a text; `None` if it is not JSON.
    pub fn parse(text: &str) -> Option<Self> {
        RawValue::from_string(text.to_owned()).ok().map(Self)
    }

    /// Serialize a value.
    pub fn of(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        serde_json::value::to_raw_value(value).map(Self)
    }

    /// The exact text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Parse into a tree. Numbers that do not fit 64 bits become floats: never compute with those.
    pub fn to_value(&self) -> Value {
        // A RawValue is valid JSON; nesting too deep for the parser reads as null.
        serde_json::from_str(self.as_str()).unwrap_or(Value::Null)
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Json {}

impl Serialize for Json {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(s)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(d).map(Self)
    }
}

/// JSON with sorted keys and without whitespace (RFC 8785 for values without floats), for hashing.
pub fn canonical_json(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, into: &mut String) {
    match value {
        Value::Object(map) => {
            // RFC 8785 sorts by UTF-16 units.
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
            into.push('{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    into.push(',');
                }
                into.push_str(&Value::String(key.clone()).to_string());
                into.push(':');
                write(&map[key], into);
            }
            into.push('}');
        }
        Value::Array(items) => {
            into.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    into.push(',');
                }
                write(item, into);
            }
            into.push(']');
        }
        leaf => into.push_str(&leaf.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exact_text_is_preserved() {
        let text = r#"{"b":123456789012345678901234567890,"a":1.10}"#;
        assert_eq!(
            Json::parse(text).map(|json| json.as_str().to_owned()),
            Some(text.to_owned())
        );
        assert_eq!(Json::parse("{"), None);
    }

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let value = serde_json::json!({"b": [{"z": 1, "y": null}], "a": "é\n"});
        assert_eq!(
            canonical_json(&value),
            "{\"a\":\"é\\n\",\"b\":[{\"y\":null,\"z\":1}]}"
        );
    }
}
