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
        CallKind {
            declaration: "transfer(address to, uint256 value)",
            effects: |call| call.add_payment(call.account("to")?, call.amount("value")?),
        },
        CallKind {
            declaration: "transferFrom(address from, address to, uint256 value)",
            effects: |call| {
                let (from, to) = (call.account("from")?, call.account("to")?);
                call.add_move(None, from, to, call.amount("value")?)
            },
        },
        CallKind {
            declaration: "approve(address spender, uint256 value)",
            effects: approve,
        },
        CallKind {
            declaration: "increaseAllowance(address spender, uint256 value)",
            effects: |call| {
                let (spender, value) = (call.account("spender")?, call.amount("value")?);
                call.add_grant(None, call.sender(), spender, Some(value));
                Some(())
            },
        },
        CallKind {
            declaration: "decreaseAllowance(address spender, uint256 value)",
            effects: |call| {
                let spender = call.account("spender")?;
                call.add_power(PowerKind::GrantRevocation, Some(spender), None);
                Some(())
            },
        },
    ],
    events: &[EventKind {
        signature: "Transfer(address,address,uint256)",
        read: transfer,
    }],
};

/// An approval of 0 ends the one before.
fn approve(call: &mut CallReader<'_>) -> Option<()> {
    let (spender, value) = (call.account("spender")?, call.amount("value")?);
    if value.is_zero() {
        call.add_power(PowerKind::GrantRevocation, Some(spender), None);
    } else {
        call.add_grant(None, call.sender(), spender, Some(value));
    }
    Some(())
}

fn transfer(event: &EventReader<'_>) -> Option<Vec<Transfer>> {
    let ([_, from, to], [amount]) = (event.topics(), event.words()?) else {
        return None;
    };
    let parties = event.parties(None, from, to)?;
    let what = TransferKind::Fungible { token_id: None };
    Some(vec![parties.transfer(event, what, number(amount))])
}
