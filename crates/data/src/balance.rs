//! Balance deltas of a batch. The affected balances are read, updated in memory and written in the
//! same transaction as the transfers.
//!
//! A balance can be negative when indexing started late; it is stored and shown as such. A balance
//! outside the 256-bit range means that the contract reports impossible transfers: its pool is
//! marked untrusted, and indexing continues.

use crate::object::{Object, is_null_address};
use crate::table;
use crate::table::balance::{BalanceKey, NewBalance};
use crate::table::transfer::{ChangeRow, RowKey};
use crate::view::View;
use crate::{Type, ids};
use std::collections::{BTreeMap, HashMap};
use store::{Fact, Result, Tx};
use types::Quantity;

/// Explicit balance changes, by the row of their transfer.
pub(crate) type ExplicitChanges = HashMap<RowKey, Vec<ChangeRow>>;

/// The net change of each balance in a batch.
#[derive(Debug, Default)]
pub(crate) struct Deltas {
    net: BTreeMap<BalanceKey, Quantity>,
    kinds: HashMap<String, Type>,
    /// Each NFT that moved, and its last recipient.
    moved: BTreeMap<String, Option<String>>,
}

impl Deltas {
    /// Add the effect of a transfer. `changes` are its explicit balance changes, if it has any.
    pub(crate) fn add(&mut self, transfer: &Object, changes: Option<&Vec<ChangeRow>>) {
        self.accumulate(transfer, changes, false);
    }

    /// Subtract the effect of a transfer that was counted before.
    pub(crate) fn subtract(&mut self, transfer: &Object, changes: Option<&Vec<ChangeRow>>) {
        self.accumulate(transfer, changes, true);
    }

    fn accumulate(&mut self, transfer: &Object, changes: Option<&Vec<ChangeRow>>, revert: bool) {
        if transfer.is_set("apart") {
            return;
        }
        let chain = transfer.text("chain").unwrap_or_default();
        let parent = transfer.text("parent_id").unwrap_or_default();
        let kind = if transfer.text("parent_type") == Some(Type::Nft.singular()) {
            Type::Nft
        } else {
            Type::Pool
        };
        self.kinds.insert(parent.to_owned(), kind);
        for (address, quantity) in effects(transfer, changes) {
            let signed = if revert { quantity.negated() } else { quantity };
            let key = BalanceKey {
                chain: chain.to_owned(),
                address,
                parent_id: parent.to_owned(),
            };
            *self.net.entry(key).or_default() += &signed;
        }
        if kind == Type::Nft {
            let to = if revert {
                None
            } else {
                transfer.text("to_address").map(str::to_owned)
            };
            self.moved.insert(parent.to_owned(), to);
        }
    }

    /// Write the accumulated changes to the database.
    pub(crate) fn flush(mut self, tx: &mut Tx) -> Result<()> {
        self.net.retain(|_, net| !net.is_zero());
        let keys: Vec<&BalanceKey> = self.net.keys().collect();
        let stored = table::balance::of(tx, &keys)?.into_iter();
        let mut quantities: HashMap<BalanceKey, Quantity> = stored
            .map(|balance| (balance.key, balance.quantity))
            .collect();
        let now = tx.now();
        let mut rows = Vec::with_capacity(self.net.len());
        let mut out_of_range: Vec<String> = Vec::new();
        for (key, net) in self.net {
            let quantity = quantities.remove(&key).unwrap_or_default() + &net;
            let kind = self.kinds[&key.parent_id];
            if kind == Type::Pool && !quantity.is_within_256_bits() {
                out_of_range.push(key.parent_id.clone());
            }
            rows.push(NewBalance {
                id: ids::of_balance(&key.chain, &key.address, &key.parent_id),
                key,
                parent_type: kind.singular(),
                quantity,
                version: 1,
                updated: now,
            });
        }
        table::balance::put(tx, &rows)?;
        mark_untrusted(tx, out_of_range)?;
        update_owners(tx, self.moved)
    }
}

/// An amount with the sign of its direction.
pub(crate) fn signed(direction: i64, amount: Quantity) -> Quantity {
    if direction < 0 {
        amount.negated()
    } else {
        amount
    }
}

