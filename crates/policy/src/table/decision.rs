//! The decision log. Insert-only.

use crate::outcome::{Outcome, OutcomeKind};
use intent::Permit;
use serde::{Deserialize, Serialize, Serializer};
use store::{Record as _, Result, ScopedTable as _, Tx, params};
use types::{
    ChainId, DecisionId, Digest, Json, Namespace, Page, PermitId, PolicyId, Principal, Time,
    VersionId,
};
use utoipa::{IntoParams, ToSchema};

/// Stands for "no upper bound": 9999-12-31, later than any decision.
const NO_UPPER_BOUND: Time = Time::from_secs(253_402_214_400);

/// A policy decision about an intent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, store::Record, ToSchema)]
#[record(table = "decision")]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    pub id: DecisionId,
    #[serde(skip)]
    pub namespace: Namespace,
    // The same as in the input.
    pub at: Time,
    /// What was decided about, such as a submission's id.
    pub subject: String,
    // The principal that requested it.
    #[serde(serialize_with = "as_id")]
    #[schema(value_type = String)]
    #[record(json)]
    pub initiator: Principal,
    pub chain: ChainId,
    // The account that would sign.
    pub signer: String,
    /// The kind of the outcome, by which decisions are listed.
    #[serde(skip)]
    pub(crate) result: OutcomeKind,
    /// The outcome: `{"result": "permit"}`, `denied` with `reasons`, `needs` with `obligations`.
    #[schema(value_type = serde_json::Value)]
    #[record(json)]
    pub outcome: Outcome,
    /// The documents that were evaluated.
    #[schema(value_type = serde_json::Value)]
    #[record(json)]
    pub documents: Vec<DocumentSource>,
    pub intent_hash: Digest,
    // The hash of all evaluated documents and of the library.
    pub bundle_hash: Digest,
    // The hash of the interface that decoded the call, if one was given.
    pub interface_hash: Option<Digest>,
    pub lookups_hash: Digest,
    // The hash of the approvals that were counted.
    pub approvals_hash: Digest,
    /// The policy input, without lookups.
    // Canonical JSON.
    pub input: Json,
    /// The lookups and their results.
    // Canonical JSON: a list of `{from, args, answer}` or `{from, args, failed}`.
    pub lookups: Json,
    /// The permit, if the decision issued one.
    #[serde(serialize_with = "as_permit_id")]
    #[schema(value_type = Option<String>)]
    #[record(json)]
    pub permit: Option<Permit>,
    // The id of the permit, and when it ends: permits are found by them.
    #[serde(skip)]
    pub(crate) permit_id: Option<PermitId>,
    #[serde(skip)]
    pub(crate) permit_until: Option<Time>,
    /// The hash of the standing set that it was made under: of all whose change withdraws the
    /// permit. `null` in decisions of earlier releases.
    pub standing: Option<Digest>,
    // How long the decision took, including the requests decided with it.
    pub duration_ms: u64,
}

fn as_id<S: Serializer>(principal: &Principal, s: S) -> std::result::Result<S::Ok, S::Error> {
    s.serialize_str(&principal.id)
}

fn as_permit_id<S: Serializer>(
    permit: &Option<Permit>,
    s: S,
) -> std::result::Result<S::Ok, S::Error> {
    permit.as_ref().map(|permit| permit.body.id).serialize(s)
}

/// A permit that a decision issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, store::Record, ToSchema)]
#[record(table = "decision", read)]
#[serde(rename_all = "camelCase")]
pub struct IssuedPermit {
    #[record(column = "permit_id")]
    pub id: PermitId,
    #[record(column = "id")]
    pub decision: DecisionId,
    /// What was decided about, such as a submission's id.
    pub subject: String,
    pub chain: ChainId,
    /// The account that may sign.
    pub signer: String,
    /// When it was issued.
    #[record(column = "at")]
    pub issued: Time,
    /// Until when the first signature may be made.
    #[record(column = "permit_until")]
    pub until: Time,
}

/// The origin of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum DocumentSource {
    Version {
        policy: PolicyId,
        /// The policy's name at the time of the decision.
        name: String,
        version: VersionId,
        label: String,
        /// SHA-256 of the text.
        hash: Digest,
    },
    /// A document that ships with Florin.
    Shipped {
        name: String,
        /// SHA-256 of the text.
        hash: Digest,
    },
}

/// Selects decisions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct DecisionFilter {
    /// Only decisions about this subject, such as a submission's id.
    pub subject: Option<String>,
    /// Only decisions that evaluated this policy, by name or id.
    pub policy: Option<String>,
    /// Only decisions with this result: `permit`, `denied` or `needs`.
    pub result: Option<String>,
    /// Only decisions about this signer.
    pub signer: Option<String>,
    /// Only decisions at or after this time.
    pub since: Option<Time>,
    /// Only decisions before this time.
    pub until: Option<Time>,
}

