//! A seal as its line says it.

use crate::canon::{Form, Hash};
use crate::time;
use serde::Deserialize;

/// A line, parsed: lower-case hexadecimal became bytes, the time microseconds.
pub(crate) struct Seal {
    pub(crate) number: i64,
    pub(crate) at: i64,
    pub(crate) heads: Vec<SealedHead>,
    pub(crate) root: Hash,
    pub(crate) prev: Hash,
    pub(crate) key: Hash,
    pub(crate) signature: [u8; 64],
}

/// A head in a seal.
pub(crate) struct SealedHead {
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

impl Seal {
    /// From a line; else why it is none.
    pub(crate) fn parse(line: &[u8]) -> Result<Self, String> {
        let line: Line = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let head = |head: LineHead| {
            Some(SealedHead {
                hash: unhex(&head.hash)?,
                partition: head.partition,
                seq: head.seq,
            })
        };
        let parsed = || {
            Some(Self {
                number: line.number,
                at: time::micros(&line.at)?,
                heads: line.heads.into_iter().map(head).collect::<Option<_>>()?,
                root: unhex(&line.root)?,
                prev: unhex(&line.prev)?,
                key: unhex(&line.key)?,
                signature: unhex(&line.signature)?,
            })
        };
        parsed().ok_or_else(|| "a time, hash, key or signature has another form".to_owned())
    }

    /// What is signed and chained.
    pub(crate) fn hash(&self) -> Hash {
        let mut form = Form::of("seal", 1);
        form.int(self.number).int(self.at).count(self.heads.len());
        for head in &self.heads {
            form.bytes(head.partition.as_bytes())
                .int(head.seq)
                .raw(&head.hash);
        }
        form.raw(&self.root).raw(&self.prev).hash()
    }
}

/// Lower-case hexadecimal of just this many bytes: one value, one text.
fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    (lower && ::hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}
