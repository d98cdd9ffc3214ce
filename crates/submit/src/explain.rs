//! Explains the state of a submission in plain English.

use crate::late::{held_lane, readable_requests};
use crate::state::State;
use crate::submission::Submission;
use crate::table::lane::Lane;
use crate::{Error, Result, Submit, table};
use keys::{RequestState, SignatureRequest};
use serde::Serialize;
use store::{Tx, UnscopedTx};
use types::{Principal, SubmissionId, Time};
use utoipa::ToSchema;

/// The state of a submission, explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    pub id: SubmissionId,
    #[schema(value_type = String)]
    pub state: State,
    /// What happened so far.
    pub summary: String,
    /// Why the submission is blocked, or why it ended; `null` if it is progressing.
    pub reason: Option<String>,
    /// When Florin checks it again; `null` once it has ended.
    pub next_at: Option<Time>,
    /// What Florin does next without intervention.
    pub next_step: String,
    /// What the caller or an operator can do.
    pub actions: Vec<String>,
}

/// Explains what happened to a submission, what blocks it, what happens next, and what can be done.
/// Error: `submit.unknown_submission`.
pub async fn explain(
    submit: &Submit,
    principal: &Principal,
    id: SubmissionId,
) -> Result<Explanation> {
    let namespace = principal.namespace;
    let args = submit.clone();
    let read = submit.db().read_unscoped_with(args, move |tx, submit| {
        let mut scoped = tx.scoped(&namespace);
        let submission = table::submission::get(&mut scoped, id)?;
        let submission = submission.ok_or(Error::UnknownSubmission { id })?;
        let request = request(&mut scoped, &submission)?;
        let chain = index::status(tx, &submission.chain)?;
        let lane = table::lane::get(tx, &submission.chain, &submission.signer)?;
        let held = held(submit, tx, &submission)?;
        Ok::<_, Error>(Situation {
            paused: lane.filter(|lane| lane.is_paused(tx.now())),
            halted: chain.as_ref().and_then(|chain| chain.halted.clone()),
            chain,
            request,
            held,
            submission,
        })
    });
    Ok(read.await?.explain())
}

/// The request for the first signature of a submission, while it waits for it.
fn request(tx: &mut Tx, submission: &Submission) -> Result<Option<SignatureRequest>> {
    if submission.state != State::Signing {
        return Ok(None);
    }
    let requested = table::request::latest_of(tx, submission.id)?;
    let is_open = table::request::open_of(tx, submission.id)?.is_some();
    let request = readable_requests(tx, requested.as_slice())?.pop();
    Ok(request.map(|request| match request.state {
        // Signed, collected and not sent: it is not permitted any more.
        RequestState::Answered if !is_open => SignatureRequest {
            state: RequestState::Withdrawn,
            ..request
        },
        _ => request,
    }))
}

/// Why its lane signs nothing now, while a submission waits in it, or why its bytes are not sent.
fn held(submit: &Submit, tx: &mut UnscopedTx, submission: &Submission) -> Result<Option<String>> {
    match submission.state {
        State::Permitted if submission.supersedes.is_none() => {
            held_lane(submit, tx, &submission.chain, &submission.signer)
        }
        State::Signed if submission.next_check().is_some() => {
            let mut tx = tx.scoped(&submission.namespace);
            let cancel = table::submission::cancel_in_progress(&mut tx, submission.id)?;
            let held = |cancel: Submission| {
                format!(
                    "no broadcast of it begins while its cancel {} is in progress",
                    cancel.id
                )
            };
            Ok(cancel.map(held))
        }
        _ => Ok(None),
    }
}

/// A submission and what may block it.
struct Situation {
    submission: Submission,
    request: Option<SignatureRequest>,
    chain: Option<index::Status>,
    /// Why the chain is halted, if it is.
    halted: Option<String>,
    /// The lane, if it is paused.
    paused: Option<Lane>,
    /// Why its lane signs nothing now, or why it is not sent, if it waits for that.
    held: Option<String>,
}

