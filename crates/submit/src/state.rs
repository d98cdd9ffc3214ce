//! The life of a submission. Pure: every pair of state and event has its answer here.

use serde::{Deserialize, Serialize};

/// Where a submission stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Committed under its idempotency key.
    Received,
    /// Policy is being asked.
    Deciding,
    /// Obligations are open; it has no place in any lane.
    AwaitingApproval,
    /// A permit is held; it waits for room in its lane.
    Permitted,
    /// Remote keys only: its witness is committed, no signature was asked for.
    NonceReserved,
    /// Remote keys only: the signature was asked for.
    Signing,
    /// Raw bytes and hash are stored; a node may or may not know them.
    Signed,
    /// A node said yes, or that it knows these bytes. A hint, no proof.
    Accepted,
    /// In a block that is not final.
    Mined,
    /// In a final block: succeeded or reverted.
    Final,
    /// Policy said no. Nothing was ever sent.
    Denied,
    /// Approvals or the permit ran out. Nothing was ever sent.
    Expired,
    /// It cannot be done. Nothing that could still take effect was sent.
    Failed,
    /// Another transaction on its witness became final.
    Replaced,
    /// Its cancel became final.
    Cancelled,
    /// Was mined, is not now; every hash stays watched.
    Reorged,
    /// Held: funds, fee cap, permission, an operator. The reason says which.
    Paused,
}

/// What happens to a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// The worker took it up.
    Taken,
    /// Policy gave a permit.
    Permitted,
    /// Policy wants approvals.
    NeedsApproval,
    /// Policy said no, or an approver did.
    Denied,
    /// Time ran out before anything was signed.
    Expired,
    /// It cannot be done: the contract reverts, the intent does not fit the chain, the bytes can
    /// never enter.
    Impossible,
    /// Remote keys: the witness is committed.
    Reserved,
    /// Remote keys: the signature was asked for.
    Asked,
    /// Bytes and hash are committed: the first, or a replacement on the same witness.
    Signed,
    /// A node said yes or "known".
    Accepted,
    /// A node said no, or nothing that proves anything: the same bytes are sent again.
    Unproven,
    /// One of its hashes is in a block of the canonical chain.
    Mined,
    /// That block is canonical no more.
    Dropped,
    /// The block with one of its hashes is final.
    Final,
    /// Another submission's hash on its witness is final.
    Superseded,
    /// Its own cancel's hash is final.
    Cancelled,
    /// Held for a reason.
    Paused,
    /// The reason is gone: it goes on where it was.
    Resumed,
}

/// A pair that must not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a submission that is {state:?} cannot be {event:?}")]
pub struct Illegal {
    /// Where it stood.
    pub state: State,
    /// What came.
    pub event: Event,
}

impl State {
    /// Every state.
    pub const ALL: [State; 17] = [
        State::Received,
        State::Deciding,
        State::AwaitingApproval,
        State::Permitted,
        State::NonceReserved,
        State::Signing,
        State::Signed,
        State::Accepted,
        State::Mined,
        State::Final,
        State::Denied,
        State::Expired,
        State::Failed,
        State::Replaced,
        State::Cancelled,
        State::Reorged,
        State::Paused,
    ];

    /// Whether it never changes again.
    pub fn is_terminal(self) -> bool {
        use State as S;
        matches!(
            self,
            S::Final | S::Denied | S::Expired | S::Failed | S::Replaced | S::Cancelled
        )
    }

