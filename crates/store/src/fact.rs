//! Facts: audit trail, activity feed and outbox at once. `docs/facts.md` specifies their format for
//! independent verifiers.

use crate::{Error, Result, UnscopedTx, table};
use serde::Serialize;
use types::{Canon, Digest, Entropy, Namespace, Principal, Time};

/// The maximum size of all texts of one fact, in bytes. Larger content is stored as rows or
/// documents that the fact refers to.
const MAX_BYTES: usize = 16 << 20;

/// A change of state, as the code that made it describes it.
#[derive(Debug, Clone)]
pub struct Fact {
    kind: &'static str,
    schema: u32,
    subjects: Vec<Subject>,
    actor: String,
    causation: Option<String>,
    correlation: Option<String>,
    payload: String,
}

/// An object that a fact is about, with its version after the fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Subject {
    pub id: String,
    /// Facts about one object are ordered as its versions.
    pub version: u64,
}

impl Fact {
    /// A fact of this type, such as `submission.received`, and schema version.
    pub fn new(kind: &'static str, schema: u32) -> Self {
        Self {
            kind,
            schema,
            subjects: Vec::new(),
            actor: String::new(),
            causation: None,
            correlation: None,
            payload: "{}".to_owned(),
        }
    }

    /// Add an object that the fact is about.
    #[must_use]
    pub fn subject(mut self, id: &impl std::fmt::Display, version: u64) -> Self {
        self.subjects.push(Subject {
            id: id.to_string(),
            version,
        });
        self
    }

    /// Set the principal that caused the fact.
    #[must_use]
    pub fn actor(mut self, principal: &Principal) -> Self {
        self.actor = principal.id.clone();
        self
    }

    /// Set the fact, event or command that led to this fact.
    #[must_use]
    pub fn causation(mut self, cause: &impl std::fmt::Display) -> Self {
        self.causation = Some(cause.to_string());
        self
    }

    /// Set the id that all facts of one operation share.
    #[must_use]
    pub fn correlation(mut self, id: &impl std::fmt::Display) -> Self {
        self.correlation = Some(id.to_string());
        self
    }

    /// Set the payload, as JSON. Personal data belongs here and nowhere else: only the payload can
    /// be erased.
    #[must_use]
    pub fn payload(mut self, payload: &impl Serialize) -> Self {
        self.payload =
            serde_json::to_string(payload).expect("a payload is plain data and always serializes");
        self
    }
}

/// The columns of a fact that are stored unchanged.
pub(crate) struct Columns<'a> {
    pub(crate) kind: &'a str,
    pub(crate) schema: u32,
    pub(crate) actor: &'a str,
    pub(crate) causation: &'a Option<String>,
    pub(crate) correlation: &'a Option<String>,
    pub(crate) payload: &'a str,
}

impl Fact {
    /// Check that both engines can store the fact.
    pub(crate) fn check(&self) -> Result<()> {
        let texts = [
            Some(&self.actor),
            self.causation.as_ref(),
            self.correlation.as_ref(),
            Some(&self.payload),
        ];
        if texts
            .iter()
            .flatten()
            .any(|text| text.as_bytes().contains(&0))
        {
            return Err(Error::Nul);
        }
        let subjects: usize = self.subjects.iter().map(|subject| subject.id.len()).sum();
        let bytes = subjects + texts.iter().flatten().map(|text| text.len()).sum::<usize>();
        if bytes > MAX_BYTES {
            return Err(Error::LimitExceeded {
                what: "bytes in one fact",
                limit: MAX_BYTES as u64,
            });
        }
        Ok(())
    }

    pub(crate) fn columns(&self) -> Columns<'_> {
        Columns {
            kind: self.kind,
            schema: self.schema,
            actor: &self.actor,
            causation: &self.causation,
            correlation: &self.correlation,
            payload: &self.payload,
        }
    }
}

/// A fact before it is linked into a hash chain. It is moved there, never copied, so it is not
/// `Clone`.
#[derive(Debug)]
pub(crate) struct PendingFact {
    pub(crate) fact: Fact,
    pub(crate) namespace: Namespace,
    pub(crate) at: Time,
    /// The index of its partition within the group.
    pub(crate) partition: usize,
    pub(crate) salt: [u8; 16],
}

impl PendingFact {
    pub(crate) fn new(
        fact: Fact,
        namespace: Namespace,
        at: Time,
        partition: usize,
        entropy: &dyn Entropy,
    ) -> Self {
        let mut salt = [0u8; 16];
        entropy.fill(&mut salt);
        Self {
            fact,
            namespace,
            at,
            partition,
            salt,
        }
    }

    /// Link the fact behind the head of its partition.
    pub(crate) fn link(&self, partition: &str, seq: i64, prev: Digest) -> FactLink {
        let subjects =
            serde_json::to_string(&self.fact.subjects).expect("subjects always serialize");
        let payload_hash = Canon::new("fact-payload", 1)
            .bytes(&self.salt)
            .text(&self.fact.payload)
            .hash();
        let hash = Canon::new("fact", 1)
            .text(partition)
            .int(seq)
            .text(self.fact.kind)
            .uint(u64::from(self.fact.schema))
            .text(self.namespace.as_str())
            .text(&subjects)
            .text(&self.fact.actor)
            .option(self.fact.causation.as_ref(), |canon, text| canon.text(text))
            .option(self.fact.correlation.as_ref(), |canon, text| {
                canon.text(text)
            })
            .int(self.at.micros())
            .digest(&payload_hash)
            .digest(&prev)
            .hash();
        FactLink {
            seq,
            subjects,
            payload_hash,
            prev,
            hash,
        }
    }
}

/// The columns that linking adds to a fact.
#[derive(Debug)]
pub(crate) struct FactLink {
    pub(crate) seq: i64,
    pub(crate) subjects: String,
    pub(crate) payload_hash: Digest,
    pub(crate) prev: Digest,
    pub(crate) hash: Digest,
}

/// A position in a partition, as consumers store it. Never an id, never a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize)]
pub struct Cursor {
    pub partition: String,
    /// The last fact that was consumed; 0 before the first.
    pub seq: i64,
}

/// A fact as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoredFact {
    #[serde(flatten)]
    pub cursor: Cursor,
    /// The type, such as `submission.received`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The version of the payload's schema.
    pub schema: u32,
    pub namespace: Namespace,
    pub subjects: Vec<Subject>,
    /// The id of the principal that caused the fact.
    pub actor: String,
    /// The fact, event or command that led to it.
    pub causation: Option<String>,
    /// The id that all facts of one operation share.
    pub correlation: Option<String>,
    pub at: Time,
    /// JSON text; none once it was erased.
    pub payload: Option<types::Json>,
    /// The hash that links it into the chain.
    pub hash: Digest,
}

/// Read the facts of a partition after a cursor, in order.
pub fn facts_after(
    tx: &mut UnscopedTx<'_, '_>,
    cursor: &Cursor,
    limit: u32,
) -> Result<Vec<StoredFact>> {
    table::facts_after(tx, cursor, limit)
}

/// List every partition with its last fact.
pub fn partitions(tx: &mut UnscopedTx<'_, '_>) -> Result<Vec<Cursor>> {
    table::partitions(tx)
}
