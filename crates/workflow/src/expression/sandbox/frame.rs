//! The protocol between a process and its evaluator: frames prefixed with their length.

use crate::expression::{Evaluation, Limits};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, Error, Read, Result, Write};
use types::Time;

/// The first line an evaluator prints. Output before it is ignored.
pub(super) const GREETING: &str = "florin evaluates 1";
/// Exit codes for an expression that exceeded its time or memory limit.
pub(super) const OUT_OF_TIME: i32 = 41;
pub(super) const OUT_OF_MEMORY: i32 = 42;
/// Lines allowed before the greeting.
const MAX_PREAMBLE_LINES: usize = 20;
/// The largest frame: far above the largest context.
const MAX_FRAME: usize = 256 << 20;

/// A request without its context, which follows as a separate frame.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RequestHead {
    pub(super) now: Time,
    pub(super) limits: Limits,
    pub(super) sources: Vec<String>,
}

/// The result of one expression. A failure ends the replies of a request.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    Value {
        /// As JSON; `None` if undefined. A string, because JSON's null is a value.
        text: Option<String>,
        /// Whether the value is truthy.
        truthy: bool,
    },
    Failed(String),
}

impl From<std::result::Result<Evaluation, String>> for Reply {
    fn from(outcome: std::result::Result<Evaluation, String>) -> Self {
        match outcome {
            Ok(Evaluation { json, truthy }) => Reply::Value {
                text: json.map(|json| json.as_str().to_owned()),
                truthy,
            },
            Err(reason) => Reply::Failed(reason),
        }
    }
}

/// Reads up to the greeting.
pub(super) fn read_greeting(from: &mut impl BufRead) -> Result<()> {
    for _ in 0..MAX_PREAMBLE_LINES {
        let mut line = String::new();
        if from.take(1_000).read_line(&mut line)? == 0 {
            break;
        }
        if line.trim_end().ends_with(GREETING) {
            return Ok(());
        }
    }
    Err(Error::other(
        "the program is not an evaluator of this release",
    ))
}

/// Writes a frame.
pub(super) fn write(to: &mut impl Write, frame: &[u8]) -> Result<()> {
    let length = u32::try_from(frame.len()).map_err(Error::other)?;
    to.write_all(&length.to_be_bytes())?;
    to.write_all(frame)
}

/// Reads the next frame; `None` at the end of the stream.
pub(super) fn read(from: &mut impl Read) -> Result<Option<Vec<u8>>> {
    let mut length = [0u8; 4];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = usize::try_from(u32::from_be_bytes(length)).map_err(Error::other)?;
    if length > MAX_FRAME {
        return Err(Error::other("a frame is too long"));
    }
    let mut frame = vec![0; length];
    from.read_exact(&mut frame)?;
    Ok(Some(frame))
}
