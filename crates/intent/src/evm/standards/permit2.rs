//! Permit2 of Uniswap: allowances and transfers of any token that has approved it.

use super::Declaration;
use super::call::{
    Argument, CallKind, CallReader, Nested, NestedKind, TypedKind, account_word, encode, token,
};
use crate::{PowerKind, Standard};
use types::Amount;

/// An allowance of the largest amount does not decrease.
const UNLIMITED: [u8; 20] = [0xff; 20];

pub(super) static PERMIT2: Declaration = Declaration {
    standard: Standard::Permit2,
    name: "Permit2",
    calls: &[
        CallKind::new(
            "approve(address token, address spender, uint160 amount, uint48 expiration)",
            |call| {
                let (token, amount) = (call.argument("token")?, call.argument("amount")?);
                let (owner, spender) = (call.sender(), call.account("spender")?);
                allow(call, token, amount, &owner, &spender)
            },
        ),
        CallKind::new(
            "permit(address owner, ((address token, uint160 amount, uint48 expiration, \
             uint48 nonce) details, address spender, uint256 sigDeadline) permitSingle, \
             bytes signature)",
            |call| {
                let permit = call.argument("permitSingle")?;
                let (owner, spender) = (call.account("owner")?, permit.member("spender")?);
                allow_detail(call, permit.member("details")?, &owner, &spender.account()?)
            },
        ),
        CallKind::new(
            "permit(address owner, ((address token, uint160 amount, uint48 expiration, \
             uint48 nonce)[] details, address spender, uint256 sigDeadline) permitBatch, \
             bytes signature)",
            |call| {
                let permit = call.argument("permitBatch")?;
                let (owner, spender) = (call.account("owner")?, permit.member("spender")?);
                for detail in permit.member("details")?.items()? {
                    allow_detail(call, detail, &owner, &spender.account()?)?;
                }
                Some(())
            },
        ),
        CallKind::new(
            "transferFrom(address from, address to, uint160 amount, address token)",
            |call| {
                let (from, to) = (call.account("from")?, call.account("to")?);
                let (token, amount) = (call.account("token")?, call.amount("amount")?);
                transfer(call, token, &from, &to, amount)
            },
        ),
        CallKind::new(
            "transferFrom((address from, address to, uint160 amount, address token)[] details)",
            |call| {
                for detail in call.items("details")? {
                    let account = |name: &str| detail.member(name)?.account();
                    let (from, to) = (account("from")?, account("to")?);
                    let amount = detail.member("amount")?.amount()?;
                    transfer(call, account("token")?, &from, &to, amount)?;
                }
                Some(())
            },
        ),
        CallKind::new(
            "permitTransferFrom(((address token, uint256 amount) permitted, uint256 nonce, \
             uint256 deadline) permit, (address to, uint256 requestedAmount) details, \
             address owner, bytes signature)",
            permit_transfer,
        ),
        CallKind::new(
            "permitWitnessTransferFrom(((address token, uint256 amount) permitted, \
             uint256 nonce, uint256 deadline) permit, (address to, uint256 requestedAmount) \
             details, address owner, bytes32 witness, string witnessTypeString, bytes signature)",
            permit_transfer,
        ),
        CallKind::new(
            "permitTransferFrom(((address token, uint256 amount)[] permitted, uint256 nonce, \
             uint256 deadline) permit, (address to, uint256 requestedAmount)[] details, \
             address owner, bytes signature)",
            permit_batch_transfer,
        ),
        CallKind::new(
            "permitWitnessTransferFrom(((address token, uint256 amount)[] permitted, \
             uint256 nonce, uint256 deadline) permit, (address to, uint256 requestedAmount)[] \
             details, address owner, bytes32 witness, string witnessTypeString, bytes signature)",
            permit_batch_transfer,
        ),
        CallKind::new(
            "lockdown((address token, address spender)[] approvals)",
            |call| {
                for approval in call.items("approvals")? {
                    let spender = approval.member("spender")?.account()?;
                    let token = approval.member("token")?.account()?;
                    call.add_power(PowerKind::GrantRevocation, Some(spender), Some(token));
                }
                Some(())
            },
        ),
        CallKind::new(
            "invalidateNonces(address token, address spender, uint48 newNonce)",
            |call| call.add_power_for(PowerKind::GrantRevocation, "spender"),
        ),
        CallKind::new(
            "invalidateUnorderedNonces(uint256 wordPos, uint256 mask)",
            |call| {
                call.add_power(PowerKind::GrantRevocation, None, None);
                Some(())
            },
        ),
    ],
    typed: &[
        TypedKind {
            encoded: "PermitSingle(PermitDetails details,address spender,uint256 sigDeadline)\
                      PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)",
            signer: None,
            effect: |call| {
                let (owner, spender) = (call.sender(), call.account("spender")?);
                allow_detail(call, call.argument("details")?, &owner, &spender)
            },
        },
        TypedKind {
            encoded: "PermitBatch(PermitDetails[] details,address spender,uint256 sigDeadline)\
                      PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)",
            signer: None,
            effect: |call| {
                let (owner, spender) = (call.sender(), call.account("spender")?);
                for detail in call.items("details")? {
                    allow_detail(call, detail, &owner, &spender)?;
                }
                Some(())
            },
        },
        TypedKind {
            encoded: "PermitTransferFrom(TokenPermissions permitted,address spender,\
                      uint256 nonce,uint256 deadline)\
                      TokenPermissions(address token,uint256 amount)",
            signer: None,
            effect: |call| {
                let (owner, spender) = (call.sender(), call.account("spender")?);
                allow_detail(call, call.argument("permitted")?, &owner, &spender)
            },
        },
        TypedKind {
            encoded: "PermitBatchTransferFrom(TokenPermissions[] permitted,address spender,\
                      uint256 nonce,uint256 deadline)\
                      TokenPermissions(address token,uint256 amount)",
            signer: None,
            effect: |call| {
                let (owner, spender) = (call.sender(), call.account("spender")?);
                for permitted in call.items("permitted")? {
                    allow_detail(call, permitted, &owner, &spender)?;
                }
                Some(())
            },
        },
    ],
    events: &[],
};

