//! The library's functions for amounts and units, natively. `policies/lib` has the text that stock
//! OPA runs; a test compares both.

use super::{Builtin, Called, Kind, builtin, made, text, undefined, value, whole, yes_or_no};
use crate::rego::value::Value;
use std::cmp::Ordering;
use types::Amount;

/// The largest number of decimals of a unit.
const MAX_DECIMALS: usize = 81;

const TWO: &[Kind] = &[Kind::Any, Kind::Any];

pub(super) const BUILTINS: &[Builtin] = &[
    builtin(
        "data.florin.amount.valid",
        &[Kind::Any],
        Kind::Bool,
        |a| match amount(&a[0]) {
            Some(_) => yes_or_no(true),
            None => undefined(),
        },
    ),
    builtin("data.florin.amount.compare", TWO, Kind::Number, |a| {
        order(a, |order| Value::int(order as i64))
    }),
    builtin("data.florin.amount.below", TWO, Kind::Bool, |a| {
        order(a, |order| Value::Bool(order.is_lt()))
    }),
    builtin("data.florin.amount.at_most", TWO, Kind::Bool, |a| {
        order(a, |order| Value::Bool(order.is_le()))
    }),
    builtin("data.florin.amount.above", TWO, Kind::Bool, |a| {
        order(a, |order| Value::Bool(order.is_gt()))
    }),
    builtin("data.florin.amount.at_least", TWO, Kind::Bool, |a| {
        order(a, |order| Value::Bool(order.is_ge()))
    }),
    builtin("data.florin.amount.add", TWO, Kind::Text, |a| {
        total(a.iter())
    }),
    builtin(
        "data.florin.amount.total",
        &[Kind::Any],
        Kind::Text,
        |a| match &a[0] {
            Value::Array(items) | Value::Set(items) => total(items.iter()),
            Value::Object(fields) => total(fields.iter().map(|(_, item)| item)),
            _ => undefined(),
        },
    ),
    builtin("data.florin.units.to_base", TWO, Kind::Text, to_base),
];

/// The digits of an amount in canonical form, up to 2^256-1.
fn amount(arg: &Value) -> Option<&str> {
    const MAX: &str =
        "115792089237316195423570985008687907853269984665640564039457584007913129639935";
    let digits = text(arg)?;
    let is_canonical = digits == "0"
        || !digits.is_empty()
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit());
    (is_canonical && compared(digits, MAX).is_le()).then_some(digits)
}

/// Of two canonical amounts the longer is the larger; equally long ones compare in text order.
fn compared(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn order(args: &[Value], result: fn(Ordering) -> Value) -> Called {
    match (amount(&args[0]), amount(&args[1])) {
        (Some(a), Some(b)) => value(result(compared(a, b))),
        _ => undefined(),
    }
}

fn total<'v>(items: impl Iterator<Item = &'v Value>) -> Called {
    let mut sum = Amount::from(0);
    for item in items {
        let parsed = amount(item).and_then(|digits| digits.parse::<Amount>().ok());
        match parsed.and_then(|parsed| sum.checked_add(parsed)) {
            Some(next) => sum = next,
            None => return undefined(),
        }
    }
    made(&sum.to_string())
}

fn to_base(args: &[Value]) -> Called {
    let (Some(number), Some(decimals)) = (text(&args[0]), whole(&args[1])) else {
        return undefined();
    };
    let is_plain =
        |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = match number.split_once('.') {
        None => (number, ""),
        Some((_, fraction)) if !is_plain(fraction) => return undefined(),
        Some(parts) => parts,
    };
    let zeros = usize::try_from(decimals).ok();
    let zeros = zeros.and_then(|decimals| decimals.checked_sub(fraction.len()));
    let Some(zeros) = zeros.filter(|_| is_plain(whole)) else {
        return undefined();
    };
    // The library takes the zeros from a text of 81.
    let digits = format!("{whole}{fraction}{}", "0".repeat(zeros.min(MAX_DECIMALS)));
    let digits = match digits.trim_start_matches('0') {
        "" => "0",
        stripped => stripped,
    };
    match amount(&Value::text(digits)) {
        Some(digits) => made(digits),
        None => undefined(),
    }
}
