//! The submission record and the command that creates one.

use crate::state::{Event, State, step};
use crate::{Error, Result};
use intent::{FeeTerms, Intent, Permit};
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;
use store::Record;
use types::{
    Amount, ApiKeyId, Canon, ChainId, DecisionId, Digest, ExecutionStatus, Height, Namespace,
    PermitId, Principal, SubmissionId, Time, clip, sanitize_text,
};
use utoipa::{IntoParams, ToSchema};

/// When a submission is due that the worker leaves alone until its chain or an operator acts.
pub(crate) const NEVER: Time = Time::from_micros(i64::MAX);

/// The command that creates a submission.
#[derive(Debug, Clone)]
pub struct Enqueue {
    /// The caller's idempotency key, at most 256 bytes.
    pub idempotency_key: Option<String>,
    pub intent: Intent,
    /// The interface that the call was encoded with: a JSON ABI. It names arguments for people, and
    /// changes nothing that is decided.
    pub interface: Option<String>,
    /// Policies to evaluate in addition to those attached.
    pub policies: Vec<String>,
    /// Shown to policy and in explanations.
    pub context: Context,
}

/// Checks the number and byte length of a field's texts, and that none contains NUL.
pub(crate) fn check_texts<'t>(
    field: &'static str,
    texts: impl IntoIterator<Item = &'t String>,
    max_count: usize,
    max_bytes: usize,
) -> Result<()> {
    let invalid = |reason: String| Err(Error::InvalidField { field, reason });
    for (index, text) in texts.into_iter().enumerate() {
        if index >= max_count {
            return invalid(format!("has more than {max_count} entries"));
        }
        if text.len() > max_bytes {
            return invalid(format!("is longer than {max_bytes} bytes"));
        }
        if text.contains('\0') {
            return invalid("contains a NUL character".to_owned());
        }
    }
    Ok(())
}

/// The task, labels and assets a submission belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Context {
    #[serde(default)]
    #[schema(required)]
    pub labels: BTreeMap<String, String>,
    /// The names of the assets that the transaction affects.
    #[serde(default)]
    #[schema(required)]
    pub assets: Vec<String>,
    /// The run and step that created the submission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub task: Option<policy::TaskRef>,
}

impl Enqueue {
    /// The hash that identifies the command: a repeat under the same idempotency key must match it.
    pub fn hash(&self) -> Digest {
        Canon::new("submit-enqueue", 1)
            .bytes(&self.intent.canon().finish())
            .option(self.interface.as_ref(), |canon, text| canon.text(text))
            .list(&self.policies, |canon, name| canon.text(name))
            .text(&serde_json::to_string(&self.context).expect("plain data always serializes"))
            .hash()
    }

    /// Checks the limits, and that a database accepts the texts. Error: `submit.invalid_field`.
    pub(crate) fn check(&self) -> Result<()> {
        let labels = self
            .context
            .labels
            .iter()
            .flat_map(|(name, value)| [name, value]);
        check_texts("Idempotency-Key", self.idempotency_key.as_slice(), 1, 256)?;
        check_texts("abi", self.interface.as_slice(), 1, 1 << 20)?;
        check_texts("policies", &self.policies, 64, 256)?;
        check_texts("assets", &self.context.assets, 64, 256)?;
        check_texts("labels", labels, 128, 1_024)
    }
}

/// A chain transaction that Florin signs, sends and tracks until it is final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Record, ToSchema)]
#[record(table = "submission")]
#[serde(rename_all = "camelCase")]
pub struct Submission {
    #[record(key)]
    pub id: SubmissionId,
    #[serde(skip)]
    pub namespace: Namespace,
    pub chain: ChainId,
    /// The signing account.
    pub signer: String,
    /// The state: `received`, `deciding`, `awaiting_approval`, `permitted`, `signing`, `signed`,
    /// `accepted`, `mined`, `final`, `denied`, `expired`, `failed`, `replaced`, `cancelled`,
    /// `reorged`, `paused`.
    #[schema(value_type = String)]
    #[record(update)]
    pub state: State,
    /// The state in which a paused submission resumes.
    #[schema(value_type = Option<String>)]
    #[record(update)]
    pub paused_from: Option<State>,
    /// Why the submission is blocked, was denied or failed.
    #[record(update)]
    pub reason: Option<String>,
    /// The result of execution on the chain: `succeeded` or `reverted`.
    #[schema(value_type = Option<String>)]
    #[record(update)]
    pub outcome: Option<ExecutionStatus>,
    /// The shard that owns its lane.
    #[serde(skip)]
    pub(crate) shard: i64,
    pub idempotency_key: Option<String>,
    /// The principal that created the submission.
    #[serde(serialize_with = "as_id")]
    #[schema(value_type = String)]
    #[record(json)]
    pub initiator: Principal,
    /// Its API key, to find what the key has submitted.
    #[serde(skip)]
    pub(crate) initiator_key: Option<ApiKeyId>,
    /// What the transaction does: chain, signer, recipient, value, data.
    #[schema(value_type = serde_json::Value)]
    #[record(json)]
    pub intent: Intent,
    /// The hash of the interface that the caller gave.
    #[serde(skip)]
    #[record(column = "interface_hash")]
    pub interface: Option<Digest>,
    #[serde(flatten)]
    #[schema(inline)]
    #[record(json)]
    pub context: Context,
    /// Policies evaluated in addition to the attached ones.
    #[record(json)]
    pub policies: Vec<String>,
    /// Gas and fees as quoted for the policy decision.
    #[serde(skip)]
    #[record(update, json)]
    pub quote: Option<FeeTerms>,
    /// The policy decision.
    #[record(update)]
    pub decision: Option<DecisionId>,
    #[serde(skip)]
    #[record(update, json)]
    pub permit: Option<Permit>,
    /// The hash of the standing set that the permit is good for.
    #[serde(skip)]
    #[record(update)]
    pub standing: Option<Digest>,
    /// Its order within the lane, assigned when it is permitted.
    #[serde(skip)]
    #[record(update)]
    pub lane_index: Option<i64>,
    /// The submission that this one cancels.
    pub supersedes: Option<SubmissionId>,
    /// The hash of the transaction that is mined, or else of the last one signed.
    #[record(update, column = "tx_id")]
    pub transaction: Option<String>,
    #[record(update)]
    pub block_hash: Option<String>,
    #[record(update)]
    pub block_height: Option<Height>,
    /// The fee paid, in the chain's base unit.
    #[record(update)]
    pub fee: Option<Amount>,
    /// The address of the deployed contract.
    #[record(update)]
    pub created_contract: Option<String>,
    /// The number of attempts since the last progress.
    #[record(update)]
    pub attempts: u32,
    /// When Florin checks the submission again; `null` while it waits for something else.
    #[serde(serialize_with = "as_next_check")]
    #[schema(value_type = Option<Time>)]
    #[record(update)]
    pub(crate) next_at: Time,
    /// Order of receipt; lists and decisions sort by it.
    #[serde(skip)]
    pub received_seq: i64,
    #[record(column = "created_at")]
    pub created: Time,
    #[record(update, column = "updated_at")]
    pub updated: Time,
    // Incremented with each change; updates compare it.
    #[record(version)]
    pub version: u64,
}

