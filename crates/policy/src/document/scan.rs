//! A look at the words of a document, for what compiles and still must not be: numbers that are not
//! exact, texts of digits that are compared as texts, functions that are replaced.

use super::Refusal;

/// The largest integer up to which every one is exact in a float, which is what other Rego engines
/// compute with.
const EXACT: u64 = 1 << 53;

/// How deep `[` and `{` may be nested: regorus reads what stands in them twice, to see whether it
/// is a comprehension, so each level doubles the time.
const MOST_BRACKETS: usize = 8;

/// A word of Rego, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word<'t> {
    Name(&'t str),
    Number(&'t str),
    /// With its quotes.
    Text(&'t str),
    Mark(&'t str),
}

/// Refuse what compiles and still must not be.
pub(crate) fn scan(document: &str) -> Result<(), Refusal> {
    let words = words(document);
    brackets(&words)?;
    for (place, (line, word)) in words.iter().enumerate() {
        match word {
            Word::Number(literal) if !is_exact(literal) => {
                return Err(Refusal::Inexact {
                    line: *line,
                    literal: (*literal).to_owned(),
                });
            }
            Word::Text(literal) if is_digits(literal) && is_ordered(&words, place) => {
                return Err(Refusal::TextCompared {
                    line: *line,
                    literal: (*literal).to_owned(),
                });
            }
            Word::Name("to_number") => {
                return Err(Refusal::Function {
                    name: "to_number".to_owned(),
                    hint: ": amounts would not stay exact; use florin.amount",
                });
            }
            _ => {}
        }
    }
    Ok(())
}

fn brackets(words: &[(usize, Word<'_>)]) -> Result<(), Refusal> {
    let mut open = 0usize;
    for (line, word) in words {
        match word {
            Word::Mark("[" | "{") => open += 1,
            Word::Mark("]" | "}") => open = open.saturating_sub(1),
            _ => {}
        }
        if open > MOST_BRACKETS {
            return Err(Refusal::Brackets {
                line: *line,
                limit: MOST_BRACKETS,
            });
        }
    }
    Ok(())
}

/// Whether a number reads the same in every engine: whole ones up to 2^53, fractions below it.
fn is_exact(literal: &str) -> bool {
    match literal.parse::<u64>() {
        Ok(whole) => whole <= EXACT,
        Err(_) => literal.contains(['.', 'e', 'E']) && is_small(literal),
    }
}

/// Whether a decimal number is below 2^53, told by where its point ends up; exact enough, for the
/// border has 16 digits.
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

fn is_ordered(words: &[(usize, Word<'_>)], place: usize) -> bool {
    let orders = |at: Option<usize>| {
        at.and_then(|at| words.get(at))
            .is_some_and(|(_, word)| matches!(word, Word::Mark("<" | "<=" | ">" | ">=")))
    };
    orders(place.checked_sub(1)) || orders(place.checked_add(1))
}

/// The words of a text, each with its line, comments left out. Never fails: what is no Rego is the
/// compiler's to tell.
fn words(text: &str) -> Vec<(usize, Word<'_>)> {
    let mut found = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let (length, word) = next(rest, first);
        let (taken, behind) = rest.split_at(length);
        if let Some(word) = word {
            found.push((line, word(taken)));
        }
        line += taken.matches('\n').count();
        rest = behind;
    }
    found
}

type Make = for<'t> fn(&'t str) -> Word<'t>;

/// How long the next word is, and what it is; nothing for blanks and comments.
fn next(rest: &str, first: char) -> (usize, Option<Make>) {
    let name: Make = |text| Word::Name(text);
    let number: Make = |text| Word::Number(text);
    let quoted: Make = |text| Word::Text(text);
    let mark: Make = |text| Word::Mark(text);
    match first {
        '#' => (rest.find('\n').unwrap_or(rest.len()), None),
        '"' => (closing(rest, true), Some(quoted)),
        '`' => (closing(rest, false), Some(quoted)),
        c if c.is_whitespace() => (c.len_utf8(), None),
        c if c.is_ascii_digit() => (number_length(rest), Some(number)),
        c if c.is_alphabetic() || c == '_' => {
            (span(rest, |c| c.is_alphanumeric() || c == '_'), Some(name))
        }
        '<' | '>' if rest[1..].starts_with('=') => (2, Some(mark)),
        c => (c.len_utf8(), Some(mark)),
    }
}

fn span(rest: &str, belongs: impl Fn(char) -> bool) -> usize {
    rest.find(|c: char| !belongs(c)).unwrap_or(rest.len())
}

/// The length of a quoted text with its quotes; all of the rest if it does not close.
fn closing(rest: &str, escapes: bool) -> usize {
    let quote = rest.as_bytes()[0];
    let mut skip = false;
    for (place, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if skip => skip = false,
            b'\\' if escapes => skip = true,
            _ if byte == quote => return place + 1,
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

    fn refused(document: &str) -> Option<String> {
        scan(document).err().map(|refusal| refusal.to_string())
    }

    #[test]
    fn numbers_up_to_2_to_the_53_only() {
        for fine in [
            "x := 9007199254740992",
            "x := 0.5",
            "x := 1e3",
            "x := [1, 2]",
            "x := 123456789012345.75",
            "y1 := a1e99",
        ] {
            assert_eq!(refused(fine), None, "{fine}");
        }
        for bad in [
            "9007199254740993",
            "1000000000000000000000000",
            "1e18",
            "1E+24",
            "9007199254740993.5",
            "1e99999999999999999999",
        ] {
            let said = refused(&format!("package p\n\nx := input.a <= {bad}")).unwrap_or_default();
            assert!(
                said.starts_with(&format!("line 3: the number {bad} ")),
                "{bad}: {said}"
            );
        }
    }

    #[test]
    fn comments_and_texts_are_no_numbers() {
        assert_eq!(
            refused(
                "# 99999999999999999999\nx := \"99999999999999999999\" # \"\ny := `9\n99999999999999999999`"
            ),
            None
        );
        assert!(refused("x := \"\\\"\" \ny := 99999999999999999999").is_some());
    }

    #[test]
    fn brackets_are_nested_eight_deep_at_most() {
        assert_eq!(
            refused(&format!(
                "x := {}1{} + f[\"[[[[[\"]",
                "[{".repeat(4),
                "}]".repeat(4)
            )),
            None
        );
        assert!(
            refused(&format!("x := {}1", "[(".repeat(9)))
                .is_some_and(|said| said.contains("nested"))
        );
    }

    #[test]
    fn texts_of_digits_are_not_put_in_order() {
        for bad in ["a <= \"100\"", "\"100\" > a", "a<`5`"] {
            assert!(
                refused(bad).is_some_and(|said| said.contains("compared as a text")),
                "{bad}"
            );
        }
        assert_eq!(
            refused("a == \"100\"; amount.lte(a, \"100\"); b < \"2026-01-01\""),
            None
        );
    }

    #[test]
    fn to_number_is_named_with_what_to_use_instead() {
        assert!(
            refused("to_number(input.a) < 5").is_some_and(|said| said.contains("florin.amount"))
        );
    }

    proptest! {
        #[test]
        fn any_text_is_cut_into_its_words(text in "(?s).{0,200}") {
            let total: usize = words(&text).iter().map(|(_, word)| match word {
                Word::Name(t) | Word::Number(t) | Word::Text(t) | Word::Mark(t) => t.len(),
            }).sum();
            prop_assert!(total <= text.len());
            let _ = scan(&text);
        }
    }
}
