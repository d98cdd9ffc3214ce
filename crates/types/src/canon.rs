//! The canonical byte form. Everything that is hashed or signed is encoded by this module.
//!
//! Layout: `florin/<domain>/v<version>\n`, then the fields in a fixed order. Bytes and text have a
//! 4-byte big-endian length, integers are 8 bytes big-endian, a list starts with its count in 4
//! bytes, an option with one byte 0 or 1.

use sha2::{Digest as _, Sha256};

/// A SHA-256 hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The SHA-256 of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Parse 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0u8; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// From stored bytes, if there are exactly 32.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

crate::debug_as_text!(Digest);
crate::serde_as_text!(Digest);

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl std::str::FromStr for Digest {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_hex(text).ok_or("expected 64 hexadecimal digits")
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self))
    }
}

/// Encodes a value in the canonical form, field by field.
#[derive(Debug, Clone)]
pub struct Canon {
    encoded: Vec<u8>,
}

impl Canon {
    /// Start a value of this domain and version.
    pub fn new(domain: &str, version: u32) -> Self {
        Self {
            encoded: format!("florin/{domain}/v{version}\n").into_bytes(),
        }
    }

    /// Append bytes with their length.
    #[must_use]
    pub fn bytes(self, bytes: &[u8]) -> Self {
        self.count(bytes.len()).raw(bytes)
    }

    /// Append text with its length in bytes.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    /// Append a value by its unique text form: an id, amount or chain.
    #[must_use]
    pub fn display(self, value: &impl std::fmt::Display) -> Self {
        self.text(&value.to_string())
    }

    /// Append an integer, 8 bytes big-endian.
    #[must_use]
    pub fn int(self, value: i64) -> Self {
        self.raw(&value.to_be_bytes())
    }

    /// Append an unsigned integer, 8 bytes big-endian.
    #[must_use]
    pub fn uint(self, value: u64) -> Self {
        self.raw(&value.to_be_bytes())
    }

    /// Append a hash without a length, which is always 32.
    #[must_use]
    pub fn digest(self, digest: &Digest) -> Self {
        self.raw(digest.as_ref())
    }

    /// Append a list: its count, then each item encoded by `each`.
    #[must_use]
    pub fn list<T>(self, items: &[T], each: impl Fn(Canon, &T) -> Canon) -> Self {
        items.iter().fold(self.count(items.len()), each)
    }

    /// Append an optional field: one byte, then the field if it is present.
    #[must_use]
    pub fn option<T>(self, item: Option<&T>, each: impl Fn(Canon, &T) -> Canon) -> Self {
        let tagged = self.raw(&[u8::from(item.is_some())]);
        item.into_iter().fold(tagged, each)
    }

    /// The encoded bytes.
    pub fn finish(self) -> Vec<u8> {
        self.encoded
    }

    /// The SHA-256 of the encoded bytes.
    pub fn hash(&self) -> Digest {
        Digest::of(&self.encoded)
    }

    fn count(self, count: usize) -> Self {
        // No hashed value comes near 4 GiB. A truncated length would let two values share a form,
        // so this must fail instead.
        let count = u32::try_from(count).expect("a canonical field is shorter than 4 GiB");
        self.raw(&count.to_be_bytes())
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.encoded.extend_from_slice(bytes);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_domain_and_version_separate() {
        let forms = [Canon::new("a", 1), Canon::new("a", 2), Canon::new("b", 1)]
            .map(|canon| canon.text("x").hash());
        assert!(forms[0] != forms[1] && forms[1] != forms[2] && forms[0] != forms[2]);
    }

    proptest! {
        #[test]
        fn moving_a_boundary_changes_the_form(a: String, b: String, c: String, d: String) {
            let first = Canon::new("t", 1).text(&a).text(&b).finish();
            let second = Canon::new("t", 1).text(&c).text(&d).finish();
            prop_assert_eq!(first == second, (a, b) == (c, d));
        }
    }
}
