//! Values that nobody may read in facts and runs: masked where they are shown, sealed where they
//! are needed.

use serde_json::{Map, Value};
use types::Json;

/// What stands for a secret.
pub(crate) const MASK: &str = "•••";
/// Shorter texts are not masked: they would be found everywhere.
const SHORTEST: usize = 4;
/// Secrets that one run carries, in all their forms: more than the values of a variable set can be.
const MOST: usize = 50_000;

/// The secrets that a run has seen, longest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// Every text, and every numeral, of a value.
    pub(crate) fn of(value: &Value) -> Self {
        let mut found = Vec::new();
        collect(value, &mut found);
        let forms: Vec<String> = found.iter().flat_map(|secret| forms(secret)).collect();
        found.extend(forms);
        Self::from_list(found)
    }

    pub(crate) fn from_list(mut secrets: Vec<String>) -> Self {
        secrets.retain(|secret| secret.len() >= SHORTEST);
        secrets.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        secrets.dedup();
        secrets.truncate(MOST);
        Self(secrets)
    }

    /// Both.
    pub(crate) fn and(&self, more: &[String]) -> Self {
        Self::from_list(self.0.iter().chain(more).cloned().collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that a text holds, to hand them on to where the text goes.
    pub(crate) fn within(&self, text: &str) -> Vec<String> {
        let unescaped: Value = serde_json::from_str(text).unwrap_or(Value::Null);
        self.0
            .iter()
            .filter(|secret| holds(&unescaped, secret))
            .cloned()
            .collect()
    }

    /// A text with its secrets masked.
    pub(crate) fn mask_text(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| {
            text.replace(secret.as_str(), MASK)
        })
    }

    /// A value with its secrets masked; none if it holds none.
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
            Value::Number(number) if self.0.contains(&number.to_string()) => {
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

/// How else a text is written inside of others: in a URL, as the functions of expressions do it and
/// as browsers do, and in a text that holds JSON.
fn forms(secret: &str) -> [String; 5] {
    let quoted = Value::String(secret.to_owned()).to_string();
    [
        percent(secret, |_| false),
        percent(secret, |byte| byte == b' ' || byte.is_ascii_graphic()),
        percent(secret, |byte| b"-_.!~*'()".contains(&byte)),
        percent(secret, |byte| b"-_.!~*'();,/?:@&=+$#".contains(&byte)),
        quoted[1..quoted.len() - 1].to_owned(),
    ]
}

fn percent(text: &str, kept: impl Fn(u8) -> bool) -> String {
    let byte = |byte: u8| match byte {
        _ if byte.is_ascii_alphanumeric() || kept(byte) => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
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

fn holds(value: &Value, secret: &str) -> bool {
    match value {
        Value::String(text) => text.contains(secret),
        Value::Number(number) => number.to_string() == secret,
        Value::Array(items) => items.iter().any(|item| holds(item, secret)),
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| name.contains(secret) || holds(value, secret)),
        Value::Null | Value::Bool(_) => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    fn secrets() -> Secrets {
        Secrets::of(
            &serde_json::json!({"token": "s3cret-token", "pin": 123456, "short": "ab", "deep": [{"key": "line\n\"two\""}]}),
        )
    }

    #[test]
    fn a_secret_is_masked_wherever_it_stands() {
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
    fn a_secret_is_masked_in_a_url_and_in_a_text_of_json() {
        let secrets = Secrets::of(&Value::String("s3 cret/\"ü".to_owned()));
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
    fn what_is_handed_on_is_only_what_is_there() {
        assert_eq!(
            secrets().within(r#"{"a":"x line\n\"two\" y"}"#),
            ["line\n\"two\""]
        );
    }

    proptest! {
        #[test]
        fn no_secret_survives_in_what_is_shown(secret in "[a-z0-9\"\\\\\n]{4,12}", before: String, after: String) {
            let secrets = Secrets::of(&Value::String(secret.clone()));
            let json = Json::of(&serde_json::json!({ "k": [format!("{before}{secret}{after}")] })).unwrap();
            let masked = secrets.mask(&json).unwrap().to_value();
            prop_assert!(!masked["k"][0].as_str().unwrap().contains(&secret));
        }
    }
}
