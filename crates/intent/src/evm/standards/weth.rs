//! Tokens that wrap the native coin.

use super::Declaration;
use super::call::{CallKind, CallReader};
use crate::Standard;

pub(super) static WETH: Declaration = Declaration {
    standard: Standard::Weth,
    name: "WETH",
    calls: &[
        CallKind::new("deposit()", wrap),
        CallKind::new("depositTo(address to)", |call| {
            call.add_mint(call.account("to")?, call.value)
        }),
        CallKind::new("withdraw(uint256 value)", |call| {
            let value = call.amount("value")?;
            call.add_burn(call.sender(), value)?;
            call.add_call(call.sender(), value, Vec::new());
            Some(())
        }),
    ],
    typed: &[],
    events: &[],
};

/// Also a payment without data.
fn wrap(call: &mut CallReader<'_>) -> Option<()> {
    call.add_mint(call.sender(), call.value)
}
