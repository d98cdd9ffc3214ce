//! Checks transfers, balances and nonces on the chain.

use crate::harness::judge::{Transfer, expect_eq, nonce, tokens, transfers};
use crate::torture::load::Order;
use crate::torture::setup::INITIAL_BALANCE;
use crate::torture::world::World;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;

/// Transactions of the first signer during setup: the deployment, and a mint for each signer.
pub(super) fn setup_transactions(world: &World) -> u128 {
    1 + world.signers.len() as u128
}

/// Transfers by the signers on the current chain.
fn ordered(world: &World) -> Result<Vec<Transfer>> {
    let all = world
        .miner
        .paused(|node| transfers(node, &world.target.token))?;
    Ok(all
        .into_iter()
        .filter(|transfer| world.signers.contains(&transfer.from))
        .collect())
}

/// No order has two transfers, and every transfer was ordered.
pub(super) fn nothing_twice(world: &World) -> Result<()> {
    at_most_once(&world.orders, &ordered(world)?)
}

fn at_most_once(orders: &[Order], transfers: &[Transfer]) -> Result<()> {
    let orders: BTreeMap<&str, &Order> = orders
        .iter()
        .map(|order| (order.to.as_str(), order))
        .collect();
    let mut seen = BTreeMap::new();
    for transfer in transfers {
        let order = orders
            .get(transfer.to.as_str())
            .with_context(|| format!("{transfer:?} was not ordered"))?;
        if (&order.signer, order.amount) != (&transfer.from, transfer.amount) {
            bail!("{} was ordered with other values: {transfer:?}", order.key);
        }
        if let Some(before) = seen.insert(&transfer.to, transfer) {
            bail!("TWICE: {}: {before:?} and {transfer:?}", order.key);
        }
    }
    Ok(())
}

/// Every order has one transfer and its balance, and the signers have no other transactions.
pub(super) fn nothing_lost(world: &mut World) -> Result<()> {
    let transfers = ordered(world)?;
    for order in &world.orders {
        expect_eq(
            &format!("transfers of {}", order.key),
            transfers
                .iter()
                .filter(|transfer| transfer.to == order.to)
                .count(),
            1,
        )?;
        expect_eq(
            &format!("tokens of {}", order.to),
            tokens(&world.node, &world.target.token, &order.to)?,
            order.amount,
        )?;
    }
    for (index, signer) in world.signers.iter().enumerate() {
        let amounts: Vec<u128> = world
            .orders
            .iter()
            .filter(|order| order.signer == *signer)
            .map(|order| order.amount)
            .collect();
        let setup = if index == 0 {
            setup_transactions(world)
        } else {
            0
        };
        expect_eq(
            &format!("nonce of {signer}"),
            nonce(&world.node, signer)?,
            setup + amounts.len() as u128,
        )?;
        let remaining = INITIAL_BALANCE - amounts.iter().sum::<u128>();
        expect_eq(
            &format!("tokens of {signer}"),
            tokens(&world.node, &world.target.token, signer)?,
            remaining,
        )?;
    }
    world.counts.transfers = transfers.len() as u64;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::torture::load::{Kind, Target};

    #[test]
    fn each_order_has_at_most_one_transfer() {
        let target = Target {
            apis: Vec::new(),
            token: "0x1".to_owned(),
            abi: serde_json::Value::Null,
        };
        let order = Order::new(&target, Kind::Submission, 7, "0xa");
        let transfer = Transfer {
            from: "0xa".to_owned(),
            to: order.to.clone(),
            amount: order.amount,
            transaction: "0x2".to_owned(),
            block: "0x3".to_owned(),
        };
        let orders = [order];
        at_most_once(&orders, &[]).unwrap();
        at_most_once(&orders, std::slice::from_ref(&transfer)).unwrap();
        assert!(
            at_most_once(&orders, &[transfer.clone(), transfer.clone()])
                .unwrap_err()
                .to_string()
                .contains("TWICE")
        );
        assert!(
            at_most_once(&[], std::slice::from_ref(&transfer))
                .unwrap_err()
                .to_string()
                .contains("was not ordered")
        );
        let other = Transfer {
            amount: 1,
            ..transfer
        };
        assert!(
            at_most_once(&orders, &[other])
                .unwrap_err()
                .to_string()
                .contains("other values")
        );
    }
}
