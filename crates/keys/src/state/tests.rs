//! Random sequences of signing attempts, revocations and freezes, checked against the invariants of
//! everything that was signed.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::Scope;
use proptest::prelude::*;
use types::Ulid;

const PERMITS: u8 = 6;
const LIMIT: u32 = 2;

#[derive(Debug, Clone)]
enum Event {
    /// A signing attempt: replay keys as bits, a price, the permit it supersedes.
    Attempt {
        permit: u8,
        replay_keys: u8,
        price: u8,
        supersedes: Option<u8>,
        stage: Stage,
    },
    /// The answer to a waiting request: a signature, or none.
    Answer {
        request: prop::sample::Index,
        is_signed: bool,
    },
    Revoke(u8),
    /// 0 none, 1 soft, 2 hard.
    Freeze(u8),
    /// The clock advances.
    Later,
}

fn events() -> impl Strategy<Value = Event> {
    let attempt = (
        0..PERMITS,
        1u8..16,
        0u8..3,
        proptest::option::of(0..PERMITS),
        prop_oneof![Just(Stage::Signature), Just(Stage::Request)],
    );
    let answer = (any::<prop::sample::Index>(), any::<bool>());
    prop_oneof![
        16 => attempt.prop_map(|(permit, replay_keys, price, supersedes, stage)| Event::Attempt { permit, replay_keys, price, supersedes, stage }),
        6 => answer.prop_map(|(request, is_signed)| Event::Answer { request, is_signed }),
        1 => (0..PERMITS).prop_map(Event::Revoke),
        2 => (0u8..3).prop_map(Event::Freeze),
        1 => Just(Event::Later),
    ]
}

fn permit(number: u8) -> PermitId {
    PermitId::from_ulid(Ulid::from_bits(u128::from(number)))
}

/// Permits 0 and 1 are for one intent, 2 and 3 for another, 4 and 5 for cancels. The odd ones
/// expire at second 2, the even ones at 4.
fn attempt(number: u8, replay_keys: u8, price: u8, supersedes: Option<u8>) -> SigningAttempt {
    let names = (0..4u64).filter(|bit| replay_keys & (1 << bit) != 0);
    SigningAttempt {
        permit: permit(number),
        supersedes: supersedes.map(permit),
        chain: ChainId::evm(1),
        signer: "0x1".into(),
        intent: Digest([number / 2; 32]),
        is_cancel: number >= 4,
        bytes: Digest::of(&[number / 2, replay_keys, price]),
        replay_keys: names.map(|name| ReplayKey::nonce("0x1", name)).collect(),
        limit: LIMIT,
        not_after: Time::from_secs(if number % 2 == 1 { 2 } else { 4 }),
    }
}

fn frozen(level: u8) -> Option<Freeze> {
    (level > 0).then(|| Freeze {
        scope: Scope::Namespace,
        hard: level > 1,
        reason: String::new(),
        by: String::new(),
        since: Time::EPOCH,
    })
}

/// An admitted attempt, tracked independently of the code under test.
#[derive(Debug, Clone)]
struct AdmittedAttempt {
    attempt: SigningAttempt,
    chain: usize,
}

/// What was admitted so far, and what of it was signed and still waits.
#[derive(Debug, Default)]
struct History {
    admitted: Vec<AdmittedAttempt>,
    signed: Vec<SigningAttempt>,
    waiting: Vec<AdmittedAttempt>,
}

impl History {
    /// The permit chain of an admitted attempt: its permit's, its predecessor's, or a new one.
    fn chain_of(&self, attempt: &SigningAttempt) -> usize {
        let chain_of_permit = |id: PermitId| {
            let mut admitted = self.admitted.iter();
            let other = admitted.find(|other| other.attempt.permit == id);
            other.map(|other| other.chain)
        };
        chain_of_permit(attempt.permit)
            .or_else(|| attempt.supersedes.and_then(chain_of_permit))
            .unwrap_or(self.admitted.len())
    }

