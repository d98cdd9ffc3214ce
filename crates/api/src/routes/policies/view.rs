//! Policies and decisions as they are shown.

use crate::wire::shown;
use serde::Serialize;
use types::{ChainId, DecisionId, Digest, Json, PermitId, PolicyId, Time, VersionId};
use utoipa::ToSchema;

/// A policy.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Policy {
    id: PolicyId,
    name: String,
    description: String,
    /// The label of the version that is asked; absent before the first.
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
    /// Such as `2026.01.31`.
    label: String,
    description: String,
    /// The Rego text.
    document: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    example_input: Option<String>,
    /// SHA-256 of the document.
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

/// A policy, attached.
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
    fn from(one: policy::Attachment) -> Self {
        let policy::Attachment {
            policy,
            name,
            target,
            attached_at,
            attached_by,
        } = one;
        Self {
            policy,
            name,
            target,
            attached: attached_at,
            attached_by,
        }
    }
}

/// A decision.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Decision {
    id: DecisionId,
    at: Time,
    /// What it belongs to, such as a submission's id.
    subject: String,
    initiator: String,
    chain: ChainId,
    signer: String,
    /// `{"result": "permit"}`, `denied` with `reasons`, `needs` with `obligations`.
    outcome: Json,
    /// The documents that were asked.
    documents: Json,
    intent_hash: Digest,
    bundle_hash: Digest,
    interface_hash: Option<Digest>,
    lookups_hash: Digest,
    approvals_hash: Digest,
    /// What documents saw, but for lookups.
    input: Json,
    /// Lookups and their answers.
    lookups: Json,
    permit: Option<PermitId>,
    duration_ms: u64,
}

impl From<policy::Decision> for Decision {
    fn from(one: policy::Decision) -> Self {
        Self {
            id: one.id,
            at: one.at,
            subject: one.subject,
            initiator: one.initiator.id,
            chain: one.chain,
            signer: one.signer,
            outcome: shown(&one.outcome),
            documents: shown(&one.documents),
            intent_hash: one.intent_hash,
            bundle_hash: one.bundle_hash,
            interface_hash: one.interface_hash,
            lookups_hash: one.lookups_hash,
            approvals_hash: one.approvals_hash,
            input: one.input,
            lookups: one.lookups,
            permit: one.permit.map(|permit| permit.body.id),
            duration_ms: one.duration_ms,
        }
    }
}

/// What came of a dry run.
#[derive(Serialize, ToSchema)]
pub(super) struct Tried {
    /// What a decision would come to if this document alone were asked.
    outcome: Json,
    /// The lookups that it asks for with this input.
    lookups: Json,
    /// SHA-256 of the document.
    hash: Digest,
}

impl From<policy::DryRun> for Tried {
    fn from(run: policy::DryRun) -> Self {
        Self {
            outcome: shown(&run.outcome),
            lookups: shown(&run.lookups),
            hash: run.hash,
        }
    }
}

/// What came of judging again.
#[derive(Serialize, ToSchema)]
pub(super) struct Replay {
    judged: u64,
    /// Those that could not be judged: unreadable then, or a document is gone.
    skipped: u64,
    different: u64,
    /// The differences, newest first: `{decision, was, now}`.
    differences: Json,
    /// Where the next page begins (`after`); absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Replay {
    /// A page, and where the next begins.
    pub(super) fn page(replay: policy::Replay, next: Option<String>) -> Self {
        let policy::Progress {
            judged,
            skipped,
            different,
        } = replay.total;
        Self {
            judged,
            skipped,
            different,
            differences: shown(&replay.differences),
            next,
        }
    }
}
