//! The state machine of a submission. Pure and total: every pair of state and event has an arm.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

/// The state of a submission.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum State {
    /// Committed under its idempotency key.
    Received,
    /// A policy decision is pending.
    Deciding,
    /// Obligations are open. It is not in a lane yet.
    AwaitingApproval,
    /// It holds a permit and waits for capacity in its lane.
    Permitted,
    /// Its replay keys are reserved, and its signature is requested of a back end that answers
    /// later. If that is refused or withdrawn, it stays until another transaction on its replay
    /// keys is final.
    Signing,
    /// Raw bytes and hash are stored. A node may or may not know them.
    Signed,
    /// A node accepted the bytes or already knew them. A hint, not a proof.
    Accepted,
    /// In a block that is not final.
    Mined,
    /// In a final block: succeeded or reverted.
    Final,
    /// Policy denied it. Nothing was ever sent.
    Denied,
    /// Approvals or the permit expired. Nothing was ever sent.
    Expired,
    /// It cannot be executed. Nothing that could still take effect was sent.
    Failed,
    /// Another transaction on its replay key became final.
    Replaced,
    /// Its cancel became final.
    Cancelled,
    /// It was mined, and its block was reorganized away. Every hash stays watched.
    Reorged,
    /// Paused for funds, the fee cap, permission or an operator, as `reason` states.
    Paused,
}

store::text_columns! { as_in_json: State }

/// An event in the life of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, VariantArray)]
pub enum Event {
    /// The worker starts to decide it.
    DecisionStarted,
    /// What its permit relies on changed before anything was signed: it is decided again.
    Outdated,
    /// Policy issued a permit.
    Permitted,
    /// Policy requires approvals.
    NeedsApproval,
    /// Policy or an approver denied it.
    Denied,
    /// Approvals or the permit expired before anything was signed.
    Expired,
    /// It cannot be executed: the contract reverts, the intent does not fit the chain, the chain
    /// can never accept the bytes, or it was withdrawn. A cancel also if its signature is refused:
    /// its replay keys remain those of its target.
    Failed,
    /// Its replay keys are committed, with the request for its first signature.
    SignatureRequested,
    /// Bytes and hash are committed: the first, or a replacement on the same replay key.
    Signed,
    /// A node accepted the bytes or already knew them.
    Accepted,
    /// A node's response is a refusal, or proves nothing. The same bytes are sent again.
    Inconclusive,
    /// One of its hashes is in a canonical block.
    Mined,
    /// That block is no longer canonical.
    Reorged,
    /// The block with one of its hashes is final.
    Final,
    /// Another submission's hash on its replay key is final.
    Superseded,
    /// The hash of its own cancel is final.
    Cancelled,
    Paused,
    /// It returns to the state it was paused in.
    Resumed,
}

/// A transition that the state machine does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("event {event:?} is not allowed for a submission in state {state:?}")]
pub struct IllegalTransition {
    pub state: State,
    pub event: Event,
}

impl State {
    /// Whether the submission never changes again.
    pub fn is_terminal(self) -> bool {
        use State as S;
        matches!(
            self,
            S::Final | S::Denied | S::Expired | S::Failed | S::Replaced | S::Cancelled
        )
    }

    /// Whether policy has not permitted or denied it yet.
    fn is_undecided(self) -> bool {
        use State as S;
        matches!(self, S::Received | S::Deciding | S::AwaitingApproval)
    }

    /// Whether nothing was signed for it, and no signature requested, so that it may still end
    /// without a trace on the chain.
    pub(crate) fn is_unsigned(self) -> bool {
        self.is_undecided() || self == State::Permitted
    }

    /// Whether its bytes are sent until they are in a block.
    pub(crate) fn is_sent(self) -> bool {
        matches!(self, State::Signed | State::Accepted | State::Reorged)
    }

