//! Numerals that a double cannot hold are kept as texts.

/// The longest numeral that a double always gives back as it was written.
const EXACT_DIGITS: usize = 15;
/// Whole numbers beyond this lose their last digits as doubles.
pub(crate) const EXACT_INTEGER: u64 = 1 << 53;

/// The same JSON with every numeral that would lose digits written as a text:
/// `123456789012345678901234567890` becomes `"123456789012345678901234567890"`. The text has to be
/// JSON.
pub(crate) fn long_numerals_as_texts(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let end = if from.starts_with('"') {
            string_end(from)
        } else {
            numeral_end(from)
        };
        let (token, behind) = from.split_at(end);
        if from.starts_with('"') || is_exact(token) {
            out.push_str(token);
        } else {
            out.extend(["\"", token, "\""]);
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// Whether a numeral means the same as a double.
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

fn string_end(from: &str) -> usize {
    let mut escaped = false;
    for (place, byte) in from.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return place + 1,
            _ => {}
        }
    }
    from.len()
}

fn numeral_end(from: &str) -> usize {
    let part = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
    from.find(|c| !part(c)).unwrap_or(from.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_what_would_lose_digits_becomes_a_text() {
        let json = r#"{"a":9007199254740992,"b":9007199254740993,"c":-123456789012345678901,"d":1.5,"e":1e30,"f":0.12345678901234567,"9":"12345678901234567890 \" 99999999999999999999"}"#;
        let kept = r#"{"a":9007199254740992,"b":"9007199254740993","c":"-123456789012345678901","d":1.5,"e":1e30,"f":"0.12345678901234567","9":"12345678901234567890 \" 99999999999999999999"}"#;
        assert_eq!(long_numerals_as_texts(json), kept);
    }

    proptest! {
        #[test]
        fn every_integer_survives(value: i128, text: String) {
            let json = serde_json::json!({ "text": text }).to_string().replace('}', &format!(",\"n\":[{value}]}}"));
            let Ok(read) = serde_json::from_str::<serde_json::Value>(&long_numerals_as_texts(&json)) else {
                return Ok(()); // the text held the brace that was replaced
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
