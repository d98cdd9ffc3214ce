//! Numbers and bytes in the format of Ethereum's JSON-RPC: hexadecimal with 0x only. Parsing never
//! panics.
//!
//! Leading zeros of a quantity are accepted although the standard forbids them, because some nodes
//! write them. The types of `alloy-primitives` are not used: their parsers also accept decimal
//! digits, separators and values without 0x, so that one answer could be read in two ways.

use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use types::Amount;

/// A number of up to 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Quantity(pub(crate) u64);

/// A number of up to 256 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Big(pub(crate) Amount);

/// `N` bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Fixed<const N: usize>(pub(crate) [u8; N]);

pub(crate) type Word = Fixed<32>;
pub(crate) type Account = Fixed<20>;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

/// Parses a 64-bit number.
pub(crate) fn quantity(text: &str) -> Option<u64> {
    let digits = digits(text)?.trim_start_matches('0');
    if digits.is_empty() {
        Some(0)
    } else {
        u64::from_str_radix(digits, 16).ok()
    }
}

/// Parses a 256-bit number.
pub(crate) fn amount(text: &str) -> Option<Amount> {
    let digits = digits(text)?.trim_start_matches('0');
    let mut bytes = [0u8; 32];
    let padded = format!("{digits:0>64}");
    hex::decode_to_slice(padded, &mut bytes).ok()?;
    Some(Amount::from_be_bytes(bytes))
}

/// Parses bytes, possibly none.
pub(crate) fn bytes(text: &str) -> Option<Vec<u8>> {
    hex::decode(text.strip_prefix("0x")?).ok()
}

/// Parses exactly `N` bytes.
pub(crate) fn fixed<const N: usize>(text: &str) -> Option<Fixed<N>> {
    let mut bytes = [0u8; N];
    hex::decode_to_slice(text.strip_prefix("0x")?, &mut bytes).ok()?;
    Some(Fixed(bytes))
}

/// Formats a number.
pub(crate) fn show(number: u64) -> String {
    format!("{number:#x}")
}

/// Formats a large number.
pub(crate) fn show_amount(amount: Amount) -> String {
    let digits = hex::encode(amount.to_be_bytes());
    let short = digits.trim_start_matches('0');
    format!("0x{}", if short.is_empty() { "0" } else { short })
}

/// Formats bytes.
pub(crate) fn show_bytes(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// The hexadecimal digits of a number: at least one. Excludes signs, which Rust's parser would
/// accept.
fn digits(text: &str) -> Option<&str> {
    let digits = text.strip_prefix("0x")?;
    let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    valid.then_some(digits)
}

impl<const N: usize> fmt::Display for Fixed<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

impl<const N: usize> Serialize for Fixed<N> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// Deserializes a string with a parser of this module.
struct Text<F>(&'static str, F);

impl<'de, T, F: FnOnce(&str) -> Option<T>> Visitor<'de> for Text<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        let expected = self.0;
        (self.1)(text).ok_or_else(|| E::custom(format_args!("expected {expected}")))
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_str(Text("a hexadecimal number of at most 64 bits", quantity))
            .map(Self)
    }
}

impl<'de> Deserialize<'de> for Big {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_str(Text("a hexadecimal number of at most 256 bits", amount))
            .map(Self)
    }
}

impl<'de, const N: usize> Deserialize<'de> for Fixed<N> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_str(Text("hexadecimal bytes of a fixed length", fixed))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_str(Text("hexadecimal bytes", bytes))
            .map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_at_their_limits() {
        assert_eq!(quantity("0x0"), Some(0));
        assert_eq!(quantity("0xffffffffffffffff"), Some(u64::MAX));
        assert_eq!(quantity("0x0000000000000000001"), Some(1));
        assert_eq!(quantity("0x10000000000000000"), None);
        let max = format!("0x{}", "f".repeat(64));
        assert_eq!(amount(&max), Some(Amount::MAX));
        assert_eq!(amount(&format!("{max}f")), None);
    }

    #[test]
    fn invalid_numbers_and_bytes_are_rejected() {
        for text in [
            "", "0x", "1", "0X1", "0x+1", "0x-1", "0x 1", "0xg", "0x1.0", "0xé",
        ] {
            assert_eq!(quantity(text), None, "{text:?}");
            assert_eq!(amount(text), None, "{text:?}");
        }
        for text in ["", "0x1", "12", "0xzz", "0x0102 "] {
            assert_eq!(bytes(text), None, "{text:?}");
        }
        assert_eq!(bytes("0x"), Some(vec![]));
        assert_eq!(fixed::<2>("0x01"), None);
        assert_eq!(fixed::<2>("0x010203"), None);
    }

    proptest! {
        #[test]
        fn formatted_values_parse_back(number: u64, word: [u8; 32], any in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(quantity(&show(number)), Some(number));
            let big = Amount::from_be_bytes(word);
            prop_assert_eq!(amount(&show_amount(big)), Some(big));
            prop_assert_eq!(fixed::<32>(&Fixed(word).to_string()), Some(Fixed(word)));
            prop_assert_eq!(bytes(&show_bytes(&any)), Some(any));
        }

        #[test]
        fn no_text_causes_a_panic(text: String) {
            let _ = (quantity(&text), amount(&text), bytes(&text), fixed::<20>(&text));
        }
    }
}
