//! Functions that take the place of built-in ones: bounded in what they make, and unable to turn a
//! long number into a wrong text.

use super::amount::Told;
use super::exact::is_exact;
use super::output;
use jsonata_core::functions::{FunctionError, numeric, string};
use jsonata_core::value::JValue;

/// Bytes of the longest text that an expression may make.
pub(super) const MAX_TEXT: usize = 4 << 20;

/// `$string(value, prettify?)`.
pub(super) fn to_text(args: &[JValue]) -> Told {
    let prettify = args.get(1).and_then(JValue::as_bool);
    match args.first() {
        None | Some(JValue::Undefined) => Ok(JValue::Undefined),
        Some(value) => {
            output::check(value, MAX_TEXT)?;
            told(string::string(value, prettify))
        }
    }
}

/// `a & b`.
pub(super) fn concat(args: &[JValue]) -> Told {
    let mut whole = String::new();
    for arg in args {
        let part = to_text(std::slice::from_ref(arg))?;
        whole.push_str(room(part.as_str().unwrap_or_default(), whole.len())?);
    }
    Ok(JValue::string(whole))
}

/// `$join(list, separator?)`.
pub(super) fn join(args: &[JValue]) -> Told {
    let separator = args.get(1).and_then(JValue::as_str).unwrap_or_default();
    let items: &[JValue] = match args.first() {
        None | Some(JValue::Undefined) => return Ok(JValue::Undefined),
        Some(JValue::Array(items)) => items,
        Some(single) => std::slice::from_ref(single),
    };
    let mut length = 0;
    for item in items {
        let text = item
            .as_str()
            .ok_or("T0412: argument 1 of $join is not a list of texts")?;
        length += room(text, length)?.len() + separator.len();
    }
    told(string::join(items, Some(separator)))
}

/// `$replace(text, pattern, replacement, limit?)` with a replacement that is a text.
pub(super) fn replace(args: &[JValue]) -> Told {
    let [text, pattern, replacement, limit @ ..] = args else {
        return Err("T0410: $replace takes a text, a pattern and a replacement".to_owned());
    };
    if text.is_undefined() {
        return Ok(JValue::Undefined);
    }
    let text = text
        .as_str()
        .ok_or("T0410: argument 1 of $replace is not a text")?;
    let with = replacement
        .as_str()
        .ok_or("T0410: argument 3 of $replace is neither a text nor a function written in place")?;
    let limit = limit.first().filter(|limit| !limit.is_undefined());
    let limit = limit.map(|limit| {
        limit
            .as_f64()
            .filter(|n| *n >= 0.0)
            .ok_or("D3011: argument 4 of $replace is not a number from 0 on")
    });
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    // not negative, and saturating
    let limit = limit.transpose()?.map(|limit| limit as usize);
    // The worst that can come of it, before it is made.
    let matches = text
        .len()
        .saturating_add(1)
        .min(limit.unwrap_or(usize::MAX));
    let worst = |matches: usize| {
        matches
            .saturating_mul(with.len())
            .saturating_add(text.len())
    };
    if worst(matches) > MAX_TEXT && worst(found(text, pattern)?.min(matches)) > MAX_TEXT {
        return Err(too_long());
    }
    told(string::replace(text, pattern, with, limit))
}

/// How often a pattern stands in a text.
fn found(text: &str, pattern: &JValue) -> Result<usize, String> {
    match pattern {
        JValue::String(pattern) if pattern.is_empty() => {
            Err("D3010: argument 2 of $replace is empty".to_owned())
        }
        JValue::String(pattern) => Ok(text.matches(&**pattern).count()),
        JValue::Regex { pattern, flags } => {
            let regex = string::build_regex(pattern, flags).map_err(words)?;
            // Groups may stand several times in the replacement: as if each brought the whole
            // match.
            Ok(regex.find_iter(text).map(|found| 1 + found.len()).sum())
        }
        _ => Err(
            "T0410: argument 2 of $replace is neither a text nor a regular expression".to_owned(),
        ),
    }
}

/// `$number(value)`: refuses a text of digits that a number cannot hold.
pub(super) fn number(args: &[JValue]) -> Told {
    match args.first() {
        None | Some(JValue::Undefined) => Ok(JValue::Undefined),
        Some(JValue::String(digits)) if is_decimal(digits) && !is_exact(digits) => {
            let start: String = digits.chars().take(40).collect();
            Err(format!(
                "{start} is too long to be exact as a number: keep it as a text, and reckon with $amountAdd and its kin"
            ))
        }
        Some(value) => told(numeric::number(value)),
    }
}

fn is_decimal(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E'))
}

/// `$pad(text, width, char?)`.
pub(super) fn pad(args: &[JValue]) -> Told {
    let [text, width, with @ ..] = args else {
        return Err("T0410: $pad takes a text and a width".to_owned());
    };
    if text.is_undefined() {
        return Ok(JValue::Undefined);
    }
    let text = text
        .as_str()
        .ok_or("T0410: argument 1 of $pad is not a text")?;
    let width = width
        .as_f64()
        .ok_or("T0410: argument 2 of $pad is not a number")?;
    if width.abs() > (MAX_TEXT / 4) as f64 {
        return Err(too_long());
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // bounded by the line above
    let (left, width) = (width < 0.0, width.abs() as usize);
    let with: Vec<char> = with
        .first()
        .and_then(JValue::as_str)
        .filter(|with| !with.is_empty())
        .unwrap_or(" ")
        .chars()
        .collect();
    let missing = width.saturating_sub(text.chars().count());
    let padding: String = with.iter().cycle().take(missing).collect();
    Ok(JValue::string(if left {
        padding + text
    } else {
        text.to_owned() + &padding
    }))
}

/// A function of one text that makes it longer by a factor.
pub(super) fn encoded(args: &[JValue], encode: fn(&str) -> Result<JValue, FunctionError>) -> Told {
    match args.first() {
        None | Some(JValue::Undefined) => Ok(JValue::Undefined),
        Some(JValue::String(text)) => told(encode(room(text, 0)?)),
        Some(_) => Err("T0410: argument 1 is not a text".to_owned()),
    }
}

fn room(part: &str, before: usize) -> Result<&str, String> {
    if before + part.len() > MAX_TEXT {
        Err(too_long())
    } else {
        Ok(part)
    }
}

fn too_long() -> String {
    format!("a text would be longer than {MAX_TEXT} bytes")
}

fn told(answer: Result<JValue, FunctionError>) -> Told {
    answer.map_err(words)
}

fn words(error: FunctionError) -> String {
    error.to_string()
}
