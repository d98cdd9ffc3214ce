//! How often what is asked in a namespace has changed.

use store::{Result, Tx};

/// The count now; 0 before the first change.
pub(crate) fn get(tx: &mut Tx<'_, '_>) -> Result<i64> {
    let row: Option<(i64,)> = tx.row(
        "SELECT version FROM policy_standing WHERE namespace = ?ns",
        (),
    )?;
    Ok(row.map_or(0, |(version,)| version))
}

/// The count now, shared: whoever changes it waits until this transaction has ended; where somebody
/// has changed it since this one began, this one runs again. A reading alone would not do: it could
/// be of before a change, and be committed after it.
pub(crate) fn share(tx: &mut Tx<'_, '_>) -> Result<i64> {
    let row: Option<(i64,)> = tx.row(
        "SELECT version FROM policy_standing WHERE namespace = ?ns {share}",
        (),
    )?;
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
