//! Exact arithmetic on amounts for expressions, on decimal strings.
//!
//! | function | result |
//! |---|---|
//! | `$amountAdd(a, b, …)`, `$amountMul(a, b, …)` | sum, product |
//! | `$amountSub(a, b)` | difference; may be negative |
//! | `$amountDiv(a, b)`, `$amountMod(a, b)` | quotient rounded toward zero, remainder |
//! | `$amountSum(list)`, `$amountMin(…)`, `$amountMax(…)` | over a list or the arguments |
//! | `$amountCompare(a, b)` | -1, 0 or 1, as a number |
//! | `$amountOf(value, decimals)` | base units of a decimal number: `$amountOf("0.5", 18)` |
//! | `$amountShow(amount, decimals)` | the decimal number for an amount in base units |

use super::exact::EXACT_INTEGER;
use jsonata_core::value::JValue;
use num_bigint::BigInt;
use types::{Amount, Unit};

/// Amounts on a chain have at most 256 bits; intermediate products may be wider.
const MAX_BITS: u64 = 512;
/// The longest string parsed as a number.
const MAX_TEXT: usize = 160;

/// The result of a function, or an error message.
pub(super) type FunctionResult = Result<JValue, String>;
pub(super) type Function = fn(&[JValue]) -> FunctionResult;

/// The functions by name.
pub(super) const FUNCTIONS: [(&str, Function); 11] = [
    ("amountAdd", |args| fold(args, |a, b| Ok(a + b))),
    ("amountSub", |args| pair(args, |a, b| Ok(a - b))),
    ("amountMul", |args| fold(args, |a, b| Ok(a * b))),
    ("amountDiv", |args| pair(args, |a, b| Ok(a / divisor(b)?))),
    ("amountMod", |args| pair(args, |a, b| Ok(a % divisor(b)?))),
    ("amountSum", |args| text(&numbers(args)?.into_iter().sum())),
    ("amountMin", |args| optional(numbers(args)?.iter().min())),
    ("amountMax", |args| optional(numbers(args)?.iter().max())),
    ("amountCompare", compare),
    ("amountOf", to_base_units),
    ("amountShow", to_decimal),
];

fn divisor(number: BigInt) -> Result<BigInt, String> {
    if number == BigInt::ZERO {
        return Err("an amount cannot be divided by 0".to_owned());
    }
    Ok(number)
}

fn optional(number: Option<&BigInt>) -> FunctionResult {
    number.map_or(Ok(JValue::Undefined), text)
}

fn fold(args: &[JValue], join: fn(BigInt, BigInt) -> Result<BigInt, String>) -> FunctionResult {
    let mut numbers = numbers(args)?.into_iter();
    let first = numbers.next().ok_or("expected at least one amount")?;
    numbers
        .try_fold(first, |sum, next| bounded(join(sum, next)?))
        .and_then(|sum| text(&sum))
}

fn pair(args: &[JValue], join: fn(BigInt, BigInt) -> Result<BigInt, String>) -> FunctionResult {
    let (a, b) = two(args)?;
    text(&bounded(join(a, b)?)?)
}

fn compare(args: &[JValue]) -> FunctionResult {
    let (a, b) = two(args)?;
    Ok(JValue::from(a.cmp(&b) as i64))
}

fn two(args: &[JValue]) -> Result<(BigInt, BigInt), String> {
    let [a, b] = args else {
        return Err(format!("expected two amounts, got {}", args.len()));
    };
    Ok((number(a)?, number(b)?))
}

fn to_base_units(args: &[JValue]) -> FunctionResult {
    let [value, decimals] = args else {
        return Err("expected a value and its decimals".to_owned());
    };
    let value = match value {
        JValue::String(value) => value.to_string(),
        whole => number(whole)?.to_string(),
    };
    let amount = unit(decimals)?
        .parse(&value)
        .map_err(|error| error.to_string())?;
    Ok(JValue::string(amount.to_string()))
}

fn to_decimal(args: &[JValue]) -> FunctionResult {
    let [amount, decimals] = args else {
        return Err("expected an amount and its decimals".to_owned());
    };
    let amount: Amount = number(amount)?
        .to_string()
        .parse()
        .map_err(|error: types::AmountError| error.to_string())?;
    Ok(JValue::string(unit(decimals)?.format(amount)))
}