/// An allowance of a token, which must be registered.
fn allow(
    call: &mut CallReader<'_>,
    contract: Argument<'_>,
    amount: Argument<'_>,
    owner: &str,
    spender: &str,
) -> Option<()> {
    let (contract, amount) = (contract.account()?, amount.amount()?);
    call.require_contract(&contract);
    if amount.is_zero() {
        let (spender, contract) = (Some(spender.to_owned()), Some(contract));
        call.add_power(PowerKind::GrantRevocation, spender, contract);
        return Some(());
    }
    let is_unlimited = amount.to_be_bytes()[12..] == UNLIMITED;
    let amount = (!is_unlimited).then_some(amount);
    let asset = token(&contract, None);
    call.add_grant_of(asset, owner.to_owned(), spender.to_owned(), amount);
    Some(())
}

/// The same, of a struct with `token` and `amount`.
fn allow_detail(
    call: &mut CallReader<'_>,
    detail: Argument<'_>,
    owner: &str,
    spender: &str,
) -> Option<()> {
    let (token, amount) = (detail.member("token")?, detail.member("amount")?);
    allow(call, token, amount, owner, spender)
}

/// A transfer is a call of the token.
fn transfer(
    call: &mut CallReader<'_>,
    token: String,
    from: &str,
    to: &str,
    amount: Amount,
) -> Option<()> {
    let words = [account_word(from)?, account_word(to)?, amount.to_be_bytes()];
    call.reading.nested.push(Nested {
        sender: call.contract.to_owned(),
        contract: token,
        value: Amount::ZERO,
        data: encode("transferFrom(address,address,uint256)", &words),
        kind: NestedKind::Call,
    });
    Some(())
}

fn permit_transfer(call: &mut CallReader<'_>) -> Option<()> {
    let permitted = call.argument("permit")?.member("permitted")?;
    permitted_transfer(call, permitted, call.argument("details")?)
}

fn permit_batch_transfer(call: &mut CallReader<'_>) -> Option<()> {
    let permitted = call.argument("permit")?.member("permitted")?.items()?;
    // The contract rejects lists of different lengths.
    for (permitted, details) in permitted.into_iter().zip(call.items("details")?) {
        permitted_transfer(call, permitted, details)?;
    }
    Some(())
}

fn permitted_transfer(
    call: &mut CallReader<'_>,
    permitted: Argument<'_>,
    details: Argument<'_>,
) -> Option<()> {
    let (owner, to) = (call.account("owner")?, details.member("to")?.account()?);
    let amount = details.member("requestedAmount")?.amount()?;
    transfer(
        call,
        permitted.member("token")?.account()?,
        &owner,
        &to,
        amount,
    )
}
