//! Facts.

use super::{insert, query};
use crate::engine::{Connection, EngineResult};
use crate::fact::{FactLink, PendingFact, Subject};
use crate::{Record as _, Result, UnscopedTx};
use serde::Serialize;
use types::{Digest, Json, Namespace, Time, TraceContext};

/// A position in a partition, as consumers store it. Never an id, never a time.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize, store::Record,
)]
pub struct Cursor {
    pub partition: String,
    /// The last fact that was consumed; 0 before the first.
    pub seq: i64,
}

/// A fact as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, store::Record)]
#[record(table = "fact", read)]
pub struct StoredFact {
    #[serde(flatten)]
    #[record(columns("partition", "seq"))]
    pub cursor: Cursor,
    /// The type, such as `submission.received`.
    #[serde(rename = "type")]
    #[record(column = "type")]
    pub kind: String,
    /// The version of the payload's schema.
    #[record(column = "schema_version")]
    pub schema: u32,
    pub namespace: Namespace,
    #[record(json)]
    pub subjects: Vec<Subject>,
    /// The id of the principal that caused the fact.
    pub actor: String,
    /// The fact, event or command that led to it.
    pub causation: Option<String>,
    /// The id that all facts of one operation share.
    pub correlation: Option<String>,
    /// The trace it belongs to. Not covered by the hash.
    #[record(column = "traceparent")]
    #[serde(rename = "traceparent", skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceContext>,
    pub at: Time,
    /// JSON text; none once it was erased.
    pub payload: Option<Json>,
    /// The hash that links it into the chain.
    pub hash: Digest,
}

/// A fact to be stored.
#[derive(store::Record)]
#[record(table = "fact", global, write)]
struct NewFact<'a> {
    partition: &'a str,
    seq: i64,
    #[record(column = "type")]
    kind: &'a str,
    #[record(column = "schema_version")]
    schema: u32,
    namespace: &'a Namespace,
    subjects: &'a str,
    actor: &'a str,
    causation: Option<&'a str>,
    correlation: Option<&'a str>,
    #[record(column = "traceparent")]
    trace: Option<TraceContext>,
    at: Time,
    payload: &'a str,
    salt: &'a [u8],
    payload_hash: &'a Digest,
    prev: &'a Digest,
    hash: &'a Digest,
}

/// Insert facts with their links, each in the partition of this name.
pub(crate) fn insert_all<'a>(
    connection: &mut dyn Connection,
    facts: impl Iterator<Item = (&'a str, &'a PendingFact, &'a FactLink)>,
) -> EngineResult<()> {
    let row = |(partition, pending, link): (&'a str, &'a PendingFact, &'a FactLink)| {
        let fact = &pending.fact;
        NewFact {
            partition,
            seq: link.seq,
            kind: &fact.kind,
            schema: fact.schema,
            namespace: &pending.namespace,
            subjects: &link.subjects,
            actor: &fact.actor,
            causation: fact.causation.as_deref(),
            correlation: fact.correlation.as_deref(),
            trace: fact.trace,
            at: pending.at,
            payload: &fact.payload,
            salt: &pending.salt,
            payload_hash: &link.payload_hash,
            prev: &link.prev,
            hash: &link.hash,
        }
    };
    insert(connection, &facts.map(row).collect::<Vec<_>>())
}

/// Whether the fact at this position has this hash.
pub(crate) fn exists(
    connection: &mut dyn Connection,
    partition: &str,
    seq: i64,
    hash: Digest,
) -> EngineResult<bool> {
    let sql = "SELECT seq FROM fact WHERE partition = ?1 AND seq = ?2 AND hash = ?3";
    let found: Vec<(i64,)> = query(connection, sql, (partition, seq, hash))?;
    Ok(!found.is_empty())
}

/// Read the facts of a partition after a cursor, in order.
pub fn facts_after(tx: &mut UnscopedTx, cursor: &Cursor, limit: u32) -> Result<Vec<StoredFact>> {
    let sql = StoredFact::select("WHERE partition = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3");
    tx.rows(&sql, (&cursor.partition, cursor.seq, limit))
}

/// List every partition with its last fact.
pub fn partitions(tx: &mut UnscopedTx) -> Result<Vec<Cursor>> {
    tx.rows(
        "SELECT partition, seq FROM partition_head ORDER BY partition",
        (),
    )
}
