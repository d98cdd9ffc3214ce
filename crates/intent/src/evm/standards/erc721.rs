//! ERC-721.

use super::Declaration;
use super::call::{CallKind, CallReader, ZERO_ACCOUNT};
use super::event::{EventKind, EventReader, number};
use crate::{PowerKind, Standard};
use types::{Amount, Transfer, TransferKind};

pub(super) static ERC721: Declaration = Declaration {
    standard: Standard::Erc721,
    name: "ERC-721",
    calls: &[
        CallKind::new(
            "transferFrom(address from, address to, uint256 tokenId)",
            transfer_one,
        ),
        CallKind::new("approve(address to, uint256 tokenId)", approve),
        CallKind::new(
            "safeTransferFrom(address from, address to, uint256 tokenId)",
            safe_transfer,
        ),
        CallKind::new(
            "safeTransferFrom(address from, address to, uint256 tokenId, bytes data)",
            safe_transfer,
        ),
        CallKind::new(
            "setApprovalForAll(address operator, bool approved)",
            approve_all,
        ),
    ],
    typed: &[],
    events: &[EventKind {
        signature: "Transfer(address,address,uint256)",
        read: transfer,
    }],
};

/// The callback of receivers.
pub(super) const ONE_RECEIVED: &str = "onERC721Received(address,address,uint256,bytes)";

fn transfer_one(call: &mut CallReader<'_>) -> Option<()> {
    let (from, to) = (call.account("from")?, call.account("to")?);
    call.add_move(Some(call.amount("tokenId")?), from, to, Amount::from(1))
}

fn safe_transfer(call: &mut CallReader<'_>) -> Option<()> {
    transfer_one(call)?;
    call.add_hook("to", ONE_RECEIVED)
}

/// An approval of the zero address ends the one before.
fn approve(call: &mut CallReader<'_>) -> Option<()> {
    let (to, token_id) = (call.account("to")?, call.amount("tokenId")?);
    if to == ZERO_ACCOUNT {
        call.add_power(PowerKind::GrantRevocation, None, Some(token_id.to_string()));
    } else {
        call.add_grant(Some(token_id), call.sender(), to, Some(Amount::from(1)));
    }
    Some(())
}

/// Also of ERC-1155.
pub(super) fn approve_all(call: &mut CallReader<'_>) -> Option<()> {
    let operator = call.account("operator")?;
    if call.flag("approved")? {
        call.add_grant(None, call.sender(), operator, None);
    } else {
        call.add_power(PowerKind::GrantRevocation, Some(operator), None);
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
