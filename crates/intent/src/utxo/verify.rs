//! Decodes and verifies a signed transaction as a node does. Used by the simulated chain of
//! `testkit`, not by Florin's engines.

use super::{
    address,
    read::Payee,
    wire::{Input, Output, Reader, Tx, double_sha256, format_id},
};
use crate::{Error, PublicKey, Result};
use secp256k1::{Message, SECP256K1, ecdsa};
use types::{Amount, ChainId};

/// A transaction with valid signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedTransaction {
    pub id: String,
    /// The spent coins: transaction and output index.
    pub inputs: Vec<(String, u32)>,
    /// The outputs in order; a memo has no payee.
    pub outputs: Vec<(Option<String>, Amount)>,
    /// Empty if there is none.
    pub memo: Vec<u8>,
    /// The size in virtual bytes, on which fees are based (BIP-141).
    pub size: u64,
}

/// Verifies that each input is signed by the owner of its coin. `coin` returns the owner and value
/// of a spendable coin; an input without such a coin is an error. The caller compares the total
/// value of the outputs.
pub fn verify(
    chain: &ChainId,
    raw: &[u8],
    coin: impl Fn(&str, u32) -> Option<(String, Amount)>,
) -> Result<VerifiedTransaction> {
    let (tx, witnesses, stripped) = read(raw)?;
    let inputs: Vec<(String, u32)> = tx.inputs.iter().map(Input::spends).collect();
    for (index, ((transaction, output), witness)) in inputs.iter().zip(&witnesses).enumerate() {
        let (account, value) = coin(transaction, *output)
            .ok_or_else(|| Error::undecodable("an input spends an unknown coin"))?;
        if !is_signed(chain, &tx, index, (&account, value), witness) {
            return Err(Error::WrongSignature { account });
        }
    }
    let size = (3 * stripped.len() + raw.len()).div_ceil(4) as u64;
    let mut verified = VerifiedTransaction {
        id: format_id(&double_sha256(&stripped)),
        inputs,
        outputs: Vec::new(),
        memo: Vec::new(),
        size,
    };
    for output in &tx.outputs {
        let (to, memo) = payee(chain, output)?;
        verified.memo.extend(memo);
        verified.outputs.push((to, Amount::from(output.value)));
    }
    Ok(verified)
}

type Witness = (ecdsa::Signature, PublicKey);

/// The transaction, the witnesses, and the serialization without them, whose hash is the id.
fn read(raw: &[u8]) -> Result<(Tx, Vec<Witness>, Vec<u8>)> {
    let mut reader = Reader { unread: raw };
    let version = reader.u32()?;
    if reader.array()? != [0, 1] {
        return Err(Error::undecodable("the transaction has no witnesses"));
    }
    let body = reader.unread;
    let (inputs, outputs) = (reader.list(Input::read)?, reader.list(Output::read)?);
    let body = &body[..body.len() - reader.unread.len()];
    let witnesses = inputs
        .iter()
        .map(|_| witness(&mut reader))
        .collect::<Result<_>>()?;
    let lock_time = reader.u32()?;
    reader.finish()?;
    let stripped = [&version.to_le_bytes(), body, &lock_time.to_le_bytes()].concat();
    Ok((
        Tx {
            version,
            inputs,
            outputs,
            lock_time,
        },
        witnesses,
        stripped,
    ))
}

fn witness(reader: &mut Reader<'_>) -> Result<Witness> {
    let invalid = || Error::undecodable("a witness is not a SIGHASH_ALL signature and a key");
    if reader.count()? != 2 {
        return Err(invalid());
    }
    let length = reader.count()?;
    let (sighash_type, der) = reader.take(length)?.split_last().ok_or_else(invalid)?;
    let signature = ecdsa::Signature::from_der(der).map_err(|_| invalid())?;
    if *sighash_type != 1 || reader.count()? != 33 {
        return Err(invalid());
    }
    Ok((signature, PublicKey(reader.array()?)))
}

fn is_signed(
    chain: &ChainId,
    tx: &Tx,
    index: usize,
    (owner, value): (&str, Amount),
    witness: &Witness,
) -> bool {
    let (signature, key) = witness;
    let hash = address::key_hash(key);
    let digest = value
        .to_u64()
        .and_then(|value| tx.digest(index, value, &hash));
    let (Some(digest), Some(point)) = (digest, key.point()) else {
        return false;
    };
    address::format(chain, &hash) == owner
        && SECP256K1
            .verify_ecdsa(&Message::from_digest(digest), signature, &point)
            .is_ok()
}

fn payee(chain: &ChainId, output: &Output) -> Result<(Option<String>, Vec<u8>)> {
    Ok(match Payee::read(output)? {
        Payee::Key(hash) => (Some(address::format(chain, &hash)), Vec::new()),
        Payee::Memo(memo) => (None, memo),
    })
}
