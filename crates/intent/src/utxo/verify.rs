//! Reads and checks a complete transaction as a node does. Florin's own engines never need it; the
//! chain that `testkit` plays does.

use super::{
    address,
    read::Payee,
    wire::{Input, Output, Reader, Tx, show_id, twice},
};
use crate::{Error, PublicKey, Result};
use secp256k1::{Message, SECP256K1, ecdsa};
use types::{Amount, ChainId};

/// A transaction of coins, its signatures checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Its id.
    pub id: String,
    /// The coins it spends: transaction and output.
    pub inputs: Vec<(String, u32)>,
    /// What it pays, by the number of the output; a memo pays nobody.
    pub outputs: Vec<(Option<String>, Amount)>,
    /// Its memo; empty if it has none.
    pub memo: Vec<u8>,
    /// Its size in virtual bytes, as fees are reckoned by (BIP-141).
    pub size: u64,
}

/// Checks that each input carries the signature of the owner of its coin. `coin` says who owns a
/// coin that may be spent, and what it is worth; an input without such a coin is an error. What the
/// outputs are worth together is for the caller to compare.
pub fn verify(
    chain: &ChainId,
    raw: &[u8],
    coin: impl Fn(&str, u32) -> Option<(String, Amount)>,
) -> Result<Checked> {
    let (tx, witnesses, stripped) = read(raw)?;
    let inputs: Vec<(String, u32)> = tx.inputs.iter().map(Input::spends).collect();
    for (place, ((transaction, output), witness)) in inputs.iter().zip(&witnesses).enumerate() {
        let coin = coin(transaction, *output)
            .ok_or_else(|| Error::undecodable("there is no such coin"))?;
        if !is_signed(chain, &tx, place, &coin, witness) {
            return Err(Error::WrongSignature { account: coin.0 });
        }
    }
    let size = (3 * stripped.len() + raw.len()).div_ceil(4) as u64;
    let mut checked = Checked {
        id: show_id(&twice(&stripped)),
        inputs,
        outputs: Vec::new(),
        memo: Vec::new(),
        size,
    };
    for output in &tx.outputs {
        let (to, memo) = payee(chain, output)?;
        checked.memo.extend(memo);
        checked.outputs.push((to, Amount::from(output.value)));
    }
    Ok(checked)
}

type Witness = (ecdsa::Signature, PublicKey);

/// The transaction, the witnesses, and the serialisation without them, of which the id is the hash.
fn read(raw: &[u8]) -> Result<(Tx, Vec<Witness>, Vec<u8>)> {
    let mut reader = Reader(raw);
    let version = reader.u32()?;
    if reader.array()? != [0, 1] {
        return Err(Error::undecodable("there are no witnesses"));
    }
    let body = reader.0;
    let (inputs, outputs) = (reader.list(Input::read)?, reader.list(Output::read)?);
    let body = &body[..body.len() - reader.0.len()];
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
    let wrong = || Error::undecodable("a witness is not a signature of everything and a key");
    if reader.count()? != 2 {
        return Err(wrong());
    }
    let length = reader.count()?;
    let (all, der) = reader.take(length)?.split_last().ok_or_else(wrong)?;
    let signature = ecdsa::Signature::from_der(der).map_err(|_| wrong())?;
    if *all != 1 || reader.count()? != 33 {
        return Err(wrong());
    }
    Ok((signature, PublicKey(reader.array()?)))
}

fn is_signed(
    chain: &ChainId,
    tx: &Tx,
    place: usize,
    (owner, value): &(String, Amount),
    by: &Witness,
) -> bool {
    let (signature, key) = by;
    let hash = address::key_hash(key);
    let digest = value
        .to_u64()
        .and_then(|value| tx.digest(place, value, &hash));
    let point = secp256k1::PublicKey::from_slice(&key.0);
    let (Some(digest), Ok(point)) = (digest, point) else {
        return false;
    };
    address::show(chain, &hash) == *owner
        && SECP256K1
            .verify_ecdsa(&Message::from_digest(digest), signature, &point)
            .is_ok()
}

fn payee(chain: &ChainId, output: &Output) -> Result<(Option<String>, Vec<u8>)> {
    Ok(match Payee::read(output)? {
        Payee::Key(hash) => (Some(address::show(chain, &hash)), Vec::new()),
        Payee::Memo(memo) => (None, memo),
    })
}
