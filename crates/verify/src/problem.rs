//! What is wrong with a database, and where.

use crate::canon::hex;
use serde::Serialize;
use std::fmt;

/// The location of a problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "location", rename_all = "snake_case")]
pub enum Location {
    /// A partition as a whole.
    Partition {
        partition: String,
    },
    Fact {
        partition: String,
        seq: i64,
    },
    /// A tree head, by its number.
    TreeHead {
        number: i64,
    },
    /// A line of the exported tree heads, by its line number from 1.
    Line {
        line: u64,
    },
    /// The tree heads as a whole.
    TreeHeads,
}

/// The kind of a problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "flaw", rename_all = "snake_case")]
pub enum Flaw {
    /// Consecutive facts are missing, up to and including `through`.
    Missing { through: i64 },
    /// The number is below 1.
    InvalidNumber,
    /// The fact's hash does not match its columns: a column or the hash was changed.
    Hash,
    /// `prev` is not the hash of the previous fact.
    Link,
    /// The payload hash does not match payload and salt.
    Payload,
    /// Only one of payload and salt was erased.
    HalfErased,
    /// A column that holds a hash does not hold 32 bytes.
    NotAHash { column: &'static str },
    /// The partition has facts but no head.
    NoHead,
    /// The head does not name the last fact of the partition.
    Head {
        /// The number of the fact that the head names.
        head: i64,
        /// The number of the last fact.
        last: i64,
    },
    /// The head names the last fact, but with another hash.
    HeadHash,
    /// The rows of a batch do not match the fact.
    Batch { why: String },
    /// The line is not a valid tree head.
    NotATreeHead { why: String },
    /// The tree head is neither stored nor exported.
    TreeHeadMissing,
    /// The tree head was exported, but is not in the database.
    NotStored,
    /// The tree head is in the database, but missing between exported ones.
    NotExported,
    /// The line is out of order.
    OutOfOrder {
        /// The number expected in this line.
        expected: i64,
    },
    /// The exported line differs from the stored one.
    LineMismatch,
    /// The stored columns do not match the line.
    ColumnMismatch,
    /// `prev` is not the hash of the previous tree head.
    TreeHeadLink,
    /// The root is not that of the signed heads.
    Root,
    /// The tree head was signed by a key that is not pinned.
    UnknownKey {
        /// The public key in the tree head.
        key: String,
    },
    /// The signature is invalid.
    Signature,
    /// A head is not newer than the one signed before, or the heads are out of order.
    HeadOrder { partition: String },
    /// A signed fact is missing: the partition was truncated.
    Truncated { partition: String, seq: i64 },
    /// A signed fact has another hash: the history was rewritten.
    Rewritten {
        partition: String,
        seq: i64,
        /// The signed hash.
        signed: String,
    },
    /// There are facts, a key was pinned or an export was given, and there is no tree head.
    NoTreeHeads,
}

/// A problem and its location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    #[serde(flatten)]
    pub location: Location,
    #[serde(flatten)]
    pub flaw: Flaw,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.flaw)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Partition { partition } => write!(f, "partition {partition}"),
            Self::Fact { partition, seq } => write!(f, "partition {partition}, fact {seq}"),
            Self::TreeHead { number } => write!(f, "tree head {number}"),
            Self::Line { line } => write!(f, "exported tree heads, line {line}"),
            Self::TreeHeads => write!(f, "tree heads"),
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { through } => write!(f, "missing, through fact {through}"),
            Self::InvalidNumber => write!(f, "the number is below 1"),
            Self::Hash => write!(f, "the hash does not match the columns"),
            Self::Link => write!(f, "prev is not the hash of the previous fact"),
            Self::Payload => write!(f, "the payload hash does not match payload and salt"),
            Self::HalfErased => write!(f, "only one of payload and salt was erased"),
            Self::NotAHash { column } => write!(f, "{column} does not hold 32 bytes"),
            Self::NoHead => write!(f, "the partition has facts but no head"),
            Self::Head { head, last } => {
                write!(f, "the head names fact {head}, but the last fact is {last}")
            }
            Self::HeadHash => write!(f, "the head does not have the hash of the last fact"),
            Self::Batch { why } => write!(f, "the rows of its batch do not match: {why}"),
            Self::NotATreeHead { why } => write!(f, "not a valid tree head: {why}"),
            Self::TreeHeadMissing => write!(f, "missing in the database and in the export"),
            Self::NotStored => write!(f, "exported, but not in the database"),
            Self::NotExported => write!(f, "in the database, but missing between exported ones"),
            Self::OutOfOrder { expected: due } => {
                write!(f, "out of order: expected tree head {due}")
            }
            Self::LineMismatch => write!(f, "the exported line differs from the stored one"),
            Self::ColumnMismatch => {
                write!(f, "the stored number, time or hash does not match the line")
            }
            Self::TreeHeadLink => write!(f, "prev is not the hash of the previous tree head"),
            Self::Root => write!(f, "the root is not that of the signed heads"),
            Self::UnknownKey { key } => write!(f, "signed by key {key}, which is not pinned"),
            Self::Signature => write!(f, "the signature is invalid"),
            Self::HeadOrder { partition } => write!(f, "its head of {partition} is out of order"),
            Self::Truncated { partition, seq } => {
                write!(f, "it signs fact {seq} of {partition}, which is missing")
            }
            Self::Rewritten {
                partition,
                seq,
                signed: signed_hash,
            } => {
                write!(
                    f,
                    "it signs fact {seq} of {partition} with hash {signed_hash}, which the fact does not have"
                )
            }
            Self::NoTreeHeads => write!(f, "there are facts but no tree heads"),
        }
    }
}

impl Flaw {
    pub(crate) fn rewritten(partition: &str, seq: i64, signed_hash: &[u8]) -> Self {
        Self::Rewritten {
            partition: partition.to_owned(),
            seq,
            signed: hex(signed_hash),
        }
    }
}
