//! The assets of contracts.

use crate::table::token::{Row, pools};
use crate::{Data, Result};
use std::collections::BTreeMap;
use store::Tx;
use types::{ChainId, Json, Namespace, Unit};

/// The asset of a contract's pools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenAsset {
    pub name: String,
    /// The decimal places of its default unit, or of its only one.
    pub decimals: Option<u8>,
}

/// The assets of contracts, by address in canonical form. A contract without a pool, or whose pools
/// do not all have the same asset, is left out.
pub async fn token_assets(
    data: &Data,
    namespace: &Namespace,
    chain: &ChainId,
    addresses: &[String],
) -> Result<BTreeMap<String, TokenAsset>> {
    if addresses.is_empty() {
        return Ok(BTreeMap::new());
    }
    let args = (*chain, addresses.to_vec());
    let read = |tx: &mut Tx, (chain, addresses): &(ChainId, Vec<String>)| {
        Ok::<_, crate::Error>(pools(tx, chain, addresses)?)
    };
    let rows = data.db().read_with(namespace, args, read).await?;
    let mut by_contract: BTreeMap<String, Vec<Option<TokenAsset>>> = BTreeMap::new();
    for row in rows {
        let (address, asset) = asset_of(row);
        by_contract.entry(address).or_default().push(asset);
    }
    let only = |(address, mut assets): (String, Vec<Option<TokenAsset>>)| {
        assets.dedup();
        match assets.as_mut_slice() {
            [only] => only.take().map(|asset| (address, asset)),
            _ => None,
        }
    };
    Ok(by_contract.into_iter().filter_map(only).collect())
}

fn asset_of(row: Row) -> (String, Option<TokenAsset>) {
    let decimals = row.units.as_ref().and_then(decimals);
    let asset = row.asset.map(|name| TokenAsset { name, decimals });
    (row.address, asset)
}

fn decimals(units: &Json) -> Option<u8> {
    let units: Vec<Unit> = serde_json::from_str(units.as_str()).ok()?;
    let default = units.iter().find(|unit| unit.default);
    match (default, units.as_slice()) {
        (Some(unit), _) | (None, [unit]) => Some(unit.decimals),
        _ => None,
    }
}