    /// Whether its bytes may be in a pool or in a block.
    pub(crate) fn may_be_on_chain(self) -> bool {
        self.is_sent() || self == State::Mined
    }

    /// The name as stored and shown.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The type of the fact that records this state.
    pub(crate) fn fact_type(self) -> String {
        format!("submission.{}", self.as_str())
    }
}

/// The state after an event. `paused_from` is the state that a paused submission resumes in.
pub(crate) fn step(
    state: State,
    event: Event,
    paused_from: Option<State>,
) -> Result<State, IllegalTransition> {
    use {Event as E, State as S};
    let next = match event {
        E::DecisionStarted if matches!(state, S::Received | S::Deciding) => S::Deciding,
        E::Outdated if state == S::Permitted => S::Deciding,
        E::Permitted if state.is_undecided() => S::Permitted,
        E::NeedsApproval if state.is_undecided() => S::AwaitingApproval,
        E::Denied if state.is_unsigned() => S::Denied,
        E::Expired if state.is_unsigned() => S::Expired,
        E::Failed if state.is_unsigned() || state == S::Signing => S::Failed,
        E::SignatureRequested if state == S::Permitted => S::Signing,
        E::Signed if state.is_sent() || matches!(state, S::Permitted | S::Signing) => S::Signed,
        E::Accepted if state.is_sent() => S::Accepted,
        E::Inconclusive if state.is_sent() => state,
        E::Mined if state.may_be_on_chain() => S::Mined,
        E::Reorged if state == S::Mined => S::Reorged,
        E::Final if state == S::Mined => S::Final,
        E::Superseded if state.may_be_on_chain() || state == S::Signing => S::Replaced,
        E::Cancelled if state.may_be_on_chain() || state == S::Signing => S::Cancelled,
        // Pausing is local: bytes that were sent can still be mined or superseded.
        E::Mined | E::Superseded | E::Cancelled
            if state == S::Paused && paused_from.is_some_and(S::may_be_on_chain) =>
        {
            return step(S::Signed, event, None);
        }
        E::Paused if state.is_sent() || matches!(state, S::Permitted | S::Paused) => S::Paused,
        E::Resumed if state == S::Paused => paused_from.unwrap_or(S::Signed),
        _ if is_stale(state, event) => state,
        _ => return Err(IllegalTransition { state, event }),
    };
    Ok(next)
}

