//! Safe accounts, and MultiSend, by which they make several calls in one.

use super::Declaration;
use super::call::{CallKind, CallReader, NestedKind, TypedKind, ZERO_ACCOUNT};
use crate::evm::address;
use crate::{IncompleteCode, PowerKind, Standard};
use types::Amount;

pub(super) static SAFE: Declaration = Declaration {
    standard: Standard::Safe,
    name: "Safe",
    calls: &[
        CallKind::new(
            "execTransaction(address to, uint256 value, bytes data, uint8 operation, \
             uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, \
             address refundReceiver, bytes signatures)",
            refunded_transaction,
        ),
        CallKind::new(
            "execTransactionFromModule(address to, uint256 value, bytes data, uint8 operation)",
            transaction,
        ),
        CallKind::new(
            "execTransactionFromModuleReturnData(address to, uint256 value, bytes data, \
             uint8 operation)",
            transaction,
        ),
        CallKind::new(
            "addOwnerWithThreshold(address owner, uint256 threshold)",
            |call| module(call, Some("owner")),
        ),
        CallKind::new(
            "removeOwner(address prevOwner, address owner, uint256 threshold)",
            |call| module(call, Some("owner")),
        ),
        CallKind::new(
            "swapOwner(address prevOwner, address oldOwner, address newOwner)",
            |call| module(call, Some("newOwner")),
        ),
        CallKind::new("changeThreshold(uint256 threshold)", |call| {
            module(call, None)
        }),
        CallKind::new("enableModule(address module)", |call| {
            module(call, Some("module"))
        }),
        CallKind::new(
            "disableModule(address prevModule, address module)",
            |call| module(call, Some("module")),
        ),
        CallKind::new("setGuard(address guard)", |call| {
            module(call, Some("guard"))
        }),
        CallKind::new("setModuleGuard(address moduleGuard)", |call| {
            module(call, Some("moduleGuard"))
        }),
        CallKind::new("setFallbackHandler(address handler)", |call| {
            module(call, Some("handler"))
        }),
        CallKind::new("approveHash(bytes32 hashToApprove)", |call| {
            let hash = call.word("hashToApprove")?;
            call.add_power(PowerKind::Schedule, None, Some(hash));
            let why = "the approved transaction is not in the call";
            call.add_incomplete(IncompleteCode::UnknownArgument, why);
            Some(())
        }),
    ],
    typed: &[TypedKind {
        encoded: "SafeTx(address to,uint256 value,bytes data,uint8 operation,uint256 safeTxGas,\
                  uint256 baseGas,uint256 gasPrice,address gasToken,address refundReceiver,\
                  uint256 nonce)",
        signer: None,
        effect: refunded_transaction,
    }],
    events: &[],
};

pub(super) static MULTI_SEND: Declaration = Declaration {
    standard: Standard::MultiSend,
    name: "MultiSend",
    calls: &[CallKind::new("multiSend(bytes transactions)", multi_send)],
    typed: &[],
    events: &[],
};

fn refunded_transaction(call: &mut CallReader<'_>) -> Option<()> {
    if !call.amount("gasPrice")?.is_zero() {
        let why = "the account pays for gas, by an amount that is not in the call";
        call.add_incomplete(IncompleteCode::UnknownArgument, why);
    }
    transaction(call)
}

fn transaction(call: &mut CallReader<'_>) -> Option<()> {
    let (to, value) = (call.account("to")?, call.amount("value")?);
    let data = call.bytes("data")?.to_vec();
    match call.amount("operation")?.to_u64() {
        Some(0) => call.add_call(to, value, data),
        Some(1) => call.add_nested(to, Amount::ZERO, data, NestedKind::Delegate),
        _ => return None,
    }
    Some(())
}

fn module(call: &mut CallReader<'_>, account: Option<&str>) -> Option<()> {
    let to = match account {
        Some(name) => Some(call.account(name)?),
        None => None,
    };
    let role = Some(call.entry.name.clone());
    call.add_power(PowerKind::Module, to, role);
    Some(())
}

/// Packed transactions: operation (1 byte), receiver (20), value (32), length (32), data.
fn multi_send(call: &mut CallReader<'_>) -> Option<()> {
    let mut rest = call.bytes("transactions")?;
    while !rest.is_empty() {
        let (operation, after) = rest.split_first_chunk::<1>()?;
        let (to, after) = after.split_first_chunk::<20>()?;
        let (value, after) = after.split_first_chunk::<32>()?;
        let (length, after) = after.split_first_chunk::<32>()?;
        let length = Amount::from_be_bytes(*length).to_u64()?;
        let (data, after) = after.split_at_checked(usize::try_from(length).ok()?)?;
        rest = after;
        let (to, value) = (own_address(call, to), Amount::from_be_bytes(*value));
        match operation {
            [0] => call.add_call(to, value, data.to_vec()),
            [1] => call.add_nested(to, Amount::ZERO, data.to_vec(), NestedKind::Delegate),
            _ => return None,
        }
    }
    Some(())
}

/// MultiSend since 1.5 takes the zero address as the account itself. What older ones do with it is
/// another call, so that neither is certain.
fn own_address(call: &mut CallReader<'_>, to: &[u8; 20]) -> String {
    let to = address::format(to);
    if to == ZERO_ACCOUNT {
        let why = "the zero address means the account itself or not, depending on the version";
        call.add_incomplete(IncompleteCode::UnknownArgument, why);
        return call.actor.to_owned();
    }
    to
}
