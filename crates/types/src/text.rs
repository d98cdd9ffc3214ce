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

/// Formats types for debugging as their text.
#[macro_export]
macro_rules! debug_as_text {
    ($($name:ty),+) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    )+};
}

/// Serializes types as their text, by `Display`.
#[macro_export]
macro_rules! serialize_as_text {
    ($($name:ty),+) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
    )+};
}

/// Serializes types as their text, by `Display`, and deserializes them by `FromStr`.
#[macro_export]
macro_rules! serde_as_text {
    ($($name:ty),+) => {
        $crate::serialize_as_text!($($name),+);
        $(
            impl<'de> serde::Deserialize<'de> for $name {
                fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                    let text = <String as serde::Deserialize>::deserialize(d)?;
                    text.parse().map_err(serde::de::Error::custom)
                }
            }
        )+
    };
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
