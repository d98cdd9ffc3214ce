//! Builds the bytes of an unsigned transaction of coins. Shares nothing with `read` but the
//! constants of the form.

use super::{HEAD, LOCK_TIME, SEQUENCE, VERSION, address, wire::compact};
use crate::{Act, Error, Intent, Output, Result, Transaction, Unsigned};
use std::collections::BTreeSet;
use types::{Amount, ChainId};

/// Below this an output costs more to spend than it is worth (294 satoshi for P2WPKH), and nodes
/// refuse it.
const DUST: u64 = 294;
const MAX_MEMO: usize = 80;

/// A coin of the signer's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coin {
    /// The transaction that made it.
    pub transaction: String,
    /// Which of its outputs.
    pub output: u32,
    /// What it is worth.
    pub value: Amount,
}

/// The bytes that pay what the intent says from these coins, at this fee; the rest returns to the
/// signer.
///
/// Coins are spent in the order given. A rest too small to be worth an output (below 294) adds to
/// the fee. A cancel returns everything. Error `intent.unsuitable`: no plain payment of this chain,
/// coins that do not suffice, or a coin twice.
pub fn unsigned(intent: &Intent, coins: &[Coin], fee: Amount) -> Result<Unsigned> {
    let Act::Transaction(transaction) = &intent.act else {
        return Err(Error::unsuitable("this chain signs transactions only"));
    };
    let owner = account(&intent.chain, &intent.signer)?;
    let mut outputs = if intent.is_cancel() {
        Vec::new()
    } else {
        payments(intent, transaction, &owner)?
    };
    outputs.extend(memo(&transaction.data)?);
    let spent = total(coins.iter().map(|coin| coin.value))?;
    let paid = total(outputs.iter().map(|(value, _)| Amount::from(*value)))?;
    let needed = paid
        .checked_add(fee)
        .ok_or_else(|| Error::unsuitable("the fee is beyond all money"))?;
    let rest = spent
        .checked_sub(needed)
        .ok_or_else(|| Error::unsuitable("the coins do not suffice"))?;
    match satoshi(rest)? {
        rest if rest >= DUST => outputs.push((rest, key_script(&owner))),
        _ if intent.is_cancel() => {
            return Err(Error::unsuitable(
                "the coins are too small to return anything",
            ));
        }
        _ => {}
    }
    let bytes = write(coins, &outputs, &owner)?;
    Ok(Unsigned {
        chain: intent.chain.clone(),
        signer: intent.signer.clone(),
        bytes,
    })
}

fn payments(
    intent: &Intent,
    transaction: &Transaction,
    owner: &[u8; 20],
) -> Result<Vec<(u64, Vec<u8>)>> {
    if !(transaction.access.is_empty() && transaction.authorisations.is_empty()) {
        return Err(Error::unsuitable(
            "this chain has neither access lists nor authorisations",
        ));
    }
    if transaction.outputs.is_empty() && transaction.data.is_empty() {
        return Err(Error::unsuitable("nothing is paid"));
    }
    transaction
        .outputs
        .iter()
        .map(|output| payment(&intent.chain, output, owner))
        .collect()
}

fn payment(chain: &ChainId, output: &Output, owner: &[u8; 20]) -> Result<(u64, Vec<u8>)> {
    let to = output
        .to
        .as_deref()
        .ok_or_else(|| Error::unsuitable("this chain has no contracts to deploy"))?;
    let hash = account(chain, to)?;
    let value = satoshi(output.value)?;
    match value {
        _ if hash == *owner => Err(Error::unsuitable(
            "what returns to the signer is change, and not listed",
        )),
        0..DUST => Err(Error::unsuitable(format!("a payment is at least {DUST}"))),
        _ => Ok((value, key_script(&hash))),
    }
}

fn memo(data: &[u8]) -> Result<Option<(u64, Vec<u8>)>> {
    let length = u8::try_from(data.len())
        .ok()
        .filter(|length| usize::from(*length) <= MAX_MEMO);
    let head = match length {
        None => {
            return Err(Error::unsuitable(format!(
                "a memo has at most {MAX_MEMO} bytes"
            )));
        }
        Some(0) => return Ok(None),
        Some(short @ ..76) => vec![0x6a, short],
        Some(long) => vec![0x6a, 0x4c, long],
    };
    Ok(Some((0, [&head, data].concat())))
}

fn write(coins: &[Coin], outputs: &[(u64, Vec<u8>)], owner: &[u8; 20]) -> Result<Vec<u8>> {
    let mut bytes = [HEAD, &VERSION.to_le_bytes(), &compact(coins.len())].concat();
    let mut seen = BTreeSet::new();
    for coin in coins {
        if !seen.insert((&coin.transaction, coin.output)) {
            return Err(Error::unsuitable("a coin is spent twice"));
        }
        bytes.extend(transaction_id(&coin.transaction)?);
        bytes.extend(coin.output.to_le_bytes());
        bytes.push(0);
        bytes.extend(SEQUENCE.to_le_bytes());
    }
    bytes.extend(compact(outputs.len()));
    for (value, script) in outputs {
        bytes.extend(value.to_le_bytes());
        bytes.extend(compact(script.len()));
        bytes.extend(script);
    }
    bytes.extend(LOCK_TIME.to_le_bytes());
    for coin in coins {
        bytes.extend(satoshi(coin.value)?.to_le_bytes());
        bytes.extend(owner);
    }
    Ok(bytes)
}

/// The hash in a transaction's id: reversed. One transaction, one text: lower case only.
fn transaction_id(text: &str) -> Result<Vec<u8>> {
    let mut hash = hex::decode(text).unwrap_or_default();
    hash.reverse();
    let sound = hash.len() == 32 && !text.bytes().any(|byte| byte.is_ascii_uppercase());
    sound.then_some(hash).ok_or_else(|| {
        Error::unsuitable("a transaction's id is 64 hexadecimal digits in lower case")
    })
}

fn key_script(hash: &[u8; 20]) -> Vec<u8> {
    [&[0, 20], &hash[..]].concat()
}

fn account(chain: &ChainId, text: &str) -> Result<[u8; 20]> {
    let account = address::canonical(chain, text);
    account.ok_or_else(|| {
        Error::unsuitable(format!(
            "{text:?} is no address of this chain in canonical form"
        ))
    })
}

fn total(mut values: impl Iterator<Item = Amount>) -> Result<Amount> {
    let total = values.try_fold(Amount::ZERO, Amount::checked_add);
    total.ok_or_else(|| Error::unsuitable("there is not so much money"))
}

fn satoshi(amount: Amount) -> Result<u64> {
    amount
        .to_u64()
        .ok_or_else(|| Error::unsuitable("there is not so much money"))
}
