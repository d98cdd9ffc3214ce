//! ERC-1400 security tokens, with ERC-1410 (partitions), 1594 (issuance), 1643 (documents) and 1644
//! (controllers). Partitions are not told apart: a movement is one of the token.

use super::Declaration;
use super::call::{CallKind, CallReader};
use super::erc20::{transfer, transfer_from};
use super::erc777::authorize_operator;
use crate::{PowerKind, Standard};

/// The callback of receivers (ERC-1820).
const RECEIVED: &str = "tokensReceived(bytes4,bytes32,address,address,address,uint256,bytes,bytes)";

pub(super) static ERC1400: Declaration = Declaration {
    standard: Standard::Erc1400,
    name: "ERC-1400",
    calls: &[
        CallKind::new(
            "transferWithData(address to, uint256 value, bytes data)",
            pay,
        ),
        CallKind::new(
            "transferFromWithData(address from, address to, uint256 value, bytes data)",
            |call| {
                transfer_from(call)?;
                call.add_hook("to", RECEIVED)
            },
        ),
        CallKind::new(
            "transferByPartition(bytes32 partition, address to, uint256 value, bytes data)",
            pay,
        ),
        CallKind::new(
            "operatorTransferByPartition(bytes32 partition, address from, address to, \
             uint256 value, bytes data, bytes operatorData)",
            |call| {
                transfer_from(call)?;
                call.require_empty("operatorData")?;
                call.add_hook("to", RECEIVED)
            },
        ),
        CallKind::new("issue(address to, uint256 value, bytes data)", issue),
        CallKind::new(
            "issueByPartition(bytes32 partition, address to, uint256 value, bytes data)",
            issue,
        ),
        CallKind::new("redeem(uint256 value, bytes data)", redeem),
        CallKind::new(
            "redeemByPartition(bytes32 partition, uint256 value, bytes data)",
            redeem,
        ),
        CallKind::new(
            "redeemFrom(address from, uint256 value, bytes data)",
            |call| {
                call.require_empty("data")?;
                redeem_from(call)
            },
        ),
        CallKind::new(
            "operatorRedeemByPartition(bytes32 partition, address from, uint256 value, \
             bytes operatorData)",
            |call| {
                call.require_empty("operatorData")?;
                redeem_from(call)
            },
        ),
        CallKind::new(
            "operatorRedeemByPartition(bytes32 partition, address from, uint256 value, \
             bytes data, bytes operatorData)",
            |call| {
                call.require_empty("data")?;
                call.require_empty("operatorData")?;
                redeem_from(call)
            },
        ),
        CallKind::new("authorizeOperator(address operator)", authorize_operator),
        CallKind::new(
            "authorizeOperatorByPartition(bytes32 partition, address operator)",
            authorize_operator,
        ),
        CallKind::new("revokeOperator(address operator)", revoke_operator),
        CallKind::new(
            "revokeOperatorByPartition(bytes32 partition, address operator)",
            revoke_operator,
        ),
        CallKind::new(
            "approveByPartition(bytes32 partition, address spender, uint256 value)",
            |call| {
                let (spender, value) = (call.account("spender")?, call.amount("value")?);
                call.add_allowance(call.sender(), spender, value)
            },
        ),
        CallKind::new(
            "controllerTransfer(address from, address to, uint256 value, bytes data, \
             bytes operatorData)",
            |call| {
                force(call)?;
                transfer_from(call)?;
                call.require_empty("operatorData")?;
                call.add_hook("to", RECEIVED)
            },
        ),
        CallKind::new(
            "controllerRedeem(address from, uint256 value, bytes data, bytes operatorData)",
            |call| {
                force(call)?;
                call.require_empty("data")?;
                call.require_empty("operatorData")?;
                redeem_from(call)
            },
        ),
        CallKind::new(
            "setDocument(bytes32 name, string uri, bytes32 documentHash)",
            document,
        ),
        CallKind::new("removeDocument(bytes32 name)", document),
        CallKind::new("setControllers(address[] operators)", |call| {
            let role = Some("controller".to_owned());
            for operator in call.accounts("operators")? {
                call.add_power(PowerKind::RoleGrant, Some(operator), role.clone());
            }
            call.add_setting(None)
        }),
        CallKind::new("renounceControl()", |call| call.add_setting(None)),
        CallKind::new("renounceIssuance()", |call| call.add_setting(None)),
    ],
    typed: &[],
    events: &[],
};

fn pay(call: &mut CallReader<'_>) -> Option<()> {
    transfer(call)?;
    call.add_hook("to", RECEIVED)
}

fn issue(call: &mut CallReader<'_>) -> Option<()> {
    call.add_mint(call.account("to")?, call.amount("value")?)?;
    call.add_hook("to", RECEIVED)
}

fn redeem(call: &mut CallReader<'_>) -> Option<()> {
    call.require_empty("data")?;
    call.add_burn(call.sender(), call.amount("value")?)
}

fn redeem_from(call: &mut CallReader<'_>) -> Option<()> {
    call.add_burn(call.account("from")?, call.amount("value")?)
}

fn force(call: &mut CallReader<'_>) -> Option<()> {
    let (from, value) = (call.account("from")?, call.amount("value")?);
    call.add_power_of(PowerKind::ForcedTransfer, from, Some(value))
}

fn revoke_operator(call: &mut CallReader<'_>) -> Option<()> {
    call.add_power_for(PowerKind::GrantRevocation, "operator")
}

fn document(call: &mut CallReader<'_>) -> Option<()> {
    let name = call.word("name")?;
    call.add_power(PowerKind::Configuration, None, Some(name));
    Some(())
}
