//! The tokens of a document.

use super::Refusal;

/// The kind of a token. Keywords are names; the parser knows where they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Name,
    Number,
    /// Including the quotes.
    Text,
    /// Including the back quotes.
    RawText,
    Symbol,
    End,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Token<'t> {
    pub(crate) kind: Kind,
    pub(crate) text: &'t str,
    pub(crate) line: u32,
    /// Whether space or a comment precedes it.
    pub(crate) after_space: bool,
    /// Whether it is the first one of its line.
    pub(crate) after_line: bool,
}

/// The tokens of a text, and a last one for its end.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token<'_>>, Refusal> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (text, 1);
    let (mut after_space, mut after_line) = (true, true);
    while let Some(first) = rest.chars().next() {
        if first.is_ascii_whitespace() || first == '#' {
            let length = match first {
                '#' => rest.find('\n').unwrap_or(rest.len()),
                _ => 1,
            };
            after_space = true;
            after_line |= first == '\n';
            line += u32::from(first == '\n');
            rest = &rest[length..];
            continue;
        }
        let (kind, length) = next(rest, first).ok_or_else(|| unknown(line, rest))?;
        let (text, remainder) = rest.split_at(length);
        tokens.push(Token {
            kind,
            text,
            line,
            after_space,
            after_line,
        });
        line += u32::try_from(text.matches('\n').count()).unwrap_or(0);
        (after_space, after_line) = (false, false);
        rest = remainder;
    }
    tokens.push(Token {
        kind: Kind::End,
        text: "",
        line,
        after_space: true,
        after_line: true,
    });
    Ok(tokens)
}

fn unknown(line: u32, rest: &str) -> Refusal {
    let seen: String = rest.chars().take(20).take_while(|c| *c != '\n').collect();
    Refusal::at(line, format!("{seen:?} is not understood"))
}

fn next(rest: &str, first: char) -> Option<(Kind, usize)> {
    match first {
        '"' => Some((Kind::Text, quoted_length(rest)?)),
        '`' => Some((Kind::RawText, rest[1..].find('`')? + 2)),
        c if c.is_ascii_digit() => Some((Kind::Number, number_length(rest)?)),
        c if is_letter(c) => Some((Kind::Name, span(rest, |c| is_letter(c) || digit(c)))),
        _ => {
            let double = [":=", "==", "!=", "<=", ">="];
            if double.iter().any(|symbol| rest.starts_with(symbol)) {
                return Some((Kind::Symbol, 2));
            }
            let is_known = "()[]{},;:.=<>+-*/%&|".contains(first);
            is_known.then_some((Kind::Symbol, 1))
        }
    }
}

fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

fn digit(c: char) -> bool {
    c.is_ascii_digit()
}

fn span(rest: &str, matches: impl Fn(char) -> bool) -> usize {
    rest.find(|c: char| !matches(c)).unwrap_or(rest.len())
}

/// The length of a text in quotes, which ends in its line.
fn quoted_length(rest: &str) -> Option<usize> {
    let mut skip = false;
    for (index, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            b'\n' => return None,
            _ if skip => skip = false,
            b'\\' => skip = true,
            b'"' => return Some(index + 1),
            _ => {}
        }
    }
    None
}

/// The length of a number, with a fraction and an exponent if it has them.
fn number_length(rest: &str) -> Option<usize> {
    let mut end = span(rest, digit);
    if rest[end..].starts_with('.') {
        let fraction = span(&rest[end + 1..], digit);
        end += 1 + fraction;
        if fraction == 0 {
            return None;
        }
    }
    if rest[end..].starts_with(['e', 'E']) {
        let sign = usize::from(rest[end + 1..].starts_with(['+', '-']));
        let exponent = span(&rest[end + 1 + sign..], digit);
        end += 1 + sign + exponent;
        if exponent == 0 {
            return None;
        }
    }
    let ends = !rest[end..].starts_with(is_letter);
    ends.then_some(end)
}
