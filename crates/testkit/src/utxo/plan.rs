//! Transaction planning: coin selection, fees, and the unsigned bytes.

use super::tree::{Coin, OutPoint};
use super::{FakeUtxoChain, State};
use chain::{Error, Plan, Quote, Reservations, Result};
use intent::utxo::{self, Coin as Spent};
use intent::{Act, FeeTerms, Intent, Unsigned};
use std::collections::BTreeSet;
use types::{Amount, ReplayKey};

/// Size of one key input, for the spare inputs of a quote.
const INPUT_BYTES: u64 = 68;
/// Inputs that a quote reserves beyond those selected now: other submissions of the lane may take
/// the large coins first.
const SPARE_INPUTS: u64 = 2;
/// Bitcoin Core's error code for insufficient funds.
const NO_FUNDS: i64 = -6;

impl FakeUtxoChain {
    pub(super) fn quoted(&self, intent: &Intent) -> Result<Quote> {
        self.check_intent(intent)?;
        let rate = self.state().fee_rate;
        let no_reservations = Reservations::default();
        let terms = terms(u64::MAX, rate)?;
        let unsigned = self.query(|state| {
            self.select_coins(state, intent, &terms, &no_reservations, &BTreeSet::new())
        })??;
        let size = intent::decode(&unsigned)?.fee.gas + SPARE_INPUTS * INPUT_BYTES;
        Ok(Quote {
            terms: self::terms(size, rate)?,
        })
    }

    /// The unsigned bytes of each plan; later plans do not use coins of earlier ones.
    pub(super) fn planned(&self, plans: &[Plan<'_>]) -> Vec<Result<Unsigned>> {
        let mut taken = BTreeSet::new();
        plans
            .iter()
            .map(|plan| {
                self.check_intent(plan.intent)?;
                let select = |state: &State| {
                    self.select_coins(state, plan.intent, &plan.terms, plan.reservations, &taken)
                };
                let unsigned = self.query(select)??;
                taken.extend(intent::decode(&unsigned)?.replay_keys);
                Ok(unsigned)
            })
            .collect()
    }

    fn check_intent(&self, intent: &Intent) -> Result<()> {
        match &intent.act {
            Act::Transaction(_) if intent.chain == self.rules.chain => Ok(()),
            Act::Transaction(_) => Err(unsuitable("the intent is for another chain")),
            _ => Err(unsuitable("this chain signs transactions only")),
        }
    }

    /// Select the required coins, and as many of the largest others as needed at the fee rate.
    fn select_coins(
        &self,
        state: &State,
        intent: &Intent,
        terms: &FeeTerms,
        reservations: &Reservations,
        taken: &BTreeSet<ReplayKey>,
    ) -> Result<Unsigned> {
        let mut coins = self.required(state, intent, reservations)?;
        let others = available(state, intent, reservations, taken);
        let mut last = self.no_funds("there are no spendable coins");
        for next in std::iter::once(None).chain(others.into_iter().map(Some)) {
            coins.extend(next);
            if coins.is_empty() {
                continue;
            }
            match self.build(intent, &coins, terms) {
                Err(Error::RequestRejected { message, .. }) => last = self.no_funds(&message),
                result => return result,
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
        let mine = |replay_key: &ReplayKey| {
            let known = state
                .all_coins
                .iter()
                .find(|(point, _)| replay_key_of(point) == *replay_key);
            let (point, coin) = known.filter(|(_, coin)| coin.owner == intent.signer)?;
            let free = state.spender(point).is_none();
            free.then(|| spent(point, coin))
        };
        let coins: Option<Vec<Spent>> = reservations.required.iter().map(mine).collect();
        coins.ok_or_else(|| self.no_funds("a required coin is missing or already spent"))
    }

    /// The unsigned bytes that spend these coins. Fails if they do not suffice, or if the change is
    /// too small for an output and too large for the fee.
    fn build(&self, intent: &Intent, coins: &[Spent], terms: &FeeTerms) -> Result<Unsigned> {
        let mut fee = 0;
        for _ in 0..3 {
            let unsigned = match utxo::build_unsigned(intent, coins, Amount::from(fee)) {
                Err(intent::Error::InvalidIntent { why })
                    if why.contains("do not cover") || why.contains("too small") =>
                {
                    return Err(self.no_funds(&why));
                }
                other => other?,
            };
            let fee_terms = intent::decode(&unsigned)?.fee;
            let required_fee = fee_terms
                .gas
                .saturating_mul(terms.fee_per_gas.to_u64().unwrap_or(u64::MAX));
            let fits = fee_terms.gas <= terms.gas
                && fee_terms.fee_per_gas <= terms.fee_per_gas
                && fee_terms.total_fee <= terms.total_fee;
            // The first iteration has no fee, to determine the size. Change that is too small for
            // an output is added to the fee.
            if fee > 0 && fits {
                return Ok(unsigned);
            }
            if fee_terms.gas > terms.gas {
                return Err(unsuitable("it needs more bytes than the terms allow"));
            }
            fee = required_fee
                .min(terms.total_fee.to_u64().unwrap_or(u64::MAX))
                .max(1);
        }
        Err(self.no_funds("the change is too small for an output and too large for the fee"))
    }

    fn no_funds(&self, message: &str) -> Error {
        Error::RequestRejected {
            chain: self.rules.chain.to_string(),
            number: NO_FUNDS,
            message: message.to_owned(),
        }
    }
}

/// The signer's confirmed coins that no mempool transaction spends, largest first.
fn available(
    state: &State,
    intent: &Intent,
    reservations: &Reservations,
    taken: &BTreeSet<ReplayKey>,
) -> Vec<Spent> {
    let unavailable = |replay_key: &ReplayKey| {
        reservations.excluded.contains(replay_key)
            || reservations.required.contains(replay_key)
            || taken.contains(replay_key)
    };
    let spent_in_pool = |point: &OutPoint| state.pool.iter().any(|tx| tx.spends(point));
    let coins = &state.seen_head().coins;
    let mine = coins.iter().filter(|(point, coin)| {
        coin.owner == intent.signer && !unavailable(&replay_key_of(point)) && !spent_in_pool(point)
    });
    let mut mine: Vec<Spent> = mine.map(|(point, coin)| spent(point, coin)).collect();
    mine.sort_by(|a, b| {
        (b.value, &a.transaction, a.output).cmp(&(a.value, &b.transaction, b.output))
    });
    mine
}

fn replay_key_of((transaction, output): &OutPoint) -> ReplayKey {
    ReplayKey::outpoint(transaction, *output)
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
        .ok_or_else(|| unsuitable("the fee overflows"))?;
    Ok(FeeTerms {
        gas: size,
        fee_per_gas: price,
        tip: price,
        total_fee,
        l1_fee: Amount::ZERO,
    })
}

pub(super) fn unsuitable(why: &str) -> Error {
    Error::Intent(intent::Error::InvalidIntent {
        why: why.to_owned(),
    })
}
