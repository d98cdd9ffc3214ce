//! The one canonical byte form (law 12): whatever is hashed or signed is written by this and by
//! nothing else.
//!
//! Layout: `florin/<domain>/v<version>\n`, then the fields in their fixed order. Bytes and text
//! carry a 4-byte big-endian length, integers are 8 bytes big-endian, a list its count in 4 bytes,
//! an option one byte 0 or 1 first.

use sha2::{Digest as _, Sha256};

/// A SHA-256 hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The plain SHA-256 of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// From 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0u8; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// From stored bytes, if there are 32.
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

/// Writes a value in the canonical form, field after field.
#[derive(Debug, Clone)]
pub struct Canon(Vec<u8>);

impl Canon {
    /// Begin a value of this domain and version.
    pub fn new(domain: &str, version: u32) -> Self {
        Self(format!("florin/{domain}/v{version}\n").into_bytes())
    }

    /// Bytes, with their length.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.push_bytes(bytes);
        self
    }

    /// Text, with its length in bytes.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    /// Anything that has one text form: ids, amounts, chains.
    #[must_use]
    pub fn show(self, value: &impl std::fmt::Display) -> Self {
        self.text(&value.to_string())
    }

    /// An integer, 8 bytes big-endian.
    #[must_use]
    pub fn int(mut self, value: i64) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// An unsigned integer, 8 bytes big-endian.
    #[must_use]
    pub fn uint(mut self, value: u64) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// A hash; its length is always 32, so none is written.
    #[must_use]
    pub fn digest(mut self, digest: &Digest) -> Self {
        self.0.extend_from_slice(&digest.0);
        self
    }

    /// A list: its count, then each item by `each`.
    #[must_use]
    pub fn list<T>(mut self, items: &[T], each: impl Fn(Canon, &T) -> Canon) -> Self {
        self.push_count(items.len());
        items.iter().fold(self, each)
    }

    /// An optional field: one byte, then the field if it is there.
    #[must_use]
    pub fn option<T>(mut self, item: Option<&T>, each: impl Fn(Canon, &T) -> Canon) -> Self {
        self.0.push(u8::from(item.is_some()));
        match item {
            Some(item) => each(self, item),
            None => self,
        }
    }

    /// The bytes.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }

    /// The SHA-256 of the bytes.
    pub fn hash(&self) -> Digest {
        Digest::of(&self.0)
    }

    fn push_bytes(&mut self, bytes: &[u8]) {
        self.push_count(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn push_count(&mut self, count: usize) {
        // Nothing that is hashed comes near 4 GiB; to hash a truncated length would let two values
        // share a form.
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
            let one = Canon::new("t", 1).text(&a).text(&b).finish();
            let other = Canon::new("t", 1).text(&c).text(&d).finish();
            prop_assert_eq!(one == other, (a, b) == (c, d));
        }
    }
}
