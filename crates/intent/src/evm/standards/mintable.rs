//! `mint` of OpenZeppelin's presets. What the number means depends on the token: an amount, or the
//! id of one.

use super::Declaration;
use super::call::{CallKind, CallReader, ZERO_ACCOUNT};
use super::erc721::ONE_RECEIVED;
use super::erc1155::{BATCH_RECEIVED, RECEIVED, add_batch};
use crate::Standard;
use types::Amount;

pub(super) static MINTABLE: Declaration = Declaration {
    standard: Standard::Mintable,
    name: "Mintable",
    calls: &[
        CallKind::new("mint(address to, uint256 value)", mint_amount),
        CallKind::new("mint(address to, uint256 tokenId)", mint_one),
        CallKind::new("safeMint(address to, uint256 tokenId)", safe_mint),
        CallKind::new(
            "safeMint(address to, uint256 tokenId, bytes data)",
            safe_mint,
        ),
        CallKind::new(
            "mint(address to, uint256 id, uint256 value, bytes data)",
            |call| {
                let (id, to) = (call.amount("id")?, call.account("to")?);
                let from = ZERO_ACCOUNT.to_owned();
                call.add_move(Some(id), from, to, call.amount("value")?)?;
                call.add_hook("to", RECEIVED)
            },
        ),
        CallKind::new(
            "mintBatch(address to, uint256[] ids, uint256[] values, bytes data)",
            |call| {
                let to = call.account("to")?;
                add_batch(call, ZERO_ACCOUNT, &to)?;
                call.add_hook("to", BATCH_RECEIVED)
            },
        ),
    ],
    typed: &[],
    events: &[],
};

/// Also of standards of fungible tokens.
pub(super) fn mint(call: &mut CallReader<'_>) -> Option<()> {
    call.add_mint(call.account("to")?, call.amount("value")?)
}

fn mint_amount(call: &mut CallReader<'_>) -> Option<()> {
    match call.has_token_ids() {
        Some(true) => None,
        _ => mint(call),
    }
}

fn mint_one(call: &mut CallReader<'_>) -> Option<()> {
    match call.has_token_ids() {
        Some(false) => None,
        _ => add_one(call),
    }
}

fn safe_mint(call: &mut CallReader<'_>) -> Option<()> {
    add_one(call)?;
    call.add_hook("to", ONE_RECEIVED)
}

fn add_one(call: &mut CallReader<'_>) -> Option<()> {
    let (id, to) = (call.amount("tokenId")?, call.account("to")?);
    call.add_move(Some(id), ZERO_ACCOUNT.to_owned(), to, Amount::from(1))
}
