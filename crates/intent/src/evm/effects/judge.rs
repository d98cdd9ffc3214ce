//! What is not known of a target or of its function.

use super::frame::Frame;
use super::interfaces;
use crate::evm::address;
use crate::evm::standards::{Declared, Nested, NestedKind, Reading};
use crate::{DecodedBy, IncompleteCode, Knowledge, KnownAccount, KnownContract, Standard};
use serde_json::Value;

/// The function of a call, its arguments by name, and what named them.
pub(super) type Named = (String, Value, DecodedBy);

/// Contracts whose token is the chain's native coin: CELO, Polygon, zkSync, Moonbeam.
const NATIVE_ALIASES: [&str; 4] = [
    "0x471ece3750da237f93b8e339c536989b8978a438",
    "0x0000000000000000000000000000000000001010",
    "0x000000000000000000000000000000000000800a",
    "0x0000000000000000000000000000000000000802",
];

/// Whether a movement of this contract's tokens is one of the native coin.
pub(super) fn is_native_alias(contract: &str) -> bool {
    NATIVE_ALIASES.contains(&contract)
}

/// Whether the chain itself acts at an address without code: precompiled contracts (below 0x10000,
/// which includes Moonbeam's 0x8xx) and predeployed ones (0x4200…00xx of OP stack chains).
pub(super) fn is_reserved(account: &str) -> bool {
    let Some(account) = address::parse_canonical(account) else {
        return true;
    };
    let (head, middle) = (account[0], &account[1..18]);
    middle.iter().all(|byte| *byte == 0) && (head == 0 || head == 0x42)
}

/// The reason why a target or its function is not known, if there is one.
pub(super) fn target(
    known: &Knowledge,
    frame: &Frame<'_>,
    is_own: bool,
) -> Option<(IncompleteCode, String)> {
    let contract = frame.contract;
    match known.accounts.get(contract) {
        Some(KnownAccount::Contract(_)) if is_own => None,
        Some(KnownAccount::Contract(_)) => Some((
            IncompleteCode::UnknownSelector,
            format!("the function belongs to no standard of {contract}"),
        )),
        Some(KnownAccount::Unregistered | KnownAccount::NoCode) => Some((
            IncompleteCode::UnknownContract,
            format!("{contract} is not registered"),
        )),
        other => Some(unreadable(contract, other)),
    }
}

/// The reason why what a receiver does is not known.
pub(super) fn receiver(known: &Knowledge, account: &str) -> (IncompleteCode, String) {
    let why = match known.accounts.get(account) {
        Some(KnownAccount::Contract(_)) => format!("what {account} does with it is not known"),
        Some(KnownAccount::Unregistered | KnownAccount::NoCode) => {
            format!("{account} is not registered, and may have code")
        }
        other => return unreadable(account, other),
    };
    (IncompleteCode::ReceiverCode, why)
}

/// The reason for an account of which nothing could be read.
fn unreadable(account: &str, known: Option<&KnownAccount>) -> (IncompleteCode, String) {
    let why = match known {
        Some(KnownAccount::Unreadable(why)) => why,
        _ => "it was not looked up",
    };
    let why = format!("nothing is known of {account}: {why}");
    (IncompleteCode::NoKnowledge, why)
}

/// Adds a reading by a standard of the contract, unless another one has the same effects. Of two
/// that differ only in callbacks or reasons that one of them has in addition, that one counts.
pub(super) fn add_own(readings: &mut Vec<Reading>, new: Reading) {
    if readings.iter().any(|known| covers(known, &new)) {
        return;
    }
    readings.retain(|known| !covers(&new, known));
    readings.push(new);
}

/// Adds a reading of a contract that is not known, which is incomplete in any case: of two that
/// differ only in reasons, the one with fewer counts.
pub(super) fn add_possible(readings: &mut Vec<Reading>, mut new: Reading) {
    new.forget_callbacks();
    if readings.iter().any(|known| covers(&new, known)) {
        return;
    }
    readings.retain(|known| !covers(known, &new));
    readings.push(new);
}

fn covers(all: &Reading, part: &Reading) -> bool {
    let same = (&all.moves, &all.grants, &all.powers) == (&part.moves, &part.grants, &part.powers);
    let contains = |nested| all.nested.iter().any(|known| is_same_call(known, nested));
    let reasons = |reason| all.incomplete.contains(reason);
    same && part.nested.iter().all(contains) && part.incomplete.iter().all(reasons)
}

/// Two callbacks with the same data are the same: what a receiver does in one is no better known
/// than in the other.
fn is_same_call(one: &Nested, other: &Nested) -> bool {
    let is_callback = |nested: &Nested| matches!(nested.kind, NestedKind::Hook(_));
    let receiver = |nested: &Nested| (nested.contract.clone(), nested.data.clone());
    one == other || (is_callback(one) && is_callback(other) && receiver(one) == receiver(other))
}

/// Whether a contract is known to do nothing with what it receives, but to keep it.
pub(super) fn keeps_what_it_gets(known: Option<&KnownContract>) -> bool {
    const KEEPING: [Standard; 3] = [Standard::Safe, Standard::SmartAccount, Standard::Timelock];
    let known = known.filter(|known| known.changed.is_none());
    known.is_some_and(|known| KEEPING.iter().any(|standard| known.implements(*standard)))
}

/// Whether the registered interface has a function with the selector of a standard's, but another
/// signature: the contract then does something else.
pub(super) fn has_other_function(
    known: Option<&KnownContract>,
    data: &[u8],
    candidates: &[&Declared],
) -> bool {
    let interface = known.and_then(|known| known.interface.as_ref());
    let abi = interface.and_then(interfaces::parsed);
    let signature = abi.as_ref().and_then(|abi| abi.signature_of(data));
    let is_same = |signature: &str| {
        let mut entries = candidates.iter().map(|call| &call.entry);
        entries.any(|entry| entry.signature == signature)
    };
    signature.is_some_and(|signature| !is_same(signature))
}

/// A call as the registered interface names it.
pub(super) fn named_by(known: &KnownContract, data: &[u8]) -> Option<Named> {
    let abi = interfaces::parsed(known.interface.as_ref()?)?;
    let (signature, arguments) = abi.decode_call(data)?;
    Some((signature, arguments, DecodedBy::Registry))
}
