//! A timelock controller of OpenZeppelin. A scheduled call is shown as if it were made.

use super::Declaration;
use super::call::{CallKind, CallReader};
use crate::{IncompleteCode, PowerKind, Standard};

pub(super) static TIMELOCK: Declaration = Declaration {
    standard: Standard::Timelock,
    name: "Timelock",
    calls: &[
        CallKind::new(
            "schedule(address target, uint256 value, bytes data, bytes32 predecessor, \
             bytes32 salt, uint256 delay)",
            |call| {
                call.add_power_for(PowerKind::Schedule, "target")?;
                single(call)
            },
        ),
        CallKind::new(
            "scheduleBatch(address[] targets, uint256[] values, bytes[] datas, \
             bytes32 predecessor, bytes32 salt, uint256 delay)",
            |call| {
                for target in call.accounts("targets")? {
                    call.add_power(PowerKind::Schedule, Some(target), None);
                }
                batch(call)
            },
        ),
        CallKind::new(
            "execute(address target, uint256 value, bytes data, bytes32 predecessor, bytes32 salt)",
            single,
        ),
        CallKind::new(
            "executeBatch(address[] targets, uint256[] values, bytes[] datas, \
             bytes32 predecessor, bytes32 salt)",
            batch,
        ),
        CallKind::new("cancel(bytes32 id)", |call| {
            let id = call.word("id")?;
            call.add_power(PowerKind::Configuration, None, Some(id));
            Some(())
        }),
        CallKind::new("updateDelay(uint256 newDelay)", |call| {
            call.add_setting(None)
        }),
    ],
    typed: &[],
    events: &[],
};

fn single(call: &mut CallReader<'_>) -> Option<()> {
    let (target, value) = (call.account("target")?, call.amount("value")?);
    let data = call.bytes("data")?.to_vec();
    call.add_call(target, value, data);
    Some(())
}

fn batch(call: &mut CallReader<'_>) -> Option<()> {
    let (targets, values) = (call.accounts("targets")?, call.amounts("values")?);
    let datas = call.items("datas")?;
    if targets.len() != values.len() || targets.len() != datas.len() {
        let why = "the lists differ in length";
        call.add_incomplete(IncompleteCode::UnknownArgument, why);
    }
    for (target, (value, data)) in targets.into_iter().zip(values.into_iter().zip(datas)) {
        call.add_call(target, value, data.bytes()?.to_vec());
    }
    Some(())
}
