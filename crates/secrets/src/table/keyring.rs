//! The keyring's generation: the number of its changes.

use crate::Result;
use store::{Tx, UnscopedTable as _, UnscopedTx};

/// The name of the keyring of an installation.
pub(crate) const NAME: &str = "keys";

#[derive(store::Record)]
#[record(table = "keyring", global, write)]
struct NewKeyring {
    name: &'static str,
    generation: i64,
}

/// Insert a keyring that has not changed yet; false if there is one.
pub(crate) fn insert(tx: &mut UnscopedTx) -> Result<bool> {
    let new = NewKeyring {
        name: NAME,
        generation: 0,
    };
    Ok(NewKeyring::insert_unscoped(tx, &[new], "ON CONFLICT DO NOTHING")? == 1)
}

/// The number of changes of the keyring: rotations, and changes of the master key. A cache of
/// decrypted values that compares it is emptied by each of them, in any process.
pub fn generation(tx: &mut Tx) -> Result<i64> {
    let sql = "SELECT generation FROM keyring WHERE name = ?1 AND ?ns <> ''";
    Ok(tx.value(sql, (NAME,))?.unwrap_or(0))
}

/// As [`generation`], to change the keyring.
pub(crate) fn generation_to_change(tx: &mut UnscopedTx) -> Result<i64> {
    let sql = "SELECT generation FROM keyring WHERE name = ?1";
    Ok(tx.value(sql, (NAME,))?.unwrap_or(0))
}

/// Increase the generation; false if the keyring changed since it was read.
pub(crate) fn bump(tx: &mut UnscopedTx, expected: i64) -> Result<bool> {
    let changed = tx.execute(
        "UPDATE keyring SET generation = generation + 1 WHERE name = ?1 AND generation = ?2",
        (NAME, expected),
    )?;
    Ok(changed == 1)
}
