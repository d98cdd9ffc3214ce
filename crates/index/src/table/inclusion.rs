//! Transactions of watched signers, one row per used replay key.

use super::{insert_missing_sql, insert_rows, with_ingest_id};
use std::collections::{BTreeMap, BTreeSet};
use store::{Record as _, Result, ToValue as _, UnscopedTx, Value};
use types::{Amount, Block, ChainId, ExecutionStatus, Height, Inclusion, ReplayKey};

/// The use of one replay key by a transaction of a watched signer.
#[derive(Debug, Clone, PartialEq, Eq, store::Record)]
#[record(table = "chain_inclusion", global)]
pub struct StoredInclusion {
    pub replay_key: ReplayKey,
    /// The transaction hash.
    #[record(column = "tx_id")]
    pub transaction: String,
    pub signer: String,
    pub block_hash: String,
    pub height: Height,
    pub status: ExecutionStatus,
    /// The fee paid, in the chain's base unit.
    pub fee: Amount,
    /// The contract that the transaction deployed.
    pub created_contract: Option<String>,
    /// Whether its block is no longer canonical.
    pub reverted: bool,
}

/// The immutable columns, in the order in which the fact's root covers them.
pub(crate) const COLUMNS: [&str; 10] = [
    "chain",
    "replay_key",
    "block_hash",
    "tx_id",
    "signer",
    "height",
    "tx_index",
    "status",
    "fee",
    "created_contract",
];

/// The rows of a block's watched transactions, ordered by replay key, as inserted and as covered by
/// the block's fact.
pub(crate) fn rows(block: &Block) -> Vec<Vec<Value<'_>>> {
    let each = block.inclusions.iter().flat_map(|inclusion| {
        inclusion
            .replay_keys
            .iter()
            .map(move |replay_key| (replay_key, inclusion))
    });
    let sorted: BTreeMap<&ReplayKey, &Inclusion> = each.collect();
    sorted
        .into_iter()
        .map(|(replay_key, inclusion)| row(block, replay_key, inclusion))
        .collect()
}

fn row<'b>(
    block: &'b Block,
    replay_key: &'b ReplayKey,
    inclusion: &'b Inclusion,
) -> Vec<Value<'b>> {
    vec![
        block.chain.to_value(),
        replay_key.to_value(),
        block.hash.to_value(),
        inclusion.transaction.to_value(),
        inclusion.signer.to_value(),
        block.height.to_value(),
        inclusion.index.to_value(),
        inclusion.status.to_value(),
        inclusion.fee.to_value(),
        inclusion.created.to_value(),
    ]
}

/// Stores inclusions with their block.
pub(crate) fn insert(tx: &mut UnscopedTx, rows: &[Vec<Value<'_>>]) -> Result<()> {
    insert_rows(tx, "chain_inclusion", &COLUMNS, rows)
}

/// Unmarks the inclusions of a block that is canonical again.
pub(crate) fn revive(tx: &mut UnscopedTx, block: &Block) -> Result<u64> {
    tx.execute(
        "UPDATE chain_inclusion SET reverted = 0 WHERE chain = ?1 AND block_hash = ?2",
        (block.chain, &block.hash),
    )
}

/// Stores inclusions whose signer was not watched yet when their block was ingested. Returns the
/// replay keys of the added rows.
pub(crate) fn insert_missing(
    tx: &mut UnscopedTx,
    rows: &[Vec<Value<'_>>],
    ingest_id: &str,
) -> Result<BTreeSet<ReplayKey>> {
    let sql = insert_missing_sql("chain_inclusion", &COLUMNS, "replay_key");
    let added: Vec<(ReplayKey,)> = tx.query_rows(&sql, (), &with_ingest_id(rows, ingest_id))?;
    Ok(added.into_iter().map(|(replay_key,)| replay_key).collect())
}

/// The transactions of watched signers in a block. Includes reverted blocks.
pub fn inclusions_in_block(
    tx: &mut UnscopedTx,
    chain: &ChainId,
    block_hash: &str,
) -> Result<Vec<StoredInclusion>> {
    let sql = StoredInclusion::select(
        "WHERE chain = ?1 AND block_hash = ?2 ORDER BY tx_index, replay_key",
    );
    tx.rows(&sql, (chain, block_hash))
}

/// The canonical transactions of watched signers above one height, up to and including another, in
/// chain order: those that became final with a move of the watermark.
pub fn inclusions_between(
    tx: &mut UnscopedTx,
    chain: &ChainId,
    above: Option<Height>,
    through: Height,
) -> Result<Vec<StoredInclusion>> {
    let sql = StoredInclusion::select(
        "WHERE chain = ?1 AND reverted = 0 AND height > ?2 AND height <= ?3 ORDER BY height, tx_index, replay_key",
    );
    let above = above.map_or(-1, Height::stored);
    tx.rows(&sql, (chain, above, through))
}
