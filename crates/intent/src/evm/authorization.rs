//! EIP-7702 authorizations. The signing payload is `0x05 || rlp([chain, delegate, nonce])`; the
//! signed form is the tuple with the signature.

use super::{address, rlp, rlp::Reader};
use crate::{Authorization, Error, Intent, Result, Signature, recover::recover};
use alloy_primitives::keccak256;

/// The first byte of the signing payload.
pub(super) const MAGIC: u8 = 5;

/// The signing payload of the authority.
pub(super) fn bytes(intent: &Intent, authorization: &Authorization) -> Result<Vec<u8>> {
    let chain = intent.chain.evm_number().filter(|number| *number > 0);
    let chain =
        chain.ok_or_else(|| Error::invalid_intent("the chain has no chain id to sign for"))?;
    let delegate = address::parse_canonical(&authorization.delegate);
    let delegate = delegate
        .ok_or_else(|| Error::invalid_intent("the delegate is not an address in canonical form"))?;
    Ok(preimage(
        if authorization.any_chain { 0 } else { chain },
        &delegate,
        authorization.nonce,
    ))
}

fn preimage(chain: u64, delegate: &[u8; 20], nonce: u64) -> Vec<u8> {
    let items = [
        rlp::uint(&chain.to_be_bytes()),
        rlp::bytes(delegate),
        rlp::uint(&nonce.to_be_bytes()),
    ]
    .concat();
    [vec![MAGIC], rlp::list(&items)].concat()
}

/// Reads the signing payload after the magic byte.
pub(super) fn read(chain: u64, authority: &str, bytes: &[u8]) -> Result<Authorization> {
    let mut list = Reader::whole(bytes)?;
    let (for_chain, delegate, nonce) = (list.uint()?, list.exactly::<20>()?, list.uint()?);
    list.finish()?;
    tuple(chain, for_chain, authority.to_owned(), &delegate, nonce)
}

/// Reads a signed tuple `[chain, delegate, nonce, y, r, s]`. The authority is recovered from the
/// signature.
pub(super) fn signed(chain: u64, mut list: Reader<'_>) -> Result<Authorization> {
    let (for_chain, delegate, nonce) = (list.uint()?, list.exactly::<20>()?, list.uint()?);
    let signature = signature_fields(list)?;
    let key = recover(
        &keccak256(preimage(for_chain, &delegate, nonce)),
        &signature,
    );
    let key = key.ok_or_else(|| Error::undecodable("an authorization has no valid signature"))?;
    tuple(chain, for_chain, address::address(&key)?, &delegate, nonce)
}

/// The signature of a signed tuple.
pub(super) fn signature(mut list: Reader<'_>) -> Result<Signature> {
    let _unsigned = (list.uint()?, list.exactly::<20>()?, list.uint()?);
    signature_fields(list)
}

/// Reads `y, r, s`, the rest of a signed tuple.
fn signature_fields(mut list: Reader<'_>) -> Result<Signature> {
    let (y, r, s) = (list.uint()?, list.amount()?, list.amount()?);
    list.finish()?;
    let mut rs = [0; 64];
    rs[..32].copy_from_slice(&r.to_be_bytes());
    rs[32..].copy_from_slice(&s.to_be_bytes());
    Ok(Signature {
        rs,
        recovery: u8::try_from(y).unwrap_or(u8::MAX),
    })
}

fn tuple(
    chain: u64,
    for_chain: u64,
    authority: String,
    delegate: &[u8; 20],
    nonce: u64,
) -> Result<Authorization> {
    if for_chain != 0 && for_chain != chain {
        return Err(Error::undecodable(format!(
            "an authorization is for chain {for_chain}"
        )));
    }
    if nonce == u64::MAX {
        return Err(Error::undecodable(
            "the nonce of an authorization is 2^64-1, which no chain accepts (EIP-2681)",
        ));
    }
    Ok(Authorization {
        authority,
        delegate: address::format(delegate),
        nonce,
        any_chain: for_chain == 0,
    })
}
