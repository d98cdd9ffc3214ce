//! Numbers and bytes in the format of Ethereum's JSON-RPC: hexadecimal with 0x only. Parsing never
//! panics.
//!
//! Leading zeros of a quantity are accepted although the standard forbids them, because some nodes
//! write them. The types of `alloy-primitives` are not used: their parsers also accept decimal
//! digits, separators and values without 0x, so that one answer could be read in two ways.

use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use types::Amount;

/// A value that is hexadecimal text in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Hex<T>(pub(crate) T);

/// A number of up to 64 bits.
pub(crate) type Quantity = Hex<u64>;
/// A number of up to 256 bits.
pub(crate) type Big = Hex<Amount>;
/// `N` bytes.
pub(crate) type Fixed<const N: usize> = Hex<[u8; N]>;
pub(crate) type Word = Fixed<32>;
pub(crate) type Account = Fixed<20>;
pub(crate) type Bytes = Hex<Vec<u8>>;

/// What can be parsed from hexadecimal text.
pub(crate) trait FromHex: Sized {
    /// What a valid text is, for error messages.
    const EXPECTED: &str;

    fn from_hex(text: &str) -> Option<Self>;
}

impl FromHex for u64 {
    const EXPECTED: &str = "a hexadecimal number of at most 64 bits";

    fn from_hex(text: &str) -> Option<Self> {
        let digits = digits(text)?.trim_start_matches('0');
        if digits.is_empty() {
            Some(0)
        } else {
            u64::from_str_radix(digits, 16).ok()
        }
    }
}

impl FromHex for Amount {
    const EXPECTED: &str = "a hexadecimal number of at most 256 bits";

    fn from_hex(text: &str) -> Option<Self> {
        let digits = digits(text)?.trim_start_matches('0');
        let mut bytes = [0u8; 32];
        let padded = format!("{digits:0>64}");
        hex::decode_to_slice(padded, &mut bytes).ok()?;
        Some(Amount::from_be_bytes(bytes))
    }
}

/// Possibly no bytes.
impl FromHex for Vec<u8> {
    const EXPECTED: &str = "hexadecimal bytes";

    fn from_hex(text: &str) -> Option<Self> {
        hex::decode(text.strip_prefix("0x")?).ok()
    }
}

/// Exactly `N` bytes.
impl<const N: usize> FromHex for [u8; N] {
    const EXPECTED: &str = "hexadecimal bytes of a fixed length";

    fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0u8; N];
        hex::decode_to_slice(text.strip_prefix("0x")?, &mut bytes).ok()?;
        Some(bytes)
    }
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
pub(crate) fn show_bytes(bytes: impl AsRef<[u8]>) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// The hexadecimal digits of a number: at least one. Excludes signs, which Rust's parser would
/// accept.
fn digits(text: &str) -> Option<&str> {
    let digits = text.strip_prefix("0x")?;
    let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    valid.then_some(digits)
}

impl<T> Deref for Hex<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: AsRef<[u8]>> AsRef<[u8]> for Hex<T> {
    fn as_ref(&self) -> &[u8] {
        (**self).as_ref()
    }
}

impl<const N: usize> fmt::Display for Fixed<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&show_bytes(self))
    }
}

impl<const N: usize> Serialize for Fixed<N> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

struct HexVisitor<T>(PhantomData<T>);

impl<T: FromHex> Visitor<'_> for HexVisitor<T> {
    type Value = Hex<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Hex<T>, E> {
        T::from_hex(text)
            .map(Hex)
            .ok_or_else(|| E::custom(format_args!("expected {}", T::EXPECTED)))
    }
}

impl<'de, T: FromHex> Deserialize<'de> for Hex<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_str(HexVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_at_their_limits() {
        assert_eq!(u64::from_hex("0x0"), Some(0));
        assert_eq!(u64::from_hex("0xffffffffffffffff"), Some(u64::MAX));
        assert_eq!(u64::from_hex("0x0000000000000000001"), Some(1));
        assert_eq!(u64::from_hex("0x10000000000000000"), None);
        let max = format!("0x{}", "f".repeat(64));
        assert_eq!(Amount::from_hex(&max), Some(Amount::MAX));
        assert_eq!(Amount::from_hex(&format!("{max}f")), None);
    }

    #[test]
    fn invalid_numbers_and_bytes_are_rejected() {
        for text in [
            "", "0x", "1", "0X1", "0x+1", "0x-1", "0x 1", "0xg", "0x1.0", "0xé",
        ] {
            assert_eq!(u64::from_hex(text), None, "{text:?}");
            assert_eq!(Amount::from_hex(text), None, "{text:?}");
        }
        for text in ["", "0x1", "12", "0xzz", "0x0102 "] {
            assert_eq!(Vec::from_hex(text), None, "{text:?}");
        }
        assert_eq!(Vec::from_hex("0x"), Some(vec![]));
        assert_eq!(<[u8; 2]>::from_hex("0x01"), None);
        assert_eq!(<[u8; 2]>::from_hex("0x010203"), None);
    }

    proptest! {
        #[test]
        fn formatted_values_parse_back(number: u64, word: [u8; 32], any in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(u64::from_hex(&show(number)), Some(number));
            let big = Amount::from_be_bytes(word);
            prop_assert_eq!(Amount::from_hex(&show_amount(big)), Some(big));
            prop_assert_eq!(<[u8; 32]>::from_hex(&Hex(word).to_string()), Some(word));
            prop_assert_eq!(Vec::from_hex(&show_bytes(&any)), Some(any));
        }

        #[test]
        fn no_text_causes_a_panic(text: String) {
            let _ = (u64::from_hex(&text), Amount::from_hex(&text), Vec::from_hex(&text), <[u8; 20]>::from_hex(&text));
        }
    }
}
