//! Balances move by the net of a whole batch: the touched ones are read, added to here, and
//! written, in the same transaction.
//!
//! A balance may fall below zero (indexing began late) and is then shown as such. One that leaves
//! the 256 bits a balance can have says that its pool lies: the pool is no longer trusted, and
//! nothing stops.

use crate::object::{Object, is_nobody};
use crate::table;
use crate::table::balance::Key;
use crate::table::transfer::{Given, RowKey};
use crate::view::View;
use crate::{Type, ids};
use std::collections::{BTreeMap, HashMap};
use store::{Fact, Result, Tx};
use types::Quantity;

/// The given changes of transfers, by the row they belong to.
pub(crate) type Changes = HashMap<RowKey, Vec<Given>>;

/// What a batch adds to balances.
#[derive(Debug, Default)]
pub(crate) struct Deltas {
    net: BTreeMap<Key, Quantity>,
    kinds: HashMap<String, Type>,
    /// Each NFT that moved, and who got it last.
    moved: BTreeMap<String, Option<String>>,
}

/// The row of a transfer, as its changes know it.
pub(crate) fn row_key(transfer: &Object) -> RowKey {
    let [chain, transaction, path, block] =
        <[String; 4]>::try_from(transfer.row()).expect("a transfer's row has four columns");
    (chain, transaction, path, block)
}

impl Deltas {
    /// Count what a transfer does; `changes` are its own, if they were given.
    pub(crate) fn count(&mut self, transfer: &Object, changes: Option<&Vec<Given>>) {
        self.enter(transfer, changes, false);
    }

    /// Take back what a transfer did.
    pub(crate) fn uncount(&mut self, transfer: &Object, changes: Option<&Vec<Given>>) {
        self.enter(transfer, changes, true);
    }

    fn enter(&mut self, transfer: &Object, changes: Option<&Vec<Given>>, back: bool) {
        let chain = transfer.text("chain").unwrap_or_default();
        let parent = transfer.text("parent_id").unwrap_or_default();
        let kind = if transfer.text("parent_type") == Some(Type::Nft.singular()) {
            Type::Nft
        } else {
            Type::Pool
        };
        self.kinds.insert(parent.to_owned(), kind);
        for (address, quantity) in effects(transfer, changes) {
            let signed = if back { quantity.negated() } else { quantity };
            *self
                .net
                .entry((chain.to_owned(), address, parent.to_owned()))
                .or_default() += &signed;
        }
        if kind == Type::Nft {
            let to = if back {
                None
            } else {
                transfer.text("to_address").map(str::to_owned)
            };
            self.moved.insert(parent.to_owned(), to);
        }
    }

    /// Write what they come to.
    pub(crate) fn settle(self, tx: &mut Tx<'_, '_>) -> Result<()> {
        let keys: Vec<Key> = self
            .net
            .iter()
            .filter(|(_, net)| !net.is_zero())
            .map(|(key, _)| key.clone())
            .collect();
        let known = table::balance::of(tx, &keys)?;
        let mut now: HashMap<Key, Quantity> = known
            .into_iter()
            .map(|(chain, address, parent, quantity)| ((chain, address, parent), quantity))
            .collect();
        let at = tx.now();
        let mut rows = Vec::with_capacity(keys.len());
        let mut beyond: Vec<(String,)> = Vec::new();
        for key in keys {
            let quantity = now.remove(&key).unwrap_or_default() + &self.net[&key];
            let (chain, address, parent) = key;
            let kind = self.kinds[&parent];
            if kind == Type::Pool && !quantity.is_within_256_bits() {
                beyond.push((parent.clone(),));
            }
            let id = ids::of_balance(&chain, &address, &parent);
            rows.push((chain, address, parent, kind.singular(), id, quantity, 1, at));
        }
        table::balance::put(tx, &rows)?;
        distrust(tx, beyond)?;
        hand_over(tx, self.moved)
    }
}

