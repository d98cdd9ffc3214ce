//! The nesting depth of a JSON text, measured without parsing it, so that a hostile answer is
//! rejected cheaply.

/// Whether no value is nested deeper than `limit`. Text that is not JSON is measured by its
/// brackets.
pub(super) fn within(text: &[u8], limit: usize) -> bool {
    let mut depth = 0usize;
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => skip_string(&mut bytes),
            b'[' | b'{' => {
                depth += 1;
                if depth > limit {
                    return false;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

fn skip_string(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_count_except_in_strings() {
        assert!(within(br#"{"a":[1,{"b":[]}]}"#, 4));
        assert!(!within(br#"{"a":[1,{"b":[]}]}"#, 3));
        assert!(within(br#"{"a":"[[[[[[[[\"[[[["}"#, 1));
        assert!(within(b"]]]]", 0));
        assert!(!within(&b"[".repeat(100_000), 64));
    }
}
