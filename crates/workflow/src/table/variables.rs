//! Table `variable_set`.

use super::task::version;
use crate::Result;
use crate::variables::{StoredSet, VariableSet};
use store::{Row, RowReader, Tx};
use types::{Page, VariableSetId};

/// By id or name.
pub(crate) fn find(tx: &mut Tx<'_, '_>, name_or_id: &str) -> Result<Option<StoredSet>> {
    let row: Option<Row> = tx.row(
        "SELECT id, name, classification, description, created_at, updated_at, version, encrypted
           FROM variable_set WHERE namespace = ?ns AND (id = ?1 OR name = ?1)",
        (name_or_id,),
    )?;
    row.map(stored_set).transpose()
}

pub(crate) fn list(tx: &mut Tx<'_, '_>, page: &Page) -> Result<Vec<StoredSet>> {
    let rows: Vec<Row> = tx.rows(
        "SELECT id, name, classification, description, created_at, updated_at, version, encrypted
           FROM variable_set WHERE namespace = ?ns ORDER BY name LIMIT ?1 OFFSET ?2",
        (page.limit, page.skip),
    )?;
    rows.into_iter().map(stored_set).collect()
}

/// Number of variable sets in the namespace.
pub(crate) fn count(tx: &mut Tx<'_, '_>) -> Result<i64> {
    let row: Option<(i64,)> = tx.row(
        "SELECT COUNT(*) FROM variable_set WHERE namespace = ?ns",
        (),
    )?;
    Ok(row.map_or(0, |(count,)| count))
}

/// Inserts or updates a set. Returns false if it changed concurrently.
pub(crate) fn put(tx: &mut Tx<'_, '_>, stored: &StoredSet) -> Result<bool> {
    let StoredSet { set, ciphertext } = stored;
    let changed = tx.execute(
        "INSERT INTO variable_set (namespace, id, name, classification, description, encrypted, created_at, updated_at, version)
         VALUES (?ns, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (namespace, id) DO UPDATE SET name = ?2, classification = ?3, description = ?4, encrypted = ?5, updated_at = ?7,
                version = ?8
          WHERE variable_set.version = ?8 - 1",
        (
            set.id,
            &set.name,
            &set.classification,
            &set.description,
            ciphertext,
            set.created,
            set.updated,
            version(set.version),
        ),
    )?;
    Ok(changed == 1)
}

pub(crate) fn delete(tx: &mut Tx<'_, '_>, id: VariableSetId) -> Result<()> {
    tx.execute(
        "DELETE FROM variable_set WHERE namespace = ?ns AND id = ?1",
        (id,),
    )?;
    Ok(())
}

/// The name of a task that refers to this set.
pub(crate) fn task_of(tx: &mut Tx<'_, '_>, set: &VariableSet) -> Result<Option<String>> {
    let rows: Vec<(String,)> = tx.rows(
        "SELECT name FROM task WHERE namespace = ?ns AND (variable_set = ?1 OR variable_set = ?2) ORDER BY name LIMIT 1",
        (set.id.to_string(), &set.name),
    )?;
    Ok(rows.into_iter().next().map(|(name,)| name))
}

fn stored_set(row: Row) -> Result<StoredSet> {
    let mut columns = RowReader::new(row);
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
    Ok(StoredSet {
        set,
        ciphertext: columns.take()?,
    })
}