fn unit(decimals: &JValue) -> Result<Unit, String> {
    let decimals = number(decimals)?;
    let unit = u8::try_from(&decimals).map(|decimals| Unit {
        name: "unit".to_owned(),
        decimals,
        default: false,
    });
    unit.ok()
        .filter(Unit::is_valid)
        .ok_or_else(|| "decimals must be 0 to 77".to_owned())
}

/// The arguments as numbers; lists are flattened.
fn numbers(args: &[JValue]) -> Result<Vec<BigInt>, String> {
    let mut all = Vec::with_capacity(args.len());
    for arg in args {
        match arg {
            JValue::Array(items) => items
                .iter()
                .try_for_each(|item| number(item).map(|n| all.push(n)))?,
            JValue::Undefined => {}
            single => all.push(number(single)?),
        }
    }
    Ok(all)
}

#[allow(clippy::cast_possible_truncation)] // the match guard ensures a small integer
fn number(value: &JValue) -> Result<BigInt, String> {
    match value {
        JValue::Number(n) if n.fract() == 0.0 && n.abs() <= EXACT_INTEGER as f64 => {
            Ok(BigInt::from(*n as i64))
        }
        JValue::Number(n) => Err(format!(
            "{n} is not an exact integer; write it as a string of digits"
        )),
        JValue::String(digits) => parse(digits),
        JValue::Undefined => Err("expected an amount, got undefined".to_owned()),
        _ => Err("expected an amount as a string of digits".to_owned()),
    }
}

fn parse(text: &str) -> Result<BigInt, String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty()
        && text.len() <= MAX_TEXT
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = plain.then(|| text.parse().ok()).flatten();
    number.ok_or_else(|| {
        format!(
            "{:?} is not an integer in base units",
            types::clip(text, 80)
        )
    })
}

fn bounded(number: BigInt) -> Result<BigInt, String> {
    if number.bits() > MAX_BITS {
        Err(format!("a result has more than {MAX_BITS} bits"))
    } else {
        Ok(number)
    }
}

fn text(number: &BigInt) -> FunctionResult {
    Ok(JValue::string(number.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn call(name: &str, args: &[&str]) -> Result<String, String> {
        let args: Vec<JValue> = args.iter().map(|arg| JValue::string(*arg)).collect();
        let (_, function) = FUNCTIONS
            .iter()
            .find(|(known, _)| *known == name)
            .expect("a function");
        function(&args).map(|value| {
            value
                .as_str()
                .map_or_else(|| value.as_f64().unwrap_or(9.0).to_string(), str::to_owned)
        })
    }

    #[test]
    fn digits_beyond_a_double_are_kept() {
        assert_eq!(
            call("amountAdd", &["1000000000000000000000000", "1"]),
            Ok("1000000000000000000000001".into())
        );
        assert_eq!(
            call(
                "amountCompare",
                &["1000000000000000000000000", "1000000000000000000000001"]
            ),
            Ok("-1".into())
        );
        assert_eq!(call("amountSub", &["1", "3"]), Ok("-2".into()));
        assert_eq!(call("amountDiv", &["7", "2"]), Ok("3".into()));
        assert_eq!(call("amountMax", &["9", "10"]), Ok("10".into()));
        assert_eq!(
            call("amountOf", &["0.5", "18"]),
            Ok("500000000000000000".into())
        );
        assert_eq!(call("amountShow", &["1500000", "6"]), Ok("1.5".into()));
    }

    #[test]
    fn invalid_amounts_are_rejected() {
        for args in [
            ["1.5", "1"],
            ["", "1"],
            ["0x10", "1"],
            ["1e3", "1"],
            ["+1", "1"],
        ] {
            assert!(call("amountAdd", &args).is_err(), "{args:?}");
        }
        assert!(call("amountDiv", &["1", "0"]).is_err());
        assert!(number(&JValue::Number(1e17)).is_err());
        assert!(number(&JValue::Number(0.5)).is_err());
        assert_eq!(number(&JValue::Number(5.0)), Ok(BigInt::from(5)));
    }

    proptest! {
        #[test]
        fn results_agree_with_integer_arithmetic(a: i64, b: i64) {
            let (x, y) = (a.to_string(), b.to_string());
            prop_assert_eq!(call("amountAdd", &[&x, &y]), Ok((i128::from(a) + i128::from(b)).to_string()));
            prop_assert_eq!(call("amountMul", &[&x, &y]), Ok((i128::from(a) * i128::from(b)).to_string()));
            prop_assert_eq!(call("amountCompare", &[&x, &y]), Ok((a.cmp(&b) as i8).to_string()));
        }
    }
}
