//! Text from a chain is untrusted.

/// Convert bytes from a chain to text that every database accepts: invalid UTF-8 and NUL become
/// U+FFFD. Store the raw bytes beside it.
pub fn sanitize_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_and_broken_utf_8_are_replaced() {
        assert_eq!(sanitize_text(b"a\0b\xff"), "a\u{fffd}b\u{fffd}");
    }
}