/// Whether a later event has made this one obsolete, so that it changes nothing.
fn is_stale(state: State, event: Event) -> bool {
    use {Event as E, State as S};
    match event {
        E::Accepted | E::Inconclusive => {
            matches!(state, S::Mined | S::Paused) || state.is_terminal()
        }
        E::Reorged => state.is_sent() || state == S::Paused || state.is_terminal(),
        E::Mined | E::Final => matches!(state, S::Final | S::Replaced | S::Cancelled),
        E::Superseded | E::Cancelled => matches!(state, S::Replaced | S::Cancelled),
        E::Resumed => state != S::Paused,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn walk(picks: &[usize]) -> Vec<(State, Event, State)> {
        let (mut state, mut paused_from) = (State::Received, None);
        let mut steps = Vec::new();
        for pick in picks {
            let event = Event::VARIANTS[pick % Event::VARIANTS.len()];
            let Ok(next) = step(state, event, paused_from) else {
                continue;
            };
            if next == State::Paused && state != State::Paused {
                paused_from = Some(state);
            }
            steps.push((state, event, next));
            state = next;
        }
        steps
    }

    proptest! {
        #[test]
        fn invariants_hold_for_every_sequence_of_events(picks in proptest::collection::vec(0usize..Event::VARIANTS.len(), 0..200)) {
            let steps = walk(&picks);
            let (mut reserved, mut signed) = (false, false);
            for (before, event, after) in steps {
                // A terminal state is never left.
                prop_assert!(!before.is_terminal() || before == after, "{before:?} {event:?} {after:?}");
                signed |= event == Event::Signed;
                reserved |= signed || event == Event::SignatureRequested;
                // Nothing is on a chain, or final there, before its bytes are stored.
                let needs_bytes = after.may_be_on_chain() || after == State::Final;
                prop_assert!(!needs_bytes || signed, "{before:?} {event:?} {after:?}");
                // Only a replay key that it holds can be used by another transaction.
                let loses_its_key = matches!(after, State::Replaced | State::Cancelled);
                prop_assert!(!loses_its_key || reserved, "{before:?} {event:?} {after:?}");
                // A reserved replay key is never given back.
                let waits_for_a_key = matches!(after, State::Received | State::Deciding | State::AwaitingApproval | State::Permitted);
                prop_assert!(!waits_for_a_key || !reserved, "{before:?} {event:?} {after:?}");
                prop_assert!(!matches!(after, State::Denied | State::Expired) || !reserved);
                // States that promise that nothing was sent are never reached after signing.
                prop_assert!(!matches!(after, State::Denied | State::Expired | State::Failed) || !signed);
                // Nothing is signed without a permit.
                if event == Event::Signed {
                    prop_assert!(!matches!(before, State::Received | State::Deciding | State::AwaitingApproval));
                }
            }
        }
    }

    #[test]
    fn every_state_is_reachable() {
        let start = (State::Received, None);
        let (mut known, mut open) = (std::collections::HashSet::from([start]), vec![start]);
        while let Some((state, paused_from)) = open.pop() {
            for event in Event::VARIANTS {
                let next = match step(state, *event, paused_from) {
                    Ok(State::Paused) if state != State::Paused => (State::Paused, Some(state)),
                    Ok(State::Paused) => (State::Paused, paused_from),
                    Ok(next) => (next, None),
                    Err(_) => continue,
                };
                if known.insert(next) {
                    open.push(next);
                }
            }
        }
        for state in State::VARIANTS {
            let is_reached = known.iter().any(|(reached, _)| reached == state);
            assert!(is_reached, "{state:?} is not reachable");
        }
    }

    #[test]
    fn state_names_round_trip() {
        for state in State::VARIANTS {
            assert_eq!(state.as_str().parse(), Ok(*state));
        }
        assert!("lost".parse::<State>().is_err());
    }

    #[test]
    fn a_reorganized_submission_is_mined_again_and_ends_once() {
        let path = [
            Event::DecisionStarted,
            Event::Permitted,
            Event::Signed,
            Event::Accepted,
            Event::Mined,
            Event::Reorged,
            Event::Accepted,
            Event::Mined,
            Event::Final,
        ];
        let end = path
            .into_iter()
            .try_fold(State::Received, |state, event| step(state, event, None));
        assert_eq!(end, Ok(State::Final));
        assert_eq!(step(State::Final, Event::Reorged, None), Ok(State::Final));
    }

    #[test]
    fn a_refused_signature_leaves_the_submission_waiting_for_the_end_of_its_replay_key() {
        let signing = [
            Event::DecisionStarted,
            Event::Permitted,
            Event::SignatureRequested,
        ];
        let signing = signing
            .into_iter()
            .try_fold(State::Received, |state, event| step(state, event, None));
        assert_eq!(signing, Ok(State::Signing));
        for (event, end) in [
            (Event::Cancelled, State::Cancelled),
            (Event::Superseded, State::Replaced),
        ] {
            assert_eq!(step(State::Signing, event, None), Ok(end));
        }
        assert!(step(State::Signing, Event::Permitted, None).is_err());
        assert!(step(State::Signing, Event::Expired, None).is_err());
        assert!(step(State::Signing, Event::Paused, None).is_err());
    }

    #[test]
    fn a_denied_submission_cannot_be_signed() {
        assert!(step(State::Denied, Event::Signed, None).is_err());
        assert!(step(State::Received, Event::Signed, None).is_err());
    }
}
