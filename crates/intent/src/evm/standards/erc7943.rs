//! ERC-7943: forced transfers and frozen amounts, for fungible tokens, single tokens and pools.

use super::Declaration;
use super::call::{CallKind, CallReader};
use crate::{PowerKind, Standard};
use types::Amount;

pub(super) static ERC7943: Declaration = Declaration {
    standard: Standard::Erc7943,
    name: "ERC-7943",
    calls: &[
        CallKind::new(
            "forcedTransfer(address from, address to, uint256 value)",
            forced_transfer,
        ),
        CallKind::new(
            "forcedTransfer(address from, address to, uint256 tokenId)",
            |call| match call.has_token_ids() {
                Some(false) => None,
                _ => force(call, Some(call.amount("tokenId")?), Amount::from(1)),
            },
        ),
        CallKind::new(
            "forcedTransfer(address from, address to, uint256 tokenId, uint256 value)",
            |call| force(call, Some(call.amount("tokenId")?), call.amount("value")?),
        ),
        CallKind::new("setFrozenTokens(address account, uint256 value)", |call| {
            freeze(call, None, call.amount("value")?)
        }),
        CallKind::new(
            "setFrozenTokens(address account, uint256 tokenId, bool frozen)",
            |call| freeze(call, Some(call.amount("tokenId")?), call.amount("frozen")?),
        ),
        CallKind::new(
            "setFrozenTokens(address account, uint256 tokenId, uint256 value)",
            |call| freeze(call, Some(call.amount("tokenId")?), call.amount("value")?),
        ),
    ],
    typed: &[],
    events: &[],
};

/// Also of ERC-3643.
pub(super) fn forced_transfer(call: &mut CallReader<'_>) -> Option<()> {
    match call.has_token_ids() {
        Some(true) => None,
        _ => force(call, None, call.amount("value")?),
    }
}

/// Adds a movement that its holder has not allowed.
fn force(call: &mut CallReader<'_>, token_id: Option<Amount>, amount: Amount) -> Option<()> {
    let (from, to) = (call.account("from")?, call.account("to")?);
    call.add_power_of(PowerKind::ForcedTransfer, from.clone(), Some(amount))?;
    call.add_move(token_id, from, to, amount)
}

/// What is frozen from now on; nothing, if the amount is 0.
fn freeze(call: &mut CallReader<'_>, token_id: Option<Amount>, amount: Amount) -> Option<()> {
    let kind = if amount.is_zero() {
        PowerKind::Unfreeze
    } else {
        PowerKind::Freeze
    };
    let (contract, account) = (call.contract.to_owned(), call.account("account")?);
    let token_id = token_id.map(|id| id.to_string());
    call.add_power_over(contract, kind, Some(account), token_id, Some(amount));
    Some(())
}
