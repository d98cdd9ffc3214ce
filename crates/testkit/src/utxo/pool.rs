//! What a node does with bytes that arrive: read, check, refuse, replace, keep.

use super::tree::{Coin, Coins, OutPoint, Tx};
use super::{Rules, State};
use chain::{Class, Submitted};
use intent::Signed;
use intent::utxo::{Checked, verify};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;
use types::Amount;

/// What pays less costs more to spend than it is worth (P2WPKH).
const DUST: u64 = 294;
/// Transactions that a replacement may throw out (BIP-125, rule 5).
const MOST_EVICTED: usize = 100;

fn sum(mut values: impl Iterator<Item = u64>) -> Option<u64> {
    values.try_fold(0, u64::checked_add)
}

/// A no, and what it proves.
type Refusal = (Class, &'static str);

enum Verdict {
    Known,
    Take { tx: Tx, evicted: BTreeSet<String> },
}

impl State {
    /// Bytes arrive.
    pub(super) fn enter(&mut self, rules: &Rules, signed: &Signed) -> Submitted {
        match self.judge(rules, signed) {
            Ok(Verdict::Known) => Submitted::AlreadyKnown,
            Ok(Verdict::Take { tx, evicted }) => {
                self.pool.retain(|other| !evicted.contains(&other.id));
                let tx = Arc::new(tx);
                self.remember(&tx);
                self.pool.push(tx);
                Submitted::Accepted
            }
            Err((class, message)) => Submitted::Refused {
                class,
                message: message.to_owned(),
            },
        }
    }

    /// Know a transaction and its coins from now on.
    pub(super) fn remember(&mut self, tx: &Arc<Tx>) {
        self.ever.extend(tx.coins());
        self.known.insert(tx.id.clone(), tx.clone());
    }

    fn judge(&self, rules: &Rules, signed: &Signed) -> Result<Verdict, Refusal> {
        let checked = self.checked(rules, &signed.raw)?;
        if checked.id != signed.id {
            return Err((Class::Size, "the bytes have another id than they came with"));
        }
        if self.is_pooled(&checked.id)
            || self
                .tree
                .holder(&self.tree.head().name.hash, &checked.id)
                .is_some()
        {
            return Ok(Verdict::Known);
        }
        let tx = self.priced(checked)?;
        self.has_coins(&tx)?;
        if tx.fee < self.least_fee_rate * tx.size {
            return Err((Class::Underpriced, "min relay fee not met"));
        }
        let evicted = self.evicted(rules, &tx)?;
        Ok(Verdict::Take { tx, evicted })
    }

    /// Read the bytes and check each signature against the coin's owner, wherever the coin may be.
    fn checked(&self, rules: &Rules, raw: &[u8]) -> Result<Checked, Refusal> {
        let missing = Cell::new(false);
        let coin = |id: &str, output: u32| {
            let found = self.ever.get(&(id.to_owned(), output));
            missing.set(found.is_none());
            found.map(|coin| (coin.owner.clone(), Amount::from(coin.value)))
        };
        verify(&rules.chain, raw, coin).map_err(|error| match error {
            _ if missing.get() => (
                Class::NonceAhead,
                "bad-txns-inputs-missingorspent: no such coin",
            ),
            intent::Error::WrongSignature { .. } => {
                (Class::Size, "mandatory-script-verify-flag-failed")
            }
            _ => (Class::Size, "TX decode failed"),
        })
    }

    /// The transaction with what it spends and costs.
    fn priced(&self, checked: Checked) -> Result<Tx, Refusal> {
        let never = |why: &'static str| (Class::Size, why);
        let points: BTreeSet<&OutPoint> = checked.inputs.iter().collect();
        if points.len() != checked.inputs.len() {
            return Err(never("bad-txns-inputs-duplicate"));
        }
        let coin = |point: &OutPoint| Some((point.clone(), self.ever.get(point)?.clone()));
        let spends: Option<Vec<(OutPoint, Coin)>> = checked.inputs.iter().map(coin).collect();
        let spends = spends.ok_or_else(|| never("a coin that nobody knows"))?;
        let output = |(to, value): (Option<String>, Amount)| Some((to, value.to_u64()?));
        let outputs: Option<Vec<_>> = checked.outputs.into_iter().map(output).collect();
        let outputs = outputs
            .filter(|outputs| !outputs.is_empty())
            .ok_or_else(|| never("bad-txns-vout-toolarge"))?;
        if outputs
            .iter()
            .any(|(to, value)| to.is_some() && *value < DUST)
        {
            return Err(never("dust"));
        }
        let taken = sum(spends.iter().map(|(_, coin)| coin.value));
        let paid = sum(outputs.iter().map(|(_, value)| *value));
        let fee = taken
            .zip(paid)
            .and_then(|(taken, paid)| taken.checked_sub(paid));
        let fee = fee.ok_or_else(|| never("bad-txns-in-belowout"))?;
        Ok(Tx {
            id: checked.id,
            spends,
            outputs,
            memo: checked.memo,
            fee,
            size: checked.size,
        })
    }

    /// Whether each coin can be spent now, by a block or by something that waits in the pool.
    fn has_coins(&self, tx: &Tx) -> Result<(), Refusal> {
        let made: BTreeSet<OutPoint> = self
            .pool
            .iter()
            .flat_map(|tx| tx.coins())
            .map(|(point, _)| point)
            .collect();
        let coins = &self.tree.head().coins;
        let missing = tx
            .spends
            .iter()
            .find(|(point, _)| !coins.contains_key(point) && !made.contains(point));
        match missing {
            None => Ok(()),
            Some((point, _)) if self.spender(point).is_some() => Err((
                Class::NonceUsed,
                "bad-txns-inputs-missingorspent: a block spends it",
            )),
            Some(_) => Err((
                Class::NonceAhead,
                "bad-txns-inputs-missingorspent: its maker is not here",
            )),
        }
    }

    /// Who spends a coin on the branch of the head.
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

    /// What a transaction throws out of the pool, if the rules of replacement let it.
    fn evicted(&self, rules: &Rules, tx: &Tx) -> Result<BTreeSet<String>, Refusal> {
        let conflicts: Vec<&Arc<Tx>> = self
            .pool
            .iter()
            .filter(|other| other.spends.iter().any(|(point, _)| tx.spends(point)))
            .collect();
        let evicted = self.with_children(conflicts.iter().map(|tx| tx.id.clone()).collect());
        if conflicts.is_empty() {
            return Ok(evicted);
        }
        let no = |why: &'static str| (Class::ReplacementUnderpriced, why);
        if tx
            .spends
            .iter()
            .any(|((maker, _), _)| evicted.contains(maker))
        {
            return Err(no("bad-txns-spends-conflicting-tx"));
        }
        let fees: u64 = self
            .pool
            .iter()
            .filter(|other| evicted.contains(&other.id))
            .map(|other| other.fee)
            .sum();
        // Rates are compared as products: fee a / size a > fee b / size b.
        let dearer = |other: &&Arc<Tx>| tx.fee * other.size > other.fee * tx.size;
        match evicted.len() {
            MOST_EVICTED.. => Err(no("too many potential replacements")),
            _ if !conflicts.iter().all(dearer) => {
                Err(no("insufficient fee, rejecting replacement: its rate"))
            }
            _ if tx.fee < fees + rules.relay_step * tx.size => {
                Err(no("insufficient fee, rejecting replacement: its sum"))
            }
            _ => Ok(evicted),
        }
    }

    /// These, and everything in the pool that spends what they make. Parents stand before children.
    fn with_children(&self, mut ids: BTreeSet<String>) -> BTreeSet<String> {
        for tx in &self.pool {
            if tx.spends.iter().any(|((maker, _), _)| ids.contains(maker)) {
                ids.insert(tx.id.clone());
            }
        }
        ids
    }

    /// Throw one out, and what depends on it. Whether it was there.
    pub(super) fn forget(&mut self, id: &str) -> bool {
        let there = self.is_pooled(id);
        let gone = self.with_children(BTreeSet::from([id.to_owned()]));
        self.pool.retain(|tx| !gone.contains(&tx.id));
        there
    }

    /// The head moved: what left the chain comes before what waited already; what does not fit any
    /// more is gone.
    pub(super) fn refill(&mut self, left: Vec<Arc<Tx>>) {
        let waited = std::mem::take(&mut self.pool);
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
        for tx in left.into_iter().chain(waited) {
            if !mined.contains(tx.id.as_str()) && tx.fits(&coins) && ids.insert(tx.id.clone()) {
                tx.apply(&mut coins);
                kept.push(tx);
            }
        }
        self.pool = kept;
    }

    /// Of these, in order, what can stand in one block on these coins.
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
