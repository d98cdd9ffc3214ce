//! The assets of contracts, by their pools.

use store::{Result, Tx};
use types::{ChainId, Json};

/// A pool of a contract, and its asset if it has one.
#[derive(store::Record)]
pub(crate) struct Row {
    pub(crate) address: String,
    pub(crate) asset: Option<String>,
    pub(crate) units: Option<Json>,
}

/// The pools of contracts that no reorganization has removed.
pub(crate) fn pools(tx: &mut Tx, chain: &ChainId, addresses: &[String]) -> Result<Vec<Row>> {
    tx.query_rows(
        "SELECT p.address, a.name AS asset, a.units FROM pool p
           LEFT JOIN asset a ON a.namespace = p.namespace AND a.id = p.asset_id
          WHERE p.namespace = ?ns AND p.chain = ?1 AND p.reverted = 0 AND p.address IN ({rows})
          ORDER BY p.address, p.name",
        (chain,),
        &store::list(addresses),
    )
}
