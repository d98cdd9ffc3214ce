//! `sprintf`, `format_int` and `to_number`.

use super::{
    ANY, Builtin, Called, Kind, builtin, check_length, made, text, undefined, unsure, value,
};
use crate::rego::Stop;
use crate::rego::number::Number;
use crate::rego::value::Value;

/// The largest width of a number or text.
const MAX_WIDTH: usize = 1_000;

pub(super) const BUILTINS: &[Builtin] = &[
    builtin(
        "sprintf",
        &[Kind::Text, Kind::Array(ANY)],
        Kind::Text,
        sprintf,
    ),
    builtin(
        "format_int",
        &[Kind::Number, Kind::Number],
        Kind::Text,
        format_int,
    ),
    builtin("to_number", &[NUMERIC], Kind::Number, to_number),
];

const NUMERIC: Kind = Kind::Either(&[Kind::Number, Kind::Text, Kind::Bool, Kind::Null]);

/// An argument as Go formats it.
enum Arg {
    Int(i64),
    Float(f64),
    Text(String),
}

/// The flags and the width of a verb.
#[derive(Default)]
struct Form {
    left: bool,
    zeros: bool,
    width: usize,
    precision: Option<usize>,
}

fn sprintf(args: &[Value]) -> Called {
    let (Some(format), Value::Array(items)) = (text(&args[0]), &args[1]) else {
        return undefined();
    };
    let bytes = format
        .len()
        .saturating_add(args[1].bytes().saturating_mul(6));
    check_length(bytes)?;
    let given = items.iter().map(arg).collect::<Result<Vec<Arg>, Stop>>()?;
    let mut given = given.iter();
    let (mut result, mut rest) = (String::new(), format);
    while let Some((plain, directive)) = rest.split_once('%') {
        result.push_str(plain);
        rest = directive;
        let form = form(&mut rest)?;
        let mut letters = rest.chars();
        let verb = letters.next().ok_or_else(unknown)?;
        rest = letters.as_str();
        match (verb, form.width, form.precision) {
            ('%', 0, None) => result.push('%'),
            ('%', ..) => return Err(unknown()),
            _ => match given.next() {
                Some(arg) => result.push_str(&form.written(verb, arg)?),
                None => result.push_str(&format!("%!{verb}(MISSING)")),
            },
        }
        check_length(result.len())?;
    }
    result.push_str(rest);
    let extra: Vec<String> = given.map(typed).collect();
    if !extra.is_empty() {
        result.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    made(&result)
}

fn unknown() -> Stop {
    unsure("sprintf with a form that is not available; use %s, %d, %v, %q, %x, %f, %t")
}

fn arg(item: &Value) -> Result<Arg, Stop> {
    Ok(match item {
        Value::Number(Number::Int(int)) => Arg::Int(*int),
        Value::Number(Number::Fraction(value)) => Arg::Float(*value),
        Value::Text(text) => Arg::Text(text.to_string()),
        other if is_plain(other) => Arg::Text(other.to_string()),
        _ => return Err(unsure("sprintf of a collection with unusual characters")),
    })
}

/// Whether all texts within a value are written equally by every engine.
fn is_plain(item: &Value) -> bool {
    match item {
        Value::Text(text) => text
            .chars()
            .all(|c| c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric()),
        Value::Array(items) | Value::Set(items) => items.iter().all(is_plain),
        Value::Object(fields) => fields
            .iter()
            .all(|(key, item)| is_plain(key) && is_plain(item)),
        Value::Number(Number::Fraction(value)) => value.abs() >= 1e-4,
        _ => true,
    }
}

/// The flags, width and precision in front of a verb.
fn form(rest: &mut &str) -> Result<Form, Stop> {
    let mut form = Form::default();
    while let Some(flag) = rest
        .chars()
        .next()
        .filter(|c| ['-', '0', '+', '#', ' '].contains(c))
    {
        match flag {
            '-' => form.left = true,
            '0' => form.zeros = true,
            _ => return Err(unknown()),
        }
        *rest = &rest[1..];
    }
    form.width = number(rest)?.unwrap_or(0);
    if let Some(after) = rest.strip_prefix('.') {
        *rest = after;
        form.precision = Some(number(rest)?.unwrap_or(0));
    }
    match form.left && form.zeros {
        true => Err(unknown()),
        false => Ok(form),
    }
}

fn number(rest: &mut &str) -> Result<Option<usize>, Stop> {
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (digits, after) = rest.split_at(end);
    *rest = after;
    if digits.is_empty() {
        return Ok(None);
    }
    match digits.parse() {
        Ok(width) if width <= MAX_WIDTH => Ok(Some(width)),
        _ => Err(Stop::Bytes),
    }
}

impl Form {
    fn written(&self, verb: char, arg: &Arg) -> Result<String, Stop> {
        let text = match (verb, arg) {
            ('v' | 'd', Arg::Int(int)) if self.precision.is_none() => int.to_string(),
            ('v' | 's', Arg::Text(text)) if self.precision.is_none() => text.clone(),
            ('v', Arg::Float(value)) if self.precision.is_none() => shortest(*value)?,
            ('x', Arg::Int(int)) if *int >= 0 && self.precision.is_none() => format!("{int:x}"),
            ('f', Arg::Float(value)) => format!("{value:.*}", self.precision.unwrap_or(6)),
            ('q', Arg::Text(text)) if self.precision.is_none() && is_plain(&Value::text(text)) => {
                Value::text(text).to_string()
            }
            ('d' | 't' | 'f' | 'x', Arg::Text(_)) | ('s' | 't' | 'f', Arg::Int(_))
                if verb != 'x' && self.width == 0 && self.precision.is_none() =>
            {
                return Ok(format!("%!{verb}({})", typed(arg)));
            }
            _ => return Err(unknown()),
        };
        let missing = self.width.saturating_sub(text.chars().count());
        Ok(match (missing, self.left, self.zeros) {
            (0, ..) => text,
            (_, true, _) => format!("{text}{}", " ".repeat(missing)),
            (_, _, false) => format!("{}{text}", " ".repeat(missing)),
            (_, _, true) => match (arg, text.strip_prefix('-')) {
                (Arg::Text(_), _) => return Err(unknown()),
                (_, Some(digits)) => format!("-{}{digits}", "0".repeat(missing)),
                (_, None) => format!("{}{text}", "0".repeat(missing)),
            },
        })
    }
}

/// The shortest form of a float, without an exponent.
fn shortest(value: f64) -> Result<String, Stop> {
    match value == 0.0 || value.abs() >= 1e-4 {
        true => Ok(value.to_string()),
        false => Err(unknown()),
    }
}

/// An argument with its type in Go, as in messages about a wrong verb.
fn typed(arg: &Arg) -> String {
    match arg {
        Arg::Int(int) => format!("int64={int}"),
        Arg::Float(value) => format!("float64={value}"),
        Arg::Text(text) => format!("string={text}"),
    }
}

fn format_int(args: &[Value]) -> Called {
    let (Value::Number(number), Some(base)) = (&args[0], super::whole(&args[1])) else {
        return undefined();
    };
    let Number::Int(int) = number else {
        return Err(unsure("format_int of a fraction"));
    };
    let (sign, magnitude) = (if *int < 0 { "-" } else { "" }, int.unsigned_abs());
    match base {
        2 => made(&format!("{sign}{magnitude:b}")),
        8 => made(&format!("{sign}{magnitude:o}")),
        10 => made(&format!("{sign}{magnitude}")),
        16 => made(&format!("{sign}{magnitude:x}")),
        _ => undefined(),
    }
}

/// Only for the library: documents compare amounts with its functions.
fn to_number(args: &[Value]) -> Called {
    match &args[0] {
        Value::Null => value(Value::int(0)),
        Value::Bool(yes) => value(Value::int(i64::from(*yes))),
        Value::Number(_) => value(args[0].clone()),
        Value::Text(text) => match text.parse::<i64>() {
            Ok(int) if int.to_string() == **text => value(Value::int(int)),
            _ => Err(unsure("to_number of anything but a whole number")),
        },
        _ => undefined(),
    }
}
