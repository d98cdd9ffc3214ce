//! Several calls in one: of a contract on itself, and by Multicall3.

use super::Declaration;
use super::call::{CallKind, CallReader, Nested, NestedKind};
use crate::Standard;
use types::Amount;

pub(super) static MULTICALL: Declaration = Declaration {
    standard: Standard::Multicall,
    name: "Multicall",
    calls: &[
        CallKind::new("multicall(bytes[] data)", on_itself),
        CallKind::new("multicall(uint256 deadline, bytes[] data)", on_itself),
        CallKind::new(
            "multicall(bytes32 previousBlockhash, bytes[] data)",
            on_itself,
        ),
    ],
    typed: &[],
    events: &[],
};

pub(super) static MULTICALL3: Declaration = Declaration {
    standard: Standard::Multicall3,
    name: "Multicall3",
    calls: &[
        CallKind::new("aggregate((address target, bytes data)[] calls)", by_itself),
        CallKind::new(
            "tryAggregate(bool requireSuccess, (address target, bytes data)[] calls)",
            by_itself,
        ),
        CallKind::new(
            "tryBlockAndAggregate(bool requireSuccess, (address target, bytes data)[] calls)",
            by_itself,
        ),
        CallKind::new(
            "blockAndAggregate((address target, bytes data)[] calls)",
            by_itself,
        ),
        CallKind::new(
            "aggregate3((address target, bool allowFailure, bytes data)[] calls)",
            by_itself,
        ),
        CallKind::new(
            "aggregate3Value((address target, bool allowFailure, uint256 value, \
             bytes data)[] calls)",
            by_itself,
        ),
    ],
    typed: &[],
    events: &[],
};

/// The contract calls itself by `delegatecall`: each call has the caller and the value of the outer
/// one.
fn on_itself(call: &mut CallReader<'_>) -> Option<()> {
    for data in call.items("data")? {
        call.reading.nested.push(Nested {
            sender: call.sender(),
            contract: call.contract.to_owned(),
            value: call.value,
            data: data.bytes()?.to_vec(),
            kind: NestedKind::Itself,
        });
    }
    Some(())
}

/// The contract calls others, as itself. Also of accounts and forwarders.
pub(super) fn by_itself(call: &mut CallReader<'_>) -> Option<()> {
    for item in call.items("calls")? {
        let value = item.member("value").map(|value| value.amount());
        let target = item.member("target")?.account()?;
        let data = item.member("data")?.bytes()?.to_vec();
        call.add_call(target, value.unwrap_or(Some(Amount::ZERO))?, data);
    }
    Some(())
}
