//! The limits of a connection to a node.

use serde::{Deserialize, Serialize};

/// The limits of a connection to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// How long a connection may take to stand.
    pub connect_timeout_ms: u64,
    /// How long an exchange may take, from the first byte out to the last byte in.
    pub timeout_ms: u64,
    /// The largest answer that is read.
    pub response_bytes: usize,
    /// How deep an answer's JSON may nest.
    pub json_depth: usize,
    /// How many calls go into one request; more are split.
    pub batch: usize,
    /// How many requests are under way at once; more wait.
    pub concurrency: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect_timeout_ms: 5_000,
            timeout_ms: 30_000,
            response_bytes: 64 << 20,
            json_depth: 64,
            batch: 100,
            concurrency: 16,
        }
    }
}
