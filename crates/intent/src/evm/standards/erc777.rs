//! ERC-777. A holder may have registered a hook at another address (ERC-1820), which only acts for
//! the holder.

use super::Declaration;
use super::call::{CallKind, CallReader};
use super::erc20::{transfer, transfer_from};
use crate::{PowerKind, Standard};

const RECEIVED: &str = "tokensReceived(address,address,address,uint256,bytes,bytes)";

pub(super) static ERC777: Declaration = Declaration {
    standard: Standard::Erc777,
    name: "ERC-777",
    calls: &[
        CallKind::new("send(address to, uint256 value, bytes data)", |call| {
            transfer(call)?;
            call.add_hook("to", RECEIVED)
        }),
        CallKind::new("burn(uint256 value, bytes data)", |call| {
            call.require_empty("data")?;
            call.add_burn(call.sender(), call.amount("value")?)
        }),
        CallKind::new(
            "operatorSend(address from, address to, uint256 value, bytes data, bytes operatorData)",
            |call| {
                transfer_from(call)?;
                call.require_empty("operatorData")?;
                call.add_hook("to", RECEIVED)
            },
        ),
        CallKind::new(
            "operatorBurn(address account, uint256 value, bytes data, bytes operatorData)",
            |call| {
                call.require_empty("data")?;
                call.require_empty("operatorData")?;
                call.add_burn(call.account("account")?, call.amount("value")?)
            },
        ),
        CallKind::new("authorizeOperator(address operator)", authorize_operator),
        CallKind::new("revokeOperator(address operator)", |call| {
            call.add_power_for(PowerKind::GrantRevocation, "operator")
        }),
    ],
    typed: &[],
    events: &[],
};

/// Also of ERC-1400.
pub(super) fn authorize_operator(call: &mut CallReader<'_>) -> Option<()> {
    call.add_grant(None, call.sender(), call.account("operator")?, None);
    Some(())
}
