//! What a node with a wallet's view plans: which coins a transaction spends, what it costs, and its
//! bytes.

use super::tree::{Coin, OutPoint};
use super::{FakeCoins, State};
use chain::{Error, Plan, Quote, Reservations, Result};
use intent::utxo::{self, Coin as Spent};
use intent::{Act, FeeTerms, Intent, Unsigned};
use std::collections::BTreeSet;
use types::{Amount, Witness};

/// What an input of a key's adds: a quote leaves room for some more than are needed now.
const INPUT_BYTES: u64 = 68;
/// Coins that a plan may take beyond those that a quote counted: others of the lane may have taken
/// the large ones.
const SPARE_INPUTS: u64 = 2;
/// What Bitcoin's wallet says where the coins do not suffice (-6).
const NO_FUNDS: i64 = -6;

impl FakeCoins {
    pub(super) fn quoted(&self, intent: &Intent) -> Result<Quote> {
        self.suits(intent)?;
        let rate = self.state().fee_rate;
        let free = Reservations::default();
        let terms = terms(u64::MAX, rate)?;
        let unsigned =
            self.ask(|state| self.choose(state, intent, &terms, &free, &BTreeSet::new()))??;
        let size = intent::decode(&unsigned)?.fee.gas + SPARE_INPUTS * INPUT_BYTES;
        Ok(Quote {
            terms: self::terms(size, rate)?,
        })
    }

    /// The bytes of each; a later one sees what those before it took.
    pub(super) fn planned(&self, plans: &[Plan<'_>]) -> Vec<Result<Unsigned>> {
        let mut taken = BTreeSet::new();
        plans
            .iter()
            .map(|plan| {
                self.suits(plan.intent)?;
                let chosen = |state: &State| {
                    self.choose(state, plan.intent, &plan.terms, plan.reservations, &taken)
                };
                let unsigned = self.ask(chosen)??;
                taken.extend(intent::decode(&unsigned)?.witnesses);
                Ok(unsigned)
            })
            .collect()
    }

    fn suits(&self, intent: &Intent) -> Result<()> {
        match &intent.act {
            Act::Transaction(_) if intent.chain == self.rules.chain => Ok(()),
            Act::Transaction(_) => Err(unsuitable("the intent is meant for another chain")),
            _ => Err(unsuitable("this chain signs transactions only")),
        }
    }

    /// The required coins, and as many of the largest others as it takes, at the terms' rate.
    fn choose(
        &self,
        state: &State,
        intent: &Intent,
        terms: &FeeTerms,
        reservations: &Reservations,
        taken: &BTreeSet<Witness>,
    ) -> Result<Unsigned> {
        let mut coins = self.required(state, intent, reservations)?;
        let others = available(state, intent, reservations, taken);
        let mut last = self.no_funds("there is no coin to spend");
        for next in std::iter::once(None).chain(others.into_iter().map(Some)) {
            coins.extend(next);
            if coins.is_empty() {
                continue;
            }
            match self.build(intent, &coins, terms) {
                Err(Error::Refused { message, .. }) => last = self.no_funds(&message),
                done => return done,
            }
        }
        Err(last)
    }

    fn required(
        &self,
        state: &State,
        intent: &Intent,
        reservations: &Reservations,
    ) -> Result<Vec<Spent>> {
        let mine = |witness: &Witness| {
            let found = state
                .ever
                .iter()
                .find(|(point, _)| witness_of(point) == *witness);
            let (point, coin) = found.filter(|(_, coin)| coin.owner == intent.signer)?;
            let free = state.spender(point).is_none();
            free.then(|| spent(point, coin))
        };
        let coins: Option<Vec<Spent>> = reservations.required.iter().map(mine).collect();
        coins.ok_or_else(|| {
            self.no_funds("a coin that must be spent is not there, or spent by a block")
        })
    }

    /// The bytes for these coins; refused where they do not suffice, or leave a rest too small to
    /// return and too large to give away.
    fn build(&self, intent: &Intent, coins: &[Spent], terms: &FeeTerms) -> Result<Unsigned> {
        let mut fee = 0;
        for _ in 0..3 {
            let unsigned = match utxo::unsigned(intent, coins, Amount::from(fee)) {
                Err(intent::Error::Unsuitable { why })
                    if why.contains("do not suffice") || why.contains("too small") =>
                {
                    return Err(self.no_funds(&why));
                }
                other => other?,
            };
            let says = intent::decode(&unsigned)?.fee;
            let wanted = says
                .gas
                .saturating_mul(terms.fee_per_gas.to_u64().unwrap_or(u64::MAX));
            let fits = says.gas <= terms.gas
                && says.fee_per_gas <= terms.fee_per_gas
                && says.total_fee <= terms.total_fee;
            // The first try pays nothing, to learn the size. A rest that is given away pays more
            // than was asked for.
            if fee > 0 && fits {
                return Ok(unsigned);
            }
            if says.gas > terms.gas {
                return Err(unsuitable("it takes more bytes than the terms allow"));
            }
            fee = wanted
                .min(terms.total_fee.to_u64().unwrap_or(u64::MAX))
                .max(1);
        }
        Err(self.no_funds("the coins leave a rest too small to return and too large to give away"))
    }

    fn no_funds(&self, message: &str) -> Error {
        Error::Refused {
            chain: self.rules.chain.to_string(),
            number: NO_FUNDS,
            message: message.to_owned(),
        }
    }
}

/// The signer's coins that a block holds and nothing waiting spends, largest first.
fn available(
    state: &State,
    intent: &Intent,
    reservations: &Reservations,
    taken: &BTreeSet<Witness>,
) -> Vec<Spent> {
    let no = |witness: &Witness| {
        reservations.held.contains(witness)
            || reservations.required.contains(witness)
            || taken.contains(witness)
    };
    let waiting = |point: &OutPoint| state.pool.iter().any(|tx| tx.spends(point));
    let coins = &state.seen_head().coins;
    let mine = coins.iter().filter(|(point, coin)| {
        coin.owner == intent.signer && !no(&witness_of(point)) && !waiting(point)
    });
    let mut mine: Vec<Spent> = mine.map(|(point, coin)| spent(point, coin)).collect();
    mine.sort_by(|a, b| {
        (b.value, &a.transaction, a.output).cmp(&(a.value, &b.transaction, b.output))
    });
    mine
}

fn witness_of((transaction, output): &OutPoint) -> Witness {
    Witness::input(transaction, *output)
}

fn spent((transaction, output): &OutPoint, coin: &Coin) -> Spent {
    Spent {
        transaction: transaction.clone(),
        output: *output,
        value: Amount::from(coin.value),
    }
}

fn terms(size: u64, rate: u64) -> Result<FeeTerms> {
    let price = Amount::from(rate);
    let total_fee = Amount::from(size)
        .checked_mul(price)
        .ok_or_else(|| unsuitable("a fee beyond all money"))?;
    Ok(FeeTerms {
        gas: size,
        fee_per_gas: price,
        tip: price,
        total_fee,
    })
}

pub(super) fn unsuitable(why: &str) -> Error {
    Error::Intent(intent::Error::Unsuitable {
        why: why.to_owned(),
    })
}