/// What a transfer does to whom: the changes that were given, else what follows from it.
pub(crate) fn effects(transfer: &Object, changes: Option<&Vec<Given>>) -> Vec<(String, Quantity)> {
    if transfer.is_set("explicit") {
        let given = changes.into_iter().flatten();
        return given
            .map(|(_, _, _, _, _, address, direction, amount)| {
                (
                    address.clone(),
                    if *direction < 0 {
                        amount.negated()
                    } else {
                        amount.clone()
                    },
                )
            })
            .collect();
    }
    let Some(amount) = transfer.quantity("amount") else {
        return Vec::new();
    };
    let from = transfer
        .text("from_address")
        .map(|from| (from.to_owned(), amount.negated()));
    let to = transfer
        .text("to_address")
        .map(|to| (to.to_owned(), amount.clone()));
    from.into_iter()
        .chain(to)
        .filter(|(address, _)| !is_nobody(address))
        .collect()
}

/// Show what transfers do to balances, given or derived.
pub(crate) fn complete(
    tx: &mut Tx<'_, '_>,
    transfers: &[Object],
    items: &mut [View],
) -> Result<()> {
    let given: Vec<RowKey> = transfers
        .iter()
        .filter(|transfer| transfer.is_set("explicit"))
        .map(row_key)
        .collect();
    let changes = load(tx, &given)?;
    for (transfer, item) in transfers.iter().zip(items) {
        show_changes(transfer, changes.get(&row_key(transfer)), item);
    }
    Ok(())
}

/// Show what a transfer does to balances.
pub(crate) fn show_changes(transfer: &Object, given: Option<&Vec<Given>>, item: &mut View) {
    let shown = |(address, quantity): (String, Quantity)| {
        let (operation, amount) = if quantity.is_negative() {
            ("subtract", quantity.negated())
        } else {
            ("add", quantity)
        };
        serde_json::json!({ "address": address, "operation": operation, "amount": amount })
    };
    let changes: Vec<serde_json::Value> = effects(transfer, given).into_iter().map(shown).collect();
    item.put("balanceChanges", &changes);
}

/// The given changes of rows.
pub(crate) fn load(tx: &mut Tx<'_, '_>, rows: &[RowKey]) -> Result<Changes> {
    let mut changes = Changes::new();
    for change in table::transfer::changes_of(tx, rows)? {
        let key = (
            change.0.clone(),
            change.1.clone(),
            change.2.clone(),
            change.3.clone(),
        );
        changes.entry(key).or_default().push(change);
    }
    changes
        .values_mut()
        .for_each(|of| of.sort_by_key(|change| change.4));
    Ok(changes)
}

fn distrust(tx: &mut Tx<'_, '_>, mut pools: Vec<(String,)>) -> Result<()> {
    pools.sort();
    pools.dedup();
    for (pool, version) in table::transfer::distrust(tx, &pools)? {
        tracing::warn!(
            pool,
            "a pool holds more than a balance can: it is no longer trusted"
        );
        let version = u64::try_from(version).unwrap_or(0);
        tx.append(
            Fact::new("data.pool.distrusted", 1)
                .about(&pool, version)
                .says(&serde_json::json!({ "pool": pool })),
        );
    }
    Ok(())
}

/// Who owns the NFTs that moved: whoever has one now. A lying contract may give one to several;
/// then the last receiver counts.
fn hand_over(tx: &mut Tx<'_, '_>, moved: BTreeMap<String, Option<String>>) -> Result<()> {
    let nfts: Vec<(String,)> = moved.keys().map(|nft| (nft.clone(),)).collect();
    let mut holders: HashMap<String, Vec<String>> = HashMap::new();
    for (nft, address) in table::balance::holders(tx, &nfts)? {
        holders.entry(nft).or_default().push(address);
    }
    let owners: Vec<(String, Option<String>, bool)> = moved
        .into_iter()
        .map(|(nft, to)| {
            let mut of = holders.remove(&nft).unwrap_or_default();
            of.sort();
            let owner = to
                .filter(|to| of.contains(to))
                .or_else(|| of.into_iter().next());
            let active = owner.is_some();
            (nft, owner, active)
        })
        .collect();
    table::transfer::set_owners(tx, &owners)
}
