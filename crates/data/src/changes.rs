//! Balance changes with what stood before and after them.
//!
//! Nothing is stored for this: from the balance there is now, the changes of the same address and
//! pool are walked back to those that are shown; or, where they are too many, forward from the
//! first. A page reads at most [`MAX_WALK`] changes; beyond that `balanceBefore` and `balanceAfter`
//! are left out.

use crate::object::Object;
use crate::table::balance::{self, Change, Key};
use crate::view::View;
use std::collections::{BTreeMap, HashMap};
use store::{Result, Tx};
use types::Quantity;

/// Changes that one page may walk over.
const MAX_WALK: usize = 100_000;

/// A change of a pool: transfer and place.
type Place = (String, i64);

/// Say what stood before and after the changes of a page.
pub(crate) fn complete(tx: &mut Tx<'_, '_>, objects: &[Object], items: &mut [View]) -> Result<()> {
    let mut histories: BTreeMap<Key, Vec<&Object>> = BTreeMap::new();
    for object in objects {
        histories.entry(key(object)).or_default().push(object);
    }
    let mut left = MAX_WALK;
    let mut known: HashMap<Place, (Quantity, Quantity)> = HashMap::new();
    for (key, shown) in histories {
        walk(tx, &key, &shown, &mut left, &mut known)?;
    }
    for (object, item) in objects.iter().zip(items) {
        if let Some((before, after)) = known.get(&place(object)) {
            item.put("balanceBefore", before);
            item.put("balanceAfter", after);
        }
    }
    Ok(())
}

fn key(object: &Object) -> Key {
    let text = |column: &str| object.text(column).unwrap_or_default().to_owned();
    (text("chain"), text("address"), text("parent_id"))
}

fn place(object: &Object) -> Place {
    (
        object.text("transfer_id").unwrap_or_default().to_owned(),
        object.int("place").unwrap_or(0),
    )
}

fn walk(
    tx: &mut Tx<'_, '_>,
    key: &Key,
    shown: &[&Object],
    left: &mut usize,
    known: &mut HashMap<Place, (Quantity, Quantity)>,
) -> Result<()> {
    let mut positions: Vec<&str> = shown
        .iter()
        .filter_map(|object| object.text("position"))
        .collect();
    positions.sort_unstable();
    let (Some(first), Some(last)) = (positions.first(), positions.last()) else {
        return Ok(());
    };
    let limit = u32::try_from(*left).unwrap_or(u32::MAX);
    let changes = balance::changes_from(tx, key, first, limit)?;
    *left = left.saturating_sub(changes.len());
    if changes.len() < limit as usize {
        let mut after = now(tx, key)?;
        for change in changes {
            let before = after.clone() + &signed(&change).negated();
            known.insert((change.0, change.1), (before.clone(), after));
            after = before;
        }
        return Ok(());
    }
    let limit = u32::try_from(*left).unwrap_or(u32::MAX);
    let changes = balance::changes_to(tx, key, last, limit)?;
    *left = left.saturating_sub(changes.len());
    if changes.len() < limit as usize {
        let mut before = Quantity::zero();
        for change in changes {
            let after = before.clone() + &signed(&change);
            known.insert((change.0, change.1), (before, after.clone()));
            before = after;
        }
    }
    Ok(())
}

fn now(tx: &mut Tx<'_, '_>, key: &Key) -> Result<Quantity> {
    let found = balance::of(tx, std::slice::from_ref(key))?;
    Ok(found
        .into_iter()
        .next()
        .map(|(.., quantity)| quantity)
        .unwrap_or_default())
}

fn signed(change: &Change) -> Quantity {
    if change.2 < 0 {
        change.3.negated()
    } else {
        change.3.clone()
    }
}
