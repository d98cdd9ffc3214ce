//! Labels, copied out of the objects so that they can be filtered.

use store::{Result, Tx};

/// Delete the labels of objects.
pub(crate) fn delete(tx: &mut Tx<'_, '_>, kind: &str, ids: &[(String,)]) -> Result<()> {
    tx.execute_rows(
        "WITH n(namespace, id) AS ({ns_rows})
         DELETE FROM label WHERE (namespace, type, object_id) IN (SELECT n.namespace, ?1, n.id FROM n)",
        (kind,),
        ids,
    )?;
    Ok(())
}

/// Insert labels: type, object, key, value.
pub(crate) fn insert(tx: &mut Tx<'_, '_>, rows: &[(&str, &str, String, String)]) -> Result<()> {
    tx.execute_rows(
        "INSERT INTO label (namespace, type, object_id, key, value) {ns_rows}",
        (),
        rows,
    )?;
    Ok(())
}
