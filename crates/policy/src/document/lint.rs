//! A token-level lint for documents that compile but must be rejected: inexact numbers, digit
//! strings in text order, replaced functions.

use super::DocumentError;

/// Integers up to this one are exact in a float, which is what other Rego engines compute with.
const MAX_EXACT: u64 = 1 << 53;

/// The largest nesting of `[` and `{`: regorus parses their content twice, to detect
/// comprehensions, so each level doubles the time.
const MAX_BRACKET_DEPTH: usize = 8;

/// A token of Rego, as far as the lint needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'t> {
    Name(&'t str),
    Number(&'t str),
    /// Including the quotes.
    Text(&'t str),
    Symbol(&'t str),
}

/// Reject documents that compile but are not allowed.
pub(crate) fn check(document: &str) -> Result<(), DocumentError> {
    let tokens = tokens(document);
    check_brackets(&tokens)?;
    for (index, (line, token)) in tokens.iter().enumerate() {
        match token {
            Token::Number(literal) if !is_exact(literal) => {
                return Err(DocumentError::InexactNumber {
                    line: *line,
                    literal: (*literal).to_owned(),
                });
            }
            Token::Text(literal) if is_digits(literal) && is_ordered(&tokens, index) => {
                return Err(DocumentError::StringComparison {
                    line: *line,
                    literal: (*literal).to_owned(),
                });
            }
            // `input.effects.opaque` is never defined, so `not` of it would be true.
            Token::Name("opaque") | Token::Text("\"opaque\"" | "`opaque`") => {
                return Err(DocumentError::RemovedMember {
                    line: *line,
                    name: "opaque",
                    hint: "use effects.complete",
                });
            }
            Token::Name("to_number") => {
                return Err(DocumentError::ForbiddenFunction {
                    name: "to_number".to_owned(),
                    hint: ": amounts would not stay exact; use florin.amount",
                });
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_brackets(tokens: &[(usize, Token<'_>)]) -> Result<(), DocumentError> {
    let mut open = 0usize;
    for (line, token) in tokens {
        match token {
            Token::Symbol("[" | "{") => open += 1,
            Token::Symbol("]" | "}") => open = open.saturating_sub(1),
            _ => {}
        }
        if open > MAX_BRACKET_DEPTH {
            return Err(DocumentError::BracketNesting {
                line: *line,
                limit: MAX_BRACKET_DEPTH,
            });
        }
    }
    Ok(())
}

/// Whether every engine reads the number equally: integers up to 2^53, and fractions below it.
fn is_exact(literal: &str) -> bool {
    match literal.parse::<u64>() {
        Ok(whole) => whole <= MAX_EXACT,
        Err(_) => literal.contains(['.', 'e', 'E']) && is_small(literal),
    }
}

/// Whether a decimal number is below 2^53, judged by the number of digits before the point. Precise
/// enough, because 2^53 has 16 digits.
fn is_small(literal: &str) -> bool {
    let (digits, exponent) = literal.split_once(['e', 'E']).unwrap_or((literal, "0"));
    let whole = digits
        .split_once('.')
        .map_or(digits, |(whole, _)| whole)
        .trim_start_matches('0')
        .len();
    let Ok(exponent) = exponent.parse::<i64>() else {
        return false;
    };
    i64::try_from(whole).is_ok_and(|whole| whole.saturating_add(exponent) <= 15)
}

fn is_digits(literal: &str) -> bool {
    let inner = literal
        .get(1..literal.len().saturating_sub(1))
        .unwrap_or_default();
    !inner.is_empty() && inner.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_ordered(tokens: &[(usize, Token<'_>)], index: usize) -> bool {
    let is_comparison = |at: Option<usize>| {
        at.and_then(|at| tokens.get(at))
            .is_some_and(|(_, token)| matches!(token, Token::Symbol("<" | "<=" | ">" | ">=")))
    };
    is_comparison(index.checked_sub(1)) || is_comparison(index.checked_add(1))
}

/// The tokens of a text with their lines, without comments. Never fails: syntax errors are left to
/// the compiler.
fn tokens(text: &str) -> Vec<(usize, Token<'_>)> {
    let mut tokens_with_lines = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let (length, token) = next(rest, first);
        let (taken, remainder) = rest.split_at(length);
        if let Some(token) = token {
            tokens_with_lines.push((line, token(taken)));
        }
        line += taken.matches('\n').count();
        rest = remainder;
    }
    tokens_with_lines
}

type NewToken<'t> = fn(&'t str) -> Token<'t>;

/// The length and constructor of the next token; no constructor for whitespace and comments.
fn next(rest: &str, first: char) -> (usize, Option<NewToken<'_>>) {
    match first {
        '#' => (rest.find('\n').unwrap_or(rest.len()), None),
        '"' => (quoted_length(rest, true), Some(Token::Text)),
        '`' => (quoted_length(rest, false), Some(Token::Text)),
        c if c.is_whitespace() => (c.len_utf8(), None),
        c if c.is_ascii_digit() => (number_length(rest), Some(Token::Number)),
        c if c.is_alphabetic() || c == '_' => (
            span(rest, |c| c.is_alphanumeric() || c == '_'),
            Some(Token::Name),
        ),
        '<' | '>' if rest[1..].starts_with('=') => (2, Some(Token::Symbol)),
        c => (c.len_utf8(), Some(Token::Symbol)),
    }
}

fn span(rest: &str, matches: impl Fn(char) -> bool) -> usize {
    rest.find(|c: char| !matches(c)).unwrap_or(rest.len())
}

/// The length of a quoted string with its quotes; the whole rest if it does not close.
fn quoted_length(rest: &str, escapes: bool) -> usize {
    let quote = rest.as_bytes()[0];
    let mut skip = false;
    for (index, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if skip => skip = false,
            b'\\' if escapes => skip = true,
            _ if byte == quote => return index + 1,
            _ => {}
        }
    }
    rest.len()
}

fn number_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let digits = |from: usize| {
        bytes[from..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
    };
    let mut end = digits(0);
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = bytes
            .get(end + 1 + sign)
            .map_or(0, |_| digits(end + 1 + sign));
        end += if exponent > 0 { 1 + sign + exponent } else { 0 };
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rejection(document: &str) -> Option<String> {
        check(document).err().map(|error| error.to_string())
    }

    #[test]
    fn numbers_above_2_to_the_53_are_rejected() {
        for good in [
            "x := 9007199254740992",
            "x := 0.5",
            "x := 1e3",
            "x := [1, 2]",
            "x := 123456789012345.75",
            "y1 := a1e99",
        ] {
            assert_eq!(rejection(good), None, "{good}");
        }
        for bad in [
            "9007199254740993",
            "1000000000000000000000000",
            "1e18",
            "1E+24",
            "9007199254740993.5",
            "1e99999999999999999999",
        ] {
            let message =
                rejection(&format!("package p\n\nx := input.a <= {bad}")).unwrap_or_default();
            assert!(
                message.starts_with(&format!("line 3: the number {bad} ")),
                "{bad}: {message}"
            );
        }
    }

    #[test]
    fn digits_in_comments_and_strings_are_no_numbers() {
        assert_eq!(
            rejection(
                "# 99999999999999999999\nx := \"99999999999999999999\" # \"\ny := `9\n99999999999999999999`"
            ),
            None
        );
        assert!(rejection("x := \"\\\"\" \ny := 99999999999999999999").is_some());
    }

    #[test]
    fn brackets_are_nested_at_most_eight_deep() {
        assert_eq!(
            rejection(&format!(
                "x := {}1{} + f[\"[[[[[\"]",
                "[{".repeat(4),
                "}]".repeat(4)
            )),
            None
        );
        assert!(
            rejection(&format!("x := {}1", "[(".repeat(9)))
                .is_some_and(|message| message.contains("nested"))
        );
    }

    #[test]
    fn digit_strings_are_not_compared_in_text_order() {
        for bad in ["a <= \"100\"", "\"100\" > a", "a<`5`"] {
            assert!(
                rejection(bad).is_some_and(|message| message.contains("compared as text")),
                "{bad}"
            );
        }
        assert_eq!(
            rejection("a == \"100\"; amount.lte(a, \"100\"); b < \"2026-01-01\""),
            None
        );
    }

    #[test]
    fn opaque_is_rejected_with_a_suggestion() {
        for bad in [
            "not input.effects.opaque",
            "x := input.effects[\"opaque\"]",
            "y := object.get(input.effects, `opaque`, false)",
            "some e in [input.effects]; e.opaque == false",
        ] {
            assert!(
                rejection(bad).is_some_and(|message| message.contains("use effects.complete")),
                "{bad}"
            );
        }
        assert_eq!(
            rejection("# opaque\nx := \"an opaque call\"; input.effects.complete"),
            None
        );
    }

    #[test]
    fn to_number_is_rejected_with_a_suggestion() {
        assert!(
            rejection("to_number(input.a) < 5")
                .is_some_and(|message| message.contains("florin.amount"))
        );
    }

    proptest! {
        #[test]
        fn any_text_is_tokenized(text in "(?s).{0,200}") {
            let total: usize = tokens(&text).iter().map(|(_, token)| match token {
                Token::Name(t) | Token::Number(t) | Token::Text(t) | Token::Symbol(t) => t.len(),
            }).sum();
            prop_assert!(total <= text.len());
            let _ = check(&text);
        }
    }
}
