//! The limits of an evaluation and its result.

use serde::{Deserialize, Serialize};
use types::Json;

/// The limits of one evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Limits {
    pub(crate) time_ms: u64,
    /// Memory of a sandbox process, in mebibytes.
    pub(crate) memory_mb: u64,
    /// Size of a result as JSON.
    pub(crate) result_bytes: usize,
}

/// The result of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evaluation {
    /// `None` if undefined.
    pub(crate) json: Option<Json>,
    /// Whether the value is truthy.
    pub(crate) truthy: bool,
}
