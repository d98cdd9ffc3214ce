//! Response bodies of policies and decisions.

use crate::shapes::to_json;
use serde::Serialize;
use types::{ChainId, DecisionId, Digest, Json, PermitId, PolicyId, Time, VersionId};
use utoipa::ToSchema;

/// A named, versioned Rego document that decides about submissions.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Policy {
    id: PolicyId,
    name: String,
    description: String,
    /// The label of the current version. Absent until a version is created.
    #[serde(skip_serializing_if = "Option::is_none")]
    current_version: Option<String>,
    created: Time,
    updated: Time,
}

impl From<policy::StoredPolicy> for Policy {
    fn from(policy: policy::StoredPolicy) -> Self {
        Self {
            id: policy.id,
            name: policy.name,
            description: policy.description,
            current_version: policy.current.map(|current| current.label),
            created: policy.created_at,
            updated: policy.updated_at,
        }
    }
}

/// A version of a policy.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Version {
    id: VersionId,
    policy: PolicyId,
    /// The label, such as `2026.01.31`.
    label: String,
    description: String,
    /// The Rego document.
    document: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    example_input: Option<String>,
    /// The SHA-256 hash of the document.
    hash: Digest,
    created: Time,
    updated: Time,
    created_by: String,
}

impl From<policy::StoredVersion> for Version {
    fn from(version: policy::StoredVersion) -> Self {
        Self {
            id: version.id,
            policy: version.policy,
            label: version.label,
            description: version.description,
            document: version.document,
            example_input: version.example_input,
            hash: version.hash,
            created: version.created_at,
            updated: version.created_at,
            created_by: version.created_by,
        }
    }
}

/// The attachment of a policy to a target.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attachment {
    policy: PolicyId,
    name: String,
    #[schema(value_type = Object)]
    target: policy::Target,
    attached: Time,
    attached_by: String,
}

impl From<policy::Attachment> for Attachment {
    fn from(value: policy::Attachment) -> Self {
        let policy::Attachment {
            policy,
            name,
            target,
            attached_at,
            attached_by,
        } = value;
        Self {
            policy,
            name,
            target,
            attached: attached_at,
            attached_by,
        }
    }
}

/// A policy decision about an intent.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Decision {
    id: DecisionId,
    at: Time,
    /// What was decided about, such as a submission's id.
    subject: String,
    initiator: String,
    chain: ChainId,
    signer: String,
    /// The outcome: `{"result": "permit"}`, `denied` with `reasons`, `needs` with `obligations`.
    outcome: Json,
    /// The documents that were evaluated.
    documents: Json,
    intent_hash: Digest,
    bundle_hash: Digest,
    interface_hash: Option<Digest>,
    lookups_hash: Digest,
    approvals_hash: Digest,
    /// The policy input, without lookups.
    input: Json,
    /// The lookups and their results.
    lookups: Json,
    /// The permit, if the decision issued one.
    permit: Option<PermitId>,
    duration_ms: u64,
}

impl From<policy::Decision> for Decision {
    fn from(value: policy::Decision) -> Self {
        Self {
            id: value.id,
            at: value.at,
            subject: value.subject,
            initiator: value.initiator.id,
            chain: value.chain,
            signer: value.signer,
            outcome: to_json(&value.outcome),
            documents: to_json(&value.documents),
            intent_hash: value.intent_hash,
            bundle_hash: value.bundle_hash,
            interface_hash: value.interface_hash,
            lookups_hash: value.lookups_hash,
            approvals_hash: value.approvals_hash,
            input: value.input,
            lookups: value.lookups,
            permit: value.permit.map(|permit| permit.body.id),
            duration_ms: value.duration_ms,
        }
    }
}

/// The result of a dry run.
#[derive(Serialize, ToSchema)]
pub(super) struct DryRunResult {
    /// The outcome if this were the only policy that applies.
    outcome: Json,
    /// The lookups that the document requires for this input.
    lookups: Json,
    /// The SHA-256 hash of the document.
    hash: Digest,
}

impl From<policy::DryRun> for DryRunResult {
    fn from(run: policy::DryRun) -> Self {
        Self {
            outcome: to_json(&run.outcome),
            lookups: to_json(&run.lookups),
            hash: run.hash,
        }
    }
}

/// The result of a replay.
#[derive(Serialize, ToSchema)]
pub(super) struct Replay {
    /// The number of decisions evaluated.
    evaluated: u64,
    /// The number of decisions that could not be evaluated: their input was unreadable at the time,
    /// or a document was deleted.
    skipped: u64,
    /// The number of decisions with a different outcome.
    different: u64,
    /// The differences, newest first: `{decision, was, now}`.
    differences: Json,
    /// The cursor of the next page, to be passed as `after`. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Replay {
    /// A page with the cursor of the next one.
    pub(super) fn page(replay: policy::Replay, next: Option<String>) -> Self {
        let total = replay.total;
        Self {
            evaluated: total.judged,
            skipped: total.skipped,
            different: total.different,
            differences: to_json(&replay.differences),
            next,
        }
    }
}
