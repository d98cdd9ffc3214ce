//! Regular expressions, globs and versions.
//!
//! The syntax is the part that Go and this engine read equally; anything else ends the evaluation.

use super::{
    Builtin, Called, Kind, TEXT, builtin, check_length, made, text, undefined, unsure, value,
    yes_or_no,
};
use crate::rego::Stop;
use crate::rego::value::Value;
use regex::{Regex, RegexBuilder};
use std::sync::{Arc, LazyLock};
use types::Cache;

/// Compiled expressions that are kept.
const MAX_CACHED: usize = 1_000;
const MAX_PATTERN: usize = 1_000;
/// The memory of a compiled expression, in bytes.
const MAX_COMPILED: usize = 256 * 1024;
/// The largest text times the size of its pattern.
const MAX_WORK: usize = 16 * 1024 * 1024;

const TWO: &[Kind] = &[Kind::Text, Kind::Text];
const DELIMITERS: Kind = Kind::Either(&[Kind::Null, Kind::Array(TEXT)]);

pub(super) const BUILTINS: &[Builtin] = &[
    builtin("regex.match", TWO, Kind::Bool, regex_match),
    builtin("regex.is_valid", &[Kind::Text], Kind::Bool, is_valid),
    builtin(
        "regex.replace",
        &[Kind::Text, Kind::Text, Kind::Text],
        Kind::Text,
        regex_replace,
    ),
    builtin("regex.split", TWO, Kind::Array(TEXT), regex_split),
    builtin(
        "glob.match",
        &[Kind::Text, DELIMITERS, Kind::Text],
        Kind::Bool,
        glob_match,
    ),
    builtin("semver.compare", TWO, Kind::Number, semver_compare),
];

static CACHE: LazyLock<Cache<String, Regex>> = LazyLock::new(|| Cache::new(MAX_CACHED));

fn unknown() -> Stop {
    unsure("a regular expression or glob that is not available")
}

/// The expression of a pattern in Go's syntax.
fn regex(pattern: &str) -> Result<Arc<Regex>, Stop> {
    compiled(&translated(pattern)?)
}

fn compiled(translated: &str) -> Result<Arc<Regex>, Stop> {
    let key = translated.to_owned();
    if let Some(found) = CACHE.get(&key) {
        return Ok(found);
    }
    let regex = RegexBuilder::new(translated)
        .size_limit(MAX_COMPILED)
        .dfa_size_limit(MAX_COMPILED)
        .build();
    Ok(CACHE.insert(key, regex.map_err(|_| unknown())?))
}

fn check_pattern(pattern: &str, text: &str) -> Result<(), Stop> {
    let work = pattern.len().saturating_mul(text.len());
    match pattern.len() > MAX_PATTERN || work > MAX_WORK {
        true => Err(Stop::Steps),
        false => Ok(()),
    }
}

/// Go's classes of letters are ASCII.
fn translated(pattern: &str) -> Result<String, Stop> {
    let mut result = String::with_capacity(pattern.len());
    let mut letters = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => result.push_str(&escaped(letters.next().ok_or_else(unknown)?, in_class)?),
            '[' if in_class => return Err(unknown()),
            '[' => {
                in_class = true;
                result.push('[');
                if letters.next_if_eq(&'^').is_some() {
                    result.push('^');
                }
                if letters.peek() == Some(&']') {
                    return Err(unknown());
                }
            }
            ']' if !in_class => return Err(unknown()),
            ']' => {
                in_class = false;
                result.push(']');
            }
            '&' | '~' if in_class => return Err(unknown()),
            '-' if in_class && letters.peek() == Some(&'-') => return Err(unknown()),
            '(' if !in_class && letters.peek() == Some(&'?') => {
                letters.next();
                match (letters.next(), letters.peek()) {
                    (Some(':'), _) => result.push_str("(?:"),
                    (Some('i'), Some(')')) => result.push_str("(?i"),
                    _ => return Err(unknown()),
                }
            }
            '{' if !in_class => {
                let rest: String = letters.clone().take_while(|c| *c != '}').collect();
                let counts = rest.split(',').all(|count| {
                    count.len() <= 3 && count.bytes().all(|byte| byte.is_ascii_digit())
                });
                if !counts || rest.is_empty() || rest.starts_with(',') {
                    return Err(unknown());
                }
                result.push('{');
            }
            '{' | '}' if in_class => result.push_str(&regex::escape(&letter.to_string())),
            _ => result.push(letter),
        }
    }
    match in_class {
        true => Err(unknown()),
        false => Ok(result),
    }
}

