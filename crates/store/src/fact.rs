//! Facts: audit trail, activity feed and outbox at once. `docs/facts.md` specifies their format for
//! independent verifiers.

use crate::{Error, Result};
use serde::Serialize;
use std::borrow::Cow;
use types::{Canon, Digest, Entropy, Namespace, Principal, Time, TraceContext};

/// The maximum size of all texts of one fact, in bytes. Larger content is stored as rows or
/// documents that the fact refers to.
const MAX_BYTES: usize = 16 << 20;

/// A change of state, as the code that made it describes it.
#[derive(Debug, Clone)]
pub struct Fact {
    pub(crate) kind: Cow<'static, str>,
    pub(crate) schema: u32,
    subjects: Vec<Subject>,
    pub(crate) actor: String,
    pub(crate) causation: Option<String>,
    pub(crate) correlation: Option<String>,
    pub(crate) trace: Option<TraceContext>,
    pub(crate) payload: String,
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
    pub fn new(kind: impl Into<Cow<'static, str>>, schema: u32) -> Self {
        Self {
            kind: kind.into(),
            schema,
            subjects: Vec::new(),
            actor: String::new(),
            causation: None,
            correlation: None,
            trace: None,
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

    /// Set the principal that caused the fact, and the trace of its call.
    #[must_use]
    pub fn actor(mut self, principal: &Principal) -> Self {
        self.actor = principal.id.clone();
        self.trace = principal.trace.or(self.trace);
        self
    }

    /// Set the trace that the fact belongs to, unless its actor has one.
    #[must_use]
    pub fn trace(mut self, trace: Option<TraceContext>) -> Self {
        self.trace = self.trace.or(trace);
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
            return Err(Error::NulCharacter);
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

    /// Link the fact to the head of its partition.
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
            .text(&self.fact.kind)
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
