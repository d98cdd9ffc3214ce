//! Accounts that are contracts: `execute` and `executeBatch` as in the reference accounts of
//! ERC-4337, ERC-7579 (modular accounts) and ERC-7821 (minimal batches).

use super::Declaration;
use super::call::{CallKind, CallReader};
use super::multicall::by_itself;
use crate::evm::abi::Entry;
use crate::evm::address;
use crate::{IncompleteCode, PowerKind, Standard};
use std::sync::LazyLock;
use types::Amount;

pub(super) static SMART_ACCOUNT: Declaration = Declaration {
    standard: Standard::SmartAccount,
    name: "SmartAccount",
    calls: &[
        CallKind::new(
            "execute(address target, uint256 value, bytes data)",
            |call| {
                let (target, value) = (call.account("target")?, call.amount("value")?);
                let data = call.bytes("data")?.to_vec();
                call.add_call(target, value, data);
                Some(())
            },
        ),
        CallKind::new("executeBatch(address[] targets, bytes[] datas)", lists),
        CallKind::new(
            "executeBatch(address[] targets, uint256[] values, bytes[] datas)",
            lists,
        ),
        CallKind::new(
            "executeBatch((address target, uint256 value, bytes data)[] calls)",
            by_itself,
        ),
        CallKind::new(
            "execute((address target, uint256 value, bytes data)[] calls)",
            by_itself,
        ),
        CallKind::new("execute(bytes32 mode, bytes executionData)", by_mode),
        CallKind::new(
            "executeFromExecutor(bytes32 mode, bytes executionData)",
            by_mode,
        ),
        CallKind::new(
            "installModule(uint256 moduleTypeId, address module, bytes initData)",
            |call| module(call, "initData"),
        ),
        CallKind::new(
            "uninstallModule(uint256 moduleTypeId, address module, bytes deInitData)",
            |call| module(call, "deInitData"),
        ),
    ],
    typed: &[],
    events: &[],
};

/// The batch of ERC-7579, and of ERC-7821 without data for its operator.
static BATCH: LazyLock<Entry> = LazyLock::new(|| {
    // A constant, which a test parses.
    Entry::declared("batch((address target, uint256 value, bytes data)[] calls)")
        .expect("a declaration that parses")
});

fn lists(call: &mut CallReader<'_>) -> Option<()> {
    let (targets, datas) = (call.accounts("targets")?, call.items("datas")?);
    let values = match call.argument("values") {
        Some(_) => call.amounts("values")?,
        None => Vec::new(),
    };
    // No values at all mean zeros.
    if targets.len() != datas.len() || !(values.is_empty() || values.len() == targets.len()) {
        let why = "the lists differ in length";
        call.add_incomplete(IncompleteCode::UnknownArgument, why);
    }
    for (index, (target, data)) in targets.into_iter().zip(datas).enumerate() {
        let value = values.get(index).copied().unwrap_or(Amount::ZERO);
        call.add_call(target, value, data.bytes()?.to_vec());
    }
    Some(())
}

/// By the mode of ERC-7579: the type of call, whether failures are ignored, four unused bytes, and
/// a selector and payload for extensions. ERC-7821 has the selector `0x78210001`.
fn by_mode(call: &mut CallReader<'_>) -> Option<()> {
    let mode = hex::decode(call.word("mode")?.trim_start_matches("0x")).ok()?;
    let data = call.bytes("executionData")?;
    let extension = &mode[6..];
    let is_plain = extension.iter().all(|byte| *byte == 0);
    let is_erc7821 = extension[..4] == [0x78, 0x21, 0, 1] && extension[4..].iter().all(|b| *b == 0);
    match (mode[0], mode[1]) {
        (0, 0 | 1) if is_plain => single(call, data),
        (1, 0 | 1) if is_plain || is_erc7821 => batch(call, data),
        (0xff, _) => {
            let why = "the account runs another contract's code";
            call.add_incomplete(IncompleteCode::DelegateCall, why);
            Some(())
        }
        _ => {
            let why = "the mode of execution is not known";
            call.add_incomplete(IncompleteCode::UnknownArgument, why);
            Some(())
        }
    }
}

/// Packed: target (20 bytes), value (32), data.
fn single(call: &mut CallReader<'_>, data: &[u8]) -> Option<()> {
    let (target, rest) = data.split_first_chunk::<20>()?;
    let (value, data) = rest.split_first_chunk::<32>()?;
    let value = Amount::from_be_bytes(*value);
    call.add_call(address::format(target), value, data.to_vec());
    Some(())
}

fn batch(call: &mut CallReader<'_>, data: &[u8]) -> Option<()> {
    let (tokens, is_canonical) = BATCH.decode_arguments(data)?;
    if !is_canonical {
        let why = "the batch is not exactly the encoding of its calls";
        call.add_incomplete(IncompleteCode::NotCanonical, why);
    }
    let mut batch = CallReader {
        entry: &BATCH,
        tokens: &tokens,
        reading: std::mem::take(&mut call.reading),
        ..*call
    };
    let read = by_itself(&mut batch);
    call.reading = batch.reading;
    read
}

fn module(call: &mut CallReader<'_>, data: &str) -> Option<()> {
    call.require_empty(data)?;
    let (module, role) = (call.account("module")?, call.entry.name.clone());
    call.add_power(PowerKind::Module, Some(module), Some(role));
    Some(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_declared_batch_parses() {
        assert_eq!(super::BATCH.signature, "batch((address,uint256,bytes)[])");
    }
}
