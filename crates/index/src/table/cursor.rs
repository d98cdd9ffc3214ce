//! The cursor of each chain: how far it is indexed and final.

use crate::read::Status;
use crate::state::Tip;
use store::{FromRow as _, Result, Row, UnscopedTx};
use types::{ChainId, Height};

/// The cursor of a chain, if it exists.
pub(crate) fn get(tx: &mut UnscopedTx<'_, '_>, chain: &ChainId) -> Result<Option<Status>> {
    let row: Option<Row> = tx.row(
        "SELECT head_height, head_hash, final_height, final_hash, first_height, halted, rewind_to, version
           FROM chain_cursor WHERE chain = ?1",
        (chain,),
    )?;
    type Columns = (
        Option<Height>,
        Option<String>,
        Option<Height>,
        Option<String>,
        Height,
        Option<String>,
        Option<Height>,
        i64,
    );
    let tip = |height: Option<Height>, hash: Option<String>| {
        height.zip(hash).map(|(height, hash)| Tip { height, hash })
    };
    row.map(|row| {
        let (height, hash, final_height, final_hash, first, halted, rewind_to, version) =
            Columns::from_row(row)?;
        let (head, finalized) = (tip(height, hash), tip(final_height, final_hash));
        Ok(Status {
            chain: *chain,
            head,
            finalized,
            first,
            halted,
            rewind_to,
            version,
        })
    })
    .transpose()
}

/// Writes the cursor of a chain. Returns false if it was changed since it was read.
pub(crate) fn put(tx: &mut UnscopedTx<'_, '_>, status: &Status) -> Result<bool> {
    let changed = tx.execute(
        "INSERT INTO chain_cursor (chain, head_height, head_hash, final_height, final_hash, first_height, halted, rewind_to, version)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 + 1)
         ON CONFLICT (chain) DO UPDATE SET head_height = ?2, head_hash = ?3, final_height = ?4, final_hash = ?5,
                halted = ?7, rewind_to = ?8, version = chain_cursor.version + 1
          WHERE chain_cursor.version = ?9",
        (
            &status.chain,
            status.head.as_ref().map(|tip| tip.height),
            status.head.as_ref().map(|tip| &tip.hash),
            status.finalized.as_ref().map(|tip| tip.height),
            status.finalized.as_ref().map(|tip| &tip.hash),
            status.first,
            &status.halted,
            status.rewind_to,
            status.version,
        ),
    )?;
    Ok(changed == 1)
}
