//! JSON from outside, without its numbers: a number that is not exact in Rego must not look as if
//! it were.

/// The same JSON with every number as a text of its digits. The text has to be JSON.
pub(crate) fn numbers_as_text(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + 16);
    let (mut quoted, mut escaped, mut number) = (false, false, false);
    for c in json.chars() {
        let belongs =
            !quoted && matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E') && (number || c != 'e');
        if belongs != number {
            out.push('"');
        }
        number = belongs;
        out.push(c);
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = quoted,
            '"' => quoted = !quoted,
            _ => {}
        }
    }
    if number {
        out.push('"');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::numbers_as_text;
    use proptest::prelude::*;
    use serde_json::Value;

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "(?s).{0,8}".prop_map(Value::from),
            "[0-9eE\\\\\"+-]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            let list = prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from);
            let object = prop::collection::vec(("(?s).{0,6}", inner), 0..4);
            prop_oneof![
                list,
                object.prop_map(|fields| Value::Object(fields.into_iter().collect()))
            ]
        })
    }

    /// The same, done on the tree.
    fn told(value: Value) -> Value {
        match value {
            Value::Number(number) => Value::from(number.to_string()),
            Value::Array(items) => items.into_iter().map(told).collect(),
            Value::Object(fields) => Value::Object(
                fields
                    .into_iter()
                    .map(|(key, value)| (key, told(value)))
                    .collect(),
            ),
            other => other,
        }
    }

    proptest! {
        #[test]
        fn only_numbers_change(value in json()) {
            let text = numbers_as_text(&value.to_string());
            prop_assert_eq!(serde_json::from_str::<Value>(&text).expect("still JSON"), told(value));
        }
    }

    #[test]
    fn digits_survive_and_words_are_left_alone() {
        let given = r#"{"a":123456789012345678901234567890,"b":[-1,2.50,1e9],"c":true,"d":false,"e":"5 \" 6","f":null}"#;
        let told = r#"{"a":"123456789012345678901234567890","b":["-1","2.50","1e9"],"c":true,"d":false,"e":"5 \" 6","f":null}"#;
        assert_eq!(numbers_as_text(given), told);
        assert_eq!(numbers_as_text("7"), "\"7\"");
    }
}
