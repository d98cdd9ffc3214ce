//! Texts.

use super::{
    Builtin, Called, Kind, TEXT, builtin, check_length, check_work, made, text, texts, undefined,
    unsure, value, whole, yes_or_no,
};
use crate::rego::value::Value;

const TWO: &[Kind] = &[Kind::Text, Kind::Text];
const TEXTS: Kind = Kind::Either(&[Kind::Array(TEXT), Kind::Set(TEXT)]);
const ONE_OR_MORE: Kind = Kind::Either(&[Kind::Text, Kind::Array(TEXT), Kind::Set(TEXT)]);
const SUBSTRING: &[Kind] = &[Kind::Text, Kind::Number, Kind::Number];

pub(super) const BUILTINS: &[Builtin] = &[
    builtin("concat", &[Kind::Text, TEXTS], Kind::Text, concat),
    builtin("contains", TWO, Kind::Bool, |a| {
        holds(a, |a, b| a.contains(b))
    }),
    builtin("startswith", TWO, Kind::Bool, |a| {
        holds(a, |a, b| a.starts_with(b))
    }),
    builtin("endswith", TWO, Kind::Bool, |a| {
        holds(a, |a, b| a.ends_with(b))
    }),
    builtin(
        "strings.any_prefix_match",
        &[ONE_OR_MORE, ONE_OR_MORE],
        Kind::Bool,
        |a| any(a, |text, part| text.starts_with(part)),
    ),
    builtin(
        "strings.any_suffix_match",
        &[ONE_OR_MORE, ONE_OR_MORE],
        Kind::Bool,
        |a| any(a, |text, part| text.ends_with(part)),
    ),
    builtin("indexof", TWO, Kind::Number, indexof),
    builtin("indexof_n", TWO, Kind::Array(super::NUMBER), indexof_n),
    builtin("lower", &[Kind::Text], Kind::Text, |a| {
        cased(a, char::to_lowercase)
    }),
    builtin("upper", &[Kind::Text], Kind::Text, |a| {
        cased(a, char::to_uppercase)
    }),
    builtin("split", TWO, Kind::Array(TEXT), split),
    builtin(
        "replace",
        &[Kind::Text, Kind::Text, Kind::Text],
        Kind::Text,
        replace,
    ),
    builtin(
        "strings.replace_n",
        &[Kind::Object(TEXT, TEXT), Kind::Text],
        Kind::Text,
        replace_n,
    ),
    builtin("strings.reverse", &[Kind::Text], Kind::Text, |a| {
        changed(a, |text| text.chars().rev().collect())
    }),
    builtin("strings.count", TWO, Kind::Number, count),
    builtin("substring", SUBSTRING, Kind::Text, substring),
    builtin("trim", TWO, Kind::Text, |a| {
        trimmed(a, |a, b| a.trim_matches(|c| b.contains(c)))
    }),
    builtin("trim_left", TWO, Kind::Text, |a| {
        trimmed(a, |a, b| a.trim_start_matches(|c| b.contains(c)))
    }),
    builtin("trim_right", TWO, Kind::Text, |a| {
        trimmed(a, |a, b| a.trim_end_matches(|c| b.contains(c)))
    }),
    builtin("trim_prefix", TWO, Kind::Text, |a| {
        trimmed(a, |a, b| a.strip_prefix(b).unwrap_or(a))
    }),
    builtin("trim_suffix", TWO, Kind::Text, |a| {
        trimmed(a, |a, b| a.strip_suffix(b).unwrap_or(a))
    }),
    builtin("trim_space", &[Kind::Text], Kind::Text, |a| {
        changed(a, |text| text.trim().to_owned())
    }),
];

fn two(args: &[Value]) -> Option<[&str; 2]> {
    Some([text(&args[0])?, text(&args[1])?])
}

fn holds(args: &[Value], test: fn(&str, &str) -> bool) -> Called {
    match two(args) {
        Some([a, b]) => yes_or_no(test(a, b)),
        None => undefined(),
    }
}

fn trimmed(args: &[Value], trim: for<'t> fn(&'t str, &str) -> &'t str) -> Called {
    match two(args) {
        Some([a, b]) => {
            check_work(a.len(), b.len())?;
            made(trim(a, b))
        }
        None => undefined(),
    }
}

fn changed(args: &[Value], change: fn(&str) -> String) -> Called {
    match text(&args[0]) {
        Some(text) => made(&change(text)),
        None => undefined(),
    }
}

