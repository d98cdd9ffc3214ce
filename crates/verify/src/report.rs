//! What was verified and what was found.

use crate::{Flaw, Place, Problem};
use serde::Serialize;

/// What was verified and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Each partition, by name.
    pub partitions: Vec<Partition>,
    /// The seals.
    pub seals: Seals,
    /// The first things that are wrong, in the order they were met; as many as the options allow.
    pub problems: Vec<Problem>,
    /// How many there are in all.
    pub problem_count: u64,
    #[serde(skip)]
    pub(crate) keep: usize,
}

/// One partition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Partition {
    /// Its name.
    pub partition: String,
    /// Facts read.
    pub facts: u64,
    /// Facts whose payload was erased: they verify, and say nothing any more.
    pub erased: u64,
    /// Facts that stand for many rows, recomputed from those.
    pub batches: u64,
    /// The rows of those.
    pub batch_rows: u64,
    /// The last fact that a seal holds; 0 if none does.
    pub sealed: i64,
    /// Facts behind that one: nothing outside the database speaks for them yet.
    pub unsealed: u64,
}

/// The seals.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Seals {
    /// Seals checked.
    pub count: u64,
    /// The youngest.
    pub last: Option<i64>,
    /// The youngest of the export, if one was given. Seals beyond it stand in the database only.
    pub exported: Option<i64>,
    /// Heads that were looked up.
    pub heads: u64,
    /// Whether signatures were checked under a key that the caller knows. If not, whoever wrote
    /// the database may have signed it.
    pub pinned: bool,
    /// The keys that the seals name, in hexadecimal.
    pub keys: Vec<String>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.problem_count == 0
    }

    /// Facts read in all.
    pub fn facts(&self) -> u64 {
        self.partitions
            .iter()
            .map(|partition| partition.facts)
            .sum()
    }

    pub(crate) fn found(&mut self, place: Place, flaw: Flaw) {
        self.problem_count += 1;
        if self.problems.len() < self.keep {
            self.problems.push(Problem { place, flaw });
        }
    }
}
