//! JSON from outside, without its numbers: a number that is not exact in Rego must not look as if it were.

/// The same JSON with every number as a text of its digits. The text has to be JSON.
pub(crate) fn numbers_as_text(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + 16);
    let (mut quoted, mut escaped, mut number) = (false, false, false);
    for c in json.chars() {
        let belongs = !quoted && matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E') && (number || c != 'e');
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

    #[test]
    fn digits_survive_and_words_are_left_alone() {
        let given =
            r#"{"a":123456789012345678901234567890,"b":[-1,2.50,1e9],"c":true,"d":false,"e":"5 \" 6","f":null}"#;
        let told = r#"{"a":"123456789012345678901234567890","b":["-1","2.50","1e9"],"c":true,"d":false,"e":"5 \" 6","f":null}"#;
        assert_eq!(numbers_as_text(given), told);
        assert_eq!(numbers_as_text("7"), "\"7\"");
    }
}
