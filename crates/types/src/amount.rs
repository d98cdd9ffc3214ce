//! An exact amount, 0..2^256-1. Outside the process it is a decimal string.

use ruint::aliases::U256;
use serde::Deserialize;

/// The longest decimal form: 2^256-1 has 78 digits.
const MAX_DIGITS: usize = 78;

/// An integer in base units, 0..2^256-1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(U256);

/// Why a text is not a valid amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// It has a minus sign.
    #[error("an amount cannot be negative")]
    Negative,
    /// It contains anything but the digits 0 to 9: a decimal point, an exponent, a space.
    #[error("an amount is a whole number in base units, written with the digits 0 to 9 only")]
    NotDigits,
    /// Above 2^256-1.
    #[error("an amount is at most 2^256-1")]
    TooLarge,
}

impl Amount {
    pub const ZERO: Amount = Amount(U256::ZERO);
    /// 2^256-1.
    pub const MAX: Amount = Amount(U256::MAX);

    /// From a `u128`.
    pub fn from_u128(value: u128) -> Self {
        Self(U256::from(value))
    }

    /// From 32 big-endian bytes.
    pub fn from_be_bytes(bytes: [u8; 32]) -> Self {
        Self(U256::from_be_bytes(bytes))
    }

    /// As 32 big-endian bytes.
    pub fn to_be_bytes(self) -> [u8; 32] {
        self.0.to_be_bytes()
    }

    /// The value as a `u128`, if it fits.
    pub fn to_u128(self) -> Option<u128> {
        u128::try_from(self.0).ok()
    }

    /// The value as a `u64`, if it fits.
    pub fn to_u64(self) -> Option<u64> {
        u64::try_from(self.0).ok()
    }

    /// Whether it is zero.
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }

    /// The sum; `None` above 2^256-1.
    pub fn checked_add(self, other: Amount) -> Option<Amount> {
        self.combine(other, U256::checked_add)
    }

    /// The difference; `None` below zero.
    pub fn checked_sub(self, other: Amount) -> Option<Amount> {
        self.combine(other, U256::checked_sub)
    }

    /// The product; `None` above 2^256-1.
    pub fn checked_mul(self, other: Amount) -> Option<Amount> {
        self.combine(other, U256::checked_mul)
    }

    /// The quotient rounded up, as fee rules require; `None` for a division by zero.
    pub fn checked_div_ceil(self, by: Amount) -> Option<Amount> {
        self.combine(by, |a, b| (!b.is_zero()).then(|| a.div_ceil(b)))
    }

    /// The quotient rounded down; `None` for a division by zero.
    pub fn checked_div_floor(self, by: Amount) -> Option<Amount> {
        self.combine(by, U256::checked_div)
    }

    fn combine(self, other: Self, combine: fn(U256, U256) -> Option<U256>) -> Option<Self> {
        let (Self(a), Self(b)) = (self, other);
        combine(a, b).map(Self)
    }

    /// The big-endian bytes without leading zeros; empty for zero.
    pub fn magnitude(self) -> Vec<u8> {
        self.0.to_be_bytes_trimmed_vec()
    }
}

impl std::str::FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        if text.starts_with('-') {
            return Err(AmountError::Negative);
        }
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(AmountError::NotDigits);
        }
        let digits = text.trim_start_matches('0');
        if digits.len() > MAX_DIGITS {
            return Err(AmountError::TooLarge);
        }
        U256::from_str_radix(if digits.is_empty() { "0" } else { digits }, 10)
            .map(Self)
            .map_err(|_| AmountError::TooLarge)
    }
}

impl From<u64> for Amount {
    fn from(value: u64) -> Self {
        Self(U256::from(value))
    }
}

crate::debug_as_text!(Amount);
crate::serialize_as_text!(Amount);

impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, f)
    }
}

impl<'de> Deserialize<'de> for Amount {
    /// A decimal string. A JSON integer is accepted too, if it fits 64 bits (larger ones lose
    /// digits in JSON).
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Amount;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an amount as a decimal string")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Amount, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Amount, E> {
                Ok(Amount::from(value))
            }
            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Amount, E> {
                u64::try_from(value)
                    .map(Amount::from)
                    .map_err(|_| E::custom(AmountError::Negative))
            }
            fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Amount, E> {
                Err(E::custom(
                    "write an amount of this size, or with a fraction, as a decimal string in base units",
                ))
            }
        }
        d.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_bounds() {
        let max = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
        assert_eq!(max.parse::<Amount>(), Ok(Amount::MAX));
        assert_eq!(Amount::MAX.to_string(), max);
        let above =
            "115792089237316195423570985008687907853269984665640564039457584007913129639936";
        assert_eq!(above.parse::<Amount>(), Err(AmountError::TooLarge));
        assert_eq!("0".parse::<Amount>(), Ok(Amount::ZERO));
        assert_eq!("0007".parse::<Amount>(), Ok(Amount::from(7)));
    }

    #[test]
    fn invalid_amounts() {
        assert_eq!("-1".parse::<Amount>(), Err(AmountError::Negative));
        for text in ["", "1.5", "1e9", " 1", "0x10", "+1", "1_000", "١"] {
            assert_eq!(
                text.parse::<Amount>(),
                Err(AmountError::NotDigits),
                "{text:?}"
            );
        }
    }

    #[test]
    fn json_numbers_are_accepted_only_where_they_are_exact() {
        assert_eq!(
            serde_json::from_str::<Amount>("7").ok(),
            Some(Amount::from(7))
        );
        assert!(serde_json::from_str::<Amount>("1.5").is_err());
        assert!(serde_json::from_str::<Amount>("-1").is_err());
        assert!(serde_json::from_str::<Amount>("100000000000000000000000").is_err());
    }

    proptest! {
        #[test]
        fn reads_back_what_it_prints(bytes: [u8; 32]) {
            let amount = Amount::from_be_bytes(bytes);
            prop_assert_eq!(amount.to_string().parse::<Amount>(), Ok(amount));
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = text.parse::<Amount>();
        }
    }
}