    /// Whether bytes of it may be on their way or in a block.
    pub fn may_be_on_chain(self) -> bool {
        use State as S;
        matches!(self, S::Signed | S::Accepted | S::Mined | S::Reorged)
    }

    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        use State as S;
        match self {
            S::Received => "received",
            S::Deciding => "deciding",
            S::AwaitingApproval => "awaiting_approval",
            S::Permitted => "permitted",
            S::NonceReserved => "nonce_reserved",
            S::Signing => "signing",
            S::Signed => "signed",
            S::Accepted => "accepted",
            S::Mined => "mined",
            S::Final => "final",
            S::Denied => "denied",
            S::Expired => "expired",
            S::Failed => "failed",
            S::Replaced => "replaced",
            S::Cancelled => "cancelled",
            S::Reorged => "reorged",
            S::Paused => "paused",
        }
    }

    /// The type of the fact that tells it.
    pub(crate) fn fact(self) -> &'static str {
        use State as S;
        match self {
            S::Received => "submission.received",
            S::Deciding => "submission.deciding",
            S::AwaitingApproval => "submission.awaiting_approval",
            S::Permitted => "submission.permitted",
            S::NonceReserved => "submission.nonce_reserved",
            S::Signing => "submission.signing",
            S::Signed => "submission.signed",
            S::Accepted => "submission.accepted",
            S::Mined => "submission.mined",
            S::Final => "submission.final",
            S::Denied => "submission.denied",
            S::Expired => "submission.expired",
            S::Failed => "submission.failed",
            S::Replaced => "submission.replaced",
            S::Cancelled => "submission.cancelled",
            S::Reorged => "submission.reorged",
            S::Paused => "submission.paused",
        }
    }

    /// From what is stored or asked for.
    pub fn parse(text: &str) -> Option<Self> {
        State::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// One step. `paused_from` is where a paused submission goes on.
pub fn step(state: State, event: Event, paused_from: Option<State>) -> Result<State, Illegal> {
    use {Event as E, State as S};
    let next = match (state, event) {
        (S::Received, E::Taken) | (S::Deciding, E::Taken) => S::Deciding,
        (S::Received | S::Deciding | S::AwaitingApproval, E::Permitted) => S::Permitted,
        (S::Received | S::Deciding | S::AwaitingApproval, E::NeedsApproval) => S::AwaitingApproval,
        (S::Received | S::Deciding | S::AwaitingApproval | S::Permitted, E::Denied) => S::Denied,
        (S::Received | S::Deciding | S::AwaitingApproval | S::Permitted, E::Expired) => S::Expired,
        (S::Received | S::Deciding | S::AwaitingApproval | S::Permitted, E::Impossible) => {
            S::Failed
        }
        (S::Permitted, E::Reserved) => S::NonceReserved,
        (S::NonceReserved, E::Asked) => S::Signing,
        (S::Permitted | S::Signing | S::Signed | S::Accepted | S::Reorged, E::Signed) => S::Signed,
        (S::Signed | S::Accepted | S::Reorged, E::Accepted) => S::Accepted,
        (S::Signed | S::Accepted | S::Reorged, E::Unproven) => state,
        (S::Signed | S::Accepted | S::Reorged | S::Mined, E::Mined) => S::Mined,
        (S::Mined, E::Dropped) => S::Reorged,
        (S::Mined, E::Final) => S::Final,
        (S::Signed | S::Accepted | S::Mined | S::Reorged, E::Superseded) => S::Replaced,
        (S::Signed | S::Accepted | S::Mined | S::Reorged, E::Cancelled) => S::Cancelled,
        // The chain does not care that we have paused.
        (S::Paused, E::Mined | E::Superseded | E::Cancelled)
            if paused_from.is_some_and(S::may_be_on_chain) =>
        {
            return step(S::Signed, event, None);
        }
        (S::Permitted | S::Signed | S::Accepted | S::Reorged, E::Paused) => S::Paused,
        (S::Paused, E::Paused) => S::Paused,
        (S::Paused, E::Resumed) => paused_from.unwrap_or(S::Signed),
        (state, event) if is_late(state, event) => state,
        _ => return Err(Illegal { state, event }),
    };
    Ok(next)
}

/// News that others overtook: it changes nothing.
fn is_late(state: State, event: Event) -> bool {
    use {Event as E, State as S};
    match event {
        E::Accepted | E::Unproven => matches!(state, S::Mined | S::Paused) || state.is_terminal(),
        E::Dropped => {
            matches!(state, S::Reorged | S::Signed | S::Accepted | S::Paused) || state.is_terminal()
        }
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

    const EVENTS: [Event; 18] = [
        Event::Taken,
        Event::Permitted,
        Event::NeedsApproval,
        Event::Denied,
        Event::Expired,
        Event::Impossible,
        Event::Reserved,
        Event::Asked,
        Event::Signed,
        Event::Accepted,
        Event::Unproven,
        Event::Mined,
        Event::Dropped,
        Event::Final,
        Event::Superseded,
        Event::Cancelled,
        Event::Paused,
        Event::Resumed,
    ];

    fn walk(picks: &[usize]) -> Vec<(State, Event, State)> {
        let (mut state, mut paused_from) = (State::Received, None);
        let mut steps = Vec::new();
        for pick in picks {
            let event = EVENTS[pick % EVENTS.len()];
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
        fn whatever_happens(picks in proptest::collection::vec(0usize..18, 0..200)) {
            let steps = walk(&picks);
            let mut signed = false;
            for (before, event, after) in steps {
                // A terminal state is never left.
                prop_assert!(!before.is_terminal() || before == after, "{before:?} {event:?} {after:?}");
                signed |= event == Event::Signed;
                // Nothing is on a chain, or ends there, before its bytes were stored.
                let needs_bytes = after.may_be_on_chain() || matches!(after, State::Final | State::Replaced | State::Cancelled);
                prop_assert!(!needs_bytes || signed, "{before:?} {event:?} {after:?}");
                // What says that nothing was ever sent says so truly.
                prop_assert!(!matches!(after, State::Denied | State::Expired | State::Failed) || !signed);
                // Nothing is signed without a permit.
                if event == Event::Signed {
                    prop_assert!(!matches!(before, State::Received | State::Deciding | State::AwaitingApproval));
                }
            }
        }
    }

    #[test]
    fn names_read_back() {
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
        assert_eq!(State::parse("lost"), None);
    }

    #[test]
    fn a_reorganised_submission_goes_back_and_ends_once() {
        let path = [
            Event::Taken,
            Event::Permitted,
            Event::Signed,
            Event::Accepted,
            Event::Mined,
            Event::Dropped,
            Event::Accepted,
            Event::Mined,
            Event::Final,
        ];
        let end = path
            .into_iter()
            .try_fold(State::Received, |state, event| step(state, event, None));
        assert_eq!(end, Ok(State::Final));
        assert_eq!(step(State::Final, Event::Dropped, None), Ok(State::Final));
    }

    #[test]
    fn a_denied_one_cannot_be_signed() {
        assert!(step(State::Denied, Event::Signed, None).is_err());
        assert!(step(State::Received, Event::Signed, None).is_err());
    }
}
