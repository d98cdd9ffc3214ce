//! Blocks of all branches.

use chain::BlockRef;
use std::collections::BTreeSet;
use store::{Result, UnscopedTable as _, UnscopedTx};
use types::{Block, ChainId, Height, Time};

/// A block as it is inserted.
#[derive(store::Record)]
#[record(table = "block", global, write)]
struct Row<'b> {
    #[record(key)]
    chain: ChainId,
    #[record(key)]
    hash: &'b str,
    height: Height,
    parent: &'b str,
    time: Time,
    event_count: u64,
    inclusion_count: u64,
    #[record(update)]
    canonical: bool,
}

impl<'b> Row<'b> {
    fn of(block: &'b Block) -> Self {
        Self {
            chain: block.chain,
            hash: &block.hash,
            height: block.height,
            parent: &block.parent,
            time: block.time,
            event_count: block.events.len() as u64,
            inclusion_count: block.inclusions.len() as u64,
            canonical: true,
        }
    }
}

/// A block without its contents.
#[derive(store::Record)]
struct Header {
    height: Height,
    hash: String,
    parent: String,
    time: Time,
}

/// Stores blocks as canonical. A block stored before becomes canonical again.
pub(crate) fn insert(tx: &mut UnscopedTx, blocks: &[&Block]) -> Result<()> {
    let rows: Vec<Row<'_>> = blocks.iter().map(|block| Row::of(block)).collect();
    Row::upsert_unscoped(tx, &rows).map(drop)
}

/// Updates the number of stored events and inclusions of a block.
pub(crate) fn set_counts(
    tx: &mut UnscopedTx,
    block: &Block,
    events: u64,
    inclusions: u64,
) -> Result<()> {
    tx.execute(
        "UPDATE block SET event_count = ?3, inclusion_count = ?4 WHERE chain = ?1 AND hash = ?2",
        (block.chain, &block.hash, events, inclusions),
    )?;
    Ok(())
}

/// The hashes of those blocks that are already stored, canonical or not.
pub(crate) fn known(
    tx: &mut UnscopedTx,
    chain: &ChainId,
    blocks: &[&Block],
) -> Result<BTreeSet<String>> {
    let hashes: Vec<&str> = blocks.iter().map(|block| block.hash.as_str()).collect();
    let known: Vec<(String,)> = tx.query_rows(
        "SELECT hash FROM block WHERE chain = ?1 AND hash IN ({rows})",
        (chain,),
        &store::list(&hashes),
    )?;
    Ok(known.into_iter().map(|(hash,)| hash).collect())
}

/// Whether all of these blocks are canonical.
pub(crate) fn are_canonical(tx: &mut UnscopedTx, chain: &ChainId, blocks: &[&str]) -> Result<bool> {
    let canonical: Vec<(String,)> = tx.query_rows(
        "SELECT hash FROM block WHERE chain = ?1 AND canonical = 1 AND hash IN ({rows})",
        (chain,),
        &store::list(blocks),
    )?;
    Ok(canonical.len() == blocks.len())
}

/// The height of the block with this hash; none if it is not canonical.
pub(crate) fn canonical_height(
    tx: &mut UnscopedTx,
    chain: &ChainId,
    hash: &str,
) -> Result<Option<Height>> {
    tx.value(
        "SELECT height FROM block WHERE chain = ?1 AND hash = ?2 AND canonical = 1",
        (chain, hash),
    )
}

/// The hash of the canonical block at a height.
pub fn block_at(tx: &mut UnscopedTx, chain: &ChainId, height: Height) -> Result<Option<String>> {
    tx.value(
        "SELECT hash FROM block WHERE chain = ?1 AND height = ?2 AND canonical = 1",
        (chain, height),
    )
}

/// Canonical blocks from a height on, oldest first.
pub(crate) fn from_height(
    tx: &mut UnscopedTx,
    chain: &ChainId,
    from: Height,
    limit: u32,
) -> Result<Vec<BlockRef>> {
    let headers: Vec<Header> = tx.rows(
        "SELECT height, hash, parent, time FROM block
          WHERE chain = ?1 AND height >= ?2 AND canonical = 1 ORDER BY height LIMIT ?3",
        (chain, from, limit),
    )?;
    Ok(headers.into_iter().map(BlockRef::from).collect())
}

impl From<Header> for BlockRef {
    fn from(
        Header {
            height,
            hash,
            parent,
            time,
        }: Header,
    ) -> Self {
        Self {
            height,
            hash,
            parent,
            time,
        }
    }
}

/// Marks blocks, events and inclusions from a height on as reverted.
pub(crate) fn revert_from(tx: &mut UnscopedTx, chain: &ChainId, first: Height) -> Result<()> {
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
