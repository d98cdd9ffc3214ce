//! The pending part of balances: changes in blocks above the chain's final height.
//!
//! It is computed per page from at most [`MAX_PENDING`] pending transfers, and unknown if there are
//! more.

use crate::balance::signed;
use crate::object::{Object, is_null_address};
use crate::table::balance::BalanceKey;
use crate::update::first_position;
use crate::view::{FinalHeights, View};
use crate::{Result, table};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use store::Tx;
use types::Quantity;

/// Pending transfers that one page of balances may read.
const MAX_PENDING: u32 = 50_000;

/// Add `balanceFinal` to each balance, and `belowZero` to negative ones.
pub(crate) fn add_final_balances(
    tx: &mut Tx,
    final_heights: &FinalHeights,
    objects: &[Object],
    items: &mut [View],
) -> Result<()> {
    let keys: Vec<BalanceKey> = objects.iter().map(BalanceKey::of).collect();
    let pending = Pending::load(tx, final_heights, &keys)?;
    for ((object, key), item) in objects.iter().zip(&keys).zip(items) {
        let quantity = object.quantity("quantity").unwrap_or_default();
        if let Some(pending) = pending.of(key) {
            item.put("balanceFinal", &(pending.negated() + &quantity));
        }
        if quantity.is_negative() {
            item.put("belowZero", &true);
        }
    }
    Ok(())
}

/// The pending part of balances.
pub(crate) struct Pending {
    net: HashMap<BalanceKey, Quantity>,
    /// Chains with more pending transfers than the limit.
    over_limit: Vec<String>,
}

impl Pending {
    pub(crate) fn load<'k>(
        tx: &mut Tx,
        final_heights: &FinalHeights,
        balances: impl IntoIterator<Item = &'k BalanceKey>,
    ) -> Result<Self> {
        let mut by_chain: BTreeMap<&str, BTreeSet<(&String, &String)>> = BTreeMap::new();
        for key in balances {
            let of_chain = by_chain.entry(&key.chain).or_default();
            of_chain.insert((&key.address, &key.parent_id));
        }
        let mut pending = Self {
            net: HashMap::new(),
            over_limit: Vec::new(),
        };
        for (chain, balances) in by_chain {
            let above = final_heights.of(chain).map_or(-1, types::Height::stored);
            let balances: Vec<(&String, &String)> = balances.into_iter().collect();
            pending.add(tx, (chain, above), &balances)?;
        }
        Ok(pending)
    }

    fn add(
        &mut self,
        tx: &mut Tx,
        (chain, above): (&str, i64),
        balances: &[(&String, &String)],
    ) -> Result<()> {
        use table::balance::{derived_above, explicit_above};
        let limit = MAX_PENDING + 1;
        let scope = (chain, above);
        let from = first_position(types::Height::from_stored(above + 1));
        // Derived changes never touch the null address, so only explicit changes are read for it.
        let derived: Vec<(&String, &String)> = (balances.iter().copied())
            .filter(|(address, _)| !is_null_address(address))
            .collect();
        let outgoing = derived_above(tx, "from_address", scope, &from, limit, &derived)?;
        let incoming = derived_above(tx, "to_address", scope, &from, limit, &derived)?;
        let addresses: BTreeSet<&String> = balances.iter().map(|(address, _)| *address).collect();
        let addresses: Vec<&String> = addresses.into_iter().collect();
        let explicit = explicit_above(tx, scope, limit, &addresses)?;
        if outgoing.len() + incoming.len() + explicit.len() > MAX_PENDING as usize {
            self.over_limit.push(chain.to_owned());
            return Ok(());
        }
        let outgoing = (outgoing.into_iter())
            .map(|(address, parent_id, amount)| (address, parent_id, amount.negated()));
        let explicit = explicit.into_iter().map(|change| {
            let amount = signed(change.direction, change.amount);
            (change.address, change.parent_id, amount)
        });
        for (address, parent_id, amount) in outgoing.chain(incoming).chain(explicit) {
            let key = BalanceKey {
                chain: chain.to_owned(),
                address,
                parent_id,
            };
            *self.net.entry(key).or_default() += &amount;
        }
        Ok(())
    }

    pub(crate) fn of(&self, key: &BalanceKey) -> Option<Quantity> {
        let is_known = !self.over_limit.contains(&key.chain);
        is_known.then(|| self.net.get(key).cloned().unwrap_or_default())
    }
}
