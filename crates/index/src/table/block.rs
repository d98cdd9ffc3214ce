//! Blocks of all branches.

use chain::BlockRef;
use store::{Result, UnscopedTx};
use types::{Block, ChainId, Height, Time};

/// Stores blocks as canonical. A block stored before becomes canonical again.
pub(crate) fn insert(tx: &mut UnscopedTx<'_, '_>, blocks: &[&Block]) -> Result<()> {
    let rows: Vec<_> = blocks
        .iter()
        .map(|block| {
            let (events, inclusions) = (block.events.len() as i64, block.inclusions.len() as i64);
            (
                &block.chain,
                &block.hash,
                block.height,
                &block.parent,
                block.time,
                events,
                inclusions,
                true,
            )
        })
        .collect();
    tx.execute_rows(
        "INSERT INTO block (chain, hash, height, parent, time, event_count, inclusion_count, canonical) {rows}
         ON CONFLICT (chain, hash) DO UPDATE SET canonical = 1",
        (),
        &rows,
    )?;
    Ok(())
}

/// Updates the number of stored events and inclusions of a block.
pub(crate) fn set_counts(
    tx: &mut UnscopedTx<'_, '_>,
    chain: &ChainId,
    hash: &str,
    events: u64,
    inclusions: u64,
) -> Result<()> {
    let (events, inclusions) = (events.cast_signed(), inclusions.cast_signed());
    tx.execute(
        "UPDATE block SET event_count = ?3, inclusion_count = ?4 WHERE chain = ?1 AND hash = ?2",
        (chain, hash, events, inclusions),
    )?;
    Ok(())
}

/// The hashes of those blocks that are already stored, canonical or not.
pub(crate) fn known(
    tx: &mut UnscopedTx<'_, '_>,
    chain: &ChainId,
    blocks: &[&Block],
) -> Result<std::collections::BTreeSet<String>> {
    let rows: Vec<(&String,)> = blocks.iter().map(|block| (&block.hash,)).collect();
    let known: Vec<(String,)> = tx.query_rows(
        "SELECT hash FROM block WHERE chain = ?1 AND hash IN ({rows})",
        (chain,),
        &rows,
    )?;
    Ok(known.into_iter().map(|(hash,)| hash).collect())
}

/// The height of the block with this hash; none if it is not canonical.
pub(crate) fn canonical_height(
    tx: &mut UnscopedTx<'_, '_>,
    chain: &ChainId,
    hash: &str,
) -> Result<Option<Height>> {
    let row: Option<(Height,)> = tx.row(
        "SELECT height FROM block WHERE chain = ?1 AND hash = ?2 AND canonical = 1",
        (chain, hash),
    )?;
    Ok(row.map(|(height,)| height))
}

/// The hash of the canonical block at a height.
pub(crate) fn canonical_hash(
    tx: &mut UnscopedTx<'_, '_>,
    chain: &ChainId,
    height: Height,
) -> Result<Option<String>> {
    let row: Option<(String,)> = tx.row(
        "SELECT hash FROM block WHERE chain = ?1 AND height = ?2 AND canonical = 1",
        (chain, height),
    )?;
    Ok(row.map(|(hash,)| hash))
}

/// Canonical blocks from a height on, oldest first.
pub(crate) fn from_height(
    tx: &mut UnscopedTx<'_, '_>,
    chain: &ChainId,
    from: Height,
    limit: u32,
) -> Result<Vec<BlockRef>> {
    let rows: Vec<(Height, String, String, Time)> = tx.rows(
        "SELECT height, hash, parent, time FROM block
          WHERE chain = ?1 AND height >= ?2 AND canonical = 1 ORDER BY height LIMIT ?3",
        (chain, from, limit),
    )?;
    Ok(rows
        .into_iter()
        .map(|(height, hash, parent, time)| BlockRef {
            height,
            hash,
            parent,
            time,
        })
        .collect())
}

/// Marks blocks, events and inclusions from a height on as reverted.
pub(crate) fn revert_from(
    tx: &mut UnscopedTx<'_, '_>,
    chain: &ChainId,
    first: Height,
) -> Result<()> {
    tx.execute(
        "UPDATE block SET canonical = 0 WHERE chain = ?1 AND height >= ?2 AND canonical = 1",
        (chain, first),
    )?;
    tx.execute(
        "UPDATE chain_event SET reverted = 1 WHERE chain = ?1 AND height >= ?2 AND reverted = 0",
        (chain, first),
    )?;
    tx.execute(
        "UPDATE chain_inclusion SET reverted = 1 WHERE chain = ?1 AND height >= ?2 AND reverted = 0",
        (chain, first),
    )?;
    Ok(())
}
