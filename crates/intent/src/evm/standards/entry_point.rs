//! The entry point of ERC-4337, versions 0.6 to 0.8.

use super::Declaration;
use super::call::{Argument, CallKind, CallReader, Nested, NestedKind, TypedKind};
use crate::{AssetRef, IncompleteCode, PowerKind, Standard};
use types::Amount;

pub(super) static ENTRY_POINT: Declaration = Declaration {
    standard: Standard::EntryPoint,
    name: "EntryPoint",
    calls: &[
        CallKind::new(
            "handleOps((address sender, uint256 nonce, bytes initCode, bytes data, \
             uint256 callGasLimit, uint256 verificationGasLimit, uint256 preVerificationGas, \
             uint256 maxFeePerGas, uint256 maxPriorityFeePerGas, bytes paymasterAndData, \
             bytes signature)[] ops, address beneficiary)",
            handle_ops,
        ),
        CallKind::new(
            "handleOps((address sender, uint256 nonce, bytes initCode, bytes data, \
             bytes32 accountGasLimits, uint256 preVerificationGas, bytes32 gasFees, \
             bytes paymasterAndData, bytes signature)[] ops, address beneficiary)",
            handle_ops,
        ),
        CallKind::new("depositTo(address account)", |call| {
            deposit(call, call.account("account")?, Some(call.value));
            Some(())
        }),
        CallKind::new("withdrawTo(address account, uint256 value)", |call| {
            let value = call.amount("value")?;
            deposit(call, call.sender(), Some(value));
            call.add_call(call.account("account")?, value, Vec::new());
            Some(())
        }),
        CallKind::new("addStake(uint32 unstakeDelaySec)", |call| {
            call.add_setting(None)
        }),
        CallKind::new("unlockStake()", |call| call.add_setting(None)),
    ],
    typed: &[TypedKind {
        encoded: "PackedUserOperation(address sender,uint256 nonce,bytes initCode,bytes callData,\
                  bytes32 accountGasLimits,uint256 preVerificationGas,bytes32 gasFees,\
                  bytes paymasterAndData)",
        signer: None,
        effect: |call| {
            let (account, data) = (call.argument("sender")?, call.argument("callData")?);
            let extra = [call.bytes("initCode")?, call.bytes("paymasterAndData")?];
            operation(call, account, data, extra)
        },
    }],
    events: &[],
};

/// Adds a change of what the entry point keeps for an account.
fn deposit(call: &mut CallReader<'_>, account: String, amount: Option<Amount>) {
    let (contract, role) = (call.contract.to_owned(), Some(call.entry.name.clone()));
    let kind = PowerKind::Configuration;
    call.add_power_over(contract, kind, Some(account), role, amount);
}

/// Each operation is a call of its account by the entry point. The accounts pay for the gas, and
/// the beneficiary gets it; how much is not in the call.
fn handle_ops(call: &mut CallReader<'_>) -> Option<()> {
    for op in call.items("ops")? {
        let (init_code, paymaster) = (op.member("initCode")?, op.member("paymasterAndData")?);
        let extra = [init_code.bytes()?, paymaster.bytes()?];
        operation(call, op.member("sender")?, op.member("data")?, extra)?;
    }
    let (entry_point, beneficiary) = (call.contract.to_owned(), call.account("beneficiary")?);
    call.add_move_of(AssetRef::Native, entry_point, beneficiary.clone(), None);
    call.add_call(beneficiary, Amount::ZERO, Vec::new());
    Some(())
}

fn operation(
    call: &mut CallReader<'_>,
    account: Argument<'_>,
    data: Argument<'_>,
    extra: [&[u8]; 2],
) -> Option<()> {
    if extra.iter().any(|bytes| !bytes.is_empty()) {
        let why = "what the factory or the paymaster of an operation does is not known";
        call.add_incomplete(IncompleteCode::UnknownArgument, why);
    }
    // The account pays for the gas from what the entry point keeps for it, or sends the rest.
    let (account, entry_point) = (account.account()?, call.contract.to_owned());
    deposit(call, account.clone(), None);
    call.require_contract(&account);
    call.add_move_of(AssetRef::Native, account.clone(), entry_point.clone(), None);
    let data = data.bytes()?.to_vec();
    if !data.is_empty() {
        call.reading.nested.push(Nested {
            sender: entry_point,
            contract: account,
            value: Amount::ZERO,
            data,
            kind: NestedKind::Call,
        });
    }
    Some(())
}
