//! Case folding, one character at a time. A character is folded to its lower-case form if that is a
//! single character; non-ASCII characters never fold to ASCII. Searches for ASCII text can
//! therefore run in the database, where `lower` covers ASCII only.

/// Fold the case of a text.
pub(crate) fn fold(text: &str) -> String {
    text.chars().map(fold_char).collect()
}

fn fold_char(c: char) -> char {
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(folded), None) if folded.is_ascii() == c.is_ascii() => folded,
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_and_non_ascii_characters_stay_apart() {
        assert_eq!(fold("ÀÉz Straße ΑΣ"), "àéz straße ασ");
        // The Kelvin sign and the dotted capital I must not fold to ASCII, so that an ASCII search
        // does not match them.
        assert_eq!(fold("\u{212a}İ"), "\u{212a}İ");
    }

    #[test]
    fn ascii_folds_as_in_the_databases() {
        for byte in 0..=127u8 {
            let text = char::from(byte).to_string();
            assert_eq!(fold(&text), text.to_ascii_lowercase());
        }
    }
}