fn concat(args: &[Value]) -> Called {
    let (Some(between), Some(parts)) = (text(&args[0]), texts(&args[1])) else {
        return undefined();
    };
    let between_bytes = between.len().saturating_mul(parts.len());
    let bytes: usize = parts.iter().map(|part| part.len()).sum();
    check_length(bytes.saturating_add(between_bytes))?;
    made(&parts.join(between))
}

fn any(args: &[Value], test: fn(&str, &str) -> bool) -> Called {
    let all = |arg| match text(arg) {
        Some(text) => Some(vec![text]),
        None => texts(arg),
    };
    let (Some(searched), Some(parts)) = (all(&args[0]), all(&args[1])) else {
        return undefined();
    };
    let bytes: usize = searched.iter().map(|text| text.len() + 1).sum();
    check_work(bytes, parts.len())?;
    let has_any = |text: &&str| parts.iter().any(|part| test(text, part));
    yes_or_no(searched.iter().any(has_any))
}

/// The positions of a text within another, in characters.
fn positions<'t>(text: &'t str, part: &'t str) -> impl Iterator<Item = usize> + 't {
    let starts = text.char_indices().enumerate();
    starts.filter_map(move |(at, (byte, _))| text[byte..].starts_with(part).then_some(at))
}

fn indexof(args: &[Value]) -> Called {
    match two(args) {
        None | Some([_, ""]) => undefined(),
        Some([text, part]) => value(match text.find(part) {
            Some(byte) => Value::count(text[..byte].chars().count()),
            None => Value::int(-1),
        }),
    }
}

fn indexof_n(args: &[Value]) -> Called {
    match two(args) {
        None | Some([_, ""]) => undefined(),
        Some([text, part]) => {
            check_work(text.len(), part.len())?;
            let found = positions(text, part).map(Value::count);
            value(Value::array(found.collect()))
        }
    }
}

/// Changed letter by letter, as Go does.
fn cased<I: Iterator<Item = char>>(args: &[Value], change: fn(char) -> I) -> Called {
    let Some(text) = text(&args[0]) else {
        return undefined();
    };
    let mut result = String::with_capacity(text.len());
    for letter in text.chars() {
        let mut changed = change(letter);
        match (changed.next(), changed.next()) {
            (Some(changed), None) => result.push(changed),
            _ => return Err(unsure("a letter without a single other case")),
        }
    }
    made(&result)
}

fn split(args: &[Value]) -> Called {
    let Some([text, between]) = two(args) else {
        return undefined();
    };
    let parts: Vec<Value> = match between {
        "" => text
            .chars()
            .map(|letter| Value::text(letter.encode_utf8(&mut [0; 4])))
            .collect(),
        _ => text.split(between).map(Value::text).collect(),
    };
    value(Value::array(parts))
}

fn replace(args: &[Value]) -> Called {
    let (Some([text, old]), Some(new)) = (two(args), text(&args[2])) else {
        return undefined();
    };
    let count = text.matches(old).count();
    check_length(text.len().saturating_add(count.saturating_mul(new.len())))?;
    made(&text.replace(old, new))
}

/// All replacements in one pass; where several fit, the first key counts.
fn replace_n(args: &[Value]) -> Called {
    let (Value::Object(fields), Some(mut rest)) = (&args[0], text(&args[1])) else {
        return undefined();
    };
    let pairs = fields
        .iter()
        .map(|(old, new)| Some((text(old)?, text(new)?)));
    let Some(pairs) = pairs.collect::<Option<Vec<(&str, &str)>>>() else {
        return undefined();
    };
    if pairs.iter().any(|(old, _)| old.is_empty()) {
        return Err(unsure("a replacement of nothing"));
    }
    check_work(pairs.len(), rest.len())?;
    let mut result = String::with_capacity(rest.len());
    while let Some(letter) = rest.chars().next() {
        let found = pairs.iter().find(|(old, _)| rest.starts_with(old));
        let taken = match found {
            Some((old, new)) => {
                result.push_str(new);
                old.len()
            }
            None => {
                result.push(letter);
                letter.len_utf8()
            }
        };
        check_length(result.len())?;
        rest = &rest[taken..];
    }
    made(&result)
}

fn count(args: &[Value]) -> Called {
    match two(args) {
        Some([text, ""]) => value(Value::count(text.chars().count() + 1)),
        Some([text, part]) => value(Value::count(text.matches(part).count())),
        None => undefined(),
    }
}

fn substring(args: &[Value]) -> Called {
    let (Some(text), Some(from), Some(length)) = (text(&args[0]), whole(&args[1]), whole(&args[2]))
    else {
        return undefined();
    };
    let Ok(from) = usize::try_from(from) else {
        return undefined();
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let part: String = text.chars().skip(from).take(length).collect();
    made(&part)
}
