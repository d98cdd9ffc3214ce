//! Stores numerals that a double cannot represent exactly as strings.

/// Doubles preserve every decimal numeral with at most this many digits.
const EXACT_DIGITS: usize = 15;
/// Doubles represent integers up to this value exactly.
pub(crate) const EXACT_INTEGER: u64 = 1 << 53;

/// Replaces every numeral that would lose digits with a string: `123456789012345678901234567890`
/// becomes `"123456789012345678901234567890"`. The input must be valid JSON.
pub(crate) fn long_numerals_as_texts(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        let (before, tail) = rest.split_at(at);
        out.push_str(before);
        let end = if tail.starts_with('"') {
            string_end(tail)
        } else {
            numeral_end(tail)
        };
        let (token, after) = tail.split_at(end);
        if tail.starts_with('"') || is_exact(token) {
            out.push_str(token);
        } else {
            out.extend(["\"", token, "\""]);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Whether a double represents the numeral exactly.
pub(crate) fn is_exact(numeral: &str) -> bool {
    let unsigned = numeral.trim_start_matches('-');
    if unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return unsigned
            .parse::<u64>()
            .is_ok_and(|value| value <= EXACT_INTEGER);
    }
    let mantissa = unsigned.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_start_matches('0').len() <= EXACT_DIGITS
}

fn string_end(tail: &str) -> usize {
    let mut escaped = false;
    for (index, byte) in tail.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return index + 1,
            _ => {}
        }
    }
    tail.len()
}

fn numeral_end(tail: &str) -> usize {
    let part = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
    tail.find(|c| !part(c)).unwrap_or(tail.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_numerals_that_would_lose_digits_become_strings() {
        let json = r#"{"a":9007199254740992,"b":9007199254740993,"c":-123456789012345678901,"d":1.5,"e":1e30,"f":0.12345678901234567,"9":"12345678901234567890 \" 99999999999999999999"}"#;
        let kept = r#"{"a":9007199254740992,"b":"9007199254740993","c":"-123456789012345678901","d":1.5,"e":1e30,"f":"0.12345678901234567","9":"12345678901234567890 \" 99999999999999999999"}"#;
        assert_eq!(long_numerals_as_texts(json), kept);
    }

    proptest! {
        #[test]
        fn every_integer_survives(value: i128, text: String) {
            let json = serde_json::json!({ "text": text }).to_string().replace('}', &format!(",\"n\":[{value}]}}"));
            let Ok(read) = serde_json::from_str::<serde_json::Value>(&long_numerals_as_texts(&json)) else {
                return Ok(()); // the text contained the brace that was replaced
            };
            let n = &read["n"][0];
            prop_assert_eq!(n.as_str().map_or_else(|| n.to_string(), str::to_owned), value.to_string());
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = long_numerals_as_texts(&text);
        }
    }
}
