//! What is wrong, and where exactly.

use crate::canon::hex;
use serde::Serialize;
use std::fmt;

/// Where something is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "place", rename_all = "snake_case")]
pub enum Place {
    /// A partition as a whole.
    Partition {
        /// Its name.
        partition: String,
    },
    /// One fact.
    Fact {
        /// Its partition.
        partition: String,
        /// Its number.
        seq: i64,
    },
    /// One seal.
    Seal {
        /// Its number.
        number: i64,
    },
    /// A line of the exported seals.
    Line {
        /// Its number, from 1.
        line: u64,
    },
    /// The seals as a whole.
    Seals,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "flaw", rename_all = "snake_case")]
pub enum Flaw {
    /// Facts are missing in a row, up to and with `through`.
    Missing {
        /// The last of them.
        through: i64,
    },
    /// A number below 1.
    Number,
    /// The fact's hash does not fit its columns: one of them was changed, or the hash.
    Hash,
    /// The fact does not name the hash of the fact before.
    Link,
    /// Payload and salt do not give the payload hash.
    Payload,
    /// Payload or salt is gone, and not both.
    HalfErased,
    /// A column that holds a hash does not hold 32 bytes.
    NoHash {
        /// Which column.
        column: &'static str,
    },
    /// There are facts and no head.
    NoHead,
    /// The head names another last fact than there is.
    Head {
        /// The fact that the head names.
        head: i64,
        /// The last fact there is.
        last: i64,
    },
    /// The head names the last fact, with another hash.
    HeadHash,
    /// The rows of a batch are not what the fact says.
    Batch {
        /// What differs.
        why: String,
    },
    /// The line is no seal.
    NoSeal {
        /// What is wrong with it.
        why: String,
    },
    /// The seal is missing.
    SealMissing,
    /// The seal was exported and is not in the database.
    NotStored,
    /// The seal is in the database, and missing between exported ones.
    NotExported,
    /// The line stands in another place than its number gives it.
    Order {
        /// The number that was due.
        due: i64,
    },
    /// The exported line is another than the stored one.
    OtherLine,
    /// The stored columns beside the line do not fit it.
    Columns,
    /// The seal does not name the hash of the seal before.
    SealLink,
    /// The root is not that of the heads.
    Root,
    /// The seal names another key than the pinned ones.
    ForeignKey {
        /// The key that it names.
        key: String,
    },
    /// The signature does not belong to the seal.
    Signature,
    /// A head of the seal is not behind the one that was sealed before, or heads are out of order.
    Heads {
        /// The partition.
        partition: String,
    },
    /// The fact that was sealed is not there: the partition was cut.
    Cut {
        /// The partition.
        partition: String,
        /// The fact.
        seq: i64,
    },
    /// The fact that was sealed has another hash now: history was rewritten.
    Rewritten {
        /// The partition.
        partition: String,
        /// The fact.
        seq: i64,
        /// The hash that was sealed.
        sealed: String,
    },
    /// There are facts, a key was pinned or an export was given, and there is no seal.
    Unsealed,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// What.
    #[serde(flatten)]
    pub flaw: Flaw,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.flaw)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Partition { partition } => write!(f, "partition {partition}"),
            Self::Fact { partition, seq } => write!(f, "partition {partition}, fact {seq}"),
            Self::Seal { number } => write!(f, "seal {number}"),
            Self::Line { line } => write!(f, "exported seals, line {line}"),
            Self::Seals => write!(f, "seals"),
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { through } => write!(f, "missing, from here to {through}"),
            Self::Number => write!(f, "a number below 1"),
            Self::Hash => write!(f, "the hash does not fit the columns"),
            Self::Link => write!(f, "it does not follow the fact before it"),
            Self::Payload => write!(f, "payload and salt do not give the payload hash"),
            Self::HalfErased => write!(f, "payload or salt is gone, and not both"),
            Self::NoHash { column } => write!(f, "{column} does not hold 32 bytes"),
            Self::NoHead => write!(f, "there are facts and no head"),
            Self::Head { head, last } => {
                write!(f, "the head names fact {head}, and the last one is {last}")
            }
            Self::HeadHash => write!(f, "the head's hash is not that of the last fact"),
            Self::Batch { why } => write!(
                f,
                "the rows it stands for are not those it was written for: {why}"
            ),
            Self::NoSeal { why } => write!(f, "not a seal: {why}"),
            Self::SealMissing => write!(f, "missing, here and in the export"),
            Self::NotStored => write!(f, "exported, and not in the database"),
            Self::NotExported => write!(f, "in the database, and missing between exported seals"),
            Self::Order { due } => write!(f, "out of order: seal {due} was due"),
            Self::OtherLine => write!(f, "the exported line is another than the stored one"),
            Self::Columns => write!(f, "the stored number, time or hash does not fit the line"),
            Self::SealLink => write!(f, "it does not follow the seal before it"),
            Self::Root => write!(f, "the root is not that of the sealed heads"),
            Self::ForeignKey { key } => {
                write!(f, "it names key {key}, which is not the pinned one")
            }
            Self::Signature => write!(f, "the signature does not belong to it"),
            Self::Heads { partition } => write!(f, "its head of {partition} is out of order"),
            Self::Cut { partition, seq } => {
                write!(f, "it holds fact {seq} of {partition}, which is not there")
            }
            Self::Rewritten {
                partition,
                seq,
                sealed,
            } => {
                write!(
                    f,
                    "it holds fact {seq} of {partition} with hash {sealed}; another stands there"
                )
            }
            Self::Unsealed => write!(f, "there are facts and no seal at all"),
        }
    }
}

impl Flaw {
    pub(crate) fn rewritten(partition: &str, seq: i64, sealed: &[u8]) -> Self {
        Self::Rewritten {
            partition: partition.to_owned(),
            seq,
            sealed: hex(sealed),
        }
    }
}
