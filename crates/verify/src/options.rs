//! What a run verifies, and against what.

use std::path::PathBuf;

/// What to verify, and against what.
#[derive(Debug, Clone)]
pub struct Options {
    /// The file of exported tree heads, one per line. Without it only the stored ones are checked.
    pub tree_heads: Option<PathBuf>,
    /// The pinned public keys: one, or several where the key was replaced. If empty, any key is
    /// accepted.
    pub keys: Vec<[u8; 32]>,
    /// Whether to read the rows of batches.
    pub batches: bool,
    /// The maximum number of problems listed in the report; all are counted.
    pub max_problems: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tree_heads: None,
            keys: Vec::new(),
            batches: true,
            max_problems: 100,
        }
    }
}