impl Situation {
    fn explain(self) -> Explanation {
        let submission = &self.submission;
        Explanation {
            id: submission.id,
            state: submission.state,
            summary: summary(submission, self.request.as_ref()),
            next_at: submission.next_check(),
            next_step: self.next_step(),
            actions: self.actions(),
            reason: self.reason(),
        }
    }

    fn reason(&self) -> Option<String> {
        let submission = &self.submission;
        if let Some(reason) = self.halt() {
            return Some(format!("{} is halted: {reason}", submission.chain));
        }
        match self.blocking_lane() {
            Some(Lane {
                signer,
                paused: Some(reason),
                ..
            }) => Some(format!("the lane of {signer} is paused: {reason}")),
            _ => self
                .held
                .clone()
                .or_else(|| self.unanswered())
                .or_else(|| submission.reason.clone()),
        }
    }

    /// Why the back end has not signed yet, if it was asked.
    fn unanswered(&self) -> Option<String> {
        let request = self.request.as_ref();
        let waiting = request.filter(|request| request.state == RequestState::Waiting)?;
        let (backend, why) = (&waiting.backend, waiting.note.as_ref()?);
        Some(format!(
            "the back end {backend:?} has not signed yet: {why}"
        ))
    }

    /// Why the chain is halted, while that matters to the submission.
    fn halt(&self) -> Option<&String> {
        let is_open = !self.submission.state.is_terminal();
        self.halted.as_ref().filter(|_| is_open)
    }

    /// The paused lane, while the submission waits for it.
    fn blocking_lane(&self) -> Option<&Lane> {
        use State as S;
        let waits = matches!(
            self.submission.state,
            S::Permitted | S::Signing | S::Signed | S::Reorged | S::Paused
        );
        self.paused.as_ref().filter(|_| waits)
    }

    fn next_step(&self) -> String {
        use State as S;
        let text = match self.submission.state {
            S::Received | S::Deciding => {
                "The policies are evaluated; the submission is then permitted or denied, or stays \
                 here if they require approvals."
            }
            S::AwaitingApproval => {
                "Nothing: Florin cannot record approvals yet, so the submission stays here until \
                 it is withdrawn."
            }
            S::Permitted if self.held.is_some() => {
                "It is signed, stored and sent once the lower nonces of its lane have their \
                 signatures."
            }
            S::Permitted => "It is signed, stored and sent as soon as its lane has capacity.",
            S::Signing => self.next_step_of_signing(),
            S::Signed | S::Accepted | S::Reorged if self.submission.next_check().is_none() => {
                "It is not sent again, because its cancel is signed. Whichever of the two is mined \
                 wins."
            }
            S::Signed if self.held.is_some() => {
                "It is sent if its cancel ends without a signature. Otherwise only the cancel is \
                 sent; if a node has bytes of it already, whichever of the two is mined wins."
            }
            S::Signed | S::Accepted => "The same bytes are rebroadcast until they are in a block.",
            S::Reorged => "The same bytes are rebroadcast; they can take effect only once.",
            S::Mined => return self.finality_progress(),
            S::Paused if self.submission.next_check().is_some() => {
                "It resumes at nextAt, or once its lane is resumed."
            }
            S::Paused => "Nothing: it stays paused until its lane is resumed or it is cancelled.",
            S::Final | S::Denied | S::Expired | S::Failed | S::Replaced | S::Cancelled => {
                "Nothing: it has ended."
            }
        };
        text.to_owned()
    }

