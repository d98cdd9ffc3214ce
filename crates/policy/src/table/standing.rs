//! How often what is asked in a namespace has changed.

use store::{Result, Tx};

/// The count now; 0 before the first change.
pub(crate) fn get(tx: &mut Tx<'_, '_>) -> Result<i64> {
    let row: Option<(i64,)> = tx.row("SELECT version FROM policy_standing WHERE namespace = ?ns", ())?;
    Ok(row.map_or(0, |(version,)| version))
}

/// One change more.
pub(crate) fn changed(tx: &mut Tx<'_, '_>) -> Result<u64> {
    tx.execute(
        "INSERT INTO policy_standing (namespace, version) VALUES (?ns, 1)
             ON CONFLICT (namespace) DO UPDATE SET version = policy_standing.version + 1",
        (),
    )
}
