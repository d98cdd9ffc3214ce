//! A signed integer of any width, with a stored form whose bytes sort in the order of the numbers.

use crate::Amount;
use num_bigint::{BigInt, Sign};

/// The first byte of zero; it is larger for positive numbers and smaller for negative ones.
const ZERO: u8 = 0x80;
/// The maximum number of magnitude bytes that fits into the first byte.
const MAX_MAGNITUDE: usize = 0x7f;
/// The longest accepted text: the digits of 127 bytes.
const MAX_DIGITS: usize = 306;

/// A signed integer of up to 127 bytes, for balances, sums and differences.
///
/// Stored form: first byte 0x80+n, then n big-endian magnitude bytes. For negative numbers 0x80-n,
/// then the complemented bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Quantity(BigInt);

impl Quantity {
    /// Zero.
    pub fn zero() -> Self {
        Self::default()
    }

    /// From a small number.
    pub fn from_i128(value: i128) -> Self {
        Self(BigInt::from(value))
    }

    /// The negated amount.
    pub fn minus(amount: Amount) -> Self {
        Self::from(amount).negated()
    }

    /// Whether it is below zero.
    pub fn is_negative(&self) -> bool {
        *self < Self::zero()
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        *self == Self::zero()
    }

    /// Whether the absolute value fits into 256 bits.
    pub fn is_within_256_bits(&self) -> bool {
        self.0.bits() <= 256
    }

    /// The same number with the opposite sign.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self(-&self.0)
    }

    /// The amount, if it is neither negative nor above 2^256-1.
    pub fn to_amount(&self) -> Option<Amount> {
        let (sign, bytes) = self.0.to_bytes_be();
        if sign == Sign::Minus || bytes.len() > 32 {
            return None;
        }
        let mut wide = [0u8; 32];
        wide[32 - bytes.len()..].copy_from_slice(&bytes);
        Some(Amount::from_be_bytes(wide))
    }

    /// Encode the stored form. Saturates at 127 magnitude bytes, which no sum of 256-bit amounts
    /// reaches.
    pub fn to_ordered_bytes(&self) -> Vec<u8> {
        let (sign, mut magnitude) = self.0.to_bytes_be();
        if sign == Sign::NoSign {
            return vec![ZERO];
        }
        if magnitude.len() > MAX_MAGNITUDE {
            magnitude = vec![0xff; MAX_MAGNITUDE];
        }
        #[allow(clippy::cast_possible_truncation)] // at most 127, by the line above
        let width = magnitude.len() as u8;
        let mut bytes = Vec::with_capacity(1 + magnitude.len());
        if sign == Sign::Plus {
            bytes.push(ZERO + width);
            bytes.extend_from_slice(&magnitude);
        } else {
            bytes.push(ZERO - width);
            bytes.extend(magnitude.iter().map(|byte| !byte));
        }
        bytes
    }

    /// Decode the stored form; `None` if it is not valid.
    pub fn from_ordered_bytes(bytes: &[u8]) -> Option<Self> {
        let (&first, rest) = bytes.split_first()?;
        if usize::from(first.abs_diff(ZERO)) != rest.len() {
            return None;
        }
        let negative = first < ZERO;
        let magnitude: Vec<u8> = rest
            .iter()
            .map(|byte| if negative { !byte } else { *byte })
            .collect();
        if magnitude.first() == Some(&0) {
            return None; // a second form of the same number would break equality by bytes
        }
        let sign = match first.cmp(&ZERO) {
            std::cmp::Ordering::Less => Sign::Minus,
            std::cmp::Ordering::Equal => Sign::NoSign,
            std::cmp::Ordering::Greater => Sign::Plus,
        };
        Some(Self(BigInt::from_bytes_be(sign, &magnitude)))
    }
}

impl From<Amount> for Quantity {
    fn from(amount: Amount) -> Self {
        Self(BigInt::from_bytes_be(Sign::Plus, &amount.to_be_bytes()))
    }
}

impl std::ops::Add<&Quantity> for Quantity {
    type Output = Quantity;
    fn add(mut self, other: &Quantity) -> Quantity {
        self += other;
        self
    }
}

impl std::ops::AddAssign<&Quantity> for Quantity {
    fn add_assign(&mut self, Quantity(other): &Quantity) {
        self.0 += other;
    }
}

impl std::ops::SubAssign<&Quantity> for Quantity {
    fn sub_assign(&mut self, Quantity(other): &Quantity) {
        self.0 -= other;
    }
}

impl std::str::FromStr for Quantity {
    type Err = crate::AmountError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(crate::AmountError::NotDigits);
        }
        if digits.trim_start_matches('0').len() > MAX_DIGITS {
            return Err(crate::AmountError::TooLarge);
        }
        text.parse()
            .map(Self)
            .map_err(|_| crate::AmountError::NotDigits)
    }
}

crate::debug_as_text!(Quantity);
crate::serde_as_text!(Quantity);

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn quantities() -> impl Strategy<Value = Quantity> {
        (prop::collection::vec(any::<u8>(), 0..34), any::<bool>()).prop_map(|(bytes, negative)| {
            let sign = if negative { Sign::Minus } else { Sign::Plus };
            Quantity(BigInt::from_bytes_be(sign, &bytes))
        })
    }

    proptest! {
        #[test]
        fn bytes_sort_as_the_numbers_do(a in quantities(), b in quantities()) {
            prop_assert_eq!(a.to_ordered_bytes().cmp(&b.to_ordered_bytes()), a.cmp(&b));
        }

        #[test]
        fn the_stored_form_reads_back(a in quantities()) {
            prop_assert_eq!(Quantity::from_ordered_bytes(&a.to_ordered_bytes()), Some(a.clone()));
            prop_assert_eq!(a.to_string().parse::<Quantity>(), Ok(a));
        }

        #[test]
        fn only_one_form_is_read(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Some(quantity) = Quantity::from_ordered_bytes(&bytes) {
                prop_assert_eq!(quantity.to_ordered_bytes(), bytes);
            }
        }
    }

    #[test]
    fn neighbors_of_each_width() {
        let texts = [
            "-65536", "-65535", "-256", "-255", "-1", "0", "1", "255", "256", "65535", "65536",
        ];
        let forms: Vec<_> = texts
            .iter()
            .filter_map(|t| t.parse::<Quantity>().ok())
            .map(|q| q.to_ordered_bytes())
            .collect();
        assert_eq!(forms.len(), texts.len());
        assert!(forms.is_sorted());
        assert_eq!(
            "1000000000000000000"
                .parse::<Quantity>()
                .map(|q| q.to_ordered_bytes().len()),
            Ok(9)
        );
    }
}