    fn next_step_of_signing(&self) -> &'static str {
        match self.request.as_ref().map(|request| request.state) {
            Some(RequestState::Waiting) => "It is sent once the signature arrives.",
            Some(RequestState::Answered) => {
                "It is sent once the lower nonces of its lane have their signatures."
            }
            _ => "It ends once a cancel that uses its nonce is final.",
        }
    }

    fn finality_progress(&self) -> String {
        let text = |height: Option<types::Height>| {
            height.map_or_else(|| "none".to_owned(), |height| height.to_string())
        };
        let chain = self.chain.as_ref();
        let head = text(chain.and_then(|chain| Some(chain.head.as_ref()?.height)));
        let finalized = text(chain.and_then(|chain| Some(chain.finalized.as_ref()?.height)));
        let block = text(self.submission.block_height);
        format!(
            "It becomes final once the finalized height reaches {block}. The finalized height is \
             {finalized}, the head is at {head}."
        )
    }

    fn actions(&self) -> Vec<String> {
        use State as S;
        let Submission {
            id,
            chain,
            state,
            decision,
            ..
        } = &self.submission;
        let mut actions = Vec::new();
        if self.halt().is_some() {
            actions.push(format!(
                "ask an operator to resume the chain: POST /chains/{chain}/resume"
            ));
        }
        if let Some(Lane {
            signer,
            paused_until,
            ..
        }) = self.blocking_lane()
        {
            actions.push(match paused_until {
                Some(until) => format!("fix the cause; the lane is tried again after {until}"),
                None => format!(
                    "fix the cause, then resume the lane: POST /lanes/{chain}/{signer}/resume"
                ),
            });
        }
        match state {
            state if state.is_unsigned() => {
                actions.push(format!(
                    "withdraw it before it is signed: POST /submissions/{id}/cancel"
                ));
            }
            S::Signing => {
                actions.push(format!(
                    "withdraw the request and let a cancel use its nonce: POST \
                     /submissions/{id}/cancel"
                ));
            }
            state if state.is_sent() || *state == S::Paused => {
                actions.push(format!(
                    "cancel it on the chain: POST /submissions/{id}/cancel"
                ));
            }
            S::Denied | S::Expired | S::Failed => {
                actions.push(
                    "fix the cause and submit again; the idempotency key of a denied submission \
                     can be reused"
                        .to_owned(),
                );
                let read = |id| format!("read the decision: GET /policy-decisions/{id}");
                actions.extend(decision.map(read));
            }
            _ => {}
        }
        actions
    }
}

fn summary(submission: &Submission, request: Option<&SignatureRequest>) -> String {
    use State as S;
    let transaction = submission.transaction.as_deref();
    let transaction = transaction.unwrap_or("its transaction");
    let block = submission
        .block_height
        .map_or_else(|| "a block".to_owned(), |height| format!("block {height}"));
    let text = match submission.state {
        S::Received => "The submission was received and waits for a policy decision.",
        S::Deciding => "The policies are being evaluated.",
        S::AwaitingApproval => "The policies require approvals before it can be signed.",
        S::Permitted => "The policies permit it. It waits in its signer's lane.",
        S::Signing => return summary_of_signing(request),
        S::Signed => {
            return format!("{transaction} is signed and stored. No node has accepted it yet.");
        }
        S::Accepted => {
            return format!("A node accepted {transaction}. It is not in a block yet.");
        }
        S::Mined => return format!("{transaction} is in {block}, which is not final yet."),
        S::Final => return format!("{transaction} is in {block}, which is final."),
        S::Denied => "A policy denied it. Nothing was signed or sent.",
        S::Expired => "Its permit expired before it was signed. Nothing was sent.",
        S::Failed => "It failed. Nothing that could still take effect was sent.",
        S::Replaced => "Another transaction used its nonce or inputs, and is final.",
        S::Cancelled => "Its cancel transaction is final.",
        S::Reorged => {
            return format!(
                "{transaction} was in a block that a reorganization removed from the chain."
            );
        }
        S::Paused => "It is paused.",
    };
    text.to_owned()
}

fn summary_of_signing(request: Option<&SignatureRequest>) -> String {
    let Some(request) = request else {
        return "Its nonce is reserved.".to_owned();
    };
    let (backend, since) = (&request.backend, request.created_at);
    match request.state {
        RequestState::Waiting => format!(
            "Its nonce is reserved. It waits for the signature of the back end {backend:?} since \
             {since}."
        ),
        RequestState::Answered => {
            format!("Its nonce is reserved, and the back end {backend:?} has signed it.")
        }
        RequestState::Refused => {
            format!("Its nonce is reserved, and the back end {backend:?} refused to sign it.")
        }
        RequestState::Withdrawn => {
            "Its nonce is reserved, and its signature is no longer requested.".to_owned()
        }
    }
}