    /// The permits that this one supersedes, directly or through others.
    fn before(&self, permit: PermitId) -> Vec<PermitId> {
        let earlier = |permit: &PermitId| {
            let mut admitted = self.admitted.iter();
            let first = admitted.find(|other| other.attempt.permit == *permit)?;
            first.attempt.supersedes
        };
        std::iter::successors(earlier(&permit), earlier).collect()
    }

    fn pending(&self) -> HashMap<PermitId, PermitId> {
        let waiting = self.waiting.iter().map(|one| one.attempt.permit);
        waiting
            .filter_map(|permit| Some((*self.before(permit).first()?, permit)))
            .collect()
    }
}

fn share_replay_key(a: &SigningAttempt, b: &SigningAttempt) -> bool {
    a.replay_keys
        .iter()
        .any(|replay_key| b.replay_keys.contains(replay_key))
}

fn check(
    history: &History,
    attempt: &SigningAttempt,
    chain: usize,
    level: u8,
    revoked: &HashSet<PermitId>,
    now: Time,
) {
    let (admitted, mut signed) = (&history.admitted, history.signed.iter());
    let used = signed.any(|other| other.permit == attempt.permit);
    assert!(level < 2, "nothing is signed under a hard freeze");
    assert!(
        !revoked.contains(&attempt.permit),
        "nothing is signed under a revoked permit"
    );
    assert!(
        now <= attempt.not_after || used && attempt.is_cancel,
        "nothing but a cancel is signed after expiry"
    );
    if level == 1 {
        assert!(
            attempt.is_cancel
                && admitted
                    .iter()
                    .any(|other| other.chain == chain && share_replay_key(&other.attempt, attempt))
        );
    }
    for other in admitted {
        let same = other.chain == chain;
        assert_eq!(
            same,
            share_replay_key(&other.attempt, attempt),
            "attempts share a replay key exactly within a permit chain:\n{other:?}\n{attempt:?}"
        );
    }
    for other in &history.signed {
        assert!(
            !history.before(other.permit).contains(&attempt.permit),
            "nothing is signed under a permit once another is signed that supersedes it"
        );
    }
    let mut bytes: HashSet<Digest> = admitted
        .iter()
        .filter(|other| other.attempt.permit == attempt.permit)
        .map(|other| other.attempt.bytes)
        .collect();
    bytes.insert(attempt.bytes);
    assert!(
        bytes.len() <= LIMIT as usize,
        "no more transactions than the permit allows"
    );
}