/// The signed change of each address: the explicit changes, or else those derived from the
/// transfer.
pub(crate) fn effects(
    transfer: &Object,
    changes: Option<&Vec<ChangeRow>>,
) -> Vec<(String, Quantity)> {
    if transfer.is_set("explicit") {
        let changes = changes.into_iter().flatten();
        return changes
            .map(|change| {
                let amount = signed(change.direction, change.amount.clone());
                (change.address.clone(), amount)
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
        .filter(|(address, _)| !is_null_address(address))
        .collect()
}

/// Add `balanceChanges` to the views of transfers.
pub(crate) fn add_balance_changes(
    tx: &mut Tx,
    transfers: &[Object],
    items: &mut [View],
) -> Result<()> {
    let changes = explicit_changes(tx, transfers)?;
    for (transfer, item) in transfers.iter().zip(items) {
        put_balance_changes(transfer, changes.get(&RowKey::of(transfer)), item);
    }
    Ok(())
}

/// Add `balanceChanges` to the view of one transfer.
pub(crate) fn put_balance_changes(
    transfer: &Object,
    changes: Option<&Vec<ChangeRow>>,
    item: &mut View,
) {
    let change_json = |(address, quantity): (String, Quantity)| {
        let (operation, amount) = if quantity.is_negative() {
            ("subtract", quantity.negated())
        } else {
            ("add", quantity)
        };
        serde_json::json!({ "address": address, "operation": operation, "amount": amount })
    };
    let changes: Vec<serde_json::Value> = effects(transfer, changes)
        .into_iter()
        .map(change_json)
        .collect();
    item.put("balanceChanges", &changes);
}

/// Load the explicit changes of those transfers that have any, in list order.
pub(crate) fn explicit_changes<'t>(
    tx: &mut Tx,
    transfers: impl IntoIterator<Item = &'t Object>,
) -> Result<ExplicitChanges> {
    let transfers = transfers.into_iter();
    let explicit = transfers.filter(|transfer| transfer.is_set("explicit"));
    let rows: Vec<RowKey> = explicit.map(RowKey::of).collect();
    let mut changes = ExplicitChanges::new();
    for change in table::transfer::changes_of(tx, &rows)? {
        let of_transfer = changes.entry(change.transfer.clone());
        of_transfer.or_default().push(change);
    }
    for rows in changes.values_mut() {
        rows.sort_by_key(|change| change.change_index);
    }
    Ok(changes)
}

fn mark_untrusted(tx: &mut Tx, mut pools: Vec<String>) -> Result<()> {
    pools.sort();
    pools.dedup();
    for (pool, version) in table::transfer::mark_untrusted(tx, &pools)? {
        tracing::warn!(
            event = "pool.distrusted",
            %pool,
            "a balance exceeds 256 bits; the pool is marked untrusted"
        );
        let version = u64::try_from(version).unwrap_or(0);
        tx.append(
            Fact::new("data.pool.distrusted", 1)
                .subject(&pool, version)
                .payload(&serde_json::json!({ "pool": pool })),
        );
    }
    Ok(())
}

/// Set the owner of each NFT that moved to an address with a positive balance. A malicious contract
/// can credit several addresses; the last recipient wins.
fn update_owners(tx: &mut Tx, moved: BTreeMap<String, Option<String>>) -> Result<()> {
    let nfts: Vec<&String> = moved.keys().collect();
    let mut holders: HashMap<String, Vec<String>> = HashMap::new();
    for (nft, address) in table::balance::holders(tx, &nfts)? {
        holders.entry(nft).or_default().push(address);
    }
    let owners: Vec<(String, Option<String>, bool)> = moved
        .into_iter()
        .map(|(nft, to)| {
            let mut addresses = holders.remove(&nft).unwrap_or_default();
            addresses.sort();
            let owner = to
                .filter(|to| addresses.contains(to))
                .or_else(|| addresses.into_iter().next());
            let active = owner.is_some();
            (nft, owner, active)
        })
        .collect();
    table::transfer::set_owners(tx, &owners)
}
