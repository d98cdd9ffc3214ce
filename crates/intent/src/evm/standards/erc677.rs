//! `transferAndCall` of LINK and others (ERC-677).

use super::Declaration;
use super::call::CallKind;
use super::erc20::transfer;
use crate::Standard;

pub(super) static ERC677: Declaration = Declaration {
    standard: Standard::Erc677,
    name: "ERC-677",
    calls: &[CallKind::new(
        "transferAndCall(address to, uint256 value, bytes data)",
        |call| {
            transfer(call)?;
            call.add_hook("to", "onTokenTransfer(address,uint256,bytes)")
        },
    )],
    typed: &[],
    events: &[],
};
