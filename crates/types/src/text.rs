//! Text from a chain or a node is untrusted: of any bytes and any length.

/// Convert bytes from a chain to text that every database accepts: invalid UTF-8 and NUL become
/// U+FFFD. Store the raw bytes beside it.
pub fn sanitize_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}")
}

/// At most the first `max_chars` characters of a text, followed by `…` if it was longer.
pub fn clip(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_and_broken_utf_8_are_replaced() {
        assert_eq!(sanitize_text(b"a\0b\xff"), "a\u{fffd}b\u{fffd}");
    }

    #[test]
    fn a_text_is_clipped_after_whole_characters() {
        assert_eq!(clip("grün", 4), "grün");
        assert_eq!(clip("grün", 3), "grü…");
        assert_eq!(clip("grün", 0), "…");
    }
}
