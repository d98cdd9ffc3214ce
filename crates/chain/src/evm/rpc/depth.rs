//! How deep a JSON text nests, told without parsing it, so that a hostile answer is refused before
//! it costs anything.

/// Whether no value of the text lies deeper than `limit`. Text that is not JSON is judged by its
/// brackets alone.
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
    fn brackets_count_and_those_in_strings_do_not() {
        assert!(within(br#"{"a":[1,{"b":[]}]}"#, 4));
        assert!(!within(br#"{"a":[1,{"b":[]}]}"#, 3));
        assert!(within(br#"{"a":"[[[[[[[[\"[[[["}"#, 1));
        assert!(within(b"]]]]", 0));
        assert!(!within(&b"[".repeat(100_000), 64));
    }
}
