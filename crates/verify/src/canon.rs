//! The canonical form of `docs/facts.md`, written for the second time.

use sha2::{Digest as _, Sha256};

/// A SHA-256 hash.
pub(crate) type Hash = [u8; 32];

/// Hashes a value as its canonical form is written, without keeping the bytes.
pub(crate) struct Form(Sha256);

impl Form {
    pub(crate) fn of(domain: &str, version: u32) -> Self {
        let mut form = Self(Sha256::new());
        form.raw(format!("florin/{domain}/v{version}\n").as_bytes());
        form
    }

    /// A leaf of the tree: the canonical form itself, behind the leaf's byte.
    pub(crate) fn leaf(domain: &str, version: u32) -> Self {
        let mut form = Self(Sha256::new());
        form.raw(&[0]);
        form.raw(format!("florin/{domain}/v{version}\n").as_bytes());
        form
    }

    /// The SHA-256 of bytes that have no header.
    pub(crate) fn bare(bytes: &[u8]) -> Hash {
        Sha256::digest(bytes).into()
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(bytes);
        self
    }

    /// Bytes or text, behind their length.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.count(bytes.len()).raw(bytes)
    }

    pub(crate) fn int(&mut self, number: i64) -> &mut Self {
        self.raw(&number.to_be_bytes())
    }

    pub(crate) fn count(&mut self, count: usize) -> &mut Self {
        // A database hands out no value of 4 GiB, so the count is exact.
        self.raw(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes())
    }

    /// An optional text.
    pub(crate) fn option(&mut self, text: Option<&[u8]>) -> &mut Self {
        self.raw(&[u8::from(text.is_some())]);
        if let Some(text) = text {
            self.bytes(text);
        }
        self
    }

    pub(crate) fn hash(&self) -> Hash {
        self.0.clone().finalize().into()
    }
}

/// Bytes in hexadecimal, as words for people.
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

    fn field(form: &mut Form, field: &Value) {
        let (kind, value) = field.as_object().unwrap().iter().next().unwrap();
        match (kind.as_str(), value) {
            ("text", Value::String(text)) => drop(form.bytes(text.as_bytes())),
            ("bytes", Value::String(text)) => drop(form.bytes(&::hex::decode(text).unwrap())),
            ("digest", Value::String(text)) => drop(form.raw(&::hex::decode(text).unwrap())),
            ("int", Value::String(text)) => drop(form.int(text.parse().unwrap())),
            ("uint", Value::String(text)) => {
                drop(form.raw(&text.parse::<u64>().unwrap().to_be_bytes()))
            }
            ("option", Value::Null) => drop(form.option(None)),
            ("option", inner) if inner.get("text").is_some() => {
                form.option(Some(inner["text"].as_str().unwrap().as_bytes()));
            }
            ("option", inner) => {
                form.raw(&[1]);
                self::field(form, inner);
            }
            ("list", Value::Array(items)) => {
                form.count(items.len());
                items
                    .iter()
                    .flat_map(|item| item.as_array().unwrap())
                    .for_each(|inner| self::field(form, inner));
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
            let mut form = Form::of(domain, version);
            fields.iter().for_each(|one| field(&mut form, one));
            assert_eq!(hex(&form.hash()), vector["sha256"], "{}", vector["name"]);
            let mut leaf = Form::leaf(domain, version);
            fields.iter().for_each(|one| field(&mut leaf, one));
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
