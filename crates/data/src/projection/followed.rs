//! Which pools and NFTs the projection writes, and what callers wrote there.

use super::observed::MAIN;
use crate::object::Object;
use crate::table::pool::Contract;
use crate::{Type, facts, table};
use std::collections::{BTreeSet, HashMap};
use store::{Fact, Result, Tx};
use types::ChainId;

/// Stored pools or NFTs, by contract and the projection's name.
pub(super) type Followed = HashMap<(String, String), Object>;

/// Find the stored pools or NFTs for contracts and the projection's names: the one that the
/// projection writes, else the only pool of the contract, else the one with the name.
pub(super) fn find(
    tx: &mut Tx,
    kind: Type,
    chain: &ChainId,
    keys: &[(&str, &str)],
) -> Result<Followed> {
    let mut found = Followed::new();
    if kind == Type::Pool {
        let owned = |(contract, name): &(&str, &str)| {
            (
                chain.to_string(),
                (*contract).to_owned(),
                (*name).to_owned(),
            )
        };
        let wanted: Vec<_> = keys.iter().map(owned).collect();
        for pool in table::pool::projected(tx, &wanted)? {
            let key = (pool.owned_text("address"), pool.owned_text("projected_as"));
            found.insert(key, pool);
        }
        add_only_pools(tx, chain, keys, &mut found)?;
    }
    let missing: Vec<Vec<String>> = missing(keys, &found)
        .map(|(contract, name)| vec![chain.to_string(), contract.to_owned(), name.to_owned()])
        .collect();
    for object in table::object::by_keys(tx, kind.schema(), &missing)? {
        let key = (object.owned_text("address"), object.name().to_owned());
        found.insert(key, object);
    }
    Ok(found)
}

fn missing<'k>(
    keys: &'k [(&'k str, &'k str)],
    found: &'k Followed,
) -> impl Iterator<Item = (&'k str, &'k str)> {
    let keys = keys.iter().copied();
    keys.filter(|(contract, name)| {
        !found.contains_key(&((*contract).to_owned(), (*name).to_owned()))
    })
}

/// A contract with one pool uses it, whatever its name: it may belong to an asset already.
fn add_only_pools(
    tx: &mut Tx,
    chain: &ChainId,
    keys: &[(&str, &str)],
    found: &mut Followed,
) -> Result<()> {
    let without_pool: Vec<Contract> = missing(keys, found)
        .filter(|(_, name)| *name == MAIN)
        .map(|(contract, _)| Contract {
            chain: chain.to_string(),
            address: contract.to_owned(),
        })
        .collect();
    let only = table::pool::only_pools(tx, &without_pool)?;
    for pool in table::object::by_ids(tx, Type::Pool.schema(), &only)? {
        found.insert((pool.owned_text("address"), MAIN.to_owned()), pool);
    }
    Ok(())
}

/// The projection writes these pools or NFTs of callers from now on: what callers wrote into them
/// stands apart.
pub(super) fn adopt(tx: &mut Tx, kind: Type, adopted: &[Object]) -> Result<()> {
    if adopted.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = adopted.iter().map(Object::id).collect();
    table::pool::set_transfers_apart(tx, &ids)?;
    let current = table::object::by_ids(tx, kind.schema(), &ids)?;
    facts::updated(tx, &current);
    Ok(())
}

/// The other pools at the contracts of these pools belong to callers, and stand apart.
pub(super) fn set_others_apart(tx: &mut Tx, chain: &ChainId, pools: &[Object]) -> Result<()> {
    let contracts = pools.iter().filter_map(|pool| pool.text("address"));
    let contracts: BTreeSet<&str> = contracts.collect();
    let contracts: Vec<&str> = contracts.into_iter().collect();
    for (pool, version) in table::pool::set_apart(tx, chain, &contracts)? {
        let version = u64::try_from(version).unwrap_or(0);
        let payload = serde_json::json!({ "pool": pool });
        tx.append(
            Fact::new("data.pool.set_apart", 1)
                .subject(&pool, version)
                .payload(&payload),
        );
    }
    Ok(())
}
