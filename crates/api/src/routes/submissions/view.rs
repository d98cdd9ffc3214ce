//! Response bodies of submissions.

use crate::shapes::to_json;
use serde::Serialize;
use std::collections::BTreeMap;
use types::{Amount, ChainId, DecisionId, Height, Json, SubmissionId, Time};
use utoipa::ToSchema;

/// A chain transaction that Florin signs, sends and tracks until it is final.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::routes) struct Submission {
    id: SubmissionId,
    chain: ChainId,
    /// The signing account.
    signer: String,
    /// The state: `received`, `deciding`, `awaiting_approval`, `permitted`, `signed`, `accepted`,
    /// `mined`, `final`, `denied`, `expired`, `failed`, `replaced`, `cancelled`, `reorged`,
    /// `paused`.
    state: &'static str,
    /// The state in which a paused submission resumes.
    paused_from: Option<&'static str>,
    /// Why the submission is blocked, was denied or failed.
    reason: Option<String>,
    /// The result of execution on the chain: `succeeded` or `reverted`.
    #[schema(value_type = Option<String>)]
    outcome: Option<types::ExecutionStatus>,
    idempotency_key: Option<String>,
    /// The principal that created the submission.
    initiator: String,
    /// What the transaction does: chain, signer, recipient, value, data.
    intent: Json,
    labels: BTreeMap<String, String>,
    /// The names of the assets that the transaction affects.
    assets: Vec<String>,
    /// Policies evaluated in addition to the attached ones.
    policies: Vec<String>,
    /// The run and step that created the submission.
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<Json>,
    /// The policy decision.
    decision: Option<DecisionId>,
    /// The submission that this one cancels.
    supersedes: Option<SubmissionId>,
    /// The hash of the transaction that is mined, or else of the last one signed.
    transaction: Option<String>,
    block_hash: Option<String>,
    block_height: Option<Height>,
    /// The fee paid, in the chain's base unit.
    fee: Option<Amount>,
    /// The address of the deployed contract.
    created_contract: Option<String>,
    /// The number of attempts since the last progress.
    attempts: u32,
    /// When Florin checks the submission again.
    next_at: Time,
    created: Time,
    updated: Time,
    version: u64,
}

impl From<submit::Submission> for Submission {
    fn from(submission: submit::Submission) -> Self {
        Self {
            id: submission.id,
            chain: submission.chain,
            signer: submission.signer,
            state: submission.state.as_str(),
            paused_from: submission.paused_from.map(submit::State::as_str),
            reason: submission.reason,
            outcome: submission.outcome,
            idempotency_key: submission.idempotency_key,
            initiator: submission.initiator.id,
            intent: to_json(&submission.intent),
            labels: submission.context.labels,
            assets: submission.context.assets,
            policies: submission.policies,
            task: submission.context.task.as_ref().map(to_json),
            decision: submission.decision,
            supersedes: submission.supersedes,
            transaction: submission.transaction,
            block_hash: submission.block_hash,
            block_height: submission.block_height,
            fee: submission.fee,
            created_contract: submission.created_contract,
            attempts: submission.attempts,
            next_at: submission.next_at,
            created: submission.created,
            updated: submission.updated,
            version: submission.version,
        }
    }
}

/// A transaction that was signed for a submission.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignedTransaction {
    /// The transaction hash.
    transaction: String,
    signed: Time,
    /// The maximum fees: gas, price, tip, total.
    fees: Json,
    /// The last response of the node.
    node_response: Option<String>,
}

impl From<submit::SubmissionTransaction> for SignedTransaction {
    fn from(transaction: submit::SubmissionTransaction) -> Self {
        Self {
            transaction: transaction.transaction,
            signed: transaction.signed,
            fees: to_json(&transaction.terms),
            node_response: transaction.answer,
        }
    }
}

/// The state of a submission, explained.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Explanation {
    id: SubmissionId,
    state: &'static str,
    /// What happened so far.
    summary: String,
    /// Why the submission is blocked, or why it ended; `null` if it is progressing.
    reason: Option<String>,
    /// When Florin checks it again; `null` once it has ended.
    next_at: Option<Time>,
    /// What Florin does next without intervention.
    next_step: String,
    /// What the caller or an operator can do.
    actions: Vec<String>,
}

impl From<submit::Explanation> for Explanation {
    fn from(explanation: submit::Explanation) -> Self {
        Self {
            id: explanation.id,
            state: explanation.state.as_str(),
            summary: explanation.summary,
            reason: explanation.reason,
            next_at: explanation.next_at,
            next_step: explanation.next_step,
            actions: explanation.actions,
        }
    }
}

/// The ordered queue of one signer's submissions on one chain.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Lane {
    chain: ChainId,
    signer: String,
    /// The next nonce to use, on chains with nonces.
    next_nonce: u64,
    /// Why the lane is paused; `null` if it is not.
    paused: Option<String>,
    /// When the lane resumes without intervention.
    paused_until: Option<Time>,
}

impl Lane {
    pub(super) fn empty(chain: ChainId, signer: String) -> Self {
        Self {
            chain,
            signer,
            next_nonce: 0,
            paused: None,
            paused_until: None,
        }
    }
}

impl From<submit::Lane> for Lane {
    fn from(lane: submit::Lane) -> Self {
        let submit::Lane {
            chain,
            signer,
            next_nonce,
            paused,
            paused_until,
            ..
        } = lane;
        Self {
            chain,
            signer,
            next_nonce,
            paused,
            paused_until,
        }
    }
}
