//! Why a submission stands where it stands, in plain words. Pure.

use serde::Serialize;
use submit::{Lane, State, Submission};
use types::{SubmissionId, Time};
use utoipa::ToSchema;

/// What happened, why it waits, what happens next, what can be done.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Explanation {
    id: SubmissionId,
    state: &'static str,
    /// What happened so far.
    what: String,
    /// Why it does not go on, or why it ended as it did; absent where nothing holds it.
    why: Option<String>,
    /// When Florin looks at it again; absent once it has ended.
    next_at: Option<Time>,
    /// What happens next by itself.
    next: String,
    /// What people can do about it.
    can: Vec<String>,
}

/// Explain a submission by its lane and its chain.
pub(super) fn explain(
    one: &Submission,
    lane: Option<&Lane>,
    chain: Option<&index::Status>,
    now: Time,
) -> Explanation {
    let halted = chain.and_then(|chain| chain.halted.as_deref());
    let paused = lane
        .filter(|lane| lane.paused_until.is_none_or(|until| until > now))
        .and_then(|lane| lane.paused.as_deref());
    let held = !one.state.is_terminal();
    let by_chain = halted
        .filter(|_| held)
        .map(|why| format!("{} is halted: {why}", one.chain));
    let by_lane = paused
        .filter(|_| waits_for_lane(one.state))
        .map(|why| format!("the lane of {} is paused: {why}", one.signer));
    Explanation {
        id: one.id,
        state: one.state.as_str(),
        what: what(one),
        why: by_chain.or(by_lane).or_else(|| one.reason.clone()),
        next_at: held.then_some(one.next_at),
        next: next(one, chain),
        can: can(one, halted.is_some(), paused.is_some()),
    }
}

fn waits_for_lane(state: State) -> bool {
    matches!(
        state,
        State::Permitted | State::Signed | State::Reorged | State::Paused
    )
}

fn what(one: &Submission) -> String {
    let transaction = one.transaction.as_deref().unwrap_or("its transaction");
    let block = one
        .block_height
        .map_or_else(|| "a block".to_owned(), |height| format!("block {height}"));
    match one.state {
        State::Received => "It was accepted; policy has not been asked yet.".to_owned(),
        State::Deciding => "Policy is being asked.".to_owned(),
        State::AwaitingApproval => "Policy wants approvals before it may be signed.".to_owned(),
        State::Permitted => {
            "Policy allowed it; it waits for its turn in its signer's lane.".to_owned()
        }
        State::NonceReserved | State::Signing => {
            "Its place on the chain is reserved; a remote key is asked to sign.".to_owned()
        }
        State::Signed => {
            format!("{transaction} is signed and stored; no node has confirmed that it knows it.")
        }
        State::Accepted => format!("A node took {transaction}; it is in no block yet."),
        State::Mined => format!("{transaction} is in {block}, which is not final yet."),
        State::Final => format!("{transaction} is in {block}, which is final."),
        State::Denied => "Policy said no. Nothing was signed or sent.".to_owned(),
        State::Expired => {
            "Its permission ran out before it was signed. Nothing was sent.".to_owned()
        }
        State::Failed => {
            "It cannot be done. Nothing that could still take effect was sent.".to_owned()
        }
        State::Replaced => {
            "Another transaction took its place on the chain, and is final.".to_owned()
        }
        State::Cancelled => "Its cancel took its place on the chain, and is final.".to_owned(),
        State::Reorged => {
            format!("{transaction} was in a block that is no longer part of the chain.")
        }
        State::Paused => "It is held.".to_owned(),
    }
}

fn next(one: &Submission, chain: Option<&index::Status>) -> String {
    match one.state {
        State::Received | State::Deciding => {
            "Policy decides; then it is permitted, denied, or waits for approvals.".to_owned()
        }
        State::AwaitingApproval => "Once the approvals are there, policy decides again.".to_owned(),
        State::Permitted => {
            "It is signed, stored and sent as soon as its lane has room.".to_owned()
        }
        State::NonceReserved | State::Signing => {
            "It is sent once the signature is there.".to_owned()
        }
        State::Signed | State::Accepted => {
            "The same bytes are sent again until they are found in a block.".to_owned()
        }
        State::Reorged => {
            "The same bytes are sent again; they can take effect only once.".to_owned()
        }
        State::Mined => waiting_for_finality(one, chain),
        State::Paused => {
            "It goes on by itself at nextAt if that lies ahead, or when it is resumed.".to_owned()
        }
        _ => "Nothing: it has ended.".to_owned(),
    }
}

fn waiting_for_finality(one: &Submission, chain: Option<&index::Status>) -> String {
    let height = |tip: Option<&index::state::Tip>| {
        tip.map_or_else(|| "none".to_owned(), |tip| tip.height.to_string())
    };
    let head = height(chain.and_then(|chain| chain.head.as_ref()));
    let last = height(chain.and_then(|chain| chain.finalized.as_ref()));
    let block = one
        .block_height
        .map_or_else(String::new, |height| height.to_string());
    format!(
        "It is final once the final block reaches {block}; that is {last} now, with the head at {head}."
    )
}

fn can(one: &Submission, is_halted: bool, is_paused: bool) -> Vec<String> {
    let mut can = Vec::new();
    if is_halted && !one.state.is_terminal() {
        can.push(format!(
            "an operator resumes the chain: POST /chains/{}/resume",
            one.chain
        ));
    }
    if is_paused && waits_for_lane(one.state) {
        can.push(format!(
            "remove the cause, then resume the lane: POST /lanes/{}/{}/resume",
            one.chain, one.signer
        ));
    }
    match one.state {
        State::Received | State::Deciding | State::AwaitingApproval | State::Permitted => {
            can.push(format!(
                "withdraw it before it is signed: POST /submissions/{}/cancel",
                one.id
            ));
        }
        State::Signed | State::Accepted | State::Reorged | State::Paused => {
            can.push(format!(
                "cancel it on the chain: POST /submissions/{}/cancel",
                one.id
            ));
        }
        State::Denied | State::Expired | State::Failed => {
            can.push(
                "remove the cause and submit again; its idempotency key is free if it was denied"
                    .to_owned(),
            );
            can.extend(
                one.decision
                    .map(|decision| format!("read the decision: GET /policy-decisions/{decision}")),
            );
        }
        _ => {}
    }
    can
}
