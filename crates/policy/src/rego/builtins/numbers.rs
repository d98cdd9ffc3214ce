//! Comparison and arithmetic.

use super::{Builtin, Called, Kind, NUMBER, builtin, undefined, value, whole, yes_or_no};
use crate::rego::number::{Number, Operation};
use crate::rego::value::Value;
use std::cmp::Ordering;

const NUMBER_OR_SET: Kind = Kind::Either(&[Kind::Number, Kind::Set(super::ANY)]);
const NUMBERS: Kind = Kind::Either(&[Kind::Array(NUMBER), Kind::Set(NUMBER)]);
const TWO: &[Kind] = &[Kind::Any, Kind::Any];
const TWO_NUMBERS: &[Kind] = &[Kind::Number, Kind::Number];

pub(super) const BUILTINS: &[Builtin] = &[
    builtin("equal", TWO, Kind::Bool, |a| yes_or_no(a[0] == a[1])),
    builtin("neq", TWO, Kind::Bool, |a| yes_or_no(a[0] != a[1])),
    builtin("lt", TWO, Kind::Bool, |a| yes_or_no(order(a).is_lt())),
    builtin("lte", TWO, Kind::Bool, |a| yes_or_no(order(a).is_le())),
    builtin("gt", TWO, Kind::Bool, |a| yes_or_no(order(a).is_gt())),
    builtin("gte", TWO, Kind::Bool, |a| yes_or_no(order(a).is_ge())),
    builtin("plus", TWO_NUMBERS, Kind::Number, |a| {
        apply(Operation::Add, a)
    }),
    builtin(
        "minus",
        &[NUMBER_OR_SET, NUMBER_OR_SET],
        NUMBER_OR_SET,
        minus,
    ),
    builtin("mul", TWO_NUMBERS, Kind::Number, |a| {
        apply(Operation::Multiply, a)
    }),
    builtin("div", TWO_NUMBERS, Kind::Number, |a| {
        apply(Operation::Divide, a)
    }),
    builtin("rem", TWO_NUMBERS, Kind::Number, |a| {
        apply(Operation::Remainder, a)
    }),
    builtin("abs", &[Kind::Number], Kind::Number, |a| {
        rounded(a, f64::abs)
    }),
    builtin("ceil", &[Kind::Number], Kind::Number, |a| {
        rounded(a, f64::ceil)
    }),
    builtin("floor", &[Kind::Number], Kind::Number, |a| {
        rounded(a, f64::floor)
    }),
    builtin("round", &[Kind::Number], Kind::Number, |a| {
        rounded(a, f64::round)
    }),
    builtin("sum", &[NUMBERS], Kind::Number, |a| {
        fold(a, 0, Operation::Add)
    }),
    builtin("product", &[NUMBERS], Kind::Number, |a| {
        fold(a, 1, Operation::Multiply)
    }),
    builtin("bits.and", TWO_NUMBERS, Kind::Number, |a| {
        bits(a, |a, b| a & b)
    }),
    builtin("bits.or", TWO_NUMBERS, Kind::Number, |a| {
        bits(a, |a, b| a | b)
    }),
    builtin("bits.xor", TWO_NUMBERS, Kind::Number, |a| {
        bits(a, |a, b| a ^ b)
    }),
];

fn order(args: &[Value]) -> Ordering {
    args[0].cmp(&args[1])
}

fn number(arg: &Value) -> Option<Number> {
    match arg {
        Value::Number(number) => Some(*number),
        _ => None,
    }
}

fn apply(operation: Operation, args: &[Value]) -> Called {
    let (Some(a), Some(b)) = (number(&args[0]), number(&args[1])) else {
        return undefined();
    };
    match Number::apply(operation, a, b)? {
        Some(result) => value(Value::Number(result)),
        None => undefined(),
    }
}

/// The difference of numbers or of sets.
fn minus(args: &[Value]) -> Called {
    match (&args[0], &args[1]) {
        (Value::Set(a), Value::Set(_)) => {
            let left = a.iter().filter(|item| args[1].get(item).is_none());
            value(Value::set(left.cloned().collect()))
        }
        _ => apply(Operation::Subtract, args),
    }
}

fn rounded(args: &[Value], round: fn(f64) -> f64) -> Called {
    match number(&args[0]) {
        Some(Number::Int(int)) if int < 0 && round(-1.0) > 0.0 => {
            value(Value::int(int.saturating_neg()))
        }
        Some(number) => value(Value::Number(number.rounded(round))),
        None => undefined(),
    }
}

fn fold(args: &[Value], start: i64, operation: Operation) -> Called {
    let (Value::Array(items) | Value::Set(items)) = &args[0] else {
        return undefined();
    };
    let mut result = Number::Int(start);
    for item in items.iter() {
        let Some(item) = number(item) else {
            return undefined();
        };
        match Number::apply(operation, result, item)? {
            Some(next) => result = next,
            None => return undefined(),
        }
    }
    value(Value::Number(result))
}

fn bits(args: &[Value], operation: fn(i64, i64) -> i64) -> Called {
    match (whole(&args[0]), whole(&args[1])) {
        (Some(a), Some(b)) => value(Value::int(operation(a, b))),
        _ => undefined(),
    }
}
