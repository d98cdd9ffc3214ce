//! Settings of sinks: declared as fields, from which parsing, checks and documents follow.

use crate::error::{Error, Result};
use serde::Deserialize as _;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A setting of a sink.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    pub name: &'static str,
    pub kind: FieldKind,
    /// A sentence for callers, without range and default.
    pub doc: &'static str,
}

/// The values of a setting.
#[derive(Debug, Clone, Copy)]
pub enum FieldKind {
    /// A text; required.
    Text,
    /// An integer in a range.
    Integer { min: u64, max: u64, default: u64 },
    /// Texts by name, which are write-only; optional.
    SecretTexts,
}

impl Field {
    pub(crate) const fn text(name: &'static str, doc: &'static str) -> Self {
        Self {
            name,
            kind: FieldKind::Text,
            doc,
        }
    }

    pub(crate) const fn integer(
        name: &'static str,
        (min, max): (u64, u64),
        default: u64,
        doc: &'static str,
    ) -> Self {
        Self {
            name,
            kind: FieldKind::Integer { min, max, default },
            doc,
        }
    }

    pub(crate) const fn secret_texts(name: &'static str, doc: &'static str) -> Self {
        Self {
            name,
            kind: FieldKind::SecretTexts,
            doc,
        }
    }

    /// The range of an integer: `1 to 1,000`.
    pub fn range(&self) -> Option<String> {
        match self.kind {
            FieldKind::Integer { min, max, .. } => {
                Some(format!("{} to {}", grouped(min), grouped(max)))
            }
            FieldKind::Text | FieldKind::SecretTexts => None,
        }
    }

    /// The value of a setting that is absent: a number, `none`, or nothing if it is required.
    pub fn default(&self) -> Option<String> {
        match self.kind {
            FieldKind::Text => None,
            FieldKind::Integer { default, .. } => Some(grouped(default)),
            FieldKind::SecretTexts => Some("none".to_owned()),
        }
    }

    pub(crate) fn is_secret(&self) -> bool {
        matches!(self.kind, FieldKind::SecretTexts)
    }

    /// Whether a value has the type of the field; its range is checked later.
    fn accepts(&self, value: &Value) -> bool {
        match self.kind {
            FieldKind::Text => value.is_string(),
            FieldKind::Integer { .. } => value.is_u64(),
            FieldKind::SecretTexts => value
                .as_object()
                .is_some_and(|texts| texts.values().all(Value::is_string)),
        }
    }

    fn expected(&self) -> &'static str {
        match self.kind {
            FieldKind::Text => "a text",
            FieldKind::Integer { .. } => "an integer that is not negative",
            FieldKind::SecretTexts => "an object of texts",
        }
    }
}

/// A number with separators: `60,000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let separated = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = separated.map(String::from_utf8_lossy).collect();
    groups.join(",")
}

/// Settings that hold a value of the right type for each field that is not optional, and no other
/// member.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SinkSettings(Map<String, Value>);

impl SinkSettings {
    /// Complete settings with their defaults, or say what is wrong with them.
    pub(crate) fn parse(
        fields: &[Field],
        mut values: Map<String, Value>,
    ) -> std::result::Result<Self, String> {
        let mut settings = Map::new();
        for field in fields {
            let name = field.name;
            let value = match (values.remove(name), field.kind) {
                (None | Some(Value::Null), FieldKind::SecretTexts) => continue,
                (None, FieldKind::Integer { default, .. }) => default.into(),
                (None, FieldKind::Text) => return Err(format!("missing field `{name}`")),
                (Some(value), _) if field.accepts(&value) => value,
                (Some(_), _) => return Err(format!("{name}: expected {}", field.expected())),
            };
            settings.insert(name.to_owned(), value);
        }
        match values.keys().next() {
            None => Ok(Self(settings)),
            Some(unknown) => {
                let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
                let names = names.join("`, `");
                Err(format!("unknown field `{unknown}`, expected `{names}`"))
            }
        }
    }

    /// Check the ranges. An error names the field.
    pub(crate) fn check_ranges(&self, fields: &[Field]) -> Result<()> {
        for field in fields {
            if let FieldKind::Integer { min, max, .. } = field.kind
                && !(min..=max).contains(&self.integer(field.name))
            {
                let why = field.range().unwrap_or_default();
                return Err(Error::invalid(&format!("delivery.{}", field.name), why));
            }
        }
        Ok(())
    }

    pub(crate) fn members(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The value of a text; empty if there is no such field.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.members()
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The value of an integer; 0 if there is no such field.
    pub(crate) fn integer(&self, name: &str) -> u64 {
        self.members()
            .get(name)
            .and_then(Value::as_u64)
            .unwrap_or_default()
    }

    /// The value of an integer whose range ends far below `u32::MAX`.
    pub(crate) fn small_integer(&self, name: &str) -> u32 {
        u32::try_from(self.integer(name)).unwrap_or(u32::MAX)
    }

    /// Texts by name, if they are given.
    pub(crate) fn texts(&self, name: &str) -> Option<BTreeMap<String, String>> {
        BTreeMap::deserialize(self.members().get(name)?).ok()
    }

    pub(crate) fn set_texts(&mut self, name: &str, texts: BTreeMap<String, String>) {
        let texts = texts.into_iter().map(|(name, text)| (name, text.into()));
        self.0
            .insert(name.to_owned(), Value::Object(texts.collect()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FIELDS: &[Field] = &[
        Field::text("to", "Where."),
        Field::integer("size", (1, 60_000), 50, "How many."),
        Field::secret_texts("headers", "What else."),
    ];

    fn parse(value: &Value) -> std::result::Result<Value, String> {
        let values = value.as_object().expect("an object").clone();
        SinkSettings::parse(FIELDS, values).map(|settings| Value::Object(settings.0))
    }

    #[test]
    fn settings_have_their_defaults_and_no_unknown_members() {
        assert_eq!(
            parse(&json!({ "to": "x", "headers": null })),
            Ok(json!({ "to": "x", "size": 50 }))
        );
        for (wrong, why) in [
            (json!({}), "missing field `to`"),
            (json!({ "to": 1 }), "to: expected a text"),
            (
                json!({ "to": "x", "size": -1 }),
                "size: expected an integer that is not negative",
            ),
            (
                json!({ "to": "x", "headers": { "a": 1 } }),
                "headers: expected an object of texts",
            ),
            (
                json!({ "to": "x", "color": 1 }),
                "unknown field `color`, expected `to`, `size`, `headers`",
            ),
        ] {
            assert_eq!(parse(&wrong), Err(why.to_owned()), "{wrong}");
        }
    }

    #[test]
    fn ranges_are_checked_as_they_are_documented() {
        let out_of_range = json!({ "to": "x", "size": 60_001 });
        let values = out_of_range.as_object().expect("an object").clone();
        let settings = SinkSettings::parse(FIELDS, values).expect("settings");
        let expected = Error::invalid("delivery.size", "1 to 60,000");
        assert_eq!(settings.check_ranges(FIELDS), Err(expected));
    }
}
