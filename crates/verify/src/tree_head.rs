//! A signed tree head, parsed from its line.

use crate::canon::{CanonHasher, Hash};
use crate::time;
use serde::Deserialize;

/// A parsed line: hexadecimal is decoded to bytes, the time to microseconds.
pub(crate) struct TreeHead {
    pub(crate) number: i64,
    pub(crate) at: i64,
    pub(crate) heads: Vec<SignedHead>,
    pub(crate) root: Hash,
    pub(crate) prev: Hash,
    pub(crate) key: Hash,
    pub(crate) signature: [u8; 64],
}

/// A partition head in a tree head.
pub(crate) struct SignedHead {
    pub(crate) partition: String,
    pub(crate) seq: i64,
    pub(crate) hash: Hash,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    number: i64,
    at: String,
    heads: Vec<LineHead>,
    root: String,
    prev: String,
    key: String,
    signature: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineHead {
    partition: String,
    seq: i64,
    hash: String,
}

impl TreeHead {
    /// Parse a line, or return why it is invalid.
    pub(crate) fn parse(line: &[u8]) -> Result<Self, String> {
        let line: Line = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let head = |head: LineHead| {
            Some(SignedHead {
                hash: decode_hex(&head.hash)?,
                partition: head.partition,
                seq: head.seq,
            })
        };
        let parsed = || {
            Some(Self {
                number: line.number,
                at: time::micros(&line.at)?,
                heads: line.heads.into_iter().map(head).collect::<Option<_>>()?,
                root: decode_hex(&line.root)?,
                prev: decode_hex(&line.prev)?,
                key: decode_hex(&line.key)?,
                signature: decode_hex(&line.signature)?,
            })
        };
        parsed().ok_or_else(|| "a time, hash, key or signature has an invalid format".to_owned())
    }

    /// The hash that is signed and chained.
    pub(crate) fn hash(&self) -> Hash {
        let mut hasher = CanonHasher::new("tree-head", 1);
        hasher.int(self.number).int(self.at).count(self.heads.len());
        for head in &self.heads {
            hasher
                .bytes(head.partition.as_bytes())
                .int(head.seq)
                .raw(&head.hash);
        }
        hasher.raw(&self.root).raw(&self.prev).hash()
    }
}

/// Decode lower-case hexadecimal of exactly this many bytes, so that a value has one text form.
fn decode_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    (lower && ::hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}
