//! ERC-223: transfers call a receiver that is a contract.

use super::Declaration;
use super::call::CallKind;
use super::erc20::transfer;
use crate::Standard;

const RECEIVED: &str = "tokenReceived(address,uint256,bytes)";

pub(super) static ERC223: Declaration = Declaration {
    standard: Standard::Erc223,
    name: "ERC-223",
    calls: &[
        CallKind::new("transfer(address to, uint256 value)", |call| {
            transfer(call)?;
            call.add_hook("to", RECEIVED)
        }),
        CallKind::new("transfer(address to, uint256 value, bytes data)", |call| {
            transfer(call)?;
            call.add_hook("to", RECEIVED)
        }),
    ],
    typed: &[],
    events: &[],
};
