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
        CallKind::new(
            "safeTransferFrom(address from, address to, uint256 id, uint256 value, bytes data)",
            |call| {
                let (from, to) = (call.account("from")?, call.account("to")?);
                call.add_move(Some(call.amount("id")?), from, to, call.amount("value")?)?;
                call.add_hook("to", RECEIVED)
            },
        ),
        CallKind::new(
            "safeBatchTransferFrom(address from, address to, uint256[] ids, uint256[] values, \
             bytes data)",
            |call| {
                let (from, to) = (call.account("from")?, call.account("to")?);
                add_batch(call, &from, &to)?;
                call.add_hook("to", BATCH_RECEIVED)
            },
        ),
        CallKind::new(
            "setApprovalForAll(address operator, bool approved)",
            approve_all,
        ),
    ],
    typed: &[],
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

/// The callbacks of receivers.
pub(super) const RECEIVED: &str = "onERC1155Received(address,address,uint256,uint256,bytes)";
pub(super) const BATCH_RECEIVED: &str =
    "onERC1155BatchReceived(address,address,uint256[],uint256[],bytes)";

/// Adds a movement for each of the arguments `ids` and `values`.
pub(super) fn add_batch(call: &mut CallReader<'_>, from: &str, to: &str) -> Option<()> {
    let (ids, values) = (call.amounts("ids")?, call.amounts("values")?);
    if ids.len() != values.len() {
        let why = "ids and values differ in length";
        call.add_incomplete(IncompleteCode::UnknownArgument, why);
    }
    for (id, value) in ids.into_iter().zip(values) {
        call.add_move(Some(id), from.to_owned(), to.to_owned(), value)?;
    }
    Some(())
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
