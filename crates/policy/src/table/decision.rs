//! The decision log. Insert-only.

use crate::decision::{Decision, DecisionFilter, DocumentSource, LogPosition};
use crate::{Error, Outcome, Result};
use intent::Permit;
use store::{FromRow, Row, ToValue, Tx, Value};
use types::{ChainId, DecisionId, Digest, Json, PolicyId, Time};

/// Stands for "no upper bound": 9999-12-31, later than any decision.
const NO_UPPER_BOUND: Time = Time::from_secs(253_402_214_400);

/// Insert decisions, and the policies that took part.
pub(crate) fn insert(tx: &mut Tx<'_, '_>, decisions: &[Decision]) -> Result<()> {
    let texts = decisions
        .iter()
        .map(Texts::of)
        .collect::<Result<Vec<_>>>()?;
    let rows: Vec<Vec<Value<'_>>> = decisions
        .iter()
        .zip(&texts)
        .map(|(decision, texts)| row(decision, texts))
        .collect();
    tx.execute_rows(
        "INSERT INTO decision
           (namespace, id, at, subject, initiator, chain, signer, intent_hash, result, outcome, input, lookups, documents,
            bundle_hash, interface_hash, lookups_hash, approvals_hash, permit, duration_ms) {ns_rows}",
        (),
        &rows,
    )?;
    insert_policies(tx, decisions)
}

fn insert_policies(tx: &mut Tx<'_, '_>, decisions: &[Decision]) -> Result<()> {
    let mut rows = Vec::new();
    for decision in decisions {
        for source in &decision.documents {
            if let DocumentSource::Version {
                policy, version, ..
            } = source
            {
                rows.push((*policy, decision.at, decision.id, *version));
            }
        }
    }
    tx.execute_rows(
        "INSERT INTO decision_policy (namespace, policy, at, decision, version) {ns_rows}",
        (),
        &rows,
    )?;
    Ok(())
}

/// The fields of a decision that are stored as JSON.
struct Texts {
    initiator: String,
    outcome: String,
    documents: String,
    permit: Option<String>,
    duration_ms: i64,
}

impl Texts {
    fn of(decision: &Decision) -> Result<Self> {
        Ok(Self {
            initiator: text(&decision.initiator)?,
            outcome: text(&decision.outcome)?,
            documents: text(&decision.documents)?,
            permit: decision.permit.as_ref().map(text).transpose()?,
            duration_ms: i64::try_from(decision.duration_ms).unwrap_or(i64::MAX),
        })
    }
}

fn text(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::Internal {
        why: error.to_string(),
    })
}

fn row<'a>(decision: &'a Decision, texts: &'a Texts) -> Vec<Value<'a>> {
    vec![
        decision.id.to_value(),
        decision.at.to_value(),
        decision.subject.to_value(),
        texts.initiator.to_value(),
        decision.chain.to_value(),
        decision.signer.to_value(),
        decision.intent_hash.to_value(),
        Value::Text(decision.outcome.as_str().into()),
        texts.outcome.to_value(),
        ToValue::to_value(&decision.input),
        ToValue::to_value(&decision.lookups),
        texts.documents.to_value(),
        decision.bundle_hash.to_value(),
        decision.interface_hash.to_value(),
        decision.lookups_hash.to_value(),
        decision.approvals_hash.to_value(),
        texts.permit.to_value(),
        texts.duration_ms.to_value(),
    ]
}

/// A decision by its id.
pub(crate) fn get(tx: &mut Tx<'_, '_>, id: DecisionId) -> Result<Option<Decision>> {
    let stored: Option<Stored> = tx.row(
        "SELECT namespace, id, at, subject, initiator, chain, signer, intent_hash, outcome, input, lookups, documents,
                bundle_hash, interface_hash, lookups_hash, approvals_hash, permit, duration_ms
           FROM decision WHERE namespace = ?ns AND id = ?1",
        (id,),
    )?;
    stored.map(Stored::read).transpose()
}

/// A page, newest first; of one policy if one is given. Uses `decision_at`, `decision_subject` or
/// the primary key of `decision_policy`.
pub(crate) fn list(
    tx: &mut Tx<'_, '_>,
    filter: &DecisionFilter,
    of: Option<PolicyId>,
    after: Option<LogPosition>,
    limit: u32,
) -> Result<Vec<Decision>> {
    let stored = match (of, &filter.subject) {
        (Some(policy), _) => list_of_policy(tx, policy, filter, after, limit)?,
        (None, Some(subject)) => list_of_subject(tx, subject, filter, after, limit)?,
        (None, None) => list_all(tx, filter, after, limit)?,
    };
    stored.into_iter().map(Stored::read).collect()
}

/// The filter parameters of every listing: since, until, result, signer, and the position it
/// continues after.
type Bounds<'f> = (Time, Time, &'f str, &'f str, Time, String, u32);

fn bounds(filter: &DecisionFilter, after: Option<LogPosition>, limit: u32) -> Bounds<'_> {
    let until = filter.until.unwrap_or(NO_UPPER_BOUND);
    let (at, id) = after.map_or((until, String::new()), |position| {
        (position.at, position.id.to_string())
    });
    let (result, signer) = (
        filter.result.as_deref().unwrap_or_default(),
        filter.signer.as_deref().unwrap_or_default(),
    );
    (
        filter.since.unwrap_or(Time::EPOCH),
        until,
        result,
        signer,
        at,
        id,
        limit,
    )
}

