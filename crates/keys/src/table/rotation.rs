//! Rotations of the data key.

use crate::{Result, Rotation};
use store::{Record as _, UnscopedTable as _, UnscopedTx};

/// The latest rotation.
pub(crate) fn last(tx: &mut UnscopedTx<'_, '_>) -> Result<Option<Rotation>> {
    Ok(tx.row(&Rotation::select("ORDER BY version DESC LIMIT 1"), ())?)
}

/// Insert a new rotation.
pub(crate) fn insert(tx: &mut UnscopedTx<'_, '_>, begun: &Rotation) -> Result<()> {
    Rotation::insert_unscoped(tx, std::slice::from_ref(begun), "")?;
    Ok(())
}

/// Update the progress of a rotation.
pub(crate) fn update(tx: &mut UnscopedTx<'_, '_>, rotation: &Rotation) -> Result<()> {
    rotation.update_unscoped(tx)?;
    Ok(())
}
