//! JSON read level by level, each value kept as its exact text, so that long numbers survive and
//! errors can name their place.

use crate::{Error, Result};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use types::Json;

/// The members of an object, in their order.
pub(crate) struct Members(pub(crate) Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        struct Seen;
        impl<'de> Visitor<'de> for Seen {
            type Value = Members;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Members, A::Error> {
                let mut members: Vec<(String, Box<RawValue>)> = Vec::new();
                let mut names = std::collections::HashSet::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if !names.insert(name.clone()) {
                        return Err(serde::de::Error::custom(format!("{name:?} is given twice")));
                    }
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        d.deserialize_map(Seen)
    }
}

/// A whole body as an object.
pub(crate) fn body(text: &str) -> Result<Vec<(String, Box<RawValue>)>> {
    serde_json::from_str::<Members>(text)
        .map(|members| members.0)
        .map_err(|error| Error::Body {
            why: error.to_string(),
        })
}

/// The members of an object.
pub(crate) fn object(value: &RawValue, path: &str) -> Result<Vec<(String, Box<RawValue>)>> {
    read::<Members>(value, path, "expected an object").map(|members| members.0)
}

/// The items of an array.
pub(crate) fn array(value: &RawValue, path: &str) -> Result<Vec<Box<RawValue>>> {
    read(value, path, "expected an array")
}

/// A text that every database takes, of at most so many bytes.
pub(crate) fn text(value: &RawValue, path: &str, max: usize) -> Result<String> {
    let text: String = read(value, path, "expected a string")?;
    if text.contains('\0') {
        return Err(Error::invalid(path, "cannot contain the character NUL"));
    }
    if text.len() > max {
        return Err(Error::invalid(path, format!("is longer than {max} bytes")));
    }
    Ok(text)
}

/// True or false.
pub(crate) fn flag(value: &RawValue, path: &str) -> Result<bool> {
    read(value, path, "expected true or false")
}

/// Any JSON that can be read again, at most so many bytes.
pub(crate) fn any(value: &RawValue, path: &str, max: usize) -> Result<Json> {
    if value.get().len() > max {
        return Err(Error::invalid(path, format!("is longer than {max} bytes")));
    }
    // Kept as text, but read once: what nests too deep, or holds half a surrogate pair, could never
    // be shown.
    read::<serde_json::Value>(value, path, "is not JSON that can be kept")?;
    Json::parse(value.get()).ok_or_else(|| Error::invalid(path, "is not JSON"))
}

/// Whether a value is `null`, which is how some clients say "not given".
pub(crate) fn is_null(value: &RawValue) -> bool {
    value.get() == "null"
}

/// A value of a known form; `what` is said of one that is not.
pub(crate) fn read<'v, T: Deserialize<'v>>(
    value: &'v RawValue,
    path: &str,
    what: &str,
) -> Result<T> {
    serde_json::from_str(value.get()).map_err(|error| {
        let inner = error.to_string();
        let inner = inner.split(" at line").next().unwrap_or_default();
        Error::invalid(
            path,
            if inner.is_empty() {
                what.to_owned()
            } else {
                format!("{what}: {inner}")
            },
        )
    })
}
