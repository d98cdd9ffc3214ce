//! Replacements for built-in functions. Their output is bounded, and they never convert a long
//! number to a wrong string.

use super::amount::{Function, FunctionResult};
use super::exact::is_exact;
use super::output;
use jsonata_core::functions::{FunctionError, encoding, numeric, string};
use jsonata_core::value::JValue;

/// Maximum length of a string that an expression builds, in bytes.
const MAX_TEXT: usize = 4 << 20;

/// Built-in functions that could build a huge string from small ones, or a string from a number
/// that lost digits, with what [`static_check`](super::static_check) replaces their calls by.
pub(super) const REPLACED: [(&str, Function); 4] = [
    ("string", to_text),
    ("join", join),
    ("replace", replace),
    ("number", number),
];

/// Built-in functions that are replaced under their own name.
pub(super) const OVERRIDDEN: [(&str, Function); 4] = [
    ("pad", pad),
    ("base64encode", |args| encoded(args, encoding::base64encode)),
    ("encodeUrl", |args| encoded(args, encoding::encode_url)),
    ("encodeUrlComponent", |args| {
        encoded(args, encoding::encode_url_component)
    }),
];

/// `$string(value, prettify?)`.
fn to_text(args: &[JValue]) -> FunctionResult {
    let prettify = args.get(1).and_then(JValue::as_bool);
    match args.first() {
        None | Some(JValue::Undefined) => Ok(JValue::Undefined),
        Some(value) => {
            output::check(value, MAX_TEXT)?;
            convert(string::string(value, prettify))
        }
    }
}

/// `a & b`.
pub(super) fn concat(args: &[JValue]) -> FunctionResult {
    let mut joined = String::new();
    for arg in args {
        let part = to_text(std::slice::from_ref(arg))?;
        joined.push_str(check_length(
            part.as_str().unwrap_or_default(),
            joined.len(),
        )?);
    }
    Ok(JValue::string(joined))
}

/// `$join(list, separator?)`.
fn join(args: &[JValue]) -> FunctionResult {
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
            .ok_or("T0412: argument 1 of $join is not a list of strings")?;
        length += check_length(text, length)?.len() + separator.len();
    }
    convert(string::join(items, Some(separator)))
}

/// `$replace(text, pattern, replacement, limit?)` with a string as the replacement.
fn replace(args: &[JValue]) -> FunctionResult {
    let [text, pattern, replacement, limit @ ..] = args else {
        return Err("T0410: $replace takes a string, a pattern and a replacement".to_owned());
    };
    if text.is_undefined() {
        return Ok(JValue::Undefined);
    }
    let text = text
        .as_str()
        .ok_or("T0410: argument 1 of $replace is not a string")?;
    let filler = replacement
        .as_str()
        .ok_or("T0410: argument 3 of $replace is neither a string nor an inline function")?;
    let limit = limit.first().filter(|limit| !limit.is_undefined());
    let limit = limit.map(|limit| {
        limit
            .as_f64()
            .filter(|n| *n >= 0.0)
            .ok_or("D3011: argument 4 of $replace is not a number of at least 0")
    });
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    // not negative, and saturating
    let limit = limit.transpose()?.map(|limit| limit as usize);
    // Upper bound of the result, computed before it is built.
    let matches = text
        .len()
        .saturating_add(1)
        .min(limit.unwrap_or(usize::MAX));
    let upper_bound = |matches: usize| {
        matches
            .saturating_mul(filler.len())
            .saturating_add(text.len())
    };
    if upper_bound(matches) > MAX_TEXT
        && upper_bound(count_matches(text, pattern)?.min(matches)) > MAX_TEXT
    {
        return Err(too_long());
    }
    convert(string::replace(text, pattern, filler, limit))
}

/// Number of matches of a pattern.
fn count_matches(text: &str, pattern: &JValue) -> Result<usize, String> {
    match pattern {
        JValue::String(pattern) if pattern.is_empty() => {
            Err("D3010: argument 2 of $replace is empty".to_owned())
        }
        JValue::String(pattern) => Ok(text.matches(&**pattern).count()),
        JValue::Regex { pattern, flags } => {
            let regex = string::build_regex(pattern, flags).map_err(error_text)?;
            // The replacement can repeat groups: count each as if it contained the whole match.
            Ok(regex
                .find_iter(text)
                .map(|count_matches| 1 + count_matches.len())
                .sum())
        }
        _ => Err(
            "T0410: argument 2 of $replace is neither a string nor a regular expression".to_owned(),
        ),
    }
}

/// `$number(value)`: rejects digits that a double cannot represent exactly.
fn number(args: &[JValue]) -> FunctionResult {
    match args.first() {
        None | Some(JValue::Undefined) => Ok(JValue::Undefined),
        Some(JValue::String(digits)) if is_decimal(digits) && !is_exact(digits) => {
            let start = types::clip(digits, 40);
            Err(format!(
                "{start} is too long to be exact as a number: keep it as a string, and use $amountAdd and the other $amount functions"
            ))
        }
        Some(value) => convert(numeric::number(value)),
    }
}

fn is_decimal(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E'))
}

/// `$pad(text, width, char?)`.
fn pad(args: &[JValue]) -> FunctionResult {
    let [text, width, filler @ ..] = args else {
        return Err("T0410: $pad takes a string and a width".to_owned());
    };
    if text.is_undefined() {
        return Ok(JValue::Undefined);
    }
    let text = text
        .as_str()
        .ok_or("T0410: argument 1 of $pad is not a string")?;
    let width = width
        .as_f64()
        .ok_or("T0410: argument 2 of $pad is not a number")?;
    if width.abs() > (MAX_TEXT / 4) as f64 {
        return Err(too_long());
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // bounded by the check above
    let (left, width) = (width < 0.0, width.abs() as usize);
    let filler: Vec<char> = filler
        .first()
        .and_then(JValue::as_str)
        .filter(|filler| !filler.is_empty())
        .unwrap_or(" ")
        .chars()
        .collect();
    let missing = width.saturating_sub(text.chars().count());
    let padding: String = filler.iter().cycle().take(missing).collect();
    Ok(JValue::string(if left {
        padding + text
    } else {
        text.to_owned() + &padding
    }))
}

/// A function of one string whose output is longer by a constant factor.
fn encoded(args: &[JValue], encode: fn(&str) -> Result<JValue, FunctionError>) -> FunctionResult {
    match args.first() {
        None | Some(JValue::Undefined) => Ok(JValue::Undefined),
        Some(JValue::String(text)) => convert(encode(check_length(text, 0)?)),
        Some(_) => Err("T0410: argument 1 is not a string".to_owned()),
    }
}

fn check_length(part: &str, before: usize) -> Result<&str, String> {
    if before + part.len() > MAX_TEXT {
        Err(too_long())
    } else {
        Ok(part)
    }
}

fn too_long() -> String {
    format!("a string would be longer than {MAX_TEXT} bytes")
}

fn convert(answer: Result<JValue, FunctionError>) -> FunctionResult {
    answer.map_err(error_text)
}

fn error_text(error: FunctionError) -> String {
    error.to_string()
}