/// A signed attempt has a predecessor of the same intent, or is a cancel.
fn check_intents(history: &History, attempt: &SigningAttempt) {
    for permit in history.before(attempt.permit) {
        let mut admitted = history.admitted.iter();
        let earlier = admitted.find(|other| other.attempt.permit == permit);
        let same = earlier.is_some_and(|earlier| earlier.attempt.intent == attempt.intent);
        assert!(
            same || attempt.is_cancel,
            "only a cancel may supersede another intent"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_permit_chain_uses_one_replay_key_for_any_sequence_of_attempts(sequence in prop::collection::vec(events(), 1..60)) {
        let mut state = PermitState::default();
        let (mut history, mut level, mut now) = (History::default(), 0, Time::from_secs(0));
        for event in sequence {
            match event {
                Event::Revoke(number) => { state.revoked.insert(permit(number)); }
                Event::Freeze(to) => level = to,
                Event::Later => now = now.plus_millis(1_000),
                Event::Answer { request, is_signed } => {
                    if history.waiting.is_empty() {
                        continue;
                    }
                    let AdmittedAttempt { attempt, chain } = history.waiting.remove(request.index(history.waiting.len()));
                    state.pending = history.pending();
                    if is_signed && state.confirm(&attempt, frozen(level).as_ref(), now).is_ok() {
                        check(&history, &attempt, chain, level, &state.revoked, now);
                        check_intents(&history, &attempt);
                        state.supersede(&attempt.permit);
                        history.signed.push(attempt);
                    }
                }
                Event::Attempt { permit, replay_keys, price, supersedes, stage } => {
                    let attempt = attempt(permit, replay_keys, price, supersedes);
                    let before = state.clone();
                    match state.admit(&attempt, stage, frozen(level).as_ref(), now) {
                        Ok(_) => {
                            let chain = history.chain_of(&attempt);
                            check(&history, &attempt, chain, level, &before.revoked, now);
                            let admitted = AdmittedAttempt { attempt: attempt.clone(), chain };
                            history.admitted.push(admitted.clone());
                            check_intents(&history, &attempt);
                            match stage {
                                Stage::Signature => history.signed.push(attempt),
                                Stage::Request => history.waiting.push(admitted),
                            }
                            state.pending = history.pending();
                        }
                        Err(_) => {
                            prop_assert_eq!(format!("{:?}", before.uses), format!("{:?}", state.uses), "a rejection changes nothing");
                            prop_assert_eq!(&before.owners, &state.owners);
                            prop_assert_eq!(&before.known, &state.known);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_permit_chain_continues_from_permit_to_permit() {
    let mut state = PermitState::default();
    let now = Time::from_secs(1);
    assert_eq!(
        state
            .admit(&attempt(0, 1, 0, None), Stage::Signature, None, now)
            .unwrap()
            .claimed
            .len(),
        1
    );
    assert!(
        state
            .admit(&attempt(0, 1, 0, None), Stage::Signature, None, now)
            .unwrap()
            .repeated
    );
    assert!(
        state
            .admit(&attempt(0, 3, 1, None), Stage::Signature, None, now)
            .is_ok(),
        "an additional input besides the anchor"
    );
    assert!(matches!(
        state.admit(&attempt(0, 1, 2, None), Stage::Signature, None, now),
        Err(Error::PermitSpent { .. })
    ));
    assert!(matches!(
        state.admit(&attempt(2, 2, 0, None), Stage::Signature, None, now),
        Err(Error::ReplayKeyUsed { .. })
    ));
    assert!(matches!(
        state.admit(&attempt(1, 2, 0, Some(0)), Stage::Signature, None, now),
        Err(Error::ReplayKeyMismatch { .. })
    ));
    assert!(
        state
            .admit(&attempt(1, 1, 2, Some(0)), Stage::Signature, None, now)
            .is_ok()
    );
    assert!(matches!(
        state.admit(&attempt(0, 1, 0, None), Stage::Signature, None, now),
        Err(Error::Superseded { .. })
    ));
    assert!(
        state
            .admit(
                &attempt(4, 1, 0, Some(1)),
                Stage::Signature,
                frozen(1).as_ref(),
                now
            )
            .is_ok(),
        "a soft freeze allows a cancel"
    );
    assert!(matches!(
        state.admit(
            &attempt(4, 1, 1, None),
            Stage::Signature,
            frozen(2).as_ref(),
            now
        ),
        Err(Error::Frozen { .. })
    ));
    assert!(matches!(
        state.admit(
            &attempt(5, 4, 1, None),
            Stage::Signature,
            frozen(1).as_ref(),
            now
        ),
        Err(Error::Frozen { .. })
    ));
}

#[test]
fn a_replay_key_of_another_namespace_cannot_be_claimed() {
    let mut state = PermitState::default();
    let attempt = attempt(0, 1, 0, None);
    state.owners.insert(
        (
            attempt.chain,
            attempt.signer.clone(),
            attempt.replay_keys[0].clone(),
        ),
        Owner::OtherNamespace,
    );
    assert!(matches!(
        state.admit(&attempt, Stage::Signature, None, Time::EPOCH),
        Err(Error::ReplayKeyUsed { .. })
    ));
}
