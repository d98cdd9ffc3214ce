//! Variable sets.

use super::task::version;
use crate::Result;
use crate::variables::{Sealed, VariableSet};
use store::{Columns, Row, Tx};
use types::{Page, VariableSetId};

/// A set by its id or name.
pub(crate) fn find(tx: &mut Tx<'_, '_>, name_or_id: &str) -> Result<Option<Sealed>> {
    let row: Option<Row> = tx.row(
        "SELECT id, name, classification, description, created_at, updated_at, version, sealed
           FROM variable_set WHERE namespace = ?ns AND (id = ?1 OR name = ?1)",
        (name_or_id,),
    )?;
    row.map(sealed).transpose()
}

/// Sets by name.
pub(crate) fn list(tx: &mut Tx<'_, '_>, page: &Page) -> Result<Vec<Sealed>> {
    let rows: Vec<Row> = tx.rows(
        "SELECT id, name, classification, description, created_at, updated_at, version, sealed
           FROM variable_set WHERE namespace = ?ns ORDER BY name LIMIT ?1 OFFSET ?2",
        (page.limit, page.skip),
    )?;
    rows.into_iter().map(sealed).collect()
}

/// How many sets the namespace has.
pub(crate) fn count(tx: &mut Tx<'_, '_>) -> Result<i64> {
    let row: Option<(i64,)> = tx.row(
        "SELECT COUNT(*) FROM variable_set WHERE namespace = ?ns",
        (),
    )?;
    Ok(row.map_or(0, |(count,)| count))
}

/// A new set, or a changed one; false if somebody else changed it.
pub(crate) fn put(tx: &mut Tx<'_, '_>, sealed: &Sealed) -> Result<bool> {
    let Sealed { set, bytes } = sealed;
    let changed = tx.execute(
        "INSERT INTO variable_set (namespace, id, name, classification, description, sealed, created_at, updated_at, version)
         VALUES (?ns, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (namespace, id) DO UPDATE SET name = ?2, classification = ?3, description = ?4, sealed = ?5, updated_at = ?7,
                version = ?8
          WHERE variable_set.version = ?8 - 1",
        (
            set.id,
            &set.name,
            &set.classification,
            &set.description,
            bytes,
            set.created,
            set.updated,
            version(set.version),
        ),
    )?;
    Ok(changed == 1)
}

/// Remove a set.
pub(crate) fn delete(tx: &mut Tx<'_, '_>, id: VariableSetId) -> Result<()> {
    tx.execute(
        "DELETE FROM variable_set WHERE namespace = ?ns AND id = ?1",
        (id,),
    )?;
    Ok(())
}

/// A task that names this set.
pub(crate) fn task_of(tx: &mut Tx<'_, '_>, set: &VariableSet) -> Result<Option<String>> {
    let rows: Vec<(String,)> = tx.rows(
        "SELECT name FROM task WHERE namespace = ?ns AND (variable_set = ?1 OR variable_set = ?2) ORDER BY name LIMIT 1",
        (set.id.to_string(), &set.name),
    )?;
    Ok(rows.into_iter().next().map(|(name,)| name))
}

fn sealed(row: Row) -> Result<Sealed> {
    let mut columns = Columns::of(row);
    let set = VariableSet {
        id: columns.take()?,
        name: columns.take()?,
        classification: columns.take()?,
        description: columns.take()?,
        variables: None,
        created: columns.take()?,
        updated: columns.take()?,
        version: u64::try_from(columns.take::<i64>()?).unwrap_or(0),
    };
    Ok(Sealed {
        set,
        bytes: columns.take()?,
    })
}
