//! Facts: audit trail, activity feed and outbox at once. `docs/facts.md` gives their form to
//! whoever wants to verify them.

use crate::{Error, Result, Unbound, table};
use serde::Serialize;
use types::{Canon, Digest, Entropy, Namespace, Principal, Time};

/// Bytes that one fact may have in all its texts: what is larger is stored as rows or documents,
/// and the fact names it.
const MAX_BYTES: usize = 16 << 20;

/// Something that happened, as the code that caused it tells it.
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

/// An object that a fact is about, and the version the fact gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Subject {
    /// The object's id.
    pub id: String,
    /// Its version after the fact; for one object the order of facts is the order of versions.
    pub version: u64,
}

impl Fact {
    /// A fact of this type (`submission.received`) and schema version.
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

    /// What it is about.
    #[must_use]
    pub fn about(mut self, id: &impl std::fmt::Display, version: u64) -> Self {
        self.subjects.push(Subject {
            id: id.to_string(),
            version,
        });
        self
    }

    /// Who caused it.
    #[must_use]
    pub fn by(mut self, who: &Principal) -> Self {
        self.actor = who.id.clone();
        self
    }

    /// Which fact, event or command led to it.
    #[must_use]
    pub fn because_of(mut self, cause: &impl std::fmt::Display) -> Self {
        self.causation = Some(cause.to_string());
        self
    }

    /// The whole affair that it belongs to.
    #[must_use]
    pub fn part_of(mut self, affair: &impl std::fmt::Display) -> Self {
        self.correlation = Some(affair.to_string());
        self
    }

    /// What happened, as JSON. Personal data belongs here and nowhere else: the payload can be
    /// erased.
    #[must_use]
    pub fn says(mut self, payload: &impl Serialize) -> Self {
        self.payload =
            serde_json::to_string(payload).expect("a payload is plain data and always serializes");
        self
    }
}

/// The parts of a fact that are stored as they are.
pub(crate) struct Columns<'a> {
    pub(crate) kind: &'a str,
    pub(crate) schema: u32,
    pub(crate) actor: &'a str,
    pub(crate) causation: &'a Option<String>,
    pub(crate) correlation: &'a Option<String>,
    pub(crate) payload: &'a str,
}

impl Fact {
    /// Whether both engines can store it.
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
            return Err(Error::Budget {
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

/// A fact on its way into a chain. It moves there and is never copied, so it cannot be cloned.
#[derive(Debug)]
pub(crate) struct PendingFact {
    pub(crate) fact: Fact,
    pub(crate) namespace: Namespace,
    pub(crate) at: Time,
    /// Which partition of the group it belongs to.
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

    /// Linked behind the head of its partition.
    pub(crate) fn link(&self, partition: &str, seq: i64, prev: Digest) -> Linked {
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
        Linked {
            seq,
            subjects,
            payload_hash,
            prev,
            hash,
        }
    }
}

/// What linking adds to a fact.
#[derive(Debug)]
pub(crate) struct Linked {
    pub(crate) seq: i64,
    pub(crate) subjects: String,
    pub(crate) payload_hash: Digest,
    pub(crate) prev: Digest,
    pub(crate) hash: Digest,
}

/// A place in a partition: what consumers remember. Never an id, never a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize)]
pub struct Cursor {
    /// The partition.
    pub partition: String,
    /// The last fact that was taken; 0 before the first.
    pub seq: i64,
}

/// A fact as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoredFact {
    /// Where it stands.
    #[serde(flatten)]
    pub cursor: Cursor,
    /// Its type, such as `submission.received`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The version of the payload's schema.
    pub schema: u32,
    /// The namespace it concerns.
    pub namespace: Namespace,
    /// What it is about.
    pub subjects: Vec<Subject>,
    /// Who caused it.
    pub actor: String,
    /// What led to it.
    pub causation: Option<String>,
    /// The affair it belongs to.
    pub correlation: Option<String>,
    /// When.
    pub at: Time,
    /// What happened, as JSON text; none once it was erased.
    pub payload: Option<types::Json>,
    /// Its hash in the chain.
    pub hash: Digest,
}

/// The facts of a partition behind a cursor, in order.
pub fn facts_after(
    tx: &mut Unbound<'_, '_>,
    cursor: &Cursor,
    limit: u32,
) -> Result<Vec<StoredFact>> {
    table::facts_after(tx, cursor, limit)
}

/// Every partition and how far it has come.
pub fn partitions(tx: &mut Unbound<'_, '_>) -> Result<Vec<Cursor>> {
    table::partitions(tx)
}
