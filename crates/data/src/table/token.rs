//! The assets of contracts, by their pools.

use store::{Result, Tx};
use types::ChainId;

/// A contract, and the asset of one of its pools.
#[derive(store::Record)]
pub(crate) struct Row {
    pub(crate) address: String,
    pub(crate) asset: String,
}

/// The contracts whose pools have an asset and that no reorganization has removed.
pub(crate) fn pools(tx: &mut Tx, chain: &ChainId, addresses: &[String]) -> Result<Vec<Row>> {
    tx.query_rows(
        "SELECT DISTINCT p.address, a.name AS asset FROM pool p
           JOIN asset a ON a.namespace = p.namespace AND a.id = p.asset_id
          WHERE p.namespace = ?ns AND p.chain = ?1 AND p.reverted = 0 AND p.address IN ({rows})
          ORDER BY p.address, asset",
        (chain,),
        &store::list(addresses),
    )
}
