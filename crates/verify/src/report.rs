//! The report of a verification.

use crate::{Flaw, Place, Problem};
use serde::Serialize;

/// The result of a verification.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// All partitions, by name.
    pub partitions: Vec<Partition>,
    pub seals: Seals,
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
    /// The name of the partition.
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
    pub sealed: i64,
    /// Facts after that one, which no tree head signs yet.
    pub unsealed: u64,
}

/// The result for the tree heads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Seals {
    /// Tree heads checked.
    pub count: u64,
    /// The number of the latest one.
    pub last: Option<i64>,
    /// The number of the latest one in the export, if an export was given. Later tree heads are in
    /// the database only.
    pub exported: Option<i64>,
    /// Partition heads looked up.
    pub heads: u64,
    /// Whether signatures were checked under keys given by the caller. If not, whoever wrote the
    /// database may also have signed it.
    pub pinned: bool,
    /// The public keys that the tree heads name, in hexadecimal.
    pub keys: Vec<String>,
}

impl Report {
    /// Whether there are no problems.
    pub fn is_sound(&self) -> bool {
        self.problem_count == 0
    }

    /// The number of facts read.
    pub fn facts(&self) -> u64 {
        self.partitions
            .iter()
            .map(|partition| partition.facts)
            .sum()
    }

    pub(crate) fn add_problem(&mut self, place: Place, flaw: Flaw) {
        self.problem_count += 1;
        if self.problems.len() < self.max_problems {
            self.problems.push(Problem { place, flaw });
        }
    }
}
