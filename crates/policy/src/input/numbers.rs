//! Conversion of JSON numbers to strings: Rego may round a number, and a rounded number must not
//! look exact.

/// The same JSON with every number replaced by a string of its digits. The text must be valid JSON.
pub(crate) fn stringify_numbers(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + 16);
    let (mut quoted, mut escaped, mut number) = (false, false, false);
    for c in json.chars() {
        let in_number =
            !quoted && matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E') && (number || c != 'e');
        if in_number != number {
            out.push('"');
        }
        number = in_number;
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
    use super::stringify_numbers;
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

    /// The same conversion on the parsed tree.
    fn expected(value: Value) -> Value {
        match value {
            Value::Number(number) => Value::from(number.to_string()),
            Value::Array(items) => items.into_iter().map(expected).collect(),
            Value::Object(fields) => Value::Object(
                fields
                    .into_iter()
                    .map(|(key, value)| (key, expected(value)))
                    .collect(),
            ),
            other => other,
        }
    }

    proptest! {
        #[test]
        fn only_numbers_change(value in json()) {
            let text = stringify_numbers(&value.to_string());
            prop_assert_eq!(serde_json::from_str::<Value>(&text).expect("still JSON"), expected(value));
        }
    }

    #[test]
    fn digits_are_kept_and_other_values_are_unchanged() {
        let input = r#"{"a":123456789012345678901234567890,"b":[-1,2.50,1e9],"c":true,"d":false,"e":"5 \" 6","f":null}"#;
        let expected = r#"{"a":"123456789012345678901234567890","b":["-1","2.50","1e9"],"c":true,"d":false,"e":"5 \" 6","f":null}"#;
        assert_eq!(stringify_numbers(input), expected);
        assert_eq!(stringify_numbers("7"), "\"7\"");
    }
}
