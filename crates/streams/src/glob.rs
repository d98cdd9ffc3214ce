//! Patterns for dotted names: `*` matches any sequence of characters, including an empty one. No
//! other character is special.

/// Whether a text matches a pattern. Worst case O(pattern × text).
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let Some(last) = pattern.contains('*').then(|| pieces.next_back()).flatten() else {
        return rest.is_empty();
    };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches;
    use proptest::prelude::*;

    #[test]
    fn a_star_matches_any_text() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "a.b"),
            ("a.*", "a.b.c"),
            ("*.dead", "delivery.dead"),
            ("a*b*c", "aXbYbZc"),
            ("a**b", "ab"),
            ("event.final", "event.final"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("a", ""),
            ("a.*", "a"),
            ("a*a", "a"),
            ("event.final", "event.finals"),
            ("a*b*c", "acb"),
            ("*x", "xy"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    /// The naive definition, as an oracle.
    fn naive(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|at| naive(rest, &text[at..])),
            Some((first, rest)) => text
                .split_first()
                .is_some_and(|(head, tail)| head == first && naive(rest, tail)),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[ab*]{0,7}", text in "[ab]{0,9}") {
            prop_assert_eq!(matches(&pattern, &text), naive(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
