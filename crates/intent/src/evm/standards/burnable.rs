//! `burn` of OpenZeppelin's extensions. What the number means depends on the token: an amount, or
//! the id of one.

use super::Declaration;
use super::call::{CallKind, ZERO_ACCOUNT};
use super::erc1155::add_batch;
use crate::Standard;
use types::Amount;

pub(super) static BURNABLE: Declaration = Declaration {
    standard: Standard::Burnable,
    name: "Burnable",
    calls: &[
        CallKind::new("burn(uint256 value)", |call| match call.has_token_ids() {
            Some(true) => None,
            _ => call.add_burn(call.sender(), call.amount("value")?),
        }),
        CallKind::new("burn(uint256 tokenId)", |call| match call.has_token_ids() {
            Some(false) => None,
            // Its owner, who may be another than the caller, is not in the call.
            _ => {
                let id = call.amount("tokenId")?;
                let to = ZERO_ACCOUNT.to_owned();
                call.add_move(Some(id), String::new(), to, Amount::from(1))
            }
        }),
        CallKind::new("burnFrom(address account, uint256 value)", |call| {
            call.add_burn(call.account("account")?, call.amount("value")?)
        }),
        CallKind::new("burn(address account, uint256 id, uint256 value)", |call| {
            let (id, from) = (call.amount("id")?, call.account("account")?);
            let to = ZERO_ACCOUNT.to_owned();
            call.add_move(Some(id), from, to, call.amount("value")?)
        }),
        CallKind::new(
            "burnBatch(address account, uint256[] ids, uint256[] values)",
            |call| {
                let from = call.account("account")?;
                add_batch(call, &from, ZERO_ACCOUNT)
            },
        ),
    ],
    typed: &[],
    events: &[],
};
