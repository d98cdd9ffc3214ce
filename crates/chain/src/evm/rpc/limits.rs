//! Limits of the connection to a node.

use serde::{Deserialize, Serialize};

/// The limits of a connection to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Time to establish a connection.
    pub connect_timeout_ms: u64,
    /// Time for an exchange, from the first byte sent to the last byte received.
    pub timeout_ms: u64,
    /// The largest answer that is accepted.
    pub response_bytes: usize,
    /// The deepest nesting of an answer's JSON.
    pub json_depth: usize,
    /// Calls per request. More are split.
    pub batch: usize,
    /// Concurrent requests. More wait.
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
