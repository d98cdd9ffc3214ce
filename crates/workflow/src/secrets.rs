//! Secret values: masked where they are displayed, encrypted where they are needed.

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};
use types::Json;

/// Replaces a secret in displayed text.
pub(crate) const MASK: &str = "•••";
/// Shorter strings are not masked: they would match everywhere.
const MIN_LENGTH: usize = 4;
/// Secrets of one run in all their encodings: more than a variable set can hold.
const MAX_SECRETS: usize = 50_000;

/// The secrets that a run has seen, longest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Secrets {
    texts: Vec<String>,
}

impl Secrets {
    /// Every string and number in a value.
    pub(crate) fn from_value(value: &Value) -> Self {
        let mut secrets = Vec::new();
        collect(value, &mut secrets);
        let encodings: Vec<String> = secrets
            .iter()
            .flat_map(|secret| encodings(secret))
            .collect();
        secrets.extend(encodings);
        Self::from_list(secrets)
    }

    pub(crate) fn from_list(mut secrets: Vec<String>) -> Self {
        secrets.retain(|secret| secret.len() >= MIN_LENGTH);
        secrets.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        secrets.dedup();
        secrets.truncate(MAX_SECRETS);
        Self { texts: secrets }
    }

    /// Adds more secrets.
    pub(crate) fn extended(&self, more: &[String]) -> Self {
        Self::from_list(self.texts.iter().chain(more).cloned().collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The secrets contained in a text, to pass on with it.
    pub(crate) fn contained_in(&self, text: &str) -> Vec<String> {
        let unescaped: Value = serde_json::from_str(text).unwrap_or(Value::Null);
        self.texts
            .iter()
            .filter(|secret| contains(&unescaped, secret))
            .cloned()
            .collect()
    }

    /// Masks the secrets in a text.
    pub(crate) fn mask_text(&self, text: &str) -> String {
        self.texts.iter().fold(text.to_owned(), |text, secret| {
            text.replace(secret.as_str(), MASK)
        })
    }

    /// Masks the secrets in a value; `None` if it contains none.
    pub(crate) fn mask(&self, json: &Json) -> Option<Json> {
        if self.is_empty() {
            return None;
        }
        let value = json.to_value();
        let masked = self.masked(&value);
        (masked != value).then(|| Json::of(&masked).ok()).flatten()
    }

    fn masked(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.mask_text(text)),
            Value::Number(number) if self.texts.contains(&number.to_string()) => {
                Value::String(MASK.to_owned())
            }
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.masked(item)).collect())
            }
            Value::Object(members) => Value::Object(self.masked_members(members)),
            other => other.clone(),
        }
    }

    fn masked_members(&self, members: &Map<String, Value>) -> Map<String, Value> {
        members
            .iter()
            .map(|(name, value)| (self.mask_text(name), self.masked(value)))
            .collect()
    }
}

/// All but what `encodeURIComponent` leaves as it is.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');
/// All but what `encodeURI` leaves as it is.
const URI: &AsciiSet = &COMPONENT
    .remove(b';')
    .remove(b',')
    .remove(b'/')
    .remove(b'?')
    .remove(b':')
    .remove(b'@')
    .remove(b'&')
    .remove(b'=')
    .remove(b'+')
    .remove(b'$')
    .remove(b'#');

/// Other encodings of a secret: percent-encoded as by expression functions and browsers, and
/// escaped as in a JSON string.
fn encodings(secret: &str) -> [String; 5] {
    let quoted = Value::String(secret.to_owned()).to_string();
    let encoded = |set| utf8_percent_encode(secret, set).to_string();
    [
        encoded(NON_ALPHANUMERIC),
        encoded(CONTROLS),
        encoded(COMPONENT),
        encoded(URI),
        quoted[1..quoted.len() - 1].to_owned(),
    ]
}

fn collect(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Number(number) => into.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
        Value::Object(members) => members.values().for_each(|value| collect(value, into)),
        Value::Null | Value::Bool(_) => {}
    }
}

fn contains(value: &Value, secret: &str) -> bool {
    match value {
        Value::String(text) => text.contains(secret),
        Value::Number(number) => number.to_string() == secret,
        Value::Array(items) => items.iter().any(|item| contains(item, secret)),
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| name.contains(secret) || contains(value, secret)),
        Value::Null | Value::Bool(_) => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    fn secrets() -> Secrets {
        Secrets::from_value(
            &serde_json::json!({"token": "s3cret-token", "pin": 123456, "short": "ab", "deep": [{"key": "line\n\"two\""}]}),
        )
    }

    #[test]
    fn a_secret_is_masked_in_keys_and_values() {
        let shown = serde_json::json!({
            "header": "Bearer s3cret-token", "pin": 123456, "text": "pin 123456", "s3cret-token": [1, "line\n\"two\""], "ab": "ab",
        });
        let masked = secrets().mask(&Json::of(&shown).unwrap()).unwrap();
        let expected =
            r#"{"header":"Bearer •••","pin":"•••","text":"pin •••","•••":[1,"•••"],"ab":"ab"}"#;
        assert_eq!(masked.as_str(), expected);
        assert_eq!(secrets().mask(&Json::parse(r#"{"a":"b"}"#).unwrap()), None);
    }

    #[test]
    fn a_secret_is_masked_in_a_url_and_in_escaped_json() {
        let secrets = Secrets::from_value(&Value::String("s3 cret/\"ü".to_owned()));
        for shown in [
            "?key=s3%20cret%2F%22%C3%BC&n",
            "?key=s3%20cret/%22%C3%BC&n",
            r#"{"key":"s3 cret/\"ü"}"#,
        ] {
            let masked = secrets.mask_text(shown);
            assert!(
                masked.contains(MASK) && !masked.contains("cret"),
                "{masked}"
            );
        }
    }

    #[test]
    fn only_contained_secrets_are_passed_on() {
        assert_eq!(
            secrets().contained_in(r#"{"a":"x line\n\"two\" y"}"#),
            ["line\n\"two\""]
        );
    }

    proptest! {
        #[test]
        fn no_secret_survives_masking(secret in "[a-z0-9\"\\\\\n]{4,12}", before: String, after: String) {
            let secrets = Secrets::from_value(&Value::String(secret.clone()));
            let json = Json::of(&serde_json::json!({ "k": [format!("{before}{secret}{after}")] })).unwrap();
            let masked = secrets.mask(&json).unwrap().to_value();
            prop_assert!(!masked["k"][0].as_str().unwrap().contains(&secret));
        }
    }
}
