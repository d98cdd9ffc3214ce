//! The name of a partition with its fencing token.

use std::sync::Arc;

/// A partition and the epoch under which its owner writes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Partition {
    name: Arc<str>,
    epoch: i64,
}

impl Partition {
    pub(crate) fn new(name: &str, epoch: i64) -> Self {
        Self {
            name: name.into(),
            epoch,
        }
    }

    /// The name, such as `chain/eip155:1337`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The fencing token, higher with each owner.
    pub fn epoch(&self) -> i64 {
        self.epoch
    }
}
