//! Rules for names that callers choose.

/// What a name of one kind may be. Its text states the rule: `1 to 64 bytes of A-Z, …`.
///
/// ```text
/// const RULE: NameRule = NameRule::new(64, Characters::Identifier);
/// assert!(RULE.accepts("nightly-report"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameRule {
    max: Length,
    characters: Characters,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Bytes(usize),
    Characters(usize),
}

/// The characters of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Characters {
    /// `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`.
    Identifier,
    /// Any except control characters and `/`, so that a name is one segment of a path; no
    /// surrounding blanks.
    Segment,
    /// Any except control characters.
    Printable,
}

impl NameRule {
    /// A rule for names of 1 to `max_bytes` bytes of these characters.
    pub const fn new(max_bytes: usize, characters: Characters) -> Self {
        Self {
            max: Length::Bytes(max_bytes),
            characters,
        }
    }

    /// A rule for names of 1 to `max` of these characters.
    pub const fn by_characters(max: usize, characters: Characters) -> Self {
        Self {
            max: Length::Characters(max),
            characters,
        }
    }

    /// Whether a name follows the rule.
    pub fn accepts(&self, name: &str) -> bool {
        let legal = |c: char| match self.characters {
            Characters::Identifier => c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'),
            Characters::Segment => !c.is_control() && c != '/',
            Characters::Printable => !c.is_control(),
        };
        let is_trimmed = self.characters != Characters::Segment || name.trim() == name;
        let fits = match self.max {
            Length::Bytes(max) => name.len() <= max,
            Length::Characters(max) => name.chars().count() <= max,
        };
        !name.is_empty() && fits && name.chars().all(legal) && is_trimmed
    }
}

impl std::fmt::Display for NameRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let characters = match self.characters {
            Characters::Identifier => "of A-Z, a-z, 0-9, ., _ and -",
            Characters::Segment => "without /, control characters or surrounding blanks",
            Characters::Printable => "without control characters",
        };
        match self.max {
            Length::Bytes(max) => write!(f, "1 to {max} bytes {characters}"),
            Length::Characters(max) => write!(f, "1 to {max} characters {characters}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Characters, NameRule};

    #[test]
    fn a_rule_limits_the_bytes_and_the_characters() {
        for (characters, good, bad) in [
            (Characters::Identifier, "a.B_9-", ["a b", "a/b", "ü"]),
            (Characters::Segment, "a b ü", ["a/b", " ab", "a\n"]),
            (Characters::Printable, " a/b ü", ["\0", "a\n", "\u{9f}"]),
        ] {
            let rule = NameRule::new(7, characters);
            assert!(rule.accepts(good), "{rule}: {good}");
            for bad in bad.into_iter().chain(["", "12345678", "1234ïö"]) {
                assert!(!rule.accepts(bad), "{rule}: {bad:?}");
            }
        }
        let rule = NameRule::by_characters(3, Characters::Printable);
        assert!(rule.accepts("äöü") && !rule.accepts("abcd") && !rule.accepts(""));
        let rule = NameRule::new(64, Characters::Identifier);
        assert_eq!(
            rule.to_string(),
            "1 to 64 bytes of A-Z, a-z, 0-9, ., _ and -"
        );
    }
}
