//! ERC-1155.

use super::Declaration;
use super::call::{CallKind, CallReader};
use super::erc721::approve_all;
use super::event::{EventKind, EventReader, Parties, Word, number};
use crate::{IncompleteCode, Standard};
use types::{Amount, Transfer, TransferKind};

pub(super) static ERC1155: Declaration = Declaration {
    standard: Standard::Erc1155,
    name: "ERC-1155",
    calls: &[
        CallKind {
            declaration: "safeTransferFrom(address from, address to, uint256 id, uint256 value, bytes data)",
            effects: |call| {
                let (from, to) = (call.account("from")?, call.account("to")?);
                call.add_move(Some(call.amount("id")?), from, to, call.amount("value")?)?;
                let hook = "onERC1155Received(address,address,uint256,uint256,bytes)";
                call.add_hook("to", hook)
            },
        },
        CallKind {
            declaration: "safeBatchTransferFrom(address from, address to, uint256[] ids, uint256[] values, bytes data)",
            effects: safe_batch_transfer,
        },
        CallKind {
            declaration: "setApprovalForAll(address operator, bool approved)",
            effects: approve_all,
        },
    ],
    events: &[
        EventKind {
            signature: "TransferSingle(address,address,address,uint256,uint256)",
            read: transfer_single,
        },
        EventKind {
            signature: "TransferBatch(address,address,address,uint256[],uint256[])",
            read: transfer_batch,
        },
    ],
};

fn safe_batch_transfer(call: &mut CallReader<'_>) -> Option<()> {
    let (from, to) = (call.account("from")?, call.account("to")?);
    let (ids, values) = (call.amounts("ids")?, call.amounts("values")?);
    if ids.len() != values.len() {
        let why = "ids and values differ in length";
        call.add_incomplete(IncompleteCode::UnknownArgument, why);
    }
    for (id, value) in ids.into_iter().zip(values) {
        call.add_move(Some(id), from.clone(), to.clone(), value)?;
    }
    let hook = "onERC1155BatchReceived(address,address,uint256[],uint256[],bytes)";
    call.add_hook("to", hook)
}

fn transfer_single(event: &EventReader<'_>) -> Option<Vec<Transfer>> {
    let [id, amount] = event.words()? else {
        return None;
    };
    Some(vec![parties(event)?.transfer(
        event,
        token(id),
        number(amount),
    )])
}

/// One transfer per id; path and protocol id end in `.n` and `/n`, from 0.
fn transfer_batch(event: &EventReader<'_>) -> Option<Vec<Transfer>> {
    let (ids, amounts): (Vec<Amount>, Vec<Amount>) = (event.list(0)?, event.list(1)?);
    if ids.len() != amounts.len() {
        return None;
    }
    let parties = parties(event)?;
    let transfer = |(n, (token_id, amount))| {
        let what = TransferKind::Fungible {
            token_id: Some(token_id),
        };
        let mut transfer: Transfer = parties.transfer(event, what, amount);
        transfer.path = format!("{}.{n}", transfer.path);
        transfer.protocol_id = format!("{}/{n}", transfer.protocol_id);
        transfer
    };
    Some(
        ids.into_iter()
            .zip(amounts)
            .enumerate()
            .map(transfer)
            .collect(),
    )
}

fn token(id: &Word) -> TransferKind {
    TransferKind::Fungible {
        token_id: Some(number(id)),
    }
}

fn parties(event: &EventReader<'_>) -> Option<Parties> {
    let [_, operator, from, to] = event.topics() else {
        return None;
    };
    event.parties(Some(operator), from, to)
}
