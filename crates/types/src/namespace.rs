//! Namespaces: the tenant, and the first part of every key.

use arrayvec::ArrayString;

const MAX_LEN: usize = 63;

/// A namespace: 1 to 63 characters of `a-z 0-9 - _`, beginning with a letter or digit.
/// Stored inline, so that it is copied wherever it goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(ArrayString<MAX_LEN>);

/// Why a text is not a valid namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a namespace has 1 to 63 characters of a-z, 0-9, - and _, the first of them a letter or digit"
)]
pub struct NamespaceError;

impl Namespace {
    /// The namespace of facts that belong to no tenant but to the installation: blocks, keys. No
    /// user can name it.
    pub fn installation() -> Self {
        Self(ArrayString::from("_").expect("one character fits"))
    }

    /// From the stored text: a namespace, or the installation's.
    pub fn from_stored(text: &str) -> Option<Self> {
        if text == "_" {
            Some(Self::installation())
        } else {
            text.parse().ok()
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Namespace {
    type Err = NamespaceError;

    fn from_str(text: &str) -> Result<Self, NamespaceError> {
        let is_valid =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        let starts_validly = text
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if !starts_validly || !text.bytes().all(is_valid) {
            return Err(NamespaceError);
        }
        ArrayString::from(text)
            .map(Self)
            .map_err(|_| NamespaceError)
    }
}

crate::debug_as_text!(Namespace);
crate::serde_as_text!(Namespace);

impl std::fmt::Display for Namespace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_and_invalid_namespaces() {
        for good in ["default", "ns1", "0", "a-b_c"] {
            assert!(good.parse::<Namespace>().is_ok(), "{good}");
        }
        let long = "a".repeat(64);
        for bad in ["", "-a", "A", "a/b", "a b", "a\0", long.as_str()] {
            assert_eq!(bad.parse::<Namespace>(), Err(NamespaceError), "{bad:?}");
        }
    }
}
