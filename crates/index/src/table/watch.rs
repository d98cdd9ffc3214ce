//! Watched signers, sources and topics.

use store::{Result, Tx, UnscopedTx};
use types::ChainId;

/// Watched kinds and values of a chain, over all namespaces, after a kind and value. Uses index
/// `chain_watch_chain`.
pub(crate) fn of_chain(
    tx: &mut UnscopedTx<'_, '_>,
    chain: &ChainId,
    (kind, value): (&str, &str),
    limit: u32,
) -> Result<Vec<(String, String)>> {
    tx.rows(
        "SELECT DISTINCT kind, value FROM chain_watch WHERE chain = ?1 AND (kind, value) > (?2, ?3) ORDER BY kind, value LIMIT ?4",
        (chain, kind, value, limit),
    )
}

/// Adds watched values for the namespace.
pub(crate) fn insert(
    tx: &mut Tx<'_, '_>,
    chain: &ChainId,
    kind: &str,
    values: &[String],
) -> Result<u64> {
    let now = tx.now();
    let rows: Vec<_> = values
        .iter()
        .map(|value| (chain, kind, value, now))
        .collect();
    tx.execute_rows(
        "INSERT INTO chain_watch (namespace, chain, kind, value, since) {ns_rows} ON CONFLICT DO NOTHING",
        (),
        &rows,
    )
}
