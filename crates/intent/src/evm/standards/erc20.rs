//! ERC-20, and `increaseAllowance` of OpenZeppelin's contracts.

use super::Declaration;
use super::call::{CallKind, CallReader};
use super::event::{EventKind, EventReader, number};
use crate::{PowerKind, Standard};
use types::{Transfer, TransferKind};

pub(super) static ERC20: Declaration = Declaration {
    standard: Standard::Erc20,
    name: "ERC-20",
    calls: &[
        CallKind::new("transfer(address to, uint256 value)", transfer),
        CallKind::new(
            "transferFrom(address from, address to, uint256 value)",
            transfer_from,
        ),
        CallKind::new("approve(address spender, uint256 value)", |call| {
            let (spender, value) = (call.account("spender")?, call.amount("value")?);
            call.add_allowance(call.sender(), spender, value)
        }),
        CallKind::new(
            "increaseAllowance(address spender, uint256 value)",
            |call| {
                let (spender, value) = (call.account("spender")?, call.amount("value")?);
                call.add_grant(None, call.sender(), spender, Some(value));
                Some(())
            },
        ),
        CallKind::new(
            "decreaseAllowance(address spender, uint256 value)",
            |call| call.add_power_for(PowerKind::GrantRevocation, "spender"),
        ),
    ],
    typed: &[],
    events: &[EventKind {
        signature: "Transfer(address,address,uint256)",
        read: transfer_event,
    }],
};

/// Also of standards that add a callback.
pub(super) fn transfer(call: &mut CallReader<'_>) -> Option<()> {
    call.add_payment(call.account("to")?, call.amount("value")?)
}

pub(super) fn transfer_from(call: &mut CallReader<'_>) -> Option<()> {
    let (from, to) = (call.account("from")?, call.account("to")?);
    call.add_move(None, from, to, call.amount("value")?)
}

fn transfer_event(event: &EventReader<'_>) -> Option<Vec<Transfer>> {
    let ([_, from, to], [amount]) = (event.topics(), event.words()?) else {
        return None;
    };
    let parties = event.parties(None, from, to)?;
    let what = TransferKind::Fungible { token_id: None };
    Some(vec![parties.transfer(event, what, number(amount))])
}
