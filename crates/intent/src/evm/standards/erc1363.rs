//! ERC-1363: transfers and approvals that call the receiver.

use super::Declaration;
use super::call::{CallKind, CallReader};
use super::erc20::{transfer, transfer_from};
use crate::Standard;

const RECEIVED: &str = "onTransferReceived(address,address,uint256,bytes)";
const APPROVED: &str = "onApprovalReceived(address,uint256,bytes)";

pub(super) static ERC1363: Declaration = Declaration {
    standard: Standard::Erc1363,
    name: "ERC-1363",
    calls: &[
        CallKind::new("transferAndCall(address to, uint256 value)", pay_and_call),
        CallKind::new(
            "transferAndCall(address to, uint256 value, bytes data)",
            pay_and_call,
        ),
        CallKind::new(
            "transferFromAndCall(address from, address to, uint256 value)",
            move_and_call,
        ),
        CallKind::new(
            "transferFromAndCall(address from, address to, uint256 value, bytes data)",
            move_and_call,
        ),
        CallKind::new(
            "approveAndCall(address spender, uint256 value)",
            approve_and_call,
        ),
        CallKind::new(
            "approveAndCall(address spender, uint256 value, bytes data)",
            approve_and_call,
        ),
    ],
    typed: &[],
    events: &[],
};

fn pay_and_call(call: &mut CallReader<'_>) -> Option<()> {
    transfer(call)?;
    call.add_hook("to", RECEIVED)
}

fn move_and_call(call: &mut CallReader<'_>) -> Option<()> {
    transfer_from(call)?;
    call.add_hook("to", RECEIVED)
}

fn approve_and_call(call: &mut CallReader<'_>) -> Option<()> {
    let (spender, value) = (call.account("spender")?, call.amount("value")?);
    call.add_allowance(call.sender(), spender, value)?;
    call.add_hook("spender", APPROVED)
}
