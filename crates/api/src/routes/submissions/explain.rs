//! Explains the state of a submission in plain English. Pure.

use serde::Serialize;
use submit::{Lane, State, Submission};
use types::{SubmissionId, Time};
use utoipa::ToSchema;

/// The state of a submission, explained.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
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

/// Explains a submission from the state of its lane and its chain.
pub(super) fn explain(
    submission: &Submission,
    lane: Option<&Lane>,
    chain: Option<&index::Status>,
    now: Time,
) -> Explanation {
    let halted = chain.and_then(|chain| chain.halted.as_deref());
    let paused = lane
        .filter(|lane| lane.paused_until.is_none_or(|until| until > now))
        .and_then(|lane| lane.paused.as_deref());
    let is_open = !submission.state.is_terminal();
    let chain_reason = halted
        .filter(|_| is_open)
        .map(|reason| format!("{} is halted: {reason}", submission.chain));
    let lane_reason = paused
        .filter(|_| waits_for_lane(submission.state))
        .map(|reason| format!("the lane of {} is paused: {reason}", submission.signer));
    Explanation {
        id: submission.id,
        state: submission.state.as_str(),
        summary: summary(submission),
        reason: chain_reason
            .or(lane_reason)
            .or_else(|| submission.reason.clone()),
        next_at: is_open.then_some(submission.next_at),
        next_step: next_step(submission, chain),
        actions: actions(submission, halted.is_some(), paused.is_some()),
    }
}

fn waits_for_lane(state: State) -> bool {
    matches!(
        state,
        State::Permitted | State::Signed | State::Reorged | State::Paused
    )
}

fn summary(submission: &Submission) -> String {
    let transaction = submission
        .transaction
        .as_deref()
        .unwrap_or("its transaction");
    let block = submission
        .block_height
        .map_or_else(|| "a block".to_owned(), |height| format!("block {height}"));
    match submission.state {
        State::Received => {
            "The submission was received and waits for a policy decision.".to_owned()
        }
        State::Deciding => "The policies are being evaluated.".to_owned(),
        State::AwaitingApproval => {
            "The policies require approvals before it can be signed.".to_owned()
        }
        State::Permitted => "The policies permit it. It waits in its signer's lane.".to_owned(),
        State::NonceReserved | State::Signing => {
            "Its nonce is reserved. It waits for a signature from a remote key.".to_owned()
        }
        State::Signed => {
            format!("{transaction} is signed and stored. No node has accepted it yet.")
        }
        State::Accepted => format!("A node accepted {transaction}. It is not in a block yet."),
        State::Mined => format!("{transaction} is in {block}, which is not final yet."),
        State::Final => format!("{transaction} is in {block}, which is final."),
        State::Denied => "A policy denied it. Nothing was signed or sent.".to_owned(),
        State::Expired => "Its permit expired before it was signed. Nothing was sent.".to_owned(),
        State::Failed => "It failed. Nothing that could still take effect was sent.".to_owned(),
        State::Replaced => "Another transaction used its nonce or inputs, and is final.".to_owned(),
        State::Cancelled => "Its cancel transaction is final.".to_owned(),
        State::Reorged => {
            format!("{transaction} was in a block that a reorganization removed from the chain.")
        }
        State::Paused => "It is paused.".to_owned(),
    }
}

fn next_step(submission: &Submission, chain: Option<&index::Status>) -> String {
    match submission.state {
        State::Received | State::Deciding => {
            "The policies are evaluated; the submission is then permitted, denied, or awaits approval.".to_owned()
        }
        State::AwaitingApproval => "Once the approvals are given, the policies are evaluated again.".to_owned(),
        State::Permitted => {
            "It is signed, stored and sent as soon as its lane has capacity.".to_owned()
        }
        State::NonceReserved | State::Signing => {
            "It is sent once the signature arrives.".to_owned()
        }
        State::Signed | State::Accepted => {
            "The same bytes are rebroadcast until they are in a block.".to_owned()
        }
        State::Reorged => {
            "The same bytes are rebroadcast; they can take effect only once.".to_owned()
        }
        State::Mined => finality_progress(submission, chain),
        State::Paused => {
            "It resumes at nextAt if that is in the future, or when it is resumed manually.".to_owned()
        }
        _ => "Nothing: it has ended.".to_owned(),
    }
}

fn finality_progress(submission: &Submission, chain: Option<&index::Status>) -> String {
    let height = |tip: Option<&index::state::Tip>| {
        tip.map_or_else(|| "none".to_owned(), |tip| tip.height.to_string())
    };
    let head = height(chain.and_then(|chain| chain.head.as_ref()));
    let finalized = height(chain.and_then(|chain| chain.finalized.as_ref()));
    let block = submission
        .block_height
        .map_or_else(String::new, |height| height.to_string());
    format!(
        "It becomes final once the finalized height reaches {block}. The finalized height is {finalized}, the head is at {head}."
    )
}

fn actions(submission: &Submission, is_halted: bool, is_paused: bool) -> Vec<String> {
    let mut actions = Vec::new();
    if is_halted && !submission.state.is_terminal() {
        actions.push(format!(
            "ask an operator to resume the chain: POST /chains/{}/resume",
            submission.chain
        ));
    }
    if is_paused && waits_for_lane(submission.state) {
        actions.push(format!(
            "fix the cause, then resume the lane: POST /lanes/{}/{}/resume",
            submission.chain, submission.signer
        ));
    }
    match submission.state {
        State::Received | State::Deciding | State::AwaitingApproval | State::Permitted => {
            actions.push(format!(
                "withdraw it before it is signed: POST /submissions/{}/cancel",
                submission.id
            ));
        }
        State::Signed | State::Accepted | State::Reorged | State::Paused => {
            actions.push(format!(
                "cancel it on the chain: POST /submissions/{}/cancel",
                submission.id
            ));
        }
        State::Denied | State::Expired | State::Failed => {
            actions.push(
                "fix the cause and submit again; the idempotency key of a denied submission can be reused"
                    .to_owned(),
            );
            actions.extend(
                submission
                    .decision
                    .map(|decision| format!("read the decision: GET /policy-decisions/{decision}")),
            );
        }
        _ => {}
    }
    actions
}
