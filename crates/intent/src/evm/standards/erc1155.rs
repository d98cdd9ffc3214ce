//! ERC-1155. `setApprovalForAll` is declared with ERC-721.

use super::Standard;
use super::call::{CallKind, Reading, TokenCall};
use super::event::{EventKind, EventReader, Parties, Word, number};
use types::{Amount, Transfer, TransferKind};

pub(super) static STANDARD: Standard = Standard {
    name: "ERC-1155",
    calls: &[
        CallKind {
            signature: "safeTransferFrom(address,address,uint256,uint256,bytes)",
            parameters: &["from", "to", "id", "value", "data"],
            reading: Reading::Always,
            effects: |call| call.add_move(Some(call.amount("id")?), call.amount("value")?),
        },
        CallKind {
            signature: "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)",
            parameters: &["from", "to", "ids", "values", "data"],
            reading: Reading::Always,
            effects: safe_batch_transfer,
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

fn safe_batch_transfer(call: &mut TokenCall) -> Option<()> {
    let (ids, values) = (call.amounts("ids")?, call.amounts("values")?);
    call.complete &= ids.len() == values.len();
    ids.into_iter()
        .zip(values)
        .try_for_each(|(id, value)| call.add_move(Some(id), value))
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