/// A position in the decision log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogPosition {
    pub(crate) at: Time,
    pub(crate) id: DecisionId,
}

/// A policy that took part in a decision.
#[derive(store::Record)]
#[record(table = "decision_policy")]
struct DecisionPolicy {
    policy: PolicyId,
    at: Time,
    decision: DecisionId,
    version: VersionId,
}

/// Insert decisions, and the policies that took part.
pub(crate) fn insert(tx: &mut Tx, decisions: &[Decision]) -> Result<()> {
    Decision::insert(tx, decisions, "")?;
    let policies: Vec<DecisionPolicy> = decisions.iter().flat_map(policies).collect();
    DecisionPolicy::insert(tx, &policies, "").map(drop)
}

fn policies(decision: &Decision) -> impl Iterator<Item = DecisionPolicy> {
    decision.documents.iter().filter_map(|source| match source {
        DocumentSource::Version {
            policy, version, ..
        } => Some(DecisionPolicy {
            policy: *policy,
            at: decision.at,
            decision: decision.id,
            version: *version,
        }),
        DocumentSource::Shipped { .. } => None,
    })
}

/// A decision by its id.
pub(crate) fn get(tx: &mut Tx, id: DecisionId) -> Result<Option<Decision>> {
    let sql = Decision::select("WHERE namespace = ?ns AND id = ?1");
    tx.row(&sql, (id,))
}

/// A permit by its id. Uses `decision_permit`.
pub(crate) fn issued(tx: &mut Tx, id: PermitId) -> Result<Option<IssuedPermit>> {
    let sql = IssuedPermit::select("WHERE namespace = ?ns AND permit_id = ?1");
    tx.row(&sql, (id,))
}

/// The permits that have not ended. Uses `decision_permit_until`.
pub(crate) fn open(tx: &mut Tx, page: &Page) -> Result<Vec<IssuedPermit>> {
    let sql = IssuedPermit::select(
        "WHERE namespace = ?ns AND permit_until >= ?1 ORDER BY permit_until, permit_id
         LIMIT ?2 OFFSET ?3",
    );
    let now = tx.now();
    tx.rows(&sql, (now, page.limit, page.skip))
}

/// A page, newest first; of one policy if one is given. Uses `decision_at`, `decision_subject` or
/// the primary key of `decision_policy`.
pub(crate) fn list(
    tx: &mut Tx,
    filter: &DecisionFilter,
    of: Option<PolicyId>,
    after: Option<LogPosition>,
    limit: u32,
) -> Result<Vec<Decision>> {
    let since = filter.since.unwrap_or(Time::EPOCH);
    let until = filter.until.unwrap_or(NO_UPPER_BOUND);
    let (at, id) = after.map_or((until, String::new()), |position| {
        (position.at, position.id.to_string())
    });
    let result = filter.result.as_deref().unwrap_or_default();
    let signer = filter.signer.as_deref().unwrap_or_default();
    let params = params! { since, until, result, signer, at, id, limit };
    let (sql, params) = match (&of, &filter.subject) {
        (Some(policy), subject) => {
            let subject = subject.as_deref().unwrap_or_default();
            let columns = Decision::columns_of("d");
            let sql = format!(
                "SELECT {columns} FROM decision_policy p JOIN decision d ON d.namespace = p.namespace AND d.id = p.decision
                  WHERE p.namespace = ?ns AND p.policy = ?policy AND p.at >= ?since AND p.at < ?until
                    AND (?result = '' OR d.result = ?result) AND (?signer = '' OR d.signer = ?signer)
                    AND (p.at, p.decision) < (?at, ?id) AND (?subject = '' OR d.subject = ?subject)
                  ORDER BY p.at DESC, p.decision DESC LIMIT ?limit"
            );
            (
                sql,
                params.and(params! { policy: *policy, subject: *subject }),
            )
        }
        (None, subject) => {
            let of_subject = subject.as_ref().map_or("", |_| "AND subject = ?subject");
            let sql = Decision::select(&format!(
                "WHERE namespace = ?ns {of_subject} AND at >= ?since AND at < ?until
                   AND (?result = '' OR result = ?result) AND (?signer = '' OR signer = ?signer)
                   AND (at, id) < (?at, ?id)
                 ORDER BY at DESC, id DESC LIMIT ?limit"
            ));
            match subject {
                Some(subject) => (sql, params.and(params! { subject: *subject })),
                None => (sql, params),
            }
        }
    };
    tx.rows(&sql, params)
}
