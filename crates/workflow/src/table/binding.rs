//! Table `binding`.

use super::task::version;
use crate::Result;
use crate::binding::Binding;
use store::{Row, RowReader, Tx};
use types::{BindingId, Page};

/// By id or name.
pub(crate) fn find(tx: &mut Tx<'_, '_>, name_or_id: &str) -> Result<Option<Binding>> {
    let row: Option<Row> = tx.row(
        "SELECT id, name, description, chain, contract, signer, interface, created_at, updated_at, version
           FROM binding WHERE namespace = ?ns AND (id = ?1 OR name = ?1)",
        (name_or_id,),
    )?;
    row.map(binding).transpose()
}

pub(crate) fn list(tx: &mut Tx<'_, '_>, page: &Page) -> Result<Vec<Binding>> {
    let rows: Vec<Row> = tx.rows(
        "SELECT id, name, description, chain, contract, signer, interface, created_at, updated_at, version
           FROM binding WHERE namespace = ?ns ORDER BY name LIMIT ?1 OFFSET ?2",
        (page.limit, page.skip),
    )?;
    rows.into_iter().map(binding).collect()
}

/// Number of bindings in the namespace.
pub(crate) fn count(tx: &mut Tx<'_, '_>) -> Result<i64> {
    let row: Option<(i64,)> = tx.row("SELECT COUNT(*) FROM binding WHERE namespace = ?ns", ())?;
    Ok(row.map_or(0, |(count,)| count))
}

/// Inserts or updates a binding. Returns false if it changed concurrently.
pub(crate) fn put(tx: &mut Tx<'_, '_>, binding: &Binding) -> Result<bool> {
    let changed = tx.execute(
        "INSERT INTO binding (namespace, id, name, description, chain, contract, signer, interface, created_at, updated_at, version)
         VALUES (?ns, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (namespace, id) DO UPDATE SET name = ?2, description = ?3, chain = ?4, contract = ?5, signer = ?6, interface = ?7,
                updated_at = ?9, version = ?10
          WHERE binding.version = ?10 - 1",
        (
            binding.id,
            &binding.name,
            &binding.description,
            &binding.chain,
            &binding.contract,
            &binding.signer,
            &binding.abi,
            binding.created,
            binding.updated,
            version(binding.version),
        ),
    )?;
    Ok(changed == 1)
}

pub(crate) fn delete(tx: &mut Tx<'_, '_>, id: BindingId) -> Result<()> {
    tx.execute(
        "DELETE FROM binding WHERE namespace = ?ns AND id = ?1",
        (id,),
    )?;
    Ok(())
}

fn binding(row: Row) -> Result<Binding> {
    let mut columns = RowReader::new(row);
    Ok(Binding {
        id: columns.take()?,
        name: columns.take()?,
        description: columns.take()?,
        chain: columns.take()?,
        contract: columns.take()?,
        signer: columns.take()?,
        abi: columns.take()?,
        created: columns.take()?,
        updated: columns.take()?,
        version: u64::try_from(columns.take::<i64>()?).unwrap_or(0),
    })
}
