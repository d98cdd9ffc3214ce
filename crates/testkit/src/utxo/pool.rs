//! The mempool: decoding, validation, rejection and replacement of submitted transactions.

use super::tree::{Coin, Coins, OutPoint, Tx};
use super::{Rules, State};
use chain::{RefusalClass, SubmitOutcome};
use intent::Signed;
use intent::utxo::{VerifiedTransaction, verify};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;
use types::Amount;

/// Dust limit of P2WPKH outputs.
const DUST: u64 = 294;
/// Transactions that a replacement may evict (BIP-125, rule 5).
const MAX_EVICTED: usize = 100;

fn sum(mut values: impl Iterator<Item = u64>) -> Option<u64> {
    values.try_fold(0, u64::checked_add)
}

/// The class and the message of a rejection.
type Refusal = (RefusalClass, &'static str);

enum Verdict {
    Known,
    Take { tx: Tx, evicted: BTreeSet<String> },
}

impl State {
    /// Validate a submitted transaction and add it to the mempool.
    pub(super) fn accept(&mut self, rules: &Rules, signed: &Signed) -> SubmitOutcome {
        match self.validate(rules, signed) {
            Ok(Verdict::Known) => SubmitOutcome::AlreadyKnown,
            Ok(Verdict::Take { tx, evicted }) => {
                self.pool.retain(|other| !evicted.contains(&other.id));
                let tx = Arc::new(tx);
                self.remember(&tx);
                self.pool.push(tx);
                SubmitOutcome::Accepted
            }
            Err((class, message)) => SubmitOutcome::Refused {
                class,
                message: message.to_owned(),
            },
        }
    }

    /// Register a transaction and its coins.
    pub(super) fn remember(&mut self, tx: &Arc<Tx>) {
        self.all_coins.extend(tx.coins());
        self.known.insert(tx.id.clone(), tx.clone());
    }

    fn validate(&self, rules: &Rules, signed: &Signed) -> Result<Verdict, Refusal> {
        let checked = self.verify_bytes(rules, &signed.raw)?;
        if checked.id != signed.id {
            return Err((RefusalClass::Size, "the id does not match the bytes"));
        }
        if self.is_pooled(&checked.id)
            || self
                .tree
                .holder(&self.tree.head().name.hash, &checked.id)
                .is_some()
        {
            return Ok(Verdict::Known);
        }
        let tx = self.with_inputs(checked)?;
        self.check_inputs(&tx)?;
        if tx.fee < self.min_fee_rate * tx.size {
            return Err((RefusalClass::Underpriced, "min relay fee not met"));
        }
        let evicted = self.evicted(rules, &tx)?;
        Ok(Verdict::Take { tx, evicted })
    }

    /// Decode the bytes and check each signature against the owner of the coin, on any branch.
    fn verify_bytes(&self, rules: &Rules, raw: &[u8]) -> Result<VerifiedTransaction, Refusal> {
        let missing = Cell::new(false);
        let coin = |id: &str, output: u32| {
            let known = self.all_coins.get(&(id.to_owned(), output));
            missing.set(known.is_none());
            known.map(|coin| (coin.owner.clone(), Amount::from(coin.value)))
        };
        verify(&rules.chain, raw, coin).map_err(|error| match error {
            _ if missing.get() => (
                RefusalClass::NonceAhead,
                "bad-txns-inputs-missingorspent: no such coin",
            ),
            intent::Error::WrongSignature { .. } => {
                (RefusalClass::Size, "mandatory-script-verify-flag-failed")
            }
            _ => (RefusalClass::Size, "TX decode failed"),
        })
    }

    /// The transaction with its inputs and fee.
    fn with_inputs(&self, checked: VerifiedTransaction) -> Result<Tx, Refusal> {
        let invalid = |why: &'static str| (RefusalClass::Size, why);
        let points: BTreeSet<&OutPoint> = checked.inputs.iter().collect();
        if points.len() != checked.inputs.len() {
            return Err(invalid("bad-txns-inputs-duplicate"));
        }
        let coin = |point: &OutPoint| Some((point.clone(), self.all_coins.get(point)?.clone()));
        let spends: Option<Vec<(OutPoint, Coin)>> = checked.inputs.iter().map(coin).collect();
        let spends = spends.ok_or_else(|| invalid("an unknown coin"))?;
        let output = |(to, value): (Option<String>, Amount)| Some((to, value.to_u64()?));
        let outputs: Option<Vec<_>> = checked.outputs.into_iter().map(output).collect();
        let outputs = outputs
            .filter(|outputs| !outputs.is_empty())
            .ok_or_else(|| invalid("bad-txns-vout-toolarge"))?;
        if outputs
            .iter()
            .any(|(to, value)| to.is_some() && *value < DUST)
        {
            return Err(invalid("dust"));
        }
        let input_sum = sum(spends.iter().map(|(_, coin)| coin.value));
        let output_sum = sum(outputs.iter().map(|(_, value)| *value));
        let fee = input_sum
            .zip(output_sum)
            .and_then(|(inputs, outputs)| inputs.checked_sub(outputs));
        let fee = fee.ok_or_else(|| invalid("bad-txns-in-belowout"))?;
        Ok(Tx {
            id: checked.id,
            spends,
            outputs,
            memo: checked.memo,
            fee,
            size: checked.size,
        })
    }

    /// Check that each input is unspent, in the chain or the mempool.
    fn check_inputs(&self, tx: &Tx) -> Result<(), Refusal> {
        let pool_outputs: BTreeSet<OutPoint> = self
            .pool
            .iter()
            .flat_map(|tx| tx.coins())
            .map(|(point, _)| point)
            .collect();
        let coins = &self.tree.head().coins;
        let missing = tx
            .spends
            .iter()
            .find(|(point, _)| !coins.contains_key(point) && !pool_outputs.contains(point));
        match missing {
            None => Ok(()),
            Some((point, _)) if self.spender(point).is_some() => Err((
                RefusalClass::NonceUsed,
                "bad-txns-inputs-missingorspent: already spent by a block",
            )),
            Some(_) => Err((
                RefusalClass::NonceAhead,
                "bad-txns-inputs-missingorspent: its transaction is unknown",
            )),
        }
    }

    /// The transaction that spends a coin on the main chain.
    pub(super) fn spender(&self, point: &OutPoint) -> Option<&Arc<Tx>> {
        let head = &self.tree.head().name.hash;
        self.tree
            .down_from(head)
            .flat_map(|block| &block.transactions)
            .find(|tx| tx.spends(point))
    }

    pub(super) fn is_pooled(&self, id: &str) -> bool {
        self.pool.iter().any(|tx| tx.id == id)
    }

    /// The transactions that a replacement evicts, if the replacement rules allow it.
    fn evicted(&self, rules: &Rules, tx: &Tx) -> Result<BTreeSet<String>, Refusal> {
        let conflicts: Vec<&Arc<Tx>> = self
            .pool
            .iter()
            .filter(|other| other.spends.iter().any(|(point, _)| tx.spends(point)))
            .collect();
        let evicted = self.with_descendants(conflicts.iter().map(|tx| tx.id.clone()).collect());
        if conflicts.is_empty() {
            return Ok(evicted);
        }
        let rejected = |why: &'static str| (RefusalClass::ReplacementUnderpriced, why);
        if tx
            .spends
            .iter()
            .any(|((maker, _), _)| evicted.contains(maker))
        {
            return Err(rejected("bad-txns-spends-conflicting-tx"));
        }
        let fees: u64 = self
            .pool
            .iter()
            .filter(|other| evicted.contains(&other.id))
            .map(|other| other.fee)
            .sum();
        // Rates are compared as products: fee a / size a > fee b / size b.
        let has_higher_rate = |other: &&Arc<Tx>| tx.fee * other.size > other.fee * tx.size;
        match evicted.len() {
            MAX_EVICTED.. => Err(rejected("too many potential replacements")),
            _ if !conflicts.iter().all(has_higher_rate) => Err(rejected(
                "insufficient fee, rejecting replacement: fee rate",
            )),
            _ if tx.fee < fees + rules.incremental_relay_fee * tx.size => Err(rejected(
                "insufficient fee, rejecting replacement: total fee",
            )),
            _ => Ok(evicted),
        }
    }

    /// These transactions and their descendants. The mempool lists parents before children.
    fn with_descendants(&self, mut ids: BTreeSet<String>) -> BTreeSet<String> {
        for tx in &self.pool {
            if tx.spends.iter().any(|((maker, _), _)| ids.contains(maker)) {
                ids.insert(tx.id.clone());
            }
        }
        ids
    }

    /// Remove a transaction and its descendants; returns whether it was there.
    pub(super) fn forget(&mut self, id: &str) -> bool {
        let existed = self.is_pooled(id);
        let removed = self.with_descendants(BTreeSet::from([id.to_owned()]));
        self.pool.retain(|tx| !removed.contains(&tx.id));
        existed
    }

    /// Rebuild the mempool after the head moved: transactions of abandoned blocks come before the
    /// current ones, and those that are no longer valid are dropped.
    pub(super) fn refill(&mut self, abandoned: Vec<Arc<Tx>>) {
        let previous = std::mem::take(&mut self.pool);
        let head = self.tree.head();
        let mined: BTreeSet<&str> = self
            .tree
            .down_from(&head.name.hash)
            .flat_map(|block| &block.transactions)
            .map(|tx| tx.id.as_str())
            .collect();
        let mut coins = head.coins.clone();
        let mut ids = BTreeSet::new();
        let mut kept = Vec::new();
        for tx in abandoned.into_iter().chain(previous) {
            if !mined.contains(tx.id.as_str()) && tx.fits(&coins) && ids.insert(tx.id.clone()) {
                tx.apply(&mut coins);
                kept.push(tx);
            }
        }
        self.pool = kept;
    }

    /// The candidates that one block can contain, in order, given the unspent coins.
    pub(super) fn minable(candidates: Vec<Arc<Tx>>, coins: &Coins) -> Vec<Arc<Tx>> {
        let mut coins = coins.clone();
        let fits = |tx: &Arc<Tx>| {
            let fits = tx.fits(&coins);
            if fits {
                tx.apply(&mut coins);
            }
            fits
        };
        candidates.into_iter().filter(fits).collect()
    }
}
