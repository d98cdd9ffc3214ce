//! Balance changes with the balances before and after them.
//!
//! Running totals are computed on read, not stored: from the current balance backwards over the
//! changes of the same address and pool to the ones on the page, or forwards from the first change
//! if the way back is too long. A page reads at most [`MAX_WALK`] changes; beyond that
//! `balanceBefore` and `balanceAfter` are omitted.

use crate::balance::signed;
use crate::object::Object;
use crate::table;
use crate::table::balance::BalanceKey;
use crate::view::View;
use std::collections::{BTreeMap, HashMap};
use store::{Result, Tx};
use types::Quantity;

/// Changes that one page may read.
const MAX_WALK: usize = 100_000;

/// A change: its transfer and its index in that transfer.
type ChangeKey = (String, i64);

/// Add `balanceBefore` and `balanceAfter` to the changes of a page.
pub(crate) fn add_running_totals(
    tx: &mut Tx,
    objects: &[Object],
    items: &mut [View],
) -> Result<()> {
    let mut histories: BTreeMap<BalanceKey, Vec<&Object>> = BTreeMap::new();
    for object in objects {
        histories
            .entry(BalanceKey::of(object))
            .or_default()
            .push(object);
    }
    let mut budget = MAX_WALK;
    let mut totals: HashMap<ChangeKey, (Quantity, Quantity)> = HashMap::new();
    for (key, objects) in histories {
        walk(tx, &key, &objects, &mut budget, &mut totals)?;
    }
    for (object, item) in objects.iter().zip(items) {
        if let Some((before, after)) = totals.get(&change_key(object)) {
            item.put("balanceBefore", before);
            item.put("balanceAfter", after);
        }
    }
    Ok(())
}

fn change_key(object: &Object) -> ChangeKey {
    (
        object.text("transfer_id").unwrap_or_default().to_owned(),
        object.int("change_index").unwrap_or(0),
    )
}

fn walk(
    tx: &mut Tx,
    key: &BalanceKey,
    objects: &[&Object],
    budget: &mut usize,
    totals: &mut HashMap<ChangeKey, (Quantity, Quantity)>,
) -> Result<()> {
    let mut positions: Vec<&str> = objects
        .iter()
        .filter_map(|object| object.text("position"))
        .collect();
    positions.sort_unstable();
    let (Some(first), Some(last)) = (positions.first(), positions.last()) else {
        return Ok(());
    };
    let limit = u32::try_from(*budget).unwrap_or(u32::MAX);
    let changes = table::balance::changes_from(tx, key, first, limit)?;
    *budget = budget.saturating_sub(changes.len());
    // Fewer rows than the limit: the history is complete up to the current balance.
    if changes.len() < limit as usize {
        let mut after = current_quantity(tx, key)?;
        for change in changes {
            let before = signed(change.direction, change.amount).negated() + &after;
            let key = (change.transfer_id, change.change_index);
            totals.insert(key, (before.clone(), after));
            after = before;
        }
        return Ok(());
    }
    let limit = u32::try_from(*budget).unwrap_or(u32::MAX);
    let changes = table::balance::changes_to(tx, key, last, limit)?;
    *budget = budget.saturating_sub(changes.len());
    if changes.len() < limit as usize {
        let mut before = Quantity::zero();
        for change in changes {
            let after = signed(change.direction, change.amount) + &before;
            let key = (change.transfer_id, change.change_index);
            totals.insert(key, (before, after.clone()));
            before = after;
        }
    }
    Ok(())
}

fn current_quantity(tx: &mut Tx, key: &BalanceKey) -> Result<Quantity> {
    let stored = table::balance::of(tx, &[key])?.pop();
    Ok(stored.map(|balance| balance.quantity).unwrap_or_default())
}
