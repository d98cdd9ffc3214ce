//! The report of a verification.

use crate::{Flaw, Location, Problem};
use serde::Serialize;

/// The result of a verification.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// All partitions, by name.
    pub partitions: Vec<Partition>,
    pub tree_heads: TreeHeads,
    /// The first problems in the order found, up to the limit of the options.
    pub problems: Vec<Problem>,
    /// The number of all problems.
    pub problem_count: u64,
    #[serde(skip)]
    pub(crate) max_problems: usize,
}

/// The result of one partition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Partition {
    pub partition: String,
    /// Facts read.
    pub facts: u64,
    /// Facts whose payload was erased. They still verify.
    pub erased: u64,
    /// Facts that stand for many rows, recomputed from those rows.
    pub batches: u64,
    /// Rows read for batches.
    pub batch_rows: u64,
    /// The last fact that a tree head signs; 0 if there is none.
    pub signed_seq: i64,
    /// Facts after that one, which no tree head signs yet.
    pub unsigned_facts: u64,
}

/// The result for the tree heads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TreeHeads {
    /// Tree heads checked.
    pub count: u64,
    /// The number of the latest one.
    pub last: Option<i64>,
    /// The number of the latest one in the export, if an export was given. Later tree heads are in
    /// the database only.
    pub exported: Option<i64>,
    /// Partition heads looked up.
    pub heads: u64,
    /// Whether signatures were checked under keys given by the caller. If not, the writer of
    /// the database may also have signed it.
    pub pinned: bool,
    /// The public keys that the tree heads name, in hexadecimal.
    pub keys: Vec<String>,
}

impl Report {
    /// Whether there are no problems.
    pub fn is_valid(&self) -> bool {
        self.problem_count == 0
    }

    /// The number of facts read.
    pub fn facts(&self) -> u64 {
        self.partitions
            .iter()
            .map(|partition| partition.facts)
            .sum()
    }

    pub(crate) fn add_problem(&mut self, location: Location, flaw: Flaw) {
        self.problem_count += 1;
        if self.problems.len() < self.max_problems {
            self.problems.push(Problem { location, flaw });
        }
    }
}
