//! The state machine of a statement. Pure and total: every pair of state and event has an arm.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

/// The state of a statement.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum StatementState {
    /// Committed under its idempotency key.
    Received,
    /// A policy decision is pending.
    Deciding,
    /// It holds a permit that was not used yet.
    Permitted,
    /// Its permit is used, and its signature is requested of a back end that answers later.
    Signing,
    /// The use of its permit and its signature are committed.
    Signed,
    /// Policy denied it.
    Denied,
    /// Its permit expired before it was signed.
    Expired,
    /// It cannot be signed.
    Failed,
    /// The caller no longer wants it.
    Withdrawn,
}

store::text_columns! { as_in_json: StatementState }

/// An event in the life of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum StatementEvent {
    /// The worker starts to decide it.
    DecisionStarted,
    /// Policy issued a permit.
    Permitted,
    /// What its permit relies on changed before the permit was used: it is decided again.
    Outdated,
    /// Policy denied it, or its initiator lost the authority before its permit was used.
    Denied,
    /// Its permit is used, with the request for its signature.
    SignatureRequested,
    /// Its permit is used, with the signature, or the requested signature has arrived.
    Signed,
    /// Its permit expired before it was signed.
    Expired,
    /// `keys` or the back end refused to sign it, and would again.
    Failed,
    /// The caller no longer wants it.
    Withdrawn,
}

/// A transition that the state machine of statements does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("event {event} is not allowed for a statement in state {state:?}")]
pub struct IllegalStatementTransition {
    pub state: StatementState,
    /// The name of the event.
    pub event: &'static str,
}

impl StatementState {
    /// Whether the statement never changes again.
    pub fn is_terminal(self) -> bool {
        use StatementState as S;
        matches!(
            self,
            S::Signed | S::Denied | S::Expired | S::Failed | S::Withdrawn
        )
    }

    /// Whether policy has not permitted or denied it yet.
    fn is_undecided(self) -> bool {
        matches!(self, StatementState::Received | StatementState::Deciding)
    }

    /// The name as stored and shown.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The type of the fact that records this state.
    pub(super) fn fact_type(self) -> String {
        format!("statement.{}", self.as_str())
    }
}

/// The state after an event.
pub(super) fn step(
    state: StatementState,
    event: StatementEvent,
) -> Result<StatementState, IllegalStatementTransition> {
    use {StatementEvent as E, StatementState as S};
    let may_be_signed = matches!(state, S::Permitted | S::Signing);
    let next = match event {
        E::DecisionStarted if state.is_undecided() => S::Deciding,
        E::Permitted if state == S::Deciding => S::Permitted,
        E::Outdated if state == S::Permitted => S::Deciding,
        E::Denied if state.is_undecided() || state == S::Permitted => S::Denied,
        E::SignatureRequested if state == S::Permitted => S::Signing,
        E::Signed if may_be_signed => S::Signed,
        E::Expired if may_be_signed => S::Expired,
        E::Failed if may_be_signed => S::Failed,
        E::Withdrawn if !state.is_terminal() => S::Withdrawn,
        _ => {
            let event = event.into();
            return Err(IllegalStatementTransition { state, event });
        }
    };
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Step = (StatementState, StatementEvent, StatementState);

    fn walk(picks: &[usize]) -> Vec<Step> {
        let mut state = StatementState::Received;
        let mut steps = Vec::new();
        for pick in picks {
            let event = StatementEvent::VARIANTS[pick % StatementEvent::VARIANTS.len()];
            if let Ok(next) = step(state, event) {
                steps.push((state, event, next));
                state = next;
            }
        }
        steps
    }

    proptest! {
        #[test]
        fn invariants_hold_for_every_sequence_of_events(picks in proptest::collection::vec(0usize..64, 0..60)) {
            use {StatementEvent as E, StatementState as S};
            let (mut permitted, mut denied, mut uses) = (false, false, 0);
            for (before, event, after) in walk(&picks) {
                // A terminal state is never left.
                prop_assert!(!before.is_terminal(), "{before:?} {event:?} {after:?}");
                // Nothing is signed or requested without a permit, and nothing that was denied.
                permitted |= event == E::Permitted;
                denied |= event == E::Denied;
                let is_used = matches!(after, S::Signing | S::Signed);
                prop_assert!(!is_used || (permitted && !denied), "{before:?} {event:?} {after:?}");
                // Its permit is used once: by a request, or by a signature without one.
                uses += u32::from(is_used && before == S::Permitted);
                prop_assert!(uses <= 1, "{before:?} {event:?} {after:?}");
                // Once its permit is used, it is never decided or requested again.
                prop_assert!(uses == 0 || !matches!(after, S::Deciding | S::Permitted | S::Denied));
            }
        }
    }

    #[test]
    fn every_state_is_reachable() {
        let mut known = std::collections::HashSet::from([StatementState::Received]);
        let mut open = vec![StatementState::Received];
        while let Some(state) = open.pop() {
            let next = |event: &StatementEvent| step(state, *event).ok();
            let next: Vec<_> = StatementEvent::VARIANTS.iter().filter_map(next).collect();
            open.extend(next.into_iter().filter(|next| known.insert(*next)));
        }
        assert_eq!(known.len(), StatementState::VARIANTS.len());
    }

    #[test]
    fn a_refused_transition_names_state_and_event() {
        let refused = step(StatementState::Signed, StatementEvent::Withdrawn);
        let text = refused.map_err(|error| error.to_string());
        let expected = "event withdrawn is not allowed for a statement in state Signed";
        assert_eq!(text, Err(expected.to_owned()));
    }
}
