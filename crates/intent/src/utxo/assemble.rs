//! Joins bytes and signatures into a transaction with witnesses (BIP-141, BIP-144).

use super::{
    address,
    read::Spend,
    wire::{double_sha256, format_id},
};
use crate::{Error, PublicKey, Result, Signature, Signed, Unsigned, recover::recover};
use secp256k1::ecdsa;

/// The sighash type after a signature: everything is signed.
const SIGHASH_ALL: u8 = 1;
/// Length of the version before the inputs, and of the lock time after the outputs.
const EDGE: usize = 4;

/// Builds the transaction for broadcast, and its id. Takes one signature per input, in order, each
/// by the signer and with low s.
pub fn assemble(unsigned: &Unsigned, signatures: &[Signature]) -> Result<Signed> {
    let decoded = super::decode(unsigned)?;
    let spend = Spend::read(unsigned)?;
    let signer_mismatch = || Error::WrongSignature {
        account: unsigned.signer.clone(),
    };
    if signatures.len() != decoded.required_signatures.len() {
        return Err(signer_mismatch());
    }
    let mut witnesses = Vec::new();
    for (request, signature) in decoded.required_signatures.iter().zip(signatures) {
        let key =
            recover(&request.digest, signature).filter(|key| address::key_hash(key) == spend.owner);
        witnesses.extend(
            witness(&key.ok_or_else(signer_mismatch)?, signature).ok_or_else(signer_mismatch)?,
        );
    }
    let (version, rest) = spend.bytes.split_at(EDGE);
    let (body, lock_time) = rest.split_at(rest.len() - EDGE);
    let raw = [version, &[0, 1], body, &witnesses, lock_time].concat();
    Ok(Signed {
        chain: unsigned.chain,
        raw,
        id: format_id(&double_sha256(spend.bytes)),
    })
}

/// The witness of one input: the signature in DER with the sighash type, and the key.
fn witness(key: &PublicKey, signature: &Signature) -> Option<Vec<u8>> {
    let der = ecdsa::Signature::from_compact(&signature.rs)
        .ok()?
        .serialize_der();
    let length = u8::try_from(der.len() + 1).ok()?;
    Some([&[2, length], &der[..], &[SIGHASH_ALL, 33], &key.0].concat())
}
