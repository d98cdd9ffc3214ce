//! Submissions as they are shown.

use crate::wire::shown;
use serde::Serialize;
use std::collections::BTreeMap;
use types::{Amount, ChainId, DecisionId, Height, Json, SubmissionId, Time};
use utoipa::ToSchema;

/// A chain transaction in our care.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::routes) struct Submission {
    id: SubmissionId,
    chain: ChainId,
    /// Who signs.
    signer: String,
    /// `received`, `deciding`, `awaiting_approval`, `permitted`, `signed`, `accepted`, `mined`,
    /// `final`, `denied`, `expired`, `failed`, `replaced`, `cancelled`, `reorged`, `paused`.
    state: &'static str,
    /// Where it goes on, if it is paused.
    paused_from: Option<&'static str>,
    /// Why it waits, was denied or failed, in words.
    reason: Option<String>,
    /// How it ended on the chain: `succeeded` or `reverted`.
    #[schema(value_type = Option<String>)]
    outcome: Option<types::Status>,
    idempotency_key: Option<String>,
    /// Who asked for it.
    initiator: String,
    /// What the signature does.
    intent: Json,
    labels: BTreeMap<String, String>,
    /// Names of the assets it touches.
    assets: Vec<String>,
    /// Policies asked for besides those attached.
    policies: Vec<String>,
    /// The run whose step asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<Json>,
    /// The decision of policy.
    decision: Option<DecisionId>,
    /// The submission whose place it takes, if it is a cancel.
    supersedes: Option<SubmissionId>,
    /// The hash of the transaction that is mined, or was signed last.
    transaction: Option<String>,
    block_hash: Option<String>,
    block_height: Option<Height>,
    /// What it cost, in the chain's base unit.
    fee: Option<Amount>,
    /// The contract it made.
    created_contract: Option<String>,
    /// How often its bytes were sent since the last good news.
    attempts: u32,
    /// When Florin looks at it again.
    next_at: Time,
    created: Time,
    updated: Time,
    version: u64,
}

impl From<submit::Submission> for Submission {
    fn from(one: submit::Submission) -> Self {
        Self {
            id: one.id,
            chain: one.chain,
            signer: one.signer,
            state: one.state.as_str(),
            paused_from: one.paused_from.map(submit::State::as_str),
            reason: one.reason,
            outcome: one.outcome,
            idempotency_key: one.idempotency_key,
            initiator: one.initiator.id,
            intent: shown(&one.intent),
            labels: one.context.labels,
            assets: one.context.assets,
            policies: one.policies,
            task: one.context.task.as_ref().map(shown),
            decision: one.decision,
            supersedes: one.supersedes,
            transaction: one.transaction,
            block_hash: one.block_hash,
            block_height: one.block_height,
            fee: one.fee,
            created_contract: one.created_contract,
            attempts: one.attempts,
            next_at: one.next_at,
            created: one.created,
            updated: one.updated,
            version: one.version,
        }
    }
}

/// A transaction that was signed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sent {
    /// Its hash.
    transaction: String,
    signed: Time,
    /// What it may cost: gas, price, tip, total.
    terms: Json,
    /// What the node last said of it.
    answer: Option<String>,
}

impl From<submit::Sent> for Sent {
    fn from(sent: submit::Sent) -> Self {
        let terms = shown(&sent.terms);
        Self {
            transaction: sent.transaction,
            signed: sent.signed,
            terms,
            answer: sent.answer,
        }
    }
}

/// A signer's lane on a chain.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Lane {
    chain: ChainId,
    signer: String,
    /// The next nonce it will use, where the chain has nonces.
    next_nonce: u64,
    /// Why it is paused, if it is.
    paused: Option<String>,
    /// Until when, if it goes on by itself.
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
