//! ERC-721.

use super::Standard;
use super::call::{CallKind, Reading, TokenCall};
use super::event::{EventKind, EventReader, number};
use super::holdings::Holdings::NonFungible;
use types::{Amount, Transfer, TransferKind};

const ZERO: &str = "0x0000000000000000000000000000000000000000";

pub(super) static STANDARD: Standard = Standard {
    name: "ERC-721",
    calls: &[
        CallKind {
            signature: "transferFrom(address,address,uint256)",
            parameters: &["from", "to", "value"],
            reading: Reading::If(NonFungible),
            effects: |call| call.add_move(Some(call.amount("value")?), Amount::from(1)),
        },
        CallKind {
            signature: "approve(address,uint256)",
            parameters: &["spender", "value"],
            reading: Reading::If(NonFungible),
            effects: approve,
        },
        CallKind {
            signature: "safeTransferFrom(address,address,uint256)",
            parameters: &["from", "to", "tokenId"],
            reading: Reading::Always,
            effects: safe_transfer,
        },
        CallKind {
            signature: "safeTransferFrom(address,address,uint256,bytes)",
            parameters: &["from", "to", "tokenId", "data"],
            reading: Reading::Always,
            effects: safe_transfer,
        },
        // ERC-1155 has it too, with the same effect.
        CallKind {
            signature: "setApprovalForAll(address,bool)",
            parameters: &["operator", "approved"],
            reading: Reading::Always,
            effects: approve_all,
        },
    ],
    events: &[EventKind {
        signature: "Transfer(address,address,uint256)",
        read: transfer,
    }],
};

/// An approval of the zero address grants nothing.
fn approve(call: &mut TokenCall) -> Option<()> {
    let (spender, token_id) = (call.text("spender")?.to_owned(), call.amount("value")?);
    if spender != ZERO {
        call.add_grant(&spender, Some(token_id), Some(Amount::from(1)));
    }
    Some(())
}

fn safe_transfer(call: &mut TokenCall) -> Option<()> {
    call.add_move(Some(call.amount("tokenId")?), Amount::from(1))
}

fn approve_all(call: &mut TokenCall) -> Option<()> {
    let operator = call.text("operator")?.to_owned();
    if call.arguments["approved"] == true {
        call.add_grant(&operator, None, None);
    }
    Some(())
}

fn transfer(event: &EventReader<'_>) -> Option<Vec<Transfer>> {
    let ([_, from, to, id], []) = (event.topics(), event.words()?) else {
        return None;
    };
    let parties = event.parties(None, from, to)?;
    let token_id = number(id);
    let what = TransferKind::NonFungible { token_id };
    Some(vec![parties.transfer(event, what, Amount::from(1))])
}
