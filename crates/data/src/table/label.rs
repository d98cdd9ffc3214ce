//! Labels, copied out of the objects so that they can be filtered.

use store::{Result, ScopedTable as _, ToValue, Tx, list};

#[derive(store::Record)]
#[record(table = "label", write)]
pub(crate) struct Label<'a> {
    #[record(column = "type")]
    pub(crate) kind: &'static str,
    pub(crate) object_id: &'a str,
    pub(crate) key: String,
    pub(crate) value: String,
}

/// Delete the labels of objects.
pub(crate) fn delete(tx: &mut Tx, kind: &str, ids: &[impl ToValue]) -> Result<()> {
    tx.execute_rows(
        "WITH n(namespace, id) AS ({ns_rows})
         DELETE FROM label WHERE (namespace, type, object_id) IN (SELECT n.namespace, ?1, n.id FROM n)",
        (kind,),
        &list(ids),
    )?;
    Ok(())
}

/// Insert labels.
pub(crate) fn insert(tx: &mut Tx, rows: &[Label<'_>]) -> Result<()> {
    Label::insert(tx, rows, "")?;
    Ok(())
}
