//! Random sequences of orders, revocations and freezes against the rules that must hold of all that
//! was signed.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::Scope;
use proptest::prelude::*;
use types::Ulid;

const PERMITS: u8 = 6;
const LIMIT: u32 = 2;

/// Something that happens.
#[derive(Debug, Clone)]
enum Event {
    /// An order under a permit: witnesses as bits, which price, what it would supersede.
    Order {
        permit: u8,
        witnesses: u8,
        price: u8,
        supersedes: Option<u8>,
    },
    Revoke(u8),
    /// None, soft or hard.
    Freeze(u8),
    /// The clock goes on.
    Later,
}

fn events() -> impl Strategy<Value = Event> {
    let order = (
        0..PERMITS,
        1u8..16,
        0u8..3,
        proptest::option::of(0..PERMITS),
    );
    prop_oneof![
        16 => order.prop_map(|(permit, witnesses, price, supersedes)| Event::Order { permit, witnesses, price, supersedes }),
        1 => (0..PERMITS).prop_map(Event::Revoke),
        2 => (0u8..3).prop_map(Event::Freeze),
        1 => Just(Event::Later),
    ]
}

fn permit(number: u8) -> PermitId {
    PermitId::from_ulid(Ulid::from_bits(u128::from(number)))
}

/// Permits 0 and 1 are for one intent, 2 and 3 for another, 4 and 5 for cancels. The odd ones run
/// out at 2, the even ones at 4.
fn ask(number: u8, witnesses: u8, price: u8, supersedes: Option<u8>) -> Ask {
    let names = (0..4u64).filter(|bit| witnesses & (1 << bit) != 0);
    Ask {
        permit: permit(number),
        supersedes: supersedes.map(permit),
        chain: ChainId::evm(1),
        signer: "0x1".into(),
        intent: Digest([number / 2; 32]),
        is_cancel: number >= 4,
        bytes: Digest::of(&[number / 2, witnesses, price]),
        witnesses: names.map(|name| Witness::nonce("0x1", name)).collect(),
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

/// What was let through, as the judge of this test sees it.
#[derive(Debug, Clone)]
struct Passed {
    ask: Ask,
    line: usize,
}

/// The line that an accepted order belongs to: its permit's, its predecessor's, or a new one.
fn line_of(passed: &[Passed], ask: &Ask) -> usize {
    let known = |id: PermitId| {
        passed
            .iter()
            .find(|one| one.ask.permit == id)
            .map(|one| one.line)
    };
    known(ask.permit)
        .or_else(|| ask.supersedes.and_then(known))
        .unwrap_or(passed.len())
}

fn share(a: &Ask, b: &Ask) -> bool {
    a.witnesses
        .iter()
        .any(|witness| b.witnesses.contains(witness))
}

fn check(
    passed: &[Passed],
    ask: &Ask,
    line: usize,
    level: u8,
    revoked: &HashSet<PermitId>,
    now: Time,
) {
    let used = passed.iter().any(|one| one.ask.permit == ask.permit);
    assert!(level < 2, "nothing is signed under a hard freeze");
    assert!(!revoked.contains(&ask.permit), "nor under a revoked permit");
    assert!(
        now <= ask.not_after || used && ask.is_cancel,
        "nor too late"
    );
    if level == 1 {
        assert!(
            ask.is_cancel
                && passed
                    .iter()
                    .any(|one| one.line == line && share(&one.ask, ask))
        );
    }
    for one in passed {
        let same = one.line == line;
        assert_eq!(
            same,
            share(&one.ask, ask),
            "a line shares a witness, and no other has it:\n{one:?}\n{ask:?}"
        );
        if same && one.ask.intent != ask.intent {
            assert!(
                ask.is_cancel,
                "what takes another's place does the same, or nothing"
            );
        }
    }
    let mut bytes: HashSet<Digest> = passed
        .iter()
        .filter(|one| one.ask.permit == ask.permit)
        .map(|one| one.ask.bytes)
        .collect();
    bytes.insert(ask.bytes);
    assert!(
        bytes.len() <= LIMIT as usize,
        "no more transactions than the permit allows"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_asked_a_line_of_permits_spends_one_witness(sequence in prop::collection::vec(events(), 1..60)) {
        let mut book = Book::default();
        let (mut passed, mut level, mut now) = (Vec::<Passed>::new(), 0, Time::from_secs(0));
        for event in sequence {
            match event {
                Event::Revoke(number) => { book.revoked.insert(permit(number)); }
                Event::Freeze(to) => level = to,
                Event::Later => now = now.plus_millis(1_000),
                Event::Order { permit, witnesses, price, supersedes } => {
                    let ask = ask(permit, witnesses, price, supersedes);
                    let before = book.clone();
                    match book.enter(&ask, frozen(level).as_ref(), now) {
                        Ok(_) => {
                            let line = line_of(&passed, &ask);
                            check(&passed, &ask, line, level, &before.revoked, now);
                            passed.push(Passed { ask, line });
                        }
                        Err(_) => {
                            prop_assert_eq!(format!("{:?}", before.uses), format!("{:?}", book.uses), "a refusal changes nothing");
                            prop_assert_eq!(&before.owners, &book.owners);
                            prop_assert_eq!(&before.known, &book.known);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_line_goes_on_from_permit_to_permit() {
    let mut book = Book::default();
    let now = Time::from_secs(1);
    assert_eq!(
        book.enter(&ask(0, 1, 0, None), None, now)
            .unwrap()
            .claimed
            .len(),
        1
    );
    assert!(book.enter(&ask(0, 1, 0, None), None, now).unwrap().again);
    assert!(
        book.enter(&ask(0, 3, 1, None), None, now).is_ok(),
        "a further input, beside the anchor"
    );
    assert!(matches!(
        book.enter(&ask(0, 1, 2, None), None, now),
        Err(Error::PermitSpent { .. })
    ));
    assert!(matches!(
        book.enter(&ask(2, 2, 0, None), None, now),
        Err(Error::WitnessUsed { .. })
    ));
    assert!(matches!(
        book.enter(&ask(1, 2, 0, Some(0)), None, now),
        Err(Error::OtherWitness { .. })
    ));
    assert!(book.enter(&ask(1, 1, 2, Some(0)), None, now).is_ok());
    assert!(matches!(
        book.enter(&ask(0, 1, 0, None), None, now),
        Err(Error::Superseded { .. })
    ));
    assert!(
        book.enter(&ask(4, 1, 0, Some(1)), frozen(1).as_ref(), now)
            .is_ok(),
        "a cancel under a soft freeze"
    );
    assert!(matches!(
        book.enter(&ask(4, 1, 1, None), frozen(2).as_ref(), now),
        Err(Error::Frozen { .. })
    ));
    assert!(matches!(
        book.enter(&ask(5, 4, 1, None), frozen(1).as_ref(), now),
        Err(Error::Frozen { .. })
    ));
}

#[test]
fn a_witness_of_another_namespace_is_taken() {
    let mut book = Book::default();
    let ask = ask(0, 1, 0, None);
    book.owners.insert(
        (
            ask.chain.clone(),
            ask.signer.clone(),
            ask.witnesses[0].clone(),
        ),
        Owner::Foreign,
    );
    assert!(matches!(
        book.enter(&ask, None, Time::EPOCH),
        Err(Error::WitnessUsed { .. })
    ));
}
