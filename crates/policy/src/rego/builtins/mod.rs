//! The functions of Rego that policies may use: pure, deterministic, with the results of OPA.
//!
//! Not here are functions that read a clock, randomness, the network or the process, and those
//! whose result would be large for small arguments. Where this code is not sure to give OPA's
//! result (a time zone, a rare form of a pattern), it ends the evaluation, which denies.

mod amounts;
mod collections;
mod format;
mod numbers;
mod patterns;
mod texts;
mod times;

use super::Stop;
use super::value::Value;

/// The largest text that a function makes, in bytes.
const MAX_TEXT: usize = 4 * 1024 * 1024;

/// The largest product of the sizes of two arguments, where each part of one meets each of the
/// other.
const MAX_WORK: usize = 4 * 1024 * 1024;

/// What a call gives. As in OPA, a function that fails is undefined.
pub(crate) enum Outcome {
    Value(Value),
    Undefined,
}

pub(crate) type Called = Result<Outcome, Stop>;

/// A function with the kinds of its arguments and its result.
#[derive(Debug)]
pub(crate) struct Builtin {
    pub(crate) name: &'static str,
    pub(crate) args: &'static [Kind],
    pub(crate) result: Kind,
    pub(crate) call: fn(&[Value]) -> Called,
}

/// The kind of an argument or a result, as OPA declares it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Any,
    Null,
    Bool,
    Number,
    Text,
    Array(&'static Kind),
    /// An array of just these.
    Items(&'static [Kind]),
    Set(&'static Kind),
    Object(&'static Kind, &'static Kind),
    Either(&'static [Kind]),
}

const ANY: &Kind = &Kind::Any;
const TEXT: &Kind = &Kind::Text;
const NUMBER: &Kind = &Kind::Number;

const fn builtin(
    name: &'static str,
    args: &'static [Kind],
    result: Kind,
    call: fn(&[Value]) -> Called,
) -> Builtin {
    Builtin {
        name,
        args,
        result,
        call,
    }
}

const TABLES: [&[Builtin]; 6] = [
    numbers::BUILTINS,
    collections::BUILTINS,
    texts::BUILTINS,
    format::BUILTINS,
    patterns::BUILTINS,
    times::BUILTINS,
];

/// Functions that documents ask for, and what to use instead.
const HINTS: &[(&str, &str)] = &[
    ("time.now_ns", "use input.time"),
    (
        "to_number",
        "amounts would not stay exact; use florin.amount",
    ),
];

/// The function with a name, or why there is none.
pub(super) fn find(name: &str) -> Result<&'static Builtin, String> {
    let all = TABLES.iter().flat_map(|table| table.iter());
    let found = { all }.find(|builtin| builtin.name == name);
    found.ok_or_else(|| {
        let hint = HINTS.iter().find(|(known, _)| *known == name);
        let hint = hint.map_or(String::new(), |(_, hint)| format!(": {hint}"));
        format!("the function {name} is not available to policies{hint}")
    })
}

/// The native form of a function of the library.
pub(super) fn native(path: &str) -> Option<&'static Builtin> {
    let mut table = amounts::BUILTINS.iter();
    table.find(|builtin| builtin.name == path)
}

pub(super) fn check_arity(builtin: &Builtin, count: usize) -> Result<(), String> {
    match builtin.args.len() == count {
        true => Ok(()),
        false => Err(format!(
            "{} takes {} arguments, not {count}",
            builtin.name,
            builtin.args.len()
        )),
    }
}

fn value(value: Value) -> Called {
    Ok(Outcome::Value(value))
}

fn yes_or_no(holds: bool) -> Called {
    value(Value::Bool(holds))
}

fn undefined() -> Called {
    Ok(Outcome::Undefined)
}

/// A text that was made, within the limit.
fn made(text: &str) -> Called {
    value(Value::text(text))
}

fn check_length(bytes: usize) -> Result<(), Stop> {
    match bytes > MAX_TEXT {
        true => Err(Stop::Bytes),
        false => Ok(()),
    }
}

/// The work of a call that grows with the product of two sizes.
fn check_work(a: usize, b: usize) -> Result<(), Stop> {
    match a.saturating_mul(b) > MAX_WORK {
        true => Err(Stop::Steps),
        false => Ok(()),
    }
}

fn unsure(why: &str) -> Stop {
    Stop::Failed(why.to_owned())
}

fn text(arg: &Value) -> Option<&str> {
    match arg {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// A whole number; a fraction is none.
fn whole(arg: &Value) -> Option<i64> {
    match arg {
        Value::Number(number) => number.whole(),
        _ => None,
    }
}

/// The texts of an array or a set.
fn texts(arg: &Value) -> Option<Vec<&str>> {
    match arg {
        Value::Array(items) | Value::Set(items) => items.iter().map(text).collect(),
        _ => None,
    }
}
