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

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <String as serde::Deserialize>::deserialize(d)?;
        Digest::from_hex(&text)
            .ok_or_else(|| serde::de::Error::custom("expected 64 hexadecimal digits"))
    }
}

/// Encodes a value in the canonical form, field by field.
#[derive(Debug, Clone)]
pub struct Canon(Vec<u8>);

impl Canon {
    /// Start a value of this domain and version.
    pub fn new(domain: &str, version: u32) -> Self {
        Self(format!("florin/{domain}/v{version}\n").into_bytes())
    }

    /// Append bytes with their length.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.push_bytes(bytes);
        self
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
    pub fn int(mut self, value: i64) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// Append an unsigned integer, 8 bytes big-endian.
    #[must_use]
    pub fn uint(mut self, value: u64) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// Append a hash without a length, which is always 32.
    #[must_use]
    pub fn digest(mut self, digest: &Digest) -> Self {
        self.0.extend_from_slice(&digest.0);
        self
    }

    /// Append a list: its count, then each item encoded by `each`.
    #[must_use]
    pub fn list<T>(mut self, items: &[T], each: impl Fn(Canon, &T) -> Canon) -> Self {
        self.push_count(items.len());
        items.iter().fold(self, each)
    }

    /// Append an optional field: one byte, then the field if it is present.
    #[must_use]
    pub fn option<T>(mut self, item: Option<&T>, each: impl Fn(Canon, &T) -> Canon) -> Self {
        self.0.push(u8::from(item.is_some()));
        match item {
            Some(item) => each(self, item),
            None => self,
        }
    }

    /// The encoded bytes.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }

    /// The SHA-256 of the encoded bytes.
    pub fn hash(&self) -> Digest {
        Digest::of(&self.0)
    }

    fn push_bytes(&mut self, bytes: &[u8]) {
        self.push_count(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn push_count(&mut self, count: usize) {
        // No hashed value comes near 4 GiB. A truncated length would let two values share a form,
        // so this must fail instead.
        let count = u32::try_from(count).expect("a canonical field is shorter than 4 GiB");
        self.0.extend_from_slice(&count.to_be_bytes());
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
