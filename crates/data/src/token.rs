//! The assets of contracts.

use crate::table::token::pools;
use crate::{Data, Result};
use std::collections::BTreeMap;
use store::Tx;
use types::{ChainId, Namespace};

/// The names of the assets of contracts, by address in canonical form: those of all pools of the
/// contract, in the order of the names.
pub async fn token_assets(
    data: &Data,
    namespace: &Namespace,
    chain: &ChainId,
    addresses: &[String],
) -> Result<BTreeMap<String, Vec<String>>> {
    if addresses.is_empty() {
        return Ok(BTreeMap::new());
    }
    let args = (*chain, addresses.to_vec());
    let read = |tx: &mut Tx, (chain, addresses): &(ChainId, Vec<String>)| {
        Ok::<_, crate::Error>(pools(tx, chain, addresses)?)
    };
    let mut assets: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in data.db().read_with(namespace, args, read).await? {
        assets.entry(row.address).or_default().push(row.asset);
    }
    Ok(assets)
}