fn escaped(letter: char, in_class: bool) -> Result<String, Stop> {
    let class = |inner: &str, outer: &str| match in_class {
        true => inner.to_owned(),
        false => outer.to_owned(),
    };
    Ok(match letter {
        'd' => class("0-9", "[0-9]"),
        'w' => class("0-9A-Za-z_", "[0-9A-Za-z_]"),
        's' => class("\\t\\n\\x0C\\r ", "[\\t\\n\\x0C\\r ]"),
        'D' if !in_class => "[^0-9]".to_owned(),
        'W' if !in_class => "[^0-9A-Za-z_]".to_owned(),
        'S' if !in_class => "[^\\t\\n\\x0C\\r ]".to_owned(),
        'A' | 'z' if !in_class => format!("\\{letter}"),
        'n' | 'r' | 't' => format!("\\{letter}"),
        _ if letter.is_ascii_punctuation() => regex::escape(&letter.to_string()),
        _ => return Err(unknown()),
    })
}

fn regex_match(args: &[Value]) -> Called {
    let (Some(pattern), Some(text)) = (text(&args[0]), text(&args[1])) else {
        return undefined();
    };
    check_pattern(pattern, text)?;
    yes_or_no(regex(pattern)?.is_match(text))
}

fn is_valid(args: &[Value]) -> Called {
    match text(&args[0]) {
        Some(pattern) => {
            check_pattern(pattern, "")?;
            yes_or_no(regex(pattern).map(|_| true)?)
        }
        None => yes_or_no(false),
    }
}

fn not_empty(regex: &Regex) -> Result<(), Stop> {
    match regex.is_match("") {
        true => Err(unsure("a regular expression that matches nothing")),
        false => Ok(()),
    }
}

fn regex_replace(args: &[Value]) -> Called {
    let (Some(whole), Some(pattern), Some(new)) = (text(&args[0]), text(&args[1]), text(&args[2]))
    else {
        return undefined();
    };
    check_pattern(pattern, whole)?;
    let regex = regex(pattern)?;
    not_empty(&regex)?;
    if new.contains('$') {
        return Err(unsure("a replacement with $"));
    }
    let count = regex.find_iter(whole).count();
    check_length(whole.len().saturating_add(count.saturating_mul(new.len())))?;
    made(&regex.replace_all(whole, regex::NoExpand(new)))
}

fn regex_split(args: &[Value]) -> Called {
    let (Some(pattern), Some(whole)) = (text(&args[0]), text(&args[1])) else {
        return undefined();
    };
    check_pattern(pattern, whole)?;
    let regex = regex(pattern)?;
    not_empty(&regex)?;
    value(Value::array(regex.split(whole).map(Value::text).collect()))
}

fn glob_match(args: &[Value]) -> Called {
    let (Some(pattern), Some(whole)) = (text(&args[0]), text(&args[2])) else {
        return undefined();
    };
    let delimiters = match &args[1] {
        Value::Null => String::new(),
        Value::Array(items) if items.len() == 0 => ".".to_owned(),
        Value::Array(items) => {
            let mut delimiters = String::new();
            for item in items.iter() {
                match text(item) {
                    Some(letter) if letter.chars().count() == 1 => delimiters.push_str(letter),
                    _ => return undefined(),
                }
            }
            delimiters
        }
        _ => return undefined(),
    };
    check_pattern(pattern, whole)?;
    yes_or_no(compiled(&glob(pattern, &delimiters)?)?.is_match(whole))
}

/// A glob of letters, `*`, `**` and `?` as a regular expression.
fn glob(pattern: &str, delimiters: &str) -> Result<String, Stop> {
    let one = match delimiters {
        "" => ".".to_owned(),
        _ => {
            let letters = delimiters
                .chars()
                .map(|c| format!("\\u{{{:x}}}", u32::from(c)));
            format!("[^{}]", letters.collect::<String>())
        }
    };
    let mut result = "(?s)\\A".to_owned();
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '*' if letters.next_if_eq(&'*').is_some() => {
                if letters.peek() == Some(&'*') {
                    return Err(unknown());
                }
                result.push_str(".*");
            }
            '*' => result.push_str(&format!("{one}*")),
            '?' => result.push_str(&one),
            '[' | ']' | '{' | '}' | '\\' | '!' | ',' => return Err(unknown()),
            _ => result.push_str(&regex::escape(&letter.to_string())),
        }
    }
    result.push_str("\\z");
    Ok(result)
}

fn semver_compare(args: &[Value]) -> Called {
    let (Some(a), Some(b)) = (text(&args[0]), text(&args[1])) else {
        return undefined();
    };
    match (version(a), version(b)) {
        (Some(a), Some(b)) => value(Value::int(a.cmp(&b) as i64)),
        _ => Err(unsure("a version that is not three numbers")),
    }
}

/// A version of three numbers.
fn version(text: &str) -> Option<[u32; 3]> {
    let number = |part: &str| {
        let number: u32 = part.parse().ok()?;
        (number.to_string() == part).then_some(number)
    };
    let parts: Option<Vec<u32>> = text.split('.').map(number).collect();
    parts?.try_into().ok()
}
