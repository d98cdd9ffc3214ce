//! ERC-3009: transfers by the signature of the holder.

use super::Declaration;
use super::call::{CallKind, CallReader, TypedKind};
use super::erc20::transfer_from;
use crate::{PowerKind, Standard};

pub(super) static ERC3009: Declaration = Declaration {
    standard: Standard::Erc3009,
    name: "ERC-3009",
    calls: &[
        CallKind::new(
            "transferWithAuthorization(address from, address to, uint256 value, \
             uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, \
             bytes32 s)",
            transfer_from,
        ),
        CallKind::new(
            "transferWithAuthorization(address from, address to, uint256 value, \
             uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes signature)",
            transfer_from,
        ),
        CallKind::new(
            "receiveWithAuthorization(address from, address to, uint256 value, \
             uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, \
             bytes32 s)",
            transfer_from,
        ),
        CallKind::new(
            "receiveWithAuthorization(address from, address to, uint256 value, \
             uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes signature)",
            transfer_from,
        ),
        CallKind::new(
            "cancelAuthorization(address authorizer, bytes32 nonce, uint8 v, bytes32 r, bytes32 s)",
            cancel,
        ),
        CallKind::new(
            "cancelAuthorization(address authorizer, bytes32 nonce, bytes signature)",
            cancel,
        ),
    ],
    typed: &[
        TypedKind {
            encoded: "TransferWithAuthorization(address from,address to,uint256 value,\
                      uint256 validAfter,uint256 validBefore,bytes32 nonce)",
            signer: Some("from"),
            effect: transfer_from,
        },
        TypedKind {
            encoded: "ReceiveWithAuthorization(address from,address to,uint256 value,\
                      uint256 validAfter,uint256 validBefore,bytes32 nonce)",
            signer: Some("from"),
            effect: transfer_from,
        },
        TypedKind {
            encoded: "CancelAuthorization(address authorizer,bytes32 nonce)",
            signer: Some("authorizer"),
            effect: cancel,
        },
    ],
    events: &[],
};

/// An authorization that was not used is void.
fn cancel(call: &mut CallReader<'_>) -> Option<()> {
    let nonce = call.word("nonce")?;
    call.add_power(PowerKind::GrantRevocation, None, Some(nonce));
    Some(())
}
