//! Exact comparison of JSON numbers of any length, without floats.

use std::cmp::Ordering;

/// A decimal number: 0.d1d2d3… × 10^`exponent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decimal {
    negative: bool,
    /// No leading or trailing zeros; empty for zero.
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    /// Parse the text of a JSON number. Leading zeros and a minus sign are accepted.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, text) = text
            .strip_prefix('-')
            .map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) || mantissa.ends_with('.')
        {
            return None;
        }
        let all: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        let leading = all.iter().take_while(|digit| **digit == b'0').count();
        let mut digits = all[leading..].to_vec();
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        if digits.is_empty() {
            return Some(Self {
                negative: false,
                digits,
                exponent: 0,
            });
        }
        let point = i64::try_from(whole.len())
            .ok()?
            .checked_sub(i64::try_from(leading).ok()?)?;
        Some(Self {
            negative,
            digits,
            exponent: exponent.checked_add(point)?,
        })
    }

    fn magnitude(&self, other: &Self) -> Ordering {
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            // Without leading zeros, the exponents decide first, then the digits.
            (false, false) => self
                .exponent
                .cmp(&other.exponent)
                .then_with(|| self.digits.cmp(&other.digits)),
        }
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.magnitude(other),
            (true, true) => other.magnitude(self),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigInt;
    use proptest::prelude::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).expect("a number")
    }

    #[test]
    fn equal_numbers_in_different_notations_are_equal() {
        for text in ["100", "1e2", "1.0E+2", "0.1e3", "00100.000"] {
            assert_eq!(decimal(text), decimal("100"), "{text}");
        }
        assert_eq!(decimal("-0.0"), decimal("0"));
        assert!(decimal("0.1") < decimal("0.10000000000000000000000000001"));
        for text in ["", "-", ".5", "5.", "1e", "0x1", "1_0", "NaN", "١"] {
            assert_eq!(Decimal::parse(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn numbers_compare_as_scaled_integers_do(a in any::<i64>(), b in any::<i64>(), p in 0u32..30, q in 0u32..30) {
            let exact = |n: i64, places: u32| BigInt::from(n) * BigInt::from(10).pow(30 - places);
            let (x, y) = (decimal(&format!("{a}e-{p}")), decimal(&format!("{b}e-{q}")));
            prop_assert_eq!(x.cmp(&y), exact(a, p).cmp(&exact(b, q)));
        }

        #[test]
        fn arbitrary_text_does_not_panic(text: String) {
            let _ = Decimal::parse(&text);
        }
    }
}
