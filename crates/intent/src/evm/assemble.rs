//! Joins bytes and signature. Works on the bytes that were signed, so that nothing can change
//! between signing and broadcast.

use super::{address, authorization::MAGIC, rlp, rlp::Reader, statement};
use crate::{Error, Result, Signature, Signed, Unsigned, recover::recover};
use alloy_primitives::keccak256;

/// The number of legacy fields before `chain, 0, 0`.
const LEGACY_FIELDS: usize = 6;

/// Builds the signed form and its id. Takes exactly one signature, with low s, that recovers to the
/// signer of `unsigned`.
///
/// A transaction becomes the input of `eth_sendRawTransaction`, with its hash as id. An
/// authorization becomes its signed tuple, a message or typed data the 65 bytes r, s, v (27 or 28);
/// the id of a statement is the signed digest.
pub fn assemble(unsigned: &Unsigned, signatures: &[Signature]) -> Result<Signed> {
    let decoded = super::decode(unsigned)?;
    let signer_mismatch = || Error::WrongSignature {
        account: unsigned.signer.clone(),
    };
    let ([request], [signature]) = (decoded.required_signatures.as_slice(), signatures) else {
        return Err(signer_mismatch());
    };
    let key = recover(&request.digest, signature).ok_or_else(signer_mismatch)?;
    if address::address(&key)? != unsigned.signer {
        return Err(signer_mismatch());
    }
    let raw = raw(unsigned, signature)?;
    let is_transaction = !matches!(
        unsigned.bytes[0],
        MAGIC | statement::MESSAGE | statement::TYPED_DATA
    );
    let id = if is_transaction {
        *keccak256(&raw)
    } else {
        request.digest
    };
    Ok(Signed {
        chain: unsigned.chain,
        raw,
        id: format!("0x{}", hex::encode(id)),
    })
}

fn raw(unsigned: &Unsigned, signature: &Signature) -> Result<Vec<u8>> {
    let bytes = &unsigned.bytes;
    match bytes[0] {
        statement::MESSAGE | statement::TYPED_DATA => {
            Ok([&signature.rs[..], &[27 + signature.recovery]].concat())
        }
        0xc0.. => legacy(bytes, signature),
        kind => {
            let tail = signature_fields(u128::from(signature.recovery), signature);
            let list = rlp::list(&[Reader::whole(&bytes[1..])?.rest(), &tail].concat());
            Ok(if kind == MAGIC {
                list
            } else {
                [vec![kind], list].concat()
            })
        }
    }
}

/// EIP-155: v = 2 chain + 35 + y replaces `chain, 0, 0`.
fn legacy(bytes: &[u8], signature: &Signature) -> Result<Vec<u8>> {
    let mut list = Reader::whole(bytes)?;
    let fields = list.raw(LEGACY_FIELDS)?;
    let v = u128::from(list.uint()?) * 2 + 35 + u128::from(signature.recovery);
    Ok(rlp::list(
        &[fields, &signature_fields(v, signature)].concat(),
    ))
}

fn signature_fields(v: u128, signature: &Signature) -> Vec<u8> {
    [
        rlp::uint(&v.to_be_bytes()),
        rlp::uint(&signature.rs[..32]),
        rlp::uint(&signature.rs[32..]),
    ]
    .concat()
}
