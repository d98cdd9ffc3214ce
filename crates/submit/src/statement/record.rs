//! The record of a statement.

use super::state::{StatementEvent, StatementState, step};
use crate::Result;
use crate::submission::{NEVER, sanitize_message};
use intent::{Act, Intent, Permit};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::Record;
use strum::{EnumString, IntoStaticStr, VariantArray};
use types::{
    ApiKeyId, ChainId, DecisionId, Digest, Namespace, Principal, SignatureRequestId, StatementId,
    Time,
};
use utoipa::IntoParams;

/// What a statement is.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum StatementKind {
    /// A message (EIP-191).
    Message,
    /// Typed data (EIP-712).
    TypedData,
    /// An authorization to run another account's code (EIP-7702).
    Authorization,
}

store::text_columns! { as_in_json: StatementKind }

impl StatementKind {
    /// The kind of an act; none for a transaction.
    pub(super) fn of(act: &Act) -> Option<Self> {
        match act {
            Act::Message { .. } => Some(Self::Message),
            Act::TypedData { .. } => Some(Self::TypedData),
            Act::Authorization(_) => Some(Self::Authorization),
            Act::Transaction(_) => None,
        }
    }
}

/// A message, typed data or an authorization that Florin signs and does not send.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
#[record(table = "statement")]
pub struct Statement {
    #[record(key)]
    pub id: StatementId,
    pub(crate) namespace: Namespace,
    pub chain: ChainId,
    /// The account whose key signs.
    pub signer: String,
    pub(crate) shard: i64,
    pub kind: StatementKind,
    #[record(update)]
    pub state: StatementState,
    /// Why it waits, was denied or failed.
    #[record(update)]
    pub reason: Option<String>,
    pub idempotency_key: Option<String>,
    /// The principal that requested the signature.
    #[record(json)]
    pub initiator: Principal,
    /// Its API key, to find what was requested with the key.
    pub(crate) initiator_key: Option<ApiKeyId>,
    #[record(json)]
    pub intent: Intent,
    pub(crate) intent_hash: Digest,
    /// What the key signs, computed from the intent; hexadecimal with 0x.
    pub digest: String,
    #[record(json)]
    pub labels: BTreeMap<String, String>,
    /// Policies evaluated in addition to the attached ones.
    #[record(json)]
    pub policies: Vec<String>,
    #[record(update)]
    pub decision: Option<DecisionId>,
    #[record(update, json)]
    pub(crate) permit: Option<Permit>,
    /// The hash of the standing set that the permit is good for.
    #[record(update)]
    pub(crate) standing: Option<Digest>,
    /// The signature request, if its back end answers later.
    #[record(update)]
    pub(crate) request: Option<SignatureRequestId>,
    #[record(update)]
    pub(crate) next_at: Time,
    /// Order of receipt; lists and decisions sort by it.
    pub(crate) received_seq: i64,
    #[record(column = "created_at")]
    pub created: Time,
    #[record(update, column = "updated_at")]
    pub updated: Time,
    // Incremented with each change; updates compare it.
    #[record(version)]
    pub version: u64,
}

impl Statement {
    /// The scope of idempotency keys, as `<noun>.<verb>`.
    pub(crate) const IDEMPOTENCY_SCOPE: &'static str = "statement.request";

    /// Applies an event of the state machine. An illegal transition is a bug in Florin: it is
    /// returned as an error and changes nothing.
    pub(crate) fn apply(&mut self, event: StatementEvent, now: Time) -> Result<()> {
        self.state = step(self.state, event)?;
        let is_idle = self.state.is_terminal() || self.state == StatementState::Signing;
        self.next_at = if is_idle { NEVER } else { now };
        self.updated = now;
        Ok(())
    }

    /// Postpones the next attempt and records the reason.
    pub(crate) fn postpone(&mut self, until: Time, reason: impl AsRef<str>) {
        self.next_at = until;
        self.set_reason(reason);
    }

    /// Records a reason, which may quote a back end.
    pub(crate) fn set_reason(&mut self, reason: impl AsRef<str>) {
        self.reason = Some(sanitize_message(reason.as_ref()));
    }
}

/// Selects the statements to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StatementFilter {
    /// Only those in this state.
    #[param(value_type = Option<String>)]
    pub state: Option<StatementState>,
    /// Only those of this kind: `message`, `typed_data`, `authorization`.
    #[param(value_type = Option<String>)]
    pub kind: Option<StatementKind>,
    /// Only those of this signer.
    pub signer: Option<String>,
    /// Only those on this chain.
    pub chain: Option<ChainId>,
}
