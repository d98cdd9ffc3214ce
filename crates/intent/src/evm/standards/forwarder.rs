//! Forwarders of ERC-2771: calls on behalf of an account that signed them. A target that trusts the
//! forwarder sees that account as its caller. The forwarder of OpenZeppelin 5 calls no other target;
//! older ones do.

use super::Declaration;
use super::call::{Argument, CallKind, CallReader, Nested, NestedKind, TypedKind};
use crate::{IncompleteCode, Standard};

pub(super) static FORWARDER: Declaration = Declaration {
    standard: Standard::Forwarder,
    name: "Forwarder",
    calls: &[
        CallKind::new(
            "execute((address from, address to, uint256 value, uint256 gas, uint48 deadline, \
             bytes data, bytes signature) request)",
            |call| forward(call, call.argument("request")?),
        ),
        CallKind::new(
            "execute((address from, address to, uint256 value, uint256 gas, uint256 nonce, \
             bytes data) request, bytes signature)",
            |call| {
                distrust(call);
                forward(call, call.argument("request")?)
            },
        ),
    ],
    typed: &[
        TypedKind {
            encoded: "ForwardRequest(address from,address to,uint256 value,uint256 gas,\
                      uint256 nonce,uint48 deadline,bytes data)",
            signer: Some("from"),
            effect: forward_typed,
        },
        TypedKind {
            encoded: "ForwardRequest(address from,address to,uint256 value,uint256 gas,\
                      uint256 nonce,bytes data)",
            signer: Some("from"),
            effect: |call| {
                distrust(call);
                forward_typed(call)
            },
        },
    ],
    events: &[],
};

/// A forwarder that does not ask whether it is trusted.
fn distrust(call: &mut CallReader<'_>) {
    let why = "a target that does not trust the forwarder sees the forwarder as its caller";
    call.add_incomplete(IncompleteCode::UnknownArgument, why);
}

fn forward(call: &mut CallReader<'_>, request: Argument<'_>) -> Option<()> {
    let (from, to) = (request.member("from")?, request.member("to")?);
    call.reading.nested.push(Nested {
        sender: from.account()?,
        contract: to.account()?,
        value: request.member("value")?.amount()?,
        data: request.member("data")?.bytes()?.to_vec(),
        kind: NestedKind::Call,
    });
    Some(())
}

fn forward_typed(call: &mut CallReader<'_>) -> Option<()> {
    call.reading.nested.push(Nested {
        sender: call.account("from")?,
        contract: call.account("to")?,
        value: call.amount("value")?,
        data: call.bytes("data")?.to_vec(),
        kind: NestedKind::Call,
    });
    Some(())
}
