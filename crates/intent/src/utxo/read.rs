//! Reads an unsigned transaction of coins from its bytes: the transaction, then the coins that it
//! spends.

use super::{
    HEAD, LOCK_TIME, SEQUENCE, VERSION, address,
    wire::{Output, Reader, Tx},
};
use crate::{
    self as intent, Act, Decoded, Error, FeeTerms, Intent, Result, Scheme, SignRequest,
    Transaction, Unsigned,
};
use types::{Amount, ChainId, Witness};

/// The longest bytes that are read; nodes relay transactions of up to 100,000 virtual bytes.
const MAX_BYTES: usize = 400_000;
/// All the coins there can be, in satoshi.
const MAX_MONEY: u64 = 2_100_000_000_000_000;
/// Weight of an input's witness: two counts, a signature of at most 72 bytes with its length, a key
/// of 33 with its.
const WITNESS_WEIGHT: usize = 108;

/// Unsigned bytes, read.
pub(super) struct Spend<'a> {
    pub(super) tx: Tx,
    /// The serialised transaction, without the coins.
    pub(super) bytes: &'a [u8],
    /// The signer's key hash, of every coin.
    pub(super) owner: [u8; 20],
    /// What each coin is worth.
    pub(super) values: Vec<u64>,
}

/// What an output pays to.
pub(super) enum Payee {
    Key([u8; 20]),
    Memo(Vec<u8>),
}

/// What unsigned bytes say. All coins belong to the signer; what returns to the signer is change
/// and no output of the intent; nothing but change is a cancel. The fee is what the coins are worth
/// beyond the outputs; the witnesses are the coins, in their order as text.
///
/// Refused as undecodable: another signer than the coins', a coin twice, worthless or unknown
/// outputs, a memo or change out of place, and any other version, sequence or lock time than what
/// is built here.
pub fn decode(unsigned: &Unsigned) -> Result<Decoded> {
    let spend = Spend::read(unsigned)?;
    let act = Act::Transaction(spend.transaction(unsigned)?);
    let mut witnesses: Vec<Witness> = spend
        .tx
        .inputs
        .iter()
        .map(|input| input.spends())
        .map(witness)
        .collect();
    witnesses.sort();
    if witnesses.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Error::undecodable("a coin is spent twice"));
    }
    Ok(Decoded {
        intent: Intent {
            chain: unsigned.chain.clone(),
            signer: unsigned.signer.clone(),
            act,
        },
        witnesses,
        fee: spend.fee()?,
        requests: spend.requests(&unsigned.signer)?,
    })
}

fn witness((transaction, output): (String, u32)) -> Witness {
    Witness::input(&transaction, output)
}

impl<'a> Spend<'a> {
    pub(super) fn read(unsigned: &'a Unsigned) -> Result<Self> {
        let body = unsigned
            .bytes
            .strip_prefix(HEAD)
            .filter(|body| body.len() <= MAX_BYTES);
        let body = body.ok_or_else(|| {
            Error::undecodable("they do not begin as they should, or are too long")
        })?;
        let mut reader = Reader(body);
        let tx = Tx::read(&mut reader)?;
        let bytes = &body[..body.len() - reader.0.len()];
        let coins = tx
            .inputs
            .iter()
            .map(|_| Ok((reader.u64()?, reader.array()?)))
            .collect::<Result<Vec<_>>>()?;
        reader.finish()?;
        let owner = coins
            .first()
            .map(|(_, owner)| *owner)
            .ok_or_else(|| Error::undecodable("nothing is spent"))?;
        if coins.iter().any(|(_, other)| *other != owner)
            || address::show(&unsigned.chain, &owner) != unsigned.signer
        {
            return Err(Error::undecodable("the coins are not all the signer's"));
        }
        Self {
            tx,
            bytes,
            owner,
            values: coins.into_iter().map(|(value, _)| value).collect(),
        }
        .checked()
    }

    fn checked(self) -> Result<Self> {
        let known = self.tx.version == VERSION && self.tx.lock_time == LOCK_TIME;
        if !known
            || self
                .tx
                .inputs
                .iter()
                .any(|input| input.sequence != SEQUENCE)
        {
            return Err(Error::undecodable(
                "the version, a sequence or the lock time is not what is signed here",
            ));
        }
        Ok(self)
    }

