//! The canonical form of `docs/facts.md`, as a second implementation.

use sha2::{Digest as _, Sha256};

/// A SHA-256 hash.
pub(crate) type Hash = [u8; 32];

/// Hashes a value in its canonical form, without keeping the bytes.
pub(crate) struct CanonHasher {
    sha: Sha256,
}

impl CanonHasher {
    pub(crate) fn new(domain: &str, version: u32) -> Self {
        Self::after(&[], domain, version)
    }

    /// Start a leaf of the Merkle tree: the leaf prefix, then the canonical form.
    pub(crate) fn leaf(domain: &str, version: u32) -> Self {
        Self::after(&[0], domain, version)
    }

    fn after(prefix: &[u8], domain: &str, version: u32) -> Self {
        let header = format!("florin/{domain}/v{version}\n");
        Self {
            sha: Sha256::new().chain_update(prefix).chain_update(header),
        }
    }

    /// The SHA-256 of bytes without a header.
    pub(crate) fn sha256(bytes: &[u8]) -> Hash {
        Sha256::digest(bytes).into()
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.sha.update(bytes);
        self
    }

    /// Append bytes or text with their length.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.count(bytes.len()).raw(bytes)
    }

    pub(crate) fn int(&mut self, number: i64) -> &mut Self {
        self.raw(&number.to_be_bytes())
    }

    pub(crate) fn count(&mut self, count: usize) -> &mut Self {
        // No database value has 4 GiB, so the count is exact.
        self.raw(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes())
    }

    /// Append an optional text.
    pub(crate) fn option(&mut self, text: Option<&[u8]>) -> &mut Self {
        self.raw(&[u8::from(text.is_some())]);
        if let Some(text) = text {
            self.bytes(text);
        }
        self
    }

    pub(crate) fn hash(&self) -> Hash {
        self.sha.clone().finalize().into()
    }
}

/// Encode bytes as hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    ::hex::encode(bytes)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::Value;

    pub(crate) fn vectors() -> Value {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../types/vectors/canon.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    fn field(hasher: &mut CanonHasher, field: &Value) {
        let (kind, value) = field.as_object().unwrap().iter().next().unwrap();
        match (kind.as_str(), value) {
            ("text", Value::String(text)) => drop(hasher.bytes(text.as_bytes())),
            ("bytes", Value::String(text)) => drop(hasher.bytes(&::hex::decode(text).unwrap())),
            ("digest", Value::String(text)) => drop(hasher.raw(&::hex::decode(text).unwrap())),
            ("int", Value::String(text)) => drop(hasher.int(text.parse().unwrap())),
            ("uint", Value::String(text)) => {
                hasher.raw(&text.parse::<u64>().unwrap().to_be_bytes());
            }
            ("option", Value::Null) => drop(hasher.option(None)),
            ("option", inner) if inner.get("text").is_some() => {
                hasher.option(Some(inner["text"].as_str().unwrap().as_bytes()));
            }
            ("option", inner) => {
                hasher.raw(&[1]);
                self::field(hasher, inner);
            }
            ("list", Value::Array(items)) => {
                hasher.count(items.len());
                items
                    .iter()
                    .flat_map(|item| item.as_array().unwrap())
                    .for_each(|inner| self::field(hasher, inner));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_committed_vectors() {
        let vectors = vectors();
        let forms = vectors["forms"].as_array().unwrap();
        assert!(forms.len() > 10);
        for vector in forms {
            let version = u32::try_from(vector["version"].as_u64().unwrap()).unwrap();
            let (domain, fields) = (
                vector["domain"].as_str().unwrap(),
                vector["fields"].as_array().unwrap(),
            );
            let mut hasher = CanonHasher::new(domain, version);
            fields.iter().for_each(|value| field(&mut hasher, value));
            assert_eq!(hex(&hasher.hash()), vector["sha256"], "{}", vector["name"]);
            let mut leaf = CanonHasher::leaf(domain, version);
            fields.iter().for_each(|value| field(&mut leaf, value));
            let mut bytes = vec![0];
            bytes.extend(::hex::decode(vector["bytes"].as_str().unwrap()).unwrap());
            assert_eq!(
                leaf.hash(),
                <Hash>::from(Sha256::digest(&bytes)),
                "{}",
                vector["name"]
            );
        }
    }
}
