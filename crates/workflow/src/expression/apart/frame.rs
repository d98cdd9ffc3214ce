//! What is said between a process and the one that evaluates for it: pieces with their length in
//! front.

use crate::expression::{Answer, Limits};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, Error, Read, Result, Write};
use types::Time;

/// The first line of one that evaluates. Whatever stands before it is passed over.
pub(super) const GREETING: &str = "florin evaluates 1";
/// Lines that may stand before the greeting.
const PREAMBLE: usize = 20;
/// The longest piece: far above the largest context.
const MAX: usize = 256 << 20;

/// A request but for its context, which follows as a piece of its own.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) now: Time,
    pub(super) limits: Limits,
    pub(super) sources: Vec<String>,
}

/// What came of one expression. After a failure nothing comes of those behind it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    /// It has a value.
    Answer {
        /// As JSON; none if it is undefined. A text, since JSON's null is a value.
        text: Option<String>,
        /// Whether it counts as true.
        truth: bool,
    },
    /// It failed, and why.
    Failed(String),
}

impl From<std::result::Result<Answer, String>> for Reply {
    fn from(outcome: std::result::Result<Answer, String>) -> Self {
        match outcome {
            Ok(Answer { json, truth }) => Reply::Answer {
                text: json.map(|json| json.as_str().to_owned()),
                truth,
            },
            Err(why) => Reply::Failed(why),
        }
    }
}

/// Read up to the greeting.
pub(super) fn greeted(from: &mut impl BufRead) -> Result<()> {
    for _ in 0..PREAMBLE {
        let mut line = String::new();
        if from.take(1_000).read_line(&mut line)? == 0 {
            break;
        }
        if line.trim_end().ends_with(GREETING) {
            return Ok(());
        }
    }
    Err(Error::other(
        "it does not evaluate expressions, or not as this release does",
    ))
}

/// Write a piece.
pub(super) fn write(to: &mut impl Write, piece: &[u8]) -> Result<()> {
    let length = u32::try_from(piece.len()).map_err(Error::other)?;
    to.write_all(&length.to_be_bytes())?;
    to.write_all(piece)
}

/// The next piece; none at the end.
pub(super) fn read(from: &mut impl Read) -> Result<Option<Vec<u8>>> {
    let mut length = [0u8; 4];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = usize::try_from(u32::from_be_bytes(length)).map_err(Error::other)?;
    if length > MAX {
        return Err(Error::other("a piece is too long"));
    }
    let mut piece = vec![0; length];
    from.read_exact(&mut piece)?;
    Ok(Some(piece))
}
