//! Letters without case. A letter is folded to its lower-case letter where that is one letter; a
//! letter outside ASCII is never folded into ASCII. So a search for ASCII text may be left to the
//! database, which knows the case of ASCII only.

/// A text without case.
pub(crate) fn fold(text: &str) -> String {
    text.chars().map(fold_letter).collect()
}

fn fold_letter(letter: char) -> char {
    let mut lower = letter.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) if one.is_ascii() == letter.is_ascii() => one,
        _ => letter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_fold_to_letters_of_their_own_kind() {
        assert_eq!(fold("ÀÉz Straße ΑΣ"), "àéz straße ασ");
        // The Kelvin sign and the dotted capital I stay, so that no ASCII search finds them.
        assert_eq!(fold("\u{212a}İ"), "\u{212a}İ");
    }

    #[test]
    fn of_ascii_it_is_what_the_databases_do() {
        for byte in 0..=127u8 {
            let text = char::from(byte).to_string();
            assert_eq!(fold(&text), text.to_ascii_lowercase());
        }
    }
}