fn list_all(
    tx: &mut Tx<'_, '_>,
    filter: &DecisionFilter,
    after: Option<LogPosition>,
    limit: u32,
) -> store::Result<Vec<Stored>> {
    tx.rows(
        "SELECT namespace, id, at, subject, initiator, chain, signer, intent_hash, outcome, input, lookups, documents,
                bundle_hash, interface_hash, lookups_hash, approvals_hash, permit, duration_ms
           FROM decision
          WHERE namespace = ?ns AND at >= ?1 AND at < ?2 AND (?3 = '' OR result = ?3) AND (?4 = '' OR signer = ?4)
            AND (at, id) < (?5, ?6)
          ORDER BY at DESC, id DESC LIMIT ?7",
        bounds(filter, after, limit),
    )
}

fn list_of_subject(
    tx: &mut Tx<'_, '_>,
    subject: &str,
    filter: &DecisionFilter,
    after: Option<LogPosition>,
    limit: u32,
) -> store::Result<Vec<Stored>> {
    let (since, until, result, signer, at, id, limit) = bounds(filter, after, limit);
    tx.rows(
        "SELECT namespace, id, at, subject, initiator, chain, signer, intent_hash, outcome, input, lookups, documents,
                bundle_hash, interface_hash, lookups_hash, approvals_hash, permit, duration_ms
           FROM decision
          WHERE namespace = ?ns AND subject = ?8 AND at >= ?1 AND at < ?2 AND (?3 = '' OR result = ?3)
            AND (?4 = '' OR signer = ?4) AND (at, id) < (?5, ?6)
          ORDER BY at DESC, id DESC LIMIT ?7",
        (since, until, result, signer, at, id, limit, subject),
    )
}

fn list_of_policy(
    tx: &mut Tx<'_, '_>,
    policy: PolicyId,
    filter: &DecisionFilter,
    after: Option<LogPosition>,
    limit: u32,
) -> store::Result<Vec<Stored>> {
    let (since, until, result, signer, at, id, limit) = bounds(filter, after, limit);
    let subject = filter.subject.as_deref().unwrap_or_default();
    tx.rows(
        "SELECT d.namespace, d.id, d.at, d.subject, d.initiator, d.chain, d.signer, d.intent_hash, d.outcome, d.input, d.lookups,
                d.documents, d.bundle_hash, d.interface_hash, d.lookups_hash, d.approvals_hash, d.permit, d.duration_ms
           FROM decision_policy p JOIN decision d ON d.namespace = p.namespace AND d.id = p.decision
          WHERE p.namespace = ?ns AND p.policy = ?8 AND p.at >= ?1 AND p.at < ?2 AND (?3 = '' OR d.result = ?3)
            AND (?4 = '' OR d.signer = ?4) AND (p.at, p.decision) < (?5, ?6) AND (?9 = '' OR d.subject = ?9)
          ORDER BY p.at DESC, p.decision DESC LIMIT ?7",
        (since, until, result, signer, at, id, limit, policy, subject),
    )
}

type FirstColumns = (
    types::Namespace,
    DecisionId,
    Time,
    String,
    Json,
    ChainId,
    String,
    Digest,
    Json,
);
type LastColumns = (
    Json,
    Json,
    Json,
    Digest,
    Option<Digest>,
    Digest,
    Digest,
    Option<Json>,
    i64,
);

/// A row whose JSON is not parsed yet.
struct Stored(FirstColumns, LastColumns);

impl FromRow for Stored {
    fn from_row(mut row: Row) -> store::Result<Self> {
        let second = row.split_off(row.len().min(9));
        Ok(Self(
            FirstColumns::from_row(row)?,
            LastColumns::from_row(second)?,
        ))
    }
}

impl Stored {
    fn read(self) -> Result<Decision> {
        let Self(
            (namespace, id, at, subject, initiator, chain, signer, intent_hash, outcome),
            second,
        ) = self;
        let (
            input,
            lookups,
            documents,
            bundle_hash,
            interface_hash,
            lookups_hash,
            approvals_hash,
            permit,
            duration,
        ) = second;
        Ok(Decision {
            id,
            namespace,
            at,
            subject,
            initiator: parsed(&initiator)?,
            chain,
            signer,
            intent_hash,
            outcome: parsed::<Outcome>(&outcome)?,
            documents: parsed(&documents)?,
            bundle_hash,
            interface_hash,
            lookups_hash,
            approvals_hash,
            input,
            lookups,
            permit: permit.as_ref().map(parsed::<Permit>).transpose()?,
            duration_ms: u64::try_from(duration).unwrap_or(0),
        })
    }
}

fn parsed<T: serde::de::DeserializeOwned>(json: &Json) -> Result<T> {
    serde_json::from_str(json.as_str()).map_err(|_| {
        Error::Store(store::Error::UnexpectedValue {
            column: "json",
            found: "JSON",
            expected: "a value of its type",
        })
    })
}
