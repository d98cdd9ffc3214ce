//! Rego numbers: whole numbers within 64 bits, and fractions that are exact enough to compare.
//!
//! OPA computes with any precision. What would differ from it is an error here, never a rounded
//! result.

use super::Stop;
use std::cmp::Ordering;
use std::fmt;

/// Whole numbers up to this one are exact as a float.
const MAX_EXACT: i64 = 1 << 53;
/// The digits that a float keeps apart.
const DIGITS: usize = 15;
/// Fractions with at most this many bits after the point are exact in arithmetic.
const FRACTION_BITS: f64 = 1_048_576.0;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Number {
    Int(i64),
    /// A finite number with at most 15 digits.
    Fraction(f64),
}

/// An arithmetic operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Number {
    /// A number with a fraction; none if a float does not keep it.
    pub(crate) fn fraction(value: f64) -> Option<Self> {
        #[allow(clippy::cast_precision_loss)] // 2^53 is exact
        let is_small = value.is_finite() && value.abs() < MAX_EXACT as f64;
        let digits = format!("{value:e}");
        let digits = digits.split('e').next().unwrap_or_default();
        let count = digits.bytes().filter(u8::is_ascii_digit).count();
        (is_small && count <= DIGITS).then_some(Self::Fraction(value))
    }

    /// The number of a literal; none if it is not exact, or not in the form in which it is printed.
    pub(crate) fn literal(text: &str) -> Option<Self> {
        let number = match text.parse::<i64>() {
            Ok(int) => (int.unsigned_abs() <= MAX_EXACT.unsigned_abs()).then_some(Self::Int(int)),
            Err(_) => text.parse().ok().and_then(Self::fraction),
        };
        number.filter(|number| number.to_string() == text)
    }

    /// The number as a whole number.
    pub(crate) fn whole(self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(int),
            #[allow(clippy::cast_possible_truncation)] // below 2^53, see `fraction`
            Self::Fraction(value) if value.fract() == 0.0 => Some(value as i64),
            Self::Fraction(_) => None,
        }
    }

    /// The number as a float, if arithmetic on it is exact.
    fn exact(self) -> Option<f64> {
        let value = self.float();
        let is_exact = match self {
            Self::Int(int) => int.unsigned_abs() <= MAX_EXACT.unsigned_abs(),
            Self::Fraction(_) => (value * FRACTION_BITS).fract() == 0.0,
        };
        is_exact.then_some(value)
    }

    #[allow(clippy::cast_precision_loss)] // callers check the range
    pub(crate) fn float(self) -> f64 {
        match self {
            Self::Int(int) => int as f64,
            Self::Fraction(value) => value,
        }
    }

    fn of(value: f64) -> Option<Self> {
        let number = Self::fraction(value)?;
        Some(number.whole().map_or(number, Self::Int))
    }

    /// The result of an operation; none if there is none, as for a division by zero.
    pub(crate) fn apply(operation: Operation, a: Self, b: Self) -> Result<Option<Self>, Stop> {
        match (a.whole(), b.whole()) {
            (Some(a), Some(b)) => whole(operation, a, b),
            _ if operation == Operation::Remainder => Ok(None),
            _ => inexact(operation, a, b).map(Some),
        }
    }

    /// Rounded by a function of floats.
    pub(crate) fn rounded(self, round: fn(f64) -> f64) -> Self {
        match self {
            Self::Int(_) => self,
            Self::Fraction(value) => Self::of(round(value)).unwrap_or(self),
        }
    }

    pub(crate) fn to_json(self) -> serde_json::Value {
        match self {
            Self::Int(int) => int.into(),
            Self::Fraction(value) => value.into(),
        }
    }
}

fn whole(operation: Operation, a: i64, b: i64) -> Result<Option<Number>, Stop> {
    let result = match operation {
        Operation::Add => a.checked_add(b),
        Operation::Subtract => a.checked_sub(b),
        Operation::Multiply => a.checked_mul(b),
        Operation::Divide | Operation::Remainder if b == 0 => return Ok(None),
        Operation::Remainder => Some(a.checked_rem(b).unwrap_or(0)),
        Operation::Divide if a.checked_rem(b) == Some(0) => a.checked_div(b),
        Operation::Divide => {
            return inexact(operation, Number::Int(a), Number::Int(b)).map(Some);
        }
    };
    let too_large = || Stop::Failed("a number is above 2^63".to_owned());
    result
        .map(|int| Some(Number::Int(int)))
        .ok_or_else(too_large)
}

/// The result of an operation on fractions, or an error if a float does not keep it exactly.
#[expect(
    clippy::float_cmp,
    reason = "whether a result is exact is the question"
)]
fn inexact(operation: Operation, a: Number, b: Number) -> Result<Number, Stop> {
    let fail = || {
        let text = "a result is not exact in binary; calculate with whole numbers";
        Stop::Failed(text.to_owned())
    };
    let (x, y) = (a.exact().ok_or_else(fail)?, b.exact().ok_or_else(fail)?);
    let result = match operation {
        Operation::Add => x + y,
        Operation::Subtract => x - y,
        Operation::Multiply => x * y,
        Operation::Divide | Operation::Remainder => x / y,
    };
    let is_exact = match operation {
        Operation::Add => result - x == y && result - y == x,
        Operation::Subtract => result + y == x && x - result == y,
        Operation::Multiply => x.mul_add(y, -result) == 0.0,
        Operation::Divide | Operation::Remainder => result.mul_add(y, -x) == 0.0,
    };
    let result = Number::of(result).filter(|_| is_exact).ok_or_else(fail)?;
    result.exact().map(|_| result).ok_or_else(fail)
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            // A fraction is below 2^53, so rounding a larger whole number keeps the order.
            _ => {
                let order = self.float().partial_cmp(&other.float());
                order.unwrap_or(Ordering::Equal) // both are finite
            }
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(int) => write!(f, "{int}"),
            Self::Fraction(value) => write!(f, "{value:?}"),
        }
    }
}
