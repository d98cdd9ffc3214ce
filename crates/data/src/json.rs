//! JSON parsed one level at a time. Each value keeps its exact text, so that long numbers survive
//! and errors can name the path.

use crate::{Error, Result};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use types::Json;

/// The members of an object, in order. Duplicate names are rejected.
pub(crate) struct Members(pub(crate) Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
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
                        return Err(serde::de::Error::custom(format!(
                            "{name:?} is a duplicate member"
                        )));
                    }
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        d.deserialize_map(MembersVisitor)
    }
}

/// Parse a whole body as an object.
pub(crate) fn body(text: &str) -> Result<Vec<(String, Box<RawValue>)>> {
    serde_json::from_str::<Members>(text)
        .map(|Members(members)| members)
        .map_err(|error| Error::InvalidBody {
            reason: error.to_string(),
        })
}

/// Parse the members of an object.
pub(crate) fn object(value: &RawValue, path: &str) -> Result<Vec<(String, Box<RawValue>)>> {
    read::<Members>(value, path, "expected an object").map(|Members(members)| members)
}

/// Parse the items of an array.
pub(crate) fn array(value: &RawValue, path: &str) -> Result<Vec<Box<RawValue>>> {
    read(value, path, "expected an array")
}

/// Parse the items of an array of at most `max`, each with its path.
pub(crate) fn items<T>(
    value: &RawValue,
    path: &str,
    max: usize,
    read: impl Fn(&RawValue, &str) -> Result<T>,
) -> Result<Vec<T>> {
    let items = array(value, path)?;
    Error::check_limit(path, items.len(), max)?;
    let paths = (0..).map(|index| format!("{path}[{index}]"));
    let read = |(item, path): (Box<RawValue>, String)| read(&item, &path);
    items.into_iter().zip(paths).map(read).collect()
}

/// Parse a string of at most `max` bytes without NUL, which PostgreSQL cannot store.
pub(crate) fn text(value: &RawValue, path: &str, max: usize) -> Result<String> {
    let text: String = read(value, path, "expected a string")?;
    if text.contains('\0') {
        return Err(Error::invalid(path, "must not contain NUL"));
    }
    if text.len() > max {
        return Err(Error::invalid(path, format!("is longer than {max} bytes")));
    }
    Ok(text)
}

pub(crate) fn flag(value: &RawValue, path: &str) -> Result<bool> {
    read(value, path, "expected true or false")
}

/// Parse any JSON of at most `max` bytes.
pub(crate) fn any(value: &RawValue, path: &str, max: usize) -> Result<Json> {
    if value.get().len() > max {
        return Err(Error::invalid(path, format!("is longer than {max} bytes")));
    }
    // The exact text is stored, but parsed once: JSON that nests too deep or contains an unpaired
    // surrogate could not be read back.
    read::<serde_json::Value>(value, path, "is not JSON that can be stored")?;
    Json::parse(value.get()).ok_or_else(|| Error::invalid(path, "is not JSON"))
}

/// Whether a value is `null`, which some clients send for "not given".
pub(crate) fn is_null(value: &RawValue) -> bool {
    value.get() == "null"
}

/// Deserialize a value; `expected` begins the error message.
pub(crate) fn read<'v, T: Deserialize<'v>>(
    value: &'v RawValue,
    path: &str,
    expected: &str,
) -> Result<T> {
    serde_json::from_str(value.get()).map_err(|error| {
        let detail = error.to_string();
        let detail = detail.split(" at line").next().unwrap_or_default();
        let colon = if detail.is_empty() { "" } else { ": " };
        Error::invalid(path, format!("{expected}{colon}{detail}"))
    })
}
