//! ERC-20, and `increaseAllowance` of OpenZeppelin's contracts.

use super::Standard;
use super::call::{CallKind, Reading, TokenCall};
use super::event::{EventKind, EventReader, number};
use super::holdings::Holdings::{Fungible, NonFungible};
use types::{Transfer, TransferKind};

pub(super) static STANDARD: Standard = Standard {
    name: "ERC-20",
    calls: &[
        CallKind {
            signature: "transfer(address,uint256)",
            parameters: &["to", "value"],
            // Some old contracts of single tokens have it too.
            reading: Reading::Unless(NonFungible),
            effects: |call| call.add_payment(call.amount("value")?),
        },
        CallKind {
            signature: "transferFrom(address,address,uint256)",
            parameters: &["from", "to", "value"],
            reading: Reading::If(Fungible),
            effects: |call| call.add_move(None, call.amount("value")?),
        },
        CallKind {
            signature: "approve(address,uint256)",
            parameters: &["spender", "value"],
            reading: Reading::If(Fungible),
            effects: approve,
        },
        CallKind {
            signature: "increaseAllowance(address,uint256)",
            parameters: &["spender", "value"],
            reading: Reading::Always,
            effects: approve,
        },
    ],
    events: &[EventKind {
        signature: "Transfer(address,address,uint256)",
        read: transfer,
    }],
};

/// An approval of a certain amount 0 grants nothing.
fn approve(call: &mut TokenCall) -> Option<()> {
    let (spender, value) = (call.text("spender")?.to_owned(), call.amount("value")?);
    if !(value.is_zero() && call.is_certain) {
        call.add_grant(&spender, None, Some(value));
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