/// [`NEVER`] as none.
fn as_next_check<S: Serializer>(at: &Time, s: S) -> std::result::Result<S::Ok, S::Error> {
    (*at != NEVER).then_some(at).serialize(s)
}

fn as_id<S: Serializer>(principal: &Principal, s: S) -> std::result::Result<S::Ok, S::Error> {
    s.serialize_str(&principal.id)
}

impl Submission {
    /// Applies an event of the state machine. An illegal transition is a bug in Florin: it is
    /// returned as an error and changes nothing.
    pub(crate) fn apply(&mut self, event: Event, now: Time) -> Result<()> {
        let next = step(self.state, event, self.paused_from)?;
        if next == State::Paused && self.state != State::Paused {
            self.paused_from = Some(self.state);
        } else if next != State::Paused {
            self.paused_from = None;
        }
        if next.is_terminal() || next == State::AwaitingApproval {
            self.next_at = NEVER;
        }
        self.state = next;
        self.updated = now;
        Ok(())
    }

    /// Postpones the next attempt and records the reason.
    pub(crate) fn postpone(&mut self, until: Time, reason: impl AsRef<str>) {
        self.next_at = until;
        self.set_reason(reason);
    }

    /// Records a reason, which may quote a node or contract.
    pub(crate) fn set_reason(&mut self, reason: impl AsRef<str>) {
        self.reason = Some(sanitize_message(reason.as_ref()));
    }

    /// When the worker processes it next by itself; none if it does not.
    pub fn next_check(&self) -> Option<Time> {
        (self.next_at != NEVER).then_some(self.next_at)
    }

    /// The scope of idempotency keys, as `<noun>.<verb>`.
    pub(crate) const IDEMPOTENCY_SCOPE: &'static str = "submission.enqueue";
}

/// What another decision of a submission permits, while its replay keys are held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Renewal {
    pub(crate) permit: Permit,
    pub(crate) decision: DecisionId,
    pub(crate) standing: Digest,
}

impl Renewal {
    /// Continues a submission under the new permit.
    pub(crate) fn apply(self, submission: &mut Submission) {
        submission.permit = Some(self.permit);
        submission.decision = Some(self.decision);
        submission.standing = Some(self.standing);
    }
}

/// A message from an untrusted source as it is stored: without NUL, and of limited length.
pub(crate) fn sanitize_message(text: &str) -> String {
    const MAX_CHARS: usize = 1_000;
    clip(&sanitize_text(text.as_bytes()), MAX_CHARS)
}

/// Selects the submissions to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Only submissions in this state.
    #[param(value_type = Option<String>)]
    pub state: Option<State>,
    /// Only submissions of this signer.
    pub signer: Option<String>,
    /// Only submissions on this chain.
    pub chain: Option<ChainId>,
}

/// A transaction that was signed for a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Record, ToSchema)]
#[record(table = "submission_transaction")]
#[serde(rename_all = "camelCase")]
#[schema(as = SignedTransaction)]
pub struct SubmissionTransaction {
    #[serde(skip)]
    pub(crate) namespace: Namespace,
    #[serde(skip)]
    pub(crate) chain: ChainId,
    /// The transaction hash.
    #[record(column = "tx_id")]
    pub transaction: String,
    #[serde(skip)]
    pub(crate) submission: SubmissionId,
    /// The permit under which it was signed; none in rows of earlier releases.
    #[serde(skip)]
    pub(crate) permit: Option<PermitId>,
    #[record(column = "signed_at")]
    pub signed: Time,
    /// The maximum fees: gas, price, tip, total.
    #[serde(rename = "fees")]
    #[schema(value_type = serde_json::Value)]
    #[record(json)]
    pub terms: FeeTerms,
    /// The last response of the node.
    #[serde(rename = "nodeResponse")]
    pub answer: Option<String>,
}
