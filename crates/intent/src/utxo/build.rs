//! Builds unsigned UTXO transactions. Shares only the format's constants with `read`.

use super::{HEAD, LOCK_TIME, SEQUENCE, VERSION, address, wire::compact};
use crate::{Act, Error, Intent, Output, Result, Transaction, Unsigned};
use std::collections::BTreeSet;
use types::{Amount, ChainId};

/// The dust limit: an output below it costs more to spend than its value (294 satoshi for P2WPKH),
/// and nodes reject it.
const DUST: u64 = 294;
const MAX_MEMO: usize = 80;

/// An unspent output of the signer's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coin {
    /// The id of the transaction that created it.
    pub transaction: String,
    /// The index of the output.
    pub output: u32,
    /// In satoshi.
    pub value: Amount,
}

/// Builds the bytes that make the intent's payments from these coins at this fee. The rest returns
/// to the signer.
///
/// Coins are spent in the given order. A rest below the dust limit (294) is added to the fee. A
/// cancel returns everything. Error `intent.invalid_intent`: not a payment of this chain,
/// insufficient coins, or a coin listed twice.
pub fn build_unsigned(intent: &Intent, coins: &[Coin], fee: Amount) -> Result<Unsigned> {
    let Act::Transaction(transaction) = &intent.act else {
        return Err(Error::invalid_intent("this chain only signs transactions"));
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
        .ok_or_else(|| Error::invalid_intent("payments and fee exceed the maximum amount"))?;
    let rest = spent
        .checked_sub(needed)
        .ok_or_else(|| Error::invalid_intent("the coins do not cover payments and fee"))?;
    match satoshi(rest)? {
        rest if rest >= DUST => outputs.push((rest, key_script(&owner))),
        _ if intent.is_cancel() => {
            return Err(Error::invalid_intent(
                "the coins are too small to return anything after the fee",
            ));
        }
        _ => {}
    }
    let bytes = write(coins, &outputs, &owner)?;
    Ok(Unsigned {
        chain: intent.chain,
        signer: intent.signer.clone(),
        bytes,
    })
}

fn payments(
    intent: &Intent,
    transaction: &Transaction,
    owner: &[u8; 20],
) -> Result<Vec<(u64, Vec<u8>)>> {
    if !(transaction.access.is_empty() && transaction.authorizations.is_empty()) {
        return Err(Error::invalid_intent(
            "this chain has neither access lists nor authorizations",
        ));
    }
    if transaction.outputs.is_empty() && transaction.data.is_empty() {
        return Err(Error::invalid_intent(
            "there is neither a payment nor a memo",
        ));
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
        .ok_or_else(|| Error::invalid_intent("this chain has no contracts to deploy"))?;
    let hash = account(chain, to)?;
    let value = satoshi(output.value)?;
    match value {
        _ if hash == *owner => Err(Error::invalid_intent(
            "a payment to the signer is change and must not be listed",
        )),
        0..DUST => Err(Error::invalid_intent(format!(
            "a payment is at least {DUST}"
        ))),
        _ => Ok((value, key_script(&hash))),
    }
}

fn memo(data: &[u8]) -> Result<Option<(u64, Vec<u8>)>> {
    let length = u8::try_from(data.len())
        .ok()
        .filter(|length| usize::from(*length) <= MAX_MEMO);
    let head = match length {
        None => {
            return Err(Error::invalid_intent(format!(
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
            return Err(Error::invalid_intent("a coin is listed twice"));
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

/// Parses a transaction id, which is the reversed hash. Only lower case is accepted, so that a
/// transaction has one spelling.
fn transaction_id(text: &str) -> Result<Vec<u8>> {
    let mut hash = hex::decode(text).unwrap_or_default();
    hash.reverse();
    let valid = hash.len() == 32 && !text.bytes().any(|byte| byte.is_ascii_uppercase());
    valid.then_some(hash).ok_or_else(|| {
        Error::invalid_intent("a transaction id is 64 hexadecimal digits in lower case")
    })
}

fn key_script(hash: &[u8; 20]) -> Vec<u8> {
    [&[0, 20], &hash[..]].concat()
}

fn account(chain: &ChainId, text: &str) -> Result<[u8; 20]> {
    let account = address::parse_canonical(chain, text);
    account.ok_or_else(|| {
        Error::invalid_intent(format!(
            "{text:?} is not an address of this chain in canonical form"
        ))
    })
}

fn total(mut values: impl Iterator<Item = Amount>) -> Result<Amount> {
    let total = values.try_fold(Amount::ZERO, Amount::checked_add);
    total.ok_or_else(|| Error::invalid_intent("an amount exceeds the maximum"))
}

fn satoshi(amount: Amount) -> Result<u64> {
    amount
        .to_u64()
        .ok_or_else(|| Error::invalid_intent("an amount exceeds the maximum"))
}