    fn transaction(&self, unsigned: &Unsigned) -> Result<Transaction> {
        let mut transaction = Transaction::default();
        let mut change = false;
        for output in &self.tx.outputs {
            match Payee::read(output)? {
                _ if change => {
                    return Err(Error::undecodable("something stands behind the change"));
                }
                Payee::Key(hash) if hash == self.owner => change = true,
                _ if !transaction.data.is_empty() => {
                    return Err(Error::undecodable("something stands behind the memo"));
                }
                Payee::Memo(memo) => transaction.data = memo,
                Payee::Key(hash) => {
                    transaction
                        .outputs
                        .push(paid(&unsigned.chain, &hash, output.value))
                }
            }
        }
        match (change, transaction == Transaction::default()) {
            (true, true) => Ok(Transaction {
                outputs: vec![intent::Output {
                    to: Some(unsigned.signer.clone()),
                    value: Amount::ZERO,
                }],
                ..transaction
            }),
            (false, true) => Err(Error::undecodable("nothing is paid")),
            (_, false) => Ok(transaction),
        }
    }

    /// What is spent beyond what is paid, by virtual size (BIP-141).
    fn fee(&self) -> Result<FeeTerms> {
        let spent = sum(self.values.iter().copied())?;
        let fee = spent.checked_sub(sum(self.tx.outputs.iter().map(|output| output.value))?);
        let total_fee =
            Amount::from(fee.ok_or_else(|| Error::undecodable("more is paid than is spent"))?);
        let gas = self.virtual_size();
        let fee_per_gas = total_fee
            .checked_div_ceil(Amount::from(gas))
            .unwrap_or(Amount::MAX);
        Ok(FeeTerms {
            gas,
            fee_per_gas,
            tip: fee_per_gas,
            total_fee,
        })
    }

    fn virtual_size(&self) -> u64 {
        let weight = 4 * self.bytes.len() + 2 + WITNESS_WEIGHT * self.values.len();
        weight.div_ceil(4) as u64
    }

    fn requests(&self, signer: &str) -> Result<Vec<SignRequest>> {
        let request = |(place, value): (usize, &u64)| {
            let digest = self.tx.digest(place, *value, &self.owner)?;
            Some(SignRequest {
                account: signer.to_owned(),
                scheme: Scheme::EcdsaSecp256k1,
                digest,
            })
        };
        let requests: Option<_> = self.values.iter().enumerate().map(request).collect();
        requests.ok_or_else(|| Error::undecodable("a coin has no input"))
    }
}

fn paid(chain: &ChainId, hash: &[u8; 20], value: u64) -> intent::Output {
    intent::Output {
        to: Some(address::show(chain, hash)),
        value: Amount::from(value),
    }
}

fn sum(mut values: impl Iterator<Item = u64>) -> Result<u64> {
    let add = |sum: u64, value: u64| sum.checked_add(value).filter(|sum| *sum <= MAX_MONEY);
    values
        .try_fold(0, add)
        .ok_or_else(|| Error::undecodable("there is not so much money"))
}

impl Payee {
    /// `0 <20 bytes>` with a value, or `RETURN <1 to 80 bytes>` without.
    pub(super) fn read(output: &Output) -> Result<Self> {
        let payee = match (output.script.as_slice(), output.value) {
            ([0, 20, hash @ ..], 1..) => hash.try_into().ok().map(Self::Key),
            ([0x6a, 0x4c, length @ 76..=80, memo @ ..], 0) => exactly(memo, *length),
            ([0x6a, length @ 1..=75, memo @ ..], 0) => exactly(memo, *length),
            _ => None,
        };
        payee
            .ok_or_else(|| Error::undecodable("an output is neither a payment to a key nor a memo"))
    }
}

fn exactly(memo: &[u8], length: u8) -> Option<Payee> {
    (memo.len() == usize::from(length)).then(|| Payee::Memo(memo.to_vec()))
}
