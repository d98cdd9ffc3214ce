//! Decodes an unsigned UTXO transaction: the transaction, then the coins that it spends.

use super::{
    HEAD, LOCK_TIME, SEQUENCE, VERSION, address,
    wire::{Output, Reader, Tx},
};
use crate::{
    self as intent, Act, Decoded, Error, FeeTerms, Intent, RequiredSignature, Result, Scheme,
    Transaction, Unsigned,
};
use types::{Amount, ChainId, ReplayKey};

/// The longest input that is decoded. Nodes relay transactions of up to 100,000 virtual bytes.
const MAX_BYTES: usize = 400_000;
/// The maximum supply of bitcoin, in satoshi.
const MAX_MONEY: u64 = 2_100_000_000_000_000;
/// Weight of an input's witness: two counts, a signature of at most 72 bytes and a key of 33, each
/// with its length.
const WITNESS_WEIGHT: usize = 108;

/// Decoded unsigned bytes.
pub(super) struct Spend<'a> {
    pub(super) tx: Tx,
    /// The serialized transaction, without the coins.
    pub(super) bytes: &'a [u8],
    /// The key hash of the signer, who owns every coin.
    pub(super) owner: [u8; 20],
    /// The value of each coin.
    pub(super) values: Vec<u64>,
}

/// The payee of an output.
pub(super) enum Payee {
    Key([u8; 20]),
    Memo(Vec<u8>),
}

/// Decodes unsigned bytes. All coins belong to the signer. An output back to the signer is change
/// and not an output of the intent; a transaction with nothing but change is a cancel. The fee is
/// the difference between coins and outputs. The replay keys are the coins, sorted by text.
///
/// Rejects as undecodable: a signer other than the coins' owner, a duplicate coin, outputs of value
/// 0 or unknown form, a memo or change out of order, and any version, sequence or lock time other
/// than those built here.
pub fn decode(unsigned: &Unsigned) -> Result<Decoded> {
    let spend = Spend::read(unsigned)?;
    let act = Act::Transaction(spend.transaction(unsigned)?);
    Ok(Decoded {
        intent: Intent {
            chain: unsigned.chain,
            signer: unsigned.signer.clone(),
            act,
        },
        replay_keys: spend.replay_keys()?,
        fee: spend.fee()?,
        required_signatures: spend.required_signatures(&unsigned.signer)?,
    })
}

impl<'a> Spend<'a> {
    pub(super) fn read(unsigned: &'a Unsigned) -> Result<Self> {
        let body = unsigned
            .bytes
            .strip_prefix(HEAD)
            .filter(|body| body.len() <= MAX_BYTES);
        let body = body.ok_or_else(|| {
            Error::undecodable("they do not have the expected prefix, or are too long")
        })?;
        let mut reader = Reader { unread: body };
        let tx = Tx::read(&mut reader)?;
        let bytes = &body[..body.len() - reader.unread.len()];
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
            || address::format(&unsigned.chain, &owner) != unsigned.signer
        {
            return Err(Error::undecodable("not all coins belong to the signer"));
        }
        Self {
            tx,
            bytes,
            owner,
            values: coins.into_iter().map(|(value, _)| value).collect(),
        }
        .check_format()
    }

    fn check_format(self) -> Result<Self> {
        let supported = self.tx.version == VERSION && self.tx.lock_time == LOCK_TIME;
        if !supported
            || self
                .tx
                .inputs
                .iter()
                .any(|input| input.sequence != SEQUENCE)
        {
            return Err(Error::undecodable(
                "the version, a sequence or the lock time is not supported",
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
                    return Err(Error::undecodable("an output follows the change"));
                }
                Payee::Key(hash) if hash == self.owner => change = true,
                _ if !transaction.data.is_empty() => {
                    return Err(Error::undecodable(
                        "an output other than change follows the memo",
                    ));
                }
                Payee::Memo(memo) => transaction.data = memo,
                Payee::Key(hash) => {
                    transaction
                        .outputs
                        .push(payment(&unsigned.chain, &hash, output.value))
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
            (false, true) => Err(Error::undecodable("there are no outputs")),
            (_, false) => Ok(transaction),
        }
    }

    fn replay_keys(&self) -> Result<Vec<ReplayKey>> {
        let mut replay_keys: Vec<ReplayKey> = self
            .tx
            .inputs
            .iter()
            .map(|input| input.spends())
            .map(|(transaction, output)| ReplayKey::outpoint(&transaction, output))
            .collect();
        replay_keys.sort();
        if replay_keys.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Error::undecodable("a coin is spent twice"));
        }
        Ok(replay_keys)
    }

    /// The fee (coins minus outputs), and the fee rate by virtual size (BIP-141).
    fn fee(&self) -> Result<FeeTerms> {
        let spent = sum(self.values.iter().copied())?;
        let fee = spent.checked_sub(sum(self.tx.outputs.iter().map(|output| output.value))?);
        let total_fee =
            Amount::from(fee.ok_or_else(|| Error::undecodable("the outputs exceed the coins"))?);
        let gas = self.virtual_size();
        let fee_per_gas = total_fee
            .checked_div_ceil(Amount::from(gas))
            .unwrap_or(Amount::MAX);
        Ok(FeeTerms {
            gas,
            fee_per_gas,
            tip: fee_per_gas,
            total_fee,
            l1_fee: Amount::ZERO,
        })
    }

    fn virtual_size(&self) -> u64 {
        let weight = 4 * self.bytes.len() + 2 + WITNESS_WEIGHT * self.values.len();
        weight.div_ceil(4) as u64
    }

    fn required_signatures(&self, signer: &str) -> Result<Vec<RequiredSignature>> {
        let request = |(index, value): (usize, &u64)| {
            let digest = self.tx.digest(index, *value, &self.owner)?;
            Some(RequiredSignature {
                account: signer.to_owned(),
                scheme: Scheme::EcdsaSecp256k1,
                digest,
            })
        };
        let requests: Option<_> = self.values.iter().enumerate().map(request).collect();
        requests.ok_or_else(|| Error::undecodable("a coin has no input"))
    }
}

fn payment(chain: &ChainId, hash: &[u8; 20], value: u64) -> intent::Output {
    intent::Output {
        to: Some(address::format(chain, hash)),
        value: Amount::from(value),
    }
}

fn sum(mut values: impl Iterator<Item = u64>) -> Result<u64> {
    let add = |sum: u64, value: u64| sum.checked_add(value).filter(|sum| *sum <= MAX_MONEY);
    values
        .try_fold(0, add)
        .ok_or_else(|| Error::undecodable("an amount exceeds the maximum"))
}

impl Payee {
    /// Parses `0 <20 bytes>` with a value, or `RETURN <1 to 80 bytes>` without.
    pub(super) fn read(output: &Output) -> Result<Self> {
        let payee = match (output.script.as_slice(), output.value) {
            ([0, 20, hash @ ..], 1..) => hash.try_into().ok().map(Self::Key),
            ([0x6a, 0x4c, length @ 76..=80, memo @ ..], 0) => exact_memo(memo, *length),
            ([0x6a, length @ 1..=75, memo @ ..], 0) => exact_memo(memo, *length),
            _ => None,
        };
        payee
            .ok_or_else(|| Error::undecodable("an output is neither a payment to a key nor a memo"))
    }
}

fn exact_memo(memo: &[u8], length: u8) -> Option<Payee> {
    (memo.len() == usize::from(length)).then(|| Payee::Memo(memo.to_vec()))
}
