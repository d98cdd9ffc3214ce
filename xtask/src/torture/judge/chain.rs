//! The chain itself: transfers, balances and nonces, asked of the node.

use crate::stage::judge::{Transfer, nonce, same, tokens, transfers};
use crate::torture::load::Order;
use crate::torture::setup::PURSE;
use crate::torture::world::World;
use std::collections::BTreeMap;

/// What the setting up signed by the first signer: the deployment, and a mint for each signer.
pub(super) fn set_up_by_first(world: &World) -> u128 {
    1 + world.signers.len() as u128
}

/// Transfers of the orders, as the chain has them now.
fn ordered(world: &World) -> Result<Vec<Transfer>, String> {
    let all = world
        .miner
        .paused(|node| transfers(node, &world.town.token))?;
    Ok(all
        .into_iter()
        .filter(|transfer| world.signers.contains(&transfer.from))
        .collect())
}

/// No order was done twice, and nothing was done that nobody ordered.
pub(super) fn nothing_twice(world: &World) -> Result<(), String> {
    at_most_once(&world.orders, &ordered(world)?)
}

fn at_most_once(orders: &[Order], transfers: &[Transfer]) -> Result<(), String> {
    let orders: BTreeMap<&str, &Order> = orders
        .iter()
        .map(|order| (order.to.as_str(), order))
        .collect();
    let mut seen = BTreeMap::new();
    for transfer in transfers {
        let order = orders
            .get(transfer.to.as_str())
            .ok_or_else(|| format!("nobody ordered {transfer:?}"))?;
        if (&order.signer, order.amount) != (&transfer.from, transfer.amount) {
            return Err(format!("{} was ordered otherwise: {transfer:?}", order.key));
        }
        if let Some(before) = seen.insert(&transfer.to, transfer) {
            return Err(format!("TWICE: {}: {before:?} and {transfer:?}", order.key));
        }
    }
    Ok(())
}

/// Every order was done: one transfer, the balance, and no transaction of a signer beside them.
pub(super) fn nothing_lost(world: &mut World) -> Result<(), String> {
    let found = ordered(world)?;
    for order in &world.orders {
        same(
            &format!("transfers of {}", order.key),
            found.iter().filter(|one| one.to == order.to).count(),
            1,
        )?;
        same(
            &format!("tokens of {}", order.to),
            tokens(&world.node, &world.town.token, &order.to)?,
            order.amount,
        )?;
    }
    for (place, signer) in world.signers.iter().enumerate() {
        let own: Vec<u128> = world
            .orders
            .iter()
            .filter(|order| order.signer == *signer)
            .map(|order| order.amount)
            .collect();
        let set_up = if place == 0 {
            set_up_by_first(world)
        } else {
            0
        };
        same(
            &format!("nonce of {signer}"),
            nonce(&world.node, signer)?,
            set_up + own.len() as u128,
        )?;
        let left = PURSE - own.iter().sum::<u128>();
        same(
            &format!("tokens of {signer}"),
            tokens(&world.node, &world.town.token, signer)?,
            left,
        )?;
    }
    world.figures.transfers = found.len() as u64;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::torture::load::{Kind, Town};

    #[test]
    fn a_transfer_is_ordered_and_done_once() {
        let town = Town {
            apis: Vec::new(),
            token: "0x1".to_owned(),
            abi: serde_json::Value::Null,
        };
        let order = Order::new(&town, Kind::Submission, 7, "0xa");
        let done = Transfer {
            from: "0xa".to_owned(),
            to: order.to.clone(),
            amount: order.amount,
            transaction: "0x2".to_owned(),
            block: "0x3".to_owned(),
        };
        let orders = [order];
        at_most_once(&orders, &[]).unwrap();
        at_most_once(&orders, std::slice::from_ref(&done)).unwrap();
        assert!(
            at_most_once(&orders, &[done.clone(), done.clone()])
                .unwrap_err()
                .contains("TWICE")
        );
        assert!(
            at_most_once(&[], std::slice::from_ref(&done))
                .unwrap_err()
                .contains("nobody ordered")
        );
        let other = Transfer { amount: 1, ..done };
        assert!(
            at_most_once(&orders, &[other])
                .unwrap_err()
                .contains("otherwise")
        );
    }
}
